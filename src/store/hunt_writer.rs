//! Saves a hunt: findings one at a time, in one transaction that ends with the hunt.

use rusqlite::{CachedStatement, Connection, ToSql, Transaction, TransactionBehavior, params};
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::json;

use super::finding_identity::{About, identity};
use super::findings::{
    DESCRIBED_EVENTS, EVIDENCE_CAP, Finding, FindingDescription, FindingRiskObject, HuntId, HuntOutcome, HuntRecord, HuntedRule,
    RuleOutcome, UndescribedFinding,
};
use super::rule_rows::{RuleOutcomes, SavedRule, known_rules, save_rule, severity};
use super::{Envelope, StoreError, details, is_somebody, kept_event};
use crate::catalog::SourceId;
use crate::ir::RuleMeta;

/// Longest SQL text (bytes) that is saved with a rule. One over hundreds of event types has a megabyte: `compile` prints it.
pub const SQL_BYTES_MAX: usize = 16 * 1024;
/// How findings are described: one that was described in an earlier way is described again. Counted up when newer findings tell more.
const DESCRIBED: i64 = 1;

/// A hunt that is being saved. Dropped before [`HuntWriter::finish`] it saves nothing.
pub struct HuntWriter<'s> {
    // Fields are dropped in this order: statements before the transaction that they run in.
    statements: Statements<'s>,
    transaction: Transaction<'s>,
    connection: &'s Connection,
    whole_time: bool,
    pub(super) rules: Vec<SavedRule>,
    /// Findings of earlier hunts that stay as they are.
    pub(super) staying: u64,
    outcome: HuntOutcome,
    outcomes: RuleOutcomes,
    hashes: FxHashMap<SourceId, String>,
    /// What the outcome was when the rule at hand began, and how many findings were to be described.
    before_rule: (HuntOutcome, usize),
    /// Findings of single events that are to be described.
    undescribed: Vec<UndescribedFinding>,
}

/// What runs for each finding, prepared once.
struct Statements<'s> {
    insert: CachedStatement<'s>,
    update: CachedStatement<'s>,
    known: CachedStatement<'s>,
    describe: CachedStatement<'s>,
    forget_entities: CachedStatement<'s>,
    entity: CachedStatement<'s>,
    hosts: CachedStatement<'s>,
    forget_evidence: CachedStatement<'s>,
    evidence: CachedStatement<'s>,
    history: CachedStatement<'s>,
}

impl<'s> Statements<'s> {
    fn new(connection: &'s Connection) -> Result<Self, StoreError> {
        Ok(Self {
            insert: connection.prepare_cached(
                "INSERT INTO finding (finding_id, rule, hunt, group_json, columns_json, count, first_time_us, last_time_us, risk_score, impact, confidence, message, risk_objects_json, details, first_hunt, state, described)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?3, 'current', ?15)
                 ON CONFLICT (finding_id) DO NOTHING",
            )?,
            update: connection.prepare_cached(
                "UPDATE finding SET rule = ?2, hunt = ?3, group_json = ?4, columns_json = ?5, count = ?6, first_time_us = ?7, last_time_us = ?8,
                     risk_score = ?9, impact = ?10, confidence = ?11, message = ?12, risk_objects_json = CASE WHEN ?16 THEN risk_objects_json ELSE ?13 END,
                     details = CASE WHEN ?14 = '' OR ?17 THEN details ELSE ?14 END, state = 'current', described = ?15
                 WHERE finding_id = ?1",
            )?,
            known: connection.prepare_cached(
                "SELECT id, rule = ?2 AND count = ?3 AND first_time_us IS ?4 AND columns_json = ?5 AND described = ?6,
                     rule = ?2 AND count = ?3 AND first_time_us IS ?4 AND last_time_us IS ?7 AND state = 'current' FROM finding WHERE finding_id = ?1",
            )?,
            describe: connection.prepare_cached(
                "UPDATE finding SET details = CASE ?2 WHEN '' THEN details ELSE ?2 END, risk_objects_json = coalesce(?3, risk_objects_json) WHERE id = ?1",
            )?,
            forget_entities: connection.prepare_cached("DELETE FROM finding_entity WHERE finding = ?1")?,
            entity: connection.prepare_cached("INSERT OR IGNORE INTO finding_entity (finding, kind, value) VALUES (?1, ?2, ?3)")?,
            hosts: connection.prepare_cached(
                "INSERT OR IGNORE INTO finding_entity (finding, kind, value)
                 SELECT DISTINCT x.finding, 'host', v.text FROM evidence x JOIN event e ON e.id = x.event JOIN value v ON v.id = e.host WHERE x.finding = ?1",
            )?,
            // What was removed since and this text of the rule found stays.
            forget_evidence: connection.prepare_cached(
                "DELETE FROM evidence WHERE finding = ?1
                     AND (event NOT IN (SELECT event FROM kept_event) OR ?2 <> (SELECT rule FROM finding WHERE id = ?1))",
            )?,
            evidence: connection.prepare_cached("INSERT OR IGNORE INTO evidence (finding, event) VALUES (?1, ?2)")?,
            history: connection.prepare_cached(
                "INSERT OR REPLACE INTO finding_history (finding, hunt, state, count, first_time_us, last_time_us) VALUES (?1, ?2, 'current', ?3, ?4, ?5)",
            )?,
        })
    }
}

impl<'s> HuntWriter<'s> {
    /// Begins the transaction with the hunt and its rules.
    pub(super) fn new(connection: &'s Connection, hunt: &HuntRecord, rules: &[HuntedRule<'_>]) -> Result<Self, StoreError> {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO hunt (started_us, since_us, until_us, last_event, rules, findings) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
            params![hunt.started_us, hunt.since_us, hunt.until_us, hunt.last_event.0, count(rules.len() as u64)],
        )?;
        let outcome = HuntOutcome { hunt_id: HuntId(transaction.last_insert_rowid()), ..HuntOutcome::default() };
        let known = known_rules(&transaction)?;
        let rules = rules.iter().map(|rule| save_rule(&transaction, rule, &known)).collect::<Result<_, _>>()?;
        Ok(Self {
            statements: Statements::new(connection)?,
            transaction,
            connection,
            whole_time: hunt.since_us.is_none() && hunt.until_us.is_none(),
            rules,
            staying: 0,
            outcome,
            outcomes: RuleOutcomes::read(connection, outcome.hunt_id)?,
            hashes: FxHashMap::default(),
            before_rule: (outcome, 0),
            undescribed: Vec::new(),
        })
    }

    /// How many findings there are so far: those that were saved, and those that stay as they are.
    pub fn findings(&self) -> u64 {
        self.outcome.new + self.outcome.known + self.staying
    }

    /// The hunt that is being saved.
    pub(super) fn hunt_id(&self) -> HuntId {
        self.outcome.hunt_id
    }

    /// The ids of its rules.
    pub(super) fn rule_ids(&self) -> Vec<&str> {
        self.rules.iter().map(|rule| rule.id.as_str()).collect()
    }

    pub(super) fn connection(&self) -> &Connection {
        self.connection
    }

    /// Begins the findings of one rule, so that they can be taken back together.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn begin_rule(&mut self) -> Result<(), StoreError> {
        self.before_rule = (self.outcome, self.undescribed.len());
        self.connection.prepare_cached("SAVEPOINT rule")?.execute([])?;
        Ok(())
    }

    /// Ends the findings of the rule that was begun.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn end_rule(&mut self) -> Result<(), StoreError> {
        self.connection.prepare_cached("RELEASE rule")?.execute([])?;
        Ok(())
    }

    /// Takes back the findings of the rule that was begun: it could not run to its end.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn take_back_rule(&mut self) -> Result<(), StoreError> {
        self.connection.prepare_cached("ROLLBACK TO rule")?.execute([])?;
        self.outcome = self.before_rule.0;
        self.undescribed.truncate(self.before_rule.1);
        self.end_rule()
    }

    /// Notes that a rule could not run to its end: findings of it from earlier hunts stay as they are.
    pub fn failed(&mut self, rule_index: usize) {
        self.rules[rule_index].failed = true;
    }

    /// Whether earlier hunts have found something by this rule, whatever its text was.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn has_earlier(&self, rule_index: usize) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM finding WHERE rule IN (SELECT id FROM rule WHERE rule_id = ?1)";
        Ok(self.connection.prepare_cached(sql)?.exists([&self.rules[rule_index].id])?)
    }

    /// Whether a rule leaves it open who carries the risk of its findings.
    pub fn derives_risk(&self, rule_index: usize) -> bool {
        self.rules[rule_index].derives_risk
    }

    /// Saves a finding. One that has no description is described later, if it is new or has changed.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn save(&mut self, finding: &Finding, description: Option<&FindingDescription>) -> Result<(), StoreError> {
        let identity = self.identity(finding)?;
        self.rules[finding.rule_index].found = true;
        let (hunt, rule) = (self.outcome.hunt_id.0, &self.rules[finding.rule_index]);
        let (group, columns) = (texts(&finding.group), object(&finding.columns));
        let objects = risk_objects(description.and_then(|told| told.risk.as_deref()).unwrap_or(&finding.risk_objects));
        let events = count(finding.count);
        let telling = Telling::of(finding, rule, description);
        let derives_risk = rule.derives_risk;
        let row: &[&dyn ToSql] = params![
            identity,
            rule.row,
            hunt,
            group,
            columns,
            events,
            finding.first_time_us,
            finding.last_time_us,
            finding.risk_score,
            rule.impact,
            rule.confidence,
            finding.message,
            objects,
            telling.details,
            DESCRIBED
        ];
        let statements = &mut self.statements;
        let (id, is_changed, is_new, is_same): (i64, bool, bool, bool) = if statements.insert.execute(row)? == 1 {
            self.outcome.new += 1;
            (self.connection.last_insert_rowid(), true, true, false)
        } else {
            self.outcome.known += 1;
            let known = params![identity, rule.row, events, finding.first_time_us, columns, DESCRIBED, finding.last_time_us];
            let (id, is_described, is_same): (i64, bool, bool) =
                statements.known.query_row(known, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            // What an earlier hunt read from events is still true, and is not read again.
            let kept: [bool; 2] = [is_described && derives_risk, is_described];
            // Evidence is that of the last hunt: what an older text of the rule found must not mix with it.
            statements.forget_evidence.execute(params![id, rule.row])?;
            statements.update.execute(&[row, params![kept[0], kept[1]]].concat()[..])?;
            (id, !is_described, false, is_same)
        };
        for event in finding.evidence.iter().take(EVIDENCE_CAP) {
            statements.evidence.execute(params![id, event.0])?;
        }
        // A finding that is as it was has no line for each hunt over the whole time: the hunts of its rule say that it was there.
        if !(is_same && self.whole_time) {
            statements.history.execute(params![id, hunt, events, finding.first_time_us, finding.last_time_us])?;
        }
        if is_changed {
            self.rules[finding.rule_index].changed = true;
            self.save_entities(id, finding, is_new)?;
            if let Some(description) = description.filter(|_| is_new) {
                self.save_told(id, description)?;
            } else {
                self.note_undescribed(id, finding, &telling);
            }
        }
        Ok(())
    }

    /// Notes that a finding is to be described, where something else than itself tells of it.
    fn note_undescribed(&mut self, row: i64, finding: &Finding, telling: &Telling) {
        let derives_risk = self.rules[finding.rule_index].derives_risk;
        let Telling { is_row, by_event, is_completed, .. } = *telling;
        if !(by_event || derives_risk || is_completed) {
            return;
        }
        let (rule_index, first_event) = (finding.rule_index, finding.evidence.iter().min().copied());
        let own = if is_row && derives_risk { finding.evidence.as_slice() } else { &[] };
        let (group, events) = (finding.group.clone(), own.iter().take(DESCRIBED_EVENTS).copied().collect());
        let new = UndescribedFinding { row, rule_index, first_event, by_event, is_completed, derives_risk, group, events };
        self.undescribed.push(new);
    }

    /// The findings so far that are to be described, those of one event together: several rules find the same event, and reading it is
    /// what costs.
    pub fn undescribed(&mut self) -> Vec<UndescribedFinding> {
        let mut out = std::mem::take(&mut self.undescribed);
        out.sort_by_key(|finding| (finding.first_event, finding.row));
        out
    }

    /// The rules some of whose findings are new or have changed, without those that an earlier hunt has described: where findings stay, the
    /// rule and its plan are what they were.
    pub fn undescribed_rules(&self) -> Vec<usize> {
        let is_described = |rule: &SavedRule| rule.staying.is_some_and(|findings| findings > 0);
        (0..self.rules.len()).filter(|index| self.rules[*index].changed && !is_described(&self.rules[*index])).collect()
    }

    /// Writes what a finding tells.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn describe(&mut self, row: i64, description: &FindingDescription) -> Result<(), StoreError> {
        let objects = description.risk.as_deref().map(risk_objects);
        self.statements.describe.execute(params![row, description.details, objects])?;
        self.save_told(row, description)
    }

    /// The users and hosts of a description.
    fn save_told(&mut self, row: i64, description: &FindingDescription) -> Result<(), StoreError> {
        let named = [("user", &description.users), ("host", &description.hosts)];
        let named = named.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)));
        for (kind, name) in named.filter(|(_, name)| is_somebody(name)) {
            self.statements.entity.execute(params![row, kind, name])?;
        }
        Ok(())
    }

    /// What the result row of a finding that has changed tells by itself: its details, and names and values of what is in them.
    ///
    /// # Errors
    /// When SQLite fails or the store is damaged.
    pub fn told(&self, row: i64) -> Result<(String, Vec<(String, String)>), StoreError> {
        let sql = "SELECT details, group_json, columns_json FROM finding WHERE id = ?1";
        let texts = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (details, group, columns): (String, String, String) = self.connection.prepare_cached(sql)?.query_row(params![row], texts)?;
        let pairs = |json: &str| serde_json::from_str::<serde_json::Map<_, _>>(json).map(Vec::from_iter);
        let damaged = |e| StoreError::Damaged(format!("a finding holds invalid JSON: {e}"));
        let (group, columns) = (pairs(&group).map_err(damaged)?, pairs(&columns).map_err(damaged)?);
        let group: Vec<(String, String)> = group.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect();
        let told = details::told(&group, &columns);
        // Details of a row that tells nothing are those of the event that an earlier hunt saw first.
        Ok((if told.is_empty() { String::new() } else { details }, told))
    }

    /// The hosts that a finding's row has by now: those of its events, and those that carry its risk.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn hosts_of(&self, row: i64) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT value FROM finding_entity WHERE finding = ?1 AND kind = 'host' ORDER BY value";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map(params![row], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Whom a finding is about: what carries its risk, and the hosts of its events.
    fn save_entities(&mut self, row: i64, finding: &Finding, is_new: bool) -> Result<(), StoreError> {
        let statements = &mut self.statements;
        if !is_new {
            statements.forget_entities.execute(params![row])?;
        }
        for object in finding.risk_objects.iter().filter(|object| is_somebody(&object.value)) {
            match object.kind.as_str() {
                "user" => statements.entity.execute(params![row, "user", object.value])?,
                "system" => statements.entity.execute(params![row, "host", object.value])?,
                _ => 0,
            };
        }
        match (&finding.event, finding.evidence.as_slice()) {
            // Most findings are one event, whose host is known: to ask three tables for it costs as much as the finding.
            (Some(event), [only]) if event.id == *only => {
                let is_told = |host: &str| finding.risk_objects.iter().any(|object| object.kind == "system" && object.value == host);
                if let Some(host) = event.host.as_deref().filter(|host| !(is_told(host) && is_somebody(host))) {
                    statements.entity.execute(params![row, "host", host])?;
                }
            }
            _ => {
                statements.hosts.execute(params![row])?;
            }
        }
        Ok(())
    }

    /// Whether a rule found something in this hunt.
    pub fn has_findings(&self, rule_index: usize) -> bool {
        self.rules[rule_index].has_findings()
    }

    /// Saves what a rule says of itself, beside what identifies it, and its SQL text; one that is too long is left out. Done for rules with
    /// findings: the words of thousands of others would be most of a small store.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn describe_rule(&mut self, rule_index: usize, rule: &HuntedRule<'_>, sql: &str) -> Result<(), StoreError> {
        let (meta, sql) = (rule.meta, if sql.len() > SQL_BYTES_MAX { "" } else { sql });
        let update = "UPDATE rule SET severity = ?2, status = ?3, description = ?4, author = ?5, tags = ?6, reference_links = ?7, false_positives = ?8,
                          fields = ?9, sql = ?10 WHERE id = ?1";
        self.connection.prepare_cached(update)?.execute(params![
            self.rules[rule_index].row,
            severity(meta),
            meta.status,
            meta.description,
            meta.author,
            json!(meta.tags).to_string(),
            json!(meta.references).to_string(),
            json!(meta.false_positives).to_string(),
            json!(rule.fields).to_string(),
            sql
        ])?;
        Ok(())
    }

    /// Saves what became of a rule.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn set_outcome(&mut self, meta: &RuleMeta, outcome: RuleOutcome, reason: &str) -> Result<(), StoreError> {
        self.outcomes.set(self.connection, self.outcome.hunt_id, meta, outcome, reason)
    }

    /// Ends the hunt: what it did not find again is retired, and all of it becomes visible.
    ///
    /// # Errors
    /// When SQLite fails; then nothing is saved.
    pub fn finish(mut self) -> Result<HuntOutcome, StoreError> {
        self.transaction.execute("UPDATE hunt SET findings = ?2 WHERE id = ?1", params![self.outcome.hunt_id.0, count(self.findings())])?;
        // A hunt over a part of the time has not looked at the rest: what it did not find may still be there.
        kept_event::forget_loaded_again(&self.transaction)?;
        if self.whole_time {
            retire(&self.transaction, &mut self.outcome, &self.rules)?;
            self.note_rules()?;
        }
        self.outcomes.finish(&self.transaction, self.outcome.hunt_id)?;
        drop(self.statements);
        self.transaction.commit()?;
        Ok(self.outcome)
    }

    /// The identity of a finding: stable across hunts and across stores.
    fn identity(&mut self, finding: &Finding) -> Result<String, StoreError> {
        let about = match &finding.event {
            Some(event) => About::Event(source_hash(self.connection, &mut self.hashes, event)?, event.position.unsigned_abs()),
            None => About::Group(&finding.group),
        };
        Ok(identity(&self.rules[finding.rule_index].id, finding.window_start_us, about, finding.ordinal))
    }
}

/// What tells of a finding.
struct Telling {
    /// It is a result row: that tells by itself. Of a single event the event does.
    is_row: bool,
    /// What is known of it by now.
    details: String,
    by_event: bool,
    is_completed: bool,
}

impl Telling {
    fn of(finding: &Finding, rule: &SavedRule, description: Option<&FindingDescription>) -> Self {
        let is_row = !finding.group.is_empty() || !finding.columns.is_empty();
        let details = match description {
            Some(description) => description.details.clone(),
            None if is_row => details::of_row(&finding.group, &finding.columns, &rule.tested),
            None => String::new(),
        };
        // What happened in the one event behind a row says more than the columns that a search made of it.
        let is_of_event = finding.count == 1 && !finding.evidence.is_empty() && !rule.derives_risk && !rule.reads_findings;
        let by_event = !is_row || is_of_event;
        // A row of several events tells first what the search made of them. One made of findings tells of these, if it tells anything.
        let tells_first = details.is_empty() || !(rule.derives_risk || rule.reads_findings);
        let is_completed = !by_event && !finding.evidence.is_empty() && tells_first;
        Self { is_row, details, by_event, is_completed }
    }
}

/// The hash of the source that an event was loaded from.
fn source_hash<'h>(connection: &Connection, hashes: &'h mut FxHashMap<SourceId, String>, event: &Envelope) -> Result<&'h str, StoreError> {
    use std::collections::hash_map::Entry;
    match hashes.entry(event.source) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(new) => {
            let sql = "SELECT sha256 FROM source WHERE id = ?1";
            Ok(new.insert(connection.prepare_cached(sql)?.query_row(params![event.source.0], |row| row.get(0))?))
        }
    }
}

/// Marks what this hunt did not find again: of its own rules `gone`, unless events of it were removed; of older texts of its rules
/// `superseded`.
fn retire(connection: &Connection, outcome: &mut HuntOutcome, rules: &[SavedRule]) -> Result<(), StoreError> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS hunted (rule INTEGER PRIMARY KEY, rule_id TEXT NOT NULL, stays INTEGER NOT NULL); DELETE FROM temp.hunted;",
    )?;
    // A rule that failed found nothing because it failed: its earlier findings say nothing wrong yet.
    for rule in rules.iter().filter(|rule| !rule.failed) {
        connection.prepare_cached("INSERT OR IGNORE INTO temp.hunted (rule, rule_id, stays) VALUES (?1, ?2, ?3)")?.execute(params![
            rule.row,
            rule.id,
            rule.staying.is_some()
        ])?;
    }
    // By rule and not finding by finding: where nothing has changed, none of a million findings is read.
    let sql = "SELECT f.id, f.count, f.first_time_us, f.last_time_us, h.rule IS NOT NULL
               FROM rule r LEFT JOIN temp.hunted h ON h.rule = r.id CROSS JOIN finding f ON f.rule = r.id
               WHERE r.rule_id IN (SELECT rule_id FROM temp.hunted) AND h.stays IS NOT 1 AND f.state = 'current' AND f.hunt < ?1
                   AND NOT (f.lost_events AND h.rule IS NOT NULL) ORDER BY f.id";
    let mut statement = connection.prepare(sql)?;
    let past = statement.query_map(params![outcome.hunt_id.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?;
    let past: Vec<(i64, i64, Option<i64>, Option<i64>, bool)> = past.collect::<Result<_, _>>()?;
    for (id, n, first, last, same_text) in past {
        let state = if same_text { "gone" } else { "superseded" };
        connection.prepare_cached("UPDATE finding SET state = ?2, hunt = max(hunt, coalesce((SELECT r.hunt FROM rule r WHERE r.id = finding.rule), 0)) WHERE id = ?1")?.execute(params![id, state])?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO finding_history (finding, hunt, state, count, first_time_us, last_time_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![id, outcome.hunt_id.0, state, n, first, last])?;
        if same_text { outcome.gone += 1 } else { outcome.superseded += 1 }
    }
    Ok(())
}

fn texts(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return "{}".to_owned();
    }
    let map: serde_json::Map<_, _> = pairs.iter().map(|(k, v)| (k.clone(), serde_json::Value::from(v.as_str()))).collect();
    serde_json::Value::Object(map).to_string()
}

fn object(pairs: &[(String, serde_json::Value)]) -> String {
    if pairs.is_empty() {
        return "{}".to_owned();
    }
    let map: serde_json::Map<_, _> = pairs.iter().cloned().collect();
    serde_json::Value::Object(map).to_string()
}

/// A risk object as its JSON has it.
#[derive(Serialize)]
struct RiskObjectJson<'a> {
    field: &'a str,
    r#type: &'a str,
    value: &'a str,
    score: Option<f64>,
}

fn risk_objects(objects: &[FindingRiskObject]) -> String {
    let json: Vec<RiskObjectJson<'_>> =
        objects.iter().map(|o| RiskObjectJson { field: &o.field, r#type: &o.kind, value: &o.value, score: o.score }).collect();
    serde_json::to_string(&json).expect("texts and numbers are always JSON")
}

pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
