//! Scope: which event types a query speaks of.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, EventType};
use crate::diag::{Diagnostic, Severity};
use crate::ir::Scope;
use crate::taxonomy::{LogSource, LookupVocabulary, Selector, Taxonomy};

use super::resolve::log_source;

/// An event type that a query speaks of, and what its scope says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scoped<'a> {
    /// The type.
    pub(super) event_type: &'a EventType,
    /// The selector that chose it.
    pub(super) selector: Option<&'a Selector>,
}

/// The names of fields that the events of a scope have, stored or by another name, sorted.
pub fn known_fields(scope: &Scope, catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<String> {
    let lookup = if matches!(scope, Scope::LogSource { .. }) { LookupVocabulary::Sigma } else { LookupVocabulary::Splunk };
    let mut names = BTreeSet::new();
    for Scoped { event_type, selector } in scoped(scope, catalog, taxonomy).0 {
        names.extend(event_type.columns.iter().map(|column| column.field.clone()));
        names.extend(selector.into_iter().flat_map(|s| &s.renames).map(|(name, _)| name.clone()));
        names.extend(taxonomy.names(event_type).all(lookup).into_iter().map(str::to_owned));
    }
    names.into_iter().collect()
}

/// Returns the event types of a scope in the catalog's order, and what there is to say when there are none.
pub(super) fn scoped<'a>(scope: &Scope, catalog: &'a Catalog, taxonomy: &'a Taxonomy) -> (Vec<Scoped<'a>>, Vec<Diagnostic>) {
    let all = || catalog.types.iter().map(|event_type| Scoped { event_type, selector: None }).collect::<Vec<_>>();
    let chosen = |first: &[&'a Selector], second: &[&Selector]| {
        catalog
            .types
            .iter()
            // The second list narrows: a rule with a category and a service means events that are in both.
            .filter(|ty| second.is_empty() || second.iter().any(|s| s.selects(ty)))
            .filter_map(|ty| first.iter().find(|s| s.selects(ty)).map(|s| Scoped { event_type: ty, selector: Some(*s) }))
            .collect::<Vec<_>>()
    };
    let note = |code, message: String| Diagnostic::new(Severity::Warning, code, message);
    match (scope, log_source(scope, taxonomy)) {
        (Scope::Dataset { model, object, .. }, _) => match taxonomy.dataset(model, object) {
            Some(selectors) => (chosen(&selectors.iter().collect::<Vec<_>>(), &[]), Vec::new()),
            None => {
                let note = note("plan-unknown-dataset", format!("unknown data set {model}.{object}: the rule matches nothing"));
                (Vec::new(), vec![note])
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
