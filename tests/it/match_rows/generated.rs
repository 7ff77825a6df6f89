//! Generated rules over generated events: the hunt over their store, the evaluator and the rows of their lake give the same events.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use retrohunt::cancel::Cancel;
use retrohunt::event::LooseEvent;
use retrohunt::hunt::LooseRules;
use retrohunt::ir::{Query, Rule, print_query};
use retrohunt::lake::{LineShape, RowLines, read_views, write};
use retrohunt::taxonomy::Taxonomy;
use serde_json::Value;

use crate::property::check;
use crate::support::evaluate::Event;
use crate::support::generate::{datasets, events, queries, sigma, splunk, stages};
use crate::support::lake_rows::{rows, without_nulls};
use crate::support::stored::{Stored, evaluated, rules};

/// The events that each rule is reported for, ascending: over all views of the lake.
fn matched(stored: &Stored, rules: &[Rule]) -> Vec<Vec<i64>> {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    write(&stored.store, &lake, &Cancel::default(), &mut |_| {}).expect("a lake");
    let views = read_views(&lake).expect("a catalog");
    let mut found: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    for (view, rows) in rows(&lake) {
        let shape = LineShape::of(&views, &view).expect("a view of the catalog");
        let own = LooseRules::new((rules, &[]), &shape.event_type(), Taxonomy::embedded());
        // More than once and in both spellings, so that what was kept of earlier rows is asked too.
        let spelled = |whole: bool| {
            rows.iter().map(move |(id, row)| {
                let row = if whole { row.clone() } else { without_nulls(row) };
                format!("{id}\t{}\n", Value::Object(row))
            })
        };
        let text: String = spelled(false).chain(spelled(true)).collect();
        let mut lines = RowLines::new(text.as_bytes(), &shape, &|field| own.asks(field));
        let mut judge = own.judge().expect("rules that compile");
        let mut event = LooseEvent::default();
        while let Some(id) = lines.read(&mut event).unwrap_or_else(|error| panic!("{error}\n{text}")) {
            let id: i64 = id.parse().expect("an id of the store");
            judge.event(&mut event, &mut |rule| found.entry(rule).or_default().push(id)).expect("a judged event");
        }
    }
    let twice = |mut events: Vec<i64>| {
        events.sort_unstable();
        let half: Vec<i64> = events.iter().copied().step_by(2).collect();
        let other: Vec<i64> = events.iter().copied().skip(1).step_by(2).collect();
        assert_eq!(half, other, "a row is judged the same again");
        half
    };
    (0..rules.len()).map(|rule| twice(found.remove(&rule).unwrap_or_default())).collect()
}

/// Holds hunt, evaluator and rows against each other for rules without stages; counts what was found.
fn compare(list: &[Event], as_json: bool, compiled: &[Rule], meanings: &[Query], hits: &Cell<usize>) -> Result<(), TestCaseError> {
    let normalised = events::normalised(list);
    let mut stored = if as_json { Stored::of_json(list) } else { Stored::of_batches(&normalised, 7) };
    let matched = matched(&stored, compiled);
    let hunted = stored.hunt(compiled);
    for (((rule, meaning), matched), hunted) in compiled.iter().zip(meanings).zip(matched).zip(hunted) {
        let mut expected = evaluated(meaning, &normalised, &stored.columns(rule)).events;
        expected.sort_unstable();
        hits.set(hits.get() + matched.len());
        prop_assert_eq!(&matched, &expected, "rows and evaluator differ for {}\n{:#?}", print_query(meaning), normalised);
        prop_assert_eq!(&matched, &hunted.events, "rows and hunt differ for {}", print_query(meaning));
    }
    Ok(())
}

/// Compiles rule texts; each must come out whole.
fn compile(texts: &[String]) -> Vec<Rule> {
    let one = |(n, text): (usize, &String)| {
        let mut set = retrohunt::compile::load_text(&format!("generated-{n}.yml"), text, &retrohunt::compile::CompileOptions::default());
        assert!(set.rules.len() == 1 && !set.has_errors(), "{text}\n{:?}", set.diagnostics);
        let mut rule = set.rules.remove(0);
        rule.meta.id = format!("rule-{n}");
        rule
    };
    texts.iter().enumerate().map(one).collect()
}

/// Events, whether they are loaded as JSON, and things that are made to meet them.
fn some_with<S: Strategy + 'static>(
    list: impl Strategy<Value = Vec<Event>>,
    make: impl Fn(&[String]) -> S + 'static,
    some: std::ops::Range<usize>,
) -> impl Strategy<Value = (Vec<Event>, bool, Vec<S::Value>)>
where
    S::Value: Clone,
{
    list.prop_flat_map(move |list| {
        let pool = events::pool(&list);
        (Just(list), any::<bool>(), prop::collection::vec(make(&pool), some.clone()))
    })
}

fn assert_hits(hits: &Cell<usize>, least: usize) {
    println!("{} matches", hits.get());
    assert!(hits.get() >= least, "only {} matches: the generators miss", hits.get());
}

#[test]
fn queries() {
    let hits = Cell::new(0);
    check(60, &some_with(events::events(), queries::query, 1..12), |(list, as_json, cases)| {
        let queries: Vec<Query> = cases.into_iter().map(|case| case.query).collect();
        compare(&list, as_json, &rules(queries.clone()), &queries, &hits)
    });
    assert_hits(&hits, 300);
}

#[test]
fn sigma_rules() {
    let hits = Cell::new(0);
    check(40, &some_with(events::events(), sigma::rule, 1..8), |(list, as_json, cases)| {
        let (texts, queries): (Vec<String>, Vec<Query>) = cases.into_iter().map(|case| (case.text, case.query)).unzip();
        compare(&list, as_json, &compile(&texts), &queries, &hits)
    });
    assert_hits(&hits, 100);
}

#[test]
fn splunk_searches() {
    let hits = Cell::new(0);
    check(40, &some_with(events::events(), splunk::rule, 1..8), |(list, as_json, cases)| {
        let (texts, queries): (Vec<String>, Vec<Query>) = cases.into_iter().map(|case| (case.text, case.query)).unzip();
        let compiled = compile(&texts);
        let plain: Vec<bool> = queries.iter().map(|query| query.stages.is_empty()).collect();
        let keep = |n: &usize| plain[*n];
        let compiled: Vec<Rule> = (0..compiled.len()).filter(keep).map(|n| compiled[n].clone()).collect();
        let queries: Vec<Query> = (0..queries.len()).filter(keep).map(|n| queries[n].clone()).collect();
        compare(&list, as_json, &compiled, &queries, &hits)
    });
    assert_hits(&hits, 50);
}

#[test]
fn queries_about_datasets() {
    let hits = Cell::new(0);
    check(40, &some_with(datasets::events(), datasets::query, 1..8), |(list, as_json, cases)| {
        let mut queries: Vec<Query> = cases.into_iter().map(|case| case.query).collect();
        queries.iter_mut().for_each(|query| query.stages.clear());
        compare(&list, as_json, &rules(queries.clone()), &queries, &hits)
    });
    assert_hits(&hits, 50);
}

/// Whatever the stages do: all events behind findings are among those that are reported.
#[test]
fn stages_get_the_events_that_they_need() {
    let hits = Cell::new(0);
    check(60, &some_with(events::events_of_small_numbers(), stages::query, 1..8), |(list, as_json, cases)| {
        let compiled = rules(cases.into_iter().map(|case| case.query));
        let mut stored = if as_json { Stored::of_json(&list) } else { Stored::of_batches(&events::normalised(&list), 7) };
        let matched = matched(&stored, &compiled);
        for ((rule, matched), hunted) in compiled.iter().zip(matched).zip(stored.hunt(&compiled)) {
            let lost: Vec<i64> = hunted.events.iter().copied().filter(|event| matched.binary_search(event).is_err()).collect();
            hits.set(hits.get() + hunted.events.len());
            prop_assert!(lost.is_empty(), "{lost:?} of {:?} are not among {matched:?}: {}", hunted.events, print_query(&rule.query));
        }
        Ok(())
    });
    assert_hits(&hits, 50);
}
