//! Expressions of eval and where.

use retrohunt::ir::{BinaryOp, Function, Scalar};

use super::pred::{Subject, holds};
use super::text;

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
        Scalar::Call(function, arguments) => call(*function, arguments, subject),
        Scalar::Binary(op, left, right) => binary(*op, left, right, subject),
        Scalar::Negate(e) => evaluate(e, subject).number().map_or(Value::Null, |n| Value::Number(-n)),
        Scalar::Not(e) => Value::Bool(!truth(e)),
        Scalar::And(all) => Value::Bool(all.iter().all(truth)),
        Scalar::Or(any) => Value::Bool(any.iter().any(truth)),
    }
}

fn binary<F>(op: BinaryOp, left: &Scalar<F>, right: &Scalar<F>, subject: &dyn Subject<F>) -> Value {
    use retrohunt::ir::NumberOp;
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
fn compare(op: retrohunt::ir::NumberOp, a: &Value, b: &Value) -> bool {
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
        (Some(a), Some(b)) => f(a, b).map_or(Value::Null, Value::Number),
        _ => Value::Null,
    }
}

fn call<F>(function: Function, arguments: &[Scalar<F>], subject: &dyn Subject<F>) -> Value {
    let value = |i: usize| arguments.get(i).map_or(Value::Null, |e| evaluate(e, subject));
    let on_text = |f: &dyn Fn(String) -> Value| value(0).text().map_or(Value::Null, f);
    let on_number = |f: fn(f64) -> f64| value(0).number().map_or(Value::Null, |n| Value::Number(f(n)));
    match function {
        Function::If => value(if value(0) == Value::Bool(true) { 1 } else { 2 }),
        Function::Case => case(arguments, subject),
        Function::Coalesce => (0..arguments.len()).map(value).find(|v| *v != Value::Null).unwrap_or(Value::Null),
        Function::IsNull => Value::Bool(value(0) == Value::Null),
        Function::IsNotNull => Value::Bool(value(0) != Value::Null),
        Function::Null => Value::Null,
        Function::True => Value::Bool(true),
        Function::False => Value::Bool(false),
        Function::Like => match (value(0).text(), value(1).text()) {
            (Some(text), Some(pattern)) => Value::Bool(like(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>())),
            _ => Value::Bool(false),
        },
        Function::Match => match (value(0).text(), value(1).text()) {
            (Some(text), Some(regex)) => Value::Bool(regex::Regex::new(&regex).is_ok_and(|r| r.is_match(&text))),
            _ => Value::Bool(false),
        },
        Function::Lower => on_text(&|t| Value::Text(text::characters(&t, retrohunt::ir::Case::Ignore).into_iter().collect())),
        #[allow(clippy::cast_precision_loss, reason = "test texts are short")]
        Function::Len => on_text(&|t| Value::Number(t.chars().count() as f64)),
        Function::Trim => on_text(&|t| Value::Text(t.trim_matches([' ', '\t']).to_owned())),
        Function::BaseName => on_text(&|t| Value::Text(t.rsplit(['\\', '/']).next().unwrap_or_default().to_owned())),
        Function::ToNumber => value(0).number().map_or(Value::Null, Value::Number),
        Function::Abs => on_number(f64::abs),
        Function::Floor => on_number(f64::floor),
        Function::Ceiling => on_number(f64::ceil),
        #[allow(clippy::cast_precision_loss, reason = "test lists are short")]
        Function::MvCount => value(0).members().map_or(Value::Null, |m| Value::Number(m.len() as f64)),
        Function::MvJoin => match (value(0).members(), value(1).text()) {
            (Some(members), Some(between)) => Value::Text(members.join(&between)),
            _ => Value::Null,
        },
        Function::MvIndex => mv_index(&value(0), &value(1)),
        Function::Replace => match (value(0).text(), value(1).text(), value(2).text()) {
            (Some(text), Some(regex), Some(by)) => replace(&text, &regex, &by),
            _ => Value::Null,
        },
        Function::Split => match (value(0).text(), value(1).text()) {
            (Some(text), Some(at)) => Value::of_members(&text.split(at.as_str()).map(str::to_owned).collect::<Vec<_>>()),
            _ => Value::Null,
        },
        Function::Substr => match (value(0).text(), value(1).number(), value(2).number()) {
            #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "the examples count from 1")]
            (Some(text), Some(from), Some(length)) => Value::Text(text.chars().skip(from as usize - 1).take(length as usize).collect()),
            _ => Value::Null,
        },
        other => panic!("{other:?} is tested by fixed examples, not by generated rules"),
    }
}

fn case<F>(arguments: &[Scalar<F>], subject: &dyn Subject<F>) -> Value {
    let taken = arguments.chunks(2).find(|pair| evaluate(&pair[0], subject) == Value::Bool(true));
    taken.and_then(|pair| pair.get(1)).map_or(Value::Null, |e| evaluate(e, subject))
}

fn mv_index(list: &Value, index: &Value) -> Value {
    let (Some(members), Some(index)) = (list.members(), index.number()) else { return Value::Null };
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "test lists are short")]
    let at = if index < 0.0 { members.len() as f64 + index } else { index } as i64;
    usize::try_from(at).ok().and_then(|at| members.get(at)).map_or(Value::Null, |m| Value::Text(m.clone()))
}

/// Replaces every match; `\\1` in the replacement is the first group.
fn replace(text: &str, regex: &str, by: &str) -> Value {
    let groups = regex::Regex::new(r"\\(\d)").expect("valid").replace_all(by, "$${$1}").into_owned();
    regex::Regex::new(regex).map_or(Value::Null, |regex| Value::Text(regex.replace_all(text, groups.as_str()).into_owned()))
}

/// `%` any run, `_` one character, with case, the whole text.
fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|at| like(&text[at..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        [c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
    }
}
