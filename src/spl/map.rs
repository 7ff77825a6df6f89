//! `map search="search … FIELD=$token$ …"`: one search for each row, with the row's values in place of tokens.
//!
//! All those searches are one: a token that is the whole value of a comparison in the condition is a key, by which the rows of the
//! search are found. What else has tokens, and every command behind the condition, is done for each row by itself.

use std::ops::Range;

use super::cursor::Cursor;
use super::pipeline::{self, First};
use super::{TIME, refuse};
use crate::ir::{Field, Map, Match, Pred, Query, Stage, Test, tokens};

/// See the module.
pub(super) fn parse(cursor: &mut Cursor<'_>, span: Range<usize>) -> Option<Stage> {
    let mut found = None;
    while !cursor.is_done() {
        if cursor.peek() == Some('[') {
            let start = cursor.at;
            let query = pipeline::bracket(cursor, |inner| pipeline::query(inner, First::Named))?;
            found = Some((query, start..cursor.at));
            continue;
        }
        let Some((name, option)) = cursor.name() else {
            cursor.unexpected("`search=`");
            return None;
        };
        if !cursor.take("=") {
            cursor.unexpected("`=`");
            return None;
        }
        match name.to_ascii_lowercase().as_str() {
            "search" => found = Some(quoted_search(cursor)?),
            // Every row is asked for: the limit is one on Splunk's work.
            "maxsearches" if cursor.option_value().is_some() => {}
            _ => {
                refuse::option(cursor, &name, option);
                cursor.give_up();
                return None;
            }
        }
    }
    let Some((query, text)) = found else {
        cursor.unexpected("`search=`");
        return None;
    };
    let asked = tokens(cursor.slice(text)).len();
    match mapped(query, asked) {
        Ok(map) => Some(Stage::Map(map)),
        Err(message) => {
            cursor.error("spl-unsupported-map", message, span);
            None
        }
    }
}

/// A search that is written as a string. Its places are those of the string.
fn quoted_search(cursor: &mut Cursor<'_>) -> Option<(Query, Range<usize>)> {
    cursor.peek();
    let start = cursor.at;
    cursor.quoted()?;
    let inner = start + 1..cursor.at - 1;
    let Some(text) = without_escapes(cursor.whole(), inner.clone()) else {
        cursor.error("spl-unsupported-map", "a search inside of a string may have no escapes but `\\\"`", inner);
        return None;
    };
    let mut nested = Cursor::new(&text, inner.clone(), cursor.lookups);
    nested.depth = cursor.depth + 1;
    let query = pipeline::query(&mut nested, First::Search);
    cursor.faults.append(&mut nested.faults);
    Some((query?, inner))
}

/// The whole text with the `\"` of a range made quotes. Each keeps its two bytes, so that places stay: the blank stands outside of the
/// string that the quotes are around.
fn without_escapes(whole: &str, range: Range<usize>) -> Option<String> {
    let mut pieces = whole[range.clone()].split("\\\"");
    let mut text = whole[..range.start].to_owned();
    text.push_str(pieces.next().filter(|piece| !piece.contains('\\'))?);
    for (place, piece) in pieces.enumerate() {
        if piece.contains('\\') {
            return None;
        }
        text.push_str(if place % 2 == 0 { " \"" } else { "\" " });
        text.push_str(piece);
    }
    text.push_str(&whole[range.end..]);
    Some(text)
}

/// What a search means whose text has so many tokens, or why it is not supported.
fn mapped(mut query: Query, asked: usize) -> Result<Map, &'static str> {
    let mut keys = Vec::new();
    let filter = std::mem::replace(&mut query.filter, Pred::True);
    let parts = match without_keys(filter, &mut keys) {
        Pred::And(parts) => parts,
        other => vec![other],
    };
    let (by_row, of_all): (Vec<Pred>, Vec<Pred>) = parts.into_iter().partition(has_token);
    query.filter = Pred::all(of_all);
    let mut each = std::mem::take(&mut query.stages);
    if !by_row.is_empty() {
        if by_row.iter().any(Pred::has_keyword) {
            // A word is looked for in the whole event, and a stage sees what the search gives it.
            query.stages.push(Stage::Keep(["*", TIME, "Message"].map(str::to_owned).to_vec()));
        }
        each.insert(0, Stage::Filter(Pred::all(by_row)));
    }
    if each.iter().any(holds_query) {
        return Err("a search in brackets inside of the search of `map` is not supported");
    }
    let named = each.iter().take_while(|stage| !matches!(stage, Stage::Stats(_))).any(has_pattern);
    if named {
        return Err("the search of `map` may name columns by a pattern behind `stats` alone");
    }
    let known = keys.len() + each.iter().map(|stage| stage.tokens().len()).sum::<usize>();
    if asked == 0 || known != asked {
        return Err("`map` is supported where each `$token$` stands in a value of a condition or of an expression");
    }
    Ok(Map { keys, query: Box::new(query), each })
}

/// The name of a token, where a comparison asks for it and nothing else.
fn whole_token(test: &Test) -> Option<&str> {
    let Test::Glob { glob, .. } = test else { return None };
    let text = glob.as_literal()?;
    text.strip_prefix('$')?.strip_suffix('$').filter(|name| tokens(text) == [*name])
}

/// Takes the comparisons with tokens out of a condition that needs all of its parts.
fn without_keys(pred: Pred, keys: &mut Vec<(String, String)>) -> Pred {
    match pred {
        Pred::And(parts) => Pred::all(parts.into_iter().map(|part| without_keys(part, keys))),
        Pred::Match(Match { field: Field { name, .. }, test, negated: false, .. }) if whole_token(&test).is_some() => {
            keys.push((whole_token(&test).unwrap_or_default().to_owned(), name));
            Pred::True
        }
        other => other,
    }
}

fn has_token(pred: &Pred) -> bool {
    !Stage::Filter(pred.clone()).tokens().is_empty()
}

fn holds_query(stage: &Stage) -> bool {
    match stage {
        Stage::Join(_) | Stage::Append(_) | Stage::AppendPipe(_) | Stage::Map(_) => true,
        Stage::Filter(pred) => pred.any_leaf(&|leaf| matches!(leaf, Pred::Subsearch(_))),
        _ => false,
    }
}

/// Whether a stage means columns that only the rows know.
fn has_pattern(stage: &Stage) -> bool {
    let is_pattern = |name: &String| name.contains('*');
    match stage {
        Stage::Keep(names) | Stage::Drop(names) => names.iter().any(is_pattern),
        Stage::Rename(renames) => renames.iter().any(|rename| is_pattern(&rename.from)),
        Stage::ForEach(each) => each.patterns.iter().any(is_pattern),
        Stage::FillNull { fields, .. } | Stage::FillDown(fields) => fields.is_empty() || fields.iter().any(is_pattern),
        Stage::Dedup(dedup) => dedup.fields.is_empty(),
        Stage::Replace(replace) => replace.fields.is_empty(),
        Stage::Convert(convert) => convert.items.iter().any(|item| is_pattern(&item.field)),
        Stage::AddTotals(totals) => totals.fields.is_empty() || totals.fields.iter().any(is_pattern),
        Stage::Transaction(_) | Stage::Combine { .. } | Stage::Format => true,
        Stage::Filter(pred) => pred.has_keyword() && !has_token(pred),
        Stage::EventStats(stats) => {
            let mut fields = Vec::new();
            stats
                .aggregates
                .iter()
                .filter_map(|a| a.argument.as_ref())
                .for_each(|a| a.each_field(&mut |field| fields.push(field.name.clone())));
            fields.iter().any(is_pattern)
        }
        _ => false,
    }
}
