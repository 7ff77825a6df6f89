//! From alerts back to the events behind them, through any number of correlations.

use std::ops::Range;

use super::window::{Alert, Merged, Row};
use crate::catalog::EventId;
use crate::ir::{Correlation, InputSource};

/// What one correlation gave.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// By group and time.
    pub(super) rows: Vec<Row>,
    pub(super) alerts: Vec<Alert>,
    pub(super) findings: Vec<Merged>,
    /// Finding → its group: a tuple of spellings.
    pub(super) shown: Vec<u32>,
    /// Number of the first finding among those of all correlations.
    pub(super) first_finding: i64,
}

/// The events behind a finding, each once, by time; those of one time by id.
pub(super) fn events(correlations: &[Correlation], outcomes: &[Outcome], index: usize, finding: &Merged) -> Vec<(i64, EventId)> {
    // Correlation → the rows of it that are behind the finding. Inputs are earlier ones.
    let mut ranges: Vec<Vec<Range<usize>>> = vec![Vec::new(); index + 1];
    ranges[index].push(finding.first..finding.end);
    let mut events = Vec::new();
    for current in (0..=index).rev() {
        let mut own = std::mem::take(&mut ranges[current]);
        own.sort_unstable_by_key(|range| range.start);
        let mut next = 0;
        for range in own {
            for row in &outcomes[current].rows[range.start.max(next)..range.end.max(next)] {
                match correlations[current].inputs[row.input as usize].source {
                    InputSource::Query(_) => events.push((row.time_us, EventId(row.item))),
                    InputSource::Correlation(earlier) => {
                        let alert = &outcomes[earlier].alerts[row.alert as usize];
                        ranges[earlier].push(alert.first..alert.end);
                    }
                }
            }
            next = next.max(range.end);
        }
    }
    events.sort_unstable();
    events.dedup();
    events
}
