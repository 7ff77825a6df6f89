//! OCSF: a finding as a Detection Finding (class 2004) with the profile `incident`, which has the verdict.
//!
//! Attributes and numbers are of OCSF 1.3, and later versions have them too. Times are milliseconds since 1970.

use serde_json::{Map, Value, json};

use super::{NEW, triage};
use crate::ir::Level;
use crate::store::FindingRow;
use crate::taxonomy::AttackMatrix;

const VERSION: &str = "1.3.0";
const CATEGORY_FINDINGS: u32 = 2;
const CLASS_DETECTION_FINDING: u32 = 2004;
const ACTIVITY_CREATE: u32 = 1;
const ACTIVITY_CLOSE: u32 = 3;
const ANALYTIC_RULE: u32 = 1;

/// What a status says, in words that people use: (word, verdict, its caption, status, its caption).
// The first word that is part of the status decides, so `not a false positive` is one; the note says the rest.
const VERDICTS: [(&[&str], u32, &str, u32, &str); 9] = [
    (&["false positive", "false-positive", "false_positive", "fp"], 1, "False Positive", 3, "Suppressed"),
    (&["true positive", "true-positive", "true_positive", "tp", "confirmed", "malicious"], 2, "True Positive", 4, "Resolved"),
    (&["benign", "legitimate", "expected"], 5, "Benign", 3, "Suppressed"),
    (&["test", "exercise"], 6, "Test", 3, "Suppressed"),
    (&["duplicate"], 10, "Duplicate", 3, "Suppressed"),
    (&["ignore", "disregard", "suppress"], 3, "Disregard", 3, "Suppressed"),
    (&["suspicious"], 4, "Suspicious", 2, "In Progress"),
    (&["open", "progress", "review", "investigat"], 0, "Unknown", 2, "In Progress"),
    (&["closed", "done", "resolved"], 0, "Unknown", 4, "Resolved"),
];

/// Returns a finding as a Detection Finding. `hunted_us`: when the hunt ran, for findings whose events have no time.
pub fn ocsf(finding: &FindingRow, hunted_us: i64) -> Value {
    let milliseconds = |us: i64| us.div_euclid(1000);
    let (severity_id, severity) = severity(&finding.severity);
    let (status_text, note) = triage(finding);
    let (verdict_id, verdict, status_id, status) = match verdict(status_text) {
        Some(said) => said,
        None if status_text.is_empty() || status_text.eq_ignore_ascii_case(NEW) => (0, "Unknown", 1, "New"),
        // OCSF's own rule for a word that has no number: 99, and the word itself as the caption.
        None => (0, "Unknown", 99, status_text),
    };
    // Closed is what nobody has to look at any more.
    let (activity_id, activity) = if matches!(status_id, 3 | 4) { (ACTIVITY_CLOSE, "Close") } else { (ACTIVITY_CREATE, "Create") };
    let mut out = json!({
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": CATEGORY_FINDINGS,
        "category_name": "Findings",
        "class_uid": CLASS_DETECTION_FINDING,
        "class_name": "Detection Finding",
        "type_uid": CLASS_DETECTION_FINDING * 100 + activity_id,
        "type_name": format!("Detection Finding: {activity}"),
        "severity_id": severity_id,
        "severity": severity,
        "time": milliseconds(finding.last_time_us.unwrap_or(hunted_us)),
        "count": finding.count,
        "message": finding.message,
        "status_id": status_id,
        "status": status,
        "verdict_id": verdict_id,
        "verdict": verdict,
        "metadata": {
            "version": VERSION,
            "profiles": ["incident"],
            "product": { "name": "retrohunt", "vendor_name": "retrohunt", "version": env!("CARGO_PKG_VERSION") },
        },
        "finding_info": info(finding),
        "resources": resources(finding),
        "observables": observables(finding),
        "unmapped": { "finding_id": finding.finding_id, "details": finding.details, "triage": status_text, "rule_path": finding.rule_path,
            "references": finding.rule.references, "false_positives": finding.rule.false_positives },
    });
    // OCSF has whole numbers here.
    let whole = |score: Option<f64>| score.and_then(|score| format!("{score:.0}").parse::<i64>().ok()).map(|score| json!(score));
    if let Some(object) = out.as_object_mut() {
        optional(object, "start_time", finding.first_time_us.map(|us| json!(milliseconds(us))));
        optional(object, "end_time", finding.last_time_us.map(|us| json!(milliseconds(us))));
        optional(object, "risk_score", whole(finding.risk_score));
        optional(object, "confidence_score", whole(finding.confidence));
        optional(object, "impact_score", whole(finding.impact));
        optional(object, "comment", Some(note).filter(|note| !note.is_empty()).map(|note| json!(note)));
    }
    out
}

fn optional(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

fn severity(name: &str) -> (u32, &'static str) {
    match Level::parse(name) {
        Some(Level::Informational) => (1, "Informational"),
        Some(Level::Low) => (2, "Low"),
        Some(Level::Medium) => (3, "Medium"),
        Some(Level::High) => (4, "High"),
        Some(Level::Critical) => (5, "Critical"),
        None => (0, "Unknown"),
    }
}

/// The verdict and the status of a finding that people said something of.
fn verdict(status: &str) -> Option<(u32, &'static str, u32, &'static str)> {
    let status = status.to_lowercase();
    let words: Vec<&str> = status.split(|c: char| !c.is_alphanumeric()).collect();
    // Two letters are a word of their own or nothing: `tp` is not in `http`.
    let has = |word: &str| if word.len() <= 2 { words.contains(&word) } else { status.contains(word) };
    let found = VERDICTS.iter().find(|(names, ..)| names.iter().any(|name| has(name)));
    found.map(|(_, verdict_id, verdict, status_id, status)| (*verdict_id, *verdict, *status_id, *status))
}

fn info(finding: &FindingRow) -> Value {
    let matrix = AttackMatrix::embedded();
    let attacks: Vec<Value> = finding
        .techniques
        .iter()
        .map(|id| {
            let id = matrix.current(id);
            let tactics = matrix.technique(id).map(|technique| technique.tactics.as_slice()).unwrap_or_default();
            let tactics = tactics.iter().filter_map(|short| matrix.tactic(short));
            let tactics: Vec<Value> = tactics.map(|tactic| json!({ "uid": tactic.id, "name": tactic.name })).collect();
            let (parent, sub) = id.split_once('.').map_or((id, None), |(parent, _)| (parent, Some(id)));
            let named = |id: &str| json!({ "uid": id, "name": matrix.technique(id).map(|of| of.name.as_str()).unwrap_or(id) });
            let mut attack = json!({ "version": matrix.version(), "technique": named(parent), "tactics": tactics });
            if let (Some(sub), Some(object)) = (sub, attack.as_object_mut()) {
                object.insert("sub_technique".to_owned(), named(sub));
            }
            attack
        })
        .collect();
    let mut info = json!({
        "uid": finding.identity,
        "title": finding.rule_title,
        "analytic": { "type_id": ANALYTIC_RULE, "type": "Rule", "uid": finding.rule_id, "name": finding.rule_title },
        "attacks": attacks,
        "types": ["retrohunt"],
    });
    if let Some(object) = info.as_object_mut() {
        let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(|text| json!(text));
        optional(object, "desc", text(&finding.rule.description));
        optional(object, "first_seen_time", finding.first_time_us.map(|us| json!(us.div_euclid(1000))));
        optional(object, "last_seen_time", finding.last_time_us.map(|us| json!(us.div_euclid(1000))));
    }
    info
}

fn resources(finding: &FindingRow) -> Vec<Value> {
    let of = |kind: &'static str| move |name: &String| json!({ "name": name, "type": kind });
    finding.hosts.iter().map(of("host")).chain(finding.users.iter().map(of("user"))).collect()
}

/// OCSF's numbers for kinds of observables: 1 is a host name, 4 a user name.
fn observables(finding: &FindingRow) -> Vec<Value> {
    let of = |type_id: u32, kind: &'static str| move |value: &String| json!({ "name": "resources[].name", "type_id": type_id, "type": kind, "value": value });
    finding.hosts.iter().map(of(1, "Hostname")).chain(finding.users.iter().map(of(4, "User Name"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_say_is_a_verdict() {
        let of = |status: &str| verdict(status).map(|(verdict, _, status, _)| (verdict, status));
        assert_eq!([of("new"), of("http")], [None, None]);
        assert_eq!(
            [of("False Positive"), of("fp"), of("true-positive"), of("benign")],
            [Some((1, 3)), Some((1, 3)), Some((2, 4)), Some((5, 3))]
        );
        assert_eq!([of("closed"), of("in progress")], [Some((0, 4)), Some((0, 2))]);
    }
}
