//! A place in one command's text: peeking, words, quoted strings, faults.

use std::ops::Range;

use super::fault::SearchFault;
use super::lookups::LookupUses;

/// Reads one command's text from left to right; offsets are those of the whole expanded search.
pub(super) struct Cursor<'t> {
    text: &'t str,
    /// Next byte.
    pub(super) at: usize,
    /// One past the last byte of the command.
    pub(super) end: usize,
    /// What was wrong so far, spans in the expanded search.
    pub(super) faults: Vec<SearchFault>,
    /// The command that is read.
    pub(super) command: &'t str,
    /// Brackets of other commands around it.
    pub(super) depth: u32,
    /// The lookups that the search may name.
    pub(super) lookups: &'t LookupUses<'t>,
    /// The rest of the command was given up: what is missing behind it is no fault of its own.
    gave_up: bool,
}

impl<'t> Cursor<'t> {
    /// Starts at a range of the expanded search.
    pub(super) fn new(text: &'t str, range: Range<usize>, lookups: &'t LookupUses<'t>) -> Self {
        Self { text, at: range.start, end: range.end, faults: Vec::new(), command: "", depth: 0, lookups, gave_up: false }
    }

    /// Starts at a range of the same brackets.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        Self { depth: self.depth, command: self.command, ..Self::new(self.text, range, self.lookups) }
    }

    /// Starts at a range inside of brackets of this command.
    pub(super) fn nested(&self, range: Range<usize>) -> Self {
        Self { depth: self.depth + 1, ..Self::new(self.text, range, self.lookups) }
    }

    /// The text inside of the bracket that comes next, and goes behind it; nothing where it does not close.
    pub(super) fn bracket(&mut self) -> Option<Range<usize>> {
        let (at, gave_up) = (self.at, self.gave_up);
        let whole = self.skip_group('[', ']');
        if whole.len() > 1 && self.slice(whole.clone()).ends_with(']') && self.at == whole.end {
            self.gave_up = gave_up;
            return Some(whole.start + 1..whole.end - 1);
        }
        (self.at, self.gave_up) = (at, gave_up);
        None
    }

    /// The whole text, of which the command is a part.
    pub(super) fn whole(&self) -> &'t str {
        self.text
    }

    /// What is left of the command.
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..self.end]
    }

    /// The text of a span.
    pub(super) fn slice(&self, span: Range<usize>) -> &'t str {
        &self.text[span]
    }

    /// From a place to the end of the command, without the white space there.
    pub(super) fn from(&self, start: usize) -> Range<usize> {
        start..start + self.text[start..self.end].trim_end().len()
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

    /// Takes digits as a number, if they come next.
    pub(super) fn whole_number(&mut self) -> Option<u64> {
        let (start, digits) = (self.at, self.take_while(|c| c.is_ascii_digit()));
        let number = self.slice(digits).parse().ok();
        if number.is_none() || self.rest().chars().next().is_some_and(is_name_char) {
            self.at = start;
            return None;
        }
        number
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
        // At the opening quote: the end of the search says nothing about where the author forgot one.
        self.error("spl-unclosed-string", "a string has no closing quote", start..start + 1);
        let inner = unescape(&self.rest()[1..]);
        self.give_up();
        Some((inner, start..self.end))
    }

    /// Takes a value of an option: quoted or bare.
    pub(super) fn option_value(&mut self) -> Option<(String, Range<usize>)> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let span = self.take_while(|c| !c.is_whitespace() && !matches!(c, ',' | '(' | ')' | '[' | '"'));
        (!span.is_empty()).then(|| (self.slice(span.clone()).to_owned(), span))
    }

    /// Takes a field name: bare, in double or in single quotes.
    pub(super) fn name(&mut self) -> Option<(String, Range<usize>)> {
        match self.peek()? {
            '"' => self.quoted(),
            '\'' => {
                let start = self.at;
                let Some(close) = self.rest()[1..].find('\'') else {
                    self.error("spl-unclosed-string", "a quoted field name has no closing quote", start..start + 1);
                    self.give_up();
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

    /// Takes the name of a column: a field's, or one that `stats` gave, such as `values(user)`.
    pub(super) fn column(&mut self) -> Option<(String, Range<usize>)> {
        let (name, span) = self.name()?;
        let bare = !self.slice(span.clone()).starts_with(['"', '\'']);
        // Not within quotes: there the brackets are part of the name already.
        if bare && self.at < self.end && self.rest().starts_with('(') && self.rest().contains(')') {
            let whole = span.start..self.skip_group('(', ')').end;
            return Some((self.slice(whole.clone()).to_owned(), whole));
        }
        Some((name, span))
    }

    /// Takes a group from `open` to the `close` that belongs to it; brackets in strings do not count.
    pub(super) fn skip_group(&mut self, open: char, close: char) -> Range<usize> {
        self.peek();
        let (start, mut depth, mut quoted, mut escaped) = (self.at, 0_u32, false, false);
        for (index, c) in self.rest().char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = !quoted,
                _ if quoted => {}
                c if c == open => depth += 1,
                c if c == close => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.at += index + close.len_utf8();
                        return start..self.at;
                    }
                }
                _ => {}
            }
        }
        self.give_up();
        start..self.end
    }

    /// Notes an error.
    pub(super) fn error(&mut self, code: &'static str, message: impl Into<String>, span: Range<usize>) {
        self.faults.push(SearchFault::error(code, message, span));
    }

    /// Leaves the rest of the command.
    pub(super) fn give_up(&mut self) {
        self.at = self.end;
        self.gave_up = true;
    }

    /// Whether the rest of the command was left.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Notes that something unexpected comes next, and gives up on the rest of the command.
    pub(super) fn unexpected(&mut self, wanted: &str) {
        // One fault a command: what follows a wrong word is noise.
        if self.gave_up {
            return;
        }
        self.peek();
        let word = self.rest().split_whitespace().next().unwrap_or_default();
        let length = word.chars().next().map_or(0, char::len_utf8);
        let found = match word.char_indices().nth(SHOWN_CHARS) {
            _ if word.is_empty() => "the end".to_owned(),
            Some((cut, _)) => format!("`{}…`", &word[..cut]),
            None => format!("`{word}`"),
        };
        self.error("spl-syntax", format!("expected {wanted}, found {found}"), self.at..self.at + length);
        self.give_up();
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }
}

/// Characters of what was found that a message shows.
// As much as fits beside the message; a search can be one word of a thousand letters.
const SHOWN_CHARS: usize = 40;

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
