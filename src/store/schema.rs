//! SQL of the tables of event types.

use rusqlite::types::ToSqlOutput;

use super::cell::RawCell;
use crate::catalog::{Encoding, TimeShape, ValueId};

pub(super) fn create_table(type_id: u32, columns: usize) -> String {
    let names: String = (0..columns).map(|c| format!(", c{c}")).collect();
    format!("CREATE TABLE e{type_id} (_id INTEGER PRIMARY KEY{names})")
}

pub(super) fn add_column(type_id: u32, column: usize) -> String {
    format!("ALTER TABLE e{type_id} ADD COLUMN c{column};")
}

pub(super) fn insert(type_id: u32, columns: usize) -> String {
    let names: String = (0..columns).map(|c| format!(", c{c}")).collect();
    let marks = ", ?".repeat(columns);
    format!("INSERT INTO e{type_id} (_id{names}) VALUES (?{marks})")
}

pub(super) fn update(type_id: u32, column: usize) -> String {
    format!("UPDATE e{type_id} SET c{column} = ?1 WHERE _id = ?2")
}

/// How an encoding is written in the `field` table.
pub(super) fn encoding_text(encoding: Encoding) -> String {
    match encoding {
        Encoding::Dictionary => "dictionary".to_owned(),
        Encoding::Inline => "inline".to_owned(),
        Encoding::Time(shape) => format!("time {}{}{}", shape.separator.escape_default(), shape.digits, if shape.zulu { "Z" } else { "" }),
    }
}

/// Reads what [`encoding_text`] wrote.
pub(super) fn parse_encoding(text: &str) -> Option<Encoding> {
    match text {
        "dictionary" => return Some(Encoding::Dictionary),
        "inline" => return Some(Encoding::Inline),
        _ => {}
    }
    let mut rest = text.strip_prefix("time ")?.chars();
    let separator = rest.next().filter(|c| matches!(c, ' ' | 'T'))?;
    let digits = rest.next()?.to_digit(10).filter(|d| matches!(d, 0 | 3 | 6 | 7))?;
    let zulu = match rest.as_str() {
        "" => false,
        "Z" => true,
        _ => return None,
    };
    Some(Encoding::Time(TimeShape { separator, digits: u8::try_from(digits).ok()?, zulu }))
}

/// A cell as a SQL parameter.
pub(super) fn to_sql<'a>(cell: &RawCell<'a>) -> ToSqlOutput<'a> {
    match cell {
        RawCell::Null => ToSqlOutput::from(rusqlite::types::Null),
        RawCell::Int(number) => ToSqlOutput::from(*number),
        RawCell::Value(ValueId(id)) => ToSqlOutput::from(*id as f64), // ids stay far below 2^53
        RawCell::Text(text) => ToSqlOutput::from(*text),
    }
}

/// The name of a field's column in its view: the field's own, marked where it would collide with a system column or,
/// without case, with another field. `twins` is the number of fields known that differ in case only.
pub(super) fn view_name(field: &str, reserved: &[&str], twins: usize, is_shown: &dyn Fn(&str) -> bool) -> String {
    // At a border of letters: a cut in the middle of one would not be text.
    let field = &field[..field.floor_char_boundary(MAX_VIEW_NAME_BYTES)];
    let is_reserved = field.is_empty() || reserved.iter().any(|r| r.eq_ignore_ascii_case(field));
    // Names of our own begin with `_`, so no field may.
    let base = match field.starts_with('_') {
        true => format!("field{field}"),
        false if is_reserved => format!("field_{field}"),
        false => field.to_owned(),
    };
    let is_taken = |name: &str| is_shown(name);
    let mut name = base.clone();
    let mut number = twins;
    while is_taken(&name) {
        name = if number < 2 { format!("{base}~") } else { format!("{base}~{number}") };
        number += 1;
    }
    name
}

/// A longer field name is cut in views; the catalog has all of it.
const MAX_VIEW_NAME_BYTES: usize = 200;

/// Columns that the text view of a product's events has beside the fields: what the envelope of a Windows event answers.
pub(super) fn envelope_columns(product: &str) -> &'static [&'static str] {
    if product == "windows" { &["Channel", "EventID", "Computer", "EventRecordID"] } else { &[] }
}

/// The name of a type's view: the last part of its channel and its code in lower case, e.g. `security_5145`, `sysmon_1`.
pub(super) fn type_view(product: &str, dataset: &str, code: &str, taken: &dyn Fn(&str) -> bool) -> String {
    let lower = dataset.to_lowercase();
    // The part that all channels of Windows share says nothing, and `Operational` is what one expects.
    let channel = lower.strip_prefix("microsoft-windows-").unwrap_or(&lower);
    let channel = channel.strip_suffix("/operational").unwrap_or(channel);
    let parts = if product == "windows" { [channel, code] } else { [product, channel] };
    let mut base = String::new();
    for part in parts.into_iter().filter(|p| !p.is_empty()) {
        if !base.is_empty() {
            base.push('_');
        }
        base.extend(part.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    }
    let system = [
        "event_head",
        "events",
        "findings",
        "finding_events",
        "finding_summary",
        "hunts",
        "messages",
        "other_fields",
        "overflow_text",
        "rule_outcomes",
        "rules",
        "timeline",
    ];
    if base.is_empty()
        // A number in front would need quotes in every statement that somebody types.
        || base.starts_with(|c: char| c.is_ascii_digit())
        || system.contains(&base.as_str())
        || base.starts_with("sqlite_")
        || is_table(&base)
    {
        base.insert_str(0, "type_");
    }
    let mut name = base.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}

fn is_table(name: &str) -> bool {
    let words = [
        "source",
        "archive",
        "watermark",
        "value",
        "value_item",
        "event_type",
        "field",
        "event",
        "recovered_event",
        "overflow",
        "message",
        "message_block",
        "event_alias",
        "record_range",
        "event_identity",
        "rule",
        "hunt",
        "finding",
        "finding_history",
        "hunt_rule",
        "rule_state",
        "triage",
        "evidence",
        "text_base",
    ];
    words.contains(&name) || name.strip_prefix('e').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}
