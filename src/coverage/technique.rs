//! Techniques of ATT&CK: which were found, which would be, and which nobody looks for.

use std::collections::BTreeMap;

use super::{FoundByRule, RuleCoverage, RuleState};
use crate::taxonomy::AttackMatrix;

/// A technique.
#[derive(Debug, Clone, PartialEq)]
pub struct TechniqueCoverage {
    /// Its id of today, or as rules have it where the matrix does not know it.
    pub id: String,
    /// Its name; empty where the matrix does not know it.
    pub name: String,
    /// The short names of its tactics, in the order of the matrix.
    pub tactics: Vec<String>,
    /// What is seen of it.
    pub state: TechniqueState,
    /// Current findings of rules that name it.
    pub findings: u64,
    /// The rules that name it, by state.
    pub rules: BTreeMap<RuleState, usize>,
    /// What its silent rules lack, most rules first, by name.
    pub missing: Vec<String>,
    /// What the store has no events of and its silent rules need, most rules first: places in
    /// [`crate::taxonomy::Visibility::sources`].
    pub needs: Vec<usize>,
}

/// What is seen of a technique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TechniqueState {
    /// There are findings.
    Fired,
    /// There are none, and a rule would have made one.
    CouldFire,
    /// There are rules, and none can run.
    Blind,
}

impl TechniqueState {
    /// As output has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::CouldFire => "could fire",
            Self::Blind => "blind",
        }
    }
}

/// The techniques of rules and findings, by id.
pub(super) fn of(rules: &[RuleCoverage], found: &BTreeMap<String, FoundByRule>, matrix: &AttackMatrix) -> Vec<TechniqueCoverage> {
    let mut by_id: BTreeMap<&str, Vec<&RuleCoverage>> = BTreeMap::new();
    for rule in rules {
        rule.techniques.iter().for_each(|id| by_id.entry(id).or_default().push(rule));
    }
    let mut findings: BTreeMap<String, u64> = BTreeMap::new();
    for of_rule in found.values() {
        for id in matrix.techniques_of(&of_rule.techniques) {
            *findings.entry(id).or_default() += of_rule.findings;
        }
    }
    // A technique that only rules outside of the set have found is there as well.
    for id in findings.keys() {
        by_id.entry(id).or_default();
    }
    by_id.into_iter().map(|(id, rules)| one(id, &rules, findings.get(id).copied().unwrap_or(0), matrix)).collect()
}

fn one(id: &str, rules: &[&RuleCoverage], findings: u64, matrix: &AttackMatrix) -> TechniqueCoverage {
    let mut states: BTreeMap<RuleState, usize> = BTreeMap::new();
    rules.iter().for_each(|rule| *states.entry(rule.state).or_default() += 1);
    let silent = || rules.iter().filter(|rule| rule.state != RuleState::Runnable);
    let state = match (findings, states.contains_key(&RuleState::Runnable)) {
        (1.., _) => TechniqueState::Fired,
        (0, true) => TechniqueState::CouldFire,
        (0, false) => TechniqueState::Blind,
    };
    let tactics = match matrix.technique(id) {
        Some(technique) => technique.tactics.clone(),
        None => {
            let named = |short: &str| rules.iter().any(|rule| rule.tactics.iter().any(|own| own == short));
            matrix.tactics().iter().map(|tactic| tactic.short.clone()).filter(|short| named(short)).collect()
        }
    };
    TechniqueCoverage {
        id: id.to_owned(),
        name: matrix.full_name(id),
        tactics,
        state,
        findings,
        rules: states,
        missing: by_number(silent().flat_map(|rule| rule.missing.iter().cloned())),
        needs: by_number(silent().flat_map(|rule| rule.needs.iter().copied())),
    }
}

/// Each once, the most frequent first.
fn by_number<T: Ord + Clone>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    all.for_each(|one| *counts.entry(one).or_default() += 1);
    let mut out: Vec<(T, usize)> = counts.into_iter().collect();
    out.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    out.into_iter().map(|(one, _)| one).collect()
}
