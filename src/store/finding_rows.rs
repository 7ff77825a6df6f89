//! Findings and their evidence, read back for listing.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use rusqlite::{Connection, Row, params_from_iter};
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::StoreError;
use super::finding_filter::{FilterSql, FindingFilter, LAST_HUNT, is_capped};
use super::finding_groups::FindingOrder;
use super::findings::{EVIDENCE_CAP, HuntId};
use crate::catalog::EventId;

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
    /// Hosts of its events; where the filter asks for a host, that one.
    pub hosts: Vec<String>,
    /// Users that it is about.
    pub users: Vec<String>,
    /// What a person said of it, and the note beside it.
    pub triage: Option<(String, String)>,
    /// What the rule says of itself.
    pub rule: Arc<RuleText>,
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

/// See [`super::Store::each_finding`].
pub(super) fn each_finding<E: From<StoreError>>(
    connection: &Connection,
    filter: &FindingFilter,
    visit: &mut dyn FnMut(FindingRow) -> Result<(), E>,
) -> Result<(), E> {
    let sql = filter.sql();
    // Who asks for a host is shown that one.
    let is_asked_host = sql.is_asked_host();
    let FilterSql { condition, parameters, .. } = sql;
    let order = filter.order.map_or_else(|| "f.id".to_owned(), FindingOrder::of_findings);
    let limit = filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    // Of the rule its number alone: its own words would be sorted with each of its findings.
    let sql = format!(
        "SELECT f.id, f.finding_id, {LAST_HUNT}, f.state, r.id, f.group_json, f.columns_json, f.count,
                f.first_time_us, f.last_time_us, f.risk_score, f.impact, f.confidence, f.message, f.risk_objects_json, f.details,
                (SELECT json_group_array(value) FROM finding_entity x WHERE x.finding = f.id AND kind = 'host' AND {is_asked_host}),
                (SELECT json_group_array(value) FROM finding_entity x WHERE x.finding = f.id AND kind = 'user'), t.status, t.note
         FROM finding f JOIN rule r ON r.id = f.rule LEFT JOIN triage t ON t.finding_id = f.finding_id WHERE {condition} ORDER BY {order} LIMIT {limit}"
    );
    let mut statement = connection.prepare(&sql).map_err(StoreError::from)?;
    let mut rows = statement.query(params_from_iter(&parameters)).map_err(StoreError::from)?;
    let mut rules: FxHashMap<i64, ListedRule> = FxHashMap::default();
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        let number = row.get(4).map_err(StoreError::from)?;
        let rule = match rules.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(listed_rule(connection, number)?),
        };
        visit(finding(row, rule)?)?;
    }
    Ok(())
}

/// What the findings of a rule have of it.
struct ListedRule {
    rule_id: String,
    title: String,
    path: String,
    level: String,
    severity: String,
    techniques: Vec<String>,
    tactics: Vec<String>,
    stories: Vec<String>,
    text: Arc<RuleText>,
}

fn listed_rule(connection: &Connection, number: i64) -> Result<ListedRule, StoreError> {
    let sql =
        "SELECT rule_id, title, path, level, severity, techniques, tactics, stories, description, author, status, tags, reference_links,
                   false_positives, fields, sql FROM rule WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number])?;
    let row = rows.next()?.ok_or_else(|| StoreError::Damaged(format!("rule {number} is missing")))?;
    Ok(ListedRule {
        rule_id: row.get(0)?,
        title: row.get(1)?,
        path: row.get(2)?,
        level: row.get(3)?,
        severity: row.get(4)?,
        techniques: texts(row, 5)?,
        tactics: texts(row, 6)?,
        stories: texts(row, 7)?,
        text: Arc::new(RuleText {
            description: row.get(8)?,
            author: row.get(9)?,
            status: row.get(10)?,
            tags: texts(row, 11)?,
            references: texts(row, 12)?,
            false_positives: texts(row, 13)?,
            fields: texts(row, 14)?,
            sql: row.get(15)?,
        }),
    })
}

fn finding(row: &Row<'_>, rule: &ListedRule) -> Result<FindingRow, StoreError> {
    Ok(FindingRow {
        finding_id: row.get(0)?,
        identity: row.get(1)?,
        hunt_id: HuntId(row.get(2)?),
        state: row.get(3)?,
        rule_id: rule.rule_id.clone(),
        rule_title: rule.title.clone(),
        rule_path: rule.path.clone(),
        level: rule.level.clone(),
        techniques: rule.techniques.clone(),
        tactics: rule.tactics.clone(),
        stories: rule.stories.clone(),
        group: json(row, 5)?,
        columns: json(row, 6)?,
        count: u64::try_from(row.get::<_, i64>(7)?).unwrap_or(0),
        first_time_us: row.get(8)?,
        last_time_us: row.get(9)?,
        risk_score: row.get(10)?,
        impact: row.get(11)?,
        confidence: row.get(12)?,
        message: row.get(13)?,
        risk_objects: json(row, 14)?,
        severity: rule.severity.clone(),
        details: row.get(15)?,
        hosts: texts(row, 16)?,
        users: texts(row, 17)?,
        triage: row.get::<_, Option<String>>(18)?.zip(row.get(19)?),
        rule: Arc::clone(&rule.text),
    })
}

/// JSON of a column; what is JSON and of another kind, which only another program writes, is as if it were empty.
fn json<T: DeserializeOwned + Default>(row: &Row<'_>, index: usize) -> Result<T, StoreError> {
    let text = row.get_ref(index)?.as_str().map_err(rusqlite::Error::from)?;
    if matches!(text, "{}" | "[]") {
        return Ok(T::default());
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) if error.is_data() => Ok(T::default()),
        Err(error) => Err(StoreError::Damaged(format!("a finding holds invalid JSON: {error}"))),
    }
}

pub(super) fn texts(row: &Row<'_>, index: usize) -> Result<Vec<String>, StoreError> {
    json(row, index)
}

/// Reads the evidence of findings, by finding and event; an event that several sources hold is a line for each.
pub(super) fn evidence(connection: &Connection, filter: &FindingFilter) -> Result<Vec<EvidenceRow>, StoreError> {
    let FilterSql { condition, parameters, .. } = filter.sql();
    let sql = format!(
        "WITH x AS (SELECT f.id AS finding, r.rule_id, x.event FROM finding f JOIN rule r ON r.id = f.rule JOIN evidence x ON x.finding = f.id WHERE {condition})
         SELECT x.finding, x.rule_id, s.path, s.sha256, coalesce(e.record, e.position, e.id - s.first_event + 1), e.time_us, e.id, s.id
         FROM x JOIN event e ON e.id = x.event JOIN source s ON s.id = e.source
         UNION ALL
         SELECT x.finding, x.rule_id, s.path, s.sha256, coalesce(e.record, a.position), e.time_us, e.id, s.id
         FROM x JOIN event_alias a ON a.event = x.event JOIN event e ON e.id = x.event JOIN source s ON s.id = a.source
         UNION ALL
         SELECT x.finding, x.rule_id, k.path, k.sha256, coalesce(k.record, k.position), k.time_us, k.event, 0
         FROM x JOIN kept_event k ON k.event = x.event
         UNION ALL
         SELECT x.finding, x.rule_id, j.value ->> 0, j.value ->> 1, coalesce(k.record, j.value ->> 2), k.time_us, k.event, j.key + 1
         FROM x JOIN kept_event k ON k.event = x.event JOIN json_each(k.aliases_json) j
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

/// A source that is not in the store any more and has events that findings keep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemovedSource {
    /// Its path.
    pub path: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// The events that are kept of it.
    pub events: u64,
}

/// See [`super::Store::removed_sources`].
pub(super) fn removed_sources(connection: &Connection) -> Result<Vec<RemovedSource>, StoreError> {
    let sql = "SELECT path, sha256, count(*) FROM kept_event k WHERE NOT EXISTS (SELECT 1 FROM source s WHERE s.path = k.path)
               GROUP BY path, sha256 ORDER BY path, sha256";
    let mut statement = connection.prepare(sql)?;
    let rows = statement
        .query_map([], |row| Ok(RemovedSource { path: row.get(0)?, sha256: row.get(1)?, events: row.get::<_, i64>(2)?.unsigned_abs() }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Events that were counted and are not kept, because their findings have too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnkeptEvents {
    /// Findings with such events.
    pub findings: u64,
    /// These events.
    pub events: u64,
}

/// See [`super::Store::unkept_events`].
pub(super) fn unkept_events(connection: &Connection, filter: &FindingFilter) -> Result<UnkeptEvents, StoreError> {
    let FilterSql { condition, parameters, .. } = filter.sql();
    let sql = format!(
        "SELECT count(*), coalesce(sum(f.count - {EVIDENCE_CAP}), 0) FROM finding f JOIN rule r ON r.id = f.rule
         WHERE {} AND {condition}",
        is_capped()
    );
    let number = |row: &Row<'_>, place| row.get::<_, i64>(place).map(|number| u64::try_from(number).unwrap_or(0));
    Ok(connection
        .prepare(&sql)?
        .query_row(params_from_iter(&parameters), |row| Ok(UnkeptEvents { findings: number(row, 0)?, events: number(row, 1)? }))?)
}
