//! Plain events as the two things the project takes them as: a batch in arena form, and JSON lines.

use std::fmt::Write as _;

use retrohunt::event::{BatchEvent, EventBatch, FieldEntry, FieldValue as StoredValue, Names, TextSpan, TypeKey, format_time};

use crate::support::evaluate::{Event, FieldValue};

fn short(length: usize) -> u32 {
    u32::try_from(length).expect("test events are short")
}

fn push(batch: &mut EventBatch, text: &str) -> TextSpan {
    let start = short(batch.text.len());
    batch.text.push_str(text);
    TextSpan { start, end: short(batch.text.len()) }
}

/// Makes a batch of stored events (without NUL), in their order; the position of each is its id.
pub(crate) fn batch(events: &[Event], names: &Names) -> EventBatch {
    let mut batch = EventBatch::default();
    for event in events {
        let fields_start = short(batch.fields.len());
        for (name, value) in &event.fields {
            let value = match value {
                FieldValue::Text(text) => StoredValue::Text(push(&mut batch, text)),
                FieldValue::List(members) => {
                    let spans: Vec<TextSpan> = members.iter().map(|m| push(&mut batch, m)).collect();
                    let start = short(batch.members.len());
                    batch.members.extend(spans);
                    StoredValue::List { start, end: short(batch.members.len()) }
                }
            };
            batch.fields.push(FieldEntry { name: names.intern(name), value });
        }
        let key = TypeKey { product: event.product.clone(), dataset: event.dataset.clone(), code: event.code.clone() };
        let head = BatchEvent {
            key: names.intern_key(&key),
            time_us: Some(event.time_us),
            host: Some(push(&mut batch, &event.host)),
            record: None,
            identity: None,
            position: u64::try_from(event.id).expect("ids count from 1"),
            recovered: false,
            message: event.message.as_ref().map(|m| push(&mut batch, m)),
            fields_start,
            fields_end: short(batch.fields.len()),
        };
        batch.events.push(head);
    }
    batch
}

fn is_json_number(text: &str) -> bool {
    !text.contains(char::is_whitespace) && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn json_value(value: &FieldValue, bare_numbers: bool) -> String {
    let quoted = |text: &String| serde_json::to_string(text).expect("text is JSON");
    match value {
        FieldValue::Text(text) if bare_numbers && is_json_number(text) => text.clone(),
        FieldValue::Text(text) => quoted(text),
        FieldValue::List(members) => format!("[{}]", members.iter().map(quoted).collect::<Vec<_>>().join(",")),
    }
}

/// Writes events as the flat JSON lines of Windows shippers, an event a line; every second one spells its numbers bare.
pub(crate) fn json_lines(events: &[Event]) -> String {
    let mut out = String::new();
    for event in events {
        let time = format_time(event.time_us);
        let _ = write!(
            out,
            "{{\"@timestamp\":\"{time}\",\"Channel\":\"{}\",\"EventID\":{},\"Hostname\":\"{}\"",
            event.dataset, event.code, event.host
        );
        for (name, value) in &event.fields {
            let name = serde_json::to_string(name).expect("text is JSON");
            let _ = write!(out, ",{name}:{}", json_value(value, event.id % 2 == 0));
        }
        if let Some(message) = &event.message {
            let _ = write!(out, ",\"Message\":{}", serde_json::to_string(message).expect("text is JSON"));
        }
        out.push_str("}\n");
    }
    out
}
