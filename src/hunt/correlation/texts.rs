//! Texts as numbers: each spelling once, and which of them are the same without case.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::event::fold_into;

/// Spellings and keys. A key is the number of a folded spelling.
#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: FxHashMap<Rc<str>, u32>,
    /// Spelling → text and key.
    spellings: Vec<(Rc<str>, u32)>,
}

impl Texts {
    /// The number of a spelling.
    pub(super) fn spelling(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let mut folded = String::with_capacity(text.len());
        fold_into(text, &mut folded);
        // The folded spelling is the key, so most texts (already lower case) are kept once.
        if folded == text {
            return self.add(text, None);
        }
        let key = self.numbers.get(folded.as_str()).copied().unwrap_or_else(|| self.add(&folded, None));
        self.add(text, Some(key))
    }

    fn add(&mut self, text: &str, key: Option<u32>) -> u32 {
        let number = u32::try_from(self.spellings.len()).expect("fewer than 2^32 spellings fit in memory");
        let text: Rc<str> = text.into();
        self.spellings.push((text.clone(), key.unwrap_or(number)));
        self.numbers.insert(text, number);
        number
    }

    /// The key of a spelling: the same for all that differ in case only.
    pub(super) fn key(&self, spelling: u32) -> u32 {
        self.spellings[spelling as usize].1
    }

    /// The text of a spelling.
    pub(super) fn text(&self, spelling: u32) -> &str {
        &self.spellings[spelling as usize].0
    }
}

/// Lists of numbers as numbers.
#[derive(Debug, Default)]
pub(super) struct Tuples {
    numbers: FxHashMap<Rc<[u32]>, u32>,
    tuples: Vec<Rc<[u32]>>,
}

impl Tuples {
    /// The number of a list.
    pub(super) fn number(&mut self, tuple: &[u32]) -> u32 {
        if let Some(number) = self.numbers.get(tuple) {
            return *number;
        }
        let number = u32::try_from(self.tuples.len()).expect("fewer than 2^32 tuples fit in memory");
        let tuple: Rc<[u32]> = tuple.into();
        self.tuples.push(tuple.clone());
        self.numbers.insert(tuple, number);
        number
    }

    /// The list of a number.
    pub(super) fn tuple(&self, number: u32) -> &[u32] {
        &self.tuples[number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_share_a_key_without_case() {
        let mut texts = Texts::default();
        let (a, b, c) = (texts.spelling("ÄRGER"), texts.spelling("ärger"), texts.spelling(""));
        assert_ne!(a, b);
        assert_eq!((texts.key(a), texts.key(b)), (b, b));
        assert_ne!(texts.key(c), b);
        assert_eq!(texts.spelling("ÄRGER"), a);
        assert_eq!((texts.text(a), texts.text(c)), ("ÄRGER", ""));
        let mut tuples = Tuples::default();
        let (x, y) = (tuples.number(&[1, 2]), tuples.number(&[]));
        assert_eq!((tuples.number(&[1, 2]), tuples.tuple(x), tuples.tuple(y)), (x, [1, 2].as_slice(), [].as_slice()));
    }
}
