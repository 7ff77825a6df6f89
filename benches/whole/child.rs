//! Runs the program, or another, as a child process and watches it through `/proc`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Clock ticks a second in `/proc/PID/stat`; Linux shows 100 to user space on every architecture.
const TICKS: f64 = 100.0;
const POLL: Duration = Duration::from_millis(10);
/// A short run is looked at more often, so that its peak and its end are not missed.
const POLL_AT_FIRST: Duration = Duration::from_millis(1);
const AT_FIRST: Duration = Duration::from_millis(100);

/// Where the output of a run goes.
pub(crate) enum Output<'a> {
    /// Its lines are counted, nothing is kept.
    Count,
    Nowhere,
    /// Into a file, and what is said of the run into [`messages_file`].
    File(&'a Path),
}

/// What a run used.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) seconds: f64,
    /// User and system time of all threads.
    pub(crate) cpu_seconds: f64,
    /// The most memory that was resident at once.
    pub(crate) peak_bytes: u64,
    pub(crate) output_lines: usize,
    /// (bytes of the input read, CPU-seconds so far), while it ran.
    samples: Vec<(u64, f64)>,
    input_bytes: u64,
}

/// Runs the program to its end. `input`: the file whose reading is followed.
pub(crate) fn run(program: &Path, arguments: &[&str], input: Option<&Path>) -> Run {
    let mut command = Command::new(program);
    command.arg("--quiet").args(arguments);
    watch(command, &Output::Count, input)
}

/// What a run with [`Output::File`] says beside its output.
pub(crate) fn messages_file(output: &Path) -> PathBuf {
    output.with_extension("messages")
}

/// Runs any program to its end.
pub(crate) fn watch(mut command: Command, output: &Output, input: Option<&Path>) -> Run {
    match output {
        Output::Count => command.stdout(Stdio::piped()),
        Output::Nowhere => command.stdout(Stdio::null()).stderr(Stdio::null()),
        Output::File(path) => command.stdout(File::create(path).unwrap()).stderr(File::create(messages_file(path)).unwrap()),
    };
    let before = children_seconds();
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let stdout = child.stdout.take();
    let lines = std::thread::spawn(move || stdout.map_or(0, |out| BufReader::new(out).split(b'\n').count()));
    let process = format!("/proc/{}", child.id());
    let input = input.map(|path| path.canonicalize().unwrap());
    let (mut peak_bytes, mut samples) = (0, Vec::new());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        peak_bytes = peak_bytes.max(peak(&process).unwrap_or(0));
        if let (Some(input), Some(cpu)) = (&input, process_seconds(&process, 11)) {
            samples.extend(position(&process, input).map(|at| (at, cpu)));
        }
        std::thread::sleep(if started.elapsed() < AT_FIRST { POLL_AT_FIRST } else { POLL });
    };
    Run {
        code: status.code().unwrap_or(-1),
        seconds: started.elapsed().as_secs_f64(),
        cpu_seconds: children_seconds() - before,
        peak_bytes,
        output_lines: lines.join().unwrap(),
        samples,
        input_bytes: input.map_or(0, |path| fs::metadata(path).unwrap().len()),
    }
}

/// Runs the program and returns what it wrote.
pub(crate) fn output(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).arg("--quiet").args(arguments).stderr(Stdio::inherit()).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{arguments:?} ended with {:?}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

impl Run {
    /// CPU-seconds of each quarter of the input; empty where its reading could not be followed.
    pub(crate) fn quarter_cpu_seconds(&self) -> Vec<f64> {
        let at = |quarter: u64| {
            let bytes = self.input_bytes / 4 * quarter;
            self.samples.iter().find(|(position, _)| *position >= bytes).map(|(_, cpu)| *cpu)
        };
        let ends: Option<Vec<f64>> = (1..4).map(at).collect();
        let Some(mut ends) = ends else { return Vec::new() };
        let last = self.samples.iter().rev().find(|(position, _)| *position < self.input_bytes).map_or(self.cpu_seconds, |(_, cpu)| *cpu);
        ends.insert(0, 0.0);
        ends.push(last);
        ends.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Speed of the last quarter divided by the speed of the second.
    pub(crate) fn last_quarter_against_second(&self) -> Option<f64> {
        let quarters = self.quarter_cpu_seconds();
        Some(quarters.get(1)? / quarters.get(3)?)
    }
}

fn peak(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kb| kb * 1024)
}

/// User plus system seconds; `field` counts from the state: 11 is the process itself, 13 its ended children.
pub(crate) fn process_seconds(process: &str, field: usize) -> Option<f64> {
    let stat = fs::read_to_string(format!("{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
    Some((ticks(field)? + ticks(field + 1)?) / TICKS)
}

fn children_seconds() -> f64 {
    process_seconds("/proc/self", 13).unwrap()
}

/// How far the process has read a file.
fn position(process: &str, input: &Path) -> Option<u64> {
    for entry in fs::read_dir(format!("{process}/fd")).ok()? {
        let entry = entry.ok()?;
        if fs::read_link(entry.path()).is_ok_and(|target| target == input) {
            let info = fs::read_to_string(format!("{process}/fdinfo/{}", entry.file_name().to_str()?)).ok()?;
            return info.lines().find_map(|line| line.strip_prefix("pos:"))?.trim().parse().ok();
        }
    }
    None
}
