//! Expressions of eval and where.

use retrohunt::ir::{BinaryOp, NumberOp, Scalar};

use super::pred::{Subject, holds};
use super::{function, text};

/// A value of an expression, or of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A truth.
    Bool(bool),
    /// Two or more texts.
    List(Vec<String>),
}

impl Value {
    /// Makes a value of a field's texts.
    pub(crate) fn of_members(members: &[String]) -> Self {
        match members {
            [] => Self::Null,
            [one] => Self::Text(one.clone()),
            many => Self::List(many.to_vec()),
        }
    }

    /// The texts of a value; `None` for null.
    pub(crate) fn members(&self) -> Option<Vec<String>> {
        match self {
            Self::Null => None,
            Self::List(members) => Some(members.clone()),
            other => other.text().map(|t| vec![t]),
        }
    }

    /// The value as one text, as it is shown: members on lines.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(text::number_text(*number)),
            Self::Bool(truth) => Some(if *truth { "True" } else { "False" }.to_owned()),
            Self::List(members) => Some(members.join("\n")),
        }
    }

    /// The value as a column has it: a truth is its text there.
    pub(crate) fn into_data(self) -> Self {
        if let Self::Bool(_) = self { Self::Text(self.text().expect("a truth has a text")) } else { self }
    }

    /// The value as a number, where it is one or is the text of one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text::number(text),
            _ => None,
        }
    }
}

/// Evaluates an expression.
pub(crate) fn evaluate<F>(expression: &Scalar<F>, subject: &dyn Subject<F>) -> Value {
    let truth = |e: &Scalar<F>| evaluate(e, subject) == Value::Bool(true);
    match expression {
        Scalar::Null => Value::Null,
        Scalar::Text(text) => Value::Text(text.clone()),
        Scalar::Number(number) => Value::Number(*number),
        Scalar::Bool(truth) => Value::Bool(*truth),
        Scalar::Field(field) => subject.value(field),
        Scalar::Call(function, arguments) => function::call(*function, arguments, subject),
        Scalar::Binary(op, left, right) => binary(*op, left, right, subject),
        Scalar::Negate(e) => evaluate(e, subject).number().map_or(Value::Null, |n| Value::Number(-n)),
        Scalar::Not(e) => Value::Bool(!truth(e)),
        Scalar::And(all) => Value::Bool(all.iter().all(truth)),
        Scalar::Or(any) => Value::Bool(any.iter().any(truth)),
    }
}

fn binary<F>(op: BinaryOp, left: &Scalar<F>, right: &Scalar<F>, subject: &dyn Subject<F>) -> Value {
    let literal = |e: &Scalar<F>| matches!(e, Scalar::Text(_));
    let (a, b) = (evaluate(left, subject), evaluate(right, subject));
    match op {
        BinaryOp::Eq => Value::Bool(compare(NumberOp::Eq, &a, &b)),
        BinaryOp::Ne => Value::Bool(compare(NumberOp::Ne, &a, &b)),
        BinaryOp::Lt => Value::Bool(compare(NumberOp::Lt, &a, &b)),
        BinaryOp::Le => Value::Bool(compare(NumberOp::Le, &a, &b)),
        BinaryOp::Gt => Value::Bool(compare(NumberOp::Gt, &a, &b)),
        BinaryOp::Ge => Value::Bool(compare(NumberOp::Ge, &a, &b)),
        BinaryOp::Concat => match (a.text(), b.text()) {
            (Some(a), Some(b)) => Value::Text(a + &b),
            _ => Value::Null,
        },
        BinaryOp::Add => add(&a, &b, literal(left) || literal(right)),
        BinaryOp::Subtract => arithmetic(&a, &b, |a, b| Some(a - b)),
        BinaryOp::Multiply => arithmetic(&a, &b, |a, b| Some(a * b)),
        BinaryOp::Divide => arithmetic(&a, &b, |a, b| (b != 0.0).then(|| a / b)),
        BinaryOp::Modulo => arithmetic(&a, &b, |a, b| (b != 0.0).then(|| a % b)),
    }
}

/// Any null side is false; two numeric sides compare as numbers, else as text with case.
pub(super) fn compare(op: NumberOp, a: &Value, b: &Value) -> bool {
    if let (Some(a), Some(b)) = (a.number(), b.number()) {
        return holds(op, a.partial_cmp(&b));
    }
    match (a.text(), b.text()) {
        (Some(a), Some(b)) => holds(op, Some(a.as_bytes().cmp(b.as_bytes()))),
        _ => false,
    }
}

/// Adds numbers; concatenates when a side is a text literal or both are text that is no number.
fn add(a: &Value, b: &Value, literal: bool) -> Value {
    let (Some(a_text), Some(b_text)) = (a.text(), b.text()) else { return Value::Null };
    if literal {
        return Value::Text(a_text + &b_text);
    }
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => Value::Number(a + b),
        _ if matches!((a, b), (Value::Text(_), Value::Text(_))) => Value::Text(a_text + &b_text),
        _ => Value::Null,
    }
}

fn arithmetic(a: &Value, b: &Value, f: impl Fn(f64, f64) -> Option<f64>) -> Value {
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => f(a, b).filter(|n| n.is_finite()).map_or(Value::Null, Value::Number),
        _ => Value::Null,
    }
}
