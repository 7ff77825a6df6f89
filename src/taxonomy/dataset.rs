//! Data models: which events are rows of a dataset, and what its fields are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::Definition;
use super::selector::Selector;
use super::{fault, texts};
use crate::catalog::EventType;
use crate::diag::{Diagnostic, SourceText};
use crate::yaml::Node;

/// What a field is where it has no value of its own.
const UNKNOWN: &str = "unknown";

/// A data model: datasets, each parent before its children.
#[derive(Debug)]
pub(super) struct DataModel {
    name: String,
    parts: Vec<DatasetPart>,
}

/// What one dataset adds to its parent.
#[derive(Debug, Default)]
struct DatasetPart {
    name: String,
    parent: Option<usize>,
    events: Vec<Selector>,
    conditions: Vec<RowCondition>,
    tags: Vec<String>,
    fields: BTreeMap<String, ModelField>,
}

/// A field of a dataset.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelField {
    /// Its value where it is missing or empty.
    pub default: Option<String>,
    /// How it is computed from other fields of the dataset.
    pub formula: Option<Definition>,
    /// Whether only an inventory of hosts and users has it: no event does.
    pub is_enriched: bool,
}

/// What must hold of a dataset's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct RowCondition {
    /// Field → values with `*` as wildcard, one of which it has, without case; all of them must hold.
    pub fields: Vec<(String, Vec<String>)>,
    /// Whether it must not hold.
    pub negated: bool,
}

/// A dataset of a model.
#[derive(Debug, Clone, Copy)]
pub struct Dataset<'a> {
    model: &'a DataModel,
    place: usize,
}

impl DataModel {
    /// Parses a model.
    pub(super) fn parse(source: &Arc<SourceText>, name: &str, node: &Node) -> Result<Self, Diagnostic> {
        let mut out = Self { name: name.to_owned(), parts: Vec::new() };
        for (name, node) in node.entries() {
            let part = out.part(source, &name.text, node)?;
            out.parts.push(part);
        }
        Ok(out)
    }

    fn part(&self, source: &Arc<SourceText>, name: &str, node: &Node) -> Result<DatasetPart, Diagnostic> {
        let mut out = DatasetPart { name: name.to_owned(), ..DatasetPart::default() };
        for (key, value) in node.entries() {
            match key.text.as_str() {
                "parent" => {
                    let parent = self.parts.iter().position(|part| value.as_str() == Some(&part.name));
                    out.parent = Some(parent.ok_or_else(|| fault(source, value, "no dataset before this one has the name"))?);
                }
                "events" => out.events = Selector::parse_all(source, value, "")?,
                "where" => out.conditions.push(condition(source, value, false)?),
                "unless" => out.conditions.push(condition(source, value, true)?),
                "tags" => out.tags = texts(source, value)?,
                "fields" => texts(source, value)?.into_iter().for_each(|name| out.add(name, |_| ())),
                "unknown" => {
                    for name in texts(source, value)? {
                        if !out.fields.contains_key(&name) {
                            return Err(fault(source, value, format!("{name} is not one of the dataset's fields")));
                        }
                        out.add(name, |field| field.default = Some(UNKNOWN.to_owned()));
                    }
                }
                "formulas" => {
                    for (name, node) in value.entries() {
                        let formula = Definition::parse(source, node)?;
                        out.add(name.text.clone(), |field| field.formula = Some(formula));
                    }
                }
                "enriched" => texts(source, value)?.into_iter().for_each(|name| out.add(name, |field| field.is_enriched = true)),
                other => return Err(fault(source, value, format!("a dataset has no key {other}"))),
            }
        }
        // Whether a row is one of such a dataset is known only when it is read, and then its fields would have to vanish.
        if out.parent.is_some() && !out.conditions.is_empty() && !out.fields.is_empty() {
            return Err(fault(source, node, "a dataset with a parent has a condition or fields of its own, not both"));
        }
        Ok(out)
    }

    /// Returns a dataset by its name, which its parents' may stand before; an empty name is the only root. Names compare
    /// without case.
    pub(super) fn dataset(&self, name: &str) -> Option<Dataset<'_>> {
        let name = name.rsplit('.').next().unwrap_or(name);
        let mut found = (0..self.parts.len()).filter(|place| {
            let part = &self.parts[*place];
            if name.is_empty() { part.parent.is_none() } else { part.name.eq_ignore_ascii_case(name) }
        });
        let place = found.next()?;
        if name.is_empty() && found.next().is_some() {
            return None;
        }
        Some(Dataset { model: self, place })
    }

    /// What chooses the events of the parts.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.parts.iter().flat_map(|part| &part.events)
    }

    /// Returns all datasets, each parent before its children.
    pub(super) fn datasets(&self) -> impl Iterator<Item = Dataset<'_>> {
        (0..self.parts.len()).map(|place| Dataset { model: self, place })
    }

    /// Whether the model is called so, without case.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl DatasetPart {
    fn add(&mut self, name: String, change: impl FnOnce(&mut ModelField)) {
        change(self.fields.entry(name).or_default());
    }
}

fn condition(source: &Arc<SourceText>, node: &Node, negated: bool) -> Result<RowCondition, Diagnostic> {
    let field = |(name, values): &(crate::yaml::Key, Node)| Ok((name.text.clone(), texts(source, values)?));
    Ok(RowCondition { fields: node.entries().iter().map(field).collect::<Result<_, Diagnostic>>()?, negated })
}

impl<'a> Dataset<'a> {
    fn part(self) -> &'a DatasetPart {
        &self.model.parts[self.place]
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        &self.part().name
    }

    /// Its model's name.
    pub fn model(self) -> &'a str {
        &self.model.name
    }

    /// Its name with that of the model.
    pub fn full_name(self) -> String {
        format!("{}.{}", self.model(), self.name())
    }

    /// The dataset and its parents, the root first.
    pub fn lineage(self) -> Vec<Self> {
        let parent = |dataset: &Self| dataset.part().parent.map(|place| Self { place, ..*dataset });
        let mut out: Vec<Self> = std::iter::successors(Some(self), parent).collect();
        out.reverse();
        out
    }

    /// The datasets of the model that are a part of this one, parents first.
    pub fn descendants(self) -> impl Iterator<Item = Self> {
        self.model.datasets().filter(move |other| other.place != self.place && other.is_within(self))
    }

    /// Whether the dataset is another or a part of it.
    fn is_within(self, other: Self) -> bool {
        self.lineage().iter().any(|of| of.place == other.place)
    }

    /// The names from the root to the dataset, joined by dots: the value of `nodename`.
    pub fn path(self) -> String {
        self.lineage().iter().map(|of| of.name()).collect::<Vec<_>>().join(".")
    }

    /// Whether some log that this program reads has its rows.
    pub fn has_events(self) -> bool {
        self.lineage().iter().any(|of| !of.part().events.is_empty())
    }

    /// Which events its own selectors mean; none where they are those of the parent.
    pub fn own_events(self) -> &'a [Selector] {
        &self.part().events
    }

    /// What must hold of its rows beside what its parents ask.
    pub fn own_conditions(self) -> &'a [RowCondition] {
        &self.part().conditions
    }

    /// Its fields without those of its parents, by name.
    pub fn own_fields(self) -> impl Iterator<Item = (&'a str, &'a ModelField)> {
        self.part().fields.iter().map(|(name, field)| (name.as_str(), field))
    }

    /// Returns the selectors by which an event type's events are rows, the root's first; `None` where they are not.
    pub fn selectors(self, event_type: &EventType) -> Option<Vec<&'a Selector>> {
        let selecting = self.lineage().into_iter().map(|of| &of.part().events).filter(|events| !events.is_empty());
        let found: Vec<&Selector> = selecting.map(|events| events.iter().find(|s| s.selects(event_type))).collect::<Option<_>>()?;
        (!found.is_empty()).then_some(found)
    }

    /// What must hold of its rows, beside what the selectors say; the parents' too.
    pub fn conditions(self) -> impl Iterator<Item = &'a RowCondition> {
        self.lineage().into_iter().flat_map(|of| &of.part().conditions)
    }

    /// The values of `tag` in its rows; the parents' too.
    pub fn tags(self) -> impl Iterator<Item = &'a str> {
        self.lineage().into_iter().flat_map(|of| &of.part().tags).map(String::as_str)
    }

    /// Returns a field, its own or a parent's.
    pub fn field(self, name: &str) -> Option<&'a ModelField> {
        self.lineage().iter().rev().find_map(|of| of.part().fields.get(name))
    }

    /// Its fields and the parents', by name, each with the dataset that it comes from.
    pub fn fields(self) -> BTreeMap<&'a str, (Self, &'a ModelField)> {
        let of_part = |of: Self| of.part().fields.iter().map(move |(name, field)| (name.as_str(), (of, field)));
        self.lineage().into_iter().flat_map(of_part).collect()
    }

    /// Splits a name as rules write it into the dataset that it begins with and the rest: `All_Changes.Instance_Changes.image_id`
    /// is `image_id` of `Instance_Changes`. `None` where it begins with no dataset of the model that has to do with this one.
    pub fn split(self, name: &str) -> Option<(Self, &str)> {
        let (mut found, mut rest) = (None, name);
        while let Some((head, tail)) = rest.split_once('.') {
            let Some(named) = self.model.datasets().find(|of| of.name() == head) else { break };
            (found, rest) = (Some(named), tail);
        }
        let found = found.filter(|named| named.is_within(self) || self.is_within(*named))?;
        Some((found, rest))
    }
}
