//! Commands under faults and hostile stores: what is asked ends, says why, and harms nothing.

use std::process::Stdio;
use std::time::Duration;

use crate::support::binary::{TestStore, command};
use crate::support::memory::watched;
use crate::support::samples::security_line;

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
