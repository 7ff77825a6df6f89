//! Where a store's file is, and whether its path still leads there.
//!
//! SQLite keeps the file open, but finds its write-ahead log by name: when the store is removed or replaced while it is written,
//! the log lies beside a file that it does not belong to, and whoever opens that file mixes both. So the file is known by its
//! inode from before it is opened, every commit asks whether it is still at its path, and what of the log is left at the end
//! is removed. What cannot be seen is a file that is replaced and put back between two looks.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::StoreError;

/// The file of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoreFile {
    /// Absolute, with all links resolved, so that a file has one log and one lock whatever it is called by.
    path: PathBuf,
    id: FileId,
}

impl StoreFile {
    /// The file at a path that must be there.
    pub(super) fn of_existing(path: &Path) -> Result<Self, StoreError> {
        let failed = |error: std::io::Error| StoreError::Open { path: path.to_owned(), source: error.into() };
        let resolved = resolved(path)?;
        let metadata = std::fs::metadata(&resolved).map_err(failed)?;
        if !metadata.is_file() {
            return Err(StoreError::Open { path: path.to_owned(), source: "it is not a file".into() });
        }
        Ok(Self { path: resolved, id: FileId::of(&metadata) })
    }

    /// The file at a path, which is made where there is none.
    pub(super) fn of_new(path: &Path) -> Result<Self, StoreError> {
        // `create_new`, so that two commands that start together do not both take the file for theirs.
        match OpenOptions::new().write(true).create_new(true).open(resolved(path)?) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(StoreError::Open { path: path.to_owned(), source: error.into() })
            }
            _ => Self::of_existing(path),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to the file.
    pub(super) fn is_there(&self) -> bool {
        self.id.is_at(&self.path)
    }

    /// # Errors
    /// When the path no longer leads to the file.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.is_there() { Ok(()) } else { Err(StoreError::Moved) }
    }

    /// The write-ahead log or its index beside the file: `-wal`, `-shm`.
    pub(super) fn beside(&self, ending: &str) -> PathBuf {
        beside(&self.path, ending)
    }

    /// Refuses a log that is not of this file. SQLite writes into a file that it has a log only before it makes the log, and
    /// takes that back only once the log is gone: a file that says no and has a log was put beside it by somebody.
    pub(super) fn refuse_foreign_log(&self) -> Result<(), StoreError> {
        let log = self.beside("-wal");
        let has_log = || std::fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0);
        // Asked twice: another process may end its work in between.
        if has_log() && !self.says_that_it_has_a_log() && has_log() && !self.says_that_it_has_a_log() {
            return Err(StoreError::ForeignLog(log));
        }
        Ok(())
    }

    /// Whether the header says so, or cannot be read: bytes 18 and 19 are 2 with a write-ahead log and 1 without.
    fn says_that_it_has_a_log(&self) -> bool {
        header(&self.path).is_none_or(|header| header[18] != 1 || header[19] != 1)
    }

    /// How much of the file is missing, where it ends before its last page: bytes found, bytes wanted.
    pub(super) fn cut(&self) -> Option<(u64, u64)> {
        let header = header(&self.path)?;
        // 65,536 does not fit into the two bytes of the header: SQLite writes 1 for it.
        let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
            1 => 65_536,
            bytes => bytes,
        };
        let wanted = page * u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
        let found = std::fs::metadata(&self.path).ok()?.len();
        (found < wanted).then_some((found, wanted))
    }
}

/// The first bytes of a SQLite file.
fn header(path: &Path) -> Option<[u8; 32]> {
    let mut header = [0; 32];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header)).ok()?;
    header.starts_with(b"SQLite format 3\0").then_some(header)
}

/// The path of a file beside another: its name with an ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The absolute path without links; of a file that is not there, that of its folder with its name.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |error: String| StoreError::Open { path: path.to_owned(), source: error.into() };
    let name = path.file_name().ok_or_else(|| failed("this is not the name of a file".to_owned()))?;
    // SQLite would take this name for a store in memory, and the load would be lost at its end.
    if path.as_os_str() == ":memory:" {
        return Err(failed("a store is a file: what is in memory would be lost at the end".to_owned()));
    }
    if let Ok(there) = path.canonicalize() {
        return Ok(there);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(folder.canonicalize().map_err(|error| failed(error.to_string()))?.join(name))
}

/// The write-ahead log that this process made beside a store, by which it is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnLog(Vec<(PathBuf, FileId)>);

impl OwnLog {
    /// What lies beside the file now.
    pub(super) fn beside(place: &StoreFile) -> Self {
        let files = ["-wal", "-shm"].into_iter().map(|ending| place.beside(ending));
        Self(files.filter_map(|path| Some((path.clone(), FileId::of(&std::fs::metadata(path).ok()?)))).collect())
    }

    /// What of it is not in the other.
    pub(super) fn without(self, other: &Self) -> Self {
        Self(self.0.into_iter().filter(|file| !other.0.contains(file)).collect())
    }

    /// Removes what of it is still at its path.
    pub(super) fn remove(&self) {
        for (path, id) in &self.0 {
            if id.is_at(path) {
                drop(std::fs::remove_file(path)); // who replaced the store may have removed it too
            }
        }
    }
}

/// What a file is known by, whatever its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
}

impl FileId {
    /// Whether a path leads to the file.
    fn is_at(self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| Self::of(&metadata) == self)
    }
}

#[cfg(unix)]
impl FileId {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device_and_inode: (metadata.dev(), metadata.ino()) }
    }
}

/// Elsewhere an open file can be neither removed nor replaced.
#[cfg(not(unix))]
impl FileId {
    pub(super) fn of(_: &std::fs::Metadata) -> Self {
        Self {}
    }
}
