//! Stages over texts and lists.

use super::{RuleLimits, shown, strings, through};
use crate::exec::Fault;
use crate::ir::{
    Conversion, Convert, ConvertItem, Edit, Extract, Glob, ListSplit, MakeList, Part, Replace, Stage, Substitute, TextForm, Unpack,
};

fn extract(field: &str, pattern: &str, names: &[&str], max_match: Option<u64>) -> Stage {
    Stage::Extract(Extract { field: field.into(), pattern: pattern.into(), names: strings(names), max_match })
}

fn edit(pattern: &str, replacement: &str, from: u64, all: bool) -> Edit {
    Edit::Replace { pattern: pattern.into(), replacement: replacement.into(), from, all }
}

fn substitute(edits: Vec<Edit>) -> Stage {
    Stage::Substitute(Substitute { field: "a".into(), edits })
}

#[test]
fn groups_become_columns_and_stay_without_a_match() {
    let both = extract("a", r"(?P<k>\w+)=(x)?(?P<v>\d*)", &["k", "v"], Some(1));
    let rows: &[&[&str]] = &[&["p=x1 q=2", "old"], &["none", "old"], &["∅", "∅"], &["p=1|q=2", "old"]];
    assert_eq!(shown(&[both], &["a", "v"], rows), ["a=p=x1 q=2 v=1 k=p", "a=none v=old k=∅", "a=∅ v=∅ k=∅", "a=p=1/q=2 v=1/2 k=p/q"]);
    let all = extract("a", r"(?P<n>\d)(?P<m>x)?", &["n", "m"], None);
    assert_eq!(shown(&[all], &["a"], &[&["1 2x 3"], &["z"]]), ["a=1 2x 3 n=1/2/3 m=x", "a=z n=∅ m=∅"]);
    let ahead = extract("a", r"(?P<n>\d)(?=x)", &["n"], None);
    assert_eq!(shown(&[ahead], &["a"], &[&["1 2x 3x"]]), ["a=1 2x 3x n=2/3"], "look-around");
    let two = extract("a", r"(?P<a>\d)", &["a"], Some(2));
    assert_eq!(shown(&[two], &["a"], &[&["123"]]), ["a=1/2"]);
}

#[test]
fn sed_rewrites_each_member() {
    for (edits, text, expected) in [
        (vec![edit("o", "0", 1, false)], "foo|oo", "f0o/0o"),
        (vec![edit("o", "0", 1, true)], "foo", "f00"),
        (vec![edit("o", "0", 2, false)], "ooo", "o0o"),
        (vec![edit("o", "0", 2, true)], "ooo", "o00"),
        (vec![edit(r"(\w)-(x)?", r"[\1\2&$1]\/\\", 1, true)], "a-b-", r"[a&$1]/\[b&$1]/\"),
        (vec![edit(",", r"\n", 1, true)], "a,b", "a/b"),
        (vec![edit("", "-", 1, true)], "ab", "-a-b-"),
        (vec![edit("a", "b", 1, true), edit("b", "c", 1, true)], "ab", "cc"),
        (vec![edit(r"a(?=b)", "c", 1, true)], "aab", "acb"),
        (vec![Edit::Transliterate(vec![('a', 'b'), ('b', 'a')])], "abc", "bac"),
    ] {
        assert_eq!(shown(&[substitute(edits)], &["a"], &[&[text]]), [format!("a={expected}")]);
    }
}

#[test]
fn whole_values_are_replaced_by_the_fullest_pattern() {
    let glob = |text: &str| {
        let parts = text.split('*').enumerate();
        Glob::new(parts.flat_map(|(i, text)| (i > 0).then_some(Part::Any).into_iter().chain([Part::Text(text.to_owned())])))
    };
    let pairs = [("*", "any"), ("*host", "* there"), ("::ffff:*", "*"), ("b", "first"), ("b", "last"), ("x*y*z", "*-*"), ("* * c", "*:*")];
    let pairs = pairs.iter().map(|(old, new)| (glob(old), (*new).to_owned())).collect();
    let replace = Stage::Replace(Replace { pairs, fields: strings(&["a", "gone"]) });
    let rows: &[&[&str]] = &[&["b"], &["myhost"], &["::ffff:1.2"], &["x1y2y3z"], &["∅"], &["b|q"], &["a b c"], &["B"]];
    assert_eq!(shown(&[replace], &["a"], rows), ["a=last", "a=my there", "a=1.2", "a=1-2y3", "a=∅", "a=last/any", "a=a:b", "a=any"]);
}

#[test]
fn texts_become_lists_and_lists_rows() {
    let make = |split, allow_empty| Stage::MakeList(MakeList { field: "a".into(), split, allow_empty });
    let comma = || ListSplit::Delimiter(",".into());
    let rows: &[&[&str]] = &[&["1,,2", "x"], &["3", "y"], &[",", "z"], &["∅", "w"]];
    assert_eq!(shown(&[make(comma(), false)], &["a", "b"], rows), ["a=1/2 b=x", "a=3 b=y", "a=∅ b=z", "a=∅ b=w"]);
    assert_eq!(shown(&[make(comma(), true)], &["a", "b"], &[&["1,,2", "x"]]), ["a=1//2 b=x"]);
    let words = make(ListSplit::Matches("([a-z]+),?".into()), false);
    assert_eq!(shown(&[words], &["a"], &[&["ab,cd"], &["1"]]), ["a=ab/cd", "a=∅"]);
    let expand = |limit| Stage::Expand { field: "a".into(), limit };
    assert_eq!(shown(&[make(comma(), false), expand(None)], &["a", "b"], rows), ["a=1 b=x", "a=2 b=x", "a=3 b=y"]);
    assert_eq!(shown(&[make(comma(), false), expand(Some(1))], &["a", "b"], rows), ["a=1 b=x", "a=3 b=y"]);
}

#[test]
fn rows_that_differ_in_one_column_become_one() {
    let combine = Stage::Combine { field: "a".into(), delimiter: " ".into() };
    let rows: &[&[&str]] = &[&["1", "x"], &["2", "y"], &["3|4", "x"], &["∅", "x"], &["5", "∅"], &["1", "x"]];
    let combined = through(std::slice::from_ref(&combine), &["a", "b"], rows, RuleLimits::default()).unwrap();
    let texts: Vec<&str> = combined.iter().map(|(row, _)| row.as_str()).collect();
    assert_eq!(texts, ["a=1/3/4/1 b=x", "a=2 b=y", "a=∅ b=x", "a=5 b=∅"]);
    assert_eq!((combined[0].1.count(), combined[1].1.count()), (3, 1));
    let join = Stage::JoinMembers { field: "a".into(), delimiter: ";".into() };
    assert_eq!(shown(&[combine, join], &["a", "b"], &rows[..3]), ["a=1;3;4 b=x", "a=2 b=y"]);
}

#[test]
fn fields_inside_of_a_text_become_columns() {
    let unpack = |path: Option<&str>, output: Option<&str>, form, prefix: &str, columns: &[&str]| {
        Stage::Unpack(Unpack {
            field: "a".into(),
            form,
            path: path.map(Into::into),
            output: output.map(Into::into),
            prefix: prefix.into(),
            columns: strings(columns),
        })
    };
    let rows: &[&[&str]] = &[&[r#"{"k":{"z":["v","w"]}}"#, "old"], &["<k><z>v</z></k>", "old"], &["text", "old"], &["∅", "old"]];
    let paths = unpack(Some("k.z{}"), Some("z"), TextForm::Structured, "", &[]);
    let values: Vec<String> = shown(&[paths], &["a", "z"], rows).iter().map(|row| row.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(values, ["z=v/w", "z=v", "z=old", "z=old"]);
    let named = unpack(None, None, TextForm::Structured, "", &["k.z{}", "k.z", "a", "z"]);
    let values: Vec<String> = shown(&[named], &["a", "z"], rows).iter().map(|row| row[row.find("z=").unwrap()..].to_owned()).collect();
    assert_eq!(values, ["z=old k.z{}=v/w k.z=∅", "z=old k.z{}=∅ k.z=v", "z=old k.z{}=∅ k.z=∅", "z=old k.z{}=∅ k.z=∅"]);
    let object = unpack(None, None, TextForm::Object, "p_", &["p_k", "k"]);
    assert_eq!(shown(&[object], &["a"], &[&[r#"{"k":1}"#]]), [r#"a={"k":1} p_k=1 k=∅"#]);
}

#[test]
fn values_are_converted_or_go() {
    let convert = |kind, alias: Option<&str>| {
        let item = ConvertItem { kind, field: "a".into(), alias: alias.map(Into::into) };
        Stage::Convert(Convert { items: vec![item], format: "%H:%M".into() })
    };
    use Conversion::{Auto, Ctime, Dur2Sec, Memk, Mktime, Mstime, Num, RmComma, RmUnit};
    for (kind, text, expected) in [
        (Num, "1.50", "1.5"),
        (Num, "x", "∅"),
        (Num, "x|2", "2"),
        (Ctime, "60", "00:01"),
        (Ctime, "x", "x"),
        (Dur2Sec, "1+02:03:04", "93784"),
        (Dur2Sec, "00:01:01", "61"),
        (Dur2Sec, "00:01:01.5", "61.5"),
        (Dur2Sec, "1.5:00:00", "∅"),
        (Dur2Sec, " 00:01:01", "∅"),
        (Dur2Sec, "01:01", "∅"),
        (Num, "01:01", "61"),
        (Num, "1 ", "∅"),
        (Mstime, "4.", "∅"),
        (Memk, "2m", "2048"),
        (Memk, "3 K", "3"),
        (Memk, "1g", "1048576"),
        (Memk, "7", "7"),
        (Memk, "-1", "∅"),
        (Mstime, "02:03.5", "123.5"),
        (Mstime, "4.5", "4.5"),
        (RmComma, "1,000,000.00", "1000000.00"),
        (RmUnit, "-12.5KB", "-12.5"),
        (RmUnit, "KB", "KB"),
        (RmUnit, "1.2.3", "1.2"),
        (RmUnit, "5.", "5"),
        (Mktime, "no time", "∅"),
        (Auto, "1", "1"),
    ] {
        assert_eq!(shown(&[convert(kind, None)], &["a"], &[&[text]]), [format!("a={expected}")], "{kind:?} {text}");
    }
    assert_eq!(shown(&[convert(Num, Some("b"))], &["a", "b"], &[&["x", "old"], &["2", "old"]]), ["a=x b=old", "a=2 b=2"]);
    assert_eq!(shown(&[convert(Auto, None)], &["a"], &[&["00:01:00"], &["x"], &["1"]]), ["a=00:01:00", "a=x", "a=1"]);
    assert_eq!(shown(&[convert(Auto, None)], &["a"], &[&["00:01:00"], &["1"]]), ["a=60", "a=1"]);
    assert_eq!(shown(&[convert(Auto, Some("b"))], &["a", "b"], &[&["x", "old"], &["2", "old"]]), ["a=x b=x", "a=2 b=2"]);
    let chained = [(RmComma, "a", "b"), (Num, "b", "c")];
    let chained = chained.map(|(kind, field, alias)| ConvertItem { kind, field: field.into(), alias: Some(alias.into()) }).to_vec();
    let chained = Stage::Convert(Convert { items: chained, format: String::new() });
    assert_eq!(shown(&[chained], &["a"], &[&["1,0"]]), ["a=1,0 b=10 c=10"]);
    let item = |kind, field: &str| ConvertItem { kind, field: field.into(), alias: None };
    let items = vec![item(RmComma, "x*"), item(Conversion::None, "x2")];
    let pattern = Stage::Convert(Convert { items, format: String::new() });
    assert_eq!(shown(&[pattern], &["x1", "x2", "y"], &[&["1,0", "2,0", "3,0"]]), ["x1=10 x2=2,0 y=3,0"]);
}

#[test]
fn texts_that_grow_meet_the_budget() {
    let limits = RuleLimits { memory_bytes: 64 * 1024 };
    let double = substitute(vec![edit("(?s)(.*)", r"\1\1", 1, false)]);
    let many: Vec<Stage> = (0..60).map(|_| double.clone()).collect();
    let fault = through(&many, &["a"], &[&["x"]], limits).unwrap_err();
    assert_eq!(fault, Fault::Memory { limit: limits.memory_bytes });
    let text = "a,".repeat(10_000);
    let make = Stage::MakeList(MakeList { field: "a".into(), split: ListSplit::Delimiter(",".into()), allow_empty: false });
    assert!(matches!(through(&[make], &["a"], &[&[&text]], limits), Err(Fault::Memory { .. })));
    let expand = Stage::Expand { field: "a".into(), limit: None };
    let list = vec!["x"; 2_000].join("|");
    assert!(matches!(through(&[expand], &["a"], &[&[&list]], limits), Err(Fault::Memory { .. })));
    let combine = Stage::Combine { field: "a".into(), delimiter: " ".into() };
    let texts: Vec<String> = (0..2_000).map(|n| format!("{n}")).collect();
    let rows: Vec<[&str; 1]> = texts.iter().map(|text| [text.as_str()]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| row.as_slice()).collect();
    assert!(matches!(through(&[combine], &["a"], &rows, limits), Err(Fault::Memory { .. })));
}

#[test]
fn a_pattern_that_goes_back_and_forth_is_stopped() {
    let slow = extract("a", r"(?P<n>(?:(?=x)x+)+)y", &["n"], Some(1));
    let text = "x".repeat(60);
    let fault = through(&[slow], &["a"], &[&[&text]], RuleLimits::default()).unwrap_err();
    assert_eq!(fault.code(), "exec-regex-backtracking");
}
