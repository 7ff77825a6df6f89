//! `stats` and `eventstats`.

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{Aggregate, AggregateFunction, Scalar, Stats};

use super::super::TEXT_FIELDS;
use super::{FILLERS, any_name, calls, named, new_name, number_name};

/// What an aggregate is asked about; a new one does not compile without it.
fn argument(function: AggregateFunction) -> BoxedStrategy<Option<Scalar>> {
    let field = |name: &'static str| Scalar::Field(named(name));
    let numbers = prop_oneof![4 => number_name().prop_map(field), 1 => calls::number(2)];
    let anything = prop_oneof![4 => any_name().prop_map(field), 1 => calls::any_value(2)];
    match function {
        AggregateFunction::Count => {
            let of = prop_oneof![any_name().prop_map(field), calls::truth(2)];
            prop::option::of(of).boxed()
        }
        AggregateFunction::Sum
        | AggregateFunction::SumSq
        | AggregateFunction::Avg
        | AggregateFunction::Stdev
        | AggregateFunction::StdevP
        | AggregateFunction::Var
        | AggregateFunction::VarP
        | AggregateFunction::Range
        | AggregateFunction::Rate
        | AggregateFunction::Median
        | AggregateFunction::Percentile(_) => numbers.prop_map(Some).boxed(),
        AggregateFunction::Min | AggregateFunction::Max => prop_oneof![numbers, anything].prop_map(Some).boxed(),
        AggregateFunction::Dc
        | AggregateFunction::Values
        | AggregateFunction::Mode
        | AggregateFunction::EarliestTime
        | AggregateFunction::LatestTime
        | AggregateFunction::List
        | AggregateFunction::Earliest
        | AggregateFunction::Latest
        | AggregateFunction::First
        | AggregateFunction::Last => anything.prop_map(Some).boxed(),
    }
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    use AggregateFunction::{Avg, Count, Dc, Max, Min, Sum, Values};
    // Those that portable SQL has are drawn more often, so that it takes part.
    prop_oneof![select(&AggregateFunction::ALL[..]), select(vec![Count, Dc, Min, Max, Sum, Avg, Values])]
        .prop_flat_map(|function| (Just(function), argument(function), new_name()))
        .prop_map(|(function, argument, alias)| Aggregate { function, argument, alias })
}

/// Aggregates by some columns; no column twice.
pub(super) fn stats() -> impl Strategy<Value = Stats> {
    let by = prop_oneof![4 => select(&TEXT_FIELDS[..]), 3 => any_name()];
    let fill = prop::option::weighted(0.2, select(&FILLERS[..]).prop_map(str::to_owned));
    (prop::collection::vec(aggregate(), 1..4), prop::collection::vec(by, 0..3), fill).prop_map(|(aggregates, by, fill_null_by)| {
        let mut stats = Stats { aggregates, by: by.into_iter().map(named).collect(), fill_null_by };
        distinct(&mut stats);
        stats
    })
}

/// Leaves one column of each name; the front ends refuse more. An aggregate stays in any case.
pub(super) fn distinct(stats: &mut Stats) {
    let mut seen: Vec<String> = Vec::new();
    let mut is_new = |name: &String| {
        let new = !seen.contains(name);
        seen.push(name.clone());
        new
    };
    stats.by.retain(|field| is_new(&field.name));
    stats.aggregates.retain(|aggregate| is_new(&aggregate.alias));
    if stats.aggregates.is_empty() {
        stats.aggregates.push(Aggregate { function: AggregateFunction::Count, argument: None, alias: "rows".to_owned() });
    }
}
