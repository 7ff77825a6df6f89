//! Expressions of eval and where.

use retrohunt::ir::{BinaryOp, NumberOp, Scalar};

use super::digits::{self, Measured};
use super::pred::{Subject, holds};
use super::{function, text};

/// A value of an expression, or of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A text.
    Text(String),
    /// A number with every digit of its double.
    Number(f64),
    /// A number that is known to so many places.
    Decimal(f64, i32),
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
            Self::Decimal(number, places) => Some(format!("{number:.*}", usize::try_from(*places).unwrap_or(0))),
            Self::Bool(truth) => Some(if *truth { "True" } else { "False" }.to_owned()),
            Self::List(members) => Some(members.join("\n")),
        }
    }

    /// The value as a finding has it: a truth is its text, and so is a number that has more places than it needs.
    pub(crate) fn into_data(self) -> Self {
        match self {
            Self::Bool(_) => Self::Text(self.text().expect("a truth has a text")),
            Self::Decimal(number, _) if self.text() == Some(text::number_text(number)) => Self::Number(number),
            Self::Decimal(..) => Self::Text(self.text().expect("a number has a text")),
            other => other,
        }
    }

    /// The one text of a value; most functions take no list.
    pub(super) fn single(&self) -> Option<String> {
        if let Self::List(_) = self { None } else { self.text() }
    }

    /// The value as a number, where it is one or is the text of one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) | Self::Decimal(number, _) => Some(*number),
            Self::Text(text) => text::number(text),
            _ => None,
        }
    }

    /// The value as a number with the places it is written with.
    pub(super) fn measured(&self) -> Option<Measured> {
        match self {
            Self::Text(text) => Measured::read(text),
            Self::Decimal(number, places) => Some(Measured { number: *number, places: Some(*places) }),
            other => other.number().map(|number| Measured { number, places: None }),
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
        Scalar::Negate(_) => digits::calculate(expression, subject).end(),
        Scalar::Not(e) => Value::Bool(!truth(e)),
        Scalar::And(all) => Value::Bool(all.iter().all(truth)),
        Scalar::Or(any) => Value::Bool(any.iter().any(truth)),
    }
}

fn binary<F>(op: BinaryOp, left: &Scalar<F>, right: &Scalar<F>, subject: &dyn Subject<F>) -> Value {
    let values = || (evaluate(left, subject), evaluate(right, subject));
    let compared = |op| {
        let (a, b) = values();
        Value::Bool(compare(op, &a, &b))
    };
    match op {
        BinaryOp::Eq => compared(NumberOp::Eq),
        BinaryOp::Ne => compared(NumberOp::Ne),
        BinaryOp::Lt => compared(NumberOp::Lt),
        BinaryOp::Le => compared(NumberOp::Le),
        BinaryOp::Gt => compared(NumberOp::Gt),
        BinaryOp::Ge => compared(NumberOp::Ge),
        BinaryOp::Concat => joined(&values().0, &values().1),
        BinaryOp::Xor => Value::Bool((values().0 == Value::Bool(true)) != (values().1 == Value::Bool(true))),
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => {
            digits::calculation(op, left, right, subject).end()
        }
    }
}

/// Two texts one behind the other; with null or a list there is nothing to join.
pub(super) fn joined(a: &Value, b: &Value) -> Value {
    match (a.single(), b.single()) {
        (Some(a), Some(b)) => Value::Text(a + &b),
        _ => Value::Null,
    }
}

/// Any null side is false; two numeric sides compare as numbers, else as text with case. Of lists some pair of members has
/// to pass.
pub(super) fn compare(op: NumberOp, a: &Value, b: &Value) -> bool {
    if matches!(a, Value::List(_)) || matches!(b, Value::List(_)) {
        let members = |value: &Value| value.members().unwrap_or_default();
        return members(a).into_iter().any(|a| members(b).into_iter().any(|b| compare(op, &Value::Text(a.clone()), &Value::Text(b))));
    }
    if let (Some(a), Some(b)) = (a.number(), b.number()) {
        return holds(op, a.partial_cmp(&b));
    }
    match (a.text(), b.text()) {
        (Some(a), Some(b)) => holds(op, Some(a.as_bytes().cmp(b.as_bytes()))),
        _ => false,
    }
}
