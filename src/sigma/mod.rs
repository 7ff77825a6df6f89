//! The Sigma front end: rule YAML → [`ir::Rule`].
//!
//! It follows the Sigma specification 2.1. A file is read into documents (`collection`), a document into metadata,
//! log source, detections (`detection`, `value`) and a condition (`condition`), and these are lowered to one
//! predicate. Where the specification is silent the choice is documented at the place that makes it.
//!
//! Invariants: a rule either comes out whole or not at all, with at least one error diagnostic; nothing is dropped or
//! approximated. The front end knows neither log-source maps nor columns nor SQL.

mod collection;
mod condition;
mod context;
mod correlation;
mod detection;
mod encode;
mod filter;
mod item;
mod legacy;
mod lower;
mod modifier;
mod pipeline;
mod placeholder;
mod resolve;
mod rule;
mod set;
mod text;
mod timespan;
mod validate;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diag::{Diagnostic, SourceText};
use crate::ir;
use crate::yaml::{self, Node};

use collection::Document;
use context::ReadContext;
pub use correlation::{CorrelationDocument, FieldAlias, Reference};
pub use filter::Filter;
pub use pipeline::{Pipelines, ReadFile, tables as pipeline_tables};
pub use placeholder::read_values;
pub use set::{LinkedCorrelation, LinkedInput, LinkedRule, LinkedSet, SigmaSet, Target};

/// What a caller may decide about the reading of rules.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SigmaOptions {
    /// Values for `%name%` under the `expand` modifier, read as Sigma strings (with wildcards). A name that is not here
    /// rejects the rule.
    pub placeholders: BTreeMap<String, Vec<String>>,
    /// What changes every rule before it is compiled.
    pub pipelines: Pipelines,
    /// Also report, as warnings and notes, where a rule departs from the specification or cannot mean what it says.
    pub validate: bool,
}

/// Reads all documents of one rule file on its own. Rules with an error diagnostic are not among the results;
/// correlations, aggregations and filters are errors here, because they have no place in a [`ir::Rule`]: see [`SigmaSet`].
pub fn parse_rules(source: &Arc<SourceText>, options: &SigmaOptions) -> (Vec<ir::Rule>, Vec<Diagnostic>) {
    match yaml::parse(source) {
        Ok(documents) => parse_documents(source, &documents, options),
        Err(diagnostic) => (Vec::new(), vec![diagnostic]),
    }
}

/// As [`parse_rules`], for a text that is parsed already.
pub fn parse_documents(source: &Arc<SourceText>, documents: &[Node], options: &SigmaOptions) -> (Vec<ir::Rule>, Vec<Diagnostic>) {
    let mut context = ReadContext::new(source, options);
    let mut rules = Vec::new();
    let mut parts = Vec::new();
    for document in collection::read(&mut context, documents) {
        match document {
            Document::Rule(parsed) if parsed.aggregation.is_none() => rules.push((parsed.rule, parsed.name)),
            Document::Rule(parsed) => {
                context.error(&parsed.span, "sigma-unsupported-aggregation", "aggregation in a condition is not supported here");
            }
            Document::Correlation(correlation) => {
                let span = correlation.rules.first().map_or(0..0, |reference| reference.span.clone());
                context.error(&span, "sigma-unsupported-correlation", "correlation rules are not supported here");
                if !correlation.generate {
                    parts.extend(correlation.rules);
                }
            }
            Document::Filter(_) => {
                context.error(&(0..0), "sigma-unsupported-filter", "filters are not supported here");
            }
        }
    }
    // A rule that a correlation refers to is a part of it, not a rule of its own.
    let is_part = |rule: &ir::Rule, name: &Option<String>| {
        parts.iter().any(|part| part.name.eq_ignore_ascii_case(&rule.meta.id) || Some(&part.name) == name.as_ref())
    };
    let rules = rules.into_iter().filter(|(rule, name)| !is_part(rule, name)).map(|(rule, _)| rule).collect();
    (rules, context.into_diagnostics())
}

#[cfg(test)]
mod set_tests;
#[cfg(test)]
mod tests;
