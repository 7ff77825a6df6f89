//! The store: one SQLite file with everything that was loaded and found.
//!
//! Only this module knows SQLite. Writing goes through [`Writer`]; reading through [`Store::scan`] for whole event
//! types, [`Store::event`] for single events, and SQL for everything else.

mod catalog_sql;
mod cell;
mod check;
mod details;
mod dictionary;
mod encode;
mod envelope;
mod error;
mod event_row;
mod fields;
mod finding_filter;
mod finding_groups;
mod finding_identity;
mod finding_rows;
mod finding_summary;
mod finding_times;
mod findings;
mod functions;
mod group;
mod hunt_writer;
mod identity;
mod kept_event;
mod known;
mod lake_home;
mod ledger;
mod lock;
mod messages;
mod migrate;
mod open;
mod pack;
mod pages;
mod place;
mod query;
pub(crate) mod quote;
mod read;
mod record;
mod report_rows;
mod risk;
mod risk_ranking;
mod rule_rows;
mod rule_state;
mod same;
mod scan;
mod schema;
#[cfg(test)]
mod tests;
mod texts;
mod time;
mod timeline;
mod triage;
mod type_state;
mod upkeep;
mod value_cache;
mod value_pages;
mod values;
mod view_queries;
mod views;
mod watch;
mod whole_event;
mod write_type;
mod writer;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Connection;

pub use cell::RawCell;
pub use details::{TESTED, is_said, is_somebody, joined, joined_behind, one_line};
pub use envelope::{Envelope, EnvelopeReader};
pub use error::StoreError;
pub use event_row::{EventRow, Wanted};
pub use fields::FieldsReader;
pub use finding_filter::FindingFilter;
pub use finding_groups::{FindingGroup, FindingOrder, FindingTotals, GroupBy};
pub use finding_rows::{EvidenceRow, FindingRow, RemovedSource, RuleText, UnkeptEvents};
pub use finding_summary::FindingSummary;
pub use findings::{
    DESCRIBED_EVENTS, EVIDENCE_CAP, Finding, FindingDescription, FindingRiskObject, HuntId, HuntOutcome, HuntRecord, HuntedRule,
    RuleOutcome, UndescribedFinding,
};
pub use hunt_writer::{HuntWriter, SQL_BYTES_MAX};
pub use known::{ArchiveId, Known, KnownBytes};
pub use lake_home::{LakeRow, LakeUnitId, LakeUnitWriter, StoreOrigin};
pub use ledger::SourceRow;
pub use messages::{MessageBlocks, MessagePlace};
pub use open::LogWriter;
pub use query::{QueryLimits, QueryResult, SqlValue, TypedQueries, TypedQuery};
pub use read::{Alias, StoredEvent, StoredValue};
pub use report_rows::RuleOutcomeRow;
pub use risk::RiskEvent;
pub use risk_ranking::RankedObject;
pub use rule_state::{LastHunt, RuleMemories, RuleMemory};
pub use scan::{CellsReader, EventRange, EventReader, ScanCache};
pub use time::time_cell;
pub use timeline::{TimeSpan, TimelineEvent};
pub use triage::Triage;
pub use upkeep::{
    BackupOutcome, CompactOutcome, DroppedSource, DroppedSources, ImportOutcome, Ledger, LedgerArchive, LedgerSource, LedgerState,
    MergeOutcome, PurgeOutcome, SourceFeed, SourceStateCount, StoreInfo, StoreVerdict, TableSpace, TakeEvents, VerifiedPart,
};
pub use value_pages::ValueReader;
pub use views::ViewDefinition;
pub(crate) use views::{has_ids, id_name, select_with_ids, view_columns};
pub use whole_event::{BesideEvent, WholeEvents};
pub use writer::{LOAD_MEMORY, LedgerCount, SourceEnd, SourceOutcome, SourceStart, Writer};

use functions::SharedBases;
use lock::WriteLock;
use open::Written;
use watch::Watch;

use crate::catalog::{Catalog, Column, ColumnIndex, EventId, EventType, ValueId};
use crate::ir::RuleMeta;

/// One open store.
pub struct Store {
    // Fields are dropped in this order: the connection before the right to write.
    connection: Connection,
    catalog: RefCell<Option<Catalog>>,
    watch: Watch,
    /// What SQL reads packed texts with.
    bases: SharedBases,
    /// Connections for reading that wait for who needs one.
    spare: RefCell<Vec<Store>>,
    /// What a session of writing has to tidy up.
    written: Option<Written>,
    _lock: Option<WriteLock>,
}

impl Store {
    /// Opens a store for reading and writing, or makes a new one; finishes what a killed load left. There is one writer at
    /// a time: another is waited for, for some seconds.
    ///
    /// # Errors
    /// When the file is not a store, is newer than this program, is being written to, or SQLite fails.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (watch, bases) = (Watch::new(), SharedBases::default());
        let (connection, written, lock) = open::for_writing(path, &watch, &bases)?;
        let mut store = Self::of(connection, watch, bases);
        (store.written, store._lock) = (Some(written), Some(lock));
        Ok(store)
    }

    /// Opens a store for reading. Nothing is written, so the file and its folder may be read-only.
    ///
    /// # Errors
    /// When there is no such file, it is not a store, or it is newer than this program.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let (watch, bases) = (Watch::new(), SharedBases::default());
        Ok(Self::of(open::for_reading(path, &watch, &bases)?, watch, bases))
    }

    /// Makes a store in memory.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn in_memory() -> Result<Self, StoreError> {
        let (watch, bases) = (Watch::new(), SharedBases::default());
        Ok(Self::of(open::in_memory(&watch, &bases)?, watch, bases))
    }

    fn of(connection: Connection, watch: Watch, bases: SharedBases) -> Self {
        Self { connection, catalog: RefCell::new(None), watch, bases, spare: RefCell::default(), written: None, _lock: None }
    }

    /// Opens the same file once more, for reading while this store is written: it sees what is committed.
    ///
    /// # Errors
    /// When the store is in memory, or SQLite fails.
    pub fn reader(&self) -> Result<Self, StoreError> {
        if let Some(reader) = self.spare_reader() {
            return Ok(reader);
        }
        match self.path() {
            Some(path) => Self::open_read_only(path),
            None => Err(StoreError::Refused("a store in memory cannot be opened a second time".to_owned())),
        }
    }

    /// Where the store is; none: in memory.
    pub fn path(&self) -> Option<&Path> {
        self.connection.path().filter(|path| !path.is_empty()).map(Path::new)
    }

    /// Takes readers of this store back, for the next who asks for one: to open one takes as long as to read ten thousand events.
    pub fn keep_readers(&self, readers: impl IntoIterator<Item = Self>) {
        let readers = readers.into_iter().inspect(|reader| {
            reader.catalog.replace(None);
        });
        self.spare.borrow_mut().extend(readers);
    }

    /// A reader that waits for who asks for one.
    pub fn spare_reader(&self) -> Option<Self> {
        self.spare.borrow_mut().pop()
    }

    /// Commits leave the log as it is from now on: [`LogWriter`] writes it into the file, or [`Self::close`].
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn defer_log(&self) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "wal_autocheckpoint", 0)?)
    }

    /// What writes the log into the file on another thread; none where nothing is written.
    pub fn log_writer(&self) -> Option<LogWriter> {
        self.written.as_ref().map(Written::log_writer)
    }

    /// Lets go of the store and says whether all is where it was opened. Dropping a store does the same and says nothing.
    ///
    /// # Errors
    /// When the file was removed or replaced meanwhile, or SQLite fails.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.spare.take();
        self.written.take().map_or(Ok(()), |written| written.release(&self.connection))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.spare.take();
        if let Some(written) = self.written.take() {
            drop(written.release(&self.connection)); // `close` is for those who ask
        }
    }
}

impl Store {
    /// Reads the catalog of what is visible.
    ///
    /// # Errors
    /// When SQLite fails or the store is damaged.
    pub fn catalog(&self) -> Result<Catalog, StoreError> {
        if let Some(catalog) = &*self.catalog.borrow() {
            return Ok(catalog.clone());
        }
        let catalog = catalog_sql::read(&self.connection)?;
        *self.catalog.borrow_mut() = Some(catalog.clone());
        Ok(catalog)
    }

    /// Starts writing events.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn writer(&mut self) -> Result<Writer<'_>, StoreError> {
        self.writer_within(LOAD_MEMORY)
    }

    /// Starts writing events, with so many bytes of memory for caches. The store is the same however many they are.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn writer_within(&mut self, memory: u64) -> Result<Writer<'_>, StoreError> {
        self.catalog.replace(None);
        Writer::new(&self.connection, memory)
    }

    /// Lists the finished sources in the order they were loaded.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn sources(&self) -> Result<Vec<SourceRow>, StoreError> {
        ledger::sources(&self.connection)
    }

    /// The sources that were dropped and have events that findings keep, by path.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn removed_sources(&self) -> Result<Vec<RemovedSource>, StoreError> {
        finding_rows::removed_sources(&self.connection)
    }

    /// The last visible event.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn last_event(&self) -> Result<EventId, StoreError> {
        Ok(EventId(self.connection.query_row("SELECT last_event FROM watermark", [], |row| row.get(0))?))
    }

    /// Reads raw cells of a type's events in order. What is not visible is not read, whatever the range says.
    ///
    /// # Errors
    /// When SQLite fails or the visitor does.
    pub fn scan(
        &self,
        event_type: &EventType,
        columns: &[ColumnIndex],
        range: EventRange,
        visit: &mut dyn FnMut(EventId, &[RawCell<'_>]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let range = EventRange { last: range.last.min(self.last_event()?), ..range };
        scan::scan(&self.connection, event_type, columns, range, &mut |event, cells| {
            self.watch.note_progress();
            visit(event, cells)
        })
    }

    /// How many events of a type may be in a range of ids; none where there is not one. The bounds of time are not asked.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn events_in(&self, event_type: &EventType, range: EventRange) -> Result<Option<u64>, StoreError> {
        self.watch.note_progress();
        scan::events_in(&self.connection, event_type, EventRange { last: range.last.min(self.last_event()?), ..range })
    }

    /// As [`Store::scan`], with the place of each event's rendered text.
    ///
    /// # Errors
    /// When SQLite fails or the visitor does.
    pub fn scan_with_messages(
        &self,
        event_type: &EventType,
        columns: &[ColumnIndex],
        range: EventRange,
        visit: &mut dyn FnMut(EventId, Option<MessagePlace>, &[RawCell<'_>]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let range = EventRange { last: range.last.min(self.last_event()?), ..range };
        scan::scan_with_messages(&self.connection, event_type, columns, range, &mut |event, place, cells| {
            self.watch.note_progress();
            visit(event, place, cells)
        })
    }

    /// Reads events of a type with their heads, by their ids.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn event_reader<'s>(&'s self, event_type: &'s EventType, columns: &[ColumnIndex]) -> Result<EventReader<'s>, StoreError> {
        self.watch.note_progress();
        EventReader::new(&self.connection, event_type, columns)
    }

    /// Reads the rendered text of an event.
    ///
    /// # Errors
    /// When SQLite fails or the text is damaged.
    pub fn message(&self, id: EventId) -> Result<Option<String>, StoreError> {
        messages::read(&self.connection, id.0)
    }

    /// Where the rendered text of an event lies; none where it has none.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn message_place(&self, id: EventId) -> Result<Option<MessagePlace>, StoreError> {
        messages::place(&self.connection, id.0)
    }

    /// Visits every message by the ids of events, also those of a source that is not finished.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn each_message_place(&self, visit: &mut dyn FnMut(EventId, MessagePlace)) -> Result<(), StoreError> {
        self.watch.note_progress();
        messages::each_place(&self.connection, visit)
    }

    /// Visits all blocks of rendered text by their ids, as [`MessageBlocks::texts`] gives them, until the visitor breaks.
    ///
    /// # Errors
    /// When a block is damaged, or SQLite or the visitor fails.
    pub fn each_message_block(&self, visit: &mut dyn FnMut(i64, &[u8]) -> Result<ControlFlow<()>, StoreError>) -> Result<(), StoreError> {
        messages::each_block(&self.connection, visit)
    }

    /// Reads rendered text block by block.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn message_blocks(&self) -> Result<MessageBlocks<'_>, StoreError> {
        MessageBlocks::new(&self.connection)
    }

    /// The hosts of the events, each once; none where there are more than `most`. Those of a load that was stopped may be
    /// among them.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn hosts(&self, most: usize) -> Result<Option<Vec<String>>, StoreError> {
        let sql = "SELECT v.text FROM event_host h JOIN value v ON v.id = h.value ORDER BY h.value LIMIT ?1";
        let mut select = self.connection.prepare_cached(sql)?;
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let hosts: Vec<String> = select.query_map([limit], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok((hosts.len() <= most).then_some(hosts))
    }

    /// The first and the last event of a type that has a table of its own; none of another, or where it is empty.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn event_span(&self, event_type: &EventType) -> Result<Option<(EventId, EventId)>, StoreError> {
        scan::span(&self.connection, event_type)
    }

    /// The time of the newest event (µs UTC).
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn newest_time(&self) -> Result<Option<i64>, StoreError> {
        // The ledger knows, and has a row a source: the events would all have to be read.
        let sql = "SELECT max(last_time_us) FROM source WHERE state = 'complete'";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Reads a value of the dictionary.
    ///
    /// # Errors
    /// When there is none, or SQLite fails.
    pub fn value(&self, id: ValueId) -> Result<StoredValue, StoreError> {
        read::value(&self.connection, id)
    }

    /// Keeps the page cache small for scans, as long as what is returned lives.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn scan_cache(&self) -> Result<ScanCache<'_>, StoreError> {
        ScanCache::new(&self.connection)
    }

    /// Reads many values of the dictionary, one by one. No transaction may begin on this store while it lives.
    pub fn value_reader(&self) -> ValueReader<'_> {
        ValueReader::new(&self.connection)
    }

    /// Visits every text of the dictionary, the members of lists too; lists themselves are left out.
    ///
    /// # Errors
    /// When SQLite fails or the store is damaged.
    pub fn each_text(&self, visit: &mut dyn FnMut(ValueId, &str)) -> Result<(), StoreError> {
        values::each_text(&self.connection, &mut |id, text| {
            self.watch.note_progress();
            visit(id, text);
        })
    }

    /// Visits the members of every list: the list, the member.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn each_list_member(&self, visit: &mut dyn FnMut(ValueId, ValueId)) -> Result<(), StoreError> {
        self.watch.note_progress();
        values::each_member(&self.connection, visit)
    }

    /// Reads an event with all its fields.
    ///
    /// # Errors
    /// When there is none, or SQLite fails.
    pub fn event(&self, id: EventId) -> Result<StoredEvent, StoreError> {
        self.read_event(id, read::event)
    }

    /// Reads an event with all its fields, but without its rendered text, which costs more than all of them.
    ///
    /// # Errors
    /// When there is none, or SQLite fails.
    pub fn event_fields(&self, id: EventId) -> Result<StoredEvent, StoreError> {
        self.read_event(id, read::fields)
    }

    /// Reads the cells of single events of a type.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn cells_reader<'s>(&'s self, event_type: &'s EventType, columns: &[ColumnIndex]) -> Result<CellsReader<'s>, StoreError> {
        CellsReader::new(&self.connection, event_type, columns)
    }

    /// Reads fields of many events: those of the columns that are `wanted` of a type, ascending. `catalog` is this store's.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn fields_reader<'s>(
        &'s self,
        catalog: &'s Catalog,
        wanted: impl Fn(&EventType) -> Vec<ColumnIndex> + 's,
    ) -> Result<FieldsReader<'s>, StoreError> {
        FieldsReader::new(&self.connection, catalog, Box::new(wanted))
    }

    fn read_event(
        &self,
        id: EventId,
        read: fn(&Connection, &EventType, Envelope) -> Result<StoredEvent, StoreError>,
    ) -> Result<StoredEvent, StoreError> {
        let envelope = read::envelope(&self.connection, id)?;
        if self.catalog.borrow().is_none() {
            self.catalog()?;
        }
        let catalog = self.catalog.borrow();
        let event_type = catalog.as_ref().and_then(|c| c.event_type(envelope.event_type));
        let event_type = event_type.ok_or_else(|| StoreError::Damaged(format!("event {} has an unknown type", id.0)))?;
        read(&self.connection, event_type, envelope)
    }

    /// Reads the envelopes of many events.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn envelopes(&self) -> Result<EnvelopeReader<'_>, StoreError> {
        EnvelopeReader::new(&self.connection)
    }

    /// Reads the rows of events in the table of all events; the ids ascend.
    ///
    /// # Errors
    /// When one is not there, or SQLite fails.
    pub fn event_rows(&self, ids: &[EventId]) -> Result<Vec<EventRow>, StoreError> {
        event_row::event_rows(&self.connection, ids)
    }

    /// Visits the rows of all visible events in the table of all events, by their ids.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn each_event_row(&self, visit: &mut dyn FnMut(EventRow)) -> Result<(), StoreError> {
        event_row::each(&self.connection, self.last_event()?, &mut |row| {
            self.watch.note_progress();
            visit(row);
        })
    }

    /// What a cell says: a text, a list or nothing. `time_us` is the time of its event.
    ///
    /// # Errors
    /// When a value is missing, or SQLite fails.
    pub fn cell_value(&self, cell: &RawCell<'_>, column: &Column, time_us: Option<i64>) -> Result<Option<StoredValue>, StoreError> {
        read::render(&self.connection, cell, column, time_us)
    }

    /// Makes the store ready for statements that somebody typed: reading only, within limits.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn typed_queries(&mut self, limits: &QueryLimits) -> Result<TypedQueries<'_>, StoreError> {
        self.typed_queries_until(limits, || false)
    }

    /// As [`Store::typed_queries`], for statements that end when somebody wishes it.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn typed_queries_until(
        &mut self,
        limits: &QueryLimits,
        is_cancelled: impl Fn() -> bool + Send + 'static,
    ) -> Result<TypedQueries<'_>, StoreError> {
        self.bases.load(&self.connection)?;
        TypedQueries::new(&mut self.connection, &self.watch, limits, is_cancelled)
    }

    /// Runs one statement that somebody typed and collects its rows.
    ///
    /// # Errors
    /// When it is not allowed, runs into a limit, or SQLite fails.
    pub fn query(&mut self, sql: &str, parameters: &[SqlValue], limits: &QueryLimits) -> Result<QueryResult, StoreError> {
        let queries = self.typed_queries(limits)?;
        let mut query = queries.prepare(sql)?;
        let mut result = QueryResult { columns: query.columns().to_vec(), rows: Vec::new() };
        query.each::<StoreError>(parameters, &mut |row| {
            result.rows.push(row);
            Ok(())
        })?;
        Ok(result)
    }

    /// Runs a statement of the program's own.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn run(&self, sql: &str, parameters: &[SqlValue]) -> Result<QueryResult, StoreError> {
        self.watch.note_progress();
        self.bases.load(&self.connection)?;
        query::run(&self.connection, sql, parameters)
    }

    /// Starts saving a hunt: its findings become visible together, when it is finished.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn hunt_writer(&self, hunt: &HuntRecord, rules: &[HuntedRule<'_>]) -> Result<HuntWriter<'_>, StoreError> {
        HuntWriter::new(&self.connection, hunt, rules)
    }

    /// Saves what became of rules that a hunt could not take along: each with its reason.
    ///
    /// # Errors
    /// When SQLite fails; then nothing is saved.
    pub fn save_outcomes(&self, hunt: HuntId, left_out: &[(RuleMeta, RuleOutcome, String)]) -> Result<(), StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut outcomes = rule_rows::RuleOutcomes::read(&transaction, hunt)?;
        for (meta, outcome, reason) in left_out {
            outcomes.set(&transaction, hunt, meta, *outcome, reason)?;
        }
        outcomes.finish(&transaction, hunt)?;
        Ok(transaction.commit()?)
    }

    /// How many hunts there were, and how many findings are current.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn hunts_and_findings(&self) -> Result<(u64, u64), StoreError> {
        let count = |sql| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|n| u64::try_from(n).unwrap_or(0));
        Ok((count("SELECT count(*) FROM hunt")?, count("SELECT count(*) FROM finding WHERE state = 'current'")?))
    }

    /// Reads the events behind findings in the order of time, each once.
    ///
    /// # Errors
    /// When SQLite fails, or what `visit` returns.
    pub fn each_timeline_event<E: From<StoreError>>(
        &self,
        filter: &FindingFilter,
        span: TimeSpan,
        visit: &mut dyn FnMut(TimelineEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        timeline::each(&self.connection, filter, span, visit)
    }

    /// The events of the same hosts that are at most so far in time from one behind a finding, in the order of time.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn events_around(&self, filter: &FindingFilter, span: TimeSpan, around_us: i64) -> Result<Vec<EventId>, StoreError> {
        timeline::around(&self.connection, filter, span, around_us, self.last_event()?)
    }

    /// Counts findings by what they have in common.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn finding_groups(&self, filter: &FindingFilter, by: GroupBy, order: FindingOrder) -> Result<Vec<FindingGroup>, StoreError> {
        finding_groups::groups(&self.connection, filter, by, order)
    }

    /// Counts findings by level, status, rule, host and day.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn finding_summary(&self, filter: &FindingFilter) -> Result<FindingSummary, StoreError> {
        finding_summary::summary(&self.connection, filter)
    }

    /// Counts findings.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn finding_totals(&self, filter: &FindingFilter) -> Result<FindingTotals, StoreError> {
        finding_groups::totals(&self.connection, filter)
    }

    /// Reads findings in the order they were first found, or in the one that the filter asks for.
    ///
    /// # Errors
    /// When SQLite fails or the store is damaged.
    pub fn findings(&self, filter: &FindingFilter) -> Result<Vec<FindingRow>, StoreError> {
        let mut rows = Vec::new();
        self.each_finding::<StoreError>(filter, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Passes findings on one at a time, in the order they were first found.
    ///
    /// # Errors
    /// When SQLite fails, the store is damaged, or the visitor fails.
    pub fn each_finding<E: From<StoreError>>(
        &self,
        filter: &FindingFilter,
        visit: &mut dyn FnMut(FindingRow) -> Result<(), E>,
    ) -> Result<(), E> {
        finding_rows::each_finding(&self.connection, filter, visit)
    }

    /// When each hunt began (µs UTC), by its number.
    pub fn hunt_times(&self) -> Result<BTreeMap<i64, i64>, StoreError> {
        let mut statement = self.connection.prepare("SELECT id, started_us FROM hunt")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Reads the evidence of findings, by finding and event.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn evidence(&self, filter: &FindingFilter) -> Result<Vec<EvidenceRow>, StoreError> {
        finding_rows::evidence(&self.connection, filter)
    }

    /// Counts the events that findings have beyond those that are kept of each.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn unkept_events(&self, filter: &FindingFilter) -> Result<UnkeptEvents, StoreError> {
        finding_rows::unkept_events(&self.connection, filter)
    }

    /// Makes the text views anew: one per event type, `events`, and the given ones over several types.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn make_views(&mut self, definitions: &[ViewDefinition]) -> Result<(), StoreError> {
        views::make(&mut self.connection, definitions)
    }

    /// Makes the text views of event types anew where they are behind the tables.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn ensure_views(&mut self) -> Result<(), StoreError> {
        views::catch_up(&mut self.connection)
    }

    /// Ends a session of writing: one file again, statistics for the query planner.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize;")?;
        open::checkpoint(&self.connection)?;
        self.written.as_ref().map_or(Ok(()), Written::check)
    }
}
