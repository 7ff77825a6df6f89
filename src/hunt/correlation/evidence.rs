//! From alerts back to the events behind them, through any number of correlations.

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::chain::AskedFields;
use super::window::{Alert, MatchRow, Merged};
use crate::catalog::EventId;
use crate::ir::{Correlation, InputSource};
use crate::store::EVIDENCE_CAP;

/// What one correlation gave.
#[derive(Debug, Default)]
pub(super) struct CorrelationResult {
    /// By group and time.
    pub(super) rows: Vec<MatchRow>,
    pub(super) alerts: Vec<Alert>,
    pub(super) findings: Vec<Merged>,
    /// Finding → its group: a tuple of spellings.
    pub(super) shown: Vec<u32>,
    /// Whether every row is an event, and each event one row: then rows can be counted instead of events.
    pub(super) plain: bool,
    /// Number of the first finding among those of all correlations.
    pub(super) first_finding: i64,
    /// What later correlations ask of the events.
    pub(super) asked: AskedFields,
}

/// Whether rows are as [`CorrelationResult::plain`] says.
pub(super) fn is_plain(correlation: &Correlation, rows: &[MatchRow]) -> bool {
    let mut seen = FxHashSet::default();
    correlation.inputs.iter().all(|input| matches!(input.source, InputSource::Query(_))) && rows.iter().all(|row| seen.insert(row.item))
}

/// The events behind a finding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Behind {
    /// How many, each once.
    pub(super) count: u64,
    /// Time of the first.
    pub(super) first_us: Option<i64>,
    /// Time of the last.
    pub(super) last_us: Option<i64>,
    /// The first of them by time, those of one time by id, at most [`EVIDENCE_CAP`].
    pub(super) evidence: Vec<EventId>,
}

/// Follows a finding back to its events.
pub(super) fn behind(correlations: &[Correlation], outcomes: &[CorrelationResult], index: usize, finding: &Merged) -> Behind {
    // Correlation → the rows of it that are behind the finding. Inputs are earlier ones.
    let mut ranges: Vec<Vec<Range<usize>>> = vec![Vec::new(); index + 1];
    ranges[index].push(finding.first..finding.end);
    let mut events: Vec<(i64, EventId)> = Vec::new();
    for current in (0..=index).rev() {
        let own = united(std::mem::take(&mut ranges[current]));
        let outcome = &outcomes[current];
        // Fast path: each row is one event, so the slice is counted without collecting it.
        if let [run] = own.as_slice()
            && outcome.plain
            && events.is_empty()
            && ranges.iter().all(Vec::is_empty)
        {
            return counted(&outcome.rows[run.clone()]);
        }
        for row in own.into_iter().flat_map(|range| &outcome.rows[range]) {
            match correlations[current].inputs[row.input as usize].source {
                InputSource::Query(_) => events.push((row.time_us, EventId(row.item))),
                InputSource::Correlation(earlier) => {
                    let alert = &outcomes[earlier].alerts[row.alert as usize];
                    ranges[earlier].push(alert.first..alert.end);
                }
            }
        }
    }
    // By time, then id. One event may be behind several alerts, and it counts once; `dedup` needs equal ones side by side.
    events.sort_unstable();
    events.dedup();
    Behind {
        count: events.len() as u64,
        first_us: events.first().map(|(time, _)| *time),
        last_us: events.last().map(|(time, _)| *time),
        evidence: events.iter().take(EVIDENCE_CAP).map(|(_, event)| *event).collect(),
    }
}

/// The same rows without overlaps, in order. Ranges that only touch stay apart: they may be of two groups.
fn united(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            // Not `<=`: rows of two groups stand next to each other, and the run would be of both.
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// Plain rows of one group, which are in the order of time and id.
fn counted(rows: &[MatchRow]) -> Behind {
    Behind {
        count: rows.len() as u64,
        first_us: rows.iter().map(|row| row.time_us).next(),
        last_us: rows.iter().map(|row| row.time_us).next_back(),
        evidence: rows.iter().take(EVIDENCE_CAP).map(|row| EventId(row.item)).collect(),
    }
}
