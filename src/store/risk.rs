//! Findings as risk: one row for each object that a finding puts at risk.

use rusqlite::params;
use serde::Deserialize;

use super::{HuntWriter, StoreError};
use crate::catalog::EventId;

/// An object that a finding puts at risk, with what the finding says.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskEvent {
    /// Who carries the risk.
    pub object: String,
    /// `user`, `system` or `other`.
    pub object_kind: String,
    /// How much risk.
    pub score: Option<f64>,
    /// The finding's message.
    pub message: String,
    /// Title of the rule.
    pub rule: String,
    /// ATT&CK techniques of the rule.
    pub techniques: Vec<String>,
    /// ATT&CK tactics of the rule.
    pub tactics: Vec<String>,
    /// Stories of the rule.
    pub stories: Vec<String>,
    /// Time of the finding's first event (µs UTC).
    pub first_us: Option<i64>,
    /// Time of its last event (µs UTC).
    pub last_us: Option<i64>,
    /// How many events are behind it.
    pub count: u64,
    /// Those that were kept as evidence.
    pub events: Vec<EventId>,
}

#[derive(Deserialize)]
struct StoredObject {
    r#type: String,
    value: String,
    score: Option<f64>,
}

/// Detections of this kind read risk and make none: their findings would feed themselves.
const CORRELATION: &str = "Correlation";

impl HuntWriter<'_> {
    /// Calls `visit` with the risk of every finding that this hunt has saved so far, of those that stay as they are, and of those of
    /// earlier hunts whose rules are not in this one; newest first.
    ///
    /// # Errors
    /// When SQLite fails, or `visit` does.
    pub fn each_risk(&self, visit: &mut dyn FnMut(RiskEvent) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let connection = self.connection();
        let mut evidence = connection.prepare_cached("SELECT event FROM evidence WHERE finding = ?1 ORDER BY event")?;
        let hunted = serde_json::to_string(&self.rule_ids()).expect("texts are always JSON");
        let staying = self.rules.iter().filter(|rule| rule.staying.is_some());
        let staying = serde_json::to_string(&staying.map(|rule| rule.row).collect::<Vec<_>>()).expect("numbers are always JSON");
        let mut findings = connection.prepare_cached(
            "SELECT f.id, f.first_time_us, f.last_time_us, f.count, f.risk_score, f.message, f.risk_objects_json, r.title, r.techniques, r.tactics, r.stories
             FROM finding f JOIN rule r ON r.id = f.rule
             WHERE f.state = 'current' AND r.level <> ?3 AND (f.hunt = ?1 OR r.id IN (SELECT value FROM json_each(?4)) OR r.rule_id NOT IN (SELECT value FROM json_each(?2)))
             ORDER BY f.last_time_us DESC, f.finding_id",
        )?;
        let mut rows = findings.query(params![self.hunt_id().0, hunted, CORRELATION, staying])?;
        while let Some(row) = rows.next()? {
            let list = |column| row.get_ref(column).map_err(StoreError::from).map(|text| list(text.as_str().unwrap_or_default()));
            let objects: Vec<StoredObject> = serde_json::from_str(row.get_ref(6)?.as_str().unwrap_or_default()).unwrap_or_default();
            if objects.is_empty() {
                continue;
            }
            let id: i64 = row.get(0)?;
            let events = evidence.query_map(params![id], |row| row.get(0).map(EventId))?.collect::<Result<Vec<_>, _>>()?;
            let own: Option<f64> = row.get(4)?;
            for object in objects {
                visit(RiskEvent {
                    object: object.value,
                    object_kind: object.r#type,
                    score: object.score.or(own),
                    message: row.get(5)?,
                    rule: row.get(7)?,
                    techniques: list(8)?,
                    tactics: list(9)?,
                    stories: list(10)?,
                    first_us: row.get(1)?,
                    last_us: row.get(2)?,
                    count: row.get::<_, i64>(3)?.unsigned_abs(),
                    events: events.clone(),
                })?;
            }
        }
        Ok(())
    }
}

fn list(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
