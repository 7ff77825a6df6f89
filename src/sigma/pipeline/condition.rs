//! The conditions under which a pipeline changes a rule, an item or a field.

use std::collections::BTreeSet;
use std::sync::Arc;

use regex::Regex;

use super::super::SigmaOptions;
use super::super::context::ReadContext;
use super::super::filter::narrows;
use super::super::item::{Item, ItemValue};
use super::super::modifier::ValueKind;
use super::super::rule::STATUSES;
use super::super::text::{Piece, Text};
use super::super::value::finished_values;
use super::draft::{Draft, Progress};
use super::parameters::{Parameters, matches_start};
use super::scalar::{Relation, YamlScalar};
use crate::diag::SourceText;
use crate::ir::{Level, Scope};
use crate::yaml::{Node, Value};

/// A condition on a rule.
#[derive(Debug, Clone)]
pub(super) enum RuleCondition {
    LogSource(Scope),
    ContainsItem(String, YamlScalar),
    ContainsField(String),
    Applied(String),
    State(StateTest),
    IsRule,
    IsCorrelation,
    Attribute(String, YamlScalar, Relation),
    Tag(String),
}

/// A condition on an item.
#[derive(Debug, Clone)]
pub(super) enum ItemTest {
    MatchString { pattern: Regex, every: bool, negated: bool },
    MatchValue { value: YamlScalar, every: bool },
    ContainsWildcard { every: bool },
    IsNull { every: bool },
    Applied(String),
    State(StateTest),
}

/// A condition on the name of a field.
#[derive(Debug, Clone)]
pub(super) enum FieldTest {
    Names { names: Vec<String>, excluded: bool },
    Patterns { patterns: Vec<Regex>, excluded: bool },
    Applied(String),
    State(StateTest),
}

/// A condition on what `set_state` noted.
#[derive(Debug, Clone)]
pub(super) struct StateTest {
    key: String,
    value: YamlScalar,
    relation: Relation,
}

impl StateTest {
    fn read(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        let (key, value) = (p.text("key"), p.scalar("val"));
        let relation = Relation::of(p.word("op", &Relation::NAMES[..6])?)?;
        Some(Self { key: key?, value: value?, relation })
    }

    fn holds(&self, progress: &Progress) -> bool {
        progress.state.get(&self.key).is_some_and(|value| self.relation.compares(value, &self.value))
    }
}

fn every(p: &mut Parameters<'_, '_, '_>) -> Option<bool> {
    p.required("cond")?;
    Some(p.word("cond", &["any", "all"])? == "all")
}

impl RuleCondition {
    pub(super) fn read(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        Some(match p.name {
            "logsource" => Self::LogSource(log_source(p)?),
            "contains_detection_item" => {
                let (field, value) = (p.text("field"), p.scalar("value"));
                Self::ContainsItem(field?, value?)
            }
            "contains_field" => Self::ContainsField(p.text("field")?),
            "processing_item_applied" => Self::Applied(p.text("processing_item_id")?),
            "processing_state" => Self::State(StateTest::read(p)?),
            "is_sigma_rule" => Self::IsRule,
            "is_sigma_correlation_rule" => Self::IsCorrelation,
            "rule_attribute" => {
                let (attribute, value) = (p.text("attribute")?, p.scalar("value")?);
                let relation = Relation::of(p.word("op", &Relation::NAMES)?)?;
                check_attribute(p, &attribute, &value)?;
                Self::Attribute(attribute, value, relation)
            }
            _ => Self::Tag(p.text("tag")?),
        })
    }

    pub(super) fn holds(&self, draft: &Draft<'_>) -> bool {
        let any_item = |holds: &dyn Fn(&Item<'_>) -> bool| {
            let mut found = false;
            draft.all_detections().for_each(|detection| detection.each(&mut |item| found |= holds(item)));
            found
        };
        match self {
            Self::LogSource(wanted) => draft.scopes.iter().any(|scope| narrows(wanted, scope)),
            Self::ContainsItem(field, value) => {
                any_item(&|item| item.key.field.as_deref() == Some(field) && single_values(item).iter().any(|own| own.is(value)))
            }
            Self::ContainsField(field) => any_item(&|item| item.key.field.as_deref() == Some(field)),
            Self::Applied(id) => draft.progress.applied.contains(id),
            Self::State(test) => test.holds(&draft.progress),
            Self::IsRule => !draft.is_correlation,
            Self::IsCorrelation => draft.is_correlation,
            Self::Attribute(name, value, relation) => attribute(draft, name, value, *relation),
            Self::Tag(tag) => draft.document.get("tags").is_some_and(|tags| tags.texts().contains(tag)),
        }
    }
}

/// A log source, of which one part must be there.
pub(super) fn log_source(p: &mut Parameters<'_, '_, '_>) -> Option<Scope> {
    let parts = [p.optional_text("category"), p.optional_text("product"), p.optional_text("service")];
    let [category, product, service] = parts;
    let parts = [category?, product?, service?].map(|part| part.map(|text| text.trim().to_lowercase()));
    if parts.iter().all(Option::is_none) {
        let message = format!("`{}` needs one of `category`, `product` and `service`", p.name);
        p.context.error(&p.head, "sigma-pipeline-missing", message);
        return None;
    }
    let [category, product, service] = parts;
    Some(Scope::LogSource { product, category, service })
}

/// Attributes with an order of their own take only values that have a place in it.
fn check_attribute(p: &mut Parameters<'_, '_, '_>, attribute: &str, value: &YamlScalar) -> Option<()> {
    let text = value.text();
    let expected = match attribute {
        "level" if Level::parse(&text).is_none() => "a level: informational, low, medium, high, critical".to_string(),
        "status" if !STATUSES.contains(&text.as_str()) => format!("a status: {}", STATUSES.join(", ")),
        _ => return Some(()),
    };
    let span = p.node.get("value").map_or(p.head.clone(), |node| node.span.clone());
    p.fail(&span, format!("`{attribute}` is compared with {expected}"))
}

fn attribute(draft: &Draft<'_>, name: &str, wanted: &YamlScalar, relation: Relation) -> bool {
    let node = draft.document.get(name);
    if let Some(Value::Sequence(members)) = node.map(|node| &node.value) {
        let has = members.iter().filter_map(YamlScalar::of).any(|member| member.text() == wanted.text());
        return match relation {
            Relation::In => has,
            Relation::NotIn => !has,
            Relation::Ne => true,
            _ => false,
        };
    }
    let own = draft.progress.attributes.get(name).cloned().or_else(|| node.and_then(YamlScalar::of));
    let Some(own) = own else { return false };
    match (name, &own, wanted) {
        ("level", _, _) => match (Level::parse(&own.text()), Level::parse(&wanted.text())) {
            (Some(own), Some(wanted)) => relation.holds(&own, &wanted),
            _ => false,
        },
        ("status", _, _) => {
            let place = |scalar: &YamlScalar| STATUSES.iter().position(|known| *known == scalar.text());
            place(&own).zip(place(wanted)).is_some_and(|(own, wanted)| relation.holds(&own, &wanted))
        }
        // Dates are written so that their text has their order.
        ("date" | "modified", _, _) => relation.holds(&own.text().replace('/', "-"), &wanted.text().replace('/', "-")),
        (_, YamlScalar::Text(own), _) => match relation {
            Relation::Eq => *own == wanted.text(),
            Relation::Ne => *own != wanted.text(),
            _ => false,
        },
        _ => relation.compares(&own, wanted),
    }
}

/// One value of an item. What a placeholder stands for is several.
struct SingleValue<'i> {
    /// The texts of which one is enough; none where the value is something else.
    texts: Vec<Text>,
    /// The value as the rule has it.
    node: Option<&'i Node>,
}

impl SingleValue<'_> {
    /// Whether it is this one, of the same type.
    fn is(&self, wanted: &YamlScalar) -> bool {
        match wanted {
            YamlScalar::Text(wanted) => self.texts == [Text::parse(wanted)],
            wanted => self.node.and_then(YamlScalar::of).is_some_and(|own| own == *wanted),
        }
    }
}

fn single_values<'i>(item: &'i Item<'_>) -> Vec<SingleValue<'i>> {
    let of = |value: &'i ItemValue<'_>| {
        let node = value.node();
        match values(item, value) {
            Some(values) => values.into_iter().map(|texts| SingleValue { texts, node }).collect(),
            None => vec![SingleValue { texts: Vec::new(), node }],
        }
    };
    item.values.iter().flat_map(of).collect()
}

fn values(item: &Item<'_>, value: &ItemValue<'_>) -> Option<Vec<Vec<Text>>> {
    let source = Arc::new(SourceText { path: String::new(), text: String::new() });
    let options = SigmaOptions::default();
    finished_values(&mut ReadContext::new(&source, &options), item, value)
}

/// The texts of a value; `None` where it is something else.
pub(super) fn texts(item: &Item<'_>, value: &ItemValue<'_>) -> Option<Vec<Text>> {
    values(item, value).map(|values| values.concat())
}

impl ItemTest {
    pub(super) fn read(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        Some(match p.name {
            "match_string" => {
                let (pattern, every, negated) = (p.regex("pattern"), every(p), p.flag("negate"));
                Self::MatchString { pattern: pattern?, every: every?, negated: negated? }
            }
            "match_value" => {
                let (value, every) = (p.scalar("value"), every(p));
                Self::MatchValue { value: value?, every: every? }
            }
            "contains_wildcard" => Self::ContainsWildcard { every: every(p)? },
            "is_null" => Self::IsNull { every: every(p)? },
            "processing_item_applied" => Self::Applied(p.text("processing_item_id")?),
            _ => Self::State(StateTest::read(p)?),
        })
    }

    pub(super) fn holds(&self, item: &Item<'_>, progress: &Progress) -> bool {
        let values = |every: bool, holds: &dyn Fn(&SingleValue<'_>) -> bool| {
            let values = single_values(item);
            if every { values.iter().all(holds) } else { values.iter().any(holds) }
        };
        match self {
            Self::MatchString { pattern, every, negated } => {
                values(*every, &|value| value.texts.iter().any(|text| matches_start(pattern, &text.to_string())) != *negated)
            }
            Self::MatchValue { value: wanted, every } => values(*every, &|value| value.is(wanted)),
            Self::ContainsWildcard { every } => {
                values(*every, &|value| value.texts.iter().any(|text| text.0.iter().any(|piece| matches!(piece, Piece::Any | Piece::One))))
            }
            Self::IsNull { every } => values(*every, &|value| value.node.is_some_and(Node::is_null)),
            Self::Applied(id) => item.applied.contains(id),
            Self::State(test) => test.holds(progress),
        }
    }
}

/// The name of a field, and the ids of the items that made it.
pub(super) struct Name<'a> {
    pub(super) text: Option<&'a str>,
    pub(super) applied: Option<&'a BTreeSet<String>>,
}

impl<'a> Name<'a> {
    /// The field of an item.
    pub(super) fn of_item(item: &'a Item<'_>) -> Self {
        Self { text: item.key.field.as_deref(), applied: Some(&item.applied) }
    }

    /// A field that is named elsewhere.
    pub(super) fn of(text: &'a str, progress: &'a Progress) -> Self {
        Self { text: Some(text), applied: progress.names.get(text) }
    }
}

impl FieldTest {
    pub(super) fn read(p: &mut Parameters<'_, '_, '_>) -> Option<Self> {
        Some(match p.name {
            "include_fields" | "exclude_fields" => {
                let excluded = p.name == "exclude_fields";
                let names = p.texts("fields")?;
                if p.word("mode", &["plain", "re"])? == "plain" {
                    return Some(Self::Names { names, excluded });
                }
                let span = p.node.get("fields").map_or(p.head.clone(), |node| node.span.clone());
                let patterns: Vec<Option<Regex>> = names.iter().map(|name| p.regex_of(name, &span)).collect();
                Self::Patterns { patterns: patterns.into_iter().collect::<Option<_>>()?, excluded }
            }
            "processing_item_applied" => Self::Applied(p.text("processing_item_id")?),
            _ => Self::State(StateTest::read(p)?),
        })
    }

    /// Whether it holds for a name. Keywords have none: they are never included and never excluded.
    pub(super) fn holds(&self, name: &Name<'_>, progress: &Progress) -> bool {
        match self {
            Self::Names { names, excluded } => name.text.is_some_and(|name| names.iter().any(|known| known == name)) != *excluded,
            Self::Patterns { patterns, excluded } => {
                name.text.is_some_and(|name| patterns.iter().any(|pattern| matches_start(pattern, name))) != *excluded
            }
            Self::Applied(id) => name.applied.is_some_and(|applied| applied.contains(id)),
            Self::State(test) => test.holds(progress),
        }
    }
}

/// The fields that an item's values refer to.
pub(super) fn references<'i>(item: &'i Item<'_>) -> impl Iterator<Item = &'i str> {
    let is_reference = item.key.modifiers.kind == ValueKind::FieldRef;
    item.values.iter().filter(move |_| is_reference).filter_map(|value| value.node().and_then(Node::as_str))
}
