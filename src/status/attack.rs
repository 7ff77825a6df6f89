//! Technique ids that ATT&CK does not have.

use crate::diag::{Diagnostic, Severity, SourceText};
use crate::ir::{RuleMeta, RuleOrigin};
use crate::taxonomy::AttackMatrix;

/// How an id of the matrix for industrial control systems begins: `T0800`.
const INDUSTRIAL: &str = "T0";

/// Notes of the techniques that the built-in matrix does not know, today or in an older version: no name and no tactic is told of them.
pub fn unknown_techniques(meta: &RuleMeta, origin: &RuleOrigin, matrix: &AttackMatrix) -> Vec<Diagnostic> {
    let unknown = meta.techniques.iter().filter(|id| !matrix.knows(id) && !id.starts_with(INDUSTRIAL));
    let note = |id: &String| {
        let message = format!("`{id}` is not a technique of ATT&CK's enterprise matrix, version {}", matrix.version());
        let at = place(&origin.source, id).unwrap_or_else(|| origin.id.clone());
        Diagnostic::new(Severity::Note, "rule-unknown-technique", message).at(&origin.source, at)
    };
    unknown.map(note).collect()
}

/// Where a text has an id, in any case.
fn place(source: &SourceText, id: &str) -> Option<std::ops::Range<usize>> {
    let at = source.text.as_bytes().windows(id.len()).position(|window| window.eq_ignore_ascii_case(id.as_bytes()))?;
    Some(at..at + id.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{CompileOptions, load_text};

    #[test]
    fn an_id_that_nobody_has_is_noted_at_its_place() {
        let rule = "title: Own\nid: 11111111-2222-4333-8444-555555555555\ntags: [attack.t9999, attack.t1059, attack.t1562.001, attack.t0800]\nlogsource: {product: windows}\ndetection: {s: {EventID: 1}, condition: s}\n";
        let set = load_text("own.yml", rule, &CompileOptions::default());
        let notes = unknown_techniques(&set.rules[0].meta, &set.rules[0].origin, AttackMatrix::embedded());
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].message.starts_with("`T9999` is not"), "{notes:?}");
        assert_eq!(notes[0].line_column(), Some((3, 15)));
    }
}
