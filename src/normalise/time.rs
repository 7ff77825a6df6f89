//! Times as logs write them, in µs since 1970 UTC.
//!
//! Choices: a time without a zone is UTC unless the user says another ([`Zone`]); digits beyond the microsecond are cut; a
//! bare number is seconds, or milliseconds from 10^11 on, microseconds from 10^14 on, nanoseconds from 10^17 on. A time
//! without a year is no time: nothing says which year it was.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// FILETIME 0, which Windows writes where there is no time: 1601-01-01.
const NO_FILE_TIME_US: i64 = -11_644_473_600_000_000;

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadTime {
    /// As if it were UTC, where it has no zone.
    pub(crate) us: i64,
    /// It says which zone it is of.
    pub(crate) zoned: bool,
}

/// The time zone of times that do not say theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// Reads `Europe/Berlin`, `UTC`, `+02:00` or `-0430`.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn parse(text: &str) -> Result<Self, String> {
        let zone = match offset(text) {
            Some(seconds) => TimeZone::fixed(Offset::from_seconds(seconds).map_err(|_| "no zone is that far from UTC".to_owned())?),
            None => {
                TimeZone::get(text).map_err(|_| "not a zone: write a name like America/New_York or an offset like -05:00".to_owned())?
            }
        };
        Ok(Self { name: text.to_owned(), zone })
    }

    /// As the user wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time of a clock of this zone that shows `us`; of a time that a clock shows twice, the first.
    fn at(&self, us: i64) -> i64 {
        let shown = Timestamp::from_microsecond(us).ok().map(|stamp| TimeZone::UTC.to_datetime(stamp));
        let real = shown.and_then(|shown| self.zone.to_timestamp(shown).ok());
        real.map_or(us, Timestamp::as_microsecond)
    }
}

/// `+02:00`, `-0430`, `+2` in seconds.
fn offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let part = |text: &str| (text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i32>().ok())?;
    let (hours, minutes) = (part(hours)?, part(minutes)?);
    (minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

impl ReadTime {
    /// The time in UTC, where times without a zone are of this one.
    pub(crate) fn in_zone(self, zone: Option<&Zone>) -> i64 {
        match zone {
            Some(zone) if !self.zoned => zone.at(self.us),
            _ => self.us,
        }
    }
}

/// Reads a time; `None` where the text is none.
pub(crate) fn read_time(text: &str) -> Option<ReadTime> {
    fast(text).or_else(|| slow(text.trim())).filter(|time| time.us != NO_FILE_TIME_US)
}

/// `YYYY-MM-DD[T ]HH:MM:SS[.f…][Z]` with a real date.
fn fast(text: &str) -> Option<ReadTime> {
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
    let (rest, zoned) = match b[19..].split_last() {
        Some((b'Z', front)) => (front, true),
        _ => (&b[19..], false),
    };
    let us = match rest {
        [] => 0,
        [b'.', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            let kept = &digits[..digits.len().min(6)];
            number(kept)? * 10_i64.pow(u32::try_from(6 - kept.len()).ok()?)
        }
        _ => return None,
    };
    let us = (days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000 + us;
    Some(ReadTime { us, zoned })
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

fn slow(text: &str) -> Option<ReadTime> {
    let zoned = |us: i64| Some(ReadTime { us, zoned: true });
    if let Some(us) = epoch(text) {
        return zoned(us);
    }
    if let Some(time) = text.strip_suffix(" UTC").and_then(fast) {
        return zoned(time.us);
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return zoned(stamp.as_microsecond());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%d/%b/%Y:%H:%M:%S %z"] {
        if let Ok(stamp) = Timestamp::strptime(format, text) {
            return zoned(stamp.as_microsecond());
        }
    }
    for format in ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S%.f", "%b %d, %Y @ %H:%M:%S%.f"] {
        if let Ok(time) = DateTime::strptime(format, text) {
            let us = TimeZone::UTC.to_timestamp(time).ok()?.as_microsecond();
            return Some(ReadTime { us, zoned: false });
        }
    }
    let json_date = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/"))?;
    zoned(json_date.parse::<i64>().ok()?.checked_mul(1_000)?)
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
    use super::{ReadTime, Zone, read_time};

    fn parse_time_us(text: &str) -> Option<i64> {
        read_time(text).map(|time| time.us)
    }

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
        for text in
            ["", "-", "1601-01-01T00:00:00Z", "1601-01-01 00:00:00.0000000", "Aug  9 10:00:00", "2021-02-30 00:00:00", "yesterday", "12:00"]
        {
            assert_eq!(parse_time_us(text), None, "{text}");
        }
    }

    #[test]
    fn zones_of_times_that_say_none() {
        let at = |zone: &str, text: &str| {
            let zone = Zone::parse(zone).expect("a zone");
            read_time(text).map(|time| time.in_zone(Some(&zone)))
        };
        let noon = Some(1_658_318_400_000_000);
        assert_eq!(at("UTC", "2022-07-20 12:00:00"), noon);
        assert_eq!(at("+02:00", "2022-07-20 14:00:00"), noon);
        assert_eq!(at("-0430", "07/20/2022 07:30:00 AM"), noon);
        assert_eq!(at("America/New_York", "07/20/2022 08:00:00 AM"), noon);
        assert_eq!(at("America/New_York", "2022-07-20T12:00:00Z"), noon, "a zone that is said counts");
        assert_eq!(at("America/New_York", "1658318400"), noon);
        for text in ["", "Mars/Olympus", "+2:99", "+99:00", "+", "-x"] {
            assert!(Zone::parse(text).is_err(), "{text}");
        }
        assert_eq!(read_time("2022-07-20 12:00:00"), Some(ReadTime { us: 1_658_318_400_000_000, zoned: false }));
    }
}
