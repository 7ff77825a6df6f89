//! Names in the documents for those who read the code: an item or a file that is named must be there.

use super::tree::{Source, assert_none, root, sources};

/// The documents, from the folder of the project.
const DOCUMENTS: [&str; 4] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "tests/README.md", "fuzz/README.md"];
/// Folders whose files are named by their paths.
const FOLDERS: [&str; 7] = ["src/", "tests/", "benches/", "docs/", "rules/", "migrations/", "fuzz/"];
/// What an item is declared with.
const DECLARATIONS: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];

#[test]
fn what_the_documents_name_is_there() {
    let code = sources("src");
    let mut faults = Vec::new();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root().join(document)).expect("a document");
        for (number, line) in (1..).zip(text.lines()) {
            for name in quoted(line) {
                let found = if name.contains("::") {
                    is_item(&code, name)
                } else if FOLDERS.iter().any(|folder| name.starts_with(folder)) {
                    is_path(name)
                } else {
                    true
                };
                if !found {
                    faults.push(format!("{document}:{number}: there is no `{name}`"));
                }
            }
        }
    }
    assert_none("documents that name what is not there", &faults);
}

/// The texts in backticks of a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Whether `module::item` or `module::Type::item` is declared in the module; an item of another crate or of a test passes.
fn is_item(code: &[Source], name: &str) -> bool {
    let path = name.trim_end_matches("()");
    let (Some(module), Some(item)) = (path.split("::").next(), path.rsplit("::").next()) else { return true };
    let mut files = code.iter().filter(|source| source.module() == module).peekable();
    files.peek().is_none() || files.any(|source| declares(&source.text, item) || source.path.ends_with(&format!("/{item}.rs")))
}

/// Whether a text declares a name, or re-exports it, or has it as a variant or a field at the start of a line.
fn declares(text: &str, name: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let declared = line.split_whitespace().any(|word| DECLARATIONS.contains(&word)) && words.clone().any(|word| word == name);
        declared || (line.starts_with("pub use") && words.clone().any(|word| word == name)) || words.next() == Some(name)
    })
}

/// Whether a path is there; capitals stand for any name: `rules/detections/LANGUAGE/NAME.yml`.
fn is_path(name: &str) -> bool {
    let literal: Vec<&str> =
        name.split('/').take_while(|part| !part.contains(|c: char| c.is_ascii_uppercase() || matches!(c, '*' | '<'))).collect();
    root().join(literal.join("/")).exists() || name.ends_with("README.md")
}

#[test]
fn names_are_told_from_what_is_not_there() {
    let code = sources("src");
    assert!(is_item(&code, "load::load") && is_item(&code, "plan::FieldFunction::apply") && is_item(&code, "support::shared"));
    assert!(!is_item(&code, "load::unload") && !is_item(&code, "plan::NoSuchType"));
    assert!(is_path("src/load") && is_path("rules/detections/LANGUAGE/NAME.yml") && !is_path("src/no_such_file.rs"));
    assert!(quoted("`a` and `b::c`, d").eq(["a", "b::c"]));
}
