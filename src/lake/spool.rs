//! An event on its way through a sort: all of it as bytes.

use std::io;

use serde::{Deserialize, Serialize};

use crate::catalog::SourceId;
use crate::event::{BatchEvent, EventBatch, FieldEntry, FieldValue, KeyId, NameId, offset};
use crate::store::{BesideEvent, WholeEvents};

/// An event. Texts are those of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpooledEvent<'e> {
    /// Its number in its store.
    pub(super) id: i64,
    /// Its type: place among the catalog's views.
    pub(super) view: usize,
    pub(super) time_us: Option<i64>,
    pub(super) host: Option<&'e str>,
    pub(super) source: i64,
    pub(super) record: Option<i64>,
    pub(super) position: u64,
    pub(super) recovered: bool,
    pub(super) identity: Option<i64>,
    pub(super) message: Option<&'e str>,
    /// Where else it was met: source and position.
    pub(super) also: Vec<(i64, u64)>,
    /// Values by the place of their column in the view, ascending.
    #[serde(borrow)]
    pub(super) fields: Vec<(usize, SpooledValue<'e>)>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SpooledValue<'e> {
    /// One text.
    Text(&'e str),
    /// A list.
    #[serde(borrow)]
    List(Vec<&'e str>),
}

impl<'e> SpooledEvent<'e> {
    /// An event of a batch. `names` are those of its type's columns, in order.
    pub(super) fn of_batch(batch: &'e EventBatch, (head, beside): (&BatchEvent, &BesideEvent), view: usize, names: &[NameId]) -> Self {
        let mut columns = (0..).zip(names);
        let fields = batch.fields_of(head).iter().filter_map(|entry| {
            // Fields come in the order of the columns: each is behind the one before.
            let (place, _) = columns.find(|(_, name)| **name == entry.name)?;
            let value = match entry.value {
                FieldValue::Text(span) => SpooledValue::Text(batch.str(span)),
                FieldValue::List { start, end } => {
                    SpooledValue::List(batch.members[start as usize..end as usize].iter().map(|span| batch.str(*span)).collect())
                }
            };
            Some((place, value))
        });
        Self {
            id: beside.id.0,
            view,
            time_us: head.time_us,
            host: head.host.map(|span| batch.str(span)),
            source: beside.source.0,
            record: head.record,
            position: head.position,
            recovered: head.recovered,
            identity: beside.identity,
            message: head.message.map(|span| batch.str(span)),
            also: beside.aliases.iter().map(|(source, position)| (source.0, *position)).collect(),
            fields: fields.collect(),
        }
    }

    /// Appends it to bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        postcard::to_io(self, out).map(drop).map_err(io::Error::other)
    }

    /// Reads what [`SpooledEvent::write`] wrote.
    pub(super) fn read(bytes: &'e [u8]) -> io::Result<Self> {
        postcard::from_bytes(bytes).map_err(io::Error::other)
    }

    /// Adds it to a batch, as an event at a position of a source. `names` are those of its type's columns.
    pub(super) fn add_to(&self, out: &mut WholeEvents, position: u64, (key, names): (KeyId, &[NameId])) {
        let batch = &mut out.batch;
        let fields_start = offset(batch.fields.len());
        for (place, value) in &self.fields {
            let Some(name) = names.get(*place) else { continue };
            let value = match value {
                SpooledValue::Text(text) => FieldValue::Text(batch.add_text(text)),
                SpooledValue::List(members) => batch.add_list(members.iter().copied()),
            };
            batch.fields.push(FieldEntry { name: *name, value });
        }
        let host = self.host.map(|host| batch.add_text(host));
        let message = self.message.map(|message| batch.add_text(message));
        let fields_end = offset(batch.fields.len());
        batch.events.push(BatchEvent {
            key,
            time_us: self.time_us,
            host,
            record: self.record,
            identity: None,
            position,
            recovered: self.recovered,
            message,
            fields_start,
            fields_end,
        });
        let id = crate::catalog::EventId(self.id);
        out.beside.push(BesideEvent { id, source: SourceId(self.source), identity: self.identity, aliases: Vec::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_back_as_it_was() {
        let event = SpooledEvent {
            id: 7,
            view: 3,
            time_us: Some(-1),
            host: Some("ws"),
            source: 2,
            record: None,
            position: u64::MAX,
            recovered: true,
            identity: Some(i64::MIN),
            message: Some(""),
            also: vec![(1, 2), (3, 4)],
            fields: vec![(0, SpooledValue::Text("")), (5, SpooledValue::List(vec!["a", "ä\n"]))],
        };
        let mut bytes = vec![1, 2, 3];
        event.write(&mut bytes).unwrap();
        assert_eq!(SpooledEvent::read(&bytes[3..]).unwrap(), event);
        assert!(SpooledEvent::read(&bytes[3..bytes.len() - 1]).is_err());
    }
}
