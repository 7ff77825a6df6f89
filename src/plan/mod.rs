//! Passes from IR to IR: a rule's names become columns of the store's event types.
//!
//! [`plan`] takes a query and a catalog and returns one branch per event type that can answer it: scope and
//! constants are folded, so a type that cannot match is not there. A plan knows no Sigma, no SPL and no SQL.

mod dataset;
mod fold;
mod function;
mod liveness;
mod object;
mod outputs;
mod print;
mod rename;
mod resolve;
mod schema;
mod scope;
mod spell;
#[cfg(test)]
mod tests;
mod tokens;
mod unpack;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use dataset::is_field_of;
pub use outputs::result_columns;
pub use print::{field as print_field, print};
pub use resolve::resolve;
pub use schema::{Inner, Kind, RowColumn, RowSchema, SPREAD, Step};
pub use scope::known_fields;
pub use views::{CategoryMember, CategoryView, category_views};

pub use crate::taxonomy::FieldFunction;

use crate::catalog::{Catalog, ColumnIndex, EventType, TypeId};
use crate::diag::{Diagnostic, Severity};
use crate::ir::{Chart, Field, Pred, Query, Scope, Source, Stage, Table, Unpack, Vocabulary};
use crate::taxonomy::Taxonomy;

use fold::{FieldTable, QueryNames};
use liveness::{Brackets, Link};
use resolve::{NameResolver, Resolved};
use scope::Scoped;
use serde::Serialize;

/// A query resolved against a catalog.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Where the rows before the first stage come from.
    pub source: RowSource,
    /// Of events: one per event type that can answer, ordered by type id.
    pub branches: Vec<Branch>,
    /// The columns of the rows before the first stage: `_time`, then what stages and the result read of the event, by name.
    pub row: RowSchema,
    /// The stages and what each makes of the columns, without conditions that were pushed into the branches.
    pub steps: Vec<Step>,
    /// Fields that the rule asks for and that no scoped event type has, in the rule's spelling, sorted.
    pub missing: Vec<String>,
    /// What the planner has to say about the query as a whole, e.g. that nobody knows its log source.
    pub notes: Vec<Diagnostic>,
}

/// Where the rows before the first stage come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum RowSource {
    /// Events, by the plan's branches.
    Events,
    /// The store's findings; a column `PREFIX.name` of the rows is their field `name`.
    Findings {
        /// e.g. `All_Risk`
        prefix: Option<String>,
    },
    /// A lookup table: its columns in their order.
    #[serde(with = "crate::serial::shared")]
    Table(Arc<Table>),
    /// So many rows made of nothing.
    Made(u64),
}

impl Plan {
    /// The plans of a tree: this one, then those in the brackets of its stages, in order.
    pub fn tree(&self) -> Vec<&Plan> {
        std::iter::once(self).chain(inner_plans(&self.steps).into_iter().flat_map(Self::tree)).collect()
    }

    /// Whether it has rows in some store with this catalog: those of its source, or of brackets behind it, unless all are then joined with
    /// rows that cannot be there.
    pub fn can_have_rows(&self) -> bool {
        let own = self.source != RowSource::Events || !self.branches.is_empty();
        self.steps.iter().fold(own, |has, step| {
            let inner = || inner_plans(std::slice::from_ref(step)).into_iter().any(Self::can_have_rows);
            match &step.stage {
                Stage::Join(join) if !join.left => has && inner(),
                _ => has || inner(),
            }
        })
    }

    /// Takes over what inner plans have to say.
    fn take_inner(&mut self) {
        let inner = inner_plans(&self.steps);
        let notes: Vec<Diagnostic> = inner.iter().flat_map(|plan| plan.notes.iter().cloned()).collect();
        let missing: BTreeSet<String> = inner.iter().flat_map(|plan| plan.missing.iter().cloned()).chain(self.missing.drain(..)).collect();
        self.notes.extend(notes);
        self.missing = missing.into_iter().collect();
    }

    /// The columns of the result.
    pub fn result(&self) -> &RowSchema {
        self.steps.last().map_or(&self.row, |step| &step.row)
    }

    /// The stages alone.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.steps.iter().map(|step| &step.stage)
    }
}

/// The plans in the brackets of steps, in order, without those in their own brackets.
pub fn inner_plans(steps: &[Step]) -> Vec<&Plan> {
    let of = |inner| match inner {
        &Inner::None => Vec::new(),
        Inner::Plan(plan) | Inner::Each(plan, _) => vec![plan.as_ref()],
        Inner::Steps(steps) => inner_plans(steps),
    };
    steps.iter().map(|step| &step.inner).flat_map(of).collect()
}

/// The part of a query that one event type answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Branch {
    /// The type.
    pub event_type: TypeId,
    /// The condition on one event, its fields resolved; simplified: no field in it is [`FieldExpr::Missing`], and it is
    /// not [`Pred::False`]. A [`FieldExpr::Constant`] stays where it has no simpler form: inside of expressions, on the
    /// left of a [`Pred::Compare`] that searches it, as the last resort of a [`FieldExpr::Coalesce`].
    pub filter: Pred<FieldExpr>,
    /// Every event field that stages, risk message and risk objects read: the rule's spelling → where it is.
    pub fields: BTreeMap<String, FieldExpr>,
}

/// Where the value of a field comes from in one event type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum FieldExpr {
    /// The type has no such field.
    Missing,
    /// The same for every event of the type (channel, event id, product).
    Constant(String),
    /// A column.
    Column(ColumnIndex),
    /// The event's time, as seconds since 1970 in decimal.
    Time,
    /// The event's host.
    Host,
    /// The event's record number.
    Record,
    /// The event's rendered text.
    Message,
    /// A function of another field's value, member by member for lists; missing where its argument is.
    Apply(FieldFunction, Box<FieldExpr>),
    /// The first that is present and neither empty nor `-`.
    Coalesce(Vec<FieldExpr>),
    /// Another field's value, or a text where that is missing or empty; never missing.
    Default(Box<FieldExpr>, String),
}

impl FieldExpr {
    /// Calls `visit` for every column of the event type that the field reads.
    pub fn each_column(&self, visit: &mut dyn FnMut(ColumnIndex)) {
        match self {
            Self::Column(index) => visit(*index),
            Self::Apply(_, inner) | Self::Default(inner, _) => inner.each_column(visit),
            Self::Coalesce(parts) => parts.iter().for_each(|part| part.each_column(visit)),
            Self::Missing | Self::Constant(_) | Self::Time | Self::Host | Self::Record | Self::Message => {}
        }
    }

    /// Whether the field may be a list in some event of the type.
    pub fn may_be_list(&self, event_type: &EventType) -> bool {
        match self {
            Self::Column(index) => event_type.column(*index).has_lists,
            Self::Apply(FieldFunction::FirstMember | FieldFunction::LastMember, _) => false,
            Self::Apply(_, inner) | Self::Default(inner, _) => inner.may_be_list(event_type),
            Self::Coalesce(parts) => parts.iter().any(|part| part.may_be_list(event_type)),
            Self::Missing | Self::Constant(_) | Self::Time | Self::Host | Self::Record | Self::Message => false,
        }
    }
}

/// Whether [`FieldExpr::Coalesce`] takes a value: Windows writes `-` where it has nothing to say.
pub fn is_filled(value: &str) -> bool {
    // An empty text and `-` are nothing to say; `N/A`, `0` or `null` may be meant, and stay values.
    !matches!(value, "" | "-")
}

/// Resolves a query against a catalog. `extra_fields` are those that the rule's message, its risk objects or the caller
/// want to see of each result.
///
/// Filters that directly follow the base become part of it. A branch whose condition is false is left out, and one
/// without a field that the first stage groups by, since it drops such rows. A test on several values of an event (`Account_Name`:
/// subject and target) passes when it passes for one of them.
pub fn plan(query: &Query, extra_fields: &[String], catalog: &Catalog, taxonomy: &Taxonomy) -> Plan {
    let vocabulary = match query.scope() {
        Some(Scope::LogSource { .. }) => Vocabulary::Sigma,
        Some(Scope::Any | Scope::Dataset { .. }) => Vocabulary::Splunk,
        None => Vocabulary::Row,
    };
    let extra: Vec<Field> = extra_fields.iter().map(|name| Field { name: name.clone(), vocabulary }).collect();
    plan_fields(query, &extra, catalog, taxonomy)
}

/// As [`plan`], with fields that say how they are looked up.
pub fn plan_fields(query: &Query, extra_fields: &[Field], catalog: &Catalog, taxonomy: &Taxonomy) -> Plan {
    // Filters in front are asked in the scan, with all other rules, and not row by row afterwards.
    let leading = query.stages.iter().take_while(|stage| matches!(stage, Stage::Filter(_))).count();
    match &query.source {
        Source::Events(scope) => of_events(query, scope, leading, extra_fields, catalog, taxonomy),
        Source::Findings { .. } | Source::Table(_) | Source::Rows(_) => of_rows(query, extra_fields, catalog, taxonomy),
    }
}

/// Plans what stages hold in brackets. An inner query gives what its own stages keep, and of its events what the stages
/// behind it and the result ask for by name.
fn links(stages: &[Stage], extra_fields: &[Field], catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<Link> {
    let extra = || extra_fields.iter().map(|field| field.name.clone()).collect();
    let asked = |place: usize| unpack::names_asked(&stages[place + 1..], extra());
    let link = |(place, stage): (usize, &Stage)| -> Link {
        let behind = || {
            let mut names = liveness::names_read(&stages[place + 1..]);
            names.extend(extra_fields.iter().map(|field| field.name.clone()));
            names
        };
        let inner = |query: &Query, fields: &[String]| {
            let names = behind().into_iter().chain(fields.iter().cloned()).collect::<BTreeSet<String>>();
            let extra: Vec<Field> = names.into_iter().map(|name| Field { name, vocabulary: Vocabulary::Splunk }).collect();
            Brackets::Plan(Box::new(plan_fields(query, &extra, catalog, taxonomy)))
        };
        match stage {
            Stage::Join(join) => Link { stage: stage.clone(), brackets: inner(&join.query, &join.fields) },
            Stage::Map(map) => {
                let keys = map.keys.iter().map(|(_, inner)| inner.clone());
                let fields: Vec<String> = keys.chain(liveness::names_read(&map.each)).collect();
                let Brackets::Plan(plan) = inner(&map.query, &fields) else { unreachable!("it was made of a query") };
                let extra: Vec<Field> = behind().into_iter().map(|name| Field { name, vocabulary: Vocabulary::Row }).collect();
                Link { stage: stage.clone(), brackets: Brackets::Each(plan, links(&map.each, &extra, catalog, taxonomy)) }
            }
            Stage::Append(query) => Link { stage: stage.clone(), brackets: inner(query, &[]) },
            Stage::AppendPipe(stages) => {
                let extra: Vec<Field> = behind().into_iter().map(|name| Field { name, vocabulary: Vocabulary::Row }).collect();
                Link { stage: stage.clone(), brackets: Brackets::Stages(links(stages, &extra, catalog, taxonomy)) }
            }
            Stage::Unpack(unpack) if unpack.path.is_none() => {
                let columns = unpack::columns(unpack, asked(place));
                Link { stage: Stage::Unpack(Unpack { columns, ..unpack.clone() }), brackets: Brackets::None }
            }
            Stage::Chart(chart) if chart.is_split() => {
                let columns = behind().into_iter().filter(|name| !name.contains('*') && *name != chart.stats.by[0].name).collect();
                Link { stage: Stage::Chart(Chart { columns, ..chart.clone() }), brackets: Brackets::None }
            }
            stage => Link { stage: stage.clone(), brackets: Brackets::None },
        }
    };
    (0..).zip(stages).map(link).collect()
}

/// Plans a query over rows that are not events: everything is a stage.
fn of_rows(query: &Query, extra_fields: &[Field], catalog: &Catalog, taxonomy: &Taxonomy) -> Plan {
    let (source, names) = match &query.source {
        Source::Table(table) => (RowSource::Table(table.clone()), table.columns.clone()),
        Source::Findings { prefix } => {
            let mut names = liveness::names_read(std::slice::from_ref(&Stage::Filter(query.filter.clone())));
            names.extend(liveness::names_read(&query.stages));
            names.extend(extra_fields.iter().map(|field| field.name.clone()));
            names.remove(TIME);
            (RowSource::Findings { prefix: prefix.clone() }, names.into_iter().collect())
        }
        Source::Rows(count) => (RowSource::Made(*count), Vec::new()),
        Source::Events(_) => unreachable!("events have their own way"),
    };
    let column = |name: String| RowColumn { name, kind: Kind::Text, multi: false, named: false };
    let time = (!matches!(source, RowSource::Table(_))).then(|| RowColumn {
        name: TIME.to_owned(),
        kind: Kind::Number,
        multi: false,
        named: false,
    });
    let row = RowSchema { columns: time.into_iter().chain(names.into_iter().map(column)).collect() };
    let filter = (query.filter != Pred::True).then(|| Link { stage: Stage::Filter(query.filter.clone()), brackets: Brackets::None });
    let links: Vec<Link> = filter.into_iter().chain(links(&query.stages, extra_fields, catalog, taxonomy)).collect();
    let steps = liveness::steps(&links, &row);
    let mut plan = Plan { source, branches: Vec::new(), row, steps, missing: Vec::new(), notes: Vec::new() };
    plan.take_inner();
    plan
}

fn of_events(query: &Query, scope: &Scope, leading: usize, extra_fields: &[Field], catalog: &Catalog, taxonomy: &Taxonomy) -> Plan {
    let (scoped, mut notes) = scope::scoped(scope, catalog, taxonomy);
    let (pushed, stages) = query.stages.split_at(leading);
    let conditions: Vec<&Pred> = std::iter::once(&query.filter)
        .chain(pushed.iter().filter_map(|stage| match stage {
            Stage::Filter(pred) => Some(pred),
            _ => None,
        }))
        .collect();
    let mut table = FieldTable::default();
    conditions.iter().for_each(|pred| table.add_pred(pred));
    // Constants first: with a thousand event types and three thousand rules, most pairs end here without a look at any column.
    let candidates = candidates(&scoped, &conditions, &table, taxonomy);
    let known = || candidates.iter().flat_map(NameResolver::pattern_names).collect();
    let is_there = |field: &Field| candidates.iter().any(|candidate| !candidate.resolve(field).is_missing());
    let links = links(stages, extra_fields, catalog, taxonomy);
    let needed = liveness::needed(&links, extra_fields, known, is_there);
    needed.fields.values().for_each(|field| table.add(field));

    let mut found = vec![false; table.fields.len()];
    let mut branches = Vec::new();
    let mut groupless: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for resolver in &candidates {
        let resolved: Vec<Resolved> = table.fields.iter().map(|field| resolver.resolve(field)).collect();
        found.iter_mut().zip(&resolved).for_each(|(found, resolved)| *found |= !resolved.is_missing());
        let envelope = resolver.envelope();
        let names = QueryNames { table: &table, resolved: &resolved, envelope: &envelope };
        let parts = conditions.iter().map(|pred| names.fold(pred)).chain(resolver.conditions());
        let filter = Pred::all(parts);
        if filter == Pred::False {
            continue;
        }
        // Rows without the first by-field are dropped anyway (rule P3): such a type is not read at all, and a note says so.
        if let Some(by) = groups_by(stages).iter().find(|by| names.value(by) == FieldExpr::Missing) {
            groupless.entry(&by.name).or_default().push(&resolver.event_type().view);
        } else {
            let fields = needed.fields.iter().map(|(name, field)| (name.clone(), names.value(field))).collect();
            branches.push(Branch { event_type: resolver.event_type().id, filter, fields });
        }
    }
    // Not where there is a note already: a log source that nobody knows explains itself.
    if candidates.is_empty() && notes.is_empty() {
        let message = "the store has no events that this rule could match";
        notes.push(Diagnostic::new(Severity::Note, "plan-no-events", message));
    }
    for (by, views) in groupless {
        let message = format!("the rule groups by {by}, which events of {} do not have: they are left out", views.join(", "));
        notes.push(Diagnostic::new(Severity::Note, "plan-null-group", message));
    }
    let asked: BTreeSet<&Field> = conditions.iter().flat_map(|pred| fields_of(pred)).collect();
    // With no event type in scope every field would be missing, which says nothing about the rule.
    let absent = table.fields.iter().zip(&found).filter(|(_, found)| !**found && !candidates.is_empty());
    let missing = absent.filter(|(field, _)| asked.contains(*field) || !needed.made.contains(&field.name));
    let missing: BTreeSet<&str> = missing.map(|(field, _)| field.name.as_str()).collect();
    let missing = missing.into_iter().map(str::to_owned).collect();
    let row = first_row(&branches, &needed.fields, catalog);
    let steps = liveness::steps(&links, &row);
    let mut plan = Plan { source: RowSource::Events, branches, row, steps, missing, notes };
    plan.take_inner();
    plan
}

fn fields_of(pred: &Pred) -> Vec<&Field> {
    let mut out = Vec::new();
    pred.each_field(&mut |field| out.push(field));
    out
}

/// The columns of the rows before the first stage.
fn first_row(branches: &[Branch], needed: &BTreeMap<String, Field>, catalog: &Catalog) -> RowSchema {
    let of_event = |name: &String| {
        let exprs: Vec<(&FieldExpr, &EventType)> =
            branches.iter().filter_map(|b| Some((b.fields.get(name)?, catalog.event_type(b.event_type)?))).collect();
        let kind = exprs.iter().map(|(expr, _)| if **expr == FieldExpr::Time { Kind::Number } else { Kind::Text }).reduce(Kind::or);
        let multi = exprs.iter().any(|(expr, event_type)| expr.may_be_list(event_type));
        RowColumn { name: name.clone(), kind: kind.unwrap_or(Kind::Text), multi, named: false }
    };
    // A field that no event has is not a column: a pattern does not mean it.
    let is_there = |name: &&String| branches.iter().any(|b| b.fields.get(*name).is_some_and(|expr| *expr != FieldExpr::Missing));
    // `_time` is always there: rows are ordered by it, and `bin _time` needs no other reason to find it.
    let time = RowColumn { name: TIME.to_owned(), kind: Kind::Number, multi: false, named: false };
    let fields = needed.keys().filter(|name| *name != TIME).filter(is_there);
    RowSchema { columns: std::iter::once(time).chain(fields.map(of_event)).collect() }
}

/// The column with an event's time, in seconds since 1970.
pub const TIME: &str = "_time";

/// Returns the fields whose absence drops an event: those that the first stage groups by, where it does not fill them.
fn groups_by(stages: &[Stage]) -> &[Field] {
    match stages.first() {
        // Only the first stage: after an `eval` the field may have got a value.
        Some(Stage::Stats(stats)) if stats.fill_null_by.is_none() => &stats.by,
        _ => &[],
    }
}

/// The names under which Splunk says where an event comes from, and the id that Windows gives it.
const ORIGIN_FIELDS: [&str; 5] = ["source", "sourcetype", "eventtype", "EventCode", "EventID"];

/// Returns the event types of a catalog that could answer a query, whatever fields they have: those in its scope whose constants
/// (channel, event id, source type) do not already answer no. None for rows that are not events.
pub fn candidate_types(query: &Query, catalog: &Catalog, taxonomy: &Taxonomy) -> Vec<TypeId> {
    let Some(scope) = query.scope() else { return Vec::new() };
    let (scoped, _) = scope::scoped(scope, catalog, taxonomy);
    let filters = query.stages.iter().map_while(|stage| match stage {
        Stage::Filter(pred) => Some(pred),
        _ => None,
    });
    let conditions: Vec<&Pred> = std::iter::once(&query.filter).chain(filters).collect();
    let mut table = FieldTable::default();
    conditions.iter().for_each(|pred| table.add_pred(pred));
    let can = |scoped: &Scoped<'_>| {
        let resolver = NameResolver::new(scoped.clone(), taxonomy);
        // A data set says what a field is that an event does not have: a constant of this type, and not of one with the field.
        let resolved = |field: &Field| if scoped.rows.is_some() { resolver.before_stored(field) } else { Some(resolver.resolve(field)) };
        let constant = |field: &&Field| match resolved(field) {
            // What says where an event comes from is a constant or not there: an event of another system has no channel.
            Some(found) if found.is_missing() && ORIGIN_FIELDS.contains(&field.name.as_str()) => Some(Resolved::Synonyms(Vec::new())),
            found => found.filter(Resolved::is_constant),
        };
        let constants: Vec<Option<Resolved>> = table.fields.iter().map(constant).collect();
        conditions.iter().all(|pred| fold::answer(pred, &table, &constants) != Some(false))
    };
    scoped.iter().filter(|scoped| can(scoped)).map(|scoped| scoped.event_type.id).collect()
}

/// Returns the scoped event types whose constants do not already answer no.
fn candidates<'a>(scoped: &[Scoped<'a>], conditions: &[&Pred], table: &FieldTable<'_>, taxonomy: &'a Taxonomy) -> Vec<NameResolver<'a>> {
    let resolvers = scoped.iter().map(|s| NameResolver::new(s.clone(), taxonomy));
    resolvers
        .filter(|resolver| {
            // Only what stands before the stored names: those are constants in most types, and cost no search.
            let constant = |field: &&Field| resolver.before_stored(field).filter(Resolved::is_constant);
            let constants: Vec<Option<Resolved>> = table.fields.iter().map(constant).collect();
            constants.iter().all(Option::is_none) || conditions.iter().all(|pred| fold::answer(pred, table, &constants) != Some(false))
        })
        .collect()
}
