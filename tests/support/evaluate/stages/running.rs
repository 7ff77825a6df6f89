//! Stages that depend on the rows before a row: running aggregates, transactions.

use std::collections::BTreeSet;

use retrohunt::ir::{Pred, StreamStats, Transaction};

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
            let Some(key) = own.first() else { continue };
            let changed = last_key.as_ref().is_some_and(|last| last != key);
            if stream.reset.0.as_ref().is_some_and(|pred| passes(pred, &before)) || (stream.reset_on_change && changed) {
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

    /// Rows that belong together become one. They come newest first, so that the last row of a transaction opens it and its
    /// first closes it.
    pub(super) fn transaction(&mut self, transaction: &Transaction) {
        let mut open: Vec<Open> = Vec::new();
        let mut done: Vec<Open> = Vec::new();
        for row in std::mem::take(&mut self.rows) {
            let Some(at) = time(&row) else { continue };
            let key: Vec<BTreeSet<String>> = transaction.fields.iter().map(|name| members(&row, name)).collect();
            if !key.is_empty() && key.iter().all(BTreeSet::is_empty) {
                continue;
            }
            let is_end = transaction.ends_with.as_ref().is_some_and(|pred| passes(pred, &row));
            let is_start = transaction.starts_with.as_ref().is_some_and(|pred| passes(pred, &row));
            let mut place = open.iter().rposition(|open| open.takes(transaction, &key));
            if let Some(full) = place.filter(|place| !open[*place].may_go_on(transaction, at)) {
                done.push(open.remove(full).closed());
                place = None;
            }
            // A row that is both ends the one that has its end, and opens another where there is none.
            let opens = is_end && !(is_start && place.is_some_and(|place| open[place].has_end));
            if let Some(old) = place.filter(|_| opens) {
                done.push(open.remove(old).closed());
                place = None;
            }
            let place = place.unwrap_or_else(|| {
                open.push(Open { rows: Vec::new(), key: vec![BTreeSet::new(); key.len()], has_end: is_end, is_closed: false });
                open.len() - 1
            });
            let own = &mut open[place];
            own.rows.push(row);
            for (known, new) in own.key.iter_mut().zip(key) {
                known.extend(new);
            }
            let is_full = transaction.max_events.is_some_and(|most| own.rows.len() >= size(most));
            if (is_start && !opens) || is_full {
                done.push(open.remove(place).closed());
            }
        }
        done.extend(open);
        let kept = done.iter().filter(|open| transaction.keep_evicted || open.is_whole(transaction));
        let mut rows: Vec<Row> = kept.map(|open| open.row(transaction)).collect();
        rows.sort_by(|a, b| time(b).partial_cmp(&time(a)).expect("times are numbers"));
        self.rows = rows;
        transaction.fields.iter().for_each(|name| self.know(name));
        ["duration", "eventcount", "closed_txn"].into_iter().for_each(|name| self.know(name));
    }
}

/// A transaction that may get further rows.
struct Open {
    rows: Vec<Row>,
    key: Vec<BTreeSet<String>>,
    has_end: bool,
    /// By its start or by a limit.
    is_closed: bool,
}

impl Open {
    fn closed(self) -> Self {
        Self { is_closed: true, ..self }
    }

    /// Whether a row of a time may join.
    fn may_go_on(&self, transaction: &Transaction, at: f64) -> bool {
        let newest = self.rows.first().and_then(time).unwrap_or(at);
        let oldest = self.rows.last().and_then(time).unwrap_or(at);
        transaction.max_span.is_none_or(|span| newest - at <= span) && transaction.max_pause.is_none_or(|pause| oldest - at <= pause)
    }

    fn is_whole(&self, transaction: &Transaction) -> bool {
        let holds = |pred: &Option<Pred>, row: Option<&Row>| pred.as_ref().is_none_or(|pred| row.is_some_and(|row| passes(pred, row)));
        holds(&transaction.ends_with, self.rows.first()) && holds(&transaction.starts_with, self.rows.last())
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
        let (first, last) = (self.rows.last().and_then(time), self.rows.first().and_then(time));
        if let (Some(first), Some(last)) = (first, last) {
            set(&mut out, "_time", Value::Number(first));
            set(&mut out, "duration", Value::Number(last - first));
        }
        #[allow(clippy::cast_precision_loss, reason = "test groups are small")]
        set(&mut out, "eventcount", Value::Number(self.rows.len() as f64));
        set(&mut out, "closed_txn", Value::Number(if self.is_closed && self.is_whole(transaction) { 1.0 } else { 0.0 }));
        if let Some(id) = self.rows.iter().find_map(|row| row.get(ID)) {
            out.insert(ID.to_owned(), id.clone());
        }
        out
    }
}
