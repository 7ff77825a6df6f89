//! `retrohunt findings show`: one finding with its events and all their fields.

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::say_unkept;
use crate::catalog::{Catalog, EventType};
use crate::cli::printer::Printer;
use crate::cli::words::{counted, thousands};
use crate::event::format_time;
use crate::report::{
    FINDING, Format, ListWriter, ListingShape, TableColumn, cell_text, finding_row, named_lines, to_json, visible, visible_text,
};
use crate::store::{EVIDENCE_CAP, EvidenceRow, FindingFilter, FindingRow, RuleText, Store, StoredEvent, StoredValue, UnkeptEvents};

/// Widest field name that others are aligned with. One long name must not push all values off an 80-column terminal.
const NAME_WIDTH: usize = 32;

/// One event of a finding.
struct ShownEvent<'a> {
    event: StoredEvent,
    event_type: &'a EventType,
    sha256: String,
}

/// Shows findings.
pub(super) fn run(store: &Store, ids: &[i64], format: Format, printer: &mut Printer) -> anyhow::Result<()> {
    let catalog = store.catalog()?;
    let width = printer.width().map(usize::from);
    let mut objects = Vec::new();
    for id in ids {
        let filter = FindingFilter { ids: Some(vec![*id]), ..FindingFilter::default() };
        let Some(finding) = store.findings(&filter)?.pop() else { bail!("there is no finding {id}: `retrohunt findings` lists them") };
        let evidence = store.evidence(&filter)?;
        let events = events(store, &catalog, evidence)?;
        if matches!(format, Format::Table | Format::Vertical) {
            let unkept = store.unkept_events(&filter)?;
            printer.data().write_all(block(&finding, &events, unkept, width).as_bytes())?;
        } else {
            say_unkept(store, &filter, printer)?;
            objects.push(object(&finding, &events));
        }
    }
    write_objects(format, &objects, printer)
}

fn events<'a>(store: &Store, catalog: &'a Catalog, evidence: Vec<EvidenceRow>) -> anyhow::Result<Vec<ShownEvent<'a>>> {
    let mut events = Vec::with_capacity(evidence.len());
    for row in evidence {
        let event = store.event(row.event)?;
        let Some(event_type) = catalog.event_type(event.envelope.event_type) else { bail!("event {} has an unknown type", row.event.0) };
        events.push(ShownEvent { event, event_type, sha256: row.sha256 });
    }
    Ok(events)
}

/// JSON: one object, or an array where several ids were asked for. Lines and CSV: a row for each finding, events as JSON.
fn write_objects(format: Format, objects: &[Value], printer: &mut Printer) -> anyhow::Result<()> {
    match (format, objects) {
        (Format::Table | Format::Vertical, _) => {}
        (Format::Json, [one]) => printer.data().write_all(to_json(one).as_bytes())?,
        (Format::Json, many) => printer.data().write_all(to_json(&json!(many)).as_bytes())?,
        (Format::Jsonl | Format::Csv | Format::RawCsv, many) => {
            let mut shape: ListingShape = FINDING.clone();
            shape.fields.push("events".to_owned());
            shape.table = vec![TableColumn::text("events", "Events")];
            let mut writer = ListWriter::new(printer.data(), format, &shape, None)?;
            for one in many {
                let values: Vec<Value> = shape.fields.iter().map(|field| one[field].clone()).collect();
                writer.row(&values)?;
            }
            writer.finish()?;
        }
    }
    Ok(())
}

fn object(finding: &FindingRow, events: &[ShownEvent<'_>]) -> Value {
    let mut out: Map<String, Value> = FINDING.fields.iter().cloned().zip(finding_row(finding)).collect();
    let events = events.iter().map(|shown| {
        let envelope = &shown.event.envelope;
        let fields: Map<String, Value> =
            fields(shown).into_iter().map(|(name, value)| (name, if value.len() == 1 { json!(value[0]) } else { json!(value) })).collect();
        json!({
            "event_id": envelope.id.0,
            "time": envelope.time_us.map(format_time),
            "host": envelope.host.as_deref(),
            "path": envelope.path.as_ref(),
            "record": envelope.record.unwrap_or(envelope.position),
            "sha256": shown.sha256,
            "product": shown.event_type.product,
            "dataset": shown.event_type.dataset,
            "code": shown.event_type.code,
            "fields": fields,
        })
    });
    out.insert("events".to_owned(), events.collect());
    Value::Object(out)
}

/// The fields that an event has, each with its members, in the order of its type; the rendered text last.
fn fields(shown: &ShownEvent<'_>) -> Vec<(String, Vec<String>)> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for (column, value) in shown.event_type.columns.iter().zip(&shown.event.columns) {
        match value {
            None => {}
            Some(StoredValue::Text(text)) => out.push((column.field.clone(), vec![text.clone()])),
            Some(StoredValue::List(members)) => out.push((column.field.clone(), members.clone())),
        }
    }
    out.extend(shown.event.message.as_ref().map(|message| ("Message".to_owned(), vec![message.clone()])));
    out
}

/// The form for reading.
fn block(finding: &FindingRow, events: &[ShownEvent<'_>], unkept: UnkeptEvents, width: Option<usize>) -> String {
    let row: Map<String, Value> = FINDING.fields.iter().cloned().zip(finding_row(finding)).collect();
    let mut out = format!("Finding {}: {}\n", cell_text(&row["finding_id"]), visible(&cell_text(&row["rule_title"])));
    if let Some((status, note)) = &finding.triage {
        let text = if note.is_empty() { status.clone() } else { format!("{status}: {note}") };
        prose("triage", &text, 13, width, &mut out);
    }
    let names = [
        "severity",
        "level",
        "details",
        "hosts",
        "users",
        "message",
        "group",
        "count",
        "first_time",
        "last_time",
        "techniques",
        "tactics",
        "risk_score",
        "risk_objects",
        "rule_id",
        "rule_path",
        "hunt_id",
        "state",
    ];
    for name in names {
        let text = if name == "risk_objects" { risk_objects(&row[name]) } else { cell_text(&row[name]).into_owned() };
        let is_told = (name == "level" && row["level"] == row["severity"])
            || (name == "message" && row["message"] == row["rule_title"])
            || (name == "state" && row["state"] == "current");
        if text != "-" && !text.is_empty() && !is_told {
            prose(&name.replace('_', " "), &text, 13, width, &mut out);
        }
    }
    // Only correlations have these columns.
    if let [Some(first), Some(last), Some(windows)] = ["first_window", "last_window", "windows"].map(|name| finding.columns.get(name)) {
        let text = format!("{}, ending {} to {}", cell_text(windows), cell_text(first), cell_text(last));
        line("windows", &text, 13, &mut out);
    }
    rule_text(&finding.rule, width, &mut out);
    result_row(finding, &mut out);
    for shown in events {
        event_block(shown, &finding.rule.fields, &mut out);
    }
    if unkept.events > 0 {
        let (missing, all, most) = (thousands(unkept.events), counted(finding.count, "event"), thousands(EVIDENCE_CAP as u64));
        out.push_str(&format!("\n{missing} of {all} are not kept: the store has {most} of a finding at most.\n"));
    }
    out.push('\n');
    out
}

/// What the rule says of itself: what it looks for, and when that is harmless.
fn rule_text(rule: &RuleText, width: Option<usize>, out: &mut String) {
    let lines = [
        ("description", rule.description.trim().to_owned()),
        ("false positives", rule.false_positives.join("\n")),
        ("references", rule.references.join("\n")),
        ("author", rule.author.clone()),
        ("status", rule.status.clone()),
    ];
    if lines.iter().all(|(_, text)| text.is_empty()) {
        return;
    }
    out.push_str("\nRule\n");
    lines.iter().filter(|(_, text)| !text.is_empty()).for_each(|(name, text)| prose(name, text, 15, width, out));
}

/// What the rule's search gives, where it does more than find the event. The columns of a correlation are told above.
fn result_row(finding: &FindingRow, out: &mut String) {
    if finding.columns.is_empty() || finding.columns.contains_key("first_window") {
        return;
    }
    out.push_str("\nResult\n");
    let width = finding.columns.keys().map(|name| name.chars().count()).max().unwrap_or(0).clamp(6, NAME_WIDTH);
    for (name, value) in &finding.columns {
        let lines = |members: &Vec<Value>| members.iter().map(|member| cell_text(member).into_owned()).collect::<Vec<_>>().join("\n");
        let text = if let Value::Array(members) = value { lines(members) } else { cell_text(value).into_owned() };
        line(name, &text, width, out);
    }
}

fn risk_objects(value: &Value) -> String {
    let objects = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<String> = objects.iter().map(|o| format!("{} ({})", cell_text(&o["value"]), cell_text(&o["type"]))).collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join(", ") }
}

/// The fields that the rule tests are marked as in the details.
fn event_block(shown: &ShownEvent<'_>, tested: &[String], out: &mut String) {
    let envelope = &shown.event.envelope;
    let kind = [&shown.event_type.dataset, &shown.event_type.code].map(String::as_str).join(" ");
    let time = envelope.time_us.map_or_else(|| "no time".to_owned(), format_time);
    let host = envelope.host.as_deref().unwrap_or("-");
    let heading = format!("Event {}: {}  {time}  {host}", envelope.id.0, kind.trim());
    out.push_str(&format!("\n{}\n", visible(&heading)));
    let place = match envelope.record {
        Some(record) => format!("{}, record {record}", envelope.path),
        None => format!("{}, line or record {}", envelope.path, envelope.position),
    };
    let fields = fields(shown);
    let is_tested = |name: &str| tested.iter().any(|tested| tested.eq_ignore_ascii_case(name));
    let named: Vec<(String, &Vec<String>)> =
        fields.iter().map(|(name, members)| (if is_tested(name) { format!("{name}*") } else { name.clone() }, members)).collect();
    let width = named.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).clamp(6, NAME_WIDTH);
    line("file", &place, width, out);
    line("sha256", &shown.sha256, width, out);
    for (name, members) in &named {
        line(name, &members.join("\n"), width, out);
    }
}

/// Writes a value as it is: who copies a command line wants it whole.
fn line(name: &str, value: &str, width: usize, out: &mut String) {
    out.push_str(&named_lines(&visible(name), &visible_text(value), width, None));
}

/// Writes what is read and not copied: wrapped between words.
fn prose(name: &str, value: &str, names: usize, width: Option<usize>, out: &mut String) {
    out.push_str(&named_lines(&visible(name), &visible_text(value), names, width));
}
