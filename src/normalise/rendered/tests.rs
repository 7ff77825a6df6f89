//! Messages as Windows renders them.

use super::{Label, Rendered, by_words};

fn fields(channel: &str, code: &str, message: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    Rendered::default().fields(channel, code, message, &mut |name, value| out.push((name.to_owned(), value.to_owned())));
    out
}

fn shown(channel: &str, code: &str, message: &str) -> Vec<String> {
    fields(channel, code, message).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn labels() {
    let label = |line| Label::read(line).map(|l| (l.indented, l.name, l.value));
    assert_eq!(label("\tAccount Name:\t\tanna"), Some((true, "Account Name", "anna")));
    assert_eq!(label("Subject :"), Some((false, "Subject", "")));
    assert_eq!(label("\tShare Path:\t\t\\??\\C:\\"), Some((true, "Share Path", "\\??\\C:\\")));
    assert_eq!(label("\tPackage Name (NTLM only):\t-"), Some((true, "Package Name (NTLM only)", "-")));
    assert_eq!(label("\t\t\t\tReadAttributes"), None);
    assert_eq!(label("\t\t\t\tReadAttributes:\tGranted by"), None);
    assert_eq!(label("C:\\Windows\\x.exe: y"), None);
    assert_eq!(label("\t- Logon GUID is unique: it tells"), None);
    assert_eq!(by_words("Task Run ID"), "TaskRunId");
    assert_eq!(by_words("ProcessGuid"), "ProcessGuid");
}

#[test]
fn a_label_in_two_sections_is_two_fields() {
    let message = "An account was successfully logged on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tNULL SID\r\n\tAccount Name:\t\t-\r\n\
                   \tLogon ID:\t\t0x0\r\n\r\nLogon Type:\t\t\t3\r\n\r\nImpersonation Level:\t\tDelegation\r\n\r\nNew Logon:\r\n\
                   \tSecurity ID:\t\tCORP\\anna\r\n\tAccount Name:\t\tanna\r\n\tLogon ID:\t\t0x1F\r\n\r\n\
                   Process Information:\r\n\tProcess ID:\t\t0x0\r\n\tProcess Name:\t\t-\r\n\r\n\
                   This event is generated when a session is made.\r\n\r\nThe fields say:\r\n\tNote Well:\tno field\r\n";
    let expected = [
        "SubjectUserSid=S-1-0-0",
        "SubjectUserName=-",
        "SubjectLogonId=0x0",
        "LogonType=3",
        "ImpersonationLevel=%%1840",
        "TargetUserSid=CORP\\anna",
        "TargetUserName=anna",
        "TargetLogonId=0x1f",
        "ProcessId=0x0",
        "ProcessName=-",
    ];
    assert_eq!(shown("Security", "4624", message), expected);
    let squeezed = message.replace("\r\n\r\n", "\r\n").replace('\r', "");
    assert_eq!(shown("security", "4624", &squeezed), expected);
}

#[test]
fn who_logs_off_is_the_target() {
    let message = "An account was logged off.\n\nSubject:\n\tAccount Name:\t\tanna\n\nLogon Type:\t\t\t3\n";
    assert_eq!(shown("Security", "4634", message), ["TargetUserName=anna", "LogonType=3"]);
}

#[test]
fn rights_and_their_reasons() {
    let message = "A network share object was checked.\n\t\nSubject:\n\tAccount Name:\t\tanna\n\nShare Information:\t\n\
                   \tShare Name:\t\t\\\\*\\C$\n\tRelative Target Name:\tx.exe\n\nAccess Request Information:\n\tAccess Mask:\t\t0x120089\n\
                   \tAccesses:\t\tREAD_CONTROL\n\t\t\t\tReadEA\n\t\t\t\t\nAccess Check Results:\n\tREAD_CONTROL:\tGranted by Ownership\n\
                   \t\t\t\tReadEA:\tGranted by\tD:(A;;FA;;;WD)\n\t\t\t\t";
    let expected = [
        "SubjectUserName=anna",
        "ShareName=\\\\*\\C$",
        "RelativeTargetName=x.exe",
        "AccessMask=0x120089",
        "AccessList=%%1538\n\t\t\t\t%%4419\n\t\t\t\t",
        "AccessReason=%%1538:\t%%1804\n\t\t\t\t%%4419:\t%%1801\tD:(A;;FA;;;WD)\n\t\t\t\t",
    ];
    assert_eq!(shown("Security", "5145", message), expected);
}

#[test]
fn a_command_line_of_several_lines() {
    let message = "A new process has been created.\n\nProcess Information:\n\tCreator Process ID:\t0x1\n\
                   \tProcess Command Line:\tpowershell -c \"a\nb: c\"\n\nToken Elevation Type indicates the type.\n\nType 1: full\n";
    assert_eq!(shown("Security", "4688", message), ["ProcessId=0x1", "CommandLine=powershell -c \"a\nb: c\""]);
    let without = message.split("\n\nToken").next().expect("a first part");
    assert_eq!(shown("Security", "4688", without), ["ProcessId=0x1", "CommandLine=powershell -c \"a\nb: c\""]);
}

#[test]
fn sentences_and_flat_messages() {
    let service = "The start type of the Themes service was changed from disabled to auto start.";
    assert_eq!(shown("System", "7040", service), ["param1=Themes", "param2=disabled", "param3=auto start"]);
    let installed = "A service was installed in the system.\n\nService Name:  DNS\nService File Name:  C:\\dns.exe -k: x\nService Account:  LocalSystem\n";
    assert_eq!(shown("System", "7045", installed), ["ServiceName=DNS", "ImagePath=C:\\dns.exe -k: x", "AccountName=LocalSystem"]);
    let sysmon = "Process Create:\r\nRuleName: \r\nImage: C:\\a.exe\r\nCommandLine: a\r\nb c\r\nUser: x\r\n";
    let expected = ["RuleName=", "Image=C:\\a.exe", "CommandLine=a\nb c", "User=x"];
    assert_eq!(shown("Microsoft-Windows-Sysmon/Operational", "1", sysmon), expected);
    let block = "Creating Scriptblock text (1 of 1):\r\n{a\r\nName: b}\r\n\r\nScriptBlock ID: 1-2\r\nPath: \r\n";
    let expected = ["MessageNumber=1", "MessageTotal=1", "ScriptBlockText={a\nName: b}", "ScriptBlockId=1-2", "Path="];
    assert_eq!(shown("Microsoft-Windows-PowerShell/Operational", "4104", block), expected);
    assert_eq!(fields("Microsoft-Windows-PowerShell/Operational", "40961", "Starting: up\nThe Name:  x\n"), []);
}

#[test]
fn anything_is_survived() {
    for message in ["", "\n", ":", "\t:", "a:\n", "x\n\t\t\t\ty", "é:\n\té:\té\n\u{feff}:", "x\nSubject:\n", "x\nAccess Check Results:\n"]
    {
        for (channel, code) in [("Security", "5145"), ("Microsoft-Windows-Sysmon/Operational", "1"), ("System", "7036"), ("", "")] {
            fields(channel, code, message);
        }
    }
}

#[test]
fn data_without_names_in_the_order_of_the_event() {
    let message =
        "Engine state is changed from None to Available. \r\n\r\nDetails: \r\n\tNewEngineState=Available\r\n\tHostVersion=2.0\r\n";
    let expected = ["Data=Available", "Data=None", "Data=\tNewEngineState=Available\n\tHostVersion=2.0"];
    assert_eq!(shown("Windows PowerShell", "400", message), expected);
    let message =
        "Pipeline execution details for command line: a. b. \n\nContext Information: \n\tDetailTotal=1\n\nDetails: \nCommandInvocation(x)";
    assert_eq!(shown("Windows PowerShell", "800", message), ["Data=a. b", "Data=DetailTotal=1", "Data=CommandInvocation(x)"]);
}

#[test]
fn a_link_ends_no_section() {
    let message = "Microsoft Defender Antivirus has detected malware.\n For more information please see the following:\nhttps://example.test/a\n \
                   \tName: HackTool:Win32/Mimikatz\n \tID: 2147705511\n \tSeverity: High\n \tPath: file:_C:\\m.exe\n \tProcess Name: C:\\a.exe";
    let expected =
        ["ThreatName=HackTool:Win32/Mimikatz", "ThreatID=2147705511", "SeverityName=High", "Path=file:_C:\\m.exe", "ProcessName=C:\\a.exe"];
    assert_eq!(shown("Microsoft-Windows-Windows Defender/Operational", "1116", message), expected);
}
