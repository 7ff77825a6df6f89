//! `explain` has something to say about every rule of the public sets.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Language;

/// Explains all rules of a language on a store; whether that ends well. Code 3 says that a file holds no rule that compiles.
pub(crate) fn never_errs(store: &Path, language: &Language) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrohunt"));
    command.args(["--quiet", "explain", "--store"]).arg(store).arg(&language.folder).stdout(Stdio::null());
    let code = command.stderr(Stdio::null()).status().unwrap().code();
    println!(" explain over the rules of {}: {}", language.name, code.map_or("killed".to_owned(), |code| format!("exit code {code}")));
    matches!(code, Some(0 | 3))
}
