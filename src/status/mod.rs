//! What of each rule document is answered, and what keeps the others out.
//!
//! A program that hunts with a thousand rules must say which of them it did not ask, or their silence reads as "nothing
//! happened". The status of a document comes from what was said of it while it compiled and, where a store is at hand, of
//! the store ([`crate::hunt::unanswered`]). [`needs`] adds what a rule asks for that no log can give; [`lint()`] warns of
//! detections that speak of fields which their own search does not have, and [`unknown_techniques`] names ids that ATT&CK does
//! not have. Nothing here changes what a rule means.

mod attack;
mod lint;
mod needs;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::compile::{RuleDocument, RuleSet};
use crate::diag::{Diagnostic, Severity, Subject};

pub use attack::unknown_techniques;
pub use lint::lint;
pub use needs::{named_sources, needs};

/// Whether a rule document is answered. Ordered: of several reasons the greatest decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// It compiles, and its silence means that it found nothing.
    Answered,
    /// It asks for a log source, a lookup, a field or a definition that is not there; with it, it would be answered.
    NeedsData,
    /// It uses a part of its language that is not supported.
    Unsupported,
    /// It is wrong: no program that follows its language can answer it.
    Invalid,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Answered, Self::NeedsData, Self::Unsupported, Self::Invalid];

    /// As output has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NeedsData => "needs data",
            Self::Unsupported => "unsupported",
            Self::Invalid => "invalid",
        }
    }
}

/// A rule document with its status.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<'s> {
    /// The document.
    pub document: &'s RuleDocument,
    /// Its status.
    pub status: Status,
    /// Why it is not answered, in the order of the text.
    pub reasons: Vec<Reason<'s>>,
}

/// One reason why a document is not answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason<'s> {
    /// The status that it alone would give.
    pub status: Status,
    /// What was said.
    pub diagnostic: &'s Diagnostic,
}

impl Reason<'_> {
    /// What is in the way.
    pub fn obstacle(&self) -> Obstacle {
        match &self.diagnostic.subject {
            Some(subject) => Obstacle::Named(subject.as_ref().clone()),
            None => Obstacle::Coded(self.diagnostic.code),
        }
    }
}

/// What keeps rules out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Obstacle {
    /// A thing with a name: a command, a lookup, a log source.
    Named(Subject),
    /// Anything else, by the code of its diagnostic.
    Coded(&'static str),
}

/// How many documents an obstacle keeps out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOut {
    /// What is in the way.
    pub obstacle: Obstacle,
    /// Documents that have it among their reasons.
    pub rules: usize,
    /// Those that have no other reason: without it they would be answered, as far as one can see.
    pub alone: usize,
}

/// The status of every document of a set, in the order of the documents.
pub fn verdicts(set: &RuleSet) -> Vec<Verdict<'_>> {
    set.documents
        .iter()
        .zip(set.said())
        .map(|(document, said)| {
            let reason = |diagnostic| Some(Reason { status: effect(diagnostic)?, diagnostic });
            let reasons: Vec<Reason<'_>> = said.into_iter().filter_map(reason).collect();
            let status = reasons.iter().map(|reason| reason.status).max().unwrap_or(Status::Answered);
            Verdict { document, status, reasons }
        })
        .collect()
}

/// How many documents have each status, in the order of [`Status::ALL`].
pub fn counts(verdicts: &[Verdict<'_>]) -> [(Status, usize); 4] {
    Status::ALL.map(|status| (status, verdicts.iter().filter(|verdict| verdict.status == status).count()))
}

/// What keeps documents out, what keeps most of them out first.
pub fn kept_out(verdicts: &[Verdict<'_>]) -> Vec<KeptOut> {
    let mut counts: BTreeMap<Obstacle, (usize, usize)> = BTreeMap::new();
    for verdict in verdicts {
        let obstacles: BTreeSet<Obstacle> = verdict.reasons.iter().map(Reason::obstacle).collect();
        let alone = usize::from(obstacles.len() == 1);
        for obstacle in obstacles {
            let count = counts.entry(obstacle).or_default();
            *count = (count.0 + 1, count.1 + alone);
        }
    }
    let mut out: Vec<KeptOut> = counts.into_iter().map(|(obstacle, (rules, alone))| KeptOut { obstacle, rules, alone }).collect();
    out.sort_by_key(|kept| (Reverse(kept.rules), Reverse(kept.alone)));
    out
}

/// Codes of errors that data would mend.
const NEEDS_DATA: [&str; 3] = ["spl-unknown-macro", "sigma-unresolved-placeholder", "sigma-unknown-logsource"];

/// Codes of errors that are a limit of this program and no fault of the rule.
const LIMITS: [&str; 10] = [
    "spl-depth",
    "spl-size",
    "spl-macro-depth",
    "spl-macro-calls",
    "spl-macro-size",
    "spl-regex-unsupported",
    "sigma-regex-unsupported",
    "sigma-rule-limit",
    "sigma-pipeline-unsupported",
    "yaml-limit",
];

/// The status that a diagnostic alone gives a document; none where it does not keep it from being answered.
pub fn effect(diagnostic: &Diagnostic) -> Option<Status> {
    let code = diagnostic.code;
    // What a store or the taxonomy lacks is a note or a warning. It names a thing only where it silences the whole rule.
    let lacks = NEEDS_DATA.contains(&code) || code.starts_with("spl-needs-") || code.starts_with("rule-needs-");
    // With the lookup it would be answered; a remark about a definition keeps no rule out.
    let lacks = lacks || (code.starts_with("spl-lookup-") && diagnostic.severity == Severity::Error);
    let silent = code.starts_with("store-") && diagnostic.subject.is_some();
    if lacks || silent {
        return Some(Status::NeedsData);
    }
    if diagnostic.severity != Severity::Error {
        return None;
    }
    let unsupported = ["spl-unsupported-", "sigma-unsupported-"].iter().any(|start| code.starts_with(start));
    Some(if unsupported || LIMITS.contains(&code) { Status::Unsupported } else { Status::Invalid })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{CompileOptions, load_texts};
    use crate::diag::SubjectKind;

    fn set(searches: &[&str]) -> RuleSet {
        let texts: Vec<(String, String)> = (1..)
            .zip(searches)
            .map(|(n, search)| {
                (format!("{n}.yml"), format!("name: Own {n}\nid: 1111111{n}-2222-4333-8444-555555555555\nsearch: '{search}'\n"))
            })
            .collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        load_texts(&texts, &CompileOptions::default())
    }

    #[test]
    fn the_worst_reason_decides() {
        let set = set(&["a=1", "a=1 `nobody`", "a=1 `nobody` | contingency a b", "a=1 `nobody` | contingency a b | foobar", "a="]);
        let found: Vec<_> = verdicts(&set).iter().map(|v| (v.document.name.clone(), v.status, v.reasons.len())).collect();
        let expected = [
            ("Own 1", Status::Answered, 0),
            ("Own 2", Status::NeedsData, 1),
            ("Own 3", Status::Unsupported, 2),
            ("Own 4", Status::Invalid, 3),
            ("Own 5", Status::Invalid, 1),
        ];
        assert_eq!(found, expected.map(|(name, status, reasons)| (name.to_owned(), status, reasons)));
    }

    #[test]
    fn obstacles_are_counted_once_a_rule_and_alone() {
        let set = set(&["a=1 | tags | tags", "a=1 | tags | iplocation x", "a=1 | iplocation x", "a=1 term=", "a=1"]);
        let verdicts = verdicts(&set);
        let command = |name: &str| Obstacle::Named(Subject::new(SubjectKind::Command, name));
        let found: Vec<_> = kept_out(&verdicts).into_iter().map(|k| (k.obstacle, k.rules, k.alone)).collect();
        assert_eq!(found, [(command("iplocation"), 2, 1), (command("tags"), 2, 1), (Obstacle::Coded("spl-syntax"), 1, 1)]);
        assert_eq!(counts(&verdicts).map(|(_, count)| count), [1, 0, 3, 1]);
    }

    #[test]
    fn documents_of_one_file_have_a_status_of_their_own() {
        let rule = |title: &str, item: &str| {
            format!("title: {title}\nlogsource: {{product: windows, service: security}}\ndetection: {{s: {{{item}}}, condition: s}}\n")
        };
        let text = format!("{}---\n{}---\naction: global\nlevel: low\n", rule("A", "EventID: 1"), rule("B", "EventID|contain: 1"));
        let set = load_texts(&[("both.yml", &text)], &CompileOptions::default());
        let found: Vec<_> = verdicts(&set).iter().map(|v| (v.document.name.clone(), v.status)).collect();
        assert_eq!(found, [("A".to_owned(), Status::Answered), ("B".to_owned(), Status::Invalid)]);
    }
}
