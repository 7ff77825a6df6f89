//! The dialects of SQL: each form over each value, on the engine itself. What is right says the evaluator, which shares no code with
//! the dialects. SQLite always takes part; DuckDB, ClickHouse and Spark where their Python packages are installed.

mod command;
mod forms;
mod functions;
mod values;

use retrohunt::catalog::Catalog;
use retrohunt::ir::{Pred, Query, Scope, Source};
use retrohunt::plan::{Plan, plan};
use retrohunt::sql::{self, DialectName, StatementOptions};
use retrohunt::store::SqlValue;
use retrohunt::taxonomy::Taxonomy;

use crate::support::evaluate::{Event, matching};
use crate::support::lake_engine::{ENGINES, run, table};
use crate::support::stored::Stored;
use forms::Form;

fn query(filter: &Pred) -> Query {
    Query { source: Source::Events(Scope::Any), filter: filter.clone(), stages: Vec::new() }
}

fn planned(filter: &Pred, catalog: &Catalog) -> Plan {
    plan(&query(filter), &[], catalog, Taxonomy::embedded())
}

/// The statement of a form, or what has no form in it.
fn statement(filter: &Pred, catalog: &Catalog, dialect: DialectName) -> Result<String, String> {
    let options = StatementOptions { dialect, ..StatementOptions::default() };
    let statement = sql::portable_with(&planned(filter, catalog), catalog, options).expect("few columns");
    match statement.not_portable.as_slice() {
        [] => Ok(statement.sql),
        gaps => Err(gaps.iter().map(|gap| gap.message.as_str()).collect::<Vec<_>>().join("; ")),
    }
}

/// What narrows a form: the statements over each event type, and whether each is exact.
fn narrowed(filter: &Pred, catalog: &Catalog, dialect: DialectName) -> (String, bool) {
    let branches = sql::narrow(&planned(filter, catalog), catalog, dialect);
    let select = |branch: &sql::Narrowed| {
        let view = &catalog.event_type(branch.event_type).expect("a type").view;
        format!("SELECT v._id FROM {view} AS v WHERE {}", branch.condition)
    };
    let none = "SELECT v._id FROM security_7001 AS v WHERE v._id < 0".to_owned();
    let all: Vec<String> = branches.iter().map(select).chain([none]).collect();
    (all.join(" UNION ALL "), branches.iter().all(|branch| branch.is_exact))
}

fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}

/// Runs statements on SQLite, over the store itself; the first column of each row.
fn on_sqlite(stored: &Stored, statements: &[String]) -> Vec<Vec<i64>> {
    let ids = |sql: &String| {
        let result = stored.store.run(sql, &[]).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let id = |row: &Vec<SqlValue>| if let SqlValue::Integer(id) = row[0] { id } else { panic!("{row:?}") };
        sorted(result.rows.iter().map(id).collect())
    };
    statements.iter().map(ids).collect()
}

/// Runs statements on an engine; the first column of each row.
fn on_engine(engine: &str, catalog: &Catalog, events: &[Event], statements: &[String]) -> Option<Vec<Vec<i64>>> {
    let tables: Vec<_> = catalog.types.iter().map(|event_type| table(event_type, events)).collect();
    let answers = run(engine, &tables, statements)?;
    let ids = |(answer, sql): (Result<Vec<Vec<Option<String>>>, String>, &String)| {
        let rows = answer.unwrap_or_else(|error| panic!("{engine}: {error}\n{sql}"));
        sorted(rows.iter().map(|row| row[0].as_deref().and_then(|id| id.parse().ok()).expect("an id")).collect())
    };
    Some(answers.into_iter().zip(statements).map(ids).collect())
}

/// The events that a form selects and should not, and those that it should and does not, by their values.
fn difference(form: &Form, got: &[i64], expected: &[i64], events: &[Event]) -> String {
    let shown = |ids: &[i64], not: &[i64]| -> Vec<String> {
        let others = ids.iter().filter(|id| !not.contains(id));
        others.map(|id| format!("{:?}", events[usize::try_from(*id - 1).expect("an index")])).take(6).collect()
    };
    format!("{}\n too many: {:#?}\n missing: {:#?}", form.name, shown(got, expected), shown(expected, got))
}

/// Holds what a dialect gives against the evaluator: the forms themselves, then what narrows them.
fn hold(dialect: DialectName, ask: &dyn Fn(&[String]) -> Option<Vec<Vec<i64>>>, catalog: &Catalog, events: &[Event]) {
    let forms = forms::forms(events);
    let mut statements = Vec::new();
    let mut said: Vec<(&Form, bool, bool)> = Vec::new(); // whether it narrows, whether it is exact
    for form in &forms {
        match statement(&form.filter, catalog, dialect) {
            Ok(sql) => {
                statements.push(sql);
                said.push((form, false, true));
            }
            Err(gap) => assert!(dialect == DialectName::Sqlite || form.is_told, "{}: {gap}", form.name),
        }
        let (sql, is_exact) = narrowed(&form.filter, catalog, dialect);
        // Spark takes a part of a second for each statement: there the same condition is not asked twice.
        if dialect == DialectName::Spark && is_exact {
            continue;
        }
        statements.push(sql);
        said.push((form, true, is_exact));
    }
    let Some(answers) = ask(&statements) else { return };
    let mut faults = Vec::new();
    for (((form, narrows, is_exact), got), sql) in said.iter().zip(&answers).zip(&statements) {
        let expected = sorted(matching(&query(&form.filter), events));
        let is_superset = expected.iter().all(|id| got.binary_search(id).is_ok());
        let is_right = if *is_exact { *got == expected } else { is_superset };
        if !is_right {
            let what = if *narrows { "narrowed: " } else { "" };
            faults.push(format!("{what}{}\n{sql}", difference(form, got, &expected, events)));
        }
    }
    let exact = said.iter().filter(|(_, narrows, _)| !narrows).count();
    println!("{dialect:?}: {} forms, {exact} of them exact, {} events, {} faults", forms.len(), events.len(), faults.len());
    assert!(faults.is_empty(), "{dialect:?}: {} of {}\n{}", faults.len(), said.len(), faults[..faults.len().min(8)].join("\n\n"));
}

#[test]
fn every_form_gives_the_rows_that_it_means() {
    let events = values::events();
    let stored = Stored::of_batches(&events, 50);
    let catalog = stored.store.catalog().expect("a catalog");
    hold(DialectName::Sqlite, &|statements| Some(on_sqlite(&stored, statements)), &catalog, &events);
    for (dialect, engine) in ENGINES {
        hold(dialect, &|statements| on_engine(engine, &catalog, &events, statements), &catalog, &events);
    }
}

/// A form that selects everything, or nothing, would be right by accident.
#[test]
fn forms_tell_values_apart() {
    let events = values::events();
    let forms = forms::forms(&events);
    let dull: Vec<&str> = forms
        .iter()
        .filter(|form| {
            let found = matching(&query(&form.filter), &events).len();
            found == 0 || found == events.len()
        })
        .map(|form| form.name.as_str())
        .collect();
    assert!(dull.is_empty(), "{} of {}: {dull:#?}", dull.len(), forms.len());
}
