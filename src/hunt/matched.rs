//! The events that a rule's condition holds for, by their type.

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

    /// The events of a type, ascending.
    pub(super) fn of_type(&self, event_type: TypeId) -> &[EventId] {
        self.types.iter().find(|(own, _)| *own == event_type).map_or(&[], |(_, events)| events)
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
