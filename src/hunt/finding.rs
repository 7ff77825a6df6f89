//! From matched events and result rows to findings: groups, times, risk, the filled message, evidence.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::HuntError;
use super::field::field_values;
use crate::catalog::{Catalog, EventId};
use crate::diag::Diagnostic;
use crate::ir::{Level, Rule, RuleMeta, Stage};
use crate::plan::{Branch, FieldExpr, Plan};
use crate::sql;
use crate::store::{EVIDENCE_CAP, EventOrigin, Finding, FindingRiskObject, HuntOutcome, HuntWriter, Origins, SqlValue, Store, StoredEvent};

/// The fields a rule's findings show: tokens of its message and its risk objects.
pub(super) fn needed_fields(rule: &Rule) -> Vec<String> {
    let mut names: BTreeSet<String> = tokens(&rule.meta.message).map(str::to_owned).collect();
    names.extend(rule.meta.risk_objects.iter().map(|object| object.field.clone()));
    names.into_iter().collect()
}

/// The names between dollar signs in a message.
fn tokens(message: &str) -> impl Iterator<Item = &str> {
    pieces(message).filter_map(|(text, is_token)| is_token.then_some(text))
}

/// A message cut into text and `$tokens$`; a token is made of letters, digits, `_`, `.`, `{`, `}` and `-`.
fn pieces(message: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix('$')
            && let Some(end) = after.find('$')
            && end > 0
            && after[..end].chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '{' | '}' | '-'))
        {
            rest = &after[end + 1..];
            return Some((&after[..end], true));
        }
        let skip = usize::from(rest.starts_with('$'));
        let end = rest[skip..].find('$').map_or(rest.len(), |i| i + skip);
        let text = &rest[..end];
        rest = &rest[end..];
        Some((text, false))
    })
}

/// Fills the tokens of a message; one without a value stays as it is.
fn fill(message: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    pieces(message)
        .map(|(text, is_token)| match (is_token, value(text)) {
            (true, Some(filled)) => filled,
            (true, None) => format!("${text}$"),
            (false, _) => text.to_owned(),
        })
        .collect()
}

/// A rule's risk score: its own, else one that stands for its Sigma level.
pub(super) fn risk_score(meta: &RuleMeta) -> Option<f64> {
    meta.risk.map(|risk| risk.score).or_else(|| {
        meta.level.map(|level| match level {
            Level::Informational => 5.0,
            Level::Low => 20.0,
            Level::Medium => 40.0,
            Level::High => 70.0,
            Level::Critical => 90.0,
        })
    })
}

/// Makes findings and saves each at once.
pub(super) struct Maker<'s> {
    store: &'s Store,
    catalog: &'s Catalog,
    origins: Origins<'s>,
    writer: HuntWriter<'s>,
}

impl<'s> Maker<'s> {
    /// Starts with a hunt that is being saved.
    pub(super) fn new(store: &'s Store, catalog: &'s Catalog, writer: HuntWriter<'s>) -> Result<Self, HuntError> {
        Ok(Self { store, catalog, origins: store.origins()?, writer })
    }

    /// How many findings were made.
    pub(super) fn findings(&self) -> u64 {
        self.writer.findings()
    }

    /// Ends the hunt.
    pub(super) fn finish(self) -> Result<HuntOutcome, HuntError> {
        drop(self.origins);
        Ok(self.writer.finish()?)
    }

    /// Saves a finding that was made elsewhere.
    pub(super) fn save(&mut self, finding: &Finding) -> Result<(), HuntError> {
        Ok(self.writer.save(finding)?)
    }

    /// One finding for each event of a rule without stages.
    pub(super) fn row_findings(&mut self, index: usize, rule: &Rule, plan: &Plan, events: &[EventId]) -> Result<(), HuntError> {
        let needs_fields = !needed_fields(rule).is_empty();
        for event in exact(self.store, self.catalog, plan, events)?.iter() {
            let origin = self.origins.of(*event)?;
            let branch = if needs_fields { plan.branches.iter().find(|b| b.event_type == origin.event_type) } else { None };
            let stored = branch.map(|_| self.store.event(*event)).transpose()?;
            self.writer.save(&row_finding(index, rule, origin, &|name| value_of(name, branch, stored.as_ref())))?;
        }
        Ok(())
    }

    /// One finding for each result row of a rule with stages. The inner error says why its SQL could not be made.
    pub(super) fn stage_findings(
        &mut self,
        index: usize,
        rule: &Rule,
        plan: &Plan,
        events: &[EventId],
    ) -> Result<Result<(), Diagnostic>, HuntError> {
        let events = exact(self.store, self.catalog, plan, events)?;
        if events.is_empty() {
            return Ok(Ok(()));
        }
        let statement = match sql::hunt(plan, self.catalog) {
            Ok(statement) => statement,
            Err(diagnostic) => return Ok(Err(diagnostic)),
        };
        self.store.set_candidates(&events)?;
        let result = self.store.run(&statement.sql, &statement.parameters)?;
        let keys = group_columns(&plan.stages);
        for row in &result.rows {
            if let Some((mut finding, event)) = stage_finding(index, rule, keys.as_deref(), &result.columns, row) {
                finding.event = event.map(|event| self.origins.of(event)).transpose()?;
                self.writer.save(&finding)?;
            }
        }
        Ok(Ok(()))
    }
}

fn row_finding(index: usize, rule: &Rule, origin: EventOrigin, value: &dyn Fn(&str) -> Option<String>) -> Finding {
    let mut risk_objects = risk_objects(rule, value);
    if risk_objects.is_empty() && rule.meta.risk_objects.is_empty() {
        risk_objects.extend(origin.host.as_ref().map(|host| FindingRiskObject {
            field: "Computer".to_owned(),
            kind: "system".to_owned(),
            value: host.as_ref().to_owned(),
            score: None,
        }));
    }
    Finding {
        rule_index: index,
        group: Vec::new(),
        window_start_us: None,
        count: 1,
        first_time_us: origin.time_us,
        last_time_us: origin.time_us,
        risk_score: risk_score(&rule.meta),
        message: message(rule, value),
        risk_objects,
        columns: Vec::new(),
        evidence: vec![origin.id],
        event: Some(origin),
    }
}

/// The candidates for which the rule's expressions hold too.
pub(super) fn exact<'e>(store: &Store, catalog: &Catalog, plan: &Plan, events: &'e [EventId]) -> Result<Cow<'e, [EventId]>, HuntError> {
    let Some(statement) = sql::hunt_filter(plan, catalog) else { return Ok(Cow::Borrowed(events)) };
    store.set_candidates(events)?;
    let result = store.run(&statement.sql, &statement.parameters)?;
    let mut kept: Vec<EventId> = result.rows.iter().filter_map(|row| row.first().and_then(integer)).map(EventId).collect();
    kept.sort_unstable();
    Ok(Cow::Owned(kept))
}

fn message(rule: &Rule, value: &dyn Fn(&str) -> Option<String>) -> String {
    if rule.meta.message.is_empty() { rule.meta.title.clone() } else { fill(&rule.meta.message, value) }
}

fn risk_objects(rule: &Rule, value: &dyn Fn(&str) -> Option<String>) -> Vec<FindingRiskObject> {
    let mut out = Vec::new();
    for object in &rule.meta.risk_objects {
        let values = value(&object.field).unwrap_or_default();
        for value in values.split('\n').filter(|v| !v.is_empty()) {
            out.push(FindingRiskObject {
                field: object.field.clone(),
                kind: object.kind.clone(),
                value: value.to_owned(),
                score: object.score,
            });
        }
    }
    out
}

fn value_of(name: &str, branch: Option<&Branch>, event: Option<&StoredEvent>) -> Option<String> {
    let expr: &FieldExpr = branch?.fields.get(name)?;
    let values = field_values(expr, event?);
    (!values.is_empty()).then(|| values.join("\n"))
}

/// The finding of a result row, and the event that identifies it where there are no groups.
fn stage_finding(
    index: usize,
    rule: &Rule,
    keys: Option<&[(String, String)]>,
    names: &[String],
    row: &[SqlValue],
) -> Option<(Finding, Option<EventId>)> {
    let cell = |name: &str| names.iter().position(|n| n == name).and_then(|i| row.get(i));
    let value = |name: &str| cell(name).and_then(text);
    let ids = cell("_ev").map(evidence_ids).unwrap_or_default();
    let count = cell("_n").and_then(integer).unwrap_or(0);
    if count == 0 && ids.is_empty() {
        return None; // the one row that an aggregation of nothing gives
    }
    let event = if keys.is_some() { None } else { ids.first().copied() };
    let finding = Finding {
        rule_index: index,
        group: keys.into_iter().flatten().filter_map(|(shown, column)| value(column).map(|v| (shown.clone(), v))).collect(),
        window_start_us: None,
        event: None,
        count: u64::try_from(count).unwrap_or(0),
        first_time_us: cell("_t0").and_then(integer),
        last_time_us: cell("_t1").and_then(integer),
        risk_score: risk_score(&rule.meta),
        message: message(rule, &value),
        risk_objects: risk_objects(rule, &value),
        columns: names.iter().zip(row).filter(|(n, _)| !is_hidden(n)).map(|(n, v)| (n.clone(), text(v).unwrap_or_default())).collect(),
        evidence: ids.into_iter().take(EVIDENCE_CAP).collect(),
    };
    Some((finding, event))
}

fn is_hidden(name: &str) -> bool {
    matches!(name, "_ev" | "_n" | "_t0" | "_t1")
}

/// The group columns of the last aggregation: (by-field as the rule spells it, the column that holds it at the end).
fn group_columns(stages: &[Stage]) -> Option<Vec<(String, String)>> {
    let last = stages.iter().rposition(|stage| matches!(stage, Stage::Stats(_)))?;
    let Stage::Stats(stats) = &stages[last] else { return None };
    let mut columns: Vec<(String, String)> = stats.by.iter().map(|f| (f.name.clone(), f.name.clone())).collect();
    for stage in &stages[last + 1..] {
        if let Stage::Rename(renames) = stage {
            for rename in renames {
                for (_, column) in &mut columns {
                    if *column == rename.from {
                        column.clone_from(&rename.to);
                    }
                }
            }
        }
    }
    Some(columns)
}

fn evidence_ids(value: &SqlValue) -> Vec<EventId> {
    match value {
        SqlValue::Blob(bytes) => bytes.as_chunks::<8>().0.iter().map(|chunk| EventId(i64::from_be_bytes(*chunk))).collect(),
        _ => Vec::new(),
    }
}

fn integer(value: &SqlValue) -> Option<i64> {
    if let SqlValue::Integer(n) = value { Some(*n) } else { None }
}

fn text(value: &SqlValue) -> Option<String> {
    match value {
        SqlValue::Null | SqlValue::Blob(_) => None,
        SqlValue::Integer(n) => Some(n.to_string()),
        SqlValue::Real(n) => Some(n.to_string()),
        SqlValue::Text(text) => Some(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::{fill, tokens};

    #[test]
    fn tokens_are_filled_and_lone_dollars_stay() {
        let message = r"$user$ wrote to \\*\C$ for 5$ on $dest$, $gone$";
        assert_eq!(tokens(message).collect::<Vec<_>>(), ["user", "dest", "gone"]);
        let filled = fill(message, &|name| (name != "gone").then(|| name.to_uppercase()));
        assert_eq!(filled, r"USER wrote to \\*\C$ for 5$ on DEST, $gone$");
    }
}
