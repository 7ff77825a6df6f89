//! Functions over lists.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::cell::MEMBER_BYTES;
use super::super::{Cell, Context, Fault, Number, time};
use super::Arguments;
use crate::ir::Function;

/// Text of a member of `mvrange` at most, in bytes: a number of twenty digits.
const NUMBER_BYTES: usize = 20;

/// The functions that look at a value as a list; a single value is a list of one.
pub(super) fn call(function: Function, a: Arguments<'_>, context: &Context) -> Result<Cell, Fault> {
    Ok(match function {
        Function::MvAppend => {
            context.room_for(a.0.iter().map(Cell::size_bytes).fold(0, usize::saturating_add))?;
            Cell::list_of(a.0.iter().flat_map(Cell::members).collect())
        }
        Function::MvRange => range(a, context)?,
        Function::MvZip => zip(a, context)?,
        _ if a.at(0).is_null() => Cell::Null,
        Function::MvCount => Cell::count_of(a.at(0).member_count()),
        Function::MvJoin => match a.at(1).single() {
            Some(between) => {
                // Before the text is made: a separator of a megabyte between ten thousand members would fill the memory first.
                context.room_for(a.at(0).size_bytes().saturating_add(a.at(0).member_count().saturating_mul(between.len())))?;
                Cell::text_of(a.at(0).members().join(between.as_ref()))
            }
            None => Cell::Null,
        },
        Function::MvDedup => {
            let mut seen = HashSet::new();
            Cell::list_of(a.at(0).members().into_iter().filter(|member| seen.insert(member.clone())).collect())
        }
        Function::MvSort => {
            let mut members = a.at(0).members();
            // Bytes and not letters decide, as in Splunk's lexicographic order: upper case stands before lower.
            members.sort();
            Cell::list_of(members)
        }
        Function::MvReverse => Cell::list_of(a.at(0).members().into_iter().rev().collect()),
        Function::MvIndex => {
            a.number(1).map_or(Cell::Null, |from| index(a.at(0).members(), from, if a.has(2) { a.number(2) } else { Some(from) }))
        }
        _ => find(a, context)?,
    })
}

/// From 0, negative from the end, the end inclusive; nothing where it is out of range.
fn index(members: Vec<Arc<str>>, from: f64, to: Option<f64>) -> Cell {
    let Some(to) = to else { return Cell::Null };
    let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
    #[allow(clippy::cast_possible_truncation, reason = "saturates, and lists are shorter")]
    let place = |n: f64| if n < 0.0 { count.saturating_add(n as i64) } else { n as i64 };
    let (from, to) = (place(from), place(to));
    // Splunk gives nothing where either end is out of range; cutting to the range would invent members.
    if from < 0 || from > to || from >= count || to >= count {
        return Cell::Null;
    }
    let (skip, take) = (usize::try_from(from).unwrap_or(0), usize::try_from(to - from + 1).unwrap_or(0));
    Cell::list_of(members.into_iter().skip(skip).take(take).collect())
}

/// The place of the first member that matches, from 0.
fn find(a: Arguments<'_>, context: &Context) -> Result<Cell, Fault> {
    let Some(pattern) = a.at(1).single() else { return Ok(Cell::Null) };
    let Ok(pattern) = context.pattern(&pattern) else { return Ok(Cell::Null) };
    for (place, member) in a.at(0).members().iter().enumerate() {
        if pattern.is_match(member)? {
            return Ok(Cell::count_of(place));
        }
    }
    Ok(Cell::Null)
}

/// Pairs of members, as far as both lists have some, with a comma or another text between.
fn zip(a: Arguments<'_>, context: &Context) -> Result<Cell, Fault> {
    let between = if a.has(2) { a.at(2).single() } else { Some(",".into()) };
    let Some(between) = between else { return Ok(Cell::Null) };
    let pairs = a.at(0).member_count().min(a.at(1).member_count());
    context.room_for(a.at(0).size_bytes().saturating_add(a.at(1).size_bytes()).saturating_add(pairs.saturating_mul(between.len())))?;
    let pairs = a.at(0).members().into_iter().zip(a.at(1).members());
    Ok(Cell::list_of(pairs.map(|(left, right)| [left.as_ref(), between.as_ref(), right.as_ref()].concat().into()).collect()))
}

/// Numbers from the first up to, but without, the second; the step is 1, a number, or a span of time such as `7d`.
fn range(a: Arguments<'_>, context: &Context) -> Result<Cell, Fault> {
    let (Some(first), Some(end)) = (a.at(0).numeric(), a.number(1)) else { return Ok(Cell::Null) };
    let step = match (a.has(2), a.at(2).numeric()) {
        (false, _) => Number::Whole(1),
        (true, Some(step)) => step,
        (true, None) => match a.at(2).single().and_then(|text| time::relative_time(0.0, &format!("+{text}"))).and_then(Number::of) {
            Some(step) => step,
            None => return Ok(Cell::Null),
        },
    };
    let count = ((end - first.value()) / step.value()).ceil();
    if !count.is_finite() || count <= 0.0 {
        return Ok(Cell::Null);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturates")]
    let count = count as usize;
    context.room_for(count.saturating_mul(MEMBER_BYTES + NUMBER_BYTES))?;
    let mut members = Vec::with_capacity(count);
    for place in 0..count {
        let place = Number::Whole(i64::try_from(place).unwrap_or(i64::MAX));
        let member = step.multiply(place).and_then(|offset| first.add(offset));
        members.extend(member.map(|number| Arc::from(number.settled().text())));
    }
    Ok(Cell::list_of(members))
}

/// A text without the separator is one member; an empty separator parts the characters.
pub(super) fn split(a: Arguments<'_>, context: &Context) -> Result<Cell, Fault> {
    let (Some(text), Some(by)) = (a.at(0).single(), a.at(1).single()) else { return Ok(Cell::Null) };
    let count = if by.is_empty() { text.chars().count() } else { text.matches(by.as_ref()).count() + 1 };
    // The members cost more than the text: each has a pointer and counts of its own.
    context.room_for(text.len().saturating_add(count.saturating_mul(MEMBER_BYTES)))?;
    Ok(Cell::list_of(if by.is_empty() {
        text.chars().map(|c| c.to_string().into()).collect()
    } else {
        text.split(by.as_ref()).map(Arc::from).collect()
    }))
}

/// The commands of a search: the first word behind each pipe that stands in no quotes and no brackets.
pub(super) fn commands(search: &str) -> Cell {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut parts = vec![String::new()];
    for c in search.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().into_iter().for_each(|part| part.push(c));
    }
    let first_word = |part: &String| part.split_whitespace().next().map(Arc::<str>::from);
    let mut commands: Vec<Arc<str>> = parts.iter().skip(1).filter_map(first_word).collect();
    if !parts[0].trim().is_empty() {
        commands.insert(0, "search".into()); // in front of the first pipe the word may be left out
    }
    Cell::list_of(commands)
}
