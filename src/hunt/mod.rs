//! The hunt: many rules over one store, findings out.
//!
//! Every rule is planned against the store's catalog. The scan reads each event type once and decides which
//! events each rule's condition holds for. A rule without stages makes a finding of each event; a rule with
//! stages passes those events through them ([`crate::exec`]), a correlation slides a window over those of its
//! inputs. Findings are saved as they are made, in one transaction. A rule that cannot run to its end is a failure of its
//! own: nothing of it is saved, all others are.
//!
//! The same rules over the same store give the same findings in the same order.

mod again;
mod at_once;
mod correlation;
mod count;
mod describe;
mod engine;
mod entity;
mod feed;
mod field;
mod finding;
mod hosts;
mod incremental;
mod kept;
mod loose;
mod matched;
mod matching;
mod parts;
mod risk;
mod scan;
mod stages;
mod subsearch;
mod telling;
mod unanswered;
mod window;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::cancel::Cancel;
use crate::catalog::{Catalog, EventId};
use crate::diag::Diagnostic;
use crate::exec::{Context, Fault};
use crate::ir::{Correlation, Function, Input, InputSource, Pred, Rule, Stage, WindowClass};
use crate::plan::{Branch, Plan, RowSource, plan};
use crate::store::{EventRange, HuntOutcome, HuntRecord, QueryLimits, Store, StoreError};
use crate::taxonomy::Taxonomy;
pub use again::again;
use correlation::{Correlator, InputPlan};
pub use correlation::{LeftOut, plan_inputs};
pub use count::{ConditionCount, count_conditions};
use describe::Describer;
pub use engine::Engine;
use finding::{FindingSaver, FindingsMaker, MatchedRows, needed_fields};
use incremental::{Change, correlations_to_run};
pub use incremental::{FullReason, RuleMode};
pub use loose::{AskedTypes, LooseError, LooseJudge, LooseRules, asked_types};
use matching::{MatchWith, match_events};
pub use telling::{details_of_event, event_details};
pub use unanswered::{Unanswered, unanswered, unanswered_correlation};
use work::{HuntWork, Matches, Planned};

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
    /// What tells the rules from others, with all that went into them; none: [`again`] never repeats the hunt.
    pub rules_key: Option<[u8; 16]>,
    /// Stops the hunt: what the rules found that are finished by then is saved.
    pub cancel: Cancel,
    /// How rules are run.
    pub engine: Engine,
    /// Reads all events for all rules, whatever earlier hunts know.
    pub full: bool,
    /// Length (µs) of the windows that rules are replayed in whose results depend on them ([`crate::ir::WindowClass::Windows`]), as a
    /// schedule would have run them; none: the whole time is one window. Windows begin at multiples of it since 1970.
    pub window_us: Option<i64>,
    /// How many event types, or parts of large ones, are read at a time by [`Engine::Scan`]. What is found does not depend on it.
    pub jobs: usize,
    /// A part of an event type that is read at the same time as others has at least so many events.
    pub part_events: u64,
    /// Matches of a rule with stages, by event type, that the next hunt may know one by one; of more only the number is kept.
    pub kept_matches: usize,
    /// What bounds each statement of [`Engine::Sqlite`].
    pub statements: QueryLimits,
    /// Rules, and behind them correlations, for which the store does not have all events, and why: they have no findings in this hunt, and
    /// their earlier findings stay. With [`Engine::Scan`].
    pub withheld: BTreeMap<usize, String>,
}

impl HuntOptions {
    /// Whether it is a scan over the whole time: the next one may know what it knows.
    fn is_whole(&self) -> bool {
        self.engine == Engine::Scan && self.since_us.is_none() && self.until_us.is_none()
    }

    /// A hunt over all events that begins at this time (µs UTC).
    pub fn starting_at(started_us: i64) -> Self {
        Self {
            since_us: None,
            until_us: None,
            started_us,
            cancel: Cancel::default(),
            engine: Engine::default(),
            full: false,
            rules_key: None,
            window_us: None,
            jobs: 1,
            part_events: matching::PART_EVENTS,
            kept_matches: incremental::KEPT_MATCHES,
            statements: QueryLimits::default(),
            withheld: BTreeMap::new(),
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
    /// Rules whose results depend on the window of time ([`crate::ir::WindowClass::Windows`]).
    pub windowed_rules: usize,
    /// Rules and correlations for which all events were read; for the others only those that are new.
    pub full_rules: usize,
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
    let mut planned = Planned::new(store, (rules, correlations), &catalog, taxonomy, options)?;
    if options.engine == Engine::Sqlite {
        let planned = engine::PlannedRules { catalog: &catalog, taxonomy, plans: &planned.plans, inputs: &planned.inputs };
        return engine::run(store, rules, correlations, &planned, options, progress);
    }
    planned.resolve_brackets(store, rules, &catalog, taxonomy, options, range)?;
    let trees: Vec<Vec<&Plan>> = planned.plans.iter().map(Plan::tree).collect();
    let all: Vec<&Plan> = trees.iter().flatten().copied().chain(planned.inputs.iter().map(|(.., plan)| plan)).collect();
    let context = context_at(planned.now_us);
    let with = MatchWith { context: &context, cancel: &options.cancel, jobs: options.jobs, part_events: options.part_events };
    let work = HuntWork::new(&planned.work, &trees, &planned.inputs, correlations);
    let mut found = match_events(store, &catalog, &all, &|place, event_type| work.new_events(place, event_type, range), with, progress)?;
    found.first_input = trees.iter().map(Vec::len).sum();
    found.failed.extend(work.withheld(&options.withheld));
    let again = work.match_again(&mut found, &|range_of| match_events(store, &catalog, &all, range_of, with, &mut |_| ()), range)?;

    let record = record(options, watermark);
    let hunted = describe::hunted(rules, correlations);
    let mut saver = FindingSaver::new(store, &catalog, &context, store.hunt_writer(&record, &hunted)?)?;
    let mut stop = Stop { cancel: &options.cancel, in_scan: !found.unread.is_empty(), unfinished: None };
    let remembers = (options.is_whole(), options.kept_matches);
    let matches = Matches { work: &work, found: &found, again: &again, last_event: watermark, remembers };
    let matched = MatchedRules { rules, resolved: &planned.resolved, trees: &trees, matches: &matches, options };
    let mut tally = Tally::default();
    let plans_of = trees.iter().cloned();
    let mut describer =
        Describer::new((store, &catalog, taxonomy), (rules, correlations), &hunted, plans_of, (&planned.inputs, &record, options.jobs));
    matched.findings(false, (&mut saver, &describer), &mut stop, &mut tally, progress)?;
    let correlated = correlate(store, &catalog, correlations, &planned.inputs, &matches, (&mut saver, rules.len(), &mut stop), progress)?;
    // Last, because they read what all others found, and on whom that puts risk.
    saver.describe(&describer)?;
    matched.findings(true, (&mut saver, &describer), &mut stop, &mut tally, progress)?;
    let findings = saver.findings();
    let without = planned.plans.iter().enumerate().filter(|(_, p)| !p.can_have_rows()).map(|(i, _)| i);
    let rules_without_events: Vec<usize> = without.chain(correlated.without_events).collect();
    let failed: Vec<(usize, Diagnostic)> = tally.failed.into_iter().chain(correlated.failed).collect();
    describer.without_events.extend(&rules_without_events);
    describer.failed = describe::failures(&failed);
    let summary = HuntSummary {
        outcome: saver.finish(&describer)?,
        rules: rules.len() + correlations.iter().filter(|c| c.reports).count(),
        rules_without_events,
        rules_with_findings: tally.with_findings + correlated.with_findings,
        findings,
        events_scanned: found.scanned,
        windowed_rules: windowed(rules),
        full_rules: planned.work.iter().filter(|work| matches!(work.mode, RuleMode::Full(_))).count(),
        failed,
        without_text: Vec::new(),
        left_out: correlated.left_out,
        unfinished: stop.unfinished,
    };
    again::keep(store, options, &summary)?;
    Ok(summary)
}

fn record(options: &HuntOptions, last_event: EventId) -> HuntRecord {
    HuntRecord { started_us: options.started_us, since_us: options.since_us, until_us: options.until_us, last_event }
}

fn windowed(rules: &[Rule]) -> usize {
    rules.iter().filter(|rule| matches!(rule.query.window_class(), WindowClass::Windows(_))).count()
}

/// Says what the next hunt with these options would do for each rule and, behind them, each correlation.
///
/// # Errors
/// When the store cannot be read.
pub fn rule_modes(
    store: &Store,
    rules: &[Rule],
    correlations: &[Correlation],
    taxonomy: &Taxonomy,
    options: &HuntOptions,
) -> Result<Vec<RuleMode>, StoreError> {
    let planned = Planned::new(store, (rules, correlations), &store.catalog()?, taxonomy, options)?;
    Ok(planned.work.into_iter().map(|work| work.mode).collect())
}

/// The rules of a hunt and the events that each matches.
struct MatchedRules<'a> {
    rules: &'a [Rule],
    /// Those with searches in brackets, once these have run.
    resolved: &'a [Option<Result<Rule, Fault>>],
    /// By rule: its plan and those in the brackets of its stages.
    trees: &'a [Vec<&'a Plan>],
    matches: &'a Matches<'a>,
    options: &'a HuntOptions,
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
        (saver, describer): (&mut FindingSaver<'_>, &Describer<'_>),
        stop: &mut Stop<'_>,
        tally: &mut Tally,
        progress: &mut dyn FnMut(HuntProgress),
    ) -> Result<(), HuntError> {
        let reads_risk = |tree: &[&Plan]| tree.iter().any(|plan| matches!(plan.source, RowSource::Findings { .. }));
        if of_risk && self.trees.iter().any(|tree| reads_risk(tree)) {
            saver.read_risk()?;
        }
        std::thread::scope(|scope| {
            let is_asked = |tree: &[&Plan]| reads_risk(tree) == of_risk;
            let mut rows = Vec::new();
            for index in (0..self.rules.len()).filter(|index| is_asked(&self.trees[*index])) {
                rows.extend(self.rows(index, saver)?.filter(|rows| rows.is_new));
            }
            let mut maker = saver.maker(describer.telling(), rows, self.options, scope)?;
            self.findings_by(&is_asked, (saver, &mut maker), stop, tally, progress)?;
            maker.end();
            Ok(())
        })
    }

    /// Makes the findings of some rules.
    fn findings_by(
        &self,
        is_asked: &dyn Fn(&[&Plan]) -> bool,
        (saver, maker): (&mut FindingSaver<'_>, &mut FindingsMaker<'_>),
        stop: &mut Stop<'_>,
        tally: &mut Tally,
        progress: &mut dyn FnMut(HuntProgress),
    ) -> Result<(), HuntError> {
        for (index, (rule, tree)) in self.rules.iter().zip(self.trees).enumerate() {
            if !is_asked(tree) {
                continue;
            }
            let own = self.matches.work.places(index);
            let found = self.matches.found;
            if stop.leaves_out(tree.iter().any(|plan| found.unread_by(plan)), true) {
                saver.failed(index);
                continue;
            }
            let before = saver.findings();
            let broken = self.resolved[index].as_ref().and_then(|resolved| resolved.as_ref().err());
            let fault = broken.or_else(|| found.failed.range(own.clone()).map(|(_, fault)| fault).next());
            let outcome = match fault {
                Some(fault) => Err(fault.clone()),
                None => self.rule_findings(index, (rule, tree), own, (&mut *saver, &mut *maker), progress)?,
            };
            if let Err(fault) = outcome {
                saver.failed(index);
                saver.forget(index)?;
                tally.failed.push((index, failure(&fault)));
            }
            tally.with_findings += usize::from(saver.findings() > before);
        }
        Ok(())
    }

    /// The matches of a rule that are findings of their own, as far as they are to be saved.
    fn rows(&self, index: usize, saver: &FindingSaver<'_>) -> Result<Option<MatchedRows<'_>>, HuntError> {
        let (own, rule) = (self.matches.work.places(index), (&self.rules[index], self.trees[index][0]));
        match self.matches.change(index, own.clone()) {
            Change::Added(events, _) => saver.rows(index, rule, &events, true).map(Some),
            Change::Again if self.matches.is_row_wise(index) => saver.rows(index, rule, &self.matches.all(index, own)[0], false).map(Some),
            Change::None | Change::Again => Ok(None),
        }
    }

    /// The findings of one rule: those of its new matches where the others stay, else of all.
    fn rule_findings(
        &self,
        index: usize,
        (rule, tree): (&Rule, &[&Plan]),
        own: Range<usize>,
        (saver, maker): (&mut FindingSaver<'_>, &mut FindingsMaker<'_>),
        progress: &mut dyn FnMut(HuntProgress),
    ) -> Result<Result<(), Fault>, HuntError> {
        let (matches, before) = (self.matches, saver.findings());
        let matched = match matches.change(index, own.clone()) {
            Change::None => {
                matches.stays(index, own, saver)?;
                return Ok(Ok(()));
            }
            Change::Added(events, staying) => {
                saver.stay(index, staying);
                saver.row_findings(&saver.rows(index, (rule, tree[0]), &events, true)?, maker)?;
                matches.remember(index, &matches.found.events[own], false, saver, (before, LeftOut::default()))?;
                return Ok(Ok(()));
            }
            Change::Again => matches.all(index, own),
        };
        let outcome = if matches.is_row_wise(index) {
            saver.row_findings(&saver.rows(index, (rule, tree[0]), &matched[0], false)?, maker).map(Ok)?
        } else {
            progress(HuntProgress::Stages { title: rule.meta.title.clone() });
            saver.stage_findings(index, rule, tree[0], &matched, self.options.window_us)?
        };
        if outcome.is_ok() {
            matches.remember(index, &matched, true, saver, (before, LeftOut::default()))?;
        }
        Ok(outcome)
    }
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

/// Whether a plan asks for the time that is now.
fn asks_now(plan: &Plan) -> bool {
    let filter_asks = |branch: &Branch| branch.filter.any_leaf(&|leaf| matches!(leaf, Pred::Scalar(scalar) if scalar.calls(Function::Now)));
    let stage_asks = |stage: &Stage| stage.calls(Function::Now);
    matches!(plan.source, RowSource::Made(_)) || plan.branches.iter().any(filter_asks) || plan.stages().any(stage_asks)
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
    matches: &Matches<'_>,
    (saver, rules, stop): (&mut FindingSaver<'_>, usize, &mut Stop<'_>),
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<Correlated, HuntError> {
    let mut out = Correlated::default();
    let mut correlator = Correlator::new(store, catalog, correlations);
    let found = matches.found;
    let places = |index: usize| {
        let behind = |index: usize| found.first_input + inputs.partition_point(|(own, ..)| *own < index);
        behind(index)..behind(index + 1)
    };
    let runs = correlations_to_run(correlations, &|index| matches.change(rules + index, places(index)) != Change::None);
    for (index, correlation) in correlations.iter().enumerate() {
        let is_unfinished = |input: &Input| matches!(input.source, InputSource::Correlation(earlier) if out.unfinished.contains(&earlier));
        let own = || inputs.iter().filter(|(own, ..)| *own == index);
        let is_unread = own().any(|(.., plan)| found.unread_by(plan)) || correlation.inputs.iter().any(is_unfinished);
        if stop.leaves_out(is_unread, correlation.reports) {
            out.unfinished.insert(index);
            saver.failed(rules + index);
            correlator.next(&[], rules + index)?; // those that build on it keep their places
            continue;
        }
        if correlation.reports && own().count() == correlation.inputs.len() && own().all(|(.., plan)| plan.branches.is_empty()) {
            out.without_events.push(rules + index);
        }
        let before = saver.findings();
        if !runs[index] {
            correlator.next(&[], rules + index)?;
            matches.stays(rules + index, places(index), saver)?;
            out.with_findings += usize::from(saver.findings() > before);
            out.left_out.extend(Some((index, matches.left_out(rules + index))).filter(|(_, left_out)| left_out.total() > 0));
            continue;
        }
        progress(HuntProgress::Stages { title: correlation.meta.title.clone() });
        let all = matches.all(rules + index, places(index));
        let matched: Vec<(usize, &Plan, Vec<EventId>)> =
            own().zip(all.iter()).map(|((_, input, plan), events)| (*input, plan, events.sorted())).collect();
        let own: Vec<(usize, &Plan, &[EventId])> = matched.iter().map(|(input, plan, events)| (*input, *plan, events.as_slice())).collect();
        // Chosen by its text: which of several faults is met first depends on the order of event types.
        let fault = found.failed.range(places(index)).map(|(_, fault)| fault).min_by_key(|fault| fault.to_string());
        if let Some(fault) = fault {
            saver.failed(rules + index);
            saver.forget(rules + index)?;
            out.failed.push((rules + index, failure(fault)));
        }
        let (findings, left_out) = correlator.next(&own, rules + index)?;
        out.with_findings += usize::from(!findings.is_empty());
        findings.iter().try_for_each(|finding| saver.save(finding))?;
        if fault.is_none() {
            matches.remember(rules + index, &all, true, saver, (before, left_out))?;
        }
        if left_out.total() > 0 {
            out.left_out.push((index, left_out));
        }
    }
    Ok(out)
}
