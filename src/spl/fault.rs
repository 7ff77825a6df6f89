//! A fault in a search before its place in the rule's file is known.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::diag::{Diagnostic, Severity, SourceText, Subject, SubjectKind};

/// What is wrong with a search: a diagnostic whose span is in the search, not yet in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchFault {
    /// How bad.
    pub(crate) severity: Severity,
    /// Stable code.
    pub(crate) code: &'static str,
    /// One sentence.
    pub(crate) message: String,
    /// Bytes of the search.
    pub(crate) span: Range<usize>,
    /// What to do about it; empty: nothing to say.
    pub(crate) hint: Cow<'static, str>,
    /// What it is about, where that has a name.
    pub(crate) subject: Option<Subject>,
}

impl SearchFault {
    /// A fault because of which there is no query.
    pub(super) fn error(code: &'static str, message: impl Into<String>, span: Range<usize>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), span, hint: Cow::Borrowed(""), subject: None }
    }

    /// A remark beside a query.
    pub(super) fn note(code: &'static str, message: impl Into<String>, span: Range<usize>) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, message, span) }
    }

    /// Adds what to do about it.
    pub(super) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Adds what it is about.
    pub(super) fn about(mut self, kind: SubjectKind, name: impl Into<String>) -> Self {
        self.subject = Some(Subject::new(kind, name));
        self
    }

    /// The diagnostic, once the span is one of the file.
    pub(super) fn at(self, source: &Arc<SourceText>, span: Range<usize>) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(self.severity, self.code, self.message).at(source, span);
        diagnostic.subject = self.subject.map(Box::new);
        if self.hint.is_empty() { diagnostic } else { diagnostic.hint(self.hint) }
    }
}
