//! The code map of ARCHITECTURE.md against the code: which module uses which, and which crate is named where.
//!
//! The map must be true both ways. What it does not allow is a fault, and so is what it allows and nobody uses.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Source, assert_none, root, sources, without_comment};

/// The word for "may use every module", and for "uses nothing".
const EVERYTHING: &str = "all";
const NOTHING: &str = "–";

/// Where a name was met first: `src/a/b.rs:12`.
type Uses = BTreeMap<String, String>;

/// A row of the code map.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    modules: BTreeSet<String>,
    crates: BTreeSet<String>,
}

#[test]
fn modules_use_what_the_code_map_says_and_nothing_else() {
    let named = |source: &Source, line: &str| crate_names(line).into_iter().filter(|name| name != source.module()).collect();
    hold("may not use the module", |row| &row.modules, named);
}

#[test]
fn crates_are_named_where_the_code_map_says_and_nowhere_else() {
    let crates = dependencies();
    let named = |source: &Source, line: &str| crates.iter().filter(|name| names_crate(&source.text, line, name)).cloned().collect();
    hold("may not name the crate", |row| &row.crates, named);
    let owned: BTreeSet<String> = code_map().into_values().flat_map(|row| row.crates).collect();
    let lost: Vec<String> = crates.difference(&owned).map(|name| format!("Cargo.toml has `{name}`, the code map does not")).collect();
    assert_none("crates without an owner", &lost);
}

/// Compares a column of the map with what the lines of each module name.
fn hold(forbidden: &str, column: impl Fn(&Row) -> &BTreeSet<String>, names: impl Fn(&Source, &str) -> Vec<String>) {
    let map = code_map();
    let mut faults = Vec::new();
    let mut used: BTreeMap<String, Uses> = BTreeMap::new();
    for source in sources("src").iter().filter(|source| source.module() != "lib") {
        let uses = used.entry(source.module().to_owned()).or_default();
        for (number, line) in source.code_lines() {
            for name in names(source, without_comment(line)) {
                uses.entry(name).or_insert_with(|| format!("src/{}:{number}", source.path));
            }
        }
    }
    faults.extend(map.keys().filter(|module| !used.contains_key(*module)).map(|module| format!("there is no module `{module}`")));
    for (module, uses) in &used {
        let Some(row) = map.get(module) else {
            faults.push(format!("the code map has no row for `{module}`"));
            continue;
        };
        let allowed = column(row);
        if allowed.contains(EVERYTHING) {
            continue;
        }
        faults.extend(
            uses.iter().filter(|(name, _)| !allowed.contains(*name)).map(|(name, at)| format!("{at}: `{module}` {forbidden} `{name}`")),
        );
        faults.extend(
            allowed
                .iter()
                .filter(|name| !uses.contains_key(*name))
                .map(|name| format!("the code map gives `{module}` `{name}`, which it does not use")),
        );
    }
    assert_none("the code map of ARCHITECTURE.md and the code differ", &faults);
}

/// The rows of the code map by module.
fn code_map() -> BTreeMap<String, Row> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let map = read_map(&text);
    assert!(!map.is_empty(), "ARCHITECTURE.md has no table `| module | what it holds | may use | crates |`");
    map
}

fn read_map(text: &str) -> BTreeMap<String, Row> {
    let header = "| module | what it holds | may use | crates |";
    let rows = text.lines().skip_while(|line| *line != header).skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [module, _, modules, crates] = cells[..] else { panic!("not four cells: {line}") };
        (module.trim_matches('`').to_owned(), Row { modules: list(modules), crates: list(crates) })
    };
    rows.map(row).collect()
}

/// `ir, plan` as a set. Crates have the names of `Cargo.toml` in the document, and of Rust here.
fn list(cell: &str) -> BTreeSet<String> {
    cell.split(',').map(|name| name.trim().replace('-', "_")).filter(|name| !name.is_empty() && name != NOTHING).collect()
}

/// The crates that the program is built of, as Rust names them.
fn dependencies() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1).take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split_once(" = "))
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, _)| name.replace('-', "_"))
        .collect()
}

/// Whether a line of a file names a crate: `name::…`, `use name;` or `::name::…`.
fn names_crate(file: &str, line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let is_path = after.starts_with("::") || (before.trim_end().ends_with("use") && after.starts_with([';', ' ']));
        let is_word = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '>'));
        is_path && before.strip_suffix("::").map_or_else(|| is_word(before) && !is_shadowed(file, name), is_word)
    })
}

/// Whether a file has a module of its own with that name in scope.
fn is_shadowed(text: &str, name: &str) -> bool {
    let imported = |line: &str| {
        let own = line.starts_with("use super::") || line.starts_with("use crate::");
        own && line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
    };
    text.lines().any(|line| line == format!("mod {name};") || line == format!("pub mod {name};") || imported(line))
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
fn the_code_map_is_read_as_it_is_written() {
    assert_eq!(crate_names("use crate::{ir, event::Event};"), ["ir", "event"]);
    assert_eq!(crate_names("    let x = crate::store::open(); // crate::"), ["store"]);
    assert_eq!(crate_names("pub(crate) fn x() {}"), Vec::<String>::new());

    let named = |line, name| names_crate(line, line, name);
    assert!(named("use csv::Reader;", "csv") && named("use memchr;", "memchr") && named("    regex::escape(x)", "regex"));
    assert!(!named("super::csv::line()", "csv") && !named("let csv = 1;", "csv") && !named("my_csv::x()", "csv"));
    assert!(names_crate("mod tar;\n", "use ::tar::Archive;", "tar") && !names_crate("mod tar;\n", "tar::members()", "tar"));
    assert!(!names_crate("use super::{Shape, regex};\n", "regex::translate()", "regex"));

    let text = "| module | what it holds | may use | crates |\n|---|---|---|---|\n| `a` | this | b, c | quick-xml |\n| `b` | that | – | – |\n\n| `c` | x | y | z |\n";
    let row = |modules: &[&str], crates: &[&str]| Row {
        modules: modules.iter().map(ToString::to_string).collect(),
        crates: crates.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(read_map(text), [("a".to_owned(), row(&["b", "c"], &["quick_xml"])), ("b".to_owned(), row(&[], &[]))].into());
}
