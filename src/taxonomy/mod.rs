//! What rule writers and data sources call things: log sources, data sets and field names, as data.
//!
//! The data lies in `rules/logsources`, `rules/datamodels` and `rules/fields` (their first comments say how to read and write
//! them) and is built into the program. This module parses it and answers three questions: which event types a log source or
//! a dataset means ([`Selector`]), what fields a dataset has ([`Dataset`]), and what a name means in an event type
//! ([`Definition`]). It knows no rule, no
//! query and no SQL: the planner puts the answers to use.
//!
//! Beside them are facts that no plan needs: what must be switched on for a log to have its events ([`Visibility`], of
//! `rules/visibility`), and the tactics and techniques of ATT&CK ([`AttackMatrix`], of `rules/attack`).

mod attack;
mod dataset;
mod definition;
mod details;
mod event_names;
mod fields;
mod selector;
mod visibility;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

pub use attack::{AttackMatrix, AttackTactic, AttackTechnique};
pub use dataset::{Dataset, ModelField, RowCondition};
pub use definition::{Definition, EnvelopeField, FieldFunction};
pub use details::{DetailField, EventDetails};
pub use event_names::EventNames;
pub use fields::{LookupVocabulary, TypeNames};
pub use selector::Selector;
pub use visibility::{EventSource, Visibility};

use dataset::DataModel;
use fields::{FieldMap, FieldMaps};

use crate::catalog::EventType;
use crate::diag::{Diagnostic, SourceText};
use crate::suggest::nearest;
use crate::yaml::{self, Node};

/// The files of the log sources, as built in.
const LOG_SOURCES: &[(&str, &str)] = &[
    ("rules/logsources/windows.yml", include_str!("../../rules/logsources/windows.yml")),
    ("rules/logsources/unix.yml", include_str!("../../rules/logsources/unix.yml")),
    ("rules/logsources/cloud.yml", include_str!("../../rules/logsources/cloud.yml")),
    ("rules/logsources/network.yml", include_str!("../../rules/logsources/network.yml")),
    ("rules/logsources/applications.yml", include_str!("../../rules/logsources/applications.yml")),
];

/// The files of the field maps, as built in. Among equally narrow entries the first file wins.
const FIELDS: &[(&str, &str)] = &[
    ("rules/fields/windows.yml", include_str!("../../rules/fields/windows.yml")),
    ("rules/fields/sysmon.yml", include_str!("../../rules/fields/sysmon.yml")),
    ("rules/fields/security.yml", include_str!("../../rules/fields/security.yml")),
    ("rules/fields/other.yml", include_str!("../../rules/fields/other.yml")),
];

/// The files of the data models, as built in.
const DATA_MODELS: &[(&str, &str)] = &[
    ("rules/datamodels/endpoint.yml", include_str!("../../rules/datamodels/endpoint.yml")),
    ("rules/datamodels/network.yml", include_str!("../../rules/datamodels/network.yml")),
    ("rules/datamodels/identity.yml", include_str!("../../rules/datamodels/identity.yml")),
    ("rules/datamodels/other.yml", include_str!("../../rules/datamodels/other.yml")),
];

/// The files of details, as built in.
const DETAILS: &[(&str, &str)] = &[
    ("rules/details/windows.yml", include_str!("../../rules/details/windows.yml")),
    ("rules/details/other.yml", include_str!("../../rules/details/other.yml")),
];

const EMBEDDED_FILES: DataFiles<'_> = DataFiles { log_sources: LOG_SOURCES, fields: FIELDS, models: DATA_MODELS, details: DETAILS };

/// The texts of data files, each with its path.
#[derive(Debug, Clone, Copy, Default)]
pub struct DataFiles<'a> {
    /// Log sources.
    pub log_sources: &'a [(&'a str, &'a str)],
    /// Field maps.
    pub fields: &'a [(&'a str, &'a str)],
    /// Data models.
    pub models: &'a [(&'a str, &'a str)],
    /// Details of events.
    pub details: &'a [(&'a str, &'a str)],
}

/// Log sources, data models, field maps and details.
#[derive(Debug, Default)]
pub struct Taxonomy {
    products: Vec<Product>,
    models: Vec<DataModel>,
    maps: FieldMaps,
    /// The narrowest first.
    details: Vec<EventDetails>,
}

/// The log sources of one product.
#[derive(Debug)]
struct Product {
    name: String,
    any: Vec<Selector>,
    services: BTreeMap<String, Vec<Selector>>,
    categories: BTreeMap<String, Vec<Selector>>,
}

/// What a log source means.
#[derive(Debug, Clone, PartialEq)]
pub enum LogSource<'a> {
    /// Nothing restricts: all events.
    Everything,
    /// The event types that one of these selects (and, in the second list where it is not empty, one of those too).
    Selected(Vec<&'a Selector>, Vec<&'a Selector>),
    /// Known, but no event log holds it.
    Nowhere,
    /// The part of the log source that nobody knows, e.g. `service msexchange`.
    Unknown(String),
}

/// A part of a Sigma log source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the three keys of the Sigma specification")]
pub enum LogSourcePart {
    Product,
    Category,
    Service,
}

impl LogSourcePart {
    /// The key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Category => "category",
            Self::Service => "service",
        }
    }
}

/// A part of a log source that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPart<'a> {
    /// Which.
    pub part: LogSourcePart,
    /// As the rule has it.
    pub name: String,
    /// The nearest known name.
    pub nearest: Option<&'a str>,
    /// Whether the rule's product is known.
    pub product_is_known: bool,
}

impl Taxonomy {
    /// Returns the built-in taxonomy; it is parsed once.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Taxonomy> =
            LazyLock::new(|| Taxonomy::parse(EMBEDDED_FILES).expect("the built-in data files parse: a test reads them"));
        &EMBEDDED
    }

    /// Parses data files.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(files: DataFiles<'_>) -> Result<Self, Diagnostic> {
        let mut out = Self::default();
        for file in files.log_sources {
            let (source, root) = root_of(*file)?;
            let entries = if root.items().is_empty() { std::slice::from_ref(&root) } else { root.items() };
            for entry in entries {
                out.products.push(Product::parse(&source, entry)?);
            }
        }
        let mut maps = Vec::new();
        for file in files.fields {
            let (source, root) = root_of(*file)?;
            for entry in root.items() {
                maps.push(FieldMap::parse(&source, entry)?);
            }
        }
        for file in files.models {
            let (source, root) = root_of(*file)?;
            for (name, node) in root.entries() {
                out.models.push(DataModel::parse(&source, &name.text, node)?);
            }
        }
        for file in files.details {
            let (source, root) = root_of(*file)?;
            for entry in root.items() {
                out.details.push(EventDetails::parse(&source, entry)?);
            }
        }
        out.maps = FieldMaps::new(maps);
        // Stable: among equally narrow ones the first stays first.
        out.details.sort_by_key(EventDetails::breadth);
        Ok(out)
    }

    /// Returns what a Sigma log source means. Names compare without case.
    pub fn log_source(&self, product: Option<&str>, category: Option<&str>, service: Option<&str>) -> LogSource<'_> {
        let products: Vec<&Product> =
            self.products.iter().filter(|p| product.is_none_or(|name| p.name.eq_ignore_ascii_case(name))).collect();
        if let (Some(name), true) = (product, products.is_empty()) {
            return LogSource::Unknown(format!("product {name}"));
        }
        let (first, second) = match (category, service) {
            (None, None) if product.is_none() => return LogSource::Everything,
            (None, None) => (products.iter().flat_map(|p| &p.any).collect(), Vec::new()),
            (Some(category), None) => match find(&products, category, |p| &p.categories) {
                None => return LogSource::Unknown(format!("category {category}")),
                Some(selectors) => (selectors, Vec::new()),
            },
            (None, Some(service)) => match find(&products, service, |p| &p.services) {
                None => return LogSource::Unknown(format!("service {service}")),
                Some(selectors) => (selectors, Vec::new()),
            },
            (Some(category), Some(service)) => {
                let categories = find(&products, category, |p| &p.categories);
                let services = find(&products, service, |p| &p.services);
                match (categories, services) {
                    (None, _) => return LogSource::Unknown(format!("category {category}")),
                    (_, None) => return LogSource::Unknown(format!("service {service}")),
                    // A service that is known and empty: the rule is right, and no log that is read here has its events.
                    (Some(_), Some(s)) if s.is_empty() => return LogSource::Nowhere,
                    (Some(c), Some(s)) => (c, s),
                }
            }
        };
        if first.is_empty() { LogSource::Nowhere } else { LogSource::Selected(first, second) }
    }

    /// Returns the parts of a log source that are not known, each with the nearest name of the product, or of all products
    /// where the product is not known.
    pub fn unknown_parts(&self, product: Option<&str>, category: Option<&str>, service: Option<&str>) -> Vec<UnknownPart<'_>> {
        let is = |p: &&Product| product.is_none_or(|name| p.name.eq_ignore_ascii_case(name));
        let own: Vec<&Product> = self.products.iter().filter(is).collect();
        let product_is_known = !own.is_empty();
        let among: Vec<&Product> = if product_is_known { own } else { self.products.iter().collect() };
        let mut out = Vec::new();
        if let Some(name) = product.filter(|_| !product_is_known) {
            let nearest = nearest(name, self.products.iter().map(|p| p.name.as_str()));
            out.push(UnknownPart { part: LogSourcePart::Product, name: name.to_owned(), nearest, product_is_known });
        }
        type PartsOf = for<'p> fn(&'p Product) -> &'p BTreeMap<String, Vec<Selector>>;
        let parts: [(LogSourcePart, Option<&str>, PartsOf); 2] =
            [(LogSourcePart::Category, category, |p| &p.categories), (LogSourcePart::Service, service, |p| &p.services)];
        for (part, name, of) in parts {
            if let Some(name) = name.filter(|name| find(&among, name, of).is_none()) {
                let nearest = nearest(name, among.iter().flat_map(|p| of(p).keys().map(String::as_str)));
                out.push(UnknownPart { part, name: name.to_owned(), nearest, product_is_known });
            }
        }
        out
    }

    /// Returns a dataset; an empty object is the model's root, where it has one only. Names compare without case.
    pub fn dataset(&self, model: &str, object: &str) -> Option<Dataset<'_>> {
        self.models.iter().find(|of| of.is_called(model))?.dataset(object)
    }

    /// Returns all datasets, model by model, each parent before its children.
    pub fn datasets(&self) -> impl Iterator<Item = Dataset<'_>> {
        self.models.iter().flat_map(DataModel::datasets)
    }

    /// Returns the event ids of a data set that log sources and data models name, sorted.
    pub fn codes_of(&self, product: &str, dataset: &str) -> BTreeSet<&str> {
        let of_products =
            self.products.iter().flat_map(|of| of.any.iter().chain(of.services.values().flatten()).chain(of.categories.values().flatten()));
        let all = of_products.chain(self.models.iter().flat_map(DataModel::selectors));
        all.flat_map(|selector| selector.codes_of(product, dataset)).map(String::as_str).collect()
    }

    /// Returns the Sigma categories of a product by name.
    pub fn categories(&self, product: &str) -> impl Iterator<Item = (&str, &[Selector])> {
        self.products
            .iter()
            .filter(move |p| p.name == product)
            .flat_map(|p| &p.categories)
            .map(|(name, selectors)| (name.as_str(), selectors.as_slice()))
    }

    /// Returns the constants that a Splunk name has in event types; `$dataset` and the like in them stand for parts of the type.
    pub fn constants(&self, name: &str) -> Vec<&str> {
        self.maps.constants(name)
    }

    /// Returns the fields that tell what happened in events of a type.
    pub fn details(&self, event_type: &EventType) -> Option<&EventDetails> {
        self.details.iter().find(|details| details.is_of(event_type))
    }

    /// Whether a field of this name holds the user of some kind of event.
    pub fn is_user_field(&self, name: &str) -> bool {
        self.details.iter().any(|details| details.users.iter().any(|own| own.eq_ignore_ascii_case(name)))
    }

    /// Returns the names that hold in an event type.
    pub fn names(&self, event_type: &EventType) -> TypeNames<'_> {
        TypeNames::new(&self.maps, event_type)
    }
}

fn find<'a>(
    products: &[&'a Product],
    name: &str,
    part: impl Fn(&'a Product) -> &'a BTreeMap<String, Vec<Selector>>,
) -> Option<Vec<&'a Selector>> {
    // As the parts are named: thousands of rules are looked up for each event type.
    let name = name.to_ascii_lowercase();
    let mut found = None;
    for selectors in products.iter().filter_map(|product| part(product).get(&name)) {
        found.get_or_insert_with(Vec::new).extend(selectors);
    }
    found
}

impl Product {
    fn parse(source: &Arc<SourceText>, node: &Node) -> Result<Self, Diagnostic> {
        let name = node.get("product").and_then(Node::as_str).ok_or_else(|| fault(source, node, "a product is missing"))?;
        let part = |key: &str| -> Result<BTreeMap<String, Vec<Selector>>, Diagnostic> {
            let mut out: BTreeMap<String, Vec<Selector>> = BTreeMap::new();
            for (service, selectors) in node.get(key).map(Node::entries).unwrap_or_default() {
                out.entry(service.text.to_ascii_lowercase()).or_default().extend(Selector::parse_all(source, selectors, name)?);
            }
            Ok(out)
        };
        let any = node.get("any").map(|any| Selector::parse_all(source, any, name)).transpose()?.unwrap_or_default();
        Ok(Self { name: name.to_owned(), any, services: part("services")?, categories: part("categories")? })
    }
}

fn root_of((path, text): (&str, &str)) -> Result<(Arc<SourceText>, Node), Diagnostic> {
    let source = Arc::new(SourceText { path: path.to_owned(), text: text.to_owned() });
    let root = yaml::parse(&source)?.into_iter().next();
    let root = root.ok_or_else(|| Diagnostic::error("taxonomy-data", format!("{path} is empty")))?;
    Ok((source, root))
}

fn fault(source: &Arc<SourceText>, node: &Node, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("taxonomy-data", message).at(source, node.span.clone())
}

/// Returns the texts of a scalar or of a list of scalars.
fn texts(source: &Arc<SourceText>, node: &Node) -> Result<Vec<String>, Diagnostic> {
    let nodes = if node.scalar_text().is_some() { std::slice::from_ref(node) } else { node.items() };
    nodes.iter().map(|n| n.scalar_text().map(str::to_owned).ok_or_else(|| fault(source, n, "a text is expected here"))).collect()
}

#[cfg(test)]
mod tests;
