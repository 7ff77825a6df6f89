//! The listing of the load ledger: one row a leaf.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Shape, TableColumn, time};
use crate::store::SourceRow;

/// What `retrohunt sources` lists.
pub static SOURCE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(
        ["path", "format", "events", "new_events", "bad", "recovered", "duplicate_of", "sha256", "first_time", "last_time", "bytes"],
        vec![
            TableColumn::text("path", "Path"),
            TableColumn::text("format", "Format"),
            TableColumn::number("events", "Events"),
            TableColumn::number("new_events", "New"),
            TableColumn::number("bad", "Bad"),
            TableColumn::number("recovered", "Recovered"),
            TableColumn::time("first_time", "First (UTC)"),
            TableColumn::time("last_time", "Last (UTC)"),
            TableColumn::text("duplicate_of", "Same bytes as"),
        ],
    )
});

/// Returns a source as a row of [`SOURCE`].
pub fn source_row(source: &SourceRow) -> Vec<Value> {
    vec![
        json!(source.path),
        json!(source.format),
        json!(source.events),
        json!(source.new_events),
        json!(source.bad),
        json!(source.recovered),
        json!(source.duplicate_of),
        json!(source.sha256),
        time(source.first_time_us),
        time(source.last_time_us),
        json!(source.bytes),
    ]
}
