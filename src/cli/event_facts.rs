//! An event as other tools are told of it, and the findings about it.

use std::collections::{BTreeSet, HashMap};

use crate::catalog::{Catalog, EventType};
use crate::hunt::details_of_event;
use crate::report::EventFacts;
use crate::store::{FindingFilter, FindingRow, Store, StoreError, StoredEvent, StoredValue};
use crate::taxonomy::Taxonomy;

/// Rows whose findings are read together. Rows are in the order of time, those of one finding anywhere among them, and all findings
/// at once would fill the memory.
pub(super) const FINDINGS_AT_ONCE: usize = 2_000;

/// Reads findings by their numbers; where a host is asked for, each with that one.
pub(super) fn findings_of(
    store: &Store,
    host: Option<&str>,
    ids: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, FindingRow>, StoreError> {
    let ids: BTreeSet<i64> = ids.collect();
    let filter = FindingFilter { ids: Some(ids.into_iter().collect()), host: host.map(str::to_owned), ..FindingFilter::default() };
    Ok(store.findings(&filter)?.into_iter().map(|finding| (finding.finding_id, finding)).collect())
}

/// What is told of an event. The fields that the rules of `findings` tested come first in its details.
pub(super) fn event_facts(event: &StoredEvent, catalog: &Catalog, findings: &[&FindingRow]) -> EventFacts {
    let envelope = &event.envelope;
    let Some(event_type) = catalog.event_type(envelope.event_type) else { return EventFacts::default() };
    EventFacts {
        id: envelope.id.0,
        time_us: envelope.time_us,
        host: envelope.host.as_deref().unwrap_or_default().to_owned(),
        product: event_type.product.clone(),
        channel: event_type.dataset.clone(),
        code: event_type.code.clone(),
        provider: provider(event_type, event),
        record: envelope.record.unwrap_or(envelope.position),
        path: envelope.path.to_string(),
        details: details(event, event_type, findings),
    }
}

fn details(event: &StoredEvent, event_type: &EventType, findings: &[&FindingRow]) -> String {
    // A finding of one event has its details already, with the names of the rule's fields.
    let is_its_own = |of: &FindingRow| of.count == 1 && of.group.is_empty() && of.columns.is_empty() && !of.details.is_empty();
    if let Some(finding) = findings.iter().find(|finding| is_its_own(finding)) {
        return finding.details.clone();
    }
    let fields: Vec<String> = findings.iter().flat_map(|finding| finding.rule.fields.iter().cloned()).collect();
    details_of_event(event_type, event, Taxonomy::embedded(), &fields)
}

/// The fields in which logs of Windows name the provider.
const PROVIDER_FIELDS: [&str; 3] = ["Provider_Name", "SourceName", "Provider"];

fn provider(event_type: &EventType, event: &StoredEvent) -> String {
    let column = PROVIDER_FIELDS.iter().find_map(|field| event_type.column_any_case(field));
    match column.and_then(|column| event.columns.get(column.0 as usize)) {
        Some(Some(StoredValue::Text(text))) => text.clone(),
        Some(Some(StoredValue::List(members))) => members.first().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}
