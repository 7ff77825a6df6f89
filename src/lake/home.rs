//! The events that an engine chose from a lake, as a store's own.

use std::ops::ControlFlow;

use super::LakeError;
use super::catalog::LakeCatalog;
use super::load::types;
use super::spool::SpooledEvent;
use crate::cancel::Cancel;
use crate::event::{KeyId, NameId, Names};
use crate::store::{ImportOutcome, LedgerSource, SourceFeed, Store, StoreError, TakeEvents, WholeEvents};

/// Makes the store's tables of all rows that came from the lake, as if it had loaded the lake and all other events had been removed since.
/// Sources that the store has are taken out first, where rows came that it does not have. `memory`: bytes for caches.
///
/// # Errors
/// When SQLite fails, the store is in memory alone, or the rows are not what was written.
pub fn load_home(store: &mut Store, catalog: &LakeCatalog, (memory, cancel): (u64, &Cancel)) -> Result<ImportOutcome, LakeError> {
    let (rows, stored) = store.lake_rows()?;
    let sources: Vec<i64> = store.ledger()?.sources.iter().map(|source| source.id.0).collect();
    if rows == stored && !sources.is_empty() {
        return Ok(ImportOutcome::default());
    }
    if !sources.is_empty() {
        store.drop_sources(&sources)?;
    }
    let names = Names::default();
    let mut feed = HomeFeed { reader: store.reader()?, types: types(catalog, &names) };
    let done = store.import(&catalog.ledger(), (&names, memory), &mut feed, &mut |_| {
        if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if !done.interrupted {
        store.note_lake_stored(rows)?;
    }
    Ok(done)
}

/// Gives the rows of each source.
struct HomeFeed {
    /// The same store: the rows are not written meanwhile.
    reader: Store,
    types: Vec<(KeyId, Vec<NameId>)>,
}

impl SourceFeed for HomeFeed {
    type Error = LakeError;

    fn each_batch(&mut self, source: &LedgerSource, take: &mut TakeEvents<'_, LakeError>) -> Result<(), LakeError> {
        let (mut events, mut stopped) = (WholeEvents::default(), false);
        let damaged = |_| StoreError::Damaged("a row of a lake is not one that this program writes".to_owned());
        self.reader.each_lake_row::<LakeError>(source.id, &mut |position, data| {
            if stopped {
                return Ok(());
            }
            let event = SpooledEvent::read(data).map_err(damaged)?;
            let (key, names) = self.types.get(event.view).ok_or_else(|| StoreError::Damaged("an event is of no type".to_owned()))?;
            event.add_to(&mut events, position, (*key, names));
            if events.is_full() {
                stopped = take(&std::mem::take(&mut events))?.is_break();
            }
            Ok(())
        })?;
        if !stopped && !events.beside.is_empty() {
            // The last batch: whether more are wanted makes no difference.
            let (ControlFlow::Continue(_) | ControlFlow::Break(())) = take(&events)?;
        }
        Ok(())
    }
}
