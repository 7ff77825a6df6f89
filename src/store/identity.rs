//! The vendor's ids of events: which new events may be there already.
//!
//! An id is kept as a number, the event's second and a hash of the id, so that what is near in time is near in the table,
//! and a load that brings one day touches the pages of that day. What meets here is a candidate: the events themselves
//! decide. Ids of the source that is being written wait in a temporary table, of any size within the same memory.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::dictionary::hash64;

/// Bits of the key that the hash has; the second has the rest.
// 31 bits of hash within one second: two ids that meet by chance cost one comparison of events.
const HASH_BITS: u32 = 31;
/// Seconds that a key can hold: until 2106. Later events have the last one.
const MAX_SECOND: i64 = u32::MAX as i64;
/// New events looked at before their pairs are compared: that many pairs are in memory, and a few more where ids repeat.
const CHUNK: i64 = 50_000;
/// Earlier events of one id that a new one is compared with. A vendor's id has one; a log made for harm may have one id for
/// all its events.
const MAX_CANDIDATES: i64 = 16;

/// Makes the temporary table, empty.
pub(super) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(
        "DROP TABLE IF EXISTS temp.new_identity; CREATE TEMP TABLE new_identity (event INTEGER PRIMARY KEY, key INTEGER NOT NULL);",
    )?;
    Ok(())
}

/// Notes the id of a new event.
pub(super) fn note(connection: &Connection, event: i64, time_us: Option<i64>, id: &str) -> Result<(), StoreError> {
    let hash = (hash64(id.as_bytes(), 0) >> (64 - HASH_BITS)).cast_signed();
    note_key(connection, event, first_key(time_us) | hash)
}

/// Notes the key of a new event's id.
pub(super) fn note_key(connection: &Connection, event: i64, key: i64) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT OR IGNORE INTO temp.new_identity (event, key) VALUES (?1, ?2)")?.execute(params![event, key])?;
    Ok(())
}

/// The lowest key of the events of a time.
fn first_key(time_us: Option<i64>) -> i64 {
    time_us.map_or(0, |us| us.div_euclid(1_000_000).clamp(0, MAX_SECOND)) << HASH_BITS
}

/// The key of a stored event, where it has one.
pub(super) fn key_of(connection: &Connection, event: i64, time_us: Option<i64>) -> Result<Option<i64>, StoreError> {
    let first = first_key(time_us);
    let mut select = connection.prepare_cached("SELECT key FROM event_identity WHERE key BETWEEN ?1 AND ?2 AND event = ?3")?;
    Ok(select.query_row(params![first, first | ((1 << HASH_BITS) - 1), event], |row| row.get(0)).optional()?)
}

/// Pairs of an earlier and a new event with the same id, from a new event on, and the new event to go on from.
pub(super) fn meetings(connection: &Connection, from: i64) -> Result<(Vec<(i64, i64)>, Option<i64>), StoreError> {
    let mut new = connection.prepare_cached("SELECT event, key FROM temp.new_identity WHERE event >= ?1 ORDER BY event LIMIT ?2")?;
    let mut old = connection.prepare_cached("SELECT event FROM event_identity WHERE key = ?1 ORDER BY event LIMIT ?2")?;
    let (mut pairs, mut seen, mut last) = (Vec::new(), 0, None);
    let mut rows = new.query(params![from, CHUNK])?;
    while let Some(row) = rows.next()? {
        let (event, key): (i64, i64) = (row.get(0)?, row.get(1)?);
        let mut earlier = old.query(params![key, MAX_CANDIDATES])?;
        while let Some(row) = earlier.next()? {
            pairs.push((row.get(0)?, event));
        }
        seen += 1;
        last = Some(event);
    }
    Ok((pairs, last.filter(|_| seen == CHUNK).map(|event| event + 1)))
}

/// Forgets a new event that is there already.
pub(super) fn forget(connection: &Connection, event: i64) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM temp.new_identity WHERE event = ?1")?.execute([event])?;
    Ok(())
}

/// Keeps the ids of a source that is complete, for later ones.
pub(super) fn keep(connection: &Connection) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO event_identity (key, event) SELECT key, event FROM temp.new_identity ORDER BY key, event")?
        .execute([])?;
    clear(connection)
}

/// Forgets the ids of a source that is given up.
pub(super) fn clear(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM temp.new_identity")?.execute([])?;
    Ok(())
}
