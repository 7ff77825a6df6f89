//! Output formats: rows of named values become a table, JSON, JSON lines or CSV.
//!
//! One format a file. A [`ListingShape`] names the fields of a listing and which of them a table shows; a
//! [`ListWriter`] takes rows one at a time and writes them in the chosen format, so that no more
//! than a part of a table is ever held in memory. The field names of the shapes are an interface that scripts stand on:
//! `docs/output.md` has them all.
//!
//! Nothing here opens a file or knows a terminal: the caller passes a writer and, for tables, a width.

mod coverage;
mod csv;
mod evidence;
mod export;
mod finding;
mod finding_group;
pub mod html;
mod json;
mod jsonl;
mod layout;
mod logons;
mod metrics;
mod regression;
mod risk;
mod sarif;
mod search;
mod shape;
mod source;
mod table;
mod timeline;
mod upkeep;
mod vertical;
mod view;
mod visible;

use std::io::{self, Write};

pub use coverage::{RULE_COVERAGE, SOURCE_COVERAGE, TECHNIQUE, rule_coverage_row, source_coverage_row, technique_row};
pub use csv::CsvCells;
pub use evidence::{EVIDENCE, evidence_row};
pub use export::{
    EventFacts, IRIS_FIELDS, Navigator, SHEET_FIELDS, TIMESKETCH_FIELDS, csv_header, csv_row, iris_row, json_line, ocsf, sheet_row,
    timesketch, timesketch_row,
};
pub use finding::{FINDING, finding_row, finding_shape};
pub use finding_group::{add_group_columns, finding_group_row, finding_group_shape};
pub use json::to_json;
pub use layout::wrapped_text;
pub use logons::{LOGONS, logons_row};
pub use metrics::{
    METRICS_CHANNELS, METRICS_CLEARED, METRICS_CODES, METRICS_GAPS, METRICS_HOSTS, METRICS_SUMMARY, metrics_channel_row,
    metrics_cleared_row, metrics_code_row, metrics_gap_row, metrics_host_row, metrics_summary_row,
};
pub use regression::{REGRESSION, regression_row, write_junit};
pub use risk::{RISK, risk_row};
pub use sarif::sarif;
pub use search::{SEARCH, search_row};
pub use serde_json::Value;
pub use shape::{CellStyle, ListingShape, TableColumn, cell_text};
pub use source::{EXPLAINED, SOURCE, explained_row, source_row, why_not_read};
pub use timeline::{TIMELINE, timeline_row};
pub use upkeep::{
    STORE_EVENT_TYPES, STORE_SOURCES, STORE_SPACE, STORE_SUMMARY, STORE_VERIFIED, store_event_type_row, store_sources_row, store_space_row,
    store_summary_row, store_verified_row,
};
pub use vertical::named_lines;
pub use view::{VIEW, VIEW_COLUMN, ViewRow, view_column_row, view_row};
pub use visible::{visible, visible_text};

/// A time of an event in ISO 8601, or null.
fn time(time_us: Option<i64>) -> Value {
    time_us.map_or(Value::Null, |us| Value::from(crate::event::format_time(us)))
}

/// How a listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Columns for reading; long cells are cut.
    #[default]
    Table,
    /// One array of objects.
    Json,
    /// One object a line.
    Jsonl,
    /// Comma-separated, with a header line; no cell is a formula.
    Csv,
    /// The same, with every text as it is.
    RawCsv,
    /// One field a line, for reading rows that are too wide for a table.
    Vertical,
}

/// Writes the rows of one listing.
pub struct ListWriter<'a> {
    out: &'a mut dyn Write,
    shape: &'a ListingShape,
    state: ListingState,
}

enum ListingState {
    Table(Box<table::TextTable>),
    Json { rows: u64 },
    Jsonl,
    Csv(CsvCells),
    Vertical(vertical::Vertical),
}

impl<'a> ListWriter<'a> {
    /// Starts a listing. `width` is the terminal's, in columns; without it nothing is wrapped or left out.
    pub fn new(out: &'a mut dyn Write, format: Format, shape: &'a ListingShape, width: Option<u16>) -> io::Result<Self> {
        let state = match format {
            Format::Table => ListingState::Table(Box::new(table::TextTable::new(shape, width))),
            Format::Json => ListingState::Json { rows: 0 },
            Format::Jsonl => ListingState::Jsonl,
            Format::Vertical => ListingState::Vertical(vertical::Vertical::new(width.map(usize::from))),
            Format::Csv | Format::RawCsv => {
                let cells = if format == Format::Csv { CsvCells::Safe } else { CsvCells::Raw };
                csv::header(out, shape, cells)?;
                ListingState::Csv(cells)
            }
        };
        Ok(Self { out, shape, state })
    }

    /// Writes a row: one value a field, in the order of the shape.
    pub fn row(&mut self, values: &[Value]) -> io::Result<()> {
        debug_assert_eq!(values.len(), self.shape.fields.len(), "a row has a value for each field of its shape");
        match &mut self.state {
            ListingState::Table(table) => table.row(self.out, self.shape, values)?,
            ListingState::Json { rows } => {
                self.out.write_all(if *rows == 0 { b"[\n  " } else { b",\n  " })?;
                *rows += 1;
                json::object(self.out, &self.shape.fields, values)?;
            }
            ListingState::Jsonl => jsonl::line(self.out, &self.shape.fields, values)?,
            ListingState::Csv(cells) => csv::line(self.out, values, *cells)?,
            ListingState::Vertical(rows) => rows.row(self.out, self.shape, values)?,
        }
        Ok(())
    }

    /// Passes on what is written so far. Of a table, the part that is being filled stays: its widths are not known yet.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the listing and flushes. Returns the headings of columns that a table had no room for.
    pub fn finish(self) -> io::Result<Vec<String>> {
        let mut left_out = Vec::new();
        match self.state {
            ListingState::Table(mut table) => {
                table.write(self.out, self.shape)?;
                left_out = table.left_out(self.shape);
            }
            ListingState::Json { rows: 0 } => self.out.write_all(b"[]\n")?,
            ListingState::Json { .. } => self.out.write_all(b"\n]\n")?,
            ListingState::Jsonl | ListingState::Csv(_) | ListingState::Vertical(_) => {}
        }
        self.out.flush()?;
        Ok(left_out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listing(format: Format, rows: &[Vec<Value>], width: Option<u16>) -> String {
        let shape = ListingShape {
            fields: ["path", "events", "tags", "group"].map(String::from).to_vec(),
            table: vec![TableColumn::text("path", "Path"), TableColumn::number("events", "Events"), TableColumn::text("group", "Group")],
        };
        let mut out = Vec::new();
        let mut writer = ListWriter::new(&mut out, format, &shape, width).unwrap();
        for row in rows {
            writer.row(row).unwrap();
        }
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn rows() -> Vec<Vec<Value>> {
        vec![
            vec![json!("a\u{1b}[31m.evtx"), json!(12), json!(["x", "y"]), json!({"user": "bob", "port": "445"})],
            vec![json!("b,\"c\"\u{202e}"), json!(9_007_199_254_740_993_i64), json!([]), Value::Null],
        ]
    }

    #[test]
    fn table_shows_chosen_columns_safely() {
        let expected = [
            "Path                      Events  Group",
            r"a\x1b[31m.evtx                12  user=bob port=445",
            r#"b,"c"\u{202e}   9007199254740993  -"#,
            "",
        ];
        assert_eq!(listing(Format::Table, &rows(), None), expected.join("\n"));
    }

    #[test]
    fn json_escapes_what_a_terminal_would_obey() {
        let expected = [
            "[",
            r#"  {"path":"a\u001b[31m.evtx","events":12,"tags":["x","y"],"group":{"user":"bob","port":"445"}},"#,
            r#"  {"path":"b,\"c\"\u202e","events":9007199254740993,"tags":[],"group":null}"#,
            "]",
            "",
        ];
        assert_eq!(listing(Format::Json, &rows(), None), expected.join("\n"));
    }

    #[test]
    fn json_lines_are_the_same_objects() {
        let lines = listing(Format::Jsonl, &rows(), None);
        let parsed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json!(parsed), serde_json::from_str::<Value>(&listing(Format::Json, &rows(), None)).unwrap());
    }

    #[test]
    fn csv_quotes_and_keeps_structure_as_json() {
        let expected = [
            "path,events,tags,group",
            r#"a\x1b[31m.evtx,12,"[""x"",""y""]","{""user"":""bob"",""port"":""445""}""#,
            r#""b,""c""\u{202e}",9007199254740993,[],"#,
            "",
        ];
        assert_eq!(listing(Format::Csv, &rows(), None), expected.join("\n"));
    }

    #[test]
    fn a_narrow_terminal_wraps_and_long_cells_are_cut() {
        let row = vec![json!("x".repeat(1000)), json!(1), Value::Null, Value::Null];
        let text = listing(Format::Table, &[row], Some(60));
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert!(text.contains('…') && text.matches('x').count() == 239, "{text}");
    }

    #[test]
    fn rows_too_wide_for_a_terminal_are_shown_one_field_a_line() {
        let columns: Vec<String> = (0..12).map(|n| format!("column{n}")).collect();
        let shape = ListingShape::of_columns(&columns);
        let mut row = vec![Value::Null; 12];
        row[0] = json!(7);
        row[1] = json!(r"C:\Windows\System32\rundll32.exe C:\Users\alice\AppData\Local\Temp\m.dll,#1");
        row[11] = json!("one\ntwo");
        let text = |format, width| {
            let mut out = Vec::new();
            let mut writer = ListWriter::new(&mut out, format, &shape, width).unwrap();
            writer.row(&row).unwrap();
            writer.row(&row).unwrap();
            writer.finish().unwrap();
            String::from_utf8(out).unwrap()
        };
        let expected = [
            "Row 1",
            "  column0   7",
            r"  column1   C:\Windows\System32\rundll32.exe",
            r"            C:\Users\alice\AppData\Local\Temp\m.dll,#1",
            "  column11  one",
            "            two",
            "",
            "Row 2",
        ];
        let narrow = text(Format::Table, Some(60));
        assert_eq!(narrow.lines().take(expected.len()).collect::<Vec<_>>(), expected, "{narrow}");
        assert_eq!(text(Format::Vertical, Some(60)), narrow);
        assert_eq!(text(Format::Table, Some(200)).lines().count(), 3);
        assert!(text(Format::Vertical, None).contains(r"rundll32.exe C:\Users"));
    }

    #[test]
    fn a_long_table_comes_in_parts_with_their_headings_on_a_terminal() {
        let rows: Vec<Vec<Value>> = (0..2_500).map(|n| vec![json!(format!("f{n}")), json!(n), Value::Null, Value::Null]).collect();
        let text = listing(Format::Table, &rows, Some(60));
        assert_eq!(text.lines().filter(|line| line.starts_with("Path")).count(), 3);
        assert_eq!(text.lines().filter(|line| line.starts_with('f')).count(), 2_500);
    }

    #[test]
    fn a_long_table_has_its_headings_once_in_a_pipe_and_keeps_its_widths() {
        let mut rows: Vec<Vec<Value>> = (0..2_500).map(|n| vec![json!(format!("f{n}")), json!(n), Value::Null, json!("g")]).collect();
        rows[2_000][0] = json!("a longer one");
        let text = listing(Format::Table, &rows, None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2_501);
        assert_eq!([lines[0], lines[1], lines[1_000]], ["Path  Events  Group", "f0         0  g", "f999     999  g"]);
        assert_eq!([lines[1_001], lines[2_001], lines[2_500]], ["f1000    1000  g", "a longer one    2000  g", "f2499    2499  g"]);
    }

    #[test]
    fn empty_listings() {
        assert_eq!(listing(Format::Json, &[], None), "[]\n");
        assert_eq!(listing(Format::Jsonl, &[], None), "");
        assert_eq!(listing(Format::Csv, &[], None), "path,events,tags,group\n");
        assert_eq!(listing(Format::Table, &[], None), "");
    }
}
