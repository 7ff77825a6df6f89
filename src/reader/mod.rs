//! Readers: a leaf's bytes become records, and through the normaliser events.
//!
//! A reader is one file behind `InputFormat`: it says from the first bytes whether it knows the format, and reads. Adding
//! a format is adding a file and a line in `FORMATS`. Damage is counted with its place; reading goes on behind it.

mod compact;
mod csv;
mod evtx;
mod holes;
mod json;
mod markup;
mod pieces;
mod raw;
mod row_error;
mod splunk_text;
mod stream;
mod unread;
mod utf16;
mod xml;

use std::borrow::Cow;
use std::ops::ControlFlow;

use pieces::LeafFacts;
pub use pieces::{WorkerQueue, Workers};
pub use stream::Problem;
use stream::{LeafInput, Report, Window};

use crate::archive::Leaf;
use crate::event::{EventBatch, Names};
use crate::normalise::{Clock, Lexicon, Normaliser, Zone};

/// Bytes a format is told from.
// The first lines of the widest tables and the first events with their messages fit in it.
const SNIFF_BYTES: usize = 64 * 1024;

/// What a user can say about how leaves are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Read every leaf as this format, whatever its content looks like.
    pub format: Option<String>,
    /// Carve overwritten records from healthy files too; from damaged ones they always are.
    pub recover: bool,
    /// The zone of times that say none; else it is UTC.
    pub timezone: Option<Zone>,
    /// Dates like 05/04/2021 have the day first; else the month.
    pub day_first: bool,
}

/// Raise it when a reader reads more of what it reads already: what was loaded before is read again when it is met again.
const VERSION: u32 = 1;

impl ReadOptions {
    /// The version of the readers and the options that change what is read. Bytes that were read under the same one give
    /// nothing new.
    pub fn fingerprint(&self) -> String {
        let format = self.format.as_deref().unwrap_or("any");
        let zone = self.timezone.as_ref().map_or("unknown", Zone::name);
        let words = [(self.recover, " recover"), (self.day_first, " day-first")];
        let words: String = words.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word).collect();
        format!("{}/{VERSION} {format} {zone}{words}", env!("CARGO_PKG_VERSION"))
    }
}

/// What a leaf is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recognised {
    /// The name of the format; empty where no reader knows it.
    pub format: &'static str,
    /// Why it is that, or no format at all.
    pub reason: String,
}

/// What became of a leaf.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeafReport {
    /// Its format.
    pub format: &'static str,
    /// Why it was taken for that.
    pub reason: String,
    /// Events read, without those carved from damaged areas.
    pub events: u64,
    /// Records that could not be read.
    pub bad: u64,
    /// Events carved from damaged areas.
    pub recovered: u64,
    /// Bytes read.
    pub bytes: u64,
    /// SHA-256 of the bytes, hex.
    pub sha256: String,
    /// What was wrong; the first hundred, the counts are exact.
    pub problems: Vec<Problem>,
    /// Why nothing of it was read.
    pub skipped: Option<String>,
    /// Nothing of it was read although its name or its first bytes say that it is a log or an archive: it may be a loss.
    pub may_be_lost: bool,
    /// The zone in which times that say none were read; empty: there were none.
    pub timezone: String,
    /// Hours between the time of events and the UTC time that Sysmon wrote into them, and how many events.
    pub hours_off: Vec<(i32, u64)>,
}

impl LeafReport {
    /// Whether anything of it is, or may be, lost.
    pub fn is_damaged(&self) -> bool {
        self.bad > 0 || !self.problems.is_empty() || self.may_be_lost
    }
}

/// A leaf that is being read: its bytes, where its events go, and what went wrong.
struct Reading<'a> {
    input: LeafInput<'a>,
    events: Normaliser<'a>,
    report: Report,
    leaf: LeafFacts,
    /// The threads that read pieces of it.
    workers: Option<&'a Workers>,
}

/// One input format.
trait InputFormat: Sync {
    /// Its name, as `--input-format` takes it.
    fn name(&self) -> &'static str;
    /// Why a stream that begins so is of this format; `None`: it is not.
    fn sniff(&self, head: &[u8]) -> Option<String>;
    /// Whether it is text, which has no runs of zeros.
    fn is_text(&self) -> bool {
        true
    }
    /// Reads everything. Returns the name of the variant met.
    fn read(&self, reading: &mut Reading<'_>) -> &'static str;
}

/// The formats, asked in this order.
// Binary before text, marks before guesses: a table of CSV may hold XML or JSON in its cells, but not the other way round.
static FORMATS: [&dyn InputFormat; 5] = [&evtx::Evtx, &splunk_text::SplunkText, &xml::Xml, &json::Json, &csv::Csv];

/// The names that `--input-format` takes.
pub fn format_names() -> Vec<&'static str> {
    FORMATS.iter().map(|f| f.name()).collect()
}

/// Reads one leaf after the other: what it learns of names in one serves the next, and so does its memory.
pub struct LeafReader<'o> {
    options: &'o ReadOptions,
    known: Lexicon,
    window: Window,
    workers: Option<&'o Workers>,
}

impl<'o> LeafReader<'o> {
    /// A reader that has seen nothing.
    pub fn new(names: &Names, options: &'o ReadOptions) -> Self {
        Self { options, known: Lexicon::new(names), window: Window::default(), workers: None }
    }

    /// Has pieces of large leaves read by other threads. The events are the same, and their batches.
    pub fn with_workers(self, workers: &'o Workers) -> Self {
        Self { workers: Some(workers), ..self }
    }

    /// Reads a leaf to its end and hands over its events in batches; [`ControlFlow::Break`] stops it early.
    pub fn read(&mut self, leaf: Leaf<'_>, sink: &mut dyn FnMut(EventBatch) -> ControlFlow<()>) -> LeafReport {
        let options = self.options;
        // The length of what a compressed stream holds is not known before its end.
        let (path, unpacked) = (leaf.path, leaf.known_size.is_none());
        let input = LeafInput::new(leaf.reader, SNIFF_BYTES, &mut self.window);
        let report = Report { recover: options.recover, ..Report::default() };
        let mut out = LeafReport::default();
        let mut sink = |batch: EventBatch| {
            let recovered = batch.events.iter().filter(|e| e.recovered).count() as u64;
            out.events += batch.events.len() as u64 - recovered;
            out.recovered += recovered;
            sink(batch)
        };
        let clock = Clock { zone: options.timezone.clone(), day_first: options.day_first };
        let leaf = LeafFacts { path: path.clone(), clock: clock.clone() };
        let events = Normaliser::new(&mut self.known, clock, &mut sink).of_file(&path);
        let mut reading = Reading { input, events, report, leaf, workers: self.workers };
        let (mut format, mut reason, mut skipped, mut may_be_lost) = ("", String::new(), None, false);
        match choose(reading.input.head(), options) {
            Ok((reader, why)) => {
                reason = why;
                if reader.is_text() {
                    reading.input.expect_text();
                }
                format = reader.read(&mut reading);
                reading.events.flush();
            }
            Err(why) => {
                skipped = Some(why);
                may_be_lost = unread::may_be_lost(&path, unpacked, reading.input.head());
            }
        }
        let Reading { input, events, mut report, .. } = reading;
        let times = events.times().clone();
        out.timezone = match &options.timezone {
            _ if times.without_zone == 0 => String::new(),
            Some(zone) => zone.name().to_owned(),
            None => "UTC, assumed".to_owned(),
        };
        if times.day_first > 0 {
            out.timezone.push_str("; day first");
        }
        if let Some((position, text)) = times.first_unreadable {
            let events = if times.unreadable == 1 { "1 event has".to_owned() } else { format!("{} events have", times.unreadable) };
            let hint = if text.contains('/') && !options.day_first { " (if the day comes first: option `day_first`)" } else { "" };
            report.problem(None, Some(position), format!("{events} no time: cannot read {text:?}{hint}"));
        }
        out.hours_off = times.hours_off.into_iter().collect();
        // After the reader: it may have stopped early, and the hash must be of the whole leaf.
        let end = input.finish();
        out.format = format;
        out.reason = reason;
        out.skipped = skipped;
        out.may_be_lost = may_be_lost;
        out.bytes = end.bytes;
        out.sha256 = end.sha256;
        if let Some((offset, hole)) = end.holes.told() {
            report.problem(Some(offset), None, hole);
        }
        if let Some(error) = end.error {
            report.problem(Some(end.bytes), None, format!("the stream breaks off: {error}"));
        }
        out.bad = report.bad;
        out.problems = report.problems;
        out
    }
}

/// Text; what is not UTF-8 in it is replaced, and only then is it a copy.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    // Asked first: what replaces looks at each piece of text by itself, and took a twentieth of a load of lines that are all right.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Reads a single leaf, as [`LeafReader::read`] does.
pub fn read_leaf(leaf: Leaf<'_>, names: &Names, options: &ReadOptions, sink: &mut dyn FnMut(EventBatch) -> ControlFlow<()>) -> LeafReport {
    LeafReader::new(names, options).read(leaf, sink)
}

/// Says what a leaf would be read as, from its beginning.
pub fn recognise(leaf: Leaf<'_>, options: &ReadOptions) -> Recognised {
    let mut window = Window::default();
    let input = LeafInput::new(leaf.reader, SNIFF_BYTES, &mut window);
    match choose(input.head(), options) {
        Ok((format, reason)) => Recognised { format: format.name(), reason },
        Err(reason) => Recognised { format: "", reason },
    }
}

/// The format of a stream that begins so, and why; or why it has none.
fn choose(head: &[u8], options: &ReadOptions) -> Result<(&'static dyn InputFormat, String), String> {
    if head.is_empty() || unread::is_no_log(head) {
        return Err(unread::reason(head));
    }
    let chosen = match &options.format {
        Some(name) => FORMATS.iter().find(|f| f.name() == name).map(|f| (*f, "as asked".to_owned())),
        None => FORMATS.iter().find_map(|f| f.sniff(head).map(|reason| (*f, reason))),
    };
    chosen.ok_or_else(|| unread::reason(head))
}

/// The length of the line `Record 17` that evtx_dump writes before a record, where a text begins with it; else 0.
fn record_line(text: &[u8]) -> usize {
    let Some(rest) = text.strip_prefix(b"Record ") else { return 0 };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let end = rest[digits..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let is_line = (1..=20).contains(&digits) && (end > 0 || rest.len() == digits);
    if is_line { text.len() - rest.len() + digits + end } else { 0 }
}

/// What a text in UTF-8 may begin with.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// A text without its byte order mark.
fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(UTF8_MARK).unwrap_or(head)
}

/// Goes on behind the byte order mark of a stream.
fn skip_mark(input: &mut LeafInput<'_>) {
    let mark = input.head().len() - without_mark(input.head()).len();
    input.consume(mark);
}

#[cfg(test)]
mod tests;
