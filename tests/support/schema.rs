//! JSON Schema, as much of it as the schemas in `tests/schemas` use: types, required members, words, bounds, patterns.

use regex::Regex;
use serde_json::Value;

/// Keywords that are understood. Another one in a schema would be passed over in silence.
const KEYWORDS: [&str; 12] = [
    "$comment",
    "type",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "pattern",
    "minimum",
    "minItems",
    "minLength",
];

/// Reads a schema of `tests/schemas`.
pub(crate) fn schema(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails the test where a value is not as a schema says, with every fault.
#[track_caller]
pub(crate) fn assert_valid(schema: &Value, value: &Value) {
    let mut faults = Vec::new();
    check(schema, value, "$", &mut faults);
    assert!(faults.is_empty(), "{}\nin {value}", faults.join("\n"));
}

fn check(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let rules = schema.as_object().expect("a schema is an object");
    if let Some(unknown) = rules.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        panic!("tests/support/schema.rs does not know {unknown}");
    }
    let mut fault = |what: String| faults.push(format!("{at}: {what}"));
    if let Some(types) = rules.get("type") {
        let one = std::slice::from_ref(types);
        let types = types.as_array().map_or(one, Vec::as_slice);
        if !types.iter().any(|kind| is(kind.as_str().expect("a type is a text"), value)) {
            fault(format!("is not of the type {types:?}"));
        }
    }
    if rules.get("const").is_some_and(|wanted| wanted != value) {
        fault(format!("is not {}", rules["const"]));
    }
    if rules.get("enum").and_then(Value::as_array).is_some_and(|words| !words.contains(value)) {
        fault(format!("is none of {}", rules["enum"]));
    }
    if let (Some(pattern), Some(text)) = (rules.get("pattern").and_then(Value::as_str), value.as_str())
        && !Regex::new(pattern).expect("a pattern").is_match(text)
    {
        fault(format!("does not match {pattern}"));
    }
    let at_least =
        |rule: &str, size: Option<f64>| size.zip(rules.get(rule).and_then(Value::as_f64)).is_some_and(|(size, least)| size < least);
    if at_least("minimum", value.as_f64())
        || at_least("minItems", value.as_array().map(|items| items.len() as f64))
        || at_least("minLength", value.as_str().map(|text| text.chars().count() as f64))
    {
        fault("is too small or too short".to_owned());
    }
    members(schema, value, at, faults);
}

fn members(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.is_object() && value.get(name).is_none() {
            faults.push(format!("{at}: has no {name}"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(of), _) => check(of, member, &format!("{at}.{name}"), faults),
            (None, Some(Value::Bool(false))) => faults.push(format!("{at}: {name} is not known")),
            (None, Some(of)) if of.is_object() => check(of, member, &format!("{at}.{name}"), faults),
            (None, _) => {}
        }
    }
    if let Some(of) = schema.get("items") {
        value.as_array().into_iter().flatten().enumerate().for_each(|(n, item)| check(of, item, &format!("{at}[{n}]"), faults));
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_i64().is_some() || value.as_u64().is_some(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("there is no type {other}"),
    }
}
