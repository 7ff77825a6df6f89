//! Rows through stages: what runs when a rule goes on behind its condition.
//!
//! A hunt's scan says which events match; [`Operators`] takes each as a [`Row`] of [`Cell`]s, passes it through the
//! plan's stages, one operator a stage, and gives result rows. An operator works on one row at a time where it can and
//! keeps rows only where it must (`sort`, `eventstats`); `stats` keeps groups. Every row knows where it comes from
//! ([`RowOrigin`]): the events behind it, and the key that identifies it as a finding whatever later stages do to its columns.
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
mod json;
mod number;
mod operators;
mod pattern;
mod row;
mod spread;
mod stage;
#[cfg(test)]
mod tests;
mod time;
mod unpack;

use std::cell::RefCell;
use std::rc::Rc;

use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;

pub use cell::{Cell, number_text, order};
pub use condition::Condition;
pub use eval::{Fields, evaluate};
pub use function::call as call_function;
pub use number::Number;
pub use operators::{Operators, needs_order};
pub use pattern::{CompiledPattern, MatchGroups};
pub use row::{COUNTED_EVENTS, GroupKey, GroupOrigin, KEPT_EVENTS, Row, RowKey, RowOrigin};
pub use spread::spread_columns;

pub(crate) use cell::folded;

/// Expressions that came out of the data are kept compiled up to this number.
// A rule like `match(x, y)` over a field has a pattern an event: keeping all would grow with the log.
const MAX_REGEXES: usize = 1_000;
/// Most bytes of a compiled expression that counts as small: a thousand of them are 256 MB at worst.
const SMALL_REGEX_BYTES: usize = 256 * 1024;
/// Larger expressions are kept up to this number: each may take the library's 10 MB.
const MAX_LARGE_REGEXES: usize = 16;

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
    /// Templates of `foreach` would make too many columns, or names that are too long.
    #[error("its `foreach` makes too many columns, or names that are too long")]
    Columns,
    /// `map` would take too many rows through its search.
    #[error("the search of its `map` reads more than {limit} rows, once for each row before it")]
    Map {
        /// How many rows may be read in all.
        limit: u64,
    },
    /// A regular expression goes back and forth for too long in a value.
    #[error("the regular expression `{pattern}` takes more than {limit} steps back in one value")]
    Backtracking {
        /// The expression.
        pattern: String,
        /// How many steps one search may take.
        limit: usize,
    },
    /// The rows, groups and values that a rule makes do not fit the budget.
    #[error("it needs more than {limit} bytes of memory for its rows, groups and values")]
    Memory {
        /// [`RuleLimits::memory_bytes`].
        limit: usize,
    },
    /// Not all events that it needs are at hand.
    #[error("{0}")]
    Withheld(String),
}

impl Fault {
    /// The stable code of the diagnostic.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Regex { .. } => "exec-regex",
            Self::Columns => "exec-columns",
            Self::Map { .. } => "exec-map",
            Self::Backtracking { .. } => "exec-regex-backtracking",
            Self::Memory { .. } => "exec-memory",
            Self::Withheld(_) => "exec-withheld",
        }
    }
}

/// What bounds one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleLimits {
    /// Memory of kept rows and groups, as counted by [`Row::size_bytes`]; and, apart from it, of what expressions make of one
    /// row: values that double with each `eval` fill any memory before a row is kept.
    pub memory_bytes: usize,
}

impl Default for RuleLimits {
    /// 512 MB: twenty times what the largest public detection needs over a million events, and still a part of a laptop.
    fn default() -> Self {
        Self { memory_bytes: 512 * 1024 * 1024 }
    }
}

/// What expressions ask beside the row: the time that is now, and expressions that are compiled already.
#[derive(Debug, Default)]
pub struct Context {
    /// What `now()` gives, in seconds since 1970: the time of the newest event, so that a hunt can be repeated.
    now: std::cell::Cell<Option<f64>>,
    regexes: RefCell<Regexes>,
    limits: std::cell::Cell<RuleLimits>,
    tables: RefCell<stage::TableIndexes>,
    /// Bytes that expressions made of the present row.
    made: std::cell::Cell<usize>,
}

#[derive(Debug, Default)]
struct Regexes {
    known: FxHashMap<Box<str>, Rc<Regex>>,
    large: usize,
    /// All that [`Context::pattern`] was asked for.
    patterns: FxHashMap<Box<str>, Rc<CompiledPattern>>,
}

impl Context {
    /// Makes a context.
    pub fn new(now: Option<f64>) -> Self {
        Self { now: now.into(), ..Self::default() }
    }

    /// What `now()` gives.
    pub fn now(&self) -> Option<f64> {
        self.now.get()
    }

    /// Sets what `now()` gives: the end of the window that is replayed.
    pub fn set_now(&self, now: Option<f64>) {
        self.now.set(now);
    }

    /// Begins a row: nothing was made of it yet.
    pub fn begin_row(&self, limits: RuleLimits) {
        self.limits.set(limits);
        self.made.set(0);
    }

    /// Whether an expression may make so many bytes more of this row.
    ///
    /// # Errors
    /// When it may not.
    fn room_for(&self, bytes: usize) -> Result<(), Fault> {
        let limit = self.limits.get().memory_bytes;
        if self.made.get().saturating_add(bytes) > limit { Err(Fault::Memory { limit }) } else { Ok(()) }
    }

    /// Counts what an expression made.
    fn made(&self, cell: Cell) -> Result<Cell, Fault> {
        let bytes = cell.size_bytes();
        self.room_for(bytes)?;
        self.made.set(self.made.get() + bytes);
        Ok(cell)
    }

    /// A compiled expression.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn regex(&self, pattern: &str) -> Result<Rc<Regex>, Fault> {
        let mut regexes = self.regexes.borrow_mut();
        if let Some(regex) = regexes.known.get(pattern) {
            return Ok(regex.clone());
        }
        // The small limit first: most patterns fit, and those that do not are found and counted.
        let small = RegexBuilder::new(pattern).size_limit(SMALL_REGEX_BYTES).build();
        let is_large = matches!(small, Err(regex::Error::CompiledTooBig(_)));
        let compiled = if is_large { Regex::new(pattern) } else { small };
        let compiled = compiled.map_err(|e| Fault::Regex { pattern: pattern.to_owned(), reason: e.to_string() })?;
        // All go at once: what is used is soon back, and no order of use has to be kept for each row.
        if regexes.known.len() >= MAX_REGEXES || (is_large && regexes.large >= MAX_LARGE_REGEXES) {
            *regexes = Regexes::default();
        }
        let compiled = Rc::new(compiled);
        regexes.large += usize::from(is_large);
        regexes.known.insert(pattern.into(), compiled.clone());
        Ok(compiled)
    }

    /// A compiled expression that may need to backtrack.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn pattern(&self, pattern: &str) -> Result<Rc<CompiledPattern>, Fault> {
        if let Some(known) = self.regexes.borrow().patterns.get(pattern) {
            return Ok(known.clone());
        }
        let compiled = match self.regex(pattern) {
            Ok(regex) => CompiledPattern::Plain(regex.as_ref().clone()),
            Err(fault) => CompiledPattern::backtracking(pattern).ok_or(fault)?,
        };
        let compiled = Rc::new(compiled);
        let mut regexes = self.regexes.borrow_mut();
        if regexes.patterns.len() >= MAX_REGEXES {
            regexes.patterns.clear();
        }
        regexes.patterns.insert(pattern.into(), compiled.clone());
        Ok(compiled)
    }
}
