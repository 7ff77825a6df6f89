//! Stages that rewrite single columns: extraction, replacement, texts with fields in them, lists.

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{
    Conversion, Convert, ConvertItem, Edit, Extract, Glob, ListSplit, MakeList, PairMarks, Replace, Stage, Substitute, TextForm, Unpack,
};

use super::super::pattern;
use super::{any_name, new_name, number_name, some_names};

/// Expressions with the names of their groups.
const GROUPS: [(&str, &[&str]); 7] = [
    ("(?<made>a)", &["made"]),
    ("(?<n>[0-9]+)", &["n"]),
    ("(?<made>.)(?<m>b)?", &["made", "m"]),
    ("(?i)(?<seen>[a-k])\\W*(?<n>[0-9])?", &["seen", "n"]),
    ("^(?<made>.*)$", &["made"]),
    ("(?<n>x?)", &["n"]),
    ("(?<Alpha>[^0-9]+)(?<m>.)", &["Alpha", "m"]),
];

/// Expressions of `s/…/…/`, some with groups.
const EDITED: [&str; 6] = ["a", "([ab])(.)?", "[0-9]", "(?i)k", "^.", "\\\\"];
const INTO: [&str; 6] = ["", "-", "[\\1]", "\\2\\1", "&", "$1"];
const NEW_VALUES: [&str; 6] = ["x", "*", "<*>", "", "*-*", "1.0"];
const DELIMITERS: [&str; 5] = [",", "a", ".", "ab", " "];
const TOKENS: [&str; 4] = ["([ab])", "([0-9])", "(.)b", "([^,]+),?"];

/// Texts with fields in them, by their place; see [`document_field`].
pub(super) const DOCUMENTS: [&str; 8] = [
    r#"{"ka":"x","kb":1,"kc":[1,2.5,"a"],"kd":{"ka":true,"kb":null}}"#,
    r#"{"kc":[{"kb":"a"},{"kb":"b","ka":[]},{"ka":"c"}],"kb":""}"#,
    r#"[{"kb":1},{"kb":[2,3]}]"#,
    r#"<ka kb="7"><kb>1</kb><kb>b &amp; c</kb><kc/></ka>"#,
    "<kb>1</kb><kc>two words</kc><kb>3</kb><ka></ka>",
    r#"ka=a, kb=1 kc="x y" kb=2"#,
    r#"{"ka":"open"#,
    "no fields at all",
];

const PATHS: [&str; 11] = ["ka", "kb", "kc{}", "kc{0}", "kc{1}", "kd", "kd.ka", "kc{}.kb", "{}.kb", "ka.kb", "ka.kb{2}"];

/// The column that holds a document.
pub(super) fn document_field(place: usize) -> String {
    format!("doc{place}")
}

fn text_name() -> impl Strategy<Value = String> {
    any_name().prop_map(str::to_owned)
}

pub(super) fn extract() -> BoxedStrategy<Stage> {
    let most = prop_oneof![3 => Just(Some(1)), 1 => Just(Some(2)), 1 => Just(None)];
    (text_name(), select(&GROUPS[..]), most)
        .prop_map(|(field, (pattern, names), max_match)| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            Stage::Extract(Extract { field, pattern: pattern.to_owned(), names, max_match })
        })
        .boxed()
}

pub(super) fn substitute() -> BoxedStrategy<Stage> {
    let replace = (select(&EDITED[..]), select(&INTO[..]), 1..3u64, any::<bool>()).prop_map(|(pattern, by, from, all)| Edit::Replace {
        pattern: pattern.to_owned(),
        replacement: by.to_owned(),
        from,
        all,
    });
    let letters = select(vec![vec![('a', 'b'), ('b', 'a')], vec![('1', '0'), ('k', 'K')]]).prop_map(Edit::Transliterate);
    (text_name(), prop::collection::vec(prop_oneof![3 => replace, 1 => letters], 1..3))
        .prop_map(|(field, edits)| Stage::Substitute(Substitute { field, edits }))
        .boxed()
}

pub(super) fn replace(pool: &[String]) -> BoxedStrategy<Stage> {
    // A pattern of `replace` has no `?`.
    let pair = (pattern::pattern(pool, false), select(&NEW_VALUES[..])).prop_map(|(glob, new)| (glob, new.to_owned()));
    let all = (Just(Glob::new([retrohunt::ir::Part::Any])), Just("<*>".to_owned()));
    (prop::collection::vec(prop_oneof![4 => pair, 1 => all], 1..3), some_names(0..3))
        .prop_map(|(pairs, fields)| Stage::Replace(Replace { pairs, fields }))
        .boxed()
}

pub(super) fn unpack() -> BoxedStrategy<Stage> {
    let field = prop_oneof![5 => (0..DOCUMENTS.len()).prop_map(document_field), 1 => text_name()];
    let path = (select(&PATHS[..]), prop::option::of(select(&["made", "n", "Alpha"][..])));
    let marks = |pairs: &str| TextForm::Pairs(PairMarks { pairs: pairs.to_owned(), values: "=".to_owned() });
    let forms = select(vec![TextForm::Structured, TextForm::Elements, marks(""), marks(","), TextForm::Object]);
    let whole = (forms, select(&["", "x."][..]));
    prop_oneof![
        (field.clone(), path).prop_map(|(field, (path, output))| Unpack {
            field,
            form: TextForm::Structured,
            path: Some(path.to_owned()),
            output: output.map(str::to_owned),
            prefix: String::new(),
            columns: Vec::new(),
        }),
        (field, whole).prop_map(|(field, (form, prefix))| Unpack {
            field,
            path: None,
            output: None,
            prefix: if form == TextForm::Object { prefix.to_owned() } else { String::new() },
            form,
            columns: Vec::new(),
        }),
    ]
    .prop_map(Stage::Unpack)
    .boxed()
}

pub(super) fn make_list() -> BoxedStrategy<Stage> {
    let split = prop_oneof![
        2 => select(&DELIMITERS[..]).prop_map(|text| ListSplit::Delimiter(text.to_owned())),
        1 => select(&TOKENS[..]).prop_map(|pattern| ListSplit::Matches(pattern.to_owned())),
    ];
    (text_name(), split, any::<bool>())
        .prop_map(|(field, split, allow_empty)| Stage::MakeList(MakeList { field, split, allow_empty }))
        .boxed()
}

pub(super) fn expand() -> BoxedStrategy<Stage> {
    (text_name(), prop::option::weighted(0.3, 1..3u64)).prop_map(|(field, limit)| Stage::Expand { field, limit }).boxed()
}

/// What stands between the members of a list that becomes one text.
fn delimiter() -> impl Strategy<Value = String> {
    select(&["\n", ",", ""][..]).prop_map(str::to_owned)
}

pub(super) fn combine() -> BoxedStrategy<Stage> {
    (text_name(), delimiter()).prop_map(|(field, delimiter)| Stage::Combine { field, delimiter }).boxed()
}

pub(super) fn join_members() -> BoxedStrategy<Stage> {
    (text_name(), delimiter()).prop_map(|(field, delimiter)| Stage::JoinMembers { field, delimiter }).boxed()
}

pub(super) fn convert() -> BoxedStrategy<Stage> {
    let kinds: Vec<Conversion> = Conversion::ALL.into_iter().map(|(kind, _)| kind).collect();
    let one = (select(kinds.clone()), number_name(), prop::option::weighted(0.4, new_name()))
        .prop_map(|(kind, field, alias)| ConvertItem { kind, field: field.to_owned(), alias: alias.filter(|_| kind != Conversion::None) });
    let many = (select(kinds.clone()), select(&["*", "A*", "m*"][..])).prop_map(|(kind, field)| ConvertItem {
        kind,
        field: field.to_owned(),
        alias: None,
    });
    (prop::collection::vec(prop_oneof![4 => one, 1 => many], 1..3), select(&["%m/%d/%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S"][..]))
        .prop_map(|(items, format)| Stage::Convert(Convert { items, format: format.to_owned() }))
        .boxed()
}
