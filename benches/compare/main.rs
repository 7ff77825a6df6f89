//! Holds three readings of every rule against each other over real archives: the hunt, the portable SQL in a SQLite
//! client, and an evaluator in memory that shares no code with either: it is that of the tests, and asks each question once
//! for each text.
//!
//! `make compare` takes all rules of `../shared/rules/sigmahq` over all of `../shared/corpora/dev` and over a million
//! generated events; `make compare COMPARE='FOLDER FILE…'` other archives. It is no bench of speed, but needs optimised code:
//! minutes instead of an hour. Any difference is printed and makes it fail.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints, and stops where something is wrong")]
#![allow(missing_docs, reason = "cargo's entry point")]

mod archive;
mod condition;
#[allow(dead_code, reason = "what the tests evaluate beside single values")]
#[path = "../../tests/support/evaluate/mod.rs"]
mod evaluate;
mod lookup;
mod portable;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use retrohunt::compile::{CompileOptions, load_rules};
use retrohunt::hunt::{self, HuntOptions};
use retrohunt::ir::Rule;
use retrohunt::load::{LoadOptions, load};
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;

use archive::Archive;
use portable::Portable;

/// Differences that are printed of one comparison.
const SHOWN: usize = 20;

/// The events that each rule matches, ascending.
type Matches = Vec<Vec<i64>>;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = root.join("../shared");
    let folder = root.join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let rules = shared.join("rules/sigmahq");
    let named: Vec<PathBuf> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).map(PathBuf::from).collect();
    let inputs = if named.is_empty() { vec![shared.join("corpora/dev"), generated(&shared, &folder)] } else { named };
    if !rules.is_dir() {
        println!("skipped: {} is not there", rules.display());
        return ExitCode::SUCCESS;
    }
    let set = load_rules(&[rules], &CompileOptions::default());
    let rules: Vec<Rule> = set.rules.into_iter().filter(|rule| rule.query.stages.is_empty()).collect();
    let mut equal = true;
    for input in inputs {
        if input.exists() {
            equal &= compare(&input, &folder.join("compare.db"), &rules);
        } else {
            println!("skipped: {} is not there", input.display());
        }
    }
    if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A million events of the shared generator; where there is none, or no Python for it, a path that is not there.
fn generated(shared: &Path, folder: &Path) -> PathBuf {
    let file = folder.join("million.jsonl");
    let script = shared.join("bench/scale_gen.py");
    if !file.exists() && script.exists() {
        println!("generating {}", file.display());
        let mut command = std::process::Command::new("python3");
        command.arg(script).args(["jsonl", "-n", "1000000", "-o"]).arg(&file);
        let done = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
        if !done.is_ok_and(|status| status.success()) {
            println!("the generator failed (it needs python3 and orjson)");
            std::fs::remove_file(&file).ok();
        }
    }
    file
}

fn compare(input: &Path, path: &Path, rules: &[Rule]) -> bool {
    println!("\n{}", input.display());
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{end}", path.display())).ok();
    }
    let started = Instant::now();
    let mut store = Store::open(path).unwrap();
    load(&mut store, &[input.to_path_buf()], &LoadOptions::default(), &mut |_| {}).unwrap();
    let events = store.last_event().unwrap().0;
    println!("  {events} events loaded in {:.0} s", started.elapsed().as_secs_f64());

    let hunted = hunt(&mut store, rules);
    let matches: usize = hunted.iter().map(Vec::len).sum();
    let firing = hunted.iter().filter(|events| !events.is_empty()).count();
    println!("  hunt: {matches} matches of {firing} of {} rules", rules.len());

    let started = Instant::now();
    let archive = Archive::read(&store);
    let catalog = store.catalog().unwrap();
    println!("  {} distinct values in memory after {:.0} s", archive.values(), started.elapsed().as_secs_f64());
    let (evaluated, portable) = std::thread::scope(|scope| {
        let evaluator = scope.spawn(move || {
            let started = Instant::now();
            let matches: Matches = rules.iter().map(|rule| condition::matching(&archive, &rule.query)).collect();
            println!("  evaluator: {:.0} s", started.elapsed().as_secs_f64());
            matches
        });
        let portable = Portable::run(path, &catalog, rules);
        (evaluator.join().unwrap(), portable)
    });
    let same = differences("evaluator", rules, &hunted, &evaluated, &|_| true);
    let asked: Vec<bool> = portable.matches.iter().map(Option::is_some).collect();
    let answered: Matches = portable.matches.into_iter().map(Option::unwrap_or_default).collect();
    println!("  portable SQL: {} rules; without a portable form:", asked.iter().filter(|a| **a).count());
    portable.gaps.iter().for_each(|(code, count)| println!("    {count:>5}  {code}"));
    differences("portable SQL", rules, &hunted, &answered, &|rule| asked[rule]) && same
}

fn hunt(store: &mut Store, rules: &[Rule]) -> Matches {
    let summary = hunt::run(store, rules, &[], Taxonomy::embedded(), &HuntOptions::starting_at(0), &mut |_| {}).unwrap();
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    let places: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(place, rule)| (rule.meta.id.as_str(), place)).collect();
    assert_eq!(places.len(), rules.len(), "every rule has an id of its own");
    let mut matches: Matches = vec![Vec::new(); rules.len()];
    let mut filter = FindingFilter::default();
    filter.hunt = Some(summary.outcome.hunt_id);
    for row in store.evidence(&filter).unwrap() {
        matches[places[row.rule_id.as_str()]].push(row.event.0);
    }
    for events in &mut matches {
        events.sort_unstable();
        events.dedup(); // an event that several sources hold has a line for each of them
    }
    matches
}

/// Prints where a second opinion differs from the hunt; whether it agrees.
fn differences(who: &str, rules: &[Rule], hunted: &Matches, other: &Matches, asked: &dyn Fn(usize) -> bool) -> bool {
    let differ: Vec<usize> = (0..rules.len()).filter(|rule| asked(*rule) && hunted[*rule] != other[*rule]).collect();
    println!("  hunt and {who} differ in {} rules", differ.len());
    for rule in differ.iter().take(SHOWN) {
        let only =
            |a: &[i64], b: &[i64]| -> Vec<i64> { a.iter().filter(|event| b.binary_search(event).is_err()).copied().take(5).collect() };
        println!(
            "    {} `{}`: only the hunt {:?}, only {who} {:?}",
            rules[*rule].meta.id,
            rules[*rule].meta.title,
            only(&hunted[*rule], &other[*rule]),
            only(&other[*rule], &hunted[*rule])
        );
    }
    differ.is_empty()
}
