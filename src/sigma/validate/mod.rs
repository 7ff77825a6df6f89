//! Validation beyond what compiling needs: required keys, their forms, detections that nobody asks for, conditions that
//! no event can meet.
//!
//! It runs only with [`super::SigmaOptions::validate`] and never makes an error: a rule that departs from the
//! specification and still has one meaning compiles with a warning.

mod contradiction;
mod tags;

use super::condition::{ConditionTree, selects};
use super::context::ReadContext;
use super::resolve::Named;
use super::rule;
use crate::suggest::nearest;
use crate::yaml::{Key, Node, Value};

const RELATIONS: [&str; 6] = ["derived", "obsolete", "obsoletes", "merged", "renamed", "similar"];
const KEYS: [&str; 22] = [
    "title",
    "id",
    "name",
    "related",
    "taxonomy",
    "status",
    "description",
    "license",
    "author",
    "references",
    "date",
    "modified",
    "logsource",
    "detection",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
    "sigma-version",
    "correlation",
    "filter",
];
/// Keys that SigmaHQ's collection adds: where a rule's regression test is, and its atomic tests.
const COLLECTION_KEYS: [&str; 2] = ["regression_tests_path", "simulation"];
const LOG_SOURCE_KEYS: [&str; 4] = ["product", "category", "service", "definition"];
const LISTS: [&str; 5] = ["references", "falsepositives", "fields", "tags", "related"];
const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
// The limit of the Sigma specification.
const MAX_TITLE_CHARS: usize = 256;

pub(super) use contradiction::unmeetable;

/// Checks the metadata of a rule document.
pub(super) fn document(context: &mut ReadContext<'_>, document: &Node) {
    if !context.options.validate {
        return;
    }
    title(context, document);
    identity(context, document);
    words(context, document);
    dates(context, document);
    for key in LISTS {
        if let Some(node) = document.get(key).filter(|node| !matches!(node.value, Value::Sequence(_))) {
            context.lint(&node.span, "sigma-type", format!("`{key}` must be a list"));
        }
    }
    for tag in document.get("tags").map(Node::items).unwrap_or_default() {
        tags::check(context, tag);
    }
    keys(context, document);
}

/// Keys that Sigma does not have: a misspelling where one it has is near, else the author's own.
fn keys(context: &mut ReadContext<'_>, document: &Node) {
    for (key, _) in document.entries() {
        let name = key.text.as_str();
        let of_correlation = name == "generate" && document.get("correlation").is_some();
        if KEYS.contains(&name) || COLLECTION_KEYS.contains(&name) || of_correlation {
            continue;
        }
        match nearest(name, KEYS) {
            Some(known) => misspelt(context, key, known),
            None => context.note(&key.span, "sigma-unknown-key", format!("Sigma has no key `{name}`: it has no effect")),
        }
    }
    for (key, _) in document.get("logsource").map(Node::entries).unwrap_or_default() {
        let name = key.text.as_str();
        if LOG_SOURCE_KEYS.contains(&name) {
            continue;
        }
        match nearest(name, LOG_SOURCE_KEYS) {
            Some(known) => misspelt(context, key, known),
            None => {
                let message = format!("a log source has no key `{name}`: it has no effect");
                context.lint(&key.span, "sigma-unknown-logsource-key", message);
            }
        }
    }
}

fn misspelt(context: &mut ReadContext<'_>, key: &Key, known: &str) {
    let message = format!("Sigma has no key `{}`", key.text);
    context.lint_with(&key.span, "sigma-misspelled-key", message, format!("did you mean `{known}`?"));
}

fn dates(context: &mut ReadContext<'_>, document: &Node) {
    let date = |key: &str| document.get(key).map(|node| (node, date(node.scalar_text().unwrap_or(""))));
    let (created, modified) = (date("date"), date("modified"));
    for (key, found) in [("date", &created), ("modified", &modified)] {
        if let Some((node, None)) = found {
            context.lint(&node.span, "sigma-invalid-date", format!("`{key}` must be a date, YYYY-MM-DD"));
        }
    }
    if let (Some((_, Some(created))), Some((node, Some(modified)))) = (created, modified)
        && modified < created
    {
        context.lint(&node.span, "sigma-modified-before-date", "`modified` is before `date`");
    }
}

fn title(context: &mut ReadContext<'_>, document: &Node) {
    let text = document.get("title").and_then(Node::scalar_text).unwrap_or("");
    if text.trim().is_empty() {
        context.lint(&rule::head(document), "sigma-missing-title", "the rule has no title");
    } else if text.chars().count() > MAX_TITLE_CHARS {
        let span = document.get("title").map_or(rule::head(document), |node| node.span.clone());
        context.lint(&span, "sigma-title-length", format!("the title is longer than {MAX_TITLE_CHARS} characters"));
    }
}

fn identity(context: &mut ReadContext<'_>, document: &Node) {
    match document.get("id") {
        None => context.lint(&rule::head(document), "sigma-missing-id", "the rule has no `id`: its path is used instead"),
        Some(id) if !is_uuid(id.scalar_text().unwrap_or("")) => {
            context.lint(&id.span, "sigma-invalid-id", "`id` must be a UUID such as 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7c11");
        }
        Some(_) => {}
    }
    for related in document.get("related").map(Node::items).unwrap_or_default() {
        let id = related.get("id").and_then(Node::scalar_text).unwrap_or("");
        let kind = related.get("type").and_then(Node::scalar_text).unwrap_or("");
        if !is_uuid(id) {
            context.lint(&related.span, "sigma-invalid-id", "`related` needs the `id` of another rule, a UUID");
        }
        if !RELATIONS.contains(&kind) {
            let message = format!("the `type` of a related rule must be one of {}", RELATIONS.join(", "));
            context.lint(&related.span, "sigma-invalid-relation", message);
        }
    }
}

fn words(context: &mut ReadContext<'_>, document: &Node) {
    if let Some(node) = document.get("status") {
        let mut statuses = rule::STATUSES;
        statuses.reverse();
        word(context, node, "status", "sigma-invalid-status", &statuses);
    }
    match document.get("level") {
        None => context.lint(&rule::head(document), "sigma-missing-level", "the rule has no `level`"),
        Some(node) => word(context, node, "level", "sigma-invalid-level", &LEVELS),
    }
}

/// A key whose value is one of some words.
fn word(context: &mut ReadContext<'_>, node: &Node, key: &str, code: &'static str, known: &[&'static str]) {
    let text = node.scalar_text().unwrap_or("");
    if known.contains(&text) {
        return;
    }
    let message = format!("`{key}` must be one of {}", known.join(", "));
    match nearest(text, known.iter().copied()) {
        Some(near) => context.lint_with(&node.span, code, message, format!("did you mean `{near}`?")),
        None => context.lint(&node.span, code, message),
    }
}

/// Warns of detections that the condition does not name; a name that begins with `_` may stand alone.
pub(super) fn unused(context: &mut ReadContext<'_>, condition: &ConditionTree, named: &[Named<'_>]) {
    if !context.options.validate {
        return;
    }
    let mut leaves = Vec::new();
    condition.visit_leaves(&mut |leaf| leaves.push(leaf));
    for (name, span, _) in named {
        let used = leaves.iter().any(|leaf| match leaf {
            ConditionTree::Name(used, _) => used == name,
            ConditionTree::Select { pattern, .. } => selects(pattern.as_deref(), name),
            _ => false,
        });
        if !used && !name.starts_with('_') {
            let message = format!("the condition does not use the detection `{name}`");
            context.lint_with(span, "sigma-unused-detection", message, "name it in the condition, or begin its name with `_`");
        }
    }
}

pub(super) fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == lengths.len()
        && groups.iter().zip(lengths).all(|(group, n)| group.len() == n && group.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Reads `2024-01-31`, or with slashes as older rules have it.
fn date(text: &str) -> Option<[u16; 3]> {
    let separator = if text.contains('/') { '/' } else { '-' };
    let parts: Vec<u16> = text.split(separator).filter_map(|part| part.parse().ok()).collect();
    let [year, month, day] = parts[..] else { return None };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u16::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (text.len() == 10 && (1..=days).contains(&day)).then_some([year, month, day])
}

#[cfg(test)]
mod tests;
