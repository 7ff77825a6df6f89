//! Bounds: work whose cost must grow with the input and no faster. Each row makes its input, runs the program and prints
//! the CPU-seconds it took beside what it may take. A new bound is a row of [`BOUNDS`].

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::child::run;
use super::{Bench, goal, text};

/// One bound.
struct Bound {
    what: &'static str,
    cpu_seconds: f64,
    measure: fn(&Bench) -> f64,
}

const BOUNDS: &[Bound] = &[
    Bound {
        what: "load: 40,000 Data names in one event",
        cpu_seconds: 1.0,
        measure: |bench| load(bench, "names.xml", names(40_000).into_bytes()),
    },
    Bound {
        what: "load: 1,000 event types of 50 fields",
        cpu_seconds: 2.0,
        measure: |bench| load(bench, "types.jsonl", types(1_000).into_bytes()),
    },
    Bound {
        what: "load: 3,000 event types of 50 fields",
        cpu_seconds: 6.0,
        measure: |bench| load(bench, "types3.jsonl", types(3_000).into_bytes()),
    },
    Bound { what: "load: 200,000 empty members of a tar", cpu_seconds: 6.0, measure: |bench| load(bench, "members.tar", tar(200_000)) },
    Bound { what: "check: 200,000 keys in one YAML mapping", cpu_seconds: 1.0, measure: yaml_keys },
    Bound { what: "hunt: 60 rules without service over 900 types", cpu_seconds: 1.0, measure: rules_over_types },
    Bound { what: "hunt: dest=* | stats count by dest over 1,000,000 events of 450 types", cpu_seconds: 10.0, measure: stats_over_types },
];

pub(super) fn measure(bench: &Bench) {
    for bound in BOUNDS {
        goal(bound.what, (bound.measure)(bench), bound.cpu_seconds, false);
    }
}

fn input(bench: &Bench, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let file = bench.folder.join(format!("bound-{name}"));
    fs::write(&file, content).unwrap();
    file
}

fn load(bench: &Bench, name: &str, content: Vec<u8>) -> f64 {
    let file = input(bench, name, content);
    let store = bench.fresh_store("bounds");
    run(&bench.program, &["load", text(&file), "--store", text(&store)], None).cpu_seconds
}

fn names(count: usize) -> String {
    let mut xml =
        "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System><Provider Name=\"P\"/><EventID>4688</EventID>\
        <TimeCreated SystemTime=\"2024-01-01T00:00:00.0Z\"/><EventRecordID>1</EventRecordID><Channel>Security</Channel>\
        <Computer>h</Computer></System><EventData>"
            .to_owned();
    for number in 0..count {
        write!(xml, "<Data Name=\"d{number}\">v</Data>").unwrap();
    }
    xml + "</EventData></Event>"
}

fn types(count: usize) -> String {
    let mut lines = String::new();
    for number in 0..count {
        write!(lines, "{{\"EventID\":{number},\"Channel\":\"C{number}\"").unwrap();
        for field in 0..50 {
            write!(lines, ",\"f{number}_{field}\":\"v\"").unwrap();
        }
        lines.push_str("}\n");
    }
    lines
}

fn tar(members: usize) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for number in 0..members {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        builder.append_data(&mut header, format!("f{number}"), &b""[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn yaml_keys(bench: &Bench) -> f64 {
    let mut rule = "title: Many keys\nlogsource: {product: windows}\ndetection:\n  s:\n".to_owned();
    for number in 0..200_000 {
        writeln!(rule, "    k{number}: v").unwrap();
    }
    let file = input(bench, "keys.yml", rule + "  condition: s\n");
    run(&bench.program, &["check", text(&file)], None).cpu_seconds
}

/// Events of many types: Windows channels of their own, a field that only some of them have.
fn events_of_types(bench: &Bench, types: u64, events: u64) -> PathBuf {
    let mut lines = String::new();
    for number in 0..events {
        let (code, host) = (number % types, number % 50);
        writeln!(
            lines,
            "{{\"EventID\":{code},\"Channel\":\"C{}\",\"Hostname\":\"h{host}\",\"dest\":\"d{host}\",\"f{code}\":\"v\"}}",
            code % 30
        )
        .unwrap();
    }
    let file = input(bench, "many.jsonl", lines);
    let store = bench.fresh_store("bounds");
    run(&bench.program, &["load", text(&file), "--store", text(&store)], None);
    store
}

fn rules_over_types(bench: &Bench) -> f64 {
    let store = events_of_types(bench, 900, 9_000);
    let rules = (0..60).map(|number| {
        format!(
            "title: Rule {number}\nid: 00000000-0000-4000-8000-{number:012}\nlogsource: {{product: windows}}\n\
             detection: {{s: {{EventID: {number}, 'f{number}|contains': x}}, condition: s}}\n---\n"
        )
    });
    let rules = input(bench, "rules.yml", rules.collect::<String>());
    run(&bench.program, &["hunt", "--rules", text(&rules), "--store", text(&store)], None).cpu_seconds
}

fn stats_over_types(bench: &Bench) -> f64 {
    let store = events_of_types(bench, 450, 1_000_000);
    let rule = input(
        bench,
        "stats.yml",
        "name: Events by dest\nid: 00000000-0000-4000-8000-000000000001\ntype: Hunting\nsearch: 'dest=* | stats count by dest'\n",
    );
    run(&bench.program, &["hunt", "--rules", text(&rule), "--store", text(&store)], None).cpu_seconds
}
