//! The hunt: many rules over one store, findings out.
//!
//! Every rule is planned against the store's catalog. The scan reads each event type once and decides which
//! events each rule's condition holds for. A rule without stages makes a finding of each event; a rule with
//! stages runs its SQL over the events the scan found, a correlation slides a window over those of its inputs.
//! Findings are saved as they are made, in one transaction.
//!
//! The same rules over the same store give the same findings in the same order.

mod correlation;
mod field;
mod finding;
mod scan;
mod unanswered;

use std::collections::BTreeMap;

use crate::catalog::{Catalog, EventId, TypeId};
use crate::diag::Diagnostic;
use crate::ir::{Correlation, Rule, RuleMeta};
use crate::plan::{Plan, plan};
use crate::store::{EventRange, HuntOutcome, HuntRecord, Store, StoreError};
use crate::taxonomy::Taxonomy;
use correlation::{Correlator, InputPlan};
pub use correlation::{LeftOut, plan_inputs};
use finding::{Maker, needed_fields};
use scan::{ScanRule, scan};
pub use unanswered::{unanswered, unanswered_correlation};

/// What bounds a hunt. Made by [`HuntOptions::starting_at`]; there is no default, because nothing below the caller reads a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HuntOptions {
    /// Events from this time on (µs UTC).
    pub since_us: Option<i64>,
    /// Events before this time (µs UTC).
    pub until_us: Option<i64>,
    /// When the hunt begins (µs UTC): for the record.
    pub started_us: i64,
}

impl HuntOptions {
    /// A hunt over all events that begins at this time (µs UTC).
    pub fn starting_at(started_us: i64) -> Self {
        Self { since_us: None, until_us: None, started_us }
    }
}

/// How far a hunt is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HuntProgress {
    /// The rules are planned: so many events will be read.
    Planned {
        /// Events of all event types that any rule can match.
        events: u64,
    },
    /// So many of them were read.
    Scanned {
        /// Events read so far.
        events: u64,
    },
    /// The SQL of a rule with stages, or a correlation, is about to run.
    Stages {
        /// The rule's title.
        title: String,
    },
}

/// What a hunt did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HuntSummary {
    /// What was saved.
    pub outcome: HuntOutcome,
    /// Rules and reporting correlations hunted.
    pub rules: usize,
    /// Rules that no event type in the store can answer: indices into the rules, and behind them the correlations.
    pub rules_without_events: Vec<usize>,
    /// Rules with at least one finding.
    pub rules_with_findings: usize,
    /// Findings.
    pub findings: u64,
    /// Events read, each once per event type.
    pub events_scanned: u64,
    /// Rules that could not run, and why.
    pub failed: Vec<(usize, Diagnostic)>,
    /// Correlations (indices) that had to leave out some of the events that their rules match.
    pub left_out: Vec<(usize, LeftOut)>,
}

/// A hunt that could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HuntError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A pattern automaton could not be built.
    #[error("cannot build an automaton of {patterns} patterns: {source}")]
    Automaton {
        /// How many patterns.
        patterns: usize,
        /// What the library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A regular expression passed its rule's check and does not compile.
    #[error("cannot compile the regular expression `{pattern}`: {source}")]
    Regex {
        /// The expression.
        pattern: String,
        /// What the library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Plans a rule against a catalog with every field its findings need.
pub fn plan_rule(rule: &Rule, catalog: &Catalog, taxonomy: &Taxonomy) -> Plan {
    plan(&rule.query, &needed_fields(rule), catalog, taxonomy)
}

/// Hunts with rules and correlations over the store and saves the findings.
///
/// # Errors
/// When the store cannot be read or written, or a pattern cannot be compiled.
pub fn run(
    store: &mut Store,
    rules: &[Rule],
    correlations: &[Correlation],
    taxonomy: &Taxonomy,
    options: &HuntOptions,
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<HuntSummary, HuntError> {
    store.ensure_views()?;
    let catalog = store.catalog()?;
    let plans: Vec<Plan> = rules.iter().map(|rule| plan_rule(rule, &catalog, taxonomy)).collect();
    let inputs = plan_inputs(correlations, &catalog, taxonomy);
    let all: Vec<&Plan> = plans.iter().chain(inputs.iter().map(|(.., plan)| plan)).collect();
    let watermark = store.last_event()?;
    let range = EventRange { first: EventId(1), last: watermark, since_us: options.since_us, until_us: options.until_us };
    let (events, events_scanned) = match_events(store, &catalog, &all, range, progress)?;

    let record =
        HuntRecord { started_us: options.started_us, since_us: options.since_us, until_us: options.until_us, last_event: watermark };
    let metas: Vec<&RuleMeta> = rules.iter().map(|rule| &rule.meta).chain(correlations.iter().map(|c| &c.meta)).collect();
    let mut maker = Maker::new(store, &catalog, store.hunt_writer(&record, &metas)?)?;
    let mut failed = Vec::new();
    let mut rules_with_findings = 0;
    for (index, (rule, plan)) in rules.iter().zip(&plans).enumerate() {
        let before = maker.findings();
        if rule.query.stages.is_empty() {
            maker.row_findings(index, rule, plan, &events[index])?;
        } else if !plan.branches.is_empty() {
            progress(HuntProgress::Stages { title: rule.meta.title.clone() });
            if let Err(diagnostic) = maker.stage_findings(index, rule, plan, &events[index])? {
                failed.push((index, diagnostic));
            }
        }
        rules_with_findings += usize::from(maker.findings() > before);
    }
    let correlated = correlate(store, &catalog, correlations, &inputs, &events[rules.len()..], (&mut maker, rules.len()), progress)?;
    let findings = maker.findings();
    let without = plans.iter().enumerate().filter(|(_, p)| p.branches.is_empty()).map(|(i, _)| i);
    Ok(HuntSummary {
        outcome: maker.finish()?,
        rules: rules.len() + correlations.iter().filter(|c| c.reports).count(),
        rules_without_events: without.chain(correlated.without_events).collect(),
        rules_with_findings: rules_with_findings + correlated.with_findings,
        findings,
        events_scanned,
        failed,
        left_out: correlated.left_out,
    })
}

/// What the correlations of a hunt gave.
#[derive(Default)]
struct Correlated {
    with_findings: usize,
    without_events: Vec<usize>,
    left_out: Vec<(usize, LeftOut)>,
}

/// Runs the correlations; `events` are those of `inputs`, `rules` is the number of rules before them.
fn correlate(
    store: &Store,
    catalog: &Catalog,
    correlations: &[Correlation],
    inputs: &[InputPlan],
    events: &[Vec<EventId>],
    (maker, rules): (&mut Maker<'_>, usize),
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<Correlated, HuntError> {
    let mut out = Correlated::default();
    let mut correlator = Correlator::new(store, catalog, correlations);
    for (index, correlation) in correlations.iter().enumerate() {
        progress(HuntProgress::Stages { title: correlation.meta.title.clone() });
        let matched = inputs.iter().zip(events).filter(|((own, ..), _)| *own == index);
        let own: Vec<(usize, &Plan, &[EventId])> = matched.map(|((_, input, plan), events)| (*input, plan, events.as_slice())).collect();
        if correlation.reports && own.len() == correlation.inputs.len() && own.iter().all(|(_, plan, _)| plan.branches.is_empty()) {
            out.without_events.push(rules + index);
        }
        let (findings, left_out) = correlator.next(&own, rules + index)?;
        out.with_findings += usize::from(!findings.is_empty());
        findings.iter().try_for_each(|finding| maker.save(finding))?;
        if left_out.total() > 0 {
            out.left_out.push((index, left_out));
        }
    }
    Ok(out)
}

/// The events that each rule's condition holds for, ascending; and how many were read.
fn match_events(
    store: &Store,
    catalog: &Catalog,
    plans: &[&Plan],
    range: EventRange,
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<(Vec<Vec<EventId>>, u64), HuntError> {
    let mut by_type: BTreeMap<TypeId, Vec<ScanRule<'_>>> = BTreeMap::new();
    for (rule, plan) in plans.iter().enumerate() {
        for branch in &plan.branches {
            by_type.entry(branch.event_type).or_default().push(ScanRule { rule, filter: &branch.filter });
        }
    }
    let total = by_type.keys().filter_map(|id| catalog.event_type(*id)).map(|t| t.events).sum();
    progress(HuntProgress::Planned { events: total });
    let mut events: Vec<Vec<EventId>> = vec![Vec::new(); plans.len()];
    let mut scanned = 0;
    for (id, rules) in &by_type {
        let event_type = catalog.event_type(*id).expect("plans name types of this catalog");
        scanned += scan(store, event_type, rules, range, &mut |rule, event| events[rule].push(event))?;
        progress(HuntProgress::Scanned { events: scanned });
    }
    for list in &mut events {
        list.sort_unstable();
    }
    Ok((events, scanned))
}
