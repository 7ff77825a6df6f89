//! Batches that are used again.

use std::sync::{Arc, Mutex, PoisonError};

use super::EventBatch;

/// Batches that wait for the next reader.
const MAX_SPARE: usize = 8;
/// Smaller batches are made anew: they come in thousands, of leaves that have few events.
const MIN_TEXT_BYTES: usize = 256 * 1024;

/// Gives what the writer has written back to the readers. Memory that one thread frees and another asks for stays with the first for a
/// while.
#[derive(Debug, Clone, Default)]
pub struct BatchPool(Arc<Mutex<Vec<EventBatch>>>);

impl BatchPool {
    /// An empty batch, with room where one is spare.
    pub(crate) fn take(&self) -> EventBatch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes a batch that nobody needs any more.
    pub(crate) fn give(&self, mut batch: EventBatch) {
        if batch.text.capacity() < MIN_TEXT_BYTES {
            return;
        }
        let EventBatch { text, members, fields, events } = &mut batch;
        text.clear();
        members.clear();
        fields.clear();
        events.clear();
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE {
            spare.push(batch);
        }
    }
}
