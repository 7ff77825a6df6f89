//! Where events begin in text.

use super::START_BYTES;

/// How an event that begins in a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventSyntax {
    /// A Windows event as text.
    WinEventLog,
    /// Lines `Key=value` behind a time.
    KeyValue,
    /// A Windows event in XML.
    Xml,
}

/// What begins with these bytes, which begin a line.
pub(super) fn of(bytes: &[u8]) -> Option<EventSyntax> {
    match bytes.first()? {
        b'<' => is_xml(bytes).then_some(EventSyntax::Xml),
        b'L' => (bytes.starts_with(b"LogName=") && key(line(line(bytes).1).0).is_some()).then_some(EventSyntax::WinEventLog),
        b'0'..=b'9' | b'D' => {
            let (first, rest) = line(bytes);
            if !is_time(first.strip_prefix(b"Date=").unwrap_or(first)) {
                return None;
            }
            let (second, _) = line(rest);
            let key = key(second)?;
            let windows = [&b"LogName"[..], b"EventCode", b"SourceName", b"ComputerName"].contains(&key);
            Some(if windows { EventSyntax::WinEventLog } else { EventSyntax::KeyValue })
        }
        _ => None,
    }
}

/// `<Event xmlns='…'><System>`: a tag alone may stand in a script that a message quotes.
fn is_xml(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"<Event").filter(|rest| rest.starts_with(b">") || rest.starts_with(b" xmlns")) else {
        return false;
    };
    memchr::memchr(b'>', rest).is_some_and(|end| rest[end + 1..].trim_ascii_start().starts_with(b"<System"))
}

/// The first line and what follows it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', bytes);
    let first = &bytes[..end.unwrap_or(bytes.len())];
    (first.strip_suffix(b"\r").unwrap_or(first), end.map_or(&[][..], |at| &bytes[at + 1..]))
}

/// `MM/DD/YYYY hh:mm:ss AM`, without AM or PM, or with a fraction of the second.
fn is_time(text: &[u8]) -> bool {
    const FORM: &[u8; 19] = b"00/00/0000 00:00:00";
    let fits = |(c, form): (&u8, &u8)| if *form == b'0' { c.is_ascii_digit() } else { c == form };
    text.len() >= FORM.len()
        && text.iter().zip(FORM).all(fits)
        && match text[FORM.len()..].trim_ascii_end() {
            b"" | b" AM" | b" PM" => true,
            [b'.', fraction @ ..] => fraction.iter().all(u8::is_ascii_digit),
            _ => false,
        }
}

/// The key of a line `Key=value`.
pub(super) fn key(line: &[u8]) -> Option<&[u8]> {
    // A key is a word: a longer one is a sentence with an equals sign.
    let end = memchr::memchr(b'=', &line[..line.len().min(64)])?;
    let key = &line[..end];
    let fits = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (key.first().is_some_and(u8::is_ascii_alphabetic) && key.iter().all(fits)).then_some(key)
}

/// Looks for the event behind the one that begins the bytes.
#[derive(Debug)]
pub(super) struct Start {
    kind: Option<EventSyntax>,
    /// Where lines were looked at.
    searched: usize,
    /// The event has its `LogName`, so another one begins another event.
    named: bool,
    message: bool,
}

impl Start {
    /// Starts behind what begins the bytes.
    pub(super) fn new(kind: Option<EventSyntax>) -> Self {
        Self { kind, searched: 0, named: false, message: false }
    }

    /// Where the next event begins; `None`: not in these bytes, more are wanted. `whole`: there are none.
    pub(super) fn next(&mut self, head: &[u8], whole: bool) -> Option<usize> {
        if self.kind == Some(EventSyntax::Xml) {
            let end = memchr::memmem::find(&head[self.searched..], b"</Event>").map(|at| self.searched + at + 8);
            // An event that is cut off ends where the next begins.
            let next = memchr::memmem::find(&head[self.searched.max(1)..end.unwrap_or(head.len())], b"\n<Event xmlns");
            if let Some(at) = next {
                return Some(self.searched.max(1) + at + 1);
            }
            let Some(end) = end else {
                // `</Event>` may be cut in two by the end of the block, and so may the beginning of the next event.
                self.searched = head.len().saturating_sub(13);
                return None;
            };
            let space = head[end..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            return Some(end + space);
        }
        loop {
            let rest = &head[self.searched..];
            if rest.len() < START_BYTES && !whole {
                return None;
            }
            if self.searched > 0 && self.begins(rest) {
                return Some(self.searched);
            }
            self.named |= rest.starts_with(b"LogName=");
            self.message |= rest.starts_with(b"Message=");
            match memchr::memchr(b'\n', rest) {
                Some(end) => self.searched += end + 1,
                None if whole => return None,
                // A line longer than what is looked at begins no event: its end is awaited.
                None => return None,
            }
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        match line.first() {
            Some(b'L') => (self.named || self.message || self.kind.is_none()) && of(line).is_some(),
            Some(_) => of(line).is_some(),
            None => false,
        }
    }
}
