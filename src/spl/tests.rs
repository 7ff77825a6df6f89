//! What searches become.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Macros, parse_escu_yaml, parse_page, parse_search};
use crate::diag::SourceText;
use crate::ir::{Pred, Query, Stage, Test};

fn query(search: &str) -> Query {
    let parsed = parse_search(search, &Macros::builtin());
    assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
    parsed.query.unwrap()
}

/// A condition as `a`, `(a & b)`, `(a | b)`, `!a`, a field's name standing for its test.
fn shape(pred: &Pred) -> String {
    let join = |parts: &[Pred], mark: &str| format!("({})", parts.iter().map(shape).collect::<Vec<_>>().join(mark));
    match pred {
        Pred::And(parts) => join(parts, " & "),
        Pred::Or(parts) => join(parts, " | "),
        Pred::Not(inner) => format!("!{}", shape(inner)),
        Pred::Match(m) => m.field.name.clone(),
        other => format!("{other:?}"),
    }
}

#[test]
fn or_binds_tighter_than_and_and_not_tightest() {
    for (search, expected) in [
        ("a=1 b=2 OR c=3", "(a & (b | c))"),
        ("a=1 OR b=2 AND c=3", "((a | b) & c)"),
        ("NOT a=1 b=2", "(!a & b)"),
        ("NOT a=1 OR b=2", "(!a | b)"),
        ("(a=1 b=2) OR c=3", "((a & b) | c)"),
        ("`wineventlog_security` EventCode=1", "((eventtype | Channel | source) & EventCode)"),
    ] {
        assert_eq!(shape(&query(search).filter), expected, "{search}");
    }
}

#[test]
fn values_keep_their_backslashes_and_only_the_star_is_wild() {
    let query = query(r#"ShareName IN ("\\\\*\\C$") a="x\?%_" b!=*"#);
    let Pred::And(parts) = &query.filter else { panic!("three conditions") };
    let Pred::Or(values) = &parts[0] else { panic!("a list") };
    let Pred::Match(m) = &values[0] else { panic!("a comparison") };
    assert!(m.test.passes(r"\\*\C$") && m.test.passes(r"\\srv\c$") && !m.test.passes(r"\\srv\C"));
    let Pred::Match(m) = &parts[1] else { panic!("a comparison") };
    assert!(m.test.passes(r"X\?%_") && !m.test.passes(r"x\a%_"));
    assert_eq!(parts[2], Pred::False);
}

const PAGE: &str = "---\ntitle: \"Own page\"\n---\n\n- **Type**: TTP\n- **ID**: 11111111-2222-3333-4444-555555555555\n\n#### [ATT&CK](https://x)\n\n| ID | Technique | Tactic |\n| -- | -- | -- |\n| [T1021](https://x) | Remote | Lateral Movement |\n\n| [T1021.002](https://x) | SMB | Lateral Movement |\n\n#### Search\n\n```\n`wineventlog_security` EventCode=5145 Access_Mask= \"0x2\"\n| stats min(_time) as firstTime count by user Share_Name\n| `security_content_ctime(firstTime)`\n| `own_page_filter`\n```\n\n#### Required field\n* _time\n* user\n\n#### RBA\n\n| Risk Score | Impact | Confidence | Message |\n| - | - | - | - |\n| 70.0 | 70 | 100 | $user$ wrote $Share_Name$ |\n";

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { path: "page.md".into(), text: text.into() })
}

#[test]
fn a_page_gives_its_query_and_all_its_metadata() {
    let (rule, diagnostics) = parse_page(&source(PAGE), &Macros::builtin());
    assert_eq!(diagnostics, []);
    let rule = rule.unwrap();
    assert_eq!((rule.meta.title.as_str(), rule.meta.detection_type.as_str()), ("Own page", "TTP"));
    assert_eq!(rule.meta.techniques, ["T1021", "T1021.002"]);
    assert_eq!(rule.meta.tactics, ["lateral-movement"]);
    assert_eq!(rule.meta.required_fields, ["_time", "user"]);
    let risk = rule.meta.risk.unwrap();
    assert_eq!((risk.score, risk.impact, risk.confidence), (70.0, Some(70.0), Some(100.0)));
    assert_eq!(rule.meta.message, "$user$ wrote $Share_Name$");
    assert_eq!(rule.meta.risk_objects[0].field, "user");
    assert!(matches!(&rule.query.stages[..], [Stage::Stats(s), Stage::FormatTime { .. }] if s.by.len() == 2 && s.aggregates.len() == 2));
}

#[test]
fn faults_point_into_the_page() {
    let text = PAGE.replace("| stats min", "| tstats count\n| rex field=x \"y\"\n| stats min");
    let (rule, diagnostics) = parse_page(&source(&text), &Macros::builtin());
    assert!(rule.is_none());
    let places: Vec<_> = diagnostics.iter().map(|d| (d.code, &text[d.span.clone().unwrap()])).collect();
    assert_eq!(places, [("spl-unsupported-command", "tstats"), ("spl-unsupported-command", "rex")]);
}

#[test]
fn a_fault_inside_a_macro_points_at_its_call() {
    let search = "a=1 | `nobody(x)` | where foo(b)";
    let parsed = parse_search(search, &Macros::builtin());
    let places: Vec<_> = parsed.faults.iter().map(|(code, _, span)| (*code, &search[span.clone()])).collect();
    assert_eq!(places[0], ("spl-unknown-macro", "`nobody(x)`"));
    assert!(places.contains(&("spl-unsupported-function", "foo")), "{places:?}");
}

#[test]
fn numbers_compare_as_numbers_only_by_order() {
    let Pred::And(parts) = query("a>9 b=9 c<abc").filter else { panic!("three conditions") };
    let first = |p: &Pred| if let Pred::Or(any) = p { any[0].clone() } else { p.clone() };
    let tests: Vec<Test> = parts.iter().map(|p| if let Pred::Match(m) = first(p) { m.test } else { panic!("a comparison") }).collect();
    assert!(matches!(tests[0], Test::Number { .. }) && matches!(tests[1], Test::Glob { .. }) && matches!(tests[2], Test::TextOrder { .. }));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", more in "[a-z`|()\"'=<>!*\\\\,.\\[\\] ORANDNTI]{0,80}") {
        let macros = Macros::builtin();
        parse_search(&text, &macros);
        parse_search(&more, &macros);
        parse_search(&format!("a=1 {more} | stats count by x | eval {more} | where {text}"), &macros);
        parse_page(&source(&format!("#### Search\n```\n{more}\n```\n#### RBA\n{text}")), &macros);
    }
}

/// Counts over the public detections; a difference from the golden file is to be looked at.
#[test]
fn coverage_of_the_public_detections() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/rules");
    if !root.is_dir() {
        return eprintln!("skipped: no public rules");
    }
    let mut macros = Macros::builtin();
    let read = |path: &Path| Arc::new(SourceText { path: path.display().to_string(), text: std::fs::read_to_string(path).unwrap() });
    let files = |folder: &str| {
        walkdir::WalkDir::new(root.join(folder))
            .sort_by_file_name()
            .into_iter()
            .map(Result::unwrap)
            .filter(|e| e.file_type().is_file())
            .map(|e| e.path().to_owned())
    };
    for path in files("escu/macros") {
        macros.add_file(&read(&path));
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |kind: &str, compiled: bool, codes: Vec<&str>| {
        *counts.entry(format!("{kind}: {}", if compiled { "compiled" } else { "refused" })).or_default() += 1;
        codes
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .for_each(|code| *counts.entry(format!("{kind}: with {code}")).or_default() += 1);
    };
    for path in files("escu/detections").filter(|p| p.extension().is_some_and(|e| e == "yml")) {
        let (rule, diagnostics) = parse_escu_yaml(&read(&path), &macros);
        count("detections", rule.is_some(), diagnostics.iter().map(|d| d.code).collect());
    }
    for path in files("escu-docs").filter(|p| p.extension().is_some_and(|e| e == "md")) {
        let (rule, diagnostics) = parse_page(&read(&path), &macros);
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
