//! The data of `rules/normalise/windows_text.yml` and `windows_codes.yml`, loaded once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::template::Template;
use crate::diag::SourceText;
use crate::yaml::{Node, parse};

/// How the message of an event is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum MessageStyle {
    /// Sections of labels, a text behind them.
    #[default]
    Sections,
    /// A name and value a line.
    Flat,
    /// No labels.
    None,
}

/// What a value became when it was rendered.
#[derive(Debug)]
pub(super) enum ValueForm {
    /// It stayed, but for the case of hexadecimal digits.
    Plain,
    /// The name of an account.
    Sid,
    /// Lines.
    Lines,
    /// Anything up to a line that begins so.
    Until(String),
    /// Texts of codes.
    Group(String),
}

/// The field that a label names.
#[derive(Debug)]
pub(super) struct LabelField {
    pub(super) name: String,
    pub(super) kind: ValueForm,
}

/// One entry: what it says about the events of a channel.
#[derive(Debug)]
pub(super) struct ChannelEntry {
    channel: String,
    codes: Vec<String>,
    pub(super) style: MessageStyle,
    pub(super) templates: Vec<Template>,
    /// Section → label → field, both in lower case.
    pub(super) sections: HashMap<String, HashMap<String, LabelField>>,
}

impl ChannelEntry {
    /// Whether it speaks of an event.
    pub(super) fn is_for(&self, channel: &str, code: &str) -> bool {
        self.channel.eq_ignore_ascii_case(channel) && (self.codes.is_empty() || self.codes.iter().any(|c| c == code))
    }

    /// Whether it names events.
    pub(super) fn is_specific(&self) -> bool {
        !self.codes.is_empty()
    }
}

/// A group of codes.
#[derive(Debug, Default)]
pub(super) struct CodeGroup {
    pub(super) join: String,
    pub(super) lead: String,
    pub(super) tail: String,
    /// Lines have parts between tabs and colons.
    pub(super) parts: bool,
    /// Lines keep their indentation.
    pub(super) keep: bool,
    /// Text → what stood in the XML for it.
    pub(super) codes: HashMap<String, String>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) entries: Vec<ChannelEntry>,
    pub(super) groups: HashMap<String, CodeGroup>,
    pub(super) sids: HashMap<String, String>,
    pub(super) providers: HashMap<String, String>,
    /// Provider, or provider/code → channel.
    pub(super) channels: HashMap<String, String>,
    /// Name in lower case → text of the XML; levels and opcodes likewise.
    pub(super) keywords: HashMap<String, String>,
    pub(super) levels: HashMap<String, String>,
    pub(super) opcodes: HashMap<String, String>,
}

/// Loaded when it is first asked for.
pub(super) static DATA: LazyLock<Data> = LazyLock::new(|| {
    let text = documents("rules/normalise/windows_text.yml", include_str!("../../../rules/normalise/windows_text.yml"));
    let codes = documents("rules/normalise/windows_codes.yml", include_str!("../../../rules/normalise/windows_codes.yml"));
    let entries = text.iter().flat_map(Node::items).map(entry).collect();
    let (groups, sids, providers, channels) = (HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new());
    let (keywords, levels, opcodes) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut data = Data { entries, groups, sids, providers, channels, keywords, levels, opcodes };
    for (key, node) in codes.iter().flat_map(Node::entries) {
        match key.text.as_str() {
            "sids" => data.sids = pairs(node),
            "providers" => data.providers = pairs(node),
            "channels" => data.channels = pairs(node),
            "keywords" => data.keywords = lower(pairs(node)),
            "levels" => data.levels = lower(pairs(node)),
            "opcodes" => data.opcodes = lower(pairs(node)),
            name => drop(data.groups.insert(name.to_owned(), group(node))),
        }
    }
    data
});

fn documents(path: &str, text: &str) -> Vec<Node> {
    let source = Arc::new(SourceText { path: path.to_owned(), text: text.to_owned() });
    parse(&source).expect("the embedded data is valid YAML")
}

fn pairs(node: &Node) -> HashMap<String, String> {
    node.entries().iter().filter_map(|(key, value)| Some((key.text.clone(), value.scalar_text()?.to_owned()))).collect()
}

fn lower(pairs: HashMap<String, String>) -> HashMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect()
}

fn entry(node: &Node) -> ChannelEntry {
    let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
    let texts = |key: &str| node.get(key).map(Node::texts).unwrap_or_default();
    let labels = |node: &Node| -> HashMap<String, LabelField> {
        node.entries().iter().filter_map(|(label, value)| Some((label.text.to_lowercase(), target(value.as_str()?)))).collect()
    };
    let sections = node.get("labels").map(Node::entries).unwrap_or_default();
    ChannelEntry {
        channel: text("channel").to_owned(),
        codes: texts("codes"),
        style: match text("style") {
            "flat" => MessageStyle::Flat,
            "none" => MessageStyle::None,
            _ => MessageStyle::Sections,
        },
        templates: texts("text").iter().map(|t| Template::new(t)).collect(),
        sections: sections.iter().map(|(section, node)| (section.text.to_lowercase(), labels(node))).collect(),
    }
}

fn target(text: &str) -> LabelField {
    let (name, kind) = text.split_once(' ').unwrap_or((text, ""));
    let kind = match kind {
        "" => ValueForm::Plain,
        "sid" => ValueForm::Sid,
        "lines" => ValueForm::Lines,
        other => match other.strip_prefix("until ") {
            Some(line) => ValueForm::Until(line.to_owned()),
            None => ValueForm::Group(other.to_owned()),
        },
    };
    LabelField { name: name.to_owned(), kind }
}

fn group(node: &Node) -> CodeGroup {
    let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let flag = |key: &str| node.get(key).and_then(Node::as_bool).unwrap_or(false);
    let mut codes: HashMap<String, String> = HashMap::new();
    if let Some(node) = node.get("codes") {
        codes.extend(pairs(node).into_iter().map(|(text, code)| (text, format!("%%{code}"))));
    }
    if let Some(node) = node.get("guids") {
        codes.extend(pairs(node).into_iter().map(|(text, guid)| (text, format!("{{{guid}}}"))));
    }
    CodeGroup { join: text("join"), lead: text("lead"), tail: text("tail"), parts: flag("parts"), keep: flag("keep"), codes }
}

#[cfg(test)]
mod tests {
    use super::{DATA, ValueForm};

    #[test]
    fn every_kind_is_a_group() {
        let targets = DATA.entries.iter().flat_map(|e| e.sections.values()).flat_map(|labels| labels.values());
        for target in targets {
            if let ValueForm::Group(name) = &target.kind {
                assert!(DATA.groups.contains_key(name), "{name}: no such group, for {}", target.name);
            }
        }
        assert!(DATA.entries.iter().all(|e| !e.channel.is_empty()));
        assert_eq!(DATA.sids["NULL SID"], "S-1-0-0");
    }
}
