//! The hunt: many rules over one store, findings out.
//!
//! Every rule is planned against the store's catalog. The scan reads each event type once and decides which
//! events each rule's condition holds for. A rule without stages makes a finding of each event; a rule with
//! stages passes those events through them ([`crate::exec`]), a correlation slides a window over those of its
//! inputs. Findings are saved as they are made, in one transaction. A rule that cannot run to its end is a failure of its
//! own: nothing of it is saved, all others are.
//!
//! The same rules over the same store give the same findings in the same order.

mod correlation;
mod count;
mod describe;
mod engine;
mod entity;
mod feed;
mod field;
mod finding;
mod hosts;
mod kept;
mod matched;
mod matching;
mod risk;
mod scan;
mod stages;
mod subsearch;
mod unanswered;
mod window;

use std::collections::BTreeSet;

use crate::cancel::Cancel;
use crate::catalog::{Catalog, EventId};
use crate::diag::Diagnostic;
use crate::exec::{Context, Fault};
use crate::ir::{Correlation, Function, Input, InputSource, Pred, Rule, Stage};
use crate::plan::{Branch, Plan, RowSource, plan};
use crate::store::{EventRange, HuntOutcome, HuntRecord, QueryLimits, Store, StoreError};
use crate::taxonomy::Taxonomy;
use correlation::{Correlator, InputPlan};
pub use correlation::{LeftOut, plan_inputs};
pub use count::{ConditionCount, count_conditions};
use describe::Describer;
pub use describe::{details_of_event, event_details};
pub use engine::Engine;
use finding::{FindingSaver, needed_fields};
use hosts::Hosts;
use matching::{ScanResult, match_events};
use scan::ScanWith;
pub use unanswered::{Unanswered, unanswered, unanswered_correlation};

/// What bounds a hunt. Made by [`HuntOptions::starting_at`]; there is no default, because nothing below the caller reads a clock.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HuntOptions {
    /// Events from this time on (µs UTC).
    pub since_us: Option<i64>,
    /// Events before this time (µs UTC).
    pub until_us: Option<i64>,
    /// When the hunt begins (µs UTC): for the record.
    pub started_us: i64,
    /// Stops the hunt: what the rules found that are finished by then is saved.
    pub cancel: Cancel,
    /// How rules are run.
    pub engine: Engine,
    /// Length (µs) of the windows that rules are replayed in whose results depend on them ([`crate::ir::WindowClass::Windows`]), as a
    /// schedule would have run them; none: the whole time is one window. Windows begin at multiples of it since 1970.
    pub window_us: Option<i64>,
    /// How many event types, or parts of large ones, are read at a time by [`Engine::Scan`]. What is found does not depend on it.
    pub jobs: usize,
    /// A part of an event type that is read at the same time as others has at least so many events.
    pub part_events: u64,
    /// What bounds each statement of [`Engine::Sqlite`].
    pub statements: QueryLimits,
}

impl HuntOptions {
    /// A hunt over all events that begins at this time (µs UTC).
    pub fn starting_at(started_us: i64) -> Self {
        Self {
            since_us: None,
            until_us: None,
            started_us,
            cancel: Cancel::default(),
            engine: Engine::default(),
            window_us: None,
            jobs: 1,
            part_events: matching::PART_EVENTS,
            statements: QueryLimits::default(),
        }
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
    /// A rule with stages, or a correlation, is about to run.
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
    /// Rules that could not run to their end, and why: indices into the rules, and behind them the correlations.
    pub failed: Vec<(usize, Diagnostic)>,
    /// Rules that the engine has no text for, and what the text would lack: indices into the rules, and behind them the
    /// correlations. They were not hunted.
    pub without_text: Vec<(usize, Vec<Diagnostic>)>,
    /// Correlations (indices) that had to leave out some of the events that their rules match.
    pub left_out: Vec<(usize, LeftOut)>,
    /// How many rules and reporting correlations the hunt did not finish, because it was asked to stop; else none.
    pub unfinished: Option<usize>,
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
    let watermark = store.last_event()?;
    let range = EventRange { first: EventId(1), last: watermark, since_us: options.since_us, until_us: options.until_us };
    // A statement has no place for what a search in brackets found: it would be another text with other events.
    let brackets = match options.engine {
        Engine::Scan => resolve_brackets(store, &catalog, rules, taxonomy, options, range)?,
        Engine::Sqlite => None,
    };
    let (resolved, newest_us, hosts) = match brackets {
        Some(brackets) => (brackets.rules, Some(brackets.newest_us), Some(brackets.hosts)),
        None => (vec![None; rules.len()], None, None),
    };
    let queries =
        rules.iter().zip(&resolved).map(|(rule, resolved)| resolved.as_ref().and_then(|resolved| resolved.as_ref().ok()).unwrap_or(rule));
    let plans: Vec<Plan> = queries.map(|rule| window::plan_rule(rule, options.window_us, &catalog, taxonomy)).collect();
    let inputs = plan_inputs(correlations, &catalog, taxonomy);
    if options.engine == Engine::Sqlite {
        let planned = engine::PlannedRules { catalog: &catalog, taxonomy, plans: &plans, inputs: &inputs };
        return engine::run(store, rules, correlations, &planned, options, progress);
    }
    let trees: Vec<Vec<&Plan>> = plans.iter().map(Plan::tree).collect();
    let all: Vec<&Plan> = trees.iter().flatten().copied().chain(inputs.iter().map(|(.., plan)| plan)).collect();
    let context = context(&all, options.until_us, || newest_us.map_or_else(|| store.newest_time(), Ok))?;
    let hosts = hosts.map_or_else(|| Hosts::of(store, &all), Ok)?;
    let with = ScanWith { context: &context, hosts: &hosts, cancel: &options.cancel, jobs: options.jobs, part_events: options.part_events };
    let mut found = match_events(store, &catalog, &all, range, &with, progress)?;
    found.first_input = trees.iter().map(Vec::len).sum();

    let record =
        HuntRecord { started_us: options.started_us, since_us: options.since_us, until_us: options.until_us, last_event: watermark };
    let hunted = describe::hunted(rules, correlations);
    let mut saver = FindingSaver::new(store, &catalog, &context, store.hunt_writer(&record, &hunted)?)?;
    let mut stop = Stop { cancel: &options.cancel, in_scan: !found.unread.is_empty(), unfinished: None };
    let matched = MatchedRules { rules, resolved: &resolved, trees: &trees, found: &found, window_us: options.window_us };
    let mut tally = Tally::default();
    let plans_of = trees.iter().cloned();
    let mut describer = Describer::new((store, &catalog, taxonomy), (rules, correlations), &hunted, plans_of, (&inputs, &record));
    matched.findings(false, &mut saver, &mut stop, &mut tally, progress)?;
    let correlated = correlate(store, &catalog, correlations, &inputs, &found, (&mut saver, rules.len(), &mut stop), progress)?;
    // Last, because they read what all others found, and on whom that puts risk.
    saver.describe(&describer)?;
    matched.findings(true, &mut saver, &mut stop, &mut tally, progress)?;
    let findings = saver.findings();
    let without = plans.iter().enumerate().filter(|(_, p)| !p.can_have_rows()).map(|(i, _)| i);
    let rules_without_events: Vec<usize> = without.chain(correlated.without_events).collect();
    let failed: Vec<(usize, Diagnostic)> = tally.failed.into_iter().chain(correlated.failed).collect();
    describer.without_events.extend(&rules_without_events);
    describer.failed = describe::failures(&failed);
    Ok(HuntSummary {
        outcome: saver.finish(&describer)?,
        rules: rules.len() + correlations.iter().filter(|c| c.reports).count(),
        rules_without_events,
        rules_with_findings: tally.with_findings + correlated.with_findings,
        findings,
        events_scanned: found.scanned,
        failed,
        without_text: Vec::new(),
        left_out: correlated.left_out,
        unfinished: stop.unfinished,
    })
}

/// The rules of a hunt and the events that each matches.
struct MatchedRules<'a> {
    rules: &'a [Rule],
    /// Those with searches in brackets, once these have run.
    resolved: &'a [Option<Result<Rule, Fault>>],
    /// By rule: its plan and those in the brackets of its stages.
    trees: &'a [Vec<&'a Plan>],
    found: &'a ScanResult,
    window_us: Option<i64>,
}

/// What came of rules.
#[derive(Default)]
struct Tally {
    failed: Vec<(usize, Diagnostic)>,
    with_findings: usize,
}

impl MatchedRules<'_> {
    /// Makes the findings of the rules that read the store's own findings, or of all others.
    fn findings(
        &self,
        of_risk: bool,
        saver: &mut FindingSaver<'_>,
        stop: &mut Stop<'_>,
        tally: &mut Tally,
        progress: &mut dyn FnMut(HuntProgress),
    ) -> Result<(), HuntError> {
        let reads_risk = |tree: &[&Plan]| tree.iter().any(|plan| matches!(plan.source, RowSource::Findings { .. }));
        if of_risk && self.trees.iter().any(|tree| reads_risk(tree)) {
            saver.read_risk()?;
        }
        let mut first = 0; // the place of the rule's first plan
        for (index, (rule, tree)) in self.rules.iter().zip(self.trees).enumerate() {
            let own = first..first + tree.len();
            first = own.end;
            if reads_risk(tree) != of_risk {
                continue;
            }
            if stop.leaves_out(tree.iter().any(|plan| self.found.unread_by(plan)), true) {
                saver.failed(index);
                continue;
            }
            let before = saver.findings();
            let broken = self.resolved[index].as_ref().and_then(|resolved| resolved.as_ref().err());
            let outcome = match broken.or_else(|| self.found.failed.range(own.clone()).map(|(_, fault)| fault).next()) {
                Some(fault) => Err(fault.clone()),
                None if rule.query.stages.is_empty() && rule.query.scope().is_some() && tree[0].steps.is_empty() => {
                    saver.row_findings(index, rule, tree[0], &self.found.events[own.start]).map(Ok)?
                }
                None => {
                    progress(HuntProgress::Stages { title: rule.meta.title.clone() });
                    saver.stage_findings(index, rule, tree[0], &self.found.events[own], self.window_us)?
                }
            };
            if let Err(fault) = outcome {
                saver.failed(index);
                tally.failed.push((index, failure(&fault)));
            }
            tally.with_findings += usize::from(saver.findings() > before);
        }
        Ok(())
    }
}

/// The searches in brackets of conditions, once they have run.
struct RunBrackets {
    /// The rules that have any, with rows in place of them; none where a rule has none.
    rules: Vec<Option<Result<Rule, Fault>>>,
    /// What was read of all events: the rest of the hunt asks the same.
    newest_us: Option<i64>,
    hosts: Hosts,
}

/// Runs the searches in brackets of conditions; none where no rule has any.
fn resolve_brackets(
    store: &Store,
    catalog: &Catalog,
    rules: &[Rule],
    taxonomy: &Taxonomy,
    options: &HuntOptions,
    range: EventRange,
) -> Result<Option<RunBrackets>, HuntError> {
    if !rules.iter().any(subsearch::has_any) {
        return Ok(None);
    }
    let newest_us = options.until_us.map_or_else(|| store.newest_time(), |until_us| Ok(Some(until_us)))?;
    let context = context_at(newest_us);
    let hosts = Hosts::all(store)?;
    let with = ScanWith { context: &context, hosts: &hosts, cancel: &options.cancel, jobs: options.jobs, part_events: options.part_events };
    let brackets = subsearch::SubsearchContext { store, catalog, taxonomy, context: &context, range, with: &with };
    let resolve = |rule| if subsearch::has_any(rule) { subsearch::resolve(&brackets, rule).map(Some) } else { Ok(None) };
    let rules = rules.iter().map(resolve).collect::<Result<_, _>>()?;
    Ok(Some(RunBrackets { rules, newest_us, hosts }))
}

/// A hunt that may be asked to stop. Where that was in the scan, the rules whose event types were all read by then still
/// get their findings: they are few steps away. Later, the rule at hand is the last.
struct Stop<'c> {
    cancel: &'c Cancel,
    in_scan: bool,
    unfinished: Option<usize>,
}

impl Stop<'_> {
    /// Whether a rule is not finished; counts it then, where it reports findings.
    fn leaves_out(&mut self, is_unread: bool, reports: bool) -> bool {
        let leaves_out = is_unread || (!self.in_scan && self.cancel.is_cancelled());
        if leaves_out {
            // Rules that only feed a correlation are not counted: the correlation is.
            *self.unfinished.get_or_insert(0) += usize::from(reports);
        }
        leaves_out
    }
}

/// What expressions ask beside the row: the time that is now is the end of the hunted time, else that of the newest event,
/// which is looked up only where a rule asks.
fn context(
    plans: &[&Plan],
    until_us: Option<i64>,
    newest: impl FnOnce() -> Result<Option<i64>, StoreError>,
) -> Result<Context, StoreError> {
    let filter_asks = |branch: &Branch| branch.filter.any_leaf(&|leaf| matches!(leaf, Pred::Scalar(scalar) if scalar.calls(Function::Now)));
    let stage_asks = |stage: &Stage| stage.calls(Function::Now);
    let asks =
        |plan: &&Plan| matches!(plan.source, RowSource::Made(_)) || plan.branches.iter().any(filter_asks) || plan.stages().any(stage_asks);
    let is_asked = until_us.is_none() && plans.iter().any(asks);
    let newest_us = if is_asked { newest()? } else { until_us };
    Ok(context_at(newest_us))
}

#[allow(clippy::cast_precision_loss, reason = "a double holds the microseconds of our times")]
fn context_at(now_us: Option<i64>) -> Context {
    Context::new(now_us.map(|us| us as f64 / 1e6))
}

fn failure(fault: &Fault) -> Diagnostic {
    Diagnostic::error(fault.code(), fault.to_string())
}

/// What the correlations of a hunt gave.
#[derive(Default)]
struct Correlated {
    with_findings: usize,
    without_events: Vec<usize>,
    left_out: Vec<(usize, LeftOut)>,
    failed: Vec<(usize, Diagnostic)>,
    unfinished: BTreeSet<usize>,
}

/// Runs the correlations; `rules` is the number of rules before them.
fn correlate(
    store: &Store,
    catalog: &Catalog,
    correlations: &[Correlation],
    inputs: &[InputPlan],
    found: &ScanResult,
    (saver, rules, stop): (&mut FindingSaver<'_>, usize, &mut Stop<'_>),
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<Correlated, HuntError> {
    let mut out = Correlated::default();
    let mut correlator = Correlator::new(store, catalog, correlations);
    for (index, correlation) in correlations.iter().enumerate() {
        let is_unfinished = |input: &Input| matches!(input.source, InputSource::Correlation(earlier) if out.unfinished.contains(&earlier));
        let mut own = inputs.iter().filter(|(own, ..)| *own == index);
        let is_unread = own.any(|(.., plan)| found.unread_by(plan)) || correlation.inputs.iter().any(is_unfinished);
        if stop.leaves_out(is_unread, correlation.reports) {
            out.unfinished.insert(index);
            saver.failed(rules + index);
            correlator.next(&[], rules + index)?; // those that build on it keep their places
            continue;
        }
        progress(HuntProgress::Stages { title: correlation.meta.title.clone() });
        let matched: Vec<(usize, &Plan, Vec<EventId>)> = (found.first_input..)
            .zip(inputs)
            .filter(|(_, (own, ..))| *own == index)
            .map(|(place, (_, input, plan))| (*input, plan, found.events[place].sorted()))
            .collect();
        let own: Vec<(usize, &Plan, &[EventId])> = matched.iter().map(|(input, plan, events)| (*input, *plan, events.as_slice())).collect();
        // Chosen by its text: which of several faults is met first depends on the order of event types.
        let faults =
            (found.first_input..).zip(inputs).filter(|(_, (own, ..))| *own == index).filter_map(|(place, _)| found.failed.get(&place));
        if let Some(fault) = faults.min_by_key(|fault| fault.to_string()) {
            saver.failed(rules + index);
            out.failed.push((rules + index, failure(fault)));
        }
        if correlation.reports && own.len() == correlation.inputs.len() && own.iter().all(|(_, plan, _)| plan.branches.is_empty()) {
            out.without_events.push(rules + index);
        }
        let (findings, left_out) = correlator.next(&own, rules + index)?;
        out.with_findings += usize::from(!findings.is_empty());
        findings.iter().try_for_each(|finding| saver.save(finding))?;
        if left_out.total() > 0 {
            out.left_out.push((index, left_out));
        }
    }
    Ok(out)
}
