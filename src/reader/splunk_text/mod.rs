//! Splunk's classic text of Windows events (sourcetype `WinEventLog`), and other text of lines `Key=value` behind a time.
//!
//! An event begins with a line that is a time, where a line `Key=value` follows; or, where the times are missing, with
//! `LogName=`. Its message is everything from `Message=` to the next event. Between such events there may be events in
//! XML: exports of several inputs mix them.

mod event;
mod start;

use std::borrow::Cow;

pub(super) use event::ClassicEvent;
use start::{EventSyntax, Start};

use super::raw::{Raw, RawReaders};
use super::stream::{LeafInput, Report};
use super::{InputFormat, Reading, text_of};
use crate::normalise::{Normaliser, RecordPlace};

/// Bytes of one event.
// As for a record of the other formats.
const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that tell whether an event begins: two lines of its header.
const START_BYTES: usize = 512;

/// See the module.
pub(super) struct SplunkText;

impl InputFormat for SplunkText {
    fn name(&self) -> &'static str {
        "splunk-text"
    }

    fn sniff(&self, head: &[u8]) -> Option<String> {
        let head = super::without_mark(head).trim_ascii_start();
        let windows = || Some("a Windows event in Splunk's format: a time, then LogName=".to_owned());
        let mut at = 0;
        loop {
            let line = &head[at..];
            // Only a time tells that an event begins behind other text: a table may hold the rest in its cells.
            let begins = || {
                let behind_event = || !head.starts_with(b"<") || head[..at].trim_ascii_end().ends_with(b"</Event>");
                at == 0 || (!line.starts_with(b"L") && behind_event())
            };
            match start::of(line) {
                Some(EventSyntax::WinEventLog) if begins() => return windows(),
                Some(EventSyntax::KeyValue) if at == 0 => {
                    return Some("its first line is a time, its second a key with a value".to_owned());
                }
                _ => at += memchr::memchr(b'\n', line)? + 1,
            }
        }
    }

    fn read(&self, reading: &mut Reading<'_>) -> &'static str {
        super::skip_mark(&mut reading.input);
        let mut reader = TextEvents { raw: RawReaders::default(), position: 0, only: None, in_rest: false };
        while !reading.events.stopped() && reading.input.fill_to(START_BYTES) > 0 {
            reader.next(reading);
        }
        reader.only.unwrap_or(self.name())
    }
}

struct TextEvents {
    raw: RawReaders,
    position: u64,
    /// The one format met, or what several make.
    only: Option<&'static str>,
    /// What comes next is the rest of an event that was too long, which is told.
    in_rest: bool,
}

impl TextEvents {
    /// Reads the event that begins the window, or leaves out what is before the next.
    fn next(&mut self, reading: &mut Reading<'_>) {
        let Reading { input, events, report, .. } = reading;
        let kind = start::of(input.head());
        let Some(length) = length(input, kind) else {
            if kind.is_some() || !self.in_rest {
                let most = MAX_EVENT_BYTES;
                self.position += 1;
                report.bad(Some(input.offset()), Some(self.position), format!("skipped an event longer than MAX_EVENT_BYTES = {most}"));
            }
            self.in_rest = true;
            input.consume(MAX_EVENT_BYTES);
            return;
        };
        let (head, offset) = (&input.head()[..length], Some(input.offset()));
        match kind {
            None if self.in_rest || head.iter().all(|b| b.is_ascii_whitespace() || *b == 0) => {}
            None => report.bad(offset, None, "skipped text before the first event or after one"),
            Some(_) => {
                self.position += 1;
                self.record(head, offset, events, report);
            }
        }
        self.in_rest = false;
        input.consume(length);
    }

    fn record(&mut self, bytes: &[u8], offset: Option<u64>, events: &mut Normaliser<'_>, report: &mut Report) {
        let text = text_of(bytes);
        let position = Some(self.position);
        if let Cow::Owned(_) = text {
            report.problem(offset, position, "invalid UTF-8 is replaced by U+FFFD");
        }
        match self.raw.read(&text, events) {
            Raw::Read => {
                if let Some(most) = events.overfull() {
                    report.problem(offset, position, format!("skipped the members beyond MAX_MEMBERS = {most}"));
                }
                let name = events.end_record(RecordPlace { position: self.position, recovered: false });
                self.only = match self.only {
                    None => Some(name),
                    Some(one) if one == name => Some(one),
                    Some(_) => Some("splunk-mixed"),
                };
            }
            Raw::Broken(error) => report.bad(offset, position, error),
            Raw::Unknown => report.bad(offset, position, "text that is not an event"),
        }
    }
}

/// The bytes up to the next event; `None` where they are too many.
fn length(input: &mut LeafInput<'_>, kind: Option<EventSyntax>) -> Option<usize> {
    let mut search = Start::new(kind);
    loop {
        let (head, at_end) = (input.head(), input.at_end());
        if let Some(at) = search.next(head, at_end) {
            return Some(at);
        }
        if at_end {
            return Some(head.len());
        }
        if head.len() > MAX_EVENT_BYTES {
            return None;
        }
        input.grow();
    }
}
