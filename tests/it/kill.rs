//! A load that is killed at any instant leaves a store that opens, and one more load completes it: every event
//! once, none lost.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::binary::{TestStore, command, integer, text};
use crate::support::kill::Killed;

/// Events of each input file.
const EVENTS: [i64; 4] = [6_000, 1, 9_000, 3_000];

fn lines(file: usize, events: i64) -> String {
    let line = |n: i64| {
        let second = n % 60;
        format!(
            "{{\"@timestamp\":\"2024-01-01T00:{:02}:{second:02}.000Z\",\"Channel\":\"Security\",\"EventID\":{},\"Hostname\":\"host{file}.test\",\"RecordNumber\":{n},\"Serial\":\"{file}-{n}\",\"CommandLine\":\"tool.exe --run {}\",\"List\":[\"a{}\",\"b\"]}}\n",
            n / 60 % 60,
            4_000 + n % 7,
            n * 7919 % 5_000,
            n % 11,
        )
    };
    (1..=events).map(line).collect()
}

fn inputs(store: &TestStore) -> PathBuf {
    for (file, events) in EVENTS.into_iter().enumerate() {
        let text = lines(file, events);
        if file == 2 {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(text.as_bytes()).expect("memory");
            store.file(&format!("in/part{file}.jsonl.gz"), gzip.finish().expect("memory"));
        } else {
            store.file(&format!("in/part{file}.jsonl"), text);
        }
    }
    store.folder().join("in")
}

fn assert_complete(store: &TestStore, what: &str) {
    let rows = store.sources();
    let mut events: Vec<(String, i64, i64)> = rows
        .iter()
        .filter(|row| row["duplicate_of"].is_null())
        .map(|row| {
            (text(row, "path").rsplit(['/', '!']).next().unwrap_or_default().to_owned(), integer(row, "events"), integer(row, "new_events"))
        })
        .collect();
    events.sort();
    let counts: Vec<(i64, i64)> = events.iter().map(|(_, events, new)| (*events, *new)).collect();
    assert_eq!(counts, EVENTS.map(|e| (e, e)), "{what}: events of each source: {rows:#?}");
    let total: i64 = EVENTS.iter().sum();
    assert_eq!(store.number("SELECT count(*) FROM events"), total, "{what}: events in the store");
    let serials = store.run(["sql", "--format", "jsonl", "SELECT count(*) AS n FROM event"]).expect_code(&[0]).json_lines();
    assert_eq!(integer(&serials[0], "n"), total, "{what}: rows of the envelope");
}

/// The serial numbers in the typed tables: each event's fields are there once.
fn assert_fields_complete(store: &TestStore, what: &str) {
    let mut serials = BTreeSet::new();
    let mut rows = 0;
    for code in 4_000..4_007 {
        let sql = format!("SELECT Serial FROM security_{code}");
        for row in store.run(["sql", "--format", "jsonl", &sql]).expect_code(&[0]).json_lines() {
            rows += 1;
            serials.insert(text(&row, "Serial").to_owned());
        }
    }
    let total = usize::try_from(EVENTS.iter().sum::<i64>()).expect("a count");
    assert_eq!((serials.len(), rows), (total, total), "{what}: serial numbers");
}

#[test]
fn loads_killed_at_any_instant_are_completed_by_the_next() {
    let original = TestStore::new();
    let input = inputs(&original);
    let load = |store: &TestStore| {
        let mut load = command();
        load.arg("load").arg(&input).arg("--store").arg(store.path());
        load
    };
    let is_whole = |store: &TestStore, what: &str| {
        // It may be killed before there is a store: the file is empty then.
        let version = |connection: rusqlite::Connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        if store.path().exists() && version(rusqlite::Connection::open(store.path()).expect("a file")).expect("a version") > 0 {
            let verified = store.run(["store", "verify"]);
            assert_eq!(verified.code, 0, "{what}: {}{}", verified.stdout, verified.stderr);
        }
    };
    let is_complete = |store: &TestStore, what: &str| {
        assert_complete(store, what);
        assert_fields_complete(store, what);
    };
    let fresh = |_| TestStore::new();
    let killed =
        Killed { name: "load", kills: 10, fresh: &fresh, command: &load, again: &[0], is_whole: &is_whole, is_complete: &is_complete };
    killed.survive();
}
