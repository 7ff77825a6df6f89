//! Wildcard patterns, mostly cut from texts that events hold, with other case and with wildcards put in.

use proptest::prelude::*;
use proptest::sample::Index;
use retrohunt::ir::{Glob, Part};

use super::events::any_text;

/// Changes the case of a character where that is one character.
fn other_case(c: char) -> char {
    let mut other: Box<dyn Iterator<Item = char>> = if c.is_lowercase() { Box::new(c.to_uppercase()) } else { Box::new(c.to_lowercase()) };
    match (other.next(), other.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[derive(Debug, Clone, Copy)]
enum Edit {
    Keep,
    Case,
    One,
    Any,
}

fn edits(one: bool) -> impl Strategy<Value = Vec<Edit>> {
    let one = if one { 1 } else { 0 };
    prop::collection::vec(prop_oneof![12 => Just(Edit::Keep), 4 => Just(Edit::Case), one => Just(Edit::One), 1 => Just(Edit::Any)], 8)
}

/// A text cut from a value of the pool, or any text.
pub(crate) fn text(pool: &[String]) -> impl Strategy<Value = String> + use<> {
    let pool = pool.to_vec();
    let cut = (any::<Index>(), any::<Index>(), any::<Index>()).prop_map(move |(which, from, to)| {
        let characters: Vec<char> = which.get(&pool).chars().collect();
        let (a, b) = (from.index(characters.len() + 1), to.index(characters.len() + 1));
        characters[a.min(b)..a.max(b)].iter().collect::<String>()
    });
    prop_oneof![3 => cut, 1 => any_text()]
}

/// A whole value of the pool, or a cut of one.
pub(crate) fn value(pool: &[String]) -> impl Strategy<Value = String> + use<> {
    let all = pool.to_vec();
    let whole = any::<Index>().prop_map(move |which| which.get(&all).clone());
    prop_oneof![3 => whole, 1 => text(pool)]
}

/// A pattern; `one`: with `?` too.
pub(crate) fn pattern(pool: &[String], one: bool) -> impl Strategy<Value = Glob> + use<> {
    // Pieces of one value: what rules share in a scan is often a part of what another rule asks.
    let piece = (text(pool), any::<(bool, bool)>()).prop_map(|(text, (before, after))| {
        let end = |any: bool| any.then_some(Part::Any);
        Glob::new(end(before).into_iter().chain([Part::Text(text)]).chain(end(after)))
    });
    let ends = prop_oneof![3 => Just((false, false)), 1 => Just((true, true)), 1 => Just((true, false)), 1 => Just((false, true))];
    let edited = (value(pool), edits(one), ends).prop_map(|(text, edits, (before, after))| {
        let mut parts = Vec::new();
        parts.extend(before.then_some(Part::Any));
        for (i, c) in text.chars().enumerate() {
            parts.push(match edits[i % edits.len()] {
                Edit::Keep => Part::Text(c.into()),
                Edit::Case => Part::Text(other_case(c).into()),
                Edit::One => Part::One,
                Edit::Any => Part::Any,
            });
        }
        parts.extend(after.then_some(Part::Any));
        Glob::new(parts)
    });
    prop_oneof![2 => edited, 1 => piece]
}
