//! What is found does not depend on how many parts of a store are read at the same time.

use std::fmt::Write as _;

use retrohunt::hunt::{self, HuntOptions, HuntProgress};
use retrohunt::ir::Rule;
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;

use crate::support::binary::TestStore;
use crate::support::samples::{escu_rule, security_line, sigma_rule};
use crate::support::three_ways::compiled;

const CODES: [u32; 4] = [4688, 4624, 5145, 4663];

/// Events of several types, a word in every seventh, and one in every eleventh that no other has.
fn lines() -> String {
    let mut lines = String::new();
    for record in 0..400_u32 {
        let word = if record % 7 == 0 { "Evil" } else { "plain" };
        let unique = if record % 11 == 0 { format!("needle {record}") } else { format!("hay {}", record % 3) };
        let more = format!(",\"Image\":\"C:\\\\{word}{}.exe\",\"Text\":\"{unique}\",\"Name\":\"n{}\"", record % 5, record % 13);
        let code = CODES[record as usize % CODES.len()];
        writeln!(lines, "{}", security_line(i64::from(record), code, &more)).unwrap();
    }
    lines
}

fn rules() -> Vec<String> {
    let names =
        ["Image|contains: evil", "Image|endswith: '4.exe'", "Text|re: 'needle 1.*1'", "Name|startswith: n1", "Text|contains: needle"];
    let mut rules: Vec<String> = (0..).zip(names).map(|(number, name)| sigma_rule(&format!("rule{number}"), name)).collect();
    rules.push(escu_rule("count", "index=* Image=*evil* | stats count by Name EventID"));
    rules.push(escu_rule("words", "index=* needle | table Name Text"));
    // It fails on some events: what it found before is taken back, wherever that was read.
    rules.push(escu_rule("long", "index=* needle | where len(printf(\"%900000000s\", Text)) > 1"));
    rules
}

fn loaded() -> TestStore {
    let store = TestStore::new();
    let path = store.file("events.jsonl", lines());
    store.load([path]).expect_code(&[0]);
    store
}

/// A text without the folder of the store, which is another one each time.
fn anywhere(store: &TestStore, text: &str) -> String {
    text.replace(&store.folder().display().to_string(), "FOLDER")
}

/// All that is saved of a hunt but when it was.
fn saved(store: &mut Store, (jobs, part_events): (usize, u64)) -> String {
    let rules: Vec<Rule> = rules().iter().map(|rule| compiled(rule)).collect();
    let mut options = HuntOptions::starting_at(0);
    (options.jobs, options.part_events) = (jobs, part_events);
    let summary = hunt::run(store, &rules, &[], Taxonomy::embedded(), &options, &mut |_| {}).unwrap();
    let filter = FindingFilter::default();
    let (findings, evidence) = (store.findings(&filter).unwrap(), store.evidence(&filter).unwrap());
    assert!(findings.len() > 100, "{}", findings.len());
    format!(
        "{:?} {:?} {} {}\n{findings:#?}\n{evidence:#?}",
        summary.failed, summary.rules_without_events, summary.findings, summary.events_scanned
    )
}

#[test]
fn any_number_of_jobs_and_parts_finds_the_same() {
    let of = |jobs, part_events| {
        let store = loaded();
        let saved = saved(&mut Store::open(store.path()).unwrap(), (jobs, part_events));
        anywhere(&store, &saved)
    };
    let one = of(1, 1);
    for (jobs, part_events) in [(2, 1_000_000), (2, 50), (4, 7), (8, 1)] {
        assert!(one == of(jobs, part_events), "{jobs} jobs, parts of {part_events}");
    }
}

#[test]
fn progress_goes_from_nothing_to_all_events() {
    let rules: Vec<Rule> = rules()[..3].iter().map(|rule| compiled(rule)).collect();
    for jobs in [1, 4] {
        let store = loaded();
        let mut opened = Store::open(store.path()).unwrap();
        let mut options = HuntOptions::starting_at(0);
        (options.jobs, options.part_events) = (jobs, 50);
        let (mut total, mut read) = (0, vec![0]);
        hunt::run(&mut opened, &rules, &[], Taxonomy::embedded(), &options, &mut |step| match step {
            HuntProgress::Planned { events } => total = events,
            HuntProgress::Scanned { events } => read.push(events),
            _ => {}
        })
        .unwrap();
        assert_eq!((total, read.last().copied()), (400, Some(400)), "{jobs} jobs");
        assert!(read.is_sorted(), "{jobs} jobs: {read:?}");
    }
}

#[test]
fn what_the_first_rows_taught_changes_no_answer() {
    const ROWS: u32 = 12_000; // three times what is seen before rules choose by it
    let name = |record: u32| if record % 1_000 == 999 { "rare" } else { ["common", "usual"][record as usize % 2] };
    let mut lines = String::new();
    for record in 0..ROWS {
        let more = format!(
            ",\"Kind\":\"{}\",\"Text\":\"unique {record} {}\",\"Other\":\"o{}\",\"Late\":\"{}\"",
            name(record),
            if record % 500 == 7 { "needle" } else { "hay" },
            record % 4,
            if record > 8_000 { "late" } else { "early" }
        );
        writeln!(lines, "{}", security_line(i64::from(record), 4688, &more).trim_end()).unwrap();
    }
    let store = TestStore::new();
    store.load([store.file("events.jsonl", lines)]).expect_code(&[0]);
    type Expected = fn(u32, &str) -> bool;
    let cases: [(&str, Expected); 5] = [
        ("{Kind: rare, Other: o3}", |record, kind| kind == "rare" && record % 4 == 3),
        ("{Kind: usual, 'Text|contains': needle}", |record, kind| kind == "usual" && record % 500 == 7),
        ("{Kind: usual, Late: late, 'Text|re': 'needle$'}", |record, kind| kind == "usual" && record > 8_000 && record % 500 == 7),
        ("{Late: late, Kind: rare}", |record, kind| kind == "rare" && record > 8_000),
        ("{'Text|endswith': '99 hay', 'Other|contains': 3}", |record, _| record % 100 == 99 && record % 4 == 3),
    ];
    let rules: Vec<Rule> = (0..).zip(&cases).map(|(id, (selection, _))| compiled(&sigma_rule(&format!("r{id}"), selection))).collect();
    for jobs in [1, 2] {
        let mut options = HuntOptions::starting_at(jobs);
        (options.jobs, options.part_events) = (usize::try_from(jobs).unwrap(), 6_000);
        let mut opened = Store::open(store.path()).unwrap();
        hunt::run(&mut opened, &rules, &[], Taxonomy::embedded(), &options, &mut |_| {}).unwrap();
        let findings = opened.findings(&FindingFilter::default()).unwrap();
        for ((_, is_expected), rule) in cases.iter().zip(&rules) {
            let expected = (0..ROWS).filter(|record| is_expected(*record, name(*record))).count();
            let found = findings.iter().filter(|finding| finding.rule_id == rule.meta.id).count();
            assert!(expected > 0);
            assert_eq!(found, expected, "{}", rule.meta.id);
        }
    }
}

#[test]
fn the_program_says_the_same_byte_for_byte() {
    let told = |jobs: &str| {
        let store = loaded();
        let files: Vec<_> = rules().iter().enumerate().map(|(number, rule)| store.file(&format!("r{number}.yml"), rule)).collect();
        let mut arguments = vec!["hunt".into(), "--jobs".into(), jobs.into(), "--format".into(), "jsonl".into(), "--rules".into()];
        arguments.extend(files.iter().map(|file| file.display().to_string()));
        anywhere(&store, &store.run(arguments).expect_code(&[0, 3]).stdout)
    };
    let one = told("1");
    assert!(one.lines().count() > 100);
    assert!(one == told("4"));
}

/// So many findings that they are made, and listed, by two threads.
#[test]
fn many_findings_are_the_same_byte_for_byte() {
    let store = TestStore::new();
    let lines: String = (1..=21_000).map(|n| security_line(n, if n % 3 == 0 { 4624 } else { 4625 }, "")).collect();
    store.load([store.file("many.jsonl", lines)]);
    let loaded = std::fs::read(store.path()).expect("the store");
    let rules = ["EventID: 4625", "EventID: [4624, 4625]"].map(|test| sigma_rule(&format!("{}", test.len()), test));
    let files = [store.file("one.yml", &rules[0]), store.file("all.yml", &rules[1])].map(|file| file.display().to_string());
    let told = |jobs: &str| {
        std::fs::write(store.path(), &loaded).expect("the store");
        let arguments = ["hunt", "--jobs", jobs, "--format", "jsonl", "--rules", &files[0], &files[1]];
        store.run(arguments).expect_code(&[0]).stdout
    };
    let one = told("1");
    assert_eq!(one.lines().count(), 35_000);
    assert!(one == told("2"));
}
