//! Tests whose events stand in the test: each event is told by its place.

use std::fs;

use serde_json::Value;

use super::{RuleTest, RunError, TestStatus, TestVerdict, hunted, loaded, why};
use crate::load::LoadedSource;
use crate::store::Store;
use crate::taxonomy::Taxonomy;

/// Runs a test over the events of both kinds at once, since a rule that counts sees them together.
pub(super) fn run(test: &RuleTest, matching: &[Value], other: &[Value], taxonomy: &Taxonomy) -> Result<TestVerdict, RunError> {
    // In files and through the loader, so that names, times and shapes are tested with the rule.
    let folder = tempfile::tempdir()?;
    let mut paths = Vec::new();
    for (kind, events) in [("match", matching), ("no_match", other)] {
        if !events.is_empty() {
            let path = folder.path().join(format!("{kind}.jsonl"));
            fs::write(&path, events.iter().map(|event| format!("{event}\n")).collect::<String>())?;
            paths.push(path);
        }
    }
    let mut store = Store::in_memory()?;
    let summary = loaded(&mut store, &paths)?;
    // A kind without events has no file, so it is not among the sources either.
    let kinds = [("match", matching.len()), ("no_match", other.len())];
    for (source, (kind, count)) in summary.sources.iter().zip(kinds.into_iter().filter(|(_, count)| *count > 0)) {
        check(source, kind, count)?;
    }
    let found = hunted(&mut store, test, taxonomy)?;
    // Both sources are whole, so events have the numbers from 1 on in the order they stand in.
    let places: Vec<usize> = found.iter().filter_map(|event| usize::try_from(*event).ok()).collect();
    let missing: Vec<usize> = (1..=matching.len()).filter(|place| !places.contains(place)).collect();
    let unexpected: Vec<usize> = places.iter().filter_map(|place| place.checked_sub(matching.len())).filter(|place| *place > 0).collect();
    let passed = missing.is_empty() && unexpected.is_empty();
    Ok(TestVerdict {
        status: if passed { TestStatus::Passed } else { TestStatus::Failed },
        expected: Some(matching.len() as u64),
        found: Some(found.len() as u64),
        message: message(&store, test, (matching, &missing), (other, &unexpected), taxonomy)?,
        missing,
        unexpected,
    })
}

/// Every object must have given one event of its own.
fn check(source: &LoadedSource, kind: &str, count: usize) -> Result<(), RunError> {
    let report = &source.report;
    if let Some(problem) = report.problems.first() {
        let place = problem.line.map_or(String::new(), |line| format!(" {line}"));
        return Err(RunError::Events(format!("event{place} of `{kind}` cannot be read: {}", problem.message)));
    }
    if report.events != count as u64 {
        return Err(RunError::Events(format!("the {count} objects of `{kind}` are {} events", report.events)));
    }
    if source.new_events != report.events {
        return Err(RunError::Events("an event is in both `match` and `no_match`".to_owned()));
    }
    Ok(())
}

/// The events of one kind, and the places of those that are wrong, counted from 1.
type Wrong<'a> = (&'a [Value], &'a [usize]);

/// Which events are wrong, and the reason for the first of each kind.
fn message(store: &Store, test: &RuleTest, missing: Wrong<'_>, found: Wrong<'_>, taxonomy: &Taxonomy) -> Result<String, RunError> {
    let list = |places: &[usize]| places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    if let (events, places @ [first, ..]) = missing {
        let id = i64::try_from(*first).unwrap_or(i64::MAX);
        let why = why::not_found(store, test, id, &events[first - 1], taxonomy)?;
        parts.push(format!("`match` {} not found: {why}", list(places)));
    }
    if let (events, places @ [first, ..]) = found {
        parts.push(format!("`no_match` {} found: {}", list(places), why::shortened(&events[first - 1].to_string())));
    }
    Ok(parts.join("; "))
}
