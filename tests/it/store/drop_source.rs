//! A source goes with the events that nobody else has.

use super::{assert_whole, evidence, findings, hunt, identities, lines};
use crate::support::binary::{TestStore, integer, text};
use crate::support::samples::zip;

fn events(store: &TestStore) -> i64 {
    store.number("SELECT count(*) FROM events")
}

fn path(store: &TestStore, name: &str) -> String {
    store.folder().join(name).to_string_lossy().into_owned()
}

fn drop_source(store: &TestStore, name: &str) -> String {
    store.run(["store", "drop-source", &path(store, name)]).expect_code(&[0]).stderr
}

#[test]
fn a_source_goes_with_its_events_and_can_be_loaded_again() {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", lines(0..50, 4624)), store.file("b.jsonl", lines(50..90, 4624))]);
    hunt(&store);
    let before = (findings(&store), evidence(&store), identities(&store));
    let said = drop_source(&store, "a.jsonl");
    assert!(said.contains("1 source and 50 events removed") && said.contains("50 of them behind findings"), "{said}");
    assert_whole(&store, "dropped");
    assert_eq!((events(&store), store.sources().len()), (40, 1));
    assert_eq!((findings(&store), evidence(&store)), (before.0.clone(), before.1.clone()));
    hunt(&store);
    assert_eq!((findings(&store), evidence(&store)), (before.0.clone(), before.1.clone()));
    let last = store.number("SELECT max(_id) FROM events");
    store.load([store.folder().join("a.jsonl")]);
    assert_eq!(events(&store), 90);
    assert!(store.number("SELECT max(_id) FROM events") > last);
    hunt(&store);
    assert_whole(&store, "loaded again and hunted");
    assert_eq!((findings(&store), evidence(&store), identities(&store)), before, "each event is behind its finding once");
}

#[test]
fn an_event_that_another_source_has_stays_as_its_own() {
    let store = TestStore::new();
    let (day, week) = (lines(0..50, 4624), lines(20..90, 4624));
    store.load([store.file("day.jsonl", &day), store.file("week.jsonl", &week)]);
    assert_eq!(events(&store), 90);
    hunt(&store);
    store.run(["triage", "benign", "21", "--note", "known"]).expect_code(&[0]);
    let said = drop_source(&store, "day.jsonl");
    assert!(said.contains("20 events removed") && said.contains("30 events stay"), "{said}");
    assert_whole(&store, "dropped");
    assert_eq!(events(&store), 70);
    let row = &store.sources()[0];
    assert_eq!((integer(row, "events"), integer(row, "new_events")), (70, 70));
    // A hunt finds the same findings again, and what was said of them stays.
    let known = findings(&store);
    hunt(&store);
    assert_eq!(findings(&store), known);
    assert_eq!(store.number("SELECT count(*) FROM findings WHERE state = 'current'"), 90);
    assert_eq!(store.number("SELECT count(*) FROM findings WHERE triage = 'benign'"), 1);
    // Whoever brings these events again is told that they are there.
    store.load([store.file("other.jsonl", lines(10..60, 4624) + "\n")]);
    assert_eq!(events(&store), 80);
    assert_whole(&store, "loaded an overlap");
    // And the new owner can go too.
    drop_source(&store, "week.jsonl");
    assert_eq!(events(&store), 50);
    assert_whole(&store, "dropped both");
    hunt(&store);
    // Those of the ten events that were dropped with the first file and came again in other bytes are found once more.
    assert_eq!(store.number("SELECT count(*) FROM findings WHERE state = 'current'"), 100);
    // The same as a store that never had the others.
    let fresh = TestStore::new();
    fresh.load([store.folder().join("other.jsonl")]);
    hunt(&fresh);
    let of_fresh = identities(&fresh);
    let of_store = identities(&store);
    assert!(of_fresh.iter().all(|id| of_store.contains(id)), "findings of moved events have the identities that a fresh store gives");
}

#[test]
fn a_copy_of_the_same_bytes_keeps_the_events() {
    let store = TestStore::new();
    let day = lines(0..50, 4624);
    store.load([store.file("a.jsonl", &day), store.file("b.jsonl", &day), store.file("c.jsonl", &day)]);
    hunt(&store);
    let said = drop_source(&store, "a.jsonl");
    assert!(said.contains("b.jsonl has the same bytes") && said.contains("0 events removed"), "{said}");
    assert_whole(&store, "one copy less");
    assert_eq!((events(&store), store.sources().len()), (50, 2));
    assert!(drop_source(&store, "c.jsonl").contains("0 events removed"));
    assert!(drop_source(&store, "b.jsonl").contains("50 events removed"));
    assert_whole(&store, "no copy left");
    assert_eq!((events(&store), store.sources().len()), (0, 0));
    store.load([store.folder().join("c.jsonl")]);
    assert_eq!(events(&store), 50);
    // All at once.
    store.load([store.folder().join("a.jsonl")]);
    let names = ["a.jsonl", "c.jsonl"].map(|name| path(&store, name));
    store.run(["store", "drop-source", &names[0], &names[1]]).expect_code(&[0]);
    assert_whole(&store, "both at once");
    assert_eq!(events(&store), 0);
}

#[test]
fn an_archive_goes_with_its_members_and_one_member_alone() {
    let store = TestStore::new();
    let (a, b) = (lines(0..10, 4624), lines(10..30, 4624));
    let archive = store.file("logs.zip", zip(&[("a.jsonl", a.as_bytes()), ("b.jsonl", b.as_bytes())]));
    store.load([&archive]);
    drop_source(&store, "logs.zip!/b.jsonl");
    assert_eq!(events(&store), 10);
    assert_whole(&store, "one member");
    store.load([&archive]);
    assert_eq!(events(&store), 30, "an archive of which a member was dropped is read again");
    let said = drop_source(&store, "logs.zip");
    assert!(said.contains("2 sources and 30 events removed"), "{said}");
    assert_whole(&store, "the archive");
    store.load([&archive]);
    assert_eq!(events(&store), 30);
}

#[test]
fn a_source_is_named_by_its_id_and_a_wrong_name_removes_nothing() {
    let store = TestStore::new();
    store.load([store.file("a.jsonl", lines(0..10, 4624)), store.file("b.jsonl", lines(10..30, 4624)), store.file("x.txt", "no log")]);
    let refused = store.run(["store", "drop-source", &path(&store, "a.jsonl"), "nothing.jsonl"]).expect_code(&[1]);
    assert!(refused.stderr.contains("no source `nothing.jsonl`"), "{}", refused.stderr);
    assert_eq!(events(&store), 30);
    for row in store.sources().iter().filter(|row| !text(row, "path").ends_with("b.jsonl")) {
        store.run(["store", "drop-source", &integer(row, "source_id").to_string()]).expect_code(&[0]);
    }
    assert_whole(&store, "by id");
    assert_eq!((events(&store), store.sources().len()), (20, 1));
}

#[test]
fn rendered_text_of_a_dropped_source_is_not_in_the_file_any_more() {
    let store = TestStore::new();
    let secret = "{\"@timestamp\":\"2024-03-01T05:00:00.000Z\",\"Channel\":\"Security\",\"EventID\":4624,\"Hostname\":\"ws9.test\",\"RecordNumber\":5000,\"Secret\":\"TopSecretValue\",\"Message\":\"TopSecretText\"}\n";
    store.load([store.file("a.jsonl", lines(0..3, 4624) + secret), store.file("b.jsonl", lines(0..3, 4624))]);
    drop_source(&store, "a.jsonl");
    assert_whole(&store, "dropped");
    store.run(["store", "compact"]).expect_code(&[0]);
    let bytes = std::fs::read(store.path()).unwrap();
    let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(!holds("TopSecretValue"));
    let texts = store.run(["sql", "SELECT Message FROM messages", "--format", "jsonl"]).expect_code(&[0]).stdout;
    assert_eq!((texts.lines().count(), texts.contains("TopSecret")), (3, false));
}
