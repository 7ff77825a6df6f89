//! The findings of the other store: new ones come with their history, of those that both have the evidence is united.
//!
//! A finding of one event is known by the first source that has the event. Where that is another one here, it gets the identity
//! that a hunt of this store would give it.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params, params_from_iter};
use rustc_hash::FxHashMap;

use super::super::super::read::{self, StoredEvent, StoredValue};
use super::super::super::{EVIDENCE_CAP, Store, StoreError, Writer, finding_identity, kept_event};
use super::MergeOutcome;
use super::places::ResolvedPlaces;
use super::replay::Replay;
use crate::catalog::{EventId, EventType};
use crate::event::{BatchEvent, EventBatch, FieldEntry, FieldValue};

/// Columns of `finding` that are as they are, in the order of both statements: those before them are numbers of a store.
const COLUMNS: &str = "state, group_json, columns_json, count, first_time_us, last_time_us, risk_score, impact, confidence, message,
    risk_objects_json, details, described, lost_events";
/// How many these are.
const COLUMN_COUNT: usize = 14;

/// Merges findings in one transaction.
pub(super) fn merge(
    writer: &mut Writer<'_>,
    other: &Store,
    replay: &Replay<'_>,
    places: ResolvedPlaces,
    outcome: &mut MergeOutcome,
) -> Result<(), StoreError> {
    let connection = writer.connection;
    let theirs = &other.connection;
    // What is kept as text may bring kinds of events that this store has none of.
    let mut places = places;
    keep_others(writer, other, replay, &mut places)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let merged = all(connection, theirs, &places, outcome);
    connection.execute_batch(if merged.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    merged
}

fn all(connection: &Connection, theirs: &Connection, places: &ResolvedPlaces, outcome: &mut MergeOutcome) -> Result<(), StoreError> {
    let hunts = hunts(connection, theirs)?;
    let rules = rules(connection, theirs)?;
    // The last hunt that had a current finding is that of its rule, if it is later.
    let sql = format!(
        "SELECT f.id, f.finding_id, f.rule, f.first_hunt,
             CASE f.state WHEN 'current' THEN max(f.hunt, coalesce((SELECT r.hunt FROM rule r WHERE r.id = f.rule), 0)) ELSE f.hunt END, {COLUMNS}
         FROM finding f ORDER BY f.id"
    );
    let mut select = theirs.prepare(&sql)?;
    let mut rows = select.query([])?;
    let mut merger = FindingMerger { connection, theirs, places, hunts: &hunts };
    while let Some(row) = rows.next()? {
        let (their_rule, first_hunt, hunt): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let (Some((rule, rule_id)), Some(first_hunt), Some(hunt)) = (rules.get(&their_rule), hunts.get(&first_hunt), hunts.get(&hunt))
        else {
            continue;
        };
        if merger.finding(row, (*rule, rule_id), [*first_hunt, *hunt])? {
            outcome.findings += 1;
        } else {
            outcome.known_findings += 1;
        }
    }
    hunts_of_rules(connection, theirs, &hunts, &rules)?;
    statuses(connection, theirs, &hunts)
}

/// Which rules had findings in which hunts: the history of a finding that stays as it is.
fn hunts_of_rules(
    connection: &Connection,
    theirs: &Connection,
    hunts: &FxHashMap<i64, i64>,
    rules: &FxHashMap<i64, (i64, String)>,
) -> Result<(), StoreError> {
    let mut insert = connection.prepare("INSERT OR IGNORE INTO hunt_rule (hunt, rule) VALUES (?1, ?2)")?;
    let mut select = theirs.prepare("SELECT hunt, rule FROM hunt_rule")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if let (Some(hunt), Some((rule, _))) = (hunts.get(&row.get(0)?), rules.get(&row.get(1)?)) {
            insert.execute([hunt, rule])?;
        }
    }
    Ok(())
}

/// The hunts of the other store, with the numbers that they have here.
fn hunts(connection: &Connection, theirs: &Connection) -> Result<FxHashMap<i64, i64>, StoreError> {
    let mut known = connection
        .prepare("SELECT id FROM hunt WHERE started_us = ?1 AND since_us IS ?2 AND until_us IS ?3 AND rules = ?4 AND findings = ?5")?;
    // They saw nothing of this store.
    let mut insert = connection
        .prepare("INSERT INTO hunt (started_us, since_us, until_us, rules, findings, last_event) VALUES (?1, ?2, ?3, ?4, ?5, 0)")?;
    let mut select = theirs.prepare("SELECT id, started_us, since_us, until_us, rules, findings FROM hunt ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut hunts = FxHashMap::default();
    while let Some(row) = rows.next()? {
        let values: [Value; 5] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
        let there: Option<i64> = known.query_row(params_from_iter(&values), |row| row.get(0)).optional()?;
        let own = there.map_or_else(|| insert.insert(params_from_iter(&values)), Ok)?;
        hunts.insert(row.get(0)?, own);
    }
    Ok(hunts)
}

/// The rules of the other store, with the numbers that they have here and their ids.
fn rules(connection: &Connection, theirs: &Connection) -> Result<FxHashMap<i64, (i64, String)>, StoreError> {
    const RULE: &str =
        "rule_id, hash, title, path, language, level, techniques, tactics, stories, severity, status, description, author, tags,
        reference_links, false_positives, fields, sql, reads_findings";
    const RULE_COLUMNS: usize = 19;
    let marks = vec!["?"; RULE_COLUMNS].join(", ");
    // A rule says more of itself once it has found something.
    let mut insert = connection.prepare(&format!(
        "INSERT INTO rule ({RULE}) VALUES ({marks}) ON CONFLICT (rule_id, hash) DO UPDATE SET severity = excluded.severity, status = excluded.status,
             description = excluded.description, author = excluded.author, tags = excluded.tags, reference_links = excluded.reference_links,
             false_positives = excluded.false_positives, fields = excluded.fields, sql = excluded.sql
         WHERE NOT EXISTS (SELECT 1 FROM finding f WHERE f.rule = rule.id)"
    ))?;
    let mut known = connection.prepare("SELECT id FROM rule WHERE rule_id = ?1 AND hash = ?2")?;
    let mut select = theirs.prepare(&format!("SELECT id, {RULE} FROM rule WHERE id IN (SELECT rule FROM finding)"))?;
    let mut rows = select.query([])?;
    let mut rules = FxHashMap::default();
    while let Some(row) = rows.next()? {
        insert.execute(params_from_iter(values(row, 1, RULE_COLUMNS)?))?;
        let (rule_id, hash): (String, String) = (row.get(1)?, row.get(2)?);
        let own: i64 = known.query_row([&rule_id, &hash], |row| row.get(0))?;
        rules.insert(row.get(0)?, (own, rule_id));
    }
    Ok(rules)
}

/// Columns of a row, from one on.
fn values(row: &Row<'_>, first: usize, count: usize) -> Result<Vec<Value>, StoreError> {
    Ok((first..first + count).map(|place| row.get(place)).collect::<Result<_, _>>()?)
}

struct FindingMerger<'m> {
    connection: &'m Connection,
    theirs: &'m Connection,
    places: &'m ResolvedPlaces,
    hunts: &'m FxHashMap<i64, i64>,
}

impl FindingMerger<'_> {
    /// Merges a finding; says whether it is new here.
    fn finding(&mut self, row: &Row<'_>, (rule, rule_id): (i64, &str), hunts: [i64; 2]) -> Result<bool, StoreError> {
        let (theirs, identity): (i64, String) = (row.get(0)?, row.get(1)?);
        let events = self.evidence(theirs)?;
        let own_identity = self.identity(&identity, rule_id, &events)?;
        let known = "SELECT id FROM finding WHERE finding_id = ?1";
        let known: Option<i64> = self.connection.prepare_cached(known)?.query_row([&own_identity], |row| row.get(0)).optional()?;
        let marks = vec!["?"; COLUMN_COUNT].join(", ");
        let own = match known {
            Some(own) => {
                self.unite(own, row, rule, hunts[1])?;
                own
            }
            None => {
                let sql = format!("INSERT INTO finding (finding_id, rule, first_hunt, hunt, {COLUMNS}) VALUES (?, ?, ?, ?, {marks})");
                let head = [Value::from(own_identity.clone()), rule.into(), hunts[0].into(), hunts[1].into()];
                let all = head.into_iter().chain(values(row, 5, COLUMN_COUNT)?);
                self.connection.prepare_cached(&sql)?.insert(params_from_iter(all))?
            }
        };
        for event in events.iter().filter_map(|event| self.places.get(event)) {
            let sql = "INSERT OR IGNORE INTO evidence (finding, event) VALUES (?1, ?2)";
            self.connection.prepare_cached(sql)?.execute([own, *event])?;
        }
        self.trim(own)?;
        self.about(theirs, own)?;
        self.triage(&identity, &own_identity)?;
        Ok(known.is_none())
    }

    /// The events behind a finding of the other store.
    fn evidence(&self, finding: i64) -> Result<Vec<i64>, StoreError> {
        let mut select = self.theirs.prepare_cached("SELECT event FROM evidence WHERE finding = ?1 ORDER BY event")?;
        let events = select.query_map([finding], |row| row.get(0))?;
        Ok(events.collect::<Result<_, _>>()?)
    }

    /// The identity that a finding has here.
    fn identity(&self, identity: &str, rule_id: &str, events: &[i64]) -> Result<String, StoreError> {
        // Of rows of a window the start is not known; a finding about one event has that event alone as its evidence.
        let [event] = events else { return Ok(identity.to_owned()) };
        let Some(own) = self.places.get(event) else { return Ok(identity.to_owned()) };
        let (from, to) = (place_of(self.theirs, *event)?, place_of(self.connection, *own)?);
        let (Some(from), Some(to)) = (from, to) else { return Ok(identity.to_owned()) };
        if from == to {
            return Ok(identity.to_owned());
        }
        let moved = finding_identity::moved(identity, rule_id, (&from.0, from.1), (&to.0, to.1));
        Ok(moved.unwrap_or_else(|| identity.to_owned()))
    }

    /// Brings what the other store says of a finding that this store has too.
    fn unite(&self, own: i64, row: &Row<'_>, rule: i64, hunt: i64) -> Result<(), StoreError> {
        let (state, count): (String, i64) = (row.get(5)?, row.get(8)?);
        let (first, last, lost): (Option<i64>, Option<i64>, bool) = (row.get(9)?, row.get(10)?, row.get(18)?);
        let sql = "UPDATE finding SET count = max(count, ?2), lost_events = lost_events OR ?5,
                       first_time_us = coalesce(min(first_time_us, ?3), first_time_us, ?3), last_time_us = coalesce(max(last_time_us, ?4), last_time_us, ?4)
                   WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute(params![own, count, first, last, lost])?;
        // True somewhere is true: only what no store finds any more is past.
        if state == "current" {
            let sql = "UPDATE finding SET state = 'current', rule = ?2, hunt = ?3 WHERE id = ?1 AND state <> 'current'";
            self.connection.prepare_cached(sql)?.execute([own, rule, hunt])?;
        }
        Ok(())
    }

    /// No finding has more evidence than a hunt gives it.
    fn trim(&self, own: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM evidence WHERE finding = ?1 AND event > (SELECT event FROM evidence WHERE finding = ?1 ORDER BY event LIMIT 1 OFFSET ?2)";
        let last = i64::try_from(EVIDENCE_CAP).expect("a small number") - 1;
        self.connection.prepare_cached(sql)?.execute([own, last])?;
        Ok(())
    }

    /// Its history, and whom it is about.
    fn about(&self, theirs: i64, own: i64) -> Result<(), StoreError> {
        let mut select =
            self.theirs.prepare_cached("SELECT hunt, state, count, first_time_us, last_time_us FROM finding_history WHERE finding = ?1")?;
        let mut rows = select.query([theirs])?;
        while let Some(row) = rows.next()? {
            let Some(hunt) = self.hunts.get(&row.get(0)?) else { continue };
            let sql = "INSERT OR IGNORE INTO finding_history (finding, hunt, state, count, first_time_us, last_time_us) VALUES (?, ?, ?, ?, ?, ?)";
            let all = [Value::from(own), Value::from(*hunt)].into_iter().chain(values(row, 1, 4)?);
            self.connection.prepare_cached(sql)?.execute(params_from_iter(all))?;
        }
        let mut select = self.theirs.prepare_cached("SELECT kind, value FROM finding_entity WHERE finding = ?1")?;
        let mut rows = select.query([theirs])?;
        while let Some(row) = rows.next()? {
            let sql = "INSERT OR IGNORE INTO finding_entity (finding, kind, value) VALUES (?1, ?2, ?3)";
            self.connection.prepare_cached(sql)?.execute(params![own, row.get::<_, String>(0)?, row.get::<_, String>(1)?])?;
        }
        Ok(())
    }

    /// What a person said of it: the later word counts.
    fn triage(&self, theirs: &str, own: &str) -> Result<(), StoreError> {
        let mut select = self.theirs.prepare_cached("SELECT status, note, changed_us FROM triage WHERE finding_id = ?1")?;
        let mut rows = select.query([theirs])?;
        if let Some(row) = rows.next()? {
            let sql = "INSERT INTO triage (finding_id, status, note, changed_us) VALUES (?, ?, ?, ?)
                       ON CONFLICT (finding_id) DO UPDATE SET status = excluded.status, note = excluded.note, changed_us = excluded.changed_us
                       WHERE excluded.changed_us > triage.changed_us";
            let all = [Value::from(own.to_owned())].into_iter().chain(values(row, 0, 3)?);
            self.connection.prepare_cached(sql)?.execute(params_from_iter(all))?;
        }
        Ok(())
    }
}

/// The hash of an event's source and its position there.
fn place_of(connection: &Connection, event: i64) -> Result<Option<(String, u64)>, StoreError> {
    let sql =
        "SELECT s.sha256, coalesce(e.position, e.id - s.first_event + 1) FROM event e JOIN source s ON s.id = e.source WHERE e.id = ?1
               UNION ALL SELECT sha256, position FROM kept_event WHERE event = ?1";
    let mut select: CachedStatement<'_> = connection.prepare_cached(sql)?;
    Ok(select.query_row([event], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))).optional()?)
}

/// What became of rules that this store knows nothing of.
fn statuses(connection: &Connection, theirs: &Connection, hunts: &FxHashMap<i64, i64>) -> Result<(), StoreError> {
    let sql = "SELECT hunt, rule_id, path, title, language, severity, techniques, tactics, outcome, reason FROM rule_status";
    let mut select = theirs.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut insert = connection.prepare(
        "INSERT OR IGNORE INTO rule_status (hunt, rule_id, path, title, language, severity, techniques, tactics, outcome, reason)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE ?2 = '' OR NOT EXISTS (SELECT 1 FROM rule_status WHERE rule_id = ?2)",
    )?;
    while let Some(row) = rows.next()? {
        let Some(hunt) = hunts.get(&row.get(0)?) else { continue };
        let all = [Value::from(*hunt)].into_iter().chain(values(row, 1, 9)?);
        insert.execute(params_from_iter(all))?;
    }
    Ok(())
}

/// Events behind findings of the other store that this store has not, because they were removed there or here: kept as text here too.
fn keep_others(writer: &mut Writer<'_>, other: &Store, replay: &Replay<'_>, places: &mut ResolvedPlaces) -> Result<(), StoreError> {
    let mut select = other.connection.prepare("SELECT DISTINCT event FROM evidence ORDER BY event")?;
    let events: Vec<i64> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let (_, catalog) = replay.vocabulary();
    for event in events {
        if places.contains_key(&event) {
            continue;
        }
        let Some((sha256, position)) = place_of(&other.connection, event)? else { continue };
        let own = match event_at(writer.connection, &sha256, position)? {
            Some(own) => own,
            None => {
                let envelope = read::envelope(&other.connection, EventId(event))?;
                let Some(event_type) = catalog.event_type(envelope.event_type) else { continue };
                let whole = read::event(&other.connection, event_type, envelope)?;
                let aliases = kept_event::aliases(&other.connection, EventId(event))?;
                keep_other(writer, replay, event_type, &whole, (&sha256, &aliases))?
            }
        };
        places.insert(event, own);
    }
    Ok(())
}

/// The event at a place of this store, there or kept as text.
fn event_at(connection: &Connection, sha256: &str, position: u64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT event FROM kept_event WHERE sha256 = ?1 AND position = ?2 UNION ALL
               SELECT e.id FROM source s JOIN event e ON e.id = s.first_event + ?2 - 1
               WHERE s.sha256 = ?1 AND s.state = 'complete' AND e.source = s.id AND coalesce(e.position, e.id - s.first_event + 1) = ?2";
    let found = connection.prepare_cached(sql)?.query_row(params![sha256, position.cast_signed()], |row| row.get(0));
    Ok(found.optional()?)
}

/// Keeps an event of the other store as text, under an id of this one.
fn keep_other(
    writer: &mut Writer<'_>,
    replay: &Replay<'_>,
    event_type: &EventType,
    event: &StoredEvent,
    (sha256, aliases): (&str, &str),
) -> Result<i64, StoreError> {
    let (names, _) = replay.vocabulary();
    let mut batch = EventBatch::default();
    let empty = batch.add_text("");
    let with_value = event_type.columns.iter().zip(&event.columns).filter(|(_, value)| value.is_some());
    batch.fields.extend(with_value.map(|(column, value)| {
        let value = if let Some(StoredValue::List(_)) = value { FieldValue::List { start: 0, end: 0 } } else { FieldValue::Text(empty) };
        FieldEntry { name: names.intern(&column.field), value }
    }));
    let fields_end = u32::try_from(batch.fields.len()).expect("an event has few fields");
    let (key, position) = (replay.key(event_type), event.envelope.position.unsigned_abs());
    let head = BatchEvent {
        key,
        time_us: event.envelope.time_us,
        host: None,
        record: None,
        identity: None,
        position,
        recovered: false,
        message: None,
        fields_start: 0,
        fields_end,
    };
    batch.events.push(head);
    writer.make_types(&batch, names)?;
    let connection = writer.connection;
    let host = event.envelope.host.as_deref();
    let host = host.map(|host| writer.dictionary.id(connection, host, host.as_bytes(), false).map(|(id, _)| id)).transpose()?;
    let sql = "SELECT id FROM event_type WHERE product = ?1 AND lower(dataset) = lower(?2) AND code = ?3";
    let parts = [&event_type.product, &event_type.dataset, &event_type.code];
    let own_type: i64 = connection.prepare_cached(sql)?.query_row(parts, |row| row.get(0))?;
    // An id is given out by moving the watermark: no event will have it.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.prepare_cached("UPDATE watermark SET last_event = last_event + 1")?.execute([])?;
    let id: i64 = connection.query_row("SELECT last_event FROM watermark", [], |row| row.get(0))?;
    let kept = kept_event::insert(connection, id, (own_type, host, sha256, aliases), event_type, event);
    connection.execute_batch(if kept.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    kept.map(|()| id)
}
