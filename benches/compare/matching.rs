//! The events that a rule matches.

use retrohunt::catalog::EventType;
use retrohunt::ir::{Pred, Query, Scope, Stage};
use retrohunt::taxonomy::{Selector, Taxonomy};

use super::archive::{Archive, Event};
use super::condition::{Condition, Questions};
use super::dataset;
use super::lookup::{Found, Place, find_as_sigma, meant};

/// Calls `found` for the events of one type after the other that pass scope, filter, and the filters that follow at once.
pub(crate) fn each_match<'a>(archive: &'a Archive, query: &Query, found: &mut dyn FnMut(&'a EventType, &'a Event)) {
    let Some(scope) = query.scope() else { return };
    let of_rows = match scope {
        Scope::Dataset { model, object, prefix } => {
            let dataset = Taxonomy::embedded().dataset(model, object);
            dataset.map(|dataset| dataset::conditions(dataset, prefix.is_some())).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let questions = Questions::default();
    for (event_type, events) in &archive.types {
        let Some(meant) = meant(scope, event_type) else { continue };
        let conditions: Vec<Condition<'_>> =
            conditions(query).chain(&of_rows).map(|pred| Condition::of(pred, event_type, &meant, &questions)).collect();
        if conditions.iter().any(|condition| matches!(condition, Condition::Never)) {
            continue;
        }
        let asked: Vec<_> = meant.selectors.iter().flat_map(|selector| asked(selector, event_type)).collect();
        for event in events {
            if is_meant(&asked, event, archive) && conditions.iter().all(|condition| condition.holds(event, archive)) {
                found(event_type, event);
            }
        }
    }
}

/// Filter and the filters that follow at once: they too are about the event.
fn conditions(query: &Query) -> impl Iterator<Item = &Pred> {
    let leading = query.stages.iter().map_while(|stage| if let Stage::Filter(pred) = stage { Some(pred) } else { None });
    std::iter::once(&query.filter).chain(leading)
}

/// What the log source asks of an event beside its type.
fn asked(selector: &Selector, event_type: &EventType) -> Vec<(Place, Vec<String>)> {
    selector.conditions.iter().map(|(name, values)| (find_as_sigma(name, event_type, Some(selector)), values.clone())).collect()
}

fn is_meant(meant: &[(Place, Vec<String>)], event: &Event, archive: &Archive) -> bool {
    meant.iter().all(|(place, values)| {
        let texts = place.texts(event, archive);
        let is = |found: &Found<'_>| values.iter().any(|value| value.eq_ignore_ascii_case(archive.shown(found)));
        texts.iter().any(is)
    })
}
