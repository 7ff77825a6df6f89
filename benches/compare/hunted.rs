//! What a hunt finds, read back as what it saved.

use std::collections::{BTreeMap, BTreeSet};

use retrohunt::catalog::Catalog;
use retrohunt::hunt::{self, HuntOptions, plan_rule};
use retrohunt::ir::Rule;
use retrohunt::plan::Kind;
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;

use super::evaluate::Row;
use super::found::{EVERY, Found, of_finding, only_filters};
use super::risk;

/// What a hunt saved.
pub(crate) struct Hunted {
    /// By rule.
    pub(crate) found: Vec<Found>,
    /// What searches over risk read in this hunt, newest first.
    pub(crate) risk: Vec<Row>,
}

/// Hunts for the first time with these rules: every result row is a finding, and every finding is new.
pub(crate) fn hunt(store: &mut Store, rules: &[Rule]) -> Hunted {
    let summary = hunt::run(store, rules, &[], Taxonomy::embedded(), &HuntOptions::starting_at(0), &mut |_| {}).unwrap();
    let ids = summary.failed.iter().map(|(rule, why)| (&rules[*rule].meta.id, why)).collect::<Vec<_>>();
    assert!(ids.is_empty(), "no rule fails: {ids:?}");
    assert_eq!(summary.outcome.new, summary.findings, "in the first hunt all that is found is new");
    let places: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(place, rule)| (rule.meta.id.as_str(), place)).collect();
    assert_eq!(places.len(), rules.len(), "every rule has an id of its own");
    let mut found = vec![Found::default(); rules.len()];
    let filters: BTreeSet<usize> = (0..rules.len()).filter(|rule| only_filters(&rules[*rule].query)).collect();
    let mut filter = FindingFilter::default();
    filter.hunt = Some(summary.outcome.hunt_id);
    let findings = store.findings(&filter).unwrap();
    assert_eq!(summary.findings, findings.len() as u64, "every finding can be read");
    for finding in &findings {
        let rule = places[finding.rule_id.as_str()];
        if !filters.contains(&rule) {
            found[rule].rows.push(of_finding(&finding.columns));
        }
    }
    for row in store.evidence(&filter).unwrap() {
        let rule = places[row.rule_id.as_str()];
        if filters.contains(&rule) {
            found[rule].events.push(row.event.0);
        }
    }
    let current = store.findings(&FindingFilter::default()).unwrap();
    found.iter_mut().for_each(|found| found.events.sort_unstable());
    found.iter_mut().for_each(|found| found.events.dedup()); // an event that several sources hold has a line for each of them
    Hunted {
        found: found.into_iter().map(Found::sorted).collect(),
        risk: risk::rows(&current, summary.outcome.hunt_id, &places.keys().copied().collect()),
    }
}

/// The columns of a rule's result rows.
pub(crate) fn columns(rule: &Rule, catalog: &Catalog) -> Vec<String> {
    let plan = plan_rule(rule, catalog, Taxonomy::embedded());
    let columns = &plan.result().columns;
    let is_spread = columns.iter().any(|column| column.kind == Kind::Spread);
    let names = columns.iter().filter(|column| column.kind != Kind::Spread).map(|column| column.name.clone());
    // Which columns values make is known only when the rule has run: then every column is shown.
    names.chain(is_spread.then(|| EVERY.to_owned())).collect()
}
