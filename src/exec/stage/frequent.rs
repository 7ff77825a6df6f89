//! `top` and `rare`.

use std::sync::Arc;

use super::group::{Grouped, RowGroups};
use super::{Operator, Pushed, held};
use crate::exec::operators::MemoryBudget;
use crate::exec::row::{GroupKey, GroupOrigin, RowKey, RowOrigin};
use crate::exec::{Cell, Context, Fault, Row};
use crate::ir::{self, Aggregate, AggregateFunction};
use crate::plan::{RowSchema, Step};

/// Counts combinations and keeps the most frequent or the rarest of each group.
pub(super) struct FrequentOperator<'c> {
    options: ir::Frequent,
    groups: RowGroups,
    /// The columns of the result.
    columns: RowSchema,
    context: &'c Context,
}

/// A combination and how often it is there.
struct CountedValues {
    group: Grouped,
    count: f64,
}

impl<'c> FrequentOperator<'c> {
    pub(super) fn new(options: &ir::Frequent, before: &RowSchema, step: &Step, context: &'c Context) -> Self {
        let count = Aggregate { function: AggregateFunction::Count, argument: None, alias: String::new() };
        let places = options.by.iter().chain(&options.fields).map(|name| before.place(name)).collect();
        let groups = RowGroups::at(places, &[count], before);
        Self { options: options.clone(), groups, columns: step.row.clone(), context }
    }

    fn counted(&self, mut group: Grouped) -> CountedValues {
        let gathered = group.gathered.pop();
        let count = gathered.zip(self.groups.aggregates().first()).and_then(|(gathered, count)| count.finish(gathered).number());
        CountedValues { group, count: count.unwrap_or(0.0) }
    }

    /// The rows of one group of `by`.
    fn rows(&self, mut counted: Vec<CountedValues>) -> Vec<Row> {
        let total: f64 = counted.iter().map(|one| one.count).sum();
        counted.sort_by(|a, b| {
            let by_count = if self.options.rare { a.count.total_cmp(&b.count) } else { b.count.total_cmp(&a.count) };
            by_count.then_with(|| a.group.key.cmp(&b.group.key))
        });
        let limit = usize::try_from(self.options.limit).unwrap_or(usize::MAX);
        let rest = if limit > 0 && counted.len() > limit { counted.split_off(limit) } else { Vec::new() };
        let other = self.options.other.as_ref().and_then(|name| self.other(rest, name, total));
        counted.into_iter().map(|one| self.row(one, total)).chain(other).collect()
    }

    /// One row for all that the limit leaves out.
    fn other(&self, rest: Vec<CountedValues>, name: &str, total: f64) -> Option<Row> {
        let first = rest.first()?;
        let by = self.options.by.len();
        // A number where only numbers are in all of them (rule P3).
        let value = |place: usize| {
            let texts = rest.iter().map(|one| one.group.value(place)).find(|value| matches!(value, Cell::Text(_)));
            texts.unwrap_or_else(|| first.group.value(place))
        };
        let mut values: Vec<Cell> = (0..by).map(value).collect();
        let mut key: Vec<Arc<str>> = first.group.key[..by].to_vec();
        values.extend(self.options.fields.iter().map(|_| Cell::text_of(name)));
        key.extend(self.options.fields.iter().map(|_| Arc::from(name)));
        let mut origin = GroupOrigin::default();
        let count = rest.iter().map(|one| one.count).sum();
        rest.into_iter().for_each(|one| origin.add(&RowOrigin::Group(Box::new(one.group.origin))));
        Some(self.made(&key, values, origin, count, total))
    }

    fn row(&self, one: CountedValues, total: f64) -> Row {
        let values = (0..one.group.key.len()).map(|place| one.group.value(place)).collect();
        self.made(&one.group.key, values, one.group.origin, one.count, total)
    }

    fn made(&self, key: &[Arc<str>], values: Vec<Cell>, mut origin: GroupOrigin, count: f64, total: f64) -> Row {
        let names = || self.options.by.iter().chain(&self.options.fields);
        let mut cells = vec![Cell::Null; self.columns.columns.len()];
        let mut set = |name: &String, value: Cell| {
            if let Some(place) = self.columns.place(name) {
                cells[place] = value;
            }
        };
        names().zip(values).for_each(|(name, value)| set(name, value));
        self.options.count.iter().for_each(|name| set(name, Cell::number_of(count)));
        self.options.percent.iter().for_each(|name| set(name, Cell::text_of(format!("{:.6}", 100.0 * count / total))));
        origin.settle();
        origin.key = RowKey::Group(GroupKey::new(names().map(|name| Arc::from(name.as_str())).collect(), key.into()));
        Row { cells, origin: RowOrigin::Group(Box::new(origin)) }
    }
}

impl Operator for FrequentOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        self.groups.add(&row, self.context, budget)?;
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let (groups, taken) = self.groups.take();
        let by = self.options.by.len();
        let (mut rows, mut together): (Vec<Row>, Vec<CountedValues>) = (Vec::new(), Vec::new());
        for group in groups {
            if together.last().is_some_and(|last| last.group.key[..by] != group.key[..by]) {
                rows.extend(self.rows(std::mem::take(&mut together)));
            }
            together.push(self.counted(group));
        }
        rows.extend(self.rows(together));
        rows.iter().try_for_each(|row| budget.take(row.size_bytes()))?;
        budget.give(taken);
        Ok(rows)
    }
}
