//! Evaluates a rule's condition on one row: held leaves first, lazy leaves only where the condition still asks.

use std::cell::{OnceCell, RefCell};

use rustc_hash::FxHashMap;

use super::program::{LazyLeaf, LazyTest, ProgramNode, TypeProgram};
use crate::catalog::{ColumnIndex, Encoding, EventId, EventType, ValueId};
use crate::exec::{self, Context, Fault, Fields, evaluate};
use crate::hunt::field::{EventFields, all_values, cell_of, field_cell};
use crate::ir::{Case, Test};
use crate::plan::FieldExpr;
use crate::store::{RawCell, Store, StoreError, StoredEvent, StoredValue};

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
    /// The store failed: nothing can go on.
    Store(StoreError),
    /// The rule failed: the others go on.
    Rule(Fault),
}

impl From<StoreError> for AnswerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One row while its rules are evaluated.
pub(super) struct RowContext<'a> {
    store: &'a Store,
    event_type: &'a EventType,
    event: EventId,
    cells: &'a [RawCell<'a>],
    program: &'a TypeProgram,
    context: &'a Context,
    /// The whole event, fetched when a lazy leaf first needs it.
    stored: OnceCell<StoredEvent>,
    /// Its rendered text, which all keywords of all rules ask, and the same without case.
    message: OnceCell<Option<String>>,
    folded_message: OnceCell<String>,
}

impl<'a> RowContext<'a> {
    /// Starts a row.
    pub(super) fn new(
        store: &'a Store,
        event_type: &'a EventType,
        event: EventId,
        cells: &'a [RawCell<'a>],
        program: &'a TypeProgram,
        context: &'a Context,
    ) -> Self {
        Self {
            store,
            event_type,
            event,
            cells,
            program,
            context,
            stored: OnceCell::new(),
            message: OnceCell::new(),
            folded_message: OnceCell::new(),
        }
    }

    /// Whether the condition holds: a leaf does when `held[leaf]` is `row_number`.
    pub(super) fn holds(&self, node: &ProgramNode, held: &[u32], row_number: u32, known: &mut LazyAnswers) -> Result<bool, AnswerError> {
        Ok(match node {
            ProgramNode::True => true,
            ProgramNode::False => false,
            ProgramNode::Leaf(leaf) => held[*leaf as usize] == row_number,
            ProgramNode::Lazy(lazy) => self.lazy(*lazy, known)?,
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
            // Tests of one column are asked of the value, which repeats; whole events are read only for the rest.
            LazyLeaf::Test { field: FieldExpr::Column(column), test, negated } if !self.is_time(*column) => {
                Ok(self.column_test(lazy, *column, test, *negated, known)?)
            }
            LazyLeaf::Test { field: FieldExpr::Host, test, negated } => Ok(self.host_test(lazy, test, *negated, known)?),
            LazyLeaf::Test { field, test, negated } => {
                let cell = field_cell(field, self.stored()?)?;
                Ok(cell.any_member(|value| test.passes(value) != *negated))
            }
            LazyLeaf::Compare(compare) => {
                let event = self.stored()?;
                Ok(compare.holds(&field_cell(&compare.left, event)?.members(), &field_cell(&compare.right, event)?.members()))
            }
            LazyLeaf::Scalar(scalar) => {
                let row = ExpressionFields { row: self, cells: &known.cells, failure: RefCell::default() };
                // Limits are for one row: a rule that computes little on each of a million rows does no harm.
                self.context.begin_row(exec::RuleLimits::default());
                let value = evaluate(scalar, &row, self.context);
                if let Some(error) = row.failure.into_inner() {
                    return Err(AnswerError::Store(error));
                }
                Ok(value.map_err(AnswerError::Rule)?.is_true())
            }
            LazyLeaf::Message { glob, case } => {
                let Some(message) = self.message()? else { return Ok(false) };
                Ok(match case {
                    Case::Exact => glob.matches(message),
                    Case::Ignore => glob.matches(self.folded_message.get_or_init(|| exec::folded(message))),
                })
            }
            LazyLeaf::Keyword(test) => Ok(all_values(self.stored()?).any(|value| test.passes(value))),
        }
    }

    fn message(&self) -> Result<Option<&str>, StoreError> {
        if self.message.get().is_none() {
            let _ = self.message.set(self.store.message(self.event)?);
        }
        Ok(self.message.get().and_then(Option::as_deref))
    }

    /// Keywords ask every row for its host: there are few hosts, so the text of each is asked once.
    fn host_test(&self, lazy: u32, test: &LazyTest, negated: bool, known: &mut LazyAnswers) -> Result<bool, StoreError> {
        match self.store.event_rows(&[self.event])?.first().and_then(|row| row.host) {
            Some(host) => self.value_test(lazy, host, test, negated, known),
            None => Ok(false),
        }
    }

    fn is_time(&self, column: ColumnIndex) -> bool {
        matches!(self.event_type.column(column).encoding, Encoding::Time(_))
    }

    fn column_test(
        &self,
        lazy: u32,
        column: ColumnIndex,
        test: &LazyTest,
        negated: bool,
        known: &mut LazyAnswers,
    ) -> Result<bool, StoreError> {
        let position = self.program.columns.binary_search_by_key(&column, |c| c.column).expect("lazy columns are scanned");
        let dictionary = self.event_type.column(column).encoding == Encoding::Dictionary;
        let id = match &self.cells[position] {
            RawCell::Null => return Ok(false),
            RawCell::Text(text) => return Ok(test.passes(text) != negated),
            RawCell::Int(number) if !dictionary => return Ok(test.passes(&number.to_string()) != negated),
            RawCell::Int(id) => *id,
            RawCell::Value(id) => id.0,
        };
        self.value_test(lazy, ValueId(id), test, negated, known)
    }

    /// A test on a value of the dictionary, which is the same whichever row has it.
    fn value_test(&self, lazy: u32, id: ValueId, test: &LazyTest, negated: bool, known: &mut LazyAnswers) -> Result<bool, StoreError> {
        if let Some(answer) = known.answers.get(&(lazy, id.0)) {
            return Ok(*answer);
        }
        let answer = match self.store.value(id)? {
            StoredValue::Text(text) => test.passes(&text) != negated,
            StoredValue::List(members) => members.iter().any(|member| test.passes(member) != negated),
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
                let event = self.store.event(self.event)?;
                Ok(self.stored.get_or_init(|| event))
            }
        }
    }
}

/// The fields of a row for an expression: from the cells of the scan where they say it.
struct ExpressionFields<'a> {
    row: &'a RowContext<'a>,
    cells: &'a RefCell<FxHashMap<i64, exec::Cell>>,
    /// An expression cannot fail for the store's sake, so that is noted here.
    failure: RefCell<Option<StoreError>>,
}

impl Fields<FieldExpr> for ExpressionFields<'_> {
    fn value(&self, field: &FieldExpr) -> exec::Cell {
        field_cell(field, self).unwrap_or_else(|error| {
            self.failure.replace(Some(error));
            exec::Cell::Null
        })
    }
}

impl ExpressionFields<'_> {
    fn dictionary(&self, id: ValueId) -> Result<exec::Cell, StoreError> {
        if let Some(known) = self.cells.borrow().get(&id.0) {
            return Ok(known.clone());
        }
        let cell = cell_of(&self.row.store.value(id)?);
        let mut cells = self.cells.borrow_mut();
        if cells.len() >= MAX_KNOWN_CELLS {
            cells.clear();
        }
        cells.insert(id.0, cell.clone());
        Ok(cell)
    }
}

impl EventFields for ExpressionFields<'_> {
    fn column(&self, column: ColumnIndex) -> Result<exec::Cell, StoreError> {
        let Ok(place) = self.row.program.columns.binary_search_by_key(&column, |c| c.column) else {
            return self.row.stored()?.column(column);
        };
        match (&self.row.cells[place], self.row.event_type.column(column).encoding) {
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
        self.row.stored()?.message()
    }
}

impl LazyTest {
    fn passes(&self, value: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(value),
            Self::Plain(test) => Test::passes(test, value),
        }
    }
}
