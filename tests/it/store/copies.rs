//! Copies of a store, and a store in fewer bytes.

use super::{assert_whole, evidence, findings, hunt, lines};
use crate::support::binary::{TestStore, run};

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
