//! Events inside of what another tool sends: Wazuh's archives, GELF, Splunk's HTTP event collector.

use serde_json::{Value, json};

use super::classic::{self, CLASSIC};
use super::event::WindowsEvent;
use super::xml::{self, element};
use super::{Encoding, filled, json_lines, whole};

pub(crate) const ENCODINGS: &[Encoding] = &[
    Encoding {
        name: "Wazuh",
        write: |events| json_lines(events.iter().map(wazuh)),
        system: &[
            "<record>",
            "Provider_Name",
            "Provider_Guid",
            "Version",
            "Level",
            "Task",
            "Opcode",
            "Keywords",
            "Execution_ProcessID",
            "Execution_ThreadID",
        ],
        time_unit_us: 1,
        value: filled,
        adds: |_| vec![("timestamp", "2026-01-01T00:00:00.000+0000".to_owned()), ("agent.name", "ws07".to_owned())],
    },
    Encoding {
        name: "GELF",
        write: |events| json_lines(events.iter().map(gelf)),
        system: &["<record>", "Provider_Name", "Keywords"],
        time_unit_us: 1_000,
        value: whole,
        adds: |_| vec![("<message>", "what happened".to_owned()), ("version", "1.1".to_owned())],
    },
    Encoding {
        name: "Splunk HEC of XML",
        write: |events| json_lines(events.iter().map(|e| sent(e, element(e, '\'')))),
        time_unit_us: 1_000,
        adds: |event| [vec![("SystemTime", event.time("%Y-%m-%dT%H:%M:%S.%6f000Z"))], around(event)].concat(),
        ..xml::XML
    },
    Encoding {
        name: "Splunk HEC of classic text",
        write: |events| json_lines(events.iter().map(|e| sent(e, classic::text(e)))),
        time_unit_us: 1_000,
        adds: |event| [(CLASSIC.adds)(event), vec![("Time", event.time("%m/%d/%Y %I:%M:%S %p"))], around(event)].concat(),
        ..CLASSIC
    },
];

/// Names begin with a small letter, backslashes are doubled, and what is empty is left out.
fn wazuh(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let mut data = json!({});
    for (name, value) in event.data.iter().filter(|(_, value)| !value.is_empty()) {
        data[name[..1].to_ascii_lowercase() + &name[1..]] = json!(value.replace('\\', "\\\\"));
    }
    json!({
        "timestamp": "2026-01-01T00:00:00.000+0000", "agent": {"name": "ws07"},
        "data": {"win": {
            "system": {
                "providerName": kind.provider, "providerGuid": format!("{{{}}}", kind.guid), "eventID": kind.code.to_string(),
                "version": kind.version.to_string(), "level": kind.level.to_string(), "task": kind.task.to_string(),
                "opcode": kind.opcode.to_string(), "keywords": format!("{:#x}", kind.keywords),
                "systemTime": event.time("%Y-%m-%dT%H:%M:%S.%6f0Z"), "eventRecordID": event.record.to_string(),
                "processID": event.process.to_string(), "threadID": event.thread.to_string(), "channel": kind.channel,
                "computer": event.host,
            },
            "eventdata": data,
        }},
    })
}

fn gelf(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let time = format!("{}.{:03}", event.time_us.div_euclid(1_000_000), event.time_us.rem_euclid(1_000_000) / 1_000);
    let mut document = json!({
        "version": "1.1", "host": event.host, "short_message": "what happened", "timestamp": time.parse::<f64>().expect("a number"),
        "_Channel": kind.channel, "_EventID": kind.code, "_SourceName": kind.provider, "_RecordNumber": event.record,
        "_Keywords": kind.keywords.cast_signed(),
    });
    for (name, value) in &event.data {
        document[format!("_{name}")] = json!(value);
    }
    document
}

fn sent(event: &WindowsEvent, text: String) -> Value {
    let time = format!("{}.{:03}", event.time_us.div_euclid(1_000_000), event.time_us.rem_euclid(1_000_000) / 1_000);
    json!({"time": time, "host": event.host, "source": "WinEventLog:any", "sourcetype": "any", "event": text})
}

fn around(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let text = |text: &str| text.to_owned();
    vec![("host", event.host.clone()), ("source", text("WinEventLog:any")), ("sourcetype", text("any"))]
}
