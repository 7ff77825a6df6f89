//! Loading what is known: a hash, no parse; and what must be read again all the same.

use std::path::PathBuf;

use retrohunt::load::{LoadOptions, LoadSummary, load};
use retrohunt::reader::ReadOptions;
use retrohunt::store::Store;

use crate::support::binary::{TestStore, text};
use crate::support::samples::{gzip, security_line, zip};

fn load_into(store: &TestStore, paths: &[PathBuf], read: ReadOptions) -> (LoadSummary, u64) {
    let mut events = 0;
    let mut opened = Store::open(store.path()).expect("a store");
    let mut options = LoadOptions::default();
    options.read = read;
    let summary = load(&mut opened, paths, &options, &mut |step| {
        if let retrohunt::load::LoadProgress::Events { events: written, .. } = step {
            events = written;
        }
    });
    (summary.expect("a load"), events)
}

/// A file, a compressed one, and an archive of four: two logs, a copy, a note.
fn inputs(store: &TestStore) -> PathBuf {
    let [one, two, three] = [1, 2, 3].map(|n| security_line(n, 4624, ""));
    store.file("in/plain.jsonl", &one);
    store.file("in/packed.jsonl.gz", gzip(two.as_bytes()));
    let members = [("a.jsonl", three.as_bytes()), ("b/b.jsonl", one.as_bytes()), ("c.jsonl", three.as_bytes()), ("note.md", b"a note")];
    store.file("in/case.zip", zip(&members));
    store.folder().join("in")
}

#[test]
fn known_files_and_archives_are_not_read_again() {
    let store = TestStore::new();
    let folder = inputs(&store);
    let (first, written) = load_into(&store, std::slice::from_ref(&folder), ReadOptions::default());
    assert!(written >= 3, "{written}");
    let rows = store.sources();
    let (again, written) = load_into(&store, &[folder], ReadOptions::default());
    assert_eq!(written, 0, "nothing was parsed");
    let outcome = |summary: &LoadSummary| -> Vec<(String, String, u64, bool)> {
        summary.sources.iter().map(|s| (s.path.clone(), s.format.clone(), s.report.events, s.report.skipped.is_some())).collect()
    };
    assert_eq!(outcome(&again), outcome(&first), "and all are there, as they were");
    assert!(again.sources.iter().all(|s| s.new_events == 0 && (s.duplicate || s.report.skipped.is_some())));
    assert_eq!(store.sources(), rows, "the ledger has each path and its bytes once");
}

#[test]
fn known_bytes_under_another_path_are_put_down_with_it() {
    let store = TestStore::new();
    let folder = inputs(&store);
    store.load([&folder]);
    let moved = store.folder().join("moved");
    std::fs::rename(&folder, &moved).expect("a folder");
    let (summary, written) = load_into(&store, &[moved], ReadOptions::default());
    assert_eq!((written, summary.sources.len()), (0, 6));
    let paths: Vec<String> =
        store.sources().iter().map(|row| text(row, "path").to_owned()).filter(|path| path.contains("/moved/")).collect();
    assert_eq!(paths.len(), 6, "{paths:?}");
    assert!(paths.iter().any(|path| path.ends_with("/moved/case.zip!/b/b.jsonl")), "{paths:?}");
}

#[test]
fn a_known_member_of_a_new_archive_is_not_read_again() {
    let store = TestStore::new();
    let line = security_line(1, 4624, "");
    store.load([store.file("one.jsonl", &line)]);
    let archive = store.file("new.zip", zip(&[("one.jsonl", line.as_bytes())]));
    let (summary, written) = load_into(&store, &[archive], ReadOptions::default());
    assert_eq!((written, summary.sources.len(), summary.sources[0].duplicate), (0, 1, true));
}

#[test]
fn other_options_and_damaged_files_are_read_again() {
    let store = TestStore::new();
    let good = store.file("good.jsonl", security_line(1, 4624, ""));
    let damaged = store.file("damaged.jsonl", format!("{}{{\"EventID\":", security_line(2, 4624, "")));
    let paths = [good, damaged];
    load_into(&store, &paths, ReadOptions::default());
    let (again, written) = load_into(&store, &paths, ReadOptions::default());
    assert_eq!((written, again.is_partial()), (1, true), "the damaged one, and it is told again");
    let mut carving = ReadOptions::default();
    carving.recover = true;
    let (_, written) = load_into(&store, &paths, carving);
    assert_eq!(written, 2, "with another option all");
    assert_eq!(store.sources().len(), 2);
    assert_eq!(store.number("SELECT count(*) FROM events"), 2);
}

#[test]
fn what_is_read_of_the_same_bytes_only_now_is_added() {
    let store = TestStore::new();
    // Events without a record number, which only their place tells apart.
    let rows: String = (0..20).map(|n| format!("{{\"@timestamp\":\"2024-01-01T00:00:{n:02}Z\",\"user\":\"u{}\"}}\n", n % 3)).collect();
    let log = store.file("log.jsonl", &rows);
    load_into(&store, std::slice::from_ref(&log), ReadOptions::default());
    // As if an earlier program had read less of it.
    let raw = rusqlite::Connection::open(store.path()).expect("a store");
    raw.execute_batch("UPDATE source SET events = 15, reader = 'old', last_event = 15; DELETE FROM event WHERE id > 15; DELETE FROM e1 WHERE _id > 15; UPDATE watermark SET last_event = 15")
        .expect("a change");
    drop(raw);
    let (summary, _) = load_into(&store, &[log], ReadOptions::default());
    assert_eq!((summary.sources[0].new_events, summary.sources[0].duplicate), (5, false));
    assert_eq!(store.number("SELECT count(*) FROM events"), 20);
    assert_eq!(store.number("SELECT count(DISTINCT _time) FROM events"), 20);
}
