//! Findings counted by rule and host, or by what else they have in common, and the totals of a hunt.

use rusqlite::{Connection, Row, params_from_iter};

use super::finding_filter::{FilterSql, FindingFilter};
use super::finding_rows::texts;
use super::{SqlValue, StoreError};
use crate::ir::Level;
use crate::taxonomy::AttackMatrix;

/// What the findings of one group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// Rule and host: a finding on two hosts is in the groups of both, unless the filter asks for one.
    #[default]
    RuleHost,
    /// The rule.
    Rule,
    /// The host.
    Host,
    /// The user.
    User,
    /// The ATT&CK technique as it is called today.
    Technique,
    /// The level.
    Level,
    /// The day (UTC) of the first event.
    Day,
    /// What people said of it.
    Status,
}

/// The order of findings and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FindingOrder {
    /// The highest level first, then the most findings.
    #[default]
    Level,
    /// The earliest first event first.
    Time,
    /// The most findings first; of findings, the most events.
    Count,
}

/// Findings with something in common. What they do not have in common is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FindingGroup {
    /// The highest level among them.
    pub severity: Option<Level>,
    /// The rule's own id.
    pub rule_id: Option<String>,
    /// Its title.
    pub rule_title: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The technique.
    pub technique: Option<String>,
    /// The day, as `2024-01-31`.
    pub day: Option<String>,
    /// How many rules found them.
    pub rules: u64,
    /// How many there are.
    pub findings: u64,
    /// Events behind them.
    pub count: u64,
    /// Time of the first event (µs UTC).
    pub first_time_us: Option<i64>,
    /// Time of the last (µs UTC).
    pub last_time_us: Option<i64>,
    /// `current`, `gone`, `superseded`: those that there are among them, in this order.
    pub states: Vec<&'static str>,
    /// What people said of them, in the order of the alphabet; `new` of those without.
    pub statuses: Vec<String>,
    /// The one that was found first.
    pub finding_id: i64,
    /// What it says.
    pub details: String,
}

/// 5 for critical to 1 for informational, 0 without a level.
pub(super) const RANK: &str = "CASE r.severity WHEN 'critical' THEN 5 WHEN 'high' THEN 4 WHEN 'medium' THEN 3 WHEN 'low' THEN 2 WHEN 'informational' THEN 1 ELSE 0 END";

/// What people said of a finding.
pub(super) const STATUS: &str = "coalesce(lower(t.status), 'new')";
/// A day before 1970 has a negative time, of which integer division alone would give the day after.
pub(super) const DAY: &str = "CASE WHEN f.first_time_us IS NOT NULL THEN strftime('%Y-%m-%d', (f.first_time_us - (f.first_time_us % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') END";

/// A way to group: what is joined, and the expressions of rule id, title and of one more key.
struct GroupSql {
    join: String,
    keys: &'static str,
    rule: bool,
    other: &'static str,
}

impl GroupBy {
    /// `techniques`: the parameter that [`techniques_today`] gives.
    fn sql(self, filter: &FilterSql, techniques: usize) -> GroupSql {
        let none = String::new;
        let (join, keys, rule, other) = match self {
            Self::RuleHost => (filter.hosts(), "r.rule_id, x.value", true, "x.value"),
            Self::Rule => (none(), "r.rule_id", true, "NULL"),
            Self::Host => (filter.hosts(), "x.value", false, "x.value"),
            Self::User => (filter.users(), "x.value", false, "x.value"),
            Self::Technique => (format!("LEFT JOIN ({}) x ON x.rule = r.id", of_techniques(techniques)), "x.value", false, "x.value"),
            Self::Level => (none(), "r.severity", false, "NULL"),
            Self::Day => (none(), DAY, false, DAY),
            Self::Status => (none(), STATUS, false, STATUS),
        };
        GroupSql { join, keys, rule, other }
    }
}

impl FindingOrder {
    /// Of single findings, over `finding f` and `rule r`.
    pub(super) fn of_findings(self) -> String {
        match self {
            Self::Level => format!("{RANK} DESC, f.first_time_us IS NULL, f.first_time_us, f.id"),
            Self::Time => "f.first_time_us IS NULL, f.first_time_us, f.id".to_owned(),
            Self::Count => "f.count DESC, f.id".to_owned(),
        }
    }

    fn of_groups(self) -> &'static str {
        match self {
            Self::Level => "rank DESC, findings DESC, title, other, first_id",
            Self::Time => "first IS NULL, first, rank DESC, first_id",
            Self::Count => "findings DESC, rank DESC, title, other, first_id",
        }
    }
}

/// See [`super::Store::finding_groups`].
pub(super) fn groups(
    connection: &Connection,
    filter: &FindingFilter,
    by: GroupBy,
    order: FindingOrder,
) -> Result<Vec<FindingGroup>, StoreError> {
    let mut filter = filter.sql();
    if by == GroupBy::Technique {
        filter.parameters.push(SqlValue::Text(techniques_today(connection)?));
    }
    let (sql, order, condition) = (by.sql(&filter, filter.parameters.len()), order.of_groups(), &filter.condition);
    let (id, title) = if sql.rule { ("r.rule_id", "r.title") } else { ("NULL", "NULL") };
    let sql = format!(
        "SELECT g.*, (SELECT d.details FROM finding d WHERE d.id = g.first_id) FROM (
             SELECT max({RANK}) AS rank, {id} AS rule, {title} AS title, {} AS other, count(DISTINCT r.rule_id) AS rules, count(*) AS findings,
                 sum(f.count) AS events, min(f.first_time_us) AS first, max(f.last_time_us) AS last, min(f.id) AS first_id,
                 max(f.state = 'current') AS current, max(f.state = 'gone') AS gone, max(f.state = 'superseded') AS superseded,
                 json_group_array(DISTINCT {STATUS}) AS statuses
             FROM finding f JOIN rule r ON r.id = f.rule LEFT JOIN triage t ON t.finding_id = f.finding_id {} WHERE {condition} GROUP BY {}) g ORDER BY {order}",
        sql.other, sql.join, sql.keys
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(&filter.parameters), |row| group(row, by))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Pairs of a rule and a technique of today, as JSON. Rules keep the ids that they were written with, and SQL does not know what became of
/// them.
fn techniques_today(connection: &Connection) -> Result<String, StoreError> {
    let matrix = AttackMatrix::embedded();
    let mut statement = connection.prepare("SELECT id, techniques FROM rule")?;
    let mut rows = statement.query([])?;
    let mut pairs: Vec<(i64, String)> = Vec::new();
    while let Some(row) = rows.next()? {
        let rule: i64 = row.get(0)?;
        pairs.extend(matrix.techniques_of(&texts(row, 1)?).into_iter().map(|technique| (rule, technique)));
    }
    Ok(serde_json::to_string(&pairs).expect("numbers and texts are always JSON"))
}

/// The pairs as a table. The limit, which cuts nothing, lets SQLite read them once: it would look through all of them for each finding.
fn of_techniques(parameter: usize) -> String {
    format!("SELECT value ->> 0 AS rule, value ->> 1 AS value FROM json_each(?{parameter}) LIMIT -1")
}

fn group(row: &Row<'_>, by: GroupBy) -> rusqlite::Result<FindingGroup> {
    let number = |place| row.get::<_, i64>(place).map(|number| u64::try_from(number).unwrap_or(0));
    let rank = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
    let other: Option<String> = row.get(3)?;
    let mut out = FindingGroup {
        severity: rank.checked_sub(1).and_then(|place| Level::ALL.get(place)).copied(),
        rule_id: row.get(1)?,
        rule_title: row.get(2)?,
        rules: number(4)?,
        findings: number(5)?,
        count: number(6)?,
        first_time_us: row.get(7)?,
        last_time_us: row.get(8)?,
        finding_id: row.get(9)?,
        states: states(row)?,
        statuses: statuses(row)?,
        details: row.get(14)?,
        ..FindingGroup::default()
    };
    match by {
        GroupBy::RuleHost | GroupBy::Host => out.host = other,
        GroupBy::User => out.user = other,
        GroupBy::Technique => out.technique = other,
        GroupBy::Day => out.day = other,
        GroupBy::Rule | GroupBy::Level | GroupBy::Status => {}
    }
    Ok(out)
}

/// The states among a group's findings, what is still true first.
fn states(row: &Row<'_>) -> rusqlite::Result<Vec<&'static str>> {
    let mut out = Vec::new();
    for (place, name) in [(10, "current"), (11, "gone"), (12, "superseded")] {
        if row.get(place)? {
            out.push(name);
        }
    }
    Ok(out)
}

fn statuses(row: &Row<'_>) -> rusqlite::Result<Vec<String>> {
    let mut out: Vec<String> = serde_json::from_str(row.get_ref(13)?.as_str()?).unwrap_or_default();
    out.sort_unstable();
    Ok(out)
}

/// How many findings pass a filter, of how many rules, and the time from their first to their last event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FindingTotals {
    /// Findings.
    pub findings: u64,
    /// Rules that found them.
    pub rules: u64,
    /// Hosts of their events; where a host is asked for, that one.
    pub hosts: u64,
    /// Time of the first event (µs UTC).
    pub first_time_us: Option<i64>,
    /// Time of the last (µs UTC).
    pub last_time_us: Option<i64>,
}

/// See [`super::Store::finding_totals`].
pub(super) fn totals(connection: &Connection, filter: &FindingFilter) -> Result<FindingTotals, StoreError> {
    let filter = filter.sql();
    let (hosts, condition) = (filter.hosts(), &filter.condition);
    let sql = format!(
        "SELECT count(*), count(DISTINCT r.rule_id), min(f.first_time_us), max(f.last_time_us),
             (SELECT count(DISTINCT x.value) FROM finding f JOIN rule r ON r.id = f.rule {hosts} WHERE {condition})
         FROM finding f JOIN rule r ON r.id = f.rule WHERE {condition}"
    );
    let number = |row: &Row<'_>, place| row.get::<_, i64>(place).map(|number| u64::try_from(number).unwrap_or(0));
    Ok(connection.prepare(&sql)?.query_row(params_from_iter(&filter.parameters), |row| {
        Ok(FindingTotals {
            findings: number(row, 0)?,
            rules: number(row, 1)?,
            first_time_us: row.get(2)?,
            last_time_us: row.get(3)?,
            hosts: number(row, 4)?,
        })
    })?)
}
