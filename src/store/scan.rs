//! Reads raw cells of one event type, in event order, as fast as SQLite steps.

use std::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::StoreError;
use super::cell::Cell;
use super::writer::MAX_COLUMNS;
use crate::catalog::{ColumnIndex, EventId, EventType, Storage, ValueId};

/// Which events of a type are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRange {
    /// First event.
    pub first: EventId,
    /// Last event.
    pub last: EventId,
    /// Events from this time on; events without a time are out when it is set.
    pub since_us: Option<i64>,
    /// Events before this time; events without a time are out when it is set.
    pub until_us: Option<i64>,
}

/// See [`super::Store::scan`].
pub(super) fn scan(
    connection: &Connection,
    event_type: &EventType,
    columns: &[ColumnIndex],
    range: EventRange,
    visit: &mut dyn FnMut(EventId, &[Cell<'_>]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let sql = statement(event_type, columns, range);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![range.first.0, range.last.0])?;
    let mut recycled: Vec<Cell<'static>> = Vec::with_capacity(columns.len());
    while let Some(row) = rows.next()? {
        let mut cells: Vec<Cell<'_>> = recycled;
        for index in 1..=columns.len() {
            cells.push(match row.get_ref_unwrap(index) {
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Real(id) => Cell::Value(ValueId(id as i64)), // written from an i64 below 2^53
                ValueRef::Text(text) => Cell::Text(std::str::from_utf8(text).map_err(|_| {
                    StoreError::Damaged(format!("event {} holds text that is no UTF-8", row.get::<_, i64>(0).unwrap_or(0)))
                })?),
                ValueRef::Null | ValueRef::Blob(_) => Cell::Null,
            });
        }
        let flow = visit(EventId(row.get(0)?), &cells)?;
        cells.clear();
        // Empty, so nothing borrows: the same allocation serves the next row.
        recycled = cells.into_iter().map(|_| Cell::Null).collect();
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

fn statement(event_type: &EventType, columns: &[ColumnIndex], range: EventRange) -> String {
    let (id, table) = match &event_type.storage {
        Storage::Table(table) => ("t._id", format!("{table} t")),
        Storage::Overflow => ("t.id", "event t".to_owned()),
    };
    let cells: String = columns.iter().map(|c| format!(", {}", cell_sql(event_type, *c, id))).collect();
    let mut sql = format!("SELECT {id}{cells} FROM {table}");
    let mut conditions = format!(" WHERE {id} BETWEEN ?1 AND ?2");
    if event_type.storage == Storage::Overflow {
        conditions.push_str(&format!(" AND t.type = {}", event_type.id.0));
    }
    if range.since_us.is_some() || range.until_us.is_some() {
        sql.push_str(&format!(" JOIN event x ON x.id = {id}"));
        conditions.push_str(&range.since_us.map(|us| format!(" AND x.time_us >= {us}")).unwrap_or_default());
        conditions.push_str(&range.until_us.map(|us| format!(" AND x.time_us < {us}")).unwrap_or_default());
    }
    format!("{sql}{conditions} ORDER BY {id}")
}

/// The SQL of a raw cell of the row whose event id is `id`.
pub(super) fn cell_sql(event_type: &EventType, column: ColumnIndex, id: &str) -> String {
    let position = column.0 as usize;
    if event_type.storage == Storage::Overflow || position >= MAX_COLUMNS {
        return format!("(SELECT o.value FROM overflow o WHERE o.event = {id} AND o.field = {position})");
    }
    format!("t.c{position}")
}
