//! The events that a rule's condition holds for, by their type.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::catalog::{EventId, TypeId};

/// What the scan found for one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Matched {
    /// By type, each ascending.
    types: Vec<(TypeId, Vec<EventId>)>,
}

impl Matched {
    /// Notes an event; those of a type come one after the other, ascending.
    pub(super) fn add(&mut self, event_type: TypeId, event: EventId) {
        match self.types.last_mut() {
            Some((last, events)) if *last == event_type => events.push(event),
            _ => self.types.push((event_type, vec![event])),
        }
    }

    /// Notes events of a type, ascending, behind those that it has.
    pub(super) fn add_all(&mut self, event_type: TypeId, mut new: Vec<EventId>) {
        match self.types.last_mut() {
            Some((last, events)) if *last == event_type => events.append(&mut new),
            _ => self.types.push((event_type, new)),
        }
    }

    /// The events of a type, ascending.
    pub(super) fn of_type(&self, event_type: TypeId) -> &[EventId] {
        self.types.iter().find(|(own, _)| *own == event_type).map_or(&[], |(_, events)| events)
    }

    /// The types that it has events of.
    pub(super) fn types(&self) -> impl Iterator<Item = TypeId> {
        self.types.iter().map(|(event_type, _)| *event_type)
    }

    /// The same events by the window that they fall in, windows in the order of time. `time` gives the times of events, each type's
    /// ascending by id; an event without a time is in a window of its own.
    pub(super) fn by_window(&self, length_us: i64, time: &FxHashMap<EventId, i64>) -> BTreeMap<Option<i64>, Self> {
        let mut windows: BTreeMap<Option<i64>, Self> = BTreeMap::new();
        for (event_type, events) in &self.types {
            for event in events {
                let start = time.get(event).map(|time_us| time_us.div_euclid(length_us) * length_us);
                windows.entry(start).or_default().add(*event_type, *event);
            }
        }
        windows
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.types.iter().map(|(_, events)| events.len()).sum()
    }

    /// All of them, ascending.
    pub(super) fn sorted(&self) -> Vec<EventId> {
        let mut all: Vec<EventId> = self.types.iter().flat_map(|(_, events)| events).copied().collect();
        all.sort_unstable();
        all
    }
}
