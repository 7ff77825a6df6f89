//! Times as Splunk writes, reads and moves them: seconds since 1970 with a fraction, always in UTC.

mod read;
mod relative;
mod write;

use jiff::Timestamp;

use super::Cell;

pub(super) use read::strptime;
pub(super) use relative::relative_time;
pub(super) use write::strftime;

/// `strftime(time, format)`.
pub(super) fn strftime_of(time: &Cell, format: &Cell) -> Cell {
    time.number().zip(format.single()).and_then(|(time, format)| strftime(time, &format)).map_or(Cell::Null, Cell::text_of)
}

/// `strptime(text, format)`.
pub(super) fn strptime_of(text: &Cell, format: &Cell) -> Cell {
    text.single().zip(format.single()).and_then(|(text, format)| strptime(&text, &format)).map_or(Cell::Null, Cell::number_of)
}

/// `relative_time(time, specifier)`.
pub(super) fn relative_time_of(time: &Cell, specifier: &Cell) -> Cell {
    time.number().zip(specifier.single()).and_then(|(time, by)| relative_time(time, &by)).map_or(Cell::Null, Cell::number_of)
}

/// What a directive that stands for several others means; the rules of a locale are those of C.
fn expanded(directive: &str) -> Option<&'static str> {
    Some(match directive {
        "c" => "%a %b %e %H:%M:%S %Y",
        "+" => "%a %b %e %H:%M:%S %Z %Y",
        "D" | "x" => "%m/%d/%y",
        "F" => "%Y-%m-%d",
        "T" | "X" => "%H:%M:%S",
        "R" => "%H:%M",
        "r" => "%I:%M:%S %p",
        _ => return None,
    })
}

/// A directive behind its `%`: marks and width, the letter, and what is left. The marks are those of `%3N`, `%:z`, `%Ez`.
fn directive(text: &str) -> Option<(&str, char, &str)> {
    let marks = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | 'E'))).unwrap_or(text.len());
    let letter = text[marks..].chars().next()?;
    Some((&text[..marks], letter, &text[marks + letter.len_utf8()..]))
}

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
/// From Sunday, as `%w` counts.
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Seconds to a time, to the microsecond.
fn timestamp(seconds: f64) -> Option<Timestamp> {
    // The end of the year 9999: later times have no date in ISO 8601.
    const MAX: f64 = 253_402_300_799.0;
    if !seconds.is_finite() || seconds.abs() > MAX {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
    // Rounded: what is a whole number of microseconds in decimal is seldom one as a double.
    let time_us = (seconds * 1e6).round() as i64;
    Timestamp::from_microsecond(time_us).ok()
}

#[allow(clippy::cast_precision_loss, reason = "a double holds the microseconds of our times")]
fn seconds_of(time: Timestamp) -> f64 {
    time.as_microsecond() as f64 / 1e6
}
