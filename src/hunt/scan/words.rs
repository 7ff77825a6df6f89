//! Words that rules look for in rendered text, answered for whole blocks of it.
//!
//! Rendered text is the largest part of a store and lies in compressed blocks of dozens of messages. A block is
//! decompressed once a hunt and searched for the words of all rules in one pass; its answers are kept for the other
//! event types whose messages lie in it. Most blocks hold no word at all and cost that one pass: their messages are
//! never looked at one by one.
//!
//! There are two searches. Words that are asked of many events are searched apart, because one common word among them would make every
//! block be looked through message by message. Where few events are asked, all words are searched, in the blocks of these events.
//!
//! Where a hunt asks most messages anyway, all blocks are read at once. Then the few events with a word are known, and the
//! scans need not look up where each event's message lies.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::answers::{Answers, NOTHING};
use super::gate::Gate;
use super::matcher::{Matcher, MatcherBuilder};
use super::pattern::LazyRegexes;
use super::program::{Beside, ProgramBuilder};
use crate::cancel::Cancel;
use crate::catalog::{Catalog, EventId, EventType, TypeId};
use crate::event::fold_into;
use crate::hunt::HuntError;
use crate::hunt::hosts::Hosts;
use crate::ir::{Case, Glob, Match, Pred, Test};
use crate::plan::FieldExpr;
use crate::store::{MessageBlocks, MessagePlace, Store, StoreError};

/// A word's number within one [`MessageWords`].
pub(super) type WordId = u32;

/// Answers of messages kept before all are forgotten and their blocks read again: 32 MB.
const MAX_KNOWN_MESSAGES: usize = 8_000_000;
/// Blocks whose answers are kept, most of them nothing: some 50 MB with the table's own room.
const MAX_KNOWN_BLOCKS: usize = 1_000_000;
/// Events with words that are kept, where all blocks were read before: 8 MB. With more of them each event's message is looked up.
const MAX_EVENTS_WITH_WORDS: usize = 200_000;

/// A word is searched with those of many events where it is asked of at least one event in so many.
// A common word that is asked of few events would make every block be looked through message by message.
const MANY_EVENTS: u64 = 8;

/// How many events some words are asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Of so many that all blocks are searched for them.
    Many,
    /// Of few: only their blocks are read.
    Few,
}

/// The words of a hunt, and which events have some of them, where that is known of all. What several scans at a time share.
#[derive(Clone)]
pub(in crate::hunt) struct NotedWords {
    globs: Vec<(Glob, Case)>,
    ids: FxHashMap<(Glob, Case), WordId>,
    /// Words that are asked of all events of a type → these types, and how many events they have.
    asked: BTreeMap<WordId, BTreeMap<TypeId, u64>>,
    /// How many events have the types that have messages at all.
    all_events: u64,
    /// Made where all blocks were read: which of the words that are asked of many events each event has.
    ahead: Option<Arc<EventsWithWords>>,
}

/// The events that have words.
struct EventsWithWords {
    /// Event → its words.
    numbers: FxHashMap<EventId, u32>,
    sets: Vec<Box<[WordId]>>,
}

/// The words of a hunt and what the blocks that were read have of them.
pub(in crate::hunt) struct MessageWords<'s> {
    store: &'s Store,
    noted: NotedWords,
    /// Whether all blocks were read, as far as that was good.
    is_ahead: bool,
    /// Of so many scans at a time this is one: what it keeps is a part of what one may keep.
    scans: usize,
    /// The regular expressions of the hunt: what its scans share is kept here.
    pub(super) patterns: LazyRegexes,
    /// Words that every keyword also asks hosts for → whether no host has them.
    no_hosts: FxHashMap<(Glob, Case), bool>,
    /// The search for the words that are asked of many events. Made when the first message is asked: by then the words of all rules
    /// are known.
    wide: Option<Search<'s>>,
    /// The search for all words, where few events are asked.
    narrow: Option<Search<'s>>,
}

struct Search<'s> {
    blocks: Option<MessageBlocks<'s>>,
    gate: Gate,
    /// Tells which words a message has.
    matcher: Matcher,
    /// The words that its patterns are, ascending.
    words: Vec<WordId>,
    answers: Answers,
    /// Block → the answers of its messages in their order; none where no message has a word.
    known: FxHashMap<i64, Option<Box<[u32]>>>,
    known_messages: usize,
    /// See [`MessageWords::scans`].
    scans: usize,
    folded: String,
    hits: Vec<WordId>,
}

impl<'s> MessageWords<'s> {
    /// Starts without a word.
    pub(in crate::hunt) fn new(store: &'s Store, catalog: &Catalog) -> Self {
        let with_messages = catalog.types.iter().filter(|event_type| event_type.has_messages);
        let all_events = with_messages.map(|event_type| event_type.events).sum();
        let noted = NotedWords { globs: Vec::new(), ids: FxHashMap::default(), asked: BTreeMap::new(), all_events, ahead: None };
        Self { is_ahead: false, ..Self::of_noted(store, noted, 1) }
    }

    /// Goes on with words that were noted by another, as one of so many scans at a time.
    pub(in crate::hunt) fn of_noted(store: &'s Store, noted: NotedWords, scans: usize) -> Self {
        Self {
            store,
            noted,
            is_ahead: true,
            scans,
            patterns: LazyRegexes::default(),
            no_hosts: FxHashMap::default(),
            wide: None,
            narrow: None,
        }
    }

    /// What is noted, for others.
    pub(in crate::hunt) fn noted(&self) -> NotedWords {
        self.noted.clone()
    }

    /// Notes the words of a condition on events of a type.
    pub(in crate::hunt) fn note(&mut self, event_type: &EventType, filter: &Pred<FieldExpr>, hosts: &Hosts) {
        if !event_type.has_messages || !filter.any_leaf(&is_word) {
            return;
        }
        // The program of the condition alone: what its scan will ask, nothing else can tell as surely.
        let mut builder = ProgramBuilder::new(event_type, Beside::Tables { hosts, words: self });
        // A condition that does not compile is not scanned.
        let _ = builder.add(0, filter);
        let asked = builder.asked_words();
        self.ask(event_type, asked.into_iter());
    }

    /// See [`Hosts::none_passes`]: the words of a rule are asked of the same hosts for each event type.
    pub(super) fn no_host_passes(&mut self, asked: &Match<FieldExpr>, hosts: &Hosts) -> bool {
        let Test::Glob { glob, case } = &asked.test else { return hosts.none_passes(asked) };
        if asked.negated {
            return hosts.none_passes(asked);
        }
        *self.no_hosts.entry((glob.clone(), *case)).or_insert_with(|| hosts.none_passes(asked))
    }

    /// The number of a word. One that was not noted before makes all that is known be forgotten.
    pub(super) fn id(&mut self, glob: &Glob, case: Case) -> WordId {
        let key = (if case == Case::Ignore { glob.folded() } else { glob.clone() }, case);
        if let Some(id) = self.noted.ids.get(&key) {
            return *id;
        }
        let id = u32::try_from(self.noted.globs.len()).expect("fewer than 2^32 words");
        self.noted.globs.push(key.clone());
        self.noted.ids.insert(key, id);
        (self.wide, self.narrow, self.noted.ahead) = (None, None, None);
        id
    }

    /// Notes that words are asked of all events of a type.
    pub(super) fn ask(&mut self, event_type: &EventType, words: impl Iterator<Item = WordId>) {
        for word in words {
            let is_new = self.noted.asked.entry(word).or_default().insert(event_type.id, event_type.events).is_none();
            let is_made = self.wide.is_some() || self.noted.ahead.is_some();
            if is_new && is_made && self.reach([word]) == Reach::Many {
                (self.wide, self.noted.ahead) = (None, None);
            }
        }
    }

    /// How many events words are asked of that belong together: few where one of them is asked of few.
    pub(super) fn reach(&self, words: impl IntoIterator<Item = WordId>) -> Reach {
        let events = |word| self.noted.asked.get(&word).map_or(0, |types| types.values().sum::<u64>());
        let is_asked_of_many = words.into_iter().all(|word| events(word).saturating_mul(MANY_EVENTS) >= self.noted.all_events);
        if is_asked_of_many { Reach::Many } else { Reach::Few }
    }

    /// The words of a message, ascending: all of them, or those that are asked of many events.
    pub(super) fn of(&mut self, place: MessagePlace, reach: Reach) -> Result<&[WordId], HuntError> {
        self.search(reach)?.words(place)
    }

    /// Whether a message has a word, asked late.
    pub(super) fn holds(&mut self, place: MessagePlace, word: WordId) -> Result<bool, HuntError> {
        let reach = self.reach([word]);
        Ok(self.of(place, reach)?.binary_search(&word).is_ok())
    }

    /// Reads all messages, once, where rules look for words in most of a store's. Stops where the hunt is asked to.
    pub(in crate::hunt) fn read_ahead(&mut self, cancel: &Cancel) -> Result<(), HuntError> {
        if std::mem::replace(&mut self.is_ahead, true) || !self.is_any_type_asked_for_common_words() {
            return Ok(());
        }
        let wide = self.noted.asked.iter().filter(|(word, _)| self.reach([**word]) == Reach::Many);
        let types: BTreeMap<TypeId, u64> = wide.flat_map(|(_, types)| types.iter().map(|(id, events)| (*id, *events))).collect();
        if types.values().sum::<u64>().saturating_mul(2) >= self.noted.all_events {
            let store = self.store;
            self.noted.ahead = self.search(Reach::Many)?.read_all(store, cancel)?.map(Arc::new);
        }
        Ok(())
    }

    /// Whether some type's events are asked for words that are all asked of many events.
    fn is_any_type_asked_for_common_words(&self) -> bool {
        let mut by_type: BTreeMap<TypeId, Reach> = BTreeMap::new();
        for (word, types) in &self.noted.asked {
            let reach = self.reach([*word]);
            for id in types.keys() {
                let of_type = by_type.entry(*id).or_insert(reach);
                *of_type = if reach == Reach::Few { reach } else { *of_type };
            }
        }
        by_type.values().any(|reach| *reach == Reach::Many)
    }

    /// Whether it is known of every event which of the words its message has that are asked of many: then
    /// [`MessageWords::of_event`] tells.
    pub(super) fn knows_events(&self) -> bool {
        self.noted.ahead.is_some()
    }

    /// Those words of an event's message that are asked of many, ascending; none where that is not known.
    pub(super) fn of_event(&self, event: EventId) -> &[WordId] {
        let known = self.noted.ahead.as_ref().and_then(|ahead| Some(&ahead.sets[*ahead.numbers.get(&event)? as usize]));
        known.map_or(&[], |words| words)
    }

    /// Whether an event's message has a word, where that is known of all events.
    pub(super) fn event_holds(&self, event: EventId, word: WordId) -> Option<bool> {
        let is_known = self.knows_events() && self.reach([word]) == Reach::Many;
        is_known.then(|| self.of_event(event).binary_search(&word).is_ok())
    }

    fn search(&mut self, reach: Reach) -> Result<&mut Search<'s>, HuntError> {
        let words =
            |from: &Self| (0..).take(from.noted.globs.len()).filter(|word| reach == Reach::Few || from.reach([*word]) == reach).collect();
        let is_made = if reach == Reach::Many { self.wide.is_some() } else { self.narrow.is_some() };
        let made = if is_made { None } else { Some(Search::new(self.store, &self.noted.globs, words(self), self.scans)?) };
        let search = if reach == Reach::Many { &mut self.wide } else { &mut self.narrow };
        Ok(match made {
            Some(made) => search.insert(made),
            None => search.as_mut().expect("it was made"),
        })
    }
}

/// Whether a condition asks rendered text for a pattern.
fn is_word(leaf: &Pred<FieldExpr>) -> bool {
    let is_message = |asked: &Match<FieldExpr>| asked.field == FieldExpr::Message && matches!(asked.test, Test::Glob { .. });
    match leaf {
        Pred::Keyword { .. } => true,
        Pred::Match(asked) => is_message(asked) && !asked.negated,
        _ => false,
    }
}

impl<'s> Search<'s> {
    /// Starts a search for some of the words.
    fn new(store: &'s Store, globs: &[(Glob, Case)], words: Vec<WordId>, scans: usize) -> Result<Self, HuntError> {
        let globs: Vec<&(Glob, Case)> = words.iter().map(|word| &globs[*word as usize]).collect();
        let mut builder = MatcherBuilder::default();
        for (glob, case) in &globs {
            builder.add(&Test::Glob { glob: glob.clone(), case: *case }, false);
        }
        Ok(Self {
            blocks: Some(store.message_blocks()?),
            gate: Gate::new(&globs)?,
            matcher: builder.build(),
            words,
            answers: Answers::new(),
            known: FxHashMap::default(),
            known_messages: 0,
            scans,
            folded: String::new(),
            hits: Vec::new(),
        })
    }

    fn words(&mut self, place: MessagePlace) -> Result<&[WordId], HuntError> {
        if !self.known.contains_key(&place.block) {
            self.read(place.block)?;
        }
        Ok(self.answers.set(self.answer(place)))
    }

    /// The answer of a message in a block that is known.
    fn answer(&self, place: MessagePlace) -> u32 {
        let messages = self.known.get(&place.block).and_then(Option::as_deref);
        messages.and_then(|messages| messages.get(usize::try_from(place.number).ok()?)).copied().unwrap_or(NOTHING)
    }

    /// Reads all blocks. None where that stopped early.
    fn read_all(&mut self, store: &Store, cancel: &Cancel) -> Result<Option<EventsWithWords>, HuntError> {
        let (mut with_words, mut blocks) = (0, 0);
        let mut is_whole = true;
        store.each_message_block(&mut |block, texts| {
            self.look_through(block, texts)?;
            let messages = self.known.get(&block).and_then(Option::as_deref).unwrap_or_default();
            with_words += messages.iter().filter(|answer| **answer != NOTHING).count();
            blocks += 1;
            // What was read stays known, and the rest is read when it is asked. Words that every third message has end this soon.
            is_whole = with_words <= MAX_EVENTS_WITH_WORDS && self.known.len() >= blocks && !cancel.is_cancelled();
            Ok(if is_whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        if !is_whole {
            return Ok(None);
        }
        let mut numbers = FxHashMap::default();
        if with_words > 0 {
            store.each_message_place(&mut |event, place| {
                let answer = self.answer(place);
                if answer != NOTHING {
                    numbers.insert(event, answer);
                }
            })?;
        }
        Ok(Some(EventsWithWords { numbers, sets: self.answers.sets().to_vec() }))
    }

    fn read(&mut self, block: i64) -> Result<(), HuntError> {
        // Taken out while the block is looked at: its texts are the reader's.
        let mut blocks = self.blocks.take().expect("it is there between two blocks");
        let read = blocks.texts(block).and_then(|texts| self.look_through(block, texts));
        self.blocks = Some(blocks);
        Ok(read?)
    }

    /// Finds the words of a block and remembers them.
    fn look_through(&mut self, block: i64, texts: &[u8]) -> Result<(), StoreError> {
        if !self.gate.opens(texts) {
            self.remember(block, None);
            return Ok(());
        }
        let texts = str::from_utf8(texts).map_err(|_| StoreError::Damaged(format!("the block of messages {block} is not UTF-8")))?;
        self.folded.clear();
        fold_into(texts, &mut self.folded);
        let next_place = |from: usize| self.gate.next_place(&self.folded, from);
        let mut answers: Vec<u32> = Vec::new();
        let (mut place, mut start) = (next_place(0), 0);
        if place.is_some() {
            // Folding can change the length of a letter, so that the places are those of the folded text; it makes no NUL and takes none.
            for (message, folded) in texts.split('\0').zip(self.folded.split('\0')) {
                let end = start + folded.len();
                self.hits.clear();
                if place.is_some_and(|place| place <= end) {
                    self.matcher.matches(message, &mut self.hits);
                    self.hits.iter_mut().for_each(|hit| *hit = self.words[*hit as usize]);
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
        if self.known_messages > MAX_KNOWN_MESSAGES / self.scans || self.known.len() >= MAX_KNOWN_BLOCKS / self.scans {
            self.known.clear();
            self.known_messages = answers.as_ref().map_or(0, |answers| answers.len());
        }
        self.known.insert(block, answers);
    }
}
