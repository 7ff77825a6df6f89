//! The same event in different bytes: Tuesday's log contains Monday's.
//!
//! Events with a record number are compared with those of earlier sources whose numbers overlap for the same type and
//! host, events with the vendor's id with those of the same id and second. An event with the same record, time, fields and
//! rendered text as one that is there is stored once; where else it was met is kept in `event_alias`. Nothing is read
//! where neither numbers nor ids meet.

use std::ops::ControlFlow;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::writer::MAX_COLUMNS;
use super::{EventRange, StoreError, identity, messages, read, scan};
use crate::catalog::{Catalog, ColumnIndex, EventId, EventType, Storage, TypeId};
use crate::event::BESIDE_RAW;

/// Earlier events held in memory at a time: 16 bytes each.
// 8 MB each: a source of any length is compared within the same memory.
const CHUNK: usize = 500_000;
/// Pairs of an earlier and a new event held in memory at a time: 16 bytes each.
const MAX_PAIRS: usize = 500_000;
/// Comparisons of earlier and new events with one record number, time, type and host. A log has one such event; an export that
/// writes the same number for all of them has as many as events, of which each is then compared with those near its place.
const MAX_COMPARISONS: usize = 1_000_000;
/// See [`MAX_COMPARISONS`]: each new event is compared with so many at least.
const MIN_CANDIDATES: usize = 16;

/// A type and a host; 0 for none.
type Stream = (u32, i64);

/// The record numbers of the source being written.
#[derive(Debug, Default)]
pub(super) struct RecordRanges {
    ranges: FxHashMap<Stream, (i64, i64)>,
}

impl RecordRanges {
    /// Takes note of an event with a record number.
    pub(super) fn note(&mut self, event_type: u32, host: Option<i64>, record: i64) {
        let range = self.ranges.entry((event_type, host.unwrap_or(0))).or_insert((record, record));
        range.0 = range.0.min(record);
        range.1 = range.1.max(record);
    }

    /// Writes the ranges down for later sources.
    pub(super) fn save(&self, connection: &Connection, source: i64) -> Result<(), StoreError> {
        let mut insert =
            connection.prepare_cached("INSERT INTO record_range (type, host, source, first, last) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for ((event_type, host), (first, last)) in &self.ranges {
            insert.execute(params![event_type, host, source, first, last])?;
        }
        Ok(())
    }

    /// The sources that overlap, each with the streams and numbers that are in both.
    fn overlaps(&self, connection: &Connection) -> Result<Vec<(i64, FxHashMap<Stream, (i64, i64)>)>, StoreError> {
        let mut found: FxHashMap<i64, FxHashMap<Stream, (i64, i64)>> = FxHashMap::default();
        let mut select = connection
            .prepare_cached("SELECT source, first, last FROM record_range WHERE type = ?1 AND host = ?2 AND first <= ?4 AND last >= ?3")?;
        for (stream, (first, last)) in &self.ranges {
            let mut rows = select.query(params![stream.0, stream.1, first, last])?;
            while let Some(row) = rows.next()? {
                let both = (row.get::<_, i64>(1)?.max(*first), row.get::<_, i64>(2)?.min(*last));
                found.entry(row.get(0)?).or_default().insert(*stream, both);
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable_by_key(|(source, _)| *source);
        Ok(found)
    }
}

/// The source being written.
#[derive(Debug)]
pub(super) struct NewSource<'a> {
    pub(super) id: i64,
    pub(super) first_event: i64,
    pub(super) records: &'a RecordRanges,
    pub(super) has_identities: bool,
    /// A source of the same bytes that gave less.
    pub(super) earlier: Option<i64>,
}

/// Removes the events of the new source that are there already, and returns how many of each type. Runs inside the
/// transaction that completes the source. The catalog is read when it is needed.
pub(super) fn merge(
    connection: &Connection,
    catalog: &mut Option<Catalog>,
    read_catalog: &mut dyn FnMut() -> Result<Catalog, StoreError>,
    source: &NewSource<'_>,
) -> Result<FxHashMap<u32, u64>, StoreError> {
    // Ranges first: two logs whose numbers do not overlap share no event, and nothing of them need be read.
    let overlaps = source.records.overlaps(connection)?;
    let mut merged = FxHashMap::default();
    // In the order of their loading, so that of several copies the first is the one that stays.
    for (earlier, streams) in overlaps {
        for bounds in ranges_of(connection, earlier)? {
            let mut from = bounds.0;
            while from <= bounds.1 {
                let (known, next) = earlier_events(connection, &streams, from, bounds.1)?;
                from = next;
                let (mut turns, mut new) = (FxHashMap::default(), (!known.is_empty()).then_some(source.first_event));
                while let Some(first) = new {
                    let (pairs, next) = meetings(connection, &streams, &known, first, &mut turns)?;
                    new = next;
                    if !pairs.is_empty() {
                        remove_same(connection, known_catalog(catalog, read_catalog)?, source, Sameness::Record, &pairs, &mut merged)?;
                    }
                }
            }
        }
    }
    let mut from = source.has_identities.then_some(source.first_event);
    while let Some(first) = from {
        let (pairs, next) = identity::meetings(connection, first)?;
        from = next;
        if !pairs.is_empty() {
            remove_same(connection, known_catalog(catalog, read_catalog)?, source, Sameness::Identity, &pairs, &mut merged)?;
        }
    }
    // Last, and only against the same bytes: events without a number or an id have nothing but their place to be known by.
    if let Some(earlier) = source.earlier {
        let pairs = places_again(connection, earlier, source)?;
        remove_same(connection, known_catalog(catalog, read_catalog)?, source, Sameness::Record, &pairs, &mut merged)?;
    }
    Ok(merged)
}

/// The ids that events of a source have: its own, and those that it took over from sources that are gone.
fn ranges_of(connection: &Connection, source: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = "SELECT first_event, last_event FROM source WHERE id = ?1 UNION ALL SELECT first_event, last_event FROM adopted_range WHERE source = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let ranges = select.query_map([source], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(ranges.collect::<Result<_, _>>()?)
}

/// Pairs of events without a record number that are at the same place in an earlier source of the same bytes.
fn places_again(
    connection: &Connection,
    earlier: i64,
    NewSource { id: new_source, first_event, .. }: &NewSource<'_>,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut known: FxHashMap<i64, i64> = FxHashMap::default();
    for range in ranges_of(connection, earlier)? {
        known.extend(places(connection, earlier, range)?);
    }
    let new = places(connection, *new_source, (*first_event, i64::MAX))?;
    Ok(new.into_iter().filter_map(|(place, id)| Some((*known.get(&place)?, id))).collect())
}

/// Place in the source and id of those of its events in a range that have no record number.
fn places(connection: &Connection, source: i64, (first, last): (i64, i64)) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT coalesce(position, id - ?1 + 1), id FROM event WHERE id BETWEEN ?1 AND ?2 AND source = ?3 AND record IS NULL ORDER BY id",
    )?;
    let rows = select.query_map(params![first, last, source], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn known_catalog<'c>(
    catalog: &'c mut Option<Catalog>,
    read_catalog: &mut dyn FnMut() -> Result<Catalog, StoreError>,
) -> Result<&'c Catalog, StoreError> {
    Ok(match catalog {
        Some(catalog) => catalog,
        None => catalog.insert(read_catalog()?),
    })
}

/// By what two events look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sameness {
    /// Their record number.
    Record,
    /// The vendor's id: whatever host or export has them.
    Identity,
}

struct EventHash {
    id: i64,
    hash: u64,
}

/// Calls `visit` for each event of the streams in a range of ids, until it says no.
fn each_event(
    connection: &Connection,
    streams: &FxHashMap<Stream, (i64, i64)>,
    first: i64,
    last: i64,
    visit: &mut dyn FnMut(EventHash) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT id, type, coalesce(host, 0), record, time_us FROM event WHERE id BETWEEN ?1 AND ?2 AND record IS NOT NULL",
    )?;
    let mut rows = select.query(params![first, last])?;
    while let Some(row) = rows.next()? {
        let (id, event_type, host, record, time): (i64, u32, i64, i64, Option<i64>) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        let Some((low, high)) = streams.get(&(event_type, host)) else { continue };
        if record < *low || record > *high {
            continue;
        }
        // Hashed together and not compared field by field: equal hashes are only candidates, the fields decide.
        let mut bytes = [0; 28];
        bytes[..4].copy_from_slice(&event_type.to_le_bytes());
        bytes[4..12].copy_from_slice(&host.to_le_bytes());
        bytes[12..20].copy_from_slice(&record.to_le_bytes());
        bytes[20..].copy_from_slice(&time.unwrap_or(i64::MIN).to_le_bytes());
        if visit(EventHash { id, hash: super::dictionary::hash64(&bytes, 0) }).is_break() {
            break;
        }
    }
    Ok(())
}

/// Events of an earlier source by hash, and the id to go on from.
fn earlier_events(
    connection: &Connection,
    streams: &FxHashMap<Stream, (i64, i64)>,
    first: i64,
    last: i64,
) -> Result<(Vec<(u64, i64)>, i64), StoreError> {
    let mut known = Vec::new();
    let mut next = last + 1;
    each_event(connection, streams, first, last, &mut |key| {
        if known.len() == CHUNK {
            next = key.id;
            return ControlFlow::Break(());
        }
        known.push((key.hash, key.id));
        ControlFlow::Continue(())
    })?;
    known.sort_unstable();
    Ok((known, next))
}

/// Pairs of an earlier and a new event that look the same by their envelope, from a new event on, and the new event to go on
/// from. Where many have the same envelope, the second of them meets the second first: a copy has them in the same order.
fn meetings(
    connection: &Connection,
    streams: &FxHashMap<Stream, (i64, i64)>,
    known: &[(u64, i64)],
    first_event: i64,
    turns: &mut FxHashMap<u64, usize>,
) -> Result<(Vec<(i64, i64)>, Option<i64>), StoreError> {
    let (mut pairs, mut next) = (Vec::new(), None);
    each_event(connection, streams, first_event, i64::MAX, &mut |key| {
        if pairs.len() >= MAX_PAIRS {
            next = Some(key.id);
            return ControlFlow::Break(());
        }
        let start = known.partition_point(|(hash, _)| *hash < key.hash);
        let rest = &known[start..];
        let same = &rest[..rest.partition_point(|(hash, _)| *hash == key.hash)];
        match same {
            [] => {}
            [(_, id)] => pairs.push((*id, key.id)),
            many => {
                let turn = turns.entry(key.hash).or_insert(0);
                pairs.extend(near(*turn, many.len()).map(|place| (many[place].1, key.id)));
                *turn += 1;
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok((pairs, next))
}

/// Places near one, in a list that begins again at its end: the place itself, then those behind and before it in turn.
fn near(place: usize, count: usize) -> impl Iterator<Item = usize> {
    // A million comparisons in all, but never fewer than a handful each: a copy stands near its original.
    let wanted = count.min((MAX_COMPARISONS / count).max(MIN_CANDIDATES));
    (0..wanted).map(move |i| (place + if i % 2 == 1 { i.div_ceil(2) } else { count - i / 2 }) % count)
}

fn remove_same(
    connection: &Connection,
    catalog: &Catalog,
    source: &NewSource<'_>,
    sameness: Sameness,
    pairs: &[(i64, i64)],
    merged: &mut FxHashMap<u32, u64>,
) -> Result<(), StoreError> {
    let mut gone = FxHashSet::default();
    for (old, new) in pairs {
        if gone.contains(new) {
            continue;
        }
        let Some(event_type) = same_envelope(connection, sameness, *old, *new)?.and_then(|id| catalog.event_type(id)) else { continue };
        if !same_fields(connection, event_type, sameness, *old, *new)?
            || (event_type.has_messages && messages::read(connection, *old)? != messages::read(connection, *new)?)
        {
            continue;
        }
        connection
            .prepare_cached("INSERT OR IGNORE INTO event_alias (event, source, position) SELECT ?1, ?2, coalesce(position, id - ?4 + 1) FROM event WHERE id = ?3")?
            .execute(params![old, source.id, new, source.first_event])?;
        remove(connection, event_type, *new)?;
        if source.has_identities {
            identity::forget(connection, *new)?;
        }
        gone.insert(*new);
        *merged.entry(event_type.id.0).or_default() += 1;
    }
    Ok(())
}

fn remove(connection: &Connection, event_type: &EventType, event: i64) -> Result<(), StoreError> {
    if let Storage::Table(table) = &event_type.storage {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE _id = ?1"))?.execute([event])?;
    }
    if event_type.storage == Storage::Overflow || event_type.columns.len() > MAX_COLUMNS {
        connection.prepare_cached("DELETE FROM overflow WHERE event = ?1")?.execute([event])?;
    }
    if event_type.has_messages {
        connection.prepare_cached("DELETE FROM message WHERE event = ?1")?.execute([event])?;
    }
    connection.prepare_cached("DELETE FROM recovered_event WHERE event = ?1")?.execute([event])?;
    connection.prepare_cached("DELETE FROM event WHERE id = ?1")?.execute([event])?;
    Ok(())
}

/// The type of two events whose envelopes are equal. Each is asked for on its own: as one join of the
/// two, a profile showed SQLite preparing the statement again and again.
fn same_envelope(connection: &Connection, sameness: Sameness, old: i64, new: i64) -> Result<Option<TypeId>, StoreError> {
    type ComparedRow = (u32, Option<i64>, Option<i64>, Option<i64>);
    let mut select = connection.prepare_cached(match sameness {
        Sameness::Record => "SELECT type, host, record, time_us FROM event WHERE id = ?1",
        Sameness::Identity => "SELECT type, NULL, NULL, time_us FROM event WHERE id = ?1",
    })?;
    let mut read = |id: i64| -> Result<Option<ComparedRow>, StoreError> {
        let row = select.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        Ok(row.optional()?)
    };
    let old = read(old)?;
    Ok(old.filter(|old| matches!(read(new), Ok(Some(new)) if new == *old)).map(|(event_type, ..)| TypeId(event_type)))
}

/// Equal cells say the same, because the times are equal; cells that differ may still be the same text encoded otherwise.
fn same_fields(connection: &Connection, event_type: &EventType, sameness: Sameness, old: i64, new: i64) -> Result<bool, StoreError> {
    if let Storage::Table(table) = &event_type.storage
        && event_type.columns.len() <= MAX_COLUMNS
    {
        let columns = event_type.columns.len() + 1;
        let mut select = connection.prepare_cached(&format!("SELECT * FROM {table} WHERE _id = ?1"))?;
        let known: Vec<Value> = select.query_row([old], |row| (1..columns).map(|column| row.get(column)).collect())?;
        let equal = select.query_row([new], |row| {
            let mut cells = (1..columns).zip(&known);
            cells.try_fold(true, |all, (column, known)| Ok(all && row.get_ref(column)? == ValueRef::from(known)))
        })?;
        if equal {
            return Ok(true);
        }
    }
    let (old, new) = (texts(connection, event_type, old)?, texts(connection, event_type, new)?);
    // Where it is the vendor's id that is equal, what the exporter adds beside it may differ.
    let beside = |field: &str| sameness == Sameness::Identity && BESIDE_RAW.contains(&field);
    let mut fields = event_type.columns.iter().zip(old.iter().zip(&new));
    Ok(old.len() == new.len() && fields.all(|(column, (old, new))| old == new || beside(&column.field)))
}

fn texts(connection: &Connection, event_type: &EventType, event: i64) -> Result<Vec<Option<read::StoredValue>>, StoreError> {
    let all: Vec<ColumnIndex> = (0..).take(event_type.columns.len()).map(ColumnIndex).collect();
    let time_us: Option<i64> =
        connection.prepare_cached("SELECT time_us FROM event WHERE id = ?1")?.query_row([event], |row| row.get(0))?;
    let range = EventRange { first: EventId(event), last: EventId(event), since_us: None, until_us: None };
    let mut texts = Vec::new();
    scan::scan(connection, event_type, &all, range, &mut |_, cells| {
        for (cell, column) in cells.iter().zip(&event_type.columns) {
            texts.push(read::render(connection, cell, column, time_us)?);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use crate::catalog::EventId;
    use crate::event::{EventBatch, Names};
    use crate::store::tests::{add, load, span};
    use crate::store::{SourceOutcome, Store};

    struct Log {
        store: Store,
        names: Names,
        loaded: u32,
    }

    impl Log {
        fn new() -> Self {
            Self { store: Store::in_memory().unwrap(), names: Names::default(), loaded: 0 }
        }

        /// Loads events: record number, fields, rendered text.
        fn load(&mut self, events: &[(i64, &[(&str, &str)], Option<&str>)]) -> SourceOutcome {
            let mut batch = EventBatch::default();
            for (record, fields, message) in events {
                add(&mut batch, &self.names, record * 1_000, fields);
                let message = message.map(|m| span(&mut batch, m));
                let head = batch.events.last_mut().unwrap();
                head.record = Some(*record);
                head.message = message;
            }
            self.loaded += 1;
            load(&mut self.store, &format!("log{}", self.loaded), &format!("hash{}", self.loaded), &batch, &self.names)
        }
    }

    #[test]
    fn a_longer_copy_of_a_log_brings_its_new_events_only() {
        let mut log = Log::new();
        let events: Vec<(i64, &[(&str, &str)], Option<&str>)> = vec![
            (1, &[("A", "x"), ("L", "a|b")], Some("hello")),
            (2, &[("A", "y")], None),
            (3, &[("When", "1970-01-01 00:00:00.003"), ("N", "5")], None),
        ];
        log.load(&events[..2]);
        let second = log.load(&events);
        assert_eq!((second.events, second.new_events, second.duplicate_of), (3, 1, None));
        let aliases = log.store.event(EventId(1)).unwrap().aliases;
        assert_eq!(aliases.iter().map(|a| (a.path.as_str(), a.position)).collect::<Vec<_>>(), [("log2", 1)]);
        assert_eq!(log.store.event(EventId(5)).unwrap().envelope.position, 3);
        assert!(log.store.event(EventId(3)).is_err());
        assert_eq!(log.store.catalog().unwrap().types[0].events, 3);
        let third = log.load(&events[1..]);
        assert_eq!((third.events, third.new_events), (2, 0));
        assert_eq!(log.store.sources().unwrap()[2].new_events, 0);
        assert_eq!(log.store.event(EventId(2)).unwrap().aliases.len(), 2);
    }

    #[test]
    fn events_that_differ_in_anything_are_kept() {
        let mut log = Log::new();
        log.load(&[(1, &[("A", "x"), ("N", "5")], Some("hello"))]);
        let others: [(i64, &[(&str, &str)], Option<&str>); 6] = [
            (2, &[("A", "x"), ("N", "5")], Some("hello")),
            (1, &[("A", "y"), ("N", "5")], Some("hello")),
            (1, &[("A", "x"), ("N", "05")], Some("hello")),
            (1, &[("A", "x")], Some("hello")),
            (1, &[("A", "x"), ("N", "5"), ("More", "")], Some("hello")),
            (1, &[("A", "x"), ("N", "5")], None),
        ];
        for other in others {
            assert_eq!(log.load(&[other]).new_events, 1, "{other:?}");
        }
        assert_eq!(log.load(&others).new_events, 0);
    }

    #[test]
    fn events_that_all_have_the_same_number_are_compared_with_few() {
        let mut log = Log::new();
        for count in [1, 2, 3, 15, 16, 17, 1_000] {
            let mut places: Vec<usize> = super::near(7, count).collect();
            assert_eq!(places[0], 7 % count);
            places.sort_unstable();
            assert!(places.into_iter().eq(0..count), "{count}");
        }
        assert!(super::near(5, 100_000).eq([5, 6, 4, 7, 3, 8, 2, 9, 1, 10, 0, 11, 99_999, 12, 99_998, 13]));
        let texts: Vec<String> = (0..3_000).map(|n| format!("text {n}")).collect();
        let fields: Vec<[(&str, &str); 1]> = texts.iter().map(|text| [("A", text.as_str())]).collect();
        let events: Vec<(i64, &[(&str, &str)], Option<&str>)> = fields.iter().map(|fields| (0, fields.as_slice(), None)).collect();
        assert_eq!(log.load(&events).new_events, 3_000);
        // A copy in the same order is the same, also where some events come before it; nothing else is lost.
        assert_eq!(log.load(&events).new_events, 0);
        let more = [&[(0, [("A", "new")].as_slice(), None); 5], events.as_slice()].concat();
        assert_eq!(log.load(&more).new_events, 5);
        assert_eq!(log.load(&events[..10]).new_events, 0);
    }

    #[test]
    fn the_same_text_in_another_encoding_is_the_same() {
        let mut log = Log::new();
        let long = "a text of more than sixteen bytes";
        log.load(&[(1, &[("A", long)], None)]);
        log.store.connection.execute_batch("UPDATE e1 SET c0 = (SELECT text FROM value WHERE id = c0)").unwrap();
        assert_eq!(log.load(&[(1, &[("A", long)], None)]).new_events, 0);
    }
}
