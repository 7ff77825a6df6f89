//! One event of lines `Key=value` and a message.

use rustc_hash::FxHashMap;

use super::start::{self, EventSyntax, key};
use crate::normalise::rendered::{Rendered, keywords, opcode, provider};
use crate::normalise::{Normaliser, PathId};
use crate::reader::row_error::RowError;

/// Member below which the lines of a Windows event are.
const WINDOWS: &str = "WinEventLog";
/// Member below which other lines are.
const OTHER: &str = "KeyValue";

/// Reads events and remembers their members.
#[derive(Debug, Default)]
pub(in crate::reader) struct ClassicEvent {
    rendered: Rendered,
    paths: FxHashMap<String, PathId>,
}

/// The lines of an event before its message.
#[derive(Debug, Default)]
struct Header<'t> {
    time: &'t str,
    pairs: Vec<(&'t str, &'t str)>,
    message: Option<&'t str>,
}

impl<'t> Header<'t> {
    fn read(text: &'t str) -> Self {
        let mut header = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let line = line.trim_end_matches('\r');
            if let Some(message) = rest.strip_prefix("Message=") {
                header.message = Some(message.trim_ascii_end());
                break;
            }
            rest = after;
            match key(line.as_bytes()) {
                // `Date=` is the time only in front: later it is a field that is called so.
                Some(b"Date") if header.pairs.is_empty() => header.time = &line[5..],
                Some(key) => header.pairs.push((&line[..key.len()], &line[key.len() + 1..])),
                None if header.pairs.is_empty() => header.time = line,
                None => header.go_on(text, line),
            }
        }
        header
    }

    /// Makes a line that is not a pair a part of the value before it.
    fn go_on(&mut self, text: &'t str, line: &'t str) {
        let Some((_, value)) = self.pairs.last_mut() else { return };
        if line.trim_ascii().is_empty() {
            return;
        }
        let offset = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
        *value = &text[offset(value)..offset(line) + line.len()];
    }

    fn get(&self, key: &str) -> &'t str {
        self.pairs.iter().find(|(k, _)| *k == key).map_or("", |(_, value)| *value)
    }
}

impl ClassicEvent {
    /// Whether a text is such an event.
    pub(in crate::reader) fn begins(text: &str) -> bool {
        matches!(start::of(text.as_bytes()), Some(EventSyntax::WinEventLog | EventSyntax::KeyValue))
    }

    /// Hands over the members of one event.
    pub(in crate::reader) fn read(&mut self, text: &str, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        let header = Header::read(text);
        let (channel, code) = (header.get("LogName"), header.get("EventCode"));
        if channel.is_empty() && code.is_empty() {
            return self.other(&header, events);
        }
        if code.is_empty() {
            return Err(RowError::NoEventCode);
        }
        // The header first: a label of the message with the same name must not take its place.
        self.value(WINDOWS, "Time", header.time.trim_ascii(), events);
        for (key, value) in &header.pairs {
            let value = match *key {
                "SourceName" => provider(value),
                "Keywords" => keywords(value).unwrap_or(value),
                "OpCode" => opcode(value).unwrap_or(value),
                // Splunk's word for an account that it could not look up.
                "User" if *value == "NOT_TRANSLATED" => continue,
                _ => value,
            };
            self.value(WINDOWS, key, value, events);
        }
        let Some(message) = header.message else { return Ok(()) };
        self.value(WINDOWS, "Message", message, events);
        let mut rendered = std::mem::take(&mut self.rendered);
        // What an event is called in its message must not be taken for what its header says.
        rendered.fields(channel, code, message, &mut |name, value| self.field(name, value, events));
        self.rendered = rendered;
        Ok(())
    }

    fn other(&mut self, header: &Header<'_>, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        if header.pairs.is_empty() {
            return Err(RowError::NoPair);
        }
        self.value(OTHER, "Time", header.time.trim_ascii(), events);
        for (key, value) in &header.pairs {
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            self.value(OTHER, key, value, events);
        }
        if let Some(message) = header.message {
            self.value(OTHER, "Message", message, events);
        }
        Ok(())
    }

    fn value(&mut self, kind: &str, key: &str, value: &str, events: &mut Normaliser<'_>) {
        let path = match self.paths.get(key) {
            Some(path) if kind == WINDOWS => *path,
            _ => {
                let parent = events.child(PathId::ROOT, kind);
                let path = events.child(parent, key);
                if kind == WINDOWS {
                    self.paths.insert(key.to_owned(), path);
                }
                path
            }
        };
        events.value(path, value);
    }

    /// Adds a field of the message; a name that the header has too gets a place of its own.
    fn field(&mut self, name: &str, value: &str, events: &mut Normaliser<'_>) {
        let parent = events.child(PathId::ROOT, WINDOWS);
        let data = events.child(parent, "Data");
        let path = events.child(data, name);
        events.value(path, value);
    }
}
