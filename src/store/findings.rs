//! Findings: identity, history, evidence.
//!
//! A finding is the same one when its rule id and group (or, row-wise, the event: host, type, record, time, payload
//! position) are the same. Hunting again updates it and adds a line to its history; what a hunt with the same rule no
//! longer finds is marked `gone`, what an older text of the rule found is `superseded`. Nothing is deleted.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{StoreError, read};
use crate::catalog::EventId;
use crate::ir::RuleMeta;

/// Events kept as evidence of one finding; its count stays exact.
pub const EVIDENCE_CAP: usize = 1_000;

/// A risk object of a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRiskObject {
    /// The field as the rule spells it.
    pub field: String,
    /// `user`, `system`, …
    pub kind: String,
    /// Its value.
    pub value: String,
    /// Its own score.
    pub score: Option<f64>,
}

/// A result to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Index into the hunt's rules.
    pub rule_index: usize,
    /// By-field in the rule's spelling → value.
    pub group: Vec<(String, String)>,
    /// Start of the window, for windowed rules.
    pub window_start_us: Option<i64>,
    /// The event, for row-wise rules.
    pub event: Option<EventId>,
    /// Events behind it.
    pub count: u64,
    /// Time of the first.
    pub first_time_us: Option<i64>,
    /// Time of the last.
    pub last_time_us: Option<i64>,
    /// Risk score.
    pub risk_score: Option<f64>,
    /// The filled message.
    pub message: String,
    /// Risk objects with values.
    pub risk_objects: Vec<FindingRiskObject>,
    /// All columns of the result row.
    pub columns: Vec<(String, String)>,
    /// The events, at most [`EVIDENCE_CAP`].
    pub evidence: Vec<EventId>,
}

/// A hunt to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuntRecord {
    /// When it began (µs UTC).
    pub started_us: i64,
    /// Its lower bound in time.
    pub since_us: Option<i64>,
    /// Its upper bound in time.
    pub until_us: Option<i64>,
    /// The last event it saw.
    pub last_event: EventId,
}

/// A row of `hunt`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HuntId(pub i64);

/// What saving a hunt did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HuntOutcome {
    /// The hunt's number.
    pub hunt_id: HuntId,
    /// Findings that were not there before.
    pub new: u64,
    /// Findings that were there.
    pub known: u64,
    /// Findings that are no longer true.
    pub gone: u64,
    /// Findings of an older text of their rule.
    pub superseded: u64,
}

/// Saves a hunt with its findings in one transaction.
pub(super) fn save_hunt(
    connection: &mut Connection,
    hunt: &HuntRecord,
    rules: &[RuleMeta],
    findings: &[Finding],
) -> Result<HuntOutcome, StoreError> {
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT INTO hunt (started_us, since_us, until_us, last_event, rules, findings) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![hunt.started_us, hunt.since_us, hunt.until_us, hunt.last_event.0, count(rules.len() as u64), count(findings.len() as u64)],
    )?;
    let mut outcome = HuntOutcome { hunt_id: HuntId(transaction.last_insert_rowid()), ..HuntOutcome::default() };
    let rule_rows = rules.iter().map(|meta| save_rule(&transaction, meta)).collect::<Result<Vec<_>, _>>()?;
    for finding in findings {
        save_finding(&transaction, &mut outcome, rule_rows[finding.rule_index], &rules[finding.rule_index], finding)?;
    }
    if hunt.since_us.is_none() && hunt.until_us.is_none() {
        retire(&transaction, &mut outcome, rules, &rule_rows)?;
    }
    transaction.commit()?;
    Ok(outcome)
}

fn save_rule(connection: &Connection, meta: &RuleMeta) -> Result<i64, StoreError> {
    let level = meta.level.map_or_else(|| meta.detection_type.clone(), |level| level.as_str().to_owned());
    connection
        .prepare_cached(
            "INSERT INTO rule (rule_id, hash, title, path, language, level, techniques, tactics, stories) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (rule_id, hash) DO UPDATE SET path = excluded.path",
        )?
        .execute(params![
            meta.id,
            meta.hash,
            meta.title,
            meta.path,
            meta.language.map(|l| format!("{l:?}").to_lowercase()).unwrap_or_default(),
            level,
            json!(meta.techniques).to_string(),
            json!(meta.tactics).to_string(),
            json!(meta.stories).to_string()
        ])?;
    Ok(connection
        .prepare_cached("SELECT id FROM rule WHERE rule_id = ?1 AND hash = ?2")?
        .query_row(params![meta.id, meta.hash], |row| row.get(0))?)
}

fn save_finding(
    connection: &Connection,
    outcome: &mut HuntOutcome,
    rule: i64,
    meta: &RuleMeta,
    finding: &Finding,
) -> Result<(), StoreError> {
    let identity = identity(connection, meta, finding)?;
    let known: Option<i64> = connection
        .prepare_cached("SELECT id FROM finding WHERE finding_id = ?1")?
        .query_row(params![identity], |row| row.get(0))
        .optional()?;
    let objects: Vec<Value> =
        finding.risk_objects.iter().map(|o| json!({"field": o.field, "type": o.kind, "value": o.value, "score": o.score})).collect();
    let (impact, confidence) = meta.risk.map_or((None, None), |r| (r.impact, r.confidence));
    connection
        .prepare_cached(
            "INSERT INTO finding (finding_id, rule, first_hunt, hunt, state, group_json, columns_json, count, first_time_us, last_time_us, risk_score, impact, confidence, message, risk_objects_json)
             VALUES (?1, ?2, ?3, ?3, 'current', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (finding_id) DO UPDATE SET rule = excluded.rule, hunt = excluded.hunt, state = 'current', group_json = excluded.group_json,
                 columns_json = excluded.columns_json, count = excluded.count, first_time_us = excluded.first_time_us, last_time_us = excluded.last_time_us,
                 risk_score = excluded.risk_score, impact = excluded.impact, confidence = excluded.confidence, message = excluded.message, risk_objects_json = excluded.risk_objects_json",
        )?
        .execute(params![
            identity, rule, outcome.hunt_id.0, object(&finding.group), object(&finding.columns), count(finding.count), finding.first_time_us, finding.last_time_us,
            finding.risk_score, impact, confidence, finding.message, Value::Array(objects).to_string()
        ])?;
    let id = match known {
        Some(id) => {
            outcome.known += 1;
            connection.prepare_cached("DELETE FROM evidence WHERE finding = ?1")?.execute(params![id])?;
            id
        }
        None => {
            outcome.new += 1;
            connection.last_insert_rowid()
        }
    };
    let mut evidence = connection.prepare_cached("INSERT OR IGNORE INTO evidence (finding, event) VALUES (?1, ?2)")?;
    for event in finding.evidence.iter().take(EVIDENCE_CAP) {
        evidence.execute(params![id, event.0])?;
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO finding_history (finding, hunt, state, count, first_time_us, last_time_us) VALUES (?1, ?2, 'current', ?3, ?4, ?5)")?
        .execute(params![id, outcome.hunt_id.0, count(finding.count), finding.first_time_us, finding.last_time_us])?;
    Ok(())
}

/// Marks what this hunt did not find again: of its own rules `gone`, of older texts of its rules `superseded`.
fn retire(connection: &Connection, outcome: &mut HuntOutcome, rules: &[RuleMeta], rows: &[i64]) -> Result<(), StoreError> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS hunted (rule INTEGER PRIMARY KEY, rule_id TEXT NOT NULL); DELETE FROM temp.hunted;",
    )?;
    for (meta, row) in rules.iter().zip(rows) {
        connection.prepare_cached("INSERT OR IGNORE INTO temp.hunted (rule, rule_id) VALUES (?1, ?2)")?.execute(params![row, meta.id])?;
    }
    let sql = "SELECT f.id, f.count, f.first_time_us, f.last_time_us, f.rule IN (SELECT rule FROM temp.hunted)
               FROM finding f JOIN rule r ON r.id = f.rule
               WHERE f.state = 'current' AND f.hunt < ?1 AND r.rule_id IN (SELECT rule_id FROM temp.hunted)";
    let mut statement = connection.prepare(sql)?;
    let past = statement.query_map(params![outcome.hunt_id.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?;
    let past: Vec<(i64, i64, Option<i64>, Option<i64>, bool)> = past.collect::<Result<_, _>>()?;
    for (id, n, first, last, same_text) in past {
        let state = if same_text { "gone" } else { "superseded" };
        connection.prepare_cached("UPDATE finding SET state = ?2 WHERE id = ?1")?.execute(params![id, state])?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO finding_history (finding, hunt, state, count, first_time_us, last_time_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![id, outcome.hunt_id.0, state, n, first, last])?;
        if same_text { outcome.gone += 1 } else { outcome.superseded += 1 }
    }
    Ok(())
}

/// The identity of a finding: stable across hunts and across stores.
fn identity(connection: &Connection, meta: &RuleMeta, finding: &Finding) -> Result<String, StoreError> {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(&meta.id);
    add(&finding.window_start_us.map(|us| us.to_string()).unwrap_or_default());
    match finding.event {
        Some(event) => {
            let envelope = read::envelope(connection, event)?;
            let sha: String = connection
                .prepare_cached("SELECT sha256 FROM source WHERE id = ?1")?
                .query_row(params![envelope.source.0], |row| row.get(0))?;
            [sha, envelope.position.to_string()].iter().for_each(|part| add(part));
        }
        None => finding.group.iter().for_each(|(key, value)| {
            add(key);
            add(value);
        }),
    }
    Ok(hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

fn object(pairs: &[(String, String)]) -> String {
    Value::Object(pairs.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect()).to_string()
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventBatch, Names};
    use crate::store::tests::{add, load};
    use crate::store::{FindingFilter, FindingRow, Store};

    fn store() -> Store {
        let (names, mut batch) = (Names::default(), EventBatch::default());
        for n in 0..3 {
            add(&mut batch, &names, n, &[("A", "x")]);
        }
        let mut store = Store::in_memory().unwrap();
        load(&mut store, "a", "1", &batch, &names);
        store
    }

    fn rule(id: &str, hash: &str) -> RuleMeta {
        RuleMeta { id: id.into(), hash: hash.into(), title: format!("rule {id}"), ..RuleMeta::default() }
    }

    fn grouped(user: &str, count: u64) -> Finding {
        Finding {
            rule_index: 0,
            group: vec![("user".into(), user.into())],
            window_start_us: None,
            event: None,
            count,
            first_time_us: Some(1),
            last_time_us: Some(2),
            risk_score: None,
            message: String::new(),
            risk_objects: Vec::new(),
            columns: Vec::new(),
            evidence: vec![EventId(1), EventId(2)],
        }
    }

    fn row_wise(event: i64) -> Finding {
        Finding { group: Vec::new(), event: Some(EventId(event)), evidence: vec![EventId(event)], ..grouped("", 1) }
    }

    fn hunt(store: &mut Store, since_us: Option<i64>, rule: &RuleMeta, findings: &[Finding]) -> HuntOutcome {
        let record = HuntRecord { started_us: 5, since_us, until_us: None, last_event: EventId(3) };
        store.save_hunt(&record, std::slice::from_ref(rule), findings).unwrap()
    }

    fn all(store: &Store) -> Vec<FindingRow> {
        store.findings(&FindingFilter { with_past: true, ..FindingFilter::default() }).unwrap()
    }

    fn history(store: &Store) -> Vec<(i64, i64, String, i64)> {
        let mut statement = store.connection.prepare("SELECT finding, hunt, state, count FROM finding_history ORDER BY 1, 2").unwrap();
        statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn the_same_finding_is_updated_and_its_history_kept() {
        let mut store = store();
        let rule = rule("r", "1");
        let first = hunt(&mut store, None, &rule, &[grouped("ann", 2), grouped("bob", 1), row_wise(1)]);
        assert_eq!((first.new, first.known, first.gone), (3, 0, 0));
        store
            .connection
            .execute("INSERT INTO triage (finding_id, status, changed_us) SELECT finding_id, 'closed', 1 FROM finding WHERE id = 1", [])
            .unwrap();
        let identities: Vec<String> = all(&store).into_iter().map(|f| f.identity).collect();
        let second = hunt(&mut store, None, &rule, &[row_wise(1), grouped("ann", 3)]);
        assert_eq!((second.new, second.known, second.gone), (0, 2, 1));
        let rows = all(&store);
        assert_eq!(rows.iter().map(|f| f.identity.clone()).collect::<Vec<_>>(), identities);
        assert_eq!(
            rows.iter().map(|f| (f.count, f.state.as_str(), f.hunt_id.0)).collect::<Vec<_>>(),
            [(3, "current", 2), (1, "gone", 1), (1, "current", 2)]
        );
        let current = "current".to_owned();
        let lines = [
            (1, 1, current.clone(), 2),
            (1, 2, current.clone(), 3),
            (2, 1, current.clone(), 1),
            (2, 2, "gone".into(), 1),
            (3, 1, current.clone(), 1),
            (3, 2, current, 1),
        ];
        assert_eq!(history(&store), lines);
        let triage: String = store
            .connection
            .query_row("SELECT t.status FROM triage t JOIN finding f USING (finding_id) WHERE f.id = 1", [], |r| r.get(0))
            .unwrap();
        assert_eq!(triage, "closed");
        let third = hunt(&mut store, None, &rule, &[grouped("bob", 1)]);
        assert_eq!((third.new, third.known, third.gone), (0, 1, 2));
        assert_eq!(store.findings(&FindingFilter::default()).unwrap().len(), 1);
    }

    #[test]
    fn a_changed_rule_supersedes_its_findings() {
        let mut store = store();
        hunt(&mut store, None, &rule("r", "1"), &[grouped("ann", 2), grouped("bob", 1)]);
        let outcome = hunt(&mut store, None, &rule("r", "2"), &[grouped("ann", 4)]);
        assert_eq!((outcome.new, outcome.known, outcome.gone, outcome.superseded), (0, 1, 0, 1));
        assert_eq!(all(&store).iter().map(|f| (f.count, f.state.as_str())).collect::<Vec<_>>(), [(4, "current"), (1, "superseded")]);
    }

    #[test]
    fn rules_that_were_not_hunted_and_hunts_over_a_part_of_time_retire_nothing() {
        let mut store = store();
        hunt(&mut store, None, &rule("r", "1"), &[grouped("ann", 2)]);
        for (since_us, other) in [(None, rule("other", "1")), (None, rule("", "1")), (Some(1), rule("r", "1"))] {
            let outcome = hunt(&mut store, since_us, &other, &[]);
            assert_eq!((outcome.gone, outcome.superseded), (0, 0), "{other:?}");
        }
        assert_eq!(store.findings(&FindingFilter::default()).unwrap().len(), 1);
    }

    #[test]
    fn identity_depends_on_rule_window_group_and_event_alone() {
        let mut store = store();
        let window = Finding { window_start_us: Some(60), ..grouped("ann", 1) };
        let shifted = Finding { group: vec![("use".into(), "rann".into())], ..grouped("", 1) };
        let findings = [grouped("ann", 1), grouped("bob", 1), window, shifted, row_wise(1), row_wise(2)];
        assert_eq!(hunt(&mut store, None, &rule("r", "1"), &findings).new, 6);
        assert_eq!(hunt(&mut store, None, &rule("s", "1"), &findings).new, 6);
        let changed = Finding { count: 9, message: "new".into(), risk_score: Some(1.0), last_time_us: None, ..grouped("ann", 1) };
        assert_eq!(hunt(&mut store, None, &rule("r", "1"), &[changed]).known, 1);
    }

    #[test]
    fn evidence_is_capped_and_names_every_source_of_an_event() {
        let mut store = store();
        let (names, mut batch) = (Names::default(), EventBatch::default());
        add(&mut batch, &names, 1, &[("A", "x")]);
        assert_eq!(load(&mut store, "copy", "2", &batch, &names).new_events, 0);
        hunt(&mut store, None, &rule("r", "1"), &[grouped("ann", 2)]);
        let evidence = store.evidence(&FindingFilter::default()).unwrap();
        assert_eq!(
            evidence.iter().map(|e| (e.path.as_str(), e.event.0, e.record)).collect::<Vec<_>>(),
            [("a", 1, 7), ("a", 2, 7), ("copy", 2, 7)]
        );
        let many = Finding { count: 5_000, evidence: (1..=5_000).map(EventId).collect(), ..grouped("ann", 2) };
        hunt(&mut store, None, &rule("r", "1"), &[many]);
        let kept: i64 = store.connection.query_row("SELECT count(*) FROM evidence", [], |r| r.get(0)).unwrap();
        assert_eq!((kept.unsigned_abs() as usize, all(&store)[0].count), (EVIDENCE_CAP, 5_000));
    }
}
