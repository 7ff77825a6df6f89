//! Values for the placeholders of `expand`.

use std::collections::BTreeMap;

use super::super::item::{Binding, Item, ItemValue};
use super::super::text::{Piece, Text};
use super::parameters::Parameters;
use crate::yaml::Node;

/// Which placeholders get values, and which.
#[derive(Debug, Clone)]
pub(super) struct Placeholders {
    include: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    replacement: Replacement,
}

/// What placeholders are replaced by.
#[derive(Debug, Clone)]
pub(super) enum Replacement {
    /// `vars` of the pipeline; a name that is not there stays for later items and for the user's own values.
    Vars,
    Wildcard,
    Values(Vec<String>),
}

impl Placeholders {
    pub(super) fn read(p: &mut Parameters<'_, '_, '_>, replacement: Replacement) -> Option<Self> {
        let (include, exclude) = (p.optional_texts("include"), p.optional_texts("exclude"));
        let (include, exclude) = (include?, exclude?);
        if include.is_some() && exclude.is_some() {
            let span = p.node.get("exclude").map_or(p.head.clone(), |node| node.span.clone());
            return p.fail(&span, "`include` and `exclude` exclude each other");
        }
        Some(Self { include, exclude, replacement })
    }

    /// Binds the placeholders of an item; what it returns decides what the rule means now.
    pub(super) fn bind(&self, item: &mut Item<'_>, vars: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let mut trace = Vec::new();
        for name in names(item) {
            let excluded = self.exclude.as_ref().is_some_and(|names| names.contains(&name));
            let included = self.include.as_ref().is_none_or(|names| names.contains(&name));
            if excluded || !included || item.bindings.contains_key(&name) {
                continue;
            }
            let binding = match &self.replacement {
                Replacement::Vars => vars.get(&name).cloned().map(Binding::Values),
                Replacement::Wildcard => Some(Binding::Wildcard),
                Replacement::Values(values) => Some(Binding::Values(values.clone())),
            };
            if let Some(binding) = binding {
                trace.push(format!("%{name}%={binding:?}"));
                item.bindings.insert(name, binding);
            }
        }
        trace
    }
}

/// The placeholders of an item.
fn names(item: &Item<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |text: &Text| {
        for piece in &text.0 {
            if let Piece::Placeholder(name) = piece
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
    };
    for value in &item.values {
        match value {
            ItemValue::Finished(texts, _) => texts.iter().for_each(&mut add),
            ItemValue::Node(node) if item.key.modifiers.expand => {
                add(&Text::parse_with_placeholders(Node::as_str(node).unwrap_or("")));
            }
            ItemValue::Node(_) => {}
        }
    }
    names
}
