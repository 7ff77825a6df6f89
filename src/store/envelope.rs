//! Events with their texts and where they are from: what a hunt asks of each event it found something in.

use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

use super::{StoreError, kept_event};
use crate::catalog::{EventId, SourceId, TypeId};

/// Hosts kept in memory.
// A store of one firm has far fewer; the limit is for logs that name a new host in each event.
const MAX_HOSTS: usize = 100_000;

/// All of an event but its fields and its rendered text, with texts where an [`super::EventRow`] has ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The event.
    pub id: EventId,
    /// Its type.
    pub event_type: TypeId,
    /// Its time in µs UTC.
    pub time_us: Option<i64>,
    /// Its host.
    pub host: Option<Arc<str>>,
    /// The source it was loaded from.
    pub source: SourceId,
    /// The path of that source.
    pub path: Arc<str>,
    /// EventRecordID where there is one.
    pub record: Option<i64>,
    /// 1-based line or ordinal in its source.
    pub position: i64,
}

/// Reads envelopes, fastest in the order of the events.
pub struct EnvelopeReader<'s> {
    connection: &'s Connection,
    select: CachedStatement<'s>,
    hosts: FxHashMap<i64, Arc<str>>,
    /// Source → its first event and its path.
    sources: FxHashMap<SourceId, (i64, Arc<str>)>,
}

impl<'s> EnvelopeReader<'s> {
    pub(super) fn new(connection: &'s Connection) -> Result<Self, StoreError> {
        let select = connection.prepare_cached("SELECT type, time_us, host, source, record, position FROM event WHERE id = ?1")?;
        Ok(Self { connection, select, hosts: FxHashMap::default(), sources: FxHashMap::default() })
    }

    /// Reads the envelope of an event.
    ///
    /// # Errors
    /// When there is no such event, or SQLite fails.
    pub fn of(&mut self, id: EventId) -> Result<Envelope, StoreError> {
        let row = self.select.query_row(params![id.0], |row| {
            let (host, position): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(5)?);
            let (event_type, source) = (TypeId(row.get(0)?), SourceId(row.get(3)?));
            let path = Arc::default(); // the source knows it
            let (time_us, record) = (row.get(1)?, row.get(4)?);
            Ok((Envelope { id, event_type, time_us, host: None, source, path, record, position: 0 }, host, position))
        });
        let Some((envelope, host, position)) = row.optional()? else {
            let kept = kept_event::envelope(self.connection, id)?;
            return kept.ok_or_else(|| StoreError::Damaged(format!("event {} is not in the store", id.0)));
        };
        let host = host.map(|host| self.host(host)).transpose()?.flatten();
        let (first_event, path) = self.source(envelope.source)?;
        // A position is stored only where it is not what counting the source's events gives.
        let position = position.unwrap_or(id.0 - first_event + 1);
        Ok(Envelope { host, path, position, ..envelope })
    }

    fn host(&mut self, id: i64) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(host) = self.hosts.get(&id) {
            return Ok(Some(host.clone()));
        }
        let sql = "SELECT text FROM value WHERE id = ?1";
        let text: Option<Arc<str>> = self.connection.prepare_cached(sql)?.query_row(params![id], |r| r.get(0)).optional()?;
        let Some(host) = text else { return Ok(None) };
        if self.hosts.len() >= MAX_HOSTS {
            self.hosts.clear();
        }
        self.hosts.insert(id, host.clone());
        Ok(Some(host))
    }

    fn source(&mut self, id: SourceId) -> Result<(i64, Arc<str>), StoreError> {
        if let Some(source) = self.sources.get(&id) {
            return Ok(source.clone());
        }
        let sql = "SELECT first_event, path FROM source WHERE id = ?1";
        let row = self.connection.prepare_cached(sql)?.query_row(params![id.0], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        let source: (i64, Arc<str>) = row.ok_or_else(|| StoreError::Damaged(format!("source {} is not in the store", id.0)))?;
        self.sources.insert(id, source.clone());
        Ok(source)
    }
}
