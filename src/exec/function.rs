//! The functions of eval on values, by Splunk's notes on them.

use std::sync::Arc;

use super::cell::{MEMBER_BYTES, folded, number_text, order};
use super::{Cell, Context, Fault, digest, time};
use crate::ir::{Cidr, Function, Glob, Part, parse_number};

/// Most digits that `round` keeps: a double has no more.
const MAX_DIGITS: f64 = 15.0;

/// Calls a function with the values of its arguments; missing arguments are null. Functions that choose among their
/// arguments are called so too, with all of them evaluated.
///
/// # Errors
/// When a regular expression does not compile.
pub fn call(function: Function, arguments: &[Cell], context: &Context) -> Result<Cell, Fault> {
    // Rule E9: an argument that is there and null is not the same as one left out.
    if is_null_through(function) && arguments.iter().any(Cell::is_null) {
        return Ok(Cell::Null);
    }
    let at = |i: usize| arguments.get(i).unwrap_or(&Cell::Null);
    let one = |f: fn(f64) -> f64| at(0).number().map_or(Cell::Null, |n| Cell::number_of(f(n)));
    let text = |f: &dyn Fn(&str) -> Cell| at(0).text().map_or(Cell::Null, |t| f(&t));
    let numbers = |f: fn(f64, f64) -> f64| at(0).number().zip(at(1).number()).map_or(Cell::Null, |(a, b)| Cell::number_of(f(a, b)));
    Ok(match function {
        Function::If => at(if at(0).is_true() { 1 } else { 2 }).clone(),
        Function::Case => arguments.chunks_exact(2).find(|pair| pair[0].is_true()).map_or(Cell::Null, |pair| pair[1].clone()),
        Function::Validate => arguments.chunks_exact(2).find(|pair| !pair[0].is_true()).map_or(Cell::Null, |pair| pair[1].clone()),
        Function::Coalesce => arguments.iter().find(|c| !c.is_null()).cloned().unwrap_or(Cell::Null),
        Function::IsNull => Cell::Bool(at(0).is_null()),
        Function::IsNotNull => Cell::Bool(!at(0).is_null()),
        Function::NullIf if is_equal(at(0), at(1)) => Cell::Null,
        Function::NullIf => at(0).clone(),
        Function::In => Cell::Bool(arguments.iter().skip(1).any(|other| is_equal(at(0), other))),
        Function::Like => Cell::Bool(at(0).text().zip(at(1).text()).is_some_and(|(text, pattern)| like(&text, &pattern))),
        Function::Match => matches(at(0), at(1), context)?,
        Function::CidrMatch => Cell::Bool(cidr_match(at(0), at(1))),
        Function::Lower => map_members(at(0), folded),
        Function::Upper => map_members(at(0), |m| m.chars().map(upper).collect()),
        Function::Len => text(&|t| Cell::count_of(t.chars().count())),
        Function::Trim => text(&|t| Cell::text_of(t.trim_matches(trimmed(at(1)).as_slice()))),
        Function::LTrim => text(&|t| Cell::text_of(t.trim_start_matches(trimmed(at(1)).as_slice()))),
        Function::RTrim => text(&|t| Cell::text_of(t.trim_end_matches(trimmed(at(1)).as_slice()))),
        Function::Substr => {
            text(&|t| at(1).number().map_or(Cell::Null, |from| Cell::text_of(substr(t, from, arguments.get(2).and_then(Cell::number)))))
        }
        Function::Replace => replace(at(0), at(1), at(2), context)?,
        Function::Split => split(at(0), at(1), context)?,
        Function::UrlDecode => text(&|t| Cell::text_of(url_decode(t))),
        Function::BaseName => text(&|t| Cell::text_of(t.rsplit(['\\', '/']).next().unwrap_or_default())),
        Function::Md5 => text(&|t| Cell::text_of(digest::md5(t))),
        Function::Sha256 => text(&|t| Cell::text_of(digest::sha256(t))),
        Function::ToString => to_string(at(0), at(1).text().as_deref()),
        Function::ToNumber => to_number(at(0), at(1)),
        Function::Abs => one(f64::abs),
        Function::Ceiling => one(f64::ceil),
        Function::Floor => one(f64::floor),
        Function::Sqrt => one(f64::sqrt),
        Function::Ln => one(f64::ln),
        Function::Exp => one(f64::exp),
        Function::Pow => numbers(f64::powf),
        Function::Round => round(at(0), at(1)),
        Function::Log => at(0).number().map_or(Cell::Null, |n| Cell::number_of(logarithm(n, base_of(arguments)))),
        Function::Min | Function::Max => extreme(arguments, function == Function::Max),
        Function::RelativeTime => {
            at(0).number().zip(at(1).text()).and_then(|(t, s)| time::relative_time(t, &s)).map_or(Cell::Null, Cell::number_of)
        }
        Function::Strptime => at(0).text().zip(at(1).text()).and_then(|(t, f)| time::strptime(&t, &f)).map_or(Cell::Null, Cell::number_of),
        Function::Strftime => at(0).number().zip(at(1).text()).and_then(|(t, f)| time::strftime(t, &f)).map_or(Cell::Null, Cell::text_of),
        Function::MvCount
        | Function::MvJoin
        | Function::MvAppend
        | Function::MvDedup
        | Function::MvSort
        | Function::MvIndex
        | Function::MvFind => on_list(function, arguments, context)?,
        Function::Now => context.now().map_or(Cell::Null, Cell::number_of),
        Function::True => Cell::Bool(true),
        Function::False => Cell::Bool(false),
        // These take a condition, not values: the parser refuses them or `super::eval` evaluates them.
        Function::Null | Function::MvFilter | Function::SearchMatch => Cell::Null,
    })
}

/// The base of a logarithm: 10 where none is given, and NaN where it is given and is not a number.
fn base_of(arguments: &[Cell]) -> f64 {
    arguments.get(1).map_or(10.0, |base| base.number().unwrap_or(f64::NAN))
}

/// Functions with arguments that may be left out: one that is there and null was not left out (rule E9).
fn is_null_through(function: Function) -> bool {
    matches!(
        function,
        Function::Trim
            | Function::LTrim
            | Function::RTrim
            | Function::Substr
            | Function::Split
            | Function::Round
            | Function::Log
            | Function::ToNumber
            | Function::ToString
            | Function::MvIndex
    )
}

/// The functions that look at a value as a list.
fn on_list(function: Function, arguments: &[Cell], context: &Context) -> Result<Cell, Fault> {
    let at = |i: usize| arguments.get(i).unwrap_or(&Cell::Null);
    Ok(match function {
        _ if at(0).is_null() && function != Function::MvAppend => Cell::Null,
        Function::MvCount => Cell::count_of(at(0).member_count()),
        Function::MvJoin => match at(1).text() {
            Some(between) => {
                // Before the text is made: a separator of a megabyte between ten thousand members would fill the memory first.
                context.room_for(at(0).size_bytes().saturating_add(at(0).member_count().saturating_mul(between.len())))?;
                Cell::text_of(at(0).members().join(between.as_ref()))
            }
            None => Cell::Null,
        },
        Function::MvDedup => {
            let mut seen = std::collections::HashSet::new();
            Cell::list_of(at(0).members().into_iter().filter(|member| seen.insert(member.clone())).collect())
        }
        Function::MvSort => {
            let mut members = at(0).members();
            members.sort();
            // Bytes and not letters decide, as in Splunk's lexicographic order: upper case stands before lower.
            Cell::list_of(members)
        }
        Function::MvIndex => at(1).number().map_or(Cell::Null, |from| mv_index(at(0).members(), from, at(2).number())),
        Function::MvFind => mv_find(at(0), at(1), context)?,
        _ => {
            context.room_for(arguments.iter().map(Cell::size_bytes).fold(0, usize::saturating_add))?;
            Cell::list_of(arguments.iter().flat_map(Cell::members).collect())
        }
    })
}

fn is_equal(a: &Cell, b: &Cell) -> bool {
    super::eval::compare(crate::ir::NumberOp::Eq, a, b)
}

fn map_members(value: &Cell, f: impl Fn(&str) -> String) -> Cell {
    match value {
        Cell::Null => Cell::Null,
        Cell::Text(text) => Cell::text_of(f(text)),
        other => Cell::list_of(other.members().iter().map(|m| Arc::from(f(m))).collect()),
    }
}

/// `log10` and `log2` are exact where a quotient of logarithms is not: `log(1000, 10)` is 3.
fn logarithm(n: f64, base: f64) -> f64 {
    if base == 10.0 {
        n.log10()
    } else if base == 2.0 {
        n.log2()
    } else {
        n.ln() / base.ln()
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

/// The characters that `trim` takes away: spaces and tabs where none are named.
fn trimmed(set: &Cell) -> Vec<char> {
    set.text().map_or_else(|| vec![' ', '\t'], |s| s.chars().collect())
}

/// `substr` as in SQLite: from 1, negative from the end.
pub(super) fn substr(text: &str, from: f64, length: Option<f64>) -> String {
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

/// `%` any run, `_` one character, with case, the whole text.
fn like(text: &str, pattern: &str) -> bool {
    let parts = pattern.chars().map(|c| match c {
        '%' => Part::Any,
        '_' => Part::One,
        c => Part::Text(c.to_string()),
    });
    Glob::new(parts).matches(text)
}

/// Anywhere in the text; false where either is missing, and where a computed pattern is not one: what somebody writes into a
/// log must not silence a rule for all events.
fn matches(value: &Cell, pattern: &Cell, context: &Context) -> Result<Cell, Fault> {
    let (Some(text), Some(pattern)) = (value.text(), pattern.text()) else { return Ok(Cell::Bool(false)) };
    Ok(Cell::Bool(context.regex(&pattern).is_ok_and(|regex| regex.is_match(&text))))
}

fn cidr_match(network: &Cell, address: &Cell) -> bool {
    let network = network.text().and_then(|text| read_network(&text));
    network.is_some_and(|network| address.any_member(|member| network.contains_text(member)))
}

/// Reads `address/prefix`.
fn read_network(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/')?;
    Some(Cidr { address: address.trim().parse().ok()?, prefix: prefix.trim().parse().ok()? })
}

/// Every match; `\1` in the replacement is a group.
fn replace(value: &Cell, pattern: &Cell, by: &Cell, context: &Context) -> Result<Cell, Fault> {
    let (Some(text), Some(pattern), Some(by)) = (value.text(), pattern.text(), by.text()) else { return Ok(Cell::Null) };
    let mut template = String::new();
    let mut characters = by.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek().copied()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                template.push_str(&format!("${{{digit}}}"));
                characters.next();
            }
            // In Splunk's replacement only `\1` is special; in that of the regex crate `$` is.
            ('$', _) => template.push_str("$$"),
            (c, _) => template.push(c),
        }
    }
    let (mut out, mut end) = (String::new(), 0);
    for found in context.regex(&pattern)?.captures_iter(&text) {
        let place = found.get_match();
        out.push_str(&text[end..place.start()]);
        found.expand(&template, &mut out);
        end = place.end();
        context.room_for(out.len())?; // each match may add as much as the whole text has
    }
    out.push_str(&text[end..]);
    Ok(Cell::text_of(out))
}

fn split(value: &Cell, by: &Cell, context: &Context) -> Result<Cell, Fault> {
    let Some(text) = value.text() else { return Ok(Cell::Null) };
    let by = by.text().unwrap_or_default();
    let count = if by.is_empty() { text.chars().count() } else { text.matches(by.as_ref()).count() + 1 };
    // The members cost more than the text: each has a pointer and counts of its own.
    context.room_for(text.len().saturating_add(count.saturating_mul(MEMBER_BYTES)))?;
    Ok(Cell::list_of(if by.is_empty() {
        text.chars().map(|c| c.to_string().into()).collect()
    } else {
        text.split(by.as_ref()).map(Arc::from).collect()
    }))
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

fn to_string(value: &Cell, form: Option<&str>) -> Cell {
    let Some(text) = value.text() else { return Cell::Null };
    let Some(n) = value.number() else { return Cell::text_of(text) };
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    let whole = n.trunc() as i64;
    Cell::text_of(match form {
        Some("hex") => format!("0x{whole:X}"),
        Some("commas") => {
            let rounded = number_text((n * 100.0).round() / 100.0);
            // The sign stays out of the grouping: `-100,000` and not `-,100,000`.
            let (sign, digits) = rounded.strip_prefix('-').map_or(("", rounded.as_str()), |digits| ("-", digits));
            let (whole, fraction) = digits.split_once('.').map_or((digits, String::new()), |(w, f)| (w, format!(".{f:0<2}")));
            let grouped: Vec<&str> = whole.as_bytes().rchunks(3).rev().filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
            format!("{sign}{}{fraction}", grouped.join(","))
        }
        Some("duration") => {
            let (days, seconds) = (whole / 86_400, whole % 86_400);
            let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
            if days > 0 { format!("{days}+{clock}") } else { clock }
        }
        _ => text.into_owned(),
    })
}

#[allow(clippy::cast_precision_loss, reason = "numbers of rules are floating-point")]
fn to_number(value: &Cell, base: &Cell) -> Cell {
    if base.is_null() {
        return value.number().map_or(Cell::Null, Cell::number_of);
    }
    let (Some(text), Some(base)) = (value.text(), base.number().filter(|base| (2.0..=36.0).contains(base))) else { return Cell::Null };
    // Logs write handles and masks with `0x`; in any other base `0x` is not a number.
    let digits = text.strip_prefix("0x").filter(|_| base == 16.0).unwrap_or(&text);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a base is 2 to 36")]
    let base = base as u32;
    i64::from_str_radix(digits, base).map_or(Cell::Null, |n| Cell::number_of(n as f64))
}

fn round(value: &Cell, digits: &Cell) -> Cell {
    let digits = digits.number().unwrap_or(0.0).clamp(0.0, MAX_DIGITS);
    let scale = 10_f64.powf(digits.trunc());
    value.number().map_or(Cell::Null, |n| Cell::number_of((n * scale).round() / scale))
}

fn extreme(arguments: &[Cell], greatest: bool) -> Cell {
    let texts = arguments.iter().flat_map(Cell::members);
    let best = if greatest { texts.max_by(|a, b| order(a, b)) } else { texts.min_by(|a, b| order(a, b)) };
    best.map_or(Cell::Null, |text| parse_number(&text).map_or_else(|| Cell::Text(text), Cell::number_of))
}

/// From 0, negative from the end, the end inclusive; nothing where it is out of range.
fn mv_index(members: Vec<Arc<str>>, from: f64, to: Option<f64>) -> Cell {
    let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
    #[allow(clippy::cast_possible_truncation, reason = "saturates, and lists are shorter")]
    let place = |n: f64| if n < 0.0 { count.saturating_add(n as i64) } else { n as i64 };
    let (from, to) = (place(from), place(to.unwrap_or(from)));
    // Splunk gives nothing where either end is out of range; cutting to the range would invent members.
    if from < 0 || from > to || from >= count || to >= count {
        return Cell::Null;
    }
    let (skip, take) = (usize::try_from(from).unwrap_or(0), usize::try_from(to - from + 1).unwrap_or(0));
    Cell::list_of(members.into_iter().skip(skip).take(take).collect())
}

/// The place of the first member that matches, from 0.
fn mv_find(value: &Cell, pattern: &Cell, context: &Context) -> Result<Cell, Fault> {
    let Some(pattern) = pattern.text() else { return Ok(Cell::Null) };
    let regex = context.regex(&pattern)?;
    Ok(value.members().iter().position(|m| regex.is_match(m)).map_or(Cell::Null, Cell::count_of))
}
