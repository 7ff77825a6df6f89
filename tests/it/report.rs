//! The report as a file: what it replaces, what it leaves out, what it hides. What a browser does with it is tested by `tests/web`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::binary::TestStore;
use crate::support::samples::{security_line, sigma_rule};

const ID: &str = "44444444-4444-4444-8444-444444444444";

/// A store with two findings of one rule.
fn hunted() -> TestStore {
    let store = TestStore::new();
    let lines: String = ["alice", "bob"]
        .iter()
        .zip(1..)
        .map(|(user, n)| security_line(n, 4624, &format!(r#","TargetUserName":"{user}","IpAddress":"10.7.0.9""#)))
        .collect();
    let input = store.file("alice-laptop/events.jsonl", lines);
    store.load([&input]);
    let rule = store.file("rule.yml", sigma_rule(ID, "EventID: 4624"));
    store.run(["hunt", "--format", "jsonl", "--rules", rule.to_str().unwrap()]).expect_code(&[0]);
    store
}

fn report(store: &TestStore, more: &[&str]) -> String {
    let arguments = ["report", "--html", "-"].iter().chain(more);
    store.run(arguments).expect_code(&[0]).stdout
}

/// A page as a reader has it: a name goes on where a line may end in it.
fn read(page: &str) -> String {
    page.replace("<wbr>", "")
}

/// The data that a page holds.
fn data(page: &str) -> Value {
    let packed = page.split("<script id=\"data\" type=\"application/octet-stream\">").nth(1).unwrap().split('<').next().unwrap();
    let sextet = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("base64 has no `{c}`"),
    };
    let digits: Vec<u8> = packed.bytes().filter(|c| *c != b'=').map(sextet).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let number = four.iter().fold(0_u32, |number, digit| number << 6 | u32::from(*digit)) << (6 * (4 - four.len()));
        number.to_be_bytes()[1..four.len()].to_vec()
    });
    let mut json = String::new();
    GzDecoder::new(bytes.collect::<Vec<u8>>().as_slice()).read_to_string(&mut json).unwrap();
    serde_json::from_str(&json).unwrap()
}

/// The programs of the first finding's process and of those above it.
fn chain(data: &Value) -> Vec<&str> {
    let processes = &data["processes"];
    let mut at = data["events"]["process"][0].as_u64();
    let mut chain = Vec::new();
    while let Some(process) = at {
        let text = processes["image"][process as usize].as_u64().unwrap();
        chain.push(data["names"]["texts"][text as usize].as_str().unwrap());
        at = processes["parent"][process as usize].as_u64();
    }
    chain
}

#[test]
fn processes_lead_to_those_that_started_them() {
    let sysmon = |n: u32, code: u32, more: &str| {
        format!(
            r#"{{"@timestamp":"2024-03-01T10:00:{n:02}Z","Channel":"Microsoft-Windows-Sysmon/Operational","EventID":{code},"Hostname":"h","RecordNumber":{n}{more}}}"#
        ) + "\n"
    };
    let guid = |n: u32| format!("{{00000000-0000-0000-0000-{n:012}}}");
    let started = |n: u32, image: &str, parent: u32| {
        let (own, above) = (guid(n), guid(parent));
        sysmon(n, 1, &format!(r#","ProcessGuid":"{own}","ParentProcessGuid":"{above}","Image":"{image}","ParentImage":"of {image}""#))
    };
    // By GUID, to a parent whose own start nobody saw; the finding is about a network connection.
    let connected = sysmon(9, 3, &format!(r#","ProcessGuid":"{}","Image":"c.exe","DestinationPort":"4444""#, guid(3).to_lowercase()));
    let by_guid = [started(1, "a.exe", 7), started(2, "b.exe", 1), started(3, "c.exe", 2), connected].concat();
    // By number on a host: 0x20 is used twice, and what counts is the time.
    let process = |n: i64, own: &str, parent: &str, image: &str| {
        security_line(
            n,
            4688,
            &format!(r#","NewProcessId":"{own}","ProcessId":"{parent}","NewProcessName":"{image}","ParentProcessName":"p of {image}""#),
        )
    };
    let by_number =
        [process(1, "0x20", "0x4", "first.exe"), process(2, "0x30", "0x20", "wanted.exe"), process(3, "0x20", "0x4", "second.exe")];
    for (lines, selection, expected) in [
        (by_guid, "DestinationPort: 4444", &["c.exe", "b.exe", "a.exe", "of a.exe"][..]),
        (by_number.concat(), "NewProcessName: wanted.exe", &["wanted.exe", "first.exe", "p of first.exe"]),
    ] {
        let store = TestStore::new();
        store.load([&store.file("events.jsonl", lines)]);
        let rule = sigma_rule(ID, selection).replace("    service: security\n", "");
        let rule = store.file("rule.yml", rule);
        store.run(["hunt", "--format", "jsonl", "--rules", rule.to_str().unwrap()]).expect_code(&[0]);
        let page = data(&report(&store, &[]));
        assert_eq!(chain(&page), expected, "{page}");
    }
}

#[test]
fn the_same_store_gives_the_same_page() {
    let store = hunted();
    let page = report(&store, &[]);
    assert!(page.starts_with("<!doctype html>\n<!-- retrohunt report -->\n"));
    assert!(page.contains("2 from 1 rule") && read(&page).contains("alice-laptop") && read(&page).contains(&format!("Rule {ID}")));
    assert_eq!(page, report(&store, &[]));
}

#[test]
fn a_report_is_replaced_and_no_other_file() {
    let store = hunted();
    let path = store.folder().join("report.html");
    for _ in 0..2 {
        store.run(["report", "--html", path.to_str().unwrap()]).expect_code(&[0]);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), report(&store, &[]));
    let before = fs::read(store.path()).unwrap();
    let refused = store.run(["report", "--html", store.path().to_str().unwrap()]).expect_code(&[1]);
    assert!(refused.stderr.contains("is not a report of retrohunt"), "{}", refused.stderr);
    assert_eq!(fs::read(store.path()).unwrap(), before);
    let nowhere = store.run(["report", "--html", "no/such/folder/report.html"]).expect_code(&[1]);
    assert!(nowhere.stderr.contains("there is no folder `no/such/folder`"), "{}", nowhere.stderr);
}

#[test]
fn filters_leave_findings_out_and_the_page_says_so() {
    let store = hunted();
    for (arguments, expected) in [
        (&["--level", "high"][..], "2 from 1 rule"),
        (&["--level", "critical"], "0 from 0 rules"),
        (&["--since", "2024-03-01T10:00:02"], "1 from 1 rule"),
        (&["--until", "2024-03-01"], "0 from 0 rules"),
        (&["--status", "new"], "2 from 1 rule"),
        (&["--status", "closed"], "0 from 0 rules"),
        (&["--host", "host"], "2 from 1 rule"),
        (&["--user", "alice"], "1 from 1 rule"),
    ] {
        let page = read(&report(&store, arguments));
        assert!(page.contains(expected), "{arguments:?}");
        let name = ["Level", "Since", "Until", "Status", "Host", "User"]
            .into_iter()
            .find(|name| arguments[0] == format!("--{}", name.to_lowercase()))
            .unwrap();
        assert!(page.contains(&format!("<dt>{name}</dt>")), "{arguments:?}");
    }
}

#[test]
fn a_redacted_page_names_nobody() {
    let store = hunted();
    let shown = |page: &str| page.split("<script id=\"data\"").next().map(read).unwrap();
    let (open, redacted) = (shown(&report(&store, &[])), shown(&report(&store, &["--redact"])));
    for name in ["alice", "host.test", "10.7.0.9"] {
        assert!(open.contains(name), "{name}");
        assert!(!redacted.contains(name), "{name}");
    }
    assert!(redacted.contains("user-1") && redacted.contains("host-1") && redacted.contains("address-1"));
    assert_eq!(report(&store, &["--redact"]), report(&store, &["--redact"]));
    let packed = data(&report(&store, &["--redact"])).to_string();
    assert!(["alice", "bob", "host.test", "10.7.0.9"].iter().all(|name| !packed.contains(name)), "{packed}");
}

/// The head counts each event of the store once, and the matrix knows the rules that do not compile.
#[test]
fn a_report_counts_events_once_and_knows_what_does_not_compile() {
    let store = hunted();
    let line = security_line(1, 4624, r#","TargetUserName":"alice","IpAddress":"10.7.0.9""#);
    store.load([store.file("copy.jsonl", [line, security_line(3, 4634, "")].concat())]);
    let broken = sigma_rule("55555555-5555-4555-8555-555555555555", "EventID|nothing: 4624").replace("t1021.002", "t1558.001");
    let rules = store.file("broken.yml", [sigma_rule(ID, "EventID: 4624"), broken].join("---\n"));
    store.run(["hunt", "--rules", rules.to_str().unwrap()]).expect_code(&[3]);
    let page = report(&store, &[]);
    assert!(page.contains("<dt>Events loaded</dt><dd>3 from 2 sources</dd>"), "{}", page.split("</dl>").next().unwrap());
    // Long names may break at marks that are not seen.
    assert!(page.replace("<wbr>", "").contains("T1558.001 Steal or Forge Kerberos Tickets: Golden Ticket"));
}

/// One host, one user and one domain in twenty forms: no part of them is left, neither on the page nor in its data.
#[test]
fn a_redacted_page_has_no_form_of_a_name() {
    let forms = [
        r"run KDMO\jane.roe",
        r"run kdmo\u005cJane.Roe",
        "run jane.roe@kdmo.lan",
        "run jane.roe@KDMO",
        r"net use z: \\qx7-very-long-name\c$ /user:kdmo\jane.roe",
        r"C:\Users\jane.roe\Desktop\x.exe",
        r"C:\Users\jane.roe.KDMO\x.exe",
        "cat /home/jane.roe/x",
        "get ?u=kdmo%5Cjane.roe%40kdmo.lan",
        "dsquery CN=jane.roe,OU=Staff,DC=kdmo,DC=lan",
        r"dsquery CN=Roe\, Jane,OU=Staff,DC=kdmo,DC=lan",
        "dsquery cn=QX7-VERY-LONG-NAME,OU=Domain Controllers,dc=kdmo, dc=lan",
        "adsi LDAP://DC=kdmo,DC=lan",
        "dns DC=DomainDnsZones,DC=kdmo,DC=lan",
        "klist QX7-VERY-LONG-NAME$@KDMO.LAN",
        "klist HOST/qx7-very-long-name.kdmo.lan:445",
        r"dir \\qx7-very-long-n\ipc$",
        "curl http://qx7-very-long-name.kdmo.lan/x?u=jane.roe",
        "klist krbtgt/KDMO.LAN, jane.roe's, jane.roe_admin, kdmo.lan.",
        "ping qx7-very-long-name._msdcs.kdmo.lan",
    ];
    let line = |(record, form): (usize, &&str)| {
        let event = serde_json::json!({
            "@timestamp": format!("2024-03-01T10:00:{record:02}.000Z"), "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1,
            "Hostname": "QX7-VERY-LONG-NAME.kdmo.lan", "RecordNumber": record, "Image": r"C:\x.exe", "User": r"KDMO\jane.roe", "CommandLine": form,
        });
        format!("{event}\n")
    };
    let store = TestStore::new();
    store.load([store.file("QX7-VERY-LONG-NAME/jane.roe/events.jsonl", (1..).zip(&forms).map(line).collect::<String>())]);
    let rule = sigma_rule(ID, "EventID: 1").replace("service: security", "category: process_creation");
    store.run(["hunt", "--rules", store.file("rule.yml", rule).to_str().unwrap()]).expect_code(&[0]);
    let page = report(&store, &["--redact", "--user", "jane.roe"]);
    let shown = page.split("<script id=\"data\"").next().unwrap().replace("<wbr>", "");
    let all = format!("{shown}\n{}", data(&page)).to_lowercase();
    let words = all.split(|c: char| !c.is_alphanumeric());
    let left: Vec<&str> = words.filter(|word| ["kdmo", "lan", "jane", "roe", "qx7"].iter().any(|part| word == part)).collect();
    assert!(left.is_empty(), "{left:?}: {}", all.lines().filter(|line| left.iter().any(|word| line.contains(word))).collect::<String>());
    assert_eq!(data(&page)["findings"]["id"].as_array().map(Vec::len), Some(20));
}

/// Rules with ids of techniques of several versions: some fire, one could, one is blind.
fn techniques_of_several_versions() -> TestStore {
    let store = TestStore::new();
    let lines: String = (1..4).map(|n| security_line(n, if n < 3 { 4624 } else { 4720 }, r#","TargetUserName":"alice""#)).collect();
    store.load([store.file("events.jsonl", lines)]);
    let rules = [
        // Two ids of one technique of today are one technique.
        ("    - attack.t1562.001\n    - attack.t1685\n    - attack.defense-evasion\n", "EventID: 4624", "security"),
        ("    - attack.t1562.001\n", "EventID: 4720", "security"),
        ("    - attack.t1086\n", "EventID: 4720", "security"),
        ("    - attack.t1059.001\n    - attack.t9999\n", "EventID: 4720", "security"),
        ("    - attack.t1015\n    - attack.t1059.001\n", "TargetUserName: nobody", "security"),
        ("    - attack.t1019\n    - attack.t1542.001\n", "EventID: 1", "sysmon"),
    ];
    for (number, (tags, selection, service)) in rules.iter().enumerate() {
        let rule = sigma_rule(&format!("{}{number}", &ID[1..]), selection).replace("service: security", &format!("service: {service}"));
        store.file(&format!("rules/{number}.yml"), rule.replace("    - attack.lateral-movement\n    - attack.t1021.002\n", tags));
    }
    let folder = store.folder().join("rules").to_string_lossy().into_owned();
    store.run(["hunt", "--format", "jsonl", "--rules", &folder]).expect_code(&[0]);
    store
}

#[test]
fn report_coverage_navigator_and_groups_count_the_same_techniques() {
    let store = techniques_of_several_versions();
    let rules = store.folder().join("rules").to_string_lossy().into_owned();
    let json = |arguments: &[&str]| serde_json::from_str::<Value>(&store.run(arguments).expect_code(&[0]).stdout).unwrap();
    let findings = BTreeMap::from([("T1685", 3), ("T1059.001", 2), ("T9999", 1)].map(|(id, number)| (id.to_owned(), number)));

    let coverage = json(&["coverage", "--rules", &rules, "--format", "json"]);
    let of = |row: &Value, id: &str, number: &str| (row[id].as_str().unwrap().to_owned(), row[number].as_u64().unwrap());
    let listed = |state: &str| coverage.as_array().unwrap().iter().filter(|row| row["state"] == state).count();
    let fired = coverage.as_array().unwrap().iter().filter(|row| row["state"] == "fired");
    assert_eq!(fired.map(|row| of(row, "technique", "findings")).collect::<BTreeMap<_, _>>(), findings);

    let layer = json(&["export", "navigator"]);
    let scored = layer["techniques"].as_array().unwrap().iter();
    assert_eq!(scored.map(|row| of(row, "techniqueID", "score")).collect::<BTreeMap<_, _>>(), findings);

    let groups = json(&["findings", "--group-by", "technique", "--format", "json"]);
    let grouped = groups.as_array().unwrap().iter();
    assert_eq!(grouped.map(|row| of(row, "technique", "findings")).collect::<BTreeMap<_, _>>(), findings);

    let page = report(&store, &[]);
    let counts = ["fired", "could fire", "blind"].map(listed);
    assert_eq!(counts, [3, 1, 1]);
    let [fired, could, blind] = counts;
    let sentence = format!("<p>{fired} techniques fired (a rule found something), {could} could have fired");
    assert!(page.contains(&sentence) && page.contains(&format!("finding of it), {blind} are blind")), "{page}");
    for (id, number) in &findings {
        let rest = read(&page).split(&format!("\">{id}")).nth(1).unwrap().to_owned();
        assert!(rest.split("</li>").next().unwrap().contains(&format!(">{number} finding")), "{id}");
    }
    // What a rule calls a technique itself is still found and shown.
    let data = data(&page);
    let own = &data["rules"]["ownTechniques"];
    let texts: Vec<&str> = own["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| data["names"]["texts"][at.as_u64().unwrap() as usize].as_str().unwrap())
        .collect();
    assert_eq!(texts.iter().filter(|text| **text == "T1562.001").count(), 2, "{texts:?}");
}

#[test]
fn a_page_has_the_times_of_findings_all_of_whose_events_are_known() {
    let store = TestStore::new();
    let event = |n: i64, user: &str| security_line(n, 4624, &format!(r#","TargetUserName":"{user}""#));
    let lines: String =
        (1..=3).map(|n| event(10 * n, "few")).chain((1..=1_100).map(|n| event(n, "many"))).chain([event(7, "one")]).collect();
    store.load([store.file("events.jsonl", lines)]);
    let rule = format!("name: Logons\nid: {ID}\ntype: TTP\nsearch: EventCode=4624 | stats count by TargetUserName\n");
    let rule = store.file("rule.yml", rule);
    store.run(["hunt", "--format", "jsonl", "--rules", rule.to_str().unwrap()]).expect_code(&[0]);
    let data = data(&report(&store, &[]));
    let (counts, times) = (&data["findings"]["count"], &data["findings"]["times"]);
    let runs: BTreeMap<u64, u64> = counts
        .as_array()
        .unwrap()
        .iter()
        .zip(times["runs"].as_array().unwrap())
        .map(|(n, runs)| (n.as_u64().unwrap(), runs.as_u64().unwrap()))
        .collect();
    // Of 1,100 events 1,000 are kept: the others may be anywhere. One event is its own first and last.
    assert_eq!(runs, BTreeMap::from([(3, 3), (1_100, 0), (1, 0)]));
    assert_eq!(times["steps"], serde_json::json!([0, 0, 10_010_000, 0, 10_010_000, 0]));
}
