//! Functions over texts.

use retrohunt::ir::{Case, Function};

use super::super::scalar::Value;
use super::{Arguments, number, size};

pub(super) fn call(function: Function, a: &Arguments<'_>) -> Option<Value> {
    match function {
        Function::Lower => each(a, |text| super::texts::characters(text, Case::Ignore).into_iter().collect()),
        Function::Upper => each(a, |text| text.chars().map(upper).collect()),
        Function::Len => number(size(a.text(0)?.chars().count())),
        Function::Trim => trimmed(a, true, true),
        Function::LTrim => trimmed(a, true, false),
        Function::RTrim => trimmed(a, false, true),
        Function::Substr => part(a),
        Function::Replace => replaced(&a.text(0)?, &a.text(1)?, &a.text(2)?),
        Function::UrlDecode => Some(Value::Text(url_decoded(&a.text(0)?))),
        Function::BaseName => Some(Value::Text(a.text(0)?.rsplit(['\\', '/']).next().unwrap_or_default().to_owned())),
        other => panic!("{other:?} is not a function of a text"),
    }
}

/// One character for one.
fn upper(c: char) -> char {
    let upper: Vec<char> = c.to_uppercase().collect();
    if let [one] = upper[..] { one } else { c }
}

fn each(a: &Arguments<'_>, change: impl Fn(&str) -> String) -> Option<Value> {
    Some(Value::of_members(&a.members(0)?.iter().map(|member| change(member)).collect::<Vec<_>>()))
}

/// `%` any run, `_` one character, with case, the whole text.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    fn rest(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', behind @ ..] => (0..=text.len()).any(|at| rest(&text[at..], behind)),
            ['_', behind @ ..] => !text.is_empty() && rest(&text[1..], behind),
            [c, behind @ ..] => text.first() == Some(c) && rest(&text[1..], behind),
        }
    }
    rest(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>())
}

/// Whether a regular expression finds something; one that is wrong finds nothing.
pub(super) fn is_match(text: &str, regex: &str) -> bool {
    match regex::Regex::new(regex) {
        Ok(regex) => regex.is_match(text),
        Err(_) => fancy_regex::Regex::new(regex).is_ok_and(|regex| regex.is_match(text).unwrap_or(false)),
    }
}

/// Without spaces and tabs, or without the characters of a second argument, at one end or both.
pub(super) fn trimmed(a: &Arguments<'_>, start: bool, end: bool) -> Option<Value> {
    let mut text: Vec<char> = a.text(0)?.chars().collect();
    let characters = if a.0.len() > 1 { a.text(1)? } else { " \t".to_owned() };
    while end && text.last().is_some_and(|c| characters.contains(*c)) {
        text.pop();
    }
    while start && text.first().is_some_and(|c| characters.contains(*c)) {
        text.remove(0);
    }
    Some(Value::Text(text.into_iter().collect()))
}

/// `substr` as SQLite documents it: from 1, or from -1 at the end; a place before the text counts as the character that
/// would stand there; a negative length takes the characters before.
pub(super) fn part(a: &Arguments<'_>) -> Option<Value> {
    let text: Vec<char> = a.text(0)?.chars().collect();
    let size = super::size(text.len());
    let from = a.number(1)?.trunc();
    let length = a.number_or(2, f64::MAX)?.trunc();
    // Places count from 1; the character at place p is taken where first <= p < end.
    let start = if from < 0.0 { size + 1.0 + from } else { from };
    let (first, end) = if length < 0.0 { (start + length, start) } else { (start, start + length) };
    let taken = (1..).zip(&text).filter(|(place, _)| (first..end).contains(&f64::from(*place)));
    Some(Value::Text(taken.map(|(_, c)| *c).collect()))
}

/// Replaces every match; `\1` in the replacement is the first group, `$` means nothing.
pub(super) fn replaced(text: &str, regex: &str, by: &str) -> Option<Value> {
    let shown = |group: Option<&str>| group.unwrap_or_default().to_owned();
    let made = match regex::Regex::new(regex) {
        Ok(regex) => regex
            .replace_all(text, |found: &regex::Captures<'_>| expanded(by, &|group| shown(found.get(group).map(|group| group.as_str())))),
        Err(_) => fancy_regex::Regex::new(regex).ok()?.replace_all(text, |found: &fancy_regex::Captures<'_, str>| {
            expanded(by, &|group| shown(found.get(group).map(|group| group.as_str())))
        }),
    };
    Some(Value::Text(made.into_owned()))
}

/// A replacement with the groups of a match.
pub(crate) fn expanded(by: &str, group: &dyn Fn(usize) -> String) -> String {
    let by: Vec<char> = by.chars().collect();
    let (mut out, mut at) = (String::new(), 0);
    while at < by.len() {
        match (by[at], by.get(at + 1).and_then(|c| c.to_digit(10))) {
            ('\\', Some(number)) => {
                out += &group(number as usize);
                at += 1;
            }
            (c, _) => out.push(c),
        }
        at += 1;
    }
    out
}

/// `%41` is `A`; what is no escape stays.
pub(super) fn url_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if let (b'%', Some(high), Some(low)) = (bytes[at], digit(at + 1), digit(at + 2)) {
            out.push(high * 16 + low);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    // A zero byte is stored as its visible symbol.
    String::from_utf8_lossy(&out).replace('\0', "\u{2400}")
}

/// `tostring`: as it is shown, or a number as `hex`, `binary`, with `commas`, as `duration`; of a list each member.
pub(super) fn written(a: &Arguments<'_>) -> Option<Value> {
    let format = a.text_or(1, "")?;
    let one = |text: &String| {
        let Some(value) = super::texts::number(text) else { return text.clone() };
        #[allow(clippy::cast_possible_truncation, reason = "test numbers are small")]
        let whole = value.trunc() as i64;
        match format.as_str() {
            "hex" => format!("0x{whole:X}"),
            "binary" => format!("{whole:b}"),
            "commas" => commas(value),
            "duration" => duration(whole),
            _ => text.clone(),
        }
    };
    Some(Value::of_members(&a.members(0)?.iter().map(one).collect::<Vec<_>>()))
}

/// A comma before every third digit; a fraction in two digits.
fn commas(value: f64) -> String {
    let value = (value * 100.0).round() / 100.0 + 0.0;
    let text = if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

/// Hours, minutes and seconds; days in front where there are some.
fn duration(seconds: i64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let time = format!("{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
    if days > 0 { format!("{days}+{time}") } else { time }
}

/// `tonumber`: a number, or a whole number to a base.
pub(super) fn read(a: &Arguments<'_>) -> Option<Value> {
    if a.0.len() < 2 {
        return a.measured(0).map(super::Measured::end);
    }
    let text = a.text(0)?.to_lowercase();
    let base = a.number(1)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    let base = (2.0..=36.0).contains(&base).then_some(base as u32)?;
    let digits = if base == 16 { text.strip_prefix("0x").unwrap_or(&text) } else { &text };
    #[allow(clippy::cast_precision_loss, reason = "a number is a double")]
    i64::from_str_radix(digits, base).ok().and_then(|whole| number(whole as f64))
}

#[test]
fn numbers_are_written_as_documented() {
    assert_eq!((commas(12345.6789).as_str(), commas(1_234_567.0).as_str(), commas(-999.0).as_str()), ("12,345.68", "1,234,567", "-999"));
    assert_eq!((duration(615).as_str(), duration(90_061).as_str()), ("00:10:15", "1+01:01:01"));
}

#[test]
fn parts_are_taken_as_sqlite_takes_them() {
    let client = rusqlite::Connection::open_in_memory().unwrap();
    for (from, length) in (-7..8).flat_map(|from| (-6..7).map(move |length| (from, length))) {
        let expected: String = client.query_row("SELECT substr('abcde', ?1, ?2)", [from, length], |row| row.get(0)).unwrap();
        let values = [Value::Text("abcde".into()), Value::Number(f64::from(from)), Value::Number(f64::from(length))];
        assert_eq!(part(&Arguments(&values)), Some(Value::Text(expected)), "from {from}, length {length}");
    }
}

#[test]
fn replacements_know_groups_and_nothing_else() {
    for (by, expected) in [("\\2\\1", "ba"), ("$1", "$1"), ("\\x", "\\x"), ("", "")] {
        assert_eq!(replaced("ab", "(a)(b)", by), Some(Value::Text(expected.into())), "{by}");
    }
}
