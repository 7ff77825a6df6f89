//! Stages that make lists and take them apart: `makemv`, `mvexpand`, `mvcombine`, `nomv`.

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Operator, Pushed, held, many, passed};
use crate::exec::cell::MEMBER_BYTES;
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::row::{GroupOrigin, RowOrigin};
use crate::exec::{Cell, CompiledPattern, Context, Fault, Row};
use crate::ir::{ListSplit, MakeList};
use crate::plan::{RowSchema, Step};

/// Where members end, ready for texts.
enum Split {
    Delimiter(String),
    Matches(Rc<CompiledPattern>),
}

/// `makemv`: each member of a list is split by itself; a text without a member is missing.
pub(super) struct MakeListOperator<'c> {
    column: Slot,
    split: Split,
    allow_empty: bool,
    context: &'c Context,
}

impl<'c> MakeListOperator<'c> {
    pub(super) fn new(make: &MakeList, step: &Step, context: &'c Context) -> Result<Self, Fault> {
        let split = match &make.split {
            ListSplit::Delimiter(delimiter) => Split::Delimiter(delimiter.clone()),
            ListSplit::Matches(pattern) => Split::Matches(context.pattern(pattern)?),
        };
        Ok(Self { column: step.row.place(&make.field), split, allow_empty: make.allow_empty, context })
    }

    fn members(&self, text: &str) -> Result<Vec<Arc<str>>, Fault> {
        let mut out: Vec<Arc<str>> = Vec::new();
        let mut add = |member: &str| {
            if self.allow_empty || !member.is_empty() {
                out.push(Arc::from(member));
            }
            self.context.room_for(out.len() * MEMBER_BYTES)
        };
        match &self.split {
            Split::Delimiter(delimiter) => text.split(delimiter.as_str()).try_for_each(&mut add)?,
            // Without a group the whole match is the member.
            Split::Matches(pattern) => {
                let group = usize::from(pattern.group_count() > 1);
                pattern.each_match(text, &mut |found| found(group).map_or(Ok(()), |part| add(&text[part])))?;
            }
        }
        Ok(out)
    }
}

impl Operator for MakeListOperator<'_> {
    fn push(&mut self, mut row: Row, _: &mut MemoryBudget) -> Pushed {
        if let Some(cell) = self.column.map(|place| &mut row.cells[place]).filter(|cell| !cell.is_null()) {
            let mut members = Vec::new();
            for text in cell.members() {
                members.append(&mut self.members(&text)?);
            }
            *cell = self.context.made(Cell::list_of(members))?;
        }
        passed(row)
    }
}

/// `mvexpand`: one row for each member, at most `limit` of a row; a row without a value goes.
pub(super) struct ExpandOperator {
    column: Slot,
    limit: usize,
}

impl ExpandOperator {
    pub(super) fn new(field: &str, limit: Option<u64>, before: &RowSchema) -> Self {
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Self { column: before.place(field), limit }
    }
}

impl Operator for ExpandOperator {
    fn push(&mut self, mut row: Row, budget: &mut MemoryBudget) -> Pushed {
        let Some(place) = self.column else { return held() };
        let members = match std::mem::replace(&mut row.cells[place], Cell::Null) {
            Cell::Null => return held(),
            Cell::List(members) => members,
            one => {
                row.cells[place] = one;
                return passed(row);
            }
        };
        let count = members.len().min(self.limit);
        let size = row.size_bytes();
        let bytes = count.saturating_mul(size);
        budget.take(bytes)?;
        let expanded = members.iter().take(self.limit).map(|member| {
            let mut row = row.clone();
            row.cells[place] = Cell::Text(member.clone());
            row
        });
        let rows = expanded.collect();
        budget.give(bytes);
        many(rows)
    }
}

/// Rows that differ in the combined column alone.
struct Alike {
    row: Row,
    origin: GroupOrigin,
    members: Vec<Arc<str>>,
}

/// `mvcombine`: rows are alike when all other columns are, by kind and text.
pub(super) struct CombineOperator {
    column: Slot,
    places: FxHashMap<Vec<Option<Vec<Arc<str>>>>, usize>,
    /// In the order in which each began; a row without a value is alone.
    rows: Vec<Alike>,
    taken: usize,
}

impl CombineOperator {
    pub(super) fn new(field: &str, before: &RowSchema) -> Self {
        Self { column: before.place(field), places: FxHashMap::default(), rows: Vec::new(), taken: 0 }
    }
}

impl Operator for CombineOperator {
    fn push(&mut self, mut row: Row, budget: &mut MemoryBudget) -> Pushed {
        let Some(column) = self.column else { return passed(row) };
        let members = std::mem::replace(&mut row.cells[column], Cell::Null).members();
        let mut bytes = members.iter().map(|member| member.len() + MEMBER_BYTES).sum();
        let key: Vec<Option<Vec<Arc<str>>>> = row.cells.iter().map(|cell| (!cell.is_null()).then(|| cell.members())).collect();
        let known = if members.is_empty() { None } else { self.places.get(&key).copied() };
        if let Some(place) = known {
            let alike = &mut self.rows[place];
            alike.members.extend(members);
            alike.origin.add(&row.origin);
            bytes += size_of::<i64>();
        } else {
            bytes += 2 * row.size_bytes() + size_of::<Alike>();
            let mut origin = GroupOrigin::new(row.origin.key());
            origin.add(&row.origin);
            if !members.is_empty() {
                self.places.insert(key, self.rows.len());
            }
            self.rows.push(Alike { row, origin, members });
        }
        self.taken += bytes;
        budget.take(bytes)?;
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        self.places.clear();
        let Some(column) = self.column else { return Ok(Vec::new()) };
        let finished = std::mem::take(&mut self.rows).into_iter().map(|mut alike| {
            if alike.origin.rows > 1 {
                alike.origin.settle();
                alike.row.origin = RowOrigin::Group(Box::new(alike.origin));
            }
            alike.row.cells[column] = Cell::list_of(alike.members);
            alike.row
        });
        let rows: Vec<Row> = finished.collect();
        budget.give(std::mem::take(&mut self.taken));
        rows.iter().try_for_each(|row| budget.take(row.size_bytes()))?;
        Ok(rows)
    }
}

/// `nomv`.
pub(super) struct JoinMembersOperator<'c> {
    column: Slot,
    delimiter: String,
    context: &'c Context,
}

impl<'c> JoinMembersOperator<'c> {
    pub(super) fn new(field: &str, delimiter: &str, before: &RowSchema, context: &'c Context) -> Self {
        Self { column: before.place(field), delimiter: delimiter.to_owned(), context }
    }
}

impl Operator for JoinMembersOperator<'_> {
    fn push(&mut self, mut row: Row, _: &mut MemoryBudget) -> Pushed {
        if let Some(cell) = self.column.map(|place| &mut row.cells[place])
            && let Cell::List(members) = &*cell
        {
            *cell = self.context.made(Cell::text_of(members.join(&self.delimiter)))?;
        }
        passed(row)
    }
}
