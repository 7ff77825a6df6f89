//! The status of rules as commands show it: counts, what keeps rules out, and a list for programs.

use serde_json::{Map, Value, json};

use super::words::thousands;
use crate::ir::Language;
use crate::report::visible;
use crate::status::{KeptOut, Obstacle, Status, Verdict, counts};

/// So many obstacles fit on a screen of `check`; JSON has all of them.
pub(crate) const OBSTACLES_OF_CHECK: usize = 12;
/// So many stand before the findings of a hunt, which are what its reader waits for.
pub(crate) const OBSTACLES_OF_HUNT: usize = 5;

/// What stands in front of [`obstacles`].
pub(crate) const KEPT_OUT: &str = "What keeps rules out, with the number of rules (in brackets: of those that nothing else keeps out):";

/// `559 answered, 12 need data, 1,138 unsupported, 2 invalid`, for each language that there is; none where all are answered.
pub(crate) fn summary(verdicts: &[Verdict<'_>]) -> Option<String> {
    if verdicts.iter().all(|verdict| verdict.status == Status::Answered) {
        return None;
    }
    let of = |language: Language| {
        let own: Vec<Verdict<'_>> = verdicts.iter().filter(|verdict| verdict.document.language == language).cloned().collect();
        let parts = counts(&own).into_iter().filter(|(_, count)| *count > 0);
        let parts: Vec<String> = parts.map(|(status, count)| format!("{} {}", thousands(count as u64), phrase(status, count))).collect();
        (!own.is_empty()).then(|| (name(language), parts.join(", ")))
    };
    let languages: Vec<(&str, String)> = [Language::Sigma, Language::Splunk].into_iter().filter_map(of).collect();
    Some(match &languages[..] {
        [(_, only)] => only.clone(),
        both => both.iter().map(|(language, text)| format!("{language}: {text}")).collect::<Vec<_>>().join("; "),
    })
}

fn phrase(status: Status, count: usize) -> &'static str {
    match status {
        Status::NeedsData if count == 1 => "needs data",
        Status::NeedsData => "need data",
        other => other.as_str(),
    }
}

fn name(language: Language) -> &'static str {
    match language {
        Language::Sigma => "Sigma",
        Language::Splunk => "Splunk",
    }
}

/// What keeps rules out, a line each, `most` at most: how many rules have it among their reasons, and how many have no other.
pub(crate) fn obstacles(kept_out: &[KeptOut], most: usize) -> String {
    let line = |kept: &KeptOut| {
        let (rules, alone) = (thousands(kept.rules as u64), thousands(kept.alone as u64));
        format!("\n  {rules:>6} {:>9}  {}", format!("({alone})"), obstacle(&kept.obstacle))
    };
    let mut text: String = kept_out.iter().take(most).map(line).collect();
    if kept_out.len() > most {
        text.push_str(&format!("\n  and {} more: `retrohunt check PATH --format json` has all", thousands((kept_out.len() - most) as u64)));
    }
    text
}

fn obstacle(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Named(subject) => format!("{} `{}`", subject.kind.as_str(), visible(&subject.name)),
        Obstacle::Coded(code) => (*code).to_owned(),
    }
}

/// The list of all documents.
pub(crate) fn documents(verdicts: &[Verdict<'_>]) -> Value {
    let list = verdicts.iter().map(|verdict| {
        let reasons: Vec<Value> = verdict
            .reasons
            .iter()
            .map(|reason| {
                let (diagnostic, place) = (reason.diagnostic, reason.diagnostic.line_column());
                json!({
                    "status": reason.status.as_str(),
                    "code": diagnostic.code,
                    "kind": diagnostic.subject.as_ref().map(|subject| subject.kind.as_str()),
                    "feature": diagnostic.subject.as_ref().map(|subject| subject.name.as_str()),
                    "message": diagnostic.message,
                    "line": place.map(|(line, _)| line),
                    "column": place.map(|(_, column)| column),
                })
            })
            .collect();
        let document = verdict.document;
        json!({
            "path": document.source.path,
            "id": document.id,
            "name": document.name,
            "language": name(document.language).to_ascii_lowercase(),
            "status": verdict.status.as_str(),
            "reasons": reasons,
        })
    });
    list.collect()
}

/// How many documents have each status, by its name.
pub(crate) fn statuses(verdicts: &[Verdict<'_>]) -> Value {
    let counts = counts(verdicts).into_iter().map(|(status, count)| (status.as_str().to_owned(), json!(count)));
    Value::Object(counts.collect::<Map<_, _>>())
}

/// What keeps rules out, as a list.
pub(crate) fn kept_out_list(kept_out: &[KeptOut]) -> Value {
    let list = kept_out.iter().map(|kept| {
        let (kind, feature, code) = match &kept.obstacle {
            Obstacle::Named(subject) => (Some(subject.kind.as_str()), Some(subject.name.as_str()), None),
            Obstacle::Coded(code) => (None, None, Some(*code)),
        };
        json!({ "kind": kind, "feature": feature, "code": code, "rules": kept.rules, "alone": kept.alone })
    });
    list.collect()
}
