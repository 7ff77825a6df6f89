//! JSON: one array, an object a row. Keys in the order of the shape.
//!
//! Control, invisible and bidirectional characters are written as `\u` escapes, also those that JSON allows raw:
//! the output stays the same data and may be shown on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::visible::is_hidden;

/// Writes one object with `fields` as keys.
pub(super) fn object(out: &mut dyn Write, fields: &[String], values: &[Value]) -> io::Result<()> {
    out.write_all(b"{")?;
    for (i, (field, value)) in fields.iter().zip(values).enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        write(out, field.as_str())?;
        out.write_all(b":")?;
        write(out, value)?;
    }
    out.write_all(b"}")
}

/// Returns a value as indented JSON with the same escapes and a line break at its end.
pub fn to_json(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = Escaping(PrettyFormatter::new());
    value.serialize(&mut Serializer::with_formatter(&mut out, formatter)).expect("a value is always JSON and a vector takes all bytes");
    out.push(b'\n');
    String::from_utf8(out).expect("JSON is UTF-8")
}

pub(super) fn write<T: Serialize + ?Sized>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Escaping(CompactFormatter))).map_err(io::Error::from)
}

/// A formatter that escapes what must not reach a terminal raw, and is otherwise the one inside.
struct Escaping<F>(F);

// Everything but the fragments of strings is handed on, because the trait's own defaults are those of the compact form.
impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let c = rest[at..].chars().next().expect("a character was found here");
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_array(w)
    }
    fn end_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array(w)
    }
    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(w, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array_value(w)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object(w)
    }
    fn end_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object(w)
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(w, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object_value(w)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object_value(w)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hidden_characters_survive_the_way_through_json() {
        let text: String = (0..0x300).filter_map(char::from_u32).chain("\u{202e}\u{feff}\u{e0041}😀".chars()).collect();
        let written = to_json(&json!({ "k": text.clone() }));
        assert!(written.chars().all(|c| c == '\n' || !is_hidden(c)));
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap()["k"], json!(text));
    }
}
