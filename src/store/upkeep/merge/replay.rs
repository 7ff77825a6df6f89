//! The events of a stored source, as a reader would give them.

use std::ops::ControlFlow;

use rusqlite::params;

use super::super::super::whole_event::{self, WholeEventReader};
use super::super::super::{LedgerSource, SourceFeed, Store, StoreError, TakeEvents, WholeEvents};
use super::places::EvidencePlaces;
use crate::catalog::{Catalog, EventId, EventType};
use crate::event::{KeyId, Names};

/// Reads events of the other store.
pub(super) struct Replay<'o> {
    store: &'o Store,
    catalog: &'o Catalog,
    names: &'o Names,
    reader: WholeEventReader<'o>,
    has_aliases: bool,
    /// Where those behind findings come to lie.
    pub(super) places: EvidencePlaces,
}

impl<'o> Replay<'o> {
    pub(super) fn new(store: &'o Store, catalog: &'o Catalog, names: &'o Names) -> Result<Self, StoreError> {
        let connection = &store.connection;
        let has_aliases = connection.prepare("SELECT 1 FROM event_alias")?.exists([])?;
        if has_aliases {
            // By source, because the table is in the order of events.
            connection.execute_batch(
                "DROP TABLE IF EXISTS temp.alias_of; CREATE TEMP TABLE alias_of (source INTEGER, position INTEGER, event INTEGER, PRIMARY KEY (source, position, event)) WITHOUT ROWID;
                 INSERT INTO temp.alias_of SELECT source, position, event FROM event_alias;",
            )?;
        }
        let reader = WholeEventReader::new(store, catalog, names)?;
        Ok(Self { store, catalog, names, reader, has_aliases, places: EvidencePlaces::new(connection)? })
    }

    /// The key of an event type for batches.
    pub(super) fn key(&self, event_type: &EventType) -> KeyId {
        whole_event::key_of(self.names, event_type)
    }

    /// The names and the event types of the other store.
    pub(super) fn vocabulary(&self) -> (&'o Names, &'o Catalog) {
        (self.names, self.catalog)
    }

    /// Passes a batch on and notes which event became which. `ids` are those in the other store; 0 for one that is another source's there.
    fn pass(&mut self, batch: &ReplayBatch, take: &mut TakeEvents<'_, StoreError>) -> Result<ControlFlow<()>, StoreError> {
        match take(&batch.events)? {
            ControlFlow::Break(()) => Ok(ControlFlow::Break(())),
            ControlFlow::Continue(first) => {
                (first.0..).zip(&batch.ids).for_each(|(own, theirs)| self.places.written(*theirs, own));
                Ok(ControlFlow::Continue(()))
            }
        }
    }
}

/// Events on their way, with their ids in the other store; 0 for one that is another source's there.
#[derive(Default)]
struct ReplayBatch {
    events: WholeEvents,
    ids: Vec<i64>,
}

impl SourceFeed for Replay<'_> {
    type Error = StoreError;

    fn each_batch(&mut self, source: &LedgerSource, take: &mut TakeEvents<'_, StoreError>) -> Result<(), StoreError> {
        let connection = &self.store.connection;
        let range = "SELECT first_event, last_event FROM source WHERE id = ?1";
        let range = connection.prepare_cached(range)?.query_row([source.id.0], |row| Ok((row.get(0)?, row.get(1)?)));
        let (first, last): (i64, i64) = range?;
        let aliases = if self.has_aliases { "UNION ALL SELECT position, event, 0 FROM temp.alias_of WHERE source = ?1" } else { "" };
        // Those of its own that carry no position of their own are in the order of their ids already.
        let sql = format!(
            "SELECT coalesce(e.position, e.id - ?2 + 1), e.id, 1 FROM event e WHERE e.id BETWEEN ?2 AND ?3 AND e.source = ?1
             UNION ALL SELECT e.position, e.id, 1 FROM adopted_range a JOIN event e ON e.id BETWEEN a.first_event AND a.last_event
             WHERE a.source = ?1 AND e.source = ?1 AND e.id NOT BETWEEN ?2 AND ?3 {aliases} ORDER BY 1, 2"
        );
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(params![source.id.0, first, last])?;
        let mut batch = ReplayBatch::default();
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            let (position, event, is_own): (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            self.reader.event(EventId(event), (source.id, position.unsigned_abs()), &mut batch.events)?;
            batch.ids.push(if is_own { event } else { 0 });
            if batch.events.is_full() {
                if self.pass(&batch, take)?.is_break() {
                    return Ok(());
                }
                batch = ReplayBatch::default();
            }
        }
        if !batch.ids.is_empty() {
            // The last batch: whether more are wanted makes no difference.
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) = self.pass(&batch, take)?;
        }
        Ok(())
    }
}
