//! What Sigma costs beside the scan: reading and checking all public rules, and a correlation over one enormous group.

use std::fmt::Write as _;
use std::fs;

use crate::child::run;
use crate::{Bench, goal, report_hunt, report_load, text};

/// Events of the one group.
const EVENTS: u32 = 1_000_000;
/// 2026-02-01T00:00:00Z, in seconds.
const START_S: u32 = 1_769_904_000;

/// Compiles all public rules, and checks them against the specification.
pub(crate) fn rules(bench: &Bench) {
    let rules = bench.shared.join("rules/sigmahq");
    if !rules.is_dir() {
        return println!("  skipped: {} is not there", rules.display());
    }
    let event = bench.folder.join("one_event.jsonl");
    fs::write(&event, "{\"Channel\":\"Security\",\"EventID\":1,\"@timestamp\":\"2026-02-01T00:00:00Z\"}\n").unwrap();
    let store = bench.fresh_store("one_event");
    run(&bench.program, &["load", text(&event), "--store", text(&store)], None);
    let hunt = run(&bench.program, &["hunt", "--rules", text(&rules), "--store", text(&store)], None);
    println!("  compile and plan, over a store of one event: {:.2} CPU-s", hunt.cpu_seconds);
    goal("CPU-seconds to compile", hunt.cpu_seconds, 2.0, false);
    let check = run(&bench.program, &["check", text(&rules), "--format", "jsonl"], None);
    println!("  check: {:.2} CPU-s, {} diagnostics, peak {:.0} MB", check.cpu_seconds, check.output_lines, check.peak_bytes as f64 / 1e6);
    goal("CPU-seconds to check", check.cpu_seconds, 3.0, false);
}

/// Correlates a million failed logons of one address, in windows that overlap.
pub(crate) fn correlation(bench: &Bench) {
    let events = bench.folder.join("one_group.jsonl");
    if !events.exists() {
        let mut lines = String::new();
        for number in 0..EVENTS {
            let (seconds, millis) = (START_S + number / 20, number % 20 * 50);
            writeln!(
                lines,
                "{{\"Channel\":\"Security\",\"EventID\":4625,\"Hostname\":\"dc01\",\"RecordNumber\":{number},\"@timestamp\":{seconds}.{millis:03},\
                 \"TargetUserName\":\"user{}\",\"IpAddress\":\"10.0.0.66\",\"LogonType\":\"3\"}}",
                number % 997
            )
            .unwrap();
        }
        fs::write(&events, lines).unwrap();
    }
    let rules = bench.folder.join("one_group.yml");
    fs::write(&rules, RULES).unwrap();
    let store = bench.fresh_store("one_group");
    let load = run(&bench.program, &["load", text(&events), "--store", text(&store)], Some(&events));
    report_load(&load, bench.events(&store));
    let hunt = run(&bench.program, &["hunt", "--rules", text(&rules), "--store", text(&store), "--format", "jsonl"], None);
    report_hunt(&hunt, u64::from(EVENTS));
    goal("findings", hunt.output_lines as f64, 3.0, true);
    goal("CPU-seconds", hunt.cpu_seconds, 10.0, false);
    goal("peak MB", hunt.peak_bytes as f64 / 1e6, 400.0, false);
}

const RULES: &str = "title: Many Failed Logons
id: 00000000-0000-4000-8000-000000000001
correlation: {type: event_count, rules: [failed], group-by: [IpAddress], timespan: 1h, condition: {gte: 100}}
---
title: Many Accounts
id: 00000000-0000-4000-8000-000000000002
correlation: {type: value_count, rules: [failed], group-by: [IpAddress], timespan: 1h, condition: {gte: 100, field: TargetUserName}}
---
title: Middle Logon Type
id: 00000000-0000-4000-8000-000000000003
correlation: {type: value_median, rules: [failed], group-by: [IpAddress], timespan: 1h, condition: {gte: 3, field: LogonType}}
---
title: Failed Logon
id: 00000000-0000-4000-8000-000000000004
name: failed
logsource: {product: windows, service: security}
detection: {selection: {EventID: 4625}, condition: selection}
";
