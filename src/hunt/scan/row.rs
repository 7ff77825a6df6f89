//! Evaluates a rule's condition on one row: held leaves first, lazy leaves only where the condition still asks.

use std::cell::{OnceCell, RefCell};

use rustc_hash::FxHashMap;

use super::program::{LazyLeaf, LazyTest, ProgramNode, TypeProgram, Word};
use super::source::ScanSource;
use crate::catalog::{ColumnIndex, Encoding, EventId, EventType, ValueId};
use crate::exec::{self, Context, Fault, Fields, evaluate};
use crate::hunt::HuntError;
use crate::hunt::field::{EventFields, all_values, cell_of, field_cell};
use crate::ir::Test;
use crate::plan::FieldExpr;
use crate::store::{MessagePlace, RawCell, StoreError, StoredEvent, StoredValue};

/// Lazy answers kept before they are forgotten.
// 24 bytes each: some 50 MB with the table's own room.
const MAX_LAZY_KNOWN: usize = 1_000_000;

/// Values that expressions asked for, kept before they are forgotten.
// A cell holds its text: far dearer than an answer, so far fewer.
const MAX_KNOWN_CELLS: usize = 200_000;

/// What earlier rows of the scan have told.
#[derive(Default)]
pub(super) struct LazyAnswers {
    /// (lazy leaf, value) → its answer.
    answers: FxHashMap<(u32, i64), bool>,
    /// Values as expressions see them.
    cells: RefCell<FxHashMap<i64, exec::Cell>>,
}

/// Why a condition could not be answered.
#[derive(Debug)]
pub(super) enum AnswerError {
    /// The store failed, or an automaton grew too large: nothing can go on.
    Hunt(HuntError),
    /// The rule failed: the others go on.
    Rule(Fault),
}

impl From<StoreError> for AnswerError {
    fn from(error: StoreError) -> Self {
        Self::Hunt(error.into())
    }
}

impl From<HuntError> for AnswerError {
    fn from(error: HuntError) -> Self {
        Self::Hunt(error)
    }
}

/// What the rows of a scan share.
pub(super) struct RowsContext<'a, 's> {
    /// Where they lie.
    pub(super) source: ScanSource<'a, 's>,
    /// The type of the events.
    pub(super) event_type: &'a EventType,
    /// What expressions ask beside the row.
    pub(super) context: &'a Context,
}

/// One row while its rules are evaluated.
pub(super) struct RowContext<'a, 's> {
    shared: &'a RowsContext<'a, 's>,
    event: EventId,
    cells: &'a [RawCell<'a>],
    program: &'a TypeProgram,
    /// The whole event, fetched when a lazy leaf first needs it.
    stored: OnceCell<StoredEvent>,
    /// The same for its rendered text, and for where that lies.
    message: OnceCell<exec::Cell>,
    message_place: OnceCell<Option<MessagePlace>>,
}

impl<'a, 's> RowContext<'a, 's> {
    /// Starts a row.
    pub(super) fn new(shared: &'a RowsContext<'a, 's>, event: EventId, cells: &'a [RawCell<'a>], program: &'a TypeProgram) -> Self {
        Self { shared, event, cells, program, stored: OnceCell::new(), message: OnceCell::new(), message_place: OnceCell::new() }
    }

    /// Whether the condition holds: a leaf does when `held[leaf]` is `row_number`.
    pub(super) fn holds(&self, node: &ProgramNode, held: &[u32], row_number: u32, known: &mut LazyAnswers) -> Result<bool, AnswerError> {
        Ok(match node {
            ProgramNode::True => true,
            ProgramNode::False => false,
            ProgramNode::Leaf(leaf) => held[*leaf as usize] == row_number,
            ProgramNode::Lazy(lazy) => self.lazy(*lazy, known)?,
            ProgramNode::Word(word) if self.program.words.contains_key(&word.id) => held[word.leaf as usize] == row_number,
            ProgramNode::Word(word) => self.word(*word)?,
            ProgramNode::Not(inner) => !self.holds(inner, held, row_number, known)?,
            ProgramNode::And(parts) => {
                for part in parts {
                    if !self.holds(part, held, row_number, known)? {
                        return Ok(false);
                    }
                }
                true
            }
            ProgramNode::Or(parts) => {
                for part in parts {
                    if self.holds(part, held, row_number, known)? {
                        return Ok(true);
                    }
                }
                false
            }
        })
    }

    fn lazy(&self, lazy: u32, known: &mut LazyAnswers) -> Result<bool, AnswerError> {
        match &self.program.lazy[lazy as usize] {
            // Tests of one column are asked of the value, which repeats.
            LazyLeaf::Test { field: FieldExpr::Column(column), test, negated } if !self.is_time(*column) => {
                self.column_test(lazy, *column, test, *negated, known)
            }
            LazyLeaf::Test { field: FieldExpr::Host, test, negated } => self.host_test(lazy, test, *negated, known),
            // The same test over the message alone: the other fields of the event need not be read for it.
            LazyLeaf::Test { field: FieldExpr::Message, test, negated } => {
                let message = self.message()?;
                any_passes(|ask| message.any_member(ask), test, *negated)
            }
            LazyLeaf::Test { field, test, negated } => {
                let value = self.fields(known, |row| field_cell(field, row))?;
                any_passes(|ask| value.any_member(ask), test, *negated)
            }
            LazyLeaf::Compare(compare) => {
                let side = |field| self.fields(known, |row| field_cell(field, row));
                Ok(compare.holds(&side(&compare.left)?.members(), &side(&compare.right)?.members()))
            }
            LazyLeaf::Scalar(scalar) => {
                // Limits are for one row: a rule that computes little on each of a million rows does no harm.
                self.shared.context.begin_row(exec::RuleLimits::default());
                let value = self.fields(known, |row| {
                    let value = evaluate(scalar, row, self.shared.context);
                    row.failure.take().map_or(Ok(value), Err)
                })?;
                Ok(value.map_err(AnswerError::Rule)?.is_true())
            }
            LazyLeaf::Keyword(test) => Ok(all_values(self.stored()?).any(|value| test.passes(value))),
        }
    }

    /// Asks the fields of the row: from the cells of the scan where they say it, else of the whole event.
    fn fields<T>(
        &self,
        known: &LazyAnswers,
        ask: impl FnOnce(&ExpressionFields<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        ask(&ExpressionFields { row: self, cells: &known.cells, failure: RefCell::default() })
    }

    fn word(&self, word: Word) -> Result<bool, HuntError> {
        // A row that brings its text has it in a column: no word is asked of it.
        let ScanSource::Store { store, words, .. } = &self.shared.source else { return Ok(false) };
        if let Some(holds) = words.borrow().event_holds(self.event, word.id) {
            return Ok(holds);
        }
        if self.message_place.get().is_none() {
            let _ = self.message_place.set(store.message_place(self.event)?);
        }
        let Some(place) = self.message_place.get().copied().flatten() else { return Ok(false) };
        words.borrow_mut().holds(place, word.id)
    }

    fn message(&self) -> Result<&exec::Cell, StoreError> {
        if self.message.get().is_none() {
            let text = self.shared.source.message(self.event)?;
            let _ = self.message.set(text.map_or(exec::Cell::Null, exec::Cell::text_of));
        }
        Ok(self.message.get().unwrap_or(&exec::Cell::Null))
    }

    /// Keywords ask every row for its host: there are few hosts, so the text of each is asked once.
    fn host_test(&self, lazy: u32, test: &LazyTest, negated: bool, known: &mut LazyAnswers) -> Result<bool, AnswerError> {
        match self.shared.source.host(self.event)? {
            Some(host) => self.value_test(lazy, host, test, negated, known),
            None => Ok(false),
        }
    }

    fn is_time(&self, column: ColumnIndex) -> bool {
        matches!(self.shared.event_type.column(column).encoding, Encoding::Time(_))
    }

    fn column_test(
        &self,
        lazy: u32,
        column: ColumnIndex,
        test: &LazyTest,
        negated: bool,
        known: &mut LazyAnswers,
    ) -> Result<bool, AnswerError> {
        let position = self.program.columns.binary_search_by_key(&column, |c| c.column).expect("lazy columns are scanned");
        let dictionary = self.shared.event_type.column(column).encoding == Encoding::Dictionary;
        let id = match &self.cells[position] {
            RawCell::Null => return Ok(false),
            RawCell::Text(text) => return Ok(test.passes(text)? != negated),
            RawCell::Int(number) if !dictionary => return Ok(test.passes(&number.to_string())? != negated),
            RawCell::Int(id) => *id,
            RawCell::Value(id) => id.0,
        };
        self.value_test(lazy, ValueId(id), test, negated, known)
    }

    /// A test on a value of the dictionary, which is the same whichever row has it.
    fn value_test(&self, lazy: u32, id: ValueId, test: &LazyTest, negated: bool, known: &mut LazyAnswers) -> Result<bool, AnswerError> {
        if let Some(answer) = known.answers.get(&(lazy, id.0)) {
            return Ok(*answer);
        }
        let answer = match self.shared.source.value(id)? {
            StoredValue::Text(text) => test.passes(&text)? != negated,
            StoredValue::List(members) => any_passes(|ask| members.iter().any(|member| ask(member)), test, negated)?,
        };
        if known.answers.len() >= MAX_LAZY_KNOWN {
            known.answers.clear();
        }
        known.answers.insert((lazy, id.0), answer);
        Ok(answer)
    }

    fn stored(&self) -> Result<&StoredEvent, StoreError> {
        match self.stored.get() {
            Some(event) => Ok(event),
            None => {
                let event = self.shared.source.event(self.event)?;
                Ok(self.stored.get_or_init(|| event))
            }
        }
    }
}

/// Whether some value of those that `any` visits until it is told yes passes a test, or fails it.
fn any_passes(any: impl FnOnce(&mut dyn FnMut(&str) -> bool) -> bool, test: &LazyTest, negated: bool) -> Result<bool, AnswerError> {
    let mut failure = None;
    let found = any(&mut |value| match test.passes(value) {
        Ok(passes) => passes != negated,
        Err(fault) => {
            failure = Some(fault);
            true
        }
    });
    failure.map_or(Ok(found), Err)
}

/// The fields of a row for an expression: from the cells of the scan where they say it.
struct ExpressionFields<'a, 's> {
    row: &'a RowContext<'a, 's>,
    cells: &'a RefCell<FxHashMap<i64, exec::Cell>>,
    /// An expression cannot fail for the store's sake, so that is noted here.
    failure: RefCell<Option<StoreError>>,
}

impl Fields<FieldExpr> for ExpressionFields<'_, '_> {
    fn value(&self, field: &FieldExpr) -> exec::Cell {
        field_cell(field, self).unwrap_or_else(|error| {
            self.failure.replace(Some(error));
            exec::Cell::Null
        })
    }
}

impl ExpressionFields<'_, '_> {
    fn dictionary(&self, id: ValueId) -> Result<exec::Cell, StoreError> {
        if let Some(known) = self.cells.borrow().get(&id.0) {
            return Ok(known.clone());
        }
        let cell = cell_of(&self.row.shared.source.value(id)?);
        let mut cells = self.cells.borrow_mut();
        if cells.len() >= MAX_KNOWN_CELLS {
            cells.clear();
        }
        cells.insert(id.0, cell.clone());
        Ok(cell)
    }
}

impl EventFields for ExpressionFields<'_, '_> {
    fn column(&self, column: ColumnIndex) -> Result<exec::Cell, StoreError> {
        let Ok(place) = self.row.program.columns.binary_search_by_key(&column, |c| c.column) else {
            return self.row.stored()?.column(column);
        };
        match (&self.row.cells[place], self.row.shared.event_type.column(column).encoding) {
            (RawCell::Null, _) => Ok(exec::Cell::Null),
            (RawCell::Text(text), _) => Ok(exec::Cell::text_of(*text)),
            (RawCell::Value(id), _) => self.dictionary(*id),
            (RawCell::Int(id), Encoding::Dictionary) => self.dictionary(ValueId(*id)),
            (RawCell::Int(number), Encoding::Inline) => Ok(exec::Cell::text_of(number.to_string())),
            (RawCell::Int(_), Encoding::Time(_)) => self.row.stored()?.column(column),
        }
    }

    fn time_us(&self) -> Result<Option<i64>, StoreError> {
        self.row.stored()?.time_us()
    }

    fn host(&self) -> Result<exec::Cell, StoreError> {
        self.row.stored()?.host()
    }

    fn record(&self) -> Result<Option<i64>, StoreError> {
        self.row.stored()?.record()
    }

    fn message(&self) -> Result<exec::Cell, StoreError> {
        Ok(self.row.message()?.clone())
    }
}

impl LazyTest {
    fn passes(&self, value: &str) -> Result<bool, AnswerError> {
        match self {
            Self::Regex(pattern) => pattern.matches(value).map_err(AnswerError::Rule),
            Self::Plain(test) => Ok(Test::passes(test, value)),
        }
    }
}
