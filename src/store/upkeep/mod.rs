//! The upkeep of a store that lives for years: what is in it, whether it is whole, copies, removing, merging.
//!
//! Whatever removes events leaves the store as [`verify`] wants it: counters true, findings with their evidence, no id used twice.

mod backup;
mod compact;
mod id_set;
mod import;
mod info;
mod merge;
mod removal;
mod room;
mod verify;

use super::{Store, StoreError};

pub use backup::BackupOutcome;
pub use compact::CompactOutcome;
pub use import::{ImportOutcome, Ledger, LedgerArchive, LedgerSource, LedgerState, SourceFeed, TakeEvents};
pub use info::{SourceStateCount, StoreInfo, TableSpace};
pub use merge::MergeOutcome;
pub use removal::{DroppedSource, DroppedSources, PurgeOutcome};
pub use verify::{StoreVerdict, VerifiedPart};

impl Store {
    /// How often events that were there already were removed, moved or brought by another store. Who remembers what it saw of this store
    /// must look at all of it again when this number is another one.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn generation(&self) -> Result<u64, StoreError> {
        let number: i64 = self.connection.query_row("SELECT generation FROM watermark", [], |row| row.get(0))?;
        Ok(number.unsigned_abs())
    }
}
