//! Small searches whose rows are known: each compiles and gives exactly these, or stands in a golden file with its reason.

use std::collections::BTreeMap;
use std::path::Path;

use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::event::format_time;
use retrohunt::hunt::{self, HuntOptions};
use retrohunt::ir::{Rule, Stage};
use retrohunt::load::{LoadOptions, load};
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;
use serde_json::Value;

use crate::support::generate::splunk::escu_yaml;
use crate::support::golden;
use crate::support::shared::shared;

/// A result row as the vectors have it: column → text.
type Row = BTreeMap<String, String>;

/// 2024-01-01T12:59:00Z: the time of the first event; each one behind it is a minute older.
const NEWEST_US: i64 = 1_704_113_940_000_000;

struct Vector {
    name: String,
    search: String,
    rows: Vec<Row>,
}

/// How a column is shown: null as the empty text, a list as its members on lines.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(members) => members.iter().map(shown).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

fn row(columns: &serde_json::Map<String, Value>) -> Row {
    columns.iter().map(|(name, value)| (name.clone(), shown(value))).collect()
}

/// An event with a time: the first of the list is the newest, as Splunk returns events.
fn timed(event: &Value, place: i64) -> Value {
    let mut event = event.clone();
    let members = event.as_object_mut().expect("an event");
    members.insert("@timestamp".to_owned(), format_time(NEWEST_US - place * 60_000_000).into());
    event
}

/// The vectors by their events.
fn vectors(text: &str) -> BTreeMap<String, Vec<Vector>> {
    let mut out: BTreeMap<String, Vec<Vector>> = BTreeMap::new();
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).expect("a vector");
        let events = (0..).zip(vector["events"].as_array().expect("events"));
        let events: String = events.map(|(place, event)| format!("{}\n", timed(event, place))).collect();
        let rows = vector["rows"].as_array().expect("rows").iter().map(|r| row(r.as_object().expect("a row"))).collect();
        let text = |key: &str| vector[key].as_str().expect("a text").to_owned();
        out.entry(events).or_default().push(Vector { name: text("name"), search: text("search"), rows });
    }
    out
}

fn compiled(number: usize, search: &str) -> Result<Rule, String> {
    let mut set = load_text(&format!("{number}.yml"), &escu_yaml(search), &CompileOptions::default());
    let errors: Vec<&str> = set.diagnostics.iter().filter(|d| d.severity == retrohunt::diag::Severity::Error).map(|d| d.code).collect();
    match set.rules.pop() {
        Some(mut rule) if errors.is_empty() => {
            rule.meta.id = format!("{number}");
            Ok(rule)
        }
        _ => Err(errors.join(" ")),
    }
}

/// Hunts with all searches over their events; the rows of each.
fn found(folder: &Path, events: &str, rules: &[Rule]) -> BTreeMap<String, Vec<Row>> {
    let path = folder.join("events.jsonl");
    std::fs::write(&path, events).expect("a file");
    let mut store = Store::open(&folder.join("store.db")).expect("a store");
    load(&mut store, &[path], &LoadOptions::default(), &mut |_| {}).expect("a load");
    let summary = hunt::run(&mut store, rules, &[], Taxonomy::embedded(), &HuntOptions::starting_at(0), &mut |_| {}).expect("a hunt");
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    let mut out: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for finding in store.findings(&FindingFilter::default()).expect("findings") {
        out.entry(finding.rule_id).or_default().push(row(&finding.columns));
    }
    out
}

/// A hunt has no finding of the one row that an aggregation of nothing gives.
fn expected(vector: &Vector, rule: &Rule, found: &[Row]) -> Vec<Row> {
    let mut rows = vector.rows.clone();
    let aggregates = rule.query.stages.iter().any(|stage| matches!(stage, Stage::Stats(_)));
    let of_nothing = aggregates && rows.len() == 1 && found.is_empty() && rows[0].values().all(|value| value == "0");
    if of_nothing {
        rows.clear();
    }
    rows.sort();
    rows
}

/// Stages and aggregates, each option by an example.
#[test]
fn stages_give_their_rows() {
    let (table, _) = outcomes(include_str!("../../golden/stage_vectors.jsonl"));
    assert_eq!(table, Vec::<String>::new());
}

#[test]
fn searches_give_the_rows_that_are_known() {
    let Some(path) = shared("reference/spl-vectors.jsonl") else { return };
    let (table, right) = outcomes(&std::fs::read_to_string(path).expect("spl-vectors.jsonl"));
    golden::compare("spl_vectors.tsv", &format!("vector\toutcome ({right} are right)\n{}", table.concat()));
}

/// The vectors that do not give their rows, each with what it gives, and how many do.
fn outcomes(text: &str) -> (Vec<String>, usize) {
    let (mut table, mut right): (Vec<String>, usize) = (Vec::new(), 0);
    for (events, vectors) in vectors(text) {
        let folder = tempfile::tempdir().expect("a folder");
        let compiled: Vec<Result<Rule, String>> = vectors.iter().enumerate().map(|(n, v)| compiled(n, &v.search)).collect();
        let rules: Vec<Rule> = compiled.iter().filter_map(|rule| rule.as_ref().ok()).cloned().collect();
        let mut found = found(folder.path(), &events, &rules);
        for (number, (vector, rule)) in vectors.iter().zip(compiled).enumerate() {
            let mut rows = found.remove(&number.to_string()).unwrap_or_default();
            rows.sort();
            match rule {
                Err(codes) => table.push(format!("{}\trefused: {codes}\n", vector.name)),
                Ok(rule) if rows == expected(vector, &rule, &rows) => right += 1,
                Ok(_) => {
                    println!("{}: {}\n  events {events}\n  rows {rows:?}\n  not  {:?}", vector.name, vector.search, vector.rows);
                    table.push(format!("{}\tother rows: {rows:?}\n", vector.name));
                }
            }
        }
    }
    table.sort();
    (table, right)
}
