//! What rules and questions see of JSON records: objects, times, identities, the names of files.
//!
//! Each question goes through a hunt and, as portable SQL, to the store; both must give the same records.

use std::collections::BTreeMap;

use crate::support::binary::{TestStore, integer, text};

/// The records that a selection of one line finds.
#[track_caller]
fn found(store: &TestStore, logsource: &str, selection: &str) -> Vec<i64> {
    found_by(store, logsource, &format!("s: {{{selection}}}"))
}

/// The records that a detection finds.
#[track_caller]
fn found_by(store: &TestStore, logsource: &str, selection: &str) -> Vec<i64> {
    let rule = format!(
        "title: Asked\nid: 11111111-2222-3333-4444-555555555555\nlogsource: {{{logsource}}}\ndetection: {{{selection}, condition: s}}\n"
    );
    let path = store.file("asked.yml", rule);
    store.run(["hunt", "--quiet", "--rules", &path.to_string_lossy()]).expect_code(&[0]);
    // An event that is in several files has several rows: the first is where it is stored.
    let mut hunted: BTreeMap<i64, i64> = BTreeMap::new();
    for row in store.findings(true) {
        hunted.entry(integer(&row, "event_id")).or_insert(integer(&row, "record"));
    }
    let sql = store.run(["compile", &path.to_string_lossy()]).expect_code(&[0, 3]);
    // Portable SQL has no form of some tests.
    if sql.code == 0 {
        let query = format!("SELECT _id, _record FROM event_head JOIN ({}) USING (_id)", without_comments(&sql.stdout));
        let asked = store.run(["sql", &query, "--format", "jsonl"]).expect_code(&[0]).json_lines();
        let asked: BTreeMap<i64, i64> = asked.iter().map(|row| (integer(row, "_id"), integer(row, "_record"))).collect();
        assert_eq!(hunted, asked, "{selection}: hunt and portable SQL");
    }
    hunted.into_values().collect()
}

fn without_comments(sql: &str) -> String {
    let lines: Vec<&str> = sql.lines().filter(|line| !line.starts_with("--")).collect();
    lines.join("\n").trim_end().trim_end_matches(';').to_owned()
}

fn loaded(name: &str, content: &str) -> TestStore {
    let store = TestStore::new();
    let path = store.file(name, content);
    store.load([path]);
    store
}

const TRAIL: &str = "product: aws, service: cloudtrail";
const ANY: &str = "definition: any";

/// CloudTrail records with the members given.
fn trail(records: &[&str]) -> String {
    let record = |(n, members): (usize, &&str)| {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"2024-01-15T10:50:0{n}Z","eventSource":"s3.amazonaws.com","eventName":"N{n}","eventID":"{n}",{members}}}"#
        )
    };
    let records: Vec<String> = records.iter().enumerate().map(record).collect();
    format!("{{\"Records\": [{}]}}", records.join(",\n"))
}

#[test]
fn rules_see_the_compact_json_of_objects_and_lists() {
    let store = loaded(
        "trail.json",
        &trail(&[
            r#""requestParameters": { "bucketName" : "b", "VersioningConfiguration": {"Status": "Suspended", "n": 1.50} }"#,
            r#""requestParameters":null"#,
            r#""requestParameters":{}"#,
            r#""requestParameters":{"items":[{"key":{"a.b":{"c":"d\u00e4"}}},{"key":{"x":1}}],"plain":["u","v"],"empty":{},"none":[]}"#,
            r#""requestParameters":"text""#,
        ]),
    );
    let asked = |selection: &str| found(&store, TRAIL, selection);
    assert_eq!(asked("requestParameters|contains: suspended"), [1]);
    assert_eq!(asked(r#"requestParameters: '{"bucketName":"b","VersioningConfiguration":{"Status":"Suspended","n":1.50}}'"#), [1]);
    assert_eq!(asked("requestParameters|exists: true"), [1, 3, 4, 5]);
    assert_eq!(asked("requestParameters: null"), [2]);
    assert_eq!(asked("requestParameters: '{}'"), [3]);
    assert_eq!(asked("requestParameters: text"), [5]);
    assert_eq!(asked(r#"requestparameters.versioningconfiguration|startswith: '{"Status":'"#), [1]);
    assert_eq!(asked("requestParameters.VersioningConfiguration|exists: true"), [1]);
    assert_eq!(asked(r#"requestParameters.items|contains: 'dä"}}},{"key"'"#), [4], "a list is one text");
    assert_eq!(asked(r#"requestParameters.items.key: '{"x":1}'"#), [4], "an object in each element of a list");
    assert_eq!(asked(r#"requestParameters.items.key.a.b: '{"c":"dä"}'"#), [4], "below a name with a dot");
    assert_eq!(asked("requestParameters.empty|exists: true"), [4]);
    assert_eq!(asked("requestParameters.none|exists: true"), [0; 0], "a list without values has none");
    assert_eq!(asked("requestParameters.plain: u"), [4], "a list of values has them");
    assert_eq!(asked("requestParameters.plain|contains: '['"), [0; 0]);
}

#[test]
fn objects_are_seen_in_every_json_shape_but_windows_events() {
    let store = TestStore::new();
    let lines =
        store.file("any.jsonl", "{\"a\":{\"b\":{\"c\":\"x\"}}}\n{\"a\":7,\"event\":\"login\"}\n{\"event\":\"x\",\"a\":{\"b\":{}}}\n");
    let export = store.file("export.json", r#"{"preview":false,"result":{"_raw":"{\"a\":{\"b\":{\"c\":\"x\"}}}","host":"h"}}"#);
    let windows = r#"{"@timestamp":"2024-01-01T00:00:00Z","winlog":{"channel":"Security","event_id":4624,"event_data":{"A":"x"}}}"#;
    let windows = store.file("winlogbeat.json", windows);
    store.load([lines, export, windows]);
    assert_eq!(found(&store, ANY, r#"a.b: '{"c":"x"}'"#), [1, 1]);
    assert_eq!(found(&store, ANY, "a|contains: '{'"), [1, 3, 1]);
    assert_eq!(found(&store, ANY, "a: 7"), [2]);
    let fields = store.run(["sql", "SELECT * FROM security_4624", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    assert!(fields[0].get("winlog").is_none(), "{}", fields[0]);
}

#[test]
fn a_view_has_fields_that_differ_from_the_envelope_in_case_only() {
    let store = loaded("trail.json", &trail(&[r#""channel":"c","computer":"h""#]));
    let rows =
        store.run(["sql", "SELECT eventID, channel, Computer FROM aws_cloudtrail", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    assert_eq!((text(&rows[0], "eventID"), text(&rows[0], "channel")), ("0", "c"));
}

/// Loads files one after the other and returns events and new events of each.
fn loads(store: &TestStore, files: &[(&str, &str)]) -> Vec<(i64, i64)> {
    for (name, content) in files {
        let path = store.file(name, content);
        store.load([path]);
    }
    store.sources().iter().map(|row| (integer(row, "events"), integer(row, "new_events"))).collect()
}

#[test]
fn the_vendors_id_is_the_event_in_whatever_file_it_is() {
    let store = TestStore::new();
    let one = trail(&[r#""requestParameters":{"a":"x"}"#, r#""requestParameters":null"#]);
    let record = |text: &str| text[text.find('[').unwrap() + 1..text.rfind(']').unwrap()].to_owned();
    let lines = record(&one).replace(",\n", "\n");
    let export = format!(
        "_raw,_time,host,index\n\"{}\",2024-01-15T09:50:00.000+0000,collector,aws\n",
        lines.lines().next().unwrap().replace('"', "\"\"")
    );
    let other = lines.replace(r#""a":"x""#, r#""a":"y""#);
    let counts = loads(
        &store,
        &[("a.json", &one), ("b.jsonl", &lines), ("c.csv", &export), ("d.jsonl", &other), ("e.jsonl", &format!("\n{other}"))],
    );
    assert_eq!(counts, [(2, 2), (2, 0), (1, 0), (2, 1), (2, 0)], "an event with other content is another one");
    assert_eq!(store.number("SELECT count(*) FROM aws_cloudtrail"), 3);
    assert_eq!(store.number("SELECT count(*) FROM event_alias"), 6);
    assert_eq!(found(&store, TRAIL, "eventID: '0'"), [1, 1], "the one and the one with other content");
}

#[test]
fn ids_of_other_vendors() {
    let guardduty =
        r#"{"schemaVersion":"2.0","id":"g1","type":"T","severity":5,"service":{"count":1},"updatedAt":"2024-01-01T00:00:00.000Z"}"#;
    let m365 = r#"{"CreationTime":"2024-03-04T07:11:05","Id":"i1","Operation":"UserLoggedIn","RecordType":15,"Workload":"Exchange","P":[{"N":"v"}]}"#;
    let purview = format!(
        "RecordId,CreationDate,RecordType,Operation,UserId,AuditData\ni1,2024-03-04T07:11:05.0000000Z,15,UserLoggedIn,u,\"{}\"\n",
        m365.replace('"', "\"\"")
    );
    let okta = r#"{"uuid":"u1","published":"2024-01-01T00:00:00.000Z","eventType":"user.session.start","actor":{"id":"a"}}"#;
    let github = r#"{"_document_id":"d1","action":"repo.create","actor":"a","@timestamp":1621305118553}"#;
    let gcp = r#"{"insertId":"1","logName":"l","timestamp":"2024-01-01T00:00:00Z","protoPayload":{"methodName":"m"}}"#;
    let gcp_other = gcp.replace("\"l\"", "\"other\"");
    let kubernetes = r#"{"auditID":"k","stage":"ResponseComplete","verb":"get","stageTimestamp":"2024-01-01T00:00:00.000000Z"}"#;
    let azure = r#"{"time":"2024-01-01T00:00:00Z","correlationId":"c1","operationName":"x"}"#;
    for (files, new) in [
        ([guardduty, &format!(" {guardduty}")], 0),
        ([guardduty, &guardduty.replace(r#""count":1"#, r#""count":2"#)], 1),
        ([m365, &purview], 0),
        ([okta, &format!("{okta}\n")], 0),
        ([github, &format!("{github}\n")], 0),
        ([gcp, &format!("{gcp}\n")], 0),
        ([gcp, &gcp_other], 1),
        ([kubernetes, &format!("[{kubernetes}]")], 0),
        ([azure, &format!("{azure}\n")], 1),
    ] {
        let counts = loads(&TestStore::new(), &[("a", files[0]), ("b", files[1])]);
        assert_eq!(counts, [(1, 1), (1, new)], "{files:?}");
    }
}

#[test]
fn the_member_that_gives_the_time_is_a_field() {
    let store = loaded(
        "any.jsonl",
        "{\"time\":\"2024-01-01T13:00:00Z\",\"A\":\"x\"}\n{\"timestamp\":\"2024-01-01 13:00:00.25\",\"A\":\"x\"}\n\
         {\"@timestamp\":\"2024-01-01T13:00:00Z\",\"A\":\"x\",\"time\":\"2024-01-01T14:00:00+00:00\"}\n{\"ts\":1704114000.5,\"A\":\"x\"}\n{\"A\":\"x\"}\n",
    );
    let asked = |selection: &str| found(&store, ANY, selection);
    assert_eq!(asked("'time|hour': 13"), [1]);
    assert_eq!(asked("'timestamp|hour': 13"), [2]);
    assert_eq!(asked("'@timestamp|hour': 13"), [3]);
    assert_eq!(asked("'time|hour': 14"), [3]);
    assert_eq!(asked("'time|exists': true"), [1, 3]);
    assert_eq!(asked("'time': null"), [2, 4, 5]);
    assert_eq!(asked("time: '2024-01-01T13:00:00Z'"), [1], "as the record has it");
    assert_eq!(asked("ts: '2024-01-01T13:00:00.500Z'"), [4], "else in ISO 8601");
    assert_eq!(asked("'ts|hour|gte': 13"), [4]);
    let cloud = loaded("trail.json", &trail(&[r#""a":1"#]));
    assert_eq!(found(&cloud, TRAIL, "eventTime|hour: 10"), [1]);
    assert_eq!(found(&cloud, TRAIL, "eventTime|exists: false"), [0; 0]);
}

#[test]
fn the_time_of_a_windows_event_has_the_names_of_its_sources() {
    let flat = r#"{"@timestamp":"2024-01-01T13:00:00.123456Z","Channel":"Security","EventID":4624,"EventTime":"2024-01-01 14:00:00"}"#;
    let store = loaded("flat.json", flat);
    for name in ["TimeCreated_SystemTime", "TimeCreated", "SystemTime", "@timestamp", "systemtime"] {
        assert_eq!(found(&store, "product: windows", &format!("'{name}|hour|gte': 13")), [1], "{name}");
        assert_eq!(found(&store, "product: windows", &format!("'{name}|exists': false")), [0; 0], "{name}");
        assert_eq!(found(&store, "product: windows", &format!("'{name}': null")), [0; 0], "{name}");
        assert_eq!(found(&store, "product: windows", &format!("'{name}': '2024-01-01T13:00:00.123456Z'")), [1], "{name}");
    }
    assert_eq!(found(&store, "product: windows", "'EventTime|hour': 14"), [1], "another time is a field of its own");
}

#[test]
fn zeeks_own_json_is_told_by_the_file_or_by_its_fields() {
    let store = TestStore::new();
    let conn = r#"{"ts":1591367999.305988,"uid":"C1","id.orig_h":"10.0.0.1","conn_state":"SF"}"#;
    let odd = r#"{"ts":1591367999.305988,"uid":"C1","id.orig_h":"10.0.0.1"}"#;
    let files = [
        ("conn.log", conn),
        ("conn.2024-01-01-00.log", odd),
        ("dns_20240101.log", &odd.replace("C1", "C5")),
        (
            "all.json",
            r#"{"ts":"2020-06-05T14:39:59.305988Z","uid":"C2","id.orig_h":"10.0.0.1","rejected":false,"RD":true,"query":"a.test"}"#,
        ),
        ("whatever.json", &conn.replace("C1", "C6")),
        ("http.log", r#"{"ts":1591367999.3,"level":"info","msg":"not of Zeek"}"#),
        ("conn.json", r#"{"_path":"ssl","ts":1591367999.3,"uid":"C3"}"#),
    ];
    loads(&store, &files);
    let rows = store.run(["sql", "SELECT product, dataset FROM events ORDER BY _id", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let kinds: Vec<String> = rows.iter().map(|row| format!("{} {}", text(row, "product"), text(row, "dataset"))).collect();
    assert_eq!(kinds, ["zeek conn", "zeek conn", "zeek dns", "zeek dns", "zeek conn", "generic ", "zeek ssl"]);
    assert_eq!(found(&store, "product: zeek, service: dns", "query|endswith: '.test'"), [1]);
    assert_eq!(found(&store, "product: zeek, service: conn", "_path: conn, 'ts|hour': 14"), [1, 1, 1]);
}

#[test]
fn times_of_journald_and_of_audit_logs() {
    let store = TestStore::new();
    let journal = r#"{"__REALTIME_TIMESTAMP":"1591367999305988","_HOSTNAME":"h","MESSAGE":"m"}"#;
    let purview =
        "RecordId,CreationDate,RecordType,Operation,UserId,AuditData\nr1,2024-03-04T07:11:05.0000000Z,15,UserLoggedIn,u,cut off\n";
    let shell = "CreationDate,UserIds,Operations,AuditData,RecordType,Identity\n3/4/2024 7:11:05 AM,u,UserLoggedIn,,X,i1\n";
    loads(&store, &[("journal", journal), ("purview.csv", purview), ("shell.csv", shell)]);
    let rows = store.run(["sql", "SELECT _time, _host FROM events ORDER BY _id", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let times: Vec<&str> = rows.iter().map(|row| text(row, "_time")).collect();
    assert_eq!(times, ["2020-06-05T14:39:59.305988Z", "2024-03-04T07:11:05.000Z", "2024-03-04T07:11:05.000Z"]);
    assert_eq!(text(&rows[0], "_host"), "h");
    assert_eq!(found(&store, "product: m365, service: audit", "Operation: UserLoggedIn, UserId: u"), [2, 2]);
}

#[test]
fn keywords_search_channel_event_id_and_computer_too() {
    let flat = |host: &str| {
        format!(r#"{{"@timestamp":"2024-01-01T13:00:00Z","Channel":"Security","EventID":4624,"Hostname":"{host}","RecordNumber":77}}"#)
    };
    let store = loaded("flat.json", &format!("{}\n{}\n", flat("zzhost.test"), flat("other.test").replace("77", "78")));
    let asked = |words: &str| found_by(&store, "product: windows", &format!("s: [{words}]"));
    assert_eq!(asked("ZZHOST"), [77]);
    assert_eq!(asked("'4624'"), [77, 78]);
    assert_eq!(asked("security"), [77, 78]);
    assert_eq!(asked("'77'"), [0; 0], "a record number is not a word of the event");
    assert_eq!(asked("nothing"), [0; 0]);
}
