//! CSV with a header: Windows events flat, of EvtxECmd or Event Viewer; Splunk's exports; any other table.
//!
//! Delimiter and header are told from the first records. An empty cell is not a value. Where a row has the event's own text
//! (`_raw`), that is what is read; of the other columns only those that say where it came from count then.

mod split;

use split::{Cells, RecordScan};

use super::json::Flattener;
use super::raw::{Raw, RawReaders};
use super::row_error::RowError;
use super::stream::{LeafInput, Report};
use super::{InputFormat, Reading, text_of};
use crate::event::BESIDE_RAW;
use crate::normalise::{Normaliser, PathId, RecordPlace, tell_shape};

/// Bytes of one record.
// A cell with a rendered message has some kB; without a bound an open quote would hold the rest of the file.
const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;
/// Columns.
// The widest exports have some hundred columns, and each name becomes a path that is kept.
const MAX_COLUMNS: usize = 10_000;
/// Records with a quote that does not end, after which the rest is left out.
// Each time the rest of the file is looked through again for the end of a quote.
const MAX_RESTARTS: u32 = 16;
/// Records that tell a table from other text.
// The first rows may be alike by chance; twenty are seldom.
const FIRST_RECORDS: usize = 20;
/// Bytes of the name of a column.
const MAX_NAME_BYTES: usize = 128;
/// Columns of a table of which no name is known.
// Two columns are any text with one comma a line.
const MIN_UNKNOWN_COLUMNS: usize = 3;

// In the order in which they are preferred: of equally many columns the last one counts, so the rarest delimiter wins.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Where cells beyond the header go.
const EXTRA: &str = "_extra";

/// See the module.
pub(super) struct Csv;

impl InputFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn sniff(&self, head: &[u8]) -> Option<String> {
        let table = FirstRecords::of(head)?;
        Some(format!("its first line names {} columns", table.columns))
    }

    fn read(&self, reading: &mut Reading<'_>) -> &'static str {
        let input = &mut reading.input;
        let table = FirstRecords::of(input.head());
        input.consume(preamble(input.head()));
        let mut rows = Rows::new(table.map_or(b',', |table| table.delimiter));
        while !reading.events.stopped() && rows.next(reading) {}
        if rows.raw_column.is_some() { "csv-splunk" } else { self.name() }
    }
}

/// Whether a text is a table whose header names columns of event logs: what its cells hold, even whole events, is in it.
pub(super) fn is_known_table(head: &[u8]) -> bool {
    FirstRecords::of(head).is_some_and(|table| table.known)
}

/// A byte order mark, and the line that PowerShell's `Export-Csv` begins with or that tells Excel the delimiter.
fn preamble(head: &[u8]) -> usize {
    let mark = head.len() - super::without_mark(head).len();
    let line = [&b"#TYPE "[..], b"sep=", b"\"sep="].iter().any(|start| head[mark..].starts_with(start));
    match line.then(|| memchr::memchr(b'\n', head)) {
        Some(Some(end)) => end + 1,
        _ => mark,
    }
}

/// What the first records say.
struct FirstRecords {
    delimiter: u8,
    columns: usize,
    /// A column has a name that event logs have.
    known: bool,
}

impl FirstRecords {
    /// The delimiter that gives the most columns, if the text is a table.
    fn of(head: &[u8]) -> Option<Self> {
        let head = &head[preamble(head)..];
        let first = &head[..memchr::memchr(b'\n', head).unwrap_or(head.len())];
        if first.is_empty() || matches!(first[0], b'{' | b'[' | b'<') {
            return None;
        }
        let tables = DELIMITERS.iter().filter(|delimiter| first.contains(delimiter)).filter_map(|delimiter| Self::with(head, *delimiter));
        // The delimiter that gives the most columns: a comma within cells separated by semicolons gives fewer.
        tables.max_by_key(|table| table.columns)
    }

    fn with(head: &[u8], delimiter: u8) -> Option<Self> {
        let (mut cells, mut rest, mut widths) = (Cells::default(), head, Vec::new());
        let mut known = false;
        while widths.len() <= FIRST_RECORDS && !rest.is_empty() {
            let mut scan = RecordScan::new(delimiter);
            let end = match scan.find(rest) {
                Some(end) => end,
                // The last record may go on behind the head: it tells nothing.
                None if widths.is_empty() || (!scan.is_open() && head.len() < super::SNIFF_BYTES) => rest.len(),
                None => break,
            };
            cells.split(&String::from_utf8_lossy(&rest[..end]), delimiter);
            rest = &rest[end..];
            if widths.is_empty() {
                if !cells.iter().all(is_name) {
                    return None;
                }
                let names: Vec<&str> = cells.iter().map(str::trim).collect();
                known = tell_shape(&names);
                if !known && names.iter().any(|name| is_of_a_line(name)) {
                    return None;
                }
            }
            if cells.len() > 1 || !cells.get(0).trim().is_empty() {
                widths.push(cells.len());
            }
        }
        let (columns, rows) = widths.split_first()?;
        // One cell more is allowed: Event Viewer leaves the message without a name.
        let fitting = rows.iter().filter(|width| (*columns..=columns + 1).contains(*width)).count();
        // A header of known names may have rows that do not fit; of unknown names all must, or any text with commas is a table.
        let is_table = match known {
            true => *columns > 1 && (rows.is_empty() || fitting > 0),
            false => *columns >= MIN_UNKNOWN_COLUMNS && !rows.is_empty() && fitting == rows.len(),
        };
        is_table.then_some(Self { delimiter, columns: *columns, known })
    }
}

/// Whether a cell can be the name of a column.
fn is_name(cell: &str) -> bool {
    let cell = cell.trim();
    let other = |c: char| c.is_alphanumeric() || " _.-@()/:[]{}#%$".contains(c);
    cell.len() <= MAX_NAME_BYTES && cell.chars().all(other) && cell.chars().next().is_none_or(|c| c.is_alphabetic() || "_@".contains(c))
}

/// Whether a cell is a piece of a log's line, which may have commas in it: it shows a clock (`Jan  2 10:00:00 host`), or has
/// words behind a colon (`sshd[7]: failed`). No name of a column does.
fn is_of_a_line(cell: &str) -> bool {
    let is_clock = |w: &[u8]| w[2] == b':' && w[5] == b':' && [0, 1, 3, 4, 6, 7].iter().all(|at| w[*at].is_ascii_digit());
    cell.as_bytes().windows(8).any(is_clock) || cell.split_once(": ").is_some_and(|(_, rest)| !rest.trim().is_empty())
}

/// Whether rows may be the rest of a record without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    Possible,
    Told,
}

struct Rows {
    delimiter: u8,
    /// The members that the columns are; empty before the header.
    columns: Vec<PathId>,
    raw_column: Option<usize>,
    /// Columns that count beside `_raw`.
    beside: Vec<usize>,
    /// A cell beyond the header is the message: Event Viewer names all columns but that.
    unnamed_message: bool,
    cells: Cells,
    flattener: Flattener,
    raw: RawReaders,
    position: u64,
    restarts: u32,
    /// Cells of the last row.
    width: usize,
    /// What comes next may be the rest of a record without an end.
    rest: Rest,
}

impl Rows {
    fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            columns: Vec::new(),
            raw_column: None,
            beside: Vec::new(),
            unnamed_message: false,
            cells: Cells::default(),
            flattener: Flattener::default(),
            raw: RawReaders::default(),
            position: 0,
            restarts: 0,
            width: 0,
            rest: Rest::None,
        }
    }

    /// Reads the next record; false when there is none.
    fn next(&mut self, reading: &mut Reading<'_>) -> bool {
        let Reading { input, events, report, .. } = reading;
        self.position += 1;
        let mut scan = RecordScan::new(self.delimiter);
        let mut searched = 0;
        loop {
            let head = input.head();
            let found = scan.find(&head[searched..]).map(|end| searched + end);
            searched = head.len();
            let length = match found {
                Some(end) => end,
                None if searched > MAX_RECORD_BYTES => {
                    let text = format!("a record is longer than MAX_RECORD_BYTES = {MAX_RECORD_BYTES}: skipped its first line");
                    return self.restart(input, text, report);
                }
                None if !input.at_end() => {
                    input.grow();
                    continue;
                }
                None if searched == 0 => return false,
                None if scan.is_open() => return self.restart(input, "a quote is never closed: skipped its line".to_owned(), report),
                None => searched,
            };
            // A torn quote inside one line cannot damage the next record, so only one over several lines is refused.
            if scan.is_torn() && memchr::memchr(b'\n', &head[..length - 1]).is_some() {
                return self.restart(
                    input,
                    "text follows the end of a quote over several lines: skipped the first line".to_owned(),
                    report,
                );
            }
            self.record(&head[..length], input.offset(), events, report);
            input.consume(length);
            return true;
        }
    }

    /// Goes on behind the first line of a record that has no end; false when that happened too often.
    fn restart(&mut self, input: &mut LeafInput<'_>, text: String, report: &mut Report) -> bool {
        report.bad(Some(input.offset()), Some(self.position), text);
        self.restarts += 1;
        self.rest = Rest::Possible;
        let head = input.head();
        let line = memchr::memchr(b'\n', head).map_or(head.len(), |end| end + 1);
        if self.restarts > MAX_RESTARTS {
            report.problem(Some(input.offset()), None, format!("this happened MAX_RESTARTS = {MAX_RESTARTS} times: skipped the rest"));
            return false;
        }
        input.consume(line);
        true
    }

    fn record(&mut self, bytes: &[u8], offset: u64, events: &mut Normaliser<'_>, report: &mut Report) {
        let text = text_of(bytes);
        if let std::borrow::Cow::Owned(_) = text {
            report.problem(Some(offset), Some(self.position), "invalid UTF-8 is replaced by U+FFFD");
        }
        self.cells.split(&text, self.delimiter);
        if self.columns.is_empty() {
            return self.header(events, report);
        }
        if self.cells.len() == 1 && self.cells.get(0).trim().is_empty() {
            return;
        }
        let (cells, columns) = (self.cells.len(), self.columns.len());
        if self.is_rest(cells, offset, report) {
            return;
        }
        self.width = cells;
        if cells != columns && !(self.unnamed_message && cells == columns + 1) {
            report.problem(Some(offset), Some(self.position), format!("a row has {cells} cells, the header {columns}"));
        }
        if let Err(error) = self.members(offset, events, report) {
            events.abandon();
            return report.bad(Some(offset), Some(self.position), error);
        }
        if events.has_members() {
            events.end_record(RecordPlace { position: self.position, recovered: false });
        }
    }

    /// Whether a row is the rest of a record without an end: it has fewer cells than the rows before that had.
    fn is_rest(&mut self, cells: usize, offset: u64, report: &mut Report) -> bool {
        // A whole row has as many cells as those before it: with it the rest of the torn record is over.
        if self.rest == Rest::None || cells >= self.width {
            self.rest = Rest::None;
            return false;
        }
        if self.rest == Rest::Possible {
            let text = "skipped the shorter rows from here on: they belong to the record before";
            report.problem(Some(offset), Some(self.position), text);
            self.rest = Rest::Told;
        }
        true
    }

    fn header(&mut self, events: &mut Normaliser<'_>, report: &mut Report) {
        if self.cells.len() > MAX_COLUMNS {
            report.problem(Some(0), Some(self.position), format!("columns beyond MAX_COLUMNS = {MAX_COLUMNS} are read as {EXTRA}"));
        }
        for (index, name) in self.cells.iter().take(MAX_COLUMNS).enumerate() {
            // The portal of Azure says so of the columns that are times.
            let name = name.trim().trim_end_matches(" [UTC]");
            match name {
                "_raw" => self.raw_column = Some(index),
                "Date and Time" => self.unnamed_message = true,
                _ if BESIDE_RAW.contains(&name) => self.beside.push(index),
                _ => {}
            }
            let path = if name.is_empty() {
                events.child(PathId::ROOT, &format!("column{}", index + 1))
            } else {
                events.child(PathId::ROOT, name)
            };
            self.columns.push(path);
        }
        self.width = self.columns.len();
    }

    fn members(&mut self, offset: u64, events: &mut Normaliser<'_>, report: &mut Report) -> Result<(), RowError> {
        let given = self.cells.len().min(self.columns.len());
        if let Some(raw) = self.raw_column.filter(|raw| *raw < given) {
            match self.raw.read(self.cells.get(raw), events) {
                Raw::Read => {
                    for index in self.beside.iter().filter(|index| **index < given) {
                        value(self.columns[*index], self.cells.get(*index), events);
                    }
                    return Ok(());
                }
                Raw::Unknown => {}
                Raw::Broken(error) => {
                    report.problem(Some(offset), Some(self.position), format!("_raw is {error}: read the columns instead"))
                }
            }
        }
        for index in 0..given {
            value(self.columns[index], self.cells.get(index), events);
        }
        if given < self.cells.len() {
            let extra = events.child(PathId::ROOT, EXTRA);
            for index in given..self.cells.len() {
                value(extra, self.cells.get(index), events);
            }
        }
        self.flattener.embedded(events)
    }
}

fn value(path: PathId, cell: &str, events: &mut Normaliser<'_>) {
    if !cell.is_empty() {
        events.value(path, cell);
    }
}
