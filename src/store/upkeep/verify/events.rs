//! The table of all events: each has a type and a source, and is at most as new as what is visible.

use rustc_hash::FxHashMap;

use super::super::super::StoreError;
use super::super::id_set::IdSet;
use super::Verifier;
use crate::catalog::TypeId;

/// Streams of record numbers that are held in memory: a log made for harm may have one for each event.
const MAX_STREAMS: usize = 1_000_000;

/// Ids of events, counted and mixed, so that those of two tables can be compared without holding either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IdSum {
    pub(super) count: u64,
    mixed: u64,
}

impl IdSum {
    /// Takes an id along, whatever the order.
    pub(super) fn add(&mut self, id: i64) {
        self.count += 1;
        // splitmix64: sums of the ids themselves would be equal where two of them are wrong.
        let mut z = id.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.mixed = self.mixed.wrapping_add(z ^ (z >> 31));
    }
}

/// The events of one source.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SeenSource {
    /// Those that were not carved.
    pub(super) events: u64,
    /// The ids.
    pub(super) first: i64,
    pub(super) last: i64,
    /// Those outside of a range that the caller asks about later are found by their number within it.
    pub(super) all: u64,
}

/// Type, host (0: none), source.
type RecordStream = (u32, i64, i64);

/// What the table of all events holds.
#[derive(Debug, Default)]
pub(super) struct SeenEvents {
    pub(super) by_type: FxHashMap<TypeId, IdSum>,
    pub(super) by_source: FxHashMap<i64, SeenSource>,
    /// The record numbers of each stream, first and last.
    pub(super) records: FxHashMap<RecordStream, (i64, i64)>,
}

impl Verifier<'_> {
    /// Reads the table of all events.
    pub(super) fn events(&mut self) -> Result<SeenEvents, StoreError> {
        let carved = self.ids("SELECT event FROM recovered_event")?;
        let hosts = self.ids("SELECT value FROM event_host")?;
        let mut seen = SeenEvents::default();
        let mut statement = self.connection.prepare("SELECT id, type, host, source, record FROM event WHERE id <= ?1 ORDER BY id")?;
        let mut rows = statement.query([self.watermark])?;
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            let (id, of_type, host, source): (i64, i64, Option<i64>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let of_type = u32::try_from(of_type).unwrap_or(u32::MAX);
            if !self.events.insert(id) {
                self.faults.add("verify-reference", || format!("event {id} has an id that no store gives"));
            }
            seen.by_type.entry(TypeId(of_type)).or_default().add(id);
            let of_source = seen.by_source.entry(source).or_insert(SeenSource { first: id, ..SeenSource::default() });
            of_source.all += 1;
            of_source.events += u64::from(!carved.contains(id));
            of_source.last = id;
            if let Some(host) = host {
                self.refer(host, || format!("the host of event {id}"));
                if !hosts.contains(host) {
                    self.faults.add("verify-reference", || format!("the host of event {id} is not among the hosts (`event_host`)"));
                }
            }
            if let Some(record) = row.get::<_, Option<i64>>(4)?
                && seen.records.len() < MAX_STREAMS
            {
                let range = seen.records.entry((of_type, host.unwrap_or(0), source)).or_insert((record, record));
                *range = (range.0.min(record), range.1.max(record));
            }
        }
        for table in ["recovered_event", "event_identity"] {
            self.belong_to_events(table, "event")?;
        }
        self.belong_to_events("event_alias", "event")?;
        self.leftovers()?;
        self.faults.end_part("events", self.events.len());
        Ok(seen)
    }

    /// Notes that something refers to a value of the dictionary.
    pub(super) fn refer(&mut self, value: i64, who: impl FnOnce() -> String) {
        if !self.values.contains(value) {
            self.faults.add("verify-value", || format!("{} is value {value}, which is not there", who()));
        }
        self.used.insert(value);
    }

    /// The ids that a query gives.
    pub(super) fn ids(&self, sql: &str) -> Result<IdSet, StoreError> {
        let mut set = IdSet::default();
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            set.insert(row.get(0)?);
        }
        Ok(set)
    }

    /// What a table says of events is said of events that are there.
    fn belong_to_events(&mut self, table: &'static str, column: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(&format!("SELECT {column} FROM {table}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            let event: i64 = row.get(0)?;
            if event <= self.watermark && !self.events.contains(event) {
                self.faults.add("verify-reference", || format!("`{table}` names event {event}, which is not there"));
            }
        }
        Ok(())
    }

    /// Above what is visible there may be the events of one unfinished source, and nothing else.
    fn leftovers(&mut self) -> Result<(), StoreError> {
        let loading: i64 = self.connection.query_row("SELECT count(*) FROM source WHERE state = 'loading'", [], |row| row.get(0))?;
        let sql = "SELECT count(*) FROM event WHERE id > ?1";
        let above: i64 = self.connection.query_row(sql, [self.watermark], |row| row.get(0))?;
        if above > 0 && loading == 0 {
            self.faults.add("verify-ledger", || format!("{above} events are newer than the last visible one, and no load writes them"));
        }
        Ok(())
    }
}
