//! Work on a store that is killed at any instant leaves a store that opens and is whole, and the same command again completes it.
//!
//! A few instants of each command; `RETROHUNT_KILLS` is how many.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{assert_whole, evidence, findings, hunt, lines};
use crate::support::binary::{Output, TestStore, command, finish};
use crate::support::random::Random;

/// Instants of each command where nobody asks for more.
const KILLS: u32 = 4;

fn kills() -> u32 {
    std::env::var("RETROHUNT_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS)
}

fn seed() -> u64 {
    std::env::var("RETROHUNT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_240_301)
}

/// A store that is copied for each kill.
struct Original {
    store: TestStore,
    other: TestStore,
}

impl Original {
    fn new() -> Self {
        let (store, other) = (TestStore::new(), TestStore::new());
        store.load([store.file("a.jsonl", lines(0..1_200, 4624)), store.file("b.jsonl", lines(600..1_800, 4624) + &lines(0..600, 4625))]);
        other.load([other.file("c.jsonl", lines(900..2_400, 4624)), other.file("d.jsonl", lines(300..900, 4625))]);
        [&store, &other].into_iter().for_each(hunt);
        Self { store, other }
    }

    fn copy(&self) -> TestStore {
        let copy = TestStore::new();
        std::fs::copy(self.store.path(), copy.path()).expect("a copy");
        copy
    }
}

fn prepared(store: &TestStore, arguments: &[String]) -> std::process::Command {
    let mut prepared = command();
    prepared.arg("store").args(arguments).arg("--store").arg(store.path()).stdout(Stdio::null()).stderr(Stdio::null());
    prepared
}

fn complete(store: &TestStore, arguments: &[String]) -> Output {
    let mut prepared = prepared(store, arguments);
    finish(prepared.stdout(Stdio::piped()).stderr(Stdio::piped())).expect_code(&[0])
}

/// Kills a command after a while; true when it was still running.
fn kill_after(store: &TestStore, arguments: &[String], after: Duration) -> bool {
    let mut child = prepared(store, arguments).spawn().expect("the program starts");
    std::thread::sleep(after); // the instant of the kill is the input of this test
    let is_running = child.try_wait().expect("a child").is_none();
    if is_running {
        child.kill().expect("SIGKILL");
    }
    child.wait().expect("a child");
    is_running
}

/// What is compared when a command is complete.
fn state(store: &TestStore) -> (i64, usize, Vec<serde_json::Value>, Vec<String>) {
    (store.number("SELECT count(*) FROM events"), store.sources().len(), findings(store), evidence(store))
}

fn survive(original: &Original, arguments: &dyn Fn(&TestStore) -> Vec<String>, is_done: &dyn Fn(&TestStore)) {
    let (seed, name) = (seed(), arguments(&original.store)[0].clone());
    println!("{name}: seed {seed} (RETROHUNT_SEED), {} instants (RETROHUNT_KILLS)", kills());
    let whole = original.copy();
    let started = Instant::now();
    complete(&whole, &arguments(&whole));
    let duration = started.elapsed();
    let (expected, mut random, mut killed) = (state(&whole), Random::new(seed), 0);
    is_done(&whole);
    for kill in 1..=kills() {
        let store = original.copy();
        let after = Duration::from_micros(random.below(u64::try_from(duration.as_micros()).expect("short")));
        let what = format!("{name}, kill {kill} after {after:?} of {duration:?} (seed {seed})");
        killed += u32::from(kill_after(&store, &arguments(&store), after));
        assert_whole(&store, &what);
        // A command that was done before it was killed may say so when it is asked again.
        let again = prepared(&store, &arguments(&store)).status().expect("the program starts");
        assert!(matches!(again.code(), Some(0 | 1)), "{what}");
        assert_whole(&store, &format!("{what}, done again"));
        assert_eq!(state(&store), expected, "{what}");
        is_done(&store);
    }
    println!("{name}: {killed} of {} were killed while running, {duration:?} for the whole", kills());
}

fn strings(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

#[test]
fn killed_commands_are_completed_by_the_same_command() {
    let original = Original::new();
    let path = |name: &str| original.store.folder().join(name).to_string_lossy().into_owned();
    survive(&original, &|_| strings(&["purge", "--before", "2024-03-01T18:00:00"]), &|_| {});
    survive(&original, &|_| strings(&["drop-source", &path("a.jsonl")]), &|_| {});
    survive(&original, &|_| strings(&["merge", &original.other.path().to_string_lossy()]), &|_| {});
    survive(&original, &|_| strings(&["compact"]), &|_| {});
    let target = |store: &TestStore| -> PathBuf { store.folder().join("copy.db") };
    survive(&original, &|store| strings(&["backup", &target(store).to_string_lossy()]), &|store| {
        let copy = TestStore::new();
        std::fs::copy(target(store), copy.path()).expect("the copy is there");
        assert_whole(&copy, "the copy");
        assert_eq!(state(&copy), state(store));
    });
}
