//! The one place where text from logs, rules and paths becomes safe to show to a person.
//!
//! A log is written by whoever is being hunted. A value may hold terminal escapes that move the cursor, hide a
//! line or answer a prompt, and bidirectional marks that make `exe.txt` out of `txt.exe`. Everything a person
//! reads goes through [`visible`] or [`visible_text`]; JSON has its own escapes (see [`super::json`]).

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns `text` as one line: control characters as `\n`, `\t`, `\x1b`, invisible and bidirectional ones as
/// `\u{202e}`. Text without any of them is returned as it is. Backslashes are not doubled: the form is for reading.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape(text, false)
}

/// Like [`visible`], but keeps line breaks and tabs: for text that is shown as a block.
pub fn visible_text(text: &str) -> Cow<'_, str> {
    escape(text, true)
}

/// Whether a character must not reach a terminal raw.
pub(super) fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        '\0'..='\u{9f}' => true,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

fn escape(text: &str, lines: bool) -> Cow<'_, str> {
    let keeps = |c: char| !is_hidden(c) || (lines && matches!(c, '\n' | '\t'));
    let Some(first) = text.find(|c| !keeps(c)) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    let mut rest = text[first..].chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            c if keeps(c) => out.push(c),
            '\r' if lines && rest.peek() == Some(&'\n') => {}
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x100 => write!(out, "\\x{:02x}", c as u32).expect("a string takes all text"),
            c => write!(out, "\\u{{{:x}}}", c as u32).expect("a string takes all text"),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_is_borrowed() {
        assert!(matches!(visible(r"C:\Windows\Ünï 日本"), Cow::Borrowed(_)));
        assert!(matches!(visible_text("a\n\tb"), Cow::Borrowed(_)));
    }

    #[test]
    fn terminal_escapes_are_spelled_out() {
        assert_eq!(visible("\u{1b}[2Jx\u{9b}31m\u{7}\r\n\t\0"), r"\x1b[2Jx\x9b31m\x07\r\n\t\x00");
    }

    #[test]
    fn direction_marks_are_spelled_out() {
        assert_eq!(visible("exe\u{202e}txt\u{2066}\u{200b}"), r"exe\u{202e}txt\u{2066}\u{200b}");
    }

    #[test]
    fn blocks_keep_lines_and_drop_the_carriage_return_before_a_line_feed() {
        assert_eq!(visible_text("a\r\nb\rc\u{1b}"), "a\nb\\rc\\x1b");
    }
}
