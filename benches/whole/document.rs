//! Writes `docs/benchmarks.md`, and pages like it: a section for each part that measures for it. A part rewrites its own and leaves the others.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What the document says before its sections.
const HEAD: &str = "# Benchmarks

What retrohunt costs beside other programs that do the same or a part of it, and how its cost grows. `make bench BENCH='peers scaling'`
measures it all and writes this page: the numbers are of one run on one machine, the sentences around them are fixed. CPU-seconds are user
and system time of all threads; where other programs run beside, they say more than the time on the wall. Memory is the most that was
resident at once. MB are millions of bytes.
";

/// The sections in their order.
const SECTIONS: [&str; 2] = ["Beside other programs", "From a hundred thousand to ten million events"];

/// A section while it is written.
pub(crate) struct Section {
    title: &'static str,
    text: String,
}

/// A value that should be at least or at most something, and why it may not be.
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) bound: f64,
    pub(crate) at_least: bool,
    /// What is said where it is missed.
    pub(crate) reason: &'static str,
}

impl Section {
    /// The section of the part `peers` (0) or `scaling` (1), with the machine and what was measured.
    pub(crate) fn new(number: usize, program: &Path) -> Self {
        Self::titled(SECTIONS[number], program)
    }

    /// The text of a page of its own.
    pub(crate) fn of_page(program: &Path) -> Self {
        Self::titled("", program)
    }

    fn titled(title: &'static str, program: &Path) -> Self {
        let mut section = Self { title, text: String::new() };
        let version = crate::child::output(program, &["--version"]);
        section.say(&format!("Measured on {} with {}: {}.", today(), version.trim(), machine()));
        section
    }

    /// A paragraph.
    pub(crate) fn say(&mut self, paragraph: &str) {
        writeln!(self.text, "\n{}", wrapped(paragraph)).unwrap();
    }

    /// A list of paragraphs.
    pub(crate) fn list(&mut self, paragraphs: &[&str]) {
        self.text.push('\n');
        for paragraph in paragraphs {
            writeln!(self.text, "- {}", wrapped(paragraph).replace('\n', "\n  ")).unwrap();
        }
    }

    /// A heading below the section's.
    pub(crate) fn heading(&mut self, heading: &str) {
        writeln!(self.text, "\n### {heading}").unwrap();
    }

    /// Commands, as they ran.
    pub(crate) fn commands(&mut self, commands: &[String]) {
        writeln!(self.text, "\n```console").unwrap();
        for command in commands {
            writeln!(self.text, "$ {command}").unwrap();
        }
        writeln!(self.text, "```").unwrap();
    }

    /// A table; all columns but the first are numbers.
    pub(crate) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let line = |cells: Vec<&str>| format!("| {} |", cells.join(" | "));
        writeln!(self.text, "\n{}", line(head.to_vec())).unwrap();
        writeln!(self.text, "|---{}|", "|---:".repeat(head.len() - 1)).unwrap();
        for row in rows {
            writeln!(self.text, "{}", line(row.iter().map(String::as_str).collect())).unwrap();
        }
    }

    /// A table of goals, printed too; then why some are missed.
    pub(crate) fn goals(&mut self, goals: &[Goal]) {
        let met = |goal: &Goal| if goal.at_least { goal.value >= goal.bound } else { goal.value <= goal.bound };
        let rows = goals.iter().map(|goal| {
            crate::goal(&goal.what, goal.value, goal.bound, goal.at_least);
            let sign = if goal.at_least { "at least" } else { "at most" };
            vec![
                goal.what.clone(),
                format!("{sign} {}", goal.bound_text()),
                decimals(goal.value),
                if met(goal) { "yes" } else { "**no**" }.into(),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        self.table(&["goal", "bound", "measured", "met"], &rows);
        let mut reasons: Vec<&str> = Vec::new();
        for goal in goals.iter().filter(|goal| !met(goal) && !goal.reason.is_empty()) {
            if !reasons.contains(&goal.reason) {
                reasons.push(goal.reason);
                self.say(goal.reason);
            }
        }
    }

    /// Writes a page of its own.
    pub(crate) fn write_page(self, name: &str, head: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        fs::write(&path, format!("{head}{}\n", self.text.trim_end())).unwrap();
        println!("  written: {}", path.display());
    }

    /// Puts the section in place of the one that the document has.
    pub(crate) fn write(self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
        let old = fs::read_to_string(&path).unwrap_or_default();
        let mut text = HEAD.to_owned();
        for title in SECTIONS {
            let body = if title == self.title { Some(self.text.as_str()) } else { body_of(&old, title) };
            if let Some(body) = body {
                write!(text, "\n## {title}\n{}\n", body.trim_end()).unwrap();
            }
        }
        fs::write(&path, text).unwrap();
        println!("  written: {}", path.display());
    }
}

impl Goal {
    fn bound_text(&self) -> String {
        if self.bound.fract() == 0.0 { format!("{:.0}", self.bound) } else { format!("{:.2}", self.bound) }
    }
}

fn body_of<'a>(document: &'a str, title: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("\n## {title}\n"))?;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

/// Two digits that say something, none behind the point where there are enough before it.
pub(crate) fn decimals(value: f64) -> String {
    match value {
        v if !v.is_finite() => "–".into(),
        v if v >= 1000.0 => thousands(v.round() as u64),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// 1234567 as 1,234,567.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Lines of at most 140 characters, as the other documents have.
fn wrapped(paragraph: &str) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > 140 {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text
}

fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':').map(|(_, v)| v.trim().to_owned())).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = value(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / (1024.0 * 1024.0);
    let load = read("/proc/loadavg");
    format!(
        "{} with {cores} cores, {memory:.0} GiB of memory, Linux {}; load before the run {}",
        value(&read("/proc/cpuinfo"), "model name"),
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or_default()
    )
}
