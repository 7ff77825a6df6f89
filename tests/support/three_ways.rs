//! One rule and some events through hunt, portable SQL and evaluator, which must agree.

use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::ir::Rule;
use serde_json::Value;

use super::engines;
use super::evaluate::{Event, FieldValue};
use super::stored::{ResultRow, Stored, aggregates, as_sql, evaluated, findings, same};

/// 2024-03-01T10:00:00Z.
const BASE_US: i64 = 1_709_287_200_000_000;

/// What a rule says about some events.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The events that match, or that are behind result rows: the first is 1.
    pub(crate) events: Vec<i64>,
    /// Result rows of a rule with stages; null columns are absent.
    pub(crate) rows: Vec<ResultRow>,
}

/// Compiles one rule that must be without errors.
#[track_caller]
pub(crate) fn compiled(text: &str) -> Rule {
    let mut set = load_text("example.yml", text, &CompileOptions::default());
    assert!(set.rules.len() == 1 && !set.has_errors(), "{text}\n{:?}", set.diagnostics);
    set.rules.remove(0)
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

/// Asks a rule about events given as members of JSON objects: by a hunt over the loaded lines, by portable SQL where
/// there is a form, and by the evaluator. They must agree.
#[track_caller]
pub(crate) fn ask(rule: &str, events: &[&str]) -> Answer {
    let text = rule;
    let rule = compiled(rule);
    let events: Vec<Event> = (1..).zip(events).map(|(id, members)| event(id, members)).collect();
    let mut stored = Stored::of_json(&events);
    let columns = stored.columns(&rule);
    let expected = evaluated(&rule.query, &events, &columns);
    let found = findings(&rule.query, &events, &columns);
    let hunted = stored.hunt(std::slice::from_ref(&rule)).remove(0);
    assert!(
        same(&hunted, &found, &rule.query) && (aggregates(&rule.query) || hunted.events == found.events),
        "{text}\n{events:#?}\nhunt {hunted:?}\nevaluator {found:?}"
    );
    if let Some(portable) = stored.portable(&rule) {
        assert!(same(&portable, &as_sql(&expected), &rule.query), "{text}\n{events:#?}\nportable {portable:?}\nevaluator {expected:?}");
    }
    let both = engines::both(&mut stored.store, std::slice::from_ref(&rule), &[]);
    assert!(both.differences.is_empty() && both.failed.is_empty(), "{text}\n{:?}\n{:?}", both.failed, both.differences);
    Answer { events: expected.events, rows: expected.rows }
}
