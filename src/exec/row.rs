//! A row, and where it comes from.

use std::sync::Arc;

use super::Cell;
use crate::catalog::EventId;

/// Most events that a row keeps by their ids; their number stays exact.
// What a finding can show as evidence; more ids would only cost memory in groups of millions of events.
pub const KEPT_EVENTS: usize = 1_000;
/// Most events that a row made of findings keeps by their ids. One event is behind many findings, so that only the ids tell how many
/// different events there are; those of one finding are [`KEPT_EVENTS`] at most.
pub const COUNTED_EVENTS: usize = 100_000;

/// A row between two stages: one cell for each column of the plan's row schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The cells.
    pub cells: Vec<Cell>,
    /// Where it comes from.
    pub origin: RowOrigin,
}

/// Where a row comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum RowOrigin {
    /// One event.
    Event {
        /// The event.
        id: EventId,
        /// Its time in µs UTC.
        time_us: Option<i64>,
    },
    /// Several events, or none.
    Group(Box<GroupOrigin>),
}

/// The events behind a row that is not one event alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupOrigin {
    /// What identifies the row.
    pub key: RowKey,
    /// How many rows of a source are behind it, be they events or not.
    pub rows: u64,
    /// The lowest [`KEPT_EVENTS`] ids, [`COUNTED_EVENTS`] where they are those of findings, ascending once [`GroupOrigin::settle`] ran.
    // The lowest ids and not the first to arrive: the same evidence in whatever order rows come.
    pub events: Vec<EventId>,
    /// How many events there are: different ones, as long as all are kept.
    // Where `append` brings events again, which of them follow themselves depends on the order of loading; so neighbours are not enough.
    pub count: u64,
    /// Time of the first (µs UTC).
    pub first_us: Option<i64>,
    /// Time of the last (µs UTC).
    pub last_us: Option<i64>,
    last_counted: Option<EventId>,
    /// Whether some events were dropped, so that nobody can say which of them were met before.
    is_cut: bool,
    /// Whether findings are behind it, several of which may be about one event.
    of_findings: bool,
}

/// By-field in the rule's spelling → value, of the last aggregation. Nothing that later stages do to the columns changes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct GroupKey {
    /// Shared by all groups of a stage: there may be one group a row.
    names: Arc<[Arc<str>]>,
    values: Arc<[Arc<str>]>,
}

impl GroupKey {
    /// Makes the key of the group with these values of the by-fields.
    pub fn new(names: Arc<[Arc<str>]>, values: Arc<[Arc<str>]>) -> Self {
        Self { names, values }
    }

    /// The by-fields, each with its value.
    pub fn pairs(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.names.iter().zip(self.values.iter())
    }
}

/// What identifies a row among the results of its rule, together with its place among rows with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// The event.
    Event(EventId),
    /// The values of the last aggregation's by-fields.
    Group(GroupKey),
    /// It was made of no event (a lookup table's row).
    Made,
}

impl Default for RowKey {
    fn default() -> Self {
        Self::Group(GroupKey::default())
    }
}

impl Row {
    /// Memory of a kept row in bytes.
    pub fn size_bytes(&self) -> usize {
        let origin = match &self.origin {
            RowOrigin::Event { .. } => 0,
            RowOrigin::Group(group) => size_of::<GroupOrigin>() + group.events.len() * size_of::<EventId>(),
        };
        size_of::<Self>() + origin + self.cells.iter().map(|cell| size_of::<Cell>() + cell.size_bytes()).sum::<usize>()
    }
}

impl RowOrigin {
    /// What identifies the row.
    pub fn key(&self) -> RowKey {
        match self {
            Self::Event { id, .. } => RowKey::Event(*id),
            Self::Group(group) => group.key.clone(),
        }
    }

    /// A row that no event is behind.
    pub fn made() -> Self {
        Self::Group(Box::new(GroupOrigin { key: RowKey::Made, rows: 1, ..GroupOrigin::default() }))
    }

    /// The same row, with the events of another behind it too.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        let mut group = match self {
            Self::Group(group) => group,
            Self::Event { id, .. } => {
                let mut group = GroupOrigin { key: RowKey::Event(id), ..GroupOrigin::default() };
                group.add(&self);
                Box::new(group)
            }
        };
        group.add(other);
        group.settle();
        Self::Group(group)
    }

    /// How many rows of a source are behind the row; none where an aggregation had nothing to count.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Event { .. } => 1,
            Self::Group(group) => group.rows,
        }
    }

    /// How many events are behind the row; of a row made of findings how many different ones are known, at most [`COUNTED_EVENTS`].
    pub fn count(&self) -> u64 {
        match self {
            Self::Event { .. } => 1,
            Self::Group(group) if group.of_findings => {
                let mut events = group.events.clone();
                events.sort_unstable();
                events.dedup();
                events.len().min(COUNTED_EVENTS) as u64
            }
            Self::Group(group) => group.count,
        }
    }

    /// The events behind the row, at most [`KEPT_EVENTS`], and [`COUNTED_EVENTS`] where findings are behind it.
    pub fn events(&self) -> &[EventId] {
        match self {
            Self::Event { id, .. } => std::slice::from_ref(id),
            Self::Group(group) => &group.events,
        }
    }

    /// Times of the first and last event (µs UTC).
    pub fn span_us(&self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Event { time_us, .. } => (*time_us, *time_us),
            Self::Group(group) => (group.first_us, group.last_us),
        }
    }
}

impl GroupOrigin {
    /// A group that is known as a whole; its events in any order, perhaps more than once.
    pub fn of(key: GroupKey, events: Vec<EventId>, count: u64, (first_us, last_us): (Option<i64>, Option<i64>)) -> Self {
        // Of a finding with many events some are kept.
        let is_cut = count > events.len() as u64;
        let key = RowKey::Group(key);
        let mut group = Self { key, rows: count, events, count, first_us, last_us, is_cut, ..Self::default() };
        group.settle();
        group
    }

    /// The same group, made of a finding and not of its events.
    #[must_use]
    pub fn of_finding(mut self) -> Self {
        (self.key, self.rows, self.of_findings) = (RowKey::Made, 1, true);
        self
    }

    /// Starts with a key and no row.
    pub(super) fn new(key: RowKey) -> Self {
        Self { key, ..Self::default() }
    }

    /// Adds what a row of the group comes from. A row counts its event once, however often it is in the group in a row:
    /// a by-field with several values puts one event into several groups, or twice into the same.
    pub fn add(&mut self, origin: &RowOrigin) {
        let (first, last) = origin.span_us();
        self.first_us = self.first_us.into_iter().chain(first).min();
        self.last_us = self.last_us.max(last);
        self.rows += origin.rows();
        match origin {
            RowOrigin::Event { id, .. } => {
                // Only the neighbour is looked at: the rows of one event come one after the other.
                if self.last_counted != Some(*id) {
                    self.last_counted = Some(*id);
                    self.count += 1;
                    self.events.push(*id);
                }
            }
            RowOrigin::Group(group) => {
                self.count += group.count;
                self.of_findings |= group.of_findings;
                self.is_cut |= group.is_cut;
                self.events.extend_from_slice(&group.events);
            }
        }
        // At twice the limit: each sort is paid for by as many new events, however large the group.
        if self.events.len() >= 2 * self.most_events() {
            self.settle();
        }
    }

    /// Puts the events in order and drops what is over the limit.
    pub fn settle(&mut self) {
        self.events.sort_unstable();
        self.events.dedup();
        self.is_cut |= self.events.len() > self.most_events();
        self.events.truncate(self.most_events());
        if !self.is_cut {
            self.count = self.events.len() as u64;
        }
    }

    fn most_events(&self) -> usize {
        if self.of_findings { COUNTED_EVENTS } else { KEPT_EVENTS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(ids: impl IntoIterator<Item = i64>) -> GroupOrigin {
        let mut group = GroupOrigin::new(RowKey::default());
        ids.into_iter().for_each(|id| group.add(&RowOrigin::Event { id: EventId(id), time_us: None }));
        group.settle();
        group
    }

    /// A search that appends the events that it has already gives each twice, whichever comes first.
    #[test]
    fn events_that_come_again_count_once() {
        for ids in [[1, 2, 3, 1, 2, 3], [3, 2, 1, 1, 2, 3], [1, 1, 2, 2, 3, 3]] {
            let own = group(ids);
            assert_eq!((own.count, own.rows), (3, 6), "{ids:?}");
            let mut both = GroupOrigin::new(RowKey::default());
            both.add(&RowOrigin::Group(Box::new(own)));
            both.add(&RowOrigin::Event { id: EventId(4), time_us: None });
            both.settle();
            assert_eq!(both.count, 4, "{ids:?}");
        }
    }

    #[test]
    fn of_more_events_than_are_kept_the_number_is_that_of_all() {
        let most = i64::try_from(KEPT_EVENTS).unwrap();
        assert_eq!(group(0..most).count, KEPT_EVENTS as u64);
        let many = group(0..3 * most);
        assert_eq!((many.count, many.events.len()), (3 * KEPT_EVENTS as u64, KEPT_EVENTS));
        let finding = GroupOrigin::of(GroupKey::default(), vec![EventId(1), EventId(2)], 5, (None, None));
        assert_eq!(finding.count, 5, "two of five are kept");
    }
}
