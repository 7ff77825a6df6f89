//! Detections: maps (all items), lists of maps (any), lists of keywords (any), and their mixtures.

use super::context::Context;
use super::modifier::{self, ItemKey, Modifiers};
use super::value::{self, all, any};
use crate::ir::Pred;
use crate::yaml::{Node, Value};

/// Lowers one detection; `None` after an error.
pub(super) fn lower(context: &mut Context<'_>, name: &str, node: &Node) -> Option<Pred> {
    match &node.value {
        Value::Sequence(members) if !members.is_empty() => {
            let preds: Vec<Option<Pred>> = members.iter().map(|member| lower_member(context, member)).collect();
            Some(any(preds.into_iter().collect::<Option<_>>()?))
        }
        Value::Mapping(entries) if !entries.is_empty() => lower_map(context, node),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
            context.error(&node.span, "sigma-empty-detection", format!("the detection `{name}` is empty"));
            None
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => lower_member(context, node),
    }
}

fn lower_member(context: &mut Context<'_>, node: &Node) -> Option<Pred> {
    match &node.value {
        Value::Mapping(entries) if !entries.is_empty() => lower_map(context, node),
        Value::Mapping(_) | Value::Sequence(_) => {
            let message = format!("a member of a detection list is a map or a keyword, not this {}", node.value.kind());
            context.error(&node.span, "sigma-nested-value", message);
            None
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let key = ItemKey { field: None, modifiers: Modifiers::default(), span: node.span.clone() };
            value::lower_item(context, &key, node)
        }
    }
}

fn lower_map(context: &mut Context<'_>, node: &Node) -> Option<Pred> {
    let mut preds = Vec::with_capacity(node.entries().len());
    for (key, values) in node.entries() {
        let pred = modifier::read(context, key).and_then(|key| value::lower_item(context, &key, values));
        preds.push(pred);
    }
    Some(all(preds.into_iter().collect::<Option<_>>()?))
}
