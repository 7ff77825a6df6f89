//! Names: an item or a file that a document names must be there, and what a type is called no other type is called.

use std::collections::BTreeMap;

use super::tree::{Source, assert_none, root, sources, without_comment};

/// The documents, from the folder of the project.
const DOCUMENTS: [&str; 4] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "tests/README.md", "fuzz/README.md"];
/// Folders whose files are named by their paths.
const FOLDERS: [&str; 7] = ["src/", "tests/", "benches/", "docs/", "rules/", "migrations/", "fuzz/"];
/// What an item is declared with.
const DECLARATIONS: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];
/// Names of types that several modules may have, and the reason.
const SHARED_NAMES: &[(&str, &str)] = &[("Args", "what a command takes: `cli::hunt::Args` says whose they are")];

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
fn a_type_has_its_name_for_itself() {
    let code = sources("src");
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in &code {
        for (number, line) in source.code_lines() {
            if let Some(name) = declared_type(without_comment(line)) {
                places.entry(name).or_default().push(format!("src/{}:{number}", source.path));
            }
        }
    }
    places.retain(|_, places| places.len() > 1);
    for (name, reason) in SHARED_NAMES {
        assert!(places.remove(name).is_some(), "only one type is called `{name}` ({reason}): take it off SHARED_NAMES");
    }
    let faults: Vec<String> = places.iter().map(|(name, places)| format!("`{name}`: {}", places.join(", "))).collect();
    assert_none("types of one name: call each what it is, or put the name in SHARED_NAMES with the reason", &faults);
}

/// The type that a line declares. Types of traits are indented and have the names that the traits give them.
fn declared_type(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let is_indented = code.len() < line.len();
    let visible = code.strip_prefix("pub(").and_then(|rest| Some(rest.split_once(") ")?.1)).or_else(|| code.strip_prefix("pub "));
    let code = visible.unwrap_or(code);
    let (kind, rest) = code.split_once(' ')?;
    let is_type = matches!(kind, "struct" | "enum" | "trait" | "union") || (kind == "type" && !is_indented);
    let name = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
    (is_type && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}

#[test]
fn names_are_told_from_what_is_not_there() {
    let code = sources("src");
    assert!(is_item(&code, "load::load") && is_item(&code, "plan::FieldFunction::apply") && is_item(&code, "support::shared"));
    assert!(!is_item(&code, "load::unload") && !is_item(&code, "plan::NoSuchType"));
    assert!(is_path("src/load") && is_path("rules/detections/LANGUAGE/NAME.yml") && !is_path("src/no_such_file.rs"));
    assert!(quoted("`a` and `b::c`, d").eq(["a", "b::c"]));
    assert_eq!(declared_type("pub(in crate::reader) struct Elements<'t> {"), Some("Elements"));
    assert_eq!(declared_type("    enum Kind {"), Some("Kind"));
    assert_eq!((declared_type("    type Item = u8;"), declared_type("type Rows = u8;")), (None, Some("Rows")));
    assert_eq!(declared_type("let enum_value = 1;"), None);
}
