//! Other texts in the place of an item's: replaced, mapped, in another case.

use std::collections::BTreeMap;

use regex::Regex;

use super::super::item::{Item, ItemValue};
use super::super::modifier::Kind;
use super::super::text::{Piece, Text};
use super::condition::texts;
use super::parameters::Parameters;
use super::subject::Memory;
use crate::yaml::Value;

/// Longest text that a replacement makes, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// What becomes of texts.
#[derive(Debug, Clone)]
pub(super) enum ValueChange {
    Replace(Box<Replace>),
    Map(BTreeMap<String, Vec<String>>),
    Case(Case),
}

/// `replace_string`
#[derive(Debug, Clone)]
pub(super) struct Replace {
    regex: Regex,
    replacement: Vec<Part>,
    /// Only what stands between wildcards and placeholders.
    skip_special: bool,
    /// Wildcards in the result are wildcards.
    interpret_special: bool,
}

/// A part of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
    Named(String),
}

/// `case`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Upper,
    Snake,
}

impl ValueChange {
    pub(super) fn mapping(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        let mapping = p.mapping("mapping")?;
        Some(Self::Map(mapping.into_iter().map(|(key, to)| (key.text.clone(), to)).collect()))
    }

    /// Changes the values of an item; true where one is another now.
    pub(super) fn apply(&self, memory: &mut Memory, item: &mut Item<'_>) -> bool {
        let mut changes = Vec::new();
        for (index, value) in item.values.iter().enumerate() {
            let number = self.replaces_numbers_of(item).then(|| number(value)).flatten();
            let Some(own) = texts(item, value).or(number) else { continue };
            let changed: Vec<Option<Vec<Text>>> = own.iter().map(|text| self.change(memory, text)).collect();
            if changed.iter().any(Option::is_some) {
                let new = own.into_iter().zip(changed).flat_map(|(own, new)| new.unwrap_or_else(|| vec![own])).collect();
                changes.push((index, new));
            }
        }
        let changed = !changes.is_empty();
        for (index, texts) in changes {
            let span = item.values[index].span().clone();
            item.values[index] = ItemValue::Finished(texts, span);
        }
        changed
    }

    /// Whether a number is a text: where it is compared with as one.
    fn replaces_numbers_of(&self, item: &Item<'_>) -> bool {
        let modifiers = &item.key.modifiers;
        matches!(self, Self::Replace(_)) && modifiers.kind == Kind::Text && modifiers.part.is_none()
    }

    /// What a text becomes; `None`: it stays.
    fn change(&self, memory: &mut Memory, text: &Text) -> Option<Vec<Text>> {
        match self {
            Self::Replace(replace) => {
                let new = replace.apply(text)?;
                if new.to_string().len() > MAX_TEXT_BYTES {
                    memory.exhaust();
                }
                Some(vec![new])
            }
            Self::Map(mapping) => {
                let to = mapping.get(&text.to_string()).filter(|to| memory.make(to.len()))?;
                Some(to.iter().map(|to| Text::parse(to)).collect())
            }
            Self::Case(case) => {
                let pieces = text.0.iter().map(|piece| match piece {
                    Piece::Text(text) => Piece::Text(case.apply(text)),
                    other => other.clone(),
                });
                let new = Text(pieces.collect());
                (new != *text).then(|| vec![new])
            }
        }
    }
}

/// The spelling of a number.
fn number(value: &ItemValue<'_>) -> Option<Vec<Text>> {
    let node = value.node().filter(|node| matches!(node.value, Value::Number(_)))?;
    Some(vec![Text::literal(node.scalar_text()?)])
}

impl Replace {
    pub(super) fn read(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        let (regex, replacement) = (p.regex("regex"), p.text("replacement"));
        let (skip, interpret) = (p.flag("skip_special"), p.flag("interpret_special"));
        let (regex, replacement) = (regex?, parts(&replacement?));
        for part in &replacement {
            let known = match part {
                Part::Text(_) => true,
                Part::Group(number) => *number < regex.captures_len(),
                Part::Named(name) => regex.capture_names().flatten().any(|known| known == name),
            };
            if !known {
                let span = p.node.get("replacement").map_or(p.head.clone(), |node| node.span.clone());
                return p.fail(&span, "the replacement refers to a group that the regular expression does not have");
            }
        }
        Some(Self { regex, replacement, skip_special: skip?, interpret_special: interpret? })
    }

    fn apply(&self, text: &Text) -> Option<Text> {
        if self.skip_special {
            return self.between_specials(text);
        }
        let plain = text.to_string();
        if !self.regex.is_match(&plain) {
            return None;
        }
        let replaced = self.replace(&plain);
        // What a backslash is before, and not that it is one, makes it an escape.
        let mut escaped = String::with_capacity(replaced.len());
        for (at, c) in replaced.char_indices() {
            escaped.push(c);
            if c == '\\' && !replaced[at + 1..].starts_with(['*', '?']) {
                escaped.push(c);
            }
        }
        let placeholders = text.0.iter().any(|piece| matches!(piece, Piece::Placeholder(_)));
        Some(if placeholders { Text::parse_with_placeholders(&escaped) } else { Text::parse(&escaped) })
    }

    fn between_specials(&self, text: &Text) -> Option<Text> {
        let mut pieces = Vec::new();
        let mut changed = false;
        for piece in &text.0 {
            match piece {
                Piece::Text(text) if self.regex.is_match(text) => {
                    changed = true;
                    let new = self.replace(text);
                    pieces.extend(if self.interpret_special { Text::parse(&new).0 } else { Text::literal(new).0 });
                }
                other => pieces.push(other.clone()),
            }
        }
        changed.then_some(Text(pieces))
    }

    /// Replaces every match, until the text is longer than it may be.
    fn replace(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for captures in self.regex.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            out.push_str(&text[end..whole.start()]);
            end = whole.end();
            for part in &self.replacement {
                match part {
                    Part::Text(text) => out.push_str(text),
                    Part::Group(number) => out.push_str(captures.get(*number).map_or("", |found| found.as_str())),
                    Part::Named(name) => out.push_str(captures.name(name).map_or("", |found| found.as_str())),
                }
            }
            if out.len() > MAX_TEXT_BYTES {
                return out;
            }
        }
        out.push_str(&text[end..]);
        out
    }
}

/// Reads a replacement as Python's `re.sub` has it: `\1`, `\g<1>`, `\g<name>`, `\\`, `\n` and the like.
fn parts(replacement: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = replacement;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let digits = after.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let name = after.strip_prefix("g<").and_then(|name| name.split_once('>'));
        let group = match (after[..digits].parse(), name) {
            (Ok(number), _) => Some((Part::Group(number), &after[digits..])),
            (_, Some((name, behind))) => Some((name.parse().map_or(Part::Named(name.to_string()), Part::Group), behind)),
            _ => None,
        };
        if let Some((group, behind)) = group {
            parts.push(Part::Text(std::mem::take(&mut text)));
            parts.push(group);
            rest = behind;
            continue;
        }
        let next = after.chars().next();
        match next {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('\\') => text.push('\\'),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
        rest = &after[next.map_or(0, char::len_utf8)..];
    }
    text.push_str(rest);
    parts.push(Part::Text(text));
    parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    parts
}

impl Case {
    pub(super) fn read(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        Some(match p.word("method", &["lower", "upper", "snake_case"])? {
            "upper" => Self::Upper,
            "snake_case" => Self::Snake,
            _ => Self::Lower,
        })
    }

    fn apply(self, text: &str) -> String {
        match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::Snake => {
                let mut out = String::with_capacity(text.len() + 8);
                let mut before = None;
                for c in text.chars() {
                    if c.is_uppercase() && before.is_some_and(|b: char| b.is_lowercase() || b.is_numeric()) {
                        out.push('_');
                    }
                    out.extend(c.to_lowercase());
                    before = Some(c);
                }
                out
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_are_those_of_python() {
        let text = |text: &str| Part::Text(text.to_string());
        assert_eq!(parts(r"a\1b"), [text("a"), Part::Group(1), text("b")]);
        assert_eq!(parts(r"\g<2>\g<x>\\1"), [Part::Group(2), Part::Named("x".into()), text(r"\1")]);
        assert_eq!(parts(r"\n\d\"), [text("\n\\d\\")]);
    }

    #[test]
    fn cases() {
        assert_eq!(Case::Snake.apply("ParentImage2Name"), "parent_image2_name");
        assert_eq!((Case::Lower.apply("ÄB"), Case::Upper.apply("äb")), ("äb".to_string(), "ÄB".to_string()));
    }
}
