//! Regular expressions of a search, and how a fault in one is told.

use std::ops::Range;

use super::cursor::Cursor;
use crate::pcre::{self, FaultKind, Flags, PcreFault};

/// What a regular expression does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Looks for a match.
    Searches,
    /// Replaces its matches.
    Replaces,
}

/// The pattern in the syntax of the crates that run it; reports why there is none. One that backtracks is for
/// `exec::Context::pattern` alone.
pub(super) fn translate(cursor: &mut Cursor<'_>, pattern: &str, used: Use, span: &Range<usize>) -> Option<String> {
    let flags = Flags { replaces: used == Use::Replaces, ..Flags::default() };
    told(cursor, pcre::translate_backtracking(pattern, flags), span)
}

fn told(cursor: &mut Cursor<'_>, translated: Result<String, PcreFault>, span: &Range<usize>) -> Option<String> {
    match translated {
        Ok(pattern) => Some(pattern),
        Err(fault) => {
            let code = match fault.kind {
                FaultKind::Unsupported => "spl-regex-unsupported",
                FaultKind::Invalid => "spl-regex-invalid",
            };
            let message = format!("the regular expression cannot be used: {}", fault.message);
            cursor.error(code, message, span.clone());
            None
        }
    }
}
