//! What a hunt does for each of its rules, decided before the first event is read, and the matches that each then has.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashSet;

use super::at_once::at_once;
use super::correlation::{InputPlan, plan_inputs};
use super::finding::FindingSaver;
use super::incremental::{Change, FullReason, HuntConditions, Hunted, RuleMode, RuleWork, correlations_to_run};
use super::matched::Matched;
use super::matching::MatchWith;
use super::matching::{RangeOf, ScanResult};
use super::{Engine, HuntError, HuntOptions, LeftOut, context_at, subsearch, window};
use crate::catalog::{Catalog, EventId, TypeId};
use crate::exec::Fault;
use crate::fingerprint::{BUILD, fingerprint};
use crate::ir::{Correlation, Rule};
use crate::plan::Plan;
use crate::store::{EventRange, RuleMemories, Store, StoreError};
use crate::taxonomy::Taxonomy;

/// The rules of a hunt with their plans, and what is to be done for each.
pub(super) struct Planned {
    /// By rule.
    pub(super) plans: Vec<Plan>,
    /// Of the correlations.
    pub(super) inputs: Vec<InputPlan>,
    /// The rules with searches in brackets, once these have run; none where a rule has none, or where nothing is new for it.
    pub(super) resolved: Vec<Option<Result<Rule, Fault>>>,
    /// By rule, then by correlation.
    pub(super) work: Vec<RuleWork>,
    /// The time that is now: the end of the hunted time, else that of the newest event.
    pub(super) now_us: Option<i64>,
}

impl Planned {
    /// Plans the rules, and decides from what earlier hunts knew what is to be read for each.
    pub(super) fn new(
        store: &Store,
        (rules, correlations): (&[Rule], &[Correlation]),
        catalog: &Catalog,
        taxonomy: &Taxonomy,
        options: &HuntOptions,
    ) -> Result<Self, StoreError> {
        let full = full_reason(options);
        let states = if full.is_none() { store.rule_states()? } else { RuleMemories::default() };
        let now_us = options.until_us.map_or_else(|| store.newest_time(), |until_us| Ok(Some(until_us)))?;
        let twins = twins(rules, correlations);
        let conditions = HuntConditions {
            full,
            build: fingerprint(&BUILD),
            generation: store.generation()?,
            last_event: store.last_event()?,
            window_us: options.window_us,
            now_us,
            twins: &twins,
            states: &states,
        };
        let plans = at_once(options.jobs, rules, |rule| window::plan_rule(rule, options.window_us, catalog, taxonomy));
        let inputs = plan_inputs(correlations, catalog, taxonomy);
        let trees: Vec<Vec<&Plan>> = plans.iter().map(Plan::tree).collect();
        let of_rules = Hunted::of_rules(rules, &trees);
        let hunted = of_rules.into_iter().chain(Hunted::of_correlations(correlations, &inputs));
        let work = hunted.map(|hunted| RuleWork::of(&hunted, &conditions)).collect();
        Ok(Self { resolved: vec![None; rules.len()], plans, inputs, work, now_us })
    }

    /// Runs the searches in brackets of conditions, and plans their rules with what they found; not those of rules that have nothing
    /// new to read.
    pub(super) fn resolve_brackets(
        &mut self,
        store: &Store,
        rules: &[Rule],
        catalog: &Catalog,
        taxonomy: &Taxonomy,
        options: &HuntOptions,
        range: EventRange,
    ) -> Result<(), HuntError> {
        let is_due = |index: usize| subsearch::has_any(&rules[index]) && matches!(self.work[index].mode, RuleMode::Full(_));
        let due: Vec<usize> = (0..rules.len()).filter(|index| is_due(*index)).collect();
        if due.is_empty() {
            return Ok(());
        }
        let context = context_at(self.now_us);
        let with = MatchWith { context: &context, cancel: &options.cancel, jobs: options.jobs, part_events: options.part_events };
        let brackets = subsearch::SubsearchContext { store, catalog, taxonomy, context: &context, range, with };
        for index in due {
            let resolved = subsearch::resolve(&brackets, &rules[index])?;
            if let Ok(rule) = &resolved {
                self.plans[index] = window::plan_rule(rule, options.window_us, catalog, taxonomy);
                let plans = self.plans[index].tree();
                self.work[index].replan(&plans);
            }
            self.resolved[index] = Some(resolved);
        }
        Ok(())
    }
}

/// Why no rule of a hunt can go on from an earlier one.
fn full_reason(options: &HuntOptions) -> Option<FullReason> {
    if options.engine == Engine::Sqlite {
        return Some(FullReason::Engine);
    }
    if options.since_us.is_some() || options.until_us.is_some() {
        return Some(FullReason::PartOfTime);
    }
    options.full.then_some(FullReason::Asked)
}

/// Ids and hashes that several rules of a hunt have: the store has one place for all of them.
fn twins<'r>(rules: &'r [Rule], correlations: &'r [Correlation]) -> FxHashSet<(&'r str, &'r str)> {
    let metas = rules.iter().map(|rule| &rule.meta).chain(correlations.iter().map(|correlation| &correlation.meta));
    let mut known = FxHashSet::default();
    metas.map(|meta| (meta.id.as_str(), meta.hash.as_str())).filter(|text| !known.insert(*text)).collect()
}

/// What is to be done, by the places of all plans: those of the rules' trees, then the inputs of the correlations.
pub(super) struct HuntWork<'h> {
    work: &'h [RuleWork],
    correlations: &'h [Correlation],
    /// How many rules stand before the correlations.
    rules: usize,
    /// Place of a plan → whose it is, and which of its plans.
    owners: Vec<(usize, usize)>,
}

impl<'h> HuntWork<'h> {
    pub(super) fn new(work: &'h [RuleWork], trees: &[Vec<&Plan>], inputs: &[InputPlan], correlations: &'h [Correlation]) -> Self {
        let mut owners: Vec<(usize, usize)> = Vec::new();
        for (index, tree) in trees.iter().enumerate() {
            owners.extend((0..tree.len()).map(|plan| (index, plan)));
        }
        for (own, ..) in inputs {
            let owner = trees.len() + own;
            let plan = owners.last().map_or(0, |(last, plan)| if *last == owner { plan + 1 } else { 0 });
            owners.push((owner, plan));
        }
        Self { work, correlations, rules: trees.len(), owners }
    }

    /// What is to be read of an event type for the plan at a place; none: nothing.
    pub(super) fn new_events(&self, place: usize, event_type: TypeId, range: EventRange) -> Option<EventRange> {
        let (owner, plan) = self.owners[place];
        let first = self.work[owner].first(plan, event_type);
        (first <= range.last).then_some(EventRange { first, ..range })
    }

    /// The places of the plans of a rule or correlation.
    pub(super) fn places(&self, owner: usize) -> Range<usize> {
        let before = |owner: usize| self.owners.partition_point(|(own, _)| *own < owner);
        before(owner)..before(owner + 1)
    }

    /// By place: that a rule or correlation must not be hunted, and why.
    pub(super) fn withheld(&self, owners: &BTreeMap<usize, String>) -> Vec<(usize, Fault)> {
        let of_owner =
            |(owner, why): (&usize, &String)| self.places(*owner).map(|place| (place, Fault::Withheld(why.clone()))).collect::<Vec<_>>();
        owners.iter().flat_map(of_owner).collect()
    }

    /// Whether something is new for a rule, or for a correlation or one that it builds on.
    fn runs_again(&self, found: &ScanResult) -> Vec<bool> {
        let is_again = |owner: usize| self.work[owner].change(&found.events[self.places(owner)]) != Change::None;
        let mut runs: Vec<bool> = (0..self.rules).map(is_again).collect();
        runs.extend(correlations_to_run(self.correlations, &|index| is_again(self.rules + index)));
        runs
    }

    /// Looks again for matches that earlier hunts have only counted, where their rules have new ones; by place.
    pub(super) fn match_again(
        &self,
        found: &mut ScanResult,
        match_events: &dyn Fn(&RangeOf<'_>) -> Result<ScanResult, HuntError>,
        range: EventRange,
    ) -> Result<BTreeMap<usize, Matched>, HuntError> {
        // In most hunts every match is known, and what is new for which rule need not be asked here.
        if self.owners.iter().all(|(owner, plan)| self.work[*owner].forgotten(*plan).is_empty()) {
            return Ok(BTreeMap::new());
        }
        let runs = self.runs_again(found);
        let mut asked = BTreeMap::new();
        for (place, (owner, plan)) in self.owners.iter().enumerate().filter(|(_, (owner, _))| runs[*owner]) {
            for event_type in self.work[*owner].forgotten(*plan) {
                asked.insert((place, event_type), EventId(self.work[*owner].first(*plan, event_type).0 - 1));
            }
        }
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        let earlier = match_events(&|place, event_type| asked.get(&(place, event_type)).map(|last| EventRange { last: *last, ..range }))?;
        found.scanned += earlier.scanned;
        found.unread.extend(earlier.unread);
        for (place, fault) in earlier.failed {
            found.failed.entry(place).or_insert(fault);
        }
        Ok(earlier.events.into_iter().enumerate().filter(|(_, matched)| matched.count() > 0).collect())
    }
}

/// What the scan found, beside what earlier hunts knew.
pub(super) struct Matches<'h> {
    pub(super) work: &'h HuntWork<'h>,
    /// What was read.
    pub(super) found: &'h ScanResult,
    /// What was looked for again, by place.
    pub(super) again: &'h BTreeMap<usize, Matched>,
    /// The last event of the store.
    pub(super) last_event: EventId,
    /// Whether the hunt is over the whole time, so that the next one may know what this one knows; and how many matches of a rule with
    /// stages are remembered, by event type.
    pub(super) remembers: (bool, usize),
}

impl Matches<'_> {
    /// What the read events change for a rule or correlation; `own` are the places of its plans.
    pub(super) fn change(&self, owner: usize, own: Range<usize>) -> Change {
        self.work.work[owner].change(&self.found.events[own])
    }

    /// All matches of each plan of a rule or correlation.
    pub(super) fn all(&self, owner: usize, own: Range<usize>) -> Cow<'_, [Matched]> {
        let (work, none) = (&self.work.work[owner], Matched::default());
        if matches!(work.mode, RuleMode::Full(_)) {
            return Cow::Borrowed(&self.found.events[own]);
        }
        let again = |place: usize| self.again.get(&place).unwrap_or(&none);
        own.enumerate().map(|(plan, place)| work.all(plan, again(place), &self.found.events[place])).collect::<Vec<_>>().into()
    }

    /// Whether each match of a rule is a finding of its own.
    pub(super) fn is_row_wise(&self, owner: usize) -> bool {
        self.work.work[owner].is_row_wise()
    }

    /// What a correlation left out when it last ran.
    pub(super) fn left_out(&self, owner: usize) -> LeftOut {
        self.work.work[owner].left_out()
    }

    /// Lets the findings of earlier hunts stay as they are.
    pub(super) fn stays(&self, owner: usize, own: Range<usize>, saver: &mut FindingSaver<'_>) -> Result<(), HuntError> {
        let work = &self.work.work[owner];
        saver.stay(owner, work.findings());
        if work.is_as_before() {
            return saver.advance(owner, self.last_event);
        }
        let told = (work.findings(), work.left_out());
        saver.remember(owner, &work.state((&self.found.events[own], false), told, (self.last_event, self.remembers.1)))
    }

    /// Notes for the next hunt what is known of a rule; `before`: how many findings the hunt had before the rule's.
    pub(super) fn remember(
        &self,
        owner: usize,
        matched: &[Matched],
        is_all: bool,
        saver: &mut FindingSaver<'_>,
        (before, left_out): (u64, LeftOut),
    ) -> Result<(), HuntError> {
        let work = &self.work.work[owner];
        let (is_whole, _) = self.remembers;
        // What a hunt over a part of the time saved of groups is not what the whole of it gives: the next one makes it anew. A finding of
        // one event is the same in each.
        if !is_whole && work.is_row_wise() {
            return Ok(());
        }
        if !is_whole || !work.has_plans() {
            return saver.forget(owner);
        }
        let told = (saver.findings() - before, left_out);
        saver.remember(owner, &work.state((matched, is_all), told, (self.last_event, self.remembers.1)))
    }
}
