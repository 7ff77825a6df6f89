//! What a window is asked while it slides: rows come at its end and go at its start, in constant or logarithmic time.

use rustc_hash::FxHashMap;

use super::number::Numbers;
use super::window::MatchRow;
use crate::ir::{Correlation, CorrelationKind, NumberOp, RuleExpression, WindowCondition};

/// The state of a window.
pub(super) trait Judge {
    /// A row comes in at the end; times do not descend.
    fn add(&mut self, row: &MatchRow);
    /// The oldest row goes.
    fn remove(&mut self, row: &MatchRow);
    /// Whether the window that begins at `oldest` meets the condition.
    fn holds(&mut self, oldest: i64) -> bool;
}

/// Makes a judge for the rows of one group.
pub(super) fn judge<'c>(correlation: &'c Correlation, rows: &[MatchRow]) -> Box<dyn Judge + 'c> {
    let inputs = correlation.inputs.len();
    match (&correlation.kind, &correlation.condition) {
        (CorrelationKind::EventCount, WindowCondition::Number(tests)) => {
            // An event that two rules match is one event, and so are the alerts of one finding: what counts is `item`, not the row.
            Box::new(Distinct { of: |row: &MatchRow| row.item.cast_unsigned(), counts: FxHashMap::default(), tests })
        }
        (CorrelationKind::ValueCount(_), WindowCondition::Number(tests)) => {
            Box::new(Distinct { of: |row: &MatchRow| row.value, counts: FxHashMap::default(), tests })
        }
        (CorrelationKind::Value(aggregate, _), WindowCondition::Number(tests)) => Box::new(Numbers::new(*aggregate, tests, rows)),
        (CorrelationKind::TemporalOrdered, WindowCondition::Rules(expression)) => {
            // Only a conjunction has an order that can be checked; the front end refuses others for ordered correlations.
            let (wanted, unwanted) = expression.conjunction().unwrap_or_default();
            Box::new(Ordered::new(inputs, wanted, unwanted))
        }
        (_, WindowCondition::Number(tests)) => Box::new(Present { counts: vec![0; inputs], meets: Meets::Number(tests) }),
        (_, WindowCondition::Rules(expression)) => Box::new(Present { counts: vec![0; inputs], meets: Meets::Rules(expression) }),
    }
}

/// How many distinct things a window has.
struct Distinct<'c, F> {
    of: F,
    counts: FxHashMap<u64, u32>,
    tests: &'c [(NumberOp, f64)],
}

impl<F: Fn(&MatchRow) -> u64> Judge for Distinct<'_, F> {
    // Counted, not only noted: a thing may be in the window twice, and when its first row goes it is still there.
    fn add(&mut self, row: &MatchRow) {
        *self.counts.entry((self.of)(row)).or_default() += 1;
    }

    fn remove(&mut self, row: &MatchRow) {
        let thing = (self.of)(row);
        if let Some(count) = self.counts.get_mut(&thing) {
            *count -= 1;
            // Removed and not kept at zero: the length of the map is the answer, and the map stays as small as the window.
            if *count == 0 {
                self.counts.remove(&thing);
            }
        }
    }

    fn holds(&mut self, _oldest: i64) -> bool {
        WindowCondition::number_passes(self.tests, to_f64(self.counts.len()))
    }
}

/// Which inputs a window has.
struct Present<'c> {
    counts: Vec<u32>,
    meets: Meets<'c>,
}

enum Meets<'c> {
    Number(&'c [(NumberOp, f64)]),
    Rules(&'c RuleExpression),
}

impl Judge for Present<'_> {
    fn add(&mut self, row: &MatchRow) {
        self.counts[row.input as usize] += 1;
    }

    fn remove(&mut self, row: &MatchRow) {
        self.counts[row.input as usize] -= 1;
    }

    fn holds(&mut self, _oldest: i64) -> bool {
        match self.meets {
            Meets::Number(tests) => WindowCondition::number_passes(tests, to_f64(self.counts.iter().filter(|c| **c > 0).count())),
            Meets::Rules(expression) => expression.holds(&|input| self.counts[input] > 0),
        }
    }
}

/// Whether a window has a row of each wanted input, one after the other, and none of the unwanted.
///
/// For each number of steps, `latest` is the latest time at which so many steps can have begun. A chain is inside of
/// the window when it began there, so rows that go need not be looked at.
struct Ordered {
    counts: Vec<u32>,
    /// Input → its step.
    steps: Vec<Option<usize>>,
    unwanted: Vec<usize>,
    latest: Vec<Option<i64>>,
    /// What rows at the newest time add: a step at the same time does not come after.
    newest: Vec<Option<i64>>,
    now: i64,
}

impl Ordered {
    fn new(inputs: usize, wanted: Vec<usize>, unwanted: Vec<usize>) -> Self {
        let length = wanted.len();
        let mut steps = vec![None; inputs];
        wanted.into_iter().enumerate().for_each(|(step, input)| steps[input] = Some(step));
        Self { counts: vec![0; inputs], steps, unwanted, latest: vec![None; length], newest: vec![None; length], now: i64::MIN }
    }
}

impl Judge for Ordered {
    fn add(&mut self, row: &MatchRow) {
        if row.time_us != self.now {
            self.now = row.time_us;
            // Steps of one time wait in `newest` until time moves on: else two events of one microsecond would follow each other in
            // the order in which they were loaded.
            self.latest.iter_mut().zip(&mut self.newest).for_each(|(latest, newest)| *latest = (*latest).max(newest.take()));
        }
        self.counts[row.input as usize] += 1;
        if let Some(step) = self.steps[row.input as usize] {
            let began = if step == 0 { Some(row.time_us) } else { self.latest[step - 1] };
            // The latest begin wins: it stays inside of the window longest.
            self.newest[step] = self.newest[step].max(began);
        }
    }

    fn remove(&mut self, row: &MatchRow) {
        self.counts[row.input as usize] -= 1;
    }

    fn holds(&mut self, oldest: i64) -> bool {
        let last = self.latest.len().checked_sub(1);
        let began = last.and_then(|last| self.latest[last].max(self.newest[last]));
        began.is_some_and(|began| began >= oldest) && self.unwanted.iter().all(|input| self.counts[*input] == 0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^53")]
fn to_f64(count: usize) -> f64 {
    count as f64
}
