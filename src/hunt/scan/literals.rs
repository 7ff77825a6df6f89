//! Which of thousands of literals a text holds, anywhere in it.
//!
//! An automaton over the literals of all rules reads a text letter by letter, and where it goes next depends on where it is: it waits
//! for memory at each letter. Here each literal is known by four of its bytes in a row (its *gram*), the rarest. All grams of the text are
//! looked up in a bit map that fits the processor's nearest memory; none waits for another. Where a bit is set, the
//! literals with that gram are compared. LiteralSearch of three bytes are entered with each byte that can follow; shorter ones are searched
//! one by one. To build this costs a few steps a literal, so that it also serves columns with few values.
//!
//! Which grams are rare is guessed by their bytes at first. Where much text is searched, the first of it tells, and
//! the grams are chosen anew.

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

use super::gate::rarity;

/// Bytes of a gram.
const GRAM: usize = 4;
/// LiteralSearch of so many bytes are known by all of them.
const SHORT: usize = GRAM - 1;
/// GramMap that are looked up before any that is found is looked at: all of them from one load of memory.
const AT_ONCE: usize = 8;
/// Bits of the map for each gram in it: so few are set that a gram which no literal has is seldom looked up.
const BITS_A_GRAM: usize = 64;
/// The largest map has two to this many bits: 16 kB, a third of the nearest memory of common processors, which also holds the text.
const MAX_BITS_LOG2: u32 = 17;
/// The smallest map, likewise.
const MIN_BITS_LOG2: u32 = 12;
/// LiteralSearch that share a gram count as this much less rare for the next one: each of them is compared where the gram occurs.
const CROWDED: usize = 4;
/// An odd number with bits in no order, as multiplicative hashing wants it: 2^32 divided by the golden ratio.
const MIX: u32 = 0x9E37_79B1;
/// Bytes of text that are searched before grams are counted: most columns have no more, and nothing is counted for them.
const BEFORE_COUNT: usize = 32 * 1024;
/// Bytes of text whose grams are counted.
const COUNTED: usize = 128 * 1024;
/// Counters, by the hash of a gram.
const COUNTERS_LOG2: u32 = 16;

/// A literal's number within one [`LiteralSearch`].
pub(super) type LiteralId = u32;

/// The literals that are searched together.
pub(super) struct LiteralSearch {
    literals: Vec<Box<[u8]>>,
    /// Searched one by one: those of one and two bytes.
    tiny: Vec<(LiteralId, Finder<'static>)>,
    grams: GramMap,
    /// Literal → the last text that it was found in.
    found: Vec<u32>,
    text: u32,
    /// Bytes that were searched, until the grams are chosen for good.
    searched: usize,
    /// How often grams occurred. Made when they are counted, and gone afterwards.
    counts: Option<Box<[u32]>>,
}

/// The grams that literals are known by.
struct GramMap {
    /// A bit for the hash of each. Its length is a power of two.
    map: Box<[u64]>,
    /// Gram → the literals that are known by it.
    by_gram: FxHashMap<u32, KnownByGram>,
    /// LiteralSearch of three bytes, by these.
    by_three: FxHashMap<u32, KnownByGram>,
    grouped: Vec<KnownLiteral>,
}

/// A part of [`GramMap::grouped`].
#[derive(Clone, Copy)]
struct KnownByGram {
    start: u32,
    length: u32,
}

/// A literal, and where in it its gram is.
#[derive(Clone, Copy)]
struct KnownLiteral {
    literal: LiteralId,
    offset: u32,
}

impl LiteralSearch {
    /// Takes literals, each once and none empty.
    pub(super) fn new(literals: Vec<Box<[u8]>>) -> Self {
        let tiny = (0..).zip(&literals).filter(|(_, literal)| literal.len() < SHORT);
        Self {
            tiny: tiny.map(|(id, literal)| (id, Finder::new(literal).into_owned())).collect(),
            grams: GramMap::of(&literals, None),
            found: vec![0; literals.len()],
            literals,
            text: 0,
            searched: 0,
            counts: None,
        }
    }

    /// Visits the literals that occur in a text, each once and in no order. `padded` is the text with one byte more, whatever that is.
    pub(super) fn each(&mut self, padded: &[u8], mut visit: impl FnMut(LiteralId)) {
        let text = &padded[..padded.len() - 1];
        for (id, finder) in &self.tiny {
            if finder.find(text).is_some() {
                visit(*id);
            }
        }
        if self.grams.map.is_empty() {
            return;
        }
        self.next_text(text);
        let mask = self.grams.map.len() - 1;
        let has = |map: &[u64], gram: u32| {
            let hash = hash(gram, MAX_BITS_LOG2);
            map[(hash >> 6) as usize & mask] >> (hash & 63) & 1
        };
        let mut at = 0;
        while let Some(bytes) = padded.get(at..at + AT_ONCE + GRAM) {
            let bytes = u128::from(u64_of(&bytes[..AT_ONCE])) | u128::from(u32_of(&bytes[AT_ONCE..])) << 64;
            #[allow(clippy::cast_possible_truncation, reason = "a gram is the lowest bytes")]
            let gram = |place: usize| (bytes >> (8 * place)) as u32;
            let mut set = (0..AT_ONCE).fold(0, |set, place| set | has(&self.grams.map, gram(place)) << place);
            while set != 0 {
                let place = set.trailing_zeros() as usize;
                self.look(gram(place), at + place, text, &mut visit);
                set &= set - 1;
            }
            at += AT_ONCE;
        }
        for (place, gram) in padded[at..].windows(GRAM).enumerate() {
            let gram = u32_of(gram);
            if has(&self.grams.map, gram) != 0 {
                self.look(gram, at + place, text, &mut visit);
            }
        }
    }

    /// Compares the literals that are known by a gram which the text has at a place.
    // Seldom called: within the loop it would take the registers that the loop needs.
    #[inline(never)]
    fn look(&mut self, gram: u32, at: usize, text: &[u8], visit: &mut impl FnMut(LiteralId)) {
        let groups = [self.grams.by_gram.get(&gram), self.grams.by_three.get(&(gram & 0x00FF_FFFF))];
        for group in groups.into_iter().flatten() {
            for known in &self.grams.grouped[group.start as usize..][..group.length as usize] {
                let last = &mut self.found[known.literal as usize];
                let Some(start) = at.checked_sub(known.offset as usize).filter(|_| *last != self.text) else { continue };
                if text[start..].starts_with(&self.literals[known.literal as usize]) {
                    *last = self.text;
                    visit(known.literal);
                }
            }
        }
    }

    fn next_text(&mut self, text: &[u8]) {
        // Numbers of texts stand for "in this text": before they repeat, all marks must go.
        if self.text == u32::MAX {
            self.found.fill(0);
            self.text = 0;
        }
        self.text += 1;
        if self.searched < BEFORE_COUNT + COUNTED {
            self.searched = self.searched.saturating_add(text.len());
            self.count(text);
        }
    }

    fn count(&mut self, text: &[u8]) {
        if self.searched < BEFORE_COUNT {
            return;
        }
        let counts = self.counts.get_or_insert_with(|| vec![0; 1 << COUNTERS_LOG2].into_boxed_slice());
        text.windows(GRAM).for_each(|gram| counts[hash(u32_of(gram), COUNTERS_LOG2) as usize] += 1);
        if self.searched >= BEFORE_COUNT + COUNTED {
            self.grams = GramMap::of(&self.literals, Some(counts));
            self.counts = None;
        }
    }
}

impl GramMap {
    /// Chooses the grams of literals, where they were counted by that.
    fn of(literals: &[Box<[u8]>], counts: Option<&[u32]>) -> Self {
        let mut by_gram: FxHashMap<u32, Vec<KnownLiteral>> = FxHashMap::default();
        let mut by_three: FxHashMap<u32, Vec<KnownLiteral>> = FxHashMap::default();
        for (id, literal) in (0..).zip(literals).filter(|(_, literal)| literal.len() >= SHORT) {
            if literal.len() == SHORT {
                let three = u32::from_le_bytes([literal[0], literal[1], literal[2], 0]);
                by_three.entry(three).or_default().push(KnownLiteral { literal: id, offset: 0 });
            } else {
                let (offset, gram) = rarest(literal, counts, &by_gram);
                by_gram.entry(gram).or_default().push(KnownLiteral { literal: id, offset });
            }
        }
        let grams = by_gram.len() + by_three.len() * (usize::from(u8::MAX) + 1);
        let log2 = (grams * BITS_A_GRAM).next_power_of_two().trailing_zeros().clamp(MIN_BITS_LOG2, MAX_BITS_LOG2);
        let mut map = vec![0_u64; if grams == 0 { 0 } else { 1 << (log2 - 6) }].into_boxed_slice();
        let mask = map.len().saturating_sub(1);
        let mut set = |gram: u32| {
            let hash = hash(gram, MAX_BITS_LOG2);
            map[(hash >> 6) as usize & mask] |= 1 << (hash & 63);
        };
        by_gram.keys().for_each(|gram| set(*gram));
        by_three.keys().for_each(|three| (0..=u8::MAX).for_each(|next| set(three | u32::from(next) << 24)));
        let mut grouped = Vec::with_capacity(literals.len());
        let (by_gram, by_three) = (group(by_gram, &mut grouped), group(by_three, &mut grouped));
        Self { map, by_gram, by_three, grouped }
    }
}

fn u32_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn u64_of(bytes: &[u8]) -> u64 {
    u64::from(u32_of(&bytes[..4])) | u64::from(u32_of(&bytes[4..8])) << 32
}

fn hash(gram: u32, bits: u32) -> u32 {
    gram.wrapping_mul(MIX) >> (u32::BITS - bits)
}

/// Where a literal's rarest gram is, and the gram.
fn rarest(literal: &[u8], counts: Option<&[u32]>, by_gram: &FxHashMap<u32, Vec<KnownLiteral>>) -> (u32, u32) {
    let grams = (0..).zip(literal.windows(GRAM)).map(|(offset, bytes)| {
        let gram = u32_of(bytes);
        let common = counts.map_or(0, |counts| counts[hash(gram, COUNTERS_LOG2) as usize]);
        let rare: usize = bytes.iter().map(|byte| rarity(*byte)).sum();
        let rare = rare.saturating_sub(by_gram.get(&gram).map_or(0, |known| known.len() * CROWDED));
        (std::cmp::Reverse(common), rare, offset, gram)
    });
    let (.., offset, gram) = grams.max_by_key(|(common, rare, ..)| (*common, *rare)).expect("a literal of at least four bytes");
    (offset, gram)
}

fn group(known: FxHashMap<u32, Vec<KnownLiteral>>, grouped: &mut Vec<KnownLiteral>) -> FxHashMap<u32, KnownByGram> {
    let mut of = |literals: Vec<KnownLiteral>| {
        let start = grouped.len();
        grouped.extend(literals);
        let number = |n: usize| u32::try_from(n).expect("fewer than 2^32 literals");
        KnownByGram { start: number(start), length: number(grouped.len() - start) }
    };
    known.into_iter().map(|(gram, literals)| (gram, of(literals))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LiteralSearch;

    fn found(literals: &[&str], texts: &[&str]) -> Vec<Vec<u32>> {
        let mut search = LiteralSearch::new(literals.iter().map(|literal| literal.as_bytes().into()).collect());
        let found_in = |text: &&str| {
            let mut found = Vec::new();
            search.each(&[text.as_bytes(), b"x"].concat(), |id| found.push(id));
            found.sort_unstable();
            found
        };
        texts.iter().map(found_in).collect()
    }

    #[test]
    fn literals_of_each_length_are_found_at_each_end_and_never_beyond_it() {
        let literals = ["a", "ab", "abc", "abcd", "abcde", "x", "abx", "abcx"];
        let texts = ["", "a", "ab", "abc", "abcd", "zabcde", "abcdabcx"];
        let expected: [&[u32]; 7] = [&[], &[0], &[0, 1], &[0, 1, 2], &[0, 1, 2, 3], &[0, 1, 2, 3, 4], &[0, 1, 2, 3, 5, 7]];
        assert_eq!(found(&literals, &texts), expected);
    }

    #[test]
    fn what_is_found_does_not_depend_on_how_much_was_searched() {
        let text = "the quick brown fox jumps over the lazy dog; ".repeat(100);
        let literals = ["quick brown", "fox", "lazy cat", "over the lazy", "g; the", "zzzz", "og; t"];
        let texts = vec![text.as_str(); 60];
        assert!(text.len() * texts.len() > super::BEFORE_COUNT + super::COUNTED);
        assert!(found(&literals, &texts).iter().all(|found| *found == [0, 1, 3, 4, 6]));
    }

    proptest! {
        /// A literal is found where the text contains it, whatever else is searched.
        #[test]
        fn together_is_one_by_one(
            literals in prop::collection::btree_set("[ab\u{e4}\u{0}]{1,7}", 1..40),
            texts in prop::collection::vec("[ab\u{e4}\u{0}]{0,40}", 1..6),
        ) {
            let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for (found, text) in found(&literals, &texts).iter().zip(&texts) {
                let expected: Vec<u32> = (0..).zip(&literals).filter(|(_, literal)| text.contains(**literal)).map(|(id, _)| id).collect();
                prop_assert_eq!(found, &expected);
            }
        }
    }
}
