//! Files of several documents: plain ones, and the `action` documents that share parts with those after them.
//!
//! `global` holds keys that every later document gets unless it has its own (maps are merged, anything else is
//! replaced), `reset` forgets them, and `repeat` is the document before with this one's keys over it.

use std::ops::Range;
use std::sync::Arc;

use super::context::ReadContext;
use super::correlation::{self, CorrelationDocument, Reference};
use super::filter::{self, Filter};
use super::legacy::Legacy;
use super::rule::ReadRule;
use super::{rule, validate};
use crate::diag::SourceText;
use crate::ir::{Rule, RuleMeta, RuleOrigin, Scope, WindowCondition};
use crate::yaml::{Node, Value};

/// What a document is.
pub(super) enum Document {
    Rule(Box<ParsedRule>),
    Correlation(Box<CorrelationDocument>),
    Filter(Box<Filter>),
}

impl Document {
    pub(super) fn meta(&self) -> &RuleMeta {
        match self {
            Self::Rule(parsed) => &parsed.rule.meta,
            Self::Correlation(correlation) => &correlation.meta,
            Self::Filter(filter) => &filter.meta,
        }
    }

    fn set_id(&mut self, id: String) {
        match self {
            Self::Rule(parsed) => {
                if let Some(own) = &mut parsed.aggregation {
                    own.meta.id.clone_from(&id);
                }
                parsed.rule.meta.id = id;
            }
            Self::Correlation(correlation) => correlation.meta.id = id,
            Self::Filter(filter) => filter.meta.id = id,
        }
    }
}

/// A rule with what other documents need of it.
#[derive(Debug, Clone)]
pub(super) struct ParsedRule {
    pub(super) rule: Rule,
    pub(super) name: Option<String>,
    /// What its condition makes of the events; then it is not row-wise itself.
    pub(super) aggregation: Option<CorrelationDocument>,
    /// Where its id is, or its first key.
    pub(super) span: Range<usize>,
    /// The log source of its document, before the pipelines.
    pub(super) logsource: Scope,
    /// What it is read from again where a filter goes through the pipelines with it.
    pub(super) unread: Option<Unread>,
    /// A filter that came later has an error with it.
    pub(super) refused: bool,
}

/// A rule as its file has it.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    pub(super) source: Arc<SourceText>,
    pub(super) document: Node,
}

/// Reads all documents of a file.
pub(super) fn read(context: &mut ReadContext<'_>, documents: &[Node]) -> Vec<Document> {
    let hash = rule::hash(&context.source.text);
    let mut rules = Vec::new();
    let mut global: Option<Node> = None;
    let mut previous: Option<Node> = None;
    for document in documents {
        if document.is_null() {
            continue;
        }
        if !matches!(document.value, Value::Mapping(_)) {
            let message = format!("a rule is a map, not a {}", document.value.kind());
            context.error(&document.span, "sigma-type", message);
            continue;
        }
        let action = document.entry("action").map(|(_, node)| (node.as_str().unwrap_or(""), node.span.clone()));
        let merged = match (action.as_ref().map(|(name, _)| *name), &global, &previous) {
            (Some("global"), ..) => {
                global = Some(match global.take() {
                    Some(base) => merge(&base, document),
                    None => document.clone(),
                });
                // `repeat` repeats a rule, and what is global is none.
                previous = None;
                continue;
            }
            (Some("reset"), ..) => {
                global = None;
                previous = None;
                // A reset may carry a rule of its own.
                if document.get("detection").is_none() {
                    continue;
                }
                document.clone()
            }
            (Some("repeat"), _, Some(base)) => merge(base, document),
            (Some("repeat"), _, None) => {
                let span = action.map_or(document.span.clone(), |(_, span)| span);
                context.error(&span, "sigma-action", "`action: repeat` without a rule before it");
                continue;
            }
            (Some(other), ..) => {
                let message = format!("there is no action `{other}`: it is `global`, `repeat` or `reset`");
                let span = action.as_ref().map_or(document.span.clone(), |(_, span)| span.clone());
                context.error(&span, "sigma-action", message);
                continue;
            }
            (None, Some(base), _) => merge(base, document),
            (None, None, _) => document.clone(),
        };
        if let Some(mut read) = read_one(context, &merged, &hash) {
            // Several documents of a file do not share an id: those without one all have the path.
            // Findings are known by the id of their rule: two rules of a file must not share one.
            if read.meta().id == context.source.path && rules.iter().any(|earlier: &Document| earlier.meta().id == read.meta().id) {
                read.set_id(format!("{}#{}", read.meta().id, rules.len() + 1));
            }
            rules.push(read);
        }
        previous = Some(merged);
    }
    if rules.is_empty() && context.errors() == 0 {
        context.error(&(0..0), "sigma-no-rule", "the file holds no rule");
    }
    rules
}

fn read_one(context: &mut ReadContext<'_>, document: &Node, hash: &str) -> Option<Document> {
    if document.get("correlation").is_some() {
        validate::document(context, document);
        return correlation::read(context, document, hash).map(|read| Document::Correlation(Box::new(read)));
    }
    if document.get("filter").is_some() && document.get("detection").is_none() {
        return filter::read(context, document, hash).map(|read| Document::Filter(Box::new(read)));
    }
    let ReadRule { rule, legacy, logsource } = rule::read(context, document, hash, &[])?;
    let name = document.get("name").and_then(Node::scalar_text).map(String::from);
    let span = document.get("id").map_or_else(|| rule::head(document), |id| id.span.clone());
    let aggregation = legacy.map(|legacy| aggregation(context, &rule.meta, legacy, &span));
    let unread = (!context.options.pipelines.is_empty()).then(|| Unread { source: context.source.clone(), document: document.clone() });
    Some(Document::Rule(Box::new(ParsedRule { rule, name, aggregation, span, logsource, unread, refused: false })))
}

/// A legacy aggregation as a correlation of its rule.
fn aggregation(context: &ReadContext<'_>, meta: &RuleMeta, legacy: Legacy, span: &Range<usize>) -> CorrelationDocument {
    CorrelationDocument {
        meta: meta.clone(),
        name: None,
        kind: legacy.kind,
        rules: vec![Reference { name: meta.id.clone(), span: span.clone() }],
        aliases: Vec::new(),
        group_by: legacy.group_by,
        timespan_us: legacy.timespan_us,
        condition: WindowCondition::Number(vec![legacy.test]),
        generate: false,
        source: context.source.clone(),
        origin: RuleOrigin { scope: span.clone(), ..RuleOrigin::of(context.source) },
        document: None,
    }
}

/// Puts one document over another: maps are merged key by key, anything else is replaced. `action` is dropped.
fn merge(base: &Node, over: &Node) -> Node {
    let (Value::Mapping(below), Value::Mapping(above)) = (&base.value, &over.value) else { return over.clone() };
    let mut entries = below.clone();
    for (key, node) in above {
        // The key of the document above, so that a fault points at what the rule itself says.
        match entries.iter_mut().find(|(known, _)| known.text == key.text) {
            Some((known, value)) => {
                *value = merge(value, node);
                *known = key.clone();
            }
            None => entries.push((key.clone(), node.clone())),
        }
    }
    entries.retain(|(key, _)| key.text != "action");
    Node { value: Value::Mapping(entries), span: over.span.clone(), style: over.style }
}
