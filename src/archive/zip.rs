//! Members of zip archives, streamed in the order of the archive.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use zip::read::{ZipFile, read_zipfile_from_stream};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::directory::Directory;
use super::limit::{Metered, Origin, RATIO_FREE_BYTES};
use super::members::{Codec, Members};
use super::{Opener, Visit, Walked};

/// Entries of one archive.
// The library holds the whole directory in memory.
pub(super) const MAX_ENTRIES: usize = 1_000_000;
/// Bytes of the record that ends an archive, and of the longest comment behind it.
pub(super) const END_BYTES: u64 = 22 + 65_535;

/// The mark of a member.
pub(super) const MEMBER_MARK: &[u8] = b"PK\x03\x04";
/// The mark of the record that ends an archive.
pub(super) const END_MARK: &[u8] = b"PK\x05\x06";
/// Bytes of a member's header, in front of its name.
const MEMBER_BYTES: usize = 30;

/// Whether a stream begins like a zip archive.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(MEMBER_MARK) || head.starts_with(END_MARK)
}

/// Whether a stream begins with a member whose mark is damaged: its version, its method and its name are such as are written.
pub(super) fn is_member_without_its_mark(head: &[u8]) -> bool {
    let Some(header) = head.first_chunk::<MEMBER_BYTES>() else { return false };
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (version, method, name_bytes) = (short(4), short(8), usize::from(short(26)));
    let name = head.get(MEMBER_BYTES..MEMBER_BYTES + name_bytes);
    (10..=63).contains(&version)
        // The methods that zip programs use; any other number is chance.
        && matches!(method, 0 | 8 | 9 | 12 | 14 | 93 | 95 | 99)
        && name.is_some_and(|name| !name.is_empty() && std::str::from_utf8(name).is_ok_and(|name| !name.contains(char::is_control)))
}

/// Whether a file ends as a zip archive whose first member is at the file's beginning, whatever stands there now. A program
/// that has an archive at its end is none: its first member is elsewhere.
pub(super) fn ends_as_zip(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(END_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.by_ref().take(END_BYTES).read_to_end(&mut tail)?;
    let Some(end) = memchr::memmem::rfind(&tail, END_MARK) else { return Ok(false) };
    let number = |at: usize| tail.get(end + at..end + at + 4).map_or(0, |b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    let (bytes, at) = (number(12), number(16));
    if bytes == 0 || at + bytes != start + end as u64 {
        return Ok(false);
    }
    let mut entry = [0; 46];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut entry)?;
    Ok(entry.starts_with(b"PK\x01\x02") && entry[42..46] == [0; 4])
}

/// Opens every member; an encrypted one is named.
pub(super) fn members(
    opener: &Opener<'_>,
    path: &str,
    archive_bytes: u64,
    mut file: impl Read + Seek,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    let directory = file.rewind().and_then(|()| Directory::read(&mut file)).ok().flatten().unwrap_or_default();
    let real_names = directory.real_names(&mut file).unwrap_or_default();
    // Where a changed name is refused (some archives have a checksum of it), the archive is opened as it is.
    let is_shown = directory.has_twins() && ZipArchive::new(BufReader::new(directory.over(&mut file))).is_ok();
    let unchanged = Directory::default();
    let shown = if is_shown { &directory } else { &unchanged };
    let mut archive = match file.rewind().map_err(ZipError::from).and_then(|()| ZipArchive::new(BufReader::new(shown.over(&mut file)))) {
        Ok(archive) => archive,
        Err(error) => {
            let error = format!("the zip archive is damaged: {error}: reading only the members whose own header gives their length");
            visit(Walked::Failed { path: path.to_owned(), error })?;
            return without_directory(opener, path, archive_bytes, file, visit);
        }
    };
    let limits = opener.limits;
    if archive.offset() > 0 {
        let error = format!("skipped the first {} bytes: they do not belong to a member of the zip archive", archive.offset());
        visit(Walked::Failed { path: path.to_owned(), error })?;
    }
    if let Some(more) = directory.entries.checked_sub(archive.len()).filter(|more| *more > 0) {
        let members = if more == 1 { "1 member".to_owned() } else { format!("{more} members") };
        let error = format!("skipped {members}: not listed by the zip archive, or with the name of another member");
        visit(Walked::Failed { path: path.to_owned(), error })?;
    }
    let mut given = 0_u64;
    for index in 0..archive.len().min(MAX_ENTRIES) {
        // Members that overlap give the same bytes again and again.
        if given > RATIO_FREE_BYTES && given / archive_bytes.max(1) > limits.max_ratio {
            let error =
                format!("its members decompress to more than {} times its size (option `max_ratio`): skipped the rest", limits.max_ratio);
            return visit(Walked::Failed { path: path.to_owned(), error });
        }
        let (name, codec) = match archive.by_index_raw(index) {
            Ok(entry) => {
                // Slashes both ways: Windows programs write backslashes, and a path must be the same on every system.
                let name = real_names.get(entry.name_raw()).map_or(entry.name_raw(), Vec::as_slice);
                (format!("{path}!/{}", String::from_utf8_lossy(name).replace('\\', "/")), codec(&entry))
            }
            Err(error) => {
                visit(Walked::Failed { path: format!("{path}!/#{index}"), error: error.to_string() })?;
                continue;
            }
        };
        let entry = if codec.is_some() { archive.by_index_raw(index) } else { archive.by_index(index) };
        match entry {
            Ok(entry) if entry.is_dir() || name.ends_with('/') => {}
            Ok(entry) => given = given.saturating_add(one(opener, name, codec, archive_bytes, entry, visit)?),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                visit(Walked::Failed { path: name, error: "encrypted".to_owned() })?
            }
            Err(error) => visit(Walked::Failed { path: name, error: error.to_string() })?,
        }
    }
    if archive.len() > MAX_ENTRIES {
        visit(Walked::Failed { path: path.to_owned(), error: format!("more than MAX_ENTRIES = {MAX_ENTRIES} members: skipped the rest") })?;
    }
    ControlFlow::Continue(())
}

/// Opens one member and says how many bytes it gave.
fn one<R: Read>(
    opener: &Opener<'_>,
    name: String,
    codec: Option<Codec>,
    archive_bytes: u64,
    entry: ZipFile<'_, R>,
    visit: &mut Visit<'_>,
) -> ControlFlow<(), u64> {
    let limits = opener.limits;
    let (size, compressed) = (entry.size(), entry.compressed_size());
    if size > limits.max_bytes || (size > 1 << 26 && size / compressed.max(1) > limits.max_ratio) {
        let error = format!(
            "decompresses from {compressed} to {size} bytes: more than {} times its size (option `max_ratio`) or {} bytes (option `max_bytes`)",
            limits.max_ratio, limits.max_bytes
        );
        visit(Walked::Failed { path: name, error })?;
        return ControlFlow::Continue(0);
    }
    let origin = opener.origin.as_ref().map(|around| share(around, compressed, archive_bytes));
    let Some(codec) = codec else {
        return member(opener, name, size, &mut Metered::decoded(limits, origin, compressed, entry), visit);
    };
    let mut content = Metered::new(limits, origin, entry, |source| Members::new(codec, source));
    let given = member(opener, name.clone(), size, &mut content, visit)?;
    if let Some(fault) = content.decoder().fault() {
        visit(Walked::Failed { path: name, error: fault.to_owned() })?;
    }
    ControlFlow::Continue(given)
}

/// Reads the members of an archive without its directory, one after the other from its beginning, until one does not say
/// where it ends.
fn without_directory(
    opener: &Opener<'_>,
    path: &str,
    archive_bytes: u64,
    mut file: impl Read + Seek,
    visit: &mut Visit<'_>,
) -> ControlFlow<()> {
    if file.rewind().is_err() {
        return ControlFlow::Continue(()); // told by the archive's own fault
    }
    let (mut reader, mut given) = (BufReader::new(file), 0_u64);
    for _ in 0..MAX_ENTRIES {
        if given > RATIO_FREE_BYTES && given / archive_bytes.max(1) > opener.limits.max_ratio {
            break;
        }
        let Ok(Some(entry)) = read_zipfile_from_stream(&mut reader) else { break };
        let name = format!("{path}!/{}", String::from_utf8_lossy(entry.name_raw()).replace('\\', "/"));
        if !name.ends_with('/') {
            given = given.saturating_add(one(opener, name, None, archive_bytes, entry, visit)?);
        }
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
