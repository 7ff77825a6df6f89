//! `retrohunt timeline`: the events behind findings in the order of time.

use std::collections::{HashMap, HashSet};

use anyhow::Context;

use super::Outcome;
use super::findings::FindingArgs;
use super::format::FormatArgs;
use super::printer::Printer;
use super::store::StoreArgs;
use super::values;
use super::words::counted;
use crate::catalog::{Catalog, EventId};
use crate::hunt::event_details;
use crate::report::{ListWriter, TIMELINE, timeline_row};
use crate::store::{EnvelopeReader, FindingFilter, Store, TimeSpan, TimelineEvent};
use crate::taxonomy::Taxonomy;

/// Show the events behind findings in the order of time, one line an event.
///
/// An event that several rules found is one line, with the highest level and the rules' titles.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt timeline --level high
  retrohunt timeline --host ws07 --context 5m
  retrohunt timeline --since 2024-01-31 --until 2024-02-01 --format csv > day.csv")]
pub(crate) struct Args {
    /// Show all events of the same host from this long before each of them to this long after it
    #[arg(long, value_name = "LENGTH", value_parser = values::length)]
    context: Option<i64>,
    #[command(flatten)]
    filter: FindingArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: FormatArgs,
}

pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let store = args.store.open_read_only()?;
    let catalog = store.catalog()?;
    let mut filter = args.filter.filter();
    // Of events, not of findings: one finding may have events of many days.
    let span = (filter.since_us.take(), filter.until_us.take());
    let width = printer.width();
    let mut writer = ListWriter::new(printer.data(), args.output.format, &TIMELINE, width)?;
    let mut rows = TimelineRows { store: &store, catalog: &catalog, envelopes: store.envelopes()?, count: 0, found: 0 };
    match args.context {
        None => store.each_timeline_event(&filter, span, &mut |event| rows.write(&event, &mut writer))?,
        Some(around_us) => rows.with_context(&filter, span, around_us, &mut writer)?,
    }
    writer.finish()?;
    let (count, found) = (rows.count, rows.found);
    drop(rows);
    printer.flush()?;
    match (count, args.context) {
        (0, _) => printer.note("no findings with events: run `retrohunt hunt`, or ask for less"),
        (_, None) => printer.note(&counted(count, "event")),
        (_, Some(_)) => printer.note(&format!("{}, {found} of them behind findings; the others have no level", counted(count, "event"))),
    }
    Ok(Outcome::Complete)
}

/// Writes events as rows.
struct TimelineRows<'s> {
    store: &'s Store,
    catalog: &'s Catalog,
    envelopes: EnvelopeReader<'s>,
    count: u64,
    found: u64,
}

impl TimelineRows<'_> {
    fn write(&mut self, event: &TimelineEvent, writer: &mut ListWriter<'_>) -> anyhow::Result<()> {
        let envelope = self.envelopes.of(event.event)?;
        let event_type = self.catalog.event_type(envelope.event_type).context("an event has an unknown type")?;
        // What a group of events tells is not what happened in each of them.
        let details = if event.details.is_empty() {
            event_details(self.store, Taxonomy::embedded(), event_type, event.event)?
        } else {
            event.details.clone()
        };
        self.count += 1;
        self.found += u64::from(!event.findings.is_empty());
        Ok(writer.row(&timeline_row(event, &envelope, event_type, &details))?)
    }

    /// Writes the events around those behind findings, and these among them, in the order of time.
    fn with_context(&mut self, filter: &FindingFilter, span: TimeSpan, around_us: i64, writer: &mut ListWriter<'_>) -> anyhow::Result<()> {
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
                Some(event) => self.write(&event, writer)?,
                None => self.write(&TimelineEvent::beside(id), writer)?,
            }
        }
        without_time.iter().try_for_each(|event| self.write(event, writer))
    }
}
