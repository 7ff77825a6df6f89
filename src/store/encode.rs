//! How the cells of a column are stored: chosen from the first values seen, see [`Encoding`].

use rustc_hash::FxHashSet;

use super::time::{base, parse_time};
use crate::catalog::{Encoding, TimeShape};

/// Values looked at before a column's encoding is chosen.
// A batch has some thousand events: enough to see whether a column repeats itself, before the table is made.
pub(super) const SAMPLE: usize = 256;
/// A longer text is never put into the dictionary.
// Nothing that long repeats often enough to be worth an index entry and a row of the cache.
const MAX_DICTIONARY_BYTES: usize = 256 * 1024;
/// Shorter text of a column of numbers or times is not worth the eight bytes of a reference.
const MIN_REFERRED_BYTES: usize = 16;
/// Values of one look at a column that uses the dictionary.
// A look must see the repetitions of one source; a pause must be long enough that looks cost little: one value in sixteen.
const LOOK: u32 = 2_048;
/// Values that a near-unique column writes inline before it is looked at again.
const PAUSE: u32 = 32_768;
/// What a new entry of the dictionary costs besides its text, in bytes; half of it stands for the time.
const ENTRY_BYTES: u64 = 64;

/// A cell on its way into SQLite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Encoded<'a> {
    /// A number, or a difference of times.
    Int(i64),
    /// The text itself.
    Text(&'a str),
    /// To be put into the dictionary and referred to by INTEGER.
    Value(&'a str),
    /// To be put into the dictionary and referred to by REAL.
    Referred(&'a str),
}

/// A column while events are written.
#[derive(Debug)]
pub(super) struct ColumnState {
    /// Chosen when the column was made.
    pub(super) encoding: Encoding,
    /// The values of this look: how many, their bytes, how many were new and the bytes of these.
    seen: u32,
    bytes: u64,
    new: u64,
    new_bytes: u64,
    /// Near-unique: so many texts go inline before the next look.
    pause: u32,
}

impl ColumnState {
    /// Starts a column.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, seen: 0, bytes: 0, new: 0, new_bytes: 0, pause: 0 }
    }

    /// Starts a column whose first values were all different.
    pub(super) fn near_unique(encoding: Encoding) -> Self {
        Self { pause: PAUSE, ..Self::new(encoding) }
    }

    /// Chooses how a single value is stored.
    pub(super) fn encode<'a>(&mut self, text: &'a str, time_us: Option<i64>) -> Encoded<'a> {
        match self.encoding {
            Encoding::Dictionary => {
                if self.is_inline(text) {
                    // INTEGER is an id in such a column, so a number that is text is stored as text: the kinds never mix.
                    Encoded::Text(text)
                } else {
                    Encoded::Value(text)
                }
            }
            Encoding::Inline => match canonical_integer(text) {
                Some(number) => Encoded::Int(number),
                None => self.referred(text),
            },
            Encoding::Time(shape) => match (parse_time(text), time_us) {
                // Only from 1970 on: SQLite's division of a negative time would round the other way.
                (Some((found, value)), Some(us)) if found == shape && us >= 0 => Encoded::Int(value - base(us, shape)),
                _ => self.referred(text),
            },
        }
    }

    fn referred<'a>(&mut self, text: &'a str) -> Encoded<'a> {
        if text.len() < MIN_REFERRED_BYTES || self.is_inline(text) { Encoded::Text(text) } else { Encoded::Referred(text) }
    }

    fn is_inline(&mut self, text: &str) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return true;
        }
        text.len() > MAX_DICTIONARY_BYTES
    }

    /// Learns whether a value of the dictionary was new. Where the dictionary costs more bytes than it saves, the column
    /// goes inline for a while.
    pub(super) fn learn(&mut self, bytes: usize, new: bool) {
        let bytes = bytes as u64;
        self.seen += 1;
        self.bytes += bytes;
        if new {
            self.new += 1;
            self.new_bytes += bytes;
        }
        if self.seen == LOOK {
            if self.new_bytes + self.new * ENTRY_BYTES > self.bytes {
                self.pause = PAUSE;
            }
            // The verdict stands for the pause; what was seen is forgotten, because logs change their habits with each file.
            *self = Self { pause: self.pause, ..Self::new(self.encoding) };
        }
    }
}

/// Chooses the encoding of a column from its first values.
pub(super) fn choose<'a>(values: impl Iterator<Item = &'a str>) -> ColumnState {
    let values: Vec<&str> = values.take(SAMPLE).collect();
    // Nine of ten: a few odd values of a column of numbers may stay text, but a column of mixed values is better in the dictionary.
    let most = |n: usize| !values.is_empty() && n * 10 >= values.len() * 9;
    if most(values.iter().filter(|v| canonical_integer(v).is_some()).count()) {
        return ColumnState::new(Encoding::Inline);
    }
    let shapes: Vec<TimeShape> = values.iter().filter_map(|v| parse_time(v)).map(|(shape, _)| shape).collect();
    if let Some(first) = shapes.first()
        && most(shapes.iter().filter(|s| *s == first).count())
    {
        return ColumnState::new(Encoding::Time(*first));
    }
    let distinct: FxHashSet<&str> = values.iter().copied().collect();
    let bytes: usize = values.iter().map(|v| v.len()).sum();
    // Few or short values are never near-unique: an id of eight bytes saves nothing on them, and a small sample says nothing.
    if values.len() >= 64 && distinct.len() * 10 > values.len() * 9 && bytes > values.len() * 12 {
        return ColumnState::near_unique(Encoding::Inline);
    }
    ColumnState::new(Encoding::Dictionary)
}

/// Reads an integer whose decimal spelling is exactly this text.
pub(super) fn canonical_integer(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let digits = b.strip_prefix(b"-").unwrap_or(b);
    // A leading zero or a plus would be lost: the spelling of a cell must come back letter for letter.
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) || (digits[0] == b'0' && b.len() > 1) {
        return None;
    }
    text.parse().ok()
}
