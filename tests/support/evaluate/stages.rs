//! Stages: rows in, rows out.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use retrohunt::ir::{Case, Field, Glob, Part, Rename, SortKey, Stage, Stats, Vocabulary};

use super::pred::{Subject, passes};
use super::scalar::{Value, evaluate};
use super::{Event, Row, aggregate, text};

/// The column that carries an event's id; no rule names it, and no stage that keeps the events of rows removes it.
pub(crate) const ID: &str = "\0id";

/// The row of an event: its fields, its envelope, `_time`.
pub(crate) fn event_row(event: &Event) -> Row {
    let names = event.fields.iter().map(|(name, _)| name.as_str()).chain(["EventID", "EventCode", "Channel", "Computer"]);
    let mut row = Row::new();
    for name in names {
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

/// Applies one stage.
pub(crate) fn apply(stage: &Stage, mut rows: Vec<Row>) -> Vec<Row> {
    match stage {
        Stage::Filter(pred) => rows.retain(|row| passes(pred, row)),
        Stage::Eval(assignments) => rows.iter_mut().for_each(|row| {
            for (name, expression) in assignments {
                let value = evaluate(expression, row);
                set(row, name, value);
            }
        }),
        Stage::Stats(stats) => return groups(stats, &rows).into_iter().map(|(key, rows)| stats_row(stats, &key, &rows)).collect(),
        Stage::EventStats(stats) => event_stats(stats, &mut rows),
        Stage::Rename(renames) => rows.iter_mut().for_each(|row| renames.iter().for_each(|r| rename(row, r))),
        Stage::Keep(patterns) => {
            rows.iter_mut().for_each(|row| row.retain(|name, _| name == ID || patterns.iter().any(|p| named(p, name))));
        }
        Stage::Drop(patterns) => rows.iter_mut().for_each(|row| row.retain(|name, _| !patterns.iter().any(|p| named(p, name)))),
        Stage::Sort { keys, limit } => {
            rows.sort_by(|a, b| sort_order(keys, a, b));
            rows.truncate(limit.map_or(usize::MAX, size));
        }
        Stage::Head(count) => rows.truncate(size(*count)),
        Stage::Dedup { count, fields } => return dedup(*count, fields, rows),
        Stage::FillNull { fields, value } => fill_null(fields, value, &mut rows),
        Stage::Bin { field, span, alias } => rows.iter_mut().for_each(|row| {
            if let Some(number) = row.get(field).and_then(Value::number) {
                set(row, alias.as_ref().unwrap_or(field), Value::Number((number / span).floor() * span));
            }
        }),
        Stage::FormatTime { fields, format } => rows.iter_mut().for_each(|row| {
            for field in fields {
                if let Some(seconds) = row.get(field).and_then(Value::number) {
                    set(row, field, Value::Text(text::format_seconds(seconds, format)));
                }
            }
        }),
    }
    rows
}

fn size(count: u64) -> usize {
    usize::try_from(count).expect("64-bit")
}

fn named(pattern: &str, name: &str) -> bool {
    let parts =
        pattern.split('*').enumerate().flat_map(|(i, text)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(text.to_owned())]));
    text::glob_matches(&Glob::new(parts), name, Case::Exact)
}

/// Groups by the texts of the by-fields; a list counts once per member, a missing value drops the row or is filled.
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
        set(&mut row, &field.name, Value::Text(text.clone()));
    }
    for aggregate in &stats.aggregates {
        set(&mut row, &aggregate.alias, aggregate::compute(aggregate, rows));
    }
    row
}

fn event_stats(stats: &Stats, rows: &mut [Row]) {
    let groups = groups(stats, rows);
    for row in rows {
        let Some(group) = keys(stats, row).into_iter().next().and_then(|key| groups.get(&key)) else { continue };
        for aggregate in &stats.aggregates {
            set(row, &aggregate.alias, aggregate::compute(aggregate, group));
        }
    }
}

fn rename(row: &mut Row, rename: &Rename) {
    assert!(!rename.from.contains('*'), "generated rules rename by whole names");
    let value = row.remove(&rename.from).unwrap_or(Value::Null);
    set(row, &rename.to, value);
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

fn dedup(count: u64, fields: &[String], rows: Vec<Row>) -> Vec<Row> {
    let mut seen: BTreeMap<Vec<String>, u64> = BTreeMap::new();
    let mut kept = Vec::new();
    for row in rows {
        let key: Option<Vec<String>> = fields.iter().map(|f| row.get(f).and_then(Value::text)).collect();
        let Some(key) = key else { continue };
        let times = seen.entry(key).or_default();
        *times += 1;
        if *times <= count {
            kept.push(row);
        }
    }
    kept
}

fn fill_null(fields: &[String], value: &str, rows: &mut [Row]) {
    let names: Vec<String> = if fields.is_empty() { rows.iter().flat_map(|r| r.keys().cloned()).collect() } else { fields.to_vec() };
    for row in rows {
        for name in &names {
            row.entry(name.clone()).or_insert_with(|| Value::Text(value.to_owned()));
        }
    }
}
