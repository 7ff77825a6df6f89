//! The documents against the program: fields, commands, links.

use std::fs;
use std::path::Path;

use regex::Regex;
use retrohunt::report::{EVIDENCE, FINDING, REGRESSION, SOURCE, Shape};

use crate::support::binary::run;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The names in the first column of the table of a section, in order.
fn documented_fields(text: &str, section: &str) -> Vec<String> {
    let start = text.find(section).unwrap_or_else(|| panic!("docs/output.md has no section {section:?}")) + section.len();
    let body = text[start..].split("\n## ").next().unwrap();
    let name = Regex::new("`([a-z_0-9]+)`").unwrap();
    let first_cells = body.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').nth(1).unwrap());
    first_cells.flat_map(|cell| name.captures_iter(cell).map(|c| c[1].to_owned()).collect::<Vec<_>>()).collect()
}

#[test]
fn every_listing_is_documented_field_by_field() {
    let text = document("docs/output.md");
    let sections: [(&str, &Shape); 4] = [
        ("## `retrohunt sources`", &SOURCE),
        ("## `retrohunt findings` and `retrohunt hunt`", &FINDING),
        ("## `retrohunt findings --evidence`", &EVIDENCE),
        ("## `retrohunt test PATH…`", &REGRESSION),
    ];
    for (section, shape) in sections {
        assert_eq!(documented_fields(&text, section), shape.fields, "{section}");
    }
}

#[test]
fn every_command_of_the_readme_is_there_and_every_command_is_in_it() {
    let readme = document("README.md");
    let command = Regex::new(r"(?m)^\| `retrohunt ([a-z]+)").unwrap();
    let documented: Vec<String> = command.captures_iter(&readme).map(|c| c[1].to_owned()).collect();
    assert!(!documented.is_empty());
    for name in &documented {
        run([name.as_str(), "--help"]).expect_code(&[0]);
    }
    let help = run(["--help"]).expect_code(&[0]).stdout;
    let listed = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).unwrap();
    let line = Regex::new(r"(?m)^  ([a-z]+)  ").unwrap();
    for name in line.captures_iter(listed).map(|c| c[1].to_owned()).filter(|n| n != "help") {
        assert!(documented.contains(&name), "README.md does not have the command `{name}`");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#]+)").unwrap();
    for path in ["README.md", "CONTRIBUTING.md", "docs/output.md", "docs/hunting.md"] {
        let text = document(path);
        let folder = root().join(path).parent().unwrap().to_owned();
        for target in link.captures_iter(&text).map(|c| c[1].to_owned()).filter(|t| !t.contains("://")) {
            assert!(folder.join(&target).exists(), "{path} links to {target}, which is not there");
        }
    }
}
