//! The public Sigma rules with placeholders: refused without values, compiled with them.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use retrohunt::compile::{CompileOptions, load_changes, load_rules};
use retrohunt::diag::Severity;

use crate::support::binary::TestStore;
use crate::support::shared::shared;

/// Rules of the public set, and those of them that use `expand`.
const RULES: usize = 3_780;
const WITH_PLACEHOLDERS: usize = 25;

#[test]
fn rules_with_placeholders_need_values_and_all_others_do_not() {
    let Some(rules) = shared("rules/sigmahq") else { return };
    let name = Regex::new(r"%([\w-]+)%").unwrap();
    let key = Regex::new(r"(?m)^[^#\n]*\|expand\b[^:]*:").unwrap();
    let (mut names, mut files) = (BTreeSet::new(), BTreeSet::new());
    for entry in walkdir::WalkDir::new(&rules).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        if entry.path().extension().is_some_and(|e| e == "yml") && key.is_match(&text) {
            names.extend(name.captures_iter(&text).map(|found| found[1].to_owned()));
            files.insert(entry.path().to_string_lossy().into_owned());
        }
    }
    assert_eq!(files.len(), WITH_PLACEHOLDERS);

    let without = load_rules(std::slice::from_ref(&rules), &CompileOptions::default());
    let errors: Vec<_> = without.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.iter().all(|error| error.code == "sigma-unresolved-placeholder"), "{errors:#?}");
    let refused: BTreeSet<String> = errors.iter().filter_map(|error| error.source.as_ref()).map(|source| source.path.clone()).collect();
    assert_eq!((refused, without.rules.len()), (files, RULES - WITH_PLACEHOLDERS));

    let folder = TestStore::new();
    let values: String = names.iter().map(|name| format!("'%{name}%': [{name}-1, '{name}-2*']\n")).collect();
    let values = folder.file("values.yml", values);
    let (options, diagnostics) = load_changes(&[], Some(&values)).expect("the file is there");
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let with = load_rules(&[rules], &options);
    assert!(!with.has_errors(), "{:#?}", with.diagnostics);
    assert_eq!((with.rules.len(), with.documents.len()), (RULES, RULES));
    println!("{} placeholders in {WITH_PLACEHOLDERS} of {RULES} rules", names.len());
}
