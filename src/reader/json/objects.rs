//! The text of members that are objects, or lists with objects in them: rules may name these too
//! (`requestParameters|contains: Suspended`).
//!
//! A record's shape is known at its end only, and Windows events do not keep these texts: their members have names of
//! their own. So places are noted while a record is walked, and texts are made when they are wanted.

use std::ops::Range;

use crate::normalise::{Normaliser, PathId};

/// Bytes of such texts of one record. A record repeats what is inside of each other, so without a limit 16 MiB of
/// brackets would become a hundred times as much. Outer members come first.
const MAX_OBJECT_BYTES: usize = 16 * 1024 * 1024;

/// How an object or a list is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectName {
    /// It is a member of the record itself.
    Outer,
    /// Below another one, by a name that a path can hold.
    Plain,
    /// Below another one, by a name that cannot be part of a path: it has a dot in it, or JSON writes it with an escape.
    Odd,
}

/// The places of one record's objects and lists, outer ones before those inside of them.
///
/// The text of an object inside of another is a part of the other's, so it is made only where nobody could find it there
/// by its path: inside of lists, below names with a dot, and where no value below it says that it is there.
#[derive(Debug, Default)]
pub(super) struct Objects {
    places: Vec<(PathId, Range<usize>)>,
    /// Whether a text is found by its path from here on down: no list is around it and no odd name above it.
    pub(super) found_by_path: bool,
    /// Where the text that places are counted in begins in memory.
    start: Option<usize>,
    outer: Option<PathId>,
    text: String,
}

impl Objects {
    /// Begins a record, or what a member has as JSON, whose members are below that member.
    pub(super) fn begin(&mut self, record: &str, outer: PathId) {
        self.places.clear();
        self.outer = Some(outer);
        self.found_by_path = true;
        self.start = Some(record.as_ptr() as usize);
    }

    /// Ends a record: what is walked from here on is another text.
    pub(super) fn end(&mut self) {
        self.start = None;
    }

    /// How a member of the object at `above` is named.
    pub(super) fn name(&self, above: PathId, key: &str) -> ObjectName {
        match key.contains(['.', '"', '\\']) || key.contains(|c: char| c.is_control()) {
            _ if self.outer == Some(above) => ObjectName::Outer,
            true => ObjectName::Odd,
            false => ObjectName::Plain,
        }
    }

    /// Notes a member; returns its number.
    pub(super) fn note(&mut self, path: PathId, raw: &str) -> Option<usize> {
        let start = self.start.filter(|_| path != PathId::ROOT)?;
        let from = raw.as_ptr() as usize - start;
        self.places.push((path, from..from + raw.len()));
        Some(self.places.len() - 1)
    }

    /// Forgets a member that was noted.
    pub(super) fn forget(&mut self, noted: Option<usize>) {
        if let Some(noted) = noted {
            self.places[noted].0 = PathId::ROOT;
        }
    }

    /// Hands over the texts. Returns the limit where some had to be left out.
    pub(super) fn hand_over(&mut self, record: &str, events: &mut Normaliser<'_>) -> Option<usize> {
        let mut bytes = 0;
        for (path, place) in self.places.drain(..).filter(|(path, _)| *path != PathId::ROOT) {
            self.text.clear();
            write_compact(&record[place], &mut self.text);
            if self.text == "[]" {
                continue; // a list without values is a field without values: it is missing, for Splunk and Sigma alike
            }
            bytes += self.text.len();
            if bytes > MAX_OBJECT_BYTES {
                return Some(MAX_OBJECT_BYTES);
            }
            events.object(path, &self.text);
        }
        None
    }
}

/// Writes a JSON value without white space between its tokens, and without escapes that it does not need: texts that
/// say the same are the same, and a rule can ask for `ä` whether or not the exporter wrote `\u00e4`. Numbers and the
/// order of members stay as they are.
fn write_compact(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) {
        out.extend(rest[..quote].chars().filter(|c| !c.is_ascii_whitespace()));
        let inner = &rest[quote + 1..];
        let end = string_end(inner);
        out.push('"');
        write_string(&inner[..end], out);
        out.push('"');
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    out.extend(rest.chars().filter(|c| !c.is_ascii_whitespace()));
}

/// Where the quote is that ends a string.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += found;
        if bytes[at] == b'"' {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

fn write_string(inner: &str, out: &mut String) {
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return out.push_str(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    super::unescape(inner, &mut plain);
    for c in plain.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::write_compact;

    #[test]
    fn compact_text_has_one_spelling() {
        for (raw, compact) in [
            ("{ \"a\" : [ 1.50 , true, null ],\r\n\t\"b c\": \"d  e\" }", r#"{"a":[1.50,true,null],"b c":"d  e"}"#),
            (r#"{"\u00e4\/":"\u003c\"\\\n\u0000\ud83d\ude00"}"#, "{\"ä/\":\"<\\\"\\\\\\n\\u0000😀\"}"),
            ("[]", "[]"),
            ("{ }", "{}"),
        ] {
            let mut out = String::new();
            write_compact(raw, &mut out);
            assert_eq!(out, compact);
        }
    }
}
