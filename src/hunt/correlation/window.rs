//! The sliding window over the rows of a correlation, and alerts that overlap as one.

use super::judge::Judge;

/// A row of a correlation: one event, or one alert of an earlier correlation, in one group with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MatchRow {
    /// The group: a tuple of keys.
    pub(super) group: u32,
    /// When.
    pub(super) time_us: i64,
    /// What counts once: an event's id, or −1 − the number of a finding.
    pub(super) item: i64,
    /// Which input.
    pub(super) input: u32,
    /// What is counted (a tuple of keys) or aggregated (the bits of a number).
    pub(super) value: u64,
    /// The group as the row spells it: a tuple of spellings.
    pub(super) shown: u32,
    /// The alert, where the input is a correlation.
    pub(super) alert: u32,
}

/// A window that meets the condition: rows `first..end`, and the finding that it is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alert {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) finding: usize,
}

/// Windows of one group that overlap: rows `first..end`, alerts `alerts.0..alerts.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Merged {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) alerts: (usize, usize),
}

/// Slides the window over sorted rows, group by group. `judge` makes an empty judge for the rows of a group.
pub(super) fn slide<'j>(
    rows: &[MatchRow],
    window_us: Option<i64>,
    judge: &mut dyn FnMut(&[MatchRow]) -> Box<dyn Judge + 'j>,
) -> (Vec<Alert>, Vec<Merged>) {
    let (mut alerts, mut merged) = (Vec::new(), Vec::new());
    let mut start = 0;
    for group in rows.chunk_by(|a, b| a.group == b.group) {
        let mut found = Vec::new();
        slide_group(group, window_us, judge(group).as_mut(), &mut found);
        merge(start, &found, &mut alerts, &mut merged);
        start += group.len();
    }
    (alerts, merged)
}

fn slide_group(rows: &[MatchRow], window_us: Option<i64>, judge: &mut dyn Judge, found: &mut Vec<(usize, usize)>) {
    let (mut first, mut end) = (0, 0);
    // All rows of one time come in together: which of them stands first in the store must not decide an alert.
    for batch in rows.chunk_by(|a, b| a.time_us == b.time_us) {
        let now = batch[0].time_us;
        let oldest = window_us.map_or(i64::MIN, |window| now.saturating_sub(window));
        // A row exactly one window old still belongs: Sigma's timespan includes both ends.
        while rows[first].time_us < oldest {
            judge.remove(&rows[first]);
            first += 1;
        }
        batch.iter().for_each(|row| judge.add(row));
        end += batch.len();
        // Without a window there is one window: it ends with the last row.
        if (window_us.is_some() || end == rows.len()) && judge.holds(oldest) {
            found.push((first, end));
        }
    }
}

fn merge(start: usize, found: &[(usize, usize)], alerts: &mut Vec<Alert>, merged: &mut Vec<Merged>) {
    // Two windows are one finding while they share a row; windows that only touch are two.
    for run in found.chunk_by(|a, b| b.0 < a.1) {
        let before = alerts.len();
        let finding = merged.len();
        alerts.extend(run.iter().map(|(first, end)| Alert { first: start + first, end: start + end, finding }));
        let (first, end) = (alerts[before].first, alerts[alerts.len() - 1].end);
        merged.push(Merged { first, end, alerts: (before, alerts.len()) });
    }
}
