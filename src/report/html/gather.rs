//! Fills a report from a store.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::data::{ReportData, ReportEvent, ReportFinding, ReportOutcome, ReportRisk, ReportRule, ReportSource, level_of};
use super::markup::{counted, thousands};
use super::processes::processes;
use super::summary::time;
use super::tactics::matrix;
use super::times::{most_runs, runs};
use crate::catalog::{Catalog, EventId, TypeId};

use crate::report::cell_text;
use crate::store::{FindingFilter, FindingRow, Store, StoreError};
use crate::taxonomy::AttackMatrix;

/// Events that a finding shows; its count is always that of all.
const EVENTS_OF_FINDING: usize = 50;
/// Events of a whole report: with more findings, each shows fewer. At 100,000 findings each still shows three.
const EVENTS_OF_REPORT: usize = 300_000;

/// Reads what a filter leaves of a store's findings, and what they stand on.
///
/// # Errors
/// When SQLite fails or the store is damaged.
pub fn gather(store: &Store, filter: &FindingFilter) -> Result<ReportData, StoreError> {
    let mut gathered = ReportGatherer::default();
    store.each_finding::<StoreError>(filter, &mut |mut row| {
        row.hosts.retain(|host| filter.is_of_host(host));
        gathered.finding(row);
        Ok(())
    })?;
    gathered.outcomes(store)?;
    let catalog = store.catalog()?;
    gathered.sources(store)?;
    gathered.events(store, &catalog, filter)?;
    gathered.times(store, filter)?;
    gathered.risk(store, filter)?;
    let mut data = gathered.data;
    (data.tactics, data.technique_names) = matrix(&data.techniques);
    data.scope = scope(store, &catalog, &data)?;
    Ok(data)
}

#[derive(Default)]
struct ReportGatherer {
    data: ReportData,
    rules: HashMap<String, u32>,
    hosts: Places,
    users: Places,
    techniques: Places,
    statuses: Places,
    hunts: Places,
    /// The store's number of a finding → its place.
    findings: HashMap<i64, usize>,
    /// Path of a source → its place.
    paths: HashMap<String, u32>,
}

/// Names, each once without case: which place each has.
#[derive(Default)]
struct Places(HashMap<String, u32>);

impl Places {
    fn of(&mut self, name: &str, names: &mut Vec<String>) -> u32 {
        *self.0.entry(name.to_lowercase()).or_insert_with(|| {
            names.push(name.to_owned());
            u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The places of many names, each once.
    fn of_all(&mut self, own: &[String], names: &mut Vec<String>) -> Vec<u32> {
        let mut places = Vec::with_capacity(own.len());
        for place in own.iter().filter(|name| !name.is_empty()).map(|name| self.of(name, names)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }
}

impl ReportGatherer {
    fn finding(&mut self, row: FindingRow) {
        let rule = self.rule(&row);
        let data = &mut self.data;
        let (status, note) = row.triage.unwrap_or_else(|| ("new".to_owned(), String::new()));
        let values = row.group.iter().chain(row.columns.iter().filter(|(name, _)| !row.group.contains_key(*name)));
        let finding = ReportFinding {
            id: row.finding_id,
            rule,
            hunt: self.hunts.of(&row.hunt_id.0.to_string(), &mut data.hunts),
            status: self.statuses.of(&status, &mut data.statuses),
            note,
            count: row.count,
            first_time_us: row.first_time_us,
            last_time_us: row.last_time_us,
            risk_score: row.risk_score,
            details: row.details,
            hosts: self.hosts.of_all(&row.hosts, &mut data.hosts),
            users: self.users.of_all(&row.users, &mut data.users),
            values: values.map(|(name, value)| (name.clone(), value_text(value))).collect(),
            message: row.message,
            events: Vec::new(),
            times_us: Vec::new(),
        };
        self.findings.insert(row.finding_id, data.findings.len());
        data.findings.push(finding);
    }

    fn rule(&mut self, row: &FindingRow) -> u32 {
        let key = rule_key(&row.rule_id, &row.rule_path);
        if let Some(place) = self.rules.get(&key) {
            return *place;
        }
        let rule = ReportRule {
            id: row.rule_id.clone(),
            title: row.rule_title.clone(),
            path: row.rule_path.clone(),
            level: level_of(&row.severity),
            own_level: row.level.clone(),
            techniques: self.techniques(&row.techniques),
            own_techniques: own_techniques(&row.techniques),
            tactics: AttackMatrix::embedded().tactics_of(&row.tactics),
            status: row.rule.status.clone(),
            description: row.rule.description.clone(),
            author: row.rule.author.clone(),
            references: row.rule.references.clone(),
            false_positives: row.rule.false_positives.clone(),
            fields: row.rule.fields.clone(),
            sql: row.rule.sql.clone(),
            outcome: ReportOutcome::Found,
            ..ReportRule::default()
        };
        let place = u32::try_from(self.data.rules.len()).unwrap_or(u32::MAX);
        self.data.rules.push(rule);
        self.rules.insert(key, place);
        place
    }

    /// The places of what techniques are today.
    fn techniques(&mut self, ids: &[String]) -> Vec<u32> {
        self.techniques.of_all(&AttackMatrix::embedded().techniques_of(ids), &mut self.data.techniques)
    }

    /// All rules that were hunted, with what became of each.
    fn outcomes(&mut self, store: &Store) -> Result<(), StoreError> {
        for row in store.rule_outcomes()? {
            let outcome = match row.outcome.as_str() {
                "found" => ReportOutcome::Found,
                "nothing" => ReportOutcome::Nothing,
                "no-data" | "no-field" => ReportOutcome::Blind,
                _ => ReportOutcome::NotRun,
            };
            let reason = match row.outcome.as_str() {
                "no-data" if !row.reason.is_empty() => format!("no events of {}", row.reason),
                "no-field" if !row.reason.is_empty() => format!("no event has the field {}", row.reason),
                _ => row.reason,
            };
            let key = rule_key(&row.rule_id, &row.path);
            if let Some(place) = self.rules.get(&key) {
                // Its findings are here, whatever a later hunt with fewer events or a broken text made of it.
                self.data.rules[*place as usize].reason = reason;
                continue;
            }
            self.rules.insert(key, u32::try_from(self.data.rules.len()).unwrap_or(u32::MAX));
            let techniques = self.techniques(&row.techniques);
            self.data.rules.push(ReportRule {
                level: level_of(&row.severity),
                own_level: row.severity,
                techniques,
                own_techniques: own_techniques(&row.techniques),
                tactics: AttackMatrix::embedded().tactics_of(&row.tactics),
                id: row.rule_id,
                title: row.title,
                path: row.path,
                outcome,
                reason,
                ..ReportRule::default()
            });
        }
        Ok(())
    }

    fn sources(&mut self, store: &Store) -> Result<(), StoreError> {
        for row in store.sources()? {
            let remark = match (&row.duplicate_of, row.reason.is_empty()) {
                (Some(path), _) => format!("the same bytes as {path}"),
                (None, false) => format!("not read: {}", row.reason),
                (None, true) if row.recovered > 0 => format!("{} records were recovered from damaged areas", row.recovered),
                (None, true) => String::new(),
            };
            self.paths.entry(row.path.clone()).or_insert_with(|| u32::try_from(self.data.sources.len()).unwrap_or(u32::MAX));
            self.data.sources.push(ReportSource {
                path: row.path,
                format: row.format,
                sha256: row.sha256,
                bytes: row.bytes,
                events: row.events,
                bad: row.bad,
                remark,
            });
        }
        for row in store.removed_sources()? {
            self.paths.entry(row.path.clone()).or_insert_with(|| u32::try_from(self.data.sources.len()).unwrap_or(u32::MAX));
            let remark = "removed from the store; findings keep their events".to_owned();
            let (path, sha256) = (row.path, row.sha256);
            self.data.sources.push(ReportSource { path, format: String::new(), sha256, bytes: 0, events: row.events, bad: 0, remark });
        }
        Ok(())
    }

    fn events(&mut self, store: &Store, catalog: &Catalog, filter: &FindingFilter) -> Result<(), StoreError> {
        let most = (EVENTS_OF_REPORT / self.data.findings.len().max(1)).clamp(1, EVENTS_OF_FINDING);
        let mut wanted: BTreeMap<EventId, Vec<usize>> = BTreeMap::new();
        let mut shown: (i64, usize) = (0, 0);
        store.each_finding_event(filter, &mut |finding, event| {
            shown = if shown.0 == finding { (finding, shown.1 + 1) } else { (finding, 1) };
            if let (true, Some(place)) = (shown.1 <= most, self.findings.get(&finding)) {
                wanted.entry(event).or_default().push(*place);
            }
        })?;
        let kinds: HashMap<TypeId, String> =
            catalog.types.iter().map(|t| (t.id, format!("{} {}", t.dataset, t.code).trim().to_owned())).collect();
        let mut ids = Vec::with_capacity(wanted.len());
        let mut envelopes = store.envelopes()?;
        for (event, findings) in wanted {
            let envelope = envelopes.of(event)?;
            let place = u32::try_from(self.data.events.len()).unwrap_or(u32::MAX);
            findings.iter().for_each(|finding| self.data.findings[*finding].events.push(place));
            ids.push((event, envelope.event_type));
            self.data.events.push(ReportEvent {
                time_us: envelope.time_us,
                host: envelope.host.as_deref().unwrap_or_default().to_owned(),
                kind: kinds.get(&envelope.event_type).cloned().unwrap_or_default(),
                source: self.paths.get(envelope.path.as_ref()).copied().unwrap_or(0),
                record: envelope.record.unwrap_or(envelope.position),
                process: None,
            });
        }
        self.data.processes = processes(store, catalog, &mut self.data.events, &ids)?;
        Ok(())
    }

    /// When the events of each finding happened, so that the page can ask it for an interval.
    fn times(&mut self, store: &Store, filter: &FindingFilter) -> Result<(), StoreError> {
        let most = most_runs(self.data.findings.len());
        let (mut own, mut times): (i64, Vec<i64>) = (0, Vec::new());
        let mut put = |finding: i64, times: &mut Vec<i64>| {
            if let Some(place) = self.findings.get(&finding) {
                self.data.findings[*place].times_us = runs(times, most);
            }
            times.clear();
        };
        store.each_finding_time(filter, &mut |finding, time_us| {
            if finding != own {
                put(own, &mut times);
                own = finding;
            }
            times.push(time_us);
        })?;
        put(own, &mut times);
        Ok(())
    }

    fn risk(&mut self, store: &Store, filter: &FindingFilter) -> Result<(), StoreError> {
        self.data.risk = store
            .risk_ranking(filter)?
            .into_iter()
            .filter(|object| object.kind != "system" || filter.is_of_host(&object.object))
            .map(|object| ReportRisk {
                object: object.object,
                kind: object.kind,
                score: object.score,
                findings: object.findings,
                rule_titles: object.rule_titles,
                times_us: (object.first_us, object.last_us),
            })
            .collect();
        Ok(())
    }
}

/// Techniques in a rule's own words, where one is called otherwise today.
fn own_techniques(ids: &[String]) -> Vec<String> {
    if AttackMatrix::embedded().techniques_of(ids) == ids { Vec::new() } else { ids.to_vec() }
}

/// Rules of one id are one rule, wherever they lie.
fn rule_key(id: &str, path: &str) -> String {
    if id.is_empty() { path.to_owned() } else { id.to_lowercase() }
}

/// A value of a result row: the members of a list on lines of their own.
fn value_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(members) => members.iter().map(|member| cell_text(member).into_owned()).collect::<Vec<_>>().join("\n"),
        other => cell_text(other).into_owned(),
    }
}

/// What the head of the page says. No clock: the same store gives the same page.
fn scope(store: &Store, catalog: &Catalog, data: &ReportData) -> Result<Vec<(String, String)>, StoreError> {
    // What the store has, each event once: sources count what other sources have too, and not what was recovered.
    let events: u64 = catalog.types.iter().map(|of| of.events).sum();
    let times = || data.findings.iter().flat_map(|finding| [finding.first_time_us, finding.last_time_us]).flatten();
    let rules = data.findings.iter().map(|finding| finding.rule).collect::<std::collections::BTreeSet<_>>().len();
    let mut out = vec![
        ("Findings".to_owned(), format!("{} from {}", thousands(data.findings.len() as u64), counted(rules, "rule"))),
        ("Events loaded".to_owned(), format!("{} from {}", thousands(events), counted(data.sources.len(), "source"))),
    ];
    if let (Some(first), Some(last)) = (times().min(), times().max()) {
        out.push(("Time of findings".to_owned(), format!("{} to {} UTC", time(Some(first)), time(Some(last)))));
    }
    if let Some((hunt, started)) = store.hunts()?.pop() {
        out.push(("Last hunt".to_owned(), format!("{} at {} UTC", hunt.0, time(Some(started)))));
    }
    out.push(("Made by".to_owned(), format!("retrohunt {}", env!("CARGO_PKG_VERSION"))));
    Ok(out)
}
