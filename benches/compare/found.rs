//! What a rule finds, in one form whoever says so: a hunt, a SQLite client, the evaluator.

use std::collections::BTreeMap;

use retrohunt::ir::{Query, Stage};
use rusqlite::types::ValueRef;
use serde_json::Map;

use super::evaluate::stages::ID;
use super::evaluate::text::number_text;
use super::evaluate::{Row, Value};

/// What stands for every column among the names of those that a result has.
pub(crate) const EVERY: &str = "*";

/// A result row: column → value; null columns are absent.
pub(crate) type ResultRow = BTreeMap<String, Value>;

/// What one rule found: events where it only filters, else result rows.
#[derive(Clone, Default)]
pub(crate) struct Found {
    pub(crate) events: Vec<i64>,
    pub(crate) rows: Vec<ResultRow>,
}

impl Found {
    /// In an order of its own, so that equal results are equal lists.
    pub(crate) fn sorted(mut self) -> Self {
        self.events.sort_unstable();
        // By what is shown, so that rows which differ in a kind only stand side by side.
        self.rows.sort_by_cached_key(|row| row.iter().map(|(name, value)| (name.clone(), value.text())).collect::<Vec<_>>());
        self
    }

    /// The same with every value as text, members of a list on lines.
    pub(crate) fn as_text(&self) -> Self {
        let row = |row: &ResultRow| row.iter().filter_map(|(name, value)| Some((name.clone(), Value::Text(value.text()?)))).collect();
        Self { events: self.events.clone(), rows: self.rows.iter().map(row).collect() }.sorted()
    }
}

/// The columns of a finding: null, text, number and list.
pub(crate) fn of_finding(columns: &Map<String, serde_json::Value>) -> ResultRow {
    use serde_json::Value as Json;
    let value = |value: &Json| match value {
        Json::Null => None,
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Number(number) => Some(Value::Number(number.as_f64().unwrap())),
        Json::Array(members) => Some(Value::List(members.iter().map(|member| member.as_str().unwrap().to_owned()).collect())),
        Json::Bool(_) | Json::Object(_) => panic!("no column of a finding is {value}"),
    };
    columns.iter().filter_map(|(name, json)| Some((name.clone(), value(json)?))).collect()
}

/// A row of a SQLite client: every value as text.
pub(crate) fn of_sql(names: &[String], row: &rusqlite::Row<'_>) -> ResultRow {
    let text = |i: usize| match row.get_ref(i).unwrap() {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number_text(number)),
        ValueRef::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
        ValueRef::Blob(bytes) => panic!("a blob in a result: {bytes:?}"),
    };
    names.iter().enumerate().filter_map(|(i, name)| Some((name.clone(), Value::Text(text(i)?)))).collect()
}

/// A row of the evaluator, in the columns that the result has. A truth is a text in a column.
pub(crate) fn of_row(row: &Row, columns: &[String]) -> ResultRow {
    let data = |value: &Value| if let Value::Bool(_) = value { Value::Text(value.text().unwrap()) } else { value.clone() };
    let is_every = columns.iter().any(|column| column == EVERY);
    let is_shown = |name: &String| columns.contains(name) || (is_every && name != ID);
    row.iter().filter(|(name, _)| is_shown(name)).map(|(name, value)| (name.clone(), data(value))).collect()
}

/// Whether the rows at the end are the events that match, and nothing was done to them.
pub(crate) fn only_filters(query: &Query) -> bool {
    query.stages.iter().all(|stage| matches!(stage, Stage::Filter(_)))
}

/// The columns that rows are grouped by.
pub(crate) fn group_keys(query: &Query) -> Vec<&str> {
    let stats = query.stages.iter().filter_map(|stage| if let Stage::Stats(stats) = stage { Some(&stats.by) } else { None });
    stats.flatten().map(|field| field.name.as_str()).collect()
}

/// Whether two results are the same.
pub(crate) fn same(a: &Found, b: &Found, query: &Query) -> bool {
    let keys = group_keys(query);
    a.events == b.events && a.rows.len() == b.rows.len() && a.rows.iter().zip(&b.rows).all(|(a, b)| same_row(a, b, &keys))
}

/// Whether two rows are the same. The last digits of a number may differ, as sums do that are made in another order, but
/// not those of a group key.
pub(crate) fn same_row(a: &ResultRow, b: &ResultRow, keys: &[&str]) -> bool {
    let kind = |value: &Value| std::mem::discriminant(value);
    let same = |name: &str, a: &Value, b: &Value| {
        let near = || matches!((a.number(), b.number()), (Some(a), Some(b)) if (a - b).abs() <= 2e-6 + a.abs() * 1e-12);
        a == b || (!keys.contains(&name) && kind(a) == kind(b) && near())
    };
    a.len() == b.len() && a.iter().zip(b).all(|((an, av), (bn, bv))| an == bn && same(an, av, bv))
}
