//! The terms of a search: what a text has of them, and where.

use std::ops::Range;

use memchr::memmem::Finder;
use regex::Regex;

use crate::event::{fold_char, fold_into};
use crate::pcre::{self, Flags};

/// Terms of one search.
// What a value has of them is one byte, kept for every distinct value.
pub const MAX_TERMS: usize = 8;

/// Which terms something has: a bit for each.
pub(super) type Mask = u8;

/// Compiled terms.
pub(super) enum Terms {
    /// Plain text, folded.
    Words(Vec<SearchWord>),
    /// Regular expressions.
    Patterns(Vec<Regex>),
}

/// A word that is looked for in folded text.
pub(super) struct SearchWord {
    finder: Finder<'static>,
    /// Whether it has nothing but what numbers are made of.
    is_numeric: bool,
    /// Whether it has nothing but what times are made of.
    is_temporal: bool,
}

impl SearchWord {
    fn new(text: &str) -> Self {
        let folded: String = text.chars().map(fold_char).collect();
        let is_numeric = folded.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let is_temporal = folded.bytes().all(|b| b.is_ascii_digit() || b"-:. tz".contains(&b));
        Self { finder: Finder::new(folded.as_bytes()).into_owned(), is_numeric, is_temporal }
    }
}

impl Terms {
    /// Compiles terms; an error says what is wrong with one.
    pub(super) fn compile(terms: &[String], is_regex: bool) -> Result<Self, String> {
        if terms.is_empty() || terms.iter().any(String::is_empty) {
            return Err("there is nothing to search for: a term is empty".to_owned());
        }
        if terms.len() > MAX_TERMS {
            return Err(format!("{} terms are more than a search can have ({MAX_TERMS})", terms.len()));
        }
        if !is_regex {
            return Ok(Self::Words(terms.iter().map(|term| SearchWord::new(term)).collect()));
        }
        let compile = |term: &String| {
            let translated = pcre::translate(term, Flags::default()).map_err(|fault| fault.message);
            let compiled = translated.and_then(|pattern| Regex::new(&pattern).map_err(|error| error.to_string()));
            compiled.map_err(|reason| format!("the regular expression `{term}` cannot be used: {reason}"))
        };
        Ok(Self::Patterns(terms.iter().map(compile).collect::<Result<_, _>>()?))
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Words(words) => words.len(),
            Self::Patterns(patterns) => patterns.len(),
        }
    }

    /// The mask of all.
    pub(super) fn all(&self) -> Mask {
        Mask::MAX >> (MAX_TERMS - self.len())
    }

    /// Which of them a text has. `folded` is memory for its folded form.
    pub(super) fn mask(&self, text: &str, folded: &mut String) -> Mask {
        match self {
            Self::Words(words) => {
                folded.clear();
                fold_into(text, folded);
                bits(words.iter().map(|word| word.finder.find(folded.as_bytes()).is_some()))
            }
            Self::Patterns(patterns) => bits(patterns.iter().map(|pattern| pattern.is_match(text))),
        }
    }

    /// Whether one of them may be found in many texts at once, before each is asked; `texts` are joined.
    pub(super) fn may_be_in(&self, texts: &str, folded: &mut String) -> bool {
        match self {
            Self::Words(_) => self.mask(texts, folded) != 0,
            // `^`, `$` and classes mean something else in joined texts.
            Self::Patterns(_) => true,
        }
    }

    /// Whether a number can have one of them.
    pub(super) fn ask_numbers(&self) -> bool {
        match self {
            Self::Words(words) => words.iter().any(|word| word.is_numeric),
            Self::Patterns(_) => true,
        }
    }

    /// Whether a time can have one of them.
    pub(super) fn ask_times(&self) -> bool {
        match self {
            Self::Words(words) => words.iter().any(|word| word.is_temporal),
            Self::Patterns(_) => true,
        }
    }

    /// Where a text has each of them first: bytes of the text. One that it has not is left out.
    pub(super) fn places(&self, text: &str) -> Vec<Range<usize>> {
        match self {
            Self::Words(words) => {
                let folded: String = text.chars().map(fold_char).collect();
                words.iter().filter_map(|word| place(word, text, &folded)).collect()
            }
            Self::Patterns(patterns) => patterns.iter().filter_map(|pattern| pattern.find(text)).map(|found| found.range()).collect(),
        }
    }
}

/// Folding is one to one in characters and not in bytes.
fn place(word: &SearchWord, text: &str, folded: &str) -> Option<Range<usize>> {
    let at = word.finder.find(folded.as_bytes())?;
    let end = at + word.finder.needle().len();
    let (before, inside) = (folded[..at].chars().count(), folded[at..end].chars().count());
    let byte_of = |nth: usize| text.char_indices().nth(nth).map_or(text.len(), |(byte, _)| byte);
    Some(byte_of(before)..byte_of(before + inside))
}

fn bits(found: impl Iterator<Item = bool>) -> Mask {
    found.enumerate().fold(0, |mask, (bit, is_found)| mask | (Mask::from(is_found) << bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(terms: &[&str]) -> Terms {
        Terms::compile(&terms.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>(), false).unwrap()
    }

    #[test]
    fn words_are_plain_text_without_case() {
        let terms = words(&["A.B", "straße", "ΟΣ"]);
        let mut memory = String::new();
        assert_eq!(terms.mask("xa.by", &mut memory), 0b001);
        assert_eq!(terms.mask("axb STRAßE οδος", &mut memory), 0b110);
        assert_eq!(terms.all(), 0b111);
        assert_eq!(terms.places("Ⱥ οδος").first(), Some(&(7..11)), "folded letters may have another number of bytes");
    }

    #[test]
    fn patterns_are_those_of_sigma() {
        let compile = |pattern: &str| Terms::compile(&[pattern.to_owned()], true);
        let terms = compile("^a[0-9]+$").unwrap();
        let mut memory = String::new();
        assert_eq!([terms.mask("a12", &mut memory), terms.mask("A12", &mut memory), terms.mask("ba1", &mut memory)], [1, 0, 0]);
        assert_eq!(compile("(?i)^A1").unwrap().places("a12").first(), Some(&(0..2)));
        assert!(compile("a(?=b)").is_err() && compile("(").is_err());
    }

    #[test]
    fn the_number_of_terms_is_bounded() {
        assert!(Terms::compile(&[], false).is_err());
        assert!(Terms::compile(&[String::new()], false).is_err());
        assert!(Terms::compile(&vec!["a".to_owned(); MAX_TERMS + 1], false).is_err());
        assert_eq!(words(&["a"; MAX_TERMS]).all(), Mask::MAX);
    }
}
