//! The events of a stored source as batches, as a reader would give them.

use std::ops::ControlFlow;
use std::sync::Arc;

use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use super::super::super::read::{self, StoredValue};
use super::super::super::{EventReader, EventRow, RawCell, Store, StoreError, identity, messages};
use super::OtherSource;
use crate::catalog::{Catalog, Column, ColumnIndex, Encoding, EventId, EventType, TypeId, ValueId};
use crate::event::{BatchEvent, EventBatch, FieldEntry, FieldValue, KeyId, NameId, Names, TextSpan, TypeKey};

/// Events of a batch.
const BATCH_EVENTS: usize = 4_096;
/// Bytes of text after which a batch is full.
const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of values that are held in memory.
const VALUE_BYTES: usize = 64 * 1024 * 1024;
/// Event types whose statement is kept ready.
const MAX_READERS: usize = 512;

/// Events as they are written, with what the batch has no place for.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) batch: EventBatch,
    /// Their ids in the other store; 0 for one that is another source's there.
    pub(super) ids: Vec<i64>,
    /// The keys of the vendor's ids.
    pub(super) keys: Vec<Option<i64>>,
}

/// What the rows of one event type need.
struct TypeReader<'o> {
    event_type: &'o EventType,
    key: KeyId,
    names: Vec<NameId>,
    reader: EventReader<'o>,
}

/// Reads events of the other store.
pub(super) struct Replay<'o> {
    store: &'o Store,
    catalog: &'o Catalog,
    names: &'o Names,
    readers: FxHashMap<TypeId, TypeReader<'o>>,
    values: ValueCache,
    has_aliases: bool,
    has_identities: bool,
}

/// Values that were read, until they are too many.
#[derive(Default)]
struct ValueCache {
    values: FxHashMap<i64, Arc<StoredValue>>,
    bytes: usize,
}

impl ValueCache {
    fn get(&mut self, connection: &Connection, id: i64) -> Result<Arc<StoredValue>, StoreError> {
        if let Some(value) = self.values.get(&id) {
            return Ok(value.clone());
        }
        let value = Arc::new(read::value(connection, ValueId(id))?);
        self.bytes += value.members().iter().map(String::len).sum::<usize>() + size_of::<StoredValue>();
        if self.bytes > VALUE_BYTES {
            *self = Self::default();
        }
        self.values.insert(id, value.clone());
        Ok(value)
    }
}

impl<'o> Replay<'o> {
    pub(super) fn new(store: &'o Store, catalog: &'o Catalog, names: &'o Names) -> Result<Self, StoreError> {
        let connection = &store.connection;
        let has = |table: &str| connection.prepare(&format!("SELECT 1 FROM {table}"))?.exists([]);
        let has_aliases = has("event_alias")?;
        if has_aliases {
            // By source, because the table is in the order of events.
            connection.execute_batch(
                "DROP TABLE IF EXISTS temp.alias_of; CREATE TEMP TABLE alias_of (source INTEGER, position INTEGER, event INTEGER, PRIMARY KEY (source, position, event)) WITHOUT ROWID;
                 INSERT INTO temp.alias_of SELECT source, position, event FROM event_alias;",
            )?;
        }
        let has_identities = has("event_identity")?;
        Ok(Self { store, catalog, names, readers: FxHashMap::default(), values: ValueCache::default(), has_aliases, has_identities })
    }

    /// The key of an event type for batches.
    pub(super) fn key(&self, event_type: &EventType) -> KeyId {
        let EventType { product, dataset, code, .. } = event_type;
        self.names.intern_key(&TypeKey { product: product.clone(), dataset: dataset.clone(), code: code.clone() })
    }

    /// The names and the event types of the other store.
    pub(super) fn vocabulary(&self) -> (&'o Names, &'o Catalog) {
        (self.names, self.catalog)
    }

    /// Gives all events of a source, also those that are another source's there, in the order of their positions.
    pub(super) fn each_batch(
        &mut self,
        source: &OtherSource,
        visit: &mut dyn FnMut(&Replayed) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let connection = &self.store.connection;
        let aliases = if self.has_aliases { "UNION ALL SELECT position, event, 0 FROM temp.alias_of WHERE source = ?1" } else { "" };
        // Those of its own that carry no position of their own are in the order of their ids already.
        let sql = format!(
            "SELECT coalesce(e.position, e.id - ?2 + 1), e.id, 1 FROM event e WHERE e.id BETWEEN ?2 AND ?3 AND e.source = ?1
             UNION ALL SELECT e.position, e.id, 1 FROM adopted_range a JOIN event e ON e.id BETWEEN a.first_event AND a.last_event
             WHERE a.source = ?1 AND e.source = ?1 AND e.id NOT BETWEEN ?2 AND ?3 {aliases} ORDER BY 1, 2"
        );
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(params![source.id, source.first_event, source.last_event])?;
        let mut replayed = Replayed::default();
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            let (position, event, is_own): (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            self.event(EventId(event), position, &mut replayed)?;
            replayed.ids.push(if is_own { event } else { 0 });
            if replayed.ids.len() >= BATCH_EVENTS || replayed.batch.text.len() >= BATCH_BYTES {
                visit(&replayed)?;
                replayed = Replayed::default();
            }
        }
        if replayed.ids.is_empty() { Ok(()) } else { visit(&replayed) }
    }

    /// Adds an event to a batch.
    fn event(&mut self, id: EventId, position: i64, out: &mut Replayed) -> Result<(), StoreError> {
        let connection = &self.store.connection;
        let of_type = "SELECT type FROM event WHERE id = ?1";
        let type_id = TypeId(connection.prepare_cached(of_type)?.query_row([id.0], |row| row.get(0))?);
        self.make_reader(type_id)?;
        let Some(TypeReader { event_type, key, names, reader }) = self.readers.get_mut(&type_id) else { return Ok(()) };
        let batch = &mut out.batch;
        let fields_start = length(batch.fields.len());
        let (values, mut head) = (&mut self.values, None);
        reader.each(id, id, &mut |row, cells| {
            for ((cell, column), name) in cells.iter().zip(&event_type.columns).zip(names.iter()) {
                if let Some(value) = field(connection, values, batch, cell, column, row.time_us)? {
                    batch.fields.push(FieldEntry { name: *name, value });
                }
            }
            head = Some(row);
            Ok(ControlFlow::Break(()))
        })?;
        let EventRow { time_us, host, record, .. } = head.ok_or_else(|| StoreError::Damaged(format!("event {} has no fields", id.0)))?;
        let host = host.map(|host| values.get(connection, host.0)).transpose()?;
        let host = host.and_then(|host| host.members().first().map(|host| span(batch, host)));
        let message = if event_type.has_messages { messages::read(connection, id.0)? } else { None };
        let message = message.map(|message| span(batch, &message));
        let recovered = connection.prepare_cached("SELECT 1 FROM recovered_event WHERE event = ?1")?.exists([id.0])?;
        let fields_end = length(batch.fields.len());
        let position = position.unsigned_abs();
        batch.events.push(BatchEvent {
            key: *key,
            time_us,
            host,
            record,
            identity: None,
            position,
            recovered,
            message,
            fields_start,
            fields_end,
        });
        out.keys.push(if self.has_identities { identity::key_of(connection, id.0, time_us)? } else { None });
        Ok(())
    }

    fn make_reader(&mut self, id: TypeId) -> Result<(), StoreError> {
        if self.readers.contains_key(&id) {
            return Ok(());
        }
        let event_type =
            self.catalog.event_type(id).ok_or_else(|| StoreError::Damaged(format!("events have the unknown type {}", id.0)))?;
        let columns: Vec<ColumnIndex> = (0..length(event_type.columns.len())).map(ColumnIndex).collect();
        let names = event_type.columns.iter().map(|column| self.names.intern(&column.field)).collect();
        let reader = TypeReader { event_type, key: self.key(event_type), names, reader: self.store.event_reader(event_type, &columns)? };
        if self.readers.len() >= MAX_READERS {
            self.readers.clear();
        }
        self.readers.insert(id, reader);
        Ok(())
    }
}

/// What a cell says, in a batch.
fn field(
    connection: &Connection,
    values: &mut ValueCache,
    batch: &mut EventBatch,
    cell: &RawCell<'_>,
    column: &Column,
    time_us: Option<i64>,
) -> Result<Option<FieldValue>, StoreError> {
    let id = match (cell, column.encoding) {
        (RawCell::Null, _) => return Ok(None),
        (RawCell::Text(text), _) => return Ok(Some(FieldValue::Text(span(batch, text)))),
        (RawCell::Value(id), _) => id.0,
        (RawCell::Int(id), Encoding::Dictionary) => *id,
        (RawCell::Int(_), _) => {
            let value = read::render(connection, cell, column, time_us)?;
            return Ok(value.map(|value| FieldValue::Text(span(batch, &value.members().join("\n")))));
        }
    };
    Ok(Some(match values.get(connection, id)?.as_ref() {
        StoredValue::Text(text) => FieldValue::Text(span(batch, text)),
        StoredValue::List(members) => {
            let start = length(batch.members.len());
            for member in members {
                let member = span(batch, member);
                batch.members.push(member);
            }
            FieldValue::List { start, end: length(batch.members.len()) }
        }
    }))
}

/// Adds a text to a batch.
pub(super) fn span(batch: &mut EventBatch, text: &str) -> TextSpan {
    let start = length(batch.text.len());
    batch.text.push_str(text);
    TextSpan { start, end: length(batch.text.len()) }
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("a batch is ended long before it has 4 GB")
}
