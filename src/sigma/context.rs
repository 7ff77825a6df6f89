//! What every part of the front end carries along: the text, the options, and the diagnostics so far.

use std::ops::Range;
use std::sync::Arc;

use super::SigmaOptions;
use crate::diag::{Diagnostic, Severity, SourceText};

/// Most value tests of one rule, after `windash`, `expand`, `base64offset` and repeated selections are written out.
// A rule of a few lines can multiply its values by dashes, offsets and placeholders; each is a pattern in memory.
pub(super) const MAX_LEAVES: usize = 200_000;

/// The state of reading one file.
pub(super) struct ReadContext<'a> {
    pub(super) source: &'a Arc<SourceText>,
    pub(super) options: &'a SigmaOptions,
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    leaves: usize,
    /// What else than the rule's text decided what it means: it becomes part of the rule's hash.
    trace: Vec<String>,
}

impl<'a> ReadContext<'a> {
    pub(super) fn new(source: &'a Arc<SourceText>, options: &'a SigmaOptions) -> Self {
        Self { source, options, diagnostics: Vec::new(), errors: 0, leaves: 0, trace: Vec::new() }
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Number of errors so far: a rule is sound when reading it does not change this.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    pub(super) fn error(&mut self, span: &Range<usize>, code: &'static str, message: impl Into<String>) {
        self.push(Diagnostic::error(code, message), span);
    }

    pub(super) fn error_with(&mut self, span: &Range<usize>, code: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Diagnostic::error(code, message).hint(hint), span);
    }

    /// A warning that is given whether or not validation is asked for: the rule works, but not as one may think.
    pub(super) fn warn(&mut self, span: &Range<usize>, code: &'static str, message: impl Into<String>) {
        self.push(Diagnostic::warning(code, message), span);
    }

    /// A warning of validation.
    pub(super) fn lint(&mut self, span: &Range<usize>, code: &'static str, message: impl Into<String>) {
        if self.options.validate {
            self.push(Diagnostic::warning(code, message), span);
        }
    }

    /// A warning of validation with a hint.
    pub(super) fn lint_with(&mut self, span: &Range<usize>, code: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        if self.options.validate {
            self.push(Diagnostic::warning(code, message).hint(hint), span);
        }
    }

    /// A remark of validation.
    pub(super) fn note(&mut self, span: &Range<usize>, code: &'static str, message: impl Into<String>) {
        if self.options.validate {
            self.push(Diagnostic::new(Severity::Note, code, message), span);
        }
    }

    /// Adds a diagnostic that has its place. What pipelines make several of has one fault, not several.
    pub(super) fn add(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.options.pipelines.is_empty() || !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// A diagnostic at a place of the file.
    pub(super) fn push(&mut self, diagnostic: Diagnostic, span: &Range<usize>) {
        self.add(diagnostic.at(self.source, span.clone()));
    }

    /// Starts another rule.
    pub(super) fn start_rule(&mut self) {
        self.leaves = 0;
        self.trace.clear();
    }

    /// Notes what else than its text decides what a rule means.
    pub(super) fn trace(&mut self, text: String) {
        if !self.trace.contains(&text) {
            self.trace.push(text);
        }
    }

    /// Returns what was noted of this rule.
    pub(super) fn traced(&self) -> &[String] {
        &self.trace
    }

    /// Counts value tests; past the limit it reports once and returns false.
    pub(super) fn add_leaves(&mut self, count: usize, span: &Range<usize>) -> bool {
        let before = self.leaves;
        self.leaves = self.leaves.saturating_add(count);
        // Once, and not for each test behind the limit.
        if self.leaves > MAX_LEAVES && before <= MAX_LEAVES {
            let message = format!("the rule has more than {MAX_LEAVES} value tests when it is written out");
            self.error(span, "sigma-rule-limit", message);
        }
        self.leaves <= MAX_LEAVES
    }
}
