//! Conditions as SQL.
//!
//! What these functions make is 1, 0 or NULL, and NULL stands for false: under NOT it is `NOT coalesce(…, 0)`, so
//! that a test on a missing field is false and NOT of it true.

use sqlparser::ast::{BinaryOperator, Expr};

use super::ast;
use super::field::ViewFields;
use super::regex::patterns;
use super::scalar;
use super::writer::{Kind, StatementWriter, Typed, two_valued};
use crate::catalog::ColumnIndex;
use crate::ir::{Case, FieldCompare, Match, NumberOp, Pred, Test};
use crate::plan::FieldExpr;

/// How the fields of a condition are read: those of an event, or the columns of a row.
pub(super) trait SqlFields<F> {
    /// Shared state.
    fn writer(&self) -> &StatementWriter;
    /// A field's value.
    fn value(&self, field: &F) -> Typed;
    /// "Some member of the field passes".
    fn test(&self, field: &F, passes: &dyn Fn(Typed) -> Expr) -> Expr;
    /// Every value of the event or row, for a keyword.
    fn all(&self) -> Vec<F>;
}

impl SqlFields<FieldExpr> for ViewFields<'_> {
    fn writer(&self) -> &StatementWriter {
        self.writer
    }

    fn value(&self, field: &FieldExpr) -> Typed {
        ViewFields::value(self, field)
    }

    fn test(&self, field: &FieldExpr, passes: &dyn Fn(Typed) -> Expr) -> Expr {
        match field {
            FieldExpr::Time => passes(self.value(field)),
            _ => ViewFields::test(self, field, &|x| passes(Typed::new(x, Kind::Text))),
        }
    }

    fn all(&self) -> Vec<FieldExpr> {
        let count = u32::try_from(self.event_type.columns.len()).unwrap_or(u32::MAX);
        let mut all: Vec<FieldExpr> = (0..count).map(|i| FieldExpr::Column(ColumnIndex(i))).collect();
        if self.event_type.has_messages {
            all.push(FieldExpr::Message);
        }
        all
    }
}

/// Makes a condition.
pub(super) fn pred<F: PartialEq>(fields: &dyn SqlFields<F>, condition: &Pred<F>) -> Expr {
    match condition {
        Pred::True => ast::truth(true),
        Pred::False => ast::truth(false),
        Pred::And(terms) => ast::all(terms.iter().map(|p| pred(fields, p)).collect()),
        Pred::Or(terms) => ast::any(terms.iter().map(|p| pred(fields, p)).collect()),
        Pred::Not(inner) => ast::not(two_valued(pred(fields, inner))),
        Pred::Match(test) => matches(fields, test),
        Pred::Compare(compare) => compared(fields, compare),
        Pred::Keyword { glob, case } => {
            let test = Test::Glob { glob: glob.clone(), case: *case };
            ast::any(fields.all().iter().map(|field| field_test(fields, field, &test, false)).collect())
        }
        Pred::Scalar(expression) => scalar::truth(fields, expression),
        Pred::Subsearch(_) => fields.writer().gap("a search in brackets"),
    }
}

fn matches<F>(fields: &dyn SqlFields<F>, m: &Match<F>) -> Expr {
    field_test(fields, &m.field, &m.test, m.negated)
}

fn field_test<F>(fields: &dyn SqlFields<F>, field: &F, test: &Test, negated: bool) -> Expr {
    let writer = fields.writer();
    fields.test(field, &|value| {
        let present = ast::is_not_null(value.expr.clone());
        let passes = value_test(writer, value, test);
        // `!=` needs the field (rule S6): NOT of NULL would be true.
        if negated { ast::all(vec![present, ast::not(two_valued(passes))]) } else { passes }
    })
}

fn value_test(writer: &StatementWriter, value: Typed, test: &Test) -> Expr {
    match test {
        Test::Exists => ast::is_not_null(value.expr),
        Test::Glob { glob, case } => writer.dialect.matches(writer.as_text(value), glob, *case),
        Test::Regex(expression) => regex(writer, value, expression),
        Test::Cidr(_) => writer.gap("a network (CIDR) comparison"),
        Test::Number { op, value: right } => ast::op(writer.as_number(value), operator(*op), ast::real(*right)),
        Test::TextOrder { op, value: right } => ast::op(writer.as_text(value), operator(*op), writer.dialect.text(right)),
        Test::DatePart { .. } => writer.gap("a comparison of a part of a date"),
    }
}

/// Makes the test of a value by a regular expression that is one of patterns.
pub(super) fn regex(writer: &StatementWriter, value: Typed, expression: &str) -> Expr {
    let Some(patterns) = patterns(expression) else { return writer.gap("a regular expression that is not one of plain patterns") };
    let text = writer.as_text(value);
    ast::any(patterns.iter().map(|pattern| writer.dialect.matches_classes(text.clone(), pattern)).collect())
}

fn compared<F>(fields: &dyn SqlFields<F>, c: &FieldCompare<F>) -> Expr {
    let writer = fields.writer();
    let (left, right) = (fields.value(&c.left), fields.value(&c.right));
    if c.case == Case::Ignore {
        return writer.gap("a comparison of two fields without case");
    }
    if left.multi || right.multi {
        return writer.gap("a comparison of multivalue fields");
    }
    let (left, right) = (writer.as_text(left), writer.as_text(right));
    let dialect = writer.dialect;
    let length = dialect.length(right.clone());
    let zero = ast::integer(0);
    match (c.any_before, c.any_after) {
        (false, false) => ast::eq(left, right),
        (true, true) => ast::op(dialect.position(left, right), BinaryOperator::Gt, zero),
        (false, true) => ast::eq(dialect.substring(left, ast::integer(1), Some(length)), right),
        (true, false) => {
            let from = ast::op(
                ast::op(dialect.length(left.clone()), BinaryOperator::Minus, length.clone()),
                BinaryOperator::Plus,
                ast::integer(1),
            );
            // Without it a needle longer than the text would compare from before its beginning.
            let fits = ast::op(dialect.length(left.clone()), BinaryOperator::GtEq, length);
            ast::all(vec![fits, ast::eq(dialect.substring(left, from, None), right)])
        }
    }
}

/// The operator in SQL.
pub(super) fn operator(op: NumberOp) -> BinaryOperator {
    match op {
        NumberOp::Lt => BinaryOperator::Lt,
        NumberOp::Le => BinaryOperator::LtEq,
        NumberOp::Gt => BinaryOperator::Gt,
        NumberOp::Ge => BinaryOperator::GtEq,
        NumberOp::Eq => BinaryOperator::Eq,
        NumberOp::Ne => BinaryOperator::NotEq,
    }
}
