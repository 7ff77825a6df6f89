//! Whether a block of messages may hold any word: asked of the block as a whole, before it is looked through message by message.
//!
//! Most blocks hold none. So the bytes are first searched as they are for a few bytes of each word in every spelling of upper and
//! lower case: a block without them is neither checked for UTF-8 nor folded.

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use crate::hunt::HuntError;
use crate::ir::{Case, Glob, Part};

/// Bytes of all words up to which the search of folded blocks is a DFA.
// It is twice as fast as an NFA and takes some 300 bytes a letter: this is what it may cost, 10 MB.
const MAX_DFA_BYTES: usize = 32 * 1024;
/// Spellings that bytes are searched for.
// As many as vector instructions take at once.
const MAX_SPELLINGS: usize = 64;
/// How many bytes of a word are searched, the better first: four tell more than three, and have twice as many spellings.
const PIECE_BYTES: [usize; 2] = [4, 3];
/// Bytes of logs from the most frequent on; any other is rarer than these.
const FREQUENT: &[u8] = b" e0tainorsl1cd2u.mp-\\h34:fgw5y6789vbk_(){}=/x,j";

/// The gate of some words.
pub(super) struct Gate {
    /// Finds pieces of the words in bytes as they are; none: the words are too many or too short for that.
    raw: Option<Searcher>,
    /// Finds the longest literal of each word in folded text; none: a word has no literal, so that every message must be looked at.
    folded: Option<AhoCorasick>,
}

impl Gate {
    /// Makes the gate of these words.
    pub(super) fn new(globs: &[&(Glob, Case)]) -> Result<Self, HuntError> {
        let globs: Vec<Glob> = globs.iter().map(|(glob, _)| glob.folded()).collect();
        Ok(Self { raw: PIECE_BYTES.iter().find_map(|length| raw(&globs, *length)), folded: folded(&globs)? })
    }

    /// Whether some word may be in texts as they are.
    pub(super) fn opens(&self, texts: &[u8]) -> bool {
        self.raw.as_ref().is_none_or(|raw| raw.find(texts).is_some())
    }

    /// The next place in folded text that some word may be at.
    pub(super) fn next_place(&self, folded: &str, from: usize) -> Option<usize> {
        match &self.folded {
            Some(gate) => gate.find(Input::new(folded).range(from..)).map(|found| found.start()),
            None => Some(from),
        }
    }
}

/// A search for the rarest piece of each word in all its spellings; none where a word has none, or all have too many.
fn raw(globs: &[Glob], length: usize) -> Option<Searcher> {
    let mut spellings: Vec<Vec<u8>> = Vec::new();
    for glob in globs {
        let texts = glob.parts().iter().filter_map(|part| if let Part::Text(text) = part { Some(text.as_bytes()) } else { None });
        // Folding makes no ASCII letter of any other and leaves bytes where they are: what is ASCII in the word was so in the text.
        let pieces = texts.flat_map(|text| text.windows(length)).filter(|piece| piece.is_ascii());
        let rarest = pieces.max_by_key(|piece| piece.iter().map(|byte| rarity(*byte)).sum::<usize>())?;
        spellings.extend(spellings_of(rarest));
    }
    spellings.sort_unstable();
    spellings.dedup();
    if spellings.len() > MAX_SPELLINGS {
        return None;
    }
    packed::Config::new().builder().extend(&spellings).build()
}

/// How rare a byte is in logs: more where it is rarer.
pub(super) fn rarity(byte: u8) -> usize {
    RARITY[usize::from(byte)]
}

const RARITY: [usize; 256] = {
    let mut rarity = [FREQUENT.len(); 256];
    let mut place = 0;
    while place < FREQUENT.len() {
        rarity[FREQUENT[place] as usize] = place;
        place += 1;
    }
    rarity
};

/// A folded piece in all spellings of upper and lower case.
fn spellings_of(piece: &[u8]) -> Vec<Vec<u8>> {
    piece.iter().fold(vec![Vec::new()], |spellings, byte| {
        let mut cases = vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
        cases.dedup();
        cases.iter().flat_map(|byte| spellings.iter().map(|begun| [begun.as_slice(), &[*byte]].concat())).collect()
    })
}

/// An automaton over the longest literal of each word; none where a word has no literal.
fn folded(globs: &[Glob]) -> Result<Option<AhoCorasick>, HuntError> {
    let Some(literals) = globs.iter().map(Glob::longest_text).collect::<Option<Vec<&str>>>() else { return Ok(None) };
    let is_small = literals.iter().map(|literal| literal.len()).sum::<usize>() <= MAX_DFA_BYTES;
    let kind = if is_small { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
    let built = AhoCorasick::builder()
        // Leftmost, because only such a search can jump from one likely place to the next by vector instructions; few words allow that.
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(kind))
        .build(&literals);
    built.map(Some).map_err(|error| HuntError::Automaton { patterns: literals.len(), source: error.into() })
}

#[cfg(test)]
mod tests {
    use super::Gate;
    use crate::ir::{Case, Glob};

    fn gate(words: &[&str]) -> Gate {
        let globs: Vec<(Glob, Case)> = words.iter().map(|word| (Glob::wildcard(word).contains(), Case::Ignore)).collect();
        Gate::new(&globs.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_word_opens_the_gate_in_any_spelling() {
        let words = gate(&["sudoedit -s", "größe*kelvin"]);
        assert!(words.raw.is_some());
        for text in ["x SUDOedit -S y", "GRÖSSE Kelvin", "\u{212a}elvIn größe kelvin"] {
            assert!(words.opens(text.as_bytes()), "{text}");
        }
        assert!(!words.opens("sud oedit; K\u{212a}elvim".as_bytes()));
    }

    #[test]
    fn bytes_are_searched_only_where_each_word_has_a_piece_and_all_have_few_spellings() {
        assert!(gate(&["abc"]).raw.is_some());
        assert!(gate(&["abcd", "xy*z"]).raw.is_none());
        assert!(gate(&["äöü"]).raw.is_none());
        // Four words of four letters have 64 spellings, five do not; but three letters of each do.
        assert!(gate(&["abcd", "efgh", "ijkl", "mnop", "qrst"]).raw.is_some());
        let many: Vec<String> = ('a'..='z').map(|c| format!("{c}{c}{c}x")).collect();
        assert!(gate(&many.iter().map(String::as_str).collect::<Vec<_>>()).raw.is_none());
        assert!(gate(&["a*b"]).opens(b""));
    }
}
