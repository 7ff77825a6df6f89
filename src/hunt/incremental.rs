//! What of a hunt need not be done again: events that earlier hunts have read, findings that they have made.
//!
//! A hunt over the whole time remembers of each rule which events it matched ([`crate::store::RuleMemory`]). The next one reads for
//! the rule only the events behind those, as long as all that decided the earlier matches is as it was: the rule's text with all
//! that went into it (its hash), this build of the program, and where the rule's fields are in each event type. What comes behind
//! the match is not kept but done again: a rule with stages, or a correlation, that has a new match runs over all its matches, old
//! and new, so that windows, groups and thresholds are right wherever the old events end. A rule without a new match keeps its
//! findings untouched.

use std::collections::BTreeSet;
use std::fmt;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::matched::Matched;
use crate::catalog::{EventId, TypeId};
use crate::fingerprint::fingerprint;
use crate::ir::{Correlation, InputSource, Rule};
use crate::plan::{Branch, Plan, RowSource};
use crate::store::{RuleMemories, RuleMemory};

use super::{LeftOut, asks_now, subsearch};

/// Half a SHA-256.
type Fingerprint = [u8; 16];

/// Matches of a rule with stages in one event type that are remembered event by event. Of more only the number is kept, and they are
/// looked for again where there is a new one: reading the events of a rule with so many costs more than finding them.
// All rules' memories are read at once: with a thousand broad searches this is some 130 MB.
pub(super) const KEPT_MATCHES: usize = 1 << 14;

/// What the next hunt over the whole time does for a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleMode {
    /// It reads all events.
    Full(FullReason),
    /// It reads only events behind this one. Each match is a finding of its own; earlier findings stay.
    NewEvents {
        /// The last event that was read for the rule.
        after: EventId,
    },
    /// It reads only events behind this one. Where one matches, stages and windows run again over all matches.
    NewMatches {
        /// The last event that was read for the rule.
        after: EventId,
    },
}

/// Why a hunt reads all events for a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FullReason {
    /// It was asked for.
    Asked,
    /// The hunt looks at a part of the time.
    PartOfTime,
    /// Statements know no earlier hunt.
    Engine,
    /// Nothing is known: no hunt over the whole time has had it, or one over a part of the time had it since.
    New,
    /// Its text was another, or a macro, lookup, pipeline or value in it.
    Text,
    /// Another build of the program hunted with it.
    Build,
    /// Events were removed from the store, or another store was merged into it.
    Removed,
    /// Its windows had another length.
    Window,
    /// It asks for the time that is now, which is that of the newest event.
    Now,
    /// The search in the brackets of its condition may find something else.
    Brackets,
    /// It reads what other rules find.
    Findings,
    /// New fields have changed where its own are.
    Fields,
    /// Another rule of the hunt has the same id and text.
    Twin,
}

impl FullReason {
    /// What is noted of plans that are read whole: nothing where the hunt leaves nothing for the next one.
    fn plans(self, plans: &[&Plan]) -> Vec<PlanWork> {
        let is_remembered = !matches!(self, Self::PartOfTime | Self::Engine);
        plans.iter().filter(|_| is_remembered).map(|plan| PlanWork::full(plan)).collect()
    }
}

impl fmt::Display for FullReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "the option `full` asks for it",
            Self::PartOfTime => "the hunt looks at a part of the time",
            Self::Engine => "SQL statements read the whole store",
            Self::New => {
                "what it matched is not known: no hunt over the whole time has finished it since it was last hunted in another way"
            }
            Self::Text => "the last hunt had another text of it, or of a macro, lookup, pipeline or value in it",
            Self::Build => "another build of the program hunted with it last",
            Self::Removed => "events were removed or stores merged since the last hunt",
            Self::Window => "the windows of the last hunt had another length",
            Self::Now => "it asks for the time that is now, the time of the newest event",
            Self::Brackets => "the search in brackets in its condition may find something else",
            Self::Findings => "it reads what other rules found",
            Self::Fields => "new events have fields that change where its own are",
            Self::Twin => "another rule of the hunt has the same id and text",
        })
    }
}

/// What a state depends on beside the rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StateKey {
    build: Fingerprint,
    generation: u64,
    window_us: Option<i64>,
    now_us: Option<i64>,
}

/// What a rule matched, as the store keeps it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct MatchedState {
    plans: Vec<PlanState>,
    left_out: LeftOut,
}

#[derive(Debug, Serialize, Deserialize)]
struct PlanState {
    /// The columns of the rows and what the stages make of them.
    shape: Fingerprint,
    branches: Vec<BranchState>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BranchState {
    event_type: u32,
    /// The condition and where each field is.
    branch: Fingerprint,
    events: KeptEvents,
}

#[derive(Debug, Serialize, Deserialize)]
enum KeptEvents {
    /// Each as the difference to the one before.
    All(Vec<u64>),
    /// So many.
    Many(u64),
}

impl KeptEvents {
    fn of(events: &[EventId], most: usize) -> Self {
        if events.len() > most {
            return Self::Many(events.len() as u64);
        }
        let mut last = 0;
        let difference = |event: &EventId| event.0.abs_diff(std::mem::replace(&mut last, event.0));
        Self::All(events.iter().map(difference).collect())
    }

    fn count(&self) -> u64 {
        match self {
            Self::All(events) => events.len() as u64,
            Self::Many(count) => *count,
        }
    }

    /// The events up to the last that was read; none where only their number is known, or where the state is damaged.
    fn events(&self, last: EventId) -> Option<Vec<EventId>> {
        let Self::All(differences) = self else { return None };
        let mut at = 0_i64;
        let next = |difference: &u64| {
            at = at.checked_add(i64::try_from(*difference).ok().filter(|difference| *difference > 0)?)?;
            (at <= last.0).then_some(EventId(at))
        };
        differences.iter().map(next).collect()
    }
}

/// What is the same for all rules of a hunt.
pub(super) struct HuntConditions<'h> {
    /// Why no rule can go on from an earlier hunt.
    pub(super) full: Option<FullReason>,
    /// The build of this program.
    pub(super) build: Fingerprint,
    /// The store's generation: what was removed from it.
    pub(super) generation: u64,
    /// The last event of the store.
    pub(super) last_event: EventId,
    /// Length of the windows.
    pub(super) window_us: Option<i64>,
    /// The time that is now.
    pub(super) now_us: Option<i64>,
    /// Ids and hashes that several rules of the hunt have.
    pub(super) twins: &'h FxHashSet<(&'h str, &'h str)>,
    /// What earlier hunts knew.
    pub(super) states: &'h RuleMemories,
}

/// One rule or correlation as the incremental hunt sees it.
pub(super) struct Hunted<'h> {
    pub(super) rule_id: &'h str,
    pub(super) hash: &'h str,
    /// The plans of its tree, or of its inputs.
    pub(super) plans: Vec<&'h Plan>,
    /// Each match is a finding.
    pub(super) is_row_wise: bool,
    /// Its stages depend on windows of time.
    pub(super) is_replayed: bool,
    /// It asks for the time that is now.
    pub(super) asks_now: bool,
    /// Its condition has a search in brackets.
    pub(super) has_brackets: bool,
}

impl<'h> Hunted<'h> {
    /// Of each rule; `plans` are their trees.
    pub(super) fn of_rules(rules: &'h [Rule], plans: &[Vec<&'h Plan>]) -> Vec<Self> {
        let of = |(rule, plans): (&'h Rule, &Vec<&'h Plan>)| Self {
            rule_id: &rule.meta.id,
            hash: &rule.meta.hash,
            plans: plans.clone(),
            is_row_wise: rule.query.stages.is_empty() && rule.query.scope().is_some() && plans[0].steps.is_empty(),
            is_replayed: rule.query.window_class().is_replayed(),
            // What brackets ask is not in the plan.
            asks_now: subsearch::has_any(rule) || plans.iter().any(|plan| asks_now(plan)),
            has_brackets: subsearch::has_any(rule),
        };
        rules.iter().zip(plans).map(of).collect()
    }

    /// Of each correlation; `inputs` are the plans of their queries.
    pub(super) fn of_correlations(correlations: &'h [Correlation], inputs: &'h [super::InputPlan]) -> Vec<Self> {
        let of = |(index, correlation): (usize, &'h Correlation)| Self {
            rule_id: &correlation.meta.id,
            hash: &correlation.meta.hash,
            plans: inputs.iter().filter(|(own, ..)| *own == index).map(|(.., plan)| plan).collect(),
            is_row_wise: false,
            is_replayed: false,
            asks_now: inputs.iter().any(|(own, _, plan)| *own == index && asks_now(plan)),
            has_brackets: false,
        };
        correlations.iter().enumerate().map(of).collect()
    }

    fn key(&self, conditions: &HuntConditions<'_>) -> StateKey {
        StateKey {
            build: conditions.build,
            generation: conditions.generation,
            window_us: conditions.window_us.filter(|_| self.is_replayed),
            now_us: conditions.now_us.filter(|_| self.asks_now),
        }
    }
}

/// What a hunt does for one rule.
#[derive(Debug)]
pub(super) struct RuleWork {
    /// How.
    pub(super) mode: RuleMode,
    is_row_wise: bool,
    key: StateKey,
    plans: Vec<PlanWork>,
    /// How many findings the rule had.
    findings: u64,
    left_out: LeftOut,
}

/// What a hunt does for one plan.
#[derive(Debug, Default)]
struct PlanWork {
    shape: Fingerprint,
    branches: FxHashMap<TypeId, BranchWork>,
}

/// What a hunt does for one event type of a plan.
#[derive(Debug)]
struct BranchWork {
    branch: Fingerprint,
    /// The first event that is read.
    first: EventId,
    known: KnownMatches,
}

/// What is known of the events before the first that is read.
#[derive(Debug, PartialEq, Eq)]
enum KnownMatches {
    /// Nothing: the rule did not ask this type.
    Nothing,
    /// All that match.
    Events(Vec<EventId>),
    /// How many match.
    Many(u64),
    /// What the rule matched when its fields were elsewhere: all are read again.
    Elsewhere(Vec<EventId>),
}

/// What became of a rule's matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing is new: its findings stay.
    None,
    /// These matches are new or may tell something else; the findings of the others, so many, stay.
    Added(Matched, u64),
    /// The rule runs again over all matches.
    Again,
}

impl RuleWork {
    /// Decides what is to be done for a rule.
    pub(super) fn of(rule: &Hunted<'_>, conditions: &HuntConditions<'_>) -> Self {
        let key = rule.key(conditions);
        let state = match known_state(rule, conditions, &key) {
            Ok(state) => state,
            Err(reason) => return Self::full(reason, key, rule),
        };
        let after = state.last_event;
        let is_quiet = after >= conditions.last_event;
        let Some(matched) = postcard::from_bytes::<MatchedState>(&state.matched).ok() else {
            return Self::full(FullReason::New, key, rule);
        };
        let mode = if rule.is_row_wise { RuleMode::NewEvents { after } } else { RuleMode::NewMatches { after } };
        let (findings, left_out) = (state.findings, matched.left_out);
        if rule.has_brackets {
            if !is_quiet {
                return Self::full(FullReason::Brackets, key, rule);
            }
            // What the brackets found is not known without running them, and neither is needed: there is nothing to read.
            let plans = matched.plans.iter().map(|plan| PlanWork::quiet(plan, after)).collect();
            return Self { mode, is_row_wise: rule.is_row_wise, key, plans, findings, left_out };
        }
        match PlanWork::all(&rule.plans, &matched.plans, after) {
            Some(plans) => Self { mode, is_row_wise: rule.is_row_wise, key, plans, findings, left_out },
            None => Self::full(FullReason::Fields, key, rule),
        }
    }

    /// Makes it that of other plans: those that were made once the searches in brackets had run.
    pub(super) fn replan(&mut self, plans: &[&Plan]) {
        if let RuleMode::Full(reason) = self.mode {
            self.plans = reason.plans(plans);
        }
    }

    fn full(reason: FullReason, key: StateKey, rule: &Hunted<'_>) -> Self {
        let plans = reason.plans(&rule.plans);
        Self { mode: RuleMode::Full(reason), is_row_wise: rule.is_row_wise, key, plans, findings: 0, left_out: LeftOut::default() }
    }

    /// The first event of a type that is to be read for one of the rule's plans.
    pub(super) fn first(&self, plan: usize, event_type: TypeId) -> EventId {
        self.plans.get(plan).and_then(|plan| plan.branches.get(&event_type)).map_or(EventId(1), |branch| branch.first)
    }

    /// How many findings the rule had.
    pub(super) fn findings(&self) -> u64 {
        self.findings
    }

    /// What a correlation left out when it last ran.
    pub(super) fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// What the newly read matches of the rule's plans change.
    pub(super) fn change(&self, read: &[Matched]) -> Change {
        if matches!(self.mode, RuleMode::Full(_)) {
            return Change::Again;
        }
        let (mut changed, mut lost) = (false, false);
        let mut kept = 0;
        for (plan, read) in self.plans.iter().zip(read) {
            for (event_type, branch) in &plan.branches {
                let events = read.of_type(*event_type);
                changed |= !events.is_empty();
                match &branch.known {
                    KnownMatches::Nothing => {}
                    KnownMatches::Events(known) => kept += known.len() as u64,
                    KnownMatches::Many(count) => kept += count,
                    KnownMatches::Elsewhere(known) => {
                        changed |= !known.is_empty();
                        lost |= known.iter().any(|event| events.binary_search(event).is_err());
                    }
                }
            }
        }
        match read {
            _ if !changed => Change::None,
            [read] if self.is_row_wise && !lost => Change::Added(read.clone(), kept),
            _ => Change::Again,
        }
    }

    /// Event types of a plan whose earlier matches are to be looked for again before the rule can run over all of them: their number alone
    /// is known.
    pub(super) fn forgotten(&self, plan: usize) -> BTreeSet<TypeId> {
        let branches = self.plans.get(plan).into_iter().flat_map(|plan| &plan.branches);
        branches.filter(|(_, branch)| matches!(branch.known, KnownMatches::Many(_))).map(|(event_type, _)| *event_type).collect()
    }

    /// All matches of a plan: those that earlier hunts know, or that were looked for again, before those that were read.
    pub(super) fn all(&self, plan: usize, again: &Matched, read: &Matched) -> Matched {
        let mut all = Matched::default();
        let Some(work) = self.plans.get(plan) else { return read.clone() };
        let known = |event_type: &TypeId| match work.branches.get(event_type).map(|branch| &branch.known) {
            Some(KnownMatches::Events(known)) => known.as_slice(),
            Some(KnownMatches::Many(_)) => again.of_type(*event_type),
            _ => &[],
        };
        let types: BTreeSet<TypeId> = work.branches.keys().copied().chain(read.types()).collect();
        for event_type in &types {
            known(event_type).iter().chain(read.of_type(*event_type)).for_each(|event| all.add(*event_type, *event));
        }
        all
    }

    /// Whether the next hunt may know what this one knew, and only of more events: nothing matched, and no event type came to the rule's.
    pub(super) fn is_as_before(&self) -> bool {
        let is_known = |branch: &BranchWork| matches!(branch.known, KnownMatches::Events(_) | KnownMatches::Many(_));
        !matches!(self.mode, RuleMode::Full(_)) && self.plans.iter().flat_map(|plan| plan.branches.values()).all(is_known)
    }

    /// Whether each match is a finding of its own.
    pub(super) fn is_row_wise(&self) -> bool {
        self.is_row_wise
    }

    /// Whether the rule reads anything that a later hunt could know.
    pub(super) fn has_plans(&self) -> bool {
        self.plans.iter().any(|plan| !plan.branches.is_empty())
    }

    /// The state for the next hunt. `matched`: all matches of each plan where the rule ran over them, else what was newly read. Of a rule
    /// with stages so many matches are kept by event type.
    pub(super) fn state(
        &self,
        (matched, is_all): (&[Matched], bool),
        (findings, left_out): (u64, LeftOut),
        (last_event, kept_matches): (EventId, usize),
    ) -> RuleMemory {
        // The findings of a row-wise rule are its matches, so that all of them are there anyway.
        let most = if self.is_row_wise { usize::MAX } else { kept_matches };
        let of_plan = |(plan, matched): (&PlanWork, &Matched)| {
            let of_branch = |(event_type, branch): (&TypeId, &BranchWork)| {
                let read = matched.of_type(*event_type);
                let events = match &branch.known {
                    KnownMatches::Events(known) if !is_all => KeptEvents::of(&[known.as_slice(), read].concat(), most),
                    KnownMatches::Many(count) if !is_all => KeptEvents::Many(count + read.len() as u64),
                    _ => KeptEvents::of(read, most),
                };
                BranchState { event_type: event_type.0, branch: branch.branch, events }
            };
            let mut branches: Vec<BranchState> = plan.branches.iter().map(of_branch).collect();
            branches.sort_unstable_by_key(|branch| branch.event_type);
            PlanState { shape: plan.shape, branches }
        };
        let matched = MatchedState { plans: self.plans.iter().zip(matched).map(of_plan).collect(), left_out };
        let bytes = |value: Result<Vec<u8>, postcard::Error>| value.expect("numbers and lists can always be written");
        RuleMemory { key: bytes(postcard::to_stdvec(&self.key)), last_event, findings, matched: bytes(postcard::to_stdvec(&matched)) }
    }
}

/// What an earlier hunt knew of a rule; else why that is of no use.
fn known_state<'s>(rule: &Hunted<'_>, conditions: &HuntConditions<'s>, key: &StateKey) -> Result<&'s RuleMemory, FullReason> {
    if let Some(reason) = conditions.full {
        return Err(reason);
    }
    if conditions.twins.contains(&(rule.rule_id, rule.hash)) {
        return Err(FullReason::Twin);
    }
    if rule.plans.iter().any(|plan| matches!(plan.source, RowSource::Findings { .. })) {
        return Err(FullReason::Findings);
    }
    let Some(state) = conditions.states.of(rule.rule_id, rule.hash) else {
        let has_other = conditions.states.has_other_text(rule.rule_id, rule.hash);
        return Err(if has_other { FullReason::Text } else { FullReason::New });
    };
    let Ok(known) = postcard::from_bytes::<StateKey>(&state.key) else { return Err(FullReason::New) };
    if known.build != key.build {
        return Err(FullReason::Build);
    }
    if known.generation != key.generation || state.last_event > conditions.last_event {
        return Err(FullReason::Removed);
    }
    if known.window_us != key.window_us {
        return Err(FullReason::Window);
    }
    if known.now_us != key.now_us {
        return Err(FullReason::Now);
    }
    Ok(state)
}

impl PlanWork {
    fn full(plan: &Plan) -> Self {
        let branches = plan.branches.iter().map(|branch| {
            let work = BranchWork { branch: of_branch(branch), first: EventId(1), known: KnownMatches::Nothing };
            (branch.event_type, work)
        });
        Self { shape: shape(plan), branches: branches.collect() }
    }

    /// As an earlier hunt left it: nothing is read.
    fn quiet(state: &PlanState, last: EventId) -> Self {
        let branches = state.branches.iter().map(|branch| (TypeId(branch.event_type), BranchWork::known(branch, last)));
        Self { shape: state.shape, branches: branches.collect() }
    }

    /// Each plan beside what an earlier hunt knew of it; none where they do not belong together.
    fn all(plans: &[&Plan], states: &[PlanState], last: EventId) -> Option<Vec<Self>> {
        if plans.len() != states.len() {
            return None;
        }
        plans.iter().zip(states).map(|(plan, state)| Self::of(plan, state, last)).collect()
    }

    fn of(plan: &Plan, state: &PlanState, last: EventId) -> Option<Self> {
        let mut work = Self::full(plan);
        if work.shape != state.shape {
            return None;
        }
        for known in &state.branches {
            match work.branches.get_mut(&TypeId(known.event_type)) {
                Some(branch) if branch.branch == known.branch => *branch = BranchWork::known(known, last),
                // Of a rule with stages that matched too many events to keep them, nobody can say whether one is lost.
                Some(branch) => branch.known = KnownMatches::Elsewhere(known.events.events(last)?),
                None if known.events.count() == 0 => {}
                None => return None,
            }
        }
        Some(work)
    }
}

impl BranchWork {
    fn known(state: &BranchState, last: EventId) -> Self {
        let (branch, first) = (state.branch, EventId(last.0 + 1));
        match (&state.events, state.events.events(last)) {
            (_, Some(events)) => Self { branch, first, known: KnownMatches::Events(events) },
            (KeptEvents::Many(count), None) => Self { branch, first, known: KnownMatches::Many(*count) },
            // Damaged: nothing of it is of use.
            (KeptEvents::All(_), None) => Self { branch, first: EventId(1), known: KnownMatches::Nothing },
        }
    }
}

/// What decides which events of a type match, and what rows of them hold.
fn of_branch(branch: &Branch) -> Fingerprint {
    fingerprint(branch)
}

/// What the rows of a plan look like from its source to its result; what the stages do is in the rule's text.
fn shape(plan: &Plan) -> Fingerprint {
    let steps: Vec<_> = plan.steps.iter().map(|step| &step.row).collect();
    fingerprint(&(&plan.row, steps))
}

/// Which correlations have something new: an input of theirs, or a correlation that they build on. Those that such a one builds on run too,
/// because it needs their alerts.
pub(super) fn correlations_to_run(correlations: &[Correlation], is_changed: &dyn Fn(usize) -> bool) -> Vec<bool> {
    let earlier = |index: usize| {
        correlations[index].inputs.iter().filter_map(|input| match input.source {
            InputSource::Correlation(earlier) => Some(earlier),
            InputSource::Query(_) => None,
        })
    };
    let mut runs: Vec<bool> = Vec::with_capacity(correlations.len());
    for index in 0..correlations.len() {
        runs.push(is_changed(index) || earlier(index).any(|earlier| runs[earlier]));
    }
    for index in (0..correlations.len()).rev().filter(|index| runs[*index]).collect::<Vec<_>>() {
        let mut needed: Vec<usize> = earlier(index).collect();
        while let Some(earlier_index) = needed.pop() {
            if !std::mem::replace(&mut runs[earlier_index], true) {
                needed.extend(earlier(earlier_index));
            }
        }
    }
    runs
}
