//! Splunk: texts and lists (X) over loaded events. These stages run in the hunt alone.

use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::hunt::{self, HuntOptions};
use retrohunt::load::{LoadOptions, load};
use retrohunt::store::{FindingFilter, Store};
use retrohunt::taxonomy::Taxonomy;
use serde_json::Value;

use crate::support::generate::splunk::escu_yaml;

/// The rows of a search over one file, as `column=value` in the order of the columns; members of a list joined by `|`.
fn rows(file: &str, content: &str, search: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(file);
    std::fs::write(&path, content).expect("a file");
    let mut store = Store::open(&folder.path().join("store.db")).expect("a store");
    load(&mut store, &[path], &LoadOptions::default(), &mut |_| {}).expect("a load");
    let set = load_text("rule.yml", &escu_yaml(search), &CompileOptions::default());
    assert_eq!(set.rules.len(), 1, "{search}: {:?}", set.diagnostics);
    let summary = hunt::run(&mut store, &set.rules, &[], Taxonomy::embedded(), &HuntOptions::starting_at(0), &mut |_| {}).expect("a hunt");
    assert!(summary.failed.is_empty(), "{search}: {:?}", summary.failed);
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(members) => members.iter().map(|m| m.as_str().unwrap_or_default()).collect::<Vec<_>>().join("|"),
        Value::Null => "∅".to_owned(),
        other => other.to_string(),
    };
    let row = |columns: &serde_json::Map<String, Value>| {
        columns.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect::<Vec<_>>().join(" ")
    };
    store.findings(&FindingFilter::default()).expect("findings").iter().map(|finding| row(&finding.columns)).collect()
}

fn of_json(event: &str, search: &str) -> Vec<String> {
    let event = format!(r#"{{"@timestamp":"2024-01-01T00:00:00Z",{event}}}"#);
    rows("events.jsonl", &event, &format!("id=1 | {search}"))
}

#[test]
fn groups_become_fields_that_later_commands_read() {
    let event = r#""id":"1","a":"CN={g1} CN={g2}","acl":"(A;x;S-1)(D;y;S-2)""#;
    let search = r#"rex field=a max_match=0 "CN=(?<guid>\{.*?\})" | table guid"#;
    assert_eq!(of_json(event, search), ["guid={g1}|{g2}"], "X2");
    let search = r#"rex field=acl max_match=10000 "\((?P<ace>.*?)\)" | mvexpand ace | rex field=ace "(?P<type>.*?);.*?;(?P<sid>.*?)$"
        | search type=D | stats count by sid"#;
    assert_eq!(of_json(event, search), ["sid=S-2 count=1"], "X6");
    let search = r#"rex field=a mode=sed "s/CN=\{(\w+)\}/<\1>/g" | table a"#;
    assert_eq!(of_json(event, search), ["a=<g1> <g2>"], "X3");
    let search = "replace \"CN=* CN=*\" with \"* and *\" in a | makemv delim=\" and \" a | eval n=mvcount(a) | nomv a | eval m=mvcount(a) | table n m";
    assert_eq!(of_json(event, search), ["n=2 m=1"], "X4, X5, X8");
}

#[test]
fn json_inside_of_a_field_is_read() {
    let event = r#""id":"1","Data":"{\"user\":\"bob\",\"list\":[{\"k\":\"x\"},{\"k\":\"y\"}]}","o":{"p":[{"q":"1"},{"q":"2"}]}"#;
    assert_eq!(of_json(event, "spath input=Data path=list{}.k output=k | mvexpand k | stats count by k"), ["k=x count=1", "k=y count=1"]);
    assert_eq!(of_json(event, "spath input=Data | rename list{}.k as k | table user k"), ["user=bob k=x|y"], "X14");
    assert_eq!(of_json(event, "spath input=Data | rename list{}.* as * | table user k"), ["user=bob k=x|y"], "X14");
    assert_eq!(of_json(event, "fromjson Data prefix=d_ | table d_user"), ["d_user=bob"], "X13");
    assert_eq!(of_json(event, "spath output=q path=o.p{}.q | table q"), ["q=1|2"], "X10");
}

#[test]
fn a_text_may_take_the_place_of_the_raw_text() {
    let event = r#""id":"1","etps":"Verdict:Phish;Rescan Verdict:Malware""#;
    let search = "rename etps as _raw | extract pairdelim=\";\" kvdelim=\":\" | search Rescan_Verdict=malware | table Verdict";
    assert_eq!(of_json(event, search), ["Verdict=Phish"], "X12");
    let quotes = r#""id":"1","etps":"x=\"7\"> y=\"8 9\"z=10""#;
    let search = "rename etps as _raw | extract | table x y z";
    assert_eq!(of_json(quotes, search), ["x=7 y=8 9 z=10"], "X12");
}

const TASK: &str = r#"<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Security-Auditing"/>
<EventID>4698</EventID><TimeCreated SystemTime="2024-01-01T00:00:00.000Z"/><EventRecordID>7</EventRecordID><Channel>Security</Channel>
<Computer>h</Computer></System><EventData><Data Name="TaskName">\x</Data><Data Name="TaskContent">&lt;?xml version="1.0"?&gt;
&lt;Task&gt;&lt;Settings&gt;&lt;Hidden&gt;true&lt;/Hidden&gt;&lt;/Settings&gt;&lt;Actions&gt;&lt;Exec&gt;&lt;Command&gt;cmd.exe&lt;/Command&gt;
&lt;Arguments&gt;/c &amp;quot;a&amp;quot;&lt;/Arguments&gt;&lt;/Exec&gt;&lt;/Actions&gt;&lt;/Task&gt;</Data></EventData></Event>"#;

#[test]
fn the_xml_of_a_task_is_read_without_a_rendered_text() {
    let search =
        "`wineventlog_security` EventCode=4698 | xmlkv Message | search Hidden=true | stats count by Task_Name, Command, Arguments, dest";
    assert_eq!(rows("events.xml", TASK, search), [r#"Task_Name=\x Command=cmd.exe Arguments=/c "a" dest=h count=1"#], "X11");
    let search = "`wineventlog_security` EventCode=4698 | spath input=TaskContent path=Task.Actions.Exec.Command output=c | table c";
    assert_eq!(rows("events.xml", TASK, search), ["c=cmd.exe"], "X9");
}

const LOCKED: &str = r#"<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-AppLocker"/>
<EventID>8004</EventID><TimeCreated SystemTime="2024-01-01T00:00:00.000Z"/><EventRecordID>7</EventRecordID>
<Channel>Microsoft-Windows-AppLocker/EXE and DLL</Channel><Computer>h</Computer></System><UserData><RuleAndFileData xmlns="x">
<PolicyName>EXE</PolicyName><FilePath>%OSDRIVE%\A.EXE</FilePath><TargetUser>S-1-5-18</TargetUser></RuleAndFileData></UserData></Event>"#;

#[test]
fn what_user_data_holds_is_found_by_its_path_and_by_its_name() {
    let search = "Channel=*AppLocker* EventCode=8004 | spath input=UserData_Xml | rename RuleAndFileData.* as *, TargetUser as user
        | stats count by PolicyName, user, FilePath";
    assert_eq!(rows("events.xml", LOCKED, search), [r"PolicyName=EXE user=S-1-5-18 FilePath=%OSDRIVE%\A.EXE count=1"]);
}
