//! Splunk's own detections: the rows that they must give on known files, and no fault at run time on any log.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use retrohunt::archive::{Limits, Walked, walk};
use retrohunt::compile::{CompileOptions, load_rules};
use retrohunt::diag::Severity;
use retrohunt::event::format_time;
use retrohunt::ir::Rule;
use retrohunt::load::{LoadOptions, load};
use retrohunt::store::Store;
use serde_json::Value;

use crate::support::binary::text;
use crate::support::engines;
use crate::support::golden;
use crate::support::loaded::Loaded;
use crate::support::shared::{leaf_tail, shared};

/// A row in the columns that are known: column → its values, written so that they can be compared.
type Row = BTreeMap<String, Vec<String>>;

/// A detection and the rows that it must give on one leaf.
struct Pair {
    detection: String,
    rule: Rule,
    columns: BTreeSet<String>,
    rows: Vec<Row>,
}

/// The pairs of `ESCU_EXPECTED.jsonl` by leaf, and why the detections of the others do not compile: code → pairs.
fn pairs(expected: &str, rules: &Path) -> (BTreeMap<String, Vec<Pair>>, BTreeMap<&'static str, usize>) {
    let (mut by_leaf, mut left_out) = (BTreeMap::<String, Vec<Pair>>::new(), BTreeMap::new());
    for line in expected.lines() {
        let row: Value = serde_json::from_str(line).expect("ESCU_EXPECTED.jsonl");
        let detection = text(&row, "detection").to_owned();
        let mut set = load_rules(&[rules.join(&detection)], &CompileOptions::default());
        let Some(rule) = set.rules.pop() else {
            let codes: BTreeSet<&str> = set.diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.code).collect();
            codes.into_iter().for_each(|code| *left_out.entry(code).or_default() += 1);
            continue;
        };
        let list = |name: &str| row[name].as_array().expect("rows").iter().map(|row| row.as_object().expect("a row"));
        let rows: Vec<Row> = list("expected_rows")
            .zip(list("times"))
            .map(|(row, times)| row.iter().chain(times).map(|(name, value)| (name.clone(), written(name, value))).collect())
            .collect();
        let columns = rows.iter().flat_map(|row| row.keys().cloned()).collect();
        by_leaf.entry(text(&row, "leaf").to_owned()).or_default().push(Pair { detection, rule, columns, rows });
    }
    (by_leaf, left_out)
}

/// A value as the list of its texts: ids without braces and case, lines without carriage returns, times to the second.
fn written(name: &str, value: &Value) -> Vec<String> {
    let folded = |text: &str| {
        let text = text.replace('\r', "");
        let id = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(&text);
        let is_id = id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if is_id { id.to_ascii_lowercase() } else { text }
    };
    match value {
        Value::Null => Vec::new(),
        Value::String(text) if is_time(name) => vec![to_the_second(text)],
        Value::String(text) => vec![folded(text)],
        Value::Array(members) => members.iter().map(|member| folded(member.as_str().expect("a text"))).collect(),
        Value::Number(number) if is_time(name) => vec![to_the_second(&number.to_string())],
        Value::Number(number) => vec![number.to_string()],
        other => panic!("no value of a row is {other}"),
    }
}

fn is_time(column: &str) -> bool {
    matches!(column, "_time" | "firstTime" | "lastTime")
}

/// Seconds since 1970, as a detection without `ctime` shows them, written like the others.
fn to_the_second(time: &str) -> String {
    let seconds = time.split('.').next().and_then(|seconds| seconds.parse::<i64>().ok());
    seconds.map_or_else(|| time.to_owned(), |seconds| format_time(seconds * 1_000_000)[..19].to_owned())
}

/// The bytes of a leaf: a file, or a member of an archive behind a `!`.
fn bytes_of(corpus: &Path, leaf: &str) -> Vec<u8> {
    let file = corpus.join(leaf.split('!').next().expect("a path"));
    let mut bytes = None;
    walk(&[file], &Limits::default(), &mut |found| {
        if let Walked::Leaf(found) = found
            && (!leaf.contains('!') || leaf_tail(&found.path) == leaf_tail(leaf))
        {
            let mut content = Vec::new();
            found.reader.read_to_end(&mut content).expect("a whole leaf");
            bytes = Some(content);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    bytes.unwrap_or_else(|| panic!("{leaf} is not there"))
}

/// A line for each pair of a leaf that gives other rows than the known ones.
fn differences(corpus: &Path, leaf: &str, pairs: &[Pair]) -> Vec<String> {
    let mut loaded = Loaded::of_bytes(&bytes_of(corpus, leaf));
    let rules: Vec<Rule> = pairs.iter().map(|pair| pair.rule.clone()).collect();
    let findings = loaded.findings(&rules);
    let mut out = Vec::new();
    for (pair, findings) in pairs.iter().zip(findings) {
        let known = |(name, value): (&String, &Value)| pair.columns.contains(name).then(|| (name.clone(), written(name, value)));
        let row = |columns: &serde_json::Map<String, Value>| -> Row {
            columns.iter().filter_map(known).filter(|(_, values)| !values.is_empty()).collect()
        };
        let (mut expected, mut found) = (pair.rows.clone(), findings.iter().map(|f| row(&f.columns)).collect::<Vec<_>>());
        expected.sort();
        found.sort();
        if expected != found {
            let columns: BTreeSet<&String> = different(&expected, &found).into_iter().chain(different(&found, &expected)).collect();
            out.push(format!("{}\t{leaf}\t{}\t{}\t{columns:?}", pair.detection, expected.len(), found.len()));
            println!("{}\n  {leaf}\n  expected {expected:#?}\n  found {found:#?}", pair.detection);
        }
    }
    out
}

/// The columns in which rows differ from all others.
fn different<'a>(rows: &'a [Row], others: &[Row]) -> BTreeSet<&'a String> {
    let alone = rows.iter().filter(|row| !others.contains(row));
    alone.flat_map(|row| row.iter().filter(|(name, value)| others.iter().all(|o| o.get(*name) != Some(value))).map(|(n, _)| n)).collect()
}

#[test]
fn known_files_give_exactly_the_known_rows() {
    let Some(corpus) = shared("corpora") else { return };
    let Some(rules) = shared("rules/escu") else { return };
    let expected = std::fs::read_to_string(corpus.join("ESCU_EXPECTED.jsonl")).expect("ESCU_EXPECTED.jsonl");
    let (by_leaf, left_out) = pairs(&expected, &rules);
    let dev = corpus.join("dev");
    let compiled: usize = by_leaf.values().map(Vec::len).sum();
    let found: Vec<String> = by_leaf.iter().flat_map(|(leaf, pairs)| differences(&dev, leaf, pairs)).collect();
    println!("{} leaves, {compiled} pairs, {} differences", by_leaf.len(), found.len());
    golden::compare_with_reasons("escu_differences.tsv", "detection\tleaf\texpected\tfound\tcolumns\treason", &found);
    let mut table = format!("code\tpairs\ncompiled\t{compiled}\n");
    for (code, pairs) in left_out {
        let _ = writeln!(table, "{code}\t{pairs}");
    }
    golden::compare("escu_pairs.tsv", &table);
}

#[test]
fn every_detection_that_compiles_runs_to_its_end() {
    let Some(logs) = shared("corpora/dev/splunk-example_log") else { return };
    let Some(rules) = shared("rules/escu/detections") else { return };
    let set = load_rules(&[PathBuf::from(&rules)], &CompileOptions::default());
    let findings = Loaded::of_path(&logs).findings(&set.rules);
    let fired = findings.iter().filter(|findings| !findings.is_empty()).count();
    println!("{} detections, {} findings of {fired}", set.rules.len(), findings.iter().map(Vec::len).sum::<usize>());
}

/// Of the detections that find events to ask, at least so many in a hundred must have a portable text.
const TEXT_SHARE: usize = 80;

#[test]
fn both_engines_save_the_same_findings() {
    let Some(logs) = shared("corpora/dev/splunk-example_log") else { return };
    let Some(rules) = shared("rules/escu/detections") else { return };
    let set = load_rules(&[PathBuf::from(&rules)], &CompileOptions::default());
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&folder.path().join("test.db")).expect("a store");
    load(&mut store, &[logs], &LoadOptions::default(), &mut |_| {}).expect("a load");
    let both = engines::both(&mut store, &set.rules, &[]);
    for (gap, count) in &both.gaps {
        println!("{count:>5}  {gap}");
    }
    let with_text = both.asked - both.without_text;
    println!("{} rules with events, {with_text} with a text, {} findings", both.asked, both.findings);
    assert!(both.failed.is_empty(), "{:?}", both.failed);
    assert!(both.differences.is_empty(), "{}", both.differences.join("\n"));
    assert!(with_text * 100 >= both.asked * TEXT_SHARE, "{with_text} of {} have a text", both.asked);
}
