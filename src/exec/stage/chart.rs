//! `chart` and `timechart`: a table of aggregates, perhaps with a column for each value of a field.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::group::{Grouped, RowGroups};
use super::{Operator, Pushed, held};
use crate::exec::aggregate::Gathered;
use crate::exec::condition::Slot;
use crate::exec::operators::MemoryBudget;
use crate::exec::row::{GroupKey, GroupOrigin, RowKey, RowOrigin};
use crate::exec::spread::add_column;
use crate::exec::{Cell, Context, Fault, Row, order};
use crate::ir;
use crate::plan::{RowSchema, SPREAD, Step};

/// Groups rows by the row field and, where there is one, the field whose values make columns.
pub(super) struct ChartOperator<'c> {
    options: ir::Chart,
    over: Slot,
    split: Slot,
    groups: RowGroups,
    columns: RowSchema,
    context: &'c Context,
}

/// A row of the table while it is made.
struct TableRow {
    over: Cell,
    key: Arc<str>,
    origin: GroupOrigin,
    /// Value of the second field (empty without one) → what was gathered for each aggregate.
    series: BTreeMap<Arc<str>, Vec<Gathered>>,
}

impl<'c> ChartOperator<'c> {
    pub(super) fn new(options: &ir::Chart, before: &RowSchema, step: &Step, context: &'c Context) -> Self {
        let by = &options.stats.by;
        let width = before.columns.len();
        // The keys stand behind the columns of a row: a bucket of its time, and a name where the second field is missing.
        let places = (0..by.len()).map(|place| Some(width + place)).collect();
        let slot = |place: usize| by.get(place).and_then(|field| before.place(&field.name));
        let groups = RowGroups::at(places, &options.stats.aggregates, before);
        Self { over: slot(0), split: slot(1), groups, options: options.clone(), columns: step.row.clone(), context }
    }

    /// The value of the row field: the beginning of a bucket of time, or as it is.
    fn over(&self, cells: &[Cell]) -> Cell {
        let value = self.over.map_or(Cell::Null, |place| cells[place].clone());
        match self.options.bucket {
            Some(span) => value.number().map_or(Cell::Null, |time| Cell::number_of((time / span).floor() * span)),
            None => value,
        }
    }

    fn split(&self, cells: &[Cell]) -> Cell {
        let value = self.split.map_or(Cell::Null, |place| cells[place].clone());
        match &self.options.null {
            Some(name) if value.is_null() => Cell::text_of(name.as_str()),
            _ => value,
        }
    }

    /// The rows of the table, in the order of the row field.
    fn table(&self, groups: Vec<Grouped>) -> Vec<TableRow> {
        let mut rows: Vec<TableRow> = Vec::new();
        for mut group in groups {
            if rows.last().is_none_or(|row| row.key != group.key[0]) {
                rows.push(TableRow {
                    over: group.value(0),
                    key: group.key[0].clone(),
                    origin: GroupOrigin::default(),
                    series: BTreeMap::new(),
                });
            }
            let Some(row) = rows.last_mut() else { continue };
            // A number where only numbers are in all of the row (rule P3).
            if let text @ Cell::Text(_) = group.value(0) {
                row.over = text;
            }
            let name = group.key.get(1).cloned().unwrap_or_else(|| Arc::from(""));
            row.series.insert(name, std::mem::take(&mut group.gathered));
            row.origin.add(&RowOrigin::Group(Box::new(group.origin)));
        }
        rows.sort_by(|a, b| order(&a.key, &b.key).then_with(|| a.key.cmp(&b.key)));
        rows
    }

    /// The values of the second field that the limit leaves out.
    fn left_out(&self, rows: &mut [TableRow]) -> BTreeSet<Arc<str>> {
        let Some(limit) = self.options.limit.filter(|_| self.options.is_split()) else { return BTreeSet::new() };
        let mut sums: BTreeMap<Arc<str>, f64> = BTreeMap::new();
        for row in rows {
            for (name, gathered) in &mut row.series {
                let first = self.groups.aggregates().first().zip(gathered.first_mut());
                let value = first.and_then(|(aggregate, gathered)| aggregate.result(gathered).number());
                *sums.entry(name.clone()).or_insert(0.0) += value.unwrap_or(0.0);
            }
        }
        if let Some(name) = &self.options.null {
            sums.remove(name.as_str());
        }
        let mut ranked: Vec<(Arc<str>, f64)> = sums.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ranked.into_iter().skip(usize::try_from(limit).unwrap_or(usize::MAX)).map(|(name, _)| name).collect()
    }

    /// Puts what the limit leaves out together under one name, or away.
    fn fold(&self, row: &mut TableRow, left_out: &BTreeSet<Arc<str>>) -> usize {
        let mut bytes = 0;
        for name in left_out {
            let Some(gathered) = row.series.remove(name) else { continue };
            let Some(other) = &self.options.other else { continue };
            let aggregates = self.groups.aggregates();
            let sum = row.series.entry(Arc::from(other.as_str())).or_insert_with(|| aggregates.iter().map(|a| a.start()).collect());
            for ((aggregate, into), from) in aggregates.iter().zip(sum).zip(gathered) {
                bytes += aggregate.merge(into, from);
            }
        }
        bytes
    }

    /// A row of the result. Columns of the second field that no later stage names share one cell.
    fn row(&self, table_row: TableRow) -> Row {
        let TableRow { over, key, mut origin, series } = table_row;
        let field = &self.options.stats.by[0].name;
        let mut cells = vec![Cell::Null; self.columns.columns.len()];
        if let Some(place) = self.columns.place(field) {
            cells[place] = over;
        }
        let mut spread: Vec<Arc<str>> = Vec::new();
        for (value, gathered) in series {
            let aliases = self.options.stats.aggregates.iter().map(|aggregate| &aggregate.alias);
            for ((aggregate, alias), gathered) in self.groups.aggregates().iter().zip(aliases).zip(gathered) {
                let name = self.column_name(alias, &value);
                let made = aggregate.finish(gathered);
                match self.columns.place(&name) {
                    Some(place) if name != *field && name != SPREAD => cells[place] = made,
                    _ => add_column(&mut spread, &name, &made),
                }
            }
        }
        if let Some(place) = self.columns.place(SPREAD).filter(|_| self.options.is_split()) {
            cells[place] = Cell::list_of(spread);
        }
        origin.settle();
        origin.key = RowKey::Group(GroupKey::new([Arc::from(field.as_str())].into(), [key].into()));
        Row { cells, origin: RowOrigin::Group(Box::new(origin)) }
    }

    fn column_name(&self, alias: &str, value: &str) -> String {
        match (self.options.is_split(), self.options.stats.aggregates.len()) {
            (false, _) => alias.to_owned(),
            (true, 1) => value.to_owned(),
            (true, _) => format!("{alias}: {value}"),
        }
    }

    /// A bucket without a row: nothing was gathered.
    fn empty_row(&self, time: f64, names: &BTreeSet<Arc<str>>) -> TableRow {
        let start = || self.groups.aggregates().iter().map(|aggregate| aggregate.start()).collect();
        let series = names.iter().map(|name| (name.clone(), start())).collect();
        let over = Cell::number_of(time);
        TableRow {
            key: over.text().map_or_else(|| Arc::from(""), |text| Arc::from(text.as_ref())),
            over,
            origin: GroupOrigin::default(),
            series,
        }
    }
}

impl Operator for ChartOperator<'_> {
    fn push(&mut self, row: Row, budget: &mut MemoryBudget) -> Pushed {
        let keys = if self.options.is_split() { vec![self.over(&row.cells), self.split(&row.cells)] } else { vec![self.over(&row.cells)] };
        let Row { mut cells, origin } = row;
        cells.extend(keys);
        self.groups.add(&Row { cells, origin }, self.context, budget)?;
        held()
    }

    fn finish(&mut self, budget: &mut MemoryBudget) -> Result<Vec<Row>, Fault> {
        let (groups, taken) = self.groups.take();
        let mut table = self.table(groups);
        let left_out = self.left_out(&mut table);
        for row in &mut table {
            budget.take(self.fold(row, &left_out))?;
        }
        // A column counts nothing where a row has none of it: `0` of a count, nothing of all else.
        let names: BTreeSet<Arc<str>> = table.iter().flat_map(|row| row.series.keys().cloned()).collect();
        let mut rows: Vec<Row> = Vec::with_capacity(table.len());
        let mut next: Option<f64> = None;
        for mut table_row in table {
            let span = self.options.bucket.filter(|_| self.options.continuous);
            if let (Some(span), Some(time)) = (span, table_row.over.number()) {
                while let Some(missing) = next.filter(|next| *next < time - span / 2.0) {
                    let row = self.row(self.empty_row(missing, &names));
                    budget.take(row.size_bytes())?;
                    rows.push(row);
                    next = Some(missing + span);
                }
                next = Some(time + span);
            }
            for name in &names {
                let start = || self.groups.aggregates().iter().map(|aggregate| aggregate.start()).collect();
                table_row.series.entry(name.clone()).or_insert_with(start);
            }
            let row = self.row(table_row);
            budget.take(row.size_bytes())?;
            rows.push(row);
        }
        budget.give(taken);
        Ok(rows)
    }
}
