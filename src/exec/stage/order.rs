//! Stages about the order of rows and their repetition: `dedup`, `head` with a condition, `tail`, `reverse`, `filldown`.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use super::{Operator, Out, Pushed, held, passed};
use crate::exec::condition::{Slot, placed};
use crate::exec::operators::MemoryBudget;
use crate::exec::{Cell, Context, Fault, Row, evaluate};
use crate::ir::{self, Scalar};
use crate::plan::RowSchema;

/// By what rows are alike: the members of each column, of a single value its text; a missing one is unlike the empty text.
// Members and not lines: a text of two lines is not a list of two members.
type DedupKey = Box<[Option<Box<[Box<str>]>>]>;

/// `dedup`, `uniq`.
pub(super) struct DedupOperator {
    options: ir::Dedup,
    places: Vec<Slot>,
    seen: FxHashMap<DedupKey, u64>,
    /// What the known keys took of the budget.
    taken: usize,
}

impl DedupOperator {
    pub(super) fn new(options: &ir::Dedup, before: &RowSchema) -> Self {
        let places = if options.fields.is_empty() {
            (0..before.columns.len()).map(Some).collect()
        } else {
            options.fields.iter().map(|name| before.place(name)).collect()
        };
        Self { options: options.clone(), places, seen: FxHashMap::default(), taken: 0 }
    }

    fn key(&self, cells: &[Cell]) -> DedupKey {
        let members = |cell: &Cell| -> Option<Box<[Box<str>]>> {
            match cell {
                Cell::List(members) => Some(members.iter().map(|member| Box::from(member.as_ref())).collect()),
                single => single.text().map(|text| Box::from([text.into_owned().into_boxed_str()])),
            }
        };
        self.places.iter().map(|slot| slot.and_then(|place| members(&cells[place]))).collect()
    }
}

impl Operator for DedupOperator {
    fn push(&mut self, mut row: Row, budget: &mut MemoryBudget) -> Pushed {
        let key = self.key(&row.cells);
        if !self.options.fields.is_empty() && key.iter().any(Option::is_none) {
            return if self.options.keep_empty { passed(row) } else { held() };
        }
        if self.options.consecutive && !self.seen.contains_key(&key) {
            self.seen.clear();
            budget.give(std::mem::take(&mut self.taken));
        }
        let bytes: usize =
            key.iter().flatten().flatten().map(|text| text.len() + size_of::<Box<str>>()).sum::<usize>() + size_of_val(&*key);
        let times = self.seen.entry(key).or_insert(0);
        if *times == 0 {
            self.taken += bytes;
            budget.take(bytes)?;
        }
        *times += 1;
        if *times <= self.options.count {
            return passed(row);
        }
        if !self.options.keep_events {
            return held();
        }
        self.places.iter().flatten().for_each(|place| row.cells[*place] = Cell::Null);
        passed(row)
    }
}

/// `head` with a condition.
pub(super) struct HeadWhileOperator<'c> {
    condition: Scalar<Slot>,
    left: u64,
    keep_last: bool,
    ended: bool,
    context: &'c Context,
}

impl<'c> HeadWhileOperator<'c> {
    pub(super) fn new(head: &ir::HeadWhile, before: &RowSchema, context: &'c Context) -> Self {
        let left = head.limit.unwrap_or(u64::MAX);
        Self { condition: placed(&head.condition, before), left, keep_last: head.keep_last, ended: false, context }
    }
}

impl Operator for HeadWhileOperator<'_> {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        if self.ended || self.left == 0 {
            return Ok((Out::Nothing, ControlFlow::Break(())));
        }
        self.left -= 1;
        if evaluate(&self.condition, &row.cells.as_slice(), self.context)?.is_true() {
            return Ok((Out::One(row), if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }));
        }
        self.ended = true;
        Ok((if self.keep_last { Out::One(row) } else { Out::Nothing }, ControlFlow::Break(())))
    }
}

/// `tail`: the last rows, the last first.
pub(super) struct TailOperator {
    count: usize,
    rows: VecDeque<Row>,
}

impl TailOperator {
    pub(super) fn new(count: u64) -> Self {
        Self { count: usize::try_from(count).unwrap_or(usize::MAX), rows: VecDeque::new() }
    }

    /// All rows, the last first.
    pub(super) fn reverse() -> Self {
        Self { count: usize::MAX, rows: VecDeque::new() }
    }
}

impl Operator for TailOperator {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        budget.take(row.size_bytes())?;
        self.rows.push_back(row);
        if self.rows.len() > self.count
            && let Some(old) = self.rows.pop_front()
        {
            budget.give(old.size_bytes());
        }
        held()
    }

    fn finish(&mut self, _: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        Ok(std::mem::take(&mut self.rows).into_iter().rev().collect())
    }
}

/// `filldown`.
pub(super) struct FillDownOperator {
    places: Vec<usize>,
    last: Vec<Cell>,
}

impl FillDownOperator {
    pub(super) fn new(fields: &[String], before: &RowSchema) -> Self {
        let all = ["*".to_owned()];
        let patterns = if fields.is_empty() { &all[..] } else { fields };
        let places: Vec<usize> = patterns.iter().flat_map(|pattern| before.matching(pattern)).collect();
        Self { last: vec![Cell::Null; places.len()], places }
    }
}

impl Operator for FillDownOperator {
    fn push(&mut self, mut row: Row, _: &mut MemoryBudget) -> Pushed {
        for (place, last) in self.places.iter().zip(&mut self.last) {
            let cell = &mut row.cells[*place];
            if cell.is_null() {
                cell.clone_from(last);
            } else {
                last.clone_from(cell);
            }
        }
        passed(row)
    }
}
