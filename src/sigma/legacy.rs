//! Aggregation of Sigma before correlation rules: `condition: selection | count(field) by group > 5` with a `timeframe`.
//!
//! It says what a correlation of the rule with itself says, and is turned into that. Without a `timeframe` the window is
//! all of time. `near` has no such counterpart with a defined meaning and is refused.

use std::ops::Range;

use super::condition;
use super::context::ReadContext;
use super::pipeline::Grouping;
use super::timespan;
use crate::ir::{CorrelationKind, NumberOp, ValueAggregate};
use crate::yaml::{Key, Node};

/// An aggregation in a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Legacy {
    pub(super) kind: CorrelationKind,
    pub(super) group_by: Vec<String>,
    pub(super) test: (NumberOp, f64),
    pub(super) timespan_us: Option<i64>,
}

impl Legacy {
    /// The fields that pipelines may rename.
    pub(super) fn grouping(&self) -> Grouping {
        Grouping { aliases: Vec::new(), group_by: self.group_by.clone(), kind: self.kind.clone() }
    }

    /// The same with other fields.
    pub(super) fn with(self, grouping: Option<Grouping>) -> Self {
        match grouping {
            Some(Grouping { group_by, kind, .. }) => Self { group_by, kind, ..self },
            None => self,
        }
    }
}

/// Reads what stands behind `|` in a condition; the outer `None` after an error, the inner one where there is nothing.
pub(super) fn read(context: &mut ReadContext<'_>, node: &Node, timeframe: Option<(&Key, &Node)>) -> Option<Option<Legacy>> {
    let text = node.scalar_text().unwrap_or("");
    let Some(pipe) = condition::pipe(text) else {
        if let Some((key, _)) = timeframe {
            context.lint(&key.span, "sigma-timeframe-without-effect", "`timeframe` without an aggregation changes nothing");
        }
        return Some(None);
    };
    let span = node.part_span(&context.source.text, pipe..text.len());
    let timespan_us = match timeframe {
        Some((_, node)) => Some(timespan::read(context, node)?),
        None => None,
    };
    match parse(&text[pipe + 1..]) {
        Ok((kind, group_by, test)) => Some(Some(Legacy { kind, group_by, test, timespan_us })),
        Err(message) => fail(context, &span, message),
    }
}

fn fail<T>(context: &mut ReadContext<'_>, span: &Range<usize>, message: &str) -> Option<T> {
    let hint = "write a correlation rule";
    context.error_with(span, "sigma-unsupported-aggregation", message, hint);
    None
}

type LegacyCondition = (CorrelationKind, Vec<String>, (NumberOp, f64));

/// `function(field) by group, group > number`
fn parse(text: &str) -> Result<LegacyCondition, &'static str> {
    let text = text.trim();
    if text.starts_with("near") {
        return Err("`near` is not supported: it was never defined exactly");
    }
    const SHAPE: &str = "an aggregation is `count(field) by group > number` (or sum, min, max, avg)";
    let (function, rest) = text.split_once('(').ok_or(SHAPE)?;
    let (field, rest) = rest.split_once(')').ok_or(SHAPE)?;
    // From the comparison on: a group's name may have any other sign.
    let at = rest.find(['<', '>', '=', '!']).ok_or(SHAPE)?;
    let (group, comparison) = rest.split_at(at);
    let digits = comparison.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')).ok_or(SHAPE)?;
    let op = match comparison[..digits].trim() {
        "==" => NumberOp::Eq,
        symbol => NumberOp::parse(symbol).ok_or(SHAPE)?,
    };
    let number: f64 = comparison[digits..].trim().parse().map_err(|_| SHAPE)?;
    let group_by = match group.trim() {
        "" => Vec::new(),
        group => {
            let names = group.strip_prefix("by ").ok_or(SHAPE)?;
            names.split(',').map(|name| name.trim().to_string()).collect()
        }
    };
    let field = field.trim().to_string();
    if group_by.iter().any(String::is_empty) || !number.is_finite() {
        return Err(SHAPE);
    }
    let aggregate = |aggregate| CorrelationKind::Value(aggregate, field.clone());
    let kind = match (function.trim(), field.is_empty()) {
        ("count", true) => CorrelationKind::EventCount,
        ("count", false) => CorrelationKind::ValueCount(vec![field.clone()]),
        ("sum", false) => aggregate(ValueAggregate::Sum),
        ("min", false) => aggregate(ValueAggregate::Min),
        ("max", false) => aggregate(ValueAggregate::Max),
        ("avg", false) => aggregate(ValueAggregate::Avg),
        _ => return Err(SHAPE),
    };
    Ok((kind, group_by, (op, number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let group = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        assert_eq!(parse(" count() > 5"), Ok((CorrelationKind::EventCount, Vec::new(), (NumberOp::Gt, 5.0))));
        assert_eq!(
            parse("count(TargetUserName) by IpAddress, Computer >= 10"),
            Ok((CorrelationKind::ValueCount(group(&["TargetUserName"])), group(&["IpAddress", "Computer"]), (NumberOp::Ge, 10.0)))
        );
        assert_eq!(
            parse("sum(bytes) by c-ip<1.5"),
            Ok((CorrelationKind::Value(ValueAggregate::Sum, "bytes".into()), group(&["c-ip"]), (NumberOp::Lt, 1.5)))
        );
        for text in ["", "near a and b", "count()", "count() > x", "count() for a > 5", "sum() > 5", "median(a) > 5", "count() by , > 5"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
