//! EVTX, Windows XML in its framings and quotes, and what makes JSON of that XML one to one.

use serde_json::{Value, json};

use super::binary_xml::{Element, Record, evtx};
use super::event::WindowsEvent;
use super::{Encoding, WHOLE_SYSTEM, json_lines, nothing, whole};

const NAMESPACE: &str = "http://schemas.microsoft.com/win/2004/08/events/event";

pub(super) const XML: Encoding = Encoding {
    name: "xml, Event Viewer",
    write: |events| {
        format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n<Events>{}</Events>", all(events, '\'', ""))
            .into_bytes()
    },
    system: WHOLE_SYSTEM,
    time_unit_us: 1,
    value: in_ticks,
    adds: nothing,
};

pub(crate) const ENCODINGS: &[Encoding] = &[
    Encoding { name: "evtx", write: |events| evtx(&events.iter().map(record).collect::<Vec<_>>()), value: whole, ..XML },
    XML,
    Encoding { name: "xml, wevtutil", write: |events| all(events, '\'', "\r\n").into_bytes(), ..XML },
    Encoding { name: "xml, XmlWinEventLog", write: |events| all(events, '\'', "\n").into_bytes(), ..XML },
    Encoding { name: "xml, double quotes", write: |events| all(events, '"', "\n").into_bytes(), ..XML },
    Encoding { name: "xml, UTF-16 LE", write: |events| utf16(&all(events, '\'', "\r\n"), u16::to_le_bytes), ..XML },
    Encoding { name: "xml, UTF-16 BE", write: |events| utf16(&all(events, '"', "\r\n"), u16::to_be_bytes), ..XML },
    Encoding { name: "evtx_dump", write: |events| json_lines(events.iter().map(dumped)), value: whole, ..XML },
    Encoding {
        name: "evtx_dump, indented",
        write: |events| events.iter().map(|e| format!("{:#}\n", dumped(e))).collect::<String>().into_bytes(),
        value: whole,
        ..XML
    },
    Encoding { name: "evtx_dump, as it prints JSON", write: |events| printed(events, |e| format!("{:#}", dumped(e))), value: whole, ..XML },
    Encoding {
        name: "evtx_dump, as it prints XML",
        write: |events| printed(events, |e| format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}", element(e, '"'))),
        ..XML
    },
    Encoding {
        name: "Chainsaw, dump",
        write: |events| serde_json::to_vec_pretty(&events.iter().map(beside).collect::<Vec<_>>()).expect("it is JSON"),
        value: whole,
        ..XML
    },
    Encoding {
        name: "Chainsaw, hunt",
        write: |events| {
            json_lines(events.iter().map(|e| json!({"group": "Sigma", "document": {"kind": "evtx", "path": "a.evtx", "data": beside(e)}})))
        },
        value: whole,
        adds: |_| vec![("group", "Sigma".to_owned()), ("document.kind", "evtx".to_owned()), ("document.path", "a.evtx".to_owned())],
        ..XML
    },
];

/// A line with the record's number before each.
fn printed(events: &[WindowsEvent], text: fn(&WindowsEvent) -> String) -> Vec<u8> {
    events.iter().map(|event| format!("Record {}\n{}\n", event.record, text(event))).collect::<String>().into_bytes()
}

/// The same JSON with attributes beside their elements.
fn beside(event: &WindowsEvent) -> Value {
    fn moved(value: Value) -> Value {
        let Value::Object(members) = value else { return value };
        let mut out = serde_json::Map::new();
        for (name, mut value) in members {
            if let Some(attributes) = value.as_object_mut().and_then(|object| object.remove("#attributes")) {
                out.insert(format!("{name}_attributes"), attributes);
            }
            let text = value.as_object_mut().and_then(|object| object.remove("#text"));
            let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
            match text {
                Some(text) => drop(out.insert(name, text)),
                None if is_empty => {}
                None => drop(out.insert(name, moved(value))),
            }
        }
        Value::Object(out)
    }
    moved(dumped(event))
}

fn all(events: &[WindowsEvent], quote: char, after: &str) -> String {
    events.iter().map(|event| element(event, quote) + after).collect()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A time with nine digits, which XML writes for those of 100 ns, is stored with the seven of EVTX.
pub(super) fn in_ticks(_: &WindowsEvent, _: &str, value: &str) -> Option<String> {
    let b = value.as_bytes();
    let is_time = b.len() == 30 && b[10] == b'T' && b.ends_with(b"00Z");
    Some(if is_time { format!("{}Z", &value[..27]) } else { value.to_owned() })
}

/// `<Event>…</Event>`; an empty element is one tag where quotes are double, and two where they are single.
pub(crate) fn element(event: &WindowsEvent, quote: char) -> String {
    let kind = event.kind;
    let q = quote;
    let data: String = event.data.iter().map(|(name, value)| datum(name, value, q)).collect();
    let qualifiers = kind.qualifiers.map_or(String::new(), |n| format!(" Qualifiers={q}{n}{q}"));
    let activity = event.activity.as_ref().map_or(String::new(), |guid| format!(" ActivityID={q}{{{guid}}}{q}"));
    let user = event.user.as_ref().map_or(String::new(), |sid| format!(" UserID={q}{sid}{q}"));
    format!(
        "<Event xmlns={q}{NAMESPACE}{q}><System><Provider Name={q}{}{q} Guid={q}{{{}}}{q}/><EventID{qualifiers}>{}</EventID><Version>{}</Version>\
         <Level>{}</Level><Task>{}</Task><Opcode>{}</Opcode><Keywords>{:#x}</Keywords><TimeCreated SystemTime={q}{}000Z{q}/>\
         <EventRecordID>{}</EventRecordID><Correlation{activity}/><Execution ProcessID={q}{}{q} ThreadID={q}{}{q}/><Channel>{}</Channel>\
         <Computer>{}</Computer><Security{user}/></System><EventData>{data}</EventData></Event>",
        kind.provider,
        kind.guid,
        kind.code,
        kind.version,
        kind.level,
        kind.task,
        kind.opcode,
        kind.keywords,
        event.time("%Y-%m-%dT%H:%M:%S.%6f"),
        event.record,
        event.process,
        event.thread,
        kind.channel,
        escape(&event.host),
    )
}

/// `<Data Name='…'>…</Data>`.
pub(super) fn datum(name: &str, value: &str, q: char) -> String {
    if value.is_empty() && q == '"' {
        format!("<Data Name={q}{name}{q}/>")
    } else {
        format!("<Data Name={q}{name}{q}>{}</Data>", escape(value))
    }
}

fn dumped(event: &WindowsEvent) -> Value {
    let kind = event.kind;
    let id = kind.qualifiers.map_or(json!(kind.code), |q| json!({"#attributes": {"Qualifiers": q}, "#text": kind.code}));
    // Numbers of the event are numbers, up to the largest of 64 bits.
    let typed = |text: &str| text.parse::<u64>().ok().filter(|n| n.to_string() == text).map_or_else(|| json!(text), |n| json!(n));
    let data: serde_json::Map<String, Value> = event.data.iter().map(|(name, value)| ((*name).to_owned(), typed(value))).collect();
    json!({"Event": {
        "#attributes": {"xmlns": NAMESPACE},
        "System": {
            "Provider": {"#attributes": {"Name": kind.provider, "Guid": kind.guid}},
            "EventID": id, "Version": kind.version, "Level": kind.level, "Task": kind.task, "Opcode": kind.opcode,
            "Keywords": format!("{:#x}", kind.keywords),
            "TimeCreated": {"#attributes": {"SystemTime": event.time("%Y-%m-%dT%H:%M:%S.%6fZ")}},
            "EventRecordID": event.record,
            "Correlation": event.activity.as_ref().map(|guid| json!({"#attributes": {"ActivityID": guid}})),
            "Execution": {"#attributes": {"ProcessID": event.process, "ThreadID": event.thread}},
            "Channel": kind.channel, "Computer": event.host,
            "Security": event.user.as_ref().map(|sid| json!({"#attributes": {"UserID": sid}})),
        },
        "EventData": data,
    }})
}

fn record(event: &WindowsEvent) -> Record {
    let kind = event.kind;
    let leaf = |name: &str, text: &str| Element::new(name).text(text);
    let with = |element: Element, name: &str, value: Option<&String>| match value {
        Some(value) => element.attribute(name, value),
        None => element,
    };
    let id = leaf("EventID", &kind.code.to_string());
    let braced = event.activity.as_ref().map(|guid| format!("{{{guid}}}"));
    let system = Element::new("System").children([
        Element::new("Provider").attribute("Name", kind.provider).attribute("Guid", &format!("{{{}}}", kind.guid)),
        with(id, "Qualifiers", kind.qualifiers.map(|q| q.to_string()).as_ref()),
        leaf("Version", &kind.version.to_string()),
        leaf("Level", &kind.level.to_string()),
        leaf("Task", &kind.task.to_string()),
        leaf("Opcode", &kind.opcode.to_string()),
        leaf("Keywords", &format!("{:#x}", kind.keywords)),
        Element::new("TimeCreated").attribute("SystemTime", &event.time("%Y-%m-%dT%H:%M:%S.%6fZ")),
        leaf("EventRecordID", &event.record.to_string()),
        with(Element::new("Correlation"), "ActivityID", braced.as_ref()),
        Element::new("Execution").attribute("ProcessID", &event.process.to_string()).attribute("ThreadID", &event.thread.to_string()),
        leaf("Channel", kind.channel),
        leaf("Computer", &event.host),
        with(Element::new("Security"), "UserID", event.user.as_ref()),
    ]);
    let data = event.data.iter().map(|(name, value)| Element::new("Data").attribute("Name", name).text(value));
    let root = Element::new("Event").attribute("xmlns", NAMESPACE).children([system, Element::new("EventData").children(data)]);
    let filetime = (u64::try_from(event.time_us).expect("after 1970") + 11_644_473_600_000_000) * 10;
    Record { id: u64::try_from(event.record).expect("from 1"), filetime, root }
}
