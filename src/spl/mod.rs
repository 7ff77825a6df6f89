//! Splunk's search language: searches become the intermediate representation.
//!
//! A search goes through comments, macros ([`macros`]), the pipes, and one parser a command. Spans of faults lead back
//! through the macros to the search as written and from there to the rule's file. What is not supported is a coded
//! error; parsing goes on behind the next pipe, so that one look shows all of them.
//!
//! This module knows no SQL, no store and no Sigma.

mod command;
mod cursor;
mod escu;
mod eval;
mod macros;
mod page;
mod search;
mod stats;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;
use std::ops::Range;

pub use escu::parse_escu_yaml;
pub use macros::Macros;
pub use page::parse_page;

use crate::ir::{Pred, Query, Scope, Stage, Vocabulary};
use cursor::{Cursor, Fault};

/// Commands of one search.
const MAX_COMMANDS: usize = 200;
/// Bytes of one search as written.
const MAX_SEARCH_BYTES: usize = 256 * 1024;

/// What a search became.
pub(crate) struct Parsed {
    /// The query, if nothing in the search is unsupported.
    pub(crate) query: Option<Query>,
    /// The macros used, as `name(arguments)=definition`.
    pub(crate) macros: BTreeSet<String>,
    /// Faults with spans in the search as written.
    pub(crate) faults: Vec<Fault>,
}

/// Parses a search as written in a rule.
pub(crate) fn parse_search(search: &str, macros: &Macros) -> Parsed {
    if search.len() > MAX_SEARCH_BYTES {
        let fault = ("spl-size", format!("the search is longer than MAX_SEARCH_BYTES = {MAX_SEARCH_BYTES}"), 0..0);
        return Parsed { query: None, macros: BTreeSet::new(), faults: vec![fault] };
    }
    let expansion = macros::expand(search, macros);
    let mut faults = expansion.faults;
    let text = &expansion.expanded.text;
    let (query, found) = parse_text(text);
    faults.extend(found.into_iter().map(|(code, message, span)| (code, message, expansion.expanded.origin(span))));
    Parsed { query: faults.is_empty().then_some(query), macros: expansion.used, faults }
}

fn parse_text(text: &str) -> (Query, Vec<Fault>) {
    let mut query = Query { scope: Scope::Any, filter: Pred::True, stages: Vec::new() };
    let mut faults = Vec::new();
    let commands = split_pipes(text);
    if commands.len() > MAX_COMMANDS {
        faults.push(("spl-size", format!("the search has more than MAX_COMMANDS = {MAX_COMMANDS} commands"), 0..text.len()));
        return (query, faults);
    }
    let mut filters = Vec::new();
    for (index, range) in commands.into_iter().enumerate() {
        let mut cursor = Cursor::new(text, range);
        if cursor.is_done() {
            continue; // nothing in front of the first pipe
        }
        let name_at = cursor.at;
        if index == 0 {
            cursor.take_word("search");
            filters.push(search::parse(&mut cursor, Vocabulary::Splunk));
        } else {
            let span = cursor.take_while(cursor::is_name_char);
            let name = cursor.slice(span).to_owned();
            if name.is_empty() {
                cursor.unexpected("a command");
            } else if name.eq_ignore_ascii_case("search") && query.stages.is_empty() {
                filters.push(search::parse(&mut cursor, Vocabulary::Splunk));
            } else if let Some(stage) = command::parse(&name, name_at, &mut cursor) {
                query.stages.push(stage);
                if !cursor.is_done() && cursor.faults.is_empty() {
                    cursor.unexpected("the end of the command");
                }
            }
        }
        faults.append(&mut cursor.faults);
    }
    filters.retain(|pred| *pred != Pred::True);
    query.filter = if filters.len() == 1 { filters.remove(0) } else { Pred::And(filters) };
    drop_idle_keeps(&mut query.stages);
    (query, faults)
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
