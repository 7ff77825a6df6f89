//! Events with all that the store knows of them, in batches: what another store, or another form of this one, needs to have them too.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::value_cache::ValueCache;
use super::{EventReader, EventRow, RawCell, Store, StoreError, identity, messages};
use crate::catalog::{Catalog, ColumnIndex, EventId, EventType, SourceId, TypeId};
use crate::event::{BatchEvent, EventBatch, FieldEntry, KeyId, NameId, Names, TypeKey, offset};

/// Events of a batch.
const BATCH_EVENTS: usize = 4_096;
/// Bytes of text after which a batch is full.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Event types whose statement is kept ready.
const MAX_READERS: usize = 512;

/// Events as a reader gives them, with what a batch has no place for.
#[derive(Debug, Default)]
pub struct WholeEvents {
    /// The events.
    pub batch: EventBatch,
    /// What else there is of each, in the same order.
    pub beside: Vec<BesideEvent>,
}

/// What is known of an event beside what a reader gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BesideEvent {
    /// The event in its store.
    pub id: EventId,
    /// The source that has it.
    pub source: SourceId,
    /// The key of the vendor's id, by which the event is the same wherever it is met.
    pub identity: Option<i64>,
    /// Where else it was met: source, and 1-based line or ordinal there.
    pub aliases: Vec<(SourceId, u64)>,
}

impl WholeEvents {
    /// Whether it is time to pass them on.
    pub fn is_full(&self) -> bool {
        self.beside.len() >= BATCH_EVENTS || self.batch.text.len() >= BATCH_BYTES
    }
}

/// What the rows of one event type need.
struct WholeType<'o> {
    event_type: &'o EventType,
    key: KeyId,
    names: Vec<NameId>,
    reader: EventReader<'o>,
}

/// Reads whole events.
pub(super) struct WholeEventReader<'o> {
    store: &'o Store,
    catalog: &'o Catalog,
    names: &'o Names,
    types: FxHashMap<TypeId, WholeType<'o>>,
    filler: EventFiller<'o>,
}

impl<'o> WholeEventReader<'o> {
    /// `catalog` is the store's.
    pub(super) fn new(store: &'o Store, catalog: &'o Catalog, names: &'o Names) -> Result<Self, StoreError> {
        Ok(Self { store, catalog, names, types: FxHashMap::default(), filler: EventFiller::new(&store.connection)? })
    }

    /// Adds an event to a batch, at a position of a source that has it too.
    pub(super) fn event(&mut self, id: EventId, (source, position): (SourceId, u64), out: &mut WholeEvents) -> Result<(), StoreError> {
        let of_type = "SELECT type FROM event WHERE id = ?1";
        let type_id = TypeId(self.store.connection.prepare_cached(of_type)?.query_row([id.0], |row| row.get(0))?);
        if !self.types.contains_key(&type_id) {
            let whole = self.whole_type(type_id)?;
            if self.types.len() >= MAX_READERS {
                self.types.clear();
            }
            self.types.insert(type_id, whole);
        }
        let Some(WholeType { event_type, key, names, reader }) = self.types.get_mut(&type_id) else { return Ok(()) };
        let (filler, before) = (&mut self.filler, out.beside.len());
        reader.each(id, id, &mut |row, cells| {
            filler.add((event_type, *key, names), (row, cells), (source, position), out)?;
            Ok(ControlFlow::Break(()))
        })?;
        if out.beside.len() == before { Err(StoreError::Damaged(format!("event {} has no fields", id.0))) } else { Ok(()) }
    }

    /// Gives all events of a type by their ids, until the visitor breaks.
    fn each_of_type<E: From<StoreError>>(
        &mut self,
        type_id: TypeId,
        visit: &mut dyn FnMut(&WholeEvents) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        let last = self.store.last_event()?;
        let WholeType { event_type, key, names, mut reader } = self.whole_type(type_id)?;
        let (filler, store) = (&mut self.filler, self.store);
        let (mut events, mut ended) = (WholeEvents::default(), Ok(ControlFlow::Continue(())));
        reader.each(EventId(0), last, &mut |row, cells| {
            store.watch.note_progress();
            let place = filler.place(row.id)?;
            filler.add((event_type, key, &names), (row, cells), place, &mut events)?;
            if events.is_full() {
                ended = visit(&events);
                events = WholeEvents::default();
            }
            Ok(if matches!(ended, Ok(ControlFlow::Continue(()))) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        match ended {
            Ok(ControlFlow::Continue(())) if !events.beside.is_empty() => visit(&events),
            ended => ended,
        }
    }

    fn whole_type(&self, id: TypeId) -> Result<WholeType<'o>, StoreError> {
        let event_type =
            self.catalog.event_type(id).ok_or_else(|| StoreError::Damaged(format!("events have the unknown type {}", id.0)))?;
        let columns: Vec<ColumnIndex> = (0..offset(event_type.columns.len())).map(ColumnIndex).collect();
        let names = event_type.columns.iter().map(|column| self.names.intern(&column.field)).collect();
        let reader = self.store.event_reader(event_type, &columns)?;
        Ok(WholeType { event_type, key: key_of(self.names, event_type), names, reader })
    }
}

/// The key of an event type for batches.
pub(super) fn key_of(names: &Names, event_type: &EventType) -> KeyId {
    let EventType { product, dataset, code, .. } = event_type;
    names.intern_key(&TypeKey { product: product.clone(), dataset: dataset.clone(), code: code.clone() })
}

/// Puts rows into batches.
struct EventFiller<'o> {
    connection: &'o Connection,
    values: ValueCache,
    /// The first event of each source.
    first_events: FxHashMap<i64, i64>,
    has_aliases: bool,
    has_identities: bool,
    has_recovered: bool,
}

impl<'o> EventFiller<'o> {
    fn new(connection: &'o Connection) -> Result<Self, StoreError> {
        // Most stores have none of these, and then no event need be asked.
        let has = |table: &str| connection.prepare(&format!("SELECT 1 FROM {table}"))?.exists([]);
        Ok(Self {
            connection,
            values: ValueCache::default(),
            first_events: FxHashMap::default(),
            has_aliases: has("event_alias")?,
            has_identities: has("event_identity")?,
            has_recovered: has("recovered_event")?,
        })
    }

    /// The source of an event and its position there.
    fn place(&mut self, id: EventId) -> Result<(SourceId, u64), StoreError> {
        let mut select = self.connection.prepare_cached("SELECT source, position FROM event WHERE id = ?1")?;
        let (source, position): (i64, Option<i64>) = select.query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let position = match position {
            Some(position) => position,
            None => id.0 - self.first_event(source)? + 1,
        };
        Ok((SourceId(source), position.unsigned_abs()))
    }

    fn first_event(&mut self, source: i64) -> Result<i64, StoreError> {
        if let Some(first) = self.first_events.get(&source) {
            return Ok(*first);
        }
        let mut select = self.connection.prepare_cached("SELECT first_event FROM source WHERE id = ?1")?;
        let first: Option<i64> = select.query_row([source], |row| row.get(0)).optional()?;
        let first = first.ok_or_else(|| StoreError::Damaged(format!("source {source} is not in the store")))?;
        self.first_events.insert(source, first);
        Ok(first)
    }

    fn add(
        &mut self,
        (event_type, key, names): (&EventType, KeyId, &[NameId]),
        (row, cells): (EventRow, &[RawCell<'_>]),
        (source, position): (SourceId, u64),
        out: &mut WholeEvents,
    ) -> Result<(), StoreError> {
        let EventRow { id, time_us, host, record, .. } = row;
        let (connection, values, batch) = (self.connection, &mut self.values, &mut out.batch);
        let fields_start = offset(batch.fields.len());
        for ((cell, column), name) in cells.iter().zip(&event_type.columns).zip(names) {
            if let Some(value) = values.field(connection, batch, cell, column, time_us)? {
                batch.fields.push(FieldEntry { name: *name, value });
            }
        }
        let host = host.map(|host| values.get(connection, host.0)).transpose()?;
        let host = host.and_then(|host| host.members().first().map(|host| batch.add_text(host)));
        let message = if event_type.has_messages { messages::read(connection, id.0)? } else { None };
        let message = message.map(|message| batch.add_text(&message));
        let recovered =
            self.has_recovered && connection.prepare_cached("SELECT 1 FROM recovered_event WHERE event = ?1")?.exists([id.0])?;
        let fields_end = offset(batch.fields.len());
        batch.events.push(BatchEvent {
            key,
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
        let identity = if self.has_identities { identity::key_of(connection, id.0, time_us)? } else { None };
        let aliases = if self.has_aliases { aliases(connection, id)? } else { Vec::new() };
        out.beside.push(BesideEvent { id, source, identity, aliases });
        Ok(())
    }
}

fn aliases(connection: &Connection, id: EventId) -> Result<Vec<(SourceId, u64)>, StoreError> {
    let sql = "SELECT source, position FROM event_alias WHERE event = ?1 ORDER BY source, position";
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map([id.0], |row| Ok((SourceId(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Store {
    /// Gives all visible events of a type by their ids, with all that the store knows of them, until the visitor breaks; says whether it
    /// did. `catalog` is this store's; fields come in the order of its columns, under their names.
    ///
    /// # Errors
    /// When SQLite fails, the store is damaged, or what `visit` returns.
    pub fn each_whole_event<E: From<StoreError>>(
        &self,
        catalog: &Catalog,
        event_type: TypeId,
        names: &Names,
        visit: &mut dyn FnMut(&WholeEvents) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        WholeEventReader::new(self, catalog, names)?.each_of_type(event_type, visit)
    }

    /// Reads the store as it is now, whatever another process writes meanwhile.
    ///
    /// # Errors
    /// When SQLite fails, or what `read` returns.
    pub fn at_one_time<T, E: From<StoreError>>(&self, read: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        self.connection.execute_batch("BEGIN").map_err(StoreError::from)?;
        self.catalog.replace(None);
        let done = read(self);
        // SQLite ends a transaction itself where it fails, and the error of the reader is the one to tell.
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK").map_err(StoreError::from)?;
        }
        done
    }
}
