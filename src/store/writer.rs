//! The one writer: batches of events into tables, one source at a time.
//!
//! Events of a source have consecutive ids above the watermark; the watermark moves when the source is complete.
//! Until then nobody sees them, and a writer that starts anew removes them.
//!
//! A source is a transaction of its own, or several when it is long; small sources that are read already can share one
//! ([`Writer::begin_group`]), whose tables and columns are made all at once.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::dictionary::Dictionary;
use super::known::{ArchiveId, forget_repetition};
use super::same::{self, RecordRanges};
use super::texts::TextPacker;
use super::type_state::TypeState;
use super::{StoreError, catalog_sql, identity, messages::MessageWriter, schema};
use crate::catalog::{Catalog, SourceId};
use crate::event::{EventBatch, KeyId, Names};

/// Event types with a table of their own; later ones share the overflow table. The index `event_rare` has this number too.
// SQLite reads its whole schema at each start and keeps statements for each table: beyond this, rare types cost more than they save.
pub(super) const MAX_TYPE_TABLES: usize = 400;
/// Columns of one type's table and fields of its view, which has each twice and SQLite's limit is 2,000; fields met later
/// go to the overflow table.
pub(super) const MAX_COLUMNS: usize = 900;
/// Memory that a load takes for its caches where nobody says otherwise.
pub const LOAD_MEMORY: u64 = 256 * 1024 * 1024;
/// Pages of the file take so much of it: 32 MB of 256. More gain nothing, because a load writes behind what is there.
const PAGE_CACHE_SHARE: u64 = 8;
const MIN_PAGE_CACHE_KB: u64 = 1_024;
/// Events between two commits.
// Fewer, and the commits show in the time of a load; more, and the log grows by what is not committed.
const EVENTS_PER_COMMIT: u64 = 20_000;

/// What is known of a source when it is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStart {
    /// Its path, members after `!/`.
    pub path: String,
}

/// What is known of a source at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceEnd {
    /// Its format.
    pub format: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Records that could not be read.
    pub bad: u64,
    /// Records carved from damaged areas.
    pub recovered: u64,
    /// Why it is not an event log.
    pub skipped: Option<String>,
    /// The zone in which times that say none were read; empty: there were none.
    pub timezone: String,
    /// How far the times of its events are from those that Sysmon wrote into them.
    pub clock: String,
    /// The version and options of the reader that read all of it without damage; else empty.
    pub reader: String,
    /// What another store's ledger says of it, where its events come from there; none where a reader read them.
    pub ledger: Option<LedgerCount>,
}

/// The events of a source by the ledger of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerCount {
    /// Those that a reader found in it, without what was carved.
    pub events: u64,
    /// Those of them that were removed since and cannot be had from there.
    pub removed: u64,
}

/// What became of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOutcome {
    /// Its row in the ledger.
    pub id: SourceId,
    /// Events read from it.
    pub events: u64,
    /// Events that were not in the store before.
    pub new_events: u64,
    /// The complete source with the same bytes.
    pub duplicate_of: Option<SourceId>,
}

/// Writes events; see the module.
pub struct Writer<'s> {
    pub(super) connection: &'s Connection,
    pub(super) dictionary: Dictionary,
    pub(super) messages: MessageWriter,
    pub(super) texts: TextPacker,
    pub(super) types: Vec<TypeState>,
    by_key: FxHashMap<KeyId, usize>,
    by_identity: BTreeMap<(String, String, String), usize>,
    /// Names of the types' views.
    views: FxHashSet<String>,
    next_event: i64,
    watermark: i64,
    pub(super) source: Option<OpenSource>,
    /// The archive whose members are being written.
    pub(super) archive: Option<ArchiveId>,
    pub(super) uncommitted: u64,
    /// Sources share a transaction.
    pub(super) grouped: bool,
    /// What events are compared by; read when it is needed, and none once a type or a column came.
    pub(super) catalog: Option<Catalog>,
    hosts: FxHashMap<String, i64>,
}

pub(super) struct OpenSource {
    id: i64,
    first_event: i64,
    position_drifts: bool,
    first_time_us: Option<i64>,
    last_time_us: Option<i64>,
    records: RecordRanges,
    /// Some of its events have the vendor's id.
    has_identities: bool,
}

impl<'s> Writer<'s> {
    pub(super) fn new(connection: &'s Connection, memory: u64) -> Result<Self, StoreError> {
        super::ledger::recover(connection)?;
        connection.execute_batch(&format!("PRAGMA cache_size = -{}", (memory / PAGE_CACHE_SHARE / 1_024).max(MIN_PAGE_CACHE_KB)))?;
        identity::prepare(connection)?;
        let watermark: i64 = connection.query_row("SELECT last_event FROM watermark", [], |row| row.get(0))?;
        let mut writer = Self {
            connection,
            dictionary: Dictionary::open(connection, memory)?,
            messages: MessageWriter::new()?,
            texts: TextPacker::open(connection)?,
            types: Vec::new(),
            by_key: FxHashMap::default(),
            by_identity: BTreeMap::new(),
            views: FxHashSet::default(),
            next_event: watermark + 1,
            watermark,
            source: None,
            archive: None,
            uncommitted: 0,
            grouped: false,
            catalog: None,
            hosts: FxHashMap::default(),
        };
        for event_type in catalog_sql::read(connection)?.types {
            writer.types.push(TypeState::known(&event_type));
            writer.views.insert(event_type.view);
            let identity = (event_type.product, event_type.dataset.to_lowercase(), event_type.code);
            writer.by_identity.insert(identity, writer.types.len() - 1);
        }
        Ok(writer)
    }

    /// Begins a source. Only one is open at a time.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn begin_source(&mut self, start: &SourceStart) -> Result<SourceId, StoreError> {
        if !self.grouped {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
        }
        self.connection
            .prepare_cached("INSERT INTO source (path, state, first_event, archive) VALUES (?1, 'loading', ?2, ?3)")?
            .execute(params![start.path, self.next_event, self.archive.map(|archive| archive.0)])?;
        let id = self.connection.last_insert_rowid();
        self.source = Some(OpenSource {
            id,
            first_event: self.next_event,
            position_drifts: false,
            first_time_us: None,
            last_time_us: None,
            records: RecordRanges::default(),
            has_identities: false,
        });
        Ok(SourceId(id))
    }

    /// Appends a batch to the open source.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn append(&mut self, batch: &EventBatch, names: &Names) -> Result<(), StoreError> {
        let first = self.next_event;
        self.dictionary.begin_batch();
        self.write_envelopes(batch, names)?;
        for (type_index, events) in self.by_type(batch, names)? {
            self.write_type(type_index, batch, &events, first, names)?;
        }
        let count = batch.events.len() as u64;
        self.uncommitted += count;
        if self.uncommitted >= EVENTS_PER_COMMIT {
            self.connection.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
            self.uncommitted = 0;
        }
        Ok(())
    }

    /// The id that the next event gets.
    pub(super) fn next_event(&self) -> i64 {
        self.next_event
    }

    /// Notes the vendor's id of an event of the open source, by the key that another store has for it.
    pub(super) fn note_identity(&mut self, event: i64, key: i64) -> Result<(), StoreError> {
        self.source.as_mut().expect("a source is open").has_identities = true;
        identity::note_key(self.connection, event, key)
    }

    /// The events of a batch by their type, as indices.
    pub(super) fn by_type(&mut self, batch: &EventBatch, names: &Names) -> Result<BTreeMap<usize, Vec<usize>>, StoreError> {
        let mut by_type: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, head) in batch.events.iter().enumerate() {
            let type_index = self.type_index(head.key, names)?;
            by_type.entry(type_index).or_default().push(index);
        }
        Ok(by_type)
    }

    fn write_envelopes(&mut self, batch: &EventBatch, names: &Names) -> Result<(), StoreError> {
        let connection = self.connection;
        let mut insert = connection
            .prepare_cached("INSERT INTO event (id, type, time_us, host, source, record, position) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        for head in &batch.events {
            let type_index = self.type_index(head.key, names)?;
            let host = head.host.map(|span| self.host_id(batch.str(span))).transpose()?;
            let source = self.source.as_mut().expect("a source is open");
            let ordinal = u64::try_from(self.next_event - source.first_event + 1).expect("ids grow");
            source.position_drifts |= head.position != ordinal;
            let position = source.position_drifts.then(|| i64::try_from(head.position).unwrap_or(i64::MAX));
            source.first_time_us = min_time(source.first_time_us, head.time_us);
            source.last_time_us = source.last_time_us.max(head.time_us);
            if let Some(record) = head.record {
                source.records.note(self.types[type_index].id, host, record);
            }
            if let Some(span) = head.identity {
                source.has_identities = true;
                identity::note(connection, self.next_event, head.time_us, batch.str(span))?;
            }
            insert.execute(params![self.next_event, self.types[type_index].id, head.time_us, host, source.id, head.record, position])?;
            if head.recovered {
                connection.prepare_cached("INSERT INTO recovered_event (event) VALUES (?1)")?.execute(params![self.next_event])?;
            }
            self.next_event += 1;
        }
        Ok(())
    }

    fn host_id(&mut self, host: &str) -> Result<i64, StoreError> {
        if let Some(id) = self.hosts.get(host) {
            return Ok(*id);
        }
        let (id, _) = self.dictionary.id(self.connection, host, host.as_bytes(), false)?;
        self.connection.prepare_cached("INSERT OR IGNORE INTO event_host (value) VALUES (?1)")?.execute([id])?;
        // A log with a new host in each event must not fill the memory.
        if self.hosts.len() < 100_000 {
            self.hosts.insert(host.to_owned(), id);
        }
        Ok(id)
    }
}

impl Writer<'_> {
    fn type_index(&mut self, key: KeyId, names: &Names) -> Result<usize, StoreError> {
        if let Some(index) = self.by_key.get(&key) {
            return Ok(*index);
        }
        let parts = names.key(key);
        // Channels are compared without case, as Windows does.
        let identity = (parts.product.clone(), parts.dataset.to_lowercase(), parts.code.clone());
        let index = match self.by_identity.get(&identity) {
            Some(index) => *index,
            None => self.add_type(&parts.product, &parts.dataset, &parts.code)?,
        };
        self.by_identity.insert(identity, index);
        self.by_key.insert(key, index);
        Ok(index)
    }

    fn add_type(&mut self, product: &str, dataset: &str, code: &str) -> Result<usize, StoreError> {
        if self.types.len() >= catalog_sql::MAX_EVENT_TYPES {
            return Err(StoreError::TooManyTypes);
        }
        let overflow = TypeState::is_rare(self.types.len());
        let view = schema::type_view(product, dataset, code, &|name| self.views.contains(name));
        self.connection.execute(
            "INSERT INTO event_type (product, dataset, code, storage, view) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![product, dataset, code, if overflow { "overflow" } else { "table" }, view],
        )?;
        let id = u32::try_from(self.connection.last_insert_rowid()).map_err(|_| StoreError::Damaged("too many event types".to_owned()))?;
        self.views.insert(view);
        self.catalog = None;
        self.types.push(TypeState::new(id, product, overflow));
        Ok(self.types.len() - 1)
    }

    /// Completes the open source, or removes its events where the same bytes are there already.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn finish_source(&mut self, end: &SourceEnd) -> Result<SourceOutcome, StoreError> {
        let source = self.source.take().expect("a source is open");
        // Before the count: a block that is not written yet belongs to this source.
        self.messages.flush(self.connection)?;
        let total = u64::try_from(self.next_event - source.first_event).expect("ids grow");
        let events = end.ledger.map_or_else(|| total.saturating_sub(end.recovered), |ledger| ledger.events);
        let removed = end.ledger.map_or(0, |ledger| ledger.removed);
        // Of several with these bytes, the one that gave most: what is new, it does not have.
        let earlier: Option<(i64, i64)> = self
            .connection
            .prepare_cached("SELECT id, events + recovered FROM source WHERE sha256 = ?1 AND state = 'complete' ORDER BY 2 DESC, 1")?
            .query_row(params![end.sha256], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .filter(|_| end.bytes > 0);
        // The same bytes may give more than they did: to another version of the reader, or with other options.
        let duplicate_of = earlier.filter(|(_, before)| signed(events + end.recovered) <= *before).map(|(id, _)| id);
        let mut new_events = 0;
        if duplicate_of.is_some() {
            self.remove_pending(source.first_event)?;
        } else {
            let left = total - self.merge_same(&source, earlier.map(|(id, _)| id))?;
            let recovered: i64 = self
                .connection
                .prepare_cached("SELECT count(*) FROM recovered_event WHERE event >= ?1")?
                .query_row([source.first_event], |row| row.get(0))?;
            new_events = left.saturating_sub(recovered.unsigned_abs()) + removed;
            // Only now, in the transaction of the source: from here on its events are there for every reader.
            self.publish()?;
        }
        let state = match (&end.skipped, duplicate_of) {
            (Some(_), _) => "skipped",
            (None, Some(_)) => "duplicate",
            (None, None) => "complete",
        };
        self.connection.prepare_cached(
            "UPDATE source SET format = ?2, state = ?3, sha256 = ?4, bytes = ?5, events = ?6, new_events = ?7, bad = ?8, recovered = ?9, duplicate_of = ?10,
                 last_event = ?11, first_time_us = ?12, last_time_us = ?13, reason = ?14, timezone = ?15, clock = ?16, reader = ?17,
                 removed = ?18 WHERE id = ?1",
        )?.execute(
            params![
                source.id, end.format, state, end.sha256, signed(end.bytes), signed(events), signed(new_events), signed(end.bad), signed(end.recovered), duplicate_of,
                self.next_event - 1, source.first_time_us, source.last_time_us, end.skipped.clone().unwrap_or_default(), end.timezone, end.clock, end.reader,
                signed(if duplicate_of.is_some() { 0 } else { removed })
            ],
        )?;
        // After its row is written: the comparison is with what the ledger says.
        if state != "complete" {
            forget_repetition(self.connection, source.id)?;
        }
        self.connection.prepare_cached("UPDATE watermark SET last_event = ?1")?.execute(params![self.watermark])?;
        self.end_transaction()?;
        Ok(SourceOutcome { id: SourceId(source.id), events, new_events, duplicate_of: duplicate_of.map(SourceId) })
    }

    /// Takes the open source back: it will not be finished, and nothing of it stays.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn abandon_source(&mut self) -> Result<(), StoreError> {
        let source = self.source.take().expect("a source is open");
        self.remove_pending(source.first_event)?;
        self.connection.prepare_cached("DELETE FROM source WHERE id = ?1")?.execute(params![source.id])?;
        self.end_transaction()
    }

    /// Removes the events that are there already in other bytes, and returns how many.
    fn merge_same(&mut self, source: &OpenSource, earlier: Option<i64>) -> Result<u64, StoreError> {
        let mut catalog = self.catalog.take();
        let mut read = || self.read_catalog();
        let new = same::NewSource {
            id: source.id,
            first_event: source.first_event,
            records: &source.records,
            has_identities: source.has_identities,
            earlier,
        };
        let merged = same::merge(self.connection, &mut catalog, &mut read, &new)?;
        self.catalog = catalog;
        source.records.save(self.connection, source.id)?;
        if source.has_identities {
            identity::keep(self.connection)?;
        }
        for state in &mut self.types {
            state.pending -= merged.get(&state.id).copied().unwrap_or(0);
        }
        Ok(merged.values().sum())
    }

    /// Reads the catalog, with what of it is not written yet.
    fn read_catalog(&self) -> Result<Catalog, StoreError> {
        let mut catalog = catalog_sql::read(self.connection)?;
        for (event_type, state) in catalog.types.iter_mut().zip(&self.types) {
            event_type.has_messages = state.has_messages;
        }
        Ok(catalog)
    }

    /// Moves the watermark over the events of the open source.
    fn publish(&mut self) -> Result<(), StoreError> {
        self.watermark = self.next_event - 1;
        for state in &mut self.types {
            if state.pending > 0 || state.changed {
                self.connection
                    .prepare_cached("UPDATE event_type SET events = events + ?2, has_messages = ?3 WHERE id = ?1")?
                    .execute(params![state.id, signed(state.pending), state.has_messages])?;
                state.pending = 0;
                state.changed = false;
            }
        }
        Ok(())
    }

    fn remove_pending(&mut self, first_event: i64) -> Result<(), StoreError> {
        identity::clear(self.connection)?;
        self.messages.clear();
        let filled: Vec<u32> = self.types.iter().filter(|state| state.pending > 0 && !state.overflow).map(|state| state.id).collect();
        super::ledger::remove_from(self.connection, &filled, first_event)?;
        // Given out again: a load that was stopped leaves no gap.
        self.next_event = first_event;
        for state in &mut self.types {
            state.pending = 0;
            state.filled.fill(0); // the ids are given out again
        }
        Ok(())
    }
}

/// A writer that goes away in the middle of a source leaves the connection fit for the next one.
impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK").ok();
        }
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn min_time(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
