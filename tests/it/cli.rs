//! What scripts stand on: exit codes and the shapes of `docs/output.md`.

use serde_json::Value;

use crate::support::binary::{TestStore, integer, run, text};
use crate::support::samples::{escu_rule, gzip, security_line, sigma_rule, zip};

const SIGMA_ID: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const ESCU_ID: &str = "aaaaaaaa-0000-4000-8000-000000000002";

fn keys(row: &Value) -> Vec<&str> {
    row.as_object().unwrap_or_else(|| panic!("no object: {row}")).keys().map(String::as_str).collect()
}

/// Asserts ISO 8601 UTC with `Z` and milliseconds or finer.
#[track_caller]
fn assert_time(time: &str) {
    let shape = regex::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}Z$").expect("valid");
    assert!(shape.is_match(time), "{time:?} is no time of the documented shape");
}

/// A store with three events, hunted with a Sigma rule (two events) and a detection with groups (two rows).
fn hunted() -> TestStore {
    let store = TestStore::new();
    let lines = [
        security_line(11, 4624, r#","Account":"Ann","Address":"10.0.0.1""#),
        security_line(12, 4624, r#","Account":"Bob","Address":"10.0.0.2""#),
        security_line(13, 4625, r#","Account":"Ann","Address":"10.0.0.1""#),
    ];
    let input = store.file("logs/events.jsonl", lines.concat());
    store.load([&input]).expect_code(&[0]);
    let sigma = store.file("rules/sigma.yml", sigma_rule(SIGMA_ID, "EventID: 4624"));
    let escu = store.file(
        "rules/escu.yml",
        escu_rule(ESCU_ID, "Channel=Security | stats count min(_time) as firstTime max(_time) as lastTime by Account Address"),
    );
    store.run(["hunt", "--rules", &sigma.to_string_lossy(), &escu.to_string_lossy()]).expect_code(&[0]);
    store
}

#[test]
fn wrong_usage_is_two_and_an_error_is_one() {
    run(["no-such-command"]).expect_code(&[2]);
    run(["load"]).expect_code(&[2]);
    run(["findings", "--format", "no-such-format"]).expect_code(&[2]);
    run(["--help"]).expect_code(&[0]);
    run(["--version"]).expect_code(&[0]);
    let store = TestStore::new();
    let output = store.run(["load", "/no/such/path"]).expect_code(&[1, 3]);
    assert!(output.stderr.contains("/no/such/path"), "the message names the path: {}", output.stderr);
    let output = store.run(["findings"]).expect_code(&[1]);
    assert!(output.stdout.is_empty() && output.stderr.contains("test.db"), "{output:?}");
    run(["check", "/no/such/rule.yml"]).expect_code(&[1]);
}

#[test]
fn damage_is_three_and_the_rest_is_loaded() {
    let store = TestStore::new();
    let input = store.file("mixed.jsonl", format!("{}{{\"broken\": \n{}", security_line(1, 4624, ""), security_line(2, 4624, "")));
    let output = store.run(["load", &input.to_string_lossy()]).expect_code(&[3]);
    assert!(output.stderr.contains("mixed.jsonl"), "stderr names the file: {}", output.stderr);
    let rows = store.sources();
    assert_eq!((integer(&rows[0], "events"), integer(&rows[0], "bad")), (2, 1), "{rows:?}");
}

#[test]
fn sources_have_the_documented_shape() {
    let store = TestStore::new();
    let text_of = [security_line(1, 4624, ""), security_line(2, 4625, "")].concat();
    store.file("in/a.jsonl", &text_of);
    store.file("in/b.zip", zip(&[("x/y.jsonl", text_of.as_bytes()), ("z.json", br#"{"@timestamp":"2024-01-01T00:00:00Z","name":"v"}"#)]));
    store.file("in/c.jsonl.gz", gzip(security_line(3, 4624, "").as_bytes()));
    store.load([store.folder().join("in")]).expect_code(&[0]);
    let rows = store.sources();
    for row in &rows {
        assert_eq!(
            keys(row),
            [
                "path",
                "format",
                "events",
                "new_events",
                "bad",
                "recovered",
                "duplicate_of",
                "sha256",
                "first_time",
                "last_time",
                "bytes",
                "skipped",
                "timezone",
                "clock",
                "source_id",
                "removed"
            ]
        );
        assert_eq!(text(row, "sha256").len(), 64, "{row}");
        assert_time(text(row, "first_time"));
        assert_time(text(row, "last_time"));
    }
    let find =
        |tail: &str| rows.iter().find(|row| text(row, "path").ends_with(tail)).unwrap_or_else(|| panic!("no source {tail}: {rows:#?}"));
    let (plain, copy) = (find("in/a.jsonl"), find("in/b.zip!/x/y.jsonl"));
    assert_eq!((integer(plain, "events"), integer(plain, "new_events"), plain["duplicate_of"].is_null()), (2, 2, true));
    assert_eq!((integer(copy, "events"), integer(copy, "new_events"), copy["duplicate_of"].is_null()), (2, 0, false));
    assert_eq!(text(plain, "sha256"), text(copy, "sha256"));
    assert_eq!((text(plain, "first_time"), text(plain, "last_time")), ("2024-03-01T10:00:01.001Z", "2024-03-01T10:00:02.002Z"));
    assert_eq!(integer(find("z.json"), "events"), 1);
    assert_eq!(integer(plain, "bytes"), i64::try_from(text_of.len()).expect("short"));
}

#[test]
fn findings_have_the_documented_shape() {
    let store = hunted();
    let rows = store.findings(false);
    for row in &rows {
        assert_eq!(
            keys(row),
            [
                "finding_id",
                "hunt_id",
                "rule_id",
                "rule_title",
                "rule_path",
                "severity",
                "level",
                "techniques",
                "tactics",
                "group",
                "columns",
                "count",
                "first_time",
                "last_time",
                "risk_score",
                "message",
                "risk_objects",
                "details",
                "hosts",
                "users",
                "triage",
                "state"
            ]
        );
        assert_time(text(row, "first_time"));
        assert_time(text(row, "last_time"));
    }
    let of = |id: &str| rows.iter().filter(|row| text(row, "rule_id") == id).collect::<Vec<_>>();
    let (sigma, escu) = (of(SIGMA_ID), of(ESCU_ID));
    assert_eq!((sigma.len(), escu.len()), (2, 2), "{rows:#?}");
    assert_eq!(sigma[0]["level"], "high");
    assert_eq!(sigma[0]["techniques"], serde_json::json!(["T1021.002"]));
    assert_eq!(sigma[0]["tactics"], serde_json::json!(["lateral-movement"]));
    let ann = escu.iter().find(|row| row["group"]["Account"] == "Ann").expect("a row for Ann");
    assert_eq!(ann["group"], serde_json::json!({"Account": "Ann", "Address": "10.0.0.1"}));
    assert_eq!(
        (integer(ann, "count"), text(ann, "first_time"), text(ann, "last_time")),
        (2, "2024-03-01T10:00:11.011Z", "2024-03-01T10:00:13.013Z")
    );
    assert_eq!(text(ann, "message"), "Ann came from 10.0.0.1");
    assert_eq!(ann["risk_score"].as_f64(), Some(49.0));
    assert!(ann["risk_objects"].to_string().contains("Ann"), "{ann}");
}

#[test]
fn evidence_has_the_documented_shape() {
    let store = hunted();
    let rows = store.findings(true);
    assert_eq!(rows.len(), 5, "2 of the Sigma rule, 3 of the detection: {rows:#?}");
    for row in &rows {
        assert_eq!(keys(row), ["finding_id", "rule_id", "path", "record", "time", "event_id"]);
        assert!(text(row, "path").ends_with("logs/events.jsonl"), "{row}");
        assert_time(text(row, "time"));
    }
    let mut records: Vec<i64> = rows.iter().filter(|r| text(r, "rule_id") == SIGMA_ID).map(|r| integer(r, "record")).collect();
    records.sort_unstable();
    assert_eq!(records, [11, 12], "the EventRecordID where there is one");
}

#[test]
fn evidence_names_the_line_where_there_is_no_record_number() {
    let store = TestStore::new();
    let line =
        |code: u32| format!("{{\"@timestamp\":\"2024-03-01T10:00:00Z\",\"Channel\":\"Security\",\"EventID\":{code},\"Hostname\":\"h\"}}\n");
    let input = store.file("events.jsonl", [line(1), "\n".to_owned(), line(4624)].concat());
    store.load([&input]);
    let rule = store.file("rule.yml", sigma_rule(SIGMA_ID, "EventID: 4624"));
    store.run(["hunt", "--rules", &rule.to_string_lossy()]).expect_code(&[0]);
    assert_eq!(store.findings(true).iter().map(|r| integer(r, "record")).collect::<Vec<_>>(), [3]);
}

#[test]
fn hunting_again_finds_nothing_twice() {
    let store = hunted();
    let ids = |store: &TestStore| store.findings(false).iter().map(|r| integer(r, "finding_id")).collect::<Vec<_>>();
    let (before, evidence) = (ids(&store), store.findings(true).len());
    store.run(["hunt", "--rules", &store.folder().join("rules").to_string_lossy()]).expect_code(&[0]);
    assert_eq!((ids(&store), store.findings(true).len()), (before, evidence), "the same findings, the same evidence");
}

#[test]
fn the_same_rules_over_the_same_store_give_the_same_bytes() {
    let output = |format: &str| {
        let store = hunted();
        let text = store.run(["findings", "--format", format]).expect_code(&[0]).stdout;
        text.replace(&*store.folder().to_string_lossy(), "")
    };
    for format in ["table", "json", "jsonl", "csv"] {
        assert_eq!(output(format), output(format), "{format}");
    }
}

#[test]
fn check_has_the_documented_shape() {
    let store = TestStore::new();
    store.file("rules/good.yml", sigma_rule(SIGMA_ID, "EventID: 4624"));
    store.file("rules/bad.yml", sigma_rule(ESCU_ID, "EventID|no_such_modifier: 4624"));
    let output = run(["check", &store.folder().join("rules").to_string_lossy(), "--format", "json"]).expect_code(&[3]);
    let all: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(keys(&all), ["rules", "compiled", "statuses", "kept_out", "skipped", "documents", "diagnostics"]);
    assert_eq!((integer(&all, "rules"), integer(&all, "compiled")), (2, 1));
    let diagnostics = all["diagnostics"].as_array().expect("a list");
    let bad = diagnostics.iter().find(|d| d["severity"] == "error").expect("an error");
    assert_eq!(keys(bad), ["severity", "code", "message", "path", "line", "column"]);
    assert!(text(bad, "message").contains("no_such_modifier"), "{bad}");
    assert!(text(bad, "path").ends_with("bad.yml"), "{bad}");
    assert_eq!((integer(bad, "line"), integer(bad, "column") > 8), (13, true), "{bad}");
}

/// Loads standard input.
fn load_input(store: &TestStore, options: &[&str], input: &[u8]) {
    let mut child = crate::support::binary::command()
        .args(["load", "-"])
        .args(options)
        .arg("--store")
        .arg(store.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut stdin, input).expect("a pipe");
    drop(stdin);
    assert_eq!(child.wait().expect("a child").code(), Some(0));
}

#[test]
fn standard_input_is_a_source() {
    let store = TestStore::new();
    load_input(&store, &[], security_line(1, 4624, "").as_bytes());
    assert_eq!(integer(&store.sources()[0], "events"), 1);
}

#[test]
fn standard_input_gives_the_same_store_with_any_number_of_jobs() {
    // Several of the pieces that are read at the same time, of lines and packed.
    let more = |n: i64| format!(",\"Serial\":\"{n:x}\",\"CommandLine\":\"{} {}\"", "tool.exe --run".repeat(20), n * 7_919 % 4_001);
    let lines: String = (1..=15_000).map(|n| security_line(n, 4_600 + u32::try_from(n % 3).unwrap(), &more(n))).collect();
    assert!(lines.len() > 5_000_000, "{}", lines.len());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, lines.as_bytes()).unwrap();
    for (what, input) in [("lines", lines.into_bytes()), ("gzip", gzip.finish().unwrap())] {
        let loaded = ["1", "4"].map(|jobs| {
            let store = TestStore::new();
            load_input(&store, &["--jobs", jobs], &input);
            assert_eq!(store.number("SELECT count(*) FROM events"), 15_000, "{what}, {jobs} jobs");
            std::fs::read(store.path()).expect("a store")
        });
        assert!(loaded[0] == loaded[1], "{what}: {} and {} bytes", loaded[0].len(), loaded[1].len());
    }
}

#[test]
fn sql_only_reads() {
    let store = hunted();
    let before = store.number("SELECT count(*) FROM events");
    for sql in [
        "DELETE FROM event",
        "CREATE TABLE x(a)",
        "ATTACH '/tmp/x.db' AS x",
        "VACUUM INTO '/tmp/retrohunt-must-not-exist.db'",
        "PRAGMA user_version = 99",
        "SELECT 1; DELETE FROM event",
    ] {
        store.run(["sql", sql]).expect_code(&[1, 2]);
    }
    assert!(!std::path::Path::new("/tmp/retrohunt-must-not-exist.db").exists());
    assert_eq!(store.number("SELECT count(*) FROM events"), before);
}

#[test]
fn load_explains_without_loading() {
    let store = TestStore::new();
    let text = "07/20/2022 06:33:56 PM\nLogName=System\nEventCode=7036\nMessage=The A service entered the running state.\n";
    store.file("in/a.log", text);
    store.file("in/b.jsonl", security_line(1, 4624, ""));
    store.file("in/c.txt", "nothing in particular\n");
    let folder = store.file("in/d.bin", "");
    let folder = folder.parent().expect("a folder").to_string_lossy().into_owned();
    let output = store.run(["load", "--explain", "--format", "jsonl", &folder]).expect_code(&[0]);
    let rows: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let formats: Vec<Option<&str>> = rows.iter().map(|row| row["format"].as_str()).collect();
    assert_eq!(formats, [Some("splunk-text"), Some("json"), None, None], "{rows:?}");
    assert!(rows.iter().all(|row| !text_of(row, "reason").is_empty()));
    store.run(["sources"]).expect_code(&[1]); // there is no store
    run(["load", "--explain", "--input-format", "no-such-format", &folder]).expect_code(&[2]);
    run(["load", "--timezone", "Mars/Olympus", &folder]).expect_code(&[2]);
}

fn text_of<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name].as_str().unwrap_or_default()
}

#[test]
fn the_ledger_says_zones_clocks_and_what_was_skipped() {
    let store = TestStore::new();
    let text = "07/20/2022 06:33:56 PM\nLogName=System\nEventCode=7036\nMessage=The A service entered the running state.\n";
    let text = store.file("a.log", text);
    let lines = r#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":5,"@timestamp":"2022-07-20T08:00:00.100Z","UtcTime":"2022-07-20 12:00:00.000"}
{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":5,"@timestamp":"2022-07-20T12:00:01.000Z","UtcTime":"2022-07-20 12:00:00.000"}
"#;
    let lines = store.file("b.jsonl", lines);
    let other = store.file("c.txt", "nothing in particular\n");
    let paths = [text, lines, other].map(|path| path.to_string_lossy().into_owned());
    let output = store.run(["load", "--timezone", "-04:00", &paths[0], &paths[1], &paths[2]]).expect_code(&[0]);
    assert!(output.stderr.contains("event time is 4 h behind Sysmon's UtcTime in 1 event"), "{}", output.stderr);
    let rows = store.sources();
    let cells: Vec<(&str, &str, &str)> =
        rows.iter().map(|row| (text_of(row, "timezone"), text_of(row, "clock"), text_of(row, "skipped"))).collect();
    assert_eq!(cells, [("-04:00", "", ""), ("", "-4 h in 1 event", ""), ("", "", "unknown text format")]);
    assert_eq!(text_of(&rows[0], "first_time"), "2022-07-20T22:33:56.000Z");

    let store = TestStore::new();
    store.load([&paths[0]]);
    assert_eq!(text_of(&store.sources()[0], "timezone"), "UTC, assumed");
}
