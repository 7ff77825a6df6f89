//! Which names a query reads: of its events and of what its stages make.

use std::collections::BTreeSet;

use retrohunt::ir::{Aggregate, ForEach, Pred, Query, Scalar, Stage, Stats};

/// Names and patterns.
#[derive(Default)]
pub(crate) struct Names(pub(crate) BTreeSet<String>);

impl Names {
    /// Adds those of a query and of the queries inside of it.
    pub(crate) fn of_query(&mut self, query: &Query) {
        self.of_pred(&query.filter);
        query.stages.iter().for_each(|stage| self.of_stage(stage));
    }

    fn add(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    fn all<'n>(&mut self, names: impl IntoIterator<Item = &'n String>) {
        names.into_iter().for_each(|name| self.add(name));
    }

    /// Without names all columns are meant.
    fn all_or_any(&mut self, names: &[String]) {
        if names.is_empty() { self.add("*") } else { self.all(names) }
    }

    fn of_pred(&mut self, pred: &Pred) {
        pred.each_field(&mut |field| self.add(&field.name));
        pred.each_leaf(&mut |leaf| {
            if let Pred::Subsearch(subsearch) = leaf {
                self.of_query(&subsearch.query);
            }
        });
    }

    fn of_scalar(&mut self, scalar: &Scalar) {
        scalar.each_field(&mut |field| self.add(&field.name));
    }

    fn of_stats(&mut self, stats: &Stats) {
        stats.by.iter().for_each(|field| self.add(&field.name));
        let arguments = stats.aggregates.iter().filter_map(|Aggregate { argument, .. }| argument.as_ref());
        arguments.for_each(|argument| self.of_scalar(argument));
    }

    fn of_stage(&mut self, stage: &Stage) {
        match stage {
            Stage::Filter(pred) => self.of_pred(pred),
            Stage::Eval(assignments) => assignments.iter().for_each(|(_, scalar)| self.of_scalar(scalar)),
            Stage::Stats(stats) | Stage::EventStats(stats) => self.of_stats(stats),
            Stage::Rename(renames) => renames.iter().for_each(|rename| self.add(&rename.from)),
            Stage::Keep(names) | Stage::FormatTime { fields: names, .. } => self.all(names),
            Stage::FillNull { fields, .. } | Stage::FillDown(fields) => self.all_or_any(fields),
            Stage::Dedup(dedup) => self.all_or_any(&dedup.fields),
            Stage::HeadWhile(head) => self.of_scalar(&head.condition),
            Stage::Sort { keys, .. } => keys.iter().for_each(|key| self.add(&key.field)),
            Stage::Bin { field, .. } | Stage::Expand { field, .. } | Stage::JoinMembers { field, .. } => self.add(field),
            // What rows are like beside one column.
            Stage::Combine { .. } => self.add("*"),
            Stage::Convert(convert) => convert.items.iter().for_each(|item| self.add(&item.field)),
            Stage::Extract(extract) => self.add(&extract.field),
            Stage::Substitute(substitute) => self.add(&substitute.field),
            Stage::Replace(replace) => self.all_or_any(&replace.fields),
            Stage::Unpack(unpack) => self.add(&unpack.field),
            Stage::MakeList(make) => self.add(&make.field),
            Stage::StreamStats(stream) => {
                self.of_stats(&stream.stats);
                stream.reset.0.iter().chain(&stream.reset.1).for_each(|pred| self.of_pred(pred));
            }
            Stage::Transaction(transaction) => {
                self.all(&transaction.fields);
                transaction.starts_with.iter().chain(&transaction.ends_with).for_each(|pred| self.of_pred(pred));
            }
            Stage::Frequent(frequent) => self.all(frequent.fields.iter().chain(&frequent.by)),
            Stage::AddTotals(totals) => self.all_or_any(&totals.fields),
            Stage::Chart(chart) => self.of_stats(&chart.stats),
            Stage::ForEach(ForEach { patterns, assignments }) => {
                self.all(patterns);
                assignments.iter().for_each(|(_, scalar)| self.of_scalar(scalar));
            }
            Stage::Lookup(lookup) => self.all(lookup.keys.iter().map(|(_, name)| name)),
            Stage::Join(join) => {
                self.all(&join.fields);
                self.of_query(&join.query);
            }
            Stage::Map(map) => {
                map.keys.iter().for_each(|(outer, inner)| self.all([outer, inner]));
                self.of_query(&map.query);
            }
            Stage::Append(query) => self.of_query(query),
            Stage::AppendPipe(stages) => stages.iter().for_each(|stage| self.of_stage(stage)),
            Stage::Drop(_) | Stage::Head(_) | Stage::Tail(_) | Stage::Reverse | Stage::Format => {}
        }
    }
}
