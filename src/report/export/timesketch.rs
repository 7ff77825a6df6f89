//! Timesketch: an event behind a finding a line, flat, as its importer reads it.
//!
//! The importer asks for `message`, `datetime` (ISO 8601) and `timestamp_desc`, takes `timestamp` in microseconds, and makes labels of the
//! list `tag`. Event rows of Windows have the names that Plaso gives to them, so that Timesketch's own analysers find them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{EventFacts, joined, triage};
use crate::ir::Level;
use crate::store::FindingRow;

/// The fields, in the order of the CSV.
pub const TIMESKETCH_FIELDS: [&str; 22] = [
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
    "finding_ids",
    "event_id",
];

/// What Plaso calls an event of a Windows event log.
const WINDOWS_EVENT: &str = "windows:evtx:record";
/// An event of another log.
const OTHER_EVENT: &str = "retrohunt:event";
/// A finding that no event is told of.
const FINDING: &str = "retrohunt:finding";

/// Returns an event and the findings about it, of which there may be none, or a finding without events; `None` where there is no time,
/// without which Timesketch takes nothing.
pub fn timesketch(findings: &[&FindingRow], event: Option<&EventFacts>) -> Option<Map<String, Value>> {
    let first = findings.first();
    let time_us = event.map_or(first.and_then(|finding| finding.first_time_us), |event| event.time_us)?;
    let time = Timestamp::from_microsecond(time_us).ok()?;
    let nothing = EventFacts { host: first.map_or_else(String::new, |finding| joined(&finding.hosts)), ..EventFacts::default() };
    let of = event.unwrap_or(&nothing);
    let (data_type, details) = match event {
        Some(event) if event.product == "windows" => (WINDOWS_EVENT, event.details.as_str()),
        Some(event) => (OTHER_EVENT, event.details.as_str()),
        None => (FINDING, first.map_or("", |finding| finding.details.as_str())),
    };
    let all = |text: fn(&FindingRow) -> Vec<String>| different(findings.iter().flat_map(|finding| text(finding)));
    // One level, as in every listing: a filter for `low` must not find what is high.
    let severity = findings.iter().filter_map(|finding| Level::parse(&finding.severity)).max();
    let titles = joined(&all(|finding| vec![finding.rule_title.clone()]));
    let values = [
        json!(message(&titles, details, of)),
        json!(time.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()),
        json!(time_us),
        json!(if event.is_some() { "Event Logged" } else { "First Event of Finding" }),
        json!(different(
            severity.map(|level| level.as_str().to_owned()).into_iter().chain(findings.iter().flat_map(|finding| tags(finding)))
        )),
        json!(data_type),
        of.code.parse::<i64>().map_or_else(|_| json!(of.code), |number| json!(number)),
        json!(of.provider),
        json!(of.host),
        json!(of.channel),
        event.map_or(Value::Null, |event| json!(event.record)),
        json!(of.path),
        json!(joined(&all(|finding| finding.users.clone()))),
        json!(severity.map(Level::as_str)),
        json!(titles),
        json!(joined(&all(|finding| vec![finding.rule_id.clone()]))),
        json!(details),
        json!(joined(&all(|finding| vec![triage(finding).0.to_owned()]))),
        json!(joined(&all(|finding| vec![triage(finding).1.to_owned()]))),
        json!(first.map(|finding| finding.finding_id)),
        // A number and a text cannot have one name: the index keeps the type that it sees first.
        json!(if findings.len() > 1 { joined(&all(|finding| vec![finding.finding_id.to_string()])) } else { String::new() }),
        event.map_or(Value::Null, |event| json!(event.id)),
    ];
    // What is empty is not there: the importer makes a field of everything that it is given.
    let said = |value: &Value| !value.is_null() && value.as_str() != Some("");
    Some(TIMESKETCH_FIELDS.iter().map(|field| (*field).to_owned()).zip(values).filter(|(_, value)| said(value)).collect())
}

/// The first thing that an analyst reads: never empty, because the importer drops such rows.
fn message(titles: &str, details: &str, event: &EventFacts) -> String {
    match (titles.is_empty(), details.is_empty()) {
        (false, false) => format!("{titles}: {details}"),
        (false, true) => titles.to_owned(),
        (true, false) => details.to_owned(),
        (true, true) => format!("{} {}", event.channel, event.code).trim().to_owned(),
    }
}

/// Each text once, in the order in which they come, without empty ones.
fn different(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
        if !out.contains(&text) {
            out.push(text);
        }
    }
    out
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

/// Labels of a finding: techniques, tactics, and what people said.
fn tags(finding: &FindingRow) -> impl Iterator<Item = String> {
    let labels = finding.techniques.iter().chain(&finding.tactics);
    labels.cloned().chain([triage(finding).0.to_owned()])
}
