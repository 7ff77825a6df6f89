//! Pages and YAML files: metadata, and where faults point.

use super::source;
use crate::ir::{RiskObject, RuleMeta, Stage};
use crate::spl::{Macros, parse_escu_yaml, parse_page};

const PAGE: &str = "---\ntitle: \"Own page\"\n---\n\n- **Type**: TTP\n- **ID**: 11111111-2222-3333-4444-555555555555\n\n#### [ATT&CK](https://x)\n\n| ID | Technique | Tactic |\n| -- | -- | -- |\n| [T1021](https://x) | Remote | Lateral Movement |\n\n| [T1021.002](https://x) | SMB | Lateral Movement |\n\n#### Search\n\n```\n`wineventlog_security` EventCode=5145 Access_Mask= \"0x2\"\n| stats min(_time) as firstTime count by user Share_Name\n| `security_content_ctime(firstTime)`\n| `own_page_filter`\n```\n\n#### Required field\n* _time\n* user\n\n#### RBA\n\n| Risk Score | Impact | Confidence | Message |\n| - | - | - | - |\n| 70.0 | 70 | 100 | $user$ wrote $Share_Name$ |\n";

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
    let text = PAGE.replace("| stats min", "| tstats count\n| multikv field=x \"y\"\n| stats min");
    let (rule, diagnostics) = parse_page(&source(&text), &Macros::builtin());
    assert!(rule.is_none());
    let places: Vec<_> = diagnostics.iter().map(|d| (d.code, &text[d.span.clone().unwrap()])).collect();
    assert_eq!(places, [("spl-unsupported-command", "tstats"), ("spl-unsupported-command", "multikv")]);
}

#[test]
fn comments_with_fences_stay_in_the_search() {
    let text = PAGE.replace("| stats min", "``` one\nmore ```\n```\nthree\n```\n| multikv \"x\"\n| stats min");
    let (_, diagnostics) = parse_page(&source(&text), &Macros::builtin());
    let places: Vec<_> = diagnostics.iter().map(|d| (d.code, &text[d.span.clone().unwrap()])).collect();
    assert_eq!(places, [("spl-unsupported-command", "multikv")]);
    let meta = crate::spl::page::metadata(&source(&text));
    assert_eq!((meta.required_fields.len(), meta.message.as_str()), (2, "$user$ wrote $Share_Name$"));
}

#[test]
fn values_of_a_page_may_be_links_and_carry_entities() {
    let text = PAGE
        .replace("- **Type**: TTP", "### :warning: THIS IS A EXPERIMENTAL DETECTION\n- **Type**: [Anomaly](https://x)")
        .replace("$user$ wrote", "it&#39;s $user$ | wrote")
        .replace("\n", "\r\n");
    let meta = crate::spl::page::metadata(&source(&text));
    assert_eq!((meta.detection_type.as_str(), meta.status.as_str()), ("Anomaly", "experimental"));
    assert_eq!(meta.message, "it's $user$ | wrote $Share_Name$");
}

fn escu(extra: &str) -> RuleMeta {
    let text = format!("name: Own\nid: 11111111-2222-3333-4444-555555555555\nversion: 3\nsearch: EventCode=1\n{extra}");
    let (rule, diagnostics) = parse_escu_yaml(&source(&text), &Macros::builtin());
    assert_eq!(diagnostics, []);
    rule.unwrap().meta
}

fn object(field: &str, kind: &str, score: Option<f64>) -> RiskObject {
    RiskObject { field: field.to_owned(), kind: kind.to_owned(), score }
}

#[test]
fn risk_of_the_new_form() {
    let meta = escu(concat!(
        "rba:\n  message: $user$ on $dest$\n  risk_objects:\n  - {field: user, type: user, score: 40}\n",
        "  - {field: dest, type: system, score: 64}\n  threat_objects: []\n",
        "tags:\n  analytic_story: [One, Two]\n  mitre_attack_id: [t1021.002]\n  security_domain: endpoint\n"
    ));
    assert_eq!(meta.message, "$user$ on $dest$");
    assert_eq!(meta.risk_objects, [object("user", "user", Some(40.0)), object("dest", "system", Some(64.0))]);
    assert_eq!(meta.risk.unwrap().score, 64.0);
    assert_eq!((meta.stories, meta.techniques), (vec!["One".to_owned(), "Two".to_owned()], vec!["T1021.002".to_owned()]));
    assert!(meta.tags.contains(&"security_domain:endpoint".to_owned()));
}

#[test]
fn risk_of_the_old_form() {
    let meta = escu(concat!(
        "tags:\n  message: $dest$ fell\n  impact: 70\n  confidence: 50\n  risk_score: 35\n  observable:\n",
        "  - {name: dest, type: Hostname, role: [Victim]}\n  - {name: dest, type: Endpoint, role: [Victim]}\n",
        "  - {name: user, type: User, role: [Attacker]}\n  - {name: f, type: File Name, role: [Victim]}\n"
    ));
    let risk = meta.risk.unwrap();
    assert_eq!((risk.score, risk.impact, risk.confidence), (35.0, Some(70.0), Some(50.0)));
    assert_eq!(meta.risk_objects, [object("dest", "system", None), object("f", "other", None)]);
    let meta = escu("tags:\n  message: $src_user$ met $Computer$\n  impact: 80\n  confidence: 50\n");
    assert_eq!(meta.risk.unwrap().score, 40.0);
    assert_eq!(meta.risk_objects, [object("src_user", "user", None), object("Computer", "system", None)]);
}

#[test]
fn faults_point_into_every_kind_of_yaml_text() {
    for yaml in [
        "search: a=1 | multikv x | stats count | foo\n",
        "search: 'a=''1'' | multikv x | stats count | foo'\n",
        "search: \"a=\\\"1\\\" | multikv x\\n| stats count | foo\"\n",
        "search: a=1 | multikv x\n  | stats\n  count | foo\n",
        "search: >\n    a=1\n    | multikv x\n\n    | stats count\n    | foo\n",
        "search: |-\n  a=1\n  | multikv x | stats count\n  | foo\n",
    ] {
        let text = format!("# ünicode\nname: n\nid: i\n{yaml}type: TTP\n");
        let (rule, diagnostics) = parse_escu_yaml(&source(&text), &Macros::builtin());
        assert!(rule.is_none());
        let places: Vec<_> = diagnostics.iter().map(|d| (d.code, &text[d.span.clone().unwrap()])).collect();
        assert_eq!(places, [("spl-unsupported-command", "multikv"), ("spl-unknown-command", "foo")], "{yaml}");
    }
}

#[test]
fn files_that_are_no_detections_say_so() {
    for (text, code) in
        [("", "spl-no-search"), ("name: x\n", "spl-no-search"), ("search: ''\nname: x\n", "spl-no-search"), ("search: [a\n", "yaml-syntax")]
    {
        let (rule, diagnostics) = parse_escu_yaml(&source(text), &Macros::builtin());
        assert!(rule.is_none());
        assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [code], "{text:?}");
    }
    let (rule, diagnostics) = parse_page(&source("#### Search\n\n#### Next\n```\nx=1\n```\n"), &Macros::builtin());
    assert!(rule.is_none() && diagnostics[0].code == "spl-no-search", "{diagnostics:?}");
}
