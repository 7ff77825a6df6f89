//! Correlation documents: several matches of rules within a span of time.
//!
//! A correlation is parsed and checked on its own here; what its references name is found by [`super::SigmaSet`], because
//! rules and correlations may lie in different files. The meaning of the types: over the events that the referenced rules
//! match, apart for every combination of `group-by` values, the window of one `timespan` that ends at an event must meet
//! the condition.

use std::ops::Range;
use std::sync::Arc;

use super::condition::{self, ConditionTree, selects};
use super::context::ReadContext;
use super::rule;
use super::timespan;
use crate::diag::SourceText;
use crate::ir::{CorrelationKind, NumberOp, RuleExpression, RuleMeta, RuleOrigin, ValueAggregate, WindowCondition};
use crate::suggest::nearest;
use crate::yaml::{Key, Node, Value};

/// A correlation as its document says it.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationDocument {
    /// Identity and severity.
    pub meta: RuleMeta,
    /// What other correlations may call it, besides its id.
    pub name: Option<String>,
    /// What is counted.
    pub kind: CorrelationKind,
    /// The rules, by name or id, in the document's order; no reference twice.
    pub rules: Vec<Reference>,
    /// Fields that have another name in each rule.
    pub aliases: Vec<FieldAlias>,
    /// Fields or aliases whose values make the groups.
    pub group_by: Vec<String>,
    /// Length of the window in microseconds; `None`: all of time (a legacy aggregation without `timeframe`).
    pub timespan_us: Option<i64>,
    /// What a window must meet.
    pub condition: WindowCondition,
    /// The referenced rules are also rules of their own.
    pub generate: bool,
    /// The text it is in.
    pub source: Arc<SourceText>,
    /// Where it stands.
    pub origin: RuleOrigin,
    /// Its document, where pipelines ask about it.
    pub(super) document: Option<Arc<Node>>,
}

/// A rule by name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// As spelled.
    pub name: String,
    /// Where.
    pub span: Range<usize>,
}

/// A name for a field that is called otherwise in each rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldAlias {
    /// The alias.
    pub name: String,
    /// The field of a rule: (index into [`CorrelationDocument::rules`], field).
    pub fields: Vec<(usize, String)>,
}

const TYPES: [&str; 10] = [
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_min",
    "value_max",
    "value_percentile",
    "value_median",
];
const KEYS: [&str; 7] = ["type", "rules", "aliases", "group-by", "timespan", "condition", "generate"];

/// Reads a correlation document; `None` after an error.
pub(super) fn read(context: &mut ReadContext<'_>, document: &Node, hash: &str) -> Option<CorrelationDocument> {
    let before = context.errors();
    let (key, node) = document.entry("correlation")?;
    if !matches!(node.value, Value::Mapping(_)) {
        context.error(&node.span, "sigma-type", "`correlation` must be a map");
        return None;
    }
    for (name, _) in node.entries() {
        if !KEYS.contains(&name.text.as_str()) {
            unknown_key(context, name, &KEYS);
        }
    }
    let mut reader = CorrelationReader { context: &mut *context, node, head: key };
    let rules = reader.rules();
    let aliases = reader.aliases(&rules);
    let group_by = reader.group_by();
    let timespan_us = reader.timespan();
    let kind = reader.kind();
    let condition = kind.as_ref().and_then(|kind| reader.condition(kind, &rules));
    let generate = reader.generate(document);
    let meta = rule::metadata(context, document, hash);
    let name = document.get("name").and_then(Node::scalar_text).map(String::from);
    let (kind, condition) = (kind?, condition?);
    let source = context.source.clone();
    let origin = rule::origin(context, document);
    let document = (!context.options.pipelines.is_empty()).then(|| Arc::new(document.clone()));
    let correlation =
        CorrelationDocument { meta, name, kind, rules, aliases, group_by, timespan_us, condition, generate, source, origin, document };
    lint(context, &correlation, &key.span);
    (context.errors() == before).then_some(correlation)
}

fn unknown_key(context: &mut ReadContext<'_>, key: &Key, known: &[&str]) {
    let message = format!("there is no key `{}` here", key.text);
    let hint = match nearest(&key.text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys are {}", known.join(", ")),
    };
    context.error_with(&key.span, "sigma-correlation-key", message, hint);
}

fn lint(context: &mut ReadContext<'_>, correlation: &CorrelationDocument, head: &Range<usize>) {
    if correlation.group_by.is_empty() {
        context.lint(head, "sigma-correlation-group", "the correlation has no `group-by`: all events are one group");
    }
    let fields: Vec<&String> = match &correlation.kind {
        CorrelationKind::ValueCount(fields) => fields.iter().collect(),
        CorrelationKind::Value(_, field) => vec![field],
        _ => Vec::new(),
    };
    for alias in &correlation.aliases {
        if !correlation.group_by.contains(&alias.name) && !fields.contains(&&alias.name) {
            context.lint(head, "sigma-correlation-alias", format!("the alias `{}` is not used", alias.name));
        }
    }
    let temporal = matches!(correlation.kind, CorrelationKind::Temporal | CorrelationKind::TemporalOrdered);
    if temporal && correlation.rules.len() == 1 {
        context.lint(head, "sigma-correlation-rules", "a temporal correlation with one rule finds what that rule finds");
    }
}

struct CorrelationReader<'a, 'b> {
    context: &'a mut ReadContext<'b>,
    node: &'a Node,
    head: &'a Key,
}

impl<'a> CorrelationReader<'a, '_> {
    fn missing(&mut self, key: &str) {
        let message = format!("the correlation has no `{key}`");
        self.context.error(&self.head.span, "sigma-correlation-missing", message);
    }

    fn rules(&mut self) -> Vec<Reference> {
        let Some(node) = self.node.get("rules") else {
            self.missing("rules");
            return Vec::new();
        };
        let mut rules: Vec<Reference> = Vec::new();
        for member in one_or_many(node) {
            match member.scalar_text() {
                Some(name) if rules.iter().any(|known| known.name == name) => {
                    self.context.lint(&member.span, "sigma-correlation-rules", format!("`{name}` is listed twice"));
                }
                Some(name) => rules.push(Reference { name: name.to_string(), span: member.span.clone() }),
                None => self.context.error(&member.span, "sigma-type", "a rule is referenced by its name or id"),
            }
        }
        if rules.is_empty() {
            self.context.error(&node.span, "sigma-correlation-missing", "the correlation does not name a rule");
        }
        rules
    }

    fn aliases(&mut self, rules: &[Reference]) -> Vec<FieldAlias> {
        let Some(node) = self.node.get("aliases") else { return Vec::new() };
        let mut aliases = Vec::new();
        for (key, fields) in node.entries() {
            let mut alias = FieldAlias { name: key.text.clone(), fields: Vec::new() };
            for (rule, field) in fields.entries() {
                match (rules.iter().position(|known| known.name == rule.text), field.scalar_text()) {
                    (Some(index), Some(field)) => alias.fields.push((index, field.to_string())),
                    (Some(_), None) => self.context.error(&field.span, "sigma-type", "the name of a field is expected"),
                    (None, _) => {
                        let known: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
                        unknown_rule(self.context, &rule.text, &rule.span, &known);
                    }
                }
            }
            if alias.fields.len() < rules.len() {
                let message = format!("the alias `{}` names no field for some rules: for them it is the field of that name", key.text);
                self.context.lint(&key.span, "sigma-correlation-alias", message);
            }
            aliases.push(alias);
        }
        if !matches!(node.value, Value::Mapping(_)) || node.entries().iter().any(|(_, n)| !matches!(n.value, Value::Mapping(_))) {
            self.context.error(&node.span, "sigma-type", "`aliases` maps an alias to a map of rule and field");
        }
        aliases
    }

    fn group_by(&mut self) -> Vec<String> {
        let Some(node) = self.node.get("group-by") else { return Vec::new() };
        self.names(node)
    }

    /// A name or a list of names.
    fn names(&mut self, node: &Node) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for member in one_or_many(node) {
            match member.scalar_text() {
                Some(name) if !names.iter().any(|known| known == name) => names.push(name.to_string()),
                Some(_) => {}
                None => self.context.error(&member.span, "sigma-type", "the name of a field is expected"),
            }
        }
        names
    }

    fn timespan(&mut self) -> Option<i64> {
        let Some(node) = self.node.get("timespan") else {
            self.missing("timespan");
            return None;
        };
        timespan::read(self.context, node)
    }

    /// The specification has `generate` beside `correlation`; pySigma has it inside.
    fn generate(&mut self, document: &Node) -> bool {
        // Both are in use; where they contradict each other nobody can say which is meant.
        let places = [document.entry("generate"), self.node.entry("generate")];
        let mut said = None;
        for (key, node) in places.into_iter().flatten() {
            let Some(generate) = node.as_bool() else {
                self.context.error(&node.span, "sigma-type", "`generate` is `true` or `false`");
                continue;
            };
            if *said.get_or_insert(generate) != generate {
                let message = "`generate` stands here and beside `correlation`, with another value";
                self.context.error(&key.span, "sigma-correlation-key", message);
            }
        }
        said.unwrap_or(false)
    }

    fn kind(&mut self) -> Option<CorrelationKind> {
        let Some(node) = self.node.get("type") else {
            self.missing("type");
            return None;
        };
        let name = node.scalar_text().unwrap_or("");
        let aggregate = match name {
            "event_count" => return Some(CorrelationKind::EventCount),
            "temporal" => return Some(CorrelationKind::Temporal),
            "temporal_ordered" => return Some(CorrelationKind::TemporalOrdered),
            "value_count" => return self.fields().map(CorrelationKind::ValueCount),
            "value_sum" => ValueAggregate::Sum,
            "value_avg" => ValueAggregate::Avg,
            "value_min" => ValueAggregate::Min,
            "value_max" => ValueAggregate::Max,
            "value_median" => ValueAggregate::Median,
            "value_percentile" => ValueAggregate::Percentile(self.percentile()?),
            _ => {
                let hint = match nearest(name, TYPES) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the types are {}", TYPES.join(", ")),
                };
                let message = format!("there is no correlation type `{name}`");
                self.context.error_with(&node.span, "sigma-correlation-type", message, hint);
                return None;
            }
        };
        let mut fields = self.fields()?;
        if fields.len() > 1 {
            self.context.error(&node.span, "sigma-correlation-condition", format!("`{name}` takes one field"));
            return None;
        }
        Some(CorrelationKind::Value(aggregate, fields.remove(0)))
    }

    fn in_condition(&self, key: &str) -> Option<&'a Node> {
        self.node.get("condition").and_then(|condition| condition.get(key))
    }

    fn fields(&mut self) -> Option<Vec<String>> {
        let fields = self.in_condition("field").map(|node| self.names(node)).unwrap_or_default();
        if fields.is_empty() {
            let message = "the `condition` of this correlation type needs a `field`";
            self.context.error(&self.head.span, "sigma-correlation-condition", message);
            return None;
        }
        Some(fields)
    }

    fn percentile(&mut self) -> Option<f64> {
        let node = self.in_condition("percentile");
        match node.and_then(Node::as_f64).filter(|p| (0.0..=100.0).contains(p)) {
            Some(percentile) => Some(percentile),
            None => {
                let span = node.map_or(self.head.span.clone(), |node| node.span.clone());
                let message = "the `condition` of `value_percentile` needs a `percentile` from 0 to 100";
                self.context.error(&span, "sigma-correlation-condition", message);
                None
            }
        }
    }

    fn condition(&mut self, kind: &CorrelationKind, rules: &[Reference]) -> Option<WindowCondition> {
        let condition = self.any_condition(kind, rules)?;
        if *kind != CorrelationKind::TemporalOrdered {
            return Some(condition);
        }
        let ordered = match &condition {
            WindowCondition::Rules(expression) => expression.conjunction().is_some_and(|(wanted, _)| !wanted.is_empty()),
            // Only "all of them" has an order.
            WindowCondition::Number(tests) => {
                let passes = |n: usize| WindowCondition::number_passes(tests, f64::from(u32::try_from(n).unwrap_or(u32::MAX)));
                let all = passes(rules.len()) && !(0..rules.len()).any(passes);
                if all {
                    return Some(WindowCondition::Rules(all_of(rules.len())));
                }
                false
            }
        };
        if ordered {
            return Some(condition);
        }
        let span = self.node.get("condition").map_or(self.head.span.clone(), |node| node.span.clone());
        let message = "the condition of `temporal_ordered` joins rules, or `not` rules, by `and`: nothing else has one order";
        self.context.error(&span, "sigma-correlation-condition", message);
        None
    }

    fn any_condition(&mut self, kind: &CorrelationKind, rules: &[Reference]) -> Option<WindowCondition> {
        let temporal = matches!(kind, CorrelationKind::Temporal | CorrelationKind::TemporalOrdered);
        match self.node.get("condition") {
            // All rules.
            None if temporal => Some(WindowCondition::Rules(all_of(rules.len()))),
            None => {
                self.missing("condition");
                None
            }
            Some(node) => match &node.value {
                Value::Mapping(_) => self.numbers(node, kind).map(WindowCondition::Number),
                Value::String(_) | Value::Number(_) if temporal => {
                    let parsed = condition::parse(self.context, node)?;
                    self.expression(&parsed, rules).map(WindowCondition::Rules)
                }
                _ => {
                    let what = if temporal { "a map or an expression over the rules" } else { "a map such as `gte: 10`" };
                    self.context.error(&node.span, "sigma-correlation-condition", format!("the condition is {what}"));
                    None
                }
            },
        }
    }

    fn numbers(&mut self, node: &Node, kind: &CorrelationKind) -> Option<Vec<(NumberOp, f64)>> {
        let mut tests = Vec::new();
        let before = self.context.errors();
        for (key, value) in node.entries() {
            let op = match key.text.as_str() {
                "gt" => NumberOp::Gt,
                "gte" => NumberOp::Ge,
                "lt" => NumberOp::Lt,
                "lte" => NumberOp::Le,
                "eq" => NumberOp::Eq,
                "neq" => NumberOp::Ne,
                "field" if matches!(kind, CorrelationKind::ValueCount(_) | CorrelationKind::Value(..)) => continue,
                "percentile" if matches!(kind, CorrelationKind::Value(ValueAggregate::Percentile(_), _)) => continue,
                _ => {
                    unknown_key(self.context, key, &["gt", "gte", "lt", "lte", "eq", "neq", "field", "percentile"]);
                    continue;
                }
            };
            match value.as_f64() {
                Some(number) => tests.push((op, number)),
                None => self.context.error(&value.span, "sigma-type", "a number without quotes is expected"),
            }
        }
        if tests.is_empty() && self.context.errors() == before {
            let message = "the condition compares nothing: it needs `gt`, `gte`, `lt`, `lte`, `eq` or `neq`";
            self.context.error(&node.span, "sigma-correlation-condition", message);
        }
        if !satisfiable(&tests) {
            self.context.lint(&node.span, "sigma-never-matches", "the condition contradicts itself: no number passes it");
        }
        (self.context.errors() == before).then_some(tests)
    }

    fn expression(&mut self, condition: &ConditionTree, rules: &[Reference]) -> Option<RuleExpression> {
        match condition {
            ConditionTree::Name(name, span) => match rules.iter().position(|rule| rule.name == *name) {
                Some(index) => Some(RuleExpression::Rule(index)),
                None => {
                    let known: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
                    unknown_rule(self.context, name, span, &known);
                    None
                }
            },
            ConditionTree::Select { all, pattern, span } => {
                let chosen: Vec<RuleExpression> =
                    (0..rules.len()).filter(|index| selects(pattern.as_deref(), &rules[*index].name)).map(RuleExpression::Rule).collect();
                if chosen.is_empty() {
                    unknown_rule(self.context, pattern.as_deref().unwrap_or("them"), span, &[]);
                    return None;
                }
                Some(if *all { RuleExpression::And(chosen) } else { RuleExpression::Or(chosen) })
            }
            ConditionTree::Not(inner) => Some(RuleExpression::Not(Box::new(self.expression(inner, rules)?))),
            ConditionTree::And(parts) => self.expressions(parts, rules).map(RuleExpression::And),
            ConditionTree::Or(parts) => self.expressions(parts, rules).map(RuleExpression::Or),
        }
    }

    fn expressions(&mut self, parts: &[ConditionTree], rules: &[Reference]) -> Option<Vec<RuleExpression>> {
        let parts: Vec<_> = parts.iter().map(|part| self.expression(part, rules)).collect();
        parts.into_iter().collect()
    }
}

/// The members of a list, or a scalar as a list of one.
fn one_or_many(node: &Node) -> &[Node] {
    match &node.value {
        Value::Sequence(members) => members,
        _ => std::slice::from_ref(node),
    }
}

fn all_of(count: usize) -> RuleExpression {
    RuleExpression::And((0..count).map(RuleExpression::Rule).collect())
}

fn unknown_rule(context: &mut ReadContext<'_>, name: &str, span: &Range<usize>, known: &[&str]) {
    let message = format!("`{name}` is not among the rules of the correlation");
    match nearest(name, known.iter().copied()) {
        Some(near) => context.error_with(span, "sigma-correlation-reference", message, format!("did you mean `{near}`?")),
        None => context.error(span, "sigma-correlation-reference", message),
    }
}

/// Whether some number passes all comparisons but `!=`.
// Two bounds that contradict make a rule that never fires, and nobody would notice.
fn satisfiable(tests: &[(NumberOp, f64)]) -> bool {
    let (mut low, mut low_open, mut high, mut high_open) = (f64::NEG_INFINITY, false, f64::INFINITY, false);
    for (op, value) in tests {
        let (below, above, open) = match op {
            NumberOp::Gt => (Some(*value), None, true),
            NumberOp::Ge => (Some(*value), None, false),
            NumberOp::Lt => (None, Some(*value), true),
            NumberOp::Le => (None, Some(*value), false),
            NumberOp::Eq => (Some(*value), Some(*value), false),
            NumberOp::Ne => (None, None, false),
        };
        if let Some(below) = below.filter(|v| *v > low || (*v == low && open)) {
            (low, low_open) = (below, open);
        }
        if let Some(above) = above.filter(|v| *v < high || (*v == high && open)) {
            (high, high_open) = (above, open);
        }
    }
    low < high || (low == high && !low_open && !high_open)
}
