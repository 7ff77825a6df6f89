//! A page of 100,000 findings: its size, what it costs to make, and when a browser has read it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::child::run;
use super::{Bench, generate, goal, size, text};

const FINDINGS: u64 = 100_000;
/// Events that the rules below find so many in: nearly two each.
const EVENTS: u64 = 52_500;

/// Rules that share out the process creations of [`generate::process_event`]: each event is found once or twice.
const RULES: [(&str, &str, &str); 6] = [
    ("informational", "Process Started", "CommandLine|contains: ' -o '"),
    ("low", "Process With High Integrity", "IntegrityLevel: High"),
    ("medium", "Command Shell Started", "Image|endswith: cmd.exe"),
    ("high", "PowerShell Started", "Image|endswith: powershell.exe"),
    ("critical", "Rundll32 Started", "Image|endswith: rundll32.exe"),
    ("medium", "Process With System Integrity", "IntegrityLevel: System"),
];

pub(crate) fn measure(bench: &Bench) {
    let file = bench.folder.join("report.jsonl");
    generate::once(&file, EVENTS, generate::process_event);
    let rules = bench.folder.join("report-rules");
    fs::create_dir_all(&rules).unwrap();
    for (number, (level, title, selection)) in RULES.iter().enumerate() {
        let rule = format!(
            "title: {title}\nid: 7c1d0000-0000-4000-8000-{number:012}\nlevel: {level}\ndescription: {title}\ntags: [attack.execution, attack.t1059.{number:03}]\n\
             logsource: {{product: windows, category: process_creation}}\ndetection:\n    selection:\n        {selection}\n    condition: selection\n"
        );
        fs::write(rules.join(format!("{number}.yml")), rule).unwrap();
    }
    let store = bench.fresh_store("report");
    run(&bench.program, &["load", text(&file), "--store", text(&store)], None);
    let hunt = run(&bench.program, &["hunt", "--rules", text(&rules), "--store", text(&store), "--format", "jsonl"], None);
    let page = bench.folder.join("report.html");
    let made = run(&bench.program, &["report", "--html", text(&page), "--store", text(&store)], None);
    println!(
        "  report: {} findings, {:.1} CPU-s ({:.1} s), peak {:.0} MB, exit code {}",
        hunt.output_lines,
        made.cpu_seconds,
        made.seconds,
        made.peak_bytes as f64 / 1e6,
        made.code
    );
    goal("findings", hunt.output_lines as f64, FINDINGS as f64, true);
    goal("MB", size(&page) as f64 / 1e6, 25.0, false);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/ready.py");
    let ready = Command::new("python3").args([text(&script), text(&page)]).output();
    match ready.map(|output| String::from_utf8_lossy(&output.stdout).trim().parse::<f64>()) {
        Ok(Ok(milliseconds)) => goal("seconds until a browser has the list", milliseconds / 1e3, 5.0, false),
        _ => println!("  not measured: no Chromium or no python3 is installed"),
    }
}
