//! The Splunk front end: macros, ESCU detections, documentation pages. Nothing of it is read yet: each rule is an error.

use std::sync::Arc;

use crate::diag::{Diagnostic, SourceText};
use crate::ir::Rule;

/// Macros by name.
#[derive(Debug, Clone, Default)]
pub struct Macros;

impl Macros {
    /// The macros that come with the program.
    pub fn builtin() -> Self {
        Self
    }

    /// Adds the macros of a file.
    pub fn add_file(&mut self, _source: &Arc<SourceText>) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// Reads an ESCU detection.
pub fn parse_escu_yaml(source: &Arc<SourceText>, _macros: &Macros) -> (Option<Rule>, Vec<Diagnostic>) {
    (None, vec![unsupported(source)])
}

/// Reads a documentation page.
pub fn parse_page(source: &Arc<SourceText>, _macros: &Macros) -> (Option<Rule>, Vec<Diagnostic>) {
    (None, vec![unsupported(source)])
}

fn unsupported(source: &Arc<SourceText>) -> Diagnostic {
    Diagnostic::error("spl-unsupported", "Splunk detections are not read yet").at(source, 0..0)
}
