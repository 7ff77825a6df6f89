//! The hostile corpus in one load beside good files: no panic, bounded memory, every loss counted and located, every
//! good file whole.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::support::binary::{TestStore, command, integer, run, text};
use crate::support::hostile::{Hostile, Told, corpus, rules};
use crate::support::memory::{Watched, load_watched, watched};
use crate::support::samples::{escu_rule, security_line, sigma_rule};

/// Files that the corpus has at least.
const FILES_MIN: usize = 200;
/// Peak memory of the load.
const PEAK_MAX_KB: u64 = 400_000;
/// Events of each good file.
const GOOD_EVENTS: i64 = 40;

/// Rows of the ledger, and messages of the load, by the number that begins a file's name.
struct Account {
    rows: BTreeMap<String, Vec<Value>>,
    messages: BTreeMap<String, String>,
}

/// The number of a hostile file in a text that begins with its path, or has it behind the folder.
fn number_in(text: &str) -> Option<String> {
    let at = text.find("/in/h")? + "/in/".len();
    Some(text[at..].chars().take(4).collect())
}

impl Account {
    fn new(store: &TestStore, stderr: &str) -> Self {
        let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for row in store.sources() {
            if let Some(number) = number_in(text(&row, "path")) {
                rows.entry(number).or_default().push(row);
            }
        }
        let mut messages: BTreeMap<String, String> = BTreeMap::new();
        for message in stderr.split("warning: ") {
            if let Some(number) = number_in(message) {
                messages.entry(number).or_default().push_str(message);
            }
        }
        Self { rows, messages }
    }

    /// What is wrong with the account of a file.
    fn fault(&self, file: &Hostile) -> Option<String> {
        let number: String = file.name.chars().take(4).collect();
        let rows = self.rows.get(&number).map(Vec::as_slice).unwrap_or_default();
        let message = self.messages.get(&number).map(String::as_str).unwrap_or_default();
        let sum = |name: &str| rows.iter().map(|row| integer(row, name)).sum::<i64>();
        let (events, bad) = (sum("events") + sum("recovered"), sum("bad"));
        let skipped: Vec<&str> = rows.iter().map(|row| text(row, "skipped")).filter(|reason| !reason.is_empty()).collect();
        let told = bad > 0 || !skipped.is_empty() || !message.is_empty();
        let right = match file.told {
            Told::Bad(count) => bad == count,
            Told::Loss => told,
            Told::LossIfFewer => told || events >= file.records,
            Told::Free => true,
        };
        let located = bad == 0 || ["line ", "byte "].iter().any(|word| message.contains(word));
        let fault = match (right, located, file.events.contains(&events)) {
            (true, true, true) => return None,
            (false, ..) => format!("not {:?}", file.told),
            (_, false, _) => "its losses have no place".to_owned(),
            _ => format!("not {:?} events", file.events),
        };
        Some(format!("{:?}: {fault}: {events} events of {}, {bad} bad, {skipped:?}, {message}", file.name, file.records))
    }
}

fn good_file(number: i64) -> String {
    (0..GOOD_EVENTS).map(|n| security_line(number * 1_000 + n, 4624, "")).collect()
}

/// Fails for a character that steers a terminal.
#[track_caller]
fn assert_printable(what: &str, text: &str) {
    let is_raw = |c: char| match c {
        '\n' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => false,
    };
    if let Some(at) = text.find(is_raw) {
        panic!("{what}: raw {:?} in {:?}", text[at..].chars().next(), text[..at].chars().rev().take(80).collect::<String>());
    }
}

#[test]
fn the_whole_corpus_in_one_load() {
    let started = std::time::Instant::now();
    let files = corpus();
    assert!(files.len() >= FILES_MIN, "{} files", files.len());
    let store = TestStore::new();
    let good = ["a-first.jsonl", "h1-among.jsonl", "h2-between.jsonl", "z-last.jsonl"];
    for (number, name) in (1..).zip(good) {
        store.file(&format!("in/{name}"), good_file(number));
    }
    for file in &files {
        store.file(&format!("in/{}", file.name), &file.bytes);
    }
    let Watched { code, peak_kb, stderr } = load_watched(&store, &store.folder().join("in"), Duration::from_secs(300));
    println!("{} files, peak {peak_kb} kB, {:?}", files.len(), started.elapsed());
    assert_eq!(code, 3, "damage is said, and nothing else happened: {}", stderr.lines().last().unwrap_or_default());
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(peak_kb < PEAK_MAX_KB, "{peak_kb} kB");
    assert_printable("stderr of load", &stderr);

    let sources = store.sources();
    for name in good {
        let row = sources.iter().find(|row| text(row, "path").ends_with(name)).unwrap_or_else(|| panic!("{name} is lost"));
        assert_eq!((integer(row, "events"), integer(row, "bad")), (GOOD_EVENTS, 0), "{name}");
    }
    let account = Account::new(&store, &stderr);
    let faults: Vec<String> = files.iter().filter_map(|file| account.fault(file)).collect();
    assert!(faults.is_empty(), "{} of {} files:\n{}", faults.len(), files.len(), faults.join("\n"));
    listings_are_printable(&store);
}

/// Nothing of what the corpus put into the store steers a terminal, whatever lists it.
fn listings_are_printable(store: &TestStore) {
    let lists: [&[&str]; 3] = [
        &["sources"],
        &["sql", "SELECT * FROM events ORDER BY 1 LIMIT 1000"],
        &["sql", "SELECT name, sql FROM sqlite_schema WHERE length(sql) < 100000"],
    ];
    for list in lists {
        for format in ["table", "json", "jsonl", "csv"] {
            let output = store.run(list.iter().chain(&["--format", format])).expect_code(&[0]);
            assert_printable(&format!("{list:?} as {format}"), &output.stdout);
            assert_printable(&format!("{list:?} as {format}"), &output.stderr);
        }
    }
}

#[test]
fn hostile_rules_beside_good_ones() {
    let folder = TestStore::new();
    let id = |n: u32| format!("eeeeeeee-0000-4000-8000-{n:012}");
    folder.file("rules/a-first.yml", sigma_rule(&id(1), "EventID: 4624"));
    folder.file("rules/z-last.yml", escu_rule(&id(2), "EventCode=4624 | stats count by Account"));
    let files = rules::files();
    for file in &files {
        folder.file(&format!("rules/{}", file.name), &file.bytes);
    }
    let path = folder.folder().join("rules");
    let out = folder.folder().join("stdout");
    let mut check = command();
    check.arg("check").arg(&path).args(["--format", "json"]).stdout(std::fs::File::create(&out).expect("a file"));
    let Watched { code, peak_kb, stderr } = watched(&mut check, folder.folder(), Duration::from_secs(120));
    println!("{} files, peak {peak_kb} kB", files.len());
    assert_eq!(code, 3, "{stderr}");
    assert!(peak_kb < PEAK_MAX_KB, "{peak_kb} kB");
    let all: Value = serde_json::from_slice(&std::fs::read(&out).expect("a file")).expect("JSON");
    let faulty: Vec<&str> = all["diagnostics"].as_array().expect("a list").iter().map(|d| text(d, "path")).collect();
    let untold: Vec<&str> =
        files.iter().filter(|f| f.is_told && !faulty.iter().any(|p| p.ends_with(&f.name))).map(|f| f.name.as_str()).collect();
    assert!(untold.is_empty(), "{untold:?}");
    let errors = all["diagnostics"].as_array().expect("a list").iter().filter(|d| d["severity"] == "error");
    let faulty: Vec<&str> = errors.map(|d| text(d, "path")).collect();
    assert!(!faulty.iter().any(|path| path.ends_with("a-first.yml") || path.ends_with("z-last.yml")), "{faulty:?}");
    let path = path.to_string_lossy();
    for format in ["table", "json", "jsonl", "csv", "sarif"] {
        let output = run(["check", &path, "--format", format]).expect_code(&[3]);
        assert_printable(&format!("check as {format}"), &output.stdout);
        assert_printable(&format!("check as {format}"), &output.stderr);
    }
    let events = folder.file("good.jsonl", good_file(1));
    folder.load([events]);
    let hunt = folder.run(["hunt", "--rules", &path]).expect_code(&[0, 3]);
    assert_printable("hunt", &hunt.stdout);
    assert_printable("hunt", &hunt.stderr);
    let findings = folder.findings(false);
    let own = findings.iter().filter(|finding| text(finding, "rule_id") == id(1)).count();
    assert_eq!(i64::try_from(own).expect("a small number"), GOOD_EVENTS, "the good rules find what they are for");
}
