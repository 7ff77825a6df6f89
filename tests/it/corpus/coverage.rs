//! Coverage over the public Sigma rules: without the events of one source exactly those rules are silent that nothing else answers.

use std::collections::{BTreeMap, BTreeSet};

use retrohunt::Taxonomy;
use retrohunt::catalog::{Catalog, EventType};
use retrohunt::compile::{CompileOptions, RuleSet, load_rules};
use retrohunt::coverage::{Coverage, RuleState, coverage};
use retrohunt::load::{LoadOptions, load};
use retrohunt::plan::plan;
use retrohunt::store::Store;
use retrohunt::taxonomy::Visibility;

use crate::support::shared::shared;

/// Fewer rules than this would say that the rules or the logs are not what they were.
const FLIPPED_MIN: usize = 300;

fn of(set: &RuleSet, catalog: &Catalog) -> Coverage {
    coverage(set, catalog, Taxonomy::embedded(), &BTreeMap::new())
}

fn runnable(coverage: &Coverage) -> BTreeSet<&str> {
    coverage.rules.iter().filter(|rule| rule.state == RuleState::Runnable).map(|rule| rule.id.as_str()).collect()
}

#[test]
fn removing_sysmon_1_flips_the_rules_that_nothing_else_answers() {
    let (Some(rules), Some(logs)) = (shared("rules/sigmahq"), shared("corpora/dev/evtx/sigma-regression")) else { return };
    let set = load_rules(&[rules], &CompileOptions::default());
    let mut store = Store::in_memory().unwrap();
    load(&mut store, &[logs], &LoadOptions::default(), &mut |_| {}).unwrap();
    let with = store.catalog().unwrap();
    let is_created = |of: &EventType| of.dataset == "Microsoft-Windows-Sysmon/Operational" && of.code == "1";
    let created: BTreeSet<_> = with.types.iter().filter(|of| is_created(of)).map(|of| of.id).collect();
    assert_eq!(created.len(), 1, "the logs have events of Sysmon 1");
    let without = Catalog { types: with.types.iter().filter(|of| !is_created(of)).cloned().collect() };
    let (before, after) = (of(&set, &with), of(&set, &without));
    let flipped: BTreeSet<&str> = runnable(&before).difference(&runnable(&after)).copied().collect();
    // What the planner says of each rule: all events that it could match are of that type.
    let needs = |query| {
        let branches = plan(query, &[], &with, Taxonomy::embedded()).branches;
        !branches.is_empty() && branches.iter().all(|branch| created.contains(&branch.event_type))
    };
    let expected: BTreeSet<&str> = set.rules.iter().filter(|rule| needs(&rule.query)).map(|rule| rule.meta.id.as_str()).collect();
    assert_eq!(flipped, expected);
    assert!(flipped.len() >= FLIPPED_MIN, "{} rules", flipped.len());
    assert_eq!(runnable(&after).difference(&runnable(&before)).count(), 0, "less to see lets no rule run");
    let source = Visibility::embedded().sources().iter().position(|source| source.name == "Sysmon 1 (process creation)").unwrap();
    for rule in after.rules.iter().filter(|rule| flipped.contains(rule.id.as_str())) {
        assert!(rule.needs.contains(&source), "{} names its source: {:?}", rule.title, rule.needs);
    }
}
