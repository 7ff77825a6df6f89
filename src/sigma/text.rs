//! Sigma strings: wildcards, escapes and placeholders.
//!
//! One pass from left to right. A backslash is an escape only before `*`, `?` and `\` (and before `%` where
//! placeholders are read); before anything else, and at the end, it is itself.

use std::fmt;

use crate::event::NUL_SYMBOL;
use crate::ir::{Glob, Part};

/// A piece of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text, never empty.
    Text(String),
    /// `*`
    Any,
    /// `?`
    One,
    /// `%name%`
    Placeholder(String),
}

/// A parsed string.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text(pub(super) Vec<Piece>);

impl Text {
    /// Text without wildcards, whatever characters it has.
    pub(super) fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        Self(if text.is_empty() { Vec::new() } else { vec![Piece::Text(text)] })
    }

    /// Reads wildcards and escapes.
    pub(super) fn parse(raw: &str) -> Self {
        Self::read(raw, false)
    }

    /// Reads wildcards, escapes and placeholders.
    pub(super) fn parse_with_placeholders(raw: &str) -> Self {
        Self::read(raw, true)
    }

    fn read(raw: &str, placeholders: bool) -> Self {
        let plain = !raw.contains(['*', '?', '\\']) && (!placeholders || !raw.contains('%'));
        if plain {
            return Self::literal(raw);
        }
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = raw;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            let escaped = after.chars().next().filter(|n| matches!(n, '*' | '?' | '\\') || (placeholders && *n == '%'));
            rest = match (c, escaped) {
                ('\\', Some(next)) => {
                    text.push(next);
                    &after[1..]
                }
                ('*' | '?', _) => {
                    push_text(&mut pieces, &mut text);
                    pieces.push(if c == '*' { Piece::Any } else { Piece::One });
                    after
                }
                ('%', _) if placeholders => match placeholder(after) {
                    Some(name) => {
                        push_text(&mut pieces, &mut text);
                        pieces.push(Piece::Placeholder(name.to_string()));
                        &after[name.len() + 1..]
                    }
                    None => {
                        text.push('%');
                        after
                    }
                },
                _ => {
                    text.push(c);
                    after
                }
            };
        }
        push_text(&mut pieces, &mut text);
        Self(pieces)
    }

    /// Returns the text of a string without wildcards.
    pub(super) fn as_literal(&self) -> Option<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Any | Piece::One | Piece::Placeholder(_) => return None,
            }
        }
        Some(out)
    }

    /// Whether there is something in it and all of it is `*`.
    pub(super) fn is_only_any(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|piece| *piece == Piece::Any)
    }

    /// The text with `*` before or after it, unless it is there.
    pub(super) fn padded(mut self, any_before: bool, any_after: bool) -> Self {
        if any_before && self.0.first() != Some(&Piece::Any) {
            self.0.insert(0, Piece::Any);
        }
        if any_after && (self.0.last() != Some(&Piece::Any) || self.0.len() == 1 && any_before) {
            self.0.push(Piece::Any);
        }
        self
    }

    /// Makes the pattern. NUL in a rule means what it became in the events.
    pub(super) fn to_glob(&self, any_before: bool, any_after: bool) -> Glob {
        let before = any_before.then_some(Part::Any);
        let after = any_after.then_some(Part::Any);
        let inner = self.0.iter().map(|piece| match piece {
            Piece::Text(text) if text.contains('\0') => Part::Text(text.replace('\0', &NUL_SYMBOL.to_string())),
            Piece::Text(text) => Part::Text(text.clone()),
            Piece::Placeholder(name) => Part::Text(format!("%{name}%")),
            Piece::Any => Part::Any,
            Piece::One => Part::One,
        });
        Glob::new(before.into_iter().chain(inner).chain(after))
    }
}

/// The text as one reads it: wildcards and placeholders as they are written, nothing escaped.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Any => f.write_str("*"),
            Piece::One => f.write_str("?"),
            Piece::Placeholder(name) => write!(f, "%{name}%"),
        })
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &mut String) {
    if !text.is_empty() {
        pieces.push(Piece::Text(std::mem::take(text)));
    }
}

/// The name of a placeholder whose first `%` has been read.
fn placeholder(after: &str) -> Option<&str> {
    let (name, _) = after.split_once('%')?;
    is_placeholder_name(name).then_some(name)
}

/// Letters, digits, `_` and `-`.
pub(super) fn is_placeholder_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(raw: &str) -> String {
        let mut out = String::new();
        for piece in Text::parse_with_placeholders(raw).0 {
            match piece {
                Piece::Text(text) => out.push_str(&format!("[{text}]")),
                Piece::Any => out.push('*'),
                Piece::One => out.push('?'),
                Piece::Placeholder(name) => out.push_str(&format!("<{name}>")),
            }
        }
        out
    }

    #[test]
    fn escapes_and_wildcards() {
        for (raw, wanted) in [
            ("a*b?c", "[a]*[b]?[c]"),
            (r"\*\?", "[*?]"),
            (r"\\*", r"[\]*"),
            (r"\\\*", r"[\*]"),
            (r"\\\\*", r"[\\]*"),
            (r"\\\\\*", r"[\\*]"),
            (r"\\\", r"[\\]"),
            (r"C:\dir\", r"[C:\dir\]"),
            (r"\\server\share", r"[\server\share]"),
            ("**", "**"),
            (r"\**", "[*]*"),
            ("", ""),
            ("%a_1%x%%", "<a_1>[x%%]"),
            ("%DC-NAME%", "<DC-NAME>"),
            (r"\%a%b%", "[%a]<b>"),
            ("100% of 50%", "[100% of 50%]"),
        ] {
            assert_eq!(show(raw), wanted, "{raw}");
        }
        assert_eq!(Text::parse("50%x%").0, [Piece::Text("50%x%".into())]);
    }

    #[test]
    fn patterns() {
        assert_eq!(Text::parse("a\0").to_glob(false, false), Glob::literal("a\u{2400}"));
        assert_eq!(Text::parse("*x").to_glob(true, true), Glob::literal("x").contains());
        assert!(Text::parse("**").is_only_any());
        assert!(!Text::parse("").is_only_any());
    }
}
