//! Fields inside of a text: JSON, XML, pairs.
//!
//! A text is read for names that are wanted; what else it holds is passed by. Nothing here knows rows.

mod pairs;
mod xml;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::json::{self, JsonValue, PathStep};
use crate::ir::TextForm;
use xml::XmlSteps;

/// Bytes of a name that a text makes: longer ones are no field's, and deep texts would make them over and over.
const MAX_NAME_BYTES: usize = 4_096;

/// What is wanted of a text.
pub(super) enum WantedFields {
    /// The values at one path.
    Path(TextPath),
    /// The values of these names: name → place in the answer.
    Names(FxHashMap<Box<str>, usize>),
}

/// A path, read for both ways to write a text; none where it cannot be a path of that way.
pub(super) struct TextPath {
    json: Option<Vec<PathStep>>,
    xml: Option<XmlSteps>,
}

impl TextPath {
    /// Reads a path in Splunk's spelling: `a.b{}.c`, `a.b{2}`, `a.b{@c}`.
    pub(super) fn new(text: &str) -> Self {
        Self { json: json::path(text), xml: xml::path(text) }
    }
}

/// The texts of each name that is wanted, in the order of the text.
pub(super) struct Found(pub(super) Vec<Vec<Arc<str>>>);

impl Found {
    fn add(&mut self, place: usize, text: &str) {
        self.0[place].push(Arc::from(text));
    }

    /// The last of a name wins.
    fn set(&mut self, place: usize, text: &str) {
        self.0[place] = vec![Arc::from(text)];
    }
}

/// Reads a text.
pub(super) fn unpack(text: &str, form: &TextForm, wanted: &WantedFields, found: &mut Found) {
    let text = text.trim();
    match (form, wanted) {
        (TextForm::Structured, _) if text.starts_with(['{', '[']) => {
            if let Some(value) = JsonValue::read(text) {
                of_json(&value, wanted, found);
            }
        }
        (TextForm::Structured, WantedFields::Path(path)) => {
            let steps = path.xml.as_ref();
            steps.into_iter().flat_map(|steps| xml::read(text).at(steps)).for_each(|value| found.add(0, &value));
        }
        (TextForm::Structured, WantedFields::Names(names)) => xml::read(text).each_path(&mut |path, value| {
            if let Some(place) = names.get(path) {
                found.add(*place, value);
            }
        }),
        (TextForm::Elements, WantedFields::Names(names)) => xml::read(text).each_leaf(&mut |name, value| {
            if let Some(place) = names.get(name) {
                found.set(*place, value);
            }
        }),
        (TextForm::Pairs(marks), WantedFields::Names(names)) => pairs::each(text, marks, &mut |name, value| {
            // The first of a name wins, as in Splunk without `mv_add`.
            if let Some(place) = names.get(name).filter(|place| found.0[**place].is_empty()) {
                found.add(*place, value);
            }
        }),
        (TextForm::Object, WantedFields::Names(names)) => {
            if let Some(JsonValue::Object(members)) = JsonValue::read(text) {
                for (name, value) in &members {
                    if let (Some(place), Some(text)) = (names.get(name.as_str()), value_text(value)) {
                        found.set(*place, &text);
                    }
                }
            }
        }
        (TextForm::Elements | TextForm::Pairs(_) | TextForm::Object, WantedFields::Path(_)) => {} // only `spath` has paths
    }
}

fn of_json(value: &JsonValue, wanted: &WantedFields, found: &mut Found) {
    match wanted {
        WantedFields::Path(path) => {
            let values = path.json.as_ref().map_or_else(Vec::new, |steps| value.at(steps));
            values.into_iter().filter_map(value_text).for_each(|text| found.add(0, &text));
        }
        WantedFields::Names(names) => each_member(value, &mut String::new(), &mut |path, text| {
            if let Some(place) = names.get(path) {
                found.add(*place, text);
            }
        }),
    }
}

/// A value outside of JSON: objects and arrays as JSON, null as nothing.
fn value_text(value: &JsonValue) -> Option<String> {
    match value {
        JsonValue::Null => None,
        JsonValue::Text(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Calls `visit` with the path and text of all that is neither an object nor an array: `a.b`, `c{}`, `c{}.d`.
fn each_member(value: &JsonValue, path: &mut String, visit: &mut dyn FnMut(&str, &str)) {
    let length = path.len();
    if length > MAX_NAME_BYTES {
        return;
    }
    match value {
        JsonValue::Object(members) => {
            for (name, value) in members {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                each_member(value, path, visit);
                path.truncate(length);
            }
        }
        JsonValue::Array(members) => {
            path.push_str("{}");
            members.iter().for_each(|member| each_member(member, path, visit));
            path.truncate(length);
        }
        JsonValue::Null => {}
        JsonValue::Text(text) => visit(path, text),
        JsonValue::Bool(_) | JsonValue::Number(_) => visit(path, &value.to_string()),
    }
}

#[cfg(test)]
mod tests;
