//! Velociraptor's `parse_evtx`, and what its hunts make of it.

use serde_json::{Map, Value, json};

use super::event::WindowsEvent;
use super::{Encoding, json_lines, nothing, whole};

pub(crate) const ENCODINGS: &[Encoding] = &[
    Encoding {
        name: "Velociraptor, parse_evtx",
        write: |events| json_lines(events.iter().map(parsed)),
        system: super::WHOLE_SYSTEM,
        time_unit_us: 1_000,
        value: whole,
        adds: nothing,
    },
    Encoding {
        name: "Velociraptor, EvtxHunter",
        write: |events| json_lines(events.iter().map(hunted)),
        system: &["<record>", "Provider_Name", "Security_UserID"],
        time_unit_us: 1_000_000,
        value: whole,
        adds: nothing,
    },
];

fn data(event: &WindowsEvent) -> Map<String, Value> {
    event.data.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

fn parsed(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let seconds = format!("{}.{:03}", event.time_us.div_euclid(1_000_000), event.time_us.rem_euclid(1_000_000) / 1_000);
    let mut event_id = json!({"Value": kind.code});
    if let Some(qualifiers) = kind.qualifiers {
        event_id["Qualifiers"] = json!(qualifiers);
    }
    let correlation = event.activity.as_ref().map_or(json!({}), |guid| json!({"ActivityID": guid}));
    let security = event.user.as_ref().map_or(json!({}), |sid| json!({"UserID": sid}));
    json!({
        "System": {
            "Provider": {"Name": kind.provider, "Guid": kind.guid}, "EventID": event_id, "Version": kind.version, "Level": kind.level,
            "Task": kind.task, "Opcode": kind.opcode, "Keywords": kind.keywords,
            "TimeCreated": {"SystemTime": seconds.parse::<f64>().expect("a number")}, "EventRecordID": event.record,
            "Correlation": correlation, "Execution": {"ProcessID": event.process, "ThreadID": event.thread},
            "Channel": kind.channel, "Computer": event.host, "Security": security,
        },
        "EventData": data(event),
    })
}

fn hunted(event: &WindowsEvent) -> Value {
    json!({
        "EventTime": event.time("%Y-%m-%dT%H:%M:%SZ"), "Computer": event.host, "Channel": event.kind.channel,
        "Provider": event.kind.provider, "EventID": event.kind.code, "EventRecordID": event.record, "UserSID": event.user,
        "EventData": data(event),
    })
}
