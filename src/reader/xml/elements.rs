//! One XML event: its elements and attributes become members, under the paths that the EVTX reader gives them.
//!
//! The five entities of XML and numeric references are resolved; any other stays as it is written: there are no documents
//! that define entities here.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::normalise::{Normaliser, PathId};
use crate::reader::markup::{Markup, USER_DATA};
use crate::reader::row_error::RowError;

/// Elements inside of each other.
// Windows nests five or six elements; the stack of open ones must have an end.
const MAX_DEPTH: usize = 100;

/// An element that is open.
struct OpenElement {
    path: PathId,
    /// Other elements are in it: text beside them is indentation.
    has_elements: bool,
    has_attributes: bool,
    /// It is named by an attribute: it is there even where it is empty.
    named: bool,
}

/// Reads events; keeps its memory.
#[derive(Default)]
pub(in super::super) struct Elements {
    open: Vec<OpenElement>,
    text: String,
    attribute: String,
    markup: Markup,
}

impl Elements {
    /// Hands over the members of one `<Event>`. On an error, what came before it was handed over.
    pub(in super::super) fn event(&mut self, text: &str, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        self.read(text, PathId::ROOT, false, events)
    }

    /// Hands over what is inside of a text like `<EventData>…</EventData>`, as members below a path.
    pub(in super::super) fn inside(&mut self, text: &str, path: PathId, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        self.read(text, path, true, events)
    }

    fn read(&mut self, text: &str, root: PathId, inside: bool, events: &mut Normaliser<'_>) -> Result<(), RowError> {
        self.open.clear();
        self.text.clear();
        self.markup.reset();
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        // A torn event has ends without beginnings, and what is there of it counts.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        loop {
            match reader.read_event() {
                Ok(Event::Start(tag)) => {
                    if self.open.len() >= MAX_DEPTH {
                        self.rest(events);
                        return Err(RowError::TooDeep { language: "XML", most: MAX_DEPTH });
                    }
                    self.start(&tag, root, inside, events);
                }
                Ok(Event::Empty(tag)) => {
                    self.start(&tag, root, inside, events);
                    self.end(events);
                }
                Ok(Event::End(_)) => self.end(events),
                Ok(Event::Text(text)) => self.text.push_str(&text),
                Ok(Event::CData(text)) => self.text.push_str(&text),
                Ok(Event::GeneralRef(name)) => resolve(&name, &mut self.text),
                Ok(Event::Eof) => {
                    self.rest(events);
                    return Ok(());
                }
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
                Err(error) => {
                    self.rest(events);
                    return Err(RowError::Xml(error));
                }
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, root: PathId, inside: bool, events: &mut Normaliser<'_>) {
        self.text.clear();
        let name = tag.local_name().into_inner();
        let parent = self.open.last_mut().map_or(root, |parent| {
            parent.has_elements = true;
            parent.path
        });
        if inside && self.open.len() < 2 && matches!(name, "DataItem" | "EventData") {
            self.open.push(OpenElement { path: root, has_elements: true, has_attributes: false, named: false });
            return;
        }
        self.mark_up(tag, name, inside);
        let mut open = OpenElement { path: events.child(parent, name), has_elements: false, has_attributes: false, named: false };
        if events.has_named_elements(open.path) {
            open.named = true;
            match attribute(tag, "Name").filter(|name| !name.is_empty()) {
                Some(name) => {
                    self.unescape(name);
                    open.path = events.child(parent, &self.attribute);
                }
                None => open.path = events.child(open.path, "#text"),
            }
        } else {
            open.has_attributes = self.attributes(tag, open.path, events);
        }
        self.open.push(open);
    }

    /// Writes the start of an element that is in `UserData`, if it is.
    fn mark_up(&mut self, tag: &BytesStart<'_>, name: &str, inside: bool) {
        if self.markup.is_begun() {
            self.markup.start(name);
            for attribute in tag.attributes().with_checks(false).filter_map(Result::ok) {
                self.unescape(&attribute.value);
                self.markup.attribute(attribute.key.into_inner(), &self.attribute);
            }
        } else if self.open.len() == 1 && name == USER_DATA && !inside {
            self.markup.begin();
        }
    }

    /// Hands over the attributes of an element, if it has any but namespaces.
    fn attributes(&mut self, tag: &BytesStart<'_>, path: PathId, events: &mut Normaliser<'_>) -> bool {
        let mut any = false;
        for attribute in tag.attributes().with_checks(false).filter_map(Result::ok) {
            let name = attribute.key.into_inner();
            if name == "xmlns" || name.starts_with("xmlns:") || name.starts_with("xml:") {
                continue;
            }
            any = true;
            let all = events.child(path, "#attributes");
            let path = events.child(all, name);
            self.unescape(&attribute.value);
            events.value(path, &self.attribute);
        }
        any
    }

    fn unescape(&mut self, value: &str) {
        self.attribute.clear();
        let mut rest = value;
        while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
            self.attribute.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            match memchr::memchr(b';', rest.as_bytes()) {
                Some(end) => {
                    resolve(&rest[..end], &mut self.attribute);
                    rest = &rest[end + 1..];
                }
                None => self.attribute.push('&'),
            }
        }
        self.attribute.push_str(rest);
    }

    fn end(&mut self, events: &mut Normaliser<'_>) {
        let Some(open) = self.open.pop() else { return self.text.clear() };
        if self.markup.is_begun() {
            if !open.has_elements {
                self.markup.text(&self.text);
            }
            match self.open.len() {
                // `UserData` itself: what it holds is whole.
                1 => self.markup.finish(events),
                _ => self.markup.end(),
            }
        }
        if !open.has_elements && (open.named || !self.text.is_empty()) {
            let path = if open.has_attributes { events.child(open.path, "#text") } else { open.path };
            events.value(path, in_ticks(&self.text).as_deref().unwrap_or(&self.text));
        }
        self.text.clear();
    }

    /// Hands over the text of an element that the event was cut off in.
    fn rest(&mut self, events: &mut Normaliser<'_>) {
        let kept = self.text.trim_ascii_end().len();
        self.text.truncate(kept);
        if !self.open.is_empty() && kept > 0 {
            self.end(events);
        }
        self.open.clear();
    }
}

fn attribute<'t>(tag: &'t BytesStart<'_>, name: &str) -> Option<&'t str> {
    let attributes = tag.attributes_raw();
    let mut at = 0;
    // The one attribute that nearly every element has comes first and is plain.
    loop {
        let found = at + memchr::memmem::find(&attributes.as_bytes()[at..], name.as_bytes())?;
        let before = attributes.as_bytes()[..found].last();
        let rest = attributes[found + name.len()..].trim_start();
        if before.is_none_or(u8::is_ascii_whitespace)
            && let Some(value) = rest.strip_prefix('=').map(str::trim_start)
            && let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"'))
        {
            return value[1..].split(quote).next();
        }
        at = found + name.len();
    }
}

/// Writes what a reference stands for; an unknown one stays as it is.
fn resolve(name: &str, out: &mut String) {
    let number = |digits: &str| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    };
    match name {
        "lt" => out.push('<'),
        "gt" => out.push('>'),
        "amp" => out.push('&'),
        "quot" => out.push('"'),
        "apos" => out.push('\''),
        _ => match name.strip_prefix('#').map(|digits| number(digits).and_then(char::from_u32)) {
            Some(character) => out.push(character.unwrap_or(char::REPLACEMENT_CHARACTER)),
            None => {
                out.push('&');
                out.push_str(name);
                out.push(';');
            }
        },
    }
}

/// A time written with nine digits, as EVTX gives it: in ticks of 100 ns.
fn in_ticks(text: &str) -> Option<String> {
    let b = text.as_bytes();
    let is_time = b.len() == 30 && b[4] == b'-' && b[10] == b'T' && b[19] == b'.' && b.ends_with(b"00Z");
    // Two zeros that the store would keep as text: with seven digits the time is stored as a number.
    is_time.then(|| format!("{}Z", &text[..27]))
}
