//! Searches from strangers: whatever their size and nesting, each fault has its place, and the rules beside them are hunted.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::binary::{TestStore, command, text};
use crate::support::memory::{Watched, watched};
use crate::support::samples::{escu_rule, security_line};

/// Resident memory that a hunt with all of them may take, in kB. A debug build of the program alone takes a tenth of it.
const MEMORY_KB: u64 = 400_000;

fn nested(open: &str, close: &str, levels: usize) -> String {
    format!("EventCode=4624{}{}", open.repeat(levels), close.repeat(levels))
}

/// Name, search, and the code that it must get; none where it is sound.
fn searches() -> Vec<(&'static str, String, Option<&'static str>)> {
    let list = |count: usize| (0..count).map(|n| format!("v{n}")).collect::<Vec<_>>().join(",");
    vec![
        ("pipes", format!("EventCode=4624{}", " | where a=1".repeat(10_000)), Some("spl-size")),
        ("empty-pipes", format!("EventCode=4624 {}", "|".repeat(150)), Some("spl-syntax")),
        ("joins", nested(" | join k [search a=1", "]", 1_000), Some("spl-depth")),
        ("conditions", nested(" [search a=1", "]", 1_000), Some("spl-depth")),
        ("refused", nested(" | selfjoin k [search a=1", "]", 1_000), Some("spl-depth")),
        ("open", nested(" | append [", "", 10_000), Some("spl-syntax")),
        ("parentheses", nested(" (a=1 OR", ")", 10_000), Some("spl-depth")),
        ("calls", format!("EventCode=4624 | where {}a{}", "len(".repeat(10_000), ")".repeat(10_000)), Some("spl-depth")),
        ("long", format!("EventCode=4624 | regex a=\"{}\"", "x".repeat(1_000_000)), Some("yaml-limit")),
        ("pattern", format!("EventCode=4624 | regex a=\"{}\"", "[^a-z]{1000}".repeat(15_000)), Some("spl-regex-invalid")),
        ("recursion", "EventCode=4624 `again`".to_owned(), Some("spl-macro-recursion")),
        ("explosion", "EventCode=4624 `m9`".to_owned(), Some("spl-macro-calls")),
        ("list", format!("EventCode=4624 a IN ({})", list(30_000)), None),
        ("alternatives", format!("EventCode=4624 ({})", (0..20_000).map(|n| format!("a=v{n}")).collect::<Vec<_>>().join(" OR ")), None),
        ("plain", "EventCode=4624 | stats count by EventCode".to_owned(), None),
    ]
}

#[test]
fn they_are_told_in_time_and_the_others_are_hunted() {
    let store = TestStore::new();
    let log = store.file("a.jsonl", (1..=50).map(|n| security_line(n, 4624, r#","a":"v7""#)).collect::<String>());
    store.load([&log]).expect_code(&[0]);
    for (number, (name, search, _)) in (1..).zip(searches()) {
        store.file(&format!("rules/{name}.yml"), escu_rule(&format!("aaaaaaaa-0000-4000-8000-{number:012}"), &search));
    }
    store.file("rules/macros/again.yml", "name: again\ndefinition: '`again` `again`'\n");
    store.file("rules/macros/m0.yml", "name: m0\ndefinition: 'a=1 '\n");
    for level in 1..10 {
        let calls = format!("`m{}`", level - 1).repeat(10);
        store.file(&format!("rules/macros/m{level}.yml"), format!("name: m{level}\ndefinition: '{calls}'\n"));
    }
    let rules = store.folder().join("rules");
    let mut hunt = command();
    hunt.args(["hunt", "--rules"]).arg(&rules).arg("--store").arg(store.path()).stdout(Stdio::null());
    let Watched { code, peak_kb, stderr } = watched(&mut hunt, store.folder(), Duration::from_secs(120));
    assert_eq!(code, 3, "{stderr}");
    assert!(peak_kb < MEMORY_KB, "{peak_kb} kB");
    assert_eq!(store.run(["findings", "--format", "jsonl"]).expect_code(&[0]).json_lines().len(), 50 + 50 + 1);

    let output = store.run(["check", &rules.to_string_lossy(), "--format", "json"]).expect_code(&[3]);
    let all: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let documents = all["documents"].as_array().expect("a list");
    for (name, _, code) in searches() {
        let ends = format!("/{name}.yml");
        let document = documents.iter().find(|d| text(d, "path").ends_with(&ends)).expect("the document");
        let reasons = document["reasons"].as_array().expect("a list");
        match code {
            None => assert_eq!(text(document, "status"), "answered", "{name}: {document:#}"),
            Some(code) => {
                assert!(reasons.iter().any(|reason| text(reason, "code") == code), "{name}: {document:#}");
                assert!(reasons.iter().all(|reason| reason["line"].is_u64() && reason["column"].is_u64()), "{name}: {document:#}");
            }
        }
    }
}
