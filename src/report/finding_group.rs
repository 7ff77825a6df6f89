//! The listing of findings by what they have in common: one row a group.

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn, time};
use crate::ir::Level;
use crate::store::{FindingGroup, GroupBy};

/// The fields of a group; what its findings do not have in common is null.
const FIELDS: [&str; 16] = [
    "severity",
    "rule_id",
    "rule_title",
    "host",
    "user",
    "technique",
    "day",
    "rules",
    "findings",
    "count",
    "first_time",
    "last_time",
    "finding_id",
    "details",
    "states",
    "statuses",
];

/// What a listing of groups shows.
pub fn finding_group_shape(by: GroupBy) -> ListingShape {
    let id = || TableColumn::number("finding_id", "Id");
    let level = || TableColumn::new("severity", "Level", CellStyle::Whole);
    let rule = || TableColumn::new("rule_title", "Rule", CellStyle::Words).whole_where("severity", "critical");
    let whole = |field, heading| TableColumn::new(field, heading, CellStyle::Whole);
    let mut table = match by {
        GroupBy::RuleHost => vec![id(), level(), rule(), TableColumn::new("host", "Host", CellStyle::Host)],
        GroupBy::Rule => vec![id(), level(), rule()],
        GroupBy::Host => vec![level(), TableColumn::new("host", "Host", CellStyle::Host)],
        GroupBy::User => vec![level(), whole("user", "User")],
        GroupBy::Technique => vec![level(), whole("technique", "Technique")],
        GroupBy::Level => vec![level()],
        GroupBy::Day => vec![level(), whole("day", "Day (UTC)")],
        GroupBy::Status => vec![level(), whole("statuses", "Status")],
    };
    table.push(TableColumn::number("findings", "Findings"));
    if !matches!(by, GroupBy::RuleHost | GroupBy::Rule) {
        table.push(TableColumn::number("rules", "Rules"));
    }
    table.push(TableColumn::time("first_time", "First (UTC)").spare(1));
    table.push(TableColumn::time("last_time", "Last (UTC)").spare(4));
    if matches!(by, GroupBy::RuleHost | GroupBy::Rule) {
        table.push(TableColumn::new("details", "Details of the first", CellStyle::Words).spare(3));
    }
    ListingShape::new(FIELDS, table)
}

/// Adds the states of groups where past findings are counted too, and their statuses where people said something of some.
pub fn add_group_columns(shape: &mut ListingShape, with_past: bool, with_triage: bool) {
    let place = shape.table.iter().position(|column| column.field == "severity").map_or(0, |place| place + 1);
    if with_triage && shape.table.iter().all(|column| column.field != "statuses") {
        shape.table.insert(place, TableColumn::new("statuses", "Status", CellStyle::Words));
    }
    if with_past {
        shape.table.insert(place, TableColumn::new("states", "State", CellStyle::Whole));
    }
}

/// Returns a group as a row of [`finding_group_shape`].
pub fn finding_group_row(group: &FindingGroup) -> Vec<Value> {
    vec![
        json!(group.severity.map(Level::as_str)),
        json!(group.rule_id),
        json!(group.rule_title),
        json!(group.host),
        json!(group.user),
        json!(group.technique),
        json!(group.day),
        json!(group.rules),
        json!(group.findings),
        json!(group.count),
        time(group.first_time_us),
        time(group.last_time_us),
        json!(group.finding_id),
        json!(group.details),
        json!(group.states),
        json!(group.statuses),
    ]
}
