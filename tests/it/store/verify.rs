//! A store that is whole has no faults, and each damage has its code.

use rusqlite::Connection;

use super::{assert_whole, hunt, lines};
use crate::support::binary::{Output, TestStore};

fn whole() -> TestStore {
    let store = TestStore::new();
    let day = lines(0..120, 4624) + &lines(120..150, 4625);
    store.load([store.file("a.jsonl", &day), store.file("b.jsonl", day + &lines(150..200, 4624))]);
    hunt(&store);
    store
}

/// A store in which somebody ran a statement, verified.
fn damaged(store: &TestStore, sql: &str) -> Output {
    let copy = TestStore::new();
    std::fs::copy(store.path(), copy.path()).unwrap();
    Connection::open(copy.path()).unwrap().execute_batch(sql).unwrap();
    copy.run(["store", "verify", "--format", "json"])
}

#[test]
fn a_store_as_it_is_written_is_whole() {
    let store = whole();
    assert_whole(&store, "loaded and hunted");
    let shown = store.run(["store", "verify"]).expect_code(&[0]);
    assert!(shown.stdout.contains("rendered text") && shown.stderr.contains("no faults"), "{}{}", shown.stdout, shown.stderr);
}

#[test]
fn every_damage_is_a_fault_with_a_code() {
    let store = whole();
    let damages = [
        ("UPDATE value SET text = text || 'x' WHERE id = 3", "verify-value"),
        ("UPDATE value SET hash = hash + 1 WHERE is_list = 1 AND id = (SELECT min(id) FROM value WHERE is_list = 1)", "verify-list"),
        ("DELETE FROM value_item WHERE list = (SELECT min(list) FROM value_item) AND position = 0", "verify-list"),
        ("DELETE FROM value WHERE id = (SELECT host FROM event LIMIT 1)", "verify-value"),
        ("DELETE FROM e1 WHERE _id = 5", "verify-reference"),
        ("DELETE FROM event WHERE id = 5", "verify-ledger"),
        ("UPDATE e1 SET _id = 100000 WHERE _id = 5; UPDATE watermark SET last_event = 100000", "verify-reference"),
        ("UPDATE event SET type = 77 WHERE id = 5", "verify-reference"),
        ("UPDATE event SET source = 77 WHERE id = 5", "verify-reference"),
        ("UPDATE event_type SET events = events + 1 WHERE id = 1", "verify-count"),
        ("UPDATE source SET new_events = new_events - 1 WHERE id = 1", "verify-ledger"),
        ("UPDATE source SET first_event = 10 WHERE id = 1", "verify-ledger"),
        ("UPDATE watermark SET last_event = 50", "verify-ledger"),
        ("UPDATE record_range SET first = first + 5", "verify-ledger"),
        ("DELETE FROM message_block WHERE id = (SELECT max(block) FROM message)", "verify-text"),
        ("UPDATE message_block SET data = x'00'", "verify-text"),
        ("UPDATE message SET number = 5000 WHERE event = 5", "verify-text"),
        ("UPDATE evidence SET event = 99999 WHERE event = 7", "verify-evidence"),
        ("UPDATE finding SET group_json = '{' WHERE id = 1", "verify-evidence"),
        ("DELETE FROM finding_history WHERE finding = 1", "verify-evidence"),
        ("PRAGMA foreign_keys = OFF; UPDATE finding SET rule = 900 WHERE id = 1", "verify-reference"),
        ("INSERT INTO event_alias VALUES (9999, 1, 1); UPDATE watermark SET last_event = 10000", "verify-reference"),
        ("UPDATE field SET position = 40 WHERE event_type = 1 AND position = 1", "verify-reference"),
        ("DELETE FROM source WHERE id = 2", "verify-reference"),
    ];
    for (sql, code) in damages {
        let verified = damaged(&store, sql).expect_code(&[1]);
        assert!(verified.stdout.contains(&format!("\"{code}: ")), "{sql}: {}", verified.stdout);
        assert!(verified.stderr.contains(code), "{sql}: {}", verified.stderr);
    }
}

#[test]
fn damage_within_the_file_is_told_and_no_panic() {
    let store = whole();
    let bytes = std::fs::read(store.path()).unwrap();
    let mut told = 0;
    for page in (1..bytes.len() / 4096).step_by(3) {
        let copy = TestStore::new();
        let mut broken = bytes.clone();
        broken[page * 4096..(page + 1) * 4096].fill(0xa5);
        std::fs::write(copy.path(), broken).unwrap();
        let verified = copy.run(["store", "verify"]);
        assert!(matches!(verified.code, 0 | 1) && !verified.stderr.contains("panicked"), "page {page}: {}", verified.stderr);
        told += u32::from(verified.code == 1);
    }
    // A free page may hold anything.
    assert!(told > 10, "{told}");
}
