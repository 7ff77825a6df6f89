//! A large leaf in pieces, which several threads read and one puts together in order.
//!
//! A piece stands on its own: whole lines of JSON, or chunks of an event log. Where a piece ends depends on the bytes alone, and the
//! events of each piece are batches of their own, so that the batches are the same however many threads read them.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::evtx::{ChunkReader, LogPart};
use super::json::Documents;
use super::stream::Report;
use crate::event::{BatchPool, EventBatch, Names};
use crate::normalise::{BatchRoom, Clock, FIRST_ROOM, Lexicon, Normaliser, Times};

/// Bytes of a piece, about.
// Some thousand events: enough that a batch costs few statements and that long texts are packed well, few enough that its texts stay in the
// processor's reach and that pieces of a small file keep several threads busy. 2 MB took a twentieth more CPU time; 1 MB made stores of
// long texts larger by half a per cent.
pub(super) const PIECE_BYTES: usize = 1536 * 1024;

/// The same of an event log, whose chunks share what each piece has to learn anew.
pub(super) const LOG_PIECE_BYTES: usize = 2 * 1024 * 1024;

/// Pieces that are read before their turn, beside two for each thread.
// While the writer waits for the disk the readers go on. With none, and without a hand from who cuts the pieces, two jobs took a tenth
// longer. With four, the pieces that wait take more memory and no less time.
const AHEAD: usize = 2;

/// What all pieces of a leaf share.
#[derive(Debug, Clone)]
pub(super) struct LeafFacts {
    pub(super) path: String,
    pub(super) clock: Clock,
}

/// A piece of a leaf.
pub(super) enum LeafPiece {
    /// Whole lines: their bytes, where they begin, and how many lines are before them.
    Lines { text: Vec<u8>, offset: u64, before: u64 },
    /// Chunks of an event log, and how they are read.
    Chunks { parts: Vec<LogPart>, reader: ChunkReader },
}

/// What became of a piece.
#[derive(Default)]
pub(super) struct PieceOutcome {
    batches: Vec<EventBatch>,
    report: Report,
    times: Times,
    /// The format of lines that wrap records.
    pub(super) wrapped: Option<&'static str>,
    /// Records that were counted from the beginning of the piece; 0 where places are those of the leaf.
    records: u64,
}

impl PieceOutcome {
    /// A piece of which nothing was read.
    pub(super) fn bad(offset: u64, line: u64, message: String) -> Self {
        let mut outcome = Self::default();
        outcome.report.bad(Some(offset), Some(line), message);
        outcome
    }
}

/// A piece for another thread.
struct Job {
    piece: LeafPiece,
    leaf: Arc<LeafFacts>,
    reply: SyncSender<PieceOutcome>,
}

/// The threads that read pieces, as those who have pieces see them.
pub struct Workers {
    jobs: SyncSender<Job>,
    count: usize,
    pool: BatchPool,
}

/// What those threads run.
pub struct WorkerQueue {
    jobs: Mutex<Receiver<Job>>,
    pool: BatchPool,
}

impl Workers {
    /// A queue for so many threads; each has to call [`WorkerQueue::work`]. Batches are taken from the pool.
    pub fn new(count: usize, pool: &BatchPool) -> (Self, WorkerQueue) {
        let (jobs, receiver) = sync_channel(count + AHEAD / 2);
        (Self { jobs, count, pool: pool.clone() }, WorkerQueue { jobs: Mutex::new(receiver), pool: pool.clone() })
    }
}

impl WorkerQueue {
    /// Reads pieces until nobody can send more.
    pub fn work(&self, names: &Names) {
        let (mut known, mut room) = (Lexicon::new(names), FIRST_ROOM);
        loop {
            // The lock is held while this thread waits: the next one waits for the lock instead of for a piece.
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Job { piece, leaf, reply }) = job else { return };
            // Nobody waits for it where the load was stopped.
            reply.send(read(piece, &leaf, (&mut known, &mut room, &self.pool))).ok();
        }
    }
}

fn read(piece: LeafPiece, leaf: &LeafFacts, (known, room, pool): (&mut Lexicon, &mut BatchRoom, &BatchPool)) -> PieceOutcome {
    let mut outcome = PieceOutcome::default();
    let mut sink = |batch| {
        outcome.batches.push(batch);
        std::ops::ControlFlow::Continue(())
    };
    let mut events = Normaliser::new(known, leaf.clock.clone(), &mut sink).of_file(&leaf.path);
    // Small leaves come in hundreds, and their batches wait together: those have room for what they hold.
    let is_large = matches!(&piece, LeafPiece::Lines { text, .. } if text.len() >= PIECE_BYTES / 2);
    if is_large {
        events = events.with_batch(pool.take(), *room);
    }
    match piece {
        LeafPiece::Lines { text, offset, before } => {
            let mut documents = Documents::behind(before);
            documents.lines_of(&text, offset, &mut events, &mut outcome.report);
            outcome.wrapped = documents.wrapped();
            pool.give_text(text);
        }
        LeafPiece::Chunks { parts, mut reader } => {
            reader.parts(parts, &mut events, &mut outcome.report);
            outcome.records = reader.position();
        }
    }
    events.flush();
    if is_large {
        *room = events.room();
    }
    outcome.times = events.times().clone();
    outcome
}

/// The pieces of one leaf that are being read, in order.
pub(super) struct PieceQueue<'w> {
    workers: &'w Workers,
    leaf: Arc<LeafFacts>,
    waiting: VecDeque<Waiting>,
    /// Records of the pieces that were put together.
    records: u64,
    wrapped: Option<&'static str>,
    /// What the last piece had that this thread read itself.
    room: BatchRoom,
}

enum Waiting {
    Read(PieceOutcome),
    Reading(Receiver<PieceOutcome>),
}

impl<'w> PieceQueue<'w> {
    pub(super) fn new(workers: &'w Workers, leaf: LeafFacts) -> Self {
        Self { workers, leaf: Arc::new(leaf), waiting: VecDeque::new(), records: 0, wrapped: None, room: FIRST_ROOM }
    }

    /// Bytes for a piece that other threads read.
    pub(super) fn copy(&self, piece: &[u8]) -> Vec<u8> {
        self.workers.pool.copy(piece)
    }

    /// Has a piece read, and puts together what is in turn.
    pub(super) fn add(&mut self, piece: LeafPiece, events: &mut Normaliser<'_>, report: &mut Report) {
        let (reply, receiver) = sync_channel(1);
        let waiting = match self.workers.jobs.try_send(Job { piece, leaf: self.leaf.clone(), reply }) {
            Ok(()) => Waiting::Reading(receiver),
            // All threads have enough to do: this one would wait for them.
            Err(TrySendError::Full(job)) => {
                Waiting::Read(read(job.piece, &self.leaf, (events.lexicon(), &mut self.room, &self.workers.pool)))
            }
            // The threads end after all who have pieces.
            Err(TrySendError::Disconnected(_)) => unreachable!("a thread reads pieces"),
        };
        self.waiting.push_back(waiting);
        self.settle(2 * self.workers.count + AHEAD, events, report);
    }

    /// Adds what is known already of a piece.
    pub(super) fn add_read(&mut self, outcome: PieceOutcome) {
        self.waiting.push_back(Waiting::Read(outcome));
    }

    /// Puts all together; returns the format of lines that wrap records.
    pub(super) fn finish(mut self, events: &mut Normaliser<'_>, report: &mut Report) -> Option<&'static str> {
        self.settle(0, events, report);
        self.wrapped
    }

    fn settle(&mut self, most: usize, events: &mut Normaliser<'_>, report: &mut Report) {
        while self.waiting.len() > most {
            let outcome = match self.waiting.pop_front() {
                None => return,
                Some(Waiting::Read(outcome)) => outcome,
                Some(Waiting::Reading(receiver)) => receiver.recv().expect("a thread that reads pieces does not panic"),
            };
            for mut batch in outcome.batches {
                batch.events.iter_mut().for_each(|event| event.position += self.records);
                events.pass_on(batch);
            }
            events.add_times(outcome.times, self.records);
            report.add(outcome.report);
            self.records += outcome.records;
            self.wrapped = outcome.wrapped.or(self.wrapped);
        }
    }
}
