//! `retrohunt load`: archives into the store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};

use super::Outcome;
use super::format::FormatArgs;
use super::interrupt;
use super::printer::Printer;
use super::progress::{BarUnit, LazyBar};
use super::store::StoreArgs;
use super::words::{bytes, counted, counted_len, thousands};
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::event::format_time;
use crate::load::{LoadOptions, LoadProgress, LoadSummary, LoadedSource, explain, load};
use crate::normalise::Zone;
use crate::reader::{Problem, ReadOptions, format_names};
use crate::report::{EXPLAINED, ListWriter, explained_row, visible};
use crate::store::{SourceRow, Store};

/// So many damaged files are named on a terminal; in a file or a pipe all are.
// A screen's worth. A pipe gets all, because somebody will search it.
const SHOWN_FILES: usize = 20;
/// So many files with a clock that is off are named.
const SHOWN_CLOCKS: usize = 5;
/// So many faults of one file are shown on a terminal.
const SHOWN_PROBLEMS: usize = 3;

/// Read logs into the store: files, folders and archives, also nested.
///
/// The format is found from the content: EVTX, exported XML, CSV, Splunk's text, and JSON as lines, arrays or documents in the shapes
/// that collectors write; gz, bz2, xz, zst, zip and tar are read in place. Bytes that are in the store already change nothing, so a
/// load that was interrupted is completed by loading again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt load /evidence
  retrohunt load Security.evtx export.zip --store case.db
  retrohunt load --explain /evidence
  retrohunt load --timezone America/New_York splunk_export.log
  zcat events.jsonl.gz | retrohunt load -")]
pub(crate) struct Args {
    /// Files and folders; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only show the format of each file and archive member, and why; load nothing
    #[arg(long)]
    explain: bool,
    /// Read everything as this format, whatever it looks like
    #[arg(long, value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(format_names()))]
    input_format: Option<String>,
    /// Time zone for times without one (default: UTC): a name like Europe/Berlin, or +02:00
    #[arg(long, value_name = "ZONE", value_parser = Zone::parse, allow_hyphen_values = true)]
    timezone: Option<Zone>,
    /// Read 05/04/2021 as 5 April; without this flag it is 4 May
    #[arg(long)]
    day_first: bool,
    /// Also carve overwritten records from the slack space of intact event logs (damaged logs are always carved)
    #[arg(long)]
    recover: bool,
    /// How many levels of archives inside archives to open
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_depth)]
    max_depth: u32,
    /// Maximum compression ratio; anything above is treated as a decompression bomb
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_ratio)]
    max_ratio: u64,
    /// Maximum size of one decompressed file
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_bytes)]
    max_bytes: u64,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    // Before the store is opened: a path that is misspelt must not leave an empty store behind.
    for path in args.paths.iter().filter(|path| !is_stdin(path)) {
        if !path.exists() {
            bail!("there is no file or folder `{}`", visible(&path.to_string_lossy()));
        }
    }
    // Before the work: from here on Ctrl-C ends it where everything is complete.
    let cancel = interrupt::watch()?;
    let options = options(args, &cancel);
    if args.explain {
        return run_explain(args, &options, printer);
    }
    let mut store = args.store.open_or_create()?;
    let progress = LazyBar::new(printer, BarUnit::Bytes);
    let total = total(&args.paths);
    if let Some(total) = &total {
        progress.total(total.bytes);
    }
    let mut shown = ShownProgress { cancel, ..ShownProgress::default() };
    let result = load(&mut store, &args.paths, &options, &mut |step| show(&progress, &mut shown, step));
    progress.finish();
    let summary = result.with_context(|| format!("cannot write the store `{}`", args.store.shown()))?;
    // Damage first and the summary last: the last line is the one that is read.
    report_nothing(&args.paths, &summary, printer);
    report_damage(&summary, printer);
    report_clocks(&summary, printer);
    report_summary(&summary, &store, started, printer)?;
    // Closed and not only dropped: a store that was moved meanwhile is told as an error.
    store.close().with_context(|| format!("cannot write the store `{}`", args.store.shown()))?;
    if summary.interrupted {
        printer.headed_note("Interrupted:", &stored(summary.files, total.map(|total| total.files)));
        return Ok(Outcome::Interrupted);
    }
    Ok(Outcome::partial_if(summary.is_partial()))
}

fn options(args: &Args, cancel: &Cancel) -> LoadOptions {
    LoadOptions {
        limits: Limits { max_depth: args.max_depth, max_ratio: args.max_ratio, max_bytes: args.max_bytes, ..Limits::default() },
        read: ReadOptions {
            format: args.input_format.clone(),
            recover: args.recover,
            timezone: args.timezone.clone(),
            day_first: args.day_first,
        },
        cancel: cancel.clone(),
    }
}

fn run_explain(args: &Args, options: &LoadOptions, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &EXPLAINED, width)?;
    let (mut failed, mut written) = (false, Ok(()));
    explain(&args.paths, options, &mut |leaf| {
        failed |= leaf.failed;
        written = writer.row(&explained_row(&leaf.path, leaf.recognised.format, &leaf.recognised.reason));
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    writer.finish()?;
    Ok(Outcome::partial_if(failed))
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// `59 of 793 files are stored; load again to continue`.
fn stored(files: u64, total: Option<u64>) -> String {
    let of = total.map_or_else(|| counted(files, "file"), |total| format!("{} of {}", thousands(files), counted(total, "file")));
    let is = if files == 1 { "is" } else { "are" };
    format!("{of} {is} stored; load again to continue")
}

/// What a load has before it.
struct Total {
    files: u64,
    bytes: u64,
}

/// All files and their bytes; none where standard input is among them.
fn total(paths: &[PathBuf]) -> Option<Total> {
    let mut total = Total { files: 0, bytes: 0 };
    for path in paths {
        if is_stdin(path) {
            return None;
        }
        // Links are followed, as the load does.
        for entry in walkdir::WalkDir::new(path).follow_links(true).into_iter().filter_map(Result::ok) {
            let is_named = entry.depth() == 0 && !entry.file_type().is_dir();
            if is_named || entry.file_type().is_file() {
                total.files += 1;
                total.bytes += entry.metadata().map_or(0, |meta| meta.len());
            }
        }
    }
    Some(total)
}

/// What the bar says.
#[derive(Default)]
struct ShownProgress {
    files: u64,
    events: u64,
    path: String,
    cancel: Cancel,
}

fn show(progress: &LazyBar, shown: &mut ShownProgress, step: LoadProgress) {
    match step {
        LoadProgress::Source { path } => {
            shown.files += 1;
            shown.path = path;
        }
        LoadProgress::Events { events, bytes } => {
            shown.events = events;
            progress.at(bytes);
        }
        LoadProgress::Finished { bytes } => progress.at(bytes),
    }
    if shown.cancel.is_cancelled() {
        return progress.note(|| "stopping: what was read is written; Ctrl-C again ends at once".to_owned());
    }
    progress.note(|| {
        let counts = format!("{}, {}", counted(shown.files, "file"), counted(shown.events, "event"));
        let name = shown.path.rsplit(['/', '\\']).next().unwrap_or_default();
        beside(&counts, &visible(name))
    });
}

/// Characters that the counts and the name of the file share: a terminal of 80 columns has so many beside the bar.
const MESSAGE_CHARS: usize = 38;
/// A name that would be shorter than this is left out.
const MIN_NAME_CHARS: usize = 8;

/// The counts, and as much of the name as fits beside them; what is cut says so.
fn beside(counts: &str, name: &str) -> String {
    let room = MESSAGE_CHARS.saturating_sub(counts.chars().count() + 2);
    let length = name.chars().count();
    if length <= room {
        return format!("{counts}  {name}");
    }
    if room < MIN_NAME_CHARS {
        return counts.to_owned();
    }
    // The end of a name tells more than its beginning: numbers, dates, the ending.
    let end: String = name.chars().skip(length - (room - 1)).collect();
    format!("{counts}  …{end}")
}

/// Warns where there was nothing to load.
fn report_nothing(paths: &[PathBuf], summary: &LoadSummary, printer: &Printer) {
    if summary.sources.is_empty() && summary.failed.is_empty() && summary.skipped.is_empty() && !summary.interrupted {
        let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", visible(&path.to_string_lossy()))).collect();
        printer.warning(&format!("there are no files in {}: nothing was loaded", paths.join(", ")));
    }
}

/// Names what was damaged or could not be read.
fn report_damage(summary: &LoadSummary, printer: &Printer) {
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
fn report_clocks(summary: &LoadSummary, printer: &Printer) {
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

/// The table at the end: what came in, by format.
fn report_summary(summary: &LoadSummary, store: &Store, started: Instant, printer: &Printer) -> anyhow::Result<()> {
    let mut formats: BTreeMap<&str, Totals> = BTreeMap::new();
    let mut all = Totals::default();
    for source in &summary.sources {
        if source.report.skipped.is_some() {
            continue;
        }
        formats.entry(&source.format).or_default().add(source);
        all.add(source);
    }
    if all.files > 0 {
        printer.note(&table(&formats, &all));
    }
    let rows = store.sources()?;
    if let Some(range) = time_range(summary, &rows) {
        printer.note(&range);
    }
    if all.new_events > 0 {
        let unknown: u64 = store.catalog()?.types.iter().filter(|t| t.product == "generic").map(|t| t.events).sum();
        if unknown > 0 {
            printer
                .note(&format!("{} of unknown products in the store; only rules without `product:` see them", counted(unknown, "event")));
        }
    }
    let mut text =
        format!("{} from {} in {:.1} s", counted(all.new_events, "new event"), counted(all.files, "file"), started.elapsed().as_secs_f64());
    if all.duplicates == all.files && all.files > 0 {
        text.push_str("; the store had all of these files already: nothing changed");
    } else if all.events > all.new_events {
        text.push_str(&format!("; {} were in the store already", counted(all.events - all.new_events, "event")));
    }
    if !summary.failed.is_empty() {
        text.push_str(&format!("; {} could not be read", counted_len(summary.failed.len(), "file")));
    }
    printer.headed_note("Loaded:", &text);
    if let Some(text) = unread(summary) {
        printer.note(&text);
    }
    Ok(())
}

/// `18 files were not read: 17 text of no known log format, 1 empty`.
fn unread(summary: &LoadSummary) -> Option<String> {
    let reasons = summary.unread();
    let all: u64 = reasons.iter().map(|(_, count)| count).sum();
    let listed: Vec<String> = reasons.iter().map(|(reason, count)| format!("{} {reason}", thousands(*count))).collect();
    let were = if all == 1 { "was" } else { "were" };
    (all > 0).then(|| format!("{} {were} not read: {}", counted(all, "file"), visible(&listed.join(", "))))
}

/// Sums over leaves.
#[derive(Default)]
struct Totals {
    files: u64,
    events: u64,
    new_events: u64,
    duplicates: u64,
    bad: u64,
    recovered: u64,
    bytes: u64,
}

impl Totals {
    fn add(&mut self, source: &LoadedSource) {
        let report = &source.report;
        self.files += 1;
        self.events += report.events + report.recovered;
        self.new_events += source.new_events;
        self.duplicates += u64::from(source.duplicate);
        self.bad += report.bad;
        self.recovered += report.recovered;
        self.bytes += report.bytes;
    }

    fn cells(&self, name: &str) -> [String; 8] {
        let [files, events, new, duplicates, bad, recovered] =
            [self.files, self.events, self.new_events, self.duplicates, self.bad, self.recovered].map(thousands);
        [name.to_owned(), files, events, new, duplicates, bad, recovered, bytes(self.bytes)]
    }
}

fn table(formats: &BTreeMap<&str, Totals>, all: &Totals) -> String {
    let mut rows = vec![["Format", "Files", "Events", "New", "Copies", "Unreadable", "Recovered", "Size"].map(String::from)];
    rows.extend(formats.iter().map(|(format, totals)| totals.cells(format)));
    if formats.len() > 1 {
        rows.push(all.cells("all"));
    }
    let widths: Vec<usize> = (0..8).map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String; 8]| {
        let numbers: String = (1..8).map(|i| format!("  {:>1$}", row[i], widths[i])).collect();
        format!("{:<1$}{numbers}", row[0], widths[0])
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The first and last time of what was loaded.
fn time_range(summary: &LoadSummary, rows: &[SourceRow]) -> Option<String> {
    let paths: std::collections::HashSet<&str> = summary.sources.iter().map(|source| source.path.as_str()).collect();
    let loaded = || rows.iter().filter(|row| paths.contains(row.path.as_str()));
    let first = loaded().filter_map(|row| row.first_time_us).min()?;
    let last = loaded().filter_map(|row| row.last_time_us).max()?;
    Some(format!("{} to {}, {} in the store", format_time(first), format_time(last), counted_len(rows.len(), "source")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_progress_says_fits_beside_the_bar() {
        assert_eq!(beside("59 files, 10,671 events", "a.evtx"), "59 files, 10,671 events  a.evtx");
        assert_eq!(beside("59 files, 10,671 events", "Microsoft-Windows-Sysmon.evtx"), "59 files, 10,671 events  …-Sysmon.evtx");
        assert_eq!(beside("1,179 files, 12,345,678 events", "Microsoft-Windows-Sysmon.evtx"), "1,179 files, 12,345,678 events");
        for files in [1, 100, 100_000] {
            let counts = counted(files, "file");
            assert!(beside(&counts, &"x".repeat(500)).chars().count() <= MESSAGE_CHARS);
        }
    }

    #[test]
    fn what_was_stored_before_an_interrupt_reads_well() {
        assert_eq!(stored(59, Some(793)), "59 of 793 files are stored; load again to continue");
        assert_eq!(stored(1, None), "1 file is stored; load again to continue");
    }
}
