//! Hunt = portable SQL = evaluator. Several rules are hunted at once, so that what rules share in a scan is tried too.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::ir::{Pred, Query, Rule, Stage, print_query};

use super::check;
use crate::support::engines;
use crate::support::evaluate::Event;
use crate::support::generate::{Case, datasets, events, queries, sigma, splunk, stages};
use crate::support::stored::{Found, Stored, aggregates, as_sql, evaluated, findings, rules, same, tidy};

/// How often the portable leg took part.
#[derive(Default)]
struct Tally {
    rules: Cell<u32>,
    portable: Cell<u32>,
    hits: Cell<u32>,
    /// Findings by statements.
    stated: Cell<u32>,
}

impl Tally {
    fn add(cell: &Cell<u32>, n: usize) {
        cell.set(cell.get() + u32::try_from(n).expect("few"));
    }

    /// Says how much was compared, and fails where a leg hardly took part.
    fn report(&self, portable_share: u32) {
        let (rules, portable, hits) = (self.rules.get(), self.portable.get(), self.hits.get());
        let stated = self.stated.get();
        println!("{rules} rules, {portable} of them portable, {hits} results, {stated} findings by SQLite");
        assert!(stated * 6 >= portable, "SQLite hardly finds anything");
        assert!(portable * 100 >= rules * portable_share, "only {portable} of {rules} rules took the portable leg");
        assert!(hits * 3 >= rules, "only {hits} results of {rules} rules: the generators miss");
    }
}

fn load(list: &[Event], as_json: bool) -> Stored {
    if as_json { Stored::of_json(list) } else { Stored::of_batches(&events::normalised(list), 7) }
}

/// What two ways found, without the rows that are in both.
fn difference(name: &str, found: &Found, expected: &Found) -> String {
    let rows = |of: &Found, not: &Found| of.rows.iter().filter(|row| !not.rows.contains(row)).map(|row| format!("  {row:?}\n")).collect();
    let (found_rows, expected_rows): (String, String) = (rows(found, expected), rows(expected, found));
    format!(
        " {name}: {} rows, events {:?}\n{found_rows} evaluator: {} rows, events {:?}\n{expected_rows}",
        found.rows.len(),
        found.events,
        expected.rows.len(),
        expected.events
    )
}

/// Holds the three ways against each other for every rule.
fn compare(list: &[Event], as_json: bool, compiled: &[Rule], meanings: &[Query], tally: &Tally) -> Result<(), TestCaseError> {
    let stored_events = events::normalised(list);
    let mut stored = load(list, as_json);
    let hunted = stored.hunt(compiled);
    for ((rule, meaning), hunted) in compiled.iter().zip(meanings).zip(&hunted) {
        let columns = stored.columns(rule);
        let expected = findings(meaning, &stored_events, &columns);
        Tally::add(&tally.rules, 1);
        Tally::add(&tally.hits, expected.events.len() + expected.rows.len());
        prop_assert!(
            same(hunted, &expected, meaning) && (aggregates(meaning) || hunted.events == expected.events),
            "the hunt differs for {}\n{}",
            print_query(meaning),
            difference("hunt", hunted, &expected)
        );
        if let Some(portable) = stored.portable(rule) {
            Tally::add(&tally.portable, 1);
            let expected = as_sql(&evaluated(meaning, &stored_events, &columns));
            prop_assert!(
                same(&portable, &expected, meaning),
                "portable SQL differs for {}\n{}",
                print_query(meaning),
                difference("portable", &portable, &expected)
            );
        }
    }
    let both = engines::both(&mut stored.store, compiled, &[]);
    Tally::add(&tally.stated, both.findings);
    // A text that is longer than SQLite is allowed to take is refused with a word, and gives no findings to compare.
    let failed: Vec<_> = both.failed.iter().filter(|(_, fault)| !fault.message.ends_with("statement too long")).collect();
    prop_assert!(failed.is_empty(), "{failed:?}");
    prop_assert!(both.differences.is_empty(), "{}", both.differences.join("\n"));
    Ok(())
}

fn with_events<S: Strategy<Value = Case> + 'static>(
    rule: impl Fn(&[String]) -> S + 'static,
    rules: std::ops::Range<usize>,
) -> impl Strategy<Value = (Vec<Event>, bool, Vec<Case>)> {
    some_with(events::events(), rule, rules)
}

/// Events, whether they are loaded as JSON, and things that are made to meet them.
fn some_with<S: Strategy + 'static>(
    events: impl Strategy<Value = Vec<Event>>,
    make: impl Fn(&[String]) -> S + 'static,
    some: std::ops::Range<usize>,
) -> impl Strategy<Value = (Vec<Event>, bool, Vec<S::Value>)>
where
    S::Value: Clone,
{
    events.prop_flat_map(move |list| {
        let pool = events::pool(&list);
        (Just(list), any::<bool>(), prop::collection::vec(make(&pool), some.clone()))
    })
}

/// Compiles rule texts; each must come out whole.
fn compile(cases: &[Case]) -> Result<Vec<Rule>, TestCaseError> {
    let one = |(n, case): (usize, &Case)| {
        let mut set = load_text(&format!("generated-{n}.yml"), &case.text, &CompileOptions::default());
        prop_assert!(set.rules.len() == 1 && !set.has_errors(), "{}\n{:?}", case.text, set.diagnostics);
        let mut rule = set.rules.remove(0);
        rule.meta.id = format!("rule-{n}");
        Ok(rule)
    };
    cases.iter().enumerate().map(one).collect()
}

#[test]
fn queries_without_stages() {
    let tally = Tally::default();
    check(80, &with_events(queries::query, 1..12), |(list, as_json, cases)| {
        let queries: Vec<Query> = cases.into_iter().map(|c| c.query).collect();
        compare(&list, as_json, &rules(queries.clone()), &queries, &tally)
    });
    tally.report(40);
}

#[test]
fn a_condition_and_its_negation_part_the_events() {
    check(40, &with_events(queries::query, 1..6), |(list, as_json, cases)| {
        let mut stored = load(&list, as_json);
        let negated = |q: &Query| Query { filter: Pred::Not(Box::new(q.filter.clone())), ..q.clone() };
        let everything = |q: &Query| Query { filter: Pred::True, ..q.clone() };
        let queries: Vec<Query> = cases.iter().flat_map(|c| [c.query.clone(), negated(&c.query), everything(&c.query)]).collect();
        let found = stored.hunt(&rules(queries));
        for (case, found) in cases.iter().zip(found.chunks(3)) {
            let mut both = [found[0].events.clone(), found[1].events.clone()].concat();
            both.sort_unstable();
            prop_assert_eq!(&both, &found[2].events, "{:?}: {:?} and not {:?}", case.query.filter, found[0].events, found[1].events);
        }
        Ok(())
    });
}

#[test]
fn queries_with_stages() {
    let tally = Tally::default();
    check(1_000, &some_with(events::events_of_small_numbers(), stages::query, 1..8), |(list, as_json, cases)| {
        let queries: Vec<Query> = cases.into_iter().map(|c| c.query).collect();
        compare(&list, as_json, &rules(queries.clone()), &queries, &tally)
    });
    // Most of the newer stages have no portable text.
    tally.report(12);
}

/// A condition and its negation part the rows wherever they stand among the stages.
#[test]
fn a_condition_among_stages_parts_the_rows() {
    check(80, &some_with(events::events_of_small_numbers(), stages::split_query, 1..5), |(list, as_json, splits)| {
        let mut stored = load(&list, as_json);
        let parts = |(query, at, pred): &(Query, usize, Pred)| {
            let negated = Pred::Not(Box::new(pred.clone()));
            // Both at once: all rows, with the columns that the condition reads.
            let both = Pred::Or(vec![pred.clone(), negated.clone()]);
            [pred.clone(), negated, both].map(|pred| {
                let stages = query.stages[..*at].iter().cloned().chain([Stage::Filter(pred)]).collect();
                Query { stages, ..query.clone() }
            })
        };
        let queries: Vec<Query> = splits.iter().flat_map(parts).collect();
        let found = stored.hunt(&rules(queries.clone()));
        for (queries, found) in queries.chunks(3).zip(found.chunks(3)) {
            let both = tidy(Found {
                events: [found[0].events.clone(), found[1].events.clone()].concat(),
                rows: [found[0].rows.clone(), found[1].rows.clone()].concat(),
            });
            let difference = || format!("{}\n{}", print_query(&queries[0]), difference("P and NOT P", &both, &found[2]));
            prop_assert!(both.rows == found[2].rows, "{}", difference());
            prop_assert!(aggregates(&queries[0]) || both.events == found[2].events, "{}", difference());
        }
        Ok(())
    });
}

#[test]
fn sigma_rules() {
    let tally = Tally::default();
    check(60, &with_events(sigma::rule, 1..8), |(list, as_json, cases)| {
        let compiled = compile(&cases)?;
        let queries: Vec<Query> = cases.into_iter().map(|c| c.query).collect();
        compare(&list, as_json, &compiled, &queries, &tally)
    });
    tally.report(50);
}
#[test]
fn splunk_searches() {
    let tally = Tally::default();
    check(60, &with_events(splunk::rule, 1..8), |(list, as_json, cases)| {
        let compiled = compile(&cases)?;
        let queries: Vec<Query> = cases.into_iter().map(|c| c.query).collect();
        compare(&list, as_json, &compiled, &queries, &tally)
    });
    tally.report(80);
}

/// Data models: which events are rows, what their fields are.
#[test]
fn queries_about_datasets() {
    let tally = Tally::default();
    check(60, &some_with(datasets::events(), datasets::query, 1..8), |(list, as_json, cases)| {
        let queries: Vec<Query> = cases.into_iter().map(|c| c.query).collect();
        compare(&list, as_json, &rules(queries.clone()), &queries, &tally)
    });
    tally.report(25);
}
