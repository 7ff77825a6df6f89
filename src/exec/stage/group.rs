//! `stats` and `eventstats`.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Operator, Pushed, held};
use crate::exec::aggregate::{Gathered, PreparedAggregate};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::row::{GroupOrigin, RowKey, RowOrigin};
use crate::exec::{Cell, Context, Fault, Number, Row};
use crate::ir;
use crate::plan::{RowSchema, Step};

/// Memory of a group beside its texts, in bytes: its entry, its place, its origin.
// An estimate: the budget must stop a rule with one group a row before the machine does.
const GROUP_BYTES: usize = 256;

/// Groups by the texts of the by-fields.
struct RowGroups {
    by: Vec<Slot>,
    fill: Option<Arc<str>>,
    aggregates: Vec<PreparedAggregate>,
    places: FxHashMap<Box<[Arc<str>]>, usize>,
    groups: Vec<RowGroup>,
    /// What the groups took of the budget.
    taken: usize,
}

#[derive(Default)]
struct RowGroup {
    gathered: Vec<Gathered>,
    origin: GroupOrigin,
    /// For each by-field whether only numbers are in the group: then the group's value is the number.
    is_number: Vec<bool>,
    /// The first of these numbers: it knows its digits, which its text does not tell from others.
    numbers: Vec<Option<Number>>,
}

impl RowGroups {
    fn new(stats: &ir::Stats, before: &RowSchema) -> Self {
        Self {
            by: stats.by.iter().map(|field| before.place(&field.name)).collect(),
            fill: stats.fill_null_by.as_deref().map(Arc::from),
            aggregates: stats.aggregates.iter().map(|aggregate| PreparedAggregate::new(aggregate, before)).collect(),
            places: FxHashMap::default(),
            groups: Vec::new(),
            taken: 0,
        }
    }

    /// The keys of a row: one for each combination of the members of its by-fields; none where one is missing.
    fn keys(&self, cells: &[Cell]) -> Vec<Vec<Arc<str>>> {
        let mut keys = vec![Vec::with_capacity(self.by.len())];
        for slot in &self.by {
            let mut members = slot.map_or_else(Vec::new, |place| cells[place].members());
            if members.is_empty() {
                members.extend(self.fill.clone());
            }
            match members.as_slice() {
                [one] => keys.iter_mut().for_each(|key| key.push(one.clone())),
                many => {
                    let extend =
                        |key: &Vec<Arc<str>>| many.iter().map(|m| [key.as_slice(), std::slice::from_ref(m)].concat()).collect::<Vec<_>>();
                    keys = keys.iter().flat_map(extend).collect();
                }
            }
        }
        keys
    }

    /// Memory of [`RowGroups::keys`] at most: lists in several by-fields multiply.
    fn keys_bytes(&self, cells: &[Cell]) -> usize {
        let members = |slot: &Slot| slot.map_or(1, |place| cells[place].member_count().max(1));
        let count = self.by.iter().map(members).fold(1, usize::saturating_mul);
        count.saturating_mul(size_of::<Vec<Arc<str>>>() + self.by.len() * size_of::<Arc<str>>())
    }

    /// The first of the keys of a row.
    fn first_key(&self, cells: &[Cell]) -> Option<Vec<Arc<str>>> {
        let first = |slot: &Slot| slot.and_then(|place| cells[place].first_member()).or_else(|| self.fill.clone());
        self.by.iter().map(first).collect()
    }

    fn add(&mut self, row: &Row, context: &Context, budget: &mut MemoryBudget) -> Result<(), Fault> {
        let keys_bytes = self.keys_bytes(&row.cells);
        // Before the keys are made: two by-fields of a thousand members each make a million keys of one row.
        budget.take(keys_bytes)?;
        for key in self.keys(&row.cells) {
            let mut bytes = 0;
            let place = match self.places.get(key.as_slice()) {
                Some(place) => *place,
                None => {
                    bytes += GROUP_BYTES + self.aggregates.len() * size_of::<Gathered>();
                    bytes += key.iter().map(|text| text.len() + size_of::<Arc<str>>()).sum::<usize>();
                    self.start(key)
                }
            };
            let group = &mut self.groups[place];
            for ((is_number, first), slot) in group.is_number.iter_mut().zip(&mut group.numbers).zip(&self.by) {
                match slot.map(|place| &row.cells[place]) {
                    Some(Cell::Number(number)) => *first = first.or(Some(*number)),
                    _ => *is_number = false,
                }
            }
            let before = group.origin.events.capacity();
            group.origin.add(&row.origin);
            bytes += group.origin.events.capacity().saturating_sub(before) * size_of::<i64>();
            for (aggregate, gathered) in self.aggregates.iter().zip(&mut group.gathered) {
                bytes += aggregate.add(gathered, &row.cells, context)?;
            }
            self.taken += bytes;
            budget.take(bytes)?;
        }
        budget.give(keys_bytes);
        Ok(())
    }

    fn start(&mut self, key: Vec<Arc<str>>) -> usize {
        let gathered = self.aggregates.iter().map(PreparedAggregate::start).collect();
        self.groups.push(RowGroup {
            gathered,
            origin: GroupOrigin::default(),
            is_number: vec![true; self.by.len()],
            numbers: vec![None; self.by.len()],
        });
        self.places.insert(key.into_boxed_slice(), self.groups.len() - 1);
        self.groups.len() - 1
    }

    /// The aggregates of each group.
    fn results(&mut self) -> Vec<Vec<Cell>> {
        let aggregates = &self.aggregates;
        let finish =
            |group: &mut RowGroup| aggregates.iter().zip(group.gathered.drain(..)).map(|(a, gathered)| a.finish(gathered)).collect();
        self.groups.iter_mut().map(finish).collect()
    }
}

/// `stats`: one row a group, by the texts of the by-fields; without by exactly one.
pub(super) struct StatsOperator<'c> {
    groups: RowGroups,
    names: Vec<Arc<str>>,
    /// Where the by-fields, then the aggregates stand in a result row of so many columns.
    places: Vec<usize>,
    columns: usize,
    context: &'c Context,
}

impl<'c> StatsOperator<'c> {
    pub(super) fn new(stats: &ir::Stats, before: &RowSchema, step: &Step, context: &'c Context) -> Self {
        let mut groups = RowGroups::new(stats, before);
        // `stats count` of nothing is one row with 0, as in Splunk.
        if stats.by.is_empty() {
            groups.start(Vec::new());
        }
        let names = stats.by.iter().map(|field| &field.name).chain(stats.aggregates.iter().map(|aggregate| &aggregate.alias));
        let places = names.filter_map(|name| step.row.place(name)).collect();
        let names = stats.by.iter().map(|field| field.name.as_str().into()).collect();
        Self { groups, names, places, columns: step.row.columns.len(), context }
    }
}

impl Operator for StatsOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        self.groups.add(&row, self.context, budget)?;
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let mut results = self.groups.results();
        let mut keyed: Vec<(Box<[Arc<str>]>, usize)> = std::mem::take(&mut self.groups.places).into_iter().collect();
        // In the order of the keys, as Splunk shows them, and not in that of a hash map.
        keyed.sort_unstable();
        let mut rows = Vec::with_capacity(keyed.len());
        for (key, place) in keyed {
            let mut origin = std::mem::take(&mut self.groups.groups[place].origin);
            origin.settle();
            origin.key = RowKey::Group(self.names.iter().cloned().zip(key.iter().cloned()).collect());
            let mut cells = vec![Cell::Null; self.columns];
            // A by-field that only held numbers is a number again (rule P3); one text among them makes it text for the whole group.
            let group = &self.groups.groups[place];
            let by = key.iter().zip(&group.is_number).zip(&group.numbers).map(|((text, is_number), number)| match number {
                Some(number) if *is_number => Cell::Number(*number),
                _ => Cell::Text(text.clone()),
            });
            let values = by.chain(results[place].drain(..));
            self.places.iter().zip(values).for_each(|(place, value)| cells[*place] = value);
            let row = Row { cells, origin: RowOrigin::Group(Box::new(origin)) };
            budget.take(row.size_bytes())?;
            rows.push(row);
        }
        // The groups go when their rows are there; until then both are counted, because both exist.
        budget.give(self.groups.taken);
        Ok(rows)
    }
}

/// `eventstats`: the rows as they are, with the aggregates of their group. A row of no group stays as it is.
pub(super) struct EventStatsOperator<'c> {
    groups: RowGroups,
    from: Vec<Slot>,
    targets: Vec<usize>,
    rows: Vec<Row>,
    context: &'c Context,
}

impl<'c> EventStatsOperator<'c> {
    pub(super) fn new(stats: &ir::Stats, before: &RowSchema, step: &Step, context: &'c Context) -> Self {
        let targets = stats.aggregates.iter().filter_map(|aggregate| step.row.place(&aggregate.alias)).collect();
        let mut groups = RowGroups::new(stats, before);
        if stats.by.is_empty() {
            groups.start(Vec::new());
        }
        Self { groups, from: step.from.clone(), targets, rows: Vec::new(), context }
    }
}

impl Operator for EventStatsOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        self.groups.add(&row, self.context, budget)?;
        budget.take(row.size_bytes())?;
        self.rows.push(row);
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let results = self.groups.results();
        let mut rows = std::mem::take(&mut self.rows);
        for row in &mut rows {
            budget.give(row.size_bytes());
            // A by-field with several values: the row gets what belongs to the first.
            let key = self.groups.first_key(&row.cells);
            let place = key.and_then(|key| self.groups.places.get(key.as_slice()).copied());
            let mut cells: Vec<Cell> = self.from.iter().map(|from| from.map_or(Cell::Null, |place| row.cells[place].clone())).collect();
            if let Some(place) = place {
                self.targets.iter().zip(&results[place]).for_each(|(target, result)| cells[*target] = result.clone());
            }
            row.cells = cells;
            budget.take(row.size_bytes())?;
        }
        Ok(rows)
    }
}
