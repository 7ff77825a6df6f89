//! Detections by name, and a condition over them written out as one predicate.

use std::ops::Range;

use super::condition::{self, ConditionTree, selects};
use super::context::ReadContext;
use super::item::{Lowered, NamedDetection};
use super::{detection, validate};
use crate::ir::Pred;
use crate::yaml::Node;

/// A detection: its name, the span of its key, and what it became.
pub(super) type Named<'a> = (&'a str, Range<usize>, Lowered);

/// Reads every entry of a map but the ones under `skip`.
pub(super) fn read<'n>(context: &mut ReadContext<'_>, node: &'n Node, skip: &[&str]) -> Vec<NamedDetection<'n>> {
    let mut named = Vec::new();
    for (key, node) in node.entries() {
        if !skip.contains(&key.text.as_str()) {
            let detection = detection::read(context, &key.text, node);
            named.push(NamedDetection { name: key.text.as_str(), span: key.span.clone(), detection });
        }
    }
    named
}

/// Lowers detections.
pub(super) fn lower<'n>(context: &mut ReadContext<'_>, detections: &[NamedDetection<'n>]) -> Vec<Named<'n>> {
    let lower = |named: &NamedDetection<'n>| (named.name, named.span.clone(), detection::lower(context, &named.detection));
    detections.iter().map(lower).collect()
}

/// Writes a condition out as one predicate. `node` is where the condition is.
pub(super) fn condition(context: &mut ReadContext<'_>, condition: &ConditionTree, node: &Node, named: &[Named<'_>]) -> Lowered {
    validate::unused(context, condition, named);
    let lowered = ConditionResolver { context, named }.resolve(condition);
    if let Lowered::Pred(pred) = &lowered {
        validate::unmeetable(context, pred, &node.span, named);
    }
    lowered
}

struct ConditionResolver<'a, 'b> {
    context: &'a mut ReadContext<'b>,
    named: &'a [Named<'a>],
}

impl ConditionResolver<'_, '_> {
    fn resolve(&mut self, condition: &ConditionTree) -> Lowered {
        match condition {
            ConditionTree::Name(name, span) => {
                let Some((.., lowered)) = self.named.iter().find(|(known, ..)| known == name) else {
                    let known: Vec<&str> = self.named.iter().map(|(name, ..)| *name).collect();
                    condition::unknown_name(self.context, name, span, &known);
                    return Lowered::Broken;
                };
                self.counted(lowered, span)
            }
            ConditionTree::Select { all: every, pattern, span } => self.select(*every, pattern.as_deref(), span),
            ConditionTree::Not(inner) => self.resolve(inner).negated(),
            ConditionTree::And(parts) => self.join(parts, Pred::all),
            ConditionTree::Or(parts) => self.join(parts, Pred::any),
        }
    }

    fn join(&mut self, parts: &[ConditionTree], join: fn(Vec<Pred>) -> Pred) -> Lowered {
        let parts: Vec<Lowered> = parts.iter().map(|part| self.resolve(part)).collect();
        Lowered::join(parts, join)
    }

    /// A copy, unless the rule becomes too large.
    fn counted(&mut self, lowered: &Lowered, span: &Range<usize>) -> Lowered {
        let sound = lowered.pred().is_none_or(|pred| self.context.add_leaves(leaves(pred), span));
        if sound { lowered.clone() } else { Lowered::Broken }
    }

    fn select(&mut self, every: bool, pattern: Option<&str>, span: &Range<usize>) -> Lowered {
        let chosen: Vec<_> = self.named.iter().filter(|(name, ..)| selects(pattern, name)).collect();
        if chosen.is_empty() {
            let known: Vec<&str> = self.named.iter().map(|(name, ..)| *name).collect();
            condition::unknown_pattern(self.context, pattern, span, &known);
            return Lowered::Broken;
        }
        let mut parts = Vec::with_capacity(chosen.len());
        for (.., lowered) in chosen {
            let part = self.counted(lowered, span);
            if matches!(part, Lowered::Broken) {
                return Lowered::Broken;
            }
            parts.push(part);
        }
        Lowered::join(parts, if every { Pred::all } else { Pred::any })
    }
}

/// Number of tests in a predicate.
fn leaves(pred: &Pred) -> usize {
    let mut count = 0;
    pred.each_leaf(&mut |_| count += 1);
    count
}
