//! Splunk's search language: searches become the intermediate representation.
//!
//! A search goes through comments, macros (`macros`), the pipes, and one parser a command. Spans of faults lead back
//! through the macros to the search as written and from there to the rule's file. What is not supported is a coded
//! error; parsing goes on behind the next pipe, so that one look shows all of them.
//!
//! A search reads events by its first command. Today that is `search`, over [`Scope::Any`]; another generating command
//! (`tstats` over [`Scope::Dataset`]) belongs beside it in `parse_text`.
//!
//! This module knows no SQL, no store and no Sigma.

mod builtin;
mod command;
mod convert;
mod cursor;
mod escu;
mod eval;
mod fault;
mod function;
mod lists;
mod macros;
mod options;
mod page;
mod pattern;
mod rex;
mod risk;
mod search;
mod settle;
mod stats;
#[cfg(test)]
mod tests;
mod text;
mod unpack;

use std::collections::BTreeSet;
use std::ops::Range;

pub use escu::parse_escu_yaml;
pub use macros::Macros;
pub use page::parse_page;

use crate::diag::Severity;
use crate::ir::{Pred, Query, Scope, Source, Stage, Vocabulary};
use cursor::Cursor;
use fault::SearchFault;

/// Commands of one search.
const MAX_COMMANDS: usize = 200;
/// Bytes of one search as written.
const MAX_SEARCH_BYTES: usize = 256 * 1024;
/// Faults of one search that are told.
const MAX_FAULTS: usize = 100;

/// Splunk's name for the text of an event as it was received.
const RAW_TEXT: &str = "_raw";

/// What a search became.
pub(crate) struct ParsedSearch {
    /// The query, if nothing in the search is wrong or unsupported.
    pub(crate) query: Option<Query>,
    /// The macros used, as `name(arguments)=definition`.
    pub(crate) macros: BTreeSet<String>,
    /// Faults with spans in the search as written, in its order.
    pub(crate) faults: Vec<SearchFault>,
}

impl ParsedSearch {
    fn refused(fault: SearchFault) -> Self {
        Self { query: None, macros: BTreeSet::new(), faults: vec![fault] }
    }
}

/// Parses a search as written in a rule.
pub(crate) fn parse_search(search: &str, macros: &Macros) -> ParsedSearch {
    if search.len() > MAX_SEARCH_BYTES {
        let message = format!("the search is longer than MAX_SEARCH_BYTES = {MAX_SEARCH_BYTES}");
        return ParsedSearch::refused(SearchFault::error("spl-size", message, 0..0));
    }
    if let Some(span) = second_language(search) {
        let fault = SearchFault::error("spl-unsupported-spl2", "the search is written in SPL2, which is another language", span);
        return ParsedSearch::refused(fault);
    }
    let expansion = macros::expand(search, macros);
    let (query, found) = parse_text(&expansion.expanded.text);
    let mut faults = expansion.faults;
    for mut fault in found {
        if fault.code == "spl-no-search" && !faults.is_empty() {
            continue; // it is empty because of a macro
        }
        fault.span = expansion.expanded.origin(fault.span);
        faults.push(fault);
    }
    let refused = faults.iter().any(|fault| fault.severity == Severity::Error);
    ParsedSearch { query: query.filter(|_| !refused), macros: expansion.used, faults: tidy(faults) }
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

/// Where a search gives itself away as SPL2: it starts with a variable, or ends in one of its markers.
fn second_language(search: &str) -> Option<Range<usize>> {
    let start = search.len() - search.trim_start().len();
    if let Some(rest) = search[start..].strip_prefix('$') {
        let name = rest.find(|c| !cursor::is_name_char(c)).filter(|length| *length > 0)?;
        return rest[name..].trim_start().starts_with('=').then_some(start..start + 1 + name);
    }
    const MARKER: &str = "--finding_report--";
    search.find(MARKER).map(|at| at..at + MARKER.len())
}

fn parse_text(text: &str) -> (Option<Query>, Vec<SearchFault>) {
    let commands = split_pipes(text);
    if commands.len() > MAX_COMMANDS {
        let message = format!("the search has more than MAX_COMMANDS = {MAX_COMMANDS} commands");
        return (None, vec![SearchFault::error("spl-size", message, 0..text.len())]);
    }
    let mut faults = Vec::new();
    let (mut filters, mut stages, mut spans, mut any) = (Vec::new(), Vec::new(), Vec::new(), false);
    for (index, range) in commands.into_iter().enumerate() {
        let mut cursor = Cursor::new(text, range.clone());
        if cursor.is_done() {
            // A search may begin with a pipe; behind any other one a command must follow.
            if index > 0 {
                faults.push(SearchFault::error("spl-syntax", "there is no command behind this pipe", range.start - 1..range.start));
            }
            continue;
        }
        any = true;
        if index == 0 || (stages.is_empty() && faults.is_empty() && starts_with_search(&mut cursor)) {
            cursor.take_word("search");
            filters.push(search::parse(&mut cursor, Vocabulary::Splunk));
        } else {
            cursor.peek();
            let start = cursor.at;
            stages.extend(stage(&mut cursor).unwrap_or_default());
            spans.resize(stages.len(), cursor.from(start));
        }
        faults.append(&mut cursor.faults);
    }
    if !any {
        faults = vec![SearchFault::error("spl-no-search", "the search is empty", 0..text.len())];
        return (None, faults);
    }
    let filter = Pred::all(filters);
    let mut stages = settle::settle(stages, &spans, &mut faults);
    drop_idle_keeps(&mut stages);
    (Some(Query { source: Source::Events(Scope::Any), filter, stages }), faults)
}

fn starts_with_search(cursor: &mut Cursor<'_>) -> bool {
    let at = cursor.at;
    let found = cursor.take_word("search");
    cursor.at = at;
    found
}

/// A command behind a pipe. Nothing: there is a fault.
fn stage(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    let span = cursor.take_while(cursor::is_name_char);
    let name = cursor.slice(span.clone()).to_owned();
    if name.is_empty() {
        cursor.unexpected("a command");
        return None;
    }
    let stages = command::parse(&name, span.clone(), cursor);
    if stages.is_some() && !cursor.is_done() {
        cursor.unexpected("the end of the command");
    }
    if stages.is_none() && cursor.faults.is_empty() {
        cursor.error("spl-syntax", format!("cannot read the command `{name}`"), span); // never dropped in silence
    }
    stages
}

/// `table` and `fields` that keep everything change nothing.
fn drop_idle_keeps(stages: &mut Vec<Stage>) {
    stages.retain(|stage| !matches!(stage, Stage::Keep(names) if names.iter().any(|n| n == "*")));
}

/// Cuts at pipes outside of quotes and brackets.
fn split_pipes(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut start, mut quoted, mut escaped, mut brackets) = (0, false, false, 0_u32);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => brackets += 1,
            ']' if !quoted => brackets = brackets.saturating_sub(1),
            '|' if !quoted && brackets == 0 => {
                out.push(start..index);
                start = index + 1;
            }
            _ => {}
        }
    }
    out.push(start..text.len());
    out
}

fn raw_text_message(what: &str) -> String {
    format!("{what} searches the raw text of events, which is not kept")
}

fn refuse_raw_text(cursor: &mut Cursor<'_>, what: &str, span: Range<usize>) {
    cursor.error("spl-unsupported-free-text", raw_text_message(what), span);
}
