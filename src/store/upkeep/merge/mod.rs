//! Another store into this one: two analysts, one archive.
//!
//! The sources of the other store are imported ([`super::import`]), so that all that holds of a load holds of a merge. Findings follow
//! in one transaction at the end.
//! The other store is verified first and only read: it may come from a stranger.

mod findings;
mod places;
mod replay;

use std::ops::ControlFlow;

use super::super::{Store, StoreError, StoreOrigin};
use super::import::{ImportOutcome, SourceImport};
use super::removal::next_generation;
use crate::event::Names;
use replay::Replay;

/// What a merge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergeOutcome {
    /// Sources that this store did not have.
    pub sources: u64,
    /// Sources whose bytes it had.
    pub known_sources: u64,
    /// Events that it did not have.
    pub events: u64,
    /// Findings that it did not have.
    pub findings: u64,
    /// Findings that both had.
    pub known_findings: u64,
}

impl Store {
    /// Brings what another store has into this one: sources with their events, findings with what was said of them. Calls `progress` with
    /// the number of events read so far. A merge that was killed is completed by another one.
    ///
    /// # Errors
    /// When the other store has faults, or SQLite fails.
    pub fn merge(&mut self, other: &Self, progress: &mut dyn FnMut(u64)) -> Result<MergeOutcome, StoreError> {
        if self.path().is_some_and(|path| other.path() == Some(path)) {
            return Err(StoreError::Refused("a store cannot be merged into itself".to_owned()));
        }
        for (store, which) in [(&*self, "this"), (other, "the other")] {
            if let StoreOrigin::Lake(_) = store.origin()? {
                let reason = "store has what an engine chose from a lake, and not all of its sources. Nothing was merged";
                return Err(StoreError::Refused(format!("{which} {reason}")));
            }
        }
        let faults = other.verify()?.faults();
        if faults > 0 {
            return Err(StoreError::Refused(format!("the other store has faults ({faults}): verify it. Nothing was merged")));
        }
        // One view of the other store from its first source to its last finding.
        other.connection.execute_batch("BEGIN")?;
        let merged = self.merge_all(other, progress);
        other.connection.execute_batch("ROLLBACK")?;
        self.catalog.replace(None);
        merged
    }

    fn merge_all(&mut self, other: &Self, progress: &mut dyn FnMut(u64)) -> Result<MergeOutcome, StoreError> {
        next_generation(&self.connection)?;
        let (watch, catalog, ledger) = (self.watch.clone(), other.catalog()?, other.ledger()?);
        let names = Names::default();
        let mut replay = Replay::new(other, &catalog, &names)?;
        let mut import = SourceImport::new(self.writer()?, &names, &ledger.archives);
        let mut progress = |read| {
            progress(read);
            ControlFlow::Continue(())
        };
        for source in &ledger.sources {
            watch.note_progress();
            if import.source(source, &mut replay, &mut progress)?.is_break() {
                break;
            }
        }
        import.complete_archives()?;
        let SourceImport { mut writer, sources, outcome, .. } = import;
        let ImportOutcome { sources: new_sources, known_sources, events, .. } = outcome;
        let mut outcome = MergeOutcome { sources: new_sources, known_sources, events, ..MergeOutcome::default() };
        let places = replay.places.take().resolve(writer.connection, &sources)?;
        findings::merge(&mut writer, other, &replay, places, &mut outcome)?;
        Ok(outcome)
    }
}
