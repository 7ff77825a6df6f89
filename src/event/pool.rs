//! Batches, and texts of pieces, that are used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::EventBatch;

/// Batches that wait for the next reader, and texts.
const MAX_SPARE: usize = 8;
/// Smaller ones are made anew: they come in thousands, of leaves that have few events.
const MIN_TEXT_BYTES: usize = 256 * 1024;

/// Gives what the writer has written back to the readers. Memory that one thread frees and another asks for stays with the first for a
/// while.
#[derive(Debug, Clone, Default)]
pub struct BatchPool(Arc<Mutex<Spare>>);

#[derive(Debug, Default)]
struct Spare {
    batches: Vec<EventBatch>,
    texts: Vec<Vec<u8>>,
}

impl BatchPool {
    /// An empty batch, with room where one is spare.
    pub(crate) fn take(&self) -> EventBatch {
        self.spare().batches.pop().unwrap_or_default()
    }

    /// A copy of a piece's bytes.
    pub(crate) fn copy(&self, piece: &[u8]) -> Vec<u8> {
        let mut text = self.spare().texts.pop().unwrap_or_default();
        text.clear();
        text.extend_from_slice(piece);
        text
    }

    /// Takes a copy back.
    pub(crate) fn give_text(&self, text: Vec<u8>) {
        let mut spare = self.spare();
        if text.capacity() >= MIN_TEXT_BYTES && spare.texts.len() < MAX_SPARE {
            spare.texts.push(text);
        }
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
        let mut spare = self.spare();
        if spare.batches.len() < MAX_SPARE {
            spare.batches.push(batch);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
