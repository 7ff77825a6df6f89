//! The listing of findings: one row a finding.

use std::sync::LazyLock;

use super::{Shape, TableColumn};

/// What `retrohunt hunt` and `retrohunt findings` list.
pub static FINDING: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(
        [
            "finding_id", "hunt_id", "rule_id", "rule_title", "rule_path", "level", "techniques", "tactics", "group", "count", "first_time",
            "last_time", "risk_score", "message", "risk_objects",
        ],
        vec![
            TableColumn::right("finding_id", "Id"),
            TableColumn::left("level", "Level"),
            TableColumn::left("rule_title", "Rule"),
            TableColumn::left("techniques", "Technique"),
            TableColumn::right("count", "Count"),
            TableColumn::left("first_time", "First"),
            TableColumn::left("last_time", "Last"),
            TableColumn::left("group", "Group"),
        ],
    )
});
