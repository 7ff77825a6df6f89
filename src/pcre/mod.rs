//! Regular expressions as rules write them (PCRE) in the syntax of the `regex` crate: the same for Sigma and for Splunk.
//!
//! The crate never backtracks. What it can say exactly is rewritten; what it cannot (look-around, back-references,
//! possessive repetition whose backtracking would matter) is refused, never approximated. Where the caller can run a pattern
//! that backtracks, [`translate_backtracking`] writes it for the crate that does so. A pattern is read into tokens
//! (`token`, `class`), and each token is written out, after `exact` has said of the ones that PCRE treats otherwise
//! whether the difference can show.
//!
//! Choices: classes such as `\w` and case are Unicode's, as in the reference implementations of both languages. `$` is the
//! end, or a line break before it. Where a match is replaced, [`Flags::replaces`], the line break would be part of the
//! match, so there `$` is the end alone.

mod class;
mod exact;
mod groups;
mod token;

use std::ops::Range;

use regex_syntax::ast::{ErrorKind, parse::Parser};

use exact::Pattern;
pub use groups::group_names;
use token::{Token, TokenKind};

/// What a pattern is used with beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// `i`: without case.
    pub ignore_case: bool,
    /// `m`: `^` and `$` at line breaks too.
    pub multi_line: bool,
    /// `s`: `.` is a line break too.
    pub dot_all: bool,
    /// What matches is replaced: how far a match reaches counts, and not only whether there is one.
    pub replaces: bool,
}

/// Why there is no counterpart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// PCRE has it, the crate has not.
    Unsupported,
    /// It is not a regular expression, or one that takes too much memory.
    Invalid,
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PcreFault {
    /// Why.
    pub kind: FaultKind,
    /// What it is, as a part of a sentence: `look-around is not supported`.
    pub message: String,
    /// Where: bytes of the pattern.
    pub span: Range<usize>,
}

impl PcreFault {
    fn unsupported(what: &str, span: Range<usize>) -> Self {
        Self { kind: FaultKind::Unsupported, message: format!("{what} is not supported"), span }
    }
}

/// Rewrites a pattern and checks that it compiles.
///
/// # Errors
/// What has no counterpart, or is not a regular expression.
pub fn translate(pattern: &str, flags: Flags) -> Result<String, PcreFault> {
    let tokens = token::read(pattern, flags)?;
    let body = write(&Pattern { tokens: &tokens, flags })?;
    let letters: String =
        [(flags.ignore_case, 'i'), (flags.multi_line, 'm'), (flags.dot_all, 's')].iter().filter(|(on, _)| *on).map(|(_, c)| *c).collect();
    let body = if letters.is_empty() { body } else { format!("(?{letters}){body}") };
    compiles(&body, pattern)?;
    Ok(body)
}

/// Writes tokens in the crate's syntax.
fn write(pattern: &Pattern<'_>) -> Result<String, PcreFault> {
    let mut out = String::new();
    // Where the groups begin that are open: in `out`, and among the tokens.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut last_group = None;
    for (index, token) in pattern.tokens.iter().enumerate() {
        let span = token.span.clone();
        match &token.kind {
            TokenKind::Open(text) => {
                open.push((out.len(), index));
                out.push_str(text);
            }
            TokenKind::OpenAtomic => {
                open.push((out.len(), index));
                out.push_str("(?:");
            }
            TokenKind::Close => {
                let group = open.pop();
                out.push(')');
                last_group = group.map(|(start, _)| start);
                if let Some((start, first)) = group
                    && matches!(pattern.tokens[first].kind, TokenKind::OpenAtomic)
                    && !pattern.group_is_plain(&out[start..], index)
                {
                    return Err(PcreFault::unsupported("an atomic group whose backtracking matters", pattern.tokens[first].span.clone()));
                }
            }
            TokenKind::End if pattern.flags.replaces => out.push_str(r"\z"),
            TokenKind::End if pattern.is_end(index) => out.push_str(r"\n?\z"),
            // A line break before the end would have to be part of no match and still be passed: the crate has no look-ahead for it.
            TokenKind::End => return Err(PcreFault::unsupported("`$` with something behind it", span)),
            TokenKind::LineBreak => {
                if !pattern.line_break_is_plain(index) {
                    return Err(PcreFault::unsupported(r"`\R` with a line break behind it", span));
                }
                out.push_str(r"(?:\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])");
            }
            TokenKind::Repeat { text, possessive, .. } => {
                if *possessive && !pattern.repeat_is_plain(index, last_group.map(|start| &out[start..])) {
                    return Err(PcreFault::unsupported("possessive repetition whose backtracking matters", span));
                }
                out.push_str(text);
            }
            TokenKind::Atom(text) | TokenKind::Assertion(text) | TokenKind::Flags(text) => out.push_str(text),
            TokenKind::Or => out.push('|'),
        }
        if !matches!(token.kind, TokenKind::Close) {
            last_group = None;
        }
    }
    Ok(out)
}

/// Rewrites a pattern like [`translate`]; one that needs look-around, back-references or backtracking is written in the
/// syntax of the `fancy-regex` crate, which has them.
///
/// # Errors
/// What neither crate has, or what is not a regular expression.
pub fn translate_backtracking(pattern: &str, flags: Flags) -> Result<String, PcreFault> {
    let refused = match translate(pattern, flags) {
        Err(fault) if fault.kind == FaultKind::Unsupported => fault,
        done => return done,
    };
    let tokens = token::read_backtracking(pattern, flags)?;
    let body = write_backtracking(&tokens, flags);
    let compiled = fancy_regex::Regex::new(&body);
    match compiled {
        Ok(_) => Ok(body),
        Err(fancy_regex::Error::ParseError(..)) => Err(refused),
        Err(error) => Err(PcreFault { kind: FaultKind::Invalid, message: error.to_string(), span: 0..pattern.len() }),
    }
}

/// Whether a translated pattern is one for the crate that never backtracks.
pub fn is_plain(pattern: &str) -> bool {
    regex::Regex::new(pattern).is_ok()
}

/// Writes tokens in the syntax of the crate that backtracks: nothing needs to be left out there.
fn write_backtracking(tokens: &Tokens, flags: Flags) -> String {
    let letters: String =
        [(flags.ignore_case, 'i'), (flags.multi_line, 'm'), (flags.dot_all, 's')].iter().filter(|(on, _)| *on).map(|(_, c)| *c).collect();
    let mut out = if letters.is_empty() { String::new() } else { format!("(?{letters})") };
    for token in tokens {
        match &token.kind {
            TokenKind::Open(text) | TokenKind::Atom(text) | TokenKind::Assertion(text) | TokenKind::Flags(text) => out.push_str(text),
            TokenKind::OpenAtomic => out.push_str("(?>"),
            TokenKind::Close => out.push(')'),
            TokenKind::Or => out.push('|'),
            TokenKind::End => out.push_str(r"(?=\n?\z)"),
            TokenKind::LineBreak => out.push_str(r"(?>\r\n|[\n\x0B\f\r\x{85}\x{2028}\x{2029}])"),
            TokenKind::Repeat { text, possessive, .. } => {
                out.push_str(text);
                out.push_str(if *possessive { "+" } else { "" });
            }
        }
    }
    out
}

fn compiles(body: &str, pattern: &str) -> Result<(), PcreFault> {
    let whole = 0..pattern.len();
    // The parser first: it tells look-around and back-references from real mistakes, the compiler only says that it failed.
    if let Err(error) = Parser::new().parse(body) {
        let kind = match error.kind() {
            ErrorKind::UnsupportedLookAround | ErrorKind::UnsupportedBackreference => FaultKind::Unsupported,
            _ => FaultKind::Invalid,
        };
        return Err(PcreFault { kind, message: error.kind().to_string(), span: whole });
    }
    match regex::Regex::new(body) {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(limit)) => {
            Err(PcreFault { kind: FaultKind::Invalid, message: format!("it takes more than {limit} bytes"), span: whole })
        }
        Err(error) => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or("").trim().trim_start_matches("error: ").to_owned();
            Err(PcreFault { kind: FaultKind::Invalid, message: reason, span: whole })
        }
    }
}

/// A token by its place; the type that the parts of this module share.
type Tokens = [Token];

#[cfg(test)]
mod tests;
