//! Stages as SQL: each becomes a table `rN` of a WITH, over the one before.
//!
//! Tables only ever gain columns, until an aggregation starts anew: renaming, keeping and dropping change which
//! column stands for which name, and the last SELECT gives the names. So an order stays an expression over the
//! columns, and a name of a rule never decides a name in SQL (SQLite compares those without case).
//!
//! In a hunt every row carries where it comes from: `_ev` the events behind it (one id, or what `retro_ids` makes),
//! `_n` their number, `_t0` and `_t1` the times of the first and last.

use std::collections::BTreeSet;

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, SetExpr};

use super::aggregate::aggregate;
use super::ast::{self, Extras, Key, SelectParts};
use super::field;
use super::pred::{Fields, pred};
use super::scalar;
use super::writer::{Kind, Typed, Writer};
use crate::ir::{Field, Glob, Part, Rename, SortKey, Stage, Stats};

/// The alias of the table before.
const ROW: &str = "r";
/// Columns of every row of a hunt.
const PROVENANCE: [&str; 4] = ["_ev", "_n", "_t0", "_t1"];

/// A column of the rows: the rule's name for it, and SQL's.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// The rule's name.
    pub(super) name: String,
    /// The column in SQL.
    pub(super) sql: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether it may hold lists.
    pub(super) multi: bool,
    /// Portable SQL: the column beside it with the list's id.
    pub(super) list: Option<String>,
}

/// The rows after some stages.
pub(super) struct Rows<'a> {
    writer: &'a Writer,
    tables: Vec<(String, Query)>,
    columns: Vec<Column>,
    /// Names in SQL that are taken, in lower case.
    taken: BTreeSet<String>,
    order: Vec<Key>,
    /// Each row is one event.
    are_events: bool,
}

impl Fields<Field> for Rows<'_> {
    fn writer(&self) -> &Writer {
        self.writer
    }

    fn value(&self, field: &Field) -> Typed {
        self.value_of(&field.name)
    }

    fn test(&self, field: &Field, passes: &dyn Fn(Typed) -> Expr) -> Expr {
        let Some(column) = self.column(&field.name) else { return ast::truth(false) };
        let value = self.value_of(&field.name);
        match &column.list {
            Some(list) => field::some_member(ast::column(ROW, list), value.expr, &|x| passes(Typed::new(x, Kind::Text))),
            None if column.multi => self.writer.gap("a test of a computed multivalue field"),
            None => passes(value),
        }
    }

    fn all(&self) -> Vec<Field> {
        self.columns.iter().map(|c| Field { name: c.name.clone(), vocabulary: crate::ir::Vocabulary::Row }).collect()
    }
}

impl<'a> Rows<'a> {
    /// Starts from the matching events: a body whose first columns are the hidden ones, then these.
    pub(super) fn new(writer: &'a Writer, body: SetExpr, columns: Vec<Column>) -> Self {
        let hidden: &[&str] = if writer.is_portable() { &["_id", "_time_us"] } else { &PROVENANCE };
        let mut taken: BTreeSet<String> = hidden.iter().map(|name| (*name).to_owned()).collect();
        taken.extend(columns.iter().flat_map(|c| std::iter::once(&c.sql).chain(&c.list)).map(|name| name.to_lowercase()));
        let newest = if writer.is_portable() { ["_time_us", "_id"] } else { ["_t1", "_ev"] };
        let order = newest.map(|name| (ast::column(ROW, name), true)).to_vec();
        Self { writer, tables: vec![("r0".to_owned(), ast::query(body))], columns, taken, order, are_events: true }
    }

    /// Applies a stage.
    pub(super) fn apply(&mut self, stage: &Stage) {
        match stage {
            Stage::Filter(condition) => {
                let filter = pred(self, condition);
                self.push(Vec::new(), Some(filter));
            }
            Stage::Eval(assignments) => {
                for (name, expression) in assignments {
                    let value = scalar::data(self, expression);
                    self.assign(vec![(name.clone(), value)]);
                }
            }
            Stage::Stats(stats) => self.stats(stats),
            Stage::EventStats(stats) => self.event_stats(stats),
            Stage::Rename(renames) => renames.iter().for_each(|rename| self.rename(rename)),
            Stage::Keep(patterns) => self.keep(patterns),
            Stage::Drop(patterns) => self.columns.retain(|c| !patterns.iter().any(|p| wildcard(p).matches(&c.name))),
            Stage::Sort { keys, limit } => self.sort(keys, *limit),
            Stage::Head(count) => self.head(*count),
            Stage::Dedup { count, fields } => self.dedup(*count, fields),
            Stage::FormatTime { fields, format } => self.format_time(fields, format),
            Stage::FillNull { fields, value } => self.fill_null(fields, value),
            Stage::Bin { field, span, alias } => self.bin(field, *span, alias.as_ref()),
        }
    }

    /// Ends the pipeline: the rows in order under the rule's names, in a hunt with where they come from.
    pub(super) fn finish(self) -> (Query, Vec<String>) {
        let mut names: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
        let shown = |c: &Column| {
            let value = ast::column(ROW, &c.sql);
            if c.multi && !self.writer.is_portable() { ast::call("retro_to_text", vec![value]) } else { value }
        };
        let mut items: Vec<SelectItem> = self.columns.iter().map(|c| ast::item(shown(c), &c.name)).collect();
        if !self.writer.is_portable() {
            let events = ast::column(ROW, "_ev");
            let events = if self.are_events { ast::call("retro_event", vec![events]) } else { events };
            items.push(ast::item(events, "_ev"));
            items.extend(PROVENANCE[1..].iter().map(|name| ast::item(ast::column(ROW, name), name)));
            names.extend(PROVENANCE.iter().map(|name| (*name).to_owned()));
        }
        if items.is_empty() {
            items.push(ast::item(ast::null(), "_empty"));
            names.push("_empty".to_owned());
        }
        let last = ast::table(&[&self.last()], ROW);
        let body = ast::query(ast::select(SelectParts { items, from: vec![last], ..Default::default() }));
        let query = ast::ordered(body, self.order, None);
        (ast::with(query, self.tables, false), names)
    }

    fn last(&self) -> String {
        self.tables.last().map_or_else(String::new, |(name, _)| name.clone())
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    fn value_of(&self, name: &str) -> Typed {
        match self.column(name) {
            Some(c) => Typed { expr: ast::column(ROW, &c.sql), kind: c.kind, multi: c.multi },
            None => Typed::new(ast::null(), Kind::Text),
        }
    }

    /// Returns a name in SQL that nothing has yet.
    fn fresh(&mut self, name: &str) -> String {
        unused(&mut self.taken, name)
    }

    fn push(&mut self, more: Vec<SelectItem>, filter: Option<Expr>) {
        let items = std::iter::once(ast::everything(ROW)).chain(more).collect();
        let from = vec![ast::table(&[&self.last()], ROW)];
        self.push_query(ast::query(ast::select(SelectParts { items, from, filter, ..Default::default() })));
    }

    fn push_query(&mut self, query: Query) {
        self.tables.push((format!("r{}", self.tables.len()), query));
    }

    /// Adds columns, or replaces those that have the name.
    fn assign(&mut self, values: Vec<(String, Typed)>) {
        let mut items = Vec::new();
        for (name, value) in values {
            let sql = self.fresh(&name);
            items.push(ast::item(value.expr, &sql));
            let column = Column { name, sql, kind: value.kind, multi: value.multi, list: None };
            self.set(column);
        }
        self.push(items, None);
    }

    fn set(&mut self, column: Column) {
        match self.columns.iter_mut().find(|c| c.name == column.name) {
            Some(old) => *old = column,
            None => self.columns.push(column),
        }
    }

    fn rename(&mut self, rename: &Rename) {
        let pairs: Vec<(String, String)> = match (rename.from.split_once('*'), rename.to.split_once('*')) {
            (Some((before, after)), Some((new_before, new_after))) => {
                let new_name = |name: &String| {
                    let middle = name.strip_prefix(before)?.strip_suffix(after)?;
                    Some((name.clone(), format!("{new_before}{middle}{new_after}")))
                };
                self.columns.iter().filter_map(|c| new_name(&c.name)).collect()
            }
            _ => vec![(rename.from.clone(), rename.to.clone())],
        };
        for (from, to) in pairs {
            if from == to {
                continue;
            }
            // Where there is no `from`, an existing target becomes null.
            self.columns.retain(|c| c.name != to);
            if let Some(column) = self.columns.iter_mut().find(|c| c.name == from) {
                column.name = to;
            }
        }
    }

    fn keep(&mut self, patterns: &[String]) {
        let mut kept: Vec<Column> = Vec::new();
        for pattern in patterns.iter().map(String::as_str).chain(["_time"]) {
            let glob = wildcard(pattern);
            let found = self.columns.iter().filter(|c| glob.matches(&c.name));
            for column in found {
                if !kept.iter().any(|k| k.name == column.name) {
                    kept.push(column.clone());
                }
            }
        }
        self.columns = kept;
    }

    fn sort(&mut self, keys: &[SortKey], limit: Option<u64>) {
        let mut order = Vec::new();
        for key in keys {
            let value = self.value_of(&key.field);
            order.extend(scalar::sort_keys(self.writer, &value).into_iter().map(|expr| (expr, key.descending)));
        }
        order.append(&mut self.order);
        self.order = order;
        if let Some(limit) = limit {
            self.head(limit);
        }
    }

    fn head(&mut self, count: u64) {
        let from = vec![ast::table(&[&self.last()], ROW)];
        let all = ast::query(ast::select(SelectParts { items: vec![ast::everything(ROW)], from, ..Default::default() }));
        self.push_query(ast::ordered(all, self.order.clone(), Some(count)));
    }

    fn dedup(&mut self, count: u64, fields: &[String]) {
        let values: Vec<Expr> = fields.iter().map(|name| self.value_of(name).expr).collect();
        let present = ast::all(values.iter().cloned().map(ast::is_not_null).collect());
        let place = ast::call_with("row_number", Vec::new(), Extras { over: Some((values, self.order.clone())), ..Extras::default() });
        let name = self.fresh("_place");
        self.push(vec![ast::item(place, &name)], Some(present));
        let limit = ast::integer(i64::try_from(count).unwrap_or(i64::MAX));
        self.push(Vec::new(), Some(ast::op(ast::column(ROW, &name), BinaryOperator::LtEq, limit)));
    }

    /// The visible columns that names or patterns mean, in their order.
    fn matching(&self, patterns: &[String]) -> Vec<String> {
        let globs: Vec<Glob> = patterns.iter().map(|p| wildcard(p)).collect();
        self.columns.iter().filter(|c| globs.iter().any(|g| g.matches(&c.name))).map(|c| c.name.clone()).collect()
    }

    fn format_time(&mut self, fields: &[String], format: &str) {
        let values: Vec<(String, Typed)> = self
            .matching(fields)
            .into_iter()
            .map(|name| {
                let value = self.value_of(&name);
                let number = scalar::number_or_null(self.writer, &value);
                let text = if self.writer.is_portable() {
                    portable_time(self.writer, format, &number)
                } else {
                    ast::call("retro_strftime", vec![self.writer.text(format), number])
                };
                let other = if value.kind.is_number() && !self.writer.is_portable() {
                    ast::call("retro_to_text", vec![value.expr])
                } else {
                    value.expr
                };
                (name, Typed { expr: ast::call("coalesce", vec![text, other]), kind: Kind::Text, multi: value.multi })
            })
            .collect();
        if !values.is_empty() {
            self.assign(values);
        }
    }

    fn fill_null(&mut self, fields: &[String], text: &str) {
        let all = fields.is_empty();
        let names: Vec<String> = if all { self.columns.iter().map(|c| c.name.clone()).collect() } else { fields.to_vec() };
        let values: Vec<(String, Typed)> = names
            .into_iter()
            .map(|name| {
                let value = self.value_of(&name);
                // Without a list of fields, one that is null in every row stays so.
                let some =
                    ast::call_with("count", vec![value.expr.clone()], Extras { over: Some((Vec::new(), Vec::new())), ..Extras::default() });
                let filling = self.writer.text(text);
                let filling =
                    if all { ast::case(vec![(ast::op(some, BinaryOperator::Gt, ast::integer(0)), filling)], None) } else { filling };
                (
                    name,
                    Typed { expr: ast::call("coalesce", vec![value.expr, filling]), kind: value.kind.or(Kind::Text), multi: value.multi },
                )
            })
            .collect();
        if !values.is_empty() {
            self.assign(values);
        }
    }

    fn bin(&mut self, name: &str, span: f64, alias: Option<&String>) {
        let value = self.value_of(name);
        let number = scalar::number_or_null(self.writer, &value);
        let floor = scalar::floor(&ast::op(number.clone(), BinaryOperator::Divide, ast::real(span)));
        let is_whole = span.fract() == 0.0 && span < 1e15;
        #[allow(clippy::cast_possible_truncation, reason = "whole and below 10^15")]
        let width = if is_whole { ast::integer(span as i64) } else { ast::real(span) };
        let floored = ast::op(floor, BinaryOperator::Multiply, width);
        let target = alias.map_or(name, String::as_str).to_owned();
        let old = self.value_of(&target);
        let whole_kind = if is_whole { Kind::Integer } else { Kind::Number };
        let kind = if old.kind.is_number() || old.expr == ast::null() { whole_kind } else { old.kind.or(whole_kind) };
        let expr = ast::case(vec![(ast::is_not_null(number), floored)], Some(old.expr));
        self.assign(vec![(target, Typed::new(expr, kind))]);
    }

    /// A by-field's value for grouping, and the tables that give a row once per member of its list.
    fn by_value(&mut self, field: &Field, fill: Option<&String>, place: usize, tables: &mut ast::Tables) -> (Expr, Kind) {
        let value = self.value_of(&field.name);
        let filled = |x: Expr| match fill {
            Some(fill) => ast::call("coalesce", vec![x, self.writer.text(fill)]),
            None => x,
        };
        let kind = if fill.is_some() { value.kind.or(Kind::Text) } else { value.kind };
        if !value.multi {
            return (filled(value.expr), kind);
        }
        let alias = format!("_m{place}");
        if !self.writer.is_portable() {
            let members = ast::table_function("json_each", vec![ast::call("retro_members", vec![filled(value.expr)])], &alias);
            tables.cross(members);
            return (ast::column(&alias, "value"), Kind::Text);
        }
        let Some(list) = self.column(&field.name).and_then(|c| c.list.clone()) else {
            return (self.writer.gap("grouping by a computed multivalue field"), Kind::Text);
        };
        let same = ast::eq(ast::column(&alias, "list"), ast::column(ROW, &list));
        tables.outer(ast::derived(field::all_members(), &alias), same);
        (filled(ast::call("coalesce", vec![ast::column(&alias, "member"), value.expr])), kind)
    }

    fn time_column(&self) -> Option<Expr> {
        self.column("_time").map(|c| ast::column(ROW, &c.sql))
    }

    fn stats(&mut self, stats: &Stats) {
        let mut tables = ast::Tables::new(ast::table(&[&self.last()], ROW));
        let by: Vec<(Expr, Kind)> =
            stats.by.iter().enumerate().map(|(i, f)| self.by_value(f, stats.fill_null_by.as_ref(), i, &mut tables)).collect();
        let time = self.time_column();
        let aggregates: Vec<Typed> = stats.aggregates.iter().map(|a| aggregate(self, &self.order, time.as_ref(), a)).collect();
        let present = by.iter().map(|(expr, _)| ast::is_not_null(expr.clone())).collect();
        let filter = if by.is_empty() { None } else { Some(ast::all(present)) };
        let provenance = if self.writer.is_portable() { Vec::new() } else { self.merged_provenance() };

        self.taken = if self.writer.is_portable() { BTreeSet::new() } else { PROVENANCE.map(str::to_owned).into() };
        self.columns = Vec::new();
        let group_by: Vec<Expr> = by.iter().map(|(expr, _)| expr.clone()).collect();
        let named = stats.by.iter().map(|f| &f.name).zip(by.into_iter().map(|(expr, kind)| Typed::new(expr, kind)));
        let named = named.chain(stats.aggregates.iter().map(|a| &a.alias).zip(aggregates));
        let mut items = Vec::new();
        let mut keys = Vec::new();
        for (i, (name, value)) in named.enumerate() {
            let sql = self.fresh(name);
            items.push(ast::item(value.expr, &sql));
            if i < stats.by.len() {
                keys.push((ast::column(ROW, &sql), false));
            }
            self.set(Column { name: name.clone(), sql, kind: value.kind, multi: value.multi, list: None });
        }
        items.extend(provenance);
        self.push_query(ast::query(ast::select(SelectParts { items, from: tables.into_from(), filter, group_by })));
        self.order = keys;
        self.are_events = false;
    }

    fn merged_provenance(&self) -> Vec<SelectItem> {
        let column = |name| ast::column(ROW, name);
        let count = if self.are_events {
            ast::call_with("count", vec![column("_ev")], Extras { distinct: true, ..Extras::default() })
        } else {
            ast::call("coalesce", vec![ast::call("sum", vec![column("_n")]), ast::integer(0)])
        };
        vec![
            ast::item(ast::call("retro_ids", vec![column("_ev")]), "_ev"),
            ast::item(count, "_n"),
            ast::item(ast::call("min", vec![column("_t0")]), "_t0"),
            ast::item(ast::call("max", vec![column("_t1")]), "_t1"),
        ]
    }

    /// Groups in a table of their own, joined to the rows: functions of the store cannot be window functions.
    fn event_stats(&mut self, stats: &Stats) {
        let fill = stats.fill_null_by.as_ref();
        let mut tables = ast::Tables::new(ast::table(&[&self.last()], ROW));
        let by: Vec<Expr> = stats.by.iter().enumerate().map(|(i, f)| self.by_value(f, fill, i, &mut tables).0).collect();
        let time = self.time_column();
        let aggregates: Vec<Typed> = stats.aggregates.iter().map(|a| aggregate(self, &self.order, time.as_ref(), a)).collect();
        let mut items: Vec<SelectItem> = by.iter().enumerate().map(|(i, expr)| ast::item(expr.clone(), &format!("_k{i}"))).collect();
        items.extend(aggregates.iter().enumerate().map(|(i, value)| ast::item(value.expr.clone(), &format!("_a{i}"))));
        let present = by.iter().cloned().map(ast::is_not_null).collect();
        let filter = if by.is_empty() { None } else { Some(ast::all(present)) };
        let groups = ast::query(ast::select(SelectParts { items, from: tables.into_from(), filter, group_by: by }));

        let same = stats.by.iter().enumerate().map(|(i, field)| {
            let value = self.value_of(&field.name);
            let own = match (value.multi, self.writer.is_portable()) {
                (true, true) => self.writer.gap("eventstats by a multivalue field"),
                (true, false) => ast::call("retro_field", vec![ast::text("first_member"), value.expr]),
                (false, _) => value.expr,
            };
            let own = fill.map_or(own.clone(), |fill| ast::call("coalesce", vec![own, self.writer.text(fill)]));
            ast::eq(ast::column("_g", &format!("_k{i}")), own)
        });
        let on = ast::all(same.collect());
        let mut joined = ast::Tables::new(ast::table(&[&self.last()], ROW));
        joined.outer(ast::derived(groups, "_g"), on);
        let mut items = vec![ast::everything(ROW)];
        for (i, (wanted, value)) in stats.aggregates.iter().zip(aggregates).enumerate() {
            let sql = self.fresh(&wanted.alias);
            items.push(ast::item(ast::column("_g", &format!("_a{i}")), &sql));
            self.set(Column { name: wanted.alias.clone(), sql, kind: value.kind, multi: value.multi, list: None });
        }
        self.push_query(ast::query(ast::select(SelectParts { items, from: joined.into_from(), ..Default::default() })));
    }
}

/// Returns a name that is not taken, and takes it.
pub(super) fn unused(taken: &mut BTreeSet<String>, name: &str) -> String {
    let mut candidate = if name.is_empty() { "_".to_owned() } else { name.replace('\0', "\u{2400}") };
    let base = candidate.clone();
    let mut number = 1;
    while !taken.insert(candidate.to_lowercase()) {
        number += 1;
        candidate = format!("{base}~{number}");
    }
    candidate
}

fn wildcard(pattern: &str) -> Glob {
    let pieces = pattern.split('*').enumerate();
    Glob::new(pieces.flat_map(|(i, text)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(text.to_owned())])))
}

/// The time as text by SQLite's own strftime, of whole seconds (it rounds fractions up), for the parts that every
/// version knows.
fn portable_time(writer: &Writer, format: &str, seconds: &Expr) -> Expr {
    let mut expanded = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '%' { rest.next() } else { None }) {
            ('%', Some('F')) => expanded.push_str("%Y-%m-%d"),
            ('%', Some('T')) => expanded.push_str("%H:%M:%S"),
            ('%', Some(part @ ('d' | 'H' | 'j' | 'm' | 'M' | 'S' | 'Y' | '%'))) => expanded.extend(['%', part]),
            ('%', part) => {
                let part = part.map_or_else(String::new, |c| c.to_string());
                return writer.gap(&format!("the time format %{part}"));
            }
            (c, _) => expanded.push(c),
        }
    }
    ast::call("strftime", vec![ast::text(&expanded), scalar::floor(seconds), ast::text("unixepoch")])
}
