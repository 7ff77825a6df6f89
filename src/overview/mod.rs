//! What a store has, for somebody who opens it: its metrics, and who logged on where.
//!
//! Everything is one pass over the events, or over those of a few kinds. Every number is one that a query over the documented views
//! gives too; the tests compare them. Nothing here judges: that is what rules are for.

mod cleared;
mod logons;
mod metrics;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::catalog::ValueId;
use crate::event::host::HostName;
use crate::store::{Store, StoreError};

pub use cleared::{ClearedLog, cleared_logs};
pub use logons::{LogonOptions, LogonSummary, LogonTotals, failure_name, logon_type_name, logons};
pub use metrics::{ChannelMetrics, CodeMetrics, GapMetrics, HostMetrics, Metrics, StoreMetrics, metrics};

/// Which events an overview is about.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OverviewFilter {
    /// Only events of this host: its name without case, or the first part of it.
    pub host: Option<String>,
    /// Only events at or after this time (µs UTC).
    pub since_us: Option<i64>,
    /// Only events before this time (µs UTC).
    pub until_us: Option<i64>,
}

impl OverviewFilter {
    /// Takes all events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a time is within the bounds; an event without one is out where there is a bound.
    fn has_time(&self, time_us: Option<i64>) -> bool {
        self.since_us.is_none_or(|since| time_us.is_some_and(|us| us >= since))
            && self.until_us.is_none_or(|until| time_us.is_some_and(|us| us < until))
    }
}

/// Hosts by their ids, and whether each is wanted. A host is read once. Names that differ in case alone are one host.
struct WantedHosts<'s> {
    store: &'s Store,
    wanted: Option<HostName>,
    known: FxHashMap<ValueId, KnownHost>,
    /// By the name in lower case: the id that was seen first.
    firsts: FxHashMap<String, ValueId>,
}

struct KnownHost {
    name: Arc<str>,
    is_wanted: bool,
    first: ValueId,
}

impl<'s> WantedHosts<'s> {
    fn new(store: &'s Store, filter: &OverviewFilter) -> Self {
        Self { store, wanted: filter.host.as_deref().map(HostName::new), known: FxHashMap::default(), firsts: FxHashMap::default() }
    }

    /// Whether events of this host are wanted.
    fn is_wanted(&mut self, host: Option<ValueId>) -> Result<bool, StoreError> {
        match host {
            _ if self.wanted.is_none() => Ok(true),
            None => Ok(false),
            Some(id) => Ok(self.of(id)?.is_wanted),
        }
    }

    fn name(&mut self, host: ValueId) -> Result<Arc<str>, StoreError> {
        Ok(self.of(host)?.name.clone())
    }

    /// The one id of a host whose name is written in several ways.
    fn first(&mut self, host: Option<ValueId>) -> Result<Option<ValueId>, StoreError> {
        host.map(|id| Ok(self.of(id)?.first)).transpose()
    }

    fn of(&mut self, id: ValueId) -> Result<&KnownHost, StoreError> {
        if !self.known.contains_key(&id) {
            let name = self.store.value(id)?.members().join(", ");
            let is_wanted = self.wanted.as_ref().is_none_or(|wanted| wanted.is(&name));
            let first = *self.firsts.entry(name.to_lowercase()).or_insert(id);
            self.known.insert(id, KnownHost { name: name.into(), is_wanted, first });
        }
        Ok(&self.known[&id])
    }
}
