//! The field names of Splunk's add-ons: on the example log of each data source, which of the names that Splunk gives it a rule
//! can ask for.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use retrohunt::compile::{CompileOptions, load_text};
use retrohunt::diag::SourceText;
use retrohunt::ir::Rule;
use retrohunt::yaml;

use crate::support::golden;
use crate::support::loaded::Loaded;
use crate::support::shared::shared;

/// Names that say how Splunk took the text in and not what the event is: where it is indexed, how many lines it has, where its
/// time stands, the parts of that time as written.
const OF_THE_INDEX: [&str; 15] = [
    "date_hour",
    "date_mday",
    "date_minute",
    "date_month",
    "date_second",
    "date_wday",
    "date_year",
    "date_zone",
    "index",
    "linecount",
    "punct",
    "splunk_server",
    "splunk_server_group",
    "timeendpos",
    "timestartpos",
];

/// The least share of names for sources of Sysmon and of the Security log.
const LEAST: f64 = 0.9;

/// The names that a data source's file lists.
fn listed(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("a data source");
    let source = Arc::new(SourceText { path: String::new(), text });
    let documents = yaml::parse(&source).expect("data sources parse");
    let fields = documents.first().and_then(|root| root.get("fields")).map(yaml::Node::items).unwrap_or_default();
    let names = fields.iter().filter_map(yaml::Node::scalar_text).filter(|name| !OF_THE_INDEX.contains(name));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A rule that asks whether an event has a field; `None` where no rule may ask.
fn asks(name: &str, place: usize) -> Option<Rule> {
    let search = format!("\"{}\"=*", name.replace('\\', "\\\\").replace('"', "\\\""));
    let quoted = search.replace('\'', "''");
    let id = format!("00000000-0000-4000-8000-{place:012}");
    let text = format!("name: n\nid: {id}\nversion: 1\ndate: '2026-01-01'\nauthor: a\ntype: Hunting\nsearch: '{quoted}'\ntags: {{}}\n");
    let mut set = load_text("field.yml", &text, &CompileOptions::default());
    set.rules.pop()
}

#[test]
fn names_of_the_add_ons_have_values() {
    let (Some(sources), Some(logs)) = (shared("rules/escu/data_sources"), shared("corpora/dev/splunk-example_log")) else { return };
    let mut table = "source\tnamed\tlisted\tshare\tmissing\n".to_owned();
    let mut below = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(logs).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    for log in files {
        let name = log.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let mut loaded = Loaded::of_path(&log);
        let names = listed(&sources.join(format!("{name}.yml")));
        if names.is_empty() || loaded.events().is_empty() {
            continue;
        }
        let (asked, rules): (Vec<&str>, Vec<Rule>) =
            names.iter().enumerate().filter_map(|(place, name)| Some((name.as_str(), asks(name, place)?))).unzip();
        let found = loaded.findings(&rules);
        let there: BTreeSet<&str> = asked.into_iter().zip(found).filter(|(_, rows)| !rows.is_empty()).map(|(name, _)| name).collect();
        let missing: Vec<&str> = names.iter().map(String::as_str).filter(|name| !there.contains(name)).collect();
        let named = names.len() - missing.len();
        #[allow(clippy::cast_precision_loss, reason = "a few hundred names")]
        let share = named as f64 / names.len() as f64;
        // Some example logs end in the middle of the event: what is not there has no value.
        let is_whole = !loaded.summary.is_partial();
        let cut = if is_whole { "" } else { ", cut" };
        writeln!(table, "{name}\t{named}\t{}\t{:.0} %{cut}\t{}", names.len(), share * 100.0, missing.join(" "))
            .expect("a string takes all text");
        if share < LEAST && is_whole && (name.starts_with("sysmon") || name.starts_with("windows_event_log_security_")) {
            below.push(format!("{name}: {:.0} %, without {}", share * 100.0, missing.join(" ")));
        }
    }
    golden::compare("splunk_fields.tsv", &table);
    assert!(below.is_empty(), "fewer than {LEAST} of the names:\n{}", below.join("\n"));
}
