//! The scan of all event types for the conditions of all plans.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::matched::Matched;
use super::scan::{MessageWords, ScanRule, ScanWith, scan};
use super::{HuntError, HuntProgress};
use crate::catalog::{Catalog, TypeId};
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

/// The events that each plan's condition holds for.
pub(super) fn match_events(
    store: &Store,
    catalog: &Catalog,
    plans: &[&Plan],
    range: EventRange,
    with: &ScanWith<'_>,
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<ScanResult, HuntError> {
    // By type id and not in a hash map: the order of the scan decides the order of faults and progress.
    let mut by_type: BTreeMap<TypeId, Vec<ScanRule<'_>>> = BTreeMap::new();
    let mut words = MessageWords::new(store, catalog);
    for (rule, plan) in plans.iter().enumerate() {
        for branch in &plan.branches {
            // Of all rules before the first scan: messages of several types lie in one block, which is read once.
            if let Some(event_type) = catalog.event_type(branch.event_type) {
                words.note(event_type, &branch.filter, with.hosts);
            }
            by_type.entry(branch.event_type).or_default().push(ScanRule { rule, filter: &branch.filter });
        }
    }
    let total = by_type.keys().filter_map(|id| catalog.event_type(*id)).map(|t| t.events).sum();
    progress(HuntProgress::Planned { events: total });
    let words = RefCell::new(words);
    let mut found = ScanResult {
        events: vec![Matched::default(); plans.len()],
        failed: BTreeMap::new(),
        scanned: 0,
        first_input: 0,
        unread: BTreeSet::new(),
    };
    for (id, rules) in &by_type {
        let event_type = catalog.event_type(*id).expect("plans name types of this catalog");
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
