//! A store that files were loaded into, read back event by event under the names of fields.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use retrohunt::catalog::EventId;
use retrohunt::compile::RuleSet;
use retrohunt::hunt::{self, HuntOptions};
use retrohunt::load::{LoadOptions, LoadSummary, load};
use retrohunt::store::{FindingFilter, Store};
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

/// A store on disk with what was loaded into it.
pub(crate) struct Loaded {
    folder: tempfile::TempDir,
    store: Store,
    /// What the load said.
    pub(crate) summary: LoadSummary,
}

impl Loaded {
    /// Loads a file or folder.
    pub(crate) fn of_path(path: &Path) -> Self {
        Self::load(tempfile::tempdir().expect("a folder"), path.to_path_buf())
    }

    /// Loads bytes as the content of one file.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("input");
        std::fs::write(&path, bytes).expect("a file");
        Self::load(folder, path)
    }

    fn load(folder: tempfile::TempDir, path: PathBuf) -> Self {
        let mut store = Store::open(&folder.path().join("loaded.db")).expect("a store");
        let summary = load(&mut store, &[path], &LoadOptions::default(), &mut |_| {}).expect("a load");
        Self { folder, store, summary }
    }

    /// The store file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("loaded.db")
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
            host: read.envelope.host,
            record: read.envelope.record,
            message: read.message,
            fields: values.filter_map(|(c, v)| Some((c.field.clone(), v.as_ref()?.members().to_vec()))).collect(),
        }
    }

    /// Hunts with all rules: (rule, ordinal of the event from 1) for each event behind a finding.
    pub(crate) fn hunt(&mut self, set: &RuleSet) -> BTreeSet<(String, i64)> {
        let options = HuntOptions::default();
        let summary = hunt::run(&mut self.store, &set.rules, &set.correlations, Taxonomy::embedded(), &options, &mut |_| {});
        assert_eq!(summary.expect("a hunt").failed.len(), 0, "no rule fails");
        let evidence = self.store.evidence(&FindingFilter::default()).expect("evidence");
        evidence.into_iter().map(|row| (row.rule_id, row.event.0)).collect()
    }
}
