//! Reading rule files: bounded, UTF-8, without a byte order mark.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diag::SourceText;

/// A larger file is not a rule: the largest public ones have some 100 kB. It also bounds what a folder full of logs costs.
pub const MAX_RULE_BYTES: u64 = 16 * 1024 * 1024;

/// Why a rule file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is too large.
    #[error("it has {bytes} bytes; {most} are the most that are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        most: u64,
    },
    /// It is not text.
    #[error("invalid UTF-8 at byte {at}")]
    NotUtf8 {
        /// The first byte that belongs to no character.
        at: usize,
    },
}

/// A file that was named and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {source}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: ReadError,
}

/// Reads a file as rule files are read: UTF-8, without a byte order mark.
///
/// # Errors
/// Where it cannot be read, is not UTF-8, or has more than [`MAX_RULE_BYTES`].
pub fn read_source(path: &Path) -> Result<Arc<SourceText>, ReadError> {
    read_source_within(path, MAX_RULE_BYTES)
}

/// As [`read_source`], with another limit.
pub(super) fn read_source_within(path: &Path, most: u64) -> Result<Arc<SourceText>, ReadError> {
    Ok(Arc::new(SourceText { path: path.to_string_lossy().into_owned(), text: read_text(path, most)? }))
}

fn read_text(path: &Path, most: u64) -> Result<String, ReadError> {
    // The size is asked first, so that a huge file costs nothing.
    let bytes = std::fs::metadata(path)?.len();
    if bytes > most {
        return Err(ReadError::TooLarge { bytes, most });
    }
    let text = String::from_utf8(std::fs::read(path)?).map_err(|e| ReadError::NotUtf8 { at: e.utf8_error().valid_up_to() })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
