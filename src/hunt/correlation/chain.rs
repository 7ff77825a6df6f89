//! Alerts as rows of a later correlation: which groups they are of.
//!
//! A later correlation groups by its own keys. What the earlier one groups by too has one value in all of an alert; any
//! other field is that of the events behind the alert, so an alert belongs to the group of each of them.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::evidence::CorrelationResult;
use super::fields::Values;
use super::rows::{ROWS_PER_EVENT_MAX, fields_of, product};
use super::texts::{Texts, Tuples};
use super::window::MatchRow;
use crate::ir::{Correlation, Field, InputSource};

/// In the place of a value that an event does not have.
// Never the number of a text: numbers count up from 0 and memory ends long before 2^32 of them. No `Option`, because tuples
// are hashed and compared by the million.
pub(super) const MISSING: u32 = u32::MAX;

/// The place of a field among the group keys of a correlation.
fn key_of(correlation: &Correlation, name: &str) -> Option<usize> {
    let keys = &correlation.group_by;
    // The exact name first: two keys may differ only in case, and an answer from the wrong one would join wrong groups.
    keys.iter().position(|key| key == name).or_else(|| keys.iter().position(|key| key.eq_ignore_ascii_case(name)))
}

/// For each correlation the fields that later ones ask of the events behind its alerts.
pub(super) fn asked_of_events(correlations: &[Correlation]) -> Vec<Vec<Field>> {
    let mut asked: Vec<Vec<Field>> = vec![Vec::new(); correlations.len()];
    // Inputs are earlier ones: when a correlation is reached, all that asks something of it is done.
    for (index, correlation) in correlations.iter().enumerate().rev() {
        let passed_on = asked[index].clone();
        for input in &correlation.inputs {
            let InputSource::Correlation(earlier) = input.source else { continue };
            for field in fields_of(input).chain(&passed_on) {
                if key_of(&correlations[earlier], &field.name).is_none() && !asked[earlier].contains(field) {
                    asked[earlier].push(field.clone());
                }
            }
        }
    }
    asked
}

/// The fields of a correlation's events that later ones ask for.
#[derive(Debug, Default)]
pub(super) struct AskedFields {
    /// The fields, as [`asked_of_events`] gives them.
    pub(super) fields: Vec<Field>,
    /// (input, event) → the values of these fields.
    pub(super) values: FxHashMap<(u32, i64), Box<[Values]>>,
}

/// What an alert says of some fields: the tuples of values that occur together, in text order; [`MISSING`] where an event
/// has no value. `None`: they are too many.
pub(super) type AlertTuples = Option<Rc<[Vec<u32>]>>;

/// The correlations that have run.
#[derive(Clone, Copy)]
pub(super) struct Earlier<'a> {
    pub(super) correlations: &'a [Correlation],
    pub(super) outcomes: &'a [CorrelationResult],
    pub(super) texts: &'a Texts,
    pub(super) tuples: &'a Tuples,
}

impl Earlier<'_> {
    /// The tuples of each alert of a correlation.
    pub(super) fn tuples_of_alerts(&self, index: usize, fields: &[&Field]) -> Vec<AlertTuples> {
        let (correlation, outcome) = (&self.correlations[index], &self.outcomes[index]);
        let keys: Vec<Option<usize>> = fields.iter().map(|field| key_of(correlation, &field.name)).collect();
        let asked: Vec<&Field> = fields.iter().zip(&keys).filter(|(_, key)| key.is_none()).map(|(field, _)| *field).collect();
        let whole = |alert: usize, of_events: &[u32]| -> Vec<u32> {
            let shown = self.tuples.tuple(outcome.shown[outcome.alerts[alert].finding]);
            let mut of_events = of_events.iter();
            keys.iter().map(|key| key.map_or_else(|| of_events.next().copied().unwrap_or(MISSING), |key| shown[key])).collect()
        };
        // Group keys alone are the same for every event of an alert: no need to look at the events behind it.
        if asked.is_empty() {
            return (0..outcome.alerts.len()).map(|alert| Some(Rc::from([whole(alert, &[])]))).collect();
        }
        let behind = self.behind_rows(index, &asked);
        let mut window = TupleWindow::default();
        let mut out = Vec::with_capacity(outcome.alerts.len());
        for (number, alert) in outcome.alerts.iter().enumerate() {
            window.slide(alert.first, alert.end, &|row| behind(&outcome.rows[row]));
            out.push((window.too_many == 0 && window.counts.len() <= ROWS_PER_EVENT_MAX).then(|| {
                // A hash map has no order of its own; sorted by text, the same logs give the same rows however they were loaded.
                let mut tuples: Vec<Vec<u32>> = window.counts.keys().map(|tuple| whole(number, tuple)).collect();
                let texts = |tuple: &[u32]| -> Vec<Option<&str>> {
                    tuple.iter().map(|value| (*value != MISSING).then(|| self.texts.text(*value))).collect()
                };
                tuples.sort_by_cached_key(|tuple| texts(tuple).into_iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>());
                Rc::from(tuples)
            }));
        }
        out
    }

    /// What gives the tuples of a row of a correlation.
    fn behind_rows<'s>(&'s self, index: usize, asked: &[&Field]) -> impl Fn(&MatchRow) -> AlertTuples + 's {
        let known = &self.outcomes[index].asked;
        let places: Vec<Option<usize>> = asked.iter().map(|field| known.fields.iter().position(|own| own == *field)).collect();
        let inputs = self.correlations[index].inputs.iter().map(|input| match input.source {
            InputSource::Query(_) => None,
            InputSource::Correlation(earlier) => Some(self.tuples_of_alerts(earlier, asked)),
        });
        let inputs: Vec<Option<Vec<AlertTuples>>> = inputs.collect();
        move |row| {
            // An alert of an alert: the events behind it were asked when that one was, so that a chain costs one pass a level.
            if let Some(alerts) = &inputs[row.input as usize] {
                return alerts[row.alert as usize].clone();
            }
            let values = known.values.get(&(row.input, row.item));
            let list = |place: &Option<usize>| -> Values {
                let own = place.and_then(|place| values.map(|values| values[place].clone())).filter(|own| !own.is_empty());
                // A missing value is a value here: `product` of an empty list would drop the event's other fields as well.
                own.unwrap_or_else(|| Rc::new([MISSING]))
            };
            let lists: Vec<Values> = places.iter().map(list).collect();
            // Saturating: lists of a hostile event can multiply to more than a machine word holds.
            let size = lists.iter().map(|list| list.len()).fold(1, usize::saturating_mul);
            (size <= ROWS_PER_EVENT_MAX).then(|| product(&lists).collect())
        }
    }
}

/// The tuples of a run of rows, each as often as it occurs. Runs do not go back, so each row comes and goes once, however
/// many runs it is part of.
#[derive(Default)]
struct TupleWindow {
    first: usize,
    end: usize,
    counts: FxHashMap<Vec<u32>, u32>,
    /// Rows whose tuples are too many.
    too_many: u32,
}

impl TupleWindow {
    fn slide(&mut self, first: usize, end: usize, tuples: &dyn Fn(usize) -> AlertTuples) {
        // Nothing is shared with the last window: forgetting is cheaper than giving back row by row.
        if first >= self.end {
            *self = Self { first, end: first, ..Self::default() };
        }
        for row in self.end..end {
            match tuples(row) {
                None => self.too_many += 1,
                Some(tuples) => tuples.iter().for_each(|tuple| *self.counts.entry(tuple.clone()).or_default() += 1),
            }
        }
        for row in self.first..first {
            match tuples(row) {
                None => self.too_many -= 1,
                Some(tuples) => tuples.iter().for_each(|tuple| self.forget(tuple)),
            }
        }
        (self.first, self.end) = (first, end);
    }

    fn forget(&mut self, tuple: &[u32]) {
        if let Some(count) = self.counts.get_mut(tuple) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(tuple);
            }
        }
    }
}
