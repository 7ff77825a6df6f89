//! What can go wrong between a lake's engine and home.

use crate::lake::LakeError;
use crate::store::StoreError;

/// An engine that does not answer, or a home that cannot keep what it says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// There is no way to the engine.
    #[error("cannot reach the engine at {address}: {reason}")]
    Unreachable {
        /// Where it should be, without names and passwords.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The engine says no.
    #[error("the engine refuses: {0}")]
    Refused(String),
    /// What came back is not an answer.
    #[error("what the engine gave back is not an answer: {0}")]
    Answer(String),
    /// The work was stopped.
    #[error("it was stopped")]
    Stopped,
    /// The store's events were loaded, or are another lake's.
    #[error("{0}")]
    Home(String),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The events cannot be brought into the store.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl EngineError {
    /// Whether it is of the engine, and the next unit may have an answer.
    pub(super) fn is_of_engine(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused(_) | Self::Answer(_))
    }
}
