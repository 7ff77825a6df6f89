//! Tables for reading: no lines, two spaces between columns, long cells cut, laid out for the terminal's width.
//!
//! No more than a part of a table is ever held in memory. On a terminal a long table comes in parts of [`PART_ROWS`] rows, each
//! with its headings and widths. In a file or a pipe the headings come once: the first part gives the widths, and each later row
//! is written as it comes; a cell that is wider moves the rest of its row. Rows that do not fit a terminal are written one field
//! a line ([`vertical`](super::vertical)), and so are all rows after them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::Value;

use super::layout::{self, ColumnNeed, GAP, width_of};
use super::vertical::Vertical;
use super::{CellStyle, ListingShape, cell_text, visible};

/// Characters of a cell that a table shows; the other formats have all of it.
const CELL_CHARS: usize = 240;

/// Rows of one part of a table.
const PART_ROWS: usize = 1_000;
/// Cells of one part: a part of a very wide table has fewer rows, so that it needs no more memory.
const PART_CELLS: usize = 50_000;
/// The most that a line below a row is moved to the right.
const BELOW_MARGIN: usize = 6;
/// Bytes of one part, for the same reason.
const PART_BYTES: usize = 8 << 20;

/// A table that is being filled.
pub(super) struct TextTable {
    /// Where the values of each column are in a row, and where else.
    columns: Vec<(usize, Option<usize>)>,
    /// The rows of the part that is being filled, each with all its values.
    rows: Vec<Vec<Value>>,
    /// About how many bytes they are.
    bytes: usize,
    width: Option<u16>,
    /// Widths of the columns, once the first part of a table in a pipe is written.
    widths: Option<Vec<usize>>,
    /// Set once rows did not fit.
    vertical: Option<Vertical>,
    is_begun: bool,
    /// Columns that some part had no room for.
    left_out: BTreeSet<usize>,
}

impl TextTable {
    pub(super) fn new(shape: &ListingShape, width: Option<u16>) -> Self {
        let position = |field: &String| shape.fields.iter().position(|f| f == field).expect("a table column shows a field of its shape");
        let columns = shape.table.iter().map(|c| (position(&c.field), c.otherwise.as_ref().map(position))).collect();
        Self { columns, rows: Vec::new(), bytes: 0, width, widths: None, vertical: None, is_begun: false, left_out: BTreeSet::new() }
    }

    /// Takes a row; a part that is full is written.
    pub(super) fn row(&mut self, out: &mut dyn Write, shape: &ListingShape, values: &[Value]) -> io::Result<()> {
        if let Some(vertical) = &mut self.vertical {
            return vertical.row(out, shape, values);
        }
        self.bytes += values.iter().map(|value| value.as_str().map_or(16, str::len)).sum::<usize>();
        self.rows.push(values.to_vec());
        // Fewer rows of a wide table: a part is held in memory twice, as values and as cells.
        let most = (PART_CELLS / shape.table.len().max(1)).clamp(1, PART_ROWS);
        if self.widths.is_some() || self.rows.len() >= most || self.bytes >= PART_BYTES { self.write(out, shape) } else { Ok(()) }
    }

    /// Writes what is there.
    pub(super) fn write(&mut self, out: &mut dyn Write, shape: &ListingShape) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let cells: Vec<Vec<TableCell>> = rows.iter().map(|row| self.cells(shape, row)).collect();
        let headings: Vec<TableCell> =
            shape.table.iter().map(|column| TableCell::new(visible(&column.heading).into_owned(), column.kind)).collect();
        let Some(width) = self.width.map(usize::from) else {
            let widths = match self.widths.take() {
                // The first part decides: a pipe must not wait for the last row to know the widths.
                Some(widths) => widths,
                None => {
                    let widths: Vec<usize> = needs(shape, &cells).iter().map(|need| need.widest.max(need.heading)).collect();
                    write_line(out, &headings, &at_least(&widths, &headings))?;
                    widths
                }
            };
            let result = cells.iter().try_for_each(|row| write_line(out, row, &at_least(&widths, row)));
            self.widths = Some(widths);
            return result;
        };
        let Some(shown) = layout::fit(&shape.table, &needs(shape, &cells), width) else {
            // All rows behind it too: a reader who has begun to read line by line should not have to look for columns again.
            let vertical = self.vertical.insert(Vertical::new(Some(width)));
            return rows.iter().try_for_each(|row| vertical.row(out, shape, row));
        };
        let is_left_out =
            |(index, column): &(usize, &super::TableColumn)| !column.is_below && shown.iter().all(|(shown, _)| shown != index);
        self.left_out.extend(shape.table.iter().enumerate().filter(is_left_out).map(|(index, _)| index));
        if std::mem::replace(&mut self.is_begun, true) {
            writeln!(out)?;
        }
        write_line(out, &headings, &shown)?;
        cells.iter().try_for_each(|row| {
            write_line(out, row, &shown)?;
            write_below(out, row, &shown, shape, width)
        })
    }

    /// The headings of columns that some row had no room for.
    pub(super) fn left_out(&self, shape: &ListingShape) -> Vec<String> {
        self.left_out.iter().map(|index| visible(&shape.table[*index].heading).into_owned()).collect()
    }

    fn cells(&self, shape: &ListingShape, values: &[Value]) -> Vec<TableCell> {
        let cells = self.columns.iter().zip(&shape.table).map(|((own, otherwise), column)| {
            let value = otherwise.filter(|_| is_empty(&values[*own])).map_or(&values[*own], |other| &values[other]);
            let is_whole = column.whole_where.as_ref().is_some_and(|(field, wanted)| {
                shape.fields.iter().position(|name| name == field).and_then(|at| values[at].as_str()) == Some(wanted)
            });
            let kind = match column.kind {
                _ if value.is_number() => CellStyle::Number,
                _ if is_whole => CellStyle::Text,
                kind => kind,
            };
            let text = if kind == CellStyle::Time { to_the_second(cell_text(value)) } else { cell_text(value) };
            TableCell::new(cut(&visible(&text)), kind)
        });
        cells.collect()
    }
}

/// What a column shows of a row.
struct TableCell {
    text: String,
    kind: CellStyle,
}

impl TableCell {
    fn new(text: String, kind: CellStyle) -> Self {
        Self { text, kind }
    }
}

fn needs(shape: &ListingShape, cells: &[Vec<TableCell>]) -> Vec<ColumnNeed> {
    let need = |(index, column): (usize, &super::TableColumn)| ColumnNeed {
        widest: cells.iter().map(|row| width_of(&row[index].text)).max().unwrap_or(0),
        heading: width_of(&visible(&column.heading)),
        host: cells.iter().map(|row| layout::host_min(&row[index].text)).max().unwrap_or(0),
    };
    shape.table.iter().enumerate().map(need).collect()
}

/// All columns, each with its width or that of its cell: in a pipe nothing is wrapped, a wider cell moves what follows.
fn at_least(widths: &[usize], cells: &[TableCell]) -> Vec<(usize, usize)> {
    widths.iter().zip(cells).map(|(width, cell)| (*width).max(width_of(&cell.text))).enumerate().collect()
}

/// Writes a row: as many lines as its longest cell has.
fn write_line(out: &mut dyn Write, cells: &[TableCell], shown: &[(usize, usize)]) -> io::Result<()> {
    let lines_of = |(index, width): (usize, usize)| match cells[index].kind {
        _ if width_of(&cells[index].text) <= width => vec![cells[index].text.clone()],
        CellStyle::Path => vec![layout::end_of_path(&cells[index].text, width)],
        CellStyle::Words => vec![layout::whole_words(&cells[index].text, width)],
        CellStyle::Host => layout::wrapped(&layout::first_of_host(&cells[index].text, width), width),
        CellStyle::Text | CellStyle::Number | CellStyle::Time | CellStyle::ExactTime | CellStyle::Whole => {
            layout::wrapped(&cells[index].text, width)
        }
    };
    let columns: Vec<Vec<String>> = shown.iter().map(|column| lines_of(*column)).collect();
    for number in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
        let mut line = String::new();
        for ((index, width), lines) in shown.iter().zip(&columns) {
            let text = lines.get(number).map_or("", String::as_str);
            let padding = " ".repeat(width.saturating_sub(width_of(text)));
            let (before, after) = if cells[*index].kind == CellStyle::Number { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.extend([before, text, after, &" ".repeat(GAP)]);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes what has no column for want of room and is too telling to be left out: on a line of its own, under the second column.
fn write_below(out: &mut dyn Write, cells: &[TableCell], shown: &[(usize, usize)], shape: &ListingShape, width: usize) -> io::Result<()> {
    let margin = shown.first().map_or(0, |(_, first)| first + GAP).min(BELOW_MARGIN);
    let is_left_out = |index: usize| shown.iter().all(|(shown, _)| *shown != index);
    let below = shape.table.iter().enumerate().filter(|(index, column)| column.is_below && is_left_out(*index));
    let texts: Vec<&str> = below.map(|(index, _)| cells[index].text.as_str()).filter(|text| *text != "-").collect();
    if texts.is_empty() {
        return Ok(());
    }
    let line = layout::whole_words(&texts.join(&" ".repeat(GAP)), width.saturating_sub(margin));
    writeln!(out, "{}{}", " ".repeat(margin), line.trim_end())
}

/// `2024-01-31T12:00:00.123Z` → `2024-01-31 12:00:00`; anything else stays.
fn to_the_second(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_time = text.is_ascii() && text.len() > 19 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
    if is_time { Cow::Owned(text[..19].replace('T', " ")) } else { text }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARS) {
        None => text.to_owned(),
        Some(_) => text.chars().take(CELL_CHARS - 1).chain(['…']).collect(),
    }
}
