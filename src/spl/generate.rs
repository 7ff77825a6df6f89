//! Commands that make rows: `from`, `datamodel`, `makeresults`, `union`, `multisearch`.

use super::cursor::Cursor;
use super::pipeline::{self, First};
use super::{TIME, refuse};
use crate::ir::{Pred, Query, Scope, SortKey, Source, Stage};

/// The dataset that the program's own findings are.
const RISK: &str = "Risk";

/// The rows of a dataset; those of Risk are the store's findings.
pub(super) fn dataset(model: &str, object: &str, has_prefix: bool) -> Source {
    let root = if object.is_empty() { model } else { object.rsplit('.').next().unwrap_or(object) };
    if model == RISK {
        let name = if object.is_empty() { "All_Risk" } else { root };
        return Source::Findings { prefix: has_prefix.then(|| name.to_owned()) };
    }
    let prefix = has_prefix.then(|| root.to_owned());
    Source::Events(Scope::Dataset { model: model.to_owned(), object: object.to_owned(), prefix })
}

/// Cuts `Model.Object` in two.
pub(super) fn model_and_object(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

/// `from datamodel:Endpoint.Processes`; its fields have no prefix.
pub(super) fn from(cursor: &mut Cursor<'_>) -> Option<Query> {
    cursor.peek();
    let start = cursor.at;
    let kind = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
    let kind = cursor.slice(kind).to_ascii_lowercase();
    let _ = cursor.take(":");
    if kind != "datamodel" {
        cursor.error("spl-unsupported-option", format!("`from {kind}` is not supported"), start..cursor.at);
        cursor.give_up();
        return None;
    }
    let Some((name, _)) = cursor.name() else {
        cursor.unexpected("a data model");
        return None;
    };
    let (model, object) = model_and_object(&name);
    Some(Query { source: dataset(model, object, false), filter: Pred::True, stages: Vec::new() })
}

/// `datamodel MODEL OBJECT search`: its fields have the object's name in front; with `flat` they have not.
pub(super) fn datamodel(cursor: &mut Cursor<'_>) -> Option<Query> {
    let mut words = Vec::new();
    while !cursor.is_done() {
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("a data model");
            return None;
        };
        if cursor.take("=") {
            let value = cursor.option_value().map(|(text, _)| text).unwrap_or_default();
            let changes_nothing = is_idle_option(&name) || (name == "strict_fields" && is_false(&value));
            if !changes_nothing {
                refuse::option(cursor, &format!("{name}={value}"), span);
            }
        } else {
            words.push(name);
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (model, object, mode) = match words.as_slice() {
        [model, object, mode] => (model, object, *mode),
        _ => {
            cursor.error("spl-syntax", "`datamodel` needs a model, a dataset and `search`", cursor.end..cursor.end);
            return None;
        }
    };
    if !matches!(mode, "search" | "flat") {
        cursor.error("spl-unsupported-option", format!("`datamodel … {mode}` is not supported"), cursor.end..cursor.end);
        return None;
    }
    Some(Query { source: dataset(model, object, mode == "search"), filter: Pred::True, stages: Vec::new() })
}

/// Options of `tstats` and `datamodel` that say from where Splunk reads, not what: here there is one place.
pub(super) fn is_idle_option(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "summariesonly" | "allow_old_summaries" | "local" | "chunk_size" | "include_reduced_buckets" | "use_summary_index_values"
    )
}

/// Whether the value of an option means no.
pub(super) fn is_false(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "f" | "false" | "0" | "no")
}

/// `makeresults`
pub(super) fn make_results(cursor: &mut Cursor<'_>) -> Option<Query> {
    let mut count = 1;
    while !cursor.is_done() {
        let Some((name, span)) = cursor.name() else {
            cursor.unexpected("an option");
            return None;
        };
        let value = if cursor.take("=") { cursor.option_value().map(|(text, _)| text).unwrap_or_default() } else { String::new() };
        match (name.to_ascii_lowercase().as_str(), value.parse()) {
            ("count", Ok(number)) => count = number,
            ("annotate", _) if is_false(&value) => {}
            _ => {
                refuse::option(cursor, &format!("{name}={value}"), span);
                return None;
            }
        }
    }
    Some(Query { source: Source::Rows(count), filter: Pred::True, stages: Vec::new() })
}

/// The searches in the brackets that follow.
pub(super) fn searches(cursor: &mut Cursor<'_>) -> Option<Vec<Query>> {
    let mut out = Vec::new();
    let mut is_whole = true;
    while !cursor.is_done() {
        if cursor.take(",") {
            continue;
        }
        match pipeline::bracket(cursor, |inner| pipeline::query(inner, First::Named)) {
            Some(query) => out.push(query),
            None => is_whole = false,
        }
    }
    is_whole.then_some(out)
}

/// `union [search …] [search …]`: the rows of all, one search after the other.
pub(super) fn union(cursor: &mut Cursor<'_>) -> Option<Query> {
    let searches = searches(cursor)?;
    let mut searches = searches.into_iter();
    let Some(mut query) = searches.next() else {
        cursor.unexpected("a search in `[` and `]`");
        return None;
    };
    query.stages.extend(searches.map(|search| Stage::Append(Box::new(search))));
    Some(query)
}

/// `multisearch [search …] [search …]`: the rows of all, newest first.
pub(super) fn multisearch(cursor: &mut Cursor<'_>) -> Option<Query> {
    let mut query = union(cursor)?;
    if !matches!(query.stages.last(), Some(Stage::Append(_))) {
        cursor.error("spl-syntax", "`multisearch` needs two searches or more", cursor.end..cursor.end);
        return None;
    }
    query.stages.push(Stage::Sort { keys: vec![SortKey::auto(TIME, true)], limit: None });
    Some(query)
}
