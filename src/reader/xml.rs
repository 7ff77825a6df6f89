//! Windows events as XML: exports of Event Viewer and wevtutil, Splunk's XmlWinEventLog, Sysmon for Linux in syslog lines.
//!
//! Events are found by their tags wherever they are, so a root element, a line for each or the start of a syslog line
//! make no difference, and values may span lines. An event that is cut off before its end gives what is there of it.

mod elements;

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

pub(super) use elements::Elements;

use super::row_error::RowError;
use super::stream::{LeafInput, Report};
use super::{InputFormat, Reading, record_line, text_of};
use crate::normalise::{Normaliser, RecordPlace};

/// Bytes of one event.
// As for a record of the other formats.
const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;
/// Bytes between two events that are looked at together.
// Text between events is told of, not kept: memory stays flat where a file is something else for gigabytes.
const MAX_GAP_BYTES: usize = 1024 * 1024;
/// Lines that are looked at for an event behind the start of a line.
// Lines of syslog that have no event may stand in front.
const FIRST_LINES: usize = 16;
/// Bytes behind `Event` that tell a tag from another: white space before `>` is no more.
const TAG_REST_BYTES: usize = 16;

static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Event"));

/// See the module.
pub(super) struct Xml;

impl InputFormat for Xml {
    fn name(&self) -> &'static str {
        "xml"
    }

    fn sniff(&self, head: &[u8]) -> Option<String> {
        let head = super::without_mark(head).trim_ascii_start();
        let head = &head[record_line(head)..];
        if head.starts_with(b"<") && (next_tag(head, 0, true) != Tag::None || head.starts_with(b"<Events")) {
            return Some("it starts with <Event> elements".to_owned());
        }
        let in_lines = head.split(|b| *b == b'\n').take(FIRST_LINES).any(|line| {
            let Tag::Start(at) = next_tag(line, 0, true) else { return false };
            // In quotes or behind a bracket the event is a cell or a string of another format.
            !line[..at].iter().any(|b| matches!(b, b'"' | b'\'' | b'{')) && memmem::find(&line[at..], b"<System>").is_some()
        });
        (in_lines && !super::csv::is_known_table(head)).then(|| "its lines have <Event> elements".to_owned())
    }

    fn read(&self, reading: &mut Reading<'_>) -> &'static str {
        let mut reader = XmlEvents { elements: Elements::default(), position: 0 };
        let mut whole = true;
        while !reading.events.stopped() && skip_to_event(&mut reading.input, !whole, &mut reading.report) {
            whole = reader.event(reading);
        }
        self.name()
    }
}

/// A tag of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// `<Event…>` begins here.
    Start(usize),
    /// `</Event>` ends before this byte.
    End(usize),
    /// There is none before this byte; what follows it may be one.
    None,
    /// What is here may be one when more is known.
    Undecided(usize),
}

/// The next tag of an event from a byte on. `whole`: nothing follows the bytes.
fn next_tag(bytes: &[u8], from: usize, whole: bool) -> Tag {
    let mut at = from;
    while let Some(found) = NAME.find(&bytes[at..]) {
        let name = at + found;
        let rest = &bytes[name + 5..];
        if rest.len() < TAG_REST_BYTES && !whole {
            return Tag::Undecided(name.saturating_sub(2).max(from));
        }
        if bytes[..name].ends_with(b"</") {
            let space = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
            if rest.get(space) == Some(&b'>') {
                return Tag::End(name + 5 + space + 1);
            }
        } else if bytes[..name].ends_with(b"<") && rest.first().is_some_and(|b| b.is_ascii_whitespace() || *b == b'>') {
            return Tag::Start(name - 1);
        }
        at = name + 5;
    }
    if whole { Tag::None } else { Tag::Undecided(bytes.len().saturating_sub(6).max(from)) }
}

/// Where the first event of a text begins.
pub(super) fn event_start(text: &[u8]) -> Option<usize> {
    match next_tag(text, 0, true) {
        Tag::Start(at) => Some(at),
        _ => None,
    }
}

/// Goes on to the next event; false at the end. Text on the way that is neither markup nor the start of a line is told of,
/// unless it is the rest of something that was told.
fn skip_to_event(input: &mut LeafInput<'_>, mut told: bool, report: &mut Report) -> bool {
    let mut searched = 0;
    loop {
        let (head, at_end) = (input.head(), input.at_end());
        let (gap, found) = match next_tag(head, searched, at_end) {
            Tag::Start(at) => (at, true),
            Tag::End(at) => {
                searched = at;
                continue;
            }
            Tag::None => (head.len(), false),
            Tag::Undecided(at) if at > MAX_GAP_BYTES => (at, false),
            Tag::Undecided(at) => {
                searched = at;
                input.grow();
                continue;
            }
        };
        if !told && is_text(&head[..gap], found) {
            told = true;
            report.bad(Some(input.offset()), None, "skipped text that is not an event");
        }
        input.consume(gap);
        searched = 0;
        if found || at_end {
            return found;
        }
    }
}

/// Whether something is left of a gap without its tags, white space and the start of the line that an event is on.
fn is_text(gap: &[u8], before_event: bool) -> bool {
    let gap = super::without_mark(gap);
    let line = if before_event { memchr::memrchr(b'\n', gap).map_or(0, |at| at + 1) } else { gap.len() };
    let mut rest = &gap[..line];
    loop {
        rest = rest.trim_ascii_start();
        match rest.first() {
            None => return false,
            Some(0) => rest = &rest[1..],
            Some(b'<') => match memchr::memchr(b'>', rest) {
                Some(end) => rest = &rest[end + 1..],
                None => return true,
            },
            Some(_) => match record_line(rest) {
                0 => return true,
                length => rest = &rest[length..],
            },
        }
    }
}

struct XmlEvents {
    elements: Elements,
    position: u64,
}

impl XmlEvents {
    /// Reads the event that begins the window; false where it is too long, and its rest is next.
    fn event(&mut self, reading: &mut Reading<'_>) -> bool {
        let Reading { input, events, report, .. } = reading;
        self.position += 1;
        let mut searched = "<Event".len();
        loop {
            let (head, at_end) = (input.head(), input.at_end());
            let (length, whole) = match next_tag(head, searched, at_end) {
                Tag::End(at) => (at, true),
                Tag::Start(at) => (at, false),
                Tag::None => (head.len(), false),
                Tag::Undecided(at) if head.len() > MAX_EVENT_BYTES => {
                    let most = MAX_EVENT_BYTES;
                    report.bad(Some(input.offset()), Some(self.position), format!("skipped an event longer than MAX_EVENT_BYTES = {most}"));
                    input.consume(at);
                    return false;
                }
                Tag::Undecided(at) => {
                    searched = at;
                    input.grow();
                    continue;
                }
            };
            self.record(&head[..length], whole, input.offset(), events, report);
            input.consume(length);
            return true;
        }
    }

    fn record(&mut self, bytes: &[u8], whole: bool, offset: u64, events: &mut Normaliser<'_>, report: &mut Report) {
        let (offset, position) = (Some(offset), Some(self.position));
        let text = text_of(bytes);
        if let std::borrow::Cow::Owned(_) = text {
            report.problem(offset, position, "invalid UTF-8 is replaced by U+FFFD");
        }
        let result = self.elements.event(&text, events);
        if result.is_err() && whole || !events.has_members() {
            events.abandon();
            return report.bad(offset, position, result.err().unwrap_or(RowError::NoValue));
        }
        if !whole {
            report.problem(offset, position, "an event is cut off before </Event>: read what is there");
        }
        if let Some(most) = events.overfull() {
            report.problem(offset, position, format!("skipped the members beyond MAX_MEMBERS = {most}"));
        }
        events.end_record(RecordPlace { position: self.position, recovered: false });
    }
}

#[cfg(test)]
mod tests {
    use super::{Tag, is_text, next_tag};

    #[test]
    fn tags_are_told_from_others_of_like_name() {
        let text = b"<Events><EventID>1</EventID><EventData/></Events> <Event xmlns='x'>";
        assert_eq!(next_tag(text, 0, true), Tag::Start(50));
        assert_eq!(next_tag(b"x</Event >y", 0, true), Tag::End(10));
        assert_eq!(next_tag(b"x</Event >y", 0, false), Tag::Undecided(1));
        assert_eq!(next_tag(b"x</Even", 0, false), Tag::Undecided(1));
        assert_eq!(next_tag(b"", 0, false), Tag::Undecided(0));
    }

    #[test]
    fn text_between_events() {
        assert!(!is_text(b"\xef\xbb\xbf<?xml version='1.0'?>\r\n<Events>\n", true));
        assert!(!is_text(b"\nAug  9 host sysmon: ", true));
        assert!(!is_text(b"\nRecord 2\n<?xml version=\"1.0\"?>\n", true));
        assert!(is_text(b"\nRecord two\n", true));
        assert!(is_text(b"LogName=Security\n", true));
        assert!(is_text(b"\nAug  9 host sysmon: ", false));
    }
}
