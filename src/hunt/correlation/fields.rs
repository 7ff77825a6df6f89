//! Fields of many events at once, as spellings.
//!
//! The columns asked for are scanned in runs of neighbouring events, and a value of the dictionary is looked up once.
//! Fields that no cell answers (rendered text, times kept as differences) are read with the whole event.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::texts::Texts;
use crate::catalog::{Catalog, ColumnIndex, Encoding, EventId, EventType, TypeId, ValueId};
use crate::hunt::field::field_values;
use crate::plan::{FieldExpr, FieldFunction, Plan, is_filled};
use crate::store::{EventRange, EventRow, RawCell, Store, StoreError, StoredValue, Wanted};

/// Events read at a time.
// Enough that a type's table is scanned for many events at once; the rows of a chunk take a few MB.
const CHUNK: usize = 1 << 16;
/// Events whose ids are at most this far apart are scanned in one go.
// Stepping over some rows of no interest is cheaper than starting the statement anew for each event.
const GAP_MAX: i64 = 128;

/// The values of a field of an event, as spellings; empty where it is missing.
pub(super) type Values = Rc<[u32]>;

/// Reads fields.
pub(super) struct FieldReader<'a> {
    store: &'a Store,
    catalog: &'a Catalog,
    known: FxHashMap<i64, Values>,
    nothing: Values,
}

impl<'a> FieldReader<'a> {
    /// Starts with nothing known.
    pub(super) fn new(store: &'a Store, catalog: &'a Catalog) -> Self {
        Self { store, catalog, known: FxHashMap::default(), nothing: Rc::new([]) }
    }

    /// Visits events (ascending) with the values of the named fields of the plan, type by type within a chunk.
    pub(super) fn visit(
        &mut self,
        plan: &Plan,
        events: &[EventId],
        names: &[&str],
        texts: &mut Texts,
        visit: &mut dyn FnMut(&EventRow, &[Values], &mut Texts),
    ) -> Result<(), StoreError> {
        for chunk in events.chunks(CHUNK) {
            let mut rows = self.store.event_rows(chunk)?;
            // Type by type: each type has a table of its own, and a statement is prepared once for all its events in the chunk.
            rows.sort_by_key(|row| (row.event_type, row.id));
            for same in rows.chunk_by(|a, b| a.event_type == b.event_type) {
                let id = same[0].event_type;
                let exprs = exprs(plan, id, names);
                let event_type = self.catalog.event_type(id);
                let event_type = event_type.ok_or_else(|| StoreError::Damaged(format!("there is no event type {}", id.0)))?;
                // Whole events are read only where they must be: they cost a lookup of every column, a scan only that of those asked for.
                if exprs.iter().all(|expr| is_of_cells(expr, event_type)) {
                    self.scan(event_type, &exprs, same, texts, visit)?;
                } else {
                    self.fetch(&exprs, same, texts, visit)?;
                }
            }
        }
        Ok(())
    }

    /// Reads whole events.
    fn fetch(
        &self,
        exprs: &[&FieldExpr],
        rows: &[EventRow],
        texts: &mut Texts,
        visit: &mut dyn FnMut(&EventRow, &[Values], &mut Texts),
    ) -> Result<(), StoreError> {
        for row in rows {
            let event = self.store.event(row.id)?;
            let values: Vec<Values> =
                exprs.iter().map(|expr| field_values(expr, &event).iter().map(|text| texts.spelling(text)).collect()).collect();
            visit(row, &values, texts);
        }
        Ok(())
    }

    fn scan(
        &mut self,
        event_type: &EventType,
        exprs: &[&FieldExpr],
        rows: &[EventRow],
        texts: &mut Texts,
        visit: &mut dyn FnMut(&EventRow, &[Values], &mut Texts),
    ) -> Result<(), StoreError> {
        let mut set = BTreeSet::new();
        exprs.iter().for_each(|expr| columns_of(expr, &mut set));
        let columns: Vec<ColumnIndex> = set.into_iter().collect();
        let (store, mut values) = (self.store, Vec::with_capacity(exprs.len()));
        for run in rows.chunk_by(|a, b| b.id.0 - a.id.0 <= GAP_MAX) {
            let range = EventRange { first: run[0].id, last: run[run.len() - 1].id, since_us: None, until_us: None };
            let mut wanted = Wanted::new(run, |row| row.id);
            store.scan(event_type, &columns, range, &mut |event, cells| {
                // Both sides ascend, so one walk over them pairs them; ids of other types may lie between.
                if let Some(event) = wanted.meet(event) {
                    let row = RowCells { event_type, event, columns: &columns, cells };
                    values.clear();
                    for expr in exprs {
                        values.push(self.value(expr, &row, texts)?);
                    }
                    visit(event, &values, texts);
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }

    fn value(&mut self, expr: &FieldExpr, row: &RowCells<'_>, texts: &mut Texts) -> Result<Values, StoreError> {
        Ok(match expr {
            FieldExpr::Constant(text) => Rc::new([texts.spelling(text)]),
            FieldExpr::Host => match row.event.host {
                // Hosts are few and shared by millions of events: `stored` looks each up once.
                Some(id) => self.stored(id, texts)?,
                None => self.nothing.clone(),
            },
            FieldExpr::Column(column) => match row.cell(*column) {
                (RawCell::Null, _) => self.nothing.clone(),
                (RawCell::Text(text), _) => Rc::new([texts.spelling(text)]),
                (RawCell::Value(id), _) => self.stored(id, texts)?,
                (RawCell::Int(id), Encoding::Dictionary) => self.stored(ValueId(id), texts)?,
                (RawCell::Int(number), _) => Rc::new([texts.spelling(&number.to_string())]),
            },
            FieldExpr::Apply(function, inner) => {
                let values = self.value(inner, row, texts)?;
                match function {
                    FieldFunction::FirstMember => values.iter().take(1).copied().collect(),
                    FieldFunction::LastMember => values.iter().rev().take(1).copied().collect(),
                    _ => {
                        let applied: Vec<String> =
                            values.iter().filter_map(|v| Some(function.apply(texts.text(*v))?.into_owned())).collect();
                        applied.iter().map(|text| texts.spelling(text)).collect()
                    }
                }
            }
            FieldExpr::Coalesce(parts) => {
                for part in parts {
                    let values = self.value(part, row, texts)?;
                    // An empty value does not stop the search for a better one: the same rule as in `hunt::field`, or groups would differ.
                    if values.iter().any(|v| is_filled(texts.text(*v))) {
                        return Ok(values);
                    }
                }
                self.nothing.clone()
            }
            FieldExpr::Default(inner, text) => {
                let values = self.value(inner, row, texts)?;
                if values.iter().any(|v| !texts.text(*v).is_empty()) { values } else { Rc::new([texts.spelling(text)]) }
            }
            FieldExpr::Missing | FieldExpr::Time | FieldExpr::Record | FieldExpr::Message => self.nothing.clone(),
        })
    }

    fn stored(&mut self, id: ValueId, texts: &mut Texts) -> Result<Values, StoreError> {
        if let Some(values) = self.known.get(&id.0) {
            return Ok(values.clone());
        }
        let values: Values = match self.store.value(id)? {
            StoredValue::Text(text) => Rc::new([texts.spelling(&text)]),
            StoredValue::List(members) => members.iter().map(|member| texts.spelling(member)).collect(),
        };
        self.known.insert(id.0, values.clone());
        Ok(values)
    }
}

/// The cells of one event.
struct RowCells<'a> {
    event_type: &'a EventType,
    event: &'a EventRow,
    columns: &'a [ColumnIndex],
    cells: &'a [RawCell<'a>],
}

impl<'a> RowCells<'a> {
    fn cell(&self, column: ColumnIndex) -> (RawCell<'a>, Encoding) {
        let cell = self.columns.binary_search(&column).map_or(RawCell::Null, |place| self.cells[place]);
        (cell, self.event_type.column(column).encoding)
    }
}

/// What the plan makes of names in an event type.
fn exprs<'p>(plan: &'p Plan, event_type: TypeId, names: &[&str]) -> Vec<&'p FieldExpr> {
    let branch = plan.branches.iter().find(|branch| branch.event_type == event_type);
    names.iter().map(|name| branch.and_then(|b| b.fields.get(*name)).unwrap_or(&FieldExpr::Missing)).collect()
}

/// Whether cells and the event's row answer a field.
fn is_of_cells(expr: &FieldExpr, event_type: &EventType) -> bool {
    match expr {
        FieldExpr::Missing | FieldExpr::Constant(_) | FieldExpr::Host => true,
        FieldExpr::Column(column) => !matches!(event_type.column(*column).encoding, Encoding::Time(_)),
        FieldExpr::Time | FieldExpr::Record | FieldExpr::Message => false,
        FieldExpr::Apply(_, inner) | FieldExpr::Default(inner, _) => is_of_cells(inner, event_type),
        FieldExpr::Coalesce(parts) => parts.iter().all(|part| is_of_cells(part, event_type)),
    }
}

fn columns_of(expr: &FieldExpr, out: &mut BTreeSet<ColumnIndex>) {
    match expr {
        FieldExpr::Column(column) => {
            out.insert(*column);
        }
        FieldExpr::Apply(_, inner) | FieldExpr::Default(inner, _) => columns_of(inner, out),
        FieldExpr::Coalesce(parts) => parts.iter().for_each(|part| columns_of(part, out)),
        _ => {}
    }
}
