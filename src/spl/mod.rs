//! Splunk's search language: searches become the intermediate representation.
//!
//! A search goes through comments, macros (`macros`), the pipes, and one parser a command. Spans of faults lead back
//! through the macros to the search as written and from there to the rule's file. What is not supported is a coded
//! error; parsing goes on behind the next pipe, so that one look shows all of them.
//!
//! The first command makes the rows (`search`, `tstats`, `from` …, see `pipeline`), the others work on them. Searches in
//! brackets are parsed the same way, to queries of their own.
//!
//! This module knows no SQL, no store and no Sigma.

mod brackets;
mod builtin;
mod chart;
mod command;
mod conf;
mod convert;
mod cursor;
mod escu;
mod eval;
mod fault;
mod foreach;
mod frequent;
mod function;
mod generate;
mod known;
mod lists;
mod lookups;
mod macros;
mod map;
mod options;
mod order;
mod page;
mod pattern;
mod pipeline;
mod refuse;
mod rex;
mod risk;
mod running;
mod search;
mod searchmatch;
mod second_language;
mod settle;
mod stats;
#[cfg(test)]
mod tests;
mod text;
mod totals;
mod transaction;
mod tstats;
mod unpack;

use std::collections::BTreeSet;
use std::ops::Range;

pub use escu::parse_escu_yaml;
pub use lookups::{LookupPlace, Lookups, ReadLookup};
pub use macros::Macros;
pub use page::{page_name, parse_page};

use crate::diag::Severity;
use crate::ir::Query;
use cursor::Cursor;
use fault::SearchFault;
use lookups::LookupUses;
use pipeline::First;

/// Bytes of one search as written.
// Bound the parser's time and memory on a file from a stranger; no public detection comes near.
const MAX_SEARCH_BYTES: usize = 256 * 1024;
/// Faults of one search that are told.
const MAX_FAULTS: usize = 100;

/// Splunk's name for the time of an event.
const TIME: &str = "_time";

/// Splunk's name for the text of an event as it was received.
const RAW_TEXT: &str = "_raw";

/// What a search became.
pub(crate) struct ParsedSearch {
    /// The query, if nothing in the search is wrong or unsupported.
    pub(crate) query: Option<Query>,
    /// The macros used, as `name(arguments)=definition`, and the lookups, as `lookup name=hash`.
    pub(crate) used: BTreeSet<String>,
    /// Faults with spans in the search as written, in its order.
    pub(crate) faults: Vec<SearchFault>,
}

impl ParsedSearch {
    fn refused(fault: SearchFault) -> Self {
        Self { query: None, used: BTreeSet::new(), faults: vec![fault] }
    }
}

/// What searches may name: macros and lookups.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge<'k> {
    /// The macros.
    pub macros: &'k Macros,
    /// The lookups; `None`: there are none.
    pub lookups: Option<&'k Lookups>,
}

impl<'k> From<&'k Macros> for Knowledge<'k> {
    /// Macros alone.
    fn from(macros: &'k Macros) -> Self {
        Self { macros, lookups: None }
    }
}

/// Parses a search as written in a rule.
pub(crate) fn parse_search<'k>(search: &str, knowledge: impl Into<Knowledge<'k>>) -> ParsedSearch {
    let Knowledge { macros, lookups } = knowledge.into();
    if search.len() > MAX_SEARCH_BYTES {
        let message = format!("the search is longer than MAX_SEARCH_BYTES = {MAX_SEARCH_BYTES}");
        return ParsedSearch::refused(SearchFault::error("spl-size", message, 0..0));
    }
    // Before macros are put in: an SPL2 search gives dozens of faults that are all the same one.
    if let Some(span) = second_language::mark(search) {
        let fault = SearchFault::error("spl-unsupported-spl2", "the search is written in SPL2, which is another language", span);
        return ParsedSearch::refused(fault);
    }
    let expansion = macros::expand(search, macros);
    // What is wrong with a part of a search says nothing about the search.
    let uses = LookupUses::new(lookups);
    let (query, found) = if expansion.is_whole { parse_text(&expansion.expanded.text, &uses) } else { (None, Vec::new()) };
    let mut used = expansion.used;
    used.extend(uses.used());
    let mut faults = expansion.faults;
    for mut fault in found {
        // The fault in the macro is the reason; a second message about an empty search would hide it.
        if fault.code == "spl-no-search" && !faults.is_empty() {
            continue; // it is empty because of a macro
        }
        fault.span = expansion.expanded.origin(fault.span);
        faults.push(fault);
    }
    let refused = faults.iter().any(|fault| fault.severity == Severity::Error);
    ParsedSearch { query: query.filter(|_| !refused), used, faults: tidy(faults) }
}

/// Puts faults in the order of the text, drops repetitions (a macro may hold one thing many times) and cuts at a limit.
fn tidy(mut faults: Vec<SearchFault>) -> Vec<SearchFault> {
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert((fault.code, fault.span.start, fault.span.end, fault.message.clone())));
    faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
    if faults.len() > MAX_FAULTS {
        let (more, span) = (faults.len() - MAX_FAULTS, faults[MAX_FAULTS].span.clone());
        faults.truncate(MAX_FAULTS);
        faults.push(SearchFault::error("spl-more-faults", format!("{more} more faults are not shown"), span));
    }
    faults
}

fn parse_text(text: &str, lookups: &LookupUses<'_>) -> (Option<Query>, Vec<SearchFault>) {
    let mut cursor = Cursor::new(text, 0..text.len(), lookups);
    let query = pipeline::query(&mut cursor, First::Search);
    let mut faults = cursor.faults;
    faults.extend(lookups.faults());
    (query, faults)
}

fn raw_text_message(what: &str) -> String {
    format!("{what} searches the raw text of events, which is not kept")
}

fn refuse_raw_text(cursor: &mut Cursor<'_>, what: &str, span: Range<usize>) {
    cursor.error("spl-unsupported-free-text", raw_text_message(what), span);
}
