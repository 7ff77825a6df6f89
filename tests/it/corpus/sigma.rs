//! All public Sigma rules: how many compile, why the others do not, and exactly the known matches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use retrohunt::compile::{CompileOptions, RuleSet, load_rules};
use retrohunt::diag::Severity;
use serde_json::Value;

use crate::support::binary::{TestStore, run, text};
use crate::support::golden;
use crate::support::shared::shared;

/// Windows rules of the public set that must compile.
const WINDOWS_RULES_MIN: usize = 2_700;

fn rule_set(rules: &Path) -> RuleSet {
    load_rules(&[rules.to_path_buf()], &CompileOptions::default())
}

fn is_windows(rule: &retrohunt::ir::Rule) -> bool {
    matches!(rule.query.scope(), Some(retrohunt::ir::Scope::LogSource { product: Some(product), .. }) if product == "windows")
}

#[test]
fn windows_rules_compile_and_the_rest_is_listed_by_code() {
    let Some(rules) = shared("rules/sigmahq") else { return };
    let mut options = CompileOptions::default();
    options.sigma.validate = true;
    let set = load_rules(&[rules], &options);
    let windows = set.rules.iter().filter(|r| is_windows(r)).count();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for diagnostic in &set.diagnostics {
        *counts.entry((diagnostic.severity.as_str(), diagnostic.code)).or_default() += 1;
    }
    let mut table = format!(
        "severity\tcode\tcount\nrules\tdocuments\t{}\nrules\tcompiled\t{}\nrules\twindows\t{windows}\n",
        set.documents.len(),
        set.rules.len()
    );
    for ((severity, code), count) in counts {
        table += &format!("{severity}\t{code}\t{count}\n");
    }
    println!("{table}");
    let false_errors: Vec<_> =
        set.diagnostics.iter().filter(|d| d.severity == Severity::Error && d.code != "sigma-unresolved-placeholder").collect();
    assert!(false_errors.is_empty(), "these rules are sound: {false_errors:#?}");
    assert!(windows >= WINDOWS_RULES_MIN, "{windows} Windows rules compile, at least {WINDOWS_RULES_MIN} must");
    golden::compare("sigmahq_diagnostics.tsv", &table);
}

type Triple = (String, String, String);

fn triples(expected: &str, compiled: &BTreeSet<&str>) -> BTreeSet<Triple> {
    let mut out = BTreeSet::new();
    for line in expected.lines() {
        let row: Value = serde_json::from_str(line).expect("SIGMA_EXPECTED.jsonl");
        if compiled.contains(text(&row, "rule_id")) {
            for record in row["record_ids"].as_array().expect("records") {
                out.insert((
                    text(&row, "rule_id").to_owned(),
                    text(&row, "evtx_path").to_owned(),
                    record.as_str().expect("a record").to_owned(),
                ));
            }
        }
    }
    out
}

#[test]
fn known_files_give_exactly_the_known_matches() {
    let Some(corpus) = shared("corpora") else { return };
    let Some(rules) = shared("rules/sigmahq") else { return };
    let set = rule_set(&rules);
    let compiled: BTreeSet<&str> = set.rules.iter().map(|r| r.meta.id.as_str()).collect();
    let expected = std::fs::read_to_string(corpus.join("SIGMA_EXPECTED.jsonl")).expect("SIGMA_EXPECTED.jsonl");
    let wanted = triples(&expected, &compiled);
    let dev = corpus.join("dev");
    let files: BTreeSet<&str> = wanted.iter().map(|(_, path, _)| path.as_str()).collect();
    let store = TestStore::new();
    store.load(files.iter().map(|file| dev.join(file)));
    store.run(["hunt", "--quiet", "--rules", &rules.to_string_lossy()]).expect_code(&[0, 3]);
    let prefix = format!("{}/", dev.to_string_lossy());
    let triple = |row: &Value| {
        let path = text(row, "path");
        (text(row, "rule_id").to_owned(), path.strip_prefix(&prefix).unwrap_or(path).to_owned(), row["record"].to_string())
    };
    let found: BTreeSet<Triple> = store.findings(true).iter().map(triple).collect();
    let lost: Vec<_> = wanted.difference(&found).collect();
    let extra: Vec<_> = found.difference(&wanted).collect();
    println!("{} files, {} known matches of rules that compile, {} lost, {} extra", files.len(), wanted.len(), lost.len(), extra.len());
    assert!(lost.is_empty() && extra.is_empty(), "lost: {lost:#?}\nextra: {extra:#?}");
}

#[test]
fn the_regression_tests_of_the_rules_pass() {
    let Some(corpus) = shared("corpora/dev/evtx/sigma-regression") else { return };
    let Some(rules) = shared("rules/sigmahq") else { return };
    let output = run(["test", &corpus.to_string_lossy(), &rules.to_string_lossy(), "--format", "jsonl"]).expect_code(&[0]);
    let rows = output.json_lines();
    println!("{} tests", rows.len());
    assert!(rows.len() >= 100, "an EVTX and a JSON twin each: {}", rows.len());
}
