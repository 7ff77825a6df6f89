//! Sources that come from elsewhere than a reader: from another store, or from another form of one.
//!
//! They are written through the same [`Writer`] as those that a reader reads, so that all that holds of a load holds of them: no bytes
//! twice, no event twice, one source at a time.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;

use super::super::known::ArchiveId;
use super::super::{LedgerCount, SourceEnd, SourceStart, Store, StoreError, WholeEvents, Writer};
use crate::catalog::{EventId, SourceId};
use crate::event::Names;

/// The ledger of a store, as another store needs it to know what it would know had it loaded the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The finished sources, in the order they were loaded; ids ascend.
    pub sources: Vec<LedgerSource>,
    /// The files with members.
    pub archives: Vec<LedgerArchive>,
}

/// A row of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSource {
    /// Its number there.
    pub id: SourceId,
    /// As found; members after `!/`.
    pub path: String,
    /// What became of it.
    pub state: LedgerState,
    /// Events that a reader found in it, without what was carved.
    pub events: u64,
    /// The archive whose member it is.
    pub archive: Option<ArchiveId>,
    /// The source with the same bytes.
    pub duplicate_of: Option<SourceId>,
    /// All else.
    pub end: SourceEnd,
}

/// What became of a finished source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerState {
    /// It was read.
    Complete,
    /// Another source has its bytes.
    Duplicate,
    /// It holds no events.
    Skipped,
}

/// A file with members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerArchive {
    /// Its number in the ledger.
    pub id: ArchiveId,
    /// Its path.
    pub path: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Length of the file.
    pub bytes: u64,
    /// The version and options of the reader.
    pub reader: String,
    /// All members were read, and nothing was damaged.
    pub complete: bool,
}

/// Takes events of a source: writes them, and returns the id of the first; breaks where nobody wants more.
pub type TakeEvents<'t, E> = dyn FnMut(&WholeEvents) -> Result<ControlFlow<(), EventId>, E> + 't;

/// Whoever has the events of sources.
pub trait SourceFeed {
    /// What can go wrong.
    type Error: From<StoreError>;

    /// Gives all events of a complete source in the order of their positions, also those that another source has too. Sources are asked for
    /// in the order of their ids, each once; those whose bytes are known are not asked for.
    ///
    /// # Errors
    /// When the events cannot be read, or what `take` returns.
    fn each_batch(&mut self, source: &LedgerSource, take: &mut TakeEvents<'_, Self::Error>) -> Result<(), Self::Error>;
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportOutcome {
    /// Sources that the store did not have.
    pub sources: u64,
    /// Sources whose bytes it had.
    pub known_sources: u64,
    /// Events that it did not have.
    pub events: u64,
    /// It was stopped before its end; what was complete by then is there.
    pub interrupted: bool,
}

impl Store {
    /// Reads the ledger of finished sources and archives.
    ///
    /// # Errors
    /// When SQLite fails or the store is damaged.
    pub fn ledger(&self) -> Result<Ledger, StoreError> {
        Ok(Ledger { sources: sources(&self.connection)?, archives: archives(&self.connection)? })
    }

    /// Brings the sources of a ledger in, with the events that the feed has of them. `memory`: bytes for caches. `progress` hears how many
    /// events were read so far, and may stop the work: then the source at hand is taken back. An import again does the rest.
    ///
    /// # Errors
    /// When SQLite fails, or what the feed returns.
    pub fn import<F: SourceFeed>(
        &mut self,
        ledger: &Ledger,
        (names, memory): (&Names, u64),
        feed: &mut F,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ImportOutcome, F::Error> {
        let watch = self.watch.clone();
        let mut import = SourceImport::new(self.writer_within(memory)?, names, &ledger.archives);
        for source in &ledger.sources {
            watch.note_progress();
            if import.source(source, feed, progress)?.is_break() {
                import.outcome.interrupted = true;
                return Ok(import.outcome);
            }
        }
        import.complete_archives()?;
        Ok(import.outcome)
    }
}

/// An import at work.
pub(super) struct SourceImport<'m> {
    pub(super) writer: Writer<'m>,
    names: &'m Names,
    /// Archives of the ledger → those of this store with the same bytes.
    archives: FxHashMap<ArchiveId, (&'m LedgerArchive, Option<ArchiveId>)>,
    /// Sources of the ledger → those of this store with the same bytes.
    pub(super) sources: FxHashMap<i64, i64>,
    /// Events that were read so far.
    read: u64,
    pub(super) outcome: ImportOutcome,
}

impl<'m> SourceImport<'m> {
    pub(super) fn new(writer: Writer<'m>, names: &'m Names, archives: &'m [LedgerArchive]) -> Self {
        let archives = archives.iter().map(|archive| (archive.id, (archive, None))).collect();
        Self { writer, names, archives, sources: FxHashMap::default(), read: 0, outcome: ImportOutcome::default() }
    }

    /// Brings a source in; breaks where `progress` does.
    pub(super) fn source<F: SourceFeed>(
        &mut self,
        source: &LedgerSource,
        feed: &mut F,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, F::Error> {
        if let Some(at_once) = self.without_events(source)? {
            return Ok(at_once);
        }
        self.writer.archive = source.archive.map(|archive| self.archive(archive)).transpose()?.flatten();
        self.writer.begin_source(&SourceStart { path: source.path.clone() })?;
        let (mut plain, mut stopped) = (0, false);
        let (writer, names, read) = (&mut self.writer, self.names, &mut self.read);
        feed.each_batch(source, &mut |events| {
            let first = writer.next_event();
            writer.append(&events.batch, names)?;
            for (id, beside) in (first..).zip(&events.beside) {
                if let Some(key) = beside.identity {
                    writer.note_identity(id, key)?;
                }
            }
            plain += events.batch.events.iter().map(|head| u64::from(!head.recovered)).sum::<u64>();
            *read += events.beside.len() as u64;
            stopped |= progress(*read).is_break();
            Ok(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(EventId(first)) })
        })?;
        if stopped {
            self.writer.abandon_source()?;
            return Ok(ControlFlow::Break(()));
        }
        let ledger = LedgerCount { events: source.events, removed: source.events.saturating_sub(plain) };
        let finished = self.writer.finish_source(&SourceEnd { ledger: Some(ledger), ..source.end.clone() })?;
        self.writer.archive = None;
        self.sources.insert(source.id.0, finished.duplicate_of.unwrap_or(finished.id).0);
        self.outcome.sources += 1;
        self.outcome.events += finished.new_events.saturating_sub(ledger.removed);
        Ok(ControlFlow::Continue(()))
    }

    /// Puts down a source of which no events are needed; none where they are.
    fn without_events(&mut self, source: &LedgerSource) -> Result<Option<ControlFlow<()>>, StoreError> {
        match source.state {
            LedgerState::Duplicate => {
                let of = source.duplicate_of.and_then(|of| self.sources.get(&of.0).copied());
                if let Some(of) = of {
                    self.writer.repeat_source(&source.path, SourceId(of))?;
                }
            }
            LedgerState::Skipped => skipped(self.writer.connection, source)?,
            LedgerState::Complete => {
                let Some(known) = known(self.writer.connection, source)? else { return Ok(None) };
                self.sources.insert(source.id.0, known);
                self.outcome.known_sources += 1;
                self.writer.repeat_source(&source.path, SourceId(known))?;
            }
        }
        // All members must be there where an archive is known.
        let archive = source.archive.map(|archive| self.archive(archive)).transpose()?.flatten();
        self.writer.archive = None;
        let sql = "UPDATE source SET reader = ?3, archive = coalesce(archive, ?4)
                   WHERE path = ?1 AND sha256 = ?2 AND reader = '' AND state IN ('duplicate', 'skipped')";
        let (end, archive) = (&source.end, archive.map(|archive| archive.0));
        self.writer.connection.prepare_cached(sql)?.execute(params![source.path, end.sha256, end.reader, archive])?;
        Ok(Some(ControlFlow::Continue(())))
    }

    /// The archive of this store that has the members of one of the ledger.
    fn archive(&mut self, id: ArchiveId) -> Result<Option<ArchiveId>, StoreError> {
        let Some((archive, known)) = self.archives.get_mut(&id) else { return Ok(None) };
        if known.is_some() {
            return Ok(*known);
        }
        let connection = self.writer.connection;
        let sql = "SELECT id FROM archive WHERE path = ?1 AND sha256 = ?2";
        let there: Option<i64> =
            connection.prepare_cached(sql)?.query_row([&archive.path, &archive.sha256], |row| row.get(0)).optional()?;
        let own = match there {
            Some(own) => own,
            None => {
                self.writer.begin_archive(&archive.path, &archive.sha256, archive.bytes, &archive.reader)?;
                connection.last_insert_rowid()
            }
        };
        *known = Some(ArchiveId(own));
        Ok(*known)
    }

    /// What the ledger knew of archives is known here, once all their members are.
    pub(super) fn complete_archives(&self) -> Result<(), StoreError> {
        for (archive, own) in self.archives.values() {
            if let Some(own) = own.filter(|_| archive.complete) {
                self.writer.connection.prepare_cached("UPDATE archive SET complete = 1 WHERE id = ?1")?.execute([own.0])?;
            }
        }
        Ok(())
    }
}

fn sources(connection: &Connection) -> Result<Vec<LedgerSource>, StoreError> {
    let sql =
        "SELECT id, path, state, events, archive, duplicate_of, format, sha256, bytes, bad, recovered, reason, timezone, clock, reader
               FROM source WHERE state <> 'loading' ORDER BY id";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let count = |place| row.get::<_, i64>(place).map(i64::unsigned_abs);
        let number = |place| row.get::<_, Option<i64>>(place);
        let end = SourceEnd {
            format: row.get(6)?,
            sha256: row.get(7)?,
            bytes: count(8)?,
            bad: count(9)?,
            recovered: count(10)?,
            skipped: Some(row.get(11)?).filter(|reason: &String| !reason.is_empty()),
            timezone: row.get(12)?,
            clock: row.get(13)?,
            reader: row.get(14)?,
            ledger: None,
        };
        let state = match row.get_ref(2)?.as_str()? {
            "complete" => LedgerState::Complete,
            "duplicate" => LedgerState::Duplicate,
            _ => LedgerState::Skipped,
        };
        let (archive, duplicate_of) = (number(4)?.map(ArchiveId), number(5)?.map(SourceId));
        Ok(LedgerSource { id: SourceId(row.get(0)?), path: row.get(1)?, state, events: count(3)?, archive, duplicate_of, end })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn archives(connection: &Connection) -> Result<Vec<LedgerArchive>, StoreError> {
    let mut statement = connection.prepare("SELECT id, path, sha256, bytes, reader, complete FROM archive ORDER BY id")?;
    let read = |row: &Row<'_>| {
        let bytes: i64 = row.get(3)?;
        Ok(LedgerArchive {
            id: ArchiveId(row.get(0)?),
            path: row.get(1)?,
            sha256: row.get(2)?,
            bytes: bytes.unsigned_abs(),
            reader: row.get(4)?,
            complete: row.get(5)?,
        })
    };
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// The source of this store that has the same bytes and gave as much.
fn known(connection: &Connection, source: &LedgerSource) -> Result<Option<i64>, StoreError> {
    // No bytes at all are never the same: then it is the same path.
    let sql = "SELECT id FROM source WHERE sha256 = ?1 AND state = 'complete' AND events + recovered >= ?2 AND (bytes > 0 OR path = ?3)
               ORDER BY events + recovered DESC, id LIMIT 1";
    let total = i64::try_from(source.events + source.end.recovered).unwrap_or(i64::MAX);
    let found = connection.prepare_cached(sql)?.query_row(params![source.end.sha256, total, source.path], |row| row.get(0));
    Ok(found.optional()?)
}

/// Puts down what was not read.
fn skipped(connection: &Connection, source: &LedgerSource) -> Result<(), StoreError> {
    let sql = "INSERT INTO source (path, format, state, sha256, bytes, bad, reason)
               SELECT ?1, ?2, 'skipped', ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM source WHERE path = ?1 AND sha256 = ?3)";
    let LedgerSource { path, end, .. } = source;
    let (bytes, bad) = (end.bytes.cast_signed(), end.bad.cast_signed());
    let reason = end.skipped.clone().unwrap_or_default();
    connection.prepare_cached(sql)?.execute(params![path, end.format, end.sha256, bytes, bad, reason])?;
    Ok(())
}
