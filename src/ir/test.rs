//! What a test means for one value: the definition that planning, scan and SQL functions share.

use regex::Regex;

use super::{Case, DatePart, FieldCompare, NumberOp, Test};
use crate::event::fold_into;

impl Test {
    /// Whether one value passes. A regular expression that does not compile passes nothing (front ends refuse it
    /// before); callers with many values compile it once instead.
    pub fn passes(&self, value: &str) -> bool {
        match self {
            Self::Exists => true,
            Self::Glob { glob, case: Case::Exact } => glob.matches(value),
            Self::Glob { glob, case: Case::Ignore } => {
                let mut folded = String::with_capacity(value.len());
                fold_into(value, &mut folded);
                glob.folded().matches(&folded)
            }
            Self::Regex(pattern) => Regex::new(pattern).is_ok_and(|regex| regex.is_match(value)),
            Self::Cidr(net) => net.contains_text(value),
            Self::Number { op, value: right } => parse_number(value).is_some_and(|left| op.holds(left.partial_cmp(right))),
            Self::TextOrder { op, value: right } => op.holds(Some(value.cmp(right.as_str()))),
            Self::DatePart { part, op, value: right } => part.of(value).is_some_and(|left| op.holds(Some(left.cmp(right)))),
        }
    }
}

impl<F> FieldCompare<F> {
    /// Whether any value of the left field relates to any of the right as the comparison says.
    pub fn holds<T: AsRef<str>>(&self, left: &[T], right: &[T]) -> bool {
        let fold = |text: &T| {
            if self.case == Case::Exact {
                return text.as_ref().to_owned();
            }
            let mut folded = String::with_capacity(text.as_ref().len());
            fold_into(text.as_ref(), &mut folded);
            folded
        };
        // The right side is folded once, not once a member of the left.
        let right: Vec<String> = right.iter().map(fold).collect();
        left.iter().map(fold).any(|hay| {
            right.iter().any(|needle| match (self.any_before, self.any_after) {
                (false, false) => hay == *needle,
                (false, true) => hay.starts_with(needle),
                (true, false) => hay.ends_with(needle),
                (true, true) => hay.contains(needle),
            })
        })
    }
}

impl NumberOp {
    /// Whether the comparison holds for an ordering of left and right; not for none (not a number).
    pub fn holds(self, ordering: Option<std::cmp::Ordering>) -> bool {
        ordering.is_some_and(|o| match self {
            Self::Lt => o.is_lt(),
            Self::Le => o.is_le(),
            Self::Gt => o.is_gt(),
            Self::Ge => o.is_ge(),
            Self::Eq => o.is_eq(),
            Self::Ne => o.is_ne(),
        })
    }
}

impl DatePart {
    /// The part, in UTC, of a time written in ISO 8601 (`T` or space, optional fraction, optional zone; none means UTC).
    pub fn of(self, text: &str) -> Option<i64> {
        // A time with a zone first: read as a civil time, the zone would be dropped in silence.
        let time: jiff::civil::DateTime = match text.parse::<jiff::Timestamp>() {
            Ok(stamp) => jiff::tz::TimeZone::UTC.to_datetime(stamp),
            Err(_) => text.parse().ok()?,
        };
        Some(i64::from(match self {
            Self::Minute => i16::from(time.minute()),
            Self::Hour => i16::from(time.hour()),
            Self::Day => i16::from(time.day()),
            Self::Week => i16::from(time.date().iso_week_date().week()),
            Self::Month => i16::from(time.month()),
            Self::Year => time.year(),
        }))
    }
}

/// Reads a number: an optional sign, digits with an optional point (`.5` and `5.` too), an optional exponent, and nothing around.
/// `0x10`, `inf`, `nan` and the empty text are none.
pub fn parse_number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Rust also reads `inf`, `infinity` and `nan`; in a log these are words.
    if !unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        || !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    {
        return None;
    }
    // `1e999` is not a number either: it would be larger than every other.
    text.parse::<f64>().ok().filter(|n| n.is_finite())
}
