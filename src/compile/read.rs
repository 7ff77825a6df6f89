//! Reading rule files: bounded, UTF-8, without a byte order mark.

use std::fs::{File, Metadata};
use std::io::{self, Read};
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
fn read_source_within(path: &Path, most: u64) -> Result<Arc<SourceText>, ReadError> {
    let (text, _) = read_text(path, most);
    Ok(Arc::new(SourceText { path: path.to_string_lossy().into_owned(), text: text? }))
}

/// Reads a text, and what the system says of the file from before it is read.
pub(super) fn read_text(path: &Path, most: u64) -> (Result<String, ReadError>, Option<Metadata>) {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = match opened {
        Ok(opened) => opened,
        Err(error) => return (Err(error.into()), None),
    };
    (text_of(file, metadata.len(), most), Some(metadata))
}

fn text_of(mut file: File, size: u64, most: u64) -> Result<String, ReadError> {
    // The size is asked first, so that a huge file costs nothing.
    if size > most {
        return Err(ReadError::TooLarge { bytes: size, most });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|e| ReadError::NotUtf8 { at: e.utf8_error().valid_up_to() })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
