//! Coverage: which rules can run on a store, which techniques they see, and what would have to be logged.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::binary::{TestStore, text};
use crate::support::samples::security_line;

/// A line of Sysmon's log.
fn sysmon(record: u32, code: u32, more: &str) -> String {
    format!(
        "{{\"@timestamp\":\"2024-03-01T10:00:{record:02}.000Z\",\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":{code},\"Hostname\":\"host.test\",\"RecordNumber\":{record}{more}}}\n"
    )
}

fn id(number: u32) -> String {
    format!("aaaaaaaa-0000-4000-8000-{number:012}")
}

fn sigma(number: u32, technique: &str, source: &str, selection: &str) -> String {
    let id = id(number);
    format!(
        "title: Rule {number}\nname: rule_{number}\nid: {id}\nstatus: test\nlevel: high\ntags: [attack.execution, attack.{technique}]\nlogsource: {{product: windows, {source}}}\ndetection:\n  s: {{{selection}}}\n  condition: s\n"
    )
}

fn splunk(number: u32, technique: &str, search: &str) -> String {
    let id = id(number);
    format!("name: Rule {number}\nid: {id}\ntype: TTP\nsearch: {}\ntags: {{mitre_attack_id: [{technique}]}}\n", json!(search))
}

/// Rules of both languages, with the folder that they lie in.
fn rules(store: &TestStore) -> String {
    let process = "category: process_creation";
    let rules = [
        ("01.yml", sigma(1, "t1059.001", process, r"Image|endswith: \p.exe")),
        ("02.yml", sigma(2, "t1047", process, "OriginalFileName: x.exe")),
        ("03.yml", sigma(3, "t1105", "category: file_event", "TargetFilename|contains: x")),
        ("04.yml", sigma(4, "t1078", "service: security", "EventID: 4624")),
        ("05.yml", sigma(5, "t1562.001", "service: sysmon", "EventID: 1")),
        ("06.yml", sigma(6, "t1003", "category: process_access", "TargetImage|endswith: lsass.exe")),
        ("07.yml", splunk(7, "T1021.002", "`sysmon` EventCode=1 Image=*\\\\p.exe")),
        ("08.yml", splunk(8, "T1070.001", "EventCode=4624 | contingency a b")),
        (
            "09.yml",
            format!(
                "title: Rule 9\nid: {}\nlevel: low\ntags: [attack.t1110]\ncorrelation:\n  type: event_count\n  rules: [rule_1]\n  group-by: [Computer]\n  timespan: 1h\n  condition: {{gte: 2}}\n  generate: true\n",
                id(9)
            ),
        ),
    ];
    let folder = store.folder().join("rules");
    for (name, rule) in rules {
        store.file(&format!("rules/{name}"), rule);
    }
    folder.to_string_lossy().into_owned()
}

fn listed(store: &TestStore, rules: &str, by: &str) -> Vec<Value> {
    store.run(["coverage", "--rules", rules, "--by", by, "--format", "jsonl"]).expect_code(&[0, 3]).json_lines()
}

fn states<'a>(rows: &'a [Value], name: &str) -> BTreeMap<&'a str, &'a str> {
    rows.iter().map(|row| (text(row, name), text(row, "state"))).collect()
}

/// A store with events of Sysmon and of the Security log; `with`: further lines.
fn store(with: &[String]) -> TestStore {
    let store = TestStore::new();
    let lines = [sysmon(1, 11, r#","TargetFilename":"C:\\x.txt""#), security_line(2, 4624, ""), with.concat()].concat();
    store.load([store.file("logs/events.jsonl", lines)]);
    store
}

fn process(record: u32) -> String {
    sysmon(record, 1, r#","Image":"C:\\p.exe","OriginalFileName":"p.exe","CommandLine":"p -x""#)
}

/// Without the events of a source exactly the rules that need it are silent, and each names the source.
#[test]
fn removing_a_source_flips_the_rules_that_need_it() {
    let (with, without) = (store(&[process(5)]), store(&[]));
    let (before, after) = (listed(&with, &rules(&with), "rule"), listed(&without, &rules(&without), "rule"));
    let (old, new) = (states(&before, "rule_title"), states(&after, "rule_title"));
    let flipped: Vec<(&str, &str)> =
        new.iter().filter(|(rule, state)| old[*rule] != **state).map(|(rule, state)| (*rule, *state)).collect();
    assert_eq!(flipped, ["Rule 1", "Rule 2", "Rule 5", "Rule 7", "Rule 9"].map(|rule| (rule, "no-data")));
    let steady: Vec<&str> = ["Rule 3", "Rule 4", "Rule 6", "Rule 8"].map(|rule| new[rule]).to_vec();
    assert_eq!(steady, ["runnable", "runnable", "no-data", "unsupported"]);
    for row in after.iter().filter(|row| flipped.iter().any(|(rule, _)| *rule == text(row, "rule_title"))) {
        let sources: Vec<&str> = row["not_observed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(sources.contains(&"Sysmon 1 (process creation)"), "{row}");
        assert!(row["enable"].to_string().contains("ProcessCreate"), "{row}");
    }
    let row = |rows: &[Value], title: &str| rows.iter().find(|row| text(row, "rule_title") == title).unwrap().clone();
    assert_eq!(row(&after, "Rule 6")["not_observed"], json!(["Sysmon 10 (process access)"]));
    assert_eq!(row(&after, "Rule 5")["not_observed"], json!(["Sysmon 1 (process creation)"]));
    assert_eq!(row(&after, "Rule 5")["missing"], json!(["log source windows sysmon, event 1"]), "the log is there");
    assert_eq!(row(&after, "Rule 7")["missing"], json!(["source=XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"]));
    assert_eq!(row(&after, "Rule 8")["missing"], json!(["command contingency"]));
    assert_eq!(row(&after, "Rule 8")["techniques"], json!(["T1685.005"]), "of a rule that does not compile, in today's words");
}

#[test]
fn techniques_have_fired_or_could_or_are_blind() {
    let store = store(&[process(5)]);
    let rules = rules(&store);
    store.run(["hunt", "--rules", &rules]).expect_code(&[3]);
    let rows = listed(&store, &rules, "technique");
    let expected = [
        ("T1003", "blind"),
        ("T1021.002", "fired"),
        ("T1047", "could fire"),
        ("T1059.001", "fired"),
        ("T1078", "fired"),
        ("T1105", "fired"),
        ("T1110", "could fire"),
        ("T1685", "fired"),
        ("T1685.005", "blind"),
    ];
    assert_eq!(states(&rows, "technique"), BTreeMap::from(expected));
    let row = |id: &str| rows.iter().find(|row| text(row, "technique") == id).unwrap();
    assert_eq!(text(row("T1059.001"), "name"), "Command and Scripting Interpreter: PowerShell");
    assert_eq!((&row("T1685")["tactics"], &row("T1685")["findings"]), (&json!(["defense-impairment"]), &json!(1)));
    assert_eq!((&row("T1003")["no_data"], &row("T1685.005")["unsupported"]), (&json!(1), &json!(1)));
    let of_tag =
        store.run(["coverage", "--rules", &rules, "--by", "rule", "--tag", "T1105", "--format", "jsonl"]).expect_code(&[3]).json_lines();
    assert_eq!(states(&of_tag, "rule_title"), BTreeMap::from([("Rule 3", "runnable")]), "what does not compile was not asked");
    let notes = store.run(["coverage", "--rules", &rules]).expect_code(&[3]).stderr;
    assert!(notes.contains("Rules: 9 rules: 7 runnable, 1 without data, 1 unsupported"), "{notes}");
    assert!(notes.contains("9 techniques: 5 fired, 2 could fire, 2 blind"), "{notes}");
}

/// The command line of 4688 has a setting of its own, and Sysmon has it as well.
#[test]
fn a_missing_field_names_what_would_give_it() {
    let created = |more: &str| security_line(7, 4688, &format!(r#","NewProcessName":"C:\\p.exe"{more}"#));
    let rule = sigma(1, "t1059", "category: process_creation", "CommandLine|contains: x");
    let of = |more: &str| {
        let store = store(&[created(more)]);
        let path = store.file("rule.yml", &rule).to_string_lossy().into_owned();
        (listed(&store, &path, "rule").remove(0), listed(&store, &path, "source"))
    };
    let (without, sources) = of("");
    assert_eq!((text(&without, "state"), &without["missing"]), ("no-field", &json!(["field CommandLine"])));
    assert_eq!(without["not_observed"], json!(["Sysmon 1 (process creation)", "Security 4688 (command line)"]));
    let source = |name: &str| sources.iter().find(|row| text(row, "source") == name).unwrap();
    let line = source("Security 4688 (command line)");
    assert_eq!((&line["observed"], &line["silent_rules"], &line["blind_techniques"]), (&json!(false), &json!(1), &json!(["T1059"])));
    assert_eq!(
        (&source("Security audit: Process Creation")["events"], &source("Security audit: Process Creation")["silent_rules"]),
        (&json!(1), &json!(0))
    );
    let (with, _) = of(r#","CommandLine":"x""#);
    assert_eq!((text(&with, "state"), &with["not_observed"]), ("runnable", &json!([])));
}

/// `--level` and `--tag` choose findings as they choose rules.
#[test]
fn a_filter_leaves_out_the_findings_of_other_rules() {
    let store = store(&[process(5)]);
    let rules = rules(&store);
    store.run(["hunt", "--rules", &rules]).expect_code(&[3]);
    let of = |more: &[&str]| {
        let words = [&["coverage", "--rules", &rules, "--format", "jsonl"], more].concat();
        let rows = store.run(words).expect_code(&[3]).json_lines();
        rows.iter().map(|row| (text(row, "technique").to_owned(), row["findings"].as_u64().unwrap())).collect::<BTreeMap<_, _>>()
    };
    let one = |id: &str, findings: u64| BTreeMap::from([(id.to_owned(), findings)]);
    assert_eq!(of(&["--tag", "T1105"]), one("T1105", 1));
    let all = of(&["--level", "high"]);
    assert!(all.contains_key("T1105") && !all.contains_key("T1021.002"), "the Splunk detection has no such level: {all:?}");
}

/// A rule that needs a source is one of its rules.
#[test]
fn a_source_has_at_least_as_many_rules_as_silent_ones() {
    let store = TestStore::new();
    store.load([store.file("logs/events.jsonl", security_line(7, 4688, r#","NewProcessName":"C:\\p.exe""#))]);
    let rule = sigma(1, "t1059", "category: process_creation", "CommandLine|contains: x");
    let path = store.file("rule.yml", rule).to_string_lossy().into_owned();
    let rows = listed(&store, &path, "source");
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
    assert!(rows.iter().any(|row| number(row, "silent_rules") > 0 && text(row, "source").contains("command line")), "{rows:?}");
    assert!(rows.iter().all(|row| number(row, "rules") >= number(row, "silent_rules")), "{rows:?}");
}
