//! Stages as operators: one file for those that keep rows, one for those that do not.

mod chart;
mod combine;
mod convert;
mod format;
mod frequent;
mod group;
mod keep;
mod list;
mod lookup;
mod map;
mod newest;
mod order;
mod running;
mod stream;
mod table_index;
mod text;
mod totals;
mod transaction;
mod unpack;

use std::ops::ControlFlow;

use super::operators::MemoryBudget;
use super::{Context, Fault, Row};
use crate::ir::Stage;
use crate::plan::{RowSchema, Step};
pub(super) use table_index::TableIndexes;

/// A stage at work.
pub(super) trait Operator {
    /// Takes a row, and gives rows back where the stage has no need to keep it. Break: it wants no more rows.
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed;

    /// Ends the input: the rows that were kept, in order, each still counted in the budget.
    fn finish(&mut self, _budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
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

pub(super) use newest::{starts_newest_first, stays_newest_first};

/// Makes the operator of a stage; `newest_first` says whether its rows surely come so.
pub(super) fn operator_of<'c>(
    step: &Step,
    before: &RowSchema,
    newest_first: bool,
    context: &'c Context,
    inner: &mut InnerRows<'_>,
    budget: &mut MemoryBudget,
) -> Result<Box<dyn Operator + 'c>, Fault> {
    let made = operator(step, before, context, inner, budget)?;
    let is_sorted = newest_first || !matches!(step.stage, Stage::Transaction(_));
    Ok(if is_sorted { made } else { Box::new(newest::NewestFirstOperator::new(made, before, context)) })
}

fn operator<'c>(
    step: &Step,
    before: &RowSchema,
    context: &'c Context,
    inner: &mut InnerRows<'_>,
    budget: &mut MemoryBudget,
) -> Result<Box<dyn Operator + 'c>, Fault> {
    Ok(match &step.stage {
        Stage::Filter(condition) => Box::new(stream::FilterOperator::new(condition, before, context)?),
        Stage::Eval(assignments) => Box::new(stream::EvalOperator::new(assignments, step, context)),
        Stage::Stats(stats) => Box::new(group::StatsOperator::new(stats, before, step, context)),
        Stage::EventStats(stats) => Box::new(group::EventStatsOperator::new(stats, before, step, context)),
        Stage::Rename(_) | Stage::Keep(_) | Stage::Drop(_) => Box::new(stream::CarryOperator::new(step)),
        Stage::Sort { keys, limit } => Box::new(keep::SortOperator::new(keys, *limit, before)),
        Stage::Head(count) => Box::new(stream::HeadOperator::new(*count)),
        Stage::HeadWhile(head) => Box::new(order::HeadWhileOperator::new(head, before, context)),
        Stage::Dedup(dedup) => Box::new(order::DedupOperator::new(dedup, before)),
        Stage::Tail(count) => Box::new(order::TailOperator::new(*count)),
        Stage::Reverse => Box::new(order::TailOperator::reverse()),
        Stage::FillDown(fields) => Box::new(order::FillDownOperator::new(fields, before)),
        Stage::StreamStats(options) => Box::new(running::StreamStatsOperator::new(options, before, step, context)?),
        Stage::Transaction(options) => Box::new(transaction::TransactionOperator::new(options, before, step, context)?),
        Stage::Frequent(options) => Box::new(frequent::FrequentOperator::new(options, before, step, context)),
        Stage::AddTotals(totals) => Box::new(totals::TotalsOperator::new(totals, before, step)),
        Stage::Chart(chart) => Box::new(chart::ChartOperator::new(chart, before, step, context)),
        Stage::FormatTime { fields, format } => Box::new(stream::FormatTimeOperator::new(fields, format, step)),
        Stage::FillNull { fields, value } if fields.is_empty() => Box::new(keep::FillAllOperator::new(value, before)),
        Stage::FillNull { fields, value } => Box::new(stream::FillNullOperator::new(fields, value, step)),
        Stage::Bin { field, span, alias } => Box::new(stream::BinOperator::new(field, *span, alias.as_ref(), before, step)),
        Stage::Convert(convert) => Box::new(convert::ConvertOperator::new(convert, before, step)),
        Stage::Extract(extract) => Box::new(text::ExtractOperator::new(extract, before, step, context)?),
        Stage::Substitute(substitute) => Box::new(text::SubstituteOperator::new(substitute, step, context)?),
        Stage::Replace(replace) => Box::new(text::ReplaceOperator::new(replace, before, step, context)),
        Stage::Unpack(unpack) => Box::new(unpack::UnpackOperator::new(unpack, before, step, context)),
        Stage::MakeList(make) => Box::new(list::MakeListOperator::new(make, step, context)?),
        Stage::Expand { field, limit } => Box::new(list::ExpandOperator::new(field, *limit, before)),
        Stage::Combine { field, .. } => Box::new(list::CombineOperator::new(field, before)),
        Stage::JoinMembers { field, delimiter } => Box::new(list::JoinMembersOperator::new(field, delimiter, before, context)),
        Stage::Lookup(stage) => Box::new(lookup::LookupOperator::new(stage, before, step, context)),
        Stage::Join(join) => Box::new(combine::JoinOperator::new(join, before, step, inner.next().unwrap_or_default(), budget)?),
        Stage::Map(map) => Box::new(map::MapOperator::new(map, before, step, inner.next().unwrap_or_default(), context, budget)?),
        Stage::Append(_) => Box::new(combine::AppendOperator::new(step, inner.next().unwrap_or_default(), budget)?),
        Stage::AppendPipe(_) => Box::new(combine::AppendPipeOperator::new(step, before, context, inner, budget)?),
        // Planning makes assignments of it, but where they are too many.
        Stage::ForEach(_) => return Err(Fault::Columns),
        Stage::Format => Box::new(format::FormatOperator::new(before)),
    })
}
