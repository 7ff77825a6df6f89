//! However events are split into loads, with whatever hunts in between: the findings are those of one load and one hunt.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::hunt::{self, Engine, HuntOptions, HuntSummary, RuleMode, rule_modes};
use retrohunt::ir::{Correlation, Query, Rule};
use retrohunt::load::{LoadOptions, load};
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;

use super::check;
use crate::support::evaluate::Event;
use crate::support::generate::batch::json_lines;
use crate::support::generate::{correlation, datasets, events, queries, stages};
use crate::support::stored::rules;

/// What happens between two loads.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Between {
    Nothing,
    /// A hunt with all rules.
    Hunt,
    /// One that reads all events.
    Full,
    /// One with every second rule.
    Some,
    /// One over a part of the time.
    Part,
    /// One with windows.
    Windows,
    /// One by statements.
    Statements,
    /// One with other rules of the same ids.
    OtherTexts,
}

fn between() -> impl Strategy<Value = Between> {
    use Between::*;
    prop_oneof![4 => Just(Hunt), 2 => select(vec![Nothing, Full, Some, Part, Windows, Statements, OtherTexts])]
}

/// How events come into the store: in files, which are loaded one after the other, and what happens behind each.
#[derive(Debug, Clone)]
struct Arrival {
    files: Vec<Vec<Event>>,
    /// The file of each load.
    order: Vec<usize>,
    between: Vec<[Between; 2]>,
    /// How many matches of a rule with stages are remembered.
    kept: usize,
}

/// Splits events. Where files are loaded in another order than that of their names, events of one time are in another order than in one
/// load, and searches may see that: then all times differ.
fn arrival(list: Vec<Event>) -> impl Strategy<Value = Arrival> {
    (1_usize..6, any::<bool>()).prop_flat_map(move |(parts, is_shuffled)| {
        let list = list.clone();
        let order: Vec<usize> = (0..parts).collect();
        let order = if is_shuffled { Just(order).prop_shuffle().boxed() } else { Just(order).boxed() };
        let places = prop::collection::vec(0..parts, list.len());
        let between = prop::collection::vec([between(), between()], parts);
        (places, order, between, select(vec![0, 1, 1_000])).prop_map(move |(places, order, between, kept)| {
            let mut files = vec![Vec::new(); parts];
            // In order, one file behind the other is the list; else any event may be in any file.
            let mut places = places;
            if !is_shuffled {
                places.sort_unstable();
            }
            for (number, (event, place)) in (0..).zip(list.iter().zip(places)) {
                let mut event = event.clone();
                event.time_us += if is_shuffled { number * 1_000 } else { 0 };
                files[place].push(event);
            }
            Arrival { files, order, between, kept }
        })
    })
}

struct Hunter<'r> {
    store: Store,
    /// As [`HuntOptions::kept_matches`].
    kept: usize,
    rules: &'r [Rule],
    correlations: &'r [Correlation],
}

impl Hunter<'_> {
    fn run(&mut self, rules: &[Rule], correlations: &[Correlation], options: &HuntOptions) -> HuntSummary {
        let mut options = options.clone();
        options.kept_matches = self.kept;
        let options = &options;
        hunt::run(&mut self.store, rules, correlations, Taxonomy::embedded(), options, &mut |_| {}).expect("a hunt")
    }

    fn load(&mut self, paths: &[PathBuf]) {
        let summary = load(&mut self.store, paths, &LoadOptions::default(), &mut |_| {}).expect("a load");
        assert!(!summary.is_partial(), "{summary:?}");
    }

    fn hunt(&mut self, how: Between) {
        let mut options = HuntOptions::starting_at(0);
        let (mut rules, mut correlations) = (self.rules.to_vec(), self.correlations.to_vec());
        match how {
            Between::Nothing => return,
            Between::Hunt => {}
            Between::Full => options.full = true,
            Between::Some => {
                // Correlations name each other by their places, so all or none of them hunt.
                rules = rules.into_iter().step_by(2).collect();
                correlations.clear();
            }
            Between::Part => options.since_us = Some(1_709_287_200_000_000 + 20_000_000),
            Between::Windows => options.window_us = Some(10_000_000),
            Between::Statements => options.engine = Engine::Sqlite,
            Between::OtherTexts => {
                let queries: Vec<Query> = rules.iter().map(|rule| rule.query.clone()).collect();
                for (rule, query) in rules.iter_mut().zip(queries.into_iter().rev()) {
                    (rule.meta.hash, rule.query) = (format!("other {}", rule.meta.hash), query);
                }
                correlations.iter_mut().for_each(|correlation| correlation.meta.hash.push_str(" other"));
            }
        }
        self.run(&rules, &correlations, &options);
    }

    /// Hunts with all rules, and tells what is current then: each finding with its events.
    fn found(&mut self) -> BTreeSet<String> {
        let (rules, correlations) = (self.rules, self.correlations);
        let summary = self.run(rules, correlations, &HuntOptions::starting_at(0));
        assert!(summary.failed.is_empty(), "{:?}", summary.failed);
        let mut filter = FindingFilter::default();
        let current = self.store.findings(&filter).expect("findings");
        filter.hunt = Some(summary.outcome.hunt_id);
        let of_hunt = self.store.findings(&filter).expect("findings");
        assert_eq!(current, of_hunt, "what is current is what the last hunt found");
        assert_eq!(of_hunt.len() as u64, summary.findings, "the summary counts what is there");
        assert!(of_hunt.iter().all(|finding| finding.hunt_id == summary.outcome.hunt_id), "the last hunt saw all of them");
        let evidence = self.store.evidence(&filter).expect("evidence");
        let of = |id: i64| -> BTreeSet<(String, i64)> {
            evidence.iter().filter(|row| row.finding_id == id).map(|row| (row.sha256.clone(), row.record)).collect()
        };
        let told = of_hunt.iter().map(|f| {
            format!(
                "{} {} {:?} {:?} {} {:?} {:?} {} {:?}",
                f.rule_id,
                f.identity,
                f.group,
                f.columns,
                f.count,
                f.first_time_us,
                f.last_time_us,
                f.message,
                of(f.finding_id)
            )
        });
        told.collect()
    }
}

fn open<'r>(folder: &Path, name: &str, (rules, correlations): (&'r [Rule], &'r [Correlation]), kept: usize) -> Hunter<'r> {
    Hunter { store: Store::open(&folder.join(name)).expect("a store"), kept, rules, correlations }
}

fn compare(arrival: &Arrival, rules: &[Rule], correlations: &[Correlation]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<PathBuf> = (0..arrival.files.len()).map(|file| folder.path().join(format!("{file}.jsonl"))).collect();
    for (path, events) in paths.iter().zip(&arrival.files) {
        std::fs::write(path, json_lines(events)).expect("a file");
    }
    let mut once = open(folder.path(), "once.db", (rules, correlations), 1_000);
    once.load(&paths);
    let expected = once.found();
    prop_assert_eq!(&once.found(), &expected, "a second hunt finds what the first did");

    let mut often = open(folder.path(), "often.db", (rules, correlations), arrival.kept);
    for (file, between) in arrival.order.iter().zip(&arrival.between) {
        often.load(&paths[*file..=*file]);
        between.iter().for_each(|how| often.hunt(*how));
    }
    let modes = rule_modes(&often.store, rules, correlations, Taxonomy::embedded(), &HuntOptions::starting_at(0)).expect("modes");
    let found = often.found();
    let missing: Vec<_> = expected.difference(&found).collect();
    let added: Vec<_> = found.difference(&expected).collect();
    prop_assert!(missing.is_empty() && added.is_empty(), "missing {missing:#?}\nadded {added:#?}\nmodes {modes:?}");
    // Now that all is read, nothing is left to do.
    let modes = rule_modes(&often.store, rules, correlations, Taxonomy::embedded(), &HuntOptions::starting_at(0)).expect("modes");
    let last = often.store.last_event().expect("an event");
    let is_done = |mode: &RuleMode| !matches!(mode, RuleMode::NewEvents { after } | RuleMode::NewMatches { after } if *after != last);
    prop_assert!(modes.iter().all(is_done), "{modes:?} up to {last:?}");
    prop_assert_eq!(&often.found(), &expected, "a hunt without new events finds what the last one did");
    Ok(())
}

#[test]
fn rules_with_and_without_stages() {
    let strategy = events::events_of_small_numbers().prop_flat_map(|list| {
        let pool = events::pool(&list);
        let plain = prop::collection::vec(queries::query(&pool).prop_map(|case| case.query), 1..4);
        let staged = prop::collection::vec(stages::query(&pool).prop_map(|case| case.query), 1..5);
        (arrival(list), plain, staged)
    });
    check(600, &strategy, |(arrival, plain, staged)| compare(&arrival, &rules(plain.into_iter().chain(staged)), &[]));
}

#[test]
fn correlated_rules() {
    let strategy = (correlation::events().prop_flat_map(arrival), correlation::file());
    check(250, &strategy, |(arrival, text)| {
        let set = load_text("generated.yml", &text, &CompileOptions::default());
        prop_assert!(!set.has_errors(), "{text}\n{:?}", set.diagnostics);
        compare(&arrival, &set.rules, &set.correlations)
    });
}

#[test]
fn rules_about_datasets() {
    let strategy = datasets::events().prop_flat_map(|list| {
        let pool = events::pool(&list);
        (arrival(list), prop::collection::vec(datasets::query(&pool).prop_map(|case| case.query), 1..6))
    });
    check(150, &strategy, |(arrival, queries)| compare(&arrival, &rules(queries), &[]));
}
