//! Data models: rows, fields, defaults and formulas (rules D1 to D7 of docs/datamodels.md), the three ways, and as views.

use retrohunt::ir::{Rule, Scope, Source};

use crate::support::evaluate::{Event, Value};
use crate::support::generate::splunk::escu_yaml;
use crate::support::stored::{Stored, aggregates, as_sql, evaluated, findings, same};
use crate::support::three_ways::{compiled, event};

const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";

/// An event of a channel with the members of a JSON object.
fn logged(id: i64, channel: &str, code: &str, members: &str) -> Event {
    Event { dataset: channel.to_owned(), code: code.to_owned(), ..event(id, members) }
}

/// A search over the rows of a dataset, `Model.Object`.
fn about(dataset: &str, prefix: Option<&str>, search: &str) -> Rule {
    let mut rule = compiled(&escu_yaml(search));
    let (model, object) = dataset.split_once('.').unwrap_or((dataset, ""));
    let (model, object) = (model.to_owned(), object.to_owned());
    rule.query.source = Source::Events(Scope::Dataset { model, object, prefix: prefix.map(str::to_owned) });
    rule
}

/// Asks a search the three ways; the result rows as `column=value` pairs.
#[track_caller]
fn answer(rule: &Rule, events: &[Event]) -> (Vec<i64>, Vec<String>) {
    let mut stored = Stored::of_json(events);
    let columns = stored.columns(rule);
    let expected = evaluated(&rule.query, events, &columns);
    let found = findings(&rule.query, events, &columns);
    let hunted = stored.hunt(std::slice::from_ref(rule)).remove(0);
    assert!(
        same(&hunted, &found, &rule.query) && (aggregates(&rule.query) || hunted.events == found.events),
        "{:?}\nhunt {hunted:?}\nevaluator {found:?}",
        rule.query
    );
    if let Some(portable) = stored.portable(rule) {
        assert!(same(&portable, &as_sql(&expected), &rule.query), "{:?}\nportable {portable:?}\nevaluator {expected:?}", rule.query);
    }
    let shown = |value: &Value| value.text().expect("a value").replace('\n', "|");
    let line = |row: &std::collections::BTreeMap<String, Value>| {
        row.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect::<Vec<_>>().join(" ")
    };
    let mut rows: Vec<String> = expected.rows.iter().map(line).collect();
    rows.sort();
    (expected.events, rows)
}

fn processes() -> Vec<Event> {
    let native = r#""NewProcessName":"C:\\Windows\\cmd.exe","NewProcessId":"0x1f4","ProcessId":"0x10","CommandLine":"cmd /c x",
        "TargetUserName":"-","SubjectUserName":"FS01$","ParentProcessName":"C:\\a\\p.exe""#;
    let sysmon = r#""Image":"C:\\Windows\\CMD.EXE","ProcessId":"500","CommandLine":"","User":"CORP\\bob","OriginalFileName":"Cmd.Exe",
        "IntegrityLevel":"High","Hashes":"MD5=1,SHA256=2""#;
    vec![
        logged(1, "Security", "4688", native),
        logged(2, SYSMON, "1", sysmon),
        logged(3, SYSMON, "5", r#""Image":"C:\\Windows\\cmd.exe","ProcessId":"500""#),
        logged(4, SYSMON, "1", r#""Image":"C:\\w\\nodomain.exe","User":"alice","CommandLine":["a","b"]"#),
    ]
}

#[test]
fn d1_rows_have_the_fields_of_their_dataset() {
    let events = processes();
    for (prefix, search, found) in [
        (Some("Processes"), "Processes.process_name=cmd.exe", vec![1, 2]),
        (Some("Processes"), "process_name=cmd.exe", vec![]),
        (Some("Processes"), "Processes.NewProcessName=*", vec![]),
        (None, "process_name=cmd.exe", vec![1, 2]),
        (None, "NewProcessName=*", vec![]),
        (None, "process_id=500", vec![1, 2]),
        (Some("Processes"), "host=host.test", vec![1, 2, 4]),
        (Some("Processes"), "Processes.user=bob OR Processes.user=alice OR Processes.user=fs01$", vec![1, 2, 4]),
    ] {
        assert_eq!(answer(&about("Endpoint.Processes", prefix, search), &events).0, found, "{search}");
    }
    let search = "_time=* | stats count by Processes.process_name Processes.user Processes.process_id";
    let (_, rows) = answer(&about("Endpoint.Processes", Some("Processes"), search), &events);
    assert_eq!(rows.len(), 3, "a field that is unknown is in a group: {rows:?}");
}

#[test]
fn d2_what_an_event_does_not_have_is_missing() {
    let events = processes();
    let is = |search: &str| answer(&about("Endpoint.Processes", None, search), &events).0;
    assert_eq!(is("NOT process_current_directory=*"), [1, 2, 4]);
    assert_eq!(is("NOT dest_category=*"), [1, 2, 4]);
    assert_eq!(is("NOT no_such_field=*"), [1, 2, 4]);
}

#[test]
fn d3_fields_are_unknown_where_the_model_says_so() {
    let events = processes();
    let is = |search: &str| answer(&about("Endpoint.Processes", Some("Processes"), search), &events).0;
    assert_eq!(is("Processes.original_file_name=unknown"), [1, 4]);
    assert_eq!(is("Processes.original_file_name!=unknown"), [2]);
    assert_eq!(is("Processes.original_file_name=*"), [1, 2, 4]);
    assert_eq!(is("Processes.process=unknown"), [2], "an empty text is as good as none");
    assert_eq!(is("Processes.process=\"\""), Vec::<i64>::new());
    assert_eq!(is("Processes.process=*n*"), [2]);
    assert_eq!(is("Processes.process=b"), [4]);
    assert_eq!(is("NOT Processes.process=*unknown*"), [1, 4]);
    assert_eq!(is("Processes.process_guid IN (unknown, x)"), [1, 2, 4]);
    let (_, rows) =
        answer(&about("Endpoint.Processes", Some("Processes"), "_time=* | stats count by Processes.original_file_name"), &events);
    assert_eq!(rows, ["Processes.original_file_name=Cmd.Exe count=1", "Processes.original_file_name=unknown count=2"]);
    let (_, rows) = answer(
        &about("Endpoint.Processes", None, "_time=* | where original_file_name=\"unknown\" | stats values(process) as p by process_name"),
        &events,
    );
    assert_eq!(rows, ["p=a|b process_name=nodomain.exe", "p=cmd /c x process_name=cmd.exe"]);
}

#[test]
fn d4_formulas_read_values_as_their_log_writes_them() {
    let registry = vec![
        logged(1, SYSMON, "13", r#""TargetObject":"HKLM\\Software\\Key\\Value","Details":"DWORD (0x00000001)","User":"A\\b""#),
        logged(2, SYSMON, "13", r#""TargetObject":"HKLM\\Run\\x","Details":"Binary Data""#),
        logged(3, SYSMON, "12", r#""TargetObject":"HKU\\S-1\\Run","EventType":"DeleteKey""#),
        logged(
            4,
            "Security",
            "4657",
            r#""ObjectName":"\\REGISTRY\\MACHINE\\a","ObjectValueName":"v","NewValue":"1","OperationType":"%%1904","SubjectUserName":"x""#,
        ),
    ];
    let search =
        "_time=* | stats count by action registry_hive registry_key_name registry_value_name registry_value_data registry_value_type user";
    let (_, rows) = answer(&about("Endpoint.Registry", None, search), &registry);
    assert_eq!(
        rows,
        [
            "action=created count=1 registry_hive=HKLM registry_key_name=a registry_value_data=1 registry_value_name=v \
             registry_value_type=unknown user=x",
            "action=deleted count=1 registry_hive=HKU registry_key_name=Run registry_value_data=unknown registry_value_name=unknown \
             registry_value_type=unknown user=unknown",
            "action=modified count=1 registry_hive=HKLM registry_key_name=Key registry_value_data=0x00000001 registry_value_name=Value \
             registry_value_type=REG_DWORD user=b",
            "action=modified count=1 registry_hive=HKLM registry_key_name=Run registry_value_data=Binary Data registry_value_name=x \
             registry_value_type=REG_BINARY user=unknown",
        ]
    );
    let traffic = vec![
        logged(
            1,
            SYSMON,
            "3",
            r#""Image":"C:\\a.exe","Protocol":"TCP","SourceIp":"10.0.0.1","DestinationIp":"10.0.0.2","DestinationHostname":"-","Initiated":"true""#,
        ),
        logged(
            2,
            "Security",
            "5157",
            r#""Application":"\\device\\a.exe","Protocol":"6","SourceAddress":"10.0.0.1","DestAddress":"10.0.0.3","Direction":"%%14592""#,
        ),
    ];
    let search = "_time=* | stats count by dest app transport direction action";
    let (_, rows) = answer(&about("Network_Traffic.All_Traffic", None, search), &traffic);
    assert_eq!(
        rows,
        [
            "action=allowed app=C:\\a.exe count=1 dest=10.0.0.2 direction=outbound transport=tcp",
            "action=blocked app=\\device\\a.exe count=1 dest=10.0.0.3 direction=inbound transport=tcp",
        ]
    );
    let blocked = about("Network_Traffic.Blocked_Traffic", Some("Blocked_Traffic"), "All_Traffic.dest_ip=10.0.0.3");
    assert_eq!(answer(&blocked, &traffic).0, [2]);
}

fn logons() -> Vec<Event> {
    vec![
        logged(1, "Security", "4624", r#""TargetUserName":"alice","LogonType":"3","IpAddress":"::ffff:10.0.0.9""#),
        logged(2, "Security", "4624", r#""TargetUserName":"FS01$","LogonType":"3""#),
        logged(3, "Security", "4625", r#""TargetUserName":"FS01$","LogonType":"2""#),
        logged(4, "Security", "4776", r#""TargetUserName":"bob","Status":"0xc000006a","Workstation":"PC""#),
        logged(5, "Security", "4776", r#""TargetUserName":"PC$","Status":"0x0""#),
        logged(6, "Security", "4634", r#""TargetUserName":"alice""#),
        logged(7, "Security", "4720", r#""TargetUserName":"eve","SubjectUserName":"alice""#),
    ]
}

#[test]
fn d5_a_condition_of_the_model_says_which_events_are_rows() {
    let is = |dataset: &str, search: &str| answer(&about(dataset, Some("Authentication"), search), &logons()).0;
    assert_eq!(is("Authentication", "_time=*"), [1, 3, 4]);
    assert_eq!(is("Authentication.Authentication", "Authentication.action=failure"), [3, 4]);
    assert_eq!(is("Authentication", "Authentication.action<\"FS01$\""), Vec::<i64>::new(), "texts in order are compared with case");
    assert_eq!(is("Authentication.Failed_Authentication", "_time=*"), [3, 4]);
    assert_eq!(is("Authentication.Successful_Authentication", "Authentication.user=*"), [1]);
    let (_, rows) = answer(&about("Authentication", None, "_time=* | stats count by src app user"), &logons());
    assert_eq!(
        rows,
        [
            "app=win:local count=1 src=unknown user=FS01$",
            "app=win:remote count=1 src=10.0.0.9 user=alice",
            "app=win:unknown count=1 src=PC user=bob",
        ]
    );
}

#[test]
fn d6_node_names_and_tags_say_of_which_datasets_a_row_is() {
    let is = |dataset: &str, search: &str| answer(&about(dataset, Some("x"), search), &logons()).0;
    assert_eq!(is("Authentication", "nodename=Authentication.Failed_Authentication"), [3, 4]);
    assert_eq!(is("Authentication", "nodename=Authentication"), [1, 3, 4]);
    assert_eq!(is("Authentication", "NOT nodename=*Successful*"), [3, 4]);
    assert_eq!(is("Authentication", "Authentication.tag=authentication"), [1, 3, 4]);
    assert_eq!(is("Change", "nodename=All_Changes.Account_Management.Accounts_Created"), [7]);
    assert_eq!(is("Change.All_Changes", "All_Changes.Account_Management.src_user=alice"), [7]);
    assert_eq!(is("Change.All_Changes.Account_Management", "All_Changes.user=eve"), [7]);
    assert_eq!(is("Change", "All_Changes.tag=account"), [7]);
}

/// A view has the rows and the values that a search over the dataset has.
#[test]
fn d7_views_have_the_same_values() {
    let stored = Stored::of_json(&processes());
    let sql =
        "SELECT _id, process_name, user, process_id, original_file_name, process_current_directory FROM endpoint_processes ORDER BY 1";
    assert_eq!(
        stored.asked(sql),
        ["1 cmd.exe FS01$ 500 unknown NULL", "2 CMD.EXE bob 500 Cmd.Exe NULL", "4 nodomain.exe alice unknown unknown NULL"]
    );
    let stored = Stored::of_json(&logons());
    assert_eq!(stored.asked("SELECT _id FROM authentication ORDER BY 1"), ["1", "3", "4"]);
    assert_eq!(stored.asked("SELECT _id, user, src FROM authentication_failed_authentication ORDER BY 1"), ["3 FS01$ unknown", "4 bob PC"]);
    assert_eq!(stored.asked("SELECT user, src_user FROM change_account_management"), ["eve alice"]);
}

#[test]
fn tags_are_those_of_the_datasets_that_an_event_is_a_row_of() {
    let native = r#""NewProcessName":"C:\\a.exe","SubjectUserName":"bob""#;
    let logon = |user: &str| format!(r#""TargetUserName":"{user}","LogonType":"3""#);
    let events = [
        logged(1, "Security", "4688", native),
        logged(2, SYSMON, "1", r#""Image":"C:\\b.exe""#),
        logged(3, SYSMON, "11", r#""TargetFilename":"C:\\c.txt""#),
        logged(4, "Security", "4624", &logon("alice")),
        logged(5, "Security", "4624", &logon("WS01$")),
        logged(6, "Security", "9999", r#""A":"b""#),
    ];
    let ids = |search: &str| answer(&compiled(&escu_yaml(search)), &events).0;
    assert_eq!(ids("tag=process"), [1, 2]);
    assert_eq!(ids("tag=Endpoint"), [3]);
    assert_eq!(ids("tag=auth*"), [4], "a machine's own logon is no row of the dataset");
    assert_eq!(ids("tag=process tag=report"), [1, 2]);
    assert_eq!(ids("tag=process OR (EventCode=9999 NOT tag=*)"), [1, 2, 6]);
    assert_eq!(ids("tag!=process"), [1, 2, 3, 4], "every row here has another tag too");
    assert_eq!(ids("tag=alert"), [0_i64; 0]);
    let rows = answer(&compiled(&escu_yaml("tag=process | stats count by EventCode")), &events).1;
    assert_eq!(rows, ["EventCode=1 count=1", "EventCode=4688 count=1"]);
}
