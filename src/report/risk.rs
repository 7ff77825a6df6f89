//! The listing of risk: one row an object.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{ListingShape, TableColumn, time};
use crate::store::RankedObject;

/// What `retrohunt risk` lists.
pub static RISK: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["object", "type", "score", "findings", "rules", "rule_titles", "techniques", "first_time", "last_time"],
        vec![
            TableColumn::text("object", "Object"),
            TableColumn::text("type", "Type"),
            TableColumn::number("score", "Score"),
            TableColumn::number("findings", "Findings"),
            TableColumn::number("rules", "Rules"),
            TableColumn::time("last_time", "Last (UTC)").spare(1),
            TableColumn::text("rule_titles", "Most risk from").spare(2),
        ],
    )
});

/// Returns an object as a row of [`RISK`].
pub fn risk_row(object: &RankedObject) -> Vec<Value> {
    vec![
        json!(object.object),
        json!(object.kind),
        json!(object.score),
        json!(object.findings),
        json!(object.rules),
        json!(object.rule_titles),
        json!(object.techniques),
        time(object.first_us),
        time(object.last_us),
    ]
}
