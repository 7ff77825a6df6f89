//! What a set of rules can see in a store: which rules run, which techniques are looked for, and what would have to be logged for the
//! others.
//!
//! A rule that finds nothing says something only where it could have found something. [`coverage`] puts together what compiling
//! ([`crate::status`]) and planning ([`crate::hunt::unanswered`]) say of each rule, the findings of the store, and the sources of
//! [`crate::taxonomy::Visibility`]. It hunts nothing and reads no event. A source that the store has no events of is *not observed*:
//! it may be off, or it was not collected.

mod source;
mod technique;

use std::collections::{BTreeMap, HashSet};

use crate::catalog::Catalog;
use crate::compile::RuleSet;
use crate::diag::{Diagnostic, Severity};
use crate::hunt::{unanswered, unanswered_correlation};
use crate::ir::{InputSource, Language, Level, Query, Rule, RuleMeta, Scope};
use crate::status::{Status, Verdict, named_sources, verdicts};
use crate::taxonomy::{AttackMatrix, Taxonomy, Visibility};

use source::SourceFinder;
pub use technique::{TechniqueCoverage, TechniqueState};

/// What rules can see in a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// The rules that make findings of their own, and those that do not compile, in path order.
    pub rules: Vec<RuleCoverage>,
    /// The sources that any of the rules reads or needs, most silent rules first.
    pub sources: Vec<SourceCoverage>,
    /// The techniques of the rules and of the findings, by id.
    pub techniques: Vec<TechniqueCoverage>,
}

/// What a rule can do in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleState {
    /// Its silence means that it found nothing.
    Runnable,
    /// The store has no events that it could match, or a table that it reads is not there.
    NoData,
    /// No event that it could match has a field that it needs.
    NoField,
    /// It uses a part of its language that is not supported.
    Unsupported,
    /// It is wrong.
    Invalid,
}

impl RuleState {
    /// As output has it; the view `rule_outcomes` has the same words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runnable => "runnable",
            Self::NoData => "no-data",
            Self::NoField => "no-field",
            Self::Unsupported => "unsupported",
            Self::Invalid => "invalid",
        }
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleCoverage {
    /// The rule's own id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub path: String,
    /// Its language.
    pub language: Language,
    /// Its level; none where it does not compile.
    pub level: Option<Level>,
    /// Its ATT&CK techniques as they are called today.
    pub techniques: Vec<String>,
    /// Its own tactics as they are called today.
    pub tactics: Vec<String>,
    /// What it can do.
    pub state: RuleState,
    /// What it lacks, by name: log sources, fields, lookups, commands.
    pub missing: Vec<String>,
    /// Why, in words. Of a rule that runs: which of its parts never match.
    pub why: Vec<String>,
    /// Places in [`Visibility::sources`]: what the store has no events of and what would, as far as names say, let it run.
    pub needs: Vec<usize>,
    /// Its current findings.
    pub findings: u64,
}

/// A source of events.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceCoverage {
    /// Its place in [`Visibility::sources`].
    pub source: usize,
    /// Events of it in the store.
    pub events: u64,
    /// Rules that could match its events.
    pub rules: usize,
    /// Rules that cannot run and might with it.
    pub silent: usize,
    /// Techniques that are blind and might not be with it.
    pub blind: Vec<String>,
}

/// The current findings of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundByRule {
    /// How many.
    pub findings: u64,
    /// The ATT&CK techniques of the rule, as the findings have them.
    pub techniques: Vec<String>,
}

/// Says what the rules of a set can see in a store with this catalog. `found`: by the rule's id, what of the store's findings is current.
pub fn coverage(set: &RuleSet, catalog: &Catalog, taxonomy: &Taxonomy, found: &BTreeMap<String, FoundByRule>) -> Coverage {
    let (visibility, matrix) = (Visibility::embedded(), AttackMatrix::embedded());
    let mut finder = SourceFinder::new(visibility, catalog, taxonomy);
    let mut rules = Vec::new();
    let of = |meta: &RuleMeta| RuleCoverage {
        id: meta.id.clone(),
        title: meta.title.clone(),
        path: meta.path.clone(),
        language: meta.language.unwrap_or(Language::Sigma),
        level: meta.effective_level(),
        techniques: matrix.techniques_of(&meta.techniques),
        tactics: matrix.tactics_of(&meta.tactics),
        state: RuleState::Runnable,
        missing: Vec::new(),
        why: Vec::new(),
        needs: Vec::new(),
        findings: found.get(&meta.id).map_or(0, |found| found.findings),
    };
    for rule in &set.rules {
        let said = unanswered(rule, catalog, taxonomy);
        let mut out = RuleCoverage { why: said.notes.iter().map(|note| note.message.clone()).collect(), ..of(&rule.meta) };
        let read = finder.read_by(&[&rule.query]);
        if said.cannot_fire {
            out.state =
                if said.notes.iter().all(|note| note.code == "store-field-absent") { RuleState::NoField } else { RuleState::NoData };
            out.missing = missing_of(rule, &said.notes);
            out.needs = finder.missing_for(&[&rule.query], &read);
        }
        finder.count(&read, &out.needs);
        rules.push(out);
    }
    for (index, correlation) in set.correlations.iter().enumerate().filter(|(_, correlation)| correlation.reports) {
        let mut out = of(&correlation.meta);
        let queries = queries_of(index, set);
        let read = finder.read_by(&queries);
        if let Some(note) = unanswered_correlation(index, &set.correlations, catalog, taxonomy) {
            out.state = RuleState::NoData;
            out.needs = finder.missing_for(&queries, &read);
            out.missing = names(&[&note]);
            out.why = vec![note.message];
        }
        finder.count(&read, &out.needs);
        rules.push(out);
    }
    rules.extend(verdicts(set).iter().filter_map(|verdict| left_out(verdict, matrix)));
    rules.sort_by(|a, b| (&a.path, &a.title).cmp(&(&b.path, &b.title)));
    let techniques = technique::of(&rules, found, matrix);
    let sources = finder.sources(&rules, &techniques);
    Coverage { rules, sources, techniques }
}

/// What a rule lacks, by name. A search over all events says itself which it means, by their source.
fn missing_of(rule: &Rule, notes: &[Diagnostic]) -> Vec<String> {
    let mut of_store = names(&notes.iter().collect::<Vec<_>>());
    // The log is there and these events are not: without their ids it would read as if the log were missing.
    if notes.iter().any(|note| note.code == "store-type-absent")
        && let ([name], codes @ [_, ..]) = (&mut of_store[..], &source::event_ids(&rule.query)[..])
    {
        name.push_str(&format!(", event {}", codes.join(", ")));
    }
    let is_about_events = notes.iter().any(|note| note.code != "store-field-absent");
    if !is_about_events || rule.query.scope() != Some(&Scope::Any) {
        return of_store;
    }
    let named = named_sources(&rule.query);
    if named.is_empty() { of_store } else { named }
}

/// A document that does not compile, as a rule; none where it does.
fn left_out(verdict: &Verdict<'_>, matrix: &AttackMatrix) -> Option<RuleCoverage> {
    let faults: Vec<&Diagnostic> =
        verdict.reasons.iter().map(|reason| reason.diagnostic).filter(|fault| fault.severity == Severity::Error).collect();
    let state = match verdict.status {
        _ if faults.is_empty() => return None,
        Status::Answered | Status::NeedsData => RuleState::NoData,
        Status::Unsupported => RuleState::Unsupported,
        Status::Invalid => RuleState::Invalid,
    };
    let document = verdict.document;
    Some(RuleCoverage {
        id: document.id.clone(),
        title: document.name.clone(),
        path: document.source.path.clone(),
        language: document.language,
        level: None,
        techniques: matrix.techniques_of(&document.techniques),
        tactics: Vec::new(),
        state,
        missing: names(&faults),
        why: faults.iter().map(|fault| fault.message.clone()).collect(),
        needs: Vec::new(),
        findings: 0,
    })
}

/// What diagnostics are about, each once.
fn names(diagnostics: &[&Diagnostic]) -> Vec<String> {
    let mut seen = HashSet::new();
    let subjects = diagnostics.iter().filter_map(|diagnostic| diagnostic.subject.as_ref());
    subjects.map(|subject| format!("{} {}", subject.kind.as_str(), subject.name)).filter(|name| seen.insert(name.clone())).collect()
}

/// The queries of a correlation and of those that it builds on.
fn queries_of(index: usize, set: &RuleSet) -> Vec<&Query> {
    let inputs = set.correlations[index].inputs.iter();
    inputs
        .flat_map(|input| match &input.source {
            InputSource::Query(query) => vec![query],
            InputSource::Correlation(earlier) => queries_of(*earlier, set),
        })
        .collect()
}
