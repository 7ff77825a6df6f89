//! Commands with searches in brackets: `join`, `append`, `appendpipe`, `union`; and what ends a search in brackets: `return`,
//! `format`.

use super::cursor::Cursor;
use super::generate::{is_false, searches};
use super::pipeline::{self, First};
use super::refuse;
use crate::ir::{Join, Pred, Rename, Stage, Subsearch, Vocabulary};

/// Options of subsearches that bound Splunk's own work; rows beyond them are never left out here.
const IDLE: [&str; 5] = ["maxtime", "maxout", "timeout", "extendtimerange", "run_in_preview"];

/// `join [type=…] [max=…] [overwrite=…] FIELDS [search …]`
pub(super) fn join(cursor: &mut Cursor<'_>) -> Option<Stage> {
    let (mut left, mut max, mut overwrite, mut fields) = (false, Some(1), true, Vec::new());
    while !cursor.is_done() && cursor.peek() != Some('[') {
        if cursor.take(",") {
            continue;
        }
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("a field name or a search in `[` and `]`");
            return None;
        };
        if !cursor.take("=") {
            fields.push(name);
            continue;
        }
        let value = cursor.option_value().map(|(text, _)| text).unwrap_or_default();
        match (name.to_ascii_lowercase().as_str(), value.to_ascii_lowercase().as_str()) {
            ("type", "inner") => left = false,
            ("type", "left" | "outer") => left = true,
            ("overwrite", value) => overwrite = !is_false(value),
            ("usetime" | "earlier", value) if is_false(value) => {}
            ("max", value) if value.parse::<u64>().is_ok() => max = value.parse().ok().filter(|max| *max > 0),
            _ => {
                refuse::option(cursor, &format!("{name}={value}"), span);
                cursor.give_up();
                return None;
            }
        }
    }
    let query = pipeline::bracket(cursor, |inner| pipeline::query(inner, First::Named))?;
    Some(Stage::Join(Join { left, fields, max, overwrite, query: Box::new(query) }))
}

/// `append [search …]`
pub(super) fn append(cursor: &mut Cursor<'_>) -> Option<Stage> {
    idle_options(cursor)?;
    let query = pipeline::bracket(cursor, |inner| pipeline::query(inner, First::Named))?;
    Some(Stage::Append(Box::new(query)))
}

/// `union [search …] …` behind other commands
pub(super) fn union(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    idle_options(cursor)?;
    let searches = searches(cursor)?;
    Some(searches.into_iter().map(|query| Stage::Append(Box::new(query))).collect())
}

/// `appendpipe [stats …]`
pub(super) fn append_pipe(cursor: &mut Cursor<'_>) -> Option<Stage> {
    idle_options(cursor)?;
    pipeline::bracket(cursor, pipeline::stages).map(Stage::AppendPipe)
}

fn idle_options(cursor: &mut Cursor<'_>) -> Option<()> {
    while !cursor.is_done() && cursor.peek() != Some('[') {
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("a search in `[` and `]`");
            return None;
        };
        let value = if cursor.take("=") { cursor.option_value().map(|(text, _)| text).unwrap_or_default() } else { String::new() };
        if !IDLE.contains(&name.to_ascii_lowercase().as_str()) {
            refuse::option(cursor, &format!("{name}={value}"), span);
            cursor.give_up();
            return None;
        }
    }
    Some(())
}

/// A search in the brackets of a condition.
pub(super) fn subsearch(cursor: &mut Cursor<'_>, vocabulary: Vocabulary) -> Option<Pred> {
    let query = pipeline::bracket(cursor, |inner| pipeline::query(inner, First::Named))?;
    let (mut query, mut values_only) = (query, false);
    if let Some(Stage::Format) = query.stages.last() {
        query.stages.pop(); // what brackets do anyway
    }
    if let Some(Stage::Keep(names)) = query.stages.last_mut() {
        // `return $field`
        values_only = names.iter().all(|name| name.starts_with(VALUE_MARK)) && !names.is_empty();
        names.iter_mut().for_each(|name| *name = name.trim_start_matches(VALUE_MARK).to_owned());
    }
    Some(Pred::Subsearch(Box::new(Subsearch { query, vocabulary, values_only })))
}

/// In front of the names that `return` gives the values of alone.
const VALUE_MARK: char = '\u{1}';

/// `return [COUNT] FIELD … | NAME=FIELD … | $FIELD …`
pub(super) fn return_rows(cursor: &mut Cursor<'_>) -> Option<Vec<Stage>> {
    let count = cursor.whole_number().unwrap_or(1);
    let (mut renames, mut kept) = (Vec::new(), Vec::new());
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        let Some((name, _)) = cursor.name() else {
            cursor.unexpected("a field name");
            return None;
        };
        if let Some(field) = name.strip_prefix('$') {
            renames.push(Rename { from: field.to_owned(), to: format!("{VALUE_MARK}{field}") });
            kept.push(format!("{VALUE_MARK}{field}"));
        } else if cursor.take("=") {
            let Some((from, _)) = cursor.name() else {
                cursor.unexpected("a field name");
                return None;
            };
            renames.push(Rename { from, to: name.clone() });
            kept.push(name);
        } else {
            kept.push(name);
        }
    }
    let renames = (!renames.is_empty()).then_some(Stage::Rename(renames));
    Some([Stage::Head(count)].into_iter().chain(renames).chain([Stage::Keep(kept)]).collect())
}

/// `format`: without options it is what brackets do.
pub(super) fn format(cursor: &mut Cursor<'_>) -> Option<Stage> {
    if !cursor.is_done() {
        let span = cursor.at..cursor.end;
        let option = cursor.slice(span.clone()).to_owned();
        refuse::option(cursor, option.trim(), span);
        cursor.give_up();
        return None;
    }
    Some(Stage::Format)
}
