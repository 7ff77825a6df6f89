//! Detections: maps (all items), lists of maps (any), lists of keywords (any), and their mixtures.

use std::borrow::Cow;

use super::context::ReadContext;
use super::item::{Detection, Item, ItemValue, Lowered};
use super::modifier::{self, ItemKey, Modifiers};
use super::value;
use crate::diag::Diagnostic;
use crate::ir::Pred;
use crate::yaml::{Node, Value};

/// Reads one detection.
pub(super) fn read<'n>(context: &mut ReadContext<'_>, name: &str, node: &'n Node) -> Detection<'n> {
    match &node.value {
        Value::Sequence(members) if !members.is_empty() => {
            Detection::Any(members.iter().map(|member| read_member(context, member)).collect())
        }
        Value::Mapping(entries) if !entries.is_empty() => read_map(context, node),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
            context.error(&node.span, "sigma-empty-detection", format!("the detection `{name}` is empty"));
            Detection::Broken
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => read_member(context, node),
    }
}

/// Lowers one detection.
pub(super) fn lower(context: &mut ReadContext<'_>, detection: &Detection<'_>) -> Lowered {
    match detection {
        Detection::Item(item) => Lowered::of(value::lower_item(context, item)),
        Detection::All(parts) => join(context, parts, Pred::all),
        Detection::Any(parts) => join(context, parts, Pred::any),
        Detection::Broken => Lowered::Broken,
    }
}

/// Reports what is wrong with the values of a detection that is lowered later, when pipelines have given its placeholders
/// their values.
pub(super) fn check(context: &mut ReadContext<'_>, detection: &Detection<'_>) {
    let mut probe = ReadContext::new(context.source, context.options);
    lower(&mut probe, detection);
    let known = |diagnostic: &Diagnostic| diagnostic.code != "sigma-unresolved-placeholder";
    probe.into_diagnostics().into_iter().filter(known).for_each(|diagnostic| context.add(diagnostic));
}

fn join(context: &mut ReadContext<'_>, parts: &[Detection<'_>], join: fn(Vec<Pred>) -> Pred) -> Lowered {
    let lowered: Vec<Lowered> = parts.iter().map(|part| lower(context, part)).collect();
    Lowered::join(lowered, join)
}

fn read_member<'n>(context: &mut ReadContext<'_>, node: &'n Node) -> Detection<'n> {
    match &node.value {
        Value::Mapping(entries) if !entries.is_empty() => read_map(context, node),
        Value::Mapping(_) | Value::Sequence(_) => {
            let message = format!("a member of a detection list is a map or a keyword, not this {}", node.value.kind());
            context.error(&node.span, "sigma-nested-value", message);
            Detection::Broken
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let key = ItemKey { field: None, modifiers: Modifiers::default(), span: node.span.clone() };
            item(key, node)
        }
    }
}

fn read_map<'n>(context: &mut ReadContext<'_>, node: &'n Node) -> Detection<'n> {
    let read = |(key, values)| modifier::read(context, key).map_or(Detection::Broken, |key| item(key, values));
    Detection::All(node.entries().iter().map(|(key, values)| (key, values)).map(read).collect())
}

fn item(key: ItemKey, node: &Node) -> Detection<'_> {
    let nodes = match &node.value {
        Value::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let values = nodes.iter().map(|node| ItemValue::Node(Cow::Borrowed(node))).collect();
    Detection::Item(Box::new(Item::new(key, values, node.span.clone())))
}
