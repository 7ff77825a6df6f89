//! Aggregates of stats and eventstats as SQL.

use sqlparser::ast::{BinaryOperator, Expr};

use super::ast::{self, Extras, OrderKey};
use super::dialect::{Flattened, GatheredMembers, StageDialect};
use super::pred::SqlFields;
use super::scalar;
use super::writer::{Kind, StatementWriter, Typed, without_minus_zero};
use crate::ir::{Aggregate, AggregateFunction, Field, Scalar, Vocabulary};
use crate::plan::TIME;

/// An aggregate in the SELECT of the groups.
#[allow(clippy::large_enum_variant, reason = "made and taken apart at once, never kept")]
pub(super) enum SqlAggregate {
    /// It is made there.
    Made(Box<Typed>),
    /// It is made of the members of all values, which have to stand in a column first.
    Gathered(Box<Expr>, GatheredAggregate),
}

/// What is made of the members of a group's values.
#[derive(Debug, Clone, Copy)]
pub(super) enum GatheredAggregate {
    Distinct,
    Values,
    List,
}

/// Most values that `list` keeps, as in a hunt.
const LIST_MAX: u64 = 100;

impl GatheredAggregate {
    /// Makes the aggregate of the column.
    pub(super) fn of(self, words: &dyn StageDialect, gathered: &Expr) -> Typed {
        let members = if let Self::List = self { GatheredMembers::First(LIST_MAX) } else { GatheredMembers::Distinct };
        let Flattened { text, list, count } = words.flattened(gathered, members);
        match self {
            Self::Distinct => Typed::new(count, Kind::Integer),
            Self::Values | Self::List => Typed { multi: true, ..Typed::new(text, Kind::Text) }.with_list(|| list),
        }
    }
}

/// Makes one aggregate of rows in an order.
pub(super) fn aggregate(
    (fields, words): (&dyn SqlFields<Field>, &'static dyn StageDialect),
    wanted: &Aggregate,
    order: &[OrderKey],
) -> SqlAggregate {
    let writer = fields.writer();
    let Some(argument) = &wanted.argument else { return made(Typed::new(ast::count_star(None), Kind::Integer)) };
    // `count(eval(p))` counts truths: the CASE gives NULL for false, which `count` leaves out.
    if wanted.function == AggregateFunction::Count && !matches!(argument, Scalar::Field(_)) {
        let counted = ast::case(vec![(scalar::truth(fields, argument), ast::integer(1))], None);
        return made(Typed::new(ast::call("count", vec![counted]), Kind::Integer));
    }
    let value = scalar::data(fields, argument);
    let gathered = match wanted.function {
        AggregateFunction::List => Some(GatheredAggregate::List),
        AggregateFunction::Values if value.multi => Some(GatheredAggregate::Values),
        AggregateFunction::Dc if value.multi => Some(GatheredAggregate::Distinct),
        _ => None,
    };
    if let Some(gathered) = gathered {
        return of_members((writer, words), gathered, value, order);
    }
    made(match wanted.function {
        AggregateFunction::First => end((writer, words), value, order.to_vec()),
        AggregateFunction::Last => end((writer, words), value, reversed(order)),
        AggregateFunction::Earliest | AggregateFunction::Latest if is_time(argument) && value.kind == Kind::Number => {
            let name = if wanted.function == AggregateFunction::Latest { "max" } else { "min" };
            Typed::new(ast::call(name, vec![value.expr]), Kind::Number)
        }
        AggregateFunction::Earliest | AggregateFunction::Latest => {
            let time = fields.value(&Field { name: TIME.to_owned(), vocabulary: Vocabulary::Row });
            let time = scalar::number_or_null(writer, &time);
            // A row without a time counts only where no other has one; of equal times the row that comes first.
            let mut keys = vec![(ast::is_null(time.clone()), false), (time, wanted.function == AggregateFunction::Latest)];
            keys.extend_from_slice(order);
            end((writer, words), value, keys)
        }
        _ if value.multi && wanted.function != AggregateFunction::Count => {
            Typed::new(writer.gap("an aggregate of a multivalue field"), Kind::Any)
        }
        function => portable((writer, words), function, value),
    })
}

fn made(value: Typed) -> SqlAggregate {
    SqlAggregate::Made(Box::new(value))
}

fn is_time(argument: &Scalar) -> bool {
    matches!(argument, Scalar::Field(field) if field.name == TIME)
}

/// What an aggregate is written with.
type AggregateWords<'w> = (&'w StatementWriter, &'static dyn StageDialect);

fn of_members((writer, words): AggregateWords<'_>, wanted: GatheredAggregate, value: Typed, order: &[OrderKey]) -> SqlAggregate {
    if value.multi && value.list.is_none() {
        return made(Typed::new(writer.gap("an aggregate of a computed multivalue field"), Kind::Any));
    }
    // Members that are sorted need no order before, and sorting costs.
    let order = if let GatheredAggregate::List = wanted { order.to_vec() } else { Vec::new() };
    let list = value.list.clone();
    SqlAggregate::Gathered(Box::new(words.gathered(writer.as_text(value), list, order)), wanted)
}

/// The first value in an order.
fn end((writer, words): AggregateWords<'_>, value: Typed, order: Vec<OrderKey>) -> Typed {
    if value.multi && value.list.is_none() {
        return Typed::new(writer.gap("an aggregate of a computed multivalue field"), Kind::Any);
    }
    let expr = match value.kind {
        Kind::Text | Kind::TruthText | Kind::Integer | Kind::TextOrInteger => words.first_text(value.expr.clone(), order.clone()),
        // The database may write fewer digits of a number than it has.
        _ => writer.gap("the first or last of numbers with fractions"),
    };
    let list = value.list.map(|list| words.first_list(value.expr, list, order));
    Typed { expr, kind: value.kind, multi: value.multi, list }
}

fn reversed(order: &[OrderKey]) -> Vec<OrderKey> {
    order.iter().map(|(key, descending)| (key.clone(), !*descending)).collect()
}

fn portable((writer, words): AggregateWords<'_>, function: AggregateFunction, value: Typed) -> Typed {
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
            Typed { multi: true, ..Typed::new(words.distinct_lines(text.clone()), Kind::Text) }.with_list(|| words.distinct_list(text))
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
        AggregateFunction::List
        | AggregateFunction::First
        | AggregateFunction::Last
        | AggregateFunction::Earliest
        | AggregateFunction::Latest => unreachable!("made of rows in their order"),
    }
}

fn no_number(writer: &StatementWriter, value: &Typed) -> Expr {
    let number = writer.as_number(value.clone());
    ast::case(vec![(ast::is_null(number), value.expr.clone())], None)
}
