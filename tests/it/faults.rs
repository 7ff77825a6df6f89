//! Commands under faults and hostile stores: what is asked ends, says why, and harms nothing.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::binary::{Output, TestStore, command, finish};
use crate::support::memory::watched;
use crate::support::samples::{security_line, sigma_rule};

/// A store with one event.
fn loaded() -> TestStore {
    let store = TestStore::new();
    let input = store.file("events.jsonl", security_line(1, 4624, ""));
    store.load([&input]);
    store
}

#[test]
fn a_result_of_any_length_and_width_needs_the_same_memory() {
    let store = loaded();
    let columns = vec!["NULL"; 400].join(",");
    let rows = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 20000)";
    for format in ["csv", "table"] {
        let mut sql = command();
        sql.args(["sql", &format!("{rows} SELECT {columns} FROM c"), "--format", format])
            .arg("--store")
            .arg(store.path())
            .stdout(Stdio::null());
        let ended = watched(&mut sql, store.folder(), Duration::from_secs(240));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("20,000 rows"), "{}", ended.stderr);
        assert!(ended.peak_kb < 120_000, "{format}: {} kB", ended.peak_kb);
    }
}

#[test]
fn a_row_that_is_too_big_for_the_memory_is_an_error_with_a_word() {
    let store = loaded();
    let columns = vec!["printf('%.*c', 100000000, 'x')"; 20].join(", ");
    let output = store.run(["sql", &format!("SELECT {columns}")]).expect_code(&[1]);
    assert!(output.stderr.contains("needs more than 512 MiB of memory"), "{}", output.stderr);
}

#[test]
fn the_rows_before_a_fault_are_written_and_the_exit_code_says_that_they_are_not_all() {
    let store = loaded();
    let sql = "SELECT CASE WHEN x < 3 THEN x ELSE abs(-9223372036854775807 - 1) END AS n FROM \
               (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 5) SELECT x FROM c)";
    let output = store.run(["sql", sql, "--format", "json"]).expect_code(&[1]);
    assert_eq!(output.stdout, "[\n  {\"n\":1},\n  {\"n\":2}\n]\n");
    assert!(output.stderr.contains("integer overflow"), "{}", output.stderr);
}

/// Loads from a pipe into a store of which `change` makes something else once the load has it open.
fn load_while(store: &TestStore, change: impl FnOnce(&Path)) -> Output {
    let mut load = command();
    load.args(["load", "-"]).arg("--store").arg(store.path()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = load.spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let log = store.folder().join("test.db-wal");
    let started = Instant::now();
    while !log.exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "the load opens its store");
        std::thread::yield_now();
    }
    change(store.path());
    let lines: String = (1..2_000).map(|n| security_line(n, 4624, "")).collect();
    drop(input.write_all(lines.as_bytes())); // a load that has ended reads no more
    drop(input);
    let output = child.wait_with_output().expect("a child");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Output { code: output.status.code().unwrap_or(-1), stdout: String::new(), stderr: text(output.stderr) }
}

/// Names of the files in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_store_that_goes_away_under_a_load_is_an_error_and_its_successor_is_not_touched() {
    let store = TestStore::new();
    let output = load_while(&store, |path| std::fs::remove_file(path).expect("the store")).expect_code(&[1]);
    assert!(output.stderr.contains("was removed or replaced"), "{}", output.stderr);
    assert!(names_in(store.folder()).is_empty(), "{:?}", names_in(store.folder()));

    let (store, other) = (TestStore::new(), loaded());
    let before = std::fs::read(other.path()).expect("a store");
    let output = load_while(&store, |path| std::fs::rename(other.path(), path).expect("one file system")).expect_code(&[1]);
    assert!(output.stderr.contains("was removed or replaced"), "{}", output.stderr);
    assert_eq!(names_in(store.folder()), ["test.db"]);
    assert!(std::fs::read(store.path()).expect("a store") == before);
    assert_eq!(store.number("SELECT count(*) FROM events"), 1);
}

/// A hunt that ends, and what it leaves.
#[test]
fn every_command_leaves_one_file_without_a_log() {
    let store = loaded();
    let rule = store.file("rule.yml", sigma_rule("bbbbbbbb-0000-4000-8000-000000000002", "EventID: 4624"));
    let rule = rule.to_string_lossy().into_owned();
    for arguments in [
        &["sources"][..],
        &["hunt", "--rules", &rule],
        &["findings"],
        &["findings", "show", "1"],
        &["explain", &rule],
        &["compile", &rule],
        &["check", "--against-store", &rule],
        &["sql", "SELECT count(*) FROM events"],
    ] {
        store.run(arguments).expect_code(&[0]);
        let bytes = std::fs::read(store.path()).expect("a store");
        assert_eq!(bytes[18..20], [1, 1], "{arguments:?}: the header says that there is no log");
        assert_eq!(names_in(store.folder()), ["events.jsonl", "rule.yml", "test.db"], "{arguments:?}");
    }
}

#[test]
fn a_store_is_read_where_nothing_can_be_written() {
    let store = loaded();
    let folder = store.folder().to_string_lossy().into_owned();
    // A file system of this process and its children only, so nothing is left of it.
    let read_only = |then: &str| {
        let script = format!("mount --bind '{folder}' '{folder}' && mount -o remount,ro,bind '{folder}' '{folder}' && {then}");
        finish(Command::new("unshare").args(["--mount", "sh", "-c", &script]))
    };
    if !Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success()) || read_only("true").code != 0 {
        println!("skipped: mounting is not permitted here");
        return;
    }
    let (program, path) = (env!("CARGO_BIN_EXE_retrohunt"), store.path().to_string_lossy().into_owned());
    for arguments in ["sources", "findings", "sql 'SELECT * FROM events'"] {
        read_only(&format!("'{program}' {arguments} --store '{path}'")).expect_code(&[0]);
    }
    let output = read_only(&format!("'{program}' load '{folder}/events.jsonl' --store '{path}'")).expect_code(&[1]);
    assert!(output.stderr.contains("its folder must be writable"), "{}", output.stderr);
}

#[test]
fn a_store_needs_a_name_of_a_file() {
    let folder = TestStore::new();
    let input = folder.file("events.jsonl", security_line(1, 4624, ""));
    for (name, said) in [(":memory:", "a store is a file"), ("", "a value is required"), ("..", "not the name of a file")] {
        let mut load = command();
        let output = finish(load.current_dir(folder.folder()).arg("load").arg(&input).args(["--store", name])).expect_code(&[1, 2]);
        assert!(output.stderr.contains(said), "{name}: {}", output.stderr);
    }
    assert_eq!(names_in(folder.folder()), ["events.jsonl"]);
}

#[test]
fn a_store_of_a_stranger_keeps_no_command_busy() {
    let endless = "WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x+1 FROM c)";
    let planted = [
        format!("DROP TABLE watermark; CREATE VIEW watermark AS {endless} SELECT 1 AS id, (SELECT max(x) FROM c) AS last_event, -1 AS views_for"),
        format!("DROP TABLE finding; CREATE VIEW finding AS {endless} SELECT x AS id FROM c"),
        "DROP TABLE value; CREATE VIEW value AS SELECT 1 AS id, 2 AS hash, group_concat(printf('%.*c', 100000000, 'x')) AS text, 0 AS is_list FROM event a"
            .to_owned(),
        format!("CREATE VIEW planted AS {endless} SELECT x FROM c"),
    ];
    for sql in planted {
        let store = loaded();
        let database = rusqlite::Connection::open(store.path()).expect("a store");
        database.execute_batch(&sql).expect("the store's schema has these names");
        drop(database);
        let rule = store.file("rule.yml", sigma_rule("bbbbbbbb-0000-4000-8000-000000000003", "EventID: 4624"));
        let (rule, events) = (rule.to_string_lossy(), store.folder().join("events.jsonl"));
        for arguments in [
            &["sources"][..],
            &["findings"],
            &["findings", "show", "1"],
            &["explain", &rule],
            &["hunt", "--rules", &rule],
            &["load", &events.to_string_lossy()],
            &["sql", "SELECT 1 FROM events"],
        ] {
            let output = store.run(arguments).expect_code(&[1]);
            assert!(output.stderr.contains("a structure that this program does not write"), "{sql}: {arguments:?}: {}", output.stderr);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_limit_of_file_sizes_is_told() {
    let store = TestStore::new();
    let lines: String = (1..20_000).map(|n| security_line(n, 4624, &format!(r#","A":"{n}""#))).collect();
    let input = store.file("events.jsonl", lines);
    let script = format!(
        "ulimit -f 400; exec '{}' load '{}' --store '{}'",
        env!("CARGO_BIN_EXE_retrohunt"),
        input.display(),
        store.path().display()
    );
    let output = finish(Command::new("sh").args(["-c", &script])).expect_code(&[1]);
    assert!(output.stderr.contains("ulimit -f"), "{}", output.stderr);
    store.load([&input]);
    assert_eq!(store.number("SELECT count(*) FROM events"), 19_999);
}

#[test]
fn an_unclean_store_says_what_to_do() {
    let store = loaded();
    let whole = std::fs::read(store.path()).expect("a store");
    for (bytes, said) in [(&whole[..8_192], "is cut off"), (&whole[..whole.len() - 100], "is cut off")] {
        std::fs::write(store.path(), bytes).expect("a file of the test");
        for arguments in [&["sources"][..], &["load", "/dev/null"]] {
            let output = store.run(arguments).expect_code(&[1]);
            assert!(output.stderr.contains(said) && output.stderr.contains("Load the archives again"), "{}", output.stderr);
        }
    }
}
