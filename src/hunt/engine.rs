//! The second engine: each rule is the statement that `compile` prints, and SQLite runs it.
//!
//! The two engines share the plan of a rule, and what makes a finding of a result row; how the rows come about has nothing in
//! common, so each is a check of the other. This one asks the store once for every rule, so it is slow with many rules. It hunts
//! rules that have a portable form; the others are told with what they lack.

use std::collections::BTreeSet;

use super::correlation::{InputPlan, correlated};
use super::describe::{self, Describer};
use super::finding::{FindingSaver, StatementRunner, StatementStopped};
use super::{HuntError, HuntOptions, HuntProgress, HuntSummary, Stop};
use crate::catalog::{Catalog, TypeId};
use crate::diag::{Diagnostic, Severity};
use crate::exec::Context;
use crate::ir::{Correlation, Function, Rule};
use crate::plan::Plan;
use crate::sql::{Statement, StatementOptions, portable_correlation_with, portable_with};
use crate::store::{HuntRecord, HuntedRule, RuleOutcome, Store};
use crate::taxonomy::Taxonomy;

/// How rules are run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// One scan of each event type for all rules; stages and correlations by the program itself.
    #[default]
    Scan,
    /// Each rule is the portable statement that `compile` prints, and SQLite runs it.
    Sqlite,
}

/// What became of the rules.
#[derive(Default)]
struct Ran {
    with_findings: usize,
    without_events: Vec<usize>,
    failed: Vec<(usize, Diagnostic)>,
    without_text: Vec<(usize, Vec<Diagnostic>)>,
}

/// What rules are planned against, and their plans.
pub(super) struct PlannedRules<'p> {
    pub(super) catalog: &'p Catalog,
    pub(super) taxonomy: &'p Taxonomy,
    pub(super) plans: &'p [Plan],
    pub(super) inputs: &'p [InputPlan],
}

impl PlannedRules<'_> {
    fn describer<'a>(
        &'a self,
        store: &'a Store,
        (rules, correlations): (&'a [Rule], &'a [Correlation]),
        (hunted, record): (&'a [HuntedRule<'a>], &HuntRecord),
        ran: &Ran,
    ) -> Describer<'a> {
        let why = |gaps: &[Diagnostic]| gaps.iter().map(|gap| gap.message.as_str()).collect::<Vec<_>>().join("; ");
        let without = ran.without_text.iter().map(|(index, gaps)| (*index, (RuleOutcome::Unsupported, why(gaps))));
        let plans = self.plans.iter().map(Plan::tree);
        let mut describer =
            Describer::new((store, self.catalog, self.taxonomy), (rules, correlations), hunted, plans, (self.inputs, record, 1));
        describer.without_events.extend(&ran.without_events);
        describer.failed = describe::failures(&ran.failed).into_iter().chain(without).collect();
        describer
    }
}

/// Hunts as [`super::run`] does, by statements.
pub(super) fn run(
    store: &Store,
    rules: &[Rule],
    correlations: &[Correlation],
    planned: &PlannedRules<'_>,
    options: &HuntOptions,
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<HuntSummary, HuntError> {
    let watermark = store.last_event()?;
    let record = super::record(options, watermark);
    let hunted = describe::hunted(rules, correlations);
    let context = Context::default(); // nothing is evaluated here
    let mut statements = StatementRunner::new(store, &options.statements, &options.cancel)?;
    let mut saver = FindingSaver::new(store, planned.catalog, &context, store.hunt_writer(&record, &hunted)?)?;
    let mut stop = Stop { cancel: &options.cancel, in_scan: false, unfinished: None };
    let asked = StatementOptions { since_us: options.since_us, until_us: options.until_us, ..StatementOptions::default() };
    // What they find may be of another time than what a scan found: the next scan reads all events.
    (0..hunted.len()).try_for_each(|index| saver.forget(index))?;
    let mut ran = Ran::default();
    for (index, (rule, plan)) in rules.iter().zip(planned.plans).enumerate() {
        if stop.leaves_out(false, true) {
            saver.failed(index);
            continue;
        }
        if !plan.can_have_rows() {
            ran.without_events.push(index);
            continue;
        }
        progress(HuntProgress::Stages { title: rule.meta.title.clone() });
        let statement = beyond_text(rule, options).map_or_else(|| portable_with(plan, planned.catalog, asked), Err);
        let Some(statement) = ran.text(index, statement, &mut saver) else { continue };
        let before = saver.findings();
        let ended = saver.statement_findings(index, rule, plan, (&statement, &mut statements))?;
        ran.ended(index, ended, &mut stop);
        ran.with_findings += usize::from(saver.findings() > before);
    }
    for (place, correlation) in correlations.iter().enumerate().filter(|(_, correlation)| correlation.reports) {
        let index = rules.len() + place;
        if stop.leaves_out(false, true) {
            saver.failed(index);
            continue;
        }
        let own: Vec<(usize, &Plan)> =
            planned.inputs.iter().filter(|(of, ..)| *of == place).map(|(_, input, plan)| (*input, plan)).collect();
        if own.len() == correlation.inputs.len() && own.iter().all(|(_, plan)| plan.branches.is_empty()) {
            ran.without_events.push(index);
            continue;
        }
        progress(HuntProgress::Stages { title: correlation.meta.title.clone() });
        let statement = portable_correlation_with(correlation, &own, planned.catalog, asked);
        let Some(statement) = ran.text(index, Ok(statement), &mut saver) else { continue };
        let before = saver.findings();
        let ended = correlation_findings(index, correlation, (&statement, &mut statements), &mut saver)?;
        ran.ended(index, ended, &mut stop);
        ran.with_findings += usize::from(saver.findings() > before);
    }
    let describer = planned.describer(store, (rules, correlations), (&hunted, &record), &ran);
    summary((rules, correlations), planned, ran, (saver, &describer), stop.unfinished)
}

/// The findings of a correlation's statement. Where it does not run to its end, nothing of it is saved.
fn correlation_findings(
    index: usize,
    correlation: &Correlation,
    (statement, statements): (&Statement, &mut StatementRunner),
    saver: &mut FindingSaver<'_>,
) -> Result<Result<(), StatementStopped>, HuntError> {
    let mut findings = Vec::new();
    let ended = statements.each(&statement.sql, &mut |values| {
        findings.push(correlated(correlation, index, values));
        Ok(())
    })?;
    if ended.is_err() {
        saver.failed(index);
        return Ok(ended);
    }
    // In the order of time, as the scan saves them.
    findings.sort_by(|a, b| (a.window_start_us, &a.group).cmp(&(b.window_start_us, &b.group)));
    findings.iter().try_for_each(|finding| saver.save(finding))?;
    Ok(ended)
}

/// What the options of the hunt ask of a rule that its text cannot say.
fn beyond_text(rule: &Rule, options: &HuntOptions) -> Option<Diagnostic> {
    let gap = |what: &str| Some(Diagnostic::new(Severity::Note, "not-portable", format!("portable SQL cannot express {what}")));
    if options.window_us.is_some() && rule.query.window_class().is_replayed() {
        return gap("windows of time");
    }
    if options.until_us.is_some() && rule.query.calls(Function::Now) {
        return gap("`now()` at the end of the hunted time");
    }
    None
}

impl Ran {
    /// A rule's statement; where it has none, that is noted.
    fn text(&mut self, index: usize, statement: Result<Statement, Diagnostic>, saver: &mut FindingSaver<'_>) -> Option<Statement> {
        let gaps = match statement {
            Ok(statement) if statement.not_portable.is_empty() => return Some(statement),
            Ok(statement) => statement.not_portable,
            Err(diagnostic) => vec![diagnostic],
        };
        saver.failed(index);
        self.without_text.push((index, gaps));
        None
    }

    /// Notes how a statement ended.
    fn ended(&mut self, index: usize, ended: Result<(), StatementStopped>, stop: &mut Stop<'_>) {
        match ended {
            Ok(()) => {}
            Err(StatementStopped::Rule(fault)) => self.failed.push((index, fault)),
            Err(StatementStopped::Cancelled) => *stop.unfinished.get_or_insert(0) += 1,
        }
    }
}

fn summary(
    (rules, correlations): (&[Rule], &[Correlation]),
    planned: &PlannedRules<'_>,
    ran: Ran,
    (saver, describer): (FindingSaver<'_>, &Describer<'_>),
    unfinished: Option<usize>,
) -> Result<HuntSummary, HuntError> {
    let plans = planned.plans.iter().flat_map(Plan::tree).chain(planned.inputs.iter().map(|(.., plan)| plan));
    let types: BTreeSet<TypeId> = plans.flat_map(|plan| &plan.branches).map(|branch| branch.event_type).collect();
    let findings = saver.findings();
    Ok(HuntSummary {
        outcome: saver.finish(describer)?,
        rules: rules.len() + correlations.iter().filter(|c| c.reports).count(),
        rules_without_events: ran.without_events,
        rules_with_findings: ran.with_findings,
        findings,
        windowed_rules: super::windowed(rules),
        full_rules: rules.len() + correlations.len(),
        events_scanned: types.iter().filter_map(|id| planned.catalog.event_type(*id)).map(|t| t.events).sum(),
        failed: ran.failed,
        without_text: ran.without_text,
        left_out: Vec::new(),
        unfinished,
    })
}
