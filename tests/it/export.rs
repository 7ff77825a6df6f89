//! Exports against what the tools that read them ask for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::binary::{TestStore, text};
use crate::support::samples::{security_line, sigma_rule};
use crate::support::schema::{assert_valid, schema};

const LOGON: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const ACCOUNT: &str = "aaaaaaaa-0000-4000-8000-000000000002";
const TOOLS: &str = "aaaaaaaa-0000-4000-8000-000000000003";
const GROUPS: &str = "aaaaaaaa-0000-4000-8000-000000000004";

/// What a spreadsheet would run, and what would be a line of its own.
const HOSTILE: &str = r#"=HYPERLINK(\"http://x\",\"a\")\nsecond, \"line\""#;

/// A store with findings of four rules over five events, one of which holds a hostile value.
fn hunted() -> TestStore {
    let store = TestStore::new();
    let more = r#","Provider_Name":"Microsoft-Windows-Security-Auditing","TargetUserName":"alice""#;
    let lines: String = (1..5).map(|record| security_line(record, 4624, more)).collect();
    let hostile = security_line(5, 4720, &format!(r#","TargetUserName":"{HOSTILE}","CommandLine":"{HOSTILE}""#));
    store.load([store.file("logs/events.jsonl", lines + &hostile)]);
    let rule = |id: &str, title: &str, tags: &str, selection: &str| {
        let rule = sigma_rule(id, selection).replace(&format!("title: Rule {id}"), &format!("title: {title}"));
        rule.replace("    - attack.lateral-movement\n    - attack.t1021.002\n", tags)
    };
    store.file("rules/1.yml", rule(LOGON, "Logon", "    - attack.t1078\n", "EventID: 4624"));
    store.file("rules/2.yml", rule(ACCOUNT, "'=Account made'", "    - attack.t1078\n    - attack.t1136.001\n", "EventID: 4720"));
    store.file("rules/3.yml", rule(TOOLS, "Tools", "    - attack.t1562.001\n    - attack.defense-evasion\n", "EventID: 4720"));
    store.file(
        "rules/4.yml",
        format!("name: Many logons\nid: {GROUPS}\ntype: TTP\nsearch: EventCode=4624 | stats count by TargetUserName\ntags: {{mitre_attack_id: [T1110]}}\n"),
    );
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    store.run(["hunt", "--rules", &rules]).expect_code(&[0]);
    store
}

/// What people would say of the findings of a rule.
fn say(store: &TestStore, rule: &str, status: &str, note: &str) {
    let connection = rusqlite::Connection::open(store.path()).unwrap();
    let sql = "INSERT INTO triage (finding_id, status, note, changed_us) SELECT f.finding_id, ?2, ?3, 1 FROM finding f JOIN rule r ON r.id = f.rule WHERE r.rule_id = ?1";
    assert!(connection.execute(sql, [rule, status, note]).unwrap() > 0);
}

fn exported(store: &TestStore, arguments: &[&str]) -> String {
    store.run(["export"].iter().chain(arguments)).expect_code(&[0]).stdout
}

/// The rows of a CSV file, by the names of its header.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn a_navigator_layer_has_a_score_for_each_technique() {
    let store = hunted();
    let layer: Value = serde_json::from_str(&exported(&store, &["navigator"])).unwrap();
    assert_valid(&schema("navigator-4.5.json"), &layer);
    let scores: BTreeMap<&str, i64> =
        layer["techniques"].as_array().unwrap().iter().map(|of| (text(of, "techniqueID"), of["score"].as_i64().unwrap())).collect();
    // Four logons and the account; the tools under today's id.
    assert_eq!(scores, BTreeMap::from([("T1078", 5), ("T1110", 1), ("T1136.001", 1), ("T1685", 1)]));
    assert_eq!(layer["gradient"]["maxValue"], json!(5));
    let none: Value = serde_json::from_str(&exported(&store, &["navigator", "--rule", "nosuch"])).unwrap();
    assert_valid(&schema("navigator-4.5.json"), &none);
    let file = store.folder().join("layer.json");
    store.run(["export", "navigator", &file.to_string_lossy(), "--level", "critical"]).expect_code(&[0]);
    assert!(std::fs::read_to_string(file).unwrap().contains("\"layer\": \"4.5\""));
}

#[test]
fn timesketch_gets_an_event_a_line() {
    let store = hunted();
    say(&store, ACCOUNT, "true-positive", "she did");
    let lines = store.run(["export", "timesketch"]).expect_code(&[0]).json_lines();
    let form = schema("timesketch.json");
    lines.iter().for_each(|line| assert_valid(&form, line));
    assert_eq!(lines.len() as i64, store.number("SELECT count(DISTINCT finding_id || ' ' || event_id) FROM finding_events"));
    assert!(lines.is_sorted_by_key(|line| line["timestamp"].as_i64()), "in the order of time");
    let logon = &lines[0];
    let expected = [
        ("data_type", json!("windows:evtx:record")),
        ("event_identifier", json!(4624)),
        ("source_name", json!("Microsoft-Windows-Security-Auditing")),
        ("computer_name", json!("host.test")),
        ("datetime", json!("2024-03-01T10:00:01.001000+00:00")),
        ("timestamp", json!(1_709_287_201_001_000_i64)),
        ("timestamp_desc", json!("Event Logged")),
        ("triage", json!("new")),
    ];
    expected.iter().for_each(|(field, value)| assert_eq!(&logon[*field], value, "{field}"));
    let account = lines.iter().find(|line| line["rule_id"] == ACCOUNT).unwrap();
    assert_eq!((&account["triage"], &account["triage_note"]), (&json!("true-positive"), &json!("she did")));
    assert!(account["tag"].as_array().unwrap().contains(&json!("true-positive")), "{account}");
    let csv = exported(&store, &["timesketch-csv"]);
    let table = rows(&csv);
    assert_eq!((table.len(), csv.lines().count()), (lines.len(), lines.len() + 1), "each row is one line of the file");
    for (row, line) in table.iter().zip(&lines) {
        assert_eq!(serde_json::from_str::<Value>(&row["tag"]).unwrap(), line["tag"]);
        assert_eq!((row["datetime"].as_str(), row["timestamp"].parse().ok()), (text(line, "datetime"), line["timestamp"].as_i64()));
    }
    assert!(table.iter().any(|row| row["message"].starts_with("'=Account made: ")));
    let raw = rows(&exported(&store, &["timesketch-csv", "--raw", "--rule", ACCOUNT]));
    assert!(raw[0]["message"].starts_with("=Account made: "), "{raw:?}");
}

#[test]
fn a_timeline_for_timesketch_has_an_event_once_with_all_its_findings() {
    let store = hunted();
    say(&store, ACCOUNT, "true-positive", "she did");
    let lines = store.run(["timeline", "--format", "timesketch"]).expect_code(&[0]).json_lines();
    let form = schema("timesketch.json");
    lines.iter().for_each(|line| assert_valid(&form, line));
    assert_eq!(lines.len() as i64, store.number("SELECT count(DISTINCT event_id) FROM finding_events"));
    assert!(lines.is_sorted_by_key(|line| line["timestamp"].as_i64()), "in the order of time");
    let account = lines.iter().find(|line| line["event_identifier"] == 4720).unwrap();
    assert!(text(account, "message").starts_with("=Account made, Tools: "), "{account}");
    assert_eq!((&account["rule_title"], &account["triage"]), (&json!("=Account made, Tools"), &json!("true-positive, new")));
    assert_eq!(text(account, "finding_ids").split(", ").next(), Some(account["finding_id"].to_string().as_str()), "{account}");
    for label in ["T1078", "T1136.001", "T1562.001", "true-positive", "new"] {
        assert!(account["tag"].as_array().unwrap().contains(&json!(label)), "{label} is not in {account}");
    }
    let around = store.run(["timeline", "--rule", ACCOUNT, "--context", "1h", "--format", "timesketch"]).expect_code(&[0]).json_lines();
    around.iter().for_each(|line| assert_valid(&form, line));
    let beside = around.iter().find(|line| line["event_identifier"] == 4624).unwrap();
    assert_eq!((&beside["tag"], beside.get("severity"), beside.get("finding_id")), (&json!([]), None, None), "{beside}");
}

/// The importer reads chunks of 10,000 rows.
#[test]
fn a_timesketch_file_of_many_rows_has_its_five_columns() {
    let store = TestStore::new();
    let lines: String = (1..10_001).map(|record| security_line(record, 4624, &format!(r#","TargetUserName":"u{record}""#))).collect();
    store.load([store.file("logs/events.jsonl", lines)]);
    let rule = store.file("rule.yml", sigma_rule(LOGON, "EventID: 4624")).to_string_lossy().into_owned();
    store.run(["hunt", "--rules", &rule]).expect_code(&[0]);
    let rows = rows(&exported(&store, &["timesketch-csv"]));
    assert_eq!(rows.len(), 10_000);
    let form = schema("timesketch.json");
    for row in &rows {
        let five = json!({
            "message": row["message"],
            "datetime": row["datetime"],
            "timestamp": row["timestamp"].parse::<i64>().unwrap(),
            "timestamp_desc": row["timestamp_desc"],
            "tag": serde_json::from_str::<Value>(&row["tag"]).unwrap(),
        });
        assert_valid(&form, &five);
    }
}

#[test]
fn a_timeline_is_one_line_a_row_and_runs_nothing() {
    let store = hunted();
    say(&store, TOOLS, "benign", "=1+1");
    let csv = exported(&store, &["timeline-csv"]);
    let table = rows(&csv);
    assert_eq!(csv.lines().count(), table.len() + 1);
    assert_eq!(table[0]["Time (UTC)"], "2024-03-01 10:00:01.001");
    assert!(table.iter().flat_map(BTreeMap::values).all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])), "{csv}");
    let tools = table.iter().find(|row| row["Rule ID"] == TOOLS).unwrap();
    assert_eq!((tools["Triage"].as_str(), tools["Triage note"].as_str(), tools["Event ID"].as_str()), ("benign", "'=1+1", "4720"));
    assert!(tools["Details"].contains("second, \"line\""), "{tools:?}");
    let of_host = exported(&store, &["timeline-csv", "--host", "nobody"]);
    assert_eq!(of_host.lines().count(), 1, "the header alone");
}

#[test]
fn findings_of_ocsf_have_what_the_class_requires() {
    let store = hunted();
    say(&store, ACCOUNT, "False positive", "a test");
    say(&store, TOOLS, "Ask Bob", "");
    let found = store.run(["export", "ocsf"]).expect_code(&[0]).json_lines();
    assert_eq!(found.len(), store.findings(false).len());
    let form = schema("ocsf-2004.json");
    found.iter().for_each(|finding| assert_valid(&form, finding));
    assert!(found.iter().all(|of| of["type_uid"].as_i64() == of["activity_id"].as_i64().map(|activity| 200_400 + activity)));
    let of = |rule: &str| found.iter().find(|finding| finding["finding_info"]["analytic"]["uid"] == rule).unwrap();
    let account = of(ACCOUNT);
    assert_eq!((&account["verdict_id"], &account["status_id"], &account["activity_id"]), (&json!(1), &json!(3), &json!(3)));
    assert_eq!((&account["comment"], &account["severity_id"]), (&json!("a test"), &json!(4)));
    let other = of(TOOLS);
    assert_eq!((&other["verdict_id"], &other["status_id"], &other["status"]), (&json!(0), &json!(99), &json!("Ask Bob")));
    let logon = of(LOGON);
    assert_eq!((&logon["verdict_id"], &logon["status_id"], &logon["activity_id"]), (&json!(0), &json!(1), &json!(1)));
    assert_eq!((&logon["start_time"], &logon["resources"][0]["name"]), (&json!(1_709_287_201_001_i64), &json!("host.test")));
    let attack = &account["finding_info"]["attacks"][1];
    assert_eq!((&attack["technique"]["uid"], &attack["sub_technique"]["name"]), (&json!("T1136"), &json!("Local Account")));
}

#[test]
fn iris_gets_ten_columns_and_nothing_that_its_case_does_not_have() {
    let store = hunted();
    say(&store, TOOLS, "closed", "one\ntwo | three");
    let csv = exported(&store, &["iris"]);
    let header = "event_date,event_tz,event_title,event_category,event_content,event_raw,event_source,event_assets,event_iocs,event_tags";
    assert_eq!(csv.lines().next(), Some(header));
    let table = rows(&csv);
    assert_eq!((table.len(), csv.lines().count()), (store.findings(false).len(), table.len() + 1));
    let tools = table.iter().find(|row| row["event_source"].contains(TOOLS)).unwrap();
    assert_eq!((tools["event_date"].as_str(), tools["event_tz"].as_str()), ("2024-03-01T10:00:05.005", "+00:00"));
    assert_eq!((tools["event_category"].as_str(), tools["event_title"].as_str()), ("Defense Evasion", "[high] Tools"));
    assert!(tools["event_content"].ends_with("one two | three"), "{tools:?}");
    assert!(tools["event_tags"].split('|').any(|tag| tag == "triage:closed"), "{tools:?}");
    assert!(table.iter().all(|row| row["event_assets"].is_empty() && row["event_iocs"].is_empty()));
}

/// Every CSV that the program writes is safe to open; for programs there is one with every text as it is.
#[test]
fn csv_of_listings_runs_nothing_either() {
    let store = hunted();
    let sql = "SELECT '=1+1' AS a, -1 AS b, '-x' AS c, 'x=1' AS \"=d\"";
    let written = |format: &str| store.run(["sql", sql, "--format", format]).expect_code(&[0]).stdout;
    assert_eq!(written("csv"), "a,b,c,'=d\n'=1+1,-1,'-x,x=1\n");
    assert_eq!(written("csv-raw"), "a,b,c,=d\n=1+1,-1,-x,x=1\n");
}
