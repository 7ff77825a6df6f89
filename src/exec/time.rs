//! Times as Splunk writes, reads and moves them: seconds since 1970 with a fraction, always in UTC.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Writes a time.
pub(super) fn strftime(seconds: f64, format: &str) -> Option<String> {
    let zoned = timestamp(seconds)?.to_zoned(TimeZone::UTC);
    strtime::format(own_parts(format), &zoned).ok()
}

/// Reads a time by a format; without a zone it is UTC, a time without a date gives nothing, because no clock says what today is.
pub(super) fn strptime(text: &str, format: &str) -> Option<f64> {
    let broken = strtime::parse(own_parts(format), text).ok()?;
    // Most formats give a moment; without a zone it is UTC (rule P2), without a time of day it is midnight.
    let time = match broken.to_timestamp() {
        Ok(time) => time,
        Err(_) => {
            let civil = broken.to_datetime().or_else(|_| broken.to_date().map(|date| date.at(0, 0, 0, 0))).ok()?;
            civil.to_zoned(TimeZone::UTC).ok()?.timestamp()
        }
    };
    Some(seconds_of(time))
}

/// Splunk's `%N`, `%3N`, `%Q` are fractions of a second, and its `%+` parts are few.
fn own_parts(format: &str) -> String {
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let part = &rest[at + 1..];
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        match part[digits..].chars().next() {
            Some(c @ ('N' | 'Q')) => {
                let width = if digits > 0 {
                    &part[..digits]
                } else if c == 'N' {
                    // Splunk's defaults: `%N` has nine digits, `%Q` milliseconds.
                    "9"
                } else {
                    "3"
                };
                out.push_str(&format!("%{width}f"));
                rest = &part[digits + 1..];
            }
            Some(c) if digits == 0 => {
                out.push('%');
                out.push(c);
                rest = &part[c.len_utf8()..];
            }
            // A `%` that begins nothing is text; passed on, the library would refuse the whole format.
            _ => {
                out.push_str("%%");
                rest = part;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Moves a time: `-70m@m` is seventy minutes back and then down to the minute; parts follow each other.
pub(super) fn relative_time(seconds: f64, specifier: &str) -> Option<f64> {
    let mut time = TimeZone::UTC.to_datetime(timestamp(seconds)?);
    let mut rest = specifier.trim();
    while let Some(first) = rest.chars().next() {
        let is_snap = first == '@';
        let body = rest.strip_prefix(['@', '+', '-']).unwrap_or(rest);
        let end = body.find(['@', '+', '-']).unwrap_or(body.len());
        let part = &body[..end];
        time = if is_snap { snap(time, part)? } else { shift(time, part, first == '-')? };
        rest = &body[end..];
    }
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| seconds_of(zoned.timestamp()))
}

fn shift(time: DateTime, part: &str, back: bool) -> Option<DateTime> {
    let digits = part.bytes().take_while(u8::is_ascii_digit).count();
    // `-d` is one day.
    let count: i64 = if digits == 0 { 1 } else { part[..digits].parse().ok()? };
    let count = if back { -count } else { count };
    let span = match unit(&part[digits..])? {
        TimeUnit::Second => Span::new().try_seconds(count),
        TimeUnit::Minute => Span::new().try_minutes(count),
        TimeUnit::Hour => Span::new().try_hours(count),
        TimeUnit::Day => Span::new().try_days(count),
        TimeUnit::Week => Span::new().try_weeks(count),
        TimeUnit::Month => Span::new().try_months(count),
        TimeUnit::Quarter => Span::new().try_months(count.checked_mul(3)?),
        TimeUnit::Year => Span::new().try_years(count),
    };
    time.checked_add(span.ok()?).ok()
}

fn snap(time: DateTime, part: &str) -> Option<DateTime> {
    let date = time.date();
    // Before the units: `w` alone is a unit, `w1` a day.
    if let Some(day) = part.strip_prefix('w').and_then(|d| d.parse::<i64>().ok()) {
        // Weeks begin on Sunday; w0 and w7 are Sunday.
        let back = (i64::from(date.weekday().to_sunday_zero_offset()) - day % 7).rem_euclid(7);
        return date.checked_sub(Span::new().try_days(back).ok()?).ok().map(|d| d.at(0, 0, 0, 0));
    }
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    Some(match unit(part)? {
        TimeUnit::Second => date.at(hour, minute, second, 0),
        TimeUnit::Minute => date.at(hour, minute, 0, 0),
        TimeUnit::Hour => date.at(hour, 0, 0, 0),
        TimeUnit::Day => date.at(0, 0, 0, 0),
        TimeUnit::Week => return snap(time, "w0"),
        TimeUnit::Month => date.first_of_month().at(0, 0, 0, 0),
        TimeUnit::Quarter => {
            let month = (date.month() - 1) / 3 * 3 + 1;
            jiff::civil::Date::new(date.year(), month, 1).ok()?.at(0, 0, 0, 0)
        }
        TimeUnit::Year => date.first_of_year().at(0, 0, 0, 0),
    })
}

enum TimeUnit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

fn unit(name: &str) -> Option<TimeUnit> {
    Some(match name {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => TimeUnit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => TimeUnit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => TimeUnit::Hour,
        "d" | "day" | "days" => TimeUnit::Day,
        "w" | "week" | "weeks" => TimeUnit::Week,
        "mon" | "month" | "months" => TimeUnit::Month,
        "q" | "qtr" | "qtrs" | "quarter" | "quarters" => TimeUnit::Quarter,
        "y" | "yr" | "yrs" | "year" | "years" => TimeUnit::Year,
        _ => return None,
    })
}

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
