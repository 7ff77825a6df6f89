//! Aggregates by the Splunk notes on stats: of lists they take the members, of anything the missing not at all.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::cell::{MEMBER_BYTES, order};
use super::{Cell, Context, Fault};
use crate::ir::{Aggregate, AggregateFunction, Scalar, parse_number};
use crate::plan::RowSchema;

use super::condition::{Slot, placed};
use super::eval::evaluate;

/// Most values that `list` keeps.
// Splunk's `list()` gives the first hundred values.
const LIST_MAX: usize = 100;

/// Memory of a set with few members, in bytes: it makes room for eleven at once.
// Counted up front: with one group a row, the worst case, each set is mostly empty room.
const SET_BYTES: usize = 192;

/// An aggregate with its columns found.
pub(super) struct PreparedAggregate {
    function: AggregateFunction,
    argument: PreparedArgument,
    time: Slot,
}

enum PreparedArgument {
    /// `count` counts rows.
    Row,
    Column(Slot),
    Expression(Scalar<Slot>),
}

/// What one group has gathered for one aggregate.
pub(super) enum Gathered {
    Count(usize),
    Distinct(FxHashSet<Arc<str>>),
    Values(BTreeSet<Arc<str>>),
    List(Vec<Arc<str>>),
    Extreme(Option<Extreme>, Largest),
    Sum(Option<f64>),
    Mean { sum: f64, count: usize },
    Numbers(Vec<f64>),
    Kept(Option<Cell>, Largest),
    Timed(Option<(Option<f64>, Cell)>, Largest),
}

/// Bytes of the largest value that was kept where one takes the place of another: what the budget holds for it.
#[derive(Default)]
pub(super) struct Largest(usize);

impl Largest {
    /// By how much a value is larger than those before.
    fn grow(&mut self, bytes: usize) -> usize {
        let growth = bytes.saturating_sub(self.0);
        self.0 += growth;
        growth
    }
}

/// The least or greatest so far.
pub(super) enum Extreme {
    Number(f64),
    Text(Arc<str>),
}

impl PreparedAggregate {
    /// Finds the columns of an aggregate.
    pub(super) fn new(aggregate: &Aggregate, columns: &RowSchema) -> Self {
        let argument = match &aggregate.argument {
            None => PreparedArgument::Row,
            Some(Scalar::Field(field)) => PreparedArgument::Column(columns.place(&field.name)),
            Some(expression) => PreparedArgument::Expression(placed(expression, columns)),
        };
        Self { function: aggregate.function, argument, time: columns.place("_time") }
    }

    /// Nothing yet.
    pub(super) fn start(&self) -> Gathered {
        match self.function {
            AggregateFunction::Count => Gathered::Count(0),
            AggregateFunction::Dc => Gathered::Distinct(FxHashSet::default()),
            AggregateFunction::Values => Gathered::Values(BTreeSet::new()),
            AggregateFunction::List => Gathered::List(Vec::new()),
            AggregateFunction::Min | AggregateFunction::Max => Gathered::Extreme(None, Largest::default()),
            AggregateFunction::Sum => Gathered::Sum(None),
            AggregateFunction::Avg => Gathered::Mean { sum: 0.0, count: 0 },
            AggregateFunction::Stdev | AggregateFunction::Median => Gathered::Numbers(Vec::new()),
            AggregateFunction::First | AggregateFunction::Last => Gathered::Kept(None, Largest::default()),
            AggregateFunction::Earliest | AggregateFunction::Latest => Gathered::Timed(None, Largest::default()),
        }
    }

    /// Adds a row. Returns the bytes by which the gathered grew.
    pub(super) fn add(&self, gathered: &mut Gathered, cells: &[Cell], context: &Context) -> Result<usize, Fault> {
        let evaluated;
        let value = match &self.argument {
            PreparedArgument::Row => &Cell::Bool(true),
            PreparedArgument::Column(None) => &Cell::Null,
            PreparedArgument::Column(Some(place)) => &cells[*place],
            PreparedArgument::Expression(expression) => {
                // What is kept of it the budget counts; a list in a by-field evaluates it for each of its groups.
                let made = context.made.get();
                evaluated = evaluate(expression, &cells, context)?;
                context.made.set(made);
                &evaluated
            }
        };
        if value.is_null() {
            return Ok(0);
        }
        Ok(match gathered {
            Gathered::Count(count) => {
                // `count(eval(…))` counts truths, `count(field)` values.
                *count +=
                    if let PreparedArgument::Expression(_) = self.argument { usize::from(value.is_true()) } else { value.member_count() };
                0
            }
            Gathered::Distinct(seen) => taken(seen.len(), value, |m| seen.insert(m)),
            Gathered::Values(seen) => taken(seen.len(), value, |m| seen.insert(m)),
            Gathered::List(list) => extend_list(list, value),
            Gathered::Extreme(best, largest) => {
                self.extreme(best, value);
                largest.grow(if let Some(Extreme::Text(text)) = best { text.len() } else { 0 })
            }
            Gathered::Sum(sum) => {
                each_number(value, |n| *sum = Some(sum.unwrap_or(0.0) + n));
                0
            }
            Gathered::Mean { sum, count } => {
                each_number(value, |n| {
                    *sum += n;
                    *count += 1;
                });
                0
            }
            Gathered::Numbers(numbers) => {
                let before = numbers.len();
                each_number(value, |n| numbers.push(n));
                (numbers.len() - before) * size_of::<f64>()
            }
            Gathered::Kept(kept, largest) => {
                // `first` is the first row that has a value, not the value of the first row.
                if kept.is_none() || self.function == AggregateFunction::Last {
                    *kept = Some(value.clone());
                    return Ok(largest.grow(value.size_bytes()));
                }
                0
            }
            Gathered::Timed(best, largest) => {
                let time = self.time.and_then(|place| cells[place].number());
                // Strictly nearer: of equal times the row that came first stays, as in Splunk.
                if best.as_ref().is_none_or(|(known, _)| self.is_nearer(time, *known)) {
                    *best = Some((time, value.clone()));
                    return Ok(largest.grow(value.size_bytes()));
                }
                0
            }
        })
    }

    /// Among equal times the first row counts; a row without a time only where no other has one.
    fn is_nearer(&self, time: Option<f64>, known: Option<f64>) -> bool {
        match (time, known) {
            (Some(_), None) => true,
            (None, _) => false,
            (Some(time), Some(known)) if self.function == AggregateFunction::Latest => time > known,
            (Some(time), Some(known)) => time < known,
        }
    }

    fn extreme(&self, best: &mut Option<Extreme>, value: &Cell) {
        let wanted = if self.function == AggregateFunction::Max { Ordering::Greater } else { Ordering::Less };
        let mut offer = |new: Extreme| {
            if best.as_ref().is_none_or(|known| new.order(known) == wanted) {
                *best = Some(new);
            }
        };
        match value {
            Cell::Number(number) => offer(Extreme::Number(number.value())),
            other => {
                // Text that reads as a number competes as one: fields of logs are text, and 9 must not be greater than 10.
                other
                    .members()
                    .into_iter()
                    .for_each(|member| offer(parse_number(&member).map_or_else(|| Extreme::Text(member), Extreme::Number)));
            }
        }
    }

    /// What a group gives at its end.
    pub(super) fn finish(&self, gathered: Gathered) -> Cell {
        match gathered {
            Gathered::Count(count) => Cell::count_of(count),
            Gathered::Distinct(seen) => Cell::count_of(seen.len()),
            Gathered::Values(seen) => Cell::list_of(seen.into_iter().collect()),
            Gathered::List(list) => Cell::list_of(list),
            Gathered::Extreme(None, _) | Gathered::Sum(None) | Gathered::Mean { count: 0, .. } => Cell::Null,
            Gathered::Extreme(Some(Extreme::Number(number)), _) => Cell::number_of(number),
            Gathered::Extreme(Some(Extreme::Text(text)), _) => Cell::Text(text),
            Gathered::Sum(Some(sum)) => Cell::number_of(sum),
            #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
            Gathered::Mean { sum, count } => Cell::number_of(sum / count as f64),
            Gathered::Numbers(numbers) if self.function == AggregateFunction::Stdev => deviation(&numbers),
            Gathered::Numbers(numbers) => median(numbers),
            Gathered::Kept(kept, _) => kept.unwrap_or(Cell::Null),
            Gathered::Timed(best, _) => best.map_or(Cell::Null, |(_, value)| value),
        }
    }
}

/// Adds the members of a value to a list as long as it has room. Returns the bytes by which it grew.
fn extend_list(list: &mut Vec<Arc<str>>, value: &Cell) -> usize {
    let room = LIST_MAX.saturating_sub(list.len());
    let new: Vec<Arc<str>> = value.members().into_iter().take(room).collect();
    let bytes = new.iter().map(|m| cost(m)).sum();
    list.extend(new);
    bytes
}

impl Extreme {
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => order(a, b),
        }
    }
}

fn cost(member: &str) -> usize {
    member.len() + MEMBER_BYTES
}

/// Inserts the texts of a value into a set that knows so many; the bytes that it grew by.
fn taken(known: usize, value: &Cell, mut insert: impl FnMut(Arc<str>) -> bool) -> usize {
    let new = value.members().into_iter().map(|member| {
        // Only what is new takes memory; a set of few values over a million rows stays small.
        let bytes = cost(&member);
        if insert(member) { bytes } else { 0 }
    });
    new.sum::<usize>() + if known == 0 { SET_BYTES } else { 0 }
}

fn each_number(value: &Cell, mut visit: impl FnMut(f64)) {
    if let Cell::Number(number) = value {
        return visit(number.value());
    }
    value.each_member(|member| parse_number(member).into_iter().for_each(&mut visit));
}

/// The sample form; of one value 0.
#[allow(clippy::cast_precision_loss, reason = "a count of rows")]
fn deviation(numbers: &[f64]) -> Cell {
    match numbers {
        [] => Cell::Null,
        [_] => Cell::count_of(0),
        // In two passes: the sum of squares of large, close numbers loses all its digits in one.
        many => {
            let mean = many.iter().sum::<f64>() / many.len() as f64;
            Cell::number_of((many.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / (many.len() as f64 - 1.0)).sqrt())
        }
    }
}

/// Of an even count the higher of the two in the middle.
fn median(mut numbers: Vec<f64>) -> Cell {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).map_or(Cell::Null, |n| Cell::number_of(*n))
}
