//! What the texts of a column have in common: the base that they are packed against.

use rustc_hash::{FxHashMap, FxHashSet};

use super::MAX_BASE_BYTES;

/// Bytes of the windows that are counted. Shorter ones are common by accident.
const WINDOW: usize = 8;
/// A piece of a base is at least so long.
const MIN_PIECE: usize = 10;
/// Texts and bytes of a sample that is large enough.
const SAMPLE_TEXTS: usize = 256;
const SAMPLE_BYTES: usize = 256 * 1024;

/// Texts of a column, until there are enough to make a base of.
#[derive(Debug, Default)]
pub(in crate::store) struct Sample {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Sample {
    /// Takes a text in.
    pub(in crate::store) fn add(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Bytes held.
    pub(in crate::store) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a base can be made of it.
    pub(in crate::store) fn is_full(&self) -> bool {
        self.ends.len() >= SAMPLE_TEXTS || self.bytes.len() >= SAMPLE_BYTES
    }

    /// The texts.
    pub(in crate::store) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// Makes a base: the stretches of the texts that more than one text has, each once. Those that most texts have come last, nearest to
/// nothing in particular: places cost the same everywhere.
pub(in crate::store) fn train(sample: &Sample) -> Vec<u8> {
    let mut counts: FxHashMap<u64, (u32, u32)> = FxHashMap::default();
    for (number, text) in (1..).zip(sample.texts()) {
        for window in text.windows(WINDOW) {
            let (texts, last) = counts.entry(key(window)).or_default();
            if *last != number {
                (*texts, *last) = (*texts + 1, number);
            }
        }
    }
    let mut base = Vec::new();
    let mut held: FxHashSet<u64> = FxHashSet::default();
    // The most common first: what is in few texts only fills what is left.
    for wanted in [sample.ends.len() / 8, sample.ends.len() / 32, 4, 2] {
        let wanted = u32::try_from(wanted.max(2)).unwrap_or(u32::MAX);
        for text in sample.texts() {
            add_pieces(text, wanted, &counts, &mut held, &mut base);
        }
    }
    base
}

fn add_pieces(text: &[u8], wanted: u32, counts: &FxHashMap<u64, (u32, u32)>, held: &mut FxHashSet<u64>, base: &mut Vec<u8>) {
    let mut start = None;
    let windows = text.len().saturating_sub(WINDOW - 1);
    for at in 0..=windows {
        let is_wanted = at < windows && {
            let key = key(&text[at..at + WINDOW]);
            counts.get(&key).is_some_and(|(texts, _)| *texts >= wanted) && !held.contains(&key)
        };
        match (start, is_wanted) {
            (None, true) => start = Some(at),
            (Some(first), false) => {
                start = None;
                let piece = &text[first..at + WINDOW - 1];
                if piece.len() >= MIN_PIECE && base.len() + piece.len() <= MAX_BASE_BYTES {
                    base.extend_from_slice(piece);
                    held.extend(piece.windows(WINDOW).map(key));
                }
            }
            _ => {}
        }
    }
}

fn key(window: &[u8]) -> u64 {
    u64::from_le_bytes(window.try_into().unwrap_or_default())
}
