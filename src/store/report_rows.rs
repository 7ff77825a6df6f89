//! What a report asks for beside the findings: their events, what became of the rules, and the hunts.

use rusqlite::params_from_iter;

use super::finding_filter::FilterSql;
use super::finding_rows::texts;
use super::kept_event::{IS_THERE, JOIN_EVENT, TIME};
use super::{FindingFilter, HuntId, Store, StoreError};
use crate::catalog::EventId;

/// What became of a rule in the last hunt that had it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleOutcomeRow {
    /// The rule's own id.
    pub rule_id: String,
    /// Its path as the hunt's user named it.
    pub path: String,
    /// Its title.
    pub title: String,
    /// Its level on the scale of both languages; empty where it has none.
    pub severity: String,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// ATT&CK tactics.
    pub tactics: Vec<String>,
    /// The name of a [`super::RuleOutcome`].
    pub outcome: String,
    /// Why, where it found nothing for a reason.
    pub reason: String,
}

impl Store {
    /// Visits the events behind findings, by finding and event, one line each however many sources hold the event; where a host is asked
    /// for, its events.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn each_finding_event(&self, filter: &FindingFilter, visit: &mut dyn FnMut(i64, EventId)) -> Result<(), StoreError> {
        let mut sql = filter.sql();
        sql.and_event_of_host();
        let FilterSql { condition, parameters, .. } = sql;
        let sql = format!(
            "SELECT x.finding, x.event FROM finding f JOIN rule r ON r.id = f.rule JOIN evidence x ON x.finding = f.id {JOIN_EVENT}
             WHERE {condition} AND {IS_THERE} ORDER BY x.finding, x.event"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(&parameters))?;
        while let Some(row) = rows.next()? {
            visit(row.get(0)?, EventId(row.get(1)?));
        }
        Ok(())
    }

    /// Visits findings in the order of time, once for each event behind them and once where there is none: (time, event, finding).
    /// Times are µs UTC; that of a finding without events is that of its first. The filter's bounds in time and its host are those of the
    /// events too.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn each_finding_in_time(
        &self,
        filter: &FindingFilter,
        visit: &mut dyn FnMut(Option<i64>, Option<EventId>, i64),
    ) -> Result<(), StoreError> {
        let FilterSql { condition, parameters, .. } = filter.sql_of_events_or_none();
        let sql = format!(
            "SELECT CASE WHEN x.event IS NULL THEN f.first_time_us ELSE {TIME} END AS time_us, x.event, f.id
             FROM finding f JOIN rule r ON r.id = f.rule LEFT JOIN evidence x ON x.finding = f.id {JOIN_EVENT}
             WHERE {condition} ORDER BY 1, 2, 3"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(&parameters))?;
        while let Some(row) = rows.next()? {
            visit(row.get(0)?, row.get::<_, Option<i64>>(1)?.map(EventId), row.get(2)?);
        }
        Ok(())
    }

    /// When each hunt began (µs UTC), in their order.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn hunts(&self) -> Result<Vec<(HuntId, i64)>, StoreError> {
        let mut statement = self.connection.prepare("SELECT id, started_us FROM hunt ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((HuntId(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What became of each rule in the last hunt that had it, by path.
    ///
    /// # Errors
    /// When SQLite fails or the store is damaged.
    pub fn rule_outcomes(&self) -> Result<Vec<RuleOutcomeRow>, StoreError> {
        let sql = "SELECT rule_id, path, title, severity, techniques, tactics, outcome, reason FROM rule_status ORDER BY path, rule_id";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(RuleOutcomeRow {
                rule_id: row.get(0)?,
                path: row.get(1)?,
                title: row.get(2)?,
                severity: row.get(3)?,
                techniques: texts(row, 4)?,
                tactics: texts(row, 5)?,
                outcome: row.get(6)?,
                reason: row.get(7)?,
            });
        }
        Ok(out)
    }
}
