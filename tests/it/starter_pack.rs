//! Every rule of `rules/detections` against the events beside it: it must find the first kind and leave the second.
//!
//! `NAME.yml` is the rule, `NAME.tests.json` has `match` and `no_match`: events as a collector writes them. Both kinds are
//! loaded into one store, by the program itself, so that names, log sources and field maps are tested too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

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

fn retrohunt(arguments: &[&str], store: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_retrohunt"))
        .args(arguments)
        .arg("--store")
        .arg(store)
        .env_remove("RETROHUNT_STORE")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "retrohunt {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Loads the events beside a rule, hunts with it, and returns the record numbers (expected, found).
fn hunt(rule: &Path) -> (BTreeSet<i64>, BTreeSet<i64>) {
    let folder = tempfile::tempdir().unwrap();
    let tests = detections().join(rule).with_extension("tests.json");
    let text = fs::read_to_string(&tests).unwrap_or_else(|e| panic!("{}: {e}", tests.display()));
    let tests: Value = serde_json::from_str(&text).unwrap();
    let events = |kind: &str| tests[kind].as_array().unwrap().clone();
    let (positive, negative) = (events("match"), events("no_match"));
    assert!(!positive.is_empty() && !negative.is_empty(), "{}: needs events of both kinds", rule.display());
    let lines: String = positive.iter().chain(&negative).map(|event| format!("{event}\n")).collect();
    let log = folder.path().join("events.jsonl");
    fs::write(&log, lines).unwrap();

    let store = folder.path().join("store.db");
    retrohunt(&["load", log.to_str().unwrap()], &store);
    retrohunt(&["hunt", "--rules", detections().join(rule).to_str().unwrap()], &store);
    let evidence = retrohunt(&["findings", "--evidence", "--format", "jsonl"], &store);
    let record = |event: &Value, name: &str| event[name].as_i64().unwrap();
    let found = evidence.lines().map(|line| record(&serde_json::from_str(line).unwrap(), "record")).collect();
    (positive.iter().map(|event| record(event, "RecordNumber")).collect(), found)
}

#[test]
fn every_rule_finds_its_events_and_no_other() {
    for rule in rules() {
        let (expected, found) = hunt(&rule);
        assert_eq!(found, expected, "{}", rule.display());
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
    let carried: Vec<PathBuf> = retrohunt::cli::STARTER_PACK.iter().map(|(path, _)| path.into()).collect();
    let folder: Vec<PathBuf> = rules().iter().map(|path| Path::new("rules/detections").join(path)).collect();
    assert_eq!(carried, folder, "src/cli/starter_pack.rs lists the files of rules/detections");
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
