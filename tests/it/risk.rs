//! Risk: the ranking over both languages, and searches over the store's own findings.

use serde_json::{Value, json};

use crate::support::binary::TestStore;
use crate::support::samples::{security_line, sigma_rule};

fn detection(id: &str, search: &str, extra: &str) -> String {
    format!("name: Detection {id}\nid: {id}\ntype: TTP\nsearch: {}\n{extra}", json!(search))
}

const FIRST: &str = "11111111-1111-4111-8111-111111111111";
const SECOND: &str = "22222222-2222-4222-8222-222222222222";
const THIRD: &str = "33333333-3333-4333-8333-333333333333";

/// A store with findings of two detections (risk of users by `rba`) and a Sigma rule (risk of the host).
fn hunted() -> (TestStore, Vec<std::path::PathBuf>) {
    let store = TestStore::new();
    let lines: String =
        (1..7).map(|n| security_line(n, 4624, &format!(r#","Account":"{}""#, ["alice", "Alice", "bob"][n as usize % 3]))).collect();
    let input = store.file("events.jsonl", lines);
    store.load([&input]);
    let rba = |score: u32| {
        format!(
            "tags: {{analytic_story: [Logons], mitre_attack_id: [T1078]}}\nrba:\n  message: $Account$ logged on\n  risk_objects:\n  - {{field: Account, type: user, score: {score}}}\n  threat_objects: []\n"
        )
    };
    let rules = vec![
        store.file("one.yml", detection(FIRST, "EventCode=4624 | stats count by Account", &rba(40))),
        store.file("two.yml", detection(SECOND, "EventCode=4624 Account=alice | stats count by Account", &rba(25))),
        store.file("three.yml", sigma_rule(THIRD, "Account: bob")),
    ];
    (store, rules)
}

fn hunt(store: &TestStore, rules: &[std::path::PathBuf]) -> Vec<Value> {
    let mut arguments = vec!["hunt".to_owned(), "--format".to_owned(), "jsonl".to_owned(), "--rules".to_owned()];
    arguments.extend(rules.iter().map(|path| path.to_string_lossy().into_owned()));
    store.run(arguments).expect_code(&[0]).json_lines()
}

#[test]
fn users_and_systems_are_ranked_over_both_languages() {
    let (store, rules) = hunted();
    hunt(&store, &rules);
    let ranked = store.run(["risk", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let shown: Vec<(&str, &str, f64, u64)> = ranked
        .iter()
        .map(|r| {
            (r["object"].as_str().unwrap(), r["type"].as_str().unwrap(), r["score"].as_f64().unwrap(), r["findings"].as_u64().unwrap())
        })
        .collect();
    // `alice` and `Alice` are two groups of each detection and one object: 2 × 40 + 2 × 25.
    let host = shown.iter().find(|(_, kind, ..)| *kind == "system").expect("the host of the Sigma findings");
    assert_eq!(host.3, 2);
    let users: Vec<_> =
        shown.iter().filter(|(_, kind, ..)| *kind == "user").map(|(object, _, score, n)| (object.to_lowercase(), *score, *n)).collect();
    assert_eq!(users, [("alice".to_owned(), 130.0, 4), ("bob".to_owned(), 40.0, 1)]);
    let scores: Vec<f64> = shown.iter().map(|(_, _, score, _)| *score).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");

    let of_bob = store.run(["risk", "BOB", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    assert_eq!(of_bob.iter().map(|f| f["rule_id"].as_str().unwrap()).collect::<Vec<_>>(), [FIRST]);
    let none = store.run(["risk", "nobody"]).expect_code(&[0]);
    assert!(none.stderr.contains("no finding puts `nobody` at risk"), "{}", none.stderr);
}

#[test]
fn a_correlation_search_reads_what_the_others_of_its_hunt_found() {
    let (store, mut rules) = hunted();
    let search = "| tstats min(_time) as firstTime sum(All_Risk.calculated_risk_score) as risk_score count values(source) as source dc(source) as source_count \
                  values(All_Risk.annotations.mitre_attack.mitre_technique_id) as techniques from datamodel=Risk.All_Risk \
                  where All_Risk.analyticstories=\"Logons\" All_Risk.risk_object_type=\"user\" by All_Risk.risk_object All_Risk.risk_object_type \
                  | rename \"All_Risk.*\" as \"*\" | where source_count >= 2 | sort risk_object";
    let id = "44444444-4444-4444-8444-444444444444";
    // First in the list: it runs last all the same.
    rules.insert(0, store.file("a.yml", detection(id, search, "").replace("TTP", "Correlation")));
    for _ in 0..2 {
        let found = hunt(&store, &rules);
        let columns: Vec<&Value> = found.iter().filter(|f| f["rule_id"] == id).map(|f| &f["columns"]).collect();
        let shown: Vec<Value> =
            columns.iter().map(|c| json!([c["risk_object"], c["risk_score"], c["source_count"], c["techniques"]])).collect();
        assert_eq!(shown, [json!(["Alice", 65, 2, "T1078"]), json!(["alice", 65, 2, "T1078"])], "its own findings are no risk");
    }
    // Hunted alone it reads what is in the store.
    let alone = hunt(&store, &rules[..1]);
    assert_eq!(alone.len(), 2);
}

/// Rules R1 and R3: findings of rules that are not hunted again are read too; a name of the model without its prefix is no field behind
/// `tstats`, `source` is.
#[test]
fn searches_over_risk_read_earlier_hunts_and_names_with_their_prefix() {
    let (store, rules) = hunted();
    hunt(&store, &rules[1..]);
    let search = "| tstats count values(source) as source values(risk_object) as bare values(All_Risk.source) as own from datamodel=Risk.All_Risk by All_Risk.risk_object_type";
    let correlation = store.file("b.yml", detection("55555555-5555-4555-8555-555555555555", search, "").replace("TTP", "Correlation"));
    let found = hunt(&store, &[rules[0].clone(), correlation]);
    let of_users = found.iter().map(|f| &f["columns"]).find(|c| c["All_Risk.risk_object_type"] == "user").expect("risk of users");
    assert_eq!(of_users["source"], json!([format!("Detection {FIRST}"), format!("Detection {SECOND}")]));
    assert_eq!((&of_users["bare"], &of_users["own"]), (&Value::Null, &of_users["source"]));
    assert_eq!(of_users["count"], 5);
}

#[test]
fn the_index_of_risk_is_the_findings_of_the_store() {
    let (store, mut rules) = hunted();
    let search = "index=risk risk_object_type=user | fillnull | stats sum(risk_score) as risk_score by risk_object | where risk_score > 60";
    let id = "55555555-5555-4555-8555-555555555555";
    rules.push(store.file("b.yml", detection(id, search, "")));
    let found = hunt(&store, &rules);
    let shown: Vec<Value> =
        found.iter().filter(|f| f["rule_id"] == id).map(|f| json!([f["columns"]["risk_object"], f["columns"]["risk_score"]])).collect();
    assert_eq!(shown, [json!(["Alice", 65]), json!(["alice", 65])]);
}

/// Failed logons of two people and of a machine, and rules that count them by a user, by a host and by an address.
fn failed_logons() -> (TestStore, Vec<std::path::PathBuf>) {
    let store = TestStore::new();
    let users = ["alice", "alice", "alice", "CORP\\\\bob", "WS07$", "SYSTEM"];
    let lines: String = users
        .iter()
        .zip(1..)
        .map(|(user, n)| security_line(n, 4625, &format!(r#","TargetUserName":"{user}","IpAddress":"10.0.0.9""#)))
        .collect();
    let input = store.file("events.jsonl", lines);
    store.load([&input]);
    let counted = |id: &str, by: &str| {
        format!(
            "title: By {by}\nid: {id}\nlevel: high\ncorrelation:\n  type: event_count\n  rules: [failed]\n  group-by: [{by}]\n  timespan: 1h\n  condition: {{gte: 3}}\n"
        )
    };
    let failed = sigma_rule(FIRST, "EventID: 4625").replace("title:", "name: failed\ntitle:");
    let rules = [failed, counted(SECOND, "TargetUserName"), counted(THIRD, "Computer")].join("---\n");
    let alone = sigma_rule("66666666-6666-4666-8666-666666666666", "EventID: 4625");
    let rules = vec![store.file("rules.yml", rules), store.file("alone.yml", alone)];
    (store, rules)
}

#[test]
fn sigma_rules_and_correlations_put_their_risk_on_hosts_and_people() {
    let (store, rules) = failed_logons();
    for _ in 0..2 {
        let found = hunt(&store, &rules);
        let of = |id: &str| found.iter().find(|finding| finding["rule_id"] == id).expect("a finding");
        let risk = |id: &str| -> Vec<String> {
            let objects = of(id)["risk_objects"].as_array().unwrap();
            objects
                .iter()
                .map(|o| format!("{} {}={}", o["type"].as_str().unwrap(), o["field"].as_str().unwrap(), o["value"].as_str().unwrap()))
                .collect()
        };
        let host = "system Computer=host.test".to_owned();
        // The group names the user, and the events behind it the host.
        assert_eq!((&of(SECOND)["users"], &of(SECOND)["hosts"]), (&json!(["alice"]), &json!(["host.test"])));
        assert_eq!(risk(SECOND), [host.clone(), "user TargetUserName=alice".to_owned()]);
        // The group names the host, and the events behind it the users: accounts of machines and of Windows carry no risk.
        assert_eq!(of(THIRD)["users"], json!(["alice", r"CORP\bob", "SYSTEM", "WS07$"]));
        assert_eq!(risk(THIRD), [host.clone(), "user TargetUserName=alice".to_owned(), r"user TargetUserName=CORP\bob".to_owned()]);
        assert_eq!(risk("66666666-6666-4666-8666-666666666666"), [host, "user TargetUserName=alice".to_owned()]);
        let ranked = store.run(["risk", "--type", "user", "--format", "jsonl"]).expect_code(&[0]).json_lines();
        let shown: Vec<(&str, u64)> = ranked.iter().map(|r| (r["object"].as_str().unwrap(), r["findings"].as_u64().unwrap())).collect();
        assert_eq!(shown, [("alice", 5), (r"CORP\bob", 2)]);
    }
}

/// A search over the risk of the same hunt sees that of Sigma's users.
#[test]
fn a_search_over_risk_sees_the_users_of_sigma() {
    let (store, mut rules) = failed_logons();
    let id = "77777777-7777-4777-8777-777777777777";
    rules.push(store.file("risk.yml", detection(id, "index=risk risk_object_type=user | stats count by risk_object", "")));
    let found = hunt(&store, &rules);
    let shown: Vec<Value> =
        found.iter().filter(|f| f["rule_id"] == id).map(|f| json!([f["columns"]["risk_object"], f["columns"]["count"]])).collect();
    assert_eq!(shown, [json!([r"CORP\bob", 2]), json!(["alice", 5])]);
}

const OVER_RISK: &str = "88888888-8888-4888-8888-888888888888";

/// Two rules find each of so many logons, and a search finds what they found.
fn risk_of_logons(events: usize) -> TestStore {
    let store = TestStore::new();
    let line = |n: usize| security_line(i64::try_from(n).unwrap(), 4624, r#","TargetUserName":"alice""#);
    store.load([store.file("events.jsonl", (1..=events).map(line).collect::<String>())]);
    let rules = [
        store.file("one.yml", sigma_rule(FIRST, "EventID: 4624")),
        store.file("two.yml", sigma_rule(SECOND, "TargetUserName: alice").replace("level: high", "level: low")),
        store.file("risk.yml", detection(OVER_RISK, "index=risk risk_object_type=user | stats count by risk_object", "")),
    ];
    let found = hunt(&store, &rules);
    let over_risk = found.iter().find(|finding| finding["rule_id"] == OVER_RISK).expect("a finding");
    assert_eq!((&over_risk["columns"]["count"], &over_risk["count"]), (&json!(2 * events), &json!(events)));
    store
}

/// One event is behind findings of several rules: it is one event of a finding made of these.
#[test]
fn a_finding_made_of_findings_counts_each_event_once() {
    for (events, unkept) in [(600, None), (1_100, Some("100 events of 1 finding are not kept"))] {
        let store = risk_of_logons(events);
        let told = store.run(["timeline", "--rule", OVER_RISK, "--format", "jsonl"]).expect_code(&[0]);
        assert_eq!(told.json_lines().len(), events.min(1_000));
        assert!(unkept.map_or(!told.stderr.contains("not kept"), |words| told.stderr.contains(words)), "{}", told.stderr);
    }
}

/// What a rule finds in the event comes before what a search makes of findings, whatever its level.
#[test]
fn the_rules_over_the_event_come_first_in_a_timeline() {
    let store = risk_of_logons(1);
    let timeline = store.run(["timeline", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    assert_eq!(timeline[0]["rules"], json!([format!("Rule {FIRST}"), format!("Rule {SECOND}"), format!("Detection {OVER_RISK}")]));
    assert_eq!((&timeline[0]["severity"], &timeline[0]["details"]), (&json!("high"), &json!("Account: alice")));
    let sketch = store.run(["timeline", "--format", "timesketch"]).expect_code(&[0]).json_lines();
    let tags: Vec<&str> = sketch[0]["tag"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(tags.iter().filter(|tag| ["critical", "high", "medium", "low"].contains(tag)).collect::<Vec<_>>(), [&"high"], "{tags:?}");
}

/// Words for what is not known are neither people nor machines.
#[test]
fn nobody_carries_no_risk_and_is_no_user() {
    let store = TestStore::new();
    let names = ["0", "-", "unknown", "NULL", "n/a", "None", r"CORP\\-", "alice"];
    let line =
        |(name, n): (&&str, i64)| security_line(n, 4625, &format!(r#","TargetUserName":"{name}","Account":"{name}","Machine":"{name}""#));
    store.load([store.file("events.jsonl", names.iter().zip(1..).map(line).collect::<String>())]);
    let objects = "rba:\n  message: m\n  risk_objects:\n  - {field: Account, type: user, score: 50}\n  - {field: Machine, type: system, score: 50}\n  threat_objects: []\n";
    let rules = [
        store.file("one.yml", detection(FIRST, "EventCode=4625 | stats count by Account Machine", objects)),
        store.file("two.yml", sigma_rule(SECOND, "EventID: 4625")),
    ];
    let found = hunt(&store, &rules);
    assert_eq!(found.len(), 2 * names.len());
    let users: Vec<&str> = found.iter().flat_map(|f| f["users"].as_array().unwrap()).filter_map(Value::as_str).collect();
    assert_eq!(users, ["alice", "alice"]);
    let ranked = store.run(["risk", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let mut objects: Vec<&str> = ranked.iter().filter_map(|row| row["object"].as_str()).collect();
    objects.sort_unstable();
    assert_eq!(objects, ["alice", "alice", "host.test"]);
}

/// What a newer version tells of findings, it tells of those of older ones too, once.
#[test]
fn findings_of_an_older_store_are_described_when_they_are_hunted_again() {
    let (store, rules) = failed_logons();
    let described = "SELECT f.id, risk_objects_json, details, (SELECT group_concat(kind || value) FROM finding_entity x WHERE x.finding = f.id) FROM finding f";
    let all = |database: &rusqlite::Connection| -> Vec<(i64, String, String, Option<String>)> {
        let mut statement = database.prepare(described).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let open = || rusqlite::Connection::open(store.path()).expect("a store");
    hunt(&store, &rules);
    let before = all(&open());
    assert!(before.iter().all(|(_, risk, details, about)| risk != "[]" && !details.is_empty() && about.is_some()), "{before:?}");
    // As version 4 left findings of correlations: it described none, and knew nothing for the next hunt.
    let nothing_known = "DELETE FROM rule_state; UPDATE hunt SET key = NULL;";
    open()
        .execute_batch(&format!(
            "UPDATE finding SET described = 0, risk_objects_json = '[]'; DELETE FROM finding_entity WHERE kind = 'user'; {nothing_known}"
        ))
        .expect("a store of version 4");
    hunt(&store, &rules);
    assert_eq!(all(&open()), before);
    // Not again: what is there is left as it is, also where there is nothing.
    open().execute_batch(&format!("UPDATE finding SET details = ''; DELETE FROM finding_entity; {nothing_known}")).unwrap();
    hunt(&store, &rules);
    assert!(all(&open()).iter().all(|(_, _, details, about)| details.is_empty() && about.is_none()));
}
