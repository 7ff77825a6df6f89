//! Conditions as SQL.
//!
//! What these functions make is true, false or NULL, and NULL stands for false: under NOT it is `NOT coalesce(…, 0)`, so
//! that a test on a missing field is false and NOT of it true.

use sqlparser::ast::{BinaryOperator, Expr};

use super::ast;
use super::dialect::TextRelation;
use super::field::ViewFields;
use super::scalar;
use super::writer::{Kind, StatementWriter, Typed};
use crate::catalog::ColumnIndex;
use crate::ir::{Case, FieldCompare, Match, NumberOp, Part, Pred, Test};
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
        Pred::True => fields.writer().dialect.truth(true),
        Pred::False => fields.writer().dialect.truth(false),
        Pred::And(terms) => fields.writer().all(terms.iter().map(|p| pred(fields, p)).collect()),
        Pred::Or(terms) => alternatives(fields, terms),
        Pred::Not(inner) => ast::not(fields.writer().two_valued(pred(fields, inner))),
        Pred::Match(test) => matches(fields, test),
        Pred::Compare(compare) => compared(fields, compare),
        Pred::Keyword { glob, case } => {
            let test = Test::Glob { glob: glob.clone(), case: *case };
            fields.writer().any(fields.all().iter().map(|field| field_test(fields, field, &test, false)).collect())
        }
        Pred::Scalar(expression) if fields.writer().stages.is_none() && !scalar::is_plain(fields, expression) => {
            fields.writer().gap("an expression of more than fields and literals that are compared")
        }
        Pred::Scalar(expression) => scalar::truth(fields, expression),
        Pred::Subsearch(_) => fields.writer().gap("a search in brackets"),
    }
}

/// Makes an OR. Texts that are looked for in one field are one test where the database has such.
fn alternatives<F: PartialEq>(fields: &dyn SqlFields<F>, terms: &[Pred<F>]) -> Expr {
    let writer = fields.writer();
    let mut groups: Vec<(&F, Case, Vec<&str>)> = Vec::new();
    for (field, case, part) in terms.iter().filter_map(contained) {
        match groups.iter_mut().find(|(of, as_case, _)| *of == field && *as_case == case) {
            Some((.., parts)) => parts.push(part),
            None => groups.push((field, case, vec![part])),
        }
    }
    let mut made = Vec::new();
    groups.retain(|(field, case, parts)| {
        let is_one = parts.len() > 1 && writer.dialect.contains_any(ast::null(), parts, *case).is_some();
        if is_one {
            let any = |value: Typed| writer.dialect.contains_any(writer.as_text(value), parts, *case).unwrap_or_else(ast::null);
            made.push(fields.test(field, &any));
        }
        is_one
    });
    let in_group = |term: &Pred<F>| {
        contained(term).is_some_and(|(field, case, _)| groups.iter().any(|(of, as_case, _)| *of == field && *as_case == case))
    };
    let others = terms.iter().filter(|term| !in_group(term)).map(|term| pred(fields, term));
    writer.any(made.into_iter().chain(others).collect())
}

/// The field of a test, and the text that it looks for anywhere.
fn contained<F>(term: &Pred<F>) -> Option<(&F, Case, &str)> {
    let Pred::Match(Match { field, test: Test::Glob { glob, case }, negated: false, .. }) = term else { return None };
    let [Part::Any, Part::Text(text), Part::Any] = glob.parts() else { return None };
    Some((field, *case, text))
}

fn matches<F>(fields: &dyn SqlFields<F>, m: &Match<F>) -> Expr {
    fields.writer().at(&m.span, || field_test(fields, &m.field, &m.test, m.negated))
}

fn field_test<F>(fields: &dyn SqlFields<F>, field: &F, test: &Test, negated: bool) -> Expr {
    let writer = fields.writer();
    fields.test(field, &|value| {
        let present = ast::is_not_null(value.expr.clone());
        let passes = value_test(writer, value, test);
        // `!=` needs the field (rule S6): NOT of NULL would be true.
        if negated { ast::all(vec![present, ast::not(writer.two_valued(passes))]) } else { passes }
    })
}

fn value_test(writer: &StatementWriter, value: Typed, test: &Test) -> Expr {
    match test {
        Test::Exists => ast::is_not_null(value.expr),
        Test::Glob { glob, case } => writer.dialect.matches(writer.as_text(value), glob, *case),
        Test::Regex(expression) => regex(writer, value, expression),
        Test::Cidr(network) => of_text(writer, value, &|text| writer.dialect.in_network(text, network)),
        Test::Number { op, value: right } => ast::op(writer.as_number(value), operator(*op), writer.dialect.real(*right)),
        Test::TextOrder { op, value: right } => ast::op(writer.as_text(value), operator(*op), writer.dialect.text(right)),
        Test::DatePart { .. } => writer.gap("a comparison of a part of a date"),
    }
}

/// Makes the test of a value by a regular expression.
pub(super) fn regex(writer: &StatementWriter, value: Typed, expression: &str) -> Expr {
    of_text(writer, value, &|text| writer.dialect.regex(text, expression))
}

/// Makes a test of a value's text.
fn of_text(writer: &StatementWriter, value: Typed, test: &dyn Fn(Expr) -> Result<Expr, &'static str>) -> Expr {
    // Asked first: a test without a form is told alone, and not also that such a value has no text.
    if let (true, Err(feature)) = (value.kind != Kind::Text, test(ast::null())) {
        return writer.gap(feature);
    }
    writer.said(test(writer.as_text(value)))
}

fn compared<F>(fields: &dyn SqlFields<F>, c: &FieldCompare<F>) -> Expr {
    let writer = fields.writer();
    let relation = TextRelation { any_before: c.any_before, any_after: c.any_after, case: c.case };
    writer.at(&c.span, || {
        if writer.dialect.relates_lists() {
            // Of lists any member of the left with any of the right.
            let relates =
                |left: Typed, right: Typed| writer.said(writer.dialect.relates(writer.as_text(left), writer.as_text(right), relation));
            return fields.test(&c.left, &|left| fields.test(&c.right, &|right| relates(left.clone(), right)));
        }
        if let Err(feature) = writer.dialect.relates(ast::null(), ast::null(), relation) {
            return writer.gap(feature);
        }
        let (left, right) = (fields.value(&c.left), fields.value(&c.right));
        if left.multi || right.multi {
            return writer.gap("a comparison of multivalue fields");
        }
        writer.said(writer.dialect.relates(writer.as_text(left), writer.as_text(right), relation))
    })
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
