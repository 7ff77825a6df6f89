//! Stages that keep rows, or what they have seen of them.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Operator, Pushed, held};
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::{Cell, Fault, Row};
use crate::ir::{SortBy, SortKey};
use crate::plan::RowSchema;

/// `sort`: stable, so that equal rows stay in the order they came in.
pub(super) struct SortOperator {
    keys: Vec<(Slot, SortBy, bool)>,
    limit: Option<usize>,
    rows: Vec<(Vec<Order>, Row)>,
}

/// How a cell sorts: numbers by size, addresses by their number, then texts by bytes, then what is missing.
#[derive(Debug, Clone, PartialEq)]
enum Order {
    Number(f64),
    Address(IpAddr),
    Text(Box<str>),
    Missing,
}

impl Order {
    fn of(cell: &Cell, by: SortBy) -> Self {
        // A text that is a number sorts as one: fields of logs are text.
        match (by, cell.number(), cell.text()) {
            (SortBy::Auto | SortBy::Number, Some(number), _) => Self::Number(number + 0.0), // minus zero is zero
            (SortBy::Auto | SortBy::Text, _, Some(text)) => Self::Text(text.into()),
            (SortBy::Address, _, Some(text)) => text.parse().map_or(Self::Missing, Self::Address),
            (_, _, _) => Self::Missing,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let rank = |order: &Self| match order {
            Self::Number(_) => 0,
            // Splunk's order. Descending is its mirror image, so rows without the field come first there.
            Self::Address(_) => 1,
            Self::Text(_) => 2,
            Self::Missing => 3,
        };
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Address(a), Self::Address(b)) => a.cmp(b),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }

    fn size_bytes(&self) -> usize {
        size_of::<Self>() + if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

impl SortOperator {
    pub(super) fn new(keys: &[SortKey], limit: Option<u64>, before: &RowSchema) -> Self {
        let keys = keys.iter().map(|key| (before.place(&key.field), key.by, key.descending)).collect();
        Self { keys, limit: limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX)), rows: Vec::new() }
    }
}

impl Operator for SortOperator {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let order: Vec<Order> =
            self.keys.iter().map(|(slot, by, _)| slot.map_or(Order::Missing, |place| Order::of(&row.cells[place], *by))).collect();
        budget.take(row.size_bytes() + order.iter().map(Order::size_bytes).sum::<usize>())?;
        self.rows.push((order, row));
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let keys = &self.keys;
        self.rows.sort_by(|(a, _), (b, _)| {
            let pairs = a.iter().zip(b).zip(keys);
            pairs.fold(Ordering::Equal, |so_far, ((a, b), (_, _, descending))| {
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
