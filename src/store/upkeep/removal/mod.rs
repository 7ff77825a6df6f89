//! Removing events for good: by their source ([`drop_sources`]) or by their time ([`purge`]).
//!
//! All of a command is one transaction: a kill leaves the store as it was, and the same command does it again. Counters of types
//! and sources stay true, findings keep their events as text, and ids are not given out again, because the watermark stays.
//! Values that no event has any more stay until the store is compacted: to know them, all events would have to be read.

mod drop_sources;
mod purge;
mod texts;

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use rustc_hash::FxHashMap;

use super::super::{Store, StoreError, kept_event, read};
use super::id_set::IdSet;
use crate::catalog::{Catalog, EventId, EventType, Storage, TypeId};
use texts::RemovedTexts;

pub use drop_sources::{DroppedSource, DroppedSources};
pub use purge::PurgeOutcome;

/// Rows of the table of all events that are looked at together.
const ROWS_AT_ONCE: usize = 50_000;

/// Forgets the hosts that no event has any more.
pub(super) const FORGET_HOSTS: &str = "DELETE FROM event_host WHERE value NOT IN (SELECT host FROM event WHERE host IS NOT NULL)";

/// An event, and whether it goes.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    id: i64,
    event_type: TypeId,
    source: i64,
    goes: bool,
}

/// Removes events of one store, in a transaction of the caller.
struct Remover<'s> {
    store: &'s Store,
    connection: &'s Connection,
    catalog: Catalog,
    /// Events behind findings.
    evidence: IdSet,
    /// Events that were carved from damaged areas: a source counts them apart.
    carved: IdSet,
    gone: IdSet,
    by_type: FxHashMap<TypeId, i64>,
    /// What sources lost, without what was carved.
    by_source: BTreeMap<i64, i64>,
    texts: RemovedTexts,
    /// Events that findings keep as text.
    kept: u64,
}

impl<'s> Remover<'s> {
    fn new(store: &'s Store) -> Result<Self, StoreError> {
        let connection = &store.connection;
        Ok(Self {
            store,
            connection,
            catalog: store.catalog()?,
            evidence: ids(connection, "SELECT event FROM evidence")?,
            carved: ids(connection, "SELECT event FROM recovered_event")?,
            gone: IdSet::default(),
            by_type: FxHashMap::default(),
            by_source: BTreeMap::new(),
            texts: RemovedTexts::default(),
            kept: 0,
        })
    }

    /// Removes those events between two ids, both included, that `goes` chooses by their row: `id, type, source, time_us`.
    fn remove_between(
        &mut self,
        first: i64,
        last: i64,
        goes: &dyn Fn(&Row<'_>) -> Result<bool, rusqlite::Error>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT id, type, source, time_us FROM event WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3";
        let limit = i64::try_from(ROWS_AT_ONCE).expect("a small number");
        let mut from = first;
        loop {
            // Read first and removed then: a table that is read must not change.
            let mut select = self.connection.prepare_cached(sql)?;
            let rows = select.query_map(params![from, last, limit], |row| {
                Ok(Candidate { id: row.get(0)?, event_type: TypeId(row.get(1)?), source: row.get(2)?, goes: goes(row)? })
            })?;
            let rows: Vec<Candidate> = rows.collect::<Result<_, _>>()?;
            drop(select);
            // Between the first and the last of a run there is no event that stays: ranges of ids can go at once.
            for run in rows.chunk_by(|a, b| a.goes == b.goes).filter(|run| run[0].goes) {
                self.store.watch.note_progress();
                self.remove_run(run)?;
            }
            match rows.last() {
                Some(row) if rows.len() == ROWS_AT_ONCE => from = row.id + 1,
                _ => return Ok(()),
            }
        }
    }

    fn remove_run(&mut self, run: &[Candidate]) -> Result<(), StoreError> {
        let (first, last) = (run[0].id, run[run.len() - 1].id);
        let mut types: Vec<TypeId> = Vec::new();
        for event in run {
            if self.evidence.contains(event.id) {
                self.keep(event)?;
            }
            self.gone.insert(event.id);
            *self.by_type.entry(event.event_type).or_default() += 1;
            *self.by_source.entry(event.source).or_default() += i64::from(!self.carved.contains(event.id));
            types.push(event.event_type);
        }
        types.sort_unstable();
        types.dedup();
        for id in types {
            if let Storage::Table(table) = &self.event_type(id)?.storage {
                self.connection.prepare_cached(&format!("DELETE FROM {table} WHERE _id BETWEEN ?1 AND ?2"))?.execute([first, last])?;
            }
        }
        self.texts.note(self.connection, first, last)?;
        for sql in [
            "DELETE FROM overflow WHERE event BETWEEN ?1 AND ?2",
            "DELETE FROM recovered_event WHERE event BETWEEN ?1 AND ?2",
            "DELETE FROM message WHERE event BETWEEN ?1 AND ?2",
            "DELETE FROM event_alias WHERE event BETWEEN ?1 AND ?2",
            "DELETE FROM event WHERE id BETWEEN ?1 AND ?2",
        ] {
            self.connection.prepare_cached(sql)?.execute([first, last])?;
        }
        Ok(())
    }

    fn event_type(&self, id: TypeId) -> Result<&EventType, StoreError> {
        self.catalog.event_type(id).ok_or_else(|| StoreError::Damaged(format!("events have the unknown type {}", id.0)))
    }

    /// Keeps an event as text.
    fn keep(&mut self, event: &Candidate) -> Result<(), StoreError> {
        let event_type = self.event_type(event.event_type)?;
        let envelope = read::envelope(self.connection, EventId(event.id))?;
        let whole = read::event(self.connection, event_type, envelope)?;
        kept_event::keep(self.connection, event_type, &whole)?;
        self.kept += 1;
        Ok(())
    }

    /// Brings all that counts events up to date. `may_have_lost` is the condition that a finding `f` with more events than are kept may
    /// have lost one of the others.
    fn finish(self, may_have_lost: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<u64, StoreError> {
        let connection = self.connection;
        for (id, count) in &self.by_type {
            connection.prepare_cached("UPDATE event_type SET events = events - ?2 WHERE id = ?1")?.execute(params![id.0, count])?;
        }
        for (id, count) in &self.by_source {
            connection.prepare_cached("UPDATE source SET removed = removed + ?2 WHERE id = ?1")?.execute([id, count])?;
        }
        forget_identities(connection, &self.gone)?;
        connection.execute(FORGET_HOSTS, [])?;
        self.texts.finish(self.store)?;
        let lost =
            "UPDATE finding SET lost_events = 1 WHERE id IN (SELECT x.finding FROM evidence x JOIN kept_event k ON k.event = x.event)";
        connection.execute(lost, [])?;
        let capped =
            format!("UPDATE finding AS f SET lost_events = 1 WHERE {} AND {may_have_lost}", super::super::finding_filter::is_capped());
        connection.execute(&capped, parameters)?;
        next_generation(connection)?;
        Ok(self.gone.len())
    }
}

/// Forgets the vendor's ids of events that are gone.
fn forget_identities(connection: &Connection, gone: &IdSet) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    let mut select = connection.prepare("SELECT key, event FROM event_identity")?;
    let mut rows = select.query([])?;
    let mut keys: Vec<(i64, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let event: i64 = row.get(1)?;
        if gone.contains(event) {
            keys.push((row.get(0)?, event));
        }
    }
    drop(rows);
    let mut delete = connection.prepare("DELETE FROM event_identity WHERE key = ?1 AND event = ?2")?;
    for (key, event) in keys {
        delete.execute([key, event])?;
    }
    Ok(())
}

/// The ids that a query gives.
fn ids(connection: &Connection, sql: &str) -> Result<IdSet, StoreError> {
    let mut set = IdSet::default();
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        set.insert(row.get(0)?);
    }
    Ok(set)
}

/// See [`Store::generation`].
pub(super) fn next_generation(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE watermark SET generation = generation + 1", [])?;
    Ok(())
}
