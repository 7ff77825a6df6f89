//! When a transformation runs.

use super::*;

/// Whether a rule condition holds for a rule.
#[track_caller]
fn holds(condition: &str, text: &str) -> bool {
    let transformations = format!("- {{type: add_condition, conditions: {{hit: 1}}, rule_conditions: [{condition}]}}");
    show(&rule(&transformations, text).query.filter).contains("hit=1")
}

/// What is left of a detection when the items that meet a condition are marked.
#[track_caller]
fn marked(condition: &str, detection: &str) -> String {
    becomes(&format!("- {{type: field_name_suffix, suffix: '!', {condition}}}"), detection)
}

fn on_items(condition: &str, detection: &str) -> String {
    marked(&format!("detection_item_conditions: [{condition}]"), detection)
}

fn on_fields(condition: &str, detection: &str) -> String {
    marked(&format!("field_name_conditions: [{condition}]"), detection)
}

#[test]
fn log_sources() {
    let text = rule_of("{A: 1}");
    assert!(holds("{type: logsource, product: Windows}", &text));
    assert!(!holds("{type: logsource, product: windows, category: process_creation}", &text));
    assert!(!holds("{type: logsource, product: linux}", &text));
    let changed = "\
- {type: change_logsource, product: linux}
- {type: add_condition, conditions: {hit: 1}, rule_conditions: [{type: logsource, product: linux}]}";
    assert_eq!(becomes(changed, "{A: 1}"), "(hit=1 & A=1)", "what it is now counts");
}

#[test]
fn what_a_rule_contains() {
    let text = rule_of("{A: [x, 1], B|contains: y}");
    assert!(holds("{type: contains_field, field: B}", &text));
    assert!(!holds("{type: contains_field, field: b}", &text));
    assert!(holds("{type: contains_detection_item, field: A, value: x}", &text));
    assert!(holds("{type: contains_detection_item, field: A, value: 1}", &text));
    assert!(!holds("{type: contains_detection_item, field: A, value: '1'}", &text), "types differ");
    assert!(holds("{type: contains_detection_item, field: B, value: '*y*'}", &text));
    assert!(!holds("{type: contains_detection_item, field: B, value: y}", &text));
}

#[test]
fn what_placeholders_stand_for_are_values() {
    let given = |transformation: &str| {
        let text = "vars: {names: [a, 'b*', foo]}\ntransformations:\n- {type: value_placeholders}\n".to_owned() + transformation;
        let (pipelines, faults) = read(&[&text]);
        assert!(faults.is_empty(), "{faults:#?}");
        let options = SigmaOptions { pipelines, ..SigmaOptions::default() };
        let of = |detection: &str| show(&link(&[&rule_of(detection)], &options).0.rules[0].rule.query.filter);
        let (expanded, written) = (of("{A|expand: '%names%'}"), of("{A: [a, 'b*', foo]}"));
        assert_eq!(expanded, written, "{transformation}");
        expanded
    };
    let contains = |value: &str| {
        given(&format!(
            "- {{type: field_name_suffix, suffix: s, rule_conditions: [{{type: contains_detection_item, field: A, value: {value}}}]}}"
        ))
    };
    assert_eq!(contains("foo"), "(As=a | As=b* | As=foo)");
    assert_eq!(contains("'b*'"), "(As=a | As=b* | As=foo)");
    assert_eq!(contains("b"), "(A=a | A=b* | A=foo)");
    let on_items =
        |condition: &str| given(&format!("- {{type: field_name_suffix, suffix: s, detection_item_conditions: [{{{condition}}}]}}"));
    assert_eq!(on_items("type: match_value, value: foo, cond: any"), "(As=a | As=b* | As=foo)");
    assert_eq!(on_items("type: match_value, value: foo, cond: all"), "(A=a | A=b* | A=foo)");
    assert_eq!(on_items("type: match_string, pattern: '[abf]', cond: all"), "(As=a | As=b* | As=foo)");
    assert_eq!(on_items("type: match_string, pattern: foo, cond: all"), "(A=a | A=b* | A=foo)");
    assert_eq!(on_items("type: contains_wildcard, cond: all"), "(A=a | A=b* | A=foo)");
}

#[test]
fn kinds_of_rules() {
    assert!(holds("{type: is_sigma_rule}", &rule_of("{A: 1}")));
    assert!(!holds("{type: is_sigma_correlation_rule}", &rule_of("{A: 1}")));
}

#[test]
fn attributes() {
    let text = rule_of("{A: 1}") + "date: 2024-03-01\nstatus: test\nmy: 5\nauthor: Ann\ntags: [attack.t1021, cve.2024-1]\n";
    for yes in [
        "attribute: level, value: high",
        "attribute: level, value: medium, op: gte",
        "attribute: status, value: experimental, op: gt",
        "attribute: date, value: 2024-01-31, op: gte",
        "attribute: my, value: 4, op: gt",
        "attribute: author, value: Bob, op: ne",
        "attribute: tags, value: cve.2024-1, op: in",
        "attribute: tags, value: cve, op: not_in",
    ] {
        assert!(holds(&format!("{{type: rule_attribute, {yes}}}"), &text), "{yes}");
    }
    for no in ["attribute: level, value: high, op: lt", "attribute: nobody, value: x, op: ne", "attribute: tags, value: cve.2024-1"] {
        assert!(!holds(&format!("{{type: rule_attribute, {no}}}"), &text), "{no}");
    }
    assert!(holds("{type: tag, tag: attack.t1021}", &text));
    assert!(!holds("{type: tag, tag: attack.t1022}", &text));
    let custom = "\
- {type: set_custom_attribute, attribute: team, value: red}
- {type: add_condition, conditions: {hit: 1}, rule_conditions: [{type: rule_attribute, attribute: team, value: red}]}";
    assert_eq!(becomes(custom, "{A: 1}"), "(hit=1 & A=1)");
}

#[test]
fn states_are_of_one_rule() {
    let state = "\
- {type: set_state, key: n, val: 3, rule_conditions: [{type: contains_field, field: A}]}
- {type: field_name_suffix, suffix: '!', rule_conditions: [{type: processing_state, key: n, val: 2, op: gt}]}
- {type: field_name_suffix, suffix: '?', detection_item_conditions: [{type: processing_state, key: n, val: 3}]}
- {type: field_name_suffix, suffix: '.', field_name_conditions: [{type: processing_state, key: n, val: x, op: ne}]}";
    assert_eq!(becomes(state, "{A: 1}"), "A!?.=1");
    assert_eq!(becomes(state, "{B: 1}"), "B=1");
    let (set, _) = link(&[&rule_of("{A: 1}"), &rule_of("{B: 1}").replace("title: T", "title: U")], &options(state));
    assert_eq!(show(&set.rules[1].rule.query.filter), "B=1");
}

#[test]
fn items_by_their_values() {
    let matches = |rest: &str| format!("{{type: match_string, {rest}}}");
    assert_eq!(on_items(&matches("cond: any, pattern: 'a.c'"), "{A: [abc, x], B: xabc}"), "((A!=abc | A!=x) & B=xabc)");
    assert_eq!(on_items(&matches("cond: all, pattern: 'a'"), "{A: [abc, x], B: a}"), "((A=abc | A=x) & B!=a)");
    assert_eq!(on_items(&matches("cond: any, pattern: 'a', negate: true"), "{A: abc, B: 5}"), "(A=abc & B!=5)");
    assert_eq!(on_items(&matches("cond: any, pattern: '\\*a\\*$'"), "{A|contains: a}"), "A!=*a*");
    assert_eq!(on_items("{type: match_value, cond: any, value: 5}", "{A: 5, B: '5'}"), "(A!=5 & B=5)");
    assert_eq!(on_items("{type: contains_wildcard, cond: any}", r"{A: 'a?', B: 'a\*', C|endswith: x}"), r"(A!=a? & B=a\* & C!=*x)");
    assert_eq!(on_items("{type: is_null, cond: all}", "{A: null, B: ''}"), "(!A!? & B=)");
}

#[test]
fn items_by_what_changed_them() {
    let applied = |kind: &str| {
        format!(
            "- {{id: m, type: field_name_mapping, mapping: {{A: x, B: [y, z]}}}}\n\
             - {{type: field_name_suffix, suffix: '!', {kind}: [{{type: processing_item_applied, processing_item_id: m}}]}}"
        )
    };
    assert_eq!(becomes(&applied("detection_item_conditions"), "{A: 1, B: 2, C: 3}"), "(x!=1 & (y!=2 | z!=2) & C=3)");
    assert_eq!(becomes(&applied("field_name_conditions"), "{A: 1, C: 3}"), "(x!=1 & C=3)");
    assert_eq!(becomes(&applied("field_name_conditions"), "{K|fieldref: A}"), "K!=<x!>");
}

#[test]
fn fields_by_their_names() {
    assert_eq!(on_fields("{type: include_fields, fields: [A, B]}", "{A: 1, B: 2, AB: 3}"), "(A!=1 & B!=2 & AB=3)");
    assert_eq!(on_fields("{type: include_fields, fields: ['A.'], mode: re}", "{A: 1, ABC: 2, xAB: 3}"), "(A=1 & ABC!=2 & xAB=3)");
    assert_eq!(on_fields("{type: exclude_fields, fields: A}", "{A: 1, B: 2}"), "(A=1 & B!=2)");
    assert_eq!(on_fields("{type: exclude_fields, fields: ['^A'], mode: re}", "{AB: 1, B: 2}"), "(AB=1 & B!=2)");
}

#[test]
fn conditions_are_joined() {
    let two = "[{type: include_fields, fields: [A, B]}, {type: include_fields, fields: [B, C]}]";
    let joined = |rest: &str| marked(&format!("field_name_conditions: {two}{rest}"), "{A: 1, B: 2, C: 3, D: 4}");
    assert_eq!(joined(""), "(A=1 & B!=2 & C=3 & D=4)");
    assert_eq!(joined(", field_name_cond_op: or"), "(A!=1 & B!=2 & C!=3 & D=4)");
    assert_eq!(joined(", field_name_cond_not: true"), "(A!=1 & B=2 & C!=3 & D!=4)");
    let named = "{one: {type: include_fields, fields: [A, B]}, two: {type: include_fields, fields: [B, C]}}";
    let expression =
        |text: &str| marked(&format!("field_name_conditions: {named}, field_name_cond_expr: {text}"), "{A: 1, B: 2, C: 3, D: 4}");
    assert_eq!(expression("one and not two"), "(A!=1 & B=2 & C=3 & D=4)");
    assert_eq!(expression("not (one or two)"), "(A=1 & B=2 & C=3 & D!=4)");
    assert_eq!(expression("'not one and not two or two and one'"), "(A=1 & B!=2 & C=3 & D!=4)");
    let rules =
        "rule_conditions: {w: {type: logsource, product: windows}, a: {type: contains_field, field: A}}, rule_cond_expr: w and not a";
    assert_eq!(marked(rules, "{A: 1}"), "A=1");
    assert_eq!(marked(rules, "{B: 1}"), "B!=1");
    let items = "detection_item_conditions: {n: {type: is_null, cond: any}, s: {type: match_string, cond: any, pattern: x}}, \
                 detection_item_cond_expr: n or s";
    assert_eq!(marked(items, "{A: null, B: x, C: y}"), "(!A!? & B!=x & C=y)");
    let negated = "rule_conditions: [{type: contains_field, field: A}], rule_cond_not: true";
    assert_eq!(marked(negated, "{B: 1}"), "B!=1");
}
