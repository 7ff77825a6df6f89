//! Hunt = portable SQL = evaluator. Several rules are hunted at once, so that what rules share in a scan is tried too.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::ir::{Pred, Query, Rule};

use super::check;
use crate::support::evaluate::Event;
use crate::support::generate::{Case, events, queries, sigma, splunk, stages};
use crate::support::stored::{Stored, aggregates, as_text, evaluated, rules, same};

/// How often the portable leg took part.
#[derive(Default)]
struct Tally {
    rules: Cell<u32>,
    portable: Cell<u32>,
    hits: Cell<u32>,
}

impl Tally {
    fn add(cell: &Cell<u32>, n: usize) {
        cell.set(cell.get() + u32::try_from(n).expect("few"));
    }

    /// Says how much was compared, and fails where a leg hardly took part.
    fn report(&self, portable_share: u32) {
        let (rules, portable, hits) = (self.rules.get(), self.portable.get(), self.hits.get());
        println!("{rules} rules, {portable} of them portable, {hits} results");
        assert!(portable * 100 >= rules * portable_share, "only {portable} of {rules} rules took the portable leg");
        assert!(hits * 3 >= rules, "only {hits} results of {rules} rules: the generators miss");
    }
}

fn load(list: &[Event], as_json: bool) -> Stored {
    if as_json { Stored::of_json(list) } else { Stored::of_batches(&events::normalised(list), 7) }
}

/// Holds the three ways against each other for every rule.
fn compare(list: &[Event], as_json: bool, compiled: &[Rule], meanings: &[Query], tally: &Tally) -> Result<(), TestCaseError> {
    let stored_events = events::normalised(list);
    let mut stored = load(list, as_json);
    let hunted = stored.hunt(compiled);
    for ((rule, meaning), hunted) in compiled.iter().zip(meanings).zip(&hunted) {
        let columns = stored.columns(rule);
        let expected = evaluated(meaning, &stored_events, &columns);
        let nothing = evaluated(meaning, &[], &columns);
        Tally::add(&tally.rules, 1);
        Tally::add(&tally.hits, expected.events.len() + expected.rows.len());
        // A row over no events at all (`stats count` of nothing) is a result, but no finding.
        let no_finding = hunted.events.is_empty() && expected == nothing;
        prop_assert!(
            no_finding || (same(hunted, &expected, meaning) && (aggregates(meaning) || hunted.events == expected.events)),
            "the hunt differs for {:?}\n hunt {hunted:?}\n evaluator {expected:?}",
            meaning
        );
        if let Some(portable) = stored.portable(rule) {
            Tally::add(&tally.portable, 1);
            prop_assert!(
                same(&portable, &as_text(&expected), meaning),
                "portable SQL differs for {:?}\n portable {portable:?}\n evaluator {expected:?}",
                meaning
            );
        }
    }
    Ok(())
}

fn with_events<S: Strategy<Value = Case> + 'static>(
    rule: impl Fn(&[String]) -> S + 'static,
    rules: std::ops::Range<usize>,
) -> impl Strategy<Value = (Vec<Event>, bool, Vec<Case>)> {
    events::events().prop_flat_map(move |list| {
        let pool = events::pool(&list);
        (Just(list), any::<bool>(), prop::collection::vec(rule(&pool), rules.clone()))
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
    check(80, &with_events(stages::query, 1..8), |(list, as_json, cases)| {
        let queries: Vec<Query> = cases.into_iter().map(|c| c.query).collect();
        compare(&list, as_json, &rules(queries.clone()), &queries, &tally)
    });
    tally.report(20);
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
