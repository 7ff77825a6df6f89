//! How the cost grows: a hundred thousand, a million and ten million events of the same kind; each grows by one per cent.

use std::path::{Path, PathBuf};

use crate::child::{Run, output, run};
use crate::document::{Goal, Section, decimals, thousands};
use crate::{Bench, rate, report_hunt, report_load, report_quarters, size, text, truth};

const SIZES: [u64; 3] = [100_000, 1_000_000, 10_000_000];
/// A file of more events is deleted at the end: 12 GB for ten million.
const KEPT_EVENTS: u64 = 2_000_000;
/// Below, a quarter of a load is a few ticks of the clock.
const QUARTERS_FROM: u64 = 1_000_000;
/// The seed of what comes later: other sessions than those of the large file, which has the generator's own.
const SEED_OF_MORE: &str = "8";
/// The size that the goals are of.
const LARGEST: u64 = SIZES[2];

/// What was measured of one size.
struct Size {
    events: u64,
    input_bytes: u64,
    store_bytes: u64,
    load: Run,
    hunt: Run,
    more: Run,
    again: Run,
    /// What both hunts found.
    listed: Run,
    /// A hunt of the grown store that reads everything finds as many.
    whole: Run,
    exact: bool,
}

const COMPARED: &str = "Realistic Windows events from the generator (replayed sessions, without rendered messages) as flat JSON lines: \
loaded into a fresh store, hunted with all public Sigma rules, then one per cent more of other sessions is loaded and hunted. Rules are \
compiled in the first hunt and kept. Events of each channel and event id, and the rows that the page this project began from must give, \
are compared with what the generator wrote down.";

const READ: &str = "Last quarter: its speed against the second quarter's, by CPU-seconds; the first also starts the program. A store has \
more bytes an event when it is small: more of its values are new.";

const LISTED: &str = "A hunt after news reads all rules from their cache and plans them for each kind of event that has news, however \
few events are new: in the smallest store that is nearly all of its cost.";

const SCANNED: &str = "A hunt grows with the values that its rules ask for; what is dear in it are texts that occur once, such as \
command lines and paths, and describing what was found.";

const LOADED: &str = "The speed of a load varies with the sessions that a quarter happens to have: those with long unique texts cost more.";

/// Measures all sizes and writes their section.
pub(crate) fn measure(bench: &Bench) {
    if !bench.shared.join("bench/scale_gen.py").exists() {
        return println!("  skipped: the generator is not in {}", bench.shared.display());
    }
    let mut section = Section::new(1, &bench.program);
    section.say(COMPARED);
    section.commands(&[
        "python3 ../shared/bench/scale_gen.py jsonl -n EVENTS -o FILE --no-message".into(),
        "retrohunt load FILE --store STORE".into(),
        "retrohunt hunt --rules ../shared/rules/sigmahq --store STORE --format jsonl".into(),
        format!("python3 ../shared/bench/scale_gen.py jsonl -n EVENTS/100 -o MORE --no-message --seed {SEED_OF_MORE}"),
        "retrohunt load MORE --store STORE".into(),
        "retrohunt hunt --rules ../shared/rules/sigmahq --store STORE --format jsonl --new".into(),
        "retrohunt findings --hunt 3 --store STORE --format jsonl".into(),
    ]);
    let sizes: Vec<Size> = SIZES.into_iter().filter(|events| *events <= bench.at_most).map(|events| one(bench, events)).collect();
    if let Some(last) = sizes.last() {
        tables(&mut section, &sizes);
        section.say(READ);
        if last.events < LARGEST {
            section.say(&format!("The goals are of {} events; this run had {} at most.", thousands(LARGEST), thousands(last.events)));
        }
        section.goals(&goals(last));
        section.write();
    }
}

fn one(bench: &Bench, events: u64) -> Size {
    let file = bench.flat_events(events);
    let more = bench.flat_file(&format!("flat-{events}-more"), events / 100, &["--no-message", "--seed", SEED_OF_MORE], false);
    let (store, cache) = (bench.fresh_store("scaling"), bench.folder.join("scaling-cache"));
    drop(std::fs::remove_dir_all(&cache));
    let rules = bench.all_rules();
    let hunt = |more: &[&str]| {
        let arguments = ["hunt", "--rules", text(&rules), "--store", text(&store), "--cache", text(&cache), "--format", "jsonl"];
        let hunt = run(&bench.program, &[&arguments, more].concat(), None);
        report_hunt(&hunt, bench.events(&store));
        hunt
    };
    let load = run(&bench.program, &["load", text(&file), "--store", text(&store)], Some(&file));
    let loaded = bench.events(&store);
    report_load(&load, loaded);
    report_quarters(&load);
    let store_bytes = size(&store);
    let counts = truth::compare(&bench.program, &store, &file);
    let first = hunt(&[]);
    let rows = truth::compare_seed(&bench.program, &bench.shared, &store, &file);
    let grown = run(&bench.program, &["load", text(&more), "--store", text(&store)], None);
    let again = hunt(&["--new"]);
    // Of this hunt: the page's rows are another's.
    let listed =
        run(&bench.program, &["findings", "--hunt", &last_hunt(bench, &store), "--store", text(&store), "--format", "jsonl"], None);
    let whole = hunt(&["--full"]);
    let input_bytes = size(&file);
    if events > KEPT_EVENTS && !bench.keep {
        [&file, &more].into_iter().for_each(|file| remove(file));
        bench.fresh_store("scaling");
    }
    Size { events: loaded, input_bytes, store_bytes, load, hunt: first, more: grown, again, listed, whole, exact: counts && rows }
}

/// The number of the last hunt.
fn last_hunt(bench: &Bench, store: &Path) -> String {
    let sql = "SELECT max(hunt_id) AS n FROM hunts";
    let rows = output(&bench.program, &["sql", sql, "--store", text(store), "--format", "jsonl"]);
    serde_json::from_str::<serde_json::Value>(&rows).unwrap()["n"].to_string()
}

/// Removes a generated file and its truth.
fn remove(file: &Path) {
    for path in [file.to_owned(), PathBuf::from(format!("{}.truth.json", text(file)))] {
        drop(std::fs::remove_file(path));
    }
}

impl Size {
    fn last_quarter(&self) -> Option<f64> {
        if self.events < QUARTERS_FROM { None } else { self.load.last_quarter_against_second() }
    }

    fn peak(&self) -> f64 {
        [&self.load, &self.hunt, &self.more, &self.again].map(|run| run.peak_bytes).into_iter().max().unwrap_or(0) as f64 / 1e6
    }

    fn same(&self) -> bool {
        self.listed.output_lines == self.whole.output_lines
    }
}

fn tables(section: &mut Section, sizes: &[Size]) {
    let number = |value: f64| decimals(value);
    let rows = sizes.iter().map(|s| {
        vec![
            thousands(s.events),
            number(s.input_bytes as f64 / 1e6),
            number(s.load.cpu_seconds),
            number(s.load.seconds),
            number(rate(s.events, s.load.cpu_seconds)),
            s.last_quarter().map_or("–".into(), number),
            number(s.store_bytes as f64 / s.events as f64),
            format!("{:.1} %", 100.0 * s.store_bytes as f64 / s.input_bytes as f64),
            number(s.load.peak_bytes as f64 / 1e6),
        ]
    });
    section.table(
        &["events", "MB", "load CPU-s", "seconds", "events a CPU-s", "last quarter", "bytes an event", "of the input", "peak MB"],
        &rows.collect::<Vec<_>>(),
    );
    let rows = sizes.iter().map(|s| {
        vec![
            thousands(s.events),
            number(s.hunt.cpu_seconds),
            number(s.hunt.seconds),
            thousands(s.hunt.output_lines as u64),
            number(s.hunt.peak_bytes as f64 / 1e6),
            number(s.more.cpu_seconds),
            number(s.again.cpu_seconds),
            number(s.again.seconds),
            thousands(s.again.output_lines as u64),
            number(s.again.peak_bytes as f64 / 1e6),
            number(s.listed.cpu_seconds),
            if s.exact && s.same() { "yes" } else { "**no**" }.into(),
        ]
    });
    section.table(
        &[
            "events",
            "hunt CPU-s",
            "seconds",
            "findings",
            "peak MB",
            "1 % more: load CPU-s",
            "hunt CPU-s",
            "seconds",
            "new findings",
            "peak MB",
            "listing all",
            "exact",
        ],
        &rows.collect::<Vec<_>>(),
    );
    section.say(
        "Exact: counts and rows equal what the generator wrote down, and after the second hunt there are as many findings as one finds that reads all \
         again. Listing all: CPU-seconds of `findings` for all that both hunts found; the second hunt itself lists what is new.",
    );
}

fn goals(last: &Size) -> Vec<Goal> {
    let goal = |what: &str, value: f64, bound: f64, at_least: bool, reason: &'static str| Goal {
        what: what.into(),
        value,
        bound,
        at_least,
        reason,
    };
    let mut goals = vec![
        goal("CPU-seconds of the hunt", last.hunt.cpu_seconds, 12.0, false, SCANNED),
        goal("CPU-seconds of the hunt after 1 % more", last.again.cpu_seconds, 0.5 + 0.03 * last.hunt.cpu_seconds, false, LISTED),
        goal("peak MB of all four", last.peak(), 256.0, false, ""),
        goal("counts and rows are exact (1: yes)", f64::from(u8::from(last.exact && last.same())), 1.0, true, ""),
    ];
    if let Some(quarter) = last.last_quarter() {
        goals.push(goal("last quarter of the load against the second, at least", quarter, 0.9, true, LOADED));
        goals.push(goal("last quarter of the load against the second, at most", quarter, 1.1, false, LOADED));
    }
    goals
}
