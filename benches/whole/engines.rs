//! What a hunt over Spark costs beside the local one, and what many workers would do: writes `docs/scaling.md`.
//!
//! CPU-seconds come from `/proc`: of the server and the executors their own, of the program that executors run what the executors have as
//! the time of ended children. The cluster is that of `RETROHUNT_SPARK` and its sister variables (`make test-cluster` has them), else one
//! that `make cluster` starts and this stops.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::child::{Run, process_seconds, run};
use crate::document::{Goal, Section, decimals, thousands};
use crate::{Bench, report_hunt, size, text};

const SIZES: [u64; 2] = [200_000, 2_000_000];
/// For a first hunt that is not measured: the virtual machines compile what they run often, and rules are compiled once.
const WARM_UP: u64 = 1_000;
/// What the program may take on executors, for each CPU-second of the local hunt.
const SHARE: f64 = 1.5;
/// The cluster that the page reckons with, and the events.
const CORES: f64 = 100.0;
const YEARS: [u64; 3] = [100_000_000, 1_000_000_000, 10_000_000_000];
const SECONDS_AN_HOUR: f64 = 3600.0;

const HEAD: &str = "# What a hunt over Spark costs

[engines.md](engines.md) says how such a hunt works. `make bench BENCH=engines` measures it and writes this page: the numbers are of one run on
one machine, the sentences around them are fixed.
";

const COMPARED: &str = "Realistic Windows events from the generator, loaded into a store and exported as a lake. All public Sigma rules hunt in \
the store, and over the lake on a standalone Spark on the same machine: a master, two workers of one core each, a Connect server. Rules were \
compiled before, and the cluster has answered a small hunt before, so that nothing is measured that happens once.";

const COLUMNS: &str = "Local: the hunt over the store. Program: `retrohunt match` on the executors, the reading of rules and of rows as JSON \
included. Executors: their virtual machines, which read the files and write JSON. Driver: the Connect server. Home: the command itself, which \
writes what came home into a store and hunts there.";

const SHARED: &str = "Each task of Spark starts the program, which reads the rules and plans those of each event type that its rows have; and \
rows are read from JSON, which a local hunt does not do. In small lakes, and in lakes of many types with few events each, this is most of the share.";

const RECKONED: &str = "The difference between the two sizes is what more events cost; program and executors are spread over all cores, as Spark \
hands out files and pieces of them. From this, for a cluster of 100 cores as fast as one of this machine:";

const ASSUMED: &[&str] = &[
    "Files lie where executors read them as fast as here, from the page cache of one machine: object stores may be slower.",
    "There are enough pieces for all cores: Spark cuts a file into as many pieces as there are cores, of 4 MB at least, where its row groups of 65,536 events \
     begin. A unit of ten million events is some 100 pieces; types with fewer events leave cores idle.",
    "What comes home grows with what rules match, not with the cluster: it is written and hunted by one machine. Rules that match much must be tuned or \
     left out (`--max-rows`) before they are asked over years. The column says what it takes if as large a part comes home as here, which for years is too much.",
    "Units of a hunt are asked in groups of a million events, or one unit of ten million: a cluster is idle between them for as long as the driver takes to plan \
     the next, which is not in the time.",
    "Nothing else runs on the cluster, and no executor is lost.",
];

/// A standalone Spark, and a program that speaks to it.
struct Cluster {
    address: String,
    folder: PathBuf,
    program: PathBuf,
    /// Whether this started it, and ends it.
    is_own: bool,
}

/// CPU-seconds of a cluster's parts so far.
#[derive(Clone, Copy, Default)]
struct Used {
    driver: f64,
    executors: f64,
    program: f64,
}

/// What was measured of one size.
struct Size {
    events: u64,
    lake_bytes: u64,
    local: Run,
    home: Run,
    used: Used,
}

/// Measures all sizes and writes the page.
pub(crate) fn measure(bench: &Bench) {
    let Some(cluster) = Cluster::find(bench) else { return };
    one(bench, &cluster, WARM_UP);
    let sizes: Vec<Size> = SIZES.into_iter().filter(|events| *events <= bench.at_most).map(|events| one(bench, &cluster, events)).collect();
    if let [small, large] = &sizes[..] {
        let mut page = Section::of_page(&cluster.program);
        page.say(COMPARED);
        table(&mut page, &sizes);
        page.say(COLUMNS);
        page.goals(&goals(&sizes));
        page.heading("A hundred cores");
        page.say(RECKONED);
        reckoned(&mut page, small, large);
        page.say("It is assumed that:");
        page.list(ASSUMED);
        page.write_page("docs/scaling.md", HEAD);
    } else {
        goals(&sizes).iter().for_each(|goal| crate::goal(&goal.what, goal.value, goal.bound, goal.at_least));
    }
}

fn one(bench: &Bench, cluster: &Cluster, events: u64) -> Size {
    let (program, rules) = (&cluster.program, bench.all_rules());
    let (store, home) = (bench.fresh_store("engines"), bench.fresh_store("engines-home"));
    let (lake, cache) = (bench.folder.join("engines-lake"), bench.folder.join("engines-cache"));
    drop(fs::remove_dir_all(&lake));
    run(program, &["load", text(&bench.flat_events(events)), "--store", text(&store)], None);
    run(program, &["export", "--parquet", text(&lake), "--store", text(&store)], None);
    let events = bench.events(&store);
    let hunt = |store: &Path, more: &[&str]| {
        let arguments = ["hunt", "--rules", text(&rules), "--store", text(store), "--cache", text(&cache), "--format", "jsonl"];
        let hunt = run(program, &[&arguments, more].concat(), None);
        report_hunt(&hunt, events);
        hunt
    };
    let local = hunt(&store, &[]);
    let before = cluster.used();
    let remote = hunt(&home, &["--engine", &cluster.address, "--lake", text(&lake)]);
    let used = cluster.used().since(before);
    println!("  driver {:.1}, executors {:.1}, program {:.1} CPU-s", used.driver, used.executors, used.program);
    assert_eq!((local.code, local.output_lines), (remote.code, remote.output_lines), "the same hunt gives the same findings");
    let lake_bytes = walkdir::WalkDir::new(&lake).into_iter().flatten().filter(|e| e.file_type().is_file()).map(|e| size(e.path())).sum();
    drop(fs::remove_dir_all(&lake));
    Size { events, lake_bytes, local, home: remote, used }
}

impl Cluster {
    /// The one that the environment names, or a new one; says why there is none.
    fn find(bench: &Bench) -> Option<Self> {
        let named = |name: &str| std::env::var(name).ok();
        if let (Some(address), Some(folder), Some(program)) =
            (named("RETROHUNT_SPARK"), named("RETROHUNT_SPARK_FOLDER"), named("RETROHUNT_SPARK_PROGRAM"))
        {
            return Some(Self { address, folder: folder.into(), program: program.into(), is_own: false });
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let succeeds = |command: &mut Command| command.current_dir(root).status().is_ok_and(|status| status.success());
        // First, because it also installs what the build needs.
        if !succeeds(Command::new("make").args(["--no-print-directory", "spark"])) {
            println!("  skipped: Spark cannot be installed");
            return None;
        }
        let build = ["build", "--release", "--locked", "--quiet", "--features", "spark", "--bin", "retrohunt"];
        let protoc = root.join("target/spark-python/bin/protoc");
        if !succeeds(Command::new("cargo").args(build).env("CARGO_TARGET_DIR", "target/spark").env("PROTOC", protoc)) {
            println!("  skipped: the program cannot be built with Spark Connect");
            return None;
        }
        if !succeeds(Command::new("make").args(["--no-print-directory", "cluster"])) {
            println!("  skipped: there is no cluster");
            return None;
        }
        let folder = bench.folder.with_file_name("cluster");
        let port = fs::read_to_string(folder.join("port")).unwrap();
        let address = format!("sc://127.0.0.1:{}", port.trim());
        Some(Self { address, folder, program: root.join("target/spark/release/retrohunt"), is_own: true })
    }

    /// What its parts have used: those of the sessions that the script started.
    fn used(&self) -> Used {
        let sessions = fs::read_to_string(self.folder.join("pids")).unwrap();
        let sessions: Vec<&str> = sessions.split_whitespace().collect();
        let mut used = Used::default();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let process = entry.path();
            let read = |name: &str| fs::read(process.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let (Ok(stat), Ok(command)) = (read("stat"), read("cmdline")) else { continue };
            let session = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(3));
            if !session.is_some_and(|session| sessions.contains(&session)) {
                continue;
            }
            let seconds = |field| process_seconds(text(&process), field).unwrap_or(0.0);
            if command.contains("CoarseGrainedExecutorBackend") {
                used.executors += seconds(11);
                used.program += seconds(13);
            } else if command.contains("SparkConnectServer") {
                used.driver += seconds(11);
            }
        }
        used
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.is_own {
            let stop = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/stop.sh");
            drop(Command::new(stop).arg(&self.folder).status());
        }
    }
}

impl Used {
    fn since(self, before: Self) -> Self {
        Self { driver: self.driver - before.driver, executors: self.executors - before.executors, program: self.program - before.program }
    }
}

impl Size {
    fn share(&self) -> f64 {
        self.used.program / self.local.cpu_seconds
    }
}

fn table(page: &mut Section, sizes: &[Size]) {
    let rows = sizes.iter().map(|s| {
        vec![
            thousands(s.events),
            decimals(s.lake_bytes as f64 / 1e6),
            decimals(s.local.cpu_seconds),
            decimals(s.local.seconds),
            decimals(s.used.program),
            decimals(s.share()),
            decimals(s.used.executors),
            decimals(s.used.driver),
            decimals(s.home.cpu_seconds),
            decimals(s.home.seconds),
            thousands(s.home.output_lines as u64),
        ]
    });
    page.table(
        &[
            "events",
            "lake MB",
            "local CPU-s",
            "seconds",
            "program CPU-s",
            "of local",
            "executors CPU-s",
            "driver CPU-s",
            "home CPU-s",
            "seconds in all",
            "findings of both",
        ],
        &rows.collect::<Vec<_>>(),
    );
}

fn goals(sizes: &[Size]) -> Vec<Goal> {
    let goal = |s: &Size| Goal {
        what: format!("program's CPU-seconds of the local hunt's, {} events", thousands(s.events)),
        value: s.share(),
        bound: SHARE,
        at_least: false,
        reason: SHARED,
    };
    sizes.iter().map(goal).collect()
}

/// What more events cost, spread over a cluster.
fn reckoned(page: &mut Section, small: &Size, large: &Size) {
    let events = (large.events - small.events) as f64;
    let a_event = |of: fn(&Size) -> f64| ((of(large) - of(small)) / events).max(0.0);
    let (program, executors) = (a_event(|s| s.used.program), a_event(|s| s.used.executors));
    let (driver, home) = (a_event(|s| s.used.driver), a_event(|s| s.home.cpu_seconds));
    let rows = YEARS.map(|events| {
        let hours = |seconds: f64| decimals(seconds * events as f64 / SECONDS_AN_HOUR);
        vec![
            thousands(events),
            hours(program),
            hours(executors),
            decimals((program + executors) * events as f64 / CORES / 60.0),
            hours(driver),
            hours(home),
        ]
    });
    page.table(
        &["events", "program CPU-h", "executors CPU-h", "minutes on 100 cores", "driver CPU-h", "home CPU-h, if as much comes home"],
        &rows,
    );
}
