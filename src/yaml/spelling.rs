//! Where in the source a byte of a scalar's text is spelled: through quotes, escapes, folded lines and indentation.
//!
//! The walk matches the text against its spelling character by character. It knows what the parser accepted, so that it
//! only has to follow, never to judge.

use super::Style;

/// Walks over the spelling of a scalar and its text side by side.
pub(super) struct Walk<'a> {
    raw: &'a str,
    style: Style,
    indent: usize,
    raw_at: usize,
    text_at: usize,
}

impl<'a> Walk<'a> {
    /// `column`: bytes before the spelling in its line, which of a block is its indentation.
    pub(super) fn new(raw: &'a str, style: Style, column: usize) -> Self {
        let quoted = matches!(style, Style::SingleQuoted | Style::DoubleQuoted);
        Self { raw, style, indent: column, raw_at: usize::from(quoted), text_at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.raw.get(self.raw_at..).unwrap_or("")
    }

    fn skip_indent(&mut self) {
        self.raw_at += self.rest().bytes().take(self.indent).take_while(|b| *b == b' ').count();
    }

    /// Returns where in the spelling the byte `at` of the text is.
    pub(super) fn advance_to(&mut self, text: &str, at: usize) -> usize {
        while self.text_at < at {
            let Some(wanted) = text.get(self.text_at..).and_then(|rest| rest.chars().next()) else { break };
            let taken = self.step(wanted);
            if taken {
                self.text_at += wanted.len_utf8();
            } else if self.rest().is_empty() {
                break;
            }
        }
        self.skip_to(text);
        self.raw_at.min(self.raw.len())
    }

    /// Steps over what is only layout before the next character of the text.
    fn skip_to(&mut self, text: &str) {
        let Some(wanted) = text.get(self.text_at..).and_then(|rest| rest.chars().next()) else { return };
        while let Some(c) = self.rest().chars().next() {
            let escape = self.style == Style::DoubleQuoted && c == '\\';
            if c == wanted || escape || !c.is_whitespace() || wanted == ' ' {
                break;
            }
            self.raw_at += c.len_utf8();
        }
    }

    /// Takes the spelling of one character, or steps over layout and returns false.
    fn step(&mut self, wanted: char) -> bool {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return false };
        if self.style == Style::DoubleQuoted && c == '\\' {
            return self.step_escape();
        }
        self.raw_at += c.len_utf8();
        if c == wanted {
            if c == '\'' && self.style == Style::SingleQuoted {
                self.raw_at += usize::from(self.rest().starts_with('\''));
            }
            if c == '\n' && matches!(self.style, Style::Literal | Style::Folded) {
                self.skip_indent();
            }
            return true;
        }
        // A folded line break spells one space.
        if wanted == ' ' && c == '\n' {
            self.raw_at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
            return true;
        }
        !c.is_whitespace()
    }

    fn step_escape(&mut self) -> bool {
        let rest = self.rest();
        let length = match rest.as_bytes().get(1) {
            Some(b'x') => 4,
            Some(b'u') => 6,
            Some(b'U') => 10,
            _ => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
        };
        let folded = rest.starts_with("\\\n") || rest.starts_with("\\\r");
        self.raw_at += length;
        if folded {
            self.raw_at += self.rest().len() - self.rest().trim_start().len();
        }
        !folded
    }
}
