//! Pipelines over sets: their order, correlations, filters, legacy aggregations.

use super::*;
use crate::ir::Field;

fn names(fields: &[Field]) -> Vec<&str> {
    fields.iter().map(|field| field.name.as_str()).collect()
}

const BASE: &str = "title: Base\nname: base\nid: 8a4a8d0a-6f0e-4c0b-9a53-000000000001\nlogsource: {product: windows, category: process_creation}\n\
                    detection:\n  s: {A: 1}\n  condition: s\n";

fn correlation(rest: &str) -> String {
    format!(
        "title: C\nid: 8a4a8d0a-6f0e-4c0b-9a53-000000000002\ncorrelation:\n  rules: [base]\n  timespan: 1h\n  {}\n",
        rest.replace('\n', "\n  ")
    )
}

#[test]
fn pipelines_run_by_priority_then_as_given() {
    let suffix = |priority: &str, suffix: &str| format!("{priority}transformations: [{{type: field_name_suffix, suffix: {suffix}}}]\n");
    let texts = [suffix("priority: 20\n", "1"), suffix("", "2"), suffix("priority: 20\n", "3"), suffix("priority: -1\n", "4")];
    let (pipelines, faults) = read(&texts.each_ref().map(String::as_str));
    assert!(faults.is_empty());
    let (set, _) = link(&[&rule_of("{A: 1}")], &SigmaOptions { pipelines, ..SigmaOptions::default() });
    assert_eq!(show(&set.rules[0].rule.query.filter), "A4213=1");
}

#[test]
fn vars_are_of_their_own_pipeline() {
    let one = "vars: {a: x}\ntransformations: []\n";
    let other = "vars: {b: y}\ntransformations: [{type: value_placeholders}]\n";
    let (pipelines, _) = read(&[one, other]);
    let options = SigmaOptions { pipelines, ..SigmaOptions::default() };
    let (_, diagnostics) = link(&[&rule_of("{A|expand: '%a%'}")], &options);
    assert_eq!(diagnostics[0].code, "sigma-unresolved-placeholder");
}

#[test]
fn fields_of_correlations_are_mapped() {
    let map = options("- {type: field_name_mapping, mapping: {A: x, U: [u1, u2], V: v, W: w}}");
    let text = correlation("type: value_count\naliases: {al: {base: V}}\ngroup-by: [U, al, K]\ncondition: {field: W, gte: 2}");
    let (set, diagnostics) = link(&[BASE, &text], &map);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let input = &set.correlations[0].inputs[0];
    assert_eq!((names(&input.group_by), names(&input.values)), (vec!["u1", "u2", "v", "K"], vec!["w"]));
    let plain = link(&[BASE, &text], &SigmaOptions::default()).0;
    assert_ne!(plain.correlations[0].correlation.meta.hash, set.correlations[0].correlation.meta.hash);
}

#[test]
fn a_value_has_one_field() {
    let map = options("- {type: field_name_mapping, mapping: {W: [w1, w2]}}");
    let (set, diagnostics) = link(&[BASE, &correlation("type: value_count\ngroup-by: [K]\ncondition: {field: W, gte: 2}")], &map);
    assert_eq!((set.correlations.len(), set.refused), (0, 1));
    assert_eq!(diagnostics[0].code, "sigma-pipeline-fields");
}

#[test]
fn correlations_have_the_log_sources_of_their_rules() {
    let condition = |rest: &str| format!("- {{type: field_name_mapping, mapping: {{K: k}}, rule_conditions: [{rest}]}}");
    let grouped = |transformations: &str| {
        let (set, diagnostics) =
            link(&[&correlation("type: event_count\ngroup-by: [K]\ncondition: {gte: 2}"), BASE], &options(transformations));
        assert!(diagnostics.is_empty(), "{diagnostics:#?}");
        names(&set.correlations[0].inputs[0].group_by).join(",")
    };
    assert_eq!(grouped(&condition("{type: logsource, category: process_creation}")), "k");
    assert_eq!(grouped(&condition("{type: logsource, category: network}")), "K");
    assert_eq!(grouped(&condition("{type: is_sigma_correlation_rule}")), "k");
    assert_eq!(grouped(&condition("{type: is_sigma_rule}")), "K");
    assert_eq!(grouped(&condition("{type: rule_attribute, attribute: title, value: C}")), "k");
}

#[test]
fn what_refers_to_a_refused_correlation_is_refused() {
    let refuse = options("- {type: rule_failure, message: no, rule_conditions: [{type: rule_attribute, attribute: title, value: C}]}");
    let outer = "title: D\nid: 8a4a8d0a-6f0e-4c0b-9a53-000000000003\ncorrelation:\n  rules: [8a4a8d0a-6f0e-4c0b-9a53-000000000002]\n  type: event_count\n  timespan: 1h\n  condition: {gte: 2}\n";
    let inner = correlation("type: event_count\ncondition: {gte: 2}");
    let (set, diagnostics) = link(&[BASE, &inner, outer], &refuse);
    assert_eq!((set.correlations.len(), set.refused), (0, 2));
    let codes: Vec<&str> = diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["sigma-pipeline-failure", "sigma-correlation-reference"]);
}

#[test]
fn legacy_aggregations_are_mapped_with_their_rule() {
    let text = BASE.replace("condition: s", "condition: s | count(V) by U > 2\n  timeframe: 1h");
    let (set, diagnostics) = link(&[&text], &options("- {type: field_name_mapping, mapping: {A: x, U: u, V: v}}"));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    let input = &set.correlations[0].inputs[0];
    assert_eq!((names(&input.group_by), names(&input.values)), (vec!["u"], vec!["v"]));
}

const FILTER: &str = "title: F\nlogsource: {product: windows}\nfilter:\n  rules: any\n  f: {B|startswith: adm}\n  condition: f\n";

#[test]
fn filters_go_through_the_pipelines_with_their_rules() {
    // The filter alone has another log source than its rule, and not the field that the condition asks for.
    let map = "- {type: field_name_mapping, mapping: {A: x, B: y}, rule_conditions: [{type: logsource, category: process_creation}, {type: contains_field, field: A}]}";
    for order in [[BASE, FILTER], [FILTER, BASE]] {
        let (set, diagnostics) = link(&order, &options(map));
        assert!(diagnostics.is_empty(), "{diagnostics:#?}");
        assert_eq!(show(&set.rules[0].rule.query.filter), "(x=1 & !y=adm*)");
    }
    let plain = link(&[BASE], &options(map)).0;
    let (filtered, _) = link(&[BASE, FILTER], &options(map));
    assert_ne!(plain.rules[0].rule.meta.hash, filtered.rules[0].rule.meta.hash);
}

#[test]
fn filters_find_their_rules_by_the_log_source_of_the_file() {
    let (set, diagnostics) = link(&[BASE, FILTER], &options("- {type: change_logsource, product: other}"));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    assert_eq!(show(&set.rules[0].rule.query.filter), "(A=1 & !B=adm*)");
}

#[test]
fn placeholders_of_filters_get_values() {
    let filter = FILTER.replace("B|startswith: adm", "B|expand: '%v%'");
    let (set, diagnostics) = link(&[BASE, &filter], &options("- {type: value_placeholders}"));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    assert_eq!(show(&set.rules[0].rule.query.filter), "(A=1 & !(B=a | B=b*))");
}

#[test]
fn a_filter_that_a_pipeline_refuses_refuses_its_rules() {
    let refuse = "- {type: detection_item_failure, message: no B, field_name_conditions: [{type: include_fields, fields: [B]}]}";
    let (set, diagnostics) = link(&[BASE, FILTER], &options(refuse));
    assert_eq!((set.rules.iter().filter(|rule| rule.standalone).count(), set.refused), (0, 1));
    assert_eq!(diagnostics[0].code, "sigma-pipeline-failure");
}

#[test]
fn a_broken_filter_is_refused_and_not_its_rules() {
    let filter = FILTER.replace("B|startswith: adm", "B|re: '('");
    let (set, diagnostics) = link(&[BASE, &filter], &options("- {type: field_name_mapping, mapping: {A: x}}"));
    assert_eq!((diagnostics.len(), diagnostics[0].code, diagnostics[0].line_column()), (1, "sigma-regex-invalid", Some((5, 13))));
    assert_eq!(show(&set.rules[0].rule.query.filter), "x=1");
}

#[test]
fn an_idle_filter_is_reported_with_pipelines_too() {
    let filter = FILTER.replace("product: windows", "product: linux");
    let (set, diagnostics) = link(&[BASE, &filter], &options("- {type: field_name_mapping, mapping: {A: x}}"));
    assert_eq!((set.idle_filters, diagnostics[0].code), (1, "sigma-filter-idle"));
}

#[test]
fn what_pipelines_make_of_a_rule_is_bounded() {
    for step in [
        "- {type: field_name_prefix_mapping, mapping: {'': [a, b, c, d]}}\n",
        "- {type: map_string, mapping: {'1': ['1', '1', '1', '1']}}\n",
        "- {type: replace_string, regex: '(.*x.*)', replacement: '\\1\\1\\1\\1'}\n",
    ] {
        let text = rule_of("{A: [1, '1', xx]}") + "fields: [A]\n";
        let (set, diagnostics) = link(&[&text], &options(&step.repeat(20)));
        assert_eq!((set.rules.len(), diagnostics[0].code), (0, "sigma-rule-limit"), "{step}");
    }
}
