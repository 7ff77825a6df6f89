//! The front end as a whole: features, faults with their places, the reference vectors and SigmaHQ's rules.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::diag::Severity;
use crate::ir::{Case, Glob, Level, Match, Part, Pred, Rule, Scope, Test};

pub(super) fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { path: "rules/t.yml".into(), text: text.into() })
}

fn options() -> SigmaOptions {
    let placeholders = [("two", vec!["a*", "b"]), ("one", vec!["x.y"])];
    let placeholders = placeholders.map(|(name, values)| (name.to_string(), values.into_iter().map(String::from).collect()));
    SigmaOptions { placeholders: BTreeMap::from(placeholders), validate: true, ..SigmaOptions::default() }
}

fn parse(text: &str) -> (Vec<Rule>, Vec<Diagnostic>) {
    parse_rules(&source(text), &options())
}

pub(super) const HEAD: &str = "title: T\nid: 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7c11\nlevel: high\nlogsource: {product: windows}\n";

/// A rule with one detection `s` in flow or block style, indented by four.
fn rule_of(detection: &str, condition: &str) -> String {
    format!("{HEAD}detection:\n  s:\n    {}\n  condition: {condition}\n", detection.replace('\n', "\n    "))
}

pub(super) fn show(pred: &Pred) -> String {
    let join = |parts: &[Pred], word: &str| parts.iter().map(show).collect::<Vec<_>>().join(word);
    match pred {
        Pred::True => "true".into(),
        Pred::False => "false".into(),
        Pred::And(parts) => format!("({})", join(parts, " & ")),
        Pred::Or(parts) => format!("({})", join(parts, " | ")),
        Pred::Not(inner) => format!("!{}", show(inner)),
        Pred::Match(Match { field, test, .. }) => format!("{}{}", field.name, show_test(test)),
        Pred::Compare(c) => {
            let star = |yes: bool| if yes { "⟨*⟩" } else { "" };
            let case = if c.case == Case::Exact { " cased" } else { "" };
            format!("{}={}<{}>{}{case}", c.left.name, star(c.any_before), c.right.name, star(c.any_after))
        }
        Pred::Subsearch(_) => "[]".to_owned(),
        Pred::Keyword { glob, case } => format!("{}{}", if *case == Case::Exact { "cased:" } else { ":" }, show_glob(glob)),
        Pred::Scalar(scalar) => format!("{scalar:?}"),
    }
}

fn show_test(test: &Test) -> String {
    match test {
        Test::Exists => "?".into(),
        Test::Glob { glob, case: Case::Ignore } => format!("={}", show_glob(glob)),
        Test::Glob { glob, case: Case::Exact } => format!("=={}", show_glob(glob)),
        Test::Regex(pattern) => format!("~/{pattern}/"),
        Test::Cidr(cidr) => format!("~{}/{}", cidr.address, cidr.prefix),
        Test::Number { op, value } => format!("{}{value}", op.symbol()),
        Test::TextOrder { op, value } => format!("{}'{value}'", op.symbol()),
        Test::DatePart { part, op, value } => format!(".{part:?}{}{value}", op.symbol()),
    }
}

fn show_glob(glob: &Glob) -> String {
    glob.parts()
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Any => "⟨*⟩",
            Part::One => "⟨?⟩",
        })
        .collect()
}

fn filter(detection: &str, condition: &str) -> String {
    let (rules, diagnostics) = parse(&rule_of(detection, condition));
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{detection}: {errors:#?}");
    show(&rules[0].query.filter)
}

/// The codes of a rule's diagnostics with the text at their span.
fn faults(text: &str) -> Vec<(&'static str, String)> {
    let (_, diagnostics) = parse(text);
    diagnostics.iter().map(|d| (d.code, text.get(d.span.clone().expect("a place")).expect("on boundaries").to_string())).collect()
}

fn fault(detection: &str) -> (&'static str, String) {
    let mut all = faults(&rule_of(detection, "s"));
    assert_eq!(all.len(), 1, "{detection}: {all:?}");
    all.remove(0)
}

#[test]
fn metadata_and_log_source() {
    let text = "title: A title\nid: 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7c11\nstatus: test\ndescription: |\n  Two\n  lines\nauthor: Me\n\
        date: 2024-01-31\nreferences: [https://a.example]\ntags:\n  - attack.t1021.002\n  - attack.lateral_movement\n  - attack.T1021.002\n  - attack.defense-impairment\n  - attack.s0002\n  - car.2013-05-005\n\
        falsepositives:\n  - none\nfields: [A, B]\nlevel: High\nlogsource:\n  product: Windows\n  category: PROCESS_creation\n  service: Security\n  definition: x\n\
        detection:\n  s: {A: 1}\n  condition: s\n";
    let (rules, _) = parse(text);
    let meta = &rules[0].meta;
    assert_eq!(meta.title, "A title");
    assert_eq!(meta.description, "Two\nlines");
    assert_eq!(meta.level, Some(Level::High));
    assert_eq!(meta.techniques, ["T1021.002"]);
    assert_eq!(meta.tactics, ["lateral-movement", "defense-impairment"]);
    assert_eq!((meta.path.as_str(), meta.hash.len()), ("rules/t.yml", 64));
    assert_eq!(meta.required_fields, ["A", "B"]);
    let part = |text: &str| Some(text.to_string());
    assert_eq!(
        rules[0].query.scope(),
        Some(&Scope::LogSource { product: part("windows"), category: part("process_creation"), service: part("security") })
    );
    assert_eq!(rule::hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn detections() {
    for (detection, wanted) in [
        ("{A: x, B: 4688}", "(A=x & B=4688)"),
        ("{A: [x, 18446744073709551616, true]}", "(A=x | A=18446744073709551616 | A=true)"),
        ("- A: 1\n- B: 2\n  C: 3", "(A=1 | (B=2 & C=3))"),
        ("[one, 'two*']", "(:⟨*⟩one⟨*⟩ | :⟨*⟩two⟨*⟩)"),
        ("'|all': [one, two]", "(:⟨*⟩one⟨*⟩ & :⟨*⟩two⟨*⟩)"),
        ("'|cased': One", "cased:⟨*⟩One⟨*⟩"),
        ("'|startswith': One", ":One⟨*⟩"),
        ("just one", ":⟨*⟩just one⟨*⟩"),
        ("- A: 1\n- word", "(A=1 | :⟨*⟩word⟨*⟩)"),
        ("{A: null, B: ''}", "(!A? & B=)"),
        ("{A: []}", "!A?"),
        ("{A: [x, null]}", "(A=x | !A?)"),
        ("A|exists: true\nB|exists: false", "(A? & !B?)"),
        ("A|contains|all: [x, y]", "(A=⟨*⟩x⟨*⟩ & A=⟨*⟩y⟨*⟩)"),
        ("A|contains: 12", "A=⟨*⟩12⟨*⟩"),
        ("A|cased|endswith: Xy", "A==⟨*⟩Xy"),
        ("A|neq: [x, y]", "!(A=x | A=y)"),
        ("A|re|i|s: a.b", "A~/(?is)a.b/"),
        ("A|re: [a, b]", "(A~/a/ | A~/b/)"),
        ("A|cidr: [10.0.0.0/8, 'fe80::/10', 1.2.3.4]", "(A~10.0.0.0/8 | A~fe80::/10 | A~1.2.3.4/32)"),
        ("A|gte: 5\nB|lt: -1.5", "(A>=5 & B<-1.5)"),
        ("A|hour: 5\nB|hour|gte: 22\nC|lt|minute: 3", "(A.Hour=5 & B.Hour>=22 & C.Minute<3)"),
        ("A|fieldref: B", "A=<B>"),
        ("A|fieldref|endswith: B", "A=⟨*⟩<B>"),
        ("A|fieldref|cased|contains: B", "A=⟨*⟩<B>⟨*⟩ cased"),
        ("A|expand: 'p%two%s'", "(A=pa⟨*⟩s | A=pbs)"),
        ("A|contains|expand: '%one%'", "A=⟨*⟩x.y⟨*⟩"),
        ("A|re|expand: '^%one%$'", r"A~/^x\.y\n?\z/"),
        ("A|wide: ab", "A=a\u{2400}b\u{2400}"),
        ("A: \"a\\0b\"", "A=a\u{2400}b"),
        ("A|base64: 'é\\*'", "A=w6kq"),
    ] {
        assert_eq!(filter(detection, "s"), wanted, "{detection}");
    }
}

#[test]
fn conditions() {
    let with = |condition: &str| {
        let text = format!(
            "{HEAD}detection:\n  s: {{A: 1}}\n  s1: {{B: 1}}\n  s2: {{C: 1}}\n  _x: {{D: 1}}\n  notx: {{E: 1}}\n  condition: {condition}\n"
        );
        let (rules, diagnostics) = parse(&text);
        assert!(diagnostics.iter().all(|d| d.severity != Severity::Error), "{condition}: {diagnostics:#?}");
        show(&rules[0].query.filter)
    };
    for (condition, wanted) in [
        ("s or s1 and not s2", "(A=1 | (B=1 & !C=1))"),
        ("(s or s1) and s2", "((A=1 | B=1) & C=1)"),
        ("not s and s1", "(!A=1 & B=1)"),
        ("not not s", "A=1"),
        ("1 of s*", "(A=1 | B=1 | C=1)"),
        ("any of s*", "(A=1 | B=1 | C=1)"),
        ("all of them", "(A=1 & B=1 & C=1 & E=1)"),
        ("1 of _*", "D=1"),
        ("1 of *1", "B=1"),
        ("not 1 of s* and notx", "(!(A=1 | B=1 | C=1) & E=1)"),
        ("_x", "D=1"),
        ("[s, s1 and s2]", "(A=1 | (B=1 & C=1))"),
        ("\"s\\n  and s1\"", "(A=1 & B=1)"),
        ("s AND NOT s1", "(A=1 & !B=1)"),
    ] {
        assert_eq!(with(condition), wanted, "{condition}");
    }
}

#[test]
fn faults_of_items_have_a_code_and_a_place() {
    for (detection, code, at) in [
        ("A|contain: x", "sigma-unknown-modifier", "contain"),
        ("'A|contains|x': x", "sigma-unknown-modifier", "x"),
        ("A|i: x", "sigma-modifier-order", "i"),
        ("A|contains|base64: x", "sigma-modifier-order", "base64"),
        ("A|re|cidr: x", "sigma-modifier-combination", "cidr"),
        ("A|cidr|contains: 10.0.0.0/8", "sigma-modifier-combination", "A|cidr|contains"),
        ("A|cidr: 10.0.0.1/8", "sigma-cidr-host-bits", "10.0.0.1/8"),
        ("A|cidr: 10.0.0.0/33", "sigma-cidr", "10.0.0.0/33"),
        ("A|gt: '5'", "sigma-type", "'5'"),
        ("A|hour: 24", "sigma-type", "24"),
        ("A|exists: 'yes'", "sigma-type", "'yes'"),
        ("A|contains: null", "sigma-type", "null"),
        ("A|re: '(?<=a)b'", "sigma-regex-unsupported", "(?<="),
        ("A|re: '^D[a-z]++e'", "sigma-regex-unsupported", "++"),
        ("A|re: '(a'", "sigma-regex-invalid", "'(a'"),
        ("A|expand: '%nobody%'", "sigma-unresolved-placeholder", "'%nobody%'"),
        ("A|base64: 'a*'", "sigma-wildcard-in-encoding", "'a*'"),
        ("A|base64offset|contains: a", "sigma-value-too-short", "a"),
        ("A|utf16: a", "sigma-encoding", "a"),
        ("A|windash: -a -b -c -d -e -f", "sigma-rule-limit", "-a -b -c -d -e -f"),
        ("{A: {B: 1}}", "sigma-nested-value", "{B: 1}"),
        ("[[a]]", "sigma-nested-value", "[a]"),
        ("{}", "sigma-empty-detection", "{}"),
        ("[null]", "sigma-type", "null"),
        ("'|re': x", "sigma-unsupported-keyword-regex", "x"),
        ("'|cidr': 10.0.0.0/8", "sigma-keyword-modifier", "10.0.0.0/8"),
        ("A: '*'", "sigma-wildcard-only", "'*'"),
        ("A|contains: ''", "sigma-wildcard-only", "''"),
        ("A: []", "sigma-empty-list", "[]"),
        ("A|all: x", "sigma-all-of-one", "A|all"),
    ] {
        assert_eq!(fault(detection), (code, at.to_string()), "{detection}");
    }
}

#[test]
fn faults_of_conditions_have_a_place() {
    for (condition, code, at) in [
        ("s and", "sigma-condition-syntax", ""),
        ("(s", "sigma-condition-syntax", "("),
        ("s)", "sigma-condition-syntax", ")"),
        ("s s", "sigma-condition-syntax", "s"),
        ("and s", "sigma-condition-syntax", "and"),
        ("2 of s", "sigma-condition-syntax", "2"),
        ("s and sel", "sigma-unknown-detection", "sel"),
        ("s or 1 of x*", "sigma-unknown-detection", "1 of x*"),
        ("s | near a", "sigma-unsupported-aggregation", "| near a"),
        ("s | count() >> 5", "sigma-unsupported-aggregation", "| count() >> 5"),
        ("[s, s | count() > 5]", "sigma-unsupported-aggregation", "| count() > 5"),
        ("s OR s", "sigma-condition-case", "OR"),
    ] {
        let all = faults(&rule_of("{A: 1}", condition));
        assert_eq!(all, [(code, at.to_string())], "{condition}");
    }
    let nest = format!("{}s{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(faults(&rule_of("{A: 1}", &nest))[0].0, "sigma-rule-limit");
    let nest = format!("{}s{}", "(".repeat(1000), ")".repeat(1000));
    assert_eq!(faults(&rule_of("{A: 1}", &nest))[0].0, "sigma-rule-limit");
    assert_eq!(faults(&rule_of("{A: 1}", &"not ".repeat(1000)))[0].0, "sigma-rule-limit");
}

#[test]
fn faults_of_documents() {
    for (text, code, at) in [
        ("title: x\n", "sigma-missing-detection", "title"),
        ("- a\n", "sigma-type", "- a"),
        ("# nothing\n", "sigma-no-rule", ""),
        ("title: x\ncorrelation: {}\n", "sigma-correlation-missing", "correlation"),
        ("title: x\nfilter: {}\n", "sigma-missing-condition", "{}"),
        ("action: jump\n", "sigma-action", "jump"),
        ("action: repeat\n", "sigma-action", "repeat"),
        ("a: 1\na: 2\n", "yaml-duplicate-key", "a"),
    ] {
        assert!(faults(text).contains(&(code, at.to_string())), "{text}: {:?}", faults(text));
    }
    let text = "titel: x\nid: y\nstatus: new\ndate: 2024-02-30\ntags: [attack.t1, attack.lateral-move, plain]\nlevel: huge\n\
                logsource: {}\ndetection: {s: {A: 1}, t: {B: 2}, condition: s}\n";
    let codes: Vec<_> = faults(text).into_iter().map(|(code, at)| format!("{code} {at}")).collect();
    insta::assert_snapshot!(codes.join("\n"), @"
    sigma-missing-logsource {}
    sigma-unused-detection t
    sigma-missing-title titel
    sigma-invalid-id y
    sigma-invalid-status new
    sigma-invalid-level huge
    sigma-invalid-date 2024-02-30
    sigma-unknown-attack attack.t1
    sigma-unknown-attack attack.lateral-move
    sigma-invalid-tag plain
    sigma-misspelled-key titel
    ");
}

#[test]
fn action_documents() {
    let text = format!(
        "action: global\n{HEAD}detection:\n  condition: s\n---\ndetection: {{s: {{A: 1}}}}\n---\ntitle: U\nlogsource: {{service: system}}\ndetection: {{s: {{B: 1}}}}\n---\n\
         action: repeat\ndetection: {{s: {{C: 1}}}}\n---\naction: reset\n---\n{HEAD}detection: {{s: {{D: 1}}, condition: s}}\n"
    );
    let (rules, diagnostics) = parse(&text);
    assert!(diagnostics.iter().all(|d| d.severity != Severity::Error), "{diagnostics:#?}");
    let got: Vec<_> = rules.iter().map(|rule| format!("{} {}", rule.meta.title, show(&rule.query.filter))).collect();
    assert_eq!(got, ["T A=1", "U B=1", "U (B=1 & C=1)", "T D=1"]);
}

#[test]
fn long_lists_stay_flat_and_copies_are_limited() {
    let values: Vec<String> = (0..4432).map(|i| format!("v{i}")).collect();
    let text = rule_of(&format!("A: [{}]", values.join(", ")), "s");
    let (rules, _) = parse(&text);
    assert!(matches!(&rules[0].query.filter, Pred::Or(parts) if parts.len() == 4432));
    let condition = vec!["s"; 100].join(" or ");
    let text = rule_of(&format!("A: [{}]", values.join(", ")), &condition);
    assert_eq!(faults(&text)[0].0, "sigma-rule-limit");
}

fn shared(path: &str) -> Option<std::path::PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

fn vectors(name: &str) -> Vec<serde_json::Value> {
    let Some(path) = shared(&format!("reference/{name}")) else { return Vec::new() };
    let text = std::fs::read_to_string(path).expect("readable");
    serde_json::from_str(&text).expect("a JSON list")
}

#[test]
fn reference_vectors_of_escapes() {
    for vector in vectors("sigma-vectors-escape.json") {
        let raw = vector["in"].as_str().expect("text");
        let wanted: Vec<Part> = vector["parts"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|part| match part.as_str().expect("text") {
                "*(wild)" => Part::Any,
                "?(wild)" => Part::One,
                text => Part::Text(text.to_string()),
            })
            .collect();
        assert_eq!(text::Text::parse(raw).to_glob(false, false), Glob::new(wanted), "{raw}");
    }
}

/// Vectors where the other implementation is known to be wrong, or only spells the same thing in its own way, with what
/// is right: base64 of the literal text, UTF-16's byte order mark, offsets counted in bytes, address arithmetic,
/// a search needs no padding, placeholders without values refuse the rule.
const OTHERWISE: [(&str, &str, &str); 15] = [
    ("f|base64", r#""a\\*b""#, "f=YSpi"),
    ("f|utf16|base64", r#""ab""#, "f=//5hAGIA"),
    ("f|base64offset|contains", r#""é""#, "(f=⟨*⟩w6⟨*⟩ | f=⟨*⟩Op⟨*⟩ | f=⟨*⟩Dq⟨*⟩)"),
    ("f|utf16le|base64", r#""ab""#, "f=YQBiAA=="),
    ("f|cidr", r#""10.0.0.0/8""#, "f~10.0.0.0/8"),
    ("f|cidr", r#""192.168.0.0/23""#, "f~192.168.0.0/23"),
    ("f|cidr", r#""fe80::/10""#, "f~fe80::/10"),
    ("f|cidr", r#""::1/128""#, "f~::1/128"),
    ("f|re", r#""a.b""#, "f~/a.b/"),
    ("f|re|i", r#""a.b""#, "f~/(?i)a.b/"),
    ("f|re|contains", r#""^a""#, "f~/^a/"),
    ("f|expand", r#""%x%""#, "sigma-unresolved-placeholder"),
    ("f|expand", r#""\\%x%y%""#, "sigma-unresolved-placeholder"),
    ("f", "[]", "!f?"),
    ("f|hour", "5", "f.Hour=5"),
];

fn wanted_of(vector: &serde_json::Value) -> String {
    let (key, value) = (vector["key"].as_str().expect("text"), vector["value"].to_string());
    if let Some((.., wanted)) = OTHERWISE.iter().find(|(k, v, _)| *k == key && *v == value) {
        return (*wanted).to_string();
    }
    if vector.get("error").is_some() {
        return "error".into();
    }
    let leaf = |text: &str| match text {
        text if text.contains("SigmaNull") => "!f?".to_string(),
        "SigmaExists(exists=True)" => "f?".to_string(),
        text if text.starts_with("SigmaCompareExpression") => "f>5".to_string(),
        text if text.starts_with("SigmaFieldReference") => {
            let star = if text.contains("starts_with=True") { "⟨*⟩" } else { "" };
            format!("f={star}<g>{star}")
        }
        text => format!("f={}{text}", if key.contains("cased") { "=" } else { "" }),
    };
    let parts: Vec<String> = vector["out"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|part| match part {
            serde_json::Value::Array(group) if group.len() > 1 => {
                let group: Vec<_> = group.iter().map(|text| leaf(text.as_str().expect("text"))).collect();
                format!("({})", group.join(" | "))
            }
            serde_json::Value::Array(group) => leaf(group[0].as_str().expect("text")),
            text => leaf(text.as_str().expect("text")),
        })
        .collect();
    let word = if vector["link"] == "ConditionAND" { " & " } else { " | " };
    let joined = if parts.len() == 1 { parts[0].clone() } else { format!("({})", parts.join(word)) };
    if vector["neg"] == true { format!("!{joined}") } else { joined }
}

#[test]
fn reference_vectors_of_modifiers() {
    for vector in vectors("sigma-vectors-modifiers.json") {
        let key = vector["key"].as_str().expect("text");
        // JSON is YAML.
        let text = rule_of(&format!("{{\"{key}\": {}}}", vector["value"]), "s");
        let (rules, diagnostics) = parse(&text);
        let error = diagnostics.iter().find(|d| d.severity == Severity::Error).map(|d| d.code);
        let got = match (rules.first(), error) {
            (Some(rule), None) => show(&rule.query.filter),
            (None, Some(code)) => code.to_string(),
            other => panic!("{key}: {other:?}"),
        };
        match wanted_of(&vector).as_str() {
            "error" => assert!(error.is_some(), "{vector}: {got}"),
            wanted => assert_eq!(got, wanted, "{vector}"),
        }
    }
}

#[test]
fn every_rule_of_sigmahq_parses() {
    let Some(root) = shared("rules/sigmahq") else { return };
    let sources: Vec<Arc<SourceText>> = walkdir::WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "yml"))
        .map(|entry| (entry.path().display().to_string(), std::fs::read_to_string(entry.path()).expect("readable")))
        .map(|(path, text)| Arc::new(SourceText { path, text }))
        .collect();
    let (mut parsed, mut codes) = (0, BTreeMap::new());
    let start = Instant::now();
    for source in &sources {
        parsed += parse_rules(source, &SigmaOptions::default()).0.len();
    }
    eprintln!("{parsed} of {} files in {:?}", sources.len(), start.elapsed());
    for source in &sources {
        for diagnostic in parse_rules(source, &SigmaOptions { validate: true, ..SigmaOptions::default() }).1 {
            *codes.entry((diagnostic.severity, diagnostic.code)).or_insert(0) += 1;
            if diagnostic.severity != Severity::Note && std::env::var_os("RETROHUNT_SHOW").is_some() {
                eprintln!("{}", crate::diag::render(&[diagnostic]));
            }
        }
    }
    eprintln!("{codes:#?}");
    let errors: Vec<_> = codes.iter().filter(|((severity, _), _)| *severity == Severity::Error).collect();
    assert_eq!(parsed, sources.len() - 25);
    assert!(errors.iter().all(|((_, code), _)| *code == "sigma-unresolved-placeholder"), "{errors:?}");
}

mod never_panics {
    use proptest::prelude::*;

    use super::*;

    /// Texts made of what the languages are made of, so that a case gets past the first character.
    fn soup(words: &'static [&'static str]) -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof![4 => prop::sample::select(words).prop_map(String::from), 1 => any::<String>()], 0..24)
            .prop_map(|words| words.concat())
    }

    const CONDITION: &[&str] = &["s", " ", "not ", " and ", " or ", "(", ")", "1 of ", "all of ", "them", "s*", "_", "|", "x", "\n"];
    const YAML: &[&str] = &[
        "detection:",
        "\n  ",
        "\n",
        "condition: s",
        "s:",
        " ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "A|contains",
        "|all",
        ": ",
        ", ",
        "null",
        "4688",
        "|re",
        "|windash",
        "|base64offset",
        "|cidr",
        "|expand",
        "%two%",
        "*",
        "\\",
        "?",
        "-a",
        "/b",
        "10.0.0.0/8",
        "é",
        "&a ",
        "*a",
        "<<: ",
        "---\n",
        "#",
        "action: repeat",
        ">-\n",
        "|\n",
    ];

    fn check(text: &str) {
        let (_, diagnostics) = parse(text);
        for diagnostic in &diagnostics {
            if let Some(span) = diagnostic.span.clone() {
                assert!(text.get(span.clone()).is_some(), "{} {span:?} in {text:?}", diagnostic.code);
            }
        }
        let _ = crate::diag::render(&diagnostics);
    }

    proptest! {
        #[test]
        fn on_conditions(condition in soup(CONDITION)) {
            let quoted = serde_json::to_string(&condition).expect("text");
            check(&rule_of("{A: 1}", &quoted));
        }

        #[test]
        fn on_yaml(text in soup(YAML)) {
            check(&text);
            check(&rule_of(&text, "s"));
        }

        #[test]
        fn on_keys_and_values(key in "[A-Za-z|.é]{0,3}(\\|(contains|all|re|i|cased|windash|wide|base64|base64offset|expand|neq|exists|gt|hour|cidr|fieldref|startswith)){0,3}", value in any::<String>()) {
            let value = serde_json::to_string(&value).expect("text");
            check(&rule_of(&format!("{{\"{key}\": [{value}]}}"), "s"));
        }
    }
}
