//! The events behind findings in the order of time, and those around them.

use rusqlite::{Connection, params_from_iter};
use rustc_hash::FxHashMap;

use super::StoreError;
use super::finding_filter::{FilterSql, FindingFilter};
use super::finding_groups::RANK;
use super::kept_event::{HOST, IS_THERE, JOIN_EVENT, TIME};
use crate::catalog::EventId;
use crate::ir::Level;

/// An event behind findings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimelineEvent {
    /// The event.
    pub event: EventId,
    /// The highest level of the rules that found it.
    pub severity: Option<Level>,
    /// The titles of these rules: those that found this event alone, then those that found several together, then those over findings;
    /// of one kind the highest level first.
    pub rules: Vec<String>,
    /// The findings.
    pub findings: Vec<i64>,
    /// What the first finding that is about this event alone says; empty where there is none.
    pub details: String,
}

impl TimelineEvent {
    /// An event that no finding is about.
    pub fn beside(event: EventId) -> Self {
        Self { event, severity: None, rules: Vec::new(), findings: Vec::new(), details: String::new() }
    }
}

/// How much else a finding `f` of a rule `r` is about, beside one event: nothing, other events, the findings of other rules.
const BREADTH: &str = "CASE WHEN r.reads_findings THEN 2 ELSE f.count <> 1 END";

/// From this time on and before that one (µs UTC).
pub type TimeSpan = (Option<i64>, Option<i64>);

/// See [`super::Store::each_timeline_event`].
pub(super) fn each<E: From<StoreError>>(
    connection: &Connection,
    filter: &FindingFilter,
    span: TimeSpan,
    visit: &mut dyn FnMut(TimelineEvent) -> Result<(), E>,
) -> Result<(), E> {
    let FilterSql { condition, parameters, .. } = of_events(filter, span);
    let sql = format!(
        "SELECT x.event, {RANK}, r.title, f.id, CASE WHEN {BREADTH} = 0 THEN f.details ELSE '' END
         FROM evidence x JOIN finding f ON f.id = x.finding JOIN rule r ON r.id = f.rule {JOIN_EVENT}
         WHERE {condition} AND {IS_THERE} ORDER BY {TIME} IS NULL, {TIME}, x.event, {BREADTH}, 2 DESC, f.id"
    );
    let mut statement = connection.prepare(&sql).map_err(StoreError::from)?;
    let mut rows = statement.query(params_from_iter(&parameters)).map_err(StoreError::from)?;
    let mut at_hand: Option<TimelineEvent> = None;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        let column = |row: &rusqlite::Row<'_>| -> Result<(i64, i64, String, i64, String), rusqlite::Error> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        };
        let (event, rank, title, finding, details) = column(row).map_err(StoreError::from)?;
        if at_hand.as_ref().is_some_and(|known| known.event != EventId(event))
            && let Some(whole) = at_hand.take()
        {
            visit(whole)?;
        }
        let known = at_hand.get_or_insert_with(|| TimelineEvent::beside(EventId(event)));
        let severity = usize::try_from(rank).ok().and_then(|rank| rank.checked_sub(1)).and_then(|place| Level::ALL.get(place));
        known.severity = known.severity.max(severity.copied());
        if !known.rules.contains(&title) {
            known.rules.push(title);
        }
        known.findings.push(finding);
        if known.details.is_empty() {
            known.details = details;
        }
    }
    at_hand.map_or(Ok(()), visit)
}

/// See [`super::Store::events_around`].
pub(super) fn around(
    connection: &Connection,
    filter: &FindingFilter,
    span: TimeSpan,
    around_us: i64,
    last: EventId,
) -> Result<Vec<EventId>, StoreError> {
    let FilterSql { condition, parameters, .. } = of_events(filter, span);
    let sql = format!(
        "SELECT DISTINCT {HOST}, {TIME} FROM evidence x JOIN finding f ON f.id = x.finding JOIN rule r ON r.id = f.rule
         {JOIN_EVENT} WHERE {condition} AND {TIME} IS NOT NULL ORDER BY 1, 2"
    );
    let mut statement = connection.prepare(&sql)?;
    let times = statement.query_map(params_from_iter(&parameters), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut spans: FxHashMap<Option<i64>, Vec<(i64, i64)>> = FxHashMap::default();
    for time in times {
        let (host, us): (Option<i64>, i64) = time?;
        let (from, to) = (us.saturating_sub(around_us), us.saturating_add(around_us));
        let own = spans.entry(host).or_default();
        match own.last_mut() {
            Some((_, end)) if *end >= from => *end = to,
            _ => own.push((from, to)),
        }
    }
    // One pass over the table of all events: an index by time would cost every load for the sake of this question.
    let mut statement = connection.prepare("SELECT id, host, time_us FROM event WHERE id <= ?1 AND time_us IS NOT NULL")?;
    let mut rows = statement.query([last.0])?;
    let mut out: Vec<(i64, EventId)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (host, us): (Option<i64>, i64) = (row.get(1)?, row.get(2)?);
        let is_near = |own: &Vec<(i64, i64)>| {
            let place = own.partition_point(|(from, _)| *from <= us);
            place > 0 && us <= own[place - 1].1
        };
        if spans.get(&host).is_some_and(is_near) {
            out.push((us, EventId(row.get(0)?)));
        }
    }
    out.sort_unstable();
    Ok(out.into_iter().map(|(_, event)| event).collect())
}

/// The condition over `finding f`, `rule r` and the event of [`JOIN_EVENT`].
fn of_events(filter: &FindingFilter, span: TimeSpan) -> FilterSql {
    let mut sql = filter.sql();
    sql.and_event_in(span);
    sql.and_event_of_host();
    sql
}
