//! Functions over JSON, by a crate. Numbers keep their spelling, which the crate does not: it sees them as texts with a mark.

use retrohunt::ir::Function;
use serde_json::Value as Json;

use super::super::digits::Measured;
use super::super::scalar::Value;
use super::{Arguments, truth};

pub(super) fn call(function: Function, a: &Arguments<'_>) -> Option<Value> {
    match function {
        Function::Spath => spath(&a.text(0)?, &a.text(1)?),
        Function::Json => value(&a.text(0)?).map(|_| a.at(0)),
        Function::JsonValid => truth(a.text(0).is_some_and(|text| value(&text).is_some())),
        Function::JsonArray | Function::JsonObject => made(function, a),
        Function::JsonKeys => keys(&a.text(0)?),
        Function::JsonHasKeyExact => truth(value(&a.text(0)?)?.as_object()?.contains_key(&a.text(1)?)),
        Function::IsArray => truth(a.text(0).and_then(|text| value(&text)).is_some_and(|json| json.is_array())),
        Function::IsObject => truth(a.text(0).and_then(|text| value(&text)).is_some_and(|json| json.is_object())),
        Function::JsonAppend | Function::JsonDelete | Function::JsonExtend | Function::JsonSet | Function::JsonSetExact => {
            changed(function, a)
        }
        Function::JsonExtract | Function::JsonExtractExact => extract(function, a),
        Function::JsonArrayToMv => members(a),
        Function::MvToJsonArray => of_members(a),
        Function::ToJson => Some(Value::Text(written(&plain(&a.at(0))))),
        other => panic!("{other:?} is not a function of JSON"),
    }
}

/// In front of a text that is a number. No generated text has it.
const NUMBER: char = '\u{f8ff}';

fn value(text: &str) -> Option<Json> {
    serde_json::from_str::<Json>(text).ok()?;
    let (mut marked, mut in_text, mut in_number, mut is_escaped) = (String::new(), false, false, false);
    // A blank at the end ends a number.
    for c in text.chars().chain([' ']) {
        let is_number = !in_text && (c.is_ascii_digit() || c == '-' || (in_number && matches!(c, '+' | '.' | 'e' | 'E')));
        if is_number != in_number {
            marked.push('"');
            marked.extend(is_number.then_some(NUMBER));
        }
        in_number = is_number;
        in_text ^= c == '"' && !is_escaped;
        is_escaped = in_text && c == '\\' && !is_escaped;
        marked.push(c);
    }
    serde_json::from_str(&marked).ok()
}

/// JSON as text, its numbers as they were written.
fn written(json: &Json) -> String {
    let mut parts = json.to_string();
    while let Some(at) = parts.find(&format!("\"{NUMBER}")) {
        let end = at + 1 + parts[at + 1..].find('"').expect("a text ends");
        let number = parts[at + 1 + NUMBER.len_utf8()..end].to_owned();
        parts.replace_range(at..=end, &number);
    }
    parts
}

/// A text that is an object or an array is that inside of a new one.
fn nested(value: &Value) -> Json {
    match value {
        Value::Text(text) => self::value(text).filter(|json| json.is_object() || json.is_array()).unwrap_or_else(|| plain(value)),
        other => plain(other),
    }
}

/// A value by its kind.
fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::List(members) => members.iter().cloned().collect(),
        Value::Text(text) => text.clone().into(),
        number => self::value(&number.text().expect("a number has a text")).expect("the text of a number is JSON"),
    }
}

fn made(function: Function, a: &Arguments<'_>) -> Option<Value> {
    let json: Json = if function == Function::JsonArray {
        a.0.iter().map(nested).collect()
    } else {
        let mut members = serde_json::Map::new();
        for pair in a.0.chunks(2) {
            members.insert(pair[0].single()?, nested(&pair[1]));
        }
        Json::Object(members)
    };
    Some(Value::Text(written(&json)))
}

fn keys(text: &str) -> Option<Value> {
    let keys: Json = value(text)?.as_object()?.keys().cloned().collect();
    Some(Value::Text(keys.to_string()))
}

fn text_of(json: &Json) -> String {
    json.as_str().filter(|text| !text.starts_with(NUMBER)).map_or_else(|| written(json), str::to_owned)
}

/// `a.b{}.c{0}`: the values there.
fn at<'j>(json: &'j Json, path: &str) -> Vec<&'j Json> {
    let mut found = vec![json];
    for part in path.replace('{', ".{").split('.').filter(|part| !part.is_empty()) {
        let step = |json: &'j Json| -> Vec<&'j Json> {
            match part.strip_prefix('{').map(|part| part.trim_end_matches('}')) {
                Some("") => json.as_array().map_or_else(Vec::new, |members| members.iter().collect()),
                Some(place) => json.as_array().and_then(|members| members.get(place.parse::<usize>().ok()?)).into_iter().collect(),
                None => json.as_object().and_then(|members| members.get(part)).into_iter().collect(),
            }
        };
        found = found.into_iter().flat_map(step).collect();
    }
    found
}

fn spath(text: &str, path: &str) -> Option<Value> {
    let json = value(text)?;
    let found: Vec<String> = at(&json, path).into_iter().filter(|json| !json.is_null()).map(text_of).collect();
    Some(Value::of_members(&found))
}

fn extract(function: Function, a: &Arguments<'_>) -> Option<Value> {
    let json = value(&a.text(0)?)?;
    let (mut found, mut many) = (Vec::new(), a.0.len() > 2);
    for place in 1..a.0.len() {
        let path = a.text(place)?;
        if function == Function::JsonExtract {
            many |= path.contains("{}");
            found.extend(at(&json, &path));
        } else {
            found.extend(json.as_object().and_then(|members| members.get(&path)));
        }
    }
    let one = if a.0.len() == 1 { Some(&json) } else { found.first().copied().filter(|_| found.len() == 1 && !many) };
    match one {
        Some(Json::Null) => None,
        Some(Json::String(text)) if text.starts_with(NUMBER) => Measured::read(&text[NUMBER.len_utf8()..]).map(Measured::end),
        Some(json) => Some(Value::Text(text_of(json))),
        None if found.is_empty() => None,
        None => Some(Value::Text(written(&found.into_iter().cloned().collect()))),
    }
}

/// The pointers (as of RFC 6901) of all places that a path means in a document; with `makes` also of keys that are not there yet.
fn places(json: &Json, path: &str, makes: bool) -> Vec<String> {
    let path = path.replace('{', ".{");
    let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
    let mut found = vec![String::new()];
    for (number, part) in parts.iter().enumerate() {
        let only_keys = parts[number..].iter().all(|part| !part.starts_with('{'));
        let step = |at: &String| -> Vec<String> {
            let here = json.pointer(at);
            match part.strip_prefix('{').map(|part| part.trim_end_matches('}')) {
                Some("") => (0..here.and_then(Json::as_array).map_or(0, Vec::len)).map(|place| format!("{at}/{place}")).collect(),
                Some(place) => {
                    let place: usize = place.parse().expect("generated paths are right");
                    let is_there = here.and_then(Json::as_array).is_some_and(|members| place < members.len());
                    is_there.then(|| format!("{at}/{place}")).into_iter().collect()
                }
                None => {
                    let key = format!("{at}/{}", part.replace('~', "~0").replace('/', "~1"));
                    let is_there = here.and_then(Json::as_object).is_some_and(|members| members.contains_key(*part));
                    let is_made = makes && only_keys && here.is_none_or(Json::is_object);
                    (is_there || is_made).then_some(key).into_iter().collect()
                }
            }
        };
        found = found.iter().flat_map(step).collect();
    }
    found
}

fn changed(function: Function, a: &Arguments<'_>) -> Option<Value> {
    let mut json = value(&a.text(0)?)?;
    let every = if function == Function::JsonDelete { 1 } else { 2 };
    for place in (1..a.0.len()).step_by(every) {
        let path = a.text(place)?;
        let new = nested(&a.at(place + 1));
        if function == Function::JsonSetExact {
            if let Some(members) = json.as_object_mut() {
                members.insert(path, new);
            }
            continue;
        }
        for pointer in places(&json, &path, function == Function::JsonSet).into_iter().rev() {
            match function {
                Function::JsonSet => set(&mut json, &pointer, new.clone()),
                Function::JsonDelete => delete(&mut json, &pointer),
                _ => {
                    let added = if let (Function::JsonExtend, Json::Array(members)) = (function, &new) {
                        members.clone()
                    } else {
                        vec![new.clone()]
                    };
                    if let Some(Json::Array(members)) = json.pointer_mut(&pointer) {
                        members.extend(added);
                    }
                }
            }
        }
    }
    Some(Value::Text(written(&json)))
}

fn set(json: &mut Json, pointer: &str, new: Json) {
    if let Some(old) = json.pointer_mut(pointer) {
        *old = new;
    } else if let Some((above, key)) = pointer.rsplit_once('/') {
        if json.pointer(above).is_none() {
            set(json, above, Json::Object(serde_json::Map::new()));
        }
        if let Some(Json::Object(members)) = json.pointer_mut(above) {
            members.insert(key.replace("~1", "/").replace("~0", "~"), new);
        }
    }
}

fn delete(json: &mut Json, pointer: &str) {
    let Some((above, key)) = pointer.rsplit_once('/') else { return };
    match json.pointer_mut(above) {
        Some(Json::Object(members)) => drop(members.shift_remove(&key.replace("~1", "/").replace("~0", "~"))),
        Some(Json::Array(members)) => drop(members.remove(key.parse().expect("a place"))),
        _ => {}
    }
}

fn members(a: &Arguments<'_>) -> Option<Value> {
    if a.0.len() > 1 && a.at(1) == Value::Null {
        return None;
    }
    let member = |json: &Json| if a.is_true(1) { written(json) } else { text_of(json) };
    Some(Value::of_members(&value(&a.text(0)?)?.as_array()?.iter().map(member).collect::<Vec<_>>()))
}

fn of_members(a: &Arguments<'_>) -> Option<Value> {
    if a.0.len() > 1 && a.at(1) == Value::Null {
        return None;
    }
    let typed = a.is_true(1);
    let member = |text: String| value(&text).filter(|_| typed).unwrap_or(Json::String(text));
    Some(Value::Text(written(&a.members(0)?.into_iter().map(member).collect())))
}
