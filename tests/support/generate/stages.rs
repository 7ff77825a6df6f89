//! Queries with stages: eval, where, stats, sort and head over the result.

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{
    Aggregate, AggregateFunction, BinaryOp, Field, Function, NumberOp, Pred, Query, Scalar, Scope, SortKey, Stage, Stats, Test, Vocabulary,
};

use super::{ABSENT_FIELD, Case, NUMBER_FIELD, TEXT_FIELDS, field, queries};

fn splunk(name: &str) -> Scalar {
    Scalar::Field(field(name, Vocabulary::Splunk))
}

fn row(name: &str) -> Field {
    field(name, Vocabulary::Row)
}

/// An expression that gives a number or a text or null, over fields without lists.
fn expression() -> impl Strategy<Value = Scalar> {
    let call = |f: Function, arguments: Vec<Scalar>| Scalar::Call(f, arguments);
    let binary = |op: BinaryOp, a: Scalar, b: Scalar| Scalar::Binary(op, Box::new(a), Box::new(b));
    select(vec![
        call(Function::Len, vec![splunk("Amount")]),
        call(Function::Lower, vec![splunk("Peer")]),
        call(Function::Coalesce, vec![splunk(ABSENT_FIELD), splunk("Peer"), Scalar::Text("none".into())]),
        call(
            Function::If,
            vec![binary(BinaryOp::Gt, splunk(NUMBER_FIELD), Scalar::Number(5.0)), Scalar::Text("big".into()), Scalar::Text("small".into())],
        ),
        call(
            Function::Case,
            vec![
                call(Function::IsNull, vec![splunk(NUMBER_FIELD)]),
                Scalar::Text("absent".into()),
                binary(BinaryOp::Eq, splunk(NUMBER_FIELD), Scalar::Text("1".into())),
                Scalar::Text("one".into()),
            ],
        ),
        binary(BinaryOp::Concat, splunk("Peer"), Scalar::Text("%".into())),
        call(Function::Like, vec![splunk("Peer"), Scalar::Text("10.%_1".into())]),
        call(Function::Match, vec![splunk("Peer"), Scalar::Text("^10\\.".into())]),
        call(Function::MvCount, vec![splunk("Alpha")]),
    ])
}

fn condition() -> impl Strategy<Value = Scalar> {
    let ops = vec![BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Lt, BinaryOp::Le, BinaryOp::Gt, BinaryOp::Ge];
    let right = prop_oneof![
        select(vec![0.0, 1.0, 5.0, 10.0]).prop_map(Scalar::Number),
        select(vec!["1", "10", "abc", ""]).prop_map(|t| Scalar::Text(t.into())),
        Just(splunk("Peer")),
    ];
    let leaf = (select(vec![NUMBER_FIELD, "Peer", ABSENT_FIELD]), select(ops), right)
        .prop_map(|(name, op, right)| Scalar::Binary(op, Box::new(splunk(name)), Box::new(right)));
    let leaf = prop_oneof![
        4 => leaf,
        1 => select(vec![NUMBER_FIELD, "Rare", "Alpha"]).prop_map(|n| Scalar::Call(Function::IsNotNull, vec![splunk(n)])),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2).prop_map(Scalar::And),
            prop::collection::vec(inner.clone(), 2).prop_map(Scalar::Or),
            inner.prop_map(|s| Scalar::Not(Box::new(s))),
        ]
    })
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    use AggregateFunction::{Avg, Count, Dc, Max, Min, Sum, Values};
    let count = Just(Aggregate { function: Count, argument: None, alias: "count".into() });
    let over_texts = (select(vec![Dc, Values]), select(&TEXT_FIELDS[..]));
    let over_numbers = (select(vec![Min, Max, Sum, Avg, Dc, Values, Count]), select(vec![NUMBER_FIELD, "Peer"]));
    let times = (select(vec![Min, Max]), Just("_time"));
    let named = prop_oneof![2 => over_texts, 3 => over_numbers, 2 => times].prop_map(|(function, name)| Aggregate {
        function,
        argument: Some(splunk(name)),
        alias: format!("{function:?}_{}", name.trim_start_matches('_')),
    });
    let truths = condition().prop_map(|c| Aggregate { function: Count, argument: Some(c), alias: "truths".into() });
    prop_oneof![2 => count, 4 => named, 1 => truths]
}

fn stats() -> impl Strategy<Value = Stats> {
    let by = prop_oneof![
        1 => Just(Vec::new()),
        6 => prop::sample::subsequence(vec!["Alpha", "Beta", "Rare", "Peer", "EventCode", "made"], 1..3),
    ];
    (prop::collection::vec(aggregate(), 1..4), by, prop::option::weighted(0.2, Just("null".to_owned()))).prop_map(
        |(mut aggregates, by, fill_null_by)| {
            let mut seen = Vec::new();
            aggregates.retain(|a| {
                let new = !seen.contains(&a.alias);
                seen.push(a.alias.clone());
                new
            });
            let by = by.into_iter().map(|name| field(name, if name == "made" { Vocabulary::Row } else { Vocabulary::Splunk })).collect();
            Stats { aggregates, by, fill_null_by }
        },
    )
}

/// After stats: a threshold, or an order with a limit that leaves nothing to chance.
fn after(stats: &Stats) -> BoxedStrategy<Vec<Stage>> {
    let mut choices = vec![Just(Vec::new()).boxed()];
    if stats.aggregates.iter().any(|a| a.alias == "count") {
        choices.push(
            (1..4u8)
                .prop_map(|n| {
                    let test = Test::Number { op: NumberOp::Ge, value: f64::from(n) };
                    vec![Stage::Filter(Pred::Match(retrohunt::ir::Match { field: row("count"), test, negated: false, span: 0..0 }))]
                })
                .boxed(),
        );
        let keys: Vec<SortKey> = std::iter::once(SortKey { field: "count".into(), descending: true })
            .chain(stats.by.iter().map(|f| SortKey { field: f.name.clone(), descending: false }))
            .collect();
        choices.push((0..4u64).prop_map(move |n| vec![Stage::Sort { keys: keys.clone(), limit: None }, Stage::Head(n)]).boxed());
    }
    proptest::strategy::Union::new(choices).boxed()
}

/// A query that ends in stats, perhaps filtered after it.
pub(crate) fn query(pool: &[String]) -> impl Strategy<Value = Case> + use<> {
    let filter = prop_oneof![2 => queries::pred(pool), 2 => Just(Pred::True)];
    let before = (expression(), prop::option::weighted(0.4, condition()));
    (filter, before, stats())
        .prop_flat_map(|(filter, (made, condition), stats)| {
            let after = after(&stats);
            (Just((filter, made, condition, stats)), after)
        })
        .prop_map(|((filter, made, condition, stats), after)| {
            let mut stages = vec![Stage::Eval(vec![("made".into(), made)])];
            stages.extend(condition.map(|c| Stage::Filter(Pred::Scalar(c))));
            stages.push(Stage::Stats(stats));
            stages.extend(after);
            Case { text: String::new(), query: Query { scope: Scope::Any, filter, stages } }
        })
}
