//! A planned condition means what the rule's condition means: the plan's branches, evaluated on their event types,
//! give the events that the plain query gives.

use std::collections::BTreeMap;

use proptest::prelude::*;
use retrohunt::catalog::{Catalog, Column, Encoding, EventType, Storage, TypeId};
use retrohunt::plan::{Branch, FieldExpr, plan};
use retrohunt::taxonomy::Taxonomy;

use super::check;
use crate::support::evaluate::pred::{Subject, passes};
use crate::support::evaluate::{Event, FieldValue, Value, matching};
use crate::support::generate::{Case, events, queries, sigma, splunk};

/// An event as a branch sees it.
struct Planned<'a> {
    event: &'a Event,
    event_type: &'a EventType,
}

impl Planned<'_> {
    fn find(&self, expr: &FieldExpr) -> Option<FieldValue> {
        let text = |t: String| Some(FieldValue::Text(t));
        match expr {
            FieldExpr::Missing => None,
            FieldExpr::Constant(value) => text(value.clone()),
            FieldExpr::Column(index) => {
                let name = &self.event_type.column(*index).field;
                self.event.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
            }
            FieldExpr::Host => text(self.event.host.clone()),
            FieldExpr::Message => self.event.message.clone().and_then(text),
            other => panic!("generated names do not resolve to {other:?}"),
        }
    }
}

impl Subject<FieldExpr> for Planned<'_> {
    fn texts(&self, field: &FieldExpr) -> Option<Vec<String>> {
        self.find(field).map(|value| value.members().to_vec())
    }

    fn value(&self, field: &FieldExpr) -> Value {
        self.texts(field).map_or(Value::Null, |members| Value::of_members(&members))
    }

    fn all(&self) -> Vec<String> {
        self.event.fields.iter().flat_map(|(_, value)| value.members().to_vec()).chain(self.event.message.clone()).collect()
    }
}

fn catalog(events: &[Event]) -> Catalog {
    let mut types: BTreeMap<(&str, &str), Vec<&Event>> = BTreeMap::new();
    for event in events {
        types.entry((&event.dataset, &event.code)).or_default().push(event);
    }
    let types = (1..).zip(types).map(|(id, ((dataset, code), events))| {
        let mut columns: BTreeMap<&str, bool> = BTreeMap::new();
        for (name, value) in events.iter().flat_map(|e| &e.fields) {
            *columns.entry(name).or_default() |= matches!(value, FieldValue::List(_));
        }
        let column = |(i, (name, has_lists)): (usize, (&str, bool))| Column {
            field: name.to_owned(),
            sql_name: format!("c{i}"),
            view_name: name.to_owned(),
            encoding: Encoding::Dictionary,
            has_lists,
            has_packed: false,
        };
        EventType {
            id: TypeId(id),
            product: "windows".into(),
            dataset: dataset.into(),
            code: code.into(),
            storage: Storage::Table(format!("t{id}")),
            view: format!("v{id}"),
            columns: columns.into_iter().enumerate().map(column).collect(),
            has_messages: events.iter().any(|e| e.message.is_some()),
            events: 1,
        }
    });
    Catalog { types: types.collect() }
}

fn planned_matches(branches: &[Branch], catalog: &Catalog, events: &[Event]) -> Vec<i64> {
    let passes = |event: &&Event| {
        let event_type = catalog.types.iter().find(|t| t.dataset == event.dataset && t.code == event.code).expect("every event has a type");
        let branch = branches.iter().find(|b| b.event_type == event_type.id);
        branch.is_some_and(|b| passes(&b.filter, &Planned { event, event_type }))
    };
    events.iter().filter(passes).map(|e| e.id).collect()
}

fn cases() -> impl Strategy<Value = (Vec<Event>, Vec<Case>)> {
    events::events().prop_flat_map(|list| {
        let pool = events::pool(&list);
        let case = prop_oneof![2 => queries::query(&pool), 1 => sigma::rule(&pool), 1 => splunk::rule(&pool)];
        (Just(list), prop::collection::vec(case, 1..4))
    })
}

#[test]
fn a_plan_means_what_the_query_means() {
    check(400, &cases(), |(list, cases)| {
        let stored = events::normalised(&list);
        let catalog = catalog(&stored);
        for case in cases {
            let plan = plan(&case.query, &[], &catalog, Taxonomy::embedded());
            let expected = matching(&case.query, &stored);
            prop_assert_eq!(
                planned_matches(&plan.branches, &catalog, &stored),
                expected,
                "{:?}\nplanned as {:?}",
                case.query,
                plan.branches
            );
        }
        Ok(())
    });
}
