//! What PCRE says of each pattern, and what cannot be said.

use super::*;

fn plain() -> Flags {
    Flags::default()
}

#[track_caller]
fn matches(pattern: &str, hits: &[&str], misses: &[&str]) {
    let translated = translate(pattern, plain()).unwrap_or_else(|fault| panic!("{pattern}: {fault:?}"));
    let regex = regex::Regex::new(&translated).expect("it compiles");
    hits.iter().for_each(|text| assert!(regex.is_match(text), "{pattern} ({translated}) matches {text:?}"));
    misses.iter().for_each(|text| assert!(!regex.is_match(text), "{pattern} ({translated}) does not match {text:?}"));
}

#[track_caller]
fn refused(pattern: &str, kind: FaultKind, at: &str) {
    let fault = translate(pattern, plain()).expect_err(pattern);
    assert_eq!((fault.kind, &pattern[fault.span.clone()]), (kind, at), "{pattern}: {}", fault.message);
}

#[test]
fn spellings_mean_the_same() {
    matches(r"a[[]b", &["a[b"], &["ab"]);
    matches(r"[]]x", &["]x"], &["x"]);
    matches(r"[^]]x", &["ax"], &["]x"]);
    matches("[a&&b]", &["&", "a"], &["c"]);
    matches("^[+--b]$", &["+", ",", "-", "b"], &["a", "."]);
    refused("[a--b]", FaultKind::Invalid, "[a--b]");
    matches("^[a~~b]$", &["~"], &["c"]);
    matches(r"^[a-\d]$", &["a", "-", "5"], &["b"]);
    matches(r"^[+\-*/]$", &["-", "+"], &[","]);
    matches("^[-a]$", &["-", "a"], &["b"]);
    matches("^[a-]$", &["-", "a"], &["b"]);
    matches(r"[[:alpha:]]1", &["b1"], &["11"]);
    matches(r"[[:^alpha:]]1", &["11"], &["b1"]);
    matches(r"[\b]", &["\u{8}"], &["b"]);
    matches(r"^[<>]$", &["<"], &["a"]);
    matches("{[0-9]{2}}", &["{12}"], &["{1}"]);
    matches(r"\$\{x", &["${x"], &["{x"]);
    matches("^a{,3}$", &["a{,3}"], &["aaa"]);
    matches(r"^a\{2}$", &["a{2}"], &["aa"]);
    matches(r"\/\-\_\<\é\ ", &["/-_<é "], &[]);
    matches(r"^\x41\x{42}\x4z\e\cA\012\0$", &["AB\u{4}z\u{1b}\u{1}\n\0"], &[]);
    matches(r"\u0041", &["A"], &[]);
    matches(r"^\p{L}\P{L}\pN\p{^L}", &["a 12"], &["ab12", "a11b"]);
    matches(r"\Qa.b*\E+", &["a.b***"], &["axb"]);
    matches(r"(?#a comment)a", &["a"], &["b"]);
    matches(r"(?<n>a)(?P<m>b)(?'o'c)", &["abc"], &["ab"]);
    matches(r"(?i)A(?-i)b", &["ab"], &["aB"]);
    matches("(?x) a b # c\n [ ]", &["ab "], &["ab"]);
    matches("(?x: a b ) c", &["ab c"], &["abc"]);
    matches(r"a\<b", &["a<b"], &["ab"]);
}

#[test]
fn spaces_and_line_breaks() {
    matches(r"^\h$", &[" ", "\t", "\u{a0}"], &["\n", "x"]);
    matches(r"^\H[\h\d]$", &["x1", "x\t"], &[" 1"]);
    matches(r"^[^\h]$", &["x"], &[" "]);
    matches(r"^a\vb$", &["a\u{b}b", "a\nb", "a\rb"], &["a b"]);
    matches(r"^\V\N$", &["ab"], &["a\n"]);
    matches(r"^a\Rb$", &["a\r\nb", "a\nb", "a\rb", "a\u{2028}b"], &["a b", "a\n\nb"]);
    matches(r"a\R+b", &["a\r\n\r\nb"], &["ab"]);
    refused(r"a\R\n", FaultKind::Unsupported, r"\R");
    refused(r"a\R{2}b", FaultKind::Unsupported, r"\R");
}

#[test]
fn the_end_is_before_a_last_line_break_too() {
    matches("^a.b$", &["axb", "axb\n"], &["a\nb", "axb\n\n", "axb\nx"]);
    matches(r"x\Z", &["x", "x\n"], &["x\n\n"]);
    matches(r"x\z", &["x"], &["x\n"]);
    matches("^(a$|b)", &["a\n", "bc"], &["ab"]);
    matches("(?:a(b|c$))?$", &["", "acx\n"], &[]);
    matches("(?m)^b$", &["a\nb\nc"], &["abc"]);
    matches("[$]", &["$"], &[""]);
    refused("a$b", FaultKind::Unsupported, "$");
    refused(r"a\Z\n", FaultKind::Unsupported, r"\Z");
    let replaces = Flags { replaces: true, ..plain() };
    assert_eq!(translate("a$", replaces).as_deref(), Ok(r"a\z"));
}

#[test]
fn what_gives_nothing_back_is_plain_where_that_cannot_show() {
    matches("^a++$", &["aaa"], &["aab"]);
    matches("^a*+b", &["aab", "b"], &["ac"]);
    matches(r"\d++[a-f]", &["12a"], &["12g"]);
    matches(r"^[^\\]*+\\x", &[r"ab\x"], &["abx"]);
    matches(r"(?i)k*+l", &["kKL"], &["k"]);
    matches("a{2}+a", &["aaa"], &["aa"]);
    matches("(?:ab|cd){2}+a", &["abcda"], &["ab"]);
    matches("(?>ab|cd)x", &["cdx"], &["ab"]);
    matches(r"(?>\s+)x", &["  x"], &["x"]);
    matches("x(?>a|ab)", &["xab"], &["xb"]);
    matches("(a++|b)c", &["aac"], &["aab"]);
    refused("a++a", FaultKind::Unsupported, "++");
    refused("^D[a-z]++e", FaultKind::Unsupported, "++");
    refused(".*+x", FaultKind::Unsupported, "*+");
    refused("(?i)a++A", FaultKind::Unsupported, "++");
    refused("(a|ab)++c", FaultKind::Unsupported, "++");
    refused("(?>a|ab)c", FaultKind::Unsupported, "(?>");
    refused(r"(?>\w+)x", FaultKind::Unsupported, "(?>");
    refused("(?:a++)*b", FaultKind::Unsupported, "++");
    refused("a++a?", FaultKind::Unsupported, "++");
}

#[test]
fn what_has_no_counterpart_is_refused() {
    for (pattern, at) in [
        ("(?<=a)b", "(?<="),
        ("x(?!a)b", "(?!"),
        (r"(a)\1", r"\1"),
        (r"(?<n>a)\k<n>", r"\k"),
        (r"(a)\g{1}", r"\g"),
        ("(?|a|b)", "(?|"),
        ("(?R)", "(?R"),
        ("(a)(?1)", "(?1"),
        ("(?(1)a|b)", "(?("),
        ("a(*SKIP)b", "(*SKIP)"),
        (r"a\Kb", r"\K"),
        (r"\X", r"\X"),
        ("(?J)a", "(?J"),
    ] {
        refused(pattern, FaultKind::Unsupported, at);
    }
    for pattern in ["(a", "a)", "[a", "*a", r"a\", "(a{1000}){1000}", "[b-a]", r"\p{Nothing}", r"a\y"] {
        refused(pattern, FaultKind::Invalid, pattern);
    }
}

#[test]
fn flags_stand_in_front() {
    let flags = Flags { ignore_case: true, dot_all: true, ..plain() };
    assert_eq!(translate("a.b", flags).as_deref(), Ok("(?is)a.b"));
    let multi_line = Flags { multi_line: true, ..plain() };
    assert_eq!(translate("^b$", multi_line).as_deref(), Ok("(?m)^b$"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_pattern_or_a_fault_with_a_place(pattern in r"[\[\]\\(){}^$|?*+.:<>=!'#\-&~a-cxpQERhkA-Z0-9,é \n]{0,24}") {
        match translate(&pattern, plain()) {
            Ok(translated) => proptest::prop_assert!(regex::Regex::new(&translated).is_ok()),
            Err(fault) => proptest::prop_assert!(pattern.get(fault.span).is_some()),
        }
    }
}
