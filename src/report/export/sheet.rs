//! A timeline for Timeline Explorer and spreadsheets: an event behind a finding a line, and each line one line of the file.

use jiff::Timestamp;

use super::{EventFacts, joined, triage};
use crate::store::FindingRow;

/// The columns.
pub const SHEET_FIELDS: [&str; 18] = [
    "Time (UTC)",
    "Severity",
    "Rule",
    "Host",
    "User",
    "Details",
    "Channel",
    "Event ID",
    "Record",
    "Techniques",
    "Tactics",
    "Triage",
    "Triage note",
    "File",
    "Rule ID",
    "Rule path",
    "Finding",
    "Event",
];

/// Returns an event behind a finding, or a finding without events.
pub fn sheet_row(finding: &FindingRow, event: Option<&EventFacts>) -> Vec<String> {
    let (status, note) = triage(finding);
    let of = |text: fn(&EventFacts) -> String| event.map(text).unwrap_or_default();
    vec![
        event.map_or(finding.first_time_us, |event| event.time_us).map(milliseconds).unwrap_or_default(),
        finding.severity.clone(),
        finding.rule_title.clone(),
        event.map_or_else(|| joined(&finding.hosts), |event| event.host.clone()),
        joined(&finding.users),
        event.map_or_else(|| finding.details.clone(), |event| event.details.clone()),
        of(|event| event.channel.clone()),
        of(|event| event.code.clone()),
        of(|event| event.record.to_string()),
        joined(&finding.techniques),
        joined(&finding.tactics),
        status.to_owned(),
        note.to_owned(),
        of(|event| event.path.clone()),
        finding.rule_id.clone(),
        finding.rule_path.clone(),
        finding.finding_id.to_string(),
        of(|event| event.id.to_string()),
    ]
}

/// `2024-01-31 12:00:00.123`, which Timeline Explorer takes for a time.
fn milliseconds(time_us: i64) -> String {
    Timestamp::from_microsecond(time_us).map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()).unwrap_or_default()
}
