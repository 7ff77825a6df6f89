//! The names of an event type beside its stored ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::definition::Definition;
use super::selector::Selector;
use super::{fault, texts};
use crate::catalog::EventType;
use crate::diag::{Diagnostic, SourceText};
use crate::yaml::Node;

/// An entry of a field map.
#[derive(Debug)]
pub(super) struct FieldMap {
    events: Selector,
    /// The only vocabulary that it holds for.
    vocabulary: Option<LookupVocabulary>,
    first: bool,
    fields: FxHashMap<String, Definition>,
}

/// The vocabulary of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupVocabulary {
    /// Sigma names, without case.
    Sigma,
    /// Splunk names, with case.
    Splunk,
}

impl FieldMap {
    /// Parses an entry.
    pub(super) fn parse(source: &Arc<SourceText>, node: &Node) -> Result<Self, Diagnostic> {
        let events = node.get("events").ok_or_else(|| fault(source, node, "`events` is missing"))?;
        let vocabulary = match node.get("vocabulary").and_then(Node::as_str) {
            None => None,
            Some("sigma") => Some(LookupVocabulary::Sigma),
            Some("splunk") => Some(LookupVocabulary::Splunk),
            Some(other) => return Err(fault(source, node, format!("there is no vocabulary {other}"))),
        };
        let mut fields = FxHashMap::default();
        for (name, definition) in node.get("fields").map(Node::entries).unwrap_or_default() {
            fields.insert(name.text.clone(), Definition::parse(source, definition)?);
        }
        for (name, codes) in node.get("by_code").map(Node::entries).unwrap_or_default() {
            let mut by_code = BTreeMap::new();
            for (code, text) in codes.entries() {
                let text = texts(source, text)?.pop().ok_or_else(|| fault(source, codes, "a text is missing"))?;
                by_code.insert(code.text.clone(), text);
            }
            if fields.insert(name.text.clone(), Definition::ByCode(by_code)).is_some() {
                return Err(fault(source, codes, format!("{} is defined twice", name.text)));
            }
        }
        let first = node.get("first").and_then(Node::as_bool).unwrap_or(false);
        Ok(Self { events: Selector::parse(source, events, "")?, vocabulary, first, fields })
    }

    fn get(&self, name: &str, lookup: LookupVocabulary) -> Option<&Definition> {
        if self.vocabulary.is_some_and(|v| v != lookup) {
            return None;
        }
        self.fields.get(name).or_else(|| match lookup {
            LookupVocabulary::Splunk => None,
            LookupVocabulary::Sigma => self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, d)| d),
        })
    }
}

/// All field maps, narrowest first, with a way to those of a data set.
#[derive(Debug, Default)]
pub(super) struct FieldMaps {
    maps: Vec<FieldMap>,
    /// Data set in lower case -> positions of the maps that name it.
    by_dataset: FxHashMap<String, Vec<usize>>,
    /// Positions of the maps that name no data set, or one with a wildcard.
    broad: Vec<usize>,
}

impl FieldMaps {
    /// Orders maps; among equally narrow ones the first stays first.
    pub(super) fn new(mut maps: Vec<FieldMap>) -> Self {
        // Stable: among equally narrow maps the order of the files decides, which the data relies on.
        maps.sort_by_key(|map| map.events.breadth());
        let mut out = Self::default();
        for (position, map) in maps.iter().enumerate() {
            match map.events.exact_datasets() {
                None => out.broad.push(position),
                Some(datasets) => {
                    for dataset in datasets {
                        out.by_dataset.entry(dataset.to_ascii_lowercase()).or_default().push(position);
                    }
                }
            }
        }
        out.maps = maps;
        out
    }

    /// The constants that a Splunk name has in any map.
    pub(super) fn constants(&self, name: &str) -> Vec<&str> {
        self.maps.iter().filter_map(|map| map.get(name, LookupVocabulary::Splunk)).flat_map(constant_texts).collect()
    }
}

/// The texts of a constant; none where a definition reads the event.
fn constant_texts(definition: &Definition) -> Vec<&str> {
    match definition {
        Definition::Text(text) => vec![text],
        Definition::Synonyms(texts) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The field maps that hold for one event type, narrowest first.
#[derive(Debug, Clone)]
pub struct TypeNames<'a> {
    maps: Vec<&'a FieldMap>,
}

impl<'a> TypeNames<'a> {
    pub(super) fn new(maps: &'a FieldMaps, event_type: &EventType) -> Self {
        let named = maps.by_dataset.get(&event_type.dataset.to_ascii_lowercase()).map_or(&[][..], Vec::as_slice);
        let mut positions: Vec<usize> = named.iter().chain(&maps.broad).copied().collect();
        // Positions are places in that order, so sorting them brings both lists back into it.
        positions.sort_unstable();
        let chosen = positions.into_iter().map(|position| &maps.maps[position]);
        Self { maps: chosen.filter(|map| map.events.selects(event_type)).collect() }
    }

    /// Returns the definition that comes before a stored name.
    pub fn before_stored(&self, name: &str, lookup: LookupVocabulary) -> Option<&'a Definition> {
        self.maps.iter().filter(|map| map.first).find_map(|map| map.get(name, lookup))
    }

    /// Returns the definition that a name has when no stored field is called so.
    pub fn after_stored(&self, name: &str, lookup: LookupVocabulary) -> Option<&'a Definition> {
        self.maps.iter().filter(|map| !map.first).find_map(|map| map.get(name, lookup))
    }

    /// Returns the names that a vocabulary adds, sorted, each once.
    pub fn all(&self, lookup: LookupVocabulary) -> Vec<&'a str> {
        let mut out: Vec<&str> = self
            .maps
            .iter()
            .filter(|map| map.vocabulary.is_none_or(|v| v == lookup))
            .flat_map(|map| map.fields.keys().map(String::as_str))
            .collect();
        out.sort_unstable();
        out.dedup();
        out
    }
}
