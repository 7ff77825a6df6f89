//! The scan of all event types for the conditions of all plans.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc;

use super::hosts::Hosts;
use super::matched::Matched;
use super::parts::{PartFound, PartScanner, PartsLeft, ScanPart};
use super::scan::{MessageWords, NotedWords, ScanRule, ScanWith};
use super::{HuntError, HuntProgress};
use crate::cancel::Cancel;
use crate::catalog::{Catalog, EventId, EventType, TypeId};
use crate::exec::{Context, Fault};
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

/// The smallest part of a type, unless the caller says otherwise.
// Who takes a part of a type that another is at asks anew what its values say: for fewer events that would cost more than even shares are
// worth.
pub(super) const PART_EVENTS: u64 = 100_000;
/// Of so many parts for each scan at a time none is larger: so much may be left to one when the others are done.
const PARTS_A_JOB: u64 = 8;

/// What the scans of a hunt share, but for what they find out themselves.
#[derive(Clone, Copy)]
pub(super) struct MatchWith<'a> {
    /// What expressions ask beside the row.
    pub(super) context: &'a Context,
    /// Stops a scan.
    pub(super) cancel: &'a Cancel,
    /// How many scans may run at a time.
    pub(super) jobs: usize,
    /// A part of a type has at least so many events.
    pub(super) part_events: u64,
}

/// The events that each plan's condition holds for.
pub(super) fn match_events(
    store: &Store,
    catalog: &Catalog,
    plans: &[&Plan],
    range_of: &RangeOf<'_>,
    with: MatchWith<'_>,
    progress: &mut dyn FnMut(HuntProgress),
) -> Result<ScanResult, HuntError> {
    let MatchWith { context, cancel, jobs, part_events } = with;
    let hosts = Hosts::of(store, plans)?;
    let with = &ScanWith { context, hosts: &hosts, cancel, jobs, part_events };
    // By type id and not in a hash map: the order of the types decides the order of faults and of findings. Rules that read
    // the same events are scanned together.
    let mut by_type: BTreeMap<(TypeId, EventId, EventId), Vec<ScanRule<'_>>> = BTreeMap::new();
    let mut ranges: BTreeMap<(TypeId, EventId, EventId), Option<(EventRange, u64)>> = BTreeMap::new();
    let mut words = MessageWords::new(store, catalog);
    for (rule, plan) in plans.iter().enumerate() {
        for branch in &plan.branches {
            let Some(event_type) = catalog.event_type(branch.event_type) else { continue };
            let Some(range) = range_of(rule, branch.event_type) else { continue };
            let key = (branch.event_type, range.first, range.last);
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
    let scans: Vec<TypeScan<'_>> = by_type
        .iter()
        .filter_map(|(key, rules)| {
            let (range, events) = ranges[key]?;
            Some(TypeScan { event_type: catalog.event_type(key.0)?, rules, range, events })
        })
        .collect();
    let total: u64 = scans.iter().map(|scan| scan.events).sum();
    progress(HuntProgress::Planned { events: total });
    // A part of the events, or of the time, has a part of the messages: reading the others would cost more than it spares.
    if scans.iter().all(|TypeScan { range, .. }| range.first <= EventId(1) && range.since_us.is_none() && range.until_us.is_none()) {
        words.read_ahead(with.cancel)?;
    }
    // Each connection reads the names of all tables and views first: few events are read in that time.
    let jobs = if total > with.part_events { with.jobs } else { 1 };
    let most = if jobs > 1 { (total / (jobs as u64 * PARTS_A_JOB)).max(with.part_events).max(1) } else { u64::MAX };
    let parts = parts(store, &scans, most)?;
    let mut tell = |events: u64| progress(HuntProgress::Scanned { events });
    let _cache = store.scan_cache()?;
    let found = match spare_readers(store, jobs.min(parts.len())) {
        Some(readers) => scan_at_once((store, readers), &parts, with, &words.noted(), &mut tell)?,
        None => scan_in_order(store, &parts, with, words, &mut tell)?,
    };
    Ok(joined(&parts, found, plans.len()))
}

/// One event type with the rules that are asked of the same of its events.
struct TypeScan<'p> {
    event_type: &'p EventType,
    rules: &'p [ScanRule<'p>],
    range: EventRange,
    /// How many events that are, at most.
    events: u64,
}

/// What is to be scanned: types, and parts of those that have more than so many events. By type and event.
fn parts<'p>(store: &Store, scans: &[TypeScan<'p>], most: u64) -> Result<Vec<ScanPart<'p>>, HuntError> {
    let mut parts = Vec::new();
    for (of, TypeScan { event_type, rules, range, events }) in scans.iter().enumerate() {
        let span = if *events > most { store.event_span(event_type)? } else { None };
        let Some((first, last)) = span else {
            parts.push(ScanPart { of, event_type, rules, range: *range, events: *events });
            continue;
        };
        let (first, last) = (first.0.max(range.first.0), last.0.min(range.last.0));
        let count = i64::try_from(events.div_ceil(most)).expect("a number of parts is small");
        let length = ((last - first) / count + 1).max(1);
        // At least one, so that the type counts as read.
        for part in 0..count {
            let own =
                EventRange { first: EventId(first + part * length), last: EventId((first + (part + 1) * length - 1).min(last)), ..*range };
            parts.push(ScanPart { of, event_type, rules, range: own, events: events / count.unsigned_abs() });
        }
    }
    Ok(parts)
}

/// A connection that only reads, for each scan beside that of the store itself; one that is not open yet is its path. None where no more
/// than one scan is wanted, or the store has but one connection.
fn spare_readers(store: &Store, scans: usize) -> Option<Vec<Result<Store, PathBuf>>> {
    let path = store.path().filter(|_| scans > 1)?;
    Some((1..scans).map(|_| store.spare_reader().ok_or_else(|| path.to_owned())).collect())
}

fn scan_in_order(
    store: &Store,
    parts: &[ScanPart<'_>],
    with: &ScanWith<'_>,
    words: MessageWords<'_>,
    tell: &mut dyn FnMut(u64),
) -> Result<Vec<Option<PartFound>>, HuntError> {
    let words = RefCell::new(words);
    let mut scanned = 0;
    let mut scanner = PartScanner::new(store, with, &words);
    let mut scan = |part| {
        if with.cancel.is_cancelled() {
            return Ok(None);
        }
        let found = scanner.scan(part)?;
        scanned += found.scanned.rows;
        tell(scanned);
        Ok(Some(found))
    };
    parts.iter().map(&mut scan).collect()
}

/// Scans parts at the same time: one by the store itself, one by each reader, which are the store's from then on.
fn scan_at_once(
    (store, readers): (&Store, Vec<Result<Store, PathBuf>>),
    parts: &[ScanPart<'_>],
    with: &ScanWith<'_>,
    noted: &NotedWords,
    tell: &mut dyn FnMut(u64),
) -> Result<Vec<Option<PartFound>>, HuntError> {
    let (left, jobs) = (&PartsLeft::new(parts), readers.len() + 1);
    let (now, hosts, cancel, part_events) = (with.context.now(), with.hosts, with.cancel, with.part_events);
    let next_part = &|at| left.take(parts, at).filter(|_| !cancel.is_cancelled());
    let mut found = PartsFound { parts: parts.iter().map(|_| None).collect(), scanned: 0, tell };
    std::thread::scope(|scope| {
        let (send, results) = mpsc::channel();
        let scan = |reader: Result<Store, PathBuf>| {
            let send = send.clone();
            scope.spawn(move || {
                // Each connection reads the names of all tables first, while the store itself scans already.
                let store = reader.or_else(|path| Store::open_read_only(&path)).map_err(|error| send.send(Err(error.into()))).ok()?;
                // Compiled expressions are the thread's own: they are not made to be shared.
                let context = Context::new(now);
                let with = ScanWith { context: &context, hosts, cancel, jobs, part_events };
                let words = RefCell::new(MessageWords::of_noted(&store, noted.clone(), jobs));
                let mut scanner = PartScanner::new(&store, &with, &words);
                while let Some(part) = next_part(scanner.at()) {
                    let result = scanner.scan(&parts[part]).map(|found| (part, found));
                    // Nobody listens where another scan failed.
                    if send.send(result).is_err() {
                        break;
                    }
                }
                drop(scanner);
                drop(words);
                Some(store)
            })
        };
        let scans: Vec<_> = readers.into_iter().map(scan).collect();
        drop(send);
        let (with, words) = (ScanWith { jobs, ..*with }, RefCell::new(MessageWords::of_noted(store, noted.clone(), jobs)));
        let mut scanner = PartScanner::new(store, &with, &words);
        while let Some(part) = next_part(scanner.at()) {
            found.add(part, scanner.scan(&parts[part])?);
            results.try_iter().try_for_each(|result| result.map(|(part, own)| found.add(part, own)))?;
        }
        results.iter().try_for_each(|result: Result<_, HuntError>| result.map(|(part, own)| found.add(part, own)))?;
        store.keep_readers(scans.into_iter().filter_map(|scan| scan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
        Ok(found.parts)
    })
}

/// What was found so far.
struct PartsFound<'t> {
    /// By part.
    parts: Vec<Option<PartFound>>,
    scanned: u64,
    tell: &'t mut dyn FnMut(u64),
}

impl PartsFound<'_> {
    fn add(&mut self, part: usize, found: PartFound) {
        self.scanned += found.scanned.rows;
        self.parts[part] = Some(found);
        (self.tell)(self.scanned);
    }
}

/// All that was found, by type and event, whatever was scanned when.
fn joined(parts: &[ScanPart<'_>], found: Vec<Option<PartFound>>, plans: usize) -> ScanResult {
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
