//! Queries with stages: every stage, before and after `stats`, every function, every aggregate.
//!
//! Stages are drawn one by one from small sets of names, without regard to each other, so that a failing query shrinks
//! by losing stages. [`settle`] then makes them fit: most names are turned to columns that are there, and rows get an
//! order before a stage whose result would depend on one that nothing determines.

pub(crate) mod across;
mod aggregates;
mod calls;
mod names;
mod series;
mod settle;
mod texts;

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{Field, Match, Pred, Query, Rename, Scope, SortBy, SortKey, Source, Stage, Vocabulary};

use super::{ABSENT_FIELD, ADDRESS_FIELD, Case, NUMBER_FIELD, TEXT_FIELDS, field, queries};

/// Names that stages write and that later ones read.
const MADE: [&str; 6] = ["made", "n", "m", "x.n", "x.Alpha", "seen"];
/// Patterns of names.
const PATTERNS: [&str; 7] = ["*", "A*", "*a", "m*", "x.*", "R*e", "_*"];
/// Renamings by pattern.
const RENAMED: [(&str, &str); 8] =
    [("x.*", "*"), ("*", "x.*"), ("A*", "x.A*"), ("*a", "*"), ("ma*", "se*"), ("*.n", "*_n"), ("R*", "*"), ("*", "*")];
/// What `fillnull` and `stats` write where there is nothing.
const FILLERS: [&str; 4] = ["0", "null", "", "none"];

/// A field of the event or a column that an earlier stage may have made.
fn named(name: &str) -> Field {
    field(name, if MADE.contains(&name) { Vocabulary::Row } else { Vocabulary::Splunk })
}

/// Any name that a stage may read.
fn any_name() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        5 => select(&TEXT_FIELDS[..]),
        3 => select(&MADE[..]),
        3 => select(&[NUMBER_FIELD, ADDRESS_FIELD, "EventCode", "_time"][..]),
        1 => Just(ABSENT_FIELD),
    ]
}

/// Names that mostly hold numbers.
fn number_name() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just(NUMBER_FIELD), 2 => select(&["n", "m"][..]), 1 => select(&["_time", "EventCode"][..]), 1 => any_name()]
}

/// Names that a stage writes: mostly new ones, sometimes those of the event.
fn new_name() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&MADE[..]), 1 => select(&["Alpha", "Beta", "Amount"][..])].prop_map(str::to_owned)
}

fn some_names(some: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any_name().prop_map(str::to_owned), some)
}

/// Names and patterns.
fn name_patterns() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof![3 => any_name(), 1 => select(&PATTERNS[..])].prop_map(str::to_owned), 1..5)
}

/// Conditions of `search`, `where` and `regex`.
fn condition(pool: &[String]) -> impl Strategy<Value = Pred> + use<> {
    let matches = (any_name(), queries::test(pool), prop::bool::weighted(0.2))
        .prop_map(|(name, test, negated)| Pred::Match(Match { field: named(name), test, negated, span: 0..0 }));
    let leaf = prop_oneof![3 => matches, 2 => calls::truth(2).prop_map(Pred::Scalar)];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2).prop_map(Pred::And),
            prop::collection::vec(inner.clone(), 2).prop_map(Pred::Or),
            inner.prop_map(|p| Pred::Not(Box::new(p))),
        ]
    })
}

fn rename() -> impl Strategy<Value = Rename> {
    let plain = (any_name().prop_map(str::to_owned), new_name());
    let pattern = select(&RENAMED[..]).prop_map(|(from, to)| (from.to_owned(), to.to_owned()));
    prop_oneof![2 => plain, 1 => pattern].prop_map(|(from, to)| Rename { from, to })
}

/// How many kinds of stages there are.
const STAGES: usize = 38;

/// The place of a stage among the generators: a new stage does not compile without one, and the test below runs each.
fn place(stage: &Stage) -> usize {
    match stage {
        Stage::Eval(_) => 0,
        Stage::Filter(_) => 1,
        Stage::Stats(_) => 2,
        Stage::EventStats(_) => 3,
        Stage::Rename(_) => 4,
        Stage::Keep(_) => 5,
        Stage::Drop(_) => 6,
        Stage::Sort { .. } => 7,
        Stage::Head(_) => 8,
        Stage::Dedup(_) => 9,
        Stage::FormatTime { .. } => 10,
        Stage::FillNull { .. } => 11,
        Stage::Bin { .. } => 12,
        Stage::Extract(_) => 13,
        Stage::Substitute(_) => 14,
        Stage::Replace(_) => 15,
        Stage::Unpack(_) => 16,
        Stage::MakeList(_) => 17,
        Stage::Expand { .. } => 18,
        Stage::Combine { .. } => 19,
        Stage::JoinMembers { .. } => 20,
        Stage::StreamStats(_) => 21,
        Stage::Transaction(_) => 22,
        Stage::Frequent(_) => 23,
        Stage::AddTotals(_) => 24,
        Stage::Chart(_) => 25,
        Stage::ForEach(_) => 26,
        Stage::FillDown(_) => 27,
        Stage::Tail(_) => 28,
        Stage::Reverse => 29,
        Stage::Lookup(_) => 30,
        Stage::Format => 31,
        Stage::Convert(_) => 32,
        Stage::HeadWhile(_) => 33,
        // Those that hold queries come last: there are none of them in the innermost.
        Stage::Join(_) => 34,
        Stage::Map(_) => 35,
        Stage::Append(_) => 36,
        Stage::AppendPipe(_) => 37,
    }
}

/// How often each stage is drawn, by its place.
const WEIGHTS: [u32; STAGES] =
    [12, 8, 12, 4, 6, 2, 2, 2, 2, 2, 2, 4, 4, 2, 1, 1, 2, 1, 2, 1, 1, 3, 2, 2, 2, 2, 1, 1, 1, 1, 2, 1, 2, 1, 3, 1, 2, 1];

/// How deep queries are in one another.
const DEPTH: u32 = 2;

/// A generator for each stage without queries of its own, by its place.
fn simple(pool: &[String]) -> Vec<BoxedStrategy<Stage>> {
    let mut out: Vec<BoxedStrategy<Stage>> = plain(pool).into_iter().collect();
    out.extend([
        texts::extract(),
        texts::substitute(),
        texts::replace(pool),
        texts::unpack(),
        texts::make_list(),
        texts::expand(),
        texts::combine(),
        texts::join_members(),
        series::stream_stats(pool),
        series::transaction(pool),
        series::frequent(),
        series::add_totals(),
        series::chart(),
        series::for_each(),
        some_names(0..3).prop_map(Stage::FillDown).boxed(),
        (0..6u64).prop_map(Stage::Tail).boxed(),
        Just(Stage::Reverse).boxed(),
        across::lookup(pool),
        Just(Stage::Format).boxed(),
        texts::convert(),
        series::head_while(),
    ]);
    out
}

/// The same with those that hold queries, which are made of `inner`.
fn holding(pool: &[String], simple: &[BoxedStrategy<Stage>], inner: &BoxedStrategy<Stage>) -> Vec<BoxedStrategy<Stage>> {
    let queries = [across::join(pool, inner), across::map(pool, inner), across::append(pool, inner), across::append_pipe(inner)];
    simple.iter().cloned().chain(queries).collect()
}

/// Stages over single rows, and the oldest over many.
fn plain(pool: &[String]) -> [BoxedStrategy<Stage>; 13] {
    let orders = select(&[SortBy::Auto, SortBy::Auto, SortBy::Number, SortBy::Text, SortBy::Address][..]);
    let key = (any_name(), any::<bool>(), orders).prop_map(|(name, descending, by)| SortKey { field: name.to_owned(), descending, by });
    let limit = prop::option::weighted(0.3, 0..6u64);
    let spans = select(&[1.0, 5.0, 0.5, 60.0, 86_400.0][..]);
    let names_of_numbers = prop::collection::vec(number_name().prop_map(str::to_owned), 1..3);
    [
        prop::collection::vec((new_name(), calls::any_value(2)), 1..3).prop_map(Stage::Eval).boxed(),
        condition(pool).prop_map(Stage::Filter).boxed(),
        aggregates::stats().prop_map(Stage::Stats).boxed(),
        aggregates::stats().prop_map(Stage::EventStats).boxed(),
        prop::collection::vec(rename(), 1..3).prop_map(Stage::Rename).boxed(),
        name_patterns().prop_map(Stage::Keep).boxed(),
        name_patterns().prop_map(Stage::Drop).boxed(),
        (prop::collection::vec(key, 1..3), limit).prop_map(|(keys, limit)| Stage::Sort { keys, limit }).boxed(),
        (0..6u64).prop_map(Stage::Head).boxed(),
        series::dedup(),
        (names_of_numbers, select(&calls::TIME_FORMATS[..]))
            .prop_map(|(fields, format)| Stage::FormatTime { fields, format: format.to_owned() })
            .boxed(),
        (some_names(0..3), select(&FILLERS[..])).prop_map(|(fields, value)| Stage::FillNull { fields, value: value.to_owned() }).boxed(),
        (number_name(), spans, prop::option::of(new_name()))
            .prop_map(|(field, span, alias)| Stage::Bin { field: field.to_owned(), span, alias })
            .boxed(),
    ]
}

/// One of some stages.
fn any_of(generators: Vec<BoxedStrategy<Stage>>) -> BoxedStrategy<Stage> {
    proptest::strategy::Union::new_weighted(WEIGHTS.into_iter().zip(generators).filter(|(weight, _)| *weight > 0).collect()).boxed()
}

/// A query of some stages.
pub(crate) fn query(pool: &[String]) -> impl Strategy<Value = Case> + use<> {
    // Made once: the queries in brackets are of the same stages.
    let simple = simple(pool);
    let innermost = any_of(simple.clone());
    let stage = (0..DEPTH).fold(innermost.clone(), |inner, _| any_of(holding(pool, &simple, &inner)));
    let filter = prop_oneof![
        4 => Just(Pred::True),
        4 => queries::pred(pool),
        1 => (across::subsearch(pool, &innermost), queries::pred(pool), any::<bool>()).prop_map(|(inner, pred, both)| {
            if both { Pred::And(vec![inner, pred]) } else { Pred::Or(vec![pred, Pred::Not(Box::new(inner))]) }
        }),
    ];
    // Most of the newer stages have no portable text: one query in four is of the others alone, so that SQLite takes part.
    let portable = any_of(plain(pool).into());
    let stages = prop_oneof![3 => prop::collection::vec(stage, 1..6), 1 => prop::collection::vec(portable, 1..5)];
    (filter, stages).prop_map(|(filter, stages)| {
        let query = settle::query(Query { source: Source::Events(Scope::Any), filter, stages });
        Case { text: String::new(), query }
    })
}

/// A query, a place among its stages, and a condition that could stand there.
pub(crate) fn split_query(pool: &[String]) -> impl Strategy<Value = (Query, usize, Pred)> + use<> {
    (query(pool), any::<prop::sample::Index>(), condition(pool)).prop_map(|(case, at, condition)| {
        let at = at.index(case.query.stages.len() + 1);
        (case.query, at, condition)
    })
}

#[cfg(test)]
mod tests {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    #[test]
    fn every_stage_has_its_generator() {
        let mut runner = TestRunner::deterministic();
        let pool = ["a".to_owned()];
        let simple = simple(&pool);
        let generators = holding(&pool, &simple, &any_of(simple.clone()));
        assert_eq!(generators.len(), STAGES);
        for (expected, generator) in generators.iter().enumerate() {
            for _ in 0..20 {
                let stage = generator.new_tree(&mut runner).unwrap().current();
                assert_eq!(place(&stage), expected, "{stage:?}");
            }
        }
    }
}
