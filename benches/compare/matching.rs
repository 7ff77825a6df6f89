//! The events that a rule matches.

use retrohunt::catalog::EventType;
use retrohunt::ir::{Pred, Query, Stage};
use retrohunt::taxonomy::Selector;

use super::archive::{Archive, Event};
use super::condition::{Condition, Questions};
use super::lookup::{Found, Place, find_as_sigma, selectors};

/// Calls `found` for the events of one type after the other that pass scope, filter, and the filters that follow at once.
pub(crate) fn each_match<'a>(archive: &'a Archive, query: &Query, found: &mut dyn FnMut(&'a EventType, &'a Event)) {
    let chosen = query.scope().and_then(selectors);
    let questions = Questions::default();
    for (event_type, events) in &archive.types {
        let selector = match &chosen {
            None => None,
            Some((first, second)) => {
                let Some(selector) = first.iter().find(|s| s.selects(event_type)) else { continue };
                if !second.is_empty() && !second.iter().any(|s| s.selects(event_type)) {
                    continue;
                }
                Some(*selector)
            }
        };
        let conditions: Vec<Condition<'_>> = conditions(query).map(|pred| Condition::of(pred, event_type, selector, &questions)).collect();
        if conditions.iter().any(|condition| matches!(condition, Condition::Never)) {
            continue;
        }
        let meant = selector.map_or_else(Vec::new, |selector| meant(selector, event_type));
        for event in events {
            if is_meant(&meant, event, archive) && conditions.iter().all(|condition| condition.holds(event, archive)) {
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
fn meant(selector: &Selector, event_type: &EventType) -> Vec<(Place, Vec<String>)> {
    selector.conditions.iter().map(|(name, values)| (find_as_sigma(name, event_type, Some(selector)), values.clone())).collect()
}

fn is_meant(meant: &[(Place, Vec<String>)], event: &Event, archive: &Archive) -> bool {
    meant.iter().all(|(place, values)| {
        let texts = place.texts(event, archive);
        let is = |found: &Found<'_>| values.iter().any(|value| value.eq_ignore_ascii_case(archive.shown(found)));
        texts.iter().any(is)
    })
}
