//! The listings of what is in a store and whether it is whole.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{ListingShape, TableColumn, time};
use crate::catalog::EventType;
use crate::store::{SourceStateCount, StoreInfo, TableSpace, VerifiedPart};

/// What `retrohunt store info` says of the whole store.
pub static STORE_SUMMARY: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        [
            "schema_version",
            "file_bytes",
            "free_bytes",
            "events",
            "without_time",
            "first_time",
            "last_time",
            "values",
            "lists",
            "sources",
            "event_types",
            "hunts",
            "last_hunt",
            "findings",
            "past_findings",
            "kept_events",
            "generation",
        ],
        vec![
            TableColumn::number("schema_version", "Version"),
            TableColumn::number("file_bytes", "Bytes"),
            TableColumn::number("free_bytes", "Free").spare(3),
            TableColumn::number("events", "Events"),
            TableColumn::time("first_time", "First (UTC)"),
            TableColumn::time("last_time", "Last (UTC)"),
            TableColumn::number("values", "Values").spare(2),
            TableColumn::number("sources", "Sources"),
            TableColumn::number("event_types", "Kinds").spare(4),
            TableColumn::number("hunts", "Hunts").spare(5),
            TableColumn::number("findings", "Findings").spare(1),
        ],
    )
});

/// What `retrohunt store info` lists of tables.
pub static STORE_SPACE: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["group", "tables", "bytes", "share"],
        vec![
            TableColumn::text("group", "What"),
            TableColumn::number("tables", "Tables"),
            TableColumn::number("bytes", "Bytes"),
            TableColumn::number("share", "%"),
        ],
    )
});

/// What `retrohunt store info` lists of sources.
pub static STORE_SOURCES: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["state", "sources", "events", "new_events", "removed", "bytes"],
        vec![
            TableColumn::text("state", "State"),
            TableColumn::number("sources", "Sources"),
            TableColumn::number("events", "Events"),
            TableColumn::number("new_events", "New"),
            TableColumn::number("removed", "Removed"),
            TableColumn::number("bytes", "Bytes"),
        ],
    )
});

/// What `retrohunt store info` lists of kinds of events.
pub static STORE_EVENT_TYPES: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["view", "product", "dataset", "code", "events", "fields"],
        vec![
            TableColumn::text("view", "View"),
            TableColumn::text("dataset", "Channel").or("product"),
            TableColumn::text("code", "Event"),
            TableColumn::number("events", "Events"),
            TableColumn::number("fields", "Fields"),
        ],
    )
});

/// What `retrohunt store verify` lists.
pub static STORE_VERIFIED: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["part", "checked", "faults", "messages"],
        vec![TableColumn::text("part", "Part"), TableColumn::number("checked", "Checked"), TableColumn::number("faults", "Faults")],
    )
});

/// Returns a whole store as a row of [`STORE_SUMMARY`].
pub fn store_summary_row(info: &StoreInfo) -> Vec<Value> {
    vec![
        json!(info.schema_version),
        json!(info.file_bytes),
        json!(info.free_bytes),
        json!(info.events),
        json!(info.without_time),
        time(info.first_time_us),
        time(info.last_time_us),
        json!(info.values),
        json!(info.lists),
        json!(info.sources),
        json!(info.event_types),
        json!(info.hunts),
        time(info.last_hunt_us),
        json!(info.findings),
        json!(info.past_findings),
        json!(info.kept_events),
        json!(info.generation),
    ]
}

/// Returns tables as a row of [`STORE_SPACE`]; `all` are the bytes of all of them.
pub fn store_space_row(space: &TableSpace, all: u64) -> Vec<Value> {
    // Tenths as an integer: floats would show 33.300000000000004.
    let tenths = (space.bytes * 1_000 + all / 2).checked_div(all).unwrap_or(0);
    vec![json!(space.group), json!(space.tables), json!(space.bytes), json!(tenths as f64 / 10.0)] // at most 1,000
}

/// Returns the sources of a state as a row of [`STORE_SOURCES`].
pub fn store_sources_row(count: &SourceStateCount) -> Vec<Value> {
    vec![json!(count.state), json!(count.sources), json!(count.events), json!(count.new_events), json!(count.removed), json!(count.bytes)]
}

/// Returns a kind of events as a row of [`STORE_EVENT_TYPES`].
pub fn store_event_type_row(of: &EventType) -> Vec<Value> {
    vec![json!(of.view), json!(of.product), json!(of.dataset), json!(of.code), json!(of.events), json!(of.columns.len())]
}

/// Returns a part of a store as a row of [`STORE_VERIFIED`].
pub fn store_verified_row(part: &VerifiedPart) -> Vec<Value> {
    let messages: Vec<String> = part.diagnostics.iter().map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
    vec![json!(part.name), json!(part.checked), json!(part.faults), json!(messages)]
}
