//! evtx_dump: EVTX files as JSON lines to nowhere. No load can be cheaper than reading.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Step, install};
use crate::child::{Output, Run, watch};
use crate::document::{Goal, Section, thousands};
use crate::{Bench, size, text};

const VERSION: &str = "0.15.1";

const COMPARED: &str = "evtx_dump (of the crate evtx, which retrohunt reads EVTX with) writes each file as JSON lines to nowhere, on one \
thread: what reading alone costs. It takes one file at a time; what starting it so often costs is measured beside and taken off. \
retrohunt loads the same files into a store that can be hunted.";

/// Measures it, and retrohunt's load of the same files.
pub(super) fn measure(bench: &Bench, section: &mut Section) {
    let mut files = Vec::new();
    find(&bench.shared.join("corpora/dev/evtx"), &mut files);
    if files.is_empty() {
        return println!("  evtx_dump skipped: there are no EVTX files");
    }
    files.sort();
    let bytes: u64 = files.iter().map(|file| size(file)).sum();
    section.heading(&format!("{} EVTX files, {:.0} MB: evtx_dump", files.len(), bytes as f64 / 1e6));
    section.say(COMPARED);
    let program = match install::from_crate(bench, "evtx", VERSION, "evtx_dump") {
        Ok(program) => program,
        Err(reason) => {
            println!("  evtx_dump skipped: {reason}");
            return section.say(&format!("It was not measured: {reason}."));
        }
    };
    let dump = |file: &PathBuf, output: &Output| {
        let mut command = Command::new(&program);
        command.args(["-t", "1", "-o", "jsonl"]).arg(file).stderr(std::process::Stdio::null());
        watch(command, output, None)
    };
    let step = |name: String, runs: &mut dyn Iterator<Item = Run>| {
        let mut all = Step { name, cpu_seconds: 0.0, seconds: 0.0, peak_bytes: 0, disk_bytes: None };
        for run in runs {
            all.cpu_seconds += run.cpu_seconds;
            all.seconds += run.seconds;
            all.peak_bytes = all.peak_bytes.max(run.peak_bytes);
        }
        all
    };
    let dumped = step(format!("evtx_dump {VERSION}"), &mut files.iter().map(|file| dump(file, &Output::Nowhere)));
    let started = step(
        format!("of it starting {} times", files.len()),
        &mut files.iter().map(|_| {
            let mut command = Command::new(&program);
            command.arg("--version");
            watch(command, &Output::Nowhere, None)
        }),
    );
    let events: usize = files.iter().map(|file| dump(file, &Output::Count).output_lines).sum();
    let store = bench.fresh_store("peers-evtx");
    let arguments: Vec<&str> = ["load", "--jobs", "1", "--store", text(&store)].into_iter().chain(files.iter().map(|f| text(f))).collect();
    let load = crate::run(&bench.program, &arguments, None);
    let loaded = Step::new("retrohunt, load", &load, Some(size(&store)));
    section.commands(&[
        "target/bench/peers/bin/evtx_dump -t 1 -o jsonl FILE".into(),
        "target/release/retrohunt load --jobs 1 --store target/bench/peers-evtx.db FILE…".into(),
    ]);
    let mut started_cells = started.cells();
    // What a moment of a start holds is not a peak of anything.
    started_cells[3] = "–".into();
    let events = [thousands(events as u64), "–".into(), thousands(bench.events(&store))];
    let rows = [dumped.cells(), started_cells, loaded.cells()].into_iter().zip(events);
    let rows: Vec<Vec<String>> = rows.map(|(cells, events)| [cells, vec![events]].concat()).collect();
    section.table(&["step", "CPU-seconds", "seconds", "peak MB", "MB on disk", "events"], &rows);
    section.goals(&[Goal {
        what: "CPU-seconds of the load against those of evtx_dump without its starts".into(),
        value: loaded.cpu_seconds / (dumped.cpu_seconds - started.cpu_seconds),
        bound: 3.0,
        at_least: false,
        reason: "The store's part of a load (fields, texts, indexes, views) is the same however cheap the reading is.",
    }]);
}

fn find(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, out);
        } else if path.extension().is_some_and(|end| end == "evtx") {
            out.push(path);
        }
    }
}
