//! Which event of this store is which of the other's: asked for those behind findings alone.

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::super::super::StoreError;
use super::super::id_set::IdSet;

/// A source and a position in it.
type SourcePlace = (i64, i64);

/// Events behind findings of the other store, while sources are merged.
#[derive(Default)]
pub(super) struct EvidencePlaces {
    /// Event → its source and position there.
    theirs: FxHashMap<i64, SourcePlace>,
    wanted: IdSet,
    /// Event there → id that was given to it here; it may be gone again, because this store had the event.
    written: FxHashMap<i64, i64>,
}

/// Event there → event here, for those that are here.
pub(super) type ResolvedPlaces = FxHashMap<i64, i64>;

impl EvidencePlaces {
    pub(super) fn new(other: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT e.id, e.source, coalesce(e.position, e.id - s.first_event + 1)
                   FROM (SELECT DISTINCT event FROM evidence) x JOIN event e ON e.id = x.event JOIN source s ON s.id = e.source";
        let mut select = other.prepare(sql)?;
        let mut rows = select.query([])?;
        let (mut theirs, mut wanted) = (FxHashMap::default(), IdSet::default());
        while let Some(row) = rows.next()? {
            let event = row.get(0)?;
            theirs.insert(event, (row.get(1)?, row.get(2)?));
            wanted.insert(event);
        }
        Ok(Self { theirs, wanted, written: FxHashMap::default() })
    }

    /// What was noted, once all sources are merged.
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Notes that an event was written.
    pub(super) fn written(&mut self, theirs: i64, own: i64) {
        if self.wanted.contains(theirs) {
            self.written.insert(theirs, own);
        }
    }

    /// Finds the events when all sources are merged: those that were written and stayed, and else what is at the same place of the
    /// same bytes.
    pub(super) fn resolve(self, connection: &Connection, sources: &FxHashMap<i64, i64>) -> Result<ResolvedPlaces, StoreError> {
        let mut found = ResolvedPlaces::default();
        let mut is_there = connection.prepare("SELECT 1 FROM event WHERE id = ?1")?;
        for (theirs, own) in &self.written {
            if is_there.exists([own])? {
                found.insert(*theirs, *own);
            }
        }
        let mut asked: FxHashMap<SourcePlace, Vec<i64>> = FxHashMap::default();
        for (event, (source, position)) in self.theirs.iter().filter(|(event, _)| !found.contains_key(event)) {
            if let Some(own) = sources.get(source) {
                asked.entry((*own, *position)).or_default().push(*event);
            }
        }
        by_counting(connection, &mut asked, &mut found)?;
        for sql in ["SELECT source, position, event FROM event_alias", "SELECT source, position, id FROM event WHERE position IS NOT NULL"]
        {
            by_rows(connection, sql, &mut asked, &mut found)?;
        }
        Ok(found)
    }
}

/// Events whose place is what counting the source's events gives.
fn by_counting(
    connection: &Connection,
    asked: &mut FxHashMap<SourcePlace, Vec<i64>>,
    found: &mut ResolvedPlaces,
) -> Result<(), StoreError> {
    let sql = "SELECT e.id FROM source s JOIN event e ON e.id = s.first_event + ?2 - 1
               WHERE s.id = ?1 AND e.source = ?1 AND coalesce(e.position, e.id - s.first_event + 1) = ?2";
    let mut select = connection.prepare(sql)?;
    let mut missing = FxHashMap::default();
    for (place, events) in asked.drain() {
        let mut rows = select.query([place.0, place.1])?;
        match rows.next()?.map(|row| row.get(0)).transpose()? {
            Some(own) => found.extend(events.into_iter().map(|event| (event, own))),
            None => drop(missing.insert(place, events)),
        }
    }
    *asked = missing;
    Ok(())
}

/// Events whose place stands in rows: one pass, because neither table is in the order of places.
fn by_rows(
    connection: &Connection,
    sql: &str,
    asked: &mut FxHashMap<SourcePlace, Vec<i64>>,
    found: &mut ResolvedPlaces,
) -> Result<(), StoreError> {
    if asked.is_empty() {
        return Ok(());
    }
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(events) = asked.remove(&(row.get(0)?, row.get(1)?)) {
            let own: i64 = row.get(2)?;
            found.extend(events.into_iter().map(|event| (event, own)));
        }
    }
    Ok(())
}
