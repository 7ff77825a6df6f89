//! Findings as they are read: folded, chosen, in order of time, with what happened and what the rule says; each number is that of SQL.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::binary::{TestStore, text};
use crate::support::samples::{security_line, sigma_rule};

fn hunted() -> TestStore {
    let store = TestStore::new();
    let root = env!("CARGO_MANIFEST_DIR");
    store.run(["load", &format!("{root}/tests/samples")]).expect_code(&[0]);
    store.run(["hunt", "--rules", &format!("{root}/rules")]).expect_code(&[0]);
    store
}

fn rows(store: &TestStore, words: &[&str]) -> Vec<Value> {
    let words: Vec<&str> = words.iter().copied().chain(["--format", "json"]).collect();
    serde_json::from_str(&store.run(&words).expect_code(&[0]).stdout).expect("a list")
}

fn sql(store: &TestStore, query: &str) -> Vec<Value> {
    rows(store, &["sql", query])
}

fn number(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("{name} of {row}"))
}

#[test]
fn each_group_has_the_numbers_of_sql() {
    let store = hunted();
    let key = |row: &Value| {
        let texts = ["severity", "rule_id", "host", "first_time", "last_time"].map(|name| text(row, name).to_owned());
        (texts, number(row, "findings"), number(row, "count"))
    };
    let groups: BTreeSet<_> = rows(&store, &["findings", "--group-by", "rule-host"]).iter().map(key).collect();
    let view: BTreeSet<_> = sql(&store, "SELECT * FROM finding_summary").iter().map(key).collect();
    assert_eq!(groups, view);
    assert!(groups.len() > 5);
    for (by, query) in [
        ("host", "SELECT j.value AS host, count(*) AS findings FROM findings, json_each(hosts) j WHERE state = 'current' GROUP BY 1"),
        ("technique", "SELECT j.value AS technique, count(*) AS findings FROM findings, json_each(techniques) j GROUP BY 1"),
        ("level", "SELECT severity, count(*) AS findings FROM findings GROUP BY 1"),
        ("day", "SELECT substr(first_time, 1, 10) AS day, count(*) AS findings FROM findings GROUP BY 1"),
    ] {
        let name = if by == "level" { "severity" } else { by };
        let of = |rows: Vec<Value>| rows.iter().map(|row| (text(row, name).to_owned(), number(row, "findings"))).collect::<BTreeSet<_>>();
        assert_eq!(of(rows(&store, &["findings", "--group-by", by])), of(sql(&store, query)), "{by}");
    }
}

#[test]
fn the_highest_level_comes_first_and_the_summary_counts_all() {
    let store = hunted();
    let levels: Vec<String> =
        rows(&store, &["findings", "--group-by", "rule-host"]).iter().map(|row| text(row, "severity").to_owned()).collect();
    let rank = |level: &String| ["critical", "high", "medium", "low", "informational"].iter().position(|name| name == level);
    assert!(levels.is_sorted_by_key(rank), "{levels:?}");
    let output = store.run(["findings", "--limit", "2"]).expect_code(&[0]);
    assert_eq!(output.stdout.lines().count(), 3, "a heading and two lines:\n{}", output.stdout);
    let all = sql(&store, "SELECT count(*) AS n, count(DISTINCT rule_id) AS r FROM findings WHERE state = 'current'");
    let said = format!("Summary: {} findings from {} rules on ", number(&all[0], "n"), number(&all[0], "r"));
    assert!(output.stderr.contains(&said), "{said}\n{}", output.stderr);
    let times: Vec<String> = rows(&store, &["findings", "--sort", "time"]).iter().map(|row| text(row, "first_time").to_owned()).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn filters_choose_the_findings_that_sql_chooses() {
    let store = hunted();
    for (words, condition) in [
        (vec!["--host", "WS07"], "hosts LIKE '%\"ws07.corp.example\"%'"),
        (vec!["--user", "ALICE"], "users LIKE '%alice\"%'"),
        (vec!["--tag", "t1003.001"], "techniques LIKE '%T1003.001%'"),
        (vec!["--level", "high"], "severity IN ('high', 'critical')"),
        (vec!["--status", "new"], "triage IS NULL"),
        (vec!["--status", "closed"], "triage = 'closed'"),
    ] {
        let words: Vec<&str> = ["findings"].into_iter().chain(words).collect();
        let ids = |rows: Vec<Value>| rows.iter().map(|row| number(row, "finding_id")).collect::<BTreeSet<_>>();
        let expected = ids(sql(&store, &format!("SELECT finding_id FROM findings WHERE {condition}")));
        assert_eq!(ids(rows(&store, &words)), expected, "{words:?}");
        assert_eq!(expected.is_empty(), condition.contains("closed"), "{condition}");
    }
}

#[test]
fn a_finding_says_what_happened_and_marks_what_the_rule_tested() {
    let store = hunted();
    let found = rows(&store, &["findings", "--rule", "Memory of LSASS"]);
    let details = text(&found[0], "details");
    assert!(details.starts_with(r"Target*: C:\Windows\System32\lsass.exe · Access*: 0x1010 · Source: "), "{details}");
    assert_eq!(found[0]["hosts"], serde_json::json!(["ws07.corp.example"]));
    assert_eq!(found[0]["users"], serde_json::json!([r"CORP\alice"]));
    let id = number(&found[0], "finding_id").to_string();
    let shown = store.run(["findings", "show", &id]).expect_code(&[0]).stdout;
    for words in ["\nRule\n", "  description  ", "  false positives  ", "  GrantedAccess*  0x1010", "  severity       high"] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    let grouped = rows(&store, &["findings", "--rule", "Program File Written Through"]);
    assert!(grouped.iter().any(|row| text(row, "details").starts_with("dest: fs01.corp.example · ")), "{grouped:#?}");
}

#[test]
fn the_timeline_has_each_event_once_in_the_order_of_time() {
    let store = hunted();
    let timeline = rows(&store, &["timeline"]);
    let times: Vec<String> = timeline.iter().map(|row| text(row, "time").to_owned()).collect();
    assert!(times.is_sorted() && !times.is_empty());
    let ids = |rows: &[Value]| rows.iter().map(|row| number(row, "event_id")).collect::<Vec<_>>();
    let view: BTreeSet<i64> = ids(&sql(&store, "SELECT DISTINCT event_id FROM timeline")).into_iter().collect();
    assert_eq!(ids(&timeline).len(), view.len());
    assert_eq!(ids(&timeline).into_iter().collect::<BTreeSet<_>>(), view);
    assert!(timeline.iter().all(|row| !text(row, "details").is_empty()), "{timeline:#?}");

    let around = rows(&store, &["timeline", "--rule", "Memory of LSASS", "--context", "2m"]);
    let expected = sql(
        &store,
        "SELECT e._id AS event_id FROM events e, (SELECT _time_us AS t FROM sysmon_10 WHERE GrantedAccess = '0x1010') x
         WHERE e._host = 'ws07.corp.example' AND abs(e._time_us - x.t) <= 120000000",
    );
    assert_eq!(ids(&around).into_iter().collect::<BTreeSet<_>>(), ids(&expected).into_iter().collect::<BTreeSet<_>>());
    assert_eq!(around.iter().filter(|row| !row["severity"].is_null()).count(), 1);
}

#[test]
fn hunting_again_changes_nothing_and_what_became_of_each_rule_is_kept() {
    let store = hunted();
    let query = "SELECT finding_id, details, hosts, users FROM findings ORDER BY 1";
    let before = sql(&store, query);
    store.run(["hunt", "--rules", &format!("{}/rules", env!("CARGO_MANIFEST_DIR"))]).expect_code(&[0]);
    assert_eq!(sql(&store, query), before);
    let listed = |words: &[&str]| rows(&store, &[&["findings"], words].concat()).len();
    assert_eq!((listed(&["--new"]), listed(&["--hunt", "2"]), listed(&["--new", "--hunt", "1"])), (0, before.len(), before.len()));
    let outcomes = sql(&store, "SELECT outcome, count(*) AS n FROM rule_outcomes WHERE hunt_id = 2 GROUP BY 1");
    let of = |name: &str| outcomes.iter().find(|row| text(row, "outcome") == name).map_or(0, |row| number(row, "n"));
    assert_eq!(of("found"), number(&sql(&store, "SELECT count(DISTINCT rule_id) AS n FROM findings")[0], "n"));
    assert!(of("no-data") + of("no-field") > 0, "{outcomes:?}");
}

#[test]
fn an_event_that_has_its_message_alone_says_its_first_line() {
    let store = TestStore::new();
    let line = |record: u32| {
        format!(
            "{{\"@timestamp\":\"2024-03-01T10:00:{record:02}.000Z\",\"Channel\":\"Application\",\"EventID\":7001,\"Hostname\":\"h.test\",\"RecordNumber\":{record},\"Message\":\"It stopped.\\r\\nNobody knows why.\"}}\n"
        )
    };
    store.load([store.file("events.jsonl", [line(1), line(2)].concat())]);
    let rule = "title: Stopped\nid: aaaaaaaa-0000-4000-8000-000000000001\nlevel: low\nlogsource: {product: windows, service: application}\ndetection:\n  s: {EventID: 7001}\n  condition: s\n";
    store.run(["hunt", "--rules", &store.file("rule.yml", rule).to_string_lossy()]).expect_code(&[0]);
    assert!(rows(&store, &["findings"]).iter().all(|row| text(row, "details") == "It stopped."));
    // Of an event that no finding is about alone, too.
    let around = rows(&store, &["timeline", "--since", "2024-03-01T10:00:02Z", "--context", "5s"]);
    assert_eq!(around.iter().map(|row| text(row, "details")).collect::<Vec<_>>(), ["It stopped.", "It stopped."]);
}

/// Of one event the event tells what happened, of several the group and what else the row says, and what the first of them tells where that
/// is in neither.
#[test]
fn a_search_tells_of_its_event_or_of_its_group() {
    let store = TestStore::new();
    let line = |record: u32, host: &str, script: &str| {
        format!(
            "{{\"@timestamp\":\"2024-03-01T10:00:{record:02}.000Z\",\"Channel\":\"Microsoft-Windows-PowerShell/Operational\",\"EventID\":4104,\"Hostname\":\"{host}\",\"RecordNumber\":{record},\"ScriptBlockText\":\"{script}\"}}\n"
        )
    };
    let lines = [line(1, "a.test", "iex first\\nsecond"), line(2, "b.test", "iex this"), line(3, "b.test", "iex that")];
    store.load([store.file("events.jsonl", lines.concat())]);
    let search = "`powershell` EventCode=4104 ScriptBlockText=*iex* | eval zero=0, nothing=\"unknown\", dest=Computer | stats count dc(ScriptBlockText) as scripts values(dest) as dest by Computer zero nothing | where scripts > 0";
    let rule = format!("name: Scripts\nid: aaaaaaaa-0000-4000-8000-000000000002\ntype: TTP\nsearch: {}\n", serde_json::json!(search));
    let hunt = || store.run(["hunt", "--rules", &store.file("rule.yml", rule.clone()).to_string_lossy()]).expect_code(&[0]);
    for _ in 0..2 {
        hunt();
        let found = rows(&store, &["findings"]);
        assert_eq!(
            found.iter().map(|row| text(row, "details")).collect::<Vec<_>>(),
            ["Script*: iex first", "Computer: b.test · scripts: 2 · Script*: iex this"]
        );
    }
    let timeline = rows(&store, &["timeline"]);
    assert_eq!(
        timeline.iter().map(|row| text(row, "details").replace('*', "")).collect::<Vec<_>>(),
        ["Script: iex first", "Script: iex this", "Script: iex that"]
    );
}

/// After a hunt over a part of the time, the silence of a rule says nothing of the rest.
#[test]
fn what_a_bounded_hunt_did_not_find_says_so() {
    let store = hunted();
    let root = env!("CARGO_MANIFEST_DIR");
    let before = sql(&store, "SELECT finding_id FROM findings WHERE state = 'current'");
    store.run(["hunt", "--rules", &format!("{root}/rules"), "--since", "2039-01-01"]).expect_code(&[0]);
    assert_eq!(sql(&store, "SELECT finding_id FROM findings WHERE state = 'current'"), before);
    let reasons = sql(&store, "SELECT DISTINCT reason FROM rule_outcomes WHERE outcome = 'nothing'");
    assert_eq!(
        reasons.iter().map(|row| text(row, "reason")).collect::<Vec<_>>(),
        ["only events from 2039-01-01T00:00:00.000Z were hunted"]
    );
}

/// A rule that moves to another path is still one rule.
#[test]
fn what_became_of_a_rule_is_one_line_wherever_its_file_is() {
    let store = TestStore::new();
    store.load([store.file("events.jsonl", security_line(1, 4624, ""))]);
    let ids = ["aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"];
    for folder in ["r", "r2"] {
        for (id, code) in ids.iter().zip([4624, 4625]) {
            store.file(&format!("{folder}/{id}.yml"), sigma_rule(id, &format!("EventID: {code}")));
        }
        store.file(&format!("{folder}/again.yml"), sigma_rule(ids[0], "EventID: 1"));
        store.run(["hunt", "--rules", &store.folder().join(folder).to_string_lossy()]).expect_code(&[0]);
    }
    let outcomes = sql(&store, "SELECT rule_id, rule_path, outcome FROM rule_outcomes ORDER BY 1");
    let shown: Vec<_> =
        outcomes.iter().map(|row| (text(row, "rule_id"), text(row, "outcome"), text(row, "rule_path").contains("r2"))).collect();
    assert_eq!(shown, [(ids[0], "found", true), (ids[1], "no-data", true)]);
}

/// Of an event without a field and without a message its kind is what is known; the group of several may say nothing.
#[test]
fn no_finding_with_events_is_without_details() {
    let store = TestStore::new();
    let lines = [security_line(1, 9_999, ""), security_line(2, 4625, r#","IpAddress":"10.0.0.1""#), security_line(3, 4625, "")];
    store.load([store.file("events.jsonl", lines.concat())]);
    store.file("rules/1.yml", sigma_rule("aaaaaaaa-0000-4000-8000-000000000001", "EventID: 9999"));
    let search = |id: u32, stages: &str| {
        format!(
            "name: S{id}\nid: aaaaaaaa-0000-4000-8000-00000000000{id}\ntype: TTP\nsearch: {}\n",
            serde_json::json!(format!("EventCode=4625 | {stages}"))
        )
    };
    store.file("rules/2.yml", search(2, "stats count"));
    store.file("rules/3.yml", search(3, "stats count values(IpAddress) as src"));
    store.file("rules/4.yml", search(4, "stats count dc(IpAddress) as n"));
    for record in 4..6 {
        store.run(["hunt", "--rules", &store.folder().join("rules").to_string_lossy()]).expect_code(&[0]);
        let found = rows(&store, &["findings"]);
        let details: Vec<&str> = found.iter().map(|row| text(row, "details")).collect();
        assert_eq!(details, ["Security 9999", "Address: 10.0.0.1", "src: 10.0.0.1", "n: 1 · Address: 10.0.0.1"]);
        // One more event: these findings change, and say the same again.
        store.load([store.file(&format!("more{record}.jsonl"), security_line(record, 4625, ""))]);
    }
}
