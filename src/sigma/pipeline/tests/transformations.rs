//! What each transformation does to a rule.

use super::*;
use crate::ir::Scope;

#[test]
fn fields_get_other_names() {
    let map = "- {type: field_name_mapping, mapping: {A: x, B: [y, z], C: D, D: E}}";
    assert_eq!(becomes(map, "{A: 1}"), "x=1");
    assert_eq!(becomes(map, "{A|startswith: q, B: 2, K: 3}"), "(x=q* & (y=2 | z=2) & K=3)");
    assert_eq!(becomes(map, "{C: 1}"), "D=1", "one mapping maps once");
    assert_eq!(becomes(map, "{B|contains|all: [p, q]}"), "((y=*p* & y=*q*) | (z=*p* & z=*q*))");
    assert_eq!(becomes(map, "[word]"), ":*word*");
    assert_eq!(becomes("- {type: field_name_mapping, mapping: {null: x}}", "[word, 'w*']"), "(x=*word* | x=*w*)");
    assert_eq!(becomes("- {type: field_name_mapping, mapping: {'null': x}}", "[word]"), ":*word*");
}

#[test]
fn what_is_denied_is_denied_of_every_field() {
    let map = "- {type: field_name_mapping, mapping: {B: [y, z]}}";
    assert_eq!(becomes(map, "{B|neq: 2}"), "(!y=2 & !z=2)");
    assert_eq!(becomes(map, "{B: null}"), "(!y? & !z?)");
    assert_eq!(becomes(map, "{B|exists: true}"), "(y? | z?)");
    assert_eq!(becomes(map, "{B|exists: false}"), "(!y? & !z?)");
    assert_eq!(becomes(map, "{B|neq: null}"), "(y? | z?)");
    assert_eq!(becomes(map, "{B: [null, 2]}"), "((!y? & !z?) | y=2 | z=2)");
    assert_eq!(becomes(map, "{B|neq: [null, 2]}"), "((y? | z?) & !y=2 & !z=2)");
    assert_eq!(becomes(map, "{B: []}"), "(!y? & !z?)");
}

#[test]
fn references_to_fields_follow() {
    let map = "- {type: field_name_mapping, mapping: {A: x, B: [y, z]}}";
    assert_eq!(becomes(map, "{A|fieldref: B}"), "(x=<y> | x=<z>)");
    assert_eq!(becomes(map, "{K|fieldref: A}"), "K=<x>");
    assert_eq!(becomes(map, "{K|fieldref|all: [A, B]}"), "(K=<x> & (K=<y> | K=<z>))");
    let only = "- {type: field_name_mapping, mapping: {A: x, B: y}, field_name_conditions: [{type: include_fields, fields: [B]}]}";
    assert_eq!(becomes(only, "{A|fieldref: B}"), "A=<y>");
}

#[test]
fn prefixes_and_suffixes() {
    let map = "- {type: field_name_prefix_mapping, mapping: {win.: w_, a: [b, c]}}";
    assert_eq!(becomes(map, "{win.Image: 1, ab: 2, other: 3}"), "(w_Image=1 & (bb=2 | cb=2) & other=3)");
    assert_eq!(becomes("- {type: field_name_prefix, prefix: p.}", "{A: 1}"), "p.A=1");
    assert_eq!(becomes("- {type: field_name_suffix, suffix: .s}\n- {type: field_name_prefix, prefix: p.}", "{A: 1}"), "p.A.s=1");
    assert_eq!(becomes("- {type: field_name_prefix, prefix: p.}", "[word]"), ":*word*");
}

#[test]
fn conditions_are_added() {
    let add = "- {type: add_condition, conditions: {index: [a, b], 'Image|endswith': '\\x.exe'}}";
    assert_eq!(
        becomes(add, "{A: 1}"),
        r"(((index=a | index=b) & Image=*\x.exe) & A=1)".replace("((index", "(index").replace("exe) &", "exe &")
    );
    assert_eq!(becomes("- {type: add_condition, conditions: {i: 1}, negated: true}", "{A: 1}"), "(!i=1 & A=1)");
    let template = "- {type: add_condition, template: true, conditions: {i: ['$product-$service', '$category']}}";
    assert_eq!(becomes(template, "{A: 1}"), "((i=windows- | i=) & A=1)");
    let then = "- {type: add_condition, conditions: {A: 2}}\n- {type: field_name_mapping, mapping: {A: x}}";
    assert_eq!(becomes(then, "{A: 1}"), "(x=2 & x=1)", "later items see it");
    let expand = "- {type: add_condition, conditions: {i|expand: '%v%'}}\n- {type: value_placeholders}";
    assert_eq!(becomes(expand, "{A: 1}"), "((i=a | i=b*) & A=1)");
    let two = "- {type: add_condition, conditions: {i: 1}}\n- {type: add_condition, conditions: {j: 1}}";
    assert_eq!(becomes(two, "{A: 1}"), "(j=1 & i=1 & A=1)");
}

#[test]
fn an_added_condition_holds_for_every_alternative() {
    let text = format!("{HEAD}detection:\n  a: {{A: 1}}\n  b: {{B: 1}}\n  condition: a or b\n");
    assert_eq!(show(&rule("- {type: add_condition, conditions: {i: 1}}", &text).query.filter), "(i=1 & (A=1 | B=1))");
}

#[test]
fn the_log_source_is_another() {
    let query = rule("- {type: change_logsource, category: Process_Creation}", &rule_of("{A: 1}")).query;
    let expected = Scope::LogSource { product: None, category: Some("process_creation".into()), service: None };
    assert_eq!(query.scope(), Some(&expected));
}

#[test]
fn items_are_dropped() {
    let drop = "- {type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: [A]}]}";
    assert_eq!(becomes(drop, "{A: 1, B: 2}"), "B=2");
    assert_eq!(becomes(drop, "[{A: 1}, {B: 2}]"), "B=2");
    let text = |condition: &str| format!("{HEAD}detection:\n  s: {{A: 1}}\n  t: {{B: 1}}\n  condition: {condition}\n");
    assert_eq!(show(&rule(drop, &text("t and not s")).query.filter), "B=1", "not of nothing is nothing");
    assert_eq!(show(&rule(drop, &text("all of them")).query.filter), "B=1");
    assert!(refused(drop, &text("not s")).starts_with("sigma-pipeline-empty 8:14"), "{}", refused(drop, &text("not s")));
}

#[test]
fn placeholders_get_values() {
    let vars = "- {type: value_placeholders}";
    assert_eq!(becomes(vars, "{A|expand: '%v%'}"), "(A=a | A=b*)");
    assert_eq!(becomes(vars, "{A|contains|expand: 'x%v%'}"), "(A=*xa* | A=*xb*)");
    assert_eq!(becomes(vars, "{A|re|expand: '^%v%$'}"), r"(A~/^a\n?\z/ | A~/^b\\*\n?\z/)");
    assert_eq!(becomes(vars, "{A: '%v%'}"), "A=%v%", "without `expand` it is a text");
    let all = "- {type: wildcard_placeholders}";
    assert_eq!(becomes(all, "{A|expand: 'x%u%'}"), "A=x*");
    assert_eq!(becomes(all, "{A|re|expand: 'x%u%y'}"), r"A~/x.\*y/");
    let both = "- {type: value_placeholders, include: [v]}\n- {type: wildcard_placeholders, exclude: [v]}";
    assert_eq!(becomes(both, "{A|expand: '%v%-%u%'}"), "(A=a-* | A=b*-*)");
    assert!(refused(vars, &rule_of("{A|expand: '%u%'}")).starts_with("sigma-unresolved-placeholder"));
    assert!(refused(all, &rule_of("{A|cidr|expand: '%u%'}")).starts_with("sigma-cidr"), "an address is no wildcard");
}

#[test]
fn nothing_replaces_a_part_of_a_placeholder() {
    let replace = |regex: &str, then: &str| format!("- {{type: replace_string, regex: '{regex}', replacement: b}}{then}");
    let text = rule_of("{A|expand: 'xa%names%'}");
    for regex in ["a", "names", "(.*)m", "$a", "%n"] {
        assert!(refused(&replace(regex, ""), &text).starts_with("sigma-unresolved-placeholder"), "{regex}");
    }
    let later = "\n- {type: wildcard_placeholders}";
    assert_eq!(becomes(&replace("a", later), "{A|expand: 'xa%names%a'}"), "A=xb*b", "what is around it is replaced");
    assert_eq!(becomes(&replace("names", later), "{A|expand: 'xa%names%'}"), "A=xa*");
    assert_eq!(becomes(&replace("%names%", ""), "{A|expand: 'xa%names%'}"), "A=xab", "all of it is meant");
}

#[test]
fn an_item_that_becomes_several_has_its_faults_once() {
    let map = "- {type: field_name_mapping, mapping: {A: [x, y]}}";
    assert!(refused(map, &rule_of("{A|expand: '%u%'}")).starts_with("sigma-unresolved-placeholder"));
}

#[test]
fn placeholders_get_values_from_files() {
    let lines = "- {type: file_placeholders, path: names.txt, filter: '^[ot][nw]', include: [u]}";
    assert_eq!(becomes(lines, "{A|expand: '%u%'}"), "(A=one | A=two)");
    for column in ["name", "1"] {
        let csv = format!("- {{type: file_placeholders, path: names.csv, format: csv, csv_column: {column}}}");
        assert_eq!(becomes(&csv, "{A|expand: '%u%'}"), "(A=one | A=two, too)");
    }
}

#[test]
fn the_users_values_are_for_what_pipelines_leave() {
    let mut options = options("- {type: value_placeholders}");
    options.placeholders = [("v".to_string(), vec!["mine".to_string()]), ("u".to_string(), vec!["mine".to_string()])].into();
    let (set, _) = link(&[&rule_of("{A|expand: '%v%', B|expand: '%u%'}")], &options);
    assert_eq!(show(&set.rules[0].rule.query.filter), "((A=a | A=b*) & B=mine)");
}

#[test]
fn texts_are_replaced() {
    let slash = r"- {type: replace_string, regex: '\\', replacement: '/'}";
    assert_eq!(becomes(slash, r"{A|endswith: '\x\y.exe'}"), "A=*/x/y.exe");
    assert_eq!(becomes(slash, "{A: 'no', B: 4}"), "(A=no & B=4)");
    let group = r"- {type: replace_string, regex: '^(\w)(\w)', replacement: '\2\g<1>'}";
    assert_eq!(becomes(group, "{A: abc, B: 12}"), "(A=bac & B=21)", "numbers are texts here");
    assert_eq!(becomes(group, "{A|gte: 12, B|hour: 12}"), "(A>=12 & B.Hour=12)", "but not where they are compared");
    let keep = r"- {type: replace_string, regex: x, replacement: '\\y'}";
    assert_eq!(becomes(keep, "{A: 'axb'}"), r"A=a\yb");
    let stays = "- {type: replace_string, regex: Windows, replacement: 'W?n*'}";
    assert_eq!(becomes(stays, r"{A|startswith: 'C:\Windows\'}"), r"A=C:\W?n*\*", "a backslash before a wildcard is no escape");
    assert_eq!(becomes(stays, r"{A: 'Windows\*?\\*'}"), r"A=W?n*\*?\*", "what is literal stays so");
    let across = r"- {type: replace_string, regex: '^(.*)\\x', replacement: '<\1>'}";
    assert_eq!(becomes(across, r"{A|endswith: 'a\x'}"), "A=<*a>", "a group may hold wildcards");
    let special = "- {type: replace_string, regex: '.+', replacement: 'y*', skip_special: true}";
    assert_eq!(becomes(special, "{A|contains: b}"), r"A=*y\**");
    let interpreted = "- {type: replace_string, regex: '.+', replacement: 'y*', skip_special: true, interpret_special: true}";
    assert_eq!(becomes(interpreted, "{A|startswith: b}"), "A=y**".replace("**", "*"));
    let all = "- {type: replace_string, regex: a, replacement: b}";
    assert_eq!(becomes(all, "{A|contains|all: [a, c]}"), "(A=*b* & A=*c*)");
    assert_eq!(becomes(all, "[xa]"), ":*xb*", "a keyword stays one");
}

#[test]
fn texts_are_mapped() {
    let map = "- {type: map_string, mapping: {a: x, b: [y, 'z*'], '*c*': d}}";
    assert_eq!(becomes(map, "{A: [a, b, q]}"), "(A=x | A=y | A=z* | A=q)");
    assert_eq!(becomes(map, "{A|contains: c}"), "A=d");
    assert_eq!(becomes(map, "{A|contains: a}"), "A=*a*", "the whole value is mapped");
    assert_eq!(becomes(map, "{A|all: [a, b]}"), "(A=x & (A=y | A=z*))");
    assert_eq!(becomes(map, "{A|re: a}"), "A~/a/");
}

#[test]
fn texts_change_their_case() {
    assert_eq!(becomes("- {type: case, method: upper}", "{A|cased|contains: aB}"), "A==*AB*");
    assert_eq!(becomes("- {type: case}", "{A|cased: aB}"), "A==ab");
    assert_eq!(becomes("- {type: case, method: snake_case}", "{A: FileName}"), "A=file_name");
}

#[test]
fn hashes_become_fields() {
    let hashes = "- {type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: File}";
    let md5 = "0123456789ABCDEF0123456789ABCDEF";
    assert_eq!(becomes(hashes, "{Hashes|contains: [MD5=aa, 'SHA1=bb', 'MD5=cc']}"), "(FileMD5=aa* | FileMD5=cc* | FileSHA1=bb*)");
    assert_eq!(becomes(hashes, &format!("{{Hashes: {md5}}}")), format!("FileMD5={md5}"));
    assert_eq!(becomes(hashes, "{Hashes|contains|all: [MD5=aa, SHA1=bb]}"), "(FileMD5=aa* & FileSHA1=bb*)");
    assert_eq!(becomes(hashes, "{Image: MD5=aa}"), "Image=MD5=aa");
    let only = "- {type: hashes_fields, valid_hash_algos: [MD5], field_prefix: h, drop_algo_prefix: true}";
    assert_eq!(becomes(only, "{Hashes: [MD5=aa, IMPHASH=bb]}"), "h=aa");
    assert!(refused(only, &rule_of("{Hashes: IMPHASH=bb}")).starts_with("sigma-pipeline-hashes 6:15"));
}

#[test]
fn rules_and_items_are_refused() {
    let rule = "- {type: rule_failure, message: Not here., rule_conditions: [{type: logsource, product: windows}]}";
    assert_eq!(refused(rule, &rule_of("{A: 1}")), "sigma-pipeline-failure 5:1 Not here.");
    let item = "- {type: detection_item_failure, message: no B, field_name_conditions: [{type: include_fields, fields: [B]}]}";
    assert_eq!(refused(item, &rule_of("{A: 1, B: 2}")), "sigma-pipeline-failure 6:13 no B");
    assert_eq!(becomes(item, "{A: 1}"), "A=1");
    let strict = "- {type: field_name_mapping, mapping: {A: x}}\n- {type: strict_field_mapping_failure}";
    assert_eq!(becomes(strict, "{A: 1}"), "x=1");
    assert_eq!(refused(strict, &rule_of("{A: 1, B: 2}")), "sigma-pipeline-unmapped 5:1 no mapping has these fields: B");
}

#[test]
fn items_nest() {
    let nest = "\
- id: n
  type: nest
  rule_conditions: [{type: contains_field, field: A}]
  items:
    - {type: field_name_mapping, mapping: {A: B}}
    - {type: field_name_mapping, mapping: {B: C}}
- {type: field_name_suffix, suffix: '!', rule_conditions: [{type: processing_item_applied, processing_item_id: n}]}";
    assert_eq!(becomes(nest, "{A: 1}"), "C!=1");
    assert_eq!(becomes(nest, "{B: 1}"), "B=1");
}

#[test]
fn output_fields_change_no_match() {
    let text = rule_of("{A: 1}") + "fields: [A, B, C]\n";
    let output = "\
- {type: field_name_mapping, mapping: {A: [x, y]}}
- {type: add_field, field: z}
- {type: remove_field, field: [B, nothing]}
- {type: set_custom_attribute, attribute: team, value: red}";
    assert_eq!(rule(output, &text).meta.required_fields, ["x", "y", "C", "z"]);
    assert_eq!(rule("- {type: set_field, fields: [q]}", &text).meta.required_fields, ["q"]);
}

#[test]
fn a_changed_rule_has_another_hash_and_an_unchanged_one_does_not() {
    let text = rule_of("{A|expand: '%v%'}");
    let hash = |transformations: &str, text: &str| rule(transformations, text).meta.hash;
    let plain = hash("- {type: set_state, key: a, val: 1}", &rule_of("{A: 1}"));
    assert_eq!(plain, hash("- {type: field_name_mapping, mapping: {B: x}}", &rule_of("{A: 1}")));
    let mapped = hash("- {type: field_name_mapping, mapping: {A: x}}", &rule_of("{A: 1}"));
    assert_ne!(plain, mapped);
    let with_comment = "# elsewhere\n- {type: field_name_mapping, mapping: {B: y}}\n- {type: field_name_mapping, mapping: {A: x}}";
    assert_eq!(mapped, hash(with_comment, &rule_of("{A: 1}")), "only what changes a rule counts");
    assert_ne!(hash("- {type: value_placeholders}", &text), hash("- {type: wildcard_placeholders}", &text));
    let with_values = |value: &str| {
        let placeholders = [("v".to_string(), vec![value.to_string()])].into();
        let (set, _) = link(&[&text], &SigmaOptions { placeholders, ..SigmaOptions::default() });
        set.rules[0].rule.meta.hash.clone()
    };
    assert_ne!(with_values("a"), with_values("b"));
}
