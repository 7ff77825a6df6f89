//! What the events behind findings tell: what happened in one, on which host, by which users.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::describe::positive;
use super::entity::is_personal;
use crate::catalog::{Catalog, ColumnIndex, EventId, EventType, TypeId};
use crate::ir::Stage;
use crate::plan::{FieldExpr, Plan};
use crate::store::{
    FindingDescription, FindingRiskObject, Store, StoreError, StoredEvent, StoredValue, TESTED, UndescribedFinding, is_said, is_somebody,
    joined, joined_behind, one_line,
};
use crate::taxonomy::{DetailField, EventDetails, EventNames, Taxonomy};

/// Values of an event that no details are defined for.
const UNKNOWN_VALUES_MAX: usize = 6;

/// What is known of the rules of a hunt and of their events: threads share it.
#[derive(Clone, Copy)]
pub(super) struct TellingFacts<'h> {
    pub(super) catalog: &'h Catalog,
    pub(super) taxonomy: &'h Taxonomy,
    /// By rule.
    pub(super) plans: &'h [Vec<&'h Plan>],
}

/// Tells of events.
pub(super) struct EventTeller<'h> {
    facts: TellingFacts<'h>,
    store: &'h Store,
    /// By rule and event type: the columns that the rule tests.
    tested: RefCell<FxHashMap<(usize, TypeId), Rc<[ColumnIndex]>>>,
}

impl<'h> EventTeller<'h> {
    pub(super) fn new(facts: TellingFacts<'h>, store: &'h Store) -> Self {
        Self { facts, store, tested: RefCell::default() }
    }

    /// What one event tells.
    pub(super) fn of_event(&self, rule: usize, derives_risk: bool, event: &StoredEvent) -> Result<FindingDescription, StoreError> {
        let mut out = FindingDescription::default();
        let event_type = self.type_of(event)?;
        let tested = self.tested(rule, event_type);
        out.details =
            or_message(self.store, event_type, event, of_event(event_type, event, self.facts.taxonomy.details(event_type), &tested))?;
        let users = self.users(event_type, event);
        if derives_risk {
            let host = event.envelope.host.iter().map(|host| (HOST_FIELD.to_owned(), host.to_string()));
            out.risk = Some(at_risk(host, &users));
        }
        out.users = users.into_iter().map(|(_, user)| user).collect();
        Ok(out)
    }

    /// The details of a row of several events: where nothing in them tells of what happened in the first, that follows; empty where the
    /// row's own are enough.
    pub(super) fn completed(
        &self,
        finding: &UndescribedFinding,
        event: &StoredEvent,
        details: &str,
        told: &[(String, String)],
    ) -> Result<String, StoreError> {
        let event_type = self.type_of(event)?;
        let known = self.facts.taxonomy.details(event_type);
        let tested = self.tested(finding.rule_index, event_type);
        let parts = parts_of_event(event_type, event, known, &tested);
        // A search may give a field another name, and a list of its values has that of the first event.
        let has_value = |value: &str| told.iter().any(|(_, text)| text == value || text.split(", ").any(|member| member == value));
        let has_label = told.iter().any(|(name, _)| known.is_some_and(|known| known.field(bare_field(name)).is_some()));
        if !details.is_empty() && (has_label || parts.iter().any(|(_, value)| has_value(value))) {
            return Ok(String::new());
        }
        if parts.is_empty() && details.is_empty() {
            return or_message(self.store, event_type, event, String::new());
        }
        Ok(joined_behind(details, told.len(), parts.into_iter()))
    }

    /// The columns of an event type that a rule tests.
    fn tested(&self, rule: usize, event_type: &EventType) -> Rc<[ColumnIndex]> {
        let mut tested = self.tested.borrow_mut();
        tested.entry((rule, event_type.id)).or_insert_with(|| tested_columns(&self.facts.plans[rule], event_type).into()).clone()
    }

    /// The columns of an event type that tell something in findings of these rules.
    pub(super) fn wanted(&self, event_type: &EventType, rules: &BTreeSet<usize>) -> Vec<ColumnIndex> {
        let all = (0..).map(ColumnIndex).take(event_type.columns.len());
        let Some(details) = self.facts.taxonomy.details(event_type) else { return all.collect() };
        let names = details.fields.iter().flat_map(|field| &field.names).chain(&details.users);
        let named: BTreeSet<ColumnIndex> = names.filter_map(|name| event_type.column_any_case(name)).collect();
        let tested: Vec<Rc<[ColumnIndex]>> = rules.iter().map(|rule| self.tested(*rule, event_type)).collect();
        all.filter(|column| named.contains(column) || tested.iter().any(|tested| tested.contains(column))).collect()
    }

    pub(super) fn type_of(&self, event: &StoredEvent) -> Result<&'h EventType, StoreError> {
        let id = event.envelope.event_type;
        self.facts.catalog.event_type(id).ok_or_else(|| StoreError::Damaged(format!("an event has the unknown type {}", id.0)))
    }

    /// The users of an event, each with its field.
    pub(super) fn users(&self, event_type: &EventType, event: &StoredEvent) -> Vec<(String, String)> {
        let fields = self.facts.taxonomy.details(event_type).into_iter().flat_map(|details| &details.users);
        let said = |name: &String| {
            values(event_type, event, name).into_iter().filter(|value| is_somebody(value)).map(str::to_owned).collect::<Vec<_>>()
        };
        fields.flat_map(|name| said(name).into_iter().map(|user| (name.clone(), user)).collect::<Vec<_>>()).collect()
    }
}

/// The field that the host of an event is named by.
pub(super) const HOST_FIELD: &str = "Computer";

/// Hosts, and the users who are persons, as what carries the risk of a finding; each once.
pub(super) fn at_risk(hosts: impl Iterator<Item = (String, String)>, users: &[(String, String)]) -> Vec<FindingRiskObject> {
    let of = |kind: &str, (field, value): (String, String)| FindingRiskObject { field, kind: kind.to_owned(), value, score: None };
    let persons = users.iter().filter(|(_, user)| is_personal(user)).cloned().map(|user| of("user", user));
    let mut out: Vec<FindingRiskObject> = Vec::new();
    for object in hosts.map(|host| of("system", host)).chain(persons) {
        if !out.iter().any(|known| known.kind == object.kind && known.value.eq_ignore_ascii_case(&object.value)) {
            out.push(object);
        }
    }
    out
}

/// What happened in an event of this type: the fields that tell of its kind.
///
/// # Errors
/// When there is no such event, or the store fails.
pub fn event_details(store: &Store, taxonomy: &Taxonomy, event_type: &EventType, event: EventId) -> Result<String, StoreError> {
    let fields = store.event_fields(event)?;
    or_message(store, event_type, &fields, details_of_event(event_type, &fields, taxonomy, &[]))
}

/// The details of an event that was read without its message; where they are empty, the message is read after all, and where there is
/// none, its kind is all that it tells.
fn or_message(store: &Store, event_type: &EventType, event: &StoredEvent, details: String) -> Result<String, StoreError> {
    let details = if details.is_empty() && event_type.has_messages { first_line(&store.event(event.envelope.id)?) } else { details };
    Ok(if details.is_empty() { name_of(event_type) } else { details })
}

/// What events of a type say: all that is known of one without fields and without a message.
fn name_of(event_type: &EventType) -> String {
    let numbered = || format!("{} {}", event_type.dataset, event_type.code).trim().to_owned();
    EventNames::embedded().of(event_type).map_or_else(numbered, str::to_owned)
}

/// The field that a column of a search is of: without the data set in front, as Splunk writes `Processes.user`.
fn bare_field(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The columns that conditions of plans ask something of, those alone that a `not` asks left out.
fn tested_columns(plans: &[&Plan], event_type: &EventType) -> Vec<ColumnIndex> {
    let mut columns = Vec::new();
    let mut add = |field: &FieldExpr| field.each_column(&mut |column| columns.push(column));
    for plan in plans {
        for branch in plan.branches.iter().filter(|branch| branch.event_type == event_type.id) {
            positive(&branch.filter, &mut add);
            // `where` behind other commands, of columns that are fields of the event.
            for pred in plan.stages().filter_map(|stage| if let Stage::Filter(pred) = stage { Some(pred) } else { None }) {
                positive(pred, &mut |field| branch.fields.get(&field.name).into_iter().for_each(&mut add));
            }
        }
    }
    // In the order of the event's fields: a rule's order is that of its author's thoughts.
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Says what happened in one event of a finding. `fields`: what the rule tests, as it spells them.
pub fn details_of_event(event_type: &EventType, event: &StoredEvent, taxonomy: &Taxonomy, fields: &[String]) -> String {
    let mut tested: Vec<ColumnIndex> = fields.iter().filter_map(|field| event_type.column_any_case(field)).collect();
    tested.sort_unstable();
    tested.dedup();
    of_event(event_type, event, taxonomy.details(event_type), &tested)
}

/// `Command line*: powershell -enc … · Parent: …`: what the rule tested first, then what tells of such events.
fn of_event(event_type: &EventType, event: &StoredEvent, details: Option<&EventDetails>, tested: &[ColumnIndex]) -> String {
    let parts = parts_of_event(event_type, event, details, tested);
    if parts.is_empty() { first_line(event) } else { joined(parts.into_iter()) }
}

/// Labels and values of an event.
fn parts_of_event(
    event_type: &EventType,
    event: &StoredEvent,
    details: Option<&EventDetails>,
    tested: &[ColumnIndex],
) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for name in tested.iter().map(|index| event_type.column(*index).field.as_str()).filter(|name| !is_same_for_all(name)) {
        // Of several fields with one label, that with the value the label is shown with has it.
        let has_label = |field: &&DetailField| {
            let first = field.names.iter().find(|name| shown(event_type, event, name, field.first_line).is_some());
            first.is_some_and(|first| first.eq_ignore_ascii_case(name))
        };
        let field = details.and_then(|details| details.field(name)).filter(has_label);
        let first_line = field.is_some_and(|field| field.first_line);
        if let Some(value) = shown(event_type, event, name, first_line) {
            let label = field.map_or(name, |field| field.label.as_str());
            parts.push((format!("{label}{TESTED}"), value));
            told.push(name);
        }
    }
    if let Some(details) = details {
        for field in &details.fields {
            let mut values = field.names.iter().filter_map(|name| Some((name, shown(event_type, event, name, field.first_line)?)));
            let first = values.next().filter(|(name, _)| !told.iter().any(|told| told.eq_ignore_ascii_case(name)));
            parts.extend(first.map(|(_, value)| (field.label.clone(), value)));
        }
    } else {
        let names = event_type.columns.iter().map(|column| column.field.as_str());
        let names = names.filter(|name| !told.contains(name) && !is_same_for_all(name) && !is_number_of_something(name));
        let values = names.filter_map(|name| Some((name.to_owned(), shown(event_type, event, name, false)?)));
        parts.extend(values.take(UNKNOWN_VALUES_MAX));
    }
    parts
}

/// The first line of the rendered text: where an event has nothing else, it says what happened.
fn first_line(event: &StoredEvent) -> String {
    event.message.as_deref().and_then(|message| message.lines().next()).map(one_line).unwrap_or_default()
}

/// A field's value on one line; none where it says nothing.
fn shown(event_type: &EventType, event: &StoredEvent, name: &str, first_line: bool) -> Option<String> {
    let members = values(event_type, event, name);
    let text = members.into_iter().filter(|member| is_said(member)).collect::<Vec<_>>().join(", ");
    let text = if first_line { text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default() } else { &text };
    let text = one_line(text);
    is_said(&text).then_some(text)
}

fn values<'e>(event_type: &EventType, event: &'e StoredEvent, name: &str) -> Vec<&'e str> {
    let value = event_type.column_any_case(name).and_then(|column| event.columns.get(column.0 as usize)?.as_ref());
    value.map(StoredValue::members).unwrap_or_default().iter().map(String::as_str).collect()
}

/// Fields that every event of a kind has with the same value, or with one that says nothing about what happened.
fn is_same_for_all(name: &str) -> bool {
    const NAMES: [&str; 11] =
        ["Provider_Name", "Provider_Guid", "Channel", "EventID", "Computer", "Keywords", "Level", "Opcode", "Task", "Version", "RuleName"];
    NAMES.contains(&name) || name.starts_with("Execution_") || name.starts_with("Correlation_")
}

/// Fields that number something for machines.
fn is_number_of_something(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["guid", "id", "uuid", "version", "utctime", "time", "timestamp"].iter().any(|end| name.ends_with(end))
}
