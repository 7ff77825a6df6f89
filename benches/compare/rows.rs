//! What a rule gives by the evaluator: the events that match, and for a rule with stages its result rows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use retrohunt::catalog::{EventType, TypeId};
use retrohunt::ir::{Aggregate, Dedup, Field, Glob, Part, Query, Stage, Vocabulary};

use super::archive::{Archive, Event};
use super::condition::value;
use super::evaluate::now;
use super::evaluate::stages::{ID, Table};
use super::evaluate::text::{glob_matches, seconds};
use super::evaluate::{Row, Value};
use super::found::{Found, ResultRow, of_row, only_filters};
use super::lookup::{Place, find, meant};
use super::matching::each_match;

/// What a rule gives by the evaluator.
pub(crate) struct Evaluated {
    pub(crate) found: Found,
    /// No event is behind the rows: an aggregation of nothing gives one row.
    pub(crate) of_nothing: bool,
}

/// What a rule gives, in the columns that its result has.
pub(crate) fn evaluate(archive: &Archive, query: &Query, columns: &[String]) -> Evaluated {
    let query = &now::replaced_by(query, archive.newest_us);
    let mut matched: Vec<(&EventType, &Event)> = Vec::new();
    each_match(archive, query, &mut |event_type, event| matched.push((event_type, event)));
    let events: Vec<i64> = matched.iter().map(|(_, event)| event.id).collect();
    if only_filters(query) {
        return Evaluated { found: Found { events, rows: Vec::new() }.sorted(), of_nothing: false };
    }
    let (rows, of_nothing) = result(archive, query, columns, matched);
    let rows: Vec<ResultRow> = rows.iter().map(|row| of_row(row, columns)).collect();
    Evaluated { found: Found { events: Vec::new(), rows }.sorted(), of_nothing }
}

/// The rows after the last stage, and whether there were none on the way to them. The first are the events, newest first,
/// of one time the later loaded first.
fn result(archive: &Archive, query: &Query, columns: &[String], mut matched: Vec<(&EventType, &Event)>) -> (Vec<Row>, bool) {
    matched.sort_by_key(|(_, event)| (Reverse(event.time_us), Reverse(event.id)));
    let types: BTreeMap<TypeId, &EventType> = matched.iter().map(|(event_type, _)| (event_type.id, *event_type)).collect();
    let names = names(query, columns, &types);
    let field = |name: &String| Field { name: name.clone(), vocabulary: Vocabulary::Splunk };
    let in_scope = |event_type| query.scope().and_then(|scope| meant(scope, event_type)).unwrap_or_default();
    let places: BTreeMap<TypeId, Vec<(&String, Place)>> = types
        .iter()
        .map(|(id, event_type)| (*id, names.iter().map(|name| (name, find(&field(name), event_type, &in_scope(event_type)))).collect()))
        .collect();
    let row = |(event_type, event): &(&EventType, &Event)| {
        let cells = places[&event_type.id].iter().map(|(name, place)| ((*name).clone(), value(place, event, archive)));
        let mut row: Row = cells.filter(|(_, value)| *value != Value::Null).collect();
        if let Some(us) = event.time_us {
            row.insert("_time".to_owned(), Value::Number(seconds(us).parse().unwrap()));
        }
        #[allow(clippy::cast_precision_loss, reason = "a double holds the numbers of our events")]
        row.insert(ID.to_owned(), Value::Number(event.id as f64));
        row
    };
    let rows: Vec<Row> = matched.iter().map(row).collect();
    let columns = rows.iter().flat_map(|row| row.keys().filter(|name| *name != ID).cloned()).collect();
    let mut table = Table { columns, rows };
    let mut of_nothing = table.rows.is_empty();
    for stage in &query.stages {
        table.apply(stage);
        of_nothing |= table.rows.is_empty();
    }
    (table.rows, of_nothing)
}

/// Every name that the stages read of an event, or that the result shows. A pattern means the stored fields that fit.
fn names(query: &Query, columns: &[String], types: &BTreeMap<TypeId, &EventType>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = columns.iter().cloned().collect();
    for stage in &query.stages {
        each_name(stage, &mut |name| {
            names.insert(name.to_owned());
        });
    }
    let (patterns, mut names): (BTreeSet<String>, BTreeSet<String>) = names.into_iter().partition(|name| name.contains('*'));
    let stored = types.values().flat_map(|event_type| &event_type.columns).map(|column| &column.field);
    names.extend(stored.filter(|field| patterns.iter().any(|pattern| fits(pattern, field))).cloned());
    names
}

fn fits(pattern: &str, name: &str) -> bool {
    let pieces = pattern.split('*').enumerate();
    let parts = pieces.flat_map(|(i, text)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(text.to_owned())]));
    glob_matches(&Glob::new(parts), name, retrohunt::ir::Case::Exact)
}

fn each_name(stage: &Stage, visit: &mut dyn FnMut(&str)) {
    let aggregate = |aggregate: &Aggregate, visit: &mut dyn FnMut(&str)| {
        aggregate.argument.iter().for_each(|argument| argument.each_field(&mut |field| visit(&field.name)));
    };
    match stage {
        Stage::Filter(pred) => pred.each_field(&mut |field| visit(&field.name)),
        Stage::Eval(assignments) => assignments.iter().for_each(|(_, scalar)| scalar.each_field(&mut |field| visit(&field.name))),
        Stage::Stats(stats) | Stage::EventStats(stats) => {
            stats.by.iter().for_each(|field| visit(&field.name));
            stats.aggregates.iter().for_each(|a| aggregate(a, visit));
        }
        Stage::Rename(renames) => renames.iter().for_each(|rename| visit(&rename.from)),
        Stage::Keep(names) | Stage::Dedup(Dedup { fields: names, .. }) | Stage::FormatTime { fields: names, .. } => {
            names.iter().for_each(|name| visit(name));
        }
        Stage::FillNull { fields, .. } if fields.is_empty() => visit("*"),
        Stage::FillNull { fields, .. } => fields.iter().for_each(|name| visit(name)),
        Stage::Sort { keys, .. } => keys.iter().for_each(|key| visit(&key.field)),
        Stage::Bin { field, .. } => visit(field),
        Stage::Drop(_) | Stage::Head(_) => {}
        _ => {} // GAP
    }
}
