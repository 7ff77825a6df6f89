//! `retrohunt metrics` and `logons`: every number is what a query over the documented views gives.

use serde_json::{Map, Value, json};

use crate::support::binary::{TestStore, text};
use crate::support::samples::security_line;

/// One Windows event.
fn line(time: &str, host: &str, channel: &str, code: u32, more: &Value) -> String {
    let mut event = json!({"Channel": channel, "EventID": code});
    let members = event.as_object_mut().expect("an object");
    for (name, value) in [("@timestamp", time), ("Hostname", host)].into_iter().filter(|(_, value)| !value.is_empty()) {
        members.insert(name.to_owned(), value.into());
    }
    members.extend(more.as_object().cloned().unwrap_or_default());
    format!("{event}\n")
}

/// Three hosts over a month with holes, two logs that were cleared, an event without time and host, events of another product.
fn loaded() -> TestStore {
    let mut lines = String::new();
    for (host, days) in
        [("dc01.corp.example", [1, 2, 3, 9, 10, 20]), ("ws07.corp.example", [1, 1, 1, 2, 29, 30]), ("fs01", [5, 5, 6, 7, 8, 9])]
    {
        for (n, day) in (0..).zip(days) {
            let time = format!("2024-03-{day:02}T{:02}:59:{n:02}.5Z", 23 - n);
            lines.push_str(&line(&time, host, ["Security", "System"][n % 2], [4688, 7036][n % 2], &json!({"Text": "x"})));
            lines.push_str(&line(&time, host, "Own Channel", 1, &json!({"Text": "y"})));
        }
    }
    let by = json!({"SubjectUserName": "mallory", "SubjectDomainName": "CORP"});
    lines.push_str(&line("2024-03-20T23:58:00Z", "dc01.corp.example", "Security", 1102, &by));
    let system = json!({"SubjectUserName": "mallory", "Channel_": "x", "BackupPath": ""});
    lines.push_str(&line("2024-03-09T01:00:00Z", "fs01", "System", 104, &system));
    lines.push_str(&line("", "", "Security", 4688, &json!({"Text": "z"})));
    let store = TestStore::new();
    let trail = r#"{"Records":[{"eventVersion":"1.08","eventTime":"2024-03-04T00:00:00Z","eventSource":"iam.amazonaws.com","eventName":"CreateUser","awsRegion":"us-east-1","eventID":"e1","eventType":"AwsApiCall"}]}"#;
    store.load([store.file("events.jsonl", lines), store.file("trail.json", trail)]).expect_code(&[0]);
    store
}

fn sql(store: &TestStore, query: &str) -> Vec<Value> {
    store.run(["sql", query, "--format", "jsonl"]).expect_code(&[0]).json_lines()
}

/// Some members of rows, in the order of their texts.
fn members(rows: &[Value], names: &[&str]) -> Vec<String> {
    let pick = |row: &Value| names.iter().map(|name| ((*name).to_owned(), row[*name].clone())).collect::<Map<String, Value>>();
    let mut out: Vec<String> = rows.iter().map(|row| Value::Object(pick(row)).to_string()).collect();
    out.sort();
    out
}

#[track_caller]
fn assert_same(store: &TestStore, rows: &Value, names: &[&str], query: &str) {
    let rows = rows.as_array().expect("a section is a list");
    assert_eq!(members(rows, names), members(&sql(store, query), names), "left: metrics or logons, right: {query}");
}

/// How gaps are found in SQL: days with events, and the next such day of the host.
const GAPS: &str = "WITH d AS (SELECT _host AS host, substr(_time, 1, 10) AS day, min(_time) AS a, max(_time) AS b FROM events
    WHERE _time IS NOT NULL GROUP BY 1, 2), n AS (SELECT host, b, day, lead(a) OVER w AS next, lead(day) OVER w AS next_day FROM d
    WINDOW w AS (PARTITION BY host ORDER BY day))
    SELECT host, CAST(julianday(next_day) - julianday(day) AS INTEGER) - 1 AS days, b AS from_time, next AS to_time FROM n
    WHERE julianday(next_day) - julianday(day) > 1";

#[test]
fn every_number_of_metrics_is_that_of_a_query() {
    let store = loaded();
    let output = store.run(["metrics", "--format", "json"]).expect_code(&[0]);
    let all: Value = serde_json::from_str(&output.stdout).expect("one object");
    let range = "count(*) AS events, min(_time) AS first_time, max(_time) AS last_time, round(100.0 * count(*) / (SELECT count(*) FROM events), 1) AS share";
    let names = ["events", "first_time", "last_time", "share"];
    let with = |more: &[&'static str]| names.iter().chain(more).copied().collect::<Vec<&str>>();
    assert_same(
        &store,
        &all["hosts"],
        &with(&["host", "days", "channels"]),
        &format!(
            "SELECT _host AS host, count(DISTINCT substr(_time, 1, 10)) AS days, count(DISTINCT dataset) AS channels, {range} FROM events GROUP BY 1"
        ),
    );
    assert_same(
        &store,
        &all["channels"],
        &with(&["product", "channel", "hosts", "event_codes"]),
        &format!(
            "SELECT product, dataset AS channel, count(DISTINCT _host) AS hosts, count(DISTINCT code) AS event_codes, {range} FROM events GROUP BY 1, 2"
        ),
    );
    assert_same(
        &store,
        &all["event-ids"],
        &with(&["product", "channel", "event_code", "hosts"]),
        &format!(
            "SELECT product, dataset AS channel, code AS event_code, count(DISTINCT _host) AS hosts, {range} FROM events GROUP BY 1, 2, 3"
        ),
    );
    assert_same(&store, &all["gaps"], &["host", "days", "from_time", "to_time"], GAPS);
    assert_same(
        &store,
        &all["summary"],
        &["events", "without_time", "hosts", "channels", "event_codes", "first_time", "last_time", "days"],
        "SELECT count(*) AS events, sum(_time IS NULL) AS without_time, count(DISTINCT _host) AS hosts, count(DISTINCT product || dataset) AS channels,
         count(DISTINCT view) AS event_codes, min(_time) AS first_time, max(_time) AS last_time, count(DISTINCT substr(_time, 1, 10)) AS days FROM events",
    );
    assert_same(
        &store,
        &all["cleared-logs"],
        &["time", "host", "event_code", "record", "path", "event_id"],
        "SELECT _time AS time, _host AS host, code AS event_code, _record AS record, _source AS path, _id AS event_id FROM events WHERE code IN ('1102', '104')",
    );
    assert_eq!(all["summary"][0]["days_without_events"], 30 - all["summary"][0]["days"].as_i64().unwrap());
    let cleared: Vec<[&str; 2]> = all["cleared-logs"].as_array().unwrap().iter().map(|row| [text(row, "log"), text(row, "user")]).collect();
    assert_eq!(cleared, [["System", "mallory"], ["Security", "CORP\\mallory"]], "by time");
    let code = |code: &str| all["event-ids"].as_array().unwrap().iter().find(|row| row["event_code"] == code).unwrap().clone();
    assert_eq!([&code("4688")["name"], &code("1")["name"]], [&Value::from("process created"), &Value::Null]);
    let days: Vec<i64> = all["gaps"].as_array().unwrap().iter().map(|row| row["days"].as_i64().unwrap()).collect();
    assert_eq!(days, [26, 9, 5], "the longest first");
}

#[test]
fn metrics_of_a_part_of_the_store() {
    let store = loaded();
    let section = |arguments: &[&str]| {
        store.run(["metrics", "--format", "jsonl", "--section"].iter().chain(arguments)).expect_code(&[0]).json_lines()
    };
    let hosts = section(&["hosts", "--host", "WS07"]);
    assert_eq!((hosts.len(), text(&hosts[0], "host")), (1, "ws07.corp.example"));
    let since = section(&["summary", "--since", "2024-03-10", "--until", "2024-03-30"]);
    let events = store.number("SELECT count(*) FROM events WHERE _time >= '2024-03-10' AND _time < '2024-03-30'");
    assert_eq!(since[0]["events"], events);
    assert_eq!(section(&["cleared-logs", "--host", "fs01"]).len(), 1);
    assert_eq!(section(&["event-ids", "--limit", "2"]).len(), 2);
    let output = store.run(["metrics", "--format", "csv"]).expect_code(&[2]);
    assert!(
        output.stderr.contains("choose a section with `--section` (summary, hosts, channels, event-ids, gaps, cleared-logs)"),
        "{}",
        output.stderr
    );
    let table = store.run(["metrics", "--section", "hosts,gaps", "--limit", "1"]).expect_code(&[0]).stdout;
    let expected = [
        "3 hosts and events without one, the first 1 (all: --section hosts --limit 4)",
        "Host               Events     %  Channels  Days  First (UTC)          Last (UTC)",
        "dc01.corp.example      13  32.5         3     6  2024-03-01 23:59:00  2024-03-20 23:58:00",
        "",
        "3 gaps: whole days without an event of the host, the first 1 (all: --section gaps --limit 3)",
        "Host               Days without  Last before (UTC)    First behind (UTC)",
        "ws07.corp.example            26  2024-03-02 20:59:03  2024-03-29 19:59:04",
    ];
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
}

/// A logon; what `more` says comes in place of what a plain one has.
/// Windows writes the name of a host as it was typed somewhere: in upper case here, in lower case there.
#[test]
fn a_host_whose_name_is_written_in_two_ways_is_one() {
    let store = TestStore::new();
    let lines: String = [(1, "ws1.corp.example"), (2, "WS1.corp.example"), (3, "Ws1.CORP.example"), (4, "ws1.corp.example")]
        .iter()
        .map(|(day, host)| line(&format!("2024-03-0{day}T10:00:00Z"), host, "Security", 4688, &json!({"Text": "x"})))
        .collect();
    store.load([store.file("events.jsonl", lines)]);
    for arguments in [&["metrics", "--format", "json"][..], &["metrics", "--host", "WS1", "--format", "json"]] {
        let all: Value = serde_json::from_str(&store.run(arguments).expect_code(&[0]).stdout).expect("JSON");
        assert_eq!((&all["summary"][0]["hosts"], &all["summary"][0]["events"]), (&json!(1), &json!(4)), "{arguments:?}");
        let hosts = all["hosts"].as_array().expect("a list");
        assert_eq!((hosts.len(), &hosts[0]["days"], &hosts[0]["events"]), (1, &json!(4), &json!(4)), "{hosts:?}");
        assert_eq!(all["gaps"], json!([]));
        assert_eq!((&all["channels"][0]["hosts"], &all["event-ids"][0]["hosts"]), (&json!(1), &json!(1)));
    }
}

fn logon(n: u32, code: u32, more: &Value) -> String {
    let mut fields = json!({"TargetUserName": "alice", "TargetDomainName": "CORP", "TargetUserSid": "S-1-5-21-1", "LogonType": "3",
        "IpAddress": "10.0.0.7", "WorkstationName": "WS07", "TargetLogonId": format!("0x{n:x}")});
    fields.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    line(&format!("2024-03-01T10:{:02}:{:02}Z", n / 60, n % 60), "dc01.corp.example", "Security", code, &fields)
}

fn with_logons() -> TestStore {
    let mut lines = String::new();
    for n in 0..20 {
        lines.push_str(&logon(n, 4624, &json!({})));
        if n % 4 == 0 {
            lines.push_str(&line(
                "2024-03-01T10:00:00Z",
                "dc01.corp.example",
                "Security",
                4672,
                &json!({"SubjectLogonId": format!("0x{n:x}")}),
            ));
        }
    }
    // Another host gives the same id to another logon.
    lines.push_str(&line("2024-03-01T10:00:00Z", "fs01", "Security", 4672, &json!({"SubjectLogonId": "0x1"})));
    for n in 20..30 {
        let status = ["0xC000006A", "0xC0000064", "0x0"][usize::from(n > 26) + usize::from(n > 28)];
        lines.push_str(&logon(n, 4625, &json!({"TargetUserName": "ALICE", "Status": "0xC000006D", "SubStatus": status})));
    }
    lines.push_str(&logon(31, 4624, &json!({"IpAddress": "-", "WorkstationName": "WS08"})));
    lines.push_str(&logon(32, 4624, &json!({"IpAddress": "::ffff:10.0.0.9", "LogonType": "10", "TargetUserName": "bob"})));
    for own in [
        json!({"TargetUserName": "DC01$"}),
        json!({"TargetUserSid": "S-1-5-18", "TargetUserName": "SYSTEM"}),
        json!({"TargetUserSid": "S-1-5-90-0-1", "TargetUserName": "DWM-1"}),
        json!({"LogonType": "5", "TargetUserName": "svc"}),
    ] {
        lines.push_str(&logon(33, 4624, &own));
    }
    let explicit = json!({"LogonType": null, "TargetServerName": "fs01", "TargetUserName": "admin", "SubjectUserName": "alice"});
    lines.push_str(&logon(34, 4648, &explicit));
    lines.push_str(&logon(35, 4648, &json!({"LogonType": null, "TargetServerName": "localhost", "SubjectUserName": "DC01$"})));
    let store = TestStore::new();
    store.load([store.file("events.jsonl", lines)]).expect_code(&[0]);
    store
}

fn logons(store: &TestStore, arguments: &[&str]) -> Vec<Value> {
    store.run(["logons", "--format", "jsonl"].iter().chain(arguments)).expect_code(&[0]).json_lines()
}

#[test]
fn every_number_of_logons_is_that_of_a_query() {
    let store = with_logons();
    let of = |view: &str| {
        format!(
            "SELECT lower(TargetUserName) AS user, TargetDomainName AS domain, replace(coalesce(nullif(IpAddress, '-'), WorkstationName), '::ffff:', '') AS source,
             _host AS host, LogonType AS logon_type, '{view}' AS view, _time, EXISTS (SELECT 1 FROM security_4672 p WHERE p._host = s._host
             AND p.SubjectLogonId = s.TargetLogonId) AS privileged FROM {view} s"
        )
    };
    let query = format!(
        "SELECT user, domain, source, host, logon_type, sum(view = 'security_4624') AS successes, sum(view = 'security_4625') AS failures,
         sum(privileged) AS privileged, min(_time) AS first_time, max(_time) AS last_time FROM ({} UNION ALL {}) GROUP BY 1, 2, 3, 4, 5",
        of("security_4624"),
        of("security_4625")
    );
    let mut rows = logons(&store, &["--all"]);
    rows.retain(|row| !row["logon_type"].is_null());
    for row in &mut rows {
        row["user"] = text(row, "user").to_lowercase().into();
    }
    let names = ["user", "domain", "source", "host", "logon_type", "successes", "failures", "privileged", "first_time", "last_time"];
    assert_same(&store, &Value::Array(rows), &names, &query);
}

#[test]
fn logons_of_people_are_shown_with_what_they_mean() {
    let store = with_logons();
    let rows = logons(&store, &[]);
    let shown: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!([
                row["user"],
                row["source"],
                row["host"],
                row["logon_type_name"],
                row["successes"],
                row["privileged"],
                row["failures"],
                row["explicit"]
            ])
        })
        .collect();
    let dc = "dc01.corp.example";
    let expected = [
        json!(["alice", "10.0.0.7", dc, "Network", 20, 5, 10, 0]),
        json!(["admin", dc, "fs01", "explicit credentials", 0, 0, 0, 1]),
        json!(["alice", "WS08", dc, "Network", 1, 0, 0, 0]),
        json!(["bob", "10.0.0.9", dc, "RemoteInteractive", 1, 0, 0, 0]),
    ];
    assert_eq!(shown, expected);
    assert_eq!(rows[0]["failure_reasons"], json!(["wrong password", "no such user", "wrong user or password"]));
    let output = store.run(["logons", "--sort", "failures", "--limit", "1"]).expect_code(&[0]);
    for part in ["1 of 4 rows are shown", "5 events of machine accounts, Windows itself and services left out: `--all` counts them too"] {
        assert!(output.stderr.contains(part), "{}", output.stderr);
    }
    for (arguments, users) in [
        (["--user", "BOB"], vec!["bob"]),
        (["--user", r"corp\bob"], vec!["bob"]),
        (["--user", r"other\bob"], vec![]),
        (["--host", "fs01"], vec![]),
        (["--since", "2024-03-01T10:00:32Z"], vec!["admin", "bob"]),
        (["--sort", "last"], vec!["admin", "bob", "alice", "alice"]),
    ] {
        let found = logons(&store, &arguments);
        assert_eq!(found.iter().map(|row| text(row, "user")).collect::<Vec<_>>(), users, "{arguments:?}");
    }
}

#[test]
fn a_store_without_logons_says_so() {
    let store = TestStore::new();
    store.load([store.file("events.jsonl", security_line(1, 1, ""))]).expect_code(&[0]);
    let output = store.run(["logons"]).expect_code(&[0]);
    assert!(output.stdout.is_empty() && output.stderr.contains("no logons"), "{}", output.stderr);
    let output = store.run(["metrics", "--section", "cleared-logs,gaps"]).expect_code(&[0]);
    assert!(output.stdout.contains("No cleared logs") && output.stdout.contains("No gaps"), "{}", output.stdout);
}
