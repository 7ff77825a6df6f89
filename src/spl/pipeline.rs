//! Commands one behind the other become a query; searches in brackets are queries of their own.

use std::ops::Range;

use super::cursor::{Cursor, is_name_char};
use super::{command, generate, lookups, search, settle, tstats};
use crate::ir::{Pred, Query, Scope, Source, Stage, Vocabulary};

/// Commands of one search. The longest detection has 40.
const MAX_COMMANDS: usize = 200;
/// Searches in the brackets of searches. Detections nest two; each level reads its text once more.
const MAX_SUBSEARCHES: u32 = 20;

/// What is said of a pipe with nothing behind it.
const NO_COMMAND: &str = "there is no command behind this pipe";

/// How the first command of a search is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// A condition alone, `search`, or behind a pipe a command that makes rows.
    Search,
    /// In brackets every command has its name, the first one too.
    Named,
}

/// Parses what the cursor covers as a whole search. Nothing: there is a fault.
pub(super) fn query(cursor: &mut Cursor<'_>, first: First) -> Option<Query> {
    let whole = cursor.at..cursor.end;
    let mut parser = PipelineParser { query: None, spans: Vec::new(), is_ok: true };
    for (index, range) in commands(cursor)?.into_iter().enumerate() {
        let mut part = cursor.part(range.clone());
        if part.is_done() {
            // A search may begin with a pipe; behind any other one a command must follow.
            if index > 0 {
                cursor.error("spl-syntax", NO_COMMAND, range.start - 1..range.start);
                parser.is_ok = false;
            }
            continue;
        }
        parser.command(&mut part, index == 0 && first == First::Search);
        parser.is_ok &= !part.faults.iter().any(|fault| fault.severity == crate::diag::Severity::Error);
        cursor.faults.append(&mut part.faults);
    }
    cursor.at = cursor.end;
    if parser.query.is_none() && parser.is_ok {
        cursor.error("spl-no-search", "the search is empty", whole);
    }
    let mut query = parser.query.filter(|_| parser.is_ok)?;
    query.stages = settled(cursor, query.stages, &parser.spans)?;
    // `fields *` at the front would ask for every field of every event.
    drop_idle_keeps(&mut query.stages);
    Some(query)
}

/// Parses what the cursor covers as stages over the rows of another search (`appendpipe`).
pub(super) fn stages(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    let (mut out, mut spans) = (Some(Vec::new()), Vec::new());
    for (index, range) in commands(cursor)?.into_iter().enumerate() {
        let mut part = cursor.part(range.clone());
        if part.is_done() {
            if index > 0 {
                cursor.error("spl-syntax", NO_COMMAND, range.start - 1..range.start);
                out = None;
            }
            continue;
        }
        let start = part.at;
        match (stage(&mut part), &mut out) {
            (Some(stages), Some(out)) => {
                out.extend(stages);
                spans.resize(out.len(), part.from(start));
            }
            _ => out = None,
        }
        cursor.faults.append(&mut part.faults);
    }
    cursor.at = cursor.end;
    settled(cursor, out?, &spans)
}

/// Stages as they mean something together.
fn settled(cursor: &mut Cursor<'_>, stages: Vec<Stage>, spans: &[Range<usize>]) -> Option<Vec<Stage>> {
    let mut faults = Vec::new();
    let stages = settle::settle(stages, spans, &mut faults);
    let is_sound = faults.is_empty();
    cursor.faults.append(&mut faults);
    is_sound.then_some(stages)
}

/// The search in the bracket that comes next, read by `parse`. Nothing: there is none, or there is a fault in it.
pub(super) fn bracket<T>(cursor: &mut Cursor<'_>, parse: impl FnOnce(&mut Cursor<'_>) -> Option<T>) -> Option<T> {
    if cursor.peek() != Some('[') {
        cursor.unexpected("a search in `[` and `]`");
        return None;
    }
    let at = cursor.at;
    if cursor.depth >= MAX_SUBSEARCHES {
        cursor.error("spl-depth", format!("searches are nested deeper than MAX_SUBSEARCHES = {MAX_SUBSEARCHES}"), at..at + 1);
        cursor.give_up();
        return None;
    }
    let Some(inner) = cursor.bracket() else {
        cursor.error("spl-syntax", "a `[` has no `]`", at..at + 1);
        cursor.give_up();
        return None;
    };
    let mut nested = cursor.nested(inner);
    let parsed = parse(&mut nested);
    cursor.faults.append(&mut nested.faults);
    parsed
}

/// The commands that the cursor covers; nothing when they are too many.
fn commands(cursor: &mut Cursor<'_>) -> Option<Vec<Range<usize>>> {
    let start = cursor.at;
    let commands = split_pipes(cursor.rest());
    if commands.len() > MAX_COMMANDS {
        let message = format!("the search has more than MAX_COMMANDS = {MAX_COMMANDS} commands");
        let at = &commands[MAX_COMMANDS];
        cursor.error("spl-size", message, start + at.start..start + at.end);
        return None;
    }
    Some(commands.into_iter().map(|range| start + range.start..start + range.end).collect())
}

struct PipelineParser {
    /// What was read so far; none before the command that makes the rows.
    query: Option<Query>,
    /// By stage: where its command stands.
    spans: Vec<Range<usize>>,
    is_ok: bool,
}

impl PipelineParser {
    fn command(&mut self, cursor: &mut Cursor<'_>, may_be_bare: bool) {
        cursor.peek();
        let start = cursor.at;
        self.read(cursor, may_be_bare);
        let stages = self.query.as_ref().map_or(0, |query| query.stages.len());
        self.spans.resize(stages, cursor.from(start));
    }

    fn read(&mut self, cursor: &mut Cursor<'_>, may_be_bare: bool) {
        let Some(query) = &mut self.query else {
            self.query = first(cursor, may_be_bare);
            self.is_ok &= self.query.is_some();
            // What follows is read for its faults.
            self.query.get_or_insert_with(|| filtered(Pred::False));
            return;
        };
        // Several `search` commands at the front are one filter, so that the scan can answer all of it.
        let is_front = query.stages.is_empty() && matches!(query.source, Source::Events(Scope::Any));
        if is_front && is_search(cursor) {
            cursor.take_word("search");
            let filter = std::mem::replace(&mut query.filter, Pred::True);
            query.filter = Pred::all([filter, search::parse(cursor, Vocabulary::Splunk)]);
        } else {
            match stage(cursor) {
                Some(stages) => query.stages.extend(stages),
                None => self.is_ok = false,
            }
        }
    }
}

/// All events that pass a condition.
fn filtered(filter: Pred) -> Query {
    Query { source: Source::Events(Scope::Any), filter, stages: Vec::new() }
}

/// The command that makes the rows.
fn first(cursor: &mut Cursor<'_>, may_be_bare: bool) -> Option<Query> {
    if may_be_bare || is_search(cursor) {
        cursor.take_word("search");
        if takes_risk_index(cursor) {
            // Splunk's index of risk events: here they are the findings of the store.
            let source = generate::dataset("Risk", "", false);
            return Some(Query { source, filter: search::parse(cursor, Vocabulary::Row), stages: Vec::new() });
        }
        return Some(filtered(search::parse(cursor, Vocabulary::Splunk)));
    }
    let at = cursor.at;
    let span = cursor.take_while(is_name_char);
    cursor.command = cursor.slice(span.clone());
    let name = cursor.command.to_ascii_lowercase();
    let query = match name.as_str() {
        "tstats" => tstats::parse(cursor),
        "from" => generate::from(cursor),
        "datamodel" => generate::datamodel(cursor),
        "makeresults" => generate::make_results(cursor),
        "inputlookup" => lookups::input_rows(cursor),
        "union" => generate::union(cursor),
        "multisearch" => generate::multisearch(cursor),
        // Any other command works on the rows of what is before it: here, on every event.
        _ => {
            cursor.at = at;
            let stages = stage(cursor)?;
            return Some(Query { stages, ..filtered(Pred::True) });
        }
    };
    ended(cursor, &name, span, query)
}

/// Goes behind `index=risk` where the search begins with it and all that follows must hold too.
fn takes_risk_index(cursor: &mut Cursor<'_>) -> bool {
    cursor.peek();
    let rest = cursor.rest();
    let found = ["index=risk", "index=\"risk\""].into_iter().find(|text| rest.starts_with(text));
    let Some(behind) = found.map(|text| &rest[text.len()..]) else { return false };
    let ends = behind.is_empty() || behind.starts_with(char::is_whitespace);
    let is_alternative =
        behind.trim_start().starts_with("OR") && behind.trim_start()[2..].starts_with(|c: char| c.is_whitespace() || c == '(');
    if ends && !is_alternative {
        cursor.at += rest.len() - behind.len();
    }
    ends && !is_alternative
}

fn is_search(cursor: &mut Cursor<'_>) -> bool {
    let at = cursor.at;
    let found = cursor.take_word("search");
    cursor.at = at;
    found
}

/// A command behind a pipe. Nothing: there is a fault.
pub(super) fn stage(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    let span = cursor.take_while(is_name_char);
    let name = cursor.slice(span.clone());
    if name.is_empty() {
        cursor.unexpected("a command");
        return None;
    }
    cursor.command = name;
    let stages = command::parse(name, span.clone(), cursor);
    ended(cursor, name, span, stages)
}

/// What a command became, if it was read to its end.
fn ended<T>(cursor: &mut Cursor<'_>, name: &str, span: Range<usize>, parsed: Option<T>) -> Option<T> {
    if parsed.is_some() && !cursor.is_done() {
        cursor.unexpected("the end of the command");
    }
    if parsed.is_none() && cursor.faults.is_empty() {
        cursor.error("spl-syntax", format!("cannot read the command `{name}`"), span); // never dropped in silence
    }
    parsed
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
            // A pipe in a subsearch ends a command of that one.
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
