//! Where a rule comes from: its file, and the places in it that messages point at.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diag::SourceText;

/// A field that a rule speaks of beside its condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// Its name.
    pub name: String,
    /// As what.
    pub kind: MentionKind,
    /// Where.
    pub span: Range<usize>,
}

/// As what a rule mentions a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MentionKind {
    /// A token of the risk message; the place has its `$`.
    Message,
    /// What carries the risk.
    RiskObject,
    /// What the risk comes from.
    ThreatObject,
}

/// The text of a rule and places in it, as bytes. A place is empty where the text has nothing of the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOrigin {
    /// The file.
    #[serde(with = "crate::serial::shared")]
    pub source: Arc<SourceText>,
    /// The rule's id.
    pub id: Range<usize>,
    /// What says which events it is asked of: the key `logsource`, `search` or `correlation`, or the search of a page.
    pub scope: Range<usize>,
    /// Product, category and service of a Sigma log source.
    pub log_source: [Range<usize>; 3],
    /// The names of fields where the rule has them first, as the query spells them.
    pub fields: BTreeMap<String, Range<usize>>,
    /// The fields that a Splunk detection speaks of, in the order of kinds and text.
    pub mentions: Vec<Mention>,
    /// The key under which a Splunk detection names its risk objects; none where it has no such key.
    pub risk: Option<Range<usize>>,
    /// Where a Sigma rule says that its regression test is.
    pub regression_test: Option<String>,
}

impl RuleOrigin {
    /// A rule of a text, without places.
    pub fn of(source: &Arc<SourceText>) -> Self {
        Self {
            source: source.clone(),
            id: 0..0,
            scope: 0..0,
            log_source: [0..0, 0..0, 0..0],
            fields: BTreeMap::new(),
            mentions: Vec::new(),
            risk: None,
            regression_test: None,
        }
    }

    /// Where a field is named first. A search has no places of its own: there it is the first whole word behind the scope.
    pub fn field(&self, name: &str) -> Option<Range<usize>> {
        if let Some(place) = self.fields.get(name) {
            return Some(place.clone());
        }
        let text = &self.source.text;
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '{' | '}');
        let start = self.scope.start.min(text.len());
        let found = text.get(start..)?.match_indices(name).map(|(at, _)| start + at);
        // `user` must not point at `src_user`.
        let whole = |at: &usize| !text[..*at].ends_with(is_word) && !text[*at + name.len()..].starts_with(is_word);
        found.into_iter().find(whole).filter(|_| self.fields.is_empty() && !name.is_empty()).map(|at| at..at + name.len())
    }
}
