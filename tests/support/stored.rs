//! Stores with generated events in them, asked in the two ways that the project answers: by a hunt, and by the
//! portable SQL in a SQLite client that knows nothing of the project.

use std::collections::BTreeMap;
use std::sync::Arc;

use retrohunt::diag::SourceText;
use retrohunt::event::{Names, parse_iso_time};
use retrohunt::hunt::{self, HuntOptions, plan_inputs, plan_rule};
use retrohunt::ir::{Correlation, Query, Rule, RuleMeta, RuleOrigin, Source, Stage};
use retrohunt::load::{LoadOptions, load};
use retrohunt::plan::Kind;
use retrohunt::sql;
use retrohunt::store::{FindingFilter, SourceEnd, SourceStart, Store};
use retrohunt::taxonomy::Taxonomy;
use rusqlite::types::ValueRef;

use super::correlate::Expected;
use super::evaluate::{self, Event, Value};
use super::generate::batch::{batch, json_lines};

/// A result row: column → value; null columns are absent.
pub(crate) type ResultRow = BTreeMap<String, Value>;

/// What one rule found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Found {
    /// Ids of the events that match, or of those behind result rows.
    pub(crate) events: Vec<i64>,
    /// Result rows of a rule with stages.
    pub(crate) rows: Vec<ResultRow>,
}

/// Parts of event types are read at the same time, as those of large stores are.
fn in_parts() -> HuntOptions {
    let mut options = HuntOptions::starting_at(0);
    (options.jobs, options.part_events) = (3, 2);
    options
}

/// A store on disk.
pub(crate) struct Stored {
    folder: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Stored {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("test.db")).expect("a store");
        Self { folder, store }
    }

    /// Loads stored events (without NUL) as one source, in batches. The id of an event in the store is its id in the list.
    pub(crate) fn of_batches(events: &[Event], batch_size: usize) -> Self {
        let mut stored = Self::new();
        let names = Names::default();
        let mut writer = stored.store.writer().expect("a writer");
        writer.begin_source(&SourceStart { path: "generated".into() }).expect("a source");
        for part in events.chunks(batch_size.max(1)) {
            writer.append(&batch(part, &names), &names).expect("a batch");
        }
        let end = SourceEnd { format: "generated".into(), sha256: "0".repeat(64), bytes: 1, ..SourceEnd::default() };
        let outcome = writer.finish_source(&end).expect("a finished source");
        assert_eq!(outcome.new_events, u64::try_from(events.len()).expect("few"), "every event is new");
        drop(writer);
        stored.store.make_views(&[]).expect("views");
        stored
    }

    /// Writes events as JSON lines and loads the file, as users do.
    pub(crate) fn of_json(events: &[Event]) -> Self {
        let mut stored = Self::new();
        let path = stored.folder.path().join("events.jsonl");
        std::fs::write(&path, json_lines(events)).expect("a file");
        let summary = load(&mut stored.store, &[path], &LoadOptions::default(), &mut |_| {}).expect("a load");
        let loaded: u64 = summary.sources.iter().map(|s| s.new_events).sum();
        assert_eq!(
            (loaded, summary.is_partial()),
            (u64::try_from(events.len()).expect("few"), false),
            "{summary:?}\n{}",
            json_lines(events)
        );
        stored
    }

    /// Hunts with all rules at once; one result a rule.
    pub(crate) fn hunt(&mut self, rules: &[Rule]) -> Vec<Found> {
        let summary = hunt::run(&mut self.store, rules, &[], Taxonomy::embedded(), &in_parts(), &mut |_| {}).expect("a hunt");
        assert!(summary.failed.is_empty(), "{:?}", summary.failed);
        let mut filter = FindingFilter::default();
        filter.hunt = Some(summary.outcome.hunt_id);
        let saved = self.store.findings(&filter).expect("findings").len();
        assert_eq!(saved as u64, summary.findings, "every result row is a finding of its own");
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        for row in self.store.findings(&filter).expect("findings") {
            let columns = row.columns.iter().map(|(name, value)| (name.clone(), of_json(value)));
            found.entry(row.rule_id).or_default().rows.push(columns.filter(|(_, value)| *value != Value::Null).collect());
        }
        for row in self.store.evidence(&filter).expect("evidence") {
            found.entry(row.rule_id).or_default().events.push(row.event.0);
        }
        rules.iter().map(|rule| tidy(found.remove(&rule.meta.id).unwrap_or_default())).collect()
    }

    /// Hunts with correlations; the findings of each, by time and group.
    pub(crate) fn hunt_correlations(&mut self, correlations: &[Correlation]) -> Vec<Vec<Expected>> {
        let summary = hunt::run(&mut self.store, &[], correlations, Taxonomy::embedded(), &in_parts(), &mut |_| {}).expect("a hunt");
        let mut filter = FindingFilter::default();
        filter.hunt = Some(summary.outcome.hunt_id);
        let mut events: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for row in self.store.evidence(&filter).expect("evidence") {
            events.entry(row.finding_id).or_default().push(row.event.0);
        }
        let mut found: BTreeMap<String, Vec<Expected>> = BTreeMap::new();
        for row in self.store.findings(&filter).expect("findings") {
            let column = |name: &str| row.columns[name].as_str().expect("text");
            let time = |name: &str| parse_iso_time(column(name)).expect("a time");
            let events = events.remove(&row.finding_id).unwrap_or_default();
            assert_eq!(row.count, events.len() as u64, "few events are all evidence");
            found.entry(row.rule_id.clone()).or_default().push(Expected {
                first_us: row.first_time_us.expect("a time"),
                group: row.group.iter().map(|(k, v)| (k.clone(), v.as_str().expect("text").to_owned())).collect(),
                last_us: row.last_time_us.expect("a time"),
                first_window_us: time("first_window"),
                last_window_us: time("last_window"),
                windows: row.columns["windows"].as_u64().and_then(|n| usize::try_from(n).ok()).expect("a number"),
                events,
            });
        }
        found.values_mut().for_each(|list| list.sort());
        correlations.iter().map(|c| found.remove(&c.meta.id).unwrap_or_default()).collect()
    }

    /// A SQLite client that knows nothing of the project.
    pub(crate) fn client(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("test.db")).expect("a SQLite client")
    }

    /// Asks the store's views in a SQLite client: each row as its cells, joined by blanks.
    pub(crate) fn asked(&self, sql: &str) -> Vec<String> {
        let client = self.client();
        let mut statement = client.prepare(sql).unwrap_or_else(|e| panic!("{e}\n{sql}"));
        let columns = statement.column_count();
        let cell = |value: ValueRef<'_>| of_sql(value).text().unwrap_or_else(|| "NULL".to_owned());
        let rows = statement.query_map([], |row| (0..columns).map(|i| Ok(cell(row.get_ref(i)?))).collect::<Result<Vec<_>, _>>());
        rows.expect("rows").map(|row| row.expect("a row").join(" ")).collect()
    }

    /// Runs a correlation's portable SQL; `None` where it has none. Events are not named: their number is.
    pub(crate) fn portable_correlation(&self, index: usize, correlations: &[Correlation]) -> Option<Vec<(Expected, usize)>> {
        let catalog = self.store.catalog().expect("a catalog");
        let inputs = plan_inputs(correlations, &catalog, Taxonomy::embedded());
        let own: Vec<_> = inputs.iter().filter(|(of, ..)| *of == index).map(|(_, input, plan)| (*input, plan)).collect();
        let statement = sql::portable_correlation(&correlations[index], &own, &catalog);
        if !statement.not_portable.is_empty() {
            return None;
        }
        let client = rusqlite::Connection::open(self.folder.path().join("test.db")).expect("a SQLite client");
        let mut prepared = client.prepare(&statement.sql).unwrap_or_else(|e| panic!("{e}\n{}", statement.sql));
        let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        assert_eq!(names, statement.row.columns);
        let keys = statement.row.shown - 6;
        let rows = prepared.query_map([], |row| {
            let number = |i: usize| row.get::<_, i64>(keys + i);
            let group = (0..keys).map(|i| Ok((names[i].clone(), row.get(i)?))).collect::<Result<_, rusqlite::Error>>()?;
            let windows = usize::try_from(number(5)?).expect("a count");
            let (first_us, last_us, first_window_us, last_window_us) = (number(1)?, number(2)?, number(3)?, number(4)?);
            let found = Expected { first_us, group, last_us, first_window_us, last_window_us, windows, events: Vec::new() };
            Ok((found, usize::try_from(number(0)?).expect("a count")))
        });
        let mut found: Vec<_> = rows.expect("a query").map(|row| row.unwrap_or_else(|e| panic!("{e}\n{}", statement.sql))).collect();
        found.sort();
        Some(found)
    }

    /// The columns of a rule's result rows.
    pub(crate) fn columns(&self, rule: &Rule) -> Vec<String> {
        let plan = plan_rule(rule, &self.store.catalog().expect("a catalog"), Taxonomy::embedded());
        let columns = &plan.result().columns;
        let is_spread = columns.iter().any(|column| column.kind == Kind::Spread);
        let names = columns.iter().filter(|column| column.kind != Kind::Spread).map(|column| column.name.clone());
        // Which columns values make is known only when the rule has run: then every column is shown.
        names.chain(is_spread.then(|| EVERY.to_owned())).collect()
    }

    /// Runs a rule's portable SQL in a plain SQLite client; `None` where it has no portable form.
    pub(crate) fn portable(&self, rule: &Rule) -> Option<Found> {
        let catalog = self.store.catalog().expect("a catalog");
        let row_wise = only_filters(&rule.query);
        let plan = plan_rule(rule, &catalog, Taxonomy::embedded());
        let statement = sql::portable(&plan, &catalog).expect("few columns");
        if !statement.not_portable.is_empty() {
            return None;
        }
        let client = rusqlite::Connection::open(self.folder.path().join("test.db")).expect("a SQLite client");
        let mut prepared = client.prepare(&statement.sql).unwrap_or_else(|e| panic!("{e}\n{}", statement.sql));
        let names: Vec<String> = statement.row.columns[..statement.row.shown].to_vec();
        let mut rows = prepared.query([]).expect("a query");
        let mut found = Found::default();
        while let Some(row) = rows.next().unwrap_or_else(|e| panic!("{e}\n{}", statement.sql)) {
            if row_wise {
                found.events.push(row.get(0).expect("an id"));
            } else {
                let cells = names.iter().enumerate().map(|(i, name)| (name.clone(), of_sql(row.get_ref(i).expect("a column"))));
                found.rows.push(cells.filter(|(_, value)| *value != Value::Null).collect());
            }
        }
        Some(tidy(found))
    }
}

/// A column of a SQLite client; a list is its members on lines.
fn of_sql(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        #[allow(clippy::cast_precision_loss, reason = "a number is a double")]
        ValueRef::Integer(n) => Value::Number(n as f64),
        ValueRef::Real(n) => Value::Number(n),
        ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).expect("UTF-8")),
        ValueRef::Blob(bytes) => panic!("a blob in a result: {bytes:?}"),
    }
}

/// A column of a finding.
fn of_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Number(number) => Value::Number(number.as_f64().expect("a double")),
        serde_json::Value::Array(members) => {
            Value::List(members.iter().map(|member| member.as_str().expect("lists hold texts").to_owned()).collect())
        }
        other => panic!("no column of a finding is {other}"),
    }
}

pub(crate) fn tidy(mut found: Found) -> Found {
    found.events.sort_unstable();
    // By what is shown, so that rows which differ in a kind only stand side by side.
    found.rows.sort_by_cached_key(|row| row.iter().map(|(name, value)| (name.clone(), value.text())).collect::<Vec<_>>());
    found
}

/// The same rows as SQL has them: a list is its members on lines.
pub(crate) fn as_sql(found: &Found) -> Found {
    let cell = |value: &Value| match value {
        Value::List(members) => Value::Text(members.join("\n")),
        other => other.clone(),
    };
    let row = |row: &ResultRow| row.iter().map(|(name, value)| (name.clone(), cell(value))).collect();
    tidy(Found { events: found.events.clone(), rows: found.rows.iter().map(row).collect() })
}

/// Whether the rows at the end are the events that match, and nothing was done to them.
fn only_filters(query: &Query) -> bool {
    query.stages.iter().all(|stage| matches!(stage, Stage::Filter(_)))
}

/// Whether the rows at the end are no longer events, each in its place.
pub(crate) fn aggregates(query: &Query) -> bool {
    !matches!(query.source, Source::Events(_)) || query.stages.iter().any(joins_rows)
}

/// Whether a stage makes rows of several, or several of one.
fn joins_rows(stage: &Stage) -> bool {
    match stage {
        Stage::Stats(_)
        | Stage::Expand { .. }
        | Stage::Combine { .. }
        | Stage::Transaction(_)
        | Stage::Frequent(_)
        | Stage::AddTotals(_)
        | Stage::Chart(_)
        | Stage::Join(_)
        | Stage::Map(_)
        | Stage::Append(_)
        | Stage::AppendPipe(_)
        | Stage::Format => true,
        Stage::Filter(_)
        | Stage::Eval(_)
        | Stage::EventStats(_)
        | Stage::Rename(_)
        | Stage::Keep(_)
        | Stage::Drop(_)
        | Stage::Sort { .. }
        | Stage::Head(_)
        | Stage::HeadWhile(_)
        | Stage::Dedup(_)
        | Stage::FormatTime { .. }
        | Stage::Convert(_)
        | Stage::FillNull { .. }
        | Stage::Bin { .. }
        | Stage::Extract(_)
        | Stage::Substitute(_)
        | Stage::Replace(_)
        | Stage::Unpack(_)
        | Stage::MakeList(_)
        | Stage::JoinMembers { .. }
        | Stage::StreamStats(_)
        | Stage::ForEach(_)
        | Stage::FillDown(_)
        | Stage::Tail(_)
        | Stage::Reverse
        | Stage::Lookup(_) => false,
    }
}

/// What the evaluator says: the events of a rule whose rows still are events, and the rows of one with stages, in these columns.
pub(crate) fn evaluated(query: &Query, events: &[Event], columns: &[String]) -> Found {
    shown(query, (events, &evaluate::rows(query, events)), columns)
}

/// The same without rows that no event is behind (`stats count` of nothing): these are results, but no findings.
pub(crate) fn findings(query: &Query, events: &[Event], columns: &[String]) -> Found {
    let mut rows = evaluate::rows(query, events);
    rows.retain(evaluate::has_events);
    shown(query, (events, &rows), columns)
}

fn shown(query: &Query, (all, rows): (&[Event], &[evaluate::Row]), columns: &[String]) -> Found {
    let events = if aggregates(query) { Vec::new() } else { evaluate::events_of(rows) };
    if only_filters(query) {
        return Found { events, rows: Vec::new() };
    }
    let cells = |row: &evaluate::Row| {
        row.iter().filter(|(name, _)| is_shown(columns, all, name)).map(|(name, value)| (name.clone(), value.clone().into_data())).collect()
    };
    tidy(Found { events, rows: rows.iter().map(cells).collect() })
}

/// What stands for every column among the names of those that a result has.
pub(crate) const EVERY: &str = "*";

fn is_shown(columns: &[String], events: &[Event], name: &String) -> bool {
    // Where values make columns, all of these are shown; a field of an event still only where something names it.
    let is_of_event =
        || evaluate::stages::ENVELOPE.contains(&name.as_str()) || events.iter().any(|e| e.fields.iter().any(|(n, _)| n == name));
    let is_every = || columns.iter().any(|column| column == EVERY);
    columns.contains(name) || (*name != evaluate::stages::ID && is_every() && !is_of_event())
}

/// Whether two results are the same: the events of a rule that only filters, else the rows, with their kinds. The last
/// digits of a number may differ, as sums do that are made in another order.
pub(crate) fn same(a: &Found, b: &Found, query: &Query) -> bool {
    if only_filters(query) {
        return a.events == b.events;
    }
    a.rows.len() == b.rows.len() && a.rows.iter().zip(&b.rows).all(|(a, b)| same_row(a, b))
}

fn same_row(a: &ResultRow, b: &ResultRow) -> bool {
    let same = |a: &Value, b: &Value| match (a, b) {
        (Value::Number(a), Value::Number(b)) => (a - b).abs() <= 2e-6 + a.abs() * 1e-12,
        (a, b) => a == b,
    };
    a.len() == b.len() && a.iter().zip(b).all(|((an, av), (bn, bv))| an == bn && same(av, bv))
}

/// Gives queries the names that a hunt needs.
pub(crate) fn rules(queries: impl IntoIterator<Item = Query>) -> Vec<Rule> {
    let rule = |(n, query): (usize, Query)| {
        let mut meta = RuleMeta::default();
        (meta.id, meta.title, meta.hash) = (format!("rule-{n}"), format!("Rule {n}"), format!("{n}"));
        let source = SourceText { path: meta.id.clone(), text: String::new() };
        Rule { meta, query, origin: RuleOrigin::of(&Arc::new(source)) }
    };
    queries.into_iter().enumerate().map(rule).collect()
}
