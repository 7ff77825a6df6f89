//! Rendered messages of Windows events back to the fields they were made from.
//!
//! Where a source has nothing but the rendered text, the fields that rules ask for are in its labels. Which label is
//! which field is data: `rules/normalise/windows_text.yml`. A label that two sections have (the account that asks, the
//! account that is meant) is told apart by its section, as the XML names tell them apart.

mod data;
mod template;
mod value;

use std::collections::HashMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use data::{ChannelEntry, DATA, LabelField, MessageStyle, ValueForm};

/// A label that is longer is none.
// Labels are a few words; a longer text before a colon is a sentence.
const MAX_LABEL_BYTES: usize = 64;
/// Events whose entries are remembered.
// A log with more kinds of events than that wants to fill the memory.
const MAX_LAYOUTS: usize = 10_000;

/// The name a provider has in the XML.
pub(crate) fn provider(name: &str) -> &str {
    DATA.providers.get(name).map_or(name, String::as_str)
}

/// The channel that a provider writes an event to, where it is one only.
pub(crate) fn channel(of: &str, code: &str) -> Option<&'static str> {
    let of = provider(of);
    DATA.channels.get(&format!("{of}/{code}")).or_else(|| DATA.channels.get(of)).map(String::as_str)
}

/// The keywords of this name as the XML has them.
pub(crate) fn keywords(name: &str) -> Option<&'static str> {
    named(&DATA.keywords, name)
}

/// The number of the level of this name.
pub(crate) fn level(name: &str) -> Option<&'static str> {
    named(&DATA.levels, name)
}

/// The number of the opcode of this name.
pub(crate) fn opcode(name: &str) -> Option<&'static str> {
    named(&DATA.opcodes, name)
}

/// Names are compared without case: exporters differ in it.
fn named(names: &'static HashMap<String, String>, name: &str) -> Option<&'static str> {
    names.get(name.to_ascii_lowercase().as_str()).map(String::as_str)
}

/// Reads messages.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    layouts: FxHashMap<(String, String), Rc<Layout>>,
    value: String,
    key: String,
}

/// What is known of the messages of one event.
#[derive(Debug, Default)]
struct Layout {
    style: MessageStyle,
    /// Those that name the event first.
    entries: Vec<&'static ChannelEntry>,
}

impl Layout {
    fn new(channel: &str, code: &str) -> Self {
        let mut entries: Vec<&'static ChannelEntry> = DATA.entries.iter().filter(|e| e.is_for(channel, code)).collect();
        // Stable: among equals the order of the file decides.
        entries.sort_by_key(|e| !e.is_specific());
        let style = entries.iter().map(|e| e.style).find(|s| *s != MessageStyle::Sections).unwrap_or_default();
        Self { style, entries }
    }

    /// The field that a label names in a section.
    fn target(&self, section: &str, label: &str, key: &mut String) -> Option<&'static LabelField> {
        key.clear();
        key.extend(section.chars().flat_map(char::to_lowercase));
        let end = key.len();
        key.extend(label.chars().flat_map(char::to_lowercase));
        let (section, label) = key.split_at(end);
        let section = if section.is_empty() { "top" } else { section };
        let entries = self.entries.iter();
        entries.flat_map(|e| [e.sections.get(section), e.sections.get("any")]).flatten().find_map(|labels| labels.get(label))
    }
}

/// A line that begins with a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Label<'m> {
    indented: bool,
    name: &'m str,
    value: &'m str,
}

impl<'m> Label<'m> {
    /// Reads `\tAccount Name:\t\tanna`. What is indented further goes on with a value.
    fn read(line: &'m str) -> Option<Self> {
        let text = line.trim_start_matches(['\t', ' ']);
        let indent = &line[..line.len() - text.len()];
        if indent.starts_with("\t\t") || indent.contains("\t\t") {
            return None;
        }
        let colon = text.bytes().take(MAX_LABEL_BYTES).position(|b| b == b':')?;
        let value = &text[colon + 1..];
        let name = text[..colon].trim_ascii_end();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '(' | ')' | '/' | '-' | '_' | '.' | '\'');
        if !name.starts_with(char::is_alphabetic) || !name.chars().all(fits) || !(value.is_empty() || value.starts_with(['\t', ' '])) {
            return None;
        }
        Some(Self { indented: !matches!(indent, "" | " "), name, value: value.trim_start_matches(['\t', ' ']).trim_end_matches('\t') })
    }
}

impl Rendered {
    /// Hands over the fields of a message by name.
    pub(crate) fn fields(&mut self, channel: &str, code: &str, message: &str, out: &mut dyn FnMut(&str, &str)) {
        let layout = self.layout(channel, code);
        let without_cr;
        let message = if message.contains('\r') {
            without_cr = message.replace('\r', "");
            without_cr.as_str()
        } else {
            message
        };
        // Sentences before labels: a template fits whole or not at all, labels are found in any text.
        let values = layout.entries.iter().flat_map(|e| &e.templates).find_map(|t| t.values(message));
        if let Some(values) = values {
            values.into_iter().for_each(|(name, value)| out(name, value));
            return;
        }
        match layout.style {
            MessageStyle::None => {}
            MessageStyle::Flat => self.flat(message, out),
            MessageStyle::Sections => self.sections(&layout, message, out),
        }
    }

    fn layout(&mut self, channel: &str, code: &str) -> Rc<Layout> {
        if self.layouts.len() >= MAX_LAYOUTS {
            self.layouts.clear();
        }
        let key = (channel.to_owned(), code.to_owned());
        self.layouts.entry(key).or_insert_with(|| Rc::new(Layout::new(channel, code))).clone()
    }

    /// `Name: value` a line; other lines go on with the value before them.
    fn flat(&mut self, message: &str, out: &mut dyn FnMut(&str, &str)) {
        let mut name = "";
        for line in message.trim_ascii_end().split('\n') {
            let label = line.split_once(':').filter(|(name, value)| {
                !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                    && (value.is_empty() || value.starts_with(' '))
            });
            match label {
                Some((next, value)) => {
                    if !name.is_empty() {
                        out(name, &self.value);
                    }
                    name = next;
                    self.value.clear();
                    self.value.push_str(value.strip_prefix(' ').unwrap_or(value));
                }
                None if name.is_empty() => {}
                None => {
                    self.value.push('\n');
                    self.value.push_str(line);
                }
            }
        }
        if !name.is_empty() {
            out(name, &self.value);
        }
    }

    /// Labels below sections. The first line is the sentence that says what happened; behind the labels comes a text
    /// that explains them, which is not read.
    fn sections(&mut self, layout: &Layout, message: &str, out: &mut dyn FnMut(&str, &str)) {
        let lines: Vec<&str> = message.split('\n').collect();
        let (mut section, mut any) = ("", false);
        let mut at = 1;
        while at < lines.len() {
            let line = lines[at];
            at += 1;
            let Some(label) = Label::read(line) else {
                // The explanation behind the labels has colons too, and would give fields.
                if any && !line.trim_ascii().is_empty() && !line.starts_with(['\t', ' ']) && !is_link(line) {
                    return;
                }
                continue;
            };
            any = true;
            if !label.indented && label.value.is_empty() && goes_on_indented(&lines[at..]) {
                section = label.name;
                if let Some(target) = layout.target(section, "lines", &mut self.key) {
                    let end = at + lines[at..].iter().take_while(|l| is_indented(l)).count();
                    self.emit(&target.name, &target.kind, &lines[at..end], out);
                    at = end;
                }
                continue;
            }
            if !label.indented {
                section = "";
            }
            let target = layout.target(section, label.name, &mut self.key);
            let kind = target.map_or(&ValueForm::Plain, |t| &t.kind);
            let more = match kind {
                ValueForm::Until(begin) => lines[at..].iter().take_while(|l| !l.trim_ascii_start().starts_with(begin.as_str())).count(),
                _ => lines[at..].iter().take_while(|l| is_indented(l) && Label::read(l).is_none()).count(),
            };
            let mut value = vec![label.value];
            value.extend_from_slice(&lines[at..at + more]);
            at += more;
            match target {
                Some(target) => self.emit(&target.name, kind, &value, out),
                None => self.emit(&by_words(label.name), kind, &value, out),
            }
        }
    }

    fn emit(&mut self, name: &str, kind: &ValueForm, lines: &[&str], out: &mut dyn FnMut(&str, &str)) {
        let end = match kind {
            ValueForm::Plain | ValueForm::Sid => lines.iter().rposition(|l| !l.trim_ascii().is_empty()).map_or(0, |at| at + 1),
            _ => lines.len(),
        };
        value::restore(kind, &lines[..end], &mut self.value);
        out(name, &self.value);
    }
}

/// A line below a section or of a value, or an empty one.
fn is_indented(line: &str) -> bool {
    line.trim_ascii().is_empty() || line.starts_with(['\t', ' '])
}

/// A line that points to an explanation.
fn is_link(line: &str) -> bool {
    line.starts_with("https://") || line.starts_with("http://")
}

/// Whether the next line that is not empty, and no link, is indented.
fn goes_on_indented(lines: &[&str]) -> bool {
    lines.iter().find(|l| !l.trim_ascii().is_empty() && !is_link(l)).is_some_and(|l| l.starts_with(['\t', ' ']))
}

/// `Task Run ID` → `TaskRunId`.
// As Windows forms the names in the XML from the same words.
fn by_words(label: &str) -> String {
    let mut name = String::with_capacity(label.len());
    for word in label.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        match word {
            "ID" => name.push_str("Id"),
            "GUID" => name.push_str("Guid"),
            "SID" => name.push_str("Sid"),
            _ => {
                let mut letters = word.chars();
                name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
                name.push_str(letters.as_str());
            }
        }
    }
    name
}

#[cfg(test)]
mod tests;
