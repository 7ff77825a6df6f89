//! `retrohunt load`: archives into the store.

mod progress;
mod summary;
mod warnings;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};

use progress::{ShownProgress, show, total};

use super::Outcome;
use super::format::FormatArgs;
use super::interrupt;
use super::lake;
use super::printer::Printer;
use super::progress::{BarUnit, LazyBar};
use super::store::StoreArgs;
use super::words::{counted, thousands};
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::lake::Lake;
use crate::load::{Jobs, LoadMemory, LoadOptions, explain, load};
use crate::normalise::Zone;
use crate::reader::{ReadOptions, format_names};
use crate::report::{EXPLAINED, Format, ListWriter, explained_row, visible};
use crate::store::{Store, StoreOrigin};

/// Read logs into the store: files, folders and archives, also nested.
///
/// The format is found from the content: EVTX, exported XML, CSV, Splunk's text, and JSON as lines, arrays or documents in the shapes
/// that collectors write; gz, bz2, xz, zst, zip and tar are read in place. Bytes that are in the store already change nothing, so a
/// load that was interrupted is completed by loading again. A folder that `export --parquet` wrote (a lake) is read back whole, or not at
/// all; lakes are read before other paths.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt load /evidence
  retrohunt load Security.evtx export.zip --store case.db
  retrohunt load --explain /evidence
  retrohunt load --timezone America/New_York splunk_export.log
  retrohunt load /evidence --parquet lake
  retrohunt load lake --store case.db
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
    /// Threads that work (default: one a core); the store is the same however many they are
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Memory for caches: less than the default makes a load of many different values slower
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size)]
    memory: u64,
    /// Write everything as Parquet files into this folder, which must be empty, and keep no store. While it works, a temporary store lies
    /// beside the folder. Nothing is hunted: load the folder for that
    #[arg(long, value_name = "DIR", conflicts_with = "explain")]
    parquet: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    // Before the store is opened: a path that is misspelt must not leave an empty store behind.
    for path in args.paths.iter().filter(|path| !is_stdin(path)) {
        if !path.exists() {
            bail!("there is no file or folder `{}`", visible(&path.to_string_lossy()));
        }
    }
    let inputs = Inputs::of(&args.paths)?;
    // Before the work: from here on Ctrl-C ends it where everything is complete.
    let cancel = interrupt::watch()?;
    if args.explain {
        return run_explain(&inputs, &options(args, &cancel), args.output.format, printer);
    }
    if let Some(folder) = &args.parquet {
        return lake::write_loaded((&args.paths, folder), &cancel, printer, &mut |store_args, printer| {
            fill(args, &inputs, store_args.open_or_create()?, (&store_args.shown(), &cancel), printer)
        });
    }
    fill(args, &inputs, args.store.open_or_create()?, (&args.store.shown(), &cancel), printer)
}

/// What is loaded.
struct Inputs {
    lakes: Vec<Lake>,
    /// All else.
    logs: Vec<PathBuf>,
}

impl Inputs {
    /// Opens the lakes among paths: one that is not whole is told before anything is written.
    fn of(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut inputs = Self { lakes: Vec::new(), logs: Vec::new() };
        for path in paths {
            if !is_stdin(path) && Lake::is_at(path)? {
                inputs.lakes.push(Lake::open(path)?);
            } else {
                inputs.logs.push(path.clone());
            }
        }
        Ok(inputs)
    }
}

/// Loads everything into a store.
fn fill(
    args: &Args,
    inputs: &Inputs,
    mut store: Store,
    (shown_store, cancel): (&str, &Cancel),
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    if let StoreOrigin::Lake(_) = store.origin()? {
        bail!(
            "the store `{}` has what an engine chose from a lake, and not all of its sources: load into another one",
            visible(shown_store)
        );
    }
    let cannot_write = || format!("cannot write the store `{shown_store}`");
    let mut outcome = Outcome::Complete;
    for lake in &inputs.lakes {
        if outcome != Outcome::Interrupted {
            outcome = lake::load(lake, &mut store, (args.memory, cancel), printer)?;
        }
    }
    if outcome != Outcome::Interrupted && !inputs.logs.is_empty() {
        outcome = fill_with_logs(args, &inputs.logs, &mut store, (shown_store, cancel), printer)?;
    }
    // Closed and not only dropped: a store that was moved meanwhile is told as an error.
    store.close().with_context(cannot_write)?;
    Ok(outcome)
}

fn fill_with_logs(
    args: &Args,
    paths: &[PathBuf],
    store: &mut Store,
    (shown_store, cancel): (&str, &Cancel),
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let progress = LazyBar::new(printer, BarUnit::Bytes);
    let total = total(paths);
    if let Some(total) = &total {
        progress.total(total.bytes);
    }
    let mut shown = ShownProgress::new(cancel.clone());
    let result = load(store, paths, &options(args, cancel), &mut |step| show(&progress, &mut shown, step));
    progress.finish();
    let summary = result.with_context(|| format!("cannot write the store `{shown_store}`"))?;
    // Damage first and the summary last: the last line is the one that is read.
    warnings::of_nothing(paths, &summary, printer);
    warnings::of_damage(&summary, printer);
    warnings::of_clocks(&summary, printer);
    summary::report(&summary, store, started, printer)?;
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
        jobs: args.jobs.map_or_else(Jobs::default, Jobs::new),
        memory: LoadMemory(args.memory),
    }
}

fn run_explain(inputs: &Inputs, options: &LoadOptions, format: Format, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), format, &EXPLAINED, width)?;
    let (mut failed, mut written) = (false, Ok(()));
    for lake in &inputs.lakes {
        writer.row(&explained_row(&lake.folder().to_string_lossy(), "lake", &lake::reason(lake)))?;
    }
    explain(&inputs.logs, options, &mut |leaf| {
        failed |= leaf.failed;
        written = writer.row(&explained_row(&leaf.path, leaf.recognised.format, &leaf.recognised.reason));
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    writer.finish()?;
    Ok(Outcome::partial_if(failed))
}

/// Least memory that is of use.
const MIN_MEMORY: u64 = 1024 * 1024;

/// Reads `256M`, `1G`, `500000`.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size: write 256M or 1G");
    let (digits, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return Err(wrong()),
    };
    let size = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift)).ok_or_else(wrong)?;
    if size < MIN_MEMORY { Err("less than 1M is not enough".to_owned()) } else { Ok(size) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("256M", Some(256 << 20)), ("1g", Some(1 << 30)), ("2048KB", Some(2 << 20)), ("5000000", Some(5_000_000))] {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
        for text in ["", "M", "1T", "1.5G", "-1", "10", "99999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_stored_before_an_interrupt_reads_well() {
        assert_eq!(stored(59, Some(793)), "59 of 793 files are stored; load again to continue");
        assert_eq!(stored(1, None), "1 file is stored; load again to continue");
    }
}
