//! Where the rows of a scan lie: what rules ask of them beside the cells before the scan.

use std::cell::RefCell;

use super::loose::LooseRow;
use super::words::MessageWords;
use crate::catalog::{EventId, ValueId};
use crate::store::{Store, StoreError, StoredEvent, StoredValue, ValueReader};

/// See the module.
pub(super) enum ScanSource<'a, 's> {
    /// In a store.
    Store {
        /// The store.
        store: &'s Store,
        /// Its values, while a range of events is scanned.
        values: RefCell<Option<ValueReader<'s>>>,
        /// The words in its messages.
        words: &'a RefCell<MessageWords<'s>>,
    },
    /// In no store: the row at hand has all there is.
    Loose(&'a LooseRow),
}

impl ScanSource<'_, '_> {
    /// Begins a range of events. Nothing may be written to the store until it ends.
    pub(super) fn begin(&self) {
        if let Self::Store { store, values, .. } = self {
            values.replace(Some(store.value_reader()));
        }
    }

    /// Ends it.
    pub(super) fn end(&self) {
        if let Self::Store { values, .. } = self {
            values.replace(None);
        }
    }

    /// A value of the dictionary.
    pub(super) fn value(&self, id: ValueId) -> Result<StoredValue, StoreError> {
        match self {
            Self::Store { store, values, .. } => values.borrow().as_ref().map_or_else(|| store.value(id), |values| values.value(id)),
            Self::Loose(row) => Ok(row.value(id)),
        }
    }

    /// The host of an event.
    pub(super) fn host(&self, event: EventId) -> Result<Option<ValueId>, StoreError> {
        match self {
            Self::Store { store, .. } => Ok(store.event_rows(&[event])?.first().and_then(|row| row.host)),
            Self::Loose(row) => Ok(row.host()),
        }
    }

    /// The rendered text of an event.
    pub(super) fn message(&self, event: EventId) -> Result<Option<String>, StoreError> {
        match self {
            Self::Store { store, .. } => store.message(event),
            Self::Loose(row) => Ok(row.message()),
        }
    }

    /// An event with all its fields.
    pub(super) fn event(&self, event: EventId) -> Result<StoredEvent, StoreError> {
        match self {
            Self::Store { store, .. } => store.event(event),
            Self::Loose(row) => Ok(row.whole(event)),
        }
    }
}
