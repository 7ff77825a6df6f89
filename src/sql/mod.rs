//! Plans as SQL text: what `retrohunt compile` prints.
//!
//! Portable means: over the store's text views, literals inline, SQLite's own functions only, so that any SQLite client
//! (3.44 or later where values are gathered) gives the rows that a hunt gives. What SQLite cannot say is a `not-portable` note that
//! names the feature, and then no statement is made. A hunt runs none of this (see [`crate::exec`]), so each is a check of the other.

mod aggregate;
mod ast;
mod correlation;
mod field;
mod glob;
mod pred;
mod rewrite;
mod scalar;
mod stage;
#[cfg(test)]
mod tests;
mod view;
mod writer;

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, SelectItem, SetExpr};

use crate::catalog::{Catalog, EventType};
use crate::diag::{Diagnostic, Severity};
use crate::plan::{Branch, FieldExpr, Plan, RowSource, TIME};

pub use correlation::portable_correlation;
pub use rewrite::rewrite_adhoc;

pub use view::category_select;

use ast::SelectParts;
use field::{VIEW, ViewFields};
use stage::{SqlColumn, SqlRows, unused};
use writer::StatementWriter;

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text; empty where it could not be made ([`Statement::not_portable`] says why).
    pub sql: String,
    /// Names of the result columns, in order.
    pub columns: Vec<String>,
    /// Features that have no portable form, one note each.
    pub not_portable: Vec<Diagnostic>,
}

/// Most columns of one result; SQLite takes 2,000.
// A hundred less than SQLite takes: hidden columns and the ids of lists come on top.
const COLUMN_MAX: usize = 1_900;

/// Makes the portable form of a plan. Row-wise plans give `_id`, `_time` and the fields that the rule shows, by `_id`.
pub fn portable(plan: &Plan, catalog: &Catalog) -> Result<Statement, Diagnostic> {
    let writer = StatementWriter::default();
    let (query, columns) = if plan.steps.is_empty() { row_wise(&writer, plan, catalog)? } else { pipeline(&writer, plan, catalog)? };
    let not_portable = writer.finish();
    let sql = if not_portable.is_empty() { ast::print_pretty(&query) } else { String::new() };
    Ok(Statement { sql, columns, not_portable })
}

fn typed<'a>(plan: &'a Plan, catalog: &'a Catalog) -> impl Iterator<Item = (&'a EventType, &'a Branch)> {
    plan.branches.iter().filter_map(|branch| Some((catalog.event_type(branch.event_type)?, branch)))
}

/// One event type's events that match.
fn base_select(event_type: &EventType, filter: Expr, items: Vec<SelectItem>) -> SetExpr {
    let filter = (filter != ast::truth(true)).then_some(filter);
    ast::select(SelectParts { items, from: vec![ast::table(&[&event_type.view], VIEW)], filter, ..Default::default() })
}

/// The names of the fields that any branch shows, without `_time`.
fn field_names(plan: &Plan) -> Result<Vec<&str>, Diagnostic> {
    let names: BTreeSet<&str> = plan.branches.iter().flat_map(|b| b.fields.keys()).map(String::as_str).filter(|n| *n != "_time").collect();
    if names.len() > COLUMN_MAX {
        let message = format!("the rule reads {} fields, and a query can have {COLUMN_MAX}", names.len());
        return Err(
            Diagnostic::new(Severity::Error, "sql-too-many-columns", message).hint("name the fields in a `table` or `fields` command")
        );
    }
    Ok(names.into_iter().collect())
}

fn row_wise(writer: &StatementWriter, plan: &Plan, catalog: &Catalog) -> Result<(sqlparser::ast::Query, Vec<String>), Diagnostic> {
    let names = field_names(plan)?;
    let mut selects = Vec::new();
    for (event_type, branch) in typed(plan, catalog) {
        let fields = ViewFields { writer, event_type };
        let mut items = vec![SelectItem::UnnamedExpr(ast::column(VIEW, "_id")), SelectItem::UnnamedExpr(ast::column(VIEW, "_time"))];
        for name in &names {
            let value = branch.fields.get(*name).map_or_else(ast::null, |field| fields.value(field).expr);
            items.push(ast::item(value, name));
        }
        selects.push(base_select(event_type, pred::pred(&fields, &branch.filter), items));
    }
    let columns: Vec<String> = ["_id", "_time"].into_iter().chain(names).map(str::to_owned).collect();
    if selects.is_empty() {
        let items = columns.iter().map(|name| ast::item(ast::null(), name)).collect();
        // No event type can match, and the statement still must have its columns: an empty result, not an error.
        selects.push(ast::select(SelectParts { items, filter: Some(ast::truth(false)), ..Default::default() }));
    }
    let query = ast::query(ast::union_all(selects));
    Ok((ast::ordered(query, vec![(Expr::Identifier(ast::ident("_id")), false)], None), columns))
}

fn pipeline(writer: &StatementWriter, plan: &Plan, catalog: &Catalog) -> Result<(sqlparser::ast::Query, Vec<String>), Diagnostic> {
    if plan.source != RowSource::Events {
        writer.gap("rows that are not events");
    }
    let (body, columns) = base(writer, plan, catalog)?;
    let mut rows = SqlRows::new(writer, body, columns, &plan.row);
    plan.steps.iter().for_each(|step| rows.apply(step));
    Ok(rows.finish())
}

/// Hidden columns of the base, by which rows are ordered until a stage orders them.
const HIDDEN: [&str; 2] = ["_id", "_time_us"];

/// The matching events as rows: hidden columns, `_time`, the fields that stages read.
fn base(writer: &StatementWriter, plan: &Plan, catalog: &Catalog) -> Result<(SetExpr, Vec<SqlColumn>), Diagnostic> {
    // Before anything is built: thousands of columns would be made for a statement that cannot run.
    field_names(plan)?;
    let mut taken: BTreeSet<String> = HIDDEN.iter().map(|n| (*n).to_owned()).collect();
    let mut columns = Vec::new();
    for column in &plan.row.columns {
        let exprs =
            typed(plan, catalog).filter_map(|(event_type, b)| Some((ViewFields { writer, event_type }, b.fields.get(&column.name)?)));
        // A list can be looked up again where every event type has it in a column of its own.
        let bare = exprs.into_iter().all(|(fields, f)| !fields.may_be_list(f) || fields.list_id(f).is_some());
        let sql = unused(&mut taken, &column.name);
        let list = (column.multi && bare).then(|| unused(&mut taken, &format!("{} list", column.name)));
        columns.push(SqlColumn { sql, list });
    }
    let mut selects: Vec<SetExpr> = typed(plan, catalog)
        .map(|(event_type, branch)| {
            let fields = ViewFields { writer, event_type };
            base_select(event_type, pred::pred(&fields, &branch.filter), base_items(&fields, branch, plan, &columns))
        })
        .collect();
    if selects.is_empty() {
        let all = HIDDEN.into_iter().chain(columns.iter().flat_map(|c| std::iter::once(&c.sql).chain(&c.list)).map(String::as_str));
        let items = all.map(|name| ast::item(ast::null(), name)).collect();
        selects.push(ast::select(SelectParts { items, filter: Some(ast::truth(false)), ..Default::default() }));
    }
    Ok((ast::union_all(selects), columns))
}

fn base_items(fields: &ViewFields<'_>, branch: &Branch, plan: &Plan, columns: &[SqlColumn]) -> Vec<SelectItem> {
    let mut items: Vec<SelectItem> = HIDDEN.iter().map(|name| ast::item(ast::column(VIEW, name), name)).collect();
    for (named, column) in plan.row.columns.iter().zip(columns) {
        let field = if named.name == TIME { Some(&FieldExpr::Time) } else { branch.fields.get(&named.name) };
        let value = field.map_or_else(ast::null, |f| fields.value(f).expr);
        items.push(ast::item(value, &column.sql));
        if let Some(list) = &column.list {
            let id = field.filter(|f| fields.may_be_list(f)).and_then(|f| fields.list_id(f));
            items.push(ast::item(id.unwrap_or_else(ast::null), list));
        }
    }
    items
}
