//! The upkeep of a store: what is in it, whether it is whole, copies, and removing.

mod copies;
mod drop_source;
mod fixtures;
mod info;
mod kill;
mod lake;
mod merge;
mod purge;
mod verify;

use serde_json::{Value, json};

use crate::support::binary::{TestStore, text};
use crate::support::samples::sigma_rule;

/// The rule that most of these tests hunt with: one finding for each event 4624.
const EACH: &str = "aaaaaaaa-0000-4000-8000-000000000011";
/// One that finds groups of events.
const MANY: &str = "aaaaaaaa-0000-4000-8000-000000000012";

/// An event of a minute of 2024-03-01 as a flat JSON line.
fn line(minute: i64, record: i64, code: u32, more: &str) -> String {
    format!(
        "{{\"@timestamp\":\"2024-03-01T{:02}:{:02}:00.000Z\",\"Channel\":\"Security\",\"EventID\":{code},\"Hostname\":\"ws{}.test\",\"RecordNumber\":{record},\"TargetUserName\":\"user{}\",\"List\":[\"a{record}\",\"b\"],\"Message\":\"An account was logged on.\\r\\n\\r\\nRecord {record} of a test\"{more}}}\n",
        minute / 60,
        minute % 60,
        record % 2,
        record % 3,
    )
}

/// Lines of one code, a minute each, their records counted from the minute.
fn lines(minutes: std::ops::Range<i64>, code: u32) -> String {
    minutes.map(|minute| line(minute, minute + 1, code, "")).collect()
}

/// Writes the rules and returns their folder.
fn rules(store: &TestStore) -> String {
    store.file("rules/each.yml", sigma_rule(EACH, "EventID: 4624"));
    let base = sigma_rule("aaaaaaaa-0000-4000-8000-000000000013", "EventID: 4625")
        .replace("title: Rule", "title: Base\nname: base_rule\ndescription: Rule");
    let many = format!(
        "{base}---\ntitle: Many of a user\nid: {MANY}\nstatus: test\nlevel: medium\ncorrelation:\n    type: event_count\n    rules:\n        - base_rule\n    group-by:\n        - TargetUserName\n    timespan: 1h\n    condition:\n        gte: 3\n"
    );
    store.file("rules/many.yml", many);
    store.folder().join("rules").to_string_lossy().into_owned()
}

fn hunt(store: &TestStore) {
    store.run(["hunt", "--rules", &rules(store)]).expect_code(&[0, 3]);
}

/// Fails unless the store is whole.
#[track_caller]
fn assert_whole(store: &TestStore, what: &str) {
    let verified = store.run(["store", "verify", "--format", "jsonl"]);
    assert_eq!(verified.code, 0, "{what}: {}\n{}", verified.stdout, verified.stderr);
}

/// All of current findings that does not depend on the numbers that a store gives.
fn findings(store: &TestStore) -> Vec<Value> {
    let rows = store.run(["findings", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let mut out: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!([
                row["rule_id"],
                row["group"],
                row["count"],
                row["first_time"],
                row["last_time"],
                row["details"],
                row["hosts"],
                row["users"]
            ])
        })
        .collect();
    out.sort_by_key(ToString::to_string);
    out
}

/// The evidence of findings, without the numbers of a store.
fn evidence(store: &TestStore) -> Vec<String> {
    let rows = store.run(["findings", "--evidence", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let mut out: Vec<String> =
        rows.iter().map(|row| format!("{} {} {} {}", text(row, "rule_id"), row["path"], row["record"], row["time"])).collect();
    out.sort();
    out
}

/// The identities of current findings.
fn identities(store: &TestStore) -> Vec<String> {
    let connection = rusqlite::Connection::open_with_flags(store.path(), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = connection.prepare("SELECT finding_id FROM finding WHERE state = 'current' ORDER BY 1").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
