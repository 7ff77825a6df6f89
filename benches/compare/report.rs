//! Where two opinions differ, printed with the first events or rows that show it.

use retrohunt::ir::{Query, Rule, Stage};

use super::engines::Both;
use super::found::{Found, ResultRow, group_keys, only_filters, same, same_row};
use super::rows::Evaluated;

/// Rules that are printed of one comparison.
const RULES_SHOWN: usize = 60;

/// Events or rows that are printed of one rule.
const SHOWN: usize = 2;

/// Compares what the hunt saved with the evaluator; whether they agree. A row that no event is behind is not a finding.
pub(crate) fn hunt_and_evaluator(rules: &[Rule], hunted: &[Found], evaluated: &[Evaluated]) -> bool {
    let expected = evaluated.iter().map(|e| e.findings.clone());
    differences(("the hunt", "the evaluator"), rules, hunted.iter().cloned().map(Some).zip(expected))
}

/// Compares the rows of portable SQL, where there are any, with the evaluator; whether they agree.
pub(crate) fn portable_and_evaluator(rules: &[Rule], portable: &[Option<Found>], evaluated: &[Evaluated]) -> bool {
    differences(("portable SQL", "the evaluator"), rules, portable.iter().cloned().zip(evaluated.iter().map(|e| e.found.as_text())))
}

/// Whether both engines save the same findings, and no statement fails.
pub(crate) fn engines(both: &Both) -> bool {
    both.gaps.iter().for_each(|(gap, count)| println!("    {count:>5}  {gap}"));
    println!("  the engines differ in {} findings, {} statements fail", both.differences.len(), both.failed.len());
    both.failed.iter().take(RULES_SHOWN).for_each(|(rule, why)| println!("    {rule}: {} {}", why.code, why.message));
    both.differences.iter().take(RULES_SHOWN).for_each(|difference| println!("    {difference}"));
    both.differences.is_empty() && both.failed.is_empty()
}

fn differences(who: (&str, &str), rules: &[Rule], pairs: impl Iterator<Item = (Option<Found>, Found)>) -> bool {
    let asked = rules.iter().zip(pairs).filter_map(|(rule, (one, other))| Some((rule, one?, other)));
    let differ: Vec<_> = asked.filter(|(rule, one, other)| !same(one, other, &rule.query)).collect();
    println!("  {} and {} differ in {} rules", who.0, who.1, differ.len());
    for (rule, one, other) in differ.iter().take(RULES_SHOWN) {
        let order = if depends_on_order(&rule.query) { " (depends on the order of rows)" } else { "" };
        println!("    {} `{}` {}{order}", rule.meta.id, rule.meta.title, rule.meta.path);
        if only_filters(&rule.query) {
            only(who.0, &one.events, &other.events, |a, b| a == b);
            only(who.1, &other.events, &one.events, |a, b| a == b);
        } else {
            let keys = group_keys(&rule.query);
            let same = |a: &ResultRow, b: &ResultRow| same_row(a, b, &keys);
            println!("      rows: {} {}, {} {}", who.0, one.rows.len(), who.1, other.rows.len());
            only(who.0, &one.rows, &other.rows, same);
            only(who.1, &other.rows, &one.rows, same);
        }
    }
    differ.is_empty()
}

fn only<T: std::fmt::Debug>(who: &str, own: &[T], other: &[T], same: impl Fn(&T, &T) -> bool) {
    for value in own.iter().filter(|own| !other.iter().any(|other| same(own, other))).take(SHOWN) {
        println!("      only {who}: {value:?}");
    }
}

/// Whether rows that stand in another order, as equals may, can give another result.
fn depends_on_order(query: &Query) -> bool {
    query.stages.iter().any(|stage| match stage {
        Stage::Head(_)
        | Stage::HeadWhile(_)
        | Stage::Tail(_)
        | Stage::Dedup(_)
        | Stage::Sort { limit: Some(_), .. }
        | Stage::Combine { .. }
        | Stage::StreamStats(_)
        | Stage::Transaction(_)
        | Stage::FillDown(_)
        | Stage::Join(_)
        | Stage::Format => true,
        Stage::Stats(stats) | Stage::EventStats(stats) => stats.aggregates.iter().any(|a| a.function.needs_order()),
        Stage::Chart(chart) => chart.stats.aggregates.iter().any(|a| a.function.needs_order()),
        _ => false,
    })
}
