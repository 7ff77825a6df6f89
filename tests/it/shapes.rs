//! What rules and questions see of JSON records: objects, times, identities, the names of files.
//!
//! Each question goes through a hunt and, as portable SQL, to the store; both must give the same records.

use serde_json::Value;

use crate::support::binary::{TestStore, integer, text};

/// The records that a detection of one line finds.
#[track_caller]
fn found(store: &TestStore, logsource: &str, selection: &str) -> Vec<i64> {
    let rule = format!(
        "title: Asked\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {{{logsource}}}\ndetection: {{s: {{{selection}}}, condition: s}}\n"
    );
    let path = store.file("asked.yml", rule);
    store.run(["hunt", "--quiet", "--rules", &path.to_string_lossy()]).expect_code(&[0]);
    let events = |rows: Vec<Value>, name: &str| {
        let mut records: Vec<i64> = rows.iter().map(|row| integer(row, name)).collect();
        records.sort_unstable();
        records
    };
    let hunted = events(store.findings(true), "record");
    let sql = store.run(["compile", &path.to_string_lossy()]).expect_code(&[0]).stdout;
    let query = format!("SELECT _record FROM event_head JOIN ({}) USING (_id) ORDER BY _id", without_comments(&sql));
    let asked = events(store.run(["sql", &query, "--format", "jsonl"]).expect_code(&[0]).json_lines(), "_record");
    assert_eq!(hunted, asked, "{selection}: hunt and portable SQL");
    hunted
}

fn without_comments(sql: &str) -> String {
    let lines: Vec<&str> = sql.lines().filter(|line| !line.starts_with("--")).collect();
    lines.join("\n").trim_end().trim_end_matches(';').to_owned()
}

fn loaded(name: &str, content: &str) -> TestStore {
    let store = TestStore::new();
    let path = store.file(name, content);
    store.load([path]);
    store
}

const TRAIL: &str = "product: aws, service: cloudtrail";
const ANY: &str = "definition: any";

/// CloudTrail records with the members given.
fn trail(records: &[&str]) -> String {
    let record = |(n, members): (usize, &&str)| {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"2024-01-15T10:50:0{n}Z","eventSource":"s3.amazonaws.com","eventName":"N{n}","eventID":"{n}",{members}}}"#
        )
    };
    let records: Vec<String> = records.iter().enumerate().map(record).collect();
    format!("{{\"Records\": [{}]}}", records.join(",\n"))
}

#[test]
fn rules_see_the_compact_json_of_objects_and_lists() {
    let store = loaded(
        "trail.json",
        &trail(&[
            r#""requestParameters": { "bucketName" : "b", "VersioningConfiguration": {"Status": "Suspended", "n": 1.50} }"#,
            r#""requestParameters":null"#,
            r#""requestParameters":{}"#,
            r#""requestParameters":{"items":[{"key":{"a.b":{"c":"d\u00e4"}}},{"key":{"x":1}}],"plain":["u","v"],"empty":{},"none":[]}"#,
            r#""requestParameters":"text""#,
        ]),
    );
    let asked = |selection: &str| found(&store, TRAIL, selection);
    assert_eq!(asked("requestParameters|contains: suspended"), [1]);
    assert_eq!(asked(r#"requestParameters: '{"bucketName":"b","VersioningConfiguration":{"Status":"Suspended","n":1.50}}'"#), [1]);
    assert_eq!(asked("requestParameters|exists: true"), [1, 3, 4, 5]);
    assert_eq!(asked("requestParameters: null"), [2]);
    assert_eq!(asked("requestParameters: '{}'"), [3]);
    assert_eq!(asked("requestParameters: text"), [5]);
    assert_eq!(asked(r#"requestparameters.versioningconfiguration|startswith: '{"Status":'"#), [1]);
    assert_eq!(asked("requestParameters.VersioningConfiguration|exists: true"), [1]);
    assert_eq!(asked(r#"requestParameters.items|contains: 'dä"}}},{"key"'"#), [4], "a list is one text");
    assert_eq!(asked(r#"requestParameters.items.key: '{"x":1}'"#), [4], "an object in each element of a list");
    assert_eq!(asked(r#"requestParameters.items.key.a.b: '{"c":"dä"}'"#), [4], "below a name with a dot");
    assert_eq!(asked("requestParameters.empty|exists: true"), [4]);
    assert_eq!(asked("requestParameters.none: '[]'"), [4]);
    assert_eq!(asked("requestParameters.plain: u"), [4], "a list of values has them");
    assert_eq!(asked("requestParameters.plain|contains: '['"), [0; 0]);
}

#[test]
fn objects_are_seen_in_every_json_shape_but_windows_events() {
    let store = TestStore::new();
    let lines =
        store.file("any.jsonl", "{\"a\":{\"b\":{\"c\":\"x\"}}}\n{\"a\":7,\"event\":\"login\"}\n{\"event\":\"x\",\"a\":{\"b\":{}}}\n");
    let export = store.file("export.json", r#"{"preview":false,"result":{"_raw":"{\"a\":{\"b\":{\"c\":\"x\"}}}","host":"h"}}"#);
    let windows = r#"{"@timestamp":"2024-01-01T00:00:00Z","winlog":{"channel":"Security","event_id":4624,"event_data":{"A":"x"}}}"#;
    let windows = store.file("winlogbeat.json", windows);
    store.load([lines, export, windows]);
    assert_eq!(found(&store, ANY, r#"a.b: '{"c":"x"}'"#), [1, 1]);
    assert_eq!(found(&store, ANY, "a|contains: '{'"), [1, 1, 3]);
    assert_eq!(found(&store, ANY, "a: 7"), [2]);
    let fields = store.run(["sql", "SELECT * FROM security_4624", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    assert!(fields[0].get("winlog").is_none(), "{}", fields[0]);
}

#[test]
fn a_view_has_fields_that_differ_from_the_envelope_in_case_only() {
    let store = loaded("trail.json", &trail(&[r#""channel":"c","computer":"h""#]));
    let rows =
        store.run(["sql", "SELECT eventID, channel, Computer FROM aws_cloudtrail", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    assert_eq!((text(&rows[0], "eventID"), text(&rows[0], "channel")), ("0", "c"));
}
