//! How the cells of a column are stored: chosen from the first values seen, see [`Encoding`].

use rustc_hash::FxHashSet;

use super::time::{base, parse_time};
use crate::catalog::{Encoding, TimeShape};

/// Values looked at before a column's encoding is chosen.
pub(super) const SAMPLE: usize = 256;
/// A longer text is never put into the dictionary.
const MAX_DICTIONARY_BYTES: usize = 4_096;

/// A cell on its way into SQLite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Encoded<'a> {
    /// A number, or a difference of times.
    Int(i64),
    /// The text itself.
    Text(&'a str),
    /// To be put into the dictionary and referred to by INTEGER.
    Value(&'a str),
}

/// A column while events are written.
#[derive(Debug)]
pub(super) struct ColumnState {
    /// Chosen when the column was made.
    pub(super) encoding: Encoding,
    /// Values since the last look, and how many of them were new.
    seen: u32,
    new: u32,
    /// Near-unique: new text goes inline from now on.
    pub(super) inline_text: bool,
}

impl ColumnState {
    /// Starts a column.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, seen: 0, new: 0, inline_text: false }
    }

    /// Chooses how a single value is stored.
    pub(super) fn encode<'a>(&self, text: &'a str, time_us: Option<i64>) -> Encoded<'a> {
        match self.encoding {
            Encoding::Dictionary if self.inline_text || text.len() > MAX_DICTIONARY_BYTES => Encoded::Text(text),
            Encoding::Dictionary => Encoded::Value(text),
            Encoding::Inline => match canonical_integer(text) {
                Some(number) => Encoded::Int(number),
                None => Encoded::Text(text),
            },
            Encoding::Time(shape) => match (parse_time(text), time_us) {
                (Some((found, value)), Some(us)) if found == shape && us >= 0 => Encoded::Int(value - base(us, shape)),
                _ => Encoded::Text(text),
            },
        }
    }

    /// Learns whether a dictionary value was new; a column that stays near-unique turns inline.
    pub(super) fn learn(&mut self, new: bool) {
        self.seen += 1;
        self.new += u32::from(new);
        if self.seen == 2_048 {
            self.inline_text = self.new > 1_024;
            self.seen = 0;
            self.new = 0;
        }
    }
}

/// Chooses the encoding of a column from its first values.
pub(super) fn choose<'a>(values: impl Iterator<Item = &'a str>) -> Encoding {
    let values: Vec<&str> = values.take(SAMPLE).collect();
    let most = |n: usize| !values.is_empty() && n * 10 >= values.len() * 9;
    if most(values.iter().filter(|v| canonical_integer(v).is_some()).count()) {
        return Encoding::Inline;
    }
    let shapes: Vec<TimeShape> = values.iter().filter_map(|v| parse_time(v)).map(|(shape, _)| shape).collect();
    if let Some(first) = shapes.first()
        && most(shapes.iter().filter(|s| *s == first).count())
    {
        return Encoding::Time(*first);
    }
    let distinct: FxHashSet<&str> = values.iter().copied().collect();
    let bytes: usize = values.iter().map(|v| v.len()).sum();
    if values.len() >= 64 && distinct.len() * 10 > values.len() * 9 && bytes > values.len() * 12 {
        return Encoding::Inline;
    }
    Encoding::Dictionary
}

/// Reads an integer whose decimal spelling is exactly this text.
pub(super) fn canonical_integer(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let digits = b.strip_prefix(b"-").unwrap_or(b);
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) || (digits[0] == b'0' && b.len() > 1) {
        return None;
    }
    text.parse().ok()
}
