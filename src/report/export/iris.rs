//! The timeline of a case in DFIR-IRIS: a finding a line, in the ten columns of its CSV import.
//!
//! IRIS refuses a file that names an asset, an indicator or a category which the case does not have. So assets and indicators stay empty,
//! hosts and users are tags, and a category is one that IRIS comes with.

use jiff::Timestamp;

use super::{UTC_OFFSET, triage};
use crate::store::FindingRow;
use crate::taxonomy::AttackMatrix;

/// The columns.
pub const IRIS_FIELDS: [&str; 10] = [
    "event_date",
    "event_tz",
    "event_title",
    "event_category",
    "event_content",
    "event_raw",
    "event_source",
    "event_assets",
    "event_iocs",
    "event_tags",
];

/// The category of what has no other.
const UNSPECIFIED: &str = "Unspecified";
/// Tactics whose category has another name: IRIS has those of older versions.
const OTHER_NAMES: [(&str, &str); 2] = [("stealth", "Defense Evasion"), ("defense-impairment", "Defense Evasion")];
/// Tactics that IRIS has no category for.
const NO_CATEGORY: [&str; 2] = ["reconnaissance", "resource-development"];

/// Between two tags.
const TAG_SEPARATOR: &str = "|";

/// Returns a finding; `None` where it has no time, without which IRIS takes nothing.
pub fn iris_row(finding: &FindingRow) -> Option<Vec<String>> {
    let time = Timestamp::from_microsecond(finding.first_time_us?).ok()?;
    let (status, note) = triage(finding);
    let events = if finding.count == 1 { "1 event".to_owned() } else { format!("{} events", finding.count) };
    let parts = [finding.details.as_str(), finding.rule.description.as_str(), events.as_str(), note];
    let content: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let severity = Some(&finding.severity).filter(|severity| !severity.is_empty());
    let title = severity.map_or_else(|| finding.rule_title.clone(), |severity| format!("[{severity}] {}", finding.rule_title));
    let tags = severity.cloned().into_iter().chain(finding.techniques.iter().cloned());
    let tags = tags.chain(finding.hosts.iter().map(|host| format!("host:{host}")));
    let tags = tags.chain(finding.users.iter().map(|user| format!("user:{user}"))).chain([format!("triage:{status}")]);
    let tags: Vec<String> = tags.map(|tag| one_line(&tag).replace(TAG_SEPARATOR, "/")).collect();
    Some(vec![
        time.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
        UTC_OFFSET.to_owned(),
        one_line(&title),
        category(finding),
        one_line(&content.join(" — ")),
        one_line(&finding.details),
        one_line(&format!("retrohunt, rule {}, finding {}", finding.rule_id, finding.finding_id)),
        String::new(),
        String::new(),
        tags.join(TAG_SEPARATOR),
    ])
}

/// Line breaks become blanks: a description is prose.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The category of the first tactic that has one.
fn category(finding: &FindingRow) -> String {
    let matrix = AttackMatrix::embedded();
    let of_technique = finding.techniques.iter().filter_map(|id| matrix.technique(matrix.current(id))).flat_map(|of| &of.tactics);
    let tactics = finding.tactics.iter().chain(of_technique).filter_map(|short| matrix.tactic(short));
    let mut known = tactics.filter(|tactic| !NO_CATEGORY.contains(&tactic.short.as_str()));
    let Some(tactic) = known.next() else { return UNSPECIFIED.to_owned() };
    let other = OTHER_NAMES.iter().find(|(short, _)| *short == tactic.short).map(|(_, name)| (*name).to_owned());
    other.unwrap_or_else(|| tactic.name.clone())
}
