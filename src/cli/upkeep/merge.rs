//! `retrohunt store merge`: another store into this one.

use std::path::PathBuf;

use anyhow::Context;

use crate::cli::Outcome;
use crate::cli::printer::Printer;
use crate::cli::progress::{BarUnit, LazyBar};
use crate::cli::store::StoreArgs;
use crate::cli::words::counted;
use crate::load::make_views;

/// Bring another store into this one: its sources with their events, its findings with what was said of them.
///
/// No event is there twice. Of findings that both stores have, the evidence is united and the later triage counts. The other store is
/// verified and only read. A merge that was interrupted is completed by merging again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt store merge colleague.db
  retrohunt store merge colleague.db --store case.db")]
pub(super) struct MergeArgs {
    /// The other store
    #[arg(value_name = "OTHER")]
    other: PathBuf,
}

pub(super) fn run(args: &MergeArgs, store_args: &StoreArgs, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let other_args = StoreArgs { store: args.other.clone() };
    let other = other_args.open_read_only()?;
    let mut store = store_args.open_existing()?;
    let bar = LazyBar::new(printer, BarUnit::Events);
    bar.total(other.info()?.events);
    let merged = store.merge(&other, &mut |events| bar.at(events));
    bar.finish();
    let outcome = merged.with_context(|| format!("cannot merge `{}` into `{}`", other_args.shown(), store_args.shown()))?;
    make_views(&mut store)?;
    store.settle()?;
    store.close().with_context(|| format!("cannot write the store `{}`", store_args.shown()))?;
    let (sources, known) = (counted(outcome.sources, "source"), counted(outcome.known_sources, "source"));
    let (events, findings, both) =
        (counted(outcome.events, "event"), counted(outcome.findings, "finding"), counted(outcome.known_findings, "finding"));
    printer.headed_note("Merged:", &format!("{events} of {sources}, {known} were here already; {findings} new, {both} in both"));
    printer.note("`retrohunt hunt` finds what neither store could find alone");
    Ok(Outcome::Complete)
}
