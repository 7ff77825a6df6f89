//! The listing of the load ledger: one row a leaf.

use std::sync::LazyLock;

use super::{Shape, TableColumn};

/// What `retrohunt sources` lists.
pub static SOURCE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(
        [
            "path", "format", "events", "new_events", "bad", "recovered", "duplicate_of", "sha256", "first_time", "last_time", "bytes",
        ],
        vec![
            TableColumn::left("path", "Path"),
            TableColumn::left("format", "Format"),
            TableColumn::right("events", "Events"),
            TableColumn::right("new_events", "New"),
            TableColumn::right("bad", "Bad"),
            TableColumn::right("recovered", "Recovered"),
            TableColumn::left("first_time", "First"),
            TableColumn::left("last_time", "Last"),
            TableColumn::left("duplicate_of", "Same bytes as"),
        ],
    )
});
