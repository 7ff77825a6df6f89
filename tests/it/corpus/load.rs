//! Every leaf of the corpus gives the events that were counted independently; what differs stands with its reason
//! in `tests/golden/load_differences.tsv`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::binary::{TestStore, integer, text};
use crate::support::golden;
use crate::support::shared::{ExpectedLeaf, expected_leaves, leaf_name, leaf_tail, shared};

const GOLDEN: &str = "load_differences.tsv";
const HEADER: &str = "leaf\texpected\tevents\tbad\trecovered\treason";
const FORMATS: [&str; 10] = [
    "evtx",
    "csv",
    "windows-xml",
    "jsonl",
    "json-1",
    "json-array",
    "json-concatenated",
    "cloudtrail-Records",
    "splunk-WinEventLog",
    "splunk-mixed(classic 23+xml 22)",
];

fn wanted(corpus: &Path) -> Vec<ExpectedLeaf> {
    let tsv = std::fs::read_to_string(corpus.join("EXPECTED.tsv")).expect("EXPECTED.tsv");
    expected_leaves(&tsv).into_iter().filter(|leaf| FORMATS.contains(&leaf.format.as_str())).collect()
}

/// The row of `sources` for a leaf.
fn row_of<'a>(rows: &'a [Value], leaf: &ExpectedLeaf) -> Option<&'a Value> {
    let tail = leaf_tail(&leaf.leaf);
    let exact = rows.iter().find(|row| leaf_tail(text(row, "path")) == tail);
    let by_name = || rows.iter().find(|row| leaf_name(text(row, "path")) == leaf_name(&leaf.leaf));
    let only = || (rows.len() == 1).then(|| &rows[0]);
    exact.or_else(by_name).or_else(only)
}

/// A line of the golden file without its reason, where a leaf differs.
fn difference(leaf: &ExpectedLeaf, row: Option<&Value>) -> Option<String> {
    let number = |name: &str| row.map_or(0, |row| integer(row, name));
    let (events, bad, recovered) = (number("events"), number("bad"), number("recovered"));
    let exact = events == leaf.events || events - recovered == leaf.events;
    let floor = leaf.format == "evtx" && leaf.errors > 0 && events >= leaf.events;
    (!exact && !floor).then(|| format!("{}\t{}\t{events}\t{bad}\t{recovered}", leaf.leaf, leaf.events))
}

fn differences_of_file(corpus: &Path, file: &str, leaves: &[ExpectedLeaf]) -> Vec<String> {
    let store = TestStore::new();
    store.load([corpus.join(file)]);
    let rows = store.sources();
    leaves.iter().filter_map(|leaf| difference(leaf, row_of(&rows, leaf))).collect()
}

#[test]
fn a_fresh_store_per_file_holds_the_counted_events() {
    let Some(corpus) = shared("corpora/dev") else { return };
    let mut by_file: BTreeMap<String, Vec<ExpectedLeaf>> = BTreeMap::new();
    for leaf in wanted(&corpus) {
        by_file.entry(leaf.file.clone()).or_default().push(leaf);
    }
    let files: Vec<_> = by_file.iter().collect();
    let (left, right) = files.split_at(files.len() / 2);
    let check = |files: &[(&String, &Vec<ExpectedLeaf>)]| {
        files.iter().flat_map(|(file, leaves)| differences_of_file(&corpus, file, leaves)).collect::<Vec<_>>()
    };
    let mut found = std::thread::scope(|scope| {
        let right = scope.spawn(|| check(right));
        let mut found = check(left);
        found.extend(right.join().expect("no panic"));
        found
    });
    found.sort();
    golden::compare_with_reasons(GOLDEN, HEADER, &found);
    println!("{} files, {} leaves, {} differences with a reason", files.len(), by_file.values().map(Vec::len).sum::<usize>(), found.len());
}

#[test]
fn all_files_in_one_store_equal_the_distinct_leaves() {
    let Some(corpus) = shared("corpora/dev") else { return };
    let store = TestStore::new();
    store.load([&corpus]);
    let rows = store.sources();
    let total: i64 = rows.iter().map(|row| integer(row, "new_events")).sum();
    let stored = || store.number("SELECT count(*) FROM events WHERE NOT _recovered");
    assert_eq!(total, stored(), "new events of the ledger against events in the store");

    let mut by_hash: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for row in &rows {
        by_hash.entry(text(row, "sha256")).or_default().push(row);
    }
    let mut seen_before = 0;
    for (hash, rows) in &by_hash {
        let events: Vec<i64> = rows.iter().map(|row| integer(row, "events")).collect();
        assert!(events.iter().all(|e| *e == events[0]), "{hash}: the same bytes gave different counts: {rows:?}");
        let new: i64 = rows.iter().map(|row| integer(row, "new_events")).sum();
        assert!(new <= events[0], "{hash}: more new events than events: {rows:?}");
        seen_before += events[0] - new;
        for copy in rows.iter().filter(|row| !row["duplicate_of"].is_null()) {
            assert_eq!(integer(copy, "new_events"), 0, "a copy adds nothing: {copy}");
        }
    }
    let distinct: i64 = by_hash.values().map(|rows| integer(rows[0], "events")).sum();
    assert_eq!(total, distinct - seen_before);
    println!(
        "{} leaves, {} distinct, {distinct} events in them, {seen_before} recognised in other bytes, {total} stored",
        rows.len(),
        by_hash.len()
    );

    let again = store.load([&corpus]);
    assert_eq!(total, stored(), "loading again changes nothing: {}", again.stderr);
}
