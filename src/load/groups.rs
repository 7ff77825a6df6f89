//! What goes from the thread that reads to the one that writes: small sources together, long ones as they come.

use std::ops::ControlFlow;

use crate::event::EventBatch;
use crate::reader::LeafReport;
use crate::store::Known;

/// Events of a group of small sources, and bytes of their text: a load that is killed has this to do again.
// A second or two of writing, so that a killed load loses no more; and some hundred small files share one commit.
const GROUP_EVENTS: usize = 16_384;
/// See [`GROUP_EVENTS`].
const GROUP_BYTES: usize = 16 * 1024 * 1024;
/// Sources of a group, which may be empty.
const GROUP_MESSAGES: usize = 4_096;

/// One thing to write.
#[derive(Debug)]
pub(super) enum Message {
    /// A source begins, with its path.
    Begin(String),
    /// Events of it.
    Batch(EventBatch),
    /// It is complete.
    End(Box<LeafReport>),
    /// It will not be completed: nothing of it is kept.
    Abandon,
    /// A path whose bytes are in the store.
    Known(String, Known),
    /// An archive begins: the sources that follow are its members.
    BeginArchive {
        /// Its path.
        path: String,
        /// SHA-256 of the file, hex.
        sha256: String,
        /// Length of the file.
        bytes: u64,
    },
    /// The archive ends.
    EndArchive {
        /// All of it was read, and nothing was damaged.
        is_complete: bool,
    },
    /// Path of what holds no events by its nature, and why.
    Skipped(String, String),
    /// Path of what could not be opened, and why.
    Failed(String, String),
}

/// What is written together: whole sources, or a part of a long one.
pub(super) type SourceGroup = Vec<Message>;

/// Takes a group to write; breaks where nobody writes any more.
pub(super) type GroupSink<'s> = dyn FnMut(SourceGroup) -> ControlFlow<()> + 's;

/// Sources that wait to be written together.
pub(super) struct Groups<'s> {
    sink: &'s mut GroupSink<'s>,
    group: SourceGroup,
    events: usize,
    bytes: usize,
    /// The source that is being read has more than one batch: they are written as they come.
    is_long: bool,
}

impl<'s> Groups<'s> {
    pub(super) fn new(sink: &'s mut GroupSink<'s>) -> Self {
        Self { sink, group: SourceGroup::default(), events: 0, bytes: 0, is_long: false }
    }

    pub(super) fn add(&mut self, message: Message) -> ControlFlow<()> {
        match &message {
            Message::Batch(batch) => {
                self.events += batch.events.len();
                self.bytes += batch.text.len();
                self.is_long |= matches!(self.group.last(), Some(Message::Batch(_)));
            }
            Message::End(_) | Message::Abandon if self.is_long => {
                self.is_long = false;
                self.group.push(message);
                return self.send();
            }
            _ => {}
        }
        self.group.push(message);
        let is_full = self.is_long || self.events >= GROUP_EVENTS || self.bytes >= GROUP_BYTES || self.group.len() >= GROUP_MESSAGES;
        if is_full { self.send() } else { ControlFlow::Continue(()) }
    }

    /// Takes back the source that is being read, or has it taken back where a part of it was sent already.
    pub(super) fn abandon(&mut self) -> ControlFlow<()> {
        // From behind: the last one that was begun is the one at hand.
        match self.group.iter().rposition(|message| matches!(message, Message::Begin(_))) {
            Some(begin) => {
                self.group.truncate(begin);
                self.is_long = false;
                ControlFlow::Continue(())
            }
            None => self.add(Message::Abandon),
        }
    }

    /// Sends the last group, if there is still somebody to write it.
    pub(super) fn finish(self) {
        if !self.group.is_empty() {
            let _ = (self.sink)(self.group); // the walk is over either way
        }
    }

    /// Breaks where writing failed, which ends the walk.
    fn send(&mut self) -> ControlFlow<()> {
        (self.events, self.bytes) = (0, 0);
        (self.sink)(std::mem::take(&mut self.group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fill: impl FnOnce(&mut Groups<'_>)) -> Vec<String> {
        let mut sent = Vec::new();
        let mut sink = |group| {
            sent.push(group);
            ControlFlow::Continue(())
        };
        let mut groups = Groups::new(&mut sink);
        fill(&mut groups);
        groups.finish();
        let word = |message: &Message| format!("{message:?}").split(['(', '"']).next().unwrap_or_default().to_owned();
        sent.iter().map(|group: &SourceGroup| group.iter().map(word).collect::<Vec<_>>().join(" ")).collect()
    }

    fn add(groups: &mut Groups<'_>, messages: impl IntoIterator<Item = Message>) {
        assert!(messages.into_iter().try_for_each(|message| groups.add(message)).is_continue());
    }

    fn small() -> [Message; 3] {
        [Message::Begin("a".to_owned()), Message::Batch(EventBatch::default()), Message::End(Box::default())]
    }

    fn batch() -> Message {
        Message::Batch(EventBatch::default())
    }

    #[test]
    fn a_small_source_is_taken_back_before_anybody_saw_it() {
        let groups = sent(|groups| {
            add(groups, small());
            add(groups, [Message::Begin("b".to_owned()), batch()]);
            assert!(groups.abandon().is_continue());
        });
        assert_eq!(groups, ["Begin Batch End"]);
    }

    #[test]
    fn a_long_source_is_taken_back_where_it_was_written() {
        let groups = sent(|groups| {
            add(groups, small());
            add(groups, [Message::Begin("b".to_owned()), batch(), batch(), batch()]);
            assert!(groups.abandon().is_continue());
            add(groups, small());
        });
        assert_eq!(groups, ["Begin Batch End Begin Batch Batch", "Batch", "Abandon", "Begin Batch End"]);
    }
}
