//! What people read when something is missing, misspelt or empty: the message names it and says what to do.

use crate::support::binary::{Output, TestStore};
use crate::support::samples::{security_line, sigma_rule};

const ID: &str = "aaaaaaaa-0000-4000-8000-000000000001";

/// A store with two events that has not been hunted, and a rule that finds both.
fn loaded() -> (TestStore, String) {
    let store = TestStore::new();
    let lines = [security_line(1, 4624, r#","CommandLine":"x""#), security_line(2, 4624, "")].concat();
    store.load([store.file("logs/events.jsonl", lines)]);
    let rule = store.file("rules/rule.yml", sigma_rule(ID, "EventID: 4624")).to_string_lossy().into_owned();
    (store, rule)
}

#[track_caller]
fn assert_says(output: &Output, parts: &[&str]) {
    for part in parts {
        assert!(output.stderr.contains(part), "{part:?} is not in: {}", output.stderr);
    }
}

#[test]
fn a_wrong_name_in_sql_gets_the_nearest_one() {
    let (store, _) = loaded();
    let failed = |sql: &str, parts: &[&str]| assert_says(&store.run(["sql", sql]).expect_code(&[1]), parts);
    failed("SELECT * FROM security_4642", &["no such table: security_4642;", "did you mean `security_4624`?", "`retrohunt views`"]);
    failed("SELECT CommandLin FROM security_4624 WHERE Channel = 'x'", &["no such column: CommandLin;", "did you mean `CommandLine`?"]);
    failed(".tables", &["`.tables` is not SQL", "`retrohunt views` lists"]);
    failed("describe events", &["`retrohunt views events` shows"]);
    failed("DELETE FROM event", &["only reading is allowed"]);
    failed("", &["the query failed: it is empty\n"]);
    failed("SELECT 1; SELECT 2", &["the query failed: it has more than one statement\n"]);
    assert_says(
        &store.run(["views", "security_4642"]).expect_code(&[1]),
        &["; did you mean `security_4624`? `retrohunt views` lists them\n"],
    );
    assert_says(&store.run(["findings", "show", "x"]).expect_code(&[2]), &["not a number: `retrohunt findings` lists the ids"]);
    let columns = store.run(["views", "SECURITY_4624", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let line = columns.iter().find(|row| row["column"] == "CommandLine").expect("a column");
    assert_eq!((&line["view"], &line["example"]), (&"security_4624".into(), &"x".into()));
}

#[test]
fn explain_says_how_a_typed_statement_runs() {
    let (store, _) = loaded();
    let explained = |sql: &str| store.run(["sql", sql]).expect_code(&[0]);
    let question = "SELECT _id FROM security_4624 WHERE CommandLine LIKE '%power%'";
    let runs = "Runs as: SELECT _id FROM \"security_4624 with ids\" AS security_4624 WHERE CASE WHEN security_4624.\"_id_CommandLine\" IS NOT NULL \
                THEN security_4624.\"_id_CommandLine\" IN (SELECT id FROM \"main\".\"value\" AS _values WHERE \"text\" LIKE '%power%') \
                ELSE CommandLine LIKE '%power%' END\n";
    let plan = explained(&format!("EXPLAIN QUERY PLAN {question}"));
    assert_says(&plan, &[runs]);
    assert!(plan.stdout.contains("SCAN _values"), "{}", plan.stdout);
    assert_says(&explained(&format!("explain\n{question}")), &[runs]);
    assert_says(&explained("EXPLAIN QUERY PLAN SELECT 1"), &["Runs as it was typed."]);
    assert!(!explained(question).stderr.contains("Runs as"));
    // Columns are called what was typed, whatever runs.
    let named =
        store.run(["sql", "SELECT count( * ), commandline  FROM security_4624 WHERE CommandLine = 'x' GROUP BY 2", "--format", "csv"]);
    assert_eq!(named.expect_code(&[0]).stdout, "count( * ),CommandLine\n1,x\n");
}

#[test]
fn an_empty_list_of_findings_says_why() {
    let (store, rule) = loaded();
    assert_says(&store.run(["findings"]).expect_code(&[0]), &["no hunt has run on this store yet"]);
    store.run(["hunt", "--rules", &rule]).expect_code(&[0]);
    assert_says(&store.run(["findings", "--rule", "nosuch"]).expect_code(&[0]), &["0 of 2 findings match"]);
    assert_says(&store.run(["findings", "--hunt", "99"]).expect_code(&[0]), &["0 of 2 findings match"]);
}

#[test]
fn a_hunt_says_what_it_read_and_what_became_of_earlier_findings() {
    let (store, rule) = loaded();
    let first = store.run(["hunt", "--rules", &rule]).expect_code(&[0]);
    assert_says(&first, &["Hunt 1: 1 rule over 2 events in ", ": 2 findings from 1 rule, 2 new"]);
    store.file("rules/rule.yml", sigma_rule(ID, "CommandLine: x"));
    let second = store.run(["hunt", "--rules", &rule]).expect_code(&[0]);
    assert_says(&second, &["earlier finding", "now past (`retrohunt findings --past` lists past findings)"]);
    let none = store.file("rules/none.yml", sigma_rule(ID, "NoSuchField: x")).to_string_lossy().into_owned();
    assert_says(&store.run(["hunt", "--rules", &none]).expect_code(&[0]), &["1 rule cannot match in this store"]);
}

#[test]
fn a_hunt_without_rules_is_an_error_and_has_no_number() {
    let (store, rule) = loaded();
    let text = store.file("notes.md", "nothing to hunt\n").to_string_lossy().into_owned();
    assert_says(&store.run(["hunt", "--rules", &text]).expect_code(&[1]), &["there is nothing to hunt with"]);
    let tag = store.run(["hunt", "--tag", "lateral-movment"]).expect_code(&[1]);
    assert_says(&tag, &["has the tag `lateral-movment`; did you mean `lateral-movement`?"]);
    let level = store.run(["hunt", "--rules", &rule, "--level", "critical"]).expect_code(&[1]);
    assert_says(&level, &["none of 1 rule has level critical or above"]);
    assert_says(&store.run(["hunt", "--rules", &rule]).expect_code(&[0]), &["Hunt 1:"]);
}

#[test]
fn check_warns_where_there_is_nothing_to_check() {
    let (store, _) = loaded();
    let folder = store.file("none/readme.txt", "").parent().expect("a folder").to_string_lossy().into_owned();
    assert_says(&store.run(["check", &folder]).expect_code(&[0]), &["warning: there are no rules in `", "none`: nothing was checked"]);
}

#[test]
fn rules_that_do_not_compile_are_counted_apart_from_their_faults() {
    let (store, _) = loaded();
    let broken = |n: usize| sigma_rule(&format!("aaaaaaaa-0000-4000-8000-{n:012}"), "{A|conains: x, B|conains: y}");
    (0..40).for_each(|n| drop(store.file(&format!("many/{n}.yml"), broken(n))));
    let rule = store.file("many/good.yml", sigma_rule(ID, "EventID: 4624"));
    let folder = rule.parent().expect("a folder").to_string_lossy().into_owned();
    let output = store.run(["hunt", "--rules", &folder]).expect_code(&[3]);
    let said = "40 of 41 rules do not compile and are skipped; `retrohunt check PATH` shows each fault. What keeps rules out";
    assert_says(&output, &[said, "      40      (40)  sigma-unknown-modifier\n"]);
}

#[test]
fn the_views_say_what_each_of_them_holds() {
    let (store, _) = loaded();
    let views = store.run(["views", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let view = views.iter().find(|row| row["view"] == "overflow_text").expect("a view");
    assert_eq!((&view["kind"], &view["rows"]), (&"general".into(), &0.into()));
    let rule = store.file("rules/one.yml", sigma_rule(ID, "EventID: 4624")).to_string_lossy().into_owned();
    let explained = store.run(["explain", &rule]).expect_code(&[0]).stdout;
    assert!(explained.contains("security_4624 (windows Security 4624, 2 events):"), "{explained}");
    let none =
        store.file("rules/two.yml", sigma_rule("aaaaaaaa-0000-4000-8000-000000000002", "EventID: 9999")).to_string_lossy().into_owned();
    let both = store.run(["explain", &rule, &none]).expect_code(&[0]).stdout;
    assert!(both.starts_with("Rule ") && both.matches("\n\nRule ").count() == 1, "{both}");
    assert!(both.contains("none of 1 event type is read: the rule finds nothing here"), "{both}");
}

#[test]
fn compile_says_where_a_rule_can_find_nothing() {
    let (store, _) = loaded();
    let rule = store.file("rules/none.yml", sigma_rule(ID, "NoSuchField: x")).to_string_lossy().into_owned();
    let sql = store.run(["compile", &rule]).expect_code(&[0]).stdout;
    assert!(sql.contains("-- this finds nothing: the store has no events with NoSuchField"), "{sql}");
}

#[test]
fn yaml_that_needs_quotes_says_so() {
    let (store, _) = loaded();
    let rule = store.file("rules/broken.yml", "title: Broken: yaml\ndetection: {s: {A: b}, condition: s}\n").to_string_lossy().into_owned();
    let output = store.run(["check", &rule]).expect_code(&[3]);
    assert!(output.stdout.contains("a value with `: ` in it needs quotes"), "{}", output.stdout);
}
