//! The tables of event types: each has a row for each event of its type, and every value that a cell names is there.

use rusqlite::types::ValueRef;

use super::super::super::StoreError;
use super::super::super::writer::MAX_COLUMNS;
use super::Verifier;
use super::events::{IdSum, SeenEvents};
use crate::catalog::{Column, Encoding, EventType, Storage};

impl Verifier<'_> {
    /// Reads the tables of all event types, and the one that others share.
    pub(super) fn cells(&mut self, seen: &SeenEvents) -> Result<(), StoreError> {
        let types = self.catalog.types.clone();
        let mut rows = 0;
        for event_type in &types {
            let expected = seen.by_type.get(&event_type.id).copied().unwrap_or_default();
            if expected.count != event_type.events {
                let (id, said) = (event_type.id.0, event_type.events);
                self.faults.add("verify-count", || format!("event type {id} says that it has {said} events, and has {}", expected.count));
            }
            if let Storage::Table(table) = &event_type.storage {
                let found = self.type_table(event_type, table)?;
                rows += found.count;
                if found != expected {
                    self.faults.add("verify-reference", || {
                        format!(
                            "the table `{table}` has {} rows, which are not those of the {} events of its type",
                            found.count, expected.count
                        )
                    });
                }
            }
        }
        for (id, sum) in &seen.by_type {
            if self.catalog.event_type(*id).is_none() {
                self.faults.add("verify-reference", || format!("{} events are of type {}, which is not there", sum.count, id.0));
            }
        }
        rows += self.overflow()?;
        self.faults.end_part("fields", rows);
        Ok(())
    }

    fn type_table(&mut self, event_type: &EventType, table: &str) -> Result<IdSum, StoreError> {
        let columns = &event_type.columns[..event_type.columns.len().min(MAX_COLUMNS)];
        let names: String = columns.iter().map(|column| format!(", {}", column.sql_name)).collect();
        let mut found = IdSum::default();
        let prepared = self.connection.prepare(&format!("SELECT _id{names} FROM {table} WHERE _id <= ?1"));
        let Ok(mut statement) = prepared else {
            // A type whose first source was taken back has no table yet.
            if event_type.events > 0 {
                self.faults.add("verify-reference", || format!("the table `{table}` is missing, or lacks columns of its type"));
            }
            return Ok(found);
        };
        let mut rows = statement.query([self.watermark])?;
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            let id: i64 = row.get(0)?;
            found.add(id);
            for (place, column) in columns.iter().enumerate() {
                self.cell(id, column, row.get_ref(place + 1)?);
            }
        }
        Ok(found)
    }

    /// Looks at one cell.
    fn cell(&mut self, event: i64, column: &Column, cell: ValueRef<'_>) {
        let value = match (cell, column.encoding) {
            (ValueRef::Integer(id), Encoding::Dictionary) => id,
            // Ids stay far below 2^53.
            (ValueRef::Real(id), _) => id as i64,
            (ValueRef::Text(bytes), _) => {
                if std::str::from_utf8(bytes).is_err() {
                    self.faults.add("verify-value", || format!("a text of event {event} is not UTF-8"));
                }
                return;
            }
            (ValueRef::Blob(bytes), _) if column.has_packed => {
                if self.unpacker.unpack(self.connection, bytes, &mut String::new()).is_err() {
                    self.faults.add("verify-value", || format!("a packed text of event {event} is not whole"));
                }
                return;
            }
            (ValueRef::Blob(_), _) => return self.faults.add("verify-value", || format!("a cell of event {event} is bytes")),
            _ => return,
        };
        if !column.has_lists && self.lists.contains(value) {
            self.faults
                .add("verify-list", || format!("event {event} has a list in the field `{}`, which has none by the catalog", column.field));
        }
        self.refer(value, || format!("`{}` of event {event}", column.field));
    }

    /// Reads the table that rare types share.
    fn overflow(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT o.event, o.field, o.value, e.type FROM overflow o LEFT JOIN event e ON e.id = o.event WHERE o.event <= ?1";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([self.watermark])?;
        let (types, mut count) = (self.catalog.types.clone(), 0);
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            count += 1;
            let (event, field, of_type): (i64, i64, Option<u32>) = (row.get(0)?, row.get(1)?, row.get(3)?);
            let event_type = of_type.and_then(|id| types.binary_search_by_key(&id, |known| known.id.0).ok()).map(|place| &types[place]);
            match event_type.and_then(|known| known.columns.get(usize::try_from(field).ok()?)) {
                Some(column) => self.cell(event, column, row.get_ref(2)?),
                None => self.faults.add("verify-reference", || format!("`overflow` has a field of event {event} that is not there")),
            }
        }
        Ok(count)
    }
}
