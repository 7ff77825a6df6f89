//! No text makes the parser panic, hang or use the stack up.

use proptest::prelude::*;

use super::source;
use crate::spl::{Macros, parse_escu_yaml, parse_page, parse_search};

/// Searches in the manner of real ones, to be cut and mixed.
const SEEDS: [&str; 6] = [
    r#"`wineventlog_security` EventCode=5145 Relative_Target_Name IN ("*.exe","*.dll") Share_Name IN ("\\\\*\\C$") Access_Mask= "0x2""#,
    r#"| stats min(_time) as firstTime max(_time) as lastTime count values(process) dc(eval(a.b)) as n by dest, user"#,
    r#"| eval x=if(match(a,"(?i)^{x}[[a]]"),case(b>1,"y",true(),null()),mvfilter(c!="")), y=-1.5 . "z""#,
    r#"| where NOT (a IN ("x") AND like(b,"%")) OR c!=d | rename "P.*" as "*" | convert timeformat="%Y" ctime(t) as u"#,
    "| `security_content_ctime(firstTime)` | sort 0 - count | head 5 | dedup 2 a | fillnull value=0 b | bin _time span=5m",
    "```note ` | \" ``` | regex f!=\"\\\\x{202E}\" | fields - a* | table min(_time) | search a=1 [x | y] NOT b=CASE(c) d=10.0.0.0/8",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", more in "[a-z`|()\"'=<>!*\\\\,.\\[\\] ORANDNTI]{0,80}") {
        let macros = Macros::builtin();
        parse_search(&text, &macros);
        parse_search(&more, &macros);
        parse_search(&format!("a=1 {more} | stats count by x | eval {more} | where {text}"), &macros);
        parse_page(&source(&format!("#### Search\n```\n{more}\n```\n#### RBA\n{text}")), &macros);
    }

    #[test]
    fn no_mixture_of_searches_makes_it_panic(
        pieces in prop::collection::vec((0..SEEDS.len(), 0.0..1.0_f64, 0.0..1.0_f64, "[`|()\"'\\[\\]=\\\\, üß]{0,2}"), 1..8)
    ) {
        let mut text = String::new();
        for (seed, from, length, extra) in pieces {
            let chars: Vec<char> = SEEDS[seed].chars().collect();
            let cut = |part: f64, of: usize| (part * of as f64) as usize;
            let start = cut(from, chars.len());
            let end = start + cut(length, chars.len() - start);
            text.extend(&chars[start..end]);
            text.push_str(&extra);
        }
        let macros = Macros::builtin();
        let parsed = parse_search(&text, &macros);
        for fault in &parsed.faults {
            prop_assert!(text.get(fault.span.clone()).is_some(), "{:?} in {text:?}", fault);
        }
        parse_page(&source(&format!("---\ntitle: x\n---\n#### Search\n```\n{text}\n```\n#### RBA\n| a |\n| {text} |\n")), &macros);
        parse_escu_yaml(&source(&format!("name: x\nsearch: |-\n  {text}\n")), &macros);
    }
}

fn codes(search: &str, macros: &Macros) -> Vec<&'static str> {
    parse_search(search, macros).faults.iter().map(|f| f.code).collect()
}

#[test]
fn nesting_has_a_limit() {
    let macros = Macros::builtin();
    let deep = |open: &str, middle: &str, close: &str| format!("{}{middle}{}", open.repeat(5_000), close.repeat(5_000));
    for search in [
        deep("(", "a=1", ")"),
        deep("NOT ", "a=1", ""),
        deep("(NOT ", "a=1", ")"),
        format!("a=1 | where {}", deep("(", "b", ")")),
        format!("a=1 | where {}", deep("len(", "b", ")")),
        format!("a=1 | where {}", deep("1+", "b", "")),
        format!("a=1 | where {}", deep("b.", "b", "")),
        format!("a=1 | eval x={}", deep("-(", "b", ")")),
        format!("a=1 | stats count(eval({})) as n", deep("(", "b", ")")),
    ] {
        assert_eq!(codes(&search, &macros), ["spl-depth"], "{}…", &search[..30]);
    }
    assert_eq!(codes(&format!("a=1 | where {}", deep("NOT ", "b", "")), &macros), [""; 0]);
    assert_eq!(codes(&format!("a=1 | where {}b=1", "b=1 OR ".repeat(5_000)), &macros), [""; 0]);
}

#[test]
fn size_has_a_limit() {
    let macros = Macros::builtin();
    assert_eq!(codes(&"a=1 ".repeat(100_000), &macros), ["spl-size"]);
    assert_eq!(codes(&"a=1 | ".repeat(1_000), &macros), ["spl-size"]);
    assert_eq!(codes(&format!("a=1 {}", "| x".repeat(150)), &macros).len(), 101);
    assert_eq!(codes(&"a=1 ".repeat(10_000), &macros), [""; 0]);
}

#[test]
fn an_open_bracket_of_case_is_told() {
    for search in ["CASE(\u{fc}", "TERM(", "a=1 CASE(x"] {
        assert!(codes(search, &Macros::builtin()).contains(&"spl-syntax"), "{search}");
    }
}

#[test]
fn macros_do_not_explode() {
    let mut macros = Macros::builtin();
    macros.add_file(&source("name: m0\ndefinition: 'x=1 '"));
    for level in 1..15 {
        let calls = format!("`m{}`", level - 1).repeat(10);
        macros.add_file(&source(&format!("name: m{level}\ndefinition: '{calls}'")));
    }
    assert_eq!(codes("`m14`", &macros), ["spl-macro-calls"]);
    let wide = "$x$".repeat(1_000);
    macros.add_file(&source(&format!("name: wide\narguments: [x]\ndefinition: '{wide}'")));
    assert_eq!(codes(&format!("`wide({})`", "y".repeat(100_000)), &macros)[0], "spl-macro-size");
    for level in 0..30 {
        macros.add_file(&source(&format!("name: d{level}\ndefinition: '`d{}`'", level + 1)));
    }
    assert_eq!(codes("a=1 `d0`", &macros), ["spl-macro-depth"]);
    macros.add_file(&source("name: loop\ndefinition: '`loop` `loop`'"));
    assert_eq!(codes("a=1 `loop`", &macros), ["spl-macro-recursion"]);
}

#[test]
fn brackets_are_read_to_a_depth() {
    let macros = Macros::builtin();
    for command in ["selfjoin x", "foobar", "search", "join k", "append", "appendpipe", "union"] {
        let search = format!("a=1{}{}", format!(" | {command} [| search b=1").repeat(1_000), "]".repeat(1_000));
        let faults = parse_search(&search, &macros).faults;
        assert!(faults.iter().any(|f| f.code == "spl-depth"), "{command}");
        assert!(faults.len() <= 22, "{command}: {}", faults.len());
    }
    let wide = format!("a=1 | selfjoin x {}", "[search b=1 | foobar] ".repeat(8_000));
    assert_eq!(codes(&wide, &macros).len(), 101);
    assert_eq!(codes(&format!("a=1 | selfjoin x {}", "[".repeat(100_000)), &macros), ["spl-unsupported-command", "spl-syntax"]);
}

#[test]
fn long_lists_and_long_patterns_take_no_longer_than_their_text() {
    let macros = Macros::builtin();
    let list = format!("a IN ({})", "x,".repeat(100_000));
    assert_eq!(codes(&list, &macros), [""; 0]);
    let pipes = format!("a=1{}", " | where b=1".repeat(10_000));
    let faults = parse_search(&pipes, &macros).faults;
    assert_eq!(faults.iter().map(|f| (f.code, f.span.start)).collect::<Vec<_>>(), [("spl-size", 3 + 12 * 199 + 2)]);
    let long = "x".repeat(200_000);
    for pattern in [format!("({long})"), "(a|b)*".repeat(30_000), "[^a-z]{1000}".repeat(15_000), "(".repeat(200_000)] {
        for search in [format!("a=1 | regex f=\"{pattern}\""), format!("a=1 | where match(f, \"{pattern}\")")] {
            let found = codes(&search, &macros);
            assert!(found.iter().all(|code| code.starts_with("spl-regex-")), "{found:?} for {}…", &search[..30]);
        }
    }
    macros_of_a_megabyte();
}

fn macros_of_a_megabyte() {
    let mut macros = Macros::builtin();
    macros.add_file(&source(&format!("name: part\ndefinition: '{}'", "x".repeat(10_000))));
    macros.add_file(&source(&format!("name: long\ndefinition: '{}'", "`part`".repeat(200))));
    // The macro gives nothing then, and the regular expression around it is read all the same.
    assert_eq!(codes("a=1 | regex f=\"`long`\"", &macros).last(), Some(&"spl-macro-size"));
}
