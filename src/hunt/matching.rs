//! The scan of all event types for the conditions of all plans.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::matched::Matched;
use super::scan::{MessageWords, NotedWords, ScanRule, ScanWith, Scanned, scan};
use super::{HuntError, HuntProgress};
use crate::catalog::{Catalog, EventId, EventType, TypeId};
use crate::exec::{Context, Fault};
use crate::plan::Plan;
use crate::store::{EventRange, Store, StoreError};

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

/// The smallest part of a type, unless the caller says otherwise.
// Each part asks anew what its columns' values say: parts of fewer events would cost more than the even shares are worth.
pub(super) const PART_EVENTS: u64 = 100_000;
/// Of so many parts for each scan at a time none is larger: so much may be left to one when the others are done.
const PARTS_A_JOB: u64 = 2;

/// What one scan reads.
struct Part<'p> {
    event_type: &'p EventType,
    rules: &'p [ScanRule<'p>],
    range: EventRange,
    /// How many events that are, roughly.
    events: u64,
}

/// What one scan found.
struct PartFound {
    /// Rule → its events, ascending.
    events: BTreeMap<usize, Vec<EventId>>,
    scanned: Scanned,
}

impl Part<'_> {
    fn scan(&self, store: &Store, with: (&ScanWith<'_>, &RefCell<MessageWords<'_>>)) -> Result<PartFound, HuntError> {
        let mut events: BTreeMap<usize, Vec<EventId>> = BTreeMap::new();
        let mut add = |rule, event| events.entry(rule).or_default().push(event);
        let scanned = scan(store, self.event_type, self.rules, self.range, with, &mut add)?;
        Ok(PartFound { events, scanned })
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
    // By type id and not in a hash map: the order of the types decides the order of faults and of findings.
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
    let total: u64 = by_type.keys().filter_map(|id| catalog.event_type(*id)).map(|t| t.events).sum();
    progress(HuntProgress::Planned { events: total });
    let in_range = u64::try_from(range.last.0.saturating_sub(range.first.0).saturating_add(1)).unwrap_or(0);
    // A part of the time, or of the events, has a part of the messages: reading the others would cost more than it spares.
    if range.since_us.is_none() && range.until_us.is_none() && total / 2 <= in_range {
        words.read_ahead(with.cancel)?;
    }
    // Each connection reads the names of all tables and views first: few events are read in that time.
    let jobs = if total.min(in_range) > with.part_events { with.jobs } else { 1 };
    let most = if jobs > 1 { (total.min(in_range) / (jobs as u64 * PARTS_A_JOB)).max(with.part_events).max(1) } else { u64::MAX };
    let parts = parts(store, catalog, &by_type, range, (most, in_range))?;
    let mut tell = |events: u64| progress(HuntProgress::Scanned { events });
    let found = match readers(store, jobs.min(parts.len()))? {
        Some(readers) => scan_at_once(readers, &parts, with, &words.noted(), &mut tell)?,
        None => scan_in_order(store, &parts, with, words, &mut tell)?,
    };
    Ok(joined(&parts, found, plans.len()))
}

/// What is to be scanned: types, and parts of those that have more than so many events. By type and event. `in_range` is how many events of
/// all types there are at most.
fn parts<'p>(
    store: &Store,
    catalog: &'p Catalog,
    by_type: &'p BTreeMap<TypeId, Vec<ScanRule<'p>>>,
    range: EventRange,
    (most, in_range): (u64, u64),
) -> Result<Vec<Part<'p>>, HuntError> {
    let mut parts = Vec::new();
    for (id, rules) in by_type {
        let event_type = catalog.event_type(*id).expect("plans name types of this catalog");
        let events = event_type.events.min(in_range);
        let span = if events > most { store.event_span(event_type)? } else { None };
        let Some((first, last)) = span else {
            parts.push(Part { event_type, rules, range, events });
            continue;
        };
        let (first, last) = (first.0.max(range.first.0), last.0.min(range.last.0));
        let count = i64::try_from(events.div_ceil(most)).expect("a number of parts is small");
        let length = ((last - first) / count + 1).max(1);
        // At least one, so that the type counts as read.
        for part in 0..count {
            let own =
                EventRange { first: EventId(first + part * length), last: EventId((first + (part + 1) * length - 1).min(last)), ..range };
            parts.push(Part { event_type, rules, range: own, events: events / count.unsigned_abs() });
        }
    }
    Ok(parts)
}

/// So many connections that only read; none where the store has but one, or no more is wanted.
fn readers(store: &Store, jobs: usize) -> Result<Option<Vec<Store>>, HuntError> {
    if jobs < 2 {
        return Ok(None);
    }
    match (0..jobs).map(|_| store.reader()).collect::<Result<Vec<_>, _>>() {
        Ok(readers) => Ok(Some(readers)),
        Err(StoreError::Refused(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn scan_in_order(
    store: &Store,
    parts: &[Part<'_>],
    with: &ScanWith<'_>,
    words: MessageWords<'_>,
    tell: &mut dyn FnMut(u64),
) -> Result<Vec<Option<PartFound>>, HuntError> {
    let words = RefCell::new(words);
    let mut scanned = 0;
    let mut scan = |part: &Part<'_>| {
        if with.cancel.is_cancelled() {
            return Ok(None);
        }
        let found = part.scan(store, (with, &words))?;
        scanned += found.scanned.rows;
        tell(scanned);
        Ok(Some(found))
    };
    parts.iter().map(&mut scan).collect()
}

/// Scans parts at the same time, one for each reader, the largest first.
fn scan_at_once(
    readers: Vec<Store>,
    parts: &[Part<'_>],
    with: &ScanWith<'_>,
    noted: &NotedWords,
    tell: &mut dyn FnMut(u64),
) -> Result<Vec<Option<PartFound>>, HuntError> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    // Stable: parts of equal size in their order.
    order.sort_by_key(|part| std::cmp::Reverse(parts[*part].events));
    let (order, next, jobs) = (&order, &AtomicUsize::new(0), readers.len());
    let (now, hosts, cancel, part_events) = (with.context.now(), with.hosts, with.cancel, with.part_events);
    let mut found: Vec<Option<PartFound>> = parts.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        let (send, results) = mpsc::channel();
        for store in readers {
            let send = send.clone();
            scope.spawn(move || {
                // Compiled expressions are the thread's own: they are not made to be shared.
                let context = Context::new(now);
                let with = ScanWith { context: &context, hosts, cancel, jobs, part_events };
                let words = RefCell::new(MessageWords::of_noted(&store, noted.clone(), jobs));
                while let Some(part) = order.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !cancel.is_cancelled()) {
                    // Nobody listens where another scan failed.
                    if send.send((*part, parts[*part].scan(&store, (&with, &words)))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut scanned = 0;
        for (part, result) in results {
            let result: PartFound = result?;
            scanned += result.scanned.rows;
            tell(scanned);
            found[part] = Some(result);
        }
        Ok(found)
    })
}

/// All that was found, by type and event, whatever was scanned when.
fn joined(parts: &[Part<'_>], found: Vec<Option<PartFound>>, plans: usize) -> ScanResult {
    let mut all = ScanResult {
        events: vec![Matched::default(); plans],
        failed: BTreeMap::new(),
        scanned: 0,
        first_input: 0,
        unread: BTreeSet::new(),
    };
    // Rules that failed in an earlier part of the type: had it been one, they would have found nothing from there on.
    let mut ended: BTreeSet<(TypeId, usize)> = BTreeSet::new();
    for (part, found) in parts.iter().zip(found) {
        let id = part.event_type.id;
        let Some(found) = found else {
            all.unread.insert(id);
            continue;
        };
        if !found.scanned.is_whole {
            all.unread.insert(id);
        }
        all.scanned += found.scanned.rows;
        for (rule, events) in found.events.into_iter().filter(|(rule, _)| !ended.contains(&(id, *rule))) {
            all.events[rule].add_all(id, events);
        }
        for (rule, fault) in found.scanned.failed {
            ended.insert((id, rule));
            // The first fault of a rule is told; its other event types would only repeat it.
            all.failed.entry(rule).or_insert(fault);
        }
    }
    all
}
