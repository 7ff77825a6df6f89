//! A wish to stop, shared between whoever has it and the work that should stop.
//!
//! Long work (a load, a hunt) asks between two steps and ends at the next point where all that it leaves is complete.
//! Nothing here knows about signals: the command line sets the wish when the user presses Ctrl-C, a program that uses the
//! library sets it when it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish to stop. Clones share it; it cannot be taken back. Asking is one read of an atomic, cheap enough for every event.
///
/// ```
/// use retrohunt::cancel::Cancel;
///
/// let cancel = Cancel::default();
/// let work = cancel.clone(); // goes to another thread, or into the options of a load
/// assert!(!work.is_cancelled());
/// cancel.cancel();
/// assert!(work.is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
}

impl Cancel {
    /// Asks the work to stop. More than once is the same as once.
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether the work should stop.
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// The flag itself, for a signal handler: it may do nothing but set an atomic.
    #[cfg(feature = "cli")]
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.flag.clone()
    }
}
