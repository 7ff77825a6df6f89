//! Rendered text of removed events: a block goes with its last message, and of one that stays the texts that are gone become empty.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::super::super::{Store, StoreError, messages};

/// Blocks that held messages of removed events.
#[derive(Debug, Default)]
pub(super) struct RemovedTexts(BTreeSet<i64>);

impl RemovedTexts {
    /// Takes note of the blocks of events that are about to be removed.
    pub(super) fn note(&mut self, connection: &Connection, first: i64, last: i64) -> Result<(), StoreError> {
        let mut select = connection.prepare_cached("SELECT DISTINCT block FROM message WHERE event BETWEEN ?1 AND ?2")?;
        let mut rows = select.query([first, last])?;
        while let Some(row) = rows.next()? {
            self.0.insert(row.get(0)?);
        }
        Ok(())
    }

    /// Removes the texts, when the messages are removed.
    pub(super) fn finish(&self, store: &Store) -> Result<(), StoreError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let connection = &store.connection;
        // Which of them still have messages: one pass, because messages are not found by their block.
        let mut left: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        let mut select = connection.prepare("SELECT block, number FROM message")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            store.watch.note_progress();
            let block: i64 = row.get(0)?;
            if self.0.contains(&block) {
                left.entry(block).or_default().insert(row.get(1)?);
            }
        }
        drop(rows);
        for block in &self.0 {
            store.watch.note_progress();
            match left.get(block) {
                None => drop(connection.prepare_cached("DELETE FROM message_block WHERE id = ?1")?.execute([block])?),
                Some(numbers) => {
                    let data = messages::without_others(connection, *block, numbers)?;
                    connection.prepare_cached("UPDATE message_block SET data = ?2 WHERE id = ?1")?.execute(params![block, data])?;
                }
            }
        }
        Ok(())
    }
}
