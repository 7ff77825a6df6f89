//! Lookups and macros as a user has them: folders beside the rules and paths on the command line, over a small store.

use std::fs;
use std::path::{Path, PathBuf};

use retrohunt::compile::{CompileOptions, RuleSet, load_rules};
use retrohunt::report::to_json;
use retrohunt::store::FindingRow;
use serde_json::Value;

use crate::support::binary::{TestStore, run, text};
use crate::support::generate::splunk::escu_yaml;
use crate::support::loaded::Loaded;
use crate::support::samples::security_line;

/// A collection: rules two folders below the one with `lookups` and `macros`.
struct Collection {
    folder: tempfile::TempDir,
}

impl Collection {
    fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().expect("a folder") };
        this.write("lookups/tools.yml", "name: tools\nfilename: tools2024.csv\nmatch_type: WILDCARD(tool)\ncase_sensitive_match: 'false'\nmin_matches: 1\ndefault_match: 'false'\n");
        this.write("lookups/tools2024.csv", "tool,is_tool,note\n*\\nc.exe,TRUE,first\n*\\scan*.exe,TRUE,second\n*scanner*,TRUE,third\n");
        this.write("lookups/seen.yml", "name: seen\ncollection: seen\nfields_list: _key, user\n");
        this.write("lookups/zones.csv", "net,zone\n10.0.0.0/8,inside\n10.1.0.0/16,never\n0.0.0.0/0,outside\n");
        this.write("lookups/zones.yml", "name: zones\nfilename: zones.csv\nmatch_type: CIDR(net)\n");
        this.write("lookups/allowed.csv", "User\nann\n");
        this.write(
            "macros/tools.yml",
            "name: only_tools\ndefinition: lookup update=true tools tool as Image OUTPUT is_tool note | search is_tool=TRUE\n",
        );
        this
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    fn rule(&self, search: &str) -> PathBuf {
        self.write("detections/endpoint/rule.yml", &escu_yaml(search))
    }

    fn set(&self, search: &str, lookups: &[PathBuf]) -> RuleSet {
        let mut options = CompileOptions::default();
        options.lookups = lookups.to_vec();
        load_rules(&[self.rule(search)], &options)
    }

    /// The result rows of a search, in order.
    fn rows(&self, search: &str) -> Vec<String> {
        let set = self.set(search, &[]);
        assert_eq!(set.rules.len(), 1, "{search}: {:?}", set.diagnostics);
        let found = Loaded::of_bytes(log().as_bytes()).findings(&set.rules);
        let shown = |row: &FindingRow| {
            let shown = |(name, value): (&String, &Value)| format!("{name}={}", to_json(value).trim().replace(['\n', ' '], ""));
            row.columns.iter().map(shown).collect::<Vec<_>>().join(" ").replace('"', "")
        };
        found[0].iter().map(shown).collect()
    }
}

/// Four processes: which user on which address started what.
fn log() -> String {
    let line = |record, image: &str, user: &str, ip: &str| {
        security_line(record, 4688, &format!(r#","Image":"{image}","User":"{user}","Ip":"{ip}""#))
    };
    [
        line(1, r"C:\\a\\NC.exe", "ann", "10.1.1.1"),
        line(2, r"C:\\a\\scanner1.exe", "bob", "8.8.8.8"),
        line(3, r"C:\\a\\calc.exe", "Ann", "10.9.9.9"),
        line(4, r"C:\\a\\cmd.exe", "eve", "fe80::1"),
    ]
    .concat()
}

#[test]
fn a_macro_with_a_lookup_of_patterns_finds_what_the_table_names() {
    let collection = Collection::new();
    let rows = collection.rows("EventCode=4688 | `only_tools` | table User is_tool note | sort User");
    assert_eq!(rows, ["User=ann is_tool=TRUE note=first", "User=bob is_tool=[TRUE,TRUE] note=[second,third]"]);
    let rows =
        collection.rows("EventCode=4688 | lookup tools tool as Image OUTPUT is_tool | where is_tool=\"false\" | table User | sort User");
    assert_eq!(rows, ["User=Ann", "User=eve"]);
}

#[test]
fn addresses_are_in_the_first_network_that_holds_them() {
    let rows = Collection::new().rows("EventCode=4688 | lookup zones net as Ip | table User zone | sort User");
    assert_eq!(rows, ["User=Ann zone=inside", "User=ann zone=inside", "User=bob zone=outside", "User=eve zone=null"]);
}

#[test]
fn a_table_is_a_list_of_exceptions_a_join_and_a_result() {
    let collection = Collection::new();
    let names = |search: &str| collection.rows(&format!("{search} | table User | sort User"));
    // A search compares without case, a join with it.
    assert_eq!(names("EventCode=4688 NOT [| inputlookup allowed | fields User]"), ["User=bob", "User=eve"]);
    assert_eq!(names("EventCode=4688 | join User [inputlookup allowed.csv]"), ["User=ann"]);
    assert_eq!(names("EventCode=4688 User=eve | fields User | inputlookup append=t allowed"), ["User=ann", "User=eve"]);
    let rows = collection.rows("| inputlookup tools2024.csv where note=s* OR note=third | stats count values(note) as notes");
    assert_eq!(rows, ["count=2 notes=[second,third]"]);
}

#[test]
fn a_value_of_the_event_keeps_output_new_away_though_no_later_stage_reads_it() {
    let collection = Collection::new();
    collection.write("lookups/more.csv", "tool,User,extra\nx,other,yes\n");
    let search = "EventCode=4688 | eval tool=\"x\" | lookup more tool OUTPUTNEW User extra | stats count(extra) as n";
    assert_eq!(collection.rows(search), ["n=0"]);
}

#[test]
fn a_collection_that_is_not_filled_is_a_need_and_an_own_table_meets_it() {
    let collection = Collection::new();
    let search = "EventCode=4688 | lookup seen user as User OUTPUT first | where isnull(first) | table User";
    let refused = collection.set(search, &[]);
    assert_eq!(refused.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["spl-lookup-empty"]);
    assert_eq!(retrohunt::status::verdicts(&refused)[0].status, retrohunt::status::Status::NeedsData);
    let own = collection.write("own/seen.csv", "user,first\nann,1\neve,2\n");
    for given in [own.clone(), collection.folder.path().join("own")] {
        let set = collection.set(search, &[given]);
        assert_eq!(Loaded::of_bytes(log().as_bytes()).findings(&set.rules)[0].len(), 2, "{:?}", set.diagnostics);
    }
    let before = collection.set(search, std::slice::from_ref(&own)).rules[0].meta.hash.clone();
    fs::write(&own, "user,first\nann,1\n").expect("a file");
    assert_ne!(collection.set(search, &[own]).rules[0].meta.hash, before, "another table is another rule");
}

#[test]
fn tables_and_macros_of_ones_own_come_by_the_command_line() {
    let (store, collection) = (TestStore::new(), Collection::new());
    store.load([store.file("log.jsonl", log())]).expect_code(&[0]);
    let rule = collection
        .rule("EventCode=4688 | `only_tools` | lookup owners owner as User OUTPUT team | where isnotnull(team) | table User note team");
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let refused = run(["check", &path(&rule), "--format", "json"]).expect_code(&[3]);
    let found: Value = serde_json::from_str(&refused.stdout).expect("an object");
    assert_eq!(found["documents"][0]["status"], "needs data");
    assert_eq!(found["kept_out"][0]["feature"], "owners");
    let told = run(["check", &path(&rule)]).expect_code(&[3]).stdout;
    assert!(told.contains("the lookup `owners` is not there") && told.contains("with --lookups PATH"), "{told}");

    let transforms = "[owners]\nfilename = people.csv\ncase_sensitive_match = false\n";
    let transforms = collection.write("app/default/transforms.conf", transforms);
    collection.write("app/lookups/people.csv", "owner,team\nANN,red\n");
    let own_macro = "name: only_tools\ndefinition: lookup tools2024.csv is_tool as User OUTPUT note | fillnull value=own note\n";
    let own_macro = collection.write("own_macros/m.yml", own_macro);
    let arguments = |more: &[&str]| {
        [vec!["hunt".to_owned(), "--rules".to_owned(), path(&rule)], more.iter().map(|a| (*a).to_owned()).collect()].concat()
    };
    store.run(arguments(&["--lookups", &path(&transforms)])).expect_code(&[0]);
    let rows = |store: &TestStore| store.findings(false).iter().map(|row| row["columns"].to_string()).collect::<Vec<_>>();
    assert_eq!(rows(&store), [r#"{"User":"ann","note":"first","team":"red"}"#]);
    store.run(arguments(&["--lookups", &path(&transforms), "--macros", &path(&own_macro)])).expect_code(&[0]);
    assert!(rows(&store).iter().any(|row| row.contains(r#""User":"Ann","note":"own""#)), "{:?}", rows(&store));
    let missing = store.run(arguments(&["--lookups", "nowhere"])).expect_code(&[1]).stderr;
    assert!(missing.contains("there is no file or folder `nowhere`"), "{missing}");
    assert_eq!(text(&found["documents"][0], "name"), "Generated");
}
