//! The page the project began from, its later YAML and a Sigma twin find exactly the known rows, leaf by leaf.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::binary::{TestStore, integer, text};
use crate::support::shared::shared;

const PAGE: &str = "seed/000_66bb5754f22ae4b3.txt";
const YAML: &str = "rules/escu/detections/endpoint/executable_file_written_in_administrative_smb_share.yml";
const GROUP: [&str; 8] =
    ["EventCode", "Share_Name", "Relative_Target_Name", "Object_Type", "Access_Mask", "user", "src_port", "Source_Address"];
const YAML_GROUP: [&str; 8] =
    ["EventCode", "ShareName", "RelativeTargetName", "ObjectType", "AccessMask", "src_user", "src_port", "IpAddress"];

/// The Sigma twin: one of the project's own detections.
fn twin() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/detections/sigma/smb_admin_share_executable_write.yml")
}

/// One expected or found row: group values, count, first and last time to the millisecond.
type Row = (Vec<String>, i64, String, String);

/// The expected rows by leaf, and how many events they stand for.
fn expected(corpus: &Path) -> BTreeMap<String, BTreeSet<Row>> {
    let tsv = std::fs::read_to_string(corpus.join("SEED_EXPECTED.tsv")).expect("SEED_EXPECTED.tsv");
    let mut leaves: BTreeMap<String, BTreeSet<Row>> = BTreeMap::new();
    for line in tsv.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let group = cells[4..12].iter().map(|c| (*c).to_owned()).collect();
        let row = (group, cells[3].parse().expect("a count"), cells[1].to_owned(), cells[2].to_owned());
        leaves.entry(cells[0].to_owned()).or_default().insert(row);
    }
    leaves
}

/// A time cut to milliseconds.
fn milliseconds(time: &str) -> String {
    let digits = time.trim_end_matches('Z');
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    format!("{seconds}.{:0<3}Z", &fraction[..fraction.len().min(3)])
}

fn found_rows(findings: &[Value], names: &[&str]) -> BTreeSet<Row> {
    let row = |f: &Value| {
        let group = f["group"].as_object().unwrap_or_else(|| panic!("no group in {f}"));
        assert_eq!(group.keys().map(String::as_str).collect::<Vec<_>>(), names, "by-fields as the rule spells them");
        let values = names.iter().map(|n| group[*n].as_str().unwrap_or_default().to_owned()).collect();
        (values, integer(f, "count"), milliseconds(text(f, "first_time")), milliseconds(text(f, "last_time")))
    };
    findings.iter().map(row).collect()
}

fn hunt(store: &TestStore, rule: &Path) -> (Vec<Value>, BTreeSet<(String, i64)>) {
    store.run(["hunt", "--quiet", "--rules", &rule.to_string_lossy()]).expect_code(&[0]);
    let id = rule_id(rule);
    let of_rule = |rows: Vec<Value>| rows.into_iter().filter(|r| text(r, "rule_id") == id).collect::<Vec<_>>();
    let evidence = of_rule(store.findings(true)).iter().map(|r| (text(r, "path").to_owned(), integer(r, "record"))).collect();
    (of_rule(store.findings(false)), evidence)
}

fn rule_id(rule: &Path) -> String {
    let content = std::fs::read_to_string(rule).expect("a rule");
    let lower = |line: &str| line.trim_start_matches(['-', ' ']).replace("**", "");
    let id = content.lines().map(lower).find_map(|line| line.strip_prefix("id: ").or_else(|| line.strip_prefix("ID: ")).map(str::to_owned));
    id.unwrap_or_else(|| panic!("no id in {}", rule.display())).trim().to_owned()
}

#[test]
fn each_leaf_gives_exactly_the_known_rows() {
    let Some(corpus) = shared("corpora/dev") else { return };
    let (Some(page), Some(yaml)) = (shared(PAGE), shared(YAML)) else { return };
    let expected = expected(&corpus);
    let mut leaves = 0;
    for (leaf, rows) in &expected {
        let file = leaf.split('!').next().expect("a path");
        let store = TestStore::new();
        store.load([corpus.join(file)]);
        let (findings, page_events) = hunt(&store, &page);
        assert_eq!(found_rows(&findings, &GROUP), *rows, "{leaf}: the page's rows");
        assert_eq!(findings.len(), rows.len(), "{leaf}: no row twice");
        let events: i64 = rows.iter().map(|row| row.1).sum();
        assert_eq!(store.findings(true).len(), usize::try_from(events).expect("few"), "{leaf}: each event once in the evidence");

        let (_, twin_events) = hunt(&store, &twin());
        assert_eq!(twin_events, page_events, "{leaf}: the Sigma twin's events");
        // The YAML has the page's id: hunted in a store of its own, so that it does not supersede the page's findings.
        let other = TestStore::new();
        other.load([corpus.join(file)]);
        let (findings, yaml_events) = hunt(&other, &yaml);
        assert_eq!(yaml_events, page_events, "{leaf}: the YAML's events");
        assert_eq!(found_rows(&findings, &YAML_GROUP), *rows, "{leaf}: the YAML's rows");
        leaves += 1;
    }
    assert!(leaves >= 21, "only {leaves} leaves with known rows");
    println!("{leaves} leaves");
}

#[test]
fn nothing_else_in_the_corpus_matches() {
    let Some(corpus) = shared("corpora/dev") else { return };
    let (Some(page), Some(yaml)) = (shared(PAGE), shared(YAML)) else { return };
    let store = TestStore::new();
    store.load(["evtx", "mordor", "splunk-attack_data", "cloudtrail"].map(|folder| corpus.join(folder)));
    let (findings, evidence) = hunt(&store, &page);
    let names: BTreeSet<String> = evidence.iter().map(|(path, _)| path.rsplit(['/', '!']).next().unwrap_or_default().to_owned()).collect();
    assert_eq!((findings.len(), evidence.len(), names.len()), (5, 6, 4), "6 events in 5 rows of 4 files: {evidence:?}");
    assert_eq!(hunt(&store, &twin()).1, evidence, "the Sigma twin's events");
    let (_, of_yaml) = hunt(&store, &yaml);
    assert_eq!(of_yaml, evidence, "the YAML's events");
}
