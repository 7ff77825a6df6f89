//! One truth in many encodings: all rules find the same records in each, and each stores the same values, but for what
//! an encoding does not carry. That is listed with its reason in `tests/golden/encodings.tsv`.
//!
//! The files of `derived/` are rendered from two sets of real events: 30 of an EVTX file, and the 31 accesses to shares
//! of three other archives, for classic text. Those originals are loaded too, and what is compared is original and
//! rendering, event by event. The list is made from the stores, so a line of it cannot say that a field is missing
//! that is there; a rule that differs must ask for a field that is listed as missing, else it stays unexplained.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use retrohunt::archive::{Limits, Walked, walk};
use retrohunt::compile::{CompileOptions, RuleSet, load_rules};
use retrohunt::ir::print_query;
use serde_json::Value;

use crate::support::golden;
use crate::support::loaded::{Loaded, LoadedEvent, Values};
use crate::support::shared::shared;

const GOLDEN: &str = "encodings.tsv";
const HEADER: &str = "file\tdifference\twhat\treason";

/// Bytes of a value that is not in another field by chance.
const TELLING_BYTES: usize = 5;

/// The EVTX file that the files without `5145` in their name are rendered from.
const LOGONS: &str = "evtx/mdecrevoisier/TA0008-Lateral Movement/T1021.002-SMB Windows Admin Shares/\
                      ID4688,4697,5140-5145 PSexec remote execution + admin share.evtx";
/// The archives whose events 5145 the others are rendered from, in this order.
const SHARES: [&str; 3] = [
    "mordor/atomic/windows/lateral_movement/host/covenant_copy_smb_CreateRequest.zip",
    "mordor/atomic/windows/defense_evasion/host/empire_scm_dll_hijack_ikeext.tar.gz",
    "mordor/atomic/windows/other/aptsimulator_cobaltstrike.zip",
];

/// What a file says: its events and what the rules find in them.
struct Truth {
    events: Vec<LoadedEvent>,
    found: BTreeSet<(String, i64)>,
}

fn truth(mut loaded: Loaded, rules: &RuleSet) -> Truth {
    assert!(!loaded.summary.is_partial(), "{:?}", loaded.summary);
    Truth { events: loaded.events(), found: loaded.hunt(rules) }
}

/// The lines of an archive that are events 5145.
fn share_accesses(archive: PathBuf) -> String {
    let mut lines = String::new();
    walk(&[archive], &Limits::default(), &mut |found| {
        if let Walked::Leaf(leaf) = found {
            let mut text = Vec::new();
            // One of the archives ends in rubbish; what is before it counts.
            drop(std::io::Read::read_to_end(leaf.reader, &mut text));
            for line in String::from_utf8_lossy(&text).lines().filter(|line| line.contains("5145")) {
                let code = serde_json::from_str::<Value>(line)
                    .map(|e| if e["EventID"].is_null() { e["event_id"].clone() } else { e["EventID"].clone() });
                if code.is_ok_and(|code| code == 5145) {
                    lines.push_str(line);
                    lines.push('\n');
                }
            }
        }
        ControlFlow::Continue(())
    });
    lines
}

/// Difference → field → how many events.
type Differences = BTreeMap<&'static str, BTreeMap<String, usize>>;

/// Compares event by event. A time that is cut, other line ends (or none at the end) and other case are told apart from
/// other values, and a value that is there under another name from one that is not there.
fn differences(original: &[LoadedEvent], rendered: &[LoadedEvent]) -> Differences {
    let mut found = Differences::new();
    let mut put = |kind, what: String| *found.entry(kind).or_default().entry(what).or_default() += 1;
    for (original, rendered) in original.iter().map(LoadedEvent::flat).zip(rendered.iter().map(LoadedEvent::flat)) {
        for name in original.keys().chain(rendered.keys()).collect::<BTreeSet<_>>() {
            match (original.get(name), rendered.get(name)) {
                (a, b) if a == b => {}
                (Some(value), None) => {
                    put("absent", name.clone());
                    let is_it = |(other, held): &(&String, &Values)| *held == value && !original.contains_key(*other);
                    let is_telling = value.iter().any(|v| v.len() >= TELLING_BYTES);
                    rendered.iter().filter(|_| is_telling).filter(is_it).for_each(|(other, _)| put("renamed", format!("{name}→{other}")));
                }
                (None, _) => put("added", name.clone()),
                (Some(a), Some(b)) => put(kind_of(name, a, b), name.clone()),
            }
        }
    }
    found
}

fn kind_of(name: &str, original: &[String], rendered: &[String]) -> &'static str {
    let same = |form: &dyn Fn(&str) -> String| original.iter().map(|v| form(v)).eq(rendered.iter().map(|v| form(v)));
    if same(&|value| value.replace("\r\n", "\n").trim_end().to_owned()) {
        return "line ends";
    }
    if same(&str::to_ascii_lowercase) {
        return "case";
    }
    if let (true, [a], [b]) = (name == "<time>", original, rendered) {
        let (a, b): (i64, i64) = (a.parse().expect("µs"), b.parse().expect("µs"));
        for (unit, kind) in [(1_000, "milliseconds"), (1_000_000, "seconds")] {
            if a - a.rem_euclid(unit) == b {
                return kind;
            }
        }
    }
    "other"
}

/// The lines of the list that one file gives, without reasons.
fn lines_of(file: &str, original: &Truth, rendered: &Truth, rules: &RuleSet) -> Vec<String> {
    let differences = differences(&original.events, &rendered.events);
    let events = original.events.len();
    let count = |(name, n): (&String, &usize)| if *n == events { name.clone() } else { format!("{name}({n})") };
    let mut lines: Vec<String> = differences
        .iter()
        .map(|(kind, names)| format!("{file}\t{kind}\t{}", names.iter().map(count).collect::<Vec<_>>().join(" ")))
        .collect();
    let mut by_rule: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
    for (rule, event) in original.found.difference(&rendered.found) {
        by_rule.entry((rule, "lost")).or_default().push(*event);
    }
    for (rule, event) in rendered.found.difference(&original.found) {
        by_rule.entry((rule, "extra")).or_default().push(*event);
    }
    for ((rule, what), events) in by_rule {
        let missing = missing_fields(rule, &events, original, rendered, rules);
        lines.push(format!("{file}\trule {what}\t{rule} in {events:?} for want of {missing:?}"));
    }
    lines
}

/// The fields that a rule names and that are in the original of each of the events, but not in the rendering.
fn missing_fields(rule: &str, events: &[i64], original: &Truth, rendered: &Truth, rules: &RuleSet) -> Vec<String> {
    let rule = rules.rules.iter().find(|r| r.meta.id == rule).expect("a rule that was hunted with");
    let text = print_query(&rule.query);
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let is_missing = |name: &&&str| {
        events.iter().all(|event| {
            let at = usize::try_from(*event - 1).expect("from 1");
            original.events[at].fields.contains_key(**name) && !rendered.events[at].fields.contains_key(**name)
        })
    };
    let missing: Vec<String> = words.iter().filter(is_missing).map(|w| (*w).to_owned()).collect();
    assert!(!missing.is_empty(), "{} finds other events {events:?}, and no field that it asks for is missing", rule.meta.id);
    missing
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("derived").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn all_rules_find_the_same_in_every_encoding() {
    let Some(corpus) = shared("corpora/dev") else { return };
    let Some(rules) = shared("rules/sigmahq") else { return };
    let rules = load_rules(&[rules], &CompileOptions::default());
    let logons = truth(Loaded::of_path(&corpus.join(LOGONS)), &rules);
    let shares: String = SHARES.iter().map(|archive| share_accesses(corpus.join(archive))).collect();
    let shares = truth(Loaded::of_bytes(shares.as_bytes()), &rules);
    assert_eq!((logons.events.len(), shares.events.len()), (30, 31));
    assert!(logons.found.len() >= 12 && shares.found.len() >= 2, "the originals are found: {:?} {:?}", logons.found, shares.found);
    let files = files(&corpus.join("derived"));
    assert_eq!(files.len(), 16, "{files:?}");
    let mut found = Vec::new();
    for path in &files {
        let name = path.file_name().expect("a name").to_string_lossy();
        let original = if name.contains("5145") { &shares } else { &logons };
        let rendered = truth(Loaded::of_path(path), &rules);
        assert_eq!(rendered.events.len(), original.events.len(), "{name}");
        found.extend(lines_of(&name, original, &rendered, &rules));
    }
    golden::compare_with_reasons(GOLDEN, HEADER, &found);
    println!("{} files, {} + {} findings in the originals", files.len(), logons.found.len(), shares.found.len());
}
