//! Members of zip archives, streamed in the order of the archive.

use std::io::{BufReader, Read, Seek};
use std::ops::ControlFlow;

use zip::ZipArchive;
use zip::result::ZipError;

use super::limit::Metered;
use super::{Found, Opener, Visit};

/// Entries of one archive.
const MAX_ENTRIES: usize = 1_000_000;

/// Whether a stream begins like a zip archive.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Opens every member; an encrypted one is named.
pub(super) fn members(opener: &Opener<'_>, path: &str, file: impl Read + Seek, visit: &mut Visit<'_>) -> ControlFlow<()> {
    let mut archive = match ZipArchive::new(BufReader::new(file)) {
        Ok(archive) => archive,
        Err(error) => return visit(Found::Failed { path: path.to_owned(), error: format!("the zip archive is damaged: {error}") }),
    };
    for index in 0..archive.len().min(MAX_ENTRIES) {
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
                let limits = opener.limits;
                if size > limits.max_bytes || (size > 1 << 26 && size / compressed.max(1) > limits.max_ratio) {
                    let error = format!(
                        "decompresses from {compressed} to {size} bytes: more than max_ratio = {} or max_bytes = {}",
                        limits.max_ratio, limits.max_bytes
                    );
                    visit(Found::Failed { path: name, error })?;
                    continue;
                }
                let mut bounded = Metered::new(limits, entry, |counted| counted);
                opener.deeper().stream(name, &mut bounded, Some(size), visit)?;
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
