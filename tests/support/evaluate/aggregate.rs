//! Aggregates, by the Splunk notes on stats.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use retrohunt::ir::{Aggregate, AggregateFunction, Scalar};

use super::Row;
use super::scalar::{Value, evaluate};
use super::text;

/// Computes one aggregate over the rows of a group, in result order.
pub(crate) fn compute(aggregate: &Aggregate, rows: &[Row]) -> Value {
    let Some(argument) = &aggregate.argument else { return count(rows.len()) };
    let values: Vec<(Value, &Row)> = rows.iter().map(|row| (evaluate(argument, row), row)).filter(|(v, _)| *v != Value::Null).collect();
    let texts: Vec<String> = values.iter().filter_map(|(v, _)| v.members()).flatten().collect();
    let numbers: Vec<f64> = texts.iter().filter_map(|t| text::number(t)).collect();
    #[allow(clippy::cast_precision_loss, reason = "test groups are small")]
    let size = numbers.len() as f64;
    match aggregate.function {
        AggregateFunction::Count if matches!(argument, Scalar::Field(_)) => count(texts.len()),
        AggregateFunction::Count => count(values.iter().filter(|(v, _)| *v == Value::Bool(true)).count()),
        AggregateFunction::Dc => count(texts.iter().collect::<BTreeSet<_>>().len()),
        AggregateFunction::Min => extreme(&texts, Ordering::Less),
        AggregateFunction::Max => extreme(&texts, Ordering::Greater),
        AggregateFunction::Sum if numbers.is_empty() => Value::Null,
        AggregateFunction::Sum => Value::Number(numbers.iter().sum()),
        AggregateFunction::Avg if numbers.is_empty() => Value::Null,
        AggregateFunction::Avg => Value::Number(numbers.iter().sum::<f64>() / size),
        AggregateFunction::Stdev => stdev(&numbers, size),
        AggregateFunction::Values => Value::of_members(&texts.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()),
        AggregateFunction::List => Value::of_members(&texts.into_iter().take(100).collect::<Vec<_>>()),
        AggregateFunction::First => values.first().map_or(Value::Null, |(v, _)| v.clone()),
        AggregateFunction::Last => values.last().map_or(Value::Null, |(v, _)| v.clone()),
        AggregateFunction::Earliest => by_time(&values, Ordering::Less),
        AggregateFunction::Latest => by_time(&values, Ordering::Greater),
        AggregateFunction::Median => median(numbers),
        AggregateFunction::Percentile(percent) => nearest_rank(numbers, percent),
        AggregateFunction::SumSq if numbers.is_empty() => Value::Null,
        AggregateFunction::SumSq => Value::Number(numbers.iter().map(|n| n * n).sum()),
        AggregateFunction::Range => range(&numbers),
        AggregateFunction::Var if numbers.len() == 1 => Value::Number(0.0),
        AggregateFunction::Var if numbers.is_empty() => Value::Null,
        AggregateFunction::Var => Value::Number(squares(&numbers, size) / (size - 1.0)),
        AggregateFunction::StdevP if numbers.is_empty() => Value::Null,
        AggregateFunction::StdevP => Value::Number((squares(&numbers, size) / size).sqrt()),
        AggregateFunction::VarP if numbers.is_empty() => Value::Null,
        AggregateFunction::VarP => Value::Number(squares(&numbers, size) / size),
        AggregateFunction::Mode => mode(&texts),
        AggregateFunction::EarliestTime => times(&values).into_iter().reduce(f64::min).map_or(Value::Null, Value::Number),
        AggregateFunction::LatestTime => times(&values).into_iter().reduce(f64::max).map_or(Value::Null, Value::Number),
        AggregateFunction::Rate => rate(&values),
    }
}

fn times(values: &[(Value, &Row)]) -> Vec<f64> {
    values.iter().filter_map(|(_, row)| row.get("_time")?.number()).collect()
}

fn rate(values: &[(Value, &Row)]) -> Value {
    let times = times(values);
    let (Some(first), Some(last)) = (times.iter().copied().reduce(f64::min), times.iter().copied().reduce(f64::max)) else {
        return Value::Null;
    };
    let at = |time: f64| values.iter().find(|(_, row)| row.get("_time").and_then(Value::number) == Some(time))?.0.number();
    match (at(first), at(last)) {
        (Some(least), Some(most)) if last > first => Value::Number((most - least) / (last - first)),
        _ => Value::Null,
    }
}

fn range(numbers: &[f64]) -> Value {
    let ends = (numbers.iter().copied().reduce(f64::min), numbers.iter().copied().reduce(f64::max));
    if let (Some(least), Some(most)) = ends { Value::Number(most - least) } else { Value::Null }
}

/// The sum of the squared distances from the mean.
fn squares(numbers: &[f64], size: f64) -> f64 {
    let mean = numbers.iter().sum::<f64>() / size;
    numbers.iter().map(|n| (n - mean) * (n - mean)).sum()
}

/// The most frequent text; of several the first in order.
fn mode(texts: &[String]) -> Value {
    let times = |text: &String| texts.iter().filter(|other| *other == text).count();
    let most = texts.iter().map(times).max();
    texts.iter().filter(|text| Some(times(text)) == most).min().map_or(Value::Null, |text| Value::Text(text.clone()))
}

fn nearest_rank(mut numbers: Vec<f64>, percent: retrohunt::ir::Percent) -> Value {
    numbers.sort_by(f64::total_cmp);
    numbers.get(percent.nearest_rank(numbers.len())).map_or(Value::Null, |number| Value::Number(*number))
}

#[allow(clippy::cast_precision_loss, reason = "test groups are small")]
fn count(count: usize) -> Value {
    Value::Number(count as f64)
}

/// Numbers before texts; numbers by size, texts by bytes.
pub(crate) fn order(a: &str, b: &str) -> Ordering {
    match (text::number(a), text::number(b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b).expect("finite"),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.as_bytes().cmp(b.as_bytes()),
    }
}

fn extreme(texts: &[String], wanted: Ordering) -> Value {
    let mut best: Option<&String> = None;
    for text in texts {
        if best.is_none_or(|b| order(text, b) == wanted) {
            best = Some(text);
        }
    }
    best.map_or(Value::Null, |t| text::number(t).map_or_else(|| Value::Text(t.clone()), Value::Number))
}

/// The value of the first row with the wanted time; of a row without a time only where no row has one.
fn by_time(values: &[(Value, &Row)], wanted: Ordering) -> Value {
    let time = |row: &Row| row.get("_time").and_then(Value::number);
    let mut best: Option<&(Value, &Row)> = None;
    for candidate in values {
        let is_better = |best: &(Value, &Row)| match (time(candidate.1), time(best.1)) {
            (Some(new), Some(old)) => new.partial_cmp(&old) == Some(wanted),
            (new, old) => new.is_some() && old.is_none(),
        };
        if best.is_none_or(is_better) {
            best = Some(candidate);
        }
    }
    best.map_or(Value::Null, |(v, _)| v.clone())
}

fn stdev(numbers: &[f64], size: f64) -> Value {
    match numbers {
        [] => Value::Null,
        [_] => Value::Number(0.0),
        many => {
            let mean = many.iter().sum::<f64>() / size;
            Value::Number((many.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / (size - 1.0)).sqrt())
        }
    }
}

/// The middle value; of an even number of values the higher of the two in the middle.
fn median(mut numbers: Vec<f64>) -> Value {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).map_or(Value::Null, |n| Value::Number(*n))
}
