//! The items of a pipeline: a transformation and the conditions under which it runs.

use std::ops::Range;

use super::super::context::ReadContext;
use super::super::{detection, rule};
use super::ReadFile;
use super::condition::{FieldTest, ItemTest, RuleCondition, log_source};
use super::expression::{Conditions, Keys};
use super::external;
use super::fields::FieldRenaming;
use super::hashes::Hashes;
use super::parameters::{Parameters, unknown};
use super::placeholders::{Placeholders, Replacement};
use super::scalar::YamlScalar;
use super::tables;
use super::values::{CaseChange, ReplaceString, ValueChange};
use crate::ir::Scope;
use crate::yaml::{Node, Value};

/// Deepest nesting of `nest`.
// Reading and running recurse; real pipelines nest once or twice.
const MAX_NESTING: usize = 16;

/// One item of a pipeline.
#[derive(Debug, Clone)]
pub(super) struct PipelineItem {
    /// What conditions may call it.
    pub(super) id: Option<String>,
    /// Hash of its text: part of the hash of every rule that it changes.
    pub(super) hash: String,
    /// `pipeline.yml:12`, for messages about rules.
    pub(super) place: String,
    pub(super) rule: Conditions<RuleCondition>,
    pub(super) item: Conditions<ItemTest>,
    pub(super) field: Conditions<FieldTest>,
    pub(super) transformation: Transformation,
}

/// What an item does.
#[derive(Debug, Clone)]
pub(super) enum Transformation {
    MapFields(FieldRenaming),
    AddCondition { detection: Node, template: bool, negated: bool },
    ChangeLogSource(Scope),
    DropItem,
    Placeholders(Placeholders),
    ChangeValues(ValueChange),
    Hashes(Hashes),
    SetState(String, YamlScalar),
    SetAttribute(String, YamlScalar),
    RuleFailure(String),
    ItemFailure(String),
    StrictFields,
    AddOutput(Vec<String>),
    RemoveOutput(Vec<String>),
    SetOutput(Vec<String>),
    Nest(Vec<PipelineItem>),
}

const RULE_KEYS: Keys = Keys { conditions: "rule_conditions", op: "rule_cond_op", not: "rule_cond_not", expr: "rule_cond_expr" };
const ITEM_KEYS: Keys = Keys {
    conditions: "detection_item_conditions",
    op: "detection_item_cond_op",
    not: "detection_item_cond_not",
    expr: "detection_item_cond_expr",
};
const FIELD_KEYS: Keys =
    Keys { conditions: "field_name_conditions", op: "field_name_cond_op", not: "field_name_cond_not", expr: "field_name_cond_expr" };

/// What reading an item needs beside its map.
pub(super) struct ItemReader<'a, 'b, 'f> {
    pub(super) context: &'a mut ReadContext<'b>,
    pub(super) files: &'a mut ReadFile<'f>,
    pub(super) depth: usize,
}

impl ItemReader<'_, '_, '_> {
    /// Reads the items of a list; those with an error are left out.
    pub(super) fn items(&mut self, list: &Node) -> Vec<PipelineItem> {
        if !matches!(list.value, Value::Sequence(_) | Value::Null) {
            self.context.error(&list.span, "sigma-pipeline-type", "a list of transformations is expected");
        }
        if self.depth > MAX_NESTING {
            self.context.error(&list.span, "sigma-pipeline-type", format!("nested deeper than {MAX_NESTING}"));
            return Vec::new();
        }
        list.items().iter().filter_map(|item| self.item(item)).collect()
    }

    fn item(&mut self, node: &Node) -> Option<PipelineItem> {
        if !matches!(node.value, Value::Mapping(_)) {
            self.context.error(&node.span, "sigma-pipeline-type", "a transformation must be a map with a `type`");
            return None;
        }
        let Some(kind) = node.get("type") else {
            let head = rule::head(node);
            self.context.error(&head, "sigma-pipeline-missing", "the transformation has no `type`");
            return None;
        };
        let name = kind.scalar_text().unwrap_or("");
        let before = self.context.errors();
        let own = self.known(name, &kind.span);
        if let Some(own) = own {
            Parameters { context: &mut *self.context, node, name, head: kind.span.clone() }.only(&[tables::ITEM, own].concat());
        }
        let rule = Conditions::read(self.context, node, &RULE_KEYS, tables::RULE_CONDITIONS, RuleCondition::read);
        let item = Conditions::read(self.context, node, &ITEM_KEYS, tables::ITEM_CONDITIONS, ItemTest::read);
        let field = Conditions::read(self.context, node, &FIELD_KEYS, tables::FIELD_CONDITIONS, FieldTest::read);
        let transformation = own.and_then(|_| self.transformation(name, node, &kind.span));
        if self.context.errors() > before {
            return None;
        }
        let (rule, item, field, transformation) = (rule?, item?, field?, transformation?);
        let asks_items = !item.is_empty() || !field.is_empty();
        if asks_items && !transformation.is_about_items() {
            let message = format!("`{name}` changes the whole rule: conditions on items and fields have no effect");
            self.context.warn(&kind.span, "sigma-pipeline-condition-unused", message);
        }
        let source = self.context.source;
        let (line, _) = source.line_column(node.span.start);
        Some(PipelineItem {
            id: node.get("id").and_then(Node::scalar_text).map(String::from),
            hash: rule::hash(source.text.get(node.span.clone()).unwrap_or("")),
            place: format!("{}:{line}", source.path),
            rule,
            item,
            field,
            transformation,
        })
    }

    /// The parameters of a transformation; an error where there is none of that name.
    fn known(&mut self, name: &str, span: &Range<usize>) -> Option<&'static [&'static str]> {
        if let Some((_, own)) = tables::TRANSFORMATIONS.iter().find(|(known, _)| *known == name) {
            return Some(own);
        }
        if tables::REFUSED.contains(&name) {
            let message = format!("the transformation `{name}` is not supported");
            let hint = "docs/pipelines.md lists those that are";
            self.context.error_with(span, "sigma-pipeline-unsupported", message, hint);
            return None;
        }
        let message = format!("there is no transformation `{name}`");
        let known = tables::TRANSFORMATIONS.iter().map(|(name, _)| *name);
        unknown(self.context, span, "sigma-pipeline-transformation", message, name, known);
        None
    }

    fn transformation(&mut self, name: &str, node: &Node, span: &Range<usize>) -> Option<Transformation> {
        let mut p = Parameters { context: &mut *self.context, node, name, head: span.clone() };
        Some(match name {
            "field_name_mapping" => Transformation::MapFields(FieldRenaming::names(&mut p)?),
            "field_name_prefix_mapping" => Transformation::MapFields(FieldRenaming::prefixes(&mut p)?),
            "field_name_prefix" => Transformation::MapFields(FieldRenaming::Prefix(p.text("prefix")?)),
            "field_name_suffix" => Transformation::MapFields(FieldRenaming::Suffix(p.text("suffix")?)),
            "add_condition" => add_condition(&mut p)?,
            "change_logsource" => Transformation::ChangeLogSource(log_source(&mut p)?),
            "drop_detection_item" => Transformation::DropItem,
            "value_placeholders" => Transformation::Placeholders(Placeholders::read(&mut p, Replacement::Vars)?),
            "wildcard_placeholders" => Transformation::Placeholders(Placeholders::read(&mut p, Replacement::Wildcard)?),
            "file_placeholders" => {
                let values = external::read(&mut p, self.files)?;
                Transformation::Placeholders(Placeholders::read(&mut p, Replacement::Values(values))?)
            }
            "replace_string" => Transformation::ChangeValues(ValueChange::Replace(Box::new(ReplaceString::read(&mut p)?))),
            "map_string" => Transformation::ChangeValues(ValueChange::mapping(&mut p)?),
            "case" => Transformation::ChangeValues(ValueChange::Case(CaseChange::read(&mut p)?)),
            "hashes_fields" => Transformation::Hashes(Hashes::read(&mut p)?),
            "set_state" => Transformation::SetState(p.text("key")?, p.scalar("val")?),
            "set_custom_attribute" => Transformation::SetAttribute(p.text("attribute")?, p.scalar("value")?),
            "rule_failure" => Transformation::RuleFailure(p.text("message")?),
            "detection_item_failure" => Transformation::ItemFailure(p.text("message")?),
            "strict_field_mapping_failure" => Transformation::StrictFields,
            "add_field" => Transformation::AddOutput(p.texts("field")?),
            "remove_field" => Transformation::RemoveOutput(p.texts("field")?),
            "set_field" => Transformation::SetOutput(p.texts("fields")?),
            _ => {
                let list = p.required("items")?;
                self.depth += 1;
                let items = self.items(list);
                self.depth -= 1;
                Transformation::Nest(items)
            }
        })
    }
}

fn add_condition(p: &mut Parameters<'_, '_, '_>) -> Option<Transformation> {
    p.optional_text("name")?;
    let (template, negated) = (p.flag("template"), p.flag("negated"));
    let conditions = p.required("conditions")?;
    if !matches!(conditions.value, Value::Mapping(_)) {
        return p.fail(&conditions.span, "`conditions` must be a map of fields and values");
    }
    let before = p.context.errors();
    let read = detection::read(p.context, "conditions", conditions);
    detection::check(p.context, &read);
    if p.context.errors() > before {
        return None;
    }
    Some(Transformation::AddCondition { detection: conditions.clone(), template: template?, negated: negated? })
}

impl Transformation {
    /// Whether it looks at items and fields one by one.
    fn is_about_items(&self) -> bool {
        match self {
            Self::MapFields(_)
            | Self::DropItem
            | Self::Placeholders(_)
            | Self::ChangeValues(_)
            | Self::Hashes(_)
            | Self::ItemFailure(_) => true,
            Self::AddCondition { .. }
            | Self::ChangeLogSource(_)
            | Self::SetState(..)
            | Self::SetAttribute(..)
            | Self::RuleFailure(_)
            | Self::StrictFields
            | Self::AddOutput(_)
            | Self::RemoveOutput(_)
            | Self::SetOutput(_)
            | Self::Nest(_) => false,
        }
    }
}
