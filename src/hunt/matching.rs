//! The scan of all event types for the conditions of all plans.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::matched::Matched;
use super::scan::{MessageWords, ScanRule, ScanWith, scan};
use super::{HuntError, HuntProgress};
use crate::catalog::{Catalog, EventId, TypeId};
use crate::exec::Fault;
use crate::plan::Plan;
use crate::store::{EventRange, Store};

/// What the scan of all event types found.
pub(super) struct ScanResult {
    /// By plan.
    pub(super) events: Vec<Matched>,
    /// Plans that could not go on.
    pub(super) failed: BTreeMap<usize, Fault>,
    /// Events read, each once per event type.
    pub(super) scanned: u64,
    /// The place of the first plan that is a correlation's input, behind those of rules.
    pub(super) first_input: usize,
    /// Event types that were not read to their end, because the hunt was asked to stop.
    pub(super) unread: BTreeSet<TypeId>,
}

impl ScanResult {
    /// Whether some events that a plan asks for were not read.
    pub(super) fn unread_by(&self, plan: &Plan) -> bool {
        !self.unread.is_empty() && plan.branches.iter().any(|branch| self.unread.contains(&branch.event_type))
    }
}

/// Which events are read for a plan, by its place and the event type; none: nothing is.
pub(super) type RangeOf<'r> = dyn Fn(usize, TypeId) -> Option<EventRange> + 'r;

/// The events that each plan's condition holds for.
pub(super) fn match_events(
    store: &Store,
    catalog: &Catalog,
    plans: &[&Plan],
    range_of: &RangeOf<'_>,
    with: &ScanWith<'_>,
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<ScanResult, HuntError> {
    // By type id and not in a hash map: the order of the scan decides the order of faults and progress. Rules that begin at one event
    // are scanned together.
    let mut by_type: BTreeMap<(TypeId, EventId), Vec<ScanRule<'_>>> = BTreeMap::new();
    let mut ranges: BTreeMap<(TypeId, EventId), Option<(EventRange, u64)>> = BTreeMap::new();
    let mut words = MessageWords::new(store, catalog);
    for (rule, plan) in plans.iter().enumerate() {
        for branch in &plan.branches {
            let Some(event_type) = catalog.event_type(branch.event_type) else { continue };
            let Some(range) = range_of(rule, branch.event_type) else { continue };
            let key = (branch.event_type, range.first);
            let known = match ranges.get(&key) {
                Some(known) => *known,
                // Where a type has nothing new, no program is made for it.
                None => *ranges.entry(key).or_insert(store.events_in(event_type, range)?.map(|events| (range, events))),
            };
            if known.is_some() {
                // Of all rules before the first scan: messages of several types lie in one block, which is read once.
                words.note(event_type, &branch.filter, with.hosts);
                by_type.entry(key).or_default().push(ScanRule { rule, filter: &branch.filter });
            }
        }
    }
    progress(HuntProgress::Planned { events: ranges.values().flatten().map(|(_, events)| events).sum() });
    let words = RefCell::new(words);
    let mut found = ScanResult {
        events: vec![Matched::default(); plans.len()],
        failed: BTreeMap::new(),
        scanned: 0,
        first_input: 0,
        unread: BTreeSet::new(),
    };
    for ((id, first), rules) in &by_type {
        let event_type = catalog.event_type(*id).expect("plans name types of this catalog");
        let Some((range, _)) = ranges[&(*id, *first)] else { continue };
        if with.cancel.is_cancelled() {
            found.unread.insert(*id);
            continue;
        }
        let scanned = scan(store, event_type, rules, range, (with, &words), &mut |rule, event| found.events[rule].add(*id, event))?;
        if !scanned.is_whole {
            found.unread.insert(*id);
        }
        found.scanned += scanned.rows;
        for (rule, fault) in scanned.failed {
            // The first fault of a rule is told; its other event types would only repeat it.
            found.failed.entry(rule).or_insert(fault);
        }
        progress(HuntProgress::Scanned { events: found.scanned });
    }
    Ok(found)
}
