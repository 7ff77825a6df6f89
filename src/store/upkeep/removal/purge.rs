//! Removing what is older than a time.

use rusqlite::{Transaction, TransactionBehavior};

use super::super::super::{Store, StoreError};
use super::Remover;

/// What a purge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgeOutcome {
    /// Events that were removed.
    pub events: u64,
    /// Those of them that findings keep as text.
    pub kept: u64,
    /// Events without a time, which stay.
    pub without_time: u64,
}

impl Store {
    /// Removes the events before a time (µs UTC). Those without a time stay. Sources stay known: their bytes are not read again.
    ///
    /// # Errors
    /// When SQLite fails; then nothing is removed.
    pub fn purge(&mut self, before_us: i64) -> Result<PurgeOutcome, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let mut remover = Remover::new(self)?;
        remover.remove_between(1, i64::MAX, &|row| Ok(row.get::<_, Option<i64>>(3)?.is_some_and(|us| us < before_us)))?;
        let kept = remover.kept;
        let events = match remover.gone.len() {
            0 => 0,
            _ => remover.finish("f.first_time_us < ?1", &[&before_us])?,
        };
        let without_time: i64 = transaction.query_row("SELECT count(*) FROM event WHERE time_us IS NULL", [], |row| row.get(0))?;
        transaction.commit()?;
        self.catalog.replace(None);
        Ok(PurgeOutcome { events, kept, without_time: without_time.unsigned_abs() })
    }
}
