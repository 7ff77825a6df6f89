//! Rendered text: every block can be unpacked, and every message is in its block.

use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use super::super::super::{StoreError, messages};
use super::Verifier;
use crate::catalog::TypeId;

impl Verifier<'_> {
    /// Reads the places of all messages, and all blocks.
    pub(super) fn texts(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT m.event, m.block, m.number, e.type FROM message m LEFT JOIN event e ON e.id = m.event WHERE m.event <= ?1";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([self.watermark])?;
        // Block → the highest number that a message has in it.
        let (mut wanted, mut count): (FxHashMap<i64, i64>, u64) = (FxHashMap::default(), 0);
        while let Some(row) = rows.next()? {
            self.store.watch.note_progress();
            count += 1;
            let (event, block, number, of_type): (i64, i64, i64, Option<u32>) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            match of_type.and_then(|id| self.catalog.event_type(TypeId(id))).map(|known| known.has_messages) {
                Some(true) if number >= 0 => {}
                Some(true) => self.faults.add("verify-text", || format!("the text of event {event} has the number {number}")),
                Some(false) => self.faults.add("verify-text", || format!("event {event} has a text, and its type says that none has")),
                None => self.faults.add("verify-text", || format!("a text is that of event {event}, which is not there")),
            }
            let highest = wanted.entry(block).or_insert(number);
            *highest = (*highest).max(number);
        }
        let (store, faults) = (self.store, &mut self.faults);
        messages::each_block_or_fault(self.connection, &mut |block, texts| {
            store.watch.note_progress();
            let wanted = wanted.remove(&block);
            match texts {
                Err(error) => faults.add("verify-text", || format!("block {block}: {error}")),
                Ok(texts) if std::str::from_utf8(texts).is_err() => faults.add("verify-text", || format!("block {block} is not UTF-8")),
                Ok(texts) => {
                    let held = texts.iter().filter(|byte| **byte == 0).count();
                    if wanted.is_some_and(|number| usize::try_from(number).is_ok_and(|number| number > held)) {
                        faults.add("verify-text", || format!("a text is not in its block {block}"));
                    }
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let mut missing: Vec<i64> = wanted.into_keys().collect();
        missing.sort_unstable();
        for block in missing {
            self.faults.add("verify-text", || format!("block {block} is missing"));
        }
        self.faults.end_part("rendered text", count);
        Ok(())
    }
}
