//! What can go wrong with a store.

use std::io;
use std::path::PathBuf;

/// A store that cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened.
    #[error("cannot open the store `{}`: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite or the system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Somebody else is writing to it.
    #[error("another load or hunt is writing to `{}`: try again when it has ended", .0.display())]
    Busy(PathBuf),
    /// The file is a SQLite database, but not of this program.
    #[error("the file is not a retrohunt store (application id {found:#x})")]
    Foreign {
        /// Its application id.
        found: i32,
    },
    /// The store was made by a newer program.
    #[error("the store has version {found}; this program reads up to version {known}")]
    Newer {
        /// The store's version.
        found: i32,
        /// The program's.
        known: i32,
    },
    /// The store holds something that this program never writes.
    #[error("the store has a structure that this program does not write: {0}")]
    Hostile(String),
    /// The store contradicts itself.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Text could not be compressed or decompressed.
    #[error("cannot compress or decompress rendered text: {0}")]
    Compression(#[source] io::Error),
    /// A query ran into one of its limits.
    #[error("the query was stopped: {0}")]
    Limit(String),
    /// A query may not run.
    #[error("the query is refused: {0}")]
    Refused(String),
    /// SQLite failed.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl StoreError {
    /// What SQLite says has gone wrong, where it was SQLite.
    pub(super) fn sqlite_code(&self) -> Option<rusqlite::ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }
}
