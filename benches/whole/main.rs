//! Measures the whole program as a user runs it: load and hunt, in CPU-seconds, peak memory and size of the store.
//!
//! `make bench` runs every part; `make bench BENCH='evtx flat'` some. Each part runs the release program as a child
//! process and reads its CPU time and peak memory from `/proc`, so it needs Linux. Data that this repository does not
//! hold is taken from `../shared` where it is there; else the part says what it does instead. Generated files lie in
//! `target/bench` and are used again by the next run. The parts `peers` and `scaling` write their section of
//! `docs/benchmarks.md` and take longest, `engines` starts a Spark and writes `docs/scaling.md`: `--at-most=N` keeps them to files of N events, `--keep` leaves the largest file
//! of `scaling`, 12 GB, where it is.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops where something is wrong")]
#![allow(missing_docs, reason = "cargo's entry point")]

mod again;
mod bounds;
mod child;
mod document;
#[allow(dead_code, reason = "what the writers lose is for the tests")]
#[path = "../../tests/support/encode/mod.rs"]
mod encode;
mod engines;
mod generate;
mod peers;
mod readers;
mod report;
mod scaling;
mod sigma;
mod truth;

use std::fs;
use std::path::{Path, PathBuf};

use child::{Run, run};

/// One part of the bench.
struct Part {
    name: &'static str,
    what: &'static str,
    run: fn(&Bench),
}

const PARTS: &[Part] = &[
    Part { name: "readers", what: "50,000 events of seven kinds in every encoding", run: readers::measure },
    Part { name: "evtx", what: "EVTX files of ../shared/corpora/dev", run: evtx },
    Part { name: "flat", what: "2,000,000 flat JSON events without Message, then all Sigma rules", run: flat },
    Part { name: "message", what: "500,000 flat JSON events with Message, then searches", run: message },
    Part { name: "process", what: "500,000 process creations with unique command lines, then all rules", run: process },
    Part {
        name: "script",
        what: "2,000,000 events, one in seven PowerShell with 1.5 kB of unique text, then all Sigma rules",
        run: script,
    },
    Part { name: "again", what: "hunts again: no news, ten new files, one per cent more; two jobs against one", run: again::measure },
    Part { name: "rules", what: "all public Sigma rules: compiled, and checked", run: sigma::rules },
    Part { name: "report", what: "a report of 100,000 findings: size, and time in a browser", run: report::measure },
    Part { name: "bounds", what: "work that must grow with the input and no faster", run: bounds::measure },
    Part { name: "correlation", what: "three correlations over 1,000,000 events of one group", run: sigma::correlation },
    Part { name: "peers", what: "evtx_dump, rsigma and pySigma over the same files as retrohunt", run: peers::measure },
    Part { name: "scaling", what: "100,000, a million and ten million events, and one per cent more", run: scaling::measure },
    Part { name: "engines", what: "200,000 and 2,000,000 events hunted on a small Spark beside the local hunt", run: engines::measure },
];

/// Events of the part `flat`.
const FLAT_EVENTS: u64 = 2_000_000;

/// Where things are.
struct Bench {
    program: PathBuf,
    shared: PathBuf,
    folder: PathBuf,
    /// The most events that a part with files of several sizes takes.
    at_most: u64,
    /// Whether the largest files stay.
    keep: bool,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (options, wanted): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with('-'));
    let at_most = options.iter().find_map(|o| o.strip_prefix("--at-most=")).map_or(u64::MAX, |n| n.parse().unwrap());
    let bench = Bench {
        program: env!("CARGO_BIN_EXE_retrohunt").into(),
        shared: root.join("../shared"),
        folder: root.join("target/bench"),
        at_most,
        keep: options.iter().any(|o| o == "--keep"),
    };
    fs::create_dir_all(&bench.folder).unwrap();
    if let Some(unknown) = wanted.iter().find(|w| PARTS.iter().all(|p| p.name != **w)) {
        println!("there is no part `{unknown}`; the parts are {}", PARTS.iter().map(|p| p.name).collect::<Vec<_>>().join(", "));
        std::process::exit(2);
    }
    for part in PARTS.iter().filter(|p| wanted.is_empty() || wanted.iter().any(|w| w == p.name)) {
        println!("\n{}: {}", part.name, part.what);
        (part.run)(&bench);
    }
}

fn evtx(bench: &Bench) {
    let files = bench.shared.join("corpora/dev");
    if !files.is_dir() {
        return println!("  skipped: {} is not there", files.display());
    }
    let store = bench.fresh_store("evtx");
    let folder = files.join("evtx");
    let load = run(&bench.program, &["load", text(&folder), "--store", text(&store)], None);
    let events = bench.events(&store);
    report_load(&load, events);
    goal("events per CPU-second", rate(events, load.cpu_seconds), 40_000.0, true);
}

fn flat(bench: &Bench) {
    let file = bench.flat_events(FLAT_EVENTS);
    let store = bench.fresh_store("flat");
    let load = run(&bench.program, &["load", text(&file), "--store", text(&store)], Some(&file));
    let events = bench.events(&store);
    report_load(&load, events);
    report_quarters(&load);
    goal("events per CPU-second", rate(events, load.cpu_seconds), 120_000.0, true);
    goal("last quarter against the second", load.last_quarter_against_second().unwrap_or(f64::NAN), 0.85, true);
    goal("peak MB", load.peak_bytes as f64 / 1e6, 256.0, false);
    goal("store against input, %", 100.0 * size(&store) as f64 / size(&file) as f64, 13.0, false);
    truth::compare(&bench.program, &store, &file);
    let hunt = run(&bench.program, &["hunt", "--rules", text(&bench.all_rules()), "--store", text(&store), "--format", "jsonl"], None);
    report_hunt(&hunt, events);
    goal("CPU-seconds", hunt.cpu_seconds, 2.0, false);
    goal("peak MB", hunt.peak_bytes as f64 / 1e6, 256.0, false);
    truth::compare_seed(&bench.program, &bench.shared, &store, &file);
}

fn message(bench: &Bench) {
    let file = bench.flat_file("message", 500_000, &[], true);
    let store = bench.fresh_store("message");
    let load = run(&bench.program, &["load", text(&file), "--store", text(&store)], Some(&file));
    report_load(&load, bench.events(&store));
    goal("peak MB", load.peak_bytes as f64 / 1e6, 256.0, false);
    goal("store against input, %", 100.0 * size(&store) as f64 / size(&file) as f64, 20.0, false);
    for arguments in [&["search", "lsass"][..], &["search", "4242"], &["search", "--regex", r"(?i)-enc[a-z]*\s"], &["metrics"], &["logons"]]
    {
        let store = ["--format", "jsonl", "--store", text(&store)];
        let shown = if arguments == ["metrics"] { &["--section", "hosts"][..] } else { &[] };
        let looked = run(&bench.program, &[arguments, shown, &store].concat(), None);
        println!("  {}: {:.2} CPU-s, peak {:.0} MB", arguments.join(" "), looked.cpu_seconds, looked.peak_bytes as f64 / 1e6);
        goal("CPU-seconds", looked.cpu_seconds, 1.5, false);
    }
}

fn process(bench: &Bench) {
    let file = bench.folder.join("process.jsonl");
    generate::once(&file, 500_000, generate::process_event);
    let store = bench.fresh_store("process");
    let load = run(&bench.program, &["load", text(&file), "--store", text(&store)], Some(&file));
    let events = bench.events(&store);
    report_load(&load, events);
    let hunt = run(&bench.program, &["hunt", "--rules", text(&bench.rules()), "--store", text(&store), "--format", "jsonl"], None);
    report_hunt(&hunt, events);
    goal("CPU-seconds", hunt.cpu_seconds, 10.0, false);
    goal("peak MB", hunt.peak_bytes as f64 / 1e6, 256.0, false);
}

fn script(bench: &Bench) {
    let file = bench.folder.join("script.jsonl");
    generate::once(&file, 2_000_000, generate::script_event);
    let store = bench.fresh_store("script");
    let load = run(&bench.program, &["load", text(&file), "--store", text(&store)], Some(&file));
    let events = bench.events(&store);
    report_load(&load, events);
    report_quarters(&load);
    goal("events per CPU-second", rate(events, load.cpu_seconds), 60_000.0, true);
    goal("peak MB", load.peak_bytes as f64 / 1e6, 256.0, false);
    goal("store against input, %", 100.0 * size(&store) as f64 / size(&file) as f64, 25.0, false);
    let hunt = run(&bench.program, &["hunt", "--rules", text(&bench.all_rules()), "--store", text(&store), "--format", "jsonl"], None);
    report_hunt(&hunt, events);
    goal("CPU-seconds", hunt.cpu_seconds, 6.0, false);
    goal("peak MB", hunt.peak_bytes as f64 / 1e6, 256.0, false);
}

impl Bench {
    fn fresh_store(&self, name: &str) -> PathBuf {
        let store = self.folder.join(format!("{name}.db"));
        for end in ["", "-wal", "-shm"] {
            let path = self.folder.join(format!("{name}.db{end}"));
            if path.exists() {
                fs::remove_file(path).unwrap();
            }
        }
        store
    }

    /// A file of flat JSON events: realistic ones from the shared generator, else this bench's own.
    fn flat_file(&self, name: &str, events: u64, options: &[&str], with_message: bool) -> PathBuf {
        let file = self.folder.join(format!("{name}.jsonl"));
        let script = self.shared.join("bench/scale_gen.py");
        if file.exists() {
            return file;
        }
        if script.exists() {
            let count = events.to_string();
            println!("  generating {} with {}", file.display(), script.display());
            let status = std::process::Command::new("python3")
                .args([text(&script), "jsonl", "-n", &count, "-o", text(&file)])
                .args(options)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status();
            if status.is_ok_and(|s| s.success()) {
                return file;
            }
            println!("  the generator failed (it needs python3 and orjson)");
            drop(fs::remove_file(&file));
        }
        println!("  events are synthetic: fewer kinds and fields than real archives have");
        generate::once(&file, events, if with_message { generate::mixed_event_with_message } else { generate::mixed_event });
        file
    }

    /// So many realistic events without message; two million are those of the part `flat`.
    fn flat_events(&self, events: u64) -> PathBuf {
        let name = if events == FLAT_EVENTS { "flat".into() } else { format!("flat-{events}") };
        self.flat_file(&name, events, &["--no-message"], false)
    }

    /// All public Windows rules where they are, else the starter pack.
    fn rules(&self) -> PathBuf {
        let all = self.shared.join("rules/sigmahq");
        let windows = all.join("rules/windows");
        [windows, all].into_iter().find(|p| p.is_dir()).unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/detections"))
    }

    /// All public Sigma rules where they are, else the starter pack.
    fn all_rules(&self) -> PathBuf {
        let all = self.shared.join("rules/sigmahq");
        if all.is_dir() { all } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/detections") }
    }

    /// Events read from the sources of a store, those that an earlier source had too included.
    fn events(&self, store: &Path) -> u64 {
        let rows = child::output(
            &self.program,
            &["sql", "SELECT coalesce(sum(events), 0) AS n FROM source", "--store", text(store), "--format", "jsonl"],
        );
        serde_json::from_str::<serde_json::Value>(&rows).unwrap()["n"].as_u64().unwrap()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

fn rate(events: u64, seconds: f64) -> f64 {
    events as f64 / seconds
}

fn report_load(load: &Run, events: u64) {
    println!(
        "  load: {events} events, {:.1} CPU-s ({:.1} s), {:.0} events per CPU-s, peak {:.0} MB, exit code {}",
        load.cpu_seconds,
        load.seconds,
        rate(events, load.cpu_seconds),
        load.peak_bytes as f64 / 1e6,
        load.code
    );
}

fn report_quarters(load: &Run) {
    let quarters: Vec<String> = load.quarter_cpu_seconds().iter().map(|s| format!("{s:.2}")).collect();
    println!("  CPU-seconds of each quarter of the input: {}", quarters.join(", "));
}

fn report_hunt(hunt: &Run, events: u64) {
    println!(
        "  hunt: {events} events, {:.2} CPU-s ({:.1} s), peak {:.0} MB, {} findings, exit code {}",
        hunt.cpu_seconds,
        hunt.seconds,
        hunt.peak_bytes as f64 / 1e6,
        hunt.output_lines,
        hunt.code
    );
}

fn goal(what: &str, value: f64, bound: f64, at_least: bool) {
    let met = if at_least { value >= bound } else { value <= bound };
    let sign = if at_least { "≥" } else { "≤" };
    let bound = (bound * 100.0).round() / 100.0;
    println!("  {} {what}: {value:.2} (goal {sign} {bound})", if met { "ok  " } else { "MISS" });
}
