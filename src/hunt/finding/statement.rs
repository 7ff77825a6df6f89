//! Findings of rules that run as SQL: rows of the portable statement become rows as stages give them, and from there on both
//! engines make findings by the same code.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::rows::row_finding;
use super::{FindingSaver, StageSaver, text};
use crate::cancel::Cancel;
use crate::catalog::EventId;
use crate::diag::Diagnostic;
use crate::exec::{Cell, GroupKey, GroupOrigin, Row, RowOrigin, number_text};
use crate::hunt::HuntError;
use crate::hunt::field::seconds;
use crate::ir::Rule;
use crate::plan::{Plan, TIME};
use crate::sql::{Statement, StatementOrigin};
use crate::store::{Envelope, QueryLimits, SqlValue, Store, StoreError};

/// Runs statements, each within limits of its own.
pub(in crate::hunt) struct StatementRunner {
    /// The store that is hunted, opened once more: SQLite answers a statement that needs too much memory by taking back the
    /// transaction of its connection, and in that of the hunt are the findings of all rules.
    reader: Store,
    limits: QueryLimits,
    cancel: Cancel,
}

/// Why a statement did not run to its end.
pub(in crate::hunt) enum StatementStopped {
    /// For a reason of the rule's own.
    Rule(Diagnostic),
    /// The hunt was asked to stop.
    Cancelled,
}

impl StatementRunner {
    /// Opens the store once more.
    pub(in crate::hunt) fn new(store: &Store, limits: &QueryLimits, cancel: &Cancel) -> Result<Self, StoreError> {
        Ok(Self { reader: store.reader()?, limits: limits.clone(), cancel: cancel.clone() })
    }

    /// Runs a statement and passes its rows on.
    pub(in crate::hunt) fn each(
        &mut self,
        sql: &str,
        visit: &mut dyn FnMut(&[SqlValue]) -> Result<(), HuntError>,
    ) -> Result<Result<(), StatementStopped>, HuntError> {
        let cancel = self.cancel.clone();
        let queries = self.reader.typed_queries_until(&self.limits, move || cancel.is_cancelled())?;
        let mut failed = None;
        let ended = queries.prepare(sql).and_then(|mut query| {
            query.each::<StoreError>(&[], &mut |row| {
                visit(&row).map_err(|error| {
                    failed = Some(error);
                    StoreError::Refused(String::new())
                })
            })
        });
        match (failed, ended) {
            (Some(error), _) => Err(error),
            (None, Ok(())) => Ok(Ok(())),
            (None, Err(StoreError::Endless)) if self.cancel.is_cancelled() => Ok(Err(StatementStopped::Cancelled)),
            (None, Err(error)) => Ok(Err(StatementStopped::Rule(fault(error)?))),
        }
    }
}

/// What concerns the statement alone, as a fault of its rule; else the store's error.
fn fault(error: StoreError) -> Result<Diagnostic, StoreError> {
    match error {
        StoreError::Limit(why) => Ok(Diagnostic::error("engine-limit", format!("its statement was stopped: {why}"))),
        StoreError::Sqlite(why) => Ok(Diagnostic::error("engine-statement", format!("SQLite does not run its statement: {why}"))),
        other => Err(other),
    }
}

impl FindingSaver<'_> {
    /// One finding for each row of a rule's statement. Where it does not run to its end, nothing of it is saved.
    pub(in crate::hunt) fn statement_findings(
        &mut self,
        index: usize,
        rule: &Rule,
        plan: &Plan,
        (statement, statements): (&Statement, &mut StatementRunner),
    ) -> Result<Result<(), StatementStopped>, HuntError> {
        self.writer.begin_rule()?;
        let reader = RowReader::new(plan, statement);
        let (envelopes, writer) = (&mut self.envelopes, &mut self.writer);
        let mut saver = StageSaver { index, rule, plan, window_start_us: None, envelopes, writer, ordinals: FxHashMap::default() };
        let ended = statements.each(&statement.sql, &mut |values| {
            let event = reader.event(values).map(|id| saver.envelopes.of(id)).transpose()?;
            let row = reader.row(values, event.as_ref());
            match event {
                Some(event) if rule.query.stages.is_empty() && rule.query.scope().is_some() => {
                    let value = |name: &str| plan.row.place(name).and_then(|place| text(&row.cells[place]));
                    Ok(saver.writer.save(&row_finding(index, rule, event, &value), None)?)
                }
                _ => saver.save(row),
            }
        })?;
        match ended {
            Ok(()) => self.writer.end_rule()?,
            Err(_) => {
                self.writer.take_back_rule()?;
                self.writer.failed(index);
            }
        }
        Ok(ended)
    }
}

/// Reads rows of a statement as rows of a plan's result.
struct RowReader<'a> {
    /// The names of the plan's columns and where each stands; the event's time where a row-wise statement shows it as text.
    places: Vec<(&'a str, Option<usize>)>,
    lists: Option<usize>,
    origin: &'a StatementOrigin,
    names: Arc<[Arc<str>]>,
}

impl<'a> RowReader<'a> {
    fn new(plan: &'a Plan, statement: &'a Statement) -> Self {
        let shown = &statement.row.columns[..statement.row.shown];
        let by_name = |name: &str| shown.iter().position(|column| column == name).filter(|_| name != TIME);
        let columns = plan.result().columns.iter().map(|column| column.name.as_str());
        let places =
            columns.enumerate().map(|(place, name)| (name, if plan.steps.is_empty() { by_name(name) } else { Some(place) })).collect();
        let names = match &statement.row.origin {
            StatementOrigin::Event { .. } => Arc::default(),
            StatementOrigin::Group { keys, .. } => keys.iter().map(|(name, _)| name.as_str().into()).collect(),
        };
        Self { places, lists: statement.row.lists, origin: &statement.row.origin, names }
    }

    /// The event that a row is of, where it is of one.
    fn event(&self, values: &[SqlValue]) -> Option<EventId> {
        match self.origin {
            StatementOrigin::Event { id } => whole(&values[*id]).map(EventId),
            StatementOrigin::Group { .. } => None,
        }
    }

    fn row(&self, values: &[SqlValue], event: Option<&Envelope>) -> Row {
        let lists = self.lists.map_or(serde_json::Value::Null, |place| json(&values[place]));
        let time = || seconds(event.and_then(|event| event.time_us));
        let cell = |(name, place): &(&str, Option<usize>)| match (place, lists.get(name)) {
            (_, Some(serde_json::Value::Array(members))) => {
                Cell::list_of(members.iter().map(|member| member.as_str().unwrap_or_default().into()).collect())
            }
            (Some(place), _) => cell(&values[*place]),
            (None, _) => time(),
        };
        Row { cells: self.places.iter().map(cell).collect(), origin: self.origin(values, event) }
    }

    fn origin(&self, values: &[SqlValue], event: Option<&Envelope>) -> RowOrigin {
        match self.origin {
            StatementOrigin::Event { id } => {
                RowOrigin::Event { id: EventId(whole(&values[*id]).unwrap_or_default()), time_us: event.and_then(|e| e.time_us) }
            }
            StatementOrigin::Group { keys, count, first_us, last_us, events } => {
                let key = GroupKey::new(self.names.clone(), keys.iter().map(|(_, place)| key(&values[*place])).collect());
                let count = whole(&values[*count]).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
                let span = (whole(&values[*first_us]), whole(&values[*last_us]));
                RowOrigin::Group(Box::new(GroupOrigin::of(key, ids(&values[*events]), count, span)))
            }
        }
    }
}

/// The ids of a text with commas.
pub(in crate::hunt) fn ids(value: &SqlValue) -> Vec<EventId> {
    match value {
        SqlValue::Text(text) => text.split(',').filter_map(|id| id.parse().ok()).map(EventId).collect(),
        other => whole(other).map(EventId).into_iter().collect(),
    }
}

/// An integer.
pub(in crate::hunt) fn whole(value: &SqlValue) -> Option<i64> {
    if let SqlValue::Integer(number) = value { Some(*number) } else { None }
}

fn json(value: &SqlValue) -> serde_json::Value {
    if let SqlValue::Text(text) = value { serde_json::from_str(text).unwrap_or_default() } else { serde_json::Value::Null }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of rules are floating-point")]
fn cell(value: &SqlValue) -> Cell {
    match value {
        SqlValue::Null | SqlValue::Blob(_) => Cell::Null,
        SqlValue::Integer(number) => Cell::number_of(*number as f64),
        SqlValue::Real(number) => Cell::number_of(*number),
        SqlValue::Text(text) => Cell::text_of(text.as_str()),
    }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of rules are floating-point")]
fn key(value: &SqlValue) -> Arc<str> {
    match value {
        SqlValue::Null | SqlValue::Blob(_) => "".into(),
        SqlValue::Integer(number) => number_text(*number as f64).into(),
        SqlValue::Real(number) => number_text(*number).into(),
        SqlValue::Text(text) => text.as_str().into(),
    }
}
