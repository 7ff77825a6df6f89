//! What must be switched on for a log to have the events, or the fields of events, that rules ask for.
//!
//! A store shows what was collected. That a source is not in it does not say that it was off, and nothing here says so.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::selector::Selector;
use super::{Taxonomy, fault, root_of, texts};
use crate::catalog::{EventType, Storage, TypeId};
use crate::diag::Diagnostic;
use crate::yaml::Node;

/// The files as built in.
const VISIBILITY: &[(&str, &str)] = &[
    ("rules/visibility/windows.yml", include_str!("../../rules/visibility/windows.yml")),
    ("rules/visibility/other.yml", include_str!("../../rules/visibility/other.yml")),
];

/// The product of a group that names none.
const WINDOWS: &str = "windows";

/// All sources, in the order of the files.
#[derive(Debug, Default)]
pub struct Visibility {
    sources: Vec<EventSource>,
}

/// What can be switched on by itself: some events of a log, or some fields of them.
#[derive(Debug)]
pub struct EventSource {
    /// For people: `Sysmon 1, process creation`.
    pub name: String,
    /// The setting.
    pub enable: String,
    /// The fields that it adds; empty where it gives the events themselves.
    pub fields: Vec<String>,
    events: Selector,
}

impl Visibility {
    /// Returns the built-in sources; they are parsed once.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Visibility> =
            LazyLock::new(|| Visibility::parse(VISIBILITY).expect("the built-in data files parse: a test reads them"));
        &EMBEDDED
    }

    /// Parses data files: (path, text).
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, Diagnostic> {
        let mut out = Self::default();
        for file in files {
            let (source, root) = root_of(*file)?;
            for group in root.items() {
                let list = |node: &Node, key: &str| node.get(key).map(|node| texts(&source, node)).transpose();
                let datasets = list(group, "dataset")?.ok_or_else(|| fault(&source, group, "`dataset` is missing"))?;
                let product = group.get("product").and_then(Node::as_str).unwrap_or(WINDOWS);
                for node in group.get("sources").map(Node::items).unwrap_or_default() {
                    let text = |key: &str| {
                        let text = node.get(key).and_then(Node::scalar_text).map(str::to_owned);
                        text.ok_or_else(|| fault(&source, node, format!("a source without `{key}`")))
                    };
                    let codes = list(node, "codes")?.unwrap_or_default();
                    out.sources.push(EventSource {
                        name: text("source")?,
                        enable: text("enable")?,
                        fields: list(node, "fields")?.unwrap_or_default(),
                        events: Selector::of(product, datasets.clone(), codes),
                    });
                }
            }
        }
        Ok(out)
    }

    /// The sources.
    pub fn sources(&self) -> &[EventSource] {
        &self.sources
    }
}

impl EventSource {
    /// Whether events of a type come from it.
    pub fn gives(&self, event_type: &EventType) -> bool {
        self.events.selects(event_type)
    }

    /// Whether it gives all events of a log, whatever their ids.
    pub fn is_whole_log(&self) -> bool {
        self.events.names().2.is_empty()
    }

    /// The event types that it could give, without columns. Of a whole log those with the given ids, those with the ids that log
    /// sources and data models name, and one without.
    pub fn possible_types(&self, codes: &[String], taxonomy: &Taxonomy) -> Vec<EventType> {
        let (product, datasets, own) = self.events.names();
        let of = |dataset: &str, code: &str| EventType {
            id: TypeId(0),
            product: product.to_owned(),
            dataset: dataset.to_owned(),
            code: code.to_owned(),
            storage: Storage::Overflow,
            view: String::new(),
            columns: Vec::new(),
            has_messages: false,
            events: 0,
        };
        let of_dataset = |dataset: &String| -> Vec<EventType> {
            let mut all: BTreeSet<&str> = own.iter().map(String::as_str).collect();
            if own.is_empty() {
                all.extend(codes.iter().map(String::as_str).chain(taxonomy.codes_of(product, dataset)).chain([""]));
            }
            all.into_iter().map(|code| of(dataset, code)).collect()
        };
        datasets.iter().flat_map(of_dataset).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::LogSource;

    #[test]
    fn names_are_unique_and_each_event_has_one_source() {
        let sources = Visibility::embedded().sources();
        for (place, source) in sources.iter().enumerate() {
            assert!(sources[..place].iter().all(|other| other.name != source.name), "{} is there twice", source.name);
            for event_type in source.possible_types(&[], Taxonomy::embedded()).iter().filter(|_| source.fields.is_empty()) {
                let of: Vec<&str> =
                    sources.iter().filter(|s| s.fields.is_empty() && s.gives(event_type)).map(|s| s.name.as_str()).collect();
                assert_eq!(of, [source.name.as_str()], "{} {}", event_type.dataset, event_type.code);
            }
        }
    }

    /// A log that rules can ask for and that has no setting would be missing without a word.
    #[test]
    fn every_windows_log_source_has_a_setting() {
        let (taxonomy, sources) = (Taxonomy::embedded(), Visibility::embedded().sources());
        let types: Vec<EventType> = sources.iter().flat_map(|source| source.possible_types(&[], Taxonomy::embedded())).collect();
        let text = include_str!("../../rules/logsources/windows.yml");
        let names = |key: &str| -> Vec<String> {
            let body = text.split_once(&format!("\n{key}:\n")).map_or("", |(_, body)| body);
            let lines = body.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
            let own = lines.filter(|line| line.starts_with("  ") && line.as_bytes()[2].is_ascii_lowercase());
            own.filter_map(|line| Some(line.trim().split_once(':')?.0.to_owned())).collect()
        };
        for (service, name) in names("services").into_iter().map(|n| (true, n)).chain(names("categories").into_iter().map(|n| (false, n))) {
            let meant = if service {
                taxonomy.log_source(Some(WINDOWS), None, Some(&name))
            } else {
                taxonomy.log_source(Some(WINDOWS), Some(&name), None)
            };
            match meant {
                LogSource::Selected(selectors, _) => {
                    assert!(types.iter().any(|of| selectors.iter().any(|selector| selector.selects(of))), "{name} has no setting");
                }
                LogSource::Nowhere => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
