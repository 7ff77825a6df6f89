//! `compile` against the catalog of a lake: what it prints, and what it tells.

use std::path::PathBuf;

use crate::support::binary::{Output, run};

const CATALOG: &str = r#"{"format": "retrohunt-lake", "version": 1, "events": 2, "first_time": null, "last_time": null,
    "sources": [], "archives": [],
    "parts": [{"path": "type=sysmon_1/part-00000.parquet", "rows": 2, "bytes": 9, "sha256": "", "first_time": null, "last_time": null}],
    "views": [
    {"view": "sysmon_1", "product": "windows", "dataset": "Microsoft-Windows-Sysmon/Operational", "code": "1", "folder": "type=sysmon_1",
     "rare": false, "events": 2, "has_messages": false, "columns": [
        {"field": "Image", "column": "Image", "list": false}, {"field": "CommandLine", "column": "CommandLine", "list": false},
        {"field": "Hashes", "column": "Hashes", "list": true}, {"field": "Deep", "column": null, "list": false}]}]}"#;

fn rule(id: u8, category: &str, condition: &str) -> String {
    format!(
        "title: Rule {id}\nid: {id:08}-2222-4222-8222-222222222222\nstatus: test\nlogsource:\n    product: windows\n    category: {category}\n\
         detection:\n    selection:\n        {condition}\n    condition: selection\nlevel: high\n---\n"
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(rules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("_catalog.json"), CATALOG).unwrap();
        std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn compile(&self, dialect: &str, more: &[&str]) -> Output {
        let (rules, catalog) = (self.path("rules.yml"), self.path(""));
        let fixed = ["compile", rules.to_str().unwrap(), "--dialect", dialect, "--catalog", catalog.to_str().unwrap()];
        run(fixed.iter().chain(more))
    }
}

#[test]
fn a_rule_becomes_a_statement_over_the_table_of_its_events() {
    let folder = Folder::new(&rule(1, "process_creation", "Image|endswith: '\\it''s.EXE'"));
    for (dialect, from, filter) in [
        (
            "spark",
            "`sysmon_1` AS v",
            r"endswith(translate(v.`Image`, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'), '\\it\'s.exe')",
        ),
        ("clickhouse", "`sysmon_1` AS v", r"endsWith(lower(v.`Image`), '\\it\'s.exe')"),
        (
            "duckdb",
            "\"sysmon_1\" AS v",
            r#"ends_with(translate(v."Image", 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'), '\it''s.exe')"#,
        ),
    ] {
        let text = folder.compile(dialect, &["--since", "2024-01-01"]).expect_code(&[0]).stdout;
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace(" )", ")");
        assert!(flat.contains(from) && flat.contains(filter), "{flat}");
        assert!(flat.contains("_time_us >= 1704067200000000"), "{flat}");
    }
}

#[test]
fn what_has_no_form_or_no_events_is_told_with_its_place() {
    let rules = [
        rule(1, "process_creation", "CommandLine|re: '\\bwhoami'"),
        rule(2, "image_load", "ImageLoaded|endswith: x"),
        rule(3, "process_creation", "ParentImage: x"),
        rule(4, "process_creation", "Deep: x"),
        rule(5, "process_creation", "Image: [a, b]"),
    ];
    let folder = Folder::new(&rules.concat());
    for dialect in ["spark", "clickhouse", "duckdb"] {
        let text = folder.compile(dialect, &[]).expect_code(&[3]).stdout;
        let told: Vec<&str> = text.lines().filter(|line| line.contains("rules.yml:")).collect();
        let path = folder.path("rules.yml").display().to_string();
        for (code, place) in
            [("not-portable", ":9:"), ("store-logsource-absent", ":16:"), ("store-field-absent", ":33:"), ("not-portable", ":45:")]
        {
            let is_told = |line: &&&str| line.contains(&format!("-- {code}: ")) && line.contains(&format!("({path}{place}"));
            assert_eq!(told.iter().filter(is_told).count(), 1, "{code} {place}\n{text}");
        }
        assert_eq!((told.len(), text.matches("SELECT").count(), text.matches("-- Rule").count()), (4, 1, 5), "{text}");
    }
}

#[test]
fn a_catalog_that_is_none_is_an_error_that_names_it() {
    let folder = Folder::new(&rule(1, "process_creation", "Image: x"));
    let refused = folder.compile("sqlite", &[]).expect_code(&[1]);
    assert!(refused.stderr.contains("--catalog"), "{}", refused.stderr);
    std::fs::write(folder.path("_catalog.json"), CATALOG.replace("\"version\": 1", "\"version\": 9")).unwrap();
    let other = folder.compile("spark", &[]).expect_code(&[1]);
    assert!(other.stderr.contains("_catalog.json") && other.stderr.contains("version 9"), "{}", other.stderr);
    std::fs::remove_file(folder.path("_catalog.json")).unwrap();
    let none = folder.compile("spark", &[]).expect_code(&[1]);
    assert!(none.stderr.contains("_catalog.json"), "{}", none.stderr);
    let (rules, store) = (folder.path("rules.yml"), folder.path("no.db"));
    let neither = run(["compile", rules.to_str().unwrap(), "--dialect", "duckdb", "--store", store.to_str().unwrap()]).expect_code(&[1]);
    assert!(neither.stderr.contains("--catalog"), "{}", neither.stderr);
}
