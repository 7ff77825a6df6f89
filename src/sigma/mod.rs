//! The Sigma front end: rule YAML → [`ir::Rule`].
//!
//! It follows the Sigma specification 2.1. A file is read into documents ([`collection`]), a document into metadata,
//! log source, detections ([`detection`], [`value`]) and a condition ([`condition`]), and these are lowered to one
//! predicate. Where the specification is silent the choice is documented at the place that makes it.
//!
//! Invariants: a rule either comes out whole or not at all, with at least one error diagnostic; nothing is dropped or
//! approximated. The front end knows neither log-source maps nor columns nor SQL.

mod collection;
mod condition;
mod context;
mod detection;
mod encode;
mod modifier;
mod regex;
mod rule;
mod suggest;
mod text;
mod validate;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diag::{Diagnostic, SourceText};
use crate::ir;
use crate::yaml::{self, Node};

use context::Context;

/// What a caller may decide about the reading of rules.
#[derive(Debug, Clone, Default)]
pub struct SigmaOptions {
    /// Values for `%name%` under the `expand` modifier, read as Sigma strings (with wildcards). A name that is not here
    /// rejects the rule.
    pub placeholders: BTreeMap<String, Vec<String>>,
    /// Also report, as warnings and notes, where a rule departs from the specification or cannot mean what it says.
    pub validate: bool,
}

/// Reads all documents of a rule file. Rules with an error diagnostic are not among the results.
pub fn parse_rules(source: &Arc<SourceText>, options: &SigmaOptions) -> (Vec<ir::Rule>, Vec<Diagnostic>) {
    match yaml::parse(source) {
        Ok(documents) => parse_documents(source, &documents, options),
        Err(diagnostic) => (Vec::new(), vec![diagnostic]),
    }
}

/// As [`parse_rules`], for a text that is parsed already.
pub fn parse_documents(source: &Arc<SourceText>, documents: &[Node], options: &SigmaOptions) -> (Vec<ir::Rule>, Vec<Diagnostic>) {
    let mut context = Context::new(source, options);
    let rules = collection::read(&mut context, documents);
    (rules, context.into_diagnostics())
}

/// Whether a document is meant as Sigma: a rule, a correlation, a filter or a part of a multi-document file.
pub fn looks_like_sigma(document: &Node) -> bool {
    let has = |key: &str| document.get(key).is_some();
    has("detection") || has("correlation") || (has("filter") && has("logsource")) || (has("action") && has("logsource"))
}

#[cfg(test)]
mod tests;
