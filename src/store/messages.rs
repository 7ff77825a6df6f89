//! Rendered text of events: compressed in blocks of consecutive messages, which repeat each other.
//!
//! A block is the texts joined by NUL, which no text holds; a row of `message` says which block and which text in it.
//! On 92,643 real messages of 946 bytes a block of 64 needs 79 bytes per message at 1 µs; one by one with a trained
//! dictionary it was 267 bytes at 3.8 µs.

use std::cell::RefCell;

use rusqlite::{Connection, OptionalExtension, params};
use zstd::bulk::{Compressor, Decompressor};

use super::StoreError;

/// Messages of one block.
const BLOCK_MESSAGES: usize = 64;
/// Bytes of text after which a block is full.
const BLOCK_BYTES: usize = 64 * 1024;
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
        // zstd's own default: higher levels gain a few per cent on text and cost several times as much.
        let compressor = Compressor::new(3).map_err(StoreError::Compression)?;
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
                let texts = decompress(data)?;
                blocks.truncate(KEPT - 1);
                blocks.insert(0, (data.to_vec(), texts));
            }
        }
        let text = blocks[0].1.split('\0').nth(nth);
        text.map(str::to_owned).ok_or_else(|| StoreError::Damaged("a message is not in its block".to_owned()))
    })
}

fn decompress(data: &[u8]) -> Result<String, StoreError> {
    let damaged = |error: std::io::Error| StoreError::Damaged(format!("a block of messages: {error}"));
    let length = Decompressor::upper_bound(data)
        .filter(|l| *l <= MAX_BYTES)
        .ok_or_else(|| StoreError::Damaged("a block of messages has no length".to_owned()))?;
    let bytes = Decompressor::new().map_err(damaged)?.decompress(data, length).map_err(damaged)?;
    String::from_utf8(bytes).map_err(|_| StoreError::Damaged("a block of messages is not UTF-8".to_owned()))
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
