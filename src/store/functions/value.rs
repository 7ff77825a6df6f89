//! Values as functions see them, and the form of a multivalue between functions.
//!
//! A list of two or more members is a BLOB: for each member its length in bytes (4 bytes, big-endian) and its text. A
//! list of one is that text, of none NULL. At the end of a query a list becomes its members on lines.

use rusqlite::functions::Context;
use rusqlite::types::{Value as Output, ValueRef};

use crate::ir::parse_number;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Missing.
    Null,
    /// A number.
    Number(f64),
    /// An integer.
    Integer(i64),
    /// A text.
    Text(String),
    /// Two or more texts.
    List(Vec<String>),
}

impl Value {
    /// Reads an argument of a function.
    pub(super) fn at(context: &Context<'_>, index: usize) -> rusqlite::Result<Self> {
        if index >= context.len() {
            return Ok(Self::Null);
        }
        Ok(Self::of(context.get_raw(index)))
    }

    /// Reads a cell.
    pub(super) fn of(raw: ValueRef<'_>) -> Self {
        match raw {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(n) => Self::Integer(n),
            ValueRef::Real(n) => Self::Number(n),
            ValueRef::Text(bytes) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Self::List(unpack(bytes)),
        }
    }

    /// The texts of a value; `None` where it is missing.
    pub(super) fn members(self) -> Option<Vec<String>> {
        match self {
            Self::Null => None,
            Self::List(members) => Some(members),
            other => other.text().map(|text| vec![text]),
        }
    }

    /// The value as one text, members on lines; `None` where it is missing.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Number(n) => Some(number_text(*n)),
            Self::Integer(n) => Some(n.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::List(members) => Some(members.join("\n")),
        }
    }

    /// The value as a number, where it is one or is the text of one.
    #[allow(clippy::cast_precision_loss, reason = "numbers of rules are floating-point")]
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Integer(n) => Some(*n as f64),
            Self::Text(text) => parse_number(text),
            Self::Null | Self::List(_) => None,
        }
    }

    /// Applies a function to each member.
    pub(super) fn map_members(self, f: impl Fn(&str) -> Option<String>) -> Output {
        self.members().map_or(Output::Null, |members| list(members.iter().filter_map(|m| f(m)).collect()))
    }
}

/// Makes a truth.
pub(super) fn truth(is_true: bool) -> Output {
    Output::Integer(i64::from(is_true))
}

/// Makes a number; NULL where it has no finite value.
pub(super) fn number(n: f64) -> Output {
    // Minus zero is zero, as it is for SQLite.
    if n.is_finite() { Output::Real(n + 0.0) } else { Output::Null }
}

/// Makes an integer of a size.
pub(super) fn size(n: usize) -> Output {
    Output::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Makes a list.
pub(super) fn list(mut members: Vec<String>) -> Output {
    match members.len() {
        0 => Output::Null,
        1 => members.pop().map_or(Output::Null, Output::Text),
        _ => Output::Blob(pack(&members)),
    }
}

/// Writes a number: whole numbers without a fraction.
pub(super) fn number_text(n: f64) -> String {
    let n = n + 0.0; // minus zero is zero
    if n == n.trunc() && n.abs() < 1e15 { format!("{n:.0}") } else { n.to_string() }
}

fn pack(members: &[String]) -> Vec<u8> {
    let mut out = Vec::with_capacity(members.iter().map(|m| m.len() + 4).sum());
    for member in members {
        out.extend(u32::try_from(member.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(member.as_bytes());
    }
    out
}

fn unpack(mut bytes: &[u8]) -> Vec<String> {
    let mut members = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
        members.push(String::from_utf8_lossy(&rest[..length]).into_owned());
        bytes = &rest[length..];
    }
    members
}
