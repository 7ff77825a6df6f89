//! Scope: which event types a query speaks of.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, EventType};
use crate::diag::{Diagnostic, Severity};
use crate::ir::Scope;
use crate::taxonomy::{Dataset, LogSource, LookupVocabulary, Selector, Taxonomy};

use super::dataset::{self, DatasetRows};
use super::resolve::log_source;

/// An event type that a query speaks of, and what its scope says about it.
#[derive(Debug, Clone)]
pub(super) struct Scoped<'a> {
    /// The type.
    pub(super) event_type: &'a EventType,
    /// The selector that chose it.
    pub(super) selector: Option<&'a Selector>,
    /// The dataset whose rows its events are.
    pub(super) rows: Option<DatasetRows<'a>>,
}

impl<'a> Scoped<'a> {
    /// An event type of no dataset.
    pub(super) fn new(event_type: &'a EventType, selector: Option<&'a Selector>) -> Self {
        Self { event_type, selector, rows: None }
    }
}

/// The names of fields that the events of a scope have, stored or by another name, sorted.
pub fn known_fields(scope: &Scope, catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<String> {
    if let Scope::Dataset { model, object, prefix } = scope {
        let dataset = taxonomy.dataset(model, object);
        return dataset.map(|dataset| dataset::names(dataset, prefix.is_some())).unwrap_or_default();
    }
    let lookup = if matches!(scope, Scope::LogSource { .. }) { LookupVocabulary::Sigma } else { LookupVocabulary::Splunk };
    let mut names = BTreeSet::new();
    for Scoped { event_type, selector, .. } in scoped(scope, catalog, taxonomy).0 {
        names.extend(event_type.columns.iter().map(|column| column.field.clone()));
        names.extend(selector.into_iter().flat_map(|s| &s.renames).map(|(name, _)| name.clone()));
        names.extend(taxonomy.names(event_type).all(lookup).into_iter().map(str::to_owned));
    }
    names.into_iter().collect()
}

/// Returns the event types of a scope in the catalog's order, and what there is to say when there are none.
pub(super) fn scoped<'a>(scope: &Scope, catalog: &'a Catalog, taxonomy: &'a Taxonomy) -> (Vec<Scoped<'a>>, Vec<Diagnostic>) {
    let all = || catalog.types.iter().map(|event_type| Scoped::new(event_type, None)).collect::<Vec<_>>();
    let chosen = |first: &[&'a Selector], second: &[&Selector]| {
        catalog
            .types
            .iter()
            // The second list narrows: a rule with a category and a service means events that are in both.
            .filter(|ty| second.is_empty() || second.iter().any(|s| s.selects(ty)))
            .filter_map(|ty| first.iter().find(|s| s.selects(ty)).map(|s| Scoped::new(ty, Some(*s))))
            .collect::<Vec<_>>()
    };
    let note = |code, message: String| Diagnostic::new(Severity::Warning, code, message);
    match (scope, log_source(scope, taxonomy)) {
        (Scope::Dataset { model, object, prefix }, _) => match taxonomy.dataset(model, object) {
            Some(dataset) if dataset.has_events() => (rows_of(dataset, prefix.is_some(), catalog), Vec::new()),
            Some(dataset) => {
                let message = format!("no log that retrohunt reads has rows of the data model {}", dataset.full_name());
                (Vec::new(), vec![note("plan-dataset-nowhere", message).hint("the rule matches nothing")])
            }
            None => {
                let name = [model.as_str(), object].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
                let note = note("plan-unknown-dataset", format!("unknown dataset {name}"));
                (Vec::new(), vec![note.hint("the rule matches nothing; datasets are listed in rules/datamodels")])
            }
        },
        (_, None | Some(LogSource::Everything)) => (all(), Vec::new()),
        (_, Some(LogSource::Selected(first, second))) => (chosen(&first, &second), Vec::new()),
        (_, Some(LogSource::Nowhere)) => {
            let note = note("plan-logsource-nowhere", "no log that retrohunt reads has the events of this log source".to_owned());
            (Vec::new(), vec![note.hint("the rule matches nothing")])
        }
        (_, Some(LogSource::Unknown(part))) => {
            let note = note("plan-unknown-logsource", format!("unknown log source: {part}"));
            (Vec::new(), vec![note.hint("the rule matches nothing; log sources are listed in rules/logsources")])
        }
    }
}

/// The event types whose events are rows of a dataset.
pub(super) fn rows_of<'a>(dataset: Dataset<'a>, is_prefixed: bool, catalog: &'a Catalog) -> Vec<Scoped<'a>> {
    let rows =
        |event_type| Some(Scoped { rows: Some(DatasetRows::new(dataset, is_prefixed, event_type)?), ..Scoped::new(event_type, None) });
    catalog.types.iter().filter_map(rows).collect()
}

/// What a scope says about an event type; `None` where it does not mean its events.
pub(super) fn scoped_type<'a>(scope: &Scope, event_type: &'a EventType, taxonomy: &'a Taxonomy) -> Option<Scoped<'a>> {
    match (scope, log_source(scope, taxonomy)) {
        (Scope::Dataset { model, object, prefix }, _) => {
            let rows = DatasetRows::new(taxonomy.dataset(model, object)?, prefix.is_some(), event_type)?;
            Some(Scoped { rows: Some(rows), ..Scoped::new(event_type, None) })
        }
        (_, Some(LogSource::Selected(selectors, _))) => {
            selectors.into_iter().find(|s| s.selects(event_type)).map(|s| Scoped::new(event_type, Some(s)))
        }
        _ => None,
    }
}
