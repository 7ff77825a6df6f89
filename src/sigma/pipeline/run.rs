//! Pipelines over one rule or correlation, item by item.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::context::ReadContext;
use super::super::detection;
use super::super::item::{Detection, Item};
use super::condition::{Name, references};
use super::draft::{Added, Draft, Progress};
use super::transformation::{PipelineItem, Transformation};
use crate::ir::Scope;
use crate::yaml::{Key, Node, Style, Value};

/// One item of a pipeline while it runs.
pub(super) struct Run<'a> {
    pub(super) item: &'a PipelineItem,
    vars: &'a BTreeMap<String, Vec<String>>,
    /// Where an error about the whole is reported.
    pub(super) head: &'a Range<usize>,
}

/// What became of an item of a rule.
pub(super) enum ItemChange<'n> {
    /// It stays as it was.
    Same,
    /// It was changed in place.
    Changed,
    /// It is to be replaced.
    Became(Detection<'n>),
}

/// Runs all pipelines over a rule. It ends at the first error, which is reported.
pub(in crate::sigma) fn run(context: &mut ReadContext<'_>, draft: &mut Draft<'_>) {
    let options = context.options;
    let head = draft.head.clone();
    let before = context.errors();
    for pipeline in options.pipelines.list.iter() {
        for item in &pipeline.items {
            apply(context, draft, &Run { item, vars: &pipeline.vars, head: &head });
            if context.errors() > before {
                return;
            }
        }
    }
}

fn apply(context: &mut ReadContext<'_>, draft: &mut Draft<'_>, run: &Run<'_>) {
    if !run.item.rule.hold(|test| test.holds(draft)) {
        return;
    }
    let before = context.errors();
    draft.progress.applied.extend(run.item.id.clone());
    let changed = match &run.item.transformation {
        Transformation::MapFields(map) => {
            map.map_output(run, &mut draft.progress, &mut draft.output_fields);
            let groups = draft.grouping.as_mut().is_some_and(|own| map.map_grouping(run, &mut draft.progress, own, context));
            let items = each(draft, run, &mut |progress, item| map.map_item(run, progress, item));
            groups || items
        }
        Transformation::AddCondition { detection, template, negated } => add(context, draft, run, detection, *template, *negated),
        Transformation::ChangeLogSource(scope) if !draft.is_correlation => {
            draft.scopes = vec![scope.clone()];
            true
        }
        Transformation::ChangeLogSource(_) => false,
        Transformation::DropItem => each(draft, run, &mut |_, _| ItemChange::Became(Detection::Any(Vec::new()))),
        Transformation::Placeholders(placeholders) => each(draft, run, &mut |_, item| {
            let trace = placeholders.bind(item, run.vars);
            let changed = if trace.is_empty() { ItemChange::Same } else { ItemChange::Changed };
            trace.into_iter().for_each(|text| context.trace(text));
            changed
        }),
        Transformation::ChangeValues(change) => {
            each(draft, run, &mut |progress, item| if change.apply(progress, item) { ItemChange::Changed } else { ItemChange::Same })
        }
        Transformation::Hashes(hashes) => {
            each(draft, run, &mut |_, item| hashes.apply(run, context, item).map_or(ItemChange::Same, ItemChange::Became))
        }
        Transformation::Nest(items) => {
            for item in items {
                apply(context, draft, &Run { item, ..*run });
                if context.errors() > before {
                    break;
                }
            }
            false
        }
        other => {
            about_rule(context, draft, run, other);
            false
        }
    };
    if draft.progress.is_exhausted() && context.errors() == before {
        let message = "the rule is too large after the pipelines";
        context.error_with(run.head, "sigma-rule-limit", message, format!("the pipeline at {} exceeds the limit", run.item.place));
    }
    if changed {
        context.trace(run.item.hash.clone());
    }
}

/// What refuses a rule, and what has no effect on what it finds.
fn about_rule(context: &mut ReadContext<'_>, draft: &mut Draft<'_>, run: &Run<'_>, transformation: &Transformation) {
    let fail = |context: &mut ReadContext<'_>, span: &Range<usize>, message: &str| {
        context.error_with(span, "sigma-pipeline-failure", message.trim(), format!("the pipeline at {} refuses it", run.item.place));
    };
    let outputs = &mut draft.output_fields;
    match transformation {
        Transformation::RuleFailure(message) => fail(context, run.head, message),
        Transformation::ItemFailure(message) => {
            each(draft, run, &mut |_, item| {
                fail(context, &item.key.span, message);
                ItemChange::Same
            });
        }
        Transformation::StrictFields => strict(context, draft, run),
        Transformation::SetState(key, value) => {
            draft.progress.state.insert(key.clone(), value.clone());
        }
        Transformation::SetAttribute(name, value) => {
            draft.progress.attributes.insert(name.clone(), value.clone());
        }
        Transformation::AddOutput(fields) => outputs.extend(fields.iter().cloned()),
        Transformation::RemoveOutput(fields) => outputs.retain(|field| !fields.contains(field)),
        Transformation::SetOutput(fields) => outputs.clone_from(fields),
        _ => {}
    }
}

/// Refuses a rule with a field that no mapping of the pipelines knows.
fn strict(context: &mut ReadContext<'_>, draft: &Draft<'_>, run: &Run<'_>) {
    let mut unmapped: Vec<&str> = Vec::new();
    for detection in draft.all_detections() {
        detection.each(&mut |item| {
            if let Some(field) = item.key.field.as_deref()
                && !draft.progress.mapped.contains(field)
                && !unmapped.contains(&field)
            {
                unmapped.push(field);
            }
        });
    }
    if !unmapped.is_empty() {
        let message = format!("no mapping has these fields: {}", unmapped.join(", "));
        let hint = format!("the pipeline at {} refuses fields that are not mapped", run.item.place);
        context.error_with(run.head, "sigma-pipeline-unmapped", message, hint);
    }
}

/// Changes every item that meets the conditions; true where one changed.
fn each<'n>(draft: &mut Draft<'n>, run: &Run<'_>, change: &mut dyn FnMut(&mut Progress, &mut Item<'n>) -> ItemChange<'n>) -> bool {
    let Draft { detections, added, progress, .. } = draft;
    let own = detections.iter_mut().flatten().map(|named| &mut named.detection);
    let all = own.chain(added.iter_mut().map(|added| &mut added.detection));
    let mut any = false;
    all.for_each(|detection| {
        detection.replace(&mut |item| {
            if progress.is_exhausted() || !meets(run, progress, item) {
                return None;
            }
            match change(progress, item) {
                ItemChange::Same => None,
                ItemChange::Changed => {
                    any = true;
                    item.applied.extend(run.item.id.clone());
                    None
                }
                ItemChange::Became(mut other) => {
                    any = true;
                    other.replace(&mut |item| {
                        progress.make(item.values.len());
                        item.applied.extend(run.item.id.clone());
                        None
                    });
                    Some(other)
                }
            }
        });
    });
    any
}

/// Whether an item, and its field or one that it refers to, meet the conditions.
fn meets(run: &Run<'_>, progress: &Progress, item: &Item<'_>) -> bool {
    let field = |name: &Name<'_>| run.item.field.hold(|test| test.holds(name, progress));
    run.item.item.hold(|test| test.holds(item, progress))
        && (field(&Name::of_item(item)) || references(item).any(|name| field(&Name::of(name, progress))))
}

/// Adds a condition to a rule; true where it did.
fn add(context: &mut ReadContext<'_>, draft: &mut Draft<'_>, run: &Run<'_>, detection: &Node, template: bool, negated: bool) -> bool {
    if draft.is_correlation {
        return false;
    }
    let scope = draft.scopes.first().filter(|_| template);
    let node = moved(detection, run.head, scope);
    let mut detection = detection::read(context, "conditions", &node).detach();
    detection.replace(&mut |item| {
        item.applied.extend(run.item.id.clone());
        None
    });
    draft.added.push(Added { detection, negated });
    true
}

/// A copy of a part of another file, as if it stood at `span`; with `scope`, a template is filled in.
pub(in crate::sigma) fn moved(node: &Node, span: &Range<usize>, scope: Option<&Scope>) -> Node {
    let value = match &node.value {
        Value::String(text) => Value::String(scope.map_or_else(|| text.clone(), |scope| filled(text, scope))),
        Value::Sequence(members) => Value::Sequence(members.iter().map(|member| moved(member, span, scope)).collect()),
        Value::Mapping(entries) => {
            let entry = |(key, node): &(Key, Node)| (Key { text: key.text.clone(), span: span.clone() }, moved(node, span, scope));
            Value::Mapping(entries.iter().map(entry).collect())
        }
        other => other.clone(),
    };
    let style = if matches!(value, Value::Sequence(_) | Value::Mapping(_)) { node.style } else { Style::Alias };
    Node { value, span: span.clone(), style }
}

/// Puts the parts of a log source in the place of `$category`, `${product}` and `$service`. One that the rule does not
/// have is empty; `$$` is a dollar sign, any other `$` stays.
fn filled(text: &str, scope: &Scope) -> String {
    let Scope::LogSource { product, category, service } = scope else { return filled(text, &NO_LOG_SOURCE) };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let length = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, behind) = braced.unwrap_or((&after[..length], &after[length..]));
        let value = match name {
            "product" => Some(product),
            "category" => Some(category),
            "service" => Some(service),
            _ => None,
        };
        rest = match value {
            Some(value) => {
                out.push_str(value.as_deref().unwrap_or(""));
                behind
            }
            None => {
                out.push('$');
                after.strip_prefix('$').unwrap_or(after)
            }
        };
    }
    out.push_str(rest);
    out
}

const NO_LOG_SOURCE: Scope = Scope::LogSource { product: None, category: None, service: None };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_in() {
        let scope = Scope::LogSource { product: Some("windows".into()), category: None, service: Some("sysmon".into()) };
        assert_eq!(filled("$product-${service}_$category;$$1 $other $", &scope), "windows-sysmon_;$1 $other $");
        assert_eq!(filled("x$product", &Scope::Any), "x");
    }
}
