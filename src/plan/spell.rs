//! Aggregates over a pattern of columns (`values(*) as *`) become one for each column that the pattern means.

use super::schema::RowSchema;
use super::tokens::segments;
use crate::ir::{Aggregate, Scalar, Stage, Stats, StreamStats};

/// A stage without patterns in its aggregates, and the names that a pattern gave.
pub(super) struct Spelled {
    /// The stage.
    pub(super) stage: Stage,
    /// Columns that are there because a pattern means them.
    pub(super) made: Vec<String>,
}

/// The pattern of columns that an aggregate is over.
pub(super) fn pattern(aggregate: &Aggregate) -> Option<&str> {
    match &aggregate.argument {
        Some(Scalar::Field(field)) if field.name.contains('*') => Some(&field.name),
        _ => None,
    }
}

/// The aggregates of a stage.
pub(super) fn stats_of(stage: &Stage) -> Option<&Stats> {
    match stage {
        Stage::Stats(stats) | Stage::EventStats(stats) => Some(stats),
        Stage::StreamStats(stream) => Some(&stream.stats),
        _ => None,
    }
}

impl RowSchema {
    /// The stage with an aggregate for each column that a pattern means; nothing where it has no pattern.
    pub(super) fn spelled(&self, stage: &Stage) -> Option<Spelled> {
        let stats = stats_of(stage).filter(|stats| stats.aggregates.iter().any(|aggregate| pattern(aggregate).is_some()))?;
        let (stats, made) = self.spelled_stats(stats);
        let stage = match stage {
            Stage::EventStats(_) => Stage::EventStats(stats),
            Stage::StreamStats(stream) => Stage::StreamStats(StreamStats { stats, ..stream.clone() }),
            _ => Stage::Stats(stats),
        };
        Some(Spelled { stage, made })
    }

    /// By-columns are no part of a pattern, and a name that the rule itself gives stays its own.
    fn spelled_stats(&self, stats: &Stats) -> (Stats, Vec<String>) {
        let is_by = |name: &str| stats.by.iter().any(|field| field.name == name);
        let own: Vec<&str> = stats.aggregates.iter().filter(|a| pattern(a).is_none()).map(|a| a.alias.as_str()).collect();
        let (mut aggregates, mut made): (Vec<Aggregate>, Vec<String>) = (Vec::new(), Vec::new());
        for aggregate in &stats.aggregates {
            let (Some(pattern), Some(Scalar::Field(field))) = (pattern(aggregate), &aggregate.argument) else {
                aggregates.push(aggregate.clone());
                continue;
            };
            for place in self.matching(pattern) {
                let name = &self.columns[place].name;
                let alias = filled(&aggregate.alias, &segments(pattern, name));
                if !is_by(name) && !is_by(&alias) && !own.contains(&alias.as_str()) && !made.contains(&alias) {
                    let argument = Scalar::Field(crate::ir::Field { name: name.clone(), ..field.clone() });
                    aggregates.push(Aggregate { function: aggregate.function, argument: Some(argument), alias: alias.clone() });
                    made.push(alias);
                }
            }
        }
        (Stats { aggregates, ..stats.clone() }, made)
    }
}

/// A name with a text in place of each `*`.
fn filled(pattern: &str, segments: &[String]) -> String {
    let mut pieces = pattern.split('*');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for (place, piece) in pieces.enumerate() {
        out.push_str(segments.get(place).map_or("", String::as_str));
        out.push_str(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{AggregateFunction, Field, Vocabulary};
    use crate::plan::{Inner, Kind, RowColumn};

    fn field(name: &str) -> Field {
        Field { name: name.to_owned(), vocabulary: Vocabulary::Row }
    }

    #[test]
    fn a_pattern_is_an_aggregate_for_each_column() {
        let column = |name: &str| RowColumn { name: name.to_owned(), kind: Kind::Text, multi: false, named: true };
        let before = RowSchema { columns: ["_time", "k", "a:x", "b:x", "n"].map(column).to_vec() };
        let aggregate = |pattern: &str, alias: &str| Aggregate {
            function: AggregateFunction::Values,
            argument: Some(Scalar::Field(field(pattern))),
            alias: alias.to_owned(),
        };
        let aggregates = vec![aggregate("*:*", "all_*_*"), aggregate("n", "a:x"), aggregate("*", "*")];
        let step = before.after(&Stage::Stats(Stats { aggregates, by: vec![field("k")], fill_null_by: None }), Inner::None);
        let shown: Vec<(&str, bool)> = step.row.columns.iter().map(|column| (column.name.as_str(), column.named)).collect();
        assert_eq!(shown, [("k", true), ("all_a_x", false), ("all_b_x", false), ("a:x", true), ("b:x", false), ("n", false)]);
        let Stage::Stats(stats) = &step.stage else { panic!("stats") };
        assert!(stats.aggregates.iter().all(|aggregate| pattern(aggregate).is_none()));
    }
}
