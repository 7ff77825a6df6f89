//! Times as logs write them, in µs since 1970 UTC.
//!
//! Choices: a time without a zone is UTC unless the user says another ([`Zone`]); digits beyond the microsecond are cut; a
//! bare number is seconds, or milliseconds from 10^11 on, microseconds from 10^14 on, from 10^17 on units of Windows (100 ns
//! since 1601), nanoseconds from 2 × 10^17 on. `04/05/2021` is the fifth of April unless the user says that the day comes
//! first; with dots or hyphens it does. A time without a year is not read: nothing says which year it was.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::event::civil::{days_from_civil, days_in_month, digits as number};

/// FILETIME 0, which Windows writes where there is no time: 1601-01-01.
const NO_FILE_TIME_US: i64 = -11_644_473_600_000_000;

/// Years of four digits: what every output can show.
// ISO 8601 with four digits is what every output writes; outside of it a time is damage.
const YEARS_US: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadTime {
    /// As if it were UTC, where it has no zone.
    pub(crate) us: i64,
    /// It says which zone it is of.
    pub(crate) zoned: bool,
    /// Nothing but the user says whether the day or the month comes first.
    pub(crate) ordered: bool,
}

/// How times are read that do not say all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock {
    /// The zone of times that say none; `None`: UTC.
    pub(crate) zone: Option<Zone>,
    /// `04/05/2021` is the fourth of May.
    pub(crate) day_first: bool,
}

impl Clock {
    /// Reads a time; `None` where the text is none.
    pub(crate) fn read(&self, text: &str) -> Option<ReadTime> {
        // The usual spelling first: the rest costs some ten attempts for each text.
        fast(text).or_else(|| slow(text.trim(), self.day_first)).filter(|time| time.us != NO_FILE_TIME_US && YEARS_US.contains(&time.us))
    }

    /// µs since 1970 UTC of a time that was read.
    pub(crate) fn utc(&self, time: ReadTime) -> i64 {
        match &self.zone {
            Some(zone) if !time.zoned => zone.at(time.us),
            _ => time.us,
        }
    }
}

/// Whether a time is written in ISO 8601, with `T` or a space.
pub(crate) fn is_iso(text: &str) -> bool {
    fast(text).is_some() || text.parse::<Timestamp>().is_ok()
}

/// Whether a text says that there is no time, as opposed to one that nobody can read.
pub(crate) fn is_no_time(text: &str) -> bool {
    let text = text.trim();
    matches!(text, "" | "-" | "0") || text.starts_with("1601-01-01") || text.starts_with("1/1/1601")
}

/// A text that is not a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZoneError {
    /// An offset that no zone has.
    #[error("no zone is that far from UTC")]
    TooFar,
    /// Neither a name that the system's or the program's own time zone database knows, nor an offset.
    #[error("not a zone: write a name like America/New_York or an offset like -05:00")]
    Unknown,
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
    pub fn parse(text: &str) -> Result<Self, ZoneError> {
        let zone = match offset(text) {
            Some(seconds) => TimeZone::fixed(Offset::from_seconds(seconds).map_err(|_| ZoneError::TooFar)?),
            None => TimeZone::get(text).map_err(|_| ZoneError::Unknown)?,
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

/// `YYYY-MM-DD[T ]HH:MM:SS[.f…][Z]` with a real date.
fn fast(text: &str) -> Option<ReadTime> {
    let b = text.as_bytes();
    if b.len() < 19 || b[4] != b'-' || b[7] != b'-' || !matches!(b[10], b'T' | b' ') || b[13] != b':' || b[16] != b':' {
        return None;
    }
    let (year, month, day) = (number(&b[..4])?, number(&b[5..7])?, number(&b[8..10])?);
    let (hour, minute, second) = (number(&b[11..13])?, number(&b[14..16])?, number(&b[17..19])?);
    if day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59 {
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
    Some(ReadTime { us, zoned, ordered: false })
}

fn slow(text: &str, day_first: bool) -> Option<ReadTime> {
    let zoned = |us: i64| Some(ReadTime { us, zoned: true, ordered: false });
    // Numbers before dates: a bare number must not be taken for the digits of a date.
    if let Some(us) = epoch(text) {
        return zoned(us);
    }
    if let Some(time) = text.strip_suffix(" UTC").and_then(|text| fast(text).or_else(|| local(text, day_first))) {
        return Some(ReadTime { zoned: true, ..time });
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return zoned(stamp.as_microsecond());
    }
    if let Some((time, zone)) = text.rsplit_once(' ')
        // At least `+0200` or `+02:00`: a shorter one behind a space may be a year or an hour.
        && let Some(seconds) = offset(zone).filter(|_| zone.len() >= 5)
        && let Some(time) = fast(time).or_else(|| local(time, day_first))
    {
        return Some(ReadTime { us: time.us - i64::from(seconds) * 1_000_000, zoned: true, ordered: time.ordered });
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%d/%b/%Y:%H:%M:%S %z"] {
        if let Ok(stamp) = Timestamp::strptime(format, text) {
            return zoned(stamp.as_microsecond());
        }
    }
    // Local forms after those with a zone: read without it, the time would be hours off.
    if let Some(time) = local(text, day_first) {
        return Some(time);
    }
    for format in ["%b %d, %Y @ %H:%M:%S%.f", "%a %b %d %H:%M:%S %Y"] {
        if let Ok(time) = DateTime::strptime(format, text) {
            let us = TimeZone::UTC.to_timestamp(time).ok()?.as_microsecond();
            return Some(ReadTime { us, zoned: false, ordered: false });
        }
    }
    let json_date = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/"))?;
    zoned(json_date.parse::<i64>().ok()?.checked_mul(1_000)?)
}

/// A time as clocks of a country show it: `4/21/2021, 9:40:32.343 AM`, `21.04.2021 09:40`, `2021/04/21 09:40:32,5`.
fn local(text: &str, day_first: bool) -> Option<ReadTime> {
    let (date, clock) = text.split_once(' ')?;
    let date = date.strip_suffix(',').unwrap_or(date);
    let separator = date.chars().find(|c| matches!(c, '/' | '.' | '-'))?;
    let mut parts = date.split(separator);
    let parts = [parts.next()?, parts.next()?, parts.next().filter(|_| parts.next().is_none())?];
    let [first, second, third] = parts.map(|part| matches!(part.len(), 1 | 2 | 4).then(|| number(part.as_bytes()))?);
    let (first, second, third) = (first?, second?, third?);
    let (year, month, day) = match (parts.map(str::len), separator) {
        ([4, 1 | 2, 1 | 2], _) => (first, second, third),
        // With slashes the month comes first, as in the United States, unless the user says otherwise; dots and hyphens are European.
        ([1 | 2, 1 | 2, 4], '/') if !day_first => (third, first, second),
        ([1 | 2, 1 | 2, 4], _) => (third, second, first),
        _ => return None,
    };
    let (clock, half) = match clock.trim_start().rsplit_once([' ', '\u{202f}']) {
        Some((clock, half)) => (clock, Some(half)),
        None => (clock.trim_start(), None),
    };
    let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut parts = whole.split(':').map(|part| matches!(part.len(), 1 | 2).then(|| number(part.as_bytes()))?);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let hour = match half.map(str::to_ascii_uppercase).as_deref() {
        None => hour,
        Some("AM") if (1..=12).contains(&hour) => hour % 12,
        Some("PM") if (1..=12).contains(&hour) => hour % 12 + 12,
        Some(_) => return None,
    };
    if parts.next().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let time = fast(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:0<1}"))?;
    // Nobody but the user can say of `04/05/2021` what comes first, so it is counted and told. Above 31 the third part is a year.
    Some(ReadTime { ordered: separator == '/' && third > 31, ..time })
}

/// A bare number of seconds or smaller units.
fn epoch(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || whole.len() > 19 || !whole.bytes().all(|b| b.is_ascii_digit()) || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: i64 = whole.parse().ok()?;
    match n {
        // Seconds up to the year 5138: the borders lie where one unit's dates would be absurd for the next.
        0..100_000_000_000 => {
            let kept = &fraction[..fraction.len().min(6)];
            let us = if kept.is_empty() { 0 } else { kept.parse::<i64>().ok()? * 10_i64.pow(u32::try_from(6 - kept.len()).ok()?) };
            Some(n * 1_000_000 + us)
        }
        100_000_000_000..100_000_000_000_000 => Some(n * 1_000),
        100_000_000_000_000..100_000_000_000_000_000 => Some(n),
        100_000_000_000_000_000..200_000_000_000_000_000 => Some(n / 10 + NO_FILE_TIME_US),
        _ => Some(n / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, ReadTime, Zone, is_no_time};

    fn parse_time_us(text: &str) -> Option<i64> {
        Clock::default().read(text).map(|time| time.us)
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
            "132634716323433600",
            "1618998032343360000",
            "4/21/2021, 9:40:32.343360 AM",
            "21.04.2021 09:40:32.34336",
            "21-04-2021 09:40:32,34336",
            "2021/04/21 09:40:32,34336",
            "2021-04-21 11:40:32.34336 +0200",
            "2021-04-21 09:40:32.34336 +00:00",
        ] {
            assert_eq!(parse_time_us(text), expected, "{text}");
        }
        assert_eq!(parse_time_us("1618998032343"), Some(1_618_998_032_343_000));
        assert_eq!(parse_time_us("07/20/2022 06:33:56 PM"), Some(1_658_342_036_000_000));
        assert_eq!(parse_time_us("/Date(1618998032343)/"), Some(1_618_998_032_343_000));
        let seconds = Some(1_618_998_032_000_000);
        for text in ["Wed Apr 21 09:40:32 2021", "4/21/2021 9:40:32", "4/21/2021 9:40:32\u{202f}AM", "21/Apr/2021:11:40:32 +0200"] {
            assert_eq!(parse_time_us(text), seconds, "{text}");
        }
        assert_eq!(parse_time_us("4/21/2021 9:40"), Some(1_618_998_000_000_000));
        assert_eq!(parse_time_us("07/20/2022 12:00:00 AM"), Some(1_658_275_200_000_000));
        for text in [
            "",
            "-",
            "1601-01-01T00:00:00Z",
            "1601-01-01 00:00:00.0000000",
            "Aug  9 10:00:00",
            "2021-02-30 00:00:00",
            "yesterday",
            "12:00",
            "13/05/2021 09:40:32",
            "1/2/21 09:40",
            "4/21/2021 13:40 PM",
            "2021-1-1",
            "1/2/2021 9:40:32:1",
        ] {
            assert_eq!(parse_time_us(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_or_the_month_first() {
        let day_first = Clock { day_first: true, ..Clock::default() };
        let fifth_of_may = ReadTime { us: 1_620_172_800_000_000, zoned: false, ordered: true };
        assert_eq!(day_first.read("05/05/2021 00:00"), Some(fifth_of_may));
        assert_eq!(day_first.read("13/05/2021 00:00").map(|t| t.us), Some(1_620_864_000_000_000));
        assert_eq!(day_first.read("5/13/2021 00:00"), None);
        assert_eq!(Clock::default().read("5/13/2021 00:00").map(|t| t.us), Some(1_620_864_000_000_000));
        assert!(!Clock::default().read("13.05.2021 00:00").expect("a time").ordered);
        assert!(is_no_time("1601-01-01T00:00:00Z") && is_no_time(" - ") && !is_no_time("13/05/2021 00:00"));
    }

    #[test]
    fn zones_of_times_that_say_none() {
        let at = |zone: &str, text: &str| {
            let clock = Clock { zone: Some(Zone::parse(zone).expect("a zone")), ..Clock::default() };
            clock.read(text).map(|time| clock.utc(time))
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
        let read = Clock::default().read("2022-07-20 12:00:00");
        assert_eq!(read, Some(ReadTime { us: 1_658_318_400_000_000, zoned: false, ordered: false }));
    }
}
