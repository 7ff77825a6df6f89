//! The rules of the house that no compiler checks: who may use whom, documented modules, sizes, forbidden calls.
//!
//! What the documents say is read from them and held against the code: nothing is repeated here.

mod code_map;
mod names;
mod tree;

use std::collections::BTreeSet;

use tree::{assert_none, sources, without_comment};

/// Lines of a file, tests included.
const FILE_LINES_MAX: usize = 1000;
/// Characters of a line of comment: rustfmt keeps code within it, and leaves comments alone.
const COMMENT_WIDTH: usize = 140;
/// Lines of a function, signature and braces included.
const FUNCTION_LINES_MAX: usize = 70;

/// Calls that have no place outside tests, and the reason.
const FORBIDDEN: &[(&str, &str)] = &[
    (".unwrap()", "say why it cannot fail: expect(\"…\")"),
    ("todo!(", "finish it"),
    ("unimplemented!(", "finish it"),
    ("dbg!(", "remove it"),
];

/// How a text begins that is a statement of SQL.
const STATEMENTS: [&str; 9] =
    ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE ", "\"CREATE ", "\"DROP ", "\"PRAGMA ", "\"EXPLAIN ", "\"WITH "];

/// Calls that only `cli` and `main` may make.
const PRINTING: &[&str] = &["println!(", "eprintln!(", "print!(", "eprint!(", "process::exit("];

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
            for (number, line) in (1..).zip(source.text.lines()) {
                if line.trim_start().starts_with("//") && line.chars().count() > COMMENT_WIDTH {
                    faults.push(format!("{folder}/{}:{number}: a comment of more than {COMMENT_WIDTH} characters", source.path));
                }
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
fn statements_are_written_by_sql_and_store_only() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|source| !matches!(source.module(), "sql" | "store")) {
        for (number, line) in source.code_lines() {
            // A quote within a text is not the start of one: examples of help show statements.
            let line = without_comment(line).replace("\\\"", "");
            faults.extend(
                STATEMENTS.iter().filter(|start| line.contains(**start)).map(|start| format!("src/{}:{number}: {start}…", source.path)),
            );
        }
    }
    assert_none("SQL outside of `sql` and `store`", &faults);
}

#[test]
fn the_library_names_no_flag() {
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|source| source.module() != "cli") {
        for (number, line) in source.code_lines() {
            faults.extend(flags(without_comment(line)).map(|flag| format!("src/{}:{number}: {flag}", source.path)));
        }
    }
    assert_none("flags in the library, which has none: name the option, src/cli/flags.rs puts the flag in its place", &faults);
}

/// The flags that a line of code writes: `--max-depth`.
fn flags(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    words.filter(|word| {
        word.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with("--"))
    })
}

#[test]
fn rules_that_comments_name_stand_in_the_documents() {
    let known = documented_rules();
    assert!(known.contains("S12"), "docs/spl.md numbers its rules: **S12**");
    let mut faults = Vec::new();
    for folder in ["src", "tests"] {
        for source in sources(folder).iter().filter(|source| !source.path.ends_with("tidy.rs")) {
            for (number, line) in (1..).zip(source.text.lines()) {
                let comment = line.split_once("//").map_or("", |(_, comment)| comment);
                let unknown = named_rules(comment).into_iter().filter(|name| !known.contains(name));
                faults.extend(unknown.map(|name| format!("{folder}/{}:{number}: no document has a rule {name}", source.path)));
            }
        }
    }
    assert_none("references that lead nowhere", &faults);
}

/// The numbered rules of `docs/*.md`: `- **S12** …`.
fn documented_rules() -> BTreeSet<String> {
    let folder = std::fs::read_dir(tree::root().join("docs")).expect("docs");
    let texts = folder.map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("a document"));
    let name = |line: &str| line.strip_prefix("- **")?.split_once("**").map(|(name, _)| name.to_owned());
    texts.flat_map(|text| text.lines().filter_map(name).filter(|name| is_rule_name(name)).collect::<Vec<_>>()).collect()
}

/// The rules that a comment names: `rule S12`, `rules E5 and E6`.
fn named_rules(comment: &str) -> Vec<String> {
    let words: Vec<&str> = comment.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let Some(at) = words.iter().position(|word| word.eq_ignore_ascii_case("rule") || word.eq_ignore_ascii_case("rules")) else {
        return Vec::new();
    };
    let list = words[at + 1..].iter().take_while(|word| is_rule_name(word) || matches!(**word, "and" | "or"));
    list.filter(|word| is_rule_name(word)).map(ToString::to_string).collect()
}

/// A letter and a number of one or two digits: no technique of ATT&CK has so few.
fn is_rule_name(word: &str) -> bool {
    let digits = word.strip_prefix(|c: char| c.is_ascii_uppercase());
    digits.is_some_and(|digits| matches!(digits.len(), 1 | 2) && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[test]
fn tidy_reads_what_it_checks() {
    assert!(flags("\"use --day-first\"").eq(["--day-first"]) && flags("a -- b --c-- 1--2").next().is_none());
    assert_eq!(named_rules(" as rules S12, E5 and E6 say"), ["S12", "E5", "E6"]);
    assert!(named_rules(" a rule of the 1st kind in UTF8; S12").is_empty() && named_rules("S12").is_empty());
    let text = "fn a() {\n}\n\nimpl X {\n    pub(crate) fn b(\n        x: u8,\n    ) {\n        y\n    }\n}\nfn c() { 1 }\n";
    assert_eq!(functions(text), [("a".to_owned(), 1, 2), ("b".to_owned(), 5, 5)]);
}
