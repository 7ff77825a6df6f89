//! `lookup`: columns of the rows of a table whose keys fit.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::stream::copied;
use super::table_index::TableIndex;
use super::{Operator, Pushed, passed};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::{Cell, Context, Fault, Row};
use crate::ir;
use crate::plan::{RowSchema, Step};

/// Answers that are kept: events say the same few things again and again.
const KEPT_ANSWERS: usize = 4_096;
/// Longest key, in bytes, whose answer is kept. With it the kept answers have 1 MB at most.
const KEPT_KEY_BYTES: usize = 256;

/// `lookup`.
pub(super) struct LookupOperator<'c> {
    table: Arc<ir::Table>,
    /// The columns of its keys.
    columns: Vec<usize>,
    /// Made when the first row asks: in most windows no row comes this far.
    index: Option<Rc<TableIndex>>,
    context: &'c Context,
    keys: Vec<Slot>,
    /// Column of the table → column of the rows.
    outputs: Vec<(usize, usize)>,
    only_new: bool,
    from: Vec<Slot>,
    /// Rows of the table that fit, by the texts of the keys.
    known: FxHashMap<Box<[Arc<str>]>, Arc<[u32]>>,
}

impl<'c> LookupOperator<'c> {
    pub(super) fn new(lookup: &ir::Lookup, before: &RowSchema, step: &Step, context: &'c Context) -> Self {
        let column = |name: &String| lookup.table.columns.iter().position(|column| column == name);
        let outputs = lookup.outputs.iter().filter_map(|(name, field)| Some((column(name)?, step.row.place(field)?))).collect();
        Self {
            table: lookup.table.clone(),
            columns: lookup.keys.iter().filter_map(|(name, _)| column(name)).collect(),
            index: None,
            context,
            keys: lookup.keys.iter().map(|(_, field)| before.place(field)).collect(),
            outputs,
            only_new: lookup.only_new,
            from: step.from.clone(),
            known: FxHashMap::default(),
        }
    }

    /// The rows of the table that fit one text for each key, in the order of the file.
    fn answer(&mut self, key: &[Arc<str>], budget: &mut MemoryBudget) -> Result<Arc<[u32]>, Fault> {
        if let Some(known) = self.known.get(key) {
            return Ok(known.clone());
        }
        let index = match &mut self.index {
            Some(index) => index,
            none => none.insert(self.context.tables.borrow_mut().index(&self.table, &self.columns, budget)?),
        };
        let found: Arc<[u32]> = index.find(key).into();
        if key.iter().map(|text| text.len()).sum::<usize>() <= KEPT_KEY_BYTES {
            // All go at once: what is used is soon back.
            if self.known.len() >= KEPT_ANSWERS {
                self.known.clear();
            }
            self.known.insert(key.into(), found.clone());
        }
        Ok(found)
    }

    /// What the outputs get for the keys of a row; none where nothing fits and no default takes its place.
    fn found(&mut self, keys: &[Vec<Arc<str>>], budget: &mut MemoryBudget) -> Result<Option<Vec<Vec<Arc<str>>>>, Fault> {
        let (least, table) = (usize::try_from(self.table.min_matches).unwrap_or(usize::MAX), self.table.clone());
        let mut out: Vec<Vec<Arc<str>>> = vec![Vec::new(); self.outputs.len()];
        let (mut any, mut bytes) = (false, 0);
        let mut places = vec![0; keys.len()];
        loop {
            let key: Vec<Arc<str>> = keys.iter().zip(&places).map(|(members, place)| members[*place].clone()).collect();
            let rows = self.answer(&key, budget)?;
            any |= !rows.is_empty();
            for (values, (column, _)) in out.iter_mut().zip(&self.outputs) {
                // A missing value of a row that fits is missing: no default takes its place.
                let cells = rows.iter().map(|row| &table.rows[*row as usize][*column]).filter(|text| !text.is_empty());
                let before = values.len();
                values.extend(cells.cloned());
                if let Some(text) = &table.default_match {
                    any |= rows.len() < least;
                    values.extend(std::iter::repeat_n(Arc::from(text.as_str()), least.saturating_sub(rows.len())));
                }
                bytes += values[before..].iter().map(|text| text.len() + size_of::<Arc<str>>()).sum::<usize>();
            }
            // Members of several lists multiply: what they give is counted while it grows.
            budget.take(bytes)?;
            budget.give(bytes);
            if !next_places(&mut places, keys) {
                break;
            }
        }
        Ok(any.then_some(out))
    }
}

/// Goes on to the next combination of members, the last key first; false behind the last one.
fn next_places(places: &mut [usize], keys: &[Vec<Arc<str>>]) -> bool {
    for (place, members) in places.iter_mut().zip(keys).rev() {
        *place += 1;
        if *place < members.len() {
            return true;
        }
        *place = 0;
    }
    false
}

impl Operator for LookupOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let keys: Vec<Vec<Arc<str>>> =
            self.keys.iter().map(|slot| slot.map_or_else(Vec::new, |place| row.cells[place].members())).collect();
        let mut cells: Vec<Cell> = copied(&self.from, &row.cells);
        let is_there = || self.outputs.iter().any(|(_, place)| !cells[*place].is_null());
        let is_asked = keys.iter().all(|members| !members.is_empty()) && !(self.only_new && is_there());
        if is_asked && let Some(found) = self.found(&keys, budget)? {
            for ((_, place), values) in self.outputs.iter().zip(found) {
                cells[*place] = Cell::list_of(values);
            }
        }
        passed(Row { cells, origin: row.origin })
    }
}
