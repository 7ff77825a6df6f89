//! Hunting again: over the same events, over a few new files, over one per cent more; and what a second core spares.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::child::{Run, run};
use super::{Bench, FLAT_EVENTS, goal, rate, report_hunt, report_load, text};

/// Files that come later.
const NEW_FILES: usize = 10;
/// Of so many lines of a file one comes later.
const ONE_OF: usize = 100;

/// Measures it all.
pub(crate) fn measure(bench: &Bench) {
    files(bench);
    lines(bench);
    jobs(bench);
}

fn hunt(bench: &Bench, store: &Path, more: &[&str]) -> Run {
    let (rules, cache) = (bench.all_rules(), bench.folder.join("cache"));
    let arguments = ["hunt", "--rules", text(&rules), "--store", text(store), "--cache", text(&cache), "--format", "jsonl"];
    run(&bench.program, &[&arguments, more].concat(), None)
}

/// Small archives: hundreds of files, and ten more.
fn files(bench: &Bench) {
    let folder = bench.shared.join("corpora/dev/evtx");
    if !folder.is_dir() {
        return println!("  skipped: {} is not there", folder.display());
    }
    let mut all: Vec<PathBuf> = Vec::new();
    find(&folder, &mut all);
    all.sort();
    // Spread over the list: neighbours are of one technique, and so of few event types.
    let step = (all.len() / NEW_FILES).max(1);
    let (mut old, mut new): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (number, path) in all.iter().enumerate() {
        if number % step == 0 && new.len() < NEW_FILES { new.push(text(path)) } else { old.push(text(path)) }
    }
    drop(fs::remove_dir_all(bench.folder.join("cache")));
    let store = bench.fresh_store("again-files");
    let load = run(&bench.program, &[&["load", "--store", text(&store)], &old[..]].concat(), None);
    let events = bench.events(&store);
    report_load(&load, events);
    goal("events per CPU-second", rate(events, load.cpu_seconds), 40_000.0, true);
    let first = hunt(bench, &store, &[]);
    report_hunt(&first, events);
    goal("CPU-seconds of the first hunt", first.cpu_seconds, 1.0, false);
    goal("CPU-seconds of a hunt without news", hunt(bench, &store, &[]).cpu_seconds, 0.1, false);
    run(&bench.program, &[&["load", "--store", text(&store)], &new[..]].concat(), None);
    goal("CPU-seconds with ten new files", hunt(bench, &store, &[]).cpu_seconds, 0.3, false);
}

fn find(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { find(&path, out) } else { out.push(path) }
    }
}

/// A large archive that grows by one per cent.
fn lines(bench: &Bench) {
    let file = bench.flat_events(FLAT_EVENTS);
    let parts = [bench.folder.join("again-old.jsonl"), bench.folder.join("again-new.jsonl")];
    if parts.iter().any(|part| !part.exists()) {
        let mut out = parts.each_ref().map(|part| BufWriter::with_capacity(1 << 20, fs::File::create(part).unwrap()));
        for (number, line) in BufReader::with_capacity(1 << 20, fs::File::open(&file).unwrap()).split(b'\n').enumerate() {
            let part = &mut out[usize::from(number % ONE_OF == 0)];
            part.write_all(&line.unwrap()).unwrap();
            part.write_all(b"\n").unwrap();
        }
        out.iter_mut().for_each(|part| part.flush().unwrap());
    }
    let store = bench.fresh_store("again-lines");
    let load = |part: &Path| run(&bench.program, &["load", text(part), "--store", text(&store)], None);
    load(&parts[0]);
    let events = bench.events(&store);
    let first = hunt(bench, &store, &[]);
    report_hunt(&first, events);
    // Nearly all of it is listing the findings.
    println!("  without news: {:.2} CPU-s", hunt(bench, &store, &[]).cpu_seconds);
    load(&parts[1]);
    let grown = hunt(bench, &store, &["--new"]);
    report_hunt(&grown, bench.events(&store));
    let listed = run(&bench.program, &["findings", "--store", text(&store), "--format", "jsonl"], None);
    goal("CPU-seconds with one per cent more", grown.cpu_seconds, 0.5 + 0.03 * first.cpu_seconds, false);
    let whole = hunt(bench, &store, &["--full"]);
    goal("findings with one per cent more, against all read again", listed.output_lines as f64 / whole.output_lines as f64, 1.0, true);
    goal("the same", listed.output_lines as f64 / whole.output_lines as f64, 1.0, false);
}

/// One core and two.
fn jobs(bench: &Bench) {
    let file = bench.flat_events(FLAT_EVENTS);
    let mut wall = Vec::new();
    for jobs in ["1", "2"] {
        let store = bench.fresh_store("again-jobs");
        let load = run(&bench.program, &["load", text(&file), "--store", text(&store), "--jobs", jobs], None);
        let hunted = hunt(bench, &store, &["--full", "--jobs", jobs]);
        println!(
            "  {jobs} jobs: load {:.1} s ({:.1} CPU-s), hunt {:.1} s ({:.1} CPU-s)",
            load.seconds, load.cpu_seconds, hunted.seconds, hunted.cpu_seconds
        );
        wall.push((load.seconds, hunted.seconds));
    }
    goal("wall time of a load with two jobs, % of one", 100.0 * wall[1].0 / wall[0].0, 60.0, false);
    goal("wall time of a hunt with two jobs, % of one", 100.0 * wall[1].1 / wall[0].1, 60.0, false);
}
