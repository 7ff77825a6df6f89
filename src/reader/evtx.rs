//! Windows event logs (EVTX), chunk by chunk from a stream.
//!
//! Chunks stand on their own, so a file needs no seeking and one bad chunk costs only itself: a chunk beyond the
//! header's count (a dirty file) is read like any other, a chunk without its mark or cut off is counted bad, as one of
//! zeros among the counted is, and what can still be read of a cut-off one is read.
//!
//! For the same reason the file's header is not needed: where it is missing or damaged, or where somebody carved chunks from
//! a disk, each chunk is found by its mark at a sector, and the loss of the header is told.
//!
//! Records are carved from the space behind the live ones only where a chunk is damaged, or when asked: in a healthy
//! file that space holds stale copies of records that were overwritten.

use std::sync::Arc;

use evtx::{EvtxChunkData, ParserSettings};

use super::compact::Compact;
use super::markup::Markup;
use super::pieces::{LOG_PIECE_BYTES, LeafPiece, PieceQueue};
use super::row_error::RowError;
use super::stream::Report;
use super::{InputFormat, Reading};
use crate::normalise::{Normaliser, RecordPlace};

const HEADER_BYTES: usize = 4_096;
const CHUNK_BYTES: usize = 65_536;
/// The mark that a file begins with, and the one of each chunk.
const FILE_MARK: &[u8] = b"ElfFile\0";
const CHUNK_MARK: &[u8] = b"ElfChnk\0";
/// Chunks begin at multiples of this: files lie on a disk so, and so does what is carved from it.
const SECTOR_BYTES: usize = 512;
/// Where the file's header has the number of chunks, two bytes.
const CHUNKS_AT: usize = 42;
/// Where its flags are, and the one of a file that is in use.
const FLAGS_AT: usize = 120;
const IS_DIRTY: u8 = 1;

/// See the module.
pub(super) struct Evtx;

impl InputFormat for Evtx {
    fn name(&self) -> &'static str {
        "evtx"
    }

    fn sniff(&self, head: &[u8]) -> Option<String> {
        if head.starts_with(FILE_MARK) {
            return Some("it starts with the signature of an event log file".to_owned());
        }
        let at = next_mark(head)?;
        Some(format!("the mark of a chunk of an event log is at byte {at}, without the header of the file"))
    }

    fn is_text(&self) -> bool {
        false
    }

    fn read(&self, reading: &mut Reading<'_>) -> &'static str {
        let Reading { input, events, report, leaf, workers } = reading;
        let begin = input.fill_to(HEADER_BYTES).min(HEADER_BYTES);
        let has_header = input.head().starts_with(FILE_MARK);
        let header = if has_header { begin } else { 0 };
        // A header without its mark says nothing that could be trusted.
        let counted = input.head().get(CHUNKS_AT..CHUNKS_AT + 2).filter(|_| has_header);
        let chunks = counted.map_or(0, |count| u16::from_le_bytes([count[0], count[1]]));
        if !has_header {
            report.problem(Some(0), None, "the header of the event log is missing or damaged: its chunks are read without it");
        }
        let live = ParserSettings::new().num_threads(1).indent(false);
        let carving = Arc::new(live.clone().recover_records(true));
        let live = Arc::new(live);
        let carve_all = report.recover;
        let is_closed = has_header && input.head().get(FLAGS_AT).is_some_and(|flags| flags & IS_DIRTY == 0);
        let new_reader = || ChunkReader {
            live: live.clone(),
            carving: carving.clone(),
            carve_all,
            json: Compact::default(),
            markup: Markup::default(),
            position: 0,
            // Windows writes checksums when it closes a file: in one that is in use they are old.
            is_closed,
        };
        input.consume(header);
        let mut queue = workers.map(|workers| PieceQueue::new(workers, leaf.clone()));
        let mut reader = new_reader();
        let mut chunks_left = chunks;
        let mut parts = Vec::new();
        while input.fill_to(CHUNK_BYTES) > 0 && !events.stopped() {
            let length = input.head().len().min(CHUNK_BYTES);
            let bytes = &input.head()[..length];
            let (kind, length) = match next_mark(bytes) {
                // Chunks follow each other without a gap: what stands before a mark is the rest of something else.
                Some(gap) if gap > 0 => (LogPartKind::Gap, gap),
                _ => {
                    let is_counted = chunks_left > 0;
                    chunks_left = chunks_left.saturating_sub(1);
                    (LogPartKind::Chunk { is_counted }, length)
                }
            };
            parts.push(LogPart { kind, bytes: bytes[..length].to_vec(), offset: input.offset() });
            input.consume(length);
            if parts.len() * CHUNK_BYTES >= LOG_PIECE_BYTES {
                let parts = std::mem::take(&mut parts);
                match &mut queue {
                    Some(queue) => queue.add(LeafPiece::Chunks { parts, reader: new_reader() }, events, report),
                    None => reader.parts(parts, events, report),
                }
                events.flush();
            }
        }
        match queue {
            Some(mut queue) => {
                if !parts.is_empty() {
                    queue.add(LeafPiece::Chunks { parts, reader: new_reader() }, events, report);
                }
                queue.finish(events, report);
            }
            None => reader.parts(parts, events, report),
        }
        // A log that nobody wrote to is its header alone, which counts one chunk.
        if chunks_left > 0 && chunks > 1 && !events.stopped() {
            let text = format!("the header counts {chunks} chunks, {chunks_left} of them are missing");
            report.problem(Some(0), None, text);
        }
        self.name()
    }
}

/// Where the first sector is that begins with the mark of a chunk.
fn next_mark(bytes: &[u8]) -> Option<usize> {
    let sectors = bytes.chunks(SECTOR_BYTES).position(|sector| sector.starts_with(CHUNK_MARK))?;
    Some(sectors * SECTOR_BYTES)
}

/// Which records of a chunk are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// The live ones; checksums say whether they are as they were written.
    Live { checked: bool },
    /// What is left of others in the space behind them.
    Carved,
}

/// A piece of an event log between two borders of chunks.
pub(super) struct LogPart {
    kind: LogPartKind,
    bytes: Vec<u8>,
    offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogPartKind {
    /// What is between chunks.
    Gap,
    /// A chunk; the header of the file counts it, or it is behind those.
    Chunk { is_counted: bool },
}

/// Reads chunks.
pub(super) struct ChunkReader {
    live: Arc<ParserSettings>,
    carving: Arc<ParserSettings>,
    /// Carve in healthy chunks too.
    carve_all: bool,
    json: Compact,
    markup: Markup,
    position: u64,
    /// The file says that it was closed.
    is_closed: bool,
}

impl ChunkReader {
    /// Reads what follows each other in a log.
    pub(super) fn parts(&mut self, parts: Vec<LogPart>, events: &mut Normaliser<'_>, report: &mut Report) {
        for LogPart { kind, bytes, offset } in parts {
            if events.stopped() {
                return;
            }
            match kind {
                LogPartKind::Gap => self.gap(&bytes, offset, report),
                LogPartKind::Chunk { is_counted } => self.chunk(bytes, is_counted, offset, events, report),
            }
        }
    }

    /// Records met so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Tells of bytes between chunks. Zeros hold nothing, and what stands where the header was is told with it.
    fn gap(&self, bytes: &[u8], offset: u64, report: &mut Report) {
        let was_header = offset == 0 && bytes.len() <= HEADER_BYTES;
        if !was_header && bytes.iter().any(|b| *b != 0) {
            report.problem(Some(offset), None, format!("{} bytes are not part of a chunk: left out", bytes.len()));
        }
    }

    fn chunk(&mut self, bytes: Vec<u8>, is_counted: bool, offset: u64, events: &mut Normaliser<'_>, report: &mut Report) {
        if bytes.iter().all(|b| *b == 0) {
            // Behind the counted chunks there is space that was never written.
            if is_counted {
                report.bad(Some(offset), None, "a chunk holds only zeros: its records are lost");
            }
            return;
        }
        let mut data = bytes.clone();
        let is_whole = data.len() == CHUNK_BYTES;
        if !is_whole {
            report.problem(Some(offset), None, format!("the last chunk is cut off after {} of {CHUNK_BYTES} bytes", data.len()));
            data.resize(CHUNK_BYTES, 0);
        }
        let bad = report.bad;
        self.records(data, Pass::Live { checked: self.is_closed && is_whole }, offset, events, report);
        // Only where something was bad: in a healthy chunk the space behind holds older copies, which would be found as new.
        if self.carve_all || report.bad > bad {
            let mut data = bytes;
            data.resize(CHUNK_BYTES, 0);
            self.records(data, Pass::Carved, offset, events, report);
        }
    }

    /// Reads the live records of a chunk, or the carved ones alone.
    fn records(&mut self, data: Vec<u8>, pass: Pass, offset: u64, events: &mut Normaliser<'_>, report: &mut Report) {
        let carved = pass == Pass::Carved;
        let settings = if carved { self.carving.clone() } else { self.live.clone() };
        let mut data = match EvtxChunkData::new(data, false) {
            Ok(data) => data,
            Err(_) if carved => return,
            Err(error) => return report.bad(Some(offset), None, format!("a chunk cannot be read: {error}")),
        };
        if pass == (Pass::Live { checked: true }) && !data.validate_checksum() {
            report.problem(Some(offset), None, "the checksum of a chunk is wrong: its records may be wrong too");
        }
        let mut chunk = match data.parse(settings) {
            Ok(chunk) => chunk,
            Err(_) if carved => return,
            Err(error) => return report.bad(Some(offset), None, format!("a chunk cannot be read: {error}")),
        };
        for record in chunk.iter() {
            let (id, recovered) = record.as_ref().map(|r| (Some(r.event_record_id), r.recovered)).unwrap_or((None, false));
            if recovered != carved {
                continue; // a live record, or its fault, was seen in the first pass
            }
            self.position += 1;
            let json = record.and_then(evtx::EvtxRecord::into_json).map_err(RowError::from);
            let read = json.and_then(|json| {
                self.json.record(&json.data, events)?;
                self.markup.of_json(&json.data, events);
                Ok(())
            });
            match read {
                Ok(()) => {
                    events.end_record(RecordPlace { position: self.position, recovered });
                }
                Err(_) if recovered => events.abandon(), // carved bytes that are no record
                Err(error) => {
                    events.abandon();
                    report.bad(Some(offset), id, format!("a record cannot be read: {error}"));
                }
            }
        }
    }
}
