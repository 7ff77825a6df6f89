//! Log sources that several kinds of event answer: the native twins of Sysmon's events, under Sigma's names.

use crate::support::evaluate::Event;
use crate::support::stored::Stored;
use crate::support::three_ways::{compiled, event};

/// An event of a channel with a code and the members of a JSON object.
fn of(id: i64, channel: &str, code: &str, members: &str) -> Event {
    Event { dataset: channel.to_owned(), code: code.to_owned(), ..event(id, members) }
}

/// Which events a detection of a category finds, in a hunt and in portable SQL.
#[track_caller]
fn found(category: &str, detection: &str, events: &[Event]) -> Vec<i64> {
    let rule = compiled(&format!(
        "title: T\nlogsource: {{product: windows, category: {category}}}\ndetection: {{s: {{{detection}}}, condition: s}}\n"
    ));
    let mut stored = Stored::of_batches(events, 9);
    let hunted = stored.hunt(std::slice::from_ref(&rule)).remove(0).events;
    if let Some(portable) = stored.portable(&rule) {
        assert_eq!(hunted, portable.events, "{category} {detection}");
    }
    hunted
}

const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";

#[test]
fn allowed_connections_are_network_connections() {
    let members = r#""Application":"\\device\\harddiskvolume3\\windows\\system32\\regsvr32.exe","Direction":"%%14593","SourceAddress":"10.0.0.5","SourcePort":"50000","DestAddress":"1.2.3.4","DestPort":"443","Protocol":"6","ProcessID":"77""#;
    let events = [
        of(1, "Security", "5156", members),
        of(2, "Security", "5156", &members.replace("14593", "14592").replace("harddiskvolume3", "harddiskvolume12")),
        of(3, SYSMON, "3", r#""Image":"C:\\Windows\\System32\\regsvr32.exe","Initiated":"true","DestinationIp":"1.2.3.4""#),
        of(4, "Security", "5158", members),
    ];
    let found = |detection: &str| found("network_connection", detection, &events);
    assert_eq!(found(r"Image|endswith: '\regsvr32.exe', Initiated: 'true'"), [1, 3]);
    assert_eq!(found(r"Image: 'C:\Windows\System32\regsvr32.exe'"), [1, 2, 3], "a volume is read as C:");
    assert_eq!(found("DestinationIp|startswith: 1.2.3., Initiated: 'false'"), [2]);
    assert_eq!(found("DestinationIp|cidr: 1.2.3.0/24, Initiated: 'false'"), [2]);
    assert_eq!(found("DestinationPort: 443, SourceIp: 10.0.0.5, SourcePort: 50000, Protocol: tcp, ProcessId: 77"), [1, 2]);
    assert_eq!(found("DestinationHostname|endswith: .org"), [0; 0]);
}

#[test]
fn audited_registry_values_are_registry_events() {
    let value = |operation: &str| {
        format!(
            r#""ObjectName":"\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run","ObjectValueName":"evil","OperationType":"{operation}","NewValue":"c:\\evil.exe","ProcessName":"C:\\evil.exe","ProcessId":"0x4d""#
        )
    };
    let run = |id, code: &str, kind: &str| {
        of(
            id,
            SYSMON,
            code,
            &format!(
                r#""TargetObject":"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\evil","EventType":"{kind}","Details":"c:\\evil.exe""#
            ),
        )
    };
    let events = [
        of(1, "Security", "4657", &value("%%1904")),
        of(2, "Security", "4657", &value("%%1905")),
        of(3, "Security", "4657", &value("%%1906")),
        run(4, "12", "CreateKey"),
        run(5, "13", "SetValue"),
    ];
    let found = |category: &str, detection: &str| found(category, detection, &events);
    let key = r"TargetObject|contains: 'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run'";
    assert_eq!(found("registry_set", key), [1, 2, 5]);
    assert_eq!(found("registry_add", key), [1, 4]);
    assert_eq!(found("registry_delete", key), [3]);
    assert_eq!(found("registry_event", key), [1, 2, 3, 4, 5]);
    assert_eq!(found("registry_event", "EventType: SetValue"), [1, 2, 5]);
    assert_eq!(found("registry_set", r"Details: 'C:\evil.exe', Image|endswith: '\evil.exe', ProcessId: 77"), [1, 2]);
}

#[test]
fn deleted_files_are_told_in_two_ways() {
    let name = r#""TargetFilename":"C:\\x.bak""#;
    let events = [of(1, SYSMON, "23", name), of(2, SYSMON, "26", name), of(3, SYSMON, "11", name)];
    assert_eq!(found("file_delete", "TargetFilename|endswith: '.bak'", &events), [1, 2]);
    assert_eq!(found("file_delete_detected", "TargetFilename|endswith: '.bak'", &events), [2]);
}

#[test]
fn permanent_subscriptions_are_wmi_events() {
    let cause = r#""Namespace":"//./root/subscription","ESS":"Updater","CONSUMER":"CommandLineEventConsumer=\"Updater\"","PossibleCause":"Query = \"SELECT * FROM x\"; CommandLineTemplate = \"powershell -enc AAAA\"""#;
    let events = [
        of(1, "Microsoft-Windows-WMI-Activity/Operational", "5861", cause),
        of(2, SYSMON, "20", r#""Destination":"\"powershell -enc AAAA\"""#),
        of(3, "Microsoft-Windows-WMI-Activity/Operational", "5860", cause),
    ];
    assert_eq!(found("wmi_event", "Destination|contains: ' -enc '", &events), [1, 2]);
    assert_eq!(found("wmi_event", "Query|contains: 'FROM x', Filter: Updater, EventNamespace|endswith: subscription", &events), [1]);
}
