//! EvtxECmd's CSV and JSON: the event's data as JSON in a column, levels and keywords by name.

use serde_json::{Value, json};

use super::event::WindowsEvent;
use super::{Encoding, csv, json_lines, whole};

const CSV: Encoding = Encoding {
    name: "EvtxECmd, CSV",
    write: |events| {
        let header = "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,ChunkNumber,UserId,\
                      MapDescription,UserName,RemoteHost,PayloadData1,PayloadData2,PayloadData3,PayloadData4,PayloadData5,PayloadData6,\
                      ExecutableInfo,HiddenRecord,SourceFile,Keywords,ExtraDataOffset,Payload";
        ("\u{feff}".to_owned() + &csv(&header.split(',').collect::<Vec<_>>(), events.iter().map(row), "\r\n")).into_bytes()
    },
    system: &["<record>", "Provider_Name", "Level", "Keywords", "Execution_ProcessID", "Execution_ThreadID", "Security_UserID"],
    time_unit_us: 1,
    value: whole,
    adds,
};

pub(crate) const ENCODINGS: &[Encoding] = &[
    CSV,
    Encoding {
        name: "EvtxECmd, JSON",
        write: |events| [b"\xef\xbb\xbf".to_vec(), json_lines(events.iter().map(document))].concat(),
        ..CSV
    },
];

/// What the tool says of itself.
fn adds(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let text = |text: &str| text.to_owned();
    vec![
        ("EvtxECmd_RecordNumber", event.record.to_string()),
        ("EvtxECmd_ChunkNumber", text("0")),
        ("EvtxECmd_HiddenRecord", text("False")),
        ("EvtxECmd_SourceFile", text("C:\\evidence\\a, b.evtx")),
        ("EvtxECmd_ExtraDataOffset", text("0")),
    ]
}

fn level(event: &WindowsEvent) -> &'static str {
    match event.kind.level {
        0 => "LogAlways",
        4 => "Info",
        _ => event.level_name(),
    }
}

fn keywords(event: &WindowsEvent) -> String {
    match event.kind.keywords {
        0x8020_0000_0000_0000 => "Audit success".to_owned(),
        0x8010_0000_0000_0000 => "Audit failure".to_owned(),
        other => format!("{other:#x}"),
    }
}

/// A converter of XML to JSON wrote this: an empty element has no text, and an element alone is no list.
fn payload(event: &WindowsEvent) -> String {
    let datum =
        |(name, value): &(&str, String)| if value.is_empty() { json!({"@Name": name}) } else { json!({"@Name": name, "#text": value}) };
    let mut data: Vec<Value> = event.data.iter().map(datum).collect();
    let data = if data.len() == 1 { data.remove(0) } else { Value::Array(data) };
    json!({"EventData": {"Data": data}}).to_string()
}

fn row(event: &WindowsEvent) -> Vec<String> {
    let kind = event.kind;
    let text = |text: &str| text.to_owned();
    let mut row = vec![
        event.record.to_string(),
        event.record.to_string(),
        event.time("%Y-%m-%d %H:%M:%S.%6f0"),
        kind.code.to_string(),
        text(level(event)),
        text(kind.provider),
        text(kind.channel),
        event.process.to_string(),
        event.thread.to_string(),
        event.host.clone(),
        text("0"),
        event.user.clone().unwrap_or_default(),
    ];
    row.resize(22, String::new());
    row.extend([text("False"), text("C:\\evidence\\a, b.evtx"), keywords(event), text("0"), payload(event)]);
    row
}

fn document(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let mut document = json!({
        "ChunkNumber": 0, "Computer": event.host, "Payload": payload(event), "Channel": kind.channel, "Provider": kind.provider,
        "EventId": kind.code, "EventRecordId": event.record.to_string(), "ProcessId": event.process, "ThreadId": event.thread,
        "Level": level(event), "Keywords": keywords(event), "SourceFile": "C:\\evidence\\a, b.evtx", "ExtraDataOffset": 0,
        "HiddenRecord": "False", "TimeCreated": event.time("%Y-%m-%dT%H:%M:%S.%6f0+00:00"), "RecordNumber": event.record,
    });
    if let Some(user) = &event.user {
        document["UserId"] = json!(user);
    }
    document
}
