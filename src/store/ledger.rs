//! The ledger of sources, and what happens to a source that was never finished.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use crate::catalog::SourceId;

/// A source as `retrohunt sources` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceRow {
    /// Its number in the ledger.
    pub id: SourceId,
    /// As found; members after `!/`.
    pub path: String,
    /// Its format; empty where it is none.
    pub format: String,
    /// Events in it, whether or not seen before.
    pub events: u64,
    /// Events that were new.
    pub new_events: u64,
    /// Records that could not be read.
    pub bad: u64,
    /// Records carved from damaged areas.
    pub recovered: u64,
    /// Path of the source with the same bytes.
    pub duplicate_of: Option<String>,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Time of its first event.
    pub first_time_us: Option<i64>,
    /// Time of its last event.
    pub last_time_us: Option<i64>,
    /// Its length.
    pub bytes: u64,
    /// Why it holds no events, where it was skipped.
    pub reason: String,
    /// The zone in which times that say none were read; empty: there were none.
    pub timezone: String,
    /// How far the times of its events are from those that Sysmon wrote into them; empty: they agree.
    pub clock: String,
    /// Of its new events, those that were removed since.
    pub removed: u64,
}

const SELECT: &str = "SELECT s.path, s.format, s.events, s.new_events, s.bad, s.recovered, d.path, s.sha256, s.first_time_us, s.last_time_us, s.bytes, s.reason,
                      s.timezone, s.clock, s.id, s.removed
               FROM source s LEFT JOIN source d ON d.id = s.duplicate_of WHERE s.state <> 'loading'";

/// All finished sources, in the order they were loaded.
pub(super) fn sources(connection: &Connection) -> Result<Vec<SourceRow>, StoreError> {
    let mut statement = connection.prepare(&format!("{SELECT} ORDER BY s.id"))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One finished source.
pub(super) fn source(connection: &Connection, id: SourceId) -> Result<SourceRow, StoreError> {
    let row = connection.prepare_cached(&format!("{SELECT} AND s.id = ?1"))?.query_row([id.0], read).optional()?;
    row.ok_or_else(|| StoreError::Damaged(format!("source {} is not there", id.0)))
}

fn read(row: &Row<'_>) -> rusqlite::Result<SourceRow> {
    let count = |index: usize| row.get::<_, i64>(index).map(|n| u64::try_from(n).unwrap_or(0));
    Ok(SourceRow {
        id: SourceId(row.get(14)?),
        path: row.get(0)?,
        format: row.get(1)?,
        events: count(2)?,
        new_events: count(3)?,
        bad: count(4)?,
        recovered: count(5)?,
        duplicate_of: row.get(6)?,
        sha256: row.get(7)?,
        first_time_us: row.get(8)?,
        last_time_us: row.get(9)?,
        bytes: count(10)?,
        reason: row.get(11)?,
        timezone: row.get(12)?,
        clock: row.get(13)?,
        removed: count(15)?,
    })
}

/// Removes a source that a killed load left unfinished.
pub(super) fn recover(connection: &Connection) -> Result<(), StoreError> {
    let unfinished: i64 = connection.query_row("SELECT count(*) FROM source WHERE state = 'loading'", [], |row| row.get(0))?;
    // The usual case costs one count: a store is not locked for writing when nothing is left over.
    if unfinished == 0 {
        return Ok(());
    }
    // What lies above the watermark was never published: removing it changes nothing that anybody has seen.
    let watermark: i64 = connection.query_row("SELECT last_event FROM watermark", [], |row| row.get(0))?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut statement = connection.prepare("SELECT id FROM event_type WHERE storage = 'table'")?;
    let types: Vec<u32> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    remove_from(connection, &types, watermark + 1)?;
    connection.execute_batch("DELETE FROM source WHERE state = 'loading'; COMMIT")?;
    Ok(())
}

/// Removes all events from `first_event` on; `types` are those with a table that may have some.
pub(super) fn remove_from(connection: &Connection, types: &[u32], first_event: i64) -> Result<(), StoreError> {
    for id in types {
        connection.execute(&format!("DELETE FROM e{id} WHERE _id >= ?1"), params![first_event])?;
    }
    for (table, column) in [
        ("overflow", "event"),
        ("recovered_event", "event"),
        ("message", "event"),
        ("message_block", "id"),
        ("event_alias", "event"),
        ("event", "id"),
    ] {
        connection.execute(&format!("DELETE FROM {table} WHERE {column} >= ?1"), params![first_event])?;
    }
    Ok(())
}
