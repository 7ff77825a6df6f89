//! How many digits a calculation gives: those of its least precise operand.
//!
//! "8.250 * 0.2 is 2, * 0.20 is 1.7, * exact(0.2) is 1.650": products and quotients have as many significant digits as the
//! operand with the fewest, sums and remainders as many places. Whole numbers and what is computed have all of them.

use retrohunt::ir::{BinaryOp, Function, Scalar};

use super::pred::Subject;
use super::scalar::{Value, evaluate, joined};
use super::text;

/// A number and how many places of it are known; none: all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    pub(super) number: f64,
    pub(super) places: Option<i32>,
}

/// What is known while a calculation goes on.
pub(super) enum Step {
    Number(Measured),
    Other(Value),
}

impl Measured {
    /// A number that is exact.
    pub(super) fn exact(number: f64) -> Self {
        Self { number, places: None }
    }

    /// The places that a text has; none where it has no fraction.
    pub(super) fn read(text: &str) -> Option<Self> {
        let number = text::number(text)?;
        let lower = text.to_lowercase();
        let mut parts = lower.split('e');
        let decimals = parts.next()?.split('.').nth(1).map_or(0, |d| i32::try_from(d.len()).expect("a short text"));
        let places = decimals - parts.next().map_or(0, |power| power.parse().unwrap_or(0));
        Some(if places <= 0 { Self::exact(number) } else { Self { number, places: Some(places) } }.limited())
    }

    /// More than fifteen digits are all that a double has.
    pub(super) fn limited(self) -> Self {
        let is_all = self.places.is_some_and(|places| places + power(self.number) > 15);
        Self { number: self.number + 0.0, places: if is_all { None } else { self.places } }
    }

    fn figures(self) -> Option<i32> {
        self.places.map(|places| places + power(self.number))
    }

    /// The number at the end of a calculation; null where it is not finite.
    pub(super) fn end(self) -> Value {
        if !self.number.is_finite() {
            return Value::Null;
        }
        match self.limited() {
            Self { number, places: None } => Value::Number(number),
            Self { number, places: Some(places) } => {
                let rounded = Self { number: half_away(number, places.max(0)), places: Some(places) }.limited();
                rounded.places.map_or(Value::Number(rounded.number), |places| Value::Decimal(rounded.number, places))
            }
        }
    }
}

/// Rounded to some places; half goes away from zero. A number of more than 2^53 units has no half.
pub(super) fn half_away(number: f64, places: i32) -> f64 {
    let unit = 10_f64.powi(places.abs());
    if places < 0 {
        return (number / unit).round() * unit;
    }
    if (number * unit).abs() < 2_f64.powi(53) { (number * unit).round() / unit } else { number }
}

/// Digits in front of the point; below zero, the zeros behind it.
fn power(number: f64) -> i32 {
    if number == 0.0 || !number.is_finite() {
        return 0;
    }
    format!("{:e}", number.abs()).split('e').nth(1).expect("an exponent").parse::<i32>().expect("a number") + 1
}

impl Step {
    /// The value once the calculation has ended.
    pub(super) fn end(self) -> Value {
        match self {
            Self::Number(number) => number.end(),
            Self::Other(value) => value,
        }
    }

    fn number(&self) -> Option<Measured> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Other(value) => value.measured(),
        }
    }
}

/// A step of a calculation, not rounded yet.
pub(super) fn calculate<F>(expression: &Scalar<F>, subject: &dyn Subject<F>) -> Step {
    match expression {
        Scalar::Binary(op, left, right) if op.is_arithmetic() => calculation(*op, left, right, subject),
        Scalar::Negate(inner) => step(calculate(inner, subject).number().map(|n| Measured { number: -n.number, ..n })),
        Scalar::Call(Function::Exact, arguments) => step(calculate(&arguments[0], subject).number().map(|n| Measured::exact(n.number))),
        other => Step::Other(evaluate(other, subject)),
    }
}

fn step(number: Option<Measured>) -> Step {
    number.filter(|n| n.number.is_finite()).map_or(Step::Other(Value::Null), |n| Step::Number(n.limited()))
}

/// Adds numbers; joins texts where a side is a text literal, or where both are text and one is not a number.
pub(super) fn calculation<F>(op: BinaryOp, left: &Scalar<F>, right: &Scalar<F>, subject: &dyn Subject<F>) -> Step {
    let (a, b) = (calculate(left, subject), calculate(right, subject));
    let (x, y) = (a.number(), b.number());
    if op == BinaryOp::Add {
        let literal = |e: &Scalar<F>| matches!(e, Scalar::Text(_));
        let is_text = |step: &Step| matches!(step, Step::Other(Value::Text(_)));
        let no_numbers = is_text(&a) && is_text(&b) && (x.is_none() || y.is_none());
        if literal(left) || literal(right) || no_numbers {
            return Step::Other(joined(&a.end(), &b.end()));
        }
    }
    step(x.zip(y).map(|(x, y)| combined(op, x, y)))
}

/// One operation on two numbers.
pub(super) fn combined(op: BinaryOp, x: Measured, y: Measured) -> Measured {
    let least = |a: Option<i32>, b: Option<i32>| a.into_iter().chain(b).min();
    let (a, b) = (x.number, y.number);
    let number = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide => a / b,
        _ => a % b,
    };
    let places = match op {
        BinaryOp::Multiply | BinaryOp::Divide => least(x.figures(), y.figures()).map(|figures| figures - power(number)),
        _ => least(x.places, y.places),
    };
    Measured { number, places }
}

#[test]
fn documented_products_have_their_digits() {
    let read = |text: &str| Measured::read(text).unwrap();
    let product = |a: &str, b: Measured| combined(BinaryOp::Multiply, read(a), b).end().text().unwrap();
    assert_eq!(product("8.250", read("0.2")), "2");
    assert_eq!(product("8.250", read("0.20")), "1.7");
    assert_eq!(product("8.250", Measured::exact(0.2)), "1.650");
    assert_eq!(product("1.00", read("1111")), "1111");
    assert_eq!(combined(BinaryOp::Add, read("0.1"), read("0.2")).end().text().unwrap(), "0.3");
}
