//! Commands that read and rewrite texts and lists.

use super::query;
use crate::diag::Severity;
use crate::ir::{Conversion, Edit, ListSplit, PairMarks, Stage, TextForm};
use crate::spl::{Macros, parse_search};

fn stages(pipeline: &str) -> Vec<Stage> {
    query(&format!("a=1 | {pipeline}")).stages
}

/// Codes and the text they point at.
#[track_caller]
fn refuses(pipeline: &str, code: &str, text: &str) {
    let search = format!("a=1 | {pipeline}");
    let parsed = parse_search(&search, &Macros::builtin());
    let found: Vec<(&str, &str)> = parsed.faults.iter().map(|fault| (fault.code, &search[fault.span.clone()])).collect();
    assert_eq!(found, [(code, text)], "{search}");
    assert_eq!(parsed.query.is_none(), parsed.faults[0].severity == Severity::Error);
}

#[test]
fn rex_takes_its_options_in_any_order() {
    for pipeline in [
        r#"rex field=x "(?<u>\w+)@(?P<d>.*)" max_match=3"#,
        r#"rex max_match=3 "(?<u>\w+)@(?P<d>.*)" field="x""#,
        r#"rex "(?<u>\\w+)@(?P<d>.*)" field=x max_match=3"#,
    ] {
        let [Stage::Extract(extract)] = &stages(pipeline)[..] else { panic!("{pipeline}") };
        assert_eq!((extract.field.as_str(), extract.max_match), ("x", Some(3)));
        assert_eq!(extract.names, ["u", "d"]);
    }
    let [Stage::Extract(extract)] = &stages(r#"rex field=a{}.b max_match=0 "(?<c>[(?<x>])(?:y)\(?<z>""#)[..] else { panic!("a stage") };
    assert_eq!((extract.field.as_str(), extract.max_match, extract.names.as_slice()), ("a{}.b", None, &["c".to_owned()][..]));
}

#[test]
fn sed_has_commands_with_any_mark() {
    let edits = |text: &str| match &stages(&format!("rex mode=sed field=x \"{text}\""))[..] {
        [Stage::Substitute(substitute)] => substitute.edits.clone(),
        other => panic!("{other:?}"),
    };
    let replace =
        |pattern: &str, replacement: &str, from, all| Edit::Replace { pattern: pattern.into(), replacement: replacement.into(), from, all };
    assert_eq!(edits("s/a/b/"), [replace("a", "b", 1, false)]);
    assert_eq!(
        edits("s/a/b/g s|c|/|3;s#d#\\\\1#2g"),
        [replace("a", "b", 1, true), replace("c", "/", 3, false), replace("d", "\\1", 2, true)]
    );
    assert_eq!(edits("y/ab/\\/c/"), [Edit::Transliterate(vec![('a', '/'), ('b', 'c')])]);
    let [Edit::Replace { pattern, .. }] = &edits("s/(\\\\d{4}-){3}\\/x/y/")[..] else { panic!("one") };
    assert!(crate::pcre::group_names(pattern).is_empty() && pattern.contains("{3}"), "{pattern}");
}

#[test]
fn lists_and_their_options() {
    let [Stage::MakeList(make)] = &stages("makemv delim=\":\" allowempty=t setsv=false x")[..] else { panic!("a stage") };
    assert_eq!((make.field.as_str(), &make.split, make.allow_empty), ("x", &ListSplit::Delimiter(":".into()), true));
    let [Stage::MakeList(make)] = &stages("makemv x tokenizer=\"([^,]+),?\"")[..] else { panic!("a stage") };
    assert!(matches!(&make.split, ListSplit::Matches(pattern) if pattern.ends_with("+),?")) && !make.allow_empty);
    let [Stage::MakeList(make)] = &stages("makemv x")[..] else { panic!("a stage") };
    assert_eq!(make.split, ListSplit::Delimiter(" ".into()));
    assert_eq!(
        stages("mvexpand x limit=2 | mvexpand limit=0 y"),
        [Stage::Expand { field: "x".into(), limit: Some(2) }, Stage::Expand { field: "y".into(), limit: None }]
    );
    let delimiter = |pipeline: &str| match stages(pipeline).pop() {
        Some(Stage::JoinMembers { delimiter, .. }) => delimiter,
        other => panic!("{other:?}"),
    };
    assert_eq!(delimiter("nomv x"), "\n");
    assert_eq!(delimiter("mvcombine delim=\",\" x | nomv x"), ",");
    assert_eq!(delimiter("mvcombine x | nomv x"), " ");
    assert_eq!(delimiter("mvcombine delim=\",\" x | nomv y"), "\n");
}

#[test]
fn texts_are_unpacked() {
    let unpack = |pipeline: &str| match stages(pipeline).pop() {
        Some(Stage::Unpack(unpack)) => unpack,
        other => panic!("{other:?}"),
    };
    let path = unpack("spath input=x output=y path=a{}.b{@c}");
    assert_eq!((path.field.as_str(), path.path.as_deref(), path.output.as_deref()), ("x", Some("a{}.b{@c}"), Some("y")));
    assert_eq!(unpack("spath input=x \"a.b\"").path.as_deref(), Some("a.b"));
    assert_eq!(unpack("spath input=x").path, None);
    assert_eq!(unpack("xmlkv x").form, TextForm::Elements);
    assert_eq!(unpack("fromjson x prefix=p_").prefix, "p_");
    let marks = PairMarks { pairs: ";".into(), values: ":".into() };
    assert_eq!(unpack("rename x as _raw | extract pairdelim=\";\" kvdelim=\":\"").form, TextForm::Pairs(marks));
}

#[test]
fn spath_over_an_event_reads_its_fields() {
    let same = |a: &str, b: &str| assert_eq!(stages(a), stages(b), "{a}");
    same("spath output=y path=a{}.b", "eval y=coalesce('a{}.b', y)");
    same("spath input=_raw output=y \"a.b\"", "eval y=coalesce('a.b', y)");
    same("spath a.b | head 1", "head 1");
    same("spath | head 1", "head 1");
    assert!(matches!(&stages("eval _raw=x | spath")[1], Stage::Unpack(_)));
}

#[test]
fn texts_are_joined_and_only_shown_otherwise() {
    let same = |a: &str, b: &str| assert_eq!(stages(a), stages(b), "{a}");
    same("strcat a \":\" b c", "eval c=coalesce(a,\"\").\":\".coalesce(b,\"\")");
    same("strcat allrequired=t a b c", "eval c=if(isnotnull(a) AND isnotnull(b), coalesce(a,\"\").coalesce(b,\"\"), c)");
    refuses("fieldformat x=tostring(x)", "spl-fieldformat-ignored", "fieldformat");
}

#[test]
fn conversions_have_names_and_patterns() {
    let [Stage::Convert(convert)] = &stages("convert timeformat=\"%H\" auto(*) none(x), ctime(y) as z")[..] else { panic!("a stage") };
    let items: Vec<_> = convert.items.iter().map(|item| (item.kind, item.field.as_str(), item.alias.as_deref())).collect();
    assert_eq!(items, [(Conversion::Auto, "*", None), (Conversion::None, "x", None), (Conversion::Ctime, "y", Some("z"))]);
    assert!(matches!(&stages("convert ctime(first*)")[..], [Stage::Convert(_)]));
    refuses("convert foo(x)", "spl-unknown-function", "foo");
    refuses("convert num(x*) as y", "spl-unsupported-wildcard", "num(x*) as y");
}

#[test]
fn what_is_not_supported_is_told() {
    refuses("rex \"(?<x>.)\"", "spl-unsupported-free-text", "rex \"(?<x>.)\"");
    refuses("rex field=_raw \"(?<x>.)\"", "spl-unsupported-free-text", "rex field=_raw \"(?<x>.)\"");
    refuses("xmlkv", "spl-unsupported-free-text", "xmlkv");
    refuses("extract", "spl-unsupported-free-text", "extract");
    refuses("rex field=x offset_field=o \"(?<x>.)\"", "spl-unsupported-option", "offset_field");
    refuses("rex field=x mode=other \"(?<x>.)\"", "spl-unsupported-option", "mode");
    refuses("rex field=x \"(.)\"", "spl-arguments", "field=x \"(.)\"");
    refuses("rex field=x mode=sed \"s/a/b/i\"", "spl-unsupported-option", "\"s/a/b/i\"");
    refuses("rex field=x mode=sed \"s/a/b\"", "spl-syntax", "\"s/a/b\"");
    refuses("rex field=x mode=sed \"y/ab/c/\"", "spl-arguments", "\"y/ab/c/\"");
    refuses("replace a with b", "spl-unsupported-option", "");
    refuses("replace a* with *b* in x", "spl-arguments", "a*");
    refuses("makemv setsv=t x", "spl-unsupported-option", "setsv");
    refuses("makemv x*", "spl-unsupported-wildcard", "x*");
    refuses("spath output=x input=y", "spl-arguments", "output=x input=y");
    refuses("xmlkv maxinputs=10 x", "spl-unsupported-option", "maxinputs");
    refuses("extract reload=t", "spl-unsupported-option", "reload");
    refuses("strcat x", "spl-arguments", "");
    refuses("multikv", "spl-unsupported-command", "multikv");
}

#[test]
fn patterns_behind_a_text_with_unnamed_columns_are_told() {
    for pipeline in ["table x*", "fields a*, b", "mvcombine y", "stats count by z | head 1"] {
        let found = parse_search(&format!("a=1 | spath input=x | {pipeline}"), &Macros::builtin()).faults;
        assert_eq!(found.is_empty(), pipeline.starts_with("stats"), "{pipeline}: {found:?}");
    }
    let fine = ["table *", "rename a.* as *", "fields - x*", "fillnull", "table y | mvcombine y"];
    fine.iter().for_each(|pipeline| drop(stages(&format!("spath input=x | {pipeline}"))));
    let renames = "| rename a.* as *".repeat(10);
    assert!(!parse_search(&format!("a=1 | spath input=x {renames}"), &Macros::builtin()).faults.is_empty());
}
