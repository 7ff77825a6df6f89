//! Rendered text of events: compressed in blocks of consecutive messages, which repeat each other.
//!
//! A block is the texts joined by NUL, which no text holds; a row of `message` says which block and which text in it.
//! On 92,643 real messages of 946 bytes a block of 64 needs 79 bytes per message at 1 µs; one by one with a trained
//! dictionary it was 267 bytes at 3.8 µs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use zstd::bulk::{Compressor, Decompressor};

use super::StoreError;
use crate::catalog::EventId;

/// Messages of one block.
const BLOCK_MESSAGES: usize = 64;
/// Bytes of text after which a block is full.
const BLOCK_BYTES: usize = 64 * 1024;
/// How hard texts are compressed.
// zstd's own default: higher levels gain a few per cent on text and cost several times as much.
const LEVEL: i32 = 3;
/// A longer block than this is damage.
// A block has some 64 kB and one long message at most; a compressed bomb says more, and is refused before it is unpacked.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Blocks kept decompressed by a thread: readers go from one message to the next.
// The next message of the same type is mostly in the same block; blocks of several types alternate.
const KEPT: usize = 4;

/// Compresses messages on their way into the store.
pub(super) struct MessageWriter {
    compressor: Compressor<'static>,
    block: Option<i64>,
    texts: Vec<u8>,
    count: usize,
}

impl MessageWriter {
    /// Begins without a block.
    pub(super) fn new() -> Result<Self, StoreError> {
        let compressor = Compressor::new(LEVEL).map_err(StoreError::Compression)?;
        Ok(Self { compressor, block: None, texts: Vec::new(), count: 0 })
    }

    /// Writes one message.
    pub(super) fn write(&mut self, connection: &Connection, event: i64, text: &str) -> Result<(), StoreError> {
        let block = *self.block.get_or_insert(event);
        let number = i64::try_from(self.count).expect("a small number");
        if self.count > 0 {
            self.texts.push(0);
        }
        let start = self.texts.len();
        self.texts.extend_from_slice(text.as_bytes());
        // NUL separates the texts of a block.
        self.texts[start..].iter_mut().filter(|b| **b == 0).for_each(|b| *b = b' ');
        self.count += 1;
        connection
            .prepare_cached("INSERT INTO message (event, block, number) VALUES (?1, ?2, ?3)")?
            .execute(params![event, block, number])?;
        if self.count == BLOCK_MESSAGES || self.texts.len() >= BLOCK_BYTES { self.flush(connection) } else { Ok(()) }
    }

    /// Writes the last block of a source.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if let Some(block) = self.block {
            let data = self.compressor.compress(&self.texts).map_err(StoreError::Compression)?;
            connection.prepare_cached("INSERT INTO message_block (id, data) VALUES (?1, ?2)")?.execute(params![block, data])?;
        }
        self.clear();
        Ok(())
    }

    /// Forgets the block of a source that is given up.
    pub(super) fn clear(&mut self) {
        self.block = None;
        self.texts.clear();
        // One message of megabytes must not keep its memory for the rest of the load.
        self.texts.shrink_to(4 * BLOCK_BYTES);
        self.count = 0;
    }
}

/// Reads the message of an event.
pub(super) fn read(connection: &Connection, event: i64) -> Result<Option<String>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT b.data, m.number FROM message m JOIN message_block b ON b.id = m.block WHERE m.event = ?1")?;
    let row: Option<(Vec<u8>, i64)> = select.query_row(params![event], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    row.map(|(data, number)| text_of(&data, number)).transpose()
}

/// Where the rendered text of an event lies: which text of which block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePlace {
    /// The block.
    pub block: i64,
    /// The text's number in it, from 0.
    pub number: i64,
}

/// Where the message of an event lies.
pub(super) fn place(connection: &Connection, event: i64) -> Result<Option<MessagePlace>, StoreError> {
    let mut select = connection.prepare_cached("SELECT block, number FROM message WHERE event = ?1")?;
    Ok(select.query_row(params![event], |row| Ok(MessagePlace { block: row.get(0)?, number: row.get(1)? })).optional()?)
}

/// Visits every message, by the ids of events.
pub(super) fn each_place(connection: &Connection, visit: &mut dyn FnMut(EventId, MessagePlace)) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached("SELECT event, block, number FROM message ORDER BY event")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        visit(EventId(row.get(0)?), MessagePlace { block: row.get(1)?, number: row.get(2)? });
    }
    Ok(())
}

/// Visits all blocks by their ids until the visitor breaks: id and texts, as [`MessageBlocks::texts`] gives them.
pub(super) fn each_block(
    connection: &Connection,
    visit: &mut dyn FnMut(i64, &[u8]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    each_block_or_fault(connection, &mut |block, texts| visit(block, texts?))
}

/// As [`each_block`], also those that cannot be read.
pub(super) fn each_block_or_fault(
    connection: &Connection,
    visit: &mut dyn FnMut(i64, Result<&[u8], StoreError>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached("SELECT id, data FROM message_block ORDER BY id")?;
    let mut decompressor = Decompressor::new().map_err(StoreError::Compression)?;
    let mut texts = Vec::new();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let block = row.get(0)?;
        let read = blob(block, row.get_ref(1)?).and_then(|data| decompress(&mut decompressor, data, &mut texts));
        if visit(block, read.map(|()| texts.as_slice()))?.is_break() {
            break;
        }
    }
    Ok(())
}

fn blob(block: i64, data: ValueRef<'_>) -> Result<&[u8], StoreError> {
    data.as_blob().map_err(|_| StoreError::Damaged(format!("the block of messages {block} is not a BLOB")))
}

/// Reads whole blocks of messages, for readers that ask something of every text in them.
pub struct MessageBlocks<'s> {
    select: CachedStatement<'s>,
    decompressor: Decompressor<'static>,
    /// Memory for all blocks: a new one for each would be zeroed by the system each time.
    texts: Vec<u8>,
}

impl<'s> MessageBlocks<'s> {
    pub(super) fn new(connection: &'s Connection) -> Result<Self, StoreError> {
        let select = connection.prepare_cached("SELECT data FROM message_block WHERE id = ?1")?;
        Ok(Self { select, decompressor: Decompressor::new().map_err(StoreError::Compression)?, texts: Vec::new() })
    }

    /// The texts of a block, with a NUL between two. They are UTF-8 where the store is not damaged: who needs text checks that,
    /// because to search bytes costs less than the check.
    ///
    /// # Errors
    /// When there is no such block, it is damaged, or SQLite fails.
    pub fn texts(&mut self, block: i64) -> Result<&[u8], StoreError> {
        let mut rows = self.select.query(params![block])?;
        let row = rows.next()?.ok_or_else(|| StoreError::Damaged(format!("the block of messages {block} is missing")))?;
        decompress(&mut self.decompressor, blob(block, row.get_ref(0)?)?, &mut self.texts)?;
        Ok(&self.texts)
    }
}

/// A block with the texts of other numbers than these made empty, compressed. The numbers of those that stay are the same.
pub(super) fn without_others(connection: &Connection, block: i64, numbers: &BTreeSet<i64>) -> Result<Vec<u8>, StoreError> {
    let mut blocks = MessageBlocks::new(connection)?;
    let texts = blocks.texts(block)?;
    let mut kept = Vec::with_capacity(texts.len());
    for (number, text) in (0..).zip(texts.split(|byte| *byte == 0)) {
        if number > 0 {
            kept.push(0);
        }
        if numbers.contains(&number) {
            kept.extend_from_slice(text);
        }
    }
    Compressor::new(LEVEL).and_then(|mut compressor| compressor.compress(&kept)).map_err(StoreError::Compression)
}

/// A compressed block and its texts.
type Block = (Vec<u8>, String);

thread_local! {
    static BLOCKS: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// One text of a compressed block.
pub(super) fn text_of(data: &[u8], number: i64) -> Result<String, StoreError> {
    let nth = usize::try_from(number).unwrap_or(usize::MAX);
    BLOCKS.with_borrow_mut(|blocks| {
        match blocks.iter().position(|(known, _)| known == data) {
            Some(0) => {}
            Some(at) => blocks.swap(0, at),
            None => {
                let mut decompressor = Decompressor::new().map_err(StoreError::Compression)?;
                let mut texts = Vec::new();
                decompress(&mut decompressor, data, &mut texts)?;
                let texts = String::from_utf8(texts).map_err(|_| StoreError::Damaged("a block of messages is not UTF-8".to_owned()))?;
                blocks.truncate(KEPT - 1);
                blocks.insert(0, (data.to_vec(), texts));
            }
        }
        let text = blocks[0].1.split('\0').nth(nth);
        text.map(str::to_owned).ok_or_else(|| StoreError::Damaged("a message is not in its block".to_owned()))
    })
}

/// Decompresses a block into `memory`, whatever is in it.
fn decompress(decompressor: &mut Decompressor<'_>, data: &[u8], memory: &mut Vec<u8>) -> Result<(), StoreError> {
    let length = Decompressor::upper_bound(data)
        .filter(|l| *l <= MAX_BYTES)
        .ok_or_else(|| StoreError::Damaged("a block of messages has no length".to_owned()))?;
    memory.clear();
    memory.reserve(length);
    decompressor.decompress_to_buffer(data, memory).map_err(|error| StoreError::Damaged(format!("a block of messages: {error}")))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_comes_back() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../migrations/0001_store.sql")).unwrap();
        let mut writer = MessageWriter::new().unwrap();
        let long = "x".repeat(3 * BLOCK_BYTES);
        let text = |n: i64| if n == 100 { long.clone() } else { format!("message {}\r\n\tof a user", n % 7 * 100) };
        for event in (0..200).filter(|n| n % 3 != 0) {
            writer.write(&connection, event, &text(event)).unwrap();
        }
        writer.write(&connection, 200, "").unwrap();
        writer.flush(&connection).unwrap();
        writer.flush(&connection).unwrap();
        for event in (0..200).rev() {
            assert_eq!(read(&connection, event).unwrap(), (event % 3 != 0).then(|| text(event)), "{event}");
        }
        assert_eq!(read(&connection, 200).unwrap().as_deref(), Some(""));
        let blocks: i64 = connection.query_row("SELECT count(*) FROM message_block", [], |row| row.get(0)).unwrap();
        assert_eq!(blocks, 4);

        let mut reader = MessageBlocks::new(&connection).unwrap();
        for event in (0..200).rev().filter(|n| n % 3 != 0) {
            let place = place(&connection, event).unwrap().unwrap();
            let nth = usize::try_from(place.number).unwrap();
            assert_eq!(reader.texts(place.block).unwrap().split(|byte| *byte == 0).nth(nth), Some(text(event).as_bytes()), "{event}");
        }
        assert_eq!(place(&connection, 3).unwrap(), None);
        assert!(reader.texts(3).is_err());
    }

    #[test]
    fn a_damaged_block_is_an_error() {
        for data in [&b"no zstd"[..], &zstd::bulk::compress(b"one\0two", 3).unwrap()[..10]] {
            assert!(text_of(data, 0).is_err());
        }
        let block = zstd::bulk::compress(b"one\0two", 3).unwrap();
        assert_eq!(text_of(&block, 1).unwrap(), "two");
        assert!(text_of(&block, 2).is_err());
        assert!(text_of(&block, -1).is_err());
    }
}
