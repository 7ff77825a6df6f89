//! A copy of a store, also while it is written.
//!
//! The copy is made under another name and gets its own when it is whole, so that a backup that is killed leaves nothing that looks
//! like one. It has what was complete when it began: a load may go on beside it.

use std::fs::File;
use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::params;

use super::super::functions::SharedBases;
use super::super::lock::WriteLock;
use super::super::place::{beside, resolved};
use super::super::watch::Watch;
use super::super::{Store, StoreError, migrate, open};
use super::room;

/// The ending of a copy that is not whole yet.
const PART: &str = "-part";

/// A copy of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupOutcome {
    /// Bytes of the copy.
    pub bytes: u64,
    /// Events in it; none where it is a store of an older version, which is copied as it is.
    pub events: Option<u64>,
}

impl Store {
    /// Copies the store at a path into a file that is not there yet, without what is free in it. A store of an older version is copied as
    /// it is.
    ///
    /// # Errors
    /// When the file is there, its disk has not enough room, the store cannot be read, or the copy cannot be opened.
    pub fn backup(store: &Path, target: &Path) -> Result<BackupOutcome, StoreError> {
        let target = resolved(target)?;
        let is_there = || StoreError::Refused(format!("`{}` is there already: a backup replaces no file", target.display()));
        if target.symlink_metadata().is_ok() {
            return Err(is_there());
        }
        let _lock = WriteLock::of(&target)?;
        let part = beside(&target, PART);
        remove(&part)?;
        let is_current = copy(store, &part)?;
        let outcome = finish(&part, is_current)?;
        File::open(&part).and_then(|file| file.sync_all()).map_err(|error| cannot(&part, error))?;
        // A link and not a rename: it fails where somebody else made the file meanwhile.
        match std::fs::hard_link(&part, &target) {
            Ok(()) => remove(&part)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(is_there()),
            // Some file systems have no links.
            Err(_) => std::fs::rename(&part, &target).map_err(|error| cannot(&target, error))?,
        }
        Ok(outcome)
    }
}

/// Copies all pages that hold something. Returns whether the store is of this version.
fn copy(store: &Path, part: &Path) -> Result<bool, StoreError> {
    let watch = Watch::new();
    let connection = open::for_copying(store, &watch, &SharedBases::default())?;
    let number = |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let needed = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
    room::must_have(part.parent().unwrap_or(Path::new(".")), needed)?;
    // The copy is a second database of the connection for as long as it is made.
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    let name = part.to_str().ok_or_else(|| StoreError::Refused(format!("the name of `{}` is not text", part.display())))?;
    connection.execute("VACUUM INTO ?1", params![name])?;
    migrate::is_current(&connection)
}

/// Takes out what of an unfinished load is in the copy, and sees that it opens.
fn finish(part: &Path, is_current: bool) -> Result<BackupOutcome, StoreError> {
    let mut events = None;
    if is_current {
        Store::open(part)?.close()?;
        let copy = Store::open_read_only(part)?;
        events = Some(copy.catalog()?.types.iter().map(|of| of.events).sum());
    } else {
        open::for_copying(part, &Watch::new(), &SharedBases::default())?;
    }
    let bytes = std::fs::metadata(part).map_err(|error| cannot(part, error))?.len();
    Ok(BackupOutcome { bytes, events })
}

/// Removes what a backup that was killed left.
fn remove(part: &Path) -> Result<(), StoreError> {
    for path in [part.to_owned(), beside(part, "-wal"), beside(part, "-shm"), beside(part, "-journal")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot(&path, error)),
            _ => {}
        }
    }
    Ok(())
}

fn cannot(path: &Path, error: std::io::Error) -> StoreError {
    StoreError::Open { path: path.to_owned(), source: error.into() }
}
