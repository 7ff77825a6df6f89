//! Stores of hundreds of event types: a rule that asks all of them is a rule like any other.

use std::fmt::Write as _;

use crate::support::binary::{TestStore, text};
use crate::support::generate::splunk::escu_yaml;
use crate::support::samples::{security_line, sigma_rule};

/// More than have tables of their own.
const TYPES: u32 = 450;

/// A few events of each type; every other one has a user.
fn events() -> String {
    let mut out = String::new();
    for n in 0..TYPES * 4 {
        let (kind, host) = (n % TYPES, n % 7);
        let user = if n % 2 == 0 { format!(r#","user":"User{}""#, n % 5) } else { String::new() };
        writeln!(
            out,
            r#"{{"@timestamp":"2024-01-01T00:00:00Z","Channel":"Vendor-{kind}/Operational","EventID":{kind},"Computer":"h{host}","N":"{n}"{user}}}"#
        )
        .expect("a string takes all text");
    }
    out
}

#[test]
fn rules_over_every_event_type_run_and_find_what_they_should() {
    let store = TestStore::new();
    store.load([store.file("events.jsonl", events())]);
    let hosts = escu_yaml("dest=* | stats count by dest").replace("1111", "aaaa");
    let users = "user=* | eval u=lower(user) | stats count dc(dest) as d values(EventCode) as c by u \
                 | eventstats avg(count) as m stdev(count) as s | where count >= m | sort - count | head 20";
    store.file("rules/hosts.yml", hosts);
    store.file("rules/users.yml", escu_yaml(users));
    store.run(["hunt", "--quiet", "--rules", &store.folder().join("rules").to_string_lossy()]).expect_code(&[0]);
    let findings = store.findings(false);
    let of = |id: &str| findings.iter().filter(|row| text(row, "rule_id").starts_with(id)).collect::<Vec<_>>();
    let hosts: Vec<(&str, i64)> =
        of("aaaa").into_iter().map(|row| (text(&row["columns"], "dest"), row["columns"]["count"].as_i64().expect("a number"))).collect();
    assert_eq!(hosts.len(), 7);
    assert_eq!(hosts.iter().map(|(_, count)| count).sum::<i64>(), i64::from(TYPES) * 4);
    let users = of("1111");
    assert_eq!(users.len(), 5, "all five have the same count: {users:#?}");
    assert!(users.iter().all(|row| row["columns"]["c"].as_array().is_some_and(|codes| codes.len() > 40)), "{users:#?}");
}

#[test]
fn a_rule_that_fails_takes_nothing_else_with_it() {
    let store = TestStore::new();
    store.load([store.file("events.jsonl", events())]);
    store.file("rules/good.yml", escu_yaml("dest=* | stats count by dest").replace("1111", "aaaa"));
    // A text that doubles forty times: no memory holds it.
    let doubled = ", p=p.p".repeat(40);
    store.file("rules/bad.yml", escu_yaml(&format!("N=* | eval p=\"text\".N{doubled} | where len(p) > 3 | stats count")));
    let output = store.run(["hunt", "--rules", &store.folder().join("rules").to_string_lossy()]).expect_code(&[3]);
    assert!(output.stderr.contains("`Generated` failed") && output.stderr.contains("bytes of memory"), "{}", output.stderr);
    assert_eq!(store.findings(false).len(), 7);
    for rule in ["good", "bad"] {
        let explained =
            store.run(["explain", &store.folder().join(format!("rules/{rule}.yml")).to_string_lossy()]).expect_code(&[0]).stdout;
        assert!(explained.contains("| stats count"), "{explained}");
    }
}

#[test]
fn explain_counts_the_events_that_meet_each_condition() {
    let store = TestStore::new();
    store.load([
        store.file("events.jsonl", (1..=4).map(|n| security_line(n, 4624, &format!(r#","A":"a{n}","B":"b""#))).collect::<String>())
    ]);
    let rule = sigma_rule("aaaaaaaa-0000-4000-8000-000000000001", "{'A': [a1, a2], 'B|startswith': c}");
    let explained = store.run(["explain", "--counts", &store.file("rule.yml", rule).to_string_lossy()]).expect_code(&[0]).stdout;
    let counts: Vec<&str> =
        explained.split("Events that meet each condition").nth(1).expect("the section").lines().skip(1).take(5).collect();
    let counts: Vec<String> = counts.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(counts, ["security_4624, 4 events", "1 A = \"a1\"", "1 A = \"a2\"", "0 B like \"c*\"", "0 the whole condition"]);
}
