//! Tests of a value: any member may pass. The meaning is that of [`crate::ir::Test`].

use std::sync::Arc;

use regex::Regex;
use rusqlite::functions::Context;
use rusqlite::types::{Value as Output, ValueRef};

use super::folded;
use super::value::{Value, truth};
use crate::ir::{Cidr, DatePart, Glob, NumberOp, Part, Test};

fn failure(message: String) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(message.into())
}

fn raw_text(value: ValueRef<'_>) -> Result<&str, rusqlite::Error> {
    value.as_str().map_err(|e| failure(e.to_string()))
}

/// Some member passes, or with `negated` some member fails; NULL where the value is missing.
fn some_member(context: &Context<'_>, negated: usize, passes: impl Fn(&str) -> bool) -> rusqlite::Result<Output> {
    let negated = context.get::<bool>(negated)?;
    let members = match context.get_raw(0) {
        ValueRef::Null => return Ok(Output::Null),
        ValueRef::Text(bytes) => {
            // The usual case needs no copy.
            return Ok(truth(passes(&String::from_utf8_lossy(bytes)) != negated));
        }
        other => Value::of(other).members().unwrap_or_default(),
    };
    Ok(truth(members.iter().any(|m| passes(m) != negated)))
}

/// Reads an operator.
pub(super) fn operator(context: &Context<'_>, index: usize) -> rusqlite::Result<NumberOp> {
    let symbol = raw_text(context.get_raw(index))?;
    NumberOp::parse(symbol).ok_or_else(|| failure(format!("no operator `{symbol}`")))
}

/// `retro_glob(value, pattern, without_case, negated)`: `*` any run, `?` one character, `\` before a literal one.
pub(super) fn glob(context: &Context<'_>) -> rusqlite::Result<Output> {
    let ignore = context.get::<bool>(2)?;
    let pattern: Arc<Glob> = context.get_or_create_aux(1, |raw| -> Result<Glob, rusqlite::Error> {
        let glob = read_pattern(raw_text(raw)?);
        Ok(if ignore { glob.folded() } else { glob })
    })?;
    some_member(context, 3, |m| if ignore { pattern.matches(&folded(m)) } else { pattern.matches(m) })
}

fn read_pattern(text: &str) -> Glob {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let wildcard = match c {
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => {
                literal.extend(characters.next());
                continue;
            }
            c => {
                literal.push(c);
                continue;
            }
        };
        parts.push(Part::Text(std::mem::take(&mut literal)));
        parts.push(wildcard);
    }
    parts.push(Part::Text(literal));
    Glob::new(parts)
}

/// The compiled regular expression of an argument; one that does not compile is an error that names it.
pub(super) fn regex_at(context: &Context<'_>, index: usize) -> rusqlite::Result<Arc<Regex>> {
    let position = i32::try_from(index).unwrap_or(0);
    context.get_or_create_aux(position, |raw| -> Result<Regex, rusqlite::Error> {
        Regex::new(raw_text(raw)?).map_err(|e| failure(e.to_string()))
    })
}

/// `retro_regexp(value, pattern, negated)`.
pub(super) fn regexp(context: &Context<'_>) -> rusqlite::Result<Output> {
    let regex = regex_at(context, 1)?;
    some_member(context, 2, |m| regex.is_match(m))
}

/// `regexp(pattern, value)`: the operator `value REGEXP pattern`.
pub(super) fn regexp_operator(context: &Context<'_>) -> rusqlite::Result<Output> {
    if context.get_raw(0) == ValueRef::Null {
        return Ok(Output::Null);
    }
    let regex = regex_at(context, 0)?;
    Ok(Value::at(context, 1)?.text().map_or(Output::Null, |text| truth(regex.is_match(&text))))
}

/// Reads `address/prefix`.
pub(super) fn read_network(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/')?;
    Some(Cidr { address: address.trim().parse().ok()?, prefix: prefix.trim().parse().ok()? })
}

/// `retro_cidr(value, network, negated)`.
pub(super) fn cidr(context: &Context<'_>) -> rusqlite::Result<Output> {
    let network: Arc<Cidr> = context.get_or_create_aux(1, |raw| -> Result<Cidr, rusqlite::Error> {
        let text = raw_text(raw)?;
        read_network(text).ok_or_else(|| failure(format!("`{text}` is no network")))
    })?;
    some_member(context, 2, |m| network.contains_text(m))
}

/// `retro_number(value, op, right, negated)`.
pub(super) fn number_order(context: &Context<'_>) -> rusqlite::Result<Output> {
    let test = Test::Number { op: operator(context, 1)?, value: context.get(2)? };
    some_member(context, 3, |m| test.passes(m))
}

/// `retro_text_order(value, op, right, negated)`.
pub(super) fn text_order(context: &Context<'_>) -> rusqlite::Result<Output> {
    let test = Test::TextOrder { op: operator(context, 1)?, value: context.get(2)? };
    some_member(context, 3, |m| test.passes(m))
}

/// `retro_date_part(value, part, op, right, negated)`.
pub(super) fn date_part(context: &Context<'_>) -> rusqlite::Result<Output> {
    let part = match raw_text(context.get_raw(1))? {
        "minute" => DatePart::Minute,
        "hour" => DatePart::Hour,
        "day" => DatePart::Day,
        "week" => DatePart::Week,
        "month" => DatePart::Month,
        "year" => DatePart::Year,
        other => return Err(failure(format!("no part of a date `{other}`"))),
    };
    let test = Test::DatePart { part, op: operator(context, 2)?, value: context.get(3)? };
    some_member(context, 4, |m| test.passes(m))
}

/// `retro_compare_fields(left, right, any_before, any_after, without_case)`: some member of the left holds some member
/// of the right; false where either is missing.
pub(super) fn compare_fields(context: &Context<'_>) -> rusqlite::Result<Output> {
    let (any_before, any_after, ignore) = (context.get::<bool>(2)?, context.get::<bool>(3)?, context.get::<bool>(4)?);
    let texts = |index| -> rusqlite::Result<Vec<String>> {
        let members = Value::at(context, index)?.members().unwrap_or_default();
        Ok(if ignore { members.iter().map(|m| folded(m)).collect() } else { members })
    };
    let (left, right) = (texts(0)?, texts(1)?);
    let holds = |l: &str, r: &str| match (any_before, any_after) {
        (false, false) => l == r,
        (false, true) => l.starts_with(r),
        (true, false) => l.ends_with(r),
        (true, true) => l.contains(r),
    };
    Ok(truth(left.iter().any(|l| right.iter().any(|r| holds(l, r)))))
}
