//! The same hunt by both engines: whatever has a portable text must leave the same findings.

use std::collections::{BTreeMap, BTreeSet};

use retrohunt::diag::Diagnostic;
use retrohunt::hunt::{self, Engine, HuntOptions, HuntSummary};
use retrohunt::ir::{Correlation, Rule};
use retrohunt::store::{FindingFilter, FindingRow, Store};
use retrohunt::taxonomy::Taxonomy;
use serde_json::{Map, Value};

/// What both engines say.
pub(crate) struct Both {
    /// What differs, in words.
    pub(crate) differences: Vec<String>,
    /// Rules and correlations that have no text.
    pub(crate) without_text: usize,
    /// Rules and correlations that ask any event.
    pub(crate) asked: usize,
    /// What the others lack: in how many rules.
    pub(crate) gaps: BTreeMap<String, usize>,
    /// Findings of those with a text.
    pub(crate) findings: usize,
    /// What SQLite did not run to its end: the rule's id and why.
    pub(crate) failed: Vec<(String, Diagnostic)>,
}

/// A finding and the events behind it.
type Saved = BTreeMap<String, (FindingRow, Vec<i64>)>;

/// Hunts by the scan, then by statements, and compares what was saved.
pub(crate) fn both(store: &mut Store, rules: &[Rule], correlations: &[Correlation]) -> Both {
    let ids: Vec<&str> = rules.iter().map(|rule| &rule.meta).chain(correlations.iter().map(|c| &c.meta)).map(|m| m.id.as_str()).collect();
    let (scanned, by_scan) = hunted(store, rules, correlations, Engine::Scan);
    let (run, by_sql) = hunted(store, rules, correlations, Engine::Sqlite);
    let told = |list: &[usize]| -> BTreeSet<&str> { list.iter().map(|index| ids[*index]).collect() };
    let without_text = told(&run.without_text.iter().map(|(index, _)| *index).collect::<Vec<_>>());
    let failed = told(&run.failed.iter().chain(&scanned.failed).map(|(index, _)| *index).collect::<Vec<_>>());
    let asked = |row: &FindingRow| !without_text.contains(row.rule_id.as_str()) && !failed.contains(row.rule_id.as_str());

    let mut differences = Vec::new();
    for (identity, (row, events)) in by_scan.iter().filter(|(_, (row, _))| asked(row)) {
        match by_sql.get(identity) {
            None => differences.push(format!("{}: only the scan has {:?} {:?}", row.rule_id, row.group, row.columns)),
            Some((other, others)) => differences.extend(difference((row, events), (other, others))),
        }
    }
    for (identity, (row, _)) in by_sql.iter().filter(|(_, (row, _))| asked(row)) {
        if !by_scan.contains_key(identity) {
            differences.push(format!("{}: only the statement has {:?} {:?}", row.rule_id, row.group, row.columns));
        }
    }
    let mut gaps = BTreeMap::new();
    for gap in run.without_text.iter().flat_map(|(_, gaps)| gaps) {
        *gaps.entry(gap.message.clone()).or_default() += 1;
    }
    Both {
        differences,
        gaps,
        asked: run.rules - run.rules_without_events.len(),
        without_text: run.without_text.len(),
        findings: by_sql.len(),
        failed: run.failed.iter().map(|(index, fault)| (ids[*index].to_owned(), fault.clone())).collect(),
    }
}

fn hunted(store: &mut Store, rules: &[Rule], correlations: &[Correlation], engine: Engine) -> (HuntSummary, Saved) {
    let mut options = HuntOptions::starting_at(0);
    options.engine = engine;
    let summary = hunt::run(store, rules, correlations, Taxonomy::embedded(), &options, &mut |_| {}).expect("a hunt");
    let mut filter = FindingFilter::default();
    filter.hunt = Some(summary.outcome.hunt_id);
    let mut events: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for row in store.evidence(&filter).expect("evidence") {
        events.entry(row.finding_id).or_default().insert(row.event.0);
    }
    let rows = store.findings(&filter).expect("findings");
    assert_eq!(rows.len() as u64, summary.findings, "every result row is a finding of its own");
    let saved = rows.into_iter().map(|row| {
        let events = events.remove(&row.finding_id).unwrap_or_default().into_iter().collect();
        (row.identity.clone(), (row, events))
    });
    (summary, saved.collect())
}

fn difference((a, a_events): (&FindingRow, &[i64]), (b, b_events): (&FindingRow, &[i64])) -> Option<String> {
    let row = a;
    let told = |what: &str, a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| {
        Some(format!("{}: {what}\n  by the scan       {a:?}\n  by the statement  {b:?}", row.rule_id))
    };
    let whole = |row: &FindingRow| (row.count, row.first_time_us, row.last_time_us, row.group.clone(), row.risk_score.map(f64::to_bits));
    let texts = |row: &FindingRow| (row.rule_id.clone(), row.message.clone(), row.risk_objects.clone());
    if whole(a) != whole(b) {
        return told("count, times, group", &whole(a), &whole(b));
    }
    if texts(a) != texts(b) {
        return told("message, risk objects", &texts(a), &texts(b));
    }
    if !same_columns(&a.columns, &b.columns) {
        return told("columns", &a.columns, &b.columns);
    }
    if a_events == b_events { None } else { told("events", &a_events, &b_events) }
}

/// The last digits of a number may differ, as sums do that are made in another order.
fn same_columns(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    let same = |a: &Value, b: &Value| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 2e-6 + a.abs() * 1e-12,
        _ => a == b,
    };
    a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| same(value, other)))
}
