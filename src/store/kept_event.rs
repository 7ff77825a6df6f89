//! Events that were removed from the store and are behind findings: kept as text, and read as if they were there.
//!
//! An event is in the table of all events or in that of kept ones, never in both. Statements over evidence join both
//! ([`JOIN_EVENT`]); who reads a single event gets it from here where it is not there.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::StoreError;
use super::envelope::Envelope;
use super::read::{StoredEvent, StoredValue};
use crate::catalog::{EventId, EventType, SourceId, TypeId};

/// Joins the event of `evidence x`: the row of one of the two is null. Who asks for events adds [`IS_THERE`].
pub(super) const JOIN_EVENT: &str = "LEFT JOIN event e ON e.id = x.event LEFT JOIN kept_event k ON k.event = x.event";
/// Whether `x` has an event at all.
pub(super) const IS_THERE: &str = "(e.id IS NOT NULL OR k.event IS NOT NULL)";
/// The time of the event of [`JOIN_EVENT`].
pub(super) const TIME: &str = "coalesce(e.time_us, k.time_us)";
/// The host of the event of [`JOIN_EVENT`], an id of the dictionary.
pub(super) const HOST: &str = "coalesce(e.host, k.host)";

/// The source of a kept event: it is not there any more.
const NO_SOURCE: SourceId = SourceId(0);

/// Reads all of a kept event but its fields.
pub(super) fn envelope(connection: &Connection, id: EventId) -> Result<Option<Envelope>, StoreError> {
    let sql = "SELECT k.type, k.time_us, v.text, k.path, k.record, k.position FROM kept_event k LEFT JOIN value v ON v.id = k.host WHERE k.event = ?1";
    let row = connection.prepare_cached(sql)?.query_row(params![id.0], |row| {
        let (host, path): (Option<String>, String) = (row.get(2)?, row.get(3)?);
        Ok(Envelope {
            id,
            event_type: TypeId(row.get(0)?),
            time_us: row.get(1)?,
            host: host.map(Arc::from),
            source: NO_SOURCE,
            path: Arc::from(path),
            record: row.get(4)?,
            position: row.get(5)?,
        })
    });
    Ok(row.optional()?)
}

/// Reads a kept event with all its fields.
pub(super) fn event(connection: &Connection, event_type: &EventType, envelope: Envelope) -> Result<StoredEvent, StoreError> {
    let sql = "SELECT fields_json, message FROM kept_event WHERE event = ?1";
    let texts = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (fields, message): (String, Option<String>) = connection.prepare_cached(sql)?.query_row(params![envelope.id.0], texts)?;
    let damaged = |_| StoreError::Damaged(format!("the kept event {} holds invalid JSON", envelope.id.0));
    let fields: Map<String, Value> = serde_json::from_str(&fields).map_err(damaged)?;
    let columns = event_type.columns.iter().map(|column| fields.get(&column.field).and_then(value_of)).collect();
    Ok(StoredEvent { envelope, columns, message, aliases: Vec::new() })
}

/// Where else a kept event was met, as its row has it.
pub(super) fn aliases(connection: &Connection, id: EventId) -> Result<String, StoreError> {
    let mut select = connection.prepare_cached("SELECT aliases_json FROM kept_event WHERE event = ?1")?;
    Ok(select.query_row([id.0], |row| row.get(0)).optional()?.unwrap_or_else(|| "[]".to_owned()))
}

/// Whether an event is kept here.
pub(super) fn is_kept(envelope: &Envelope) -> bool {
    envelope.source == NO_SOURCE
}

fn value_of(value: &Value) -> Option<StoredValue> {
    match value {
        Value::String(text) => Some(StoredValue::Text(text.clone())),
        Value::Array(members) => Some(StoredValue::List(members.iter().filter_map(Value::as_str).map(str::to_owned).collect())),
        _ => None,
    }
}

/// Keeps an event that is about to be removed.
pub(super) fn keep(connection: &Connection, event_type: &EventType, event: &StoredEvent) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO kept_event (event, type, time_us, host, record, position, path, sha256, fields_json, message, aliases_json)
               SELECT e.id, e.type, e.time_us, e.host, e.record, ?2, s.path, s.sha256, ?3, ?4,
                   (SELECT json_group_array(json_array(o.path, o.sha256, a.position)) FROM event_alias a JOIN source o ON o.id = a.source WHERE a.event = e.id)
               FROM event e JOIN source s ON s.id = e.source WHERE e.id = ?1";
    let envelope = &event.envelope;
    let row = params![envelope.id.0, envelope.position, fields(event_type, event), event.message];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Keeps an event of another store under an id of this one, with the numbers that its type and host have here.
pub(super) fn insert(
    connection: &Connection,
    id: i64,
    (own_type, host, sha256, aliases): (i64, Option<i64>, &str, &str),
    event_type: &EventType,
    event: &StoredEvent,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO kept_event (event, type, time_us, host, record, position, path, sha256, fields_json, message, aliases_json)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let Envelope { time_us, record, position, path, .. } = &event.envelope;
    let fields = fields(event_type, event);
    let row = params![id, own_type, time_us, host, record, position, path.as_ref(), sha256, fields, event.message, aliases];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// The fields of an event as JSON.
fn fields(event_type: &EventType, event: &StoredEvent) -> String {
    let mut fields = Map::new();
    for (column, value) in event_type.columns.iter().zip(&event.columns) {
        let value = match value {
            None => continue,
            Some(StoredValue::Text(text)) => Value::from(text.as_str()),
            Some(StoredValue::List(members)) => Value::from(members.clone()),
        };
        fields.insert(column.field.clone(), value);
    }
    Value::Object(fields).to_string()
}

/// Forgets, of findings that were found again, the kept events that were loaded again: those of a source with the same bytes.
pub(super) fn forget_loaded_again(connection: &Connection) -> Result<(), StoreError> {
    // The usual case costs a look into an empty table.
    if !connection.prepare_cached("SELECT 1 FROM kept_event")?.exists([])? {
        return Ok(());
    }
    let sql = "DELETE FROM evidence WHERE (finding, event) IN (
                   SELECT x.finding, x.event FROM evidence x CROSS JOIN kept_event k ON k.event = x.event
                   CROSS JOIN evidence y ON y.finding = x.finding JOIN event e ON e.id = y.event JOIN source s ON s.id = e.source
                   WHERE s.sha256 = k.sha256 AND coalesce(e.position, e.id - s.first_event + 1) = k.position)";
    connection.execute(sql, [])?;
    forget_unused(connection)?;
    Ok(())
}

/// Forgets kept events that no finding stands on any more. Returns how many these were.
pub(super) fn forget_unused(connection: &Connection) -> Result<usize, StoreError> {
    Ok(connection.execute("DELETE FROM kept_event WHERE event NOT IN (SELECT event FROM evidence)", [])?)
}
