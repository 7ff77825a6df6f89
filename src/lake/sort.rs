//! Sorts records of any number within bounded memory: runs in temporary files, merged at the end.
//!
//! The files have no names, so nothing of them is left however the program ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use zstd::{Decoder, Encoder};

/// What records are sorted by.
pub(super) type RecordKey = [i64; 3];

/// Bytes of records in memory. Records of a smaller sort see no disk.
const MEMORY: usize = 48 * 1024 * 1024;
/// Runs of one level that are merged into one of the next: with two megabytes for each that is read, a merge takes as much memory as a run.
const RUNS_MERGED: usize = 24;
/// How hard runs are compressed: they are written once and read once.
const LEVEL: i32 = 1;
/// Bytes of a key and a length.
const HEAD_BYTES: usize = 28;

/// Records that are collected.
pub(super) struct RecordSorter {
    folder: PathBuf,
    memory: usize,
    bytes: Vec<u8>,
    /// Key, start and end of the records in `bytes`.
    entries: Vec<(RecordKey, usize, usize)>,
    /// Runs by how often what is in them was merged.
    levels: Vec<Vec<File>>,
}

impl RecordSorter {
    /// Sorts with files in a folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self::within(folder, MEMORY)
    }

    fn within(folder: &Path, memory: usize) -> Self {
        Self { folder: folder.to_owned(), memory, bytes: Vec::new(), entries: Vec::new(), levels: Vec::new() }
    }

    /// Adds a record; `write` appends its bytes.
    pub(super) fn push(&mut self, key: RecordKey, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let start = self.bytes.len();
        write(&mut self.bytes)?;
        self.entries.push((key, start, self.bytes.len()));
        // An entry is 40 bytes, and the vectors grow by doubling.
        if self.bytes.len() + self.entries.len() * 40 >= self.memory { self.spill() } else { Ok(()) }
    }

    /// Writes what is in memory as a run.
    fn spill(&mut self) -> io::Result<()> {
        self.entries.sort_unstable_by_key(|(key, start, _)| (*key, *start));
        let mut run = RunWriter::new(&self.folder)?;
        for (key, start, end) in &self.entries {
            run.write(*key, &self.bytes[*start..*end])?;
        }
        let run = run.finish()?;
        self.entries.clear();
        self.bytes.clear();
        self.add(run, 0)
    }

    fn add(&mut self, run: File, level: usize) -> io::Result<()> {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(run);
        if self.levels[level].len() < RUNS_MERGED {
            return Ok(());
        }
        let mut merged = MergedRuns::new(std::mem::take(&mut self.levels[level]))?;
        let mut run = RunWriter::new(&self.folder)?;
        while let Some((key, bytes)) = merged.peek() {
            run.write(key, bytes)?;
            merged.advance()?;
        }
        self.add(run.finish()?, level + 1)
    }

    /// The records in the order of their keys; of equal keys in any.
    pub(super) fn finish(mut self) -> io::Result<SortedRecords> {
        if self.levels.is_empty() {
            self.entries.sort_unstable_by_key(|(key, start, _)| (*key, *start));
            return Ok(SortedRecords::Memory { bytes: self.bytes, entries: self.entries, next: 0 });
        }
        if !self.entries.is_empty() {
            self.spill()?;
        }
        // Before they are read: the memory is theirs.
        drop((self.bytes, self.entries));
        Ok(SortedRecords::Runs(MergedRuns::new(self.levels.into_iter().flatten().collect())?))
    }
}

/// Records in order, one at a time.
pub(super) enum SortedRecords {
    /// All in memory.
    Memory {
        /// The records.
        bytes: Vec<u8>,
        /// Where each is, in order.
        entries: Vec<(RecordKey, usize, usize)>,
        /// The one that is next.
        next: usize,
    },
    /// From runs.
    Runs(MergedRuns),
}

impl SortedRecords {
    /// The next record; none at the end.
    pub(super) fn peek(&self) -> Option<(RecordKey, &[u8])> {
        match self {
            Self::Memory { bytes, entries, next } => entries.get(*next).map(|(key, start, end)| (*key, &bytes[*start..*end])),
            Self::Runs(runs) => runs.peek(),
        }
    }

    /// Goes on to the one behind it.
    pub(super) fn advance(&mut self) -> io::Result<()> {
        match self {
            Self::Memory { next, .. } => {
                *next += 1;
                Ok(())
            }
            Self::Runs(runs) => runs.advance(),
        }
    }
}

/// Writes a run.
struct RunWriter(Encoder<'static, BufWriter<File>>);

impl RunWriter {
    fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self(Encoder::new(BufWriter::new(tempfile::tempfile_in(folder)?), LEVEL)?))
    }

    fn write(&mut self, key: RecordKey, bytes: &[u8]) -> io::Result<()> {
        let mut head = [0; HEAD_BYTES];
        for (place, number) in key.iter().enumerate() {
            head[place * 8..place * 8 + 8].copy_from_slice(&number.to_le_bytes());
        }
        let length = u32::try_from(bytes.len()).map_err(|_| io::Error::other("an event has more than 4 GB"))?;
        head[24..].copy_from_slice(&length.to_le_bytes());
        self.0.write_all(&head)?;
        self.0.write_all(bytes)
    }

    fn finish(self) -> io::Result<File> {
        let mut file = self.0.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(file)
    }
}

/// A run that is read.
struct RunReader {
    records: Decoder<'static, BufReader<File>>,
    key: RecordKey,
    bytes: Vec<u8>,
}

impl RunReader {
    /// Reads the next record; says whether there is one.
    fn next(&mut self) -> io::Result<bool> {
        let mut head = [0; HEAD_BYTES];
        let first = self.records.read(&mut head)?;
        if first == 0 {
            return Ok(false);
        }
        self.records.read_exact(&mut head[first..])?;
        for (place, number) in self.key.iter_mut().enumerate() {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&head[place * 8..place * 8 + 8]);
            *number = i64::from_le_bytes(bytes);
        }
        let length = u32::from_le_bytes([head[24], head[25], head[26], head[27]]);
        self.bytes.resize(length as usize, 0);
        self.records.read_exact(&mut self.bytes)?;
        Ok(true)
    }
}

/// Runs that are read as one.
pub(super) struct MergedRuns {
    runs: Vec<RunReader>,
    /// The runs that have a record, the first one on top.
    waiting: BinaryHeap<Reverse<(RecordKey, usize)>>,
}

impl MergedRuns {
    fn new(files: Vec<File>) -> io::Result<Self> {
        let mut merged = Self { runs: Vec::with_capacity(files.len()), waiting: BinaryHeap::new() };
        for (index, file) in files.into_iter().enumerate() {
            let mut run = RunReader { records: Decoder::new(file)?, key: [0; 3], bytes: Vec::new() };
            if run.next()? {
                merged.waiting.push(Reverse((run.key, index)));
            }
            merged.runs.push(run);
        }
        Ok(merged)
    }

    fn peek(&self) -> Option<(RecordKey, &[u8])> {
        self.waiting.peek().map(|Reverse((key, index))| (*key, self.runs[*index].bytes.as_slice()))
    }

    fn advance(&mut self) -> io::Result<()> {
        let Some(Reverse((_, index))) = self.waiting.pop() else { return Ok(()) };
        if self.runs[index].next()? {
            self.waiting.push(Reverse((self.runs[index].key, index)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look like chance, with negative ones and repetitions.
    fn keys(count: i64) -> Vec<RecordKey> {
        (0..count).map(|n| [(n * 7_919 % 61) - 30, n * 104_729 % 1_009, n]).collect()
    }

    fn sorted(memory: usize, count: i64) -> (Vec<(RecordKey, Vec<u8>)>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = RecordSorter::within(folder.path(), memory);
        for key in keys(count) {
            let text = "x".repeat(usize::try_from(key[1] % 50).unwrap()) + &key[2].to_string();
            sorter.push(key, |out| out.write_all(text.as_bytes())).unwrap();
        }
        let levels = sorter.levels.len();
        let mut records = sorter.finish().unwrap();
        let mut out = Vec::new();
        while let Some((key, bytes)) = records.peek() {
            out.push((key, bytes.to_vec()));
            records.advance().unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no names");
        (out, levels)
    }

    #[test]
    fn records_come_in_order_from_memory_and_from_runs_of_runs() {
        let mut expected = keys(20_000);
        expected.sort_unstable();
        for (memory, levels) in [(usize::MAX, 0), (1_000_000, 1), (2_000, 3)] {
            let (records, found) = sorted(memory, 20_000);
            assert_eq!(found, levels, "{memory}");
            assert!(records.iter().map(|(key, _)| *key).eq(expected.iter().copied()), "{memory}");
            assert!(records.iter().all(|(key, bytes)| bytes.ends_with(key[2].to_string().as_bytes())), "{memory}");
        }
        assert!(sorted(1_000, 0).0.is_empty());
    }
}
