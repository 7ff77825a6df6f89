//! Findings and their evidence, read back for listing.

use rusqlite::{Connection, Row, params_from_iter};
use serde_json::{Map, Value};

use super::finding_groups::FindingOrder;
use super::findings::HuntId;
use super::{SqlValue, StoreError};
use crate::catalog::EventId;
use crate::ir::Level;

/// A finding as `retrohunt findings` prints it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FindingRow {
    /// Its number in this store.
    pub finding_id: i64,
    /// Its identity: the same in every store that holds the same sources.
    pub identity: String,
    /// The last hunt that found it.
    pub hunt_id: HuntId,
    /// `current`, `superseded` or `gone`.
    pub state: String,
    /// The rule's own id.
    pub rule_id: String,
    /// Its title.
    pub rule_title: String,
    /// Its path as the hunt's user named it.
    pub rule_path: String,
    /// Level of both languages on one scale; empty where the rule has none.
    pub severity: String,
    /// Sigma level or ESCU type.
    pub level: String,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// ATT&CK tactics.
    pub tactics: Vec<String>,
    /// Analytic stories.
    pub stories: Vec<String>,
    /// By-field → value.
    pub group: Map<String, Value>,
    /// All columns of the result row.
    pub columns: Map<String, Value>,
    /// Events behind it.
    pub count: u64,
    /// Time of the first (µs UTC).
    pub first_time_us: Option<i64>,
    /// Time of the last (µs UTC).
    pub last_time_us: Option<i64>,
    /// Risk score.
    pub risk_score: Option<f64>,
    /// Impact.
    pub impact: Option<f64>,
    /// Confidence.
    pub confidence: Option<f64>,
    /// The filled message.
    pub message: String,
    /// Risk objects: `field`, `type`, `value`, `score`.
    pub risk_objects: Vec<Value>,
    /// What happened, of the first event behind it.
    pub details: String,
    /// Hosts of its events.
    pub hosts: Vec<String>,
    /// Users that it is about.
    pub users: Vec<String>,
    /// What a person said of it, and the note beside it.
    pub triage: Option<(String, String)>,
    /// What the rule says of itself.
    pub rule: RuleText,
}

/// What a rule says of itself, for who reads its findings. Empty where it is silent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleText {
    /// What it finds.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// e.g. `stable`, `production`.
    pub status: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Links.
    pub references: Vec<String>,
    /// Known false positives.
    pub false_positives: Vec<String>,
    /// The fields that its conditions test.
    pub fields: Vec<String>,
    /// Its SQL text, where it has one that is not too long.
    pub sql: String,
}

/// One event of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvidenceRow {
    /// The finding.
    pub finding_id: i64,
    /// The rule's own id.
    pub rule_id: String,
    /// The source's path.
    pub path: String,
    /// The source's SHA-256.
    pub sha256: String,
    /// EventRecordID, or the line or ordinal where there is none.
    pub record: i64,
    /// The event's time (µs UTC).
    pub time_us: Option<i64>,
    /// The event.
    pub event: EventId,
}

/// Which findings are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FindingFilter {
    /// Only these, past ones too.
    pub ids: Option<Vec<i64>>,
    /// Only rules with this id, or with this text in title or path (without ASCII case).
    pub rule: Option<String>,
    /// Only rules of this level or above, in either language.
    pub min_level: Option<Level>,
    /// Only rules with this tag, technique, tactic or story (without ASCII case).
    pub tag: Option<String>,
    /// Only findings about this host: its whole name, or the name before its first dot.
    pub host: Option<String>,
    /// Only findings about this user: with or without the domain.
    pub user: Option<String>,
    /// Only findings with this triage status; `new`: those without any.
    pub status: Option<String>,
    /// Only findings whose last event is at or after this time.
    pub since_us: Option<i64>,
    /// Only findings whose first event is before this time.
    pub until_us: Option<i64>,
    /// Only findings that this hunt found.
    pub hunt: Option<HuntId>,
    /// Only findings that [`Self::hunt`], or else the last hunt, found for the first time.
    pub is_new: bool,
    /// Also those that are superseded or gone.
    pub with_past: bool,
    /// Another order than that in which they were first found.
    pub order: Option<FindingOrder>,
    /// So many at most.
    pub limit: Option<u64>,
}

impl FindingFilter {
    /// The condition over `finding f` and `rule r`, with its parameters.
    pub(super) fn sql(&self) -> (String, Vec<SqlValue>) {
        let mut conditions = vec!["1".to_owned()];
        let mut parameters = Vec::new();
        let mut add = |condition: &str, value: SqlValue| {
            parameters.push(value);
            conditions.push(condition.replace('?', &format!("?{}", parameters.len())));
        };
        if let Some(ids) = &self.ids {
            let list: Vec<String> = ids.iter().map(i64::to_string).collect();
            add("f.id IN (SELECT value FROM json_each(?))", SqlValue::Text(format!("[{}]", list.join(","))));
        } else if !self.with_past {
            // Who asks for a finding by its number gets it, also where a later hunt no longer found it.
            add("f.state = ?", SqlValue::Text("current".to_owned()));
        }
        if let Some(rule) = &self.rule {
            add("(r.rule_id = ? OR instr(lower(r.title), lower(?)) OR instr(lower(r.path), lower(?)))", SqlValue::Text(rule.clone()));
        }
        if let Some(us) = self.since_us {
            add("f.last_time_us >= ?", SqlValue::Integer(us));
        }
        if let Some(us) = self.until_us {
            add("f.first_time_us < ?", SqlValue::Integer(us));
        }
        if let Some(hunt) = self.hunt {
            add(
                "EXISTS (SELECT 1 FROM finding_history h WHERE h.finding = f.id AND h.hunt = ? AND h.state = 'current')",
                SqlValue::Integer(hunt.0),
            );
        }
        if let Some(tag) = &self.tag {
            add(
                "EXISTS (SELECT 1 FROM json_each(r.tags) j WHERE lower(j.value) = lower(?) OR lower(j.value) = 'attack.' || lower(?)
                 UNION ALL SELECT 1 FROM json_each(r.techniques) j WHERE lower(j.value) = lower(?)
                 UNION ALL SELECT 1 FROM json_each(r.tactics) j WHERE lower(j.value) = lower(?)
                 UNION ALL SELECT 1 FROM json_each(r.stories) j WHERE lower(j.value) = lower(?))",
                SqlValue::Text(tag.clone()),
            );
        }
        if let Some(host) = &self.host {
            add(
                "EXISTS (SELECT 1 FROM finding_entity x WHERE x.finding = f.id AND x.kind = 'host'
                 AND (x.value = ? OR substr(x.value, 1, instr(x.value || '.', '.') - 1) = ? COLLATE NOCASE))",
                SqlValue::Text(host.clone()),
            );
        }
        if let Some(user) = &self.user {
            add(
                "EXISTS (SELECT 1 FROM finding_entity x WHERE x.finding = f.id AND x.kind = 'user'
                 AND (x.value = ? OR substr(x.value, instr(x.value, char(92)) + 1) = ? COLLATE NOCASE))",
                SqlValue::Text(user.clone()),
            );
        }
        if let Some(status) = &self.status {
            add(
                "coalesce((SELECT lower(t.status) FROM triage t WHERE t.finding_id = f.finding_id), 'new') = lower(?)",
                SqlValue::Text(status.clone()),
            );
        }
        if self.is_new {
            let last = || "(SELECT max(id) FROM hunt)".to_owned();
            conditions.push(format!("f.first_hunt = {}", self.hunt.map_or_else(last, |hunt| hunt.0.to_string())));
        }
        if let Some(level) = self.min_level {
            let levels: Vec<String> = Level::ALL.into_iter().filter(|l| *l >= level).map(|l| format!("'{}'", l.as_str())).collect();
            conditions.push(format!("r.severity IN ({})", levels.join(", ")));
        }
        (conditions.join(" AND "), parameters)
    }
}

/// See [`super::Store::each_finding`].
pub(super) fn each_finding<E: From<StoreError>>(
    connection: &Connection,
    filter: &FindingFilter,
    visit: &mut dyn FnMut(FindingRow) -> Result<(), E>,
) -> Result<(), E> {
    let (condition, parameters) = filter.sql();
    let order = filter.order.map_or_else(|| "f.id".to_owned(), FindingOrder::of_findings);
    let limit = filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT f.id, f.finding_id, f.hunt, f.state, r.rule_id, r.title, r.path, r.level, r.techniques, r.tactics, r.stories, f.group_json, f.columns_json, f.count,
                f.first_time_us, f.last_time_us, f.risk_score, f.impact, f.confidence, f.message, f.risk_objects_json,
                r.severity, f.details, (SELECT json_group_array(value) FROM finding_entity x WHERE x.finding = f.id AND kind = 'host'),
                (SELECT json_group_array(value) FROM finding_entity x WHERE x.finding = f.id AND kind = 'user'), t.status, t.note,
                r.description, r.author, r.status, r.tags, r.reference_links, r.false_positives, r.fields, r.sql
         FROM finding f JOIN rule r ON r.id = f.rule LEFT JOIN triage t ON t.finding_id = f.finding_id WHERE {condition} ORDER BY {order} LIMIT {limit}"
    );
    let mut statement = connection.prepare(&sql).map_err(StoreError::from)?;
    let mut rows = statement.query(params_from_iter(&parameters)).map_err(StoreError::from)?;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        visit(finding(row)?)?;
    }
    Ok(())
}

fn finding(row: &Row<'_>) -> Result<FindingRow, StoreError> {
    Ok(FindingRow {
        finding_id: row.get(0)?,
        identity: row.get(1)?,
        hunt_id: HuntId(row.get(2)?),
        state: row.get(3)?,
        rule_id: row.get(4)?,
        rule_title: row.get(5)?,
        rule_path: row.get(6)?,
        level: row.get(7)?,
        techniques: texts(row, 8)?,
        tactics: texts(row, 9)?,
        stories: texts(row, 10)?,
        group: serde_json::from_value(json(row, 11)?).unwrap_or_default(),
        columns: serde_json::from_value(json(row, 12)?).unwrap_or_default(),
        count: u64::try_from(row.get::<_, i64>(13)?).unwrap_or(0),
        first_time_us: row.get(14)?,
        last_time_us: row.get(15)?,
        risk_score: row.get(16)?,
        impact: row.get(17)?,
        confidence: row.get(18)?,
        message: row.get(19)?,
        risk_objects: serde_json::from_value(json(row, 20)?).unwrap_or_default(),
        severity: row.get(21)?,
        details: row.get(22)?,
        hosts: texts(row, 23)?,
        users: texts(row, 24)?,
        triage: row.get::<_, Option<String>>(25)?.zip(row.get(26)?),
        rule: RuleText {
            description: row.get(27)?,
            author: row.get(28)?,
            status: row.get(29)?,
            tags: texts(row, 30)?,
            references: texts(row, 31)?,
            false_positives: texts(row, 32)?,
            fields: texts(row, 33)?,
            sql: row.get(34)?,
        },
    })
}

fn json(row: &Row<'_>, index: usize) -> Result<Value, StoreError> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text).map_err(|e| StoreError::Damaged(format!("a finding holds invalid JSON: {e}")))
}

pub(super) fn texts(row: &Row<'_>, index: usize) -> Result<Vec<String>, StoreError> {
    Ok(serde_json::from_value(json(row, index)?).unwrap_or_default())
}

/// Reads the evidence of findings, by finding and event; an event that several sources hold is a line for each.
pub(super) fn evidence(connection: &Connection, filter: &FindingFilter) -> Result<Vec<EvidenceRow>, StoreError> {
    let (condition, parameters) = filter.sql();
    let sql = format!(
        "WITH x AS (SELECT f.id AS finding, r.rule_id, x.event FROM finding f JOIN rule r ON r.id = f.rule JOIN evidence x ON x.finding = f.id WHERE {condition})
         SELECT x.finding, x.rule_id, s.path, s.sha256, coalesce(e.record, e.position, e.id - s.first_event + 1), e.time_us, e.id, s.id
         FROM x JOIN event e ON e.id = x.event JOIN source s ON s.id = e.source
         UNION ALL
         SELECT x.finding, x.rule_id, s.path, s.sha256, coalesce(e.record, a.position), e.time_us, e.id, s.id
         FROM x JOIN event_alias a ON a.event = x.event JOIN event e ON e.id = x.event JOIN source s ON s.id = a.source
         ORDER BY 1, 7, 8"
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(&parameters), |row| {
        Ok(EvidenceRow {
            finding_id: row.get(0)?,
            rule_id: row.get(1)?,
            path: row.get(2)?,
            sha256: row.get(3)?,
            record: row.get(4)?,
            time_us: row.get(5)?,
            event: EventId(row.get(6)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
