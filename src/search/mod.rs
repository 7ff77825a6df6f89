//! Search: the events that hold some words or match some patterns, in any value or rendered message, oldest first.
//!
//! Every distinct value is asked once, in the dictionary; what it answers is kept as one byte a value (`ValueMarks`). Messages are
//! asked block by block. Then one pass over the event types looks for cells whose value has a mark. So the cost grows with the distinct
//! values and with the number of cells, and not with the text of all events. Only the events that are shown are read whole.
//!
//! Memory: a byte for each distinct value and each event at most, and what [`SearchOptions::limit`] events need.

mod excerpt;
mod hit;
mod marks;
mod pass;
mod terms;

use std::collections::BTreeSet;

use crate::catalog::{Catalog, ColumnIndex, EventType};
use crate::event::host::HostName;
use crate::store::{Store, StoreError};

pub use hit::SearchHit;
pub use terms::MAX_TERMS;

use pass::SearchPass;
use terms::Terms;

/// The name under which the rendered text of an event is a field.
pub const MESSAGE: &str = "Message";

/// What is searched for, and where.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SearchOptions {
    /// What an event must hold, all of them.
    pub terms: Vec<String>,
    /// Whether the terms are regular expressions, as in a Sigma rule; else plain text, compared without case.
    pub is_regex: bool,
    /// Only events of this host: its name without case, or the first part of it.
    pub host: Option<String>,
    /// Only events at or after this time (µs UTC).
    pub since_us: Option<i64>,
    /// Only events before this time (µs UTC).
    pub until_us: Option<i64>,
    /// Only events of this channel or data set, without case; a part of the name where none has all of it.
    pub channel: Option<String>,
    /// Only events with one of these event ids.
    pub codes: Vec<String>,
    /// Only these fields, without case; [`MESSAGE`] is the rendered text.
    pub fields: Vec<String>,
    /// At most so many events are passed on, the oldest ones.
    pub limit: usize,
}

impl SearchOptions {
    /// Searches for all of these everywhere.
    pub fn new(terms: Vec<String>, limit: usize) -> Self {
        Self { terms, limit, ..Self::default() }
    }
}

/// A search that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to search for, or too much.
    #[error("{0}")]
    Terms(String),
    /// No event has such a name.
    #[error("no event has the {what} `{name}`")]
    Unknown {
        /// `field`, `channel`, `event id` or `host`.
        what: &'static str,
        /// As it was given.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
}

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchSummary {
    /// Events that have all terms.
    pub events: u64,
    /// Those of them that were passed on.
    pub shown: u64,
    /// Time of the last that was passed on (µs UTC).
    pub last_us: Option<i64>,
}

/// Hosts that a message about an unknown one can choose from.
const MAX_KNOWN_HOSTS: usize = 50_000;

/// Passes on the events that have all terms, oldest first; those without a time come last.
///
/// # Errors
/// When a term is not a pattern, a filter names what no event has, the store fails, or the visitor does.
pub fn search<E: From<SearchError>>(
    store: &Store,
    options: &SearchOptions,
    visit: &mut dyn FnMut(SearchHit) -> Result<(), E>,
) -> Result<SearchSummary, E> {
    let terms = Terms::compile(&options.terms, options.is_regex).map_err(SearchError::Terms)?;
    let catalog = store.catalog().map_err(SearchError::Store)?;
    let wanted = wanted(&catalog, options)?;
    let mut pass = SearchPass::new(store, &terms, options).map_err(SearchError::Store)?;
    if wanted.iter().any(|of| of.with_message) {
        pass.read_messages().map_err(SearchError::Store)?;
    }
    for of in &wanted {
        pass.read_type(of).map_err(SearchError::Store)?;
    }
    let (events, oldest) = pass.finish();
    if let (Some(name), 0) = (&options.host, events) {
        check_host(store, name)?;
    }
    let mut summary = SearchSummary { events, shown: 0, last_us: None };
    for id in oldest {
        let hit = hit::of(store, &catalog, &terms, options, id).map_err(SearchError::Store)?;
        summary.shown += 1;
        summary.last_us = hit.time_us.or(summary.last_us);
        visit(hit)?;
    }
    Ok(summary)
}

/// Tells a host that has no such event from one that is not there.
fn check_host(store: &Store, name: &str) -> Result<(), SearchError> {
    let wanted = HostName::new(name);
    match store.hosts(MAX_KNOWN_HOSTS)? {
        Some(known) if !known.iter().any(|host| wanted.is(host)) => {
            Err(SearchError::Unknown { what: "host", name: name.to_owned(), known })
        }
        _ => Ok(()),
    }
}

/// An event type that is searched, and what of it.
struct WantedType<'c> {
    event_type: &'c EventType,
    columns: Vec<ColumnIndex>,
    with_message: bool,
}

/// The event types and columns that the filters leave.
fn wanted<'c>(catalog: &'c Catalog, options: &SearchOptions) -> Result<Vec<WantedType<'c>>, SearchError> {
    let mut types: Vec<&EventType> = catalog.types.iter().collect();
    if let Some(channel) = &options.channel {
        let lower = channel.to_lowercase();
        let is_whole = types.iter().any(|of| of.dataset.to_lowercase() == lower);
        let all = datasets(&types);
        types.retain(|of| if is_whole { of.dataset.to_lowercase() == lower } else { of.dataset.to_lowercase().contains(&lower) });
        if types.is_empty() {
            return Err(SearchError::Unknown { what: "channel", name: channel.clone(), known: all });
        }
    }
    if let Some(unknown) = options.codes.iter().find(|code| !types.iter().any(|of| of.code == **code)) {
        let known = types.iter().map(|of| of.code.clone()).collect();
        return Err(SearchError::Unknown { what: "event id", name: unknown.clone(), known });
    }
    types.retain(|of| options.codes.is_empty() || options.codes.contains(&of.code));
    let wanted: Vec<WantedType<'_>> = types.iter().map(|of| columns(of, options)).collect();
    if let Some(unknown) = options.fields.iter().find(|name| !wanted.iter().any(|of| of.has(name))) {
        let known: BTreeSet<&str> = types.iter().flat_map(|of| of.columns.iter().map(|column| column.field.as_str())).collect();
        let known = known.into_iter().map(str::to_owned).collect();
        return Err(SearchError::Unknown { what: "field", name: unknown.clone(), known });
    }
    Ok(wanted.into_iter().filter(|of| of.with_message || !of.columns.is_empty()).collect())
}

impl WantedType<'_> {
    fn has(&self, field: &str) -> bool {
        let is_column = |index: &ColumnIndex| self.event_type.column(*index).field.eq_ignore_ascii_case(field);
        (self.with_message && field.eq_ignore_ascii_case(MESSAGE)) || self.columns.iter().any(is_column)
    }
}

fn datasets(types: &[&EventType]) -> Vec<String> {
    let names: BTreeSet<&str> = types.iter().map(|of| of.dataset.as_str()).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn columns<'c>(event_type: &'c EventType, options: &SearchOptions) -> WantedType<'c> {
    let is_wanted = |name: &str| is_wanted(name, options);
    let columns = (0..).zip(&event_type.columns).filter(|(_, column)| is_wanted(&column.field)).map(|(at, _)| ColumnIndex(at)).collect();
    WantedType { event_type, columns, with_message: event_type.has_messages && is_wanted(MESSAGE) }
}

/// Whether a field is searched.
fn is_wanted(field: &str, options: &SearchOptions) -> bool {
    options.fields.is_empty() || options.fields.iter().any(|name| name.eq_ignore_ascii_case(field))
}
