//! Ctrl-C: loads and hunts stop where everything is complete, say so and exit with 130; running them again completes them.
#![cfg(unix)]

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use retrohunt::hunt::{self, HuntOptions, HuntProgress};
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;

use crate::support::binary::{TestStore, command, text};
use crate::support::generate::splunk::escu_yaml;
use crate::support::three_ways::compiled;

fn line(number: u32) -> String {
    format!("{{\"@timestamp\":\"2024-01-01T00:00:00.000Z\",\"Channel\":\"Security\",\"EventID\":4688,\"Serial\":\"{number}\"}}\n")
}

/// A pipe with a name: a load that reads it is where the test wants it to be.
fn pipe(store: &TestStore) -> PathBuf {
    let path = store.folder().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    path
}

fn start(store: &TestStore, paths: &[&Path]) -> Child {
    let mut load = command();
    load.arg("load").args(paths).arg("--store").arg(store.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    load.spawn().expect("the program starts")
}

/// Sends the signal and waits until it was taken (Linux says so; elsewhere the writes that follow give it the time).
fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let is_pending = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .filter_map(|line| line.strip_prefix("ShdPnd:"))
            .any(|signals| signals.contains(|c: char| matches!(c, '1'..='9' | 'a'..='f')))
    };
    while is_pending() {
        std::thread::yield_now();
    }
}

fn end(mut child: Child) -> (Option<i32>, String) {
    let mut told = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut told).expect("text");
    (child.wait().expect("a child").code(), told)
}

#[test]
fn a_load_that_is_interrupted_keeps_what_is_complete() {
    let store = TestStore::new();
    let first = store.file("first.jsonl", line(1));
    let last = store.file("last.jsonl", line(9));
    let pipe = pipe(&store);
    let child = start(&store, &[&first, &pipe, &last]);
    let mut writer: File = OpenOptions::new().write(true).open(&pipe).expect("the load reads the pipe");
    // More than a pipe holds and a format is told from: the load has begun with it.
    let begin: String = (2..3_000).map(line).collect();
    writer.write_all(begin.as_bytes()).expect("the load reads");
    interrupt(&child);
    let rest: String = (3_000..5_000).map(line).collect();
    writer.write_all(rest.as_bytes()).expect("the load reads");
    drop(writer);
    let (code, told) = end(child);
    assert_eq!(code, Some(130), "{told}");
    assert!(told.contains("Interrupted: 2 of 3 files are stored; load again to continue"), "{told}");
    let stored: Vec<String> =
        store.sources().iter().map(|row| text(row, "path").rsplit('/').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(stored, ["first.jsonl", "pipe"]);
    assert_eq!(store.number("SELECT count(*) FROM events"), 4_999);
    store.load([&first, &last]);
    assert_eq!(store.number("SELECT count(*) FROM events"), 5_000);
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let store = TestStore::new();
    let first = store.file("first.jsonl", line(1));
    let pipe = pipe(&store);
    let child = start(&store, &[&first, &pipe]);
    let writer = OpenOptions::new().write(true).open(&pipe).expect("the load reads the pipe");
    interrupt(&child);
    interrupt(&child);
    assert_eq!(end(child).0, Some(130));
    drop(writer); // the load did not wait for the end of the pipe
    store.load([&first]);
    assert_eq!(store.number("SELECT count(*) FROM events"), 1);
}

/// Rules that count, one for each title.
fn counting(titles: &[&str]) -> Vec<retrohunt::ir::Rule> {
    let rule = |(n, title): (usize, &&str)| {
        let text = escu_yaml("Channel=Security | stats count by Serial").replace("Generated", title);
        let mut rule = compiled(&text);
        rule.meta.id = format!("rule-{n}");
        rule
    };
    titles.iter().enumerate().map(rule).collect()
}

#[test]
fn a_hunt_that_is_interrupted_keeps_what_finished_rules_found() {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", (0..5).map(line).collect::<String>())]);
    let rules = counting(&["First", "Second"]);
    let mut opened = Store::open(store.path()).expect("a store");
    let whole = hunt::run(&mut opened, &rules, &[], Taxonomy::embedded(), &HuntOptions::starting_at(0), &mut |_| {}).expect("a hunt");
    assert_eq!((whole.findings, whole.unfinished), (10, None));

    let mut options = HuntOptions::starting_at(1);
    options.full = true; // else there is nothing to do
    let cancel = options.cancel.clone();
    let stopped = hunt::run(&mut opened, &rules, &[], Taxonomy::embedded(), &options, &mut |step| {
        if matches!(step, HuntProgress::Stages { title } if title == "First") {
            cancel.cancel();
        }
    });
    let stopped = stopped.expect("a hunt");
    assert_eq!((stopped.findings, stopped.unfinished, stopped.outcome.gone), (5, Some(1), 0));
    let states: Vec<String> = opened.findings(&FindingFilter::default()).expect("findings").into_iter().map(|row| row.state).collect();
    assert_eq!(states, ["current"; 10], "what the rule that was left out found before is still true");

    let mut before = HuntOptions::starting_at(2);
    before.full = true;
    before.cancel.cancel();
    let nothing = hunt::run(&mut opened, &rules, &[], Taxonomy::embedded(), &before, &mut |_| {}).expect("a hunt");
    assert_eq!((nothing.findings, nothing.unfinished, nothing.outcome.gone), (0, Some(2), 0));
}
