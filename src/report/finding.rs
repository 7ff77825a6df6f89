//! The listing of findings: one row a finding.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn, time};
use crate::store::FindingRow;

/// What `retrohunt hunt` and `retrohunt findings` list.
pub static FINDING: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        [
            "finding_id",
            "hunt_id",
            "rule_id",
            "rule_title",
            "rule_path",
            "severity",
            "level",
            "techniques",
            "tactics",
            "group",
            "columns",
            "count",
            "first_time",
            "last_time",
            "risk_score",
            "message",
            "risk_objects",
            "details",
            "hosts",
            "users",
            "triage",
            "state",
        ],
        vec![
            TableColumn::number("finding_id", "Id"),
            TableColumn::new("severity", "Level", CellStyle::Whole).or("level"),
            TableColumn::new("rule_title", "Rule", CellStyle::Words).whole_where("severity", "critical"),
            TableColumn::new("hosts", "Host", CellStyle::Host).spare(1),
            TableColumn::number("count", "Count").spare(4),
            TableColumn::time("first_time", "First (UTC)").spare(2).below(),
            TableColumn::new("details", "Details", CellStyle::Words).spare(5).below(),
        ],
    )
});

/// The same with their states, where past findings are listed too, and what people said of them, where they did of some.
pub fn finding_shape(with_past: bool, with_triage: bool) -> ListingShape {
    let mut shape = FINDING.clone();
    if with_triage {
        shape.table.insert(2, TableColumn::new("triage", "Status", CellStyle::Words));
    }
    if with_past {
        shape.table.insert(2, TableColumn::new("state", "State", CellStyle::Whole));
    }
    shape
}

/// Returns a finding as a row of [`FINDING`].
pub fn finding_row(finding: &FindingRow) -> Vec<Value> {
    vec![
        json!(finding.finding_id),
        json!(finding.hunt_id.0),
        json!(finding.rule_id),
        json!(finding.rule_title),
        json!(finding.rule_path),
        if finding.severity.is_empty() { Value::Null } else { json!(finding.severity) },
        if finding.level.is_empty() { Value::Null } else { json!(finding.level) },
        json!(finding.techniques),
        json!(finding.tactics),
        json!(finding.group),
        json!(finding.columns),
        json!(finding.count),
        time(finding.first_time_us),
        time(finding.last_time_us),
        json!(finding.risk_score),
        json!(finding.message),
        json!(finding.risk_objects),
        json!(finding.details),
        json!(finding.hosts),
        json!(finding.users),
        json!(finding.triage.as_ref().map(|(status, _)| status)),
        json!(finding.state),
    ]
}
