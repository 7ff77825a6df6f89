//! Rules that a store cannot answer, and why: their log source, their fields or their values are not in it. A correlation
//! cannot be answered where too many of its rules cannot.

use crate::catalog::Catalog;
use crate::diag::{Diagnostic, Severity, SubjectKind};
use crate::ir::{Correlation, InputSource, Pred, Query, Rule, Scope, Stage, WindowCondition};
use crate::plan::{is_field_of, known_fields, plan};
use crate::suggest::nearest;
use crate::taxonomy::Taxonomy;

/// What a store lacks that a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unanswered {
    /// Whether the rule can find nothing at all.
    pub cannot_fire: bool,
    /// What is to be said.
    pub notes: Vec<Diagnostic>,
}

/// Says what of a rule a store with this catalog cannot answer: the whole rule, or fields that none of its events has.
pub fn unanswered(rule: &Rule, catalog: &Catalog, taxonomy: &Taxonomy) -> Unanswered {
    let silent = silent(&rule.query, catalog, taxonomy);
    let cannot_fire = silent.is_some();
    let asked = silent.unwrap_or(&rule.query);
    // Without the fields of its message: a finding shows them, but a rule fires without them.
    let whole = plan(asked, &[], catalog, taxonomy);
    let its = if std::ptr::eq(asked, &rule.query) { "its log source" } else { "the log source that it joins" };
    let note = |code, message: String, span| Diagnostic::new(Severity::Note, code, message).at(&rule.origin.source, span);
    let head = || rule.origin.scope.clone();
    let log_source = || scope_name(asked.scope());
    let only = |note: Diagnostic| Unanswered { cannot_fire, notes: vec![note.about(SubjectKind::LogSource, log_source())] };
    // In the order of what helps most: an unknown log source explains everything below it.
    if let Some(unknown) = whole.notes.iter().find(|note| UNKNOWN.contains(&note.code)).filter(|_| cannot_fire) {
        return only(note("store-logsource-unknown", format!("the rule cannot fire: {}", unknown.message), head()));
    }
    let anything = Query { source: asked.source.clone(), filter: Pred::True, stages: Vec::new() };
    if cannot_fire && plan(&anything, &[], catalog, taxonomy).branches.is_empty() {
        let message = format!("the rule cannot fire: the store holds no events of {its}");
        return only(note("store-logsource-absent", message, head()));
    }
    if cannot_fire && whole.missing.is_empty() {
        let message = format!("the rule cannot fire: no stored event type of {its} meets the condition");
        return only(note("store-type-absent", message, head()));
    }
    let known = asked.scope().filter(|_| !whole.missing.is_empty()).map(|scope| known_fields(scope, catalog, taxonomy)).unwrap_or_default();
    let notes = whole.missing.iter().map(|field| {
        let effect = if cannot_fire { "the rule cannot fire" } else { "this part never matches" };
        let message = match asked.scope() {
            Some(scope @ Scope::Dataset { .. }) if !is_field_of(scope, field, taxonomy) => {
                format!("{effect}: its dataset has no field `{field}`")
            }
            _ => format!("{effect}: no stored event of {its} has `{field}`"),
        };
        let note = note("store-field-absent", message, rule.origin.field(field).unwrap_or_else(head));
        // What silences the whole rule has a name, so that it can be counted; a part that never matches silences nothing.
        let note = if cannot_fire { note.about(SubjectKind::Field, field) } else { note };
        match nearest(field, known.iter().map(String::as_str).filter(|name| *name != field)) {
            Some(near) => note.hint(format!("did you mean `{near}`?")),
            None => note,
        }
    });
    Unanswered { cannot_fire, notes: notes.collect() }
}

/// The search that silences a query because the store has no events for it: the query itself, where nothing is appended to it, or
/// one that it joins.
fn silent<'q>(query: &'q Query, catalog: &Catalog, taxonomy: &Taxonomy) -> Option<&'q Query> {
    // Rows of tables and findings are not events: a store always has them.
    let is_empty = query.scope().is_some() && plan(query, &[], catalog, taxonomy).branches.is_empty();
    query.stages.iter().fold(is_empty.then_some(query), |found, stage| match stage {
        Stage::Join(join) if !join.left => found.or_else(|| silent(&join.query, catalog, taxonomy)),
        Stage::Append(other) => found.filter(|_| silent(other, catalog, taxonomy).is_some()),
        _ => found,
    })
}

/// Says why a correlation, of those it stands among, can find nothing in a store with this catalog; nothing where it can.
pub fn unanswered_correlation(index: usize, all: &[Correlation], catalog: &Catalog, taxonomy: &Taxonomy) -> Option<Diagnostic> {
    let can = can_match(index, all, catalog, taxonomy);
    if can_alert(&all[index], &can) {
        return None;
    }
    let silent =
        all[index].inputs.iter().zip(can).filter(|(_, can)| !can).map(|(input, _)| format!("`{}`", input.name)).collect::<Vec<_>>();
    let message = format!("the correlation cannot fire: nothing in the store can match {}", silent.join(", "));
    let origin = &all[index].origin;
    let note = Diagnostic::new(Severity::Note, "store-correlation-absent", message).at(&origin.source, origin.scope.clone());
    Some(note.about(SubjectKind::Rule, silent.join(", ")))
}

/// What a query speaks of, in a few words.
pub(super) fn scope_name(scope: Option<&Scope>) -> String {
    match scope {
        Some(Scope::LogSource { product, category, service }) => {
            [product, category, service].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
        }
        Some(Scope::Dataset { model, object, .. }) if !object.is_empty() => format!("{model}.{object}"),
        Some(Scope::Dataset { model, .. }) => model.clone(),
        Some(Scope::Any) | None => "the events that the condition asks for".to_owned(),
    }
}

/// Which inputs of a correlation can match anything.
fn can_match(index: usize, all: &[Correlation], catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<bool> {
    let can = |source: &InputSource| match source {
        InputSource::Query(query) => !plan(query, &[], catalog, taxonomy).branches.is_empty(),
        InputSource::Correlation(earlier) => can_alert(&all[*earlier], &can_match(*earlier, all, catalog, taxonomy)),
    };
    all[index].inputs.iter().map(|input| can(&input.source)).collect()
}

/// Whether inputs that can match are enough. A condition that is not a conjunction may always hold.
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
// Only these say that nothing at all can be found; other notes of the planner are about parts.
const UNKNOWN: [&str; 4] = ["plan-unknown-dataset", "plan-dataset-nowhere", "plan-logsource-nowhere", "plan-unknown-logsource"];
