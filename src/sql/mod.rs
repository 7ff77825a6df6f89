//! Plans as SQL: the last step of the compiler, and the only place where SQL text comes from.
//!
//! Two dialects. *Portable* is what `retrohunt compile` prints: over the text views, literals inline, SQLite's own
//! functions only, so that any SQLite client (3.44 or later where values are gathered) gives the same rows; what it
//! cannot say is a `not-portable` note that names the feature, and then no statement is made. *Hunt* is what runs:
//! over the same views, restricted to `temp.candidate(event)` which holds exactly the matching events, every value
//! bound, with the functions that the store registers; each row carries the events behind it (see [`hunt`]).
//!
//! In a hunt a multivalue is a BLOB between functions and text joined by newline in a result; see
//! `store::functions` for its form.

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

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{Expr, SelectItem, SetExpr};

use crate::catalog::{Catalog, EventType};
use crate::diag::{Diagnostic, Severity};
use crate::ir::{FieldCompare, Pred};
use crate::plan::{Branch, FieldExpr, Plan};
use crate::store::SqlValue;

pub use correlation::portable_correlation;
pub use rewrite::rewrite_adhoc;

pub use view::category_select;

use ast::SelectParts;
use field::{EventFields, VIEW};
use stage::{Column, Rows, unused};
use writer::{Kind, Writer};

/// For whom the SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Any SQLite client.
    Portable,
    /// The store's own connection.
    Hunt,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text; empty where it could not be made ([`Statement::not_portable`] says why).
    pub sql: String,
    /// What is bound to `?1`, `?2`, …
    pub parameters: Vec<SqlValue>,
    /// Names of the result columns, in order.
    pub columns: Vec<String>,
    /// Features that have no portable form, one note each.
    pub not_portable: Vec<Diagnostic>,
}

/// Most columns of one result; SQLite takes 2,000.
const COLUMN_MAX: usize = 1_900;

/// Makes the portable form of a plan. Row-wise plans give `_id`, `_time` and the fields that the rule shows, by `_id`.
pub fn portable(plan: &Plan, catalog: &Catalog) -> Result<Statement, Diagnostic> {
    let writer = Writer::new(Dialect::Portable);
    let (query, columns) = if plan.stages.is_empty() { row_wise(&writer, plan, catalog)? } else { pipeline(&writer, plan, catalog)? };
    let (parameters, mut gaps) = writer.finish();
    let sql = if gaps.is_empty() { ast::print_pretty(&query) } else { String::new() };
    gaps.sort_by(|a, b| a.message.cmp(&b.message));
    Ok(Statement { sql, parameters, columns, not_portable: gaps })
}

/// Makes what a hunt runs for a plan with stages, over the events in `temp.candidate`. After the rule's columns come
/// `_ev` (BLOB: ids of the events behind the row, 8 bytes each, big-endian, ascending, at most 1,000), `_n` (how many there are), `_t0` and
/// `_t1` (their first and last time in µs).
pub fn hunt(plan: &Plan, catalog: &Catalog) -> Result<Statement, Diagnostic> {
    let writer = Writer::new(Dialect::Hunt);
    let (query, columns) = pipeline(&writer, plan, catalog)?;
    finish(writer, &ast::print(&query), columns)
}

/// Makes the query for the exact matches among `temp.candidate`, where a filter holds tests that the scan leaves to
/// SQL (expressions, two fields compared); `None` where there is none. Its one column is the event's id.
pub fn hunt_filter(plan: &Plan, catalog: &Catalog) -> Option<Statement> {
    if !plan.branches.iter().any(|branch| is_left_to_sql(&branch.filter)) {
        return None;
    }
    let writer = Writer::new(Dialect::Hunt);
    let mut selects = Vec::new();
    for (event_type, branch) in typed(plan, catalog) {
        let fields = EventFields { writer: &writer, event_type };
        let filter = pred::pred(&fields, &branch.filter);
        selects.push(base_select(&writer, event_type, filter, vec![SelectItem::UnnamedExpr(ast::column(VIEW, "_id"))]));
    }
    if selects.is_empty() {
        return None;
    }
    let query = ast::query(ast::union_all(selects));
    finish(writer, &ast::print(&query), vec!["_id".to_owned()]).ok()
}

fn finish(writer: Writer, sql: &str, columns: Vec<String>) -> Result<Statement, Diagnostic> {
    let (parameters, mut gaps) = writer.finish();
    if gaps.is_empty() { Ok(Statement { sql: sql.to_owned(), parameters, columns, not_portable: Vec::new() }) } else { Err(gaps.remove(0)) }
}

/// Whether a condition holds tests that a scan of single values cannot decide.
fn is_left_to_sql(condition: &Pred<FieldExpr>) -> bool {
    match condition {
        Pred::Scalar(_) | Pred::Compare(FieldCompare { .. }) => true,
        Pred::And(terms) | Pred::Or(terms) => terms.iter().any(is_left_to_sql),
        Pred::Not(inner) => is_left_to_sql(inner),
        Pred::True | Pred::False | Pred::Match(_) | Pred::Keyword { .. } => false,
    }
}

fn typed<'a>(plan: &'a Plan, catalog: &'a Catalog) -> impl Iterator<Item = (&'a EventType, &'a Branch)> {
    plan.branches.iter().filter_map(|branch| Some((catalog.event_type(branch.event_type)?, branch)))
}

/// One event type's part of the base: in portable SQL the events that match, in a hunt the candidates of the type.
fn base_select(writer: &Writer, event_type: &EventType, filter: Expr, items: Vec<SelectItem>) -> SetExpr {
    let view = ast::table(&[&event_type.view], VIEW);
    let is_true = filter == ast::truth(true);
    if writer.is_portable() {
        let filter = (!is_true).then_some(filter);
        return ast::select(SelectParts { items, from: vec![view], filter, ..Default::default() });
    }
    let mut tables = ast::Tables::new(ast::table(&["temp", "candidate"], "c"));
    tables.cross(view);
    let same = ast::eq(ast::column(VIEW, "_id"), ast::column("c", "event"));
    let filter = if is_true { same } else { ast::all(vec![same, filter]) };
    ast::select(SelectParts { items, from: tables.into_from(), filter: Some(filter), ..Default::default() })
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

fn row_wise(writer: &Writer, plan: &Plan, catalog: &Catalog) -> Result<(sqlparser::ast::Query, Vec<String>), Diagnostic> {
    let names = field_names(plan)?;
    let mut selects = Vec::new();
    for (event_type, branch) in typed(plan, catalog) {
        let fields = EventFields { writer, event_type };
        let mut items = vec![SelectItem::UnnamedExpr(ast::column(VIEW, "_id")), SelectItem::UnnamedExpr(ast::column(VIEW, "_time"))];
        for name in &names {
            let value = branch.fields.get(*name).map_or_else(ast::null, |field| fields.value(field).expr);
            items.push(ast::item(value, name));
        }
        selects.push(base_select(writer, event_type, pred::pred(&fields, &branch.filter), items));
    }
    let columns: Vec<String> = ["_id", "_time"].into_iter().chain(names).map(str::to_owned).collect();
    if selects.is_empty() {
        let items = columns.iter().map(|name| ast::item(ast::null(), name)).collect();
        selects.push(ast::select(SelectParts { items, filter: Some(ast::truth(false)), ..Default::default() }));
    }
    let query = ast::query(ast::union_all(selects));
    Ok((ast::ordered(query, vec![(Expr::Identifier(ast::ident("_id")), false)], None), columns))
}

fn pipeline(writer: &Writer, plan: &Plan, catalog: &Catalog) -> Result<(sqlparser::ast::Query, Vec<String>), Diagnostic> {
    let (body, columns) = base(writer, plan, catalog)?;
    let mut rows = Rows::new(writer, body, columns);
    plan.stages.iter().for_each(|stage| rows.apply(stage));
    Ok(rows.finish())
}

/// The matching events as rows: hidden columns, `_time`, the fields that stages read.
fn base(writer: &Writer, plan: &Plan, catalog: &Catalog) -> Result<(SetExpr, Vec<Column>), Diagnostic> {
    let names = field_names(plan)?;
    let hidden: &[&str] = if writer.is_portable() { &["_id", "_time_us"] } else { &["_ev", "_n", "_t0", "_t1"] };
    let mut taken: BTreeSet<String> = hidden.iter().chain(&["_time"]).map(|n| (*n).to_owned()).collect();
    let mut columns = vec![Column { name: "_time".to_owned(), sql: "_time".to_owned(), kind: Kind::Number, multi: false, list: None }];
    for name in names {
        let exprs: Vec<(EventFields<'_>, &FieldExpr)> =
            typed(plan, catalog).filter_map(|(event_type, b)| Some((EventFields { writer, event_type }, b.fields.get(name)?))).collect();
        let kind = exprs
            .iter()
            .map(|(_, f)| if **f == FieldExpr::Time { Kind::Number } else { Kind::Text })
            .reduce(Kind::or)
            .unwrap_or(Kind::Text);
        let multi = exprs.iter().any(|(fields, f)| fields.may_be_list(f));
        let sql = unused(&mut taken, name);
        let bare = exprs.iter().all(|(fields, f)| !fields.may_be_list(f) || fields.list_id(f).is_some());
        let list = (multi && bare && writer.is_portable()).then(|| unused(&mut taken, &format!("{name} list")));
        columns.push(Column { name: name.to_owned(), sql, kind, multi, list });
    }
    let mut selects: Vec<SetExpr> = typed(plan, catalog)
        .map(|(event_type, branch)| {
            let fields = EventFields { writer, event_type };
            let filter = if writer.is_portable() { pred::pred(&fields, &branch.filter) } else { ast::truth(true) };
            base_select(writer, event_type, filter, base_items(&fields, branch, &columns))
        })
        .collect();
    if selects.is_empty() {
        let all = hidden.iter().copied().chain(columns.iter().map(|c| c.sql.as_str()));
        let items = all.map(|name| ast::item(ast::null(), name)).collect();
        selects.push(ast::select(SelectParts { items, filter: Some(ast::truth(false)), ..Default::default() }));
    }
    Ok((ast::union_all(selects), columns))
}

fn base_items(fields: &EventFields<'_>, branch: &Branch, columns: &[Column]) -> Vec<SelectItem> {
    let (id, time_us) = (ast::column(VIEW, "_id"), ast::column(VIEW, "_time_us"));
    let mut items = if fields.writer.is_portable() {
        vec![ast::item(id, "_id"), ast::item(time_us, "_time_us")]
    } else {
        vec![ast::item(id, "_ev"), ast::item(ast::integer(1), "_n"), ast::item(time_us.clone(), "_t0"), ast::item(time_us, "_t1")]
    };
    let own: BTreeMap<&str, &FieldExpr> = branch.fields.iter().map(|(name, field)| (name.as_str(), field)).collect();
    for column in columns {
        let field = if column.name == "_time" { Some(&FieldExpr::Time) } else { own.get(column.name.as_str()).copied() };
        let value = field.map_or_else(ast::null, |f| fields.value(f).expr);
        items.push(ast::item(value, &column.sql));
        if let Some(list) = &column.list {
            let id = field.filter(|f| fields.may_be_list(f)).and_then(|f| fields.list_id(f));
            items.push(ast::item(id.unwrap_or_else(ast::null), list));
        }
    }
    items
}
