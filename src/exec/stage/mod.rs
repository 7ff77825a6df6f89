//! Stages as operators: one file for those that keep rows, one for those that do not.

mod combine;
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
    /// Takes a row, and gives rows back where the stage has no need to keep it. Break: it wants no more rows.
    fn push(&mut self, row: Row, budget: &mut Budget) -> Pushed;

    /// Ends the input: the rows that were kept, in order, each still counted in the budget.
    fn finish(&mut self, _budget: &mut Budget) -> Result<Vec<Row>, Fault> {
        Ok(Vec::new())
    }
}

/// What a stage made of a row, and whether it wants more.
pub(super) type Pushed = Result<(Out, ControlFlow<()>), Fault>;

/// What a stage made of a row.
pub(super) enum Out {
    /// Nothing, or nothing yet.
    Nothing,
    /// A row.
    One(Row),
    /// Several, in order.
    Many(Vec<Row>),
}

/// What most operators answer: here is the row, go on.
fn passed(row: Row) -> Pushed {
    Ok((Out::One(row), ControlFlow::Continue(())))
}

/// What an operator answers that keeps or drops the row.
fn held() -> Pushed {
    Ok((Out::Nothing, ControlFlow::Continue(())))
}

/// What an operator answers that makes several rows of one.
fn many(rows: Vec<Row>) -> Pushed {
    Ok((Out::Many(rows), ControlFlow::Continue(())))
}

/// Where the rows of inner queries come from: those of the stages' brackets, in the order of [`crate::plan::inner_plans`].
pub(super) type InnerRows<'r> = dyn Iterator<Item = Vec<Row>> + 'r;

/// Makes the operator of a stage.
pub(super) fn operator<'c>(
    step: &Step,
    before: &RowSchema,
    context: &'c Context,
    inner: &mut InnerRows<'_>,
    budget: &mut Budget,
) -> Result<Box<dyn Operator + 'c>, Fault> {
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
        Stage::Join(join) => Box::new(combine::Join::new(join, before, step, inner.next().unwrap_or_default(), budget)?),
        Stage::Append(_) => Box::new(combine::Append::new(step, inner.next().unwrap_or_default(), budget)?),
        Stage::AppendPipe(_) => Box::new(combine::AppendPipe::new(step, before, context, inner, budget)?),
        stage => return Err(Fault::Unbuilt { stage: crate::ir::print_stage(stage) }),
    })
}
