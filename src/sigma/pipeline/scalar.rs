//! Single values of pipelines and of rules' attributes, and how they compare.

use crate::yaml::{Node, Value};

/// A value with the type that YAML gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum YamlScalar {
    Text(String),
    Number(f64),
    Truth(bool),
}

impl YamlScalar {
    /// Reads a scalar; `None` for null and collections.
    pub(super) fn of(node: &Node) -> Option<Self> {
        Some(match &node.value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Number(text) => node.as_f64().map_or_else(|| Self::Text(text.clone()), Self::Number),
            Value::Bool(truth) => Self::Truth(*truth),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => return None,
        })
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Eq,
    Ne,
    Gte,
    Gt,
    Lte,
    Lt,
    In,
    NotIn,
}

impl Relation {
    pub(super) const NAMES: [&'static str; 8] = ["eq", "ne", "gte", "gt", "lte", "lt", "in", "not_in"];

    pub(super) fn of(name: &str) -> Option<Self> {
        let all = [Self::Eq, Self::Ne, Self::Gte, Self::Gt, Self::Lte, Self::Lt, Self::In, Self::NotIn];
        Self::NAMES.iter().zip(all).find(|(known, _)| **known == name).map(|(_, relation)| relation)
    }

    /// Whether two ordered things stand in this relation.
    pub(super) fn holds<T: PartialOrd + ?Sized>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Eq => left == right,
            Self::Ne => left != right,
            Self::Gte => left >= right,
            Self::Gt => left > right,
            Self::Lte => left <= right,
            Self::Lt => left < right,
            Self::In | Self::NotIn => false,
        }
    }

    /// Whether two values stand in it: of different types only `ne` does.
    pub(super) fn compares(self, left: &YamlScalar, right: &YamlScalar) -> bool {
        match (left, right) {
            (YamlScalar::Text(left), YamlScalar::Text(right)) => self.holds(left, right),
            (YamlScalar::Number(left), YamlScalar::Number(right)) => self.holds(left, right),
            (YamlScalar::Truth(left), YamlScalar::Truth(right)) => self.holds(left, right),
            _ => self == Self::Ne,
        }
    }
}
