//! ESCU detections: YAML with the search in `search:`, the risk in `rba:` or, older, in `tags:`.

use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::risk::{derived_risk_objects, kind_of_observable, tokens};
use super::{Knowledge, parse_search};
use crate::diag::{Diagnostic, SourceText};
use crate::event::hex;
use crate::ir::{Language, Mention, MentionKind, Risk, RiskObject, Rule, RuleMeta, RuleOrigin};
use crate::yaml::{self, Node};

/// Parses an ESCU detection; there is no rule when anything in it is unsupported.
pub fn parse_escu_yaml<'k>(source: &Arc<SourceText>, knowledge: impl Into<Knowledge<'k>>) -> (Option<Rule>, Vec<Diagnostic>) {
    let documents = match yaml::parse(source) {
        Ok(documents) => documents,
        Err(diagnostic) => return (None, vec![diagnostic]),
    };
    let Some(document) = documents.first() else {
        return (None, vec![Diagnostic::error("spl-no-search", "the file is empty").at(source, 0..0)]);
    };
    let Some((search, text)) = document.get("search").and_then(|node| Some((node, node.as_str()?))) else {
        return (None, vec![Diagnostic::error("spl-no-search", "a detection needs `search`").at(source, document.span.clone())]);
    };
    let parsed = parse_search(text, knowledge);
    let diagnostics = parsed.faults.into_iter().map(|fault| {
        let span = search.part_span(&source.text, fault.span.clone());
        fault.at(source, span)
    });
    let diagnostics = diagnostics.collect();
    let mut meta = meta(document, source);
    meta.hash = hash(&source.text, parsed.used.iter());
    let place = |key: &str| document.entry(key).map_or(0..0, |(key, _)| key.span.clone());
    let id = document.get("id").map_or(0..0, |node| node.span.clone());
    let (mentions, risk) = mentions(document, source);
    let origin = RuleOrigin { id, scope: place("search"), mentions, risk, ..RuleOrigin::of(source) };
    (parsed.query.map(|query| Rule { meta, query, origin }), diagnostics)
}

/// SHA-256 of the file and the macros and lookups it used, hex.
pub(super) fn hash<'a>(text: &str, used: impl Iterator<Item = &'a String>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(text.as_bytes());
    // A zero byte between the parts: without it two other definitions could give the same text, and so the same hash.
    for used in used {
        hasher.update([0]);
        hasher.update(used.as_bytes());
    }
    hex(&hasher.finalize())
}

fn meta(document: &Node, source: &SourceText) -> RuleMeta {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::scalar_text).unwrap_or_default().to_owned();
    let texts = |node: Option<&Node>, key: &str| node.and_then(|n| n.get(key)).map(Node::texts).unwrap_or_default();
    let (tags, rba) = (document.get("tags"), document.get("rba"));
    let id = text(document, "id");
    let mut meta = RuleMeta {
        // Findings need an identity that stays the same over hunts; without an id the path is the next best.
        id: if id.is_empty() { source.path.clone() } else { id },
        title: text(document, "name"),
        path: source.path.clone(),
        language: Some(Language::Splunk),
        detection_type: text(document, "type"),
        status: text(document, "status"),
        description: text(document, "description"),
        author: text(document, "author"),
        date: text(document, "date"),
        techniques: texts(tags, "mitre_attack_id").into_iter().map(|t| t.to_uppercase()).collect(),
        stories: texts(tags, "analytic_story"),
        references: texts(Some(document), "references"),
        false_positives: Some(text(document, "known_false_positives")).filter(|t| !t.is_empty()).into_iter().collect(),
        required_fields: texts(tags, "required_fields"),
        ..RuleMeta::default()
    };
    if let Some(tags) = tags {
        meta.tags = tags
            .entries()
            .iter()
            .flat_map(|(key, node)| node.texts().into_iter().map(move |value| format!("{}:{value}", key.text)))
            .collect();
    }
    risk(&mut meta, rba, tags);
    meta
}

/// The new form (`rba`) first, then the old one (`tags`).
fn risk(meta: &mut RuleMeta, rba: Option<&Node>, tags: Option<&Node>) {
    let number = |node: Option<&Node>, key: &str| node.and_then(|n| n.get(key)).and_then(Node::as_f64);
    let message = |node: Option<&Node>| node.and_then(|n| n.get("message")).and_then(Node::scalar_text).map(str::to_owned);
    meta.message = message(rba).or_else(|| message(tags)).unwrap_or_default();
    let objects = rba.and_then(|n| n.get("risk_objects")).map(Node::items).unwrap_or_default();
    meta.risk_objects = objects
        .iter()
        .filter_map(|object| {
            let field = object.get("field")?.scalar_text()?.to_owned();
            let kind = object.get("type").and_then(Node::scalar_text).unwrap_or("other").to_lowercase();
            Some(RiskObject { field, kind, score: number(Some(object), "score") })
        })
        .collect();
    let (impact, confidence) = (number(tags, "impact"), number(tags, "confidence"));
    // ESCU's own formula for files that state only the two: impact × confidence, in per cent.
    let product = impact.zip(confidence).map(|(i, c)| i * c / 100.0);
    let highest = meta.risk_objects.iter().filter_map(|o| o.score).reduce(f64::max);
    // The most exact statement first: the object's own score, then the file's, then the formula.
    let score = highest.or_else(|| number(tags, "risk_score")).or(product);
    meta.risk = score.map(|score| Risk { score, impact, confidence });
    if meta.risk_objects.is_empty() {
        meta.risk_objects = observables(tags);
    }
    if meta.risk_objects.is_empty() {
        meta.risk_objects = derived_risk_objects(&meta.message);
    }
}

/// The fields that the message and the objects name, and the key of the objects.
fn mentions(document: &Node, source: &SourceText) -> (Vec<Mention>, Option<Range<usize>>) {
    let (tags, rba) = (document.get("tags"), document.get("rba"));
    let of = |node: Option<&'_ Node>, key: &str| node.and_then(|node| node.entry(key)).map(|(key, node)| (key.span.clone(), node.clone()));
    let mut out = Vec::new();
    if let Some((_, message)) = of(rba, "message").or_else(|| of(tags, "message")) {
        for (name, part) in tokens(message.scalar_text().unwrap_or_default()) {
            out.push(Mention { name: name.to_owned(), kind: MentionKind::Message, span: message.part_span(&source.text, part) });
        }
    }
    let mut objects = |list: &Node, key: &str, kind_of: &dyn Fn(&Node) -> MentionKind| {
        for object in list.items() {
            if let Some((name, node)) = object.get(key).and_then(|node| Some((node.scalar_text()?, node))) {
                let span = node.part_span(&source.text, 0..name.len());
                out.push(Mention { name: name.to_owned(), kind: kind_of(object), span });
            }
        }
    };
    let (risk, observables) = (of(rba, "risk_objects"), of(tags, "observable"));
    if let Some((_, list)) = &risk {
        objects(list, "field", &|_| MentionKind::RiskObject);
    }
    if let Some((_, list)) = of(rba, "threat_objects") {
        objects(&list, "field", &|_| MentionKind::ThreatObject);
    }
    if let Some((_, list)) = &observables
        && risk.is_none()
    {
        objects(list, "name", &|object| if is_victim(object) { MentionKind::RiskObject } else { MentionKind::ThreatObject });
    }
    (out, risk.or(observables).map(|(key, _)| key))
}

fn is_victim(observable: &Node) -> bool {
    observable.get("role").map(Node::texts).unwrap_or_default().iter().any(|role| role.eq_ignore_ascii_case("victim"))
}

/// Old detections: the observables whose role is that of a victim.
fn observables(tags: Option<&Node>) -> Vec<RiskObject> {
    let items = tags.and_then(|t| t.get("observable")).map(Node::items).unwrap_or_default();
    let victims = items.iter().filter(|observable| is_victim(observable));
    let mut out: Vec<RiskObject> = Vec::new();
    for observable in victims {
        let Some(field) = observable.get("name").and_then(Node::scalar_text) else { continue };
        let kind = kind_of_observable(observable.get("type").and_then(Node::scalar_text).unwrap_or_default());
        if !out.iter().any(|o| o.field == field && o.kind == kind) {
            out.push(RiskObject { field: field.to_owned(), kind: kind.to_owned(), score: None });
        }
    }
    out
}
