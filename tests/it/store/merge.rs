//! Two stores become one that has what a store with all files has.

use serde_json::json;

use super::{assert_whole, evidence, findings, hunt, identities, lines};
use crate::support::binary::{TestStore, run, text};
use crate::support::samples::{gzip, zip};

/// The inputs of all stores of a test, under the same paths.
struct Inputs(TestStore);

impl Inputs {
    fn new() -> Self {
        let folder = TestStore::new();
        let (day, night) = (lines(0..60, 4624), lines(60..120, 4625));
        folder.file("day.jsonl", &day);
        folder.file("day-again.jsonl", &day);
        folder.file("week.jsonl", lines(30..90, 4624) + &lines(100..140, 4625));
        folder.file("night.jsonl.gz", gzip(night.as_bytes()));
        folder.file("logs.zip", zip(&[("x.jsonl", lines(200..230, 4624).as_bytes()), ("note.txt", b"no log")]));
        Self(folder)
    }

    fn store(&self, names: &[&str]) -> TestStore {
        let store = TestStore::new();
        for name in names {
            store.load([self.0.folder().join(name)]);
        }
        hunt(&store);
        store
    }
}

fn merge(into: &TestStore, other: &TestStore) -> String {
    into.run(["store", "merge", &other.path().to_string_lossy()]).expect_code(&[0]).stderr
}

/// All events with their fields, without the numbers of a store.
fn events(store: &TestStore) -> Vec<String> {
    let mut out = Vec::new();
    for code in [4624, 4625] {
        let sql = format!(
            "SELECT _time, _host, _record, TargetUserName, List, m.Message FROM security_{code} s LEFT JOIN messages m USING (_id)"
        );
        let rows = store.run(["sql", &sql, "--format", "jsonl"]);
        out.extend(rows.stdout.lines().map(str::to_owned));
    }
    out.sort();
    out
}

fn assert_same(merged: &TestStore, whole: &TestStore, what: &str) {
    assert_whole(merged, what);
    assert_eq!(events(merged), events(whole), "{what}");
    hunt(merged);
    assert_whole(merged, what);
    assert_eq!(findings(merged), findings(whole), "{what}");
    assert_eq!(evidence(merged), evidence(whole), "{what}");
    assert_eq!(identities(merged), identities(whole), "{what}");
}

#[test]
fn a_merged_store_finds_what_one_store_of_all_files_finds() {
    let inputs = Inputs::new();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["day.jsonl"], &["night.jsonl.gz"]),
        (&["day.jsonl"], &["week.jsonl"]),
        (&["week.jsonl"], &["day.jsonl", "day-again.jsonl", "week.jsonl", "logs.zip"]),
        (&["logs.zip", "day.jsonl"], &["week.jsonl", "logs.zip", "night.jsonl.gz"]),
        (&["night.jsonl.gz"], &["day.jsonl", "week.jsonl"]),
    ];
    for (own, theirs) in cases {
        let what = format!("{own:?} and {theirs:?}");
        let (merged, other) = (inputs.store(own), inputs.store(theirs));
        let whole = inputs.store(&[own, theirs].concat());
        let before = std::fs::read(other.path()).unwrap();
        merge(&merged, &other);
        assert!(std::fs::read(other.path()).unwrap() == before, "{what}: the other store is only read");
        assert_same(&merged, &whole, &what);
        let said = merge(&merged, &other);
        assert!(said.contains("0 events of 0 sources"), "{what}: {said}");
        assert_same(&merged, &whole, &format!("{what}, twice"));
    }
}

#[test]
fn the_later_word_on_a_finding_counts_and_it_finds_its_finding() {
    let inputs = Inputs::new();
    // The event of minute 35 is of another source first in each store.
    let (own, other) = (inputs.store(&["day.jsonl"]), inputs.store(&["week.jsonl"]));
    let id = |store: &TestStore, minute: &str| {
        let sql = format!("SELECT finding_id FROM findings WHERE first_time = '2024-03-01T00:{minute}:00.000Z'");
        store.number(&sql).to_string()
    };
    own.run(["triage", "benign", &id(&own, "35"), "--note", "mine"]).expect_code(&[0]);
    own.run(["triage", "closed", &id(&own, "10"), "--note", "mine alone"]).expect_code(&[0]);
    other.run(["triage", "true-positive", &id(&other, "35"), "--note", "theirs"]).expect_code(&[0]);
    other.run(["triage", "suspicious", &id(&other, "50"), "--note", "theirs alone"]).expect_code(&[0]);
    merge(&own, &other);
    assert_whole(&own, "merged");
    let said = |store: &TestStore| {
        let sql = "SELECT first_time, triage, triage_note FROM findings WHERE triage IS NOT NULL ORDER BY 1";
        store
            .run(["sql", sql, "--format", "jsonl"])
            .json_lines()
            .iter()
            .map(|row| json!([row["triage"], row["triage_note"]]))
            .collect::<Vec<_>>()
    };
    let expected = [json!(["closed", "mine alone"]), json!(["true-positive", "theirs"]), json!(["suspicious", "theirs alone"])];
    assert_eq!(said(&own), expected);
    hunt(&own);
    assert_eq!(said(&own), expected);
    assert_eq!(own.number("SELECT count(*) FROM findings WHERE state <> 'current'"), 0);
}

#[test]
fn evidence_that_the_other_store_keeps_as_text_comes_too() {
    let inputs = Inputs::new();
    let (own, other) = (inputs.store(&["night.jsonl.gz"]), inputs.store(&["day.jsonl", "logs.zip"]));
    let whole = inputs.store(&["night.jsonl.gz", "day.jsonl", "logs.zip"]);
    other.run(["store", "purge", "--before", "2024-03-01T00:45:00"]).expect_code(&[0]);
    let zipped = inputs.0.folder().join("logs.zip").to_string_lossy().into_owned();
    other.run(["store", "drop-source", &zipped]).expect_code(&[0]);
    merge(&own, &other);
    assert_whole(&own, "merged");
    assert_eq!((findings(&own), evidence(&own)), (findings(&whole), evidence(&whole)));
    hunt(&own);
    assert_whole(&own, "hunted");
    assert_eq!((findings(&own), evidence(&own)), (findings(&whole), evidence(&whole)));
    // A purged file is known here too.
    own.load([inputs.0.folder().join("day.jsonl")]);
    assert_eq!(own.number("SELECT count(*) FROM events"), 60 + 15);
    merge(&own, &other);
    assert_whole(&own, "merged again");
    assert_eq!(evidence(&own), evidence(&whole));
}

#[test]
fn a_store_that_cannot_be_trusted_is_not_merged() {
    let inputs = Inputs::new();
    let (own, other) = (inputs.store(&["day.jsonl"]), inputs.store(&["week.jsonl"]));
    let before = events(&own);
    rusqlite::Connection::open(other.path()).unwrap().execute_batch("UPDATE source SET new_events = 0").unwrap();
    let refused = own.run(["store", "merge", &other.path().to_string_lossy()]).expect_code(&[1]);
    assert!(refused.stderr.contains("faults"), "{}", refused.stderr);
    rusqlite::Connection::open(other.path()).unwrap().execute_batch("CREATE TABLE planted (a)").unwrap();
    let refused = own.run(["store", "merge", &other.path().to_string_lossy()]).expect_code(&[1]);
    assert!(refused.stderr.contains("planted"), "{}", refused.stderr);
    own.run(["store", "merge", &own.path().to_string_lossy()]).expect_code(&[1]);
    own.run(["store", "merge", "/nowhere/store.db"]).expect_code(&[1]);
    assert_eq!(events(&own), before);
    assert_whole(&own, "left alone");
    let listed = run(["store", "info", "--section", "summary", "--format", "jsonl", "--store", &own.path().to_string_lossy()]).json_lines();
    assert_eq!(text(&listed[0], "first_time"), "2024-03-01T00:00:00.000Z");
}
