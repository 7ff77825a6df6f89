//! Exports whose data is in the rendered message alone: PowerShell's, Event Viewer's table, Fluent Bit.

use serde_json::{Value, json};

use super::classic::{message, value};
use super::event::WindowsEvent;
use super::{Encoding, csv, json_lines};

pub(crate) const ENCODINGS: &[Encoding] = &[
    Encoding {
        name: "Get-WinEvent, ConvertTo-Json",
        write: |events| serde_json::to_vec_pretty(&events.iter().map(record).collect::<Vec<_>>()).expect("it is JSON"),
        system: super::WHOLE_SYSTEM,
        time_unit_us: 1_000,
        value,
        adds: displayed,
    },
    Encoding {
        name: "Get-WinEvent, times as objects",
        write: |events| {
            json_lines(events.iter().map(|event| {
                let mut record = record(event);
                record["TimeCreated"] = json!({"value": record["TimeCreated"], "DateTime": event.time("%A, %B %-d, %Y %-I:%M:%S %p")});
                record
            }))
        },
        system: super::WHOLE_SYSTEM,
        time_unit_us: 1_000,
        value,
        adds: displayed,
    },
    Encoding {
        name: "Get-WinEvent, Export-Csv",
        write: |events| win_event_table(events).into_bytes(),
        system: super::WHOLE_SYSTEM,
        time_unit_us: 1_000_000,
        value,
        adds: displayed,
    },
    Encoding {
        name: "Get-WinEvent, four properties",
        write: |events| {
            let header = ["TimeCreated", "Id", "ProviderName", "MachineName", "Message"];
            let row = |e: &WindowsEvent| vec![local(e), e.kind.code.to_string(), e.kind.provider.to_owned(), e.host.clone(), message(e)];
            csv(&header, events.iter().map(row), "\r\n").into_bytes()
        },
        system: &["Provider_Name"],
        time_unit_us: 1_000_000,
        value,
        adds: text,
    },
    Encoding {
        name: "Get-EventLog, Export-Csv",
        write: |events| {
            let header = ["EventID", "MachineName", "Index", "EntryType", "Message", "Source", "TimeGenerated"];
            let row = |e: &WindowsEvent| {
                let [code, index] = [e.kind.code.to_string(), e.record.to_string()];
                vec![code, e.host.clone(), index, entry_type(e).to_owned(), message(e), e.kind.provider.to_owned(), local(e)]
            };
            csv(&header, events.iter().map(row), "\r\n").into_bytes()
        },
        system: &["<record>", "Provider_Name"],
        time_unit_us: 1_000_000,
        value,
        adds: |event| [text(event), vec![("EntryType", entry_type(event).to_owned())]].concat(),
    },
    Encoding {
        name: "Event Viewer, CSV",
        write: |events| {
            let header = ["Level", "Date and Time", "Source", "Event ID", "Task Category", "Computer"];
            let row = |e: &WindowsEvent| {
                let [level, task] = [e.level_name(), e.kind.task_name].map(str::to_owned);
                vec![level, local(e), e.kind.provider.to_owned(), e.kind.code.to_string(), task, e.host.clone(), message(e)]
            };
            csv(&header, events.iter().map(row), "\r\n").into_bytes()
        },
        system: &["Provider_Name", "Level"],
        time_unit_us: 1_000_000,
        value,
        adds: |event| [text(event), vec![("Task", event.kind.task_name.to_owned())]].concat(),
    },
    Encoding {
        name: "Fluent Bit",
        write: |events| json_lines(events.iter().map(fluent_bit)),
        system: super::WHOLE_SYSTEM,
        time_unit_us: 1_000_000,
        value,
        adds: |event| {
            let inserts: Vec<String> = event.data.iter().map(|(_, value)| super::with_braces(value.clone())).collect();
            [text(event), vec![("StringInserts", inserts.join("\n"))]].concat()
        },
    },
];

fn local(event: &WindowsEvent) -> String {
    event.time("%-m/%-d/%Y %-I:%M:%S %p")
}

/// The message; a table and JSON keep it as it is.
fn text(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    vec![("<message>", message(event))]
}

/// What PowerShell shows beside the numbers.
fn displayed(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let log = event.kind.channel.to_ascii_lowercase();
    [text(event), vec![("ContainerLog", log), ("TaskDisplayName", event.kind.task_name.to_owned())]].concat()
}

fn entry_type(event: &WindowsEvent) -> &'static str {
    match event.keyword_name() {
        Some("Audit Success") => "SuccessAudit",
        Some("Audit Failure") => "FailureAudit",
        _ => "Information",
    }
}

/// A record as `ConvertTo-Json` of PowerShell 5 writes it.
fn record(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    json!({
        "Id": kind.code, "Version": kind.version, "Qualifiers": kind.qualifiers, "Level": kind.level, "Task": kind.task, "Opcode": kind.opcode,
        "Keywords": kind.keywords.cast_signed(), "RecordId": event.record, "ProviderName": kind.provider,
        "ProviderId": kind.guid.to_ascii_lowercase(), "LogName": kind.channel, "ProcessId": event.process, "ThreadId": event.thread,
        "MachineName": event.host, "TimeCreated": format!("/Date({})/", event.time_us.div_euclid(1_000)),
        "UserId": event.user.as_ref().map(|sid| json!({"BinaryLength": 12, "AccountDomainSid": null, "Value": sid})),
        "ActivityId": event.activity.as_ref().map(|guid| guid.to_ascii_lowercase()), "RelatedActivityId": null,
        "ContainerLog": kind.channel.to_ascii_lowercase(), "TaskDisplayName": kind.task_name, "Message": message(event),
    })
}

/// The same as a table: behind a line that says the type, all cells in quotes.
fn win_event_table(events: &[WindowsEvent]) -> String {
    let header = [
        "Message",
        "Id",
        "Version",
        "Qualifiers",
        "Level",
        "Task",
        "Opcode",
        "Keywords",
        "RecordId",
        "ProviderName",
        "ProviderId",
        "LogName",
        "ProcessId",
        "ThreadId",
        "MachineName",
        "UserId",
        "TimeCreated",
        "ActivityId",
        "ContainerLog",
        "TaskDisplayName",
    ];
    let mut out = "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\r\n".to_owned();
    let mut line = |cells: Vec<String>| {
        let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        out += &(quoted.join(",") + "\r\n");
    };
    line(header.map(str::to_owned).to_vec());
    for event in events {
        let mut record = record(event);
        record["TimeCreated"] = json!(local(event));
        record["UserId"] = json!(event.user);
        line(header.iter().map(|name| record[*name].as_str().map_or_else(|| number(&record[*name]), str::to_owned)).collect());
    }
    out
}

fn number(value: &Value) -> String {
    if value.is_null() { String::new() } else { value.to_string() }
}

fn fluent_bit(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let braced = |guid: &Option<String>| guid.as_ref().map(|guid| format!("{{{guid}}}"));
    json!({
        "ProviderName": kind.provider, "ProviderGuid": format!("{{{}}}", kind.guid), "Qualifiers": kind.qualifiers, "EventID": kind.code,
        "Version": kind.version, "Level": kind.level, "Task": kind.task, "Opcode": kind.opcode, "Keywords": format!("{:#x}", kind.keywords),
        "TimeCreated": event.time("%Y-%m-%d %H:%M:%S +0000"), "EventRecordID": event.record, "ActivityID": braced(&event.activity),
        "ProcessID": event.process, "ThreadID": event.thread, "Channel": kind.channel, "Computer": event.host, "UserID": event.user,
        "Message": message(event), "StringInserts": event.data.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
    })
}
