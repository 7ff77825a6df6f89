//! Times as logs write them, in µs since 1970 UTC.
//!
//! Choices: a time without a zone is UTC (`--timezone` is for sources where that is wrong); digits beyond the
//! microsecond are cut; a bare number is seconds, or milliseconds from 10^11 on, microseconds from 10^14 on,
//! nanoseconds from 10^17 on.

use jiff::Timestamp;
use jiff::civil::DateTime;

/// Reads a time; `None` where the text is none.
pub(crate) fn parse_time_us(text: &str) -> Option<i64> {
    fast(text).or_else(|| slow(text.trim()))
}

/// `YYYY-MM-DD[T ]HH:MM:SS[.f…][Z]` with a real date.
fn fast(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    if b.len() < 19 || b[4] != b'-' || b[7] != b'-' || !matches!(b[10], b'T' | b' ') || b[13] != b':' || b[16] != b':' {
        return None;
    }
    let (year, month, day) = (number(&b[..4])?, number(&b[5..7])?, number(&b[8..10])?);
    let (hour, minute, second) = (number(&b[11..13])?, number(&b[14..16])?, number(&b[17..19])?);
    let days = [31, if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let in_month = *days.get(usize::try_from(month - 1).ok()?)?;
    if day < 1 || day > in_month || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = &b[19..];
    if let Some((b'Z', front)) = rest.split_last() {
        rest = front;
    }
    let us = match rest {
        [] => 0,
        [b'.', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let kept = &digits[..digits.len().min(6)];
            number(kept)? * 10_i64.pow(u32::try_from(6 - kept.len()).ok()?)
        }
        _ => return None,
    };
    Some((days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000 + us)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn slow(text: &str) -> Option<i64> {
    if let Some(us) = epoch(text) {
        return Some(us);
    }
    if let Some(us) = text.strip_suffix(" UTC").and_then(fast) {
        return Some(us);
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp.as_microsecond());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%d/%b/%Y:%H:%M:%S %z"] {
        if let Ok(stamp) = Timestamp::strptime(format, text) {
            return Some(stamp.as_microsecond());
        }
    }
    for format in ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S%.f", "%b %d, %Y @ %H:%M:%S%.f"] {
        if let Ok(time) = DateTime::strptime(format, text) {
            return jiff::tz::TimeZone::UTC.to_timestamp(time).ok().map(Timestamp::as_microsecond);
        }
    }
    let json_date = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/"))?;
    json_date.parse::<i64>().ok()?.checked_mul(1_000)
}

/// A bare number of seconds or smaller units.
fn epoch(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || whole.len() > 19 || !whole.bytes().all(|b| b.is_ascii_digit()) || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: i64 = whole.parse().ok()?;
    match n {
        0..100_000_000_000 => {
            let kept = &fraction[..fraction.len().min(6)];
            let us = if kept.is_empty() { 0 } else { kept.parse::<i64>().ok()? * 10_i64.pow(u32::try_from(6 - kept.len()).ok()?) };
            Some(n * 1_000_000 + us)
        }
        100_000_000_000..100_000_000_000_000 => Some(n * 1_000),
        100_000_000_000_000..100_000_000_000_000_000 => Some(n),
        _ => Some(n / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_time_us;

    #[test]
    fn every_spelling_met() {
        let expected = Some(1_618_998_032_343_360);
        for text in [
            "2021-04-21T09:40:32.343360Z",
            "2021-04-21 09:40:32.34336",
            "2021-04-21T09:40:32.3433609Z",
            "2021-04-21T11:40:32.343360+02:00",
            "2021-04-21 09:40:32.343360 UTC",
            "2021-04-21T09:40:32.343360+0000",
            "1618998032.343360",
            "1618998032343360",
        ] {
            assert_eq!(parse_time_us(text), expected, "{text}");
        }
        assert_eq!(parse_time_us("1618998032343"), Some(1_618_998_032_343_000));
        assert_eq!(parse_time_us("07/20/2022 06:33:56 PM"), Some(1_658_342_036_000_000));
        assert_eq!(parse_time_us("/Date(1618998032343)/"), Some(1_618_998_032_343_000));
        assert_eq!(parse_time_us("1601-01-01T00:00:00Z"), Some(-11_644_473_600_000_000));
        for text in ["", "-", "2021-02-30 00:00:00", "yesterday", "12:00"] {
            assert_eq!(parse_time_us(text), None, "{text}");
        }
    }
}
