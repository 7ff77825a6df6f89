//! Which findings are read, and which of their hosts and events: the conditions that every listing of findings shares.

use super::SqlValue;
use super::finding_groups::FindingOrder;
use super::findings::{EVIDENCE_CAP, HuntId};
use super::kept_event::{HOST, JOIN_EVENT, TIME};
use crate::ir::Level;

/// Events that are kept of a finding.
const KEPT: &str = "(SELECT count(*) FROM evidence x WHERE x.finding = f.id)";

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
    /// Only rules with one of these as tag, technique or its parent, tactic or story (without ASCII case); all where it is empty.
    pub tags: Vec<String>,
    /// Only findings about this host: its whole name, or the name before its first dot.
    pub host: Option<String>,
    /// Only findings about this user: with or without the domain.
    pub user: Option<String>,
    /// Only findings with this triage status; `new`: those without any.
    pub status: Option<String>,
    /// Only findings with an event at or after this time.
    pub since_us: Option<i64>,
    /// Only findings with an event before this time; with both, an event between them.
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

/// Conditions with their parameters.
#[derive(Debug, Default)]
pub(super) struct FilterSql {
    /// Over `finding f` and `rule r`.
    pub(super) condition: String,
    pub(super) parameters: Vec<SqlValue>,
    /// Which parameter is the host that is asked for.
    host: Option<usize>,
    /// Which is the user.
    user: Option<usize>,
}

impl FilterSql {
    /// Adds a condition with one parameter, which stands in it as `?`. Returns the parameter's number.
    fn add(&mut self, condition: &str, value: SqlValue) -> usize {
        self.parameters.push(value);
        let number = self.parameters.len();
        self.and(&condition.replace('?', &format!("?{number}")));
        number
    }

    /// Adds a condition.
    pub(super) fn and(&mut self, condition: &str) {
        if !self.condition.is_empty() {
            self.condition.push_str(" AND ");
        }
        self.condition.push_str(condition);
    }

    /// Adds the bounds of the event of [`JOIN_EVENT`] in time.
    pub(super) fn and_event_in(&mut self, (since, until): super::TimeSpan) {
        for (bound, test) in [(since, ">="), (until, "<")] {
            if let Some(us) = bound {
                self.add(&format!("{TIME} {test} ?"), SqlValue::Integer(us));
            }
        }
    }

    /// The join of a finding's hosts as `x`: of those that are asked for, where any are.
    pub(super) fn hosts(&self) -> String {
        self.entities("host", self.host.map(|number| is_host("x.value", number)))
    }

    /// The condition that a host `x.value` of a finding is one that is asked for: any is where none is.
    pub(super) fn is_asked_host(&self) -> String {
        self.host.map_or_else(|| "1".to_owned(), |number| is_host("x.value", number))
    }

    /// The join of a finding's users as `x`.
    pub(super) fn users(&self) -> String {
        self.entities("user", self.user.map(|number| is_user("x.value", number)))
    }

    fn entities(&self, kind: &str, asked: Option<String>) -> String {
        let asked = asked.map(|test| format!(" AND {test}")).unwrap_or_default();
        format!("LEFT JOIN finding_entity x ON x.finding = f.id AND x.kind = '{kind}'{asked}")
    }

    /// Adds that the event of [`JOIN_EVENT`] behind `finding f` was written by the host that is asked for. Where none of the finding's
    /// events was, a field named the host, and all of them are about it.
    pub(super) fn and_event_of_host(&mut self) {
        if let Some(number) = self.host {
            let of = |host: &str| is_host(&format!("(SELECT v.text FROM value v WHERE v.id = {host})"), number);
            // The findings with such an event are looked for once, and not once an event. Joined in this order: SQLite would begin with all
            // events and ask each for all findings.
            self.and(&format!(
                "({} OR f.id NOT IN (SELECT x2.finding FROM finding_entity y CROSS JOIN evidence x2 ON x2.finding = y.finding
                     LEFT JOIN event e2 ON e2.id = x2.event LEFT JOIN kept_event k2 ON k2.event = x2.event WHERE y.kind = 'host' AND {} AND {}))",
                of(HOST),
                is_host("y.value", number),
                of("coalesce(e2.host, k2.host)")
            ));
        }
    }
}

/// The last hunt that found `finding f` of `rule r`: where it is still true, that may be one in which it stayed as it was.
pub(super) const LAST_HUNT: &str = "CASE f.state WHEN 'current' THEN max(f.hunt, coalesce(r.hunt, 0)) ELSE f.hunt END";

/// Whether `finding f` has more events than are kept of it.
pub(super) fn is_capped() -> String {
    format!("(f.count > {EVIDENCE_CAP} AND {KEPT} >= {EVIDENCE_CAP})")
}

/// Whether a name is that of a host that is asked for: the whole of it, or what is before its first dot.
fn is_host(name: &str, number: usize) -> String {
    format!("({name} = ?{number} COLLATE NOCASE OR substr({name}, 1, instr({name} || '.', '.') - 1) = ?{number} COLLATE NOCASE)")
}

/// Whether a name is that of a user who is asked for, with or without the domain.
fn is_user(name: &str, number: usize) -> String {
    format!("({name} = ?{number} COLLATE NOCASE OR substr({name}, instr({name}, char(92)) + 1) = ?{number} COLLATE NOCASE)")
}

impl FindingFilter {
    /// Whether a host is one that is asked for: any is where none is.
    pub fn is_of_host(&self, name: &str) -> bool {
        let short = name.split('.').next().unwrap_or(name);
        self.host.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(name) || asked.eq_ignore_ascii_case(short))
    }

    /// The condition over `finding f` and `rule r`, with its parameters.
    pub(super) fn sql(&self) -> FilterSql {
        let mut sql = FilterSql { condition: "1".to_owned(), ..FilterSql::default() };
        if let Some(ids) = &self.ids {
            let list: Vec<String> = ids.iter().map(i64::to_string).collect();
            sql.add("f.id IN (SELECT value FROM json_each(?))", SqlValue::Text(format!("[{}]", list.join(","))));
        } else if !self.with_past {
            // Who asks for a finding by its number gets it, also where a later hunt no longer found it.
            sql.and("f.state = 'current'");
        }
        if let Some(hunt) = self.hunt {
            // It has a line of that hunt, or its rule was hunted and its last line before says that it was there and did not change.
            sql.add(
                "(EXISTS (SELECT 1 FROM finding_history h WHERE h.finding = f.id AND h.hunt = ? AND h.state = 'current')
                  OR (r.rule_id IN (SELECT q.rule_id FROM hunt_rule k JOIN rule q ON q.id = k.rule WHERE k.hunt = ?)
                      AND (SELECT h.state FROM finding_history h WHERE h.finding = f.id AND h.hunt <= ? ORDER BY h.hunt DESC LIMIT 1) = 'current'))",
                SqlValue::Integer(hunt.0),
            );
        }
        if self.is_new {
            let last = || "(SELECT max(id) FROM hunt)".to_owned();
            sql.and(&format!("f.first_hunt = {}", self.hunt.map_or_else(last, |hunt| hunt.0.to_string())));
        }
        self.of_rule(&mut sql);
        self.in_time(&mut sql);
        self.of_entities(&mut sql);
        if let Some(status) = &self.status {
            let own = "coalesce((SELECT lower(t.status) FROM triage t WHERE t.finding_id = f.finding_id), 'new') = lower(?)";
            sql.add(own, SqlValue::Text(status.clone()));
        }
        sql
    }

    /// The condition with one more over `evidence x` and the event of [`JOIN_EVENT`], where these are joined: events in the filter's bounds
    /// of time and of its host. Findings without events pass as well.
    pub(super) fn sql_of_events_or_none(&self) -> FilterSql {
        let mut sql = self.sql();
        let of_findings = std::mem::take(&mut sql.condition);
        sql.and_event_in((self.since_us, self.until_us));
        sql.and_event_of_host();
        let of_events = std::mem::replace(&mut sql.condition, of_findings);
        if !of_events.is_empty() {
            sql.and(&format!("(x.event IS NULL OR ({of_events}))"));
        }
        sql
    }

    fn of_rule(&self, sql: &mut FilterSql) {
        if let Some(rule) = &self.rule {
            let named = "(r.rule_id = ? OR instr(lower(r.title), lower(?)) OR instr(lower(r.path), lower(?)))";
            sql.add(named, SqlValue::Text(rule.clone()));
        }
        if !self.tags.is_empty() {
            let tags = serde_json::to_string(&self.tags).expect("texts are always JSON");
            sql.add(
                // Once a rule, and not once a finding.
                "f.rule IN (WITH asked AS (SELECT lower(value) AS tag FROM json_each(?)), own AS (
                     SELECT q.id, lower(j.value) AS tag FROM rule q JOIN json_each(q.tags) j
                     UNION ALL SELECT q.id, lower(j.value) FROM rule q JOIN json_each(q.techniques) j
                     UNION ALL SELECT q.id, lower(j.value) FROM rule q JOIN json_each(q.tactics) j
                     UNION ALL SELECT q.id, lower(j.value) FROM rule q JOIN json_each(q.stories) j)
                 SELECT o.id FROM own o JOIN asked a ON o.tag = a.tag OR o.tag = 'attack.' || a.tag
                 UNION ALL
                 SELECT q.id FROM rule q JOIN json_each(q.techniques) j JOIN asked a
                     ON substr(lower(j.value), 1, length(a.tag) + 1) = a.tag || '.')",
                SqlValue::Text(tags),
            );
        }
        if let Some(level) = self.min_level {
            let levels: Vec<String> = Level::ALL.into_iter().filter(|l| *l >= level).map(|l| format!("'{}'", l.as_str())).collect();
            sql.and(&format!("r.severity IN ({})", levels.join(", ")));
        }
    }

    fn in_time(&self, sql: &mut FilterSql) {
        match (self.since_us, self.until_us) {
            (None, None) => {}
            // The first and the last event say whether there is one on this side of a single bound.
            (Some(since), None) => drop(sql.add("f.last_time_us >= ?", SqlValue::Integer(since))),
            (None, Some(until)) => drop(sql.add("f.first_time_us < ?", SqlValue::Integer(until))),
            (Some(since), Some(until)) => {
                sql.parameters.extend([SqlValue::Integer(since), SqlValue::Integer(until)]);
                let (until, since) = (sql.parameters.len(), sql.parameters.len() - 1);
                // Where not all events are kept, one of the others may be between the bounds: then the first and the last decide. The count
                // alone does not tell: it has an event of two joined rows twice.
                sql.and(&format!(
                    "f.last_time_us >= ?{since} AND f.first_time_us < ?{until} AND (
                         EXISTS (SELECT 1 FROM evidence x {JOIN_EVENT}
                             WHERE x.finding = f.id AND {TIME} >= ?{since} AND {TIME} < ?{until})
                         OR {KEPT} = 0 OR {})",
                    is_capped()
                ));
            }
        }
    }

    fn of_entities(&self, sql: &mut FilterSql) {
        let is_about = |kind: &str, test: String| {
            format!("EXISTS (SELECT 1 FROM finding_entity x WHERE x.finding = f.id AND x.kind = '{kind}' AND {test})")
        };
        if let Some(host) = &self.host {
            sql.parameters.push(SqlValue::Text(host.clone()));
            sql.host = Some(sql.parameters.len());
            sql.and(&is_about("host", is_host("x.value", sql.parameters.len())));
        }
        if let Some(user) = &self.user {
            sql.parameters.push(SqlValue::Text(user.clone()));
            sql.user = Some(sql.parameters.len());
            sql.and(&is_about("user", is_user("x.value", sql.parameters.len())));
        }
    }
}
