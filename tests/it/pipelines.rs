//! Pipelines, values of placeholders and filters as a user gives them: files on the command line over a small store.

use std::collections::BTreeSet;
use std::path::Path;

use retrohunt::sigma::pipeline_tables::{self as tables, Entry};
use serde_json::Value;

use crate::support::binary::{TestStore, text};
use crate::support::samples::{security_line, sigma_rule};

const ID: &str = "aaaaaaaa-0000-4000-8000-000000000001";

/// Four events of Security: two names for the same field, and a field that only some have.
fn store() -> TestStore {
    let store = TestStore::new();
    let lines = [
        security_line(1, 4624, r#","Account":"Ann","Tier":"prod""#),
        security_line(2, 4624, r#","UserName":"ann","Tier":"prod""#),
        security_line(3, 4624, r#","UserName":"Ann","Tier":"test""#),
        security_line(4, 4624, r#","Account":"Bob","Tier":"prod""#),
    ];
    let log = store.file("log.jsonl", lines.concat());
    store.load([&log]).expect_code(&[0]);
    store
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The records that a hunt finds.
#[track_caller]
fn records(store: &TestStore, arguments: &[&str]) -> Vec<i64> {
    store.run(["hunt", "--quiet"].iter().chain(arguments)).expect_code(&[0]);
    let mut records: Vec<i64> = store.findings(true).iter().map(|row| row["record"].to_string().parse().unwrap()).collect();
    records.sort_unstable();
    records
}

const PIPELINE: &str = "\
name: acme
priority: 10
transformations:
  - id: fields
    type: field_name_mapping
    mapping:
      Who: [Account, UserName]
  - type: add_condition
    conditions:
      Tier: prod
    rule_conditions:
      - type: logsource
        product: acme
  - type: change_logsource
    product: windows
    service: security
    rule_conditions:
      - type: processing_item_applied
        processing_item_id: fields
";

fn foreign_rule() -> String {
    sigma_rule(ID, "Who: ann").replace("product: windows", "product: acme").replace("service: security", "service: audit")
}

#[test]
fn a_rule_for_other_logs_is_hunted_through_a_pipeline() {
    let store = store();
    let rule = store.file("rule.yml", foreign_rule());
    let pipeline = store.file("pipeline.yml", PIPELINE);
    assert_eq!(records(&store, &["--rules", path(&rule)]), Vec::<i64>::new());
    assert_eq!(records(&store, &["--rules", path(&rule), "--pipeline", path(&pipeline)]), [1, 2]);
    let sql = store.run(["compile", path(&rule), "--pipeline", path(&pipeline)]).expect_code(&[0]).stdout;
    assert!(sql.contains("UserName") && sql.contains("Tier") && !sql.contains("Who"), "{sql}");
    let explained = store.run(["explain", path(&rule), "--pipeline", path(&pipeline)]).expect_code(&[0]).stdout;
    assert!(explained.contains("UserName"), "{explained}");
}

#[test]
fn a_second_pipeline_runs_after_the_first_by_priority() {
    let store = store();
    let rule = store.file("rule.yml", foreign_rule());
    let first = store.file("first.yml", PIPELINE);
    let second = "priority: 20\ntransformations:\n  - type: map_string\n    mapping: {prod: [prod, test]}\n";
    let second = store.file("second.yml", second);
    let found = records(&store, &["--rules", path(&rule), "--pipeline", path(&second), "--pipeline", path(&first)]);
    assert_eq!(found, [1, 2, 3]);
}

#[test]
fn findings_of_a_changed_rule_are_its_own() {
    let store = store();
    let rule = store.file("rule.yml", sigma_rule(ID, "Account: bob"));
    let map = |to: &str| format!("transformations: [{{type: map_string, mapping: {{bob: {to}}}}}]\n");
    let (bob, ann) = (store.file("bob.yml", map("BOB")), store.file("ann.yml", map("ann")));
    assert_eq!(records(&store, &["--rules", path(&rule), "--pipeline", path(&bob)]), [4]);
    assert_eq!(records(&store, &["--rules", path(&rule), "--pipeline", path(&ann)]), [1], "the earlier finding is of the past");
}

#[test]
fn placeholders_get_the_users_values() {
    let store = store();
    let rule = store.file("rule.yml", sigma_rule(ID, "Account|expand: '%admins%'"));
    let output = store.run(["hunt", "--rules", path(&rule)]).expect_code(&[1]);
    assert!(output.stderr.contains("sigma-unresolved-placeholder") && output.stderr.contains("--values"), "{}", output.stderr);
    for values in ["admins: [ann, 'b?b']\n", "'%admins%':\n  - ann\n  - bob\n"] {
        let values = store.file("values.yml", values);
        assert_eq!(records(&store, &["--rules", path(&rule), "--values", path(&values)]), [1, 4]);
    }
    let broken = store.file("values.yml", "admins: {a: b}\n");
    let output = store.run(["hunt", "--rules", path(&rule), "--values", path(&broken)]).expect_code(&[1]);
    assert!(output.stderr.contains("sigma-values") && output.stderr.contains("values.yml:1:9"), "{}", output.stderr);
}

#[test]
fn values_of_placeholders_come_from_a_file_beside_the_pipeline() {
    let store = store();
    let rule = store.file("rule.yml", sigma_rule(ID, "Account|expand: '%admins%'"));
    store.file("pipes/admins.txt", "ann\nzed\n");
    let pipeline = store.file("pipes/p.yml", "transformations: [{type: file_placeholders, path: admins.txt}]\n");
    assert_eq!(records(&store, &["--rules", path(&rule), "--pipeline", path(&pipeline)]), [1]);
}

#[test]
fn a_broken_pipeline_stops_the_command() {
    let store = store();
    let rule = store.file("rule.yml", foreign_rule());
    let broken = store.file("broken.yml", PIPELINE.replace("field_name_mapping", "field_name_maping"));
    for command in [vec!["hunt", "--rules", path(&rule)], vec!["compile", path(&rule)], vec!["explain", path(&rule)]] {
        let output = store.run(command.iter().chain(&["--pipeline", path(&broken)])).expect_code(&[1]);
        assert!(output.stdout.is_empty(), "{}", output.stdout);
        for part in ["sigma-pipeline-transformation", "broken.yml:5:11", "did you mean `field_name_mapping`?"] {
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
    }
    let yaml = store.file("yaml.yml", "transformations: [\n");
    let output = store.run(["hunt", "--rules", path(&rule), "--pipeline", path(&yaml)]).expect_code(&[1]);
    assert!(output.stderr.contains("yaml-syntax"), "{}", output.stderr);
    for option in ["--pipeline", "--values"] {
        let output = store.run(["hunt", "--rules", path(&rule), option, "/no/such/file.yml"]).expect_code(&[1]);
        assert!(output.stderr.contains("/no/such/file.yml"), "{}", output.stderr);
    }
}

#[test]
fn check_checks_pipelines_and_the_rules_behind_them() {
    let store = store();
    let rule = store.file("rule.yml", sigma_rule(ID, "Account|expand: '%admins%'"));
    let codes = |pipeline: &str, code: i32| {
        let pipeline = store.file("p.yml", pipeline);
        let output = store.run(["check", path(&rule), "--format", "jsonl", "--pipeline", path(&pipeline)]).expect_code(&[code]);
        output.json_lines().iter().map(|row| text(row, "code").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes("transformations: [{type: wildcard_placeholders}]\n", 0), Vec::<String>::new());
    assert_eq!(codes("transformations: []\nfinalizers: [{type: concat}]\n", 3), ["sigma-pipeline-output", "sigma-unresolved-placeholder"]);
    assert_eq!(codes("transformations: [{type: nothing_known}]\n", 3), ["sigma-pipeline-transformation"]);
    let values = store.file("values.yml", "admins: ann\n");
    store.run(["check", path(&rule), "--values", path(&values)]).expect_code(&[0]);
}

#[test]
fn tests_of_rules_run_through_pipelines() {
    let store = TestStore::new();
    let rule = store.file("rules/a.yml", sigma_rule(ID, "Who: ann"));
    let event = |field: &str| format!(r#"{{"@timestamp":"2024-03-01T10:00:00Z","Channel":"Security","EventID":4624,"{field}":"Ann"}}"#);
    store.file("rules/a.tests.json", format!(r#"{{"match": [{}], "no_match": [{}]}}"#, event("Account"), event("Who")));
    let pipeline = store.file("p.yml", "transformations: [{type: field_name_mapping, mapping: {Who: Account}}]\n");
    let run = |more: &[&str], code: i32| {
        crate::support::binary::run(["test", path(&rule)].iter().chain(more)).expect_code(&[code]);
    };
    run(&[], 1);
    run(&["--pipeline", path(&pipeline)], 0);
}

/// A filter document that takes an account out of every rule for Windows.
fn filter(condition: &str) -> String {
    format!(
        "title: Service account\nlogsource:\n  product: windows\nfilter:\n  rules: any\n  known:\n    Account: ann\n  condition: {condition}\n"
    )
}

#[test]
fn a_file_of_filters_stands_beside_the_rules() {
    let store = store();
    let rule = store.file("rules/rule.yml", sigma_rule(ID, "EventID: 4624"));
    let rules = path(&rule).strip_suffix("/rule.yml").expect("a folder").to_owned();
    assert_eq!(records(&store, &["--rules", &rules]), [1, 2, 3, 4]);
    for condition in ["known", "not known"] {
        let filter = store.file("filters.yml", filter(condition));
        assert_eq!(records(&store, &["--rules", &rules, path(&filter)]), [2, 3, 4], "{condition}");
    }
    let both = store.file("filters.yml", filter("known"));
    let pipeline = store.file("p.yml", "transformations: [{type: field_name_mapping, mapping: {Account: [Account, UserName]}}]\n");
    assert_eq!(records(&store, &["--rules", &rules, path(&both), "--pipeline", path(&pipeline)]), [4]);
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_examples_of_the_documents_are_sound() {
    let store = TestStore::new();
    let block = |name: &str, number: usize| document(name).split("```yaml\n").nth(number).unwrap().split("```").next().unwrap().to_owned();
    let pipeline = store.file("fields.yml", block("pipelines.md", 1));
    let values = store.file("network.yml", block("pipelines.md", 2));
    let filter = store.file("baseline.yml", block("hunting.md", 1));
    let rule = sigma_rule(ID, "User|expand: ['%admins%', '%Workstations%', '%dc_ip_addresses%']");
    let rule = store.file("rule.yml", rule.replace("service: security", "category: process_creation"));
    let arguments = ["check", path(&rule), path(&filter), "--pipeline", path(&pipeline), "--values", path(&values), "--format", "jsonl"];
    let output = crate::support::binary::run(arguments).expect_code(&[0]);
    assert_eq!(output.stdout, "");
}

/// The names in the first column of the table of a section, with what stands in the second.
fn documented(section: &str) -> Vec<(String, BTreeSet<String>)> {
    let document = document("pipelines.md");
    let body = document.split(&format!("\n## {section}\n")).nth(1).unwrap_or_else(|| panic!("no section {section}"));
    let name = regex::Regex::new("`([^`]+)`").expect("valid");
    let names = |cell: &str| name.captures_iter(cell).map(|found| found[1].to_owned()).collect::<Vec<_>>();
    let rows = body.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(" | ").collect();
        (names(cells[0]).remove(0), names(cells[1]).into_iter().collect())
    };
    rows.map(row).collect()
}

#[test]
fn the_document_has_every_transformation_and_condition_with_its_parameters() {
    let sections: [(&str, &[Entry]); 4] = [
        ("Transformations", tables::TRANSFORMATIONS),
        ("Rule conditions", tables::RULE_CONDITIONS),
        ("Item conditions", tables::ITEM_CONDITIONS),
        ("Field conditions", tables::FIELD_CONDITIONS),
    ];
    for (section, table) in sections {
        let owned = |(name, parameters): &Entry| ((*name).to_owned(), parameters.iter().map(|p| (*p).to_owned()).collect());
        let program: Vec<(String, BTreeSet<String>)> = table.iter().map(owned).collect();
        assert_eq!(documented(section), program, "{section}");
    }
    let refused: BTreeSet<String> = documented("What is refused").into_iter().map(|(name, _)| name).collect();
    assert_eq!(refused, tables::REFUSED.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn pipelines_change_nothing_of_splunk() {
    let store = store();
    let pipeline = store.file("p.yml", "transformations: [{type: rule_failure, message: none}]\n");
    let rule = store.file("escu.yml", crate::support::samples::escu_rule(ID, "Channel=Security Account=ann | table Account"));
    let hunted = store.run(["hunt", "--rules", path(&rule), "--pipeline", path(&pipeline), "--format", "jsonl"]).expect_code(&[0]);
    let rows: Vec<Value> = hunted.json_lines();
    assert_eq!(rows.len(), 1, "{rows:?}");
}
