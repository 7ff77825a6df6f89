//! Stages with tables and with queries of their own, and queries themselves.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{
    Aggregate, AggregateFunction, BinaryOp, Case, Glob, Join, Lookup, Map, Match, Pred, Query, Scalar, Scope, Source, Stage, Stats,
    Subsearch, Table, TableMatch, Test, Vocabulary,
};

use super::super::{ADDRESS_FIELD, TEXT_FIELDS, pattern, queries};
use super::{any_name, settle, some_names};

/// The columns of generated tables: two keys, two others.
const TABLE_COLUMNS: [&str; 4] = ["Alpha", "Peer", "out", "n"];
const NETWORKS: [&str; 12] = [
    "10.0.0.0/8",
    "192.168.0.0/16",
    "fe80::/10",
    "10.0.0.1/32",
    "192.168.1.5",
    "::1",
    "10.9.9.9/8",
    "10.0.0.0/33",
    "10.0.0",
    "-",
    " 10.0.0.1",
    "",
];
const OUTPUTS: [&str; 6] = ["", "x", "1", "1.0", "true", "two words"];

/// A cell of a key: a value of the events, or a pattern of one with `*` alone.
fn key_cell(pool: &[String]) -> impl Strategy<Value = String> + use<> {
    let starred = (pattern::text(pool), any::<(bool, bool)>())
        .prop_map(|(text, (before, after))| format!("{}{text}{}", if before { "*" } else { "" }, if after { "*" } else { "" }));
    prop_oneof![3 => pattern::value(pool), 2 => starred]
}

/// A lookup table as a folder of rules would define it.
pub(super) fn table(pool: &[String]) -> impl Strategy<Value = Arc<Table>> + use<> {
    let address = select(&NETWORKS[..]).prop_map(str::to_owned);
    let row = (key_cell(pool), address, select(&OUTPUTS[..]), select(&OUTPUTS[..]));
    let matching = (select(&[TableMatch::Exact, TableMatch::Wildcard][..]), select(&[TableMatch::Exact, TableMatch::Cidr][..]));
    let limits = (any::<bool>(), 0..3u64, prop_oneof![1 => Just(1u64), 1 => Just(2), 2 => Just(100)]);
    let default = prop::option::of(select(&["false", "none"][..]));
    (prop::collection::vec(row, 0..6), matching, limits, default)
        .prop_map(|(rows, (first, second), (case_sensitive, min_matches, max_matches), default_match)| {
            let cells = |(key, address, out, n): (String, String, &str, &str)| {
                [key, address, out.to_owned(), n.to_owned()].into_iter().map(Arc::from).collect::<Box<[Arc<str>]>>()
            };
            Arc::new(Table {
                name: "generated".to_owned(),
                columns: TABLE_COLUMNS.map(str::to_owned).to_vec(),
                rows: rows.into_iter().map(cells).collect(),
                matching: vec![first, second, TableMatch::Exact, TableMatch::Exact],
                case_sensitive,
                min_matches,
                max_matches,
                default_match: default_match.map(str::to_owned),
            })
        })
        .prop_map(|table| with_default(&table))
}

/// A definition has both or neither: without a least number of matches a default means nothing.
fn with_default(table: &Table) -> Arc<Table> {
    let mut table = table.clone();
    if table.default_match.is_none() {
        table.min_matches = 0;
    }
    table.min_matches = table.min_matches.min(table.max_matches);
    Arc::new(table)
}

pub(super) fn lookup(pool: &[String]) -> BoxedStrategy<Stage> {
    let first = select(&TEXT_FIELDS[..]).prop_map(|name| ("Alpha".to_owned(), name.to_owned()));
    let second = Just(("Peer".to_owned(), ADDRESS_FIELD.to_owned()));
    let keys = prop_oneof![
        2 => first.clone().prop_map(|key| vec![key]),
        1 => second.clone().prop_map(|key| vec![key]),
        1 => (first, second).prop_map(|(a, b)| vec![a, b]),
    ];
    let out = (select(&["out", "n"][..]), select(&["made", "n", "out", "Beta"][..])).prop_map(|(a, b)| (a.to_owned(), b.to_owned()));
    (table(pool), keys, prop::collection::vec(out, 1..3), any::<bool>())
        .prop_map(|(table, keys, mut outputs, only_new)| {
            outputs.dedup_by(|a, b| a.1 == b.1);
            Stage::Lookup(Lookup { table, keys, outputs, only_new })
        })
        .boxed()
}

/// A query in brackets, of these stages.
pub(super) fn inner(pool: &[String], stage: &BoxedStrategy<Stage>) -> BoxedStrategy<Query> {
    let source = prop_oneof![
        6 => Just(Source::Events(Scope::Any)),
        2 => table(pool).prop_map(Source::Table),
        1 => (0..3u64).prop_map(Source::Rows),
        1 => select(vec![None, Some("All_Risk".to_owned())]).prop_map(|prefix| Source::Findings { prefix }),
    ];
    let filter = prop_oneof![1 => Just(Pred::True), 2 => queries::pred(pool)];
    (source, filter, prop::collection::vec(stage.clone(), 0..3))
        .prop_map(|(source, filter, stages)| {
            // Only events can be asked by a condition in front of all stages.
            let filter = if matches!(source, Source::Events(_)) { filter } else { Pred::True };
            Query { source, filter, stages }
        })
        .boxed()
}

pub(super) fn join(pool: &[String], stage: &BoxedStrategy<Stage>) -> BoxedStrategy<Stage> {
    let most = prop_oneof![2 => Just(Some(1)), 1 => Just(Some(2)), 1 => Just(None)];
    (any::<bool>(), prop::collection::vec(any_name().prop_map(str::to_owned), 1..3), most, any::<bool>(), inner(pool, stage))
        .prop_map(|(left, fields, max, overwrite, query)| Stage::Join(Join { left, fields, max, overwrite, query: Box::new(query) }))
        .boxed()
}

pub(super) fn map(pool: &[String], stage: &BoxedStrategy<Stage>) -> BoxedStrategy<Stage> {
    let key = (any_name(), any_name()).prop_map(|(outer, inner)| (outer.to_owned(), inner.to_owned()));
    let each = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(for_each_row(), 1..4)];
    (prop::collection::vec(key, 1..3), inner(pool, stage), each)
        .prop_map(|(keys, query, each)| Stage::Map(Map { keys, query: Box::new(query), each }))
        .boxed()
}

/// A stage that `map` runs for each row; `$key$` becomes the token of a column that is there.
fn for_each_row() -> impl Strategy<Value = Stage> {
    let field = || any_name().prop_map(|name| super::super::field(name, Vocabulary::Row));
    let text = || select(&["$key$", "*$key$*", "$key$*", "x"][..]);
    let count = Aggregate { function: AggregateFunction::Count, argument: None, alias: "count".to_owned() };
    prop_oneof![
        (field(), text(), any::<bool>()).prop_map(|(field, text, negated)| {
            let test = Test::Glob { glob: Glob::wildcard(text), case: Case::Ignore };
            Stage::Filter(Pred::Match(Match { field, test, negated, span: 0..0 }))
        }),
        (field(), text()).prop_map(|(field, text)| {
            let joined = Scalar::Binary(BinaryOp::Concat, Box::new(Scalar::Text(text.to_owned())), Box::new(Scalar::Field(field)));
            Stage::Eval(vec![("made".to_owned(), joined)])
        }),
        prop::collection::vec(field(), 0..2)
            .prop_map(move |by| { Stage::Stats(Stats { aggregates: vec![count.clone()], by, fill_null_by: None }) }),
    ]
}

pub(super) fn append(pool: &[String], stage: &BoxedStrategy<Stage>) -> BoxedStrategy<Stage> {
    inner(pool, stage).prop_map(|query| Stage::Append(Box::new(query))).boxed()
}

pub(super) fn append_pipe(stage: &BoxedStrategy<Stage>) -> BoxedStrategy<Stage> {
    prop::collection::vec(stage.clone(), 1..3).prop_map(Stage::AppendPipe).boxed()
}

/// A condition that is a search in brackets: some columns of a query, perhaps as values alone.
pub(crate) fn subsearch(pool: &[String], stage: &BoxedStrategy<Stage>) -> impl Strategy<Value = Pred> + use<> {
    let kept = some_names(1..3);
    (inner(pool, stage), kept, 1..4u64, prop::bool::weighted(0.2)).prop_map(|(mut query, kept, most, values_only)| {
        query.stages.extend([Stage::Keep(kept), Stage::Head(most)]);
        let query = settle::query(query);
        Pred::Subsearch(Box::new(Subsearch { query, vocabulary: Vocabulary::Splunk, values_only }))
    })
}
