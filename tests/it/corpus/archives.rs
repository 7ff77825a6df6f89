//! Archives beside Windows (cloud, Zeek, web, audit): each leaf gives the events that were counted independently, and
//! the public Sigma rules find exactly the known records.
//!
//! What differs stands with its reason in `tests/golden/archives_load.tsv` and `tests/golden/archives_sigma.tsv`; formats
//! that nobody reads yet are listed by their leaves' number in `tests/golden/archives_unread.tsv`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::binary::{TestStore, integer, text};
use crate::support::golden;
use crate::support::shared::{ExpectedLeaf, expected_leaves, shared};

/// Formats, as the independent count names them, that the readers know.
const READ: [&str; 12] = [
    "csv",
    "windows-xml",
    "json",
    "json-1",
    "json-array",
    "jsonl",
    "journald-json",
    "filebeat(syslog)",
    "splunk-export(syslog)",
    "cloudtrail-Records",
    "splunk-WinEventLog",
    "evtx",
];

/// The rows of `sources` by the path below the corpus.
fn sources(store: &TestStore, corpus: &Path) -> BTreeMap<String, Value> {
    let prefix = format!("{}/", corpus.to_string_lossy());
    let below = |row: &Value| text(row, "path").strip_prefix(&prefix).unwrap_or_default().to_owned();
    store.sources().into_iter().map(|row| (below(&row), row)).collect()
}

/// The row of a leaf: a stream inside a compressed file may have a name of its own.
fn row_of<'a>(rows: &'a BTreeMap<String, Value>, leaf: &ExpectedLeaf) -> Option<&'a Value> {
    let inside = format!("{}!/", leaf.file);
    rows.get(&leaf.file).or_else(|| rows.iter().find(|(path, _)| path.starts_with(&inside)).map(|(_, row)| row))
}

#[test]
fn each_leaf_gives_the_counted_events_or_is_left_out() {
    let Some(corpus) = shared("corpora/archives/dev") else { return };
    let tsv = std::fs::read_to_string(corpus.join("EXPECTED.tsv")).expect("EXPECTED.tsv");
    let store = TestStore::new();
    store.load(folders(&corpus));
    let rows = sources(&store, &corpus);
    let (mut differences, mut unread) = (BTreeSet::new(), BTreeMap::<String, BTreeMap<String, usize>>::new());
    let leaves = expected_leaves(&tsv);
    for leaf in &leaves {
        let row = row_of(&rows, leaf);
        let format = row.map_or("absent", |row| text(row, "format"));
        if READ.contains(&leaf.format.as_str()) {
            let events = row.map_or(0, |row| integer(row, "events"));
            if events != leaf.events {
                differences.insert(format!("{}\t{}\t{format}\t{}\t{events}", leaf.leaf, leaf.format, leaf.events));
            }
        } else if format.is_empty() || row.is_some_and(|row| integer(row, "events") == 0) {
            *unread.entry(leaf.format.clone()).or_default().entry("left out".to_owned()).or_default() += 1;
        } else {
            let events = row.map_or(0, |row| integer(row, "events"));
            *unread.entry(leaf.format.clone()).or_default().entry(format!("read as {format}: {} ({events})", leaf.leaf)).or_default() += 1;
        }
    }
    let mut table = "counted as\twhat\tleaves\n".to_owned();
    for (format, what) in &unread {
        what.iter().for_each(|(what, leaves)| {
            let _ = writeln!(table, "{format}\t{what}\t{leaves}");
        });
    }
    golden::compare("archives_unread.tsv", &table);
    golden::compare_with_reasons("archives_load.tsv", "leaf\tcounted as\tread as\tcounted\tevents\treason", &differences);
    println!("{} leaves, {} differences with a reason", leaves.len(), differences.len());
}

/// The folders of the corpus: the lists beside them are no logs.
fn folders(corpus: &Path) -> Vec<std::path::PathBuf> {
    let mut folders: Vec<_> = std::fs::read_dir(corpus).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// A rule, a leaf and a record.
type Triple = (String, String, i64);

#[test]
fn the_public_rules_find_the_known_records() {
    let Some(corpus) = shared("corpora/archives/dev") else { return };
    let Some(rules) = shared("rules/sigmahq") else { return };
    let expected = std::fs::read_to_string(corpus.join("SIGMA_EXPECTED.jsonl")).expect("SIGMA_EXPECTED.jsonl");
    let mut kinds: BTreeMap<String, String> = BTreeMap::new();
    let mut wanted: BTreeSet<Triple> = BTreeSet::new();
    for line in expected.lines() {
        let row: Value = serde_json::from_str(line).expect("SIGMA_EXPECTED.jsonl");
        kinds.insert(text(&row, "leaf").to_owned(), text(&row, "kind").to_owned());
        wanted.insert((text(&row, "rule").to_owned(), text(&row, "leaf").to_owned(), integer(&row, "record")));
    }
    let mut found: BTreeSet<Triple> = BTreeSet::new();
    let prefix = format!("{}/", corpus.to_string_lossy());
    // A store for each folder: an event that is in two of them counts in each.
    for folder in folders(&corpus) {
        let store = TestStore::new();
        store.load([&folder]);
        store.run(["hunt", "--quiet", "--rules", &rules.to_string_lossy()]).expect_code(&[0, 3]);
        for row in store.findings(true) {
            let leaf = text(&row, "path").strip_prefix(&prefix).unwrap_or_default();
            let leaf = leaf.split("!/").next().unwrap_or_default();
            found.insert((text(&row, "rule_id").to_owned(), leaf.to_owned(), integer(&row, "record")));
        }
    }
    let mut lines = BTreeSet::new();
    for (kind, triples) in [("not found", wanted.difference(&found)), ("found beside", found.difference(&wanted))] {
        let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        for (rule, leaf, _) in triples {
            *counts.entry((rule, leaf, kinds.get(leaf).map_or("", String::as_str))).or_default() += 1;
        }
        lines.extend(counts.iter().map(|((rule, leaf, of), count)| format!("{kind}\t{of}\t{leaf}\t{rule}\t{count}")));
    }
    golden::compare_with_reasons("archives_sigma.tsv", "what\tkind\tleaf\trule\trecords\treason", &lines);
    println!("{} known records, {} found, {} lines of differences", wanted.len(), found.intersection(&wanted).count(), lines.len());
}
