//! Liveness: which fields of the event a query's stages read.
//!
//! The stages are followed with the row schema, from a row that has every field that anything could mean. A field is
//! needed when a stage reads a column that still is that field.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{Field, Stage, Stats, Vocabulary};

use super::schema::{Kind, RowColumn, RowSchema, wildcard, written};

/// Returns the fields of the event that stages read and that `extra` names at the end, by name.
/// `known` are the names that a pattern can mean; they are asked for only where there is one. A field that is not there is
/// no column that a pattern could mean.
pub(super) fn needed(
    stages: &[Stage],
    extra: &[Field],
    known: impl Fn() -> Vec<String>,
    is_there: impl Fn(&Field) -> bool,
) -> BTreeMap<String, Field> {
    let mut all: BTreeMap<String, Field> = BTreeMap::new();
    let mut add = |field: &Field| {
        all.entry(field.name.clone()).or_insert_with(|| field.clone());
    };
    stages.iter().for_each(|stage| each_read(stage, &mut add));
    extra.iter().for_each(&mut add);
    let patterns: Vec<&str> = stages.iter().flat_map(patterns).collect();
    if !patterns.is_empty() {
        let globs: Vec<_> = patterns.iter().map(|pattern| wildcard(pattern)).collect();
        let known: BTreeSet<String> = known().into_iter().filter(|name| globs.iter().any(|glob| glob.matches(name))).collect();
        known.iter().for_each(|name| add(&row_field(name)));
    }
    let column = |name: &String| RowColumn { name: name.clone(), kind: Kind::Text, multi: false, named: false };
    let mut rows = Rows {
        schema: RowSchema { columns: all.keys().map(column).collect() },
        is_of: (0..all.len()).map(Some).collect(),
        is_there: if patterns.is_empty() { vec![true; all.len()] } else { all.values().map(is_there).collect() },
        needed: vec![false; all.len()],
        filled: vec![false; all.len()],
    };
    stages.iter().for_each(|stage| rows.step(stage));
    extra.iter().for_each(|field| rows.read(&field.name));
    rows.read_filled();
    all.into_iter().zip(rows.needed).filter(|(_, needed)| *needed).map(|(field, _)| field).collect()
}

fn row_field(name: &str) -> Field {
    Field { name: name.to_owned(), vocabulary: Vocabulary::Row }
}

/// Calls `visit` with each field that a stage reads by its name; what a pattern means is not among them.
fn each_read(stage: &Stage, visit: &mut dyn FnMut(&Field)) {
    let mut names = |names: &mut dyn Iterator<Item = &String>| names.filter(|n| !n.contains('*')).for_each(|name| visit(&row_field(name)));
    match stage {
        Stage::Filter(pred) => pred.each_field(&mut |field| visit(field)),
        Stage::Eval(assignments) => assignments.iter().for_each(|(_, scalar)| scalar.each_field(&mut |field| visit(field))),
        Stage::Stats(stats) => read_stats(stats, visit),
        Stage::EventStats(stats) => {
            read_stats(stats, visit);
            // A row of no group keeps what it has.
            if !stats.by.is_empty() {
                stats.aggregates.iter().for_each(|aggregate| visit(&row_field(&aggregate.alias)));
            }
        }
        Stage::Rename(renames) => names(&mut renames.iter().map(|rename| &rename.from)),
        Stage::Keep(fields) | Stage::Dedup { fields, .. } | Stage::FormatTime { fields, .. } | Stage::FillNull { fields, .. } => {
            names(&mut fields.iter());
        }
        Stage::Sort { keys, .. } => names(&mut keys.iter().map(|key| &key.field)),
        // Where the name is given, what is no number there stays.
        Stage::Bin { field, alias, .. } => names(&mut std::iter::once(field).chain(alias)),
        Stage::Drop(_) | Stage::Head(_) => {}
    }
}

/// The patterns by which a stage reads. Dropping reads nothing.
fn patterns(stage: &Stage) -> Vec<&str> {
    match stage {
        Stage::Rename(renames) => renames.iter().map(|rename| rename.from.as_str()).filter(|name| name.contains('*')).collect(),
        Stage::Keep(names) => names.iter().map(String::as_str).filter(|name| name.contains('*')).collect(),
        Stage::FillNull { fields, .. } if fields.is_empty() => vec!["*"],
        _ => Vec::new(),
    }
}

fn read_stats(stats: &Stats, visit: &mut dyn FnMut(&Field)) {
    stats.by.iter().for_each(&mut *visit);
    stats.aggregates.iter().filter_map(|a| a.argument.as_ref()).for_each(|argument| argument.each_field(&mut |field| visit(field)));
}

/// The rows at one point: their columns, and which of them still are fields of the event.
struct Rows {
    schema: RowSchema,
    /// Column → field, by place.
    is_of: Vec<Option<usize>>,
    /// By field: whether some event can have it.
    is_there: Vec<bool>,
    /// By field.
    needed: Vec<bool>,
    /// By field: `fillnull` without names filled it, which alone is no reason to read it.
    filled: Vec<bool>,
}

impl Rows {
    fn read(&mut self, name: &str) {
        if let Some(place) = self.schema.place(name) {
            self.read_place(place);
        }
    }

    fn read_place(&mut self, place: usize) {
        if let Some(field) = self.is_of[place] {
            self.needed[field] = true;
        }
    }

    fn drop_absent(&mut self) {
        let stays: Vec<bool> = self.is_of.iter().map(|field| field.is_none_or(|field| self.is_there[field])).collect();
        let mut columns = stays.iter();
        self.schema.columns.retain(|_| columns.next().is_some_and(|stays| *stays));
        let mut fields = stays.iter();
        self.is_of.retain(|_| fields.next().is_some_and(|stays| *stays));
    }

    /// Reads the fields that `fillnull` filled and the result still has: it shows them.
    fn read_filled(&mut self) {
        let shown: Vec<usize> = self.is_of.iter().flatten().copied().filter(|field| self.filled[*field]).collect();
        shown.into_iter().for_each(|field| self.needed[field] = true);
    }

    fn step(&mut self, stage: &Stage) {
        if let Stage::Eval(assignments) = stage {
            // A later assignment sees the earlier ones.
            for (name, scalar) in assignments {
                scalar.each_field(&mut |field| self.read(&field.name));
                if let Some(place) = self.schema.place(name) {
                    self.is_of[place] = None;
                }
            }
        } else {
            each_read(stage, &mut |field| self.read(&field.name));
        }
        if !patterns(stage).is_empty() {
            self.drop_absent();
        }
        // What fills every column changes each by itself: a rule that fills all and then names three reads three.
        let fills_all = matches!(stage, Stage::FillNull { fields, .. } if fields.is_empty());
        for pattern in patterns(stage) {
            for place in self.schema.matching(pattern) {
                match self.is_of[place] {
                    Some(field) if fills_all => self.filled[field] = true,
                    _ => self.read_place(place),
                }
            }
        }
        let step = self.schema.after(stage);
        let written = if fills_all { Vec::new() } else { written(stage, &self.schema) };
        let carried = step.from.iter().zip(&step.row.columns).map(|(from, column)| {
            let is_new = written.contains(&column.name);
            from.filter(|_| !is_new).and_then(|place| self.is_of[place])
        });
        self.is_of = carried.collect();
        self.schema = step.row;
    }
}
