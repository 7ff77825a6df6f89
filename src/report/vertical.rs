//! Rows one field a line, for rows too wide for a table: `name  value`, with an empty line between two rows.
//!
//! Fields without a value are left out: most rows this wide are mostly empty. Nothing is held back, each row is written as it
//! comes.

use std::io::{self, Write};

use serde_json::Value;

use super::layout::{width_of, wrapped};
use super::{ListingShape, cell_text, visible, visible_text};

/// Widest name that others are aligned with.
// A longer name would push every value to the right edge.
const NAME_WIDTH: usize = 32;
/// Characters of a value that are shown; the other formats have all of it.
const VALUE_CHARS: usize = 4_000;
/// A value is not wrapped into less than this.
// Narrower, and a value becomes a column of letters.
const VALUE_WIDTH_MIN: usize = 20;

/// Rows that are being written.
pub(super) struct Vertical {
    rows: u64,
    width: Option<usize>,
}

impl Vertical {
    pub(super) fn new(width: Option<usize>) -> Self {
        Self { rows: 0, width }
    }

    /// Writes a row.
    pub(super) fn row(&mut self, out: &mut dyn Write, shape: &ListingShape, values: &[Value]) -> io::Result<()> {
        self.rows += 1;
        if self.rows > 1 {
            writeln!(out)?;
        }
        writeln!(out, "Row {}", self.rows)?;
        let fields: Vec<(&String, &Value)> = shape.fields.iter().zip(values).filter(|(_, value)| !value.is_null()).collect();
        let names = fields.iter().map(|(name, _)| width_of(&visible(name))).max().unwrap_or(0).min(NAME_WIDTH);
        for (name, value) in fields {
            self.field(out, &visible(name), &cell_text(value), names)?;
        }
        Ok(())
    }

    /// Further lines of a value stand below its first.
    fn field(&self, out: &mut dyn Write, name: &str, value: &str, names: usize) -> io::Result<()> {
        let shown = match value.char_indices().nth(VALUE_CHARS) {
            None => visible_text(value),
            Some((at, _)) => format!("{}…", visible_text(&value[..at])).into(),
        };
        out.write_all(named_lines(name, &shown, names, self.width).as_bytes())
    }
}

/// Returns `  name  value`, with further lines of the value below its first. `names` is the width of the widest name. Lines are wrapped to
/// `width`, where there is one.
pub fn named_lines(name: &str, value: &str, names: usize, width: Option<usize>) -> String {
    let mut out = String::new();
    let mut head = format!("  {name}{}  ", " ".repeat(names.saturating_sub(width_of(name))));
    let room = width.map(|width| width.saturating_sub(names + 4).max(VALUE_WIDTH_MIN));
    for line in value.trim_end().split('\n') {
        let parts = room.map_or_else(|| vec![line.to_owned()], |room| wrapped(line, room));
        for part in parts {
            out.push_str(format!("{head}{part}").trim_end());
            out.push('\n');
            head = " ".repeat(names + 4);
        }
    }
    out
}
