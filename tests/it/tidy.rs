//! The rules of the house that no compiler checks: who may use whom, documented modules, sizes, forbidden calls.
//!
//! The table of allowed imports is the one of ARCHITECTURE.md: change both together.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Module → modules it may name as `crate::…`.
const ALLOWED_IMPORTS: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("yaml", &["diag"]),
    ("catalog", &["diag"]),
    ("event", &["diag"]),
    ("archive", &["diag"]),
    ("reader", &["archive", "event", "diag", "normalise"]),
    ("normalise", &["reader", "event", "yaml", "diag"]),
    ("taxonomy", &["catalog", "event", "ir", "yaml", "diag"]),
    ("store", &["event", "catalog", "diag", "ir", "plan"]),
    ("load", &["archive", "reader", "normalise", "store", "event", "diag"]),
    ("sigma", &["ir", "yaml", "diag", "event"]),
    ("spl", &["ir", "yaml", "diag", "event"]),
    ("ir", &["event", "diag"]),
    ("plan", &["ir", "catalog", "taxonomy", "event", "diag"]),
    ("sql", &["ir", "plan", "store", "catalog", "event", "diag"]),
    ("compile", &["sigma", "spl", "yaml", "ir", "plan", "sql", "catalog", "taxonomy", "event", "diag"]),
    ("hunt", &["compile", "ir", "plan", "sql", "taxonomy", "store", "catalog", "event", "diag"]),
    ("regression", &["compile", "hunt", "ir", "load", "store", "taxonomy", "yaml", "diag"]),
    ("report", &["hunt", "regression", "store", "event", "catalog", "diag"]),
];

/// Third-party crate → modules (or file prefixes under `src/`) that may name it.
const CRATE_OWNERS: &[(&str, &[&str])] = &[
    ("rusqlite", &["store/"]),
    ("sqlparser", &["sql/"]),
    ("serde_yaml", &["yaml.rs", "yaml/"]),
    ("evtx", &["reader/"]),
    ("quick_xml", &["reader/"]),
    ("csv", &["reader/", "report/"]),
    ("sonic_rs", &["reader/"]),
    ("bzip2", &["archive/"]),
    ("flate2", &["archive/"]),
    ("lzma_rust2", &["archive/"]),
    ("zip", &["archive/"]),
    ("tar", &["archive/"]),
    ("zstd", &["archive/", "store/"]),
    ("annotate_snippets", &["diag.rs", "diag/"]),
    ("clap", &["cli/", "main.rs", "report/"]),
    ("indicatif", &["cli/", "report/"]),
    ("comfy_table", &["cli/", "report/"]),
];

/// Lines of a file, tests included.
const FILE_LINES_MAX: usize = 1000;
/// Lines of a function, signature and braces included.
const FUNCTION_LINES_MAX: usize = 70;

/// Calls that have no place outside tests, and the reason.
const FORBIDDEN: &[(&str, &str)] = &[
    (".unwrap()", "say why it cannot fail: expect(\"…\")"),
    ("todo!(", "finish it"),
    ("unimplemented!(", "finish it"),
    ("dbg!(", "remove it"),
];

/// Calls that only `cli` and `main` may make.
const PRINTING: &[&str] = &["println!(", "eprintln!(", "print!(", "eprint!(", "process::exit("];

struct Source {
    /// Path under `src/`, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The top module the file belongs to.
    fn module(&self) -> &str {
        let top = self.path.split('/').next().unwrap_or_default();
        top.strip_suffix(".rs").unwrap_or(top)
    }

    /// The lines before the file's test module, numbered from 1.
    fn code_lines(&self) -> Vec<(usize, &str)> {
        if self.path.ends_with("tests.rs") || self.path.contains("/tests/") {
            return Vec::new();
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|w| w[0].trim() == "#[cfg(test)]" && w[1].contains("mod ") && w[1].ends_with('{'));
        lines.into_iter().take(tests.unwrap_or(usize::MAX)).enumerate().map(|(i, line)| (i + 1, line)).collect()
    }
}

fn root() -> &'static Path {
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

fn sources(folder: &str) -> Vec<Source> {
    let base = root().join(folder);
    let mut files = Vec::new();
    rust_files(&base, &mut files);
    let read = |path: PathBuf| Source {
        path: path.strip_prefix(&base).expect("under it").to_string_lossy().replace('\\', "/"),
        text: std::fs::read_to_string(&path).expect("a source file"),
    };
    files.into_iter().map(read).collect()
}

fn assert_none(what: &str, faults: &[String]) {
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
fn without_comment(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) }
}

/// The names that follow `crate::` in a line, also in `use crate::{a, b::c}`.
fn crate_names(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, found) in line.match_indices("crate::") {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &line[at + found.len()..];
        let group = rest.strip_prefix('{').map(|g| g.split('}').next().unwrap_or(g));
        let parts: Vec<&str> = group.map_or_else(|| vec![rest], |g| g.split(',').collect());
        for part in parts {
            let name: String = part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name.starts_with(|c: char| c.is_ascii_lowercase()) {
                names.push(name);
            }
        }
    }
    names
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let table: BTreeMap<&str, &[&str]> = ALLOWED_IMPORTS.iter().copied().collect();
    let mut faults = Vec::new();
    for source in sources("src") {
        let module = source.module();
        if matches!(module, "lib" | "main" | "cli") {
            continue;
        }
        let Some(allowed) = table.get(module) else {
            faults.push(format!("src/{}: module `{module}` is not in the table of allowed imports", source.path));
            continue;
        };
        for (number, line) in source.code_lines() {
            for name in crate_names(without_comment(line)) {
                if name != module && !allowed.contains(&name.as_str()) {
                    faults.push(format!("src/{}:{number}: `{module}` must not use `{name}`", source.path));
                }
            }
        }
    }
    assert_none("imports against the table", &faults);
}

#[test]
fn third_party_crates_stay_with_their_owner() {
    let mut faults = Vec::new();
    for source in sources("src") {
        for (number, line) in source.code_lines() {
            let line = without_comment(line);
            for (name, owners) in CRATE_OWNERS {
                let path = format!("{name}::");
                let named =
                    line.match_indices(&path).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
                if named && !owners.iter().any(|owner| source.path.starts_with(owner)) {
                    faults.push(format!("src/{}:{number}: `{name}` belongs to {owners:?}", source.path));
                }
            }
        }
    }
    assert_none("third-party crates outside their module", &faults);
}

#[test]
fn every_module_says_what_it_is() {
    let mut faults = Vec::new();
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            if !source.text.starts_with("//!") {
                faults.push(format!("{folder}/{}: does not start with `//!`", source.path));
            }
        }
    }
    assert_none("undocumented modules", &faults);
}

#[test]
fn files_and_functions_stay_readable() {
    let mut faults = Vec::new();
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            let lines = source.text.lines().count();
            if lines > FILE_LINES_MAX {
                faults.push(format!("{folder}/{}: {lines} lines (at most {FILE_LINES_MAX})", source.path));
            }
            for (name, number, lines) in functions(&source.text) {
                if lines > FUNCTION_LINES_MAX {
                    faults.push(format!("{folder}/{}:{number}: `{name}` has {lines} lines (at most {FUNCTION_LINES_MAX})", source.path));
                }
            }
        }
    }
    assert_none("too long", &faults);
}

/// The functions of a formatted file: name, first line, number of lines.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let Some(at) = code.find("fn ") else { continue };
        let before_is_words =
            code[..at].split_whitespace().all(|w| matches!(w, "const" | "async" | "unsafe" | "extern") || w.starts_with("pub"));
        if !before_is_words || code.ends_with(';') || code.ends_with('}') {
            continue;
        }
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let close = format!("{}}}", " ".repeat(indent));
        let end = lines[i..].iter().position(|l| **l == close || **l == format!("{close};")).unwrap_or(0);
        found.push((name, i + 1, end + 1));
    }
    found
}

#[test]
fn nothing_unfinished_and_no_careless_panic() {
    let mut faults = Vec::new();
    for source in sources("src") {
        for (number, line) in source.code_lines() {
            let line = without_comment(line);
            for (call, reason) in FORBIDDEN {
                if line.contains(call) {
                    faults.push(format!("src/{}:{number}: `{call}`: {reason}", source.path));
                }
            }
        }
    }
    assert_none("forbidden outside tests", &faults);
}

#[test]
fn the_library_never_prints_and_never_exits() {
    let mut faults = Vec::new();
    for source in sources("src") {
        if matches!(source.module(), "cli" | "main") {
            continue;
        }
        for (number, line) in source.code_lines() {
            for call in PRINTING.iter().filter(|call| without_comment(line).contains(**call)) {
                faults.push(format!("src/{}:{number}: `{call}`", source.path));
            }
        }
    }
    assert_none("the library prints", &faults);
}

#[test]
fn tidy_reads_what_it_checks() {
    assert_eq!(crate_names("use crate::{ir, event::Event};"), ["ir", "event"]);
    assert_eq!(crate_names("    let x = crate::store::open(); // crate::"), ["store"]);
    assert_eq!(crate_names("pub(crate) fn x() {}"), Vec::<String>::new());
    let text = "fn a() {\n}\n\nimpl X {\n    pub(crate) fn b(\n        x: u8,\n    ) {\n        y\n    }\n}\nfn c() { 1 }\n";
    assert_eq!(functions(text), [("a".to_owned(), 1, 2), ("b".to_owned(), 5, 5)]);
}
