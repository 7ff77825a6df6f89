//! Another store into this one: two analysts, one archive.
//!
//! The sources of the other store are written through the same [`Writer`] as those that a reader reads, so that all that holds of a
//! load holds of a merge: no bytes twice, no event twice, one source at a time. Findings follow in one transaction at the end.
//! The other store is verified first and only read: it may come from a stranger.

mod findings;
mod places;
mod replay;

use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

use super::super::known::ArchiveId;
use super::super::{LedgerCount, SourceEnd, SourceStart, Store, StoreError, Writer};
use super::removal::next_generation;
use crate::catalog::SourceId;
use crate::event::Names;
use places::EvidencePlaces;
use replay::Replay;

/// What a merge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergeOutcome {
    /// Sources that this store did not have.
    pub sources: u64,
    /// Sources whose bytes it had.
    pub known_sources: u64,
    /// Events that it did not have.
    pub events: u64,
    /// Findings that it did not have.
    pub findings: u64,
    /// Findings that both had.
    pub known_findings: u64,
}

/// A row of the other store's ledger.
#[derive(Debug, Clone)]
struct OtherSource {
    id: i64,
    path: String,
    state: String,
    first_event: i64,
    last_event: i64,
    events: u64,
    archive: Option<i64>,
    duplicate_of: Option<i64>,
    end: SourceEnd,
}

impl Store {
    /// Brings what another store has into this one: sources with their events, findings with what was said of them. Calls `progress` with
    /// the number of events read so far. A merge that was killed is completed by another one.
    ///
    /// # Errors
    /// When the other store has faults, or SQLite fails.
    pub fn merge(&mut self, other: &Self, progress: &mut dyn FnMut(u64)) -> Result<MergeOutcome, StoreError> {
        if self.path().is_some_and(|path| other.path() == Some(path)) {
            return Err(StoreError::Refused("a store cannot be merged into itself".to_owned()));
        }
        let faults = other.verify()?.faults();
        if faults > 0 {
            return Err(StoreError::Refused(format!("the other store has faults ({faults}): verify it. Nothing was merged")));
        }
        // One view of the other store from its first source to its last finding.
        other.connection.execute_batch("BEGIN")?;
        let merged = self.merge_all(other, progress);
        other.connection.execute_batch("ROLLBACK")?;
        self.catalog.replace(None);
        merged
    }

    fn merge_all(&mut self, other: &Self, progress: &mut dyn FnMut(u64)) -> Result<MergeOutcome, StoreError> {
        next_generation(&self.connection)?;
        let (watch, catalog) = (self.watch.clone(), other.catalog()?);
        let names = Names::default();
        let mut merge = Merge {
            writer: self.writer()?,
            names: &names,
            replay: Replay::new(other, &catalog, &names)?,
            places: EvidencePlaces::new(&other.connection)?,
            sources: FxHashMap::default(),
            archives: FxHashMap::default(),
            read: 0,
            outcome: MergeOutcome::default(),
        };
        for source in sources(&other.connection)? {
            watch.note_progress();
            merge.source(&other.connection, &source, progress)?;
        }
        merge.complete_archives(&other.connection)?;
        let Merge { mut writer, replay, places, sources, mut outcome, .. } = merge;
        let places = places.resolve(writer.connection, &sources)?;
        findings::merge(&mut writer, other, &replay, places, &mut outcome)?;
        Ok(outcome)
    }
}

/// A merge at work.
struct Merge<'m, 'o> {
    writer: Writer<'m>,
    names: &'o Names,
    replay: Replay<'o>,
    places: EvidencePlaces,
    /// Sources of the other store → those of this one with the same bytes.
    sources: FxHashMap<i64, i64>,
    archives: FxHashMap<i64, i64>,
    /// Events that were read so far.
    read: u64,
    outcome: MergeOutcome,
}

impl Merge<'_, '_> {
    fn source(&mut self, other: &Connection, source: &OtherSource, progress: &mut dyn FnMut(u64)) -> Result<(), StoreError> {
        let connection = self.writer.connection;
        match source.state.as_str() {
            "duplicate" => {
                let of = source.duplicate_of.and_then(|of| self.sources.get(&of).copied());
                if let Some(of) = of {
                    self.writer.repeat_source(&source.path, SourceId(of))?;
                }
                return Ok(());
            }
            "complete" => {}
            _ => return skipped(connection, source),
        }
        if let Some(known) = known(connection, source)? {
            self.sources.insert(source.id, known);
            self.outcome.known_sources += 1;
            return self.writer.repeat_source(&source.path, SourceId(known)).map(drop);
        }
        self.writer.archive = source.archive.map(|archive| self.archive(other, archive)).transpose()?;
        self.writer.begin_source(&SourceStart { path: source.path.clone() })?;
        let mut plain = 0;
        let (writer, places, names, read) = (&mut self.writer, &mut self.places, self.names, &mut self.read);
        self.replay.each_batch(source, &mut |replayed| {
            let first = writer.next_event();
            writer.append(&replayed.batch, names)?;
            for (id, key) in (first..).zip(&replayed.keys) {
                if let Some(key) = key {
                    writer.note_identity(id, *key)?;
                }
            }
            for ((id, event), head) in (first..).zip(&replayed.ids).zip(&replayed.batch.events) {
                plain += u64::from(!head.recovered);
                places.written(*event, id);
            }
            *read += replayed.ids.len() as u64;
            progress(*read);
            Ok(())
        })?;
        let ledger = LedgerCount { events: source.events, removed: source.events.saturating_sub(plain) };
        let finished = self.writer.finish_source(&SourceEnd { ledger: Some(ledger), ..source.end.clone() })?;
        self.writer.archive = None;
        self.sources.insert(source.id, finished.duplicate_of.unwrap_or(finished.id).0);
        self.outcome.sources += 1;
        self.outcome.events += finished.new_events.saturating_sub(ledger.removed);
        Ok(())
    }

    /// The archive of this store that has the members of one of the other store.
    fn archive(&mut self, other: &Connection, id: i64) -> Result<ArchiveId, StoreError> {
        if let Some(known) = self.archives.get(&id) {
            return Ok(ArchiveId(*known));
        }
        let sql = "SELECT path, sha256, bytes, reader FROM archive WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let (path, sha256, bytes, reader): (String, String, i64, String) = other.prepare_cached(sql)?.query_row([id], read)?;
        let connection = self.writer.connection;
        let sql = "SELECT id FROM archive WHERE path = ?1 AND sha256 = ?2";
        let there: Option<i64> = connection.prepare_cached(sql)?.query_row([&path, &sha256], |row| row.get(0)).optional()?;
        let own = match there {
            Some(own) => own,
            None => {
                self.writer.begin_archive(&path, &sha256, bytes.unsigned_abs(), &reader)?;
                connection.last_insert_rowid()
            }
        };
        self.archives.insert(id, own);
        Ok(ArchiveId(own))
    }

    /// What was known of archives in the other store is known here, once all their members are.
    fn complete_archives(&self, other: &Connection) -> Result<(), StoreError> {
        for (theirs, own) in &self.archives {
            let sql = "SELECT complete FROM archive WHERE id = ?1";
            if other.prepare_cached(sql)?.query_row([theirs], |row| row.get(0))? {
                self.writer.connection.prepare_cached("UPDATE archive SET complete = 1 WHERE id = ?1")?.execute([own])?;
            }
        }
        Ok(())
    }
}

fn sources(other: &Connection) -> Result<Vec<OtherSource>, StoreError> {
    let sql = "SELECT id, path, state, first_event, last_event, events, archive, duplicate_of,
                   format, sha256, bytes, bad, recovered, reason, timezone, clock, reader
               FROM source WHERE state <> 'loading' ORDER BY id";
    let mut statement = other.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let count = |place| row.get::<_, i64>(place).map(i64::unsigned_abs);
        Ok(OtherSource {
            id: row.get(0)?,
            path: row.get(1)?,
            state: row.get(2)?,
            first_event: row.get(3)?,
            last_event: row.get(4)?,
            events: count(5)?,
            archive: row.get(6)?,
            duplicate_of: row.get(7)?,
            end: SourceEnd {
                format: row.get(8)?,
                sha256: row.get(9)?,
                bytes: count(10)?,
                bad: count(11)?,
                recovered: count(12)?,
                skipped: Some(row.get(13)?).filter(|reason: &String| !reason.is_empty()),
                timezone: row.get(14)?,
                clock: row.get(15)?,
                reader: row.get(16)?,
                ledger: None,
            },
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The source of this store that has the same bytes and gave as much.
fn known(connection: &Connection, source: &OtherSource) -> Result<Option<i64>, StoreError> {
    // No bytes at all are never the same: then it is the same path.
    let sql = "SELECT id FROM source WHERE sha256 = ?1 AND state = 'complete' AND events + recovered >= ?2 AND (bytes > 0 OR path = ?3)
               ORDER BY events + recovered DESC, id LIMIT 1";
    let total = i64::try_from(source.events + source.end.recovered).unwrap_or(i64::MAX);
    let found = connection.prepare_cached(sql)?.query_row(params![source.end.sha256, total, source.path], |row| row.get(0));
    Ok(found.optional()?)
}

/// Puts down what was not read.
fn skipped(connection: &Connection, source: &OtherSource) -> Result<(), StoreError> {
    let sql = "INSERT INTO source (path, format, state, sha256, bytes, bad, reason)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM source WHERE path = ?1 AND sha256 = ?4)";
    let OtherSource { path, state, end, .. } = source;
    let (bytes, bad) = (end.bytes.cast_signed(), end.bad.cast_signed());
    let reason = end.skipped.clone().unwrap_or_default();
    connection.prepare_cached(sql)?.execute(params![path, end.format, state, end.sha256, bytes, bad, reason])?;
    Ok(())
}
