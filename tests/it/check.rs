//! `retrohunt check` as CI runs it: formats, exit codes, and what cannot fire in a store.

use serde_json::{Value, json};

use crate::support::binary::{TestStore, run, text};
use crate::support::samples::{security_line, sigma_rule};

const ONE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const TWO: &str = "aaaaaaaa-0000-4000-8000-000000000002";

fn check(store: &TestStore, arguments: &[&str], code: i32) -> String {
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    store.run(["check", &rules].iter().chain(arguments)).expect_code(&[code]).stdout
}

fn diagnostics(store: &TestStore, arguments: &[&str], code: i32) -> Vec<Value> {
    let all: Value = serde_json::from_str(&check(store, &[arguments, &["--format", "json"]].concat(), code)).expect("JSON");
    all["diagnostics"].as_array().expect("a list").clone()
}

#[test]
fn warnings_fail_only_where_they_are_denied() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID: 4624"));
    assert_eq!(diagnostics(&store, &["--deny", "warnings"], 0), Vec::<Value>::new());
    store.file("rules/b.yml", sigma_rule(TWO, "EventID: 4625").replace("level: high", "level: hihg"));
    let found = diagnostics(&store, &[], 0);
    assert_eq!((found.len(), text(&found[0], "severity"), text(&found[0], "code")), (1, "warning", "sigma-invalid-level"));
    assert_eq!((&found[0]["line"], &found[0]["column"]), (&json!(4), &json!(8)));
    diagnostics(&store, &["--deny", "warnings"], 3);
}

#[test]
fn an_id_stands_for_one_rule() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID: 4624"));
    store.file("rules/copy.yml", sigma_rule(ONE, "EventID: 4624"));
    assert_eq!(diagnostics(&store, &[], 0), Vec::<Value>::new(), "a copy is no other rule");
    store.file("rules/other.yml", sigma_rule(ONE, "EventID: 4625"));
    let found = diagnostics(&store, &[], 0);
    assert_eq!((found.len(), text(&found[0], "code")), (1, "rule-duplicate-id"), "{found:#?}");
    assert!(text(&found[0], "path").ends_with("other.yml"));
    assert_eq!((&found[0]["line"], &found[0]["column"]), (&json!(2), &json!(5)));
}

#[test]
fn a_rule_without_a_detection_is_no_other_file() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID: 4624").replace("detection:", "detections:"));
    let found = diagnostics(&store, &[], 3);
    assert_eq!(text(&found[0], "code"), "sigma-missing-detection", "{found:#?}");
}

#[test]
fn sarif_has_rules_and_places() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID|contain: 4624"));
    let log: Value = serde_json::from_str(&check(&store, &["--format", "sarif"], 3)).expect("JSON");
    let run = &log["runs"][0];
    assert_eq!((&log["version"], &run["tool"]["driver"]["name"]), (&json!("2.1.0"), &json!("retrohunt")));
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "sigma-unknown-modifier");
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&json!("sigma-unknown-modifier"), &json!("error")));
    assert!(text(&result["message"], "text").ends_with("did you mean `contains`?"), "{result}");
    let place = &result["locations"][0]["physicalLocation"];
    assert!(text(&place["artifactLocation"], "uri").starts_with("file:///"), "{place}");
    assert_eq!(place["region"], json!({ "startLine": 13, "startColumn": 17, "endLine": 13, "endColumn": 24 }));
}

#[test]
fn rules_that_cannot_fire_in_a_store_are_noted() {
    let store = TestStore::new();
    let log = store.file("a.jsonl", security_line(1, 4624, r#","Account":"Ann""#));
    let with = |id: u32, from: &str, to: &str| {
        let id = format!("aaaaaaaa-0000-4000-8000-00000000000{id}");
        sigma_rule(&id, "EventID: 4624").replace(from, to)
    };
    store.file("rules/1.yml", with(1, "", ""));
    store.file("rules/2.yml", with(2, "service: security", "service: system"));
    store.file("rules/3.yml", with(3, "EventID: 4624", "Nobody: x"));
    store.file("rules/4.yml", with(4, "EventID: 4624", "EventID: 4625"));
    store.file("rules/5.yml", with(5, "service: security", "service: no_such"));
    store.file("rules/6.yml", with(6, "EventID: 4624", "Account: Ann"));
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    store.run(["check", &rules, "--against-store"]).expect_code(&[1]);
    store.load([&log]).expect_code(&[0]);
    let found = diagnostics(&store, &["--against-store", "--deny", "warnings"], 0);
    let short = |d: &Value| {
        format!("{} {} {} {}:{}", text(d, "path").rsplit('/').next().unwrap(), text(d, "severity"), text(d, "code"), d["line"], d["column"])
    };
    let expected = [
        "2.yml note store-logsource-absent 8:1",
        "3.yml note store-field-absent 13:17",
        "4.yml note store-type-absent 8:1",
        "5.yml note store-logsource-unknown 8:1",
    ];
    assert_eq!(found.iter().map(short).collect::<Vec<_>>(), expected, "{found:#?}");
    assert_eq!(diagnostics(&store, &[], 0), Vec::<Value>::new());
}

#[test]
fn every_format_is_taken() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID: '*'"));
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    for format in ["table", "json", "jsonl", "csv", "sarif"] {
        let output = run(["check", &rules, "--format", format]).expect_code(&[0]);
        assert!(output.stdout.contains("sigma-wildcard-only"), "{format}: {}", output.stdout);
    }
    run(["check", &rules, "--format", "junit"]).expect_code(&[2]);
}
