//! The timeline: one row an event.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn, time};
use crate::catalog::EventType;
use crate::ir::Level;
use crate::store::{Envelope, TimelineEvent};

/// What `retrohunt timeline` lists.
pub static TIMELINE: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["time", "severity", "rules", "host", "channel", "event_code", "record", "details", "path", "finding_ids", "event_id"],
        vec![
            TableColumn::time("time", "Time (UTC)"),
            TableColumn::new("severity", "Level", CellStyle::Whole),
            TableColumn::new("rules", "Rule", CellStyle::Words),
            TableColumn::new("host", "Host", CellStyle::Host).spare(1).below(),
            TableColumn::new("event_code", "Event", CellStyle::Whole).spare(2).below(),
            TableColumn::new("details", "Details", CellStyle::Words).spare(3).below(),
        ],
    )
});

/// Returns an event as a row of [`TIMELINE`].
pub fn timeline_row(event: &TimelineEvent, envelope: &Envelope, event_type: &EventType, details: &str) -> Vec<Value> {
    vec![
        time(envelope.time_us),
        json!(event.severity.map(Level::as_str)),
        json!(event.rules),
        json!(envelope.host.as_deref()),
        json!(event_type.dataset),
        json!(event_type.code),
        json!(envelope.record.unwrap_or(envelope.position)),
        json!(details),
        json!(envelope.path.as_ref()),
        json!(event.findings),
        json!(event.event.0),
    ]
}
