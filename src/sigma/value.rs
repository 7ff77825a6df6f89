//! The values of one detection item, through its modifiers, to a predicate.
//!
//! Choices where the specification is silent: a value list under `neq` is negated as a whole, so `neq` is true for an
//! event without the field; regular expressions are searched for; numbers and truth values equal the text that spells
//! them, without case; encoded values are compared without case like all others.

use std::net::IpAddr;
use std::ops::Range;

use super::context::ReadContext;
use super::encode::{self, MAX_WINDASH_VARIANTS};
use super::item::{Binding, Item, ItemValue};
use super::modifier::{Modifiers, ValueEncoding, ValueKind};
use super::text::{Piece, Text, is_placeholder_name};
use crate::diag::{Diagnostic, SubjectKind};
use crate::ir::{Case, Cidr, DatePart, Field, FieldCompare, Match, NumberOp, Pred, Test, Vocabulary};
use crate::pcre::{self, FaultKind, Flags};
use crate::yaml::{self, Node, Style, Value};

/// Lowers an item; `None` after an error.
pub(super) fn lower_item(context: &mut ReadContext<'_>, item: &Item<'_>) -> Option<Pred> {
    let modifiers = &item.key.modifiers;
    if item.values.is_empty() {
        return empty_list(context, item);
    }
    let preds: Vec<Option<Pred>> = item.values.iter().map(|value| Lowering { context: &mut *context, item }.lower(value)).collect();
    let preds: Vec<Pred> = preds.into_iter().collect::<Option<_>>()?;
    let inner = if modifiers.all { Pred::all(preds) } else { Pred::any(preds) };
    lint_values(context, item);
    Some(if modifiers.neq { inner.negated() } else { inner })
}

/// What a value of an item stands for after all modifiers: each value of its placeholders with the texts of which one is
/// enough. Placeholders without a binding stay. `None` for what is not text. This is what pipelines look at and change.
pub(super) fn finished_values(context: &mut ReadContext<'_>, item: &Item<'_>, value: &ItemValue<'_>) -> Option<Vec<Vec<Text>>> {
    let m = &item.key.modifiers;
    let mut lowering = Lowering { context, item };
    let node = match value {
        ItemValue::Finished(texts, span) => {
            let texts = lowering.expand_all(texts, span, Unbound::Stays)?;
            return Some(texts.into_iter().map(|text| vec![text]).collect());
        }
        ItemValue::Node(_) if m.kind != ValueKind::Text || m.part.is_some() => return None,
        ItemValue::Node(node) => node,
    };
    let text = match &node.value {
        Value::String(raw) if m.expand => Text::parse_with_placeholders(raw),
        Value::String(raw) => Text::parse(raw),
        _ => return None,
    };
    let values = lowering.expand(&text, &node.span, Unbound::Stays)?;
    let written = values.into_iter().map(|value| {
        let texts = lowering.written(vec![value], &node.span)?;
        Some(texts.into_iter().map(|text| text.padded(m.any_before, m.any_after)).collect())
    });
    written.collect()
}

/// What becomes of a placeholder without values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unbound {
    Stays,
    IsAnError,
}

/// `field: []` means, as `field: null`, that the field is missing.
fn empty_list(context: &mut ReadContext<'_>, item: &Item<'_>) -> Option<Pred> {
    let (key, span) = (&item.key, &item.span);
    let Some(name) = &key.field else {
        context.error(span, "sigma-empty-detection", "a list of keywords is empty");
        return None;
    };
    let message = format!("an empty list: read as `null`, so it asks for events without `{name}`");
    context.warn(span, "sigma-empty-list", message);
    let test = Match { field: field(name), test: Test::Exists, negated: false, span: span.clone() };
    let present = Pred::Match(test);
    Some(if key.modifiers.neq { present } else { present.negated() })
}

fn lint_values(context: &mut ReadContext<'_>, item: &Item<'_>) {
    if !context.options.validate {
        return;
    }
    let (key, values) = (&item.key, &item.values);
    if values.len() > 1 && values.iter().filter_map(ItemValue::node).any(Node::is_null) {
        let message = "a list must not mix null with values (it is read as: missing, or one of the others)";
        context.lint(&key.span, "sigma-null-in-list", message);
    }
    if values.len() == 1 && key.modifiers.all && key.field.is_some() {
        context.note(&key.span, "sigma-all-of-one", "`all` with one value changes nothing");
    }
    if key.modifiers.kind != ValueKind::Text || key.modifiers.part.is_some() {
        return;
    }
    for value in values.iter().filter_map(ItemValue::node) {
        let Some(raw) = value.as_str() else { continue };
        let text = Text::parse(raw);
        let wild = key.modifiers.any_before || key.modifiers.any_after;
        if text.is_only_any() || (text.0.is_empty() && wild) {
            let hint = "`|exists: true` asks whether the field is there";
            let message = match raw {
                "" => "the value is empty: every value of the field contains it",
                _ => "the value is a wildcard only: any value of the field matches",
            };
            context.lint_with(&value.span, "sigma-wildcard-only", message, hint);
        }
    }
}

fn field(name: &str) -> Field {
    Field { name: name.to_string(), vocabulary: Vocabulary::Sigma }
}

/// One value on its way through the modifiers.
struct Lowering<'a, 'b> {
    context: &'a mut ReadContext<'b>,
    item: &'a Item<'a>,
}

impl Lowering<'_, '_> {
    fn modifiers(&self) -> &Modifiers {
        &self.item.key.modifiers
    }

    fn fail<T>(&mut self, node: &Node, code: &'static str, message: impl Into<String>) -> Option<T> {
        self.fail_at(&node.span, code, message)
    }

    fn fail_at<T>(&mut self, span: &Range<usize>, code: &'static str, message: impl Into<String>) -> Option<T> {
        self.context.error(span, code, message);
        None
    }

    fn lower(&mut self, value: &ItemValue<'_>) -> Option<Pred> {
        match value {
            ItemValue::Node(node) => self.lower_node(node),
            ItemValue::Finished(texts, span) => {
                let texts = self.expand_all(texts, span, Unbound::IsAnError)?;
                self.finished(&texts, span)
            }
        }
    }

    fn lower_node(&mut self, node: &Node) -> Option<Pred> {
        if matches!(node.value, Value::Sequence(_) | Value::Mapping(_)) {
            let message = format!("a value must be a scalar here, not a {}", node.value.kind());
            return self.fail(node, "sigma-nested-value", message);
        }
        let Some(name) = &self.item.key.field else { return self.lower_keyword(node) };
        match (self.modifiers().kind, self.modifiers().part) {
            (ValueKind::Text, Some(part)) => self.lower_date_part(name, part, NumberOp::Eq, node),
            (ValueKind::Compare(op), Some(part)) => self.lower_date_part(name, part, op, node),
            (ValueKind::Text, None) => self.lower_text(name, node),
            (ValueKind::Compare(op), None) => {
                let value = self.number(node)?;
                self.matched(name, Test::Number { op, value }, &node.span)
            }
            (ValueKind::Regex, _) => self.lower_regex(name, node),
            (ValueKind::Cidr, _) => self.lower_cidr(name, node),
            (ValueKind::FieldRef, _) => self.lower_field_ref(name, node),
            (ValueKind::Exists, _) => match node.as_bool() {
                Some(true) => self.matched(name, Test::Exists, &node.span),
                Some(false) => Some(self.matched(name, Test::Exists, &node.span)?.negated()),
                None => self.fail(node, "sigma-type", "`exists` takes `true` or `false`, without quotes"),
            },
        }
    }

    fn matched(&mut self, name: &str, test: Test, span: &Range<usize>) -> Option<Pred> {
        self.context.add_leaves(1, span).then(|| Pred::Match(Match { field: field(name), test, negated: false, span: span.clone() }))
    }

    fn case(&self) -> Case {
        if self.modifiers().cased { Case::Exact } else { Case::Ignore }
    }

    fn lower_text(&mut self, name: &str, node: &Node) -> Option<Pred> {
        if node.is_null() {
            return self.lower_null(name, node);
        }
        let texts = self.texts(node)?;
        self.field_texts(name, &texts, self.modifiers().any_before, self.modifiers().any_after, &node.span)
    }

    fn field_texts(&mut self, name: &str, texts: &[Text], before: bool, after: bool, span: &Range<usize>) -> Option<Pred> {
        let case = self.case();
        let mut preds = Vec::new();
        for text in texts {
            let test = Test::Glob { glob: text.to_glob(before, after), case };
            preds.push(self.matched(name, test, span)?);
        }
        Some(Pred::any(preds))
    }

    /// Texts after all modifiers. A keyword without `contains` or the like may stand anywhere.
    fn finished(&mut self, texts: &[Text], span: &Range<usize>) -> Option<Pred> {
        match &self.item.key.field {
            Some(name) => self.field_texts(name, texts, false, false, span),
            None => {
                let bound = self.modifiers().any_before || self.modifiers().any_after;
                self.keywords(texts, !bound, !bound, span)
            }
        }
    }

    fn lower_null(&mut self, name: &str, node: &Node) -> Option<Pred> {
        let m = self.modifiers();
        if m.any_before || m.any_after || m.windash || m.expand || m.cased || !m.encodings.is_empty() {
            return self.fail(node, "sigma-type", "null has no text: it takes no modifier but `all` and `neq`");
        }
        Some(self.matched(name, Test::Exists, &node.span)?.negated())
    }

    /// Unbound values: any value of the event holds the text.
    fn lower_keyword(&mut self, node: &Node) -> Option<Pred> {
        let m = self.modifiers();
        if m.kind != ValueKind::Text || m.part.is_some() {
            let message = "keywords are texts: this modifier needs a field";
            let code = if m.kind == ValueKind::Regex { "sigma-unsupported-keyword-regex" } else { "sigma-keyword-modifier" };
            return self.fail(node, code, message);
        }
        if node.is_null() {
            return self.fail(node, "sigma-type", "null cannot be a keyword");
        }
        let bound = m.any_before || m.any_after;
        let (before, after) = (m.any_before || !bound, m.any_after || !bound);
        let texts = self.texts(node)?;
        self.keywords(&texts, before, after, &node.span)
    }

    fn keywords(&mut self, texts: &[Text], before: bool, after: bool, span: &Range<usize>) -> Option<Pred> {
        let case = self.case();
        if !self.context.add_leaves(texts.len(), span) {
            return None;
        }
        Some(Pred::any(texts.iter().map(|text| Pred::Keyword { glob: text.to_glob(before, after), case })))
    }

    /// All texts that a scalar stands for: placeholders, dashes and encodings written out.
    fn texts(&mut self, node: &Node) -> Option<Vec<Text>> {
        let scalar = node.scalar_text().unwrap_or("");
        let texts = match &node.value {
            Value::String(raw) if self.modifiers().expand => {
                self.expand(&Text::parse_with_placeholders(raw), &node.span, Unbound::IsAnError)?
            }
            Value::String(raw) => vec![Text::parse(raw)],
            _ => vec![Text::literal(scalar)],
        };
        self.written(texts, &node.span)
    }

    /// Writes out dashes and encodings.
    fn written(&mut self, mut texts: Vec<Text>, span: &Range<usize>) -> Option<Vec<Text>> {
        if self.modifiers().windash {
            let written: Option<Vec<Vec<Text>>> = texts.iter().map(encode::windash).collect();
            let Some(written) = written else {
                let message = format!("`windash` would write this value in more than {MAX_WINDASH_VARIANTS} ways");
                return self.fail_at(span, "sigma-rule-limit", message);
            };
            texts = written.into_iter().flatten().collect();
        }
        if self.modifiers().encodings.is_empty() {
            return Some(texts);
        }
        let encoded: Vec<Vec<Text>> = texts.iter().map(|text| self.encode(text, span)).collect::<Option<_>>()?;
        Some(encoded.into_iter().flatten().collect())
    }

    fn encode(&mut self, text: &Text, span: &Range<usize>) -> Option<Vec<Text>> {
        let Some(plain) = text.as_literal() else {
            return self.fail_at(span, "sigma-wildcard-in-encoding", "a value with wildcards cannot be encoded");
        };
        let mut variants = vec![plain.into_bytes()];
        for encoding in self.modifiers().encodings.clone() {
            let mut next = Vec::new();
            for bytes in variants {
                match encoding {
                    ValueEncoding::Base64 => next.push(encode::base64(&bytes).into_bytes()),
                    ValueEncoding::Base64Offset => next.extend(encode::base64_offsets(&bytes).map(String::into_bytes)),
                    ValueEncoding::Utf16Le => next.push(encode::utf16le(&self.utf8(bytes, span)?)),
                    ValueEncoding::Utf16Be => next.push(encode::utf16be(&self.utf8(bytes, span)?)),
                    ValueEncoding::Utf16 => next.push(encode::utf16(&self.utf8(bytes, span)?)),
                }
            }
            variants = next;
        }
        if variants.iter().any(Vec::is_empty) {
            return self.fail_at(span, "sigma-value-too-short", "the value is too short: its encoding would match anything");
        }
        variants.into_iter().map(|bytes| self.utf8(bytes, span).map(Text::literal)).collect()
    }

    fn utf8(&mut self, bytes: Vec<u8>, span: &Range<usize>) -> Option<String> {
        String::from_utf8(bytes).ok().or_else(|| {
            let message = "the encoded value is not text that an event can hold";
            let hint = "UTF-16 is followed by `base64` or `base64offset|contains`";
            self.context.error_with(span, "sigma-encoding", message, hint);
            None
        })
    }

    fn expand_all(&mut self, texts: &[Text], span: &Range<usize>, unbound: Unbound) -> Option<Vec<Text>> {
        let expanded: Option<Vec<Vec<Text>>> = texts.iter().map(|text| self.expand(text, span, unbound)).collect();
        Some(expanded?.into_iter().flatten().collect())
    }

    /// Replaces placeholders by every combination of their values.
    fn expand(&mut self, text: &Text, span: &Range<usize>, unbound: Unbound) -> Option<Vec<Text>> {
        let mut variants: Vec<Vec<Piece>> = vec![Vec::new()];
        for piece in &text.0 {
            let values = match piece {
                Piece::Placeholder(name) => match self.binding(name) {
                    Some(Binding::Values(values)) => values.iter().map(|value| Text::parse(value)).collect(),
                    Some(Binding::Wildcard) => vec![Text(vec![Piece::Any])],
                    None if unbound == Unbound::Stays => vec![Text(vec![piece.clone()])],
                    None => return self.unresolved(name, span),
                },
                _ => {
                    variants.iter_mut().for_each(|variant| variant.push(piece.clone()));
                    continue;
                }
            };
            if !self.context.add_leaves(variants.len().saturating_mul(values.len()), span) {
                return None;
            }
            variants =
                variants.iter().flat_map(|variant| values.iter().map(move |value| [variant.as_slice(), &value.0].concat())).collect();
        }
        Some(variants.into_iter().map(Text).collect())
    }

    /// What a pipeline, or else the user, gives a placeholder.
    fn binding(&mut self, name: &str) -> Option<Binding> {
        if let Some(binding) = self.item.bindings.get(name) {
            return Some(binding.clone());
        }
        let values = self.context.options.placeholders.get(name).filter(|values| !values.is_empty())?;
        self.context.trace(format!("%{name}%={}", values.join("\0")));
        Some(Binding::Values(values.clone()))
    }

    fn unresolved<T>(&mut self, name: &str, span: &Range<usize>) -> Option<T> {
        let message = format!("there are no values for the placeholder `%{name}%`");
        let hint = "give it values (option `placeholders`): they differ from network to network";
        let fault = Diagnostic::error("sigma-unresolved-placeholder", message).hint(hint);
        self.context.push(fault.about(SubjectKind::Placeholder, name), span);
        None
    }

    fn lower_regex(&mut self, name: &str, node: &Node) -> Option<Pred> {
        let Some(raw) = node.scalar_text() else { return self.fail(node, "sigma-type", "`re` takes a text") };
        let mut patterns = vec![String::new()];
        let pieces = if self.modifiers().expand { regex_pieces(raw) } else { vec![Piece::Text(raw.to_string())] };
        for piece in pieces {
            let values = match piece {
                Piece::Placeholder(name) => match self.binding(&name) {
                    Some(Binding::Values(values)) => values.iter().map(|value| ::regex::escape(value)).collect(),
                    Some(Binding::Wildcard) => vec![".*".to_string()],
                    None => return self.unresolved(&name, &node.span),
                },
                Piece::Text(text) => vec![text],
                Piece::Any | Piece::One => Vec::new(),
            };
            patterns = patterns.iter().flat_map(|p| values.iter().map(move |value| format!("{p}{value}"))).collect();
        }
        let mut preds = Vec::new();
        for pattern in patterns {
            let has = |flag| self.modifiers().flags.contains(flag);
            let flags = Flags { ignore_case: has('i'), multi_line: has('m'), dot_all: has('s'), replaces: false };
            match pcre::translate(&pattern, flags) {
                Ok(pattern) => preds.push(self.matched(name, Test::Regex(pattern), &node.span)?),
                Err(fault) => {
                    let code = match fault.kind {
                        FaultKind::Unsupported => "sigma-regex-unsupported",
                        FaultKind::Invalid => "sigma-regex-invalid",
                    };
                    let span = self.part_of(node, raw, &pattern, fault.span);
                    return self.fail_at(&span, code, format!("the regular expression cannot be used: {}", fault.message));
                }
            }
        }
        Some(Pred::any(preds))
    }

    /// Where a part of a pattern stands in the rule; the whole value where its text is not as it stands there.
    fn part_of(&self, node: &Node, raw: &str, pattern: &str, part: Range<usize>) -> Range<usize> {
        let written = self.context.source.text.get(node.span.clone()).unwrap_or_default();
        match written.find(raw).filter(|_| raw == pattern && part != (0..pattern.len())) {
            Some(at) => node.span.start + at + part.start..node.span.start + at + part.end,
            None => node.span.clone(),
        }
    }

    fn lower_cidr(&mut self, name: &str, node: &Node) -> Option<Pred> {
        let Some(raw) = node.as_str() else { return self.fail(node, "sigma-type", "`cidr` takes a network as text") };
        let networks = if self.modifiers().expand {
            let texts = self.expand(&Text::parse_with_placeholders(raw), &node.span, Unbound::IsAnError)?;
            texts.iter().map(Text::to_string).collect()
        } else {
            vec![raw.to_string()]
        };
        let mut preds = Vec::new();
        for network in networks {
            let cidr = self.cidr(&network, node)?;
            preds.push(self.matched(name, Test::Cidr(cidr), &node.span)?);
        }
        Some(Pred::any(preds))
    }

    fn cidr(&mut self, text: &str, node: &Node) -> Option<Cidr> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let prefix = if prefix.is_empty() && !text.contains('/') { Some(bits) } else { prefix.parse().ok() };
            prefix.filter(|prefix| *prefix <= bits).map(|prefix| Cidr { address, prefix })
        });
        let Some(cidr) = parsed else {
            return self.fail(node, "sigma-cidr", format!("`{text}` is not a network in CIDR notation"));
        };
        let network = masked(cidr);
        if network.address != cidr.address {
            let message = format!("`{text}` has bits set after its prefix");
            let hint = format!("the network is `{}/{}`", network.address, network.prefix);
            self.context.error_with(&node.span, "sigma-cidr-host-bits", message, hint);
            return None;
        }
        Some(network)
    }

    fn lower_field_ref(&mut self, name: &str, node: &Node) -> Option<Pred> {
        let Some(other) = node.as_str().filter(|other| !other.is_empty()) else {
            return self.fail(node, "sigma-type", "`fieldref` takes the name of a field");
        };
        if !self.context.add_leaves(1, &node.span) {
            return None;
        }
        Some(Pred::Compare(FieldCompare {
            left: field(name),
            right: field(other),
            any_before: self.modifiers().any_before,
            any_after: self.modifiers().any_after,
            case: self.case(),
            span: node.span.clone(),
        }))
    }

    fn lower_date_part(&mut self, name: &str, part: DatePart, op: NumberOp, node: &Node) -> Option<Pred> {
        let (low, high) = match part {
            DatePart::Minute => (0, 59),
            DatePart::Hour => (0, 23),
            DatePart::Day => (1, 31),
            DatePart::Week => (1, 53),
            DatePart::Month => (1, 12),
            DatePart::Year => (0, 9999),
        };
        let value = match &node.value {
            Value::Number(text) => text.parse::<i64>().ok(),
            _ => None,
        };
        match value {
            Some(value) if (low..=high).contains(&value) => self.matched(name, Test::DatePart { part, op, value }, &node.span),
            _ => self.fail(node, "sigma-type", format!("this part of a time is a whole number from {low} to {high}")),
        }
    }

    fn number(&mut self, node: &Node) -> Option<f64> {
        if let Some(value) = node.as_f64() {
            return Some(value);
        }
        let message = format!("a comparison takes a number, not a {}", node.value.kind());
        match node.as_str().and_then(yaml::number) {
            Some(_) if matches!(node.style, Style::SingleQuoted | Style::DoubleQuoted) => {
                self.context.error_with(&node.span, "sigma-type", message, "write it without quotes");
                None
            }
            _ => self.fail(node, "sigma-type", message),
        }
    }
}

fn masked(cidr: Cidr) -> Cidr {
    let address = match cidr.address {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(cidr.prefix)).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(cidr.prefix)).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & mask).into())
        }
    };
    Cidr { address, prefix: cidr.prefix }
}

/// A pattern's placeholders and the texts between them; nothing else is read in it.
fn regex_pieces(raw: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('%') {
        let escaped = rest[..at].ends_with('\\');
        let name = rest[at + 1..].split('%').next().unwrap_or("");
        let closed = rest[at + 1 + name.len()..].starts_with('%');
        if closed && is_placeholder_name(name) && !escaped {
            text.push_str(&rest[..at]);
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Placeholder(name.to_string()));
            rest = &rest[at + 2 + name.len()..];
        } else {
            text.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
        }
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    pieces
}
