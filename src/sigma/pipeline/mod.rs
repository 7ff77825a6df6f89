//! Processing pipelines in pySigma's format: what changes rules before they are compiled.
//!
//! A pipeline is read once ([`read`]), with a diagnostic for everything in it that is not understood, and then runs over
//! each rule ([`run`]) between the reading of its detections and their lowering: items still have their field, their
//! modifiers and their values together. Several pipelines run in the order of their priority, then as given.
//!
//! What it follows is pySigma's documentation; where that is silent, or where following it would change what a rule looks
//! for without a word, the choice stands at the place that makes it and in `docs/pipelines.md`.
//!
//! Not here: `postprocessing` and `finalizers`, which are about the text of other systems' queries.

mod condition;
mod draft;
mod expression;
mod external;
mod fields;
mod hashes;
mod parameters;
mod placeholders;
mod read;
mod run;
mod scalar;
pub mod tables;
mod transformation;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SigmaOptions;
use super::context::ReadContext;
use crate::diag::{Diagnostic, SourceText};
use crate::fingerprint::fingerprint;
use transformation::PipelineItem;

pub(super) use draft::{Draft, Grouping};
pub(super) use run::{moved, run};

/// Pipelines, ready to run.
#[derive(Debug, Clone, Default)]
pub struct Pipelines {
    list: Arc<Vec<Pipeline>>,
    identity: [u8; 16],
}

/// One pipeline.
#[derive(Debug, Clone, Default)]
struct Pipeline {
    priority: i64,
    vars: BTreeMap<String, Vec<String>>,
    items: Vec<PipelineItem>,
}

/// Gives the text of a file that a pipeline names, or says why there is none.
/// The arguments are the path of the pipeline and the path as it stands there.
pub type ReadFile<'a> = dyn FnMut(&str, &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> + 'a;

impl Pipelines {
    /// Reads pipelines, each a text of its own. They are to be used only where no diagnostic is an error.
    pub fn read(sources: &[Arc<SourceText>], files: &mut ReadFile<'_>) -> (Self, Vec<Diagnostic>) {
        let options = SigmaOptions::default();
        let mut pipelines = Vec::new();
        let mut diagnostics = Vec::new();
        let mut texts: Vec<(String, Option<String>)> = Vec::new();
        for source in sources {
            texts.push((source.path.clone(), Some(source.text.clone())));
            let mut context = ReadContext::new(source, &options);
            pipelines.extend(read::read(&mut context, &mut |pipeline, path| {
                let text = files(pipeline, path);
                texts.push((path.to_owned(), text.as_ref().ok().cloned()));
                text
            }));
            diagnostics.extend(context.into_diagnostics());
        }
        // Stable: pipelines of one priority run in the order in which they were given.
        pipelines.sort_by_key(|pipeline| pipeline.priority);
        (Self { list: Arc::new(pipelines), identity: fingerprint(&texts) }, diagnostics)
    }

    /// The same for pipelines of the same texts, and of the same files that they name.
    pub fn identity(&self) -> [u8; 16] {
        self.identity
    }

    /// Whether there is nothing that changes a rule.
    pub fn is_empty(&self) -> bool {
        self.list.iter().all(|pipeline| pipeline.items.is_empty())
    }
}

#[cfg(test)]
mod tests;
