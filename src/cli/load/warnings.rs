//! What a load warns of: damage, files that gave nothing, clocks that are off.

use std::path::PathBuf;

use crate::cli::printer::Printer;
use crate::cli::words::{counted, thousands};
use crate::load::{LoadSummary, LoadedSource};
use crate::reader::Problem;
use crate::report::visible;

/// So many damaged files are named on a terminal; in a file or a pipe all are.
// A screen's worth. A pipe gets all, because somebody will search it.
const SHOWN_FILES: usize = 20;
/// So many files with a clock that is off are named.
const SHOWN_CLOCKS: usize = 5;
/// So many faults of one file are shown on a terminal.
const SHOWN_PROBLEMS: usize = 3;

/// Warns where there was nothing to load.
pub(super) fn of_nothing(paths: &[PathBuf], summary: &LoadSummary, printer: &Printer) {
    if summary.sources.is_empty() && summary.failed.is_empty() && summary.skipped.is_empty() && !summary.interrupted {
        let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", visible(&path.to_string_lossy()))).collect();
        printer.warning(&format!("there are no files in {}: nothing was loaded", paths.join(", ")));
    }
}

/// Names what was damaged or could not be read.
pub(super) fn of_damage(summary: &LoadSummary, printer: &Printer) {
    let damaged: Vec<&LoadedSource> = summary.sources.iter().filter(|s| s.report.bad > 0 || !s.report.problems.is_empty()).collect();
    let on_terminal = printer.tells_a_terminal();
    let (files, problems) = if on_terminal { (SHOWN_FILES, SHOWN_PROBLEMS) } else { (usize::MAX, usize::MAX) };
    let lost: Vec<&LoadedSource> = summary.lost().collect();
    let texts = damaged.iter().map(|source| damage(source, problems)).chain(summary.failed.iter().map(failure));
    let texts = texts.chain(lost.iter().map(|source| loss(source)));
    for text in texts.take(files) {
        printer.warning(&text);
    }
    let all = damaged.len() + summary.failed.len() + lost.len();
    if all > files {
        let more = thousands((all - files) as u64);
        printer
            .warning(&format!("{more} more damaged files; send the messages to a file with `2> FILE` to see every file and every fault"));
    }
}

/// Names the sources whose times are whole hours away from what Sysmon wrote.
pub(super) fn of_clocks(summary: &LoadSummary, printer: &Printer) {
    let off: Vec<&LoadedSource> = summary.sources.iter().filter(|source| !source.report.hours_off.is_empty()).collect();
    for source in off.iter().take(SHOWN_CLOCKS) {
        for (hours, events) in &source.report.hours_off {
            let direction = if *hours < 0 { "behind" } else { "ahead of" };
            let events = counted(*events, "event");
            printer.warning(&format!(
                "{}: event time is {} h {direction} Sysmon's UtcTime in {events}: the collector probably wrote local time as UTC",
                visible(&source.path),
                hours.abs(),
            ));
        }
    }
    if off.len() > SHOWN_CLOCKS {
        printer.warning(&format!(
            "{} more files with a clock that is off; `retrohunt sources --format json` lists them all",
            thousands((off.len() - SHOWN_CLOCKS) as u64)
        ));
    }
}

fn failure((path, reason): &(String, String)) -> String {
    format!("{}: {}", visible(path), visible(reason))
}

fn loss(source: &LoadedSource) -> String {
    let reason = source.report.skipped.as_deref().unwrap_or_default();
    format!(
        "{}: nothing was read, although its name or its first bytes are those of a log or an archive: {}",
        visible(&source.path),
        visible(reason)
    )
}

fn damage(source: &LoadedSource, shown: usize) -> String {
    let report = &source.report;
    let mut text = visible(&source.path).into_owned();
    if report.bad > 0 {
        text.push_str(&format!(
            ": {} could not be read, {} could",
            counted(report.bad, "record"),
            thousands(report.events + report.recovered)
        ));
    }
    for problem in report.problems.iter().take(shown) {
        let separator = if report.bad > 0 { "\n    " } else { ": " };
        text.push_str(&format!("{separator}{}{}", place(problem), visible(&problem.message)));
    }
    if report.problems.len() > shown || report.bad > report.problems.len() as u64 {
        text.push_str("\n    …");
    }
    text
}

fn place(problem: &Problem) -> String {
    match (problem.line, problem.offset) {
        (Some(line), Some(offset)) => format!("line {line}, byte {offset}: "),
        (Some(line), None) => format!("line {line}: "),
        (None, Some(offset)) => format!("byte {offset}: "),
        (None, None) => String::new(),
    }
}
