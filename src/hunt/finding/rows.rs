//! Findings of single events. Many new ones are made on another thread, while the hunt's own writes those before.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::Scope;

use super::{message, risk_objects, text};
use crate::catalog::EventId;
use crate::hunt::HuntError;
use crate::hunt::field::field_cell;
use crate::hunt::telling::{EventTeller, HOST_FIELD, TellingFacts};
use crate::ir::Rule;
use crate::plan::{Branch, FieldExpr, Plan};
use crate::store::{Envelope, FieldsReader, Finding, FindingDescription, FindingRiskObject, Store, StoreError, StoredEvent};

/// Of fewer matched events another thread makes no findings: to open the store once more would take longer than it spares.
const MIN_EVENTS_AHEAD: usize = 20_000;
/// Of fewer events of one rule the two threads would wait for each other.
const MIN_ROWS_AHEAD: usize = 256;
/// Findings that are handed over at once.
const CHUNK: usize = 128;
/// Chunks that are made and not yet written.
const CHUNKS_AHEAD: usize = 8;

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
pub(in crate::hunt) struct FindingsMaker<'s, 'h> {
    own: RowMaker<'s>,
    ahead: Option<FindingsAhead<'h>>,
}

impl<'s, 'h: 's> FindingsMaker<'s, 'h> {
    /// `rules`: those that some event matches; `events`: how many that are. With a second job, and where they are many, another thread
    /// makes the findings.
    pub(in crate::hunt) fn new<'scope>(
        (store, facts): (&'s Store, TellingFacts<'h>),
        rules: BTreeSet<usize>,
        (events, jobs): (usize, usize),
        scope: &'scope Scope<'scope, '_>,
    ) -> Result<Self, HuntError>
    where
        'h: 'scope,
    {
        let is_worth = jobs > 1 && events >= MIN_EVENTS_AHEAD;
        // A store in memory has but one connection.
        let reader = if is_worth { store.reader().ok() } else { None };
        let ahead = reader.map(|reader| FindingsAhead::new(reader, facts, rules.clone(), scope));
        Ok(Self { own: RowMaker::new(store, facts, rules)?, ahead })
    }
}

impl<'h> FindingsMaker<'_, 'h> {
    /// Hands each event's finding over.
    pub(super) fn each(
        &mut self,
        rows: MatchedRows<'h>,
        save: &mut dyn FnMut(Finding, FindingDescription) -> Result<(), HuntError>,
    ) -> Result<(), HuntError> {
        if let Some(ahead) = self.ahead.as_ref().filter(|_| rows.events.len() >= MIN_ROWS_AHEAD) {
            return ahead.each(rows, save);
        }
        for event in &rows.events {
            let (finding, description) = self.own.make(&rows, *event)?;
            save(finding, description)?;
        }
        Ok(())
    }
}

/// Another thread that makes findings; it ends when this is dropped.
struct FindingsAhead<'h> {
    asked: Sender<MatchedRows<'h>>,
    made: Receiver<Result<Vec<Made>, HuntError>>,
}

impl<'h> FindingsAhead<'h> {
    fn new<'scope>(store: Store, facts: TellingFacts<'h>, rules: BTreeSet<usize>, scope: &'scope Scope<'scope, '_>) -> Self
    where
        'h: 'scope,
    {
        let (asked, rows) = channel();
        let (made, results) = sync_channel(CHUNKS_AHEAD);
        scope.spawn(move || {
            if let Err(error) = make_all(&store, facts, rules, &rows, &made) {
                // Nobody listens where the hunt has failed.
                made.send(Err(error)).ok();
            }
        });
        Self { asked, made: results }
    }

    fn each(
        &self,
        rows: MatchedRows<'h>,
        save: &mut dyn FnMut(Finding, FindingDescription) -> Result<(), HuntError>,
    ) -> Result<(), HuntError> {
        let mut left = rows.events.len();
        // Where the thread has ended, its error is what is received.
        self.asked.send(rows).ok();
        while left > 0 {
            let made = self.made.recv().expect("a thread that makes findings does not panic")?;
            left -= made.len();
            made.into_iter().try_for_each(|(finding, description)| save(finding, description))?;
        }
        Ok(())
    }
}

/// Makes the findings that are asked for until nobody asks or listens.
fn make_all(
    store: &Store,
    facts: TellingFacts<'_>,
    rules: BTreeSet<usize>,
    asked: &Receiver<MatchedRows<'_>>,
    out: &SyncSender<Result<Vec<Made>, HuntError>>,
) -> Result<(), HuntError> {
    let mut maker = RowMaker::new(store, facts, rules)?;
    for rows in asked {
        for events in rows.events.chunks(CHUNK) {
            let made = events.iter().map(|event| maker.make(&rows, *event)).collect::<Result<Vec<_>, _>>()?;
            if out.send(Ok(made)).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
