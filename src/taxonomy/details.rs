//! What happened in an event, in few words: the fields that tell it, by event type.

use std::sync::Arc;

use super::selector::Selector;
use super::{fault, texts};
use crate::catalog::EventType;
use crate::diag::{Diagnostic, SourceText};
use crate::yaml::Node;

/// The fields that tell what happened in events of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct EventDetails {
    events: Selector,
    /// In the order in which they are shown.
    pub fields: Vec<DetailField>,
    /// Fields whose values are the users of a finding.
    pub users: Vec<String>,
}

/// One of these fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailField {
    /// What it is called.
    pub label: String,
    /// The fields of the event that may hold it: the first with a value counts.
    pub names: Vec<String>,
    /// Whether only its first line is shown: scripts are long.
    pub first_line: bool,
}

impl EventDetails {
    pub(super) fn parse(source: &Arc<SourceText>, node: &Node) -> Result<Self, Diagnostic> {
        let events = node.get("events").ok_or_else(|| fault(source, node, "`events` is missing"))?;
        let list = |key: &str| node.get(key).map_or_else(|| Ok(Vec::new()), |node| texts(source, node));
        let lines = list("lines")?;
        let mut fields = Vec::new();
        for (label, names) in node.get("fields").map(Node::entries).unwrap_or_default() {
            let first_line = lines.contains(&label.text);
            fields.push(DetailField { label: label.text.clone(), names: texts(source, names)?, first_line });
        }
        if let Some(unknown) = lines.iter().find(|label| !fields.iter().any(|field| field.label == **label)) {
            return Err(fault(source, node, format!("`lines` names {unknown}, which is not a label")));
        }
        Ok(Self { events: Selector::parse(source, events, "")?, fields, users: list("users")? })
    }

    pub(super) fn breadth(&self) -> u8 {
        self.events.breadth()
    }

    pub(super) fn is_of(&self, event_type: &EventType) -> bool {
        self.events.selects(event_type)
    }

    /// The field that a name of the event belongs to.
    pub fn field(&self, name: &str) -> Option<&DetailField> {
        self.fields.iter().find(|field| field.names.iter().any(|own| own.eq_ignore_ascii_case(name)))
    }
}
