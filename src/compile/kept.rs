//! The form of a file that keeps compiled rules: written as a whole, read in parts, believed only where its checksums are right.
//!
//! | part | what |
//! |---|---|
//! | head | [`MAGIC`], the build, the lengths of the other parts, their checksums |
//! | front | what the rules were made from, and what there is to say of them |
//! | body | the rules |
//!
//! A checksum keeps out what a broken disk or a full one made of a file. It does not keep out a file that somebody made: such
//! a file is kept out by where it lies, see [`super::cache`].

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::RuleSet;
use super::files::{FileAnswer, FileTime};
use crate::diag::Diagnostic;
use crate::fingerprint::BUILD;
use crate::serial::with_pool;

/// How the file begins; the digit is the version of this form.
const MAGIC: &[u8; 16] = b"retrohunt rules1";

/// A larger file is not read and not written. The public rules of both languages take some 40 MB.
const MAX_KEPT_BYTES: u64 = 1 << 30;

type Checksum = [u8; 32];

/// The first part. Numbers are bytes of one length, the lowest first, so that every head has [`HEAD_BYTES`].
#[derive(Serialize, Deserialize)]
struct KeptHead {
    magic: [u8; 16],
    build: Checksum,
    front_bytes: [u8; 8],
    body_bytes: [u8; 8],
    front: Checksum,
    body: Checksum,
}

const HEAD_BYTES: usize = 16 + 32 + 8 + 8 + 32 + 32;

/// What is read of every kept set.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Front {
    /// What was asked of the file system.
    pub(super) answers: Vec<FileAnswer>,
    /// A time from before the first question.
    pub(super) noted: FileTime,
    /// What there is to say.
    pub(super) messages: Messages,
}

/// What there is to say of a set without its rules.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Messages {
    /// The set without rules and correlations, and with those documents alone in whose files something is to be said.
    pub(super) said: RuleSet,
    pub(super) documents: usize,
    pub(super) reporting: usize,
}

impl Messages {
    pub(super) fn of(set: &RuleSet) -> Self {
        let paths: std::collections::HashSet<&str> = set.diagnostics.iter().filter_map(path_of).collect();
        let said = RuleSet {
            rules: Vec::new(),
            correlations: Vec::new(),
            compiled: set.compiled,
            diagnostics: set.diagnostics.clone(),
            documents: set.documents.iter().filter(|document| paths.contains(document.source.path.as_str())).cloned().collect(),
            other_files: set.other_files,
            skipped: set.skipped.clone(),
        };
        Self { said, documents: set.documents.len(), reporting: set.reporting().count() }
    }
}

fn path_of(diagnostic: &Diagnostic) -> Option<&str> {
    diagnostic.source.as_ref().map(|source| source.path.as_str())
}

/// The rules of a file that were not read yet.
#[derive(Debug)]
pub(super) struct KeptBody {
    file: File,
    start: u64,
    bytes: u64,
    checksum: Checksum,
}

/// The bytes of a set, and the key that they make: equal sets have equal keys.
pub(super) fn encode(set: &RuleSet) -> Vec<u8> {
    with_pool(|| postcard::to_stdvec(set)).expect("memory takes all bytes, and every part can be written")
}

/// The key of a set: the first half of the checksum of its bytes.
pub(super) fn key(body: &Checksum) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&body[..16]);
    key
}

/// The checksum of the bytes of a set.
pub(super) fn checksum(bytes: &[u8]) -> Checksum {
    Sha256::digest(bytes).into()
}

/// Writes a set.
pub(super) fn write(out: &mut impl Write, front: &Front, body: &[u8]) -> io::Result<()> {
    // A path that is not UTF-8 cannot be written.
    let front = with_pool(|| postcard::to_stdvec(front)).map_err(io::Error::other)?;
    let lengths = [front.len() as u64, body.len() as u64];
    if lengths.iter().sum::<u64>() > MAX_KEPT_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let [front_bytes, body_bytes] = lengths.map(u64::to_le_bytes);
    let head = KeptHead { magic: *MAGIC, build: build(), front_bytes, body_bytes, front: checksum(&front), body: checksum(body) };
    let head = postcard::to_stdvec(&head).map_err(io::Error::other)?;
    out.write_all(&head)?;
    out.write_all(&checksum(&head))?;
    out.write_all(&front)?;
    out.write_all(body)
}

/// Reads what is not the body of a set; nothing where the file is not what [`write`] wrote in this build.
pub(super) fn read(mut file: File) -> Option<(Front, KeptBody)> {
    let size = file.metadata().ok()?.len();
    let mut head = [0; HEAD_BYTES];
    let mut sum: Checksum = [0; 32];
    file.read_exact(&mut head).ok()?;
    file.read_exact(&mut sum).ok()?;
    if checksum(&head) != sum {
        return None;
    }
    let start = (head.len() + sum.len()) as u64;
    let head: KeptHead = postcard::from_bytes(&head).ok()?;
    let (front_bytes, bytes) = (u64::from_le_bytes(head.front_bytes), u64::from_le_bytes(head.body_bytes));
    let whole = start.checked_add(front_bytes)?.checked_add(bytes)?;
    if head.magic != *MAGIC || head.build != build() || whole != size || size > MAX_KEPT_BYTES + start {
        return None;
    }
    let front = read_part(&mut file, front_bytes, &head.front)?;
    let front: Front = with_pool(|| postcard::from_bytes(&front)).ok()?;
    Some((front, KeptBody { file, start: start + front_bytes, bytes, checksum: head.body }))
}

impl KeptBody {
    /// The key of the rules.
    pub(super) fn key(&self) -> [u8; 16] {
        key(&self.checksum)
    }

    /// The bytes; nothing where they are damaged.
    pub(super) fn read(&mut self) -> Option<Vec<u8>> {
        self.file.seek(SeekFrom::Start(self.start)).ok()?;
        read_part(&mut self.file, self.bytes, &self.checksum)
    }
}

/// Reads the set of some bytes.
pub(super) fn decode(bytes: &[u8]) -> Option<RuleSet> {
    with_pool(|| postcard::from_bytes(bytes)).ok()
}

/// Reads a part. Its length was compared with the size of the file, so it bounds what is taken of memory.
fn read_part(file: &mut File, bytes: u64, sum: &Checksum) -> Option<Vec<u8>> {
    let mut part = vec![0; usize::try_from(bytes).ok()?];
    file.read_exact(&mut part).ok()?;
    (checksum(&part) == *sum).then_some(part)
}

fn build() -> Checksum {
    let mut build = [0; 32];
    build.copy_from_slice(BUILD.as_bytes());
    build
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{CompileOptions, starter_pack};

    #[test]
    fn any_bytes_are_a_set_or_none() {
        let set = starter_pack(&CompileOptions::default());
        let bytes = encode(&set);
        assert!(decode(&bytes) == Some(set));
        // A checksum stands in front of this, so it is the second wall and not the first.
        for step in 1..4_000_usize {
            let mut damaged = bytes.clone();
            for turn in 1..=step % 4 + 1 {
                let at = step * 7_919 * turn % damaged.len();
                damaged[at] = u8::try_from((step * turn) % 256).expect("a byte");
            }
            damaged.truncate(if step % 3 == 0 { step * 31 % bytes.len() } else { bytes.len() });
            drop(decode(&damaged));
        }
    }
}
