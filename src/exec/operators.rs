//! Stages one behind the other.

use std::ops::ControlFlow;

use super::stage::{Operator, operator};
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

    fn limits(&self) -> RuleLimits {
        RuleLimits { memory_bytes: self.limit }
    }

    /// Gives memory back.
    pub(super) fn give(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }
}

impl<'c> Operators<'c> {
    /// Prepares the stages; `first` are the columns of the rows that will be pushed.
    ///
    /// # Errors
    /// When a regular expression does not compile.
    pub fn new(steps: &[Step], first: &RowSchema, context: &'c Context, limits: RuleLimits) -> Result<Self, Fault> {
        let before = std::iter::once(first).chain(steps.iter().map(|step| &step.row));
        let operators = steps.iter().zip(before).map(|(step, before)| operator(step, before, context)).collect::<Result<_, _>>()?;
        Ok(Self { operators, budget: MemoryBudget { limit: limits.memory_bytes, used: 0 }, context })
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
        let mut rest = self.operators.as_mut_slice();
        while let Some((first, behind)) = rest.split_first_mut() {
            let rows = first.finish(&mut self.budget)?;
            for row in rows {
                self.budget.give(row.size_bytes());
                self.context.begin_row(self.budget.limits());
                if push(behind, &mut self.budget, row, sink)?.is_break() {
                    break;
                }
            }
            rest = behind;
        }
        Ok(())
    }
}

fn push(
    operators: &mut [Box<dyn Operator + '_>],
    budget: &mut MemoryBudget,
    row: Row,
    sink: &mut Sink<'_>,
) -> Result<ControlFlow<()>, Fault> {
    let Some((first, behind)) = operators.split_first_mut() else { return sink(row) };
    let (row, flow) = first.push(row, budget)?;
    match row {
        Some(row) => {
            let behind = push(behind, budget, row, sink)?;
            Ok(if flow.is_break() { flow } else { behind })
        }
        None => Ok(flow),
    }
}

/// Whether the result depends on the order of the rows that are pushed.
pub fn needs_order<'a>(stages: impl IntoIterator<Item = &'a Stage>) -> bool {
    for stage in stages {
        match stage {
            Stage::Stats(stats) => return stats.aggregates.iter().any(|aggregate| aggregate.function.needs_order()),
            Stage::EventStats(stats) if stats.aggregates.iter().any(|aggregate| aggregate.function.needs_order()) => return true,
            Stage::Head(_) | Stage::Dedup { .. } | Stage::Sort { .. } => return true,
            Stage::EventStats(_)
            | Stage::Filter(_)
            | Stage::Eval(_)
            | Stage::Rename(_)
            | Stage::Keep(_)
            | Stage::Drop(_)
            | Stage::FormatTime { .. }
            | Stage::FillNull { .. }
            | Stage::Bin { .. } => {}
        }
    }
    true // the rows themselves are the result, newest first
}
