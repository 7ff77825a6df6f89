//! What every part of the SQL writer shares: typed expressions, and the features that could not be said.

use std::cell::RefCell;

use sqlparser::ast::{BinaryOperator, Expr};

use super::dialect::Dialect;
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
    /// Which events are asked.
    pub(super) options: StatementOptions,
    gaps: RefCell<Vec<Diagnostic>>,
}

impl Default for StatementWriter {
    fn default() -> Self {
        Self::with(StatementOptions::default())
    }
}

impl StatementWriter {
    /// Starts a statement.
    pub(super) fn with(options: StatementOptions) -> Self {
        let dialect: &dyn Dialect = match options.dialect {
            DialectName::Sqlite => &Sqlite,
        };
        Self { dialect, options, gaps: RefCell::default() }
    }

    /// Notes a feature that SQLite alone cannot say; the expression stands for nothing.
    pub(super) fn gap(&self, feature: &str) -> Expr {
        let diagnostic = Diagnostic::new(Severity::Note, "not-portable", format!("portable SQL cannot express {feature}"));
        let mut gaps = self.gaps.borrow_mut();
        // Each feature once: a rule with forty regular expressions has one thing to tell.
        if !gaps.contains(&diagnostic) {
            gaps.push(diagnostic);
        }
        ast::null()
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
            Kind::Integer | Kind::TextOrInteger => self.dialect.as_text(typed.expr),
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
                let is_stored = dialect.is_stored_number(typed.expr.clone());
                ast::case(vec![(is_stored, typed.expr.clone()), (dialect.is_number(&typed.expr), dialect.as_real(typed.expr))], None)
            }
        }
    }
}

/// Turns minus zero into zero: the text `-0` may be read as a number, but no result shows it.
pub(super) fn without_minus_zero(number: Expr) -> Expr {
    ast::op(number, BinaryOperator::Plus, ast::real(0.0))
}

/// Makes a truth that is never NULL.
pub(super) fn two_valued(truth: Expr) -> Expr {
    ast::call("coalesce", vec![truth, ast::truth(false)])
}
