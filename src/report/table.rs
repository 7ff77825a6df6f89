//! Tables for reading: no lines, two spaces between columns, long cells cut, wrapped to the terminal's width.
//!
//! No more than a part of a table is ever held in memory. On a terminal a long table comes in parts of [`PART_ROWS`] rows, each
//! with its headings and widths. In a file or a pipe the headings come once: the first part gives the widths, and each later row
//! is written as it comes; a cell that is wider moves the rest of its row.

use std::borrow::Cow;
use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table as Grid, Width, presets};
use serde_json::Value;

use super::{Kind, Shape, cell_text, visible};

/// Characters of a cell that a table shows; the other formats have all of it.
const CELL_CHARS: usize = 240;

/// Rows of one part of a table.
const PART_ROWS: usize = 1_000;
/// Cells of one part: a part of a very wide table has fewer rows, so that it needs no more memory.
const PART_CELLS: usize = 50_000;

/// Spaces between two columns; the library counts them as part of a column.
const GAP: u16 = 2;

/// A table that is being filled.
pub(super) struct Table {
    grid: Grid,
    /// Where the values of each column are in a row, and where else.
    columns: Vec<(usize, Option<usize>)>,
    rows: usize,
    /// Rows after which what is there is written.
    part_rows: usize,
    width: Option<u16>,
    /// Widths of the columns, once the first part of a table in a pipe is written.
    widths: Option<Vec<u16>>,
}

impl Table {
    pub(super) fn new(shape: &Shape, width: Option<u16>) -> Self {
        let position = |field: &String| shape.fields.iter().position(|f| f == field).expect("a table column shows a field of its shape");
        let columns = shape.table.iter().map(|c| (position(&c.field), c.otherwise.as_ref().map(position))).collect();
        let part_rows = (PART_CELLS / shape.table.len().max(1)).clamp(1, PART_ROWS);
        Self { grid: grid(shape, width), columns, rows: 0, part_rows, width, widths: None }
    }

    /// Takes a row; a part that is full is written first.
    pub(super) fn row(&mut self, out: &mut dyn Write, shape: &Shape, values: &[Value]) -> io::Result<()> {
        if self.rows == self.part_rows {
            self.next_part(out, shape)?;
        }
        let cells = self.columns.iter().zip(&shape.table).map(|((own, otherwise), column)| {
            let value = otherwise.filter(|_| is_empty(&values[*own])).map_or(&values[*own], |other| &values[other]);
            let kind = if value.is_number() { Kind::Number } else { column.kind };
            let text = if kind == Kind::Time { to_the_second(cell_text(value)) } else { cell_text(value) };
            Cell::new(cut(&visible(&text))).set_alignment(alignment(kind))
        });
        let cells: Vec<Cell> = cells.collect();
        self.grid.add_row(cells);
        self.rows += 1;
        Ok(())
    }

    /// Writes a part that is full and begins the next.
    fn next_part(&mut self, out: &mut dyn Write, shape: &Shape) -> io::Result<()> {
        self.write(out)?;
        self.rows = 0;
        if self.width.is_some() {
            self.grid = grid(shape, self.width);
            return writeln!(out);
        }
        self.widths.get_or_insert_with(|| self.grid.column_max_content_widths());
        self.grid = Grid::new();
        self.grid.load_style(presets::NOTHING);
        self.grid.set_content_arrangement(ContentArrangement::Disabled);
        self.part_rows = 1;
        Ok(())
    }

    /// Writes what is there.
    pub(super) fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        for column in self.grid.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        for (column, width) in self.grid.column_iter_mut().zip(self.widths.iter().flatten()) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*width + GAP)));
        }
        for line in self.grid.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A part with its headings.
fn grid(shape: &Shape, width: Option<u16>) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(presets::NOTHING);
    grid.set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        grid.set_width(width);
    } else {
        grid.set_content_arrangement(ContentArrangement::Disabled);
    }
    grid.set_header(shape.table.iter().map(|c| Cell::new(visible(&c.heading)).set_alignment(alignment(c.kind))));
    for (column, _) in grid.column_iter_mut().zip(&shape.table).filter(|(_, shown)| shown.kind != Kind::Text) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    grid
}

fn alignment(kind: Kind) -> CellAlignment {
    match kind {
        Kind::Text | Kind::Time | Kind::ExactTime => CellAlignment::Left,
        Kind::Number => CellAlignment::Right,
    }
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
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARS) {
        None => text.to_owned(),
        Some(_) => text.chars().take(CELL_CHARS - 1).chain(['…']).collect(),
    }
}
