//! The listings of a store's metrics: one a section.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn, time};
use crate::overview::{ChannelMetrics, ClearedLog, CodeMetrics, GapMetrics, HostMetrics, Metrics, StoreMetrics};

/// What `retrohunt metrics` says of the whole store.
pub static METRICS_SUMMARY: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["events", "without_time", "hosts", "channels", "event_codes", "first_time", "last_time", "days", "days_without_events"],
        vec![
            TableColumn::number("events", "Events"),
            TableColumn::number("hosts", "Hosts"),
            TableColumn::number("channels", "Channels"),
            TableColumn::number("event_codes", "Kinds").spare(2),
            TableColumn::time("first_time", "First (UTC)"),
            TableColumn::time("last_time", "Last (UTC)"),
            TableColumn::number("days", "Days").spare(1),
            TableColumn::number("days_without_events", "Days without").spare(3),
            TableColumn::number("without_time", "Without a time").spare(4),
        ],
    )
});

/// What `retrohunt metrics` lists of hosts.
pub static METRICS_HOSTS: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["host", "events", "share", "channels", "days", "first_time", "last_time"],
        vec![
            TableColumn::text("host", "Host"),
            TableColumn::number("events", "Events"),
            TableColumn::number("share", "%").spare(3),
            TableColumn::number("channels", "Channels").spare(1),
            TableColumn::number("days", "Days").spare(2),
            TableColumn::time("first_time", "First (UTC)"),
            TableColumn::time("last_time", "Last (UTC)"),
        ],
    )
});

/// What `retrohunt metrics` lists of channels.
pub static METRICS_CHANNELS: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["product", "channel", "events", "share", "hosts", "event_codes", "first_time", "last_time"],
        vec![
            TableColumn::text("product", "Product").spare(1),
            TableColumn::text("channel", "Channel").or("product"),
            TableColumn::number("events", "Events"),
            TableColumn::number("share", "%").spare(4),
            TableColumn::number("hosts", "Hosts").spare(2),
            TableColumn::number("event_codes", "Kinds").spare(3),
            TableColumn::time("first_time", "First (UTC)").spare(5),
            TableColumn::time("last_time", "Last (UTC)"),
        ],
    )
});

/// What `retrohunt metrics` lists of event ids.
pub static METRICS_CODES: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["product", "channel", "event_code", "name", "events", "share", "hosts", "first_time", "last_time"],
        vec![
            TableColumn::text("product", "Product").spare(1),
            TableColumn::text("channel", "Channel").or("product"),
            TableColumn::text("event_code", "Event"),
            TableColumn::text("name", "What it says"),
            TableColumn::number("events", "Events"),
            TableColumn::number("share", "%").spare(2),
            TableColumn::number("hosts", "Hosts").spare(3),
            TableColumn::time("first_time", "First (UTC)").spare(5),
            TableColumn::time("last_time", "Last (UTC)").spare(4),
        ],
    )
});

/// What `retrohunt metrics` lists of gaps.
pub static METRICS_GAPS: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["host", "days", "from_time", "to_time"],
        vec![
            TableColumn::text("host", "Host"),
            TableColumn::number("days", "Days without"),
            TableColumn::time("from_time", "Last before (UTC)"),
            TableColumn::time("to_time", "First behind (UTC)"),
        ],
    )
});

/// What `retrohunt metrics` lists of cleared logs.
pub static METRICS_CLEARED: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["time", "host", "log", "user", "event_code", "record", "path", "event_id"],
        vec![
            TableColumn::time("time", "Time (UTC)"),
            TableColumn::new("host", "Host", CellStyle::Host),
            TableColumn::text("log", "Cleared log"),
            TableColumn::text("user", "By"),
            TableColumn::text("event_code", "Event").spare(1),
            TableColumn::number("event_id", "Id").spare(2),
        ],
    )
});

/// Returns the whole store as a row of [`METRICS_SUMMARY`].
pub fn metrics_summary_row(of: &StoreMetrics) -> Vec<Value> {
    let hosts = of.hosts.iter().filter(|host| host.host.is_some()).count();
    vec![
        json!(of.all.events),
        json!(of.without_time),
        json!(hosts),
        json!(of.channels.len()),
        json!(of.codes.len()),
        time(of.all.first_us),
        time(of.all.last_us),
        json!(of.days),
        json!(of.days_between().saturating_sub(of.days)),
    ]
}

/// Returns a host as a row of [`METRICS_HOSTS`].
pub fn metrics_host_row(of: &HostMetrics, all: &Metrics) -> Vec<Value> {
    let metrics = &of.metrics;
    let (first, last) = (time(metrics.first_us), time(metrics.last_us));
    vec![name(of.host.as_ref()), json!(metrics.events), share(metrics, all), json!(of.channels), json!(of.days), first, last]
}

/// Returns a channel as a row of [`METRICS_CHANNELS`].
pub fn metrics_channel_row(of: &ChannelMetrics, all: &Metrics) -> Vec<Value> {
    let metrics = &of.metrics;
    vec![
        json!(of.product),
        json!(of.channel),
        json!(metrics.events),
        share(metrics, all),
        json!(of.hosts),
        json!(of.codes),
        time(metrics.first_us),
        time(metrics.last_us),
    ]
}

/// Returns a kind of event as a row of [`METRICS_CODES`].
pub fn metrics_code_row(of: &CodeMetrics, all: &Metrics) -> Vec<Value> {
    let metrics = &of.metrics;
    vec![
        json!(of.product),
        json!(of.channel),
        json!(of.code),
        json!(of.name),
        json!(metrics.events),
        share(metrics, all),
        json!(of.hosts),
        time(metrics.first_us),
        time(metrics.last_us),
    ]
}

/// Returns a gap as a row of [`METRICS_GAPS`].
pub fn metrics_gap_row(of: &GapMetrics) -> Vec<Value> {
    vec![name(of.host.as_ref()), json!(of.days), time(Some(of.from_us)), time(Some(of.to_us))]
}

/// Returns a cleared log as a row of [`METRICS_CLEARED`].
pub fn metrics_cleared_row(of: &ClearedLog) -> Vec<Value> {
    vec![
        time(of.time_us),
        name(of.host.as_ref()),
        json!(of.log),
        json!(of.user),
        json!(of.code),
        json!(of.record),
        json!(of.path),
        json!(of.event.0),
    ]
}

fn name(name: Option<&Arc<str>>) -> Value {
    json!(name.map(AsRef::<str>::as_ref))
}

/// Per cent of all events, to one digit behind the point.
fn share(of: &Metrics, all: &Metrics) -> Value {
    // Tenths as an integer: floats would show 33.300000000000004.
    let tenths = (of.events * 1_000 + all.events / 2).checked_div(all.events).unwrap_or(0);
    json!(tenths as f64 / 10.0) // at most 1,000
}
