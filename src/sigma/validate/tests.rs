//! What validation says, and where.

use std::sync::Arc;

use crate::diag::{Diagnostic, Severity, SourceText};
use crate::sigma::{SigmaOptions, parse_rules};

const HEAD: &str = "title: T\nid: 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7c11\nlevel: high\n";
const TAIL: &str = "logsource: {product: windows}\ndetection: {s: {A: 1}, condition: s}\n";

fn said(text: &str) -> Vec<Diagnostic> {
    let source = Arc::new(SourceText { path: "t.yml".into(), text: text.into() });
    parse_rules(&source, &SigmaOptions { validate: true, ..SigmaOptions::default() }).1
}

/// Code, text at the place, hint.
fn lines(text: &str) -> Vec<String> {
    let line = |d: &Diagnostic| {
        let at = text.get(d.span.clone().expect("a place")).expect("on boundaries");
        format!("{} {} | {at} | {}", d.severity.as_str(), d.code, d.hints.join("; "))
    };
    said(text).iter().map(line).collect()
}

fn with(line: &str) -> Vec<String> {
    lines(&format!("{HEAD}{line}\n{TAIL}"))
}

#[test]
fn a_sound_rule_is_passed_in_silence() {
    let text = "date: 2024-01-01\nmodified: 2024-02-29\nstatus: test\nauthor: me\nlicense: MIT\n\
                tags: [attack.t1059.001, attack.lateral-movement, attack.s0154, cve.2021-44228, detection.threat-hunting, tlp.amber, my.own]\n\
                references: [a]\nfalsepositives: [b]\nfields: [c]\nregression_tests_path: x/info.yml\n\
                related: [{id: 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7c12, type: derived}]";
    assert_eq!(with(text), Vec::<String>::new());
}

#[test]
fn keys_and_words_have_suggestions() {
    for (line, expected) in [
        ("falsepositive: [x]", "warning sigma-misspelled-key | falsepositive | did you mean `falsepositives`?"),
        ("threat_score: 5", "note sigma-unknown-key | threat_score | "),
        ("status: Stable", "warning sigma-invalid-status | Stable | did you mean `stable`?"),
        ("status: draft", "warning sigma-invalid-status | draft | "),
        ("related: x", "warning sigma-type | x | "),
        ("tags: attack.t1059", "warning sigma-type | attack.t1059 | "),
        (
            "tags: [attack.lateral_movment]",
            "warning sigma-unknown-attack | attack.lateral_movment | did you mean `attack.lateral-movement`?",
        ),
        ("tags: [attack.t105]", "warning sigma-unknown-attack | attack.t105 | a technique is `attack.t1059` or `attack.t1059.001`"),
        ("tags: [atack.t1059]", "warning sigma-invalid-tag | atack.t1059 | did you mean `attack.t1059`?"),
        ("tags: [cve.20214]", "warning sigma-invalid-tag | cve.20214 | "),
        ("tags: [detection.hunting]", "warning sigma-invalid-tag | detection.hunting | "),
        ("tags: [Attack.T1059]", "warning sigma-invalid-tag | Attack.T1059 | "),
        ("tags: [x.]", "warning sigma-invalid-tag | x. | "),
        ("date: 2023-02-29", "warning sigma-invalid-date | 2023-02-29 | "),
        ("date: 2024-01-02\nmodified: 2024-01-01", "warning sigma-modified-before-date | 2024-01-01 | "),
    ] {
        assert_eq!(with(line), [expected], "{line}");
    }
    let text = format!("{HEAD}logsource: {{product: windows, catgory: x, host: y}}\ndetection: {{s: {{A: 1}}, condition: s}}\n");
    assert_eq!(
        lines(&text),
        ["warning sigma-misspelled-key | catgory | did you mean `category`?", "warning sigma-unknown-logsource-key | host | "]
    );
}

#[test]
fn missing_parts_are_errors_with_suggestions() {
    let text = format!("{HEAD}logsource: {{product: windows}}\ndetections: {{s: {{A: 1}}, condition: s}}\n");
    assert_eq!(lines(&text)[0], "error sigma-missing-detection | detections | did you mean `detection`?");
    let text = format!("{HEAD}logsource: {{product: windows}}\ndetection: {{s: {{A: 1}}, conditon: s}}\n");
    assert_eq!(lines(&text), ["error sigma-missing-condition | conditon | did you mean `condition`?"]);
    for (condition, expected) in [
        ("selectoin", "error sigma-unknown-detection | selectoin | did you mean `selection`?"),
        ("1 of selektion*", "error sigma-unknown-detection | 1 of selektion* | did you mean `selection*`?"),
        ("all of x*", "error sigma-unknown-detection | all of x* | the detections are: selection"),
    ] {
        let text = format!("{HEAD}logsource: {{product: windows}}\ndetection: {{selection: {{A: 1}}, condition: {condition}}}\n");
        assert!(lines(&text).contains(&expected.to_owned()), "{:?}", lines(&text));
    }
}

/// The place of the warning that a rule can never match; none where there is no such warning.
fn never(detections: &str, condition: &str) -> Option<String> {
    let text =
        format!("{HEAD}logsource: {{product: windows}}\ndetection:\n  {}\n  condition: {condition}\n", detections.replace('\n', "\n  "));
    let found: Vec<_> = said(&text).into_iter().filter(|d| d.code == "sigma-never-matches").collect();
    assert!(found.len() < 2 && found.iter().all(|d| d.severity == Severity::Warning), "{found:#?}");
    found.first().map(|d| text[d.span.clone().expect("a place")].to_owned())
}

#[test]
fn conditions_that_no_event_meets_are_warned_of() {
    for (detections, condition, place) in [
        ("a: {E: 1}\nb: {E: 2}", "a and b", "a and b"),
        ("a: {E: [1, 2]}\nb: {E: [3, 4]}", "all of them", "all of them"),
        ("a: {E: 1, X: y}\nb: {E: 1}", "a and not b", "a and not b"),
        ("a: {X|contains: y}", "a and not a", "a and not a"),
        ("a: {X|contains: y, Z|endswith: z}", "a and not a", "a and not a"),
        ("a: {X|contains: y, Z|endswith: z}\nb: {X|contains: [w, y]}", "a and not b", "a and not b"),
        ("a: [{X|contains: y}, {X|contains: z}]", "a and not a", "a and not a"),
        ("a: {I: 'C:\\x\\cmd.exe'}\nb: {I|endswith: '\\powershell.exe'}", "a and b", "a and b"),
        ("a: {P: null}\nb: {P|contains: x}", "a and b", "a and b"),
        ("a: [{E: 1, X: y}, {E: 2, X: z}]\nb: [{E: 3, X: y}, {E: 4}]", "a and b", "a and b"),
        ("a: {N: 5}\nb: {N|gt: 10}", "a and b", "a and b"),
        ("a: {A: 10.0.0.1}\nb: {A|cidr: 192.168.0.0/16}", "a and b", "a and b"),
        ("a: {X|contains|all: [p, q], X: r}", "a", "r"),
        ("a: {E: 1}\nb: {E: 2}\nc: {E: 3}", "(a and b) or (b and c)", "(a and b) or (b and c)"),
    ] {
        assert_eq!(never(detections, condition).as_deref(), Some(place), "{detections}");
    }
}

#[test]
fn a_contradiction_is_quoted_in_one_line() {
    let text = format!(
        "{HEAD}logsource: {{product: windows}}\ndetection:\n  a: {{E: [1, 2]}}\n  b: {{E: [3, 4, 5, 6, 7], X: y}}\n  condition: a and b\n"
    );
    let expected =
        "no event meets the condition: `E = \"1\"` and `(E = \"3\" or E = \"4\" or E = \"5\" or E = \"6\" …)` exclude each other";
    assert_eq!(said(&text).iter().map(|d| d.message.as_str()).collect::<Vec<_>>(), [expected]);
}

#[test]
fn conditions_that_some_event_meets_are_not() {
    for (detections, condition) in [
        ("a: {E: [1, 2]}\nb: {E: [2, 3]}", "a and b"),
        ("a: {E: 1}\nb: {E: 2}", "a or b"),
        ("a: {E: 1}\nb: {F: 2}", "a and not b"),
        ("a: {X|contains: y}\nb: {X|contains: y, Z|endswith: z}", "a and not b"),
        ("a: {X|contains: [w, y]}\nb: {X|contains: y}", "a and not b"),
        ("a: {X: y}\nb: {X|cased: Y}", "a and b"),
        ("a: {X: Y}\nb: {X|cased: Y}", "a and not b"),
        ("a: {X: abc}\nb: {X|re: '^A'}", "a and b"),
        ("a: {X: '*'}\nb: {X: ''}", "a and b"),
        ("a: {E: 1}\nb: {E: 2}\nc: {F: 1}", "c or (a and b)"),
        ("a: {P: null}\nb: {Q|contains: x}", "a and b"),
    ] {
        assert_eq!(never(detections, condition), None, "{detections}");
    }
}

#[test]
fn large_lists_are_judged_in_bounded_time() {
    let list = |letter: &str| (0..5_000).map(|i| format!("{letter}{i}")).collect::<Vec<_>>().join(", ");
    let detections = format!("a: {{X: [{}]}}\nb: {{X: [{}]}}", list("a"), list("b"));
    assert_eq!(never(&detections, "a and b"), None);
}
