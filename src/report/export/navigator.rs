//! A layer of ATT&CK Navigator: techniques with the number of their findings.
//!
//! Layer format 4.5 (`layers/spec/v4.5/layerformat.md` of the Navigator). No tactic is named, so that a technique is marked under each of
//! its tactics.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::store::FindingRow;
use crate::taxonomy::AttackMatrix;

/// The layer format.
const LAYER: &str = "4.5";
/// The Navigator that the layer is written for; it reads the format since 4.9.
const NAVIGATOR: &str = "5.2.0";
/// From one finding to the most of a technique.
const COLOURS: [&str; 2] = ["#fff7b3", "#e60d0d"];
/// Rules that a technique's comment names; it is a hint that is shown over a cell.
const NAMED_RULES: usize = 10;

/// Collects findings for a layer.
#[derive(Debug, Default)]
pub struct Navigator {
    /// By technique: findings by the title of their rule.
    techniques: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Navigator {
    /// Adds a finding to each of its techniques.
    pub fn add(&mut self, finding: &FindingRow) {
        for id in AttackMatrix::embedded().techniques_of(&finding.techniques) {
            *self.techniques.entry(id).or_default().entry(finding.rule_title.clone()).or_default() += 1;
        }
    }

    /// The layer. `name`: what the Navigator shows on its tab.
    pub fn layer(&self, name: &str) -> Value {
        let scores: Vec<u64> = self.techniques.values().map(|rules| rules.values().sum()).collect();
        let techniques: Vec<Value> = self
            .techniques
            .iter()
            .zip(&scores)
            .map(|((id, rules), score)| json!({ "techniqueID": id, "score": score, "comment": comment(rules), "enabled": true }))
            .collect();
        json!({
            "name": name,
            "versions": { "attack": AttackMatrix::embedded().version(), "navigator": NAVIGATOR, "layer": LAYER },
            "domain": "enterprise-attack",
            "description": "Techniques of the findings of retrohunt. The score is their number.",
            "sorting": 3,
            "layout": { "layout": "side", "showID": true, "showName": true, "expandedSubtechniques": "annotated" },
            "techniques": techniques,
            // The upper bound must be above the lower one, also where nothing was found.
            "gradient": { "colors": COLOURS, "minValue": 0, "maxValue": scores.iter().max().copied().unwrap_or(1) },
            "legendItems": [],
        })
    }
}

/// The rules, most findings first.
fn comment(rules: &BTreeMap<String, u64>) -> String {
    let mut by_number: Vec<(&String, &u64)> = rules.iter().collect();
    by_number.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let mut lines: Vec<String> = by_number.iter().take(NAMED_RULES).map(|(title, count)| format!("{count} {title}")).collect();
    if by_number.len() > NAMED_RULES {
        lines.push(format!("and {} more rules", by_number.len() - NAMED_RULES));
    }
    lines.join("\n")
}
