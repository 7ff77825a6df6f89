//! A first hunt with all public rules over real logs: it is two screens long, the worst is on the first, and each number is that of SQL.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::binary::{TestStore, command, finish, text};
use crate::support::shared::shared;

/// Lines of a terminal's screen.
const SCREEN: usize = 50;

struct FirstHunt {
    store: TestStore,
    /// What a terminal of 80 columns and one of 160 shows.
    shown: [String; 2],
}

fn first_hunt() -> Option<FirstHunt> {
    let (Some(logs), Some(rules)) = (shared("corpora/dev/evtx"), shared("rules/sigmahq")) else { return None };
    let store = TestStore::new();
    store.load([logs]);
    let shown = ["80", "160"].map(|columns| {
        let mut hunt = command();
        hunt.args(["hunt", "--store"]).arg(store.path()).arg("--rules").arg(&rules).env("COLUMNS", columns);
        let output = finish(&mut hunt).expect_code(&[0, 3]);
        // As on a terminal: what does not compile comes first, then the table, then the summary.
        let (before, after) = output.stderr.split_at(output.stderr.find("Summary: ").expect("a summary"));
        [before, &output.stdout, after].concat()
    });
    Some(FirstHunt { store, shown })
}

fn sql(store: &TestStore, query: &str) -> Vec<Value> {
    store.run(["sql", query, "--format", "jsonl"]).expect_code(&[0]).json_lines()
}

/// A text without what wrapping does to it.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_first_hunt_is_two_screens_with_the_worst_on_the_first() {
    let Some(FirstHunt { store, shown }) = first_hunt() else { return };
    let critical = sql(&store, "SELECT DISTINCT rule_title AS t FROM findings WHERE severity = 'critical'");
    assert!(critical.len() > 3, "{critical:?}");
    for screen in &shown {
        let lines: Vec<&str> = screen.lines().collect();
        assert!(lines.len() <= 2 * SCREEN, "{} lines", lines.len());
        // A title that takes several lines stands in its own column: the words of each line are read there.
        let heading = lines.iter().position(|line| line.trim_start().starts_with("Id ")).expect("a heading");
        let (from, to) = (lines[heading].find("Rule").expect("Rule"), lines[heading].find("Host").expect("Host"));
        let column = |line: &&str| line.chars().skip(from).take(to - from).collect::<String>();
        let titles = words(&lines[heading..SCREEN].iter().map(column).collect::<Vec<_>>().join(" "));
        let missing: Vec<&Value> = critical.iter().filter(|row| !titles.contains(text(row, "t"))).collect();
        assert_eq!(missing, Vec::<&Value>::new(), "not on the first screen:\n{screen}");
    }
}

#[test]
fn each_number_of_the_summary_is_that_of_a_query() {
    let Some(FirstHunt { store, shown }) = first_hunt() else { return };
    let [narrow, _] = shown.map(|screen| words(&screen));
    let summary = &narrow[narrow.find("Summary: ").expect("a summary")..];
    let number = |query: &str| store.number(query);
    let thousands = |number: i64| {
        let digits = number.to_string();
        let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).expect("digits")).collect();
        parts.join(",")
    };
    let plural = |count: i64, what: &str| format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" });
    let hosts = number("SELECT count(DISTINCT lower(value)) FROM findings, json_each(hosts)");
    let mut said: BTreeSet<String> = BTreeSet::from([format!(
        "Summary: {} from {} on {}, {} to {}",
        plural(number("SELECT count(*) FROM findings"), "finding"),
        plural(number("SELECT count(DISTINCT rule_id) FROM findings"), "rule"),
        plural(hosts, "host"),
        text(&sql(&store, "SELECT min(date(first_time)) AS d FROM findings")[0], "d"),
        text(&sql(&store, "SELECT max(date(last_time)) AS d FROM findings")[0], "d"),
    )]);
    let groups = [
        "SELECT severity AS name, count(*) AS n, count(DISTINCT rule_id) AS rules FROM findings GROUP BY 1",
        "SELECT name, n, 0 AS rules FROM (SELECT rule_title AS name, count(*) AS n FROM findings GROUP BY rule_id) ORDER BY n DESC LIMIT 1",
        "SELECT min(value) AS name, count(*) AS n, count(DISTINCT rule_id) AS rules FROM findings, json_each(hosts) GROUP BY lower(value) ORDER BY n DESC LIMIT 5",
        "SELECT date(first_time) AS name, count(*) AS n, count(DISTINCT rule_id) AS rules FROM findings GROUP BY 1 ORDER BY n DESC LIMIT 5",
    ];
    for row in groups.iter().flat_map(|query| sql(&store, query)) {
        let [count, rules] = ["n", "rules"].map(|name| row[name].as_i64().expect("a number"));
        let rules = if rules == 0 { String::new() } else { format!(", {}", plural(rules, "rule")) };
        said.insert(format!("{} {}{rules}", thousands(count), text(&row, "name")));
    }
    let missing: Vec<&String> = said.iter().filter(|part| !summary.contains(part.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new(), "not in the summary:\n{summary}");
}
