//! The listing of evidence: one row a finding and event.

use std::sync::LazyLock;

use super::{Shape, TableColumn};

/// What `retrohunt findings --evidence` lists.
pub static EVIDENCE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(
        ["finding_id", "rule_id", "path", "record", "time", "event_id"],
        vec![
            TableColumn::right("finding_id", "Finding"),
            TableColumn::left("rule_id", "Rule"),
            TableColumn::left("time", "Time"),
            TableColumn::right("event_id", "Event"),
            TableColumn::right("record", "Record"),
            TableColumn::left("path", "Path"),
        ],
    )
});
