//! Rules find an event in whatever encoding has what they ask for, under the number or the name of it.

use retrohunt::compile::{CompileOptions, load_text};
use serde_json::json;

use crate::support::encode::encodings;
use crate::support::encode::event::{KINDS, Kind, WindowsEvent};
use crate::support::generate::splunk::escu_yaml;
use crate::support::loaded::Loaded;
use crate::support::samples::sigma_rule;

/// Encodings that a rule finds an event of a kind in, when it has one event of it.
fn found_in(kind: &'static Kind, selection: &str) -> Vec<&'static str> {
    found_by(kind, &sigma_rule("11111111-2222-3333-4444-555555555555", selection))
}

/// The same of any rule.
fn found_by(kind: &'static Kind, rule: &str) -> Vec<&'static str> {
    let set = load_text("rule.yml", rule, &CompileOptions::default());
    assert_eq!(set.rules.len(), 1, "{:?}", set.diagnostics);
    let event = WindowsEvent::typical(kind, 1, 1_700_000_000_000_000);
    let found = |write: fn(&[WindowsEvent]) -> Vec<u8>| !Loaded::of_bytes(&write(std::slice::from_ref(&event))).hunt(&set).is_empty();
    encodings().into_iter().filter(|encoding| found(encoding.write)).map(|encoding| encoding.name).collect()
}

fn with(kind: &'static Kind, change: impl FnOnce(&mut Kind)) -> &'static Kind {
    let mut kind = Kind { ..*kind };
    change(&mut kind);
    Box::leak(Box::new(kind))
}

/// All encodings but those that do not say it.
fn all_but(without: &[&str]) -> Vec<&'static str> {
    encodings().into_iter().map(|encoding| encoding.name).filter(|name| !without.contains(name)).collect()
}

/// Encodings that have next to nothing of what `System` has.
const FEW: &[&str] = &["Get-WinEvent, four properties", "Get-EventLog, Export-Csv", "Velociraptor, EvtxHunter"];

#[test]
fn the_keyword_of_a_failed_audit() {
    let failed = with(&KINDS[0], |kind| kind.keywords = 0x8010_0000_0000_0000);
    assert_eq!(found_in(failed, "Keywords: '0x8010000000000000'"), all_but(&[&["Sentinel", "Event Viewer, CSV"], FEW].concat()));
    assert_eq!(found_in(failed, "Keywords: '0x8020000000000000'"), [""; 0]);
}

#[test]
fn a_level_by_number_and_by_name() {
    let error = with(&KINDS[0], |kind| kind.level = 2);
    let without = [&["NXLog", "NXLog, as Azure sends it", "CSV, flat", "Sentinel", "GELF"], FEW].concat();
    assert_eq!(found_in(error, "Level: 2"), all_but(&without));
    assert_eq!(found_in(error, "Level: Error"), all_but(&without));
    assert_eq!(found_in(error, "Level: 4"), [""; 0]);
    assert_eq!(found_in(&KINDS[0], "Level: 0"), all_but(&without), "Windows shows the level of an audit event as Information");
    assert_eq!(found_in(&KINDS[0], "Level: 4"), [""; 0]);
}

#[test]
fn names_of_splunk_and_words_of_the_rendered_text() {
    let failed = with(&KINDS[0], |kind| kind.keywords = 0x8010_0000_0000_0000);
    let without = [&["Sentinel", "Event Viewer, CSV"], FEW].concat();
    assert_eq!(found_by(failed, &escu_yaml("EventCode=4624 Keywords=\"Audit Failure\"")), all_but(&without));
    assert_eq!(found_by(failed, &escu_yaml("EventCode=4624 Keywords=\"Audit Success\"")), [""; 0]);
    let provider = "EventCode=4624 SourceName=\"Microsoft Windows security auditing.\"";
    assert_eq!(found_by(&KINDS[0], &escu_yaml(provider)), all_but(&[]));
    let share = &KINDS[2];
    assert_eq!((share.code, share.fields[7].name), (5145, "ShareName"));
    for name in ["ShareName", "Share_Name"] {
        assert_eq!(found_in(share, &format!("{name}|endswith: 'ADMIN$'")), all_but(&[]), "{name}");
        assert_eq!(found_by(share, &escu_yaml(&format!("EventCode=5145 {name}=\"*ADMIN$\""))), all_but(&[]), "{name}");
    }
    assert_eq!(found_in(share, "src_ip: '10.20.0.44'"), all_but(&[]));
    assert_eq!(found_in(share, "EventCode: 5145"), all_but(&[]));
}

/// The members of `Data` that a single event has in the store.
fn data_of(text: &str) -> Vec<String> {
    let events = Loaded::of_bytes(text.as_bytes()).events();
    assert_eq!(events.len(), 1, "{text}");
    events[0].fields.get("Data").cloned().unwrap_or_default()
}

#[test]
fn data_without_names_is_the_same_in_every_encoding() {
    let details = "\tNewEngineState=Available\n\tHostVersion=2.0";
    let expected = ["Available", "None", details];
    let xml = format!(
        "<Event><System><Provider Name='PowerShell'/><EventID>400</EventID><Channel>Windows PowerShell</Channel></System>\
         <EventData><Data>Available</Data><Data>None</Data><Data>{details}</Data></EventData></Event>"
    );
    assert_eq!(data_of(&xml), expected);
    let message = format!("Engine state is changed from None to Available. \n\nDetails: \n{details}");
    let head = "04/21/2021 09:40:32 AM\nLogName=Windows PowerShell\nSourceName=PowerShell\nEventCode=400\nComputerName=h\n";
    assert_eq!(data_of(&format!("{head}Message={message}\n")), expected);
    let flat = json!({"Channel": "Windows PowerShell", "EventID": 400, "SourceName": "PowerShell", "Message": message});
    assert_eq!(data_of(&flat.to_string()), expected);
    let beat = |guid: Option<&str>| {
        let data = json!({"param3": details, "param1": "Available", "param2": "None"});
        let winlog = json!({"channel": "Windows PowerShell", "event_id": "400", "provider_guid": guid, "event_data": data});
        json!({"@timestamp": "2021-04-21T09:40:32.343Z", "winlog": winlog}).to_string()
    };
    assert_eq!(data_of(&beat(None)), expected);
    assert_eq!(data_of(&beat(Some("{555908D1-A6D7-4695-8E1E-26931D2012F4}"))), [""; 0], "a manifest gives names, and `param1` is one");
}
