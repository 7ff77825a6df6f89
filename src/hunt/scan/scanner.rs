//! The rules of one type at work: which leaves a row holds, which rules that makes due, and which of these hold.

use super::answers::{Answers, NOTHING};
use super::known::{CellNumber, KnownAnswers};
use super::program::{LeafId, ProgramNode, TypeProgram, triggers};
use super::row::{AnswerError, LazyAnswers, RowContext, RowsContext};
use super::source::ScanSource;
use super::words::Reach;
use crate::catalog::{ColumnIndex, Encoding, EventId, ValueId};
use crate::exec::Fault;
use crate::hunt::HuntError;
use crate::plan::FieldFunction;
use crate::store::{MessagePlace, RawCell, StoredValue};

/// Rows after which triggers are chosen anew from what was seen.
// Enough rows to tell rare leaves from common ones; before, guesses by length choose, and they cost only these rows.
const ROWS_BEFORE_TUNING: u64 = 4_096;

/// See the module.
pub(super) struct Scanner<'a, 's> {
    shared: RowsContext<'a, 's>,
    program: TypeProgram,
    /// How many events the words are asked of that are asked of every row.
    reach: Reach,
    /// Rules that could not go on.
    pub(super) failed: Vec<(usize, Fault)>,
    /// By position in `program.columns`: what is asked of its cells.
    asked: Vec<AskedCell>,
    /// By the same: what its values answer.
    known: KnownAnswers,
    /// Of so many scans at a time this is one.
    scans: usize,
    answers: Answers,
    /// Leaf → the last row that held it.
    held: Vec<u32>,
    /// Leaf → how many rows held it.
    seen: Vec<u32>,
    /// Leaf → rules it triggers (indices into `program.rules`).
    triggered: Vec<Vec<u32>>,
    /// Rules without triggers.
    always: Vec<u32>,
    /// Positions of the columns that triggers are asked of.
    telling: Vec<usize>,
    /// Those of the others.
    silent: Vec<usize>,
    /// Rule → the last row it was evaluated on.
    evaluated: Vec<u32>,
    row_number: u32,
    /// Rows that were read.
    pub(super) rows: u64,
    tuned: bool,
    lazy_known: LazyAnswers,
    scratch: Scratch,
}

/// What a scan asks of the cells of one column: together, because it is looked up for each of them.
#[derive(Clone, Copy)]
struct AskedCell {
    encoding: Encoding,
    /// See [`super::program::ColumnProgram::exists`].
    exists: Option<LeafId>,
    /// Whether the value is asked for anything.
    has_patterns: bool,
}

#[derive(Default)]
struct Scratch {
    patterns: Vec<u32>,
    leaves: Vec<LeafId>,
    number: String,
    due: Vec<u32>,
}

impl<'a, 's> Scanner<'a, 's> {
    /// Starts with no row seen, as one of so many scans at a time.
    pub(super) fn new(shared: RowsContext<'a, 's>, program: TypeProgram, reach: Reach, scans: usize) -> Self {
        let asked = program.columns.iter().map(|column| AskedCell {
            encoding: shared.event_type.column(column.column).encoding,
            exists: column.exists,
            has_patterns: !column.chains.is_empty(),
        });
        let mut scanner = Self {
            asked: asked.collect(),
            shared,
            reach,
            failed: Vec::new(),
            known: KnownAnswers::new(program.columns.len(), scans),
            scans,
            answers: Answers::new(),
            held: vec![0; program.leaf_count],
            seen: vec![0; program.leaf_count],
            triggered: Vec::new(),
            always: Vec::new(),
            telling: Vec::new(),
            silent: Vec::new(),
            evaluated: vec![0; program.rules.len()],
            row_number: 0,
            rows: 0,
            tuned: false,
            lazy_known: LazyAnswers::default(),
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
        // Until the first rows were seen, all columns tell: how often each leaf is held chooses the triggers.
        let is_telling =
            |position: &usize| rows == 0.0 || self.program.columns[*position].any_leaf(&|leaf| !self.triggered[leaf as usize].is_empty());
        (self.telling, self.silent) = (0..self.program.columns.len()).partition(is_telling);
    }

    /// Whether some columns need not be read to know whether a rule is due.
    pub(super) fn has_silent_columns(&self) -> bool {
        self.tuned && !self.silent.is_empty()
    }

    /// The columns that tell whether a rule is due, ascending.
    pub(super) fn telling_columns(&self) -> Vec<ColumnIndex> {
        self.telling.iter().map(|position| self.program.columns[*position].column).collect()
    }

    /// All columns, ascending.
    pub(super) fn columns(&self) -> Vec<ColumnIndex> {
        self.program.columns.iter().map(|column| column.column).collect()
    }

    /// Forgets what values answered: from here on their numbers stand for others.
    pub(super) fn forget(&mut self) {
        self.known = KnownAnswers::new(self.program.columns.len(), self.scans);
        self.answers = Answers::new();
        self.lazy_known = LazyAnswers::default();
    }

    /// Begins a range of events. Nothing may be written to their store until it ends.
    pub(super) fn begin(&self) {
        self.shared.source.begin();
    }

    /// Ends it.
    pub(super) fn end(&self) {
        self.shared.source.end();
    }

    /// Judges a row of all columns.
    pub(super) fn row(
        &mut self,
        event: EventId,
        message: Option<MessagePlace>,
        cells: &[RawCell<'_>],
        matched: &mut dyn FnMut(usize, EventId),
    ) -> Result<(), HuntError> {
        self.next_row();
        let mut due = std::mem::take(&mut self.scratch.due);
        due.clear();
        for place in 0..self.telling.len() {
            let position = self.telling[place];
            self.hold_cell(position, &cells[position], &mut due)?;
        }
        self.hold_others(event, message, &mut due)?;
        let is_due = !due.is_empty();
        self.scratch.due = due;
        if is_due { self.due_row(event, cells, matched) } else { Ok(()) }
    }

    /// Whether a row makes a rule due; `cells` are those of [`Self::telling_columns`]. Then it is judged by [`Self::due_row`].
    pub(super) fn is_due(&mut self, event: EventId, cells: &[RawCell<'_>]) -> Result<bool, HuntError> {
        self.next_row();
        let mut due = std::mem::take(&mut self.scratch.due);
        due.clear();
        for (place, cell) in cells.iter().enumerate() {
            self.hold_cell(self.telling[place], cell, &mut due)?;
        }
        self.hold_others(event, None, &mut due)?;
        let is_due = !due.is_empty();
        self.scratch.due = due;
        Ok(is_due)
    }

    /// Judges the rules that a row has made due; `cells` are those of all columns.
    pub(super) fn due_row(
        &mut self,
        event: EventId,
        cells: &[RawCell<'_>],
        matched: &mut dyn FnMut(usize, EventId),
    ) -> Result<(), HuntError> {
        let mut due = std::mem::take(&mut self.scratch.due);
        // No rule becomes due by these: they are asked only where one is.
        for place in 0..self.silent.len() {
            let position = self.silent[place];
            self.hold_cell(position, &cells[position], &mut due)?;
        }
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

    /// Notes what makes rules due beside cells.
    fn hold_others(&mut self, event: EventId, message: Option<MessagePlace>, due: &mut Vec<u32>) -> Result<(), HuntError> {
        if !self.program.words.is_empty() {
            self.hold_words(event, message, due)?;
        }
        due.extend_from_slice(&self.always);
        Ok(())
    }

    /// Notes what a cell makes true.
    fn hold_cell(&mut self, position: usize, cell: &RawCell<'_>, due: &mut Vec<u32>) -> Result<(), HuntError> {
        if let RawCell::Null = cell {
            return Ok(());
        }
        let asked = self.asked[position];
        if let Some(leaf) = asked.exists {
            self.hold(leaf, due);
        }
        if !asked.has_patterns {
            return Ok(());
        }
        if let RawCell::Text(text) = cell {
            // Text that stands in the row itself does not repeat, and neither does what it answers: nothing of that is kept.
            self.find_leaves(position, &[text]);
            let leaves = std::mem::take(&mut self.scratch.leaves);
            leaves.iter().for_each(|leaf| self.hold(*leaf, due));
            self.scratch.leaves = leaves;
            return Ok(());
        }
        let answer = self.answer(position, cell, asked.encoding)?;
        if answer != NOTHING {
            let leaves = self.answers.take(answer);
            leaves.iter().for_each(|leaf| self.hold(*leaf, due));
            self.answers.put_back(answer, leaves);
        }
        Ok(())
    }

    fn hold_words(&mut self, event: EventId, message: Option<MessagePlace>, due: &mut Vec<u32>) -> Result<(), HuntError> {
        // A row that brings its text has it in a column: no word is asked of it.
        let ScanSource::Store { words, .. } = &self.shared.source else { return Ok(()) };
        let mut words = words.borrow_mut();
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
    fn answer(&mut self, position: usize, cell: &RawCell<'_>, encoding: Encoding) -> Result<u32, HuntError> {
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
        let cell = CellNumber::Plain(number);
        if let Some(answer) = self.known.get(position, cell) {
            return answer;
        }
        let mut text = std::mem::take(&mut self.scratch.number);
        text.clear();
        text.push_str(&number.to_string());
        let answer = self.ask_texts(position, &[&text]);
        self.scratch.number = text;
        self.known.insert(position, cell, answer);
        answer
    }

    fn ask_value(&mut self, position: usize, id: i64) -> Result<u32, HuntError> {
        let cell = CellNumber::Value(id);
        if let Some(answer) = self.known.get(position, cell) {
            return Ok(answer);
        }
        let answer = match self.shared.source.value(ValueId(id))? {
            StoredValue::Text(text) => self.ask_texts(position, &[&text]),
            StoredValue::List(members) => {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                self.ask_texts(position, &members)
            }
        };
        self.known.insert(position, cell, answer);
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

/// Applies a chain of functions, innermost first.
fn apply_all<'a>(functions: &[FieldFunction], value: &'a str) -> Option<std::borrow::Cow<'a, str>> {
    let mut text = std::borrow::Cow::Borrowed(value);
    for function in functions {
        text = std::borrow::Cow::Owned(function.apply(&text)?.into_owned());
    }
    Some(text)
}
