//! Flat records: NXLog and PowerShell as JSON, a table as CSV, and Sentinel's, whose data is XML in a member.

use serde_json::{Value, json};

use super::event::{KINDS, WindowsEvent};
use super::xml::{datum, in_ticks};
use super::{Encoding, csv, filled, json_lines, whole};

pub(crate) const ENCODINGS: &[Encoding] = &[
    NXLOG,
    Encoding {
        name: "NXLog, as Azure sends it",
        write: |events| {
            let records: Vec<Value> = events.iter().map(nxlog).collect();
            serde_json::to_vec(&json!({"records": records})).expect("it is JSON")
        },
        ..NXLOG
    },
    Encoding {
        name: "PowerShell, flat",
        write: |events| json_lines(events.iter().map(powershell)),
        system: &["Provider_Name", "Level", "Task", "Keywords"],
        time_unit_us: 1_000,
        value: whole,
        adds: |event| vec![("TimeCreated", event.time("%Y-%m-%dT%H:%M:%S.%3fZ"))],
    },
    Encoding {
        name: "CSV, flat",
        write: |events| csv(&columns(), events.iter().map(row), "\n").into_bytes(),
        system: &["<record>", "Provider_Name", "Keywords"],
        time_unit_us: 1_000_000,
        value: filled,
        adds: |event| vec![("EventType", event_type(event).to_owned())],
    },
    Encoding {
        name: "Sentinel",
        write: |events| json_lines(events.iter().map(sentinel)),
        system: &["<record>", "Provider_Name"],
        time_unit_us: 1,
        value: in_ticks,
        adds: |_| tenant("Event"),
    },
    Encoding {
        name: "Sentinel, WindowsEvent",
        write: |events| json_lines(events.iter().map(windows_event)),
        system: &[
            "<record>",
            "Provider_Name",
            "Version",
            "Level",
            "Task",
            "Opcode",
            "Keywords",
            "Execution_ProcessID",
            "Execution_ThreadID",
            "Security_UserID",
        ],
        time_unit_us: 1_000,
        value: whole,
        adds: |event| [tenant("WindowsEvent"), vec![("EventLevelName", event.level_name().to_owned())]].concat(),
    },
];

const NXLOG: Encoding = Encoding {
    name: "NXLog",
    write: |events| json_lines(events.iter().map(nxlog)),
    system: &[
        "<record>",
        "Provider_Name",
        "Provider_Guid",
        "Version",
        "Task",
        "Keywords",
        "Execution_ProcessID",
        "Execution_ThreadID",
        "Correlation_ActivityID",
        "Security_UserID",
    ],
    time_unit_us: 1_000,
    value: whole,
    adds: |event| {
        let opcode = if event.kind.opcode == 0 { "0" } else { event.kind.opcode_name };
        let text = |text: &str| text.to_owned();
        vec![
            ("EventTime", event.time("%Y-%m-%d %H:%M:%S")),
            ("Opcode", text(opcode)),
            ("OpcodeValue", event.kind.opcode.to_string()),
            ("EventType", text(event_type(event))),
            ("Category", text(event.kind.task_name)),
            ("SourceModuleName", text("eventlog")),
        ]
    },
};

fn event_type(event: &WindowsEvent) -> &'static str {
    match event.keyword_name() {
        Some("Audit Success") => "AUDIT_SUCCESS",
        Some("Audit Failure") => "AUDIT_FAILURE",
        _ => "INFO",
    }
}

fn with_data(mut document: Value, event: &WindowsEvent) -> Value {
    for (name, value) in &event.data {
        document[*name] = json!(value);
    }
    document
}

fn nxlog(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let mut document = json!({
        "EventTime": event.time("%Y-%m-%d %H:%M:%S"), "@timestamp": event.time("%Y-%m-%dT%H:%M:%S.%3fZ"), "Hostname": event.host,
        "Channel": kind.channel, "EventID": kind.code, "SourceName": kind.provider, "ProviderGuid": format!("{{{}}}", kind.guid),
        "Version": kind.version, "Task": kind.task, "OpcodeValue": kind.opcode, "Opcode": kind.opcode_name, "Category": kind.task_name,
        "Keywords": kind.keywords.cast_signed(), "RecordNumber": event.record, "ExecutionProcessID": event.process,
        "ThreadID": event.thread, "EventType": event_type(event), "SourceModuleName": "eventlog",
    });
    if let Some(guid) = &event.activity {
        document["ActivityID"] = json!(format!("{{{guid}}}"));
    }
    if let Some(sid) = &event.user {
        document["UserID"] = json!(sid);
    }
    with_data(document, event)
}

fn powershell(event: &WindowsEvent) -> Value {
    let (kind, time) = (event.kind, event.time("%Y-%m-%dT%H:%M:%S.%3fZ"));
    let document = json!({
        "@timestamp": time, "TimeCreated": time, "Hostname": event.host, "Channel": kind.channel, "EventID": kind.code,
        "SourceName": kind.provider, "Level": kind.level.to_string(), "Task": kind.task.to_string(), "Keywords": format!("{:#x}", kind.keywords),
    });
    with_data(document, event)
}

const HEAD: [&str; 8] = ["EventTime", "Hostname", "Channel", "EventID", "SourceName", "RecordNumber", "EventType", "Keywords"];

/// One table holds all kinds: most of its cells are empty.
fn columns() -> Vec<&'static str> {
    let mut columns = HEAD.to_vec();
    for field in KINDS.iter().flat_map(|kind| kind.fields) {
        if !columns.contains(&field.name) {
            columns.push(field.name);
        }
    }
    columns
}

fn row(event: &WindowsEvent) -> Vec<String> {
    let kind = event.kind;
    let head = [
        event.time("%Y-%m-%d %H:%M:%S"),
        event.host.clone(),
        kind.channel.to_owned(),
        kind.code.to_string(),
        kind.provider.to_owned(),
        event.record.to_string(),
        event_type(event).to_owned(),
        kind.keywords.cast_signed().to_string(),
    ];
    head.into_iter().chain(columns()[HEAD.len()..].iter().map(|name| event.value(name).to_owned())).collect()
}

fn tenant(table: &str) -> Vec<(&'static str, String)> {
    vec![("TenantId", "{0F8FAD5B-D9CB-469F-A165-70867728950E}".to_owned()), ("Type", table.to_owned())]
}

fn sentinel(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let data: String = event.data.iter().map(|(name, value)| datum(name, value, '"')).collect();
    json!({
        "TenantId": "0f8fad5b-d9cb-469f-a165-70867728950e", "TimeGenerated": event.time("%Y-%m-%dT%H:%M:%S.%6f0Z"), "Computer": event.host,
        "Channel": kind.channel, "EventID": kind.code, "Source": kind.provider, "EventRecordId": event.record.to_string(), "Type": "Event",
        "EventData": format!("<EventData xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\">{data}</EventData>"),
    })
}

/// The newer table, whose data is JSON in a member.
fn windows_event(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let mut document = json!({
        "TenantId": "0f8fad5b-d9cb-469f-a165-70867728950e", "TimeGenerated": event.time("%Y-%m-%dT%H:%M:%S.%3fZ"), "Computer": event.host,
        "Channel": kind.channel, "EventID": kind.code, "Provider": kind.provider, "EventRecordId": event.record.to_string(),
        "EventLevel": kind.level, "EventLevelName": event.level_name(), "Version": kind.version, "Task": kind.task, "Opcode": kind.opcode,
        "Keywords": format!("{:#x}", kind.keywords), "SystemProcessId": event.process, "SystemThreadId": event.thread, "Type": "WindowsEvent",
        "EventData": with_data(json!({}), event).to_string(),
    });
    if let Some(sid) = &event.user {
        document["SystemUserId"] = json!(sid);
    }
    document
}
