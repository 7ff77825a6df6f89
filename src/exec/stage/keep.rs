//! Stages that keep rows, or what they have seen of them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Operator, Pushed, held, passed};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::{Cell, Fault, Row};
use crate::ir::SortKey;
use crate::plan::RowSchema;

/// `sort`: stable, so that equal rows stay in the order they came in.
pub(super) struct SortOperator {
    keys: Vec<(Slot, bool)>,
    limit: Option<usize>,
    rows: Vec<(Vec<Order>, Row)>,
}

/// How a cell sorts: numbers by size, then texts by bytes, then what is missing.
#[derive(Debug, Clone, PartialEq)]
enum Order {
    Number(f64),
    Text(Box<str>),
    Missing,
}

impl Order {
    fn of(cell: &Cell) -> Self {
        // A text that is a number sorts as one: fields of logs are text.
        match (cell.number(), cell.text()) {
            (Some(number), _) => Self::Number(number + 0.0), // minus zero is zero
            (None, Some(text)) => Self::Text(text.into()),
            (None, None) => Self::Missing,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let rank = |order: &Self| match order {
            Self::Number(_) => 0,
            // Splunk's order. Descending is its mirror image, so rows without the field come first there.
            Self::Text(_) => 1,
            Self::Missing => 2,
        };
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }

    fn size_bytes(&self) -> usize {
        size_of::<Self>() + if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

impl SortOperator {
    pub(super) fn new(keys: &[SortKey], limit: Option<u64>, before: &RowSchema) -> Self {
        let keys = keys.iter().map(|key| (before.place(&key.field), key.descending)).collect();
        Self { keys, limit: limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX)), rows: Vec::new() }
    }
}

impl Operator for SortOperator {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let order: Vec<Order> =
            self.keys.iter().map(|(slot, _)| slot.map_or(Order::Missing, |place| Order::of(&row.cells[place]))).collect();
        budget.take(row.size_bytes() + order.iter().map(Order::size_bytes).sum::<usize>())?;
        self.rows.push((order, row));
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let keys = &self.keys;
        self.rows.sort_by(|(a, _), (b, _)| {
            let pairs = a.iter().zip(b).zip(keys);
            pairs.fold(Ordering::Equal, |so_far, ((a, b), (_, descending))| {
                so_far.then_with(|| if *descending { b.compare(a) } else { a.compare(b) })
            })
        });
        let mut rows = Vec::with_capacity(self.rows.len());
        for (place, (order, row)) in self.rows.drain(..).enumerate() {
            budget.give(order.iter().map(Order::size_bytes).sum());
            if self.limit.is_some_and(|limit| place >= limit) {
                budget.give(row.size_bytes());
            } else {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// `dedup`: the first rows of each combination; rows without a value are dropped.
pub(super) struct DedupOperator {
    count: u64,
    places: Vec<Slot>,
    seen: FxHashMap<Box<[Box<str>]>, u64>,
}

impl DedupOperator {
    pub(super) fn new(count: u64, fields: &[String], before: &RowSchema) -> Self {
        Self { count, places: fields.iter().map(|name| before.place(name)).collect(), seen: FxHashMap::default() }
    }
}

impl Operator for DedupOperator {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let texts =
            self.places.iter().map(|slot| slot.and_then(|place| row.cells[place].text()).map(Cow::into_owned).map(String::into_boxed_str));
        // A row that lacks one of the fields is dropped, as Splunk's `dedup` does without `keepempty`.
        let Some(key) = texts.collect::<Option<Box<[Box<str>]>>>() else { return held() };
        let bytes: usize = key.iter().map(|text| text.len() + size_of::<Box<str>>()).sum();
        let times = self.seen.entry(key).or_insert(0);
        if *times == 0 {
            budget.take(bytes)?;
        }
        *times += 1;
        if *times <= self.count { passed(row) } else { held() }
    }
}

/// `fillnull` without fields: a column that is null in every row stays so, which is known only at the end.
pub(super) struct FillAllOperator {
    value: Arc<str>,
    filled: Vec<usize>,
    has_value: Vec<bool>,
    rows: Vec<Row>,
}

impl FillAllOperator {
    pub(super) fn new(value: &str, before: &RowSchema) -> Self {
        let filled = before.filled(&[]).iter().filter_map(|name| before.place(name)).collect();
        Self { value: value.into(), filled, has_value: vec![false; before.columns.len()], rows: Vec::new() }
    }
}

impl Operator for FillAllOperator {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        self.has_value.iter_mut().zip(&row.cells).for_each(|(has, cell)| *has |= !cell.is_null());
        budget.take(row.size_bytes())?;
        self.rows.push(row);
        held()
    }

    fn finish(&mut self, _: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        for row in &mut self.rows {
            for place in &self.filled {
                if self.has_value[*place] && row.cells[*place].is_null() {
                    row.cells[*place] = Cell::Text(self.value.clone());
                }
            }
        }
        Ok(std::mem::take(&mut self.rows))
    }
}
