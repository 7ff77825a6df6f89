//! Who logged on where, from where and how: Windows logons, counted.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::cleared::TextFields;
use super::{Metrics, OverviewFilter, WantedHosts};
use crate::catalog::{EventId, EventType, ValueId};
use crate::store::{EventRow, Store, StoreError};

const CHANNEL: &str = "Security";
/// What each event id says.
const KINDS: [(&str, LogonKind); 3] = [("4624", LogonKind::Success), ("4625", LogonKind::Failure), ("4648", LogonKind::Explicit)];
/// Special privileges were given to a logon: the event names it by its id.
const PRIVILEGED: &str = "4672";

/// Accounts of Windows itself by the beginning of their SID: System, the services, window and font managers, virtual accounts.
const OWN_SIDS: [&str; 6] = ["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-80-", "S-1-5-90-", "S-1-5-96-"];
/// Logon types of Windows itself: at its start, and of services.
const OWN_TYPES: [&str; 2] = ["0", "5"];

/// Logons whose privileges are kept: some 24 bytes each. Beyond them privileged logons are not counted.
const MAX_PRIVILEGED: usize = 10_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogonKind {
    Success,
    Failure,
    Explicit,
}

/// Which logons are counted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LogonOptions {
    /// Which events.
    pub filter: OverviewFilter,
    /// Only this account, without case: `alice` or `CORP\alice`.
    pub user: Option<String>,
    /// Also machine accounts, those of Windows itself, and logons of services.
    pub all: bool,
}

impl LogonOptions {
    /// Counts the logons of people.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Logons of one account from one place to one host in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogonSummary {
    /// The account.
    pub user: String,
    /// Its domain, as the events spell it.
    pub domain: Option<String>,
    /// Address it came from, else the name of the workstation; of explicit credentials the host where they were used.
    pub source: Option<String>,
    /// Host that it logged on to; of explicit credentials the server they were for.
    pub host: Option<String>,
    /// Windows' number of the way; none for explicit credentials.
    pub logon_type: Option<String>,
    /// Logons (4624).
    pub successes: u64,
    /// Those of them that got special privileges (4672 with the same logon id on the same host).
    pub privileged: u64,
    /// Failed logons (4625).
    pub failures: u64,
    /// Explicit credentials (4648).
    pub explicit: u64,
    /// How often failed logons had each status, the most frequent first.
    pub statuses: Vec<(String, u64)>,
    /// Events and their times.
    pub metrics: Metrics,
}

/// All that was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogonTotals {
    /// A row for each account, source, host and way, by user.
    pub rows: Vec<LogonSummary>,
    /// Events of machines, of Windows itself and of services that were left out.
    pub left_out: u64,
}

/// What a row is of: user, domain, source, host, type; without case.
type LogonKey = [String; 5];

/// A logon as its host names it.
type Session = (Option<ValueId>, String);

/// Counts logons.
///
/// # Errors
/// When the store fails.
pub fn logons(store: &Store, options: &LogonOptions) -> Result<LogonTotals, StoreError> {
    let catalog = store.catalog()?;
    let of_code =
        |code: &str| catalog.types.iter().find(|of| of.product == "windows" && of.dataset.eq_ignore_ascii_case(CHANNEL) && of.code == code);
    let mut count = LogonCount {
        store,
        options,
        hosts: WantedHosts::new(store, &options.filter),
        user: options.user.as_ref().map(|user| user.to_lowercase()),
        privileged: FxHashSet::default(),
        rows: BTreeMap::new(),
        left_out: 0,
    };
    if let Some(event_type) = of_code(PRIVILEGED) {
        count.read_privileged(event_type)?;
    }
    for (code, kind) in KINDS {
        if let Some(event_type) = of_code(code) {
            count.read(event_type, kind)?;
        }
    }
    let finish = |(mut row, statuses): (LogonSummary, FxHashMap<String, u64>)| {
        row.statuses = statuses.into_iter().collect();
        row.statuses.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        row
    };
    Ok(LogonTotals { rows: count.rows.into_values().map(finish).collect(), left_out: count.left_out })
}

struct LogonCount<'s> {
    store: &'s Store,
    options: &'s LogonOptions,
    hosts: WantedHosts<'s>,
    user: Option<String>,
    privileged: FxHashSet<Session>,
    rows: BTreeMap<LogonKey, (LogonSummary, FxHashMap<String, u64>)>,
    left_out: u64,
}

/// TextFields that are read of a logon, in this order.
const FIELDS: [&str; 12] = [
    "TargetDomainName",
    "TargetUserName",
    "TargetUserSid",
    "LogonType",
    "IpAddress",
    "WorkstationName",
    "TargetLogonId",
    "SubStatus",
    "Status",
    "TargetServerName",
    "SubjectUserName",
    "SubjectUserSid",
];

impl LogonCount<'_> {
    fn read_privileged(&mut self, event_type: &EventType) -> Result<(), StoreError> {
        let fields = TextFields::of(event_type, &["SubjectLogonId"]);
        let (store, last) = (self.store, self.store.last_event()?);
        store.event_reader(event_type, &fields.columns)?.each(EventId(0), last, &mut |row, cells| {
            if self.privileged.len() < MAX_PRIVILEGED
                && let [Some(logon)] = fields.texts(store, event_type, cells, row.time_us)?
            {
                let host = self.hosts.first(row.host)?;
                self.privileged.insert((host, logon.to_lowercase()));
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn read(&mut self, event_type: &EventType, kind: LogonKind) -> Result<(), StoreError> {
        let fields = TextFields::of(event_type, &FIELDS);
        let (store, last) = (self.store, self.store.last_event()?);
        store.event_reader(event_type, &fields.columns)?.each(EventId(0), last, &mut |row, cells| {
            if self.options.filter.has_time(row.time_us) && self.hosts.is_wanted(row.host)? {
                let texts = fields.texts(store, event_type, cells, row.time_us)?;
                self.count(&row, kind, texts)?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn count(&mut self, row: &EventRow, kind: LogonKind, texts: [Option<String>; FIELDS.len()]) -> Result<(), StoreError> {
        let [domain, user, sid, logon_type, address, workstation, logon, sub_status, status, server, subject, subject_sid] = texts;
        let Some(user) = user else { return Ok(()) };
        if self.user.as_ref().is_some_and(|wanted| !is_account(&user, domain.as_deref(), wanted)) {
            return Ok(());
        }
        let is_explicit = kind == LogonKind::Explicit;
        // Credentials that a machine or Windows itself used are no more a person's than a logon of theirs.
        let is_own = is_own(Some(&user), sid.as_deref())
            || logon_type.as_deref().is_some_and(|own| OWN_TYPES.contains(&own))
            || (is_explicit && is_own(subject.as_deref(), subject_sid.as_deref()));
        if !self.options.all && is_own {
            self.left_out += 1;
            return Ok(());
        }
        let own_host = row.host.map(|host| self.hosts.name(host)).transpose()?;
        let (source, host) =
            if is_explicit { explicit(own_host.as_deref(), server) } else { (source(address, workstation), own_host.map(text)) };
        let parts = [Some(&user), domain.as_ref(), source.as_ref(), host.as_ref(), logon_type.as_ref()];
        let key = parts.map(|part| part.map(|text| text.to_lowercase()).unwrap_or_default());
        let new = || (new_row(user, domain, source, host, logon_type), FxHashMap::default());
        let (summary, statuses) = self.rows.entry(key).or_insert_with(new);
        summary.metrics.add(row.time_us);
        match kind {
            LogonKind::Success => {
                summary.successes += 1;
                let host = self.hosts.first(row.host)?;
                let session = logon.map(|logon| (host, logon.to_lowercase()));
                summary.privileged += u64::from(session.is_some_and(|session| self.privileged.contains(&session)));
            }
            LogonKind::Failure => {
                summary.failures += 1;
                // The sub-status says why; where it is zero the status does.
                let why = sub_status.filter(|code| !code.trim_start_matches("0x").trim_matches('0').is_empty()).or(status);
                *statuses.entry(why.unwrap_or_default().to_lowercase()).or_default() += 1;
            }
            LogonKind::Explicit => summary.explicit += 1,
        }
        Ok(())
    }
}

/// Whether an account is the one that somebody named, `user` or `domain\user` in lower case.
fn is_account(user: &str, domain: Option<&str>, wanted: &str) -> bool {
    let user = user.to_lowercase();
    user == wanted || domain.is_some_and(|domain| wanted.split_once('\\') == Some((&domain.to_lowercase(), &user)))
}

fn new_row(user: String, domain: Option<String>, source: Option<String>, host: Option<String>, logon_type: Option<String>) -> LogonSummary {
    LogonSummary {
        user,
        domain,
        source,
        host,
        logon_type,
        successes: 0,
        privileged: 0,
        failures: 0,
        explicit: 0,
        statuses: Vec::new(),
        metrics: Metrics::default(),
    }
}

fn text(name: Arc<str>) -> String {
    name.as_ref().to_owned()
}

/// Whether an account is a machine's or Windows' own.
fn is_own(user: Option<&str>, sid: Option<&str>) -> bool {
    user.is_some_and(|user| user.ends_with('$'))
        || sid.is_some_and(|sid| OWN_SIDS.iter().any(|own| sid == *own || (own.ends_with('-') && sid.starts_with(own))))
}

/// The address, in the form of IPv4 where it is one; else the workstation.
fn source(address: Option<String>, workstation: Option<String>) -> Option<String> {
    let address = address.map(|text| text.strip_prefix("::ffff:").map_or(text.clone(), str::to_owned));
    address.or(workstation)
}

/// Where explicit credentials were used, and for which server.
fn explicit(own_host: Option<&str>, server: Option<String>) -> (Option<String>, Option<String>) {
    let used_at = own_host.map(str::to_owned);
    let server = server.filter(|server| !server.eq_ignore_ascii_case("localhost"));
    (used_at.clone(), server.or(used_at))
}

/// What Windows calls a type of logon.
pub fn logon_type_name(number: &str) -> Option<&'static str> {
    Some(match number {
        "0" => "System",
        "2" => "Interactive",
        "3" => "Network",
        "4" => "Batch",
        "5" => "Service",
        "7" => "Unlock",
        "8" => "NetworkCleartext",
        "9" => "NewCredentials",
        "10" => "RemoteInteractive",
        "11" => "CachedInteractive",
        "12" => "CachedRemoteInteractive",
        "13" => "CachedUnlock",
        _ => return None,
    })
}

/// Why a logon failed, by its status in lower case.
pub fn failure_name(status: &str) -> Option<&'static str> {
    Some(match status {
        "0xc000005e" => "no logon server",
        "0xc0000064" => "no such user",
        "0xc000006a" => "wrong password",
        "0xc000006d" => "wrong user or password",
        "0xc000006e" => "account restricted",
        "0xc000006f" => "outside of logon hours",
        "0xc0000070" => "not from this workstation",
        "0xc0000071" => "password expired",
        "0xc0000072" => "account disabled",
        "0xc0000133" => "clocks differ",
        "0xc000015b" => "type of logon not granted",
        "0xc0000192" => "Netlogon not started",
        "0xc0000193" => "account expired",
        "0xc0000224" => "password must be changed",
        "0xc0000234" => "account locked out",
        "0xc0000413" => "not allowed on this machine",
        _ => return None,
    })
}
