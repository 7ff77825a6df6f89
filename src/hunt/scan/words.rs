//! Words that rules look for in rendered text, answered for whole blocks of it.
//!
//! Rendered text is the largest part of a store and lies in compressed blocks of dozens of messages. A block is
//! decompressed once a hunt and searched for the words of all rules in one pass; its answers are kept for the other
//! event types whose messages lie in it. Most blocks hold no word at all and cost that one pass: their messages are
//! never looked at one by one.
//!
//! Where a hunt asks most messages anyway, all blocks are read at once. Then the few events with a word are known, and the
//! scans need not look up where each event's message lies.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use rustc_hash::{FxHashMap, FxHashSet};

use super::answers::{Answers, NOTHING};
use super::matcher::{Matcher, MatcherBuilder};
use crate::cancel::Cancel;
use crate::catalog::{Catalog, EventId, EventType, TypeId};
use crate::event::fold_into;
use crate::hunt::HuntError;
use crate::ir::{Case, Glob, Match, Pred, Test};
use crate::plan::FieldExpr;
use crate::store::{MessageBlocks, MessagePlace, Store};

/// A word's number within one [`MessageWords`].
pub(super) type WordId = u32;

/// Answers of messages kept before all are forgotten and their blocks read again: 32 MB.
const MAX_KNOWN_MESSAGES: usize = 8_000_000;
/// Blocks whose answers are kept, most of them nothing: some 50 MB with the table's own room.
const MAX_KNOWN_BLOCKS: usize = 1_000_000;
/// Bytes of all words up to which the search of blocks is a DFA.
// It is twice as fast as an NFA and takes some 300 bytes a letter: this is what it may cost, 10 MB.
const MAX_DFA_BYTES: usize = 32 * 1024;

/// Events with words that are kept, where all blocks were read before: 8 MB. With more of them each event's message is looked up.
const MAX_EVENTS_WITH_WORDS: usize = 200_000;

/// The words of a hunt and what the blocks that were read have of them.
pub(in crate::hunt) struct MessageWords<'s> {
    store: &'s Store,
    globs: Vec<(Glob, Case)>,
    ids: FxHashMap<(Glob, Case), WordId>,
    /// Event types whose rules look for words, and how many events these have.
    types: FxHashSet<TypeId>,
    events: u64,
    /// How many events have the types that have messages at all.
    all_events: u64,
    /// Whether all blocks were read, as far as that was good.
    is_ahead: bool,
    /// Made when the first message is asked: by then the words of all rules are known.
    search: Option<Search<'s>>,
}

struct Search<'s> {
    blocks: MessageBlocks<'s>,
    /// Finds a place that some word may be at; none: every message must be looked at.
    gate: Option<AhoCorasick>,
    /// Tells which words a message has; its patterns have the numbers of the words.
    matcher: Matcher,
    answers: Answers,
    /// Block → the answers of its messages in their order; none where no message has a word.
    known: FxHashMap<i64, Option<Box<[u32]>>>,
    known_messages: usize,
    /// Event → its answer, for the events with words; none where not all blocks were read.
    events: Option<FxHashMap<EventId, u32>>,
    folded: String,
    hits: Vec<WordId>,
}

impl<'s> MessageWords<'s> {
    /// Starts without a word.
    pub(in crate::hunt) fn new(store: &'s Store, catalog: &Catalog) -> Self {
        Self {
            store,
            globs: Vec::new(),
            ids: FxHashMap::default(),
            types: FxHashSet::default(),
            events: 0,
            all_events: catalog.types.iter().filter(|event_type| event_type.has_messages).map(|event_type| event_type.events).sum(),
            is_ahead: false,
            search: None,
        }
    }

    /// Notes the words of a condition on events of a type.
    pub(in crate::hunt) fn note(&mut self, event_type: &EventType, filter: &Pred<FieldExpr>) {
        if event_type.has_messages {
            filter.each_leaf(&mut |leaf| {
                if let Some((glob, case)) = word_of(leaf) {
                    self.id(glob, case);
                    if self.types.insert(event_type.id) {
                        self.events += event_type.events;
                    }
                }
            });
        }
    }

    /// The number of a word. One that was not noted before makes all that is known be forgotten.
    pub(super) fn id(&mut self, glob: &Glob, case: Case) -> WordId {
        let key = (if case == Case::Ignore { glob.folded() } else { glob.clone() }, case);
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = u32::try_from(self.globs.len()).expect("fewer than 2^32 words");
        self.globs.push(key.clone());
        self.ids.insert(key, id);
        self.search = None;
        id
    }

    /// The words of a message, ascending.
    pub(super) fn of(&mut self, place: MessagePlace) -> Result<&[WordId], HuntError> {
        self.search()?.words(place)
    }

    /// Reads all messages, once, where rules look for words in most of a store's. Stops where the hunt is asked to.
    pub(super) fn read_ahead(&mut self, cancel: &Cancel) -> Result<(), HuntError> {
        if !std::mem::replace(&mut self.is_ahead, true) && self.events.saturating_mul(2) >= self.all_events {
            let store = self.store;
            self.search()?.read_all(store, cancel)?;
        }
        Ok(())
    }

    /// Whether it is known of every event which words its message has: then [`MessageWords::of_event`] tells.
    pub(super) fn knows_events(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.events.is_some())
    }

    /// The words of an event's message, ascending; none where that is not known.
    pub(super) fn of_event(&self, event: EventId) -> &[WordId] {
        let known = self.search.as_ref().and_then(|search| Some((search, *search.events.as_ref()?.get(&event)?)));
        known.map_or(&[], |(search, answer)| search.answers.set(answer))
    }

    fn search(&mut self) -> Result<&mut Search<'s>, HuntError> {
        Ok(match &mut self.search {
            Some(search) => search,
            none => none.insert(Search::new(self.store, &self.globs)?),
        })
    }
}

/// The pattern of a condition that asks rendered text.
fn word_of(leaf: &Pred<FieldExpr>) -> Option<(&Glob, Case)> {
    match leaf {
        Pred::Keyword { glob, case } => Some((glob, *case)),
        Pred::Match(Match { field: FieldExpr::Message, test: Test::Glob { glob, case }, negated: false, .. }) => Some((glob, *case)),
        _ => None,
    }
}

impl<'s> Search<'s> {
    fn new(store: &'s Store, globs: &[(Glob, Case)]) -> Result<Self, HuntError> {
        let mut builder = MatcherBuilder::default();
        for (glob, case) in globs {
            builder.add(&Test::Glob { glob: glob.clone(), case: *case }, false);
        }
        Ok(Self {
            blocks: store.message_blocks()?,
            gate: gate(globs)?,
            matcher: builder.build()?,
            answers: Answers::new(),
            known: FxHashMap::default(),
            known_messages: 0,
            events: None,
            folded: String::new(),
            hits: Vec::new(),
        })
    }

    fn words(&mut self, place: MessagePlace) -> Result<&[WordId], HuntError> {
        if !self.known.contains_key(&place.block) {
            self.read(place.block)?;
        }
        let messages = self.known.get(&place.block).and_then(Option::as_deref);
        let answer = messages.and_then(|messages| messages.get(usize::try_from(place.number).ok()?)).copied();
        Ok(self.answers.set(answer.unwrap_or(NOTHING)))
    }

    fn read_all(&mut self, store: &Store, cancel: &Cancel) -> Result<(), HuntError> {
        let (mut with_words, mut blocks) = (0, 0);
        for block in store.message_block_ids()? {
            self.read(block)?;
            let messages = self.known.get(&block).and_then(Option::as_deref).unwrap_or_default();
            with_words += messages.iter().filter(|answer| **answer != NOTHING).count();
            blocks += 1;
            // What was read stays known, and the rest is read when it is asked. Words that every third message has end this soon.
            if with_words > MAX_EVENTS_WITH_WORDS || self.known.len() < blocks || cancel.is_cancelled() {
                return Ok(());
            }
        }
        let mut events = FxHashMap::default();
        if with_words > 0 {
            store.each_message_place(&mut |event, place| {
                let messages = self.known.get(&place.block).and_then(Option::as_deref).unwrap_or_default();
                let answer = usize::try_from(place.number).ok().and_then(|number| messages.get(number).copied());
                if let Some(answer) = answer.filter(|answer| *answer != NOTHING) {
                    events.insert(event, answer);
                }
            })?;
        }
        self.events = Some(events);
        Ok(())
    }

    fn read(&mut self, block: i64) -> Result<(), HuntError> {
        let texts = self.blocks.texts(block)?;
        self.folded.clear();
        fold_into(texts, &mut self.folded);
        let next_place = |from: usize| match &self.gate {
            Some(gate) => gate.find(Input::new(&self.folded).range(from..)).map(|found| found.start()),
            None => Some(from),
        };
        let mut answers: Vec<u32> = Vec::new();
        let (mut place, mut start) = (next_place(0), 0);
        if place.is_some() {
            // Folding can change the length of a letter, so that the places are those of the folded text; it makes no NUL and takes none.
            for (message, folded) in texts.split('\0').zip(self.folded.split('\0')) {
                let end = start + folded.len();
                self.hits.clear();
                if place.is_some_and(|place| place <= end) {
                    self.matcher.matches(message, &mut self.hits);
                    place = next_place(end);
                }
                answers.push(self.answers.number(&mut self.hits));
                start = end + 1;
            }
        }
        let has_any = answers.iter().any(|answer| *answer != NOTHING);
        self.remember(block, has_any.then(|| answers.into_boxed_slice()));
        Ok(())
    }

    fn remember(&mut self, block: i64, answers: Option<Box<[u32]>>) {
        self.known_messages += answers.as_ref().map_or(0, |answers| answers.len());
        if self.known_messages > MAX_KNOWN_MESSAGES || self.known.len() >= MAX_KNOWN_BLOCKS {
            self.known.clear();
            self.known_messages = answers.as_ref().map_or(0, |answers| answers.len());
        }
        self.known.insert(block, answers);
    }
}

/// An automaton over the longest literal of each word; none where a word has no literal.
fn gate(globs: &[(Glob, Case)]) -> Result<Option<AhoCorasick>, HuntError> {
    let literal = |(glob, _): &(Glob, Case)| glob.folded().longest_text().map(str::to_owned);
    let Some(literals) = globs.iter().map(literal).collect::<Option<Vec<String>>>() else { return Ok(None) };
    let is_small = literals.iter().map(String::len).sum::<usize>() <= MAX_DFA_BYTES;
    let kind = if is_small { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
    let built = AhoCorasick::builder()
        // Leftmost, because only such a search can jump from one likely place to the next by vector instructions; few words allow that.
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(kind))
        .build(&literals);
    built.map(Some).map_err(|error| HuntError::Automaton { patterns: literals.len(), source: error.into() })
}
