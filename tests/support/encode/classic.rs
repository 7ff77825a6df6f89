//! Splunk's classic text: a header of lines `Key=value` and the message that Windows renders, which is all there is of
//! the data.

use super::Encoding;
use super::event::WindowsEvent;

pub(crate) const ENCODINGS: &[Encoding] = &[
    CLASSIC,
    Encoding {
        name: "classic text, CR LF",
        write: |events| events.iter().map(|e| text(e).replace('\n', "\r\n") + "\r\n").collect::<String>().into_bytes(),
        adds: |event| adds(event).into_iter().map(|(name, value)| (name, value.replace('\n', "\r\n"))).collect(),
        ..CLASSIC
    },
];

/// One event after the other, with LF.
pub(super) const CLASSIC: Encoding = Encoding {
    name: "classic text",
    write: |events| events.iter().map(|event| text(event) + "\n").collect::<String>().into_bytes(),
    system: &["<record>", "Provider_Name", "Level", "Security_UserID"],
    time_unit_us: 1_000_000,
    value,
    adds,
};

/// Header lines under the names of the store, and the message.
fn adds(event: &WindowsEvent) -> Vec<(&'static str, String)> {
    let kind = event.kind;
    let opcode = if kind.opcode == 0 { "0" } else { kind.opcode_name };
    let keywords = match event.keyword_name() {
        Some("Classic") => "0x80000000000000".to_owned(), // the name of one bit
        Some(_) => format!("{:#x}", kind.keywords),
        None => "None".to_owned(),
    };
    let mut adds = vec![
        ("Type", event.level_name().to_owned()),
        ("TaskCategory", kind.task_name.to_owned()),
        ("Opcode", opcode.to_owned()),
        ("Keywords", keywords),
        ("<message>", message(event).trim_ascii_end().to_owned()),
    ];
    adds.extend(event.user.as_ref().map(|_| ("Security_SidType", "0".to_owned())));
    adds
}

/// A script and a command line of 4688 may have several lines; else a value is what fits on the line of its label.
fn is_long(event: &WindowsEvent, name: &str) -> bool {
    matches!((event.kind.code, name), (4104, "ScriptBlockText") | (4688, "CommandLine"))
}

/// What the writer writes of a value.
fn written(event: &WindowsEvent, name: &str, value: &str) -> String {
    let value = value.replace("\r\n", "\n");
    if is_long(event, name) { value.replace('\r', " ") } else { value.replace(['\r', '\n'], " ") }
}

/// A label and its value are apart by white space, so that of the value is lost at its start; tabs at its end as well. In a
/// list of `Name: value` only one space is between them. Numbers in hexadecimal get lower-case digits, as in the XML.
pub(crate) fn value(event: &WindowsEvent, name: &str, value: &str) -> Option<String> {
    let value = written(event, name, value);
    let is_last = event.data.last().is_some_and(|(last, _)| *last == name);
    let cut = match event.kind.code {
        1 | 3 if is_last => value.trim_ascii_end(),
        1 | 3 => &value,
        4104 if name == "ScriptBlockText" => &value,
        4104 => value.trim_ascii(),
        4688 if name == "CommandLine" => value.trim_start_matches(['\t', ' ']).trim_end_matches('\n'),
        _ => value.trim_start_matches(['\t', ' ']).trim_end_matches('\t'),
    };
    let digits = cut.strip_prefix("0x").unwrap_or_default();
    let is_number = !matches!(event.kind.code, 1 | 3 | 4104)
        && !is_long(event, name)
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_hexdigit());
    Some(if is_number { cut.to_ascii_lowercase() } else { cut.to_owned() })
}

/// The text of one event, without a line end.
pub(crate) fn text(event: &WindowsEvent) -> String {
    let kind = event.kind;
    let source = if event.is_audit() { "Microsoft Windows security auditing." } else { kind.provider };
    let user = event.user.as_ref().map_or(String::new(), |sid| format!("User=NOT_TRANSLATED\nSid={sid}\nSidType=0\n"));
    format!(
        "{}\nLogName={}\nSourceName={source}\nEventCode={}\nEventType={}\nType={}\nComputerName={}\n{user}TaskCategory={}\nOpCode={}\n\
         RecordNumber={}\nKeywords={}\nMessage={}",
        event.time("%m/%d/%Y %I:%M:%S %p"),
        kind.channel,
        kind.code,
        kind.level,
        event.level_name(),
        event.host,
        kind.task_name,
        kind.opcode_name,
        event.record,
        event.keyword_name().unwrap_or("None"),
        message(event),
    )
}

/// `{Name}` becomes the value of the field.
fn fill(event: &WindowsEvent, template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, (name, after))) = rest.split_once('{').and_then(|(b, r)| Some((b, r.split_once('}')?))) {
        out += before;
        out += &written(event, name, event.value(name));
        rest = after;
    }
    out + rest
}

/// The message as Windows renders it.
pub(crate) fn message(event: &WindowsEvent) -> String {
    match event.kind.code {
        4624 => fill(event, LOGON),
        4688 => fill(event, PROCESS),
        5145 => fill(event, SHARE),
        7045 => fill(event, SERVICE),
        4104 => fill(event, SCRIPT),
        _ => {
            let title = event.kind.task_name.split(" (").next().unwrap_or_default();
            let line = |(name, value): &(&str, String)| format!("\n{name}: {}", written(event, name, value));
            format!("{title}:{}", event.data.iter().map(line).collect::<String>())
        }
    }
}

const LOGON: &str = "An account was successfully logged on.\n\nSubject:\n\tSecurity ID:\t\t{SubjectUserSid}\n\tAccount Name:\t\t{SubjectUserName}\n\
    \tAccount Domain:\t\t{SubjectDomainName}\n\tLogon ID:\t\t{SubjectLogonId}\n\nLogon Type:\t\t\t{LogonType}\n\nNew Logon:\n\tSecurity ID:\t\t{TargetUserSid}\n\
    \tAccount Name:\t\t{TargetUserName}\n\tAccount Domain:\t\t{TargetDomainName}\n\tLogon ID:\t\t{TargetLogonId}\n\tLogon GUID:\t\t{LogonGuid}\n\nProcess Information:\n\
    \tProcess ID:\t\t{ProcessId}\n\tProcess Name:\t\t{ProcessName}\n\nNetwork Information:\n\tWorkstation Name:\t{WorkstationName}\n\
    \tSource Network Address:\t{IpAddress}\n\tSource Port:\t\t{IpPort}\n\nDetailed Authentication Information:\n\tLogon Process:\t\t{LogonProcessName}\n\
    \tAuthentication Package:\t{AuthenticationPackageName}\n\tTransited Services:\t{TransmittedServices}\n\tPackage Name (NTLM only):\t{LmPackageName}\n\
    \tKey Length:\t\t{KeyLength}\n\nThis event is generated when a logon session is created. It is generated on the computer that was accessed.\n\n\
    The subject fields indicate the account: not the user.\n";

const PROCESS: &str = "A new process has been created.\n\nCreator Subject:\n\tSecurity ID:\t\t{SubjectUserSid}\n\tAccount Name:\t\t{SubjectUserName}\n\
    \tAccount Domain:\t\t{SubjectDomainName}\n\tLogon ID:\t\t{SubjectLogonId}\n\nTarget Subject:\n\tSecurity ID:\t\t{TargetUserSid}\n\tAccount Name:\t\t{TargetUserName}\n\
    \tAccount Domain:\t\t{TargetDomainName}\n\tLogon ID:\t\t{TargetLogonId}\n\nProcess Information:\n\tNew Process ID:\t\t{NewProcessId}\n\
    \tNew Process Name:\t{NewProcessName}\n\tToken Elevation Type:\t{TokenElevationType}\n\tMandatory Label:\t\t{MandatoryLabel}\n\
    \tCreator Process ID:\t{ProcessId}\n\tCreator Process Name:\t{ParentProcessName}\n\tProcess Command Line:\t{CommandLine}\n\n\
    Token Elevation Type indicates the type of token that was assigned to the new process.\n\nType 1: is a full token.\n";

const SHARE: &str = "A network share object was checked to see whether client can be granted desired access.\n\t\nSubject:\n\tSecurity ID:\t\t{SubjectUserSid}\n\
    \tAccount Name:\t\t{SubjectUserName}\n\tAccount Domain:\t\t{SubjectDomainName}\n\tLogon ID:\t\t{SubjectLogonId}\n\nNetwork Information:\t\n\
    \tObject Type:\t\t{ObjectType}\n\tSource Address:\t\t{IpAddress}\n\tSource Port:\t\t{IpPort}\n\t\nShare Information:\n\tShare Name:\t\t{ShareName}\n\
    \tShare Path:\t\t{ShareLocalPath}\n\tRelative Target Name:\t{RelativeTargetName}\n\nAccess Request Information:\n\tAccess Mask:\t\t{AccessMask}\n\
    Access Check Results:\n\t{AccessReason}\n";

const SERVICE: &str = "A service was installed in the system.\n\nService Name:  {ServiceName}\nService File Name:  {ImagePath}\nService Type:  {ServiceType}\n\
    Service Start Type:  {StartType}\nService Account:  {AccountName}";

const SCRIPT: &str =
    "Creating Scriptblock text ({MessageNumber} of {MessageTotal}):\n{ScriptBlockText}\n\nScriptBlock ID: {ScriptBlockId}\nPath: {Path}";
