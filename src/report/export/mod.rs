//! Findings in the forms of other tools.
//!
//! | form | a line is | for |
//! |---|---|---|
//! | [`Navigator`] | – (one layer) | ATT&CK Navigator 5, layer format 4.5 |
//! | [`timesketch()`] | an event behind a finding | Timesketch |
//! | [`sheet_row`] | an event behind a finding | Timeline Explorer, spreadsheets |
//! | [`ocsf()`] | a finding | anything that reads OCSF's Detection Finding (2004) |
//! | [`iris_row`] | a finding | the timeline of DFIR-IRIS |
//!
//! What people said of a finding (its triage) is in all of them but the layer, which is of techniques. Each form follows what its tool
//! documents; the tests hold them against schemas in `tests/schemas`.

mod iris;
mod navigator;
mod ocsf;
mod sheet;
mod timesketch;

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::Value;

use super::csv::{self, CsvCells};
use super::{json, visible};
use crate::store::FindingRow;

pub use iris::{IRIS_FIELDS, iris_row};
pub use navigator::Navigator;
pub use ocsf::ocsf;
pub use sheet::{SHEET_FIELDS, sheet_row};
pub use timesketch::{TIMESKETCH_FIELDS, timesketch, timesketch_row};

/// UTC as IRIS has it: the one cell that an export itself begins like a formula. The importer reads no other form of it.
const UTC_OFFSET: &str = "+00:00";

/// What a finding without triage is.
const NEW: &str = "new";

/// An event behind a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// Its number in the store.
    pub id: i64,
    /// Its time (µs UTC).
    pub time_us: Option<i64>,
    /// The host that wrote it.
    pub host: String,
    /// The product that it is of: `windows`.
    pub product: String,
    /// Its channel or data set.
    pub channel: String,
    /// Its id.
    pub code: String,
    /// The provider that wrote it; empty where it does not say.
    pub provider: String,
    /// Its record number, else its place in the file.
    pub record: i64,
    /// The file.
    pub path: String,
    /// What happened.
    pub details: String,
}

/// Writes the header of a CSV export.
pub fn csv_header(out: &mut dyn Write, fields: &[&str]) -> io::Result<()> {
    csv::record(out, fields.iter().map(|field| Cow::Borrowed(*field)))
}

/// Writes a row of a CSV export: one line of the file, whatever the values hold.
pub fn csv_row(out: &mut dyn Write, values: &[String], cells: CsvCells) -> io::Result<()> {
    let cell = |value: &'_ String| {
        let cells = if value == UTC_OFFSET { CsvCells::Raw } else { cells };
        csv::safe(Cow::Owned(visible(value).into_owned()), cells)
    };
    csv::record(out, values.iter().map(cell))
}

/// Writes a value as a line of JSON.
pub fn json_line(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    json::write(out, value)?;
    out.write_all(b"\n")
}

/// What people said of a finding, and the note beside it.
fn triage(finding: &FindingRow) -> (&str, &str) {
    finding.triage.as_ref().map_or((NEW, ""), |(status, note)| (status.as_str(), note.as_str()))
}

/// Texts in one cell.
fn joined(texts: &[String]) -> String {
    texts.join(", ")
}
