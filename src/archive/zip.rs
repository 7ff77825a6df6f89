//! Members of zip archives, streamed in the order of the archive.

use std::io::{BufReader, Read, Seek};
use std::ops::ControlFlow;

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::limit::{Metered, Origin, RATIO_FREE_BYTES};
use super::members::{Codec, Members};
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
        let (name, codec) = match archive.by_index_raw(index) {
            Ok(entry) => (format!("{path}!/{}", String::from_utf8_lossy(entry.name_raw()).replace('\\', "/")), codec(&entry)),
            Err(error) => {
                visit(Found::Failed { path: format!("{path}!/#{index}"), error: error.to_string() })?;
                continue;
            }
        };
        let entry = if codec.is_some() { archive.by_index_raw(index) } else { archive.by_index(index) };
        match entry {
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
                let bytes = match codec {
                    None => member(opener, name, size, &mut Metered::decoded(limits, origin, compressed, entry), visit)?,
                    Some(codec) => {
                        let mut content = Metered::new(limits, origin, entry, |source| Members::new(codec, source));
                        member(opener, name, size, &mut content, visit)?
                    }
                };
                given = given.saturating_add(bytes);
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

/// The compression of a member that this module reads itself, with the limits that streams of that kind have.
fn codec<R: Read>(entry: &ZipFile<'_, R>) -> Option<Codec> {
    match entry.compression() {
        _ if entry.encrypted() => None,
        CompressionMethod::BZIP2 => Some(Codec::Bzip2),
        CompressionMethod::XZ => Some(Codec::Xz),
        CompressionMethod::ZSTD => Some(Codec::Zstd),
        _ => None,
    }
}

/// Opens one member and says how many bytes it gave.
fn member<D: Read>(
    opener: &Opener<'_>,
    name: String,
    size: u64,
    content: &mut Metered<'_, D>,
    visit: &mut Visit<'_>,
) -> ControlFlow<(), u64> {
    opener.deeper(Some(content.origin())).stream(name, content, Some(size), visit)?;
    ControlFlow::Continue(content.given())
}

/// The share of the container around the archive that stands behind a member.
fn share(around: &Origin, compressed: u64, archive_bytes: u64) -> Origin {
    let share = u128::from(around.bytes()) * u128::from(compressed) / u128::from(archive_bytes.max(1));
    Origin::fixed(u64::try_from(share).unwrap_or(u64::MAX))
}
