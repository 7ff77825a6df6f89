//! Aggregates by the Splunk notes on stats: of lists they take the members, of anything the missing not at all.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
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
pub(super) const SET_BYTES: usize = 192;

/// An aggregate with its columns found.
pub(super) struct PreparedAggregate {
    function: AggregateFunction,
    argument: PreparedArgument,
    time: Slot,
    /// How many rows were added: what keeps one of several knows by it which came first, also where groups are put together.
    rows: std::cell::Cell<u64>,
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
    List(Vec<(u64, Arc<str>)>),
    Extreme(Option<Extreme>, Largest),
    Sum(Option<f64>),
    Range(Option<(f64, f64)>),
    Tally(BTreeMap<Arc<str>, u64>),
    /// The earliest and the latest row: its time, and its value where that is a number.
    Ends(Option<(TimedNumber, TimedNumber)>),
    Mean {
        sum: f64,
        count: usize,
    },
    Numbers(Vec<f64>),
    Kept(Option<(u64, Cell)>, Largest),
    Timed(Option<(TimedRow, Cell)>, Largest),
}

/// A row's time, and its place among the rows.
type TimedRow = (Option<f64>, u64);

/// A time, the row's place among the rows, and a number of that row.
type TimedNumber = (f64, u64, Option<f64>);

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
        Self { function: aggregate.function, argument, time: columns.place("_time"), rows: std::cell::Cell::new(0) }
    }

    /// Nothing yet.
    pub(super) fn start(&self) -> Gathered {
        match self.function {
            AggregateFunction::Count => Gathered::Count(0),
            AggregateFunction::Dc => Gathered::Distinct(FxHashSet::default()),
            AggregateFunction::Values => Gathered::Values(BTreeSet::new()),
            AggregateFunction::List => Gathered::List(Vec::new()),
            AggregateFunction::Min | AggregateFunction::Max => Gathered::Extreme(None, Largest::default()),
            AggregateFunction::Sum | AggregateFunction::SumSq => Gathered::Sum(None),
            AggregateFunction::Range => Gathered::Range(None),
            AggregateFunction::Mode => Gathered::Tally(BTreeMap::new()),
            AggregateFunction::EarliestTime | AggregateFunction::LatestTime | AggregateFunction::Rate => Gathered::Ends(None),
            AggregateFunction::Avg => Gathered::Mean { sum: 0.0, count: 0 },
            AggregateFunction::Stdev
            | AggregateFunction::StdevP
            | AggregateFunction::Var
            | AggregateFunction::VarP
            | AggregateFunction::Median
            | AggregateFunction::Percentile(_) => Gathered::Numbers(Vec::new()),
            AggregateFunction::First | AggregateFunction::Last => Gathered::Kept(None, Largest::default()),
            AggregateFunction::Earliest | AggregateFunction::Latest => Gathered::Timed(None, Largest::default()),
        }
    }

    /// Adds a row. Returns the bytes by which the gathered grew.
    pub(super) fn add(&self, gathered: &mut Gathered, cells: &[Cell], context: &Context) -> Result<usize, Fault> {
        let place = self.rows.replace(self.rows.get() + 1);
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
            Gathered::List(list) => extend_list(list, place, value),
            Gathered::Extreme(best, largest) => {
                self.extreme(best, value);
                largest.grow(if let Some(Extreme::Text(text)) = best { text.len() } else { 0 })
            }
            Gathered::Tally(tally) => tallied(tally, value),
            Gathered::Ends(ends) => {
                let time = self.time.and_then(|place| cells[place].number());
                time.into_iter().for_each(|time| widen(ends, (time, place, value.number())));
                0
            }
            Gathered::Sum(_) | Gathered::Range(_) | Gathered::Mean { .. } | Gathered::Numbers(_) => {
                let mut count = 0;
                each_number(value, |number| {
                    self.count_in(gathered, number);
                    count += 1;
                });
                if let Gathered::Numbers(_) = gathered { count * size_of::<f64>() } else { 0 }
            }
            Gathered::Kept(kept, largest) => {
                // `first` is the first row that has a value, not the value of the first row.
                let is_kept = kept.is_none() || self.function == AggregateFunction::Last;
                if is_kept {
                    *kept = Some((place, value.clone()));
                }
                if is_kept { largest.grow(value.size_bytes()) } else { 0 }
            }
            Gathered::Timed(best, largest) => {
                let time = self.time.and_then(|place| cells[place].number());
                if best.as_ref().is_none_or(|(known, _)| self.is_nearer((time, place), *known)) {
                    *best = Some(((time, place), value.clone()));
                    return Ok(largest.grow(value.size_bytes()));
                }
                0
            }
        })
    }

    /// Adds a number to what is made of numbers.
    fn count_in(&self, gathered: &mut Gathered, number: f64) {
        match gathered {
            Gathered::Sum(sum) => {
                let term = if self.function == AggregateFunction::SumSq { number * number } else { number };
                *sum = Some(sum.unwrap_or(0.0) + term);
            }
            Gathered::Range(range) => {
                let (least, most) = range.unwrap_or((number, number));
                *range = Some((least.min(number), most.max(number)));
            }
            Gathered::Mean { sum, count } => {
                *sum += number;
                *count += 1;
            }
            Gathered::Numbers(numbers) => numbers.push(number),
            _ => {}
        }
    }

    /// Among equal times the row that came first counts, as in Splunk; a row without a time only where no other has one.
    fn is_nearer(&self, (time, place): TimedRow, (known, known_place): TimedRow) -> bool {
        let order = match (time, known) {
            (Some(time), Some(known)) if self.function == AggregateFunction::Latest => known.total_cmp(&time),
            (Some(time), Some(known)) => time.total_cmp(&known),
            (time, known) => known.is_some().cmp(&time.is_some()),
        };
        order.then(place.cmp(&known_place)).is_lt()
    }

    fn extreme(&self, best: &mut Option<Extreme>, value: &Cell) {
        match value {
            Cell::Number(number) => self.offer(best, Extreme::Number(number.value())),
            other => {
                // Text that reads as a number competes as one: fields of logs are text, and 9 must not be greater than 10.
                other
                    .members()
                    .into_iter()
                    .for_each(|member| self.offer(best, parse_number(&member).map_or_else(|| Extreme::Text(member), Extreme::Number)));
            }
        }
    }

    /// What a group gives at its end.
    pub(super) fn finish(&self, mut gathered: Gathered) -> Cell {
        self.result(&mut gathered)
    }

    /// What a group gives so far. Only the order of the numbers in it changes.
    pub(super) fn result(&self, gathered: &mut Gathered) -> Cell {
        match gathered {
            Gathered::Count(count) => Cell::count_of(*count),
            Gathered::Distinct(seen) => Cell::count_of(seen.len()),
            Gathered::Values(seen) => Cell::list_of(seen.iter().cloned().collect()),
            Gathered::List(list) => Cell::list_of(list.iter().map(|(_, text)| text.clone()).collect()),
            Gathered::Extreme(None, _) | Gathered::Sum(None) | Gathered::Range(None) | Gathered::Mean { count: 0, .. } => Cell::Null,
            Gathered::Extreme(Some(Extreme::Number(number)), _) => Cell::number_of(*number),
            Gathered::Extreme(Some(Extreme::Text(text)), _) => Cell::Text(text.clone()),
            Gathered::Sum(Some(sum)) => Cell::number_of(*sum),
            Gathered::Range(Some((least, most))) => Cell::number_of(*most - *least),
            Gathered::Tally(tally) => most_frequent(tally),
            #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
            Gathered::Mean { sum, count } => Cell::number_of(*sum / *count as f64),
            Gathered::Numbers(numbers) => self.of_numbers(numbers),
            Gathered::Ends(ends) => ends.map_or(Cell::Null, |ends| self.of_ends(ends)),
            Gathered::Kept(kept, _) => kept.as_ref().map_or(Cell::Null, |(_, value)| value.clone()),
            Gathered::Timed(best, _) => best.as_ref().map_or(Cell::Null, |(_, value)| value.clone()),
        }
    }

    fn of_numbers(&self, numbers: &mut [f64]) -> Cell {
        let place = match self.function {
            AggregateFunction::Var => return variance(numbers, 1),
            AggregateFunction::VarP => return variance(numbers, 0),
            AggregateFunction::Stdev => return root(variance(numbers, 1)),
            AggregateFunction::StdevP => return root(variance(numbers, 0)),
            AggregateFunction::Percentile(percent) => percent.nearest_rank(numbers.len()),
            _ => numbers.len() / 2, // the median: of an even count the higher of the two in the middle
        };
        if place >= numbers.len() {
            return Cell::Null;
        }
        let (_, number, _) = numbers.select_nth_unstable_by(place, f64::total_cmp);
        Cell::number_of(*number)
    }

    fn of_ends(&self, ((first, _, least), (last, _, most)): (TimedNumber, TimedNumber)) -> Cell {
        match self.function {
            AggregateFunction::EarliestTime => Cell::number_of(first),
            AggregateFunction::LatestTime => Cell::number_of(last),
            _ => match (least, most) {
                (Some(least), Some(most)) if last > first => Cell::number_of((most - least) / (last - first)),
                _ => Cell::Null,
            },
        }
    }

    /// Adds what another group has gathered for the same aggregate. Returns the bytes by which this one grew.
    pub(super) fn merge(&self, into: &mut Gathered, from: Gathered) -> usize {
        match (into, from) {
            (Gathered::Count(count), Gathered::Count(more)) => *count += more,
            (Gathered::Sum(sum), Gathered::Sum(more)) => *sum = sum.iter().chain(&more).copied().reduce(|a, b| a + b),
            (Gathered::Mean { sum, count }, Gathered::Mean { sum: more, count: others }) => {
                *sum += more;
                *count += others;
            }
            (Gathered::Range(range), Gathered::Range(more)) => {
                let both = range.iter().chain(&more).copied();
                *range = both.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
            }
            (Gathered::Ends(ends), Gathered::Ends(Some((first, last)))) => {
                widen(ends, first);
                widen(ends, last);
            }
            (Gathered::Extreme(best, _), Gathered::Extreme(Some(other), _)) => self.offer(best, other),
            (Gathered::Timed(best, _), Gathered::Timed(Some((row, value)), _))
                if best.as_ref().is_none_or(|(known, _)| self.is_nearer(row, *known)) =>
            {
                *best = Some((row, value));
            }
            (Gathered::Kept(kept, _), Gathered::Kept(Some((place, value)), _)) => {
                let is_last = self.function == AggregateFunction::Last;
                if kept.as_ref().is_none_or(|(known, _)| (place > *known) == is_last) {
                    *kept = Some((place, value));
                }
            }
            (Gathered::List(list), Gathered::List(more)) => {
                let before = list.len();
                list.extend(more);
                list.sort_by_key(|(place, _)| *place);
                list.truncate(LIST_MAX);
                // About: members of the other list may have taken the place of some.
                return list.iter().skip(before).map(|(_, text)| cost(text)).sum();
            }
            (Gathered::Distinct(seen), Gathered::Distinct(more)) => {
                return more.into_iter().map(|text| (cost(&text), seen.insert(text))).map(|(cost, new)| if new { cost } else { 0 }).sum();
            }
            (Gathered::Values(seen), Gathered::Values(more)) => {
                return more.into_iter().map(|text| (cost(&text), seen.insert(text))).map(|(cost, new)| if new { cost } else { 0 }).sum();
            }
            (Gathered::Tally(tally), Gathered::Tally(more)) => more.into_iter().for_each(|(text, times)| {
                *tally.entry(text).or_insert(0) += times;
            }),
            (Gathered::Numbers(numbers), Gathered::Numbers(more)) => {
                numbers.extend_from_slice(&more);
                return size_of_val(more.as_slice());
            }
            _ => {}
        }
        0
    }

    fn offer(&self, best: &mut Option<Extreme>, new: Extreme) {
        let wanted = if self.function == AggregateFunction::Max { Ordering::Greater } else { Ordering::Less };
        if best.as_ref().is_none_or(|known| new.order(known) == wanted) {
            *best = Some(new);
        }
    }
}

/// Counts the texts of a value; the bytes that the tally grew by.
fn tallied(tally: &mut BTreeMap<Arc<str>, u64>, value: &Cell) -> usize {
    let mut bytes = 0;
    for member in value.members() {
        let cost = cost(&member) + size_of::<u64>();
        let times = tally.entry(member).or_insert(0);
        bytes += if *times == 0 { cost } else { 0 };
        *times += 1;
    }
    bytes
}

/// The text that was counted most; of several the first.
fn most_frequent(tally: &BTreeMap<Arc<str>, u64>) -> Cell {
    let best = tally.iter().reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.map_or(Cell::Null, |(text, _)| Cell::Text(text.clone()))
}

/// Takes a row between the earliest and the latest; among equal times the first row counts.
fn widen(ends: &mut Option<(TimedNumber, TimedNumber)>, row: TimedNumber) {
    let (first, last) = ends.get_or_insert((row, row));
    let is_before = |one: TimedNumber, other: TimedNumber| one.0 == other.0 && one.1 < other.1;
    if row.0 < first.0 || is_before(row, *first) {
        *first = row;
    }
    if row.0 > last.0 || is_before(row, *last) {
        *last = row;
    }
}

/// Adds the members of a value to a list as long as it has room. Returns the bytes by which it grew.
fn extend_list(list: &mut Vec<(u64, Arc<str>)>, place: u64, value: &Cell) -> usize {
    let room = LIST_MAX.saturating_sub(list.len());
    let new: Vec<Arc<str>> = value.members().into_iter().take(room).collect();
    let bytes = new.iter().map(|m| cost(m) + size_of::<u64>()).sum();
    list.extend(new.into_iter().map(|member| (place, member)));
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

/// The mean square of the distances from the mean, over so many values fewer than there are (1: the sample form); of one value 0.
#[allow(clippy::cast_precision_loss, reason = "a count of rows")]
fn variance(numbers: &[f64], fewer: usize) -> Cell {
    match numbers {
        [] => Cell::Null,
        [_] => Cell::count_of(0),
        // In two passes: the sum of squares of large, close numbers loses all its digits in one.
        many => {
            let mean = many.iter().sum::<f64>() / many.len() as f64;
            Cell::number_of(many.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / (many.len() - fewer) as f64)
        }
    }
}

fn root(variance: Cell) -> Cell {
    variance.number().map_or(Cell::Null, |number| Cell::number_of(number.sqrt()))
}
