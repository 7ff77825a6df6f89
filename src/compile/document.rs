//! The rule documents of a set: which texts were met, and what was said of each.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diag::{Diagnostic, SourceText};
use crate::ir::{Language, technique_id};
use crate::yaml::{Node, Value};

/// A document that is a rule (or a correlation or filter of Sigma), whether or not it compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleDocument {
    /// Its id; empty where it has none.
    pub id: String,
    /// What it calls itself; empty where it does not.
    pub name: String,
    /// The language.
    pub language: Language,
    /// The file.
    #[serde(with = "crate::serial::shared")]
    pub source: Arc<SourceText>,
    /// Where it stands in it.
    pub span: Range<usize>,
    /// The ATT&CK techniques that it names, as it has them: also where it does not compile, so that one knows what is not looked for.
    pub techniques: Vec<String>,
}

impl RuleDocument {
    /// A Splunk detection: a whole file.
    pub(super) fn splunk(source: &Arc<SourceText>, id: &str, name: &str) -> Self {
        let span = 0..source.text.len();
        let (id, name) = (id.to_owned(), name.to_owned());
        Self { id, name, language: Language::Splunk, source: source.clone(), span, techniques: Vec::new() }
    }

    /// A detection of ESCU's form.
    pub(super) fn escu(source: &Arc<SourceText>, document: &Node) -> Self {
        let text = |key: &str| document.get(key).and_then(Node::scalar_text).unwrap_or_default();
        let techniques = document.get("tags").and_then(|tags| tags.get("mitre_attack_id")).map(Node::texts).unwrap_or_default();
        let techniques = techniques.iter().filter_map(|id| technique_id(id.trim())).collect();
        Self { techniques, ..Self::splunk(source, text("id"), text("name")) }
    }

    /// The documents of a Sigma file; a file that cannot be read is one.
    pub(super) fn sigma(source: &Arc<SourceText>, documents: &[Node]) -> Vec<Self> {
        let of = |id: &str, name: &str, span| Self {
            id: id.to_owned(),
            name: name.to_owned(),
            language: Language::Sigma,
            source: source.clone(),
            span,
            techniques: Vec::new(),
        };
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::scalar_text).unwrap_or_default().to_owned();
        let rules = documents.iter().filter(|document| is_rule(document));
        let techniques = |node: &Node| {
            let tags = node.get("tags").map(Node::texts).unwrap_or_default();
            tags.iter().filter_map(|tag| technique_id(tag.trim().to_ascii_lowercase().strip_prefix("attack.")?)).collect()
        };
        let found: Vec<Self> = rules
            .map(|node| Self { techniques: techniques(node), ..of(&text(node, "id"), &text(node, "title"), node.span.clone()) })
            .collect();
        if found.is_empty() { vec![of("", "", 0..source.text.len())] } else { found }
    }
}

/// What `action: global` and `action: reset` say is for other documents.
fn is_rule(document: &Node) -> bool {
    let action = document.get("action").and_then(Node::as_str);
    let shares = action == Some("global") || (action == Some("reset") && document.get("detection").is_none());
    matches!(document.value, Value::Mapping(_)) && !shares
}

/// What was said of each document, in the order of the documents. A diagnostic belongs to the last document of its file that
/// begins in front of its place.
pub(super) fn said<'d>(documents: &[RuleDocument], diagnostics: &'d [Diagnostic]) -> Vec<Vec<&'d Diagnostic>> {
    let mut by_path: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, document) in documents.iter().enumerate() {
        by_path.entry(&document.source.path).or_default().push(index);
    }
    let mut out = vec![Vec::new(); documents.len()];
    for diagnostic in diagnostics {
        let Some(own) = diagnostic.source.as_ref().and_then(|source| by_path.get(source.path.as_str())) else { continue };
        let start = diagnostic.span.as_ref().map_or(0, |span| span.start);
        let before = own.iter().take_while(|index| documents[**index].span.start <= start).count();
        out[own[before.max(1) - 1]].push(diagnostic);
    }
    out
}
