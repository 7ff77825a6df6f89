//! WantedHosts, channels, kinds of events, the range of time and its gaps: one pass over the table of all events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{OverviewFilter, WantedHosts};
use crate::catalog::{Catalog, TypeId, ValueId};
use crate::store::{EventRow, Store, StoreError};
use crate::taxonomy::EventNames;

const DAY_US: i64 = 86_400 * 1_000_000;

/// Events and the range of their times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// How many.
    pub events: u64,
    /// Time of the first (µs UTC).
    pub first_us: Option<i64>,
    /// Time of the last (µs UTC).
    pub last_us: Option<i64>,
}

impl Metrics {
    pub(super) fn add(&mut self, time_us: Option<i64>) {
        self.join(&Self { events: 1, first_us: time_us, last_us: time_us });
    }

    fn join(&mut self, other: &Self) {
        self.events += other.events;
        self.first_us = [self.first_us, other.first_us].into_iter().flatten().min();
        self.last_us = self.last_us.max(other.last_us);
    }
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostMetrics {
    /// Its name; none for events that name none.
    pub host: Option<Arc<str>>,
    /// Its events.
    pub metrics: Metrics,
    /// Channels and data sets that it has events of.
    pub channels: u64,
    /// Days (UTC) with events.
    pub days: u64,
}

/// A channel, or a data set of another product.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelMetrics {
    /// Its product.
    pub product: String,
    /// Its name.
    pub channel: String,
    /// Its events.
    pub metrics: Metrics,
    /// WantedHosts that have events of it.
    pub hosts: u64,
    /// Event ids.
    pub codes: u64,
}

/// A kind of event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeMetrics {
    /// Its product.
    pub product: String,
    /// Its channel.
    pub channel: String,
    /// Its event id; empty where the product has none.
    pub code: String,
    /// What it says, where that is known.
    pub name: Option<&'static str>,
    /// Its events.
    pub metrics: Metrics,
    /// WantedHosts that have events of it.
    pub hosts: u64,
}

/// Whole days (UTC) without an event of a host, between two events of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GapMetrics {
    /// The host.
    pub host: Option<Arc<str>>,
    /// How many days.
    pub days: u64,
    /// Time of the last event before (µs UTC).
    pub from_us: i64,
    /// Time of the first event behind (µs UTC).
    pub to_us: i64,
}

/// What a store has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreMetrics {
    /// All events.
    pub all: Metrics,
    /// Events without a time.
    pub without_time: u64,
    /// Days (UTC) with events.
    pub days: u64,
    /// Those with the most events first.
    pub hosts: Vec<HostMetrics>,
    /// Those with the most events first.
    pub channels: Vec<ChannelMetrics>,
    /// Those with the most events first.
    pub codes: Vec<CodeMetrics>,
    /// The longest first.
    pub gaps: Vec<GapMetrics>,
}

impl StoreMetrics {
    /// Days (UTC) from the first event to the last, both included.
    pub fn days_between(&self) -> u64 {
        let day = |us: i64| us.div_euclid(DAY_US);
        self.all.first_us.zip(self.all.last_us).map_or(0, |(first, last)| day(last).abs_diff(day(first)) + 1)
    }
}

/// Counts of one pass.
#[derive(Default)]
struct Counts {
    groups: FxHashMap<(TypeId, Option<ValueId>), Metrics>,
    /// Host and day → its first and its last event.
    days: FxHashMap<(Option<ValueId>, i64), (i64, i64)>,
    without_time: u64,
}

impl Counts {
    fn add(&mut self, row: &EventRow, host: Option<ValueId>) {
        self.groups.entry((row.event_type, host)).or_default().add(row.time_us);
        let Some(us) = row.time_us else {
            self.without_time += 1;
            return;
        };
        let day = self.days.entry((host, us.div_euclid(DAY_US))).or_insert((us, us));
        *day = (day.0.min(us), day.1.max(us));
    }
}

/// Counts what a store has.
///
/// # Errors
/// When the store fails.
pub fn metrics(store: &Store, filter: &OverviewFilter) -> Result<StoreMetrics, StoreError> {
    let catalog = store.catalog()?;
    let mut hosts = WantedHosts::new(store, filter);
    let (mut counts, mut failed) = (Counts::default(), Ok(()));
    store.each_event_row(&mut |row| match (hosts.is_wanted(row.host), hosts.first(row.host)) {
        (Ok(true), Ok(host)) if filter.has_time(row.time_us) => counts.add(&row, host),
        (Ok(_), Ok(_)) => {}
        (Err(error), _) | (_, Err(error)) => failed = Err(error),
    })?;
    failed?;
    let mut out = StoreMetrics { without_time: counts.without_time, ..StoreMetrics::default() };
    counts.groups.values().for_each(|of| out.all.join(of));
    out.days = counts.days.keys().map(|(_, day)| *day).collect::<FxHashSet<_>>().len() as u64;
    out.hosts = of_hosts(&counts, &catalog, &mut hosts)?;
    (out.channels, out.codes) = of_types(&counts, &catalog);
    out.gaps = gaps(&counts, &mut hosts)?;
    Ok(out)
}

fn of_hosts(counts: &Counts, catalog: &Catalog, hosts: &mut WantedHosts<'_>) -> Result<Vec<HostMetrics>, StoreError> {
    type OfHost<'c> = (Metrics, BTreeSet<(&'c str, String)>);
    let mut by_host: BTreeMap<Option<ValueId>, OfHost<'_>> = BTreeMap::new();
    for ((event_type, host), of) in &counts.groups {
        let entry = by_host.entry(*host).or_default();
        entry.0.join(of);
        entry.1.extend(catalog.event_type(*event_type).map(|of| (of.product.as_str(), of.dataset.to_lowercase())));
    }
    let mut days: FxHashMap<Option<ValueId>, u64> = FxHashMap::default();
    counts.days.keys().for_each(|(host, _)| *days.entry(*host).or_default() += 1);
    let row = |(host, (metrics, channels)): (Option<ValueId>, OfHost<'_>)| {
        let (name, days) = (host.map(|id| hosts.name(id)).transpose()?, days.get(&host).copied().unwrap_or(0));
        Ok(HostMetrics { host: name, metrics, channels: channels.len() as u64, days })
    };
    let mut rows: Vec<HostMetrics> = by_host.into_iter().map(row).collect::<Result<_, StoreError>>()?;
    rows.sort_by(|a, b| b.metrics.events.cmp(&a.metrics.events).then_with(|| a.host.cmp(&b.host)));
    Ok(rows)
}

fn of_types(counts: &Counts, catalog: &Catalog) -> (Vec<ChannelMetrics>, Vec<CodeMetrics>) {
    type OfType = (Metrics, FxHashSet<Option<ValueId>>);
    let mut by_type: BTreeMap<TypeId, OfType> = BTreeMap::new();
    for ((event_type, host), of) in &counts.groups {
        let entry = by_type.entry(*event_type).or_default();
        entry.0.join(of);
        entry.1.insert(*host);
    }
    let (mut channels, mut codes): (BTreeMap<(&str, &str), (OfType, u64)>, Vec<CodeMetrics>) = (BTreeMap::new(), Vec::new());
    let count = |hosts: &FxHashSet<Option<ValueId>>| hosts.iter().flatten().count() as u64;
    for (id, (metrics, hosts)) in by_type {
        let Some(of) = catalog.event_type(id) else { continue };
        let ((sum, all_hosts), kinds) = channels.entry((&of.product, &of.dataset)).or_default();
        sum.join(&metrics);
        all_hosts.extend(&hosts);
        *kinds += 1;
        let (product, channel, code) = (of.product.clone(), of.dataset.clone(), of.code.clone());
        codes.push(CodeMetrics { product, channel, code, name: EventNames::embedded().of(of), metrics, hosts: count(&hosts) });
    }
    let row = |((product, channel), ((metrics, hosts), codes)): ((&str, &str), (OfType, u64))| ChannelMetrics {
        product: product.to_owned(),
        channel: channel.to_owned(),
        metrics,
        hosts: count(&hosts),
        codes,
    };
    let mut channels: Vec<ChannelMetrics> = channels.into_iter().map(row).collect();
    channels.sort_by_key(|of| std::cmp::Reverse(of.metrics.events)); // stable: by name where they are equal
    codes.sort_by(|a, b| {
        let name = |of: &CodeMetrics| (of.product.clone(), of.channel.clone(), of.code.len(), of.code.clone());
        b.metrics.events.cmp(&a.metrics.events).then_with(|| name(a).cmp(&name(b)))
    });
    (channels, codes)
}

fn gaps(counts: &Counts, hosts: &mut WantedHosts<'_>) -> Result<Vec<GapMetrics>, StoreError> {
    let mut days: Vec<((Option<ValueId>, i64), (i64, i64))> = counts.days.iter().map(|(key, range)| (*key, *range)).collect();
    days.sort_unstable();
    let mut rows = Vec::new();
    for pair in days.windows(2) {
        let [((host, day), (_, from_us)), ((next_host, next_day), (to_us, _))] = pair else { continue };
        let between = next_day - day - 1;
        if host == next_host && between > 0 {
            let host = host.map(|id| hosts.name(id)).transpose()?;
            rows.push(GapMetrics { host, days: between.unsigned_abs(), from_us: *from_us, to_us: *to_us });
        }
    }
    rows.sort_by(|a, b| b.days.cmp(&a.days).then_with(|| (&a.host, a.from_us).cmp(&(&b.host, b.from_us))));
    Ok(rows)
}
