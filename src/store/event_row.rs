//! Rows of the table of all events, many at once, and those that are wanted among rows that are read.

use std::iter::Peekable;
use std::slice::Iter;

use rusqlite::{CachedStatement, Connection, Row, params};

use super::StoreError;
use crate::catalog::{EventId, TypeId, ValueId};

/// Events whose ids are at most this far apart are read in one go.
// Stepping over a few small rows of `event` is cheaper than another look-up in its tree.
const GAP_MAX: i64 = 16;

/// What the table of all events has of one, as it stands there: a host is an id of the dictionary, because those who read
/// millions of rows look each host up once. With its texts, and where it is from, an event is a [`super::Envelope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRow {
    /// The event.
    pub id: EventId,
    /// Its type.
    pub event_type: TypeId,
    /// Its time in µs UTC.
    pub time_us: Option<i64>,
    /// Its host.
    pub host: Option<ValueId>,
    /// Its record number.
    pub record: Option<i64>,
}

/// The wanted events, met by reading a range of rows that has others too. Both ascend.
pub struct Wanted<'w, T> {
    rest: Peekable<Iter<'w, T>>,
    id_of: fn(&T) -> EventId,
}

impl<'w, T> Wanted<'w, T> {
    /// Nothing is read yet.
    pub fn new(wanted: &'w [T], id_of: fn(&T) -> EventId) -> Self {
        Self { rest: wanted.iter().peekable(), id_of }
    }

    /// What is wanted of an event that was read; `None`: nothing.
    pub fn meet(&mut self, read: EventId) -> Option<&'w T> {
        let id_of = self.id_of;
        while self.rest.next_if(|next| id_of(next) < read).is_some() {}
        self.rest.next_if(|next| id_of(next) == read)
    }
}

/// Visits all rows up to an event.
pub(super) fn each(connection: &Connection, last: EventId, visit: &mut dyn FnMut(EventRow)) -> Result<(), StoreError> {
    let sql = "SELECT id, type, time_us, host, record FROM event WHERE id <= ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![last.0])?;
    while let Some(row) = rows.next()? {
        visit(event_row(row)?);
    }
    Ok(())
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    let host: Option<i64> = row.get(3)?;
    Ok(EventRow {
        id: EventId(row.get(0)?),
        event_type: TypeId(row.get(1)?),
        time_us: row.get(2)?,
        host: host.map(ValueId),
        record: row.get(4)?,
    })
}

/// Reads the rows of ascending ids.
pub(super) fn event_rows(connection: &Connection, ids: &[EventId]) -> Result<Vec<EventRow>, StoreError> {
    let sql = "SELECT id, type, time_us, host, record FROM event WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut out = Vec::with_capacity(ids.len());
    for run in ids.chunk_by(|a, b| b.0 - a.0 <= GAP_MAX) {
        read(&mut statement, run, &mut out)?;
    }
    // A finding names an event that is not there: a damaged store must not look like one with fewer findings.
    match ids.len() - out.len() {
        0 => Ok(out),
        missing => Err(StoreError::Damaged(format!("{missing} events are not in the store"))),
    }
}

fn read(statement: &mut CachedStatement<'_>, run: &[EventId], out: &mut Vec<EventRow>) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
    let mut rows = statement.query(params![first.0, last.0])?;
    let mut wanted = Wanted::new(run, |id| *id);
    while let Some(row) = rows.next()? {
        if wanted.meet(EventId(row.get(0)?)).is_some() {
            out.push(event_row(row)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_events_are_met_among_others() {
        let ids = [2, 3, 7, 9].map(EventId);
        let mut wanted = Wanted::new(&ids, |id| *id);
        let met: Vec<i64> = (1..=8).filter_map(|id| wanted.meet(EventId(id))).map(|id| id.0).collect();
        assert_eq!(met, [2, 3, 7]);
        assert_eq!(wanted.meet(EventId(20)), None, "a wanted event that was not read is passed over");
    }
}
