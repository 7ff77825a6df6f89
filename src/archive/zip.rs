//! Members of zip archives, streamed in the order of the archive.

use std::io::{BufReader, Read, Seek};
use std::ops::ControlFlow;

use zip::ZipArchive;
use zip::result::ZipError;

use super::limit::{Metered, Origin, RATIO_FREE_BYTES};
use super::{Found, Opener, Visit};

/// Entries of one archive.
const MAX_ENTRIES: usize = 1_000_000;

/// Whether a stream begins like a zip archive.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Opens every member; an encrypted one is named.
pub(super) fn members(
    opener: &Opener<'_>,
    path: &str,
    archive_bytes: u64,
    file: impl Read + Seek,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    let mut archive = match ZipArchive::new(BufReader::new(file)) {
        Ok(archive) => archive,
        Err(error) => return visit(Found::Failed { path: path.to_owned(), error: format!("the zip archive is damaged: {error}") }),
    };
    let limits = opener.limits;
    let mut given = 0_u64;
    for index in 0..archive.len().min(MAX_ENTRIES) {
        // Members that overlap give the same bytes again and again.
        if given > RATIO_FREE_BYTES && given / archive_bytes.max(1) > limits.max_ratio {
            let error = format!("its members decompress by more than max_ratio = {}: the rest is left out", limits.max_ratio);
            return visit(Found::Failed { path: path.to_owned(), error });
        }
        let name = archive.by_index_raw(index).map(|entry| String::from_utf8_lossy(entry.name_raw()).replace('\\', "/"));
        let name = match name {
            Ok(name) => format!("{path}!/{name}"),
            Err(error) => {
                visit(Found::Failed { path: format!("{path}!/#{index}"), error: error.to_string() })?;
                continue;
            }
        };
        match archive.by_index(index) {
            Ok(entry) if entry.is_dir() || name.ends_with('/') => {}
            Ok(entry) => {
                let (size, compressed) = (entry.size(), entry.compressed_size());
                if size > limits.max_bytes || (size > 1 << 26 && size / compressed.max(1) > limits.max_ratio) {
                    let error = format!(
                        "decompresses from {compressed} to {size} bytes: more than max_ratio = {} or max_bytes = {}",
                        limits.max_ratio, limits.max_bytes
                    );
                    visit(Found::Failed { path: name, error })?;
                    continue;
                }
                let origin = opener.origin.as_ref().map(|around| share(around, compressed, archive_bytes));
                let mut bounded = Metered::decoded(limits, origin, compressed, entry);
                opener.deeper(Some(bounded.origin())).stream(name, &mut bounded, Some(size), visit)?;
                given = given.saturating_add(bounded.given());
            }
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                visit(Found::Failed { path: name, error: "encrypted".to_owned() })?
            }
            Err(error) => visit(Found::Failed { path: name, error: error.to_string() })?,
        }
    }
    if archive.len() > MAX_ENTRIES {
        visit(Found::Failed {
            path: path.to_owned(),
            error: format!("more than MAX_ENTRIES = {MAX_ENTRIES} members: the rest is left out"),
        })?;
    }
    ControlFlow::Continue(())
}

/// The share of the container around the archive that stands behind a member.
fn share(around: &Origin, compressed: u64, archive_bytes: u64) -> Origin {
    let share = u128::from(around.bytes()) * u128::from(compressed) / u128::from(archive_bytes.max(1));
    Origin::fixed(u64::try_from(share).unwrap_or(u64::MAX))
}
