//! A place in one command's text: peeking, words, quoted strings, faults.

use std::ops::Range;

/// A fault found while parsing: code, message, span in the expanded text.
pub(super) type Fault = (&'static str, String, Range<usize>);

/// Reads one command's text from left to right; offsets are those of the whole expanded search.
pub(super) struct Cursor<'t> {
    text: &'t str,
    /// Next byte.
    pub(super) at: usize,
    /// One past the last byte of the command.
    pub(super) end: usize,
    /// What was wrong so far.
    pub(super) faults: Vec<Fault>,
}

impl<'t> Cursor<'t> {
    /// Starts at a range of the expanded search.
    pub(super) fn new(text: &'t str, range: Range<usize>) -> Self {
        Self { text, at: range.start, end: range.end, faults: Vec::new() }
    }

    /// What is left of the command.
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..self.end]
    }

    /// The text of a span.
    pub(super) fn slice(&self, span: Range<usize>) -> &'t str {
        &self.text[span]
    }

    /// Skips white space and returns the next character.
    pub(super) fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    /// Takes a text if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        self.peek();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Takes a whole word, without case, if it comes next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.peek();
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
            && rest[word.len()..].chars().next().is_none_or(|c| !is_name_char(c));
        if found {
            self.at += word.len();
        }
        found
    }

    /// Takes characters while they fit; the span may be empty.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> Range<usize> {
        self.peek();
        let start = self.at;
        self.at += self.rest().find(|c| !fits(c)).unwrap_or(self.end - self.at);
        start..self.at
    }

    /// Takes a string in double quotes with its escapes resolved.
    pub(super) fn quoted(&mut self) -> Option<(String, Range<usize>)> {
        if self.peek() != Some('"') {
            return None;
        }
        let start = self.at;
        let mut escaped = false;
        for (index, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    let inner = &self.rest()[1..index];
                    self.at += index + 1;
                    return Some((unescape(inner), start..self.at));
                }
                _ => {}
            }
        }
        self.fault("spl-unclosed-string", "a string lacks its closing quote", start..self.end);
        let inner = unescape(&self.rest()[1..]);
        self.at = self.end;
        Some((inner, start..self.end))
    }

    /// Takes a field name: bare, in double or in single quotes.
    pub(super) fn name(&mut self) -> Option<(String, Range<usize>)> {
        match self.peek()? {
            '"' => self.quoted(),
            '\'' => {
                let start = self.at;
                let Some(close) = self.rest()[1..].find('\'') else {
                    self.fault("spl-unclosed-string", "a quoted field name lacks its closing quote", start..self.end);
                    self.at = self.end;
                    return None;
                };
                let name = self.rest()[1..=close].to_owned();
                self.at += close + 2;
                Some((name, start..self.at))
            }
            _ => {
                let span =
                    self.take_while(|c| is_name_char(c) || matches!(c, '.' | '{' | '}' | '*' | ':' | '@' | '-' | '/' | '#' | '$' | '%'));
                (!span.is_empty()).then(|| (self.slice(span.clone()).to_owned(), span))
            }
        }
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, code: &'static str, message: impl Into<String>, span: Range<usize>) {
        self.faults.push((code, message.into(), span));
    }

    /// Notes that something unexpected comes next, and gives up on the rest of the command.
    pub(super) fn unexpected(&mut self, wanted: &str) {
        self.peek();
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        let found =
            if length == 0 { "the end".to_owned() } else { format!("`{}`", self.rest().split_whitespace().next().unwrap_or_default()) };
        self.fault("spl-syntax", format!("expected {wanted}, found {found}"), self.at..self.at + length);
        self.at = self.end;
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }
}

/// Characters of bare names in every context.
pub(super) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Rule S12: `\\` is `\`, `\"` is `"`, `\|` is `|`; before anything else the backslash stays.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next @ ('\\' | '"' | '|'))) => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}
