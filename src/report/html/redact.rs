//! Names of hosts, users and domains, and addresses, become pseudonyms, everywhere in a report: one name is one pseudonym.
//!
//! Names are those of the findings, their events and processes, of fields that hold names, of profile folders, SIDs, mail addresses
//! and names of directories (`CN=WS07,DC=corp,DC=example`). A domain's parts are names too, and so is what NetBIOS leaves of a long
//! host. Each is looked for in every text, without case and as a whole word, also behind `%5C` and `\u005c`. Pseudonyms are numbers
//! in the order of the names: a hash would be guessed for addresses and short names. What is encoded (base64 in a command line) is
//! not seen, nor are names that the report's own data never name as such.

mod forms;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aho_corasick::AhoCorasick;

use super::data::ReportData;
use forms::{
    ADDRESS, COMMON, COMMON_NAME, COMPONENT, COMPONENTS, CONTAINERS, DIRECTORY, LABEL_MIN, MAIL, NETBIOS_MAX, NO_HOSTS, PROFILE,
    PUBLIC_LABELS, SERVICE, SHARE, SID, USER_OPTION,
};

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NameKind {
    Host,
    User,
    Domain,
    Address,
}

impl NameKind {
    fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User => "user",
            Self::Domain => "domain",
            Self::Address => "address",
        }
    }
}

/// Puts pseudonyms in the place of names.
pub fn redact(data: &mut ReportData) {
    let mut names = KnownNames::default();
    names.collect(data);
    let pseudonyms = names.pseudonyms();
    data.each_text(&mut |text| *text = pseudonyms.applied(text));
    data.scope.push(("Redacted".to_owned(), "hosts, users, domains and addresses are pseudonyms".to_owned()));
}

/// Names by their folded spelling.
#[derive(Default)]
struct KnownNames {
    /// Spelling → what it is of, and the name that stands for all spellings.
    known: BTreeMap<String, (NameKind, String)>,
    /// First parts of names in directories: of users, hosts, groups.
    entries: BTreeSet<String>,
}

impl KnownNames {
    fn collect(&mut self, data: &mut ReportData) {
        data.hosts.iter().for_each(|host| self.host(host));
        data.events.iter().for_each(|event| self.host(&event.host));
        data.users.iter().for_each(|user| self.user(user));
        data.processes.iter().for_each(|process| self.user(&process.user));
        for object in &data.risk {
            match object.kind.as_str() {
                "system" => self.host(&object.object),
                "user" => self.user(&object.object),
                _ => {}
            }
        }
        // A host or user that was asked for.
        data.scope.iter().for_each(|(name, value)| self.of_field(name, value));
        for finding in &data.findings {
            finding.values.iter().for_each(|(name, value)| self.of_field(name, value));
            // `Account*: alice · Workstation: WS07`
            let labelled = finding.details.split(" · ").filter_map(|part| part.split_once(": "));
            labelled.for_each(|(label, value)| self.of_field(label, value));
        }
        // Not the texts of rules: what they name is of no log.
        data.each_log_text(&mut |text| self.within(text));
        // What is a host or user anyway is one here as well. Others are gone from where they stand: `CN=Servers` is a word elsewhere.
        for entry in std::mem::take(&mut self.entries) {
            if !self.known.contains_key(&entry) {
                let spelling = format!("{COMMON_NAME}{entry}");
                self.known.insert(spelling, (NameKind::User, entry));
            }
        }
    }

    /// The value of a field whose name says that it holds names.
    fn of_field(&mut self, name: &str, value: &str) {
        let is_mail = value.contains('@');
        match kind_of_field(name) {
            Some(NameKind::Host) if !is_mail => self.host(value),
            Some(NameKind::Host | NameKind::User) => self.user(value),
            Some(NameKind::Domain) => self.add(NameKind::Domain, value, value),
            Some(NameKind::Address) | None => {}
        }
    }

    /// Names that a text shows as such.
    fn within(&mut self, text: &str) {
        // Most texts have none of these: a search for a byte is far cheaper than an expression.
        if text.contains(['\\', '/']) {
            PROFILE.captures_iter(text).for_each(|found| self.user(found[1].trim()));
            USER_OPTION.captures_iter(text).for_each(|found| self.user(&found[1]));
            for found in SHARE.captures_iter(text).chain(SERVICE.captures_iter(text)) {
                if !NO_HOSTS.contains(&found[1].to_ascii_lowercase().as_str()) {
                    self.host(&found[1]);
                }
            }
        }
        if text.contains("S-1-") {
            SID.find_iter(text).for_each(|sid| self.add(NameKind::User, sid.as_str(), sid.as_str()));
        }
        if text.contains('@') {
            for found in MAIL.captures_iter(text) {
                self.user(&found[1]);
                self.add(NameKind::Domain, &found[2], &found[2]);
            }
        }
        if text.contains('=') || text.contains("%3") {
            self.within_directory(text);
        }
        ADDRESS.find_iter(text).filter_map(|run| address(run.as_str())).for_each(|(_, shown)| self.add(NameKind::Address, shown, shown));
    }

    /// Names in directories, with their domains.
    fn within_directory(&mut self, text: &str) {
        for found in DIRECTORY.captures_iter(text) {
            let entry = found[1].trim().to_lowercase();
            // A certificate's holder has other parts: `CN=…, OU=…, O=…`. It is public.
            let rest = text[found.get(0).map_or(0, |all| all.end())..].trim_start_matches([',', ' ']);
            let is_holder = rest.find('=').is_some_and(|end| (1..=2).contains(&end) && rest[..end].chars().all(|c| c.is_ascii_uppercase()));
            let is_common = is_holder || CONTAINERS.contains(&entry.as_str()) || COMMON.contains(&entry.as_str()) || entry.starts_with('{');
            if !is_common {
                self.entries.insert(entry);
            }
        }
        for found in COMPONENTS.captures_iter(text) {
            let labels: Vec<&str> = COMPONENT.captures_iter(&found[0]).filter_map(|part| Some(part.get(1)?.as_str())).collect();
            // Each part may begin another name of it: `DC=DomainDnsZones,DC=corp,DC=example`.
            for first in 0..labels.len().saturating_sub(1) {
                let domain = labels[first..].join(".");
                let start = COMPONENT.captures_iter(&found[0]).nth(first).and_then(|part| Some(part.get(1)?.start())).unwrap_or(0);
                self.add(NameKind::Domain, &found[0][start..], &domain);
                self.domain(&domain);
            }
        }
    }

    /// The DNS name of a domain of hosts or users, and its parts but the last.
    fn domain(&mut self, name: &str) {
        self.add(NameKind::Domain, name, name);
        let labels: Vec<&str> = name.split('.').collect();
        for label in labels.iter().take(labels.len().saturating_sub(1)).filter(|label| label.chars().count() >= LABEL_MIN) {
            if !PUBLIC_LABELS.contains(&label.to_lowercase().as_str()) && !label.chars().all(|c| c.is_ascii_digit()) {
                self.add(NameKind::Domain, label, label);
            }
        }
        // `corp.example` in a directory, whether or not a text shows it so.
        if labels.len() > 1 {
            self.add(NameKind::Domain, &labels.join(",dc="), name);
        }
    }

    fn host(&mut self, name: &str) {
        let name = name.trim().trim_start_matches('\\');
        if name.parse::<IpAddr>().is_ok() {
            return self.add(NameKind::Address, name, name);
        }
        let short = name.split('.').next().unwrap_or(name);
        self.add(NameKind::Host, name, short);
        self.add(NameKind::Host, short, short);
        if let Some((end, _)) = short.char_indices().nth(NETBIOS_MAX) {
            self.add(NameKind::Host, &short[..end], short);
        }
        if let Some((_, domain)) = name.split_once('.') {
            self.domain(domain);
        }
    }

    fn user(&mut self, name: &str) {
        let name = name.trim();
        let (domain, user) = match (name.rsplit_once('\\'), name.split_once('@')) {
            (Some((domain, user)), _) => (domain, user),
            (None, Some((user, domain))) => (domain, user),
            (None, None) => ("", name),
        };
        self.domain(domain);
        match user.strip_suffix('$') {
            // The account of a computer.
            Some(host) => self.host(host),
            None => self.add(NameKind::User, user, user),
        }
    }

    fn add(&mut self, kind: NameKind, spelling: &str, name: &str) {
        let (spelling, name) = (spelling.trim().to_lowercase(), name.to_lowercase());
        let is_common = COMMON.contains(&spelling.as_str()) || spelling.starts_with("dwm-") || spelling.starts_with("umfd-");
        if spelling.is_empty() || is_common || !spelling.contains(char::is_alphanumeric) {
            return;
        }
        let known = self.known.entry(spelling).or_insert_with(|| (kind, name.clone()));
        if kind < known.0 {
            *known = (kind, name);
        }
    }

    fn pseudonyms(&self) -> Pseudonyms {
        let of_kind: BTreeSet<(NameKind, &str)> = self.known.values().map(|(kind, name)| (*kind, name.as_str())).collect();
        let mut numbers: BTreeMap<NameKind, usize> = BTreeMap::new();
        let mut given: BTreeMap<(NameKind, &str), String> = BTreeMap::new();
        for key in of_kind {
            let number = numbers.entry(key.0).or_default();
            *number += 1;
            given.insert(key, format!("{}-{number}", key.0.word()));
        }
        let mut spellings = Vec::new();
        let mut words = Vec::new();
        for (spelling, (kind, name)) in &self.known {
            let word = &given[&(*kind, name.as_str())];
            let word = &if spelling.starts_with(COMMON_NAME) { format!("CN={word}") } else { word.clone() };
            // The automaton ignores the case of ASCII alone.
            for variant in BTreeSet::from([spelling.clone(), spelling.to_uppercase()]) {
                if variant == *spelling || !variant.eq_ignore_ascii_case(spelling) {
                    spellings.push(variant);
                    words.push(word.clone());
                }
            }
        }
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&spellings).ok();
        Pseudonyms { automaton, words }
    }
}

/// What a field of this name holds.
fn kind_of_field(name: &str) -> Option<NameKind> {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["domain"]) {
        Some(NameKind::Domain)
    } else if has(&["user", "account", "subject", "actor", "owner", "principal"]) {
        Some(NameKind::User)
    } else if has(&["host", "computer", "workstation", "machine", "dvc", "address"]) || name == "dest" || name == "src" {
        Some(NameKind::Host)
    } else {
        None
    }
}

/// Whether a run of letters, digits, dots and colons is an address: where in it, and its text. Loopback is the same everywhere.
fn address(run: &str) -> Option<(usize, &str)> {
    let whole = run.trim_end_matches(['.', ':']);
    let parsed = |text: &str| text.parse::<IpAddr>().ok().filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    if parsed(whole).is_some() {
        return Some((0, whole));
    }
    // `ip:10.0.0.1:443`
    let mut start = 0;
    for part in run.split(':') {
        if part.contains('.') && parsed(part.trim_end_matches('.')).is_some() {
            return Some((start, part.trim_end_matches('.')));
        }
        start += part.len() + 1;
    }
    None
}

/// Whether a text ends with an escaped character: `%5C` of addresses, `\u005c` of JSON. A name may follow it at once.
fn ends_with_escape(text: &str) -> bool {
    let is_escape = |mark: &str, digits: usize| {
        let start = text.len().checked_sub(mark.len() + digits);
        start
            .and_then(|start| text.get(start..))
            .and_then(|end| end.strip_prefix(mark))
            .is_some_and(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()))
    };
    is_escape("%", 2) || is_escape("\\u", 4) || is_escape("\\x", 2)
}

struct Pseudonyms {
    automaton: Option<AhoCorasick>,
    words: Vec<String>,
}

impl Pseudonyms {
    fn applied(&self, text: &str) -> String {
        let Some(automaton) = &self.automaton else { return text.to_owned() };
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_whole = |start: usize, end: usize| {
            (!is_word(text[..start].chars().next_back()) || ends_with_escape(&text[..start])) && !is_word(text[end..].chars().next())
        };
        let all = automaton.find_overlapping_iter(text).map(|found| (found.start(), found.end(), found.pattern().as_usize()));
        let mut found: Vec<(usize, usize, usize)> = all.filter(|(start, end, _)| is_whole(*start, *end)).collect();
        found.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let (mut out, mut done) = (String::with_capacity(text.len()), 0);
        for (start, end, word) in found {
            if start >= done {
                out.push_str(&text[done..start]);
                out.push_str(&self.words[word]);
            }
            // What reaches beyond the name before it is gone with it: half a name may tell the whole.
            done = done.max(end);
        }
        out.push_str(&text[done..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::data::{ReportEvent, ReportFinding, ReportProcess, ReportRule, ReportSource};

    #[test]
    fn no_form_of_a_name_is_left() {
        let forms = [
            r"KDMO\jane.roe",
            r"kdmo\u005cJane.Roe",
            "jane.roe@kdmo.lan",
            "jane.roe@KDMO",
            "kdmo/jane.roe",
            r"C:\Users\jane.roe\Desktop\x.exe",
            r"C:\Users\jane.roe.KDMO\x.exe",
            "/home/jane.roe/x",
            "kdmo%5Cjane.roe%40kdmo.lan",
            "CN=jane.roe,OU=Staff,DC=kdmo,DC=lan",
            r"CN=Roe\, Jane,OU=Staff,DC=kdmo,DC=lan",
            "cn=TARGET01,OU=Domain Controllers,dc=kdmo, dc=lan",
            "LDAP://DC=kdmo,DC=lan",
            "DC=DomainDnsZones,DC=kdmo,DC=lan",
            "AD01-VERY-LONG-NAME$@KDMO.LAN",
            "HOST/ad01-very-long-name.kdmo.lan:445",
            r"\\AD01-VERY-LONG-NAME\C$",
            r"\\ad01-very-long-\ipc$",
            "http://ad01-very-long-name.kdmo.lan/x?u=jane.roe",
            "CN=TARGET01,OU=Servers,DC=kdmo,DC=lan CN=Code Signing, OU=MOPR, O=Microsoft Corporation, C=US",
            r"net use z: \\FILER9\data /user:OTHER\mallory",
            r"Value: MSSQLSvc/SQL-8:1433; HTTP/1.1; termsrv/sql-8.kdmo.lan; C:\\Windows\\x",
            "krbtgt/KDMO.LAN; jane.roe's; jane.roe_admin; kdmo.lan.",
        ];
        let mut data = ReportData {
            hosts: vec!["AD01-VERY-LONG-NAME.kdmo.lan".into()],
            users: vec!["jane.roe".into()],
            processes: forms.iter().map(|form| ReportProcess { command_line: (*form).into(), ..ReportProcess::default() }).collect(),
            ..ReportData::default()
        };
        redact(&mut data);
        for (process, form) in data.processes.iter().zip(forms) {
            let left = process.command_line.to_lowercase();
            for part in ["kdmo", "lan", "jane", "roe", "target01", "ad01", "very", "filer9", "other", "mallory"] {
                assert!(!left.split(|c: char| !c.is_alphanumeric()).any(|word| word.contains(part)), "{form} → {left}");
            }
        }
        assert_eq!(data.processes[9].command_line, "CN=user-1,OU=Staff,DC=domain-4");
        assert!(data.processes[21].command_line.ends_with(r"HTTP/1.1; termsrv/host-3; C:\\Windows\\x"));
        assert!(data.processes[19].command_line.ends_with("CN=Code Signing, OU=MOPR, O=Microsoft Corporation, C=US"));
        assert_eq!(data.processes[5].command_line, r"C:\Users\user-1\Desktop\x.exe");
    }

    #[test]
    fn names_are_gone_from_every_text_and_one_name_is_one_pseudonym() {
        let finding = ReportFinding {
            message: r"alice on WS07 from 10.1.2.3:445, C:\Users\b.smith\x.exe, c.jones@corp.example, S-1-5-21-1-2-3-500".into(),
            details:
                r"User*: CORP\Alice · Host: ws07.corp.example · malice alice2 · fe80::12 · 127.0.0.1 · 12:34:56 · [x]::Y · Workstation: PC3"
                    .into(),
            values: vec![("dest_host".into(), "srv9".into()), ("TargetUserName".into(), "Élodie".into())],
            ..ReportFinding::default()
        };
        let mut data = ReportData {
            hosts: vec!["ws07.corp.example".into()],
            users: vec![r"CORP\alice".into(), "SYSTEM".into()],
            rules: vec![ReportRule { description: "SYSTEM or élodie or ÉLODIE".into(), ..ReportRule::default() }],
            findings: vec![finding],
            events: vec![ReportEvent { host: "WS07".into(), ..ReportEvent::default() }],
            processes: vec![ReportProcess { command_line: r"net use \\srv9\share /user:alice".into(), ..ReportProcess::default() }],
            sources: vec![ReportSource { path: "logs/WS07/alice.evtx".into(), ..ReportSource::default() }],
            ..ReportData::default()
        };
        redact(&mut data);
        let finding = &data.findings[0];
        assert_eq!(finding.message, r"user-1 on host-3 from address-1:445, C:\Users\user-2\x.exe, user-3@domain-2, user-4");
        assert_eq!(
            finding.details,
            r"User*: domain-1\user-1 · Host: host-3 · malice alice2 · address-2 · 127.0.0.1 · 12:34:56 · [x]::Y · Workstation: host-1"
        );
        assert_eq!(finding.values[0].1, "host-2");
        assert_eq!(data.rules[0].description, "SYSTEM or user-5 or user-5");
        assert_eq!(data.processes[0].command_line, r"net use \\host-2\share /user:user-1");
        assert_eq!(data.sources[0].path, "logs/host-3/user-1.evtx");
        assert_eq!((data.hosts[0].as_str(), data.users[1].as_str()), ("host-3", "SYSTEM"));
    }
}
