//! The columns at one point of drawn stages, and names turned to them.

use retrohunt::ir::{
    Aggregate, Dedup, Field, Frequent, HeadWhile, Join, Lookup, Map, Pred, Query, Scalar, SortKey, Source, Stage, Stats, TextForm,
    Vocabulary, fill_tokens,
};

use super::super::{ABSENT_FIELD, ADDRESS_FIELD, NUMBER_FIELD, TEXT_FIELDS};
use super::aggregates::distinct;
use super::{series, settle};

/// Of so many names that no column has, one stays.
const LOST_NAMES: usize = 5;

/// Names in generated texts.
const UNPACKED: [&str; 3] = ["ka", "kb", "kc"];

/// The columns at one point, as far as stages tell.
#[derive(Clone)]
pub(super) struct Names {
    columns: Vec<String>,
    asked: usize,
    /// Whether there may be columns that only reading a text tells: then no pattern may stand for them.
    is_open: bool,
    /// Whether rows have all fields of events, and no stage has said which columns there are.
    pub(super) is_event: bool,
}

impl Names {
    /// The columns of a source's rows.
    pub(super) fn of(source: &Source) -> Self {
        let is_event = matches!(source, Source::Events(_));
        let names: Vec<&str> = match source {
            Source::Events(_) => TEXT_FIELDS.into_iter().chain([NUMBER_FIELD, ADDRESS_FIELD, "EventCode", "_time"]).collect(),
            Source::Findings { .. } => vec!["_time", "All_Risk.risk_object", "risk_object"],
            Source::Table(table) => table.columns.iter().map(String::as_str).collect(),
            Source::Rows(_) => vec!["_time"],
        };
        // Which columns findings have is known only from the names that are asked of them.
        let is_open = matches!(source, Source::Findings { .. });
        Self { columns: names.into_iter().map(str::to_owned).collect(), asked: 0, is_open, is_event }
    }

    /// Some of the columns, as many as asked at most.
    pub(super) fn some(&self, most: usize) -> Vec<String> {
        self.columns.iter().take(most).cloned().collect()
    }

    /// A column instead of a name that none has, most of the time.
    fn name(&mut self, name: &str) -> String {
        let name = if self.is_open && name.contains('*') { "Alpha" } else { name };
        let is_there = name.contains('*') || name == ABSENT_FIELD || self.columns.iter().any(|column| column == name);
        if is_there || self.columns.is_empty() {
            return name.to_owned();
        }
        self.asked += 1;
        if self.asked.is_multiple_of(LOST_NAMES) {
            name.to_owned()
        } else {
            self.columns[(self.asked + name.len()) % self.columns.len()].clone()
        }
    }

    /// The same of several; none mean all columns where these are known.
    fn all(&mut self, names: &[String]) -> Vec<String> {
        if names.is_empty() && self.is_open {
            return vec![self.name("Alpha")];
        }
        names.iter().map(|name| self.name(name)).collect()
    }

    fn field(&mut self, field: &Field) -> Field {
        let name = self.name(&field.name);
        if name == field.name { field.clone() } else { Field { name, vocabulary: Vocabulary::Row } }
    }

    fn scalar(&mut self, scalar: &Scalar) -> Scalar {
        let names = std::cell::RefCell::new(self);
        // A call about one field goes on to be about one.
        let turned = std::cell::RefCell::new(Vec::<(Field, Field)>::new());
        scalar.map_fields(&|field| {
            let known = turned.borrow().iter().find(|(from, _)| from == field).map(|(_, to)| to.clone());
            known.unwrap_or_else(|| {
                let to = names.borrow_mut().field(field);
                turned.borrow_mut().push((field.clone(), to.clone()));
                to
            })
        })
    }

    fn pred(&mut self, pred: &Pred) -> Pred {
        let names = std::cell::RefCell::new(self);
        pred.map_fields(&|field| names.borrow_mut().field(field))
    }

    fn stats(&mut self, stats: &Stats) -> Stats {
        let mut stats = Stats {
            aggregates: stats
                .aggregates
                .iter()
                .map(|a| Aggregate { argument: a.argument.as_ref().map(|scalar| self.scalar(scalar)), ..a.clone() })
                .collect(),
            by: stats.by.iter().map(|field| self.field(field)).collect(),
            fill_null_by: stats.fill_null_by.clone(),
        };
        distinct(&mut stats);
        stats
    }

    /// Adds a column.
    pub(super) fn add(&mut self, name: &str) {
        if !self.columns.iter().any(|column| column == name) {
            self.columns.push(name.to_owned());
        }
    }

    /// From here on there are these columns and no others.
    fn close(&mut self, columns: Vec<String>) {
        (self.columns, self.is_open, self.is_event) = (columns, false, false);
    }

    fn unite(&mut self, other: &Self) {
        other.columns.iter().for_each(|name| self.add(name));
        self.is_open |= other.is_open;
    }

    /// Brings the rows of brackets to these. Which of the columns that nobody names are shown is told apart where one side has such.
    fn unite_rows(&mut self, stages: &mut Vec<Stage>, inner: &mut Self) {
        if self.is_open && inner.is_open {
            let kept = inner.some(settle::KEPT);
            stages.push(inner.turned(Stage::Keep(kept)));
        }
        self.unite(inner);
    }

    /// The stage with names that are there.
    pub(super) fn turned(&mut self, stage: Stage) -> Stage {
        match stage {
            Stage::Filter(pred) => Stage::Filter(self.pred(&pred)),
            Stage::Eval(assignments) => Stage::Eval(
                assignments
                    .into_iter()
                    .map(|(name, scalar)| {
                        let scalar = self.scalar(&scalar);
                        self.add(&name);
                        (name, scalar)
                    })
                    .collect(),
            ),
            Stage::Stats(stats) => {
                let stats = self.stats(&stats);
                self.close(stats.by.iter().map(|field| field.name.clone()).collect());
                stats.aggregates.iter().for_each(|aggregate| self.add(&aggregate.alias));
                Stage::Stats(stats)
            }
            Stage::EventStats(stats) => {
                let stats = self.stats(&stats);
                stats.aggregates.iter().for_each(|aggregate| self.add(&aggregate.alias));
                Stage::EventStats(stats)
            }
            Stage::Rename(mut renames) => {
                for rename in &mut renames {
                    if self.is_open && rename.from.contains('*') {
                        rename.to = "made".to_owned();
                    }
                    rename.from = self.name(&rename.from);
                    if let (Some(from), Some(to)) = (rename.from.split_once('*'), rename.to.split_once('*')) {
                        self.columns.iter_mut().for_each(|column| renamed(column, from, to));
                        continue;
                    }
                    self.columns.retain(|column| *column != rename.from);
                    self.add(&rename.to);
                }
                Stage::Rename(renames)
            }
            Stage::Keep(patterns) => {
                let patterns = self.all(&patterns);
                if patterns.iter().all(|pattern| !pattern.contains('*')) {
                    self.close(patterns.clone());
                }
                Stage::Keep(patterns)
            }
            Stage::Drop(patterns) => {
                let patterns = self.all(&patterns);
                self.columns.retain(|column| !patterns.contains(column));
                Stage::Drop(patterns)
            }
            Stage::Sort { keys, limit } => {
                Stage::Sort { keys: keys.into_iter().map(|key| SortKey { field: self.name(&key.field), ..key }).collect(), limit }
            }
            Stage::FormatTime { fields, format } => Stage::FormatTime { fields: self.all(&fields), format },
            Stage::FillNull { fields, value } => {
                let fields = self.all(&fields);
                fields.iter().for_each(|name| self.add(name));
                Stage::FillNull { fields, value }
            }
            Stage::Bin { field, span, alias } => {
                let field = self.name(&field);
                alias.iter().for_each(|name| self.add(name));
                Stage::Bin { field, span, alias }
            }
            other => self.turned_text(other),
        }
    }

    /// Stages that rewrite single columns.
    fn turned_text(&mut self, stage: Stage) -> Stage {
        match stage {
            Stage::Extract(mut extract) => {
                extract.field = self.name(&extract.field);
                extract.names.iter().for_each(|name| self.add(name));
                Stage::Extract(extract)
            }
            Stage::Substitute(mut substitute) => {
                substitute.field = self.name(&substitute.field);
                Stage::Substitute(substitute)
            }
            Stage::Replace(mut replace) => {
                replace.fields = self.all(&replace.fields);
                Stage::Replace(replace)
            }
            Stage::Unpack(mut unpack) => {
                unpack.field = self.name(&unpack.field);
                // What two texts hold is told apart where only one is read whole.
                if self.is_open && unpack.path.is_none() {
                    (unpack.form, unpack.path, unpack.prefix) = (TextForm::Structured, Some("ka".to_owned()), String::new());
                }
                match &unpack.path {
                    Some(path) => self.add(unpack.output.as_ref().unwrap_or(path)),
                    None => {
                        UNPACKED.iter().for_each(|name| self.add(&format!("{}{name}", unpack.prefix)));
                        self.is_open = true;
                    }
                }
                Stage::Unpack(unpack)
            }
            Stage::MakeList(mut make) => {
                make.field = self.name(&make.field);
                Stage::MakeList(make)
            }
            Stage::Expand { field, limit } => Stage::Expand { field: self.name(&field), limit },
            // What rows are like beside a column is known only where all columns are.
            Stage::Combine { field, delimiter } if self.is_open => Stage::JoinMembers { field: self.name(&field), delimiter },
            Stage::Combine { field, delimiter } => Stage::Combine { field: self.name(&field), delimiter },
            Stage::JoinMembers { field, delimiter } => Stage::JoinMembers { field: self.name(&field), delimiter },
            Stage::Convert(mut convert) => {
                for item in &mut convert.items {
                    item.field = self.name(&item.field);
                    item.alias.iter().for_each(|name| self.add(name));
                }
                Stage::Convert(convert)
            }
            Stage::FillDown(fields) => Stage::FillDown(self.all(&fields)),
            Stage::HeadWhile(head) => Stage::HeadWhile(HeadWhile { condition: self.scalar(&head.condition), ..head }),
            Stage::Dedup(dedup) if dedup.fields.is_empty() && self.is_open => Stage::Head(dedup.count),
            Stage::Dedup(dedup) => Stage::Dedup(Dedup { fields: self.all(&dedup.fields), ..dedup }),
            Stage::Head(count) => Stage::Head(count),
            Stage::Tail(count) => Stage::Tail(count),
            Stage::Reverse => Stage::Reverse,
            other => self.turned_many(other),
        }
    }

    /// Stages over many rows.
    fn turned_many(&mut self, stage: Stage) -> Stage {
        match stage {
            Stage::StreamStats(mut stream) => {
                stream.stats = self.stats(&stream.stats);
                stream.reset.0 = stream.reset.0.map(|pred| self.pred(&pred));
                stream.stats.aggregates.iter().for_each(|aggregate| self.add(&aggregate.alias));
                stream.reset.1 = stream.reset.1.map(|pred| self.pred(&pred));
                Stage::StreamStats(stream)
            }
            Stage::Transaction(mut transaction) => {
                transaction.fields = self.all(&transaction.fields);
                transaction.fields.dedup();
                transaction.starts_with = transaction.starts_with.map(|pred| self.pred(&pred));
                transaction.ends_with = transaction.ends_with.map(|pred| self.pred(&pred));
                ["duration", "eventcount", "closed_txn"].iter().for_each(|name| self.add(name));
                Stage::Transaction(transaction)
            }
            Stage::Frequent(frequent) => {
                let (fields, by) = (self.all(&frequent.fields), self.all(&frequent.by));
                let frequent = series::distinct(Frequent { fields, by, ..frequent });
                let made = frequent.by.iter().chain(&frequent.fields).chain(&frequent.count).chain(&frequent.percent);
                self.close(made.cloned().collect());
                Stage::Frequent(frequent)
            }
            Stage::AddTotals(mut totals) => {
                totals.fields = self.all(&totals.fields);
                totals.row.iter().for_each(|name| self.add(name));
                totals.column.iter().filter_map(|column| column.field.as_ref()).for_each(|name| self.add(name));
                Stage::AddTotals(totals)
            }
            Stage::Chart(mut chart) => {
                chart.stats = self.stats(&chart.stats);
                if chart.bucket.is_some() {
                    "_time".clone_into(&mut chart.stats.by[0].name);
                    chart.stats.by.dedup_by(|a, b| a.name == b.name);
                    distinct(&mut chart.stats);
                }
                // The second field of two makes columns and is none.
                let shown = if chart.is_split() { &chart.stats.by[..1] } else { &chart.stats.by[..] };
                self.close(shown.iter().map(|field| field.name.clone()).collect());
                // The columns that values make are known to nobody; a pattern may not mean them.
                self.is_open = chart.is_split();
                chart.stats.aggregates.iter().filter(|_| !chart.is_split()).for_each(|aggregate| self.add(&aggregate.alias));
                Stage::Chart(chart)
            }
            Stage::ForEach(mut each) => {
                each.patterns = self.all(&each.patterns);
                // A name that a text or a chart may have made counts as a column there.
                if self.is_open {
                    let may_be_read = |name: &String| UNPACKED.iter().any(|read| name.ends_with(read));
                    each.patterns.retain(|name| self.columns.contains(name) && !may_be_read(name));
                    if each.patterns.is_empty() {
                        each.patterns = self.some(1);
                    }
                }
                // Which fields events can have that no event passes the condition of, nobody says: a column without a value may be
                // there or not.
                if self.is_event {
                    each.assignments = series::of_values(each.assignments);
                }
                each.assignments.iter().filter(|(name, _)| !name.contains("<<")).for_each(|(name, _)| self.add(name));
                Stage::ForEach(each)
            }
            other => self.turned_across(other),
        }
    }

    /// Stages with tables and with queries of their own. Every other stage is turned before.
    fn turned_across(&mut self, stage: Stage) -> Stage {
        match stage {
            Stage::Lookup(lookup) => {
                let keys = lookup.keys.iter().map(|(column, name)| (column.clone(), self.name(name))).collect();
                lookup.outputs.iter().for_each(|(_, name)| self.add(name));
                Stage::Lookup(Lookup { keys, ..lookup })
            }
            Stage::Join(join) => {
                let (mut query, mut inner) = settle::inner(*join.query);
                let common: Vec<&String> = self.columns.iter().filter(|name| inner.columns.contains(name)).collect();
                let is_common = |name: &String| common.is_empty() || common.contains(&name);
                let fields = join.fields.iter().enumerate();
                let mut fields: Vec<String> = fields
                    .map(|(place, name)| if is_common(name) { name.clone() } else { common[(place + name.len()) % common.len()].clone() })
                    .collect();
                fields.dedup();
                self.unite_rows(&mut query.stages, &mut inner);
                Stage::Join(Join { fields, query: Box::new(query), ..join })
            }
            Stage::Map(map) => {
                let (query, mut inner): (Query, Names) = settle::inner(*map.query);
                let keys = map.keys.iter().map(|(outer, name)| (self.name(outer), inner.name(name))).collect();
                let asked = format!("${}$", self.name("Alpha"));
                let turned = |stage: &Stage| inner.turned(stage.map_texts(&|text| fill_tokens(text, &|_| asked.clone())));
                let each = map.each.iter().map(turned).collect();
                (self.columns, self.is_open) = (inner.columns, inner.is_open);
                Stage::Map(Map { keys, query: Box::new(query), each })
            }
            Stage::Append(query) => {
                let (mut query, mut inner) = settle::inner(*query);
                self.unite_rows(&mut query.stages, &mut inner);
                Stage::Append(Box::new(query))
            }
            Stage::AppendPipe(stages) => {
                let mut inner = self.clone();
                let mut stages = settle::settled(stages, &mut inner, true);
                self.unite_rows(&mut stages, &mut inner);
                Stage::AppendPipe(stages)
            }
            other => {
                if other == Stage::Format {
                    self.close(vec!["search".to_owned()]);
                }
                other
            }
        }
    }
}

/// A column under the name that a renaming by pattern gives it.
fn renamed(column: &mut String, (before, behind): (&str, &str), (new_before, new_behind): (&str, &str)) {
    let is_meant = !column.starts_with('_') && column.len() >= before.len() + behind.len();
    if is_meant && column.starts_with(before) && column.ends_with(behind) {
        *column = format!("{new_before}{}{new_behind}", &column[before.len()..column.len() - behind.len()]);
    }
}
