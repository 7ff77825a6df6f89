//! A pipeline from its YAML.

use std::collections::BTreeMap;

use super::super::context::ReadContext;
use super::super::rule;
use super::parameters::Parameters;
use super::tables;
use super::transformation::ItemReader;
use super::{Pipeline, ReadFile};
use crate::yaml::{self, Node, Value};

/// Reads the pipeline of a text; `None` where there is nothing to go on with.
pub(super) fn read(context: &mut ReadContext<'_>, files: &mut ReadFile<'_>) -> Option<Pipeline> {
    let documents = match yaml::parse(context.source) {
        Ok(documents) => documents,
        Err(diagnostic) => {
            context.add(diagnostic);
            return None;
        }
    };
    let [document] = documents.as_slice() else {
        context.error(&(0..0), "sigma-pipeline-type", "a pipeline is one YAML document");
        return None;
    };
    if !matches!(document.value, Value::Mapping(_)) {
        let message = format!("a pipeline must be a map, not a {}", document.value.kind());
        context.error(&document.span, "sigma-pipeline-type", message);
        return None;
    }
    let head = rule::head(document);
    let mut parameters = Parameters { context: &mut *context, node: document, name: "pipeline", head };
    parameters.only(tables::PIPELINE);
    parameters.optional_text("name")?;
    parameters.optional_texts("allowed_backends")?;
    let priority = priority(context, document);
    let vars = vars(context, document);
    left_out(context, document);
    if !tables::PIPELINE[4..].iter().any(|key| document.get(key).is_some()) {
        context.error(&rule::head(document), "sigma-pipeline-missing", "the pipeline has no `transformations`");
    }
    let items = document.get("transformations").map(|list| ItemReader { context, files, depth: 0 }.items(list));
    Some(Pipeline { priority, vars, items: items.unwrap_or_default() })
}

fn priority(context: &mut ReadContext<'_>, document: &Node) -> i64 {
    let Some(node) = document.get("priority").filter(|node| !node.is_null()) else { return 0 };
    let number = if let Value::Number(text) = &node.value { text.parse().ok() } else { None };
    number.unwrap_or_else(|| {
        context.error(&node.span, "sigma-pipeline-type", "`priority` must be a whole number");
        0
    })
}

fn vars(context: &mut ReadContext<'_>, document: &Node) -> BTreeMap<String, Vec<String>> {
    let mut vars = BTreeMap::new();
    let Some(node) = document.get("vars").filter(|node| !node.is_null()) else { return vars };
    if !matches!(node.value, Value::Mapping(_)) {
        context.error(&node.span, "sigma-pipeline-type", "`vars` must be a map of a name to a value or a list of values");
    }
    for (name, value) in node.entries() {
        let mut parameters = Parameters { context: &mut *context, node, name: "vars", head: name.span.clone() };
        if let Some(values) = parameters.texts_of(&name.text, value) {
            vars.insert(name.text.clone(), values);
        }
    }
    vars
}

/// What is about the text of queries, which there is none of here.
fn left_out(context: &mut ReadContext<'_>, document: &Node) {
    for name in ["postprocessing", "finalizers"] {
        if let Some((key, node)) = document.entry(name)
            && !node.is_null()
            && !(matches!(node.value, Value::Sequence(_)) && node.items().is_empty())
        {
            let message = format!("skipped `{name}`: it changes the query text of other systems");
            context.warn(&key.span, "sigma-pipeline-output", message);
        }
    }
}
