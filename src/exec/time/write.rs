//! `strftime`: a time by a format.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{DAYS, MONTHS, directive, expanded, timestamp};

/// Nanoseconds of a second.
const NANOSECONDS: i128 = 1_000_000_000;

/// Digits of `%N`, and of `%Q`, without a width.
const SUBSECOND_WIDTHS: [(char, usize); 2] = [('N', 9), ('Q', 3)];

/// Writes a time. A directive that Splunk does not know stays as it stands.
pub(in super::super) fn strftime(seconds: f64, format: &str) -> Option<String> {
    let time = TimeZone::UTC.to_datetime(timestamp(seconds)?);
    let mut out = String::with_capacity(format.len() * 2);
    write(&time, format, &mut out);
    Some(out)
}

fn write(time: &DateTime, format: &str, out: &mut String) {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let Some((marks, letter, behind)) = directive(&rest[at + 1..]) else {
            out.push_str(&rest[at..]);
            return;
        };
        let whole = &rest[at..rest.len() - behind.len()];
        match (expanded(&whole[1..]), one(time, marks, letter)) {
            (Some(several), _) => write(time, several, out),
            (None, Some(text)) => out.push_str(&text),
            (None, None) => out.push_str(whole),
        }
        rest = behind;
    }
    out.push_str(rest);
}

/// What one directive gives.
fn one(time: &DateTime, marks: &str, letter: char) -> Option<String> {
    if let Some((_, width)) = SUBSECOND_WIDTHS.iter().find(|(known, _)| *known == letter) {
        let width = if marks.is_empty() { *width } else { marks.parse().ok().filter(|width| (1..=9).contains(width))? };
        return Some(format!("{:09}", time.subsec_nanosecond())[..width].to_owned());
    }
    match (marks, letter) {
        ("", _) => date(time, letter).or_else(|| clock(time, letter)).or_else(|| week(time, letter)),
        (":", 'z') => Some("+00:00".to_owned()),
        ("::", 'z') => Some("+00:00:00".to_owned()),
        ("E", 'z') => Some("+0".to_owned()), // minutes
        _ => None,
    }
}

fn date(time: &DateTime, letter: char) -> Option<String> {
    let month = usize::try_from(time.month() - 1).ok().and_then(|month| MONTHS.get(month).copied())?;
    Some(match letter {
        'Y' => time.year().to_string(),
        'C' => format!("{:02}", time.year().div_euclid(100)),
        'y' => format!("{:02}", time.year().rem_euclid(100)),
        'm' => format!("{:02}", time.month()),
        'd' => format!("{:02}", time.day()),
        'e' => format!("{:2}", time.day()),
        'j' => format!("{:03}", time.date().day_of_year()),
        'B' => month.to_owned(),
        'b' | 'h' => month[..3].to_owned(),
        _ => return None,
    })
}

fn clock(time: &DateTime, letter: char) -> Option<String> {
    let half = (time.hour() + 11) % 12 + 1;
    Some(match letter {
        'H' => format!("{:02}", time.hour()),
        'k' => format!("{:2}", time.hour()),
        'I' => format!("{half:02}"),
        'l' => format!("{half:2}"),
        'M' => format!("{:02}", time.minute()),
        'S' => format!("{:02}", time.second()),
        'p' => (if time.hour() < 12 { "AM" } else { "PM" }).to_owned(),
        'P' => (if time.hour() < 12 { "am" } else { "pm" }).to_owned(),
        'f' => format!("{:06}", time.subsec_nanosecond() / 1_000),
        // The second that the time is in, as `%S` has it: before 1970 too.
        's' => time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond().div_euclid(NANOSECONDS).to_string(),
        'z' => "+0000".to_owned(),
        'Z' => "UTC".to_owned(),
        '%' => "%".to_owned(),
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        _ => return None,
    })
}

/// Days of the week, and weeks: of `%U` the first begins on the first Sunday, of `%W` on the first Monday.
fn week(time: &DateTime, letter: char) -> Option<String> {
    let day = time.weekday().to_sunday_zero_offset();
    let name = usize::try_from(day).ok().and_then(|day| DAYS.get(day).copied())?;
    let since = |first: i8| (time.date().day_of_year() + 6 - i16::from((day - first).rem_euclid(7))) / 7;
    let iso = time.date().iso_week_date();
    Some(match letter {
        'A' => name.to_owned(),
        'a' => name[..3].to_owned(),
        'w' => day.to_string(),
        'u' => time.weekday().to_monday_one_offset().to_string(),
        'U' => format!("{:02}", since(0)),
        'W' => format!("{:02}", since(1)),
        'V' => format!("{:02}", iso.week()),
        'G' => iso.year().to_string(),
        'g' => format!("{:02}", iso.year().rem_euclid(100)),
        _ => return None,
    })
}
