//! Stores of every version before this one are brought up to date, whole, with the findings that they had.

use std::cell::{Cell, RefCell};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use flate2::read::GzDecoder;
use rusqlite::Connection;

use super::{assert_whole, evidence, findings, identities};
use crate::support::binary::{TestStore, command};
use crate::support::kill::Killed;

/// Versions of which `tests/fixtures/stores` has a store.
const VERSIONS: std::ops::RangeInclusive<i64> = 1..=5;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stores")
}

/// The store of a version.
fn of_version(version: i64) -> TestStore {
    let store = TestStore::new();
    let path = fixtures().join(format!("version-{version}.db.gz"));
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(&path).expect("a fixture")).read_to_end(&mut bytes).expect("a gzip file");
    std::fs::write(store.path(), bytes).expect("a store");
    assert_eq!(version_of(&store), version);
    store
}

fn version_of(store: &TestStore) -> i64 {
    Connection::open(store.path()).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// Runs a command where the fixtures are: paths of sources are as they were when the stores were made.
fn run_there(store: &TestStore, arguments: &[&str]) -> i32 {
    let mut command = command();
    command.current_dir(fixtures()).args(arguments).arg("--store").arg(store.path()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("the program starts").code().unwrap_or(-1)
}

/// A store that this version makes of the same files.
fn of_today() -> TestStore {
    let store = TestStore::new();
    assert_eq!(run_there(&store, &["load", "input.jsonl", "more.jsonl"]), 0);
    assert_eq!(run_there(&store, &["hunt", "--rules", "rules.yml"]), 0);
    store
}

/// All events with their fields.
fn events(store: &TestStore) -> Vec<String> {
    let queries = [
        "SELECT _time, _host, _record, TargetUserName, List, Serial FROM security_4624",
        "SELECT _time, _host, _record, TargetUserName, List, \"When\" FROM security_4625",
        "SELECT _time, _record, CommandLine, Image, \"image~\" FROM sysmon_1",
        "SELECT _id, Message FROM messages",
    ];
    queries
        .iter()
        .flat_map(|sql| {
            store.run(["sql", sql, "--format", "jsonl"]).expect_code(&[0]).stdout.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn stores_of_older_versions_are_brought_up_to_date_and_find_what_they_found() {
    let today = of_today();
    assert_whole(&today, "today's");
    for version in VERSIONS {
        let what = format!("version {version}");
        let store = of_version(version);
        let before: Vec<String> = {
            let connection = Connection::open(store.path()).unwrap();
            let mut select = connection.prepare("SELECT finding_id FROM finding ORDER BY 1").unwrap();
            select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert!(store.run(["store", "verify"]).expect_code(&[1]).stderr.contains("older program"), "{what}");
        assert_eq!(version_of(&store), version, "{what}: who reads changes nothing");
        // Loading the same files brings it up to date and nothing else.
        assert_eq!(run_there(&store, &["load", "input.jsonl", "more.jsonl"]), 0, "{what}");
        assert_whole(&store, &what);
        assert_eq!(events(&store), events(&today), "{what}");
        assert_eq!(identities(&store), before, "{what}");
        assert_eq!(run_there(&store, &["hunt", "--rules", "rules.yml"]), 0, "{what}");
        assert_whole(&store, &what);
        assert_eq!(identities(&store), before, "{what}");
        assert_eq!((findings(&store), evidence(&store)), (findings(&today), evidence(&today)), "{what}");
        for arguments in
            [&["store", "purge", "--before", "2024-03-01T00:05:00"][..], &["store", "drop-source", "more.jsonl"], &["store", "compact"]]
        {
            assert_eq!(run_there(&store, arguments), 0, "{what}: {arguments:?}");
            assert_whole(&store, &format!("{what}: {arguments:?}"));
        }
        // What was dropped is where events were met too, and no longer; those of its own are kept.
        let left: Vec<String> = evidence(&today).into_iter().filter(|line| !line.contains("more.jsonl")).collect();
        assert_eq!(evidence(&store), left, "{what}");
    }
}

#[test]
fn a_store_of_an_older_version_is_copied_as_it_is_and_merged_once_it_is_up_to_date() {
    for version in VERSIONS {
        let (store, copy) = (of_version(version), TestStore::new());
        let done = store.run(["store", "backup", &copy.path().to_string_lossy()]).expect_code(&[0]);
        assert!(done.stderr.contains("older version"), "{}", done.stderr);
        assert_eq!((version_of(&store), version_of(&copy)), (version, version));
        let own = TestStore::new();
        assert_eq!(run_there(&own, &["load", "more.jsonl"]), 0);
        assert_eq!(run_there(&own, &["store", "merge", &copy.path().to_string_lossy()]), 1);
        assert_eq!(run_there(&copy, &["hunt", "--rules", "rules.yml"]), 0);
        assert_eq!(run_there(&own, &["store", "merge", &copy.path().to_string_lossy()]), 0);
        assert_whole(&own, "merged");
        assert_eq!(own.number("SELECT count(*) FROM events"), 23);
    }
}

/// Rules that are added to a store, so that bringing it up to date takes a while: they have no findings.
const MORE_RULES: i64 = 20_000;

/// The store of a version with many rules.
fn large_of_version(version: i64) -> TestStore {
    let store = of_version(version);
    let connection = Connection::open(store.path()).unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO rule (rule_id, hash, title, path, language, level, techniques, tactics, stories)
        SELECT 'more' || i, i, 'Rule ' || i, 'more.yml', 'sigma', CASE i % 3 WHEN 0 THEN '' WHEN 1 THEN 'high' ELSE 'Correlation' END, '[]', '[]', '[]'
        FROM n";
    connection.execute(sql, [MORE_RULES]).unwrap();
    connection.close().unwrap();
    store
}

/// What migrations make of rules: it is the same however often they were begun.
fn rules_of(store: &TestStore) -> Vec<(String, String, i64)> {
    let connection = Connection::open(store.path()).unwrap();
    let mut select = connection.prepare("SELECT rule_id, severity, reads_findings FROM rule ORDER BY rule_id").unwrap();
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_store_that_is_brought_up_to_date_can_be_killed_at_any_instant() {
    let today = of_today();
    let current = version_of(&today);
    for version in VERSIONS {
        let large = large_of_version(version);
        let expected: RefCell<Option<Vec<(String, String, i64)>>> = RefCell::default();
        let cut = Cell::new(0);
        let killed = Killed {
            name: &format!("version {version} brought up to date"),
            kills: 2,
            fresh: &|_| {
                let copy = TestStore::new();
                std::fs::copy(large.path(), copy.path()).expect("a copy");
                copy
            },
            // It reads nothing, because all is known: what it does is what any command does with an older store.
            command: &|store| {
                let mut load = command();
                load.current_dir(fixtures()).args(["load", "input.jsonl", "more.jsonl", "--store"]).arg(store.path());
                load
            },
            again: &[0],
            is_whole: &|store, what| {
                // What is left of a transaction that was cut short; opening the store takes it back.
                let is_left =
                    |ending: &str| std::fs::metadata(store.folder().join(format!("test.db-{ending}"))).is_ok_and(|left| left.len() > 0);
                let is_cut = is_left("journal") || is_left("wal");
                let connection = Connection::open(store.path()).unwrap();
                let checked: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
                assert_eq!(checked, "ok", "{what}");
                drop(connection);
                match version_of(store) {
                    now if now == current => assert_whole(store, what),
                    now => {
                        assert_eq!(now, version, "{what}");
                        cut.set(cut.get() + i32::from(is_cut));
                    }
                }
            },
            is_complete: &|store, what| {
                assert_eq!(version_of(store), current, "{what}");
                let expected = &mut *expected.borrow_mut();
                let rules = rules_of(store);
                assert!(rules.len() > usize::try_from(MORE_RULES).unwrap(), "{what}");
                assert!(&rules == expected.get_or_insert_with(|| rules.clone()), "{what}");
                assert_eq!(events(store), events(&today), "{what}");
                assert_eq!(run_there(store, &["hunt", "--rules", "rules.yml"]), 0, "{what}");
                assert_eq!((findings(store), evidence(store)), (findings(&today), evidence(&today)), "{what}");
                assert_eq!(identities(store), identities(&today), "{what}");
            },
        };
        killed.survive();
        println!("version {version}: {} of them between two versions", cut.get());
    }
}
