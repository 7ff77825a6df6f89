//! Findings of single events. Many new ones are made on another thread too, while the hunt's own writes those before.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use super::{message, risk_objects, text};
use crate::catalog::EventId;
use crate::hunt::field::field_cell;
use crate::hunt::telling::{EventTeller, HOST_FIELD, TellingFacts};
use crate::hunt::{HuntError, HuntOptions};
use crate::ir::Rule;
use crate::plan::{Branch, FieldExpr, Plan};
use crate::store::{Envelope, FieldsReader, Finding, FindingDescription, FindingRiskObject, Store, StoreError, StoredEvent};

/// A finding takes as long as to scan so many events: as many parts of an event type have is what another thread is worth.
const EVENTS_A_FINDING: u64 = 5;
/// Findings that are handed over at once.
const CHUNK: usize = 128;
/// Chunks that are made and not yet written.
const CHUNKS_AHEAD: usize = 16;

/// A rule without stages and events that it matches.
pub(in crate::hunt) struct MatchedRows<'h> {
    pub(super) index: usize,
    pub(super) rule: &'h Rule,
    pub(super) plan: &'h Plan,
    /// Whether the rule leaves it open who carries the risk.
    pub(super) derives_risk: bool,
    /// Whether its message or its risk names fields; most rules need none, then the event is not read for its message.
    pub(super) needs_fields: bool,
    /// Ascending.
    pub(super) events: Vec<EventId>,
    /// Whether an earlier hunt has none of them.
    pub(in crate::hunt) is_new: bool,
}

impl MatchedRows<'_> {
    /// The finding of one of the events; `store` is asked for the fields that the rule's message and risk name.
    pub(super) fn finding(&self, store: &Store, envelope: Envelope) -> Result<Finding, StoreError> {
        let branch = if self.needs_fields { self.plan.branches.iter().find(|b| b.event_type == envelope.event_type) } else { None };
        let stored = branch.map(|_| store.event(envelope.id)).transpose()?;
        Ok(row_finding(self.index, self.rule, envelope, &|name| value_of(name, branch, stored.as_ref())))
    }
}

/// The finding of one event.
pub(super) fn row_finding(index: usize, rule: &Rule, envelope: Envelope, value: &dyn Fn(&str) -> Option<String>) -> Finding {
    let mut risk_objects = risk_objects(rule, value);
    // Sigma names no risk objects, but Splunk's views of risk need one: the host is the one thing that nearly every event has.
    if risk_objects.is_empty() && rule.meta.risk_objects.is_empty() {
        risk_objects.extend(envelope.host.as_ref().map(|host| FindingRiskObject {
            field: HOST_FIELD.to_owned(),
            kind: "system".to_owned(),
            value: host.as_ref().to_owned(),
            score: None,
        }));
    }
    Finding {
        rule_index: index,
        group: Vec::new(),
        ordinal: 0,
        window_start_us: None,
        count: 1,
        first_time_us: envelope.time_us,
        last_time_us: envelope.time_us,
        risk_score: rule.meta.effective_risk_score(),
        message: message(rule, value),
        risk_objects,
        columns: Vec::new(),
        evidence: vec![envelope.id],
        event: Some(envelope),
    }
}

fn value_of(name: &str, branch: Option<&Branch>, event: Option<&StoredEvent>) -> Option<String> {
    let expr: &FieldExpr = branch?.fields.get(name)?;
    text(&field_cell(expr, event?).expect("an event that was read whole is asked nothing of the store"))
}

/// A finding with what its event tells.
type Made = (Finding, FindingDescription);

/// Makes findings of events that are read one by one.
struct RowMaker<'s> {
    store: &'s Store,
    teller: Rc<EventTeller<'s>>,
    fields: FieldsReader<'s>,
}

impl<'s> RowMaker<'s> {
    /// Reads the columns that tell something in findings of these rules.
    fn new(store: &'s Store, facts: TellingFacts<'s>, rules: BTreeSet<usize>) -> Result<Self, StoreError> {
        let teller = Rc::new(EventTeller::new(facts, store));
        let of_columns = Rc::clone(&teller);
        let fields = store.fields_reader(facts.catalog, move |event_type| of_columns.wanted(event_type, &rules))?;
        Ok(Self { store, teller, fields })
    }

    fn make(&mut self, rows: &MatchedRows<'_>, event: EventId) -> Result<Made, HuntError> {
        let event = self.fields.of(event)?;
        let description = self.teller.of_event(rows.index, rows.derives_risk, &event)?;
        Ok((rows.finding(self.store, event.envelope)?, description))
    }
}

/// Makes the findings of single events, in their order.
pub(in crate::hunt) struct FindingsMaker<'s> {
    own: RowMaker<'s>,
    shared: Option<SharedMaking<'s>>,
}

impl<'s> FindingsMaker<'s> {
    /// `rows`: all of which findings may be asked for, in that order. With a second job, and where they are many, another thread makes
    /// them too.
    pub(in crate::hunt) fn new<'scope, 'h: 's + 'scope>(
        (store, facts): (&'s Store, TellingFacts<'h>),
        rows: Vec<MatchedRows<'h>>,
        options: &HuntOptions,
        scope: &'scope Scope<'scope, '_>,
    ) -> Result<Self, HuntError> {
        let rules: BTreeSet<usize> = rows.iter().map(|rows| rows.index).collect();
        let events: usize = rows.iter().map(|rows| rows.events.len()).sum();
        let is_worth = options.jobs > 1 && events as u64 * EVENTS_A_FINDING >= options.part_events;
        // A store in memory has but one connection.
        let reader = if is_worth { store.reader().ok() } else { None };
        let shared = reader.map(|reader| SharedMaking::new(reader, facts, rules.clone(), rows, scope));
        Ok(Self { own: RowMaker::new(store, facts, rules)?, shared })
    }

    /// Ends it: what was opened for it is the store's to use again.
    pub(in crate::hunt) fn end(self) {
        let store = self.own.store;
        store.keep_readers(self.shared.and_then(SharedMaking::end));
    }

    /// Hands each event's finding over.
    pub(super) fn each(
        &mut self,
        rows: &MatchedRows<'_>,
        save: &mut dyn FnMut(Finding, FindingDescription) -> Result<(), HuntError>,
    ) -> Result<(), HuntError> {
        if let Some(shared) = &mut self.shared {
            return shared.each(rows, &mut self.own, save);
        }
        for event in &rows.events {
            let (finding, description) = self.own.make(rows, *event)?;
            save(finding, description)?;
        }
        Ok(())
    }
}

/// Findings of one rule: a chunk of them.
struct MadeChunk {
    /// Whose.
    index: usize,
    made: Vec<Made>,
}

/// What is to be made, in chunks that are taken one after the other.
struct ChunksToMake<'h> {
    rows: Vec<MatchedRows<'h>>,
    /// Place among the rows, and which of its events.
    chunks: Vec<(usize, Range<usize>)>,
    next: AtomicUsize,
}

impl<'h> ChunksToMake<'h> {
    fn new(rows: Vec<MatchedRows<'h>>) -> Self {
        let of_rows = |(place, rows): (usize, &MatchedRows<'_>)| {
            let count = rows.events.len();
            (0..count).step_by(CHUNK).map(move |first| (place, first..(first + CHUNK).min(count)))
        };
        let chunks = rows.iter().enumerate().flat_map(of_rows).collect();
        Self { rows, chunks, next: AtomicUsize::new(0) }
    }

    /// The number of a chunk that nobody else makes; none where all are taken.
    fn take(&self) -> Option<usize> {
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < self.chunks.len())
    }

    fn make(&self, number: usize, maker: &mut RowMaker<'_>) -> Result<MadeChunk, HuntError> {
        let (place, range) = &self.chunks[number];
        let rows = &self.rows[*place];
        let made = rows.events[range.clone()].iter().map(|event| maker.make(rows, *event)).collect::<Result<_, _>>()?;
        Ok(MadeChunk { index: rows.index, made })
    }
}

/// Findings that another thread makes, and this one where it would wait. The other ends when this is dropped.
struct SharedMaking<'h> {
    work: Arc<ChunksToMake<'h>>,
    /// Chunks by their numbers, as the other thread made them.
    made: Receiver<Result<(usize, MadeChunk), HuntError>>,
    /// What the other thread reads with, when it ends.
    reader: Receiver<Store>,
    /// Those whose turn has not come.
    waiting: BTreeMap<usize, MadeChunk>,
    /// The number of the chunk that is handed over next.
    at: usize,
}

impl<'h> SharedMaking<'h> {
    fn new<'scope>(
        store: Store,
        facts: TellingFacts<'h>,
        rules: BTreeSet<usize>,
        rows: Vec<MatchedRows<'h>>,
        scope: &'scope Scope<'scope, '_>,
    ) -> Self
    where
        'h: 'scope,
    {
        let (send, made) = sync_channel(CHUNKS_AHEAD);
        let (give_back, reader) = sync_channel(1);
        let work = Arc::new(ChunksToMake::new(rows));
        let shared = Arc::clone(&work);
        scope.spawn(move || {
            if let Err(error) = make_all(&store, facts, rules, &shared, &send) {
                // Nobody listens where the hunt has failed.
                send.send(Err(error)).ok();
            }
            give_back.send(store).ok();
        });
        Self { work, made, reader, waiting: BTreeMap::new(), at: 0 }
    }

    /// Ends it. Returns what the other thread read with.
    fn end(self) -> Option<Store> {
        drop(self.made);
        self.reader.recv().ok()
    }

    fn each(
        &mut self,
        rows: &MatchedRows<'_>,
        own: &mut RowMaker<'_>,
        save: &mut dyn FnMut(Finding, FindingDescription) -> Result<(), HuntError>,
    ) -> Result<(), HuntError> {
        let mut left = rows.events.len();
        while left > 0 {
            let MadeChunk { index, made } = self.next(own)?;
            // A rule that could not go on is passed by.
            if index == rows.index {
                left -= made.len();
                made.into_iter().try_for_each(|(finding, description)| save(finding, description))?;
            }
        }
        Ok(())
    }

    /// The next chunk in the order of the rows.
    fn next(&mut self, own: &mut RowMaker<'_>) -> Result<MadeChunk, HuntError> {
        loop {
            while let Ok(made) = self.made.try_recv() {
                let (number, chunk) = made?;
                self.waiting.insert(number, chunk);
            }
            if let Some(chunk) = self.waiting.remove(&self.at) {
                self.at += 1;
                return Ok(chunk);
            }
            // The other thread is at it: meanwhile one of the next is made here.
            let (number, chunk) = match Some(&self.work).filter(|_| self.waiting.len() < CHUNKS_AHEAD).and_then(|work| work.take()) {
                Some(number) => (number, self.work.make(number, own)?),
                None => self.made.recv().expect("a thread that makes findings makes all that it takes")?,
            };
            self.waiting.insert(number, chunk);
        }
    }
}

/// Makes all findings that nobody else takes, or those until nobody listens.
fn make_all(
    store: &Store,
    facts: TellingFacts<'_>,
    rules: BTreeSet<usize>,
    work: &ChunksToMake<'_>,
    out: &SyncSender<Result<(usize, MadeChunk), HuntError>>,
) -> Result<(), HuntError> {
    let mut maker = RowMaker::new(store, facts, rules)?;
    while let Some(number) = work.take() {
        if out.send(Ok((number, work.make(number, &mut maker)?))).is_err() {
            break;
        }
    }
    Ok(())
}
