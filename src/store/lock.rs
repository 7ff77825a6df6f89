//! One writer at a time: whoever writes to a store holds the lock of a file beside it.
//!
//! SQLite's own locks are those of a transaction, and a load has many: between two of them another writer would take its
//! unfinished source for one that a killed load left. The system releases the lock when its holder ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::StoreError;

/// How long another writer is waited for: most hunts end within it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// The right to write; given back when it is dropped.
#[derive(Debug)]
pub(super) struct WriteLock {
    /// Holds the lock.
    _file: File,
    path: PathBuf,
}

impl WriteLock {
    /// Waits for the right to write to a store.
    pub(super) fn of(store: &Path) -> Result<Self, StoreError> {
        let mut name = store.as_os_str().to_owned();
        name.push("-lock");
        let path = PathBuf::from(name);
        let failed = |error: std::io::Error| StoreError::Open { path: store.to_owned(), source: error.into() };
        let start = Instant::now();
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Ok(Self { _file: file, path }),
                Ok(()) => continue, // its last holder removed it meanwhile
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(store.to_owned())),
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                    return Ok(Self { _file: file, path });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        // Removed while it is held: who opens it from here on makes a new one, and who waits for this one looks again.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Whether a path still leads to an open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata().map(id), std::fs::metadata(path).map(id)), (Ok(open), Ok(there)) if open == there)
}

/// Whether a path still leads to an open file: elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::WriteLock;

    #[test]
    fn one_holds_it_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("s.db");
        let lock = WriteLock::of(&store).expect("free");
        let other = std::thread::spawn({
            let store = store.clone();
            move || WriteLock::of(&store).map(|_| std::time::Instant::now())
        });
        std::thread::sleep(super::PAUSE * 3);
        let released = std::time::Instant::now();
        drop(lock);
        let got = other.join().expect("no panic").expect("it is free in time");
        assert!(got >= released);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
