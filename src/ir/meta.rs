//! What a rule says about itself: identity, severity, ATT&CK, risk.

use serde::{Deserialize, Serialize};

/// The language a rule is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// Sigma YAML.
    Sigma,
    /// Splunk: ESCU YAML or a documentation page.
    Splunk,
}

impl Language {
    /// Its name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sigma => "sigma",
            Self::Splunk => "splunk",
        }
    }
}

/// Sigma's level, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the five levels of the Sigma specification")]
pub enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    /// All levels, the lowest first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The level's name as Sigma spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads a level without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text))
    }

    /// The risk score that stands for a level where a rule has none.
    ///
    /// Each lies inside its own band of [`Level::of_risk_score`], so that both languages sort into one order and back.
    fn risk_score(self) -> f64 {
        // In the middle or upper half of the band, never on its border: a later change of borders must not move a level.
        match self {
            Self::Informational => 5.0,
            Self::Low => 20.0,
            Self::Medium => 40.0,
            Self::High => 70.0,
            Self::Critical => 90.0,
        }
    }

    /// The level that a risk score stands for. The scores are ESCU's, 0 to 100; five bands of twenty are ours.
    fn of_risk_score(score: f64) -> Self {
        match score {
            score if score >= 80.0 => Self::Critical,
            score if score >= 60.0 => Self::High,
            score if score >= 40.0 => Self::Medium,
            score if score >= 20.0 => Self::Low,
            _ => Self::Informational,
        }
    }
}

/// A rule's metadata. Text fields are empty where the rule is silent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleMeta {
    /// The rule's own id (a UUID); where it has none, its path.
    pub id: String,
    /// Title.
    pub title: String,
    /// Path as the user named it.
    pub path: String,
    /// Content hash (SHA-256, hex) of the rule's file and whatever it expanded (macros): a changed rule has another.
    pub hash: String,
    /// The language.
    pub language: Option<Language>,
    /// Sigma level.
    pub level: Option<Level>,
    /// ESCU type: `TTP`, `Anomaly`, `Hunting`, `Correlation`, …
    pub detection_type: String,
    /// e.g. `stable`, `production`.
    pub status: String,
    /// What it finds.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// When, as spelled.
    pub date: String,
    /// ATT&CK techniques, upper case (`T1021.002`), in the rule's order, no duplicates.
    pub techniques: Vec<String>,
    /// ATT&CK tactics in lower-case hyphen form (`lateral-movement`), in the rule's order, no duplicates.
    pub tactics: Vec<String>,
    /// Analytic stories.
    pub stories: Vec<String>,
    /// Sigma tags, or ESCU tags as `key:value`.
    pub tags: Vec<String>,
    /// Links.
    pub references: Vec<String>,
    /// Known false positives.
    pub false_positives: Vec<String>,
    /// Risk, where the rule gives it.
    pub risk: Option<Risk>,
    /// Risk message with `$field$` tokens; empty: none.
    pub message: String,
    /// What carries the risk.
    pub risk_objects: Vec<RiskObject>,
    /// Where the rule declares the fields it needs.
    pub required_fields: Vec<String>,
}

impl RuleMeta {
    /// The rule's level; where it has none, the one that its risk score stands for.
    pub fn effective_level(&self) -> Option<Level> {
        self.level.or_else(|| self.risk.map(|risk| Level::of_risk_score(risk.score)))
    }

    /// The rule's risk score; where it has none, one that stands for its level.
    pub fn effective_risk_score(&self) -> Option<f64> {
        self.risk.map(|risk| risk.score).or_else(|| self.level.map(Level::risk_score))
    }
}

/// Reads the id of an ATT&CK technique in any case: `t1021.002` → `T1021.002`.
pub fn technique_id(text: &str) -> Option<String> {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.strip_prefix(['t', 'T'])?;
    let (main, sub) = number.split_once('.').map_or((number, None), |(main, sub)| (main, Some(sub)));
    (digits(main, 4) && sub.is_none_or(|sub| digits(sub, 3))).then(|| text.to_ascii_uppercase())
}

/// A rule's risk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// 0 to 100.
    pub score: f64,
    /// 0 to 100, where given.
    pub impact: Option<f64>,
    /// 0 to 100, where given.
    pub confidence: Option<f64>,
}

/// A field whose value carries the risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskObject {
    /// The field as the rule spells it.
    pub field: String,
    /// `user`, `system`, `other`, …
    pub kind: String,
    /// Its own score, where given.
    pub score: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::{Level, Risk, RuleMeta};

    #[test]
    fn levels_and_risk_scores_stand_for_each_other() {
        let of_score = |score| RuleMeta { risk: Some(Risk { score, impact: None, confidence: None }), ..RuleMeta::default() };
        assert_eq!(of_score(70.0).effective_level(), Some(Level::High));
        assert_eq!(of_score(9.0).effective_level(), Some(Level::Informational));
        assert_eq!(RuleMeta::default().effective_level(), None);
        assert_eq!(RuleMeta::default().effective_risk_score(), None);
        for level in [Level::Informational, Level::Low, Level::Medium, Level::High, Level::Critical] {
            let score = RuleMeta { level: Some(level), ..RuleMeta::default() }.effective_risk_score();
            assert_eq!(of_score(score.expect("a score")).effective_level(), Some(level));
        }
    }
}
