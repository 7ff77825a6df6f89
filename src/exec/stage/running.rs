//! `streamstats`: each row with the aggregates of the rows up to it.
//!
//! Without a window each group has its running aggregates. With one the rows in it are kept, and each row computes anew over them:
//! few aggregates can take a row back, and a sum that takes rows back drifts.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::group::ByFields;
use super::stream::copied;
use super::{Operator, Pushed, passed};
use crate::exec::aggregate::{Gathered, PreparedAggregate};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::{Cell, Condition, Context, Fault, Row};
use crate::ir;
use crate::plan::{RowSchema, Step};

/// Memory of a group beside its texts, in bytes.
const GROUP_BYTES: usize = 128;

type RunningKey = Vec<Arc<str>>;

/// A row in a window.
struct SeenRow {
    cells: Vec<Cell>,
    keys: Vec<RunningKey>,
    time: Option<f64>,
    bytes: usize,
}

pub(super) struct StreamStatsOperator<'c> {
    options: ir::StreamStats,
    by: ByFields,
    aggregates: Vec<PreparedAggregate>,
    from: Vec<Slot>,
    targets: Vec<usize>,
    time: Slot,
    reset_before: Option<Condition>,
    reset_after: Option<Condition>,
    last_key: Option<RunningKey>,
    /// Without a window: the aggregates so far, by group.
    running: FxHashMap<RunningKey, Vec<Gathered>>,
    /// With one: its rows, for all groups under the empty key.
    windows: FxHashMap<RunningKey, VecDeque<SeenRow>>,
    /// What all of that took of the budget.
    taken: usize,
    context: &'c Context,
}

impl<'c> StreamStatsOperator<'c> {
    pub(super) fn new(options: &ir::StreamStats, before: &RowSchema, step: &Step, context: &'c Context) -> Result<Self, Fault> {
        let condition = |pred: &Option<ir::Pred>, row: &RowSchema| pred.as_ref().map(|pred| Condition::new(pred, row, context)).transpose();
        Ok(Self {
            by: ByFields::new(&options.stats, before),
            aggregates: options.stats.aggregates.iter().map(|aggregate| PreparedAggregate::new(aggregate, before)).collect(),
            from: step.from.clone(),
            targets: options.stats.aggregates.iter().filter_map(|aggregate| step.row.place(&aggregate.alias)).collect(),
            time: before.place(crate::plan::TIME),
            reset_before: condition(&options.reset.0, before)?,
            reset_after: condition(&options.reset.1, &step.row)?,
            options: options.clone(),
            last_key: None,
            running: FxHashMap::default(),
            windows: FxHashMap::default(),
            taken: 0,
            context,
        })
    }

    fn reset(&mut self, budget: &mut MemoryBudget) {
        self.running.clear();
        self.windows.clear();
        self.last_key = None;
        budget.give(std::mem::take(&mut self.taken));
    }

    fn has_window(&self) -> bool {
        self.options.window > 0 || self.options.time_window.is_some()
    }

    /// The aggregates of a row's group: of the rows before it, and of itself where it counts.
    fn run(&mut self, row: &Row, keys: &[RunningKey], own: &RunningKey, budget: &mut MemoryBudget) -> Result<Vec<Cell>, Fault> {
        let before = if self.options.current { None } else { Some(self.so_far(own)) };
        let mut bytes = 0;
        for key in keys {
            let group = match self.running.get_mut(key) {
                Some(group) => group,
                None => {
                    bytes += GROUP_BYTES + self.aggregates.len() * size_of::<Gathered>() + key.iter().map(|text| text.len()).sum::<usize>();
                    self.running.entry(key.clone()).or_insert_with(|| self.aggregates.iter().map(PreparedAggregate::start).collect())
                }
            };
            for (aggregate, gathered) in self.aggregates.iter().zip(group) {
                bytes += aggregate.add(gathered, &row.cells, self.context)?;
            }
        }
        self.taken += bytes;
        budget.take(bytes)?;
        Ok(before.unwrap_or_else(|| self.so_far(own)))
    }

    fn so_far(&mut self, key: &RunningKey) -> Vec<Cell> {
        match self.running.get_mut(key) {
            Some(group) => self.aggregates.iter().zip(group).map(|(aggregate, gathered)| aggregate.result(gathered)).collect(),
            None => self.aggregates.iter().map(|aggregate| aggregate.finish(aggregate.start())).collect(),
        }
    }

    /// The same over the rows of a window.
    fn slide(&mut self, row: &Row, keys: Vec<RunningKey>, own: &RunningKey, budget: &mut MemoryBudget) -> Result<Vec<Cell>, Fault> {
        let time = self.time.and_then(|place| row.cells[place].number());
        let bytes = row.size_bytes() + keys.iter().flatten().map(|text| text.len() + size_of::<Arc<str>>()).sum::<usize>();
        // A window for each group has a copy of the row in each of its groups, also where a member that makes one is there twice.
        let shared = self.options.global || self.options.window == 0;
        let mut windows = if shared { vec![RunningKey::new()] } else { keys.clone() };
        windows.sort_unstable();
        windows.dedup();
        let before = if self.options.current { None } else { Some(self.over_window(own, shared, time)?) };
        for window in windows {
            let rows = self.windows.entry(window).or_default();
            rows.push_back(SeenRow { cells: row.cells.clone(), keys: keys.clone(), time, bytes });
            budget.take(bytes)?;
            self.taken += bytes;
            let most = usize::try_from(self.options.window).unwrap_or(usize::MAX);
            let near = self.options.time_window;
            // A row without a time is near no other, and sends none away.
            let is_far = |seen: &SeenRow| near.is_some_and(|near| time.is_some() && !is_near(seen.time, time, near));
            while rows.front().is_some_and(|oldest| (most > 0 && rows.len() > most) || (rows.len() > 1 && is_far(oldest))) {
                let gone = rows.pop_front().map_or(0, |seen| seen.bytes);
                self.taken -= gone;
                budget.give(gone);
            }
        }
        before.map_or_else(|| self.over_window(own, shared, time), Ok)
    }

    fn over_window(&self, own: &RunningKey, shared: bool, time: Option<f64>) -> Result<Vec<Cell>, Fault> {
        let mut group: Vec<Gathered> = self.aggregates.iter().map(PreparedAggregate::start).collect();
        let rows = if shared { self.windows.get(&RunningKey::new()) } else { self.windows.get(own) };
        for seen in rows.into_iter().flatten() {
            // The row itself is in its window, also where it has no time.
            let is_last = self.options.current && rows.and_then(VecDeque::back).is_some_and(|last| std::ptr::eq(last, seen));
            let is_far = !is_last && self.options.time_window.is_some_and(|near| !is_near(seen.time, time, near));
            if is_far {
                continue;
            }
            for _ in seen.keys.iter().filter(|key| *key == own) {
                for (aggregate, gathered) in self.aggregates.iter().zip(&mut group) {
                    aggregate.add(gathered, &seen.cells, self.context)?;
                }
            }
        }
        Ok(self.aggregates.iter().zip(group).map(|(aggregate, gathered)| aggregate.finish(gathered)).collect())
    }
}

fn is_near(one: Option<f64>, other: Option<f64>, seconds: f64) -> bool {
    matches!((one, other), (Some(one), Some(other)) if (one - other).abs() < seconds)
}

impl Operator for StreamStatsOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        if let Some(condition) = &self.reset_before
            && condition.holds(&row.cells, self.context)?
        {
            self.reset(budget);
        }
        let own = self.by.first_key(&row.cells);
        if self.options.reset_on_change && own.is_some() {
            if self.last_key.is_some() && self.last_key != own {
                self.reset(budget);
            }
            self.last_key.clone_from(&own);
        }
        // A row of no group takes no place in a window either.
        let results = match &own {
            None => None,
            Some(own) => {
                let keys_bytes = self.by.keys_bytes(&row.cells);
                budget.take(keys_bytes)?;
                let keys = self.by.keys(&row.cells);
                let results = if self.has_window() { self.slide(&row, keys, own, budget)? } else { self.run(&row, &keys, own, budget)? };
                budget.give(keys_bytes);
                Some(results)
            }
        };
        let mut cells: Vec<Cell> = copied(&self.from, &row.cells);
        if let Some(results) = results {
            self.targets.iter().zip(results).for_each(|(target, result)| cells[*target] = result);
        }
        if let Some(condition) = &self.reset_after
            && condition.holds(&cells, self.context)?
        {
            self.reset(budget);
        }
        passed(Row { cells, ..row })
    }
}
