//! Correlations: what several matches within a span of time must meet together.
//!
//! The meaning, which hunt, portable SQL and the evaluator of the tests share:
//!
//! - The rows of a correlation are the events that its inputs match, each with its time, its group and its values. A
//!   row without a time, a group key or a usable value is left out and counted. Group keys and counted values are
//!   compared as Sigma compares text, without case ([`crate::event::fold_char`]); the empty text is a key like any
//!   other. An event with a list belongs to the group of each member.
//! - Within a group every time `t` at which there is a row ends one window: the rows of `[t - window, t]`, both ends
//!   included, so rows at the same time are always in the same windows. Without a window there is one, over all rows.
//! - A window alerts when it meets the condition. Negated parts are judged over the same window: what follows later
//!   does not take an alert back.
//! - Alert windows of a group that overlap are one finding: all events of these windows, each once.
//! - A correlation as input gives rows for each alert window, at the window's end; such rows count once a finding. The
//!   later correlation has its own group keys: one that the earlier one groups by too has its value there, any other is
//!   the field of the events behind the alert, and the alert belongs to the group of each of these events. So do values.

use serde::{Deserialize, Serialize};

use super::{Field, NumberOp, Query, RuleMeta, RuleOrigin};

/// A correlation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Identity and severity.
    pub meta: RuleMeta,
    /// What is correlated, in the order of the document.
    pub inputs: Vec<Input>,
    /// Names of the group keys, as findings show them and as other correlations ask for them.
    pub group_by: Vec<String>,
    /// What is counted or sought.
    pub kind: CorrelationKind,
    /// Length of the window in microseconds; `None`: all of time.
    pub window_us: Option<i64>,
    /// What a window must meet.
    pub condition: WindowCondition,
    /// Whether its alerts are findings, or only input of other correlations.
    pub reports: bool,
    /// Where it stands.
    pub origin: RuleOrigin,
}

/// A rule or correlation whose matches are correlated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// As the correlation refers to it.
    pub name: String,
    /// Where its rows come from.
    pub source: InputSource,
    /// Its group keys, in the order of [`Correlation::group_by`].
    pub group_by: Vec<Field>,
    /// Its counted or aggregated fields.
    pub values: Vec<Field>,
}

/// Where the rows of an input come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum InputSource {
    /// The events that a row-wise query matches.
    Query(Query),
    /// The alerts of an earlier correlation of the same set: its index.
    Correlation(usize),
}

/// The type of a correlation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CorrelationKind {
    /// Counts events; one that several inputs match counts once.
    EventCount,
    /// Counts distinct combinations of the values of fields.
    ValueCount(Vec<String>),
    /// Aggregates the numbers in a field; an event that several inputs match is that of the first.
    Value(ValueAggregate, String),
    /// Every input matches within the window, or as the condition says.
    Temporal,
    /// Every input matches, in the order of the list and at strictly increasing times. Negated inputs are absent
    /// from the window.
    TemporalOrdered,
}

/// An aggregate of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the aggregates of the types value_sum, value_avg, …")]
pub enum ValueAggregate {
    Sum,
    Avg,
    Min,
    Max,
    Median,
    /// From 0 to 100, by linear interpolation.
    Percentile(f64),
}

/// What a window must meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum WindowCondition {
    /// The number (of events, values, inputs that match; or the aggregate) passes all of these.
    Number(Vec<(NumberOp, f64)>),
    /// Inputs match or do not.
    Rules(RuleExpression),
}

/// A condition over the inputs of a correlation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleExpression {
    /// An input matches: an index into [`Correlation::inputs`].
    Rule(usize),
    /// It does not hold.
    Not(Box<RuleExpression>),
    /// All hold.
    And(Vec<RuleExpression>),
    /// Any holds.
    Or(Vec<RuleExpression>),
}

impl CorrelationKind {
    /// The fields that are counted or aggregated.
    pub fn values(&self) -> &[String] {
        match self {
            Self::ValueCount(fields) => fields,
            Self::Value(_, field) => std::slice::from_ref(field),
            Self::EventCount | Self::Temporal | Self::TemporalOrdered => &[],
        }
    }

    /// The type's name in Sigma.
    pub fn name(&self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount(_) => "value_count",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
            Self::Value(ValueAggregate::Sum, _) => "value_sum",
            Self::Value(ValueAggregate::Avg, _) => "value_avg",
            Self::Value(ValueAggregate::Min, _) => "value_min",
            Self::Value(ValueAggregate::Max, _) => "value_max",
            Self::Value(ValueAggregate::Median, _) => "value_median",
            Self::Value(ValueAggregate::Percentile(_), _) => "value_percentile",
        }
    }
}

impl WindowCondition {
    /// Whether a number passes every comparison.
    pub fn number_passes(tests: &[(NumberOp, f64)], number: f64) -> bool {
        // Not a number (an average of nothing) passes nothing, because it has no order.
        tests.iter().all(|(op, right)| op.holds(number.partial_cmp(right)))
    }
}

impl RuleExpression {
    /// Whether it holds, given which inputs match.
    pub fn holds(&self, matches: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Rule(index) => matches(*index),
            Self::Not(inner) => !inner.holds(matches),
            Self::And(parts) => parts.iter().all(|part| part.holds(matches)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(matches)),
        }
    }

    /// The inputs that must match and those that must not, where the expression is a conjunction of such.
    pub fn conjunction(&self) -> Option<(Vec<usize>, Vec<usize>)> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        // A stack of its own and not recursion: conditions come from files.
        let mut open = vec![(self, true)];
        while let Some((expression, positive)) = open.pop() {
            match (expression, positive) {
                (Self::Rule(index), true) => wanted.push(*index),
                (Self::Rule(index), false) => unwanted.push(*index),
                (Self::Not(inner), _) => open.push((inner, !positive)),
                (Self::And(parts), true) | (Self::Or(parts), false) => open.extend(parts.iter().map(|part| (part, positive))),
                (Self::Or(parts) | Self::And(parts), _) if parts.len() == 1 => open.push((&parts[0], positive)),
                (Self::Or(_) | Self::And(_), _) => return None,
            }
        }
        // A rule named twice in a condition is one step of it.
        for list in [&mut wanted, &mut unwanted] {
            list.sort_unstable();
            list.dedup();
        }
        Some((wanted, unwanted))
    }
}
