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
    /// The store was made by an older program, and who only reads cannot bring it up to date.
    #[error("the store has version {found} of an older program: `retrohunt hunt` or `load` once brings it to version {known}")]
    Older {
        /// The store's version.
        found: i32,
        /// The program's.
        known: i32,
    },
    /// The store holds something that this program never writes.
    #[error("the store has a structure that this program does not write: {0}")]
    Hostile(String),
    /// The store contradicts itself.
    #[error("the store is damaged: {0}. Load the archives again into a new store")]
    Damaged(String),
    /// The store's path leads to another file, or to none, since it was opened.
    #[error(
        "the store was removed or replaced while it was written: what this command did since is lost. The file that is there now was not changed"
    )]
    Moved,
    /// A write-ahead log that belongs to another file.
    #[error("`{}` belongs to another database: with it the store cannot be read. Move that file away", .0.display())]
    ForeignLog(PathBuf),
    /// The newest part of the store is in a log that cannot be read here.
    #[error("a load or hunt was killed or still runs: its last changes are in `{}`, and SQLite reads them only in a folder that can be written. Copy both files to one", .0.display())]
    UnreadableLog(PathBuf),
    /// The disk has not enough room for what is asked.
    #[error(
        "the disk of `{}` has {} MB free, and this needs {} MB there until it is done",
        folder.display(),
        free / 1_000_000,
        needed / 1_000_000 + 1
    )]
    NoRoom {
        /// A folder on that disk.
        folder: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The store has faults, and what is asked would make them worse.
    #[error("the store has faults ({0}): `retrohunt store verify` lists them. Nothing was changed")]
    Faulty(u64),
    /// Somebody else has the store open.
    #[error("another program is reading or writing the store: try again when it has ended")]
    InUse,
    /// A statement was ended because it went on and on.
    #[error("SQLite worked for an hour on one statement and was stopped: the store may be made to keep this program busy")]
    Endless,
    /// More kinds of events than a store can have.
    #[error(
        "more than {} kinds of events: a store cannot have more. Load a part of the logs into a store of its own",
        super::catalog_sql::MAX_EVENT_TYPES
    )]
    TooManyTypes,
    /// Text could not be compressed or decompressed.
    #[error("cannot compress or decompress rendered text: {0}")]
    Compression(#[source] io::Error),
    /// A query ran into one of its limits.
    #[error("the query was stopped: {0}")]
    Limit(String),
    /// A query may not run.
    #[error("{0}")]
    Refused(String),
    /// The system refuses to read or write.
    #[error("the store cannot be read or written: {0}. Is the disk full, or the size of files limited (`ulimit -f`)?")]
    System(#[source] rusqlite::Error),
    /// SQLite failed.
    #[error("SQLite: {0}")]
    Sqlite(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    /// Gives the faults that a person can do something about their own words.
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let extended = error.sqlite_extended_error_code();
        // Both mean that the store's file is not where it was: the commit hook refused, or SQLite itself noticed.
        if matches!(extended, Some(rusqlite::ffi::SQLITE_CONSTRAINT_COMMITHOOK | rusqlite::ffi::SQLITE_READONLY_DBMOVED)) {
            return Self::Moved;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(ErrorCode::DatabaseBusy) => Self::InUse,
            Some(ErrorCode::OperationInterrupted) => Self::Endless,
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Self::System(error),
            _ => Self::Sqlite(error),
        }
    }
}

impl StoreError {
    /// Says which file could not be opened, where nothing better is known.
    pub(super) fn of(self, path: &std::path::Path) -> Self {
        match self {
            // `CannotOpen` stays: who opens tries again without locks, and asks for just this code.
            Self::Sqlite(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::CannotOpen) => {
                Self::Open { path: path.to_owned(), source: error.into() }
            }
            other => other,
        }
    }

    /// What SQLite says has gone wrong, where it was SQLite.
    pub(super) fn sqlite_code(&self) -> Option<rusqlite::ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }
}
