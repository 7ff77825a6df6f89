//! Compiled regular expressions: of the crate that never backtracks where that can say it, else of one that does so within
//! a limit.

use std::ops::Range;

use super::Fault;

/// Steps back that one search may take; more are the rule's fault. As PCRE's own limit is in Splunk.
pub(super) const BACKTRACK_LIMIT: usize = 100_000;

/// A compiled regular expression.
#[derive(Debug)]
pub enum CompiledPattern {
    /// Linear in time.
    Plain(regex::Regex),
    /// With look-around or back-references.
    Backtracking(Box<fancy_regex::Regex>),
}

/// The places of a match's groups by their number; 0 is the whole match.
pub type MatchGroups<'g> = dyn Fn(usize) -> Option<Range<usize>> + 'g;

impl CompiledPattern {
    /// Compiles what the plain crate refuses; none where this one refuses it too.
    pub(super) fn backtracking(pattern: &str) -> Option<Self> {
        let mut builder = fancy_regex::RegexBuilder::new(pattern);
        let regex = builder.backtrack_limit(BACKTRACK_LIMIT).delegate_size_limit(super::SMALL_REGEX_BYTES).build();
        regex.ok().map(|regex| Self::Backtracking(Box::new(regex)))
    }

    /// How many groups it has, the whole match among them.
    pub fn group_count(&self) -> usize {
        match self {
            Self::Plain(regex) => regex.captures_len(),
            Self::Backtracking(regex) => regex.captures_len(),
        }
    }

    /// The number of a group with a name.
    pub fn group(&self, name: &str) -> Option<usize> {
        match self {
            Self::Plain(regex) => regex.capture_names().position(|group| group == Some(name)),
            Self::Backtracking(regex) => regex.capture_names().position(|group| group == Some(name)),
        }
    }

    fn too_long(&self) -> Fault {
        let pattern = match self {
            Self::Plain(regex) => regex.as_str(),
            Self::Backtracking(regex) => regex.as_str(),
        };
        Fault::Backtracking { pattern: pattern.to_owned(), limit: BACKTRACK_LIMIT }
    }

    /// Whether it finds something.
    ///
    /// # Errors
    /// When it takes too many steps back.
    pub fn is_match(&self, text: &str) -> Result<bool, Fault> {
        match self {
            Self::Plain(regex) => Ok(regex.is_match(text)),
            Self::Backtracking(regex) => regex.is_match(text).map_err(|_| self.too_long()),
        }
    }

    /// Calls `visit` with the groups of each match, from left to right.
    ///
    /// # Errors
    /// When it takes too many steps back, and what `visit` gives.
    pub fn each_match(&self, text: &str, visit: &mut dyn FnMut(&MatchGroups<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        self.first_matches(text, usize::MAX, visit)
    }

    /// As [`CompiledPattern::each_match`], of so many matches; the text behind them is not looked at.
    ///
    /// # Errors
    /// When it takes too many steps back, and what `visit` gives.
    pub fn first_matches(
        &self,
        text: &str,
        count: usize,
        visit: &mut dyn FnMut(&MatchGroups<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match self {
            Self::Plain(regex) => {
                for found in regex.captures_iter(text).take(count) {
                    visit(&|group| found.get(group).map(|group| group.range()))?;
                }
            }
            Self::Backtracking(regex) => {
                for found in regex.captures_iter(text).take(count) {
                    let found = found.map_err(|_| self.too_long())?;
                    visit(&|group| found.get(group).map(|group| group.range()))?;
                }
            }
        }
        Ok(())
    }
}
