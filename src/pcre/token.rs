//! A pattern as tokens. What has one meaning wherever it stands is already in the crate's syntax.

use std::ops::Range;

use super::class;
use super::{Flags, PcreFault};

/// A token and its bytes in the pattern.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Range<usize>,
    /// Whether case is ignored here.
    pub(super) ignore_case: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Begins a group.
    Open(String),
    /// `(?>`
    OpenAtomic,
    Close,
    Or,
    /// Exactly one character.
    Atom(String),
    /// Nothing is consumed, and what stands around decides: `^`, `\b`, `\z`, `$` at line breaks.
    Assertion(String),
    /// The end, or a line break before it: `$`, `\Z`.
    End,
    /// `\R`
    LineBreak,
    /// A repetition; `count` where there is only one.
    Repeat {
        text: String,
        count: Option<u32>,
        possessive: bool,
        may_be_none: bool,
    },
    /// `(?i)`
    Flags(String),
}

/// What flags of a pattern change how it is read.
#[derive(Clone, Copy)]
struct PatternFlags {
    ignore_case: bool,
    multi_line: bool,
    /// `x`: spaces and comments are none of the pattern. They are left out here: in the crate they would go in classes too.
    extended: bool,
}

/// Horizontal spaces, as members of a class.
pub(super) const HORIZONTAL: &str = r"\t \x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}";
/// Vertical spaces, as members of a class.
pub(super) const VERTICAL: &str = r"\n\x0B\f\r\x{85}\x{2028}\x{2029}";

/// Reads a pattern.
pub(super) fn read(pattern: &str, flags: Flags) -> Result<Vec<Token>, PcreFault> {
    read_with(pattern, flags, false)
}

/// Reads a pattern that may hold look-around and back-references.
pub(super) fn read_backtracking(pattern: &str, flags: Flags) -> Result<Vec<Token>, PcreFault> {
    read_with(pattern, flags, true)
}

fn read_with(pattern: &str, flags: Flags, backtracks: bool) -> Result<Vec<Token>, PcreFault> {
    let state = PatternFlags { ignore_case: flags.ignore_case, multi_line: flags.multi_line, extended: false };
    let mut reader = TokenReader { pattern, at: 0, state, outer: Vec::new(), tokens: Vec::new(), backtracks };
    while reader.at < pattern.len() {
        reader.next()?;
    }
    Ok(reader.tokens)
}

struct TokenReader<'p> {
    pattern: &'p str,
    at: usize,
    state: PatternFlags,
    /// The states outside of the groups that are open.
    outer: Vec<PatternFlags>,
    tokens: Vec<Token>,
    /// Whether look-around and back-references are tokens; else they are refused.
    backtracks: bool,
}

impl<'p> TokenReader<'p> {
    fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    /// Adds a token that takes so many bytes.
    fn push(&mut self, kind: TokenKind, length: usize) {
        let span = self.at..(self.at + length).min(self.pattern.len());
        self.at = span.end;
        self.tokens.push(Token { kind, span, ignore_case: self.state.ignore_case });
    }

    fn unsupported<T>(&self, what: &str, length: usize) -> Result<T, PcreFault> {
        Err(PcreFault::unsupported(what, self.at..(self.at + length).min(self.pattern.len())))
    }

    fn next(&mut self) -> Result<(), PcreFault> {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return Ok(()) };
        match c {
            c if self.state.extended && c.is_ascii_whitespace() => self.at += 1,
            '#' if self.state.extended => self.at += rest.find('\n').map_or(rest.len(), |end| end + 1),
            '\\' => self.escape()?,
            '[' => {
                let (text, length) = class::read(rest, self.at)?;
                self.push(TokenKind::Atom(text), length);
            }
            '(' => self.group()?,
            ')' => {
                self.push(TokenKind::Close, 1);
                // The flags that were set in a group end with it.
                self.state = self.outer.pop().unwrap_or(self.state);
            }
            '|' => self.push(TokenKind::Or, 1),
            '$' if self.state.multi_line => self.push(TokenKind::Assertion("$".to_owned()), 1),
            '$' => self.push(TokenKind::End, 1),
            '^' => self.push(TokenKind::Assertion("^".to_owned()), 1),
            '*' | '+' | '?' => self.repeat(1, (c == '?' || c == '*', None)),
            '{' => match repetition(rest) {
                Some((length, least, most)) => self.repeat(length, (least == 0, (Some(least) == most).then_some(least))),
                None => self.push(TokenKind::Atom(r"\{".to_owned()), 1),
            },
            '.' => self.push(TokenKind::Atom(".".to_owned()), 1),
            c => self.push(TokenKind::Atom(regex::escape(c.encode_utf8(&mut [0; 4]))), c.len_utf8()),
        }
        Ok(())
    }

    fn repeat(&mut self, length: usize, (may_be_none, count): (bool, Option<u32>)) {
        let mut text = self.rest()[..length].to_owned();
        let mark = self.rest()[length..].chars().next();
        if mark == Some('?') {
            text.push('?');
        }
        let possessive = mark == Some('+');
        let length = length + usize::from(possessive || mark == Some('?'));
        self.push(TokenKind::Repeat { text, count, possessive, may_be_none }, length);
    }

    fn open(&mut self, kind: TokenKind, length: usize) {
        self.outer.push(self.state);
        self.push(kind, length);
    }

    fn group(&mut self) -> Result<(), PcreFault> {
        let rest = self.rest();
        if rest.starts_with("(*") {
            return self.unsupported("a verb such as `(*SKIP)`", rest.find(')').map_or(rest.len(), |end| end + 1));
        }
        let Some(kind) = rest.strip_prefix("(?") else {
            self.open(TokenKind::Open("(".to_owned()), 1);
            return Ok(());
        };
        if self.backtracks {
            if let Some(begin) = ["=", "!", "<=", "<!"].into_iter().find(|begin| kind.starts_with(begin)) {
                self.open(TokenKind::Open(format!("(?{begin}")), 2 + begin.len());
                return Ok(());
            }
            if let Some((name, _)) = kind.strip_prefix("P=").and_then(|name| name.split_once(')')) {
                self.push(TokenKind::Atom(format!(r"\k<{name}>")), 2 + 2 + name.len() + 1);
                return Ok(());
            }
        }
        // Longest first where one begins another: `(?<=` before a name's `(?<`.
        for (begin, what) in [
            ("=", "look-around"),
            ("!", "look-around"),
            ("<=", "look-around"),
            ("<!", "look-around"),
            ("|", "a group that numbers its branches anew"),
            ("(", "a condition within a pattern"),
            ("R", "recursion"),
            ("&", "recursion"),
            ("P>", "recursion"),
            ("P=", "a back-reference"),
            ("C", "a callout"),
        ] {
            if kind.starts_with(begin) {
                return self.unsupported(what, 2 + begin.len());
            }
        }
        if kind.starts_with(|c: char| c.is_ascii_digit())
            || (kind.starts_with(['+', '-']) && kind[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            return self.unsupported("recursion", 3);
        }
        if kind.starts_with('#') {
            self.at += rest.find(')').map_or(rest.len(), |end| end + 1);
            return Ok(());
        }
        if kind.starts_with('>') {
            self.open(TokenKind::OpenAtomic, 3);
            return Ok(());
        }
        for (begin, end) in [("P<", '>'), ("<", '>'), ("'", '\'')] {
            if let Some((name, _)) = kind.strip_prefix(begin).and_then(|name| name.split_once(end)) {
                self.open(TokenKind::Open(format!("(?P<{name}>")), 2 + begin.len() + name.len() + 1);
                return Ok(());
            }
        }
        self.flags(kind)
    }

    /// `(?i)`, `(?i-s:`, `(?:`
    fn flags(&mut self, kind: &str) -> Result<(), PcreFault> {
        let length = kind.find([')', ':']).unwrap_or(kind.len());
        let outside = self.state;
        let (mut on, mut written, mut state) = (true, String::new(), self.state);
        for c in kind[..length].chars() {
            match c {
                '-' => on = false,
                'i' => state.ignore_case = on,
                'm' => state.multi_line = on,
                'x' => state.extended = on,
                's' | 'U' => {}
                // What is not known may change what matches, so it is refused and not passed on.
                other => return self.unsupported(&format!("the flag `{other}`"), 2 + length),
            }
            if c != 'x' {
                written.push(c);
            }
        }
        let written = written.trim_end_matches('-').to_owned();
        if kind[length..].starts_with(':') {
            self.outer.push(outside);
            self.state = state;
            self.push(TokenKind::Open(format!("(?{written}:")), length + 3);
        } else {
            self.state = state;
            let text = if written.is_empty() { String::new() } else { format!("(?{written})") };
            self.push(TokenKind::Flags(text), length + 3);
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), PcreFault> {
        let rest = self.rest();
        let Some(c) = rest.chars().nth(1) else {
            self.push(TokenKind::Atom("\\".to_owned()), 1); // the crate says what is wrong
            return Ok(());
        };
        match c {
            'Q' => self.quoted(),
            'E' => self.at += 2,
            'A' | 'z' => self.push(TokenKind::Assertion(format!("\\{c}")), 2),
            'b' | 'B' => self.push(TokenKind::Assertion(format!("\\{c}")), 2),
            'Z' => self.push(TokenKind::End, 2),
            'R' => self.push(TokenKind::LineBreak, 2),
            // `\N{…}` is a name of a character, which the crate does not know.
            'N' if !rest[2..].starts_with('{') => self.push(TokenKind::Atom(r"[^\n]".to_owned()), 2),
            'h' => self.push(TokenKind::Atom(format!("[{HORIZONTAL}]")), 2),
            'H' => self.push(TokenKind::Atom(format!("[^{HORIZONTAL}]")), 2),
            'v' => self.push(TokenKind::Atom(format!("[{VERTICAL}]")), 2),
            'V' => self.push(TokenKind::Atom(format!("[^{VERTICAL}]")), 2),
            'G' | 'K' | 'X' | 'C' => return self.unsupported(&format!("`\\{c}`"), 2),
            'g' | 'k' | '1'..='9' => match if self.backtracks { back_reference(rest) } else { None } {
                Some((text, length)) => self.push(TokenKind::Atom(text), length),
                None => return self.unsupported("a back-reference", 2),
            },
            _ => {
                let (text, length) = character(rest);
                self.push(TokenKind::Atom(text), length);
            }
        }
        Ok(())
    }

    /// `\Q…\E`: each character is itself.
    fn quoted(&mut self) {
        self.at += 2;
        let end = self.rest().find(r"\E").unwrap_or(self.rest().len());
        for c in self.rest()[..end].chars() {
            self.push(TokenKind::Atom(regex::escape(c.encode_utf8(&mut [0; 4]))), c.len_utf8());
        }
        self.at += self.rest().len().min(2);
    }
}

/// `\1`, `\g1`, `\g{1}`, `\k<name>` and its kin: spelling and length. A relative one is none of them.
fn back_reference(rest: &str) -> Option<(String, usize)> {
    let body = &rest[1..];
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = |number: &str| format!(r"(?:\{number})"); // a digit behind it is not part of it
    if digits(body) > 0 {
        return Some((numbered(&body[..digits(body)]), 1 + digits(body)));
    }
    let behind = &body[1..];
    if body.starts_with('g') && digits(behind) > 0 {
        return Some((numbered(&behind[..digits(behind)]), 2 + digits(behind)));
    }
    let close = [('{', '}'), ('<', '>'), ('\'', '\'')].into_iter().find(|(open, _)| behind.starts_with(*open)).map(|(_, close)| close)?;
    let (name, _) = behind[1..].split_once(close)?;
    let is_number = !name.is_empty() && digits(name) == name.len();
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    match (is_number, is_name) {
        (true, _) => Some((numbered(name), name.len() + 4)),
        (false, true) => Some((format!(r"\k<{name}>"), name.len() + 4)),
        _ => None,
    }
}

/// An escape that stands for one character, here or in a class: its spelling and its length in the pattern.
pub(super) fn character(rest: &str) -> (String, usize) {
    let Some(c) = rest.chars().nth(1) else { return ("\\".to_owned(), 1) };
    let hex = |digits: &str| format!("\\x{{{}}}", if digits.is_empty() { "0" } else { digits });
    match c {
        'e' => (r"\x1B".to_owned(), 2),
        'c' => match rest[2..].chars().next().filter(char::is_ascii) {
            Some(control) => (format!("\\x{{{:X}}}", u32::from(control.to_ascii_uppercase()) ^ 0x40), 3),
            None => (r"\c".to_owned(), 2),
        },
        'x' if rest[2..].starts_with('{') => match rest.find('}') {
            Some(end) => (rest[..=end].to_owned(), end + 1),
            None => (r"\x{".to_owned(), 3),
        },
        'x' => {
            let digits = rest[2..].bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
            (hex(&rest[2..2 + digits]), 2 + digits)
        }
        '0' => {
            let digits = rest[1..].bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            (hex(&format!("{:X}", u32::from_str_radix(&rest[1..=digits], 8).unwrap_or(0))), 1 + digits)
        }
        'p' | 'P' if rest[2..].starts_with('{') => {
            let length = rest.find('}').map_or(rest.len(), |end| end + 1);
            match rest[..length].strip_prefix(r"\p{^").or_else(|| rest[..length].strip_prefix(r"\P{^")) {
                Some(name) => (format!(r"\{}{{{name}", if c == 'p' { 'P' } else { 'p' }), length),
                None => (rest[..length].to_owned(), length),
            }
        }
        'p' | 'P' => {
            let length = 2 + rest[2..].chars().next().map_or(0, char::len_utf8);
            (rest[..length].to_owned(), length)
        }
        'u' | 'U' => {
            let wide = if c == 'u' { 4 } else { 8 };
            let digits = rest[2..].bytes().take(wide).take_while(u8::is_ascii_hexdigit).count();
            (rest[..2 + digits].to_owned(), 2 + digits)
        }
        c if c.is_ascii_alphanumeric() => (format!("\\{c}"), 2),
        c => (regex::escape(c.encode_utf8(&mut [0; 4])), 1 + c.len_utf8()),
    }
}

/// Length, least and most of `{n}`, `{n,}` or `{n,m}` at the start.
fn repetition(rest: &str) -> Option<(usize, u32, Option<u32>)> {
    let (inside, _) = rest[1..].split_once('}')?;
    let (least, most) = match inside.split_once(',') {
        Some((least, most)) => (least, most),
        None => (inside, inside),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(least) || !(most.is_empty() || is_number(most)) {
        return None;
    }
    // A number that is too large is the crate's to refuse.
    let number = |text: &str| text.parse().unwrap_or(u32::MAX);
    Some((inside.len() + 2, number(least), (!most.is_empty()).then(|| number(most))))
}
