//! What a listing consists of: its fields, and which of them a table shows under which heading.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// The fields of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingShape {
    /// Field names in output order: JSON keys and the CSV header.
    pub fields: Vec<String>,
    /// The columns of the table, by field name, in table order.
    pub table: Vec<TableColumn>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// The field it shows.
    pub field: String,
    /// Its heading.
    pub heading: String,
    /// What its cells are.
    pub kind: CellStyle,
    /// The field it shows where its own is null or empty.
    pub otherwise: Option<String>,
    /// A narrow terminal leaves out the column with the highest number first; 0 stays.
    pub spare: u8,
    /// Where the column is left out, its cell stands on a line of its own below the row.
    pub is_below: bool,
    /// A cell is wrapped and not cut where this field of its row has this value.
    pub whole_where: Option<(String, String)>,
}

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellStyle {
    /// On the left; wrapped where the terminal is narrow.
    Text,
    /// On the left, one line; cut between words where the terminal is narrow.
    Words,
    /// On the left, one line, never cut: what people copy.
    Whole,
    /// Names of hosts: on the left, one line; cut at a dot or between two names where the terminal is narrow.
    Host,
    /// On the left, one line; cut at its beginning, between folders, where the terminal is narrow.
    Path,
    /// On the right, never wrapped.
    Number,
    /// Shown to the second (`2024-01-31 12:00:00`), never wrapped.
    Time,
    /// Shown as it is, never wrapped.
    ExactTime,
}

impl TableColumn {
    /// Makes a column.
    pub fn new(field: &str, heading: &str, kind: CellStyle) -> Self {
        Self { field: field.into(), heading: heading.into(), kind, otherwise: None, spare: 0, is_below: false, whole_where: None }
    }

    /// Makes a column of text.
    pub fn text(field: &str, heading: &str) -> Self {
        Self::new(field, heading, CellStyle::Text)
    }

    /// Makes a column of numbers.
    pub fn number(field: &str, heading: &str) -> Self {
        Self::new(field, heading, CellStyle::Number)
    }

    /// Makes a column of times.
    pub fn time(field: &str, heading: &str) -> Self {
        Self::new(field, heading, CellStyle::Time)
    }

    /// Lets a narrow terminal leave the column out: those with the highest number first.
    #[must_use]
    pub fn spare(mut self, rank: u8) -> Self {
        self.spare = rank;
        self
    }

    /// Writes the cell below the row where a narrow terminal leaves the column out.
    #[must_use]
    pub fn below(mut self) -> Self {
        self.is_below = true;
        self
    }

    /// Wraps a cell, which would be cut, in rows whose field has this value.
    #[must_use]
    pub fn whole_where(mut self, field: &str, value: &str) -> Self {
        self.whole_where = Some((field.into(), value.into()));
        self
    }

    /// Shows another field where this one is null or empty.
    #[must_use]
    pub fn or(mut self, field: &str) -> Self {
        self.otherwise = Some(field.into());
        self
    }
}

impl ListingShape {
    /// Makes a shape of fixed fields.
    pub fn new<const N: usize>(fields: [&str; N], table: Vec<TableColumn>) -> Self {
        Self { fields: fields.map(String::from).to_vec(), table }
    }

    /// Makes a shape whose table shows every field under its own name. A name that comes twice is marked
    /// (`user`, `user:2`): an object has each key once.
    pub fn of_columns(columns: &[String]) -> Self {
        let mut taken: HashSet<String> = HashSet::with_capacity(columns.len());
        // The number that a name is tried with next: a result may have thousands of columns of one name.
        let mut next: HashMap<&str, usize> = HashMap::new();
        let mut fields: Vec<String> = Vec::with_capacity(columns.len());
        for column in columns {
            let mut name = column.clone();
            while !taken.insert(name.clone()) {
                let number = next.entry(column).or_insert(2);
                name = format!("{column}:{number}");
                *number += 1;
            }
            fields.push(name);
        }
        let table = fields.iter().map(|f| TableColumn::text(f, f)).collect();
        Self { fields, table }
    }
}

/// Returns the text that a table shows for a value: lists with commas, objects as `key=value`, risk objects as their
/// value, null as `-`.
/// The text may still hold anything: pass it through [`super::visible`].
pub fn cell_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed("-"),
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(items) if items.is_empty() => Cow::Borrowed("-"),
        Value::Array(items) => Cow::Owned(items.iter().map(cell_text).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => Cow::Borrowed("-"),
        // A risk object: its value is what one looks for, and the rest of it would fill the row.
        Value::Object(map) if map.keys().eq(["field", "type", "value", "score"]) => cell_text(&map["value"]),
        Value::Object(map) => Cow::Owned(map.iter().map(|(k, v)| format!("{k}={}", cell_text(v))).collect::<Vec<_>>().join(" ")),
        Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_come_twice_are_marked() {
        let shape = ListingShape::of_columns(&["a", "b", "a", "a"].map(String::from));
        assert_eq!(shape.fields, ["a", "b", "a:2", "a:3"]);
        assert_eq!(ListingShape::of_columns(&["a:2", "a", "a"].map(String::from)).fields, ["a:2", "a", "a:3"]);
    }
}
