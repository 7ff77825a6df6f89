//! Functions over JSON.

use std::sync::Arc;

use super::super::json::{JsonValue, PathStep, path};
use super::super::unpack::{Found, TextPath, WantedFields, unpack};
use super::super::{Cell, Number};
use super::Arguments;
use crate::ir::{Function, TextForm};

/// The functions that make JSON, or take it apart.
pub(super) fn call(function: Function, a: Arguments<'_>) -> Cell {
    let read = || a.at(0).single().and_then(|text| JsonValue::read(&text));
    let shown = |value: JsonValue| Cell::text_of(value.to_string());
    match function {
        Function::Spath => spath(a),
        Function::Json => {
            if read().is_some() {
                a.at(0).clone()
            } else {
                Cell::Null
            }
        }
        Function::JsonValid => Cell::Bool(read().is_some()),
        Function::JsonObject => {
            let pairs: Option<Vec<_>> =
                a.0.chunks_exact(2).map(|pair| Some((pair[0].single()?.into_owned(), value_of(&pair[1])))).collect();
            pairs.map_or(Cell::Null, |pairs| shown(JsonValue::Object(pairs)))
        }
        Function::JsonArray => shown(JsonValue::Array(a.0.iter().map(value_of).collect())),
        Function::JsonKeys => match read() {
            Some(JsonValue::Object(members)) => shown(JsonValue::Array(members.into_iter().map(|(key, _)| JsonValue::Text(key)).collect())),
            _ => Cell::Null,
        },
        Function::JsonHasKeyExact => match (read(), a.at(1).single()) {
            (Some(object @ JsonValue::Object(_)), Some(key)) => Cell::Bool(object.member(&key).is_some()),
            _ => Cell::Null,
        },
        Function::IsArray => Cell::Bool(matches!(read(), Some(JsonValue::Array(_)))),
        Function::IsObject => Cell::Bool(matches!(read(), Some(JsonValue::Object(_)))),
        Function::JsonSet | Function::JsonSetExact | Function::JsonAppend | Function::JsonExtend | Function::JsonDelete => {
            read().and_then(|value| changed(function, value, a)).map_or(Cell::Null, shown)
        }
        Function::JsonExtract | Function::JsonExtractExact => extract(a, function == Function::JsonExtractExact),
        Function::JsonArrayToMv => match read() {
            // With a second argument that is true the members stay JSON: texts keep their quotes.
            Some(JsonValue::Array(members)) if a.at(1).is_true() => {
                Cell::list_of(members.iter().map(|member| Arc::from(member.to_string())).collect())
            }
            Some(JsonValue::Array(members)) => Cell::list_of(members.iter().map(member_text).collect()),
            _ => Cell::Null,
        },
        Function::MvToJsonArray => {
            let infers = a.at(1).is_true();
            let typed = |member: &Arc<str>| match JsonValue::read(member) {
                Some(value) if infers => value,
                _ => JsonValue::Text(member.to_string()),
            };
            if a.at(0).is_null() { Cell::Null } else { shown(JsonValue::Array(a.at(0).members().iter().map(typed).collect())) }
        }
        _ => shown(plain(a.at(0))),
    }
}

/// A value of a new object or array: a text that is itself an object or array is that.
fn value_of(cell: &Cell) -> JsonValue {
    let nested = match cell {
        Cell::Text(text) if text.starts_with(['{', '[']) => JsonValue::read(text),
        _ => None,
    };
    nested.unwrap_or_else(|| plain(cell))
}

/// A value by its kind.
fn plain(cell: &Cell) -> JsonValue {
    match cell {
        Cell::Null => JsonValue::Null,
        Cell::Bool(truth) => JsonValue::Bool(*truth),
        Cell::Number(number) => JsonValue::Number(number.text()),
        Cell::Text(text) => JsonValue::Text(text.to_string()),
        Cell::List(members) => JsonValue::Array(members.iter().map(|member| JsonValue::Text(member.to_string())).collect()),
    }
}

/// What a value is outside of JSON.
fn cell_of(value: &JsonValue) -> Cell {
    match value {
        JsonValue::Null => Cell::Null,
        JsonValue::Number(text) => Number::read(text).map_or_else(|| Cell::text_of(text.as_str()), Cell::Number),
        other => Cell::Text(member_text(other)),
    }
}

fn member_text(value: &JsonValue) -> Arc<str> {
    match value {
        JsonValue::Text(text) => Arc::from(text.as_str()),
        other => Arc::from(other.to_string()),
    }
}

/// A document with the changes that the arguments behind it ask for, one after the other; nothing where a path cannot be read.
fn changed(function: Function, mut value: JsonValue, a: Arguments<'_>) -> Option<JsonValue> {
    let arguments = a.0.get(1..).unwrap_or_default();
    let steps = |cell: &Cell| {
        let text = cell.single()?;
        // An exact key is one step, whatever characters it has.
        if function == Function::JsonSetExact { Some(vec![PathStep::Key(text.into_owned())]) } else { path(&text) }
    };
    if function == Function::JsonDelete {
        arguments.iter().try_for_each(|cell| steps(cell).map(|steps| value.remove(&steps)))?;
        return Some(value);
    }
    for pair in arguments.chunks_exact(2) {
        let (steps, new) = (steps(&pair[0])?, value_of(&pair[1]));
        match (function, new) {
            (Function::JsonAppend, new) => value.append(&steps, &[new]),
            (Function::JsonExtend, JsonValue::Array(members)) => value.append(&steps, &members),
            (Function::JsonExtend, new) => value.append(&steps, &[new]),
            (_, new) => value.set(&steps, &new),
        }
    }
    Some(value)
}

/// One path that means one value gives it; more values are an array. Without a path it is the whole.
fn extract(a: Arguments<'_>, exact: bool) -> Cell {
    let Some(value) = a.at(0).single().and_then(|text| JsonValue::read(&text)) else { return Cell::Null };
    let mut found: Vec<JsonValue> = Vec::new();
    let mut means_many = a.0.len() > 2;
    for cell in a.0.iter().skip(1) {
        let Some(text) = cell.single() else { return Cell::Null };
        if exact {
            found.extend(value.member(&text).cloned());
            continue;
        }
        let Some(steps) = path(&text) else { return Cell::Null };
        means_many |= steps.contains(&PathStep::All);
        found.extend(value.at(&steps).into_iter().cloned());
    }
    match found.as_slice() {
        _ if a.0.len() == 1 => cell_of(&value),
        [] => Cell::Null,
        [one] if !means_many => cell_of(one),
        _ => Cell::text_of(JsonValue::Array(found).to_string()),
    }
}

/// The texts at a path, as the command `spath` finds them, in JSON and in XML.
fn spath(a: Arguments<'_>) -> Cell {
    let (Some(text), Some(path)) = (a.at(0).single(), a.at(1).single()) else { return Cell::Null };
    let mut found = Found(vec![Vec::new()]);
    unpack(&text, &TextForm::Structured, &WantedFields::Path(TextPath::new(&path)), &mut found);
    found.0.pop().map_or(Cell::Null, Cell::list_of)
}
