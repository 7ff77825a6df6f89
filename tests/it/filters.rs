//! What filters choose and what lists say that they leave out; each choice is that of SQL.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::binary::{Output, TestStore, integer, text};

/// Events that the store keeps of one finding, and those of the finding that has more.
const KEPT: usize = 1_000;
const MANY: usize = 1_500;

/// A logon of bob, by eve.
fn logon(time: &str, host: &str, record: usize, code: u32) -> String {
    format!(
        "{{\"@timestamp\":\"{time}\",\"Channel\":\"Security\",\"EventID\":{code},\"Hostname\":\"{host}\",\"RecordNumber\":{record},\"TargetUserName\":\"bob\",\"SubjectUserName\":\"eve\",\"Workstation\":\"pc9\"}}\n"
    )
}

fn grouped_rule(id: u32, search: &str, more: &str) -> String {
    format!(
        "name: Rule {id}\nid: cccccccc-0000-4000-8000-00000000000{id}\ntype: TTP\nsearch: {search}\ntags: {{mitre_attack_id: [T1110]}}\n{more}"
    )
}

/// Finding 1 has events on three hosts and days, finding 2 has its host from a field.
fn on_three_hosts() -> TestStore {
    let store = TestStore::new();
    let days = [("2024-01-01T00:00:00Z", "ws1.test"), ("2024-01-02T00:00:00Z", "ws2.test"), ("2024-01-03T01:00:00Z", "ws3.test")];
    let events: String = days.iter().zip(1..).map(|((time, host), record)| logon(time, host, record, 4624)).collect();
    let more = logon("2024-01-02T12:00:00Z", "dc1.test", 9, 4776) + &logon("2024-01-02T13:00:00Z", "dc2.test", 10, 4776);
    store.load([store.file("logs/events.jsonl", events + &more)]);
    store.file("rules/1.yml", grouped_rule(1, "EventCode=4624 | stats count by TargetUserName", ""));
    let risk = "rba:\n  message: m\n  risk_objects:\n  - {field: Workstation, type: system, score: 50}\n  - {field: TargetUserName, type: user, score: 50}\n  - {field: SubjectUserName, type: user, score: 50}\n  threat_objects: []\n";
    store.file("rules/2.yml", grouped_rule(2, "EventCode=4776 | stats count by Workstation TargetUserName SubjectUserName", risk));
    hunt(&store);
    store
}

/// One finding with more events than are kept, one a second.
fn over_the_cap() -> TestStore {
    let store = TestStore::new();
    let time = |n: usize| format!("2024-01-01T00:{:02}:{:02}Z", n / 60, n % 60);
    store.load([store.file("logs/events.jsonl", (0..MANY).map(|n| logon(&time(n), "ws1.test", n + 1, 4624)).collect::<String>())]);
    store.file("rules/1.yml", grouped_rule(1, "EventCode=4624 | stats count by TargetUserName", ""));
    hunt(&store);
    store
}

fn hunt(store: &TestStore) {
    store.run(["hunt", "--rules", &store.folder().join("rules").to_string_lossy()]).expect_code(&[0]);
}

fn rows(store: &TestStore, words: &[&str]) -> Vec<Value> {
    let words: Vec<&str> = words.iter().copied().chain(["--format", "json"]).collect();
    serde_json::from_str(&store.run(&words).expect_code(&[0]).stdout).expect("a list")
}

fn numbers(rows: &[Value], name: &str) -> BTreeSet<i64> {
    rows.iter().map(|row| integer(row, name)).collect()
}

fn texts<'a>(rows: &'a [Value], name: &str) -> BTreeSet<&'a str> {
    rows.iter().map(|row| text(row, name)).collect()
}

fn sql(store: &TestStore, query: &str) -> Vec<Value> {
    rows(store, &["sql", query])
}

fn said(store: &TestStore, words: &[&str]) -> Output {
    store.run(words).expect_code(&[0])
}

#[test]
fn an_interval_needs_an_event_in_it() {
    let store = on_three_hosts();
    for (since, until) in [
        ("2024-01-01T12:00:00", "2024-01-01T18:00:00"),
        ("2024-01-01T12:00:00", "2024-01-02"),
        ("2024-01-02", "2024-01-03"),
        ("2024-01-02T06:00:00", "2024-01-03T01:00:01"),
        ("2023-01-01", "2024-01-01"),
        ("2023-01-01", "2025-01-01"),
    ] {
        let stamp = |text: &str| if text.len() == 10 { format!("{text}T00:00:00.000Z") } else { format!("{text}.000Z") };
        let within = format!("time >= '{}' AND time < '{}'", stamp(since), stamp(until));
        let chosen = sql(&store, &format!("SELECT DISTINCT finding_id FROM finding_events WHERE {within}"));
        let found = rows(&store, &["findings", "--since", since, "--until", until]);
        assert_eq!(numbers(&found, "finding_id"), numbers(&chosen, "finding_id"), "{since} {until}");
        // What is exported are the events of the timeline.
        let events = numbers(&sql(&store, &format!("SELECT DISTINCT event_id FROM timeline WHERE {within}")), "event_id");
        assert_eq!(numbers(&rows(&store, &["timeline", "--since", since, "--until", until]), "event_id"), events);
        let lines = said(&store, &["export", "timesketch", "--since", since, "--until", until]).json_lines();
        assert_eq!(numbers(&lines, "event_id"), events, "{since} {until}");
        for form in ["timesketch-csv", "timeline-csv"] {
            let csv = said(&store, &["export", form, "--since", since, "--until", until]).stdout;
            assert_eq!(csv.lines().count(), lines.len() + 1, "{form}");
        }
        let page = store.folder().join("page.html").to_string_lossy().into_owned();
        let note = said(&store, &["report", "--html", &page, "--since", since, "--until", until]).stderr;
        assert!(note.starts_with(&format!("{} finding", chosen.len())), "{note}");
    }
}

#[test]
fn an_interval_that_ends_before_it_begins_is_refused() {
    let store = on_three_hosts();
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    for words in [
        vec!["findings"],
        vec!["timeline"],
        vec!["export", "navigator"],
        vec!["triage", "benign"],
        vec!["report", "--html", "-"],
        vec!["risk"],
        vec!["hunt"],
        vec!["search", "bob"],
        vec!["logons"],
        vec!["metrics"],
        vec!["compile", &rules],
    ] {
        for until in ["2024-01-01", "2024-01-02"] {
            let all: Vec<&str> = words.iter().copied().chain(["--since", "2024-01-02", "--until", until]).collect();
            let output = store.run(&all).expect_code(&[2]);
            assert!(output.stderr.contains("--since") && output.stderr.contains("--until"), "{words:?}: {}", output.stderr);
        }
    }
}

#[test]
fn one_host_is_shown_where_one_is_asked_for() {
    let store = on_three_hosts();
    let folded = said(&store, &["findings", "--host", "ws2"]);
    assert!(folded.stdout.contains("ws2.test") && !folded.stdout.contains("ws1"), "{}", folded.stdout);
    assert!(folded.stderr.contains("on 1 host,") && !folded.stderr.contains("ws3"), "{}", folded.stderr);
    assert_eq!(texts(&rows(&store, &["findings", "--host", "WS2", "--group-by", "host"]), "host"), BTreeSet::from(["ws2.test"]));
    let events = numbers(&sql(&store, "SELECT event_id FROM timeline WHERE host = 'ws2.test'"), "event_id");
    assert_eq!(events.len(), 1);
    assert_eq!(numbers(&rows(&store, &["timeline", "--host", "ws2"]), "event_id"), events);
    assert_eq!(texts(&rows(&store, &["timeline", "--host", "ws2", "--context", "3d"]), "host"), BTreeSet::from(["ws2.test"]));
    assert_eq!(numbers(&said(&store, &["export", "timesketch", "--host", "ws2"]).json_lines(), "event_id"), events);
    assert_eq!(said(&store, &["export", "timeline-csv", "--host", "ws2"]).stdout.lines().count(), 2);
    // Names may be broken at their dots.
    let page = said(&store, &["report", "--html", "-", "--host", "ws2"]).stdout.replace("<wbr>", "");
    assert!(page.contains("ws2.test") && !page.contains("ws1.test"));
    // A host that is the value of a field has no events of its own: all of them are its.
    let of_field = numbers(&sql(&store, "SELECT event_id FROM timeline WHERE rule_title = 'Rule 2'"), "event_id");
    assert_eq!((numbers(&rows(&store, &["timeline", "--host", "pc9"]), "event_id"), of_field.len()), (of_field, 2));
    assert_eq!(texts(&rows(&store, &["findings", "--host", "pc9", "--group-by", "rule-host"]), "host"), BTreeSet::from(["pc9"]));
    // The same of users.
    let both = rows(&store, &["findings", "--rule", "Rule 2", "--group-by", "user"]);
    assert_eq!(texts(&both, "user"), BTreeSet::from(["bob", "eve"]));
    assert_eq!(texts(&rows(&store, &["findings", "--user", "EVE", "--group-by", "user"]), "user"), BTreeSet::from(["eve"]));
}

#[test]
fn events_that_are_not_kept_are_told() {
    let store = over_the_cap();
    let count = integer(&rows(&store, &["findings"])[0], "count");
    let kept = store.number("SELECT count(*) FROM finding_events");
    assert_eq!((count, kept), (MANY as i64, KEPT as i64));
    let told = "500 events of 1 finding are not kept";
    let late = "2024-01-01T00:20:00Z";
    for words in [
        vec!["timeline"],
        vec!["timeline", "--since", late],
        vec!["timeline", "--since", late, "--until", "2024-01-01T00:21:00Z"],
        vec!["findings", "--evidence"],
        vec!["export", "timesketch"],
        vec!["export", "timesketch-csv", "--since", late],
        vec!["export", "timeline-csv"],
        vec!["findings", "show", "1", "--format", "json"],
    ] {
        let output = said(&store, &words);
        assert!(output.stderr.contains(told), "{words:?}: {}", output.stderr);
        assert!(!output.stderr.contains("run `retrohunt hunt`"), "{words:?}: {}", output.stderr);
    }
    let shown = said(&store, &["findings", "show", "1"]).stdout;
    assert!(
        shown.trim_end().lines().last().is_some_and(|line| line.starts_with("500 of 1,500 events are not kept")),
        "{}",
        shown.lines().count()
    );
    // Of what is not kept, nobody knows the times but the first and the last.
    assert_eq!(rows(&store, &["findings", "--since", late, "--until", "2024-01-01T00:21:00Z"]).len(), 1);
    assert_eq!(rows(&store, &["findings", "--since", "2024-01-01T00:26:00Z", "--until", "2024-01-02"]).len(), 0);
    let all = said(&on_three_hosts(), &["timeline"]).stderr;
    assert!(!all.contains("not kept"), "{all}");
}

#[test]
fn an_empty_timeline_says_why() {
    let store = TestStore::new();
    store.load([store.file("logs/events.jsonl", logon("2024-01-01T00:00:00Z", "ws1", 1, 4624))]);
    assert!(said(&store, &["timeline"]).stderr.contains("no hunt has run"));
    let store = on_three_hosts();
    let note = said(&store, &["timeline", "--host", "zzz"]).stderr;
    assert!(note.contains("0 of 2 findings match") && !note.contains("run `retrohunt hunt`"), "{note}");
}

/// Rules over one event each, with tags of their own.
fn tagged() -> TestStore {
    let store = TestStore::new();
    let tags =
        [vec!["t1003.001", "credential-access"], vec!["t1562.001", "defense-evasion"], vec!["t1685", "stealth"], vec!["t1059"], vec![]];
    let mut events = String::new();
    for (place, tags) in tags.iter().enumerate() {
        // What a logon says names its user, what these others say does not.
        let code = if place == 0 { 4_624 } else { 5_000 + u32::try_from(place).unwrap() };
        events += &logon("2024-01-01T00:00:00Z", "ws1", place + 1, code);
        let tags: String = tags.iter().map(|tag| format!("    - attack.{tag}\n")).collect();
        let tags = if tags.is_empty() { tags } else { format!("tags:\n{tags}") };
        let id = format!("dddddddd-0000-4000-8000-00000000000{place}");
        let rule = format!(
            "title: Rule {place}\nid: {id}\nlevel: high\n{tags}logsource: {{product: windows, service: security}}\ndetection:\n  s: {{EventID: {code}}}\n  condition: s\n"
        );
        store.file(&format!("rules/{place}.yml"), rule);
    }
    store.load([store.file("logs/events.jsonl", events)]);
    hunt(&store);
    store
}

#[test]
fn a_tag_means_what_it_means_in_coverage() {
    let store = tagged();
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    for (tag, titles) in [
        ("T1003", vec!["Rule 0"]),
        ("attack.t1003", vec!["Rule 0"]),
        ("t1003.001", vec!["Rule 0"]),
        ("T100", vec![]),
        ("T1562.001", vec!["Rule 1", "Rule 2"]),
        ("T1562", vec!["Rule 1", "Rule 2"]),
        ("T1685", vec!["Rule 1", "Rule 2"]),
        ("T1086", vec![]),
        ("defense-evasion", vec!["Rule 1", "Rule 2"]),
        ("Stealth", vec!["Rule 1", "Rule 2"]),
        ("TA0005", vec!["Rule 1", "Rule 2"]),
        ("ta0006", vec!["Rule 0"]),
        ("Credential Access", vec!["Rule 0"]),
    ] {
        let titles: BTreeSet<&str> = titles.into_iter().collect();
        assert_eq!(texts(&rows(&store, &["findings", "--tag", tag]), "rule_title"), titles, "{tag}");
        if !titles.is_empty() {
            let covered = rows(&store, &["coverage", "--rules", &rules, "--by", "rule", "--tag", tag]);
            assert_eq!(texts(&covered, "rule_title"), titles, "coverage {tag}");
        }
    }
}

#[test]
fn groups_have_a_line_for_what_is_missing() {
    let store = tagged();
    for (by, list) in [("user", "users"), ("technique", "techniques")] {
        // Views have the ids that rules have; a group has the one of today.
        let query = format!(
            "SELECT iif(j.value = 'T1562.001', 'T1685', j.value) AS name, count(*) AS findings FROM findings f LEFT JOIN json_each(f.{list}) j GROUP BY 1"
        );
        let of = |rows: &[Value], name: &str| {
            rows.iter().map(|row| (text(row, name).to_owned(), integer(row, "findings"))).collect::<BTreeSet<_>>()
        };
        let groups = of(&rows(&store, &["findings", "--group-by", by]), by);
        assert_eq!(groups, of(&sql(&store, &query), "name"), "{by}");
        assert!(groups.len() > 1 && groups.iter().any(|(name, _)| name.is_empty()), "{groups:?}");
    }
}

#[test]
fn past_findings_say_that_they_are_past() {
    let store = tagged();
    store.file("rules/0.yml", std::fs::read_to_string(store.folder().join("rules/0.yml")).unwrap().replace("EventID: 4624", "EventID: 9"));
    hunt(&store);
    let states =
        |rows: &[Value]| rows.iter().map(|row| (integer(row, "finding_id"), text(row, "state").to_owned())).collect::<BTreeSet<_>>();
    let past = states(&rows(&store, &["findings", "--past"]));
    assert_eq!(past, states(&sql(&store, "SELECT finding_id, state FROM findings")));
    assert!(past.iter().any(|(_, state)| state == "superseded"), "{past:?}");
    assert!(rows(&store, &["findings"]).iter().all(|row| text(row, "state") == "current"));
    for words in [vec!["findings", "--past"], vec!["findings", "--past", "--all"], vec!["findings", "--past", "--group-by", "level"]] {
        let table = said(&store, &words).stdout;
        assert!(table.contains("State") && table.contains("superseded"), "{words:?}: {table}");
    }
    let now = said(&store, &["findings"]).stdout;
    assert!(!now.contains("State"), "{now}");
    let levels = rows(&store, &["findings", "--past", "--group-by", "level"]);
    assert_eq!(levels[0]["states"], serde_json::json!(["current", "superseded"]));
}

#[test]
fn hunts_are_listed() {
    let store = tagged();
    store
        .run(["hunt", "--rules", &store.folder().join("rules").to_string_lossy(), "--since", "2024-01-01", "--until", "2024-01-02"])
        .expect_code(&[0]);
    let hunts = sql(
        &store,
        "SELECT hunt_id, started > '2024' AS is_started, since, until, rules, findings, new_findings FROM hunts ORDER BY hunt_id",
    );
    let of = |place: usize| ["hunt_id", "is_started", "rules", "findings", "new_findings"].map(|name| integer(&hunts[place], name));
    let found = rows(&store, &["findings", "--hunt", "1"]).len() as i64;
    assert_eq!((hunts.len(), of(0), of(1)), (2, [1, 1, 5, found, 5], [2, 1, 5, 5, 0]));
    assert_eq!(
        (text(&hunts[0], "since"), text(&hunts[1], "since"), text(&hunts[1], "until")),
        ("", "2024-01-01T00:00:00.000Z", "2024-01-02T00:00:00.000Z")
    );
    let help = store.run(["findings", "--help"]).stdout;
    assert!(help.split_whitespace().collect::<Vec<_>>().join(" ").contains("SELECT * FROM hunts"), "{help}");
}

/// Whom a finding is about, beside the host that is asked for, is not told: neither in lists nor in the forms that have a line a finding.
#[test]
fn who_asks_for_a_host_is_shown_that_one_everywhere() {
    let store = on_three_hosts();
    let listed = rows(&store, &["findings", "--all", "--host", "ws2"]);
    assert_eq!(listed.iter().map(|row| row["hosts"].to_string()).collect::<Vec<_>>(), [r#"["ws2.test"]"#]);
    let table = said(&store, &["findings", "--all", "--host", "ws2"]).stdout;
    assert!(table.contains("ws2") && !table.contains("ws1") && !table.contains("ws3"), "{table}");
    for form in ["ocsf", "iris", "timesketch", "timeline-csv"] {
        let written = said(&store, &["export", form, "--host", "ws2"]).stdout;
        assert!(written.contains("ws2.test") && !written.contains("ws1.test") && !written.contains("ws3.test"), "{form}: {written}");
    }
    let all = rows(&store, &["findings", "--all"]);
    assert_eq!(all[0]["hosts"].as_array().map(Vec::len), Some(3));
}
