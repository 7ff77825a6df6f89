//! Stages over many rows at once: running aggregates, transactions, frequencies, sums, charts, templates.

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{
    AddTotals, BinaryOp, Chart, Dedup, ForEach, Frequent, Function, HeadWhile, Scalar, Stage, StreamStats, TotalsRow, Transaction,
    Vocabulary,
};

use super::super::field;
use super::{FILLERS, aggregates, any_name, calls, condition, name_patterns, new_name, number_name, some_names};

/// Seconds that divide the times of generated events.
const SPANS: [f64; 4] = [1_000.0, 50_000.0, 250_000.0, 1_000_000.0];
const EACH: [&str; 5] = ["A*", "*a", "m*", "x.*", "*"];

pub(super) fn stream_stats(pool: &[String]) -> BoxedStrategy<Stage> {
    let window = (prop_oneof![2 => Just(0u64), 3 => 1..4u64], any::<bool>(), prop::option::weighted(0.2, select(&SPANS[..])));
    let reset = || prop::option::weighted(0.15, condition(pool));
    let resets = ((reset(), reset()), prop::bool::weighted(0.2));
    (aggregates::stats(), prop::bool::weighted(0.8), window, resets)
        .prop_map(|(mut stats, current, (window, global, time_window), (reset, reset_on_change))| {
            stats.fill_null_by = None; // only `tstats` can say it
            Stage::StreamStats(StreamStats { stats, current, window, global, time_window, reset, reset_on_change })
        })
        .boxed()
}

pub(super) fn transaction(pool: &[String]) -> BoxedStrategy<Stage> {
    let ends = (prop::option::weighted(0.4, condition(pool)), prop::option::weighted(0.4, condition(pool)));
    let most = (
        prop::option::weighted(0.4, select(&SPANS[..])),
        prop::option::weighted(0.4, select(&SPANS[..])),
        prop::option::weighted(0.4, 1..4u64),
    );
    (some_names(1..3), ends, most, any::<(bool, bool)>())
        .prop_map(|(mut fields, (starts_with, ends_with), (max_span, max_pause, max_events), (keep_evicted, connected))| {
            fields.dedup();
            Stage::Transaction(Transaction { fields, starts_with, ends_with, max_span, max_pause, max_events, keep_evicted, connected })
        })
        .boxed()
}

pub(super) fn frequent() -> BoxedStrategy<Stage> {
    let shown = (prop::option::weighted(0.8, Just("count".to_owned())), prop::option::weighted(0.7, Just("percent".to_owned())));
    let limit = (prop_oneof![1 => Just(0u64), 3 => 1..5u64], prop::option::weighted(0.3, select(&["OTHER", "1"][..])));
    (any::<bool>(), some_names(1..3), some_names(0..2), limit, shown)
        .prop_map(|(rare, fields, by, (limit, other), (count, percent))| {
            let other = other.map(str::to_owned);
            Stage::Frequent(distinct(Frequent { rare, fields, by, limit, count, percent, other }))
        })
        .boxed()
}

/// Leaves each column once; one to count stays.
pub(super) fn distinct(mut frequent: Frequent) -> Frequent {
    let mut seen: Vec<String> = frequent.count.iter().chain(&frequent.percent).cloned().collect();
    let mut is_new = |name: &String| {
        let new = !seen.contains(name);
        seen.push(name.clone());
        new
    };
    frequent.fields.retain(&mut is_new);
    frequent.by.retain(&mut is_new);
    if frequent.fields.is_empty() {
        frequent.fields.push("Nowhere".to_owned());
    }
    frequent
}

pub(super) fn add_totals() -> BoxedStrategy<Stage> {
    let rows = (name_patterns(), prop_oneof![Just("Total".to_owned()), new_name()]).prop_map(|(fields, row)| AddTotals {
        fields,
        row: Some(row),
        column: None,
    });
    let names_of_numbers = || prop::collection::vec(number_name().prop_map(str::to_owned), 1..3);
    let last = (prop::option::of(new_name()), select(&FILLERS[..]));
    let columns = (names_of_numbers(), prop::option::weighted(0.3, Just("Total".to_owned())), last)
        .prop_map(|(fields, row, (field, label))| AddTotals { fields, row, column: Some(TotalsRow { field, label: label.to_owned() }) });
    prop_oneof![2 => rows, 1 => columns].prop_map(Stage::AddTotals).boxed()
}

pub(super) fn chart() -> BoxedStrategy<Stage> {
    let over = prop_oneof![2 => any_name().prop_map(|name| (name, None)), 1 => select(&SPANS[1..]).prop_map(|span| ("_time", Some(span)))];
    let split = (prop::option::weighted(0.4, any_name()), prop::option::of(1..4u64), any::<bool>(), any::<bool>());
    (aggregates::stats(), over, any::<bool>(), split)
        .prop_map(|(mut stats, (over, bucket), continuous, (split, limit, others, nulls))| {
            let other = others.then(|| "OTHER".to_owned());
            let null = nulls.then(|| "NULL".to_owned());
            stats.by = std::iter::once(over).chain(split.filter(|split| *split != over)).map(super::named).collect();
            stats.fill_null_by = None;
            aggregates::distinct(&mut stats);
            Stage::Chart(Chart { stats, bucket, continuous, limit, other, null, columns: Vec::new() })
        })
        .boxed()
}

/// An assignment of `foreach` that gives nothing where the field has nothing.
fn upper() -> (&'static str, Scalar) {
    ("<<FIELD>>", Scalar::Call(Function::Upper, vec![Scalar::Field(field("<<FIELD>>", Vocabulary::Row))]))
}

/// Those assignments of `foreach` that give nothing where the field has nothing; one at least.
pub(super) fn of_values(assignments: Vec<(String, Scalar)>) -> Vec<(String, Scalar)> {
    let mut out: Vec<(String, Scalar)> = assignments.into_iter().filter(|(name, _)| name.contains("<<")).collect();
    if out.is_empty() {
        let (name, scalar) = upper();
        out.push((name.to_owned(), scalar));
    }
    out
}

pub(super) fn for_each() -> BoxedStrategy<Stage> {
    let of_row = |name: &str| Scalar::Field(field(name, Vocabulary::Row));
    let both = move |op, left, right| Scalar::Binary(op, Box::new(left), Box::new(right));
    let texts = vec![
        upper(),
        (
            "seen",
            both(
                BinaryOp::Concat,
                Scalar::Call(Function::Coalesce, vec![of_row("seen"), Scalar::Text("-".into())]),
                Scalar::Text("<<FIELD>>".into()),
            ),
        ),
        ("x.<<MATCHSTR>>", both(BinaryOp::Concat, of_row("<<FIELD>>"), Scalar::Text("<<MATCHSEG1>>".into()))),
        (
            "n",
            both(
                BinaryOp::Add,
                Scalar::Call(Function::Coalesce, vec![of_row("n"), Scalar::Number(0.0)]),
                Scalar::Call(Function::Len, vec![of_row("<<FIELD>>")]),
            ),
        ),
        ("made", of_row("<<FIELD>>")),
    ];
    let assignments = prop::collection::vec(select(texts).prop_map(|(name, scalar)| (name.to_owned(), scalar)), 1..3);
    let patterns = prop_oneof![2 => select(&EACH[..]), 1 => any_name()].prop_map(str::to_owned);
    (prop::collection::vec(patterns, 1..3), assignments)
        .prop_map(|(patterns, assignments)| Stage::ForEach(ForEach { patterns, assignments }))
        .boxed()
}

pub(super) fn dedup() -> BoxedStrategy<Stage> {
    let fields = prop_oneof![9 => some_names(1..3), 1 => Just(Vec::new())];
    let options = (prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (1..3u64, fields, options)
        .prop_map(|(count, fields, (consecutive, keep_empty, keep_events))| {
            // Without fields it is `uniq`, which has no options.
            let plain = fields.is_empty();
            let (count, consecutive) = if plain { (1, true) } else { (count, consecutive) };
            Stage::Dedup(Dedup { count, fields, consecutive, keep_empty: keep_empty && !plain, keep_events: keep_events && !plain })
        })
        .boxed()
}

pub(super) fn head_while() -> BoxedStrategy<Stage> {
    (calls::truth(1), prop::option::weighted(0.3, 1..5u64), any::<bool>())
        .prop_map(|(condition, limit, keep_last)| Stage::HeadWhile(HeadWhile { condition, limit, keep_last }))
        .boxed()
}
