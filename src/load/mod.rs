//! The load: one thread reads archives and makes events, one writes them into the store.
//!
//! A bounded channel between them keeps memory flat: a reader that is faster waits. Sources are written in the order
//! they are found, so the same archives give the same store.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::archive::{Found, Limits, walk_counting};
use crate::event::{EventBatch, Names};
use crate::reader::{LeafReport, Problem, ReadOptions, read_leaf};
use crate::store::{SourceEnd, SourceStart, Store, StoreError};

/// Messages between the threads; a batch is at most a few MiB.
const CHANNEL_MESSAGES: usize = 4;

/// How a load is done.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Limits of containers.
    pub limits: Limits,
    /// How leaves are read.
    pub read: ReadOptions,
}

/// How far a load is.
#[derive(Debug, Clone, PartialEq, Eq)]
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
pub struct LoadedSource {
    /// Its path.
    pub path: String,
    /// What the reader says.
    pub report: LeafReport,
    /// Events that were not in the store before.
    pub new_events: u64,
    /// The same bytes were in the store already.
    pub duplicate: bool,
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadSummary {
    /// The leaves, in the order they were met.
    pub sources: Vec<LoadedSource>,
    /// What could not be opened: path and reason.
    pub failed: Vec<(String, String)>,
    /// What holds no events by its nature: path and reason.
    pub skipped: Vec<(String, String)>,
}

impl LoadSummary {
    /// Whether anything was damaged or could not be read.
    pub fn is_partial(&self) -> bool {
        !self.failed.is_empty() || self.sources.iter().any(|s| s.report.bad > 0 || !s.report.problems.is_empty())
    }

    /// All problems with the path of their leaf.
    pub fn problems(&self) -> impl Iterator<Item = (&str, &Problem)> {
        self.sources.iter().flat_map(|s| s.report.problems.iter().map(|p| (s.path.as_str(), p)))
    }
}

enum Message {
    Begin(String),
    Batch(EventBatch),
    End(Box<LeafReport>),
    Skipped(String, String),
    Failed(String, String),
}

/// Loads everything found under the paths.
///
/// # Errors
/// When the store fails; what archives lack is in the summary.
pub fn load(
    store: &mut Store,
    paths: &[PathBuf],
    options: &LoadOptions,
    progress: &mut dyn FnMut(LoadProgress),
) -> Result<LoadSummary, StoreError> {
    let names = Names::default();
    let (sender, receiver) = sync_channel(CHANNEL_MESSAGES);
    let bytes_read = AtomicU64::new(0);
    let summary = std::thread::scope(|scope| {
        let reader_names = names.clone();
        let bytes_read = &bytes_read;
        scope.spawn(move || read_all(paths, options, &reader_names, bytes_read, &sender));
        write_all(store, &names, receiver, bytes_read, progress)
    })?;
    store.settle()?;
    Ok(summary)
}

fn read_all(paths: &[PathBuf], options: &LoadOptions, names: &Names, bytes_read: &AtomicU64, sender: &SyncSender<Message>) {
    let send = |message: Message| if sender.send(message).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    walk_counting(paths, &options.limits, bytes_read, &mut |found| match found {
        Found::Leaf(leaf) => {
            send(Message::Begin(leaf.path.clone()))?;
            let report = read_leaf(leaf, names, &options.read, &mut |batch| send(Message::Batch(batch)));
            send(Message::End(Box::new(report)))
        }
        Found::Skipped { path, reason } => send(Message::Skipped(path, reason)),
        Found::Failed { path, error } => send(Message::Failed(path, error)),
    });
}

/// The receiver is dropped when writing fails, which ends the reader.
fn write_all(
    store: &mut Store,
    names: &Names,
    receiver: Receiver<Message>,
    bytes_read: &AtomicU64,
    progress: &mut dyn FnMut(LoadProgress),
) -> Result<LoadSummary, StoreError> {
    let mut summary = LoadSummary::default();
    let mut writer = store.writer()?;
    let (mut path, mut events) = (String::new(), 0);
    for message in receiver {
        match message {
            Message::Begin(begun) => {
                path = begun;
                writer.begin_source(&SourceStart { path: path.clone() })?;
                progress(LoadProgress::Source { path: path.clone() });
            }
            Message::Batch(batch) => {
                writer.append(&batch, names)?;
                events += batch.events.len() as u64;
                progress(LoadProgress::Events { events, bytes: bytes_read.load(Ordering::Relaxed) });
            }
            Message::End(report) => {
                let outcome = writer.finish_source(&source_end(&report))?;
                let (path, duplicate) = (std::mem::take(&mut path), outcome.duplicate_of.is_some());
                summary.sources.push(LoadedSource { path, report: *report, new_events: outcome.new_events, duplicate });
                progress(LoadProgress::Finished { bytes: bytes_read.load(Ordering::Relaxed) });
            }
            Message::Skipped(path, reason) => summary.skipped.push((path, reason)),
            Message::Failed(path, error) => summary.failed.push((path, error)),
        }
    }
    Ok(summary)
}

fn source_end(report: &LeafReport) -> SourceEnd {
    SourceEnd {
        format: report.format.to_owned(),
        sha256: report.sha256.clone(),
        bytes: report.bytes,
        bad: report.bad,
        recovered: report.recovered,
        skipped: report.skipped.clone(),
    }
}

#[cfg(test)]
mod tests;
