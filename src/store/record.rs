//! Takes the records of a type's table apart.

use super::StoreError;
use super::cell::RawCell;
use super::pages::varint;
use crate::catalog::ValueId;

/// Stands for a column of the table that is not asked.
const UNASKED: usize = usize::MAX;

/// Which cells of a record are read, and where they go.
pub(super) struct RecordShape {
    /// By the table's column, up to the last one that is asked: the place of its cell.
    places: Vec<usize>,
    cells: usize,
}

impl RecordShape {
    /// Of the table's columns in these places; the first one is the id, which is not in the record.
    pub(super) fn new(columns: &[usize]) -> Self {
        let mut places = vec![UNASKED; columns.iter().max().map_or(0, |last| last + 1)];
        for (place, column) in columns.iter().enumerate() {
            places[*column] = place;
        }
        Self { places, cells: columns.len() }
    }

    /// Reads a record: cells that are missing, or lie in the table as bytes, are null; of the latter `packed` has the place and the bytes.
    ///
    /// # Errors
    /// When the record is not as SQLite writes it, or text is not UTF-8.
    pub(super) fn read<'r>(
        &self,
        record: &'r [u8],
        cells: &mut Vec<RawCell<'r>>,
        packed: &mut Vec<(usize, &'r [u8])>,
    ) -> Result<(), StoreError> {
        cells.clear();
        cells.resize(self.cells, RawCell::Null);
        self.fill(record, cells, packed).ok_or_else(damaged)?
    }

    fn fill<'r>(&self, record: &'r [u8], cells: &mut [RawCell<'r>], packed: &mut Vec<(usize, &'r [u8])>) -> Option<Result<(), StoreError>> {
        let (head, mut at) = varint(record, 0)?;
        let head = usize::try_from(head).ok()?;
        let mut start = head;
        for place in &self.places {
            // Columns that the table was given later are not in older rows.
            if at >= head {
                break;
            }
            let kind;
            (kind, at) = match *record.get(at)? {
                kind if kind < 0x80 => (usize::from(kind), at + 1),
                _ => varint(record, at).and_then(|(kind, at)| Some((usize::try_from(kind).ok()?, at)))?,
            };
            let end = start.checked_add(length(kind)?)?;
            if *place != UNASKED {
                let bytes = record.get(start..end)?;
                cells[*place] = match kind {
                    0 => RawCell::Null,
                    1..=6 => RawCell::Int(integer(bytes)),
                    // A dictionary's number as a float, written from an i64 below 2^53.
                    7 => RawCell::Value(ValueId(f64::from_be_bytes(bytes.try_into().ok()?) as i64)),
                    8 => RawCell::Int(0),
                    9 => RawCell::Int(1),
                    kind if kind % 2 == 0 => {
                        packed.push((*place, bytes));
                        RawCell::Null
                    }
                    _ => match std::str::from_utf8(bytes) {
                        Ok(text) => RawCell::Text(text),
                        Err(_) => return Some(Err(StoreError::Damaged("a row has text that is not UTF-8".to_owned()))),
                    },
                };
            }
            start = end;
        }
        Some(Ok(()))
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged("a row is not as SQLite writes it".to_owned())
}

/// The bytes of a value of a kind; 10 and 11 are kept for what is to come.
fn length(kind: usize) -> Option<usize> {
    const SHORT: [usize; 10] = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];
    match kind {
        10 | 11 => None,
        kind if kind < 10 => Some(SHORT[kind]),
        kind => Some((kind - 12) / 2),
    }
}

/// A signed number of a kind: of one to eight bytes.
fn integer(bytes: &[u8]) -> i64 {
    // By their lengths, because a loop over bytes costs more than all else of most cells.
    match *bytes {
        [a] => i64::from(a.cast_signed()),
        [a, b] => i64::from(i16::from_be_bytes([a, b])),
        [a, b, c] => i64::from(i32::from_be_bytes([a, b, c, 0]) >> 8),
        [a, b, c, d] => i64::from(i32::from_be_bytes([a, b, c, d])),
        [a, b, c, d, e, f] => i64::from_be_bytes([a, b, c, d, e, f, 0, 0]) >> 16,
        [a, b, c, d, e, f, g, h] => i64::from_be_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}
