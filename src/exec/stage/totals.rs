//! `addtotals` and `addcoltotals`.

use super::stream::copied;
use super::{Operator, Pushed, passed};
use crate::exec::operators::MemoryBudget;
use crate::exec::row::{GroupOrigin, RowKey};
use crate::exec::{Cell, Fault, Row, RowOrigin};
use crate::ir;
use crate::plan::{RowSchema, Step};

/// Sums the numbers of each row, and those of each column for a last row.
pub(super) struct TotalsOperator {
    from: Vec<Option<usize>>,
    /// The columns behind the stage that are summed.
    summed: Vec<usize>,
    /// Where the sum of a row goes.
    row_target: Option<usize>,
    column: Option<ColumnSums>,
}

struct ColumnSums {
    label: String,
    label_target: Option<usize>,
    /// By column; nothing where it had no number.
    sums: Vec<Option<f64>>,
    origin: GroupOrigin,
}

impl TotalsOperator {
    pub(super) fn new(totals: &ir::AddTotals, before: &RowSchema, step: &Step) -> Self {
        let all = ["*".to_owned()];
        let patterns = if totals.fields.is_empty() { &all[..] } else { &totals.fields };
        let row_target = totals.row.as_ref().and_then(|name| step.row.place(name));
        let meant = patterns.iter().flat_map(|pattern| before.matching(pattern)).map(|place| &before.columns[place].name);
        let mut summed: Vec<usize> = meant.filter_map(|name| step.row.place(name)).filter(|place| Some(*place) != row_target).collect();
        summed.sort_unstable();
        summed.dedup();
        let column = totals.column.as_ref().map(|column| ColumnSums {
            label: column.label.clone(),
            label_target: column.field.as_ref().and_then(|name| step.row.place(name)),
            sums: vec![None; step.row.columns.len()],
            origin: GroupOrigin::default(),
        });
        Self { from: step.from.clone(), summed, row_target, column }
    }
}

impl Operator for TotalsOperator {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        let mut cells: Vec<Cell> = copied(&self.from, &row.cells);
        if let Some(target) = self.row_target {
            cells[target] = Cell::number_of(self.summed.iter().filter_map(|place| cells[*place].number()).fold(0.0, |sum, n| sum + n));
        }
        if let Some(column) = &mut self.column {
            column.origin.add(&row.origin);
            for place in self.summed.iter().chain(&self.row_target) {
                if let Some(number) = cells[*place].number() {
                    *column.sums[*place].get_or_insert(0.0) += number;
                }
            }
        }
        passed(Row { cells, ..row })
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let Some(ColumnSums { label, label_target, sums, mut origin }) = self.column.take() else { return Ok(Vec::new()) };
        let mut cells: Vec<Cell> = sums.into_iter().map(|sum| sum.map_or(Cell::Null, Cell::number_of)).collect();
        if let Some(target) = label_target {
            cells[target] = Cell::text_of(label);
        }
        origin.settle();
        origin.key = RowKey::Made;
        let row = Row { cells, origin: RowOrigin::Group(Box::new(origin)) };
        budget.take(row.size_bytes())?;
        Ok(vec![row])
    }
}
