//! Rows newest first, for a stage that means them so whatever came before it.

use super::{Operator, Pushed, held};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::{Context, Fault, Row};
use crate::ir::{SortBy, SortKey, Stage};
use crate::plan::{Kind, RowSchema, TIME};

/// Keeps rows, puts them in the order of their time and passes them on to a stage; rows without a time come last.
pub(super) struct NewestFirstOperator<'c> {
    inner: Box<dyn Operator + 'c>,
    time: Slot,
    rows: Vec<Row>,
    context: &'c Context,
}

impl<'c> NewestFirstOperator<'c> {
    pub(super) fn new(inner: Box<dyn Operator + 'c>, before: &RowSchema, context: &'c Context) -> Self {
        Self { inner, time: before.place(TIME), rows: Vec::new(), context }
    }
}

impl Operator for NewestFirstOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        budget.take(row.size_bytes())?;
        self.rows.push(row);
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let time = |row: &Row| self.time.and_then(|place| row.cells[place].number());
        self.rows.sort_by(|a, b| match (time(a), time(b)) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        for row in std::mem::take(&mut self.rows) {
            budget.give(row.size_bytes());
            self.context.begin_row(budget.limits());
            // `transaction` gives its rows at the end.
            let _ = self.inner.push(row, budget)?;
        }
        self.inner.finish(budget)
    }
}

/// Whether the rows that a pipeline is fed come newest first. Those of a lookup table do not, and their times are texts.
pub(in crate::exec) fn starts_newest_first(first: &RowSchema) -> bool {
    first.column(TIME).is_some_and(|time| time.kind == Kind::Number)
}

/// Whether rows are newest first behind a stage. To say no of some that are costs memory and no result, so only what stands in front of
/// `transaction` in real searches is looked at.
pub(in crate::exec) fn stays_newest_first(is_before: bool, stage: &Stage) -> bool {
    match stage {
        Stage::Filter(_) | Stage::Keep(_) | Stage::Drop(_) | Stage::Head(_) | Stage::HeadWhile(_) | Stage::Dedup(_) => is_before,
        Stage::Eval(assignments) => is_before && assignments.iter().all(|(name, _)| name != TIME),
        // A pattern leaves names alone that begin with `_`.
        Stage::Rename(renames) => is_before && renames.iter().all(|rename| !rename.from.starts_with('_') && !rename.to.starts_with('_')),
        Stage::Sort { keys, .. } => {
            let by_time = |key: &SortKey| key.field == TIME && key.descending && matches!(key.by, SortBy::Auto | SortBy::Number);
            // Descending puts rows without a time first; only stages before the sort can have made such rows.
            is_before && keys.first().is_some_and(by_time)
        }
        _ => false,
    }
}
