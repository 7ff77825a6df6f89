//! Rows that lie in no store, judged by rules: what matches is what a hunt over the store of these rows matches, and whatever cannot be
//! judged is an error.

mod faults;
mod generated;
mod worker;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::binary::{Output, TestStore, command, text};
use crate::support::lake_rows::{rows, without_nulls};
use crate::support::memory::watched;

/// Runs the program with a text on its standard input.
fn run_with<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>, input: &str) -> Output {
    let mut command = command();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("its input");
    let input = input.to_owned();
    // It may end before it has read all.
    let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("an output");
    writing.join().expect("a thread");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn match_with(rules: &Path, catalog: &Path, view: &str, input: &str) -> Output {
    run_with(
        [Path::new("match"), Path::new("--rules"), rules, Path::new("--catalog"), catalog, Path::new("--type"), Path::new(view)],
        input,
    )
}

/// What is easily lost on the way: lists, missing and empty values, tabs and line breaks, quotes, letters that fold oddly.
fn odd_lines() -> String {
    let values = [
        json!({ "Image": "C:\\a\tb\\x.exe", "CommandLine": "one\ntwo\r\nthree", "List": ["a\nb", "c"] }),
        json!({ "Image": "", "CommandLine": "\u{212a}elvin ſ İ ß \"q\" \\ \\\\ '" }),
        json!({ "Image": ["one", "two\ttwo", ""], "Serial": "007" }),
        json!({ "CommandLine": "{\"a\":[1,\"\\u0041\"]}", "Serial": 9_007_199_254_740_993_i64, "Message": "The KELVIN of\na message" }),
        json!({ "Image": "only", "List": "single", "Message": "second\twith a tab" }),
        json!({ "type": "a type", "Type": "another", "id": "an id", "a b": "blank", "\"; x": "quote", "Empty": "" }),
        json!({ "@timestamp": "no time", "Image": "timeless \u{1F600} \u{202e}x" }),
        json!({ "Image": "x".repeat(3_000), "CommandLine": "NUL \u{0} here" }),
    ];
    let line = |(record, more): (i64, &Value)| {
        let mut event = json!({ "@timestamp": format!("2024-01-01T00:00:{record:02}.123456Z"), "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 1, "Hostname": if record % 2 == 0 { "even.test" } else { "odd.test" }, "RecordNumber": record });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{event}\n")
    };
    (1..).zip(&values).map(line).collect()
}

/// Selections for the odd events; each is a rule.
const SELECTIONS: [&str; 22] = [
    "Image|contains: \"\\t\"",
    "CommandLine|contains: \"one\\ntwo\"",
    "CommandLine: \"one\\ntwo\\r\\nthree\"",
    "List: c",
    "List: single",
    "Image: ''",
    "Image: null",
    "Image|endswith: two",
    "CommandLine|contains: \u{212a}ELVIN",
    "CommandLine|contains|cased: \u{212a}elvin",
    "CommandLine|contains: '\"q\"'",
    "CommandLine|re: '\\\\\\\\ '''",
    "CommandLine|re: '(?s)one.two'",
    "Serial: 007",
    "Serial: 9007199254740993",
    "Type: another",
    "Empty: ''",
    "Empty|exists: false",
    "Computer: even.test",
    "EventRecordID: 5",
    "Image|contains: \u{1F600}",
    "CommandLine|contains: \u{2400}",
];

const KEYWORDS: [&str; 5] = ["kelvin", "a message", "even.test", "with a tab", "\"q\""];

fn rule(id: usize, detection: &str) -> String {
    format!(
        "title: Rule {id}\nid: {}\nstatus: test\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n{detection}\n    condition: it\n",
        uuid(id)
    )
}

fn uuid(id: usize) -> String {
    format!("aaaaaaaa-0000-4000-8000-{id:012}")
}

/// Rules for all selections and keywords, and one that counts.
fn rules(store: &TestStore) -> PathBuf {
    let selections = SELECTIONS.iter().map(|selection| format!("    it:\n        {selection}"));
    let keywords = KEYWORDS.iter().map(|word| format!("    it:\n        - {word:?}"));
    let rules: Vec<String> = selections.chain(keywords).enumerate().map(|(id, detection)| rule(id, &detection)).collect();
    store.file("rules/all.yml", rules.join("---\n"))
}

fn export(store: &TestStore) -> PathBuf {
    let lake = store.folder().join("lake");
    store.run(["export", "--parquet", &lake.to_string_lossy()]).expect_code(&[0]);
    lake
}

/// (rule, event) of all findings of a hunt.
fn hunted(store: &TestStore, rules: &Path) -> Vec<(String, String)> {
    store.run(["hunt", "--rules", &rules.to_string_lossy()]).expect_code(&[0]);
    let evidence = store.findings(true);
    let mut pairs: Vec<(String, String)> =
        evidence.iter().map(|row| (text(row, "rule_id").to_owned(), row["event_id"].to_string())).collect();
    pairs.sort();
    pairs
}

/// (rule, id) of an output.
fn pairs(output: &Output) -> Vec<(String, String)> {
    let pair = |line: &str| line.split_once('\t').map(|(id, rule)| (rule.to_owned(), id.to_owned())).expect("an id and a rule");
    let mut pairs: Vec<_> = output.stdout.lines().map(pair).collect();
    pairs.sort();
    pairs
}

#[test]
fn odd_values_match_as_in_a_hunt_whatever_way_the_rows_are_written() {
    let store = TestStore::new();
    store.load([store.file("odd.jsonl", odd_lines())]);
    let (rules, lake) = (rules(&store), export(&store));
    let expected = hunted(&store, &rules);
    let found: std::collections::BTreeSet<&str> = expected.iter().map(|(rule, _)| rule.as_str()).collect();
    assert_eq!(found.len(), SELECTIONS.len() + KEYWORDS.len(), "every rule finds something: {found:?}");
    let rows = &rows(&lake)["sysmon_1"];
    // As Spark and as DuckDB write them; the id in front counts.
    let spark: String = rows.iter().map(|(id, row)| format!("{id}\t{}\n", Value::Object(without_nulls(row)))).collect();
    let duckdb: String = rows.iter().map(|(_, row)| format!("{}\n", Value::Object(row.clone()))).collect();
    let crlf = duckdb.replace('\n', "\r\n");
    for (name, input) in [("spark", &spark), ("duckdb", &duckdb), ("lines of DOS", &crlf)] {
        let output = match_with(&rules, &lake, "sysmon_1", input).expect_code(&[0]);
        assert_eq!(pairs(&output), expected, "{name}");
    }
    // The catalog alone may travel; nothing on the input is nothing found.
    let copy = store.file("elsewhere.json", std::fs::read(lake.join("_catalog.json")).unwrap());
    assert_eq!(pairs(&match_with(&rules, &copy, "sysmon_1", &spark).expect_code(&[0])), expected);
    let nothing = match_with(&rules, &copy, "sysmon_1", "").expect_code(&[0]);
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", ""));
}

#[test]
fn ids_are_given_back_as_they_came_and_as_often() {
    let store = TestStore::new();
    store.load([store.file("odd.jsonl", odd_lines())]);
    let lake = export(&store);
    let only = store.file("only.yml", rule(1, "    it:\n        Image: only"));
    let rows = rows(&lake)["sysmon_1"].clone();
    let (_, row) = rows.iter().find(|(_, row)| row["Image"].as_array().is_some_and(|image| *image == [json!("only")])).expect("the event");
    let mut own = without_nulls(row);
    own.insert("_id".to_owned(), json!("a b\\ü"));
    let object = Value::Object(own);
    let input = format!("part-1:7 x\t{object}\npart-1:7 x\t{object}\n007\t{object}\n{object}");
    let output = match_with(&only, &lake, "sysmon_1", &input).expect_code(&[0]);
    let rule = uuid(1);
    assert_eq!(output.stdout, format!("part-1:7 x\t{rule}\npart-1:7 x\t{rule}\n007\t{rule}\na b\\ü\t{rule}\n"));
}

/// Of rules that go on behind their condition all events are reported that they need.
#[test]
fn rules_with_stages_and_correlations_report_what_they_need() {
    let store = TestStore::new();
    store.load([store.file("odd.jsonl", odd_lines())]);
    let lake = export(&store);
    let base = rule(1, "    it:\n        Image|exists: true").replace("title: Rule 1\n", "title: Rule 1\nname: base\n");
    let correlation = format!(
        "title: Many\nid: {}\nstatus: test\ncorrelation:\n    type: event_count\n    rules: [base]\n    group-by: [Computer]\n    timespan: 1h\n    condition:\n        gte: 2\n",
        uuid(2)
    );
    let sigma = store.file("r/base.yml", format!("{base}---\n{correlation}"));
    let search = |id: usize, search: &str| crate::support::samples::escu_rule(&uuid(id), search);
    let source = "index=* source=\"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational\" EventCode=1";
    store.file("r/count.yml", search(3, &format!("{source} Image=* | stats count by Computer | where count > 1")));
    store.file("r/now.yml", search(4, &format!("{source} Image=\"only\" | where _time > relative_time(now(), \"-1d\")")));
    store.file("r/brackets.yml", search(5, &format!("{source} Image=\"only\" [ search {source} Image=\"only\" | fields Computer ]")));
    store.file("r/append.yml", search(6, &format!("{source} Image=\"only\" | append [ search {source} Serial=007 ] | stats count")));
    let folder = sigma.parent().unwrap();
    let rows = &rows(&lake)["sysmon_1"];
    let input: String = rows.iter().map(|(id, row)| format!("{id}\t{}\n", Value::Object(without_nulls(row)))).collect();
    let found = pairs(&match_with(folder, &lake, "sysmon_1", &input).expect_code(&[0]));
    let of = |id: usize| found.iter().filter(|(rule, _)| *rule == uuid(id)).map(|(_, event)| event.parse().unwrap()).collect::<Vec<i64>>();
    let having = |is: &dyn Fn(&Value) -> bool| {
        let mut ids: Vec<i64> = rows.iter().filter(|(_, row)| is(&Value::Object(row.clone()))).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    };
    let image = having(&|row| !row["Image"].is_null());
    assert_eq!(image.len(), 6);
    assert_eq!((of(1), of(2), of(3)), (Vec::new(), image.clone(), image), "the base alone is not a rule that reports");
    let only = having(&|row| row["Image"] == json!(["only"]));
    assert_eq!((of(4), of(5)), (only.clone(), only.clone()));
    let mut both = [only, having(&|row| row["Serial"] == "007")].concat();
    both.sort_unstable();
    assert_eq!((of(6), both.len()), (both, 2));
}

/// Values that are all new must not stay in memory.
#[test]
fn memory_does_not_grow_with_the_rows() {
    let store = TestStore::new();
    store.load([store.file("odd.jsonl", odd_lines())]);
    let (rules, lake) = (rules(&store), export(&store));
    let peak = |count: u32| {
        let row = |n: u32| {
            // One column repeats now and then, so that its values are kept; the other never does.
            let image = format!("C:\\folder\\{}.exe", n.wrapping_mul(2_654_435_761) % (count / 2));
            format!("{n}\t{{\"Image\":[{image:?}],\"CommandLine\":\"{n:0>300}\",\"_host\":\"host-{n}.test\"}}\n")
        };
        let input = store.file("rows.txt", (0..count).map(row).collect::<String>());
        let mut command = command();
        command.args(["match", "--type", "sysmon_1", "--catalog"]).arg(&lake).arg("--rules").arg(&rules);
        command.stdin(std::fs::File::open(input).unwrap()).stdout(Stdio::null());
        let watched = watched(&mut command, store.folder(), Duration::from_secs(300));
        assert_eq!(watched.code, 0, "{}", watched.stderr);
        watched.peak_kb
    };
    let (few, many) = (peak(2_000), peak(60_000));
    assert!(many < few + 40_000, "{few} kB for 2,000 rows, {many} kB for 60,000");
}
