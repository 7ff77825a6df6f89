//! `retrohunt metrics`: what is in the store.

use clap::ValueEnum;
use serde_json::Value;

use super::format::FormatArgs;
use super::printer::Printer;
use super::sections::{ListedSection, must_be_one, write_sections};
use super::store::StoreArgs;
use super::words::{counted, counted_len, thousands};
use super::{Outcome, values};
use crate::overview::{ClearedLog, OverviewFilter, StoreMetrics, cleared_logs, metrics};
use crate::report::{
    Format, ListingShape, METRICS_CHANNELS, METRICS_CLEARED, METRICS_CODES, METRICS_GAPS, METRICS_HOSTS, METRICS_SUMMARY,
    metrics_channel_row, metrics_cleared_row, metrics_code_row, metrics_gap_row, metrics_host_row, metrics_summary_row,
};

/// Show what is in the store: hosts, channels, event ids, gaps in time, cleared logs.
///
/// A gap is a run of whole days (UTC) without an event of a host, between two events of it. All sections are shown, each with its first
/// rows; JSON has all rows.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt metrics
  retrohunt metrics --section hosts,gaps
  retrohunt metrics --section event-ids --limit 200
  retrohunt metrics --host dc01 --since 2024-05-01
  retrohunt metrics --section cleared-logs --format csv > cleared.csv")]
pub(crate) struct Args {
    /// Show only these sections; several with commas
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    section: Vec<Section>,
    /// At most so many rows of each section, 0: all [default: 15 on a screen, else all]
    #[arg(long, value_name = "NUMBER", value_parser = values::limit)]
    limit: Option<usize>,
    /// Only events of this host: `ws07` is also `ws07.corp.example`
    #[arg(long, value_name = "HOST", help_heading = "Filters")]
    host: Option<String>,
    /// Only events at or after this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    since: Option<i64>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = "Filters")]
    until: Option<i64>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Events, hosts, channels, range of time
    Summary,
    /// Events of each host
    Hosts,
    /// Events of each channel or data set
    Channels,
    /// Events of each kind, and what it says
    EventIds,
    /// Days without events, host by host
    Gaps,
    /// Event logs that somebody cleared
    ClearedLogs,
}

/// Rows of a section that a screen shows.
// All sections together are two screens of fifty lines at most.
const SCREEN_ROWS: usize = 15;

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let sections: &[Section] = if args.section.is_empty() { Section::value_variants() } else { &args.section };
    let format = args.output.format;
    must_be_one::<Section>(sections, format)?;
    let (since_us, until_us) = values::span(args.since, args.until)?;
    let store = args.store.open_read_only()?;
    let mut filter = OverviewFilter::new();
    filter.host.clone_from(&args.host);
    (filter.since_us, filter.until_us) = (since_us, until_us);
    let (all, cleared) = (metrics(&store, &filter)?, cleared_logs(&store, &filter)?);
    let is_screen = matches!(format, Format::Table | Format::Vertical);
    let limit = args.limit.unwrap_or(if is_screen { SCREEN_ROWS } else { usize::MAX });
    let listed = sections.iter().map(|section| {
        let (shape, mut rows) = section.rows(&all, &cleared);
        let shown = rows.len().min(limit);
        let heading = section.heading(&rows, shown);
        rows.truncate(shown);
        ListedSection { name: section.name(), heading, shape, rows }
    });
    write_sections(&listed.collect::<Vec<_>>(), format, printer)?;
    printer.note(&match all.all.events {
        0 => "no events: load some with `retrohunt load PATH…`, or widen the filters".to_owned(),
        events => counted(events, "event"),
    });
    Ok(Outcome::Complete)
}

impl Section {
    fn name(&self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn rows(self, of: &StoreMetrics, cleared: &[ClearedLog]) -> (&'static ListingShape, Vec<Vec<Value>>) {
        match self {
            Self::Summary => (&METRICS_SUMMARY, vec![metrics_summary_row(of)]),
            Self::Hosts => (&METRICS_HOSTS, of.hosts.iter().map(|row| metrics_host_row(row, &of.all)).collect()),
            Self::Channels => (&METRICS_CHANNELS, of.channels.iter().map(|row| metrics_channel_row(row, &of.all)).collect()),
            Self::EventIds => (&METRICS_CODES, of.codes.iter().map(|row| metrics_code_row(row, &of.all)).collect()),
            Self::Gaps => (&METRICS_GAPS, of.gaps.iter().map(metrics_gap_row).collect()),
            Self::ClearedLogs => (&METRICS_CLEARED, cleared.iter().map(metrics_cleared_row).collect()),
        }
    }

    /// What stands above the rows: how many there are, and how to see the others.
    fn heading(self, all: &[Vec<Value>], shown: usize) -> String {
        let rows = all.len();
        let counted = match self {
            Self::Summary => return "Store".to_owned(),
            // A row of them may be that of events without a host.
            Self::Hosts => match all.iter().filter(|row| row.first().is_none_or(Value::is_null)).count() {
                0 => counted_len(rows, "host"),
                none => counted_len(rows - none, "host") + " and events without one",
            },
            Self::Channels => counted_len(rows, "channel"),
            Self::EventIds => counted_len(rows, "kind") + if rows == 1 { " of event" } else { " of events" },
            Self::Gaps if rows == 0 => return "No gaps: no host has a whole day without events between two events".to_owned(),
            Self::Gaps => counted_len(rows, "gap") + ": whole days without an event of the host",
            Self::ClearedLogs if rows == 0 => return "No cleared logs (Security 1102, System 104)".to_owned(),
            Self::ClearedLogs => counted_len(rows, "cleared log"),
        };
        if shown < rows {
            let name = self.name();
            return format!("{counted}, the first {} (all: --section {name} --limit {rows})", thousands(shown as u64));
        }
        counted
    }
}
