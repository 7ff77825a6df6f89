//! The parts that a hunt's scans take, one after the other, and what a scan keeps from one to the next.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use super::HuntError;
use super::scan::{MessageWords, ScanRule, ScanWith, Scanned, TypeRows};
use crate::catalog::{EventId, EventType};
use crate::store::{EventRange, Store};

/// What one scan reads.
pub(super) struct ScanPart<'p> {
    /// The place of its type with its rules among those that are scanned.
    pub(super) of: usize,
    /// The type.
    pub(super) event_type: &'p EventType,
    /// The rules.
    pub(super) rules: &'p [ScanRule<'p>],
    /// Its events.
    pub(super) range: EventRange,
    /// How many events that are, roughly.
    pub(super) events: u64,
}

/// What one scan found.
pub(super) struct PartFound {
    /// Rule → its events, ascending.
    pub(super) events: BTreeMap<usize, Vec<EventId>>,
    /// What the scan did.
    pub(super) scanned: Scanned,
}

/// Scans part after part. The program of a type, and what its values answer, is kept for the next part of the same.
pub(super) struct PartScanner<'a, 's> {
    store: &'s Store,
    with: &'a ScanWith<'a>,
    words: &'a RefCell<MessageWords<'s>>,
    rows: Option<(usize, TypeRows<'a, 's>)>,
}

impl<'a, 's> PartScanner<'a, 's> {
    /// Starts with no program.
    pub(super) fn new(store: &'s Store, with: &'a ScanWith<'a>, words: &'a RefCell<MessageWords<'s>>) -> Self {
        Self { store, with, words, rows: None }
    }

    /// Of which parts the last one was.
    pub(super) fn at(&self) -> Option<usize> {
        self.rows.as_ref().map(|(of, _)| *of)
    }

    /// Scans a part; those of one type ascend.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn scan(&mut self, part: &ScanPart<'a>) -> Result<PartFound, HuntError> {
        if self.at() != Some(part.of) {
            // First, so that never two of them are in memory.
            self.rows = None;
            self.rows = Some((part.of, TypeRows::new(self.store, part.event_type, part.rules, (self.with, self.words))?));
        }
        let (_, rows) = self.rows.as_mut().expect("it was made");
        let mut events: BTreeMap<usize, Vec<EventId>> = BTreeMap::new();
        let scanned = rows.scan(part.range, &mut |rule, event| events.entry(rule).or_default().push(event))?;
        Ok(PartFound { events, scanned })
    }
}

/// The parts that nobody has taken yet.
pub(super) struct PartsLeft {
    /// By the place of their types: those that have the most events left are begun first.
    types: Mutex<Vec<TypeLeft>>,
}

/// What is left of one type.
#[derive(Default)]
struct TypeLeft {
    /// In the order of their events.
    parts: VecDeque<usize>,
    events: u64,
    /// Who took the last of them are so many.
    scans: u64,
}

impl PartsLeft {
    /// Nobody has taken any.
    pub(super) fn new(parts: &[ScanPart<'_>]) -> Self {
        let mut types: Vec<TypeLeft> = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            types.resize_with(types.len().max(part.of + 1), TypeLeft::default);
            types[part.of].parts.push_back(number);
            types[part.of].events += part.events;
        }
        Self { types: Mutex::new(types) }
    }

    /// The next part for who has scanned one of the type `at`: of the same type, else of the one of which each who is at it has the most
    /// left.
    pub(super) fn take(&self, parts: &[ScanPart<'_>], at: Option<usize>) -> Option<usize> {
        let mut types = self.types.lock().expect("nobody panics with it");
        let of = match at.filter(|at| !types[*at].parts.is_empty()) {
            Some(at) => at,
            None => {
                let left = |of: &usize| types[*of].events / (types[*of].scans + 1);
                // Of equal ones the first.
                let of = (0..types.len()).rev().filter(|of| !types[*of].parts.is_empty()).max_by_key(left)?;
                at.into_iter().for_each(|at| types[at].scans -= 1);
                types[of].scans += 1;
                of
            }
        };
        let left = &mut types[of];
        let part = left.parts.pop_front()?;
        left.events = left.events.saturating_sub(parts[part].events);
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TypeId;

    #[test]
    fn who_is_done_with_a_type_begins_the_largest_and_then_helps() {
        let event_type = EventType::bare(TypeId(1), 0);
        let range = EventRange { first: EventId(1), last: EventId(9), since_us: None, until_us: None };
        // Types of one, four and two parts.
        let part = |of| ScanPart { of, event_type: &event_type, rules: &[], range, events: 10 };
        let parts: Vec<ScanPart<'_>> = [0, 1, 1, 1, 1, 2, 2].map(part).into();
        let left = PartsLeft::new(&parts);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        // The second of them takes two parts while the first takes one.
        while let Some(taken) = left.take(&parts, a.last().map(|part: &usize| parts[*part].of)) {
            a.push(taken);
            b.extend(left.take(&parts, b.last().map(|part: &usize| parts[*part].of)));
            b.extend(left.take(&parts, b.last().map(|part: &usize| parts[*part].of)));
        }
        assert_eq!((a, b), (vec![1, 2, 4], vec![5, 6, 0, 3]));
    }
}
