//! The fields of many events: what a hunt tells of each event that it found something in.

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::StoreError;
use super::cell::RawCell;
use super::envelope::{Envelope, EnvelopeReader};
use super::read::{self, StoredEvent, StoredValue};
use super::scan::CellReader;
use crate::catalog::{Catalog, Column, ColumnIndex, Encoding, EventId, EventType, TypeId, ValueId};

/// Values of the dictionary that are kept before all are forgotten.
const MAX_VALUES: usize = 100_000;
/// The same for the bytes of their texts.
const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;

/// The columns that are read of the events of a type.
pub(super) type WantedColumns<'s> = dyn Fn(&EventType) -> Vec<ColumnIndex> + 's;

/// Reads the fields of many events, fastest in the order of their ids.
pub struct FieldsReader<'s> {
    connection: &'s Connection,
    catalog: &'s Catalog,
    envelopes: EnvelopeReader<'s>,
    wanted: Box<WantedColumns<'s>>,
    types: FxHashMap<TypeId, (Vec<ColumnIndex>, CellReader<'s>)>,
    values: FxHashMap<i64, StoredValue>,
    value_bytes: usize,
}

impl<'s> FieldsReader<'s> {
    pub(super) fn new(connection: &'s Connection, catalog: &'s Catalog, wanted: Box<WantedColumns<'s>>) -> Result<Self, StoreError> {
        let envelopes = EnvelopeReader::new(connection)?;
        Ok(Self { connection, catalog, envelopes, wanted, types: FxHashMap::default(), values: FxHashMap::default(), value_bytes: 0 })
    }

    /// Reads an event as [`super::Store::event_fields`] does, but of its columns those alone that are wanted: the others are empty.
    ///
    /// # Errors
    /// When there is no such event, or SQLite fails.
    pub fn of(&mut self, id: EventId) -> Result<StoredEvent, StoreError> {
        let envelope = self.envelopes.of(id)?;
        let event_type = self.catalog.event_type(envelope.event_type);
        let event_type = event_type.ok_or_else(|| StoreError::Damaged(format!("event {} has an unknown type", id.0)))?;
        let (wanted, mut reader) = match self.types.remove(&event_type.id) {
            Some(known) => known,
            None => {
                let wanted = (self.wanted)(event_type);
                let reader = CellReader::of_columns(self.connection, event_type, &wanted)?;
                (wanted, reader)
            }
        };
        let mut columns = vec![None; event_type.columns.len()];
        let read = reader.one(id, &mut |cells| {
            for (cell, column) in cells.iter().zip(&wanted) {
                columns[column.0 as usize] = self.render(cell, event_type.column(*column), &envelope)?;
            }
            Ok(())
        });
        self.types.insert(event_type.id, (wanted, reader));
        read?;
        Ok(StoredEvent { envelope, columns, message: None, aliases: Vec::new() })
    }

    fn render(&mut self, cell: &RawCell<'_>, column: &Column, envelope: &Envelope) -> Result<Option<StoredValue>, StoreError> {
        let id = match (cell, column.encoding) {
            (RawCell::Value(id), _) => id.0,
            (RawCell::Int(id), Encoding::Dictionary) => *id,
            _ => return read::render(self.connection, cell, column, envelope.time_us),
        };
        if let Some(known) = self.values.get(&id) {
            return Ok(Some(known.clone()));
        }
        let value = read::value(self.connection, ValueId(id))?;
        if self.values.len() >= MAX_VALUES || self.value_bytes > MAX_VALUE_BYTES {
            self.values.clear();
            self.value_bytes = 0;
        }
        self.value_bytes += value.members().iter().map(String::len).sum::<usize>();
        self.values.insert(id, value.clone());
        Ok(Some(value))
    }
}
