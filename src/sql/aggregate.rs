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
        AggregateFunction::Count if value.multi => {
            let sum = ast::call("sum", vec![scalar::value_count(writer, value)]);
            Typed::new(ast::call("coalesce", vec![sum, ast::integer(0)]), Kind::Integer)
        }
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
            Typed { multi: true, ..Typed::new(writer.dialect.distinct_lines(text.clone()), Kind::Text) }
                .with_list(|| writer.dialect.distinct_list(text))
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
