//! Validation beyond what compiling needs: required keys, their forms, and detections that nobody asks for.

use super::condition::{Condition, selects};
use super::context::Context;
use super::rule::{self, Named};
use super::suggest::nearest;
use crate::ir::Level;
use crate::yaml::{Node, Value};

const STATUSES: [&str; 5] = ["stable", "test", "experimental", "deprecated", "unsupported"];
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
const MAX_TITLE_CHARS: usize = 256;

/// Checks the metadata of a rule document.
pub(super) fn document(context: &mut Context<'_>, document: &Node) {
    if !context.options.validate {
        return;
    }
    title(context, document);
    identity(context, document);
    words(context, document);
    for key in ["date", "modified"] {
        if let Some(node) = document.get(key).filter(|node| !is_date(node.scalar_text().unwrap_or(""))) {
            let message = format!("`{key}` is a date: YYYY-MM-DD");
            context.lint(&node.span, "sigma-invalid-date", message);
        }
    }
    for key in ["references", "falsepositives", "fields", "tags"] {
        if let Some(node) = document.get(key).filter(|node| !matches!(node.value, Value::Sequence(_))) {
            context.lint(&node.span, "sigma-type", format!("`{key}` is a list"));
        }
    }
    for tag in document.get("tags").map(Node::items).unwrap_or_default() {
        check_tag(context, tag);
    }
    for (key, _) in document.entries() {
        if !KEYS.contains(&key.text.as_str())
            && let Some(known) = nearest(&key.text, KEYS)
        {
            let message = format!("the key `{}` means nothing to Sigma", key.text);
            context.lint_with(&key.span, "sigma-misspelled-key", message, format!("did you mean `{known}`?"));
        }
    }
}

fn title(context: &mut Context<'_>, document: &Node) {
    let text = document.get("title").and_then(Node::scalar_text).unwrap_or("");
    if text.trim().is_empty() {
        context.lint(&rule::head(document), "sigma-missing-title", "the rule has no title");
    } else if text.chars().count() > MAX_TITLE_CHARS {
        let span = document.get("title").map_or(rule::head(document), |node| node.span.clone());
        context.lint(&span, "sigma-title-length", format!("the title is longer than {MAX_TITLE_CHARS} characters"));
    }
}

fn identity(context: &mut Context<'_>, document: &Node) {
    match document.get("id") {
        None => context.lint(&rule::head(document), "sigma-missing-id", "the rule has no `id`: its path takes its place"),
        Some(id) if !is_uuid(id.scalar_text().unwrap_or("")) => {
            context.lint(&id.span, "sigma-invalid-id", "`id` is a UUID such as 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7c11");
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
            let message = format!("the `type` of a related rule is one of {}", RELATIONS.join(", "));
            context.lint(&related.span, "sigma-invalid-relation", message);
        }
    }
}

fn words(context: &mut Context<'_>, document: &Node) {
    if let Some(node) = document.get("status")
        && !STATUSES.contains(&node.scalar_text().unwrap_or(""))
    {
        let message = format!("`status` is one of {}", STATUSES.join(", "));
        context.lint(&node.span, "sigma-invalid-status", message);
    }
    match document.get("level") {
        None => context.lint(&rule::head(document), "sigma-missing-level", "the rule has no `level`"),
        Some(node) if Level::parse(node.scalar_text().unwrap_or("")).is_none() => {
            let message = "`level` is one of informational, low, medium, high, critical";
            context.lint(&node.span, "sigma-invalid-level", message);
        }
        Some(_) => {}
    }
}

fn check_tag(context: &mut Context<'_>, tag: &Node) {
    let text = tag.scalar_text().unwrap_or("");
    let formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if !text.contains('.') || text.starts_with('.') || text.ends_with('.') || !text.chars().all(formed) {
        let message = "a tag is a namespace, a dot and a name, in lower case: `attack.t1059`";
        context.lint(&tag.span, "sigma-invalid-tag", message);
        return;
    }
    if let Some(name) = text.strip_prefix("attack.")
        && rule::attack(text).is_none()
    {
        let message = format!("`{name}` is no tactic, technique, group or software id of ATT&CK");
        match nearest(name, rule::TACTICS) {
            Some(near) => context.lint_with(&tag.span, "sigma-unknown-attack", message, format!("did you mean `attack.{near}`?")),
            None => context.lint(&tag.span, "sigma-unknown-attack", message),
        }
    }
}

/// Warns of detections that the condition does not name; a name that begins with `_` may stand alone.
pub(super) fn unused(context: &mut Context<'_>, condition: &Condition, named: &[Named<'_>]) {
    if !context.options.validate {
        return;
    }
    let mut leaves = Vec::new();
    condition.visit_leaves(&mut |leaf| leaves.push(leaf));
    for (name, span, _) in named {
        let used = leaves.iter().any(|leaf| match leaf {
            Condition::Name(used, _) => used == name,
            Condition::Select { pattern, .. } => selects(pattern.as_deref(), name),
            _ => false,
        });
        if !used && !name.starts_with('_') {
            let message = format!("the condition does not use the detection `{name}`");
            context.lint(span, "sigma-unused-detection", message);
        }
    }
}

pub(super) fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == lengths.len()
        && groups.iter().zip(lengths).all(|(group, n)| group.len() == n && group.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// `2024-01-31`, or with slashes as older rules have it.
fn is_date(text: &str) -> bool {
    let separator = if text.contains('/') { '/' } else { '-' };
    let parts: Vec<u16> = text.split(separator).filter_map(|part| part.parse().ok()).collect();
    let [year, month, day] = parts[..] else { return false };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u16::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    text.len() == 10 && (1..=days).contains(&day)
}
