//! Lookups: how they are found, what the commands become, what is said where one cannot be used.

use std::path::Path;
use std::sync::Arc;

use super::super::{Knowledge, LookupPlace, Lookups, Macros, parse_escu_yaml, parse_search};
use crate::diag::{Severity, SourceText};
use crate::ir::{Lookup, Query, Source, Stage, Table, TableMatch};

/// The files that there are.
const FILES: [(&str, &str); 8] = [
    ("shipped/tools.csv", "name, kind ,note\nnc.exe,net,a\nnmap*,scan,b\n"),
    ("shipped/nets.csv", "net,zone\n10.0.0.0/8,inside\n"),
    ("shipped/empty.csv", "name,seen\n"),
    ("shipped/v5.csv", "a,b\n1,2\n"),
    ("shipped/bad.csv", ""),
    ("own/tools.csv", "name,kind,note\nown.exe,own,c\n"),
    ("own/seen.csv", "user,first\n"),
    ("own/plain.csv", "x\n1\n"),
];

/// The definitions beside the rules.
const SHIPPED: [&str; 10] = [
    "name: tools\nfilename: tools.csv\nmatch_type: WILDCARD(name)\ncase_sensitive_match: 'false'\nmin_matches: 1\ndefault_match: 'false'\n",
    "name: nets\nfilename: nets.csv\nmatch_type: CIDR(net)\nmax_matches: 1\n",
    "name: seen\ncollection: seen_users\nfields_list: _key, user, first\n",
    "name: baseline\nfilename: empty.csv\n",
    "name: gone\nfilename: gone20240101.csv\n",
    "name: model\nfilename: model.mlmodel\n",
    "name: v5\nlookup_type: csv\nmatch_type: [WILDCARD(a), EXACT(b)]\ncase_sensitive_match: false\ndefault_match: false\nmin_matches: 1\n",
    "name: timed\nfilename: v5.csv\ntime_field: b\n",
    "name: broken\nfilename: bad.csv\n",
    "name: climbing\nfilename: ../../own/plain.csv\n",
];

fn read(path: &Path) -> Result<Arc<SourceText>, Box<dyn std::error::Error + Send + Sync>> {
    let path = path.to_string_lossy().into_owned();
    let (_, text) = FILES.iter().find(|(known, _)| *known == path).ok_or("no such file")?;
    Ok(Arc::new(SourceText { path, text: (*text).to_owned() }))
}

fn place(folder: &str, definitions: &[&str]) -> LookupPlace {
    let mut place = LookupPlace::default();
    FILES.iter().filter(|(path, _)| path.starts_with(folder)).for_each(|(path, _)| place.add_table(Path::new(path)));
    for text in definitions {
        assert_eq!(place.add_yaml(&Arc::new(SourceText { path: "shipped/v5.yml".into(), text: (*text).to_owned() })), []);
    }
    place
}

fn lookups(given: &str) -> Lookups {
    Lookups::new(if given.is_empty() { LookupPlace::default() } else { place(given, &[]) }, place("shipped", &SHIPPED), read)
}

fn with<R>(given: &str, use_them: impl FnOnce(Knowledge<'_>) -> R) -> R {
    let (macros, lookups) = (Macros::builtin(), lookups(given));
    use_them(Knowledge { macros: &macros, lookups: Some(&lookups) })
}

fn query(search: &str, given: &str) -> Query {
    let parsed = with(given, |knowledge| parse_search(search, knowledge));
    assert!(parsed.faults.iter().all(|fault| fault.severity != Severity::Error), "{search}: {:?}", parsed.faults);
    parsed.query.unwrap()
}

/// Codes, what they point at and what is said.
fn faults(search: &str, given: &str) -> Vec<(&'static str, String, String)> {
    let parsed = with(given, |knowledge| parse_search(search, knowledge));
    parsed.faults.into_iter().map(|f| (f.code, search[f.span].to_owned(), format!("{} ({})", f.message, f.hint))).collect()
}

fn lookup(search: &str, given: &str) -> Lookup {
    let mut query = query(search, given);
    let Some(Stage::Lookup(lookup)) = query.stages.pop() else { panic!("{search}: no lookup") };
    lookup
}

fn rows(table: &Table) -> Vec<String> {
    table.rows.iter().map(|row| row.join("|")).collect()
}

fn names(pairs: &[(String, String)]) -> Vec<String> {
    pairs.iter().map(|(column, field)| format!("{column}>{field}")).collect()
}

#[test]
fn a_lookup_names_its_keys_and_outputs() {
    let of = |search: &str| {
        let found = lookup(search, "");
        (names(&found.keys).join(" "), names(&found.outputs).join(" "), found.only_new)
    };
    let all = |keys: &str, outputs: &str, new| (keys.to_owned(), outputs.to_owned(), new);
    assert_eq!(of("a=1 | lookup tools name"), all("name>name", "kind>kind note>note", false));
    assert_eq!(of("a=1 | lookup local=true update=t tools name AS process OUTPUT kind"), all("name>process", "kind>kind", false));
    assert_eq!(
        of("a=1 | lookup tools name as \"x y\", kind as k outputnew note AS desc, kind as z"),
        all("name>x y kind>k", "note>desc kind>z", true)
    );
    assert_eq!(of("a=1 | lookup tools.csv name OUTPUT, kind note"), all("name>name", "kind>kind note>note", false));
}

#[test]
fn a_definition_says_how_its_table_is_compared() {
    let table = lookup("a=1 | lookup tools name", "").table;
    assert_eq!(
        (table.case_sensitive, table.min_matches, table.max_matches, table.default_match.as_deref()),
        (false, 1, 100, Some("false"))
    );
    assert_eq!(table.matching, [TableMatch::Wildcard, TableMatch::Exact, TableMatch::Exact]);
    let table = lookup("a=1 | lookup nets net", "").table;
    assert_eq!((table.case_sensitive, table.max_matches, table.matching[0]), (true, 1, TableMatch::Cidr));
    // Newer definitions have lists and truth values, and their table under their own name.
    let table = lookup("a=1 | lookup v5 a", "").table;
    assert_eq!((table.case_sensitive, table.default_match.as_deref(), table.matching[0]), (false, Some("false"), TableMatch::Wildcard));
    // A file is a lookup of its own, without any of this.
    let table = lookup("a=1 | lookup tools.csv name", "").table;
    assert_eq!((table.case_sensitive, table.min_matches, table.matching[0]), (true, 0, TableMatch::Exact));
    assert_eq!(lookup("a=1 | lookup empty name", "").table.rows.len(), 0);
}

#[test]
fn transforms_define_lookups_too() {
    let text = "[own]\nfilename = tools.csv\nmatch_type = WILDCARD(name)\ncase_sensitive_match = 0\nmax_matches = 5000\n\n\
        [extraction]\nREGEX = a(b)\n\n[program]\nexternal_cmd = ask.py a b\nfields_list = a, b\n\n[odd]\nfilename=nets.csv\nmin_matches = few\n";
    let mut shipped = place("shipped", &[]);
    let said = shipped.add_transforms(&Arc::new(SourceText { path: "transforms.conf".into(), text: text.into() }));
    assert_eq!(said.iter().map(|d| (d.code, &text[d.span.clone().unwrap()])).collect::<Vec<_>>(), [("spl-lookup-definition", "[odd]")]);
    let lookups = Lookups::new(LookupPlace::default(), shipped, read);
    let macros = Macros::builtin();
    let parse = |search: &str| parse_search(search, Knowledge { macros: &macros, lookups: Some(&lookups) });
    let Some(Stage::Lookup(found)) = parse("a=1 | lookup own name").query.unwrap().stages.pop() else { panic!("a lookup") };
    assert_eq!((found.table.case_sensitive, found.table.max_matches, found.table.matching[0]), (false, 1_000, TableMatch::Wildcard));
    assert_eq!(parse("a=1 | lookup extraction a").faults[0].code, "spl-lookup-absent");
    assert!(parse("a=1 | lookup program a").faults[0].message.contains("`ask.py`"));
}

#[test]
fn what_the_analyst_gives_takes_the_place_of_what_is_shipped() {
    let own = lookup("a=1 | lookup tools name", "own").table;
    assert_eq!((rows(&own), own.matching[0]), (vec!["own.exe|own|c".to_owned()], TableMatch::Wildcard));
    assert_eq!(rows(&lookup("a=1 | lookup plain x", "own").table), ["1"]);
    // An empty one of his own is what he says it is.
    assert_eq!(lookup("a=1 | lookup seen user", "own").table.rows.len(), 0);
    assert_eq!(faults("a=1 | lookup climbing x", "")[0].0, "spl-lookup-absent");
}

#[test]
fn a_table_is_read_once_and_shared() {
    with("", |knowledge| {
        let table = || match parse_search("| inputlookup tools", knowledge).query.unwrap().source {
            Source::Table(table) => table,
            other => panic!("{other:?}"),
        };
        assert!(Arc::ptr_eq(&table(), &table()));
    });
}

#[test]
fn what_cannot_be_used_is_named() {
    let hint = "give it as a CSV file of that name with the option `lookups`";
    let one = |search: &str| {
        let mut found = faults(search, "");
        assert_eq!(found.len(), 1, "{search}: {found:?}");
        found.remove(0)
    };
    let fault = |code, at: &str, said: String| (code, at.to_owned(), said);
    assert_eq!(one("a=1 | lookup nobody x"), fault("spl-lookup-absent", "nobody", format!("the lookup `nobody` is not there ({hint})")));
    assert!(one("a=1 | lookup tool name").2.contains("did you mean `tools`? Otherwise give it"));
    assert!(one("a=1 | lookup gone x").2.contains("its file `gone20240101.csv` is missing"));
    assert!(one("a=1 | lookup model x").2.contains("Machine Learning Toolkit"));
    assert!(one("| inputlookup asset_lookup_by_str").2.contains("the asset list of Splunk Enterprise Security"));
    assert_eq!(one("a=1 | lookup seen user").0, "spl-lookup-empty");
    assert_eq!(one("a=1 | lookup timed a").0, "spl-unsupported-lookup");
    assert_eq!(
        one("a=1 | lookup broken a"),
        fault("spl-lookup-unreadable", "broken", "the lookup `broken` cannot be read: `shipped/bad.csv`: it has no header line ()".into())
    );
    assert_eq!(
        one("a=1 | lookup tools nam OUTPUT kind"),
        fault("spl-lookup-column", "nam", "the lookup `tools` has no column `nam` (did you mean `name`?)".into())
    );
    assert!(one("a=1 | lookup tools name OUTPUT severity").2.contains("it has `name`, `kind`, `note`"));
    for (search, at) in
        [("a=1 | lookup", ""), ("a=1 | lookup tools", ""), ("a=1 | lookup tools name OUTPUT", ""), ("a=1 | lookup tools name as", "")]
    {
        assert_eq!((one(search).0, one(search).1), ("spl-syntax", at.to_owned()), "{search}");
    }
    assert_eq!(one("a=1 | lookup event_time_field=x tools name").0, "spl-unsupported-option");
}

#[test]
fn input_lookup_makes_the_rows_or_appends_them() {
    let table = |query: &Query| match &query.source {
        Source::Table(table) => rows(table),
        other => panic!("{other:?}"),
    };
    assert_eq!(table(&query("| inputlookup tools", "")), ["nc.exe|net|a", "nmap*|scan|b"]);
    assert_eq!(table(&query("| inputlookup start=1 max=5 tools.csv strict=t", "")), ["nmap*|scan|b"]);
    assert_eq!(table(&query("| inputlookup max=1 append=t tools", "")), ["nc.exe|net|a"]);
    let found = query("| inputlookup tools where kind=\"net\" OR name=x* | fields name", "");
    assert!(matches!(found.filter, crate::ir::Pred::Or(_)) && found.stages.len() == 1);
    for search in [
        "a=1 | inputlookup append=t tools",
        "a=1 | inputlookup tools append=true where kind=net",
        "a=1 | stats count | inputlookup append=1 tools",
    ] {
        assert!(matches!(query(search, "").stages.last(), Some(Stage::Append(query)) if table(query).len() == 2), "{search}");
    }
    let found = query("a=1 NOT [| inputlookup tools | fields name] | join name [inputlookup tools]", "");
    assert!(matches!(found.stages.last(), Some(Stage::Join(join)) if table(&join.query).len() == 2));
    let refused = |search: &str| faults(search, "").into_iter().map(|(code, at, _)| (code, at)).collect::<Vec<_>>();
    assert_eq!(refused("a=1 | inputlookup tools"), [("spl-syntax", "inputlookup".to_owned())]);
    assert_eq!(refused("| inputlookup tools kind"), [("spl-syntax", "kind".to_owned())]);
    assert_eq!(refused("| inputlookup"), [("spl-syntax", String::new())]);
    assert_eq!(refused("| inputlookup mox=1 tools"), [("spl-unknown-option", "mox".to_owned())]);
}

#[test]
fn a_search_that_writes_its_own_baseline_reads_it_and_writes_nothing() {
    let codes = |search: &str, given: &str| faults(search, given).into_iter().map(|(code, at, _)| (code, at)).collect::<Vec<_>>();
    let fault = |code, at: &str| (code, at.to_owned());
    let own =
        |name: &str| format!("a=1 | stats count by user | inputlookup append=t {name} | outputlookup create_empty=t {name} | where x=1");
    assert_eq!(codes(&own("seen"), "own"), [fault("spl-output-ignored", "outputlookup")]);
    assert_eq!(codes(&own("seen"), ""), [fault("spl-lookup-empty", "seen"), fault("spl-output-ignored", "outputlookup")]);
    assert_eq!(codes(&own("baseline"), ""), [fault("spl-lookup-empty", "outputlookup")]);
    assert_eq!(codes("a=1 | stats count | outputlookup seen", ""), [fault("spl-unsupported-output", "outputlookup")]);
    assert!(faults("a=1 | outputlookup seen", "")[0].2.contains("would write the rows to the lookup `seen`"));
    assert_eq!(codes("a=1 | outputlookup append=t", ""), [fault("spl-syntax", "")]);
    let found = query(&own("seen"), "own");
    assert_eq!(found.stages.len(), 3, "the rows go on");
}

#[test]
fn another_content_or_definition_of_a_lookup_is_another_rule() {
    let hash = |search: &str, given: &str| {
        let yaml = Arc::new(SourceText { path: "r.yml".into(), text: format!("name: N\nid: i\nsearch: '{search}'\n") });
        with(given, |knowledge| parse_escu_yaml(&yaml, knowledge).0.unwrap().meta.hash)
    };
    assert_eq!(hash("a=1 | lookup tools name", ""), hash("a=1 | lookup tools name", ""));
    assert_ne!(hash("a=1 | lookup tools name", ""), hash("a=1 | lookup tools name", "own"));
    assert_eq!(hash("a=1 | lookup nets net", ""), hash("a=1 | lookup nets net", "own"));
}

#[test]
fn definitions_that_define_nothing_are_told() {
    let mut place = LookupPlace::default();
    let mut said = |text: &str| -> Vec<String> {
        place.add_yaml(&Arc::new(SourceText { path: "x.yml".into(), text: text.into() })).into_iter().map(|d| d.message).collect()
    };
    assert_eq!(said("name: a\ndescription: b\n"), ["a lookup needs `name`, and `filename`, `collection` or `lookup_type`"]);
    assert_eq!(
        said("name: a\nfilename: a.csv\nmatch_type: LIKE(a)\n"),
        ["`match_type` has `LIKE(a)`, which is not `WILDCARD(column)` or `CIDR(column)`"]
    );
    assert_eq!(said("name: a\nfilename: a.csv\nmin_matches: one\n"), ["`min_matches` is `one`, which is not a whole number: 0 is taken"]);
    assert_eq!(said("name: a\nfilename: a.csv\ncase_sensitive_match: perhaps\n").len(), 1);
}

#[test]
fn macros_come_from_a_conf_file_too() {
    let text = "[mine]\ndefinition = a=1 b=2\n\n[two(2)]\nargs = x, y\ndefinition = a=$x$\\\nb=$y$\n\n[odd]\niseval = 1\ndefinition = \"a\"\n\n[none]\nx = 1\n";
    let mut macros = Macros::builtin();
    let said = macros.add_conf(&Arc::new(SourceText { path: "macros.conf".into(), text: text.into() }));
    let said: Vec<_> = said.iter().map(|d| (d.code, &text[d.span.clone().unwrap()])).collect();
    assert_eq!(said, [("spl-macro-incomplete", "[odd]"), ("spl-macro-incomplete", "[none]")]);
    let filter = |search: &str| super::shape(&parse_search(search, &macros).query.unwrap().filter);
    assert_eq!(filter("`mine`"), filter("a=1 b=2"));
    assert_eq!(filter("`two(1, 2)`"), filter("a=1 b=2"));
}
