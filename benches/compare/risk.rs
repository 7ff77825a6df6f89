//! The store's findings as rows of `Risk.All_Risk`: one for each object at risk, under the names of Splunk's data model, as the rules R
//! of docs/spl.md say.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use retrohunt::store::{FindingRow, HuntId};
use serde_json::Value as Json;

use super::evaluate::stages::ID;
use super::evaluate::text::{number, seconds};
use super::evaluate::{Row, Value};

/// Detections of this kind read risk and make none.
const CORRELATION: &str = "Correlation";

/// Makes the rows of the findings that a hunt with these rules reads, newest first (rule R1): its own, and those of earlier hunts whose
/// rules are not among them.
pub(crate) fn rows(current: &[FindingRow], hunt: HuntId, rules: &BTreeSet<&str>) -> Vec<Row> {
    let is_read = |finding: &&FindingRow| finding.hunt_id == hunt || !rules.contains(finding.rule_id.as_str());
    let mut read: Vec<&FindingRow> = current.iter().filter(is_read).filter(|finding| finding.level != CORRELATION).collect();
    read.sort_by_key(|finding| (Reverse(finding.last_time_us), &finding.identity));
    read.into_iter().flat_map(|finding| finding.risk_objects.iter().map(|object| row(finding, object))).collect()
}

fn row(finding: &FindingRow, object: &Json) -> Row {
    let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    let (name, kind) = (text("value"), text("type"));
    let score = object["score"].as_f64().or(finding.risk_score).map_or(Value::Null, Value::Number);
    let ids: Vec<String> = finding.tactics.iter().filter_map(|tactic| tactic_id(tactic)).map(str::to_owned).collect();
    let one = |text: &str| if text.is_empty() { Value::Null } else { Value::Text(text.to_owned()) };
    let time = finding.last_time_us.and_then(|us| number(&seconds(us))).map_or(Value::Null, Value::Number);
    let mut cells = vec![
        ("_time", time),
        ("risk_object", one(&name)),
        ("normalized_risk_object", one(&name)),
        ("risk_object_type", one(&kind)),
        ("risk_score", score.clone()),
        ("calculated_risk_score", score),
        ("risk_message", one(&finding.message)),
        ("source", one(&finding.rule_title)),
        ("search_name", one(&finding.rule_title)),
        ("analyticstories", Value::of_members(&finding.stories)),
        ("annotations.analytic_story", Value::of_members(&finding.stories)),
        ("annotations.mitre_attack", Value::of_members(&finding.techniques)),
        ("annotations.mitre_attack.mitre_technique_id", Value::of_members(&finding.techniques)),
        ("annotations.mitre_attack.mitre_tactic", Value::of_members(&finding.tactics)),
        ("annotations.mitre_attack.mitre_tactic_id", Value::of_members(&ids)),
        #[allow(clippy::cast_precision_loss, reason = "a double holds the numbers of our findings")]
        (ID, Value::Number(finding.finding_id as f64)),
    ];
    match kind.as_str() {
        "user" => cells.push(("user", one(&name))),
        "system" => cells.push(("dest", one(&name))),
        _ => {}
    }
    cells.into_iter().filter(|(_, value)| *value != Value::Null).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// ATT&CK's numbers of its tactics for enterprises.
fn tactic_id(tactic: &str) -> Option<&'static str> {
    const TACTICS: [(&str, &str); 14] = [
        ("initial-access", "TA0001"),
        ("execution", "TA0002"),
        ("persistence", "TA0003"),
        ("privilege-escalation", "TA0004"),
        ("defense-evasion", "TA0005"),
        ("credential-access", "TA0006"),
        ("discovery", "TA0007"),
        ("lateral-movement", "TA0008"),
        ("collection", "TA0009"),
        ("exfiltration", "TA0010"),
        ("command-and-control", "TA0011"),
        ("impact", "TA0040"),
        ("resource-development", "TA0042"),
        ("reconnaissance", "TA0043"),
    ];
    let name = tactic.to_ascii_lowercase().replace([' ', '_'], "-");
    TACTICS.iter().find(|(known, _)| *known == name).map(|(_, id)| *id)
}
