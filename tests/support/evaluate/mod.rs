//! An evaluator of the IR over plain events in memory: the second opinion that every compiled form is held against.
//!
//! It is written from the semantics documents (the IR's own doc comments, the Sigma notes on strings, case and null,
//! the Splunk notes on search, eval and stats) and shares no code with the scan, the planner or the SQL writer: its
//! own folding, its own wildcard matcher, its own number reader. It is slow and obvious on purpose.
//!
//! Names resolve as in the generated events: the stored name exactly, for Sigma also without case; plus the names
//! that the envelope answers on Windows. Field maps take part where a query is about a dataset (`dataset`).

mod aggregate;
pub(crate) mod brackets;
mod dataset;
mod digits;
mod function;
pub(crate) mod now;
pub(crate) mod pred;
pub(crate) mod scalar;
pub(crate) mod stages;
pub(crate) mod text;
mod time;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use retrohunt::ir::{Field, Query, Scope, Source, Vocabulary};

pub(crate) use scalar::Value;
use stages::{Table, World};

/// One field of a plain event.
#[derive(Clone, PartialEq)]
pub(crate) enum FieldValue {
    /// One text, possibly empty.
    Text(String),
    /// Two or more texts.
    List(Vec<String>),
}

impl FieldValue {
    /// The texts that a test may pass on.
    pub(crate) fn members(&self) -> &[String] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(members) => members,
        }
    }
}

/// One event as the tests make it.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Event {
    /// Its place in the list of events: the first is 1.
    pub(crate) id: i64,
    /// `windows`, `generic`, …
    pub(crate) product: String,
    /// Channel or dataset.
    pub(crate) dataset: String,
    /// Event id.
    pub(crate) code: String,
    /// Microseconds since 1970.
    pub(crate) time_us: i64,
    /// Host.
    pub(crate) host: String,
    /// Rendered text.
    pub(crate) message: Option<String>,
    /// Fields; no name twice.
    pub(crate) fields: Vec<(String, FieldValue)>,
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(members) => write!(f, "{members:?}"),
        }
    }
}

/// An event on one line, so that a failing case can be read.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{} at {}", self.id, self.dataset, self.code, self.time_us)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value:?}"))?;
        self.message.iter().try_for_each(|message| write!(f, " message={message:?}"))
    }
}

impl Event {
    /// Finds a field as a rule names it.
    pub(crate) fn lookup(&self, field: &Field) -> Option<FieldValue> {
        let exact = self.fields.iter().find(|(name, _)| *name == field.name);
        let found = match field.vocabulary {
            Vocabulary::Sigma => exact.or_else(|| self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(&field.name))),
            Vocabulary::Splunk | Vocabulary::Row => exact,
        };
        found.map(|(_, value)| value.clone()).or_else(|| self.envelope(&field.name).map(FieldValue::Text))
    }

    fn envelope(&self, name: &str) -> Option<String> {
        if name == "_time" {
            return Some(text::seconds(self.time_us));
        }
        if self.product != "windows" {
            return None;
        }
        match name {
            "EventID" | "EventCode" => Some(self.code.clone()),
            "Channel" => Some(self.dataset.clone()),
            "Computer" => Some(self.host.clone()),
            _ => None,
        }
    }

    fn in_scope(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Any => true,
            Scope::LogSource { product, category, service } => {
                assert!(category.is_none(), "generated rules name no category");
                product.as_ref().is_none_or(|p| *p == self.product) && service.as_ref().is_none_or(|s| self.dataset.eq_ignore_ascii_case(s))
            }
            // The events were made the rows of the dataset that they are.
            Scope::Dataset { .. } => true,
        }
    }
}

/// One row of a result: column → value; a null column is absent.
pub(crate) type Row = BTreeMap<String, Value>;

/// The events as a query sees them: as rows of its dataset, if it asks for one.
fn seen<'e>(query: &Query, events: &'e [Event]) -> Cow<'e, [Event]> {
    match query.scope() {
        Some(Scope::Dataset { model, object, prefix }) => {
            events.iter().filter_map(|event| dataset::row(event, model, object, prefix.is_some())).collect()
        }
        _ => Cow::Borrowed(events),
    }
}

/// Returns the ids of the events that pass scope and filter, in the order of the list.
pub(crate) fn matching(query: &Query, events: &[Event]) -> Vec<i64> {
    seen(query, events)
        .iter()
        .filter(|e| query.scope().is_some_and(|scope| e.in_scope(scope)) && pred::event_passes(&query.filter, e))
        .map(|e| e.id)
        .collect()
}

/// The events that queries are asked about.
struct Events<'a>(&'a [Event]);

impl World for Events<'_> {
    fn first(&self, query: &Query) -> Table {
        let mut made = match &query.source {
            Source::Events(_) => {
                let ids = matching(query, self.0);
                let events = &*seen(query, self.0);
                let mut first: Vec<&Event> = events.iter().filter(|e| ids.contains(&e.id)).collect();
                first.sort_by_key(|e| (std::cmp::Reverse(e.time_us), std::cmp::Reverse(e.id)));
                return Table::of_events(&first, events);
            }
            // A hunt of generated rules has found nothing before; every finding has a time.
            Source::Findings { .. } => Table { columns: vec!["_time".to_owned()], rows: Vec::new() },
            Source::Table(table) => stages::rows_of(table),
            Source::Rows(count) => {
                let now = now::now(self.0.iter().map(|event| event.time_us).max());
                let row: Row = now.map(|now| ("_time".to_owned(), Value::Number(now))).into_iter().chain([stages::made()]).collect();
                Table { columns: vec!["_time".to_owned()], rows: (0..*count).map(|_| row.clone()).collect() }
            }
        };
        made.rows.retain(|row| pred::passes(&query.filter, row));
        made
    }

    fn result(&self, query: &Query) -> Table {
        stages::through(query, self)
    }
}

/// Returns the rows after the last stage, in their order (newest event first where no stage orders them).
pub(crate) fn rows(query: &Query, events: &[Event]) -> Vec<Row> {
    let newest = events.iter().map(|event| event.time_us).max();
    Events(events).result(&now::replaced_by(query, newest)).rows
}

/// Whether some event is behind a row.
pub(crate) fn has_events(row: &Row) -> bool {
    row.contains_key(stages::ID)
}

/// The events of rows that are still events, in order of their ids.
pub(crate) fn events_of(rows: &[Row]) -> Vec<i64> {
    let mut ids: Vec<i64> = rows.iter().filter_map(|row| row.get(stages::ID)?.text()?.parse().ok()).collect();
    ids.sort_unstable();
    ids
}
