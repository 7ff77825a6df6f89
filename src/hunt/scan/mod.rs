//! One scan per event type decides, for all rules at once, which events they match.
//!
//! Logs repeat themselves, so a column's patterns are answered once per distinct value: the first time a value
//! id appears in a column, its text is fetched and goes through the column's [`matcher`]; the answer (the leaves
//! it makes true) is kept. A row is then the union of a few short lists, and only the rules triggered by one of
//! those leaves are evaluated. Text stored inline goes through the matcher each time.
//!
//! The result is exact. What is dear (regular expressions, expressions, two fields compared) is asked last.
//!
//! Events that lie in no store go through the same programs ([`LooseScan`]); [`ScanSource`] is all that differs.

mod answers;
mod ends;
mod gate;
mod known;
mod literal;
mod literals;
mod loose;
mod matcher;
mod passes;
mod pattern;
mod program;
mod row;
mod scanner;
mod source;
mod words;

use std::cell::RefCell;

pub(super) use self::loose::{LooseRow, LooseScan};
use self::passes::TypeRows;
use self::program::{Beside, ProgramBuilder};
use self::row::RowsContext;
use self::scanner::Scanner;
use self::source::ScanSource;
use self::words::Reach;
pub(super) use self::words::{MessageWords, NotedWords};
use super::HuntError;
use super::hosts::Hosts;
use crate::cancel::Cancel;
use crate::catalog::{ColumnIndex, EventId, EventType};
use crate::exec::{Context, Fault};
use crate::ir::Pred;
use crate::plan::FieldExpr;
use crate::store::{EventRange, Store};

/// One rule's condition on the scanned event type.
pub(super) struct ScanRule<'a> {
    /// Index of the rule in the hunt.
    pub(super) rule: usize,
    /// Its condition.
    pub(super) filter: &'a Pred<FieldExpr>,
}

/// What the scans of a hunt share.
pub(super) struct ScanWith<'a> {
    /// What expressions ask beside the row.
    pub(super) context: &'a Context,
    /// The hosts of the store.
    pub(super) hosts: &'a Hosts,
    /// Stops a scan.
    pub(super) cancel: &'a Cancel,
    /// How many scans may run at a time.
    pub(super) jobs: usize,
    /// A part of a type has at least so many events.
    pub(super) part_events: u64,
}

/// What a scan did.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Rows read.
    pub(super) rows: u64,
    /// Whether all rows were read: not where the hunt was asked to stop.
    pub(super) is_whole: bool,
    /// Rules that could not go on, each once; what was reported of them is not all.
    pub(super) failed: Vec<(usize, Fault)>,
}

/// Scans the events of a type in a range and reports each (rule, event) that matches, events ascending.
///
/// # Errors
/// When the store cannot be read. A rule that fails is in the result.
pub(super) fn scan(
    store: &Store,
    event_type: &EventType,
    rules: &[ScanRule<'_>],
    range: EventRange,
    (with, words): (&ScanWith<'_>, &RefCell<MessageWords<'_>>),
    matched: &mut dyn FnMut(usize, EventId),
) -> Result<Scanned, HuntError> {
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
    drop(message_words);
    let columns: Vec<ColumnIndex> = program.columns.iter().map(|c| c.column).collect();
    let asks_words = !program.words.is_empty();
    let needs_places = asks_words && !(reach == Reach::Many && words.borrow().knows_events());
    let shared = RowsContext { source: ScanSource::Store { store, words }, event_type, context: with.context };
    let mut scanner = Scanner::new(shared, program, reach, with.jobs);
    scanner.failed = failed;
    let mut rows = TypeRows { store, event_type, columns, cancel: with.cancel, scanner, is_whole: true };
    // Only where they are asked for: the place of a message is a look-up a row.
    if needs_places {
        rows.with_messages(range, matched)?;
    } else {
        rows.in_passes(range, matched)?;
    }
    Ok(Scanned { rows: rows.scanner.rows, is_whole: rows.is_whole, failed: rows.scanner.failed })
}
