//! The listings of coverage: one row a technique, a rule or a source.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn};
use crate::coverage::{RuleCoverage, RuleState, SourceCoverage, TechniqueCoverage};
use crate::taxonomy::Visibility;

/// What `retrohunt coverage --by technique` lists.
pub static TECHNIQUE: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        [
            "technique",
            "name",
            "tactics",
            "state",
            "findings",
            "rules",
            "runnable",
            "no_data",
            "no_field",
            "unsupported",
            "invalid",
            "missing",
            "not_observed",
            "enable",
        ],
        vec![
            TableColumn::text("technique", "Technique"),
            TableColumn::text("name", "Name").spare(2),
            TableColumn::text("state", "State"),
            TableColumn::number("findings", "Findings"),
            TableColumn::number("runnable", "Runnable"),
            TableColumn::number("rules", "Rules"),
            TableColumn::new("not_observed", "Not observed in this store", CellStyle::Words).or("missing").spare(1),
        ],
    )
});

/// What `retrohunt coverage --by rule` lists.
pub static RULE_COVERAGE: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        [
            "rule_id",
            "rule_title",
            "rule_path",
            "language",
            "severity",
            "techniques",
            "tactics",
            "state",
            "findings",
            "missing",
            "why",
            "not_observed",
            "enable",
        ],
        vec![
            TableColumn::text("state", "State"),
            TableColumn::text("severity", "Severity").spare(2),
            TableColumn::text("rule_title", "Rule"),
            TableColumn::number("findings", "Findings"),
            TableColumn::text("missing", "Missing"),
            TableColumn::new("not_observed", "Not observed in this store", CellStyle::Words).spare(1),
        ],
    )
});

/// What `retrohunt coverage --by source` lists.
pub static SOURCE_COVERAGE: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["source", "observed", "events", "rules", "silent_rules", "blind_techniques", "enable"],
        vec![
            TableColumn::text("source", "Source"),
            TableColumn::number("events", "Events"),
            TableColumn::number("rules", "Rules"),
            TableColumn::number("silent_rules", "Silent"),
            TableColumn::text("enable", "Setting that gives it").spare(1),
        ],
    )
});

/// Returns a technique as a row of [`TECHNIQUE`].
pub fn technique_row(technique: &TechniqueCoverage) -> Vec<Value> {
    let rules = |state| json!(technique.rules.get(&state).copied().unwrap_or(0));
    vec![
        json!(technique.id),
        text(&technique.name),
        json!(technique.tactics),
        json!(technique.state.as_str()),
        json!(technique.findings),
        json!(technique.rules.values().sum::<usize>()),
        rules(RuleState::Runnable),
        rules(RuleState::NoData),
        rules(RuleState::NoField),
        rules(RuleState::Unsupported),
        rules(RuleState::Invalid),
        json!(technique.missing),
        source_names(&technique.needs),
        settings(&technique.needs),
    ]
}

/// Returns a rule as a row of [`RULE_COVERAGE`].
pub fn rule_coverage_row(rule: &RuleCoverage) -> Vec<Value> {
    vec![
        json!(rule.id),
        text(&rule.title),
        json!(rule.path),
        json!(rule.language.name()),
        json!(rule.level.map(|level| level.as_str())),
        json!(rule.techniques),
        json!(rule.tactics),
        json!(rule.state.as_str()),
        json!(rule.findings),
        json!(rule.missing),
        json!(rule.why),
        source_names(&rule.needs),
        settings(&rule.needs),
    ]
}

/// Returns a source as a row of [`SOURCE_COVERAGE`].
pub fn source_coverage_row(source: &SourceCoverage) -> Vec<Value> {
    let known = &Visibility::embedded().sources()[source.source];
    vec![
        json!(known.name),
        json!(source.events > 0),
        json!(source.events),
        json!(source.rules),
        json!(source.silent),
        json!(source.blind),
        json!(known.enable),
    ]
}

fn source_names(places: &[usize]) -> Value {
    let sources = Visibility::embedded().sources();
    places.iter().map(|place| json!(sources[*place].name)).collect()
}

/// What to switch on, each once: several events of one log have the same setting.
fn settings(places: &[usize]) -> Value {
    let sources = Visibility::embedded().sources();
    let mut out: Vec<&str> = Vec::new();
    for place in places {
        let enable = sources[*place].enable.as_str();
        if !out.contains(&enable) {
            out.push(enable);
        }
    }
    json!(out)
}

/// A text, or null where there is none.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}
