//! Members that some encodings write by the names Windows shows for numbers, back to what the event's XML has.
//!
//! Rules ask for `Keywords: 0x8010000000000000` and `Level: 2`; an exporter may have written `Audit Failure`,
//! `-9218868437227405312` or `Error`. The names are data: `rules/normalise/windows_codes.yml`. A name that is not there
//! stays. `Information` is what Windows shows for level 4 and, as audit events are without a level, for their 0.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::rendered;

/// Answers that are kept: a log has few levels, keywords and opcodes, unless it wants harm.
const MAX_ANSWERS: usize = 1_024;

/// What a member is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Coded {
    /// A set of bits: a name, or a number of 64 bits in decimal digits.
    Keywords,
    /// A level.
    Level,
    /// An opcode.
    Opcode,
}

impl Coded {
    /// The one that data calls so.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "keywords" => Some(Self::Keywords),
            "levels" => Some(Self::Level),
            "opcodes" => Some(Self::Opcode),
            _ => None,
        }
    }

    /// The text of the event's XML, where it differs.
    pub(super) fn restore(self, text: &str, is_audit: bool) -> Option<String> {
        let by_name = match self {
            Self::Keywords => rendered::keywords(text).map(str::to_owned).or_else(|| hexadecimal(text)),
            Self::Level if is_audit && text.eq_ignore_ascii_case("information") => Some("0".to_owned()),
            Self::Level => rendered::level(text).map(str::to_owned),
            Self::Opcode => rendered::opcode(text).map(str::to_owned),
        };
        by_name.filter(|restored| restored != text)
    }
}

/// What texts were restored to.
#[derive(Debug, Default)]
pub(super) struct Restored {
    answers: FxHashMap<(Coded, bool), FxHashMap<Box<str>, Option<String>>>,
}

impl Restored {
    /// As [`Coded::restore`], which is asked once for a text.
    pub(super) fn of(&mut self, coded: Coded, text: &str, is_audit: bool) -> Option<Cow<'_, str>> {
        let answers = self.answers.entry((coded, is_audit)).or_default();
        if !answers.contains_key(text) {
            let answer = coded.restore(text, is_audit);
            // Answers are not thrown away for new ones: what a log repeats is among the first.
            if answers.len() >= MAX_ANSWERS {
                return answer.map(Cow::Owned);
            }
            answers.insert(text.into(), answer);
        }
        answers[text].as_deref().map(Cow::Borrowed)
    }
}

/// Decimal digits, perhaps of a signed number, as the 64 bits they are.
fn hexadecimal(text: &str) -> Option<String> {
    let signed = text.parse::<i64>().ok().map(i64::cast_unsigned);
    let bits = signed.or_else(|| text.parse::<u64>().ok())?;
    Some(format!("{bits:#x}"))
}

#[cfg(test)]
mod tests {
    use super::Coded;

    #[test]
    fn names_and_numbers_become_what_the_xml_has() {
        for (coded, text, expected) in [
            (Coded::Keywords, "Audit Failure", "0x8010000000000000"),
            (Coded::Keywords, "Audit success", "0x8020000000000000"),
            (Coded::Keywords, "-9218868437227405312", "0x8010000000000000"),
            (Coded::Keywords, "9227875636482146304", "0x8010000000000000"),
            (Coded::Keywords, "36028797018963968", "0x80000000000000"),
            (Coded::Keywords, "0", "0x0"),
            (Coded::Level, "LogAlways", "0"),
            (Coded::Level, "error", "2"),
            (Coded::Level, "Info", "4"),
            (Coded::Opcode, "Info", "0"),
        ] {
            assert_eq!(coded.restore(text, false).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(Coded::Level.restore("Information", true).as_deref(), Some("0"));
        for (coded, text) in [
            (Coded::Keywords, "0x8010000000000000"),
            (Coded::Keywords, "Response Time"),
            (Coded::Keywords, ""),
            (Coded::Level, "2"),
            (Coded::Level, "High"),
            (Coded::Opcode, "15"),
        ] {
            assert_eq!(coded.restore(text, false), None, "{text}");
        }
    }
}
