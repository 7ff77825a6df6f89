//! The parameters of one map of a pipeline, each with its type; what is wrong is reported where it stands.

use std::ops::Range;

use regex::Regex;

use super::super::context::ReadContext;
use super::scalar::YamlScalar;
use crate::pcre::{self, Flags};
use crate::suggest::nearest;
use crate::yaml::{Key, Node, Value};

/// Most bytes of a regular expression of a pipeline.
const MAX_REGEX_BYTES: usize = 64 << 10;
/// Most names or texts that one becomes.
// Each target is an item of its own, and the items of one transformation multiply with those of the next.
const MAX_TARGETS: usize = 256;

/// A map that is read.
pub(super) struct Parameters<'a, 'b, 'n> {
    pub(super) context: &'a mut ReadContext<'b>,
    pub(super) node: &'n Node,
    /// What it is, for messages: `` `field_name_mapping` ``.
    pub(super) name: &'n str,
    /// Where a missing parameter is reported.
    pub(super) head: Range<usize>,
}

/// Reports a word that is none of the known ones, with the nearest of them.
pub(super) fn unknown<'k>(
    context: &mut ReadContext<'_>,
    span: &Range<usize>,
    code: &'static str,
    message: String,
    word: &str,
    known: impl IntoIterator<Item = &'k str> + Clone,
) {
    let hint = match nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    context.error_with(span, code, message, hint);
}

impl<'n> Parameters<'_, '_, 'n> {
    /// Reports keys that are not among the known ones.
    pub(super) fn only(&mut self, known: &[&str]) {
        for (key, _) in self.node.entries() {
            if !known.contains(&key.text.as_str()) {
                let message = format!("`{}` has no parameter `{}`", self.name, key.text);
                unknown(self.context, &key.span, "sigma-pipeline-key", message, &key.text, known.iter().copied());
            }
        }
    }

    pub(super) fn fail<T>(&mut self, span: &Range<usize>, message: impl Into<String>) -> Option<T> {
        self.context.error(span, "sigma-pipeline-type", message);
        None
    }

    /// A parameter that must be there.
    pub(super) fn required(&mut self, key: &str) -> Option<&'n Node> {
        let node = self.node.get(key);
        if node.is_none() {
            let message = format!("`{}` needs the parameter `{key}`", self.name);
            self.context.error(&self.head, "sigma-pipeline-missing", message);
        }
        node
    }

    /// A text that must be there; a number is its spelling.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let node = self.required(key)?;
        self.text_of(key, node)
    }

    fn text_of(&mut self, key: &str, node: &Node) -> Option<String> {
        match node.scalar_text() {
            Some(text) => Some(text.to_string()),
            None => self.fail(&node.span, format!("`{key}` must be a text")),
        }
    }

    /// A text that may be missing: the inner `None`.
    pub(super) fn optional_text(&mut self, key: &str) -> Option<Option<String>> {
        match self.node.get(key) {
            None => Some(None),
            Some(node) if node.is_null() => Some(None),
            Some(node) => self.text_of(key, node).map(Some),
        }
    }

    pub(super) fn scalar(&mut self, key: &str) -> Option<YamlScalar> {
        let node = self.required(key)?;
        match YamlScalar::of(node) {
            Some(scalar) => Some(scalar),
            None => self.fail(&node.span, format!("`{key}` must be a text, a number or a truth value")),
        }
    }

    /// A truth value; false where it is missing.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        self.flag_or(key, Some(false))
    }

    pub(super) fn flag_or(&mut self, key: &str, otherwise: Option<bool>) -> Option<bool> {
        let Some(node) = self.node.get(key) else { return otherwise };
        match node.as_bool() {
            Some(truth) => Some(truth),
            None => self.fail(&node.span, format!("`{key}` is `true` or `false`")),
        }
    }

    /// One of some words; the first where it is missing.
    pub(super) fn word(&mut self, key: &str, words: &[&'static str]) -> Option<&'static str> {
        let Some(node) = self.node.get(key) else { return words.first().copied() };
        let text = node.scalar_text().unwrap_or("");
        let found = words.iter().find(|word| **word == text).copied();
        if found.is_none() {
            let message = format!("`{key}` must be one of {}", words.join(", "));
            unknown(self.context, &node.span, "sigma-pipeline-type", message, text, words.iter().copied());
        }
        found
    }

    /// A text or a list of texts that must be there and not be empty.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let node = self.required(key)?;
        self.texts_of(key, node)
    }

    /// As [`Self::texts`]; the inner `None` where it is missing.
    pub(super) fn optional_texts(&mut self, key: &str) -> Option<Option<Vec<String>>> {
        match self.node.get(key) {
            None => Some(None),
            Some(node) if node.is_null() => Some(None),
            Some(node) => self.texts_of(key, node).map(Some),
        }
    }

    pub(super) fn texts_of(&mut self, key: &str, node: &Node) -> Option<Vec<String>> {
        match node.text_list() {
            Some(texts) => Some(texts),
            None => self.fail(&node.span, format!("`{key}` must be a text or a list of texts")),
        }
    }

    /// A map of a name to one text or several.
    pub(super) fn mapping(&mut self, key: &str) -> Option<Vec<(&'n Key, Vec<String>)>> {
        let node = self.required(key)?;
        if !matches!(node.value, Value::Mapping(_)) {
            return self.fail(&node.span, format!("`{key}` must be a map of a name to a name or a list of names"));
        }
        let mut entries = Vec::new();
        let mut sound = true;
        for (name, to) in node.entries() {
            match self.texts_of(&name.text, to) {
                Some(to) if to.len() > MAX_TARGETS => {
                    sound = false;
                    self.context.error(&name.span, "sigma-pipeline-type", format!("one name becomes at most {MAX_TARGETS}"));
                }
                Some(to) => entries.push((name, to)),
                None => sound = false,
            }
        }
        sound.then_some(entries)
    }

    /// A regular expression.
    pub(super) fn regex(&mut self, key: &str) -> Option<Regex> {
        let node = self.required(key)?;
        let pattern = self.text_of(key, node)?;
        self.regex_of(&pattern, &node.span)
    }

    pub(super) fn regex_of(&mut self, pattern: &str, span: &Range<usize>) -> Option<Regex> {
        if pattern.len() > MAX_REGEX_BYTES {
            return self.fail(span, format!("the regular expression is longer than {MAX_REGEX_BYTES} bytes"));
        }
        let translated = pcre::translate(pattern, Flags { replaces: true, ..Flags::default() });
        match translated.map_err(|fault| fault.message).and_then(|pattern| Regex::new(&pattern).map_err(|error| error.to_string())) {
            Ok(regex) => Some(regex),
            Err(reason) => self.fail(span, format!("the regular expression cannot be used: {reason}")),
        }
    }
}

/// Whether a pattern matches from the start of a text, as `re.match` of Python does.
pub(super) fn matches_start(regex: &Regex, text: &str) -> bool {
    regex.find(text).is_some_and(|found| found.start() == 0)
}
