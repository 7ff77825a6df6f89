//! What people say of findings: it is kept, chosen by, and taken back.

use serde_json::{Value, json};

use crate::support::binary::TestStore;
use crate::support::samples::{security_line, sigma_rule};

const ID: &str = "aaaaaaaa-0000-4000-8000-000000000002";

fn hunted() -> (TestStore, String) {
    let store = TestStore::new();
    store.load([store.file("logs/events.jsonl", (1..=4).map(|n| security_line(n, 4624, "")).collect::<String>())]);
    let rules = store.file("rules/rule.yml", sigma_rule(ID, "EventID: 4624")).to_string_lossy().into_owned();
    store.run(["hunt", "--rules", &rules]).expect_code(&[0]);
    (store, rules)
}

fn said(store: &TestStore) -> Vec<Value> {
    let rows = store.run(["sql", "SELECT finding_id, triage, triage_note FROM findings ORDER BY 1", "--format", "jsonl"]).expect_code(&[0]);
    rows.json_lines().iter().map(|row| json!([row["finding_id"], row["triage"], row["triage_note"]])).collect()
}

#[test]
fn a_status_stays_with_its_findings_through_later_hunts() {
    let (store, rules) = hunted();
    let done = store.run(["triage", "false-positive", "2", "4", "--note", "backup job"]).expect_code(&[0]);
    assert!(done.stderr.contains("2 findings are now `false-positive`"), "{}", done.stderr);
    let of = |n: i64| json!([n, "false-positive", "backup job"]);
    let nothing = |n: i64| json!([n, null, null]);
    assert_eq!(said(&store), [nothing(1), of(2), nothing(3), of(4)]);
    store.run(["hunt", "--rules", &rules]).expect_code(&[0]);
    assert_eq!(said(&store), [nothing(1), of(2), nothing(3), of(4)]);
    let listed = |status: &str| store.run(["findings", "--status", status, "--format", "jsonl"]).expect_code(&[0]).json_lines().len();
    assert_eq!((listed("new"), listed("false-positive"), listed("False-Positive"), listed("closed")), (2, 2, 2, 0));
}

#[test]
fn a_filter_chooses_and_a_note_stays_until_another_comes() {
    let (store, _) = hunted();
    store.run(["triage", "in-progress", "3", "--note", "asked alice"]).expect_code(&[0]);
    store.run(["triage", "benign", "--rule", ID]).expect_code(&[0]);
    assert_eq!(said(&store)[2], json!([3, "benign", "asked alice"]));
    assert_eq!(said(&store)[0], json!([1, "benign", ""]));
    store.run(["triage", "closed", "3", "--note", "she did"]).expect_code(&[0]);
    assert_eq!(said(&store)[2], json!([3, "closed", "she did"]));
    store.run(["triage", "new", "--status", "benign"]).expect_code(&[0]);
    assert_eq!(said(&store), [json!([1, null, null]), json!([2, null, null]), json!([3, "closed", "she did"]), json!([4, null, null])]);
    let none = store.run(["triage", "closed", "--rule", "nosuch"]).expect_code(&[0]);
    assert!(none.stderr.contains("nothing is changed"), "{}", none.stderr);
}

#[test]
fn what_makes_no_sense_changes_nothing() {
    let (store, _) = hunted();
    let says = |arguments: &[&str], code: i32, part: &str| {
        let output = store.run(arguments).expect_code(&[code]);
        assert!(output.stderr.contains(part), "{part:?} is not in {}", output.stderr);
    };
    says(&["triage", "closed"], 2, "which findings?");
    says(&["triage", "fals-positive", "1"], 2, "'false-positive'");
    says(&["triage", "closed", "1", "99"], 1, "there is no finding 99");
    says(&["triage", "new", "1", "--note", "x"], 2, "leave out `--note`");
    assert!(said(&store).iter().all(|row| row[1].is_null()));
}

#[test]
fn a_finding_that_is_shown_says_it() {
    let (store, _) = hunted();
    store.run(["triage", "false-positive", "1", "--note", "backup job"]).expect_code(&[0]);
    assert!(store.run(["findings", "show", "1"]).expect_code(&[0]).stdout.contains("triage         false-positive: backup job\n"));
}

#[test]
fn lists_show_it_once_anything_was_said() {
    let (store, _) = hunted();
    let shown = |arguments: &[&str]| {
        let output = store.run(arguments).expect_code(&[0]);
        (output.stdout.lines().next().unwrap_or_default().to_owned(), output.stderr)
    };
    assert!(!shown(&["findings"]).0.contains("Status") && !shown(&["findings", "--all"]).0.contains("Status"));
    store.run(["triage", "false-positive", "1"]).expect_code(&[0]);
    for arguments in [&["findings"][..], &["findings", "--all"]] {
        let (heading, summary) = shown(arguments);
        assert!(heading.contains("Status"), "{heading}");
        assert!(summary.contains("Status           3  new") && summary.contains("1  false-positive"), "{summary}");
    }
    let groups = store.run(["findings", "--group-by", "status", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let counts: Vec<Value> = groups.iter().map(|row| json!([row["statuses"], row["findings"]])).collect();
    assert_eq!(counts, [json!([["new"], 3]), json!([["false-positive"], 1])]);
}

#[test]
fn it_travels_into_exports() {
    let (store, _) = hunted();
    store.run(["triage", "false-positive", "1"]).expect_code(&[0]);
    let ocsf = store.run(["export", "ocsf"]).expect_code(&[0]).json_lines();
    assert_eq!((&ocsf[0]["verdict"], &ocsf[1]["verdict"]), (&json!("False Positive"), &json!("Unknown")));
    let sketch = store.run(["timeline", "--format", "timesketch"]).expect_code(&[0]).json_lines();
    let statuses: Vec<&Value> = sketch.iter().map(|row| &row["triage"]).collect();
    assert_eq!(statuses, ["false-positive", "new", "new", "new"]);
}

#[test]
fn past_findings_are_chosen_by_a_filter_too() {
    let (store, _) = hunted();
    store.run(["triage", "benign", "--rule", ID]).expect_code(&[0]);
    let other = store.file("rules/rule.yml", sigma_rule(ID, "EventID: 4625")).to_string_lossy().into_owned();
    store.run(["hunt", "--rules", &other]).expect_code(&[0]);
    let none = store.run(["triage", "new", "--status", "benign"]).expect_code(&[0]);
    assert!(none.stderr.contains("with `--past` it is 4 findings"), "{}", none.stderr);
    let done = store.run(["triage", "new", "--status", "benign", "--past"]).expect_code(&[0]);
    assert!(done.stderr.contains("4 findings are now `new`"), "{}", done.stderr);
    assert!(said(&store).iter().all(|row| row[1].is_null()));
    store.run(["triage", "new", "--past"]).expect_code(&[2]);
}
