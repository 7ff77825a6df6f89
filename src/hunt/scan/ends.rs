//! Which of many literals a text begins with.
//!
//! They are kept in order, each with the longest other one that it begins with. Whatever begins a text stands before it in that order,
//! and the last of those that do so begins with all others: one search by halves and a short walk tell all. An automaton would
//! not be faster at that, and costs far more to build.

/// The literals that are searched together.
pub(super) struct Beginnings {
    /// Ascending, each once.
    literals: Vec<Box<[u8]>>,
    /// Literal → the longest other one that it begins with.
    shorter: Vec<Option<u32>>,
    /// Bytes of the longest literal.
    longest: usize,
}

impl Beginnings {
    /// Takes literals in ascending order, each once.
    pub(super) fn new(literals: Vec<Box<[u8]>>) -> Self {
        let mut shorter = Vec::with_capacity(literals.len());
        let mut open: Vec<u32> = Vec::new();
        for (id, literal) in (0..).zip(&literals) {
            while open.pop_if(|last| !literal.starts_with(&literals[*last as usize])).is_some() {}
            shorter.push(open.last().copied());
            open.push(id);
        }
        let longest = literals.iter().map(|literal| literal.len()).max().unwrap_or(0);
        Self { literals, shorter, longest }
    }

    /// Returns how many bytes of a text can make a difference.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Visits the literals that a text begins with.
    pub(super) fn each(&self, text: &[u8], mut visit: impl FnMut(u32)) {
        let next = self.literals.partition_point(|literal| literal.as_ref() <= text);
        let mut candidate = u32::try_from(next).ok().and_then(|next| next.checked_sub(1));
        while let Some(id) = candidate {
            if text.starts_with(&self.literals[id as usize]) {
                visit(id);
            }
            candidate = self.shorter[id as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Beginnings;

    proptest! {
        /// A literal is told where the text begins with it, whatever else is searched.
        #[test]
        fn together_is_one_by_one(literals in prop::collection::btree_set("[abc]{0,5}", 0..30), texts in prop::collection::vec("[abc]{0,7}", 1..8)) {
            let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
            let search = Beginnings::new(literals.iter().map(|literal| literal.as_bytes().into()).collect());
            for text in &texts {
                let mut found = Vec::new();
                search.each(text.as_bytes(), |id| found.push(id));
                found.sort_unstable();
                let expected: Vec<u32> = (0..).zip(&literals).filter(|(_, literal)| text.starts_with(**literal)).map(|(id, _)| id).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
