//! Exports of Splunk: the event's own text in `_raw`, as JSON or CSV, with what the search says beside it.

use serde_json::json;

use super::classic::{CLASSIC, text};
use super::event::WindowsEvent;
use super::xml::{self, element};
use super::{Encoding, csv, json_lines};

pub(crate) const ENCODINGS: &[Encoding] = &[
    Encoding {
        name: "Splunk JSON of XML",
        write: |events| json_export(events, &|e| element(e, '\'')),
        time_unit_us: 1_000,
        adds: xml_export,
        ..xml::XML
    },
    Encoding {
        name: "Splunk CSV of XML",
        write: |events| csv_export(events, &|e| element(e, '\'')),
        time_unit_us: 1_000,
        adds: xml_export,
        ..xml::XML
    },
    Encoding {
        name: "Splunk JSON of classic text",
        write: |events| json_export(events, &text),
        time_unit_us: 1_000,
        adds: classic,
        ..CLASSIC
    },
    Encoding {
        name: "Splunk CSV of classic text",
        write: |events| csv_export(events, &text),
        time_unit_us: 1_000,
        adds: classic,
        ..CLASSIC
    },
];

/// What stands beside the text and counts.
fn beside(sourcetype: &str, event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let source = format!("{sourcetype}:{}", event.kind.channel);
    vec![("host", event.host.clone()), ("source", source), ("sourcetype", sourcetype.to_owned()), ("index", "wineventlog".to_owned())]
}

fn xml_export(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let time = event.time("%Y-%m-%dT%H:%M:%S.%6f000Z");
    [beside("XmlWinEventLog", event), vec![("SystemTime", time)]].concat()
}

fn classic(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let time = vec![("Time", event.time("%m/%d/%Y %I:%M:%S %p"))];
    [(CLASSIC.adds)(event), beside("WinEventLog", event), time].concat()
}

fn sourcetype(raw: &str) -> &'static str {
    if raw.starts_with('<') { "XmlWinEventLog" } else { "WinEventLog" }
}

fn json_export(events: &[WindowsEvent], raw: &dyn Fn(&WindowsEvent) -> String) -> Vec<u8> {
    let result = |(offset, event): (usize, &WindowsEvent)| {
        let raw = raw(event);
        let mut result =
            json!({"_raw": raw, "_time": event.time("%Y-%m-%d %H:%M:%S.%3f UTC"), "linecount": "3", "user": "what the search extracted"});
        for (name, value) in beside(sourcetype(&raw), event) {
            result[name] = json!(value);
        }
        json!({"preview": false, "offset": offset, "result": result})
    };
    json_lines(events.iter().enumerate().map(result))
}

fn csv_export(events: &[WindowsEvent], raw: &dyn Fn(&WindowsEvent) -> String) -> Vec<u8> {
    let header = ["_raw", "_time", "host", "source", "sourcetype", "index", "linecount", "EventCode"];
    let row = |event: &WindowsEvent| {
        let raw = raw(event);
        let beside = beside(sourcetype(&raw), event).into_iter().map(|(_, value)| value);
        let end = ["3".to_owned(), event.kind.code.to_string()];
        [raw.clone(), event.time("%Y-%m-%dT%H:%M:%S.%3f+0000")].into_iter().chain(beside).chain(end).collect()
    };
    csv(&header, events.iter().map(row), "\n").into_bytes()
}
