//! `relative_time`: a time moved and put down to the start of a unit.

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{seconds_of, timestamp};

/// Moves a time: `-70m@m` is seventy minutes back and then down to the minute; parts follow each other.
pub(in super::super) fn relative_time(seconds: f64, specifier: &str) -> Option<f64> {
    let mut time = TimeZone::UTC.to_datetime(timestamp(seconds)?);
    let mut rest = specifier.trim();
    rest = rest.strip_prefix("now").unwrap_or(rest);
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
