//! `hunt --window`: the union of hunts over each window of time, and of rules without windows one pass.

use std::collections::BTreeMap;

use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::hunt::{self, HuntOptions};
use retrohunt::store::{FindingFilter, FindingRow, Store};
use retrohunt::taxonomy::Taxonomy;

use crate::support::samples::escu_rule;

const HOUR_US: i64 = 3_600_000_000;
/// 2024-03-01T00:00:00Z
const START_US: i64 = 1_709_251_200_000_000;

/// One event every seven minutes for five hours, of three accounts.
fn events() -> String {
    let line = |n: i64| {
        let minute = n * 7;
        format!(
            "{{\"Channel\":\"Security\",\"EventID\":4624,\"Computer\":\"h{}\",\"TimeCreated\":\"2024-03-01T{:02}:{:02}:00Z\",\"EventRecordID\":{n},\"Account\":\"a{}\",\"Size\":\"{}\"}}\n",
            n % 2,
            minute / 60,
            minute % 60,
            n % 3,
            n % 5
        )
    };
    (0..43).map(line).collect()
}

fn store(folder: &std::path::Path) -> Store {
    let path = folder.join("events.jsonl");
    std::fs::write(&path, events()).expect("a file");
    let mut store = Store::open(&folder.join("test.db")).expect("a store");
    retrohunt::load(&mut store, &[path], &retrohunt::LoadOptions::default(), &mut |_| {}).expect("a load");
    store
}

/// What a hunt finds: rule, group, columns, count, times.
fn hunted(store: &mut Store, search: &str, options: &HuntOptions) -> Vec<String> {
    let set = load_text("rule.yml", &escu_rule("1", search), &CompileOptions::default());
    assert!(!set.has_errors(), "{search}: {:?}", set.diagnostics);
    let summary = hunt::run(store, &set.rules, &[], Taxonomy::embedded(), options, &mut |_| {}).expect("a hunt");
    assert!(summary.failed.is_empty(), "{search}: {:?}", summary.failed);
    let mut filter = FindingFilter::default();
    filter.hunt = Some(summary.outcome.hunt_id);
    let shown =
        |row: &FindingRow| format!("{:?} {:?} {} {:?} {:?}", row.group, row.columns, row.count, row.first_time_us, row.last_time_us);
    store.findings(&filter).expect("findings").iter().map(shown).collect()
}

const WINDOWED: [&str; 9] = [
    "EventCode=4624 | stats count min(_time) as first by Account",
    "EventCode=4624 | stats count by Account | where count > 2",
    "EventCode=4624 | eventstats avg(Size) as mean by Computer | where Size > mean | table Account Size mean",
    "EventCode=4624 | dedup Account | table Account Size",
    "EventCode=4624 | sort Size | head 3 | table Size",
    "EventCode=4624 | eval age=now()-_time | where age < 1200 | table Account age",
    "EventCode=4624 | where _time > relative_time(now(), \"-20m\") | stats count by Computer",
    "EventCode=4624 | join Account [search EventCode=4624 Size=1 | stats count as ones by Account] | stats count max(ones) as ones by Account",
    "EventCode=4624 | append [search Size=2 | stats count by Computer] | stats sum(count) as n count as c",
];

#[test]
fn a_replay_is_the_union_of_hunts_over_each_window() {
    for search in WINDOWED {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = store(folder.path());
        let mut options = HuntOptions::starting_at(0);
        options.window_us = Some(HOUR_US);
        let mut replayed = hunted(&mut store, search, &options);
        let mut union = Vec::new();
        for window in 0..6 {
            let mut options = HuntOptions::starting_at(0);
            options.since_us = Some(START_US + window * HOUR_US);
            options.until_us = Some(START_US + (window + 1) * HOUR_US);
            union.extend(hunted(&mut store, search, &options));
        }
        replayed.sort();
        union.sort();
        assert_eq!(replayed, union, "{search}");
        assert!(!replayed.is_empty(), "{search} finds nothing");
    }
}

#[test]
fn what_is_judged_event_by_event_takes_one_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = store(folder.path());
    let plain = HuntOptions::starting_at(0);
    let mut windowed = HuntOptions::starting_at(0);
    windowed.window_us = Some(HOUR_US);
    for search in ["EventCode=4624 Account=a1", "EventCode=4624 | eval x=Account.Size | where x=\"a11\" | table x"] {
        assert_eq!(hunted(&mut store, search, &plain), hunted(&mut store, search, &windowed), "{search}");
    }
}

#[test]
fn two_windows_with_the_same_group_are_two_findings() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = store(folder.path());
    let mut options = HuntOptions::starting_at(0);
    options.window_us = Some(HOUR_US);
    let found = hunted(&mut store, "EventCode=4624 | stats count by Account", &options);
    assert_eq!(found.len(), 15, "three accounts in each of five hours");
    let mut counts: BTreeMap<bool, usize> = BTreeMap::new();
    store.findings(&FindingFilter::default()).expect("findings").iter().for_each(|row| *counts.entry(row.count > 0).or_default() += 1);
    assert_eq!(counts, BTreeMap::from([(true, 15)]));
}
