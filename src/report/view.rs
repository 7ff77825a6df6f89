//! The listings of views: one row a view, or one row a column of a view.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{ListingShape, TableColumn};

/// What `retrohunt views` lists.
pub static VIEW: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(
        ["view", "kind", "holds", "rows", "columns"],
        vec![TableColumn::text("view", "View"), TableColumn::number("rows", "Rows"), TableColumn::text("holds", "Holds")],
    )
});

/// What `retrohunt views NAME` lists.
pub static VIEW_COLUMN: LazyLock<ListingShape> = LazyLock::new(|| {
    ListingShape::new(["view", "column", "example"], vec![TableColumn::text("column", "Column"), TableColumn::text("example", "Example")])
});

/// A view of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// Its name.
    pub view: String,
    /// `general`, `category`, `data set` or `event type`.
    pub kind: &'static str,
    /// What its rows are.
    pub holds: String,
    /// How many rows it has; `None` where they could not be counted.
    pub rows: Option<u64>,
    /// Its columns in order.
    pub columns: Vec<String>,
}

/// Returns a view as a row of [`VIEW`].
pub fn view_row(view: &ViewRow) -> Vec<Value> {
    vec![json!(view.view), json!(view.kind), json!(view.holds), json!(view.rows), json!(view.columns)]
}

/// Returns a column as a row of [`VIEW_COLUMN`].
pub fn view_column_row(view: &str, column: &str, example: Option<&str>) -> Vec<Value> {
    vec![json!(view), json!(column), json!(example)]
}
