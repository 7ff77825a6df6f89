//! Detections by name, and a condition over them written out as one predicate.

use std::ops::Range;

use super::condition::{self, Condition, selects};
use super::context::Context;
use super::value::{all, any};
use super::{detection, validate};
use crate::ir::Pred;
use crate::yaml::Node;

/// A detection: its name, the span of its key, and its predicate unless it has an error.
pub(super) type Named<'a> = (&'a str, Range<usize>, Option<Pred>);

/// Lowers every entry of a map but the ones under `skip`.
pub(super) fn detections<'n>(context: &mut Context<'_>, node: &'n Node, skip: &[&str]) -> Vec<Named<'n>> {
    let mut named = Vec::new();
    for (key, node) in node.entries() {
        if !skip.contains(&key.text.as_str()) {
            named.push((key.text.as_str(), key.span.clone(), detection::lower(context, &key.text, node)));
        }
    }
    named
}

/// Writes a condition out as one predicate; `None` after an error. `node` is where the condition is.
pub(super) fn condition(context: &mut Context<'_>, condition: &Condition, node: &Node, named: &[Named<'_>]) -> Option<Pred> {
    validate::unused(context, condition, named);
    let pred = Resolver { context, named }.resolve(condition)?;
    validate::unmeetable(context, &pred, &node.span, named);
    Some(pred)
}

struct Resolver<'a, 'b> {
    context: &'a mut Context<'b>,
    named: &'a [Named<'a>],
}

impl Resolver<'_, '_> {
    fn resolve(&mut self, condition: &Condition) -> Option<Pred> {
        match condition {
            Condition::Name(name, span) => {
                let Some((.., pred)) = self.named.iter().find(|(known, ..)| known == name) else {
                    let known: Vec<&str> = self.named.iter().map(|(name, ..)| *name).collect();
                    condition::unknown_name(self.context, name, span, &known);
                    return None;
                };
                let pred = pred.as_ref()?;
                self.context.add_leaves(leaves(pred), span).then(|| pred.clone())
            }
            Condition::Select { all: every, pattern, span } => self.select(*every, pattern.as_deref(), span),
            Condition::Not(inner) => Some(Pred::Not(Box::new(self.resolve(inner)?))),
            Condition::And(parts) => Some(all(self.resolve_all(parts)?)),
            Condition::Or(parts) => Some(any(self.resolve_all(parts)?)),
        }
    }

    fn resolve_all(&mut self, parts: &[Condition]) -> Option<Vec<Pred>> {
        let preds: Vec<Option<Pred>> = parts.iter().map(|part| self.resolve(part)).collect();
        preds.into_iter().collect()
    }

    fn select(&mut self, every: bool, pattern: Option<&str>, span: &Range<usize>) -> Option<Pred> {
        let chosen: Vec<_> = self.named.iter().filter(|(name, ..)| selects(pattern, name)).collect();
        if chosen.is_empty() {
            let known: Vec<&str> = self.named.iter().map(|(name, ..)| *name).collect();
            condition::unknown_pattern(self.context, pattern, span, &known);
            return None;
        }
        let mut preds = Vec::with_capacity(chosen.len());
        for (.., pred) in chosen {
            let pred = pred.as_ref()?;
            if !self.context.add_leaves(leaves(pred), span) {
                return None;
            }
            preds.push(pred.clone());
        }
        Some(if every { all(preds) } else { any(preds) })
    }
}

/// Number of tests in a predicate.
fn leaves(pred: &Pred) -> usize {
    match pred {
        Pred::And(parts) | Pred::Or(parts) => parts.iter().map(leaves).sum(),
        Pred::Not(inner) => leaves(inner),
        _ => 1,
    }
}
