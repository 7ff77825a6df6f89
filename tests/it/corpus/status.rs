//! The status of every public Splunk detection, by name: what is answered, what needs data, what is not supported.
//!
//! The totals are what a user is promised, and the lines are what is looked at: a detection that changes its status does so
//! in a reviewed difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use retrohunt::Taxonomy;
use retrohunt::compile::{CompileOptions, RuleSet, load_rules};
use retrohunt::ir::WindowClass;
use retrohunt::status::{Obstacle, Status, Verdict, needs, verdicts};
use serde_json::Value;

use crate::support::binary::text;
use crate::support::golden;
use crate::support::shared::shared;

const GOLDEN: &str = "escu_status.tsv";

/// The rules of a folder, with what no log can give them.
fn set(folder: &Path) -> RuleSet {
    let mut set = load_rules(&[PathBuf::from(folder)], &CompileOptions::default());
    let notes: Vec<_> = set.rules.iter().flat_map(|rule| needs(rule, Taxonomy::embedded())).collect();
    set.diagnostics.extend(notes);
    set
}

/// What keeps a detection out, each once.
fn reasons(verdict: &Verdict<'_>) -> String {
    let shown = |obstacle| match obstacle {
        Obstacle::Named(subject) => format!("{} {}", subject.kind.as_str(), subject.name),
        Obstacle::Coded(code) => code.to_owned(),
    };
    let reasons: BTreeSet<String> = verdict.reasons.iter().map(|reason| shown(reason.obstacle())).collect();
    reasons.into_iter().collect::<Vec<_>>().join("; ")
}

/// Of the 1,013 detections that Windows event logs can answer, at least so many are answered or need data.
const MOST_OF_EVENT_LOGS: usize = 1_000;
/// The same of the 1,613 active ones.
const MOST_OF_ACTIVE: usize = 1_550;

/// Totals of some detections, as a line. At least so many must be answered or need data.
fn totals(what: &str, least: usize, statuses: impl Iterator<Item = Status>) -> String {
    let mut counts: BTreeMap<Status, usize> = Status::ALL.into_iter().map(|status| (status, 0)).collect();
    statuses.for_each(|status| *counts.entry(status).or_default() += 1);
    let all: usize = counts.values().sum();
    let understood = counts[&Status::Answered] + counts[&Status::NeedsData];
    assert!(understood >= least, "{what}: {understood} of {all} are answered or need data, not {least}");
    let counts: Vec<String> = counts.iter().map(|(status, count)| format!("{} {count}", status.as_str())).collect();
    format!("# {what}\t{all}\t{}", counts.join(", "))
}

/// How many detections depend on the span of time that they are asked over, as a line.
fn window_classes(set: &RuleSet) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in &set.rules {
        let class = match rule.query.window_class() {
            WindowClass::Rows => "judge events one by one",
            WindowClass::Groups => "group them",
            WindowClass::Windows(_) => "depend on the window",
            WindowClass::Whole => "read no events",
        };
        *counts.entry(class).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(class, count)| format!("{class} {count}")).collect();
    format!("# windows of all that compile\t{}\t{}", set.rules.len(), counts.join(", "))
}

#[test]
fn every_public_detection_has_a_status() {
    let Some(detections) = shared("rules/escu/detections") else { return };
    let Some(pages) = shared("rules/escu-docs") else { return };
    let Some(reference) = shared("reference/escu-detections.jsonl") else { return };
    let of_event_logs: BTreeSet<String> = std::fs::read_to_string(reference)
        .expect("escu-detections.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a detection"))
        .filter(|row| row["evtx_answerable"] == true)
        .map(|row| text(&row, "id").to_owned())
        .collect();
    let (detections, pages) = (set(&detections), set(&pages));
    let (yaml, markdown) = (verdicts(&detections), verdicts(&pages));
    let active: Vec<&Verdict<'_>> = yaml.iter().filter(|v| !v.document.source.path.contains("/deprecated/")).collect();
    let event_logs = active.iter().filter(|v| of_event_logs.contains(&v.document.id));
    let totals = [
        totals("active, answerable from Windows event logs", MOST_OF_EVENT_LOGS, event_logs.map(|v| v.status)),
        totals("active", MOST_OF_ACTIVE, active.iter().map(|v| v.status)),
        totals("all", 0, yaml.iter().map(|v| v.status)),
        totals("pages", 0, markdown.iter().map(|v| v.status)),
    ];
    let mut table = String::from("name\tstatus\treasons\n");
    for line in totals.iter().chain([&window_classes(&detections)]) {
        println!("{line}");
        let _ = writeln!(table, "{line}");
    }
    for (prefix, verdicts) in [("", &yaml), ("page: ", &markdown)] {
        let mut lines: Vec<String> =
            verdicts.iter().map(|v| format!("{prefix}{}\t{}\t{}\n", v.document.name, v.status.as_str(), reasons(v))).collect();
        lines.sort();
        table.extend(lines);
    }
    let faultless = yaml.iter().chain(&markdown).all(|v| (v.status == Status::Answered) == v.reasons.is_empty());
    assert!(faultless, "a status without a reason");
    golden::compare(GOLDEN, &table);
}
