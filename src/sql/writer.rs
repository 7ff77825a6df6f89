//! What every part of the SQL writer shares: the dialect, the bound parameters, the features that could not be said.

use std::cell::RefCell;

use sqlparser::ast::{BinaryOperator, Expr};

use super::{Dialect, ast};
use crate::diag::{Diagnostic, Severity};
use crate::store::SqlValue;

/// What an expression's values are, as far as it is known before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, which may be the text of a number.
    Text,
    /// An integer.
    Integer,
    /// A number.
    Number,
    /// SQLite's truth: 1, 0, or NULL for false.
    Truth,
    /// The text `True` or `False`: a truth in a column.
    TruthText,
    /// Text in some rows, an integer in others.
    TextOrInteger,
    /// Anything.
    Any,
}

impl Kind {
    /// What a value is that is one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Integer, Self::Number) | (Self::Number, Self::Integer) => Self::Number,
            (Self::Text | Self::Integer | Self::TextOrInteger, Self::Text | Self::Integer | Self::TextOrInteger) => Self::TextOrInteger,
            _ => Self::Any,
        }
    }

    /// Whether values are numbers in SQLite's sense.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }
}

/// An expression and what is known of its values.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    /// The expression.
    pub(super) expr: Expr,
    /// What its values are.
    pub(super) kind: Kind,
    /// Whether it may be a list.
    pub(super) multi: bool,
}

impl Typed {
    /// Makes a single value.
    pub(super) fn new(expr: Expr, kind: Kind) -> Self {
        Self { expr, kind, multi: false }
    }
}

/// The dialect, and what a statement gathers while it is written.
#[derive(Debug)]
pub(super) struct Writer {
    /// Which dialect.
    pub(super) dialect: Dialect,
    parameters: RefCell<Vec<SqlValue>>,
    gaps: RefCell<Vec<Diagnostic>>,
}

impl Writer {
    /// Makes a writer of a dialect.
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, parameters: RefCell::default(), gaps: RefCell::default() }
    }

    /// Whether only SQLite's own functions may be used.
    pub(super) fn is_portable(&self) -> bool {
        self.dialect == Dialect::Portable
    }

    /// Makes a text value: bound in a hunt, a literal in portable SQL.
    pub(super) fn text(&self, text: &str) -> Expr {
        if self.is_portable() { ast::text(text) } else { self.bind(SqlValue::Text(text.to_owned())) }
    }

    /// Binds a value.
    pub(super) fn bind(&self, value: SqlValue) -> Expr {
        let mut parameters = self.parameters.borrow_mut();
        let known = parameters.iter().position(|p| *p == value);
        ast::parameter(
            1 + known.unwrap_or_else(|| {
                parameters.push(value);
                parameters.len() - 1
            }),
        )
    }

    /// Notes a feature that this dialect cannot say; the expression stands for nothing.
    pub(super) fn gap(&self, feature: &str) -> Expr {
        let diagnostic = if self.is_portable() {
            Diagnostic::new(Severity::Note, "not-portable", format!("{feature} has no form in portable SQL"))
        } else {
            Diagnostic::error("sql-unsupported", format!("{feature} is not supported in a hunt"))
        };
        let mut gaps = self.gaps.borrow_mut();
        if !gaps.contains(&diagnostic) {
            gaps.push(diagnostic);
        }
        ast::null()
    }

    /// The parameters and what could not be said.
    pub(super) fn finish(self) -> (Vec<SqlValue>, Vec<Diagnostic>) {
        (self.parameters.into_inner(), self.gaps.into_inner())
    }

    /// Makes the value of a typed expression for use as data: a truth becomes its text.
    pub(super) fn data(&self, typed: Typed) -> Typed {
        if typed.kind != Kind::Truth {
            return typed;
        }
        let expr = ast::case(vec![(typed.expr, self.text("True"))], Some(self.text("False")));
        Typed::new(expr, Kind::TruthText)
    }

    /// Makes the text of a value, in portable SQL.
    pub(super) fn as_text(&self, typed: Typed) -> Expr {
        let typed = self.data(typed);
        match typed.kind {
            Kind::Text | Kind::TruthText | Kind::Truth => typed.expr,
            Kind::Integer | Kind::TextOrInteger => ast::as_text(typed.expr),
            Kind::Number | Kind::Any => self.gap("the text of a number with a fraction"),
        }
    }

    /// Makes the number of a value, NULL where it is none, in portable SQL.
    pub(super) fn as_number(&self, typed: Typed) -> Expr {
        let typed = self.data(typed);
        match typed.kind {
            Kind::Integer | Kind::Number => typed.expr,
            Kind::Text => ast::case(vec![(is_number(&typed.expr), ast::as_real(typed.expr))], None),
            Kind::Truth | Kind::TruthText => ast::null(),
            Kind::TextOrInteger | Kind::Any => {
                let is_stored = ast::in_list(ast::call("typeof", vec![typed.expr.clone()]), vec![ast::text("integer"), ast::text("real")]);
                ast::case(vec![(is_stored, typed.expr.clone()), (is_number(&typed.expr), ast::as_real(typed.expr))], None)
            }
        }
    }
}

/// Makes minus zero zero: the text of one can be the other's value, but no result shows it.
pub(super) fn without_minus_zero(number: Expr) -> Expr {
    ast::op(number, BinaryOperator::Plus, ast::real(0.0))
}

/// Makes a test whether a text is a number as [`crate::ir::parse_number`] reads it. The text is named once: it may be long.
pub(super) fn is_number(text: &Expr) -> Expr {
    let glob = |x: Expr, pattern: &str| ast::call("glob", vec![ast::text(pattern), x]);
    let unsigned = |x: Expr| ast::case(vec![(glob(x.clone(), "[+-]*"), ast::call("substr", vec![x.clone(), ast::integer(2)]))], Some(x));
    let t = || ast::column("t", "t");
    let e = || ast::call("instr", vec![ast::call("lower", vec![t()]), ast::text("e")]);
    let has_e = || ast::op(e(), BinaryOperator::Gt, ast::integer(0));
    let before = ast::op(e(), BinaryOperator::Minus, ast::integer(1));
    let mantissa = || unsigned(ast::case(vec![(has_e(), ast::call("substr", vec![t(), ast::integer(1), before.clone()]))], Some(t())));
    let exponent = || {
        let from = ast::op(e(), BinaryOperator::Plus, ast::integer(1));
        unsigned(ast::case(vec![(has_e(), ast::call("substr", vec![t(), from]))], Some(ast::text("0"))))
    };
    let largest = ast::op(ast::call("abs", vec![ast::as_real(t())]), BinaryOperator::LtEq, ast::real(f64::MAX));
    let test = ast::all(vec![
        glob(mantissa(), "*[0-9]*"),
        ast::not(glob(mantissa(), "*[^0-9.]*")),
        ast::not(glob(mantissa(), "*.*.*")),
        glob(exponent(), "[0-9]*"),
        ast::not(glob(exponent(), "*[^0-9]*")),
        largest,
    ]);
    let inner = ast::query(ast::select(ast::SelectParts { items: vec![ast::item(text.clone(), "t")], ..Default::default() }));
    ast::scalar_query(ast::query(ast::select(ast::SelectParts {
        items: vec![sqlparser::ast::SelectItem::UnnamedExpr(test)],
        from: vec![ast::derived(inner, "t")],
        ..Default::default()
    })))
}

/// Makes a truth that is never NULL.
pub(super) fn two_valued(truth: Expr) -> Expr {
    ast::call("coalesce", vec![truth, ast::truth(false)])
}
