//! Makes drawn stages fit each other: names that are there, results that depend on nothing undetermined.

use retrohunt::ir::{Aggregate, AggregateFunction, BinaryOp, Dedup, Field, Function, Pred, Scalar, SortKey, Stage, Stats, Vocabulary};

use super::super::{ABSENT_FIELD, ADDRESS_FIELD, NUMBER_FIELD, TEXT_FIELDS};
use super::aggregates::distinct;

/// Of so many names that no column has, one stays.
const LOST_NAMES: usize = 5;

/// Turns names to columns that are there and gives rows an order where a stage asks for one.
pub(super) fn settle(stages: Vec<Stage>) -> Vec<Stage> {
    let mut names = Names::of_events();
    let stages: Vec<Stage> = stages.into_iter().map(|stage| names.turned(stage)).collect();
    let mut out = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        out.push(stage.clone());
        out.extend(rounded(stage));
        if let Stage::Stats(stats) = stage {
            let behind = &stages[at + 1..];
            let next = behind.iter().position(|stage| matches!(stage, Stage::Stats(_))).map_or(behind.len(), |next| next + 1);
            if !stats.by.is_empty() && behind[..next].iter().any(needs_order) {
                out.extend(ordered(stats));
            }
        }
    }
    out
}

/// Whether what a stage gives depends on the order of the rows before it.
fn needs_order(stage: &Stage) -> bool {
    match stage {
        Stage::Head(_) | Stage::Dedup(_) | Stage::Sort { limit: Some(_), .. } => true,
        Stage::Stats(stats) | Stage::EventStats(stats) => stats.aggregates.iter().any(|aggregate| aggregate.function.needs_order()),
        Stage::Filter(_)
        | Stage::Eval(_)
        | Stage::Rename(_)
        | Stage::Keep(_)
        | Stage::Drop(_)
        | Stage::Sort { limit: None, .. }
        | Stage::FormatTime { .. }
        | Stage::FillNull { .. }
        | Stage::Bin { .. } => false,
        _ => true, // GAP
    }
}

/// Sums of fractions have other last digits where the rows come in another order: texts of them would differ.
fn rounded(stage: &Stage) -> Option<Stage> {
    let (Stage::Stats(stats) | Stage::EventStats(stats)) = stage else { return None };
    use AggregateFunction::{Avg, Range, Rate, Stdev, StdevP, Sum, SumSq, Var, VarP};
    let is_sum = |function| matches!(function, Sum | SumSq | Avg | Stdev | StdevP | Var | VarP | Range | Rate);
    let made = stats.aggregates.iter().filter(|aggregate| is_sum(aggregate.function)).map(|aggregate| {
        let column = || Scalar::Field(super::super::field(&aggregate.alias, Vocabulary::Row));
        let round = Scalar::Call(Function::Round, vec![column(), Scalar::Number(4.0)]);
        (aggregate.alias.clone(), Scalar::Call(Function::Coalesce, vec![round, column()]))
    });
    let made: Vec<(String, Scalar)> = made.collect();
    (!made.is_empty()).then_some(Stage::Eval(made))
}

/// An order of the rows behind `stats`: by the texts of the group columns, which no two rows share. As columns they would
/// not do: `1` and `1.0` sort as equal.
fn ordered(stats: &Stats) -> [Stage; 2] {
    let name = |place: usize| format!("key{place}");
    let text = |field: &Field| {
        let sides = [Scalar::Text("x".to_owned()), Scalar::Field(super::super::field(&field.name, Vocabulary::Row))];
        let [left, right] = sides.map(Box::new);
        Scalar::Binary(BinaryOp::Concat, left, right)
    };
    let keys = stats.by.iter().enumerate().map(|(place, field)| (name(place), text(field))).collect();
    let sort = (0..stats.by.len()).map(|place| SortKey::auto(name(place), false)).collect();
    [Stage::Eval(keys), Stage::Sort { keys: sort, limit: None }]
}

/// The columns at one point, as far as stages tell.
struct Names {
    columns: Vec<String>,
    asked: usize,
}

impl Names {
    fn of_events() -> Self {
        let names = TEXT_FIELDS.into_iter().chain([NUMBER_FIELD, ADDRESS_FIELD, "EventCode", "_time"]);
        Self { columns: names.map(str::to_owned).collect(), asked: 0 }
    }

    /// A column instead of a name that none has, most of the time.
    fn name(&mut self, name: &str) -> String {
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

    fn all(&mut self, names: &[String]) -> Vec<String> {
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

    fn add(&mut self, name: &str) {
        if !self.columns.iter().any(|column| column == name) {
            self.columns.push(name.to_owned());
        }
    }

    fn turned(&mut self, stage: Stage) -> Stage {
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
                self.columns = stats.by.iter().map(|field| field.name.clone()).collect();
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
                    rename.from = self.name(&rename.from);
                    self.columns.retain(|column| *column != rename.from);
                    if !rename.to.contains('*') {
                        self.add(&rename.to);
                    }
                }
                Stage::Rename(renames)
            }
            Stage::Keep(patterns) => {
                let patterns = self.all(&patterns);
                if patterns.iter().all(|pattern| !pattern.contains('*')) {
                    self.columns = patterns.clone();
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
            Stage::Head(count) => Stage::Head(count),
            Stage::Dedup(dedup) => Stage::Dedup(Dedup { fields: self.all(&dedup.fields), ..dedup }),
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
            other => other, // GAP
        }
    }
}
