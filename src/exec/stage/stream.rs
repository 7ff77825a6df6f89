//! Stages that work on one row at a time.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Operator, Out, Pushed, held, passed};
use crate::exec::condition::{Slot, placed};
use crate::exec::operators::MemoryBudget;
use crate::exec::{Cell, Condition, Context, Fault, Row, evaluate, time};
use crate::ir::{Pred, Scalar};
use crate::plan::{RowSchema, Step};

/// The cells of a row under the columns that a stage leaves.
pub(super) fn carried(from: &[Slot], mut cells: Vec<Cell>) -> Vec<Cell> {
    // Moved and not copied: a row's texts are the bulk of it. No place is carried twice.
    from.iter().map(|place| place.map_or(Cell::Null, |place| std::mem::replace(&mut cells[place], Cell::Null))).collect()
}

/// The same of a row that is needed again.
pub(super) fn copied(from: &[Slot], cells: &[Cell]) -> Vec<Cell> {
    from.iter().map(|place| place.map_or(Cell::Null, |place| cells[place].clone())).collect()
}

/// `search`, `where`, `regex`.
pub(super) struct FilterOperator<'c> {
    condition: Condition,
    context: &'c Context,
}

impl<'c> FilterOperator<'c> {
    pub(super) fn new(condition: &Pred, before: &RowSchema, context: &'c Context) -> Result<Self, Fault> {
        Ok(Self { condition: Condition::new(condition, before, context)?, context })
    }
}

impl Operator for FilterOperator<'_> {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        if self.condition.holds(&row.cells, self.context)? { passed(row) } else { held() }
    }
}

/// `eval`: from left to right, a later assignment sees the earlier ones.
pub(super) struct EvalOperator<'c> {
    from: Vec<Slot>,
    assignments: Vec<(usize, Scalar<Slot>)>,
    context: &'c Context,
}

impl<'c> EvalOperator<'c> {
    pub(super) fn new(assignments: &[(String, Scalar)], step: &Step, context: &'c Context) -> Self {
        let assigned = assignments.iter().filter_map(|(name, value)| Some((step.row.place(name)?, placed(value, &step.row))));
        Self { from: step.from.clone(), assignments: assigned.collect(), context }
    }
}

impl Operator for EvalOperator<'_> {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        let mut cells = carried(&self.from, row.cells);
        for (place, value) in &self.assignments {
            cells[*place] = evaluate(value, &cells.as_slice(), self.context)?;
        }
        passed(Row { cells, ..row })
    }
}

/// `rename`, `fields`, `table`: the schema says which cell goes where.
pub(super) struct CarryOperator {
    from: Vec<Slot>,
}

impl CarryOperator {
    pub(super) fn new(step: &Step) -> Self {
        Self { from: step.from.clone() }
    }
}

impl Operator for CarryOperator {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        passed(Row { cells: carried(&self.from, row.cells), origin: row.origin })
    }
}

/// `head`.
pub(super) struct HeadOperator {
    left: u64,
}

impl HeadOperator {
    pub(super) fn new(count: u64) -> Self {
        Self { left: count }
    }
}

impl Operator for HeadOperator {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        let Some(left) = self.left.checked_sub(1) else { return Ok((Out::Nothing, ControlFlow::Break(()))) };
        self.left = left;
        // Told with the last row and not with the one after it: the events behind it need not be read at all.
        Ok((Out::One(row), if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }))
    }
}

/// `convert ctime`: what is not a number stays.
pub(super) struct FormatTimeOperator {
    places: Vec<usize>,
    format: String,
}

impl FormatTimeOperator {
    pub(super) fn new(fields: &[String], format: &str, step: &Step) -> Self {
        Self { places: fields.iter().filter_map(|name| step.row.place(name)).collect(), format: format.to_owned() }
    }
}

impl Operator for FormatTimeOperator {
    fn push(&mut self, mut row: Row, _: &mut MemoryBudget) -> Pushed {
        for place in &self.places {
            let cell = &mut row.cells[*place];
            if let Some(text) = cell.number().and_then(|seconds| time::strftime(seconds, &self.format)) {
                *cell = Cell::text_of(text);
            }
        }
        passed(row)
    }
}

/// `fillnull` of named fields; one that is not there is made.
pub(super) struct FillNullOperator {
    from: Vec<Slot>,
    places: Vec<usize>,
    value: Arc<str>,
}

impl FillNullOperator {
    pub(super) fn new(fields: &[String], value: &str, step: &Step) -> Self {
        let places = fields.iter().filter_map(|name| step.row.place(name)).collect();
        Self { from: step.from.clone(), places, value: value.into() }
    }
}

impl Operator for FillNullOperator {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        let mut cells = carried(&self.from, row.cells);
        for place in &self.places {
            if cells[*place].is_null() {
                cells[*place] = Cell::Text(self.value.clone());
            }
        }
        passed(Row { cells, ..row })
    }
}

/// `bin`: what is not a number stays.
pub(super) struct BinOperator {
    from: Vec<Slot>,
    source: Slot,
    target: usize,
    span: f64,
}

impl BinOperator {
    pub(super) fn new(field: &str, span: f64, alias: Option<&String>, before: &RowSchema, step: &Step) -> Self {
        let target = step.row.place(alias.map_or(field, String::as_str)).expect("the schema has the target of `bin`");
        Self { from: step.from.clone(), source: before.place(field), target, span }
    }
}

impl Operator for BinOperator {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        let number = self.source.and_then(|place| row.cells[place].number());
        // The number first: where the result goes in place, carrying over takes the cell away.
        let mut cells = carried(&self.from, row.cells);
        if let Some(number) = number {
            // `floor` and not `trunc`: a time before 1970 belongs to the bin below it.
            cells[self.target] = Cell::number_of((number / self.span).floor() * self.span);
        }
        passed(Row { cells, ..row })
    }
}
