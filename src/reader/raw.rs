//! One event's text as another format carries it (`_raw` of a Splunk export), read by the reader that knows it.

use super::json::Flattener;
use super::row_error::RowError;
use super::splunk_text::ClassicEvent;
use super::xml::{Elements, event_start};
use crate::normalise::Normaliser;

/// What became of a text.
#[derive(Debug)]
pub(super) enum Raw {
    /// Its members were handed over.
    Read,
    /// No reader knows it: nothing was handed over.
    Unknown,
    /// It looks like something, and is not: nothing was handed over.
    Broken(RowError),
}

/// The readers of single events; keeps their memory.
#[derive(Default)]
pub(super) struct RawReaders {
    flattener: Flattener,
    elements: Elements,
    classic: ClassicEvent,
}

impl RawReaders {
    /// Hands over the members of a text, which must come before any other member of the record.
    pub(super) fn read(&mut self, text: &str, events: &mut Normaliser<'_>) -> Raw {
        let text = text.trim_ascii();
        // By the first letter, as the formats begin: nothing of one can begin another.
        let result = if text.starts_with('{') {
            self.flattener.record(text, events).map(|()| {
                self.flattener.objects(text, events);
            })
        } else if ClassicEvent::begins(text) {
            self.classic.read(text, events)
        } else if let Some(at) = event_start(text.as_bytes()) {
            match self.elements.event(&text[at..], events) {
                Err(_) if events.has_members() => Ok(()), // cut off: what is there of it counts
                result => result,
            }
        } else {
            return Raw::Unknown;
        };
        match result {
            Ok(()) => Raw::Read,
            Err(error) => {
                events.abandon();
                Raw::Broken(error)
            }
        }
    }
}
