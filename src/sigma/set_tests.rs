//! Correlations, legacy aggregations and filters, over one file and over several.

use super::tests::{HEAD, show, source};
use super::*;
use crate::diag::Severity;
use crate::ir::{CorrelationKind, NumberOp, RuleExpression, ValueAggregate, WindowCondition};

fn options() -> SigmaOptions {
    SigmaOptions { validate: true, ..SigmaOptions::default() }
}

/// Codes and the text at their place.
type Faults = Vec<(&'static str, String)>;

/// Links some files; the codes of all diagnostics with the text at their place.
fn link(files: &[&str]) -> (LinkedSet, Faults) {
    let mut set = SigmaSet::default();
    let mut all = Vec::new();
    for text in files {
        all.extend(set.add(&source(text), &options()));
    }
    let (linked, diagnostics) = set.link();
    all.extend(diagnostics);
    let faults = all.into_iter().map(|d| {
        let text = d.source.as_ref().expect("a source").text.clone();
        (d.code, text[d.span.expect("a place")].to_string())
    });
    (linked, faults.collect())
}

fn rule(name: &str, id: u8) -> String {
    format!(
        "title: {name}\nname: {name}\nid: 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7c{id:02}\nlevel: low\nlogsource: {{product: windows, service: security}}\n\
         detection: {{s: {{EventID: {id}}}, condition: s}}\n"
    )
}

fn correlation(body: &str) -> String {
    format!("title: C\nname: c\nid: 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7c99\nlevel: high\ncorrelation: {body}\n")
}

#[test]
fn a_correlation_counts_events_of_its_rules() {
    let c = correlation(
        "{type: event_count, rules: [a, 8A4A8D0A-6f0e-4c0b-9a53-1f6a4f1f7c02], group-by: [User, ip], timespan: 5m, condition: {gte: 10, lt: 20}, aliases: {ip: {a: IpAddress}}}",
    );
    let (set, faults) = link(&[&rule("a", 1), &c, &rule("b", 2), &rule("d", 3)]);
    assert_eq!(faults, [("sigma-correlation-alias", "ip".to_string())]);
    let linked = &set.correlations[0];
    assert_eq!(linked.correlation.kind, CorrelationKind::EventCount);
    assert_eq!(linked.correlation.timespan_us, Some(300_000_000));
    assert_eq!(linked.correlation.condition, WindowCondition::Number(vec![(NumberOp::Ge, 10.0), (NumberOp::Lt, 20.0)]));
    let groups: Vec<Vec<&str>> = linked.inputs.iter().map(|i| i.group_by.iter().map(|f| f.name.as_str()).collect()).collect();
    assert_eq!(groups, [["User", "IpAddress"], ["User", "ip"]]);
    assert_eq!(linked.inputs.iter().map(|i| i.target).collect::<Vec<_>>(), [Target::Rule(0), Target::Rule(1)]);
    assert_eq!(set.rules.iter().map(|r| r.standalone).collect::<Vec<_>>(), [false, false, true]);
}

type Meaning = (CorrelationKind, WindowCondition);

/// The type and condition of a correlation over the rules `a` and `b`.
fn kinds(body: &str) -> (Option<Meaning>, Faults) {
    let (set, faults) = link(&[&rule("a", 1), &rule("b", 2), &correlation(body)]);
    let found = set.correlations.into_iter().next().map(|c| (c.correlation.kind, c.correlation.condition));
    (found, faults)
}

#[test]
fn types_and_conditions() {
    let rest = "group-by: [U], timespan: 1h";
    let rules = |expression| WindowCondition::Rules(expression);
    let (a, b) = (RuleExpression::Rule(0), RuleExpression::Rule(1));
    let ge = WindowCondition::Number(vec![(NumberOp::Ge, 3.0)]);
    let text = |names: &[&str]| names.iter().map(|n| (*n).to_string()).collect::<Vec<String>>();
    for (body, kind, condition) in [
        ("type: temporal, rules: [a, b]", CorrelationKind::Temporal, rules(RuleExpression::And(vec![a.clone(), b.clone()]))),
        ("type: temporal_ordered, rules: [a, b]", CorrelationKind::TemporalOrdered, rules(RuleExpression::And(vec![a.clone(), b.clone()]))),
        (
            "type: temporal, rules: [a, b], condition: a and not b",
            CorrelationKind::Temporal,
            rules(RuleExpression::And(vec![a.clone(), RuleExpression::Not(Box::new(b.clone()))])),
        ),
        ("type: temporal, rules: [a, b], condition: 1 of them", CorrelationKind::Temporal, rules(RuleExpression::Or(vec![a, b]))),
        ("type: temporal, rules: [a, b], condition: {gte: 3}", CorrelationKind::Temporal, ge.clone()),
        ("type: value_count, rules: a, condition: {field: [X, Y], gte: 3}", CorrelationKind::ValueCount(text(&["X", "Y"])), ge.clone()),
        ("type: value_sum, rules: a, condition: {field: X, gte: 3}", CorrelationKind::Value(ValueAggregate::Sum, "X".into()), ge.clone()),
        (
            "type: value_median, rules: a, condition: {field: X, gte: 3}",
            CorrelationKind::Value(ValueAggregate::Median, "X".into()),
            ge.clone(),
        ),
        (
            "type: value_percentile, rules: a, condition: {field: X, percentile: 95, gte: 3}",
            CorrelationKind::Value(ValueAggregate::Percentile(95.0), "X".into()),
            ge,
        ),
    ] {
        let (found, faults) = kinds(&format!("{{{body}, {rest}}}"));
        assert_eq!(found, Some((kind, condition)), "{body} {faults:?}");
        assert_eq!(faults, [], "{body}");
    }
}

#[test]
fn faults_of_correlations_have_a_place() {
    for (body, code, at) in [
        ("{rules: a, timespan: 1h, group-by: U, condition: {gte: 1}}", "sigma-correlation-missing", "correlation"),
        ("{type: event_counts, rules: a, timespan: 1h, group-by: U, condition: {gte: 1}}", "sigma-correlation-type", "event_counts"),
        ("{type: event_count, rules: [], timespan: 1h, group-by: U, condition: {gte: 1}}", "sigma-correlation-missing", "[]"),
        ("{type: event_count, rules: a, timespan: 1x, group-by: U, condition: {gte: 1}}", "sigma-timespan", "1x"),
        ("{type: event_count, rules: a, timespan: 1h, group-by: U}", "sigma-correlation-missing", "correlation"),
        ("{type: event_count, rules: a, timespan: 1h, group-by: U, condition: {}}", "sigma-correlation-condition", "{}"),
        ("{type: event_count, rules: a, timespan: 1h, group-by: U, condition: {gte: '1'}}", "sigma-type", "'1'"),
        ("{type: event_count, rules: a, timespan: 1h, group-by: U, condition: {gt: 5, lt: 5}}", "sigma-never-matches", "{gt: 5, lt: 5}"),
        ("{type: event_count, rules: a, timespan: 1h, group-by: U, condition: {field: x, gt: 5}}", "sigma-correlation-key", "field"),
        ("{type: event_count, rules: a, timespan: 1h, group_by: U, condition: {gt: 5}}", "sigma-correlation-key", "group_by"),
        ("{type: value_count, rules: a, timespan: 1h, group-by: U, condition: {gt: 5}}", "sigma-correlation-condition", "correlation"),
        (
            "{type: value_percentile, rules: a, timespan: 1h, group-by: U, condition: {field: x, gt: 5}}",
            "sigma-correlation-condition",
            "correlation",
        ),
        (
            "{type: value_sum, rules: a, timespan: 1h, group-by: U, condition: {field: [x, y], gt: 5}}",
            "sigma-correlation-condition",
            "value_sum",
        ),
        ("{type: temporal, rules: [a, b], timespan: 1h, group-by: U, condition: a and c}", "sigma-correlation-reference", "c"),
        (
            "{type: temporal, rules: [a, b], timespan: 1h, group-by: U, condition: a | count() > 5}",
            "sigma-unsupported-aggregation",
            "| count() > 5",
        ),
        ("{type: temporal, rules: [a], timespan: 1h, group-by: U}", "sigma-correlation-rules", "correlation"),
        ("{type: event_count, rules: a, timespan: 1h, condition: {gte: 1}}", "sigma-correlation-group", "correlation"),
        (
            "{type: event_count, rules: a, timespan: 1h, group-by: x, aliases: {x: {z: f}}, condition: {gte: 1}}",
            "sigma-correlation-reference",
            "z",
        ),
        ("{type: event_count, rules: a, timespan: 1h, group-by: x, generate: 1, condition: {gte: 1}}", "sigma-type", "1"),
        ("{type: event_count, rules: nobody, timespan: 1h, group-by: U, condition: {gte: 1}}", "sigma-correlation-reference", "nobody"),
        ("{type: event_count, rules: c, timespan: 1h, group-by: U, condition: {gte: 1}}", "sigma-correlation-cycle", "c"),
        ("[a]", "sigma-type", "[a]"),
    ] {
        let (_, faults) = kinds(body);
        assert!(faults.contains(&(code, at.to_string())), "{body}: {faults:?}");
    }
}

#[test]
fn chains_are_ordered_and_cycles_refused() {
    let c = |name: &str, rules: &str, id: u8| {
        format!(
            "title: {name}\nname: {name}\nid: 8a4a8d0a-6f0e-4c0b-9a53-1f6a4f1f7d{id:02}\nlevel: low\n\
             correlation: {{type: event_count, rules: [{rules}], group-by: U, timespan: 1h, condition: {{gte: 2}}}}\n"
        )
    };
    let (set, faults) =
        link(&[&c("top", "mid, a", 1), &c("mid", "a", 2), &rule("a", 1), &c("x", "y", 3), &c("y", "x", 4), &c("z", "y", 5)]);
    let names: Vec<_> = set.correlations.iter().map(|c| (c.correlation.meta.title.as_str(), c.standalone)).collect();
    assert_eq!(names, [("mid", false), ("top", true)]);
    assert_eq!(set.correlations[1].inputs[0].target, Target::Correlation(0));
    assert_eq!(faults.iter().filter(|(code, _)| *code == "sigma-correlation-cycle").count(), 3);
    let long: Vec<String> =
        (0..5000).map(|i| c(&format!("n{i}"), &format!("n{}", i + 1), 1).replace("7d01", &format!("{:04x}", i))).collect();
    let files: Vec<&str> = long.iter().map(String::as_str).collect();
    assert!(link(&files).0.correlations.is_empty());
}

#[test]
fn legacy_aggregations_are_correlations_of_their_rule() {
    let text = format!("{HEAD}detection: {{s: {{A: 1}}, timeframe: 10m, condition: 's | count(User) by Host > 5'}}\n");
    let (set, faults) = link(&[&text]);
    assert_eq!(faults, []);
    assert!(!set.rules[0].standalone);
    let linked = &set.correlations[0];
    assert_eq!(linked.correlation.kind, CorrelationKind::ValueCount(vec!["User".into()]));
    assert_eq!((linked.correlation.timespan_us, linked.standalone), (Some(600_000_000), true));
    assert_eq!(linked.inputs[0].group_by[0].name, "Host");
    assert_eq!(linked.correlation.meta.id, set.rules[0].rule.meta.id);
    let (rules, diagnostics) = parse_rules(&source(&text), &options());
    assert!(rules.is_empty());
    assert_eq!(diagnostics[0].code, "sigma-unsupported-aggregation");
    let (_, faults) = link(&[&format!("{HEAD}detection: {{s: {{A: 1}}, timeframe: 10m, condition: s}}\n")]);
    assert_eq!(faults, [("sigma-timeframe-without-effect", "timeframe".to_string())]);
}

#[test]
fn both_readings_of_a_filter_suppress_the_same() {
    let filter = |condition: &str, rules: &str, logsource: &str| {
        format!(
            "title: F\nlogsource: {logsource}\nfilter:\n  {rules}\n  selection: {{User|startswith: adm_}}\n  other: {{B: 1}}\n  condition: {condition}\n"
        )
    };
    let windows = "{product: windows}";
    for (condition, wanted) in [
        ("selection", "(EventID=1 & !User=adm_⟨*⟩)"),
        ("not selection", "(EventID=1 & !User=adm_⟨*⟩)"),
        ("selection or other", "(EventID=1 & !(User=adm_⟨*⟩ | B=1))"),
        ("not selection and not other", "(EventID=1 & !User=adm_⟨*⟩ & !B=1)"),
        ("not selection or not other", "(EventID=1 & (!User=adm_⟨*⟩ | !B=1))"),
        ("not selection and (not other or not selection)", "(EventID=1 & !User=adm_⟨*⟩ & (!B=1 | !User=adm_⟨*⟩))"),
        ("not (selection or other)", "(EventID=1 & !(User=adm_⟨*⟩ | B=1))"),
        ("not selection or other", "(EventID=1 & !(!User=adm_⟨*⟩ | B=1))"),
        ("selection and not other", "(EventID=1 & !(User=adm_⟨*⟩ & !B=1))"),
        ("all of them", "(EventID=1 & !(User=adm_⟨*⟩ & B=1))"),
    ] {
        let (set, _) = link(&[&rule("a", 1), &filter(condition, "rules: [a]", windows)]);
        assert_eq!(show(&set.rules[0].rule.query.filter), wanted, "{condition}");
    }
    for (rules, logsource, applies) in [
        ("rules: any", windows, true),
        ("rules: [8A4A8D0A-6f0e-4c0b-9a53-1f6a4f1f7c01]", windows, true),
        ("x_: {A: 1}", windows, true),
        ("rules: [b]", windows, false),
        ("rules: [a]", "{product: windows, service: Security}", true),
        ("rules: [a]", "{product: windows, service: system}", false),
        ("rules: [a]", "{category: process_creation}", false),
    ] {
        let (set, _) = link(&[&filter("selection", rules, logsource), &rule("a", 1)]);
        let plain = link(&[&rule("a", 1)]).0.rules.remove(0).rule;
        let applied = set.rules[0].rule.query.filter != plain.query.filter;
        assert_eq!(applied, applies, "{rules} {logsource}");
        assert_eq!(set.rules[0].rule.meta.hash != plain.meta.hash, applies);
        assert_eq!(set.idle_filters, usize::from(!applies));
    }
}

#[test]
fn one_file_alone_reports_what_it_cannot_hold() {
    let file =
        format!("{}---\n{}", rule("a", 1), correlation("{type: event_count, rules: a, group-by: U, timespan: 1h, condition: {gte: 2}}"));
    let (rules, diagnostics) = parse_rules(&source(&file), &options());
    assert!(rules.is_empty(), "a part of a correlation is no rule of its own");
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.code).collect();
    assert_eq!(errors, ["sigma-unsupported-correlation"]);
}

#[test]
fn documents_without_an_id_do_not_share_one_and_copies_are_left_out() {
    let bare =
        |name: &str| format!("title: {name}\nname: {name}\nlogsource: {{product: windows}}\ndetection: {{s: {{A: 1}}, condition: s}}\n");
    let file = source(&format!("{}---\n{}", bare("a"), bare("b")));
    let mut set = SigmaSet::default();
    for _ in 0..2 {
        assert!(set.add(&file, &SigmaOptions::default()).is_empty());
    }
    let ids: Vec<String> = set.link().0.rules.into_iter().map(|r| r.rule.meta.id).collect();
    assert_eq!(ids, [file.path.clone(), format!("{}#2", file.path)]);
}

#[test]
fn the_hash_of_a_correlation_covers_its_rules() {
    let c = correlation("{type: event_count, rules: a, group-by: U, timespan: 1h, condition: {gte: 2}}");
    let hash = |rule: &str| link(&[rule, &c]).0.lower().remove(0).meta.hash;
    assert_eq!(hash(&rule("a", 1)), hash(&rule("a", 1)));
    assert_ne!(hash(&rule("a", 1)), hash(&rule("a", 2)));
}

#[test]
fn an_order_needs_a_conjunction() {
    let body = |condition: &str| format!("{{type: temporal_ordered, rules: [a, b], group-by: U, timespan: 1h, condition: {condition}}}");
    for (condition, sound) in [
        ("a and b", true),
        ("a and not b", true),
        ("not (not a or b)", true),
        ("all of them", true),
        ("{gte: 2}", true),
        ("{gt: 1, lte: 2}", true),
        ("{gte: 1}", false),
        ("a or b", false),
        ("not a", false),
        ("1 of them", false),
    ] {
        let (set, faults) = link(&[&rule("a", 1), &rule("b", 2), &correlation(&body(condition))]);
        assert_eq!(!set.correlations.is_empty(), sound, "{condition} {faults:?}");
        assert_eq!(faults.iter().any(|(code, _)| *code == "sigma-correlation-condition"), !sound, "{condition} {faults:?}");
    }
}
