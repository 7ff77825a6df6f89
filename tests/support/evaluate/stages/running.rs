//! Stages that depend on the rows before a row: running aggregates, transactions.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use retrohunt::ir::{StreamStats, Transaction};

use super::super::pred::passes;
use super::super::scalar::Value;
use super::super::{Row, aggregate};
use super::{ID, Table, keys, set, size};

/// The members of a value; none where it is missing.
fn members(row: &Row, name: &str) -> BTreeSet<String> {
    row.get(name).and_then(Value::members).unwrap_or_default().into_iter().collect()
}

/// Seconds since 1970 of a row.
fn time(row: &Row) -> Option<f64> {
    row.get("_time").and_then(Value::number)
}

impl Table {
    /// Each row gets the aggregates of the rows before it, and of itself.
    pub(super) fn stream_stats(&mut self, stream: &StreamStats) {
        let stats = &self.without_patterns(&stream.stats);
        stats.aggregates.iter().for_each(|aggregate| self.know(&aggregate.alias));
        let mut seen: Vec<Row> = Vec::new(); // since the last new start
        let mut last_key = None;
        for row in &mut self.rows {
            let before = row.clone();
            let own = keys(stats, &before);
            // Any row may ask for a new start, also one that counts for no group.
            if stream.reset.0.as_ref().is_some_and(|pred| passes(pred, &before)) {
                seen.clear();
            }
            let Some(key) = own.first() else {
                if stream.reset.1.as_ref().is_some_and(|pred| passes(pred, &before)) {
                    seen.clear();
                }
                continue;
            };
            if stream.reset_on_change && last_key.as_ref().is_some_and(|last| last != key) {
                seen.clear();
            }
            last_key = Some(key.clone());
            if stream.current {
                seen.push(before.clone());
            }
            let is_own = |row: &&Row| keys(stats, row).contains(key);
            // A row without a time is near itself alone.
            let in_time = |other: &&Row| match (stream.time_window, time(&before), time(other)) {
                (None, ..) => true,
                (Some(window), Some(now), Some(then)) => (now - then).abs() < window,
                _ => stream.current && seen.last().is_some_and(|own| std::ptr::eq(*other, own)),
            };
            let window = if stream.window == 0 { usize::MAX } else { size(stream.window) };
            let mut counted: Vec<Row> = if stream.global {
                seen.iter().rev().take(window).filter(is_own).filter(in_time).cloned().collect()
            } else {
                seen.iter().rev().filter(is_own).take(window).filter(in_time).cloned().collect()
            };
            counted.reverse();
            // A row counts as often as its members make the key.
            let times = |row: &Row| keys(stats, row).iter().filter(|other| *other == key).count();
            let counted: Vec<Row> = counted.iter().flat_map(|row| vec![row.clone(); times(row)]).collect();
            for aggregate in &stats.aggregates {
                set(row, &aggregate.alias, aggregate::compute(aggregate, &counted));
            }
            if !stream.current {
                seen.push(before);
            }
            if stream.reset.1.as_ref().is_some_and(|pred| passes(pred, row)) {
                seen.clear();
            }
        }
    }

    /// Rows that belong together become one (rule P14). They are taken newest first, so that the last row of a transaction opens it and
    /// its first closes it.
    pub(super) fn transaction(&mut self, transaction: &Transaction) {
        let (mut open, mut done): (Vec<Open>, Vec<Open>) = Default::default();
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_by(|a, b| latest_first(time(a), time(b)));
        for row in rows {
            let at = time(&row);
            let key: Vec<BTreeSet<String>> = transaction.fields.iter().map(|name| members(&row, name)).collect();
            if !key.is_empty() && key.iter().all(BTreeSet::is_empty) {
                continue;
            }
            let is_end = transaction.ends_with.as_ref().is_some_and(|pred| passes(pred, &row));
            let is_start = transaction.starts_with.as_ref().is_some_and(|pred| passes(pred, &row));
            // One that shares a value goes before one that only does not contradict.
            let latest = |shares: bool| open.iter().rposition(|open| open.takes(transaction, &key) && (!shares || open.shares(&key)));
            let mut place = latest(true).or_else(|| latest(false));
            if let Some(full) = place.filter(|place| !open[*place].may_go_on(transaction, at)) {
                done.push(Open { at_limit: true, ..open.remove(full) });
                place = None;
            }
            // A row that is both ends the one that has its end, and opens another where there is none.
            let opens = is_end && !(is_start && place.is_some_and(|place| open[place].has_end));
            if let Some(old) = place.filter(|_| opens) {
                done.push(open.remove(old));
                place = None;
            }
            let place = place.unwrap_or_else(|| {
                open.push(Open { key: vec![BTreeSet::new(); key.len()], has_end: is_end, ..Open::default() });
                open.len() - 1
            });
            let own = &mut open[place];
            own.rows.push(row);
            for (known, new) in own.key.iter_mut().zip(key) {
                known.extend(new);
            }
            own.has_start = is_start && !opens;
            own.at_limit = transaction.max_events.is_some_and(|most| own.rows.len() >= size(most));
            if own.has_start || own.at_limit {
                done.push(open.remove(place));
            }
        }
        done.extend(open);
        let kept = done.iter().filter(|open| transaction.keep_evicted || open.is_whole(transaction));
        self.rows = kept.map(|open| open.row(transaction)).collect();
        self.rows.sort_by(|a, b| latest_first(time(a), time(b)));
        transaction.fields.iter().for_each(|name| self.know(name));
        ["duration", "eventcount", "closed_txn"].into_iter().for_each(|name| self.know(name));
    }
}

/// What has no time comes last.
fn latest_first(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.partial_cmp(&a).expect("times are numbers"),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// A transaction that may get further rows.
#[derive(Default)]
struct Open {
    rows: Vec<Row>,
    key: Vec<BTreeSet<String>>,
    /// Whether its last row opened it as an end.
    has_end: bool,
    /// Whether its first row closed it as a start.
    has_start: bool,
    /// Whether a limit closed it.
    at_limit: bool,
}

impl Open {
    /// Whether a row of a time may join. Limits of time do not speak of rows without one.
    fn may_go_on(&self, transaction: &Transaction, at: Option<f64>) -> bool {
        let times = || self.rows.iter().filter_map(time);
        let (Some(at), Some(newest), Some(oldest)) = (at, times().next(), times().next_back()) else { return true };
        transaction.max_span.is_none_or(|span| newest - at <= span) && transaction.max_pause.is_none_or(|pause| oldest - at <= pause)
    }

    fn is_whole(&self, transaction: &Transaction) -> bool {
        (self.has_end || transaction.ends_with.is_none()) && (self.has_start || transaction.starts_with.is_none())
    }

    /// Whether a row has a value in common.
    fn shares(&self, key: &[BTreeSet<String>]) -> bool {
        self.key.iter().zip(key).any(|(own, new)| !own.is_disjoint(new))
    }

    /// Whether a row does not contradict, and has something in common where that is asked.
    fn takes(&self, transaction: &Transaction, key: &[BTreeSet<String>]) -> bool {
        let both = || self.key.iter().zip(key).filter(|(own, new)| !own.is_empty() && !new.is_empty());
        both().all(|(own, new)| !own.is_disjoint(new)) && (!transaction.connected || key.is_empty() || both().next().is_some())
    }

    fn row(&self, transaction: &Transaction) -> Row {
        let mut out = Row::new();
        let names: BTreeSet<&String> = self.rows.iter().flat_map(Row::keys).filter(|name| *name != ID).collect();
        for name in names {
            let members: BTreeSet<String> = self.rows.iter().filter_map(|row| row.get(name)?.members()).flatten().collect();
            set(&mut out, name, Value::of_members(&members.into_iter().collect::<Vec<_>>()));
        }
        let times = || self.rows.iter().filter_map(time);
        set(&mut out, "_time", times().next_back().map_or(Value::Null, Value::Number));
        set(&mut out, "duration", Value::Number(times().next().zip(times().next_back()).map_or(0.0, |(last, first)| last - first)));
        #[allow(clippy::cast_precision_loss, reason = "test groups are small")]
        set(&mut out, "eventcount", Value::Number(self.rows.len() as f64));
        set(&mut out, "closed_txn", Value::Number(if (self.has_start || self.at_limit) && self.is_whole(transaction) { 1.0 } else { 0.0 }));
        if let Some(id) = self.rows.iter().find_map(|row| row.get(ID)) {
            out.insert(ID.to_owned(), id.clone());
        }
        out
    }
}
