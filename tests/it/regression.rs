//! `retrohunt test`: both layouts of tests, what fails them, and the formats.

use serde_json::{Value, json};

use crate::support::binary::{Output, TestStore, integer, text};
use crate::support::samples::{security_line, sigma_rule};

const ID: &str = "aaaaaaaa-0000-4000-8000-000000000001";

fn test(store: &TestStore, path: &str, format: &str) -> Output {
    crate::support::binary::run(["test", &store.folder().join(path).to_string_lossy(), "--format", format])
}

fn event(record: i64, code: u32) -> Value {
    serde_json::from_str(&security_line(record, code, "")).expect("JSON")
}

/// A rule that finds event 4624, with tests beside it.
fn with_tests(tests: &Value) -> TestStore {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ID, "EventID: 4624"));
    store.file("rules/a.tests.json", tests.to_string());
    store
}

#[test]
fn events_beside_a_rule_are_found_or_not() {
    let twice = json!({ "match": [event(7, 4624)], "no_match": [event(8, 4625), event(7, 4624)] });
    let row = &test(&with_tests(&twice), "rules", "jsonl").expect_code(&[1]).json_lines()[0];
    assert_eq!((text(row, "status"), text(row, "message")), ("error", "an event is in both `match` and `no_match`"));

    let good = json!({ "match": [event(7, 4624), event(8, 4624)], "no_match": [event(9, 4625)] });
    let store = with_tests(&good);
    for path in ["rules", "rules/a.yml", "rules/a.tests.json"] {
        let row = &test(&store, path, "jsonl").expect_code(&[0]).json_lines()[0];
        assert_eq!((text(row, "status"), integer(row, "expected"), integer(row, "found")), ("passed", 2, 2), "{path}");
        assert_eq!((text(row, "rule_id"), row["message"].is_null()), (ID, true), "{path}");
    }
    let bad = json!({ "match": [event(7, 4624), event(8, 4625)], "no_match": [event(9, 4625), event(10, 4624)] });
    let row = &test(&with_tests(&bad), "rules", "jsonl").expect_code(&[1]).json_lines()[0];
    assert_eq!((text(row, "status"), &row["missing"], &row["unexpected"]), ("failed", &json!([2]), &json!([2])));
    let message = text(row, "message");
    assert!(
        message.starts_with("`match` 2 not found: {")
            && message.contains("}: it is read as windows Security 4625, which the rule does not ask for; "),
        "{message}"
    );
    assert!(message.contains("`no_match` 2 found: {"), "{message}");
}

#[test]
fn a_failed_test_says_why_the_event_was_not_found() {
    for (event, rule, why) in [
        (json!({"Image": "x"}), "Image: x", "a Windows event needs at least Channel and EventID"),
        (
            json!({"Channel": "System", "EventID": 7045, "a": "b"}),
            "EventID: 4624",
            "read as windows System 7045, which the rule does not ask for",
        ),
        (event(7, 4624), "NoSuchField: x", "no event of the test has `NoSuchField`"),
        (event(7, 4624), "EventID: 4625", "read as windows Security 4624, which the rule does not ask for"),
    ] {
        let store = with_tests(&json!({ "match": [event] }));
        store.file("rules/a.yml", sigma_rule(ID, rule));
        let row = &test(&store, "rules", "jsonl").expect_code(&[1]).json_lines()[0];
        assert!(text(row, "message").contains(why), "{rule}: {row}");
    }
}

#[test]
fn broken_tests_are_errors() {
    for (tests, message) in [
        ("[]", "not an object"),
        ("{", "not JSON"),
        (r#"{"match": []}"#, "there is no event"),
        (r#"{"match": [5]}"#, "each an object"),
        (r#"{"matches": []}"#, "`matches` is neither"),
        (r#"{"match": [{"a": 1}]}"#, "match"),
    ] {
        let store = with_tests(&json!(null));
        store.file("rules/a.tests.json", tests);
        let row = &test(&store, "rules", "jsonl").expect_code(&[1]).json_lines()[0];
        assert_ne!(text(row, "status"), "passed", "{tests}");
        assert!(text(row, "message").contains(message), "{tests}: {row}");
    }
    let store = with_tests(&json!({ "match": [event(7, 4624)] }));
    store.file("rules/a.yml", sigma_rule(ID, "EventID|contain: 4624"));
    let row = &test(&store, "rules", "jsonl").expect_code(&[1]).json_lines()[0];
    assert!(text(row, "message").contains("does not compile"), "{row}");
    let nothing = TestStore::new();
    nothing.file("rules/a.yml", sigma_rule(ID, "EventID: 4624"));
    assert!(test(&nothing, "rules", "table").expect_code(&[1]).stderr.contains("no tests found"));
}

fn info(count: &str, id: &str) -> String {
    format!(
        "id: aaaaaaaa-0000-4000-8000-0000000000ff\nrule_metadata:\n    - id: {id}\n      title: T\nregression_tests_info:\n    - name: Positive\n      type: json\n{count}      path: regression_data/rules/win/a/{ID}.json\n"
    )
}

#[test]
fn the_layout_of_sigmahq_is_run_as_it_is() {
    let store = TestStore::new();
    let rule = sigma_rule(ID, "EventID: 4624");
    store.file("repo/rules/win/a.yml", format!("{rule}regression_tests_path: regression_data/rules/win/a/info.yml\n"));
    store.file("repo/regression_data/rules/win/a/info.yml", info("      match_count: 2\n", ID));
    let log = format!("repo/regression_data/rules/win/a/{ID}.json");
    store.file(&log, [security_line(1, 4624, ""), security_line(2, 4624, ""), security_line(3, 4625, "")].concat());
    for path in ["repo", "repo/rules", "repo/regression_data", "repo/regression_data/rules/win/a/info.yml"] {
        let rows = test(&store, path, "jsonl").expect_code(&[0]).json_lines();
        assert_eq!(rows.len(), 1, "{path}: {rows:#?}");
        assert_eq!((text(&rows[0], "status"), integer(&rows[0], "expected"), integer(&rows[0], "found")), ("passed", 2, 2), "{path}");
    }
    store.file("repo/regression_data/rules/win/a/info.yml", info("      match_count: 1\n", ID));
    let row = &test(&store, "repo", "jsonl").expect_code(&[1]).json_lines()[0];
    assert_eq!(text(row, "message"), "the rule finds 2 events instead of 1");
    store.file("repo/regression_data/rules/win/a/info.yml", info("", ID));
    test(&store, "repo", "jsonl").expect_code(&[0]);
    store.file("repo/regression_data/rules/win/a/info.yml", info("", "aaaaaaaa-0000-4000-8000-0000000000aa"));
    let row = &test(&store, "repo", "jsonl").expect_code(&[3]).json_lines()[0];
    assert_eq!((text(row, "status"), row["found"].is_null()), ("skipped", true));
}

#[test]
fn junit_is_for_machines() {
    let store = with_tests(&json!({ "match": [event(7, 4625)], "no_match": [event(8, 4625)] }));
    let xml = test(&store, "rules", "junit").expect_code(&[1]).stdout;
    assert!(xml.starts_with(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"retrohunt\" tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\">"
    ));
    assert!(xml.contains("<failure message=\"`match` 1 not found: {"), "{xml}");
    for format in ["table", "json", "csv"] {
        assert!(test(&store, "rules", format).expect_code(&[1]).stdout.contains("failed"), "{format}");
    }
}

#[test]
fn a_test_of_a_correlation_is_listed_under_its_title() {
    let store = TestStore::new();
    let rule = sigma_rule(ID, "EventID: 4624");
    let correlation = "---\ntitle: Two logons\nid: bbbbbbbb-0000-4000-8000-000000000002\ncorrelation:\n  type: event_count\n  rules: \
                       [aaaaaaaa-0000-4000-8000-000000000001]\n  group-by: [Computer]\n  timespan: 1h\n  condition: { gte: 2 }\n";
    store.file("rules/two.yml", format!("{rule}\n{correlation}"));
    store.file("rules/two.tests.json", json!({ "match": [event(7, 4624), event(8, 4624)], "no_match": [event(9, 4625)] }).to_string());
    let output = test(&store, "rules", "jsonl").expect_code(&[0]);
    let row = &output.json_lines()[0];
    assert_eq!((text(row, "rule_title"), text(row, "status")), ("Two logons", "passed"));
    assert!(text(row, "rule_path").ends_with("two.yml"), "{row}");
    let xml = test(&store, "rules", "junit").expect_code(&[0]).stdout;
    assert!(xml.contains("name=\"Two logons: match and no_match\""), "{xml}");
}
