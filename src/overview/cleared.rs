//! Event logs that somebody cleared.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{OverviewFilter, WantedHosts};
use crate::catalog::{ColumnIndex, EventId, EventType};
use crate::store::{RawCell, Store, StoreError};

/// Which events say so: channel and event id.
// Security has an event of its own for itself; System has it for every other log.
const CLEARED: [(&str, &str); 2] = [("Security", "1102"), ("System", "104")];
/// TextFields that are read: who cleared, and which log.
const FIELDS: [&str; 3] = ["SubjectDomainName", "SubjectUserName", "Channel"];

/// A log was cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClearedLog {
    /// When (µs UTC).
    pub time_us: Option<i64>,
    /// On which host.
    pub host: Option<Arc<str>>,
    /// Which log.
    pub log: String,
    /// Who, with the domain where there is one.
    pub user: Option<String>,
    /// The event id that says so.
    pub code: String,
    /// Its record number, else the line or ordinal in its source.
    pub record: i64,
    /// The path of its source.
    pub path: Arc<str>,
    /// The event.
    pub event: EventId,
}

/// Lists the events that say that a log was cleared, by time.
///
/// # Errors
/// When the store fails.
pub fn cleared_logs(store: &Store, filter: &OverviewFilter) -> Result<Vec<ClearedLog>, StoreError> {
    let catalog = store.catalog()?;
    let is_one = |of: &&EventType| {
        let is = |(channel, code): &(&str, &str)| of.dataset.eq_ignore_ascii_case(channel) && of.code == *code;
        of.product == "windows" && CLEARED.iter().any(is)
    };
    let mut rows = Vec::new();
    for event_type in catalog.types.iter().filter(is_one) {
        of_type(store, filter, event_type, &mut rows)?;
    }
    rows.sort_by_key(|row| (row.time_us.is_none(), row.time_us, row.event));
    Ok(rows)
}

fn of_type(store: &Store, filter: &OverviewFilter, event_type: &EventType, rows: &mut Vec<ClearedLog>) -> Result<(), StoreError> {
    let fields = TextFields::of(event_type, &FIELDS);
    let (mut hosts, mut envelopes) = (WantedHosts::new(store, filter), store.envelopes()?);
    let last = store.last_event()?;
    store.event_reader(event_type, &fields.columns)?.each(EventId(0), last, &mut |row, cells| {
        if filter.has_time(row.time_us) && hosts.is_wanted(row.host)? {
            let [domain, user, log] = fields.texts(store, event_type, cells, row.time_us)?;
            let envelope = envelopes.of(row.id)?;
            rows.push(ClearedLog {
                time_us: row.time_us,
                host: envelope.host,
                log: log.unwrap_or_else(|| event_type.dataset.clone()),
                user: account(domain.as_deref(), user.as_deref()),
                code: event_type.code.clone(),
                record: envelope.record.unwrap_or(envelope.position),
                path: envelope.path,
                event: row.id,
            });
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Columns of an event type, each in the place of the field that it was looked up for.
pub(super) struct TextFields<const N: usize> {
    pub(super) columns: Vec<ColumnIndex>,
    places: [Option<usize>; N],
}

impl<const N: usize> TextFields<N> {
    pub(super) fn of(event_type: &EventType, names: &[&str; N]) -> Self {
        let mut columns = Vec::new();
        let places = names.map(|name| {
            event_type.column_any_case(name).map(|column| {
                columns.push(column);
                columns.len() - 1
            })
        });
        Self { columns, places }
    }

    /// The texts of the fields in an event; none where it has none, or one that says nothing (`-`).
    pub(super) fn texts(
        &self,
        store: &Store,
        event_type: &EventType,
        cells: &[RawCell<'_>],
        time_us: Option<i64>,
    ) -> Result<[Option<String>; N], StoreError> {
        let mut out = [const { None }; N];
        for (text, place) in out.iter_mut().zip(self.places) {
            let Some(place) = place else { continue };
            let value = store.cell_value(&cells[place], event_type.column(self.columns[place]), time_us)?;
            *text = value.map(|value| value.members().join(", ")).filter(|text| !matches!(text.trim(), "" | "-"));
        }
        Ok(out)
    }
}

/// `DOMAIN\user`, or the user alone; none where there is no user.
fn account(domain: Option<&str>, user: Option<&str>) -> Option<String> {
    match (domain, user) {
        (_, None) => None,
        (None, Some(user)) => Some(user.to_owned()),
        (Some(domain), Some(user)) => Some(format!("{domain}\\{user}")),
    }
}
