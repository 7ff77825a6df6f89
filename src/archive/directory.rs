//! The directory of a zip archive as it stands in the file, and members of one name.
//!
//! The library that reads the format keeps one member of each name. An archive may have several (a tool appended the log of
//! each day under the same name; somebody hides one behind another), and all of them are evidence. So the library is shown
//! a directory in which each later one has a name of its own, of the same length; what it is really called is kept here.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use rustc_hash::{FxHashMap, FxHashSet};

use super::zip::{END_BYTES, END_MARK, MAX_ENTRIES};

/// Bytes of an entry in front of its name.
const ENTRY_BYTES: usize = 46;
/// What a name of its own is made of; no separator, and nothing that another encoding reads differently.
// 64 of them, so that each has six bits of a number; all are the same in every encoding that names are written in.
const LETTERS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-";
/// Bytes of a name that are changed at most: 64⁴ names are more than an archive has entries.
const CHANGED_BYTES: usize = 4;
/// Names that are tried for one member: short names run out.
const MAX_TRIES: usize = 64;

/// What the directory of an archive says.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Entries in it, whatever the archive counts.
    pub(super) entries: usize,
    /// Members with the name of an earlier one.
    renamed: Vec<Renamed>,
}

#[derive(Debug)]
struct Renamed {
    /// Offset of the name in the file.
    at: u64,
    /// Its beginning as it is shown to the library.
    shown: Vec<u8>,
}

impl Directory {
    /// Reads a directory; `None` where it is not easily found.
    pub(super) fn read(file: &mut (impl Read + Seek)) -> io::Result<Option<Self>> {
        let length = file.seek(SeekFrom::End(0))?;
        let start = length.saturating_sub(END_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.by_ref().take(END_BYTES).read_to_end(&mut tail)?;
        let number = |bytes: &[u8], at: usize| bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        // The last one: a member that is an archive itself has the mark too.
        let Some(end) = memchr::memmem::rfind(&tail, END_MARK) else { return Ok(None) };
        let (directory_bytes, end_at) = (u64::from(number(&tail[end..], 12)), start + end as u64);
        if directory_bytes > end_at {
            return Ok(None); // an archive of the larger kind
        }
        let begin = end_at - directory_bytes;
        file.seek(SeekFrom::Start(begin))?;
        Self::entries(&mut BufReader::new(file.take(directory_bytes)), begin).map(Some)
    }

    fn entries(entries: &mut impl Read, begin: u64) -> io::Result<Self> {
        let short = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let (mut directory, mut names, mut at) = (Self::default(), TakenNames::default(), begin);
        let mut name = Vec::new();
        while directory.entries < MAX_ENTRIES {
            let mut head = Vec::with_capacity(ENTRY_BYTES);
            entries.take(ENTRY_BYTES as u64).read_to_end(&mut head)?;
            if head.len() < ENTRY_BYTES || !head.starts_with(b"PK\x01\x02") {
                break;
            }
            directory.entries += 1;
            let rest = u64::from(short(&head, 30)) + u64::from(short(&head, 32));
            name.clear();
            entries.take(u64::from(short(&head, 28))).read_to_end(&mut name)?;
            if let Some(shown) = names.own(&name) {
                directory.renamed.push(Renamed { at: at + ENTRY_BYTES as u64, shown });
            }
            io::copy(&mut entries.take(rest), &mut io::sink())?;
            at += (ENTRY_BYTES + name.len()) as u64 + rest;
        }
        Ok(directory)
    }

    /// Whether members have the name of another.
    pub(super) fn has_twins(&self) -> bool {
        !self.renamed.is_empty()
    }

    /// The file with a name of its own for each member.
    pub(super) fn over<R: Read + Seek>(&self, file: R) -> PatchedFile<'_, R> {
        PatchedFile { file, at: 0, renamed: &self.renamed }
    }

    /// The beginnings of names that are not what the members are called, by what the library calls them.
    pub(super) fn real_names<R: Read + Seek>(&self, file: &mut R) -> io::Result<FxHashMap<Vec<u8>, Vec<u8>>> {
        let mut names = FxHashMap::default();
        for renamed in &self.renamed {
            let mut real = vec![0; renamed.shown.len()];
            file.seek(SeekFrom::Start(renamed.at))?;
            file.read_exact(&mut real)?;
            names.insert(renamed.shown.clone(), real);
        }
        Ok(names)
    }
}

/// The names that are taken, as hashes: that of another name may be equal, which costs a rename that nobody sees.
#[derive(Default)]
// Hashes and not names: a million names of 64 kB would be the memory of the machine. The hasher is random, so that nobody can
// make names that meet.
struct TakenNames {
    hashes: FxHashSet<u64>,
    hasher: RandomState,
    given: usize,
}

impl TakenNames {
    /// A whole name for a member whose own is taken; `None` where it is not, or where none can be found.
    fn own(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        if self.hashes.insert(self.hasher.hash_one(name)) {
            return None;
        }
        let mut shown = name.to_vec();
        // A folder stays a folder.
        let changed = shown.len().min(CHANGED_BYTES) - usize::from(name.len() <= CHANGED_BYTES && name.ends_with(b"/"));
        for _ in 0..MAX_TRIES {
            self.given += 1;
            // Counted on over all members: each try is a new name, also for members of one name.
            let mut number = self.given;
            for byte in &mut shown[..changed] {
                *byte = LETTERS[number % LETTERS.len()];
                number /= LETTERS.len();
            }
            if self.hashes.insert(self.hasher.hash_one(shown.as_slice())) {
                return Some(shown);
            }
        }
        None
    }
}

/// A file in which some bytes read otherwise.
pub(super) struct PatchedFile<'d, R> {
    file: R,
    at: u64,
    /// By offset.
    renamed: &'d [Renamed],
}

impl<R: Read> Read for PatchedFile<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let (begin, end) = (self.at, self.at + count as u64);
        let first = self.renamed.partition_point(|renamed| renamed.at + renamed.shown.len() as u64 <= begin);
        for renamed in self.renamed[first..].iter().take_while(|renamed| renamed.at < end) {
            for (offset, byte) in (renamed.at..).zip(&renamed.shown).filter(|(offset, _)| (begin..end).contains(offset)) {
                buffer[usize::try_from(offset - begin).unwrap_or(usize::MAX)] = *byte;
            }
        }
        self.at = end;
        Ok(count)
    }
}

impl<R: Seek> Seek for PatchedFile<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}
