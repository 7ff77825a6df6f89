//! `stats` and `eventstats`.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::stream::copied;
use super::{Operator, Pushed, held};
use crate::exec::aggregate::{Gathered, PreparedAggregate};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::row::{GroupKey, GroupOrigin, RowKey, RowOrigin};
use crate::exec::{Cell, Context, Fault, Number, Row};
use crate::ir;
use crate::plan::{RowSchema, Step};

/// Memory of a group beside its texts, in bytes: its entry, its place, its origin.
// An estimate: the budget must stop a rule with one group a row before the machine does.
const GROUP_BYTES: usize = 256;

/// The by-fields of a stage.
pub(super) struct ByFields {
    slots: Vec<Slot>,
    fill: Option<Arc<str>>,
}

/// Groups by the texts of the by-fields.
pub(super) struct RowGroups {
    by: ByFields,
    aggregates: Vec<PreparedAggregate>,
    places: FxHashMap<Arc<[Arc<str>]>, usize>,
    groups: Vec<RowGroup>,
    /// The key of the row at hand: its memory serves all rows.
    key: Vec<Arc<str>>,
    /// What the groups took of the budget.
    taken: usize,
}

#[derive(Default)]
struct RowGroup {
    gathered: Vec<Gathered>,
    origin: GroupOrigin,
    numbers: GroupNumbers,
}

/// For each by-field the first number where only numbers are in the group: then the group's value is that number. It knows its digits,
/// which its text does not tell from others. Empty where no by-field has any: most groups, and there may be one a row.
type GroupNumbers = Box<[Option<Number>]>;

/// A group at the end of the input.
pub(super) struct Grouped {
    /// The texts of its by-fields.
    pub(super) key: Arc<[Arc<str>]>,
    /// For each aggregate.
    pub(super) gathered: Vec<Gathered>,
    /// The events behind it.
    pub(super) origin: GroupOrigin,
    numbers: GroupNumbers,
}

impl Grouped {
    /// The value of a by-field. One that only held numbers is a number again (rule P3); one text among them makes it text for the
    /// whole group.
    pub(super) fn value(&self, place: usize) -> Cell {
        match self.numbers.get(place) {
            Some(Some(number)) => Cell::Number(*number),
            _ => Cell::Text(self.key[place].clone()),
        }
    }
}

impl ByFields {
    pub(super) fn new(stats: &ir::Stats, before: &RowSchema) -> Self {
        let slots = stats.by.iter().map(|field| before.place(&field.name)).collect();
        Self { slots, fill: stats.fill_null_by.as_deref().map(Arc::from) }
    }

    /// The keys of a row: one for each combination of the members of its by-fields; none where one is missing.
    pub(super) fn keys(&self, cells: &[Cell]) -> Vec<Vec<Arc<str>>> {
        let mut keys = vec![Vec::with_capacity(self.slots.len())];
        for slot in &self.slots {
            let cell = slot.map_or(&Cell::Null, |place| &cells[place]);
            if let Cell::List(many) = cell {
                let extend =
                    |key: &Vec<Arc<str>>| many.iter().map(|m| [key.as_slice(), std::slice::from_ref(m)].concat()).collect::<Vec<_>>();
                keys = keys.iter().flat_map(extend).collect();
            } else {
                let Some(one) = cell.first_member().or_else(|| self.fill.clone()) else { return Vec::new() };
                keys.iter_mut().for_each(|key| key.push(one.clone()));
            }
        }
        keys
    }

    /// Puts the one key of a row that has no list in its by-fields into `key`; false where it has one. The key is not whole where a
    /// by-field is missing.
    fn single_key(&self, cells: &[Cell], key: &mut Vec<Arc<str>>) -> bool {
        key.clear();
        for slot in &self.slots {
            let cell = slot.map_or(&Cell::Null, |place| &cells[place]);
            if let Cell::List(_) = cell {
                return false;
            }
            key.extend(cell.first_member().or_else(|| self.fill.clone()));
        }
        true
    }

    /// The number of each by-field of a row.
    fn numbers(&self, cells: &[Cell]) -> GroupNumbers {
        let number = |slot: &Slot| if let Some(Cell::Number(number)) = slot.map(|place| &cells[place]) { Some(*number) } else { None };
        if self.slots.iter().any(|slot| number(slot).is_some()) { self.slots.iter().map(number).collect() } else { GroupNumbers::default() }
    }

    /// Memory of [`RowGroups::keys`] at most: lists in several by-fields multiply.
    pub(super) fn keys_bytes(&self, cells: &[Cell]) -> usize {
        let members = |slot: &Slot| slot.map_or(1, |place| cells[place].member_count().max(1));
        let count = self.slots.iter().map(members).fold(1, usize::saturating_mul);
        count.saturating_mul(size_of::<Vec<Arc<str>>>() + self.slots.len() * size_of::<Arc<str>>())
    }

    /// The first of the keys of a row.
    pub(super) fn first_key(&self, cells: &[Cell]) -> Option<Vec<Arc<str>>> {
        let first = |slot: &Slot| slot.and_then(|place| cells[place].first_member()).or_else(|| self.fill.clone());
        self.slots.iter().map(first).collect()
    }
}

impl RowGroups {
    pub(super) fn new(stats: &ir::Stats, before: &RowSchema) -> Self {
        Self::over(ByFields::new(stats, before), &stats.aggregates, before)
    }

    /// Groups by the cells in these places.
    pub(super) fn at(places: Vec<Slot>, aggregates: &[ir::Aggregate], before: &RowSchema) -> Self {
        Self::over(ByFields { slots: places, fill: None }, aggregates, before)
    }

    fn over(by: ByFields, aggregates: &[ir::Aggregate], before: &RowSchema) -> Self {
        let aggregates = aggregates.iter().map(|aggregate| PreparedAggregate::new(aggregate, before)).collect();
        Self { by, aggregates, places: FxHashMap::default(), groups: Vec::new(), key: Vec::new(), taken: 0 }
    }

    /// The aggregates, in order.
    pub(super) fn aggregates(&self) -> &[PreparedAggregate] {
        &self.aggregates
    }

    /// Ends the input: the groups in the order of their texts, and what they took of the budget.
    pub(super) fn take(&mut self) -> (Vec<Grouped>, usize) {
        let mut keyed: Vec<(Arc<[Arc<str>]>, usize)> = std::mem::take(&mut self.places).into_iter().collect();
        // In the order of the keys, as Splunk shows them, and not in that of a hash map.
        keyed.sort_unstable();
        let mut groups: Vec<RowGroup> = std::mem::take(&mut self.groups);
        let grouped = keyed.into_iter().map(|(key, place)| {
            let RowGroup { gathered, origin, numbers } = std::mem::take(&mut groups[place]);
            Grouped { key, gathered, origin, numbers }
        });
        (grouped.collect(), std::mem::take(&mut self.taken))
    }

    pub(super) fn add(&mut self, row: &Row, context: &Context, budget: &mut MemoryBudget) -> Result<(), Fault> {
        // Nearly all rows have one key: no list of keys is made for them.
        let mut key = std::mem::take(&mut self.key);
        if self.by.single_key(&row.cells, &mut key) {
            let added = if key.len() == self.by.slots.len() { self.add_to(&mut key, row, context, budget) } else { Ok(()) };
            self.key = key;
            return added;
        }
        let keys_bytes = self.by.keys_bytes(&row.cells);
        // Before the keys are made: two by-fields of a thousand members each make a million keys of one row.
        budget.take(keys_bytes)?;
        for mut key in self.by.keys(&row.cells) {
            self.add_to(&mut key, row, context, budget)?;
        }
        budget.give(keys_bytes);
        Ok(())
    }

    /// Adds a row to the group of a key, which is empty then if it is new.
    fn add_to(&mut self, key: &mut Vec<Arc<str>>, row: &Row, context: &Context, budget: &mut MemoryBudget) -> Result<(), Fault> {
        let mut bytes = 0;
        let place = match self.places.get(key.as_slice()) {
            Some(place) => *place,
            None => {
                bytes += GROUP_BYTES + self.aggregates.len() * size_of::<Gathered>();
                bytes += key.iter().map(|text| text.len() + size_of::<Arc<str>>()).sum::<usize>();
                self.start(key.drain(..).collect(), self.by.numbers(&row.cells))
            }
        };
        let group = &mut self.groups[place];
        for (number, slot) in group.numbers.iter_mut().zip(&self.by.slots) {
            if !matches!(slot.map(|place| &row.cells[place]), Some(Cell::Number(_))) {
                *number = None;
            }
        }
        let before = group.origin.events.capacity();
        group.origin.add(&row.origin);
        bytes += group.origin.events.capacity().saturating_sub(before) * size_of::<i64>();
        for (aggregate, gathered) in self.aggregates.iter().zip(&mut group.gathered) {
            bytes += aggregate.add(gathered, &row.cells, context)?;
        }
        self.taken += bytes;
        budget.take(bytes)
    }

    fn start(&mut self, key: Arc<[Arc<str>]>, numbers: GroupNumbers) -> usize {
        let gathered = self.aggregates.iter().map(PreparedAggregate::start).collect();
        self.groups.push(RowGroup { gathered, origin: GroupOrigin::default(), numbers });
        self.places.insert(key, self.groups.len() - 1);
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
    names: Arc<[Arc<str>]>,
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
            groups.start(Arc::default(), GroupNumbers::default());
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
        let (groups, taken) = self.groups.take();
        let mut rows = Vec::with_capacity(groups.len());
        for mut group in groups {
            let mut origin = std::mem::take(&mut group.origin);
            origin.settle();
            origin.key = RowKey::Group(GroupKey::new(self.names.clone(), group.key.clone()));
            let mut cells = vec![Cell::Null; self.columns];
            let gathered = std::mem::take(&mut group.gathered);
            let by = (0..self.names.len()).map(|place| group.value(place));
            let values = by.chain(self.groups.aggregates().iter().zip(gathered).map(|(aggregate, gathered)| aggregate.finish(gathered)));
            self.places.iter().zip(values).for_each(|(place, value)| cells[*place] = value);
            let row = Row { cells, origin: RowOrigin::Group(Box::new(origin)) };
            budget.take(row.size_bytes())?;
            rows.push(row);
        }
        // The groups go when their rows are there; until then both are counted, because both exist.
        budget.give(taken);
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
            groups.start(Arc::default(), GroupNumbers::default());
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
            let key = self.groups.by.first_key(&row.cells);
            let place = key.and_then(|key| self.groups.places.get(key.as_slice()).copied());
            let mut cells: Vec<Cell> = copied(&self.from, &row.cells);
            if let Some(place) = place {
                self.targets.iter().zip(&results[place]).for_each(|(target, result)| cells[*target] = result.clone());
            }
            row.cells = cells;
            budget.take(row.size_bytes())?;
        }
        Ok(rows)
    }
}
