//! Timesketch: an event behind a finding a line, flat, as its importer reads it.
//!
//! The importer asks for `message`, `datetime` (ISO 8601) and `timestamp_desc`, takes `timestamp` in microseconds, and makes labels of the
//! list `tag`. Event rows of Windows have the names that Plaso gives to them, so that Timesketch's own analysers find them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{EventFacts, joined, triage};
use crate::store::FindingRow;

/// The fields, in the order of the CSV.
pub const TIMESKETCH_FIELDS: [&str; 21] = [
    "message",
    "datetime",
    "timestamp",
    "timestamp_desc",
    "tag",
    "data_type",
    "event_identifier",
    "source_name",
    "computer_name",
    "channel",
    "record_number",
    "display_name",
    "username",
    "severity",
    "rule_title",
    "rule_id",
    "details",
    "triage",
    "triage_note",
    "finding_id",
    "event_id",
];

/// What Plaso calls an event of a Windows event log.
const WINDOWS_EVENT: &str = "windows:evtx:record";
/// An event of another log.
const OTHER_EVENT: &str = "retrohunt:event";
/// A finding that no event is told of.
const FINDING: &str = "retrohunt:finding";

/// Returns an event behind a finding, or a finding without events; `None` where it has no time, without which Timesketch takes nothing.
pub fn timesketch(finding: &FindingRow, event: Option<&EventFacts>) -> Option<Map<String, Value>> {
    let time_us = event.map_or(finding.first_time_us, |event| event.time_us)?;
    let time = Timestamp::from_microsecond(time_us).ok()?;
    let (status, note) = triage(finding);
    let (data_type, details) = match event {
        Some(event) if event.product == "windows" => (WINDOWS_EVENT, event.details.as_str()),
        Some(event) => (OTHER_EVENT, event.details.as_str()),
        None => (FINDING, finding.details.as_str()),
    };
    let nothing = EventFacts { host: joined(&finding.hosts), ..EventFacts::default() };
    let of = event.unwrap_or(&nothing);
    let numbered = |text: &str| text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number));
    let values = [
        json!(if details.is_empty() { finding.rule_title.clone() } else { format!("{}: {details}", finding.rule_title) }),
        json!(time.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()),
        json!(time_us),
        json!(if event.is_some() { "Event Logged" } else { "First Event of Finding" }),
        json!(tags(finding, status)),
        json!(data_type),
        numbered(&of.code),
        json!(of.provider),
        json!(of.host),
        json!(of.channel),
        event.map_or(Value::Null, |event| json!(event.record)),
        json!(of.path),
        json!(joined(&finding.users)),
        json!(finding.severity),
        json!(finding.rule_title),
        json!(finding.rule_id),
        json!(details),
        json!(status),
        json!(note),
        json!(finding.finding_id),
        event.map_or(Value::Null, |event| json!(event.id)),
    ];
    // What is empty is not there: the importer makes a field of everything that it is given.
    let said = |value: &Value| !value.is_null() && value.as_str() != Some("");
    Some(TIMESKETCH_FIELDS.iter().map(|field| (*field).to_owned()).zip(values).filter(|(_, value)| said(value)).collect())
}

/// The same as cells of CSV; the importer reads a list in brackets.
pub fn timesketch_row(row: &Map<String, Value>) -> Vec<String> {
    let cell = |field: &&str| match row.get(*field) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    TIMESKETCH_FIELDS.iter().map(cell).collect()
}

/// Labels: severity, techniques, tactics, and what people said.
fn tags(finding: &FindingRow, status: &str) -> Vec<String> {
    let severity = Some(finding.severity.clone()).filter(|severity| !severity.is_empty());
    severity
        .into_iter()
        .chain(finding.techniques.iter().cloned())
        .chain(finding.tactics.iter().cloned())
        .chain([status.to_owned()])
        .collect()
}
