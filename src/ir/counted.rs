//! Which columns depend on how many rows there are, and what of a pipeline depends on them.
//!
//! A search that groups and shows what it counted finds the same groups in any span of time, with other numbers. It depends on
//! the span where it compares those numbers, and where it looks at the order of rows or at other rows.

use std::collections::BTreeSet;

use super::{Conversion, Glob, Pred, Rename, SORT_LIMIT, Scalar, Stage, Stats};

/// What is known of the columns at one point of a pipeline.
#[derive(Debug, Default)]
pub(super) struct CountedColumns {
    /// Columns whose values depend on how many rows there are.
    columns: BTreeSet<String>,
    /// Columns with a time in buckets.
    buckets: BTreeSet<String>,
    /// The columns are those of groups, so all are known.
    are_groups: bool,
    /// Some column depends on other rows, whether a later stage keeps it or not.
    is_changed: bool,
}

impl CountedColumns {
    /// Whether rows were grouped, or got columns that depend on other rows.
    pub(super) fn changes_rows(&self) -> bool {
        self.is_changed
    }

    /// Goes past a stage. Returns what of it depends on the span of time, if something does.
    pub(super) fn past(&mut self, stage: &Stage) -> Option<String> {
        match stage {
            Stage::Filter(pred) => return self.compared(pred),
            Stage::Stats(stats) => return self.grouped(stats),
            Stage::EventStats(stats) => {
                self.is_changed = true;
                if !self.is_bucketed(stats) {
                    self.columns.extend(stats.aggregates.iter().map(|aggregate| aggregate.alias.clone()));
                }
            }
            Stage::Eval(assignments) => assignments.iter().for_each(|(name, value)| self.assign(name, value)),
            Stage::Rename(renames) => renames.iter().for_each(|rename| self.rename(rename)),
            Stage::Keep(names) => self.keep(names),
            Stage::Drop(names) => self.columns.retain(|column| !names.iter().any(|name| Glob::wildcard(name).matches(column))),
            // Without a number it is meant as an order, not as a choice of the first rows.
            Stage::Sort { limit, .. } => {
                return limit.filter(|limit| *limit < SORT_LIMIT).map(|limit| format!("`sort` keeps {limit} rows"));
            }
            Stage::Bin { field, alias, .. } => {
                let target = alias.as_ref().unwrap_or(field);
                self.spread(&[field], target);
                if field == "_time" {
                    self.buckets.insert(target.clone());
                }
            }
            Stage::FillNull { fields, .. } if fields.is_empty() && !self.are_groups => {
                return Some("`fillnull` fills the columns that some row has".to_owned());
            }
            Stage::Convert(convert) if convert.items.iter().any(|item| item.kind == Conversion::Auto) => {
                return Some("`convert auto` looks at all values of a column".to_owned());
            }
            Stage::ForEach(each) if each.patterns.iter().any(|pattern| self.has(pattern)) => {
                return Some("`foreach` works on what was counted".to_owned());
            }
            Stage::ForEach(each) => each.assignments.iter().for_each(|(name, value)| self.assign(name, value)),
            Stage::AddTotals(totals) if totals.column.is_none() => self.make(stage),
            Stage::Convert(_) | Stage::Extract(_) | Stage::Unpack(_) | Stage::Lookup(_) => self.make(stage),
            // Each value of these columns becomes another in place.
            Stage::Substitute(_)
            | Stage::Replace(_)
            | Stage::MakeList(_)
            | Stage::JoinMembers { .. }
            | Stage::FormatTime { .. }
            | Stage::FillNull { .. }
            | Stage::Expand { .. }
            | Stage::Reverse => {}
            Stage::HeadWhile(_)
            | Stage::Head(_)
            | Stage::Tail(_)
            | Stage::Dedup(_)
            | Stage::Combine { .. }
            | Stage::StreamStats(_)
            | Stage::Transaction(_)
            | Stage::Frequent(_)
            | Stage::AddTotals(_)
            | Stage::Chart(_)
            | Stage::FillDown(_)
            | Stage::Join(_)
            | Stage::Map(_)
            | Stage::Append(_)
            | Stage::AppendPipe(_)
            | Stage::Format => return Some(format!("`{}` looks at several rows", word(stage))),
        }
        None
    }

    /// Goes past a stage that makes columns of others, row by row.
    fn make(&mut self, stage: &Stage) {
        match stage {
            Stage::Convert(convert) => {
                for item in &convert.items {
                    self.spread(&[&item.field], item.alias.as_ref().unwrap_or(&item.field));
                }
            }
            Stage::Extract(extract) => extract.names.iter().for_each(|name| self.spread(&[&extract.field], name)),
            Stage::Unpack(unpack) => {
                let names = unpack.path.iter().map(|path| unpack.output.as_ref().unwrap_or(path)).chain(&unpack.columns);
                names.for_each(|name| self.spread(&[&unpack.field], name));
            }
            Stage::Lookup(lookup) => {
                let keys: Vec<&String> = lookup.keys.iter().map(|(_, field)| field).collect();
                lookup.outputs.iter().for_each(|(_, name)| self.spread(&keys, name));
            }
            Stage::AddTotals(totals) => {
                let all = ["*".to_owned()];
                let summed = if totals.fields.is_empty() { &all[..] } else { &totals.fields };
                totals.row.iter().for_each(|row| self.spread(&summed.iter().collect::<Vec<_>>(), row));
            }
            _ => {}
        }
    }

    /// A condition on what was counted chooses groups by their size.
    fn compared(&self, pred: &Pred) -> Option<String> {
        let mut found = None;
        pred.each_field(&mut |field| {
            if found.is_none() && self.has(&field.name) {
                found = Some(field.name.clone());
            }
        });
        if pred.has_keyword() {
            found = found.or_else(|| self.columns.first().cloned());
        }
        found.map(|name| format!("it compares `{name}`, which depends on how many events there are"))
    }

    fn grouped(&mut self, stats: &Stats) -> Option<String> {
        if let Some(field) = stats.by.iter().find(|field| self.has(&field.name)) {
            return Some(format!("it groups by `{}`, which depends on how many events there are", field.name));
        }
        let bucketed = self.is_bucketed(stats);
        self.buckets.retain(|name| stats.by.iter().any(|field| field.name == *name));
        self.columns = if bucketed { BTreeSet::new() } else { stats.aggregates.iter().map(|a| a.alias.clone()).collect() };
        (self.are_groups, self.is_changed) = (true, true);
        None
    }

    /// Whether groups end with their bucket of time, so that what is counted in them does not grow with the span.
    fn is_bucketed(&self, stats: &Stats) -> bool {
        let is_old = |aggregate: &super::Aggregate| aggregate.argument.as_ref().is_none_or(|argument| !self.reads(argument));
        stats.by.iter().any(|field| self.buckets.contains(&field.name)) && stats.aggregates.iter().all(is_old)
    }

    fn assign(&mut self, name: &str, value: &Scalar) {
        if self.reads(value) {
            self.columns.insert(name.to_owned());
        } else {
            self.columns.remove(name);
        }
        self.buckets.remove(name);
    }

    fn reads(&self, value: &Scalar) -> bool {
        let mut reads = false;
        value.each_field(&mut |field| reads |= self.has(&field.name));
        reads
    }

    /// A column is made of others; where it cannot be, it stays as it was.
    fn spread(&mut self, from: &[&String], to: &str) {
        if from.iter().any(|name| self.has(name)) {
            self.columns.insert(to.to_owned());
        }
    }

    /// Whether a name, or a pattern of names, means such a column.
    fn has(&self, name: &str) -> bool {
        if name.contains('*') {
            let glob = Glob::wildcard(name);
            self.columns.iter().any(|column| glob.matches(column))
        } else {
            self.columns.contains(name)
        }
    }

    fn keep(&mut self, names: &[String]) {
        let stays = |column: &String| names.iter().any(|name| Glob::wildcard(name).matches(column));
        self.columns.retain(stays);
        self.buckets.retain(|column| column == "_time" || stays(column));
    }

    fn rename(&mut self, rename: &Rename) {
        let renamed = |name: &String| match (rename.from.split_once('*'), rename.to.split_once('*')) {
            (Some((before, after)), Some((new_before, new_after))) => {
                let middle = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                middle.map_or_else(|| name.clone(), |middle| format!("{new_before}{middle}{new_after}"))
            }
            _ if *name == rename.from => rename.to.clone(),
            _ => name.clone(),
        };
        let moved = |names: &BTreeSet<String>| names.iter().filter(|name| **name != rename.to).map(renamed).collect();
        self.columns = moved(&self.columns);
        self.buckets = moved(&self.buckets);
    }
}

/// What a search calls a stage.
fn word(stage: &Stage) -> &'static str {
    match stage {
        Stage::HeadWhile(_) | Stage::Head(_) => "head",
        Stage::Tail(_) => "tail",
        Stage::Dedup(_) => "dedup",
        Stage::Combine { .. } => "mvcombine",
        Stage::StreamStats(_) => "streamstats",
        Stage::Transaction(_) => "transaction",
        Stage::Frequent(frequent) if frequent.rare => "rare",
        Stage::Frequent(_) => "top",
        Stage::AddTotals(_) => "addcoltotals",
        Stage::Chart(chart) if chart.bucket.is_some() => "timechart",
        Stage::Chart(_) => "chart",
        Stage::FillDown(_) => "filldown",
        Stage::Join(_) => "join",
        Stage::Map(_) => "map",
        Stage::Append(_) => "append",
        Stage::AppendPipe(_) => "appendpipe",
        Stage::Format => "format",
        _ => "this command",
    }
}
