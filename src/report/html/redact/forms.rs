//! The forms that names have in texts, and the words that look like names and are none.

use std::sync::LazyLock;

use regex::Regex;

/// Names that say nothing of anybody: they are the same everywhere.
pub(super) const COMMON: [&str; 30] = [
    "-",
    "n/a",
    "system",
    "local system",
    "localsystem",
    "local service",
    "localservice",
    "network service",
    "networkservice",
    "anonymous logon",
    "everyone",
    "nt authority",
    "nt service",
    "builtin",
    "window manager",
    "font driver host",
    "iis apppool",
    "nt virtual machine",
    "workgroup",
    "local",
    "localhost",
    "public",
    "default",
    "default user",
    "all users",
    "authenticated users",
    "users",
    "microsoftaccount",
    "azuread",
    "unknown",
];

pub(super) static PROFILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:[\\/]users|[\\/]home|documents and settings)[\\/]([^\\/:*?"<>|\r\n,;']+)"#).expect("it compiles")
});
pub(super) static SID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"S-1-(?:5-21|12-1)-\d+(?:-\d+)+").expect("it compiles"));
pub(super) static MAIL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)").expect("it compiles"));
/// A name in a directory: the first part, then the others.
pub(super) static DIRECTORY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\bCN=((?:\\.|[^,\\=\r\n])+)(?:,\s*(?:CN|OU|DC)=(?:\\.|[^,\\=\r\n"'<>;)\s]| [^,=\r\n"'<>;)\s])+)+"#)
        .expect("it compiles")
});
/// The domain in a name of a directory, and the separators that some programs write.
pub(super) static COMPONENTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\bDC=([\w-]+)((?:(?:,|/|%2C|\\,)\s*DC(?:=|%3D)[\w-]+)*)").expect("it compiles"));
pub(super) static COMPONENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)DC(?:=|%3D)([\w-]+)").expect("it compiles"));
/// A host in a share's path or in the name of a Kerberos service, and a user of `net use`. Not behind a letter or colon: in `C:\\x\y`
/// and in `HKLM\\x\y` the backslash is an escaped one.
pub(super) static SHARE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?:^|[\s"'=(,;@|])\\\\([A-Za-z0-9][\w-]*(?:\.[\w-]+)*)\\[^\\]"#).expect("it compiles"));
pub(super) static SERVICE: LazyLock<Regex> = LazyLock::new(|| {
    let classes = "HOST|RestrictedKrbHost|HTTP|CIFS|LDAP|GC|DNS|MSSQLSvc|TERMSRV|WSMAN|RPCSS";
    Regex::new(&format!(r#"(?i)(?:^|[\s"'=(,;:|])(?:{classes})/([A-Z][\w-]*(?:\.[\w-]+)*)"#)).expect("it compiles")
});
pub(super) static USER_OPTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(?i)/user:"?([^\s"/:*?<>|]+)"#).expect("it compiles"));
pub(super) static ADDRESS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[0-9A-Za-z:.]{2,}").expect("it compiles"));

/// Names in directories that every domain has.
pub(super) const CONTAINERS: [&str; 16] = [
    "users",
    "computers",
    "system",
    "configuration",
    "schema",
    "policies",
    "builtin",
    "services",
    "sites",
    "adminsdholder",
    "infrastructure",
    "partitions",
    "dfsr-globalsettings",
    "password settings container",
    "managed service accounts",
    "foreignsecurityprincipals",
];

/// What stands in the place of a host in paths that lead to none, or in examples.
pub(super) const NO_HOSTS: [&str; 8] = ["tsclient", "device", "windows", "systemroot", "basenamedobjects", "server", "host", "computer"];

/// Parts of domains that are words of every log, or of the whole network.
pub(super) const PUBLIC_LABELS: [&str; 14] =
    ["microsoft", "windows", "google", "amazonaws", "amazon", "azure", "office", "com", "net", "org", "www", "local", "internal", "cloud"];
/// Shorter parts of domains (`ad`, `eu`) are words by themselves; as parts of the whole name they are gone with it.
pub(super) const LABEL_MIN: usize = 3;
/// Characters of a host's name that NetBIOS keeps.
pub(super) const NETBIOS_MAX: usize = 15;
/// What stands in front of a name in a directory that nothing else names.
pub(super) const COMMON_NAME: &str = "cn=";
