//! Times in one spelling, stored as a small difference to the event's own time.

use crate::catalog::TimeShape;
use crate::event::civil::{civil_from_days, days_from_civil, days_in_month, digits as number};

/// Reads a time that has exactly one of the known spellings: its shape, and its value in the shape's unit since 1970.
/// Times before 1970 and dates that do not exist are not read: such cells stay text.
pub(super) fn parse_time(text: &str) -> Option<(TimeShape, i64)> {
    let b = text.as_bytes();
    if b.len() < 19 || b[4] != b'-' || b[7] != b'-' || b[13] != b':' || b[16] != b':' {
        return None;
    }
    let separator = match b[10] {
        b' ' => ' ',
        b'T' => 'T',
        _ => return None,
    };
    let (year, month, day) = (number(&b[0..4])?, number(&b[5..7])?, number(&b[8..10])?);
    let (hour, minute, second) = (number(&b[11..13])?, number(&b[14..16])?, number(&b[17..19])?);
    // Before 1970 differences and remainders turn negative, and SQLite rounds them the other way.
    if year < 1970 || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (rest, zulu) = match b[19..].split_last() {
        Some((b'Z', rest)) => (rest, true),
        _ => (&b[19..], false),
    };
    let (digits, fraction) = match rest {
        // The widths that Windows, Splunk and Sysmon write. Any other stays text, because its zeros must come back too.
        [] => (0, 0),
        [b'.', fraction @ ..] => match fraction.len() {
            3 => (3, number(fraction)?),
            6 => (6, number(fraction)?),
            7 => (7, number(fraction)?),
            _ => return None,
        },
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let shape = TimeShape { separator, digits, zulu };
    Some((shape, seconds * per_second(shape) + fraction))
}

/// Units of a shape in one second.
pub(super) fn per_second(shape: TimeShape) -> i64 {
    match shape.digits {
        0 => 1,
        3 => 1_000,
        6 => 1_000_000,
        _ => 10_000_000,
    }
}

/// An event's time in a shape's unit; only for times from 1970 on.
pub(super) fn base(time_us: i64, shape: TimeShape) -> i64 {
    match shape.digits {
        0 => time_us / 1_000_000,
        3 => time_us / 1_000,
        6 => time_us,
        _ => time_us * 10,
    }
}

/// The text of a time that lies in a cell as a difference to its event's time.
pub fn time_cell(shape: TimeShape, difference: i64, time_us: Option<i64>) -> String {
    format_time(shape, base(time_us.unwrap_or(0), shape) + difference)
}

/// Writes a time in a shape.
pub(super) fn format_time(shape: TimeShape, value: i64) -> String {
    let unit = per_second(shape);
    let (seconds, fraction) = (value.div_euclid(unit), value.rem_euclid(unit));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let separator = shape.separator;
    let mut text = format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}");
    match shape.digits {
        0 => {}
        3 => text.push_str(&format!(".{fraction:03}")),
        6 => text.push_str(&format!(".{fraction:06}")),
        _ => text.push_str(&format!(".{fraction:07}")),
    }
    if shape.zulu {
        text.push('Z');
    }
    text
}
