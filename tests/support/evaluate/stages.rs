//! Stages: rows in, rows out.

mod across;
mod convert;
mod rewrite;
mod running;
mod summary;
mod unpack;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use retrohunt::ir::{Aggregate, Case, Dedup, Field, HeadWhile, Query, Rename, Scalar, SortBy, SortKey, Stage, Stats, Vocabulary};

use super::pred::{Subject, passes};
use super::scalar::{Value, evaluate};
use super::{Event, Row, aggregate, brackets, text, time};

/// The column that carries the id of an event behind the row; no rule names it, and no stage removes it. A row without it
/// is an aggregation of nothing.
pub(crate) const ID: &str = "\0id";

/// What a row of no event carries in that column: it is a finding as others are, which an aggregation of nothing is not.
pub(crate) fn made() -> (String, Value) {
    (ID.to_owned(), Value::Number(0.0))
}

/// The names by which an event's envelope answers.
pub(crate) const ENVELOPE: [&str; 5] = ["EventID", "EventCode", "Channel", "Computer", "_time"];

/// Rows at one point of a pipeline.
#[derive(Default)]
pub(crate) struct Table {
    /// The columns that a pattern may mean, also where they are null in every row; in their order, no name twice.
    pub(crate) columns: Vec<String>,
    /// The rows, in order.
    pub(crate) rows: Vec<Row>,
}

/// What queries are asked about.
pub(crate) trait World {
    /// The rows of a query's source that pass its filter, newest first where they are events.
    fn first(&self, query: &Query) -> Table;

    /// The rows after the last stage of a query.
    fn result(&self, query: &Query) -> Table;
}

pub(crate) use across::rows_of;

/// The rows after the last stage of a query, whose searches in brackets run first.
pub(crate) fn through(query: &Query, world: &dyn World) -> Table {
    let query = brackets::resolved(query, world);
    let mut table = world.first(&query);
    query.stages.iter().for_each(|stage| table.apply(stage, world));
    table
}

/// The row of an event: its fields, its envelope, `_time`.
fn event_row(event: &Event) -> Row {
    let mut row = Row::new();
    for name in event.fields.iter().map(|(name, _)| name.as_str()).chain(ENVELOPE) {
        let value = event.value(&Field { name: name.to_owned(), vocabulary: Vocabulary::Splunk });
        set(&mut row, name, value);
    }
    #[allow(clippy::cast_precision_loss, reason = "test ids are small")]
    set(&mut row, ID, Value::Number(event.id as f64));
    set(&mut row, "_time", Value::Number(text::seconds(event.time_us).parse().expect("a decimal number")));
    row
}

fn set(row: &mut Row, name: &str, value: Value) {
    match value {
        Value::Null => row.remove(name),
        value => row.insert(name.to_owned(), value),
    };
}

impl Table {
    /// The rows of events; the columns are those of all events.
    pub(crate) fn of_events(rows: &[&Event], all: &[Event]) -> Self {
        let names: BTreeSet<&str> =
            all.iter().flat_map(|event| event.fields.iter().map(|(name, _)| name.as_str())).chain(ENVELOPE).collect();
        let columns = names.into_iter().map(str::to_owned).collect();
        Self { columns, rows: rows.iter().map(|event| event_row(event)).collect() }
    }

    /// Adds a column where there is none of the name.
    fn know(&mut self, name: &str) {
        if !self.columns.iter().any(|column| column == name) {
            self.columns.push(name.to_owned());
        }
    }

    /// Applies one stage.
    pub(crate) fn apply(&mut self, stage: &Stage, world: &dyn World) {
        match stage {
            Stage::Filter(pred) => self.rows.retain(|row| passes(pred, row)),
            Stage::Eval(assignments) => {
                for (name, expression) in assignments {
                    self.put(name, |row| Some(evaluate(expression, row)));
                }
            }
            Stage::Stats(stats) => self.stats(stats),
            Stage::EventStats(stats) => self.event_stats(stats),
            Stage::Rename(renames) => renames.iter().for_each(|rename| self.rename(rename)),
            Stage::Keep(patterns) => self.keep(patterns),
            Stage::Drop(patterns) => self.retain(|name| !patterns.iter().any(|pattern| is_meant(pattern, name))),
            Stage::Sort { keys, limit } => {
                self.rows.sort_by(|a, b| sort_order(keys, a, b));
                self.rows.truncate(limit.map_or(usize::MAX, size));
            }
            Stage::Head(count) => self.rows.truncate(size(*count)),
            Stage::HeadWhile(head) => self.head_while(head),
            Stage::Dedup(dedup) => self.rows = first_of_each(dedup, std::mem::take(&mut self.rows)),
            Stage::FillNull { fields, value } => self.fill_null(fields, value),
            Stage::Bin { field, span, alias } => {
                let binned = |row: &Row| row.get(field).and_then(Value::number).map(|n| Value::Number((n / span).floor() * span));
                self.put(alias.as_ref().unwrap_or(field), binned);
            }
            Stage::FormatTime { fields, format } => {
                for field in fields {
                    let written = |row: &Row| time::format(row.get(field)?.number()?, format).map(Value::Text);
                    self.rows.iter_mut().for_each(|row| put(row, field, written(row)));
                }
            }
            Stage::Extract(extract) => self.extract(extract),
            Stage::Substitute(substitute) => self.substitute(substitute),
            Stage::Replace(replace) => self.replace(replace),
            Stage::Unpack(unpack) => self.unpack(unpack),
            Stage::MakeList(make) => self.make_list(make),
            Stage::Expand { field, limit } => self.expand(field, *limit),
            Stage::Combine { field, .. } => self.combine(field),
            Stage::JoinMembers { field, delimiter } => self.join_members(field, delimiter),
            Stage::Convert(convert) => self.convert(convert),
            Stage::StreamStats(stream) => self.stream_stats(stream),
            Stage::Transaction(transaction) => self.transaction(transaction),
            Stage::Frequent(frequent) => self.frequent(frequent),
            Stage::AddTotals(totals) => self.add_totals(totals),
            Stage::Chart(chart) => self.chart(chart),
            Stage::ForEach(each) => self.for_each(each),
            Stage::FillDown(fields) => self.fill_down(fields),
            Stage::Tail(count) => {
                self.rows.reverse();
                self.rows.truncate(size(*count));
            }
            Stage::Reverse => self.rows.reverse(),
            Stage::Lookup(lookup) => self.lookup(lookup),
            Stage::Join(join) => self.join(join, world),
            Stage::Map(map) => self.map(map, world),
            Stage::Append(query) => self.append(query, world),
            Stage::AppendPipe(stages) => self.append_pipe(stages, world),
            Stage::Format => self.format(),
        }
    }

    /// The named columns in the order of the names; of a pattern in the order in which they stand.
    fn keep(&mut self, patterns: &[String]) {
        let mut kept: Vec<String> = Vec::new();
        for pattern in patterns {
            let meant = self.columns.iter().filter(|name| is_meant(pattern, name) && !kept.contains(name)).cloned().collect::<Vec<_>>();
            kept.extend(meant);
            // What is named is a column from here on, also where no row has it.
            if !pattern.contains('*') && !kept.contains(pattern) {
                kept.push(pattern.clone());
            }
        }
        self.rows.iter_mut().for_each(|row| row.retain(|name, _| name == ID || patterns.iter().any(|pattern| is_meant(pattern, name))));
        self.columns = kept;
    }

    /// Sets a column of each row; a row for which there is nothing to say keeps what it has.
    fn put(&mut self, name: &str, value: impl Fn(&Row) -> Option<Value>) {
        self.know(name);
        self.rows.iter_mut().for_each(|row| put(row, name, value(row)));
    }

    fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.columns.retain(|name| is_kept(name));
        self.rows.iter_mut().for_each(|row| row.retain(|name, _| name == ID || is_kept(name)));
    }

    /// Rows up to the first for which the condition is not true.
    fn head_while(&mut self, head: &HeadWhile) {
        self.rows.truncate(head.limit.map_or(usize::MAX, size));
        let end = self.rows.iter().position(|row| evaluate(&head.condition, row) != Value::Bool(true));
        if let Some(end) = end {
            self.rows.truncate(end + usize::from(head.keep_last));
        }
    }

    /// Aggregates with one for each column in place of those over patterns.
    fn without_patterns(&self, stats: &Stats) -> Stats {
        let mut aggregates = Vec::new();
        for aggregate in &stats.aggregates {
            let Some(Scalar::Field(field)) = aggregate.argument.as_ref().filter(|_| aggregate.alias.contains('*')) else {
                aggregates.push(aggregate.clone());
                continue;
            };
            let is_by = |name: &String| stats.by.iter().any(|by| by.name == *name);
            for name in self.columns.iter().filter(|name| is_meant(&field.name, name) && !is_by(name)) {
                let taken = across::segments(&field.name, name);
                let mut taken = taken.iter();
                let pieces: Vec<&str> = aggregate.alias.split('*').collect();
                let fill = |out: String, piece: &&str| out + taken.next().map_or("", String::as_str) + piece;
                let alias = pieces[1..].iter().fold(pieces[0].to_owned(), fill);
                let argument = Some(Scalar::Field(Field { name: name.clone(), vocabulary: Vocabulary::Row }));
                aggregates.push(Aggregate { function: aggregate.function, argument, alias });
            }
        }
        Stats { aggregates, ..stats.clone() }
    }

    fn stats(&mut self, stats: &Stats) {
        let stats = &self.without_patterns(stats);
        self.rows = groups(stats, &self.rows).into_iter().map(|(key, rows)| stats_row(stats, &key, &rows)).collect();
        self.columns.clear();
        let names = stats.by.iter().map(|field| &field.name).chain(stats.aggregates.iter().map(|aggregate| &aggregate.alias));
        names.for_each(|name| self.know(name));
    }

    fn event_stats(&mut self, stats: &Stats) {
        let stats = &self.without_patterns(stats);
        let groups = groups(stats, &self.rows);
        for row in &mut self.rows {
            let Some(group) = keys(stats, row).into_iter().next().and_then(|key| groups.get(&key)) else { continue };
            for aggregate in &stats.aggregates {
                set(row, &aggregate.alias, aggregate::compute(aggregate, group));
            }
        }
        stats.aggregates.iter().for_each(|aggregate| self.know(&aggregate.alias));
    }

    /// Renames one column; what had the new name is gone. Or at the same time all that a pattern means of what the row has.
    fn rename(&mut self, rename: &Rename) {
        let pairs = self.pairs(rename);
        let is_pattern = rename.from.contains('*');
        for row in &mut self.rows {
            let values: Vec<Option<Value>> = pairs.iter().map(|(from, _)| row.remove(from)).collect();
            for ((_, to), value) in pairs.iter().zip(values).filter(|(_, value)| value.is_some() || !is_pattern) {
                set(row, to, value.unwrap_or(Value::Null));
            }
        }
        // A column keeps its place under its new name.
        let renamed: Vec<String> = std::mem::take(&mut self.columns)
            .into_iter()
            .filter_map(|column| match pairs.iter().find(|(from, _)| *from == column) {
                Some((_, to)) => Some(to.clone()),
                None => (!pairs.iter().any(|(_, to)| *to == column)).then_some(column),
            })
            .collect();
        renamed.iter().for_each(|name| self.know(name));
    }

    fn pairs(&self, rename: &Rename) -> Vec<(String, String)> {
        let (Some((before, after)), Some((new_before, new_after))) = (rename.from.split_once('*'), rename.to.split_once('*')) else {
            return vec![(rename.from.clone(), rename.to.clone())];
        };
        let meant = self.columns.iter().filter(|name| is_meant(&rename.from, name));
        meant.map(|name| (name.clone(), format!("{new_before}{}{new_after}", &name[before.len()..name.len() - after.len()]))).collect()
    }

    /// Without names all columns are filled that have a value in some row.
    fn fill_null(&mut self, fields: &[String], value: &str) {
        let all = || self.rows.iter().flat_map(|row| row.keys().filter(|name| is_meant("*", name)).cloned()).collect();
        let names: BTreeSet<String> = if fields.is_empty() { all() } else { fields.iter().cloned().collect() };
        for name in names {
            self.put(&name, |row| (!row.contains_key(&name)).then(|| Value::Text(value.to_owned())));
        }
    }
}

fn put(row: &mut Row, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        set(row, name, value);
    }
}

fn size(count: u64) -> usize {
    usize::try_from(count).expect("64-bit")
}

/// Whether a name or pattern means a column. A pattern leaves names alone that begin with `_` unless it begins so itself.
fn is_meant(pattern: &str, name: &str) -> bool {
    if pattern.contains('*') && (name == ID || (name.starts_with('_') && !pattern.starts_with('_'))) {
        return false;
    }
    text::glob_matches(&text::pattern_of(pattern), name, Case::Exact)
}

/// Groups by the texts of the by-fields, which stay numbers where all of a group are. A list counts once per member, a
/// missing value drops the row or is filled.
fn groups(stats: &Stats, rows: &[Row]) -> BTreeMap<Vec<String>, Vec<Row>> {
    let mut groups: BTreeMap<Vec<String>, Vec<Row>> = BTreeMap::new();
    if stats.by.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for row in rows {
        for key in keys(stats, row) {
            groups.entry(key).or_default().push(row.clone());
        }
    }
    groups
}

fn keys(stats: &Stats, row: &Row) -> Vec<Vec<String>> {
    stats.by.iter().fold(vec![Vec::new()], |keys, field| {
        let members = row.texts(field).or_else(|| stats.fill_null_by.clone().map(|fill| vec![fill])).unwrap_or_default();
        let extend = |key: &Vec<String>| members.iter().map(|m| [key.as_slice(), std::slice::from_ref(m)].concat()).collect::<Vec<_>>();
        keys.iter().flat_map(extend).collect()
    })
}

fn stats_row(stats: &Stats, key: &[String], rows: &[Row]) -> Row {
    let mut row = Row::new();
    for (field, text) in stats.by.iter().zip(key) {
        let of = |row: &Row| row.get(&field.name).cloned().unwrap_or(Value::Null);
        let is_number = rows.iter().all(|row| matches!(of(row), Value::Number(_) | Value::Decimal(..)));
        let number = rows.first().map(of).filter(|_| is_number);
        set(&mut row, &field.name, number.unwrap_or_else(|| Value::Text(text.clone())));
    }
    for aggregate in &stats.aggregates {
        set(&mut row, &aggregate.alias, aggregate::compute(aggregate, rows));
    }
    if let Some(id) = rows.iter().find_map(|row| row.get(ID)) {
        row.insert(ID.to_owned(), id.clone());
    }
    row
}

fn sort_order(keys: &[SortKey], a: &Row, b: &Row) -> Ordering {
    keys.iter().fold(Ordering::Equal, |so_far, key| {
        so_far.then_with(|| {
            let text = |row: &Row| row.get(&key.field).and_then(Value::text).filter(|text| compares(key.by, text));
            let order = match (text(a), text(b)) {
                (Some(a), Some(b)) => order_by(key.by, &a, &b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            if key.descending { order.reverse() } else { order }
        })
    })
}

/// Whether a value is one of the kind that is compared; others are missing.
fn compares(by: SortBy, value: &str) -> bool {
    match by {
        SortBy::Auto | SortBy::Text => true,
        SortBy::Number => text::number(value).is_some(),
        SortBy::Address => value.parse::<IpAddr>().is_ok(),
    }
}

fn order_by(by: SortBy, a: &str, b: &str) -> Ordering {
    match by {
        SortBy::Auto | SortBy::Number => aggregate::order(a, b),
        SortBy::Text => a.as_bytes().cmp(b.as_bytes()),
        SortBy::Address => a.parse::<IpAddr>().ok().cmp(&b.parse::<IpAddr>().ok()),
    }
}

/// The first rows of each combination of values; equal are values that are shown the same.
fn first_of_each(dedup: &Dedup, rows: Vec<Row>) -> Vec<Row> {
    let mut seen: BTreeMap<Vec<Option<Vec<String>>>, u64> = BTreeMap::new();
    let mut out = Vec::new();
    for mut row in rows {
        let value = |name: &String| row.get(name).and_then(Value::members);
        let is_all = dedup.fields.is_empty();
        let key: Vec<Option<Vec<String>>> = if is_all {
            row.iter()
                .filter(|(name, _)| *name != ID)
                .map(|(name, value)| Some([vec![name.clone()], value.members().unwrap_or_default()].concat()))
                .collect()
        } else {
            dedup.fields.iter().map(value).collect()
        };
        if !is_all && key.iter().any(Option::is_none) {
            out.extend(dedup.keep_empty.then_some(row));
            continue;
        }
        if dedup.consecutive && !seen.contains_key(&key) {
            seen.clear();
        }
        let times = seen.entry(key).or_default();
        *times += 1;
        if *times <= dedup.count {
            out.push(row);
        } else if dedup.keep_events {
            dedup.fields.iter().for_each(|name| drop(row.remove(name)));
            out.push(row);
        }
    }
    out
}
