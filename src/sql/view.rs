//! Views over several event types: Sigma's categories and CIM datasets as SELECTs over the text views.

use sqlparser::ast::SelectItem;

use super::field::{VIEW, ViewFields};
use super::writer::StatementWriter;
use super::{ast, base_select, pred};
use crate::catalog::Catalog;
use crate::plan::CategoryView;

/// What every view over events has first.
const SYSTEM_COLUMNS: [&str; 6] = ["_id", "_time", "_time_us", "_host", "_source", "_record"];

/// Makes the SELECT of a view. A column without a portable form is left out; `None` where a condition has none, or where
/// there are more columns than SQLite takes.
pub fn category_select(view: &CategoryView, catalog: &Catalog) -> Option<String> {
    let writer = StatementWriter::default();
    // Asked first and for each column alone: one gap in a shared writer would take the whole view away.
    let is_shown: Vec<bool> = (0..view.columns.len()).map(|index| is_shown(view, index, catalog)).collect();
    if view.columns.len() + SYSTEM_COLUMNS.len() > writer.dialect.column_max() {
        return None;
    }
    let mut selects = Vec::new();
    for member in &view.members {
        let event_type = catalog.event_type(member.event_type)?;
        let fields = ViewFields { writer: &writer, event_type };
        let mut items: Vec<SelectItem> = SYSTEM_COLUMNS.iter().map(|name| ast::item(ast::column(VIEW, name), name)).collect();
        for ((name, expr), _) in view.columns.iter().zip(&member.columns).zip(&is_shown).filter(|(_, shown)| **shown) {
            items.push(ast::item(fields.value(expr).expr, name));
        }
        selects.push(base_select(&fields, pred::pred(&fields, &member.condition), items));
    }
    if selects.is_empty() {
        return None;
    }
    let text = ast::print(&ast::query(ast::union_all(selects)));
    writer.finish().is_empty().then_some(text)
}

/// Whether a column has a name of its own and a portable form in every event type.
fn is_shown(view: &CategoryView, index: usize, catalog: &Catalog) -> bool {
    // Without case, because SQLite compares names so: two columns of one name cannot be asked for.
    if SYSTEM_COLUMNS.iter().any(|system| system.eq_ignore_ascii_case(&view.columns[index])) {
        return false;
    }
    view.members.iter().all(|member| {
        let writer = StatementWriter::default();
        catalog.event_type(member.event_type).is_some_and(|event_type| {
            ViewFields { writer: &writer, event_type }.value(&member.columns[index]);
            writer.finish().is_empty()
        })
    })
}
