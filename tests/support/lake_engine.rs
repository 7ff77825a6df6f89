//! Engines that read lakes, run by their Python packages over tables in memory.

use std::io::Write;
use std::process::{Command, Stdio};

use retrohunt::catalog::EventType;
use retrohunt::sql::DialectName;
use serde_json::{Value, json};

use super::evaluate::Event;

/// What a statement gave: its rows as texts and nulls, or the engine's message.
pub(crate) type EngineAnswer = Result<Vec<Vec<Option<String>>>, String>;

/// The engines, as the script names them.
pub(crate) const ENGINES: [(DialectName, &str); 3] =
    [(DialectName::DuckDb, "duckdb"), (DialectName::ClickHouse, "clickhouse"), (DialectName::Spark, "spark")];

/// The table of an event type, as a lake has it.
pub(crate) fn table(event_type: &EventType, events: &[Event]) -> Value {
    let own = |event: &&Event| event.dataset.eq_ignore_ascii_case(&event_type.dataset) && event.code == event_type.code;
    let heads =
        [("_id", "integer"), ("_time", "text"), ("_time_us", "integer"), ("_host", "text"), ("_record", "integer"), ("_message", "text")];
    let kind = |has_lists: bool| if has_lists { "list" } else { "text" };
    let columns = event_type.columns.iter().map(|column| json!([column.view_name, kind(column.has_lists)]));
    let columns: Vec<Value> = heads.iter().map(|(name, kind)| json!([name, kind])).chain(columns).collect();
    let row = |event: &Event| {
        let heads = json!([event.id, "2024", event.time_us, event.host, null, event.message]);
        let cells = event_type.columns.iter().map(|column| {
            let value = event.fields.iter().find(|(name, _)| *name == column.field);
            value.map_or(Value::Null, |(_, value)| if column.has_lists { json!(value.members()) } else { json!(value.members()[0]) })
        });
        Value::Array(heads.as_array().expect("heads").iter().cloned().chain(cells).collect())
    };
    let rows: Vec<Value> = events.iter().filter(own).map(row).collect();
    json!({ "name": event_type.view, "columns": columns, "rows": rows })
}

/// Runs statements on an engine; `None`: it is not installed, which is said.
pub(crate) fn run(engine: &str, tables: &[Value], statements: &[String]) -> Option<Vec<EngineAnswer>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/lake_engine.py");
    let python = std::env::var("RETROHUNT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let started = Command::new(&python).args([script, engine]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = started else {
        println!("skipped {engine}: there is no {python}");
        return None;
    };
    let asked = json!({ "tables": tables, "statements": statements }).to_string();
    let mut stdin = child.stdin.take().expect("a pipe");
    // Beside reading: an answer may come before all is asked, and both pipes are short.
    let writer = std::thread::spawn(move || drop(stdin.write_all(asked.as_bytes())));
    let output = child.wait_with_output().expect("an answer");
    writer.join().expect("the statements are written");
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) {
        println!("skipped {engine}: {}", errors.trim());
        return None;
    }
    assert!(output.status.success(), "{engine}: {errors}");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let answers: Vec<EngineAnswer> = lines.lines().filter(|line| line.starts_with('{')).map(answer).collect();
    assert_eq!(answers.len(), statements.len(), "{engine}: {errors}");
    Some(answers)
}

fn answer(line: &str) -> EngineAnswer {
    let answer: Value = serde_json::from_str(line).expect("JSON");
    if let Some(error) = answer["error"].as_str() {
        return Err(error.to_owned());
    }
    let cell = |cell: &Value| cell.as_str().map(str::to_owned);
    let rows = answer["rows"].as_array().expect("rows");
    Ok(rows.iter().map(|row| row.as_array().expect("a row").iter().map(cell).collect()).collect())
}
