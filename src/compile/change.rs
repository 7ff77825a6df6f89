//! What changes rules on their way: pipelines and values of placeholders, from their files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CompileOptions, FileError, read_source};
use crate::diag::{Diagnostic, SourceText};
use crate::sigma::{Pipelines, SigmaOptions, read_values};

/// Reads pipelines and a file of values. The options are to be used only where no diagnostic is an error.
///
/// # Errors
/// The first file that cannot be read, and why.
pub fn load_changes(pipelines: &[PathBuf], values: Option<&Path>) -> Result<(CompileOptions, Vec<Diagnostic>), FileError> {
    // A file that was named must be there, and ends the command; what is wrong inside of it is a diagnostic like those of rules.
    let read = |path: &Path| read_source(path).map_err(|source| FileError { path: path.to_owned(), source });
    let sources: Vec<Arc<SourceText>> = pipelines.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let (pipelines, mut diagnostics) = Pipelines::read(&sources, &mut |pipeline, path| {
        // From the pipeline's own folder, so that a collection of pipelines can be moved.
        let folder = Path::new(pipeline).parent().unwrap_or(Path::new(""));
        read_source(&folder.join(path)).map(|source| source.text.clone()).map_err(Into::into)
    });
    let placeholders = match values {
        None => Ok(Default::default()),
        Some(path) => read_values(&read(path)?),
    };
    let placeholders = placeholders.unwrap_or_else(|faults| {
        diagnostics.extend(faults);
        Default::default()
    });
    let sigma = SigmaOptions { placeholders, pipelines, ..SigmaOptions::default() };
    Ok((CompileOptions { sigma, ..CompileOptions::default() }, diagnostics))
}
