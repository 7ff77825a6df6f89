//! Rules that a store cannot answer, and why: their log source, their fields or their values are not in it. A correlation
//! cannot be answered where too many of its rules cannot.

use std::ops::Range;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::diag::{Diagnostic, Severity, SourceText};
use crate::ir::{Correlation, InputSource, Pred, Query, Rule, Stage, WindowCondition};
use crate::plan::plan;
use crate::taxonomy::Taxonomy;

/// Says why a rule can find nothing in a store with this catalog; nothing where it can. `source` is the rule's file.
pub fn unanswered(rule: &Rule, source: &Arc<SourceText>, catalog: &Catalog, taxonomy: &Taxonomy) -> Option<Diagnostic> {
    let whole = plan(&rule.query, &[], catalog, taxonomy);
    if !whole.branches.is_empty() {
        return None;
    }
    let note = |code, message: String, span| Some(Diagnostic::new(Severity::Note, code, message).at(source, span));
    let head = log_source(&source.text);
    if let Some(unknown) = whole.notes.iter().find(|note| UNKNOWN.contains(&note.code)) {
        return note("store-logsource-unknown", format!("the rule cannot fire: {}", unknown.message), head);
    }
    let anything = Query { scope: rule.query.scope.clone(), filter: Pred::True, stages: Vec::new() };
    if plan(&anything, &[], catalog, taxonomy).branches.is_empty() {
        let message = "the rule cannot fire: the store holds no events of its log source".to_owned();
        return note("store-logsource-absent", message, head);
    }
    if !whole.missing.is_empty() {
        let names: Vec<String> = whole.missing.iter().map(|field| format!("`{field}`")).collect();
        let message = format!("the rule cannot fire: no stored event of its log source has {}", names.join(", "));
        let span = whole.missing.iter().find_map(|field| place(&rule.query, field)).unwrap_or(head);
        return note("store-field-absent", message, span);
    }
    let message = "the rule cannot fire: no stored event type of its log source meets the condition".to_owned();
    note("store-type-absent", message, head)
}

/// Says why a correlation, of those it stands among, can find nothing in a store with this catalog; nothing where it can.
pub fn unanswered_correlation(
    index: usize,
    all: &[Correlation],
    source: &Arc<SourceText>,
    catalog: &Catalog,
    taxonomy: &Taxonomy,
) -> Option<Diagnostic> {
    let can = can_match(index, all, catalog, taxonomy);
    if can_alert(&all[index], &can) {
        return None;
    }
    let silent = all[index].inputs.iter().zip(can).filter(|(_, can)| !can).map(|(input, _)| format!("`{}`", input.name));
    let message = format!("the correlation cannot fire: nothing in the store can match {}", silent.collect::<Vec<_>>().join(", "));
    Some(Diagnostic::new(Severity::Note, "store-correlation-absent", message).at(source, key(&source.text, "correlation")))
}

/// Which inputs of a correlation can match anything.
fn can_match(index: usize, all: &[Correlation], catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<bool> {
    let can = |source: &InputSource| match source {
        InputSource::Query(query) => !plan(query, &[], catalog, taxonomy).branches.is_empty(),
        InputSource::Correlation(earlier) => can_alert(&all[*earlier], &can_match(*earlier, all, catalog, taxonomy)),
    };
    all[index].inputs.iter().map(|input| can(&input.source)).collect()
}

/// Whether inputs that can match are enough. A condition that is no conjunction may always hold.
fn can_alert(correlation: &Correlation, can: &[bool]) -> bool {
    match &correlation.condition {
        WindowCondition::Rules(expression) => match expression.conjunction() {
            Some((wanted, _)) => wanted.iter().all(|input| can[*input]),
            None => can.contains(&true),
        },
        WindowCondition::Number(_) => can.contains(&true),
    }
}

/// What the planner says of a scope that nobody knows.
const UNKNOWN: [&str; 3] = ["plan-unknown-dataset", "plan-logsource-nowhere", "plan-unknown-logsource"];

/// The bytes of the key under which a rule says what it is asked of.
fn log_source(text: &str) -> Range<usize> {
    [key(text, "logsource"), key(text, "search")].into_iter().find(|span| !span.is_empty()).unwrap_or(0..0)
}

/// The bytes of a key at the start of a line; empty where there is none.
fn key(text: &str, name: &str) -> Range<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')) {
            return at..at + name.len();
        }
        at += line.len();
    }
    0..0
}

/// Where a query tests a field first.
fn place(query: &Query, field: &str) -> Option<Range<usize>> {
    let stages = query.stages.iter().filter_map(|stage| if let Stage::Filter(pred) = stage { Some(pred) } else { None });
    std::iter::once(&query.filter).chain(stages).find_map(|pred| place_in(pred, field))
}

fn place_in(pred: &Pred, field: &str) -> Option<Range<usize>> {
    match pred {
        Pred::And(parts) | Pred::Or(parts) => parts.iter().find_map(|part| place_in(part, field)),
        Pred::Not(inner) => place_in(inner, field),
        Pred::Match(matched) => (matched.field.name == field).then(|| matched.span.clone()),
        Pred::Compare(compare) => [&compare.left, &compare.right].iter().any(|f| f.name == field).then(|| compare.span.clone()),
        Pred::True | Pred::False | Pred::Keyword { .. } | Pred::Scalar(_) => None,
    }
}
