//! Which sources of events a rule could match, and which of them a store has nothing of.
//!
//! What a store does not have has no columns to plan with. So the sources are asked as event types without columns: the planner says
//! which of them a query could match by channel, event id and source type alone. Fields that have a setting of their own are tried out:
//! a rule needs them that can fire once the store's events have them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::technique::{TechniqueCoverage, TechniqueState};
use super::{RuleCoverage, RuleState, SourceCoverage};
use crate::catalog::{Catalog, Column, Encoding, EventType, TypeId};
use crate::ir::{Match, Pred, Query, Stage, Test};
use crate::plan::{candidate_types, plan};
use crate::taxonomy::{Taxonomy, Visibility};

/// A rule that could match more sources than this is about no one of them, and naming all would help nobody.
const NAMED_SOURCES: usize = 12;

/// The names of an event's id in both languages.
const CODE_FIELDS: [&str; 4] = ["EventID", "EventCode", "event_id", "signature_id"];

/// Finds sources, and counts the rules that read them.
pub(super) struct SourceFinder<'a> {
    visibility: &'a Visibility,
    taxonomy: &'a Taxonomy,
    /// By source: events in the store.
    events: Vec<u64>,
    /// By source: rules that could match its events.
    rules: Vec<usize>,
    /// By the event ids that a rule asks for: the sources as a catalog, and the source of each of its types.
    possible: BTreeMap<Vec<String>, (Catalog, Vec<usize>)>,
    /// The store's events as they would be with the fields of a source.
    with_fields: Vec<(usize, Catalog)>,
}

impl<'a> SourceFinder<'a> {
    pub(super) fn new(visibility: &'a Visibility, catalog: &Catalog, taxonomy: &'a Taxonomy) -> Self {
        let events = visibility
            .sources()
            .iter()
            .map(|source| {
                let own = catalog.types.iter().filter(|of| source.gives(of));
                // Of fields: the events that have one of them.
                let has = |field: &String, of: &EventType| of.column_any_case(field).is_some();
                own.filter(|of| source.fields.is_empty() || source.fields.iter().any(|field| has(field, of))).map(|of| of.events).sum()
            })
            .collect::<Vec<u64>>();
        let absent = visibility.sources().iter().enumerate().filter(|(place, source)| events[*place] == 0 && !source.fields.is_empty());
        let with_fields = absent
            .map(|(place, source)| {
                let mut with = catalog.clone();
                for of in with.types.iter_mut().filter(|of| source.gives(of)) {
                    of.columns.extend(source.fields.iter().map(|field| column(field)));
                }
                (place, with)
            })
            .collect();
        Self { visibility, taxonomy, rules: vec![0; events.len()], events, possible: BTreeMap::new(), with_fields }
    }

    /// The sources whose events queries could match, in order.
    pub(super) fn read_by(&mut self, queries: &[&Query]) -> Vec<usize> {
        let mut found = Vec::new();
        for query in queries {
            let (catalog, places) =
                self.possible.entry(event_ids(query)).or_insert_with_key(|codes| possible(self.visibility, self.taxonomy, codes));
            found.extend(read(query, catalog, self.taxonomy).into_iter().map(|id| places[id.0 as usize]));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What of these sources the store has no events of, and the fields that would let the queries match. Nothing where that is so
    /// much that it says nothing.
    pub(super) fn missing_for(&self, queries: &[&Query], read: &[usize]) -> Vec<usize> {
        let can_fire = |with: &Catalog| queries.iter().all(|query| !plan(query, &[], with, self.taxonomy).branches.is_empty());
        let fields = self.with_fields.iter().filter(|(_, with)| can_fire(with)).map(|(place, _)| *place);
        let mut out: Vec<usize> = read.iter().copied().filter(|place| self.events[*place] == 0).chain(fields).collect();
        out.sort_unstable();
        if out.len() > NAMED_SOURCES { Vec::new() } else { out }
    }

    /// Counts a rule that could match these sources, or needs them.
    pub(super) fn count(&mut self, read: &[usize], needed: &[usize]) {
        // A rule for all logs reads every source, and would say nothing of any.
        let read = if read.len() <= NAMED_SOURCES { read } else { &[] };
        let places: BTreeSet<usize> = read.iter().chain(needed).copied().collect();
        places.into_iter().for_each(|place| self.rules[place] += 1);
    }

    /// The sources that any rule reads or needs.
    pub(super) fn sources(self, rules: &[RuleCoverage], techniques: &[TechniqueCoverage]) -> Vec<SourceCoverage> {
        let mut out: Vec<SourceCoverage> = (0..self.events.len())
            .map(|source| {
                let silent = rules.iter().filter(|rule| rule.state != RuleState::Runnable && rule.needs.contains(&source)).count();
                let blind = techniques.iter().filter(|of| of.state == TechniqueState::Blind && of.needs.contains(&source));
                let blind = blind.map(|of| of.id.clone()).collect();
                SourceCoverage { source, events: self.events[source], rules: self.rules[source], silent, blind }
            })
            .filter(|of| of.rules > 0 || of.silent > 0)
            .collect();
        out.sort_by_key(|of| (Reverse(of.silent), Reverse(of.rules), of.source));
        out
    }
}

/// The types that the main search or a search that it joins or appends could match.
fn read(query: &Query, catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<TypeId> {
    let own = candidate_types(query, catalog, taxonomy);
    own.into_iter().chain(inner(query).flat_map(|inner| read(inner, catalog, taxonomy))).collect()
}

/// The searches in the brackets of a query that give it rows.
fn inner(query: &Query) -> impl Iterator<Item = &Query> {
    query
        .stages
        .iter()
        .filter_map(|stage| match stage {
            Stage::Join(join) => Some(&join.query),
            Stage::Append(query) => Some(query),
            _ => None,
        })
        .map(AsRef::as_ref)
}

/// The sources as event types with ids in their order, and the source of each.
fn possible(visibility: &Visibility, taxonomy: &Taxonomy, codes: &[String]) -> (Catalog, Vec<usize>) {
    let (mut catalog, mut places) = (Catalog::default(), Vec::new());
    // Sources of fields have the types of another source.
    for (place, source) in visibility.sources().iter().enumerate().filter(|(_, source)| source.fields.is_empty()) {
        for mut of in source.possible_types(codes, taxonomy) {
            of.id = TypeId(u32::try_from(places.len()).expect("some hundred sources have few types"));
            catalog.types.push(of);
            places.push(place);
        }
    }
    (catalog, places)
}

/// The event ids that a query asks for as they are, each once.
pub(super) fn event_ids(query: &Query) -> Vec<String> {
    let mut out = Vec::new();
    codes_of(query, &mut out);
    out.sort_unstable();
    out.dedup();
    out
}

fn codes_of(query: &Query, out: &mut Vec<String>) {
    let filters = query.stages.iter().filter_map(|stage| match stage {
        Stage::Filter(pred) => Some(pred),
        _ => None,
    });
    for pred in std::iter::once(&query.filter).chain(filters) {
        pred.each_leaf(&mut |leaf| {
            if let Pred::Match(Match { field, test: Test::Glob { glob, .. }, .. }) = leaf
                && CODE_FIELDS.iter().any(|name| name.eq_ignore_ascii_case(&field.name))
            {
                out.extend(glob.as_literal().map(str::to_owned));
            }
        });
    }
    inner(query).for_each(|inner| codes_of(inner, out));
}

fn column(field: &str) -> Column {
    Column {
        field: field.to_owned(),
        sql_name: String::new(),
        view_name: String::new(),
        encoding: Encoding::Dictionary,
        has_lists: false,
        has_packed: false,
    }
}
