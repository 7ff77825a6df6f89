//! What is in a store, counted by SQL.

use serde_json::{Value, json};

use super::{hunt, lines};
use crate::support::binary::{TestStore, integer};

#[test]
fn the_numbers_are_those_of_sql() {
    let store = TestStore::new();
    let day = lines(0..50, 4624) + &lines(50..60, 4625);
    store.load([store.file("a.jsonl", &day), store.file("b.jsonl", &day), store.file("notes.txt", "no log")]);
    hunt(&store);
    let all: Value = serde_json::from_str(&store.run(["store", "info", "--format", "json"]).expect_code(&[0]).stdout).unwrap();
    let summary = &all["summary"][0];
    assert_eq!(integer(summary, "events"), 60);
    assert_eq!((&summary["first_time"], &summary["last_time"]), (&json!("2024-03-01T00:00:00.000Z"), &json!("2024-03-01T00:59:00.000Z")));
    let bytes = i64::try_from(std::fs::metadata(store.path()).unwrap().len()).unwrap();
    assert_eq!(integer(summary, "file_bytes"), bytes);
    assert_eq!((integer(summary, "event_types"), integer(summary, "hunts")), (2, 1));
    assert!(integer(summary, "findings") >= 50 && integer(summary, "values") > 0 && integer(summary, "lists") > 0, "{summary}");
    let space = all["space"].as_array().unwrap();
    assert_eq!(space.iter().map(|row| integer(row, "bytes")).sum::<i64>(), bytes, "every page is in one group: {space:?}");
    let states: Vec<(Value, i64)> =
        all["sources"].as_array().unwrap().iter().map(|row| (row["state"].clone(), integer(row, "new_events"))).collect();
    assert!(states.contains(&(json!("complete"), 60)) && states.contains(&(json!("duplicate"), 0)), "{states:?}");
    let codes: Vec<(Value, i64)> =
        all["event-types"].as_array().unwrap().iter().map(|row| (row["code"].clone(), integer(row, "events"))).collect();
    assert_eq!(codes, [(json!("4624"), 50), (json!("4625"), 10)]);
}

#[test]
fn one_kind_of_rows_is_asked_for_by_its_name() {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", lines(0..3, 4624))]);
    assert!(store.run(["store", "info", "--format", "csv"]).expect_code(&[2]).stderr.contains("--section"));
    let space = store.run(["store", "info", "--section", "space", "--format", "csv"]).expect_code(&[0]).stdout;
    assert!(space.starts_with("group,tables,bytes,share\n"), "{space}");
    let shown = store.run(["store", "info"]).expect_code(&[0]).stdout;
    assert!(shown.contains("Where the bytes are") && shown.contains("Sources by state"), "{shown}");
}
