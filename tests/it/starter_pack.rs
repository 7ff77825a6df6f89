//! Every rule of `rules/detections` against the events beside it: it must find the first kind and leave the second.
//!
//! `NAME.yml` is the rule, `NAME.tests.json` has `match` and `no_match`: events as a collector writes them. `retrohunt
//! test` runs them; one rule goes through the commands themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::binary::{TestStore, integer, run, text};

fn detections() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/detections")
}

/// The rules, as paths relative to `rules/detections`.
fn rules() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(detections()).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|e| e == "yml") {
                found.push(path.strip_prefix(detections()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The events beside a rule that it must find, and those that it must leave.
fn events(rule: &Path) -> (Vec<Value>, Vec<Value>) {
    let tests = detections().join(rule).with_extension("tests.json");
    let text = fs::read_to_string(&tests).unwrap_or_else(|e| panic!("{}: {e}", tests.display()));
    let tests: Value = serde_json::from_str(&text).unwrap();
    let events = |kind: &str| tests[kind].as_array().unwrap().clone();
    (events("match"), events("no_match"))
}

/// Loads the events beside a rule, hunts with it, and returns the record numbers that it found.
fn hunt(rule: &Path) -> BTreeSet<i64> {
    let store = TestStore::new();
    let (matching, other) = events(rule);
    let lines: String = matching.iter().chain(&other).map(|event| format!("{event}\n")).collect();
    let log = store.file("events.jsonl", lines);
    store.load([&log]).expect_code(&[0]);
    store.run(["hunt", "--rules", &detections().join(rule).to_string_lossy()]).expect_code(&[0]);
    store.findings(true).iter().map(|row| integer(row, "record")).collect()
}

#[test]
fn every_rule_finds_its_events_and_no_other() {
    let output = run(["test", &detections().to_string_lossy(), "--format", "jsonl"]);
    for row in output.json_lines() {
        assert_eq!((text(&row, "status"), text(&row, "message")), ("passed", ""), "{row}");
    }
    output.expect_code(&[0]);
}

#[test]
fn every_rule_has_events_of_both_kinds() {
    for rule in rules() {
        let (matching, other) = events(&rule);
        assert!(!matching.is_empty() && !other.is_empty(), "{}: needs events of both kinds", rule.display());
    }
}

#[test]
fn both_languages_find_the_same_events() {
    let name = "smb_admin_share_executable_write.yml";
    let (sigma, splunk) = (hunt(&Path::new("sigma").join(name)), hunt(&Path::new("splunk").join(name)));
    assert_eq!(sigma, splunk);
}

#[test]
fn the_program_carries_the_rules_of_the_folder() {
    let carried: Vec<PathBuf> = retrohunt::compile::STARTER_PACK.iter().map(|(path, _)| path.into()).collect();
    let folder: Vec<PathBuf> = rules().iter().map(|path| Path::new("rules/detections").join(path)).collect();
    assert_eq!(carried, folder, "src/compile/starter_pack.rs lists the files of rules/detections");
    assert!(carried.len() >= 14);
}

#[test]
fn ids_and_titles_are_the_rules_own() {
    let mut ids = BTreeSet::new();
    for rule in rules() {
        let text = fs::read_to_string(detections().join(&rule)).unwrap();
        let id = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap_or_else(|| panic!("{}: no id", rule.display()));
        assert!(ids.insert(id.to_owned()), "{}: the id {id} is taken", rule.display());
    }
}
