//! What cannot be judged: each is said with its line, and the exit code is that of an error.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{export, match_with, odd_lines, rule};
use crate::support::binary::{TestStore, command};

struct Lake {
    store: TestStore,
    lake: PathBuf,
    rules: PathBuf,
}

/// A lake of one event type with texts and lists, and rare ones beside it.
fn lake() -> Lake {
    let store = TestStore::new();
    store.load([store.file("odd.jsonl", odd_lines())]);
    let lake = export(&store);
    let rules = store.file("rule.yml", rule(1, "    it:\n        CommandLine: x"));
    Lake { store, lake, rules }
}

impl Lake {
    /// Judges a good row and a bad one; returns what was said.
    #[track_caller]
    fn refused(&self, row: &str) -> String {
        let good = "1\t{\"CommandLine\":\"x\",\"_view\":\"sysmon_1\",\"type\":\"sysmon_1\"}";
        let output = match_with(&self.rules, &self.lake, "sysmon_1", &format!("{good}\n{row}\n{good}\n")).expect_code(&[1]);
        let said = output.stderr.replace('\n', " ");
        assert!(said.contains("not all rows were judged") && said.contains("line 2"), "{said}");
        said
    }
}

#[test]
fn a_line_that_is_not_a_row_of_the_type_is_an_error_with_its_number() {
    let lake = lake();
    let cases: Vec<(String, &str)> = [
        ("", "it ends where an object should be"),
        ("5", "byte 1 is `5`, where an object should be"),
        ("5\t", "it ends where an object should be"),
        ("5\tnull", "byte 1 is `n`, where an object should be"),
        ("5\t{\"CommandLine\":\"x\"", "it ends where `,` or `}` should be"),
        ("5\t{\"CommandLine\":\"x\"} {}", "where the end of the line should be"),
        ("{\"CommandLine\":\"x\"}", "it has no id"),
        ("\t{\"CommandLine\":\"x\"}", "it has no id"),
        ("\\N\t{\"CommandLine\":\"x\"}", "it has no id"),
        ("{\"_id\":null,\"CommandLine\":\"x\"}", "it has no id"),
        ("{\"_id\":[\"a\"]}", "`_id` is not a text"),
        ("{\"_id\":\"a\\tb\"}", "has a tab or a line break in it"),
        ("5\t{\"Unheard\":\"x\"}", "it has the column `Unheard`, which the catalog does not know"),
        ("5\t{\"commandline\":\"x\"}", "it has the column `commandline`, which the catalog does not know"),
        ("5\t{\"_view\":\"sysmon_3\"}", "it is one of `sysmon_3`"),
        ("5\t{\"type\":\"sysmon_3\"}", "it is one of `sysmon_3`"),
        ("5\t{\"CommandLine\":[\"x\"]}", "`CommandLine` is not a text, as the catalog says"),
        ("5\t{\"CommandLine\":5}", "`CommandLine` is not a text, as the catalog says"),
        ("5\t{\"CommandLine\":{\"a\":\"b\"}}", "where a text, a list of texts, a number should be"),
        ("5\t{\"Image\":\"x\"}", "`Image` is not a list of texts, as the catalog says"),
        ("5\t{\"Image\":[]}", "the list in `Image` is empty"),
        ("5\t{\"Image\":[\"a\",null]}", "where a text should be"),
        ("5\t{\"CommandLine\":\"x\",\"CommandLine\":\"y\"}", "it has the column `CommandLine` twice"),
        ("5\t{\"_time\":\"2024-01-01T00:00:00Z\"}", "it has `_time` and no `_time_us`"),
        ("5\t{\"_time_us\":1.5}", "`_time_us` is not a whole number of 64 bits"),
        ("5\t{\"_number\":\"7\"}", "`_number` is not a whole number of 64 bits"),
        ("5\t{\"_other\":\"{\\\"x\\\":\\\"y\\\"}\"}", "`_other` has the unknown field `x`"),
        ("5\t{\"_other\":\"[1]\"}", "`_other` is not a JSON object"),
    ]
    .map(|(row, expected)| (row.to_owned(), expected))
    .into();
    for (row, expected) in &cases {
        let said = lake.refused(row);
        assert!(said.contains(expected), "{row}: {said}");
    }
}

#[test]
fn what_is_null_is_not_there_whatever_the_column() {
    let lake = lake();
    let row = "1\t{\"CommandLine\":\"x\",\"Image\":null,\"_time\":null,\"_other\":null,\"_message\":null}\n";
    let output = match_with(&lake.rules, &lake.lake, "sysmon_1", row).expect_code(&[0]);
    assert_eq!(output.stdout.lines().count(), 1);
}

#[test]
fn bytes_that_are_no_text_and_a_line_without_end_are_errors() {
    let lake = lake();
    let judge = |input: &[u8]| {
        let input = lake.store.file("rows", input);
        let mut command = command();
        command.args(["match", "--type", "sysmon_1", "--catalog"]).arg(&lake.lake).arg("--rules").arg(&lake.rules);
        crate::support::binary::finish(command.stdin(std::fs::File::open(input).unwrap())).expect_code(&[1]).stderr.replace('\n', " ")
    };
    let said = judge(b"1\t{\"CommandLine\":\"\xff\"}\n");
    assert!(said.contains("line 1 is not a row of the view `sysmon_1`: byte 19 is not UTF-8"), "{said}");
    let endless = [b"1\t{\"CommandLine\":\"".to_vec(), vec![b'x'; (64 << 20) + 10]].concat();
    assert!(judge(&endless).contains("it has more than 67108864 bytes"));
}

#[test]
fn a_reader_that_goes_away_is_an_error_here() {
    let lake = lake();
    let rows: String = (0..20_000).map(|id| format!("{id}\t{{\"CommandLine\":\"x\"}}\n")).collect();
    let input = lake.store.file("rows", rows);
    let mut command = command();
    command.args(["match", "--type", "sysmon_1", "--catalog"]).arg(&lake.lake).arg("--rules").arg(&lake.rules);
    command.stdin(std::fs::File::open(input).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("cannot write"), "{:?} {said}", output.status);
}

/// What is said where nothing is read.
#[track_caller]
fn said(rules: &Path, catalog: &Path, view: &str) -> String {
    match_with(rules, catalog, view, "").expect_code(&[1]).stderr.replace('\n', " ")
}

#[test]
fn a_wrong_catalog_is_an_error_before_the_first_line() {
    let Lake { store, lake, rules } = lake();
    let whole: Value = serde_json::from_slice(&std::fs::read(lake.join("_catalog.json")).unwrap()).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut catalog = whole.clone();
        change(&mut catalog);
        store.file("changed.json", catalog.to_string())
    };
    let absent = store.folder().join("absent");
    assert!(said(&rules, &absent, "sysmon_1").contains("cannot read"));
    let text = store.file("text.json", "no JSON");
    assert!(said(&rules, &text, "sysmon_1").contains("is not a catalog of a lake"));
    let cases: [(&dyn Fn(&mut Value), &str); 4] = [
        (&|catalog| catalog["version"] = json!(7), "has version 7; this program reads version 1"),
        (&|catalog| catalog["format"] = json!("other"), "its `format` is not `retrohunt-lake`"),
        (&|catalog| drop(catalog.as_object_mut().unwrap().remove("views")), "missing field `views`"),
        (&|catalog| catalog["views"][0]["columns"][0]["list"] = json!("x"), "invalid type"),
    ];
    for (change, expected) in cases {
        let said = said(&rules, &changed(change), "sysmon_1");
        assert!(said.contains(expected), "{said}");
    }
    let said_of_view = said(&rules, &lake, "sysmon_2");
    assert!(said_of_view.contains("has no view `sysmon_2`; did you mean `sysmon_1`?"), "{said_of_view}");
}

#[test]
fn rules_that_are_not_there_or_do_not_compile_are_told() {
    let Lake { store, lake, rules } = lake();
    let broken = store
        .file("broken.yml", "title: x\nlogsource:\n    product: windows\ndetection:\n    it:\n        A|nosuch: x\n    condition: it\n");
    assert!(said(&broken, &lake, "sysmon_1").contains("none of the rules compiles"));
    assert!(said(&store.folder().join("absent.yml"), &lake, "sysmon_1").contains("there is no rule file or folder"));
    // Others go on, and the exit code is that of a worker that has judged every row.
    let both = store.folder().join("both");
    std::fs::create_dir(&both).unwrap();
    for file in [&broken, &rules] {
        std::fs::copy(file, both.join(file.file_name().unwrap())).unwrap();
    }
    let output = match_with(&both, &lake, "sysmon_1", "1\t{\"CommandLine\":\"x\"}\n").expect_code(&[0]);
    assert!(output.stdout.lines().count() == 1 && output.stderr.contains("nosuch"), "{output:?}");
}

/// A pattern that goes back and forth in a value for too long: then the rule was not asked of all rows.
#[test]
fn a_rule_that_cannot_be_run_is_an_error_with_its_name() {
    let lake = lake();
    let search =
        r#"index=* source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" EventCode=1 | where match(CommandLine, "^(?:(a+)\1?)+b")"#;
    let rules = lake.store.file("computed.yml", crate::support::samples::escu_rule("computed", search));
    let rows = format!("1\t{{\"CommandLine\":\"aab\"}}\n2\t{{\"CommandLine\":\"{}\"}}\n", "a".repeat(60));
    let output = match_with(&rules, &lake.lake, "sysmon_1", &rows).expect_code(&[1]);
    let said = output.stderr.replace('\n', " ");
    assert!(said.contains("line 2") && said.contains("the rule `computed` cannot be run"), "{said}");
}
