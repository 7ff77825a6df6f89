//! The rows of a correlation: the events of its inputs and the alerts of earlier correlations, by group and time.

use super::evidence::Outcome;
use super::fields::{FieldReader, Values};
use super::texts::{Texts, Tuples};
use super::window::Row;
use crate::catalog::EventId;
use crate::hunt::HuntError;
use crate::ir::{Correlation, CorrelationKind, Field, Input, parse_number};
use crate::plan::Plan;

/// Rows that one event or alert may make: the product of its lists.
const ROWS_PER_EVENT_MAX: usize = 4_096;

/// Why rows were left out, and how many events or alerts that were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Of so many that matched.
    pub matched: u64,
    /// Without a time.
    pub no_time: u64,
    /// Without a value for a group key.
    pub no_group: u64,
    /// Without a value that can be counted or aggregated.
    pub no_value: u64,
    /// With lists whose product is too large.
    pub too_many: u64,
}

impl LeftOut {
    /// How many were left out.
    pub fn total(&self) -> u64 {
        self.no_time + self.no_group + self.no_value + self.too_many
    }
}

/// What all correlations of a hunt share.
#[derive(Default)]
pub(super) struct Interned {
    pub(super) texts: Texts,
    /// Groups and counted values, as keys or as spellings.
    pub(super) tuples: Tuples,
}

/// Collects rows.
pub(super) struct Rows<'c> {
    correlation: &'c Correlation,
    pub(super) rows: Vec<Row>,
    pub(super) left_out: LeftOut,
}

/// Where a row comes from.
struct Origin {
    input: u32,
    time_us: Option<i64>,
    item: i64,
    alert: u32,
}

impl<'c> Rows<'c> {
    /// No rows yet.
    pub(super) fn new(correlation: &'c Correlation) -> Self {
        Self { correlation, rows: Vec::new(), left_out: LeftOut::default() }
    }

    /// Adds the events that a query matched.
    pub(super) fn add_events(
        &mut self,
        input: usize,
        plan: &Plan,
        events: &[EventId],
        reader: &mut FieldReader<'_>,
        interned: &mut Interned,
    ) -> Result<(), HuntError> {
        let own = &self.correlation.inputs[input];
        let names: Vec<&str> = fields_of(own).map(|field| field.name.as_str()).collect();
        let Interned { texts, tuples } = interned;
        let number = number_of(input);
        reader.visit(plan, events, &names, texts, &mut |stub, values, texts| {
            let origin = Origin { input: number, time_us: stub.time_us, item: stub.id.0, alert: 0 };
            self.add(&origin, values, texts, tuples);
        })?;
        Ok(())
    }

    /// Adds the alerts of an earlier correlation. They have its group keys as fields.
    pub(super) fn add_alerts(&mut self, input: usize, earlier: &Correlation, outcome: &Outcome, interned: &mut Interned) {
        let own = &self.correlation.inputs[input];
        let place = |field: &Field| {
            let same = |name: &String| *name == field.name;
            let near = |name: &String| name.eq_ignore_ascii_case(&field.name);
            earlier.group_by.iter().position(same).or_else(|| earlier.group_by.iter().position(near))
        };
        let places: Vec<Option<usize>> = fields_of(own).map(place).collect();
        let Interned { texts, tuples } = interned;
        for (number, alert) in outcome.alerts.iter().enumerate() {
            let shown = tuples.tuple(outcome.shown[alert.finding]).to_vec();
            let values: Vec<Values> = places.iter().map(|p| p.map(|p| shown[p]).into_iter().collect()).collect();
            let origin = Origin {
                input: number_of(input),
                time_us: Some(outcome.rows[alert.end - 1].time_us),
                item: -1 - outcome.first_finding - i64::try_from(alert.finding).expect("few findings"),
                alert: number_of(number),
            };
            self.add(&origin, &values, texts, tuples);
        }
    }

    fn add(&mut self, origin: &Origin, values: &[Values], texts: &Texts, tuples: &mut Tuples) {
        self.left_out.matched += 1;
        let Some(time_us) = origin.time_us else {
            self.left_out.no_time += 1;
            return;
        };
        let (by, counted) = values.split_at(self.correlation.group_by.len());
        if by.iter().any(|values| values.is_empty()) {
            self.left_out.no_group += 1;
            return;
        }
        if values.iter().map(|v| v.len().max(1)).fold(1, usize::saturating_mul) > ROWS_PER_EVENT_MAX {
            self.left_out.too_many += 1;
            return;
        }
        let numbers = self.values(counted, texts, tuples);
        if numbers.is_empty() {
            self.left_out.no_value += 1;
            return;
        }
        let first = self.rows.len();
        for tuple in product(by) {
            let shown = tuples.number(&tuple);
            let keys: Vec<u32> = tuple.iter().map(|spelling| texts.key(*spelling)).collect();
            let group = tuples.number(&keys);
            if self.rows[first..].iter().any(|row| row.group == group) {
                continue; // spellings of one key
            }
            self.rows.extend(numbers.iter().map(|value| Row {
                group,
                time_us,
                item: origin.item,
                input: origin.input,
                value: *value,
                shown,
                alert: origin.alert,
            }));
        }
    }

    /// The numbers of what an event adds to a window; 0 where nothing but events is counted.
    fn values(&self, counted: &[Values], texts: &Texts, tuples: &mut Tuples) -> Vec<u64> {
        match &self.correlation.kind {
            CorrelationKind::ValueCount(_) => {
                let keys = |tuple: Vec<u32>| tuple.iter().map(|spelling| texts.key(*spelling)).collect::<Vec<u32>>();
                let mut numbers: Vec<u64> = product(counted).map(|tuple| u64::from(tuples.number(&keys(tuple)))).collect();
                numbers.sort_unstable();
                numbers.dedup();
                numbers
            }
            CorrelationKind::Value(..) => {
                let members = counted.iter().flat_map(|values| values.iter());
                let numbers = members.filter_map(|spelling| parse_number(texts.text(*spelling)).filter(|n| n.is_finite()));
                // −0 and 0 are one number.
                numbers.map(|number| (number + 0.0).to_bits()).collect()
            }
            CorrelationKind::EventCount | CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => vec![0],
        }
    }

    /// The rows by group and time. Of an event whose numbers are aggregated only the first input's rows stay.
    pub(super) fn finish(mut self) -> (Vec<Row>, LeftOut) {
        self.rows.sort_unstable();
        if matches!(self.correlation.kind, CorrelationKind::Value(..)) && self.correlation.inputs.len() > 1 {
            let mut last: Option<(u32, i64, i64, u32)> = None;
            self.rows.retain(|row| match last {
                Some((group, time, item, input)) if (group, time, item) == (row.group, row.time_us, row.item) => input == row.input,
                _ => {
                    last = Some((row.group, row.time_us, row.item, row.input));
                    true
                }
            });
        }
        (self.rows, self.left_out)
    }
}

/// The fields of an input: group keys, then values.
pub(super) fn fields_of(input: &Input) -> impl Iterator<Item = &Field> {
    input.group_by.iter().chain(&input.values)
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 inputs and alerts")
}

/// All tuples with one member of each list; one empty tuple for no lists.
fn product(lists: &[Values]) -> impl Iterator<Item = Vec<u32>> {
    let total: usize = lists.iter().map(|list| list.len()).product();
    (0..total).map(move |mut number| {
        let mut tuple = Vec::with_capacity(lists.len());
        for list in lists {
            tuple.push(list[number % list.len()]);
            number /= list.len();
        }
        tuple
    })
}
