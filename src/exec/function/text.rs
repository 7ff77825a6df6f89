//! Functions over texts.

use super::super::{Cell, Context, Fault, folded};
use super::{Arguments, each_member};
use crate::ir::{Cidr, Function, Glob, Part};

/// The functions that change one text, or look at it.
pub(super) fn call(function: Function, a: Arguments<'_>) -> Cell {
    match function {
        Function::Lower => each_member(a.at(0), folded),
        Function::Upper => each_member(a.at(0), |member| member.chars().map(upper).collect()),
        Function::Len => a.text(|t| Cell::count_of(t.chars().count())),
        Function::Trim => trimmed(a, |t, set| t.trim_matches(set)),
        Function::LTrim => trimmed(a, |t, set| t.trim_start_matches(set)),
        Function::RTrim => trimmed(a, |t, set| t.trim_end_matches(set)),
        Function::Substr => match (a.number(1), a.has(2), a.number(2)) {
            (Some(from), false, _) => a.text(|t| Cell::text_of(substr(t, from, None))),
            (Some(from), true, Some(length)) => a.text(|t| Cell::text_of(substr(t, from, Some(length)))),
            _ => Cell::Null,
        },
        Function::UrlDecode => a.text(|t| Cell::text_of(url_decode(t))),
        _ => a.text(|t| Cell::text_of(t.rsplit(['\\', '/']).next().unwrap_or_default())),
    }
}

/// Simple upper case: one character to one character.
fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(u), None) => u,
        _ => c,
    }
}

/// Without the characters of a second argument, or without spaces and tabs.
fn trimmed(a: Arguments<'_>, trim: impl for<'t> Fn(&'t str, &[char]) -> &'t str) -> Cell {
    let set = if a.has(1) { a.at(1).single().map(|set| set.chars().collect()) } else { Some(vec![' ', '\t']) };
    set.map_or(Cell::Null, |set: Vec<char>| a.text(|t| Cell::text_of(trim(t, &set))))
}

/// `substr` as in SQLite: from 1, negative from the end.
pub(in super::super) fn substr(text: &str, from: f64, length: Option<f64>) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "saturates, and texts are shorter")]
    let (from, length) = (from as i64, length.map(|n| n as i64));
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let mut start = if from < 0 { count.saturating_add(from) } else { from - 1 };
    let mut length = length.unwrap_or(i64::MAX);
    if length < 0 {
        length = length.saturating_neg();
        start = start.saturating_sub(length);
    }
    if start < 0 {
        length = length.saturating_add(start);
        start = 0;
    }
    let (skip, take) = (usize::try_from(start).unwrap_or(0), usize::try_from(length).unwrap_or(0));
    text.chars().skip(skip).take(take).collect()
}

/// `%` any run, `_` one character, with case, the whole text; of a list some member.
pub(super) fn like(value: &Cell, pattern: &Cell) -> bool {
    pattern.any_member(|pattern| {
        let parts = pattern.chars().map(|c| match c {
            '%' => Part::Any,
            '_' => Part::One,
            c => Part::Text(c.to_string()),
        });
        let glob = Glob::new(parts);
        value.any_member(|member| glob.matches(member))
    })
}

/// Anywhere in the text, or in some member; false where either is missing, and where a computed pattern is not one: what
/// somebody writes into a log must not silence a rule for all events.
pub(super) fn matches(value: &Cell, pattern: &Cell, context: &Context) -> Result<Cell, Fault> {
    let Some(pattern) = pattern.single() else { return Ok(Cell::Bool(false)) };
    let Ok(pattern) = context.pattern(&pattern) else { return Ok(Cell::Bool(false)) };
    for member in value.members() {
        if pattern.is_match(&member)? {
            return Ok(Cell::Bool(true));
        }
    }
    Ok(Cell::Bool(false))
}

pub(super) fn cidr_match(network: &Cell, address: &Cell) -> bool {
    let network = network.single().and_then(|text| read_network(&text));
    network.is_some_and(|network| address.any_member(|member| network.contains_text(member)))
}

/// Reads `address/prefix`.
fn read_network(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/')?;
    Some(Cidr { address: address.trim().parse().ok()?, prefix: prefix.trim().parse().ok()? })
}

/// Every match; `\1` in the replacement is a group.
pub(super) fn replace(a: Arguments<'_>, context: &Context) -> Result<Cell, Fault> {
    let (Some(text), Some(pattern), Some(by)) = (a.at(0).single(), a.at(1).single(), a.at(2).single()) else { return Ok(Cell::Null) };
    let (mut out, mut end) = (String::new(), 0);
    context.pattern(&pattern)?.each_match(&text, &mut |groups| {
        let Some(whole) = groups(0) else { return Ok(()) };
        out.push_str(&text[end..whole.start]);
        expand(&by, &text, groups, &mut out);
        end = whole.end;
        context.room_for(out.len()) // each match may add as much as the whole text has
    })?;
    out.push_str(&text[end..]);
    Ok(Cell::text_of(out))
}

/// Writes a replacement: `\0` to `\9` are groups, everything else is itself.
fn expand(by: &str, text: &str, groups: &dyn Fn(usize) -> Option<std::ops::Range<usize>>, out: &mut String) {
    let mut characters = by.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek().and_then(|digit| digit.to_digit(10))) {
            ('\\', Some(digit)) => {
                characters.next();
                out.push_str(groups(digit as usize).map_or("", |group| &text[group]));
            }
            _ => out.push(c),
        }
    }
}

fn url_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .filter(|hex| *first == b'%' && hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    // No text of the store holds a zero byte: SQLite would end there.
    String::from_utf8_lossy(&out).replace('\0', "\u{2400}")
}
