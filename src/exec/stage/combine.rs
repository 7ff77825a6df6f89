//! Stages that bring in other rows: `join`, `append`, `appendpipe`.

use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::stream::copied;
use super::{InnerRows, Operator, Pushed, held, many, passed};
use crate::exec::condition::Slot;
use crate::exec::operators::{MemoryBudget, finish, operators, push};
use crate::exec::{Cell, Context, Fault, Row};
use crate::ir;
use crate::plan::{Inner, RowSchema, Step};

/// The columns of a stage's brackets, and where each stands behind the stage.
fn targets(step: &Step, before: &RowSchema) -> Vec<usize> {
    let names = match &step.inner {
        Inner::None => return Vec::new(),
        Inner::Plan(plan) | Inner::Each(plan, _) => plan.result(),
        Inner::Steps(steps) => steps.last().map_or(before, |step| &step.row),
    };
    names.columns.iter().map(|column| step.row.place(&column.name).expect("a stage has the columns of its brackets")).collect()
}

/// Other rows under the columns behind the stage.
fn placed_under(rows: Vec<Row>, targets: &[usize], columns: usize) -> impl Iterator<Item = Row> {
    rows.into_iter().map(move |row| {
        let mut cells = vec![Cell::Null; columns];
        targets.iter().zip(row.cells).for_each(|(target, cell)| cells[*target] = cell);
        Row { cells, origin: row.origin }
    })
}

/// `join`: the other side is kept by its key.
pub(super) struct JoinOperator {
    left: bool,
    overwrite: bool,
    most: usize,
    from: Vec<Slot>,
    keys: Vec<Slot>,
    others: FxHashMap<Box<[Arc<str>]>, Vec<Row>>,
    /// Of the other side's columns: where each goes, keys left out.
    targets: Vec<Option<usize>>,
}

impl JoinOperator {
    pub(super) fn new(join: &ir::Join, before: &RowSchema, step: &Step, rows: Vec<Row>, budget: &mut MemoryBudget) -> Result<Self, Fault> {
        let Inner::Plan(plan) = &step.inner else { unreachable!("a join has a query") };
        let other = plan.result();
        let common = || other.columns.iter().filter(|column| before.place(&column.name).is_some()).map(|column| column.name.clone());
        let fields: Vec<String> = if join.fields.is_empty() { common().collect() } else { join.fields.clone() };
        let other_keys: Vec<Slot> = fields.iter().map(|name| other.place(name)).collect();
        let most = join.max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        let mut others: FxHashMap<Box<[Arc<str>]>, Vec<Row>> = FxHashMap::default();
        for row in rows {
            let Some(key) = key(&other_keys, &row.cells) else { continue };
            let known = others.entry(key).or_default();
            if known.len() < most {
                budget.take(row.size_bytes())?;
                known.push(row);
            }
        }
        let place = |column: &crate::plan::RowColumn| if fields.contains(&column.name) { None } else { step.row.place(&column.name) };
        let keys = fields.iter().map(|name| before.place(name)).collect();
        let targets = other.columns.iter().map(place).collect();
        Ok(Self { left: join.left, overwrite: join.overwrite, most, from: step.from.clone(), keys, others, targets })
    }

    /// The row with what a partner gives.
    fn joined(&self, row: &Row, cells: &[Cell], other: &Row) -> Row {
        let mut cells = cells.to_vec();
        for (target, cell) in self.targets.iter().zip(&other.cells) {
            if let Some(target) = target
                && !cell.is_null()
                && (self.overwrite || cells[*target].is_null())
            {
                cells[*target] = cell.clone();
            }
        }
        Row { cells, origin: row.origin.clone().with(&other.origin) }
    }
}

/// The texts of the key columns; none where one is missing, since what is missing is equal to nothing.
pub(super) fn key(slots: &[Slot], cells: &[Cell]) -> Option<Box<[Arc<str>]>> {
    slots.iter().map(|slot| slot.and_then(|place| cells[place].text()).map(|text| Arc::from(text.as_ref()))).collect()
}

impl Operator for JoinOperator {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let partners = key(&self.keys, &row.cells).and_then(|key| self.others.get(&key));
        let carried: Vec<Cell> = copied(&self.from, &row.cells);
        match partners.map(Vec::as_slice) {
            None | Some([]) if self.left => passed(Row { cells: carried, ..row }),
            None | Some([]) => held(),
            Some([one]) => passed(self.joined(&row, &carried, one)),
            Some(several) => {
                let mut rows = Vec::new();
                let mut taken = 0;
                for other in several.iter().take(self.most) {
                    let joined = self.joined(&row, &carried, other);
                    taken += joined.size_bytes();
                    budget.take(joined.size_bytes())?;
                    rows.push(joined);
                }
                budget.give(taken);
                many(rows)
            }
        }
    }
}

/// `append`: the other rows come last.
pub(super) struct AppendOperator {
    from: Vec<Slot>,
    others: Vec<Row>,
}

impl AppendOperator {
    pub(super) fn new(step: &Step, rows: Vec<Row>, budget: &mut MemoryBudget) -> Result<Self, Fault> {
        let targets = targets(step, &step.row);
        let others: Vec<Row> = placed_under(rows, &targets, step.row.columns.len()).collect();
        others.iter().try_for_each(|row| budget.take(row.size_bytes()))?;
        Ok(Self { from: step.from.clone(), others })
    }
}

impl Operator for AppendOperator {
    fn push(&mut self, row: Row, _: &mut MemoryBudget) -> Pushed {
        let cells = copied(&self.from, &row.cells);
        passed(Row { cells, origin: row.origin })
    }

    fn finish(&mut self, _: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        Ok(std::mem::take(&mut self.others))
    }
}

/// `appendpipe`: the rows go on, and a copy of each goes through stages of its own, whose rows come last.
pub(super) struct AppendPipeOperator<'c> {
    from: Vec<Slot>,
    targets: Vec<usize>,
    columns: usize,
    stages: Vec<Box<dyn Operator + 'c>>,
    made: Vec<Row>,
    wanted: ControlFlow<()>,
    context: &'c Context,
}

impl<'c> AppendPipeOperator<'c> {
    pub(super) fn new(
        step: &Step,
        before: &RowSchema,
        context: &'c Context,
        inner: &mut InnerRows<'_>,
        budget: &mut MemoryBudget,
    ) -> Result<Self, Fault> {
        let Inner::Steps(steps) = &step.inner else { unreachable!("`appendpipe` has stages") };
        let stages = operators(steps, before, false, context, inner, budget)?;
        let (targets, columns) = (targets(step, before), step.row.columns.len());
        Ok(Self { from: step.from.clone(), targets, columns, stages, made: Vec::new(), wanted: ControlFlow::Continue(()), context })
    }
}

impl Operator for AppendPipeOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let cells = copied(&self.from, &row.cells);
        let passed_on = Row { cells, origin: row.origin.clone() };
        if self.wanted.is_continue() {
            let made = &mut self.made;
            let before = made.len();
            self.wanted = push(&mut self.stages, budget, row, &mut |row| {
                made.push(row);
                Ok(ControlFlow::Continue(()))
            })?;
            self.made[before..].iter().try_for_each(|row| budget.take(row.size_bytes()))?;
        }
        passed(passed_on)
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let made = &mut self.made;
        let before = made.len();
        finish(&mut self.stages, budget, self.context, &mut |row| {
            made.push(row);
            Ok(ControlFlow::Continue(()))
        })?;
        self.made[before..].iter().try_for_each(|row| budget.take(row.size_bytes()))?;
        let bytes = |rows: &[Row]| rows.iter().map(Row::size_bytes).sum::<usize>();
        let held = bytes(&self.made);
        let rows: Vec<Row> = placed_under(std::mem::take(&mut self.made), &self.targets, self.columns).collect();
        budget.give(held);
        budget.take(bytes(&rows))?;
        Ok(rows)
    }
}
