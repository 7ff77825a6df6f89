//! The load: threads read archives and make events, one writes them into the store.
//!
//! A bounded channel between them keeps memory flat: a reader that is faster waits. Sources are written in the order
//! they are found, and large ones in pieces whose borders depend on their bytes alone, so the same archives give the same store,
//! however many threads there are.
//!
//! Small sources are written in groups: what a group brings is known before it is written, so the store changes its
//! tables once and commits once for all of them. A source of more than one
//! batch is written as it comes.
//!
//! Who asks to stop ([`LoadOptions::cancel`]) gets a store of whole sources: the one at hand is finished where that takes
//! seconds, else taken back, and what was read before it is written.

mod ahead;
mod groups;
mod patience;
mod reading;
mod views;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::archive::{Limits, WalkCount, Walked, walk};
use crate::cancel::Cancel;
use crate::event::{BatchPool, Names};
use crate::reader::{LeafReport, Problem, ReadOptions, Recognised, Workers, recognise};
use crate::store::{Known, KnownBytes, LOAD_MEMORY, SourceEnd, SourceRow, SourceStart, Store, StoreError, Writer};
use groups::{Message, SourceGroup};
use reading::read_all;

/// Groups between the threads, beside the one that is read and the one that is written.
// The reader is one ahead, which is enough to keep both threads busy; each more holds up to 16 MB of text.
const CHANNEL_GROUPS: usize = 1;

/// How a load is done.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Limits of containers.
    pub limits: Limits,
    /// How leaves are read.
    pub read: ReadOptions,
    /// Stops the load where all that is stored is complete.
    pub cancel: Cancel,
    /// Threads; the store is the same however many they are.
    pub jobs: Jobs,
    /// Memory for caches; the store is the same however much it is.
    pub memory: LoadMemory,
}

/// Bytes of memory that a load takes for caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadMemory(pub u64);

impl Default for LoadMemory {
    fn default() -> Self {
        Self(LOAD_MEMORY)
    }
}

/// How many threads work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs(NonZeroUsize);

impl Jobs {
    /// So many.
    pub fn new(count: NonZeroUsize) -> Self {
        Self(count)
    }

    fn get(self) -> usize {
        // More would only hold memory: one thread writes.
        self.0.get().min(MAX_JOBS)
    }
}

impl Default for Jobs {
    /// As many as the machine has cores.
    fn default() -> Self {
        Self(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

/// Threads of a load. One writes, and some eight that read keep it busy.
const MAX_JOBS: usize = 16;

/// How far a load is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadProgress {
    /// A leaf is begun.
    Source {
        /// Its path.
        path: String,
    },
    /// Events were written.
    Events {
        /// How many of this load so far.
        events: u64,
        /// Bytes of files read so far, compressed as they are.
        bytes: u64,
    },
    /// A leaf is done.
    Finished {
        /// Bytes of files read so far, compressed as they are.
        bytes: u64,
    },
}

/// One leaf that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedSource {
    /// Its path.
    pub path: String,
    /// Its format.
    pub format: String,
    /// What the reader says, or said when it read these bytes.
    pub report: LeafReport,
    /// Events that were not in the store before.
    pub new_events: u64,
    /// The same bytes were in the store already.
    pub duplicate: bool,
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadSummary {
    /// The leaves, in the order they were met.
    pub sources: Vec<LoadedSource>,
    /// What could not be opened: path and reason.
    pub failed: Vec<(String, String)>,
    /// What holds no events by its nature: path and reason.
    pub skipped: Vec<(String, String)>,
    /// Files that were read to their end, archives with all their members.
    pub files: u64,
    /// The load was stopped before its end.
    pub interrupted: bool,
}

impl LoadSummary {
    /// Whether anything was damaged or could not be read.
    pub fn is_partial(&self) -> bool {
        !self.failed.is_empty() || self.sources.iter().any(|s| s.report.is_damaged())
    }

    /// Sources of which nothing was read although they say that they are logs or archives.
    pub fn lost(&self) -> impl Iterator<Item = &LoadedSource> {
        self.sources.iter().filter(|source| source.report.may_be_lost)
    }

    /// Why sources were not read, and how many for each reason; the most first.
    pub fn unread(&self) -> Vec<(&str, u64)> {
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        let of_sources = self.sources.iter().filter_map(|source| source.report.skipped.as_deref());
        for reason in of_sources.chain(self.skipped.iter().map(|(_, reason)| reason.as_str())) {
            *reasons.entry(reason).or_default() += 1;
        }
        let mut reasons: Vec<(&str, u64)> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }

    /// All problems with the path of their leaf.
    pub fn problems(&self) -> impl Iterator<Item = (&str, &Problem)> {
        self.sources.iter().flat_map(|s| s.report.problems.iter().map(|p| (s.path.as_str(), p)))
    }
}

/// Loads everything found under the paths, and makes the views over all that the store then holds.
///
/// # Errors
/// When the store fails; what archives lack is in the summary.
pub fn load(
    store: &mut Store,
    paths: &[PathBuf],
    options: &LoadOptions,
    progress: &mut dyn FnMut(LoadProgress),
) -> Result<LoadSummary, StoreError> {
    // Before the writer takes the store: what this load brings is found by the writer itself.
    let known = store.known_bytes(&options.read.fingerprint())?;
    let summary = match options.jobs.get() {
        1 => load_alone(store, paths, options, &known, progress),
        jobs => load_together(store, paths, options, &known, jobs, progress),
    }?;
    // Once at the end and not once a source: each change of a view makes SQLite read its schema again.
    make_views(store)?;
    store.settle()?;
    Ok(summary)
}

/// Makes all views anew, for what the store holds now.
///
/// # Errors
/// When the store fails.
pub fn make_views(store: &mut Store) -> Result<(), StoreError> {
    views::make(store)
}

/// Reads and writes in turns, on this thread alone.
fn load_alone(
    store: &mut Store,
    paths: &[PathBuf],
    options: &LoadOptions,
    known: &KnownBytes,
    progress: &mut dyn FnMut(LoadProgress),
) -> Result<LoadSummary, StoreError> {
    let (names, walked) = (Names::default(), WalkCount::default());
    let mut writing = Writing::new(store, &names, options, &walked, progress)?;
    let mut failed = None;
    let mut sink = |group| match writing.write_group(group) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    };
    let interrupted = read_all(paths, options, known, &names, &walked, None, &mut sink);
    match failed {
        Some(error) => Err(error),
        None => Ok(LoadSummary { files: walked.files(), interrupted, ..writing.summary }),
    }
}

/// Reads on other threads and writes on this one.
fn load_together(
    store: &mut Store,
    paths: &[PathBuf],
    options: &LoadOptions,
    known: &KnownBytes,
    jobs: usize,
    progress: &mut dyn FnMut(LoadProgress),
) -> Result<LoadSummary, StoreError> {
    let names = Names::default();
    let (sender, receiver) = sync_channel(CHANNEL_GROUPS);
    let walked = WalkCount::default();
    // One thread writes and one reads; this has others do most of its work. The two leave room for as many as there are cores but one: one
    // more costs CPU time on two cores and spares none on the wall.
    let pool = BatchPool::default();
    let (workers, queue) = Workers::new(jobs - 1, &pool);
    std::thread::scope(|scope| {
        let (walked, names, queue) = (&walked, &names, &queue);
        for _ in 1..jobs {
            scope.spawn(move || queue.work(names));
        }
        let reading = scope.spawn(move || {
            let mut sink = |group| match sender.send(group) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            // The workers end with the last who has pieces for them: this thread owns the other end of their queue.
            let workers = workers;
            read_all(paths, options, known, names, walked, Some(&workers), &mut sink)
        });
        // The writer on this thread, because the connection stays where it was opened; its end closes the channel and so the reader.
        let written = write_all((store, names, pool.clone()), options, receiver, walked, progress);
        // After the writer: a reader that waits to send is let go by the closed channel.
        let interrupted = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.map(|summary| LoadSummary { files: walked.files(), interrupted, ..summary })
    })
}

/// What a walk over paths would read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// The path of the leaf.
    pub path: String,
    /// What it would be read as.
    pub recognised: Recognised,
    /// It could not be opened.
    pub failed: bool,
}

/// Says what every leaf under the paths would be read as, without reading more than its beginning.
pub fn explain(paths: &[PathBuf], options: &LoadOptions, sink: &mut dyn FnMut(Explained) -> ControlFlow<()>) {
    let none = |reason: String| Recognised { format: "", reason };
    walk(paths, &options.limits, &mut |found| match found {
        Walked::Leaf(leaf) => {
            let path = leaf.path.clone();
            sink(Explained { path, recognised: recognise(leaf, &options.read), failed: false })
        }
        Walked::Skipped { path, reason } => sink(Explained { path, recognised: none(reason), failed: false }),
        Walked::Failed { path, error } => sink(Explained { path, recognised: none(error), failed: true }),
        Walked::File(_) | Walked::FileEnd => ControlFlow::Continue(()),
    });
}

/// The receiver is dropped when writing fails, which ends the reader.
fn write_all(
    (store, names, pool): (&mut Store, &Names, BatchPool),
    options: &LoadOptions,
    receiver: Receiver<SourceGroup>,
    walked: &WalkCount,
    progress: &mut dyn FnMut(LoadProgress),
) -> Result<LoadSummary, StoreError> {
    let mut writing = Writing { pool: Some(pool), ..Writing::new(store, names, options, walked, progress)? };
    for group in receiver {
        writing.write_group(group)?;
    }
    Ok(writing.summary)
}

/// What is being written.
struct Writing<'w> {
    writer: Writer<'w>,
    names: &'w Names,
    /// Takes batches back, where others read.
    pool: Option<BatchPool>,
    /// The version and options of the reader.
    reader: String,
    walked: &'w WalkCount,
    progress: &'w mut dyn FnMut(LoadProgress),
    summary: LoadSummary,
    path: String,
    events: u64,
}

impl<'w> Writing<'w> {
    fn new(
        store: &'w mut Store,
        names: &'w Names,
        options: &LoadOptions,
        walked: &'w WalkCount,
        progress: &'w mut dyn FnMut(LoadProgress),
    ) -> Result<Self, StoreError> {
        let (reader, writer) = (options.read.fingerprint(), store.writer_within(options.memory.0)?);
        Ok(Self { reader, writer, names, pool: None, walked, progress, summary: LoadSummary::default(), path: String::new(), events: 0 })
    }

    /// Writes a group. Its last source may have more to come, and its first messages may be the rest of the group before: only
    /// what is behind them shares a transaction.
    fn write_group(&mut self, group: SourceGroup) -> Result<(), StoreError> {
        let mut messages = group.into_iter();
        // The open source of the group before has a transaction of its own; only what follows can share one.
        while self.writer.is_open() {
            let Some(message) = messages.next() else { return Ok(()) };
            self.write(message)?;
        }
        let batches = messages.as_slice().iter().filter_map(|message| if let Message::Batch(batch) = message { Some(batch) } else { None });
        self.writer.begin_group(batches, self.names)?;
        messages.try_for_each(|message| self.write(message))?;
        self.writer.end_group()
    }

    fn write(&mut self, message: Message) -> Result<(), StoreError> {
        let bytes = self.walked.bytes();
        match message {
            Message::Begin(path) => {
                self.writer.begin_source(&SourceStart { path: path.clone() })?;
                self.path.clone_from(&path);
                (self.progress)(LoadProgress::Source { path });
            }
            Message::Batch(batch) => {
                self.writer.append(&batch, self.names)?;
                self.events += batch.events.len() as u64;
                if let Some(pool) = &self.pool {
                    pool.give(batch);
                }
                (self.progress)(LoadProgress::Events { events: self.events, bytes });
            }
            Message::End(report) => {
                let outcome = self.writer.finish_source(&source_end(&report, &self.reader))?;
                let (path, duplicate) = (std::mem::take(&mut self.path), outcome.duplicate_of.is_some());
                self.summary.sources.push(LoadedSource {
                    path,
                    format: report.format.to_owned(),
                    report: *report,
                    new_events: outcome.new_events,
                    duplicate,
                });
                (self.progress)(LoadProgress::Finished { bytes });
            }
            Message::Abandon => self.writer.abandon_source()?,
            Message::Known(path, Known::Source(of)) => {
                let row = self.writer.repeat_source(&path, of)?;
                self.repeated(row);
            }
            Message::Known(path, Known::Archive(of)) => {
                self.writer.repeat_archive(&path, of)?.into_iter().for_each(|row| self.repeated(row));
            }
            Message::BeginArchive { path, sha256, bytes } => self.writer.begin_archive(&path, &sha256, bytes, &self.reader)?,
            Message::EndArchive { is_complete } => self.writer.end_archive(is_complete)?,
            Message::Skipped(path, reason) => self.summary.skipped.push((path, reason)),
            Message::Failed(path, error) => self.summary.failed.push((path, error)),
        }
        Ok(())
    }

    /// A source whose bytes are known.
    fn repeated(&mut self, row: SourceRow) {
        let report = known_report(&row);
        let duplicate = report.skipped.is_none();
        self.summary.sources.push(LoadedSource { path: row.path.clone(), format: row.format, report, new_events: 0, duplicate });
        (self.progress)(LoadProgress::Source { path: row.path });
        (self.progress)(LoadProgress::Finished { bytes: self.walked.bytes() });
    }
}

/// What the ledger says of a source whose bytes were not read again.
fn known_report(row: &SourceRow) -> LeafReport {
    LeafReport {
        events: row.events,
        bad: row.bad,
        recovered: row.recovered,
        bytes: row.bytes,
        sha256: row.sha256.clone(),
        skipped: Some(row.reason.clone()).filter(|reason| !reason.is_empty()),
        timezone: row.timezone.clone(),
        ..LeafReport::default()
    }
}

fn source_end(report: &LeafReport, reader: &str) -> SourceEnd {
    SourceEnd {
        // A source with damage is not known: a later version may read more of it.
        reader: if report.is_damaged() { String::new() } else { reader.to_owned() },
        format: report.format.to_owned(),
        sha256: report.sha256.clone(),
        bytes: report.bytes,
        bad: report.bad,
        recovered: report.recovered,
        skipped: report.skipped.clone(),
        timezone: report.timezone.clone(),
        clock: clock(&report.hours_off),
        ledger: None,
    }
}

/// How far the times of events are from those that Sysmon wrote into them: `-4 h in 340 events`.
pub fn clock(hours_off: &[(i32, u64)]) -> String {
    let parts = hours_off.iter().map(|(hours, events)| {
        let plural = if *events == 1 { "" } else { "s" };
        format!("{hours:+} h in {events} event{plural}")
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
