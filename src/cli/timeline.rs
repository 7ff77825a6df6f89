//! `retrohunt timeline`: the events behind findings in the order of time.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use anyhow::Context;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::Outcome;
use super::event_facts::{FINDINGS_AT_ONCE, event_facts, findings_of};
use super::findings::{FindingArgs, nothing_found, say_unkept};
use super::printer::Printer;
use super::store::StoreArgs;
use super::values;
use super::words::counted;
use crate::catalog::{Catalog, EventId};
use crate::hunt::event_details;
use crate::report::{Format, ListWriter, TIMELINE, json_line, timeline_row, timesketch};
use crate::store::{EnvelopeReader, FindingFilter, FindingRow, Store, TimeSpan, TimelineEvent};
use crate::taxonomy::Taxonomy;

/// Show the events behind findings in the order of time, one line an event.
///
/// An event that several rules found is one line, with the highest level and the rules' titles.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt timeline --level high
  retrohunt timeline --host ws07 --context 5m
  retrohunt timeline --since 2024-01-31 --until 2024-02-01 --format csv > day.csv
  retrohunt timeline --context 5m --format timesketch > case.jsonl")]
pub(crate) struct Args {
    /// Show all events of the same host from this long before each of them to this long after it
    #[arg(long, value_name = "LENGTH", value_parser = values::length)]
    context: Option<i64>,
    #[command(flatten)]
    filter: FindingArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// How the output is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, hide_default_value = true, help_heading = "Output")]
    format: TimelineFormat,
}

/// How a timeline is written: as any listing, or for Timesketch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimelineFormat {
    Listing(Format),
    Timesketch,
}

impl Default for TimelineFormat {
    fn default() -> Self {
        Self::Listing(Format::default())
    }
}

impl ValueEnum for TimelineFormat {
    fn value_variants<'a>() -> &'a [Self] {
        use Format::{Csv, Json, Jsonl, RawCsv, Table, Vertical};
        const ALL: [TimelineFormat; 7] = [
            TimelineFormat::Listing(Table),
            TimelineFormat::Listing(Vertical),
            TimelineFormat::Listing(Json),
            TimelineFormat::Listing(Jsonl),
            TimelineFormat::Listing(Csv),
            TimelineFormat::Listing(RawCsv),
            TimelineFormat::Timesketch,
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Listing(format) => format.to_possible_value(),
            Self::Timesketch => Some(PossibleValue::new("timesketch").help("JSON lines as the importer of Timesketch reads them")),
        }
    }
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let asked = args.filter.filter()?;
    let store = args.store.open_read_only()?;
    let catalog = store.catalog()?;
    // Of events, not of findings: one finding may have events of many days.
    let (filter, span) = (FindingFilter { since_us: None, until_us: None, ..asked.clone() }, (asked.since_us, asked.until_us));
    let width = printer.width();
    let out = match args.format {
        TimelineFormat::Listing(format) => TimelineOut::Listing(ListWriter::new(printer.data(), format, &TIMELINE, width)?),
        TimelineFormat::Timesketch => TimelineOut::Timesketch { out: printer.data(), waiting: Vec::new() },
    };
    let mut rows = TimelineRows { store: &store, catalog: &catalog, envelopes: store.envelopes()?, out, counts: TimelineCounts::default() };
    match args.context {
        None => store.each_timeline_event(&filter, span, &mut |event| rows.write(event))?,
        Some(around_us) => rows.with_context(&filter, span, around_us)?,
    }
    let counts = rows.finish()?;
    printer.flush()?;
    printer.note(&match counts.events {
        0 if counts.without_time == 0 => nothing_in_time(&store, &asked)?,
        _ => counts.text(args.context.is_some()),
    });
    say_unkept(&store, &asked, printer)?;
    Ok(Outcome::partial_if(counts.without_time > 0))
}

/// Why there is no event: no hunt, no findings, or none that is asked for.
fn nothing_in_time(store: &Store, filter: &FindingFilter) -> anyhow::Result<String> {
    match store.finding_totals(filter)?.findings {
        0 => nothing_found(store),
        findings => {
            Ok(format!("no event matches: the events that are kept of {} are of another time or host", counted(findings, "finding")))
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
struct TimelineCounts {
    events: u64,
    found: u64,
    without_time: u64,
}

impl TimelineCounts {
    fn text(self, has_context: bool) -> String {
        let mut text = counted(self.events, "event");
        if has_context {
            text.push_str(&format!(", {} of them behind findings; the others have no level", self.found));
        }
        if self.without_time > 0 {
            text.push_str(&format!("; {} left out, because Timesketch needs a time", counted(self.without_time, "event")));
        }
        text
    }
}

/// Where rows go.
enum TimelineOut<'w> {
    Listing(ListWriter<'w>),
    /// The findings of many events are read at once.
    Timesketch {
        out: &'w mut dyn Write,
        waiting: Vec<TimelineEvent>,
    },
}

/// Writes events as rows.
struct TimelineRows<'s, 'w> {
    store: &'s Store,
    catalog: &'s Catalog,
    envelopes: EnvelopeReader<'s>,
    out: TimelineOut<'w>,
    counts: TimelineCounts,
}

impl TimelineRows<'_, '_> {
    fn write(&mut self, event: TimelineEvent) -> anyhow::Result<()> {
        self.counts.events += 1;
        self.counts.found += u64::from(!event.findings.is_empty());
        let writer = match &mut self.out {
            TimelineOut::Listing(writer) => writer,
            TimelineOut::Timesketch { waiting, .. } => {
                waiting.push(event);
                return if waiting.len() < FINDINGS_AT_ONCE { Ok(()) } else { self.write_waiting() };
            }
        };
        let envelope = self.envelopes.of(event.event)?;
        let event_type = self.catalog.event_type(envelope.event_type).context("an event has an unknown type")?;
        // What a group of events tells is not what happened in each of them.
        let details = if event.details.is_empty() {
            event_details(self.store, Taxonomy::embedded(), event_type, event.event)?
        } else {
            event.details.clone()
        };
        Ok(writer.row(&timeline_row(&event, &envelope, event_type, &details))?)
    }

    fn write_waiting(&mut self) -> anyhow::Result<()> {
        let TimelineOut::Timesketch { out, waiting } = &mut self.out else { return Ok(()) };
        let findings = findings_of(self.store, None, waiting.iter().flat_map(|event| event.findings.iter().copied()))?;
        for event in std::mem::take(waiting) {
            let own: Vec<&FindingRow> = event.findings.iter().filter_map(|id| findings.get(id)).collect();
            let facts = event_facts(&self.store.event(event.event)?, self.catalog, &own);
            match timesketch(&own, Some(&facts)) {
                Some(row) => json_line(*out, &row.into())?,
                None => {
                    self.counts.without_time += 1;
                    self.counts.events -= 1;
                    self.counts.found -= u64::from(!own.is_empty());
                }
            }
        }
        Ok(())
    }

    /// Writes what waits, and returns what was written.
    fn finish(mut self) -> anyhow::Result<TimelineCounts> {
        self.write_waiting()?;
        if let TimelineOut::Listing(writer) = self.out {
            writer.finish()?;
        }
        Ok(self.counts)
    }

    /// Writes the events around those behind findings, and these among them, in the order of time.
    fn with_context(&mut self, filter: &FindingFilter, span: TimeSpan, around_us: i64) -> anyhow::Result<()> {
        let mut found: HashMap<EventId, TimelineEvent> = HashMap::new();
        let mut without_time = Vec::new();
        let near = self.store.events_around(filter, span, around_us)?;
        let known: HashSet<EventId> = near.iter().copied().collect();
        self.store.each_timeline_event(filter, span, &mut |event| {
            if known.contains(&event.event) {
                found.insert(event.event, event);
            } else {
                without_time.push(event);
            }
            anyhow::Ok(())
        })?;
        for id in near {
            match found.remove(&id) {
                Some(event) => self.write(event)?,
                None => self.write(TimelineEvent::beside(id))?,
            }
        }
        without_time.into_iter().try_for_each(|event| self.write(event))
    }
}
