//! `retrohunt export`: findings in the forms of other tools.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;

use super::Outcome;
use super::findings::FindingArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::words::counted;
use crate::catalog::{Catalog, EventId, EventType};
use crate::hunt::details_of_event;
use crate::report::{
    CsvCells, EventFacts, IRIS_FIELDS, Navigator, SHEET_FIELDS, TIMESKETCH_FIELDS, csv_header, csv_row, iris_row, json_line, ocsf,
    sheet_row, timesketch, timesketch_row, to_json, visible,
};
use crate::store::{FindingFilter, FindingRow, RuleText, Store, StoredEvent, StoredValue};
use crate::taxonomy::Taxonomy;

/// Write findings for other tools: ATT&CK Navigator, Timesketch, OCSF, IRIS.
///
/// Only current findings are written. What people said of a finding (its triage) goes with it. In CSV, a text that a spreadsheet would
/// run as a formula gets a `'` in front; `--raw` leaves it as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt export navigator layer.json
  retrohunt export timesketch --level high > case.jsonl
  retrohunt export timeline-csv timeline.csv --host dc01
  retrohunt export ocsf --since 2024-03-01 | gzip > findings.jsonl.gz")]
pub(crate) struct Args {
    /// The form
    #[arg(value_enum, value_name = "FORM")]
    form: ExportForm,
    /// The file to write [default: standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Leave texts of CSV as they are, also where a spreadsheet would run them as formulas
    #[arg(long, help_heading = "Output")]
    raw: bool,
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
    let store = args.store.open_read_only()?;
    let filter = args.filter.filter();
    let written = match &args.file {
        Some(path) => {
            let cannot = || format!("cannot write `{}`", visible(&path.to_string_lossy()));
            let mut out = BufWriter::new(File::create(path).with_context(cannot)?);
            let written = export(args, &store, &filter, &mut out)?;
            out.flush().with_context(cannot)?;
            written
        }
        None => export(args, &store, &filter, printer.data())?,
    };
    printer.flush()?;
    let mut text = match args.form {
        ExportForm::Timesketch | ExportForm::TimesketchCsv | ExportForm::TimelineCsv => {
            format!("{} of {}", counted(written.rows, "row"), counted(written.findings, "finding"))
        }
        ExportForm::Navigator | ExportForm::Ocsf | ExportForm::Iris => counted(written.findings, "finding"),
    };
    if written.without_time > 0 {
        text.push_str(&format!("; {} left out, because this form needs a time", counted(written.without_time, "row")));
    }
    printer.headed_note("Exported:", &text);
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

fn export(args: &Args, store: &Store, filter: &FindingFilter, out: &mut dyn Write) -> anyhow::Result<Exported> {
    let cells = if args.raw { CsvCells::Raw } else { CsvCells::Safe };
    let mut written = Exported::default();
    match args.form {
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
        ExportForm::Timesketch => each_event(store, filter, &mut written, &mut |finding, event| match timesketch(finding, event) {
            Some(row) => json_line(out, &row.into()).map(|()| true),
            None => Ok(false),
        })?,
        ExportForm::TimesketchCsv => {
            csv_header(out, &TIMESKETCH_FIELDS)?;
            each_event(store, filter, &mut written, &mut |finding, event| match timesketch(finding, event) {
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
    let mut findings: BTreeMap<i64, FindingRow> = BTreeMap::new();
    store.each_finding(filter, &mut |finding| {
        findings.insert(finding.finding_id, without_texts(finding));
        anyhow::Ok(())
    })?;
    written.findings = findings.len() as u64;
    let mut rows: Vec<(Option<i64>, EventId, i64)> =
        store.evidence(filter)?.iter().map(|row| (row.time_us, row.event, row.finding_id)).collect();
    let with_events: BTreeSet<i64> = rows.iter().map(|(.., finding)| *finding).collect();
    rows.extend(findings.values().filter(|of| !with_events.contains(&of.finding_id)).map(|of| (of.first_time_us, NO_EVENT, of.finding_id)));
    // An event that several files hold is a line of evidence for each of them, and here one.
    rows.sort_unstable();
    rows.dedup();
    let mut read: Option<(EventId, StoredEvent)> = None;
    for (_, id, finding) in rows {
        let Some(finding) = findings.get(&finding) else { continue };
        if id == NO_EVENT {
            written.count(write(finding, None)?);
            continue;
        }
        // Rules that find the same event stand next to each other.
        if read.as_ref().is_none_or(|(known, _)| *known != id) {
            read = Some((id, store.event(id)?));
        }
        let Some((_, event)) = &read else { continue };
        let facts = facts(finding, event, &catalog);
        written.count(write(finding, Some(&facts))?);
    }
    Ok(())
}

/// A finding without what no row of an event has: all of them are in memory, because rows of several findings are in the order of time.
fn without_texts(mut finding: FindingRow) -> FindingRow {
    finding.rule = RuleText { fields: std::mem::take(&mut finding.rule.fields), ..RuleText::default() };
    finding.risk_objects = Vec::new();
    finding.stories = Vec::new();
    finding.message = String::new();
    finding.identity = String::new();
    finding
}

/// Stands for no event: ids begin with 1.
const NO_EVENT: EventId = EventId(0);

fn facts(finding: &FindingRow, event: &StoredEvent, catalog: &Catalog) -> EventFacts {
    let envelope = &event.envelope;
    let Some(event_type) = catalog.event_type(envelope.event_type) else { return EventFacts::default() };
    // A finding of one event has its details already, with the names of the rule's fields.
    let is_one = finding.count == 1 && finding.group.is_empty() && finding.columns.is_empty() && !finding.details.is_empty();
    let details =
        if is_one { finding.details.clone() } else { details_of_event(event_type, event, Taxonomy::embedded(), &finding.rule.fields) };
    EventFacts {
        id: envelope.id.0,
        time_us: envelope.time_us,
        host: envelope.host.as_deref().unwrap_or_default().to_owned(),
        product: event_type.product.clone(),
        channel: event_type.dataset.clone(),
        code: event_type.code.clone(),
        provider: provider(event_type, event),
        record: envelope.record.unwrap_or(envelope.position),
        path: envelope.path.to_string(),
        details,
    }
}

/// The fields in which logs of Windows name the provider.
const PROVIDER_FIELDS: [&str; 3] = ["Provider_Name", "SourceName", "Provider"];

fn provider(event_type: &EventType, event: &StoredEvent) -> String {
    let column = PROVIDER_FIELDS.iter().find_map(|field| event_type.column_any_case(field));
    match column.and_then(|column| event.columns.get(column.0 as usize)) {
        Some(Some(StoredValue::Text(text))) => text.clone(),
        Some(Some(StoredValue::List(members))) => members.first().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}
