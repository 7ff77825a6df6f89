//! winlogbeat 6 and 8, also as Elasticsearch gives its documents back: times in milliseconds; level, opcode, task and
//! keywords by the names that Windows shows.

use serde_json::{Map, Value, json};

use super::event::WindowsEvent;
use super::{Encoding, json_lines, whole};

pub(crate) const ENCODINGS: &[Encoding] = &[
    Encoding {
        name: "winlogbeat 6",
        write: |events| json_lines(events.iter().map(six)),
        system: CARRIED,
        time_unit_us: 1_000,
        value: whole,
        adds: |event| [named(event), vec![("type", "wineventlog".to_owned()), ("beat.version", "6.7.0".to_owned())]].concat(),
    },
    EIGHT,
    Encoding { name: "elasticdump", write: |events| json_lines(events.iter().map(kept)), adds: with_place, ..EIGHT },
    Encoding { name: "Elasticsearch, an answer", write: answer, adds: with_place, ..EIGHT },
];

const EIGHT: Encoding = Encoding {
    name: "winlogbeat 8",
    write: |events| json_lines(events.iter().map(eight)),
    system: CARRIED,
    time_unit_us: 1_000,
    value: whole,
    adds: |event| {
        let more =
            [("event.code", event.kind.code.to_string()), ("host.name", event.host.clone()), ("agent.type", "winlogbeat".to_owned())];
        [named(event), more.to_vec()].concat()
    },
};

/// What Elasticsearch says of a document.
fn kept(event: &WindowsEvent) -> Value {
    json!({"_index": "winlogbeat-8", "_id": event.record.to_string(), "_score": 1.0, "_source": eight(event)})
}

fn with_place(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let place = [("_index", "winlogbeat-8".to_owned()), ("_id", event.record.to_string()), ("_score", "1.0".to_owned())];
    [(EIGHT.adds)(event), place.to_vec()].concat()
}

/// What a search answers.
fn answer(events: &[WindowsEvent]) -> Vec<u8> {
    let hits: Vec<Value> = events.iter().map(kept).collect();
    let hits = serde_json::to_string(&hits).expect("it is JSON");
    let total = format!(r#"{{"value":{},"relation":"eq"}}"#, events.len());
    format!(r#"{{"took":3,"timed_out":false,"_shards":{{"total":1,"failed":0}},"hits":{{"total":{total},"max_score":1.0,"hits":{hits}}}}}"#)
        .into_bytes()
}

const CARRIED: &[&str] = &[
    "<record>",
    "Provider_Name",
    "Provider_Guid",
    "Version",
    "Level",
    "Execution_ProcessID",
    "Execution_ThreadID",
    "Correlation_ActivityID",
    "Security_UserID",
];

/// What is there by name: of the names, `Info` and those of keywords say which number they are of.
fn named(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let kind = event.kind;
    let mut named = vec![("Task", kind.task_name.to_owned())];
    named.push(("Opcode", if kind.opcode == 0 { "0".to_owned() } else { kind.opcode_name.to_owned() }));
    // The name of a keyword is that of one bit.
    let bits = |name| match name {
        "Classic" => 0x0080_0000_0000_0000,
        _ => kind.keywords,
    };
    named.extend(event.keyword_name().map(|name| ("Keywords", format!("{:#x}", bits(name)))));
    named
}

fn data(event: &WindowsEvent) -> Map<String, Value> {
    event.data.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

/// Adds what only some events have.
fn optional(event: &WindowsEvent, to: &mut Value) {
    if let Some(name) = event.keyword_name() {
        to["keywords"] = json!([name]);
    }
    if let Some(guid) = &event.activity {
        to["activity_id"] = json!(format!("{{{guid}}}"));
    }
    if let Some(sid) = &event.user {
        to["user"] = json!({"identifier": sid});
    }
}

fn six(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let mut document = json!({
        "@timestamp": event.time("%Y-%m-%dT%H:%M:%S.%3fZ"), "event_id": kind.code, "log_name": kind.channel, "source_name": kind.provider,
        "provider_guid": format!("{{{}}}", kind.guid), "computer_name": event.host, "record_number": event.record.to_string(),
        "process_id": event.process, "thread_id": event.thread, "version": kind.version, "level": event.level_name(),
        "opcode": kind.opcode_name, "task": kind.task_name, "event_data": data(event), "type": "wineventlog", "beat": {"version": "6.7.0"},
    });
    optional(event, &mut document);
    document
}

fn eight(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let mut winlog = json!({
        "channel": kind.channel, "computer_name": event.host, "event_id": kind.code.to_string(), "provider_name": kind.provider,
        "provider_guid": format!("{{{}}}", kind.guid), "record_id": event.record, "opcode": kind.opcode_name, "task": kind.task_name,
        "version": kind.version, "process": {"pid": event.process, "thread": {"id": event.thread}}, "event_data": data(event),
    });
    optional(event, &mut winlog);
    json!({
        "@timestamp": event.time("%Y-%m-%dT%H:%M:%S.%3fZ"), "event": {"code": kind.code.to_string()}, "host": {"name": event.host},
        "log": {"level": event.level_name().to_ascii_lowercase()}, "winlog": winlog, "agent": {"type": "winlogbeat"},
    })
}
