//! The listing of the load ledger: one row a leaf.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn, time};
use crate::store::SourceRow;

/// What `retrohunt sources` lists.
pub static SOURCE: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        [
            "path",
            "format",
            "events",
            "new_events",
            "bad",
            "recovered",
            "duplicate_of",
            "sha256",
            "first_time",
            "last_time",
            "bytes",
            "skipped",
            "timezone",
            "clock",
            "source_id",
            "removed",
        ],
        vec![
            TableColumn::new("path", "Path", CellStyle::Path),
            TableColumn::text("format", "Format"),
            TableColumn::number("events", "Events"),
            TableColumn::number("new_events", "New"),
            TableColumn::number("bad", "Unreadable"),
            TableColumn::number("recovered", "Recovered").spare(3),
            TableColumn::time("first_time", "First (UTC)").spare(1),
            TableColumn::time("last_time", "Last (UTC)").spare(2),
            TableColumn::text("timezone", "Time zone").spare(4),
            TableColumn::new("duplicate_of", "Copy of", CellStyle::Path).spare(1),
        ],
    )
});

/// The column that a table of sources has where one was not read.
pub fn why_not_read() -> TableColumn {
    TableColumn::text("skipped", "Not read because")
}

/// What `retrohunt load --explain` lists.
pub static EXPLAINED: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["path", "format", "reason"],
        vec![TableColumn::new("path", "Path", CellStyle::Path), TableColumn::text("format", "Format"), TableColumn::text("reason", "Why")],
    )
});

/// Returns what a leaf would be read as, as a row of [`EXPLAINED`].
pub fn explained_row(path: &str, format: &str, reason: &str) -> Vec<Value> {
    vec![json!(path), text(format), json!(reason)]
}

/// A text, or null where there is none.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

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
        text(&source.reason),
        text(&source.timezone),
        text(&source.clock),
        json!(source.id.0),
        json!(source.removed),
    ]
}
