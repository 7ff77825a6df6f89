//! Who carries the most risk: the objects of all findings, added up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{FindingFilter, FindingRow, Store, StoreError, is_somebody};

/// An object and the risk that findings put on it.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct RankedObject {
    /// As the first of its findings spells it.
    pub object: String,
    /// `user`, `system` or `other`.
    pub kind: String,
    /// The sum of its findings' scores.
    pub score: f64,
    /// How many findings there are.
    pub findings: u64,
    /// Of how many rules.
    pub rules: u64,
    /// Titles of its rules, the one that adds most first.
    pub rule_titles: Vec<String>,
    /// ATT&CK techniques of its rules.
    pub techniques: Vec<String>,
    /// Time of the first event of its findings (µs UTC).
    pub first_us: Option<i64>,
    /// Time of the last (µs UTC).
    pub last_us: Option<i64>,
}

#[derive(Default)]
struct ObjectRisk {
    ranked: RankedObject,
    /// Rule id → title and what it adds.
    rules: BTreeMap<String, (String, f64)>,
    techniques: BTreeSet<String>,
}

impl Store {
    /// The objects at risk, the highest score first; of one score by name. Names that differ in case alone are one
    /// object; what stands for an unknown name (`-`, `unknown`, `0`) is not an object.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn risk_ranking(&self, filter: &FindingFilter) -> Result<Vec<RankedObject>, StoreError> {
        let mut objects: BTreeMap<(String, String), ObjectRisk> = BTreeMap::new();
        self.each_finding::<StoreError>(filter, &mut |finding| {
            // A finding that names an object in two fields puts it at risk once.
            let mut seen = BTreeSet::new();
            for object in &finding.risk_objects {
                let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let (value, kind) = (text("value"), text("type"));
                let key = (kind.clone(), value.to_lowercase());
                if is_somebody(&value) && seen.insert(key.clone()) {
                    let score = object.get("score").and_then(Value::as_f64).or(finding.risk_score).unwrap_or_default();
                    objects.entry(key).or_default().add(&finding, value, kind, score);
                }
            }
            Ok(())
        })?;
        let mut ranked: Vec<RankedObject> = objects.into_values().map(ObjectRisk::finish).collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| (&a.kind, &a.object).cmp(&(&b.kind, &b.object))));
        Ok(ranked)
    }
}

impl ObjectRisk {
    fn add(&mut self, finding: &FindingRow, value: String, kind: String, score: f64) {
        let ranked = &mut self.ranked;
        if ranked.findings == 0 {
            (ranked.object, ranked.kind) = (value, kind);
        }
        ranked.score += score;
        ranked.findings += 1;
        ranked.first_us = ranked.first_us.into_iter().chain(finding.first_time_us).min();
        ranked.last_us = ranked.last_us.max(finding.last_time_us);
        self.techniques.extend(finding.techniques.iter().cloned());
        self.rules.entry(finding.rule_id.clone()).or_insert_with(|| (finding.rule_title.clone(), 0.0)).1 += score;
    }

    fn finish(self) -> RankedObject {
        let mut rules: Vec<(String, f64)> = self.rules.into_values().collect();
        rules.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
        RankedObject {
            rules: rules.len() as u64,
            rule_titles: rules.into_iter().map(|(title, _)| title).collect(),
            techniques: self.techniques.into_iter().collect(),
            ..self.ranked
        }
    }
}
