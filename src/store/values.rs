//! Reads the whole dictionary: every distinct value once, and which values lists hold.

use rusqlite::Connection;

use super::StoreError;
use crate::catalog::ValueId;

/// Visits every text of the dictionary by its id, the members of lists too; lists themselves are left out.
pub(super) fn each_text(connection: &Connection, visit: &mut dyn FnMut(ValueId, &str)) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached("SELECT id, text FROM value WHERE is_list = 0 ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let text = row.get_ref(1)?.as_str().map_err(|_| StoreError::Damaged(format!("value {id} is not text")))?;
        visit(ValueId(id), text);
    }
    Ok(())
}

/// Visits the members of every list: the list, the member.
pub(super) fn each_member(connection: &Connection, visit: &mut dyn FnMut(ValueId, ValueId)) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached("SELECT list, value FROM value_item ORDER BY list, position")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        visit(ValueId(row.get(0)?), ValueId(row.get(1)?));
    }
    Ok(())
}
