//! The documents against the program: fields, commands, links.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;
use retrohunt::report::{
    EVIDENCE, EXPLAINED, FINDING, LOGONS, ListingShape, METRICS_CHANNELS, METRICS_CLEARED, METRICS_CODES, METRICS_GAPS, METRICS_HOSTS,
    METRICS_SUMMARY, REGRESSION, RISK, RULE_COVERAGE, SEARCH, SOURCE, SOURCE_COVERAGE, STORE_EVENT_TYPES, STORE_SOURCES, STORE_SPACE,
    STORE_SUMMARY, STORE_VERIFIED, TECHNIQUE, VIEW, VIEW_COLUMN,
};
use serde_json::Value;

use crate::support::binary::{TestStore, run, text};
use crate::support::samples::{security_line, sigma_rule};

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
    let sections: [(&str, &ListingShape); 24] = [
        ("## `retrohunt sources`", &SOURCE),
        ("## `retrohunt load --explain`", &EXPLAINED),
        ("## `retrohunt findings` and `retrohunt hunt`", &FINDING),
        ("## `retrohunt findings --evidence`", &EVIDENCE),
        ("## `retrohunt risk`", &RISK),
        ("## `retrohunt search TERM…`", &SEARCH),
        ("## `retrohunt metrics --section summary`", &METRICS_SUMMARY),
        ("## `retrohunt metrics --section hosts`", &METRICS_HOSTS),
        ("## `retrohunt metrics --section channels`", &METRICS_CHANNELS),
        ("## `retrohunt metrics --section event-ids`", &METRICS_CODES),
        ("## `retrohunt metrics --section gaps`", &METRICS_GAPS),
        ("## `retrohunt metrics --section cleared-logs`", &METRICS_CLEARED),
        ("## `retrohunt store info --section summary`", &STORE_SUMMARY),
        ("## `retrohunt store info --section space`", &STORE_SPACE),
        ("## `retrohunt store info --section sources`", &STORE_SOURCES),
        ("## `retrohunt store info --section event-types`", &STORE_EVENT_TYPES),
        ("## `retrohunt store verify`", &STORE_VERIFIED),
        ("## `retrohunt logons`", &LOGONS),
        ("## `retrohunt coverage --by technique`", &TECHNIQUE),
        ("## `retrohunt coverage --by rule`", &RULE_COVERAGE),
        ("## `retrohunt coverage --by source`", &SOURCE_COVERAGE),
        ("## `retrohunt test PATH…`", &REGRESSION),
        ("## `retrohunt views`\n", &VIEW),
        ("## `retrohunt views NAME`", &VIEW_COLUMN),
    ];
    for (section, shape) in sections {
        assert_eq!(documented_fields(&text, section), shape.fields, "{section}");
    }
}

#[test]
fn every_view_is_documented_column_by_column() {
    let document = document("docs/output.md");
    let section = document.split("## The views\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let name = Regex::new("`([A-Za-z_]+)`").unwrap();
    let names = |cell: &str| -> Vec<String> { name.captures_iter(cell).map(|c| c[1].to_owned()).collect() };
    let mut documented: Vec<(String, Vec<String>)> = Vec::new();
    for cells in section.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').collect::<Vec<_>>()) {
        documented.push((names(cells[1]).remove(0), names(cells[3])));
    }
    documented.sort();

    let store = TestStore::new();
    store.load([store.file("events.jsonl", security_line(1, 4624, r#","CommandLine":"x""#))]);
    let rule = store.file("rule.yml", sigma_rule("aaaaaaaa-0000-4000-8000-000000000001", "EventID: 4624"));
    store.run(["hunt", "--rules", &rule.to_string_lossy()]).expect_code(&[0]);
    let views = store.run(["views", "--format", "jsonl"]).expect_code(&[0]).json_lines();
    let of_kind = |kind: &str| views.iter().filter(|view| text(view, "kind") == kind).collect::<Vec<_>>();
    let columns = |view: &Value| -> Vec<String> { serde_json::from_value(view["columns"].clone()).unwrap() };
    let mut general: Vec<(String, Vec<String>)> = of_kind("general").iter().map(|v| (text(v, "view").to_owned(), columns(v))).collect();
    general.sort();
    assert_eq!(documented, general, "left: docs/output.md, right: the store");
    let mut shown = FINDING.fields.clone();
    shown.extend(["columns", "state", "triage", "triage_note"].map(String::from).into_iter().filter(|name| !FINDING.fields.contains(name)));
    let mut of_view = columns(of_kind("general").iter().find(|v| v["view"] == "findings").unwrap());
    shown.sort();
    of_view.sort();
    assert_eq!(of_view, shown, "the view speaks the language of `retrohunt findings`");
    let of_type = columns(of_kind("event type")[0]);
    assert!(
        of_type.contains(&"CommandLine".to_owned()) && !of_type.iter().any(|name| name.ends_with("_id") && name != "_id"),
        "{of_type:?}"
    );
    let found = store.findings(false);
    let by_view = store.run(["sql", "SELECT first_time, rule_path, level FROM findings", "--format", "jsonl"]).json_lines();
    assert!(["first_time", "rule_path", "level"].iter().all(|field| by_view[0][field] == found[0][field]), "{by_view:?} {found:?}");
}

/// `3,780`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let grouped: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|chunk| std::str::from_utf8(chunk).unwrap()).collect();
    grouped.join(",")
}

/// The golden files are counted over the public rules where these are there; the README repeats them.
#[test]
fn the_readme_says_how_many_public_rules_compile() {
    let sigma = crate::support::golden::read("sigmahq_diagnostics.tsv");
    let splunk = crate::support::golden::read("spl_coverage.txt");
    let number = |text: &str, start: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("no line {start:?}"));
        line.trim().parse().unwrap()
    };
    let of_splunk = |kind: &str| (number(&splunk, &format!("{kind}: compiled:")), number(&splunk, &format!("{kind}: refused:")));
    let (documents, compiled) = (number(&sigma, "rules\tdocuments\t"), number(&sigma, "rules\tcompiled\t"));
    let ((detections, no_detections), (pages, no_pages)) = (of_splunk("detections"), of_splunk("pages"));
    let rows = [
        ("Sigma rules (SigmaHQ)", documents, compiled),
        ("Splunk detections (ESCU)", detections + no_detections, detections),
        ("Splunk documentation pages", pages + no_pages, pages),
    ];
    let mut readme = document("README.md");
    for (name, all, compiled) in rows {
        let row = format!("| {name} | {} | {} | {} % |", thousands(all), thousands(compiled), compiled * 100 / all);
        let line = Regex::new(&format!(r"(?m)^\| {} \|.*$", regex::escape(name))).unwrap();
        assert!(line.is_match(&readme), "README.md has no row {name:?}");
        readme = line.replace(&readme, row.as_str()).into_owned();
    }
    crate::support::golden::compare_at("README.md", &readme);
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
    for path in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/checks.md",
        "docs/compare.md",
        "docs/output.md",
        "docs/hunting.md",
        "docs/lake.md",
        "docs/match.md",
        "docs/pipelines.md",
        "docs/store.md",
    ] {
        let text = document(path);
        let folder = root().join(path).parent().unwrap().to_owned();
        for target in link.captures_iter(&text).map(|c| c[1].to_owned()).filter(|t| !t.contains("://")) {
            assert!(folder.join(&target).exists(), "{path} links to {target}, which is not there");
        }
    }
}

/// Words in quotes or back-ticks that look like the codes of `check`, without the keys of a rule that look so too.
fn codes(text: &str, quote: char) -> BTreeSet<String> {
    // What the parser of searches says stands in docs/spl.md; a test beside it compares the two.
    let code = Regex::new(&format!("{quote}((?:rule|sigma|spl|store|yaml)(?:-[a-z]+)+){quote}")).unwrap();
    code.captures_iter(text).map(|c| c[1].to_owned()).filter(|code| code != "sigma-version").collect()
}

#[test]
fn every_code_of_check_is_documented_and_every_documented_code_is_there() {
    let front_end = walkdir::WalkDir::new(root().join("src/sigma")).into_iter().map(|entry| entry.unwrap().into_path());
    let others =
        ["src/compile.rs", "src/hunt/unanswered.rs", "src/status/attack.rs", "src/status/lint.rs", "src/status/needs.rs", "src/yaml.rs"]
            .map(|path| root().join(path));
    let mut program = BTreeSet::new();
    for path in front_end.chain(others).filter(|p| p.extension().is_some_and(|e| e == "rs") && !p.ends_with("tests.rs")) {
        let text = fs::read_to_string(&path).unwrap();
        program.extend(codes(text.split("#[cfg(test)]\nmod tests {").next().unwrap(), '"'));
    }
    assert_eq!(codes(&document("docs/checks.md"), '`'), program, "left: docs/checks.md, right: src");
}

#[test]
fn every_code_of_verify_is_documented_and_no_other() {
    let code = Regex::new("[\"`](verify-[a-z]+)[\"`]").unwrap();
    let codes = |text: &str| code.captures_iter(text).map(|c| c[1].to_owned()).collect::<BTreeSet<_>>();
    let files = fs::read_dir(root().join("src/store/upkeep/verify")).unwrap();
    let program = files.flat_map(|entry| codes(&fs::read_to_string(entry.unwrap().path()).unwrap())).collect::<BTreeSet<_>>();
    assert_eq!(codes(&document("docs/store.md")), program, "left: docs/store.md, right: src");
}

/// The names in the first column of the table of a section, each cell one.
fn documented_names(text: &str, section: &str) -> BTreeSet<String> {
    let body = text.split(section).nth(1).unwrap_or_else(|| panic!("no section {section:?}")).split("\n## ").next().unwrap();
    let name = Regex::new(r"(?m)^\| `([^`]+)` \|").unwrap();
    name.captures_iter(body).map(|c| c[1].to_owned()).collect()
}

#[test]
fn every_format_is_documented_and_no_other() {
    let text = document("docs/formats.md");
    let readers: BTreeSet<String> = retrohunt::reader::format_names().into_iter().map(str::to_owned).collect();
    assert_eq!(documented_names(&text, "\n## Readers\n"), readers);
    let name = Regex::new(r"(?m)^- name: (\S+)$").unwrap();
    let mut shapes = BTreeSet::new();
    for entry in fs::read_dir(root().join("rules/normalise")).unwrap() {
        let data = fs::read_to_string(entry.unwrap().path()).unwrap();
        shapes.extend(name.captures_iter(&data).map(|c| c[1].to_owned()));
    }
    assert_eq!(documented_names(&text, "\n## Shapes\n"), shapes);
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        assert!(
            row.split('|').skip(1).all(|cell| row.ends_with('|') && (cell.is_empty() || !cell.trim().is_empty())),
            "an empty cell: {row}"
        );
    }
}

/// The table of data models is made of the data.
#[test]
fn every_dataset_is_documented() {
    use retrohunt::taxonomy::{Dataset, Taxonomy};
    let rows = |dataset: Dataset<'_>| {
        let from: Vec<String> = dataset.own_events().iter().map(ToString::to_string).collect();
        let conditions = dataset.own_conditions().iter().map(|condition| {
            let fields = condition.fields.iter().map(|(name, values)| format!("`{name}` is `{}`", values.join("` or `")));
            format!("{} {}", if condition.negated { "but not where" } else { "where" }, fields.collect::<Vec<_>>().join(" and "))
        });
        let parts: Vec<String> = from.into_iter().chain(conditions).collect();
        if parts.is_empty() && dataset.has_events() { "those of its parent".to_owned() } else { parts.join("; ") }
    };
    let mut table = "| dataset | rows | fields |\n|---|---|---|\n".to_owned();
    for dataset in Taxonomy::embedded().datasets() {
        let fields = dataset.own_fields().filter(|(_, field)| !field.is_enriched);
        let name = |(name, field): (&str, &retrohunt::taxonomy::ModelField)| {
            if field.default.is_some() { format!("**{name}**") } else { name.to_owned() }
        };
        let fields: Vec<String> = fields.map(name).collect();
        let rows = rows(dataset);
        let rows = if rows.is_empty() { "none that retrohunt reads" } else { &rows };
        table += &format!("| {}.{} | {rows} | {} |\n", dataset.model(), dataset.path(), fields.join(" "));
    }
    let document = document("docs/datamodels.md");
    let (before, rest) = document.split_once("<!-- datasets -->\n").expect("where the table begins");
    let (_, after) = rest.split_once("<!-- end -->").expect("where the table ends");
    let made = format!("{before}<!-- datasets -->\n{table}<!-- end -->{after}");
    crate::support::golden::compare_at("docs/datamodels.md", &made);
}
