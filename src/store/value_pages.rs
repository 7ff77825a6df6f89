//! Reads values of the dictionary one by one, many of them from the pages that they lie on.
//!
//! A scan asks each value once for each column that has it. Values are numbered as they are first met, so those that a scan asks for one
//! after the other lie on the same few pages: to take them from there costs less than a statement for each.

use std::cell::RefCell;

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::cell::RawCell;
use super::pages::{RowPages, TablePages};
use super::read::{self, StoredValue};
use super::record::RecordShape;
use crate::catalog::ValueId;

/// Values that are asked of SQLite before it is asked for pages: to learn where they lie costs more than few values.
const ASKED_BEFORE_PAGES: u32 = 256;
/// The columns of the table that a value is: its text, and whether it is a list.
const COLUMNS: [usize; 2] = [2, 3];

/// See [`super::Store::value_reader`].
pub struct ValueReader<'s> {
    connection: &'s Connection,
    pages: RefCell<PagesOfValues<'s>>,
}

/// Where values are read.
enum PagesOfValues<'s> {
    /// So many were asked of SQLite.
    NotYet(u32),
    /// From these pages.
    Here(Box<RowPages<'s>>, RecordShape),
    /// SQLite does not show them.
    Never,
}

impl<'s> ValueReader<'s> {
    pub(super) fn new(connection: &'s Connection) -> Self {
        Self { connection, pages: RefCell::new(PagesOfValues::NotYet(0)) }
    }

    /// Reads a value of the dictionary.
    ///
    /// # Errors
    /// When there is none, or SQLite fails.
    pub fn value(&self, id: ValueId) -> Result<StoredValue, StoreError> {
        match self.on_its_page(id)? {
            Some(text) => Ok(StoredValue::Text(text)),
            // Lists, long texts, and what is not where it should be: SQLite knows, or says what is wrong.
            None => read::value(self.connection, id),
        }
    }

    /// The text of a value that is one and lies whole on a page.
    fn on_its_page(&self, id: ValueId) -> Result<Option<String>, StoreError> {
        let mut pages = self.pages.borrow_mut();
        match &mut *pages {
            PagesOfValues::Never => Ok(None),
            PagesOfValues::NotYet(asked) if *asked < ASKED_BEFORE_PAGES => {
                *asked += 1;
                Ok(None)
            }
            PagesOfValues::NotYet(_) => {
                *pages = match row_pages(self.connection)? {
                    Some(pages) => PagesOfValues::Here(Box::new(pages), RecordShape::new(&COLUMNS)),
                    None => PagesOfValues::Never,
                };
                Ok(None)
            }
            PagesOfValues::Here(pages, shape) => {
                let Some(record) = pages.record(id.0)? else { return Ok(None) };
                let (mut cells, mut blobs) = (Vec::with_capacity(COLUMNS.len()), Vec::new());
                shape.read(record, &mut cells, &mut blobs)?;
                Ok(match cells[..] {
                    [RawCell::Text(text), RawCell::Int(0)] => Some(text.to_owned()),
                    _ => None,
                })
            }
        }
    }
}

/// The pages of the dictionary; none where SQLite does not show them, or its table is not the one that this program makes.
fn row_pages(connection: &Connection) -> Result<Option<RowPages<'_>>, StoreError> {
    let columns =
        "SELECT 1 FROM pragma_table_info('value') WHERE (cid, name) IN ((2, 'text'), (3, 'is_list')) GROUP BY 1 HAVING count(*) = 2";
    if connection.query_row(columns, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    Ok(TablePages::of(connection, "value", u64::MAX)?.map(RowPages::of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn pages_have_the_values_that_sql_reads() {
        let store = Store::in_memory().unwrap();
        let connection = &store.connection;
        let insert = "INSERT INTO value (id, hash, text, is_list) VALUES (?1, ?1, ?2, ?3)";
        connection.execute_batch("BEGIN").unwrap();
        // With gaps, lists, and texts that are longer than a page.
        for id in (1..30_000_i64).filter(|id| id % 7 != 0) {
            let text = if id % 1_001 == 1 { "ä".repeat(9_000) } else { format!("value {id} {}", "x".repeat(id as usize % 90)) };
            connection.prepare_cached(insert).unwrap().execute((id, text, id % 50 == 3)).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        let reader = store.value_reader();
        let mut seed = 7_i64;
        for round in 0..40_000 {
            seed = (seed * 48_271) % 2_147_483_647;
            let id = ValueId(if round % 3 == 0 { seed % 30_100 - 20 } else { i64::from(round) % 30_000 });
            assert_eq!(reader.value(id).map_err(|e| e.to_string()), store.value(id).map_err(|e| e.to_string()), "{id:?}");
        }
    }
}
