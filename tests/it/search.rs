//! `retrohunt search` against a reading of every value by hand, and what people see of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::binary::{Output, TestStore, integer, text};
use crate::support::samples::security_line;

/// Types that have a table of their own; events of later types are in the table of rare ones.
const TYPES_WITH_TABLES: u32 = 400;

/// Events with every way in which a value may lie in the store: repeated and near-unique texts, numbers, times, lists, messages.
fn loaded() -> TestStore {
    let store = TestStore::new();
    let mut lines = String::new();
    for n in 0..300 {
        let more = format!(
            r#","CommandLine":"run {n} Straße of host-{}","Parent":"{}","ProcessId":"{}","When":"2024-03-01 10:00:{:02}.123","Message":"Line {n}\r\nProcess\tMÜLLER {}""#,
            n % 7,
            ["Alpha.exe", "beta.exe", "GAMMA"][n % 3],
            4_000 + n,
            n % 60,
            n * n,
        );
        lines.push_str(&security_line(i64::try_from(n).unwrap(), 4624 + u32::try_from(n % 2).unwrap(), &more));
    }
    for n in 0..9 {
        lines.push_str(&security_line(1_000 + n, 4700, &format!(r#","Groups":["alpha","needle {n}"],"Empty":"""#)));
    }
    for code in 10_000..10_000 + TYPES_WITH_TABLES + 5 {
        let more = if code >= 10_000 + TYPES_WITH_TABLES { r#","Tool":"Rare needle","Number":"4242""# } else { "" };
        lines.push_str(&security_line(i64::from(code), code, more));
    }
    store.load([store.file("events.jsonl", lines)]).expect_code(&[0]);
    store
}

fn rows(store: &TestStore, arguments: &[&str]) -> Vec<Value> {
    let arguments = ["search", "--format", "jsonl", "--limit", "100000"].iter().chain(arguments);
    store.run(arguments).expect_code(&[0]).json_lines()
}

fn ids(rows: &[Value]) -> BTreeSet<i64> {
    rows.iter().map(|row| integer(row, "event_id")).collect()
}

/// (event, field, text) of all that is searched, as the views show it.
fn all_values(store: &TestStore) -> Vec<(i64, String, String)> {
    let sql = |query: &str| store.run(["sql", query, "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let mut all = Vec::new();
    for view in ["security_4624", "security_4625", "security_4700"] {
        for row in sql(&format!("SELECT * FROM {view}")) {
            let id = integer(&row, "_id");
            let of_envelope = |name: &str| name.starts_with('_') || ["Channel", "EventID", "Computer", "EventRecordID"].contains(&name);
            let fields = row.as_object().unwrap().iter().filter(|(name, value)| !of_envelope(name) && value.is_string());
            all.extend(fields.map(|(name, value)| (id, name.clone(), value.as_str().unwrap().to_owned())));
        }
    }
    for row in sql("SELECT _id, field, value FROM other_fields") {
        all.push((integer(&row, "_id"), text(&row, "field").to_owned(), text(&row, "value").to_owned()));
    }
    for row in sql("SELECT _id, Message FROM messages") {
        all.push((integer(&row, "_id"), "Message".to_owned(), text(&row, "Message").to_owned()));
    }
    all
}

#[test]
fn every_value_is_searched_whatever_way_it_is_stored() {
    let store = loaded();
    let all = all_values(&store);
    let having = |term: &str| -> BTreeSet<i64> {
        all.iter().filter(|(_, _, value)| value.to_lowercase().contains(&term.to_lowercase())).map(|(id, ..)| *id).collect()
    };
    let terms = [
        "alpha",
        "ALPHA.EXE",
        "straße",
        "müller",
        "needle",
        "4242",
        "42",
        "10:00:07",
        "07.123",
        "2024-03-01 10",
        "host-3",
        "process\tm",
        "nowhere",
    ];
    for term in terms {
        assert_eq!(ids(&rows(&store, &[term])), having(term), "{term}");
    }
    for [one, other] in [["alpha", "host-3"], ["42", "needle"], ["run 1", "müller 1"], ["gamma", "4005"]] {
        assert_eq!(ids(&rows(&store, &[one, other])), &having(one) & &having(other), "{one} {other}");
    }
    for pattern in ["^alpha$", "^[A-Z]+$", r"(?i)straSSe|STRAßE", "^40[0-3][0-9]$", r"^.*:5[0-9]\.123$", "(?s)Line 7.*49$", "^$"] {
        let regex = regex::Regex::new(pattern).unwrap();
        // The views show a list on lines.
        let has = |value: &str, field: &str| {
            if field == "Groups" { value.lines().any(|member| regex.is_match(member)) } else { regex.is_match(value) }
        };
        let expected: BTreeSet<i64> = all.iter().filter(|(_, field, value)| has(value, field)).map(|(id, ..)| *id).collect();
        assert_eq!(ids(&rows(&store, &["--regex", pattern])), expected, "{pattern}");
    }
    assert!(!having("needle").is_empty() && !having("10:00:07").is_empty() && having("nowhere").is_empty());
}

#[test]
fn filters_leave_what_they_name() {
    let store = loaded();
    let values = all_values(&store);
    let of_event = |rows: &[Value], code: &str| rows.iter().all(|row| text(row, "event_code") == code);
    let alpha = rows(&store, &["alpha"]);
    let some = rows(&store, &["alpha", "--event-id", "4624"]);
    assert!(of_event(&some, "4624") && !some.is_empty() && some.len() < alpha.len());
    assert_eq!(rows(&store, &["alpha", "--channel", "SECURITY"]).len(), alpha.len());
    assert_eq!(rows(&store, &["alpha", "--channel", "curi"]).len(), alpha.len());
    assert_eq!(rows(&store, &["alpha", "--host", "HOST"]).len(), alpha.len(), "a host is also the first part of its name");
    let in_groups = rows(&store, &["alpha", "--field", "groups"]);
    assert!(in_groups.len() == 9 && in_groups.iter().all(|row| row["field"] == "Groups" && row["value"] == "alpha"));
    let in_message: BTreeSet<i64> =
        values.iter().filter(|(_, field, value)| field == "Message" && value.contains("49")).map(|(id, ..)| *id).collect();
    assert_eq!(ids(&rows(&store, &["49", "--field", "Message"])), in_message);

    let since = "2024-03-01T10:00:20Z";
    let expected: BTreeSet<i64> =
        alpha.iter().filter(|row| text(row, "time") >= "2024-03-01T10:00:20").map(|row| integer(row, "event_id")).collect();
    assert_eq!(ids(&rows(&store, &["alpha", "--since", since])), expected);
    assert_eq!(ids(&rows(&store, &["alpha", "--until", since])), &ids(&alpha) - &expected);
    // With numbers the times of events are read another way.
    let number = rows(&store, &["42", "--since", since]);
    assert!(!number.is_empty() && number.iter().all(|row| text(row, "time") >= "2024-03-01T10:00:20"));
}

#[test]
fn the_host_counts_beside_other_words_and_not_alone() {
    let store = loaded();
    assert_eq!(rows(&store, &["host.test"]).len(), 0);
    assert_eq!(rows(&store, &["host.test", "rare"]).len(), 5);
    assert_eq!(rows(&store, &["host.test", "rare", "--field", "Tool"]).len(), 0);
}

#[test]
fn the_oldest_come_first_and_the_rest_is_counted() {
    let store = loaded();
    let all = rows(&store, &["straße"]);
    let times: Vec<&str> = all.iter().map(|row| text(row, "time")).collect();
    assert!(times.is_sorted() && all.len() == 300);
    let output = store.run(["search", "straße", "--limit", "7", "--format", "jsonl"]).expect_code(&[0]);
    assert_eq!(output.json_lines(), all[..7]);
    assert!(output.stderr.contains("7 of 300 events are shown, the oldest up to 2024-03-01T10:00:0"), "{}", output.stderr);
    let query = output.stderr.split('"').nth(1).expect("a query to copy");
    assert_eq!(store.run(["sql", query, "--format", "jsonl"]).expect_code(&[0]).json_lines().len(), 1);
}

#[test]
fn a_row_shows_the_hit_where_it_is() {
    let store = TestStore::new();
    let long = format!("{} needle {}", "alpha ".repeat(100), "omega ".repeat(100));
    let lines = [
        security_line(1, 4624, &format!(r#","Script":"{long}""#)),
        security_line(2, 4624, r#","User":"alice","Tool":"Needle","Message":"a needle\r\n\tof alice""#),
    ];
    store.load([store.file("events.jsonl", lines.concat())]);
    let found = rows(&store, &["needle"]);
    let shown = text(&found[0], "value");
    assert!(shown.starts_with("… alpha ") && shown.ends_with(" omega …") && shown.contains(" needle "), "{shown}");
    assert_eq!(
        [&found[1]["field"], &found[1]["value"], &found[1]["also_in"]],
        [&Value::from("Tool"), &"Needle".into(), &serde_json::json!(["Message"])]
    );
    let both = rows(&store, &["alice", "needle"]);
    assert_eq!((text(&both[0], "field"), text(&both[0], "value")), ("User", "alice · Tool: Needle"));
    assert_eq!(text(&rows(&store, &["of alice"])[0], "value"), "a needle of alice");
    let table = store.run(["search", "alice"]).stdout;
    let expected = [
        "Time (UTC)           Host       Channel   Event  Field  Value  Id",
        "2024-03-01 10:00:02  host.test  Security  4624   User   alice   2",
    ];
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_cannot_be_searched_is_said() {
    let store = loaded();
    let says = |arguments: &[&str], code: i32, parts: &[&str]| {
        let output: Output = store.run(["search"].iter().chain(arguments)).expect_code(&[code]);
        for part in parts {
            assert!(output.stderr.contains(part), "{part:?} is not in: {}", output.stderr);
        }
    };
    says(&["x", "--field", "CommandLin"], 1, &["no event has the field `CommandLin`; did you mean `CommandLine`?"]);
    says(&["x", "--channel", "Securiyt"], 1, &["no event has the channel `Securiyt`; did you mean `Security`?"]);
    says(&["x", "--event-id", "4624,1"], 1, &["no event has the event id `1`; `retrohunt views` lists"]);
    says(&["x", "--host", "host.tset"], 1, &["no event has the host `host.tset`; did you mean `host.test`?"]);
    says(&["x", "--host", "alpha"], 1, &["no event has the host `alpha`"]); // a value of some event
    says(&["--regex", "a(?=b)"], 2, &["the regular expression `a(?=b)` cannot be used: look-around is not supported"]);
    says(&[""], 2, &["there is nothing to search for"]);
    says(&["1", "2", "3", "4", "5", "6", "7", "8", "9"], 2, &["9 terms are more than a search can have (8)"]);
    says(&["nowhere"], 0, &["no event has all of this"]);
}
