//! How the rows of a type are read: whole ones until it is known which columns tell that a rule may match, and then these alone.
//!
//! To read a cell costs more than to look up what its value answers. Most rows of most types make no rule due, and the few columns that
//! triggers are asked of tell that.

use std::ops::ControlFlow;

use super::scanner::Scanner;
use crate::cancel::Cancel;
use crate::catalog::{ColumnIndex, EventId, EventType};
use crate::hunt::HuntError;
use crate::store::{EventRange, RawCell, Store};

/// Where more than one row in so many makes a rule due, all rows are read whole.
// Looking up one row costs what reading some dozen cells of rows one after the other does.
const MAX_DUE: u64 = 12;
/// Rows after which that is asked.
const ROWS_BEFORE_ASKING: u64 = 1_024;

/// The rows of a type while they are scanned.
pub(super) struct TypeRows<'a, 's> {
    pub(super) store: &'a Store,
    pub(super) event_type: &'a EventType,
    /// All columns that are asked.
    pub(super) columns: Vec<ColumnIndex>,
    pub(super) cancel: &'a Cancel,
    pub(super) scanner: Scanner<'a, 's>,
    /// Whether all rows were read.
    pub(super) is_whole: bool,
}

/// What is told of matches: the rule and the event.
type MatchSink<'m> = dyn FnMut(usize, EventId) + 'm;

impl TypeRows<'_, '_> {
    /// Reads whole rows, and where their messages lie.
    pub(super) fn with_messages(&mut self, range: EventRange, matched: &mut MatchSink<'_>) -> Result<(), HuntError> {
        let mut failure = None;
        let (scanner, cancel, is_whole) = (&mut self.scanner, self.cancel, &mut self.is_whole);
        self.store.scan_with_messages(self.event_type, &self.columns, range, &mut |event, message, cells| {
            let done = scanner.row(event, message, cells, matched);
            Ok(flow(done.map(|()| ControlFlow::Continue(())), cancel, (&mut failure, is_whole)))
        })?;
        failure.map_or(Ok(()), Err)
    }

    /// Reads rows, and no more of them than is needed.
    pub(super) fn in_passes(&mut self, range: EventRange, matched: &mut MatchSink<'_>) -> Result<(), HuntError> {
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
