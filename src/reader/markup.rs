//! The markup of `UserData`, the part of a Windows event whose elements nest: the field `UserData_Xml`.
//!
//! Its elements and attributes are fields too, by their last names alone. What stands in what, and in which order, is in the markup
//! only, so it is kept; few event types have it. It has one spelling for all encodings, because binary logs hold no text: no namespaces
//! and no indentation, attributes in double quotes, `<a />` for an element without content.

use std::fmt::Write;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;
use sonic_rs::{JsonType, JsonValueTrait, LazyValue};

use crate::normalise::{Normaliser, PathId};

/// The element of an event.
pub(super) const USER_DATA: &str = "UserData";
/// The field.
const FIELD: &str = "UserData_Xml";

static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"UserData\""));

/// Writes markup; keeps its memory.
#[derive(Default)]
pub(super) struct Markup {
    text: String,
    /// The names of the open elements.
    open: Vec<String>,
    is_begun: bool,
    /// The last tag waits for its `>`.
    is_empty: bool,
}

impl Markup {
    /// Begins; what was written is gone.
    pub(super) fn begin(&mut self) {
        self.reset();
        self.is_begun = true;
    }

    /// Forgets what was written.
    pub(super) fn reset(&mut self) {
        self.text.clear();
        self.open.clear();
        (self.is_begun, self.is_empty) = (false, false);
    }

    /// Whether markup is being written.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Opens an element.
    pub(super) fn start(&mut self, name: &str) {
        self.close_tag();
        self.text.push('<');
        self.text.push_str(name);
        self.open.push(name.to_owned());
        self.is_empty = true;
    }

    /// Adds an attribute to the element that was opened last; namespaces are none.
    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        if name == "xmlns" || name.starts_with("xmlns:") || name.starts_with("xml:") {
            return;
        }
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("=\"");
        escape(value, true, &mut self.text);
        self.text.push('"');
    }

    /// Adds text.
    pub(super) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.close_tag();
            escape(text, false, &mut self.text);
        }
    }

    /// Closes the element that was opened last.
    pub(super) fn end(&mut self) {
        let Some(name) = self.open.pop() else { return };
        if std::mem::take(&mut self.is_empty) {
            self.text.push_str(" />");
        } else {
            // Writing to a text cannot fail.
            let _ = write!(self.text, "</{name}>");
        }
    }

    /// Hands over what was written.
    pub(super) fn finish(&mut self, events: &mut Normaliser<'_>) {
        if !self.text.is_empty() {
            let path = events.child(PathId::ROOT, FIELD);
            events.value(path, &self.text);
        }
        self.reset();
    }

    /// Hands over the markup of an event that is written as JSON, as `{"Event":{"UserData":{…}}}`.
    pub(super) fn of_json(&mut self, record: &str, events: &mut Normaliser<'_>) {
        // Most events have none: looking for the name costs next to nothing, walking the record once more does not.
        if NAME.find(record.as_bytes()).is_none() {
            return;
        }
        let Ok(data) = sonic_rs::get(record, &["Event", USER_DATA]) else { return };
        self.begin();
        self.children(&data);
        self.finish(events);
    }

    fn close_tag(&mut self) {
        if std::mem::take(&mut self.is_empty) {
            self.text.push('>');
        }
    }

    /// The members of an object that are elements, and its text.
    fn children(&mut self, object: &LazyValue<'_>) {
        let mut seen: FxHashMap<String, u32> = FxHashMap::default();
        for (key, value) in members(object) {
            match key.as_str() {
                "#text" => self.text(&plain(&value)),
                "#attributes" | "_attributes" => {}
                key if key.starts_with('@') => {}
                key => {
                    let name = repeated(key, &mut seen);
                    self.element(name, &value);
                }
            }
        }
    }

    fn element(&mut self, name: &str, value: &LazyValue<'_>) {
        match value.get_type() {
            JsonType::Array => {
                let elements = sonic_rs::to_array_iter(value.as_raw_str()).filter_map(Result::ok);
                elements.for_each(|element| self.element(name, &element));
                return;
            }
            JsonType::Object => {
                self.start(name);
                for (key, value) in members(value) {
                    match key.strip_prefix('@') {
                        Some(key) => self.attribute(key, &plain(&value)),
                        None if matches!(key.as_str(), "#attributes" | "_attributes") => {
                            members(&value).into_iter().for_each(|(key, value)| self.attribute(&key, &plain(&value)));
                        }
                        None => {}
                    }
                }
                self.children(value);
            }
            _ => {
                self.start(name);
                self.text(&plain(value));
            }
        }
        self.end();
    }
}

/// The members of an object; none of anything else.
fn members<'v>(value: &'v LazyValue<'_>) -> Vec<(String, LazyValue<'v>)> {
    if value.get_type() != JsonType::Object {
        return Vec::new();
    }
    sonic_rs::to_object_iter(value.as_raw_str()).filter_map(Result::ok).map(|(key, value)| (key.to_string(), value)).collect()
}

/// The text of a value; null has none.
fn plain(value: &LazyValue<'_>) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_null() => String::new(),
        None => value.as_raw_str().to_owned(),
    }
}

/// The name of an element: in JSON the second `Item` of an object is `Item_1`, the third `Item_2`.
fn repeated<'k>(key: &'k str, seen: &mut FxHashMap<String, u32>) -> &'k str {
    if let Some((base, number)) = key.rsplit_once('_')
        && let Ok(number) = number.parse::<u32>()
        && let Some(count) = seen.get_mut(base).filter(|count| **count == number)
    {
        *count += 1;
        return base;
    }
    seen.insert(key.to_owned(), 1);
    key
}

fn escape(text: &str, in_quotes: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_quotes => out.push_str("&quot;"),
            '\n' if in_quotes => out.push_str("&#10;"),
            '\r' if in_quotes => out.push_str("&#13;"),
            '\t' if in_quotes => out.push_str("&#09;"),
            c => out.push(c),
        }
    }
}
