//! Sigma: strings and escapes, case, null and missing, modifiers, conditions.

use crate::support::three_ways::ask;

fn rule(selection: &str, condition: &str) -> String {
    format!(
        "title: Example\nlogsource:\n    product: windows\n    service: security\ndetection:\n    sel:\n        {selection}\n    condition: {condition}\n"
    )
}

#[track_caller]
fn asserted(text: &str, events: &[(&str, bool)]) {
    let list: Vec<&str> = events.iter().map(|(event, _)| *event).collect();
    let expected: Vec<i64> = (1..).zip(events).filter(|(_, (_, hit))| *hit).map(|(id, _)| id).collect();
    assert_eq!(ask(text, &list).events, expected, "{text}\n{list:#?}");
}

#[track_caller]
fn matches(selection: &str, events: &[(&str, bool)]) {
    asserted(&rule(selection, "sel"), events);
    let inverse: Vec<(&str, bool)> = events.iter().map(|(event, hit)| (*event, !hit)).collect();
    asserted(&rule(selection, "not sel"), &inverse);
}

#[test]
fn strings_and_escapes() {
    matches(r"Alpha: 'a*b'", &[(r#""Alpha":"A--B""#, true), (r#""Alpha":"ab""#, true), (r#""Alpha":"abc""#, false)]);
    matches(r"Alpha: 'a?b'", &[(r#""Alpha":"a\nb""#, true), (r#""Alpha":"ab""#, false)]);
    matches(r"Alpha: 'a\*b'", &[(r#""Alpha":"a*b""#, true), (r#""Alpha":"axb""#, false)]);
    matches(r"Alpha: 'C:\dir\\*'", &[(r#""Alpha":"c:\\dir\\x""#, true), (r#""Alpha":"c:\\dir*""#, false)]);
    matches(r"Alpha: '\\server\share'", &[(r#""Alpha":"\\server\\share""#, true), (r#""Alpha":"\\\\server\\share""#, false)]);
    matches(r"Alpha|contains: '\'", &[(r#""Alpha":"a\\b""#, true), (r#""Alpha":"a%b""#, false)]);
    matches(r"Alpha|contains: 'a_b%'", &[(r#""Alpha":"xa_b%x""#, true), (r#""Alpha":"xaxbxx""#, false)]);
    matches(r#"Alpha|contains: "it's""#, &[(r#""Alpha":"x it's x""#, true)]);
    matches(r"Alpha: ''", &[(r#""Alpha":"""#, true), ("", false), (r#""Alpha":"x""#, false)]);
    matches(r"Alpha: null", &[(r#""Alpha":"""#, false), ("", true), (r#""Alpha":null"#, true)]);
    matches(r"Alpha: true", &[(r#""Alpha":"True""#, true), (r#""Alpha":true"#, true)]);
    matches(r"Alpha: 10", &[(r#""Alpha":10"#, true), (r#""Alpha":"10""#, true), (r#""Alpha":"100""#, false)]);
    matches(r"Alpha: 18446744073709551615", &[(r#""Alpha":18446744073709551615"#, true), (r#""Alpha":18446744073709551614"#, false)]);
}

#[test]
fn case_is_simple_unicode_folding() {
    matches("Alpha: 'ÄRGER'", &[(r#""Alpha":"ärger""#, true), (r#""Alpha":"arger""#, false)]);
    matches("Alpha|contains: 'ПРИВЕТ'", &[(r#""Alpha":"о, привет!""#, true)]);
    matches("Alpha: 'k'", &[(r#""Alpha":"\u212a""#, false), (r#""Alpha":"K""#, true)]);
    matches("Alpha: 'i'", &[(r#""Alpha":"İ""#, false), (r#""Alpha":"ı""#, false), (r#""Alpha":"I""#, true)]);
    matches("Alpha: 'οδος'", &[(r#""Alpha":"ΟΔΟΣ""#, true), (r#""Alpha":"οδοσ""#, true), (r#""Alpha":"οδος""#, true)]);
    matches("Alpha|contains: 'ΔΟΣ'", &[(r#""Alpha":"η οδος""#, true), (r#""Alpha":"οδο""#, false)]);
    matches("Alpha|endswith: 'µ'", &[(r#""Alpha":"5 Μ""#, true), (r#""Alpha":"5 μ""#, true), (r#""Alpha":"5 m""#, false)]);
    matches("Alpha|cased: 'οδος'", &[(r#""Alpha":"οδοσ""#, false), (r#""Alpha":"οδος""#, true)]);
    matches("Alpha: 'ss'", &[(r#""Alpha":"ß""#, false), (r#""Alpha":"SS""#, true), (r#""Alpha":"ſſ""#, false)]);
    matches("Alpha|cased: 'Abc'", &[(r#""Alpha":"Abc""#, true), (r#""Alpha":"abc""#, false)]);
    matches("Alpha|re: 'a.c'", &[(r#""Alpha":"xabcx""#, true), (r#""Alpha":"xABCx""#, false), (r#""Alpha":"a\nc""#, false)]);
    matches("Alpha|re: '^a\\h++b$'", &[("\"Alpha\":\"a \\tb\"", true), ("\"Alpha\":\"a b\\n\"", true), ("\"Alpha\":\"a\\nb\"", false)]);
    matches("Alpha|re|i: 'A.C'", &[(r#""Alpha":"xabcx""#, true)]);
    matches("ALPHA: x", &[(r#""Alpha":"x""#, true)]);
}

#[test]
fn lists_match_by_any_member() {
    matches("Alpha: b", &[(r#""Alpha":["a","b"]"#, true), (r#""Alpha":["a","c"]"#, false)]);
    matches(
        "Alpha|contains|all: [a, b]",
        &[(r#""Alpha":["xa","xb"]"#, true), (r#""Alpha":["xa","xc"]"#, false), (r#""Alpha":"ab""#, true)],
    );
    matches("Alpha: \"a\\nb\"", &[(r#""Alpha":["a","b"]"#, false), (r#""Alpha":"a\nb""#, true)]);
    matches("Amount|gt: 5", &[(r#""Amount":[1,9]"#, true), (r#""Amount":[1,2]"#, false)]);
}

#[test]
fn modifiers() {
    matches("Amount|gt: 9", &[(r#""Amount":"10""#, true), (r#""Amount":"Abc""#, false), (r#""Amount":"9""#, false)]);
    matches("Amount|lte: 9", &[(r#""Amount":"10""#, false), (r#""Amount":"-3""#, true), ("", false)]);
    matches(
        "Peer|cidr: 10.0.0.0/8",
        &[(r#""Peer":"10.9.9.9""#, true), (r#""Peer":"::ffff:10.1.1.1""#, true), (r#""Peer":"110.0.0.1""#, false)],
    );
    matches("Peer|cidr: fe80::/10", &[(r#""Peer":"FE90::1""#, true), (r#""Peer":"fec0::1""#, false)]);
    matches(
        "Peer|cidr: '::/0'",
        &[(r#""Peer":"10.0.0.1""#, false), (r#""Peer":"2001:db8::1""#, true), (r#""Peer":"::ffff:10.0.0.1""#, true)],
    );
    matches("Peer|cidr: '::/8'", &[(r#""Peer":"127.0.0.1""#, false), (r#""Peer":"::1""#, true)]);
    matches(
        "Peer|cidr: fe80::/10",
        &[(r#""Peer":"fe80::c50d:519f:96a4:e108%12""#, true), (r#""Peer":"fe80::1%eth0""#, true), (r#""Peer":"fe80::1%""#, false)],
    );
    matches("Peer|cidr: 10.0.0.0/8", &[(r#""Peer":"10.1.1.1%3""#, false)]);
    matches("Alpha|exists: true", &[("", false), (r#""Alpha":"""#, true)]);
    matches(
        "Alpha|fieldref: Beta",
        &[(r#""Alpha":"x","Beta":"X""#, true), (r#""Alpha":"x","Beta":"y""#, false), (r#""Alpha":"x""#, false)],
    );
    for dash in ["-", "/", "–", "—", "―"] {
        matches(
            &format!("Alpha|windash|contains: ' {dash}f'"),
            &[
                (r#""Alpha":"x -f""#, true),
                (r#""Alpha":"x /F""#, true),
                (r#""Alpha":"x –f""#, true),
                (r#""Alpha":"x —f""#, true),
                (r#""Alpha":"x ―f""#, true),
                (r#""Alpha":"x f""#, false),
            ],
        );
    }
    matches("Alpha|windash|contains: ' -f'", &[(r#""Alpha":"x /F""#, true), (r#""Alpha":"x –f""#, true), (r#""Alpha":"x f""#, false)]);
    matches(
        "Alpha|base64offset|contains: foob",
        &[(r#""Alpha":"xxZm9vYxx""#, true), (r#""Alpha":"Zvb2""#, true), (r#""Alpha":"foob""#, false)],
    );
    matches("Alpha|wide|base64offset|contains: ab", &[(r#""Alpha":"YQBiA""#, true)]);
}

#[test]
fn conditions() {
    let three = |condition: &str| {
        format!(
            "title: Example\nlogsource:\n    product: windows\n    service: security\ndetection:\n    sel_a: {{Alpha: 1}}\n    sel_b: {{Beta: 1}}\n    other: {{Gamma: 1}}\n    _hidden: {{Nowhere: 1}}\n    condition: {condition}\n"
        )
    };
    let (a, ab, c, none) = (r#""Alpha":1"#, r#""Alpha":1,"Beta":1"#, r#""Gamma":1"#, "");
    asserted(&three("sel_a and not sel_b"), &[(a, true), (ab, false), (c, false), (none, false)]);
    asserted(&three("sel_a or sel_b and other"), &[(a, true), (ab, true), (c, false), (r#""Beta":1,"Gamma":1"#, true)]);
    asserted(&three("not sel_a and other"), &[(a, false), (c, true), (none, false)]);
    asserted(&three("not (sel_a and sel_b) and not other"), &[(a, true), (ab, false), (c, false), (none, true)]);
    asserted(&three("1 of sel_*"), &[(a, true), (ab, true), (c, false)]);
    asserted(&three("all of sel_*"), &[(a, false), (ab, true), (c, false)]);
    asserted(&three("1 of them"), &[(a, true), (c, true), (none, false), (r#""Nowhere":1"#, false)]);
    asserted(&three("all of them"), &[(ab, false), (r#""Alpha":1,"Beta":1,"Gamma":1"#, true)]);
}

#[test]
fn keywords_search_all_values() {
    matches(
        "- needle",
        &[
            (r#""Alpha":"a NEEDLE in hay""#, true),
            (r#""Beta":["x","needles"]"#, true),
            (r#""needle":"x""#, false),
            (r#""Message":"the needle""#, true),
        ],
    );
    matches("'|all':\n            - one\n            - two", &[(r#""Alpha":"one","Beta":"two""#, true), (r#""Alpha":"one""#, false)]);
}
