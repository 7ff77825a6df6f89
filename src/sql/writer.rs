//! What every part of the SQL writer shares: typed expressions, and the features that could not be said.

use std::cell::RefCell;

use sqlparser::ast::{BinaryOperator, Expr};

use super::{Between, ast};
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
#[derive(Debug, Default)]
pub(super) struct StatementWriter {
    /// The times of the events that are asked.
    pub(super) between: Between,
    gaps: RefCell<Vec<Diagnostic>>,
}

impl StatementWriter {
    /// Starts a statement over the events of some time.
    pub(super) fn over(between: Between) -> Self {
        Self { between, ..Self::default() }
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
        let expr = ast::case(vec![(typed.expr, ast::text("True"))], Some(ast::text("False")));
        Typed::new(expr, Kind::TruthText)
    }

    /// Makes the text of a value.
    pub(super) fn as_text(&self, typed: Typed) -> Expr {
        let typed = self.data(typed);
        match typed.kind {
            Kind::Text | Kind::TruthText | Kind::Truth => typed.expr,
            Kind::Integer | Kind::TextOrInteger => ast::as_text(typed.expr),
            // SQLite prints fifteen digits of a double, the executor as many as are needed: the texts would differ.
            Kind::Number | Kind::Decimal | Kind::Any | Kind::Spread => self.gap("the text of a number with a fraction"),
        }
    }

    /// Makes the number of a value, NULL where it is none.
    pub(super) fn as_number(&self, typed: Typed) -> Expr {
        let typed = self.data(typed);
        match typed.kind {
            Kind::Integer | Kind::Number | Kind::Decimal => typed.expr,
            Kind::Text => ast::case(vec![(is_number(&typed.expr), ast::as_real(typed.expr))], None),
            Kind::Truth | Kind::TruthText => ast::null(),
            Kind::TextOrInteger | Kind::Any | Kind::Spread => {
                let is_stored = ast::in_list(ast::call("typeof", vec![typed.expr.clone()]), vec![ast::text("integer"), ast::text("real")]);
                ast::case(vec![(is_stored, typed.expr.clone()), (is_number(&typed.expr), ast::as_real(typed.expr))], None)
            }
        }
    }
}

/// Turns minus zero into zero: the text `-0` may be read as a number, but no result shows it.
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
