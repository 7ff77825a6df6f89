//! Predicates that no event can pass.
//!
//! Only what is certain is reported. Two different values of one field are no contradiction, because a field can
//! hold a list; of the event id, the channel and the provider an event has one.

use crate::ir::{Field, Match, Pred, Test};

const SINGLE: [&str; 3] = ["EventID", "Channel", "Provider_Name"];

/// Whether no event can pass.
pub(super) fn is_contradictory(pred: &Pred) -> bool {
    match pred {
        Pred::False => true,
        Pred::Or(parts) => parts.iter().all(is_contradictory),
        Pred::And(parts) => parts.iter().any(is_contradictory) || clash(parts),
        _ => false,
    }
}

/// Whether two parts of a conjunction exclude each other.
fn clash(parts: &[Pred]) -> bool {
    let missing: Vec<&Field> = parts.iter().filter_map(missing_field).collect();
    let needs = |field: &Field| parts.iter().any(|part| needs_field(part, field));
    let denied = |part: &Pred| parts.iter().any(|other| matches!(other, Pred::Not(inner) if **inner == *part));
    missing.into_iter().any(needs) || parts.iter().any(denied) || SINGLE.iter().any(|name| disjoint(parts, name))
}

fn missing_field(pred: &Pred) -> Option<&Field> {
    match pred {
        Pred::Not(inner) => match &**inner {
            Pred::Match(Match { field, test: Test::Exists, negated: false, .. }) => Some(field),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a predicate is false for every event without the field.
fn needs_field(pred: &Pred, field: &Field) -> bool {
    match pred {
        Pred::Match(matched) => matched.field == *field,
        Pred::Compare(compare) => compare.left == *field || compare.right == *field,
        Pred::And(parts) => parts.iter().any(|part| needs_field(part, field)),
        Pred::Or(parts) => !parts.is_empty() && parts.iter().all(|part| needs_field(part, field)),
        _ => false,
    }
}

/// Whether two parts ask for different values of a field that has one value.
fn disjoint(parts: &[Pred], name: &str) -> bool {
    let mut sets = parts.iter().filter_map(|part| literals(part, name));
    let Some(mut common) = sets.next() else { return false };
    for set in sets {
        common.retain(|value| set.contains(value));
        if common.is_empty() {
            return true;
        }
    }
    false
}

/// The values, folded, one of which a predicate asks of the field.
fn literals(pred: &Pred, name: &str) -> Option<Vec<String>> {
    match pred {
        Pred::Match(Match { field, test: Test::Glob { glob, .. }, negated: false, .. }) if field.name.eq_ignore_ascii_case(name) => {
            glob.folded().as_literal().map(|text| vec![text.to_string()])
        }
        Pred::Or(parts) if !parts.is_empty() => {
            parts.iter().map(|part| literals(part, name)).collect::<Option<Vec<_>>>().map(|sets| sets.concat())
        }
        _ => None,
    }
}
