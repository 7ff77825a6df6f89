//! The compact JSON of event log records, handed over in one pass.
//!
//! The text is made by this program's own library, so it is known to be JSON without white space; what is not is an
//! error, as for any other record.

use super::json::{MAX_DEPTH, too_deep, unescape};
use super::row_error::RowError;
use crate::normalise::{Normaliser, PathId};

/// Hands over the members of one document after the other.
#[derive(Default)]
pub(super) struct Compact {
    unescaped: String,
}

impl Compact {
    /// Hands over the members of a document, which must be an object and nothing else.
    pub(super) fn record(&mut self, text: &str, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        let rest = match text.strip_prefix('{') {
            Some(members) => self.members(members, PathId::ROOT, 1, events)?,
            None => return Err(broken()),
        };
        if rest.is_empty() { Ok(()) } else { Err(broken()) }
    }

    /// Reads the members of an object from behind its bracket; returns what follows it.
    fn members<'t>(&mut self, text: &'t str, path: PathId, depth: u32, events: &mut Normaliser<'_>) -> Result<&'t str, RowError> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if let Some(rest) = text.strip_prefix('}') {
            return Ok(rest);
        }
        let mut rest = text;
        loop {
            let (key, after) = string(rest)?;
            let child = events.child(path, self.plain(key));
            rest = self.value(after.strip_prefix(':').ok_or_else(broken)?, child, depth, events)?;
            match rest.as_bytes().first() {
                Some(b',') => rest = &rest[1..],
                Some(b'}') => return Ok(&rest[1..]),
                _ => return Err(broken()),
            }
        }
    }

    fn elements<'t>(&mut self, text: &'t str, path: PathId, depth: u32, events: &mut Normaliser<'_>) -> Result<&'t str, RowError> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if let Some(rest) = text.strip_prefix(']') {
            return Ok(rest);
        }
        let mut rest = text;
        loop {
            rest = self.value(rest, path, depth, events)?;
            match rest.as_bytes().first() {
                Some(b',') => rest = &rest[1..],
                Some(b']') => return Ok(&rest[1..]),
                _ => return Err(broken()),
            }
        }
    }

    fn value<'t>(&mut self, text: &'t str, path: PathId, depth: u32, events: &mut Normaliser<'_>) -> Result<&'t str, RowError> {
        match text.as_bytes().first() {
            Some(b'"') => {
                let (raw, rest) = string(text)?;
                events.value(path, self.plain(raw));
                Ok(rest)
            }
            Some(b'{') => self.members(&text[1..], path, depth + 1, events),
            Some(b'[') => self.elements(&text[1..], path, depth + 1, events),
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                let end = text.bytes().position(|b| matches!(b, b',' | b'}' | b']')).ok_or_else(broken)?;
                // Null is not a value, as in every encoding.
                if !text.starts_with('n') {
                    events.value(path, &text[..end]);
                }
                Ok(&text[end..])
            }
            _ => Err(broken()),
        }
    }

    /// A string without its escapes.
    fn plain<'s>(&'s mut self, raw: &'s str) -> &'s str {
        if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
            return raw;
        }
        self.unescaped.clear();
        unescape(raw, &mut self.unescaped);
        &self.unescaped
    }
}

/// Splits a text that begins with a string: what is between its quotes, and what follows it.
fn string(text: &str) -> Result<(&str, &str), RowError> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return Err(broken());
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()).ok_or_else(broken)?;
        if bytes[at] == b'"' {
            return Ok((&text[1..at], &text[at + 1..]));
        }
        at += 2;
    }
}

fn broken() -> RowError {
    RowError::BrokenJson
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::event::{EventBatch, Names};
    use crate::normalise::{Lexicon, RecordPlace};
    use crate::reader::json::Flattener;

    /// The batch made of one document by either reader.
    fn batch(text: &str, read: &mut dyn FnMut(&str, &mut Normaliser<'_>) -> Result<(), RowError>) -> Result<String, String> {
        let mut batches: Vec<EventBatch> = Vec::new();
        let mut sink = |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        };
        let names = Names::default();
        let mut known = Lexicon::new(&names);
        let mut events = Normaliser::new(&mut known, crate::normalise::Clock::default(), &mut sink);
        read(text, &mut events).map_err(|error| error.to_string())?;
        events.end_record(RecordPlace { position: 1, recovered: false });
        events.flush();
        Ok(format!("{batches:?}"))
    }

    #[test]
    fn it_says_what_the_reader_of_json_says() {
        let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
        for text in [
            r##"{"Event":{"#attributes":{"xmlns":"u"},"System":{"EventID":4624,"Channel":"Security","Keywords":"0x8"},"EventData":null}}"##,
            r#"{"a":[],"b":{},"c":[1,"x",null,{"d":-1.5e3},[true,false]],"a":"again"}"#,
            r#"{"k\n\u00e9\"":"\\","x":"a\"b\\","y":"\ud83d\ude00é"}"#,
            "{}",
            &deep,
        ] {
            let compact = batch(text, &mut |text, events| Compact::default().record(text, events));
            assert_eq!(compact, batch(text, &mut |text, events| Flattener::default().record(text, events)), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for text in ["", "[]", "{", r#"{"a"}"#, r#"{"a":}"#, r#"{"a":"x}"#, r#"{"a":1}x"#, r#"{"a":"\"#, r#"{"a":[1}"#, r#"{"a":1"#] {
            assert!(batch(text, &mut |text, events| Compact::default().record(text, events)).is_err(), "{text}");
        }
    }
}
