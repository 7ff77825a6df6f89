//! Other names for fields: in items, in references to fields, in the groups of correlations, in the list of fields.

use std::collections::BTreeMap;

use super::super::context::ReadContext;
use super::super::item::{Detection, Item, ItemValue};
use super::super::modifier::ValueKind;
use super::condition::Name;
use super::draft::{Grouping, Progress};
use super::parameters::Parameters;
use super::run::{ItemChange, Run};
use crate::ir::CorrelationKind;
use crate::yaml::{Node, Style, Value};

/// What becomes of a field's name.
#[derive(Debug, Clone)]
pub(super) enum FieldRenaming {
    Names { names: BTreeMap<String, Vec<String>>, keywords: Option<Vec<String>> },
    Prefixes(Vec<(String, Vec<String>)>),
    Prefix(String),
    Suffix(String),
}

impl FieldRenaming {
    /// Reads `mapping` of names. A plain `null` as a name is keywords.
    pub(super) fn names(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        let (mut names, mut keywords) = (BTreeMap::new(), None);
        for (key, to) in p.mapping("mapping")? {
            let plain = p.context.source.text.get(key.span.clone()).is_some_and(|spelled| spelled == key.text);
            if plain && matches!(key.text.as_str(), "null" | "Null" | "NULL" | "~") {
                keywords = Some(to);
            } else {
                names.insert(key.text.clone(), to);
            }
        }
        Some(Self::Names { names, keywords })
    }

    /// Reads `mapping` of prefixes; the first that fits counts.
    pub(super) fn prefixes(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        let mapping = p.mapping("mapping")?;
        Some(Self::Prefixes(mapping.into_iter().map(|(key, to)| (key.text.clone(), to)).collect()))
    }

    /// The names that a field gets; `None`: it keeps its own.
    fn map(&self, field: &str) -> Option<Vec<String>> {
        match self {
            Self::Names { names, .. } => names.get(field).cloned(),
            Self::Prefixes(prefixes) => prefixes.iter().find_map(|(prefix, to)| {
                let rest = field.strip_prefix(prefix.as_str())?;
                Some(to.iter().map(|to| format!("{to}{rest}")).collect())
            }),
            Self::Prefix(prefix) => Some(vec![format!("{prefix}{field}")]),
            Self::Suffix(suffix) => Some(vec![format!("{field}{suffix}")]),
        }
    }

    /// A name that stands alone, with what is remembered of it.
    fn map_name(&self, run: &Run<'_>, progress: &mut Progress, field: &str) -> Vec<String> {
        let holds = run.item.field.hold(|test| test.holds(&Name::of(field, progress), progress));
        let Some(to) = self.map(field).filter(|_| holds) else { return vec![field.to_string()] };
        if !progress.make(to.len()) {
            return vec![field.to_string()];
        }
        let mut ids = progress.names.get(field).cloned().unwrap_or_default();
        ids.extend(run.item.id.clone());
        for name in &to {
            progress.names.entry(name.clone()).or_default().extend(ids.iter().cloned());
        }
        to
    }

    /// Changes an item.
    pub(super) fn map_item<'n>(&self, run: &Run<'_>, progress: &mut Progress, item: &mut Item<'n>) -> ItemChange<'n> {
        if item.key.modifiers.kind == ValueKind::FieldRef && item.key.modifiers.all {
            return self.map_all_references(run, progress, item);
        }
        let referred = self.map_references(run, progress, item);
        let holds = run.item.field.hold(|test| test.holds(&Name::of_item(item), progress));
        let to = match (&item.key.field, self) {
            (Some(field), _) => self.map(field),
            (None, Self::Names { keywords, .. }) => keywords.clone(),
            (None, _) => None,
        };
        let Some(to) = to.filter(|_| holds) else {
            return if referred { ItemChange::Changed } else { ItemChange::Same };
        };
        match &item.key.field {
            Some(field) => progress.mapped.extend([field.clone()]),
            None => keywords_to_values(item),
        }
        progress.mapped.extend(to.iter().cloned());
        if let [name] = to.as_slice() {
            item.key.field = Some(name.clone());
            return ItemChange::Changed;
        }
        ItemChange::Became(item.for_fields(&to))
    }

    /// All references of an item must hold, each by any of the fields that it becomes.
    fn map_all_references<'n>(&self, run: &Run<'_>, progress: &mut Progress, item: &Item<'n>) -> ItemChange<'n> {
        let mut changed = false;
        let mut parts = Vec::new();
        for mut single in item.single_values() {
            let change = self.map_item(run, progress, &mut single);
            changed |= !matches!(change, ItemChange::Same);
            parts.push(match change {
                ItemChange::Became(detection) => detection,
                ItemChange::Same | ItemChange::Changed => Detection::Item(Box::new(single)),
            });
        }
        if changed { ItemChange::Became(item.joined(parts)) } else { ItemChange::Same }
    }

    fn map_references(&self, run: &Run<'_>, progress: &mut Progress, item: &mut Item<'_>) -> bool {
        if item.key.modifiers.kind != ValueKind::FieldRef {
            return false;
        }
        let mut changed = false;
        let mut values = Vec::with_capacity(item.values.len());
        for value in std::mem::take(&mut item.values) {
            let Some(field) = value.node().and_then(Node::as_str).map(String::from) else {
                values.push(value);
                continue;
            };
            let to = self.map_name(run, progress, &field);
            if to == [field] {
                values.push(value);
                continue;
            }
            changed = true;
            let span = value.span().clone();
            let node = |name: String| Node { value: Value::String(name), span: span.clone(), style: Style::Alias };
            values.extend(to.into_iter().map(|name| ItemValue::Node(std::borrow::Cow::Owned(node(name)))));
        }
        item.values = values;
        changed
    }

    /// Changes the list of fields of a rule.
    pub(super) fn map_output(&self, run: &Run<'_>, progress: &mut Progress, fields: &mut Vec<String>) {
        *fields = std::mem::take(fields).iter().flat_map(|field| self.map_name(run, progress, field)).collect();
    }

    /// Changes the fields of a correlation; true where one has another name now. Groups may be by several fields in the
    /// place of one; a value or an alias has one field.
    pub(super) fn map_grouping(
        &self,
        run: &Run<'_>,
        progress: &mut Progress,
        grouping: &mut Grouping,
        context: &mut ReadContext<'_>,
    ) -> bool {
        let before = grouping.clone();
        let mut one = |field: &mut String| {
            let to = self.map_name(run, progress, field);
            if let [name] = to.as_slice() {
                field.clone_from(name);
            } else {
                let message =
                    format!("the pipeline at {} gives `{field}` several names, but a value and an alias have one", run.item.place);
                context.error(run.head, "sigma-pipeline-fields", message);
            }
        };
        for alias in &mut grouping.aliases {
            alias.fields.iter_mut().for_each(|(_, field)| one(field));
        }
        let is_alias = |name: &str| before.aliases.iter().any(|alias| alias.name == name);
        match &mut grouping.kind {
            CorrelationKind::ValueCount(fields) => fields.iter_mut().filter(|field| !is_alias(field)).for_each(&mut one),
            CorrelationKind::Value(_, field) if !is_alias(field) => one(field),
            _ => {}
        }
        let groups = std::mem::take(&mut grouping.group_by);
        for name in groups {
            let to = if is_alias(&name) { vec![name] } else { self.map_name(run, progress, &name) };
            let new: Vec<String> = to.into_iter().filter(|name| !grouping.group_by.contains(name)).collect();
            grouping.group_by.extend(new);
        }
        *grouping != before
    }
}

/// Keywords stand anywhere in a value; in a field they still do.
fn keywords_to_values(item: &mut Item<'_>) {
    let modifiers = &mut item.key.modifiers;
    if !modifiers.any_before && !modifiers.any_after {
        (modifiers.any_before, modifiers.any_after) = (true, true);
        for value in &mut item.values {
            if let ItemValue::Finished(texts, _) = value {
                texts.iter_mut().for_each(|text| *text = std::mem::take(text).padded(true, true));
            }
        }
    }
}
