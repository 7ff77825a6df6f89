//! Regular expressions of rules (PCRE) in the syntax of the `regex` crate.
//!
//! The dialects agree on nearly everything that rules use. Where they differ in what a character means, the
//! pattern is rewritten; look-around and back-references have no counterpart and are refused.

use regex_syntax::ast::{ErrorKind, parse::Parser};

/// Why a pattern cannot be used.
pub(super) struct RegexFault {
    /// The stable code.
    pub(super) code: &'static str,
    /// What is wrong.
    pub(super) message: String,
}

/// Rewrites a PCRE pattern, with inline `flags` (of `ims`), and checks that it compiles.
pub(super) fn translate(pattern: &str, flags: &str) -> Result<String, RegexFault> {
    let body = rewrite(pattern);
    let body = if flags.is_empty() { body } else { format!("(?{flags}){body}") };
    if let Err(error) = Parser::new().parse(&body) {
        let code = match error.kind() {
            ErrorKind::UnsupportedLookAround | ErrorKind::UnsupportedBackreference => "sigma-regex-unsupported",
            _ => "sigma-regex-invalid",
        };
        return Err(RegexFault { code, message: format!("the regular expression cannot be used: {}", error.kind()) });
    }
    match regex::Regex::new(&body) {
        Ok(_) => Ok(body),
        Err(error) => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or("").trim().trim_start_matches("error: ").to_string();
            Err(RegexFault { code: "sigma-regex-invalid", message: format!("the regular expression cannot be used: {reason}") })
        }
    }
}

fn rewrite(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut class = Class::Outside;
    while let Some(c) = rest.chars().next() {
        let before = class;
        let length = match c {
            '\\' => escape(rest, &mut out),
            '[' if class == Class::Outside => {
                let open = if rest.starts_with("[^") { 2 } else { 1 };
                out.push_str(&rest[..open]);
                class = Class::Start;
                open
            }
            '[' => match rest.find(":]").filter(|_| rest.starts_with("[:")) {
                Some(end) => {
                    out.push_str(&rest[..end + 2]);
                    end + 2
                }
                None => push(&mut out, r"\[", 1),
            },
            ']' if class == Class::Start => push(&mut out, r"\]", 1),
            ']' if class == Class::Inside => {
                class = Class::Outside;
                push(&mut out, "]", 1)
            }
            '&' | '~' if class != Class::Outside => {
                out.push('\\');
                out.push(c);
                1
            }
            '{' if class == Class::Outside && !is_repetition(rest) => push(&mut out, r"\{", 1),
            _ => {
                out.push(c);
                c.len_utf8()
            }
        };
        class = match (class, before) {
            (Class::Start, Class::Start) => Class::Inside,
            (class, _) => class,
        };
        rest = &rest[length..];
    }
    out
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Class {
    Outside,
    /// Right behind `[` or `[^`, where `]` is a literal.
    Start,
    Inside,
}

fn push(out: &mut String, text: &str, length: usize) -> usize {
    out.push_str(text);
    length
}

/// Copies an escape and returns its length in the pattern.
fn escape(rest: &str, out: &mut String) -> usize {
    let Some(c) = rest.chars().nth(1) else { return push(out, "\\", 1) };
    match c {
        'Z' => push(out, r"\z", 2),
        'h' => push(out, r"[\t ]", 2),
        'e' => push(out, r"\x1b", 2),
        '<' | '>' => push(out, &c.to_string(), 2),
        'p' | 'P' | 'x' | 'u' if rest[2..].starts_with('{') => {
            let length = rest.find('}').map_or(rest.len(), |end| end + 1);
            push(out, &rest[..length], length)
        }
        _ => {
            let length = 1 + c.len_utf8();
            push(out, &rest[..length], length)
        }
    }
}

/// Whether a text begins with `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest[1..].split_once('}') else { return false };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match inside.split_once(',') {
        Some((low, high)) => !low.is_empty() && digits(low) && digits(high),
        None => !inside.is_empty() && digits(inside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, flags: &str) -> Result<String, &'static str> {
        translate(pattern, flags).map_err(|fault| fault.code)
    }

    #[test]
    fn patterns_mean_the_same() {
        for (pattern, text, matches) in [
            (r"a[[]b", "a[b", true),
            (r"[]]x", "]x", true),
            (r"[^]]x", "]x", false),
            (r"[a&&b]", "&", true),
            (r"[[:alpha:]]1", "b1", true),
            (r"{[0-9]{2}}", "{12}", true),
            (r"\$\{x", "${x", true),
            (r"a{,3}", "a{,3}", true),
            (r"x\Z", "x", true),
            (r"\/\-\_\<", "/-_<", true),
            (r"^a.b$", "a\nb", false),
            (r"\x{41}", "A", true),
        ] {
            let rewritten = check(pattern, "").unwrap_or_else(|code| panic!("{pattern}: {code}"));
            assert_eq!(::regex::Regex::new(&rewritten).expect("compiles").is_match(text), matches, "{pattern}");
        }
        assert_eq!(check("a.b", "is").as_deref(), Ok("(?is)a.b"));
    }

    #[test]
    fn what_has_no_counterpart_is_refused() {
        assert_eq!(check("(?<=a)b", ""), Err("sigma-regex-unsupported"));
        assert_eq!(check("(?!a)b", ""), Err("sigma-regex-unsupported"));
        assert_eq!(check(r"(a)\1", ""), Err("sigma-regex-unsupported"));
        assert_eq!(check("(a", ""), Err("sigma-regex-invalid"));
        assert_eq!(check("(a{1000}){1000}", ""), Err("sigma-regex-invalid"));
        assert_eq!(check(r"a\", ""), Err("sigma-regex-invalid"));
    }
}
