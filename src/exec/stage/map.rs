//! `map`: a row gives way to the rows of another query that have its values, or to what stages make of those.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::combine::key;
use super::{Operator, Pushed, held, many};
use crate::exec::condition::Slot;
use crate::exec::operators::{MemoryBudget, finish, operators, push};
use crate::exec::{Context, Fault, Row, folded};
use crate::ir::{self, Stage, fill_tokens};
use crate::plan::{Inner, RowSchema, Step};

/// Rows that the stages of one `map` read, all rows before it together.
// Splunk runs ten searches where nothing is said: ten over a million rows each. Every row may ask for all rows of the search, so without
// a limit one rule could keep a hunt busy for days.
const MAX_ROWS: u64 = 10_000_000;

/// Texts of a row, one a column.
type RowValues = Box<[Arc<str>]>;

/// Keeps the rows of the query by their keys, and what the stages made of them by the values that they were asked with.
pub(super) struct MapOperator<'c> {
    keys: Vec<Slot>,
    others: FxHashMap<RowValues, Vec<Row>>,
    /// What the stages ask of a row: the name of the token and the column.
    tokens: Vec<(String, Slot)>,
    each: Vec<Step>,
    /// The columns of the query's rows.
    first: RowSchema,
    known: FxHashMap<(RowValues, RowValues), Arc<[Row]>>,
    rows_read: u64,
    context: &'c Context,
}

impl<'c> MapOperator<'c> {
    pub(super) fn new(
        map: &ir::Map,
        before: &RowSchema,
        step: &Step,
        rows: Vec<Row>,
        context: &'c Context,
        budget: &mut MemoryBudget,
    ) -> Result<Self, Fault> {
        let Inner::Each(plan, each) = &step.inner else { unreachable!("`map` has a query") };
        let other_keys: Vec<Slot> = map.keys.iter().map(|(_, inner)| plan.result().place(inner)).collect();
        let mut others: FxHashMap<RowValues, Vec<Row>> = FxHashMap::default();
        for row in rows {
            if let Some(key) = folded_key(&other_keys, &row) {
                budget.take(row.size_bytes())?;
                others.entry(key).or_default().push(row);
            }
        }
        Ok(Self {
            keys: map.keys.iter().map(|(outer, _)| before.place(outer)).collect(),
            others,
            tokens: map.tokens().into_iter().map(|name| (before.place(&name), name)).map(|(slot, name)| (name, slot)).collect(),
            each: each.clone(),
            first: plan.result().clone(),
            known: FxHashMap::default(),
            rows_read: 0,
            context,
        })
    }

    /// What the stages make of the rows with a key, with a row's values in place of their tokens.
    fn results(&mut self, keys: RowValues, values: RowValues, budget: &mut MemoryBudget) -> Result<Arc<[Row]>, Fault> {
        let found = (keys, values);
        if let Some(known) = self.known.get(&found) {
            return Ok(known.clone());
        }
        let others = self.others.get(&found.0).map_or(&[][..], Vec::as_slice);
        self.rows_read = self.rows_read.saturating_add(others.len() as u64);
        if self.rows_read > MAX_ROWS {
            return Err(Fault::Map { limit: MAX_ROWS });
        }
        let value = |name: &str| {
            let place = self.tokens.iter().position(|(token, _)| token == name);
            place.map(|place| found.1[place].to_string()).unwrap_or_default()
        };
        let write = |text: &str| fill_tokens(text, &value);
        let steps: Vec<Step> = self.each.iter().map(|step| Step { stage: Stage::map_texts(&step.stage, &write), ..step.clone() }).collect();
        let mut stages = operators(&steps, &self.first, false, self.context, &mut std::iter::empty(), budget)?;
        let mut made: Vec<Row> = Vec::new();
        let mut sink = |row: Row| {
            made.push(row);
            Ok(std::ops::ControlFlow::Continue(()))
        };
        for other in others {
            self.context.begin_row(budget.limits());
            if push(&mut stages, budget, other.clone(), &mut sink)?.is_break() {
                break;
            }
        }
        finish(&mut stages, budget, self.context, &mut sink)?;
        let texts: usize = found.0.iter().chain(&found.1).map(|text| text.len()).sum();
        budget.take(texts + made.iter().map(Row::size_bytes).sum::<usize>())?;
        let made: Arc<[Row]> = made.into();
        self.known.insert(found, made.clone());
        Ok(made)
    }
}

fn folded_key(slots: &[Slot], row: &Row) -> Option<RowValues> {
    key(slots, &row.cells).map(|key| key.iter().map(|text| Arc::from(folded(text))).collect())
}

impl Operator for MapOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let Some(keys) = folded_key(&self.keys, &row) else { return held() };
        let results;
        let others = if self.each.is_empty() {
            let Some(others) = self.others.get(&keys) else { return held() };
            others.as_slice()
        } else {
            let slots: Vec<Slot> = self.tokens.iter().map(|(_, slot)| *slot).collect();
            let Some(values) = key(&slots, &row.cells) else { return held() };
            results = self.results(keys, values, budget)?;
            &results
        };
        let mut rows = Vec::with_capacity(others.len());
        let mut taken = 0;
        for other in others {
            let made = Row { cells: other.cells.clone(), origin: row.origin.clone().with(&other.origin) };
            taken += made.size_bytes();
            budget.take(made.size_bytes())?;
            rows.push(made);
        }
        budget.give(taken);
        many(rows)
    }
}
