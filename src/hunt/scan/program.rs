//! The rules of one event type as boolean programs over leaves.
//!
//! A *leaf* is a question that one column's value answers: any of some patterns on the value, after a chain of
//! field functions. Alternatives on the same field are one leaf. A *lazy* leaf is too dear for that (a regular
//! expression, two fields compared, envelope or rendered text) and is asked only when the rest of the rule holds.
//!
//! Each rule has *triggers*: leaves of which at least one is true whenever the rule is. A row evaluates only the
//! rules one of whose triggers it holds, so rules cost nothing on rows that have nothing of theirs.

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::matcher::{Matcher, MatcherBuilder, PatternId};
use super::pattern::{LazyRegex, LazyRegexes};
use super::words::{MessageWords, WordId};
use crate::catalog::{ColumnIndex, Encoding, EventType};
use crate::exec::Fault;
use crate::hunt::hosts::Hosts;
use crate::ir::{Case, FieldCompare, Glob, Match, Part, Pred, Scalar, Test};
use crate::plan::{FieldExpr, FieldFunction};

/// A leaf's number within one [`TypeProgram`].
pub(super) type LeafId = u32;

/// A word counts as this frequent when triggers are chosen: more than the rows of any store, so that it is chosen where nothing else is.
const WORD_FREQUENCY: f64 = 1e15;

/// All rules of one event type.
pub(super) struct TypeProgram {
    /// The columns that any rule asks, ascending.
    pub(super) columns: Vec<ColumnProgram>,
    /// How many leaves there are.
    pub(super) leaf_count: usize,
    /// Leaf → how selective it looks before anything is seen: smaller is rarer.
    pub(super) leaf_weight: Vec<f64>,
    /// The rules.
    pub(super) rules: Vec<RuleProgram>,
    /// The lazy leaves.
    pub(super) lazy: Vec<LazyLeaf>,
    /// Word that is asked of every row's rendered text → its leaf: some rule has nothing else that tells the rows to look at.
    pub(super) words: FxHashMap<WordId, LeafId>,
}

/// What is asked of one column.
pub(super) struct ColumnProgram {
    /// The column.
    pub(super) column: ColumnIndex,
    /// The leaf that is true when the event has the field.
    pub(super) exists: Option<LeafId>,
    /// One per chain of field functions (the empty chain: the value itself).
    pub(super) chains: Vec<ChainProgram>,
}

impl ColumnProgram {
    /// Whether some leaf that the column answers is as asked.
    pub(super) fn any_leaf(&self, is: &dyn Fn(LeafId) -> bool) -> bool {
        let mut leaves = self.exists.iter().chain(self.chains.iter().flat_map(|chain| chain.leaves.iter().flatten()));
        leaves.any(|leaf| is(*leaf))
    }
}

/// What is asked of a column's value after a chain of functions.
pub(super) struct ChainProgram {
    /// The functions, innermost first.
    pub(super) functions: Vec<FieldFunction>,
    /// The patterns.
    pub(super) matcher: Matcher,
    /// Pattern → the leaves it makes true.
    pub(super) leaves: Vec<Vec<LeafId>>,
}

/// One rule over one event type.
pub(super) struct RuleProgram {
    /// Index of the rule in the hunt.
    pub(super) rule: usize,
    /// Its condition.
    pub(super) node: ProgramNode,
}

/// A condition over leaves.
#[derive(Debug)]
pub(super) enum ProgramNode {
    /// Always.
    True,
    /// Never.
    False,
    /// A leaf.
    Leaf(LeafId),
    /// A lazy leaf.
    Lazy(u32),
    /// A word in the event's rendered text.
    Word(Word),
    /// Not.
    Not(Box<ProgramNode>),
    /// All of, cheapest first.
    And(Vec<ProgramNode>),
    /// Any of, cheapest first.
    Or(Vec<ProgramNode>),
}

/// A word in rendered text: where it is asked of every row it is the leaf that the row holds, else it is asked late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// The word.
    pub(super) id: WordId,
    /// Its leaf.
    pub(super) leaf: LeafId,
}

/// A question asked late.
pub(super) enum LazyLeaf {
    /// A test of a field's value, any member.
    Test {
        /// The field.
        field: FieldExpr,
        /// The test.
        test: LazyTest,
        /// The member must fail the test.
        negated: bool,
    },
    /// Two fields compared.
    Compare(FieldCompare<FieldExpr>),
    /// An expression that must be true.
    Scalar(Scalar<FieldExpr>),
    /// Any value of the event that no column matcher sees (times, rendered text).
    Keyword(Test),
}

/// A test in the form that is fast for many values.
pub(super) enum LazyTest {
    /// A regular expression.
    Regex(Rc<LazyRegex>),
    /// Anything else.
    Plain(Test),
}

/// Where the rows have what is in no column of their type: hosts and rendered text.
pub(super) enum Beside<'a, 's> {
    /// In other tables of the store.
    Tables {
        /// The hosts of the store.
        hosts: &'a Hosts,
        /// The words in messages.
        words: &'a mut MessageWords<'s>,
    },
    /// In columns of their own.
    Columns {
        /// That of the host. Keywords do not ask it: a rule that means the host says so.
        host: ColumnIndex,
        /// That of the rendered text.
        message: ColumnIndex,
        /// The regular expressions of the rules.
        patterns: LazyRegexes,
    },
}

impl Beside<'_, '_> {
    fn patterns(&mut self) -> &mut LazyRegexes {
        match self {
            Self::Tables { words, .. } => &mut words.patterns,
            Self::Columns { patterns, .. } => patterns,
        }
    }

    /// Whether it is known that no row can pass a test on its host.
    fn no_host_passes(&mut self, asked: &Match<FieldExpr>) -> bool {
        match self {
            Self::Tables { hosts, words } => words.no_host_passes(asked, hosts),
            Self::Columns { .. } => false,
        }
    }

    /// The column of a field that no column of the type has.
    fn column(&self, field: &FieldExpr) -> Option<ColumnIndex> {
        match (self, field) {
            (Self::Columns { host, .. }, FieldExpr::Host) => Some(*host),
            (Self::Columns { message, .. }, FieldExpr::Message) => Some(*message),
            _ => None,
        }
    }
}

/// Collects the rules of one event type.
pub(super) struct ProgramBuilder<'a, 's> {
    event_type: &'a EventType,
    beside: Beside<'a, 's>,
    words: FxHashMap<WordId, LeafId>,
    chains: BTreeMap<(ColumnIndex, Vec<FieldFunction>), ChainBuilder>,
    exists: BTreeMap<ColumnIndex, LeafId>,
    keywords: FxHashMap<(Glob, Case), LeafId>,
    leaf_weight: Vec<f64>,
    rules: Vec<RuleProgram>,
    lazy: Vec<LazyLeaf>,
}

#[derive(Default)]
struct ChainBuilder {
    matcher: MatcherBuilder,
    leaves: Vec<Vec<LeafId>>,
    known: FxHashMap<Vec<PatternId>, LeafId>,
}

impl<'a, 's> ProgramBuilder<'a, 's> {
    /// Starts the programs of an event type.
    pub(super) fn new(event_type: &'a EventType, beside: Beside<'a, 's>) -> Self {
        Self {
            event_type,
            beside,
            words: FxHashMap::default(),
            chains: BTreeMap::new(),
            exists: BTreeMap::new(),
            keywords: FxHashMap::default(),
            leaf_weight: Vec::new(),
            rules: Vec::new(),
            lazy: Vec::new(),
        }
    }

    /// Adds a rule's condition on an event of this type.
    ///
    /// # Errors
    /// When a regular expression does not compile.
    pub(super) fn add(&mut self, rule: usize, filter: &Pred<FieldExpr>) -> Result<(), Fault> {
        let node = self.node(filter)?;
        self.rules.push(RuleProgram { rule, node });
        Ok(())
    }

    /// The words that the rules ask of every row.
    pub(super) fn asked_words(&self) -> FxHashSet<WordId> {
        asked_words(&self.rules)
    }

    /// Returns the programs.
    pub(super) fn build(self) -> TypeProgram {
        let mut columns: BTreeMap<ColumnIndex, ColumnProgram> = BTreeMap::new();
        let empty = |column| ColumnProgram { column, exists: None, chains: Vec::new() };
        for (column, leaf) in self.exists {
            columns.entry(column).or_insert_with(|| empty(column)).exists = Some(leaf);
        }
        for ((column, functions), chain) in self.chains {
            let program = ChainProgram { functions, matcher: chain.matcher.build(), leaves: chain.leaves };
            columns.entry(column).or_insert_with(|| empty(column)).chains.push(program);
        }
        for lazy in &self.lazy {
            lazy.each_column(&mut |column| {
                columns.entry(column).or_insert_with(|| empty(column));
            });
        }
        let mut words = self.words;
        let asked = asked_words(&self.rules);
        words.retain(|word, _| asked.contains(word));
        TypeProgram {
            words,
            columns: columns.into_values().collect(),
            leaf_count: self.leaf_weight.len(),
            leaf_weight: self.leaf_weight,
            rules: self.rules,
            lazy: self.lazy,
        }
    }

    fn node(&mut self, pred: &Pred<FieldExpr>) -> Result<ProgramNode, Fault> {
        Ok(match pred {
            Pred::True => ProgramNode::True,
            Pred::False => ProgramNode::False,
            Pred::Not(inner) => ProgramNode::Not(Box::new(self.node(inner)?)),
            Pred::And(parts) => {
                let mut nodes = parts.iter().map(|p| self.node(p)).collect::<Result<Vec<_>, _>>()?;
                // Leaves first and regular expressions last: in most rows an early `false` spares the dear question.
                nodes.sort_by_key(cost);
                ProgramNode::And(nodes)
            }
            Pred::Or(parts) => self.or(parts)?,
            Pred::Match(m) => self.matched(m)?,
            Pred::Compare(compare) => self.lazy(LazyLeaf::Compare(compare.clone())),
            Pred::Keyword { glob, case } => self.keyword(glob, *case),
            Pred::Scalar(scalar) => self.lazy(LazyLeaf::Scalar(scalar.clone())),
            Pred::Subsearch(_) => ProgramNode::False, // a hunt leaves none
        })
    }

    fn or(&mut self, parts: &[Pred<FieldExpr>]) -> Result<ProgramNode, Fault> {
        let mut grouped: BTreeMap<&FieldExpr, Vec<&Match<FieldExpr>>> = BTreeMap::new();
        let mut nodes = Vec::new();
        for part in parts {
            match part {
                // Presence is a leaf of the column, not a pattern on its values: it stays apart.
                Pred::Match(m) if self.is_eager(m) && m.test != Test::Exists => grouped.entry(&m.field).or_default().push(m),
                other => nodes.push(self.node(other)?),
            }
        }
        // Alternatives on one field are one leaf: a list of 300 file names is one entry in the answer and not 300.
        for (field, matches) in grouped {
            nodes.push(self.eager(field, &matches));
        }
        nodes.sort_by_key(cost);
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { ProgramNode::Or(nodes) })
    }

    fn matched(&mut self, m: &Match<FieldExpr>) -> Result<ProgramNode, Fault> {
        // First of all: a keyword asks the host of every event, which lies in another table.
        if m.field == FieldExpr::Host && self.beside.no_host_passes(m) {
            return Ok(ProgramNode::False);
        }
        if self.is_eager(m) {
            return Ok(self.eager(&m.field, &[m]));
        }
        // Negated it is true of messages without the word, and not of events without a message: the late question knows that.
        if let (FieldExpr::Message, Test::Glob { glob, case }, false) = (&m.field, &m.test, m.negated) {
            return Ok(self.word(glob, *case));
        }
        let pattern = if let Test::Regex(pattern) = &m.test { Some(self.beside.patterns().of(pattern)?) } else { None };
        let test = pattern.clone().map_or_else(|| LazyTest::Plain(m.test.clone()), LazyTest::Regex);
        let lazy = self.lazy(LazyLeaf::Test { field: m.field.clone(), test, negated: m.negated });
        match (pattern.as_ref().and_then(|pattern| pattern.literals()), self.column_of(&m.field)) {
            // Not where it is negated: a value without the literal is exactly one that passes.
            (Some(literals), Some(_)) if !m.negated => {
                let tests: Vec<Match<FieldExpr>> = literals.iter().map(|text| contains(&m.field, text)).collect();
                let filter = self.eager(&m.field, &tests.iter().collect::<Vec<_>>());
                Ok(ProgramNode::And(vec![filter, lazy]))
            }
            _ => Ok(lazy),
        }
    }

    fn is_eager(&self, m: &Match<FieldExpr>) -> bool {
        !matches!(m.test, Test::Regex(_)) && self.column_of(&m.field).is_some()
    }

    /// The column and chain of a field that one ordinary column answers.
    fn column_of(&self, field: &FieldExpr) -> Option<(ColumnIndex, Vec<FieldFunction>)> {
        match field {
            FieldExpr::Column(index) => {
                let timed = matches!(self.event_type.column(*index).encoding, Encoding::Time(_));
                (!timed).then(|| (*index, Vec::new()))
            }
            // Functions of a whole list cannot be answered member by member.
            FieldExpr::Apply(FieldFunction::FirstMember | FieldFunction::LastMember, _) => None,
            FieldExpr::Apply(function, inner) => {
                let (index, mut chain) = self.column_of(inner)?;
                chain.push(function.clone());
                Some((index, chain))
            }
            other => self.beside.column(other).map(|index| (index, Vec::new())),
        }
    }

    fn eager(&mut self, field: &FieldExpr, matches: &[&Match<FieldExpr>]) -> ProgramNode {
        let key = self.column_of(field).expect("only eager matches come here");
        if let ([m], true) = (matches, key.1.is_empty())
            && m.test == Test::Exists
        {
            return if m.negated { ProgramNode::False } else { self.exists(key.0) };
        }
        let chain = self.chains.entry(key).or_default();
        let mut patterns: Vec<PatternId> = matches.iter().map(|m| chain.matcher.add(&m.test, m.negated)).collect();
        patterns.sort_unstable();
        patterns.dedup();
        chain.leaves.resize(chain.matcher.len(), Vec::new());
        if let Some(leaf) = chain.known.get(&patterns) {
            return ProgramNode::Leaf(*leaf);
        }
        let leaf = u32::try_from(self.leaf_weight.len()).expect("fewer than 2^32 leaves");
        self.leaf_weight.push(matches.iter().map(|m| weight(m)).sum());
        for pattern in &patterns {
            chain.leaves[*pattern as usize].push(leaf);
        }
        chain.known.insert(patterns, leaf);
        ProgramNode::Leaf(leaf)
    }

    fn exists(&mut self, column: ColumnIndex) -> ProgramNode {
        let next = u32::try_from(self.leaf_weight.len()).expect("fewer than 2^32 leaves");
        let leaf = *self.exists.entry(column).or_insert(next);
        if leaf == next {
            self.leaf_weight.push(1.0);
        }
        ProgramNode::Leaf(leaf)
    }

    fn keyword(&mut self, glob: &Glob, case: Case) -> ProgramNode {
        let leaf = match self.keywords.get(&(glob.clone(), case)) {
            Some(leaf) => *leaf,
            None => {
                let leaf = u32::try_from(self.leaf_weight.len()).expect("fewer than 2^32 leaves");
                // Below any field's guess for a short text: a keyword asks all columns, but words of rules are rare in logs.
                self.leaf_weight.push(0.05);
                self.keywords.insert((glob.clone(), case), leaf);
                self.keyword_patterns(glob, case, leaf);
                leaf
            }
        };
        let test = Test::Glob { glob: glob.clone(), case };
        let timed = self.event_type.columns.iter().any(|c| matches!(c.encoding, Encoding::Time(_)));
        // Times have digits and punctuation only; for all other keywords the event need not be read.
        let rest = if timed && may_match_a_time(glob) {
            self.lazy(LazyLeaf::Keyword(test))
        } else if self.event_type.has_messages {
            self.word(glob, case)
        } else {
            return ProgramNode::Leaf(leaf);
        };
        ProgramNode::Or(vec![ProgramNode::Leaf(leaf), rest])
    }

    /// A word in the rendered text alone.
    fn word(&mut self, glob: &Glob, case: Case) -> ProgramNode {
        let words = match &mut self.beside {
            Beside::Tables { words, .. } if self.event_type.has_messages => words,
            _ => return ProgramNode::False,
        };
        let id = words.id(glob, case);
        let next = u32::try_from(self.leaf_weight.len()).expect("fewer than 2^32 leaves");
        let leaf = *self.words.entry(id).or_insert(next);
        if leaf == next {
            self.leaf_weight.push(WORD_FREQUENCY);
        }
        ProgramNode::Word(Word { id, leaf })
    }

    fn keyword_patterns(&mut self, glob: &Glob, case: Case, leaf: LeafId) {
        let test = Test::Glob { glob: glob.clone(), case };
        let host = self.beside.column(&FieldExpr::Host);
        for (index, column) in (0..).map(ColumnIndex).zip(&self.event_type.columns) {
            if matches!(column.encoding, Encoding::Time(_)) || Some(index) == host {
                continue;
            }
            let chain = self.chains.entry((index, Vec::new())).or_default();
            let pattern = chain.matcher.add(&test, false);
            chain.leaves.resize(chain.matcher.len(), Vec::new());
            chain.leaves[pattern as usize].push(leaf);
        }
    }

    fn lazy(&mut self, leaf: LazyLeaf) -> ProgramNode {
        self.lazy.push(leaf);
        ProgramNode::Lazy(u32::try_from(self.lazy.len() - 1).expect("fewer than 2^32 lazy leaves"))
    }
}

impl LazyLeaf {
    /// Calls `visit` for every column that the scan must read for the leaf. A test of anything but one column is asked
    /// so rarely that the event is read for it; an expression may stand alone and be asked of every event.
    fn each_column(&self, visit: &mut dyn FnMut(ColumnIndex)) {
        match self {
            Self::Test { field: FieldExpr::Column(index), .. } => visit(*index),
            Self::Scalar(scalar) => scalar.each_field(&mut |field| field.each_column(visit)),
            Self::Test { .. } | Self::Compare(_) | Self::Keyword(_) => {}
        }
    }
}

fn contains(field: &FieldExpr, text: &str) -> Match<FieldExpr> {
    let glob = Glob::literal(text.to_owned()).contains();
    Match { field: field.clone(), test: Test::Glob { glob, case: Case::Ignore }, negated: false, span: 0..0 }
}

/// Whether a value spelled as a time (digits and punctuation) could match.
fn may_match_a_time(glob: &Glob) -> bool {
    glob.parts().iter().all(|part| match part {
        Part::Text(text) => text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | ' ' | 't' | 'T' | 'z' | 'Z')),
        Part::Any | Part::One => true,
    })
}

/// A guess at how often a test is true, before anything is seen.
fn weight(m: &Match<FieldExpr>) -> f64 {
    let length = match &m.test {
        Test::Glob { glob, .. } => glob.parts().iter().map(|p| if let Part::Text(t) = p { t.len() } else { 0 }).sum::<usize>(),
        // Present fields are the rule, so presence is the worst trigger there is.
        Test::Exists => return 1.0,
        // Addresses and numbers: rarer than presence, more common than a long text.
        _ => return 0.2,
    };
    // Halved and then a fifth less per letter: only the order counts, and it is put right by what the first rows show.
    if m.negated { 0.9 } else { 0.5 * 0.8_f64.powi(i32::try_from(length.min(60)).expect("at most 60")) }
}

/// Orders the parts of a condition: what is known first, what must be asked last.
fn cost(node: &ProgramNode) -> u32 {
    match node {
        ProgramNode::True | ProgramNode::False | ProgramNode::Leaf(_) => 0,
        // Far above what the leaves of a rule sum up to: many cheap questions still come before one dear one.
        ProgramNode::Lazy(_) => 1_000,
        // Dearer than leaves where messages are read late; cheaper than what must be asked of each event.
        ProgramNode::Word(_) => 500,
        ProgramNode::Not(inner) => 1 + cost(inner),
        ProgramNode::And(parts) | ProgramNode::Or(parts) => parts.iter().map(cost).fold(1, u32::saturating_add),
    }
}

/// The words that rules must know of every row: those among their triggers, and all of a rule that has no triggers.
// No others: a word that stands in every third message costs more than it tells where its rule looks at few rows anyway.
fn asked_words(rules: &[RuleProgram]) -> FxHashSet<WordId> {
    let mut asked = FxHashSet::default();
    for rule in rules {
        let mut words = Vec::new();
        rule.node.each_word(&mut |word| words.push(word));
        if words.is_empty() {
            continue;
        }
        let triggers = triggers(&rule.node, &|_| 0.0, &|_| true);
        let is_asked = |word: &Word| triggers.as_ref().is_none_or(|(_, leaves)| leaves.contains(&word.leaf));
        asked.extend(words.iter().filter(|word| is_asked(word)).map(|word| word.id));
    }
    asked
}

impl ProgramNode {
    fn each_word(&self, visit: &mut dyn FnMut(Word)) {
        match self {
            Self::Word(word) => visit(*word),
            Self::Not(inner) => inner.each_word(visit),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.each_word(visit)),
            Self::True | Self::False | Self::Leaf(_) | Self::Lazy(_) => {}
        }
    }
}

/// The triggers of a condition with their summed frequency; `None` where it can be true without any leaf. `is_asked` tells which words
/// are known of every row: no other is a trigger.
pub(super) fn triggers(
    node: &ProgramNode,
    frequency: &dyn Fn(LeafId) -> f64,
    is_asked: &dyn Fn(WordId) -> bool,
) -> Option<(f64, Vec<LeafId>)> {
    match node {
        ProgramNode::False => Some((0.0, Vec::new())),
        ProgramNode::Leaf(leaf) => Some((frequency(*leaf), vec![*leaf])),
        // However rare a word is: to know of every row whether it holds it, all messages must be read.
        ProgramNode::Word(word) if is_asked(word.id) => Some((WORD_FREQUENCY, vec![word.leaf])),
        // These can be true in a row that holds no leaf of the rule.
        ProgramNode::True | ProgramNode::Word(_) | ProgramNode::Lazy(_) | ProgramNode::Not(_) => None,
        // One part of a conjunction is enough: the rarest one.
        ProgramNode::And(parts) => parts.iter().filter_map(|p| triggers(p, frequency, is_asked)).min_by(|a, b| a.0.total_cmp(&b.0)),
        ProgramNode::Or(parts) => {
            let mut all = (0.0, Vec::new());
            for part in parts {
                let (sum, leaves) = triggers(part, frequency, is_asked)?;
                all.0 += sum;
                all.1.extend(leaves);
            }
            Some(all)
        }
    }
}
