//! A store's events in memory: texts are numbered, so that a question is answered once for each text.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::HashMap;

use retrohunt::catalog::{EventId, EventType, TypeId};
use retrohunt::ir::Case;
use retrohunt::store::{Store, StoredValue};

use crate::evaluate::text::characters;

/// The number of a text.
pub(crate) type ValueNumber = u32;

/// A text and its folded characters, made when they are first asked for.
pub(crate) struct Text {
    pub(crate) text: String,
    folded: OnceCell<Vec<char>>,
    exact: OnceCell<Vec<char>>,
}

impl Text {
    /// Its characters as a comparison sees them.
    pub(crate) fn characters(&self, case: Case) -> &[char] {
        let made = if case == Case::Ignore { &self.folded } else { &self.exact };
        made.get_or_init(|| characters(&self.text, case))
    }
}

/// One event.
pub(crate) struct Event {
    pub(crate) id: i64,
    pub(crate) time_us: Option<i64>,
    pub(crate) host: Option<ValueNumber>,
    pub(crate) record: Option<ValueNumber>,
    pub(crate) message: Option<ValueNumber>,
    /// The values of each column; none where the event lacks it.
    pub(crate) columns: Vec<Vec<ValueNumber>>,
}

/// All events of a store by their type.
pub(crate) struct Archive {
    pub(crate) texts: Vec<Text>,
    pub(crate) types: Vec<(EventType, Vec<Event>)>,
    /// The time of the newest event.
    pub(crate) newest_us: Option<i64>,
}

impl Archive {
    /// Reads everything that is visible and was not carved.
    pub(crate) fn read(store: &Store) -> Self {
        let mut types: BTreeMap<TypeId, (EventType, Vec<Event>)> =
            store.catalog().unwrap().types.into_iter().map(|event_type| (event_type.id, (event_type, Vec::new()))).collect();
        let mut numbers = Numbers::default();
        for id in 1..=store.last_event().unwrap().0 {
            let Ok(stored) = store.event(EventId(id)) else { continue }; // its number was given to a copy
            let columns = stored.columns.iter().map(|value| value.iter().flat_map(StoredValue::members).map(|t| numbers.of(t)).collect());
            let event = Event {
                id,
                time_us: stored.envelope.time_us,
                columns: columns.collect(),
                host: stored.envelope.host.as_deref().map(|t| numbers.of(t)),
                record: stored.envelope.record.map(|n| numbers.of(&n.to_string())),
                message: stored.message.as_deref().map(|t| numbers.of(t)),
            };
            types.get_mut(&stored.envelope.event_type).unwrap().1.push(event);
        }
        let texts = numbers.texts.into_iter().map(|text| Text { text, folded: OnceCell::new(), exact: OnceCell::new() });
        let newest_us = types.values().flat_map(|(_, events)| events).filter_map(|event| event.time_us).max();
        Self { texts: texts.collect(), types: types.into_values().collect(), newest_us }
    }

    /// How many distinct texts there are.
    pub(crate) fn values(&self) -> usize {
        self.texts.len()
    }
}

#[derive(Default)]
struct Numbers {
    numbers: HashMap<String, ValueNumber>,
    texts: Vec<String>,
}

impl Numbers {
    fn of(&mut self, text: &str) -> ValueNumber {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = ValueNumber::try_from(self.texts.len()).unwrap();
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        number
    }
}
