//! Other programs over the same files: what people use today, set up as their own documentation says.
//!
//! A program is installed into `target/bench/peers` where it is not there yet; one that cannot be is left out with a word.
//! A peer that runs worse than it can proves nothing: what was tried and chosen stands beside each set-up.

mod evtx_dump;
mod install;
mod own;
mod pysigma;
mod rsigma;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::Bench;
use crate::child::Run;
use crate::document::{Goal, Section, decimals, thousands};

/// Events that the three programs hunt in.
const EVENTS: u64 = 2_000_000;

/// Matches by the id of the rule.
type Matches = BTreeMap<String, u64>;

/// What a step of a program took and gave: a line of a table.
struct Step {
    name: String,
    cpu_seconds: f64,
    seconds: f64,
    peak_bytes: u64,
    disk_bytes: Option<u64>,
}

/// A program that hunted.
struct Hunted {
    steps: Vec<Step>,
    /// The step that is compared: all that the program has to do for an answer.
    whole: usize,
    rules: u64,
    matches: Matches,
    commands: Vec<String>,
    /// Sentences about this run.
    remarks: Vec<String>,
    reasons: Reasons,
}

impl Step {
    fn new(name: &str, run: &Run, disk_bytes: Option<u64>) -> Self {
        Self { name: name.into(), cpu_seconds: run.cpu_seconds, seconds: run.seconds, peak_bytes: run.peak_bytes, disk_bytes }
    }

    /// Two steps after each other.
    fn both(name: &str, first: &Step, second: &Step) -> Self {
        Self {
            name: name.into(),
            cpu_seconds: first.cpu_seconds + second.cpu_seconds,
            seconds: first.seconds + second.seconds,
            peak_bytes: first.peak_bytes.max(second.peak_bytes),
            disk_bytes: first.disk_bytes.or(second.disk_bytes),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            decimals(self.cpu_seconds),
            decimals(self.seconds),
            decimals(self.peak_bytes as f64 / 1e6),
            self.disk_bytes.map_or("–".into(), |bytes| decimals(bytes as f64 / 1e6)),
        ]
    }
}

/// Measures all peers and writes their section.
pub(crate) fn measure(bench: &Bench) {
    if !bench.shared.is_dir() {
        return println!("  skipped: {} is not there", bench.shared.display());
    }
    let mut section = Section::new(0, &bench.program);
    evtx_dump::measure(bench, &mut section);
    hunts(bench, &mut section);
    section.write();
}

const HUNTS: &str = "The same JSON lines and the same rules for three programs: realistic Windows events (Sysmon, Security, PowerShell, \
WMI and others; replayed sessions without rendered messages) and the Windows rules of SigmaHQ. rsigma reads the lines and evaluates the \
rules in one pass, and does so again each time. pySigma turns the rules into SQL, which SQLite runs over one table with a column for \
each field; the table is loaded once, the rules are converted and run each time. retrohunt loads once, hunts, and hunts again.";

const SET_UP: &str = "Each is set up as well as it goes. rsigma has its newest version that this tool chain builds, log sources as \
`benches/whole/peers/rsigma.yml` gives them (a channel written as a condition would make it ten times slower), and no prefilter: neither \
that it has was faster here. pySigma has its pipelines for Sysmon and Windows, an index over channel and event id, columns without case, \
and orjson. Fields that these events name in another way (`SourceName`, `Hostname`) are mapped for both. pySigma's matches are counted \
and not fetched, and nothing is synchronised to disk while its table is loaded; mapping the file into memory would save a twentieth of \
its hunt and count the file as memory. Standard output goes to a file.";

const FOUND: &str = "The two others read Sysmon's events where a rule says `process_creation`, `network_connection` or `registry_set`; \
retrohunt also reads their twins in Security (4688, 5156, 4657 …), with fields by their other names, so it may find more. Keyword rules \
are not converted by the SQLite backend without a second copy of all text.";

/// Why a goal is missed: of load and hunt, and of hunting again.
struct Reasons {
    once: &'static str,
    again: &'static str,
}

const AGAIN: &str = "A hunt without news starts, sees that events and rules are the same, and lists all findings that there are: of a \
small archive that is as much as starting a program costs, and the others' whole run is short too.";

fn hunts(bench: &Bench, section: &mut Section) {
    let events = EVENTS.min(bench.at_most);
    let file = bench.flat_events(events);
    section.heading(&format!("{} events: rsigma and pySigma", thousands(events)));
    section.say(HUNTS);
    section.say(SET_UP);
    let own = own::measure(bench, &file);
    let rsigma = rsigma::measure(bench, &file);
    let pysigma = pysigma::measure(bench, &file);
    let hunted: Vec<&Hunted> = [Ok(&own), rsigma.as_ref(), pysigma.as_ref()].into_iter().flatten().collect();
    section.commands(&hunted.iter().flat_map(|h| h.commands.clone()).collect::<Vec<_>>());
    let rows: Vec<Vec<String>> = hunted.iter().flat_map(|h| h.steps.iter().map(Step::cells)).collect();
    section.table(&["step", "CPU-seconds", "seconds", "peak MB", "MB on disk"], &rows);
    let rows = hunted.iter().map(|h| {
        let missed = h.matches.iter().filter(|(rule, n)| own.matches.get(*rule).unwrap_or(&0) < n).count();
        let total = thousands(h.matches.values().sum());
        vec![h.name().into(), thousands(h.rules), h.matches.len().to_string(), total, missed.to_string()]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    section.table(&["program", "rules that run", "rules that match", "matches", "rules with fewer matches in retrohunt"], &rows);
    section.say(FOUND);
    for remark in hunted.iter().flat_map(|h| &h.remarks) {
        section.say(remark);
    }
    for (name, peer) in [("rsigma", &rsigma), ("pySigma", &pysigma)] {
        if let Err(reason) = peer {
            println!("  {name} skipped: {reason}");
            section.say(&format!("{name} was not measured: {reason}."));
        }
    }
    let goals: Vec<Goal> = hunted[1..].iter().flat_map(|peer| peer.goals(&own)).collect();
    section.goals(&goals);
    for row in hunted.iter().flat_map(|h| &h.steps) {
        println!("  {}: {:.2} CPU-s ({:.1} s), peak {:.0} MB", row.name, row.cpu_seconds, row.seconds, row.peak_bytes as f64 / 1e6);
    }
}

impl Hunted {
    /// The first word of each step.
    fn name(&self) -> &str {
        self.steps[0].name.split([' ', ',']).next().unwrap_or_default()
    }

    fn goals(&self, own: &Hunted) -> Vec<Goal> {
        let (name, whole) = (self.name(), self.steps[self.whole].cpu_seconds);
        let times = |what: &str, cpu_seconds: f64, bound: f64, reason: &'static str| Goal {
            what: format!("CPU-seconds of {name}'s whole run, as a multiple of those of retrohunt's {what}"),
            // A hundredth of a second is what a clock tick is.
            value: whole / cpu_seconds.max(0.01),
            bound,
            at_least: true,
            reason,
        };
        let again = own.steps.last().map_or(f64::NAN, |step| step.cpu_seconds);
        vec![
            times("load and hunt", own.steps[own.whole].cpu_seconds, 10.0, self.reasons.once),
            times("hunt again", again, 100.0, self.reasons.again),
        ]
    }
}

/// A command as somebody in the project's folder would write it.
fn shown(bench: &Bench, command: &Command) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(|word| {
        let word = word.to_string_lossy().replace(&*bench.shared.to_string_lossy(), "../shared").replace(&format!("{root}/"), "");
        if word.contains(' ') { format!("'{word}'") } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Lines of JSON, counted by a field that names the rule; `count` where a line stands for several events.
fn by_rule(file: &Path) -> Matches {
    let mut matches = Matches::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        *matches.entry(row["rule_id"].as_str().unwrap_or_default().to_owned()).or_default() += row["count"].as_u64().unwrap_or(1);
    }
    matches
}
