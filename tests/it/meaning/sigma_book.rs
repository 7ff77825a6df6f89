//! Sigma, feature by feature: what each means here, with an example that goes the three ways, or the test that proves it.
//!
//! `docs/sigma.md` is made of this table: `make accept` writes it, and a test compares it.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::golden;
use crate::support::three_ways::ask;

use super::sigma_features::SECTIONS;

/// One feature.
pub(super) struct Feature {
    /// Its name, as the specification has it.
    pub(super) name: &'static str,
    /// What it means here.
    pub(super) meaning: &'static str,
    /// Why one may believe it.
    pub(super) proof: Proof,
}

/// What shows that a feature is as its line says.
pub(super) enum Proof {
    /// A detection `sel` under a condition, events that match, and events that do not: members of JSON objects.
    Example { detection: &'static str, condition: &'static str, hits: &'static [&'static str], misses: &'static [&'static str] },
    /// Tests, as `file::function`.
    Tests(&'static [&'static str]),
}

/// A feature with an example.
pub(super) const fn shown(
    name: &'static str,
    meaning: &'static str,
    (detection, condition): (&'static str, &'static str),
    hits: &'static [&'static str],
    misses: &'static [&'static str],
) -> Feature {
    Feature { name, meaning, proof: Proof::Example { detection, condition, hits, misses } }
}

/// A feature that tests elsewhere prove.
pub(super) const fn tested(name: &'static str, meaning: &'static str, tests: &'static [&'static str]) -> Feature {
    Feature { name, meaning, proof: Proof::Tests(tests) }
}

fn rule(detection: &str, condition: &str) -> String {
    let indented = detection.replace('\n', "\n    ");
    format!(
        "title: Example\nlogsource:\n    product: windows\n    service: security\ndetection:\n    {indented}\n    condition: {condition}\n"
    )
}

#[test]
fn every_example_holds_in_hunt_portable_sql_and_evaluator() {
    let mut examples = 0;
    for feature in SECTIONS.iter().flat_map(|(_, features)| *features) {
        let Proof::Example { detection, condition, hits, misses } = &feature.proof else { continue };
        let events: Vec<&str> = hits.iter().chain(*misses).copied().collect();
        let expected: Vec<i64> = (1..).take(hits.len()).collect();
        assert!(!hits.is_empty() && !misses.is_empty(), "{}: an example has both", feature.name);
        assert_eq!(ask(&rule(detection, condition), &events).events, expected, "{}: {detection}\n{events:#?}", feature.name);
        examples += 1;
    }
    println!("{examples} examples");
}

#[test]
fn every_named_test_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for feature in SECTIONS.iter().flat_map(|(_, features)| *features) {
        let Proof::Tests(tests) = &feature.proof else { continue };
        for test in *tests {
            let (file, function) = test.split_once("::").unwrap_or_else(|| panic!("{test} is no `file::function`"));
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{}: {file}: {e}", feature.name));
            let place = text.find(&format!("fn {function}()")).unwrap_or_else(|| panic!("{}: {file} has no {function}", feature.name));
            assert!(text[..place].trim_end().ends_with("#[test]"), "{test} is no test");
        }
    }
}

#[test]
fn the_document_says_what_the_table_says() {
    let mut out = String::from(HEAD);
    for (section, features) in SECTIONS {
        write!(out, "\n## {section}\n\n| feature | here | shown by |\n|---|---|---|\n").expect("a text");
        for feature in *features {
            writeln!(out, "| {} | {} | {} |", feature.name, feature.meaning, proof(&feature.proof)).expect("a text");
        }
    }
    golden::compare_at("docs/sigma.md", &out);
}

const HEAD: &str = "# Sigma: what is understood, and how

Sigma 2.1 with its correlations and filters. Every line is shown by an example that gives the same answer in a hunt, in the
portable SQL and in an evaluator written from the specification, or by the named test. Events of an example stand as the
members of JSON objects: ✓ matches, ✗ does not. [checks.md](checks.md) has the faults, [hunting.md](hunting.md) the use.
";

fn proof(proof: &Proof) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ⏎ ");
    match proof {
        Proof::Tests(tests) => tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join(", "),
        Proof::Example { detection, condition, hits, misses } => {
            let event = |mark: &str, event: &&str| match *event {
                "" => format!("{mark} (no fields)"),
                event => format!("{mark} `{}`", cell(event)),
            };
            let events: Vec<String> = hits.iter().map(|e| event("✓", e)).chain(misses.iter().map(|e| event("✗", e))).collect();
            let condition = if *condition == "sel" { String::new() } else { format!(", `{}`", cell(condition)) };
            format!("`{}`{condition}: {}", cell(detection), events.join(" "))
        }
    }
}
