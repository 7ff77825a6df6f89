//! One rule and some events through hunt, portable SQL and evaluator, which must agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use retrohunt::diag::{Severity, SourceText};
use retrohunt::ir::Rule;
use retrohunt::sigma::{SigmaOptions, parse_rules};
use serde_json::Value;

use super::evaluate::{self, Event, FieldValue};

/// 2024-03-01T10:00:00Z.
const BASE_US: i64 = 1_709_287_200_000_000;

/// What a rule says about some events.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The events that match, or that are behind result rows: the first is 1.
    pub(crate) events: Vec<i64>,
    /// Result rows of a rule with stages; null columns are absent, members of a list stand on lines.
    pub(crate) rows: Vec<BTreeMap<String, String>>,
}

/// Compiles one rule that must be without errors.
#[track_caller]
pub(crate) fn compiled(text: &str) -> Rule {
    let source = Arc::new(SourceText { path: "example.yml".into(), text: text.to_owned() });
    let (mut rules, diagnostics) = parse_rules(&source, &SigmaOptions::default());
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| (d.code, &d.message)).collect();
    assert!(errors.is_empty() && rules.len() == 1, "{errors:?}\n{text}");
    rules.remove(0)
}

/// An event of Security 7001, a second after the one before, with the members of a JSON object.
pub(crate) fn event(id: i64, members: &str) -> Event {
    let object: Value = serde_json::from_str(&format!("{{{members}}}")).unwrap_or_else(|e| panic!("{members}: {e}"));
    let scalar = |value: &Value| match value {
        Value::String(text) => text.replace('\0', "\u{2400}"),
        other => other.to_string(),
    };
    let mut event = Event {
        id,
        product: "windows".into(),
        dataset: "Security".into(),
        code: "7001".into(),
        time_us: BASE_US + id * 1_000_000,
        host: "host.test".into(),
        ..Event::default()
    };
    for (name, value) in object.as_object().expect("an object") {
        match value {
            Value::Null => {}
            Value::String(text) if name == "Message" => event.message = Some(text.clone()),
            Value::Array(members) => event.fields.push((name.clone(), FieldValue::List(members.iter().map(scalar).collect()))),
            // The spelling of a number is the source's own.
            value => event.fields.push((name.clone(), FieldValue::Text(scalar(value)))),
        }
    }
    event
}

/// Asks a rule about events given as members of JSON objects.
#[track_caller]
pub(crate) fn ask(rule: &str, events: &[&str]) -> Answer {
    let rule = compiled(rule);
    let events: Vec<Event> = (1..).zip(events).map(|(id, members)| event(id, members)).collect();
    let rows = evaluate::rows(&rule.query, &events);
    let shown = |row: &evaluate::Row| row.iter().filter_map(|(name, value)| Some((name.clone(), value.text()?))).collect();
    Answer { events: evaluate::matching(&rule.query, &events), rows: rows.iter().map(shown).collect() }
}
