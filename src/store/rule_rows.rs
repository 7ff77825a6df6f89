//! The rules of hunts as the store keeps them, and what became of each.

use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;
use serde_json::json;

use super::StoreError;
use super::findings::{HuntId, HuntedRule, RuleOutcome};
use crate::ir::{Language, Level, RuleMeta};

/// A rule's row, and what of it goes into each of its findings.
pub(super) struct SavedRule {
    pub(super) row: i64,
    /// How many findings of earlier hunts stay as they are; none where all of them are to be found again.
    pub(super) staying: Option<u64>,
    /// It could not run to its end: what earlier hunts found of it says nothing new.
    pub(super) failed: bool,
    /// It found something in this hunt.
    pub(super) found: bool,
    /// Some of its findings are new, or what is behind them has changed.
    pub(super) changed: bool,
    pub(super) id: String,
    pub(super) impact: Option<f64>,
    pub(super) confidence: Option<f64>,
    /// It leaves it open who carries the risk of its findings.
    pub(super) derives_risk: bool,
    /// It reads what other rules found.
    pub(super) reads_findings: bool,
    /// The fields that its conditions test, those alone that a `not` asks left out.
    pub(super) tested: Vec<String>,
}

impl SavedRule {
    pub(super) fn has_findings(&self) -> bool {
        (self.found || self.staying.is_some_and(|findings| findings > 0)) && !self.failed
    }
}

/// A rule that earlier hunts have saved.
pub(super) struct KnownRule {
    row: i64,
    path: String,
    reads_findings: bool,
}

/// The rules of earlier hunts by id and hash. Read once: a hunt has thousands of rules, and hardly one of them is new.
pub(super) fn known_rules(connection: &Connection) -> Result<FxHashMap<(String, String), KnownRule>, StoreError> {
    let mut statement = connection.prepare("SELECT rule_id, hash, id, path, reads_findings FROM rule")?;
    let known = |row: &rusqlite::Row<'_>| {
        let known = KnownRule { row: row.get(2)?, path: row.get(3)?, reads_findings: row.get(4)? };
        Ok(((row.get(0)?, row.get(1)?), known))
    };
    Ok(statement.query_map([], known)?.collect::<Result<_, _>>()?)
}

pub(super) fn save_rule(
    connection: &Connection,
    rule: &HuntedRule<'_>,
    known: &FxHashMap<(String, String), KnownRule>,
) -> Result<SavedRule, StoreError> {
    let meta = rule.meta;
    let same = known.get(&(meta.id.clone(), meta.hash.clone()));
    let row = match same.filter(|same| same.path == meta.path && same.reads_findings == rule.reads_findings) {
        Some(same) => same.row,
        None => insert_rule(connection, rule)?,
    };
    let (impact, confidence) = meta.risk.map_or((None, None), |r| (r.impact, r.confidence));
    Ok(SavedRule {
        row,
        staying: None,
        failed: false,
        found: false,
        changed: false,
        id: meta.id.clone(),
        impact,
        confidence,
        // Splunk's detections say who carries their risk; one that names nobody puts nobody at risk.
        derives_risk: meta.risk_objects.is_empty() && meta.language == Some(Language::Sigma),
        reads_findings: rule.reads_findings,
        tested: rule.asked.clone(),
    })
}

/// Saves a rule that is new, or whose file is elsewhere now; gives its row.
fn insert_rule(connection: &Connection, rule: &HuntedRule<'_>) -> Result<i64, StoreError> {
    let meta = rule.meta;
    let level = meta.level.map_or_else(|| meta.detection_type.clone(), |level| level.as_str().to_owned());
    let sql = "INSERT INTO rule (rule_id, hash, title, path, language, level, techniques, tactics, stories, reads_findings)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
               ON CONFLICT (rule_id, hash) DO UPDATE SET path = excluded.path, reads_findings = excluded.reads_findings RETURNING id";
    let row = params![
        meta.id,
        meta.hash,
        meta.title,
        meta.path,
        meta.language.map(Language::name).unwrap_or_default(),
        level,
        json!(meta.techniques).to_string(),
        json!(meta.tactics).to_string(),
        json!(meta.stories).to_string(),
        rule.reads_findings
    ];
    Ok(connection.prepare_cached(sql)?.query_row(row, |row| row.get(0))?)
}

/// A row of `rule_status` without its hunt.
#[derive(PartialEq)]
struct OutcomeRow {
    path: String,
    title: String,
    language: String,
    severity: String,
    techniques: String,
    tactics: String,
    outcome: String,
    reason: String,
}

/// What became of rules: a rule has one line, wherever its file was in earlier hunts. Of several files with it in one hunt, one that found
/// something has it.
#[derive(Default)]
pub(super) struct RuleOutcomes {
    /// By rule id: what is known, and whether it is of this hunt.
    known: FxHashMap<String, (OutcomeRow, bool)>,
    /// Rules that ended as they did in the hunt before: most of thousands.
    same: Vec<String>,
}

impl RuleOutcomes {
    /// Reads what became of rules in earlier hunts, and so far in this one.
    pub(super) fn read(connection: &Connection, hunt: HuntId) -> Result<Self, StoreError> {
        let sql = "SELECT rule_id, path, title, language, severity, techniques, tactics, outcome, reason, hunt = ?1 FROM rule_status
                   WHERE rule_id <> ''";
        let mut statement = connection.prepare(sql)?;
        let known = |row: &rusqlite::Row<'_>| {
            let outcome = OutcomeRow {
                path: row.get(1)?,
                title: row.get(2)?,
                language: row.get(3)?,
                severity: row.get(4)?,
                techniques: row.get(5)?,
                tactics: row.get(6)?,
                outcome: row.get(7)?,
                reason: row.get(8)?,
            };
            Ok((row.get(0)?, (outcome, row.get(9)?)))
        };
        Ok(Self { known: statement.query_map(params![hunt.0], known)?.collect::<Result<_, _>>()?, same: Vec::new() })
    }

    /// Notes what became of a rule in a hunt, in the place of what became of it in an earlier one.
    pub(super) fn set(
        &mut self,
        connection: &Connection,
        hunt: HuntId,
        meta: &RuleMeta,
        outcome: RuleOutcome,
        reason: &str,
    ) -> Result<(), StoreError> {
        let row = OutcomeRow {
            path: meta.path.clone(),
            title: meta.title.clone(),
            language: meta.language.map(Language::name).unwrap_or_default().to_owned(),
            severity: severity(meta).to_owned(),
            techniques: json!(meta.techniques).to_string(),
            tactics: json!(meta.tactics).to_string(),
            outcome: outcome.name().to_owned(),
            reason: reason.to_owned(),
        };
        match self.known.get_mut(&meta.id).filter(|_| !meta.id.is_empty()) {
            Some((known, true)) if known.outcome == RuleOutcome::Found.name() => return Ok(()),
            Some((known, is_of_this)) if *known == row => {
                if !std::mem::replace(is_of_this, true) {
                    self.same.push(meta.id.clone());
                }
                return Ok(());
            }
            Some(_) => drop(connection.prepare_cached("DELETE FROM rule_status WHERE rule_id = ?1")?.execute(params![meta.id])?),
            None => {}
        }
        insert_outcome(connection, hunt, &meta.id, &row)?;
        self.known.insert(meta.id.clone(), (row, true));
        Ok(())
    }

    /// Makes what stays as it was that of the hunt.
    pub(super) fn finish(&self, connection: &Connection, hunt: HuntId) -> Result<(), StoreError> {
        let same = serde_json::to_string(&self.same).expect("texts are always JSON");
        let sql = "UPDATE rule_status SET hunt = ?1 WHERE rule_id IN (SELECT value FROM json_each(?2))";
        connection.prepare_cached(sql)?.execute(params![hunt.0, same])?;
        Ok(())
    }
}

fn insert_outcome(connection: &Connection, hunt: HuntId, rule_id: &str, row: &OutcomeRow) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO rule_status (rule_id, path, hunt, title, language, severity, techniques, tactics, outcome, reason)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(sql)?.execute(params![
        rule_id,
        row.path,
        hunt.0,
        row.title,
        row.language,
        row.severity,
        row.techniques,
        row.tactics,
        row.outcome,
        row.reason
    ])?;
    Ok(())
}

/// The one scale of both languages; empty where a rule has neither level nor risk.
pub(super) fn severity(meta: &RuleMeta) -> &'static str {
    meta.effective_level().map_or("", Level::as_str)
}
