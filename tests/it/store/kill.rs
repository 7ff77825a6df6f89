//! Work on a store that is killed at any instant leaves a store that opens and is whole, and the same command again completes it.

use std::cell::RefCell;
use std::path::PathBuf;

use serde_json::Value;

use super::{assert_whole, evidence, findings, hunt, identities, lines, rules};
use crate::support::binary::{TestStore, command};
use crate::support::kill::Killed;

/// Instants of each command where nobody asks for more.
const KILLS: u32 = 4;

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
}

fn copy_of(store: &TestStore) -> TestStore {
    let copy = TestStore::new();
    std::fs::copy(store.path(), copy.path()).expect("a copy");
    copy
}

/// What is compared when a command is complete.
type StoreState = (i64, usize, Vec<Value>, Vec<String>, Vec<String>);

fn state(store: &TestStore) -> StoreState {
    let events = store.number("SELECT count(*) FROM events");
    (events, store.sources().len(), findings(store), evidence(store), identities(store))
}

fn survive(name: &str, original: &TestStore, arguments: &dyn Fn(&TestStore) -> Vec<String>, is_done: &dyn Fn(&TestStore)) {
    let expected: RefCell<Option<StoreState>> = RefCell::default();
    let killed = Killed {
        name,
        kills: KILLS,
        fresh: &|_| copy_of(original),
        command: &|store| {
            let mut command = command();
            command.args(arguments(store)).arg("--store").arg(store.path());
            command
        },
        // What was done before it was killed may be said when it is asked again.
        again: &[0, 1],
        is_whole: &|store, what| assert_whole(store, what),
        is_complete: &|store, what| {
            let state = state(store);
            let expected = &mut *expected.borrow_mut();
            assert_eq!(&state, expected.get_or_insert_with(|| state.clone()), "{what}");
            is_done(store);
        },
    };
    killed.survive();
}

fn strings(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

#[test]
fn killed_commands_are_completed_by_the_same_command() {
    let original = Original::new();
    let path = |name: &str| original.store.folder().join(name).to_string_lossy().into_owned();
    survive("purge", &original.store, &|_| strings(&["store", "purge", "--before", "2024-03-01T18:00:00"]), &|_| {});
    survive("drop-source", &original.store, &|_| strings(&["store", "drop-source", &path("a.jsonl")]), &|_| {});
    survive("merge", &original.store, &|_| strings(&["store", "merge", &original.other.path().to_string_lossy()]), &|_| {});
    survive("compact", &original.store, &|_| strings(&["store", "compact"]), &|_| {});
    let target = |store: &TestStore| -> PathBuf { store.folder().join("copy.db") };
    survive("backup", &original.store, &|store| strings(&["store", "backup", &target(store).to_string_lossy()]), &|store| {
        let copy = TestStore::new();
        std::fs::copy(target(store), copy.path()).expect("the copy is there");
        assert_whole(&copy, "the copy");
        assert_eq!(state(&copy), state(store));
    });
}

#[test]
fn killed_hunts_are_completed_by_the_next() {
    let store = TestStore::new();
    let load = |name: &str, text: String| drop(store.load([store.file(name, text)]));
    let arguments = |_: &TestStore| strings(&["hunt", "--rules", &rules(&store), "--format", "jsonl"]);
    // All that a finding tells but the number of the hunt: one that was done when it was killed counts.
    let whole = RefCell::new(None);
    let all_findings = |found: &TestStore| {
        let mut rows = found.findings(false);
        rows.iter_mut().for_each(|row| drop(row.as_object_mut().expect("a finding").remove("hunt_id")));
        assert!(rows.len() > 1_500);
        let expected = &mut *whole.borrow_mut();
        assert!(&rows == expected.get_or_insert_with(|| rows.clone()));
    };
    load("a.jsonl", lines(0..1_800, 4624) + &lines(0..600, 4625));
    // The first hunt, which reads everything; then one that reads what is new.
    survive("hunt", &store, &arguments, &all_findings);
    whole.take();
    hunt(&store);
    load("b.jsonl", lines(1_800..2_700, 4624) + &lines(590..900, 4625));
    survive("hunt of what is new", &store, &arguments, &all_findings);
}
