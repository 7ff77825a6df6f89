//! What searches become.

mod coverage;
mod faults;
mod hostile;
mod lookups;
mod rules;
mod stages;
mod texts;

use std::sync::Arc;

use super::{Macros, parse_search};
use crate::diag::SourceText;
use crate::ir::{Case, Pred, Query, Test};

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { path: "page.md".into(), text: text.into() })
}

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
    let of_share = query(r#"ShareName IN ("\\\\*\\C$") a="x\?%_""#);
    let Pred::And(parts) = &of_share.filter else { panic!("two conditions") };
    let Pred::Match(m) = &parts[0] else { panic!("a comparison") };
    assert!(m.test.passes(r"\\*\C$") && m.test.passes(r"\\srv\c$") && !m.test.passes(r"\\srv\C"));
    let Pred::Match(m) = &parts[1] else { panic!("a comparison") };
    assert!(m.test.passes(r"X\?%_") && !m.test.passes(r"x\a%_"));
    assert_eq!(query("a=x b!=*").filter, Pred::False, "no value is unlike every value");
}

fn only_match(pred: &Pred) -> &crate::ir::Match {
    let Pred::Match(m) = pred else { panic!("a comparison, not {pred:?}") };
    m
}

#[test]
fn numbers_compare_as_numbers_only_by_order() {
    let Pred::And(parts) = query("a>9 b=9 c<abc").filter else { panic!("three conditions") };
    assert!(matches!(&parts[0], Pred::Or(either) if matches!(only_match(&either[0]).test, Test::Number { .. })), "{:?}", parts[0]);
    assert!(matches!(only_match(&parts[1]).test, Test::Glob { .. }));
    assert!(matches!(only_match(&parts[2]).test, Test::TextOrder { .. }));
}

#[test]
fn a_network_is_also_its_text() {
    let Pred::Or(parts) = query("ip=10.1.2.3/8").filter else { panic!("either") };
    assert!(matches!(only_match(&parts[1]).test, Test::Cidr(net) if net.contains_text("10.200.0.1") && !net.contains_text("11.0.0.1")));
    let Pred::And(parts) = query("ip!=10.0.0.0/8").filter else { panic!("both") };
    assert!(parts.iter().all(|p| only_match(p).negated));
    assert!(matches!(only_match(&query("ip=10.0.0.0/33").filter).test, Test::Glob { .. }));
}

#[test]
fn case_counts_only_in_case() {
    let filter = query("user=CASE(Admin*)").filter;
    assert!(
        matches!(&only_match(&filter).test, Test::Glob { case: Case::Exact, glob } if glob.matches("AdminX") && !glob.matches("adminX"))
    );
    assert!(matches!(&only_match(&query("user=CASE").filter).test, Test::Glob { case: Case::Ignore, .. }));
}

#[test]
fn names_may_be_quoted_and_values_bare() {
    let filter = query(r#""Known Notes"=True a{}.b=x\\y z=*\"p\":1*"#).filter;
    assert_eq!(shape(&filter), "(Known Notes & a{}.b & z)");
    let Pred::And(parts) = filter else { panic!("three conditions") };
    assert!(only_match(&parts[1]).test.passes(r"X\y"));
    assert!(only_match(&parts[2]).test.passes(r#"{"p":1}"#));
}

#[test]
fn comments_and_macros_are_text() {
    let mut macros = Macros::builtin();
    for text in [
        "name: either\ndefinition: a=1 OR b=2",
        "name: two\narguments: [x, y]\ndefinition: $x$=$y$ OR $y$=\"$x$$\"",
        "name: nest\ndefinition: '`two(\"p\", q)` ```gone ` here```'",
    ] {
        assert_eq!(macros.add_file(&source(text)), []);
    }
    let shape_of = |search: &str| {
        let parsed = parse_search(search, &macros);
        assert_eq!(parsed.faults, [], "{search}");
        (shape(&parsed.query.unwrap().filter), parsed.used.len())
    };
    assert_eq!(shape_of("`either` c=3"), ("((a | b) & c)".to_owned(), 1));
    assert_eq!(shape_of("`nest` ```c=3 `nobody` | where``` d=4"), ("((p | q) & d)".to_owned(), 2));
    assert_eq!(shape_of("a=1 | `any_name_filter`"), ("a".to_owned(), 0));
    assert_eq!(shape_of("a=1 `any_name_filter` | search `any_name_filter`"), ("a".to_owned(), 0));
    assert_eq!(shape_of("a=\"`\" OR b=\"x`y\""), ("(a | b)".to_owned(), 0));
}

#[test]
fn the_hash_of_a_rule_changes_with_the_macros_it_uses() {
    let yaml = source("name: n\nid: i\nsearch: '`mine` EventCode=1'\n");
    let hash = |definition: &str| {
        let mut macros = Macros::builtin();
        macros.add_file(&source(&format!("name: mine\ndefinition: {definition}")));
        super::parse_escu_yaml(&yaml, &macros).0.unwrap().meta.hash
    };
    assert_eq!(hash("a=1"), hash("a=1"));
    assert_ne!(hash("a=1"), hash("a=2"));
}

/// The lists of `docs/spl.md` are those of the program.
#[test]
fn the_document_lists_what_is_there() {
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/spl.md")).unwrap();
    let ticked = |part: &str| part.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let between = |from: &str, to: &str| text.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();

    let first_cells = |section: &str| {
        section.lines().filter_map(|l| l.strip_prefix("| `")?.split(" |").next()).map(|c| format!("`{c}")).collect::<String>()
    };
    let mut commands = ticked(&first_cells(&between("## Commands", "Aggregates:")));
    let mut known: Vec<String> = super::command::COMMANDS.iter().map(|c| (*c).to_owned()).collect();
    commands.sort();
    known.sort();
    assert_eq!(commands, known);

    let functions = ticked(&between("Functions:", "##"));
    assert_eq!(functions, super::function::names().map(str::to_owned).collect::<Vec<_>>());
    for aggregate in ticked(&between("Aggregates:", ", each")) {
        query(&format!("a=1 | stats {aggregate}(x)"));
    }

    let documented = ticked(&first_cells(&between("## Codes", "\u{0}")));
    let mut codes = Vec::new();
    for entry in walkdir::WalkDir::new(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/spl")) {
        let path = entry.unwrap().path().to_owned();
        if path.is_file() && !path.components().any(|c| c.as_os_str() == "tests") {
            let code = std::fs::read_to_string(path).unwrap();
            codes.extend(code.split("\"spl-").skip(1).map(|rest| format!("spl-{}", rest.split('"').next().unwrap())));
        }
    }
    for code in &codes {
        assert!(documented.contains(code), "docs/spl.md does not have {code}");
    }
    for code in &documented {
        assert!(codes.contains(code), "docs/spl.md has {code}, the program does not");
    }
}
