//! Filter documents: events that many rules should not report, kept apart from the rules.
//!
//! Two readings of a filter's condition are in use. The specification's example suppresses what `condition: selection`
//! matches; another implementation keeps what the condition matches, so its filters say `condition: not selection`. Both
//! are understood: a condition all of whose parts (joined by `and` or `or`) are negated says what is kept, any other says
//! what is suppressed. So `selection` and `not selection` mean the same, and neither is ever turned into its opposite.
//!
//! A filter is for the rules that it names by id, name or title (`any`, or no `rules`: all), and of those only for the
//! ones whose log source has everything that the filter's log source says.

use std::ops::Range;
use std::sync::Arc;

use super::condition::{self, ConditionTree};
use super::context::ReadContext;
use super::item::{Lowered, NamedDetection};
use super::{detection, resolve, rule};
use crate::diag::SourceText;
use crate::ir::{Pred, Rule, RuleMeta, Scope};
use crate::yaml::{Node, Value};

/// A filter as its document says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Identity.
    pub meta: RuleMeta,
    /// Whose log sources it is for.
    pub scope: Scope,
    /// Names or ids of rules; `None`: all.
    pub rules: Option<Vec<String>>,
    /// What an event must pass to stay.
    pub keep: Pred,
    /// The text it is in.
    pub source: Arc<SourceText>,
    /// Where its `filter` is.
    pub span: Range<usize>,
    /// The `filter` itself, where pipelines change it with each rule that it is for.
    pub(super) node: Option<Arc<Node>>,
}

/// The keys of a filter that are not detections.
pub(super) const KEYS: [&str; 2] = ["rules", "condition"];

impl Filter {
    /// Whether the filter is for a rule, by id, name or title, and by log source.
    pub fn applies_to(&self, rule: &Rule, name: Option<&str>) -> bool {
        rule.query.scope().is_some_and(|scope| self.is_for(rule, name, scope))
    }

    /// As [`Filter::applies_to`], for a rule whose log source was another before the pipelines.
    pub(super) fn is_for(&self, rule: &Rule, name: Option<&str>, logsource: &Scope) -> bool {
        let named = |reference: &String| {
            // Ids without case, because a UUID has none; titles and names as they are written.
            reference.eq_ignore_ascii_case(&rule.meta.id) || Some(reference.as_str()) == name || *reference == rule.meta.title
        };
        self.rules.as_ref().is_none_or(|rules| rules.iter().any(named)) && narrows(&self.scope, logsource)
    }

    /// Puts the filter into a rule. The rule's hash changes with it.
    pub fn apply(&self, target: &mut Rule) {
        let filter = std::mem::replace(&mut target.query.filter, Pred::True);
        target.query.filter = Pred::all([filter, self.keep.clone()]);
        target.meta.hash = rule::joined_hash(&target.meta.hash, &self.meta.hash);
    }
}

/// Whether every part of a log source that is wanted is the rule's too.
pub(super) fn narrows(wanted: &Scope, rule: &Scope) -> bool {
    match (wanted, rule) {
        (Scope::Any, _) => true,
        (Scope::LogSource { product, category, service }, Scope::LogSource { product: p, category: c, service: s }) => {
            [(product, p), (category, c), (service, s)].iter().all(|(wanted, has)| wanted.is_none() || wanted == has)
        }
        _ => false,
    }
}

/// Reads a filter document; `None` after an error.
pub(super) fn read(context: &mut ReadContext<'_>, document: &Node, hash: &str) -> Option<Filter> {
    let before = context.errors();
    context.start_rule();
    let (key, node) = document.entry("filter")?;
    if !matches!(node.value, Value::Mapping(_)) {
        context.error(&node.span, "sigma-type", "`filter` must be a map of rules, detections and a condition");
        return None;
    }
    let meta = rule::metadata(context, document, hash);
    let scope = rule::scope(context, document);
    let rules = match node.get("rules") {
        None => None,
        Some(rules) => {
            let names = rules.texts();
            if names.is_empty() {
                context.error(&rules.span, "sigma-type", "`rules` of a filter lists rules by id or name, or is `any`");
            }
            (names != ["any"]).then_some(names)
        }
    };
    if node.get("condition").is_none() {
        context.error(&node.span, "sigma-missing-condition", "the filter has no `condition`");
    }
    let detections = resolve::read(context, node, &KEYS);
    let piped = !context.options.pipelines.is_empty();
    let keep = if piped {
        // What it keeps is known with each rule that it is for.
        detections.iter().for_each(|named| detection::check(context, &named.detection));
        condition::parse(context, node.get("condition")?)?;
        Pred::True
    } else {
        let Lowered::Pred(keep) = keep(context, node, &detections) else { return None };
        keep
    };
    let meta = RuleMeta { hash: rule::traced_hash(context, &meta.hash), ..meta };
    let mut filter = Filter { meta, scope, rules, keep, source: context.source.clone(), span: key.span.clone(), node: None };
    filter.node = piped.then(|| Arc::new(node.clone()));
    (context.errors() == before).then_some(filter)
}

/// What an event must pass to stay.
pub(super) fn keep(context: &mut ReadContext<'_>, filter: &Node, detections: &[NamedDetection<'_>]) -> Lowered {
    let named = resolve::lower(context, detections);
    let Some(node) = filter.get("condition") else { return Lowered::Broken };
    let Some(condition) = condition::parse(context, node) else { return Lowered::Broken };
    let lowered = resolve::condition(context, &condition, node, &named);
    if keeps(&condition) { lowered } else { lowered.negated() }
}

/// Whether a condition says what stays: all its parts are negated.
fn keeps(condition: &ConditionTree) -> bool {
    match condition {
        ConditionTree::Not(_) => true,
        ConditionTree::And(parts) | ConditionTree::Or(parts) => parts.iter().all(keeps),
        ConditionTree::Name(..) | ConditionTree::Select { .. } => false,
    }
}
