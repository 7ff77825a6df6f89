//! Holds three readings of every rule against each other over real archives: the hunt, the portable SQL in a SQLite
//! client, and an evaluator in memory that shares no code with either: it is that of the tests, and asks each question once
//! for each text.
//!
//! `make compare` takes all rules of `../shared/rules/sigmahq` and every detection of `../shared/rules/escu` that compiles,
//! over `../shared/corpora/dev`, `../shared/corpora/archives/dev` and a million generated events;
//! `make compare COMPARE='FOLDER FILE…'` takes other archives, `--language=splunk` compares the rules of one language and `--rule=TEXT`
//! those with the text in id, title or path. All others are hunted too, because searches over risk read what they find; `explain` is left
//! out. A rule that only filters must match the same events. One with
//! stages must give the same result rows: as many as the hunt saved findings, with the same columns, and null, text, number
//! and list told apart; rows of portable SQL are compared as text. What `--engine sqlite` saves must be what the scan saves.
//! Every finding of a first hunt must be new, no rule may fail, and `explain` must have an answer for every rule. It is not a bench of
//! speed, but needs optimised code: minutes instead of an hour. Any difference is printed and makes it fail.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints, and stops where something is wrong")]
#![allow(missing_docs, reason = "cargo's entry point")]

mod archive;
mod condition;
mod dataset;
#[path = "../../tests/support/engines.rs"]
mod engines;
#[allow(dead_code, reason = "what the tests evaluate beside single values")]
#[path = "../../tests/support/evaluate/mod.rs"]
mod evaluate;
mod explain;
mod found;
mod hunted;
mod lookup;
mod matching;
mod portable;
mod question;
mod reads;
mod report;
mod risk;
mod rows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use retrohunt::compile::{CompileOptions, load_rules};
use retrohunt::ir::Rule;
use retrohunt::load::{LoadOptions, load};
use retrohunt::store::Store;

use archive::Archive;
use found::Found;
use portable::Portable;

/// The rules of one language.
pub(crate) struct Language {
    name: &'static str,
    /// Where they are.
    folder: PathBuf,
    rules: Vec<Rule>,
}

impl Language {
    fn load(name: &'static str, folder: PathBuf) -> Self {
        let set = load_rules(std::slice::from_ref(&folder), &CompileOptions::default());
        Self { name, folder, rules: set.rules }
    }
}

/// Which rules are compared.
#[derive(Default)]
struct Selection {
    /// Of this language.
    language: Option<String>,
    /// With this text in id, title or path.
    rule: Option<String>,
}

impl Selection {
    fn read(arguments: &[String]) -> Self {
        let option = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name)).map(str::to_lowercase);
        Self { language: option("--language="), rule: option("--rule=") }
    }

    fn is_all(&self) -> bool {
        self.language.is_none() && self.rule.is_none()
    }

    fn is_meant(&self, language: &Language, rule: &Rule) -> bool {
        let meta = &rule.meta;
        let has = |text: &String| [&meta.id, &meta.title, &meta.path].into_iter().any(|name| name.to_lowercase().contains(text.as_str()));
        self.language.as_ref().is_none_or(|name| *name == language.name.to_lowercase()) && self.rule.as_ref().is_none_or(has)
    }
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = root.join("../shared");
    let folder = root.join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let selection = Selection::read(&arguments);
    let named: Vec<PathBuf> = arguments.iter().filter(|a| !a.starts_with('-')).map(PathBuf::from).collect();
    let inputs = if named.is_empty() {
        vec![shared.join("corpora/dev"), shared.join("corpora/archives/dev"), generated(&shared, &folder)]
    } else {
        named
    };
    let languages =
        [("Sigma", "rules/sigmahq"), ("Splunk", "rules/escu/detections")].map(|(name, folder)| Language::load(name, shared.join(folder)));
    // Of this run alone: two at a time do not meet.
    let store = folder.join(format!("compare-{}.db", std::process::id()));
    let mut equal = true;
    for input in inputs {
        if input.exists() {
            equal &= compare(&input, &store, &languages, &selection);
        } else {
            println!("skipped: {} is not there", input.display());
        }
    }
    if equal {
        remove(&store);
        return ExitCode::SUCCESS;
    }
    println!("\nthe last store is {}", store.display());
    ExitCode::FAILURE
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

fn remove(store: &Path) {
    for end in ["", "-wal", "-shm", "-lock"] {
        std::fs::remove_file(format!("{}{end}", store.display())).ok();
    }
}

fn compare(input: &Path, path: &Path, languages: &[Language], selection: &Selection) -> bool {
    println!("\n{}", input.display());
    remove(path);
    let started = Instant::now();
    let mut store = Store::open(path).unwrap();
    load(&mut store, &[input.to_path_buf()], &LoadOptions::default(), &mut |_| {}).unwrap();
    println!("  {} events loaded in {:.0} s", store.last_event().unwrap().0, started.elapsed().as_secs_f64());

    let started = Instant::now();
    let archive = Archive::read(&store);
    println!("  {} distinct values in memory after {:.0} s", archive.values(), started.elapsed().as_secs_f64());
    let mut equal = true;
    for language in languages.iter().filter(|language| !language.rules.is_empty()) {
        equal &= compare_language(&mut store, path, &archive, language, selection);
    }
    for language in languages.iter().filter(|language| !language.rules.is_empty() && selection.is_all()) {
        equal &= explain::never_errs(path, language);
    }
    equal
}

fn compare_language(store: &mut Store, path: &Path, archive: &Archive, language: &Language, selection: &Selection) -> bool {
    println!(" {}: {} rules", language.name, language.rules.len());
    let hunted::Hunted { found, risk } = hunted::hunt(store, &language.rules);
    let firing = found.iter().filter(|found| !found.events.is_empty() || !found.rows.is_empty()).count();
    let matches: usize = found.iter().map(|found| found.rows.len().max(found.events.len())).sum();
    println!("  hunt: {matches} matches and rows of {firing} rules");
    let pairs = language.rules.iter().zip(found).filter(|(rule, _)| selection.is_meant(language, rule));
    let (rules, hunted): (Vec<Rule>, Vec<Found>) = pairs.map(|(rule, found)| (rule.clone(), found)).unzip();
    if rules.is_empty() {
        return true;
    }
    let catalog = store.catalog().unwrap();
    let started = Instant::now();
    let evaluated: Vec<_> =
        rules.iter().map(|rule| rows::evaluate(archive, &rule.query, &hunted::columns(rule, &catalog), &risk)).collect();
    println!("  evaluator: {:.0} s, {} rules", started.elapsed().as_secs_f64(), rules.len());
    let rules = &rules[..];
    let portable = Portable::run(path, &catalog, rules);
    let asked = portable.found.iter().filter(|found| found.is_some()).count();
    println!("  portable SQL: {asked} of {} rules; without a portable form:", rules.len());
    portable.gaps.iter().for_each(|(code, count)| println!("    {count:>5}  {code}"));
    let started = Instant::now();
    let both = engines::both(store, rules, &[]);
    let stated = both.asked - both.without_text;
    println!(
        "  --engine sqlite: {} findings of {stated} of {} rules that ask any event, {:.0} s",
        both.findings,
        both.asked,
        started.elapsed().as_secs_f64()
    );
    report::hunt_and_evaluator(rules, &hunted, &evaluated)
        & report::portable_and_evaluator(rules, &portable.found, &evaluated)
        & report::engines(&both)
}
