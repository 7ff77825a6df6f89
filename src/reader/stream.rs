//! A leaf's bytes as readers want them: peeked at, line by line or block by block, hashed on the way. UTF-16 is turned
//! into UTF-8.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::holes::Holes;
use super::utf16::Utf16;
use crate::event::hex;

/// Bytes read at a time: large enough that a call to the system costs little beside the parsing of what it gives.
const BLOCK_BYTES: usize = 256 * 1024;
/// Memory of a window that is kept for the next leaf. One leaf with a huge record must not hold its memory to the end of the load.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;
/// Problems of a leaf that are kept. The first ones tell what is wrong with it; the number of bad records goes on counting.
const MAX_PROBLEMS: usize = 100;

/// Something wrong with a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Byte offset in the leaf.
    pub offset: Option<u64>,
    /// 1-based line or record.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
}

/// What went wrong while a leaf was read.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Carve records from healthy files too.
    pub(super) recover: bool,
    /// Records that could not be read.
    pub(super) bad: u64,
    /// The first problems.
    pub(super) problems: Vec<Problem>,
}

impl Report {
    /// Counts a record that could not be read.
    pub(super) fn bad(&mut self, offset: Option<u64>, line: Option<u64>, message: impl Into<String>) {
        self.bad += 1;
        self.problem(offset, line, message);
    }

    /// Notes a problem that cost no record, or an unknown number.
    pub(super) fn problem(&mut self, offset: Option<u64>, line: Option<u64>, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { offset, line, message: message.into() });
        }
    }
}

impl Report {
    /// Adds what a later piece of the leaf says.
    pub(super) fn add(&mut self, later: Self) {
        self.bad += later.bad;
        let room = MAX_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(later.problems.into_iter().take(room));
    }
}

/// How a stream ended.
pub(super) struct End {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) error: Option<io::Error>,
    /// Where the stream should be text and is zeros.
    pub(super) holes: Holes,
}

/// The memory of a stream's window; it serves one leaf after the other.
#[derive(Default)]
pub(super) struct Window {
    /// Zeros, or what was read before: growing over it costs nothing.
    memory: Vec<u8>,
    filled: usize,
}

impl Window {
    fn bytes(&self) -> &[u8] {
        &self.memory[..self.filled]
    }

    /// Room for a block behind the bytes.
    fn room(&mut self) -> &mut [u8] {
        let end = self.filled + BLOCK_BYTES;
        if self.memory.len() < end {
            self.memory.resize(end, 0);
        }
        &mut self.memory[self.filled..end]
    }

    fn push(&mut self, bytes: &[u8]) {
        self.memory.truncate(self.filled);
        self.memory.extend_from_slice(bytes);
        self.filled = self.memory.len();
    }

    fn remove_front(&mut self, bytes: usize) {
        self.memory.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }

    fn empty(&mut self) {
        self.filled = 0;
        if self.memory.len() > MAX_KEPT_BYTES {
            self.memory = Vec::new();
        }
    }
}

/// A stream with a window of bytes that grows on demand.
pub(super) struct LeafInput<'a> {
    reader: &'a mut dyn Read,
    window: &'a mut Window,
    start: usize,
    /// Offset in the stream of the window's first unread byte.
    offset: u64,
    hasher: Sha256,
    total: u64,
    at_end: bool,
    error: Option<io::Error>,
    /// The stream is UTF-16 and the window is not.
    utf16: Option<Utf16>,
    /// A block of UTF-16, and what it is in UTF-8.
    raw: (Window, Vec<u8>),
    /// None: the stream is not known to be text.
    holes: Option<Holes>,
}

impl<'a> LeafInput<'a> {
    /// Starts a stream with a first look at `sniff` bytes.
    pub(super) fn new(reader: &'a mut dyn Read, sniff: usize, window: &'a mut Window) -> Self {
        window.empty();
        let mut input = Self {
            reader,
            window,
            start: 0,
            offset: 0,
            hasher: Sha256::new(),
            total: 0,
            at_end: false,
            error: None,
            utf16: None,
            raw: (Window::default(), Vec::new()),
            holes: None,
        };
        input.fill_to(sniff);
        if let Some(utf16) = Utf16::of(input.window.bytes()) {
            input.expect_text();
            input.utf16 = Some(utf16);
            input.raw.0 = std::mem::take(input.window);
            input.decode();
            input.fill_to(sniff);
        }
        input
    }

    /// From now on zeros are looked for, from the start of the stream on: nothing of it may have left the window.
    pub(super) fn expect_text(&mut self) {
        if self.holes.is_none() {
            self.holes.insert(Holes::default()).look(self.window.bytes(), 0);
        }
    }

    /// Whether the window has other bytes than the stream.
    pub(super) fn is_decoded(&self) -> bool {
        self.utf16.is_some()
    }

    /// The unread bytes in the window.
    pub(super) fn head(&self) -> &[u8] {
        &self.window.bytes()[self.start..]
    }

    /// Offset in the stream of the first unread byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether nothing is left behind the window.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Marks bytes of the window as read.
    pub(super) fn consume(&mut self, bytes: usize) {
        let read = &self.head()[..bytes];
        self.offset += if self.utf16.is_some() { Utf16::length(read) } else { bytes as u64 };
        self.start += bytes;
    }

    /// Makes the window hold at least `bytes` unread bytes, or all that are left. Returns how many it holds.
    pub(super) fn fill_to(&mut self, bytes: usize) -> usize {
        while self.head().len() < bytes && !self.at_end {
            self.grow();
        }
        self.head().len()
    }

    /// Reads one more block into the window.
    pub(super) fn grow(&mut self) {
        // Not at each read: moving the rest to the front again and again would make a large record quadratic.
        if self.start > BLOCK_BYTES || self.head().is_empty() {
            self.window.remove_front(self.start);
            self.start = 0;
        }
        let target = if self.utf16.is_some() { &mut self.raw.0 } else { &mut *self.window };
        let room = target.room();
        let n = loop {
            match self.reader.read(room) {
                Ok(n) => break n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    break 0;
                }
            }
        };
        // The hash is of the bytes as they are in the file, so before UTF-16 is decoded.
        self.hasher.update(&room[..n]);
        if let Some(holes) = &mut self.holes {
            holes.look(&room[..n], self.total);
        }
        target.filled += n;
        self.total += n as u64;
        self.at_end = n == 0;
        self.decode();
    }

    /// Puts a block of UTF-16 into the window.
    fn decode(&mut self) {
        let Some(utf16) = &mut self.utf16 else { return };
        let (block, text) = &mut self.raw;
        text.clear();
        utf16.decode(block.bytes(), self.at_end, text);
        block.empty();
        self.window.push(text);
    }

    /// Reads the rest and says how it ended.
    pub(super) fn finish(mut self) -> End {
        // A reader may stop early. The hash must still be of the whole leaf: the ledger knows it by that.
        while !self.at_end {
            self.start = self.window.filled;
            self.grow();
        }
        End { bytes: self.total, sha256: hex(&self.hasher.finalize()), error: self.error, holes: self.holes.unwrap_or_default() }
    }
}
