//! Reads raw cells of one event type, in event order, as fast as SQLite steps.

use std::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Row, Statement, params};

use super::StoreError;
use super::cell::RawCell;
use super::event_row::EventRow;
use super::messages::MessagePlace;
use super::pages::TablePages;
use super::record::RecordShape;
use super::texts::Unpacker;
use super::writer::{MAX_COLUMNS, MAX_TYPE_TABLES};
use crate::catalog::{ColumnIndex, EventId, EventType, Storage, ValueId};

/// Kilobytes of pages that a scan keeps. It reads each page once: a cache that holds many of them takes new memory for each, and finds none
/// of them again.
const SCAN_CACHE_KB: u32 = 4_096;

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
    visit: &mut dyn FnMut(EventId, &[RawCell<'_>]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    if let Some(pages) = pages(connection, event_type, columns, range)? {
        return scan_pages((connection, event_type, columns), pages, range, visit);
    }
    let statement = connection.prepare_cached(&statement(event_type, columns, range, Head::Id))?;
    let mut reader = CellReader::new(connection, event_type, columns, statement)?;
    reader.each(range.first, range.last, 1, &mut |event, _, cells| visit(event, cells))
}

/// The pages of a type's table, where all that is asked lies in them.
fn pages<'s>(
    connection: &'s Connection,
    event_type: &EventType,
    columns: &[ColumnIndex],
    range: EventRange,
) -> Result<Option<TablePages<'s>>, StoreError> {
    let Storage::Table(table) = &event_type.storage else { return Ok(None) };
    let is_timed = range.since_us.is_some() || range.until_us.is_some();
    if is_timed || columns.iter().any(|column| is_outside(event_type, *column)) {
        return Ok(None);
    }
    TablePages::of(connection, table, most_events(event_type, range))
}

/// Reads rows from the pages of their table.
fn scan_pages(
    (connection, event_type, columns): (&Connection, &EventType, &[ColumnIndex]),
    mut pages: TablePages<'_>,
    range: EventRange,
    visit: &mut dyn FnMut(EventId, &[RawCell<'_>]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    // The first column of the table is the id of the event.
    let shape = RecordShape::new(&columns.iter().map(|column| column.0 as usize + 1).collect::<Vec<_>>());
    let mut packed = Packed::of(connection, event_type, columns);
    let mut recycled: (Vec<RawCell<'static>>, Vec<(usize, &'static [u8])>) = Default::default();
    pages.each((range.first.0, range.last.0), &mut |id, record| {
        let (mut cells, mut blobs): (Vec<RawCell<'_>>, Vec<(usize, &[u8])>) = std::mem::take(&mut recycled);
        shape.read(record, &mut cells, &mut blobs)?;
        packed.clear();
        for (_, blob) in &blobs {
            packed.add(blob)?;
        }
        for ((place, _), text) in blobs.iter().zip(packed.texts()) {
            cells[*place] = RawCell::Text(text);
        }
        let flow = visit(EventId(id), &cells)?;
        cells.clear();
        blobs.clear();
        // Empty, so nothing borrows: the same allocations serve the next row.
        recycled = (cells.into_iter().map(|_| RawCell::Null).collect(), blobs.into_iter().map(|_| (0, &[][..])).collect());
        Ok(flow)
    })
}

/// Keeps the page cache of a connection small, as long as this lives.
pub struct ScanCache<'s> {
    connection: &'s Connection,
    before: i64,
}

impl<'s> ScanCache<'s> {
    pub(super) fn new(connection: &'s Connection) -> Result<Self, StoreError> {
        let before = connection.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
        connection.execute_batch(&format!("PRAGMA cache_size = -{SCAN_CACHE_KB}"))?;
        Ok(Self { connection, before })
    }
}

impl Drop for ScanCache<'_> {
    fn drop(&mut self) {
        // It fails where SQLite itself is at its end, and whatever is asked next says so.
        let _ = self.connection.execute_batch(&format!("PRAGMA cache_size = {}", self.before));
    }
}

/// See [`super::Store::events_in`].
pub(super) fn events_in(connection: &Connection, event_type: &EventType, range: EventRange) -> Result<Option<u64>, StoreError> {
    let (table, id, of_type) = match &event_type.storage {
        Storage::Table(table) => (table.as_str(), "_id", String::new()),
        Storage::Overflow => ("event", "id", format!(" AND type = {} AND type > {MAX_TYPE_TABLES}", event_type.id.0)),
    };
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {id} >= ?1 AND {id} <= ?2{of_type})");
    let any: bool = connection.prepare_cached(&sql)?.query_row(params![range.first.0, range.last.0], |row| row.get(0))?;
    Ok(any.then_some(most_events(event_type, range)))
}

/// How many events of a type a range of ids has at most.
fn most_events(event_type: &EventType, range: EventRange) -> u64 {
    let between = u64::try_from(range.last.0.saturating_sub(range.first.0).saturating_add(1)).unwrap_or(0);
    event_type.events.min(between)
}

/// See [`super::Store::scan_with_messages`].
pub(super) fn scan_with_messages(
    connection: &Connection,
    event_type: &EventType,
    columns: &[ColumnIndex],
    range: EventRange,
    visit: &mut dyn FnMut(EventId, Option<MessagePlace>, &[RawCell<'_>]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let statement = connection.prepare_cached(&statement(event_type, columns, range, Head::Place))?;
    let mut reader = CellReader::new(connection, event_type, columns, statement)?;
    reader.each(range.first, range.last, 3, &mut |event, row, cells| {
        let block: Option<i64> = row.get(1)?;
        let place = block.map(|block| Ok::<_, StoreError>(MessagePlace { block, number: row.get(2)? })).transpose()?;
        visit(event, place, cells)
    })
}

/// See [`super::Store::event_span`].
pub(super) fn span(connection: &Connection, event_type: &EventType) -> Result<Option<(EventId, EventId)>, StoreError> {
    let Storage::Table(table) = &event_type.storage else { return Ok(None) };
    // Each end by itself: SQLite looks both up, where it would read the whole table for the two together.
    let sql = format!("SELECT (SELECT min(_id) FROM {table}), (SELECT max(_id) FROM {table})");
    let (first, last): (Option<i64>, Option<i64>) = connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(first.zip(last).map(|(first, last)| (EventId(first), EventId(last))))
}

/// Reads events of one type one by one or in runs, each with its row of the table of all events.
pub struct EventReader<'s>(CellReader<'s>);

impl<'s> EventReader<'s> {
    pub(super) fn new(connection: &'s Connection, event_type: &'s EventType, columns: &[ColumnIndex]) -> Result<Self, StoreError> {
        let all = EventRange { first: EventId(0), last: EventId(0), since_us: None, until_us: None };
        let statement = connection.prepare_cached(&statement(event_type, columns, all, Head::Whole))?;
        Ok(Self(CellReader::new(connection, event_type, columns, statement)?))
    }

    /// Reads the events of the type between two ids, both included, ascending.
    ///
    /// # Errors
    /// When SQLite fails or the visitor does.
    pub fn each(
        &mut self,
        first: EventId,
        last: EventId,
        visit: &mut dyn FnMut(EventRow, &[RawCell<'_>]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let event_type = self.0.event_type.id;
        self.0.each(first, last, 4, &mut |id, row, cells| {
            let host: Option<i64> = row.get(2)?;
            visit(EventRow { id, event_type, time_us: row.get(1)?, host: host.map(ValueId), record: row.get(3)? }, cells)
        })
    }
}

/// Reads the cells of single events of one type.
pub struct CellsReader<'s>(CellReader<'s>);

impl<'s> CellsReader<'s> {
    pub(super) fn new(connection: &'s Connection, event_type: &'s EventType, columns: &[ColumnIndex]) -> Result<Self, StoreError> {
        CellReader::of_columns(connection, event_type, columns).map(Self)
    }

    /// Visits the cells of an event, where there is one of the type with this id.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn of(&mut self, id: EventId, visit: &mut dyn FnMut(&[RawCell<'_>])) -> Result<(), StoreError> {
        self.0.one(id, &mut |cells| {
            visit(cells);
            Ok(())
        })
    }
}

/// What comes before an event's cells: its id, and with it the place of its message or its row of the table of all events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Id,
    Place,
    Whole,
}

/// A statement over one type's cells at work.
pub(super) struct CellReader<'s> {
    event_type: &'s EventType,
    columns: Vec<ColumnIndex>,
    statement: CachedStatement<'s>,
    outside: Outside,
    others: Option<CachedStatement<'s>>,
    texts: String,
    packed: Packed<'s>,
}

impl<'s> CellReader<'s> {
    fn new(
        connection: &'s Connection,
        event_type: &'s EventType,
        columns: &[ColumnIndex],
        statement: CachedStatement<'s>,
    ) -> Result<Self, StoreError> {
        let outside = Outside::of(event_type, columns);
        let others = if outside.is_empty() {
            None
        } else {
            Some(connection.prepare_cached("SELECT field, value FROM overflow WHERE event = ?1 ORDER BY field")?)
        };
        let packed = Packed::of(connection, event_type, columns);
        Ok(Self { event_type, columns: columns.to_vec(), statement, outside, others, texts: String::new(), packed })
    }

    /// Reads columns of a type's events.
    pub(super) fn of_columns(connection: &'s Connection, event_type: &'s EventType, columns: &[ColumnIndex]) -> Result<Self, StoreError> {
        let range = EventRange { first: EventId(0), last: EventId(0), since_us: None, until_us: None };
        let statement = connection.prepare_cached(&statement(event_type, columns, range, Head::Id))?;
        Self::new(connection, event_type, columns, statement)
    }

    /// Visits one event.
    pub(super) fn one(&mut self, id: EventId, visit: &mut dyn FnMut(&[RawCell<'_>]) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.each(id, id, 1, &mut |_, _, cells| visit(cells).map(|()| ControlFlow::Break(())))
    }

    /// `heads` columns stand before the first cell.
    fn each(
        &mut self,
        first: EventId,
        last: EventId,
        heads: usize,
        visit: &mut dyn FnMut(EventId, &Row<'_>, &[RawCell<'_>]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let (event_type, columns) = (self.event_type, &self.columns);
        let mut rows = self.statement.query(params![first.0, last.0])?;
        let mut recycled: Vec<RawCell<'static>> = Vec::with_capacity(columns.len());
        while let Some(row) = rows.next()? {
            let event = EventId(row.get(0)?);
            let found = self.others.as_mut().map(|select| self.outside.read(select, event, &mut self.texts)).transpose()?;
            self.packed.unpack(row, heads)?;
            let mut unpacked = self.packed.texts();
            let mut cells: Vec<RawCell<'_>> = recycled;
            let mut index = heads;
            for column in columns {
                if is_outside(event_type, *column) {
                    cells.push(RawCell::Null);
                } else {
                    cells.push(match row.get_ref_unwrap(index) {
                        ValueRef::Blob(_) => unpacked.next().map_or(RawCell::Null, RawCell::Text),
                        value => cell(event, value)?,
                    });
                    index += 1;
                }
            }
            for (place, value) in found.into_iter().flatten() {
                cells[place] = match value {
                    Kept::Int(number) => RawCell::Int(number),
                    Kept::Value(id) => RawCell::Value(id),
                    Kept::Text(start, end) => RawCell::Text(&self.texts[start..end]),
                };
            }
            let flow = visit(event, row, &cells)?;
            cells.clear();
            // Empty, so nothing borrows: the same allocation serves the next row.
            recycled = cells.into_iter().map(|_| RawCell::Null).collect();
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn cell(event: EventId, value: ValueRef<'_>) -> Result<RawCell<'_>, StoreError> {
    Ok(match value {
        ValueRef::Integer(number) => RawCell::Int(number),
        ValueRef::Real(id) => RawCell::Value(ValueId(id as i64)), // written from an i64 below 2^53
        ValueRef::Text(text) => RawCell::Text(
            std::str::from_utf8(text).map_err(|_| StoreError::Damaged(format!("event {} has text that is not UTF-8", event.0)))?,
        ),
        ValueRef::Null | ValueRef::Blob(_) => RawCell::Null,
    })
}

/// The packed texts of a row.
struct Packed<'s> {
    connection: &'s Connection,
    /// Columns that may be packed, as places among those of the table that are read.
    places: Vec<usize>,
    unpacker: Unpacker,
    text: String,
    ends: Vec<usize>,
}

impl<'s> Packed<'s> {
    fn of(connection: &'s Connection, event_type: &EventType, columns: &[ColumnIndex]) -> Self {
        let inside = columns.iter().filter(|column| !is_outside(event_type, **column)).enumerate();
        let places = inside.filter(|(_, column)| event_type.column(**column).has_packed).map(|(place, _)| place).collect();
        Self { connection, places, unpacker: Unpacker::default(), text: String::new(), ends: Vec::new() }
    }

    /// Unpacks the texts of a row, whose cells begin at a column of the statement.
    fn unpack(&mut self, row: &Row<'_>, heads: usize) -> Result<(), StoreError> {
        self.clear();
        for index in 0..self.places.len() {
            if let ValueRef::Blob(cell) = row.get_ref_unwrap(heads + self.places[index]) {
                self.add(cell)?;
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Unpacks one text.
    fn add(&mut self, cell: &[u8]) -> Result<(), StoreError> {
        self.unpacker.unpack(self.connection, cell, &mut self.text)?;
        self.ends.push(self.text.len());
        Ok(())
    }

    /// The texts, in the order of the columns.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}

/// Whether the cells of a column are in the overflow table.
pub(super) fn is_outside(event_type: &EventType, column: ColumnIndex) -> bool {
    event_type.storage == Storage::Overflow || column.0 as usize >= MAX_COLUMNS
}

/// The columns of a scan that are in the overflow table: (field, place among the columns), by field.
struct Outside(Vec<(i64, usize)>);

/// A cell of the overflow table that outlives its statement's step; text is a range of a buffer.
enum Kept {
    Int(i64),
    Value(ValueId),
    Text(usize, usize),
}

impl Outside {
    fn of(event_type: &EventType, columns: &[ColumnIndex]) -> Self {
        let mut places: Vec<(i64, usize)> = (0..)
            .zip(columns)
            .filter(|(_, column)| is_outside(event_type, **column))
            .map(|(place, column)| (i64::from(column.0), place))
            .collect();
        places.sort_unstable();
        Self(places)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads what an event has in these columns.
    fn read(&self, select: &mut Statement<'_>, event: EventId, texts: &mut String) -> Result<Vec<(usize, Kept)>, StoreError> {
        texts.clear();
        let mut kept = Vec::new();
        let mut rows = select.query(params![event.0])?;
        while let Some(row) = rows.next()? {
            let field: i64 = row.get(0)?;
            let first = self.0.partition_point(|(known, _)| *known < field);
            for (_, place) in self.0[first..].iter().take_while(|(known, _)| *known == field) {
                let value = match cell(event, row.get_ref(1)?)? {
                    RawCell::Null => continue,
                    RawCell::Int(number) => Kept::Int(number),
                    RawCell::Value(id) => Kept::Value(id),
                    RawCell::Text(text) => {
                        texts.push_str(text);
                        Kept::Text(texts.len() - text.len(), texts.len())
                    }
                };
                kept.push((*place, value));
            }
        }
        Ok(kept)
    }
}

fn statement(event_type: &EventType, columns: &[ColumnIndex], range: EventRange, head: Head) -> String {
    let (id, table) = match &event_type.storage {
        Storage::Table(table) => ("t._id", format!("{table} t")),
        Storage::Overflow => ("t.id", "event t".to_owned()),
    };
    let cells: String =
        columns.iter().filter(|c| !is_outside(event_type, **c)).map(|c| format!(", {}", cell_sql(event_type, *c, id))).collect();
    let heads = match head {
        Head::Id => "",
        Head::Place => ", m.block, m.number",
        Head::Whole => ", x.time_us, x.host, x.record",
    };
    let mut sql = format!("SELECT {id}{heads}{cells} FROM {table}");
    let mut conditions = format!(" WHERE {id} BETWEEN ?1 AND ?2");
    if event_type.storage == Storage::Overflow {
        conditions.push_str(&format!(" AND {}", is_of_type(event_type, "t.type")));
    }
    // Only where it is asked for: the join costs a look-up a row.
    if head == Head::Whole || range.since_us.is_some() || range.until_us.is_some() {
        sql.push_str(&format!(" JOIN event x ON x.id = {id}"));
        conditions.push_str(&range.since_us.map(|us| format!(" AND x.time_us >= {us}")).unwrap_or_default());
        conditions.push_str(&range.until_us.map(|us| format!(" AND x.time_us < {us}")).unwrap_or_default());
    }
    if head == Head::Place {
        sql.push_str(&format!(" LEFT JOIN message m ON m.event = {id}"));
    }
    format!("{sql}{conditions} ORDER BY {id}")
}

/// The condition that an event, whose type is in `column`, is of a type without a table, in words that let SQLite use the index of rare
/// types.
pub(super) fn is_of_type(event_type: &EventType, column: &str) -> String {
    let id = event_type.id.0;
    let rare = if id as usize > MAX_TYPE_TABLES { format!(" AND {column} > {MAX_TYPE_TABLES}") } else { String::new() };
    format!("{column} = {id}{rare}")
}

/// The SQL of a raw cell of the row whose event id is `id`.
pub(super) fn cell_sql(event_type: &EventType, column: ColumnIndex, id: &str) -> String {
    let position = column.0;
    if is_outside(event_type, column) {
        return format!("(SELECT o.value FROM overflow o WHERE o.event = {id} AND o.field = {position})");
    }
    format!("c{position}")
}
