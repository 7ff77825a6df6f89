//! Which event types are meant: product, data sets, event ids.

use std::fmt;
use std::sync::Arc;

use super::definition::Definition;
use super::{fault, texts};
use crate::catalog::EventType;
use crate::diag::{Diagnostic, SourceText};
use crate::yaml::Node;

/// A choice of event types, and what holds for the chosen ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selector {
    product: Option<String>,
    datasets: Vec<String>,
    codes: Vec<String>,
    /// Only events whose field has one of the values, without case.
    pub conditions: Vec<(String, Vec<String>)>,
    /// Sigma names that mean something else in these events.
    pub renames: Vec<(String, Definition)>,
}

impl Selector {
    /// Parses a selector list: a mapping, a list of mappings, or one or more data set names. `product` is the file's.
    pub(super) fn parse_all(source: &Arc<SourceText>, node: &Node, product: &str) -> Result<Vec<Self>, Diagnostic> {
        if node.scalar_text().is_some() || node.items().first().is_some_and(|n| n.scalar_text().is_some()) {
            let datasets = texts(source, node)?;
            return Ok(vec![Self { product: Some(product.to_owned()), datasets, ..Self::default() }]);
        }
        if !node.entries().is_empty() {
            return Ok(vec![Self::parse(source, node, product)?]);
        }
        if node.items().is_empty() && product_means_itself(node) {
            return Ok(vec![Self { product: Some(product.to_owned()), ..Self::default() }]);
        }
        node.items().iter().map(|n| Self::parse(source, n, product)).collect()
    }

    /// Parses one mapping.
    pub(super) fn parse(source: &Arc<SourceText>, node: &Node, product: &str) -> Result<Self, Diagnostic> {
        let mut out = Self { product: (!product.is_empty()).then(|| product.to_owned()), ..Self::default() };
        for (key, value) in node.entries() {
            match key.text.as_str() {
                "product" => out.product = value.scalar_text().map(str::to_owned),
                "dataset" => out.datasets = texts(source, value)?,
                "codes" => out.codes = texts(source, value)?,
                "where" => {
                    for (field, values) in value.entries() {
                        out.conditions.push((field.text.clone(), texts(source, values)?));
                    }
                }
                "rename" => {
                    for (name, definition) in value.entries() {
                        out.renames.push((name.text.clone(), Definition::parse(source, definition)?));
                    }
                }
                other => return Err(fault(source, value, format!("a selector has no key {other}"))),
            }
        }
        Ok(out)
    }

    /// A choice by names alone.
    pub(super) fn of(product: &str, datasets: Vec<String>, codes: Vec<String>) -> Self {
        Self { product: Some(product.to_owned()), datasets, codes, ..Self::default() }
    }

    /// The product, data sets and event ids; empty lists where any is meant.
    pub(super) fn names(&self) -> (&str, &[String], &[String]) {
        (self.product.as_deref().unwrap_or_default(), &self.datasets, &self.codes)
    }

    /// The event ids that it names of a data set; none where it means another one.
    pub(super) fn codes_of(&self, product: &str, dataset: &str) -> &[String] {
        let is_own = self.product.as_deref().is_none_or(|own| own == product);
        let is_meant = self.datasets.iter().any(|name| dataset_matches(name, dataset));
        if is_own && is_meant { &self.codes } else { &[] }
    }

    /// Whether an event type is meant.
    pub fn selects(&self, event_type: &EventType) -> bool {
        self.product.as_deref().is_none_or(|product| product == event_type.product)
            && (self.codes.is_empty() || self.codes.contains(&event_type.code))
            && (self.datasets.is_empty() || self.datasets.iter().any(|name| dataset_matches(name, &event_type.dataset)))
    }

    /// The data sets that it is about; `None` where any data set or one with a wildcard can be meant.
    pub(super) fn exact_datasets(&self) -> Option<&[String]> {
        let exact = !self.datasets.is_empty() && self.datasets.iter().all(|name| !name.ends_with('*'));
        exact.then_some(self.datasets.as_slice())
    }

    /// 0 where event ids restrict, 1 where data sets do, 2 where a product does, 3 where nothing does.
    // Narrower maps come first: what is said of one event id overrides what is said of its channel.
    pub(super) fn breadth(&self) -> u8 {
        if !self.codes.is_empty() {
            0
        } else if !self.datasets.is_empty() {
            1
        } else if self.product.is_some() {
            2
        } else {
            3
        }
    }
}

/// For people: `Security 4688`, `aws cloudtrail, where eventName is …`.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = self.product.as_deref().filter(|product| *product != "windows");
        let parts = [product.unwrap_or_default().to_owned(), self.datasets.join(" and "), self.codes.join(", ")];
        f.write_str(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))?;
        self.conditions.iter().try_for_each(|(field, values)| write!(f, ", where {field} is {}", values.join(" or ")))
    }
}

/// `{}` selects all of a product; `[]` nothing.
fn product_means_itself(node: &Node) -> bool {
    matches!(node.value, crate::yaml::Value::Mapping(_))
}

fn dataset_matches(pattern: &str, dataset: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => dataset.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)),
        None => dataset.eq_ignore_ascii_case(pattern),
    }
}
