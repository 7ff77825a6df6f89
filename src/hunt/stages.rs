//! Runs the stages of a plan: brackets first, then the rows of its source through the pipeline.

use std::ops::ControlFlow;

use super::HuntError;
use super::feed::Feed;
use super::matched::Matched;
use super::risk;
use crate::exec::{Cell, Context, Fault, Operators, Row, RowOrigin, RuleLimits, needs_order};
use crate::ir::Table;
use crate::plan::{Plan, RowSource, inner_plans};

/// Why the stages of a rule did not run to their end.
pub(super) enum StageError {
    /// The rule's own failure.
    Rule(Fault),
    /// The hunt's.
    Hunt(HuntError),
}

/// Runs a plan's stages and passes the result rows on. `matched` are the events of each plan of [`Plan::tree`], in its order.
pub(super) fn run_stages(
    feed: &Feed<'_>,
    context: &Context,
    plan: &Plan,
    matched: &[Matched],
    limits: RuleLimits,
    save: &mut dyn FnMut(Row) -> Result<(), HuntError>,
) -> Result<(), StageError> {
    let Some((own, mut rest)) = matched.split_first() else { return Ok(()) };
    let (mut inner, mut left) = (Vec::new(), limits);
    for plan in inner_plans(&plan.steps) {
        let (of_plan, behind) = rest.split_at(plan.tree().len());
        rest = behind;
        let rows = gathered(feed, context, plan, of_plan, left)?;
        left.memory_bytes = left.memory_bytes.saturating_sub(rows.iter().map(Row::size_bytes).sum());
        inner.push(rows);
    }
    let mut pipeline = Operators::new(&plan.steps, &plan.row, context, limits, inner).map_err(StageError::Rule)?;
    let ordered = needs_order(plan.stages());
    let mut failure = None;
    let mut sink = |row: Row| {
        Ok(match save(row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(StageError::Hunt(error));
                ControlFlow::Break(())
            }
        })
    };
    let mut fault = None;
    let mut push = |row| match pipeline.push(row, &mut sink) {
        Ok(flow) => flow,
        Err(error) => {
            fault = Some(error);
            ControlFlow::Break(())
        }
    };
    match &plan.source {
        RowSource::Events => feed.rows(plan, own, ordered, &mut push).map_err(|error| StageError::Hunt(error.into()))?,
        RowSource::Table(table) => table_rows(table, plan, &mut push),
        RowSource::Made(count) => made_rows(*count, plan, context, &mut push),
        RowSource::Findings { prefix } => feed.each_risk(&mut |event| push(risk::row(event, prefix.as_deref(), &plan.row))),
    }
    if let Some(fault) = fault {
        return Err(StageError::Rule(fault));
    }
    pipeline.finish(&mut sink).map_err(StageError::Rule)?;
    failure.map_or(Ok(()), Err)
}

/// The result rows of a query in brackets.
pub(super) fn gathered(
    feed: &Feed<'_>,
    context: &Context,
    plan: &Plan,
    matched: &[Matched],
    limits: RuleLimits,
) -> Result<Vec<Row>, StageError> {
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    let mut is_full = false;
    // The rows themselves may not stop the pipeline: what is over the limit is dropped and told once.
    run_stages(feed, context, plan, matched, limits, &mut |row| {
        bytes += row.size_bytes();
        is_full |= bytes > limits.memory_bytes;
        if !is_full {
            rows.push(row);
        }
        Ok(())
    })?;
    if is_full { Err(StageError::Rule(Fault::Memory { limit: limits.memory_bytes })) } else { Ok(rows) }
}

fn table_rows(table: &Table, plan: &Plan, push: &mut dyn FnMut(Row) -> ControlFlow<()>) {
    for row in &table.rows {
        let cell = |text: &std::sync::Arc<str>| if text.is_empty() { Cell::Null } else { Cell::Text(text.clone()) };
        let mut cells: Vec<Cell> = row.iter().map(cell).collect();
        cells.resize(plan.row.columns.len(), Cell::Null);
        if push(Row { cells, origin: RowOrigin::made() }).is_break() {
            break;
        }
    }
}

fn made_rows(count: u64, plan: &Plan, context: &Context, push: &mut dyn FnMut(Row) -> ControlFlow<()>) {
    for _ in 0..count {
        let mut cells = vec![Cell::Null; plan.row.columns.len()];
        if let Some(place) = plan.row.place(crate::plan::TIME) {
            cells[place] = context.now().map_or(Cell::Null, Cell::number_of);
        }
        if push(Row { cells, origin: RowOrigin::made() }).is_break() {
            break;
        }
    }
}
