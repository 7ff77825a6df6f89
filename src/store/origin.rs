//! Where many events are from: what a hunt asks of each event it found something in.

use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

use super::StoreError;
use crate::catalog::{EventId, SourceId, TypeId};

/// Hosts kept in memory.
// A store of one firm has far fewer; the limit is for logs that name a new host in each event.
const MAX_HOSTS: usize = 100_000;

/// An event's type, time, host and place in its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventOrigin {
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
    /// 1-based line or ordinal in its source.
    pub position: i64,
}

/// Reads origins, fastest in the order of the events.
pub struct Origins<'s> {
    connection: &'s Connection,
    select: CachedStatement<'s>,
    hosts: FxHashMap<i64, Arc<str>>,
    /// Source → its first event.
    first_events: FxHashMap<i64, i64>,
}

impl<'s> Origins<'s> {
    pub(super) fn new(connection: &'s Connection) -> Result<Self, StoreError> {
        let select = connection.prepare_cached("SELECT type, time_us, host, source, position FROM event WHERE id = ?1")?;
        Ok(Self { connection, select, hosts: FxHashMap::default(), first_events: FxHashMap::default() })
    }

    /// Reads where an event is from.
    ///
    /// # Errors
    /// When there is no such event, or SQLite fails.
    pub fn of(&mut self, id: EventId) -> Result<EventOrigin, StoreError> {
        type Row = (u32, Option<i64>, Option<i64>, i64, Option<i64>);
        let row = self.select.query_row(params![id.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)));
        let Some((event_type, time_us, host, source, position)): Option<Row> = row.optional()? else {
            return Err(StoreError::Damaged(format!("event {} is not in the store", id.0)));
        };
        let position = match position {
            Some(position) => position,
            None => id.0 - self.first_event(source)? + 1,
        };
        let host = host.map(|host| self.host(host)).transpose()?.flatten();
        Ok(EventOrigin { id, event_type: TypeId(event_type), time_us, host, source: SourceId(source), position })
    }

    fn host(&mut self, id: i64) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(host) = self.hosts.get(&id) {
            return Ok(Some(host.clone()));
        }
        let sql = "SELECT text FROM value WHERE id = ?1";
        let text: Option<String> = self.connection.prepare_cached(sql)?.query_row(params![id], |r| r.get(0)).optional()?;
        let Some(text) = text else { return Ok(None) };
        if self.hosts.len() >= MAX_HOSTS {
            self.hosts.clear();
        }
        let host: Arc<str> = text.into();
        self.hosts.insert(id, host.clone());
        Ok(Some(host))
    }

    fn first_event(&mut self, source: i64) -> Result<i64, StoreError> {
        if let Some(first) = self.first_events.get(&source) {
            return Ok(*first);
        }
        let sql = "SELECT first_event FROM source WHERE id = ?1";
        let first: Option<i64> = self.connection.prepare_cached(sql)?.query_row(params![source], |r| r.get(0)).optional()?;
        let first = first.ok_or_else(|| StoreError::Damaged(format!("source {source} is not in the store")))?;
        self.first_events.insert(source, first);
        Ok(first)
    }
}
