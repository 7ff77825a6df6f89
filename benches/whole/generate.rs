//! Synthetic events: the same bytes for the same number, on every machine.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Small and good enough to choose by; the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn is_odd(&mut self) -> bool {
        self.below(ONE_ODD_OF) == 0
    }

    /// A program and the one that started it.
    fn program(&mut self) -> (&'static str, &'static str) {
        if self.is_odd() {
            return (self.pick(ODD_PROGRAMS), self.pick(ODD_PROGRAMS));
        }
        PROGRAMS[usize::try_from(self.below(PROGRAMS.len() as u64)).unwrap()]
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }
}

/// Writes a line of JSON.
pub(crate) type Event = fn(u64, &mut Dice, &mut String);

/// Writes a file of `events` lines, unless it is there.
pub(crate) fn once(file: &Path, events: u64, event: Event) {
    if file.exists() {
        return;
    }
    println!("  generating {}", file.display());
    let part = file.with_extension("part");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&part).unwrap());
    let (mut dice, mut line) = (Dice::new(7), String::new());
    for number in 0..events {
        line.clear();
        event(number, &mut dice, &mut line);
        line.push('\n');
        out.write_all(line.as_bytes()).unwrap();
    }
    out.flush().unwrap();
    std::fs::rename(part, file).unwrap();
}

/// Of so many events one is odd: what rules look for is rare in logs.
const ONE_ODD_OF: u64 = 50;
/// Programs, each with the one that usually starts it.
const PROGRAMS: &[(&str, &str)] = &[
    ("notepad.exe", "explorer.exe"),
    ("mmc.exe", "explorer.exe"),
    ("ctfmon.exe", "explorer.exe"),
    ("dllhost.exe", "svchost.exe"),
    ("taskhostw.exe", "svchost.exe"),
    ("backgroundTaskHost.exe", "svchost.exe"),
    ("RuntimeBroker.exe", "svchost.exe"),
    ("smartscreen.exe", "svchost.exe"),
    ("SearchProtocolHost.exe", "SearchIndexer.exe"),
    ("timeout.exe", "cmd.exe"),
    ("sort.exe", "cmd.exe"),
    ("choice.exe", "cmd.exe"),
];
const ODD_PROGRAMS: &[&str] = &[
    "cmd.exe",
    "powershell.exe",
    "svchost.exe",
    "rundll32.exe",
    "net.exe",
    "reg.exe",
    "conhost.exe",
    "msiexec.exe",
    "chrome.exe",
    "python.exe",
    "sc.exe",
    "wmic.exe",
];
const USERS: &[&str] = &["alice", "bob", "carol", "dave", "erin", "svc-backup", "svc-sql", "SYSTEM", "admin", "frank", "grace", "heidi"];
const WORDS: &[&str] = &[
    "report", "backup", "update", "query", "export", "sync", "index", "install", "cache", "policy", "audit", "deploy", "invoice", "ledger",
];
const TARGETS: &[&str] = &["reports\\\\q3.xlsx", "reports\\\\plan.docx", "shared\\\\notes.txt", "desktop.ini", "templates\\\\letter.dotx"];
const ODD_TARGETS: &[&str] =
    &["PSEXESVC.exe", "Windows\\\\Temp\\\\a.dll", "reports\\\\q3.xlsx", "Users\\\\alice\\\\desktop.ini", "srvsvc", "wkssvc", "spoolss"];

fn head(number: u64, dice: &mut Dice, channel: &str, source: &str, id: u32, line: &mut String) {
    let ms = number * 37;
    let (s, ms) = (ms / 1000, ms % 1000);
    let (day, s) = (1 + (s / 86_400) % 28, s % 86_400);
    let host = dice.below(400);
    line.push_str(&format!(
        r#"{{"@timestamp":"2026-02-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z","Hostname":"ws{host:03}.corp.example","Channel":"{channel}","SourceName":"{source}","EventID":{id},"RecordNumber":{number},"Level":"4","Task":"{id}","Keywords":"0x8020000000000000""#,
        s / 3600, s / 60 % 60, s % 60
    ));
}

fn field(name: &str, value: &str, line: &mut String) {
    line.push_str(&format!(r#","{name}":"{value}""#));
}

/// A Sysmon process creation whose command line and ids occur once.
pub(crate) fn process_event(number: u64, dice: &mut Dice, line: &mut String) {
    head(number, dice, "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 1, line);
    let ((program, parent), user) = (dice.program(), dice.pick(USERS));
    let (a, b) = (dice.pick(WORDS), dice.pick(WORDS));
    let (x, y) = (dice.next(), dice.next());
    field("Image", &format!("C:\\\\Windows\\\\System32\\\\{program}"), line);
    field("OriginalFileName", program, line);
    field(
        "CommandLine",
        &format!(
            "\\\"C:\\\\Windows\\\\System32\\\\{program}\\\" /{a} --{b}={x:016x} -o C:\\\\Users\\\\{user}\\\\AppData\\\\Local\\\\Temp\\\\{y:08x}.tmp"
        ),
        line,
    );
    field("CurrentDirectory", &format!("C:\\\\Users\\\\{user}\\\\"), line);
    field("User", &format!("CORP\\\\{user}"), line);
    field("IntegrityLevel", dice.pick(&["Medium", "High", "System"]), line);
    field(
        "ProcessGuid",
        &format!("{{{:08x}-{:04x}-{:04x}-{:04x}-{:012x}}}", x >> 32, x >> 16 & 0xffff, x & 0xffff, y >> 48, y & 0xffff_ffff_ffff),
        line,
    );
    field("ProcessId", &(4 * (1 + dice.below(8000))).to_string(), line);
    field("Hashes", &format!("SHA1={x:020x}{y:020x},MD5={y:032x}"), line);
    field("ParentImage", &format!("C:\\\\Windows\\\\System32\\\\{parent}"), line);
    field("ParentCommandLine", &format!("{parent} /{b} {:012x}", y >> 16), line);
    field("Company", "Microsoft Corporation", line);
    field("Description", &format!("{a} {b}"), line);
    field("LogonId", &format!("0x{:x}", dice.below(90_000)), line);
    line.push('}');
}

/// One of the usual kinds of Windows events.
pub(crate) fn mixed_event(number: u64, dice: &mut Dice, line: &mut String) {
    let security = "Microsoft-Windows-Security-Auditing";
    let sysmon = "Microsoft-Windows-Sysmon";
    match dice.below(8) {
        0 => return process_event(number, dice, line),
        1 => {
            head(number, dice, "Security", security, 5145, line);
            let (shares, targets): (&[&str], _) = if dice.is_odd() {
                (&["\\\\\\\\*\\\\ADMIN$", "\\\\\\\\*\\\\IPC$", "\\\\\\\\*\\\\C$"], ODD_TARGETS)
            } else {
                (&["\\\\\\\\*\\\\Data", "\\\\\\\\*\\\\Projects"], TARGETS)
            };
            field("ShareName", dice.pick(shares), line);
            field("RelativeTargetName", dice.pick(targets), line);
            field("ObjectType", "File", line);
            field("AccessMask", dice.pick(&["0x1", "0x2", "0x80", "0x120089", "0x17019f"]), line);
        }
        2 | 3 => {
            head(number, dice, "Security", security, 4624, line);
            field("LogonType", dice.pick(&["2", "3", "5", "7", "10"]), line);
            field("LogonProcessName", dice.pick(&["User32", "NtLmSsp", "Kerberos", "Advapi"]), line);
            field("AuthenticationPackageName", dice.pick(&["NTLM", "Kerberos", "Negotiate"]), line);
            field("TargetUserName", dice.pick(USERS), line);
        }
        4 => {
            head(number, dice, "Microsoft-Windows-Sysmon/Operational", sysmon, 7, line);
            field("Image", &format!("C:\\\\Windows\\\\System32\\\\{}", dice.program().0), line);
            field("ImageLoaded", &format!("C:\\\\Windows\\\\System32\\\\{}{}.dll", dice.pick(WORDS), dice.below(200)), line);
            field("Signed", dice.pick(&["true", "false"]), line);
        }
        5 => {
            head(number, dice, "Microsoft-Windows-Sysmon/Operational", sysmon, 13, line);
            field("EventType", "SetValue", line);
            field(
                "TargetObject",
                &format!("HKLM\\\\Software\\\\{}\\\\{}\\\\{}", dice.pick(WORDS), dice.pick(WORDS), dice.below(5000)),
                line,
            );
            field("Details", &format!("DWORD (0x{:08x})", dice.below(64)), line);
        }
        6 => {
            head(number, dice, "Microsoft-Windows-Sysmon/Operational", sysmon, 3, line);
            field("DestinationIp", &format!("10.{}.{}.{}", dice.below(4), dice.below(250), dice.below(250)), line);
            field("DestinationPort", dice.pick(&["80", "443", "445", "53", "3389", "5985"]), line);
            field("Protocol", "tcp", line);
        }
        _ => {
            head(number, dice, "Security", security, 4663, line);
            field("ObjectName", &format!("C:\\\\Users\\\\{}\\\\{}{}.txt", dice.pick(USERS), dice.pick(WORDS), dice.below(9000)), line);
            field("AccessMask", dice.pick(&["0x1", "0x2", "0x80"]), line);
        }
    }
    field("SubjectUserName", dice.pick(USERS), line);
    field("SubjectDomainName", "CORP", line);
    field("SubjectLogonId", &format!("0x{:x}", dice.below(90_000)), line);
    field("IpAddress", &format!("10.20.{}.{}", dice.below(8), dice.below(250)), line);
    field("IpPort", &(49_152 + dice.below(16_000)).to_string(), line);
    field("UtcTime", &format!("2026-02-01 10:00:00.{:03}", number % 1000), line);
    field("ProcessGuid", &format!("{{5be6f2d1-{:04x}-65c1-0000-{:012x}}}", dice.below(0xffff), dice.below(60_000)), line);
    line.push('}');
}

/// As [`mixed_event`], with rendered text that repeats some of its fields.
pub(crate) fn mixed_event_with_message(number: u64, dice: &mut Dice, line: &mut String) {
    mixed_event(number, dice, line);
    line.pop();
    let (user, word) = (dice.pick(USERS), dice.pick(WORDS));
    field(
        "Message",
        &format!(
            "An operation was performed on an object.\\r\\n\\r\\nSubject:\\r\\n\\tSecurity ID:\\t\\tS-1-5-21-1-2-3-{}\\r\\n\\tAccount Name:\\t\\t{user}\\r\\n\\tAccount Domain:\\t\\tCORP\\r\\n\\tLogon ID:\\t\\t0x{:x}\\r\\n\\r\\nObject:\\r\\n\\tObject Server:\\t\\tSecurity\\r\\n\\tObject Type:\\t\\tFile\\r\\n\\tObject Name:\\t\\t{word}\\r\\n\\r\\nProcess Information:\\r\\n\\tProcess ID:\\t\\t0x{:x}\\r\\n",
            1000 + dice.below(500),
            dice.below(90_000),
            dice.below(30_000)
        ),
        line,
    );
    line.push('}');
}

/// Events per PowerShell session in [`script_event`]: its command line and ids stay the same for so long.
const EVENTS_PER_SESSION: u64 = 40;

/// As [`mixed_event`], and one in seven is PowerShell: pipelines, modules and scripts, 1.5 kB of text each, most of which occurs once.
pub(crate) fn script_event(number: u64, dice: &mut Dice, line: &mut String) {
    match dice.below(100) {
        0..5 => script_block(number, dice, line),
        5..10 => pipeline(number, dice, line),
        10..14 => module(number, dice, line),
        _ => mixed_event(number, dice, line),
    }
}

/// A session's command line, with a key that no other session has.
fn session_command(session: u64) -> String {
    let mut dice = Dice::new(session);
    let mut command = String::from(
        "C:\\\\Windows\\\\System32\\\\WindowsPowerShell\\\\v1.0\\\\powershell.exe -NoLogo -File C:\\\\Scripts\\\\Run.ps1 -Key ",
    );
    for _ in 0..24 {
        command.push_str(&format!("{:016X}", dice.next()));
    }
    command
}

/// Classic PowerShell 800: the details of one pipeline.
fn pipeline(number: u64, dice: &mut Dice, line: &mut String) {
    head(number, dice, "Windows PowerShell", "PowerShell", 800, line);
    let session = dice.below(1 + number / EVENTS_PER_SESSION);
    let user = dice.pick(USERS);
    let context = format!(
        "\\tDetailSequence=1\\r\\n\\tDetailTotal=1\\r\\n\\r\\n\\tSequenceNumber={}\\r\\n\\r\\n\\tUserId=CORP\\\\{user}\\r\\n\\tHostName=ConsoleHost\\r\\n\\tHostVersion=5.1.17763.134\\r\\n\\tHostId={:08x}-0c3e-4b88-931a-{:012x}\\r\\n\\tHostApplication={}\\r\\n\\tEngineVersion=5.1.17763.134\\r\\n\\tRunspaceId={:016x}\\r\\n\\tPipelineId={}\\r\\n\\tScriptName=\\r\\n\\tCommandLine={}\\r\\n",
        number * 2 + 1,
        session,
        session * 31,
        session_command(session),
        session * 7919,
        dice.below(40),
        statement(dice)
    );
    field(
        "Payload",
        &format!(
            "CommandInvocation({0}): \\\"{0}\\\"\\r\\nParameterBinding({0}): name=\\\"InputObject\\\"; value=\\\"{1:016x}{2}\\\"",
            dice.pick(COMMANDS),
            dice.next(),
            statement(dice)
        ),
        line,
    );
    field("ContextInfo", &context, line);
    line.push('}');
}

/// PowerShell 4103: a command of a module with its parameters.
fn module(number: u64, dice: &mut Dice, line: &mut String) {
    head(number, dice, "Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell", 4103, line);
    let session = dice.below(1 + number / EVENTS_PER_SESSION);
    let (user, command) = (dice.pick(USERS), dice.pick(COMMANDS));
    let context = format!(
        "        Severity = Informational\\n        Host Name = ConsoleHost\\n        Host Version = 5.1.17763.134\\n        Host ID = {:08x}-0c3e-4b88-931a-{:012x}\\n        Host Application = {}\\n        Engine Version = 5.1.17763.134\\n        Runspace ID = {:016x}\\n        Pipeline ID = {}\\n        Command Name = {command}\\n        Command Type = Cmdlet\\n        Script Name = \\n        Command Path = \\n        Sequence Number = {}\\n        User = CORP\\\\{user}\\n        Connected User = \\n        Shell ID = Microsoft.PowerShell",
        session,
        session * 31,
        session_command(session),
        session * 7919,
        dice.below(40),
        number * 2,
    );
    field("ContextInfo", &context, line);
    let mut payload = format!("CommandInvocation({command}): \\\"{command}\\\"");
    for parameter in ["Path", "Value", "Filter"] {
        payload.push_str(&format!(
            "\\nParameterBinding({command}): name=\\\"{parameter}\\\"; value=\\\"{}{:016x}\\\"",
            statement(dice),
            dice.next()
        ));
    }
    field("Payload", &payload, line);
    line.push('}');
}

/// PowerShell 4104: a script.
fn script_block(number: u64, dice: &mut Dice, line: &mut String) {
    head(number, dice, "Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell", 4104, line);
    field("MessageNumber", "1", line);
    field("MessageTotal", "1", line);
    let mut script = format!("function Invoke-{}{:x} {{\\r\\n    param($Path, $Id)\\r\\n", dice.pick(WORDS), dice.next());
    while script.len() < 1_450 {
        script.push_str("    ");
        script.push_str(&statement(dice));
        script.push_str("\\r\\n");
    }
    script.push('}');
    field("ScriptBlockText", &script, line);
    field("ScriptBlockId", &format!("{:016x}{:016x}", dice.next(), dice.next()), line);
    field("Path", "", line);
    line.push('}');
}

const COMMANDS: &[&str] = &[
    "Get-ChildItem",
    "Where-Object",
    "ForEach-Object",
    "New-Object",
    "Set-ItemProperty",
    "Get-Service",
    "Out-String",
    "Write-Verbose",
    "Select-Object",
    "Get-WmiObject",
    "Start-Sleep",
    "Add-Member",
    "Get-Random",
    "ConvertTo-Json",
    "Test-Path",
    "Import-Module",
];

/// Statements that scripts share: modules are run again and again, with a few lines that differ.
const SHARED_STATEMENTS: u64 = 50_000;

/// One statement of a script: two of three occur in other scripts too.
fn statement(dice: &mut Dice) -> String {
    let mut shared = Dice::new(dice.below(SHARED_STATEMENTS));
    let dice = if dice.below(3) > 0 { &mut shared } else { dice };
    let (command, a, b) = (dice.pick(COMMANDS), dice.pick(WORDS), dice.pick(WORDS));
    match dice.below(3) {
        0 => format!("if ($null -eq ${a}) {{ {command} -Path $Path -Depth {} | Out-Null }}", dice.below(4096)),
        1 => format!("${a} = {command} -Path C:\\\\Data\\\\{b}\\\\{:08x}.dat -Filter *.{b}", dice.next() >> 32),
        _ => format!("$buffer[{}] = 0x{:016x} -band ${a}.{b}", dice.below(4096), dice.next()),
    }
}
