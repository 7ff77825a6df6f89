//! The source files that tidy reads, and how it tells what it found.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A source file.
pub(super) struct Source {
    /// Path under `src/`, with `/`.
    pub(super) path: String,
    /// What is in it.
    pub(super) text: String,
}

impl Source {
    /// The top module the file belongs to.
    pub(super) fn module(&self) -> &str {
        let top = self.path.split('/').next().unwrap_or_default();
        top.strip_suffix(".rs").unwrap_or(top)
    }

    /// The lines before the file's test module, numbered from 1.
    pub(super) fn code_lines(&self) -> Vec<(usize, &str)> {
        if self.path.ends_with("tests.rs") || self.path.contains("/tests/") {
            return Vec::new();
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|w| w[0].trim() == "#[cfg(test)]" && w[1].contains("mod ") && w[1].ends_with('{'));
        lines.into_iter().take(tests.unwrap_or(usize::MAX)).enumerate().map(|(i, line)| (i + 1, line)).collect()
    }
}

/// The folder of the project.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(under: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(under).expect("a folder of the project").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The Rust files of a folder of the project, by path.
pub(super) fn sources(folder: &str) -> Vec<Source> {
    let base = root().join(folder);
    let mut files = Vec::new();
    rust_files(&base, &mut files);
    let read = |path: PathBuf| Source {
        path: path.strip_prefix(&base).expect("under it").to_string_lossy().replace('\\', "/"),
        text: std::fs::read_to_string(&path).expect("a source file"),
    };
    files.into_iter().map(read).collect()
}

/// Fails with all faults, one a line.
pub(super) fn assert_none(what: &str, faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{what}:\n{}",
        faults.iter().fold(String::new(), |mut out, f| {
            let _ = writeln!(out, "  {f}");
            out
        })
    );
}

/// The text of a line without its comment. Good enough for code that rustfmt formats.
pub(super) fn without_comment(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) }
}
