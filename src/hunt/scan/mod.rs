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

pub(super) use self::loose::{LooseRow, LooseScan};
pub(super) use self::passes::TypeRows;
pub(super) use self::words::{MessageWords, NotedWords};
use super::hosts::Hosts;
use crate::cancel::Cancel;
use crate::exec::{Context, Fault};
use crate::ir::Pred;
use crate::plan::FieldExpr;

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
