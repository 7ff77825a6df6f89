//! Texts and the fields that are read of them.

use super::*;
use crate::ir::PairMarks;

fn names(text: &str, form: &TextForm, wanted: &[&str]) -> Vec<String> {
    let places = wanted.iter().enumerate().map(|(place, name)| (Box::from(*name), place)).collect();
    let mut found = Found(vec![Vec::new(); wanted.len()]);
    unpack(text, form, &WantedFields::Names(places), &mut found);
    found.0.iter().map(|values| values.join("|")).collect()
}

fn at(text: &str, path: &str) -> Vec<String> {
    let mut found = Found(vec![Vec::new()]);
    unpack(text, &TextForm::Structured, &WantedFields::Path(TextPath::new(path)), &mut found);
    found.0[0].iter().map(ToString::to_string).collect()
}

const EVENT: &str = r#"<?xml version="1.0"?><!-- x > y --><Event xmlns='e'><System><Provider Name="a &amp; b"/><EventID Qualifiers='0'>4698</EventID></System>
<EventData><Data Name="A">1</Data><Data Name="B">x &lt;&#65;&#x42;> y</Data><Data/><Data><![CDATA[<c>&amp;]]></Data></EventData></Event>"#;

#[test]
fn json_paths_count_from_0() {
    let text = r#" {"a":{"b":[{"c":1.50},{"c":true},{"c":null}]},"d":["x","y"],"e":{}} "#;
    assert_eq!(at(text, "a.b{}.c"), ["1.50", "true"]);
    assert_eq!(at(text, "d{1}"), ["y"]);
    assert_eq!(at(text, "d"), [r#"["x","y"]"#]);
    assert_eq!(at(text, "a.b{0}"), [r#"{"c":1.50}"#]);
    assert_eq!(at(text, "a.x"), Vec::<String>::new());
    assert_eq!(at("[[1],2]", "{}"), ["[1]", "2"]);
    assert_eq!(names(text, &TextForm::Structured, &["a.b{}.c", "d{}", "a.b", "e"]), ["1.50|true", "x|y", "", ""]);
    assert_eq!(names(r#"[{"n":"a"},{"n":"b"}]"#, &TextForm::Structured, &["{}.n"]), ["a|b"]);
}

#[test]
fn xml_paths_count_from_1() {
    assert_eq!(at(EVENT, "Event.System.EventID"), ["4698"]);
    assert_eq!(at(EVENT, "Event.System.EventID{@Qualifiers}"), ["0"]);
    assert_eq!(at(EVENT, "Event.EventData.Data"), ["1", "x <AB> y", "<c>&amp;"]);
    assert_eq!(at(EVENT, "Event.EventData.Data{2}"), ["x <AB> y"]);
    assert_eq!(at(EVENT, "Event.EventData.Data{0}"), Vec::<String>::new());
    assert_eq!(at(EVENT, "Event.EventData.Data{@Name}"), ["A", "B"]);
    assert_eq!(at("<a> <b>1</b> <b>2</b> </a>", "a"), ["<b>1</b> <b>2</b>"]);
    let wanted = ["Event.System.Provider{@Name}", "Event.EventData.Data{@Name}", "Event.EventData.Data", "Event{@xmlns}", "Event"];
    assert_eq!(names(EVENT, &TextForm::Structured, &wanted), ["a & b", "A|B", "1|x <AB> y|<c>&amp;", "e", ""]);
}

#[test]
fn damaged_xml_gives_what_is_there() {
    for (text, path, value) in [
        ("<a><b>1</a><c>2</c>", "a.b", "1"),
        ("<a><b>1</b>", "a.b", "1"),
        ("<a>1 < 2</a>", "a", "1 < 2"),
        ("x <a>1</a> <b", "a", "1"),
        ("<a>1</b></a>", "a", "1"),
        ("<a x='>'>1</a>", "a", "1"),
        ("<a>&unknown; &#0; &", "a", "&unknown; \u{2400} &"),
    ] {
        assert_eq!(at(text, path), [value], "{text}");
    }
    let deep = "<a>".repeat(100_000);
    assert_eq!(at(&deep, "a.b"), Vec::<String>::new());
    assert_eq!(at(&format!("{deep}x{}", "</a>".repeat(100_000)), "b"), Vec::<String>::new());
}

#[test]
fn elements_are_found_by_their_name_wherever_they_are() {
    let text = "Task Content:\n<Task><Exec a='1'><Command>cmd.exe</Command><Arguments>/c &quot;x&quot;</Arguments></Exec><Command>last</Command><Hidden/></Task>";
    assert_eq!(names(text, &TextForm::Elements, &["Command", "Arguments", "Hidden", "Task"]), ["last", "/c \"x\"", "", ""]);
}

#[test]
fn pairs_are_read_between_their_marks() {
    let marks = |pairs: &str, values: &str| TextForm::Pairs(PairMarks { pairs: pairs.to_owned(), values: values.to_owned() });
    let wanted = ["a", "b_c", "d"];
    assert_eq!(names("a=1 b.c=\"x y, z\", (d=3, a=4", &marks("", "="), &wanted), ["1", "x y, z", "3"]);
    assert_eq!(names("a:1 2; b c: x:y ;d:", &marks(";", ":"), &wanted), ["1 2", "x:y", ""]);
}

#[test]
fn members_of_an_object_keep_what_is_inside_as_json() {
    let text = r#"{"a":"x","b":{"c":[1]},"d":null,"a":"y"}"#;
    assert_eq!(names(text, &TextForm::Object, &["a", "b", "d", "b.c"]), ["y", r#"{"c":[1]}"#, "", ""]);
    assert_eq!(names("[1]", &TextForm::Object, &["0"]), [""]);
}
