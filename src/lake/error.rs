//! What can go wrong with a lake.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use super::CATALOG_FILE;
use crate::store::StoreError;

/// A lake that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// The folder to write to has something in it.
    #[error("`{}` is not empty: a lake is written into a folder of its own. What an export that was interrupted left may be removed", .0.display())]
    NotEmpty(PathBuf),
    /// Something else than a folder is there.
    #[error("`{}` is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// Parts without a catalog.
    #[error(
        "`{}` has parts of a lake and no `{CATALOG_FILE}`: its export was interrupted. Nothing of it is read: export it again",
        .0.display()
    )]
    Unfinished(PathBuf),
    /// The catalog is of another version.
    #[error("`{}` has version {found}; this program reads version {known}. Nothing of the lake is read", path.display())]
    Version {
        /// The catalog.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The program's.
        known: u32,
    },
    /// The catalog is not one.
    #[error("`{}` is not a catalog of a lake: {reason}. Nothing of the lake is read", path.display())]
    Catalog {
        /// The catalog.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A part is not what the catalog says.
    #[error("`{}`: {reason}. Nothing of the lake is read", path.display())]
    Part {
        /// The part.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// `read`, `write` …
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Events cannot be sorted for want of room or memory.
    #[error("cannot sort events in temporary files in `{}`: {source}", folder.display())]
    Sort {
        /// Where they are.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A part cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Parquet {
        /// The part.
        path: PathBuf,
        /// What the library says.
        source: ParquetError,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LakeError {
    /// A fault of a part.
    pub(super) fn part(path: &Path, reason: impl Into<String>) -> Self {
        Self::Part { path: path.to_owned(), reason: reason.into() }
    }

    /// A file that cannot be read or written.
    pub(super) fn file(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), doing, source }
    }
}
