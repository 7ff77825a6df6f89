//! Stages one behind the other.

use std::ops::ControlFlow;

use super::stage::{InnerRows, Operator, Out, operator_of, starts_newest_first, stays_newest_first};
use super::{Context, Fault, Row, RuleLimits};
use crate::ir::Stage;
use crate::plan::{RowSchema, Step};

/// Takes what comes out of a stage. Break: no more rows are wanted.
pub(super) type Sink<'s> = dyn FnMut(Row) -> Result<ControlFlow<()>, Fault> + 's;

/// The stages of one rule, ready for rows.
pub struct Operators<'c> {
    operators: Vec<Box<dyn Operator + 'c>>,
    budget: MemoryBudget,
    context: &'c Context,
}

/// The memory that kept rows and groups of one rule may take.
pub(super) struct MemoryBudget {
    limit: usize,
    used: usize,
}

impl MemoryBudget {
    /// Takes memory.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        self.used = self.used.saturating_add(bytes);
        if self.used > self.limit { Err(Fault::Memory { limit: self.limit }) } else { Ok(()) }
    }

    pub(super) fn limits(&self) -> RuleLimits {
        RuleLimits { memory_bytes: self.limit }
    }

    /// What is taken.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Gives memory back.
    pub(super) fn give(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }
}

impl<'c> Operators<'c> {
    /// Prepares the stages; `first` are the columns of the rows that will be pushed, `inner` the result rows of the queries
    /// in brackets, in the order of [`crate::plan::inner_plans`].
    ///
    /// # Errors
    /// When a regular expression does not compile, or the inner rows do not fit.
    pub fn new(steps: &[Step], first: &RowSchema, context: &'c Context, limits: RuleLimits, inner: Vec<Vec<Row>>) -> Result<Self, Fault> {
        let mut budget = MemoryBudget { limit: limits.memory_bytes, used: 0 };
        let operators = operators(steps, first, starts_newest_first(first), context, &mut inner.into_iter(), &mut budget)?;
        Ok(Self { operators, budget, context })
    }

    /// Pushes a row in; what comes out goes to `sink`. Break: no later row can change the result.
    ///
    /// # Errors
    /// When the rule cannot go on.
    pub fn push(&mut self, row: Row, sink: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Fault>) -> Result<ControlFlow<()>, Fault> {
        self.context.begin_row(self.budget.limits());
        push(&mut self.operators, &mut self.budget, row, sink)
    }

    /// Ends the input: stages that keep rows give them now.
    ///
    /// # Errors
    /// When the rule cannot go on.
    pub fn finish(mut self, sink: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Fault>) -> Result<(), Fault> {
        finish(&mut self.operators, &mut self.budget, self.context, sink)
    }
}

/// The operators of steps; `newest_first` says whether the first rows surely come so.
pub(super) fn operators<'c>(
    steps: &[Step],
    first: &RowSchema,
    mut newest_first: bool,
    context: &'c Context,
    inner: &mut InnerRows<'_>,
    budget: &mut MemoryBudget,
) -> Result<Vec<Box<dyn Operator + 'c>>, Fault> {
    let before = std::iter::once(first).chain(steps.iter().map(|step| &step.row));
    let mut out = Vec::with_capacity(steps.len());
    for (step, before) in steps.iter().zip(before) {
        out.push(operator_of(step, before, newest_first, context, inner, budget)?);
        newest_first = stays_newest_first(newest_first, &step.stage);
    }
    Ok(out)
}

/// Ends the input of operators one behind the other.
pub(super) fn finish(
    operators: &mut [Box<dyn Operator + '_>],
    budget: &mut MemoryBudget,
    context: &Context,
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let mut rest = operators;
    while let Some((first, behind)) = rest.split_first_mut() {
        // Stage by stage from the front: what a stage gives at its end, later stages may keep again.
        let rows = first.finish(budget)?;
        let mut wanted = true;
        for row in rows {
            // Given back before the row moves on: the next stage takes it anew if it keeps it, and no row may count twice.
            budget.give(row.size_bytes());
            if wanted {
                context.begin_row(budget.limits());
                wanted = push(behind, budget, row, sink)?.is_continue();
            }
        }
        rest = behind;
    }
    Ok(())
}

/// Pushes a row through operators one behind the other.
pub(super) fn push(
    operators: &mut [Box<dyn Operator + '_>],
    budget: &mut MemoryBudget,
    row: Row,
    sink: &mut Sink<'_>,
) -> Result<ControlFlow<()>, Fault> {
    let Some((first, behind)) = operators.split_first_mut() else { return sink(row) };
    let (out, flow) = first.push(row, budget)?;
    let mut wanted = ControlFlow::Continue(());
    match out {
        Out::Nothing => {}
        Out::One(row) => wanted = push(behind, budget, row, sink)?,
        Out::Many(rows) => {
            for row in rows {
                wanted = push(behind, budget, row, sink)?;
                if wanted.is_break() {
                    break;
                }
            }
        }
    }
    // The stage itself had enough (`head`): that holds even where the ones behind it would go on.
    Ok(if flow.is_break() { flow } else { wanted })
}

/// Whether the result depends on the order of the rows that are pushed.
pub fn needs_order<'a>(stages: impl IntoIterator<Item = &'a Stage>) -> bool {
    for stage in stages {
        match stage {
            // After `stats` rows are in the order of their keys, so nothing behind it depends on the order of feeding.
            Stage::Stats(stats) => return stats.aggregates.iter().any(|aggregate| aggregate.function.needs_order()),
            Stage::EventStats(stats) if stats.aggregates.iter().any(|aggregate| aggregate.function.needs_order()) => return true,
            Stage::Chart(chart) => return chart.stats.aggregates.iter().any(|aggregate| aggregate.function.needs_order()),
            Stage::Frequent(_) => return false,
            Stage::Head(_)
            | Stage::HeadWhile(_)
            | Stage::Dedup(_)
            | Stage::Sort { .. }
            | Stage::Tail(_)
            | Stage::Reverse
            | Stage::StreamStats(_)
            | Stage::Transaction(_)
            | Stage::FillDown(_)
            | Stage::Combine { .. }
            | Stage::Format
            | Stage::AppendPipe(_) => return true,
            Stage::EventStats(_)
            | Stage::Filter(_)
            | Stage::Eval(_)
            | Stage::Rename(_)
            | Stage::Keep(_)
            | Stage::Drop(_)
            | Stage::FormatTime { .. }
            | Stage::Convert(_)
            | Stage::FillNull { .. }
            | Stage::Bin { .. }
            | Stage::Extract(_)
            | Stage::Substitute(_)
            | Stage::Replace(_)
            | Stage::Unpack(_)
            | Stage::MakeList(_)
            | Stage::Expand { .. }
            | Stage::JoinMembers { .. }
            | Stage::AddTotals(_)
            | Stage::ForEach(_)
            | Stage::Lookup(_)
            | Stage::Join(_)
            | Stage::Map(_)
            | Stage::Append(_) => {}
        }
    }
    true // the rows themselves are the result, newest first
}
