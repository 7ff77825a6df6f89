//! The worker of a hunt with an engine: rows of all event types of a lake, packed rules, whole rows and counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use retrohunt::compile::{AskedByView, CompileOptions, load_texts, pack};
use serde_json::Value;

use super::run_with;
use crate::support::binary::TestStore;
use crate::support::lake_rows::{rows, without_nulls};
use crate::support::samples::{security_line, sigma_rule};

const IDS: [&str; 2] = ["aaaaaaaa-0000-4000-8000-0000000000d1", "aaaaaaaa-0000-4000-8000-0000000000d2"];

fn texts() -> [(String, String); 2] {
    [("one.yml".to_owned(), sigma_rule(IDS[0], "Account: alice")), ("two.yml".to_owned(), sigma_rule(IDS[1], "EventID: 4625"))]
}

/// A lake of two event types, and its rows as lines in the order of their ids: types change from line to line.
fn lake(store: &TestStore) -> (PathBuf, Vec<String>) {
    let line = |n: i64| {
        let name = if n % 3 == 0 { "alice" } else { "bob\\tx" };
        security_line(n, if n % 2 == 0 { 4624 } else { 4625 }, &format!(r#","Account":"{name}","N":"{n}""#))
    };
    store.load([store.file("a.jsonl", (1..40).map(line).collect::<String>())]);
    let lake = store.folder().join("lake");
    store.run(["export", "--parquet", &lake.to_string_lossy()]).expect_code(&[0]);
    let mut all: Vec<(i64, String)> =
        rows(&lake).into_values().flatten().map(|(id, row)| (id, Value::Object(without_nulls(&row)).to_string())).collect();
    all.sort();
    (lake, all.into_iter().map(|(id, row)| format!("{id}\t{row}\n")).collect())
}

fn run(more: &[&Path], lake: &Path, input: &str) -> crate::support::binary::Output {
    let arguments = [Path::new("match"), Path::new("--catalog"), lake].into_iter().chain(more.iter().copied());
    run_with(arguments, input)
}

fn pairs(output: &str) -> BTreeSet<(String, String)> {
    output.lines().filter_map(|line| line.split_once('\t')).map(|(id, said)| (id.to_owned(), said.to_owned())).collect()
}

#[test]
fn rows_of_all_types_are_judged_by_their_own() {
    let store = TestStore::new();
    let (lake, lines) = lake(&store);
    let files = texts().map(|(path, text)| store.file(&path, text));
    let rules = [Path::new("--rules"), files[0].as_path(), files[1].as_path()];
    let mixed = run(&rules, &lake, &lines.concat()).expect_code(&[0]);
    let mut apart = BTreeSet::new();
    for view in ["security_4624", "security_4625"] {
        let own: String = lines.iter().filter(|line| line.contains(&format!("\"{view}\""))).map(String::as_str).collect();
        let more = [&rules[..], &[Path::new("--type"), Path::new(view)]].concat();
        apart.extend(pairs(&run(&more, &lake, &own).expect_code(&[0]).stdout));
    }
    assert_eq!(pairs(&mixed.stdout), apart);
    assert_eq!(apart.len(), 13 + 20);
    let foreign = lines[0].replace("security_4625", "security_9999");
    let said = run(&rules, &lake, &foreign).expect_code(&[1]).stderr;
    assert!(said.contains("line 1 is of the view `security_9999`, which the catalog has not"), "{said}");
    let said = run(&rules, &lake, "7\t{\"Account\":\"x\"}\n").expect_code(&[1]).stderr;
    assert!(said.contains("line 1 says no event type: it has no `_view`"), "{said}");
}

#[test]
fn packed_rules_are_said_by_number_with_rows_and_counts() {
    let store = TestStore::new();
    let (lake, lines) = lake(&store);
    let texts = texts();
    let set = load_texts(&texts.each_ref().map(|(path, text)| (path.as_str(), text.as_str())), &CompileOptions::default());
    let asked: AskedByView = ["security_4624", "security_4625"].map(|view| (view.to_owned(), (0..IDS.len()).collect())).into();
    let packed = store.file("rules", pack(&set, &asked));
    let files = texts.map(|(path, text)| store.file(&path, text));
    let named = run(&[Path::new("--rules"), &files[0], &files[1]], &lake, &lines.concat()).expect_code(&[0]);
    let told = run(&[Path::new("--compiled"), &packed, Path::new("--rows")], &lake, &lines.concat()).expect_code(&[0]).stdout;
    let (mut matches, mut whole, mut judged) = (BTreeSet::new(), BTreeMap::new(), None);
    for line in told.lines() {
        let (id, said) = line.split_once('\t').expect("a tab");
        match said.parse::<usize>() {
            _ if id == "*" => judged = Some(said.to_owned()),
            Ok(rule) => _ = matches.insert((id.to_owned(), IDS[rule].to_owned())),
            Err(_) => assert!(whole.insert(id.to_owned(), said.to_owned()).is_none(), "{id} twice"),
        }
    }
    assert_eq!(matches, pairs(&named.stdout));
    assert_eq!(judged.as_deref(), Some(r#"{"security_4624":19,"security_4625":20}"#));
    let matched: BTreeSet<&String> = matches.iter().map(|(id, _)| id).collect();
    assert!(whole.keys().eq(matched), "each event that meets a rule has its row, once");
    for (id, row) in &whole {
        assert!(lines.contains(&format!("{id}\t{row}\n")), "{id}");
    }
    // A rule that is known to need no events of a view is not asked of them.
    let some = store.file("some", pack(&set, &[("security_4625".to_owned(), [0].into())].into()));
    let told = run(&[Path::new("--compiled"), &some], &lake, &lines.concat()).expect_code(&[0]).stdout;
    let of_view = |id: &str| lines.iter().any(|line| line.starts_with(&format!("{id}\t")) && line.contains("\"security_4625\""));
    let expected = matches.iter().filter(|(id, rule)| *rule == IDS[0] && of_view(id)).map(|(id, _)| format!("{id}\t0"));
    assert!(told.lines().map(str::to_owned).collect::<BTreeSet<_>>() == expected.collect() && !told.is_empty(), "{told}");
    let mut damaged = pack(&set, &asked);
    *damaged.last_mut().expect("bytes") ^= 1;
    let damaged = store.file("damaged", damaged);
    let said = run(&[Path::new("--compiled"), &damaged], &lake, "").expect_code(&[1]).stderr;
    assert!(said.contains("are of no use: they are damaged"), "{said}");
}
