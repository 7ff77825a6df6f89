//! Conditions that no event can meet, found before any store is asked.
//!
//! Where a conjunction binds a field to finitely many values, every other part is asked about each of them in three
//! values: what another field decides is unknown. When each value makes some part false, the conjunction is. A field
//! that holds several values of one event may meet what one value cannot, so this is a warning.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::context::ReadContext;
use super::super::resolve::Named;
use crate::ir::{Case, Match, Pred, Test, print_pred};

/// Most questions asked about one rule; a rule that needs more is not judged.
// Bounds the work where conditions are large: a remark is not worth more time than compiling the rule.
const MAX_STEPS: usize = 50_000;
/// Most parts of one conjunction that are held against each other.
// Every part is held against every other: a million pairs.
const MAX_PARTS: usize = 1_000;
/// Longest part of a condition that is quoted, in characters.
const MAX_QUOTED_CHARS: usize = 100;
/// Members of a list that are quoted.
const MAX_QUOTED_PARTS: usize = 4;

/// Warns where the condition, or a detection by itself, can be met by no event.
pub(in super::super) fn unmeetable(context: &mut ReadContext<'_>, whole: &Pred, condition: &Range<usize>, named: &[Named<'_>]) {
    if !context.options.validate {
        return;
    }
    let mut steps = 0;
    let mut found = false;
    for (name, _, lowered) in named {
        if let Some(clash) = lowered.pred().and_then(|pred| clash(pred, &mut steps)) {
            let span = clash.span.clone();
            let message = format!("no event meets the detection `{name}`: {}", clash.reason());
            context.lint_with(&span, "sigma-never-matches", message, HINT);
            found = true;
        }
    }
    if !found && let Some(clash) = clash(whole, &mut steps) {
        let message = format!("no event meets the condition: {}", clash.reason());
        context.lint_with(condition, "sigma-never-matches", message, HINT);
    }
}

const HINT: &str = "if one of several values is enough, write them as a list; if one of several detections is enough, join them with `or`";

/// Two parts of a conjunction that exclude each other.
struct Clash {
    span: Range<usize>,
    one: String,
    other: String,
}

impl Clash {
    fn reason(&self) -> String {
        format!("{} and {} exclude each other", self.one, self.other)
    }
}

/// A value that a conjunction binds a field to; no text: the field is missing.
#[derive(Clone, Copy)]
struct Bound<'a> {
    value: Option<(&'a str, Case)>,
    at: &'a Pred,
}

fn clash(pred: &Pred, steps: &mut usize) -> Option<Clash> {
    match pred {
        Pred::And(parts) => parts.iter().find_map(|part| clash(part, steps)).or_else(|| clash_of(parts, steps)),
        Pred::Or(parts) => {
            let mut clashes = parts.iter().map(|part| clash(part, steps));
            let first = clashes.next()??;
            clashes.all(|clash| clash.is_some()).then_some(first)
        }
        _ => None,
    }
}

fn clash_of(parts: &[Pred], steps: &mut usize) -> Option<Clash> {
    if parts.len() > MAX_PARTS {
        return None;
    }
    if let Some(clash) = denied(parts, steps) {
        return Some(clash);
    }
    let mut fields = BTreeSet::new();
    parts.iter().for_each(|part| bound_fields(part, &mut fields));
    for field in fields {
        for (index, part) in parts.iter().enumerate() {
            let Some(values) = bound(part, field) else { continue };
            let others = || parts.iter().enumerate().filter(move |(i, _)| *i != index).map(|(_, other)| other);
            let mut first = None;
            let all = values.iter().all(|value| {
                let false_part = others().find(|other| ask(other, field, *value, steps) == Some(false));
                first = first.or(false_part.map(|other| (value.at, other)));
                false_part.is_some()
            });
            if all
                && *steps < MAX_STEPS
                && let Some((one, other)) = first
            {
                return Some(Clash { span: place(one), one: quoted(one), other: quoted(other) });
            }
        }
    }
    None
}

/// A part that denies what the others say.
fn denied(parts: &[Pred], steps: &mut usize) -> Option<Clash> {
    parts.iter().find_map(|part| {
        let Pred::Not(inner) = part else { return None };
        let said = implied(parts, inner, steps)?;
        Some(Clash { span: place(said), one: quoted(said), other: quoted(part) })
    })
}

/// One of the parts, where they all together say what `pred` says.
fn implied<'a>(parts: &'a [Pred], pred: &Pred, steps: &mut usize) -> Option<&'a Pred> {
    *steps += parts.len();
    if *steps > MAX_STEPS {
        return None;
    }
    parts.iter().find(|part| same(part, pred)).or_else(|| match pred {
        Pred::And(inner) => inner.iter().map(|pred| implied(parts, pred, steps)).collect::<Option<Vec<_>>>()?.first().copied(),
        Pred::Or(inner) => inner.iter().find_map(|pred| implied(parts, pred, steps)),
        _ => None,
    })
}

/// Whether two conditions are the same, wherever they stand in the rule.
fn same(a: &Pred, b: &Pred) -> bool {
    let all = |a: &[Pred], b: &[Pred]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
    match (a, b) {
        (Pred::And(a), Pred::And(b)) | (Pred::Or(a), Pred::Or(b)) => all(a, b),
        (Pred::Not(a), Pred::Not(b)) => same(a, b),
        (Pred::Match(a), Pred::Match(b)) => (&a.field, &a.test, a.negated) == (&b.field, &b.test, b.negated),
        (Pred::Keyword { .. }, Pred::Keyword { .. }) => a == b,
        _ => false,
    }
}

/// The fields that some part of a condition compares with a whole value.
fn bound_fields<'a>(pred: &'a Pred, out: &mut BTreeSet<&'a str>) {
    match pred {
        Pred::And(parts) | Pred::Or(parts) => parts.iter().for_each(|part| bound_fields(part, out)),
        Pred::Not(inner) => {
            if let Pred::Match(Match { field, test: Test::Exists, .. }) = inner.as_ref() {
                out.insert(&field.name);
            }
        }
        Pred::Match(matched) if literal(matched).is_some() => {
            out.insert(&matched.field.name);
        }
        _ => {}
    }
}

/// The values of a field with which a condition can be true, if they are finitely many.
fn bound<'a>(pred: &'a Pred, field: &str) -> Option<Vec<Bound<'a>>> {
    match pred {
        Pred::And(parts) => parts.iter().find_map(|part| bound(part, field)),
        Pred::Or(parts) => {
            let each: Option<Vec<Vec<Bound<'a>>>> = parts.iter().map(|part| bound(part, field)).collect();
            each.map(|lists| lists.concat())
        }
        Pred::Not(inner) => match inner.as_ref() {
            Pred::Match(Match { field: own, test: Test::Exists, .. }) if own.name == field => Some(vec![Bound { value: None, at: pred }]),
            _ => None,
        },
        Pred::Match(matched) if matched.field.name == field => literal(matched).map(|value| vec![Bound { value: Some(value), at: pred }]),
        _ => None,
    }
}

fn literal(matched: &Match) -> Option<(&str, Case)> {
    match &matched.test {
        Test::Glob { glob, case } if !matched.negated => glob.as_literal().map(|text| (text, *case)),
        _ => None,
    }
}

/// Asks a condition about an event of which only one field is known.
fn ask(pred: &Pred, field: &str, bound: Bound<'_>, steps: &mut usize) -> Option<bool> {
    match pred {
        Pred::True => Some(true),
        Pred::False => Some(false),
        Pred::And(parts) => decide(parts, false, |part| ask(part, field, bound, steps)),
        Pred::Or(parts) => decide(parts, true, |part| ask(part, field, bound, steps)),
        Pred::Not(inner) => ask(inner, field, bound, steps).map(|truth| !truth),
        Pred::Match(matched) if matched.field.name == field && !matched.negated => {
            *steps += 1;
            if *steps > MAX_STEPS { None } else { test(&matched.test, bound) }
        }
        Pred::Compare(compare) if bound.value.is_none() && [&compare.left, &compare.right].iter().any(|f| f.name == field) => Some(false),
        Pred::Match(_) | Pred::Compare(_) | Pred::Keyword { .. } | Pred::Scalar(_) | Pred::Subsearch(_) => None,
    }
}

/// The truth `deciding` of one part decides; unknown is not its opposite.
fn decide(parts: &[Pred], deciding: bool, mut ask: impl FnMut(&Pred) -> Option<bool>) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match ask(part) {
            Some(truth) if truth == deciding => return Some(deciding),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!deciding)
}

/// A value known but for its case answers a test with case only by no.
fn test(test: &Test, bound: Bound<'_>) -> Option<bool> {
    let Some((value, case)) = bound.value else { return Some(false) };
    match test {
        Test::Glob { glob, case: Case::Exact } if case == Case::Ignore => {
            let without_case = Test::Glob { glob: glob.clone(), case: Case::Ignore };
            (!without_case.passes(value)).then_some(false)
        }
        // Regular expressions look at case, and are slow to make.
        Test::Regex(_) | Test::TextOrder { .. } => None,
        test => Some(test.passes(value)),
    }
}

fn place(pred: &Pred) -> Range<usize> {
    match pred {
        Pred::Match(matched) => matched.span.clone(),
        Pred::Compare(compare) => compare.span.clone(),
        Pred::Not(inner) => place(inner),
        Pred::And(parts) | Pred::Or(parts) => parts.first().map_or(0..0, place),
        Pred::True | Pred::False | Pred::Keyword { .. } | Pred::Scalar(_) | Pred::Subsearch(_) => 0..0,
    }
}

fn quoted(pred: &Pred) -> String {
    let text = infix(pred);
    let cut: String = text.chars().take(MAX_QUOTED_CHARS).collect();
    format!("`{cut}{}`", if cut.len() < text.len() { "…" } else { "" })
}

/// A condition in one line; of long lists the beginning.
fn infix(pred: &Pred) -> String {
    let join = |parts: &[Pred], word: &str| {
        let shown: Vec<String> = parts.iter().take(MAX_QUOTED_PARTS).map(infix).collect();
        format!("({}{})", shown.join(word), if parts.len() > MAX_QUOTED_PARTS { " …" } else { "" })
    };
    match pred {
        Pred::And(parts) => join(parts, " and "),
        Pred::Or(parts) => join(parts, " or "),
        Pred::Not(inner) => format!("not {}", infix(inner)),
        leaf => print_pred(leaf, 0, &|field| field.name.clone()).trim_end().to_owned(),
    }
}
