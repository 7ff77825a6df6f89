//! Whom a finding is about: which fields name users and hosts, and which accounts are nobody's.

use crate::store::is_somebody;
use crate::taxonomy::Taxonomy;

/// What a field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntityKind {
    User,
    Host,
}

/// Last parts of names of fields, without case and `_`, that name a user.
const USER_ENDINGS: [&str; 5] = ["user", "username", "accountname", "principalname", "acct"];
/// The same of hosts. Addresses are not among them: a host has several, and several hosts have one.
const HOST_ENDINGS: [&str; 8] =
    ["computer", "computername", "host", "hostname", "workstation", "workstationname", "machinename", "devicename"];
/// Splunk's names of the host that something happened on.
const HOST_NAMES: [&str; 2] = ["dest", "dvc"];

/// What a field of this name holds: as the data of `rules/details` has it, else as its name says.
pub(super) fn kind_of_field(taxonomy: &Taxonomy, name: &str) -> Option<EntityKind> {
    if taxonomy.is_user_field(name) {
        return Some(EntityKind::User);
    }
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase().replace(['_', '-', ' '], "");
    if USER_ENDINGS.iter().any(|end| last.ends_with(end)) {
        return Some(EntityKind::User);
    }
    let is_host = HOST_ENDINGS.iter().any(|end| last.ends_with(end)) || HOST_NAMES.contains(&last.as_str());
    is_host.then_some(EntityKind::Host)
}

/// Accounts of Windows itself, by name.
const SERVICE_ACCOUNTS: [&str; 8] =
    ["system", "local system", "localsystem", "local service", "network service", "anonymous logon", "iusr", "window manager"];
/// Beginnings of the names of accounts that Windows makes for sessions and services.
const SERVICE_BEGINNINGS: [&str; 3] = ["dwm-", "umfd-", "defaultapppool"];
/// SIDs of well-known accounts. Those of people begin with `S-1-5-21-` or `S-1-12-1-`.
const PERSONAL_SIDS: [&str; 2] = ["s-1-5-21-", "s-1-12-1-"];

/// Whether an account is a person's: not a machine's, and none of Windows itself. Nearly every event names one of those, and their
/// risk would be that of all hosts together.
pub(super) fn is_personal(user: &str) -> bool {
    let user = user.trim().to_ascii_lowercase();
    let (domain, name) = user.rsplit_once('\\').unwrap_or(("", &user));
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    let is_service = SERVICE_ACCOUNTS.contains(&name)
        || SERVICE_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
        || matches!(domain, "nt authority" | "nt service" | "iis apppool" | "font driver host")
        || (name.starts_with("s-1-") && !PERSONAL_SIDS.iter().any(|begin| name.starts_with(begin)));
    !name.ends_with('$') && !is_service && is_somebody(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_name_users_and_hosts() {
        let taxonomy = Taxonomy::embedded();
        let kind = |name| kind_of_field(taxonomy, name);
        for name in ["SubjectUserName", "user", "src_user", "Processes.user", "userIdentity.arn", "Account_Name"] {
            assert_eq!(kind(name), Some(EntityKind::User), "{name}");
        }
        for name in ["Computer", "host", "dest", "WorkstationName", "All_Traffic.dest", "DestinationHostname"] {
            assert_eq!(kind(name), Some(EntityKind::Host), "{name}");
        }
        for name in ["IpAddress", "userAgent", "EventID", "Image", "src_ip", "LogonType"] {
            assert_eq!(kind(name), None, "{name}");
        }
    }

    #[test]
    fn accounts_of_machines_and_services_are_nobodys() {
        for user in ["alice", r"CORP\alice", "bob@corp.example", "S-1-5-21-1-2-3-500", "systemadmin"] {
            assert!(is_personal(user), "{user}");
        }
        for user in [
            "0",
            "null",
            "N/A",
            r"CORP\unknown",
            "None",
            "WS07$",
            r"CORP\ws07$",
            "SYSTEM",
            r"NT AUTHORITY\SYSTEM",
            "S-1-5-18",
            "DWM-1",
            "ANONYMOUS LOGON",
            "-",
            "WS07$@CORP.EXAMPLE",
        ] {
            assert!(!is_personal(user), "{user}");
        }
    }
}
