//! Stages as operators: one file for those that keep rows, one for those that do not.

mod group;
mod keep;
mod stream;

use std::ops::ControlFlow;

use super::pipeline::Budget;
use super::{Context, Fault, Row};
use crate::ir::Stage;
use crate::plan::{RowSchema, Step};

/// A stage at work.
pub(super) trait Operator {
    /// Takes a row, and gives one back where the stage has no need to keep it. Break: it wants no more rows.
    fn push(&mut self, row: Row, budget: &mut Budget) -> Result<(Option<Row>, ControlFlow<()>), Fault>;

    /// Ends the input: the rows that were kept, in order, each still counted in the budget.
    fn finish(&mut self, _budget: &mut Budget) -> Result<Vec<Row>, Fault> {
        Ok(Vec::new())
    }
}

/// What most operators answer: here is the row, go on.
fn passed(row: Row) -> Result<(Option<Row>, ControlFlow<()>), Fault> {
    Ok((Some(row), ControlFlow::Continue(())))
}

/// What an operator answers that keeps or drops the row.
fn held() -> Result<(Option<Row>, ControlFlow<()>), Fault> {
    Ok((None, ControlFlow::Continue(())))
}

/// Makes the operator of a stage.
pub(super) fn operator<'c>(step: &Step, before: &RowSchema, context: &'c Context) -> Result<Box<dyn Operator + 'c>, Fault> {
    Ok(match &step.stage {
        Stage::Filter(condition) => Box::new(stream::Filter::new(condition, before, context)?),
        Stage::Eval(assignments) => Box::new(stream::Eval::new(assignments, step, context)),
        Stage::Stats(stats) => Box::new(group::Stats::new(stats, before, step, context)),
        Stage::EventStats(stats) => Box::new(group::EventStats::new(stats, before, step, context)),
        Stage::Rename(_) | Stage::Keep(_) | Stage::Drop(_) => Box::new(stream::Carry::new(step)),
        Stage::Sort { keys, limit } => Box::new(keep::Sort::new(keys, *limit, before)),
        Stage::Head(count) => Box::new(stream::Head::new(*count)),
        Stage::Dedup { count, fields } => Box::new(keep::Dedup::new(*count, fields, before)),
        Stage::FormatTime { fields, format } => Box::new(stream::FormatTime::new(fields, format, step)),
        Stage::FillNull { fields, value } if fields.is_empty() => Box::new(keep::FillAll::new(value, before)),
        Stage::FillNull { fields, value } => Box::new(stream::FillNull::new(fields, value, step)),
        Stage::Bin { field, span, alias } => Box::new(stream::Bin::new(field, *span, alias.as_ref(), before, step)),
    })
}
