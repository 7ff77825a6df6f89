//! `retrohunt check` as CI runs it: formats, exit codes, and what cannot fire in a store.

use serde_json::{Value, json};

use crate::support::binary::{TestStore, run, text};
use crate::support::samples::{security_line, sigma_rule};
use crate::support::schema::{assert_valid, schema};

const ONE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const TWO: &str = "aaaaaaaa-0000-4000-8000-000000000002";

fn check(store: &TestStore, arguments: &[&str], code: i32) -> String {
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    store.run(["check", &rules].iter().chain(arguments)).expect_code(&[code]).stdout
}

fn diagnostics(store: &TestStore, arguments: &[&str], code: i32) -> Vec<Value> {
    let all: Value = serde_json::from_str(&check(store, &[arguments, &["--format", "json"]].concat(), code)).expect("JSON");
    all["diagnostics"].as_array().expect("a list").clone()
}

#[test]
fn warnings_fail_only_where_they_are_denied() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID: 4624"));
    assert_eq!(diagnostics(&store, &["--deny", "warnings"], 0), Vec::<Value>::new());
    store.file("rules/b.yml", sigma_rule(TWO, "EventID: 4625").replace("level: high", "level: hihg"));
    let found = diagnostics(&store, &[], 0);
    assert_eq!((found.len(), text(&found[0], "severity"), text(&found[0], "code")), (1, "warning", "sigma-invalid-level"));
    assert_eq!((&found[0]["line"], &found[0]["column"]), (&json!(4), &json!(8)));
    diagnostics(&store, &["--deny", "warnings"], 3);
}

#[test]
fn an_id_stands_for_one_rule() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID: 4624"));
    store.file("rules/copy.yml", sigma_rule(ONE, "EventID: 4624"));
    assert_eq!(diagnostics(&store, &[], 0), Vec::<Value>::new(), "a copy is no other rule");
    store.file("rules/other.yml", sigma_rule(ONE, "EventID: 4625"));
    let found = diagnostics(&store, &[], 0);
    assert_eq!((found.len(), text(&found[0], "code")), (1, "rule-duplicate-id"), "{found:#?}");
    assert!(text(&found[0], "path").ends_with("other.yml"));
    assert_eq!((&found[0]["line"], &found[0]["column"]), (&json!(2), &json!(5)));
}

#[test]
fn a_rule_without_a_detection_is_no_other_file() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID: 4624").replace("detection:", "detections:"));
    let found = diagnostics(&store, &[], 3);
    assert_eq!(text(&found[0], "code"), "sigma-missing-detection", "{found:#?}");
}

#[test]
fn sarif_has_rules_and_places() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID|contain: 4624"));
    let log: Value = serde_json::from_str(&check(&store, &["--format", "sarif"], 3)).expect("JSON");
    assert_valid(&schema("sarif-2.1.0.json"), &log);
    let run = &log["runs"][0];
    assert_eq!((&log["version"], &run["tool"]["driver"]["name"]), (&json!("2.1.0"), &json!("retrohunt")));
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "sigma-unknown-modifier");
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&json!("sigma-unknown-modifier"), &json!("error")));
    assert!(text(&result["message"], "text").ends_with("did you mean `contains`?"), "{result}");
    let place = &result["locations"][0]["physicalLocation"];
    assert!(text(&place["artifactLocation"], "uri").starts_with("file:///"), "{place}");
    assert_eq!(place["region"], json!({ "startLine": 13, "startColumn": 17, "endLine": 13, "endColumn": 24 }));
}

#[test]
fn rules_that_cannot_fire_in_a_store_are_noted() {
    let store = TestStore::new();
    let log = store.file("a.jsonl", security_line(1, 4624, r#","Account":"Ann""#));
    let with = |id: u32, from: &str, to: &str| {
        let id = format!("aaaaaaaa-0000-4000-8000-00000000000{id}");
        sigma_rule(&id, "EventID: 4624").replace(from, to)
    };
    store.file("rules/1.yml", with(1, "", ""));
    store.file("rules/2.yml", with(2, "service: security", "service: system"));
    store.file("rules/3.yml", with(3, "EventID: 4624", "Nobody: x"));
    store.file("rules/4.yml", with(4, "EventID: 4624", "EventID: 4625"));
    store.file("rules/5.yml", with(5, "service: security", "service: no_such"));
    store.file("rules/6.yml", with(6, "EventID: 4624", "Account: Ann"));
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    store.run(["check", &rules, "--against-store"]).expect_code(&[1]);
    store.load([&log]).expect_code(&[0]);
    let found = diagnostics(&store, &["--against-store"], 0);
    let short = |d: &Value| {
        format!("{} {} {} {}:{}", text(d, "path").rsplit('/').next().unwrap(), text(d, "severity"), text(d, "code"), d["line"], d["column"])
    };
    let expected = [
        "5.yml warning sigma-unknown-logsource 10:14",
        "2.yml note store-logsource-absent 8:1",
        "3.yml note store-field-absent 13:9",
        "4.yml note store-type-absent 8:1",
        "5.yml note store-logsource-unknown 8:1",
    ];
    assert_eq!(found.iter().map(short).collect::<Vec<_>>(), expected, "{found:#?}");
    assert_eq!(diagnostics(&store, &[], 0).len(), 1);
}

#[test]
fn log_sources_that_nobody_knows_are_told_without_a_store() {
    let store = TestStore::new();
    let with = |id: u32, source: &str| {
        let id = format!("aaaaaaaa-0000-4000-8000-00000000000{id}");
        sigma_rule(&id, "EventID: 4624").replace("    product: windows\n    service: security\n", source)
    };
    store.file("rules/1.yml", with(1, "    product: windwos\n    category: proces_creation\n"));
    store.file("rules/2.yml", with(2, "    product: windows\n    category: proces_creation\n"));
    store.file("rules/3.yml", with(3, "    product: windows\n    service: sysmon\n    category: file_rename\n"));
    store.file("rules/4.yml", with(4, "    service: our_own\n"));
    store.file("rules/5.yml", with(5, "    product: Windows\n    service: SECURITY\n"));
    let found = diagnostics(&store, &[], 0);
    let short = |d: &Value| {
        let path = text(d, "path").rsplit('/').next().unwrap();
        format!("{path} {} {}:{} {}", text(d, "code"), d["line"], d["column"], text(d, "message"))
    };
    let nothing = ": the rule matches nothing";
    let expected = [
        format!("1.yml sigma-unknown-logsource 9:14 there is no product `windwos`{nothing}"),
        format!("1.yml sigma-unknown-logsource 10:15 there is no category `proces_creation`{nothing}"),
        format!("2.yml sigma-unknown-logsource 10:15 windows has no category `proces_creation`{nothing}"),
        format!("4.yml sigma-unknown-logsource 9:14 there is no service `our_own`{nothing}"),
        "3.yml rule-needs-logsource 8:1 no log that retrohunt reads has the events of `windows file_rename sysmon`".to_owned(),
    ];
    assert_eq!(found.iter().map(short).collect::<Vec<_>>(), expected, "{found:#?}");
    let shown = check(&store, &[], 0);
    for hint in ["did you mean `windows`?", "did you mean `process_creation`?"] {
        assert!(shown.contains(hint), "{shown}");
    }
}

#[test]
fn dead_parts_of_a_rule_are_named() {
    let store = TestStore::new();
    let log = store.file("a.jsonl", security_line(1, 4625, r#","IpAddress":"10.0.0.1","CommandLine":"x -enc y""#));
    store.load([&log]).expect_code(&[0]);
    let either = "title: T\nid: aaaaaaaa-0000-4000-8000-000000000001\nlevel: low\nlogsource: {product: windows, service: security}\n\
        detection:\n  s: {EventID: 4625, IpAdress: 1.2.3.4}\n  t:\n    EventID: 4625\n    'IpAdres|startswith': '192'\n  u: {EventID: 4625}\n  \
        f:\n    - CommandLin|contains: ' -enc '\n    - Nothing_alike: 1\n  condition: (1 of s or t or u) and not f\n";
    store.file("rules/1.yml", either);
    store.file("rules/2.yml", sigma_rule(TWO, "CommandLin|contains: ' -enc '"));
    let found = diagnostics(&store, &["--against-store"], 0);
    let short = |d: &Value| {
        let path = text(d, "path").rsplit('/').next().unwrap();
        format!("{path} {} {}:{} {}", text(d, "code"), d["line"], d["column"], text(d, "message"))
    };
    let (part, whole) =
        ("this part never matches: no stored event of its log source has", "the rule cannot fire: no stored event of its log source has");
    let expected = [
        format!("1.yml store-field-absent 12:7 {part} `CommandLin`"),
        format!("1.yml store-field-absent 9:6 {part} `IpAdres`"),
        format!("1.yml store-field-absent 6:22 {part} `IpAdress`"),
        format!("1.yml store-field-absent 13:7 {part} `Nothing_alike`"),
        format!("2.yml store-field-absent 13:9 {whole} `CommandLin`"),
    ];
    assert_eq!(found.iter().map(short).collect::<Vec<_>>(), expected, "{found:#?}");
    let output = store.run(["check", &store.folder().join("rules").to_string_lossy(), "--against-store"]).expect_code(&[0]);
    assert_eq!(output.stdout.matches("did you mean `IpAddress`?").count(), 2, "{}", output.stdout);
    assert_eq!(output.stdout.matches("did you mean `CommandLine`?").count(), 2, "{}", output.stdout);
    assert!(output.stderr.contains("1 rule cannot fire"), "{}", output.stderr);
}

#[test]
fn a_rule_is_told_by_what_it_says_and_not_by_its_lines() {
    let store = TestStore::new();
    let search = "index=main EventCode=4625 | stats count by user";
    store.file("rules/flow.yml", format!("{{name: Flow, id: {ONE}, search: \"{search}\"}}\n"));
    let rule = json!({
        "title": "J", "id": TWO, "level": "low",
        "logsource": { "product": "windows", "service": "security" },
        "detection": { "s": { "EventID": 4625 }, "condition": "s" },
    });
    store.file("rules/rule.json", rule.to_string());
    store.file("rules/base.yml", format!("name: B\nid: {ONE}\ntype: Baseline\nsearch: '{search} | outputlookup x'\n"));
    store.file("rules/story.yml", format!("name: S\nid: {ONE}\nnarrative: It was night.\n"));
    store.file("rules/other.yml", "a: 1\n");
    store.file("rules/events.json", r#"{"search":"x","EventID":1}"#);
    let all: Value = serde_json::from_str(&check(&store, &["--format", "json"], 0)).expect("JSON");
    assert_eq!((&all["rules"], &all["compiled"]), (&json!(2), &json!(2)), "{all:#}");
    assert_eq!(all["skipped"], json!({ "baselines": 1, "stories": 1 }));
    assert_eq!(all["statuses"], json!({ "answered": 2, "needs data": 0, "unsupported": 0, "invalid": 0 }));
    let named = store.folder().join("rules/base.yml").to_string_lossy().into_owned();
    let output = store.run(["check", &named, "--format", "jsonl"]).expect_code(&[3]);
    assert!(output.stdout.contains("rule-not-recognised"), "{}", output.stdout);
}

/// A folder as ESCU keeps it, with detections of every status.
fn collection(store: &TestStore) {
    let detection = |name: &str, id: u32, search: &str| {
        let id = format!("aaaaaaaa-0000-4000-8000-00000000000{id}");
        store.file(&format!("rules/detections/{name}.yml"), format!("name: {name}\nid: {id}\ntype: TTP\nsearch: '{search}'\n"));
    };
    detection("Good", 1, "EventCode=4624 `own_source`");
    detection("Tags", 2, "a=1 | contingency b c | tags");
    detection("Contingency", 3, "a=1 | contingency b c");
    detection("Absent", 4, "a=1 `nobody`");
    detection("Elsewhere", 5, "sourcetype=our:own:thing a=1");
    detection("Misspelt", 6, "a=1 | stast count");
    detection("Second", 7, "$main = from source | where a=1");
    store.file("rules/macros/own.yml", "name: own_source\ndefinition: a=1\n");
    store.file("rules/lookups/own.yml", "name: own\nfilename: own.csv\n");
    store.file("rules/deployments/own.yml", format!("name: D\nid: {ONE}\nscheduling: {{cron_schedule: 0 * * * *}}\n"));
    store.file("rules/playbooks/own.yml", format!("name: P\nid: {ONE}\ntype: Investigation\nplaybook: own\n"));
    store.file("rules/data_sources/own.yml", format!("name: S\nid: {ONE}\nsource: s\nsourcetype: t\nfields: [a]\n"));
}

#[test]
fn every_rule_has_a_status_and_its_reasons() {
    let store = TestStore::new();
    collection(&store);
    store.file("rules/sigma.yml", sigma_rule(ONE, "EventID|expand: '%own%'"));
    let all: Value = serde_json::from_str(&check(&store, &["--format", "json"], 3)).expect("JSON");
    let short = |document: &Value| {
        let reason = |r: &Value| format!("{} {} {}:{}", text(r, "code"), r["feature"].as_str().unwrap_or("-"), r["line"], r["column"]);
        let reasons: Vec<String> = document["reasons"].as_array().expect("a list").iter().map(reason).collect();
        format!("{} {}: {} [{}]", text(document, "language"), text(document, "name"), text(document, "status"), reasons.join(", "))
    };
    let found: Vec<String> = all["documents"].as_array().expect("a list").iter().map(short).collect();
    let expected = [
        "splunk Absent: needs data [spl-unknown-macro nobody 4:14]",
        "splunk Contingency: unsupported [spl-unsupported-command contingency 4:16]",
        "splunk Elsewhere: needs data [rule-needs-logsource sourcetype=our:own:thing 4:1]",
        "splunk Good: answered []",
        "splunk Misspelt: invalid [spl-unknown-command stast 4:16]",
        "splunk Second: unsupported [spl-unsupported-spl2 - 4:10]",
        "splunk Tags: unsupported [spl-unsupported-command contingency 4:16, spl-unsupported-command tags 4:34]",
        "sigma Rule ONE: needs data [sigma-unresolved-placeholder own 13:25]",
    ];
    let found: Vec<String> = found.iter().map(|line| line.replace(ONE, "ONE")).collect();
    assert_eq!(found, expected, "{all:#}");
    assert_eq!(all["statuses"], json!({ "answered": 1, "needs data": 3, "unsupported": 3, "invalid": 1 }));
    assert_eq!(all["skipped"], json!({ "data sources": 1, "deployments": 1, "lookups": 1, "macros": 1, "playbooks": 1 }));
    let first = json!({ "kind": "command", "feature": "contingency", "code": null, "rules": 2, "alone": 1 });
    assert_eq!(all["kept_out"][0], first);
    let output = store.run(["check", &store.folder().join("rules").to_string_lossy()]).expect_code(&[3]);
    for said in [
        "status: Sigma: 1 needs data; Splunk: 1 answered, 2 need data, 3 unsupported, 1 invalid",
        "       2       (1)  command `contingency`",
        "not rules: playbooks 1, deployments 1, data sources 1, lookups 1, macros 1",
    ] {
        assert!(output.stderr.contains(said), "{said}: {}", output.stderr);
    }
    assert!(output.stdout.contains("did you mean `stats`?"), "{}", output.stdout);
}

#[test]
fn a_store_decides_what_is_answered() {
    let store = TestStore::new();
    let log = store.file("a.jsonl", security_line(1, 4624, r#","a":"1""#));
    store.load([&log]).expect_code(&[0]);
    collection(&store);
    store.file("rules/detections/Other.yml", format!("name: Other\nid: {TWO}\nsearch: EventCode=4625 Nobody=1\n"));
    let search = |name: &str, search: &str| {
        let id = format!("bbbbbbbb-0000-4000-8000-0000000000{:02}", name.len());
        store.file(&format!("rules/detections/{name}.yml"), format!("name: {name}\nid: {id}\nsearch: {search}\n"));
    };
    search("Joined", "EventCode=4624 | join a [search EventCode=4625]");
    search("LeftJoined", "EventCode=4624 | join type=left a [search EventCode=4625]");
    search("Appended", "EventCode=4625 | append [search EventCode=4624]");
    let all: Value = serde_json::from_str(&check(&store, &["--format", "json", "--against-store"], 3)).expect("JSON");
    let of = |name: &str| {
        let documents = all["documents"].as_array().expect("a list");
        let document = documents.iter().find(|d| d["name"] == name).expect("the document");
        let codes = document["reasons"].as_array().expect("a list").iter().map(|r| text(r, "code").to_owned());
        (text(document, "status").to_owned(), codes.collect::<Vec<_>>())
    };
    assert_eq!(of("Good"), ("answered".to_owned(), vec![]));
    assert_eq!(of("Elsewhere"), ("needs data".to_owned(), vec!["store-type-absent".to_owned()]));
    assert_eq!(of("Other").0, "needs data");
    assert_eq!(of("Joined"), ("needs data".to_owned(), vec!["store-type-absent".to_owned()]));
    assert_eq!((of("LeftJoined").0, of("Appended").0), ("answered".to_owned(), "answered".to_owned()));
    assert_eq!(of("Tags").0, "unsupported");
}

#[test]
fn a_detection_is_warned_of_fields_that_it_does_not_output() {
    let store = TestStore::new();
    let detection = format!(
        "name: N\nid: {ONE}\ntype: TTP\nsearch: a=1 | stats count by dest user\ntags:\n  message: $usr$ on $dest$\n  observable:\n  \
         - name: dst\n    type: Hostname\n    role: [Victim]\n"
    );
    store.file("rules/a.yml", detection);
    let found = diagnostics(&store, &[], 0);
    let short = |d: &Value| format!("{} {} {}:{}", text(d, "severity"), text(d, "code"), d["line"], d["column"]);
    assert_eq!(found.iter().map(short).collect::<Vec<_>>(), ["warning spl-message-field 6:12", "warning spl-risk-field 8:11"]);
    let shown = check(&store, &["--deny", "warnings"], 3);
    assert!(shown.contains("did you mean `user`?") && shown.contains("did you mean `dest`?"), "{shown}");
}

#[test]
fn misspelt_tags_get_the_nearest_one() {
    let store = TestStore::new();
    let log = store.file("a.jsonl", security_line(1, 4624, ""));
    store.load([&log]).expect_code(&[0]);
    let rule = store.file("rules/a.yml", sigma_rule(ONE, "EventID: 4624").replace("attack.t1021.002", "tlp.amebr"));
    let found = store.run(["check", &rule.to_string_lossy()]).expect_code(&[0]);
    assert!(found.stdout.contains("did you mean `tlp.amber`?"), "{}", found.stdout);
    let output = store.run(["hunt", "--rules", &rule.to_string_lossy(), "--tag", "lateral-movment"]).expect_code(&[1]);
    assert!(output.stderr.contains("did you mean `lateral-movement`?"), "{}", output.stderr);
}

#[test]
fn every_format_is_taken() {
    let store = TestStore::new();
    store.file("rules/a.yml", sigma_rule(ONE, "EventID: '*'"));
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    for format in ["table", "json", "jsonl", "csv", "sarif"] {
        let output = run(["check", &rules, "--format", format]).expect_code(&[0]);
        assert!(output.stdout.contains("sigma-wildcard-only"), "{format}: {}", output.stdout);
    }
    run(["check", &rules, "--format", "junit"]).expect_code(&[2]);
}
