//! Room on a disk: asked for before work that needs a lot of it begins.

use std::path::Path;

use super::super::StoreError;

/// Refuses work that needs more bytes than a folder's disk has free. Where nobody can say how many these are, the work begins.
pub(super) fn must_have(folder: &Path, needed: u64) -> Result<(), StoreError> {
    match free_bytes(folder).filter(|free| *free < needed) {
        Some(free) => Err(StoreError::NoRoom { folder: folder.to_owned(), needed, free }),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}
