//! Choosing what changes Sigma rules before they are compiled: pipelines, values of placeholders.

use std::path::PathBuf;

use anyhow::bail;

use super::printer::Printer;
use super::words::counted_len;
use crate::compile::{CompileOptions, load_changes};
use crate::diag::{Diagnostic, Severity, has_errors};

/// What changes Sigma rules.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ChangeArgs {
    /// A processing pipeline in pySigma's format; repeat for several: they run by priority, then in this order
    #[arg(long, value_name = "FILE", help_heading = "Sigma")]
    pipeline: Vec<PathBuf>,
    /// Values for placeholders (`expand`): YAML with `name: value` or `name: [value, value]`
    #[arg(long, value_name = "FILE", help_heading = "Sigma")]
    values: Option<PathBuf>,
}

impl ChangeArgs {
    /// Reads the files. The options are to be used only where no diagnostic is an error.
    pub(crate) fn read(&self) -> anyhow::Result<(CompileOptions, Vec<Diagnostic>)> {
        Ok(load_changes(&self.pipeline, self.values.as_deref())?)
    }

    /// Reads the files and shows what is to be said of them; an error ends the command.
    pub(crate) fn load(&self, printer: &Printer) -> anyhow::Result<CompileOptions> {
        let (options, diagnostics) = self.read()?;
        diagnostics.iter().for_each(|diagnostic| printer.diagnostic(diagnostic));
        if has_errors(&diagnostics) {
            let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
            bail!("the pipelines and values cannot be used: {}", counted_len(errors, "error"));
        }
        Ok(options)
    }
}
