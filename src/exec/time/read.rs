//! `strptime`: a time read by a format.

use jiff::civil::Date;

use super::{DAYS, MONTHS, directive, expanded};

/// Names of zones that mean one offset, in hours from UTC.
const ZONES: [(&str, i64); 14] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("WET", 0),
    ("CET", 1),
    ("CEST", 2),
];

/// What was read so far.
#[derive(Default)]
struct TimeParts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    half: Option<bool>,
    minute: i64,
    second: i64,
    nanosecond: i64,
    offset: i64,
    since_1970: Option<i64>,
}

/// Reads a time. Without a zone it is UTC; without a date, or with text behind it, there is none: what day it is today no
/// archive knows.
pub(in super::super) fn strptime(text: &str, format: &str) -> Option<f64> {
    let mut parts = TimeParts::default();
    let rest = parts.read(text, format)?;
    if rest.trim_start().is_empty() { parts.seconds() } else { None }
}

impl TimeParts {
    /// Reads by a format; gives what is left of the text. A blank in the format is any number of blanks.
    fn read<'t>(&mut self, mut text: &'t str, format: &str) -> Option<&'t str> {
        let mut format = format;
        while let Some(c) = format.chars().next() {
            if c == '%' {
                let (marks, letter, behind) = directive(&format[1..])?;
                let whole = &format[1..format.len() - behind.len()];
                text = match expanded(whole) {
                    Some(several) => self.read(text, several)?,
                    None => self.one(text, marks, letter)?,
                };
                format = behind;
            } else {
                format = &format[c.len_utf8()..];
                text = if c.is_whitespace() { text.trim_start() } else { text.strip_prefix(c)? };
            }
        }
        Some(text)
    }

    fn one<'t>(&mut self, text: &'t str, marks: &str, letter: char) -> Option<&'t str> {
        let text = if matches!(letter, '%' | 'n' | 't') { text } else { text.trim_start() };
        match letter {
            'N' | 'Q' | 'f' => return self.fraction(text, marks),
            'z' => return self.offset(text),
            _ if !marks.is_empty() => return None,
            '%' => return text.strip_prefix('%'),
            'n' | 't' => return Some(text.trim_start()),
            'Z' => return self.zone(text),
            'B' | 'b' | 'h' => {
                let (month, rest) = name(text, &MONTHS)?;
                self.month = Some(month + 1);
                return Some(rest);
            }
            'A' | 'a' => return name(text, &DAYS).map(|(_, rest)| rest),
            'p' | 'P' => {
                let (half, rest) = name(text, &["AM", "PM"])?;
                self.half = Some(half == 1);
                return Some(rest);
            }
            's' => {
                let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
                let (number, rest) = digits_of(digits, 18)?;
                self.since_1970 = Some(sign * number);
                return Some(rest);
            }
            _ => {}
        }
        let width = match letter {
            'Y' | 'G' => 4,
            'j' => 3,
            'u' | 'w' => 1,
            'C' | 'y' | 'g' | 'm' | 'd' | 'e' | 'H' | 'k' | 'I' | 'l' | 'M' | 'S' | 'U' | 'W' | 'V' => 2,
            _ => return None,
        };
        let (number, rest) = digits_of(text, width)?;
        self.set(letter, number);
        Some(rest)
    }

    fn set(&mut self, letter: char, number: i64) {
        match letter {
            'Y' => self.year = Some(number),
            // As in POSIX: 69 to 99 are of the last century.
            'y' => self.year = Some(number + if number < 69 { 2000 } else { 1900 }),
            'm' => self.month = Some(number),
            'd' | 'e' => self.day = Some(number),
            'j' => self.day_of_year = Some(number),
            'H' | 'k' => (self.hour, self.half) = (number, None),
            'I' | 'l' => (self.hour, self.half) = (number, self.half.or(Some(number == 12))),
            'M' => self.minute = number,
            'S' => self.second = number,
            _ => {} // weeks and days of the week say nothing that the date does not
        }
    }

    /// Digits behind the point of a second, as many as there are or as the width says.
    fn fraction<'t>(&mut self, text: &'t str, width: &str) -> Option<&'t str> {
        const NANOSECOND_DIGITS: usize = 9;
        let most = if width.is_empty() { NANOSECOND_DIGITS } else { width.parse().ok().filter(|w| (1..=NANOSECOND_DIGITS).contains(w))? };
        let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = digits_of(text, count)?;
        self.nanosecond = number * 10_i64.pow(u32::try_from(NANOSECOND_DIGITS - count).ok()?);
        Some(rest)
    }

    /// `+0100`, `+01:00`, `+01`, `Z`.
    fn offset<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix(['Z', 'z']) {
            self.offset = 0;
            return Some(rest);
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let (hours, rest) = two_digits(text.strip_prefix(['+', '-'])?)?;
        let (minutes, rest) = two_digits(rest.strip_prefix(':').unwrap_or(rest)).unwrap_or((0, rest));
        self.offset = sign * (hours * 3_600 + minutes * 60);
        Some(rest)
    }

    fn zone<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (_, hours) = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text[..end]))?;
        self.offset = hours * 3_600;
        Some(&text[end..])
    }

    /// Seconds since 1970.
    #[allow(clippy::cast_precision_loss, reason = "a double holds the microseconds of our times")]
    fn seconds(&self) -> Option<f64> {
        let fraction = self.nanosecond as f64 / 1e9;
        if let Some(since) = self.since_1970 {
            return Some(since as f64 + fraction);
        }
        let hour = match self.half {
            Some(is_afternoon) => {
                if !(1..=12).contains(&self.hour) {
                    return None;
                }
                self.hour % 12 + if is_afternoon { 12 } else { 0 }
            }
            None => self.hour,
        };
        // A second more than 59 is one that was put in.
        if hour > 23 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let small = |number: i64| i8::try_from(number).ok();
        let year = i16::try_from(self.year?).ok()?;
        let date = match (self.month, self.day, self.day_of_year) {
            (Some(month), Some(day), _) => Date::new(year, small(month)?, small(day)?).ok()?,
            (_, _, Some(day)) => Date::new(year, 1, 1).ok()?.with().day_of_year(i16::try_from(day).ok()?).build().ok()?,
            _ => return None,
        };
        let days = date.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
        Some((days + hour * 3_600 + self.minute * 60 + self.second - self.offset) as f64 + fraction)
    }
}

/// A number of at most so many digits, and at least one.
fn digits_of(text: &str, width: usize) -> Option<(i64, &str)> {
    let count = text.bytes().take(width).take_while(u8::is_ascii_digit).count();
    Some((text[..count].parse().ok()?, &text[count..]))
}

fn two_digits(text: &str) -> Option<(i64, &str)> {
    text.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits_of(text, 2)
}

/// Which of some names the text begins with, in full or by its first three letters, without case.
fn name<'t>(text: &'t str, names: &[&str]) -> Option<(i64, &'t str)> {
    let begins = |name: &str| text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let found = (0..).zip(names).find_map(|(place, name)| {
        let short = &name[..name.len().min(3)];
        [*name, short].into_iter().find(|form| begins(form)).map(|form| (place, form.len()))
    });
    found.map(|(place, length)| (place, &text[length..]))
}
