//! Copies of a store, and a store in fewer bytes.

use std::io::Write as _;
use std::process::Stdio;

use super::{assert_whole, evidence, findings, hunt, line, lines};
use crate::support::binary::{TestStore, command, integer, run};

fn hunted() -> TestStore {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", lines(0..400, 4624)), store.file("b.jsonl", lines(400..500, 4625))]);
    hunt(&store);
    store
}

#[test]
fn a_backup_is_a_store_with_all_that_the_other_has() {
    let store = hunted();
    let copy = TestStore::new();
    let done = store.run(["store", "backup", &copy.path().to_string_lossy()]).expect_code(&[0]);
    assert!(done.stderr.contains("500 events"), "{}", done.stderr);
    assert_whole(&copy, "the copy");
    assert_eq!((findings(&copy), evidence(&copy)), (findings(&store), evidence(&store)));
    let left: Vec<_> = std::fs::read_dir(copy.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["test.db"]);
}

/// More events than a load writes between two commits: a part of their source is in the file while it is loaded.
#[cfg(unix)]
const MANY: i64 = 45_000;

#[test]
#[cfg(unix)]
fn a_backup_of_a_store_that_is_loaded_has_what_is_complete() {
    let store = hunted();
    let source: String = (500..MANY).map(|record| line(record % 1_440, record + 1, 4624, "")).collect();
    let half = source.len() / 2;
    let pipe = store.folder().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let mut load = command();
    load.args(["load", "--jobs", "2"]).arg(&pipe).arg("--store").arg(store.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut load = load.spawn().expect("the program starts");
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).expect("the load reads the pipe");
    let copied = |what: &str| {
        let copy = TestStore::new();
        store.run(["store", "backup", &copy.path().to_string_lossy()]).expect_code(&[0]);
        assert_whole(&copy, what);
        let sources = copy.sources();
        assert_eq!(copy.number("SELECT count(*) FROM source WHERE state <> 'complete'"), 0, "{what}");
        let events: i64 = sources.iter().map(|row| integer(row, "new_events")).sum();
        assert_eq!(copy.number("SELECT count(*) FROM event"), events, "{what}");
        assert_eq!((findings(&copy), evidence(&copy)), (findings(&store), evidence(&store)), "{what}");
        // It is a store to go on with.
        copy.load([copy.file("more.jsonl", lines(0..3, 1102))]);
        assert_whole(&copy, what);
        (sources.len(), events)
    };
    // The load holds the store and waits, then it has written a part of what it reads.
    assert_eq!(copied("the load waits"), (2, 500));
    writer.write_all(&source.as_bytes()[..half]).expect("the load reads");
    assert_eq!(copied("in the middle"), (2, 500));
    writer.write_all(&source.as_bytes()[half..]).expect("the load reads");
    assert_eq!(copied("before the end"), (2, 500));
    drop(writer);
    assert_eq!(load.wait().expect("a child").code(), Some(0));
    assert_eq!(copied("behind the end"), (3, MANY));
}

#[test]
fn a_backup_replaces_no_file_and_needs_a_store() {
    let store = hunted();
    let there = store.file("there.db", "mine");
    let refused = store.run(["store", "backup", &there.to_string_lossy()]).expect_code(&[1]);
    assert!(refused.stderr.contains("there already") && std::fs::read_to_string(&there).unwrap() == "mine", "{}", refused.stderr);
    let nowhere = store.folder().join("no/folder.db");
    store.run(["store", "backup", &nowhere.to_string_lossy()]).expect_code(&[1]);
    let out = store.folder().join("out.db");
    run(["store", "backup", &out.to_string_lossy(), "--store", &there.to_string_lossy()]).expect_code(&[1]);
    assert!(!out.exists());
}

#[test]
fn compacting_gives_bytes_back_and_changes_nothing_else() {
    let store = hunted();
    store.run(["store", "drop-source", &store.folder().join("a.jsonl").to_string_lossy()]).expect_code(&[0]);
    let before = (findings(&store), evidence(&store), std::fs::metadata(store.path()).unwrap().len());
    let unused = store.run(["store", "verify"]).expect_code(&[0]).stderr;
    assert!(unused.contains("used by no event"), "{unused}");
    let done = store.run(["store", "compact"]).expect_code(&[0]);
    assert!(done.stderr.contains("unused values removed"), "{}", done.stderr);
    assert_whole(&store, "compacted");
    let unused = store.run(["store", "verify"]).expect_code(&[0]).stderr;
    assert!(!unused.contains("used by no event"), "{unused}");
    assert_eq!((findings(&store), evidence(&store)), (before.0, before.1));
    assert!(std::fs::metadata(store.path()).unwrap().len() < before.2);
    assert_eq!(store.number("SELECT count(*) FROM value WHERE text LIKE 'a3__'"), 0, "members of lists that were dropped");
    // What is loaded then gets values of its own.
    store.load([store.file("c.jsonl", lines(500..600, 4624))]);
    assert_whole(&store, "loaded again");
}

#[test]
fn a_store_with_faults_is_not_compacted() {
    let store = hunted();
    rusqlite::Connection::open(store.path()).unwrap().execute_batch("UPDATE event_type SET events = 1 WHERE id = 1").unwrap();
    let refused = store.run(["store", "compact"]).expect_code(&[1]);
    assert!(refused.stderr.contains("store verify"), "{}", refused.stderr);
}
