//! Liveness: which fields of the event a query's stages read.
//!
//! Stages are followed from the first to the last with what is known of a row's columns: those that stages made, those
//! that stages took away, and whether the rest of the event is still there.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{Field, Glob, Part, Pred, Scalar, Stage, Stats, Vocabulary};

/// Returns the fields of the event that stages read and that `extra` names at the end, by name.
/// `known` are the names that a wildcard can mean.
pub(super) fn needed<'a>(stages: &[Stage], extra: &[Field], known: impl Fn() -> Vec<&'a str>) -> BTreeMap<String, Field> {
    let mut row = Row { open: true, made: BTreeSet::new(), hidden: Vec::new(), needed: BTreeMap::new(), known };
    for stage in stages {
        row.step(stage);
    }
    for field in extra {
        row.read(field);
    }
    row.needed
}

/// What is known of a row's columns.
struct Row<K> {
    /// The event's fields are there, but for the hidden ones.
    open: bool,
    /// Columns that are certainly there: made by stages, or kept by name.
    made: BTreeSet<String>,
    /// Names of event fields that are gone.
    hidden: Vec<Glob>,
    needed: BTreeMap<String, Field>,
    known: K,
}

impl<'a, K: Fn() -> Vec<&'a str>> Row<K> {
    fn step(&mut self, stage: &Stage) {
        match stage {
            Stage::Filter(pred) => self.read_pred(pred),
            Stage::Eval(assignments) => {
                for (name, scalar) in assignments {
                    self.read_scalar(scalar);
                    self.made.insert(name.clone());
                }
            }
            Stage::Stats(stats) => {
                self.read_stats(stats);
                self.made = stats.by.iter().map(|f| f.name.clone()).collect();
                self.made.extend(stats.aggregates.iter().map(|a| a.alias.clone()));
                self.open = false;
            }
            Stage::EventStats(stats) => {
                self.read_stats(stats);
                self.made.extend(stats.aggregates.iter().map(|a| a.alias.clone()));
            }
            Stage::Rename(renames) => renames.iter().for_each(|rename| self.rename(&rename.from, &rename.to)),
            Stage::Keep(patterns) => self.keep(patterns),
            Stage::Drop(patterns) => {
                for pattern in patterns {
                    let glob = wildcard(pattern);
                    self.made.retain(|name| !glob.matches(name));
                    self.hidden.push(glob);
                }
            }
            Stage::Sort { keys, .. } => keys.iter().for_each(|key| self.read_name(&key.field)),
            Stage::Head(_) => {}
            Stage::Dedup { fields, .. } => fields.iter().for_each(|field| self.read_name(field)),
            Stage::FormatTime { fields, .. } | Stage::FillNull { fields, .. } => {
                for field in fields {
                    for name in self.matching(field) {
                        self.read_name(&name);
                        self.made.insert(name);
                    }
                }
            }
            Stage::Bin { field, alias, .. } => {
                self.read_name(field);
                self.made.insert(alias.as_ref().unwrap_or(field).clone());
            }
        }
    }

    fn read(&mut self, field: &Field) {
        let gone = self.made.contains(&field.name) || self.hidden.iter().any(|glob| glob.matches(&field.name));
        if self.open && !gone {
            self.needed.entry(field.name.clone()).or_insert_with(|| field.clone());
        }
    }

    fn read_name(&mut self, name: &str) {
        self.read(&Field { name: name.to_owned(), vocabulary: Vocabulary::Row });
    }

    fn read_pred(&mut self, pred: &Pred) {
        pred.each_field(&mut |field| self.read(field));
    }

    fn read_scalar(&mut self, scalar: &Scalar) {
        scalar.each_field(&mut |field| self.read(field));
    }

    fn read_stats(&mut self, stats: &Stats) {
        stats.by.iter().for_each(|field| self.read(field));
        stats.aggregates.iter().filter_map(|a| a.argument.as_ref()).for_each(|argument| self.read_scalar(argument));
    }

    /// Returns the columns that a name or pattern means here.
    fn matching(&self, pattern: &str) -> Vec<String> {
        if !pattern.contains('*') {
            return vec![pattern.to_owned()];
        }
        let glob = wildcard(pattern);
        let mut names: BTreeSet<String> = self.made.iter().filter(|name| glob.matches(name)).cloned().collect();
        if self.open {
            let visible = |name: &&str| glob.matches(name) && !self.hidden.iter().any(|hidden| hidden.matches(name));
            names.extend((self.known)().into_iter().filter(visible).map(str::to_owned));
        }
        names.into_iter().collect()
    }

    fn rename(&mut self, from: &str, to: &str) {
        for name in self.matching(from) {
            self.read_name(&name);
            self.made.remove(&name);
            self.hidden.push(Glob::literal(name.as_str()));
            self.made.insert(renamed(&name, from, to));
        }
    }

    fn keep(&mut self, patterns: &[String]) {
        let mut kept: BTreeSet<String> = BTreeSet::from(["_time".to_owned()]);
        for pattern in patterns {
            for name in self.matching(pattern) {
                self.read_name(&name);
                if self.open || self.made.contains(&name) {
                    kept.insert(name);
                }
            }
        }
        self.read_name("_time");
        self.made = kept;
        self.open = false;
    }
}

/// Reads a pattern of column names: `*` is any run of characters, nothing else is special.
pub(super) fn wildcard(pattern: &str) -> Glob {
    let mut parts = Vec::new();
    for (position, text) in pattern.split('*').enumerate() {
        if position > 0 {
            parts.push(Part::Any);
        }
        parts.push(Part::Text(text.to_owned()));
    }
    Glob::new(parts)
}

/// The new name of a column: what `*` stood for in the old pattern stands for it in the new.
fn renamed(name: &str, from: &str, to: &str) -> String {
    let Some((before, after)) = from.split_once('*') else { return to.to_owned() };
    let middle = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap_or(name);
    to.replacen('*', middle, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Aggregate, AggregateFunction, Rename};

    fn names(stages: &[Stage], extra: &[&str]) -> Vec<String> {
        let extra: Vec<Field> = extra.iter().map(|name| field(name)).collect();
        let known = || vec!["TargetUserName", "TargetSid", "Image"];
        needed(stages, &extra, known).into_keys().collect()
    }

    fn field(name: &str) -> Field {
        Field { name: name.to_owned(), vocabulary: Vocabulary::Splunk }
    }

    fn stats(by: &[&str]) -> Stage {
        Stage::Stats(Stats {
            aggregates: vec![Aggregate {
                function: AggregateFunction::Min,
                argument: Some(Scalar::Field(field("_time"))),
                alias: "firstTime".to_owned(),
            }],
            by: by.iter().map(|name| field(name)).collect(),
            fill_null_by: None,
        })
    }

    #[test]
    fn a_row_wise_query_reads_its_extra_fields() {
        assert_eq!(names(&[], &["user", "dest"]), ["dest", "user"]);
    }

    #[test]
    fn after_stats_the_event_is_gone() {
        assert_eq!(names(&[stats(&["user"])], &["user", "dest", "firstTime"]), ["_time", "user"]);
    }

    #[test]
    fn what_a_stage_made_is_no_field_of_the_event() {
        let eval = Stage::Eval(vec![("a".to_owned(), Scalar::Field(field("Image"))), ("b".to_owned(), Scalar::Field(field("a")))]);
        assert_eq!(names(&[eval, stats(&["b"])], &[]), ["Image", "_time"]);
    }

    #[test]
    fn renames_move_names() {
        let rename = |from: &str, to: &str| Stage::Rename(vec![Rename { from: from.to_owned(), to: to.to_owned() }]);
        assert_eq!(names(&[rename("Image", "x"), stats(&["x", "Image"])], &[]), ["Image", "_time"]);
        assert_eq!(
            names(&[rename("Target*", "t_*"), stats(&["t_Sid", "TargetSid", "Other"])], &[]),
            ["Other", "TargetSid", "TargetUserName", "_time"]
        );
    }

    #[test]
    fn kept_and_dropped_columns() {
        assert_eq!(
            names(&[Stage::Keep(vec!["Target*".to_owned(), "user".to_owned()]), stats(&["user", "Image"])], &[]),
            ["TargetSid", "TargetUserName", "_time", "user"]
        );
        assert_eq!(names(&[Stage::Drop(vec!["Target*".to_owned()]), stats(&["TargetSid", "Image"])], &[]), ["Image", "_time"]);
    }
}
