//! Several conditions of one kind, joined by an operator or by an expression over their names.

use super::super::condition::{self, ConditionTree};
use super::super::context::ReadContext;
use super::parameters::{Parameters, unknown};
use super::tables::Entry;
use crate::yaml::{Node, Value};

/// The keys of one kind of conditions.
pub(super) struct Keys {
    pub(super) conditions: &'static str,
    pub(super) op: &'static str,
    pub(super) not: &'static str,
    pub(super) expr: &'static str,
}

/// Conditions of one kind. Without any they hold.
#[derive(Debug, Clone)]
pub(super) struct Conditions<T> {
    tests: Vec<T>,
    join: ConditionJoin,
    negated: bool,
}

#[derive(Debug, Clone)]
enum ConditionJoin {
    All,
    Any,
    Expression(Expression),
}

/// An expression over indices of conditions.
#[derive(Debug, Clone)]
enum Expression {
    Test(usize),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

impl<T> Conditions<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Whether they hold, given which single ones do.
    pub(super) fn hold(&self, mut holds: impl FnMut(&T) -> bool) -> bool {
        let joined = match &self.join {
            _ if self.tests.is_empty() => return true,
            ConditionJoin::All => self.tests.iter().all(holds),
            ConditionJoin::Any => self.tests.iter().any(holds),
            ConditionJoin::Expression(expression) => expression.holds(&mut |index| holds(&self.tests[index])),
        };
        joined != self.negated
    }

    /// Reads them from an item of a pipeline. `read` reads one.
    pub(super) fn read(
        context: &mut ReadContext<'_>,
        item: &Node,
        keys: &Keys,
        table: &'static [Entry],
        read: fn(&mut Parameters<'_, '_, '_>) -> Option<T>,
    ) -> Option<Self> {
        let mut names = Vec::new();
        let mut tests = Vec::new();
        let node = item.get(keys.conditions);
        match node.map(|node| (&node.value, node)) {
            None | Some((Value::Null, _)) => {}
            Some((Value::Sequence(members), _)) => {
                for member in members {
                    tests.push(one(context, member, table, read));
                }
            }
            Some((Value::Mapping(entries), _)) => {
                for (key, member) in entries {
                    names.push(key.text.as_str());
                    tests.push(one(context, member, table, read));
                }
            }
            Some((_, node)) => {
                let message = format!("`{}` must be a list of conditions, or a map of them by name", keys.conditions);
                context.error(&node.span, "sigma-pipeline-type", message);
                return None;
            }
        }
        let tests: Option<Vec<T>> = tests.into_iter().collect();
        let join = join(context, item, keys, &names);
        let head = item.span.clone();
        let negated = Parameters { context, node: item, name: keys.conditions, head }.flag(keys.not);
        Some(Self { tests: tests?, join: join?, negated: negated? })
    }
}

fn one<T>(
    context: &mut ReadContext<'_>,
    node: &Node,
    table: &'static [Entry],
    read: fn(&mut Parameters<'_, '_, '_>) -> Option<T>,
) -> Option<T> {
    if !matches!(node.value, Value::Mapping(_)) {
        context.error(&node.span, "sigma-pipeline-type", "a condition must be a map with a `type`");
        return None;
    }
    let Some(kind) = node.get("type") else {
        context.error(&node.span, "sigma-pipeline-missing", "the condition has no `type`");
        return None;
    };
    let name = kind.scalar_text().unwrap_or("");
    let Some((_, own)) = table.iter().find(|(known, _)| *known == name) else {
        let message = format!("there is no condition `{name}` here");
        unknown(context, &kind.span, "sigma-pipeline-condition", message, name, table.iter().map(|(name, _)| *name));
        return None;
    };
    let before = context.errors();
    let mut parameters = Parameters { context, node, name, head: kind.span.clone() };
    parameters.only(&[&["type"], *own].concat());
    let test = read(&mut parameters);
    test.filter(|_| context.errors() == before)
}

fn join(context: &mut ReadContext<'_>, item: &Node, keys: &Keys, names: &[&str]) -> Option<ConditionJoin> {
    let fail = |context: &mut ReadContext<'_>, node: &Node, message: String| {
        context.error(&node.span, "sigma-pipeline-expression", message);
        None
    };
    let Some(node) = item.get(keys.expr) else {
        let head = item.span.clone();
        let word = Parameters { context, node: item, name: keys.conditions, head }.word(keys.op, &["and", "or"])?;
        return Some(if word == "or" { ConditionJoin::Any } else { ConditionJoin::All });
    };
    if let Some(op) = item.get(keys.op) {
        return fail(context, op, format!("`{}` and `{}` exclude each other", keys.op, keys.expr));
    }
    if names.is_empty() {
        return fail(context, node, format!("an expression names conditions: `{}` must be a map of them by name", keys.conditions));
    }
    let parsed = condition::parse(context, node)?;
    let expression = Expression::of(context, &parsed, names)?;
    for (index, name) in names.iter().enumerate() {
        if !expression.names(index) {
            return fail(context, node, format!("the expression does not use the condition `{name}`"));
        }
    }
    Some(ConditionJoin::Expression(expression))
}

impl Expression {
    fn of(context: &mut ReadContext<'_>, parsed: &ConditionTree, names: &[&str]) -> Option<Self> {
        let mut all = |parts: &[ConditionTree]| parts.iter().map(|part| Self::of(context, part, names)).collect::<Option<Vec<_>>>();
        Some(match parsed {
            ConditionTree::And(parts) => Self::And(all(parts)?),
            ConditionTree::Or(parts) => Self::Or(all(parts)?),
            ConditionTree::Not(inner) => Self::Not(Box::new(Self::of(context, inner, names)?)),
            ConditionTree::Name(name, span) => match names.iter().position(|known| known == name) {
                Some(index) => Self::Test(index),
                None => {
                    let message = format!("there is no condition named `{name}`");
                    unknown(context, span, "sigma-pipeline-expression", message, name, names.iter().copied());
                    return None;
                }
            },
            ConditionTree::Select { span, .. } => {
                context.error(span, "sigma-pipeline-expression", "an expression joins single conditions by `and`, `or` and `not`");
                return None;
            }
        })
    }

    fn holds(&self, holds: &mut dyn FnMut(usize) -> bool) -> bool {
        match self {
            Self::Test(index) => holds(*index),
            Self::Not(inner) => !inner.holds(holds),
            Self::And(parts) => parts.iter().all(|part| part.holds(holds)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(holds)),
        }
    }

    fn names(&self, wanted: usize) -> bool {
        match self {
            Self::Test(index) => *index == wanted,
            Self::Not(inner) => inner.names(wanted),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.names(wanted)),
        }
    }
}
