//! Pipelines over rules: every transformation, every condition, faults with their places, sets of documents.

mod conditions;
mod faults;
mod sets;
mod transformations;

use std::sync::Arc;

use super::super::tests::{self, HEAD};
use super::super::{LinkedSet, SigmaOptions, SigmaSet};
use super::Pipelines;
use crate::diag::{Diagnostic, Severity, SourceText};
use crate::ir::{Pred, Rule};

fn source(path: &str, text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { path: path.into(), text: text.into() })
}

/// A predicate with wildcards as rules write them, and literal ones escaped.
fn show(pred: &Pred) -> String {
    let wild = [("⟨*⟩", "\u{1}"), ("⟨?⟩", "\u{2}"), ("*", r"\*"), ("\u{1}", "*"), ("\u{2}", "?")];
    wild.iter().fold(tests::show(pred), |text, (from, to)| text.replace(from, to))
}

/// A file beside the pipeline.
fn file(_: &str, path: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    match path {
        "names.txt" => Ok("one\n\n two \nother".into()),
        "names.csv" => Ok("host,name\nh1,one\nh2,\"two, too\"\n".into()),
        _ => Err("no such file".into()),
    }
}

fn read(pipelines: &[&str]) -> (Pipelines, Vec<Diagnostic>) {
    let sources: Vec<_> = pipelines.iter().map(|text| source("p.yml", text)).collect();
    Pipelines::read(&sources, &mut file)
}

/// Options with a pipeline of these transformations, which must be sound.
#[track_caller]
fn options(transformations: &str) -> SigmaOptions {
    let indented = transformations.trim_matches('\n').replace('\n', "\n  ");
    let (pipelines, faults) = read(&[&format!("vars: {{v: [a, 'b*']}}\ntransformations:\n  {indented}\n")]);
    assert!(faults.is_empty(), "{faults:#?}");
    SigmaOptions { pipelines, ..SigmaOptions::default() }
}

fn link(documents: &[&str], options: &SigmaOptions) -> (LinkedSet, Vec<Diagnostic>) {
    let mut set = SigmaSet::default();
    let mut diagnostics = Vec::new();
    for (number, text) in documents.iter().enumerate() {
        diagnostics.extend(set.add(&source(&format!("{number}.yml"), text), options));
    }
    let (linked, more) = set.link();
    diagnostics.extend(more);
    (linked, diagnostics)
}

/// A rule with one detection in flow style.
fn rule_of(detection: &str) -> String {
    format!("{HEAD}detection:\n  s: {detection}\n  condition: s\n")
}

/// The one rule that a text becomes.
#[track_caller]
fn rule(transformations: &str, text: &str) -> Rule {
    let (mut set, diagnostics) = link(&[text], &options(transformations));
    assert!(set.rules.len() == 1 && diagnostics.iter().all(|d| d.severity != Severity::Error), "{diagnostics:#?}");
    set.rules.remove(0).rule
}

/// What a detection becomes.
#[track_caller]
fn becomes(transformations: &str, detection: &str) -> String {
    show(&rule(transformations, &rule_of(detection)).query.filter)
}

/// The code, place and message of the error that refuses a rule.
#[track_caller]
fn refused(transformations: &str, text: &str) -> String {
    let (set, diagnostics) = link(&[text], &options(transformations));
    let errors: Vec<&Diagnostic> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(set.rules.is_empty() && errors.len() == 1, "{diagnostics:#?}");
    let (line, column) = errors[0].line_column().unwrap();
    format!("{} {line}:{column} {}", errors[0].code, errors[0].message)
}
