//! Time, type and host of many events at once.

use rusqlite::{CachedStatement, Connection, params};

use super::StoreError;
use crate::catalog::{EventId, TypeId, ValueId};

/// Events whose ids are at most this far apart are read in one go.
// Stepping over a few small rows of `event` is cheaper than another look-up in its tree.
const GAP_MAX: i64 = 16;

/// What the table of all events has of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventStub {
    /// The event.
    pub id: EventId,
    /// Its type.
    pub event_type: TypeId,
    /// Its time in µs UTC.
    pub time_us: Option<i64>,
    /// Its host.
    pub host: Option<ValueId>,
}

/// Reads the stubs of ascending ids.
pub(super) fn stubs(connection: &Connection, ids: &[EventId]) -> Result<Vec<EventStub>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, type, time_us, host FROM event WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
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

fn read(statement: &mut CachedStatement<'_>, run: &[EventId], out: &mut Vec<EventStub>) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
    let mut rows = statement.query(params![first.0, last.0])?;
    let mut wanted = run.iter().peekable();
    while let Some(row) = rows.next()? {
        let id = EventId(row.get(0)?);
        while wanted.next_if(|next| **next < id).is_some() {}
        if wanted.next_if_eq(&&id).is_some() {
            let host: Option<i64> = row.get(3)?;
            out.push(EventStub { id, event_type: TypeId(row.get(1)?), time_us: row.get(2)?, host: host.map(ValueId) });
        }
    }
    Ok(())
}
