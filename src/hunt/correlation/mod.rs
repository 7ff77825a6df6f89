//! Correlations in a hunt: the events that the scan found for their inputs, as rows through a sliding window.
//!
//! What a window, an alert and a finding are is defined in [`crate::ir::Correlation`].

mod chain;
mod evidence;
mod fields;
mod judge;
mod number;
mod rows;
#[cfg(test)]
mod tests;
mod texts;
mod window;

use rustc_hash::FxHashSet;
use serde_json::Value;

use crate::catalog::{Catalog, EventId};
use crate::event::format_time;
use crate::ir::{Correlation, Field, InputSource};
use crate::plan::{Plan, plan_fields};
use crate::store::{EVIDENCE_CAP, Finding, SqlValue, Store};
use crate::taxonomy::Taxonomy;

use super::HuntError;
use super::finding::{ids, whole};
use chain::{AskedFields, asked_of_events};
use evidence::{Behind, CorrelationResult, behind, is_plain};
use fields::FieldReader;
pub use rows::LeftOut;
use rows::{Interned, MatchCollector, fields_of};
use window::{MatchRow, Merged, slide};

/// The plan of an input that is a query: (correlation, input, plan).
pub(super) type InputPlan = (usize, usize, Plan);

/// Plans the queries of correlations against a catalog, with the fields that they and later ones need of the events.
pub fn plan_inputs(correlations: &[Correlation], catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<(usize, usize, Plan)> {
    let asked = asked_of_events(correlations);
    let mut plans = Vec::new();
    for (index, correlation) in correlations.iter().enumerate() {
        for (number, input) in correlation.inputs.iter().enumerate() {
            if let InputSource::Query(query) = &input.source {
                let fields: Vec<_> = fields_of(input).chain(&asked[index]).cloned().collect();
                plans.push((index, number, plan_fields(query, &fields, catalog, taxonomy)));
            }
        }
    }
    plans
}

/// A finding of a correlation.
fn finding(
    correlation: &Correlation,
    rule_index: usize,
    group: Vec<(String, String)>,
    (window_start_us, behind): (Option<i64>, Behind),
    windows: impl Iterator<Item = (&'static str, Value)>,
) -> Finding {
    let keys = group.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
    let columns = keys.chain(windows.map(|(name, value)| (name.to_owned(), value))).collect();
    Finding {
        rule_index,
        group,
        ordinal: 0,
        window_start_us,
        event: None,
        count: behind.count,
        first_time_us: behind.first_us,
        last_time_us: behind.last_us,
        risk_score: correlation.meta.effective_risk_score(),
        message: correlation.meta.title.clone(),
        risk_objects: Vec::new(),
        columns,
        evidence: behind.evidence,
    }
}

/// The finding of a row of a correlation's statement ([`crate::sql::portable_correlation`] has the columns).
pub(super) fn correlated(correlation: &Correlation, rule_index: usize, values: &[SqlValue]) -> Finding {
    let (keys, own) = values.split_at(correlation.group_by.len());
    let text = |value: &SqlValue| if let SqlValue::Text(text) = value { text.clone() } else { String::new() };
    let group = correlation.group_by.iter().cloned().zip(keys.iter().map(text)).collect();
    let number = |place: usize| whole(&own[place]);
    let time = |place: usize| number(place).map_or(Value::Null, |us| format_time(us).into());
    let mut seen = FxHashSet::default();
    let behind = Behind {
        count: number(0).and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        first_us: number(1),
        last_us: number(2),
        evidence: ids(&own[6]).into_iter().filter(|id| seen.insert(*id)).take(EVIDENCE_CAP).collect(),
    };
    let windows = [("first_window", time(3)), ("last_window", time(4)), ("windows", number(5).into())];
    finding(correlation, rule_index, group, (number(1), behind), windows.into_iter())
}

/// Runs correlations one after the other.
pub(super) struct Correlator<'a> {
    correlations: &'a [Correlation],
    reader: FieldReader<'a>,
    interned: Interned,
    outcomes: Vec<CorrelationResult>,
    /// For each correlation what later ones ask of its events.
    asked: Vec<Vec<Field>>,
    findings: i64,
}

impl<'a> Correlator<'a> {
    /// Starts before the first correlation.
    pub(super) fn new(store: &'a Store, catalog: &'a Catalog, correlations: &'a [Correlation]) -> Self {
        Self {
            correlations,
            reader: FieldReader::new(store, catalog),
            interned: Interned::default(),
            outcomes: Vec::new(),
            asked: asked_of_events(correlations),
            findings: 0,
        }
    }

    /// Runs the next correlation. `inputs` are its queries: (input, plan, events that the scan found).
    /// Returns the findings, with `rule_index` as their rule, where it makes any.
    pub(super) fn next(&mut self, inputs: &[(usize, &Plan, &[EventId])], rule_index: usize) -> Result<(Vec<Finding>, LeftOut), HuntError> {
        let index = self.outcomes.len();
        let correlation = &self.correlations[index];
        let asked = AskedFields { fields: std::mem::take(&mut self.asked[index]), ..AskedFields::default() };
        let mut rows = MatchCollector::new(correlation, asked);
        for (input, plan, matched) in inputs {
            rows.add_events(*input, plan, matched, &mut self.reader, &mut self.interned)?;
        }
        for (input, own) in correlation.inputs.iter().enumerate() {
            if let InputSource::Correlation(earlier) = own.source {
                rows.add_alerts(input, earlier, self.correlations, &self.outcomes, &mut self.interned);
            }
        }
        let (rows, asked, left_out) = rows.finish();
        let (alerts, findings) = slide(&rows, correlation.window_us, &mut |group| judge::judge(correlation, group));
        let shown = findings.iter().map(|finding| self.shown(&rows, finding)).collect();
        let plain = is_plain(correlation, &rows);
        let outcome = CorrelationResult { rows, alerts, findings, shown, plain, first_finding: self.findings, asked };
        self.findings += i64::try_from(outcome.findings.len()).expect("few findings");
        self.outcomes.push(outcome);
        Ok((if correlation.reports { self.report(index, rule_index) } else { Vec::new() }, left_out))
    }

    /// The group of a finding in the spelling of its first event; of several at that time the smallest in text order.
    fn shown(&self, rows: &[MatchRow], finding: &Merged) -> u32 {
        let own = &rows[finding.first..finding.end];
        let first = own.iter().take_while(|row| row.time_us == own[0].time_us).map(|row| row.shown);
        let texts = |shown: &u32| -> Vec<&str> {
            self.interned.tuples.tuple(*shown).iter().map(|spelling| self.interned.texts.text(*spelling)).collect()
        };
        first.min_by(|a, b| texts(a).cmp(&texts(b))).expect("a finding has rows")
    }

    fn report(&self, index: usize, rule_index: usize) -> Vec<Finding> {
        let (correlation, outcome) = (&self.correlations[index], &self.outcomes[index]);
        let mut findings = Vec::with_capacity(outcome.findings.len());
        for (merged, shown) in outcome.findings.iter().zip(&outcome.shown) {
            let behind = behind(self.correlations, &self.outcomes, index, merged);
            let texts = self.interned.tuples.tuple(*shown).iter().map(|spelling| self.interned.texts.text(*spelling).to_owned());
            let group: Vec<(String, String)> = correlation.group_by.iter().cloned().zip(texts).collect();
            let (first, last) = (outcome.alerts[merged.alerts.0], outcome.alerts[merged.alerts.1 - 1]);
            let ends = |end: usize| format_time(outcome.rows[end - 1].time_us);
            let windows = [("first_window", ends(first.end).into()), ("last_window", ends(last.end).into())];
            let windows = windows.into_iter().chain([("windows", (merged.alerts.1 - merged.alerts.0).into())]);
            let start_us = Some(outcome.rows[merged.first].time_us);
            findings.push(finding(correlation, rule_index, group, (start_us, behind), windows));
        }
        // In the order of time, not of the numbers that groups happened to get.
        findings.sort_by(|a, b| (a.window_start_us, &a.group).cmp(&(b.window_start_us, &b.group)));
        findings
    }
}
