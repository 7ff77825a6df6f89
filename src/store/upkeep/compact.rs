//! The store in as few bytes as it needs: what nothing refers to goes, and free pages with it.

use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::{Transaction, TransactionBehavior};

use super::super::{Store, StoreError, kept_event};
use super::id_set::IdSet;
use super::removal::FORGET_HOSTS;
use super::room;

/// Values that are removed between two looks for more.
const VALUES_AT_ONCE: usize = 100_000;

/// What compacting a store did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactOutcome {
    /// Bytes of the file before.
    pub before_bytes: u64,
    /// Bytes of it now.
    pub after_bytes: u64,
    /// Values that no event had any more.
    pub removed_values: u64,
}

impl Store {
    /// Removes the values that nothing refers to and writes the file anew without free pages. It needs twice the bytes that are in use,
    /// beside the store, until it is done.
    ///
    /// # Errors
    /// When the store has faults, the disk has not enough room, or SQLite fails.
    pub fn compact(&mut self) -> Result<CompactOutcome, StoreError> {
        // Before anything goes: in a store with faults nobody knows what is in use.
        let (verdict, used) = self.verify_and_use()?;
        if verdict.faults() > 0 {
            return Err(StoreError::Faulty(verdict.faults()));
        }
        let pages = |store: &Self, pragma: &str| -> Result<u64, StoreError> {
            let number = |name: &str| store.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
            Ok((number(pragma)? * number("page_size")?).unsigned_abs())
        };
        let before_bytes = pages(self, "page_count")?;
        let folder = self.connection.path().map(Path::new).and_then(Path::parent).map(Path::to_owned);
        if let Some(folder) = &folder {
            room::must_have(folder, 2 * (before_bytes - pages(self, "freelist_count")?))?;
        }
        let removed_values = self.remove_leftovers(&used)?;
        self.watch.note_progress();
        self.vacuum(folder.as_deref())?;
        self.watch.note_progress();
        self.connection.execute_batch("PRAGMA analysis_limit = 1000; ANALYZE;")?;
        self.settle()?;
        Ok(CompactOutcome { before_bytes, after_bytes: pages(self, "page_count")?, removed_values })
    }

    /// Removes values, blocks of text and kept events that nothing refers to.
    fn remove_leftovers(&self, used: &IdSet) -> Result<u64, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        kept_event::forget_unused(&transaction)?;
        transaction.execute(FORGET_HOSTS, [])?;
        transaction.execute("DELETE FROM message_block WHERE id NOT IN (SELECT block FROM message)", [])?;
        // The next value counts on from here, also where the last one goes.
        transaction.execute("UPDATE watermark SET last_value = max(last_value, (SELECT coalesce(max(id), 0) FROM value))", [])?;
        let mut next = transaction.prepare("SELECT id, is_list FROM value WHERE id > ?1 ORDER BY id")?;
        let mut forget = transaction.prepare("DELETE FROM value WHERE id = ?1")?;
        let mut forget_members = transaction.prepare("DELETE FROM value_item WHERE list = ?1")?;
        let (mut from, mut removed) = (0, 0);
        loop {
            let mut unused: Vec<(i64, bool)> = Vec::new();
            let mut rows = next.query([from])?;
            while let Some(row) = rows.next()?.filter(|_| unused.len() < VALUES_AT_ONCE) {
                from = row.get(0)?;
                if !used.contains(from) {
                    unused.push((from, row.get(1)?));
                }
            }
            drop(rows);
            for (id, is_list) in &unused {
                self.watch.note_progress();
                forget.execute([id])?;
                if *is_list {
                    forget_members.execute([id])?;
                }
            }
            removed += unused.len() as u64;
            if unused.len() < VALUES_AT_ONCE {
                break;
            }
        }
        drop((next, forget, forget_members));
        transaction.commit()?;
        Ok(removed)
    }

    /// Writes the file anew. In the write-ahead log, so that a kill leaves either the old file or the new one.
    fn vacuum(&self, folder: Option<&Path>) -> Result<(), StoreError> {
        // Beside the store, where there is room, and not in the system's folder, which may be small.
        let set = |folder: &str| self.connection.pragma_update(None, "temp_store_directory", folder);
        if let Some(folder) = folder.and_then(Path::to_str) {
            drop(set(folder)); // where SQLite does not know this setting it uses the system's folder
        }
        self.connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
        let done = self.connection.execute_batch("VACUUM");
        self.connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        drop(set(""));
        Ok(done?)
    }
}
