//! Reads the catalog from the store's tables.

use rusqlite::Connection;

use super::{StoreError, schema};
use crate::catalog::{Catalog, Column, EventType, Storage, TypeId};

/// Kinds of events that a store may have. Logs of real machines have some thousands; what plans and views cost grows with them.
pub(super) const MAX_EVENT_TYPES: usize = 65_536;

/// Reads all event types with their columns.
pub(super) fn read(connection: &Connection) -> Result<Catalog, StoreError> {
    let types: i64 = connection.query_row("SELECT count(*) FROM event_type", [], |row| row.get(0))?;
    if types > i64::try_from(MAX_EVENT_TYPES).expect("a small number") {
        return Err(StoreError::TooManyTypes);
    }
    let mut statement =
        connection.prepare("SELECT id, product, dataset, code, storage, view, has_messages, events FROM event_type ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        let id: u32 = row.get(0)?;
        // The name of the table is made from the id and never read from the file: a store may come from a stranger.
        let storage = if row.get_ref(4)?.as_str()? == "table" { Storage::Table(format!("e{id}")) } else { Storage::Overflow };
        Ok(EventType {
            id: TypeId(id),
            product: row.get(1)?,
            dataset: row.get(2)?,
            code: row.get(3)?,
            storage,
            view: row.get(5)?,
            columns: Vec::new(),
            has_messages: row.get(6)?,
            events: u64::try_from(row.get::<_, i64>(7)?).unwrap_or(0),
        })
    })?;
    let mut catalog = Catalog { types: rows.collect::<Result<_, _>>()? };
    let mut statement = connection.prepare(
        "SELECT event_type, position, name, view_name, encoding, has_lists, base IS NOT NULL FROM field ORDER BY event_type, position",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = TypeId(row.get(0)?);
        let position = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(usize::MAX);
        let encoding: String = row.get(4)?;
        let encoding = schema::parse_encoding(&encoding)
            .ok_or_else(|| StoreError::Damaged(format!("unknown encoding `{}` of a field", encoding.escape_debug())))?;
        let Ok(index) = catalog.types.binary_search_by_key(&id, |t| t.id) else {
            return Err(StoreError::Damaged(format!("a field belongs to no event type ({})", id.0)));
        };
        let event_type = &mut catalog.types[index];
        // The place of a column is its number in all cells: with a gap every value behind it would be another field's.
        if event_type.columns.len() != position {
            return Err(StoreError::Damaged(format!("the fields of event type {} have gaps", id.0)));
        }
        event_type.columns.push(Column {
            field: row.get(2)?,
            sql_name: format!("c{position}"),
            view_name: row.get(3)?,
            encoding,
            has_lists: row.get(5)?,
            has_packed: row.get(6)?,
        });
    }
    Ok(catalog)
}
