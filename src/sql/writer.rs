//! What every part of the SQL writer shares: typed expressions, and the features that could not be said.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use sqlparser::ast::{BinaryOperator, Expr};

use super::clickhouse::ClickHouse;
use super::dialect::{Dialect, StageDialect};
use super::duckdb::DuckDb;
use super::spark::Spark;
use super::sqlite::Sqlite;
use super::{DialectName, StatementOptions, ast};
use crate::diag::{Diagnostic, Severity};
pub(super) use crate::plan::Kind;

/// An expression and what is known of its values.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    /// The expression.
    pub(super) expr: Expr,
    /// What its values are.
    pub(super) kind: Kind,
    /// Whether it may be a list; then the expression gives its members on lines.
    pub(super) multi: bool,
    /// Of a value that may be a list: its members as a JSON array, NULL where it is not a list.
    pub(super) list: Option<Expr>,
}

impl Typed {
    /// Makes a single value.
    pub(super) fn new(expr: Expr, kind: Kind) -> Self {
        Self { expr, kind, multi: false, list: None }
    }

    /// The list of the value; NULL of a single one.
    pub(super) fn list_or_null(&self) -> Expr {
        self.list.clone().unwrap_or_else(ast::null)
    }

    /// Gives a value that may be a list its members: they are made only where they are needed.
    pub(super) fn with_list(self, list: impl FnOnce() -> Expr) -> Self {
        if self.multi { Self { list: Some(list()), ..self } } else { self }
    }
}

/// Writes the expressions of one statement, and gathers what it could not say.
#[derive(Debug)]
pub(super) struct StatementWriter {
    /// The database.
    pub(super) dialect: &'static dyn Dialect,
    /// The same, where it has words for stages.
    pub(super) stages: Option<&'static dyn StageDialect>,
    /// Which events are asked.
    pub(super) options: StatementOptions,
    gaps: RefCell<Vec<Diagnostic>>,
    /// Where the rule says what is written now.
    place: RefCell<Option<Range<usize>>>,
    /// How many tests of members are around what is written now.
    depth: Cell<usize>,
}

/// Names of members in tests of lists within tests of lists.
const MEMBERS: [&str; 4] = ["m", "m2", "m3", "m4"];

impl Default for StatementWriter {
    fn default() -> Self {
        Self::with(StatementOptions::default())
    }
}

impl StatementWriter {
    /// Starts a statement.
    pub(super) fn with(options: StatementOptions) -> Self {
        let (dialect, stages): (&dyn Dialect, Option<&dyn StageDialect>) = match options.dialect {
            DialectName::Sqlite => (&Sqlite, Some(&Sqlite)),
            DialectName::Spark => (&Spark, None),
            DialectName::ClickHouse => (&ClickHouse, None),
            DialectName::DuckDb => (&DuckDb, None),
        };
        Self { dialect, stages, options, gaps: RefCell::default(), place: RefCell::default(), depth: Cell::default() }
    }

    /// Notes a feature that the database cannot say; the expression stands for nothing.
    pub(super) fn gap(&self, feature: &str) -> Expr {
        let message = format!("{} cannot express {feature}", self.dialect.name());
        let mut gaps = self.gaps.borrow_mut();
        // Each feature once: a rule with forty regular expressions has one thing to tell.
        if gaps.iter().all(|gap| gap.message != message) {
            let span = self.place.borrow().clone().filter(|place| !place.is_empty());
            gaps.push(Diagnostic { span, ..Diagnostic::new(Severity::Note, "not-portable", message) });
        }
        ast::null()
    }

    /// Writes something that the rule says at this place.
    pub(super) fn at<T>(&self, place: &Range<usize>, write: impl FnOnce() -> T) -> T {
        let before = self.place.replace(Some(place.clone()));
        let written = write();
        self.place.replace(before);
        written
    }

    /// Writes a test of members, with a name for one that no test around it has.
    pub(super) fn in_members<T>(&self, write: impl FnOnce(&'static str) -> T) -> T {
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        let written = write(MEMBERS[depth.min(MEMBERS.len() - 1)]);
        self.depth.set(depth);
        written
    }

    /// Whether everything could be said so far.
    pub(super) fn is_whole(&self) -> bool {
        self.gaps.borrow().is_empty()
    }

    /// An expression, or the note that there is none.
    pub(super) fn said(&self, expr: Result<Expr, &'static str>) -> Expr {
        expr.unwrap_or_else(|feature| self.gap(feature))
    }

    /// All of some truths; of nothing: true.
    pub(super) fn all(&self, terms: Vec<Expr>) -> Expr {
        if terms.is_empty() { self.dialect.truth(true) } else { ast::all(terms) }
    }

    /// Any of some truths; of nothing: false.
    pub(super) fn any(&self, terms: Vec<Expr>) -> Expr {
        if terms.is_empty() { self.dialect.truth(false) } else { ast::any(terms) }
    }

    /// Makes a truth that is never NULL.
    pub(super) fn two_valued(&self, truth: Expr) -> Expr {
        ast::call("coalesce", vec![truth, self.dialect.truth(false)])
    }

    /// What could not be said, in the order of the messages.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let mut gaps = self.gaps.into_inner();
        // By message, not in the order met: a change in how a statement is built must not change what is printed.
        gaps.sort_by(|a, b| a.message.cmp(&b.message));
        gaps
    }

    /// Makes the value of a typed expression for use as data: a truth becomes its text.
    pub(super) fn data(&self, typed: Typed) -> Typed {
        if typed.kind != Kind::Truth {
            return typed;
        }
        let expr = ast::case(vec![(typed.expr, self.dialect.text("True"))], Some(self.dialect.text("False")));
        Typed::new(expr, Kind::TruthText)
    }

    /// Makes the text of a value.
    pub(super) fn as_text(&self, typed: Typed) -> Expr {
        let typed = self.data(typed);
        match typed.kind {
            Kind::Text | Kind::TruthText | Kind::Truth => typed.expr,
            Kind::Integer | Kind::TextOrInteger => match self.stages {
                Some(stages) => stages.as_text(typed.expr),
                None => self.gap("the text of a number that is no field"),
            },
            // SQLite prints fifteen digits of a double, the executor as many as are needed: the texts would differ.
            Kind::Number | Kind::Decimal | Kind::Any | Kind::Spread => self.gap("the text of a number with a fraction"),
        }
    }

    /// Makes the number of a value, NULL where it is none.
    pub(super) fn as_number(&self, typed: Typed) -> Expr {
        let dialect = self.dialect;
        let typed = self.data(typed);
        match typed.kind {
            Kind::Integer | Kind::Number | Kind::Decimal => typed.expr,
            Kind::Text => ast::case(vec![(dialect.is_number(&typed.expr), dialect.as_real(typed.expr))], None),
            Kind::Truth | Kind::TruthText => ast::null(),
            Kind::TextOrInteger | Kind::Any | Kind::Spread => {
                let Some(stages) = self.stages else { return self.gap("a value that is a number in some rows") };
                let is_stored = stages.is_stored_number(typed.expr.clone());
                ast::case(vec![(is_stored, typed.expr.clone()), (dialect.is_number(&typed.expr), dialect.as_real(typed.expr))], None)
            }
        }
    }
}

/// Turns minus zero into zero: the text `-0` may be read as a number, but no result shows it.
pub(super) fn without_minus_zero(number: Expr) -> Expr {
    ast::op(number, BinaryOperator::Plus, ast::real(0.0))
}
