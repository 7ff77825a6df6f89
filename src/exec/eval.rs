//! Expressions of eval and where.

use std::sync::Arc;

use super::{Cell, Context, Fault, Number, function};
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
/// When a regular expression in it does not compile or takes too long, or a value does not fit.
pub fn evaluate<F: PartialEq>(expression: &Scalar<F>, fields: &dyn Fields<F>, context: &Context) -> Result<Cell, Fault> {
    let value = |e: &Scalar<F>| evaluate(e, fields, context);
    Ok(match expression {
        Scalar::Null => Cell::Null,
        Scalar::Text(text) => Cell::text_of(text.as_str()),
        Scalar::Number(number) => Cell::number_of(*number),
        Scalar::Bool(truth) => Cell::Bool(*truth),
        Scalar::Field(field) => fields.value(field),
        Scalar::Call(function, arguments) => return call(*function, arguments, fields, context),
        Scalar::Binary(op, _, _) if op.is_arithmetic() => return Ok(settled(calculated(expression, fields, context)?)),
        Scalar::Binary(op, left, right) => return context.made(binary(*op, &value(left)?, &value(right)?)),
        Scalar::Negate(_) => settled(calculated(expression, fields, context)?),
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

/// What an operator gives that does not calculate.
fn binary(op: BinaryOp, a: &Cell, b: &Cell) -> Cell {
    match op {
        BinaryOp::Concat => concatenated(a, b),
        BinaryOp::Xor => Cell::Bool(a.is_true() != b.is_true()),
        _ => Cell::Bool(op.comparison().is_some_and(|op| compare(op, a, b))),
    }
}

/// The end of a calculation: the number is rounded to the digits that it shows.
fn settled(cell: Cell) -> Cell {
    if let Cell::Number(number) = cell { Cell::Number(number.settled()) } else { cell }
}

/// A calculation whose number is not rounded yet: the steps of one calculation keep the digits that its end loses.
fn calculated<F: PartialEq>(expression: &Scalar<F>, fields: &dyn Fields<F>, context: &Context) -> Result<Cell, Fault> {
    let value = |e: &Scalar<F>| calculated(e, fields, context);
    let number = |number: Option<Number>| number.map_or(Cell::Null, Cell::Number);
    Ok(match expression {
        Scalar::Binary(op, left, right) if op.is_arithmetic() => {
            // A literal text makes `+` join even where both sides are digits.
            let has_text_literal = [left, right].into_iter().any(|side| matches!(**side, Scalar::Text(_)));
            return context.made(arithmetic(*op, &value(left)?, &value(right)?, has_text_literal));
        }
        Scalar::Negate(inner) => number(value(inner)?.numeric().and_then(Number::negated)),
        Scalar::Call(Function::Exact, arguments) => match arguments.first() {
            Some(inner) => number(value(inner)?.numeric().and_then(Number::exact)),
            None => Cell::Null,
        },
        other => return evaluate(other, fields, context),
    })
}

/// Adds, subtracts, … two numbers. `+` joins texts where a side is a text literal, or where both are texts and not numbers.
pub(super) fn arithmetic(op: BinaryOp, a: &Cell, b: &Cell, has_text_literal: bool) -> Cell {
    let numbers =
        |f: fn(Number, Number) -> Option<Number>| a.numeric().zip(b.numeric()).and_then(|(a, b)| f(a, b)).map_or(Cell::Null, Cell::Number);
    match op {
        BinaryOp::Add if has_text_literal => concatenated(a, b),
        BinaryOp::Add => match (a, b) {
            // With a null or a list there is nothing to join.
            (Cell::Text(_), Cell::Text(_)) if a.numeric().is_none() || b.numeric().is_none() => concatenated(a, b),
            _ => numbers(Number::add),
        },
        BinaryOp::Subtract => numbers(Number::subtract),
        BinaryOp::Multiply => numbers(Number::multiply),
        BinaryOp::Divide => numbers(Number::divide),
        BinaryOp::Modulo => numbers(Number::remainder),
        _ => Cell::Null,
    }
}

fn concatenated(a: &Cell, b: &Cell) -> Cell {
    let shown = |cell: &Cell| if let Cell::Number(number) = cell { Cell::Number(number.settled()) } else { cell.clone() };
    match (shown(a).single(), shown(b).single()) {
        (Some(a), Some(b)) => Cell::text_of([a.as_ref(), b.as_ref()].concat()),
        _ => Cell::Null,
    }
}

/// Two numeric sides compare as numbers, else as text with case; false where a side is null. Of a list some member has to
/// pass, with every operator, as in `search`.
pub(super) fn compare(op: NumberOp, a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::List(members), one) => members.iter().any(|member| compare(op, &Cell::Text(member.clone()), one)),
        (one, Cell::List(members)) => members.iter().any(|member| compare(op, one, &Cell::Text(member.clone()))),
        // Numbers first (rule E3): `"10" > "9"` is true. Also with `!=` a comparison with null is never true (rule E6).
        _ => match a.number().zip(b.number()) {
            Some((a, b)) => op.holds(a.partial_cmp(&b)),
            None => a.text().zip(b.text()).is_some_and(|(a, b)| op.holds(Some(a.cmp(&b)))),
        },
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
        Function::MvMap => mapped(arguments, fields, context),
        // What was never written with places gets none by rounding (rule N5).
        Function::Round if matches!(arguments.first(), Some(Scalar::Call(inner, _)) if inner.computes()) => {
            let values = arguments.iter().map(value).collect::<Result<Vec<_>, _>>()?;
            let rounded = function::call(function, &values, context)?;
            Ok(rounded.numeric().and_then(Number::exact).map_or(Cell::Null, Cell::Number))
        }
        Function::Exact | Function::SigFig | Function::Sum | Function::Avg => {
            let steps = arguments.iter().map(|argument| calculated(argument, fields, context)).collect::<Result<Vec<_>, _>>()?;
            Ok(settled(function::call(function, &steps, context)?))
        }
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

/// `mvmap(list, e)`: what `e` gives for each member of the list, which stands where `e` names the list's field.
fn mapped<F: PartialEq>(arguments: &[Scalar<F>], fields: &dyn Fields<F>, context: &Context) -> Result<Cell, Fault> {
    let [list, each] = arguments else { return Ok(Cell::Null) };
    let Some(field) = first_field(list) else { return Ok(Cell::Null) };
    let mut made: Vec<Arc<str>> = Vec::new();
    for member in evaluate(list, fields, context)?.members() {
        made.extend(evaluate(each, &OneMember { fields, field, member }, context)?.members());
    }
    context.made(Cell::list_of(made))
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
