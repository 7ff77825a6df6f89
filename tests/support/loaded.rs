//! A store that files were loaded into, read back event by event under the names of fields.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use retrohunt::catalog::EventId;
use retrohunt::compile::RuleSet;
use retrohunt::hunt::{self, HuntOptions};
use retrohunt::ir::Rule;
use retrohunt::load::{LoadOptions, LoadSummary, load};
use retrohunt::store::{FindingFilter, FindingRow, Store};
use retrohunt::taxonomy::Taxonomy;

/// The values of a field: one, or the members of a list.
pub(crate) type Values = Vec<String>;

/// One stored event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoadedEvent {
    pub(crate) product: String,
    pub(crate) channel: String,
    pub(crate) code: String,
    pub(crate) time_us: Option<i64>,
    pub(crate) host: Option<String>,
    pub(crate) record: Option<i64>,
    pub(crate) message: Option<String>,
    pub(crate) fields: BTreeMap<String, Values>,
}

impl LoadedEvent {
    /// Fields and envelope in one map: members of the envelope under names that no field has.
    pub(crate) fn flat(&self) -> BTreeMap<String, Values> {
        let mut all = self.fields.clone();
        let mut put = |name: &str, value: Option<String>| drop(value.map(|v| all.insert(name.to_owned(), vec![v])));
        put("<product>", Some(self.product.clone()));
        put("<channel>", Some(self.channel.clone()));
        put("<code>", Some(self.code.clone()));
        put("<time>", self.time_us.map(|us| us.to_string()));
        put("<host>", self.host.clone());
        put("<record>", self.record.map(|r| r.to_string()));
        put("<message>", self.message.clone());
        all
    }
}

/// A store in memory with what was loaded into it.
pub(crate) struct Loaded {
    store: Store,
    /// What the load said.
    pub(crate) summary: LoadSummary,
}

impl Loaded {
    /// Loads a file or folder.
    pub(crate) fn of_path(path: &Path) -> Self {
        let mut store = Store::in_memory().expect("a store");
        let summary = load(&mut store, &[path.to_path_buf()], &LoadOptions::default(), &mut |_| {}).expect("a load");
        Self { store, summary }
    }

    /// Loads bytes as the content of one file.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("a file");
        Self::of_path(file.path())
    }

    /// All events in the order of their ids, which is that of the file.
    pub(crate) fn events(&self) -> Vec<LoadedEvent> {
        let catalog = self.store.catalog().expect("a catalog");
        let last = self.store.last_event().expect("a last event").0;
        (1..=last).map(|id| self.event(&catalog, EventId(id))).collect()
    }

    fn event(&self, catalog: &retrohunt::catalog::Catalog, id: EventId) -> LoadedEvent {
        let read = self.store.event(id).expect("an event");
        let kind = catalog.event_type(read.envelope.event_type).expect("a type");
        let values = kind.columns.iter().zip(&read.columns);
        LoadedEvent {
            product: kind.product.clone(),
            channel: kind.dataset.clone(),
            code: kind.code.clone(),
            time_us: read.envelope.time_us,
            host: read.envelope.host.map(|host| host.to_string()),
            record: read.envelope.record,
            message: read.message,
            fields: values.filter_map(|(c, v)| Some((c.field.clone(), v.as_ref()?.members().to_vec()))).collect(),
        }
    }

    /// Hunts for the first time with rules that each have an id of their own: the findings of each. Every result row is a
    /// finding, every finding is new, no rule fails.
    pub(crate) fn findings(&mut self, rules: &[Rule]) -> Vec<Vec<FindingRow>> {
        let options = HuntOptions::starting_at(0);
        let summary = hunt::run(&mut self.store, rules, &[], Taxonomy::embedded(), &options, &mut |_| {}).expect("a hunt");
        assert!(summary.failed.is_empty(), "no rule fails: {:?}", summary.failed);
        let places: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(place, rule)| (rule.meta.id.as_str(), place)).collect();
        assert_eq!(places.len(), rules.len(), "every rule has an id of its own");
        let saved = self.store.findings(&FindingFilter::default()).expect("findings");
        assert_eq!((summary.findings, summary.outcome.new), (saved.len() as u64, saved.len() as u64));
        let mut found = vec![Vec::new(); rules.len()];
        for row in saved {
            found[places[row.rule_id.as_str()]].push(row);
        }
        found
    }

    /// Hunts with all rules: (rule, ordinal of the event from 1) for each event behind a finding.
    pub(crate) fn hunt(&mut self, set: &RuleSet) -> BTreeSet<(String, i64)> {
        self.hunt_with(set, &HuntOptions::starting_at(0))
    }

    /// The same with options.
    pub(crate) fn hunt_with(&mut self, set: &RuleSet, options: &HuntOptions) -> BTreeSet<(String, i64)> {
        let summary = hunt::run(&mut self.store, &set.rules, &set.correlations, Taxonomy::embedded(), options, &mut |_| {});
        assert_eq!(summary.expect("a hunt").failed.len(), 0, "no rule fails");
        let evidence = self.store.evidence(&FindingFilter::default()).expect("evidence");
        evidence.into_iter().map(|row| (row.rule_id, row.event.0)).collect()
    }
}
