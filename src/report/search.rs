//! The listing of a search: one row an event.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{CellStyle, ListingShape, TableColumn, time};
use crate::search::SearchHit;

/// What `retrohunt search` lists.
pub static SEARCH: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["time", "host", "channel", "event_code", "field", "value", "also_in", "record", "path", "event_id"],
        vec![
            TableColumn::time("time", "Time (UTC)"),
            TableColumn::new("host", "Host", CellStyle::Host),
            TableColumn::text("channel", "Channel").spare(3),
            TableColumn::text("event_code", "Event"),
            TableColumn::text("field", "Field").spare(1),
            TableColumn::text("value", "Value"),
            TableColumn::number("event_id", "Id").spare(2),
        ],
    )
});

/// Returns an event that was found as a row of [`SEARCH`].
pub fn search_row(hit: &SearchHit) -> Vec<Value> {
    vec![
        time(hit.time_us),
        json!(hit.host.as_deref()),
        json!(hit.channel),
        json!(hit.code),
        json!(hit.field),
        json!(hit.value),
        json!(hit.also_in),
        json!(hit.record),
        json!(hit.path),
        json!(hit.id.0),
    ]
}
