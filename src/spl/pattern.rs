//! Regular expressions as Splunk (PCRE) spells them become ones of the `regex` crate, or are refused.
//!
//! Spellings that differ and mean the same are rewritten: a `{` that starts no repetition, `[` inside of a class, `\<`.
//! What the crate cannot do (look-around, back-references, possessive repetition) is an error, never approximated.

use regex::Regex;

/// The pattern in the crate's syntax, or why there is none.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let pattern = rewrite(pattern)?;
    match Regex::new(&pattern) {
        Ok(_) => Ok(pattern),
        Err(regex::Error::CompiledTooBig(limit)) => Err(format!("it takes more than {limit} bytes")),
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            Err(last.trim_start_matches("error: ").to_owned())
        }
    }
}

/// How a diagnostic says that there is none.
pub(super) fn refusal(reason: &str) -> String {
    format!("the regular expression is not supported: {reason}")
}

fn rewrite(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.char_indices().peekable();
    let mut class = false; // inside of [ ]
    let mut repeated = false; // a repetition is complete: `+` would make it possessive
    while let Some((index, c)) = chars.next() {
        let rest = &pattern[index..];
        let was_repeated = std::mem::take(&mut repeated);
        match c {
            '\\' => match chars.next() {
                Some((_, mark @ ('<' | '>'))) => out.push(mark),
                Some((_, mark)) => {
                    out.extend(['\\', mark]);
                    if matches!(mark, 'x' | 'p' | 'P' | 'u' | 'U') && chars.next_if(|(_, c)| *c == '{').is_some() {
                        out.push('{');
                    }
                }
                None => out.push('\\'),
            },
            '[' if class && posix_class(rest) => {
                let length = rest.find(":]").map_or(1, |end| end + 2);
                out.push_str(&rest[..length]);
                while chars.next_if(|(at, _)| *at < index + length).is_some() {}
            }
            '[' | '&' | '~' if class => out.extend(['\\', c]),
            '[' => {
                class = true;
                out.push('[');
                for first in ['^', ']'] {
                    if chars.next_if(|(_, c)| *c == first).is_some() {
                        out.push(first);
                    }
                }
            }
            ']' if class => {
                class = false;
                out.push(']');
            }
            _ if class => out.push(c),
            '+' if was_repeated => return Err("possessive repetition is not supported".to_owned()),
            '{' => match repetition(rest) {
                Some(length) => {
                    out.push_str(&rest[..length]);
                    while chars.next_if(|(at, _)| *at < index + length).is_some() {}
                    repeated = true;
                }
                None => out.push_str("\\{"),
            },
            '*' | '+' | '?' => {
                // `(?` starts a group's flags; `+?` is lazy and complete
                repeated = !was_repeated && !out.ends_with('(');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    Ok(out)
}

/// Length of `{n}`, `{n,}` or `{n,m}` at the start.
fn repetition(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (least, most) = text[1..end].split_once(',').unwrap_or((&text[1..end], ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    (!least.is_empty() && digits(least) && digits(most)).then_some(end + 1)
}

/// Whether `[:name:]` comes first.
fn posix_class(text: &str) -> bool {
    let name = text.strip_prefix("[:").and_then(|rest| rest.split_once(":]")).map(|(name, _)| name.trim_start_matches('^'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_rewritten() {
        for (pcre, rust) in [
            (r"a{2,3}b{4}c{5,}", r"a{2,3}b{4}c{5,}"),
            (r"^\\{[0-9a-f]{8}-", r"^\\\{[0-9a-f]{8}-"),
            (r"\x{202E}\p{L}", r"\x{202E}\p{L}"),
            ("{,3}", r"\{,3}"),
            (r"[[a&&b{]", r"[\[a\&\&b{]"),
            (r"[]a][^]b][[:alpha:]x]", r"[]a][^]b][[:alpha:]x]"),
            (r"(?i)a+?b??(?:c)*", r"(?i)a+?b??(?:c)*"),
            (r"\<a\>", "<a>"),
        ] {
            assert_eq!(translate(pcre).as_deref(), Ok(rust), "{pcre}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (pattern, part) in [
            ("(?<!a)b", "look-around"),
            (r"(a)\1", "backreferences"),
            ("a++", "possessive"),
            ("a{2}+", "possessive"),
            ("(a", "unclosed group"),
            (r"((a{1000}){1000}){1000}", "bytes"),
        ] {
            let refusal = translate(pattern).unwrap_err();
            assert!(refusal.contains(part), "{pattern}: {refusal}");
        }
    }
}
