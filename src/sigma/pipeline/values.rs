//! Other texts in the place of an item's: replaced, mapped, in another case.

use std::collections::BTreeMap;
use std::ops::Range;

use regex::Regex;

use super::super::item::{Item, ItemValue};
use super::super::modifier::ValueKind;
use super::super::text::{Piece, Text};
use super::condition::texts;
use super::draft::Progress;
use super::parameters::Parameters;
use crate::yaml::Value;

/// Longest text that a replacement makes, in bytes.
// A replacement can double a text each time: without a bound a few lines fill the memory.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// What becomes of texts.
#[derive(Debug, Clone)]
pub(super) enum ValueChange {
    Replace(Box<ReplaceString>),
    Map(BTreeMap<String, Vec<String>>),
    Case(CaseChange),
}

/// `replace_string`
#[derive(Debug, Clone)]
pub(super) struct ReplaceString {
    regex: Regex,
    replacement: Vec<ReplacementPart>,
    /// Only what stands between wildcards and placeholders.
    skip_special: bool,
    /// Wildcards in the result are wildcards.
    interpret_special: bool,
}

/// A part of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ReplacementPart {
    Text(String),
    Group(usize),
    Named(String),
}

/// `case`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CaseChange {
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
    pub(super) fn apply(&self, progress: &mut Progress, item: &mut Item<'_>) -> bool {
        let mut changes = Vec::new();
        for (index, value) in item.values.iter().enumerate() {
            let number = self.replaces_numbers_of(item).then(|| number(value)).flatten();
            let Some(own) = texts(item, value).or(number) else { continue };
            let changed: Vec<Option<Vec<Text>>> = own.iter().map(|text| self.change(progress, text)).collect();
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
        matches!(self, Self::Replace(_)) && modifiers.kind == ValueKind::Text && modifiers.part.is_none()
    }

    /// What a text becomes; `None`: it stays.
    fn change(&self, progress: &mut Progress, text: &Text) -> Option<Vec<Text>> {
        match self {
            Self::Replace(replace) => {
                let new = replace.apply(text)?;
                if new.to_string().len() > MAX_TEXT_BYTES {
                    progress.exhaust();
                }
                Some(vec![new])
            }
            Self::Map(mapping) => {
                let to = mapping.get(&text.to_string()).filter(|to| progress.make(to.len()))?;
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

impl ReplaceString {
    pub(super) fn read(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        let (regex, replacement) = (p.regex("regex"), p.text("replacement"));
        let (skip, interpret) = (p.flag("skip_special"), p.flag("interpret_special"));
        let (regex, replacement) = (regex?, parts(&replacement?));
        for part in &replacement {
            let known = match part {
                ReplacementPart::Text(_) => true,
                ReplacementPart::Group(number) => *number < regex.captures_len(),
                ReplacementPart::Named(name) => regex.capture_names().flatten().any(|known| known == name),
            };
            if !known {
                let span = p.node.get("replacement").map_or(p.head.clone(), |node| node.span.clone());
                return p.fail(&span, "the replacement refers to a group that the regular expression does not have");
            }
        }
        Some(Self { regex, replacement, skip_special: skip?, interpret_special: interpret? })
    }

    /// What a text becomes; `None`: nothing in it is replaced. What stays keeps its meaning, wildcards and literal asterisks
    /// alike; only what is put in is read anew.
    fn apply(&self, text: &Text) -> Option<Text> {
        if !self.skip_special {
            let placeholders = text.0.iter().any(|piece| matches!(piece, Piece::Placeholder(_)));
            let read = if placeholders { Text::parse_with_placeholders } else { Text::parse };
            return self.replace(&View::of(&text.0), &|put_in| read(&escaped(put_in)));
        }
        let mut pieces = Vec::new();
        let mut changed = false;
        for piece in &text.0 {
            let new = match piece {
                Piece::Text(_) if self.interpret_special => {
                    self.replace(&View::of(std::slice::from_ref(piece)), &|put_in| Text::parse(&escaped(put_in)))
                }
                Piece::Text(_) => self.replace(&View::of(std::slice::from_ref(piece)), &|put_in| Text::literal(put_in)),
                Piece::Any | Piece::One | Piece::Placeholder(_) => None,
            };
            changed |= new.is_some();
            pieces.extend(new.map_or_else(|| vec![piece.clone()], |new| new.0));
        }
        changed.then(|| joined(pieces))
    }

    /// Replaces every match, until the text is longer than it may be.
    fn replace(&self, view: &View<'_>, read: &dyn Fn(&str) -> Text) -> Option<Text> {
        let mut pieces = Vec::new();
        let (mut end, mut length, mut changed) = (0, 0, false);
        for captures in self.regex.captures_iter(&view.text) {
            let Some(whole) = captures.get(0) else { continue };
            if captures.iter().flatten().any(|group| view.cuts(&group.range())) {
                continue;
            }
            changed = true;
            pieces.extend(view.slice(&(end..whole.start())));
            end = whole.end();
            for part in &self.replacement {
                let group = match part {
                    ReplacementPart::Text(text) => {
                        length += text.len();
                        pieces.extend(read(text).0);
                        continue;
                    }
                    ReplacementPart::Group(number) => captures.get(*number),
                    ReplacementPart::Named(name) => captures.name(name),
                };
                let range = group.map_or(0..0, |found| found.range());
                length += range.len();
                pieces.extend(view.slice(&range));
            }
            if length > MAX_TEXT_BYTES {
                break;
            }
        }
        pieces.extend(view.slice(&(end..view.text.len())));
        changed.then(|| joined(pieces))
    }
}

/// Pieces as one text, and where each of them is in it.
struct View<'t> {
    text: String,
    pieces: Vec<(Range<usize>, &'t Piece)>,
}

impl<'t> View<'t> {
    fn of(pieces: &'t [Piece]) -> Self {
        let mut view = Self { text: String::new(), pieces: Vec::with_capacity(pieces.len()) };
        for piece in pieces {
            let start = view.text.len();
            view.text.push_str(&Text(vec![piece.clone()]).to_string());
            view.pieces.push((start..view.text.len(), piece));
        }
        view
    }

    /// Whether a part of the text begins or ends inside of a placeholder. That is one sign, as a wildcard is: half of its
    /// name is not a text of the rule, and a rule whose placeholder has no values must be refused.
    fn cuts(&self, part: &Range<usize>) -> bool {
        let inside = |own: &Range<usize>, at: usize| own.start < at && at < own.end;
        let cut = |(own, piece): &(Range<usize>, &Piece)| {
            matches!(piece, Piece::Placeholder(_)) && (inside(own, part.start) || inside(own, part.end))
        };
        self.pieces.iter().any(cut)
    }

    /// The pieces of a part of the text.
    fn slice(&self, part: &Range<usize>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (range, piece) in &self.pieces {
            let own = range.start.max(part.start)..range.end.min(part.end);
            if own.is_empty() {
                continue;
            }
            pieces.push(match piece {
                Piece::Any | Piece::One | Piece::Placeholder(_) => (*piece).clone(),
                Piece::Text(_) => Piece::Text(self.text[own].to_string()),
            });
        }
        pieces
    }
}

/// Joins neighbouring texts.
fn joined(pieces: Vec<Piece>) -> Text {
    let mut out: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (out.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => out.push(piece),
        }
    }
    Text(out)
}

/// A text in which a backslash escapes nothing but `*` and `?`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        if c == '\\' && !text[at + 1..].starts_with(['*', '?']) {
            out.push(c);
        }
    }
    out
}

/// Reads a replacement as Python's `re.sub` has it: `\1`, `\g<1>`, `\g<name>`, `\\`, `\n` and the like.
fn parts(replacement: &str) -> Vec<ReplacementPart> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = replacement;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let digits = after.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let name = after.strip_prefix("g<").and_then(|name| name.split_once('>'));
        let group = match (after[..digits].parse(), name) {
            (Ok(number), _) => Some((ReplacementPart::Group(number), &after[digits..])),
            (_, Some((name, behind))) => {
                Some((name.parse().map_or(ReplacementPart::Named(name.to_string()), ReplacementPart::Group), behind))
            }
            _ => None,
        };
        if let Some((group, behind)) = group {
            parts.push(ReplacementPart::Text(std::mem::take(&mut text)));
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
    parts.push(ReplacementPart::Text(text));
    parts.retain(|part| !matches!(part, ReplacementPart::Text(text) if text.is_empty()));
    parts
}

impl CaseChange {
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
        let text = |text: &str| ReplacementPart::Text(text.to_string());
        assert_eq!(parts(r"a\1b"), [text("a"), ReplacementPart::Group(1), text("b")]);
        assert_eq!(parts(r"\g<2>\g<x>\\1"), [ReplacementPart::Group(2), ReplacementPart::Named("x".into()), text(r"\1")]);
        assert_eq!(parts(r"\n\d\"), [text("\n\\d\\")]);
    }

    #[test]
    fn cases() {
        assert_eq!(CaseChange::Snake.apply("ParentImage2Name"), "parent_image2_name");
        assert_eq!((CaseChange::Lower.apply("ÄB"), CaseChange::Upper.apply("äb")), ("äb".to_string(), "ÄB".to_string()));
    }
}
