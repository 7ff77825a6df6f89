//! Expressions of eval and where.

use std::sync::Arc;

use super::{Cell, Context, Fault, function};
use crate::ir::{BinaryOp, Function, NumberOp, Scalar};

/// Where an expression finds its fields.
pub trait Fields<F> {
    /// The value of a field; null where it is missing.
    ///
    /// # Errors
    /// Only where reading it can fail.
    fn value(&self, field: &F) -> Cell;
}

/// Evaluates an expression.
///
/// # Errors
/// When a regular expression in it does not compile.
pub fn evaluate<F: PartialEq>(expression: &Scalar<F>, fields: &dyn Fields<F>, context: &Context) -> Result<Cell, Fault> {
    let value = |e: &Scalar<F>| evaluate(e, fields, context);
    Ok(match expression {
        Scalar::Null => Cell::Null,
        Scalar::Text(text) => Cell::text_of(text.as_str()),
        Scalar::Number(number) => Cell::number_of(*number),
        Scalar::Bool(truth) => Cell::Bool(*truth),
        Scalar::Field(field) => fields.value(field),
        Scalar::Call(function, arguments) => return call(*function, arguments, fields, context),
        // A literal text makes `+` join even where both sides are digits.
        Scalar::Binary(op, left, right) => {
            return context.made(binary(*op, &value(left)?, &value(right)?, is_text(left) || is_text(right)));
        }
        Scalar::Negate(inner) => value(inner)?.number().map_or(Cell::Null, |n| Cell::number_of(-n)),
        Scalar::Not(inner) => Cell::Bool(!value(inner)?.is_true()),
        Scalar::And(terms) => {
            for term in terms {
                // Stops at the first that is not true: the rest may fail where its guard is false.
                if !value(term)?.is_true() {
                    return Ok(Cell::Bool(false));
                }
            }
            Cell::Bool(true)
        }
        Scalar::Or(terms) => {
            for term in terms {
                if value(term)?.is_true() {
                    return Ok(Cell::Bool(true));
                }
            }
            Cell::Bool(false)
        }
    })
}

fn is_text<F>(expression: &Scalar<F>) -> bool {
    matches!(expression, Scalar::Text(_))
}

fn binary(op: BinaryOp, a: &Cell, b: &Cell, has_text_literal: bool) -> Cell {
    if let Some(op) = op.comparison() {
        return Cell::Bool(compare(op, a, b));
    }
    let numbers = |f: fn(f64, f64) -> f64| a.number().zip(b.number()).map_or(Cell::Null, |(a, b)| Cell::number_of(f(a, b)));
    match op {
        BinaryOp::Concat => concatenated(a, b),
        BinaryOp::Add if has_text_literal => concatenated(a, b),
        BinaryOp::Add => match (a.number(), b.number(), a, b) {
            (Some(a), Some(b), ..) => Cell::number_of(a + b),
            // Both are text, and at least one is not a number: `+` joins. With a null or a list there is nothing to join.
            (_, _, Cell::Text(_), Cell::Text(_)) => concatenated(a, b),
            _ => Cell::Null,
        },
        BinaryOp::Subtract => numbers(|a, b| a - b),
        BinaryOp::Multiply => numbers(|a, b| a * b),
        // By zero nothing comes out: the results are not finite, so they are null.
        BinaryOp::Divide => numbers(|a, b| a / b),
        BinaryOp::Modulo => numbers(|a, b| a % b),
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => Cell::Null,
    }
}

fn concatenated(a: &Cell, b: &Cell) -> Cell {
    match (a.text(), b.text()) {
        (Some(a), Some(b)) => Cell::text_of([a.as_ref(), b.as_ref()].concat()),
        _ => Cell::Null,
    }
}

/// Two numeric sides compare as numbers, else as text with case; false where a side is null.
pub(super) fn compare(op: NumberOp, a: &Cell, b: &Cell) -> bool {
    // Numbers first (rule E3): `"10" > "9"` is true.
    if let (Some(a), Some(b)) = (a.number(), b.number()) {
        return op.holds(a.partial_cmp(&b));
    }
    match (a.text(), b.text()) {
        (Some(a), Some(b)) => op.holds(Some(a.cmp(&b))),
        // Also for `!=`: a comparison with null is never true (rule E6).
        _ => false,
    }
}

/// Functions that choose among their arguments evaluate only those they need; the others get values.
fn call<F: PartialEq>(function: Function, arguments: &[Scalar<F>], fields: &dyn Fields<F>, context: &Context) -> Result<Cell, Fault> {
    let value = |e: &Scalar<F>| evaluate(e, fields, context);
    match function {
        Function::If => {
            // Null is not true, so a condition on a missing field takes the second branch.
            let taken = if arguments.first().map(value).transpose()?.is_some_and(|c| c.is_true()) { 1 } else { 2 };
            arguments.get(taken).map_or(Ok(Cell::Null), value)
        }
        Function::Case => first_pair(arguments, true, fields, context),
        Function::Validate => first_pair(arguments, false, fields, context),
        Function::Coalesce => {
            for argument in arguments {
                let found = value(argument)?;
                if !found.is_null() {
                    return Ok(found);
                }
            }
            Ok(Cell::Null)
        }
        Function::In => {
            let Some((first, rest)) = arguments.split_first() else { return Ok(Cell::Bool(false)) };
            let first = value(first)?;
            for other in rest {
                if compare(NumberOp::Eq, &first, &value(other)?) {
                    return Ok(Cell::Bool(true));
                }
            }
            Ok(Cell::Bool(false))
        }
        Function::MvFilter => filtered(arguments, fields, context),
        Function::Now => Ok(context.now().map_or(Cell::Null, Cell::number_of)),
        _ => {
            let arguments = arguments.iter().map(value).collect::<Result<Vec<_>, _>>()?;
            context.made(function::call(function, &arguments, context)?)
        }
    }
}

/// The value of the first pair whose condition is, or is not, true.
fn first_pair<F: PartialEq>(arguments: &[Scalar<F>], wanted: bool, fields: &dyn Fields<F>, context: &Context) -> Result<Cell, Fault> {
    for pair in arguments.chunks_exact(2) {
        if evaluate(&pair[0], fields, context)?.is_true() == wanted {
            return evaluate(&pair[1], fields, context);
        }
    }
    Ok(Cell::Null)
}

/// `mvfilter(p)`: the members of the one field of `p` for which it holds.
fn filtered<F: PartialEq>(arguments: &[Scalar<F>], fields: &dyn Fields<F>, context: &Context) -> Result<Cell, Fault> {
    let Some(condition) = arguments.first() else { return Ok(Cell::Null) };
    let Some(field) = first_field(condition) else { return Ok(Cell::Null) };
    let mut kept: Vec<Arc<str>> = Vec::new();
    for member in fields.value(field).members() {
        let one = OneMember { fields, field, member: member.clone() };
        if evaluate(condition, &one, context)?.is_true() {
            kept.push(member);
        }
    }
    Ok(Cell::list_of(kept))
}

struct OneMember<'a, F> {
    fields: &'a dyn Fields<F>,
    field: &'a F,
    member: Arc<str>,
}

impl<F: PartialEq> Fields<F> for OneMember<'_, F> {
    fn value(&self, field: &F) -> Cell {
        if field == self.field { Cell::Text(self.member.clone()) } else { self.fields.value(field) }
    }
}

fn first_field<F>(expression: &Scalar<F>) -> Option<&F> {
    match expression {
        Scalar::Field(field) => Some(field),
        Scalar::Call(_, arguments) => arguments.iter().find_map(first_field),
        Scalar::Binary(_, left, right) => first_field(left).or_else(|| first_field(right)),
        Scalar::Negate(inner) | Scalar::Not(inner) => first_field(inner),
        Scalar::And(terms) | Scalar::Or(terms) => terms.iter().find_map(first_field),
        Scalar::Null | Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) => None,
    }
}
