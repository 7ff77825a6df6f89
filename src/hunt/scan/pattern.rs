//! Regular expressions of rules, each compiled once a hunt and not before a value asks for it.
//!
//! Most are never asked: the rest of their rule, or a literal that they cannot do without, says no before. Compiling them for each event
//! type was a tenth of a hunt over a small archive.

use std::cell::OnceCell;
use std::rc::Rc;

use regex::Regex;
use rustc_hash::FxHashMap;

use super::literal::required_literals;
use crate::exec::Fault;

/// The regular expressions of a hunt.
#[derive(Default)]
pub(super) struct LazyRegexes {
    known: FxHashMap<Box<str>, Rc<LazyRegex>>,
}

/// A regular expression.
#[derive(Debug)]
pub(super) struct LazyRegex {
    text: Box<str>,
    literals: Option<Vec<String>>,
    compiled: OnceCell<Result<Regex, String>>,
}

impl LazyRegexes {
    /// A regular expression by its text.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn of(&mut self, text: &str) -> Result<Rc<LazyRegex>, Fault> {
        if let Some(known) = self.known.get(text) {
            return Ok(known.clone());
        }
        let hir = regex_syntax::parse(text).map_err(|error| fault(text, &error.to_string()))?;
        let pattern = Rc::new(LazyRegex { text: text.into(), literals: required_literals(&hir), compiled: OnceCell::new() });
        self.known.insert(text.into(), pattern.clone());
        Ok(pattern)
    }
}

impl LazyRegex {
    /// See [`required_literals`].
    pub(super) fn literals(&self) -> Option<&[String]> {
        self.literals.as_deref()
    }

    /// Whether a value matches.
    ///
    /// # Errors
    /// When the expression takes too much memory.
    pub(super) fn matches(&self, value: &str) -> Result<bool, Fault> {
        match self.compiled.get_or_init(|| Regex::new(&self.text).map_err(|error| error.to_string())) {
            Ok(regex) => Ok(regex.is_match(value)),
            Err(reason) => Err(fault(&self.text, reason)),
        }
    }
}

fn fault(pattern: &str, reason: &str) -> Fault {
    Fault::Regex { pattern: pattern.to_owned(), reason: reason.to_owned() }
}
