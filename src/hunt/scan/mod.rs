//! One scan per event type decides, for all rules at once, which events they match.
//!
//! Logs repeat themselves, so a column's patterns are answered once per distinct value: the first time a value
//! id appears in a column, its text is fetched and goes through the column's [`matcher`]; the answer (the leaves
//! it makes true) is kept. A row is then the union of a few short lists, and only the rules triggered by one of
//! those leaves are evaluated. Text stored inline goes through the matcher each time.
//!
//! The result is exact. What is dear (regular expressions, expressions, two fields compared) is asked last.

mod answers;
mod ends;
mod gate;
mod literal;
mod literals;
mod matcher;
mod pattern;
mod program;
mod row;
mod words;

use std::cell::RefCell;
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use self::answers::{Answers, NOTHING};
use self::program::{LeafId, ProgramBuilder, ProgramNode, TypeProgram, triggers};
use self::row::{AnswerError, RowContext, RowsContext};
use self::words::Reach;
pub(super) use self::words::{MessageWords, NotedWords};
use super::HuntError;
use super::hosts::Hosts;
use crate::cancel::Cancel;
use crate::catalog::{ColumnIndex, Encoding, EventId, EventType, ValueId};
use crate::exec::{Context, Fault};
use crate::ir::Pred;
use crate::plan::{FieldExpr, FieldFunction};
use crate::store::{EventRange, MessagePlace, RawCell, Store, StoredValue};

/// Answers kept per column before they are forgotten and asked again.
// Some 70 MB a column at most. Logs with more distinct values than that do not repeat them soon.
const MAX_KNOWN_VALUES: usize = 2_000_000;
/// Rows after which triggers are chosen anew from what was seen.
// Enough rows to tell rare leaves from common ones; before, guesses by length choose, and they cost only these rows.
const ROWS_BEFORE_TUNING: u64 = 4_096;

/// One rule's condition on the scanned event type.
pub(super) struct ScanRule<'a> {
    /// Index of the rule in the hunt.
    pub(super) rule: usize,
    /// Its condition.
    pub(super) filter: &'a Pred<FieldExpr>,
}

/// What the scans of a hunt share.
pub(super) struct ScanWith<'a> {
    /// What expressions ask beside the row.
    pub(super) context: &'a Context,
    /// The hosts of the store.
    pub(super) hosts: &'a Hosts,
    /// Stops a scan.
    pub(super) cancel: &'a Cancel,
    /// How many scans may run at a time.
    pub(super) jobs: usize,
    /// A part of a type has at least so many events.
    pub(super) part_events: u64,
}

/// What a scan did.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Rows read.
    pub(super) rows: u64,
    /// Whether all rows were read: not where the hunt was asked to stop.
    pub(super) is_whole: bool,
    /// Rules that could not go on, each once; what was reported of them is not all.
    pub(super) failed: Vec<(usize, Fault)>,
}

/// Scans the events of a type in a range and reports each (rule, event) that matches, events ascending.
///
/// # Errors
/// When the store cannot be read or an automaton grows too large. A rule that fails is in the result.
pub(super) fn scan(
    store: &Store,
    event_type: &EventType,
    rules: &[ScanRule<'_>],
    range: EventRange,
    (with, words): (&ScanWith<'_>, &RefCell<MessageWords<'_>>),
    matched: &mut dyn FnMut(usize, EventId),
) -> Result<Scanned, HuntError> {
    let mut message_words = words.borrow_mut();
    let mut builder = ProgramBuilder::new(event_type, with.hosts, &mut message_words);
    let mut failed = Vec::new();
    for rule in rules {
        // A rule whose expression does not compile fails here, alone; the scan goes on without it.
        if let Err(fault) = builder.add(rule.rule, rule.filter) {
            failed.push((rule.rule, fault));
        }
    }
    let program = builder.build()?;
    message_words.ask(event_type, program.words.keys().copied());
    let reach = message_words.reach(program.words.keys().copied());
    drop(message_words);
    let columns: Vec<ColumnIndex> = program.columns.iter().map(|c| c.column).collect();
    let asks_words = !program.words.is_empty();
    let needs_places = asks_words && !(reach == Reach::Many && words.borrow().knows_events());
    let mut scanner = Scanner::new(RowsContext { store, event_type, context: with.context, words }, program, reach);
    scanner.failed = failed;
    let (mut failure, mut is_whole) = (None, true);
    let mut visit = |event, message, cells: &[RawCell<'_>]| match scanner.row(event, message, cells, matched) {
        Ok(()) if with.cancel.is_cancelled() => {
            is_whole = false;
            Ok(ControlFlow::Break(()))
        }
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) => {
            failure = Some(error);
            Ok(ControlFlow::Break(()))
        }
    };
    // Only where they are asked for: the place of a message is a look-up a row.
    if needs_places {
        store.scan_with_messages(event_type, &columns, range, &mut visit)?;
    } else {
        store.scan(event_type, &columns, range, &mut |event, cells| visit(event, None, cells))?;
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Scanned { rows: scanner.rows, is_whole, failed: scanner.failed }),
    }
}

struct Scanner<'a, 's> {
    shared: RowsContext<'a, 's>,
    program: TypeProgram,
    /// How many events the words are asked of that are asked of every row.
    reach: Reach,
    failed: Vec<(usize, Fault)>,
    /// Position in `program.columns` → what its values answer.
    known: Vec<KnownValues>,
    answers: Answers,
    /// Leaf → the last row that held it.
    held: Vec<u32>,
    /// Leaf → how many rows held it.
    seen: Vec<u32>,
    /// Leaf → rules it triggers (indices into `program.rules`).
    triggered: Vec<Vec<u32>>,
    /// Rules without triggers.
    always: Vec<u32>,
    /// Rule → the last row it was evaluated on.
    evaluated: Vec<u32>,
    row_number: u32,
    rows: u64,
    tuned: bool,
    lazy_known: row::LazyAnswers,
    scratch: Scratch,
}

#[derive(Default)]
struct KnownValues {
    by_value: FxHashMap<i64, u32>,
    by_number: FxHashMap<i64, u32>,
}

#[derive(Default)]
struct Scratch {
    patterns: Vec<u32>,
    leaves: Vec<LeafId>,
    number: String,
    due: Vec<u32>,
}

impl<'a, 's> Scanner<'a, 's> {
    fn new(shared: RowsContext<'a, 's>, program: TypeProgram, reach: Reach) -> Self {
        let mut scanner = Self {
            shared,
            reach,
            failed: Vec::new(),
            known: program.columns.iter().map(|_| KnownValues::default()).collect(),
            answers: Answers::new(),
            held: vec![0; program.leaf_count],
            seen: vec![0; program.leaf_count],
            triggered: Vec::new(),
            always: Vec::new(),
            evaluated: vec![0; program.rules.len()],
            row_number: 0,
            rows: 0,
            tuned: false,
            lazy_known: row::LazyAnswers::default(),
            scratch: Scratch::default(),
            program,
        };
        scanner.choose_triggers();
        scanner
    }

    /// Chooses each rule's triggers: by what was seen so far, else by what looks rare.
    fn choose_triggers(&mut self) {
        let rows = f64::from(u32::try_from(self.rows).unwrap_or(u32::MAX));
        let frequency = |leaf: LeafId| {
            let guess = self.program.leaf_weight[leaf as usize];
            // A leaf that was not seen yet counts as rare, not as impossible: among those the guess still orders.
            if rows == 0.0 { guess } else { f64::from(self.seen[leaf as usize]) + guess.min(1.0) }
        };
        self.triggered = vec![Vec::new(); self.program.leaf_count];
        self.always.clear();
        for (index, rule) in (0..).zip(&self.program.rules) {
            match triggers(&rule.node, &frequency, &|word| self.program.words.contains_key(&word)) {
                Some((_, leaves)) => leaves.into_iter().for_each(|leaf| self.triggered[leaf as usize].push(index)),
                None => self.always.push(index),
            }
        }
    }

    fn row(
        &mut self,
        event: EventId,
        message: Option<MessagePlace>,
        cells: &[RawCell<'_>],
        matched: &mut dyn FnMut(usize, EventId),
    ) -> Result<(), HuntError> {
        self.next_row();
        let mut due = std::mem::take(&mut self.scratch.due);
        due.clear();
        for (position, cell) in cells.iter().enumerate() {
            if let RawCell::Null = cell {
                continue;
            }
            if let Some(leaf) = self.program.columns[position].exists {
                self.hold(leaf, &mut due);
            }
            if self.program.columns[position].chains.is_empty() {
                continue;
            }
            if let RawCell::Text(text) = cell {
                // Text that stands in the row itself does not repeat, and neither does what it answers: nothing of that is kept.
                self.find_leaves(position, &[text]);
                let leaves = std::mem::take(&mut self.scratch.leaves);
                leaves.iter().for_each(|leaf| self.hold(*leaf, &mut due));
                self.scratch.leaves = leaves;
                continue;
            }
            let answer = self.answer(position, cell)?;
            if answer != NOTHING {
                let leaves = self.answers.take(answer);
                leaves.iter().for_each(|leaf| self.hold(*leaf, &mut due));
                self.answers.put_back(answer, leaves);
            }
        }
        if !self.program.words.is_empty() {
            self.hold_words(event, message, &mut due)?;
        }
        due.extend_from_slice(&self.always);
        let row = RowContext::new(&self.shared, event, cells, &self.program);
        let mut failures = Vec::new();
        for index in &due {
            let rule = &self.program.rules[*index as usize];
            match row.holds(&rule.node, &self.held, self.row_number, &mut self.lazy_known) {
                Ok(true) => matched(rule.rule, event),
                Ok(false) => {}
                Err(AnswerError::Hunt(error)) => return Err(error),
                Err(AnswerError::Rule(fault)) => failures.push((*index, fault)),
            }
        }
        self.scratch.due = due;
        for (index, fault) in failures {
            // From here on it matches nothing.
            let rule = &mut self.program.rules[index as usize];
            rule.node = ProgramNode::False;
            self.failed.push((rule.rule, fault));
        }
        Ok(())
    }

    fn hold_words(&mut self, event: EventId, message: Option<MessagePlace>, due: &mut Vec<u32>) -> Result<(), HuntError> {
        let mut words = self.shared.words.borrow_mut();
        let of_message = match message {
            Some(message) => words.of(message, self.reach)?,
            None => words.of_event(event),
        };
        for word in of_message {
            // Words that no rule asks of this event type have no leaf.
            if let Some(leaf) = self.program.words.get(word).copied() {
                self.hold(leaf, due);
            }
        }
        Ok(())
    }

    fn next_row(&mut self) {
        self.rows += 1;
        // Row numbers stand for "in this row": they are not cleared row by row, so before they repeat all marks must go.
        if self.row_number == u32::MAX {
            self.held.fill(0);
            self.evaluated.fill(0);
            self.row_number = 0;
        }
        self.row_number += 1;
        if !self.tuned && self.rows > ROWS_BEFORE_TUNING {
            self.choose_triggers();
            self.tuned = true;
        }
    }

    /// Notes that the row holds a leaf; the rules it triggers become due, each once.
    fn hold(&mut self, leaf: LeafId, due: &mut Vec<u32>) {
        let index = leaf as usize;
        if self.held[index] == self.row_number {
            return;
        }
        self.held[index] = self.row_number;
        self.seen[index] = self.seen[index].saturating_add(1);
        for rule in &self.triggered[index] {
            let last = &mut self.evaluated[*rule as usize];
            if *last != self.row_number {
                *last = self.row_number;
                due.push(*rule);
            }
        }
    }

    /// The number of the set of leaves that a cell makes true.
    fn answer(&mut self, position: usize, cell: &RawCell<'_>) -> Result<u32, HuntError> {
        let encoding = self.shared.event_type.column(self.program.columns[position].column).encoding;
        match (cell, encoding) {
            (RawCell::Text(text), _) => Ok(self.ask_texts(position, &[text])),
            (RawCell::Int(id), Encoding::Dictionary) => self.ask_value(position, *id),
            (RawCell::Value(id), _) => self.ask_value(position, id.0),
            (RawCell::Int(number), Encoding::Inline) => Ok(self.ask_number(position, *number)),
            // A time is kept as a difference and has no text of its own: the row's late questions answer it.
            (RawCell::Null, _) | (RawCell::Int(_), Encoding::Time(_)) => Ok(0),
        }
    }

    fn ask_number(&mut self, position: usize, number: i64) -> u32 {
        if let Some(answer) = self.known[position].by_number.get(&number) {
            return *answer;
        }
        let mut text = std::mem::take(&mut self.scratch.number);
        text.clear();
        text.push_str(&number.to_string());
        let answer = self.ask_texts(position, &[&text]);
        self.scratch.number = text;
        remember(&mut self.known[position].by_number, number, answer);
        answer
    }

    fn ask_value(&mut self, position: usize, id: i64) -> Result<u32, HuntError> {
        if let Some(answer) = self.known[position].by_value.get(&id) {
            return Ok(*answer);
        }
        let answer = match self.shared.store.value(ValueId(id))? {
            StoredValue::Text(text) => self.ask_texts(position, &[&text]),
            StoredValue::List(members) => {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                self.ask_texts(position, &members)
            }
        };
        remember(&mut self.known[position].by_value, id, answer);
        Ok(answer)
    }

    fn ask_texts(&mut self, position: usize, members: &[&str]) -> u32 {
        self.find_leaves(position, members);
        self.answers.number(&mut self.scratch.leaves)
    }

    /// Collects the leaves that the members of a value make true, in no order and with repetitions.
    fn find_leaves(&mut self, position: usize, members: &[&str]) {
        let scratch = &mut self.scratch;
        scratch.leaves.clear();
        for chain in &mut self.program.columns[position].chains {
            for member in members {
                scratch.patterns.clear();
                match apply_all(&chain.functions, member) {
                    Some(text) => chain.matcher.matches(&text, &mut scratch.patterns),
                    None => continue,
                }
                for pattern in &scratch.patterns {
                    scratch.leaves.extend_from_slice(&chain.leaves[*pattern as usize]);
                }
            }
        }
    }
}

fn remember(known: &mut FxHashMap<i64, u32>, key: i64, answer: u32) {
    if known.len() >= MAX_KNOWN_VALUES {
        known.clear();
    }
    known.insert(key, answer);
}

/// Applies a chain of functions, innermost first.
fn apply_all<'a>(functions: &[FieldFunction], value: &'a str) -> Option<std::borrow::Cow<'a, str>> {
    let mut text = std::borrow::Cow::Borrowed(value);
    for function in functions {
        text = std::borrow::Cow::Owned(function.apply(&text)?.into_owned());
    }
    Some(text)
}
