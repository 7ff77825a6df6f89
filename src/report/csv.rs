//! CSV as RFC 4180 with a header line and `\n` line ends.
//!
//! Null is an empty cell; lists and objects are cells of JSON text, so nothing of their structure is lost. Line breaks
//! inside a cell are kept (the cell is quoted); other control and bidirectional characters are in visible form,
//! because a CSV listing ends on a terminal as often as in a file.
//!
//! A spreadsheet takes a text for a formula that begins like one, and a log is written by whoever is hunted. Such a text gets a `'` in
//! front ([`CsvCells::Safe`]), which spreadsheets show as the text behind it; [`CsvCells::Raw`] is for programs.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::Value;

use super::{ListingShape, visible, visible_text};

/// How a text begins that a spreadsheet would take for a formula. A line break in front does not stop it.
const FORMULA_STARTS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// What becomes of texts that a spreadsheet would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CsvCells {
    /// They get a `'` in front.
    #[default]
    Safe,
    /// They stay as they are.
    Raw,
}

/// Writes the header. Names are of log data too: `chart` makes columns of values.
pub(super) fn header(out: &mut dyn Write, shape: &ListingShape, cells: CsvCells) -> io::Result<()> {
    record(out, shape.fields.iter().map(|field| safe(visible(field), cells)))
}

/// Writes a row.
pub(super) fn line(out: &mut dyn Write, values: &[Value], cells: CsvCells) -> io::Result<()> {
    record(out, values.iter().map(|value| cell(value, cells)))
}

/// A text as a cell: with a `'` in front where a spreadsheet would run it.
pub(super) fn safe(text: Cow<'_, str>, cells: CsvCells) -> Cow<'_, str> {
    if cells == CsvCells::Safe && text.starts_with(FORMULA_STARTS) { Cow::Owned(format!("'{text}")) } else { text }
}

fn cell(value: &Value, cells: CsvCells) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => safe(visible_text(text), cells),
        Value::Array(_) | Value::Object(_) => {
            let mut out = Vec::new();
            super::json::write(&mut out, value).expect("a vector takes all bytes");
            Cow::Owned(String::from_utf8(out).expect("JSON is UTF-8"))
        }
        Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
    }
}

pub(super) fn record<'a>(out: &mut dyn Write, cells: impl Iterator<Item = Cow<'a, str>>) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    for cell in cells {
        writer.write_field(cell.as_bytes()).map_err(into_io)?;
    }
    writer.write_record(None::<&[u8]>).map_err(into_io)?;
    writer.flush()
}

fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
