//! Evaluates a rule's condition on one row: held leaves first, lazy leaves only where the condition still asks.

use rustc_hash::FxHashMap;

use super::program::{LazyLeaf, LazyTest, Node, TypeProgram};
use crate::catalog::{ColumnIndex, Encoding, EventId, EventType, ValueId};
use crate::event::fold_into;
use crate::hunt::HuntError;
use crate::hunt::field::{all_values, field_values};
use crate::ir::{Case, FieldCompare, Test};
use crate::plan::FieldExpr;
use crate::store::{Cell, Store, StoredEvent, StoredValue};

/// Lazy answers kept before they are forgotten.
const MAX_LAZY_KNOWN: usize = 1_000_000;

/// One row while its rules are evaluated.
pub(super) struct RowContext<'a> {
    store: &'a Store,
    event_type: &'a EventType,
    event: EventId,
    cells: &'a [Cell<'a>],
    program: &'a TypeProgram,
    /// The whole event, fetched when a lazy leaf first needs it.
    stored: Option<StoredEvent>,
}

impl<'a> RowContext<'a> {
    /// Starts a row.
    pub(super) fn new(
        store: &'a Store,
        event_type: &'a EventType,
        event: EventId,
        cells: &'a [Cell<'a>],
        program: &'a TypeProgram,
    ) -> Self {
        Self { store, event_type, event, cells, program, stored: None }
    }

    /// Whether the condition holds: a leaf does when `held[leaf]` is `row_number`.
    pub(super) fn holds(
        &mut self,
        node: &Node,
        held: &[u32],
        row_number: u32,
        known: &mut FxHashMap<(u32, i64), bool>,
    ) -> Result<bool, HuntError> {
        Ok(match node {
            Node::True => true,
            Node::False => false,
            Node::Leaf(leaf) => held[*leaf as usize] == row_number,
            Node::Lazy(lazy) => self.lazy(*lazy, known)?,
            Node::Not(inner) => !self.holds(inner, held, row_number, known)?,
            Node::And(parts) => {
                for part in parts {
                    if !self.holds(part, held, row_number, known)? {
                        return Ok(false);
                    }
                }
                true
            }
            Node::Or(parts) => {
                for part in parts {
                    if self.holds(part, held, row_number, known)? {
                        return Ok(true);
                    }
                }
                false
            }
        })
    }

    fn lazy(&mut self, lazy: u32, known: &mut FxHashMap<(u32, i64), bool>) -> Result<bool, HuntError> {
        let program = self.program;
        match &program.lazy[lazy as usize] {
            LazyLeaf::Test { field: FieldExpr::Column(column), test, negated } if !self.is_time(*column) => {
                self.column_test(lazy, *column, test, *negated, known)
            }
            LazyLeaf::Test { field, test, negated } => {
                let values = field_values(field, self.stored()?);
                Ok(values.iter().any(|value| test.passes(value) != *negated))
            }
            LazyLeaf::Compare(compare) => {
                let event = self.stored()?;
                Ok(compares(compare, &field_values(&compare.left, event), &field_values(&compare.right, event)))
            }
            LazyLeaf::Keyword(test) => Ok(all_values(self.stored()?).any(|value| test.passes(value))),
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
        known: &mut FxHashMap<(u32, i64), bool>,
    ) -> Result<bool, HuntError> {
        let position = self.program.columns.binary_search_by_key(&column, |c| c.column).expect("lazy columns are scanned");
        let dictionary = self.event_type.column(column).encoding == Encoding::Dictionary;
        let id = match &self.cells[position] {
            Cell::Null => return Ok(false),
            Cell::Text(text) => return Ok(test.passes(text) != negated),
            Cell::Int(number) if !dictionary => return Ok(test.passes(&number.to_string()) != negated),
            Cell::Int(id) => *id,
            Cell::Value(id) => id.0,
        };
        if let Some(answer) = known.get(&(lazy, id)) {
            return Ok(*answer);
        }
        let answer = match self.store.value(ValueId(id))? {
            StoredValue::Text(text) => test.passes(&text) != negated,
            StoredValue::List(members) => members.iter().any(|member| test.passes(member) != negated),
        };
        if known.len() >= MAX_LAZY_KNOWN {
            known.clear();
        }
        known.insert((lazy, id), answer);
        Ok(answer)
    }

    fn stored(&mut self) -> Result<&StoredEvent, HuntError> {
        if self.stored.is_none() {
            self.stored = Some(self.store.event(self.event)?);
        }
        Ok(self.stored.as_ref().expect("just fetched"))
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

/// Whether any value of the left relates to any value of the right as the comparison says.
fn compares(compare: &FieldCompare<FieldExpr>, left: &[String], right: &[String]) -> bool {
    let fold = |text: &String| {
        if compare.case == Case::Exact {
            return text.clone();
        }
        let mut folded = String::with_capacity(text.len());
        fold_into(text, &mut folded);
        folded
    };
    let right: Vec<String> = right.iter().map(fold).collect();
    left.iter().map(fold).any(|hay| {
        right.iter().any(|needle| match (compare.any_before, compare.any_after) {
            (false, false) => hay == *needle,
            (false, true) => hay.starts_with(needle),
            (true, false) => hay.ends_with(needle),
            (true, true) => hay.contains(needle),
        })
    })
}
