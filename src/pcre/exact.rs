//! Whether a difference between PCRE and the crate can show.
//!
//! Possessive repetition and atomic groups do not give back what they took. Where giving back could not lead to a match
//! either, they are the plain ones.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind};

use super::token::TokenKind;
use super::{Flags, Tokens};

/// A pattern's tokens.
pub(super) struct Pattern<'t> {
    pub(super) tokens: &'t Tokens,
    pub(super) flags: Flags,
}

/// What comes behind a place.
enum Next<'t> {
    /// Nothing: what is matched until then is the match.
    Nothing,
    /// Exactly one character of these.
    One(&'t str, bool),
    /// The end of the text.
    End,
    /// It depends.
    Other,
}

impl Pattern<'_> {
    /// The place behind the group that is open at a place, beginning with an `|` or `)` of it.
    fn behind_group(&self, mut index: usize) -> Option<usize> {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.get(index) {
            match token.kind {
                TokenKind::Open(_) | TokenKind::OpenAtomic => depth += 1,
                TokenKind::Close if depth == 0 => return Some(index),
                TokenKind::Close => depth -= 1,
                _ => {}
            }
            index += 1;
        }
        None
    }

    /// What comes behind a token.
    fn next(&self, index: usize) -> Next<'_> {
        let mut at = index + 1;
        loop {
            let Some(token) = self.tokens.get(at) else { return Next::Nothing };
            at += 1;
            match &token.kind {
                TokenKind::Flags(_) => {}
                TokenKind::Close | TokenKind::Or => {
                    // The other branches are not behind this one.
                    let Some(close) = self.behind_group(at - 1) else { return Next::Nothing };
                    // Repeated, the group may begin again behind itself: what comes next is no longer one thing.
                    if matches!(self.tokens.get(close + 1).map(|t| &t.kind), Some(TokenKind::Repeat { text, .. }) if text != "?") {
                        return Next::Other;
                    }
                    at = close + 1;
                    if matches!(self.tokens.get(at).map(|t| &t.kind), Some(TokenKind::Repeat { .. })) {
                        at += 1;
                    }
                }
                TokenKind::Atom(text) => {
                    let optional = matches!(self.tokens.get(at).map(|t| &t.kind), Some(TokenKind::Repeat { may_be_none: true, .. }));
                    return if optional { Next::Other } else { Next::One(text, token.ignore_case) };
                }
                TokenKind::End => return Next::End,
                TokenKind::Assertion(text) if text == r"\z" => return Next::End,
                TokenKind::Assertion(_) | TokenKind::Open(_) | TokenKind::OpenAtomic | TokenKind::LineBreak | TokenKind::Repeat { .. } => {
                    return Next::Other;
                }
            }
        }
    }

    /// Whether nothing comes behind a token that could still match or fail: there possessive repetition takes what greedy
    /// repetition takes.
    fn is_final(&self, index: usize) -> bool {
        matches!(self.next(index), Next::Nothing)
    }

    /// Whether behind a token there is nothing, or the end once more.
    pub(super) fn is_end(&self, index: usize) -> bool {
        matches!(self.next(index), Next::Nothing | Next::End)
    }

    /// Whether a possessive repetition is the plain one; `group` is what it repeats, where that is a group.
    pub(super) fn repeat_is_plain(&self, index: usize, group: Option<&str>) -> bool {
        let TokenKind::Repeat { count, .. } = &self.tokens[index].kind else { return false };
        if let Some(group) = group {
            // Atomic repetition of a group keeps each of its choices.
            let fixed = hir(group, self.flags.ignore_case).is_some_and(|hir| length(&hir).is_some());
            return fixed && (count.is_some() || self.is_final(index));
        }
        let Some(before) = index.checked_sub(1).map(|before| &self.tokens[before]) else { return false };
        let TokenKind::Atom(text) = &before.kind else { return false };
        count.is_some() || self.is_final(index) || self.stops_at_next(text, before.ignore_case, index)
    }

    /// Whether what comes behind a token cannot begin with any of these characters: then a run of them ends in one place.
    fn stops_at_next(&self, text: &str, ignore_case: bool, index: usize) -> bool {
        match self.next(index) {
            Next::Nothing | Next::End => true,
            Next::One(next, next_ignore_case) => match (characters(text, ignore_case), characters(next, next_ignore_case)) {
                (Some(mut own), Some(next)) => {
                    own.intersect(&next);
                    own.ranges().is_empty()
                }
                _ => false,
            },
            Next::Other => false,
        }
    }

    /// Whether an atomic group, which ends at a token, is the plain one.
    pub(super) fn group_is_plain(&self, group: &str, close: usize) -> bool {
        let Some(hir) = hir(group, self.flags.ignore_case) else { return false };
        if length(&hir).is_some() {
            return true;
        }
        if matches!(self.tokens.get(close + 1).map(|t| &t.kind), Some(TokenKind::Repeat { .. })) {
            return false;
        }
        if !self.flags.replaces && self.is_final(close) {
            return true;
        }
        let HirKind::Repetition(repetition) = hir.kind() else { return false };
        let Some(own) = set_of(&repetition.sub) else { return false };
        match self.next(close) {
            Next::Nothing | Next::End => true,
            Next::One(next, ignore_case) => characters(next, ignore_case).is_some_and(|next| {
                let mut both = own.clone();
                both.intersect(&next);
                both.ranges().is_empty()
            }),
            Next::Other => false,
        }
    }

    /// `\R` takes `\r\n` as a whole. That shows only where a line break may come behind it.
    pub(super) fn line_break_is_plain(&self, index: usize) -> bool {
        let next = match self.tokens.get(index + 1).map(|t| &t.kind) {
            Some(TokenKind::Repeat { text, .. }) if matches!(text.as_str(), "+" | "*") => index + 1,
            Some(TokenKind::Repeat { .. }) => return false,
            _ => index,
        };
        match self.next(next) {
            Next::Nothing => !self.flags.replaces,
            Next::End | Next::Other => false,
            Next::One(..) => self.stops_at_next(r"[\n\x0B\f\r\x{85}\x{2028}\x{2029}]", false, next),
        }
    }
}

fn hir(text: &str, ignore_case: bool) -> Option<Hir> {
    let text = if ignore_case { format!("(?i){text}") } else { text.to_owned() };
    let mut hir = regex_syntax::parse(&text).ok()?;
    // A group is what is in it.
    while let HirKind::Capture(capture) = hir.kind() {
        hir = (*capture.sub).clone();
    }
    Some(hir)
}

/// The characters of an atom.
fn characters(text: &str, ignore_case: bool) -> Option<ClassUnicode> {
    set_of(&hir(text, ignore_case)?)
}

fn set_of(hir: &Hir) -> Option<ClassUnicode> {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class.clone()),
        HirKind::Class(Class::Bytes(class)) => class.to_unicode_class(),
        HirKind::Literal(literal) => {
            let mut chars = std::str::from_utf8(&literal.0).ok()?.chars();
            let c = chars.next()?;
            chars.next().is_none().then(|| ClassUnicode::new([ClassUnicodeRange::new(c, c)]))
        }
        _ => None,
    }
}

/// How many characters it takes, where that is always the same: then there is one place where a match can end.
fn length(hir: &Hir) -> Option<usize> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(0),
        HirKind::Literal(literal) => Some(std::str::from_utf8(&literal.0).ok()?.chars().count()),
        HirKind::Class(_) => Some(1),
        HirKind::Repetition(repetition) => {
            let count = repetition.max.filter(|most| *most == repetition.min)?;
            length(&repetition.sub)?.checked_mul(usize::try_from(count).ok()?)
        }
        HirKind::Capture(capture) => length(&capture.sub),
        HirKind::Concat(parts) => parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(length(part)?)),
        HirKind::Alternation(parts) => {
            let first = length(parts.first()?)?;
            parts.iter().all(|part| length(part) == Some(first)).then_some(first)
        }
    }
}
