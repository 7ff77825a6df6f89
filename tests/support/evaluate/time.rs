//! Times: seconds since 1970 and the calendar, in UTC; formats, and offsets with a snap.

const DAY: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Days since 1970 → year, month, day (Howard Hinnant's algorithm).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Year, month, day → days since 1970.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn days_of_month(year: i64, month: i64) -> i64 {
    if month == 12 { 31 } else { days(year, month + 1, 1) - days(year, month, 1) }
}

/// A time as microseconds since 1970; none outside of the years that formats can say.
fn micros(seconds: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "within the limits")]
    (seconds.abs() < 200_000_000_000.0).then(|| (seconds * 1e6).round() as i64)
}

/// Writes a time by a strftime format.
pub(super) fn format(seconds: f64, format: &str) -> Option<String> {
    let micros = micros(seconds)?;
    let (whole, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (day_number, second) = (whole.div_euclid(DAY), whole.rem_euclid(DAY));
    let (year, month, day) = civil(day_number);
    let hour = second / 3_600;
    let half = (hour + 11) % 12 + 1;
    let week_day = usize::try_from((day_number + 4).rem_euclid(7)).ok()?;
    let month_name = MONTHS[usize::try_from(month - 1).ok()?];
    let mut out = format.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S");
    for (what, text) in [
        ("%Y", year.to_string()),
        ("%m", format!("{month:02}")),
        ("%d", format!("{day:02}")),
        ("%e", format!("{day:2}")),
        ("%H", format!("{hour:02}")),
        ("%k", format!("{hour:2}")),
        ("%I", format!("{half:02}")),
        ("%p", if hour < 12 { "AM" } else { "PM" }.to_owned()),
        ("%M", format!("{:02}", second / 60 % 60)),
        ("%S", format!("{:02}", second % 60)),
        ("%3N", format!("{:03}", fraction / 1_000)),
        ("%6N", format!("{fraction:06}")),
        ("%y", format!("{:02}", year.rem_euclid(100))),
        ("%j", format!("{:03}", day_number - days(year, 1, 1) + 1)),
        ("%B", month_name.to_owned()),
        ("%b", month_name[..3].to_owned()),
        ("%A", DAYS[week_day].to_owned()),
        ("%a", DAYS[week_day][..3].to_owned()),
        ("%w", week_day.to_string()),
        ("%s", whole.to_string()),
        ("%Z", "UTC".to_owned()),
        ("%z", "+0000".to_owned()),
    ] {
        out = out.replace(what, &text);
    }
    Some(out)
}

/// Reads a time by a format of `%Y %m %d %H %M %S %3N %z %s`; none where the text is not so.
pub(super) fn parse(text: &str, format: &str) -> Option<f64> {
    let (mut text, mut format) = (text, format);
    let (mut date, mut clock, mut fraction, mut zone) = ([1970, 1, 1], [0, 0, 0], 0.0, 0);
    while let Some(c) = format.chars().next() {
        let Some(code) = format.strip_prefix('%') else {
            text = text.strip_prefix(c)?;
            format = &format[c.len_utf8()..];
            continue;
        };
        let (code, rest) = if let Some(rest) = code.strip_prefix("3N") { ('N', rest) } else { (code.chars().next()?, &code[1..]) };
        format = rest;
        let sign = if matches!(code, 'z') { text.chars().next() } else { None };
        if sign.is_some() {
            text = text.get(1..)?;
        }
        let width = match code {
            'Y' | 'z' => 4,
            'N' => 3,
            's' => text.len(),
            _ => 2,
        };
        let number: i64 = text.get(..width).filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        text = &text[width..];
        match code {
            'Y' => date[0] = number,
            'm' => date[1] = number,
            'd' => date[2] = number,
            'H' => clock[0] = number,
            'M' => clock[1] = number,
            'S' => clock[2] = number,
            #[allow(clippy::cast_precision_loss, reason = "three digits")]
            'N' => fraction = number as f64 / 1_000.0,
            'z' => zone = (number / 100 * 3_600 + number % 100 * 60) * if sign == Some('-') { -1 } else { 1 },
            's' => clock[2] = number,
            other => panic!("no generated format has %{other}"),
        }
    }
    let is_time = (1..=12).contains(&date[1]) && (1..=days_of_month(date[0], date[1])).contains(&date[2]) && clock[0] < 24 && clock[1] < 60;
    #[allow(clippy::cast_precision_loss, reason = "a number is a double")]
    (is_time && text.is_empty())
        .then(|| (days(date[0], date[1], date[2]) * DAY + clock[0] * 3_600 + clock[1] * 60 + clock[2] - zone) as f64 + fraction)
}

/// Moves a time: `-70m@m` goes back 70 minutes and then to the start of that minute.
pub(super) fn relative(seconds: f64, specification: &str) -> Option<f64> {
    let mut at = micros(seconds)?;
    let mut rest = specification;
    while let Some(sign) = rest.chars().next() {
        rest = &rest[1..];
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        rest = &rest[number.len()..];
        let unit: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
        rest = &rest[unit.len()..];
        let count: i64 = if number.is_empty() { 1 } else { number.parse().ok()? };
        at = match sign {
            '+' => moved(at, count, &unit)?,
            '-' => moved(at, -count, &unit)?,
            '@' if number.is_empty() => snapped(at, &unit)?,
            _ => return None,
        };
    }
    #[allow(clippy::cast_precision_loss, reason = "a number is a double")]
    Some(at as f64 / 1e6)
}

fn moved(at: i64, count: i64, unit: &str) -> Option<i64> {
    let months = match unit {
        "mon" => 1,
        "q" => 3,
        "y" => 12,
        _ => return Some(at + count * length(unit)? * 1_000_000),
    };
    let (day_number, time) = (at.div_euclid(DAY * 1_000_000), at.rem_euclid(DAY * 1_000_000));
    let (year, month, day) = civil(day_number);
    let month = year * 12 + month - 1 + count * months;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    Some(days(year, month, day.min(days_of_month(year, month))) * DAY * 1_000_000 + time)
}

fn length(unit: &str) -> Option<i64> {
    Some(match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    })
}

/// The start of a unit; weeks start on Sunday.
fn snapped(at: i64, unit: &str) -> Option<i64> {
    let whole = at.div_euclid(1_000_000);
    let day_number = whole.div_euclid(DAY);
    let (year, month, _) = civil(day_number);
    let start = match unit {
        "w" => (day_number - (day_number + 4).rem_euclid(7)) * DAY,
        "mon" => days(year, month, 1) * DAY,
        "q" => days(year, (month - 1) / 3 * 3 + 1, 1) * DAY,
        "y" => days(year, 1, 1) * DAY,
        _ => whole - whole.rem_euclid(length(unit)?),
    };
    Some(start * 1_000_000)
}

#[test]
fn times_are_written_in_utc() {
    let written = |seconds, text: &str| format(seconds, text).unwrap();
    assert_eq!(written(1_709_287_202.0, "%Y-%m-%dT%H:%M:%S"), "2024-03-01T10:00:02");
    assert_eq!(written(0.9, "%m/%d/%Y %H:%M:%S"), "01/01/1970 00:00:00");
    assert_eq!(written(46_800.5, "%b %e %y %I:%M %p %S.%3N %w %a %A %B %j %k"), "Jan  1 70 01:00 PM 00.500 4 Thu Thursday January 001 13");
}

#[test]
fn times_are_read_with_their_zone() {
    assert_eq!(parse("2024-01-01T00:00:00.250Z", "%Y-%m-%dT%H:%M:%S.%3NZ"), Some(1_704_067_200.25));
    assert_eq!(parse("2024-01-01 00:00:00 +0100", "%Y-%m-%d %H:%M:%S %z"), Some(1_704_063_600.0));
    assert_eq!((parse("x", "%Y"), parse("2024-13-01", "%Y-%m-%d")), (None, None));
}

#[test]
fn an_offset_comes_before_its_snap() {
    for (seconds, text, expected) in [
        (45_296.0, "-70m@m", 41_040.0),
        (90_000.0, "@d", 86_400.0),
        (0.0, "+1d", 86_400.0),
        (1_706_702_700.0, "-1mon@mon", 1_701_388_800.0),
        (1_711_843_200.0, "-1mon", 1_709_164_800.0),
    ] {
        assert_eq!(relative(seconds, text), Some(expected), "{text}");
    }
    assert_eq!((relative(0.0, "1d"), relative(0.0, "-1x")), (None, None));
}
