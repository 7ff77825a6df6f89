//! Values of the dictionary that were read, until they are too many.

use std::sync::Arc;

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::read::{self, StoredValue};
use super::{RawCell, StoreError};
use crate::catalog::{Column, Encoding, ValueId};
use crate::event::{EventBatch, FieldValue};

/// Bytes of values that are held in memory.
const VALUE_BYTES: usize = 32 * 1024 * 1024;

/// See the module.
#[derive(Default)]
pub(super) struct ValueCache {
    values: FxHashMap<i64, Arc<StoredValue>>,
    bytes: usize,
}

impl ValueCache {
    /// A value of the dictionary.
    pub(super) fn get(&mut self, connection: &Connection, id: i64) -> Result<Arc<StoredValue>, StoreError> {
        if let Some(value) = self.values.get(&id) {
            return Ok(value.clone());
        }
        let value = Arc::new(read::value(connection, ValueId(id))?);
        self.bytes += value.members().iter().map(String::len).sum::<usize>() + 2 * size_of::<StoredValue>();
        // All go at once: values that are common come back, and an order of use would cost more than it saves.
        if self.bytes > VALUE_BYTES {
            *self = Self::default();
        }
        self.values.insert(id, value.clone());
        Ok(value)
    }

    /// What a cell says, as text of a batch.
    pub(super) fn field(
        &mut self,
        connection: &Connection,
        batch: &mut EventBatch,
        cell: &RawCell<'_>,
        column: &Column,
        time_us: Option<i64>,
    ) -> Result<Option<FieldValue>, StoreError> {
        let id = match (cell, column.encoding) {
            (RawCell::Null, _) => return Ok(None),
            (RawCell::Text(text), _) => return Ok(Some(FieldValue::Text(batch.add_text(text)))),
            (RawCell::Value(id), _) => id.0,
            (RawCell::Int(id), Encoding::Dictionary) => *id,
            (RawCell::Int(_), _) => {
                let value = read::render(connection, cell, column, time_us)?;
                return Ok(value.map(|value| FieldValue::Text(batch.add_text(&value.members().join("\n")))));
            }
        };
        Ok(Some(match self.get(connection, id)?.as_ref() {
            StoredValue::Text(text) => FieldValue::Text(batch.add_text(text)),
            StoredValue::List(members) => batch.add_list(members.iter().map(String::as_str)),
        }))
    }
}
