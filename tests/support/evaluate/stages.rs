//! Stages: rows in, rows out.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use retrohunt::ir::{Case, Dedup, Field, Glob, Part, Rename, SortKey, Stage, Stats, Vocabulary};

use super::pred::{Subject, passes};
use super::scalar::{Value, evaluate};
use super::{Event, Row, aggregate, text, time};

/// The column that carries the id of an event behind the row; no rule names it, and no stage removes it. A row without it
/// is an aggregation of nothing.
pub(crate) const ID: &str = "\0id";

/// The names by which an event's envelope answers.
const ENVELOPE: [&str; 5] = ["EventID", "EventCode", "Channel", "Computer", "_time"];

/// Rows at one point of a pipeline.
pub(crate) struct Table {
    /// The columns that a pattern may mean, also where they are null in every row.
    pub(crate) columns: BTreeSet<String>,
    /// The rows, in order.
    pub(crate) rows: Vec<Row>,
}

/// The row of an event: its fields, its envelope, `_time`.
fn event_row(event: &Event) -> Row {
    let mut row = Row::new();
    for name in event.fields.iter().map(|(name, _)| name.as_str()).chain(ENVELOPE) {
        let value = event.value(&Field { name: name.to_owned(), vocabulary: Vocabulary::Splunk });
        set(&mut row, name, value);
    }
    #[allow(clippy::cast_precision_loss, reason = "test ids are small")]
    set(&mut row, ID, Value::Number(event.id as f64));
    set(&mut row, "_time", Value::Number(text::seconds(event.time_us).parse().expect("a decimal number")));
    row
}

fn set(row: &mut Row, name: &str, value: Value) {
    match value {
        Value::Null => row.remove(name),
        value => row.insert(name.to_owned(), value),
    };
}

impl Table {
    /// The rows of events; the columns are those of all events.
    pub(crate) fn of_events(rows: &[&Event], all: &[Event]) -> Self {
        let names = all.iter().flat_map(|event| event.fields.iter().map(|(name, _)| name.as_str())).chain(ENVELOPE);
        Self { columns: names.map(str::to_owned).collect(), rows: rows.iter().map(|event| event_row(event)).collect() }
    }

    /// Applies one stage.
    pub(crate) fn apply(&mut self, stage: &Stage) {
        match stage {
            Stage::Filter(pred) => self.rows.retain(|row| passes(pred, row)),
            Stage::Eval(assignments) => {
                for (name, expression) in assignments {
                    self.put(name, |row| Some(evaluate(expression, row)));
                }
            }
            Stage::Stats(stats) => self.stats(stats),
            Stage::EventStats(stats) => self.event_stats(stats),
            Stage::Rename(renames) => renames.iter().for_each(|rename| self.rename(rename)),
            Stage::Keep(patterns) => self.retain(|name| patterns.iter().any(|pattern| is_meant(pattern, name))),
            Stage::Drop(patterns) => self.retain(|name| !patterns.iter().any(|pattern| is_meant(pattern, name))),
            Stage::Sort { keys, limit } => {
                self.rows.sort_by(|a, b| sort_order(keys, a, b));
                self.rows.truncate(limit.map_or(usize::MAX, size));
            }
            Stage::Head(count) => self.rows.truncate(size(*count)),
            Stage::Dedup(Dedup { count, fields, consecutive: false, keep_empty: false, keep_events: false }) if !fields.is_empty() => {
                dedup(*count, fields, &mut self.rows);
            }
            Stage::FillNull { fields, value } => self.fill_null(fields, value),
            Stage::Bin { field, span, alias } => {
                let binned = |row: &Row| row.get(field).and_then(Value::number).map(|n| Value::Number((n / span).floor() * span));
                self.put(alias.as_ref().unwrap_or(field), binned);
            }
            Stage::FormatTime { fields, format } => {
                for field in fields {
                    let written = |row: &Row| time::format(row.get(field)?.number()?, format).map(Value::Text);
                    self.rows.iter_mut().for_each(|row| put(row, field, written(row)));
                }
            }
            other => panic!("not evaluated yet: {other:?}"), // GAP
        }
    }

    /// Sets a column of each row; a row for which there is nothing to say keeps what it has.
    fn put(&mut self, name: &str, value: impl Fn(&Row) -> Option<Value>) {
        self.columns.insert(name.to_owned());
        self.rows.iter_mut().for_each(|row| put(row, name, value(row)));
    }

    fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.columns.retain(|name| is_kept(name));
        self.rows.iter_mut().for_each(|row| row.retain(|name, _| name == ID || is_kept(name)));
    }

    fn stats(&mut self, stats: &Stats) {
        self.rows = groups(stats, &self.rows).into_iter().map(|(key, rows)| stats_row(stats, &key, &rows)).collect();
        let names = stats.by.iter().map(|field| &field.name).chain(stats.aggregates.iter().map(|aggregate| &aggregate.alias));
        self.columns = names.cloned().collect();
    }

    fn event_stats(&mut self, stats: &Stats) {
        let groups = groups(stats, &self.rows);
        for row in &mut self.rows {
            let Some(group) = keys(stats, row).into_iter().next().and_then(|key| groups.get(&key)) else { continue };
            for aggregate in &stats.aggregates {
                set(row, &aggregate.alias, aggregate::compute(aggregate, group));
            }
        }
        self.columns.extend(stats.aggregates.iter().map(|aggregate| aggregate.alias.clone()));
    }

    /// Renames one column, or at the same time all that a pattern means; what had the new name is gone.
    fn rename(&mut self, rename: &Rename) {
        let pairs = self.pairs(rename);
        for row in &mut self.rows {
            let values: Vec<Option<Value>> = pairs.iter().map(|(from, _)| row.remove(from)).collect();
            for ((_, to), value) in pairs.iter().zip(values) {
                set(row, to, value.unwrap_or(Value::Null));
            }
        }
        let known: Vec<bool> = pairs.iter().map(|(from, _)| self.columns.remove(from)).collect();
        for ((_, to), known) in pairs.into_iter().zip(known) {
            if known {
                self.columns.insert(to)
            } else {
                self.columns.remove(&to)
            };
        }
    }

    fn pairs(&self, rename: &Rename) -> Vec<(String, String)> {
        let (Some((before, after)), Some((new_before, new_after))) = (rename.from.split_once('*'), rename.to.split_once('*')) else {
            return vec![(rename.from.clone(), rename.to.clone())];
        };
        let meant = self.columns.iter().filter(|name| is_meant(&rename.from, name));
        meant.map(|name| (name.clone(), format!("{new_before}{}{new_after}", &name[before.len()..name.len() - after.len()]))).collect()
    }

    /// Without names all columns are filled that have a value in some row.
    fn fill_null(&mut self, fields: &[String], value: &str) {
        let all = || self.rows.iter().flat_map(|row| row.keys().filter(|name| is_meant("*", name)).cloned()).collect();
        let names: BTreeSet<String> = if fields.is_empty() { all() } else { fields.iter().cloned().collect() };
        for name in names {
            self.put(&name, |row| (!row.contains_key(&name)).then(|| Value::Text(value.to_owned())));
        }
    }
}

fn put(row: &mut Row, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        set(row, name, value);
    }
}

fn size(count: u64) -> usize {
    usize::try_from(count).expect("64-bit")
}

/// Whether a name or pattern means a column. A pattern leaves names alone that begin with `_` unless it begins so itself.
fn is_meant(pattern: &str, name: &str) -> bool {
    if pattern.contains('*') && (name == ID || (name.starts_with('_') && !pattern.starts_with('_'))) {
        return false;
    }
    let parts =
        pattern.split('*').enumerate().flat_map(|(i, text)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(text.to_owned())]));
    text::glob_matches(&Glob::new(parts), name, Case::Exact)
}

/// Groups by the texts of the by-fields, which stay numbers where all of a group are. A list counts once per member, a
/// missing value drops the row or is filled.
fn groups(stats: &Stats, rows: &[Row]) -> BTreeMap<Vec<String>, Vec<Row>> {
    let mut groups: BTreeMap<Vec<String>, Vec<Row>> = BTreeMap::new();
    if stats.by.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for row in rows {
        for key in keys(stats, row) {
            groups.entry(key).or_default().push(row.clone());
        }
    }
    groups
}

fn keys(stats: &Stats, row: &Row) -> Vec<Vec<String>> {
    stats.by.iter().fold(vec![Vec::new()], |keys, field| {
        let members = row.texts(field).or_else(|| stats.fill_null_by.clone().map(|fill| vec![fill])).unwrap_or_default();
        let extend = |key: &Vec<String>| members.iter().map(|m| [key.as_slice(), std::slice::from_ref(m)].concat()).collect::<Vec<_>>();
        keys.iter().flat_map(extend).collect()
    })
}

fn stats_row(stats: &Stats, key: &[String], rows: &[Row]) -> Row {
    let mut row = Row::new();
    for (field, text) in stats.by.iter().zip(key) {
        let of = |row: &Row| row.get(&field.name).cloned().unwrap_or(Value::Null);
        let is_number = rows.iter().all(|row| matches!(of(row), Value::Number(_) | Value::Decimal(..)));
        let number = rows.first().map(of).filter(|_| is_number);
        set(&mut row, &field.name, number.unwrap_or_else(|| Value::Text(text.clone())));
    }
    for aggregate in &stats.aggregates {
        set(&mut row, &aggregate.alias, aggregate::compute(aggregate, rows));
    }
    if let Some(id) = rows.iter().find_map(|row| row.get(ID)) {
        row.insert(ID.to_owned(), id.clone());
    }
    row
}

fn sort_order(keys: &[SortKey], a: &Row, b: &Row) -> Ordering {
    let text = |row: &Row, key: &SortKey| row.get(&key.field).and_then(Value::text);
    keys.iter().fold(Ordering::Equal, |so_far, key| {
        so_far.then_with(|| {
            let order = match (text(a, key), text(b, key)) {
                (Some(a), Some(b)) => aggregate::order(&a, &b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            if key.descending { order.reverse() } else { order }
        })
    })
}

/// Rows without a value for one of the fields go; equal are values that are shown the same.
fn dedup(count: u64, fields: &[String], rows: &mut Vec<Row>) {
    let mut seen: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    rows.retain(|row| {
        let key: Option<Vec<String>> = fields.iter().map(|field| row.get(field).and_then(Value::text)).collect();
        key.is_some_and(|key| {
            let times = seen.entry(key).or_default();
            *times += 1;
            *times <= count
        })
    });
}
