//! Regression tests of rules: events beside a rule, and what the rule must find among them.
//!
//! Two layouts are known. `NAME.tests.json` beside `NAME.yml` has the events themselves: `match`, of which the rule must
//! find each, and `no_match`, of which it must find none. An `info.yml` in SigmaHQ's layout names a rule by its id, event
//! logs beside itself, and how many events the rule finds in each.
//!
//! Every test has a store of its own in memory, which is loaded and hunted as any other: names, log sources and field maps
//! are tested with the rule. [`find`] looks for tests, [`run`] runs one; nothing is written but temporary files.

mod find;
mod info;
mod inline;
mod why;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::compile::{ReadError, RuleSet};
use crate::hunt::{self, HuntError, HuntOptions};
use crate::ir::{Correlation, Rule, RuleMeta};
use crate::load::{LoadOptions, LoadSummary, load};
use crate::store::{FindingFilter, Store, StoreError};
use crate::taxonomy::Taxonomy;

pub use find::find;

/// The tests of some paths.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Suite {
    /// The tests, in path order.
    pub tests: Vec<RuleTest>,
    /// The rules of the paths, and what is wrong with them.
    pub rules: RuleSet,
    /// Rules that no test is about.
    pub untested: usize,
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RuleTest {
    /// What it is called.
    pub name: String,
    /// The file that says what is tested.
    pub path: String,
    /// The rules hunted with: those of one file, or the one an id names.
    pub rules: Vec<Rule>,
    /// The correlations of that file, behind the ones they are made of.
    pub correlations: Vec<Correlation>,
    /// The id it names, else that of its rule; empty where its rule does not compile.
    pub rule_id: String,
    /// Events and what is expected of them.
    pub events: TestEvents,
}

impl RuleTest {
    /// What its first rule says of itself, or its correlation where its file has no other rule; `None` where neither compiles.
    pub fn meta(&self) -> Option<&RuleMeta> {
        let correlation = || self.correlations.iter().find(|correlation| correlation.reports).map(|correlation| &correlation.meta);
        self.rules.first().map(|rule| &rule.meta).or_else(correlation)
    }
}

/// The events of a test.
#[derive(Debug, Clone, PartialEq)]
pub enum TestEvents {
    /// They stand in the test itself.
    Listed {
        /// The rule finds each of them.
        matching: Vec<Value>,
        /// The rule finds none of them.
        other: Vec<Value>,
    },
    /// A log beside the test.
    Log {
        /// The file.
        file: PathBuf,
        /// Events that the rule finds in it; `None`: at least one.
        count: Option<u64>,
    },
    /// It cannot be run: its own file or its rule is broken, for this reason.
    Broken(String),
    /// There is nothing to run: what it speaks of is not here, for this reason.
    Missing(String),
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TestStatus {
    /// As expected.
    Passed,
    /// The rule found something else.
    Failed,
    /// It could not be run.
    Error,
    /// Its rule or its log is not here.
    Skipped,
}

impl TestStatus {
    /// `passed`, `failed`, `error` or `skipped`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// What a test showed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestVerdict {
    /// How it ended.
    pub status: TestStatus,
    /// Events the rule had to find; `None`: at least one, or it did not run.
    pub expected: Option<u64>,
    /// Events it found.
    pub found: Option<u64>,
    /// Events of `match` that it did not find, counted from 1.
    pub missing: Vec<usize>,
    /// Events of `no_match` that it found, counted from 1.
    pub unexpected: Vec<usize>,
    /// What is wrong, in a sentence; empty where nothing is.
    pub message: String,
}

impl TestVerdict {
    fn without_run(status: TestStatus, message: impl Into<String>) -> Self {
        Self { status, expected: None, found: None, missing: Vec::new(), unexpected: Vec::new(), message: message.into() }
    }
}

/// Why a file of tests cannot be used.
#[derive(Debug, thiserror::Error)]
enum FileFault {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("this is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Content(String),
}

impl FileFault {
    fn content(message: impl Into<String>) -> Self {
        Self::Content(message.into())
    }
}

/// Why a test could not be run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Hunt(#[from] HuntError),
    #[error("cannot write the events into a temporary folder: {0}")]
    Temporary(#[from] std::io::Error),
    #[error("{0}")]
    Events(String),
}

/// Runs a test.
pub fn run(test: &RuleTest, taxonomy: &Taxonomy) -> TestVerdict {
    let result = match &test.events {
        TestEvents::Listed { matching, other } => inline::run(test, matching, other, taxonomy),
        TestEvents::Log { file, count } => run_log(test, file, *count, taxonomy),
        TestEvents::Broken(reason) => Ok(TestVerdict::without_run(TestStatus::Error, reason)),
        TestEvents::Missing(reason) => Ok(TestVerdict::without_run(TestStatus::Skipped, reason)),
    };
    result.unwrap_or_else(|error| TestVerdict::without_run(TestStatus::Error, error.to_string()))
}

fn run_log(test: &RuleTest, file: &std::path::Path, count: Option<u64>, taxonomy: &Taxonomy) -> Result<TestVerdict, RunError> {
    let mut store = Store::in_memory()?;
    let summary = loaded(&mut store, &[file.to_owned()])?;
    if summary.sources.iter().all(|source| source.new_events == 0) {
        return Err(RunError::Events(format!("there is no event in `{}`", file.display())));
    }
    // Events and not findings: the file says how many events a rule matches, and a rule that counts has one finding for many.
    let found = hunted(&mut store, test, taxonomy)?.len() as u64;
    let passed = count.map_or(found > 0, |count| count == found);
    let wanted = count.map_or_else(|| "at least one".to_owned(), |count| count.to_string());
    Ok(TestVerdict {
        status: if passed { TestStatus::Passed } else { TestStatus::Failed },
        expected: count,
        found: Some(found),
        missing: Vec::new(),
        unexpected: Vec::new(),
        message: if passed { String::new() } else { format!("the rule finds {found} events instead of {wanted}") },
    })
}

/// Loads logs, all of which must be whole.
fn loaded(store: &mut Store, paths: &[PathBuf]) -> Result<LoadSummary, RunError> {
    let summary = load(store, paths, &LoadOptions::default(), &mut |_| {})?;
    if let Some((path, reason)) = summary.failed.first().or_else(|| summary.skipped.first()) {
        return Err(RunError::Events(format!("cannot read `{path}`: {reason}")));
    }
    Ok(summary)
}

/// Hunts, and returns the events of all findings.
fn hunted(store: &mut Store, test: &RuleTest, taxonomy: &Taxonomy) -> Result<BTreeSet<i64>, RunError> {
    // Nobody reads when the hunt began: the store ends with the test.
    let options = HuntOptions::starting_at(0);
    let summary = hunt::run(store, &test.rules, &test.correlations, taxonomy, &options, &mut |_| {})?;
    if let Some((_, diagnostic)) = summary.failed.first() {
        return Err(RunError::Events(format!("the rule cannot run: {}", diagnostic.message)));
    }
    Ok(store.evidence(&FindingFilter::default())?.into_iter().map(|row| row.event.0).collect())
}
