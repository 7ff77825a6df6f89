//! The rows of a correlation: the events of its inputs and the alerts of earlier correlations, by group and time.

use rustc_hash::FxHashSet;

use super::chain::{AskedFields, Earlier, MISSING};
use super::evidence::CorrelationResult;
use super::fields::{FieldReader, Values};
use super::texts::{Texts, Tuples};
use super::window::MatchRow;
use crate::catalog::EventId;
use crate::hunt::HuntError;
use crate::ir::{Correlation, CorrelationKind, Field, Input, parse_number};
use crate::plan::Plan;

/// Rows that one event or alert may make: the product of its lists.
// An event of five lists of five values has 3,125 rows. More comes from damaged or hostile records; they are counted as left out.
pub(super) const ROWS_PER_EVENT_MAX: usize = 4_096;
/// Rows that all alerts together may make in one correlation: 40 bytes each. An alert has a row for each group of the
/// events behind it, and alerts overlap, so they can be many more than the events.
// 4 million rows are 160 MB: what one correlation may take beside a hunt.
const ROWS_OF_ALERTS_MAX: usize = 1 << 22;

/// Why rows were left out, and how many events or alerts that were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
pub(super) struct MatchCollector<'c> {
    correlation: &'c Correlation,
    pub(super) rows: Vec<MatchRow>,
    pub(super) left_out: LeftOut,
    asked: AskedFields,
}

/// Where a row comes from.
struct MatchOrigin {
    input: u32,
    time_us: Option<i64>,
    item: i64,
    alert: u32,
}

impl<'c> MatchCollector<'c> {
    /// No rows yet.
    pub(super) fn new(correlation: &'c Correlation, asked: AskedFields) -> Self {
        Self { correlation, rows: Vec::new(), left_out: LeftOut::default(), asked }
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
        let asked = std::mem::take(&mut self.asked.fields);
        let names: Vec<&str> = fields_of(own).chain(&asked).map(|field| field.name.as_str()).collect();
        let own = names.len() - asked.len();
        let Interned { texts, tuples } = interned;
        let number = number_of(input);
        reader.visit(plan, events, &names, texts, &mut |stub, values, texts| {
            let origin = MatchOrigin { input: number, time_us: stub.time_us, item: stub.id.0, alert: 0 };
            let (values, asked) = values.split_at(own);
            if !asked.is_empty() {
                self.asked.values.insert((number, stub.id.0), asked.into());
            }
            self.add(&origin, values, texts, tuples);
        })?;
        self.asked.fields = asked;
        Ok(())
    }

    /// Adds the alerts of an earlier correlation. They have its group keys and the fields of the events behind them.
    pub(super) fn add_alerts(
        &mut self,
        input: usize,
        earlier: usize,
        correlations: &[Correlation],
        outcomes: &[CorrelationResult],
        interned: &mut Interned,
    ) {
        let Interned { texts, tuples } = interned;
        let fields: Vec<&Field> = fields_of(&self.correlation.inputs[input]).collect();
        let of_alerts = Earlier { correlations, outcomes, texts, tuples }.tuples_of_alerts(earlier, &fields);
        let outcome = &outcomes[earlier];
        for (number, (alert, own)) in outcome.alerts.iter().zip(&of_alerts).enumerate() {
            let origin = MatchOrigin {
                input: number_of(input),
                // The time of an alert is that of its last event: only then is its condition met.
                time_us: Some(outcome.rows[alert.end - 1].time_us),
                // Below zero, so that a finding is never taken for an event with the same number.
                item: -1 - outcome.first_finding - i64::try_from(alert.finding).expect("few findings"),
                alert: number_of(number),
            };
            self.left_out.matched += 1;
            match own {
                Some(own) if self.rows.len() + own.len() <= ROWS_OF_ALERTS_MAX => self.add_alert(&origin, own, texts, tuples),
                _ => self.left_out.too_many += 1,
            }
        }
    }

    /// Adds an alert, for each group and value that its tuples have.
    fn add_alert(&mut self, origin: &MatchOrigin, own: &[Vec<u32>], texts: &Texts, tuples: &mut Tuples) {
        let keys = self.correlation.group_by.len();
        let mut grouped = own.iter().filter(|tuple| !tuple[..keys].contains(&MISSING)).peekable();
        if grouped.peek().is_none() {
            self.left_out.no_group += 1;
            return;
        }
        let first = self.rows.len();
        let mut seen = FxHashSet::default();
        for tuple in grouped {
            let (by, counted) = tuple.split_at(keys);
            let number = if counted.contains(&MISSING) { None } else { self.value(counted, texts, tuples) };
            let Some(value) = number else { continue };
            let shown = tuples.number(by);
            let folded: Vec<u32> = by.iter().map(|spelling| texts.key(*spelling)).collect();
            let group = tuples.number(&folded);
            // Of several spellings of one key the first in text order is shown.
            if seen.insert((group, value)) {
                let MatchOrigin { input, item, alert, .. } = *origin;
                self.rows.push(MatchRow { group, time_us: origin.time_us.unwrap_or_default(), item, input, value, shown, alert });
            }
        }
        if self.rows.len() == first {
            self.left_out.no_value += 1;
        }
    }

    fn add(&mut self, origin: &MatchOrigin, values: &[Values], texts: &Texts, tuples: &mut Tuples) {
        self.left_out.matched += 1;
        // Without a time an event stands in no window. It is counted, so that the user hears of it.
        let Some(time_us) = origin.time_us else {
            self.left_out.no_time += 1;
            return;
        };
        let (by, counted) = values.split_at(self.correlation.group_by.len());
        if by.iter().any(|values| values.is_empty()) {
            self.left_out.no_group += 1;
            return;
        }
        // Before the product is made: its size is what a hostile event would use.
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
            // Linear, because an event's own rows are few; a set a row would cost more than it saves.
            if self.rows[first..].iter().any(|row| row.group == group) {
                continue; // spellings of one key
            }
            self.rows.extend(numbers.iter().map(|value| MatchRow {
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
        let mut numbers: Vec<u64> = product(counted).filter_map(|tuple| self.value(&tuple, texts, tuples)).collect();
        // A value counted twice in one event is one value; aggregated numbers may repeat and must.
        if matches!(self.correlation.kind, CorrelationKind::ValueCount(_)) {
            numbers.sort_unstable();
            numbers.dedup();
        }
        numbers
    }

    /// The number of some values together; none where they are not a number and must be one.
    fn value(&self, counted: &[u32], texts: &Texts, tuples: &mut Tuples) -> Option<u64> {
        match &self.correlation.kind {
            CorrelationKind::ValueCount(_) => {
                let keys: Vec<u32> = counted.iter().map(|spelling| texts.key(*spelling)).collect();
                Some(u64::from(tuples.number(&keys)))
            }
            CorrelationKind::Value(..) => {
                let number = parse_number(texts.text(*counted.first()?)).filter(|n| n.is_finite())?;
                // −0 and 0 are one number.
                Some((number + 0.0).to_bits())
            }
            CorrelationKind::EventCount | CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => Some(0),
        }
    }

    /// The rows by group and time. Of an event whose numbers are aggregated only the first input's rows stay.
    pub(super) fn finish(mut self) -> (Vec<MatchRow>, AskedFields, LeftOut) {
        // The whole row is the order: group and time for the window, the rest so that ties do not depend on the order of loading.
        self.rows.sort_unstable();
        // An event that two rules match has one value, and it must not be summed twice.
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
        (self.rows, self.asked, self.left_out)
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
pub(super) fn product(lists: &[Values]) -> impl Iterator<Item = Vec<u32>> {
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
