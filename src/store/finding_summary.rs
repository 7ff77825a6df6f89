//! What findings there are, in few lines: counted by level, status, rule, host and day in two passes over them.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params_from_iter};

use super::StoreError;
use super::finding_filter::{FilterSql, FindingFilter};
use super::finding_groups::{DAY, FindingGroup, FindingTotals, RANK, STATUS};
use crate::ir::Level;

/// The findings that pass a filter, counted by what they have in common: the most first, levels the highest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FindingSummary {
    /// All of them.
    pub totals: FindingTotals,
    /// By level.
    pub levels: Vec<FindingGroup>,
    /// By what people said of them.
    pub statuses: Vec<FindingGroup>,
    /// By rule.
    pub rules: Vec<FindingGroup>,
    /// By host, without those of no host.
    pub hosts: Vec<FindingGroup>,
    /// By day, without those without a time.
    pub days: Vec<FindingGroup>,
}

/// Findings of one rule that have more in common.
struct CountedFindings {
    rank: i64,
    rule_id: String,
    title: String,
    /// Host or day.
    other: Option<String>,
    status: String,
    findings: u64,
    first_id: i64,
    span: [Option<i64>; 2],
}

/// Some cells together.
#[derive(Default)]
struct Sum {
    rank: i64,
    rules: BTreeSet<String>,
    findings: u64,
    first_id: Option<i64>,
    title: Option<String>,
}

/// See [`super::Store::finding_summary`].
pub(super) fn summary(connection: &Connection, filter: &FindingFilter) -> Result<FindingSummary, StoreError> {
    let filter = filter.sql();
    let by_day = cells(connection, &filter, DAY, "")?;
    let by_host = cells(connection, &filter, "x.value", &filter.hosts())?;
    let mut totals = FindingTotals {
        findings: by_day.iter().map(|cell| cell.findings).sum(),
        rules: by_day.iter().map(|cell| &cell.rule_id).collect::<BTreeSet<_>>().len() as u64,
        hosts: by_host.iter().filter_map(|cell| cell.other.as_ref()).collect::<BTreeSet<_>>().len() as u64,
        ..FindingTotals::default()
    };
    totals.first_time_us = by_day.iter().filter_map(|cell| cell.span[0]).min();
    totals.last_time_us = by_day.iter().filter_map(|cell| cell.span[1]).max();
    let mut levels = grouped(&by_day, |cell| Some(cell.rank.to_string()), |_, _| {});
    levels.sort_by_key(|group| std::cmp::Reverse(group.severity));
    Ok(FindingSummary {
        totals,
        levels,
        statuses: grouped(&by_day, |cell| Some(cell.status.clone()), |group, status| group.statuses = vec![status]),
        rules: grouped(&by_day, |cell| Some(cell.rule_id.clone()), |group, rule| group.rule_id = Some(rule)),
        hosts: grouped(&by_host, |cell| cell.other.clone(), |group, host| group.host = Some(host)),
        days: grouped(&by_day, |cell| cell.other.clone(), |group, day| group.day = Some(day)),
    })
}

/// One pass over the findings. `other` is an expression over them and what is joined.
fn cells(connection: &Connection, filter: &FilterSql, other: &str, join: &str) -> Result<Vec<CountedFindings>, StoreError> {
    let sql = format!(
        "SELECT {RANK}, r.rule_id, r.title, g.other, g.status, g.findings, g.first_id, g.first, g.last FROM (
             SELECT f.rule AS rule, {other} AS other, {STATUS} AS status, count(*) AS findings, min(f.id) AS first_id,
                 min(f.first_time_us) AS first, max(f.last_time_us) AS last
             FROM finding f JOIN rule r ON r.id = f.rule LEFT JOIN triage t ON t.finding_id = f.finding_id {join} WHERE {}
             GROUP BY f.rule, 2, 3) g
         JOIN rule r ON r.id = g.rule ORDER BY g.rule, 4, 5",
        filter.condition
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(&filter.parameters), |row| {
        Ok(CountedFindings {
            rank: row.get(0)?,
            rule_id: row.get(1)?,
            title: row.get(2)?,
            other: row.get(3)?,
            status: row.get(4)?,
            findings: row.get::<_, i64>(5)?.unsigned_abs(),
            first_id: row.get(6)?,
            span: [row.get(7)?, row.get(8)?],
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Groups of cells with a key, the most findings first.
fn grouped(
    cells: &[CountedFindings],
    key: impl Fn(&CountedFindings) -> Option<String>,
    name: impl Fn(&mut FindingGroup, String),
) -> Vec<FindingGroup> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for (key, cell) in cells.iter().filter_map(|cell| Some((key(cell)?, cell))) {
        let sum = sums.entry(key).or_default();
        sum.rank = sum.rank.max(cell.rank);
        sum.findings += cell.findings;
        sum.rules.insert(cell.rule_id.clone());
        if sum.first_id.is_none_or(|first| cell.first_id < first) {
            (sum.first_id, sum.title) = (Some(cell.first_id), Some(cell.title.clone()));
        }
    }
    let mut groups: Vec<FindingGroup> = sums
        .into_iter()
        .map(|(key, sum)| {
            let level = usize::try_from(sum.rank).ok().and_then(|rank| Level::ALL.get(rank.checked_sub(1)?));
            let mut group = FindingGroup {
                severity: level.copied(),
                rule_title: sum.title,
                rules: sum.rules.len() as u64,
                findings: sum.findings,
                finding_id: sum.first_id.unwrap_or_default(),
                ..FindingGroup::default()
            };
            name(&mut group, key);
            group
        })
        .collect();
    // As `FindingOrder::Count` orders groups; titles tell rules apart that have as many.
    groups.sort_by(|a, b| {
        let title = |group: &FindingGroup| group.rule_id.as_ref().and(group.rule_title.clone());
        let most = b.findings.cmp(&a.findings).then_with(|| b.severity.cmp(&a.severity));
        most.then_with(|| title(a).cmp(&title(b)))
            .then_with(|| (&a.host, &a.day).cmp(&(&b.host, &b.day)))
            .then(a.finding_id.cmp(&b.finding_id))
    });
    groups
}
