//! Aggregates of stats and eventstats as SQL.

use sqlparser::ast::{BinaryOperator, Expr};

use super::ast::{self, Extras};
use super::pred::SqlFields;
use super::scalar;
use super::writer::{Kind, StatementWriter, Typed, without_minus_zero};
use crate::ir::{Aggregate, AggregateFunction, Field, Scalar};

/// Makes one aggregate.
pub(super) fn aggregate(fields: &dyn SqlFields<Field>, wanted: &Aggregate) -> Typed {
    let writer = fields.writer();
    let Some(argument) = &wanted.argument else { return Typed::new(ast::count_star(None), Kind::Integer) };
    // `count(eval(p))` counts truths: the CASE gives NULL for false, which `count` leaves out.
    if wanted.function == AggregateFunction::Count && !matches!(argument, Scalar::Field(_)) {
        let counted = ast::case(vec![(scalar::truth(fields, argument), ast::integer(1))], None);
        return Typed::new(ast::call("count", vec![counted]), Kind::Integer);
    }
    let value = scalar::data(fields, argument);
    if value.multi && wanted.function != AggregateFunction::Count {
        return Typed::new(writer.gap("an aggregate of a multivalue field"), Kind::Any);
    }
    portable(writer, wanted.function, value)
}

fn portable(writer: &StatementWriter, function: AggregateFunction, value: Typed) -> Typed {
    let is_number = value.kind.is_number();
    let number = || if is_number { value.expr.clone() } else { without_minus_zero(writer.as_number(value.clone())) };
    let made = |name, expr, kind| Typed::new(ast::call(name, vec![expr]), kind);
    match function {
        AggregateFunction::Count if value.multi => Typed::new(writer.gap("an aggregate of a multivalue field"), Kind::Integer),
        AggregateFunction::Count => made("count", value.expr, Kind::Integer),
        AggregateFunction::Dc => {
            let expr = if is_number { value.expr } else { writer.as_text(value) };
            Typed::new(ast::call_with("count", vec![expr], Extras { distinct: true, ..Extras::default() }), Kind::Integer)
        }
        AggregateFunction::Min if is_number => made("min", value.expr, value.kind),
        AggregateFunction::Max if is_number => made("max", value.expr, value.kind),
        // Numbers sort before texts, so the least is a number if there is any, and the greatest a text if there is any.
        AggregateFunction::Min => Typed::new(
            // Two minima instead of one, because SQLite would compare the texts of numbers as texts.
            ast::call("coalesce", vec![ast::call("min", vec![number()]), ast::call("min", vec![no_number(writer, &value)])]),
            Kind::Any,
        ),
        AggregateFunction::Max => Typed::new(
            ast::call("coalesce", vec![ast::call("max", vec![no_number(writer, &value)]), ast::call("max", vec![number()])]),
            Kind::Any,
        ),
        AggregateFunction::Sum => made("sum", number(), Kind::Number),
        AggregateFunction::SumSq => made("sum", ast::op(number(), BinaryOperator::Multiply, number()), Kind::Number),
        AggregateFunction::Range => {
            let [greatest, least] = ["max", "min"].map(|name| ast::call(name, vec![number()]));
            Typed::new(ast::op(greatest, BinaryOperator::Minus, least), Kind::Number)
        }
        AggregateFunction::Avg => made("avg", number(), Kind::Number),
        AggregateFunction::Values => {
            let text = writer.as_text(value);
            Typed { multi: true, ..Typed::new(values(text.clone()), Kind::Text) }.with_list(|| distinct_list(text))
        }
        AggregateFunction::Stdev
        | AggregateFunction::StdevP
        | AggregateFunction::Var
        | AggregateFunction::VarP
        | AggregateFunction::EarliestTime
        | AggregateFunction::LatestTime
        | AggregateFunction::Rate
        | AggregateFunction::Median
        | AggregateFunction::Percentile(_) => Typed::new(writer.gap(&format!("{}()", function.name())), Kind::Number),
        AggregateFunction::Mode => Typed::new(writer.gap("mode()"), Kind::Text),
        AggregateFunction::List => Typed::new(writer.gap("list()"), Kind::Text),
        AggregateFunction::First | AggregateFunction::Last => Typed::new(writer.gap("first() and last()"), value.kind),
        AggregateFunction::Earliest | AggregateFunction::Latest => Typed::new(writer.gap("earliest() and latest()"), value.kind),
    }
}

fn no_number(writer: &StatementWriter, value: &Typed) -> Expr {
    let number = writer.as_number(value.clone());
    ast::case(vec![(ast::is_null(number), value.expr.clone())], None)
}

/// The distinct texts in order, on lines. `group_concat(DISTINCT …)` takes no separator but the comma: commas in the
/// texts are written as unit separator and `c` meanwhile, and unit separators as unit separator and `u`.
fn values(text: Expr) -> Expr {
    const COMMA: &str = "\u{1f}c";
    const SEPARATOR: &str = "\u{1f}u";
    let replace = |x, from, to| ast::call("replace", vec![x, ast::text(from), ast::text(to)]);
    let extras = Extras { distinct: true, order: vec![(text.clone(), false)], ..Extras::default() };
    // Unit separators first: else those that stand for commas would be written a second time.
    let written = replace(replace(text, "\u{1f}", SEPARATOR), ",", COMMA);
    let joined = ast::call_with("group_concat", vec![written], extras);
    // The comma of the list becomes the line break before the commas of the texts come back.
    replace(replace(replace(joined, ",", "\n"), COMMA, ","), SEPARATOR, "\u{1f}")
}

/// The distinct texts in order as a JSON array, NULL where these are fewer than two.
fn distinct_list(text: Expr) -> Expr {
    let count = ast::call_with("count", vec![text.clone()], Extras { distinct: true, ..Extras::default() });
    let (order, filter) = (vec![(text.clone(), false)], Some(ast::is_not_null(text.clone())));
    let members = ast::call_with("json_group_array", vec![text], Extras { distinct: true, order, filter, over: None });
    ast::case(vec![(ast::op(count, BinaryOperator::Gt, ast::integer(1)), members)], None)
}
