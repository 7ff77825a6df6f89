//! What of the public detections compiles, and what their pages say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{Knowledge, LookupPlace, Lookups, Macros, parse_escu_yaml, parse_page};
use crate::diag::SourceText;

fn root() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/rules");
    if !root.is_dir() {
        eprintln!("skipped: no public rules");
    }
    root.is_dir().then_some(root)
}

fn read(path: &Path) -> Arc<SourceText> {
    Arc::new(SourceText { path: path.display().to_string(), text: std::fs::read_to_string(path).unwrap() })
}

fn files(folder: PathBuf, extension: &'static str) -> impl Iterator<Item = PathBuf> {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().path().to_owned())
        .filter(move |path| path.is_file() && path.extension().is_some_and(|e| e == extension))
}

fn all_macros(root: &Path) -> Macros {
    let mut macros = Macros::builtin();
    for path in files(root.join("escu/macros"), "yml") {
        assert_eq!(macros.add_file(&read(&path)), []);
    }
    macros
}

fn all_lookups(root: &Path) -> Lookups {
    let mut place = LookupPlace::default();
    files(root.join("escu/lookups"), "csv").for_each(|path| place.add_table(&path));
    for path in files(root.join("escu/lookups"), "yml") {
        assert_eq!(place.add_yaml(&read(&path)), []);
    }
    Lookups::new(LookupPlace::default(), place, |path| Ok(read(path)))
}

/// Counts over the public detections; a difference from the golden file is to be looked at.
#[test]
fn coverage_of_the_public_detections() {
    let Some(root) = root() else { return };
    let (macros, lookups) = (all_macros(&root), all_lookups(&root));
    let knowledge = Knowledge { macros: &macros, lookups: Some(&lookups) };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |kind: &str, compiled: bool, codes: BTreeSet<&str>| {
        *counts.entry(format!("{kind}: {}", if compiled { "compiled" } else { "refused" })).or_default() += 1;
        for code in codes {
            *counts.entry(format!("{kind}: with {code}")).or_default() += 1;
        }
    };
    for path in files(root.join("escu/detections"), "yml") {
        let (rule, diagnostics) = parse_escu_yaml(&read(&path), knowledge);
        count("detections", rule.is_some(), diagnostics.iter().map(|d| d.code).collect());
    }
    for path in files(root.join("escu-docs"), "md") {
        let (rule, diagnostics) = parse_page(&read(&path), knowledge);
        count("pages", rule.is_some(), diagnostics.iter().map(|d| d.code).collect());
    }
    let text: String = counts.iter().map(|(k, v)| format!("{k}: {v}\n")).collect();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/spl_coverage.txt");
    if std::env::var_os("INSTA_UPDATE").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&golden).unwrap_or_default());
}

/// Every span lies in its file and starts at what its message names.
#[test]
fn spans_point_at_what_they_name() {
    let Some(root) = root() else { return };
    let (macros, lookups) = (all_macros(&root), all_lookups(&root));
    let knowledge = Knowledge { macros: &macros, lookups: Some(&lookups) };
    let named = ["spl-unsupported-command", "spl-unsupported-aggregate"];
    for path in files(root.join("escu/detections"), "yml").chain(files(root.join("escu-docs"), "md")) {
        let source = read(&path);
        let is_page = path.extension().is_some_and(|e| e == "md");
        let (_, diagnostics) = if is_page { parse_page(&source, knowledge) } else { parse_escu_yaml(&source, knowledge) };
        for diagnostic in diagnostics {
            let span = diagnostic.span.clone().unwrap();
            let text = source.text.get(span.clone()).unwrap_or_else(|| panic!("{}: {span:?} {diagnostic:?}", path.display()));
            let name = diagnostic.message.split('`').nth(1).unwrap_or_default();
            if named.contains(&diagnostic.code) {
                assert!(text == name || text.starts_with('`'), "{}: `{text}` for {}", path.display(), diagnostic.message);
            }
        }
    }
}

/// All pages give all their metadata, whether or not their search compiles.
#[test]
fn every_page_gives_its_metadata() {
    let Some(root) = root() else { return };
    let seed = files(root.join("../seed"), "txt");
    let mut pages = 0;
    let (mut status, mut types) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    for path in files(root.join("escu-docs"), "md").chain(seed) {
        let source = read(&path);
        let meta = super::super::page::metadata(&source);
        let path = path.display();
        assert_eq!(meta.id.len(), 36, "{path}: id {}", meta.id);
        for (name, text) in
            [("title", &meta.title), ("author", &meta.author), ("description", &meta.description), ("message", &meta.message)]
        {
            assert!(!text.is_empty() && !text.contains("&#39;"), "{path}: {name} `{text}`");
        }
        assert_eq!(meta.date.len(), 10, "{path}: date {}", meta.date);
        let risk = meta.risk.unwrap_or_else(|| panic!("{path}: no risk"));
        let (impact, confidence) = (risk.impact.unwrap(), risk.confidence.unwrap());
        assert!((0.0..=100.0).contains(&risk.score) && (0.0..=100.0).contains(&impact) && (0.0..=100.0).contains(&confidence), "{path}");
        assert!(!meta.required_fields.is_empty(), "{path}: no required fields");
        assert!(!meta.stories.is_empty(), "{path}: no story");
        let has_table = source.text.contains("#### [ATT&CK]");
        assert_eq!(!meta.techniques.is_empty(), has_table, "{path}: techniques");
        assert_eq!(!meta.tactics.is_empty(), has_table, "{path}: tactics");
        assert!(meta.techniques.iter().all(|t| t[1..].chars().all(|c| c.is_ascii_digit() || c == '.')), "{path}: {:?}", meta.techniques);
        assert!(meta.tactics.iter().all(|t| t.chars().all(|c| c.is_ascii_lowercase() || c == '-')), "{path}: {:?}", meta.tactics);
        *status.entry(meta.status).or_default() += 1;
        *types.entry(meta.detection_type).or_default() += 1;
        pages += 1;
    }
    assert!(pages >= 204, "{pages} pages");
    assert!(types.keys().all(|t| ["TTP", "Anomaly", "Hunting", "Correlation", "Baseline"].contains(&t.as_str())), "{types:?}");
    assert_eq!(status.len(), 3, "{status:?}");
}
