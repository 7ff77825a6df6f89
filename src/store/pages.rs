//! Reads the rows of a table from its pages, in the format that SQLite documents (<https://www.sqlite.org/fileformat2.html>).
//!
//! A scan by SQL calls SQLite three times for each cell, which costs more than all that is asked of the cell. The pages come from
//! SQLite itself (its table `sqlite_dbpage`), so locks, the write-ahead log and what an open transaction has written are its business;
//! only the rows are taken apart here. Where SQLite was built without that table, scans go by SQL.

use std::ops::ControlFlow;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Transaction};

use super::StoreError;
use super::check::is_type_name;

/// Fewer rows are read by SQL: to ask where a table lies costs more than reading them.
const MIN_ROWS: u64 = 1_000;
/// The smallest part of a row that lies in its page, the largest, and what of a page neither may take, as the format says.
const PAGE_SHARES: (usize, usize, usize) = (32, 255, 23);
/// The kinds of pages that a table of rows has.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// Pages that a reader of single rows keeps.
const KEPT_PAGES: usize = 1024;
/// No table has more pages one below the other: SQLite itself allows no more.
const MAX_DEPTH: usize = 20;

/// The pages of one table, as they are while this lives.
pub(super) struct TablePages<'s> {
    table: String,
    root: i64,
    /// The bytes of a page that hold something.
    usable: usize,
    page_count: u64,
    pages: CachedStatement<'s>,
    /// Another of the same, because a page is borrowed while the rest of a long row is read.
    rests: CachedStatement<'s>,
    /// Several statements read as one: where no transaction is open, this one keeps the pages as they are.
    _snapshot: Option<Transaction<'s>>,
}

impl<'s> TablePages<'s> {
    /// The pages of a table with so many rows; none where it is not worth the while or SQLite does not show its pages.
    pub(super) fn of(connection: &'s Connection, table: &str, rows: u64) -> Result<Option<Self>, StoreError> {
        if rows < MIN_ROWS {
            return Ok(None);
        }
        let snapshot = if connection.is_autocommit() { Some(connection.unchecked_transaction()?) } else { None };
        let shown = "SELECT 1 FROM pragma_module_list WHERE name = 'sqlite_dbpage'";
        if connection.prepare_cached(shown)?.query_row([], |_| Ok(())).optional()?.is_none() {
            return Ok(None);
        }
        let root = "SELECT rootpage, sql FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let found = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
        let found = connection.prepare_cached(root)?.query_row([table], found).optional()?;
        let Some(root) = found.and_then(|(root, sql)| (!is_type_name(table) || is_in_order(&sql)).then_some(root)) else { return Ok(None) };
        let page = || connection.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?1");
        let (mut pages, rests) = (page()?, page()?);
        let Some(usable) = pages.query_row([1], |row| Ok(usable(row.get_ref(0)?.as_blob()?)))? else { return Ok(None) };
        let page_count: i64 = connection.query_row("SELECT page_count FROM pragma_page_count", [], |row| row.get(0))?;
        let page_count = page_count.unsigned_abs();
        Ok(Some(Self { table: table.to_owned(), root, usable, page_count, pages, rests, _snapshot: snapshot }))
    }

    /// Visits the rows between two ids, both included, ascending: the id and the record.
    ///
    /// # Errors
    /// When a page is not what the format says, SQLite fails, or the visitor does.
    pub(super) fn each(
        &mut self,
        (first, last): (i64, i64),
        visit: &mut dyn FnMut(i64, &[u8]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut waiting = vec![self.root];
        // A page that leads back to itself would never end.
        let mut left = self.page_count;
        let mut rest = RecordRest { pages: &mut self.rests, usable: self.usable, most: self.page_count, record: Vec::new() };
        let (table, usable) = (&self.table, self.usable);
        let mut before: Option<i64> = None;
        while let Some(number) = waiting.pop() {
            let damaged = || StoreError::Damaged(format!("page {number} of table {table} is not as SQLite writes it"));
            left = left.checked_sub(1).ok_or_else(damaged)?;
            let mut found = self.pages.query([number])?;
            let row = found.next()?.ok_or_else(damaged)?;
            let page = row.get_ref(0)?.as_blob().ok().and_then(|page| page.get(..usable)).ok_or_else(damaged)?;
            match page[0] {
                INTERIOR => children(page, (first, last), &mut waiting).ok_or_else(damaged)?,
                LEAF => {
                    for index in 0..count(page) {
                        let cell = PageCell::of(page, index).ok_or_else(damaged)?;
                        if before.is_some_and(|before| before >= cell.id) {
                            return Err(damaged());
                        }
                        before = Some(cell.id);
                        if cell.id < first {
                            continue;
                        }
                        if cell.id > last {
                            return Ok(());
                        }
                        let record = match cell.whole(page) {
                            Some(record) => record,
                            None => rest.of(page, &cell)?.ok_or_else(damaged)?,
                        };
                        if visit(cell.id, record)?.is_break() {
                            return Ok(());
                        }
                    }
                }
                _ => return Err(damaged()),
            }
        }
        Ok(())
    }
}

/// Reads single rows of a table. Pages are kept for the rows that are asked next.
pub(super) struct RowPages<'s> {
    pages: TablePages<'s>,
    /// By the last digits of their numbers.
    kept: Vec<KeptPage>,
}

#[derive(Default)]
struct KeptPage {
    /// No page has the number 0.
    number: i64,
    bytes: Vec<u8>,
}

impl<'s> RowPages<'s> {
    /// Of a table, as it is while this lives.
    pub(super) fn of(pages: TablePages<'s>) -> Self {
        Self { pages, kept: (0..KEPT_PAGES).map(|_| KeptPage::default()).collect() }
    }

    /// The record of a row. None where there is no such row, where it is longer than its page, and where a page is not as the format says:
    /// SQLite tells these apart.
    ///
    /// # Errors
    /// When SQLite fails.
    pub(super) fn record(&mut self, id: i64) -> Result<Option<&[u8]>, StoreError> {
        let mut number = self.pages.root;
        for _ in 0..MAX_DEPTH {
            let Some(place) = self.keep(number)? else { return Ok(None) };
            let page = &self.kept[place].bytes;
            if page[0] != INTERIOR {
                return Ok(Some(&self.kept[place].bytes).filter(|page| page[0] == LEAF).and_then(|page| cell_of(page, id)?.whole(page)));
            }
            let Some(child) = child_of(page, id) else { return Ok(None) };
            number = child;
        }
        Ok(None)
    }

    /// Where a page is kept from here on; none where there is no such page.
    fn keep(&mut self, number: i64) -> Result<Option<usize>, StoreError> {
        let place = number.unsigned_abs() as usize % KEPT_PAGES;
        let kept = &mut self.kept[place];
        if kept.number != number {
            let mut found = self.pages.pages.query([number])?;
            let Some(row) = found.next()? else { return Ok(None) };
            let Some(page) = row.get_ref(0)?.as_blob().ok().and_then(|page| page.get(..self.pages.usable)) else { return Ok(None) };
            kept.bytes.clear();
            kept.bytes.extend_from_slice(page);
            kept.number = number;
        }
        Ok(Some(place))
    }
}

/// The page below an interior one that has the row with an id, if any does.
fn child_of(page: &[u8], id: i64) -> Option<i64> {
    let first = first_of(count(page), |index| Some(varint(page, place(page, 12, index)? + 4)?.0 >= id))?;
    if first == count(page) { number(page, 8) } else { number(page, place(page, 12, first)?) }
}

/// The row with an id on a page of rows.
fn cell_of(page: &[u8], id: i64) -> Option<PageCell> {
    let first = first_of(count(page), |index| Some(PageCell::of(page, index)?.id >= id))?;
    Some(first).filter(|first| *first < count(page)).and_then(|first| PageCell::of(page, first)).filter(|cell| cell.id == id)
}

/// The first of so many that `is`, where all behind one that is are too.
fn first_of(count: usize, is: impl Fn(usize) -> Option<bool>) -> Option<usize> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if is(middle)? { high = middle } else { low = middle + 1 }
    }
    Some(low)
}

/// Whether the columns of a type's table are an id and then `c0`, `c1`, … in this order: a record has no names.
fn is_in_order(sql: &str) -> bool {
    let names = sql.strip_suffix(')').unwrap_or_default().split(", ").skip(1);
    (0..).zip(names).all(|(index, name)| name.strip_prefix('c').and_then(|number| number.parse().ok()) == Some(index))
}

/// The bytes of a page that hold something, as the first page of a file says; none where the file is not one of UTF-8 text.
fn usable(first: &[u8]) -> Option<usize> {
    let size = match u16::from_be_bytes([*first.get(16)?, *first.get(17)?]) {
        1 => 65_536,
        size => usize::from(size),
    };
    let is_utf8 = first.get(56..60)? == [0, 0, 0, 1];
    // The format allows no fewer than 480.
    size.checked_sub(usize::from(*first.get(20)?)).filter(|usable| is_utf8 && *usable >= 480)
}

/// The number of cells of a page.
fn count(page: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([page[3], page[4]]))
}

/// Where the cell with this index begins, on a page whose head has so many bytes.
fn place(page: &[u8], head: usize, index: usize) -> Option<usize> {
    let at = head + 2 * index;
    Some(usize::from(u16::from_be_bytes([*page.get(at)?, *page.get(at + 1)?])))
}

fn number(page: &[u8], at: usize) -> Option<i64> {
    Some(i64::from(u32::from_be_bytes(page.get(at..at + 4)?.try_into().ok()?)))
}

/// Puts the pages below an interior one on the pile that may have rows between two ids, the first on top.
fn children(page: &[u8], (first, last): (i64, i64), waiting: &mut Vec<i64>) -> Option<()> {
    let from = waiting.len();
    let mut is_last = false;
    for index in 0..count(page) {
        let at = place(page, 12, index)?;
        let child = number(page, at)?;
        let (key, _) = varint(page, at + 4)?;
        // A page's key is the largest id below it.
        if key >= first {
            waiting.push(child);
        }
        if key >= last {
            is_last = true;
            break;
        }
    }
    if !is_last {
        waiting.push(number(page, 8)?);
    }
    waiting[from..].reverse();
    Some(())
}

/// A row on its page.
struct PageCell {
    id: i64,
    /// Where its record begins, and its length.
    start: usize,
    length: usize,
}

impl PageCell {
    fn of(page: &[u8], index: usize) -> Option<Self> {
        let at = place(page, 8, index)?;
        let (length, at) = varint(page, at)?;
        let (id, start) = varint(page, at)?;
        Some(Self { id, start, length: usize::try_from(length).ok()? })
    }

    /// The record, where all of it lies on the page.
    fn whole<'p>(&self, page: &'p [u8]) -> Option<&'p [u8]> {
        // 35 bytes of a page are always left for its head and for others, as the format says.
        if self.length <= page.len() - 35 { page.get(self.start..self.start + self.length) } else { None }
    }
}

/// Reads records that are longer than their page allows.
struct RecordRest<'p, 's> {
    pages: &'p mut CachedStatement<'s>,
    usable: usize,
    most: u64,
    record: Vec<u8>,
}

impl RecordRest<'_, '_> {
    /// The whole record; none where its pages are not as the format says.
    fn of(&mut self, page: &[u8], cell: &PageCell) -> Result<Option<&[u8]>, StoreError> {
        let (least, of, head) = PAGE_SHARES;
        let smallest = (self.usable - 12) * least / of - head;
        let wanted = smallest + cell.length.saturating_sub(smallest) % (self.usable - 4);
        let here = if wanted <= self.usable - 35 { wanted } else { smallest };
        self.record.clear();
        // Longer than the whole file: no page need be read for that.
        if cell.length as u64 / self.usable as u64 > self.most {
            return Ok(None);
        }
        let (Some(begin), Some(mut next)) = (page.get(cell.start..cell.start + here), number(page, cell.start + here)) else {
            return Ok(None);
        };
        self.record.extend_from_slice(begin);
        let mut left = self.most;
        while self.record.len() < cell.length {
            let mut found = self.pages.query([next])?;
            let Some(row) = found.next()?.filter(|_| left > 0) else { return Ok(None) };
            left -= 1;
            let page = row.get_ref(0)?.as_blob().unwrap_or_default();
            let take = (cell.length - self.record.len()).min(self.usable - 4);
            let (Some(after), Some(more)) = (number(page, 0), page.get(4..4 + take)) else { return Ok(None) };
            self.record.extend_from_slice(more);
            next = after;
        }
        Ok(Some(&self.record))
    }
}

/// A number of one to nine bytes, and where what follows begins.
pub(super) fn varint(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let mut value: u64 = 0;
    for index in 0..8 {
        let byte = *bytes.get(at + index)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value.cast_signed(), at + index + 1));
        }
    }
    // The ninth byte has eight bits.
    Some(((value << 8 | u64::from(*bytes.get(at + 8)?)).cast_signed(), at + 9))
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;

    use super::*;
    use crate::store::cell::RawCell;
    use crate::store::record::RecordShape;

    /// A connection to a table with rows of all kinds and lengths, some added before the last column was there.
    fn connection(page_size: usize) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("PRAGMA page_size = {page_size}; CREATE TABLE e7 (_id INTEGER PRIMARY KEY, c0, c1)")).unwrap();
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        let mut value = move |page_size: usize| match random() % 9 {
            0 => Value::Null,
            1 => Value::Integer((random() % 3) as i64),
            2 => Value::Integer((random() as i64).wrapping_mul(random() as i64) >> (random() % 63)),
            3 => Value::Integer(-(random() as i64)),
            4 => Value::Real(random() as f64),
            5 => Value::Blob(vec![7; random() as usize % (3 * page_size)]),
            // Around what a page holds of a row.
            6 => Value::Text("ä".repeat((page_size - 40 + random() as usize % 40) / 2)),
            _ => Value::Text("x".repeat(random() as usize % 60)),
        };
        let ids = (0..2_500_i64).map(|n| if n < 20 { i64::MIN + n * n } else { n * (n % 7 + 1) + 7 * n * n });
        connection.execute_batch("BEGIN").unwrap();
        for (n, id) in ids.enumerate() {
            if n == 900 {
                connection.execute_batch("ALTER TABLE e7 ADD COLUMN c2").unwrap();
            }
            let columns = if n < 900 { ["c0", "c1", "c1"] } else { ["c0", "c1", "c2"] };
            for (place, column) in columns.iter().enumerate() {
                let (insert, update) =
                    (format!("INSERT INTO e7 (_id, {column}) VALUES (?1, ?2)"), format!("UPDATE e7 SET {column} = ?2 WHERE _id = ?1"));
                let sql = if place == 0 { &insert } else { &update };
                connection.prepare_cached(sql).unwrap().execute((id, value(page_size))).unwrap();
            }
        }
        connection.execute_batch("DELETE FROM e7 WHERE _id % 5 = 0; COMMIT").unwrap();
        connection
    }

    fn by_pages(connection: &Connection, columns: &[usize], range: (i64, i64)) -> Option<Vec<(i64, Vec<Value>)>> {
        let mut pages = TablePages::of(connection, "e7", MIN_ROWS).unwrap()?;
        let shape = RecordShape::new(columns);
        let mut rows = Vec::new();
        pages
            .each(range, &mut |id, record| {
                let (mut cells, mut blobs) = (Vec::new(), Vec::new());
                shape.read(record, &mut cells, &mut blobs)?;
                let mut row: Vec<Value> = cells
                    .into_iter()
                    .map(|cell| match cell {
                        RawCell::Null => Value::Null,
                        RawCell::Int(number) => Value::Integer(number),
                        RawCell::Value(id) => Value::Real(id.0 as f64),
                        RawCell::Text(text) => Value::Text(text.to_owned()),
                    })
                    .collect();
                blobs.into_iter().for_each(|(place, blob)| row[place] = Value::Blob(blob.to_vec()));
                rows.push((id, row));
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
        Some(rows)
    }

    #[test]
    fn pages_have_the_rows_that_sql_reads() {
        for page_size in [512, 1024, 4096, 65_536] {
            let connection = connection(page_size);
            for columns in [&[1_usize, 2, 3][..], &[2], &[3], &[1, 3], &[]] {
                for range in [(i64::MIN, i64::MAX), (0, 1_000_000), (70_000, 70_001), (i64::MAX - 1, i64::MAX), (5, 4)] {
                    let names: String = columns.iter().map(|column| format!(", c{}", column - 1)).collect();
                    let sql = format!("SELECT _id{names} FROM e7 WHERE _id BETWEEN ?1 AND ?2 ORDER BY _id");
                    let mut select = connection.prepare(&sql).unwrap();
                    let row = |row: &Row<'_>| Ok((row.get(0)?, (1..=columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?));
                    let rows: Vec<(i64, Vec<Value>)> = select.query_map(range, row).unwrap().collect::<Result<_, _>>().unwrap();
                    let Some(found) = by_pages(&connection, columns, range) else {
                        return eprintln!("skipped: SQLite was built without the table of pages");
                    };
                    assert!(found == rows, "{page_size} {columns:?} {range:?}");
                }
            }
        }
    }

    #[test]
    fn rows_of_a_transaction_are_seen_and_few_rows_are_left_to_sql() {
        let connection = connection(4096);
        connection.execute_batch("BEGIN; DELETE FROM e7 WHERE _id > 0; INSERT INTO e7 (_id, c1) VALUES (5, 'new')").unwrap();
        let Some(rows) = by_pages(&connection, &[2], (0, 10)) else { return };
        assert_eq!(rows, [(5, vec![Value::Text("new".to_owned())])]);
        assert!(TablePages::of(&connection, "e7", MIN_ROWS - 1).unwrap().is_none());
        assert!(TablePages::of(&connection, "e8", MIN_ROWS).unwrap().is_none());
        connection.execute_batch("CREATE TABLE e9 (_id INTEGER PRIMARY KEY, c1, c0)").unwrap();
        assert!(TablePages::of(&connection, "e9", MIN_ROWS).unwrap().is_none(), "its columns are in another order");
    }

    #[test]
    fn damaged_pages_are_told_and_never_read_on_and_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        connection(512).execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut told = 0;
        for round in 0..300_usize {
            let mut bytes = whole.clone();
            for place in 0..1 + round % 40 {
                // Not the first page: that SQLite does not open.
                let at = 512 + (round * 7_919 + place * 104_729) % (bytes.len() - 512);
                bytes[at] = (round * 31 + place * 17) as u8;
            }
            std::fs::write(&path, &bytes).unwrap();
            let connection = Connection::open(&path).unwrap();
            let Ok(Some(mut pages)) = TablePages::of(&connection, "e7", MIN_ROWS) else { continue };
            let shape = RecordShape::new(&[1, 2, 3]);
            let (mut rows, mut before) = (0, i64::MIN);
            let done = pages.each((i64::MIN, i64::MAX), &mut |id, record| {
                assert!(rows == 0 || id > before, "ascending");
                (rows, before) = (rows + 1, id);
                shape.read(record, &mut Vec::new(), &mut Vec::new())?;
                Ok(ControlFlow::Continue(()))
            });
            told += usize::from(done.is_err());
        }
        assert!(told > 100, "{told}");
    }
}
