//! Wildcard patterns in parsed form: what `*` and `?` mean after a front end has read its own escapes.

use serde::{Deserialize, Serialize};

use crate::event::fold_char;

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// Literal text, never empty.
    Text(String),
    /// Any run of characters, newlines included, possibly empty.
    Any,
    /// Exactly one character of any kind.
    One,
}

/// A pattern over the whole of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Glob {
    parts: Vec<Part>,
}

impl Glob {
    /// Makes a pattern; neighbouring texts are joined, empty ones dropped, runs of [`Part::Any`] become one.
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut out: Vec<Part> = Vec::new();
        for part in parts {
            match (out.last_mut(), part) {
                (Some(Part::Text(a)), Part::Text(b)) => a.push_str(&b),
                (_, Part::Text(b)) if b.is_empty() => {}
                // Two `*` in a row mean one, and would only make the search go back twice.
                (Some(Part::Any), Part::Any) => {}
                (_, part) => out.push(part),
            }
        }
        Self { parts: out }
    }

    /// Reads a pattern in which `*` is any run of characters and nothing else is special.
    pub fn wildcard(text: &str) -> Self {
        let pieces = text.split('*').enumerate();
        Self::new(pieces.flat_map(|(i, text)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(text.to_owned())])))
    }

    /// Makes a pattern without wildcards.
    pub fn literal(text: impl Into<String>) -> Self {
        Self::new([Part::Text(text.into())])
    }

    /// Returns the pieces.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the text of a pattern that has no wildcard (the empty pattern is the empty text).
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns its longest literal: the rarest, so that a search for it lets the fewest values through.
    pub fn longest_text(&self) -> Option<&str> {
        self.parts
            .iter()
            .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
            .max_by_key(|text| text.len())
    }

    /// Returns the pattern with a wildcard in front and behind.
    pub fn contains(&self) -> Self {
        Self::new([Part::Any].into_iter().chain(self.parts.iter().cloned()).chain([Part::Any]))
    }

    /// Returns the pattern folded by [`fold_char`].
    pub fn folded(&self) -> Self {
        Self::new(self.parts.iter().map(|part| match part {
            Part::Text(text) => Part::Text(text.chars().map(fold_char).collect()),
            other => other.clone(),
        }))
    }

    /// Whether the pattern matches all of `value`, character by character and with case.
    pub fn matches(&self, value: &str) -> bool {
        let mut at = 0; // byte offset in value
        let mut part = 0;
        // Only the last `*` is tried again: what an earlier one could give away, the later one can take, so the work is bounded by
        // the product of both lengths and does not grow with the number of wildcards.
        let mut retry: Option<(usize, usize)> = None; // (part after the last Any, where its next attempt starts)
        loop {
            let step = match self.parts.get(part) {
                None if at == value.len() => return true,
                None => None,
                Some(Part::Any) => {
                    part += 1;
                    let Some(found) = self.seek(value, part, at) else { return false };
                    retry = Some((part, found));
                    at = found;
                    continue;
                }
                Some(Part::One) => value[at..].chars().next().map(char::len_utf8),
                Some(Part::Text(text)) => value[at..].starts_with(text.as_str()).then_some(text.len()),
            };
            match (step, retry) {
                (Some(length), _) => {
                    at += length;
                    part += 1;
                }
                (None, Some((after, from))) => {
                    let Some(c) = value[from..].chars().next() else { return false };
                    let Some(found) = self.seek(value, after, from + c.len_utf8()) else { return false };
                    retry = Some((after, found));
                    part = after;
                    at = found;
                }
                (None, None) => return false,
            }
        }
    }

    /// The first place from `at` on where the part behind an [`Part::Any`] can hold; none where no later one can.
    fn seek(&self, value: &str, part: usize, at: usize) -> Option<usize> {
        match self.parts.get(part) {
            None => Some(value.len()),
            // The last text can only stand at the end, so it is looked for there alone.
            Some(Part::Text(text)) if part + 1 == self.parts.len() => {
                let start = value.len().checked_sub(text.len()).filter(|start| *start >= at)?;
                value.ends_with(text.as_str()).then_some(start)
            }
            Some(Part::Text(text)) => value[at..].find(text.as_str()).map(|found| at + found),
            Some(Part::Any | Part::One) => Some(at),
        }
    }
}
