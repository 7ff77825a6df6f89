//! Classes of characters: `[…]`. In PCRE nothing nests in them, and no operator joins them, so what the crate would take
//! for one is escaped.

use super::PcreFault;
use super::token::{HORIZONTAL, VERTICAL, character};

/// One member of a class, in the crate's syntax.
struct Member {
    text: String,
    /// A single character can begin or end a range; a class such as `\d` cannot.
    is_character: bool,
}

/// Reads a class at the start of a text that begins at `at`; returns it in the crate's syntax, and its length.
pub(super) fn read(rest: &str, at: usize) -> Result<(String, usize), PcreFault> {
    let mut out = String::from("[");
    let mut position = 1;
    if rest[position..].starts_with('^') {
        out.push('^');
        position += 1;
    }
    let first = position;
    while let Some(c) = rest[position..].chars().next() {
        // `]` as the first member is itself, as in `[]a]`.
        if c == ']' && position > first {
            out.push(']');
            return Ok((out, position + 1));
        }
        let (member, length) = member(&rest[position..], at + position)?;
        position += length;
        let after = rest[position..].strip_prefix('-').filter(|after| !after.is_empty() && !after.starts_with(']'));
        if let (true, Some(after)) = (member.is_character, after) {
            let (end, length) = self::member(after, at + position + 1)?;
            if end.is_character {
                out.push_str(&format!("{}-{}", member.text, end.text));
            } else {
                // PCRE reads `[a-\d]` as three members; the crate would call it a range without an end.
                out.push_str(&format!("{}\\-{}", member.text, end.text));
            }
            position += 1 + length;
        } else {
            out.push_str(&member.text);
        }
    }
    // It has no end: the crate says so.
    Ok((out, rest.len()))
}

fn member(rest: &str, at: usize) -> Result<(Member, usize), PcreFault> {
    let class = |text: String, length: usize| Ok((Member { text, is_character: false }, length));
    let character_of = |text: String, length: usize| Ok((Member { text, is_character: true }, length));
    if let Some(length) = posix(rest) {
        return class(rest[..length].to_owned(), length);
    }
    let c = rest.chars().next().unwrap_or('\\');
    if c != '\\' {
        return character_of(literal(c), c.len_utf8());
    }
    match rest.chars().nth(1) {
        Some('b') => character_of(r"\x08".to_owned(), 2),
        Some('h') => class(format!("[{HORIZONTAL}]"), 2),
        Some('H') => class(format!("[^{HORIZONTAL}]"), 2),
        Some('v') => class(format!("[{VERTICAL}]"), 2),
        Some('V') => class(format!("[^{VERTICAL}]"), 2),
        Some('N' | 'R' | 'X') => Err(PcreFault::unsupported("this escape within a class", at..at + 2)),
        Some('Q') => {
            // Quoted text within a class: rare, and each of its characters would be a member.
            Err(PcreFault::unsupported(r"`\Q` within a class", at..at + 2))
        }
        // In a class `\1` cannot be a back-reference: it is an octal number.
        Some(digit @ '1'..='7') => {
            let digits = rest[1..].bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let octal = u32::from_str_radix(&rest[1..=digits], 8).unwrap_or(u32::from(digit));
            character_of(format!("\\x{{{octal:X}}}"), 1 + digits)
        }
        Some('d' | 'D' | 's' | 'S' | 'w' | 'W' | 'p' | 'P') => {
            let (text, length) = character(rest);
            class(text, length)
        }
        Some(_) | None => {
            let (text, length) = character(rest);
            character_of(text, length)
        }
    }
}

/// A character as a member: with a backslash where the crate would read it otherwise.
fn literal(c: char) -> String {
    // The crate has operators of two characters (`&&`, `--`, `~~`); escaped, each is itself. `\<` and `\>` would be borders of a word.
    if c.is_ascii_punctuation() && c != '_' { format!("\\{c}").replace("\\<", "<").replace("\\>", ">") } else { c.to_string() }
}

/// The length of `[:name:]`.
fn posix(rest: &str) -> Option<usize> {
    let (name, _) = rest.strip_prefix("[:")?.split_once(":]")?;
    let letters = name.strip_prefix('^').unwrap_or(name);
    (!letters.is_empty() && letters.bytes().all(|b| b.is_ascii_lowercase())).then_some(name.len() + 4)
}
