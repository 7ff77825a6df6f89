//! `retrohunt store purge`: removes what is older than a time.

use anyhow::Context;

use crate::cli::Outcome;
use crate::cli::printer::Printer;
use crate::cli::store::StoreArgs;
use crate::cli::values;
use crate::cli::words::{counted, thousands};
use crate::event::format_time;

/// Remove the events before a time.
///
/// Events without a time stay. Findings stay too, with their events as text, and no later hunt takes them back because their events are
/// gone. The files stay known: loading them again brings nothing back. `retrohunt store compact` then makes the file smaller.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  retrohunt store purge --before 2023-01-01
  retrohunt store purge --before 2023-01-01T12:00:00 --store case.db")]
pub(super) struct PurgeArgs {
    /// Events before this time go
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    before: i64,
}

pub(super) fn run(args: &PurgeArgs, store_args: &StoreArgs, printer: &mut Printer) -> anyhow::Result<Outcome> {
    let mut store = store_args.open_existing()?;
    let outcome = store.purge(args.before).with_context(|| format!("cannot purge the store `{}`", store_args.shown()))?;
    store.settle()?;
    store.close().with_context(|| format!("cannot write the store `{}`", store_args.shown()))?;
    let mut text = format!("{} before {} removed", counted(outcome.events, "event"), format_time(args.before));
    if outcome.kept > 0 {
        text.push_str(&format!("; {} of them behind findings, which keep them as text", thousands(outcome.kept)));
    }
    if outcome.without_time > 0 {
        text.push_str(&format!("; {} without a time stay", counted(outcome.without_time, "event")));
    }
    printer.headed_note("Purged:", &text);
    if outcome.events > 0 {
        printer.note("`retrohunt store compact` makes the file smaller");
    }
    Ok(Outcome::Complete)
}
