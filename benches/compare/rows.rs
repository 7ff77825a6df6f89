//! What a rule gives by the evaluator: the events that match, and for a rule with stages its result rows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use retrohunt::catalog::{EventType, TypeId};
use retrohunt::ir::{Field, Query, Source, Vocabulary};

use super::archive::{Archive, Event};
use super::condition::value;
use super::dataset;
use super::evaluate::brackets;
use super::evaluate::now;
use super::evaluate::stages::{ID, Table, World, made, rows_of, through};
use super::evaluate::text::{glob_matches, pattern_of, seconds};
use super::evaluate::{Row, Value, has_events, pred};
use super::found::{Found, ResultRow, of_row, only_filters};
use super::lookup::{Place, find, meant};
use super::matching::each_match;
use super::reads::Names;

/// What a rule gives by the evaluator.
pub(crate) struct Evaluated {
    /// All its rows.
    pub(crate) found: Found,
    /// Those that some event is behind.
    pub(crate) findings: Found,
}

/// What a rule gives, in the columns that its result has. `risk`: the findings of the rules that do not ask for any.
pub(crate) fn evaluate(archive: &Archive, query: &Query, columns: &[String], risk: &[Row]) -> Evaluated {
    let query = now::replaced_by(query, archive.newest_us);
    let mut names = Names::default();
    names.of_query(&query);
    names.0.extend(columns.iter().cloned());
    let asked = Asked { archive, names: names.0, risk };
    if only_filters(&query) && matches!(query.source, Source::Events(_)) {
        let mut events = Vec::new();
        each_match(archive, &brackets::resolved(&query, &asked), &mut |_, event| events.push(event.id));
        let found = Found { events, rows: Vec::new() }.sorted();
        return Evaluated { findings: found.clone(), found };
    }
    let rows = through(&query, &asked).rows;
    let of = |rows: &mut dyn Iterator<Item = &Row>| -> Found {
        let rows: Vec<ResultRow> = rows.map(|row| of_row(row, columns)).collect();
        Found { events: Vec::new(), rows }.sorted()
    };
    Evaluated { found: of(&mut rows.iter()), findings: of(&mut rows.iter().filter(|row| has_events(row))) }
}

/// What one rule asks about an archive.
struct Asked<'a> {
    archive: &'a Archive,
    /// Every name or pattern that it reads anywhere, or that its result shows.
    names: BTreeSet<String>,
    risk: &'a [Row],
}

impl World for Asked<'_> {
    fn first(&self, query: &Query) -> Table {
        let mut made = match &query.source {
            Source::Events(_) => return self.events(query),
            Source::Findings { prefix } => findings(self.risk, prefix.as_deref()),
            Source::Table(table) => rows_of(table),
            Source::Rows(count) => {
                let now = now::now(self.archive.newest_us).map(|now| ("_time".to_owned(), Value::Number(now)));
                let row: Row = now.into_iter().chain([made()]).collect();
                Table { columns: vec!["_time".to_owned()], rows: (0..*count).map(|_| row.clone()).collect() }
            }
        };
        made.rows.retain(|row| pred::passes(&query.filter, row));
        made
    }

    fn result(&self, query: &Query) -> Table {
        through(query, self)
    }
}

/// Findings under the names that a rule reads them by: with the prefix, but those that Splunk has of every row.
fn findings(risk: &[Row], prefix: Option<&str>) -> Table {
    let written = |name: &str| match prefix {
        Some(prefix) if !dataset::GENERAL.contains(&name) && name != ID => format!("{prefix}.{name}"),
        _ => name.to_owned(),
    };
    let rows: Vec<Row> = risk.iter().map(|row| row.iter().map(|(name, value)| (written(name), value.clone())).collect()).collect();
    let columns: BTreeSet<&String> = rows.iter().flat_map(Row::keys).filter(|name| *name != ID).collect();
    Table { columns: columns.into_iter().cloned().collect(), rows }
}

impl Asked<'_> {
    /// The rows of the events that match, newest first, of one time the later loaded first.
    fn events(&self, query: &Query) -> Table {
        let mut matched: Vec<(&EventType, &Event)> = Vec::new();
        each_match(self.archive, query, &mut |event_type, event| matched.push((event_type, event)));
        matched.sort_by_key(|(_, event)| (Reverse(event.time_us), Reverse(event.id)));
        let types: BTreeMap<TypeId, &EventType> = matched.iter().map(|(event_type, _)| (event_type.id, *event_type)).collect();
        let names = self.of_types(&types);
        let field = |name: &String| Field { name: name.clone(), vocabulary: Vocabulary::Splunk };
        let in_scope = |event_type| query.scope().and_then(|scope| meant(scope, event_type)).unwrap_or_default();
        let places: BTreeMap<TypeId, Vec<(&String, Place)>> = types
            .iter()
            .map(|(id, event_type)| (*id, names.iter().map(|name| (name, find(&field(name), event_type, &in_scope(event_type)))).collect()))
            .collect();
        let row = |(event_type, event): &(&EventType, &Event)| {
            let cells = places[&event_type.id].iter().map(|(name, place)| ((*name).clone(), value(place, event, self.archive)));
            let mut row: Row = cells.filter(|(_, value)| *value != Value::Null).collect();
            if let Some(us) = event.time_us {
                row.insert("_time".to_owned(), Value::Number(seconds(us).parse().unwrap()));
            }
            #[allow(clippy::cast_precision_loss, reason = "a double holds the numbers of our events")]
            row.insert(ID.to_owned(), Value::Number(event.id as f64));
            row
        };
        let rows: Vec<Row> = matched.iter().map(row).collect();
        let columns: BTreeSet<&String> = rows.iter().flat_map(Row::keys).filter(|name| *name != ID).collect();
        Table { columns: columns.into_iter().cloned().collect(), rows }
    }

    /// The names; of a pattern the stored fields that fit.
    fn of_types(&self, types: &BTreeMap<TypeId, &EventType>) -> BTreeSet<String> {
        let (patterns, mut names): (BTreeSet<String>, BTreeSet<String>) = self.names.iter().cloned().partition(|name| name.contains('*'));
        let stored = types.values().flat_map(|event_type| &event_type.columns).map(|column| &column.field);
        names.extend(stored.filter(|field| patterns.iter().any(|pattern| fits(pattern, field))).cloned());
        names
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    glob_matches(&pattern_of(pattern), name, retrohunt::ir::Case::Exact)
}
