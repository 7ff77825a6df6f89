//! Makes drawn stages fit each other: names that are there, results that depend on nothing undetermined.

use retrohunt::ir::{AggregateFunction, BinaryOp, Function, Match, NumberOp, Pred, Query, Scalar, SortKey, Stage, Stats, Test, Vocabulary};

use super::names::Names;
use super::texts::DOCUMENTS;

/// Columns that `format` writes at most: behind it nothing else is there.
const FORMATTED: usize = 3;

/// Places that sums are rounded to. Sums of generated times end in some hundred millionths: a half is far away.
const ROUNDED: f64 = 2.0;

/// What is added to a sum that is rounded. Quotients of small numbers may stand right at a half; with this they do not.
const OFF_HALF: f64 = 0.001_23;

/// Sums from here on are rounded as so many times this: squares of times have no digits left behind their point.
const LARGE: f64 = 1e12;

/// Columns of whole events that a query in brackets gives.
pub(super) const KEPT: usize = 6;

/// Turns names to columns that are there and gives rows an order where a stage asks for one.
pub(super) fn query(query: Query) -> Query {
    let mut names = Names::of(&query.source);
    let stages = settled(query.stages, &mut names, false);
    Query { stages, ..query }
}

/// The same of a query in brackets, whose rows have an order too; and the columns that it gives. It says which these are, as
/// detections do: of whole events an outer query gets only what it names.
pub(super) fn inner(query: Query) -> (Query, Names) {
    let mut names = Names::of(&query.source);
    let mut stages = settled(query.stages, &mut names, true);
    if names.is_event {
        stages.push(names.turned(Stage::Keep(names.some(KEPT))));
    }
    (Query { stages, ..query }, names)
}

/// Makes stages fit the columns of the rows before them. `is_ordered`: the rows behind them need an order.
pub(super) fn settled(stages: Vec<Stage>, names: &mut Names, is_ordered: bool) -> Vec<Stage> {
    let stages: Vec<Stage> = stages
        .into_iter()
        .flat_map(|stage| {
            let first = before(&stage, names);
            let stage = names.turned(stage);
            first.into_iter().chain([stage])
        })
        .collect();
    let mut out = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        out.push(stage.clone());
        out.extend(rounded(stage));
        if let Some(keys) = group_columns(stage) {
            let behind = &stages[at + 1..];
            let next = behind.iter().position(|stage| group_columns(stage).is_some());
            let asks = behind[..next.map_or(behind.len(), |next| next + 1)].iter().any(needs_order);
            if !keys.is_empty() && (asks || (is_ordered && next.is_none())) {
                out.extend(ordered(&keys));
            }
        }
    }
    out
}

/// What a stage needs in front of it to mean something.
fn before(stage: &Stage, names: &mut Names) -> Vec<Stage> {
    match stage {
        Stage::Unpack(unpack) => {
            let Some(place) = unpack.field.strip_prefix("doc").and_then(|place| place.parse::<usize>().ok()) else { return Vec::new() };
            let document = |place: usize| Scalar::Text(DOCUMENTS[place % DOCUMENTS.len()].to_owned());
            let is_there = Scalar::Call(Function::IsNotNull, vec![Scalar::Field(super::named("Alpha"))]);
            let made = Scalar::Call(Function::If, vec![is_there, document(place), document(place + 1)]);
            names.add(&unpack.field);
            vec![Stage::Eval(vec![(unpack.field.clone(), made)])]
        }
        // Splunk's rows come newest first, and one without a time belongs nowhere.
        Stage::Transaction(_) => {
            let field = super::super::field("_time", Vocabulary::Row);
            let test = Test::Number { op: NumberOp::Ge, value: 0.0 };
            let timed = Pred::Match(Match { field, test, negated: false, span: 0..0 });
            vec![Stage::Filter(timed), Stage::Sort { keys: vec![SortKey::auto("_time", true)], limit: None }]
        }
        // A window of time needs rows in the order of their times.
        Stage::StreamStats(stream) if stream.time_window.is_some() => {
            vec![Stage::Sort { keys: vec![SortKey::auto("_time", true)], limit: None }]
        }
        Stage::Format => vec![names.turned(Stage::Keep(names.some(FORMATTED)))],
        _ => Vec::new(),
    }
}

/// The columns that no two rows behind a stage share the values of, where it makes rows of groups.
fn group_columns(stage: &Stage) -> Option<Vec<String>> {
    let by = |stats: &Stats| stats.by.iter().map(|field| field.name.clone()).collect();
    match stage {
        Stage::Stats(stats) => Some(by(stats)),
        // The first field alone tells the rows of a chart apart.
        Stage::Chart(chart) => Some(by(&chart.stats).into_iter().take(1).collect()),
        Stage::Frequent(frequent) => Some(frequent.by.iter().chain(&frequent.fields).cloned().collect()),
        _ => None,
    }
}

/// Whether what a stage gives depends on the order of the rows before it.
fn needs_order(stage: &Stage) -> bool {
    let asks = |stats: &Stats| stats.aggregates.iter().any(|aggregate| aggregate.function.needs_order());
    match stage {
        Stage::Head(_)
        | Stage::Tail(_)
        | Stage::HeadWhile(_)
        | Stage::Dedup(_)
        | Stage::Sort { limit: Some(_), .. }
        | Stage::StreamStats(_)
        | Stage::Transaction(_)
        | Stage::FillDown(_)
        | Stage::Combine { .. }
        | Stage::Format => true,
        Stage::Stats(stats) | Stage::EventStats(stats) => asks(stats),
        Stage::Chart(chart) => asks(&chart.stats),
        Stage::AppendPipe(stages) => stages.iter().any(needs_order),
        Stage::Filter(_)
        | Stage::Eval(_)
        | Stage::Rename(_)
        | Stage::Keep(_)
        | Stage::Drop(_)
        | Stage::Sort { limit: None, .. }
        | Stage::FormatTime { .. }
        | Stage::FillNull { .. }
        | Stage::Bin { .. }
        | Stage::Convert(_)
        | Stage::Extract(_)
        | Stage::Substitute(_)
        | Stage::Replace(_)
        | Stage::Unpack(_)
        | Stage::MakeList(_)
        | Stage::Expand { .. }
        | Stage::JoinMembers { .. }
        | Stage::Frequent(_)
        | Stage::AddTotals(_)
        | Stage::ForEach(_)
        | Stage::Reverse
        | Stage::Lookup(_)
        | Stage::Join(_)
        | Stage::Map(_)
        | Stage::Append(_) => false,
    }
}

/// Sums of fractions have other last digits where the rows come in another order: texts of them would differ.
fn rounded(stage: &Stage) -> Option<Stage> {
    use AggregateFunction::{Avg, Range, Rate, Stdev, StdevP, Sum, SumSq, Var, VarP};
    let is_sum = |function| matches!(function, Sum | SumSq | Avg | Stdev | StdevP | Var | VarP | Range | Rate);
    let of = |stats: &Stats| {
        stats.aggregates.iter().filter(|aggregate| is_sum(aggregate.function)).map(|aggregate| aggregate.alias.clone()).collect()
    };
    let sums: Vec<String> = match stage {
        Stage::Stats(stats) | Stage::EventStats(stats) => of(stats),
        Stage::StreamStats(stream) => of(&stream.stats),
        Stage::Chart(chart) if !chart.is_split() => of(&chart.stats),
        Stage::AddTotals(totals) if totals.column.is_some() => totals.fields.iter().chain(&totals.row).cloned().collect(),
        Stage::AddTotals(totals) => totals.row.iter().cloned().collect(),
        _ => Vec::new(),
    };
    let made = sums.into_iter().map(|name| {
        let column = || Scalar::Field(super::super::field(&name, Vocabulary::Row));
        let both = |op, left, number| Scalar::Binary(op, Box::new(left), Box::new(Scalar::Number(number)));
        let round = |of| Scalar::Call(Function::Round, vec![both(BinaryOp::Add, of, OFF_HALF), Scalar::Number(ROUNDED)]);
        let is_large = both(BinaryOp::Gt, column(), LARGE);
        let scaled = both(BinaryOp::Divide, column(), LARGE);
        let rounded = Scalar::Call(Function::If, vec![is_large, round(scaled), round(column())]);
        let made = Scalar::Call(Function::Coalesce, vec![rounded, column()]);
        (name, made)
    });
    let made: Vec<(String, Scalar)> = made.collect();
    (!made.is_empty()).then_some(Stage::Eval(made))
}

/// An order of the rows behind groups: by the texts of the group columns, which no two rows share. As columns they would
/// not do: `1` and `1.0` sort as equal.
fn ordered(columns: &[String]) -> [Stage; 2] {
    let name = |place: usize| format!("key{place}");
    let text = |column: &String| {
        let sides = [Scalar::Text("x".to_owned()), Scalar::Field(super::super::field(column, Vocabulary::Row))];
        let [left, right] = sides.map(Box::new);
        Scalar::Binary(BinaryOp::Concat, left, right)
    };
    let keys = columns.iter().enumerate().map(|(place, column)| (name(place), text(column))).collect();
    let sort = (0..columns.len()).map(|place| SortKey::auto(name(place), false)).collect();
    [Stage::Eval(keys), Stage::Sort { keys: sort, limit: None }]
}
