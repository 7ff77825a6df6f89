//! Reads single events and values back.

use rusqlite::{Connection, OptionalExtension, params};

use super::cell::RawCell;
use super::envelope::Envelope;
use super::time::time_cell;
use super::{StoreError, kept_event, messages, scan};
use crate::catalog::{Column, ColumnIndex, Encoding, EventId, EventType, SourceId, TypeId, ValueId};

/// A value with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredValue {
    /// One text.
    Text(String),
    /// A multivalue, in order.
    List(Vec<String>),
}

impl StoredValue {
    /// Its members: one for a text.
    pub fn members(&self) -> &[String] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(members) => members,
        }
    }
}

/// An event with all its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its envelope.
    pub envelope: Envelope,
    /// Values by column of the event type; `None` where the event lacks the field.
    pub columns: Vec<Option<StoredValue>>,
    /// Its rendered text.
    pub message: Option<String>,
    /// Where else it was met in other bytes.
    pub aliases: Vec<Alias>,
}

/// Another source that holds the same event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The path of that source.
    pub path: String,
    /// 1-based line or ordinal there.
    pub position: i64,
}

/// Reads a value of the dictionary.
pub(super) fn value(connection: &Connection, id: ValueId) -> Result<StoredValue, StoreError> {
    let row: Option<(String, bool)> = connection
        .prepare_cached("SELECT text, is_list FROM value WHERE id = ?1")?
        .query_row(params![id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((text, is_list)) = row else { return Err(StoreError::Damaged(format!("value {} is missing", id.0))) };
    if !is_list {
        return Ok(StoredValue::Text(text));
    }
    let mut statement = connection
        .prepare_cached("SELECT v.text FROM value_item i JOIN value v ON v.id = i.value WHERE i.list = ?1 ORDER BY i.position")?;
    let members = statement.query_map(params![id.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(StoredValue::List(members))
}

/// Reads the envelope of an event, also of one that was removed and is kept for findings.
pub(super) fn envelope(connection: &Connection, id: EventId) -> Result<Envelope, StoreError> {
    let sql = "SELECT e.type, e.time_us, v.text, e.source, s.path, e.record, coalesce(e.position, e.id - s.first_event + 1)
               FROM event e JOIN source s ON s.id = e.source LEFT JOIN value v ON v.id = e.host WHERE e.id = ?1";
    let row = connection.prepare_cached(sql)?.query_row(params![id.0], |row| {
        Ok(Envelope {
            id,
            event_type: TypeId(row.get(0)?),
            time_us: row.get(1)?,
            host: row.get(2)?,
            source: SourceId(row.get(3)?),
            path: row.get(4)?,
            record: row.get(5)?,
            position: row.get(6)?,
        })
    });
    match row.optional()? {
        Some(envelope) => Ok(envelope),
        None => kept_event::envelope(connection, id)?.ok_or_else(|| StoreError::Damaged(format!("event {} is not in the store", id.0))),
    }
}

/// Reads an event with all its fields.
pub(super) fn event(connection: &Connection, event_type: &EventType, envelope: Envelope) -> Result<StoredEvent, StoreError> {
    if kept_event::is_kept(&envelope) {
        return kept_event::event(connection, event_type, envelope);
    }
    let id = envelope.id;
    let message = if event_type.has_messages { messages::read(connection, id.0)? } else { None };
    Ok(StoredEvent { message, aliases: aliases(connection, id)?, ..fields(connection, event_type, envelope)? })
}

/// Reads the fields of an event, without its rendered text and where else it was met.
pub(super) fn fields(connection: &Connection, event_type: &EventType, envelope: Envelope) -> Result<StoredEvent, StoreError> {
    if kept_event::is_kept(&envelope) {
        return kept_event::event(connection, event_type, envelope);
    }
    let id = envelope.id;
    let all: Vec<ColumnIndex> = (0..event_type.columns.len()).map(|i| ColumnIndex(u32::try_from(i).expect("few columns"))).collect();
    let range = scan::EventRange { first: id, last: id, since_us: None, until_us: None };
    let mut columns = Vec::with_capacity(all.len());
    scan::scan(connection, event_type, &all, range, &mut |_, cells| {
        for (cell, column) in cells.iter().zip(&event_type.columns) {
            columns.push(render(connection, cell, column, envelope.time_us)?);
        }
        Ok(std::ops::ControlFlow::Break(()))
    })?;
    Ok(StoredEvent { envelope, columns, message: None, aliases: Vec::new() })
}

fn aliases(connection: &Connection, id: EventId) -> Result<Vec<Alias>, StoreError> {
    let sql =
        "SELECT s.path, a.position FROM event_alias a JOIN source s ON s.id = a.source WHERE a.event = ?1 ORDER BY a.source, a.position";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([id.0], |row| Ok(Alias { path: row.get(0)?, position: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a cell says.
pub(super) fn render(
    connection: &Connection,
    cell: &RawCell<'_>,
    column: &Column,
    time_us: Option<i64>,
) -> Result<Option<StoredValue>, StoreError> {
    Ok(Some(match (cell, column.encoding) {
        (RawCell::Null, _) => return Ok(None),
        (RawCell::Text(text), _) => StoredValue::Text((*text).to_owned()),
        (RawCell::Value(id), _) => value(connection, *id)?,
        (RawCell::Int(id), Encoding::Dictionary) => value(connection, ValueId(*id))?,
        (RawCell::Int(number), Encoding::Inline) => StoredValue::Text(number.to_string()),
        (RawCell::Int(difference), Encoding::Time(shape)) => StoredValue::Text(time_cell(shape, *difference, time_us)),
    }))
}
