//! What is wrong with a pipeline, and where.

use super::*;

/// Codes and places of everything that is said of a pipeline.
fn faults(text: &str) -> Vec<String> {
    let (_, faults) = read(&[text]);
    let shown = |fault: &Diagnostic| {
        let (line, column) = fault.line_column().unwrap_or_default();
        format!("{} {line}:{column}{}", fault.code, fault.hints.iter().map(|hint| format!(" {hint}")).collect::<String>())
    };
    faults.iter().map(shown).collect()
}

fn of_item(item: &str) -> Vec<String> {
    faults(&format!("transformations:\n- {item}\n"))
}

#[test]
fn unknown_words_have_places_and_suggestions() {
    assert_eq!(faults("nam: x\ntransformations: []\n"), ["sigma-pipeline-key 1:1 did you mean `name`?"]);
    assert_eq!(
        of_item("{type: field_name_maping, mapping: {a: b}}"),
        ["sigma-pipeline-transformation 2:10 did you mean `field_name_mapping`?"]
    );
    assert_eq!(of_item("{type: drop_detection_item, idd: x}"), ["sigma-pipeline-key 2:31 did you mean `id`?"]);
    let condition = |condition: &str| of_item(&format!("{{type: drop_detection_item, rule_conditions: [{condition}]}}"));
    assert_eq!(condition("{type: logsorce, product: windows}"), ["sigma-pipeline-condition 2:56 did you mean `logsource`?"]);
    assert_eq!(
        condition("{type: logsource, produkt: windows}"),
        ["sigma-pipeline-key 2:67 did you mean `product`?", "sigma-pipeline-missing 2:56"]
    );
    assert_eq!(condition("{type: include_fields, fields: [a]}")[0].split(' ').next(), Some("sigma-pipeline-condition"), "of another kind");
    let both = of_item("{type: nothing_known, rule_conditions: [{type: nor_this}]}");
    assert_eq!(both.len(), 2, "all faults are reported: {both:?}");
    assert_eq!(of_item("{type: regex, method: plain}")[0].split(' ').next(), Some("sigma-pipeline-unsupported"));
}

#[test]
fn parameters_are_there_and_of_their_type() {
    for (item, code) in [
        ("{id: x}", "sigma-pipeline-missing 2:4"),
        ("{type: field_name_mapping}", "sigma-pipeline-missing 2:10"),
        ("{type: field_name_mapping, mapping: [a]}", "sigma-pipeline-type 2:39"),
        ("{type: field_name_mapping, mapping: {a: []}}", "sigma-pipeline-type 2:43"),
        ("{type: change_logsource}", "sigma-pipeline-missing 2:10"),
        ("{type: add_condition, conditions: {a: 1}, negated: maybe}", "sigma-pipeline-type 2:54"),
        ("{type: add_condition, conditions: {a|contain: 1}}", "sigma-unknown-modifier 2:40 did you mean `contains`?"),
        ("{type: add_condition, conditions: {a|re: '('}}", "sigma-regex-invalid 2:44"),
        ("{type: replace_string, regex: '(', replacement: x}", "sigma-pipeline-type 2:33"),
        ("{type: replace_string, regex: 'a', replacement: '\\1'}", "sigma-pipeline-type 2:51"),
        ("{type: case, method: uper}", "sigma-pipeline-type 2:24 did you mean `upper`?"),
        ("{type: file_placeholders, path: nowhere}", "sigma-pipeline-file 2:35"),
        ("{type: value_placeholders, include: [a], exclude: [b]}", "sigma-pipeline-type 2:53"),
        ("{type: hashes_fields, valid_hash_algos: [MD5], drop_algo_prefix: true}", "sigma-pipeline-type 2:10"),
        ("{type: nest, items: [{type: nothing}]}", "sigma-pipeline-transformation 2:31"),
        ("just a text", "sigma-pipeline-type 2:3"),
    ] {
        let found = of_item(item);
        assert!(found.len() == 1 && found[0].starts_with(code), "{item}: {found:?}");
    }
    assert!(of_item("{type: file_placeholders, path: names.txt, format: json}")[0].starts_with("sigma-pipeline-unsupported 2:54"));
    assert!(of_item("{type: drop_detection_item, detection_item_conditions: [{type: is_null}]}")[0].starts_with("sigma-pipeline-missing"));
    let level = "{type: drop_detection_item, rule_conditions: [{type: rule_attribute, attribute: level, value: huge}]}";
    assert!(of_item(level)[0].starts_with("sigma-pipeline-type"));
}

#[test]
fn expressions_name_their_conditions() {
    let item = |rest: &str| of_item(&format!("{{type: drop_detection_item, rule_conditions: {{a: {{type: is_sigma_rule}}}}, {rest}}}"));
    assert_eq!(item("rule_cond_expr: a"), Vec::<String>::new());
    assert!(item("rule_cond_expr: a and b")[0].starts_with("sigma-pipeline-expression 2:98"), "{:?}", item("rule_cond_expr: a and b"));
    assert!(item("rule_cond_expr: a and")[0].starts_with("sigma-condition-syntax"));
    assert!(item("rule_cond_expr: 1 of a*")[0].starts_with("sigma-pipeline-expression"));
    assert!(item("rule_cond_expr: a, rule_cond_op: or")[0].starts_with("sigma-pipeline-expression"));
    assert!(
        of_item("{type: drop_detection_item, rule_conditions: [{type: is_sigma_rule}], rule_cond_expr: a}")[0]
            .starts_with("sigma-pipeline-expression")
    );
}

#[test]
fn what_has_no_effect_is_said() {
    assert_eq!(
        faults("postprocessing: [{type: embed}]\nfinalizers: [{type: concat}]\n"),
        ["sigma-pipeline-output 1:1", "sigma-pipeline-output 2:1"]
    );
    let unused = "{type: set_state, key: a, val: b, field_name_conditions: [{type: include_fields, fields: [a]}]}";
    assert_eq!(of_item(unused), ["sigma-pipeline-condition-unused 2:10"]);
}

#[test]
fn documents_that_are_no_pipeline() {
    assert_eq!(faults("- a\n"), ["sigma-pipeline-type 1:1"]);
    assert_eq!(faults(""), ["sigma-pipeline-type 1:1"]);
    assert_eq!(faults("name: x\npriority: soon\n"), ["sigma-pipeline-type 2:11", "sigma-pipeline-missing 1:1"]);
    assert_eq!(faults("a: [\n")[0].split(' ').next(), Some("yaml-syntax"));
    assert_eq!(faults("name: x\npriority: 10\nallowed_backends: [splunk]\nvars: {a: b}\ntransformations: []\n"), Vec::<String>::new());
}

#[test]
fn nesting_has_a_limit() {
    let mut item = "{type: drop_detection_item}".to_string();
    for _ in 0..20 {
        item = format!("{{type: nest, items: [{item}]}}");
    }
    assert!(of_item(&item).iter().any(|fault| fault.starts_with("sigma-pipeline-type")));
}
