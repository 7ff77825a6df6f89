//! Plans as SQL text: what `retrohunt compile` prints, and what `hunt --engine sqlite` runs.
//!
//! Portable means: over the store's text views, literals inline, the database's own functions only, so that any client of it (SQLite
//! 3.44 or later) gives the rows that a hunt gives. What has no form is a `not-portable` note that names the feature, and then no
//! statement is made. The scan runs none of this (see [`crate::exec`]), so each is a check of the other.
//!
//! Where data lie, and how a database spells what SQL leaves open, stands behind `dialect::Dialect`. `sqlite` reads a store, and knows
//! stages and correlations; `spark`, `clickhouse` and `duckdb` read a lake (`lake`: a table an event type, a column a field), and know
//! conditions. [`narrow()`] gives of any condition what a database can say. `rewrite` and `view` are beside that: they are of the store
//! itself, which is SQLite.

mod aggregate;
mod ast;
mod clickhouse;
mod correlation;
mod dialect;
mod duckdb;
mod expression;
mod field;
mod lake;
mod letters;
mod narrow;
mod network;
mod pred;
mod regex;
mod remote;
mod rewrite;
mod scalar;
mod spark;
mod sqlite;
mod stage;
#[cfg(test)]
mod tests;
mod view;
mod writer;

use std::collections::BTreeSet;

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, SetExpr};

use crate::catalog::{Catalog, EventType};
use crate::diag::{Diagnostic, Severity};
use crate::plan::{Branch, FieldExpr, Plan, RowSource, TIME};

pub use correlation::{portable_correlation, portable_correlation_with};
pub use narrow::{Narrowed, narrow, narrow_condition};
pub use remote::{
    LakeTimes, SparkPart, clickhouse_count, clickhouse_matching, clickhouse_rows, clickhouse_stop, clickhouse_table, clickhouse_version,
    spark_count, spark_transform,
};
pub use rewrite::{AdhocStatement, rewrite_adhoc};

pub use view::category_select;

use ast::SelectParts;
use dialect::{HeadColumn, StageDialect};
use field::ViewFields;
use stage::{SqlColumn, SqlRows, unused};
use writer::{Kind, StatementWriter, Typed};

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text; empty where it could not be made ([`Statement::not_portable`] says why).
    pub sql: String,
    /// Its columns.
    pub row: StatementColumns,
    /// Features that have no portable form, one note each.
    pub not_portable: Vec<Diagnostic>,
}

/// The columns of a statement: those of the rule's result, then those that say where a row comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementColumns {
    /// Their names, in order.
    pub columns: Vec<String>,
    /// How many of them, from the first, are the rule's result.
    pub shown: usize,
    /// The column with the lists of the row, a JSON object of arrays by the names of the columns that show them as lines. None:
    /// no column of the result may hold a list.
    pub lists: Option<usize>,
    /// Where a row comes from.
    pub origin: StatementOrigin,
}

/// What a row of a statement comes from, by the places of the columns that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementOrigin {
    /// One event.
    Event {
        /// The event's id.
        id: usize,
    },
    /// The events of a group.
    Group {
        /// The by-fields of the last aggregation: name and place of the value.
        keys: Vec<(String, usize)>,
        /// How many events.
        count: usize,
        /// Time of the first (µs UTC).
        first_us: usize,
        /// Time of the last (µs UTC).
        last_us: usize,
        /// Their ids, parted by commas, in any order and perhaps more than once.
        events: usize,
    },
}

/// A database whose SQL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DialectName {
    /// SQLite 3.44 or later, over the views of a store.
    #[default]
    Sqlite,
    /// Spark 3.4 or later, over the tables of a lake. Names are told apart by case: `spark.sql.caseSensitive=true`.
    Spark,
    /// ClickHouse 24 or later, over the tables of a lake.
    ClickHouse,
    /// DuckDB 1.3 or later, over the tables of a lake.
    DuckDb,
}

/// What a statement asks, and in whose words. An event without a time is asked only where no time is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatementOptions {
    /// The database.
    pub dialect: DialectName,
    /// From this time on (µs UTC).
    pub since_us: Option<i64>,
    /// Before this time (µs UTC).
    pub until_us: Option<i64>,
}

/// Makes the portable form of a plan. Row-wise plans give `_id`, `_time` and the fields that the rule shows, by `_id`.
///
/// # Errors
/// When the rule reads more fields than a statement can have columns.
pub fn portable(plan: &Plan, catalog: &Catalog) -> Result<Statement, Diagnostic> {
    portable_with(plan, catalog, StatementOptions::default())
}

/// As [`portable`], over the events of some time, or for another database.
///
/// # Errors
/// As [`portable`].
pub fn portable_with(plan: &Plan, catalog: &Catalog, options: StatementOptions) -> Result<Statement, Diagnostic> {
    let writer = StatementWriter::with(options);
    let (query, row) = match writer.stages {
        Some(words) if !plan.steps.is_empty() => pipeline((&writer, words), plan, catalog)?,
        _ => row_wise(&writer, plan, catalog)?,
    };
    let dialect = writer.dialect;
    let not_portable = writer.finish();
    let sql = if not_portable.is_empty() { dialect.print(&query) } else { String::new() };
    Ok(Statement { sql, row, not_portable })
}

fn typed<'a>(plan: &'a Plan, catalog: &'a Catalog) -> impl Iterator<Item = (&'a EventType, &'a Branch)> {
    plan.branches.iter().filter_map(|branch| Some((catalog.event_type(branch.event_type)?, branch)))
}

/// One event type's events that match.
fn base_select(fields: &ViewFields<'_>, filter: Expr, items: Vec<SelectItem>) -> SetExpr {
    let dialect = fields.writer.dialect;
    let StatementOptions { since_us, until_us, .. } = fields.writer.options;
    let bound = |us: Option<i64>, op| us.map(|us| ast::op(dialect.head(HeadColumn::TimeUs), op, ast::integer(us)));
    let times = [bound(since_us, BinaryOperator::GtEq), bound(until_us, BinaryOperator::Lt)];
    let filter = (filter != dialect.truth(true)).then_some(filter);
    let terms: Vec<Expr> = times.into_iter().chain([filter]).flatten().collect();
    let filter = (!terms.is_empty()).then(|| ast::all(terms));
    ast::select(SelectParts { items, from: vec![dialect.events(fields.event_type)], filter, ..Default::default() })
}

/// The names of the fields that any branch shows, without `_time`.
fn field_names(plan: &Plan, column_max: usize) -> Result<Vec<&str>, Diagnostic> {
    let names: BTreeSet<&str> = plan.branches.iter().flat_map(|b| b.fields.keys()).map(String::as_str).filter(|n| *n != "_time").collect();
    if names.len() > column_max {
        let message = format!("the rule reads {} fields, and a query can have {column_max}", names.len());
        return Err(
            Diagnostic::new(Severity::Error, "sql-too-many-columns", message).hint("name the fields in a `table` or `fields` command")
        );
    }
    Ok(names.into_iter().collect())
}

fn row_wise(writer: &StatementWriter, plan: &Plan, catalog: &Catalog) -> Result<(Query, StatementColumns), Diagnostic> {
    let dialect = writer.dialect;
    if writer.stages.is_none() {
        if plan.source != RowSource::Events {
            writer.gap("rows that are not events");
        }
        plan.stages().for_each(|stage| drop(writer.gap(&stage::feature(stage))));
    }
    let names = field_names(plan, dialect.column_max())?;
    let multi: Vec<&str> = names.iter().copied().filter(|name| plan.row.column(name).is_some_and(|column| column.multi)).collect();
    let mut selects = Vec::new();
    for (event_type, branch) in typed(plan, catalog) {
        let fields = ViewFields { writer, event_type };
        let value = |name: &str| branch.fields.get(name).map_or_else(|| Typed::new(ast::null(), Kind::Text), |field| fields.value(field));
        let mut items = vec![ast::item(dialect.head(HeadColumn::Id), "_id"), ast::item(dialect.head(HeadColumn::IsoTime), "_time")];
        items.extend(names.iter().map(|name| ast::item_named(value(name).expr, dialect.ident(name))));
        if let Some(words) = writer.stages {
            let lists = multi.iter().map(|name| (*name, value(name).list_or_null()));
            items.extend(stage::lists_of(words, lists).map(|lists| ast::item(lists, LISTS)));
        }
        selects.push(base_select(&fields, pred::pred(&fields, &branch.filter), items));
    }
    let mut columns: Vec<String> = ["_id", "_time"].into_iter().chain(names).map(str::to_owned).collect();
    let shown = columns.len();
    let lists = (!multi.is_empty() && writer.stages.is_some()).then_some(shown);
    columns.extend(lists.map(|_| LISTS.to_owned()));
    if selects.is_empty() {
        let items = columns.iter().map(|name| ast::item_named(ast::null(), dialect.ident(name))).collect();
        // No event type can match, and the statement still must have its columns: an empty result, not an error.
        selects.push(ast::select(SelectParts { items, filter: Some(dialect.truth(false)), ..Default::default() }));
    }
    let query = ast::query(ast::union_all(selects));
    let row = StatementColumns { shown, columns, lists, origin: StatementOrigin::Event { id: 0 } };
    let order = if dialect.orders_rows() { vec![(Expr::Identifier(ast::ident("_id")), false)] } else { Vec::new() };
    Ok((ast::ordered(query, order, None), row))
}

/// The column with the lists of a row.
const LISTS: &str = "_lists";

/// What a statement with stages is written with.
type StageWords<'w> = (&'w StatementWriter, &'static dyn StageDialect);

fn pipeline(words: StageWords<'_>, plan: &Plan, catalog: &Catalog) -> Result<(Query, StatementColumns), Diagnostic> {
    Ok(rows(words, plan, catalog)?.finish())
}

/// The rows behind the stages of a plan.
fn rows<'a>((writer, words): StageWords<'a>, plan: &Plan, catalog: &'a Catalog) -> Result<SqlRows<'a>, Diagnostic> {
    if plan.source != RowSource::Events {
        writer.gap("rows that are not events");
    }
    let (body, columns) = base(writer, plan, catalog)?;
    let mut rows = SqlRows::new((writer, words), catalog, body, columns, &plan.row);
    plan.steps.iter().for_each(|step| rows.apply(step));
    Ok(rows)
}

/// Hidden columns of the base, by which rows are ordered until a stage orders them.
const HIDDEN: [&str; 2] = ["_id", "_time_us"];

/// The matching events as rows: hidden columns, `_time`, the fields that stages read.
fn base(writer: &StatementWriter, plan: &Plan, catalog: &Catalog) -> Result<(SetExpr, Vec<SqlColumn>), Diagnostic> {
    // Before anything is built: thousands of columns would be made for a statement that cannot run.
    field_names(plan, writer.dialect.column_max())?;
    let mut taken: BTreeSet<String> = HIDDEN.iter().map(|n| (*n).to_owned()).collect();
    let mut columns = Vec::new();
    for column in &plan.row.columns {
        let sql = unused(&mut taken, &column.name);
        let list = column.multi.then(|| unused(&mut taken, &format!("{} list", column.name)));
        columns.push(SqlColumn { sql, list });
    }
    let mut selects: Vec<SetExpr> = typed(plan, catalog)
        .map(|(event_type, branch)| {
            let fields = ViewFields { writer, event_type };
            base_select(&fields, pred::pred(&fields, &branch.filter), base_items(&fields, branch, plan, &columns))
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
    let heads = [HeadColumn::Id, HeadColumn::TimeUs].into_iter().zip(HIDDEN);
    let mut items: Vec<SelectItem> = heads.map(|(head, name)| ast::item(fields.writer.dialect.head(head), name)).collect();
    for (named, column) in plan.row.columns.iter().zip(columns) {
        let field = if named.name == TIME { Some(&FieldExpr::Time) } else { branch.fields.get(&named.name) };
        let value = field.map_or_else(|| Typed::new(ast::null(), Kind::Text), |f| fields.value(f));
        if let Some(list) = &column.list {
            items.push(ast::item(value.list_or_null(), list));
        }
        items.push(ast::item(value.expr, &column.sql));
    }
    items
}
