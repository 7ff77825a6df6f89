//! The listing of evidence: one row a finding and event.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn, time};
use crate::store::EvidenceRow;

/// What `retrohunt findings --evidence` lists.
pub static EVIDENCE: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["finding_id", "rule_id", "path", "record", "time", "event_id"],
        vec![
            TableColumn::number("finding_id", "Finding"),
            TableColumn::text("rule_id", "Rule").spare(1),
            TableColumn::new("time", "Time", CellStyle::ExactTime),
            TableColumn::number("event_id", "Event"),
            TableColumn::number("record", "Record"),
            TableColumn::new("path", "Path", CellStyle::Path),
        ],
    )
});

/// Returns a piece of evidence as a row of [`EVIDENCE`].
pub fn evidence_row(evidence: &EvidenceRow) -> Vec<Value> {
    vec![
        json!(evidence.finding_id),
        json!(evidence.rule_id),
        json!(evidence.path),
        json!(evidence.record),
        time(evidence.time_us),
        json!(evidence.event.0),
    ]
}
