//! Rows through a pipeline: what runs when a rule goes on behind its condition.
//!
//! A hunt's scan says which events match; [`Pipeline`] takes each as a [`Row`] of [`Cell`]s, passes it through the
//! plan's stages, one operator a stage, and gives result rows. An operator works on one row at a time where it can and
//! keeps rows only where it must (`sort`, `eventstats`); `stats` keeps groups. Every row knows where it comes from
//! ([`Origin`]): the events behind it, and the key that identifies it as a finding whatever later stages do to its columns.
//!
//! What an expression, a comparison, an order or a list means is defined here once. Portable SQL (`crate::sql`) is made
//! from the same plan without any of this, so that each checks the other.
//!
//! No SQL and no store: the hunt brings the rows.

mod aggregate;
mod cell;
mod condition;
mod digest;
mod eval;
mod function;
mod pipeline;
mod row;
mod stage;
#[cfg(test)]
mod tests;
mod time;

use std::cell::RefCell;
use std::rc::Rc;

use regex::Regex;
use rustc_hash::FxHashMap;

pub use cell::{Cell, number_text, order};
pub use condition::Condition;
pub use eval::{Fields, evaluate};
pub use function::call as call_function;
pub use pipeline::{Pipeline, needs_order};
pub use row::{GroupKey, KEPT_EVENTS, Key, Origin, Row};

pub(crate) use cell::folded;

/// Expressions that came out of the data are kept compiled up to this number.
const MAX_REGEXES: usize = 1_000;

/// Why a rule could not be run to its end. It concerns that rule alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A regular expression does not compile; one that the rule computes from events is known only here.
    #[error("cannot compile the regular expression `{pattern}`: {reason}")]
    Regex {
        /// The expression.
        pattern: String,
        /// What the library says.
        reason: String,
    },
    /// The rows and groups that a rule makes do not fit the budget.
    #[error("it needs more than {limit} bytes of memory for its rows and groups")]
    Memory {
        /// [`Limits::memory_bytes`].
        limit: usize,
    },
}

impl Fault {
    /// The stable code of the diagnostic.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Regex { .. } => "exec-regex",
            Self::Memory { .. } => "exec-memory",
        }
    }
}

/// What bounds one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of kept rows and groups, as counted by [`Row::size_bytes`].
    pub memory_bytes: usize,
}

impl Default for Limits {
    /// 512 MB: twenty times what the largest public detection needs over a million events, and still a part of a laptop.
    fn default() -> Self {
        Self { memory_bytes: 512 * 1024 * 1024 }
    }
}

/// What expressions ask beside the row: the time that is now, and expressions that are compiled already.
#[derive(Debug, Default)]
pub struct Context {
    /// What `now()` gives, in seconds since 1970: the time of the newest event, so that a hunt can be repeated.
    pub now: Option<f64>,
    regexes: RefCell<FxHashMap<Box<str>, Rc<Regex>>>,
}

impl Context {
    /// Makes a context.
    pub fn new(now: Option<f64>) -> Self {
        Self { now, regexes: RefCell::default() }
    }

    /// A compiled expression.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn regex(&self, pattern: &str) -> Result<Rc<Regex>, Fault> {
        let mut known = self.regexes.borrow_mut();
        if let Some(regex) = known.get(pattern) {
            return Ok(regex.clone());
        }
        let compiled = Regex::new(pattern).map_err(|e| Fault::Regex { pattern: pattern.to_owned(), reason: e.to_string() })?;
        if known.len() >= MAX_REGEXES {
            known.clear();
        }
        let compiled = Rc::new(compiled);
        known.insert(pattern.into(), compiled.clone());
        Ok(compiled)
    }
}
