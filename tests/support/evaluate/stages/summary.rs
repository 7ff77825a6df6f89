//! Stages that make tables of numbers: the most frequent values, sums, charts.

use std::collections::{BTreeMap, BTreeSet};

use retrohunt::ir::{AddTotals, Aggregate, Chart, Frequent, TotalsRow};

use super::super::scalar::Value;
use super::super::{Row, aggregate};
use super::{ID, Table, is_meant, set, size};

/// The column of a row's bucket while a chart is made.
const BUCKET: &str = "\0bucket";

/// The column of a row's place while a chart is made.
const PLACE: &str = "\0place";

/// Shares are written with so many decimal places.
const PLACES: f64 = 1e6;

#[allow(clippy::cast_precision_loss, reason = "test groups are small")]
fn number(count: usize) -> f64 {
    count as f64
}

/// The combinations of members that a row has in some columns; none where a value is missing.
pub(super) fn combinations<'n>(row: &Row, names: impl IntoIterator<Item = &'n String>) -> Vec<Vec<String>> {
    names.into_iter().fold(vec![Vec::new()], |all, name| {
        let members = row.get(name).and_then(Value::members).unwrap_or_default();
        all.iter().flat_map(|key| members.iter().map(|m| [key.as_slice(), std::slice::from_ref(m)].concat()).collect::<Vec<_>>()).collect()
    })
}

impl Table {
    /// The most frequent or the rarest values of each group.
    pub(super) fn frequent(&mut self, frequent: &Frequent) {
        let mut groups: BTreeMap<Vec<String>, BTreeMap<Vec<String>, Vec<Row>>> = BTreeMap::new();
        for row in &self.rows {
            for by in combinations(row, &frequent.by) {
                for values in combinations(row, &frequent.fields) {
                    groups.entry(by.clone()).or_default().entry(values).or_default().push(row.clone());
                }
            }
        }
        let columns: Vec<&String> = frequent.by.iter().chain(&frequent.fields).chain(&frequent.count).chain(&frequent.percent).collect();
        let mut rows = Vec::new();
        for (by, values) in &groups {
            let total: usize = values.values().map(Vec::len).sum();
            let mut ordered: Vec<_> = values.iter().collect();
            // Equally frequent ones stay in the order of their texts.
            ordered.sort_by_key(|(_, rows)| if frequent.rare { number(rows.len()) } else { -number(rows.len()) } as i64);
            let shown = if frequent.limit == 0 { ordered.len() } else { size(frequent.limit).min(ordered.len()) };
            let mut add = |values: Vec<Value>, of: &[Row], count: usize| {
                let mut row = Row::new();
                let by = by.iter().zip(&frequent.by).map(|(text, name)| (name, typed(name, text, of)));
                for (name, value) in by.chain(frequent.fields.iter().zip(values)) {
                    set(&mut row, name, value);
                }
                frequent.count.iter().for_each(|name| set(&mut row, name, Value::Number(number(count))));
                let percent = (number(count) * 100.0 / number(total) * PLACES).round() / PLACES;
                frequent.percent.iter().for_each(|name| set(&mut row, name, Value::Text(format!("{percent:.6}"))));
                row.extend(of.iter().find_map(|row| row.get(ID)).map(|id| (ID.to_owned(), id.clone())));
                rows.push(row);
            };
            for (values, of) in &ordered[..shown] {
                let values = values.iter().zip(&frequent.fields).map(|(text, name)| typed(name, text, of)).collect();
                add(values, of, of.len());
            }
            if let Some(other) = frequent.other.as_ref().filter(|_| shown < ordered.len()) {
                let rest: Vec<Row> = ordered[shown..].iter().flat_map(|(_, rows)| (*rows).clone()).collect();
                add(vec![Value::Text(other.clone()); frequent.fields.len()], &rest, rest.len());
            }
        }
        *self = Self { columns: columns.into_iter().cloned().collect(), rows };
    }

    /// Sums of a row's numbers, and of the columns' numbers.
    pub(super) fn add_totals(&mut self, totals: &AddTotals) {
        let is_summed = |name: &String| {
            if totals.fields.is_empty() { is_meant("*", name) } else { totals.fields.iter().any(|pattern| is_meant(pattern, name)) }
        };
        let summed: Vec<String> = self.columns.iter().filter(|name| is_summed(name)).cloned().collect();
        if let Some(name) = &totals.row {
            for row in &mut self.rows {
                let others = summed.iter().filter(|summed| *summed != name);
                let numbers = others.filter_map(|name| row.get(name).and_then(Value::number));
                let sum = numbers.fold(0.0, |a, b| a + b);
                set(row, name, Value::Number(sum));
            }
            self.know(name);
        }
        if let Some(TotalsRow { field, label }) = &totals.column {
            let mut last = Row::new();
            for name in summed.iter().chain(totals.row.as_ref().filter(|name| !summed.contains(name))) {
                let numbers: Vec<f64> = self.rows.iter().filter_map(|row| row.get(name).and_then(Value::number)).collect();
                if !numbers.is_empty() {
                    set(&mut last, name, Value::Number(numbers.iter().sum()));
                }
            }
            if let Some(field) = field {
                self.know(field);
                set(&mut last, field, Value::Text(label.clone()));
            }
            last.extend(self.rows.iter().find_map(|row| row.get(ID)).map(|id| (ID.to_owned(), id.clone())));
            self.rows.push(last);
        }
    }

    /// Aggregates over one column, or over two of which the second's values become columns.
    pub(super) fn chart(&mut self, chart: &Chart) {
        let mut chart = chart.clone();
        if let Some(span) = chart.bucket {
            // Rows are told apart by their bucket; aggregates see the time itself.
            for row in &mut self.rows {
                if let Some(at) = row.get("_time").and_then(Value::number) {
                    set(row, BUCKET, Value::Number((at / span).floor() * span));
                }
            }
            chart.stats.by[0].name = BUCKET.to_owned();
        }
        let made = if chart.is_split() {
            self.cross(&chart)
        } else {
            self.stats(&chart.stats);
            chart.stats.aggregates.iter().map(|aggregate| (aggregate.alias.clone(), aggregate.clone())).collect()
        };
        for row in &mut self.rows {
            let bucket = row.remove(BUCKET).map(|bucket| ("_time".to_owned(), bucket));
            row.extend(bucket);
        }
        self.columns.iter_mut().filter(|name| *name == BUCKET).for_each(|name| "_time".clone_into(name));
        if let Some(span) = chart.bucket.filter(|_| chart.continuous) {
            self.fill_buckets(span, &made);
        }
    }

    /// A row for each value of the first field, a column for each value of the second. Returns these columns and what is in them.
    fn cross(&mut self, chart: &Chart) -> Vec<(String, Aggregate)> {
        let stats = self.without_patterns(&chart.stats);
        let [over, split] = &stats.by[..] else { unreachable!("two fields") };
        let members = |row: &Row, name: &str| row.get(name).and_then(Value::members).unwrap_or_default();
        let mut cells: Cells = BTreeMap::new();
        for (place, row) in self.rows.iter_mut().enumerate() {
            set(row, PLACE, Value::Number(number(place)));
            let splits = members(row, &split.name);
            let splits: Vec<Option<String>> = if splits.is_empty() { vec![None] } else { splits.into_iter().map(Some).collect() };
            for text in members(row, &over.name) {
                for split in &splits {
                    cells.entry(text.clone()).or_default().entry(split.clone()).or_default().push(row.clone());
                }
            }
        }
        let shown = greatest(&cells, &stats.aggregates[0], chart.limit);
        let column = |split: &Option<String>| match split {
            None => chart.null.clone(),
            Some(text) if shown.contains(text) => Some(text.clone()),
            Some(_) => chart.other.clone(),
        };
        let names: BTreeSet<String> = cells.values().flat_map(BTreeMap::keys).filter_map(column).collect();
        let is_many = stats.aggregates.len() > 1;
        let written = |aggregate: &Aggregate, name: &String| if is_many { format!("{}: {name}", aggregate.alias) } else { name.clone() };
        let mut rows = Vec::new();
        for (text, splits) in &cells {
            // What the limit leaves out has a row, though no column: it counts nothing there.
            let of_row = splits.iter().filter(|(split, _)| split.is_some() || chart.null.is_some());
            let all: Vec<Row> = of_row.flat_map(|(_, rows)| rows.clone()).collect();
            if all.is_empty() {
                continue;
            }
            let mut row = Row::new();
            for name in &names {
                let of = splits.iter().filter(|(split, _)| column(split).as_ref() == Some(name));
                let mut of: Vec<Row> = of.flat_map(|(_, rows)| rows.clone()).collect();
                let place = |row: &Row| row.get(PLACE).and_then(Value::number);
                of.sort_by(|a, b| place(a).partial_cmp(&place(b)).expect("places are numbers"));
                for aggregate in &stats.aggregates {
                    set(&mut row, &written(aggregate, name), aggregate::compute(aggregate, &of));
                }
            }
            set(&mut row, &over.name, typed(&over.name, text, &all));
            row.extend(all.iter().find_map(|row| row.get(ID)).map(|id| (ID.to_owned(), id.clone())));
            rows.push(row);
        }
        *self = Self { columns: vec![over.name.clone()], rows };
        let made = |aggregate: &Aggregate| names.iter().map(|name| (written(aggregate, name), aggregate.clone())).collect::<Vec<_>>();
        let made: Vec<(String, Aggregate)> = stats.aggregates.iter().flat_map(made).collect();
        made.iter().for_each(|(name, _)| self.know(name));
        made
    }

    /// A row for each bucket between the first and the last; a count there is 0.
    fn fill_buckets(&mut self, span: f64, made: &[(String, Aggregate)]) {
        let times: Vec<f64> = self.rows.iter().filter_map(|row| row.get("_time").and_then(Value::number)).collect();
        let (Some(first), Some(last)) = (times.iter().copied().reduce(f64::min), times.iter().copied().reduce(f64::max)) else { return };
        let mut at = first;
        while at < last {
            if !times.contains(&at) {
                let mut row: Row = [("_time".to_owned(), Value::Number(at))].into();
                made.iter().for_each(|(name, aggregate)| set(&mut row, name, aggregate::compute(aggregate, &[])));
                self.rows.push(row);
            }
            at += span;
        }
        self.rows.sort_by(|a, b| {
            let time = |row: &Row| row.get("_time").and_then(Value::number);
            time(a).partial_cmp(&time(b)).expect("times are numbers")
        });
    }
}

/// By a value of the first field the rows of each value of the second, or of none.
type Cells = BTreeMap<String, BTreeMap<Option<String>, Vec<Row>>>;

/// The values of the second field whose sums of the first aggregate are greatest.
fn greatest(cells: &Cells, first: &Aggregate, limit: Option<u64>) -> Vec<String> {
    let mut sums: BTreeMap<&String, f64> = BTreeMap::new();
    for (split, rows) in cells.values().flatten().filter_map(|(split, rows)| Some((split.as_ref()?, rows))) {
        *sums.entry(split).or_default() += aggregate::compute(first, rows).number().unwrap_or(0.0);
    }
    let mut order: Vec<(&String, f64)> = sums.into_iter().collect();
    order.sort_by(|a, b| b.1.partial_cmp(&a.1).expect("finite"));
    order.into_iter().take(limit.map_or(usize::MAX, size)).map(|(text, _)| text.clone()).collect()
}

/// A value of a group: a number where only numbers are in it.
fn typed(name: &str, text: &str, rows: &[Row]) -> Value {
    let is_number = rows.iter().all(|row| matches!(row.get(name), Some(Value::Number(_) | Value::Decimal(..))));
    let first = if is_number { rows.first().and_then(|row| row.get(name)) } else { None };
    first.cloned().unwrap_or_else(|| Value::Text(text.to_owned()))
}
