//! Stages that read the fields inside of a text: `spath`, `xmlkv`, `extract`, `fromjson`.

use super::stream::carried;
use super::{Operator, Pushed, passed};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::unpack::{Found, TextPath, WantedFields, unpack};
use crate::exec::{Cell, Context, Row};
use crate::ir::{TextForm, Unpack};
use crate::plan::{RowSchema, Step};

/// Memory of what is read of a text, for each of its bytes: `[[],[],…` takes most.
const BYTES_PER_BYTE: usize = 16;

/// See the module.
pub(super) struct UnpackOperator<'c> {
    from: Vec<Slot>,
    source: Slot,
    form: TextForm,
    wanted: WantedFields,
    columns: Vec<usize>,
    context: &'c Context,
}

impl<'c> UnpackOperator<'c> {
    pub(super) fn new(unpack: &Unpack, before: &RowSchema, step: &Step, context: &'c Context) -> Self {
        let (wanted, columns) = match &unpack.path {
            Some(path) => {
                let column = step.row.place(unpack.output.as_ref().unwrap_or(path));
                (WantedFields::Path(TextPath::new(path)), column.into_iter().collect())
            }
            None => {
                let named = unpack.columns.iter().filter_map(|name| Some((name.strip_prefix(&unpack.prefix)?, step.row.place(name)?)));
                let (names, columns): (Vec<&str>, Vec<usize>) = named.unzip();
                (WantedFields::Names((0..).zip(names).map(|(place, name)| (Box::from(name), place)).collect()), columns)
            }
        };
        Self { from: step.from.clone(), source: before.place(&unpack.field), form: unpack.form.clone(), wanted, columns, context }
    }
}

impl Operator for UnpackOperator<'_> {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        let texts = self.source.map_or_else(Vec::new, |place| row.cells[place].members());
        let mut cells = carried(&self.from, row.cells);
        if self.columns.is_empty() {
            return passed(Row { cells, ..row });
        }
        let mut found = Found(vec![Vec::new(); self.columns.len()]);
        for text in &texts {
            self.context.room_for(text.len().saturating_mul(BYTES_PER_BYTE))?;
            unpack(text, &self.form, &self.wanted, &mut found);
        }
        for (column, values) in self.columns.iter().zip(found.0) {
            if !values.is_empty() {
                cells[*column] = self.context.made(Cell::list_of(values))?;
            }
        }
        passed(Row { cells, ..row })
    }
}
