//! One writer at a time: whoever writes to a store holds the lock of a file beside it.
//!
//! SQLite's own locks are those of a transaction, and a load has many: between two of them another writer would take its
//! unfinished source for one that a killed load left. The system releases the lock when its holder ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::StoreError;
use super::place::{FileId, beside, resolved};

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
        let failed = |error: String| StoreError::Open { path: store.to_owned(), source: error.into() };
        let path = beside(&resolved(store)?, "-lock");
        let start = Instant::now();
        loop {
            let file = open(&path).map_err(|error| failed(why(&error, &path)))?;
            match file.try_lock() {
                // The file may be another one by now: its last holder removes it, and then this lock is on a file that nobody sees.
                Ok(()) if is_at(&file, &path) => return Ok(Self { _file: file, path }),
                Ok(()) => continue, // its last holder removed it meanwhile
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(store.to_owned())),
                // Some network file systems have no locks; without them SQLite's own still keep single transactions apart.
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                    return Ok(Self { _file: file, path });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error.to_string())),
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

/// Opens or makes the file that is locked. A store may be in a folder where others can write: a link there must not make this
/// program create a file elsewhere, and a pipe must not make it wait.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("it is not a plain file")) }
}

/// Why the file cannot be opened, and what to do.
fn why(error: &std::io::Error, path: &Path) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("{error}. To load or hunt, its folder must be writable; `sources`, `findings` and `sql` read it as it is")
        }
        _ if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) => {
            format!("`{}` must be a plain file, and it is not: remove it", path.display())
        }
        _ => format!("`{}`: {error}", path.display()),
    }
}

/// Whether a path still leads to an open file.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |metadata: std::io::Result<std::fs::Metadata>| metadata.map(|metadata| FileId::of(&metadata));
    matches!((id(file.metadata()), id(std::fs::metadata(path))), (Ok(open), Ok(there)) if open == there)
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

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_folders_are_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, lock, elsewhere) = (folder.path().join("s.db"), folder.path().join("s.db-lock"), folder.path().join("elsewhere"));
        let refused = |what: &str| {
            let message = WriteLock::of(&store).expect_err(what).to_string();
            assert!(message.contains("must be a plain file"), "{what}: {message}");
        };
        std::os::unix::fs::symlink(&elsewhere, &lock).expect("a link");
        refused("a link");
        assert!(!elsewhere.exists());
        std::fs::remove_file(&lock).expect("a link");
        assert!(std::process::Command::new("mkfifo").arg(&lock).status().expect("mkfifo").success());
        refused("a pipe");
        std::fs::remove_file(&lock).expect("a pipe");
        std::fs::create_dir(&lock).expect("a folder");
        refused("a folder");
    }
}
