//! Aggregates by the Splunk notes on stats: of lists they take the members, of anything the missing not at all.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context};
use rusqlite::types::{Value as Output, ValueRef};

use super::value::{Value, list, number, size};
use super::{FLAGS, IDS_MAX};
use crate::ir::parse_number;

/// Most values that `list()` keeps.
const LIST_MAX: usize = 100;

/// What one group gathers.
trait Gather: Default + Send + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static {
    /// Takes a value; never a missing one.
    fn take(&mut self, value: Value);
    /// Gives the result.
    fn give(self) -> Output;
}

/// An aggregate of a [`Gather`].
struct Gatherer<G>(std::marker::PhantomData<fn() -> G>);

impl<G: Gather> Aggregate<G, Output> for Gatherer<G> {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<G> {
        Ok(G::default())
    }

    fn step(&self, context: &mut Context<'_>, group: &mut G) -> rusqlite::Result<()> {
        if context.get_raw(0) != ValueRef::Null {
            group.take(Value::at(context, 0)?);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, group: Option<G>) -> rusqlite::Result<Output> {
        Ok(group.unwrap_or_default().give())
    }
}

/// Registers the aggregates.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    fn add<G: Gather>(connection: &Connection, name: &str) -> rusqlite::Result<()> {
        connection.create_aggregate_function(name, 1, FLAGS, Gatherer::<G>(std::marker::PhantomData))
    }
    add::<Count>(connection, "retro_count")?;
    add::<Distinct>(connection, "retro_dc")?;
    add::<Values>(connection, "retro_values")?;
    add::<Extreme<false>>(connection, "retro_min")?;
    add::<Extreme<true>>(connection, "retro_max")?;
    add::<Sum>(connection, "retro_sum")?;
    add::<Mean>(connection, "retro_avg")?;
    add::<Deviation>(connection, "retro_stdev")?;
    add::<Median>(connection, "retro_median")?;
    add::<Members<{ usize::MAX }>>(connection, "retro_list")?;
    add::<Members<LIST_MAX>>(connection, "retro_first_members")?;
    add::<First>(connection, "retro_first")?;
    connection.create_aggregate_function("retro_ids", 1, FLAGS, Ids)
}

#[derive(Default)]
struct Count(usize);

impl Gather for Count {
    fn take(&mut self, value: Value) {
        self.0 += value.members().map_or(0, |m| m.len());
    }

    fn give(self) -> Output {
        size(self.0)
    }
}

#[derive(Default)]
struct Distinct(BTreeSet<String>);

impl Gather for Distinct {
    fn take(&mut self, value: Value) {
        self.0.extend(value.members().unwrap_or_default());
    }

    fn give(self) -> Output {
        size(self.0.len())
    }
}

#[derive(Default)]
struct Values(BTreeSet<String>);

impl Gather for Values {
    fn take(&mut self, value: Value) {
        self.0.extend(value.members().unwrap_or_default());
    }

    fn give(self) -> Output {
        list(self.0.into_iter().collect())
    }
}

#[derive(Default)]
struct Members<const MAX: usize>(Vec<String>);

impl<const MAX: usize> Gather for Members<MAX> {
    fn take(&mut self, value: Value) {
        let room = MAX.saturating_sub(self.0.len());
        self.0.extend(value.members().unwrap_or_default().into_iter().take(room));
    }

    fn give(self) -> Output {
        list(self.0)
    }
}

#[derive(Default)]
struct First(Option<Value>);

impl Gather for First {
    fn take(&mut self, value: Value) {
        self.0.get_or_insert(value);
    }

    fn give(self) -> Output {
        match self.0 {
            None | Some(Value::Null) => Output::Null,
            Some(Value::Number(n)) => number(n),
            Some(Value::Integer(n)) => Output::Integer(n),
            Some(Value::Text(text)) => Output::Text(text),
            Some(Value::List(members)) => list(members),
        }
    }
}

/// Numbers before texts; numbers by size, texts by bytes.
pub(super) fn order(a: &str, b: &str) -> Ordering {
    match (parse_number(a), parse_number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

#[derive(Default)]
struct Extreme<const GREATEST: bool>(Option<String>);

impl<const GREATEST: bool> Gather for Extreme<GREATEST> {
    fn take(&mut self, value: Value) {
        let wanted = if GREATEST { Ordering::Greater } else { Ordering::Less };
        for member in value.members().unwrap_or_default() {
            if self.0.as_ref().is_none_or(|best| order(&member, best) == wanted) {
                self.0 = Some(member);
            }
        }
    }

    fn give(self) -> Output {
        self.0.map_or(Output::Null, |text| parse_number(&text).map_or_else(|| Output::Text(text), number))
    }
}

fn numbers(value: Value) -> impl Iterator<Item = f64> {
    value.members().unwrap_or_default().into_iter().filter_map(|m| parse_number(&m))
}

#[derive(Default)]
struct Sum(Option<f64>);

impl Gather for Sum {
    fn take(&mut self, value: Value) {
        for n in numbers(value) {
            self.0 = Some(self.0.unwrap_or(0.0) + n);
        }
    }

    fn give(self) -> Output {
        self.0.map_or(Output::Null, number)
    }
}

#[derive(Default)]
struct Mean(Vec<f64>);

#[allow(clippy::cast_precision_loss, reason = "a count of rows")]
fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

impl Gather for Mean {
    fn take(&mut self, value: Value) {
        self.0.extend(numbers(value));
    }

    fn give(self) -> Output {
        if self.0.is_empty() { Output::Null } else { number(mean(&self.0)) }
    }
}

/// The sample form; of one value 0.
#[derive(Default)]
struct Deviation(Vec<f64>);

impl Gather for Deviation {
    fn take(&mut self, value: Value) {
        self.0.extend(numbers(value));
    }

    #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
    fn give(self) -> Output {
        match self.0.as_slice() {
            [] => Output::Null,
            [_] => number(0.0),
            many => {
                let mean = mean(many);
                number((many.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / (many.len() as f64 - 1.0)).sqrt())
            }
        }
    }
}

/// Of an even count the higher of the two in the middle.
#[derive(Default)]
struct Median(Vec<f64>);

impl Gather for Median {
    fn take(&mut self, value: Value) {
        self.0.extend(numbers(value));
    }

    fn give(mut self) -> Output {
        self.0.sort_by(f64::total_cmp);
        self.0.get(self.0.len() / 2).map_or(Output::Null, |n| number(*n))
    }
}

/// `retro_ids(event)`: the lowest [`IDS_MAX`] of the event ids, each 8 bytes, big-endian, ascending. Takes ids and what it gave before.
struct Ids;

impl Aggregate<BTreeSet<i64>, Output> for Ids {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<BTreeSet<i64>> {
        Ok(BTreeSet::new())
    }

    fn step(&self, context: &mut Context<'_>, ids: &mut BTreeSet<i64>) -> rusqlite::Result<()> {
        match context.get_raw(0) {
            ValueRef::Integer(id) => {
                ids.insert(id);
            }
            ValueRef::Blob(bytes) => ids.extend(bytes.as_chunks::<8>().0.iter().map(|chunk| i64::from_be_bytes(*chunk))),
            _ => {}
        }
        while ids.len() > IDS_MAX {
            ids.pop_last();
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, ids: Option<BTreeSet<i64>>) -> rusqlite::Result<Output> {
        Ok(Output::Blob(ids.unwrap_or_default().into_iter().flat_map(i64::to_be_bytes).collect()))
    }
}
