//! Regular expressions for engines that have their own: written anew, of what means the same there.
//!
//! The syntax of the crate `regex` is Unicode's: `\d` has seventy ranges, `(?i)k` is also U+212A, `.` leaves out the line feed alone. Java
//! and RE2 read the same letters otherwise. So an expression is read, and what it means is written of characters, explicit classes,
//! repetitions and alternatives. What is left out, word boundaries of Unicode above all, is told.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};

/// Whose expressions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// `java.util.regex` of Java 9 or later.
    Java,
    /// RE2.
    Re2,
}

/// Most characters of an expression that is written: a longer one is nothing that anybody wants in a statement.
const LENGTH_MAX: usize = 40_000;
/// Most ranges of classes, each as often as it is repeated: RE2 refuses programs that are too large.
const RANGES_MAX: usize = 10_000;
/// Most repetitions that RE2 takes.
const REPEAT_MAX: u32 = 1_000;

const TOO_LARGE: &str = "a regular expression that is too large";

/// Writes an expression in the syntax of [`crate::ir::Test::Regex`].
///
/// # Errors
/// Names what the engine has no form for.
pub(super) fn written(expression: &str, flavour: Flavour) -> Result<String, &'static str> {
    let hir = regex_syntax::parse(expression).map_err(|_| "a regular expression that cannot be read")?;
    let mut writer = ExpressionWriter { out: String::new(), flavour, ranges: 0, times: 1 };
    writer.write(&hir)?;
    Ok(writer.out)
}

/// A character that stands for itself.
pub(super) fn escaped(c: char) -> String {
    match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '_' | ' ') => c.to_string(),
        c if c.is_ascii_punctuation() => format!("\\{c}"),
        // A code point, because a literal of SQL should hold neither line breaks nor what nobody sees.
        c => format!("\\x{{{:x}}}", u32::from(c)),
    }
}

struct ExpressionWriter {
    out: String,
    flavour: Flavour,
    /// Ranges of classes so far, as often as they are repeated.
    ranges: usize,
    /// How often what is written now is repeated.
    times: usize,
}

impl ExpressionWriter {
    fn write(&mut self, hir: &Hir) -> Result<(), &'static str> {
        match hir.kind() {
            HirKind::Empty => self.out.push_str("(?:)"),
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).map_err(|_| "a regular expression of bytes")?;
                text.chars().for_each(|c| self.out.push_str(&escaped(c)));
            }
            HirKind::Class(class) => self.class(class)?,
            HirKind::Look(look) => self.look(*look)?,
            HirKind::Repetition(repetition) => self.repetition(repetition)?,
            HirKind::Capture(capture) => self.group(std::slice::from_ref(&*capture.sub), "")?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.write(part))?,
            HirKind::Alternation(parts) => self.group(parts, "|")?,
        }
        if self.out.len() > LENGTH_MAX { Err(TOO_LARGE) } else { Ok(()) }
    }

    fn group(&mut self, parts: &[Hir], between: &str) -> Result<(), &'static str> {
        self.out.push_str("(?:");
        for (index, part) in parts.iter().enumerate() {
            self.out.push_str(if index > 0 { between } else { "" });
            self.write(part)?;
        }
        self.out.push(')');
        Ok(())
    }

    fn class(&mut self, class: &Class) -> Result<(), &'static str> {
        let class = match class {
            Class::Unicode(class) => class.clone(),
            Class::Bytes(class) => class.to_unicode_class().ok_or("a regular expression of bytes")?,
        };
        let ranges = class.ranges();
        if ranges.is_empty() {
            return Err("a regular expression that matches nothing");
        }
        self.ranges += ranges.len().saturating_mul(self.times);
        if self.ranges > RANGES_MAX {
            return Err(TOO_LARGE);
        }
        if ranges.last().is_some_and(|last| last.end() == char::MAX) {
            let mut others = class.clone();
            others.negate();
            match others.ranges() {
                [] => self.out.push_str("(?s:.)"),
                _ => self.set("[^", &others),
            }
        } else {
            self.set("[", &class);
        }
        Ok(())
    }

    fn set(&mut self, start: &str, class: &ClassUnicode) {
        self.out.push_str(start);
        for range in class.ranges() {
            self.out.push_str(&in_class(range.start()));
            if range.start() != range.end() {
                self.out.push('-');
                self.out.push_str(&in_class(range.end()));
            }
        }
        self.out.push(']');
    }

    fn look(&mut self, look: Look) -> Result<(), &'static str> {
        const WORD: &str = "[0-9A-Za-z_]";
        let is_java = self.flavour == Flavour::Java;
        let written = match look {
            Look::Start => r"\A".to_owned(),
            Look::End => r"\z".to_owned(),
            // Java's `(?m)` knows other line ends, and has none behind the last one.
            Look::StartLF if is_java => r"(?:\A|(?<=\n))".to_owned(),
            Look::EndLF if is_java => r"(?=\n|\z)".to_owned(),
            Look::StartLF => "(?m:^)".to_owned(),
            Look::EndLF => "(?m:$)".to_owned(),
            // Java's `\b` has a Unicode of its own.
            Look::WordAscii if is_java => format!("(?:(?<={WORD})(?!{WORD})|(?<!{WORD})(?={WORD}))"),
            Look::WordAscii => r"\b".to_owned(),
            Look::StartCRLF | Look::EndCRLF => return Err("line ends of two characters in a regular expression"),
            _ => return Err("a word boundary of Unicode in a regular expression"),
        };
        self.out.push_str(&written);
        Ok(())
    }

    fn repetition(&mut self, repetition: &Repetition) -> Result<(), &'static str> {
        let Repetition { min, max, sub, .. } = repetition;
        let most = max.unwrap_or(*min);
        if most > REPEAT_MAX || *min > REPEAT_MAX {
            return Err(TOO_LARGE);
        }
        let before = self.times;
        self.times = before.saturating_mul(most.max(1) as usize);
        self.group(std::slice::from_ref(&**sub), "")?;
        self.times = before;
        // Greedy or not is the same where only a match is asked for.
        self.out.push_str(&match (min, max) {
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (0, Some(1)) => "?".to_owned(),
            (min, None) => format!("{{{min},}}"),
            (min, Some(max)) if min == max => format!("{{{min}}}"),
            (min, Some(max)) => format!("{{{min},{max}}}"),
        });
        Ok(())
    }
}

/// A character within a class.
fn in_class(c: char) -> String {
    if c == ' ' { "\\x{20}".to_owned() } else { escaped(c) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written is read by `regex` too: it must mean what the expression means.
    #[test]
    fn what_is_written_means_the_same() {
        let texts = [
            "",
            "a",
            "A",
            "b\n",
            "\n",
            "a\nb",
            "k",
            "K",
            "\u{212a}",
            "s",
            "\u{17f}",
            "É",
            "é",
            "٣",
            "3",
            "x-y",
            "^",
            "]",
            "a b",
            "aab",
            "ß\u{1e9e}",
            "😀",
            "cmd.exe /c x",
            "a_b",
            "é_",
            "\\",
        ];
        for expression in [
            "a",
            "(?i)k",
            "(?i)É",
            "^a$",
            r"\d+",
            r"a.b",
            r"(?s)a.b",
            r"(?m)^b$",
            r"[^a-z]",
            r"[\]\^-]",
            r"(a|b)+?c?",
            r"a{2,3}",
            r"\s",
            r"\\",
            "",
            r"x\-y",
            r"(?-u:\b)a",
            "😀",
            r"\W",
            r"[\s\S]{2}",
        ] {
            let meant = regex::Regex::new(expression).unwrap();
            for flavour in [Flavour::Re2, Flavour::Java] {
                let text = written(expression, flavour).unwrap();
                let Ok(read) = regex::Regex::new(&text) else {
                    assert!(flavour == Flavour::Java && text.contains("(?<"), "{text}");
                    continue;
                };
                let differ: Vec<&&str> = texts.iter().filter(|value| read.is_match(value) != meant.is_match(value)).collect();
                assert!(differ.is_empty(), "{expression} {text} {differ:?}");
            }
        }
    }

    #[test]
    fn what_engines_read_otherwise_is_refused() {
        for expression in [r"\ba", r"a\B", r"(?Rm)a$", r"\w{500}", r"a{1001}", r"[a&&b]"] {
            assert!(written(expression, Flavour::Re2).is_err() && written(expression, Flavour::Java).is_err(), "{expression}");
        }
        assert_eq!(written("a.b", Flavour::Java).as_deref(), Ok(r"a[^\x{a}]b"));
    }
}
