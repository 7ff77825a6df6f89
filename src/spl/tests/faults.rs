//! Every refusal has its code and points at what it is about.

use super::source;
use crate::diag::{Severity, SubjectKind};
use crate::spl::{Macros, parse_search};

/// Codes and the text they point at.
fn faults(search: &str) -> Vec<(&'static str, String)> {
    let parsed = parse_search(search, &Macros::builtin());
    let refused = parsed.faults.iter().any(|f| f.severity == Severity::Error);
    assert_eq!(parsed.query.is_none(), refused, "{search}: {:?}", parsed.faults);
    parsed.faults.into_iter().map(|fault| (fault.code, search[fault.span].to_owned())).collect()
}

#[track_caller]
fn refuses(search: &str, expected: &[(&str, &str)]) {
    let found = faults(search);
    let found: Vec<(&str, &str)> = found.iter().map(|(code, text)| (*code, text.as_str())).collect();
    assert_eq!(found, expected, "{search}");
}

#[test]
fn a_fault_inside_a_macro_points_at_its_call() {
    let search = "a=1 | `nobody(x)` | where foo(b)";
    refuses(search, &[("spl-unknown-macro", "`nobody(x)`"), ("spl-unknown-function", "foo")]);
}

#[test]
fn all_faults_of_a_search_are_told() {
    refuses(
        "a=1 term | multikv x | eval y=getfields(a), z=random() | stats perc195(x) count as n sparkline(count) by a | sort x by=1 | xyseries y",
        &[
            ("spl-free-text", "term"),
            ("spl-unsupported-command", "multikv"),
            ("spl-unsupported-function", "getfields"),
            ("spl-unsupported-function", "random"),
            ("spl-unsupported-aggregate", "perc195"),
            ("spl-unsupported-aggregate", "sparkline"),
            ("spl-unknown-option", "by"),
            ("spl-unsupported-command", "xyseries"),
        ],
    );
}

#[test]
fn what_asks_for_more_than_fields_is_refused() {
    refuses("_raw!=\"*x*\"", &[("spl-unsupported-free-text", "_raw!=\"*x*\"")]);
    refuses("a=1 | regex _raw=\"x\"", &[("spl-unsupported-free-text", "_raw=\"x\"")]);
    refuses("a=1 | regex \"x\"", &[("spl-unsupported-free-text", "\"x\"")]);
    refuses("a=1 | where like(_raw,\"x%\")", &[("spl-unsupported-free-text", "_raw")]);
    refuses(
        "a=1 earliest=yesterday latest>5 startdaysago=3",
        &[
            ("spl-unsupported-time-modifier", "earliest=yesterday"),
            ("spl-unsupported-time-modifier", "latest>5"),
            ("spl-unsupported-time-modifier", "startdaysago=3"),
        ],
    );
    refuses("tag::user=authentication a=1", &[("spl-unsupported-tag", "tag::user=authentication")]);
    refuses("a=1 [search b=2 | fields c | foobar] d=3 [b=2]", &[("spl-unknown-command", "foobar"), ("spl-unknown-command", "b")]);
    refuses("a=1 index=risk", &[("spl-unsupported-index", "index=risk")]);
    refuses("index=risk OR a=1", &[("spl-unsupported-index", "index=risk")]);
    refuses("a=1 NOT index=main", &[("spl-unsupported-index", "index=main")]);
    refuses("index!=main a=1", &[("spl-unsupported-index", "index!=main")]);
}

#[test]
fn an_index_is_noted_and_changes_nothing() {
    let parsed = parse_search("index=win* a=1", &Macros::builtin());
    assert_eq!(parsed.faults.iter().map(|f| (f.severity, f.code)).collect::<Vec<_>>(), [(Severity::Note, "spl-index-ignored")]);
    assert_eq!(super::shape(&parsed.query.unwrap().filter), "a");
}

#[test]
fn what_splunk_does_not_have_is_told_from_what_is_missing_here() {
    for (search, code, at, hint) in [
        ("a=1 | foobar x", "spl-unknown-command", "foobar", ""),
        ("a=1 | stast count", "spl-unknown-command", "stast", "did you mean `stats`?"),
        ("a=1 | contingency a b", "spl-unsupported-command", "contingency", ""),
        ("a=1 | IPLOCATION src", "spl-unsupported-geography", "IPLOCATION", ""),
        ("| mstats avg(x)", "spl-unsupported-metrics", "mstats", ""),
        ("a=1 | apply model", "spl-unsupported-model", "apply", ""),
        ("a=1 | fit DensityFunction x", "spl-unsupported-model", "fit", ""),
        ("a=1 | outputlookup x", "spl-unsupported-output", "outputlookup", ""),
        ("a=1 | collect index=x", "spl-unsupported-output", "collect", ""),
        ("a=1 | sendalert risk", "spl-unsupported-output", "sendalert", ""),
        ("a=1 | script python x", "spl-unsupported-program", "script", ""),
        ("a=1 | cyberchef infield=x", "spl-unsupported-program", "cyberchef", ""),
        ("a=1 | predict x", "spl-unsupported-statistics", "predict", ""),
        ("a=1 | anomalydetection", "spl-unsupported-statistics", "anomalydetection", ""),
        ("a=1 | outlier", "spl-unsupported-statistics", "outlier", ""),
        ("| rest /services", "spl-unsupported-server", "rest", ""),
        ("a=1 | where lenn(b)=2", "spl-unknown-function", "lenn", "did you mean `len`?"),
        ("a=1 | stats cuont by b", "spl-unknown-aggregate", "cuont", "did you mean `count`?"),
        ("a=1 | stats allnumm=true count", "spl-unknown-option", "allnumm", "did you mean `allnum`?"),
        ("a=1 | dedup b keepemtpy=true", "spl-unknown-option", "keepemtpy", "did you mean `keepempty`?"),
        ("a=1 | convert ctimee(b)", "spl-unknown-function", "ctimee", "did you mean `ctime`?"),
    ] {
        let faults = parse_search(search, &Macros::builtin()).faults;
        let found: Vec<_> = faults.iter().map(|f| (f.code, &search[f.span.clone()], f.hint.as_ref())).collect();
        assert_eq!(found, [(code, at, hint)], "{search}");
        let subject = faults[0].subject.as_ref().unwrap();
        assert!(subject.name.ends_with(&at.to_lowercase()), "{search}: {subject:?}");
    }
    let about = |search: &str| parse_search(search, &Macros::builtin()).faults[0].subject.clone().map(|s| (s.kind, s.name));
    assert_eq!(about("a=1 | bin _time minspan=1h"), Some((SubjectKind::Option, "bin minspan".to_owned())));
    assert_eq!(about("a=1 | `nobody`"), Some((SubjectKind::Macro, "nobody".to_owned())));
}

#[test]
fn brackets_of_a_refused_command_hide_nothing() {
    refuses(
        "a=1 | selfjoin b [search c=1 earliest=-1h | foobar | appendcols [| geostats count | where lenn(x)]] | tags",
        &[
            ("spl-unsupported-command", "selfjoin"),
            ("spl-unknown-command", "foobar"),
            ("spl-unsupported-command", "appendcols"),
            ("spl-unsupported-geography", "geostats"),
            ("spl-unknown-function", "lenn"),
            ("spl-unsupported-command", "tags"),
        ],
    );
    refuses("a=1 | selfjoin b [c=1]", &[("spl-unsupported-command", "selfjoin"), ("spl-unknown-command", "c")]);
    refuses("a=1 | selfjoin b [search c=1 | ]", &[("spl-unsupported-command", "selfjoin"), ("spl-syntax", "|")]);
    refuses("a=1 | selfjoin b [search c=1", &[("spl-unsupported-command", "selfjoin"), ("spl-syntax", "[")]);
    refuses("a=1 | selfjoin \"[foobar]\"", &[("spl-unsupported-command", "selfjoin")]);
    refuses("a=1 [foobar]", &[("spl-unknown-command", "foobar")]);
}

#[test]
fn half_searches_are_refused() {
    for (search, at) in [
        ("a=1 AND", ""),
        ("a=1 OR", ""),
        ("NOT", ""),
        ("AND a=1", "A"),
        ("()", ")"),
        ("(a=1", ""),
        ("a=1)", ")"),
        ("a=", ""),
        ("a IN", ""),
        ("a IN ()", ")"),
        ("a IN (x", ""),
        ("=1", "="),
        ("a=1 | ", "|"),
        ("a=1 | where", ""),
        ("a=1 | where b=", ""),
        ("a=1 | where (b", ""),
        ("a=1 | where b c", "c"),
        ("a=1 | where if(b", ""),
        ("a=1 | eval b", ""),
        ("a=1 | eval b==1", "="),
        ("a=1 | eval b=1,", ""),
        ("a=1 | eval =1", "="),
        ("a=1 | stats", ""),
        ("a=1 | stats count by", ""),
        ("a=1 | stats min(x", ""),
        ("a=1 | stats (x)", "("),
        ("a=1 | rename a", ""),
        ("a=1 | rename a as", ""),
        ("a=1 | table", ""),
        ("a=1 | fields -", ""),
        ("a=1 | sort", ""),
        ("a=1 | head x", "x"),
        ("a=1 | head 5 x", "x"),
        ("a=1 | dedup", ""),
        ("a=1 | fillnull value=", ""),
        ("a=1 | bin _time", ""),
        ("a=1 | bin span=5m", ""),
        ("a=1 | convert", ""),
        ("a=1 | convert !", "!"),
        ("a=1 | convert ctime()", ")"),
        ("a=1 | convert ctime(x", ""),
        ("a=1 | regex x", ""),
        ("a=1 | regex x=y", "y"),
        ("a=1 | !", "!"),
    ] {
        refuses(search, &[("spl-syntax", at)]);
    }
    refuses("a=\"x | where b", &[("spl-unclosed-string", "\"")]);
    refuses("a=1 | where 'b", &[("spl-unclosed-string", "'")]);
    refuses("a=1 `b", &[("spl-unclosed-macro", "`")]);
    refuses("", &[("spl-no-search", "")]);
    refuses(" ```nothing``` ", &[("spl-no-search", " ```nothing``` ")]);
}

#[test]
fn half_commands_over_rows_in_order_are_refused() {
    for (search, at) in [
        ("a=1 | head (x", ""),
        ("a=1 | tail x", "x"),
        ("a=1 | dedup a sortby", ""),
        ("a=1 | top", ""),
        ("a=1 | rare a by", ""),
        ("a=1 | streamstats", ""),
        ("a=1 | streamstats reset_before=x count", "x"),
        ("a=1 | accum", ""),
        ("a=1 | delta a p=", ""),
        ("a=1 | transaction a startswith=", ""),
        ("a=1 | transaction a endswith=eval(x", ""),
        ("a=1 | addtotals fieldname=", ""),
        ("a=1 | chart count", ""),
        ("a=1 | chart count over a b", "b"),
        ("a=1 | timechart span=1h count by", ""),
        ("a=1 | foreach [eval a=1]", "["),
        ("a=1 | foreach a", ""),
        ("a=1 | foreach a [eval b=1", "["),
        ("a=1 | foreach a [eval <<FIELD>>]", ""),
    ] {
        refuses(search, &[("spl-syntax", at)]);
    }
}

#[test]
fn arguments_are_counted() {
    refuses("a=1 | where if(a,b)", &[("spl-arguments", "if")]);
    refuses("a=1 | where case(a,b,c)", &[("spl-arguments", "case")]);
    refuses("a=1 | where len()", &[("spl-arguments", "len")]);
    refuses("a=1 | where mvfilter(a=b)", &[("spl-arguments", "mvfilter")]);
    refuses("a=1 | stats max", &[("spl-arguments", "max")]);
    refuses("a=1 | stats count(eval(a>1))", &[("spl-syntax", "count")]);
    refuses("a=1 | dedup 0 a", &[("spl-arguments", "0")]);
    refuses("a=1 | top limit=many a", &[("spl-syntax", "m")]);
    refuses("a=1 | streamstats window=10001 count", &[("spl-arguments", "window=10001")]);
    refuses("a=1 | streamstats current=maybe count", &[("spl-syntax", "m")]);
    refuses("a=1 | transaction a maxspan=soon", &[("spl-syntax", "s")]);
    refuses("a=1 | delta a p=0", &[("spl-arguments", "p")]);
}

#[test]
fn options_and_patterns_that_change_the_result_are_refused() {
    refuses("a=1 | dedup a* b", &[("spl-unsupported-wildcard", "a*")]);
    refuses("a=1 | head (x>1) null=true", &[("spl-unsupported-option", "null")]);
    refuses("a=1 | sort a order=1", &[("spl-unknown-option", "order")]);
    refuses("a=1 | top a b*", &[("spl-unsupported-wildcard", "b*")]);
    refuses("a=1 | top a by a", &[("spl-duplicate-column", "a")]);
    refuses("a=1 | top count", &[("spl-duplicate-column", " count")]);
    refuses("a=1 | transaction a keeporphans=true", &[("spl-unsupported-option", "keeporphans")]);
    refuses("a=1 | transaction a maxopentxn=5", &[("spl-unsupported-option", "maxopentxn")]);
    refuses("a=1 | timechart count", &[("spl-unsupported-option", "")]);
    refuses("a=1 | timechart span=1mon count", &[("spl-syntax", "1")]);
    refuses("a=1 | chart count over a by b where count in top5", &[("spl-unsupported-option", "where")]);
    refuses("a=1 | chart limit=top5 count by a b", &[("spl-syntax", "t")]);
    refuses("a=1 | chart first(x) by a b", &[]);
    refuses("a=1 | chart count by a b | fillnull", &[("spl-unsupported-wildcard", "fillnull")]);
    refuses("a=1 | chart count by a b | stats sum(x) as s by a | fillnull", &[]);
    refuses("a=1 | foreach a mode=json_array [eval b=1]", &[("spl-unsupported-option", "mode")]);
    refuses("a=1 | foreach a [where b=1]", &[("spl-unsupported-option", "")]);
    refuses("a=1 | foreach a [eval b=foo(<<FIELD>>)]", &[("spl-unknown-function", "foo")]);
    refuses("a=1 | addcoltotals fieldname=x", &[("spl-unsupported-option", "fieldname")]);
    refuses("a=1 | bin _time bins=10", &[("spl-unsupported-option", "bins")]);
    refuses("a=1 | bin _time span=1mon", &[("spl-unsupported-option", "span")]);
    refuses("a=1 | stats allnum=true count", &[("spl-unsupported-option", "allnum")]);
    refuses("a=1 | stats count by _time span=1h", &[("spl-unsupported-option", "span")]);
    refuses("a=1 | stats values(*) as x", &[("spl-unsupported-wildcard", "values(*) as x")]);
    refuses("a=1 | stats count as *", &[("spl-unsupported-wildcard", "count as *")]);
    refuses("a=1 | stats count by x*", &[("spl-unsupported-wildcard", "x*")]);
    refuses("a=1 | rename a*b* as c*d*", &[("spl-unsupported-wildcard", "a*b*")]);
    refuses("a=1 | eval {b}=1", &[("spl-unsupported-dynamic-name", "{b}")]);
    refuses("a=1 | stats sum(a) as x avg(b) as x", &[("spl-duplicate-column", "avg(b) as x")]);
    refuses("a=1 | stats count as b by b", &[("spl-duplicate-column", "b")]);
    refuses("a=1 | eval b=mvmap(c + d, c)", &[("spl-arguments", "mvmap")]);
    refuses("a=1 | eval b=sum(1, \"2\")", &[("spl-arguments", "sum")]);
    refuses("a=1 | eval b=json_object(\"k\")", &[("spl-arguments", "json_object")]);
    refuses("a=1 | eval b=json_set(c, \"k\", 1, \"l\")", &[("spl-arguments", "json_set")]);
    refuses("a=1 | where searchmatch(b)", &[("spl-arguments", "searchmatch")]);
    refuses("a=1 | where searchmatch(\"b=(\")", &[("spl-syntax", "\"b=(\"")]);
}

#[test]
fn regular_expressions_are_checked_where_they_stand() {
    refuses("a=1 | regex f=\"(?R)y\"", &[("spl-regex-unsupported", "\"(?R)y\"")]);
    refuses("a=1 | where match(f, \"\\Kx\")", &[("spl-regex-unsupported", "\"\\Kx\"")]);
    assert_eq!(faults("a=1 | regex f=\"(?<!x)y\" | where match(f, \"(?=x)\\w(.)\\1\")"), []);
    refuses("a=1 | eval g=replace(f, \"(\", \"\")", &[("spl-regex-invalid", "\"(\"")]);
    assert_eq!(faults("a=1 | where match(f, \"^{[0-9a-f]{8}\\-\") AND match(f, g)"), []);
}

#[test]
fn another_language_is_named() {
    refuses(" $main = from source | eval x=y", &[("spl-unsupported-spl2", "$main")]);
    refuses("| from source --finding_report--", &[("spl-unsupported-spl2", "--finding_report--")]);
    refuses("from main where a=1 | stats count() by b", &[("spl-unsupported-spl2", "from main where")]);
    refuses("  | FROM 'my index' | where a=1", &[("spl-unsupported-spl2", "FROM 'my index' |")]);
    refuses("SELECT count() FROM main GROUP BY host", &[("spl-unsupported-spl2", "SELECT")]);
    refuses("/* note */ $x = from main | eval y=1;", &[("spl-unsupported-spl2", "$x")]);
    refuses("export $main = from read_main()", &[("spl-unsupported-spl2", "$main")]);
    for search in ["from=a where=b", "from where", "select=1 from=2", "from", "| from datamodel:Web.Web | stats count", "a=$b$"] {
        assert!(faults(search).iter().all(|(code, _)| *code != "spl-unsupported-spl2"), "{search}");
    }
}

#[test]
fn macros_are_counted_and_may_not_call_themselves() {
    let mut macros = Macros::builtin();
    for (name, definition) in [("a", "`b`"), ("b", "x=1 `a`"), ("open", "`x")] {
        macros.add_file(&source(&format!("name: {name}\ndefinition: '{definition}'")));
    }
    let codes = |search: &str| parse_search(search, &macros).faults.iter().map(|f| f.code).collect::<Vec<_>>();
    assert_eq!(codes("`a`"), ["spl-macro-recursion"]);
    assert_eq!(codes("y=1 `open`"), ["spl-unclosed-macro"]);
    assert_eq!(codes("y=1 | `security_content_ctime`"), ["spl-macro-arguments"]);
    assert_eq!(codes("y=1 | `get_asset(src)`"), ["spl-needs-product"]);
    assert_eq!(codes("y=1 | `own(a,b)`"), ["spl-unknown-macro"]);
    let hint = |search: &str| parse_search(search, &macros).faults[0].hint.to_string();
    assert_eq!(hint("`sysmom`"), "did you mean `sysmon`?");
    assert!(hint("`own(a,b)`").starts_with("define it in a YAML file"));
}

#[test]
fn a_pipe_without_a_command_is_told_where_it_stands() {
    for (search, at) in [("a=1 |", 4), ("a=1 || stats count", 4), ("a=1 | stats count |  ", 18)] {
        let parsed = parse_search(search, &Macros::builtin());
        let found: Vec<_> = parsed.faults.iter().map(|fault| (fault.code, fault.span.clone())).collect();
        assert_eq!(found, [("spl-syntax", at..at + 1)], "{search}");
    }
    refuses("| search a=1", &[]);
}
