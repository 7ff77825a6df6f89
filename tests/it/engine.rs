//! `hunt --engine sqlite`: the findings of the scan, rules without a text told by name, statements within limits.

use std::time::Duration;

use retrohunt::compile::{CompileOptions, load_text, load_texts};
use retrohunt::hunt::{self, Engine, HuntOptions};
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;
use serde_json::Value;

use crate::support::binary::{TestStore, text};
use crate::support::engines;
use crate::support::samples::{escu_rule, security_line, sigma_rule};

/// Logons of three accounts from two addresses, one of them with two names and one whose name has a line break.
fn logons() -> String {
    let names = [r#""alice""#, r#""bob""#, r#"["carol","dave"]"#, r#""eve\nsecond line""#];
    let line = |n: i64| {
        let name = names[usize::try_from(n).expect("small") % names.len()];
        security_line(n, 4624, &format!(r#","Account":{name},"Address":"10.0.0.{}","Size":{n}"#, n % 2))
    };
    (1..40).map(line).collect()
}

/// The findings that a hunt prints, without what differs between two hunts.
fn printed(lines: &[Value]) -> Vec<Value> {
    let without = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().expect("an object").remove("hunt_id");
        line
    };
    lines.iter().map(without).collect()
}

#[test]
fn a_rule_without_a_text_is_told_and_all_others_find_what_the_scan_finds() {
    let store = TestStore::new();
    let input = store.file("events.jsonl", logons());
    store.load([&input]);
    let stats = "index=* EventCode=4624 | stats count min(_time) as first values(Size) as Account dc(Size) as n by Address \
                 | where count > 3";
    let rules = [
        store.file("row.yml", sigma_rule("11111111-1111-4111-8111-111111111111", "Account: bob")),
        store.file("regex.yml", sigma_rule("22222222-2222-4222-8222-222222222222", r"Account|re: ^b\wb")),
        store.file("stats.yml", escu_rule("33333333-3333-4333-8333-333333333333", stats)),
        store.file("lists.yml", escu_rule("44444444-4444-4444-8444-444444444444", "index=* EventCode=4624 | table Account Address Size")),
        store.file("by.yml", escu_rule("55555555-5555-4555-8555-555555555555", "index=* | stats count by Account | rename Account as x")),
    ];
    let hunt = |engine: &str| {
        let mut arguments = vec!["hunt".to_owned(), "--format".to_owned(), "jsonl".to_owned(), "--engine".to_owned(), engine.to_owned()];
        arguments.push("--rules".to_owned());
        arguments.extend(rules.iter().map(|path| path.to_string_lossy().into_owned()));
        store.run(arguments)
    };
    let scanned = hunt("scan").expect_code(&[0]);
    let stated = hunt("sqlite").expect_code(&[3]);
    let named =
        "rule `Rule 22222222-2222-4222-8222-222222222222` was not hunted (not-portable): portable SQL cannot express a regular expression";
    assert!(stated.stderr.contains(named), "{}", stated.stderr);
    assert!(stated.stderr.contains("1 not hunted, without portable SQL"), "{}", stated.stderr);
    let has_text = |line: &&Value| text(line, "rule_id") != "22222222-2222-4222-8222-222222222222";
    let expected: Vec<Value> = printed(&scanned.json_lines()).iter().filter(has_text).cloned().collect();
    assert!(expected.len() > 40 && expected.len() < scanned.json_lines().len(), "{}", expected.len());
    assert_eq!(printed(&stated.json_lines()), expected);
    // What an earlier hunt found of the rule stays as it is.
    assert_eq!(store.findings(false).len(), scanned.json_lines().len());
}

#[test]
fn lists_ends_patterns_and_joins_are_the_same_by_both_engines() {
    let searches = [
        "stats count values(Size) as sizes by Account | join Account [ search index=* EventCode=4624 Address=\"10.0.0.1\" \
         | stats count as others values(Address) as from by Account ]",
        "stats count by Address | join type=left Address [ search index=* Account=bob | stats count as bobs max(Size) as count by Address ]",
        "stats count by Size | join type=left max=0 Size [ search index=* Account=bob OR Account=carol | stats count as more by Size Account ]",
        "stats count by Address | join max=0 overwrite=false Address [ search index=* EventCode=4624 \
         | stats dc(Size) as n values(Size) as sizes max(Size) as count by Account Address ]",
        "stats values(Account) as Account by Address | join max=2 Address [ search index=* EventCode=4624 \
         | stats values(Account) as Account latest(Account) as last by Size Address | sort - Size ]",
        "stats earliest(Account) as a latest(Account) as z first(Size) as f last(Size) as l list(Account) as all dc(Account) as n by Address",
        "eventstats values(Account) as everyone dc(Account) as n latest(Account) as z by Address | where n > 2 | table Account everyone z n",
        "eval first=mvindex(Account,0), last=mvindex(Account,-1), third=mvindex(Account,2), part=split(Address,\".\"), \
         end=mvindex(split(Address,\".\"),-1), b=if(match(Account,\"^(bo|ca)\"),\"y\",\"n\"), c=if(match(Account,\"(?i)LINE$\"),\"y\",\"n\") \
         | table first last third part end b c Account",
        "stats values(Account) as a by Address | stats count by a",
        "stats values(Account) as a by Address | where a=\"dave\"",
        "regex Account=\"[^a-d]ve.sec|^.o.{0,2}$\" | table Account Size",
    ];
    let id = |n: usize| format!("{n:08}-1111-4111-8111-111111111111");
    let rules: Vec<(String, String)> = (searches.iter().enumerate())
        .map(|(n, search)| (format!("{n}.yml"), escu_rule(&id(n), &format!("index=* EventCode=4624 | {search}"))))
        .collect();
    let texts: Vec<(&str, &str)> = rules.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let set = load_texts(&texts, &CompileOptions::default());
    assert!(!set.has_errors(), "{:?}", set.diagnostics);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    std::fs::write(&path, logons()).expect("a file");
    let mut store = Store::open(&folder.path().join("test.db")).expect("a store");
    retrohunt::load(&mut store, &[path], &retrohunt::LoadOptions::default(), &mut |_| {}).expect("a load");
    let both = engines::both(&mut store, &set.rules, &[]);
    assert!(both.differences.is_empty() && both.failed.is_empty(), "{}\n{:?}", both.differences.join("\n"), both.failed);
    assert_eq!((both.without_text, both.asked), (0, searches.len()), "{:?}", both.gaps);
    let found: std::collections::BTreeSet<String> =
        store.findings(&FindingFilter::default()).expect("findings").into_iter().map(|row| row.rule_id).collect();
    assert_eq!(found.len(), searches.len(), "{found:?}");
}

/// A store with many events of one type and one of another.
fn crowded(folder: &std::path::Path) -> Store {
    let many: String = (1..600).map(|n| security_line(n, 4624, &format!(r#","Account":"a{n}","Address":"x""#))).collect();
    let path = folder.join("events.jsonl");
    std::fs::write(&path, many + &security_line(1_000, 4625, r#","Account":"bob""#)).expect("a file");
    let mut store = Store::open(&folder.join("test.db")).expect("a store");
    retrohunt::load(&mut store, &[path], &retrohunt::LoadOptions::default(), &mut |_| {}).expect("a load");
    store
}

#[test]
fn a_statement_that_runs_too_long_is_its_rules_failure_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = crowded(folder.path());
    let base = sigma_rule("11111111-1111-4111-8111-111111111111", "EventID: 4624").replace("title:", "name: logon\ntitle:");
    let counted = "title: Many\nid: 22222222-2222-4222-8222-222222222222\ncorrelation:\n  type: value_count\n  rules: [logon]\n  \
                   group-by: [Address]\n  timespan: 1h\n  condition: {field: Account, gte: 500}\n";
    let quick = sigma_rule("33333333-3333-4333-8333-333333333333", "EventID: 4625");
    let set = load_texts(&[("base.yml", &base), ("counted.yml", counted), ("quick.yml", &quick)], &CompileOptions::default());
    assert!(!set.has_errors(), "{:?}", set.diagnostics);
    let mut options = HuntOptions::starting_at(0);
    options.engine = Engine::Sqlite;
    // SQLite looks at the clock every 10,000 steps: few are no time at all.
    options.statements.max_time = Duration::ZERO;
    let quick = &set.rules[set.rules.len() - 1..];
    let summary = hunt::run(&mut store, quick, &set.correlations, Taxonomy::embedded(), &options, &mut |_| {}).expect("a hunt");
    assert_eq!(summary.failed.iter().map(|(index, why)| (*index, why.code)).collect::<Vec<_>>(), [(1, "engine-limit")]);
    assert_eq!(summary.findings, 1);
    assert_eq!(store.findings(&FindingFilter::default()).expect("findings").len(), 1);
    let both = engines::both(&mut store, quick, &set.correlations);
    assert!(both.differences.is_empty() && both.failed.is_empty() && both.findings == 2, "{:?}", both.differences);
}

#[test]
fn both_engines_ask_the_events_of_the_same_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = crowded(folder.path());
    let set = load_text("rule.yml", &escu_rule("1", "index=* | stats count by Address"), &CompileOptions::default());
    let mut counts = Vec::new();
    for engine in [Engine::Scan, Engine::Sqlite] {
        let mut options = HuntOptions::starting_at(0);
        options.engine = engine;
        (options.since_us, options.until_us) = (Some(1_709_287_210_000_000), Some(1_709_287_220_000_000));
        hunt::run(&mut store, &set.rules, &[], Taxonomy::embedded(), &options, &mut |_| {}).expect("a hunt");
        counts.push(store.findings(&FindingFilter::default()).expect("findings").iter().map(|row| row.count).collect::<Vec<_>>());
    }
    assert_eq!(counts[0], counts[1]);
    assert!(counts[0][0] > 50 && counts[0][0] < 200, "{counts:?}");
}

#[test]
fn compile_prints_the_times_that_a_hunt_with_bounds_asks() {
    let store = TestStore::new();
    let input = store.file("events.jsonl", logons());
    store.load([&input]);
    let rule = store.file("row.yml", sigma_rule("11111111-1111-4111-8111-111111111111", "Account: bob"));
    let rule = rule.to_string_lossy();
    let printed = store.run(["compile", &rule, "--dialect", "sqlite", "--since", "2024-03-01", "--until", "2024-03-02"]).expect_code(&[0]);
    assert!(printed.stdout.contains("v._time_us >= 1709251200000000"), "{}", printed.stdout);
    assert!(printed.stdout.contains("v._time_us < 1709337600000000"), "{}", printed.stdout);
}
