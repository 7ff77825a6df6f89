//! One rule document to one IR rule: metadata, log source, detections and condition together.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::context::ReadContext;
use super::item::{Lowered, NamedDetection};
use super::legacy::{self, Legacy};
use super::pipeline::{self, Draft};
use super::{condition, detection, filter, resolve, validate};
use crate::event::hex;
use crate::ir::{Language, Level, Pred, Query, Rule, RuleMeta, RuleOrigin, Scope, Source, technique_id};
use crate::suggest::nearest;
use crate::yaml::{Node, Value};

/// ATT&CK's tactics as tags name them, in hyphen form: the ones of today and the ones older rules have.
// Some are of older versions of ATT&CK, or of its matrices beside that for enterprises: rules keep the tag they were given.
pub(super) const TACTICS: [&str; 17] = [
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
    "evasion",
];

/// A rule as its document and the pipelines say it.
pub(super) struct ReadRule {
    pub(super) rule: Rule,
    pub(super) legacy: Option<Legacy>,
    /// The log source of the document.
    pub(super) logsource: Scope,
}

/// Reads a rule; `None` after an error. `filters` are the `filter:` maps that go through the pipelines with it.
pub(super) fn read(context: &mut ReadContext<'_>, document: &Node, hash_of_text: &str, filters: &[&Node]) -> Option<ReadRule> {
    let before = context.errors();
    context.start_rule();
    let mut meta = metadata(context, document, hash_of_text);
    let logsource = scope(context, document);
    let mut origin = origin(context, document);
    let body = body(context, document, logsource.clone(), (&mut meta, &mut origin), filters);
    validate::document(context, document);
    let (scope, filter, legacy) = body.filter(|_| context.errors() == before)?;
    // What pipelines and placeholders made of it is part of the hash: with other values it is another rule, and its findings are new.
    meta.hash = traced_hash(context, &meta.hash);
    Some(ReadRule {
        rule: Rule { meta, query: Query { source: Source::Events(scope), filter, stages: Vec::new() }, origin },
        legacy,
        logsource,
    })
}

/// Where a document has what messages point at.
pub(super) fn origin(context: &ReadContext<'_>, document: &Node) -> RuleOrigin {
    let log_source = document.get("logsource");
    let part = |key: &str| log_source.and_then(|node| node.get(key)).map_or(0..0, |node| node.span.clone());
    let scope =
        ["logsource", "correlation"].iter().find_map(|key| document.entry(key)).map_or_else(|| head(document), |(key, _)| key.span.clone());
    RuleOrigin {
        id: document.get("id").map_or(0..0, |node| node.span.clone()),
        scope,
        log_source: ["product", "category", "service"].map(part),
        regression_test: document.get("regression_tests_path").and_then(Node::scalar_text).map(str::to_owned),
        ..RuleOrigin::of(context.source)
    }
}

/// Notes where the items of a rule name their fields.
fn note_fields(origin: &mut RuleOrigin, detections: &[Vec<NamedDetection<'_>>]) {
    for named in detections.iter().flatten() {
        named.detection.each(&mut |item| {
            let Some(field) = &item.key.field else { return };
            if !origin.fields.contains_key(field) {
                // Modifiers follow the name; what a pipeline renamed has another length.
                let span = &item.key.span;
                let key = origin.source.text.get(span.clone()).unwrap_or_default();
                let quote = usize::from(key.starts_with(['\'', '"']));
                let length = key[quote..].find(['|', '\'', '"']).unwrap_or(key.len() - quote);
                origin.fields.insert(field.clone(), span.start + quote..span.start + quote + length);
            }
        });
    }
}

/// A hash of what was read, together with what else decided its meaning.
pub(super) fn traced_hash(context: &ReadContext<'_>, of_text: &str) -> String {
    if context.traced().is_empty() { of_text.to_string() } else { joined_hash(of_text, &context.traced().join("\n")) }
}

/// What a status may be, the more trusted the later.
pub(super) const STATUSES: [&str; 5] = ["unsupported", "deprecated", "experimental", "test", "stable"];

/// A hash of two things that decide together what a rule means.
pub(super) fn joined_hash(own: &str, other: &str) -> String {
    hash(&format!("{own}\n{other}"))
}

/// SHA-256 in hex.
pub(super) fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Reads identity, severity and description.
pub(super) fn metadata(context: &ReadContext<'_>, document: &Node, hash: &str) -> RuleMeta {
    let text = |key: &str| document.get(key).and_then(Node::scalar_text).unwrap_or("").trim().to_string();
    let list = |key: &str| document.get(key).map(Node::texts).unwrap_or_default();
    let tags = list("tags");
    let mut meta = RuleMeta {
        id: text("id"),
        title: text("title"),
        path: context.source.path.clone(),
        hash: hash.to_string(),
        language: Some(Language::Sigma),
        level: Level::parse(&text("level")),
        status: text("status"),
        description: text("description"),
        author: text("author"),
        date: text("date"),
        references: list("references"),
        false_positives: list("falsepositives"),
        required_fields: list("fields"),
        ..RuleMeta::default()
    };
    if meta.id.is_empty() {
        meta.id.clone_from(&meta.path);
    }
    for tag in &tags {
        match attack(tag) {
            Some(Attack::Technique(id)) if !meta.techniques.contains(&id) => meta.techniques.push(id),
            Some(Attack::Tactic(name)) if !meta.tactics.contains(&name) => meta.tactics.push(name),
            _ => {}
        }
    }
    meta.tags = tags;
    meta
}

/// What an `attack.` tag names.
pub(super) enum Attack {
    /// `T1021.002`
    Technique(String),
    /// `lateral-movement`
    Tactic(String),
    /// A group, a piece of software, a data source …
    Other,
}

/// Reads an `attack.` tag; `None` for any other tag and for names that ATT&CK does not have.
pub(super) fn attack(tag: &str) -> Option<Attack> {
    let name = tag.trim().to_ascii_lowercase();
    let name = name.strip_prefix("attack.")?;
    let tactic = name.replace('_', "-");
    if TACTICS.contains(&tactic.as_str()) {
        return Some(Attack::Tactic(tactic));
    }
    if let Some(id) = technique_id(name) {
        return Some(Attack::Technique(id));
    }
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let (kind, number) = name.split_at_checked(1)?;
    match kind {
        "s" | "g" | "m" | "c" => digits(number, 4).then_some(Attack::Other),
        _ => name.strip_prefix("ta").or(name.strip_prefix("ds")).filter(|n| digits(n, 4)).map(|_| Attack::Other),
    }
}

/// Reads the log source.
pub(super) fn scope(context: &mut ReadContext<'_>, document: &Node) -> Scope {
    let Some(source) = document.get("logsource") else {
        let message = "the rule has no log source: it is tested on all events";
        context.lint(&head(document), "sigma-missing-logsource", message);
        return Scope::Any;
    };
    if !matches!(source.value, Value::Mapping(_)) {
        context.error(&source.span, "sigma-type", "`logsource` must be a map with product, category or service");
        return Scope::Any;
    }
    let mut part = |key: &str| {
        let node = source.get(key)?;
        let text = node.scalar_text().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
        if text.is_none() {
            context.lint(&node.span, "sigma-type", format!("`{key}` of the log source is empty"));
        }
        text
    };
    let (product, category, service) = (part("product"), part("category"), part("service"));
    if product.is_none() && category.is_none() && service.is_none() {
        let message = "the log source has no product, category or service: the rule is tested on all events";
        context.lint(&source.span, "sigma-missing-logsource", message);
        return Scope::Any;
    }
    Scope::LogSource { product, category, service }
}

/// The bytes that stand for a whole document: its first key.
pub(super) fn head(document: &Node) -> Range<usize> {
    document.entries().first().map_or(document.span.clone(), |(key, _)| key.span.clone())
}

/// The log source, the condition of the events, and what a legacy aggregation makes of them, after the pipelines.
fn body(
    context: &mut ReadContext<'_>,
    document: &Node,
    scope: Scope,
    (meta, origin): (&mut RuleMeta, &mut RuleOrigin),
    filters: &[&Node],
) -> Option<(Scope, Pred, Option<Legacy>)> {
    let Some((key, detections)) = document.entry("detection") else {
        missing(context, &head(document), "sigma-missing-detection", "the rule has no `detection`", "detection", document);
        return None;
    };
    if !matches!(detections.value, Value::Mapping(_)) {
        context.error(&detections.span, "sigma-type", "`detection` must be a map of detections and a condition");
        return None;
    }
    let before = context.errors();
    let named = resolve::read(context, detections, &["condition", "timeframe"]);
    let Some(node) = detections.get("condition") else {
        resolve::lower(context, &named);
        missing(context, &key.span, "sigma-missing-condition", "the detection has no `condition`", "condition", detections);
        return None;
    };
    // Before the pipelines: the fields by which an old aggregation groups are renamed with the others.
    let legacy = legacy::read(context, node, detections.entry("timeframe"));
    let mut draft = Draft::rule(document, key.span.clone(), scope, named);
    draft.output_fields = std::mem::take(&mut meta.required_fields);
    draft.grouping = legacy.as_ref().and_then(Option::as_ref).map(Legacy::grouping);
    draft.detections.extend(filters.iter().map(|filter| resolve::read(context, filter, &filter::KEYS)));
    // Only over a sound rule: what a pipeline says of a broken one is an echo of the first fault.
    if context.errors() == before {
        pipeline::run(context, &mut draft);
    }
    note_fields(origin, &draft.detections);
    let named = resolve::lower(context, &draft.detections[0]);
    let condition = condition::parse_before_pipe(context, node)?;
    let own = resolve::condition(context, &condition, node, &named);
    if matches!(own, Lowered::Nothing) {
        context.error(&node.span, "sigma-pipeline-empty", "the pipelines remove every condition of the rule");
    }
    let mut parts = vec![own];
    for (filter, detections) in filters.iter().zip(&draft.detections[1..]) {
        parts.push(filter::keep(context, filter, detections));
    }
    for added in &draft.added {
        let lowered = detection::lower(context, &added.detection);
        parts.insert(0, if added.negated { lowered.negated() } else { lowered });
    }
    let Lowered::Pred(pred) = Lowered::join(parts, Pred::all) else { return None };
    meta.required_fields = draft.output_fields;
    let legacy = legacy?.map(|legacy| legacy.with(draft.grouping));
    let scope = draft.scopes.swap_remove(0);
    Some((scope, pred, legacy))
}

/// Reports a key that a map must have, and a key of it that was meant to be it.
fn missing(context: &mut ReadContext<'_>, span: &Range<usize>, code: &'static str, message: &str, wanted: &str, map: &Node) {
    let meant = map.entries().iter().find(|(key, _)| nearest(&key.text, [wanted]).is_some());
    match meant {
        Some((key, _)) => context.error_with(&key.span, code, message, format!("did you mean `{wanted}`?")),
        None => context.error(span, code, message),
    }
}
