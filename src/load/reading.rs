//! The thread that reads: archives are walked, leaves become batches of events, known bytes a word.

use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::LoadOptions;
use super::ahead::{Held, MAX_HELD_BYTES, sha256};
use super::groups::{GroupSink, Groups, Message};
use super::patience::{FINISH_BYTES, Patience};
use crate::archive::{FileAhead, Leaf, WalkCount, Walked, walk_counting};
use crate::cancel::Cancel;
use crate::event::Names;
use crate::reader::{LeafReader, Workers};
use crate::store::KnownBytes;

/// Reads everything, and says whether it was stopped before the end.
pub(super) fn read_all<'r>(
    paths: &[PathBuf],
    options: &'r LoadOptions,
    known: &'r KnownBytes,
    names: &Names,
    walked: &WalkCount,
    workers: Option<&'r Workers>,
    sink: &'r mut GroupSink<'r>,
) -> bool {
    let reader = LeafReader::new(names, &options.read);
    let reader = match workers {
        Some(workers) => reader.with_workers(workers),
        None => reader,
    };
    let mut reading =
        LoadReading { reader, cancel: &options.cancel, known, groups: Groups::new(sink), file: File::Leaf, interrupted: false };
    walk_counting(paths, &options.limits, walked, &mut |found| reading.found(found));
    reading.groups.finish();
    reading.interrupted
}

/// The file whose content is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    /// It has no members.
    Leaf,
    /// It is an archive, so far whole or not.
    Archive { is_whole: bool },
}

/// What is being read.
struct LoadReading<'r> {
    reader: LeafReader<'r>,
    cancel: &'r Cancel,
    known: &'r KnownBytes,
    groups: Groups<'r>,
    file: File,
    interrupted: bool,
}

impl LoadReading<'_> {
    fn found(&mut self, found: Walked<'_>) -> ControlFlow<()> {
        // The end of a file is not work to come, and an archive is complete with it.
        if self.cancel.is_cancelled() && !matches!(found, Walked::FileEnd) {
            self.interrupted = true;
            return ControlFlow::Break(());
        }
        match found {
            Walked::File(file) => self.file(file),
            Walked::Leaf(leaf) => self.leaf(leaf),
            Walked::Skipped { path, reason } => self.groups.add(Message::Skipped(path, reason)),
            Walked::Failed { path, error } => {
                self.note_damage(true);
                self.groups.add(Message::Failed(path, error))
            }
            Walked::FileEnd => match std::mem::replace(&mut self.file, File::Leaf) {
                File::Archive { is_whole } => self.groups.add(Message::EndArchive { is_complete: is_whole }),
                File::Leaf => ControlFlow::Continue(()),
            },
        }
    }

    /// A file whose bytes are known is skipped; the hash of an archive is kept for the next load.
    fn file(&mut self, file: FileAhead<'_>) -> ControlFlow<()> {
        self.file = File::Leaf;
        // A hash costs a hundredth of reading, but most files are new: their length alone says so.
        if !file.is_container && !self.known.has_size(file.size) {
            return ControlFlow::Continue(());
        }
        let Some(sha256) = sha256(file.bytes, self.cancel) else { return ControlFlow::Continue(()) };
        if let Some(known) = self.known.get(&sha256) {
            *file.skip = true;
            return self.groups.add(Message::Known(file.path.to_owned(), known));
        }
        if !file.is_container {
            return ControlFlow::Continue(());
        }
        self.file = File::Archive { is_whole: true };
        self.groups.add(Message::BeginArchive { path: file.path.to_owned(), sha256, bytes: file.size })
    }

    fn leaf(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        // A file that is not an archive was looked at already.
        let size = leaf.known_size.filter(|size| *size <= MAX_HELD_BYTES && self.file != File::Leaf && self.known.has_size(*size));
        let Some(size) = size else { return self.read(leaf) };
        let held = Held::read(leaf.reader, size);
        match held.sha256(size, self.cancel).and_then(|sha256| self.known.get(&sha256)) {
            Some(known) => self.groups.add(Message::Known(leaf.path, known)),
            None => self.read(Leaf { reader: &mut held.chain(leaf.reader), ..leaf }),
        }
    }

    fn read(&mut self, leaf: Leaf<'_>) -> ControlFlow<()> {
        // Announced before it is read, so that the progress names the file that takes long.
        self.groups.add(Message::Begin(leaf.path.clone()))?;
        let mut stream = Patience::new(leaf.reader, self.cancel, FINISH_BYTES);
        let groups = &mut self.groups;
        let report = self.reader.read(Leaf { reader: &mut stream, ..leaf }, &mut |batch| groups.add(Message::Batch(batch)));
        if stream.is_over() {
            self.interrupted = true;
            groups.abandon()?;
            return ControlFlow::Break(());
        }
        let is_damaged = report.is_damaged();
        self.groups.add(Message::End(Box::new(report)))?;
        // After the message of its end: only then is the archive's verdict complete.
        self.note_damage(is_damaged);
        ControlFlow::Continue(())
    }

    /// An archive with damage is read again when it is met again.
    fn note_damage(&mut self, is_damaged: bool) {
        if let File::Archive { is_whole } = &mut self.file {
            *is_whole &= !is_damaged;
        }
    }
}
