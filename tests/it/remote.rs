//! `hunt --engine ADDRESS`: what rules ask of a lake comes home, findings and evidence are those of a hunt over the whole store, and what
//! has no answer is told and never looks like no findings.

mod clickhouse;
mod spark;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use retrohunt::cancel::Cancel;
use retrohunt::compile::{CompileOptions, RuleSet, load_texts};
use retrohunt::engine::{Brought, EngineError, LakeEngine, LakeQuestion, LakeUnit, TakeMatch, TakeRow, UnitRules, bring_home};
use retrohunt::hunt::{self, HuntOptions, HuntSummary};
use retrohunt::lake::{LakeCatalog, LakeView};
use retrohunt::store::Store;
use retrohunt::taxonomy::Taxonomy;
use serde_json::{Map, Value};

use crate::support::binary::{TestStore, finish, text};
use crate::support::lake_rows;
use crate::support::samples::{escu_rule, security_line, sigma_rule, zip};
use crate::support::shared::shared;

/// Logons and failures of some accounts: lists, missing values, an event without a time, a source twice, one within an archive, and one
/// whose events another has too.
fn inputs(store: &TestStore) -> Vec<PathBuf> {
    let names = [r#""alice""#, r#""bob""#, r#"["carol","dave"]"#, r#""eve\nsecond line""#, r#""Größe \\ 'x'""#];
    let line = |n: i64, code: u32| {
        let name = names[usize::try_from(n).expect("small") % names.len()];
        let address = if n % 7 == 0 { String::new() } else { format!(r#","Address":"10.0.0.{}""#, n % 2) };
        security_line(n, code, &format!(r#","Account":{name},"Size":"{n}","Message":"event {n} of a test"{address}"#))
    };
    let lines = |range: std::ops::Range<i64>, code| range.map(|n| line(n, code)).collect::<String>();
    let timeless = security_line(99, 4624, r#","Account":"bob","Size":"1""#).replace("2024-03-01T", "no time ");
    let packed = zip(&[("inner.jsonl", lines(80..95, 4625).as_bytes()), ("note.txt", b"no log")]);
    vec![
        store.file("in/a.jsonl", lines(1..40, 4624) + &timeless),
        store.file("in/b.jsonl", lines(20..60, 4624) + &lines(1..30, 4625)),
        store.file("in/copy.jsonl", lines(1..40, 4624) + &timeless),
        store.file("in/c.zip", packed),
        store.file("in/d.jsonl", lines(1..9, 4688).replace("Size", "size")),
    ]
}

const BOB: &str = "aaaaaaaa-0000-4000-8000-0000000000a1";
const MANY: &str = "aaaaaaaa-0000-4000-8000-0000000000a2";
const FAILED: &str = "aaaaaaaa-0000-4000-8000-0000000000a3";

/// Rules of all kinds: conditions, lists, regular expressions, keywords, correlations, statistics, joins, brackets.
fn rules() -> Vec<(String, String)> {
    let base = sigma_rule("aaaaaaaa-0000-4000-8000-0000000000b1", "EventID: 4625")
        .replace("title: Rule", "title: Base\nname: base_rule\ndescription: Rule");
    let many = format!(
        "{base}---\ntitle: Many of an account\nid: {MANY}\nstatus: test\nlevel: medium\ncorrelation:\n    type: event_count\n    rules:\n        - base_rule\n    group-by:\n        - Account\n    timespan: 1h\n    condition:\n        gte: 3\n"
    );
    let keyword = sigma_rule("aaaaaaaa-0000-4000-8000-0000000000b2", "x")
        .replace("    selection:\n        x\n", "    selection:\n        - 'event 3 of'\n        - second line\n");
    let searches = [
        "index=* EventCode=4624 | stats count values(Size) as sizes by Account | where count > 2",
        "index=* EventCode=4624 Account=bob | join Address [ search index=* EventCode=4625 | stats count as failures by Address ]",
        "index=* EventCode=4624 [ search index=* EventCode=4625 Account=alice | stats count by Address | fields Address ] | stats count by Account",
        "index=* EventCode=4688 | stats count by host",
    ];
    let escu = searches
        .iter()
        .enumerate()
        .map(|(n, search)| (format!("s{n}.yml"), escu_rule(&format!("aaaaaaaa-0000-4000-8000-0000000000c{n}"), search)));
    [
        ("bob.yml", sigma_rule(BOB, "Account: BOB")),
        ("many.yml", many),
        ("failed.yml", sigma_rule(FAILED, "EventID: 4625\n        Account|contains: 'ö'")),
        ("regex.yml", sigma_rule("aaaaaaaa-0000-4000-8000-0000000000a4", r"Account|re: '^(?:d.ve|e.*line)$'")),
        ("none.yml", sigma_rule("aaaaaaaa-0000-4000-8000-0000000000a5", "Address: null")),
        ("keyword.yml", keyword),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text))
    .chain(escu)
    .collect()
}

fn rule_set(rules: &[(String, String)]) -> RuleSet {
    let texts: Vec<(&str, &str)> = rules.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let set = load_texts(&texts, &CompileOptions::default());
    assert!(!set.has_errors(), "{:?}", set.diagnostics);
    set
}

/// A store, hunted, and its lake.
struct Local {
    store: TestStore,
    lake: PathBuf,
}

impl Local {
    fn new(rules: &[(String, String)]) -> Self {
        let store = TestStore::new();
        store.load(inputs(&store));
        let lake = store.folder().join("lake");
        store.run(["export", "--parquet", &lake.to_string_lossy()]).expect_code(&[0]);
        hunt(&store, &rule_set(rules), BTreeMap::new());
        Self { store, lake }
    }

    fn catalog(&self) -> LakeCatalog {
        LakeCatalog::read(&self.lake).expect("a catalog")
    }

    fn engine(&self) -> FakeEngine {
        FakeEngine { rows: lake_rows::rows(&self.lake), fault: |_, _| EngineFault::None, asked: Vec::new() }
    }
}

/// Hunts with the library over a store.
fn hunt(store: &TestStore, set: &RuleSet, withheld: BTreeMap<usize, String>) -> HuntSummary {
    let mut own = Store::open(store.path()).expect("a store");
    let mut options = HuntOptions::starting_at(1);
    options.withheld = withheld;
    let summary = hunt::run(&mut own, &set.rules, &set.correlations, Taxonomy::embedded(), &options, &mut |_| {}).expect("a hunt");
    own.close().expect("a store");
    summary
}

/// What is wrong with an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EngineFault {
    None,
    /// It breaks off after so many matches.
    Breaks(usize),
    /// It has a row less than it should.
    LosesRow,
    /// It gives a row twice.
    GivesRowTwice,
    /// It gives a row that was not asked for.
    GivesAnother,
    /// A value is of another kind.
    ChangesKind,
    /// It has another number of events.
    Counts,
}

/// An engine that finds all events of a unit for all rules.
struct FakeEngine {
    rows: BTreeMap<String, Vec<(i64, Map<String, Value>)>>,
    /// By the view, and how many units were asked before.
    fault: fn(&str, usize) -> EngineFault,
    /// The units that were asked.
    asked: Vec<String>,
}

impl FakeEngine {
    fn now(&self, view: &str) -> EngineFault {
        (self.fault)(view, self.asked.len())
    }
}

impl LakeEngine for FakeEngine {
    fn open(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn count(&mut self, view: &LakeView) -> Result<u64, EngineError> {
        let count = self.rows[&view.view].len() as u64;
        Ok(if self.now(&view.view) == EngineFault::Counts { count - 1 } else { count })
    }

    fn matches(&mut self, unit: &LakeUnit, rules: UnitRules<'_>, take: &mut TakeMatch<'_>) -> Result<(), EngineError> {
        let fault = self.now(&unit.id.view);
        self.asked.push(unit.id.view.clone());
        let mut told = 0;
        for (event, row) in &self.rows[&unit.id.view] {
            for (rule, _) in rules.filters.iter().filter(|_| unit.has(row["_time_us"].as_i64())) {
                if fault == EngineFault::Breaks(told) {
                    return Err(EngineError::Refused("memory is short".to_owned()));
                }
                told += 1;
                if take(*event, *rule) == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn rows(&mut self, unit: &LakeUnit, events: &[i64], take: &mut TakeRow<'_>) -> Result<(), EngineError> {
        let fault = (self.fault)(&unit.id.view, self.asked.len() - 1);
        let of_view = &self.rows[&unit.id.view];
        let wanted = of_view.iter().filter(|(event, _)| events.contains(event));
        for (place, (_, row)) in wanted.enumerate() {
            let mut row = row.clone();
            match fault {
                EngineFault::LosesRow if place == 1 => continue,
                EngineFault::GivesRowTwice if place == 1 => take(&Value::Object(row.clone()).to_string())?,
                EngineFault::GivesAnother if place == 1 => _ = row.insert("_id".to_owned(), 1_000_000.into()),
                EngineFault::ChangesKind if place == 1 => _ = row.insert("Size".to_owned(), 5.into()),
                _ => {}
            }
            take(&Value::Object(row).to_string())?;
        }
        Ok(())
    }
}

/// Brings home what rules ask.
fn bring(
    home: &TestStore,
    engine: &mut FakeEngine,
    catalog: &LakeCatalog,
    set: &RuleSet,
    more: (bool, u64),
) -> Result<Brought, EngineError> {
    let mut store = Store::open(home.path()).expect("a store");
    let (resume, most_rows) = more;
    let asked = LakeQuestion {
        lake: catalog,
        rules: (&set.rules, &set.correlations),
        taxonomy: Taxonomy::embedded(),
        rules_key: [u8::try_from(set.rules.len()).expect("few"); 16],
        most_rows,
        resume,
        memory: 1 << 24,
        cancel: Cancel::default(),
    };
    let brought = bring_home(&mut store, engine, &asked, &mut |_| {});
    store.close().expect("a store");
    brought
}

/// What findings say, without the numbers of hunts and findings.
fn said(store: &TestStore) -> Vec<String> {
    let without = |mut row: Value| {
        let members = row.as_object_mut().expect("an object");
        for name in ["hunt_id", "finding_id"] {
            members.remove(name);
        }
        row.to_string()
    };
    let mut rows: Vec<String> = store.findings(false).into_iter().map(without).collect();
    rows.sort();
    rows
}

/// The evidence of findings: which events, of which files.
fn evidence(store: &TestStore) -> Vec<String> {
    let row = |row: &Value| format!("{} {} {} {}", text(row, "rule_id"), row["path"], row["record"], row["time"]);
    let mut rows: Vec<String> = store.findings(true).iter().map(row).collect();
    rows.sort();
    rows
}

/// Real logs in a store and as a lake, hunted with all Sigma rules and Splunk detections.
struct RealLogs {
    store: TestStore,
    lake: PathBuf,
    rules: Vec<String>,
}

impl RealLogs {
    /// Of the folders of `corpora/dev` that `RETROHUNT_ENGINE_CORPUS` names (`evtx mordor`), else of `default`; none, with a word, where
    /// there are none. They are loaded and hunted by `program`.
    fn find(program: &dyn Fn() -> Command, default: Option<&str>) -> Option<Self> {
        let folders = std::env::var("RETROHUNT_ENGINE_CORPUS").ok().or_else(|| default.map(str::to_owned));
        let Some(folders) = folders else {
            println!("skipped: RETROHUNT_ENGINE_CORPUS names no folders of logs");
            return None;
        };
        let logs = folders.split_whitespace().map(|folder| shared(&format!("corpora/dev/{folder}"))).collect::<Option<Vec<_>>>()?;
        let (sigma, escu) = (shared("rules/sigmahq")?, shared("rules/escu")?);
        let store = TestStore::new();
        let run = |command: &mut Command| finish(command.arg("--store").arg(store.path())).expect_code(&[0, 3]);
        run(program().arg("load").args(logs));
        let lake = store.folder().join("lake");
        run(program().args(["export", "--parquet"]).arg(&lake));
        let rules: Vec<String> = ["--rules".into(), sigma.to_string_lossy().into_owned(), escu.to_string_lossy().into_owned()].into();
        run(program().arg("hunt").args(&rules));
        Some(Self { store, lake, rules })
    }

    /// Holds a hunt over an engine, and what it said, against the local one.
    fn assert_same(&self, home: &TestStore, told: &str) {
        assert!(!told.contains("not hunted") && !told.contains("no answer"), "{told}");
        assert_same(home, &self.store);
    }
}

#[track_caller]
fn assert_same(home: &TestStore, local: &TestStore) {
    assert_eq!(said(home), said(local));
    assert_eq!(evidence(home), evidence(local));
    assert!(!said(home).is_empty());
    home.run(["store", "verify"]).expect_code(&[0]);
}

#[test]
fn what_comes_home_gives_the_findings_of_the_whole_store() {
    let (rules, home) = (rules(), TestStore::new());
    let (local, set) = (Local::new(&rules), rule_set(&rules));
    let brought = bring(&home, &mut local.engine(), &local.catalog(), &set, (false, u64::MAX)).expect("an answer");
    assert!(brought.failed.is_empty() && brought.withheld.is_empty() && !brought.interrupted, "{brought:?}");
    let summary = hunt(&home, &set, brought.withheld);
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    assert_same(&home, &local.store);
    assert!(said(&home).iter().any(|row| row.contains(MANY)), "the correlation has findings");
    // What was asked for stays when it is asked again, and nothing is fetched twice.
    let again = bring(&home, &mut local.engine(), &local.catalog(), &set, (false, u64::MAX)).expect("an answer");
    assert_eq!((again.rows, again.done_before), (0, 0));
    let resumed = bring(&home, &mut FakeEngine { rows: BTreeMap::new(), ..local.engine() }, &local.catalog(), &set, (true, u64::MAX));
    let resumed = resumed.expect("nothing is left to ask");
    assert_eq!((resumed.done_before, resumed.units), (brought.units, brought.units));
}

#[test]
fn more_rules_bring_more_events_of_the_same_sources() {
    let (all, home) = (rules(), TestStore::new());
    let local = Local::new(&all);
    let few: Vec<(String, String)> = all.iter().filter(|(path, _)| path == "s3.yml").cloned().collect();
    for rules in [&few, &all] {
        let set = rule_set(rules);
        let brought = bring(&home, &mut local.engine(), &local.catalog(), &set, (false, u64::MAX)).expect("an answer");
        assert!(brought.rows > 0, "{brought:?}");
        hunt(&home, &set, brought.withheld);
        home.run(["store", "verify"]).expect_code(&[0]);
    }
    assert_same(&home, &local.store);
}

#[test]
fn a_unit_without_an_answer_withholds_its_rules_until_it_has_one() {
    let faults: [(fn(&str, usize) -> EngineFault, &str); 6] = [
        (|view, _| if view == "security_4625" { EngineFault::Breaks(7) } else { EngineFault::None }, "the engine refuses: memory is short"),
        (|view, _| if view == "security_4625" { EngineFault::LosesRow } else { EngineFault::None }, "did not come"),
        (
            |view, _| if view == "security_4625" { EngineFault::GivesRowTwice } else { EngineFault::None },
            "was not asked for, or came twice",
        ),
        (|view, _| if view == "security_4625" { EngineFault::GivesAnother } else { EngineFault::None }, "was not asked for, or came twice"),
        (|view, _| if view == "security_4625" { EngineFault::ChangesKind } else { EngineFault::None }, "`Size` is not of the kind"),
        (|view, _| if view == "security_4625" { EngineFault::Counts } else { EngineFault::None }, "and the catalog says"),
    ];
    let rules = rules();
    let (local, set) = (Local::new(&rules), rule_set(&rules));
    for (fault, expected) in faults {
        let home = TestStore::new();
        let mut engine = FakeEngine { fault, ..local.engine() };
        let brought = bring(&home, &mut engine, &local.catalog(), &set, (false, u64::MAX)).expect("answers of others");
        let whys: Vec<&str> = brought.failed.iter().map(|failed| failed.why.as_str()).collect();
        assert!(whys.len() == 1 && whys[0].contains(expected), "{whys:?}");
        let summary = hunt(&home, &set, brought.withheld.clone());
        let told: Vec<usize> = summary.failed.iter().map(|(rule, _)| *rule).collect();
        assert_eq!(told, brought.withheld.keys().copied().collect::<Vec<_>>());
        let (found, all) = (said(&home), said(&local.store));
        assert!(!found.is_empty() && found.iter().all(|row| all.contains(row)) && found.len() < all.len(), "{expected}");
        assert!(!found.iter().any(|row| row.contains(FAILED) || row.contains(MANY)), "{expected}");
        // Only what is left is asked.
        let mut whole = local.engine();
        let resumed = bring(&home, &mut whole, &local.catalog(), &set, (true, u64::MAX)).expect("an answer");
        assert_eq!(whole.asked, ["security_4625"]);
        assert!(resumed.failed.is_empty() && resumed.withheld.is_empty());
        hunt(&home, &set, resumed.withheld);
        assert_same(&home, &local.store);
    }
}

#[test]
fn a_rule_that_needs_too_many_events_is_withheld_alone() {
    let (rules, home) = (rules(), TestStore::new());
    let (local, set) = (Local::new(&rules), rule_set(&rules));
    // The engine finds all events of the types that a rule reads: those of one type are few.
    let brought = bring(&home, &mut local.engine(), &local.catalog(), &set, (false, 8)).expect("an answer");
    let one = set.rules.iter().position(|rule| rule.meta.path == "s3.yml").expect("the rule");
    assert!(!brought.withheld.contains_key(&one) && brought.withheld.len() > 5, "{:?}", brought.withheld);
    assert!(brought.withheld.values().any(|why| why.contains("and 8 may come home for a rule")), "{:?}", brought.withheld);
    hunt(&home, &set, brought.withheld);
    let found = said(&home);
    assert!(!found.is_empty() && found.iter().all(|row| said(&local.store).contains(row)));
    let whole = bring(&home, &mut local.engine(), &local.catalog(), &set, (true, u64::MAX)).expect("an answer");
    assert!(whole.done_before == 0 && whole.withheld.is_empty(), "another limit is another question");
    hunt(&home, &set, whole.withheld);
    assert_same(&home, &local.store);
}

#[test]
fn a_store_is_the_home_of_one_lake_and_of_nothing_else() {
    let (rules, home) = (rules(), TestStore::new());
    let (local, set) = (Local::new(&rules), rule_set(&rules));
    bring(&home, &mut local.engine(), &local.catalog(), &set, (false, u64::MAX)).expect("an answer");
    let refused = |result: Result<Brought, EngineError>| result.expect_err("it is refused").to_string();
    let mut changed = local.catalog();
    changed.parts[0].bytes += 1;
    assert!(refused(bring(&home, &mut local.engine(), &changed, &set, (true, u64::MAX))).contains("another lake"));
    assert!(refused(bring(&local.store, &mut local.engine(), &local.catalog(), &set, (false, u64::MAX))).contains("were loaded"));
    let input = local.store.folder().join("in/a.jsonl");
    let loaded = home.run([Path::new("load"), &input]).expect_code(&[1]);
    assert!(loaded.stderr.contains("what an engine chose from a lake"), "{}", loaded.stderr);
    for (one, other) in [(&home, &local.store), (&local.store, &home)] {
        let merged = one.run([Path::new("store"), Path::new("merge"), other.path()]).expect_code(&[1]);
        assert!(merged.stderr.contains("what an engine chose from a lake"), "{}", merged.stderr);
    }
}

#[test]
fn the_command_says_what_an_engine_needs_and_that_it_is_not_there() {
    let local = Local::new(&rules());
    let home = TestStore::new();
    let (lake, rule) = (local.lake.to_string_lossy().into_owned(), home.file("bob.yml", sigma_rule(BOB, "Account: bob")));
    let rule = rule.to_string_lossy().into_owned();
    let hunted = |more: &[&str]| home.run(["hunt", "--rules", &rule].iter().chain(more).copied());
    let said = hunted(&["--engine", "http://127.0.0.1:1"]).expect_code(&[1]).stderr;
    assert!(said.contains("--lake LAKE") && said.contains("--catalog PATH"), "{said}");
    let said = hunted(&["--engine", "http://127.0.0.1:1", "--lake", "logs", "--catalog", &lake]).expect_code(&[1]).stderr;
    assert!(said.contains("nothing was hunted") && said.contains("cannot reach the engine at http://127.0.0.1:1/"), "{said}");
    let said = hunted(&["--resume"]).expect_code(&[1]).stderr;
    assert!(said.contains("a lake is for an engine"), "{said}");
}
