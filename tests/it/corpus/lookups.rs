//! The lookups of Splunk's own collection: every definition is read, and those that detections ask for in vain are known.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use retrohunt::compile::{CompileOptions, load_rules};
use retrohunt::diag::SubjectKind;
use retrohunt::status::verdicts;

use crate::support::golden;
use crate::support::shared::shared;

/// Which lookups keep how many detections out, and why; of those how many are not deprecated.
#[test]
fn lookups_that_are_missing_or_empty_are_known_by_name() {
    let Some(detections) = shared("rules/escu/detections") else { return };
    let set = load_rules(&[detections], &CompileOptions::default());
    let definitions: Vec<_> = set.diagnostics.iter().filter(|d| d.code == "spl-lookup-definition").collect();
    assert!(definitions.is_empty(), "every definition is read: {definitions:?}");
    let mut counts: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    let mut totals: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for verdict in verdicts(&set) {
        let is_active = usize::from(!verdict.document.source.path.contains("deprecated"));
        let of =
            |diagnostic: &&retrohunt::Diagnostic| diagnostic.code.starts_with("spl-lookup-") || diagnostic.code == "spl-unsupported-lookup";
        let mut codes: Vec<&str> = Vec::new();
        for diagnostic in verdict.reasons.iter().map(|reason| reason.diagnostic).filter(of) {
            let subject = diagnostic.subject.as_ref().expect("a lookup has a name");
            assert_eq!(subject.kind, SubjectKind::Lookup);
            let count = counts.entry((diagnostic.code, subject.name.as_str())).or_default();
            *count = (count.0 + 1, count.1 + is_active);
            codes.push(diagnostic.code);
        }
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            let total = totals.entry(code).or_default();
            *total = (total.0 + 1, total.1 + is_active);
        }
    }
    let mut text = String::from("# code\tlookup\tdetections\tactive\n");
    for (code, (all, active)) in totals {
        writeln!(text, "{code}\t*\t{all}\t{active}").expect("a string takes all text");
    }
    for ((code, name), (all, active)) in counts {
        writeln!(text, "{code}\t{name}\t{all}\t{active}").expect("a string takes all text");
    }
    golden::compare("escu_lookups.tsv", &text);
}
