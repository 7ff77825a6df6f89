//! Detections as they are read: items with their values, not yet lowered. This is what pipelines change.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::modifier::{ItemKey, ValueKind};
use super::text::Text;
use crate::ir::Pred;
use crate::yaml::Node;

/// A detection.
#[derive(Debug, Clone)]
pub(super) enum Detection<'n> {
    Item(Box<Item<'n>>),
    All(Vec<Detection<'n>>),
    Any(Vec<Detection<'n>>),
    /// A part with an error, which is reported.
    Broken,
}

/// A detection by its name.
#[derive(Debug, Clone)]
pub(super) struct NamedDetection<'n> {
    pub(super) name: &'n str,
    /// Where its name is.
    pub(super) span: Range<usize>,
    pub(super) detection: Detection<'n>,
}

/// A key and its values.
#[derive(Debug, Clone)]
pub(super) struct Item<'n> {
    pub(super) key: ItemKey,
    pub(super) values: Vec<ItemValue<'n>>,
    /// Where the values are.
    pub(super) span: Range<usize>,
    /// What pipelines put in the place of placeholders.
    pub(super) bindings: BTreeMap<String, Binding>,
    /// Ids of the pipeline items that changed it.
    pub(super) applied: BTreeSet<String>,
}

impl<'n> Item<'n> {
    pub(super) fn new(key: ItemKey, values: Vec<ItemValue<'n>>, span: Range<usize>) -> Self {
        Self { key, values, span, bindings: BTreeMap::new(), applied: BTreeSet::new() }
    }

    /// One item for each of several fields, as one detection. What an item asks is asked of any of the fields; what it
    /// denies (`neq`, a missing field) is denied of all of them.
    pub(super) fn for_fields(&self, fields: &[String]) -> Detection<'n> {
        let exists = self.key.modifiers.kind == ValueKind::Exists;
        let is_absence =
            |value: &ItemValue<'_>| value.node().is_some_and(|node| node.is_null() || (exists && node.as_bool() == Some(false)));
        // Presence and absence join differently: one of the fields has the value, none of the fields is missing.
        let (absences, values): (Vec<_>, Vec<_>) = self.values.iter().cloned().partition(is_absence);
        let neq = self.key.modifiers.neq;
        // An empty list means a missing field too.
        let parts = if values.is_empty() {
            vec![self.over(fields, absences, !neq)]
        } else if absences.is_empty() {
            vec![self.over(fields, values, neq)]
        } else {
            vec![self.over(fields, absences, !neq), self.over(fields, values, neq)]
        };
        self.joined(parts)
    }

    fn over(&self, fields: &[String], values: Vec<ItemValue<'n>>, denied: bool) -> Detection<'n> {
        let of = |field: &String| {
            let mut item = Self { values: values.clone(), ..self.clone() };
            item.key.field = Some(field.clone());
            Detection::Item(Box::new(item))
        };
        let parts = fields.iter().map(of).collect();
        if denied { Detection::All(parts) } else { Detection::Any(parts) }
    }

    /// Parts of its values as the item joins them.
    pub(super) fn joined(&self, mut parts: Vec<Detection<'n>>) -> Detection<'n> {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        if self.key.modifiers.all != self.key.modifiers.neq { Detection::All(parts) } else { Detection::Any(parts) }
    }

    /// An item for each of its values.
    pub(super) fn single_values(&self) -> Vec<Self> {
        let of = |value: &ItemValue<'n>| {
            let mut item = Self { values: vec![value.clone()], ..self.clone() };
            item.key.modifiers.all = false;
            item
        };
        self.values.iter().map(of).collect()
    }
}

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// One of some texts, with wildcards.
    Values(Vec<String>),
    /// Anything.
    Wildcard,
}

/// A value of an item.
#[derive(Debug, Clone)]
pub(super) enum ItemValue<'n> {
    /// As written, before the modifiers.
    Node(Cow<'n, Node>),
    /// Texts after the modifiers, of which one is enough.
    Finished(Vec<Text>, Range<usize>),
}

impl<'n> ItemValue<'n> {
    pub(super) fn span(&self) -> &Range<usize> {
        match self {
            Self::Node(node) => &node.span,
            Self::Finished(_, span) => span,
        }
    }

    /// The value as the rule has it.
    pub(super) fn node(&self) -> Option<&Node> {
        match self {
            Self::Node(node) => Some(node),
            Self::Finished(..) => None,
        }
    }

    fn detach<'any>(self) -> ItemValue<'any> {
        match self {
            Self::Node(node) => ItemValue::Node(Cow::Owned(node.into_owned())),
            Self::Finished(texts, span) => ItemValue::Finished(texts, span),
        }
    }
}

impl<'n> Detection<'n> {
    /// The same without a borrowed node.
    pub(super) fn detach<'any>(self) -> Detection<'any> {
        let all = |parts: Vec<Detection<'n>>| parts.into_iter().map(Detection::detach).collect();
        match self {
            Self::Item(item) => {
                let Item { key, values, span, bindings, applied } = *item;
                let values = values.into_iter().map(ItemValue::detach).collect();
                Detection::Item(Box::new(Item { key, values, span, bindings, applied }))
            }
            Self::All(parts) => Detection::All(all(parts)),
            Self::Any(parts) => Detection::Any(all(parts)),
            Self::Broken => Detection::Broken,
        }
    }

    /// Calls `visit` on every item.
    pub(super) fn each<'d>(&'d self, visit: &mut dyn FnMut(&'d Item<'n>)) {
        match self {
            Self::Item(item) => visit(item),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(visit)),
            Self::Broken => {}
        }
    }

    /// Puts what `change` makes of an item in its place, where it makes something else.
    pub(super) fn replace(&mut self, change: &mut dyn FnMut(&mut Item<'n>) -> Option<Detection<'n>>) {
        match self {
            Self::Item(item) => {
                if let Some(other) = change(item) {
                    *self = other;
                }
            }
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.replace(change)),
            Self::Broken => {}
        }
    }
}

/// What a detection or a condition became.
#[derive(Debug, Clone)]
pub(super) enum Lowered {
    /// It has an error, which is reported.
    Broken,
    /// Pipelines left nothing of it.
    Nothing,
    Pred(Pred),
}

impl Lowered {
    pub(super) fn of(pred: Option<Pred>) -> Self {
        pred.map_or(Self::Broken, Self::Pred)
    }

    pub(super) fn pred(&self) -> Option<&Pred> {
        if let Self::Pred(pred) = self { Some(pred) } else { None }
    }

    /// Joins what there is of the parts.
    pub(super) fn join(parts: impl IntoIterator<Item = Self>, join: fn(Vec<Pred>) -> Pred) -> Self {
        let mut preds = Vec::new();
        let mut broken = false;
        for part in parts {
            match part {
                Self::Broken => broken = true,
                Self::Nothing => {}
                Self::Pred(pred) => preds.push(pred),
            }
        }
        match (broken, preds.is_empty()) {
            (true, _) => Self::Broken,
            (false, true) => Self::Nothing,
            (false, false) => Self::Pred(join(preds)),
        }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Pred(pred) => Self::Pred(pred.negated()),
            other => other,
        }
    }
}
