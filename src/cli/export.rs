//! `retrohunt export`: findings in the forms of other tools, and all events as Parquet files.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;

use super::event_facts::{FINDINGS_AT_ONCE, event_facts, findings_of};
use super::findings::{FindingArgs, say_unkept};
use super::printer::Printer;
use super::store::StoreArgs;
use super::words::counted;
use super::{Outcome, UsageError, interrupt, lake};
use crate::catalog::EventId;
use crate::report::{
    CsvCells, EventFacts, IRIS_FIELDS, Navigator, SHEET_FIELDS, TIMESKETCH_FIELDS, csv_header, csv_row, iris_row, json_line, ocsf,
    sheet_row, timesketch, timesketch_row, to_json, visible,
};
use crate::store::{FindingFilter, FindingRow, Store, StoredEvent};

/// Write findings for other tools (ATT&CK Navigator, Timesketch, OCSF, IRIS), or all events as Parquet files.
///
/// With `--parquet` the events of the store become a lake: a folder of Parquet files that DuckDB, Spark and others read, and that
/// `retrohunt load` reads back. It is written into a folder that is empty or not there yet. Findings are not in it.
///
/// Only current findings are written. What people said of a finding (its triage) goes with it. In CSV, a text that a spreadsheet would
/// run as a formula gets a `'` in front; `--raw` leaves it as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt export navigator layer.json
  retrohunt export timesketch --level high > case.jsonl
  retrohunt export timeline-csv timeline.csv --host dc01
  retrohunt export ocsf --since 2024-03-01 | gzip > findings.jsonl.gz
  retrohunt export --parquet years")]
pub(crate) struct Args {
    /// The form
    #[arg(value_enum, value_name = "FORM", required_unless_present = "parquet")]
    form: Option<ExportForm>,
    /// The file to write [default: standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Leave texts of CSV as they are, also where a spreadsheet would run them as formulas
    #[arg(long, help_heading = "Output")]
    raw: bool,
    /// Write all events as Parquet files into this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["form", "file", "raw", "rule", "level", "tag", "since", "until", "hunt", "new", "host",
        "user", "status"])]
    parquet: Option<PathBuf>,
    #[command(flatten)]
    filter: FindingArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportForm {
    /// A layer of ATT&CK Navigator (4.5): techniques with the number of their findings
    Navigator,
    /// JSON lines for Timesketch, an event behind a finding a line
    Timesketch,
    /// The same as CSV
    TimesketchCsv,
    /// CSV for Timeline Explorer and spreadsheets: an event a line, one line of the file each, UTC with milliseconds
    TimelineCsv,
    /// OCSF Detection Findings (class 2004), a finding a line
    Ocsf,
    /// CSV for the timeline of a case in DFIR-IRIS, a finding a line
    Iris,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    if let Some(folder) = &args.parquet {
        return lake::write_store(&args.store, folder, &interrupt::watch()?, printer);
    }
    let Some(form) = args.form else { return Err(UsageError("a form is needed, or `--parquet DIR`".to_owned()).into()) };
    let filter = args.filter.filter()?;
    let store = args.store.open_read_only()?;
    let written = match &args.file {
        Some(path) => {
            let cannot = || format!("cannot write `{}`", visible(&path.to_string_lossy()));
            let mut out = BufWriter::new(File::create(path).with_context(cannot)?);
            let written = export((form, args), &store, &filter, &mut out)?;
            out.flush().with_context(cannot)?;
            written
        }
        None => export((form, args), &store, &filter, printer.data())?,
    };
    printer.flush()?;
    let has_events = matches!(form, ExportForm::Timesketch | ExportForm::TimesketchCsv | ExportForm::TimelineCsv);
    let mut text = counted(written.findings, "finding");
    if has_events {
        text = format!("{} of {text}", counted(written.rows, "row"));
    }
    if written.without_time > 0 {
        text.push_str(&format!("; {} left out, because this form needs a time", counted(written.without_time, "row")));
    }
    printer.headed_note("Exported:", &text);
    if has_events {
        say_unkept(&store, &filter, printer)?;
    }
    Ok(Outcome::partial_if(written.without_time > 0))
}

/// What was written.
#[derive(Debug, Default)]
struct Exported {
    findings: u64,
    rows: u64,
    without_time: u64,
}

impl Exported {
    /// Counts a row that was written, or one that its form has no place for.
    fn count(&mut self, is_written: bool) {
        if is_written { self.rows += 1 } else { self.without_time += 1 }
    }
}

fn export((form, args): (ExportForm, &Args), store: &Store, filter: &FindingFilter, out: &mut dyn Write) -> anyhow::Result<Exported> {
    let cells = if args.raw { CsvCells::Raw } else { CsvCells::Safe };
    let mut written = Exported::default();
    match form {
        ExportForm::Navigator => {
            let mut layer = Navigator::default();
            store.each_finding(filter, &mut |finding| {
                layer.add(&finding);
                written.findings += 1;
                anyhow::Ok(())
            })?;
            out.write_all(to_json(&layer.layer(&args.store.shown())).as_bytes())?;
        }
        ExportForm::Ocsf => {
            let hunts = store.hunt_times()?;
            store.each_finding(filter, &mut |finding| {
                written.findings += 1;
                let hunted = hunts.get(&finding.hunt_id.0).copied().unwrap_or_default();
                anyhow::Ok(json_line(out, &ocsf(&finding, hunted))?)
            })?;
        }
        ExportForm::Iris => {
            csv_header(out, &IRIS_FIELDS)?;
            store.each_finding(filter, &mut |finding| {
                let row = iris_row(&finding);
                written.findings += u64::from(row.is_some());
                written.count(row.is_some());
                anyhow::Ok(row.map_or(Ok(()), |row| csv_row(out, &row, cells))?)
            })?;
        }
        ExportForm::Timesketch => each_event(store, filter, &mut written, &mut |finding, event| match timesketch(&[finding], event) {
            Some(row) => json_line(out, &row.into()).map(|()| true),
            None => Ok(false),
        })?,
        ExportForm::TimesketchCsv => {
            csv_header(out, &TIMESKETCH_FIELDS)?;
            each_event(store, filter, &mut written, &mut |finding, event| match timesketch(&[finding], event) {
                Some(row) => csv_row(out, &timesketch_row(&row), cells).map(|()| true),
                None => Ok(false),
            })?;
        }
        ExportForm::TimelineCsv => {
            csv_header(out, &SHEET_FIELDS)?;
            each_event(store, filter, &mut written, &mut |finding, event| csv_row(out, &sheet_row(finding, event), cells).map(|()| true))?;
        }
    }
    Ok(written)
}

/// Writes an event behind a finding, or a finding without events; `false`: its form has no place for it.
type WriteEvent<'w> = dyn FnMut(&FindingRow, Option<&EventFacts>) -> io::Result<bool> + 'w;

/// Calls `write` for every event behind the findings in the order of time, and for every finding without events.
fn each_event(store: &Store, filter: &FindingFilter, written: &mut Exported, write: &mut WriteEvent<'_>) -> anyhow::Result<()> {
    let catalog = store.catalog()?;
    let mut rows: Vec<(Option<EventId>, i64)> = Vec::new();
    store.each_finding_in_time(filter, &mut |_, event, finding| rows.push((event, finding)))?;
    written.findings = rows.iter().map(|(_, finding)| finding).collect::<HashSet<_>>().len() as u64;
    let mut read: Option<(EventId, StoredEvent)> = None;
    for batch in rows.chunks(FINDINGS_AT_ONCE) {
        let findings = findings_of(store, filter.host.as_deref(), batch.iter().map(|(_, finding)| *finding))?;
        for (event, finding) in batch {
            let Some(finding) = findings.get(finding) else { continue };
            let Some(id) = *event else {
                written.count(write(finding, None)?);
                continue;
            };
            // Rules that find the same event stand next to each other.
            if read.as_ref().is_none_or(|(known, _)| *known != id) {
                read = Some((id, store.event(id)?));
            }
            let Some((_, event)) = &read else { continue };
            let facts = event_facts(event, &catalog, &[finding]);
            written.count(write(finding, Some(&facts))?);
        }
    }
    Ok(())
}
