//! Typed statements, made faster where that changes nothing: tests and groups by value ids instead of texts.
//!
//! A text column of a view looks its text up per row. A test of it with constants asks the dictionary once instead and compares
//! ids; a `GROUP BY` with `count(*)` counts ids first and looks up one text a group. Views have no ids: a WITH in front of the
//! statement has the same SELECTs with them (`sysmon_1 with ids`, columns `_id_Image`), and takes the views' place. Where a text stands
//! in the row itself, its id is NULL and it is tested as typed. Only what is exactly equivalent is touched, NULL included; everything
//! else stays as typed. sqlparser's printing is not trusted with what people type: the printed form must parse back to the very
//! tree, else the statement stays as it was.

mod groups;
mod known;
mod scope;
mod tests_of_text;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{self as tree, Expr, InTarget, Query, Select, SelectItem, SetExpr, Statement, TableFactor, UnaryOperator};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use crate::catalog::Catalog;
use crate::store::TypedQueries;

use known::KnownViews;
use scope::SelectScope;

/// A typed statement as it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdhocStatement {
    /// The whole text.
    pub sql: String,
    /// The same for a reader: without the views that it begins with.
    pub shown: String,
}

/// Rewrites a typed statement, or what it explains; `None` where nothing helps.
pub fn rewrite_adhoc(sql: &str, catalog: &Catalog, queries: &TypedQueries<'_>) -> Option<AdhocStatement> {
    let mut statements = Parser::parse_sql(&SQLiteDialect {}, sql).ok()?;
    let (Some(statement), true) = (statements.pop(), statements.is_empty()) else { return None };
    let (prefix, mut query) = explained(statement)?;
    let rewriter = Rewriter { views: KnownViews::new(catalog, queries, with_names(&query)), typed: sql };
    rewriter.query(&mut query, SelectPlace::Top);
    if rewriter.views.are_unused() {
        return None;
    }
    let shown = query.to_string();
    let defined = rewriter.views.define(&mut query)?;
    let statement = Statement::Query(query);
    let text = statement.to_string();
    let same = Parser::parse_sql(&SQLiteDialect {}, &text).is_ok_and(|parsed| parsed == [statement]);
    same.then(|| AdhocStatement { sql: format!("{prefix}{}", as_views(text, &defined)), shown })
}

/// Makes SQLite read the first entries of a WITH where their names stand, as views are: else it would make a table of one that is named
/// twice. sqlparser does not read these words in SQLite's dialect, so that they come last.
fn as_views(text: String, defined: &[String]) -> String {
    defined.iter().fold(text, |text, name| {
        let entry = format!("{} AS ", super::ast::ident(name));
        text.replacen(&format!("{entry}("), &format!("{entry}NOT MATERIALIZED ("), 1)
    })
}

/// What stands before the query of a statement, and the query.
fn explained(statement: Statement) -> Option<(&'static str, Box<Query>)> {
    match statement {
        Statement::Query(query) => Some(("", query)),
        Statement::Explain { describe_alias: tree::DescribeAlias::Explain, query_plan, statement, .. } => match *statement {
            Statement::Query(query) => Some((if query_plan { "EXPLAIN QUERY PLAN " } else { "EXPLAIN " }, query)),
            _ => None,
        },
        _ => None,
    }
}

/// Where a SELECT stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SelectPlace {
    /// Its columns are those of the result, and are called as the typed statement says.
    Top,
    /// Something reads its columns by their names.
    Inside,
}

/// Rewrites one statement.
struct Rewriter<'a> {
    views: KnownViews<'a>,
    typed: &'a str,
}

impl Rewriter<'_> {
    fn query(&self, query: &mut Query, place: SelectPlace) {
        // What a WITH names is not a view, in its own queries too.
        let hidden = self.views.hide(with_names(query));
        if let Some(with) = &mut query.with {
            for table in &mut with.cte_tables {
                self.query(&mut table.query, SelectPlace::Inside);
            }
        }
        let scope = self.body(&mut query.body, place);
        if let Some(scope) = scope.filter(|_| place == SelectPlace::Top) {
            scope.count_ids(query);
        }
        self.views.show(hidden);
    }

    /// Rewrites a SELECT, or each of several; the scope of the only one.
    fn body(&self, body: &mut SetExpr, place: SelectPlace) -> Option<SelectScope<'_>> {
        match body {
            SetExpr::Select(select) => return self.select(select, place),
            SetExpr::Query(query) => self.query(query, SelectPlace::Inside),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, place);
                self.body(right, place);
            }
            _ => {}
        }
        None
    }

    fn select(&self, select: &mut Select, place: SelectPlace) -> Option<SelectScope<'_>> {
        // The name of a column without one is its text as it was typed: what prints in another way would have another name.
        let is_named = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => true,
            SelectItem::UnnamedExpr(expr) => self.typed.contains(&expr.to_string()),
            _ => true,
        };
        if place == SelectPlace::Inside && !select.projection.iter().all(is_named) {
            return None;
        }
        for item in &mut select.projection {
            match item {
                SelectItem::ExprWithAlias { expr, .. } => self.subqueries(expr),
                SelectItem::UnnamedExpr(expr) if place == SelectPlace::Top => self.subqueries(expr),
                _ => {}
            }
        }
        let scope = SelectScope::of(select, &self.views);
        for from in &mut select.from {
            self.table(&mut from.relation);
            for join in &mut from.joins {
                self.table(&mut join.relation);
                if let Some(on) = scope::on_condition(&mut join.join_operator) {
                    self.condition(on, scope.as_ref());
                }
            }
        }
        if let Some(filter) = &mut select.selection {
            self.condition(filter, scope.as_ref());
        }
        let scope = scope?;
        scope.read_ids(select);
        Some(scope)
    }

    fn table(&self, table: &mut TableFactor) {
        if let TableFactor::Derived { subquery, .. } = table {
            self.query(subquery, SelectPlace::Inside);
        }
    }

    /// Rewrites the tests of a condition in place.
    ///
    /// It goes no deeper than AND, OR, NOT and brackets: there sqlparser and SQLite agree about what belongs together.
    fn condition(&self, expr: &mut Expr, scope: Option<&SelectScope<'_>>) {
        if let Some(test) = scope.and_then(|scope| scope.by_id(expr)) {
            *expr = test;
            return;
        }
        match expr {
            Expr::BinaryOp { left, op: tree::BinaryOperator::And | tree::BinaryOperator::Or, right } => {
                self.condition(left, scope);
                self.condition(right, scope);
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } | Expr::Nested(inner) => self.condition(inner, scope),
            other => self.subqueries(other),
        }
    }

    /// Rewrites the queries within an expression.
    fn subqueries(&self, expr: &mut Expr) {
        match expr {
            Expr::Subquery(query) | Expr::Exists { subquery: query, .. } => self.query(query, SelectPlace::Inside),
            Expr::In { expr, target, .. } => {
                self.subqueries(expr);
                if let InTarget::Subquery(query) = target {
                    self.query(query, SelectPlace::Inside);
                }
            }
            Expr::BinaryOp { left, right, .. } => {
                self.subqueries(left);
                self.subqueries(right);
            }
            Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => self.subqueries(inner),
            _ => {}
        }
    }
}

/// The names that the WITH of a query gives.
fn with_names(query: &Query) -> Vec<String> {
    query.with.iter().flat_map(|with| &with.cte_tables).map(|table| table.alias.name.value.clone()).collect()
}

/// An entry of a WITH.
fn defined(name: &str, query: Query) -> tree::Cte {
    tree::Cte {
        alias: tree::TableAlias { explicit: false, name: super::ast::ident(name), columns: Vec::new(), at: None },
        query: Box::new(query),
        from: None,
        materialized: None,
        closing_paren_token: AttachedToken::empty(),
    }
}
