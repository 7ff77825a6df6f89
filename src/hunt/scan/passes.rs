//! How the rows of a type are read: whole ones until it is known which columns tell that a rule may match, and then these alone.
//!
//! To read a cell costs more than to look up what its value answers. Most rows of most types make no rule due, and the few columns that
//! triggers are asked of tell that.

use std::cell::RefCell;
use std::ops::ControlFlow;

use super::program::{Beside, ProgramBuilder};
use super::row::RowsContext;
use super::scanner::Scanner;
use super::source::ScanSource;
use super::words::{MessageWords, Reach};
use super::{ScanRule, ScanWith, Scanned};
use crate::cancel::Cancel;
use crate::catalog::{ColumnIndex, EventId, EventType};
use crate::hunt::HuntError;
use crate::store::{EventRange, RawCell, Store};

/// Where more than one row in so many makes a rule due, all rows are read whole.
// Looking up one row costs what reading some dozen cells of rows one after the other does.
const MAX_DUE: u64 = 12;
/// Rows after which that is asked.
const ROWS_BEFORE_ASKING: u64 = 1_024;

/// The rules of one type at work on its events, range after range: what was found out for one is known for the next.
pub(in crate::hunt) struct TypeRows<'a, 's> {
    store: &'s Store,
    event_type: &'a EventType,
    /// All columns that are asked.
    columns: Vec<ColumnIndex>,
    cancel: &'a Cancel,
    scanner: Scanner<'a, 's>,
    /// Whether each row comes with the place of its message.
    with_places: bool,
    /// Whether all rows of the range were read.
    is_whole: bool,
}

/// What is told of matches: the rule and the event.
type MatchSink<'m> = dyn FnMut(usize, EventId) + 'm;

impl<'a, 's> TypeRows<'a, 's> {
    /// Makes the program of rules on a type. A rule whose expression does not compile is among those that failed in the first range.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::hunt) fn new(
        store: &'s Store,
        event_type: &'a EventType,
        rules: &[ScanRule<'_>],
        (with, words): (&ScanWith<'a>, &'a RefCell<MessageWords<'s>>),
    ) -> Result<Self, HuntError> {
        let mut message_words = words.borrow_mut();
        let mut builder = ProgramBuilder::new(event_type, Beside::Tables { hosts: with.hosts, words: &mut message_words });
        let mut failed = Vec::new();
        for rule in rules {
            // A rule whose expression does not compile fails here, alone; the scan goes on without it.
            if let Err(fault) = builder.add(rule.rule, rule.filter) {
                failed.push((rule.rule, fault));
            }
        }
        let program = builder.build();
        message_words.ask(event_type, program.words.keys().copied());
        let reach = message_words.reach(program.words.keys().copied());
        let asks_words = !program.words.is_empty();
        // Only where they are asked for: the place of a message is a look-up a row.
        let with_places = asks_words && !(reach == Reach::Many && message_words.knows_events());
        drop(message_words);
        let columns = program.columns.iter().map(|c| c.column).collect();
        let source = ScanSource::Store { store, values: RefCell::default(), words };
        let mut scanner = Scanner::new(RowsContext { source, event_type, context: with.context }, program, reach, with.jobs);
        scanner.failed = failed;
        Ok(Self { store, event_type, columns, cancel: with.cancel, scanner, with_places, is_whole: true })
    }

    /// Scans the events of a range and reports each (rule, event) that matches, events ascending. Ranges ascend too: a rule that failed in
    /// one matches nothing in those behind it.
    ///
    /// # Errors
    /// When the store cannot be read. A rule that fails is in the result.
    pub(in crate::hunt) fn scan(&mut self, range: EventRange, matched: &mut MatchSink<'_>) -> Result<Scanned, HuntError> {
        let before = self.scanner.rows;
        self.is_whole = true;
        self.scanner.begin();
        let read = if self.with_places { self.with_messages(range, matched) } else { self.in_passes(range, matched) };
        self.scanner.end();
        read?;
        Ok(Scanned { rows: self.scanner.rows - before, is_whole: self.is_whole, failed: std::mem::take(&mut self.scanner.failed) })
    }

    /// Reads whole rows, and where their messages lie.
    fn with_messages(&mut self, range: EventRange, matched: &mut MatchSink<'_>) -> Result<(), HuntError> {
        let mut failure = None;
        let (scanner, cancel, is_whole) = (&mut self.scanner, self.cancel, &mut self.is_whole);
        self.store.scan_with_messages(self.event_type, &self.columns, range, &mut |event, message, cells| {
            let done = scanner.row(event, message, cells, matched);
            Ok(flow(done.map(|()| ControlFlow::Continue(())), cancel, (&mut failure, is_whole)))
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Reads rows, and no more of them than is needed.
    fn in_passes(&mut self, range: EventRange, matched: &mut MatchSink<'_>) -> Result<(), HuntError> {
        let Some(first) = self.whole_rows(range, true, matched)? else { return Ok(()) };
        let Some(first) = self.telling_columns(EventRange { first, ..range }, matched)? else { return Ok(()) };
        self.whole_rows(EventRange { first, ..range }, false, matched).map(|_| ())
    }

    /// Reads whole rows. Where it may end early, it does once some columns need not be read: then the first event that was not read
    /// is told.
    fn whole_rows(&mut self, range: EventRange, may_end: bool, matched: &mut MatchSink<'_>) -> Result<Option<EventId>, HuntError> {
        let (mut failure, mut next) = (None, None);
        let (scanner, cancel, is_whole) = (&mut self.scanner, self.cancel, &mut self.is_whole);
        self.store.scan(self.event_type, &self.columns, range, &mut |event, cells| {
            let done = scanner.row(event, None, cells, matched).map(|()| {
                if may_end && scanner.has_silent_columns() {
                    next = Some(EventId(event.0 + 1));
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            });
            Ok(flow(done, cancel, (&mut failure, is_whole)))
        })?;
        if self.is_whole { failure.map_or(Ok(next), Err) } else { failure.map_or(Ok(None), Err) }
    }

    /// Reads the columns that tell whether a rule is due, and the others of rows where one is. Where that is of many rows, it ends:
    /// then the first event that was not read is told.
    fn telling_columns(&mut self, range: EventRange, matched: &mut MatchSink<'_>) -> Result<Option<EventId>, HuntError> {
        let telling = self.scanner.telling_columns();
        let mut whole = self.store.cells_reader(self.event_type, &self.columns)?;
        let (mut failure, mut next) = (None, None);
        let (mut rows, mut due) = (0, 0);
        let (scanner, cancel, is_whole) = (&mut self.scanner, self.cancel, &mut self.is_whole);
        self.store.scan(self.event_type, &telling, range, &mut |event, cells| {
            rows += 1;
            let done = scanner.is_due(event, cells).and_then(|is_due| {
                due += u64::from(is_due);
                if is_due {
                    let mut judged = Ok(());
                    whole.of(event, &mut |cells: &[RawCell<'_>]| judged = scanner.due_row(event, cells, matched))?;
                    judged?;
                }
                if rows >= ROWS_BEFORE_ASKING && due * MAX_DUE > rows {
                    next = Some(EventId(event.0 + 1));
                    return Ok(ControlFlow::Break(()));
                }
                Ok(ControlFlow::Continue(()))
            });
            Ok(flow(done, cancel, (&mut failure, is_whole)))
        })?;
        if self.is_whole { failure.map_or(Ok(next), Err) } else { failure.map_or(Ok(None), Err) }
    }
}

/// Whether the next row is read; notes why it is not.
fn flow(
    done: Result<ControlFlow<()>, HuntError>,
    cancel: &Cancel,
    (failure, is_whole): (&mut Option<HuntError>, &mut bool),
) -> ControlFlow<()> {
    match done {
        Ok(_) if cancel.is_cancelled() => {
            *is_whole = false;
            ControlFlow::Break(())
        }
        Ok(flow) => flow,
        Err(error) => {
            *failure = Some(error);
            ControlFlow::Break(())
        }
    }
}
