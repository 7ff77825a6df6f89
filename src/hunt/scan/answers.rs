//! Distinct sets of numbers, each known by a number of its own: millions of values answer the same few sets.

use rustc_hash::FxHashMap;

/// The number of the empty set.
pub(super) const NOTHING: u32 = 0;

/// Distinct sets of leaves or words.
pub(super) struct Answers {
    sets: Vec<Box<[u32]>>,
    numbers: FxHashMap<Box<[u32]>, u32>,
}

impl Answers {
    /// Starts with the empty set.
    pub(super) fn new() -> Self {
        Self { sets: vec![Box::default()], numbers: std::iter::once((Box::default(), NOTHING)).collect() }
    }

    /// The number of the set of these, which are put in order for it.
    pub(super) fn number(&mut self, members: &mut Vec<u32>) -> u32 {
        // Sorted, so that equal answers get one number.
        members.sort_unstable();
        members.dedup();
        if let Some(number) = self.numbers.get(members.as_slice()) {
            return *number;
        }
        let number = u32::try_from(self.sets.len()).expect("fewer than 2^32 answers");
        self.sets.push(members.as_slice().into());
        self.numbers.insert(members.as_slice().into(), number);
        number
    }

    /// Takes the members of a set out for as long as something else of their owner is changed.
    pub(super) fn take(&mut self, number: u32) -> Box<[u32]> {
        std::mem::take(&mut self.sets[number as usize])
    }

    /// Puts them back.
    pub(super) fn put_back(&mut self, number: u32, members: Box<[u32]>) {
        self.sets[number as usize] = members;
    }

    /// The members of a set, ascending.
    pub(super) fn set(&self, number: u32) -> &[u32] {
        &self.sets[number as usize]
    }

    /// All sets by their numbers.
    pub(super) fn sets(&self) -> &[Box<[u32]>] {
        &self.sets
    }
}
