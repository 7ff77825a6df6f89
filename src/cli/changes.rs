//! Choosing what goes into rules before they are compiled: pipelines and values of Sigma, macros and lookups of Splunk.

use std::path::PathBuf;

use anyhow::bail;

use super::printer::Printer;
use super::words::counted_len;
use crate::compile::{CompileOptions, load_changes};
use crate::diag::{Diagnostic, Severity, has_errors};
use crate::report::visible;

/// What goes into rules beside their own files.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ChangeArgs {
    /// A processing pipeline in pySigma's format; repeat for several: they run by priority, then in this order
    #[arg(long, value_name = "FILE", help_heading = "Sigma")]
    pipeline: Vec<PathBuf>,
    /// Values for placeholders (`expand`): YAML with `name: value` or `name: [value, value]`
    #[arg(long, value_name = "FILE", help_heading = "Sigma")]
    values: Option<PathBuf>,
    /// Macros: YAML with `name`, `definition` and `arguments`, macros.conf, or a folder; they replace those beside the rules
    #[arg(long, value_name = "PATH", help_heading = "Splunk")]
    macros: Vec<PathBuf>,
    /// Lookups: a CSV file (its name is the lookup's), a definition (YAML, transforms.conf) or a folder; they replace those
    /// beside the rules
    #[arg(long, value_name = "PATH", help_heading = "Splunk")]
    lookups: Vec<PathBuf>,
}

impl ChangeArgs {
    /// Reads the files. The options are to be used only where no diagnostic is an error.
    pub(crate) fn read(&self) -> anyhow::Result<(CompileOptions, Vec<Diagnostic>)> {
        if let Some(missing) = self.macros.iter().chain(&self.lookups).find(|path| !path.exists()) {
            bail!("there is no file or folder `{}`", visible(&missing.to_string_lossy()));
        }
        let (mut options, diagnostics) = load_changes(&self.pipeline, self.values.as_deref())?;
        options.macros.clone_from(&self.macros);
        options.lookups.clone_from(&self.lookups);
        Ok((options, diagnostics))
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
