//! Files of several documents: plain ones, and the `action` documents that share parts with those after them.
//!
//! `global` holds keys that every later document gets unless it has its own (maps are merged, anything else is
//! replaced), `reset` forgets them, and `repeat` is the document before with this one's keys over it.

use super::context::Context;
use super::rule;
use crate::ir::Rule;
use crate::yaml::{Node, Value};

/// Reads all documents of a file.
pub(super) fn read(context: &mut Context<'_>, documents: &[Node]) -> Vec<Rule> {
    let hash = rule::hash(&context.source.text);
    let mut rules = Vec::new();
    let mut global: Option<Node> = None;
    let mut previous: Option<Node> = None;
    for document in documents {
        if document.is_null() {
            continue;
        }
        if !matches!(document.value, Value::Mapping(_)) {
            let message = format!("a rule is a map, not a {}", document.value.kind());
            context.error(&document.span, "sigma-type", message);
            continue;
        }
        let action = document.entry("action").map(|(_, node)| (node.as_str().unwrap_or(""), node.span.clone()));
        let merged = match (action.as_ref().map(|(name, _)| *name), &global, &previous) {
            (Some("global"), ..) => {
                global = Some(match global.take() {
                    Some(base) => merge(&base, document),
                    None => document.clone(),
                });
                previous = None;
                continue;
            }
            (Some("reset"), ..) => {
                global = None;
                previous = None;
                // A reset may carry a rule of its own.
                if document.get("detection").is_none() {
                    continue;
                }
                document.clone()
            }
            (Some("repeat"), _, Some(base)) => merge(base, document),
            (Some("repeat"), _, None) => {
                let span = action.map_or(document.span.clone(), |(_, span)| span);
                context.error(&span, "sigma-action", "`action: repeat` without a rule before it");
                continue;
            }
            (Some(other), ..) => {
                let message = format!("there is no action `{other}`: it is `global`, `repeat` or `reset`");
                let span = action.as_ref().map_or(document.span.clone(), |(_, span)| span.clone());
                context.error(&span, "sigma-action", message);
                continue;
            }
            (None, Some(base), _) => merge(base, document),
            (None, None, _) => document.clone(),
        };
        rules.extend(read_one(context, &merged, &hash));
        previous = Some(merged);
    }
    if rules.is_empty() && context.errors() == 0 {
        context.error(&(0..0), "sigma-no-rule", "the file holds no rule");
    }
    rules
}

fn read_one(context: &mut Context<'_>, document: &Node, hash: &str) -> Option<Rule> {
    for (key, code, what) in [
        ("correlation", "sigma-unsupported-correlation", "correlation rules are not supported"),
        ("filter", "sigma-unsupported-filter", "filters are not supported"),
    ] {
        if let Some((key, _)) = document.entry(key) {
            context.error(&key.span, code, what);
            return None;
        }
    }
    rule::read(context, document, hash)
}

/// Puts one document over another: maps are merged key by key, anything else is replaced. `action` is dropped.
fn merge(base: &Node, over: &Node) -> Node {
    let (Value::Mapping(below), Value::Mapping(above)) = (&base.value, &over.value) else { return over.clone() };
    let mut entries = below.clone();
    for (key, node) in above {
        match entries.iter_mut().find(|(known, _)| known.text == key.text) {
            Some((known, value)) => {
                *value = merge(value, node);
                *known = key.clone();
            }
            None => entries.push((key.clone(), node.clone())),
        }
    }
    entries.retain(|(key, _)| key.text != "action");
    Node { value: Value::Mapping(entries), span: over.span.clone(), style: over.style }
}
